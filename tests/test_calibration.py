"""Probabilities that mean what they say: of each loss, on texts that were not trained on."""

import json

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite import FastTextClassifier, load
from fasttext_lite.cli.app import main
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.errors import ModelError
from fasttext_lite.evaluation.reliability import reliability
from fasttext_lite.fitting.calibrate import _Decisions
from fasttext_lite.model import storage
from fasttext_lite.model.calibration import Calibration, calibration_error

RNG = np.random.default_rng


def noisy_texts(n, seed, n_labels=4, share=0.5):
    """Return texts and labels; only a share of a text's words speaks of its label."""
    rng = RNG(seed)
    labels = rng.integers(n_labels, size=n)
    of = np.where(rng.random((n, 4)) < share, labels[:, None], rng.integers(n_labels, size=(n, 4)))
    texts = [" ".join(f"w{label}x{rng.integers(15)}" for label in row) for row in of]
    return texts, [f"label{label}" for label in labels]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 200), st.integers(0, 99), st.booleans())
def test_the_calibration_error_equals_its_twin(n, seed, weighted):
    rng = RNG(seed)
    confidence, right = rng.integers(0, 8, n) / 7, rng.random(n) < 0.5
    weights = rng.random(n) if weighted else np.ones(n)
    found = calibration_error(confidence, right, weights if weighted else None)
    expected = reference.calibration_error(confidence, right, weights) if n else 0
    assert found == pytest.approx(expected, abs=1e-12)
    assert 0 <= found <= 1


@pytest.mark.parametrize("weighted", [False, True])
def test_the_order_of_texts_has_no_part_in_the_calibration_error(weighted):
    sure, right = np.full(100, 0.5), np.arange(100) < 50
    assert calibration_error(sure, right) == calibration_error(sure, right[::-1]) == 0
    assert reliability(sure, right).error == 0
    assert (reliability(sure, right).accuracy == 0.5).all()
    rng = np.random.default_rng(2)
    sure, right = rng.choice([0.4, 0.5, 0.9, 0.99], 200), rng.random(200) < 0.7
    weights = rng.random(200) if weighted else None
    expected = reliability(sure, right, weights)
    for _ in range(5):
        order = rng.permutation(200)
        own = weights if weights is None else weights[order]
        found = reliability(sure[order], right[order], own)
        assert calibration_error(sure[order], right[order], own) == pytest.approx(found.error)
        assert found.error == pytest.approx(expected.error)
        np.testing.assert_allclose(found.accuracy, expected.accuracy)


def test_the_calibration_error_by_hand():
    # Fifteen bins of two texts each: all are .8 sure, 24 of 30 are right, but in other bins.
    right = np.array([True] * 24 + [False] * 6)
    assert calibration_error(np.full(30, 0.7), right) == pytest.approx(abs(0.7 - right.mean()))
    falling = np.linspace(0.81, 0.8, 30)  # so that each bin holds two of one kind
    assert calibration_error(falling, right) == pytest.approx((24 * 0.2 + 6 * 0.8) / 30, abs=0.01)
    assert calibration_error(np.ones(30), np.ones(30, bool)) == 0
    assert calibration_error(np.ones(30), np.zeros(30, bool)) == 1


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_the_factor_of_a_softmax_is_found_again(factor):
    rng = RNG(1)
    scores = rng.normal(size=(20_000, 5)) / factor
    p = reference.softmax(factor * scores)
    labels = (p.cumsum(1) < rng.random((len(p), 1))).sum(1)
    targets = np.eye(5)[np.minimum(labels, 4)]
    decisions = _Decisions(scores, targets, np.ones((len(p), 1)))
    assert decisions.factor(True)[0] == pytest.approx(factor, rel=0.05)
    # With weights, the texts that weigh nothing do not count.
    weights = (np.arange(len(p)) < 10_000)[:, None].astype(float)
    targets[10_000:] = np.eye(5)[0]
    assert _Decisions(scores, targets, weights).factor(True)[0] == pytest.approx(factor, rel=0.07)


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_the_factor_of_sigmoids_is_found_again(factor):
    rng = RNG(2)
    scores = rng.normal(size=(20_000, 3)) / factor
    targets = (rng.random(scores.shape) < reference.sigmoid(factor * scores)).astype(float)
    decisions = _Decisions(scores, targets, np.ones((len(scores), 1)))
    found, loss = decisions.factor(False)
    assert found == pytest.approx(factor, rel=0.05)
    for other in (0.8 * found, 1.25 * found):  # the loss is the lowest, and is what it is called
        p = reference.sigmoid(other * scores)
        assert loss < -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).sum()


