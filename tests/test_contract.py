"""The contract of the estimators with scikit-learn, and what they promise about their input.

scikit-learn's common checks feed numbers; most of this is the same ideas for text. What can be
run of the checks themselves is in `test_common_checks.py`.
"""

import copy
import dataclasses
import inspect
import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import reference
import scipy.sparse as sp
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import estimator_html_repr, get_tags
from sklearn.utils.class_weight import compute_sample_weight

from fasttext_lite import load_model
from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError, TrainingError
from fasttext_lite.estimators.base import UnknownTextWarning
from fasttext_lite.estimators.classifier import FastTextClassifier, load
from fasttext_lite.estimators.transformer import FastTextTransformer
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.model import model as models
from fasttext_lite.model.storage import save_model

LOSSES = ("softmax", "hs", "ova", "ns", "hinge", "squared_hinge")
OPTIMIZERS = ("sgd", "adagrad", "adam")
ANALYZERS = ("auto", "whitespace", "char", "jieba")
ESTIMATORS = (FastTextClassifier, FastTextTransformer)
SMALL = {"random_state": 0, "bucket": 500, "dim": 4, "epochs": 3, "minn": 0, "maxn": 0}

TEXTS = [
    "red apple and pear", "sweet pear", "green apple", "ripe red plum", "sweet plum and apple",
    "fast car", "old bus and car", "slow bus", "red car", "fast old train", "slow train",
    "tall oak tree", "old pine tree", "green oak", "tall pine and oak",
]  # fmt: skip
NAMES = ["fruit"] * 5 + ["wheels"] * 6 + ["wood"] * 4
LISTS = [["sweet", "fruit"] if "sweet" in TEXTS[i] else [NAMES[i]] for i in range(len(TEXTS))]
MATRIX = np.array([[int(name in row) for name in sorted(set(sum(LISTS, [])))] for row in LISTS])
BINARY = ["wheels" if name == "wheels" else "other" for name in NAMES]


def classifier(**parameters):
    return FastTextClassifier(**(SMALL | parameters))


def transformer(**parameters):
    return FastTextTransformer(**(SMALL | parameters))


def tables(estimator):
    """Return everything that training made, as bytes."""
    model = estimator.model_
    arrays = (model.embeddings, model.output, model.space.row_codes, model.space.frequency)
    return [array.tobytes() for array in arrays] + [
        model.space.words(),
        model.label_counts.tolist(),
    ]


def assert_same(a, b):
    assert tables(a) == tables(b)


def assert_different(a, b):
    assert tables(a) != tables(b)


@pytest.fixture(scope="module")
def fitted():
    """Return a classifier of three labels that no test changes."""
    return classifier().fit(TEXTS, NAMES)


# -- parameters ------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_config_field_is_a_parameter_with_the_same_default(cls):
    parameters = inspect.signature(cls).parameters
    for field in dataclasses.fields(Config):
        assert parameters[field.name].default == field.default
        assert type(parameters[field.name].default) is type(field.default)
    own = set(parameters) - {field.name for field in dataclasses.fields(Config)}
    answers = {"answer_rate", "answer_accuracy"} if cls is FastTextClassifier else set()
    assert own == answers | {
        "class_weight", "pretrained_vectors", "max_words", "random_state", "n_jobs", "verbose"
    }  # fmt: skip


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_parameter_is_documented(cls):
    for name, parameter in inspect.signature(cls).parameters.items():
        assert f"    {name} : default {parameter.default!r}\n" in cls.__doc__
    assert "<parameters>" not in cls.__doc__


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_init_stores_and_checks_nothing(cls):
    values = {name: object() for name in cls().get_params()}
    estimator = cls(**values)
    assert vars(estimator) == values


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_unknown_and_positional_parameters_are_type_errors(cls):
    with pytest.raises(TypeError, match="wordNgrams"):
        cls(wordNgrams=2)
    with pytest.raises(TypeError):
        cls("auto")
    with pytest.raises(ValueError, match="wordNgrams"):
        cls().set_params(wordNgrams=2)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_get_and_set_params_round_trip(cls):
    changed = {"loss": "hs", "dim": 7, "lr": 0.25, "class_weight": {"a": 2}, "n_jobs": 2}
    estimator = cls()
    assert estimator.set_params(**changed) is estimator
    assert estimator.get_params() == cls().get_params() | changed
    assert cls(**estimator.get_params()).get_params() == estimator.get_params()


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_clone_copies_parameters_and_no_training(cls):
    estimator = cls(**SMALL, class_weight={"fruit": 2.0}, nfkc=True).fit(TEXTS, NAMES)
    copied = clone(estimator)
    assert copied.get_params() == estimator.get_params()
    assert set(vars(copied)) == set(estimator.get_params())
    assert_same(copied.fit(TEXTS, NAMES), estimator)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_repr_shows_what_was_changed(cls):
    assert repr(cls(dim=8, loss="hs")) == f"{cls.__name__}(dim=8, loss='hs')"


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_fit_returns_self_and_leaves_parameters_and_data_alone(cls):
    class_weight = {"fruit": 2.0}
    estimator = cls(**SMALL, class_weight=class_weight)
    before = copy.deepcopy(estimator.get_params())
    texts, names, weights = list(TEXTS), np.array(NAMES), np.arange(len(TEXTS), dtype=float)
    weights.flags.writeable = names.flags.writeable = False
    assert estimator.fit(texts, names, weights) is estimator
    assert estimator.get_params() == before
    assert estimator.class_weight is class_weight
    assert texts == TEXTS


def test_fit_adds_only_attributes_with_an_underscore(fitted):
    added = set(vars(fitted)) - set(fitted.get_params())
    assert all(name.startswith("_") or name.endswith("_") for name in added)
    assert {"classes_", "model_", "history_", "target_kind_"} <= added


BAD_VALUES = [
    ("analyzer", "words"), ("analyzer", None), ("lowercase", 1), ("nfkc", "no"), ("eos", "yes"),
    ("simplify", 1), ("lone_marks", 1), ("script_rules", 0), ("recipe", "best"),
    ("char_energy", 0), ("char_energy", 101), ("pseudo_count", 0), ("pseudo_count", -1.0),
    ("stop_words", 5), ("stop_words", ["a", 5]), ("stop_words", "no/such/words.txt"),
    ("stop_words", "@no/such/words.txt"), ("stop_words", "french"),
    ("user_dictionary", 1.5), ("user_dictionary", ["words.txt"]), ("dictionary", 5),
    ("dictionary", "@no/such/dict.txt"), ("dictionary", "云 5"),
    ("word_ngrams", 0), ("word_ngrams", 1.5), ("word_ngrams", "2"), ("minn", -1), ("maxn", 65),
    ("min_count", 0), ("min_df", 0), ("min_df", 1.5), ("max_features", -1),
    ("max_features", 2**31), ("bucket", -1), ("bucket", 0), ("pooling", "max"),
    ("dim", 0), ("dim", True),
    ("boundaries", 1), ("supervision", -0.1), ("supervision", 2.1),
    ("supervision", "yes"), ("bias", 0), ("deterministic", 1), ("head", "linearly"), ("head", None),
    ("loss", "logistic"), ("loss", ["hs"]), ("neg", 0), ("label_smoothing", 1.0),
    ("label_smoothing", float("nan")), ("focal", -1), ("focal", 11), ("focal", float("inf")),
    ("optimizer", "adamw"), ("optimizer", None), ("beta1", -0.1), ("beta1", 1.0),
    ("beta2", 0), ("beta2", 1.0), ("beta2", "0.9"), ("l2", -1e-9), ("l2", 1.5), ("l1", -1e-9),
    ("l1", 1.5), ("max_norm", 0), ("max_norm", -1), ("clip", 0), ("clip", "none"),
    ("feature_dropout", 1.0), ("feature_dropout", -0.1), ("hidden_dropout", 1.0),
    ("word_dropout", 1.0), ("word_dropout", -0.1), ("word_swap", 1.1),
    ("word_swap", -0.1), ("averaging", 1.5), ("averaging", -0.5), ("patience", 0),
    ("patience", 1.5), ("valid_fraction", 0), ("valid_fraction", 0.6), ("norm", "group"),
    ("units", -1), ("units", 5000), ("activation", "swish"),
    ("activation", None), ("lr", 0), ("lr", -0.1),
    ("lr", float("inf")), ("epochs", 0), ("epochs", None), ("shuffle", 0), ("init", "zero"),
    ("dtype", "float64"), ("dtype", None),
    ("tree", "oak"), ("schedule", "sine"), ("warmup", 1.0), ("warmup", -0.1),
    ("class_weight", "even"), ("class_weight", [1, 2]), ("class_weight", {"fruit": -1}),
    ("class_weight", {"fruit": float("nan")}), ("class_weight", {"fruit": "much"}),
    ("class_weight", {"fruit": None}), ("class_weight", {"stone": 1}),
    ("pretrained_vectors", "no/pretrained_vectors.vec"), ("max_words", -1), ("max_words", "all"),
    ("max_words", 0.5), ("max_words", True), ("random_state", "seed"),
    ("random_state", -1), ("random_state", 2**32), ("random_state", 0.5), ("n_jobs", 0),
    ("n_jobs", "all"), ("n_jobs", 1.5), ("n_jobs", True), ("verbose", "yes"), ("verbose", -1),
]  # fmt: skip


def test_bad_values_cover_every_parameter():
    answers = {"answer_rate", "answer_accuracy"}  # not of the transformer: see test_abstain.py
    named = {name for name, _ in BAD_VALUES}
    assert named | answers == set(FastTextClassifier().get_params())


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_bad_value_is_named_by_fit(name, value):
    for estimator in (classifier(**{name: value}), transformer().set_params(**{name: value})):
        with pytest.raises(ValueError, match=name):
            estimator.fit(TEXTS, NAMES)
        with pytest.raises(NotFittedError):
            estimator.get_feature_names_out() if hasattr(
                estimator, "transform"
            ) else estimator.predict(TEXTS)


