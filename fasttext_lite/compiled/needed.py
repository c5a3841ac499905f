"""Which blocks of a `paging.PagedTable` are missing that rows need."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.addresses import acquire
from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.paging import PagedTable

_leaf = compiler(LEAF)
_STEP = 1 << 16  # rows that are looked at in one go


@_leaf
def find_missing(rows, n, shift, there, missing):
    """Write the numbers of the blocks that rows[:n] need and that are not there.

    Parameters
    ----------
    rows : int32[]
    n, shift : int
        Row r is in block r >> shift.
    there : uint8[n_blocks]
        See `paging.PagedTable`; others may set bytes meanwhile.
    missing : int32[]
        Written in place: as many as are returned, repeated where rows share a block.  May be
        `rows`.

    Returns
    -------
    n_missing : int
    """
    are_there = np.uint8(1)
    for j in range(n):
        are_there &= there[np.int64(rows[j]) >> shift]
    n_missing = np.int64(0)
    if are_there == 0:
        for j in range(n):
            block = np.int64(rows[j]) >> shift
            if there[block] == 0:
                missing[n_missing] = block
                n_missing += 1
    acquire()
    return n_missing


def load_rows(table: PagedTable, rows: np.ndarray) -> None:
    """See to it that the blocks of rows are there.

    Parameters
    ----------
    table : PagedTable
    rows : int32[]

    Raises
    ------
    ModelError
        As `PagedTable.load`.
    """
    missing = np.empty(min(rows.size, _STEP), np.int32)
    for first in range(0, rows.size, _STEP):
        part = rows[first : first + _STEP]
        n = find_missing(part, part.size, table.shift, table.there, missing)
        if n > 0:
            table.load(missing[:n])
