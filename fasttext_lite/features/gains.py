"""How much each feature tells about the labels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.disk.promise import promised
from fasttext_lite.features.kernels import gains as gains_kernels
from fasttext_lite.features.matrix import Parts
from fasttext_lite.parallel import run_blocks

LISTED = 1 << 24  # bytes of labels of features kept at a time; up to four times that of many
CACHED = 1 << 18  # bytes of them that are written to at a time: they stay near the processor
SORTED = 1 << 21  # entries that are sorted by row at a time, eight bytes each
LEAST_SORTED = 1 << 15  # that are worth a thread
MOST_RANGES = 255  # of rows, that entries are sorted by
TABLE_BITS = 15  # of the places of the table that says which range a row is of

# Features whose texts are asked whether they agree: those of so many texts, so many of them.
LEAST_DOCS, MOST_DOCS, MOST_ASKED = 2, 64, 1 << 16
LEAST_PSEUDO_COUNT, MOST_PSEUDO_COUNT = 1.0, 250.0

# Of the estimate that is taken. Features that texts share are the frequent ones, and tell less than
# the rest; all of the estimate would cost 0.8 points where labels have 10 to 100 texts each, a
# quarter costs nothing there and keeps all but 0.7 of the 15 points that long texts gain.
SHARE = 0.25
FEW = 100  # texts that tell half of it


def estimate_pseudo_count(parts: Parts, labels: Labels, frequency: np.ndarray) -> float:
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
        Number of these documents that have each row, falling.

    Returns
    -------
    float
        From 1 (which is what is taken where no two texts share a feature) to
        `MOST_PSEUDO_COUNT`.
    """
    first, shift, n = asked_rows(frequency)
    own = frequency[first :: 1 << shift][:n].astype(np.int64)
    ends = np.cumsum(own)
    at = ends - own
    begins = at.copy()
    docs = np.empty(own.sum(), np.int32)
    for rows, indptr, doc in parts():
        gains_kernels.list_documents(rows, indptr, doc, first, shift, at, docs)
    counts = labels.counts()
    return pseudo_count_of(agreements(begins, at, docs, labels, counts), counts, len(labels))