def test_character_ngram_bounds_are_checked_together():
    with pytest.raises(ValueError, match="minn=4, maxn=2"):
        classifier(minn=4, maxn=2).fit(TEXTS, NAMES)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"averaging": 0.5, "l1": 0.1}, "averaging.*l1"),
        ({"averaging": 0.5, "l2": 0.1}, "averaging.*l2"),
        ({"focal": 1, "loss": "hinge"}, "focal.*hinge"),
        ({"head": "linear", "units": 2}, "head.*units"),
        ({"head": "linear", "norm": "batch"}, "head.*norm"),
        ({"head": "linear", "init": "he"}, "head.*init"),
        ({"head": "linear", "dim": 2}, "head.*dim"),
    ],
)
def test_values_that_contradict_each_other(values, names):
    for estimator in (classifier(**values), transformer().set_params(**values)):
        with pytest.raises(ValueError, match=names):
            estimator.fit(TEXTS, NAMES)


def test_numpy_scalars_and_whole_floats_are_numbers():
    values = {"dim": np.int64(4), "epochs": 3.0, "lr": np.float32(0.5), "n_jobs": np.int64(1)}
    plain = {"dim": 4, "epochs": 3, "lr": 0.5, "n_jobs": 1}
    assert_same(classifier(**values).fit(TEXTS, NAMES), classifier(**plain).fit(TEXTS, NAMES))


def test_parameters_reach_the_model():
    changed = {"word_ngrams": 1, "maxn": 3, "loss": "hs", "pooling": "mean", "lr": 0.3, "eos": True}
    changed |= {"boundaries": False, "supervision": 0.25, "bias": False, "units": 3, "l2": 0.001}
    changed |= {"norm": "layer", "activation": "gelu", "optimizer": "adam", "word_swap": 0.5}
    config = classifier(**changed).fit(TEXTS, NAMES).model_.config
    assert {name: getattr(config, name) for name in changed} == changed


def test_pretrained_vectors_are_the_start(tmp_path):
    path = tmp_path / "words.vec"
    path.write_text("3 2\nred 1 2\napple 0.5 -1.5\nunknown 7 8\n", "utf-8")
    estimator = classifier(dim=None, pretrained_vectors=path, lr=1e-9).fit(TEXTS, NAMES)
    model = estimator.model_
    rows = model.space.word_rows()
    assert model.dim == 2
    np.testing.assert_allclose(model.embeddings[rows[b"unknown"]], [7, 8])
    np.testing.assert_allclose(model.embeddings[rows[b"red"]], [1, 2], atol=1e-6)
    np.testing.assert_allclose(model.embeddings[rows[b"apple"]], [0.5, -1.5], atol=1e-6)
    with pytest.raises(ValueError, match="the vectors have 2 dimensions; got dim=4"):
        classifier(pretrained_vectors=path).fit(TEXTS, NAMES)


def test_the_default_model_of_few_labels():
    config = FastTextClassifier(random_state=0).fit(TEXTS, NAMES).model_.config
    assert (config.head, config.loss, config.pooling, config.bias) == (
        "linear", "ova", "blocks", True,
    )  # fmt: skip
    assert None not in (config.lr, config.dim, config.supervision, config.word_ngrams)


# -- reproducibility -------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_one_thread_gives_the_same_bits(loss, optimizer):
    parameters = {"loss": loss, "optimizer": optimizer}
    one = classifier(**parameters).fit(TEXTS, NAMES)
    assert_same(one, classifier(**parameters).fit(TEXTS, NAMES))
    assert_same(one, classifier(**parameters, n_jobs=1).fit(TEXTS, NAMES))
    assert one.history_.loss == classifier(**parameters).fit(TEXTS, NAMES).history_.loss
    assert_different(one, classifier(**(parameters | {"random_state": 1})).fit(TEXTS, NAMES))


@pytest.mark.parametrize("init", ["input", "output"])
def test_fit_twice_is_equal(init):
    estimator = classifier(init=init).fit(TEXTS, NAMES)
    before = tables(estimator)
    assert tables(estimator.fit(TEXTS, NAMES)) == before


def test_random_state_object_is_drawn_from():
    state = np.random.RandomState(3)
    one = classifier(random_state=np.random.RandomState(3)).fit(TEXTS, NAMES)
    assert_same(classifier(random_state=3).fit(TEXTS, NAMES), one)
    assert_same(classifier(random_state=state).fit(TEXTS, NAMES), one)
    assert_different(classifier(random_state=state).fit(TEXTS, NAMES), one)


def test_without_random_state_runs_differ():
    runs = [classifier(random_state=None, n_jobs=1).fit(TEXTS, NAMES) for _ in range(2)]
    assert_different(*runs)


def test_global_random_state_is_left_alone():
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.RandomState(0).randint(2**31 - 1)
    classifier().fit(TEXTS, NAMES)
    assert np.random.randint(2**31 - 1) == expected  # noqa: NPY002


def test_transformer_trains_like_the_classifier(fitted):
    assert_same(transformer().fit(TEXTS, NAMES), fitted)


def test_threads_learn_as_well_as_one():
    texts, names = TEXTS * 20, NAMES * 20
    estimator = classifier(n_jobs=2, epochs=2).fit(texts, names)
    assert estimator.score(texts, names) > 0.9


def test_progress_is_shown_on_stderr_only_when_asked(capsys):
    quiet = classifier().fit(TEXTS, NAMES)
    assert capsys.readouterr() == ("", "")
    loud = classifier(verbose=1).fit(TEXTS, NAMES)
    out, err = capsys.readouterr()
    assert out == ""
    assert "texts" in err
    assert_same(quiet, loud)


# -- state -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.predict(TEXTS),
        lambda c: c.predict_proba(TEXTS),
        lambda c: c.decision_function(TEXTS),
        lambda c: c.score(TEXTS, NAMES),
        lambda c: c.save("never-written.ftl"),
    ],
)
def test_classifier_methods_need_fit(call):
    with pytest.raises(NotFittedError, match="FastTextClassifier"):
        call(FastTextClassifier())


@pytest.mark.parametrize(
    "call", [lambda t: t.transform(TEXTS), lambda t: t.get_feature_names_out()]
)
def test_transformer_methods_need_fit(call):
    with pytest.raises(NotFittedError, match="FastTextTransformer"):
        call(FastTextTransformer())


def test_fit_forgets():
    estimator = classifier().fit(["uno dos", "tres", "dos", "tres uno"] * 2, [4, 5, 6, 7] * 2)
    estimator.partial_fit(["cuatro"], [4])
    fresh = classifier().fit(TEXTS, LISTS)
    assert_same(estimator.fit(TEXTS, LISTS), fresh)
    assert estimator.classes_.tolist() == fresh.classes_.tolist()
    assert estimator.target_kind_ == "lists"
    assert estimator.history_.loss == fresh.history_.loss
    assert_same(estimator.fit(TEXTS, NAMES), classifier().fit(TEXTS, NAMES))
    assert estimator.target_kind_ == "single"


def test_failed_fit_leaves_the_fitted_state():
    estimator = classifier().fit(TEXTS, NAMES)
    before = tables(estimator)
    for texts, names in ((TEXTS, NAMES[:-1]), ([*TEXTS[:-1], None], NAMES), ([""] * 2, ["a", "b"])):
        with pytest.raises((TypeError, ValueError)):
            estimator.fit(texts, names)
    assert tables(estimator) == before
    assert estimator.predict(TEXTS).shape == (len(TEXTS),)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_predicting_changes_nothing(fitted, method):
    before, attributes = tables(fitted), set(vars(fitted))
    first = getattr(fitted, method)(TEXTS)
    np.testing.assert_array_equal(getattr(fitted, method)(TEXTS), first)
    assert tables(fitted) == before
    assert set(vars(fitted)) == attributes


@pytest.mark.parametrize("loss", LOSSES)
def test_each_text_is_judged_by_itself(loss):
    estimator = classifier(loss=loss).fit(TEXTS, NAMES)
    together = estimator.predict_proba(TEXTS)
    np.testing.assert_array_equal(estimator.predict_proba(TEXTS[::-1])[::-1], together)
    for i, text in enumerate(TEXTS):
        np.testing.assert_array_equal(estimator.predict_proba([text])[0], together[i])


@pytest.mark.parametrize("loss", LOSSES)
def test_predict_from_many_threads_at_once(loss):
    estimator = classifier(loss=loss, n_jobs=2).fit(TEXTS, NAMES)
    texts = TEXTS * 35
    expected = estimator.predict(texts), estimator.predict_proba(texts)
    start = threading.Barrier(4)

    def work(_):
        start.wait()
        return [(estimator.predict(texts), estimator.predict_proba(texts)) for _ in range(2)]

    with ThreadPoolExecutor(4) as pool:
        for results in pool.map(work, range(4)):
            for labels, probabilities in results:
                np.testing.assert_array_equal(labels, expected[0])
                np.testing.assert_array_equal(probabilities, expected[1])


@pytest.mark.parametrize("n_jobs", [1, 2, 5, -1, -100, None])
def test_prediction_does_not_depend_on_the_number_of_threads(fitted, n_jobs):
    texts = TEXTS * 35
    other = copy.copy(fitted).set_params(n_jobs=n_jobs)
    np.testing.assert_array_equal(other.predict_proba(texts), fitted.predict_proba(texts))
    np.testing.assert_array_equal(other.predict(texts), fitted.predict(texts))


# -- labels ----------------------------------------------------------------------------------

CODES = [NAMES.index(name) for name in NAMES]
NEGATIVE = [-code for code in CODES]
LABEL_TYPES = {
    "list of str": NAMES,
    "tuple of str": tuple(NAMES),
    "numpy str": np.array(NAMES),
    "numpy object": np.array(NAMES, object),
    "list of numpy str": list(np.array(NAMES)),
    "Chinese and empty": [{"fruit": "水果", "wheels": "", "wood": "🌲"}[name] for name in NAMES],
    "int": CODES,
    "negative int": NEGATIVE,
    "uint8": np.array(CODES, np.uint8),
    "int as object": np.array(NEGATIVE, object),
    "whole float": [float(code) for code in NEGATIVE],
    "float32": np.array(CODES, np.float32),
    "bool": [code > 0 for code in CODES],
    "numpy bool": np.array(CODES) > 0,
    "Series": pd.Series(NAMES, index=range(70, 55, -1)),
    "Series of int": pd.Series(CODES, index=list("abcdefghijklmno")),
    "Series of string": pd.Series(NAMES, dtype="string"),
    "Series of Int64": pd.Series(CODES, dtype="Int64"),
    "Series of boolean": pd.Series(np.array(CODES) > 0, dtype="boolean"),
    "Categorical": pd.Categorical(NAMES, categories=["wood", "wheels", "fruit"]),
    "Series of categories": pd.Series(CODES).astype("category"),
    "Index": pd.Index(NAMES),
}
if hasattr(np.dtypes, "StringDType"):  # NumPy 2
    LABEL_TYPES["numpy string"] = np.array(NAMES, np.dtypes.StringDType())


