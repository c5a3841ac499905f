"""Data of a search for settings: rows, their features by setting, and sizes of models."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import set_aside
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting import prepare
from fasttext_lite.model.model import Model
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.tuning.log import TuningError, fingerprint

VALID_SHARE = 0.1
CACHE_BYTES = 1 << 30  # of features kept for later trials


@dataclass(frozen=True)
class TuningData:
    """Rows to train on and rows to validate on.

    Attributes
    ----------
    texts, labels : Texts, Labels
        To train on in trials.
    valid_texts, valid_labels : Texts, Labels
        The names of the labels are those of `labels`, then any others.
    multilabel : bool
        Whether rows may have several labels or none.
    doc_weights : float32[n_texts], optional
    whole : tuple of (Texts, Labels, float32 or None), optional
        Training and validation rows together, where the latter were set aside.
    """

    texts: Texts
    labels: Labels
    valid_texts: Texts
    valid_labels: Labels
    multilabel: bool
    doc_weights: np.ndarray | None = None
    whole: tuple[Texts, Labels, np.ndarray | None] | None = None

    @classmethod
    def divide(
        cls,
        texts: Texts,
        labels: Labels,
        *,
        multilabel: bool,
        doc_weights: np.ndarray | None = None,
        share: float = VALID_SHARE,
        seed: int = 0,
    ) -> TuningData:
        """Set a share of the rows aside to validate on, alike in their labels.

        Raises
        ------
        TuningError
            If that leaves too few rows.
        """
        train, valid = set_aside(labels, share, seed)
        if len(train) < 2 or len(valid) < 2:
            raise TuningError(
                f"{len(texts)} rows are too few to set {share:.0%} of them aside; give validation "
                "data of their own"
            )
        return cls(
            texts.take(train),
            labels.take(train),
            texts.take(valid),
            labels.take(valid),
            multilabel,
            None if doc_weights is None else doc_weights[train],
            (texts, labels, doc_weights),
        )

    @property
    def n_whole(self) -> int:
        """Number of rows of the final training."""
        return len(self.texts if self.whole is None else self.whole[0])

    def fingerprint(self) -> str:
        """Return a hash of all of it."""
        return fingerprint(
            self.texts, self.labels, self.doc_weights, self.valid_texts, self.valid_labels
        )


@dataclass(frozen=True)
class Cut:
    """Features of the training rows and of the validation rows."""

    prepared: prepare.Prepared
    valid: FeatureMatrix

    @property
    def n_bytes(self) -> int:
        """Memory that they take, about."""
        space, parts = self.prepared.space, (self.prepared.features, self.valid)
        arrays = [array for part in parts for array in (part.ids, part.weights, part.indptr)]
        tables = 4 * (space.config.bucket + 4 * space.n_rows) + space.pool.size
        return sum(array.nbytes for array in arrays) + tables


@dataclass(frozen=True)
class Extent:
    """What the size of a model depends on, apart from its settings."""

    n_rows: int
    n_words: int
    n_pool: int


class Cuts:
    """Features by their settings: made once, those used last are kept."""

    def __init__(self, data: TuningData, n_threads: int) -> None:
        self.data, self.n_threads = data, n_threads
        self.kept: OrderedDict[tuple, Cut] = OrderedDict()
        self.extents: dict[tuple, Extent] = {}
        self.seconds = 0.0  # of late
        self.n_entries = 0  # most so far

    def __contains__(self, config: Config) -> bool:
        return feature_key(config) in self.kept

    def get(self, config: Config) -> Cut:
        """Return the features that some settings ask for."""
        key = feature_key(config)
        if key not in self.kept:
            start = time.perf_counter()
            data, n = self.data, self.n_threads
            prepared = prepare.prepare(
                data.texts, data.labels, config,
                doc_weights=data.doc_weights, multilabel=data.multilabel, n_threads=n,
            )  # fmt: skip
            valid = prepared.space.transform(analyze(data.valid_texts, config, n), n)
            self.kept[key] = Cut(prepared, valid)
            while len(self.kept) > 1 and sum(c.n_bytes for c in self.kept.values()) > CACHE_BYTES:
                self.kept.popitem(last=False)
            self.seconds = max(self.seconds / 2, time.perf_counter() - start)
            self.n_entries = max(self.n_entries, prepared.features.ids.size)
        self.kept.move_to_end(key)
        return self.kept[key]

    def extent(self, config: Config) -> Extent:
        """Return what the features of the final training take."""
        key = feature_key(config)
        if key not in self.extents:
            if self.data.whole is None:
                space = self.get(config).prepared.space
            else:
                texts, labels, _ = self.data.whole
                multilabel = self.data.multilabel
                space = prepare.prepare(
                    texts, labels, config, multilabel=multilabel, n_threads=self.n_threads
                ).space
            self.extents[key] = Extent(space.n_rows, space.n_words, space.pool.size)
        return self.extents[key]


def feature_key(config: Config) -> tuple:
    """Return the values of the settings that decide which features texts have."""
    return tuple(getattr(config, name) for name in FEATURE_FIELDS)


def model_bytes(config: Config, labels: list[str], n_rows: int, n_words: int, n_pool: int) -> int:
    """Return an upper bound of the size of a saved model, a few kB above the true size.

    Parameters
    ----------
    config : Config
        Resolved.
    labels : list of str
    n_rows, n_words : int
        Rows of the input table; words among them.
    n_pool : int
        Bytes of these words.
    """
    n_labels, dim, units = len(labels), config.dim or 0, config.units
    tables = n_rows * (4 * dim + 12) + 4 * n_labels * (units or dim)
    tables += 16 * dim + 8 * units * (dim + 1)  # a norm and a hidden layer
    names = len(json.dumps(json.dumps(labels)))
    settings = len(json.dumps(json.dumps(config.to_dict())))
    return tables + n_pool + 8 * n_words + 16 * n_labels + names + settings + 2048


def extent_of(model: Model) -> Extent:
    """Return what the features of a model take."""
    space = model.space
    return Extent(space.n_rows, space.n_words, space.pool.size)
