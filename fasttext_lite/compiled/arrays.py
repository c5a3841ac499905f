"""Arrays as kernels want them: aligned, frozen, cut into pieces of uneven length."""

from __future__ import annotations

from typing import Any

import numpy as np


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a view that cannot be written.

    To a compiled kernel a read-only array is another type: what may be read-only (text from
    bytes, tables mapped from a file) always is, so that each kernel is compiled once.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def ragged_entries(indptr: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where rows begin when the chosen ones stand together, and what to take for them."""
    sizes = indptr[np.add(chosen, 1)] - indptr[chosen]
    new = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(sizes, out=new[1:])
    return new, np.arange(new[-1]) + np.repeat(indptr[chosen] - new[:-1], sizes)


CACHE_LINE = 64  # bytes


def make_table(n_rows: int, dim: int, dtype: Any = np.float32) -> np.ndarray:
    """Return zeros of shape (n_rows, dim) that begin at a cache line.

    Rows of 16 floats and multiples of it then lie in as few lines as can be; NumPy's own arrays
    begin 16 bytes behind a line. Fetching rows at random takes up to a quarter less time.
    """
    size = n_rows * dim * np.dtype(dtype).itemsize
    memory = np.zeros(size + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return memory[first : first + size].view(dtype).reshape(n_rows, dim)
