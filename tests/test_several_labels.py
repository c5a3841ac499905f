"""Rows of several labels: all commands and estimators tell the same figures by the same names."""

import io
import json
import random

import numpy as np
import pytest

from fasttext_lite import FastTextClassifier, FastTextEnsemble, FastTextTuner, load
from fasttext_lite.cli import app
from fasttext_lite.cli.test import summary
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.evaluation.ranking import (
    precision_at_k,
    propensities,
    propensity_scored_precision_at_k,
)
from fasttext_lite.evaluation.scores import evaluate
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.fitting.monitor import Watch
from fasttext_lite.model.decisions import decide

LOSSES = ("softmax", "hs", "ova", "ns", "hinge", "squared_hinge")
SMALL = ["--epochs", 8, "--maxn", 0, "--bucket", 5000, "--seed", 1]
WORDS = {name: [f"{name}{i}" for i in range(6)] for name in ("sea", "sun", "soup", "rain")}


def rows(n, seed):
    """Return texts whose words are now and then of another label, and their labels."""
    rng = random.Random(seed)
    X, Y = [], []
    for _ in range(n):
        labels = rng.sample(list(WORDS), rng.choice([1, 1, 2, 3]))
        told = [name if rng.random() < 0.8 else rng.choice(list(WORDS)) for name in labels]
        X.append(" ".join(rng.choice(WORDS[name]) for name in told for _ in range(3)))
        Y.append(labels)
    return X, Y


TRAIN, VALID = rows(150, 0), rows(60, 1)


