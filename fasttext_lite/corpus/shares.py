"""Distributions over labels as something to learn from: one label each, and how much it counts.

A teacher (a large language model, several annotators, another classifier) often gives each text
shares of several labels. What is learnt of them is the likeliest label, with a weight that is 1
where the teacher is sure and the smaller the more evenly it is divided.
"""

from __future__ import annotations

import numpy as np

BLOCK = 1 << 22  # shares that are looked at at a time


def likeliest(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest label of each distribution, and the weight to learn it with.

    Parameters
    ----------
    shares : float64[n, n_labels]
        Finite, at least 0, no row all 0; rows need not sum to 1 (counts of votes will do).

    Returns
    -------
    ids : int32[n]
        The column of each row's largest share; of equal ones the first.
    weights : float32[n]
        The largest of ``P**2 / sum(P**2)``: 1 for a label that is sure, 1 / k where k labels
        are equally likely.
    """
    n, size = shares.shape
    ids, weights = np.empty(n, np.int32), np.empty(n, np.float32)
    step = max(BLOCK // max(size, 1), 1)
    for first in range(0, n, step):  # several tables of float64 at a time, of some rows
        values = np.ascontiguousarray(shares[first : first + step], np.float64)
        indptr = np.arange(len(values) + 1, dtype=np.int64) * size
        part = slice(first, first + len(values))
        ids[part], weights[part] = likeliest_of(values.reshape(-1), indptr)
    return ids, weights


def likeliest_of(values: np.ndarray, indptr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what `likeliest` does, of distributions over different numbers of labels.

    Parameters
    ----------
    values : float64[n_shares]
        Shares of distribution i: ``values[indptr[i]:indptr[i + 1]]``, at least one.
    indptr : int64[n + 1]

    Returns
    -------
    ids : int32[n]
        Places within the distribution.
    weights : float32[n]
    """
    if indptr.size == 1:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    starts, sizes = indptr[:-1], np.diff(indptr)
    highest = np.repeat(np.maximum.reduceat(values, starts), sizes)
    places = np.flatnonzero(values == highest)
    ids = places[np.searchsorted(places, starts)] - starts
    # Divided by the highest first: no square of a large count overflows.
    weights = 1 / np.add.reduceat((values / highest) ** 2, starts)
    return ids.astype(np.int32), weights.astype(np.float32)
