"""How much each feature tells about the labels."""

from __future__ import annotations

import math

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.disk.promise import promised
from fasttext_lite.features import kernels
from fasttext_lite.features.matrix import Parts
from fasttext_lite.parallel import run_blocks

LISTED = 1 << 22  # documents of features listed at a time, or an eighth of all

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
    asked = np.flatnonzero((frequency >= LEAST_DOCS) & (frequency <= MOST_DOCS))
    limit = promised()
    most = MOST_ASKED if limit is None else min(MOST_ASKED, limit.listed // (4 * MOST_DOCS))
    if asked.size > most:
        asked = np.random.default_rng([seed, 9]).choice(asked, most, replace=False)
    place = np.full(frequency.size, -1, np.int32)
    place[asked] = np.arange(asked.size, dtype=np.int32)
    ends = np.cumsum(frequency[asked], dtype=np.int64)
    at = ends - frequency[asked]
    begins = at.copy()
    docs = np.empty(ends[-1] if ends.size else 0, np.int32)
    for rows, indptr, doc in parts():
        kernels.list_chosen(rows, indptr, doc, place, at, docs)
    counts, found = labels.counts(), np.empty((asked.size, 2))
    n_labels = np.count_nonzero(counts)
    estimates = []
    for weights in (np.ones(counts.size), labels.ids.size / np.maximum(counts * n_labels, 1)):
        kernels.measure_agreement(begins, at, docs, labels.ids, labels.indptr, weights, found)
        same, pairs = found.sum(axis=0)
        if pairs <= 0:
            return 1.0
        shares = counts * weights / labels.ids.size
        agreement, chance = float(same / pairs), float((shares**2).sum())
        share = SHARE * (1 - agreement) / max(agreement - chance, 1e-9)
        estimates.append(min(max(share, LEAST_PSEUDO_COUNT), MOST_PSEUDO_COUNT))
    # Few texts tell little of it: towards 1, where there is nothing to go by.
    return math.sqrt(estimates[0] * estimates[1]) ** (len(labels) / (len(labels) + FEW))


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
    """Write the gains of all rows from `first_row` on (see `features.kernels.measure_gains`).

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
    bounds, are_counted = _ranges(frequency, first_row, counts.size, n_threads)

    def measure(i: int) -> None:
        first, last = int(bounds[i]), int(bounds[i + 1])
        if are_counted[i]:
            found = np.zeros((last - first, counts.size), np.int32)
            for rows, indptr, doc in parts():
                kernels.count_labels(
                    rows, indptr, doc, first, last, labels.ids, labels.indptr, found
                )
            kernels.gains_of_counts(found, prior, pseudo_count, gains[first:last])
            return
        ends = np.cumsum(frequency[first:last], dtype=np.int64)
        begins = ends - frequency[first:last]
        at = begins.copy()
        docs = np.empty(ends[-1], np.int32)
        for rows, indptr, doc in parts():
            kernels.list_documents(rows, indptr, doc, first, last, at, docs)
        kernels.measure_gains(
            begins, at, docs, labels.ids, labels.indptr, prior, pseudo_count, gains[first:last]
        )

    run_blocks(measure, bounds.size - 1, n_threads)


def _ranges(
    frequency: np.ndarray, first_row: int, n_labels: int, n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return ranges of rows to measure at a time, each with a pass over all documents.

    Of many documents, what is kept of a row is a list of those that have it, or how often these
    have each label, whichever is shorter.

    Returns
    -------
    bounds : int64[n_ranges + 1]
    are_counted : bool[n_ranges]
        Whether labels are counted, and documents not listed.
    """
    rows = frequency[first_row:]
    limit, total = promised(), int(rows.sum(dtype=np.int64))
    least = LISTED if limit is None else limit.listed // (4 * n_threads)
    split, costs = 0, np.cumsum(rows, dtype=np.int64)
    if limit is None and total <= 8 * LISTED:
        share = min(max(LISTED, total // 8), -(-total // n_threads))
    else:
        if np.all(rows[1:] <= rows[:-1]):  # as they are, unless a model has grown
            split = int(np.searchsorted(-rows, -n_labels, "right"))
            costs = np.cumsum(np.minimum(rows, n_labels), dtype=np.int64)
        most = max(least, 4 * LISTED) if limit is None else least
        share = max(min(most, -(-int(costs[-1]) // n_threads)), 1)
    edges = np.searchsorted(costs, np.arange(share, costs[-1] + share, share)) + 1
    bounds = np.unique(np.concatenate([[0, split], np.minimum(edges, rows.size)]))
    return first_row + bounds, bounds[:-1] < split
