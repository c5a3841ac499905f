"""How much each feature tells about the labels."""

from __future__ import annotations

import math

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.disk.promise import promised
from fasttext_lite.features.kernels import gains as gains_kernels
from fasttext_lite.features.matrix import Parts
from fasttext_lite.parallel import run_blocks

LISTED = 1 << 24  # bytes of labels of features kept at a time; up to four times that of many

# Features whose texts are asked whether they agree: those of so many texts, so many of them.
LEAST_DOCS, MOST_DOCS, MOST_ASKED = 2, 64, 200_000
LEAST_PSEUDO_COUNT, MOST_PSEUDO_COUNT = 1.0, 250.0

# Of the estimate that is taken. Features that texts share are the frequent ones, and tell less than
# the rest; all of the estimate would cost 0.8 points where labels have 10 to 100 texts each, a
# quarter costs nothing there and keeps all but 0.7 of the 15 points that long texts gain.
SHARE = 0.25
FEW = 100  # texts that tell half of it


def estimate_pseudo_count(
    parts: Parts, labels: Labels, frequency: np.ndarray, seed: int = 0
) -> float:
    """Return how many labels of no feature weigh as much as those of one: empirical Bayes.

    If the labels of a feature's texts are drawn from shares of its own, and these from a Dirichlet
    distribution around those of all texts with the concentration m, two of them are the same with
    probability (1 + m s) / (1 + m), where s is the probability for any two texts. So the
    agreement a that is found, each feature counting the same, gives m = (1 - a) / (a - s) (the
    method of moments; Minka, Estimating a Dirichlet distribution, 2000). A quarter of it is taken.

    Where labels are skewed, that can be counted in two ways: with texts as they are, where little
    but the most frequent label is seen, and with pairs that weigh as their labels are rare, as
    `kernels.measure_gains` weighs them, where few texts decide. The geometric mean of both is
    taken: the first alone costs average precision of rare labels, the second alone accuracy.

    Parameters
    ----------
    parts : callable
        Yields the rows of documents, see `Entries.parts`.
    labels : Labels
        Of the same documents.
    frequency : int32[n_rows]
        Number of these documents that have each row.
    seed : int
        Of the choice of features where there are very many.

    Returns
    -------
    float
        From 1 (which is what is taken where no two texts share a feature) to
        `MOST_PSEUDO_COUNT`.
    """
    asked = asked_rows(frequency, seed)
    first, last = (int(asked.min()), int(asked.max()) + 1) if asked.size else (0, 0)
    place = np.full(last - first, -1, np.int32)
    place[asked - first] = np.arange(asked.size, dtype=np.int32)
    ends = np.cumsum(frequency[asked], dtype=np.int64)
    at = ends - frequency[asked]
    begins = at.copy()
    docs = np.empty(ends[-1] if ends.size else 0, np.int32)
    for rows, indptr, doc in parts():
        gains_kernels.list_chosen(rows, indptr, doc, first, place, at, docs)
    counts = labels.counts()
    return pseudo_count_of(agreements(begins, at, docs, labels, counts), counts, len(labels))


