"""The scikit-learn face: `FastTextClassifier`, `FastTextTransformer` and `load`."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import os
import warnings
from typing import Any

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.metrics import accuracy_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fasttext_lite import fitting
from fasttext_lite import model as models
from fasttext_lite.config import Config, resolve
from fasttext_lite.corpus import Labels, Texts
from fasttext_lite.errors import ModelError
from fasttext_lite.features import FeatureMatrix
from fasttext_lite.monitoring import Watch
from fasttext_lite.parallel import cpu_count
from fasttext_lite.progress import progress_bar
from fasttext_lite.storage import read_model, save_model
from fasttext_lite.targets import (
    Target,
    class_factors,
    is_matrix,
    label_array,
    plain,
    read_target,
    sample_weights,
    unique_labels,
)

MULTILABEL_THRESHOLD = 0.5

_RUN_PARAMETERS = {
    "class_weight": (
        None,
        'dict {label: weight}, "balanced" or None: factor of the loss of each label\'s texts',
    ),
    "pretrained_vectors": (
        None,
        "path or None: a .vec file of word vectors to start from; `dim` is theirs",
    ),
    "random_state": (
        None,
        "int, RandomState or None: seed of the initial weights and of the order of texts",
    ),
    "n_jobs": (
        None,
        "int or None: threads; -1 = all processors. None = all processors, but 1 for training "
        "when `random_state` is given, because only one thread gives the same result every time",
    ),
    "verbose": (0, "int: 1 shows a progress bar on stderr while training"),
}
_CONFIG_FIELDS = {field.name: field for field in dataclasses.fields(Config)}


class UnknownTextWarning(UserWarning):
    """Some texts have no feature that training saw; the class prior is returned for them."""


def _with_parameters(cls: type) -> type:
    """Give a class the `__init__` and the parameter list that `Config` and the above declare."""
    documented = {
        name: (field.default, field.metadata["help"]) for name, field in _CONFIG_FIELDS.items()
    } | _RUN_PARAMETERS
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, (default, _) in documented.items()
    ]
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = inspect.Signature([own, *parameters])

    def __init__(self, **values: Any) -> None:  # noqa: N807 - it becomes the method
        try:
            bound = signature.bind(self, **values)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}") from None
        bound.apply_defaults()
        for name in documented:
            setattr(self, name, bound.arguments[name])

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{cls.__name__}.__init__"
    __init__.__doc__ = "Store the parameters; they are checked by `fit`."
    cls.__init__ = __init__  # type: ignore[misc]
    lines = [
        f"    {name} : default {default!r}\n        {text[0].upper()}{text[1:]}."
        for name, (default, text) in documented.items()
    ]
    head, marker, tail = (cls.__doc__ or "").partition("    <parameters>\n")
    cls.__doc__ = head + "\n".join(lines) + "\n" + tail if marker else head
    return cls


class _FastTextBase(BaseEstimator):
    """What the classifier and the transformer share: parameters and training."""

    def _config(self) -> Config:
        return Config(**{name: getattr(self, name) for name in _CONFIG_FIELDS})

    def _threads(self, training: bool) -> int:
        n_jobs = self.n_jobs
        if n_jobs is None:
            return 1 if training and self.random_state is not None else cpu_count()
        if isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or n_jobs == 0:
            raise ValueError(f"n_jobs must be None or a whole number other than 0; got {n_jobs!r}")
        return int(n_jobs) if n_jobs > 0 else max(1, cpu_count() + 1 + int(n_jobs))

    def _seed(self) -> int:
        try:
            generator = check_random_state(self.random_state)
        except ValueError:
            raise ValueError(
                "random_state must be None, a RandomState or a whole number from 0 to 2**32 - 1; "
                f"got {self.random_state!r}"
            ) from None
        return int(generator.randint(2**31 - 1))

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any = None, callbacks: Any = None
    ) -> _FastTextBase:
        config = self._config()
        n_threads = self._threads(training=True)
        if not isinstance(self.verbose, int | np.integer | np.bool_) or self.verbose < 0:
            raise ValueError(f"verbose must be a whole number of at least 0; got {self.verbose!r}")
        seed = self._seed()
        texts, target, weights = self._training_data(X, y, sample_weight, None)
        watch = _watch(target, validation_data, callbacks)
        with progress_bar(len(texts) * config.epochs, bool(self.verbose)) as callback:
            trainee = fitting.fit(
                texts,
                target.labels,
                config,
                doc_weights=weights,
                multilabel=target.kind != "single",
                seed=seed,
                n_threads=n_threads,
                callback=callback,
                pretrained=self.pretrained_vectors,
                watch=watch,
            )
        self._keep(trainee, target)
        return self

    def _keep(self, trainee: fitting.Trainee, target: Target) -> None:
        self._trainee = trainee
        self.model_ = trainee.model
        self.history_ = trainee.history
        self.classes_ = target.classes
        self.target_kind_ = target.kind

    def _training_data(
        self, X: Any, y: Any, sample_weight: Any, classes: Any, kind: str | None = None
    ) -> tuple[Texts, Target, np.ndarray]:
        """Return texts, labels and the factor of each text's loss (mean 1)."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} learns from labels: it requires y to be passed, "
                "but the target y is None"
            )
        texts = Texts.from_sequence(X)
        target = read_target(y, classes, kind)
        if len(texts) != len(target.labels):
            raise ValueError(
                f"X and y have inconsistent numbers of samples: {len(texts)} texts, "
                f"{len(target.labels)} labels"
            )
        if len(texts) == 0:
            raise ValueError("found 0 texts (n_samples=0) while a minimum of 1 is required")
        n_classes = len(target.classes)
        if n_classes < 2:
            found = f"1 class ({target.classes[0]})" if n_classes else "0 classes"
            raise ValueError(f"y must have at least 2 classes; found {found}")
        weights = sample_weights(sample_weight, len(texts))
        weights = weights * class_factors(self.class_weight, target, weights)
        if not weights.any():
            raise ValueError("all sample weights are zero")
        if not weights.all():
            # A text of weight 0 is not there: it adds no word to the vocabulary either.
            keep = np.flatnonzero(weights)
            texts, target = texts.take(keep), target.take(keep)
            weights = weights[keep]
        weights = weights / weights.max()  # before the mean, which could overflow
        return texts, target, (weights / weights.mean()).astype(np.float32)

    def _check_fitted(self) -> None:
        if "model_" not in self.__dict__:  # scikit-learn's own check takes longer than a text
            check_is_fitted(self, "model_")

    def _features(self, X: Any) -> FeatureMatrix:
        self._check_fitted()
        features = self.model_.features(Texts.from_sequence(X), self._threads(training=False))
        _warn_of_unknown(np.diff(features.indptr), 4)
        return features

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.target_tags.required = True
        tags.non_deterministic = self.n_jobs not in (None, 1)  # with random_state given
        return tags