def lines(X, Y):
    return "".join(
        " ".join(f"__label__{name}" for name in labels) + f" {text}\n"
        for text, labels in zip(X, Y, strict=True)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    (folder / "train.txt").write_text(lines(*TRAIN))
    (folder / "valid.txt").write_text(lines(*VALID))
    return folder


@pytest.fixture
def say(folder, capsys, monkeypatch):
    """Return a function that runs a command in the folder: stdout, stderr."""
    monkeypatch.chdir(folder)

    def say(*arguments):
        capsys.readouterr()
        assert app.main([str(argument) for argument in arguments]) == 0
        return capsys.readouterr()

    return say


def test_all_tell_the_same(say):
    out, err = say("train", "train.txt", "-o", "m.ftl", "--valid", "valid.txt", *SMALL)
    line = out.splitlines()[-1].removeprefix("valid.txt: ")
    classifier = load("m.ftl")
    result = evaluate(classifier.model_, Texts.from_sequence(VALID[0]), VALID[1])
    exact = classifier.score(*VALID)
    assert 0.2 < exact < result.micro_f1 < 1 and result.macro_f1 != result.micro_f1
    assert exact == result.accuracy
    assert line == (
        f"n 60  micro-F1 {result.micro_f1:.4f}  macro-F1 {result.macro_f1:.4f}  "
        f"exact match {exact:.4f}  ECE {result.calibration_error:.4f}"
    )
    assert say("test", "m.ftl", "valid.txt").out == line + "\n"
    assert f"exact match train {classifier.score(*TRAIN):.3f}, valid {exact:.3f}, " in err
    for name, value in (
        ("accuracy", exact), ("micro-f1", result.micro_f1), ("macro-f1", result.macro_f1)
    ):  # fmt: skip
        tune = ["tune", "train.txt", "-o", "t.ftl", "--valid", "valid.txt", "--trials", 1]
        out, err = say(*tune, *SMALL, "--metric", name)
        shown = "exact match" if name == "accuracy" else name
        assert out.startswith(f"{shown} {value:.4f} on valid.txt")
        assert f"settings ({shown})" in err
    out = say("quantize", "m.ftl", "-o", "q.ftl", "--test", "valid.txt").out
    assert f"m.ftl: {summary(result)}\n" in out


JOINED = "".join(f"{','.join(labels)}\t{text}\n" for text, labels in zip(*VALID, strict=True))
LISTS = "".join(
    json.dumps({"label": labels, "text": text}) + "\n" for text, labels in zip(*TRAIN, strict=True)
)
AS_TABLE = "label,text\n" + "".join(
    f'"{",".join(labels)}",{text}\n' for text, labels in zip(*VALID, strict=True)
)


@pytest.fixture
def valid_of(folder, monkeypatch):
    """Return a function that writes a file to validate on, or puts it on standard input."""

    def valid_of(kind):
        if kind == "stdin":
            data = io.TextIOWrapper(io.BufferedReader(io.BytesIO(JOINED.encode())))
            monkeypatch.setattr("sys.stdin", data)
            return "-"
        (folder / f"joined.{kind}").write_text(AS_TABLE if kind == "csv" else JOINED)
        return f"joined.{kind}"

    return valid_of


@pytest.mark.parametrize("kind", ["tsv", "csv", "stdin"])
@pytest.mark.parametrize("train", ["train.txt", "train.jsonl"])
def test_a_file_to_validate_on_is_cut_as_the_training_file(say, folder, valid_of, train, kind):
    (folder / "train.jsonl").write_text(LISTS)
    out, err = say("train", train, "-o", "m.ftl", "--valid", valid_of(kind), *SMALL)
    result = evaluate(load("m.ftl").model_, Texts.from_sequence(VALID[0]), VALID[1])
    assert out.splitlines()[-1].endswith(summary(result))
    assert "does not know" not in err and "multilabel" not in err and err.count("sea,") == 0
    assert f"valid {result.accuracy:.3f}, " in err
    assert say("test", "m.ftl", valid_of(kind)).out == summary(result) + "\n"
    tune = ["tune", train, "-o", "t.ftl", "--valid", valid_of(kind), "--trials", 1]
    out, err = say(*tune, *SMALL)
    assert out.startswith(f"exact match {result.accuracy:.4f} on ")
    assert "count as errors" not in err
    out = say("quantize", "m.ftl", "-o", "q.ftl", "--test", valid_of(kind)).out
    assert f"m.ftl: {summary(result)}\n" in out


def test_where_texts_have_one_label_a_comma_is_part_of_it(say, folder):
    (folder / "one.tsv").write_text(
        "".join(f"{','.join(sorted(labels)[:2])}\t{text}\n"
                for text, labels in zip(*TRAIN, strict=True))
    )  # fmt: skip
    out, _ = say("train", "one.tsv", "-o", "m.ftl", "--valid", "one.tsv", *SMALL)
    assert "accuracy " in out.splitlines()[-1]
    assert any("," in label for label in load("m.ftl").model_.labels)


@pytest.mark.parametrize("command", ["train", "tune"])
def test_what_is_wrong_with_a_file_to_validate_on_is_said_first(command, folder, capsys):
    for name in ("none.tsv", "bad.tsv"):
        (folder / "bad.tsv").write_bytes(b"sea\tsea1\nsea\t\xff\xfe\n")
        given = [command, folder / "not there", "-o", folder / "n.ftl", "--valid", folder / name]
        assert app.main(list(map(str, given))) == 2
        assert name in capsys.readouterr().err


def test_test_in_json(say):
    say("train", "train.txt", "-o", "m.ftl", "-q", *SMALL)
    found = json.loads(say("test", "m.ftl", "valid.txt", "--json").out)
    result = evaluate(load("m.ftl").model_, Texts.from_sequence(VALID[0]), VALID[1])
    assert found == pytest.approx(
        {
            "n": 60,
            "micro_f1": result.micro_f1,
            "macro_f1": result.macro_f1,
            "exact_match": result.accuracy,
            "k": None,
            "threshold": 0.5,
            "n_skipped": 0,
            "n_unseen_label": 0,
            "n_unknown_text": 0,
            "calibration_error": result.calibration_error,
        }
    )


@pytest.mark.parametrize(
    "flags, k, threshold",
    [(["--threshold", 0.3], 1, 0.3), (["-k", 3, "--threshold", 0.5], 3, 0.5)],
)
def test_k_and_threshold_are_fasttexts(say, flags, k, threshold):
    say("train", "train.txt", "-o", "m.ftl", "-q", *SMALL)
    result = evaluate(load("m.ftl").model_, Texts.from_sequence(VALID[0]), VALID[1], k, threshold)
    assert say("test", "m.ftl", "valid.txt", *flags).out == (
        f"n 60  P@{k} {result.precision:.4f}  R@{k} {result.recall:.4f}  "
        f"macro-F1 {result.macro_f1:.4f}  ECE {result.calibration_error:.4f}\n"
    )
    found = json.loads(say("test", "m.ftl", "valid.txt", *flags, "--json").out)
    assert (found["k"], found["threshold"]) == (k, threshold)
    assert "accuracy" not in found and "exact_match" not in found


@pytest.mark.parametrize("k, ranks", [(1, [1]), (2, [1]), (3, [1, 3])])
def test_the_first_labels_are_measured_and_weighed_by_propensity(say, k, ranks):
    say("train", "train.txt", "-o", "m.ftl", "-q", *SMALL)
    model = load("m.ftl").model_
    result = evaluate(model, Texts.from_sequence(VALID[0]), VALID[1], k)
    first = model.predict(VALID[0], k).labels
    gold = Labels.from_rows(VALID[1], model.labels)
    chances = propensities(model.label_counts, model.n_texts)
    precision = precision_at_k(first, gold, ranks)
    scored = propensity_scored_precision_at_k(first, gold, chances, ranks)
    assert list(result.precision_at.items()) == list(zip(ranks, precision, strict=True))
    assert list(result.psp_at.items()) == list(zip(ranks, scored, strict=True))
    below = [f"P@{r} {p:.4f}  " for r, p in zip(ranks, precision, strict=True) if r < k]
    above = [f"PSP@{r} {p:.4f}  " for r, p in zip(ranks, scored, strict=True)]
    assert say("test", "m.ftl", "valid.txt", "-k", k).out == (
        f"n 60  {''.join(below)}P@{k} {result.precision:.4f}  R@{k} {result.recall:.4f}  "
        f"{''.join(above)}macro-F1 {result.macro_f1:.4f}  ECE {result.calibration_error:.4f}\n"
    )
    found = json.loads(say("test", "m.ftl", "valid.txt", "-k", k, "--json").out)
    assert [found[f"psp_at_{r}"] for r in ranks] == pytest.approx(scored)
    assert found["k"] == k


def test_labels_that_no_training_text_has_count_most():
    labels = [[*row, "new"] for row in VALID[1]]
    model = fitting.fit(
        Texts.from_sequence(TRAIN[0]), Labels.from_rows(TRAIN[1]), Config(maxn=0), n_threads=1
    ).model
    known, more = (
        evaluate(model, Texts.from_sequence(VALID[0]), rows, 3) for rows in (VALID[1], labels)
    )
    assert more.precision_at[1] == known.precision_at[1]
    assert more.psp_at[1] < known.psp_at[1]
    assert evaluate(model, Texts.from_sequence(VALID[0]), VALID[1]).psp_at == {}


@pytest.mark.parametrize("loss", LOSSES)
def test_decisions_are_what_the_classifier_predicts(loss):
    # The last text has no word that training saw.
    texts = [*VALID[0], "zzz"]
    classifier = FastTextClassifier(loss=loss, maxn=0, epochs=4, random_state=0, n_jobs=1)
    classifier.fit(*TRAIN)
    found = decide(classifier.model_, Texts.from_sequence(texts))
    names = classifier.model_.labels
    decided = [{names[i] for i in row if i >= 0} for row in found.labels]
    with pytest.warns(UserWarning, match="no feature"):
        assert decided == [set(row) for row in classifier.predict(texts)]
    assert found.n_features[-1] == 0 < found.n_features[0]
    used = found.labels >= 0
    assert (found.probabilities[used] >= 0.5).all() and not found.probabilities[~used].any()
    assert (np.diff(found.probabilities, axis=1) <= 0).all(), "likeliest first"


def test_where_labels_share_a_probability_of_one_few_are_looked_at(monkeypatch):
    classifier = FastTextClassifier(loss="hs", maxn=0, epochs=4, random_state=0, n_jobs=1)
    model = classifier.fit(*TRAIN).model_
    texts = Texts.from_sequence(VALID[0])
    found = model.judge(texts)[0]
    monkeypatch.setattr(type(model), "judge", None)
    decided = decide(model, texts)
    expected = [set(np.flatnonzero(row >= 0.5).tolist()) for row in found]
    assert [set(row[row >= 0].tolist()) for row in decided.labels] == expected
    assert any(expected)


def test_of_one_label_the_likeliest_is_decided_for():
    names = [labels[0] for labels in TRAIN[1]]
    classifier = FastTextClassifier(maxn=0, epochs=4, random_state=0).fit(TRAIN[0], names)
    found = decide(classifier.model_, Texts.from_sequence(VALID[0]))
    assert found.labels.shape == (60, 1)
    assert classifier.classes_[found.labels[:, 0]].tolist() == classifier.predict(VALID[0]).tolist()


def test_the_tuner_and_the_ensemble_score_exact_matches():
    Y = np.array([[name in row for name in sorted(WORDS)] for row in TRAIN[1]], int)
    valid = np.array([[name in row for name in sorted(WORDS)] for row in VALID[1]], int)
    tuner = FastTextTuner(
        FastTextClassifier(maxn=0), time=None, n_trials=1, random_state=0, n_jobs=1
    )
    tuner.fit(TRAIN[0], Y, VALID[0], valid)
    assert tuner.best_score_ == tuner.best_estimator_.score(VALID[0], valid)
    ensemble = FastTextEnsemble(n_members=2, maxn=0, epochs=4, random_state=0).fit(TRAIN[0], Y)
    right = (ensemble.predict(VALID[0]) == valid).all(axis=1)
    assert ensemble.score(VALID[0], valid) == right.mean()


def fit(patience, labels, valid, **settings):
    config = Config(maxn=0, patience=patience, **settings)
    texts = Texts.from_sequence(TRAIN[0])
    return fitting.fit(texts, labels, config, watch=Watch(valid), seed=1, n_threads=1)


def test_patience_waits_for_exact_matches():
    labels = Labels.from_rows(TRAIN[1])
    valid = Texts.from_sequence(VALID[0]), Labels.from_rows(VALID[1], labels.names)
    trainee = fit(2, labels, valid, epochs=30)
    shares = [report.valid_accuracy for report in trainee.history.reports]
    assert len(shares) == shares.index(max(shares)) + 3 < 30
    kept = evaluate(trainee.model, valid[0], VALID[1])
    assert kept.accuracy == max(shares) and kept.figure == "exact match"


def test_patience_waits_while_no_text_is_right_and_the_loss_falls():
    labels = Labels.from_rows(TRAIN[1])
    valid = Texts.from_sequence(VALID[0]), Labels.from_rows(VALID[1], labels.names)
    # At so small a rate nothing reaches a probability of 0.5 for long.
    trainee = fit(1, labels, valid, epochs=6, loss="ova", lr=0.001, schedule="constant")
    reports = trainee.history.reports
    assert not any(report.valid_accuracy for report in reports)
    assert len(reports) == 6 == trainee.history.best_epoch
    assert np.all(np.diff([report.valid_loss for report in reports]) < 0)


def test_a_beam_is_of_label_trees_alone(say):
    say("train", "train.txt", "-o", "m.ftl", "-q", *SMALL)
    plain = say("predict", "m.ftl", "valid.txt", "-k", 2)
    found = say("predict", "m.ftl", "valid.txt", "-k", 2, "--beam", 4)
    assert found.out == plain.out
    assert "--beam has no effect: the model looks at all labels; its loss is squared_hinge" in (
        found.err
    )
    say("train", "train.txt", "-o", "hs.ftl", "-q", *SMALL, "--loss", "hs", "--recipe", "fixed")
    exact = say("test", "hs.ftl", "valid.txt", "-k", 3)
    wide = say("test", "hs.ftl", "valid.txt", "-k", 3, "--beam", 50)
    assert wide.out == exact.out
    with pytest.raises(SystemExit):
        say("predict", "m.ftl", "valid.txt", "--beam", -1)
