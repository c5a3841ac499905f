"""Chosen rows of texts, features and labels, and which rows to set aside for validation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fasttext_lite.compiled.arrays import ragged_entries


@dataclass(frozen=True)
class Labels:
    """Label ids of documents in compressed rows, and the names behind the ids.

    Attributes
    ----------
    ids : int32[n_label_occurrences]
        Label of row i: ``ids[indptr[i]:indptr[i + 1]]``; -1 = a label that `names` lacks.
    indptr : int64[n_docs + 1]
    names : list of str
    """

    ids: np.ndarray
    indptr: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return self.indptr.size - 1

    @property
    def is_multilabel(self) -> bool:
        """Whether any row has other than exactly one label."""
        return bool(np.any(np.diff(self.indptr) != 1))

    def counts(self) -> np.ndarray:
        """Return how often each label occurs, int64[n_labels]."""
        return np.bincount(self.ids[self.ids >= 0], minlength=len(self.names))

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[str]], names: list[str] | None = None) -> Labels:
        """Give the labels of each row numbers.

        With `names` None they are numbered by falling frequency, ties by first occurrence (as
        fastText orders its labels); otherwise by `names`, and others get id -1.
        """
        indptr = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=indptr[1:])
        flat = list(itertools.chain.from_iterable(rows))
        seen = list(dict.fromkeys(flat)) if names is None else names
        index = {name: i for i, name in enumerate(seen)}
        ids = np.fromiter((index.get(name, -1) for name in flat), np.int32, len(flat))
        labels = cls(ids, indptr, seen)
        return labels.by_frequency() if names is None else labels

    def by_frequency(self) -> Labels:
        """Return the labels that occur by falling frequency, ties by their number here."""
        counts = self.counts()
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        numbers = np.full(counts.size + 1, -1, np.int32)  # the last for -1
        numbers[order] = np.arange(order.size)
        return Labels(numbers[self.ids], self.indptr, [self.names[i] for i in order.tolist()])

    def renamed(self, names: Sequence[str]) -> Labels:
        """Return the labels numbered by the given names; those of other names get id -1."""
        index = {name: i for i, name in enumerate(names)}
        numbers = np.array([*(index.get(name, -1) for name in self.names), -1], np.int32)
        return Labels(numbers[self.ids], self.indptr, list(names))

    def take(self, chosen: np.ndarray) -> Labels:
        """Return the labels of the chosen rows, in that order, by the same names."""
        indptr = np.append(0, np.cumsum(np.diff(self.indptr)[chosen]))
        shifts = np.repeat(self.indptr[chosen] - indptr[:-1], np.diff(indptr))
        return Labels(self.ids[np.arange(indptr[-1]) + shifts], indptr, self.names)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the names of each row's labels, without those that have none."""
        names = [self.names[i] if i >= 0 else None for i in self.ids.tolist()]
        bounds = itertools.pairwise(self.indptr.tolist())
        return [tuple(name for name in names[a:b] if name is not None) for a, b in bounds]

    def without_repeats(self) -> Labels:
        """Return each row with each of its labels once, where it came first."""
        if not self.is_multilabel:
            return self
        row = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        _, first = np.unique(row * (len(self.names) + 1) + self.ids, return_index=True)
        if first.size == self.ids.size:
            return self
        first.sort()
        counts = np.bincount(row[first], minlength=len(self))
        return Labels(self.ids[first], np.append(0, np.cumsum(counts)), self.names)

    def used(self) -> list[str]:
        """Return the names that occur."""
        return [name for name, n in zip(self.names, self.counts().tolist(), strict=True) if n]


def take_labels(labels: Labels, chosen: np.ndarray) -> Labels:
    """Return the labels of the chosen rows, in that order; the names stay."""
    indptr, entries = ragged_entries(labels.indptr, chosen)
    return Labels(labels.ids[entries], indptr, labels.names)


def set_aside(labels: Labels, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide rows into a part to train on and a part to validate on, alike in their labels.

    Rows are grouped by their rarest label, and each group gives about the same share. A label
    keeps at least one row to train on.

    Parameters
    ----------
    labels : Labels
    share : float
        Of the rows that are set aside, in (0, 1).
    seed : int

    Returns
    -------
    train, valid : int64
        Numbers of rows, ascending.
    """
    n, counts = len(labels), labels.counts()
    rank = np.empty(counts.size, np.int64)
    rank[np.argsort(counts, kind="stable")] = np.arange(counts.size)
    sizes = np.diff(labels.indptr)
    docs = np.repeat(np.arange(n), sizes)
    group = np.full(n, counts.size)
    np.minimum.at(group, docs, rank[labels.ids])
    rng = np.random.default_rng([seed, 5])
    order = rng.permutation(n)
    order = order[np.argsort(group[order], kind="stable")]
    steps = np.floor(np.arange(n + 1) * share + rng.random())
    aside = np.zeros(n, bool)
    aside[order[np.diff(steps) > 0]] = True
    kept = np.bincount(labels.ids[~aside[docs]], minlength=counts.size)
    by_label = docs[np.argsort(labels.ids, kind="stable")]
    ends = np.cumsum(counts)
    for label in np.flatnonzero((kept == 0) & (counts > 0)):
        own = by_label[ends[label] - counts[label] : ends[label]]
        if aside[own].all():  # not brought back for another label
            aside[own[0]] = False
    return np.flatnonzero(~aside), np.flatnonzero(aside)
