"""No answer below a threshold: how it is measured, kept and gone by."""

import copy
import csv
import dataclasses
import json
import logging
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone

from fasttext_lite import FastTextClassifier, FastTextEnsemble, FastTextTuner, load
from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import make_folds
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.estimators.base import UnknownTextWarning
from fasttext_lite.fitting import ladder, prepare
from fasttext_lite.fitting.abstaining import Answers
from fasttext_lite.fitting.calibrate import Judged, calibrate
from fasttext_lite.fitting.fit import fit
from fasttext_lite.fitting.repeats import held_together, keys_of
from fasttext_lite.model.abstention import Abstention
from fasttext_lite.model.run import Run
from fasttext_lite.model.storage import load_model, read_document, save_model, unpack

WORDS = {kind: [f"{kind}{i}" for i in range(40)] for kind in ("ham", "spam", "news")}
QUICK = {"epochs": 3, "random_state": 1}


def drawn(n, seed, several=False):
    """Return texts and their labels; words are mixed, so that some are hard."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        first, second = rng.choice(list(WORDS), 2, replace=False).tolist()
        n_own = int(rng.integers(1, 5))
        words = [*rng.choice(WORDS[first], n_own), *rng.choice(WORDS[second], 5 - n_own)]
        texts.append(" ".join(words))
        labels.append([first, second] if several and n_own < 4 else [first])
    return texts, labels


TEXTS, LABELS = drawn(500, 1)
Y = [each for (each,) in LABELS]
FRESH, OWN = drawn(400, 2)
LISTS = drawn(400, 3, several=True)


def tsv(texts, labels):
    return "".join(f"{','.join(own)}\t{text}\n" for text, own in zip(texts, labels, strict=True))


@pytest.fixture(scope="module")
def classifier():
    return FastTextClassifier(answer_accuracy=0.8, **QUICK).fit(TEXTS, Y)


@pytest.fixture(scope="module")
def several():
    return FastTextClassifier(answer_rate=0.4, **QUICK).fit(*LISTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, classifier, several):
    folder = tmp_path_factory.mktemp("abstain")
    (folder / "train.tsv").write_text(tsv(TEXTS, LABELS), "utf-8")
    (folder / "fresh.txt").write_text("\n".join(FRESH) + "\n", "utf-8")
    (folder / "fresh.csv").write_text(
        "text,id\n" + "".join(f"{text},{i}\n" for i, text in enumerate(FRESH)), "utf-8"
    )  # fmt: skip
    classifier.save(folder / "one.ftl")
    several.save(folder / "several.ftl")
    save_model(classifier.model_.replace(abstention=None), folder / "without.ftl")
    return folder


@pytest.fixture
def run(folder, capsys):
    """Return a function that runs the command line: exit code, stdout, stderr."""

    def run(*arguments):
        capsys.readouterr()
        return app.main([*map(str, arguments)]), *capsys.readouterr()

    return run


# -- what is measured ------------------------------------------------------------------------
@pytest.mark.parametrize("loss", ["softmax", "squared_hinge", "ova", "hs"])
@pytest.mark.parametrize("is_several", [False, True])
def test_what_is_said_of_parts_is_what_the_model_says(loss, is_several):
    """The slow way: the model itself, calibrated, predicts the texts."""
    texts, labels = LISTS if is_several else (TEXTS, LABELS)
    labels = Labels.from_rows(labels)
    config = Config(loss=loss, epochs=2, lr=0.1)
    model = fit(
        Texts.from_sequence(texts[:300]), labels.take(np.arange(300)), config, seed=1,
        n_threads=1, multilabel=is_several,
    ).model  # fmt: skip
    held = labels.take(np.arange(300, 400))
    few = [*texts[300:397], "nothing", "that is", "known"]
    features = model.features(Texts.from_sequence(few), 1)
    judged = Judged.of(model, features, held, np.ones(100))
    calibration = calibrate([judged])
    quick = Answers.of_parts([judged], calibration)
    slow = Answers.of_model(model.replace(calibration=calibration), features, held)
    assert (quick.n_texts, slow.n_texts, quick.n_folds, slow.n_folds) == (100, 100, 1, 0)
    order, other = np.argsort(quick.confidence), np.argsort(slow.confidence)
    np.testing.assert_allclose(quick.confidence[order], slow.confidence[other], atol=1e-5)
    assert quick.right.sum() == slow.right.sum()
    assert np.mean(quick.right[order] == slow.right[other]) > 0.97  # equals may change places


def test_the_accuracy_holds_for_fresh_texts(classifier):
    found = classifier.model_.abstention
    assert (found.wanted, found.level) == ("answer_accuracy", 0.8)
    assert found.accuracy > found.lower >= 0.8 and found.n_texts == 500 and found.n_folds == 5
    assert found.answered == found.n_answered / 500 < 1
    said = classifier.predict(FRESH, abstain=True)
    assert said.dtype == object
    plain, sure = classifier.predict(FRESH), classifier.predict_proba(FRESH).max(axis=1)
    for label, likeliest, p in zip(said, plain, sure, strict=True):
        assert label == (likeliest if p >= found.value else None)
    given = np.array([label is not None for label in said])
    right = [label == own for label, (own,) in zip(said, OWN, strict=True) if label is not None]
    assert np.mean(right) >= found.level
    assert abs(given.mean() - found.answered) < 0.12


@pytest.mark.parametrize("rate", [0.3, 0.9])
def test_the_rate_holds_for_fresh_texts(rate):
    classifier = FastTextClassifier(answer_rate=rate, **QUICK).fit(TEXTS, Y)
    found = classifier.model_.abstention
    assert (found.wanted, found.level) == ("answer_rate", rate)
    assert rate <= found.answered < rate + 0.02
    said = classifier.predict(FRESH, abstain=True)
    assert abs(np.mean([label is not None for label in said]) - rate) < 0.12


def test_a_rate_of_all_answers_all():
    classifier = FastTextClassifier(answer_rate=1, **QUICK).fit(TEXTS, Y)
    assert classifier.model_.abstention.value == 0
    assert classifier.predict([*FRESH, "?"][:-1], abstain=True).tolist() == (
        classifier.predict(FRESH).tolist()
    )


def test_what_cannot_be_reached_is_said_and_not_stored(caplog):
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        found = FastTextClassifier(answer_accuracy=1.0, **QUICK).fit(TEXTS, ["a", "b"] * 250)
    said = [line for line in caplog.messages if "answer_accuracy 1 is not reached" in line]
    assert len(said) == 1 and "the model has no threshold to abstain by" in said[0]
    assert found.model_.abstention is None and found.model_.run.answer_accuracy == 1
    with pytest.raises(ValueError, match="no threshold to abstain by: fit it with answer_rate"):
        found.predict(FRESH, abstain=True)


def test_of_few_texts_nothing_is_measured(caplog):
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        found = FastTextClassifier(answer_rate=0.5, **QUICK).fit(TEXTS[:30], Y[:30])
    assert found.model_.abstention is None
    said = "answer_rate 0.5 cannot be measured: 3 texts can be held out, 40 are needed"
    assert any(said in line for line in caplog.messages)


def test_of_many_texts_the_model_itself_is_measured(monkeypatch):
    monkeypatch.setattr(ladder, "MANY_TEXTS", 400)
    monkeypatch.setattr(ladder, "CALIBRATED_ON", 100)
    found = FastTextClassifier(answer_rate=0.5, **QUICK).fit(TEXTS, Y).model_
    assert (found.abstention.n_texts, found.abstention.n_folds) == (100, 0)
    assert found.abstention.answered == pytest.approx(0.5, abs=0.02)
    assert "judged by the model itself" in found.abstention.line()


def test_what_is_tried_on_a_part_of_the_texts_is_measured_on_all(monkeypatch):
    monkeypatch.setattr(prepare, "MOST_TEXTS", 120)
    for several in (False, True):
        texts, labels = LISTS if several else (TEXTS, Y)
        found = FastTextClassifier(answer_rate=0.5, **QUICK).fit(texts, labels).model_
        n_aside = len(texts) // ladder.ASIDE_OF
        assert (found.abstention.n_texts, found.abstention.n_folds) == (n_aside, 0)
        assert found.calibration.n_texts == n_aside
    found = FastTextClassifier(**QUICK).fit(TEXTS, Y).model_
    assert found.calibration.n_texts == 120, "nobody asks for it"
    monkeypatch.setattr(prepare, "MOST_TEXTS", 400)
    found = FastTextClassifier(answer_rate=0.5, **QUICK).fit(TEXTS, Y).model_
    assert (found.abstention.n_texts, found.abstention.n_folds) == (400, 5), "nearly all"


def test_where_nothing_is_tried_texts_are_set_aside(monkeypatch):
    monkeypatch.setattr(ladder, "MOST_LEAVES", 2)
    how = {"loss": "hs", "answer_rate": 0.5, **QUICK}
    found = FastTextClassifier(**how).fit(TEXTS, Y).model_
    assert (found.abstention.n_texts, found.abstention.n_folds) == (50, 0)
    del how["answer_rate"]
    assert FastTextClassifier(**how).fit(TEXTS, Y).model_.abstention is None


def test_a_few_right_ones_prove_nothing():
    confidence = np.linspace(0.2, 1, 200)
    wanted = Run(answer_accuracy=0.95)
    for n_right, n_given in ((51, None), (52, 52)):
        right = np.arange(200) >= 200 - n_right
        found = Answers(confidence, right, 200, 1).abstention(wanted)
        assert (found and found.n_answered) == n_given
    assert found.lower >= 0.95 and found.accuracy == 1


def test_embeddings_have_answers_of_their_own(several):
    rng = np.random.default_rng(4)
    hot = np.array([[own == name for name in WORDS] for own in Y], np.float64)
    embeddings = hot @ rng.normal(size=(3, 16)) + 0.3 * rng.normal(size=(500, 16))
    found = FastTextClassifier(answer_rate=0.5, **QUICK)
    found.fit(TEXTS, Y, text_embeddings=embeddings)
    assert found.model_.run.embeddings, "they are learnt from"
    assert found.model_.abstention.answered == pytest.approx(0.5, abs=0.02)


def test_texts_without_labels_have_answers_of_their_own():
    found = FastTextClassifier(answer_rate=0.5, **QUICK)
    found.fit(TEXTS[:60], Y[:60], unlabelled=FRESH)
    assert found.model_.abstention.n_texts in (48, 60)
    assert found.model_.abstention.answered == pytest.approx(0.5, abs=0.05)


# -- texts that are no proof -----------------------------------------------------------------
def repeats(n=500):
    """Return a set of texts, each twice."""
    return [*TEXTS[:n], *TEXTS[:n]], [*Y[:n], *Y[:n]]


def test_equal_features_have_equal_keys(classifier):
    texts = [*TEXTS[:50], "", " ".join(reversed(TEXTS[0].split())), TEXTS[3], ""]
    features = classifier.model_.features(Texts.from_sequence(texts), 1)
    keys = keys_of(features)
    rows = [
        frozenset(zip(part.ids.tolist(), part.weights.tolist(), strict=True))
        for part in (features.slice(i, i + 1) for i in range(len(texts)))
    ]
    for i, own in enumerate(rows):
        assert (keys[i] == 0) == (not own)
        assert (keys == keys[i]).tolist() == [other == own for other in rows]


def test_keys_do_not_depend_on_the_parts(classifier, monkeypatch):
    features = classifier.model_.features(Texts.from_sequence(["", *TEXTS[:50], ""]), 1)
    whole = keys_of(features)
    monkeypatch.setattr("fasttext_lite.fitting.repeats.COPIED", 7)
    np.testing.assert_array_equal(keys_of(features), whole)


def test_equal_texts_are_held_out_together_and_count_once(caplog):
    rng = np.random.default_rng(3)
    keys = rng.integers(0, 60, 200).astype(np.uint64)
    labels = Labels.from_rows([[f"l{each}"] for each in rng.integers(0, 3, 200)])
    folds = held_together(make_folds(labels, 5, 1), keys, labels)
    measured = np.concatenate([held for _, held in folds])
    real = keys[measured][keys[measured] != 0]
    assert np.unique(real).size == real.size == np.unique(keys[keys != 0]).size
    for rest, held in folds:
        assert not np.intersect1d(keys[rest], keys[held][keys[held] != 0]).size
        assert labels.take(rest).counts().all()
    assert sum("to hold out are there more than once" in line for line in caplog.messages) == 1


def test_a_label_of_one_text_is_always_trained_on():
    keys = np.array([1, 2, 3, 4, 5, 6, 7, 7, 7, 7], np.uint64)
    labels = Labels.from_rows([["a"]] * 6 + [["b"]] * 4)
    for rest, held in held_together(make_folds(labels, 5, 1), keys, labels):
        assert labels.take(rest).counts().all() and not (keys[held] == 7).any()


def test_repeated_texts_prove_no_more_than_single_ones(caplog):
    how = {"answer_accuracy": 0.8, **QUICK}
    classifier = FastTextClassifier(**how).fit(*repeats())
    found = classifier.model_.abstention
    assert sum("to hold out are there more than once" in line for line in caplog.messages) == 1
    assert found.n_texts <= 500 and 0 < found.value < 1
    said = classifier.predict(FRESH, abstain=True)
    right = [label == own for label, (own,) in zip(said, OWN, strict=True) if label is not None]
    assert np.mean(right) > found.accuracy - 0.05
    FastTextClassifier(**how).fit(TEXTS, Y)
    assert "".join(caplog.messages).count("more than once") == 1, "of the first one alone"


def test_repeated_texts_that_are_set_aside_are_told(monkeypatch, caplog):
    monkeypatch.setattr(ladder, "MOST_LEAVES", 2)
    how = {"loss": "hs", "answer_rate": 0.5, **QUICK}
    FastTextClassifier(**how).fit(*repeats(250))
    said = [line for line in caplog.messages if "have the very same words as one" in line]
    assert len(said) == 1 and "`fasttext-lite audit`" in said[0]
    assert said[0].split(" of ")[1].startswith("50 texts held out")
    caplog.clear()
    FastTextClassifier(**how).fit(TEXTS, Y)
    assert not any("very same words" in line for line in caplog.messages)


def test_a_rate_that_is_missed_by_far_is_told(caplog):
    equal = Answers(np.full(100, 0.5), np.arange(100) < 70, 100, 1)
    found = equal.abstention(Run(answer_rate=0.5))
    assert (found.value, found.answered) == (0, 1)
    assert any("answer_rate 0.5 is missed: 100.0% are answered" in line for line in caplog.messages)
    caplog.clear()
    Answers(np.linspace(0.3, 1, 100), np.arange(100) < 70, 100, 1).abstention(Run(answer_rate=0.5))
    assert not caplog.messages


def test_texts_without_a_known_feature_get_no_answer(classifier, several, folder, run):
    odd = ["\u0bf5\u0bf5", FRESH[0]]
    sure = copy.deepcopy(classifier)
    sure.model_ = sure.model_.replace(abstention=dataclasses.replace(
        sure.model_.abstention, value=0.0
    ))  # fmt: skip
    with pytest.warns(UnknownTextWarning, match="position 0.*; they get no answer"):
        assert sure.predict(odd, abstain=True).tolist() == [None, sure.predict(odd[1:])[0]]
    with pytest.warns(UnknownTextWarning, match="they get no answer"):
        assert several.predict(odd, abstain=True)[0] == []
    (folder / "odd.txt").write_text("\n".join(odd) + "\n", "utf-8")
    save_model(sure.model_, folder / "all.ftl")
    code, said, errors = run("predict", folder / "all.ftl", folder / "odd.txt", "--abstain")
    assert code == 0 and said == f"\n{sure.predict(odd[1:])[0]}\n"
    assert "1 of 2 texts have no known feature; they get no answer" in errors
    blank = np.repeat([-1.0, 0.5], 50)
    found = Answers(blank, np.ones(100, bool), 100, 1).abstention(Run(answer_rate=1))
    assert (found.value, found.answered, found.accuracy) == (0, 0.5, 1)
    assert Answers(blank[:50], np.ones(50, bool), 50, 1).abstention(Run(answer_rate=1)) is None


def test_what_is_asked_for_and_not_done_is_told_quietly(folder):
    """In a process of its own: the level of a log is set once."""
    few = folder / "few.tsv"
    few.write_text(tsv(TEXTS[:30], LABELS[:30]), "utf-8")
    how = [sys.executable, "-m", "fasttext_lite", "train", few, "-o", folder / "few.ftl", "-q"]
    done = subprocess.run([*how, "--answer-rate", "0.5"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert "answer_rate 0.5 cannot be measured: 3 texts can be held out" in done.stderr
    assert done.stderr.count("fasttext-lite: answer_rate") == 1


def test_nothing_is_measured_on_texts_that_the_first_model_knows(folder, run, tmp_path):
    first, more, train = tmp_path / "first.ftl", tmp_path / "more.ftl", folder / "train.tsv"
    assert run("train", train, "-o", first, "--epochs", 1, "-q")[0] == 0
    how = "--init", first, "--epochs", 1, "--answer-rate", "0.5", "-o", more, "-q"
    code, _, errors = run("train", train, *how)
    assert code == 0 and load_model(more).abstention is None
    assert "has learnt from these very texts, so that --answer-rate cannot be measured" in errors
    other = tmp_path / "other.tsv"
    other.write_text(tsv(FRESH, OWN), "utf-8")
    code, _, errors = run("train", other, *how[:-2], more, "-q")
    found = load_model(more).abstention
    assert (code, errors, found.goes_on) == (0, "", True)
    assert "the one that it goes on from may have learnt them" in found.line()
    assert "goes on" not in dataclasses.replace(found, goes_on=False).line()


def test_a_threshold_near_1_is_not_shown_as_1(classifier):
    found = dataclasses.replace(classifier.model_.abstention, value=0.99995)
    assert found.line().startswith("0.99995000 for ")


# -- several labels --------------------------------------------------------------------------
def test_each_of_several_labels_answers_for_itself(several):
    found, texts = several.model_.abstention, drawn(50, 5)[0]
    assert 0.4 <= found.answered < 0.42 and found.value > 0.5
    said, p = several.predict(texts, abstain=True), several.predict_proba(texts)
    for row, own in zip(p, said, strict=True):
        assert own == several.classes_[row >= found.value].tolist()
    assert [] in said and said != several.predict(texts)
    matrix = np.array([[name in own for name in WORDS] for own in LISTS[1]], int)
    indicator = FastTextClassifier(answer_rate=0.5, **QUICK).fit(LISTS[0], matrix)
    zeros = indicator.predict(texts, abstain=True)
    least = indicator.model_.abstention.value
    np.testing.assert_array_equal(zeros, indicator.predict_proba(texts) >= max(least, 0.5))


# -- an estimator among others ---------------------------------------------------------------
def test_parameters_are_those_of_scikit_learn(classifier):
    assert classifier.get_params()["answer_accuracy"] == 0.8
    copied = clone(classifier)
    assert copied.get_params() == classifier.get_params() and not hasattr(copied, "model_")
    for name in ("answer_rate", "answer_accuracy"):
        for bad in (0, 1.5, -1, "0.5", True, float("nan")):
            with pytest.raises(ValueError, match=f"{name} must be None or a number above 0"):
                FastTextClassifier(**{name: bad}).fit(TEXTS, Y)
    with pytest.raises(ValueError, match="are both given: a model has one threshold"):
        FastTextClassifier(answer_rate=0.5, answer_accuracy=0.5).fit(TEXTS, Y)
    with pytest.raises(ValueError, match="abstain must be True or False; got 0.8"):
        classifier.predict(FRESH, abstain=0.8)
    assert classifier.predict(FRESH[:3], abstain=np.False_).dtype.kind == "U"


def test_who_has_no_such_threshold_says_so(classifier):
    with pytest.raises(ValueError, match="a search measures no threshold to abstain by"):
        FastTextTuner(classifier).fit(TEXTS, Y)
    with pytest.raises(TypeError, match="answer_rate"):
        FastTextEnsemble(answer_rate=0.5)


def test_it_is_kept(classifier, tmp_path, caplog):
    found = classifier.model_.abstention
    classifier.save(tmp_path / "model.ftl")
    loaded = load(tmp_path / "model.ftl")
    assert loaded.model_.abstention == found and loaded.answer_accuracy == 0.8
    others = [loaded, pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)]
    for other in others:
        assert other.model_.abstention == found
        assert other.predict(FRESH, abstain=True).tolist() == (
            classifier.predict(FRESH, abstain=True).tolist()
        )
    assert classifier.model_.replace(n_texts=7).abstention == found
    assert classifier.model_.sorted_by_label().abstention == found
    assert classifier.quantize(cutoff=50).model_.abstention == found
    assert classifier.quantize(TEXTS, Y, cutoff=50).model_.abstention == found
    assert not any("to abstain by" in line for line in caplog.messages)


def test_another_training_drops_it(classifier, caplog):
    other = copy.deepcopy(classifier)
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        other.partial_fit(TEXTS[:50], Y[:50])
    assert other.model_.abstention is None
    assert any("to abstain by was that of the model before: it is dropped" in line
               for line in caplog.messages)  # fmt: skip
    assert any("answer_accuracy has no effect on partial_fit" in line for line in caplog.messages)


def test_models_of_the_past_have_none(folder):
    without = load_model(folder / "without.ftl")
    assert without.abstention is None
    state = without.__getstate__()
    del state["abstention"]
    older = object.__new__(type(without))
    older.__setstate__(state)
    assert older.abstention is None
    pickled = FastTextClassifier(**QUICK).__getstate__()
    del pickled["answer_rate"], pickled["answer_accuracy"]
    estimator = FastTextClassifier.__new__(FastTextClassifier)
    estimator.__setstate__(pickled)
    assert estimator.answer_rate is estimator.answer_accuracy is None


def test_a_damaged_record_is_no_record(folder):
    header, arrays = read_document(str(folder / "one.ftl"))
    good = header["abstention"]
    for name, bad in (
        ("value", 2), ("level", "x"), ("n_texts", -1), ("wanted", "all"), ("accuracy", None)
    ):  # fmt: skip
        header["abstention"] = {**good, name: bad}
        with pytest.raises(ValueError, match="abstention"):
            unpack(header, dict(arrays))
    header["abstention"] = {"value": 0.5}
    with pytest.raises(ValueError, match="its abstention is unreadable"):
        unpack(header, dict(arrays))
    with pytest.raises(ValueError, match="no run of a training"):
        Run(answer_rate=0.5, answer_accuracy=0.5)
    with pytest.raises(ValueError, match="no run of a training"):
        Run(answer_rate=0.0)


def test_a_checkpoint_keeps_it(tmp_path, classifier):
    class StopError(Exception):
        pass

    def stop(report):
        raise StopError

    how = {"answer_accuracy": 0.8, **QUICK}
    with pytest.raises(StopError):
        FastTextClassifier(**how).fit(TEXTS, Y, checkpoint=tmp_path / "kept", callbacks=stop)
    with pytest.raises(InputError, match="answer_accuracy was 0.8 and is 0.7"):
        FastTextClassifier(**{**how, "answer_accuracy": 0.7}).fit(
            TEXTS, Y, checkpoint=tmp_path / "kept"
        )  # fmt: skip
    found = FastTextClassifier(**how).fit(TEXTS, Y, checkpoint=tmp_path / "kept")
    assert found.model_.abstention == classifier.model_.abstention


# -- the command line ------------------------------------------------------------------------
def test_predict_leaves_lines_empty(classifier, folder, run):
    expected = classifier.predict(FRESH, abstain=True).tolist()
    assert None in expected
    code, said, _ = run("predict", folder / "one.ftl", folder / "fresh.txt", "--abstain")
    assert code == 0
    assert said.split("\n")[:-1] == [label or "" for label in expected]
    said = run("predict", folder / "one.ftl", folder / "fresh.txt", "--abstain", "--prob")[1]
    for line, label in zip(said.split("\n")[:-1], expected, strict=True):
        assert line.partition("\t")[0] == (label or "") and bool(line) == (label is not None)
    said = run("predict", folder / "one.ftl", folder / "fresh.txt", "--abstain", "-k", "2")[1]
    for line, label in zip(said.split("\n")[:-1], expected, strict=True):
        assert len(line.split("\t")) == (1 if label is None else 2)
        assert line.split("\t")[0] == (label or "")


def test_json_says_what_is_withheld(classifier, several, folder, run):
    expected, plain = classifier.predict(FRESH, abstain=True), classifier.predict(FRESH)
    said = run("predict", folder / "one.ftl", folder / "fresh.txt", "--abstain", "--json")[1]
    for line, label, likeliest in zip(said.splitlines(), expected, plain, strict=True):
        found = json.loads(line)
        assert found["labels"] == ([] if label is None else [label])
        assert found["withheld"] == ([likeliest] if label is None else [])
        assert len(found["probabilities"]) == len(found["labels"])
        assert len(found["withheld_probabilities"]) == len(found["withheld"])
    said = run("predict", folder / "one.ftl", folder / "fresh.txt", "--json")[1]
    assert "withheld" not in json.loads(said.splitlines()[0])
    path = folder / "several.ftl"
    said = run("predict", path, folder / "fresh.txt", "--abstain", "--json")[1]
    given, all_of = several.predict(FRESH, abstain=True), several.predict(FRESH)
    for line, own, more in zip(said.splitlines(), given, all_of, strict=True):
        found = json.loads(line)
        assert sorted(found["labels"]) == own
        assert sorted(found["withheld"]) == sorted(set(more) - set(own))


def test_records_have_empty_fields(classifier, folder, run, tmp_path):
    expected = classifier.predict(FRESH, abstain=True).tolist()
    for ending in ("csv", "jsonl"):
        out = tmp_path / f"out.{ending}"
        code, _, errors = run(
            "predict", folder / "one.ftl", folder / "fresh.csv", "--abstain", "-o", out
        )  # fmt: skip
        assert code == 0, errors
        with open(out, encoding="utf-8", newline="") as file:
            read = list(csv.DictReader(file)) if ending == "csv" else list(map(json.loads, file))
        empty = "" if ending == "csv" else None
        for record, label in zip(read, expected, strict=True):
            assert record["predicted_label"] == (empty if label is None else label)
            assert (record["score"] == empty) == (label is None)


def test_what_abstain_cannot_do_is_one_line(folder, run, tmp_path):
    from fasttext_lite import compat as fasttext

    theirs = tmp_path / "theirs.bin"
    (tmp_path / "train.txt").write_text("__label__a x y\n__label__b z w\n" * 3)
    fasttext.train_supervised(
        str(tmp_path / "train.txt"), dim=2, epoch=1, verbose=0
    ).save_model(str(theirs))  # fmt: skip
    fresh = folder / "fresh.txt"
    cases = {
        "has no threshold to abstain by: train it with --answer-rate": ["without.ftl"],
        "--threshold gives another: leave one out": ["one.ftl", "--threshold", "0.5"],
        "a model of fastText's has no threshold to abstain by": [theirs],
    }
    for why, (model, *more) in cases.items():
        code, said, errors = run("predict", folder / model, fresh, "--abstain", *more)
        assert (code, said) == (2, ""), why
        assert why in errors and errors.count("\n") == 1
    out = tmp_path / "out.txt"
    assert run("predict", folder / "without.ftl", fresh, "--abstain", "-o", out)[0] == 2
    assert not out.exists()


def test_train_measures_and_info_says_it(folder, run, tmp_path):
    out = tmp_path / "model.ftl"
    code, said, _ = run(
        "train", folder / "train.tsv", "-o", out, "--seed", 1, "--epochs", 3,
        "--answer-accuracy", 0.8,
    )  # fmt: skip
    found = load_model(out).abstention
    assert code == 0 and f"abstains below {found.line()}" in said
    assert load(out).answer_accuracy == 0.8
    info = run("info", out)[1]
    assert f"abstention      {found.line()}" in info
    about = json.loads(run("info", out, "--json")[1])
    assert about["abstention"].pop("lower") == found.lower
    assert Abstention.from_dict(about["abstention"]) == found
    assert run("quantize", out, "-o", tmp_path / "small.ftl")[0] == 0
    assert "measured before quantisation" in run("info", tmp_path / "small.ftl")[1]
    assert load_model(tmp_path / "small.ftl").abstention == found


def test_flags_that_say_no_share_are_one_line(folder, capsys):
    both = ["--answer-rate", "0.5", "--answer-accuracy", "0.5"]
    cases = [(["--answer-rate", each], each) for each in ("0", "1.2", "x", "nan")]
    for arguments, bad in (*cases, (both, None)):
        with pytest.raises(SystemExit) as ended:
            app.main(["train", str(folder / "train.tsv"), *arguments])
        errors = capsys.readouterr().err
        assert ended.value.code == 2 and errors.count("\n") == 1
        why = (
            "not allowed with" if bad is None else f"must be a number above 0, up to 1; got '{bad}'"
        )
        assert why in errors


def test_training_further_measures_anew_or_drops_it(folder, run, tmp_path, caplog):
    out = tmp_path / "more.ftl"
    how = "train", folder / "train.tsv", "-o", out, "--init", folder / "one.ftl", "--epochs", 1
    code, _, _ = run(*how, "--answer-rate", "0.5")
    found = load_model(out).abstention
    assert not any("it is dropped" in line for line in caplog.messages)
    assert code == 0 and (found.n_texts, found.n_folds, found.wanted) == (50, 0, "answer_rate")
    code, _, _ = run(*how)
    assert code == 0 and load_model(out).abstention is None
    said = "to abstain by was that of the model before: it is dropped"
    assert sum(said in line for line in caplog.messages) == 1


def test_converting_says_what_is_lost(folder, run, tmp_path):
    model = tmp_path / "model.ftl"
    settings = ("--preset", "fasttext", "--dim", "6", "--minn", "0", "--maxn", "0", "--bucket", "0")
    how = ("-o", model, "--loss", "softmax", "--word-ngrams", "1", "--answer-rate", "0.5", "-q")
    assert run("train", folder / "train.tsv", *how, *settings)[0] == 0
    code, _, errors = run("convert", model, tmp_path / "theirs.bin")
    assert code == 0 and "no place for the threshold to abstain by" in errors


def test_a_model_error_is_one_line(folder, run, tmp_path):
    model = load_model(folder / "one.ftl")
    bad = dataclasses.replace(model.abstention)
    object.__setattr__(bad, "value", 7.0)
    path = tmp_path / "bad.ftl"
    save_model(model.replace(abstention=bad), path)
    with pytest.raises(ModelError, match="is damaged: the value of an abstention is out of range"):
        load_model(path)
    code, said, errors = run("predict", path, folder / "fresh.txt", "--abstain")
    assert (code, said) == (2, "") and errors.count("\n") == 1