def _warn_of_unknown(n_features: np.ndarray, stacklevel: int) -> None:
    """Warn if there are texts without a known feature."""
    if n_features.all():
        return
    unknown = np.flatnonzero(n_features == 0)
    warnings.warn(
        f"{unknown.size} of {n_features.size} texts have no feature that training saw "
        f"(first: position {unknown[0]}); their result is the class prior",
        UnknownTextWarning,
        stacklevel=stacklevel,
    )


def _watch(target: Target, validation_data: Any, callbacks: Any) -> Watch | None:
    """Return what the arguments of `fit` ask to watch; None where nobody watches."""
    if validation_data is None and callbacks is None:
        return None
    calls = [callbacks] if callable(callbacks) else [] if callbacks is None else callbacks
    if not isinstance(calls, list | tuple) or not all(map(callable, calls)):
        raise TypeError(f"callbacks must be a callable or a list of callables; got {callbacks!r}")
    valid = None if validation_data is None else _validation_pair(target, validation_data)
    return Watch(valid, tuple(calls))


def _validation_pair(target: Target, validation_data: Any) -> tuple[Texts, Labels]:
    """Return validation data with the labels numbered as those of the training."""
    if not isinstance(validation_data, list | tuple) or len(validation_data) != 2:
        raise ValueError(
            f"validation_data must be a pair (X, y); got {type(validation_data).__name__}"
        )
    X, y = validation_data
    try:
        with warnings.catch_warnings():
            # scikit-learn's, that few texts with many labels may be a regression.
            warnings.filterwarnings("ignore", "The number of unique classes")
            texts, found = Texts.from_sequence(X), read_target(y)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
    if len(texts) != len(found.labels):
        raise ValueError(f"validation_data: {len(texts)} texts, but labels of {len(found.labels)}")
    if len(texts) == 0:
        raise ValueError("validation_data holds no texts")
    if found.kind != target.kind:
        raise ValueError(
            f"validation_data: its labels are {_KIND_NAMES[found.kind]}, those of the training "
            f"{_KIND_NAMES[target.kind]}"
        )
    strange = set(found.classes.tolist()) - set(target.classes.tolist())
    if strange:
        raise ValueError(
            "validation_data has labels that the training does not have, such as "
            f"{min(strange, key=repr)!r}"
        )
    # The same rows with the numbers of the training's classes.
    ids = np.searchsorted(target.classes, found.classes)[found.labels.ids].astype(np.int32)
    return texts, Labels(ids, found.labels.indptr, target.labels.names)


