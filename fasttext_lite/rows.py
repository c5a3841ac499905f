"""Chosen rows of texts, features and labels, and which rows to set aside for validation."""

from __future__ import annotations

import numpy as np

from fasttext_lite.analyzers import MarkedTexts
from fasttext_lite.corpus import Labels, Texts
from fasttext_lite.features import FeatureMatrix


def take_texts(texts: Texts, chosen: np.ndarray) -> Texts:
    """Return the chosen documents; their numbers must ascend."""
    sizes = np.diff(texts.offsets)
    keep = np.zeros(len(texts), bool)
    keep[chosen] = True
    offsets = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(sizes[chosen], out=offsets[1:])
    ends = texts.token_ends
    if ends is not None:
        docs = np.searchsorted(texts.offsets, ends, "left") - 1
        first = np.zeros(len(texts), np.int64)
        first[chosen] = offsets[:-1]
        ends = (ends - texts.offsets[docs] + first[docs])[keep[docs]]
    return Texts(texts.buffer[np.repeat(keep, sizes)], offsets, ends)


def take_marked(texts: MarkedTexts, chosen: np.ndarray) -> MarkedTexts:
    """Return the chosen documents, in that order."""
    offsets, entries = _entries(texts.offsets, chosen)
    return MarkedTexts(texts.buffer[entries], offsets, texts.marks[entries])


def take_features(features: FeatureMatrix, chosen: np.ndarray) -> FeatureMatrix:
    """Return the features of the chosen rows, in that order."""
    indptr, entries = _entries(features.indptr, chosen)
    return FeatureMatrix(features.ids[entries], features.weights[entries], indptr)


def take_labels(labels: Labels, chosen: np.ndarray) -> Labels:
    """Return the labels of the chosen rows, in that order; the names stay."""
    indptr, entries = _entries(labels.indptr, chosen)
    return Labels(labels.ids[entries], indptr, labels.names)


def _entries(indptr: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where rows begin when the chosen ones stand together, and what to take for them."""
    sizes = indptr[np.add(chosen, 1)] - indptr[chosen]
    new = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(sizes, out=new[1:])
    return new, np.arange(new[-1]) + np.repeat(indptr[chosen] - new[:-1], sizes)


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
