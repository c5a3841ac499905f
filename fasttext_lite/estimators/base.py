"""What estimators share: texts and labels to train on, one model, classes and scores."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from fasttext_lite.config.effects import Remark
from fasttext_lite.config.fields import Config, values_before
from fasttext_lite.corpus.strangers import shown as shown_names
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError, bounded
from fasttext_lite.estimators.beside import read_beside
from fasttext_lite.estimators.keeping import kept_in
from fasttext_lite.estimators.parameters import (
    BEFORE,
    AdvisedMethods,
    answers_asked,
    check_answers,
    check_names,
    check_verbose,
    config_of,
    given_to,
    idle_words,
    pretrained_of,
    seed_of,
    threads_of,
    words_kept,
)
from fasttext_lite.estimators.targets import (
    Target,
    label_array,
    named_weights,
    plain,
    read_target,
    sample_weights,
    single_labels,
    unique_labels,
)
from fasttext_lite.estimators.validation import read_watch
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.fitting.class_weight import class_factors, scaled
from fasttext_lite.fitting.given import Adviser, logger
from fasttext_lite.fitting.progress import progress_bar, shown
from fasttext_lite.model.model import Model
from fasttext_lite.model.run import Run

if TYPE_CHECKING:
    from fasttext_lite.corpus.labels import Labels
    from fasttext_lite.teaching.fit import Beside

# Of all estimators of the process: a search over settings does not say a thing again and again.
ADVISER = Adviser()


class UnknownTextWarning(UserWarning):
    """Some texts have no feature that training saw; the class prior is returned for them."""


class TextEstimator(AdvisedMethods, BaseEstimator):
    """An estimator of texts: parameters from `parameters.with_parameters`, and tags."""

    def __getstate__(self) -> dict[str, Any]:
        # NumPy gives each label as much room as the longest one takes: their names do.
        state, model = dict(super().__getstate__()), self._any_model()
        if model is None:
            return state
        classes = state["classes_"]
        if classes.dtype.kind == "U" and classes.tolist() == model.labels:
            state["classes_"] = model.labels
        return state

    def _any_model(self) -> Model | None:
        """Return the model, of an ensemble the first one; None before `fit`."""
        return getattr(self, "model_", None)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state.get("classes_"), list):
            state = {**state, "classes_": label_array(state["classes_"])}
        # Of a pickle that is older than some parameters: what was done before there were any.
        known = self._get_param_names()
        before = values_before() | BEFORE
        added = {name: value for name, value in before.items() if name in known}
        super().__setstate__({**added, **state})

    def set_params(self, **params: Any) -> TextEstimator:
        """Set parameters; a `ValueError` names what may have been meant by one that is none."""
        check_names(self, params)
        return super().set_params(**params)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.target_tags.required = True
        is_same = getattr(self, "deterministic", False) or self.n_jobs in (None, 1)
        tags.non_deterministic = not is_same  # with random_state given
        return tags


class OneModel(TextEstimator):
    """An estimator that trains one model: the classifier and the transformer.

    Attributes
    ----------
    model_ : Model
    history_ : History
    classes_ : ndarray of shape (n_classes,)
    target_kind_ : str
    """

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation_data: Any = None,
        callbacks: Any = None,
        unlabelled: Any = None,
        text_embeddings: Any = None,
        checkpoint: Any = None,
    ) -> None:
        config = config_of(self)
        n_threads = threads_of(self, training=True)
        check_verbose(self)
        check_answers(self)
        seed = seed_of(self)
        texts, target, weights, kept, n_given = training_data(self, X, y, sample_weight)
        beside = read_beside(texts, n_given, kept, unlabelled, text_embeddings, bool(self.verbose))
        watch = read_watch(target, validation_data, callbacks)
        given, pretrained = given_to(self), pretrained_of(self)
        ADVISER.look_before(config, given, texts.token_ends is not None)
        ADVISER.say(idle_words(self))
        if validation_data is not None and config.patience and "valid_fraction" in given:
            ADVISER.say(Remark("valid_fraction", "has no effect: validation_data are given"))
        watch = shown(watch, config) if self.verbose else watch
        how: dict[str, Any] = {
            "doc_weights": weights, "multilabel": target.kind != "single", "seed": seed,
            "run": run_of(self, target, sample_weight, seed), "n_threads": n_threads,
            "pretrained": pretrained, "watch": watch,
        }  # fmt: skip
        with kept_in(checkpoint, beside) as how["keeper"]:
            trainee = _trained(texts, target.labels, config, beside, how, bool(self.verbose))
        ADVISER.look_after(trainee.model.config, given, len(target.classes))
        set_fitted(self, trainee, target.classes, target.kind)

    def _check_fitted(self) -> None:
        if "model_" not in self.__dict__:  # scikit-learn's own check takes longer than a text
            check_is_fitted(self, "model_")


def _trained(
    texts: Texts,
    labels: Labels,
    config: Config,
    beside: Beside | None,
    how: dict[str, Any],
    show: bool,
) -> fitting.Trainee:
    """Train on texts and, if there is any, what there is beside them; `how` as of `fit.fit`."""
    n_steps = len(texts) * config.epochs
    with progress_bar(n_steps, show, waits=beside is not None) as callback:
        if beside is None:
            return fitting.fit(texts, labels, config, callback=callback, **how)
        from fasttext_lite.teaching.fit import fit_beside

        del how["keeper"]
        return fit_beside(texts, labels, config, beside, callback=callback, **how)


class TextClassifier(ClassifierMixin, TextEstimator):
    """A classifier of texts: the classifier of one model and the ensemble.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    target_kind_ : str
    """

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of right texts: accuracy; with several labels to a text, exact match.

        ``fasttext-lite test`` prints the same figure by the same name.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        float
        """
        predicted = self.predict(X)
        if self.target_kind_ == "single":
            y = single_labels(y)
        if self.target_kind_ != "lists":
            return float(accuracy_score(y, predicted, sample_weight=sample_weight))
        if len(y) != len(predicted):
            raise ValueError(
                f"X and y have inconsistent numbers of samples: {len(predicted)}, {len(y)}"
            )
        right = [set(a) == set(b) for a, b in zip(y, predicted, strict=True)]
        return float(np.average(right, weights=sample_weight))

    def _as_target(self, chosen: list[np.ndarray]) -> Any:
        """Return label lists or a 0/1 matrix, as in training, of bool[n, n_classes] parts."""
        if self.target_kind_ == "indicator":
            return np.concatenate(chosen).astype(np.int64)
        return [self.classes_[row].tolist() for part in chosen for row in part]

    def _to_save(self, config: Config) -> dict[str, Any]:
        """Return parameters and classes as JSON values, see `from_saved`.

        Parameters
        ----------
        config : Config
            Of the trained model, for the words that a parameter names a file of.
        """
        kind = self.classes_.dtype.kind
        if kind == "O" and all(isinstance(name, str) for name in self.classes_):
            kind = "U"
        if kind not in "Uiufb":
            raise ModelError(
                "labels must be text, numbers or booleans to be saved; these are "
                f"{self.classes_.dtype} (pickle keeps any type)"
            )
        parameters = words_kept(self.get_params(deep=False), config)
        if isinstance(parameters["class_weight"], dict):
            pairs = parameters["class_weight"].items()
            parameters["class_weight"] = [[plain(label), float(value)] for label, value in pairs]
        if parameters["pretrained_vectors"] is not None:
            parameters["pretrained_vectors"] = os.fspath(parameters["pretrained_vectors"])
        if not isinstance(parameters["random_state"], int | np.integer):
            parameters["random_state"] = None
        return {
            "parameters": {name: plain(value) for name, value in parameters.items()},
            "classes": self.classes_.tolist(),
            "target_kind": self.target_kind_,
        }

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def from_saved(
    cls: type[TextClassifier], extra: dict[str, Any], n_labels: int, path: str | os.PathLike[str]
) -> Any:
    """Return a classifier with its parameters and classes as they were saved, without a model.

    Raises
    ------
    ModelError
        If they are not as a classifier saves them.
    """
    try:
        parameters = dict(extra["parameters"])
        if isinstance(parameters.get("class_weight"), list):
            parameters["class_weight"] = dict(map(tuple, parameters["class_weight"]))
        classifier = cls(**parameters)
        classifier.classes_ = label_array(extra["classes"])
        classifier.target_kind_ = extra["target_kind"]
        good = classifier.target_kind_ in ("single", "lists", "indicator")
        if not good or classifier.classes_.shape != (n_labels,):
            raise ValueError("the classes do not fit the labels")
        if not np.array_equal(unique_labels(classifier.classes_), classifier.classes_):
            raise ValueError("the classes are not sorted")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: the model file is damaged: {error}") from None
    return classifier


