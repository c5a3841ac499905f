"""How much each feature tells about the labels."""

from __future__ import annotations

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features import kernels
from fasttext_lite.features.entries import Entries
from fasttext_lite.parallel import run_blocks

LISTED = 1 << 22  # documents of features listed at a time, or an eighth of all


def write_gains(
    entries: Entries,
    labels: Labels,
    frequency: np.ndarray,
    first_row: int,
    gains: np.ndarray,
    n_threads: int,
) -> None:
    """Write the gains of all rows from `first_row` on (see `features.kernels.measure_gains`).

    Parameters
    ----------
    entries : Entries
        The rows of documents.
    labels : Labels
        Of the same documents.
    frequency : int32[n_rows]
        Number of these documents that have each row.
    first_row : int
    gains : float32[n_rows]
        Written in place.
    n_threads : int
    """
    n_rows = frequency.size
    if first_row >= n_rows:
        return
    prior = labels.counts() / labels.ids.size
    ends = np.cumsum(frequency, dtype=np.int64)
    ends -= ends[first_row - 1] if first_row else 0
    # Threads take ranges of rows; each goes over all entries to list its rows' documents.
    total = int(ends[-1])
    share = min(max(LISTED, total // 8), -(-total // n_threads))
    edges = np.searchsorted(ends, np.arange(share, ends[-1] + share, share)) + 1
    bounds = np.unique(np.concatenate([[first_row], np.minimum(edges, n_rows)]))

    def measure(i: int) -> None:
        first, last = bounds[i], bounds[i + 1]
        begins = ends[first:last] - frequency[first:last]
        begins -= begins[0]
        at = begins.copy()
        docs = np.empty(begins[-1] + frequency[last - 1], np.int32)
        for rows, indptr, doc in entries.parts():
            kernels.list_documents(rows, indptr, doc, first, last, at, docs)
        kernels.measure_gains(begins, at, docs, labels.ids, labels.indptr, prior, gains[first:last])

    run_blocks(measure, bounds.size - 1, n_threads)
