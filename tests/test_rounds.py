"""Training in rounds: the same bits with any number of threads, and what it computes."""

import itertools
import math
import threading
from functools import partial

import numba
import numpy as np
import pytest
import reference
from reference import MIXES

from fasttext_lite.compiled import meeting
from fasttext_lite.compiled.compiling import EXACT, compiler
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.training import loop, weights
from fasttext_lite.training.history import History
from fasttext_lite.training.kernels import inputs, rounds
from fasttext_lite.training.kernels.parts import PARTS
from fasttext_lite.training.rounds import part_bounds
from fasttext_lite.training.run import Run

pytestmark = pytest.mark.kernels

_kernel = compiler(EXACT)
NO_JIT = bool(numba.config.DISABLE_JIT)
N_LABELS, N_DOCS, DIM = 5, 75, 6
PLAIN = {
    "plain linear": {"loss": "ova", "head": "linear"},
    "plain tree": {"loss": "hs"},
    "plain drawn": {"loss": "ns"},
    "plain float16": {"loss": "softmax", "dtype": "float16"},
}
OTHERS = {
    "batch": {"loss": "softmax", "norm": "batch", "optimizer": "momentum"},
    "dropout": {"loss": "ova", "hidden_dropout": 0.5, "clip": 0.3, "norm": "layer"},
}
SETTINGS = PLAIN | MIXES | OTHERS
DROPOUT = "feature dropout"


def config_of(**settings):
    rest = {"dim": DIM, "lr": 0.1, "label_smoothing": 0.1, "loss": "ova", "epochs": 2}
    return Config(**rest | {"deterministic": True} | settings)


def labels_of(rng, n_docs=N_DOCS):
    ids = rng.integers(0, N_LABELS, n_docs).astype(np.int32)
    return Labels(ids, np.arange(n_docs + 1), [str(i) for i in range(N_LABELS)])


def features_of(rows):
    """Return the features of documents, given as dicts of rows with their weights."""
    pairs = [pair for row in rows for pair in row.items()]
    sizes = np.append(0, np.cumsum([len(row) for row in rows])).astype(np.int64)
    ids = np.array([row for row, _ in pairs], np.int32)
    return FeatureMatrix(ids, np.array([weight for _, weight in pairs], np.float32), sizes)


def apart(rng, n_docs=N_DOCS):
    """Return documents that share no row but one, the last of most of them."""
    common, numbers = 4 * n_docs, iter(range(4 * n_docs))
    rows = [{next(numbers): rng.normal() for _ in range(rng.integers(1, 4))} for _ in range(n_docs)]
    for i, row in enumerate(rows):
        if i % 9:
            row[common] = 0.75
    rows[9] = {}
    rows[10] = {common: 0.5, **rows[10]}  # where nobody expects it
    return features_of(rows)


def shared(rng, n_docs=N_DOCS, n_rows=30):
    """Return documents that share rows."""
    rows = [
        {int(row): rng.normal() for row in np.sort(rng.choice(n_rows, 6, replace=False))}
        for _ in range(n_docs)
    ]
    for row in rows:
        row[n_rows] = 1.0
    rows[4] = {}
    return features_of(rows)


def run_of(config, features, labels, n_threads=1, doc_weights=None):
    tree = huffman_tree(np.arange(N_LABELS, 0, -1)) if config.loss == "hs" else None
    n_output = weights.n_output_rows(config, N_LABELS)
    start = weights.init_weights(config, int(features.ids.max()) + 1, n_output, 3)
    rng = np.random.default_rng(8)  # rows that begin with zeros would learn nothing of a layer
    start.embeddings[:] = rng.normal(size=start.embeddings.shape)
    return Run(
        start, features, labels, config, tree=tree, doc_weights=doc_weights, seed=5,
        n_threads=n_threads, diverged=math.inf,
    )  # fmt: skip


def trained(config, features, labels, n_threads=1, doc_weights=None):
    """Return the weights after a training, and its losses."""
    run = run_of(config, features, labels, n_threads, doc_weights)
    history = History(lr=config.lr)
    assert run.epochs(history)
    return run.finished(), history.loss


# Compiling takes seconds for each; uncompiled, all are tried.
COMPILED = ("plain linear", "plain tree")