def asked_rows(frequency: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the rows whose texts are asked whether they agree, int64[n_asked], ascending or not.

    Parameters
    ----------
    frequency, seed
        As of `estimate_pseudo_count`.
    """
    asked = np.flatnonzero((frequency >= LEAST_DOCS) & (frequency <= MOST_DOCS))
    limit = promised()
    most = MOST_ASKED if limit is None else min(MOST_ASKED, limit.listed // (4 * MOST_DOCS))
    if asked.size > most:
        asked = np.random.default_rng([seed, 9]).choice(asked, most, replace=False)
    return asked


def agreements(
    begins: np.ndarray, ends: np.ndarray, docs: np.ndarray, labels: Labels, counts: np.ndarray
) -> np.ndarray:
    """Return the pairs of texts that agree and all pairs, float64[2, 2], by both ways to count.

    Those of some features add up to those of all.

    Parameters
    ----------
    begins, ends, docs
        Of the features that are asked, as `kernels.measure_agreement` takes them.
    labels : Labels
        Of the documents.
    counts : int64[n_labels]
        How often each label occurs in all texts.
    """
    found = np.empty((begins.size, 2))
    sums = []
    for weights in _pair_weights(counts):
        gains_kernels.measure_agreement(
            begins, ends, docs, labels.ids, labels.indptr, weights, found
        )
        sums.append(found.sum(axis=0))
    return np.array(sums)


def _pair_weights(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_labels = np.count_nonzero(counts)
    return np.ones(counts.size), counts.sum() / np.maximum(counts * n_labels, 1)


def pseudo_count_of(sums: np.ndarray, counts: np.ndarray, n_texts: int) -> float:
    """Return the pseudo-count of what `agreements` has found, see `estimate_pseudo_count`.

    Parameters
    ----------
    sums : float64[2, 2]
    counts : int64[n_labels]
    n_texts : int
    """
    estimates = []
    for weights, (same, pairs) in zip(_pair_weights(counts), sums, strict=True):
        if pairs <= 0:
            return 1.0
        shares = counts * weights / counts.sum()
        agreement, chance = float(same / pairs), float((shares**2).sum())
        share = SHARE * (1 - agreement) / max(agreement - chance, 1e-9)
        estimates.append(min(max(share, LEAST_PSEUDO_COUNT), MOST_PSEUDO_COUNT))
    # Few texts tell little of it: towards 1, where there is nothing to go by.
    return math.sqrt(estimates[0] * estimates[1]) ** (n_texts / (n_texts + FEW))


def write_gains(
    parts: Parts,
    labels: Labels,
    frequency: np.ndarray,
    first_row: int,
    pseudo_count: float,
    gains: np.ndarray,
    n_threads: int,
    counts: np.ndarray | None = None,
) -> None:
    """Write the gains of all rows from `first_row` on (see `features.kernels.gains.measure_gains`).

    Parameters
    ----------
    parts : callable
        Yields the rows of documents, see `Entries.parts`.
    labels : Labels
        Of the same documents.
    frequency : int32[n_rows]
        Number of these documents that have each row.
    first_row : int
    pseudo_count : float
    gains : float32[n_rows]
        Written in place.
    n_threads : int
    counts : int64[n_labels], optional
        How often each label occurs in all texts, where these documents are some of them; what
        a feature tells is measured against that.
    """
    n_rows = frequency.size
    if first_row >= n_rows:
        return
    counts = labels.counts() if counts is None else counts
    prior = counts / counts.sum()
    sizes = _sizes(parts, labels, frequency)[first_row:]
    dtype = np.min_scalar_type(max(len(counts) - 1, 0))
    dtype = dtype if dtype.itemsize < 4 else np.dtype(np.int32)
    bounds, are_counted = _ranges(sizes, counts.size, dtype.itemsize, n_threads)

    def measure(i: int) -> None:
        first, last = int(bounds[i]), int(bounds[i + 1])
        part = slice(first_row + first, first_row + last)
        which = part.start, part.stop, labels.ids, labels.indptr
        if are_counted[i]:
            found = np.zeros((last - first, counts.size), np.int32)
            for rows, indptr, doc in parts():
                gains_kernels.count_labels(rows, indptr, doc, *which, found)
            gains_kernels.gains_of_counts(found, prior, pseudo_count, gains[part])
            return
        ends = np.cumsum(sizes[first:last])
        begins = ends - sizes[first:last]
        at, listed = begins.copy(), np.empty(ends[-1], dtype)
        for rows, indptr, doc in parts():
            gains_kernels.list_labels(rows, indptr, doc, *which, at, listed)
        gains_kernels.measure_gains(begins, at, listed, prior, pseudo_count, gains[part])

    run_blocks(measure, bounds.size - 1, n_threads)


def _sizes(parts: Parts, labels: Labels, frequency: np.ndarray) -> np.ndarray:
    """Return the number of labels that the documents of each row have, int64[n_rows]."""
    if not labels.is_multilabel:
        return frequency.astype(np.int64)
    sizes = np.zeros(frequency.size, np.int64)
    for rows, indptr, doc in parts():
        gains_kernels.sum_labels(rows, indptr, doc, labels.indptr, sizes)
    return sizes


def _ranges(
    sizes: np.ndarray, n_labels: int, item: int, n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return ranges of rows to measure at a time, each with a pass over all documents.

    What is kept of a row is a list of the labels of its documents, or how often these have each
    label, whichever is shorter.

    Parameters
    ----------
    sizes : int64[n_rows]
        Labels of the documents of each row.
    n_labels, item : int
        Number of labels, and bytes of a label in a list.
    n_threads : int

    Returns
    -------
    bounds : int64[n_ranges + 1]
    are_counted : bool[n_ranges]
        Whether labels are counted, and not listed.
    """
    limit, split, costs = promised(), 0, item * sizes
    if np.all(sizes[1:] <= sizes[:-1]):  # as they are, unless a model has grown
        split = int(np.searchsorted(-costs, -4 * n_labels, "left"))
        costs = np.minimum(costs, 4 * n_labels)
    costs = np.cumsum(costs)
    total = int(costs[-1])
    most = min(max(LISTED, total // 8), 4 * LISTED)
    if limit is not None:
        most = limit.listed // n_threads
    # Threads take ranges; each goes over all entries.
    share = max(min(most, -(-total // n_threads)), 1)
    edges = np.searchsorted(costs, np.arange(share, total + share, share)) + 1
    bounds = np.unique([0, split, *np.minimum(edges, sizes.size), sizes.size])
    return bounds, bounds[:-1] < split
