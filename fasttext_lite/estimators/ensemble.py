"""Several classifiers on the same features, whose probabilities are averaged.

Layout of the file that `FastTextEnsemble.save` writes, format version 1: a safetensors file
whose metadata has one key, ``fasttext-lite-ensemble``, with a JSON object of ``format_version``,
``created_by``, ``estimator`` (parameters and classes) and ``members`` (for each the header of a
model file, see `fasttext_lite.storage`). The arrays are those of model files: ``shared.NAME``
where all members have the same, else ``I.NAME`` for member I.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fasttext_lite.config import fields
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError
from fasttext_lite.estimators.classifier import MULTILABEL_THRESHOLD, FastTextClassifier, from_saved
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting import fit, prepare
from fasttext_lite.fitting.prepare import take_prepared
from fasttext_lite.fitting.progress import progress_bar
from fasttext_lite.model import model as models
from fasttext_lite.model.model import Model
from fasttext_lite.model.safetensors import check_writable
from fasttext_lite.model.storage import (
    ENSEMBLE_KEY,
    FORMAT_VERSION,
    pack,
    read_document,
    unpack,
    write_document,
)
from fasttext_lite.training.loop import History, train
from fasttext_lite.training.weights import stateless
from fasttext_lite.version import __version__

METHODS = ("seeds", "bagging", "snapshot")
_OWN = {"n_members": 5, "method": "seeds"}


def _with_own_parameters(cls: type) -> type:
    """Give a class the parameters of `FastTextClassifier` after its own."""
    base = inspect.signature(FastTextClassifier.__init__)
    own = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, default in _OWN.items()
    ]
    first, *others = base.parameters.values()
    signature = inspect.Signature([first, *own, *others])

    def __init__(self, **values: Any) -> None:  # noqa: N807 - it becomes the method
        try:
            bound = signature.bind(self, **values)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}") from None
        bound.apply_defaults()
        for name in (*_OWN, *(parameter.name for parameter in others)):
            setattr(self, name, bound.arguments[name])

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{cls.__name__}.__init__"
    __init__.__doc__ = "Store the parameters; they are checked by `fit`."
    cls.__init__ = __init__  # type: ignore[misc]
    return cls


@_with_own_parameters
class FastTextEnsemble(FastTextClassifier):
    """Average the probabilities of several classifiers trained on the same features.

    The features are extracted once and shared; training takes as long as for `n_members`
    classifiers.

    Parameters
    ----------
    n_members : int, default 5
        Number of classifiers.
    method : {"seeds", "bagging", "snapshot"}, default "seeds"
        How the members differ. Seeds: initial weights and order of the texts. Bagging: each is
        trained on a bootstrap sample of the texts (Breiman 1996); vocabulary and weights of
        features are those of all texts. Snapshot: the weights at the end of each of `n_members`
        cycles of one training, `epochs` each, in which the learning rate falls to 0 along a
        cosine and begins again (Huang et al. 2017); `schedule` is not used.
    **parameters
        Those of `FastTextClassifier`.

    Attributes
    ----------
    estimators_ : list of FastTextClassifier
        The members, fitted.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    target_kind_ : str
        "single", "lists" (each text had a list of labels) or "indicator" (a 0/1 matrix).

    References
    ----------
    G. Huang, Y. Li, G. Pleiss, Z. Liu, J. E. Hopcroft, K. Q. Weinberger: Snapshot Ensembles:
    Train 1, Get M for Free, 2017, arXiv:1704.00109.

    Examples
    --------
    >>> from fasttext_lite import FastTextEnsemble
    >>> texts = ["red apples", "green apples", "fast cars", "slow cars"]
    >>> labels = ["fruit", "fruit", "cars", "cars"]
    >>> ensemble = FastTextEnsemble(n_members=3, random_state=0).fit(texts, labels)
    >>> ensemble.predict(["yellow apples", "old cars"]).tolist()
    ['fruit', 'cars']
    """

    @property
    def partial_fit(self) -> Any:
        """Not available: an ensemble is trained by `fit` alone."""
        raise AttributeError(f"{type(self).__name__} has no partial_fit")

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any = None, callbacks: Any = None
    ) -> FastTextEnsemble:
        self._check()
        if validation_data is not None or callbacks is not None:
            raise ValueError(
                f"{type(self).__name__} takes neither validation_data nor callbacks; with patience "
                "each member sets texts of its own aside"
            )
        config = self._config()
        n_threads = self._threads(training=True)
        states = np.random.default_rng(self._seed()).integers(2**31 - 1, size=self.n_members)
        texts, target, weights = self._training_data(X, y, sample_weight, None)
        prepared = prepare.prepare(
            texts, target.labels, config,
            doc_weights=weights, multilabel=target.kind != "single", n_threads=n_threads,
        )  # fmt: skip
        members: list[FastTextClassifier] = []
        trainee = None
        for state in np.asarray(states).tolist():
            member = self._member(state)
            with progress_bar(len(texts) * config.epochs, bool(self.verbose)) as callback:
                trainee = self._train(prepared, member._seed(), n_threads, callback, trainee)
            member._keep(trainee, target)
            members.append(member)
        self.estimators_ = members
        self.classes_ = target.classes
        self.target_kind_ = target.kind
        return self

    def _check(self) -> None:
        n = self.n_members
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise ValueError(f"n_members must be a whole number of at least 1; got {n!r}")
        if not isinstance(self.method, str) or self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}; got {self.method!r}")
        if not isinstance(self.verbose, int | np.integer | np.bool_) or self.verbose < 0:
            raise ValueError(f"verbose must be a whole number of at least 0; got {self.verbose!r}")
        if self.pretrained_vectors is not None:
            raise ValueError("an ensemble does not take pretrained_vectors; leave them None")
        if self.method == "snapshot" and (self.l1 or self.averaging):
            raise ValueError("method='snapshot' cannot be combined with l1 or averaging")

    def _member(self, random_state: int | None) -> FastTextClassifier:
        parameters = {
            name: value for name, value in self.get_params(deep=False).items() if name not in _OWN
        }
        if self.method == "snapshot":
            parameters["schedule"] = "cosine"
        return FastTextClassifier(**{**parameters, "random_state": random_state})

    def _train(
        self,
        prepared: prepare.Prepared,
        seed: int,
        n_threads: int,
        callback: Callable[[Any], None],
        last: fit.Trainee | None,
    ) -> fit.Trainee:
        config = prepared.config
        if self.method == "snapshot":
            config = config.replace(schedule="cosine")
            if last is not None:
                return _next_cycle(prepared, config, last, seed, n_threads, callback)
        if self.method == "bagging":
            return _on_sample(prepared, seed, n_threads, callback)
        return fit.fit_prepared(prepared, config, seed=seed, n_threads=n_threads, callback=callback)

    def _member_features(self, X: Any) -> list[FeatureMatrix]:
        """Return each member's features of the texts, the same object where they are shared."""
        check_is_fitted(self, "estimators_")
        first = self.estimators_[0]
        shared = first._features(X)
        n_threads = self._threads(training=False)
        return [
            shared
            if member.model_.space is first.model_.space
            else member.model_.features(Texts.from_sequence(X), n_threads)
            for member in self.estimators_
        ]

    def _mean(self, features: list[FeatureMatrix], first: int, last: int) -> np.ndarray:
        """Return the mean of the members' probabilities for some of the documents."""
        total = np.zeros((last - first, len(self.classes_)))
        for member, own in zip(self.estimators_, features, strict=True):
            total += member._probabilities(own.slice(first, last))
        return total / len(self.estimators_)

    def predict(self, X: Any) -> Any:
        """Return the likeliest label of each text, by the mean of the probabilities.

        Parameters
        ----------
        X : sequence of str, or of token lists

        Returns
        -------
        ndarray of shape (n_texts,), or as in `FastTextClassifier.predict`
        """
        features = self._member_features(X)
        n = len(features[0])
        step = models.most_texts(len(self.classes_), len(self.classes_))
        parts = [
            self._mean(features, start, min(start + step, n)) for start in range(0, max(n, 1), step)
        ]
        if self.target_kind_ == "single":
            return self.classes_[np.concatenate([part.argmax(axis=1) for part in parts])]
        return self._as_target([part >= MULTILABEL_THRESHOLD for part in parts])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mean of the members' probabilities of each label.

        Parameters
        ----------
        X : sequence of str, or of token lists

        Returns
        -------
        ndarray of shape (n_texts, n_classes), float64
            Columns in the order of `classes_`.
        """
        features = self._member_features(X)
        return self._mean(features, 0, len(features[0]))

    def decision_function(self, X: Any) -> np.ndarray:
        """Return a score of each label, which orders them as `predict_proba` does.

        Parameters
        ----------
        X : sequence of str, or of token lists

        Returns
        -------
        ndarray of shape (n_texts, n_classes), float64
            Log-probabilities; log-odds where texts may have several labels. With two classes of
            which each text has one: log-odds of shape (n_texts,), positive for ``classes_[1]``.
        """
        found = np.maximum(self.predict_proba(X), np.finfo(float).tiny)
        if self.target_kind_ != "single":
            return np.log(found) - np.log(np.maximum(1 - found, np.finfo(float).tiny))
        if len(self.classes_) == 2:
            return np.log(found[:, 1]) - np.log(found[:, 0])
        return np.log(found)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write members and parameters to one file that `FastTextEnsemble.load` reads.

        Raises
        ------
        ModelError
            If the file cannot be written, or labels are neither text, numbers nor booleans.
        """
        check_is_fitted(self, "estimators_")
        check_writable(path)
        packed = [pack(member.model_) for member in self.estimators_]
        tensors: dict[str, np.ndarray] = {}
        for name in sorted({name for _, own in packed for name in own}):
            arrays = [own[name] for _, own in packed if name in own]
            same = len(arrays) == len(packed) and all(
                np.array_equal(array, arrays[0]) for array in arrays[1:]
            )
            if same and len(packed) > 1:
                tensors[f"shared.{name}"] = arrays[0]
                continue
            for i, (_, own) in enumerate(packed):
                if name in own:
                    tensors[f"{i}.{name}"] = own[name]
        header = {
            "format_version": FORMAT_VERSION,
            "created_by": f"fasttext-lite {__version__}",
            "estimator": self._to_save(),
            "members": [header for header, _ in packed],
        }
        write_document(path, header, tensors, ENSEMBLE_KEY)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FastTextEnsemble:
        """Read a file that `save` has written.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        FastTextEnsemble
            Fitted.

        Raises
        ------
        ModelError
            If the file is missing, corrupt, of another kind, or of a newer format.
        """
        path = os.fsdecode(path)
        header, tensors = read_document(path, ENSEMBLE_KEY)
        try:
            found = _members(header, tensors)
            extra = dict(header["estimator"])
        except (KeyError, ValueError, TypeError, OverflowError, AttributeError) as error:
            text = " ".join(str(error).split())[:200]
            raise ModelError(f"{path}: the ensemble's file is damaged: {text}") from None
        ensemble = from_saved(cls, extra, len(found[0].labels), path)
        assert isinstance(ensemble, FastTextEnsemble)
        if len(found) != ensemble.n_members:
            raise ModelError(f"{path}: the ensemble's file is damaged: members are missing")
        ensemble.estimators_ = []
        for model in found:
            member = ensemble._member(None)
            member.classes_, member.target_kind_ = ensemble.classes_, ensemble.target_kind_
            member.model_, member.history_ = model, History()
            weights = stateless(
                model.config, model.embeddings, model.output, model.norm, model.layer
            )
            member._trainee = fit.Trainee(model, weights, member.history_)
            ensemble.estimators_.append(member)
        return ensemble


