"""Pickles: those of older code still load and predict the same, and new ones go round."""

import concurrent.futures
import copy
import importlib
import io
import json
import multiprocessing
import pickle
import pickletools
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from fasttext_lite import (
    FastTextClassifier,
    FastTextEnsemble,
    FastTextTransformer,
    FastTextTuner,
    load,
)

FOLDER = Path(__file__).parent / "golden" / "pickles"  # made by golden/make_pickles.py
GOLDEN = json.loads((FOLDER / "expected.json").read_text())
TEXTS, LABELS, EXPECTED = GOLDEN["texts"], GOLDEN["labels"], GOLDEN["first_three"]
TYPES = {
    "transformer": FastTextTransformer, "ensemble": FastTextEnsemble, "tuner": FastTextTuner,
}  # fmt: skip


def read(name):
    return pickle.loads((FOLDER / f"{name}.pkl").read_bytes())


def results(estimator):
    if isinstance(estimator, FastTextTransformer):
        return estimator.transform(TEXTS[:3])
    return estimator.predict_proba(TEXTS[:3])


def names_in(data):
    """Return the modules and names of what a pickle asks for."""
    strings, found, memo = [], set(), {}
    for code, argument, _ in pickletools.genops(data):
        if isinstance(argument, str):
            strings.append(argument)
        elif code.name == "MEMOIZE":
            memo[len(memo)] = strings[-1] if strings else None
        elif code.name in ("BINGET", "LONG_BINGET"):
            strings.append(memo[argument])
        elif code.name == "STACK_GLOBAL":
            found.add(tuple(strings[-2:]))
    return found


def test_all_pickles_are_tested():
    assert {path.stem for path in FOLDER.glob("*.pkl")} == {*EXPECTED, "unfitted"}


@pytest.mark.parametrize("name", EXPECTED)
def test_older_pickles_predict_as_they_did(name):
    found = read(name)
    assert type(found) is TYPES.get(name, FastTextClassifier)
    np.testing.assert_allclose(results(found), EXPECTED[name], rtol=1e-6)


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_read_from_an_older_pickle_goes_into_a_new_one(name):
    found = read(name)
    data = pickle.dumps(found, protocol=4)
    again = pickle.loads(data)
    assert np.array_equal(results(again), results(found))
    assert again.get_params() == found.get_params() or name == "tuner"
    own = {(place, what) for place, what in names_in(data) if place.startswith("fasttext_lite")}
    assert own
    for place, what in own:
        assert getattr(importlib.import_module(place), what).__module__ == place, "the new place"


# A hidden layer, as adam's has, starts with other weights than it did.
@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in ("quantized", "adam")])
def test_what_is_read_from_an_older_pickle_is_fitted_as_before(name):
    found = read(name)
    if name == "partial":
        found = clone(found).partial_fit(TEXTS, LABELS, classes=["sport", "travel"])
    else:
        labels = [[label, "all"] for label in LABELS] if name == "multilabel" else LABELS
        valid = {"validation_data": (TEXTS[:8], LABELS[:8])} if name == "watched" else {}
        found.fit(TEXTS, labels, **valid)
    # A search begins with the recipe of today, whose weights differ a little.
    rtol = 2e-3 if name == "tuner" else 1e-5
    np.testing.assert_allclose(results(found), EXPECTED[name], rtol=rtol)


@pytest.mark.parametrize("name", ["classifier", "partial", "adam", "hs"])
def test_training_goes_on_from_an_older_pickle(name):
    found = read(name)
    before = results(found)
    found.partial_fit([*TEXTS, "stadium"], [*LABELS, "sport"])
    assert not np.array_equal(results(found), before)
    assert b"stadium" in found.model_.space.words()


def test_an_older_pickle_of_settings_alone():
    found = read("unfitted")
    # What there was no parameter for, or another default, stays as it was then.
    before = FastTextClassifier(
        epochs=7, beta1=0.9, lone_marks=False, script_rules=False, max_features=0, pseudo_count=1.0,
        char_energy=1.0, recipe="fixed", max_words=0,
    )  # fmt: skip
    assert found.get_params() == before.get_params()
    assert not hasattr(found, "model_")
    assert found.fit(TEXTS, LABELS).score(TEXTS, LABELS) == 1


