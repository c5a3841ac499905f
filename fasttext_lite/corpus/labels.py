"""The labels of documents, as numbers and the names behind them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fasttext_lite.compiled.arrays import take_ragged

_PART = 1 << 20  # numbers worked on at a time: arrays of very many texts lie in files


def without_prefix(label: str, prefix: str) -> str:
    """Return a label without the prefix, however often it has it; a prefix alone is a label."""
    while prefix and label.startswith(prefix) and len(label) > len(prefix):
        label = label[len(prefix) :]
    return label


def evenness_of(counts: np.ndarray) -> float:
    """Return the entropy of the labels' shares by that of equal ones, in [0, 1]; 1 without labels.

    Parameters
    ----------
    counts : int64[n_labels]
        How often each occurs.
    """
    shares = counts / max(int(counts.sum()), 1)
    shares = shares[shares > 0]
    if shares.size < 2:
        return 1.0
    return float(-(shares * np.log(shares)).sum() / np.log(shares.size))


@dataclass(frozen=True)
class Labels:
    """Label ids of documents, one document after another, and the names behind the ids.

    Attributes
    ----------
    ids : int32[n_label_occurrences]
        Labels of document i: ``ids[indptr[i]:indptr[i + 1]]``; -1 = a label that `names` lacks.
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
        """Whether any document has other than exactly one label."""
        parts = range(0, len(self), _PART)
        return any(np.any(np.diff(self.indptr[i : i + _PART + 1]) != 1) for i in parts)

    @property
    def evenness(self) -> float:
        """See `evenness_of`."""
        return evenness_of(self.counts())

    @property
    def per_text(self) -> float:
        """Mean number of labels of a document."""
        return self.ids.size / max(len(self), 1)

    def counts(self) -> np.ndarray:
        """Return how often each label occurs, int64[n_labels]."""
        counts = np.zeros(len(self.names), np.int64)
        for start in range(0, self.ids.size, _PART):
            part = self.ids[start : start + _PART]
            counts += np.bincount(part[part >= 0], minlength=counts.size)
        return counts

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[str]], names: list[str] | None = None) -> Labels:
        """Return the labels of documents that are given by name.

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

    def some(self, most: int, rng: np.random.Generator) -> np.ndarray:
        """Return the numbers of documents that have a label, ascending; at most so many of them."""
        if len(self) > max(_PART, 50 * most):  # a list of all would take memory
            docs = rng.choice(len(self), 2 * most, replace=False)
            docs = docs[self.indptr[docs + 1] > self.indptr[docs]][:most]
            if docs.size == most:
                return np.sort(docs)
        docs = np.flatnonzero(np.diff(self.indptr) > 0)
        if docs.size > most:
            docs = rng.choice(docs, most, replace=False)
            docs.sort()
        return docs

    def by_frequency(self, in_place: bool = False) -> Labels:
        """Return the labels that occur by falling frequency, ties by their number here.

        Parameters
        ----------
        in_place : bool
            Whether `ids` may be written, and these labels are spent.
        """
        counts = self.counts()
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        numbers = np.full(counts.size + 1, -1, np.int32)  # the last for -1
        numbers[order] = np.arange(order.size)
        ids = self.ids if in_place else np.empty_like(self.ids)
        for start in range(0, ids.size, _PART):
            ids[start : start + _PART] = numbers[self.ids[start : start + _PART]]
        return Labels(ids, self.indptr, [self.names[i] for i in order.tolist()])

    def renamed(self, names: Sequence[str]) -> Labels:
        """Return the labels numbered by the given names; those of other names get id -1."""
        index = {name: i for i, name in enumerate(names)}
        numbers = np.array([*(index.get(name, -1) for name in self.names), -1], np.int32)
        return Labels(numbers[self.ids], self.indptr, list(names))

    def take(self, chosen: np.ndarray) -> Labels:
        """Return the labels of the chosen documents, in that order, by the same names."""
        indptr, ids = take_ragged(self.indptr, chosen, self.ids)
        return Labels(ids, indptr, self.names)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the names of each document's labels, without those that have none."""
        names = [self.names[i] if i >= 0 else None for i in self.ids.tolist()]
        bounds = itertools.pairwise(self.indptr.tolist())
        return [tuple(name for name in names[a:b] if name is not None) for a, b in bounds]

    def without_repeats(self) -> Labels:
        """Return each document's labels each but once, where they came first."""
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
