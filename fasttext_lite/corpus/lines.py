"""Lines of plain text as documents: the parser of blocks of the format text."""

from __future__ import annotations

from typing import Any

import numpy as np

from fasttext_lite.corpus import kernels


def read_lines(block: np.ndarray, mark: np.ndarray, state: Any, docs: Any, table: Any) -> int:
    """Add each line of a block as a document without labels.

    Parameters
    ----------
    block : uint8[n_bytes]
        Good UTF-8, not empty.
    mark : uint8[n]
        Tokens that begin with it are left out; none if it is empty.
    state, docs, table
        See `corpus.kernels`; written in place.

    Returns
    -------
    int
        DONE, or FULL_DOCS before anything is written.
    """
    text, offsets, _, indptr = docs
    if block[-1] == kernels.NEWLINE:
        block = block[:-1]
    n = np.count_nonzero(block == kernels.NEWLINE) + 1
    first, at = state[kernels.N_DOCS], state[kernels.N_BYTES]
    if first + n >= offsets.size:
        return kernels.FULL_DOCS
    places = slice(first, first + n + 1)
    kernels.clean_lines(block, mark, text[at:], offsets[places])
    offsets[places] += at
    indptr[places] = indptr[first]
    state[kernels.N_DOCS] += n
    state[kernels.N_BYTES] = offsets[first + n]
    state[kernels.LINES] += n
    return kernels.DONE
