"""Input and output tables of fastText models: dense, in memory or mapped, or product-quantised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.compat.kernels.text import KernelTable
from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.compiled.needed import load_rows
from fasttext_lite.compiled.paging import PagedTable
from fasttext_lite.errors import NotFiniteError
from fasttext_lite.model.quantization import QuantizedMatrix

CHUNK_ROWS = 1 << 14  # of a table that are made at a time
# The first words are fastText's.
_NOT_FINITE = (
    "Encountered NaN. Numbers of the model, or sums of them, are not finite: its file is damaged"
)
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
    paged : PagedTable, optional
        What reads the rows from a file when they are needed; without, they are there.
    """

    data: np.ndarray
    dim: int
    places: np.ndarray
    paged: PagedTable | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        self.read()
        return DenseTable, (self.data, self.dim, self.places)

    @classmethod
    def of_file(cls, paged: PagedTable) -> DenseTable:
        """Make a table whose rows are read when they are needed."""
        return cls(paged.array.reshape(-1).view(np.uint8), paged.shape[1], _NO_PLACES, paged)

    def read(self, rows: np.ndarray | None = None) -> None:
        """See to it that rows are there, default all.

        Parameters
        ----------
        rows : int[], optional

        Raises
        ------
        ModelError
            If the file was changed, cut, or is damaged.
        """
        if self.paged is None or self.paged.is_complete:
            return
        if rows is None:
            self.paged.complete()
        else:
            load_rows(self.paged, np.asarray(rows).astype(np.int32))

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
        """Return rows, or all of them, as float32[n, dim]; a copy.

        Raises
        ------
        NotFiniteError
            If a number of them is NaN or infinite.
        """
        if rows is None:
            rows = np.arange(self.shape[0])
        self.read(rows)
        if not self.places.size:
            found = np.array(self._stored[rows], np.float32)
        else:
            at = self.places[rows]
            found = np.zeros((len(at), self.dim), np.float32)
            found[at >= 0] = self._stored[at[at >= 0]]
        if not is_finite(found):
            raise not_finite()
        return found

    def is_finite(self) -> bool:
        """Return whether all numbers are finite; reads them all."""
        self.read()
        return is_finite(self._stored)

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


def is_finite(numbers: np.ndarray) -> bool:
    """Return whether all numbers of an array are finite, without an array of as many answers."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = numbers.sum(dtype=np.float32)  # finite only if all of its terms are
    return bool(np.isfinite(total)) or bool(np.isfinite(numbers).all())


def not_finite() -> NotFiniteError:
    """Return the error of a model whose numbers, or sums of them, are none."""
    return NotFiniteError(_NOT_FINITE)


def dense(table: DenseTable | QuantizedMatrix) -> DenseTable:
    """Return a table with all its numbers."""
    return table if isinstance(table, DenseTable) else DenseTable.of(table.decode())