def asked_rows(frequency: np.ndarray) -> tuple[int, int, int]:
    """Return the rows whose texts are asked whether they agree, of many every 2nd, 4th, ...

    Parameters
    ----------
    frequency : int32[n_rows]
        Falling: rows as frequent as that are neighbours, and those of the same frequency are in
        an order that says nothing of what they tell.

    Returns
    -------
    first, shift, n : int
        The rows first + (i << shift), for i below n.
    """
    limit = promised()
    most = MOST_ASKED if limit is None else min(MOST_ASKED, limit.listed // (4 * MOST_DOCS))
    first, last = np.searchsorted(-frequency, [-MOST_DOCS, -LEAST_DOCS + 1], "left").tolist()
    shift = 0
    while -(-(last - first) >> shift) > most:
        shift += 1
    return first, shift, -(-(last - first) >> shift)


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
    shift = _shift(n_rows, counts.size)
    for ranges in _groups(sizes, counts.size, dtype, first_row, shift):
        take_entries(parts, labels, ranges, n_rows, n_threads)

        def measure(i: int, ranges: list[Range] = ranges) -> None:
            one = ranges[i]
            one.measure(prior, pseudo_count, gains[one.first : one.last])

        run_blocks(measure, len(ranges), n_threads)


@dataclass
class Range:
    """Neighbouring rows, and what is known of the labels of the documents that have each.

    Attributes
    ----------
    first, last : int
        The rows are these up to `last` - 1.
    found : int32[n_rows, n_labels], or uint8[], uint16[] or int32[]
        How often each label occurs, or the labels themselves, listed.
    begins, ends : int64[n_rows]
        The list of each row; empty where labels are counted.
    """

    first: int
    last: int
    found: np.ndarray
    begins: np.ndarray
    ends: np.ndarray

    def take(self, pairs: np.ndarray, labels: Labels) -> None:
        """Take pairs of row and document, as `kernels.gains.sort_pairs` writes them."""
        if self.found.ndim == 2:
            gains_kernels.count_labels(pairs, self.first, labels.ids, labels.indptr, self.found)
        else:
            gains_kernels.list_labels(
                pairs, self.first, labels.ids, labels.indptr, self.ends, self.found
            )

    def measure(self, prior: np.ndarray, pseudo_count: float, gains: np.ndarray) -> None:
        """Write the gains of the rows, see `kernels.gains.measure_gains`."""
        if self.found.ndim == 2:
            gains_kernels.gains_of_counts(self.found, prior, pseudo_count, gains)
        else:
            gains_kernels.measure_gains(
                self.begins, self.ends, self.found, prior, pseudo_count, gains
            )


def take_entries(
    parts: Parts, labels: Labels, ranges: Sequence[Range], n_rows: int, n_threads: int = 1
) -> None:
    """Give ranges their entries: sorted by range first, so that one after another is cached.

    Parameters
    ----------
    parts, labels
        As of `write_gains`.
    ranges : sequence of Range
        Neighbours, up to `MOST_RANGES`.
    n_rows, n_threads : int
    """
    edges = [one.first for one in ranges[1:]] + [one.last for one in ranges if one.last < n_rows]
    shift = max(n_rows.bit_length() - TABLE_BITS, 0)
    while shift and any(edge & ((1 << shift) - 1) for edge in edges):
        shift -= 1
    range_of = np.full((n_rows >> shift) + 1, len(ranges), np.uint8)
    for i, one in enumerate(ranges):
        range_of[one.first >> shift : -(-one.last >> shift)] = i
    limit = promised()
    most = SORTED if limit is None else max(min(SORTED, limit.listed // 16), 1)
    for rows, indptr, doc in parts():
        first = 0
        while first < indptr.size - 1:
            end = np.searchsorted(indptr, indptr[first] + most, "right") - 1
            last = max(int(end), first + 1)
            part = indptr[first : last + 1]
            _take_documents(rows, part, doc + first, labels, ranges, range_of, shift, n_threads)
            first = last


def _take_documents(
    rows: np.ndarray,
    indptr: np.ndarray,
    first_doc: int,
    labels: Labels,
    ranges: Sequence[Range],
    range_of: np.ndarray,
    shift: int,
    n_threads: int,
) -> None:
    """Give each range the entries of some documents."""
    n_threads = min(n_threads, 1 + int(indptr[-1] - indptr[0]) // LEAST_SORTED)
    edges = np.linspace(indptr[0], indptr[-1], n_threads + 1)
    docs = np.searchsorted(indptr, edges).tolist()
    docs[-1] = indptr.size - 1
    sizes = np.zeros((n_threads, len(ranges) + 1), np.int64)

    def count(i: int) -> None:
        a, b = indptr[docs[i]], indptr[docs[i + 1]]
        gains_kernels.count_pairs(rows, a, b, range_of, shift, sizes[i])

    run_blocks(count, n_threads, n_threads)
    # Of each range the pairs of one thread after another: in the order of the documents.
    ends = np.cumsum(sizes.T.ravel()).reshape(-1, n_threads).T
    at = np.ascontiguousarray(ends - sizes)
    bounds = np.append(at[0], ends[-1, -1])
    pairs = np.empty(bounds[-1], np.int64)

    def sort(i: int) -> None:
        gains_kernels.sort_pairs(
            rows, indptr, first_doc, docs[i], docs[i + 1], range_of, shift, at[i], pairs
        )

    run_blocks(sort, n_threads, n_threads)

    def take(i: int) -> None:
        ranges[i].take(pairs[bounds[i] : bounds[i + 1]], labels)

    run_blocks(take, len(ranges), n_threads)


def _shift(n_rows: int, n_labels: int) -> int:
    """Return of how many rows, as a power of two, a range is a multiple.

    The table of what range a row is of should stay near the processor, unless there are so many
    labels that so many rows, with how often each has each label, take too much memory.
    """
    limit = promised()
    most = (LISTED if limit is None else limit.listed) // 4
    shift = max(n_rows.bit_length() - TABLE_BITS, 0)
    while shift > 0 and 4 * n_labels << shift > most:
        shift -= 1
    return shift


def _sizes(parts: Parts, labels: Labels, frequency: np.ndarray) -> np.ndarray:
    """Return the number of labels that the documents of each row have, int64[n_rows]."""
    if not labels.is_multilabel:
        return frequency.astype(np.int64)
    sizes = np.zeros(frequency.size, np.int64)
    for rows, indptr, doc in parts():
        gains_kernels.sum_labels(rows, indptr, doc, labels.indptr, sizes)
    return sizes


def _groups(
    sizes: np.ndarray, n_labels: int, dtype: np.dtype, first_row: int, shift: int
) -> Iterator[list[Range]]:
    """Yield ranges of rows to measure at a time, each group with a pass over all documents.

    What is kept of a row is a list of the labels of its documents, or how often these have each
    label, whichever is shorter.

    Parameters
    ----------
    sizes : int64[n_rows]
        Labels of the documents of each row.
    n_labels : int
    dtype : dtype
        Of a label in a list.
    first_row : int
        Number of the first of these rows.
    shift : int
        See `_shift`.
    """
    unit = 1 << shift

    def whole(edges: np.ndarray | int) -> np.ndarray:
        """Return the ends of units; rows before `first_row` are of the first."""
        return np.minimum(-(-(first_row + edges) // unit) * unit - first_row, sizes.size)

    limit, split, costs = promised(), 0, dtype.itemsize * sizes
    if np.all(sizes[1:] <= sizes[:-1]):  # as they are, unless a model has grown
        split = int(np.searchsorted(-costs, -4 * n_labels, "left"))
        split = int(whole(split)) if split else 0
        costs[:split] = 4 * n_labels
    ends = np.cumsum(costs)
    total = int(ends[-1])
    most = min(max(LISTED, total // 8), 4 * LISTED) if limit is None else limit.listed
    share = max(min(CACHED, most // 4), 1)
    edges = np.searchsorted(ends, np.arange(share, total + share, share)) + 1
    bounds = np.unique(np.concatenate([[0, split, sizes.size], whole(edges)]))
    group: list[Range] = []
    taken = 0
    for a, b in itertools.pairwise(bounds.tolist()):
        cost = int(ends[b - 1] - (ends[a - 1] if a else 0))
        if group and (taken + cost > most or len(group) == MOST_RANGES):
            yield group
            group, taken = [], 0
        taken += cost
        own = np.empty(0, np.int64)
        if a < split:
            found = np.zeros((b - a, n_labels), np.int32)
            group.append(Range(first_row + a, first_row + b, found, own, own))
        else:
            own = np.cumsum(sizes[a:b])
            found, own = np.empty(own[-1], dtype), own - sizes[a:b]
            group.append(Range(first_row + a, first_row + b, found, own, own.copy()))
    yield group
