"""Training as a whole: what it learns, that it is reproducible, and what it does when it fails."""

import logging
import math

import numpy as np
import pytest
from reference import MIXES

from fasttext_lite.config import losses
from fasttext_lite.config.fields import SCHEDULES, Config
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.fitting import prepare
from fasttext_lite.fitting.more import fit_more
from fasttext_lite.training import loop, participants, run, schedule
from fasttext_lite.training.weights import init_weights

pytestmark = pytest.mark.bounds

LOSSES = ("softmax", "hs", "ova", "ns")
ROWS = [
    ("sport", "the team won the match with a late goal"),
    ("sport", "a goal in the last minute of the game"),
    ("sport", "球队 在 比赛 的 最后 进球"),
    ("sport", "the coach praised the players"),
    ("sport", "fans filled the stadium for the final"),
    ("food", "simmer the soup with garlic and salt"),
    ("food", "the bread needs an hour in the oven"),
    ("food", "这 家 面馆 的 汤 很 好喝"),
    ("food", "a recipe for apple cake with butter"),
    ("food", "fresh basil makes the sauce"),
    ("money", "the bank raised its interest rate"),
    ("money", "shares fell after the profit warning"),
    ("money", "银行 下调 存款 利率"),
    ("money", "a loan for a house is expensive now"),
    ("money", "inflation eats the savings"),
    ("travel", "the night train to the coast was late"),
    ("travel", "our hotel was near the old town"),
    ("travel", "去 海边 的 火车 票 很 便宜"),
    ("travel", "pack light for the flight"),
    ("travel", "a visa is needed at the border"),
]
TEXTS = Texts.from_sequence([text for _, text in ROWS])
LABELS = Labels.from_rows([[label] for label, _ in ROWS])


def fit(**settings):
    run = {"seed": 1, "n_threads": 1}
    run |= {k: settings.pop(k) for k in ("seed", "n_threads", "callback", "texts", "labels",
                                         "doc_weights") if k in settings}  # fmt: skip
    texts, labels = run.pop("texts", TEXTS), run.pop("labels", LABELS)
    return fitting.fit(texts, labels, Config(**settings), **run)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
@pytest.mark.parametrize("pooling", ["tfidf", "mean"])
def test_twenty_rows_are_learnt_completely(loss, optimizer, pooling):
    lr = 0.2 if optimizer == "adagrad" else 0.5
    lr *= 4 if pooling == "mean" and optimizer == "sgd" else 1
    trainee = fit(loss=loss, optimizer=optimizer, pooling=pooling, epochs=60, lr=lr)
    found = trainee.model.predict(TEXTS).labels[:, 0]
    assert found.tolist() == LABELS.ids.tolist()
    assert trainee.history.loss[-1] < trainee.history.loss[0]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_one_thread_gives_the_same_bits_for_the_same_seed(loss, optimizer):
    a, b, other = (
        fit(loss=loss, optimizer=optimizer, epochs=3, seed=seed, head="learned").model
        for seed in (5, 5, 6)
    )
    assert a.embeddings.tobytes() == b.embeddings.tobytes()
    assert a.output.tobytes() == b.output.tobytes()
    assert a.output.tobytes() != other.output.tobytes()


def test_initial_loss_is_the_logarithm_of_the_labels():
    for init in ("input", "output"):
        trainee = fit(loss="softmax", init=init, lr=1e-9, epochs=1, label_smoothing=0.1)
        assert trainee.history.loss == [pytest.approx(math.log(4), rel=1e-5)]


def test_sorted_rows_are_learnt_as_well_as_shuffled_ones():
    """Rows are visited in a new random order in every epoch, whatever the order of the file."""
    texts = [f"w{i % 40} {'abcd'[label]}{i % 3}" for label in range(4) for i in range(60)]
    labels = [str(label) for label in range(4) for _ in range(60)]
    order = np.random.default_rng(0).permutation(len(texts))
    losses = {}
    for name, rows in (("sorted", np.arange(len(texts))), ("shuffled", order)):
        trainee = fit(
            texts=Texts.from_sequence([texts[i] for i in rows]),
            labels=Labels.from_rows([[labels[i]] for i in rows]),
            epochs=4,
        )
        losses[name] = trainee.history.loss[-1]
    assert losses["sorted"] == pytest.approx(losses["shuffled"], rel=0.05)