def _on_sample(
    prepared: prepare.Prepared, seed: int, n_threads: int, callback: Callable[[Any], None]
) -> fit.Trainee:
    """Train on texts drawn with replacement: each once, weighted with how often it was drawn."""
    n, labels = len(prepared.labels), prepared.labels
    drawn = np.random.default_rng([seed, 8]).multinomial(n, np.full(n, 1 / n))
    chosen = np.flatnonzero(drawn)
    weights = drawn[chosen].astype(np.float32)
    if prepared.doc_weights is not None:
        weights *= prepared.doc_weights[chosen]
    trainee = fit.fit_prepared(
        take_prepared(prepared, chosen, weights),
        seed=seed, n_threads=n_threads, callback=callback,
    )  # fmt: skip
    # The class prior is that of the sample, which has as many texts as there are.
    counts = np.bincount(
        labels.ids, np.repeat(drawn, np.diff(labels.indptr)), minlength=len(labels.names)
    )
    trainee.model.n_texts = n
    trainee.model.label_counts = counts.astype(np.int64)
    return trainee


def _next_cycle(
    prepared: prepare.Prepared,
    config: Config,
    last: fit.Trainee,
    seed: int,
    n_threads: int,
    callback: Callable[[Any], None],
) -> fit.Trainee:
    """Train on from the last weights, with a fresh state of the optimizer."""
    old = last.model
    tables = (last.weights.embeddings, last.weights.output, last.weights.norm, last.weights.layer)
    weights, history = train(
        lambda: stateless(old.config, *(table.copy() for table in tables)),
        prepared.features,
        prepared.labels,
        old.config,
        tree=old.tree,
        doc_weights=prepared.doc_weights,
        blank=False,
        seed=seed,
        n_threads=n_threads,
        callback=callback,
    )
    model = old.replace(
        embeddings=weights.embeddings, output=weights.output, norm=weights.norm,
        layer=weights.layer, packed=None,
    )  # fmt: skip
    return fit.Trainee(model, weights, history)


def _members(header: dict[str, Any], tensors: dict[str, np.ndarray]) -> list[Model]:
    """Return the models of an ensemble's file; those with the same features share them."""
    headers = header["members"]
    if not isinstance(headers, list) or not headers:
        raise ValueError("its header has no members")
    known = {"shared", *map(str, range(len(headers)))}
    parts: dict[str, dict[str, np.ndarray]] = {name: {} for name in known}
    for name, array in tensors.items():
        owner, _, rest = name.partition(".")
        if owner not in known:
            raise ValueError(f"it has an array {name}")
        parts[owner][rest] = array
    found: list[Model] = []
    for i, own in enumerate(headers):
        if not isinstance(own, dict):
            raise ValueError("its header is unreadable")
        model = unpack(own, {**parts["shared"], **parts[str(i)]})
        first = found[0] if found else model
        if model.labels != first.labels:
            raise ValueError("its members have different labels")
        if {"words", "word_ends", "row_codes", "frequency"} <= set(parts["shared"]):
            same = all(
                getattr(model.config, name) == getattr(first.config, name)
                for name in fields.FEATURE_FIELDS
            )
            if not same or model.n_texts != first.n_texts:
                raise ValueError("its members have different features")
            model.space = first.space
        found.append(model)
    return found