@pytest.fixture(params=LABEL_TYPES, scope="module")
def labels(request):
    return LABEL_TYPES[request.param]


def test_label_types_come_back(labels):
    estimator = classifier(epochs=30, lr=0.5).fit(TEXTS, labels)
    expected = list(labels)
    assert estimator.classes_.tolist() == sorted(set(expected))
    predicted = estimator.predict(TEXTS)
    assert predicted.tolist() == expected
    assert predicted.dtype == estimator.classes_.dtype
    assert type(predicted.tolist()[0]) is type(np.asarray(expected).tolist()[0])
    assert estimator.score(TEXTS, labels) == 1
    assert estimator.target_kind_ == "single"


def test_label_types_train_the_same_model(labels):
    different = sorted(set(labels))
    codes = [different.index(label) for label in labels]
    assert_same(classifier().fit(TEXTS, labels), classifier().fit(TEXTS, codes))


def test_label_types_survive_the_model_file(labels, tmp_path):
    estimator = classifier().fit(TEXTS, labels)
    estimator.save(tmp_path / "m.ftl")
    loaded = load(tmp_path / "m.ftl")
    assert loaded.classes_.tolist() == estimator.classes_.tolist()
    kinds = {"O": "U", "u": "i"}
    kind = estimator.classes_.dtype.kind
    assert loaded.classes_.dtype.kind == kinds.get(kind, kind)
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), estimator.predict_proba(TEXTS))
    assert loaded.predict(TEXTS).tolist() == estimator.predict(TEXTS).tolist()


ODD_LABELS = {
    "NUL at the end": ["a\0", "a", "a\0\0"],
    "NUL within": ["a\0b", "a", "\0"],
    "surrogates": ["\ud800", "a\udfff", "\U0010ffff"],
    "white space": ["", " ", "a \n\r\t\u2028"],
    "long": ["x" * 100_000, "x" * 99_999, "x"],
    "as in files": ["__label__", "a,b", '"quoted"'],
}


@pytest.mark.parametrize("names", ODD_LABELS.values(), ids=ODD_LABELS)
@pytest.mark.parametrize("make", [list, lambda labels: pd.Series(labels, dtype=object)])
def test_labels_are_any_text(names, make, tmp_path):
    """And come back as they were: after fitting, from a pickle, from a file."""
    kinds = sorted(set(NAMES))
    labels = [names[kinds.index(name)] for name in NAMES]
    first = classifier(epochs=30, lr=0.5).fit(TEXTS, make(labels))
    first.save(tmp_path / "m.ftl")
    model = load_model(tmp_path / "m.ftl")
    assert sorted(model.labels) == sorted(names)
    for found in (first, load(tmp_path / "m.ftl"), pickle.loads(pickle.dumps(first))):
        assert found.classes_.tolist() == sorted(names)
        assert found.predict(TEXTS).tolist() == labels
        assert found.score(TEXTS, make(labels)) == 1
    assert [row[0][0] for row in model.predict(TEXTS).rows()] == labels
    several = [[label] + [names[0]] * (label != names[0]) for label in labels]
    both = classifier(epochs=30, lr=0.5).fit(TEXTS, several)
    both.save(tmp_path / "m.ftl")
    for found in (both, load(tmp_path / "m.ftl")):
        assert found.classes_.tolist() == sorted(names)
        assert {label for row in found.predict(TEXTS) for label in row} == set(names)
    part = classifier().partial_fit(TEXTS, make(labels), classes=names)
    assert part.partial_fit(TEXTS, make(labels)).classes_.tolist() == sorted(names)


def test_label_column_warns_as_in_scikit_learn():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        estimator = classifier().fit(TEXTS, np.array(NAMES)[:, None])
    assert_same(estimator, classifier().fit(TEXTS, NAMES))


@pytest.mark.parametrize("mixed", [["a", 1], ["a", True], [1, "1"], ["1", 1.5], [b"a", "a"]])
@pytest.mark.parametrize("make", [list, tuple, lambda y: np.array(y, object)])
def test_labels_of_mixed_types_are_rejected(mixed, make):
    with pytest.raises(ValueError, match="one type"):
        classifier().fit(TEXTS[:4], make(mixed * 2))
    with pytest.raises(ValueError, match="one type"):
        classifier().fit(TEXTS[:4], [[label] for label in mixed] * 2)
    with pytest.raises(ValueError, match="one type"):
        classifier().partial_fit(TEXTS[:4], [mixed[0]] * 4, classes=make(mixed))


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, pd.NaT])
@pytest.mark.parametrize("label", ["a", 1, 1.0])
def test_missing_labels_are_rejected(missing, label):
    y = [label, missing] * 2
    for labels in (y, np.array(y, object), pd.Series(y), [[label, missing], [label]] * 2):
        with pytest.raises(ValueError, match="NaN"):
            classifier().fit(TEXTS[:4], labels)


@pytest.mark.parametrize("dtype", ["string", "category"])
def test_missing_labels_of_pandas_types_are_rejected(dtype):
    with pytest.raises(ValueError, match="NaN"):
        classifier().fit(TEXTS[:4], pd.Series(["a", None, "b", "a"], dtype=dtype))


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "Float64"])
def test_missing_numbers_of_pandas_types_are_rejected(dtype):
    with pytest.raises(ValueError, match="NaN"):
        classifier().fit(TEXTS[:4], pd.Series([1, None, 0, 1], dtype=dtype))


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinite_labels_are_rejected(infinite):
    with pytest.raises(ValueError, match="infinity"):
        classifier().fit(TEXTS[:4], [1.0, infinite, 1.0, 2.0])


def test_regression_targets_are_rejected():
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        classifier().fit(TEXTS[:4], [0.5, 1.5, 2.5, 0.5])


@pytest.mark.parametrize("y", [["a"] * 4, [1] * 4, [["a"]] * 4, [["a"], []] * 2])
def test_one_class_is_rejected(y):
    with pytest.raises(ValueError, match="at least 2 classes; found 1 class"):
        classifier().fit(TEXTS[:4], y)


def test_no_class_is_rejected():
    with pytest.raises(ValueError, match="found 0 classes"):
        classifier().fit(TEXTS[:4], [[], [], [], []])


@pytest.mark.parametrize(
    "y",
    [
        "abcd", 3, {"a": 1}, (name for name in NAMES[:4]), np.zeros((4, 2, 2)),
        [["a"], "b", ["a"], "b"], [[["a"]], [["b"]], [["a"]], [["b"]]],
        np.array([[0, 1], [1, 2], [0, 0], [1, 1]]), np.array([["a", "b"]] * 4),
        np.array([[0, 1], [1, np.nan], [0, 0], [1, 1]]),
        sp.csr_array(np.array([[0, 1], [1, 2], [0, 0], [1, 1]])),
    ],
)  # fmt: skip
def test_other_targets_are_rejected(y):
    with pytest.raises(ValueError, match="y "):
        classifier().fit(TEXTS[:4], y)


def test_missing_target_is_rejected():
    for estimator in (classifier(), transformer()):
        with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
            estimator.fit(TEXTS, None)
    with pytest.raises(ValueError, match="requires y"):
        transformer().fit(TEXTS)


@pytest.mark.parametrize("y", [NAMES[:-1], LISTS[:-1], MATRIX[:-1], sp.csr_array(MATRIX[:-1])])
def test_length_mismatch_is_rejected(y):
    with pytest.raises(ValueError, match="inconsistent numbers of samples: 15 texts, 14 labels"):
        classifier().fit(TEXTS, y)


# -- texts -----------------------------------------------------------------------------------

CONTAINERS = {
    "tuple": tuple,
    "generator": lambda texts: (text for text in texts),
    "iterator of a dict": lambda texts: dict(enumerate(texts)).values(),
    "numpy str": np.array,
    "list of numpy str": lambda texts: list(np.array(texts)),
    "numpy object": lambda texts: np.array(texts, object),
    "Series": lambda texts: pd.Series(texts, index=range(100, 100 + len(texts))[::-1]),
    "Series of object": lambda texts: pd.Series(texts, dtype=object, index=["same"] * len(texts)),
    "Series of string": lambda texts: pd.Series(texts, dtype="string"),
    "Series of categories": lambda texts: pd.Series(texts, dtype="category"),
    "Index": pd.Index,
}
if hasattr(np.dtypes, "StringDType"):  # NumPy 2
    CONTAINERS["numpy string"] = lambda texts: np.array(texts, np.dtypes.StringDType())


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_containers_of_texts(fitted, make):
    assert_same(classifier().fit(make(TEXTS), NAMES), fitted)
    np.testing.assert_array_equal(fitted.predict_proba(make(TEXTS)), fitted.predict_proba(TEXTS))
    assert fitted.predict(make(TEXTS)).tolist() == fitted.predict(TEXTS).tolist()


METHODS = [
    lambda c, texts: clone(c).fit(texts, NAMES),
    lambda c, texts: clone(c).partial_fit(texts, NAMES, classes=sorted(set(NAMES))),
    lambda c, texts: c.predict(texts),
    lambda c, texts: c.predict_proba(texts),
    lambda c, texts: c.decision_function(texts),
    lambda c, texts: c.score(texts, NAMES),
    lambda c, texts: transformer().fit(TEXTS, NAMES).transform(texts),
]


@pytest.mark.parametrize("call", METHODS)
def test_one_text_is_not_a_list_of_texts(fitted, call):
    for text in ("red apple", b"red apple", np.str_("red apple")):
        with pytest.raises(TypeError, match=r"list of texts, got one text.*\[text\]"):
            call(fitted, text)


@pytest.mark.parametrize("call", METHODS)
@pytest.mark.parametrize("bad", [None, np.nan, 3, 2.5, b"red", True, ["red"], pd.NA, {"red": 1}])
def test_what_is_no_text_is_named_with_its_position(fitted, call, bad):
    texts = [*TEXTS[:2], bad, *TEXTS[3:]]
    with pytest.raises(TypeError, match="position 2") as raised:
        call(fitted, texts)
    assert type(bad).__name__ in str(raised.value)