def set_fitted(
    estimator: OneModel, trainee: fitting.Trainee, classes: np.ndarray, kind: str
) -> None:
    """Give an estimator what its training has brought."""
    estimator._trainee = trainee
    estimator.model_ = trainee.model
    estimator.history_ = trainee.history
    estimator.classes_ = classes
    estimator.target_kind_ = kind


class TrainingData(NamedTuple):
    """What `fit` was given.

    Attributes
    ----------
    texts : Texts
        Without those of weight 0.
    target : Target
        Of the same texts.
    weights : float32[n_texts]
        Factor of each text's loss; their mean is 1.
    kept : int64[n_texts], optional
        Their places in X; None where all are there.
    n_given : int
        Number of texts of X, also those of weight 0.
    """

    texts: Texts
    target: Target
    weights: np.ndarray
    kept: np.ndarray | None
    n_given: int


def training_data(
    estimator: TextEstimator,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    classes: Any = None,
    kind: str | None = None,
    is_whole: bool = True,
    is_open: bool = False,
) -> TrainingData:
    """Read what `fit` is given.

    Parameters
    ----------
    estimator : TextEstimator
        Whose `class_weight` counts.
    X, y, sample_weight
        As in `FastTextClassifier.fit`.
    classes, kind, is_open : optional
        As in `targets.read_target`.
    is_whole : bool
        Whether a model is trained on these texts alone.

    Returns
    -------
    TrainingData

    Raises
    ------
    TypeError
        If X holds something other than text.
    ValueError
        If y or the weights are not as described, or there are fewer than two labels.
    """
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} learns from labels: it requires y to be passed, "
            "but the target y is None"
        )
    texts, target = Texts.from_sequence(X), read_target(y, classes, kind, is_open)
    _check_numbers(texts, target)
    if target.weights is not None and is_whole:
        _look_at_likeliest(target)
    weights = _weights(estimator, target, sample_weight)
    return TrainingData(*_without_weightless(texts, target, weights), len(texts))