def test_an_older_pickle_of_reports():
    reports = read("watched").history_.reports
    assert [report.epoch for report in reports] == [1, 2]
    assert "valid" in reports[0].line(2)


def test_names_that_never_were_are_not_found():
    with pytest.raises(AttributeError, match="Nobody"):
        pickle.loads(b"cfasttext_lite.estimator\nNobody\n.")
    with pytest.raises(ModuleNotFoundError, match="fasttext_lite.nowhere"):
        importlib.import_module("fasttext_lite.nowhere")


# Classes of values that people may have kept, at their places in 0.1.0.
PLACES = """
analyzers.MarkedTexts compression.Packed compression.PackedSpace config.Config corpus.Corpus
corpus.LabelledChunk corpus.Labels corpus.Texts datasets.Bunch datasets_registry.Dataset
datasets_registry.Part datasets_registry.Source ensemble.FastTextEnsemble entries.Codes
entries.FeatureMatrix errors.InputError errors.ModelError errors.TrainingError
estimator.FastTextClassifier estimator.FastTextTransformer estimator.UnknownTextWarning
evaluation.Evaluation features.FeatureSpace fitting.Prepared fitting.Trainee label_tree.LabelTree
model.Model model.Predictions monitoring.EpochReport monitoring.Watch segmenter.Segmenter
segmenter_dictionary.WordTable segmenter_library.LibrarySegmenter sources.ReadError
sources.ReadOptions targets.Target training.EpochEnd training.History training.Progress
tuner.FastTextTuner tuning.Outcome tuning_data.TuningData tuning_log.Trial tuning_metrics.Metric
tuning_space.Pick tuning_space.Space tuning_space.Span vectors.WordVectors weights.RowState
weights.Weights
"""


@pytest.mark.parametrize("place", PLACES.split())
def test_classes_are_found_at_their_places_of_before(place):
    module, _, name = place.rpartition(".")
    found = getattr(importlib.import_module(f"fasttext_lite.{module}"), name)
    assert isinstance(found, type) and found.__name__ == name


# -- pickles of today ------------------------------------------------------------------------
LARGE = [f"{text} {a} w{i} w{i + 1}" for i in range(40) for a, text in enumerate(TEXTS)]
LARGE_LABELS = LABELS * 40
LONG_NAMES = [f"{label}{' and much more' * 9 * (label == 'sport')}" for label in LARGE_LABELS]
QUICK = {"epochs": 2, "random_state": 0, "recipe": "fixed"}
NETWORK = {"head": "learned", "dim": 12, "loss": "softmax"}
KINDS = {
    "dense": QUICK,
    "adagrad": {**QUICK, **NETWORK, "optimizer": "adagrad"},
    "adam": {**QUICK, **NETWORK, "optimizer": "adam", "norm": "batch", "units": 8},
    "averaged": {**QUICK, "averaging": 0.5},
    "decayed": {**QUICK, "l2": 1e-4},
    "mean": {**QUICK, "pooling": "mean", "supervision": 0.0},
    "float16": {**QUICK, "dtype": "float16"},
    "hs": {**QUICK, "loss": "hs"},
    "quantized": QUICK,
    "partial": QUICK,
    "names": QUICK,
    "ensemble": {**QUICK, "n_members": 3},
}


@pytest.fixture(scope="module")
def fitted():
    """Return a function that makes a fitted estimator of each of `KINDS`, once."""
    made = {}

    def fitted(name):
        if name not in made:
            cls = FastTextEnsemble if name == "ensemble" else FastTextClassifier
            y = LONG_NAMES if name == "names" else LARGE_LABELS
            estimator = cls(**KINDS[name]).fit(LARGE, y)
            if name == "quantized":
                estimator = estimator.quantize()
            if name == "partial":
                estimator.partial_fit([*LARGE[:50], "stadium"], [*LARGE_LABELS[:50], "sport"])
            made[name] = estimator
        return made[name]

    return fitted


