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
    rng = np.random.default_rng([seed, 5])
    order = _by_rarest_label(labels, rng)
    steps = np.floor(np.arange(len(labels) + 1) * share + rng.random())
    return _divided(labels, order[np.diff(steps) > 0])


def make_folds(labels: Labels, n_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide documents in so many ways that each is validated on once, as `set_aside` does.

    The only document of a label is never validated on: it is always trained on.

    Parameters
    ----------
    labels : Labels
    n_folds : int
        At least 2.
    seed : int

    Returns
    -------
    list of (train, valid)
        Numbers of documents, int64, ascending.
    """
    rng = np.random.default_rng([seed, 8])
    order = _by_rarest_label(labels, rng)
    first = int(rng.integers(n_folds))
    return [_divided(labels, order[(first + k) % n_folds :: n_folds]) for k in range(n_folds)]


def _by_rarest_label(labels: Labels, rng: np.random.Generator) -> np.ndarray:
    """Return all documents, those of the same rarest label together, each group in random order."""
    n, counts = len(labels), labels.counts()
    rank = np.empty(counts.size, np.int64)
    rank[np.argsort(counts, kind="stable")] = np.arange(counts.size)
    group = np.full(n, counts.size)
    np.minimum.at(group, np.repeat(np.arange(n), np.diff(labels.indptr)), rank[labels.ids])
    order = rng.permutation(n)
    return order[np.argsort(group[order], kind="stable")]


def _divided(labels: Labels, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the documents to train on, and those chosen but for the last ones of a label."""
    n, counts = len(labels), labels.counts()
    docs = np.repeat(np.arange(n), np.diff(labels.indptr))
    aside = np.zeros(n, bool)
    aside[chosen] = True
    kept = np.bincount(labels.ids[~aside[docs]], minlength=counts.size)
    by_label = docs[np.argsort(labels.ids, kind="stable")]
    ends = np.cumsum(counts)
    for label in np.flatnonzero((kept == 0) & (counts > 0)):
        own = by_label[ends[label] - counts[label] : ends[label]]
        if aside[own].all():  # not brought back for another label
            aside[own[0]] = False
    return np.flatnonzero(~aside), np.flatnonzero(aside)
