"""Arrays as kernels want them: read-only, rows of uneven length one after another, aligned."""

from __future__ import annotations

from typing import Any

import numpy as np

CACHE_LINE = 64  # bytes
TAKEN = 1 << 18  # entries copied at a time


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a view that cannot be written.

    To a compiled kernel a read-only array is another type: what may be read-only (text from
    bytes, tables mapped from a file) always is, so that each kernel is compiled once.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def take_ragged(
    indptr: np.ndarray, chosen: np.ndarray, *arrays: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return chosen rows of arrays whose rows have uneven lengths.

    Parameters
    ----------
    indptr : int64[n_rows + 1]
        Row i of each array is array[indptr[i]:indptr[i + 1]].
    chosen : int[n]
        Numbers of rows from 0 on, in any order, repeated or not.
    *arrays

    Returns
    -------
    indptr : int64[n + 1]
    *arrays
        The rows in the order of `chosen`, copied.

    Raises
    ------
    IndexError
        If there is no such row.
    """
    rows = np.asarray(chosen, np.int64)
    if rows.min(initial=0) < 0:
        raise IndexError(f"there is no row {rows.min()}")
    starts = indptr[rows]
    sizes = indptr[rows + 1] - starts
    new = np.zeros(rows.size + 1, np.int64)
    np.cumsum(sizes, out=new[1:])
    taken = [np.empty(new[-1], array.dtype) for array in arrays]
    first = 0
    while first < rows.size:  # some rows at a time: places take eight bytes for each entry
        last = max(first + 1, int(np.searchsorted(new, new[first] + TAKEN, "right")) - 1)
        begin, end = new[first], new[last]
        shifts = starts[first:last] - new[first:last]
        places = np.arange(begin, end) + np.repeat(shifts, sizes[first:last])
        for array, into in zip(arrays, taken, strict=True):
            np.take(array, places, out=into[begin:end], mode="clip")  # "raise" takes a copy
        first = last
    return new, *taken


def make_table(n_rows: int, dim: int, dtype: Any = np.float32) -> np.ndarray:
    """Return zeros of shape (n_rows, dim) that begin at a cache line.

    Rows of 16 floats and multiples of it then lie in as few lines as can be; NumPy's own arrays
    begin 16 bytes behind a line. Fetching rows at random takes up to a quarter less time.
    """
    size = n_rows * dim * np.dtype(dtype).itemsize
    memory = np.zeros(size + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return memory[first : first + size].view(dtype).reshape(n_rows, dim)