@pytest.mark.parametrize("name", KINDS)
def test_a_pickle_is_no_larger_than_the_file(fitted, name, tmp_path):
    estimator, stream = fitted(name), io.BytesIO()
    estimator.save(tmp_path / "model.ftl")
    most = 1.05 * (tmp_path / "model.ftl").stat().st_size + 6000
    joblib.dump(estimator, stream)
    assert len(pickle.dumps(estimator)) <= most
    assert len(stream.getvalue()) <= most


@pytest.mark.parametrize("name", KINDS)
def test_pickles_predict_the_same_bits(fitted, name):
    estimator = fitted(name)
    again = pickle.loads(pickle.dumps(estimator))
    assert np.array_equal(results(again), results(estimator))
    assert np.array_equal(again.predict(LARGE), estimator.predict(LARGE))
    assert np.array_equal(again.classes_, estimator.classes_)
    assert again.classes_.dtype == estimator.classes_.dtype
    assert clone(again).get_params() == estimator.get_params()
    if name == "ensemble":
        assert len({id(member.model_.space) for member in again.estimators_}) == 1
    else:
        assert again._trainee.model is again.model_
        assert again.history_.loss == estimator.history_.loss


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("quantized", "ensemble")])
def test_training_goes_on_after_a_pickle_as_after_a_file(fitted, name, tmp_path):
    estimator = fitted(name)
    estimator.save(tmp_path / "model.ftl")
    y = (LONG_NAMES if name == "names" else LARGE_LABELS)[:60]
    found = [pickle.loads(pickle.dumps(estimator)), load(tmp_path / "model.ftl")]
    first, second = (each.partial_fit(LARGE[:60], y) for each in found)
    assert np.array_equal(results(first), results(second))


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("quantized", "ensemble")])
def test_a_deep_copy_goes_on_as_its_original(fitted, name):
    first = pickle.loads(pickle.dumps(fitted(name))).partial_fit(LARGE, (
        LONG_NAMES if name == "names" else LARGE_LABELS))  # fmt: skip
    second = copy.deepcopy(first)
    y = (LONG_NAMES if name == "names" else LARGE_LABELS)[:60]
    for each in (first, second):
        each.partial_fit(LARGE[:60], y)
    assert np.array_equal(results(first), results(second))


def test_a_quantised_pickle_is_quantised(fitted, tmp_path):
    again = pickle.loads(pickle.dumps(fitted("quantized")))
    fitted("quantized").save(tmp_path / "first.ftl")
    again.save(tmp_path / "again.ftl")
    assert (tmp_path / "again.ftl").read_bytes() == (tmp_path / "first.ftl").read_bytes()
    with pytest.raises(ValueError, match="quantised"):
        again.partial_fit(LARGE, LARGE_LABELS)


def test_transformer_and_tuner_in_pickles():
    transformer = FastTextTransformer(**QUICK, **NETWORK).fit(LARGE, LARGE_LABELS)
    assert len(pickle.dumps(transformer)) < 1.1 * sum(
        array.nbytes
        for array in (transformer.model_.embeddings, *transformer.model_.space.__getstate__())
        if isinstance(array, np.ndarray)
    )
    again = pickle.loads(pickle.dumps(transformer))
    assert np.array_equal(results(again), results(transformer))
    tuner = FastTextTuner(
        FastTextClassifier(**QUICK), time=None, n_trials=2, random_state=0
    ).fit(LARGE, LARGE_LABELS)  # fmt: skip
    again = pickle.loads(pickle.dumps(tuner))
    assert np.array_equal(results(again), results(tuner))
    assert len(pickle.dumps(tuner)) < len(pickle.dumps(tuner.best_estimator_)) + 4000


@pytest.mark.parametrize("name", ["dense", "quantized", "ensemble"])
def test_other_processes_get_the_estimator(fitted, name):
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
        found = pool.submit(fitted(name).predict_proba, TEXTS[:3]).result()
    assert np.array_equal(found, results(fitted(name)))