@pytest.mark.parametrize(("scale", "power"), [(1.0, 1.0), (3.0, 0.5), (0.3, 6.0)])
def test_scale_and_power_are_found_again(scale, power):
    rng = RNG(3)
    scores = rng.normal(size=(30_000, 4)) * 2 - 1
    p = reference.sigmoid(scale * scores) ** power
    p /= p.sum(1, keepdims=True)
    labels = np.minimum((p.cumsum(1) < rng.random((len(p), 1))).sum(1), 3)
    found = _Decisions(scores, np.eye(4)[labels], np.ones((len(p), 1))).power()
    q = reference.sigmoid(found.scale * scores) ** found.power
    q /= q.sum(1, keepdims=True)
    assert np.abs(q - p).mean() < 0.01


def test_where_all_is_right_no_endless_factor_is_asked_for():
    decisions = _Decisions(np.eye(3)[[0, 1, 2] * 20], np.eye(3)[[0, 1, 2] * 20], np.ones((60, 1)))
    factor, _ = decisions.softened(True).factor(True)
    assert 3 < factor < 30
    assert decisions.softened(False).factor(False)[0] < 1e4


@pytest.mark.parametrize("loss", LOSSES)
def test_probabilities_of_fresh_texts_are_right_as_often_as_they_say(loss):
    clf = FastTextClassifier(loss=loss, random_state=0, n_jobs=1).fit(*noisy_texts(1500, 0))
    model, (texts, labels) = clf.model_, noisy_texts(3000, 1)
    calibration = model.calibration
    assert calibration.n_texts == 1200 and calibration.error < 0.1
    found = clf.predict_proba(texts)
    right = clf.classes_[found.argmax(1)] == np.array(labels)
    error = calibration_error(found.max(1), right)
    assert error < 0.05
    plain = model.replace(calibration=Calibration.none(model.loss)).probabilities(texts)
    assert error < calibration_error(plain.max(1), right) + 0.01
    np.testing.assert_array_equal(plain.argmax(1), model.probabilities(texts).argmax(1))