def test_order_of_visits():
    visits, spans = [], []

    class Spy(loop.Run):
        def train_block(self, block, step, path, rates, *rest):
            visits.append((block.tolist(), *rates))
            spans.append((step, path))
            return super().train_block(block, step, path, rates, *rest)

    for shuffle in (True, False):
        visits.clear()
        spans.clear()
        original, loop.Run = loop.Run, Spy
        try:
            fit(epochs=3, shuffle=shuffle, lr=0.6)
        finally:
            loop.Run = original
        order = [doc for block, _, _ in visits for doc in block]
        epochs = [order[i : i + 20] for i in (0, 20, 40)]
        assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
        assert (epochs[0] == list(range(20))) == (not shuffle)
        assert (epochs[0] == epochs[1]) == (not shuffle)
        rates = [rate for _, first, last in visits for rate in (first, last)]
        assert rates[0] == 0.6 and rates[-1] == 0
        done = np.cumsum([0, *(len(block) for block, _, _ in visits)]) / 60
        np.testing.assert_allclose([first for _, first, _ in visits], 0.6 * (1 - done[:-1]))
        np.testing.assert_allclose([step for step, _ in spans], 60 * done[:-1])
        every = 0.6 * (1 - np.arange(60) / 60)  # the learning rate of each step
        paths = [every[:step].sum() for step, _ in spans]
        np.testing.assert_allclose([path for _, path in spans], paths, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_threads_train_as_well_as_one(loss):
    rows = ROWS * 40
    texts = Texts.from_sequence([text for _, text in rows])
    labels = Labels.from_rows([[label] for label, _ in rows])
    # A tree of similar labels is made of a first training, and may differ from run to run.
    run = {"texts": texts, "labels": labels, "loss": loss, "tree": "huffman"}
    results = [fit(**run, n_threads=n) for n in (1, 4)]
    final = [trainee.history.loss[-1] for trainee in results]
    assert final[1] == pytest.approx(final[0], rel=0.1)
    found = results[1].model.predict(texts).labels[:, 0]
    assert (found == labels.ids).mean() > 0.95


@pytest.mark.parametrize("loss", LOSSES)
def test_divergence_is_noticed_and_repaired(caplog, loss):
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        trainee = fit(loss=loss, lr=200.0, epochs=30)
    history = trainee.history
    assert history.restarts > 0 and history.lr == pytest.approx(200 / 4**history.restarts)
    assert "training diverged with lr=200; starting again with lr=50" in caplog.text
    assert len(history.loss) == 30 and np.isfinite(history.loss).all()
    assert np.isfinite(trainee.model.embeddings).all() and np.isfinite(trainee.model.output).all()
    found = trainee.model.predict(TEXTS).labels[:, 0]
    assert (found == LABELS.ids).mean() >= 0.9


@pytest.mark.parametrize("loss", LOSSES)
def test_blank_loss_is_the_loss_of_zero_scores(loss):
    trainee = fit(loss=loss, lr=1e-9, epochs=1, label_smoothing=0, init="input")
    needs = participants.find_participants(trainee.model.config, LABELS, trainee.model.tree)
    blank = losses.LOSSES[loss].blank(needs.n_decisions)
    tolerance = 0.2 if loss == "ns" else 1e-5  # some draws of negatives hit the label itself
    assert trainee.history.loss[0] == pytest.approx(blank, rel=tolerance)


def test_divergence_beyond_repair_is_an_error(monkeypatch):
    monkeypatch.setattr(run.Run, "epoch", lambda *args: math.nan)
    with pytest.raises(TrainingError, match="diverged .* lr=0.1, and still with lr=.*smaller lr"):
        fit(lr=0.1)


def test_progress_is_reported():
    seen = []
    fit(epochs=3, callback=seen.append)
    assert [p.epoch for p in seen if p.fraction in (1 / 3, 2 / 3, 1.0)][-3:] == [1, 2, 3]
    assert seen[-1].fraction == 1 and seen[-1].lr == 0 and seen[-1].texts_per_second > 0
    assert np.isfinite([p.loss for p in seen]).all()


@pytest.mark.parametrize("n_threads", [1, 3])
def test_what_a_callback_raises_ends_the_training(n_threads):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(epochs=1000, callback=stop, n_threads=n_threads)


def test_an_error_in_a_thread_reaches_the_caller(monkeypatch):
    def fail(self, block, *args):
        raise MemoryError("no room")

    monkeypatch.setattr(run.Run, "train_block", fail)
    rows = ROWS * 20
    with pytest.raises(MemoryError, match="no room"):
        fit(
            texts=Texts.from_sequence([t for _, t in rows]),
            labels=Labels.from_rows([[label] for label, _ in rows]),
            n_threads=3,
        )


def test_weights_of_documents_count():
    weights = np.ones(20, np.float32)
    weights[LABELS.ids == LABELS.names.index("food")] = 8
    heavy, plain = fit(doc_weights=weights, epochs=2), fit(epochs=2)
    food = LABELS.names.index("food")
    columns = [t.model.probabilities(["the"])[0, food] for t in (heavy, plain)]
    assert columns[0] > columns[1]


def test_label_smoothing_keeps_probabilities_modest():
    high = [
        fit(epochs=100, lr=1.0, label_smoothing=s).model.probabilities(TEXTS).max()
        for s in (0.0, 0.3)
    ]
    assert high[0] > 0.97 and high[1] < 0.85


@pytest.mark.parametrize(
    ("names", "message"),
    [([], "at least 2 labels; found 0"), (["x"], r"at least 2 labels; found 1 \('x'\)")],
)
def test_too_few_labels(names, message):
    labels = Labels.from_rows([names, names])
    with pytest.raises(TrainingError, match=message):
        fitting.fit(Texts.from_sequence(["a", "b"]), labels, Config())


def test_no_features_at_all():
    labels = Labels.from_rows([["x"], ["y"]])
    with pytest.raises(TrainingError, match="no text has any feature"):
        fitting.fit(Texts.from_sequence(["", " "]), labels, Config())


@pytest.mark.parametrize(
    ("name", "expected"),  # at 0, 1/4, 1/2, 0.7, 1
    [
        ("linear", [1, 0.75, 0.5, 0.3, 0]),
        ("constant", [1, 1, 1, 1, 1]),
        ("step", [1, 1, 0.1, 0.01, 0.01]),
        ("exponential", [1, 0.316228, 0.1, 0.039811, 0.01]),
        ("inverse", [1, 0.307692, 0.181818, 0.136986, 0.1]),
        ("cosine", [1, 0.853553, 0.5, 0.206107, 0]),
    ],
)
def test_schedules(name, expected):
    factor = schedule.make_schedule(name)
    found = [factor(progress) for progress in (0, 0.25, 0.5, 0.7, 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)
    warm = schedule.make_schedule(name, 0.2)
    np.testing.assert_allclose([warm(p) for p in (0, 0.1, 0.15)], [0, 0.5, 0.75])
    found = [warm(0.2 + 0.8 * progress) for progress in (0, 0.25, 0.5, 0.7, 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)


def test_every_schedule_is_there_and_trains():
    assert set(schedule._SHAPES) == set(SCHEDULES)
    for name in SCHEDULES:
        trainee = fit(schedule=name, warmup=0.1, epochs=30, lr=0.5)
        found = trainee.model.predict(TEXTS).labels[:, 0]
        assert (found == LABELS.ids).all(), name


def test_negatives_are_drawn_by_the_root_of_the_count():
    table = participants._negative_table(np.array([900, 100, 0]), 7)
    assert table[0] == 7 and table.dtype == np.int32
    counts = np.bincount(table[1:])
    assert counts[0] / counts[1] == pytest.approx(3, rel=1e-4)
    assert counts[2] >= 1


GOLDEN_LOSSES = {
    "softmax": [1.41456, 0.613465, 0.418274, 0.376555, 0.366851],
    "hs": [1.401551, 0.833863, 0.591783, 0.496079, 0.46534],
    "ova": [2.68157, 1.516118, 1.0185, 0.811113, 0.748336],
    "ns": [3.772206, 2.217622, 1.4407, 0.997484, 0.93718],
}


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_five_epochs_are_frozen(loss):
    """A known curve is the best test of a training loop; sums may differ in the last bits."""
    trainee = fit(
        loss=loss, epochs=5, lr=0.5, dim=8, tree="huffman", head="learned", pooling="tfidf",
        supervision=0.0, bias=False, boundaries=False, word_ngrams=2,
    )  # fmt: skip
    np.testing.assert_allclose(trainee.history.loss, GOLDEN_LOSSES[loss], rtol=1e-4)


def test_a_heavy_document_is_visited_often_and_moves_little_at_a_time():
    weights = np.ones(20)
    weights[7] = 4.5
    visits, steps = [], []

    class Spy(loop.Run):
        def train_block(self, block, *args):
            visits.extend(block.tolist())
            steps.extend(self.doc_weights[block].tolist())
            return super().train_block(block, *args)

    original, loop.Run = loop.Run, Spy
    try:
        fit(epochs=2, doc_weights=weights)
    finally:
        loop.Run = original
    assert np.bincount(visits).tolist() == [2] * 7 + [10] + [2] * 12
    assert sum(steps) == pytest.approx(2 * weights.sum()) and max(steps) == 1


def test_rare_labels_of_great_weight_do_not_diverge():
    """Balanced weights of a label with five texts among thousands."""
    rng = np.random.default_rng(0)
    texts = [f"w{a} w{b}" for a, b in rng.integers(0, 500, (4000, 2))]
    rows = [["common"]] * 4000
    for i in range(5):
        texts[i], rows[i] = f"rare w{i}", ["rare"]
    labels = Labels.from_rows(rows)
    weights = np.where(labels.ids == labels.names.index("rare"), 400.0, 0.5)
    trainee = fit(texts=Texts.from_sequence(texts), labels=labels, doc_weights=weights)
    assert trainee.history.restarts == 0
    found = trainee.model.predict(["rare w1", "rare", "w3 w4"]).labels[:, 0]
    assert [labels.names[i] for i in found] == ["rare", "rare", "common"]


def test_blocks_are_small_where_documents_are_expensive(monkeypatch):
    monkeypatch.setattr(run, "BLOCK_WORK", 4 * 16)
    sizes = []

    class Spy(loop.Run):
        def train_block(self, block, *args):
            sizes.append(len(block))
            return super().train_block(block, *args)

    monkeypatch.setattr(loop, "Run", Spy)
    fit(epochs=1, dim=16, loss="softmax")
    assert sizes == [1] * 20
    # A hidden layer counts: 4 x 8 in the output, 8 x 17 in the layer.
    for work, size in ((2 * (32 + 136), 2), (2 * (32 + 136) - 1, 1)):
        sizes.clear()
        monkeypatch.setattr(run, "BLOCK_WORK", work)
        fit(epochs=1, dim=16, loss="softmax", units=8)
        assert sizes == [size] * (20 // size)


def test_the_probe_of_the_update_ratio_leaves_no_trace():
    """Not even where the documents of an epoch have other features than the texts."""
    texts = Texts.from_sequence([f"a{i} b{i}" for i in range(80)])  # more than it looks at
    labels = Labels.from_rows([["even"], ["odd"]] * 40)
    prepared = prepare.prepare(texts, labels, Config(loss="softmax", head="learned", maxn=0))
    config, features = prepared.config, prepared.features
    n_rows = prepared.space.n_rows
    order = np.random.default_rng(0).permutation(n_rows).astype(np.int32)

    def noisy(epoch):
        return FeatureMatrix(order[features.ids], features.weights, features.indptr)

    def run(settings, probe):
        ratios = []

        def on_epoch(end):
            if probe:
                ratios.append(end.update_ratio())
            return False

        weights, _ = loop.train(
            lambda: init_weights(settings, n_rows, 2, 1), features, labels, settings,
            on_epoch=on_epoch, noisy=noisy,
        )  # fmt: skip
        return weights, ratios

    settings = config.replace(optimizer="adam", lr=0.01, epochs=2)
    (probed, ratios), (plain, _) = run(settings, True), run(settings, False)
    assert len(ratios) == 2 and all(ratio > 0 for ratio in ratios)
    np.testing.assert_array_equal(probed.embeddings, plain.embeddings)
    np.testing.assert_array_equal(probed.output, plain.output)
    for name, state in plain.states.items():
        np.testing.assert_array_equal(probed.states[name].moments, state.moments)
        np.testing.assert_array_equal(probed.states[name].seen, state.seen)


# -- every part of the kernel -----------------------------------------------------------------

# A good learning rate of each optimizer on the toy texts; the adaptive ones take larger steps. Of
# one that is not here: its own for a learned head.
RATES = {
    **{name: (each.rates or (0.3, 0.3))[1] for name, each in OPTIMIZERS.items()},
    "sgd": 0.3, "momentum": 0.05, "nesterov": 0.05, "adagrad": 0.1, "rmsprop": 0.01,
    "adadelta": 2.0, "adam": 0.01, "adamax": 0.02,
}  # fmt: skip
COLOURS = ["red", "green", "blue", "grey"]
TOY = [(name, f"{name} w{i}") for i in range(16) for name in COLOURS]
TOY_TEXTS = Texts.from_sequence([text for _, text in TOY])
TOY_LABELS = Labels.from_rows([[name] for name, _ in TOY])


def toy(**settings):
    """Train on texts that one word decides."""
    lr = RATES[settings.get("optimizer", "sgd")]
    defaults = {"dim": 8, "head": "learned", "loss": "softmax", "lr": lr, "epochs": 40, "maxn": 0}
    return fit(texts=TOY_TEXTS, labels=TOY_LABELS, **(defaults | settings))


def accuracy(model):
    return float((model.predict(TOY_TEXTS).labels[:, 0] == TOY_LABELS.ids).mean())


@pytest.mark.parametrize("mix", MIXES)
def test_every_mix_of_parts_learns(mix):
    settings = dict(MIXES[mix])
    if "units" in settings:
        settings["units"] = 12
        if settings.get("optimizer", "sgd") == "sgd":
            settings["lr"] = 0.01  # at a higher one, no unit is left above zero
    for penalty in ("l1", "l2"):
        if penalty in settings:
            settings[penalty] = 1e-4
    trainee = toy(**settings)
    assert accuracy(trainee.model) > 0.9
    assert trainee.history.restarts == 0
    assert trainee.history.loss[-1] < trainee.history.loss[0] / 2


@pytest.mark.parametrize(
    "settings",
    [
        {"norm": "batch", "feature_dropout": 0.1, "hidden_dropout": 0.1},
        {"norm": "batch", "units": 12, "optimizer": "adam"},
        {"optimizer": "sgd", "max_norm": 3.0, "clip": 0.5, "averaging": 0.5},
    ],
    ids=str,
)
def test_other_parts_learn(settings):
    trainee = toy(**settings)
    assert accuracy(trainee.model) > 0.9
    assert trainee.history.restarts == 0


@pytest.mark.parametrize("n_threads", [1, 2])
def test_batches_are_whole(n_threads, monkeypatch):
    """But for the last one of an epoch; whatever the number of threads."""
    sizes = []
    monkeypatch.setattr("fasttext_lite.fitting.fit.choose", lambda prepared, *_: prepared)

    class Spy(loop.Run):
        def train_block(self, block, *args):
            sizes.append(len(block))
            return super().train_block(block, *args)

    rows = TOY * 3 + TOY[:10]
    texts = Texts.from_sequence([text for _, text in rows])
    labels = Labels.from_rows([[label] for label, _ in rows])
    original, loop.Run = loop.Run, Spy
    try:
        trainee = fit(
            texts=texts, labels=labels, norm="batch", loss="softmax", lr=0.1, epochs=8,
            n_threads=n_threads,
        )  # fmt: skip
    finally:
        loop.Run = original
    assert sorted(sizes) == [10] * 8 + [32] * 6 * 8
    # So many batches, and prediction standardises as training does.
    pooled = trainee.model.features(texts)
    vectors = np.zeros((len(rows), trainee.model.dim))
    owners = np.repeat(np.arange(len(rows)), np.diff(pooled.indptr))
    np.add.at(vectors, owners, pooled.weights[:, None] * trainee.model.embeddings[pooled.ids])
    np.testing.assert_allclose(trainee.model.norm[3], vectors.var(axis=0), rtol=0.3)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_threads_at_different_steps_keep_the_state(optimizer):
    rows = TOY * 30
    texts = Texts.from_sequence([text for _, text in rows])
    labels = Labels.from_rows([[label] for label, _ in rows])
    settings = {"optimizer": optimizer, "lr": RATES[optimizer], "dim": 8, "maxn": 0, "epochs": 2}
    results = [
        fit(texts=texts, labels=labels, loss="softmax", head="learned", n_threads=n, **settings)
        for n in (1, 2)
    ]
    final = [trainee.history.loss[-1] for trainee in results]
    assert final[1] == pytest.approx(final[0], rel=0.1)
    assert results[1].history.restarts == 0
    assert accuracy(results[1].model) > 0.9
    steps = [trainee.weights.states["output"].seen[:, 2].max() for trainee in results]
    assert steps == [2 * len(rows) - 1] * 2


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_more_training_goes_on_with_the_state(optimizer):
    """Two epochs are an epoch and one more, to the last bit."""
    settings = {
        "optimizer": optimizer, "loss": "softmax", "head": "learned", "lr": RATES[optimizer],
        "dim": 8, "schedule": "constant", "shuffle": False, "pooling": "mean",
    }  # fmt: skip
    both = toy(**settings, epochs=2)
    first = toy(**settings, epochs=1)
    kept = first.weights.copy()
    more = fit_more(first, TOY_TEXTS, TOY_LABELS, seed=1, n_threads=1)
    assert more.weights.steps == both.weights.steps == 2 * len(TOY)
    assert more.weights.path == pytest.approx(both.weights.path)
    np.testing.assert_array_equal(more.weights.embeddings, both.weights.embeddings)
    np.testing.assert_array_equal(more.weights.output, both.weights.output)
    for name, state in both.weights.states.items():
        np.testing.assert_array_equal(more.weights.states[name].moments, state.moments)
        np.testing.assert_array_equal(more.weights.states[name].seen, state.seen)
    np.testing.assert_array_equal(first.weights.embeddings, kept.embeddings)
    assert first.weights.steps == len(TOY)


def test_more_training_decays_and_grows():
    """Weight decay goes on where it stopped; new rows owe nothing for the time before them."""
    first = toy(l2=0.01, epochs=3)
    texts = [f"{name} new{i}" for name, i in zip(COLOURS * 2, range(8), strict=True)]
    labels = Labels(np.arange(8, dtype=np.int32) % 4, np.arange(9), first.model.labels)
    more = fit_more(first, Texts.from_sequence(texts), labels, n_threads=1)
    n_old = len(first.weights.embeddings)
    assert len(more.weights.embeddings) > n_old
    assert more.weights.steps == 3 * len(TOY) + 8
    assert more.weights.path == pytest.approx(first.weights.path + 8 * RATES["sgd"])
    for state in (more.weights.states["embeddings"], more.weights.states["output"]):
        assert (state.seen[:, 0] == more.weights.steps).all()
    used = np.zeros(len(more.weights.embeddings), bool)
    used[more.model.features(texts).ids] = True
    resting = np.flatnonzero(~used[:n_old])
    expected = first.weights.embeddings[resting] * math.exp(-0.01 * 8 * RATES["sgd"])
    np.testing.assert_allclose(more.weights.embeddings[resting], expected, rtol=1e-5)
    assert resting.size and more.weights.embeddings[n_old:].any()


@pytest.mark.parametrize("loss", [*LOSSES, "squared_hinge"])
@pytest.mark.parametrize("head", ["learned", "linear"])
def test_float16_learns_as_float32_does(loss, head):
    """The same losses but for the rounding, and the same bits for the same seed."""
    lr = 0.01 if loss == "squared_hinge" else 0.1
    settings = {"loss": loss, "head": head, "lr": lr, "dim": 16, "epochs": 20, "tree": "huffman"}
    single, half, again = (fit(dtype=d, **settings) for d in ("float32", "float16", "float16"))
    assert half.weights.embeddings.dtype == np.float16
    np.testing.assert_allclose(half.history.loss, single.history.loss, rtol=0.02)
    assert half.weights.embeddings.tobytes() == again.weights.embeddings.tobytes()
    more = fit_more(half, TEXTS, LABELS, seed=1, n_threads=1)
    assert more.weights.embeddings.dtype == np.float16
    assert more.history.loss[-1] < half.history.loss[0]


def test_threads_have_an_output_table_of_their_own_where_all_of_it_changes(monkeypatch):
    monkeypatch.setattr(run, "STEPS_APART", 64)
    for loss, head, expected in (
        ("softmax", "learned", 64), ("ova", "learned", 64),
        ("hs", "learned", 0), ("ns", "learned", 0), ("ova", "linear", 0),
    ):  # fmt: skip
        config = Config(loss=loss, head=head)
        assert run.steps_apart(config, 2) == expected
        assert run.steps_apart(config, 1) == 0


def test_threads_with_tables_of_their_own_train_as_well(monkeypatch):
    losses = []
    for apart in (0, 16):
        monkeypatch.setattr(run, "STEPS_APART", apart)
        rows = ROWS * 40
        trainee = fit(
            texts=Texts.from_sequence([text for _, text in rows]),
            labels=Labels.from_rows([[label] for label, _ in rows]),
            loss="softmax", head="learned", n_threads=2,
        )  # fmt: skip
        losses.append(trainee.history.loss[-1])
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


def test_rows_that_many_texts_have():
    """The first is in all of eight texts, the second in half of them, the third in a quarter."""
    documents = [[0, 1, 2], [0, 1, 2], [0, 1], [0, 1, 3], [0, 4], [0, 5], [0, 6], [0]]
    ids = np.array([row for rows in documents for row in rows], np.int32)
    indptr = np.append(0, np.cumsum([len(rows) for rows in documents]))
    features = FeatureMatrix(ids, np.ones(ids.size, np.float32), indptr)
    order = np.arange(8, dtype=np.int32)
    assert run.rows_apart(features, order) == 3
    assert run.rows_apart(features, np.repeat(order, 300)) == 3
    assert run.rows_apart(features, order[-1:]) == 1
    assert run.rows_apart(features, order[:0]) == 0


@pytest.mark.parametrize(("loss", "head"), [("ova", "linear"), ("hs", "learned")])
def test_threads_with_rows_of_their_own_train_as_well(monkeypatch, loss, head):
    losses, found = [], []
    rows_apart = run.rows_apart
    monkeypatch.setattr(run, "OFTEN", 64)
    for n_own in (0, None):

        def counted(features, order, n_own=n_own):
            found.append(rows_apart(features, order) if n_own is None else n_own)
            return found[-1]

        monkeypatch.setattr(run, "rows_apart", counted)
        rows = ROWS * 40
        trainee = fit(
            texts=Texts.from_sequence([text for _, text in rows]),
            labels=Labels.from_rows([[label] for label, _ in rows]),
            loss=loss, head=head, n_threads=2,
            # One of similar labels is made of a first training, and may differ from run to run.
            tree="huffman",
        )  # fmt: skip
        losses.append(trainee.history.loss[-1])
    assert found[0] == 0 and found[-1] > 0
    assert losses[1] == pytest.approx(losses[0], rel=0.1)