_KIND_NAMES = {
    "single": "one for each text",
    "lists": "a list for each text",
    "indicator": "a 0/1 matrix",
}


@_with_parameters
class FastTextClassifier(ClassifierMixin, _FastTextBase):
    """Classify texts by the averaged embeddings of their words and n-grams.

    Parameters
    ----------
    <parameters>

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    model_ : Model
        The trained model.
    history_ : History
        Loss of each epoch, and the learning rate that was used; with validation data, callbacks
        or `patience` also a report of each epoch (``history_.reports``).
    target_kind_ : str
        "single", "lists" (each text had a list of labels) or "indicator" (a 0/1 matrix).

    See Also
    --------
    FastTextTransformer : Document embeddings for other estimators.

    References
    ----------
    A. Joulin, E. Grave, P. Bojanowski, T. Mikolov: Bag of Tricks for Efficient Text
    Classification, 2016, arXiv:1607.01759.

    Examples
    --------
    >>> from fasttext_lite import FastTextClassifier
    >>> texts = ["red apples", "green apples", "fast cars", "slow cars"]
    >>> clf = FastTextClassifier(random_state=0).fit(texts, ["fruit", "fruit", "cars", "cars"])
    >>> clf.predict(["yellow apples", "old cars"]).tolist()
    ['fruit', 'cars']
    """

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation_data: Any = None,
        callbacks: Any = None,
    ) -> FastTextClassifier:
        """Train on texts and labels; what was learnt before is forgotten.

        Parameters
        ----------
        X : sequence of str, or of token lists
            List, array or Series. A list of str in place of a text is cut into tokens already.
        y : array-like of shape (n_texts,), list of lists of labels, or 0/1 matrix
            Labels of any type that sorts; several for each text in the last two forms.
        sample_weight : array-like of shape (n_texts,), optional
            Factor of each text's loss; only ratios matter, 0 leaves the text out.
        validation_data : pair (X, y), optional
            Texts and labels that are not trained on, to measure each epoch on. The labels must
            occur in the training's y. Without it, `patience` sets the share `valid_fraction` of
            the texts aside: these are not trained on.
        callbacks : callable, or list of callables, optional
            Called after each epoch with its report (`monitoring.EpochReport`: loss, accuracy,
            learning rate, ...); training ends when one returns True.

        Returns
        -------
        FastTextClassifier
            Itself.

        Raises
        ------
        TypeError
            If X is one string or holds something other than text, or a callback cannot be
            called.
        ValueError
            If a parameter, y or `validation_data` is not as described, or there are fewer than
            two labels.
        """
        self._fit(X, y, sample_weight, validation_data, callbacks)
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> FastTextClassifier:
        """Train one epoch on some texts, at a constant learning rate.

        New words and n-grams join the model; labels do not, so the first call needs all of
        them.  The idf weights follow the texts seen so far.  Of the parameters, `lr`,
        `label_smoothing` and `neg` may change between calls.  A call copies the model, so it
        costs time in proportion to the model: pass texts by the thousand, not one by one.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like, optional
            All labels that will ever occur; needed in the first call (unless y is a 0/1
            matrix) and may be left out later.

        Returns
        -------
        FastTextClassifier
            Itself.
        """
        config = self._config()
        n_threads = self._threads(training=True)
        started = hasattr(self, "_trainee")
        known: np.ndarray | None
        if started:
            if classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
                raise ValueError("classes differ from those of the first call of partial_fit")
            known, kind = self.classes_, self.target_kind_
        else:
            known, kind = None if classes is None else unique_labels(classes), None
            if known is None and not is_matrix(y):
                raise ValueError("classes must be passed on the first call to partial_fit")
        texts, target, weights = self._training_data(X, y, sample_weight, known, kind)
        seed = self._seed()
        if started:
            old = self._trainee.model
            new = resolve(config, len(old.labels), old.multilabel)
            changes = {name: getattr(new, name) for name in ("lr", "label_smoothing", "neg")}
            trainee = fitting.fit_more(
                self._trainee, texts, target.labels, config=old.config.replace(**changes),
                doc_weights=weights, seed=seed, n_threads=n_threads,
            )  # fmt: skip
        else:
            trainee = fitting.fit(
                texts, target.labels, config,
                doc_weights=weights, multilabel=target.kind != "single", seed=seed,
                n_threads=n_threads, one_pass=True,
            )  # fmt: skip
        self._keep(trainee, target)
        return self

    def predict(self, X: Any) -> Any:
        """Return the likeliest label of each text.

        Parameters
        ----------
        X : sequence of str, or of token lists

        Returns
        -------
        ndarray of shape (n_texts,)
            Labels in their own type. After training on label lists: a list of lists; after a
            0/1 matrix: a 0/1 matrix, int64 of shape (n_texts, n_classes); both hold the labels
            of probability 0.5 or more.
        """
        if "model_" in self.__dict__ and self.target_kind_ == "single":
            texts = X if type(X) is list else Texts.from_sequence(X)
            n_threads = None if self.n_jobs is None else self._threads(training=False)
            top = self.model_.predict(texts, n_threads=n_threads)
            _warn_of_unknown(top.n_features, 3)
            return self.classes_[top.labels[:, 0]]
        features = self._features(X)
        step = max(1, models.CHUNK_SCORES // len(self.classes_))
        chosen = [
            self._probabilities(features.slice(a, min(a + step, len(features))))
            >= MULTILABEL_THRESHOLD
            for a in range(0, max(len(features), 1), step)
        ]
        return self._as_target(chosen)

    def _as_target(self, chosen: list[np.ndarray]) -> Any:
        """Return label lists or a 0/1 matrix, as in training, of bool[n, n_classes] parts."""
        if self.target_kind_ == "indicator":
            return np.concatenate(chosen).astype(np.int64)
        return [self.classes_[row].tolist() for part in chosen for row in part]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each label.

        Parameters
        ----------
        X : sequence of str, or of token lists

        Returns
        -------
        ndarray of shape (n_texts, n_classes), float64
            Columns in the order of `classes_`. Rows sum to 1 if each text had one label in
            training; otherwise each label is judged by itself (all losses but softmax and hs).
        """
        self._check_fitted()
        texts = X if type(X) is list else Texts.from_sequence(X)
        n_threads = None if self.n_jobs is None else self._threads(training=False)
        result, n_features = self.model_.judge(texts, n_threads)
        _warn_of_unknown(n_features, 3)
        return self._normalized(result)

    def _probabilities(self, features: FeatureMatrix) -> np.ndarray:
        return self._normalized(self.model_.probabilities(features, self._threads(training=False)))

    def _normalized(self, result: np.ndarray) -> np.ndarray:
        """Make rows sum to 1, in place, where texts had one label each."""
        if self.target_kind_ == "single" and self.model_.config.loss not in ("softmax", "hs"):
            result[~result.any(axis=1)] = 1  # no label is likelier than another
            result /= result.sum(axis=1, keepdims=True)
        return result

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the score of each label.

        Parameters
        ----------
        X : sequence of str, or of token lists

        Returns
        -------
        ndarray of shape (n_texts, n_classes), float64
            Higher is likelier; for the loss hs the log-probabilities. With two classes of
            which each text has one: the log-odds of `predict_proba`, shape (n_texts,),
            positive for ``classes_[1]``.
        """
        features = self._features(X)
        is_binary = self.target_kind_ == "single" and len(self.classes_) == 2
        if is_binary and self.model_.config.loss not in ("softmax", "hs"):
            # Each label was judged by itself: the scores alone are in another order.
            scores = np.log(np.maximum(self._probabilities(features), np.finfo(float).tiny))
        else:
            scores = self.model_.scores(features, self._threads(training=False))
        return scores[:, 1] - scores[:, 0] if is_binary else scores

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of texts whose labels are predicted exactly.

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
            y = label_array(y)
        if self.target_kind_ != "lists":
            return float(accuracy_score(y, predicted, sample_weight=sample_weight))
        if len(y) != len(predicted):
            raise ValueError(
                f"X and y have inconsistent numbers of samples: {len(predicted)}, {len(y)}"
            )
        right = [set(a) == set(b) for a, b in zip(y, predicted, strict=True)]
        return float(np.average(right, weights=sample_weight))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model and the parameters to a file (`.ftl`) that `load` reads.

        Raises
        ------
        ModelError
            If the file cannot be written, or labels are neither text, numbers nor booleans.
        """
        check_is_fitted(self, "model_")
        save_model(self.model_, path, self._to_save())

    def quantize(self, X: Any = None, y: Any = None, **settings: Any) -> FastTextClassifier:
        """Return a copy with a smaller model, which cannot be trained further.

        With X and y, as in `fit`, the rows that are kept are trained on these once more.  The
        settings are those of `pruning.Settings`: size, cutoff, rows, step, dsub, qnorm.
        """
        from fasttext_lite.pruning import quantize_trainee

        self._check_fitted()
        data, n_threads = None, self._threads(training=X is not None)
        if X is not None:
            known, kind = self.classes_, self.target_kind_
            texts, target, weights = self._training_data(X, y, None, known, kind)
            data = texts, target.labels, weights
        other = copy.copy(self)
        other._trainee = quantize_trainee(
            self._trainee, settings, data, self._to_save(), self._seed(), n_threads
        )
        other.model_ = other._trainee.model
        return other

    def _to_save(self) -> dict[str, Any]:
        """Return parameters and classes as JSON values."""
        kind = self.classes_.dtype.kind
        if kind == "O" and all(isinstance(name, str) for name in self.classes_):
            kind = "U"
        if kind not in "Uiufb":
            raise ModelError(
                "labels must be text, numbers or booleans to be saved; these are "
                f"{self.classes_.dtype} (pickle keeps any type)"
            )
        parameters = self.get_params(deep=False)
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@_with_parameters
class FastTextTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _FastTextBase):
    """Turn texts into document embeddings learnt from labels.

    The embedding of a text is the hidden vector of a `FastTextClassifier` trained in the same
    way: the weighted sum of the embeddings of its words and n-grams.

    Parameters
    ----------
    <parameters>

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels of training, sorted.
    model_ : Model
        The trained model.
    history_ : History
        Loss of each epoch, and the learning rate that was used.
    target_kind_ : str
        "single", "lists" or "indicator".

    See Also
    --------
    FastTextClassifier : The classifier itself.
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> FastTextTransformer:
        """Train on texts and labels, as `FastTextClassifier.fit`."""
        self._fit(X, y, sample_weight)
        self._n_features_out = self.model_.hidden_size
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the embedding of each text, float32 of shape (n_texts, dim).

        A text without a known feature has the zero vector.
        """
        check_is_fitted(self, "model_")
        return self.model_.embed(Texts.from_sequence(X), self._threads(training=False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def load(path: str | os.PathLike[str]) -> FastTextClassifier:
    """Read a model file, written by `FastTextClassifier.save` or by the command line.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    FastTextClassifier
        Fitted. `partial_fit` goes on with fresh optimizer state (which matters to adagrad).

    Raises
    ------
    ModelError
        If the file is missing, corrupt, of another kind, or of a newer format.
    """
    from fasttext_lite.training import History
    from fasttext_lite.weights import stateless

    model, header = read_model(path)
    extra = header.get("estimator")
    if extra is None:
        model = model.sorted_by_label()
        extra = {
            "parameters": model.config.to_dict(),
            "classes": model.labels,
            "target_kind": "lists" if model.multilabel else "single",
        }
    classifier = from_saved(FastTextClassifier, extra, len(model.labels), path)
    classifier.model_ = model
    classifier.history_ = History()
    weights = stateless(model.config, model.embeddings, model.output, model.norm, model.layer)
    classifier._trainee = fitting.Trainee(model, weights, classifier.history_)
    return classifier


def from_saved(
    cls: type[FastTextClassifier],
    extra: dict[str, Any],
    n_labels: int,
    path: str | os.PathLike[str],
) -> FastTextClassifier:
    """Return a classifier with its parameters and classes as they were saved, without a model."""
    try:
        parameters = dict(extra["parameters"])
        if isinstance(parameters.get("class_weight"), list):
            parameters["class_weight"] = dict(map(tuple, parameters["class_weight"]))
        classifier = cls(**parameters)
        classifier.classes_ = np.array(extra["classes"])
        classifier.target_kind_ = extra["target_kind"]
        good = classifier.target_kind_ in ("single", "lists", "indicator")
        if not good or classifier.classes_.shape != (n_labels,):
            raise ValueError("the classes do not fit the labels")
        if not np.array_equal(unique_labels(classifier.classes_), classifier.classes_):
            raise ValueError("the classes are not sorted")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: the model file is damaged: {error}") from None
    return classifier
