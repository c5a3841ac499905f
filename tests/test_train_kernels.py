"""The training kernel against definitions in float64: a dense loop, and numeric gradients.

Without compilation the kernel runs on float64 tables here, which leaves only float32 constants
(1e-7) between it and the definitions.
"""

import math
from typing import NamedTuple

import numpy as np
import pytest
import reference
from reference import MIXES

from fasttext_lite.compiled import arrays, blocks, random
from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.config.fields import ACTIVATIONS, Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.training import weights as tables
from fasttext_lite.training.composition import compose
from fasttext_lite.training.kernels import general as general
from fasttext_lite.training.kernels import layers, losses, participants
from fasttext_lite.training.kernels import parts as kernels

pytestmark = pytest.mark.kernels

_kernel = compiler(FAST)
N_ROWS, N_LABELS, DIM, UNITS = 8, 5, 5, 3
SEED = 12345
FEATURES = (  # all numbers are exact in float32
    {0: 0.5, 3: 0.25, 5: 0.75},
    {1: 1.0},
    {0: 0.25, 2: 0.5, 3: 0.5, 6: 1.25},
    {},
    {1: 0.75, 5: 0.5},
    {4: 0.5, 6: 0.25, 0: 1.0},
)
ONE_LABEL = ([0], [3], [4], [2], [1], [])
SEVERAL = ([0, 2, 3], [3], [1, 4], [2], [], [4, 0])
DOC_WEIGHTS = (1.0, 0.5, 1.5, 1.0, 0.75, 0.25)
ORDER = (0, 5, 1, 3, 1, 2, 4, 0, 2, 5, 4, 1, 0)
TREE = huffman_tree(np.array([7, 5, 3, 2, 2]))


def config_of(**settings):
    return Config(**{"dim": DIM, "loss": "softmax", "label_smoothing": 0.25} | settings)


class Result(NamedTuple):
    loss: float
    weight: float
    weights: tables.Weights
    means: tables.Weights

    def check_near(self, other, tolerance, names=tables.TABLES):
        for name in names:
            for a, b in ((self.weights, other.weights), (self.means, other.means)):
                np.testing.assert_allclose(
                    getattr(a, name), getattr(b, name), tolerance, tolerance, err_msg=name
                )
        # The loss is summed up in the type of the documents' weights.
        np.testing.assert_allclose(self[:2], other[:2], max(tolerance, 1e-6))