def _check_numbers(texts: Texts, target: Target) -> None:
    """Raise `ValueError` unless there are as many texts as labels, and two classes."""
    if len(texts) != len(target.labels):
        raise ValueError(
            f"X and y have inconsistent numbers of samples: {len(texts)} texts, "
            f"{len(target.labels)} labels"
        )
    if len(texts) == 0:
        raise ValueError("found 0 texts (n_samples=0) while a minimum of 1 is required")
    if (n_classes := len(target.classes)) < 2:
        found = f"1 class ({target.classes[0]})" if n_classes else "0 classes"
        raise ValueError(f"y must have at least 2 classes; found {found}")


def _weights(estimator: TextEstimator, target: Target, sample_weight: Any) -> np.ndarray:
    """Return what texts weigh by themselves, by shares of labels and by class, float64[n_texts]."""
    weights = sample_weights(sample_weight, len(target.labels))
    if target.weights is not None:
        weights = weights * target.weights
    class_weight = named_weights(estimator.class_weight, target)
    return weights * class_factors(class_weight, target.labels, weights)


def run_of(
    estimator: TextEstimator, target: Target, sample_weight: Any = None, seed: int | None = None
) -> Run:
    """Return how a training is run, for those that come after it."""
    return Run(
        class_weight=named_weights(estimator.class_weight, target),
        sample_weight=sample_weight is not None or target.weights is not None,
        seed=None if estimator.random_state is None else seed, **answers_asked(estimator),
    )  # fmt: skip


def _look_at_likeliest(target: Target) -> None:
    """Warn of columns of shares that are the likeliest label of no text.

    Raises
    ------
    ValueError
        If one label is the likeliest of all texts.
    """
    never = np.flatnonzero(target.labels.counts() == 0)
    if never.size == 0:
        return
    names = target.labels.names
    if len(names) - never.size < 2:
        found = next(name for i, name in enumerate(names) if i not in never)
        raise ValueError(
            bounded(
                f"y must have at least 2 classes that are the likeliest of some text; here "
                f"{found!r} is that of all"
            )
        )
    logger.warning(
        "%d of %d columns of y, the likeliest label of no text, will hardly be predicted: %s",
        never.size, len(names), shown_names([names[i] for i in never]),
    )  # fmt: skip


def _without_weightless(
    texts: Texts, target: Target, weights: np.ndarray
) -> tuple[Texts, Target, np.ndarray, np.ndarray | None]:
    """Leave out the texts of weight 0, and scale the weights to a mean of 1."""
    if not weights.any():
        raise ValueError("all sample weights are zero")
    kept = None
    if not weights.all():
        # A text of weight 0 is not there: it adds no word to the vocabulary either.
        kept = np.flatnonzero(weights)
        texts, target = texts.take(kept), target.take(kept)
        weights = weights[kept]
    return texts, target, scaled(weights), kept


def known_features(
    model: Model, X: Any, n_threads: int, stacklevel: int, abstains: bool = False
) -> FeatureMatrix:
    """Return the features of texts, with a warning if some have none; see `warn_of_unknown`."""
    features = model.features(Texts.from_sequence(X), n_threads)
    warn_of_unknown(np.diff(features.indptr), stacklevel + 1, abstains)
    return features


def probabilities(model: Model, kind: str, features: FeatureMatrix, n_threads: int) -> np.ndarray:
    """Return the probability of each class, float64[n_texts, n_classes]; see `normalized`."""
    return normalized(model.probabilities(features, n_threads), model, kind)


def normalized(result: np.ndarray, model: Model, kind: str) -> np.ndarray:
    """Make the rows of probabilities sum to 1, in place, where texts had one label each.

    They do, but of models of the past; see `Model.calibration`.
    """
    if kind == "single" and not model.is_distribution:
        result[~result.any(axis=1)] = 1  # no label is likelier than another
        result /= result.sum(axis=1, keepdims=True)
    return result


def warn_of_unknown(n_features: np.ndarray, stacklevel: int, abstains: bool = False) -> None:
    """Warn if there are texts without a known feature.

    Parameters
    ----------
    n_features : int[n_texts]
    stacklevel : int
        As of `warnings.warn`, counted from the caller.
    abstains : bool
        Whether they get no answer.
    """
    if n_features.all():
        return
    done = "they get no answer" if abstains else "their result is the class prior"
    unknown = np.flatnonzero(n_features == 0)
    warnings.warn(
        f"{unknown.size} of {n_features.size} texts have no feature that training saw "
        f"(first: position {unknown[0]}); {done}",
        UnknownTextWarning,
        stacklevel=stacklevel + 1,
    )
