"""Input and output tables of fastText models: dense, in memory or mapped, or product-quantised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fasttext_lite.compat.kernels.text import KernelTable
from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.model.quantization import QuantizedMatrix

CHUNK_ROWS = 1 << 14  # of a table that are made at a time
PAGE = 1 << 12  # bytes; as many zeros need no room on a disk
_NO_BYTES = read_only(np.empty(0, np.uint8))
_NO_PLACES = read_only(np.empty(0, np.int32))
_NO_CODES = read_only(np.empty((0, 1), np.uint8))
_NO_NUMBERS = read_only(np.empty(0, np.float32))


@dataclass(frozen=True)
class DenseTable:
    """Rows of float32 numbers.

    Attributes
    ----------
    data : uint8[4 * n_stored * dim]
        Their bytes, read-only, wherever they begin in memory (a file aligns nothing).
    dim : int
    places : int32[n_rows]
        Which stored row each row is; -1 for zeros. Empty: each row is stored.
    """

    data: np.ndarray
    dim: int
    places: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, places: np.ndarray | None = None) -> DenseTable:
        """Make a table of float32[n_stored, dim]."""
        rows = np.ascontiguousarray(rows, np.float32)
        places = _NO_PLACES if places is None else read_only(places.astype(np.int32))
        return cls(read_only(rows.reshape(-1).view(np.uint8)), rows.shape[1], places)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        stored = self.data.size // (4 * self.dim)
        return self.places.size or stored, self.dim

    @property
    def _stored(self) -> np.ndarray:
        return self.data.view(np.float32).reshape(-1, self.dim)

    def decode(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Return rows, or all of them, as float32[n, dim]; a copy."""
        if rows is None:
            rows = np.arange(self.shape[0])
        if not self.places.size:
            return np.array(self._stored[rows], np.float32)
        at = self.places[rows]
        found = np.zeros((len(at), self.dim), np.float32)
        found[at >= 0] = self._stored[at[at >= 0]]
        return found

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield all rows in order, some thousands at a time."""
        for first in range(0, self.shape[0], CHUNK_ROWS):
            yield self.decode(np.arange(first, min(first + CHUNK_ROWS, self.shape[0])))

    def runs(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield all rows in order, but for long stretches of zeros.

        Yields
        ------
        n_zeros : int
            Rows of zeros that come first.
        rows : float32[n, dim]
        """
        if not self.places.size:
            yield from ((0, rows) for rows in self.chunks())
            return
        n_zeros = 0
        least = max(PAGE // (4 * self.dim), 1)
        for first in range(0, self.shape[0], CHUNK_ROWS):
            last = min(first + CHUNK_ROWS, self.shape[0])
            stored = np.flatnonzero(self.places[first:last] >= 0)
            if not stored.size:
                n_zeros += last - first
                continue
            rows = self.decode(np.arange(first, last))
            gaps = np.flatnonzero(np.diff(stored) > least)
            begins = np.append(stored[0], stored[gaps + 1])
            ends = np.append(stored[gaps], stored[-1]) + 1
            at = 0
            for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
                yield n_zeros + begin - at, rows[begin:end]
                n_zeros, at = 0, end
            n_zeros = last - first - at
        if n_zeros:
            yield n_zeros, np.empty((0, self.dim), np.float32)


def kernel_table(table: DenseTable | QuantizedMatrix) -> KernelTable:
    """Return a table as kernels take it."""
    if isinstance(table, DenseTable):
        return KernelTable(
            table.data, table.places, _NO_CODES, _NO_NUMBERS, _NO_BYTES, _NO_NUMBERS, 1
        )
    norms = table.norm_quantizer
    norm_codes = _NO_BYTES if table.norm_codes is None else read_only(table.norm_codes)
    return KernelTable(
        _NO_BYTES, _NO_PLACES, read_only(table.codes), read_only(table.quantizer.centroids),
        norm_codes, _NO_NUMBERS if norms is None else read_only(norms.centroids),
        table.quantizer.dsub,
    )  # fmt: skip


def dense(table: DenseTable | QuantizedMatrix) -> DenseTable:
    """Return a table with all its numbers."""
    return table if isinstance(table, DenseTable) else DenseTable.of(table.decode())