class Problem:
    """A few documents with random tables, for one config."""

    def __init__(self, config, features=FEATURES, labels=ONE_LABEL, doc_weights=DOC_WEIGHTS):
        self.config, self.features, self.labels = config, features, labels
        self.doc_weights = doc_weights
        rng = np.random.default_rng(0)
        n_output = tables.n_output_rows(config, N_LABELS)
        n_layer = config.units * (2 if config.activation == "maxout" else 1)
        self.embeddings = rng.normal(size=(N_ROWS, DIM))
        self.output = rng.normal(size=(n_output, config.units or DIM))
        self.norm = rng.uniform(0.5, 2, size=(4 if config.norm != "none" else 0, DIM))
        self.layer = rng.normal(size=(n_layer, DIM + 1))
        if config.head == "linear":
            self.output = np.eye(n_output, DIM)
        self.negatives = np.array([config.neg, 0, 1, 1, 2, 3, 4, 4], np.int32)
        self.tree = (TREE.parents(), TREE.branches())

    def tables(self):
        return {name: getattr(self, name).copy() for name in tables.TABLES}

    def start(self, dtype):
        """Return fresh weights of a type."""
        weights = tables.Weights(**{name: t.astype(dtype) for name, t in self.tables().items()})
        for name in tables.TABLES:
            state = tables.fresh_state(self.config, getattr(weights, name))
            state.moments, state.total = state.moments.astype(dtype), state.total.astype(dtype)
            weights.states[name] = state
        return weights

    def docs(self):
        pairs = [pair for row in self.features for pair in row.items()]
        sizes = [len(row) for row in self.features]
        n_labels = [len(row) for row in self.labels]
        return kernels.Docs(
            np.array([row for row, _ in pairs], np.int32),
            np.array([weight for _, weight in pairs], np.float32),
            np.append(0, np.cumsum(sizes)).astype(np.int64),
            np.array([label for row in self.labels for label in row], np.int32),
            np.append(0, np.cumsum(n_labels)).astype(np.int64),
            np.array(self.doc_weights, np.float32),
        )

    def settings(self, dtype):
        config = self.config
        return kernels.Settings(
            *map(
                dtype,
                (
                    config.label_smoothing, config.focal, config.beta1 or 0.0, config.beta2 or 0.9,
                    config.l1, config.l2, config.max_norm or 0, config.clip or 0,
                    config.feature_dropout, config.hidden_dropout,
                ),
            )
        )  # fmt: skip

    def train(
        self, order=ORDER, lrs=(0.25, 0.05), cuts=(), dtype=np.float64, from_step=0, seed=SEED,
        weights=None, apart=0, rows_apart=0,
    ):  # fmt: skip
        """Run the kernel, compiled for float32 only; in blocks that end at `cuts`."""
        weights = weights or self.start(dtype)
        kernel = general.make_trainer(compose(self.config))
        if dtype == np.float64:
            kernel = getattr(kernel, "py_func", kernel)
        docs, settings, rng = self.docs(), self.settings(dtype), np.array([seed], np.uint64)
        tree = 2 * self.tree[0] + self.tree[1]
        edges = [0, *cuts, len(order)]
        rates = lrs[0] + (lrs[1] - lrs[0]) * np.arange(len(order) + 1) / len(order)
        sums = np.zeros(2)
        for first, last in zip(edges[:-1], edges[1:], strict=True):
            span = kernels.Span(
                weights.steps,
                weights.path,
                dtype(rates[first]),
                dtype(rates[last]),
                from_step,
                apart,
                rows_apart,
            )
            sums += kernel(
                np.array(order[first:last], np.int32), docs, settings, span, tree,
                self.negatives, rng, 32, *self.tables_apart(weights, rows_apart),
            )  # fmt: skip
            weights.steps += last - first
            weights.path += float(rates[first:last].sum())
        tables.settle(weights, self.config, from_step)
        return Result(*sums, weights, tables.averaged(weights, self.config, from_step))

    def tables_apart(self, weights, rows_apart):
        """Return the tables as the kernel takes them, with room for copies of three rows."""
        found = [weights.table(name) for name in tables.TABLES]
        if rows_apart:
            own, before = np.full((2, 3, found[0].values.shape[1]), np.nan, found[0].values.dtype)
            found[0] = found[0]._replace(own=own, before=before)
        return found

    def drawn(self, docs, seed=SEED):
        """Return the negative labels that the kernel draws at each visit."""
        picks, draws = self.negatives[1:], []
        for doc in docs:
            draws.append([])
            if not self.features[doc] or not self.labels[doc]:
                continue
            for _ in self.labels[doc]:
                found = []
                for _ in range(self.negatives[0]):
                    for _ in range(participants.DRAWS):
                        seed, number = reference.splitmix64(seed)
                        pick = int(picks[number % picks.size])
                        if pick not in self.labels[doc]:
                            found.append(pick)
                            break
                draws[-1].append(found)
            seed, _ = reference.splitmix64(seed)  # where the output rows begin to move
        return draws

    def train_dense(self, order=ORDER, lrs=(0.25, 0.05), from_step=0):
        """Return what `train` should."""
        visits = [
            {
                "features": self.features[doc], "labels": self.labels[doc],
                "weight": self.doc_weights[doc], "drawn": drawn,
            }
            for doc, drawn in zip(order, self.drawn(order), strict=True)
        ]  # fmt: skip
        rates = lrs[0] + (lrs[1] - lrs[0]) * np.arange(len(order)) / len(order)
        after = self.tables()
        loss, weight, means = reference.train_dense(
            after, visits, rates, self.config, self.settings(float), self.tree,
            from_step,
        )  # fmt: skip
        if not self.config.averaging:
            means = after
        elif self.config.norm != "none":
            means["norm"][2:] = after["norm"][2:]
        if self.config.head == "linear":
            means["output"] = after["output"]
        return Result(loss, weight, tables.Weights(**after), tables.Weights(**means))

    def pooled(self, doc):
        return sum(w * self.embeddings[row] for row, w in self.features[doc].items())

    def value(self, doc, vector=None, drawn=()):
        """Return the weighted loss of a document by the definitions, given what output sees."""
        config = self.config
        rows, targets = reference.participants(
            config.loss, N_LABELS, self.labels[doc], config.label_smoothing, self.tree, drawn
        )
        vector = self.pooled(doc) if vector is None else vector
        share = self.doc_weights[doc]
        if config.loss in ("hs", "ns"):
            share /= len(self.labels[doc])
        scores = self.output[rows] @ vector
        return share * reference.loss_of_scores(config.loss, scores, targets, config.focal)

    def check_gradients(self, result, lr, value, tolerance=2e-5):
        """Check that all tables moved by -lr times the slope of `value`."""
        for name in tables.TABLES:
            table = getattr(self, name)
            moved = (table - getattr(result.weights, name)) / lr
            slopes = reference.numeric_gradient(value, table)
            if name == "norm":
                moved, slopes = moved[:2], slopes[:2]
            np.testing.assert_allclose(moved, slopes, tolerance, tolerance, err_msg=name)


# -- a lazy kernel is a dense loop ------------------------------------------------------------


