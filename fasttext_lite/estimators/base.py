"""What all estimators share: parameters, settings, texts, threads."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.estimators.targets import Target, class_factors, read_target, sample_weights
from fasttext_lite.estimators.validation import make_watch
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.fitting.progress import progress_bar
from fasttext_lite.parallel import cpu_count

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


def with_parameters(cls: type) -> type:
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


class FastTextBase(BaseEstimator):
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
    ) -> FastTextBase:
        config = self._config()
        n_threads = self._threads(training=True)
        if not isinstance(self.verbose, int | np.integer | np.bool_) or self.verbose < 0:
            raise ValueError(f"verbose must be a whole number of at least 0; got {self.verbose!r}")
        seed = self._seed()
        texts, target, weights = self._training_data(X, y, sample_weight, None)
        watch = make_watch(target, validation_data, callbacks)
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
        warn_of_unknown(np.diff(features.indptr), 4)
        return features

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.target_tags.required = True
        tags.non_deterministic = self.n_jobs not in (None, 1)  # with random_state given
        return tags


def warn_of_unknown(n_features: np.ndarray, stacklevel: int) -> None:
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
