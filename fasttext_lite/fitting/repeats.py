"""Texts that occur more than once: held out, they are known where their equals are trained on."""

from __future__ import annotations

import logging

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features.matrix import COPIED, FeatureMatrix

asked_log = logging.getLogger("fasttext_lite.asked")  # heard with --quiet, too

MANY = 0.1  # share of the texts held out from which on it is said
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
_SHIFT = np.uint64(31)


def keys_of(features: FeatureMatrix) -> np.ndarray:
    """Return a number for each document that those of the very same features have, too.

    Parameters
    ----------
    features : FeatureMatrix

    Returns
    -------
    uint64[n_docs]
        The sum of the hashes of its entries; 0 for one without a feature.
    """
    keys = np.empty(len(features), np.uint64)
    start, indptr = 0, features.indptr
    while start < len(features):
        end = int(np.searchsorted(indptr, indptr[start] + COPIED, "right")) - 1
        end = max(end, start + 1)
        part = features.slice(start, end)
        hashed = (part.ids.astype(np.uint64) + np.uint64(1)) * _FACTORS[0]
        hashed ^= np.ascontiguousarray(part.weights, np.float32).view(np.uint32).astype(np.uint64)
        hashed = (hashed ^ (hashed >> _SHIFT)) * _FACTORS[1]
        hashed ^= hashed >> _SHIFT
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashed, dtype=np.uint64)])
        keys[start:end] = sums[part.indptr[1:]] - sums[part.indptr[:-1]]
        start = end
    return keys


def held_together(
    folds: list[tuple[np.ndarray, np.ndarray]], keys: np.ndarray, labels: Labels
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return folds that hold equal documents out together, of which the first alone is measured.

    Where that would leave a label without a document to train on, its own are always trained on.

    Parameters
    ----------
    folds : list of (train, valid)
        Numbers of documents, as of `corpus.split.make_folds`.
    keys : uint64[n_docs]
        See `keys_of`.
    labels : Labels
        Of the documents.
    """
    own = np.full(keys.size, -1)
    for i, (_, held) in enumerate(folds):
        own[held] = i
    _, firsts, groups, sizes = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    groups = groups.ravel()
    repeated = (sizes[groups] > 1) & (keys != 0)
    n_held, n_again = int((own >= 0).sum()), int((repeated & (own >= 0)).sum())
    own[repeated] = own[firsts[groups]][repeated]
    docs = np.repeat(np.arange(keys.size), np.diff(labels.indptr))
    for i in range(len(folds)):
        kept = np.bincount(labels.ids[own[docs] != i], minlength=len(labels.names))
        lost = np.zeros(keys.size, bool)
        lost[docs[(kept == 0)[labels.ids]]] = True
        own[np.isin(groups, groups[lost & (own == i)])] = -1
    is_first = ~repeated | (firsts[groups] == np.arange(keys.size))
    if n_again >= max(MANY * n_held, 1):
        asked_log.warning(
            "%s of %s texts to hold out are there more than once: each is held out together with "
            "its equals, and counts once; `fasttext-lite audit` names them",
            f"{n_again:,}", f"{n_held:,}",
        )  # fmt: skip
    return [
        (np.flatnonzero(own != i), np.flatnonzero((own == i) & is_first)) for i in range(len(folds))
    ]


def say_if_repeated(features: FeatureMatrix, held: np.ndarray) -> None:
    """Say so where many of the documents held out have the very features of one trained on.

    Parameters
    ----------
    features : FeatureMatrix
        Of all documents.
    held : int64
        Numbers of those that are held out.
    """
    keys = keys_of(features)
    own, rest = keys[held], np.delete(keys, held)
    n_again = int((np.isin(own, rest) & (own != 0)).sum())
    if n_again >= max(MANY * held.size, 1):
        asked_log.warning(
            "%s of %s texts held out have the very same words as one that is trained on: the "
            "threshold to abstain by looks better on them than on new texts; `fasttext-lite audit` "
            "names what is there more than once",
            f"{n_again:,}", f"{held.size:,}",
        )  # fmt: skip