@pytest.mark.parametrize("call", METHODS)
@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"text": TEXTS}), pd.DataFrame({"text": TEXTS, "n": CODES}),
        np.array(TEXTS)[:, None], np.array([TEXTS, TEXTS]).T, np.zeros((15, 3)),
        sp.csr_array(np.ones((15, 3))),
    ],
)  # fmt: skip
def test_tables_are_rejected(fitted, call, table):
    with pytest.raises(TypeError, match="one column"):
        call(fitted, table)


@pytest.mark.parametrize("call", METHODS)
@pytest.mark.parametrize("bad", [None, 3, dict.fromkeys(TEXTS), set(TEXTS)])
def test_other_inputs_are_rejected(fitted, call, bad):
    with pytest.raises(TypeError, match="expected a list of texts"):
        call(fitted, bad)


@pytest.mark.parametrize("empty", [[], (), np.array([], str), pd.Series([], dtype=object)])
def test_no_texts(fitted, empty):
    for estimator in (classifier(), transformer()):
        with pytest.raises(ValueError, match="minimum of 1 is required"):
            estimator.fit(empty, [])
    assert fitted.predict(empty).shape == (0,)
    assert fitted.predict_proba(empty).shape == (0, 3)
    assert fitted.decision_function(empty).shape == (0, 3)


def test_training_needs_one_feature():
    with pytest.raises(TrainingError, match="no text has any feature"):
        classifier().fit(["", " ", "\n"], ["a", "b", "a"])


def test_empty_texts_take_part_in_training_as_nothing():
    filled = classifier(shuffle=False, pooling="mean", loss="ova").fit(TEXTS, NAMES)
    estimator = classifier(shuffle=False, pooling="mean", loss="ova")
    estimator.fit(["", *TEXTS, " \t"], ["wood", *NAMES, "wood"])
    assert estimator.model_.embeddings.shape == filled.model_.embeddings.shape
    assert estimator.model_.n_texts == 17
    assert estimator.model_.label_counts.tolist() == [5, 6, 6]


@pytest.mark.parametrize("analyzer", ANALYZERS)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\t", "\v", "\0"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_line_breaks_and_nul_are_spaces(analyzer, newline, lowercase):
    texts = ["red apple", "old bus", "Été Ärger", "苹果 汽车"]
    parameters = {"analyzer": analyzer, "lowercase": lowercase}
    plain = classifier(**parameters).fit(texts, list("abba"))
    broken = [text.replace(" ", newline) for text in texts]
    np.testing.assert_array_equal(plain.predict_proba(broken), plain.predict_proba(texts))
    assert_same(classifier(**parameters).fit(broken, list("abba")), plain)


@pytest.mark.parametrize("nfkc", [True, False])
@pytest.mark.parametrize("analyzer", ANALYZERS)
def test_surrogates_and_odd_characters_are_text(analyzer, nfkc, tmp_path):
    odd = ["\ud800 red", "x\udfff\ud83d apple", "\U0010ffff\ufffe old", "\ufeff\u200b\u0301 bus"]
    estimator = classifier(analyzer=analyzer, nfkc=nfkc).fit(odd, list("abab"))
    probabilities = estimator.predict_proba(odd)
    assert np.isfinite(probabilities).all()
    estimator.save(tmp_path / "m.ftl")
    np.testing.assert_array_equal(load(tmp_path / "m.ftl").predict_proba(odd), probabilities)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(estimator)).predict_proba(odd), probabilities
    )


TOKENS = [text.split() for text in TEXTS]


@pytest.mark.parametrize("analyzer", ANALYZERS)
def test_token_lists_do_not_depend_on_the_analyzer(analyzer):
    estimator = classifier(analyzer=analyzer).fit(TOKENS, NAMES)
    assert_same(estimator, classifier(analyzer="whitespace").fit(TEXTS, NAMES))
    whole = classifier(analyzer=analyzer).fit([["red apple"], ["old bus"]] * 2, list("abab"))
    assert sorted(whole.model_.space.words()) == [b"old bus", b"red apple"]


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: (row for row in rows), lambda rows: [tuple(row) for row in rows],
        lambda rows: pd.Series(rows, index=range(50, 50 + len(rows))),
        lambda rows: [[*row, ""] for row in rows],
    ],
)  # fmt: skip
def test_containers_of_token_lists(make):
    estimator = classifier().fit(TOKENS, NAMES)
    assert_same(classifier().fit(make(TOKENS), NAMES), estimator)
    np.testing.assert_array_equal(
        estimator.predict_proba(make(TOKENS)), estimator.predict_proba(TOKENS)
    )


@pytest.mark.parametrize("bad", [None, 3, b"red", ["red"]])
def test_what_is_no_token_is_named_with_its_position(fitted, bad):
    with pytest.raises(TypeError, match="position 1"):
        fitted.predict([["red"], ["apple", bad]])


def test_texts_and_token_lists_do_not_mix(fitted):
    with pytest.raises(TypeError, match="position 0"):
        fitted.predict([["red"], "apple"])


# -- unknown texts ---------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("names", [NAMES, BINARY])
def test_unknown_texts_get_the_class_prior(loss, names):
    estimator = classifier(loss=loss).fit(TEXTS, names)
    texts = ["red car", "quartz", "", "zzz yyy"]
    share = np.array([names.count(name) for name in estimator.classes_]) / len(names)
    with pytest.warns(UnknownTextWarning, match=r"3 of 4 texts .* position 1"):
        probabilities = estimator.predict_proba(texts)
    np.testing.assert_allclose(probabilities[1:], [share] * 3, rtol=1e-12)
    assert not np.allclose(probabilities[0], share)
    with pytest.warns(UnknownTextWarning):
        predicted = estimator.predict(texts)
    assert set(predicted[1:]) == {max(names, key=names.count)}
    with pytest.warns(UnknownTextWarning):
        decision = estimator.decision_function(texts)
    index = decision > 0 if decision.ndim == 1 else decision.argmax(axis=1)
    assert predicted.tolist() == estimator.classes_[np.asarray(index, int)].tolist()


def test_unknown_text_warning_points_to_the_caller(fitted):
    for method in (fitted.predict, fitted.predict_proba, fitted.decision_function):
        with pytest.warns(UnknownTextWarning) as caught:
            method(["quartz"])
        # Without the compiler, NumPy warns of hashes that wrap around.
        files = [w.filename for w in caught if w.category is UnknownTextWarning]
        assert files == [__file__]


def test_unknown_text_warning_can_be_an_error_or_silent(fitted):
    with pytest.raises(UnknownTextWarning):
        fitted.predict(["quartz"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownTextWarning)
        assert fitted.predict(["quartz"]).tolist() == ["wheels"]


@pytest.mark.parametrize("y", [LISTS, MATRIX])
def test_unknown_texts_with_several_labels(y):
    estimator = classifier().fit(TEXTS, y)
    with pytest.warns(UnknownTextWarning):
        probabilities = estimator.predict_proba(["quartz"])
    np.testing.assert_allclose(probabilities[0], MATRIX.mean(axis=0))


# -- predictions -----------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("names", [NAMES, BINARY], ids=["3 classes", "2 classes"])
@pytest.mark.parametrize("loss", LOSSES)
def test_predictions_agree(loss, names, optimizer):
    estimator = classifier(loss=loss, optimizer=optimizer).fit(TEXTS, names)
    texts = [*TEXTS, "red", "tree car", "sweet train", "and", "pear oak bus"]
    n_classes = len(set(names))
    probabilities = estimator.predict_proba(texts)
    assert probabilities.dtype == np.float64
    assert probabilities.shape == (len(texts), n_classes)
    assert (probabilities >= 0).all() and (probabilities <= 1).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    predicted = estimator.predict(texts)
    assert predicted.tolist() == estimator.classes_[probabilities.argmax(axis=1)].tolist()
    decision = estimator.decision_function(texts)
    assert decision.dtype == np.float64
    if n_classes == 2:
        assert decision.shape == (len(texts),)
        assert predicted.tolist() == estimator.classes_[(decision > 0).astype(int)].tolist()
        expected = np.log(probabilities[:, 1] / probabilities[:, 0])
        np.testing.assert_allclose(decision, expected, rtol=1e-6, atol=1e-9)
    else:
        assert decision.shape == (len(texts), n_classes)
        assert predicted.tolist() == estimator.classes_[decision.argmax(axis=1)].tolist()


@pytest.mark.parametrize("scale", [30, 1e3, 1e6])
@pytest.mark.parametrize("loss", LOSSES)
def test_extreme_scores_still_give_probabilities(loss, scale):
    estimator = classifier(loss=loss, epochs=20, lr=0.5, label_smoothing=0.0).fit(TEXTS, BINARY)
    estimator.model_.output = read_only(estimator.model_.output * np.float32(scale))
    texts = [*TEXTS, "red", "tree car", "sweet train", "and", "pear oak bus"]
    probabilities = estimator.predict_proba(texts)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    predicted = estimator.predict(texts).tolist()
    assert predicted == estimator.classes_[probabilities.argmax(axis=1)].tolist()
    decision = estimator.decision_function(texts)
    assert predicted == estimator.classes_[(decision > 0).astype(int)].tolist()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns(loss, optimizer):
    estimator = classifier(loss=loss, optimizer=optimizer, epochs=40, lr=0.5)
    assert estimator.fit(TEXTS, NAMES).score(TEXTS, NAMES) == 1
    assert estimator.history_.loss[-1] < estimator.history_.loss[0]
    assert len(estimator.history_.loss) == 40


def test_score_is_accuracy(fitted):
    wrong = NAMES[1:] + NAMES[:1]
    predicted = fitted.predict(TEXTS)
    weights = np.arange(len(TEXTS))
    assert fitted.score(TEXTS, wrong) == accuracy_score(wrong, predicted)
    assert fitted.score(TEXTS, wrong, weights) == accuracy_score(
        wrong, predicted, sample_weight=weights
    )
    assert isinstance(fitted.score(TEXTS, NAMES), float)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted.score(TEXTS, NAMES[:-1])


# -- weights ---------------------------------------------------------------------------------

WEIGHTS = np.linspace(0.5, 3.0, len(TEXTS))


@pytest.mark.parametrize("loss", LOSSES)
def test_only_ratios_of_sample_weights_matter(loss):
    plain = classifier(loss=loss).fit(TEXTS, NAMES)
    for equal in (np.ones(15), [7] * 15, 0.25, pd.Series([3] * 15, index=range(5, 20))):
        assert_same(classifier(loss=loss).fit(TEXTS, NAMES, sample_weight=equal), plain)
    weighted = classifier(loss=loss).fit(TEXTS, NAMES, WEIGHTS)
    assert_different(weighted, plain)
    assert_same(classifier(loss=loss).fit(TEXTS, NAMES, WEIGHTS * 1024), weighted)
    third = classifier(loss=loss).fit(TEXTS, NAMES, WEIGHTS / 3)
    np.testing.assert_allclose(third.predict_proba(TEXTS), weighted.predict_proba(TEXTS), rtol=1e-5)


@pytest.mark.parametrize("class_weight", [None, "balanced", {"fruit": 3}])
@pytest.mark.parametrize("texts", [TEXTS, TOKENS], ids=["texts", "tokens"])
@pytest.mark.parametrize("loss", LOSSES)
def test_zero_weight_is_a_removed_row(loss, texts, class_weight):
    parameters = {"loss": loss, "class_weight": class_weight}
    keep = np.arange(15) % 4 != 1
    rest = [text for text, kept in zip(texts, keep, strict=True) if kept]
    names = np.array(NAMES)
    weighted = classifier(**parameters).fit(texts, names, WEIGHTS * keep)
    removed = classifier(**parameters).fit(rest, names[keep], WEIGHTS[keep])
    assert_same(weighted, removed)
    assert weighted.model_.n_texts == keep.sum()


@pytest.mark.parametrize("y", [LISTS, MATRIX], ids=["lists", "matrix"])
def test_zero_weight_is_a_removed_row_with_several_labels(y):
    keep = np.arange(15) % 4 != 2
    rest = [text for text, kept in zip(TEXTS, keep, strict=True) if kept]
    y_rest = [row for row, kept in zip(y, keep, strict=True) if kept]
    y_rest = y_rest if y is LISTS else np.array(y_rest)
    weighted = classifier().fit(TEXTS, y, sample_weight=keep)
    assert_same(weighted, classifier().fit(rest, y_rest))


def test_class_without_weight_stays_a_class():
    weights = np.array(NAMES) != "wood"
    estimator = classifier().fit(TEXTS, NAMES, weights)
    assert estimator.classes_.tolist() == ["fruit", "wheels", "wood"]
    assert estimator.model_.label_counts.tolist() == [5, 6, 0]
    assert set(estimator.predict(["red apple", "old bus"])) <= {"fruit", "wheels"}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (WEIGHTS[:-1], r"sample_weight.shape == \(14,\), expected \(15,\)"),
        (WEIGHTS[:, None], r"sample_weight.shape == \(15, 1\)"),
        ([], "sample_weight.shape"),
        (-WEIGHTS, "not negative"),
        ([*WEIGHTS[:-1], np.nan], "finite"),
        ([*WEIGHTS[:-1], np.inf], "finite"),
        ([*WEIGHTS[:-1], None], "finite"),
        (np.zeros(15), "all sample weights are zero"),
        (["much"] * 15, "much"),
    ],
)
def test_bad_sample_weights_are_rejected(weights, message):
    for fit in (classifier().fit, transformer().fit):
        with pytest.raises(ValueError, match=message):
            fit(TEXTS, NAMES, sample_weight=weights)
    with pytest.raises(ValueError, match=message):
        classifier().partial_fit(TEXTS, NAMES, sorted(set(NAMES)), sample_weight=weights)