@pytest.mark.parametrize("name", SETTINGS if NO_JIT else COMPILED)
def test_documents_that_share_no_row_are_visited_one_after_another(name):
    """As in training without rounds: only of shared rows is anything seen late."""
    rng = np.random.default_rng(1)
    features, labels = apart(rng), labels_of(rng)
    config = config_of(**SETTINGS[name])
    found, losses = trained(config, features, labels)
    plain = run_of(config.replace(deterministic=False), features, labels)
    plain._edges = lambda n: np.array([0, 32, 64, n])  # for the same random numbers
    history = History(lr=config.lr)
    assert plain.epochs(history)
    expected, expected_losses = plain.finished(), history.loss
    # Batches without a text that has no features are others.
    tolerance = {"plain float16": 2e-2, "batch": 0.3}.get(name, 2e-4)
    for table in weights.TABLES:
        a, b = getattr(found, table).astype(float), getattr(expected, table).astype(float)
        np.testing.assert_allclose(a, b, tolerance, tolerance, err_msg=table)
    np.testing.assert_allclose(losses, expected_losses, min(tolerance, 1e-2))


def test_rows_are_seen_up_to_two_rounds_late():
    """The documents of a round are pooled while the last one is visited, rows move after that."""
    rng = np.random.default_rng(2)
    features, labels = shared(rng, 150), labels_of(rng, 150)
    config = config_of(head="linear", loss="ova", epochs=1, shuffle=False, schedule="constant")
    run = run_of(config, features, labels)
    table = run.weights.embeddings.astype(np.float64)
    common, size = 30, rounds.ROUND
    waiting = []  # moves of the last round
    edges = run._edges(run.order.size)
    for first, last in itertools.pairwise(edges):
        order = run.order[first:last]
        turns = [order[i : i + size] for i in range(0, order.size, size)]
        pooled = [_pooled(table, features, turns[0], common)]
        for turn, docs in enumerate(turns):
            if turn + 1 < len(turns):
                pooled.append(_pooled(table, features, docs=turns[turn + 1], common=common))
            for doc, vector in zip(docs, pooled[turn], strict=True):
                part = slice(features.indptr[doc], features.indptr[doc + 1])
                ids, amounts = features.ids[part], features.weights[part].astype(float)
                hidden = vector + amounts[ids == common] @ table[ids[ids == common]]
                targets = np.zeros(DIM)
                targets[:N_LABELS] = 0.1 / N_LABELS
                targets[labels.ids[doc]] += 0.9
                gradient = np.zeros(DIM)
                gradient[:N_LABELS] = (reference.sigmoid(hidden) - targets)[:N_LABELS]
                for row, amount in zip(ids, amounts, strict=True):
                    if row == common:
                        table[row] -= 0.1 * amount * gradient
                    else:
                        waiting.append((row, 0.1 * amount * gradient))
            for row, move in waiting:
                table[row] -= move
            waiting.clear()
    history = History(lr=0.1)
    run.epochs(history)
    np.testing.assert_allclose(run.weights.embeddings, table, 1e-4, 1e-5)


def _pooled(table, features, docs, common):
    found = []
    for doc in docs:
        part = slice(features.indptr[doc], features.indptr[doc + 1])
        ids, amounts = features.ids[part], features.weights[part].astype(float)
        found.append(amounts[ids != common] @ table[ids[ids != common]])
    return found


@pytest.mark.bounds
@pytest.mark.parametrize("name", [*SETTINGS, DROPOUT] if NO_JIT else [*COMPILED, DROPOUT])
def test_the_same_bits_with_any_number_of_threads(name):
    settings = SETTINGS.get(
        name, {"feature_dropout": 0.4, "optimizer": "adagrad", "clip": 0.5, "averaging": 0.5}
    )
    config, rng = config_of(**settings), np.random.default_rng(3)
    # Uncompiled threads hand over to each other every five milliseconds.
    n_docs, threads = (130, (1, 2)) if NO_JIT else (400, (1, 2, 3, 5, 1))
    features, labels = shared(rng, n_docs), labels_of(rng, n_docs)
    doc_weights = rng.uniform(0, 3, n_docs)
    results = [trained(config, features, labels, n, doc_weights) for n in threads]
    first, losses = results[0]
    for other, other_losses in results[1:]:
        assert losses == other_losses
        for table in weights.TABLES:
            assert getattr(first, table).tobytes() == getattr(other, table).tobytes(), table