@pytest.mark.parametrize("loss", [*LOSSES, "auto"])
@pytest.mark.parametrize("n_labels", [2, 4])
def test_all_that_a_model_says_is_on_one_scale(loss, n_labels, tmp_path, capsys):
    clf = FastTextClassifier(loss=loss, random_state=0).fit(*noisy_texts(300, 0, n_labels))
    texts = noisy_texts(40, 1, n_labels)[0]
    found = clf.predict_proba(texts)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-9)
    scores = clf.decision_function(texts)
    if n_labels == 2:
        np.testing.assert_allclose(reference.sigmoid(scores), found[:, 1], rtol=1e-6, atol=1e-12)
    else:
        np.testing.assert_allclose(reference.softmax(scores), found, rtol=1e-6, atol=1e-12)
    clf.save(tmp_path / "m.ftl")
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(texts) + "\n")
    arguments = ["predict", str(tmp_path / "m.ftl"), str(file), "--prob", "-k", "9"]
    assert main(arguments) == 0
    for line, row in zip(capsys.readouterr().out.splitlines(), found, strict=True):
        values = line.split("\t")
        printed = dict(zip(values[::2], map(float, values[1::2]), strict=True))
        expected = dict(zip(clf.classes_, row, strict=True))
        assert printed == pytest.approx(expected, rel=1e-4, abs=1e-12)
    # A threshold is of the same scale.
    assert main([*arguments, "--threshold", "0.5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [bool(line) for line in lines] == (found.max(1) >= 0.5).tolist()


def test_of_several_labels_each_is_judged_by_itself_on_the_scale_of_its_sigmoid():
    texts, labels = noisy_texts(1500, 0)
    rows = [[label, "odd"] if i % 3 == 0 else [label] for i, label in enumerate(labels)]
    clf = FastTextClassifier(random_state=0, n_jobs=1).fit(texts, rows)
    model = clf.model_
    assert model.link == "sigmoid" and model.calibration.n_texts == 1200
    fresh, shown = noisy_texts(3000, 1)
    found = clf.predict_proba(fresh)
    np.testing.assert_allclose(found, reference.sigmoid(clf.decision_function(fresh)), rtol=1e-6)
    names = clf.classes_.tolist()
    for label in names[:4]:
        own = found[:, names.index(label)]
        assert calibration_error(own, np.array(shown) == label) < 0.08


def test_a_calibration_is_kept_by_files_pickles_and_quantisation(tmp_path):
    clf = FastTextClassifier(random_state=0).fit(*noisy_texts(400, 0))
    clf.save(tmp_path / "m.ftl")
    again = load(tmp_path / "m.ftl")
    assert again.model_.calibration == clf.model_.calibration
    assert again.model_.choice == clf.model_.choice == clf.history_.choice
    assert clf.quantize().model_.calibration == clf.model_.calibration
    texts = noisy_texts(20, 1)[0]
    np.testing.assert_array_equal(again.predict_proba(texts), clf.predict_proba(texts))


@pytest.mark.parametrize(
    "values",
    [
        {"error": []}, {"scale": 10**300}, {"scale": 1e308}, {"error": -5}, {"power": True},
        {"scale": 0}, {"scale": -1}, {"scale": float("nan")}, {"scale": "1"}, {"power": -1},
        {"power": float("inf")}, {"n_texts": -1}, {"n_texts": 1.5}, {"error": "x"}, {"other": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_calibration_is_refused(values, tmp_path):
    good = {"scale": 1.0, "power": 1.0, "n_texts": 3, "error": 0.1}
    assert Calibration.from_dict(good).to_dict() == good
    clf = FastTextClassifier(random_state=0).fit(*noisy_texts(60, 0))
    header, arrays = storage.pack(clf.model_)
    header["calibration"] = {**good, **values}
    storage.write_document(tmp_path / "m.ftl", header, arrays)
    with pytest.raises(ModelError, match="damaged: .*calibration"):
        storage.load_model(tmp_path / "m.ftl")


@pytest.mark.parametrize(
    "values",
    [
        {"chosen": 7}, {"chosen": "0"}, {"candidates": 5}, {"why": None}, {"candidates": [{}]}, 3,
        {"candidates": [{"settings": 5, "accuracy": 1, "ahead": 0}], "chosen": 0},
        {"candidates": [{"settings": {"a": []}, "accuracy": 1, "ahead": 0}], "chosen": 0},
        {"candidates": [{"settings": {}, "accuracy": 10**400, "ahead": 0}], "chosen": 0},
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_choice_is_refused(values, tmp_path):
    clf = FastTextClassifier(random_state=0).fit(*noisy_texts(60, 0))
    header, arrays = storage.pack(clf.model_)
    header["choice"] = {**header["choice"], **values} if isinstance(values, dict) else values
    storage.write_document(tmp_path / "m.ftl", json.loads(json.dumps(header)), arrays)
    with pytest.raises(ModelError, match="damaged: .*choice"):
        storage.load_model(tmp_path / "m.ftl")


def test_evenness_of_labels():
    def evenness(*counts):
        return Labels.from_rows([[str(i)] for i, n in enumerate(counts) for _ in range(n)]).evenness

    assert evenness(5, 5) == pytest.approx(1) and evenness(3, 3, 3) == pytest.approx(1)
    assert evenness(9) == 1 and Labels.from_rows([[], []]).evenness == 1
    p = np.array([0.1, 0.9])
    assert evenness(1, 9) == pytest.approx(-(p * np.log2(p)).sum())
