"""Watching a training: reports, callbacks, log, early stopping, warnings."""

import dataclasses
import json
import logging
import math
import os
import re

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.corpus.split import set_aside
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, TrainingError
from fasttext_lite.estimators.classifier import FastTextClassifier
from fasttext_lite.estimators.ensemble import FastTextEnsemble
from fasttext_lite.evaluation.scores import evaluate
from fasttext_lite.fitting import advice, measures, monitor, prepare
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.fitting.log import TrainingLog
from fasttext_lite.fitting.monitor import Watch
from fasttext_lite.fitting.report import EpochReport
from fasttext_lite.model.calibration import Calibration

WORDS = {
    "food": "soup bread noodles rice pepper salt oven butter 热汤 面条",
    "sport": "goal match coach team score league race medal 进球 比赛",
    "weather": "rain storm cloud sunny frost wind snow heat 下雨 台风",
    "money": "bank loan rate shares profit price 存款 利率 inflation euro",
}
LOSSES = ("softmax", "hs", "ova", "ns", "hinge", "squared_hinge")
SMALL = {"dim": 8, "maxn": 0, "bucket": 5000, "lr": 0.3}


def rows(n=20, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    names = list(WORDS)
    found = []
    for _ in range(n):
        for label, words in WORDS.items():
            text = " ".join(rng.permutation(words.split())[:4].tolist())
            wrong = names[rng.integers(len(names))]
            found.append((wrong if rng.random() < noise else label, text))
    return found


def corpus(n=20, seed=0, noise=0.0, several=False, names=None):
    found = rows(n, seed, noise)
    label_rows = [[label] for label, _ in found]
    if several:
        for i in range(0, len(found), 3):
            label_rows[i] = sorted({*label_rows[i], "extra"})
        label_rows[1] = []
    texts = Texts.from_sequence([text for _, text in found])
    return texts, Labels.from_rows(label_rows, names), label_rows


def fit(watch=None, data=None, **settings):
    texts, labels, _ = data or corpus()
    run = {key: settings.pop(key) for key in ("doc_weights", "seed") if key in settings}
    config = Config(**{**SMALL, **settings})
    return fitting.fit(texts, labels, config, watch=watch, n_threads=1, **{"seed": 3, **run})


def report(epoch=1, loss=1.0, valid=None, update=1e-3, valid_loss=None):
    return EpochReport(epoch, loss, 0.1, 1.0, 0.9, valid, valid_loss, update, 0.0)


# -- reports ---------------------------------------------------------------------------------


def test_reports_have_what_the_epochs_had():
    train, valid = corpus(), corpus(5, seed=9)
    reports = []
    watch = Watch(valid[:2] and (valid[0], Labels.from_rows(valid[2], train[1].names)),
                  (reports.append,))  # fmt: skip
    trainee = fit(watch, train, epochs=4)
    assert [r.epoch for r in reports] == [1, 2, 3, 4]
    assert [r.loss for r in reports] == trainee.history.loss
    assert trainee.history.reports == reports
    np.testing.assert_allclose([r.lr for r in reports], 0.3 * (1 - np.array([1, 3, 5, 7]) / 8))
    last = reports[-1]
    assert last.valid_accuracy == evaluate(trainee.model, valid[0], valid[2]).accuracy
    assert last.train_accuracy == evaluate(trainee.model, train[0], train[2]).accuracy
    assert all(r.seconds > 0 and 0 < r.update_ratio < 1 for r in reports)
    assert last.valid_accuracy > 0.9


def test_watching_changes_nothing():
    for settings in ({}, {"optimizer": "adam", "lr": 0.01}, {"norm": "batch"}, {"averaging": 0.5}):
        plain = fit(epochs=3, **settings).model
        watched = fit(Watch(corpus(3, 1)[:2]), epochs=3, **settings).model
        # The sums of the averages are cut at each look: they are rounded otherwise.
        tolerance = 1e-5 if "averaging" in settings else 0
        for name in ("embeddings", "output"):
            a, b = getattr(plain, name), getattr(watched, name)
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
            assert np.abs(a).max() > 0.1


def test_a_plain_training_is_not_watched(monkeypatch):
    def fail(*_, **__):
        raise AssertionError

    monkeypatch.setattr(monitor.Monitor, "__init__", fail)
    assert fit(epochs=1).history.reports == []


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
@pytest.mark.parametrize("settings", [{}, {"focal": 1.5}, {"label_smoothing": 0.0}], ids=str)
def test_loss_is_that_of_training(loss, several, settings):
    """At a tiny learning rate, the loss on the training texts is the training loss itself."""
    if "focal" in settings and "hinge" in loss:
        settings = {"label_smoothing": 0.3}
    data = corpus(several=several)
    rate = {"lr": 1e-9, "epochs": 1, "init": "normal"}
    found = fit(Watch(data[:2]), data, loss=loss, **rate, **settings).history.reports[0]
    assert found.valid_loss == pytest.approx(found.loss, rel=0.05 if loss == "ns" else 1e-4)


def test_loss_by_hand():
    data = corpus()
    model = fit(data=data, loss="softmax", label_smoothing=0.2, epochs=2).model
    features = model.features(data[0])
    log_p = np.log(model.replace(calibration=Calibration(1.0)).probabilities(features))
    targets = np.full(log_p.shape, 0.2 / 4)
    targets[np.arange(80), data[1].ids] += 0.8
    expected = -(targets * log_p).sum(axis=1).mean()
    assert measures.mean_loss(model, features, data[1]) == pytest.approx(expected, rel=1e-5)


def test_unknown_labels_are_errors_without_a_loss():
    texts, labels, _ = corpus()
    strange = Labels(np.where(labels.ids == 0, -1, labels.ids), labels.indptr, labels.names)
    found = fit(Watch((texts, strange)), (texts, labels, None), epochs=8).history.reports[-1]
    assert found.train_accuracy == 1
    assert found.valid_accuracy == 0.75
    nobody = Labels(np.full(80, -1, np.int32), labels.indptr, labels.names)
    found = fit(Watch((texts, nobody)), (texts, labels, None), epochs=1).history.reports[-1]
    assert found.valid_accuracy == 0 and found.valid_loss is None


def test_train_accuracy_is_of_a_sample(monkeypatch):
    monkeypatch.setattr(monitor, "TRAIN_SAMPLE", 7)
    shares = [r.train_accuracy * 7 for r in fit(Watch(), epochs=3).history.reports]
    assert shares == pytest.approx(np.round(shares))


@pytest.mark.parametrize("several", [False, True])
def test_accuracy_is_that_of_the_evaluation(several):
    texts, labels, label_rows = corpus(several=several, noise=0.4)
    model = fit(data=(texts, labels, None), epochs=1).model
    found = measures.right_share(model, model.features(texts), labels)
    assert found == evaluate(model, texts, label_rows).accuracy


def test_reports_of_several_labels_tell_exact_matches():
    data, valid = corpus(several=True, noise=0.4), corpus(5, seed=9, several=True)
    pair = valid[0], Labels.from_rows(valid[2], data[1].names)
    trainee = fit(Watch(pair), data, epochs=6)
    last = trainee.history.reports[-1]
    result = evaluate(trainee.model, valid[0], valid[2])
    assert last.valid_accuracy == result.accuracy == result.n_right / len(valid[2])
    assert result.accuracy < result.micro_f1 < 1, "the case tells the figures apart"
    assert last.figure == result.figure == "exact match"
    assert f", exact match train {last.train_accuracy:.3f}, valid {last.valid_accuracy:.3f}, " in (
        last.line(6)
    )
    assert "exact" not in report(valid=0.5).line(6)


def test_dead_rows():
    table = np.ones((10, 4), np.float32)
    table[:3] = 0
    table[3] = 1e-6
    assert measures.dead_share(table) == 0.4
    assert measures.dead_share(np.zeros((2, 4), np.float32)) == 1
    assert measures.dead_share(np.zeros((0, 4), np.float32)) == 0


def test_line():
    line = EpochReport(3, 0.43119, 0.06, 1.23, 0.912, 0.887, 0.5, 1e-3, 0.0).line(5)
    assert line == "epoch 3/5: loss 0.4312, train 0.912, valid 0.887, lr 0.06, 1.2 s"
    assert report().line(1) == "epoch 1/1: loss 1.0000, train 0.900, lr 0.1, 1.0 s"


# -- callbacks and restarts ------------------------------------------------------------------


def test_a_callback_stops_the_training():
    seen = []

    def stop(found):
        seen.append(found.epoch)
        return found.epoch == 2

    history = fit(Watch(callbacks=(stop, lambda _: 17)), epochs=6).history
    assert seen == [1, 2] and len(history.loss) == 2 == len(history.reports)
    assert history.best_epoch is None
    assert len(fit(Watch(callbacks=(lambda _: np.True_,)), epochs=6).history.loss) == 1


def test_an_error_in_a_callback_ends_the_training():
    with pytest.raises(ZeroDivisionError):
        fit(Watch(callbacks=(lambda _: 1 / 0,)))


def test_reports_begin_anew_after_a_divergence(tmp_path):
    epochs = []
    watch = Watch(corpus(3, 1)[:2], (lambda r: epochs.append(r.epoch),), tmp_path / "x.jsonl")
    # The loss blows up in the second epoch of the first attempt.
    trainee = fit(watch, epochs=6, lr=60.0, warmup=0.5, loss="softmax", label_smoothing=0.1)
    history = trainee.history
    assert history.restarts > 0
    assert [r.epoch for r in history.reports] == [1, 2, 3, 4, 5, 6]
    assert epochs[-6:] == [1, 2, 3, 4, 5, 6] and len(epochs) > 6
    events = [json.loads(line)["event"] for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert events[-8:] == ["restart", *["epoch"] * 6, "end"]


# -- the log ---------------------------------------------------------------------------------


def test_log(tmp_path):
    path = tmp_path / "log.jsonl"
    seen = []

    def look(found):
        seen.append(path.read_text("utf-8").count("\n"))

    trainee = fit(Watch(corpus(3, 1)[:2], (look,), path), epochs=3)
    assert seen == [2, 3, 4]  # each line is there as soon as its epoch ends
    first, *epochs, last = map(json.loads, path.read_text("utf-8").splitlines())
    assert first["event"] == "start"
    assert (first["n_texts"], first["n_labels"], first["n_valid"]) == (80, 4, 12)
    assert Config.from_dict(first["config"]) == trainee.model.config
    assert [EpochReport(**{k: v for k, v in line.items() if k != "event"}) for line in epochs] == (
        trainee.history.reports
    )
    assert last["event"] == "end" and last["kept_epoch"] == 3 == last["epochs"]
    assert last["stopped_early"] is False
    assert last["valid_accuracy"] == trainee.history.reports[-1].valid_accuracy


def test_a_training_broken_off_leaves_whole_lines(tmp_path):
    path = tmp_path / "log.jsonl"

    def fail(found):
        if found.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(Watch(callbacks=(fail,), log=path), epochs=5)
    text = path.read_text()
    assert text.endswith("\n")
    assert [json.loads(line)["event"] for line in text.splitlines()] == ["start", *["epoch"] * 2]


def test_what_is_not_finite_is_null_in_the_log(tmp_path):
    log = TrainingLog(tmp_path / "x")
    log.write("epoch", {"loss": math.nan, "lr": math.inf, "name": "\ud800体"})
    log.close()
    found = json.loads((tmp_path / "x").read_text("utf-8"))
    assert found == {"event": "epoch", "loss": None, "lr": None, "name": "?体"}


@pytest.mark.parametrize(
    "name, says",
    [
        ("", "needs the name of a file"),
        ("-", "needs the name of a file"),
        ("folder", "is a directory"),
        ("none/x", "no such folder"),
        ("file/x", "no such folder"),
    ],
)
def test_where_no_log_can_be_written(tmp_path, name, says, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    monkeypatch.chdir(tmp_path)

    def fail(*_):
        raise AssertionError("too late")

    monkeypatch.setattr(prepare, "prepare", fail)
    with pytest.raises(InputError, match=f"^{name}: cannot write the log: .*{says}"):
        fit(Watch(log=name))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_a_full_disk():
    with pytest.raises(InputError, match="^/dev/full: cannot write the log: no space left"):
        fit(Watch(log="/dev/full"))


# -- early stopping --------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
def test_the_best_weights_are_kept(loss, several):
    train = corpus(noise=0.5, several=several)
    valid = corpus(8, 5, several=several, names=train[1].names)
    weights = np.random.default_rng(0).uniform(0.5, 2, 80).astype(np.float32)
    settings = {"epochs": 12, "loss": loss, "doc_weights": weights, "lr": 0.5}
    stopped = fit(Watch(valid[:2]), train, patience=3, **settings)
    history = stopped.history
    ranks = [(r.valid_accuracy, -r.valid_loss) for r in history.reports]
    best = history.best_epoch
    assert ranks[best - 1] == max(ranks) and ranks.index(max(ranks)) == best - 1
    accuracy = [rank[0] for rank in ranks]
    assert len(ranks) == min(12, accuracy.index(max(accuracy)) + 4)
    # The same as a training that a callback ends after that epoch.
    again = fit(
        Watch(valid[:2], (lambda r: r.epoch == best,)), train, **settings
    )  # fmt: skip
    assert stopped.model.embeddings.tobytes() == again.model.embeddings.tobytes()
    assert stopped.model.output.tobytes() == again.model.output.tobytes()
    assert evaluate(stopped.model, valid[0], valid[2]).accuracy == ranks[best - 1][0]


@pytest.mark.parametrize(
    "settings",
    [{"optimizer": "adam", "lr": 0.02}, {"averaging": 0.9}, {"norm": "batch"}, {"units": 6}],
    ids=str,
)
def test_the_state_of_the_optimizer_is_that_of_the_best_epoch(settings):
    train, valid = corpus(noise=0.5), corpus(8, 5)
    settings = {"epochs": 10, "lr": 0.5, **settings}
    pair = valid[0], Labels.from_rows(valid[2], train[1].names)
    stopped = fit(Watch(pair), train, patience=2, **settings)
    best = stopped.history.best_epoch
    again = fit(Watch(pair, (lambda r: r.epoch == best,)), train, **settings)
    for name in ("embeddings", "output", "norm", "layer"):
        a, b = getattr(stopped.weights, name), getattr(again.weights, name)
        assert a.tobytes() == b.tobytes()
        for array, other in zip(
            vars(stopped.weights.states[name]).values(),
            vars(again.weights.states[name]).values(),
            strict=True,
        ):
            assert array.tobytes() == other.tobytes()
    assert stopped.weights.steps == again.weights.steps == 80 * best
    assert np.shares_memory(stopped.model.embeddings, stopped.weights.embeddings)


def test_ties_go_to_the_lower_loss():
    a, b, c = (
        report(valid=0.9, valid_loss=0.5),
        report(valid=0.9, valid_loss=0.4),
        report(valid=0.9),
    )
    d = report(valid=0.91, valid_loss=9.0)
    assert sorted([b, d, a, c], key=lambda report: report.rank) == [c, a, b, d]


def test_rows_are_set_aside_without_validation_data(tmp_path):
    texts, labels, _ = corpus(25)
    path = tmp_path / "log.jsonl"
    trainee = fit(Watch(log=path), (texts, labels, None), patience=2, valid_fraction=0.2, epochs=4)
    trained, aside = set_aside(labels, 0.2, 3)
    assert aside.size == 20
    model = trainee.model
    assert model.n_texts == 80 == model.label_counts.sum()
    assert json.loads(path.read_text().splitlines()[0])["n_valid"] == 20
    # As if only the others had been there, and these given.
    pair = texts.take(aside), labels.take(aside)
    rest = texts.take(trained), labels.take(trained), None
    other = fit(Watch(pair), rest, patience=2, valid_fraction=0.2, epochs=4)
    assert other.model.embeddings.tobytes() == model.embeddings.tobytes()
    assert [r.valid_loss for r in other.history.reports] == [
        r.valid_loss for r in trainee.history.reports
    ]


def test_rows_are_set_aside_from_prepared_features():
    texts, labels, _ = corpus(25)
    config = Config(**SMALL, patience=2, epochs=3)
    weights = np.ones(100, np.float32)
    prepared = prepare.prepare(texts, labels, config, doc_weights=weights)
    trainee = fitting.fit_prepared(prepared, seed=1, n_threads=1)
    assert trainee.model.n_texts == 90
    assert trainee.history.best_epoch is not None
    assert len(prepared.features) == 100


@pytest.mark.parametrize("n, share", [(2, 0.1), (1, 0.2)])
def test_too_few_rows_to_set_aside(n, share):
    with pytest.raises(TrainingError, match=f"{4 * n} texts are too few to set a share"):
        fit(data=corpus(n), patience=1, valid_fraction=share)


# -- warnings --------------------------------------------------------------------------------


def look(reports, n_valid=100_000, **settings):
    warner = advice.Warner(n_valid)
    config = Config(lr=0.1, **settings)
    for i in range(len(reports)):
        warner.look(reports[: i + 1], config)


def test_a_loss_that_stays_is_no_fault_where_all_is_learnt(caplog):
    """With smoothed labels it does not fall to 0."""
    look([dataclasses.replace(report(i, 0.29), train_accuracy=0.999) for i in (1, 2, 3, 4)])
    assert not caplog.messages


@pytest.mark.parametrize(
    "reports, says",
    [
        ([report(i, 1.0) for i in (1, 2, 3, 4)], "does not fall: 1 in epoch 1, 1 in epoch 3; try "
         "a larger lr (it is 0.1)"),
        ([report(i, 1.0 + i) for i in (1, 2, 3)], "does not fall: 2 in epoch 1, 4 in epoch 3; try "
         "a smaller lr"),
        ([report(i, 1 / i, update=0.9) for i in (1, 2, 3)], "far at each step: the update ratio "
         "in epoch 2 is 0.9"),
        ([report(i, 1 / i, update=1e-7) for i in (1, 2, 3)], "hardly at each step: the update "
         "ratio in epoch 2 is 1e-07"),
        ([report(i + 1, 1 / (i + 1), v) for i, v in enumerate((0.9, 0.88, 0.89, 0.87))],
         "was 0.900 in epoch 1 and at most 0.890 in the last 3 epochs"),
    ],
    ids=["flat", "rising", "far", "hardly", "overfit"],
)  # fmt: skip
def test_warnings(caplog, reports, says):
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        look(reports)
    assert len(caplog.messages) == 1  # once in a training
    assert says in caplog.messages[0]


@pytest.mark.parametrize(
    "reports",
    [
        [report(1, update=5.0), report(2, 0.5)],
        [report(i, 1 / i, update=0.0) for i in (1, 2, 3)],
        [report(1, 1.0), report(2, 1.0)],
        [report(1), dataclasses.replace(report(2, 0.5, update=1e-7), lr=0.01)],
        [report(i, 1e-5) for i in (1, 2, 3)],
        [report(i + 1, 1 / (i + 1), v) for i, v in enumerate((0.9, 0.88, 0.895, 0.87))],
        [report(i + 1, loss, 0.9 - i / 20) for i, loss in enumerate((0.9, 0.8, 0.82, 0.7))],
    ],
    ids=["first_epoch", "unmeasured", "too_early", "low_rate", "all_learnt", "noise", "loss_rises"],
)
def test_no_warnings(caplog, reports):
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        look(reports)
    assert caplog.messages == []


@pytest.mark.parametrize("n_valid, n_messages", [(100, 0), (400, 0), (1000, 1)])
def test_overfitting_is_more_than_chance(caplog, n_valid, n_messages):
    """The standard error of an accuracy of 0.9 on 400 texts is 0.015."""
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        look(
            [report(i + 1, 1 / (i + 1), v) for i, v in enumerate((0.9, 0.88, 0.88, 0.88))], n_valid
        )
    assert len(caplog.messages) == n_messages


def test_overfitting_with_patience_says_what_is_kept(caplog):
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        look(
            [report(i + 1, 1 / (i + 1), v) for i, v in enumerate((0.9, 0.8, 0.8, 0.8))], patience=9
        )
    assert "the best weights so far are kept, and" in caplog.text


def test_rare_labels(caplog):
    texts, labels, label_rows = corpus(25)
    label_rows[0], label_rows[1], label_rows[2] = ["x"], ["x"], ["y\nz"]
    rare = Labels.from_rows(label_rows)
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        fit(data=(texts, labels, None), epochs=1)
        fit(data=(texts, rare, None), epochs=1, seed=0)
    (message,) = caplog.messages
    assert message.startswith("2 of 6 labels have fewer than 3 training texts (x, y z) and will")
    caplog.clear()
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        few = rare.take(np.arange(99))
        fit(data=(texts.take(np.arange(99)), few, None), epochs=1)
    assert caplog.messages == []


@pytest.mark.parametrize("data", ["zh_topics", "en_topics"])
@pytest.mark.parametrize("settings", [{}, {"epochs": 20, "lr": 0.3}], ids=["default", "demo"])
def test_bundled_data_are_trained_without_warnings(data_dir, caplog, data, settings):
    train, test = (read_corpus(str(data_dir / data / f"{part}.tsv")) for part in ("train", "test"))
    labels = Labels.from_rows(train.label_rows)
    pair = test.texts, Labels.from_rows(test.label_rows, labels.names)
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        trainee = fitting.fit(
            train.texts, labels, Config(**settings), watch=Watch(pair), n_threads=1
        )
    assert caplog.messages == []
    found = trainee.history.reports[-1].valid_accuracy
    assert found == evaluate(trainee.model, test.texts, test.label_rows).accuracy > 0.8


# -- scikit-learn ----------------------------------------------------------------------------


def lists(n=20, seed=0):
    found = rows(n, seed)
    return [text for _, text in found], [label for label, _ in found]


def classifier(**settings):
    return FastTextClassifier(random_state=0, **{**SMALL, "epochs": 3, **settings})


def test_fit_with_validation_data():
    X, y = lists()
    X_valid, y_valid = lists(4, 1)
    seen = []
    clf = classifier().fit(X, y, validation_data=(X_valid, y_valid), callbacks=seen.append)
    assert seen == clf.history_.reports and len(seen) == 3
    assert seen[-1].valid_accuracy == clf.score(X_valid, y_valid)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([dataclasses.asdict(r) for r in clf.history_.reports])
    assert frame["epoch"].tolist() == [1, 2, 3]
    assert {"loss", "valid_loss", "update_ratio", "dead_rows"} <= set(frame.columns)


@pytest.mark.parametrize("kind", ["numbers", "lists", "indicator"])
def test_validation_data_of_other_kinds(kind):
    X, y = lists()
    names = sorted(WORDS)
    ids = np.array([names.index(label) for label in y])
    y = {"numbers": ids, "lists": [[label] for label in y], "indicator": np.eye(4, dtype=int)[ids]}
    clf = classifier(epochs=8).fit(X, y[kind], validation_data=(X[:8], y[kind][:8]))
    assert clf.history_.reports[-1].valid_accuracy == 1


def test_stop_from_a_callback():
    X, y = lists()
    calls = [lambda r: None, lambda r: r.epoch == 2]
    assert len(classifier().fit(X, y, callbacks=calls).history_.loss) == 2


@pytest.mark.parametrize("given", [False, True], ids=["set_aside", "given"])
def test_patience_in_the_estimator(given):
    X, y = lists(25)
    clf = classifier(patience=1, epochs=50)
    clf.fit(X, y, **({"validation_data": lists(5, 2)} if given else {}))
    history = clf.history_
    assert history.best_epoch is not None
    accuracy = [r.valid_accuracy for r in history.reports]
    assert len(accuracy) == accuracy.index(max(accuracy)) + 2 < 50
    assert accuracy[history.best_epoch - 1] == max(accuracy)
    assert clf.model_.n_texts == (100 if given else 90)
    assert clf.score(*lists(5, 2)) > 0.9


def test_partial_fit_needs_no_validation_data():
    X, y = lists(2)
    clf = classifier(patience=1).partial_fit(X, y, classes=sorted(WORDS)).partial_fit(X, y)
    assert clf.model_.n_texts == 16


def test_in_a_pipeline():
    X, y = lists()
    seen = []
    pipe = Pipeline([("clf", classifier())])
    pipe.fit(X, y, clf__validation_data=lists(4, 1), clf__callbacks=[seen.append])
    assert [r.epoch for r in seen] == [1, 2, 3] and seen[0].valid_accuracy is not None


@pytest.mark.parametrize(
    "data, says",
    [
        (lambda X, y: (X, ["new"] * len(X)), "the training does not have, such as 'new'"),
        (lambda X, y: (X, list(range(len(X)))), "labels that the training does not have"),
        (lambda X, y: (X[:3], y), "validation_data: 3 texts, but labels of 80"),
        (lambda X, y: ([], []), "validation_data holds no texts"),
        (lambda X, y: X, "validation_data must be a pair"),
        (lambda X, y: "ab", "validation_data must be a pair"),
        (lambda X, y: (X, [[label] for label in y]), "labels are a list for each text, those of "
         "the training one for each text"),
        (lambda X, y: (X, [None] * len(X)), "validation_data: Input y contains NaN or None"),
    ],
)  # fmt: skip
def test_bad_validation_data(data, says):
    X, y = lists()
    with pytest.raises(ValueError, match=says):
        classifier().fit(X, y, validation_data=data(X, y))


def test_bad_types():
    X, y = lists()
    with pytest.raises(TypeError, match="validation_data: expected a list of texts, got one text"):
        classifier().fit(X, y, validation_data=("text", y))
    for callbacks in (3, [3], "x"):
        with pytest.raises(TypeError, match="callbacks must be a callable or a list of callables"):
            classifier().fit(X, y, callbacks=callbacks)


# -- the command line ------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    for name, found in (("train", rows(noise=0.2)), ("valid", rows(5, 7))):
        lines = "".join(f"{label}\t{text}\n" for label, text in found)
        (tmp_path / f"{name}.tsv").write_text(lines, "utf-8")
    return tmp_path


@pytest.fixture
def train(files, capsys):
    def train(*arguments, epochs=3):
        given = ["train", files / "train.tsv", "-o", files / "m.ftl", "--dim", 8, "--maxn", 0]
        given += ["--lr", 0.3, "--epochs", epochs, "--seed", 1, *arguments]
        code = app.main([str(argument) for argument in given])
        found = capsys.readouterr()
        return code, found.out, found.err

    return train


def test_cli_log_plot_and_lines(files, train):
    log, plot = files / "l.jsonl", files / "p.png"
    code, out, err = train("--valid", files / "valid.tsv", "--log", log, "--plot", plot)
    assert code == 0
    lines = err.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == [f"epoch {i}/3" for i in (1, 2, 3)]
    assert lines[3:] == [
        f"fasttext-lite: log of the training in {log}",
        f"fasttext-lite: learning curves in {plot}",
    ]
    final = json.loads(log.read_text("utf-8").splitlines()[-1])
    assert f"n 20  accuracy {final['valid_accuracy']:.4f}" in out
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_cli_quiet(files, train):
    code, out, err = train("-q", "--log", files / "l", "--plot", files / "p.svg", epochs=1)
    assert (code, out, err) == (0, "", "")
    assert (files / "l").exists() and (files / "p.svg").exists()


def test_cli_patience(files, train):
    code, out, err = train("--patience", 1, "--valid-fraction", 0.25, epochs=30)
    assert code == 0
    n_epochs = len(err.splitlines())
    assert n_epochs < 30
    assert "trained on 60 texts (20 set aside) with 4 labels" in out
    assert f"{n_epochs} epochs (epoch " in out and " kept), lr 0.3" in out
    code, out, err = train("--patience", 1, "--valid", files / "valid.tsv", epochs=30)
    assert code == 0 and "trained on 80 texts with" in out


@pytest.mark.parametrize(
    "flag, name, says",
    [
        ("--log", "none/l", "cannot write the log: no such folder"),
        ("--log", "train.tsv", "the log would overwrite this file"),
        ("--log", "m.ftl", "the log would overwrite this file"),
        ("--plot", "none/p.png", "cannot write the plot"),
        ("--plot", "p.jpg", "a plot must be named"),
    ],
)
def test_cli_mistakes(files, train, flag, name, says):
    before = sorted(file.name for file in files.iterdir())
    code, out, err = train(flag, files / name)
    assert code == 2 and out == "" and err.count("\n") == 1
    assert f"{files / name}: {says}" in err
    assert sorted(file.name for file in files.iterdir()) == before


def test_cli_mistakes_in_combination(files, train):
    code, _, err = train("--log", files / "x.png", "--plot", files / "x.png")
    assert code == 2 and "x.png: the plot would overwrite this file" in err
    code, _, err = train("--patience", 1, "--valid-fraction", 0.001)
    assert code == 2 and "80 texts are too few to set a share of 0.001 aside" in err


def test_cli_writes_above_the_bar_on_a_terminal(files, train, monkeypatch):
    from fasttext_lite.fitting.progress import show_epoch

    written = []
    monkeypatch.setattr("tqdm.tqdm.write", lambda text, file: written.append(text))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    show_epoch(3, report(2))
    monkeypatch.setattr("sys.stderr", None)
    show_epoch(3, report(2))
    assert written == [report(2).line(3)]


# -- verbose estimators ----------------------------------------------------------------------
LABELS = ["fruit", "cars"] * 20
TEXTS = [f"{'apple pear' if label == 'fruit' else 'motor wheel'} w{i}" for i, label in
         enumerate(LABELS)]  # fmt: skip


def epochs_in(text):
    """Return the reports of epochs in what was printed, without the bars."""
    parts = [part.strip() for part in re.split(r"[\r\n]|\x1b\[[A-Z]", text)]
    return [re.sub(r"[\d.]+ s$", "", part) for part in parts if re.match(r"(member .*)?epoch", part)
            and "loss" in part and " texts" not in part]  # fmt: skip


def test_verbose_prints_each_epoch_as_the_command_line_does(capsys):
    clf = FastTextClassifier(epochs=3, random_state=0, verbose=1)
    clf.fit(TEXTS, LABELS, validation_data=(TEXTS[:9], LABELS[:9]))
    printed = capsys.readouterr()
    assert printed.out == "" and "texts/s" in printed.err
    lines = [re.sub(r"[\d.]+ s$", "", each.line(3)) for each in clf.history_.reports]
    assert len(lines) == 3 and "valid" in lines[0]
    assert epochs_in(printed.err) == lines


@pytest.mark.parametrize("how", ["callbacks", "patience"])
def test_verbose_prints_epochs_where_somebody_watches(how, capsys):
    seen = []
    clf = FastTextClassifier(
        epochs=3, random_state=0, verbose=1, patience=3 if how == "patience" else None
    )
    clf.fit(TEXTS, LABELS, callbacks=seen.append if how == "callbacks" else None)
    assert len(epochs_in(capsys.readouterr().err)) == 3
    assert len(seen) == (3 if how == "callbacks" else 0)


def test_verbose_alone_shows_the_bar(capsys):
    clf = FastTextClassifier(epochs=3, random_state=0, verbose=1).fit(TEXTS, LABELS)
    err = capsys.readouterr().err
    assert "texts/s" in err and epochs_in(err) == []
    assert clf.history_.reports == []
    clf.partial_fit(TEXTS, LABELS)
    assert "texts/s" in capsys.readouterr().err
    FastTextClassifier(verbose=1).partial_fit(TEXTS, LABELS, classes=sorted(set(LABELS)))
    assert "texts/s" in capsys.readouterr().err


def test_a_quiet_estimator_prints_nothing(capsys):
    clf = FastTextClassifier(epochs=2, random_state=0, patience=2)
    clf.fit(TEXTS, LABELS, validation_data=(TEXTS[:9], LABELS[:9])).partial_fit(TEXTS, LABELS)
    assert capsys.readouterr() == ("", "")
    with pytest.raises(ValueError, match="verbose must be"):
        clf.set_params(verbose=-1).partial_fit(TEXTS, LABELS)


@pytest.mark.parametrize("method", ["seeds", "bagging", "snapshot"])
def test_a_verbose_ensemble_names_its_members(method, capsys):
    ensemble = FastTextEnsemble(
        n_members=2, method=method, epochs=3, patience=3, random_state=0, verbose=1
    ).fit(TEXTS, LABELS)
    err = capsys.readouterr().err
    assert "member 1/2" in err and "member 2/2" in err
    found = epochs_in(err)
    assert [line[:25] for line in found[:3]] == [
        f"member 1/2: epoch {i}/3: loss"[:25] for i in (1, 2, 3)
    ]
    assert len(found) == (3 if method == "snapshot" else 6)
    assert len(ensemble.estimators_) == 2