@pytest.mark.parametrize("loss", ["hs", "softmax"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_are_the_dense_loop(optimizer, loss):
    """Rows rest while no document touches them, and their state decays all the same."""
    problem = Problem(config_of(loss=loss, optimizer=optimizer, averaging=0.5, beta1=0.7))
    found = problem.train(from_step=6)
    found.check_near(problem.train_dense(from_step=6), 1e-6)
    assert not np.allclose(found.means.output, found.weights.output)
    problem.train(cuts=(1, 2, 8), from_step=6).check_near(found, 1e-9)


@pytest.mark.parametrize("loss", ["hs", "ns", "softmax"])
@pytest.mark.parametrize(("l1", "l2"), [(0, 0.3), (0.2, 0), (0.1, 0.2)])
def test_weight_decay_is_the_dense_loop(loss, l1, l2):
    problem = Problem(config_of(loss=loss, optimizer="momentum", l1=l1, l2=l2, neg=1))
    found = problem.train()
    found.check_near(problem.train_dense(), 1e-6)
    assert (found.weights.embeddings == 0).any() == (l1 > 0)
    problem.train(cuts=(5, 6)).check_near(found, 1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_norm": 1.5, "optimizer": "adam", "loss": "hs"},
        {"max_norm": 1.5, "l2": 0.1, "loss": "ova"},
        {"max_norm": 1.5, "averaging": 0.5, "norm": "layer", "units": UNITS},
        {"clip": 0.3, "optimizer": "adagrad", "loss": "hs"},
        {"clip": 0.3, "units": UNITS, "loss": "ova", "averaging": 0.5},
        {"clip": 0.3, "max_norm": 1.0, "loss": "squared_hinge", "optimizer": "nesterov"},
        {"averaging": 0.5, "norm": "layer", "optimizer": "rmsprop", "loss": "ova", "focal": 2.0},
        {"beta1": 0.0, "optimizer": "adamax"},
        {"beta1": 0.0, "optimizer": "momentum", "loss": "hs"},
    ],
    ids=str,
)
def test_other_parts_are_the_dense_loop(settings):
    problem = Problem(config_of(**settings))
    found = problem.train(from_step=4)
    found.check_near(problem.train_dense(from_step=4), 2e-6)
    problem.train(cuts=(3, 9), from_step=4).check_near(found, 1e-6)
    assert found.weight > 0
    if "max_norm" in settings:
        longest = max(np.linalg.norm(found.weights.output, axis=1))
        assert 0.8 < longest / settings["max_norm"] < 1 + 1e-6


@pytest.mark.parametrize("mix", MIXES)
def test_compiled_kernels_are_the_dense_loop(mix):
    problem = Problem(config_of(**MIXES[mix] | {"neg": 1}))
    expected = problem.train_dense(from_step=5)
    for cuts in ((), (4, 7)):
        found = problem.train(dtype=np.float32, cuts=cuts, from_step=5)
        found.check_near(expected, 3e-5)
        assert found.weights.embeddings.dtype == np.float32


def test_the_mixes_use_every_part():
    configs = [config_of(**settings) for settings in MIXES.values()]
    assert {config.optimizer for config in configs} == set(OPTIMIZERS)
    assert {config.loss for config in configs} == set(LOSSES)
    assert {config.activation for config in configs if config.units} == set(ACTIVATIONS)
    assert {config.focal > 0 for config in configs} == {False, True}
    used = [compose(config) for config in configs]
    for name in ("frozen_output", "shrink", "max_norm", "clip", "average"):
        assert {getattr(parts, name) for parts in used} == {False, True}, name


def test_clip_bounds_the_gradient_of_each_table():
    plain = Problem(config_of(units=UNITS))
    clipped = Problem(config_of(units=UNITS, clip=0.125))
    a, b = (problem.train(order=[2], lrs=(0.1, 0.1)) for problem in (plain, clipped))
    for name in ("embeddings", "output", "layer"):
        before = getattr(plain, name)
        moves = [before - getattr(result.weights, name) for result in (a, b)]
        assert np.linalg.norm(moves[0]) > 0.0125
        assert np.linalg.norm(moves[1]) == pytest.approx(0.0125)
        np.testing.assert_allclose(moves[1] / 0.0125, moves[0] / np.linalg.norm(moves[0]), 1e-6)
    loose = Problem(config_of(units=UNITS, clip=100.0)).train(order=[2], lrs=(0.1, 0.1))
    loose.check_near(a, 1e-12)


def test_time_never_runs_backwards():
    """Threads are at different steps: a row may be ahead of the block that touches it."""
    for settings in (
        {"optimizer": "adam", "averaging": 0.5},
        {"optimizer": "momentum", "l2": 0.5},
    ):
        problem = Problem(config_of(**settings))
        results = []
        for seen in (0, 1000):
            weights = problem.start(np.float64)
            for state in weights.states.values():
                state.seen[:] = seen
            found = problem.train(order=[2], weights=weights).weights
            results.append(found)
        seen = results[1].states["embeddings"].seen
        assert (seen[:, 2] == 1000).all()
        np.testing.assert_array_equal(*(r.states["output"].moments for r in results))
        # Ahead of time: nothing decays and nothing is added up.
        assert (results[1].states["output"].total == 0).all()
        moved = results[1].embeddings != problem.embeddings
        assert moved.any(axis=1).tolist() == [row in FEATURES[2] for row in range(N_ROWS)]


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "rmsprop", "adadelta"])
def test_threads_in_turn_are_one(optimizer):
    """A row that two threads touch in turn, far apart in time, decays at each touch once."""
    problem = Problem(config_of(optimizer=optimizer, beta1=0.7, beta2=0.8))
    lrs = (0.125, 0.125)
    expected = problem.train(order=[2] * 8, lrs=lrs).weights
    weights = problem.start(np.float64)
    for turn in range(8):
        weights.steps = turn // 2 + (100 if turn % 2 == 0 else 0)
        problem.train(order=[2], lrs=lrs, weights=weights)
    np.testing.assert_allclose(weights.output, expected.output, 1e-9)
    np.testing.assert_allclose(weights.embeddings, expected.embeddings, 1e-9)
    state = weights.states["output"]
    np.testing.assert_allclose(state.moments, expected.states["output"].moments, 1e-9)
    assert (state.seen[:, 2] == 103).all()


