"""Large tables that stay in their file until their rows are needed, in memory of one's own.

A map of a file would do the same for nothing, but whoever cuts or overwrites that file in its place
(``cp new.ftl model.ftl``) ends every process that has it mapped, by a signal that nothing can
catch.  So a table gets memory of its own, which costs nothing until it is touched, and is read from
the file block by block: a block is a power of two of rows, and a byte says whether it is there.
Before the rows of a document are summed, a kernel looks at the bytes of their blocks
(`compiled.needed.find_missing`), and what is missing is read with ``pread``, checked, and put into
its place.  A block that is there is never read again, so what happens to the file later changes no
answer that it has given.

Whoever wants many processes to share one copy asks for a map all the same (`PagedTable.is_mapped`):
then blocks are looked at and checked in the same way, but stay in the file.
"""

from __future__ import annotations

import mmap
import os
import threading
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from fasttext_lite import system
from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.errors import ModelError

BLOCK = 1 << 16  # bytes that a block has at most, unless a row has more
LARGE = 1 << 22  # bytes of a table from which on it is read block by block


def rows_of_block(row_bytes: int) -> int:
    """Return how many rows a block has: a power of two."""
    return 1 << max((BLOCK // max(row_bytes, 1)).bit_length() - 1, 0)


class OpenFile:
    """A file that is open for as long as something may be read from it.

    Parameters
    ----------
    path : str

    Attributes
    ----------
    path : str
    number : int
        Of the open file; it stays the same file when another one gets its name.
    size : int
        When it was opened.

    Raises
    ------
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        status = os.fstat(self.number)
        self.size, self._time = status.st_size, status.st_mtime_ns

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if hasattr(self, "number"):
            close(self.number)

    @property
    def is_changed(self) -> bool:
        """Whether somebody has written to the file since it was opened, or cut it."""
        status = os.fstat(self.number)
        return (status.st_size, status.st_mtime_ns) != (self.size, self._time)

    def check_unchanged(self) -> None:
        """Raise `ModelError` if the file is not what it was when it was opened."""
        if self.is_changed:
            raise ModelError(
                f"{self.path}: the file was changed in its place after it was loaded: load it "
                "again (a model that is in use is replaced by renaming another file to its name)"
            )


class PagedTable:
    """A table whose blocks of rows are read from a file when they are first needed.

    Blocks may be loaded from many threads at once.

    Parameters
    ----------
    file : OpenFile
    place : int
        Where the table begins in the file.
    shape : tuple of int
        Rows and columns.
    dtype : dtype
    name : str
        What messages call it.
    checks : uint32[n_blocks], optional
        CRC-32 of each block.  Without, a block's numbers must be finite, and the file the one that
        was opened: not written to since.
    rows : int, optional
        Of a block, a power of two; default: as `rows_of_block` says.
    is_mapped : bool
        Whether the table is a map of the file, which processes share, and not memory of its own.

    Attributes
    ----------
    array : ndarray of shape `shape`
        Read-only; holds zeros where blocks are not there yet (a map: what was not checked yet).
    there : uint8[n_blocks]
        1 for each block that is there, else 0: kernels look at it.
    shift : int
        Row r is in block r >> shift.
    """

    def __init__(
        self,
        file: OpenFile,
        place: int,
        shape: tuple[int, int],
        dtype: Any,
        name: str,
        checks: np.ndarray | None = None,
        rows: int | None = None,
        is_mapped: bool = False,
    ) -> None:
        self._file, self._place, self._name, self._checks = file, place, name, checks
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._row_bytes = shape[1] * self.dtype.itemsize
        rows = rows_of_block(self._row_bytes) if rows is None else rows
        self.shift = rows.bit_length() - 1
        self.there = np.zeros(-(-shape[0] // rows), np.uint8)
        self.is_mapped = is_mapped
        self.nbytes = shape[0] * self._row_bytes
        if is_mapped:
            whole = np.frombuffer(mmap.mmap(file.number, 0, access=mmap.ACCESS_READ), np.uint8)
            self._memory = whole[place : place + self.nbytes]
        else:
            self._memory = np.frombuffer(system.lazy_memory(self.nbytes), np.uint8)
        self.array = read_only(self._memory.view(self.dtype).reshape(shape))

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self.shape[0] * self.shape[1]

    @property
    def is_complete(self) -> bool:
        """Whether all blocks are there."""
        return bool(self.there.all())

    def check_unchanged(self) -> None:
        """Raise `ModelError` where the table is a map of a file that somebody has written to."""
        if self.is_mapped:
            self._file.check_unchanged()

    def load(self, blocks: np.ndarray) -> None:
        """See to it that blocks are there.

        Parameters
        ----------
        blocks : int[]
            Their numbers, in any order, repeated or not.

        Raises
        ------
        ModelError
            If the file is damaged, or was cut or written to since it was opened.
        """
        scratch = np.empty(min(self._row_bytes << self.shift, self.nbytes), np.uint8)
        for block in np.unique(blocks).tolist():
            if not self.there[block]:
                self._load(block, scratch)

    def complete(self) -> np.ndarray:
        """Return the array with all blocks.

        Raises
        ------
        ModelError
            As `load`.
        """
        self.load(np.flatnonzero(self.there == 0))
        return self.array

    def _load(self, block: int, scratch: np.ndarray) -> None:
        """Read one block: first beside its place, so that nobody ever sees what is not checked."""
        first = block * (self._row_bytes << self.shift)
        target = self._memory[first : first + scratch.size]
        if self.is_mapped:
            self._file.check_unchanged()  # what was cut off may not be touched
            self._check(target, block)
        else:
            data = scratch[: target.size]
            try:
                n = system.read_at(self._file.number, self._place + first, data.data)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise ModelError(f"{self._file.path}: cannot read the model: {reason}") from None
            if n < data.size:
                self._file.check_unchanged()
                raise ModelError(f"{self._file.path}: the model file is cut: {self._where(block)}")
            self._check(data, block)
            with threading.Lock():  # a barrier: the numbers are there before the byte says so
                target[:] = data
        with threading.Lock():
            self.there[block] = 1

    def _check(self, data: np.ndarray, block: int) -> None:
        """Raise `ModelError` unless a block is what was written."""
        if self._checks is not None:
            fault = zlib.crc32(data.data) != self._checks[block]
            what = "its checksum is another"
        else:
            fault = self.dtype.kind == "f" and not np.isfinite(data.view(self.dtype)).all()
            what = "it holds values that are not finite"
            self._file.check_unchanged()
        if fault:
            self._file.check_unchanged()
            raise ModelError(
                f"{self._file.path}: the model file is damaged: {self._where(block)}: {what}"
            )

    def _where(self, block: int) -> str:
        first = block << self.shift
        last = min(first + (1 << self.shift), self.shape[0]) - 1
        return f"array {self._name}, rows {first:,} to {last:,}"


def block_checks(array: np.ndarray, rows: int) -> np.ndarray:
    """Return the CRC-32 of each block of some rows of a table, uint32[n_blocks]."""
    parts = (array[first : first + rows] for first in range(0, len(array), rows))
    return np.array([zlib.crc32(np.ascontiguousarray(part).data) for part in parts], np.uint32)
