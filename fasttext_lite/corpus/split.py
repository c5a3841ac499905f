"""Which documents are trained on and which are set aside for validation."""

from __future__ import annotations

import numpy as np

from fasttext_lite.corpus.labels import Labels


def set_aside(labels: Labels, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide documents into a part to train on and a part to validate on, alike in their labels.

    They are grouped by their rarest label, and each group gives about the same share. A label
    keeps at least one document to train on.

    Parameters
    ----------
    labels : Labels
    share : float
        Of the documents that are set aside, in (0, 1).
    seed : int

    Returns
    -------
    train, valid : int64
        Numbers of documents, ascending.
    """
    n, counts = len(labels), labels.counts()
    docs = np.repeat(np.arange(n), np.diff(labels.indptr))
    rng = np.random.default_rng([seed, 5])
    order = _by_rarest_label(labels, rng)
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


def folds(labels: Labels, n_folds: int, seed: int) -> np.ndarray:
    """Return the fold of each document; folds are alike in their labels and in size.

    Parameters
    ----------
    labels : Labels
    n_folds : int
    seed : int

    Returns
    -------
    int64[n_docs]
    """
    order = _by_rarest_label(labels, np.random.default_rng([seed, 10]))
    fold = np.empty(order.size, np.int64)
    fold[order] = np.arange(order.size) % n_folds
    return fold


def _by_rarest_label(labels: Labels, rng: np.random.Generator) -> np.ndarray:
    """Return the documents grouped by their rarest label, each group in random order."""
    n, counts = len(labels), labels.counts()
    rank = np.empty(counts.size, np.int64)
    rank[np.argsort(counts, kind="stable")] = np.arange(counts.size)
    docs = np.repeat(np.arange(n), np.diff(labels.indptr))
    group = np.full(n, counts.size)
    np.minimum.at(group, docs, rank[labels.ids])
    order = rng.permutation(n)
    return order[np.argsort(group[order], kind="stable")]