@pytest.mark.parametrize(
    ("optimizer", "times"),
    [("momentum", 0.7**4), ("nesterov", 0.7**4), ("rmsprop", 0.8**4), ("adadelta", 0.8**4)],
)
def test_state_of_a_resting_row_decays(optimizer, times):
    problem = Problem(config_of(optimizer=optimizer, beta1=0.7, beta2=0.8))
    heavy = problem.train(order=[1, 3, 3, 3, 1]).weights.states["embeddings"].moments
    first = problem.train(order=[1], lrs=(0.25, 0.21)).weights.states["embeddings"].moments
    # The last gradient is the same as if nothing had been before, but for one step of 0.25.
    kept = first[1, :DIM] * times
    assert (heavy[4] == 0).all() and (heavy[1] != 0).all()
    fresh = Problem(config_of(optimizer=optimizer, beta1=0.7, beta2=0.8))
    once = problem.train(order=[1], lrs=(0.25, 0.21)).weights
    fresh.embeddings, fresh.output = once.embeddings, once.output
    last = fresh.train(order=[1]).weights.states["embeddings"].moments
    np.testing.assert_allclose(heavy[1, :DIM], last[1, :DIM] + kept, 1e-6)


# -- losses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "focal"),
    [*((loss, 0.0) for loss in LOSSES), ("softmax", 2.0), ("ova", 2.0), ("hs", 0.5), ("ns", 1.0)],
)
@pytest.mark.parametrize("doc", [0, 1, 2])
def test_one_sgd_step_is_the_numeric_gradient(loss, focal, doc):
    """With one and with several labels, smoothed targets and weights of documents."""
    problem = Problem(config_of(loss=loss, focal=focal, neg=3), labels=SEVERAL)
    lr = 2**-10
    found = problem.train(order=[doc], lrs=(lr, lr))
    drawn = problem.drawn([doc])[0]
    assert found.weight == DOC_WEIGHTS[doc]
    assert found.loss == pytest.approx(problem.value(doc, drawn=drawn), rel=1e-6)
    problem.check_gradients(found, lr, lambda: problem.value(doc, drawn=drawn))


def test_focal_of_zero_is_the_plain_loss():
    for loss in ("softmax", "ova"):
        rng = np.random.default_rng(1)
        scores, targets = rng.normal(size=16), np.append(rng.dirichlet(np.ones(6)), np.zeros(10))
        plain, focal = scores.copy(), scores.copy()
        names = ("softmax", "focal_softmax") if loss == "softmax" else (
            "logistic", "focal_logistic"
        )  # fmt: skip
        values = [
            getattr(losses, name)(array, targets, 6, 0.0)
            for name, array in zip(names, (plain, focal), strict=True)
        ]
        assert values[0] == pytest.approx(values[1])
        np.testing.assert_allclose(plain[:6], focal[:6], 1e-6)


@pytest.mark.parametrize("name", ["softmax", "focal_softmax", "logistic", "focal_logistic"])
@pytest.mark.parametrize("focal", [0.5, 2.0])
def test_losses_of_huge_scores_are_finite(name, focal):
    scores = np.append(np.array([1e4, -1e4, 50, 0], np.float32), np.zeros(12, np.float32))
    for label in range(4):
        errors, targets = scores.copy(), np.zeros(16, np.float32)
        targets[label] = 1
        value = getattr(losses, name)(errors, targets, 4, np.float32(focal))
        assert math.isfinite(value) and value >= 0
        assert np.isfinite(errors).all()


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_hinge_losses_stop_at_the_margin(loss):
    problem = Problem(config_of(loss=loss, label_smoothing=0.0))
    problem.output[:] = 0
    for label in range(N_LABELS):  # scores of 2 for the label, -2 for others
        sign = 1 if label in ONE_LABEL[1] else -1
        problem.output[label] = sign * 2 * problem.pooled(1) / (problem.pooled(1) ** 2).sum()
    found = problem.train(order=[1])
    assert found.loss == 0
    np.testing.assert_array_equal(found.weights.output, problem.output)
    np.testing.assert_array_equal(found.weights.embeddings, problem.embeddings)


@pytest.mark.parametrize("smoothing", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_hinge_losses_know_no_smoothing(loss, smoothing):
    problem = Problem(config_of(loss=loss, label_smoothing=smoothing))
    exact = Problem(config_of(loss=loss, label_smoothing=0.0))
    lrs = (0.02, 0.01)
    assert problem.train(lrs=lrs).loss == exact.train(lrs=lrs).loss > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_a_document_without_features_is_passed_over(loss):
    problem = Problem(config_of(loss=loss))
    found = problem.train(order=[3])
    assert found[:2] == (0, 0)
    for name in tables.TABLES:
        np.testing.assert_array_equal(getattr(found.weights, name), getattr(problem, name))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_document_without_labels_teaches_only_one_vs_all(loss):
    problem = Problem(config_of(loss=loss))
    found = problem.train(order=[5])
    moved = not np.array_equal(found.weights.output, problem.output)
    assert moved == (found.weight > 0) == (found.loss > 0)
    assert moved == (loss in ("ova", "hinge", "squared_hinge"))


def test_weight_zero_changes_nothing():
    problem = Problem(config_of(norm="layer", units=UNITS), doc_weights=[0.0] * 6)
    found = problem.train()
    assert found[:2] == (0, 0)
    for name in tables.TABLES:
        np.testing.assert_array_equal(getattr(found.weights, name), getattr(problem, name))


def test_initial_losses_of_scores_zero():
    depth = len(reference.path(3, *Problem(config_of()).tree))
    known = {
        "softmax": math.log(N_LABELS), "hs": depth * math.log(2), "ova": N_LABELS * math.log(2),
        "hinge": N_LABELS, "squared_hinge": N_LABELS,
    }  # fmt: skip
    assert depth == 4
    for loss, expected in known.items():
        problem = Problem(config_of(loss=loss))
        problem.embeddings[:] = 0
        found = problem.train(order=[1], lrs=(1e-9, 1e-9))
        assert found.loss / found.weight == pytest.approx(expected, rel=1e-6), loss


@pytest.mark.parametrize("x", [-1e4, -100, -20, -1.5, 0, 0.5, 20, 100, 1e4])
@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_logistic_functions_do_not_overflow(x, target):
    x = np.float64(x)
    assert 0 <= losses.sigmoid(x) <= 1
    assert losses.sigmoid(x) == pytest.approx(1 / (1 + math.exp(-x)) if x > -700 else 0)
    value = losses.log_loss(x, target)
    assert math.isfinite(value) and value >= 0
    if abs(x) < 15:
        assert value == pytest.approx(float(reference.log_loss(x, target)), rel=1e-9)


# -- normalisation and hidden layer --------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"norm": "layer"},
        {"norm": "layer", "units": UNITS, "activation": "gelu"},
        {"norm": "layer", "loss": "ova"},
        *({"units": UNITS, "activation": name} for name in ACTIVATIONS),
    ],
    ids=str,
)
@pytest.mark.parametrize("doc", [1, 2])
def test_gradients_of_the_network(settings, doc):
    problem = Problem(config_of(**settings), labels=SEVERAL)
    config, lr = problem.config, 2**-10

    def top():
        kind = config.activation if config.units else ""
        pooled = problem.pooled(doc)[None]
        return reference.network(pooled, problem.norm, problem.layer, config.norm, kind)[0]

    found = problem.train(order=[doc], lrs=(lr, lr))
    assert found.loss == pytest.approx(problem.value(doc, top()), rel=1e-6)
    problem.check_gradients(found, lr, lambda: problem.value(doc, top()))


