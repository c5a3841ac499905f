"""Pickles: those of older code still load and predict the same, and new ones go round."""

import importlib
import json
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from fasttext_lite import FastTextClassifier, FastTextEnsemble, FastTextTransformer, FastTextTuner

FOLDER = Path(__file__).parent / "golden" / "pickles"  # made by golden/make_pickles.py
GOLDEN = json.loads((FOLDER / "expected.json").read_text())
TEXTS, LABELS, EXPECTED = GOLDEN["texts"], GOLDEN["labels"], GOLDEN["first_three"]
TYPES = {
    "transformer": FastTextTransformer, "ensemble": FastTextEnsemble, "tuner": FastTextTuner,
}  # fmt: skip


def load(name):
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
    found = load(name)
    assert type(found) is TYPES.get(name, FastTextClassifier)
    np.testing.assert_allclose(results(found), EXPECTED[name], rtol=1e-6)


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_read_from_an_older_pickle_goes_into_a_new_one(name):
    found = load(name)
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
    found = load(name)
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
    found = load(name)
    before = results(found)
    found.partial_fit([*TEXTS, "stadium"], [*LABELS, "sport"])
    assert not np.array_equal(results(found), before)
    assert b"stadium" in found.model_.space.words()


def test_an_older_pickle_of_settings_alone():
    found = load("unfitted")
    # What there was no parameter for, or another default, stays as it was then.
    before = FastTextClassifier(
        epochs=7, beta1=0.9, lone_marks=False, script_rules=False, max_features=0, pseudo_count=1.0,
        char_energy=1.0, recipe="fixed",
    )  # fmt: skip
    assert found.get_params() == before.get_params()
    assert not hasattr(found, "model_")
    assert found.fit(TEXTS, LABELS).score(TEXTS, LABELS) == 1


def test_an_older_pickle_of_reports():
    reports = load("watched").history_.reports
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
