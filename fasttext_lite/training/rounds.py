"""Training in rounds: the same weights for the same seed, whatever the number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.compiled.meeting import STOPPED, new_meeting
from fasttext_lite.parallel import run_blocks
from fasttext_lite.training.kernels.parts import (
    PARTS,
    Docs,
    Lists,
    Parts,
    Pooled,
    Room,
    Settings,
    Span,
    Table,
)
from fasttext_lite.training.kernels.rounds import ROUND, make_rounds
from fasttext_lite.training.participants import Participants

# Bytes of the rows of a round, which stay in a processor's second cache until they are moved; and
# documents of a round at least.
ROOM, LEAST = 1 << 17, 4
# What a visit costs, and a feature beside the bytes of its row, in bytes of rows.
VISIT, FEATURE = 1500.0, 20.0


class Rounds:
    """Trains on blocks of documents, all threads on one at a time.

    Parameters
    ----------
    parts : Parts
    common : int
        A row that nearly every document has, -1 if there is none.
    n_threads : int
    row_bytes : int
    n_features : float
        Of a document, on average.
    visited : float
        Numbers above the input table that a visit reads.
    """

    def __init__(
        self,
        parts: Parts,
        common: int,
        n_threads: int,
        row_bytes: int,
        n_features: float,
        visited: float,
    ) -> None:
        self.size = ROUND
        if parts.norm != "batch":
            while self.size > LEAST and self.size * n_features * row_bytes > ROOM:
                self.size //= 2
        self.kernel = make_rounds(parts)
        self.drops, self.n_threads = parts.feature_dropout, n_threads
        visit, rows = VISIT + visited, n_features * (FEATURE + row_bytes)
        self.visit_share = visit / (visit + rows)
        self.common = np.array([common], np.int32)
        self._pooled: dict[str, Any] = {}
        self._lists: Lists | None = None
        self._rooms: list[Room] = []

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
        n_threads = max(1, min(self.n_threads, block.size // ROUND))
        n_threads = min(n_threads, PARTS)
        sizes = docs.indptr[block + 1] - docs.indptr[block]
        pooled, lists = self._pooled_of(embeddings, output), self._lists_of(sizes, n_threads)
        rooms = self._rooms_of(int(sizes.max(initial=0)), n_threads)
        bounds = part_bounds(n_threads, self.visit_share)
        meeting, rng = new_meeting(), np.array([seed], np.uint64)
        result = np.zeros(2)

        def work(thread: int) -> None:
            try:
                self.kernel(
                    block, docs, settings, span, involved.tree, involved.negatives, rng,
                    np.uint64(seed), involved.most_rows, pooled, output, norm, layer, lists,
                    rooms[thread], self.size, meeting, thread, bounds, result,
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
                "values": make_table(n, PARTS * dim, dtype), "gradients": make_table(n, dim, dtype),
                "counts": np.zeros(n, np.int64), "visited": np.zeros(n, np.int64),
                "base": np.zeros(1, np.int64), "common": self.common,
            }  # fmt: skip
            for name in ("lengths", "shares", "factors", "rates"):
                self._pooled[name] = np.zeros(n, np.float32)
        return Pooled(rows=rows, **self._pooled)

    def _lists_of(self, sizes: np.ndarray, n_groups: int) -> Lists:
        """Return room for the features of two rounds of texts of some sizes."""
        most = int(np.add.reduceat(sizes, np.arange(0, sizes.size, self.size)).max()) + 1
        if self._lists is None or self._lists.room < most or len(self._lists.starts) < 2 * n_groups:
            n = 2 * n_groups * (most := most + most // 4)
            starts = np.zeros((2 * n_groups, self.size + 1), np.int64)
            self._lists = Lists(np.empty(n, np.int32), np.empty(n, np.float32), starts, most)
        return self._lists

    def _rooms_of(self, longest: int, n_threads: int) -> list[Room]:
        """Return room for each thread."""
        if not self._rooms or self._rooms[0].is_own.size < longest:
            self._rooms = []
        while len(self._rooms) < n_threads:
            kept = (longest + 1) * self.drops
            values = self._pooled["gradients"]
            self._rooms.append(
                Room(
                    np.empty(kept, np.int32),
                    np.empty(kept, np.float32),
                    np.empty(longest + 1, np.uint8),
                    np.empty_like(values[:1]),
                    np.empty(1, np.uint64),
                )  # fmt: skip
            )
        return self._rooms


def part_bounds(n_threads: int, visit_share: float) -> np.ndarray:
    """Return where the parts of each thread begin; the first has fewer, since it visits, too.

    Parameters
    ----------
    n_threads : int
    visit_share : float
        Of all work.
    """
    rows = 1 - visit_share
    own = min(max(1 / n_threads - visit_share, 0) / rows, 1.0)
    first = min(round(PARTS * own), PARTS - n_threads + 1)
    rest = np.linspace(first, PARTS, n_threads) if n_threads > 1 else np.array([PARTS])
    return np.concatenate([[0], rest.round()]).astype(np.int64)


def common_row(docs: Docs, order: np.ndarray) -> int:
    """Return the last feature of most documents, -1 if there is none; by a look at some of them."""
    some = order[:: max(order.size // 64, 1)]
    lasts = docs.ids[docs.indptr[some + 1] - 1]
    rows, counts = np.unique(lasts, return_counts=True)
    best = int(counts.argmax())
    return int(rows[best]) if 2 * counts[best] > some.size else -1