@pytest.mark.parametrize("settings", [{}, {"units": UNITS, "activation": "tanh"}], ids=str)
@pytest.mark.parametrize("order", [(0, 2, 3, 4, 1), (0, 1, 2, 4) * 8 + (2,)], ids=len)
def test_gradients_through_batch_normalisation(settings, order):
    """The tables move inside a batch: exact up to the learning rate, which is tiny here.

    32 documents are a batch; one that is left alone is standardised by the running mean and
    variance.
    """
    problem = Problem(config_of(norm="batch", **settings))
    config, lr = problem.config, 1e-7
    kind = config.activation if config.units else ""
    found = problem.train(order=order, lrs=(lr, lr))
    kept = [doc for doc in order if FEATURES[doc]]
    first = np.array([problem.pooled(doc) for doc in kept[:32]])
    norm = problem.norm.copy()
    norm[2] += layers.NORM_MOMENTUM * (first.mean(axis=0) - norm[2])
    norm[3] += layers.NORM_MOMENTUM * (first.var(axis=0, ddof=1) - norm[3])
    np.testing.assert_allclose(found.weights.norm[2:], norm[2:], 1e-6)

    def value():
        vectors = np.array([problem.pooled(doc) for doc in kept])
        parts = [(vectors[:32], "batch"), (vectors[32:], "running")]
        running = np.concatenate([problem.norm[:2], norm[2:]])
        tops = np.concatenate(
            [reference.network(part, running, problem.layer, name, kind) for part, name in parts]
        )
        return sum(problem.value(doc, top) for doc, top in zip(kept, tops, strict=True))

    assert found.loss == pytest.approx(value(), rel=1e-5)
    problem.check_gradients(found, lr, value, tolerance=1e-4)


def test_running_means_of_batches():
    problem = Problem(config_of(norm="batch"))
    order = (0, 1, 2, 4) * 16
    found = problem.train(order=order, lrs=(0, 0))
    vectors = np.array([problem.pooled(doc) for doc in order[:32]])
    mean, variance = problem.norm[2:]
    for _ in range(2):
        mean = 0.9 * mean + 0.1 * vectors.mean(axis=0)
        variance = 0.9 * variance + 0.1 * vectors.var(axis=0, ddof=1)
    np.testing.assert_allclose(found.weights.norm[2:], [mean, variance], 1e-6)
    alone = problem.train(order=[2], lrs=(0, 0))
    np.testing.assert_array_equal(alone.weights.norm, problem.norm)


def test_compiled_batch_normalisation_equals_plain():
    problem = Problem(config_of(norm="batch", optimizer="adam", averaging=0.5))
    order = ORDER * 3
    results = [problem.train(order, (0.02, 0.01), (33,), dtype) for dtype in FLOATS]
    results[0].check_near(results[1], 1e-4)
    assert results[0].loss > 0


FLOATS = (np.float32, np.float64)


# -- dropout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["feature_dropout", "hidden_dropout"])
def test_dropout_keeps_the_expectation(name):
    """The hinge loss is linear within the margin: its mean shows the mean of the scores."""
    losses = {}
    for share in (0.0, 0.25):
        problem = Problem(config_of(loss="hinge", **{name: share}))
        problem.embeddings *= 0.02
        found = problem.train(order=[2] * 1500, lrs=(0, 0), dtype=np.float32)
        losses[share] = found.loss / found.weight - N_LABELS
        assert found.weight == pytest.approx(1.5 * (1500 - 1500 * 0.25**4 * (share > 0)), rel=0.01)
    expected = losses[0.25] * (1 - 0.25**4 if name == "feature_dropout" else 1)
    assert expected == pytest.approx(losses[0.0], rel=0.15)
    assert abs(losses[0.0]) > 0.01


