"""Arithmetic on a row of a table."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)


@_kernel
def dot(table, row, vector):
    """Return the inner product of table[row] and vector."""
    total = np.float32(0)
    for d in range(vector.size):
        total += table[row, d] * vector[d]
    return total


@_kernel
def axpy(scale, table, row, vector):
    """Add scale * table[row] to vector."""
    for d in range(vector.size):
        vector[d] += scale * table[row, d]
