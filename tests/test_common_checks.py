"""scikit-learn's own checks, run on estimators that read each row of numbers as a text.

The checks know tables of numbers only. `NumberClassifier` and `NumberTransformer` cut each
number into tokens such as ``f3=-2/1`` and leave all else to the estimators under test.
"""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.utils import estimator_checks as checks
from sklearn.utils.validation import check_is_fitted, validate_data

from fasttext_lite.estimators.classifier import FastTextClassifier
from fasttext_lite.estimators.transformer import FastTextTransformer

pytestmark = pytest.mark.filterwarnings("ignore::fasttext_lite.UnknownTextWarning")

LOSSES = ("softmax", "hs", "ova", "ns", "squared_hinge")
SMALL = {"bucket": 500, "dim": 3, "epochs": 4, "lr": 0.8, "word_ngrams": 1, "minn": 0, "maxn": 0}

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "rows repeated and rows weighted are visited in other orders and steps, as SGD takes them"
    ),
    "check_classifiers_multilabel_representation_invariance": (
        "a list of lists holds the labels of each text, only an array is a 0/1 matrix"
    ),
}


class _Numbers:
    """Rows of numbers in, token lists on: each feature in steps, from coarse to fine."""

    STEPS = (64.0, 8.0, 1.0, 0.25)

    def _tokens(self, X, reset=False):
        if not reset:
            check_is_fitted(self)
        X = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])
        tokens = [[] for _ in X]
        for step in self.STEPS:
            for row, numbers in zip(tokens, np.floor(X / step), strict=True):
                row.extend(f"f{i}={number:.0f}/{step}" for i, number in enumerate(numbers))
        return tokens

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = False
        tags.input_tags.string = False
        return tags


class NumberClassifier(_Numbers, FastTextClassifier):
    """A `FastTextClassifier` of tables."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(self._tokens(X, reset=True), y, sample_weight)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        tokens = self._tokens(X, reset=not hasattr(self, "classes_"))
        return super().partial_fit(tokens, y, classes, sample_weight)

    def predict(self, X):
        return super().predict(self._tokens(X))

    def predict_proba(self, X):
        return super().predict_proba(self._tokens(X))

    def decision_function(self, X):
        return super().decision_function(self._tokens(X))


class NumberTransformer(_Numbers, FastTextTransformer):
    """A `FastTextTransformer` of tables."""

    def fit(self, X, y=None, sample_weight=None):
        return super().fit(self._tokens(X, reset=True), y, sample_weight)

    def transform(self, X):
        return super().transform(self._tokens(X))


def _name(check):
    words = [check.func.__name__, *map(str, check.args[1:])]
    return "-".join([*words, *(f"{key}={value}" for key, value in check.keywords.items())])


def _parameters(estimators):
    """Return estimator and check for each check that scikit-learn chooses by the tags."""
    parameters = []
    for estimator in estimators:
        with warnings.catch_warnings():
            # Says that no more than `check_estimator_cloneable` is run for text.
            warnings.simplefilter("ignore", SkipTestWarning)
            chosen = list(checks.estimator_checks_generator(estimator))
        for instance, check in chosen:
            function = check.func.__name__
            if function == "check_array_api_input":
                continue  # runs only with SCIPY_ARRAY_API=1 set before SciPy is imported
            reason = EXPECTED_FAILURES.get(function)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            label = f"{type(estimator).__name__}-{estimator.loss}-{_name(check)}"
            parameters.append(pytest.param(instance, check, marks=marks, id=label))
    return parameters


@pytest.mark.parametrize(
    ("estimator", "check"),
    _parameters(
        [
            *(NumberClassifier(loss=loss, **SMALL) for loss in LOSSES),
            NumberClassifier(optimizer="adagrad", **SMALL),
            NumberClassifier(optimizer="adam", **(SMALL | {"lr": 0.05})),
            NumberClassifier(head="learned", **SMALL),
            NumberTransformer(**SMALL),
        ]
    ),
)
def test_numbers(estimator, check):
    assert check(estimator) is None


@pytest.mark.parametrize(
    ("estimator", "check"), _parameters([FastTextClassifier(), FastTextTransformer()])
)
def test_texts(estimator, check):
    assert check(estimator) is None


def test_few_checks_are_expected_to_fail():
    chosen = _parameters([NumberClassifier(**SMALL)])
    assert len(chosen) > 50
    assert sum(bool(parameter.marks) for parameter in chosen) == len(EXPECTED_FAILURES)


@pytest.mark.parametrize("cls", [FastTextClassifier, FastTextTransformer])
@pytest.mark.parametrize(
    "check",
    [
        checks.check_estimator_cloneable,
        checks.check_estimator_tags_renamed,
        checks.check_valid_tag_types,
        checks.check_estimator_repr,
        checks.check_no_attributes_set_in_init,
        checks.check_do_not_raise_errors_in_init_or_set_params,
        checks.check_mixin_order,
        checks.check_parameters_default_constructible,
        checks.check_get_params_invariance,
        checks.check_set_params,
    ],
    ids=lambda check: check.__name__,
)
def test_checks_without_data(cls, check):
    assert check(cls.__name__, cls()) is None