@pytest.mark.parametrize("class_weight", ["balanced", {"fruit": 4, "wood": 0.5}, {"wheels": 0}, {}])
@pytest.mark.parametrize("loss", LOSSES)
def test_class_weight_equals_sample_weight(loss, class_weight):
    filled = dict.fromkeys(NAMES, 1) | class_weight if class_weight != "balanced" else "balanced"
    weights = compute_sample_weight(filled, NAMES)
    by_class = classifier(loss=loss, class_weight=class_weight).fit(TEXTS, NAMES)
    assert_same(by_class, classifier(loss=loss).fit(TEXTS, NAMES, weights))


def test_class_weight_and_sample_weight_multiply():
    both = classifier(class_weight={"fruit": 4}).fit(TEXTS, NAMES, WEIGHTS)
    product = WEIGHTS * np.where(np.array(NAMES) == "fruit", 4, 1)
    assert_same(both, classifier().fit(TEXTS, NAMES, product))


def test_balanced_classes_have_the_same_weight_in_total():
    names = np.array(NAMES)
    totals = np.array([WEIGHTS[names == name].sum() for name in sorted(set(NAMES))])
    factors = WEIGHTS.sum() / (3 * totals)
    weights = WEIGHTS * factors[np.searchsorted(sorted(set(NAMES)), names)]
    balanced = classifier(class_weight="balanced").fit(TEXTS, NAMES, WEIGHTS)
    np.testing.assert_allclose(
        balanced.predict_proba(TEXTS),
        classifier().fit(TEXTS, NAMES, weights).predict_proba(TEXTS),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("y", "class_weight"),
    [(CODES, {0: 3, 5: 1}), (np.array(CODES) > 0, {True: 2}), (np.array(CODES), {np.int64(0): 3})],
)
def test_class_weight_of_other_label_types(y, class_weight):
    weighted = classifier(class_weight=class_weight).fit(TEXTS, y)
    weights = [class_weight.get(label, 1) for label in np.asarray(y).tolist()]
    assert_same(weighted, classifier().fit(TEXTS, y, weights))


def test_class_weight_of_several_labels_is_their_mean():
    weights = [np.mean([3 if name == "sweet" else 1 for name in row]) for row in LISTS]
    expected = classifier().fit(TEXTS, LISTS, weights)
    assert_same(classifier(class_weight={"sweet": 3}).fit(TEXTS, LISTS), expected)
    assert_same(classifier(class_weight={1: 3}).fit(TEXTS, MATRIX), expected)


# -- partial_fit -----------------------------------------------------------------------------

CLASSES = sorted(set(NAMES))


def test_partial_fit_needs_classes_first():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        classifier().partial_fit(TEXTS, NAMES)
    estimator = classifier()
    assert estimator.partial_fit(TEXTS, NAMES, classes=CLASSES) is estimator
    before = tables(estimator)
    estimator.partial_fit(TEXTS, NAMES).partial_fit(TEXTS, NAMES, classes=CLASSES[::-1])
    assert tables(estimator) != before


def test_partial_fit_checks_classes():
    estimator = classifier().partial_fit(TEXTS, NAMES, classes=[*CLASSES, *CLASSES])
    assert estimator.classes_.tolist() == CLASSES
    for other in (CLASSES[:2], [*CLASSES[:2], "zinc"], [1, 2, 3]):
        with pytest.raises(ValueError, match="classes lack a label that the model knows: '"):
            estimator.partial_fit(TEXTS, NAMES, classes=other)
    with pytest.raises(ValueError, match="at least 2 classes; found 1 class"):
        classifier().partial_fit(TEXTS[:2], NAMES[:2], classes=["fruit"])


@pytest.mark.parametrize("classes", [["a", "b"], np.array(["a", "b"], object), [1, 2], [0.0, 3.0]])
@pytest.mark.parametrize("y", [["a", "z"], np.array(["a", "z"], object), [1, 7], [[1], [7]]])
def test_partial_fit_names_a_label_that_is_not_in_classes(classes, y):
    with pytest.raises(ValueError, match="not in classes: ('a'|'z'|1|7)"):
        classifier().partial_fit(TEXTS[:2], y, classes=classes)


@pytest.mark.parametrize("loss", LOSSES)
def test_partial_fit_is_deterministic_and_improves(loss):
    def train(n):
        estimator = classifier(loss=loss, lr=0.5)
        for _ in range(n):
            estimator.partial_fit(TEXTS, NAMES, classes=CLASSES)
        return estimator

    first, last = train(1), train(30)
    assert last.score(TEXTS, NAMES) == 1
    assert last.history_.loss[-1] < first.history_.loss[-1]
    assert last.model_.n_texts == 30 * len(TEXTS)
    assert_same(train(3), train(3))


def test_partial_fit_learns_new_words():
    estimator = classifier(lr=0.5).partial_fit(TEXTS, NAMES, classes=CLASSES)
    n_words = estimator.model_.space.n_words
    with pytest.warns(UnknownTextWarning):
        estimator.predict(["quartz"])
    for _ in range(20):
        estimator.partial_fit(["quartz", "quartz shine"], ["wood", "wood"])
    assert estimator.model_.space.n_words == n_words + 2
    assert estimator.predict(["quartz"]).tolist() == ["wood"]
    assert estimator.classes_.tolist() == CLASSES


def test_partial_fit_knows_labels_before_they_occur():
    estimator = classifier().partial_fit(TEXTS[:5], NAMES[:5], classes=CLASSES[::-1])
    assert estimator.classes_.tolist() == CLASSES
    assert estimator.predict_proba(TEXTS[:5]).shape == (5, 3)
    with pytest.warns(UnknownTextWarning):
        assert estimator.predict_proba(["quartz"])[0].tolist() == [1, 0, 0]
    with pytest.warns(UnknownTextWarning):
        assert np.isfinite(estimator.decision_function(["quartz"])).all()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_partial_fit_continues_after_fit(optimizer):
    estimator = classifier(optimizer=optimizer).fit(TEXTS, NAMES)
    embeddings = estimator.model_.embeddings.copy()
    touched = set(estimator.model_.features(["quartz tree"]).ids.tolist())
    estimator.partial_fit(["quartz tree"], ["wood"])
    n = len(embeddings)
    assert len(estimator.model_.embeddings) > n
    known = (estimator.model_.embeddings[:n] == embeddings).all(axis=1)
    assert set(np.flatnonzero(~known).tolist()) == touched
    assert len(touched) < n / 4
    again = classifier(optimizer=optimizer).fit(TEXTS, NAMES).partial_fit(["quartz tree"], ["wood"])
    assert_same(again, estimator)


