"""Numbers of each text, of more texts than should lie in memory: arrays in files without a name.

Who goes over such an array gives its memory back now and then (`release`): what is needed again is
read again. All of them are known here, so that a stage need not know which arrays lie in files.
"""

from __future__ import annotations

import contextlib
import mmap
import weakref
from typing import IO, Any

import numpy as np

from fasttext_lite import system
from fasttext_lite.disk.replacing import naming

PART = 1 << 20  # numbers worked on at a time

_MAPS: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


class Column:
    """An array that grows at its end.

    Parameters
    ----------
    dtype : dtype
    is_filed : bool
        Whether it lies in a file, and not in memory.
    """

    def __init__(self, dtype: Any, is_filed: bool = False) -> None:
        self.dtype = np.dtype(dtype)
        self._file: IO[bytes] | None = None
        if is_filed:
            self._file = system.nameless_file()
            weakref.finalize(self, _forget, self._file)
        self._parts: list[np.ndarray] = []

    def append(self, array: np.ndarray) -> None:
        """Add numbers; they are copied.

        Raises
        ------
        OSError
            If the disk is full, with the name of the folder of temporary files.
        """
        array = np.array(array, self.dtype)
        if self._file is None:
            self._parts.append(array)
        else:
            with naming(system.temporary_folder()):
                self._file.write(array.view(np.uint8).data)

    def array(self) -> np.ndarray:
        """Return all numbers; the column is spent."""
        file, parts = self._file, self._parts
        self._file, self._parts = None, []
        if file is None:
            return np.concatenate([np.empty(0, self.dtype), *parts])
        with naming(system.temporary_folder()), file:  # closing it may write once more
            file.flush()
            if file.tell() == 0:
                return np.empty(0, self.dtype)
            mapped = system.map_file(file, is_written=True)
        _MAPS.add(mapped)
        return np.frombuffer(mapped, self.dtype)


def _forget(file: IO[bytes]) -> None:
    """Close a file that nobody needs: what is not written yet may find the disk full."""
    with contextlib.suppress(OSError):
        file.close()


def is_filed(array: np.ndarray) -> bool:
    """Return whether an array is that of a `Column` in a file, or a part of one."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    base = array.base
    base = base.obj if isinstance(base, memoryview) else base
    return isinstance(base, mmap.mmap) and base in _MAPS


def release() -> None:
    """Give the memory of all columns in files back."""
    system.release(list(_MAPS))