def test_share_of_features_dropped():
    ids, weights = np.arange(1000, dtype=np.int32), np.full(1000, 0.5, np.float32)
    kept_ids, kept_weights = np.zeros_like(ids), np.zeros_like(weights)
    rng = np.array([SEED], np.uint64)
    for share in (0.0, 0.2, 0.9):
        arguments = (ids, weights, 100, 900, np.float32(share), rng, kept_ids, kept_weights)
        n = layers.keep_features(*arguments)
        assert n == 800 if share == 0 else abs(n - 800 * (1 - share)) < 40
        assert (np.diff(kept_ids[:n]) > 0).all() and kept_ids[0] >= 100 and kept_ids[n - 1] < 900
        np.testing.assert_allclose(kept_weights[:n], 0.5 / (1 - share), rtol=1e-6)


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("name", ["feature_dropout", "hidden_dropout"])
def test_dropout_depends_on_the_seed_alone(name, norm):
    problem = Problem(config_of(norm=norm, **{name: 0.5}))
    a, b, other = (problem.train(seed=seed) for seed in (5, 5, 6))
    a.check_near(b, 0)
    assert a.weights.output.tobytes() != other.weights.output.tobytes()


@pytest.mark.parametrize("name", ["feature_dropout", "hidden_dropout"])
def test_dropout_of_nearly_nothing_is_none(name):
    """The part is compiled in, the chance is too small to strike."""
    for settings in ({}, {"units": UNITS}, {"norm": "layer"}, {"norm": "batch"}):
        plain = Problem(config_of(**settings)).train()
        Problem(config_of(**settings, **{name: 1e-12})).train().check_near(plain, 1e-7)
        assert plain.loss > 0


def test_documents_that_lose_all_features_are_passed_over():
    problem = Problem(config_of(feature_dropout=0.9), doc_weights=[1.0] * 6)
    visited, moved = set(), set()
    for seed in range(40):
        found = problem.train(order=[1], seed=seed)
        visited.add((found.weight, found.loss > 0))
        changed = (found.weights.embeddings != problem.embeddings).any()
        moved.add((found.weight, bool(changed)))
    assert visited == {(0, False), (1, True)}
    assert moved == {(0, False), (1, True)}


@pytest.mark.parametrize("settings", [{}, {"norm": "layer"}, {"units": UNITS}], ids=str)
def test_gradients_through_dropped_units(settings):
    """Dropped elements are those whose output columns rest; the rest is twice as large."""
    problem = Problem(config_of(hidden_dropout=0.5, **settings))
    lr, masks = 2**-10, set()
    for seed in range(4):
        found = problem.train(order=[2], lrs=(lr, lr), seed=seed)
        mask = 2.0 * (found.weights.output != problem.output).any(axis=0)
        masks.add(tuple(mask))
        if not mask.any():
            continue

        def value(mask=mask):
            pooled = problem.pooled(2)[None]
            norm, kind = settings.get("norm", "none"), "relu" * ("units" in settings)
            top = reference.network(pooled, problem.norm, problem.layer, norm, kind)[0]
            return problem.value(2, mask * top)

        assert found.loss == pytest.approx(value(), rel=1e-6)
        problem.check_gradients(found, lr, value)
    assert len(masks) > 1


# -- the frozen output table --------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["softmax", "ova"])
def test_a_linear_head_is_plain_regression(loss):
    problem = Problem(config_of(loss=loss, head="linear", label_smoothing=0.0))
    found = problem.train(lrs=(0.25, 0.25))
    columns = problem.embeddings.copy()
    for doc in ORDER:
        x = np.zeros(N_ROWS)
        for row, weight in FEATURES[doc].items():
            x[row] = weight
        target = np.zeros(N_LABELS)
        target[ONE_LABEL[doc]] = 1
        if not x.any() or (loss == "softmax" and not target.any()):
            continue
        scores = x @ columns[:, :N_LABELS]
        p = reference.softmax(scores) if loss == "softmax" else reference.sigmoid(scores)
        columns[:, :N_LABELS] -= 0.25 * DOC_WEIGHTS[doc] * np.outer(x, p - target)
    np.testing.assert_allclose(found.weights.embeddings, columns, rtol=1e-9)
    np.testing.assert_array_equal(found.weights.output, np.eye(N_LABELS, DIM))
    assert found.means.output is found.weights.output


@pytest.mark.parametrize("settings", [{"averaging": 1.0}, {"l2": 0.5, "max_norm": 0.5}], ids=str)
def test_a_linear_head_stays_the_identity(settings):
    problem = Problem(config_of(head="linear", optimizer="momentum", **settings))
    found = problem.train()
    for weights in (found.weights, found.means):
        np.testing.assert_array_equal(weights.output, np.eye(N_LABELS, DIM))
    found.check_near(problem.train_dense(), 1e-6)


# -- plain training ------------------------------------------------------------------------------

SIZES = (1, 5, 15, 16, 17, 32, 100, 128)