def test_partial_fit_leaves_models_given_away_alone():
    estimator = classifier().fit(TEXTS, NAMES)
    model = estimator.model_
    before = model.probabilities(TEXTS)
    estimator.partial_fit(TEXTS, NAMES)
    assert estimator.model_ is not model
    np.testing.assert_array_equal(model.probabilities(TEXTS), before)


@pytest.mark.parametrize(
    ("texts", "y"),
    [
        (TEXTS, NAMES[:-1]), ([None, *TEXTS[1:]], NAMES), (TEXTS, [7, *NAMES[1:]]),
        (TEXTS, LISTS), (TEXTS, MATRIX), (TEXTS, CODES), ([], []),
        ("red apple", ["fruit"]), (TEXTS, None), (TEXTS, [None, *NAMES[1:]]),
    ],
)  # fmt: skip
def test_failed_partial_fit_does_no_damage(texts, y):
    estimator = classifier(optimizer="adagrad").partial_fit(TEXTS, NAMES, classes=CLASSES)
    before, attributes = tables(estimator), set(vars(estimator))
    with pytest.raises((TypeError, ValueError)):
        estimator.partial_fit(texts, y)
    assert tables(estimator) == before
    assert set(vars(estimator)) == attributes
    twice = classifier(optimizer="adagrad").partial_fit(TEXTS, NAMES, classes=CLASSES)
    assert_same(estimator.partial_fit(TEXTS, NAMES), twice.partial_fit(TEXTS, NAMES))


def test_failed_first_partial_fit_starts_nothing():
    estimator = classifier()
    with pytest.raises(ValueError, match="inconsistent"):
        estimator.partial_fit(TEXTS, NAMES[:-1], classes=CLASSES)
    with pytest.raises(NotFittedError):
        estimator.predict(TEXTS)
    fresh = classifier().partial_fit(TEXTS, NAMES, classes=CLASSES)
    assert_same(estimator.partial_fit(TEXTS, NAMES, classes=CLASSES), fresh)


def test_partial_fit_with_label_lists():
    estimator = classifier(lr=0.5)
    for _ in range(30):
        estimator.partial_fit(TEXTS, LISTS, classes=["wood", "wheels", "sweet", "fruit"])
        estimator.partial_fit(["and and"], [[]])
    assert estimator.classes_.tolist() == ["fruit", "sweet", "wheels", "wood"]
    assert [set(row) for row in estimator.predict(TEXTS)] == [set(row) for row in LISTS]
    with pytest.raises(ValueError, match="y was lists"):
        estimator.partial_fit(TEXTS, NAMES)


def test_partial_fit_with_a_matrix():
    estimator = classifier().partial_fit(TEXTS, MATRIX).partial_fit(TEXTS, sp.csr_array(MATRIX))
    assert estimator.classes_.tolist() == [0, 1, 2, 3]
    assert estimator.predict(TEXTS).shape == MATRIX.shape
    again = classifier().partial_fit(TEXTS, MATRIX, classes=range(4)).partial_fit(TEXTS, MATRIX)
    assert_same(again, estimator)
    with pytest.raises(ValueError, match="3 columns"):
        estimator.partial_fit(TEXTS, MATRIX[:, :3])
    with pytest.raises(ValueError, match="y was indicator"):
        estimator.partial_fit(TEXTS, NAMES)
    with pytest.raises(ValueError, match="numbers of the columns"):
        classifier().partial_fit(TEXTS, MATRIX, classes=["a", "b", "c", "d"])


def test_partial_fit_weights():
    keep = np.arange(15) % 3 > 0
    rest = [text for text, kept in zip(TEXTS, keep, strict=True) if kept]
    weighted = classifier().partial_fit(TEXTS, NAMES, CLASSES, sample_weight=keep * 2)
    removed = classifier().partial_fit(rest, np.array(NAMES)[keep], CLASSES)
    assert_same(weighted, removed)
    assert_same(
        weighted.partial_fit(TEXTS, NAMES, sample_weight=WEIGHTS),
        removed.partial_fit(TEXTS, NAMES, sample_weight=WEIGHTS * 2),
    )


# -- several labels --------------------------------------------------------------------------


def several(**parameters):
    return classifier(**({"epochs": 40, "lr": 0.5} | parameters))


LIST_TYPES = {
    "lists": LISTS,
    "tuples": tuple(tuple(row) for row in LISTS),
    "sets": [set(row) for row in LISTS],
    "arrays": [np.array(row) for row in LISTS],
    "Series": pd.Series(LISTS, index=range(30, 45)),
    "repeated labels": [row + row for row in LISTS],
    "other order": [row[::-1] for row in LISTS],
}


@pytest.mark.parametrize("y", LIST_TYPES.values(), ids=LIST_TYPES)
def test_label_lists(y):
    estimator = several().fit(TEXTS, y)
    assert_same(estimator, several().fit(TEXTS, LISTS))
    assert estimator.classes_.tolist() == ["fruit", "sweet", "wheels", "wood"]
    assert estimator.target_kind_ == "lists"
    predicted = estimator.predict(TEXTS)
    assert predicted == [sorted(row) for row in LISTS]
    assert estimator.score(TEXTS, y) == 1


def test_label_lists_of_int():
    y = [[-7, 3] if "sweet" in row else [20] for row in LISTS]
    estimator = several().fit(TEXTS, y)
    assert estimator.classes_.tolist() == [-7, 3, 20]
    assert estimator.predict(TEXTS) == y


MATRIX_TYPES = {
    "int": MATRIX,
    "bool": MATRIX.astype(bool),
    "float": MATRIX.astype(float),
    "uint8": MATRIX.astype(np.uint8),
    "fortran": np.asfortranarray(MATRIX),
    "DataFrame": pd.DataFrame(MATRIX, index=range(30, 45), columns=list("abcd")),
    "csr_matrix": sp.csr_matrix(MATRIX),
    "csc_array": sp.csc_array(MATRIX),
    "coo_array": sp.coo_array(MATRIX),
    "lil_matrix": sp.lil_matrix(MATRIX),
}


@pytest.mark.parametrize("y", MATRIX_TYPES.values(), ids=MATRIX_TYPES)
def test_indicator_matrix(y):
    estimator = several().fit(TEXTS, y)
    assert_same(estimator, several().fit(TEXTS, LISTS))
    assert estimator.classes_.tolist() == [0, 1, 2, 3]
    assert estimator.target_kind_ == "indicator"
    predicted = estimator.predict(TEXTS)
    assert predicted.dtype == np.int64
    np.testing.assert_array_equal(predicted, MATRIX)
    assert estimator.score(TEXTS, y) == 1


@pytest.mark.parametrize("loss", ["auto", *LOSSES])
@pytest.mark.parametrize("y", [LISTS, MATRIX], ids=["lists", "matrix"])
def test_several_labels_with_every_loss(loss, y):
    estimator = classifier(loss=loss).fit(TEXTS, y)
    probabilities = estimator.predict_proba(TEXTS)
    assert probabilities.shape == estimator.decision_function(TEXTS).shape == (15, 4)
    assert (probabilities >= 0).all() and (probabilities <= 1).all()
    predicted = estimator.predict(TEXTS)
    if y is LISTS:
        predicted = np.array([[name in row for name in estimator.classes_] for row in predicted])
    np.testing.assert_array_equal(predicted, probabilities >= 0.5)
    assert estimator.model_.config.loss == ("squared_hinge" if loss == "auto" else loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_rows_without_labels(loss):
    rows = [[] if "oak" in text else row for text, row in zip(TEXTS, LISTS, strict=True)]
    matrix = np.array([[n in row for n in ("fruit", "sweet", "wheels", "wood")] for row in rows])
    by_lists = classifier(loss=loss).fit(TEXTS, rows)
    assert_same(by_lists, classifier(loss=loss).fit(TEXTS, matrix))
    assert by_lists.model_.n_texts == 15
    assert by_lists.model_.label_counts.sum() == matrix.sum()


def test_one_vs_all_learns_that_a_text_has_no_label():
    rows = [[] if "oak" in text else row for text, row in zip(TEXTS, LISTS, strict=True)]
    estimator = several(epochs=80).fit(TEXTS, rows)
    assert estimator.predict(["oak"]) == [[]]
    assert estimator.score(TEXTS, rows) == 1


def test_lists_of_one_label_are_still_lists():
    estimator = several().fit(TEXTS, [[name] for name in NAMES])
    assert estimator.model_.config.loss == "squared_hinge"
    assert estimator.predict(["sweet pear"]) == [["fruit"]]


def test_two_classes_with_several_labels_keep_two_columns():
    estimator = classifier().fit(TEXTS, MATRIX[:, :2])
    assert estimator.decision_function(TEXTS).shape == (15, 2)
    assert estimator.predict(TEXTS).shape == (15, 2)


def test_column_that_never_occurs():
    matrix = np.column_stack([MATRIX, np.zeros(15, int)])
    estimator = several().fit(TEXTS, matrix)
    assert estimator.classes_.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(estimator.predict(TEXTS), matrix)


def test_score_of_label_lists():
    estimator = several().fit(TEXTS, LISTS)
    y = [row[::-1] for row in LISTS[:10]] + [["zinc"]] * 5
    assert estimator.score(TEXTS, y) == pytest.approx(10 / 15)
    assert estimator.score(TEXTS, y, [1] * 10 + [0] * 5) == 1
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        estimator.score(TEXTS, LISTS[:-1])


def test_score_of_a_matrix_is_exact_match():
    estimator = several().fit(TEXTS, MATRIX)
    y = MATRIX.copy()
    y[:5, 3] = 1
    assert estimator.score(TEXTS, y) == pytest.approx(10 / 15)
    assert estimator.score(TEXTS, sp.csr_array(y)) == pytest.approx(10 / 15)


# -- copies and files ------------------------------------------------------------------------

TARGETS = {"single": NAMES, "lists": LISTS, "indicator": MATRIX}


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("loss", LOSSES)
def test_pickle_and_deepcopy_give_the_same_estimator(loss, kind, tmp_path):
    estimator = classifier(loss=loss, optimizer="adagrad").fit(TEXTS, TARGETS[kind])
    estimator.save(tmp_path / "m.ftl")
    original = classifier(loss=loss, optimizer="adagrad").fit(TEXTS, TARGETS[kind])
    # A pickle goes on as a file does, with a fresh state of the optimizer; a copy as its original.
    for copied, like in (
        (pickle.loads(pickle.dumps(estimator)), load(tmp_path / "m.ftl")),
        (copy.deepcopy(estimator), original),
    ):
        assert copied.get_params() == estimator.get_params()
        assert copied.target_kind_ == kind
        assert_same(copied, estimator)
        np.testing.assert_array_equal(copied.predict_proba(TEXTS), estimator.predict_proba(TEXTS))
        copied.partial_fit(TEXTS, TARGETS[kind])
        assert_same(copied, like.partial_fit(TEXTS, TARGETS[kind]))


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_unfitted_estimator_can_be_pickled(cls):
    estimator = pickle.loads(pickle.dumps(cls(**SMALL)))
    assert_same(estimator.fit(TEXTS, NAMES), cls(**SMALL).fit(TEXTS, NAMES))


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_joblib_file(fitted, tmp_path, mmap_mode):
    joblib.dump(fitted, tmp_path / "m.joblib")
    loaded = joblib.load(tmp_path / "m.joblib", mmap_mode=mmap_mode)
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert loaded.predict(TEXTS).tolist() == fitted.predict(TEXTS).tolist()
    assert_same(
        loaded.partial_fit(TEXTS, NAMES), classifier().fit(TEXTS, NAMES).partial_fit(TEXTS, NAMES)
    )


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("loss", LOSSES)
def test_model_file_round_trip(loss, kind, tmp_path):
    estimator = classifier(loss=loss, eos=True, maxn=3).fit(TEXTS, TARGETS[kind])
    estimator.save(tmp_path / "m.ftl")
    loaded = load(tmp_path / "m.ftl")
    assert isinstance(loaded, FastTextClassifier)
    assert loaded.get_params() == estimator.get_params()
    assert loaded.target_kind_ == kind
    assert_same(loaded, estimator)
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), estimator.predict_proba(TEXTS))
    np.testing.assert_array_equal(
        loaded.decision_function(TEXTS), estimator.decision_function(TEXTS)
    )
    assert np.array_equal(loaded.predict(TEXTS), estimator.predict(TEXTS)) or kind == "lists"
    assert loaded.score(TEXTS, TARGETS[kind]) == estimator.score(TEXTS, TARGETS[kind])
    assert_same(
        loaded.partial_fit(TEXTS, TARGETS[kind]), estimator.partial_fit(TEXTS, TARGETS[kind])
    )
    loaded.save(str(tmp_path / "again.ftl"))
    assert_same(load(tmp_path / "again.ftl"), estimator)


