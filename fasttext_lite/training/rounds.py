"""Training in rounds: the same weights for the same seed, whatever the number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.compiled.meeting import STOPPED, new_meeting
from fasttext_lite.parallel import run_blocks
from fasttext_lite.training.kernels.parts import Docs, Kept, Parts, Pooled, Settings, Span, Table
from fasttext_lite.training.kernels.rounds import ROUND, make_rounds
from fasttext_lite.training.participants import Participants

# The rows of a round stay in a processor's second cache until they are moved, but not where rounds
# would be of fewer documents than threads need.
ROOM, LEAST = 1 << 18, 8


class Rounds:
    """Trains on blocks of documents, all threads on one at a time.

    Parameters
    ----------
    parts : Parts
    common : int
        A row that nearly every document has, -1 if there is none.
    n_threads : int
    bytes_of_document : float
        Of the rows of a document, on average.
    """

    def __init__(self, parts: Parts, common: int, n_threads: int, bytes_of_document: float) -> None:
        self.size = ROUND
        if parts.norm != "batch":
            while self.size > LEAST and self.size * bytes_of_document > ROOM:
                self.size //= 2
        self.kernel = make_rounds(parts)
        self.drops, self.n_threads = parts.feature_dropout, n_threads
        self.common = np.array([common], np.int32)
        self._pooled: dict[str, Any] = {}
        self._kept = np.empty((2, 0), np.int32), np.empty((2, 0), np.float32)

    def train_block(
        self,
        block: np.ndarray,
        docs: Docs,
        settings: Settings,
        span: Span,
        involved: Participants,
        seed: int,
        tables: list[Table],
    ) -> tuple[float, float]:
        """Train on a block of documents; return its loss and weight.

        Parameters
        ----------
        block : int32[n]
            Documents.
        docs, settings, span, involved
            See `run.Run`.
        seed : int
            Of the random numbers.
        tables : list of Table
            In the order of `weights.TABLES`.
        """
        embeddings, output, norm, layer = tables
        pooled, (kept, longest) = self._pooled_of(embeddings, output), self._kept_of(block, docs)
        meeting, rng = new_meeting(), np.array([seed], np.uint64)
        result = np.zeros(2)

        n_threads = max(1, min(self.n_threads, block.size // ROUND))

        def work(_: int) -> None:
            try:
                self.kernel(
                    block, docs, settings, span, involved.tree, involved.negatives, rng,
                    np.uint64(seed), involved.most_rows, pooled, output, norm, layer, kept,
                    longest, self.size, meeting, n_threads, result,
                )  # fmt: skip
            except BaseException:
                meeting[STOPPED] = 1  # the others wait for what was begun here
                raise

        run_blocks(work, n_threads, n_threads)
        return float(result[0]), float(result[1])

    def _pooled_of(self, rows: Table, output: Table) -> Pooled:
        """Return room for what is pooled."""
        n, dim = 2 * ROUND, rows.values.shape[1]
        if not self._pooled:
            dtype = output.values.dtype
            self._pooled = {
                "values": make_table(n, dim, dtype), "gradients": make_table(n, dim, dtype),
                "counts": np.zeros(n, np.int64), "visited": np.zeros(n, np.int64),
                "base": np.zeros(1, np.int64), "common": self.common,
            }  # fmt: skip
            for name in ("lengths", "shares", "factors", "rates"):
                self._pooled[name] = np.zeros(n, np.float32)
        return Pooled(rows=rows, **self._pooled)

    def _kept_of(self, block: np.ndarray, docs: Docs) -> tuple[Kept, int]:
        """Return room for what dropout leaves of two rounds, and the most features of a text."""
        sizes = docs.indptr[block + 1] - docs.indptr[block]
        places = np.cumsum(sizes) - sizes
        places -= np.repeat(places[:: self.size], self.size)[: block.size]
        most = int((places + sizes).max(initial=0)) * self.drops
        if self._kept[0].shape[1] < most:
            most += most // 4
            self._kept = np.empty((2, most), np.int32), np.empty((2, most), np.float32)
        return Kept(*self._kept, places), int(sizes.max(initial=0))


def common_row(docs: Docs, order: np.ndarray) -> int:
    """Return the last feature of most documents, -1 if there is none; by a look at some of them."""
    some = order[:: max(order.size // 64, 1)]
    lasts = docs.ids[docs.indptr[some + 1] - 1]
    rows, counts = np.unique(lasts, return_counts=True)
    best = int(counts.argmax())
    return int(rows[best]) if 2 * counts[best] > some.size else -1