def rows_of(rng, n, dim, dtype):
    table = arrays.make_table(n, dim, dtype)
    table[:] = rng.normal(size=(n, dim))
    return table


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dim", SIZES)
def test_rows_are_pooled_and_pushed(dim, dtype):
    rng = np.random.default_rng(dim)
    table, tolerance = rows_of(rng, 9, dim, dtype), 1e-5 if dtype == np.float32 else 1e-13
    hidden, gradient = np.full(dim, 7.0, dtype), rng.normal(size=dim).astype(dtype)
    for n in range(12):
        ids = rng.integers(0, 9, n + 2).astype(np.int32)
        weights = rng.normal(size=n + 2).astype(np.float32)
        own, rest = table[: n % 4].copy(), table.copy()
        rest[: n % 4] = np.nan  # the first rows are not looked at
        blocks.fetch_rows(rest, own, ids, 1, n + 1)
        blocks.pool_rows(rest, own, ids, weights, 1, n + 1, hidden)
        part = slice(1, n + 1)
        expected = reference.pool(table, ids[part], weights[part])
        np.testing.assert_allclose(hidden, expected, tolerance, tolerance)
        expected = reference.push(table, ids[part], weights[part], gradient, 0.5)
        blocks.push_rows(rest, own, ids, weights, 1, n + 1, gradient, dtype(0.5), np.uint64(1))
        table = np.concatenate([own, rest[n % 4 :]])
        np.testing.assert_allclose(table, expected, tolerance, tolerance)
        assert np.isnan(rest[: n % 4]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dim", SIZES)
def test_products_and_steps_of_output_rows(dim, dtype):
    rng = np.random.default_rng(dim)
    table, tolerance = rows_of(rng, 11, dim, dtype), 1e-4 if dtype == np.float32 else 1e-12
    vector, gradient = rng.normal(size=dim).astype(dtype), np.full(dim, 7.0, dtype)
    for n in range(11):
        rows = rng.permutation(11).astype(np.int32)
        scores, errors = np.full(11, 7.0, dtype), rng.normal(size=11).astype(dtype)
        blocks.inner_products(table, rows, n, vector, scores)
        np.testing.assert_allclose(scores[:n], table[rows[:n]] @ vector, tolerance, tolerance)
        assert (scores[n:] == 7).all()
        expected = reference.descend(table, rows[:n], errors[:n], 0.5, vector)
        blocks.descend_rows(table, rows, n, errors, dtype(0.5), vector, gradient)
        np.testing.assert_allclose(gradient, expected[0], tolerance, tolerance)
        np.testing.assert_allclose(table, expected[1], tolerance, tolerance)


def test_merged_tables_have_the_changes_of_both():
    rng = np.random.default_rng(0)
    for dim in SIZES:
        shared, before = rows_of(rng, 5, dim, np.float64), rows_of(rng, 5, dim, np.float64)
        own = rows_of(rng, 5, dim, np.float64)
        expected = shared + own - before
        rest = shared[3:].copy()
        blocks.merge_tables(shared, own[:3], before[:3])
        np.testing.assert_array_equal(shared[3:], rest)
        blocks.merge_tables(shared[3:], own[3:], before[3:])
        for table in (shared, own, before):
            np.testing.assert_allclose(table, expected, 1e-12, 1e-12)


def test_which_training_is_plain():
    plain = [config_of(loss=loss, head=head) for loss in LOSSES for head in HEADS]
    assert all(compose(config).plain for config in plain)
    mixes = [config_of(**settings) for settings in MIXES.values()]
    assert not any(compose(config).plain for config in mixes)


HEADS = ("learned", "linear")


@pytest.mark.parametrize("labels", [ONE_LABEL, SEVERAL], ids=["one", "several"])
@pytest.mark.parametrize(
    ("loss", "head"),  # without the one pair for which the two draw different negatives
    [(loss, head) for loss in LOSSES for head in HEADS if (loss, head) != ("ns", "linear")],
)
def test_plain_training_is_the_general_one(loss, head, labels):
    """A limit that no gradient reaches makes it general."""
    problem = Problem(config_of(loss=loss, head=head), labels=labels)
    general = Problem(config_of(loss=loss, head=head, clip=1e9), labels=labels)
    run = {"cuts": (4,), "lrs": (0.02, 0.01)}
    results = [p.train(**run) for p in (problem, general)]
    results[0].check_near(results[1], 2e-6)
    assert results[0].weight > 0
    single = problem.train(dtype=np.float32, **run)
    single.check_near(results[0], 1e-4)


@pytest.mark.parametrize("apart", [1, 3, 100])
def test_one_thread_with_a_table_of_its_own_trains_the_same(apart):
    problem = Problem(config_of())
    problem.train(apart=apart).check_near(problem.train(), 1e-12)
    assert problem.train(apart=apart).loss > 0


@pytest.mark.parametrize("rows_apart", [1, 3, 100])
@pytest.mark.parametrize("head", HEADS)
def test_one_thread_with_first_rows_of_its_own_trains_the_same(rows_apart, head):
    problem = Problem(config_of(loss="ova", head=head))
    problem.train(rows_apart=rows_apart).check_near(problem.train(), 1e-12)


# -- functions -----------------------------------------------------------------------------------


def test_exponential_function():
    edges = [-np.inf, -1e30, -87.5, -87, -1e-30, -0.0, 0.0, 1e-30, 87.9, 88, 1e30]
    x = np.append(np.linspace(-87, 88, 4001), edges).astype(np.float32)
    found = np.array([exponential(value) for value in x])
    expected = np.exp(np.clip(x.astype(float), -87, 88))
    np.testing.assert_allclose(found, expected, 1e-7)
    with np.errstate(invalid="ignore"):
        assert np.isnan(exponential(np.float32(np.nan)))
    assert exponential(np.float64(-1.5)) == math.exp(-1.5)


def test_logarithm_function():
    z = np.append(np.linspace(0, 1, 4001), np.logspace(-38, 0, 400)).astype(np.float32)
    found = np.array([logarithm(value) for value in z])
    np.testing.assert_allclose(found, np.log1p(z.astype(float)), 2e-7, 1e-44)
    assert logarithm(np.float32(0)) == 0
    assert logarithm(np.float64(0.3)) == math.log1p(0.3)


@_kernel
def exponential(x):
    return blocks.quick_exp(x)


@_kernel
def logarithm(z):
    return blocks.quick_log1p(z)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 150])
