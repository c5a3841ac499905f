"""Several classifiers on the same features, whose probabilities are averaged."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fasttext_lite.config.effects import Remark
from fasttext_lite.config.foreign import not_a_choice, with_advice
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError, SettingError
from fasttext_lite.estimators.base import (
    ADVISER,
    TextClassifier,
    from_saved,
    known_features,
    probabilities,
    run_of,
    set_fitted,
    training_data,
)
from fasttext_lite.estimators.classifier import FastTextClassifier
from fasttext_lite.estimators.ensemble_file import read_ensemble, write_ensemble
from fasttext_lite.estimators.parameters import (
    check_verbose,
    config_of,
    given_to,
    idle_words,
    in_constructor,
    pretrained_of,
    seed_of,
    threads_of,
    with_parameters,
)
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.fitting import prepare
from fasttext_lite.fitting.ladder import choose
from fasttext_lite.fitting.prepared import Prepared, take_prepared
from fasttext_lite.fitting.progress import progress_bar, shown
from fasttext_lite.fitting.vectors import join_vectors, with_vectors
from fasttext_lite.model import model as models
from fasttext_lite.model.decisions import MULTILABEL_THRESHOLD
from fasttext_lite.model.model import Model

METHODS = ("seeds", "bagging", "snapshot")


@with_parameters({"n_members": 5, "method": "seeds"})
class FastTextEnsemble(TextClassifier):
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

    @with_advice(in_constructor)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation_data: Any = None,
        callbacks: Any = None,
    ) -> FastTextEnsemble:
        """Train the members on texts and labels; what was learnt before is forgotten.

        Parameters
        ----------
        X, y, sample_weight
            As in `FastTextClassifier.fit`.
        validation_data, callbacks : None
            Nobody watches an ensemble's training.

        Returns
        -------
        FastTextEnsemble
            Itself.

        Raises
        ------
        TypeError
            If X is one string or holds something other than text.
        ValueError
            If a parameter or y is not as described, or `validation_data` or `callbacks` are given.
        """
        self._check()
        self._refuse(validation_data, callbacks)
        config = config_of(self)
        if self.method == "snapshot":
            config = config.replace(schedule="cosine")
        n_threads = threads_of(self, training=True)
        states = np.random.default_rng(seed_of(self)).integers(2**31 - 1, size=self.n_members)
        texts, target, weights, *_ = training_data(self, X, y, sample_weight)
        ADVISER.look_before(config, given_to(self), texts.token_ends is not None)
        pretrained = pretrained_of(self)
        prepared = prepare.prepare(
            texts, target.labels, with_vectors(config, pretrained),
            doc_weights=weights, multilabel=target.kind != "single", n_threads=n_threads,
        )  # fmt: skip
        prepared = join_vectors(prepared, pretrained, n_threads)
        prepared = choose(prepared, seed_of(self), n_threads)
        prepared = dataclasses.replace(prepared, run=run_of(self, target, sample_weight))
        members: list[FastTextClassifier] = []
        trainee = None
        for number, state in enumerate(np.asarray(states).tolist(), 1):
            member, name = self._member(state), f"member {number}/{self.n_members}: "
            how: dict[str, Any] = {"seed": seed_of(member), "n_threads": n_threads}
            how["watch"] = shown(None, config, name) if self.verbose else None
            with progress_bar(len(texts) * config.epochs, bool(self.verbose), name) as show:
                trainee = self._train(prepared, trainee, callback=show, **how)
            set_fitted(member, trainee, target.classes, target.kind)
            members.append(member)
        ADVISER.look_after(members[0].model_.config, given_to(self), len(target.classes))
        self.estimators_ = members
        self.classes_, self.target_kind_ = target.classes, target.kind
        return self

    def _refuse(self, validation_data: Any, callbacks: Any) -> None:
        if validation_data is not None or callbacks is not None:
            raise ValueError(
                f"{type(self).__name__} takes neither validation_data nor callbacks; with patience "
                "each member sets texts of its own aside"
            )

    def _check(self) -> None:
        n = self.n_members
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise SettingError(f"n_members must be a whole number of at least 1; got {n!r}")
        if not isinstance(self.method, str) or self.method not in METHODS:
            raise SettingError(not_a_choice("method", self.method, METHODS))
        check_verbose(self)
        ADVISER.say(idle_words(self))
        if self.method == "snapshot" and (self.l1 or self.averaging):
            raise SettingError("method='snapshot' cannot be combined with l1 or averaging")
        if self.method == "snapshot" and self.schedule not in ("linear", "cosine"):
            ADVISER.say(Remark("schedule", "has no effect: method snapshot has cosines of its own"))

    def _any_model(self) -> Model | None:
        members = getattr(self, "estimators_", None)
        return members[0].model_ if members else None

    def _member(self, random_state: int | None) -> FastTextClassifier:
        parameters = self.get_params(deep=False)
        del parameters["n_members"], parameters["method"]
        if self.method == "snapshot":
            parameters["schedule"] = "cosine"
        return FastTextClassifier(**{**parameters, "random_state": random_state})

    def _train(
        self, prepared: Prepared, last: fitting.Trainee | None, **how: Any
    ) -> fitting.Trainee:
        """Train a member; `last` is the one before it, `how` as of `fit_prepared`."""
        if self.method == "bagging":
            return _fit_on_sample(prepared, **how)
        if self.method == "snapshot" and last is not None:
            del how["watch"]  # patience has no say in a cycle
            return fitting.fit_cycle(last, prepared, **how)
        return fitting.fit_prepared(prepared, **how)

    def _features(self, X: Any, stacklevel: int) -> list[FeatureMatrix]:
        """Return each member's features of the texts, the same object where they are shared."""
        check_is_fitted(self, "estimators_")
        n_threads = threads_of(self, training=False)
        first = self.estimators_[0].model_
        shared = known_features(first, X, n_threads, stacklevel + 1)
        return [
            shared
            if member.model_.space is first.space
            else member.model_.features(Texts.from_sequence(X), n_threads)
            for member in self.estimators_
        ]

    def _mean(self, features: list[FeatureMatrix], first: int, last: int) -> np.ndarray:
        """Return the mean of the members' probabilities for some of the documents."""
        total = np.zeros((last - first, len(self.classes_)))
        n_threads = threads_of(self, training=False)
        for member, own in zip(self.estimators_, features, strict=True):
            part = own.slice(first, last)
            total += probabilities(member.model_, self.target_kind_, part, n_threads)
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
        features = self._features(X, 2)
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
        features = self._features(X, 2)
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
        features = self._features(X, 2)
        found = np.maximum(self._mean(features, 0, len(features[0])), np.finfo(float).tiny)
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
        config = self.estimators_[0].model_.config
        write_ensemble(path, [member.model_ for member in self.estimators_], self._to_save(config))

    @classmethod
    def load(cls, path: str | os.PathLike[str], mmap: bool | None = None) -> FastTextEnsemble:
        """Read a file that `save` has written.

        Parameters
        ----------
        path : path-like
        mmap : bool, optional
            As of `fasttext_lite.load`.

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
        found, extra = read_ensemble(path, mmap)
        ensemble = from_saved(cls, extra, len(found[0].labels), path)
        if len(found) != ensemble.n_members:
            raise ModelError(f"{path}: the ensemble's file is damaged: members are missing")
        ensemble.estimators_ = []
        for model in found:
            member = ensemble._member(None)
            trainee = fitting.Trainee.of_model(model)
            set_fitted(member, trainee, ensemble.classes_, ensemble.target_kind_)
            ensemble.estimators_.append(member)
        return ensemble


def _fit_on_sample(prepared: Prepared, seed: int, **how: Any) -> fitting.Trainee:
    """Train on texts drawn with replacement: each once, weighted with how often it was drawn."""
    n, labels = len(prepared.labels), prepared.labels
    drawn = np.random.default_rng([seed, 8]).multinomial(n, np.full(n, 1 / n))
    chosen = np.flatnonzero(drawn)
    weights = drawn[chosen].astype(np.float32)
    if prepared.doc_weights is not None:
        weights *= prepared.doc_weights[chosen]
    trainee = fitting.fit_prepared(
        take_prepared(prepared, chosen, weights), seed=seed, **how,
    )  # fmt: skip
    # The class prior is that of the sample, which has as many texts as there are.
    counts = np.bincount(
        labels.ids, np.repeat(drawn, np.diff(labels.indptr)), minlength=len(labels.names)
    )
    trainee.model = trainee.model.replace(n_texts=n, label_counts=counts.astype(np.int64))
    return trainee