@pytest.mark.parametrize("share", [0, 0.2, 0.5, 0.99])
@pytest.mark.parametrize("n", range(1, PARTS + 1))
def test_each_part_has_a_thread(n, share):
    bounds = part_bounds(n, share)
    assert bounds[0] == 0 and bounds[-1] == PARTS and bounds.size == n + 1
    assert (np.diff(bounds)[1:] > 0).all() and bounds[1] <= -(-PARTS // n)


def test_rows_are_spread_over_all_parts_by_cache_line():
    parts = np.array([rounds.part_of(np.int32(row)) for row in range(4096)])
    assert set(parts) == set(range(PARTS))
    assert (parts.reshape(-1, 4) == parts[::4, None]).all()
    assert np.bincount(parts).max() < 1.3 * 4096 / PARTS


def test_a_thread_takes_the_features_that_are_its_own():
    ids = np.arange(100, 140).astype(np.int32)
    amounts = np.arange(40).astype(np.float32)
    own_ids, own_weights = np.empty(41, np.int32), np.empty(41, np.float32)
    is_own = np.empty(41, np.uint8)
    taken = []
    for first, last in ((0, 3), (3, 4), (4, PARTS)):
        n = rounds.own_features(
            ids[1:39], amounts[1:39], first, last, 110, own_ids, own_weights, is_own
        )  # fmt: skip
        for row, amount in zip(own_ids[:n], own_weights[:n], strict=True):
            assert first <= rounds.part_of(row) < last and amount == row - 100
        taken += own_ids[:n].tolist()
    assert sorted(taken) == [row for row in range(101, 139) if row != 110]


def test_an_error_in_one_thread_ends_the_others(monkeypatch):
    rng = np.random.default_rng(4)
    features, labels = shared(rng, 400), labels_of(rng, 400)
    run = run_of(config_of(head="linear"), features, labels, 3)
    kernel, calls = run.rounds.kernel, itertools.count()
    n_threads = threading.active_count()

    def broken(*arguments):
        if next(calls) == 1:
            meeting_array = arguments[-4]
            meeting_array[meeting.CLAIMS] += 1  # and never done
            raise MemoryError("no room")
        return kernel(*arguments)

    monkeypatch.setattr(run.rounds, "kernel", broken)
    with pytest.raises(MemoryError, match="no room"):
        run.epochs(History(lr=0.1))
    assert threading.active_count() == n_threads


@_kernel
def _take_all(array, log, owner, mine, n_items, size):
    """Take items one by one, in phases of `size`; write who did each, and what was seen."""
    looks = 0
    while True:
        seen = meeting.look_at(array, meeting.CLAIMS)
        if seen >= n_items:
            return
        if meeting.look_at(array, meeting.DONE) < seen // size * size:
            looks = meeting.wait(array, looks)
        elif meeting.take(array, meeting.CLAIMS, seen, 1):
            owner[seen] += mine
            log[seen] = log[max(seen // size * size - size, 0) : seen // size * size].sum() % 97 + 1
            meeting.count_up(array, meeting.DONE, 1)


@pytest.mark.parametrize("can_yield", [True, False])
def test_items_are_taken_once_and_phases_wait(can_yield):
    n_items, size = (60, 20) if NO_JIT else (3000, 50)
    array = meeting.new_meeting()
    if not can_yield:
        array[meeting.YIELD] = 0
    log, owner = np.zeros(n_items), np.zeros(n_items, np.int64)
    threads = [
        threading.Thread(target=_take_all, args=(array, log, owner, mine, n_items, size))
        for mine in (1, 10, 100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(owner) <= {1, 10, 100}, "each once"
    expected = np.zeros(n_items)
    for i in range(n_items):
        expected[i] = expected[max(i // size * size - size, 0) : i // size * size].sum() % 97 + 1
    np.testing.assert_array_equal(log, expected)
    assert array[meeting.DONE] == array[meeting.CLAIMS] == n_items


def test_the_common_row_is_found_or_not():
    rng = np.random.default_rng(6)
    features, labels = shared(rng), labels_of(rng)
    assert run_of(config_of(head="linear"), features, labels).rounds.common[0] == 30
    without = features_of([{int(i): 1.0} for i in range(N_DOCS)])
    assert run_of(config_of(head="linear"), without, labels).rounds.common[0] == -1
    assert inputs.find_rows is not inputs.find_pooled


def test_one_text_and_few_texts_train():
    rng = np.random.default_rng(7)
    config = config_of(head="linear")
    start = partial(weights.init_weights, config, 2, N_LABELS, 1)
    for n in (1, 2, 33):
        features, labels = features_of([{0: 1.0, 1: 0.5}] * n), labels_of(rng, n)
        found, history = loop.train(start, features, labels, config, n_threads=4)
        assert np.isfinite(found.embeddings).all() and len(history.loss) == 2