@pytest.mark.parametrize("class_weight", [None, "balanced", {"fruit": 2, "wood": np.float32(0.5)}])
def test_model_file_keeps_parameters(class_weight, tmp_path):
    changed = {"class_weight": class_weight, "n_jobs": np.int64(1), "verbose": False, "lr": None}
    estimator = classifier(**changed).fit(TEXTS, NAMES)
    estimator.save(tmp_path / "m.ftl")
    assert load(tmp_path / "m.ftl").get_params() == estimator.get_params()


@pytest.mark.parametrize(
    ("y", "class_weight"), [(CODES, {0: 2.0, 5: 3.0}), (np.array(CODES) > 0, {True: 2.0})]
)
def test_model_file_keeps_weights_of_classes_that_are_not_text(y, class_weight, tmp_path):
    estimator = classifier(class_weight=class_weight).fit(TEXTS, y)
    estimator.save(tmp_path / "m.ftl")
    loaded = load(tmp_path / "m.ftl")
    assert loaded.class_weight == class_weight
    assert_same(loaded.fit(TEXTS, y), estimator)


def test_model_file_without_a_state_object(tmp_path):
    estimator = classifier(random_state=np.random.RandomState(0)).fit(TEXTS, NAMES)
    estimator.save(tmp_path / "m.ftl")
    assert load(tmp_path / "m.ftl").random_state is None


def test_labels_that_no_model_file_can_hold(tmp_path):
    days = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "M8[D]")
    estimator = classifier().fit(TEXTS, days[np.searchsorted(CLASSES, NAMES)])
    assert estimator.predict(TEXTS).dtype == days.dtype
    with pytest.raises(ModelError, match="labels must be text, numbers or booleans"):
        estimator.save(tmp_path / "m.ftl")
    assert list(tmp_path.iterdir()) == []


def engine_model(rows, **settings):
    """Return a model as the command line trains it: labels by falling frequency."""
    small = {name: value for name, value in SMALL.items() if name != "random_state"}
    config = Config(**(small | settings))
    return fitting.fit(
        Texts.from_sequence(TEXTS), Labels.from_rows(rows), config, n_threads=1
    ).model


@pytest.mark.parametrize("loss", LOSSES)
def test_load_a_model_of_the_command_line(loss, tmp_path):
    model = engine_model([[name] for name in NAMES], loss=loss)
    assert model.labels == ["wheels", "fruit", "wood"]
    save_model(model, tmp_path / "m.ftl")
    estimator = load(tmp_path / "m.ftl")
    assert estimator.classes_.tolist() == ["fruit", "wheels", "wood"]
    assert estimator.target_kind_ == "single"
    assert estimator.loss == loss
    expected = [model.labels[i] for i in model.predict(TEXTS).labels[:, 0]]
    assert estimator.predict(TEXTS).tolist() == expected
    probabilities = model.probabilities(TEXTS)[:, [1, 0, 2]]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(estimator.predict_proba(TEXTS), probabilities, rtol=1e-12)
    with pytest.warns(UnknownTextWarning):
        np.testing.assert_allclose(estimator.predict_proba(["quartz"]) * 15, [[5, 6, 4]])
    estimator.partial_fit(TEXTS, NAMES)
    assert estimator.model_.label_counts.tolist() == [10, 12, 8]
    estimator.save(tmp_path / "again.ftl")
    assert_same(load(tmp_path / "again.ftl"), estimator)


def test_load_a_model_of_several_labels_of_the_command_line(tmp_path):
    model = engine_model(LISTS, epochs=40, lr=0.5)
    save_model(model, tmp_path / "m.ftl")
    estimator = load(tmp_path / "m.ftl")
    assert estimator.target_kind_ == "lists"
    assert estimator.predict(TEXTS) == [sorted(row) for row in LISTS]
    assert estimator.score(TEXTS, LISTS) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["fruit", "wheels"]}, {"classes": ["wood", "wheels", "fruit"]},
        {"classes": ["fruit", "fruit", "wood"]}, {"classes": [["fruit"], ["wheels"], ["wood"]]},
        {"classes": "abc"}, {"classes": [None, "a", "b"]}, {"target_kind": "some"},
        {"target_kind": None}, {"parameters": {"wordNgrams": 2}}, {"parameters": 3},
        {"parameters": {"class_weight": [1, 2]}},
    ],
)  # fmt: skip
def test_damaged_estimator_part_of_a_model_file(fitted, change, tmp_path):
    good = {"parameters": {}, "classes": CLASSES, "target_kind": "single"}
    save_model(fitted.model_, tmp_path / "good.ftl", good)
    assert load(tmp_path / "good.ftl").classes_.tolist() == CLASSES
    save_model(fitted.model_, tmp_path / "bad.ftl", good | change)
    with pytest.raises(ModelError, match=r"bad.ftl: the model file is damaged"):
        load(tmp_path / "bad.ftl")


# -- at home in scikit-learn -----------------------------------------------------------------

X_CV, Y_CV = TEXTS * 3, NAMES * 3


def test_tags():
    tags = get_tags(FastTextClassifier())
    assert tags.input_tags.string and tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array and not tags.input_tags.sparse
    assert tags.target_tags.required and not tags.target_tags.two_d_labels
    assert tags.classifier_tags.multi_class and tags.classifier_tags.multi_label
    assert is_classifier(FastTextClassifier()) and not is_classifier(FastTextTransformer())
    assert get_tags(FastTextTransformer()).target_tags.required


@pytest.mark.parametrize(("n_jobs", "expected"), [(None, False), (1, False), (2, True), (-1, True)])
def test_only_threads_make_training_non_deterministic(n_jobs, expected):
    assert get_tags(FastTextClassifier(n_jobs=n_jobs)).non_deterministic is expected


def test_html_repr(fitted):
    for estimator in (FastTextClassifier(), fitted, make_pipeline(transformer(), fitted)):
        assert "FastTextClassifier" in estimator_html_repr(estimator)
        assert "FastTextClassifier" in estimator._repr_html_()


def test_pipeline(fitted):
    lower = FunctionTransformer(lambda texts: [text.replace("RED", "red") for text in texts])
    pipeline = Pipeline([("clean", lower), ("classify", classifier())])
    loud = [text.replace("red", "RED") for text in TEXTS]
    pipeline.fit(loud, NAMES)
    assert_same(pipeline["classify"], fitted)
    assert pipeline.classes_.tolist() == CLASSES
    np.testing.assert_array_equal(pipeline.predict_proba(loud), fitted.predict_proba(TEXTS))
    assert pipeline.score(loud, NAMES) == fitted.score(TEXTS, NAMES)
    pipeline.set_params(classify__dim=3)
    assert clone(pipeline).fit(TEXTS, NAMES)["classify"].model_.dim == 3


def test_sample_weight_through_a_pipeline():
    expected = classifier().fit(TEXTS, NAMES, WEIGHTS)
    pipeline = Pipeline([("classify", classifier())])
    assert_same(pipeline.fit(TEXTS, NAMES, classify__sample_weight=WEIGHTS)["classify"], expected)
    with sklearn.config_context(enable_metadata_routing=True):
        asking = classifier().set_fit_request(sample_weight=True)
        asking = asking.set_score_request(sample_weight=True)
        pipeline = Pipeline([("classify", asking)])
        pipeline.fit(TEXTS, NAMES, sample_weight=WEIGHTS)
        assert_same(pipeline["classify"], expected)
        score = pipeline.score(TEXTS, NAMES, sample_weight=WEIGHTS)
        assert score == expected.score(TEXTS, NAMES, WEIGHTS)
        scores = cross_validate(
            asking, X_CV, Y_CV, cv=3, params={"sample_weight": np.tile(WEIGHTS, 3)}
        )
        assert scores["test_score"].shape == (3,)