@pytest.mark.parametrize("loss", ["softmax", "ova"])
def test_losses_of_any_number_of_scores(loss, n):
    rng = np.random.default_rng(n)
    room = -(-n // blocks.LANES) * blocks.LANES
    scores, targets = (rng.normal(size=room).astype(np.float32) for _ in range(2))
    targets[:n] = rng.dirichlet(np.ones(n))
    expected = reference.loss_of_scores(loss, scores[:n].astype(float), targets[:n])
    share = reference.softmax if loss == "softmax" else reference.sigmoid
    errors = share(scores[:n].astype(float)) - targets[:n]
    name = "softmax" if loss == "softmax" else "logistic"
    found = getattr(losses, name)(scores, targets, n, np.float32(0))
    assert found == pytest.approx(expected, rel=2e-6)
    np.testing.assert_allclose(scores[:n], errors, 1e-5, 1e-7)


# -- float16 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [3, 16, 40])
def test_steps_of_float16_rows(dim):
    rng = np.random.default_rng(dim)
    table = rows_of(rng, 2, dim, np.float16)
    gradient, hidden = rng.normal(size=dim).astype(np.float32), np.zeros(dim, np.float32)
    ids, weights = np.array([1, 0], np.int32), np.array([0.5, 0.25], np.float32)
    blocks.pool_rows(table.view(np.uint16), table.view(np.uint16)[:0], ids, weights, 0, 2, hidden)
    np.testing.assert_allclose(hidden, reference.pool(table.astype(float), ids, weights), 1e-5)
    expected = table.copy()
    for row, weight in zip(ids, weights, strict=True):
        noise = (7 + int(row) * 0x9E3779B97F4A7C15) % 2**64
        for d in range(0, dim, 16):
            noise = (noise * 0x5851F42D4C957F2D + 1) % 2**64
            part = slice(d, d + 16)
            new = table[row, part].astype(np.float32) - np.float32(0.5) * weight * gradient[part]
            expected[row, part] = reference.rounded(new, noise >> 32)
    half = table.view(np.uint16)
    blocks.push_rows(half, half[:0], ids, weights, 0, 2, gradient, np.float32(0.5), np.uint64(7))
    # A sum that is rounded once, not twice, can fall on the other side.
    assert (table != expected).mean() < 0.05
    np.testing.assert_allclose(table, expected, 2e-3)


def test_small_steps_of_float16_are_not_lost():
    """Each is a hundredth of the distance of two numbers; a thousand of them make ten."""
    table = arrays.make_table(1, 64, np.float16)
    table[:] = 1
    half, rng = table.view(np.uint16), np.array([SEED], np.uint64)
    ids, weights = np.zeros(1, np.int32), np.ones(1, np.float32)
    gradient = np.full(64, -(2.0**-10) / 100, np.float32)
    for _ in range(1000):
        noise = np.uint64(random.next_random(rng))
        blocks.push_rows(half, half[:0], ids, weights, 0, 1, gradient, np.float32(1), noise)
    steps = (table.astype(float) - 1) * 2**10
    assert steps.mean() == pytest.approx(10, abs=1.5)
    assert 1 < steps.std() < 6


@pytest.mark.parametrize("loss", ["softmax", "hs", "ova", "ns"])
def test_training_with_float16_is_near_that_with_float32(loss):
    problem = Problem(config_of(loss=loss))
    weights = problem.start(np.float32)
    weights.embeddings = weights.embeddings.astype(np.float16)
    found = problem.train(dtype=np.float32, weights=weights)
    assert found.weights.embeddings.dtype == np.float16
    found.check_near(problem.train(dtype=np.float32), 0.02)


# -- the rest --------------------------------------------------------------------------------------


def test_random_numbers_are_splitmix64():
    state = np.array([2**63 + 11], np.uint64)
    expected, plain = [], 2**63 + 11
    for _ in range(5):
        plain, number = reference.splitmix64(plain)
        expected.append(number)
    assert [int(random.next_random(state)) for _ in range(5)] == expected
    # The published first outputs for seed 0.
    state = np.zeros(1, np.uint64)
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [int(random.next_random(state)) for _ in range(3)] == published


def test_chances_are_even():
    rng = np.array([SEED], np.uint64)
    found = np.array([random.chance(rng) for _ in range(4000)])
    assert found.min() >= 0 and found.max() < 1
    counts = np.histogram(found, bins=8, range=(0, 1))[0]
    assert abs(counts - 500).max() < 100


@pytest.mark.parametrize("mix", MIXES)
def test_each_kernel_is_compiled_once(mix):
    """A second specialisation would mean that a caller lets types vary."""
    problem = Problem(config_of(**MIXES[mix]))
    parts = compose(problem.config)
    train = general.make_trainer(parts)
    problem.train(order=[0, 1], dtype=np.float32)
    problem.train(order=[2], lrs=(0.5, 0.5), dtype=np.float32)
    assert len(getattr(train, "signatures", [()])) == 1
    assert general.make_trainer(parts) is train
