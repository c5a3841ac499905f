"""Parts of training data: chosen documents of prepared features, and rows set aside."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.corpus import Labels
from fasttext_lite.features import FeatureMatrix

if TYPE_CHECKING:
    from fasttext_lite.fitting import Prepared


def take_labels(labels: Labels, chosen: np.ndarray) -> Labels:
    """Return the labels of the chosen rows, in that order; the names stay."""
    indptr, entries = _entries(labels.indptr, chosen)
    return Labels(labels.ids[entries], indptr, labels.names)


def take_prepared(
    prepared: Prepared, chosen: np.ndarray, doc_weights: np.ndarray | None = None
) -> Prepared:
    """Return the chosen documents, with their features in the space of all.

    Parameters
    ----------
    prepared : Prepared
    chosen : int[n_chosen]
        Numbers of documents.
    doc_weights : float[n_chosen], optional
        Instead of the weights that the documents have.

    Returns
    -------
    Prepared
    """
    old = prepared.features
    indptr, entries = _entries(old.indptr, chosen)
    if doc_weights is None and prepared.doc_weights is not None:
        doc_weights = prepared.doc_weights[chosen]
    return dataclasses.replace(
        prepared,
        features=FeatureMatrix(old.ids[entries], old.weights[entries], indptr),
        labels=take_labels(prepared.labels, chosen),
        doc_weights=doc_weights,
    )


def _entries(indptr: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where rows begin when the chosen ones stand together, and what to take for them."""
    sizes = np.diff(indptr)[chosen]
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
    for label in np.flatnonzero((kept == 0) & (counts > 0)):
        own = docs[labels.ids == label]
        if aside[own].all():  # not brought back for another label
            aside[own[0]] = False
    return np.flatnonzero(~aside), np.flatnonzero(aside)