def test_partial_fit_takes_metadata():
    with sklearn.config_context(enable_metadata_routing=True):
        requested = classifier().set_partial_fit_request(classes=True, sample_weight=True)
        request = requested.get_metadata_routing().partial_fit.requests
    assert request == {"classes": True, "sample_weight": True}


def test_cross_val_score():
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    estimator = classifier(epochs=20, lr=0.5)
    scores = cross_val_score(estimator, X_CV, Y_CV, cv=folds, error_score="raise")
    assert scores.shape == (3,)
    assert scores.mean() > 0.9
    again = cross_val_score(estimator, pd.Series(X_CV), np.array(Y_CV), cv=folds)
    np.testing.assert_array_equal(again, scores)


def test_grid_search():
    grid = {"loss": LOSSES, "dim": [None, 3], "lr": [0.5]}
    search = GridSearchCV(classifier(epochs=8), grid, cv=3, error_score="raise")
    search.fit(X_CV, Y_CV)
    assert len(search.cv_results_["params"]) == 2 * len(LOSSES)
    assert search.best_score_ > 0.9
    assert search.best_params_.keys() == grid.keys()
    assert search.predict(["green pear"]).tolist() == ["fruit"]
    probabilities = GridSearchCV(
        classifier(), {"lr": [0.2, 0.4]}, scoring="neg_log_loss", cv=3, error_score="raise"
    ).fit(X_CV, Y_CV)
    assert probabilities.best_score_ < 0


@pytest.mark.parametrize("loss", LOSSES)
def test_calibration(loss):
    calibrated = CalibratedClassifierCV(classifier(loss=loss, epochs=20, lr=0.5), cv=3)
    calibrated.fit(X_CV, Y_CV)
    assert calibrated.classes_.tolist() == CLASSES
    np.testing.assert_allclose(calibrated.predict_proba(TEXTS).sum(axis=1), 1)
    assert calibrated.score(X_CV, Y_CV) > 0.9


def test_voting():
    other = make_pipeline(TfidfVectorizer(), MultinomialNB())
    voting = VotingClassifier(
        [("embed", classifier(epochs=20, lr=0.5)), ("count", other)], voting="soft"
    ).fit(TEXTS, NAMES)
    parts = [estimator.predict_proba(TEXTS) for estimator in voting.estimators_]
    np.testing.assert_allclose(voting.predict_proba(TEXTS), np.mean(parts, axis=0))
    assert voting.score(TEXTS, NAMES) == 1


@pytest.mark.parametrize("loss", LOSSES)
def test_one_vs_rest(loss):
    each = OneVsRestClassifier(classifier(loss=loss, epochs=40, lr=0.5)).fit(TEXTS, NAMES)
    assert each.classes_.tolist() == CLASSES
    assert len(each.estimators_) == 3
    assert each.score(TEXTS, NAMES) == 1
    np.testing.assert_allclose(each.predict_proba(TEXTS).sum(axis=1), 1)


def test_transformer_gives_embeddings():
    estimator = transformer(dim=3)
    embedded = estimator.fit_transform(TEXTS, NAMES)
    assert embedded.shape == (15, 3)
    assert embedded.dtype == np.float32
    np.testing.assert_array_equal(estimator.transform(TEXTS), embedded)
    np.testing.assert_array_equal(estimator.transform(TEXTS[::-1]), embedded[::-1])
    assert estimator.transform([]).shape == (0, 3)
    assert not estimator.transform(["quartz", ""]).any()
    scores = np.log(reference.sigmoid(embedded.astype(float) @ estimator.model_.output.T))
    expected = classifier(dim=3).fit(TEXTS, NAMES).decision_function(TEXTS)
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)


def test_transformer_weights():
    weighted = transformer().fit_transform(TEXTS, NAMES, sample_weight=WEIGHTS)
    np.testing.assert_array_equal(
        weighted, transformer().fit(TEXTS, NAMES, WEIGHTS).transform(TEXTS)
    )


def test_transformer_names_its_features():
    estimator = transformer(dim=3).fit(TEXTS, NAMES)
    names = [f"fasttexttransformer{i}" for i in range(3)]
    assert estimator.get_feature_names_out().tolist() == names
    texts = pd.Series(TEXTS, index=range(40, 55))
    frame = estimator.set_output(transform="pandas").transform(texts)
    assert frame.columns.tolist() == names
    assert len(frame) == 15
    estimator.set_output(transform="default")
    np.testing.assert_array_equal(frame.to_numpy(), estimator.transform(texts))


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_text_and_numbers_in_one_table(output):
    index = range(200, 215) if output == "default" else range(15)
    frame = pd.DataFrame({"text": TEXTS, "size": np.arange(15.0), "noise": 1}, index=index)
    columns = ColumnTransformer(
        [("text", transformer(epochs=20, lr=0.5), "text"), ("size", StandardScaler(), ["size"])]
    ).set_output(transform=output)
    pipeline = make_pipeline(columns, LogisticRegression(C=100)).fit(frame, NAMES)
    assert pipeline.score(frame, NAMES) == 1
    names = pipeline[:-1].get_feature_names_out().tolist()
    assert names == [f"text__fasttexttransformer{i}" for i in range(4)] + ["size__size"]
    assert pipeline.predict(frame.iloc[::-1]).tolist() == NAMES[::-1]


def test_column_selected_as_a_table_is_explained():
    columns = ColumnTransformer([("text", transformer(), ["text"])])
    with pytest.raises(TypeError, match="one column of texts"):
        columns.fit(pd.DataFrame({"text": TEXTS}), NAMES)


def test_huge_equal_weights_are_equal_weights():
    huge = classifier().fit(TEXTS, NAMES, sample_weight=np.full(len(TEXTS), 1e308))
    plain = classifier().fit(TEXTS, NAMES)
    np.testing.assert_array_equal(huge.predict_proba(TEXTS), plain.predict_proba(TEXTS))


def test_partial_fit_takes_the_present_learning_rate():
    start = classifier().partial_fit(TEXTS, NAMES, classes=CLASSES)
    slow, fast = copy.deepcopy(start), copy.deepcopy(start)
    slow.set_params(lr=1e-6).partial_fit(TEXTS, NAMES)
    fast.set_params(lr=0.5).partial_fit(TEXTS, NAMES)
    before = start.model_.embeddings
    moves = [np.abs(e.model_.embeddings - before).max() for e in (slow, fast)]
    assert moves[0] < 1e-4 < 1e-2 < moves[1]


def test_wrong_arguments_name_the_class():
    with pytest.raises(TypeError, match=r"FastTextClassifier\.__init__\(\) takes 1 positional"):
        FastTextClassifier("hs")
    with pytest.raises(TypeError, match="FastTextClassifier.*'epoch': .*epochs"):
        FastTextClassifier(epoch=3)


def test_multilabel_predictions_in_parts(monkeypatch):
    estimator = classifier(epochs=20, lr=0.5).fit(TEXTS, LISTS)
    whole = estimator.predict(TEXTS)
    monkeypatch.setattr(models, "CHUNK_SCORES", 5)
    assert estimator.predict(TEXTS) == whole
    assert len(whole) == len(TEXTS)


# -- losses and parts of the network ---------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("y", [NAMES, BINARY], ids=["three", "two"])
def test_probabilities_of_single_labels_sum_to_one(loss, y):
    estimator = classifier(loss=loss).fit(TEXTS, y)
    with pytest.warns(UnknownTextWarning):
        probabilities = estimator.predict_proba([*TEXTS, "quartz"])
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-12)
    assert ((probabilities > 0) & (probabilities < 1)).all()
    best = estimator.classes_[probabilities[:-1].argmax(1)]
    np.testing.assert_array_equal(estimator.predict(TEXTS), best)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("y", [LISTS, MATRIX], ids=["lists", "matrix"])
def test_hinge_losses_choose_labels_of_positive_score(loss, y):
    estimator = classifier(loss=loss, epochs=40).fit(TEXTS, y)
    scores, probabilities = estimator.decision_function(TEXTS), estimator.predict_proba(TEXTS)
    np.testing.assert_array_equal(probabilities >= 0.5, scores >= 0)
    assert ((probabilities > 0) & (probabilities < 1)).all()
    order = scores.argsort(axis=None)
    assert (np.diff(probabilities.ravel()[order]) >= 0).all()
    predicted = estimator.predict(TEXTS)
    if y is LISTS:
        predicted = np.array([[name in row for name in estimator.classes_] for row in predicted])
    np.testing.assert_array_equal(predicted, scores >= 0)


@pytest.mark.parametrize("y", [LISTS, MATRIX], ids=["lists", "matrix"])
def test_default_for_several_labels(y):
    estimator = FastTextClassifier(random_state=0, epochs=20).fit(TEXTS, y)
    config = estimator.model_.config
    assert (config.loss, config.head) == ("squared_hinge", "linear")
    assert estimator.score(TEXTS, y) == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"norm": "layer"},
        {"norm": "batch"},
        {"units": 8, "activation": "maxout"},
        {"units": 8, "norm": "layer", "optimizer": "adam"},
        {"head": "linear", "l2": 0.001},
        {"head": "linear", "l1": 0.001},
        {"averaging": 0.5},
        {"feature_dropout": 0.2, "hidden_dropout": 0.2, "dim": 16},
        {"word_dropout": 0.2, "word_swap": 0.2},
        {"focal": 1.0, "clip": 1.0, "max_norm": 5.0},
        {"pooling": "mean", "supervision": 0.0, "bias": False},
    ],
    ids=str,
)
def test_every_part_learns_and_comes_back_from_a_file(tmp_path, parameters):
    estimator = classifier(**({"epochs": 60} | parameters)).fit(TEXTS, NAMES)
    assert estimator.score(TEXTS, NAMES) > 0.8
    estimator.save(tmp_path / "m.ftl")
    again = load(tmp_path / "m.ftl")
    np.testing.assert_array_equal(again.predict_proba(TEXTS), estimator.predict_proba(TEXTS))
    assert again.get_params() == estimator.get_params()
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(estimator)).predict(TEXTS), estimator.predict(TEXTS)
    )
    for one in (again, estimator):
        one.partial_fit([*TEXTS, "quartz tree"], [*NAMES, "wood"])
    assert again.model_.space.n_rows == estimator.model_.space.n_rows
    assert again.score(TEXTS, NAMES) > 0.8
