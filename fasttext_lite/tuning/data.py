"""Data of a search for settings: texts to train and to validate on, their features by setting."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import make_folds, set_aside
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting import prepare
from fasttext_lite.fitting.vectors import Pretrained, join_vectors
from fasttext_lite.model.size import Extent
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.tuning.judging import VALID_SHARE, choose_folds
from fasttext_lite.tuning.log import TuningError, fingerprint

CACHE_BYTES = 1 << 30  # of features kept for later trials

# Texts with labels, and what each weighs (float32[n_texts], None: all the same).
Rows: TypeAlias = tuple[Texts, Labels, np.ndarray | None]
MoreTexts: TypeAlias = Callable[[Texts, Labels, np.ndarray | None, bool], Rows | None]


@dataclass(frozen=True)
class TuningData:
    """Labelled texts to train on and to validate on.

    Attributes
    ----------
    texts, labels : Texts, Labels
        To train on in trials.
    valid_texts, valid_labels : Texts, Labels
        The names of the labels are those of `labels`, then any others.
    multilabel : bool
        Whether texts may have several labels or none.
    doc_weights : float32[n_texts], optional
    whole : tuple of (Texts, Labels, float32 or None), optional
        Training and validation texts together, where the latter were set aside.
    other_folds : tuple of TuningData
        With cross-validation, the other ways to divide the same texts.
    """

    texts: Texts
    labels: Labels
    valid_texts: Texts
    valid_labels: Labels
    multilabel: bool
    doc_weights: np.ndarray | None = None
    whole: Rows | None = None
    other_folds: tuple[TuningData, ...] = ()

    @classmethod
    def divide(
        cls,
        texts: Texts,
        labels: Labels,
        *,
        multilabel: bool,
        doc_weights: np.ndarray | None = None,
        n_folds: int | None = None,
        seed: int = 0,
    ) -> TuningData:
        """Set texts aside to validate on, alike in their labels.

        Parameters
        ----------
        texts, labels, multilabel, doc_weights
        n_folds : int, optional
            For cross-validation; 1: a share of `VALID_SHARE` is set aside. Default: what
            `choose_folds` says.
        seed : int

        Raises
        ------
        TuningError
            If that leaves too few texts.
        """
        n_folds = n_folds or choose_folds(len(texts))
        if n_folds == 1:
            parts = [set_aside(labels, VALID_SHARE, seed)]
        else:
            parts = make_folds(labels, n_folds, seed)
        if any(len(train) < 2 or len(valid) < 2 for train, valid in parts):
            raise TuningError(
                f"{len(texts)} rows are too few to set some of them aside; give validation data "
                "of their own"
            )
        whole = (texts, labels, doc_weights)
        first, *others = (
            cls(
                texts.take(train),
                labels.take(train),
                texts.take(valid),
                labels.take(valid),
                multilabel,
                None if doc_weights is None else doc_weights[train],
                whole,
            )
            for train, valid in parts
        )
        return replace(first, other_folds=tuple(others))

    def with_more(self, more: MoreTexts, seconds: float | None = None) -> TuningData:
        """Return the data with more texts to train on, in each fold and in the end.

        Folds that there is no time for are left out.

        Parameters
        ----------
        more : callable
            Given texts, labels and weights to train on, and whether it must be tried if they
            help; returns these with others, or None where they do not help.
        seconds : float, optional
            That it may take, about.
        """
        start = time.perf_counter()
        texts, labels, weights = self.whole or (self.texts, self.labels, self.doc_weights)
        whole = more(texts, labels, weights, True)
        if whole is None:
            return self
        if self.whole is None:
            return replace(self, texts=whole[0], labels=whole[1], doc_weights=whole[2])
        taken = time.perf_counter() - start
        most = len(self.folds) if seconds is None else int(seconds / max(taken, 1e-3)) - 1
        folds = self.folds[: max(most, 1)]
        first, *others = (fold._with_more(more, whole) for fold in folds)
        return replace(first, other_folds=tuple(others))

    def _with_more(self, more: MoreTexts, whole: Rows) -> TuningData:
        found = more(self.texts, self.labels, self.doc_weights, False)
        if found is None:
            return replace(self, whole=whole, other_folds=())
        texts, labels, weights = found
        return replace(
            self, texts=texts, labels=labels, doc_weights=weights, whole=whole, other_folds=()
        )

    @property
    def folds(self) -> tuple[TuningData, ...]:
        """All ways to divide the texts; this one comes first."""
        return (self, *self.other_folds)

    @property
    def n_judged(self) -> int:
        """Number of texts that a trial is judged by."""
        return sum(len(fold.valid_texts) for fold in self.folds)

    @property
    def n_whole(self) -> int:
        """Number of texts of the final training."""
        return len(self.texts if self.whole is None else self.whole[0])

    def fingerprint(self) -> str:
        """Return a hash of all of it."""
        parts: list[Texts | Labels | np.ndarray | None] = []
        for fold in self.folds:
            parts += [fold.texts, fold.labels, fold.doc_weights]
            parts += [fold.valid_texts, fold.valid_labels]
        return fingerprint(*parts)


@dataclass(frozen=True)
class TrialFeatures:
    """Features of the training texts and of the validation texts."""

    prepared: prepare.Prepared
    valid: FeatureMatrix

    @property
    def n_bytes(self) -> int:
        """Memory that they take, about."""
        space, parts = self.prepared.model_space, (self.prepared.features, self.valid)
        arrays = [array for part in parts for array in (part.ids, part.weights, part.indptr)]
        tables = 4 * (space.config.bucket + 4 * space.n_rows) + space.pool.size
        vectors = self.prepared.vectors
        if vectors is not None:
            arrays += [vectors.vectors, vectors.added]
        return sum(array.nbytes for array in arrays) + tables


class FeatureCache:
    """Features of each fold by their settings: made once, those used last are kept.

    Attributes
    ----------
    kept : OrderedDict of TrialFeatures
    seconds : float
        That making features of a fold has taken of late.
    """

    def __init__(
        self, data: TuningData, n_threads: int, pretrained: Pretrained | None = None
    ) -> None:
        self.data, self.n_threads, self.pretrained = data, n_threads, pretrained
        self.kept: OrderedDict[tuple, TrialFeatures] = OrderedDict()
        self.seconds = 0.0
        self._extents: dict[tuple, Extent] = {}
        self._most_entries = 0

    def n_missing(self, config: Config) -> int:
        """Return the number of folds whose features would have to be made."""
        return sum(_key(config, k) not in self.kept for k in range(len(self.data.folds)))

    def get(self, config: Config, fold: int = 0) -> TrialFeatures:
        """Return the features that some settings ask for, of a fold."""
        key = _key(config, fold)
        if key not in self.kept:
            start = time.perf_counter()
            data, n = self.data.folds[fold], self.n_threads
            prepared = prepare.prepare(
                data.texts, data.labels, config,
                doc_weights=data.doc_weights, multilabel=data.multilabel, n_threads=n,
            )  # fmt: skip
            prepared = join_vectors(prepared, self.pretrained, n)
            valid = prepared.model_space.transform(analyze(data.valid_texts, config, n), n)
            self.kept[key] = TrialFeatures(prepared, valid)
            while len(self.kept) > 1 and sum(f.n_bytes for f in self.kept.values()) > CACHE_BYTES:
                self.kept.popitem(last=False)
            self.seconds = max(self.seconds / 2, time.perf_counter() - start)
            self._most_entries = max(self._most_entries, prepared.features.ids.size)
        self.kept.move_to_end(key)
        return self.kept[key]

    def n_entries(self, config: Config) -> float:
        """Return how many features the training texts of a fold have, or may have."""
        kept = self.kept.get(_key(config))
        return kept.prepared.features.ids.size if kept else 1.3 * self._most_entries

    def extent(self, config: Config) -> Extent:
        """Return what the features of the final training take."""
        key = _key(config)
        if key not in self._extents:
            if self.data.whole is None:
                prepared = self.get(config).prepared
            else:
                texts, labels, _ = self.data.whole
                multilabel = self.data.multilabel
                prepared = prepare.prepare(
                    texts, labels, config, multilabel=multilabel, n_threads=self.n_threads
                )
                prepared = join_vectors(prepared, self.pretrained, self.n_threads)
            space, vectors = prepared.model_space, prepared.vectors
            n_added = 0 if vectors is None else len(vectors.added)
            self._extents[key] = Extent(space.n_rows, space.n_words, space.pool.size, n_added)
        return self._extents[key]


def _key(config: Config, fold: int = 0) -> tuple:
    """Return a fold, and the values of the settings that decide which features texts have."""
    return (fold, *(getattr(config, name) for name in FEATURE_FIELDS))
