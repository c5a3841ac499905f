"""The threshold that tuning finds: what is stated of it is what `test` measures with it."""

import json
import pickle
import re

import numpy as np
import pytest

from fasttext_lite import FastTextClassifier, FastTextTuner, load
from fasttext_lite.cli import app
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.evaluation.scores import evaluate
from fasttext_lite.model.model import Model
from fasttext_lite.model.storage import load_model, save_model
from fasttext_lite.model.threshold import Threshold
from fasttext_lite.tuning.data import TuningData
from fasttext_lite.tuning.log import TuningError
from fasttext_lite.tuning.metrics import Metric, Pairs

WORDS = {kind: [f"{kind}{i}" for i in range(60)] for kind in ("ham", "spam", "news")}
QUICK = ("--trials", "2", "--seed", "1", "--epochs", "3")
FASTTEXT = ("--preset", "fasttext", "--minn", "0", "--maxn", "0", "--word-ngrams", "1", "--dim",
            "6", "--bucket", "0", "--loss", "softmax")  # fmt: skip
LEVELS = ("precision-at-recall:0.7", "recall-at-precision:0.8")
METRICS = (*LEVELS, "precision-at-recall:0.5:spam", "recall-at-precision:0.6:spam")


def rows(n, seed, several=False):
    """Return rows of two kinds of words, of which one kind or both are the labels."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        kinds = rng.choice(list(WORDS), 2, replace=False, p=(0.6, 0.15, 0.25))
        words = [*rng.choice(WORDS[kinds[0]], 3), *rng.choice(WORDS[kinds[1]], 1 + several)]
        labels = sorted(kinds) if several and rng.random() < 0.5 else kinds[:1]
        found.append((list(labels), " ".join(words)))
    return found


def tsv(found):
    return "".join(f"{','.join(labels)}\t{text}\n" for labels, text in found)


@pytest.fixture
def run(capsys):
    """Return a function that runs the command line: stdout of a good end."""

    def run(*arguments):
        capsys.readouterr()
        assert app.main([*map(str, arguments)]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def fails(capsys):
    """Return a function that runs the command line: the one line of a bad end."""

    def fails(*arguments):
        capsys.readouterr()
        assert app.main([*map(str, arguments)]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        return printed.err.splitlines()[-1]

    return fails


def measured(run, model, data, label, *flags):
    """Return precision and recall that `test` prints with the threshold."""
    out = run("test", model, data, "--threshold", "tuned", "--json", "--per-label", *flags)
    values = json.loads(out)
    found = values if label is None else values["labels"][label]
    keys = ("precision_at_k", "recall_at_k") if label is None else ("precision", "recall")
    return tuple(found[key] for key in keys)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("name", METRICS)
def test_what_is_stated_is_reached_on_the_validation_file(name, several, run, write, tmp_path):
    train, valid = write(tsv(rows(300, 1, several)), "t.tsv"), write(tsv(rows(200, 2, several)))
    model, more = tmp_path / "m.ftl", ("--multilabel",) * several
    out = run("tune", train, "-o", model, "--valid", valid, "--metric", name, *QUICK, *more)
    stated = load_model(model).threshold
    assert f"threshold {stated.value!r} for {name}: precision {stated.precision:.4f}" in out
    assert (stated.n_texts, stated.n_folds) == (200, 0)
    label = stated.label
    assert label == ("spam" if name.endswith("spam") else None)
    assert measured(run, model, valid, label, *more) == pytest.approx(
        (stated.precision, stated.recall), abs=1e-12
    )
    # ... and is what the search has maximised, with what was to be reached.
    metric = Metric.parse(name)
    wanted, reached = stated.precision, stated.recall
    if metric.kind == "recall-at-precision":
        wanted, reached = reached, wanted
    assert reached >= metric.level
    assert float(re.match(rf"{re.escape(name)} ([\d.]+) on", out)[1]) == round(wanted, 4)
    # The number itself does the same as the word, where it is for all labels.
    k = stated.most_labels(3, several)
    number = run("test", model, valid, "--threshold", stated.value, "-k", k, *more)
    assert label or number == run("test", model, valid, "--threshold", "tuned", *more)
    assert f"threshold       {stated.line()}\n" in run("info", model)
    assert json.loads(run("info", model, "--json"))["threshold"] == stated.to_dict()


@pytest.mark.parametrize("n_folds", [1, 5])
@pytest.mark.parametrize("name", METRICS)
def test_without_a_validation_file_texts_held_out_are_pooled(
    name, n_folds, run, write, tmp_path, monkeypatch
):
    monkeypatch.setattr("fasttext_lite.tuning.judging.LEAST_ASIDE", 9999 if n_folds > 1 else 2)
    train, model = write(tsv(rows(600, 1)), "t.tsv"), tmp_path / "m.ftl"
    run("tune", train, "-o", model, "--metric", name, *QUICK)
    found = load_model(model)
    assert found.n_texts == 600, "the final model has learnt from all"
    stated = found.threshold
    assert (stated.n_folds, stated.n_texts) == (n_folds, 600 if n_folds > 1 else 60)
    # On other texts the final model does about what the others did on those held out.
    other = write(tsv(rows(3000, 3)))
    precision, recall = measured(run, model, other, stated.label)
    few = 0.2 if n_folds == 1 else 0.12
    assert abs(precision - stated.precision) < few and abs(recall - stated.recall) < few


def test_the_pooled_figures_are_those_of_the_folds(monkeypatch):
    """A slow twin: the models of the folds, with the calibration of the final one."""
    from fasttext_lite.tuning import search as searching

    found = rows(300, 1)
    texts = Texts.from_sequence([text for _, text in found])
    data = TuningData.divide(texts, Labels.from_rows([row for row, _ in found]), multilabel=False)
    seen = []
    original = searching.with_threshold
    monkeypatch.setattr(
        searching, "with_threshold", lambda *given: seen.append(given) or original(*given)
    )
    metric = Metric.parse(LEVELS[0])
    base = searching.Config(epochs=3)
    outcome = searching.Search(data, base, metric=metric, n_trials=2, n_threads=1).run()
    final, judges = seen[0][0], seen[0][1]
    assert len(judges) == len(data.folds) == 5
    stated = outcome.trainee.model.threshold
    right = taken = true = 0
    for judge, fold in zip(judges, data.folds, strict=True):
        judge = judge.replace(calibration=final.calibration)
        result = evaluate(judge, fold.valid_texts, fold.valid_labels, 3, stated.value, 1)
        right, taken = right + result.hits.sum(), taken + result.predicted.sum()
        true += result.gold.sum()
    assert stated.precision == pytest.approx(right / taken, abs=1e-12)
    assert stated.recall == pytest.approx(right / true, abs=1e-12)
    assert stated.recall >= 0.7


@pytest.mark.parametrize(
    ("scores", "truth", "name", "expected"),
    [
        # Probabilities, which are right, and the best threshold, precision and recall.
        ([0.9, 0.8, 0.4, 0.2], [1, 0, 1, 0], "precision-at-recall:0.5", (0.8, 0.9, 1, 0.5)),
        ([0.9, 0.8, 0.4, 0.2], [1, 0, 1, 0], "precision-at-recall:0.9", (0.2, 0.4, 2 / 3, 1)),
        ([0.9, 0.8, 0.4, 0.2], [1, 0, 1, 0], "recall-at-precision:0.6", (0.2, 0.4, 2 / 3, 1)),
        ([0.9, 0.8, 0.4, 0.2], [1, 1, 0, 0], "precision-at-recall:0.5", (0.4, 0.8, 1, 1)),
        ([0.9, 0.9, 0.4], [1, 0, 1], "recall-at-precision:0.6", (0.0, 0.4, 2 / 3, 1)),
        # Nearly the same, from another order of sums: nothing can part them.
        ([0.9, 0.9 - 1e-9, 0.4], [1, 0, 1], "precision-at-recall:0.5", (0.0, 0.4, 2 / 3, 1)),
    ],
)
def test_thresholds_by_hand(scores, truth, name, expected):
    low, high, precision, recall = expected
    truth = np.array(truth, bool)
    pairs = Pairs(np.array(scores), truth, int(truth.sum()), len(scores))
    found = Metric.parse(name).best([pairs]).threshold
    assert low < found.value <= high
    assert (found.precision, found.recall) == pytest.approx((precision, recall))
    halves = [Pairs(pairs.probabilities[i::2], truth[i::2], int(truth[i::2].sum()), 1)
              for i in (0, 1)]  # fmt: skip
    assert Metric.parse(name).best(halves).threshold.value == found.value


def test_thresholds_are_short_and_well_between():
    pairs = Pairs(np.array([0.5123456789, 0.5123156789]), np.array([True, False]), 1, 2)
    value = Metric.parse("recall-at-precision:1").best([pairs]).threshold.value
    assert 0.51232 < value < 0.51234 and len(repr(value)) <= 8


# -- where it goes on ------------------------------------------------------------------------


@pytest.fixture
def tuned(run, write, tmp_path):
    """Return the file of a model with a threshold."""
    path = tmp_path / "tuned.ftl"
    run("tune", write(tsv(rows(200, 1)), "t.tsv"), "-o", path, "--metric", LEVELS[0], *QUICK)
    return path


def test_the_threshold_goes_where_the_model_goes(tuned, run, write, tmp_path, capsys):
    model = load_model(tuned)
    threshold = model.threshold
    assert isinstance(threshold, Threshold)
    save_model(model, tmp_path / "again.ftl")
    assert load_model(tmp_path / "again.ftl").threshold == threshold
    assert pickle.loads(pickle.dumps(model)).threshold == threshold
    clf = load(tuned)
    clf.save(tmp_path / "clf.ftl")
    assert load(tmp_path / "clf.ftl").model_.threshold == threshold
    assert clf.quantize().model_.threshold == threshold
    for flags in ((), ("--cutoff", "50"), ("--rows", "pq", "--dsub", "4")):
        run("quantize", tuned, "-o", tmp_path / "q.ftl", *flags)
        assert load_model(tmp_path / "q.ftl").threshold == threshold
        line = f"threshold       {threshold.line(quantized=True)}\n"
        assert line in run("info", tmp_path / "q.ftl") and "before quantisation" in line
    assert "before quantisation" not in run("info", tuned)


def further(clf, how):
    X, y = [text for _, text in rows(100, 1)], [labels[0] for labels, _ in rows(100, 1)]
    if how == "partial_fit":
        return clf.partial_fit(X, y)
    if how == "fit":
        return clf.fit(X, y)
    return clf.quantize(X, y, **({"cutoff": 50} if how == "cutoff and retrain" else {}))


@pytest.mark.parametrize("how", ["partial_fit", "fit", "retrain", "cutoff and retrain"])
def test_the_threshold_does_not_outlive_its_model(how, tuned, caplog):
    value = load_model(tuned).threshold.value
    clf = further(load(tuned), how)
    assert clf.model_.threshold is None
    said = [line for line in caplog.messages if "threshold" in line]
    expected = f"the threshold {value!r} that tuning has found was that of the model before: it is "
    assert how == "fit" or (len(said) == 1 and said[0].startswith(expected))
    if how in ("partial_fit", "fit"):
        further(clf, "partial_fit")
        assert [line for line in caplog.messages if "threshold" in line] == said, "once"


def test_nor_on_the_command_line(tuned, run, write, tmp_path, caplog):
    data = write(tsv(rows(100, 1)))
    run("quantize", tuned, "-o", tmp_path / "q.ftl", "--cutoff", "50", "--retrain", data)
    assert load_model(tmp_path / "q.ftl").threshold is None
    assert [line for line in caplog.messages if "it is dropped; tune again" in line]
    assert "\nthreshold " not in run("info", tmp_path / "q.ftl")


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("name", METRICS[2:])
def test_a_threshold_of_a_label_is_for_that_label_alone(
    name, several, write, tmp_path, capsys, run
):
    train, valid = write(tsv(rows(300, 1, several)), "t.tsv"), write(tsv(rows(200, 2, several)))
    model, more = tmp_path / "m.ftl", ("--multilabel",) * several
    run("tune", train, "-o", model, "--valid", valid, "--metric", name, *QUICK, *more)
    found = load_model(model)
    texts = [text for _, text in rows(200, 2, several)] + ["zzz"]
    path, value = write("\n".join(texts) + "\n", "texts.txt"), found.threshold.value
    for k in (None, 1, 2, -1):
        asked = () if k is None else ("-k", k)
        assert app.main([*map(str, ("predict", model, path, "--threshold", "tuned", *asked))]) == 0
        out, err = capsys.readouterr()
        (line,) = [line for line in err.splitlines() if "threshold" in line]
        others = "other labels from a probability of 0.5" if several else "the likeliest of the"
        assert f"the threshold {value!r} is that of 'spam': a text gets this label" in line
        assert others in line
        n = {None: 3 if several else 1, -1: 3}.get(k, k)
        for printed, row in zip(out.split("\n")[:-1], found.probabilities(texts, 1), strict=True):
            chances = sorted(zip(row, found.labels, strict=True), key=lambda pair: -pair[0])
            spam = next(p for p, label in chances if label == "spam")
            expected = ["spam"] * int(spam >= value) + [
                label for p, label in chances if label != "spam" and (not several or p >= 0.5)
            ]
            assert printed == "\t".join(expected[:n])
    # In records, in JSON and with `test`, too.
    run("predict", model, path, "--threshold", "tuned", "-o", tmp_path / "out.csv")
    run("predict", model, path, "--threshold", "tuned", "--json")
    assert json.loads(run("test", model, valid, "--threshold", "tuned", "--json", *more))[
        "threshold"
    ] == value  # fmt: skip


def test_fasttexts_format_has_no_place_for_it(run, write, tmp_path, capsys):
    tuned, train = tmp_path / "m.ftl", write(tsv(rows(200, 1)), "t.tsv")
    run("tune", train, "-o", tuned, "--metric", LEVELS[0], *QUICK, *FASTTEXT)
    assert app.main(["convert", str(tuned), str(tmp_path / "m.bin")]) == 0
    assert "no place for the threshold" in capsys.readouterr().err
    assert app.main(["convert", str(tmp_path / "m.bin"), str(tmp_path / "back.ftl")]) == 0
    assert load_model(tmp_path / "back.ftl").threshold is None


def test_predict_gives_all_labels_that_reach_it(tuned, run, write):
    texts = [text for _, text in rows(50, 9)]
    path, model = write("\n".join(texts) + "\n"), load_model(tuned)
    found = run("predict", tuned, path, "--threshold", "tuned").split("\n")[:-1]
    chances = model.probabilities(texts, 1)
    for line, row in zip(found, chances, strict=True):
        expected = {name for name, p in zip(model.labels, row, strict=True)
                    if p >= model.threshold.value}  # fmt: skip
        assert set(line.split("\t")) - {""} == expected
    assert any(line == "" for line in found) or all("\t" not in line for line in found)
    first = run("predict", tuned, path, "--threshold", "tuned", "-k", 1).split("\n")[:-1]
    assert [line.split("\t")[0] for line in found] == first


@pytest.mark.parametrize("command", ["predict", "test"])
@pytest.mark.parametrize("kind", ["ours", "fasttext"])
def test_a_model_without_a_threshold(command, kind, run, fails, write, tmp_path):
    data, model = write(tsv(rows(60, 1))), tmp_path / "m.ftl"
    run("train", data, "-o", model, "--epochs", 1, *FASTTEXT)
    if kind == "fasttext":
        run("convert", model, tmp_path / "m.bin")
        model = tmp_path / "m.bin"
    message = fails(command, model, data, "--threshold", "tuned")
    assert f"{model}: the model has no threshold of its own: give a number, or tune" in message
    assert run(command, model, data, "--threshold", 0.5)


def test_help_and_mistakes(capsys):
    for command in ("predict", "test"):
        with pytest.raises(SystemExit):
            app.main([command, "--help"])
        assert "tuned" in capsys.readouterr().out
        with pytest.raises(SystemExit):
            app.main([command, "m", "f", "--threshold", "best"])
        assert "--threshold: must be a number from 0 to 1; got 'best'" in capsys.readouterr().err


@pytest.mark.parametrize("change", [
    {"value": 2}, {"value": "0.5"}, {"precision": -1}, {"n_texts": 1.5}, {"label": 3},
    {"metric": None}, {"n_folds": True}, {"colour": 1},
])  # fmt: skip
def test_a_damaged_threshold_is_refused(change):
    good = {"value": 0.5, "metric": "x", "label": None, "precision": 1, "recall": 1, "n_texts": 3}
    assert Threshold.from_dict(good).to_dict() == {**good, "n_folds": 0}
    with pytest.raises((ValueError, TypeError)):
        Threshold.from_dict({**good, **change})


def test_the_tuner_has_it():
    found = rows(300, 1)
    X, y = [text for _, text in found], [labels[0] for labels, _ in found]
    settings = {"time": None, "n_trials": 2, "random_state": 0}
    tuner = FastTextTuner(FastTextClassifier(epochs=3), metric=LEVELS[0], **settings).fit(X, y)
    threshold = tuner.best_estimator_.model_.threshold
    assert tuner.threshold_ == threshold.value and threshold.n_folds == 5
    assert pickle.loads(pickle.dumps(tuner)).threshold_ == tuner.threshold_
    other = FastTextTuner(FastTextClassifier(epochs=3), metric=LEVELS[0], **settings)
    other.fit(X, y, X[:100], y[:100])
    stated = other.best_estimator_.model_.threshold
    taken = other.predict_proba(X[:100]) >= other.threshold_
    right = taken & (np.array(y[:100])[:, None] == other.classes_)
    assert stated.precision == pytest.approx(right.sum() / taken.sum())
    assert stated.recall == pytest.approx(right.sum() / 100)
    plain = FastTextTuner(FastTextClassifier(epochs=3), **settings).fit(X, y)
    assert plain.threshold_ is None


def test_resume_finds_it_too(run, write, tmp_path):
    train, log = write(tsv(rows(200, 1)), "t.tsv"), tmp_path / "log.jsonl"
    flags = ("--metric", LEVELS[0], "--log", log, "--seed", 1, "--epochs", 3)
    run("tune", train, "-o", tmp_path / "a.ftl", "--trials", 2, *flags)
    run("tune", train, "-o", tmp_path / "b.ftl", "--trials", 2, *flags, "--resume")
    first, second = (load_model(tmp_path / name) for name in ("a.ftl", "b.ftl"))
    assert isinstance(first, Model) and first.threshold == second.threshold


# -- nothing to find -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "valid", "says"),
    [
        ("f1:nobody", "ham\tham0\n", "the training rows have no label 'nobody'; they have "),
        ("f1:spam", "ham\tham0\n", "the rows to validate on have no label 'spam'; they have ham"),
        ("precision-at-recall:0.5:spam", "ham\tham0\n", "validate on have no label 'spam'"),
        ("recall-at-precision:0.9", "ham\tspam0\nham\tspam1\nspam\tham0\nspam\tham1\n",
         "recall-at-precision:0.9: no threshold reaches a precision of 0.9 in 1 trial on 4 rows to "
         "validate on, 0."),
        ("precision-at-recall:1", "ham\tham0\nother\tham1\n",
         "no threshold reaches a recall of 1 in 1 trial on 2 rows to validate on, 0.5000 is the "
         "highest: ask for less"),
        ("accuracy", "ham\tspam0 spam1\nspam\tham0 ham1\n",
         "accuracy is 0 in 1 trial on 2 rows to validate on: none gets a row right"),
        ("f1:spam", "ham\tspam0 spam1\nspam\tham0 ham1\n", "none finds the label 'spam'"),
    ],
)  # fmt: skip
def test_a_search_that_finds_nothing_writes_nothing(metric, valid, says, fails, write, tmp_path):
    train, model = write(tsv(rows(300, 1)), "t.tsv"), tmp_path / "m.ftl"
    message = fails("tune", train, "-o", model, "--valid", write(valid), "--metric", metric,
                    "--trials", 1, "--seed", 1)  # fmt: skip
    assert says in message
    assert not model.exists()


def test_several_labels_of_which_none_is_found(fails, write, tmp_path):
    train, model = write(tsv(rows(300, 1, True)), "t.tsv"), tmp_path / "m.ftl"
    valid = write("ham,spam\tnews0 news1\nham,spam\tnews3 news4\n")
    message = fails("tune", train, "-o", model, "--valid", valid, "--trials", 1, "--multilabel")
    assert "exact match is 0 in 1 trial on 2 rows to validate on: none finds all labels" in message


def test_the_tuner_says_so_too():
    found = rows(100, 1)
    X, y = [text for _, text in found], [labels[0] for labels, _ in found]
    tuner = FastTextTuner(time=None, n_trials=1, random_state=0)
    with pytest.raises(TuningError, match="accuracy is 0 in 1 trial on 2 rows"):
        tuner.fit(X, y, ["spam0 spam1", "ham0 ham1"], ["ham", "spam"])
