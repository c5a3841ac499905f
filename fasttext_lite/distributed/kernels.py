"""Rows of a table as they are exchanged: without the columns that are 0; the rows of a share.

float16 are held as their bits, uint16.  Rounding is at random, up or down with the chances that
keep the mean (`compiled.blocks.store_block`): what many rounds add up stays right.
"""

from __future__ import annotations

import math

import numpy as np

from fasttext_lite.compiled.blocks import LANES, add_product, load_block, store_block
from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.compiled.random import STEP, mix

_kernel = compiler(FAST)


@_kernel
def _lanes(at, size, n):
    """Return how many numbers to touch at a place: a whole block, if there is room for it.

    A part of a block costs more. What is beyond `n` is read in vain, or written again.
    """
    return LANES if at + LANES <= size else n


@_kernel
def pack_rows(table, rows, seed, packed):
    """Copy the first columns of some rows.

    Parameters
    ----------
    table : float32[n_rows, dim]
    rows : int32[n]
    seed : uint64
        Of the rounding.
    packed : uint16[n, n_columns]
        Written in place.
    """
    dim, n_columns, size = table.shape[1], packed.shape[1], packed.size
    for i in range(rows.size):
        noise = np.uint32(mix(seed + np.uint64(i) * STEP) >> np.uint64(32))
        for d in range(0, n_columns, LANES):
            at = i * n_columns + d
            block = load_block(table, np.int64(rows[i]) * dim + d, dim - d)
            store_block(packed, at, block, _lanes(at, size, n_columns - d), noise)


@_kernel
def unpack_rows(packed, table):
    """Copy rows to the first columns of a table, float32[n, dim], written in place."""
    dim, n_columns, size = table.shape[1], packed.shape[1], packed.size
    for i in range(len(packed)):
        for d in range(0, n_columns, LANES):
            at = i * n_columns + d
            block = load_block(packed, at, _lanes(at, size, n_columns - d))
            store_block(table, i * dim + d, block, n_columns - d, np.uint32(0))


@_kernel
def pack_changes(table, before, seed, changes):
    """Write how the rows of a table differ from what they were.

    Parameters
    ----------
    table : float32[n, dim]
    before : uint16[n, n_columns]
    seed : uint64
        Of the rounding.
    changes : uint16[n, n_columns]
        Written in place.
    """
    dim, n_columns, size = table.shape[1], changes.shape[1], changes.size
    for i in range(len(changes)):
        noise = np.uint32(mix(seed + np.uint64(i) * STEP) >> np.uint64(32))
        for d in range(0, n_columns, LANES):
            at = i * n_columns + d
            n = _lanes(at, size, n_columns - d)
            block = load_block(table, i * dim + d, dim - d)
            block = add_product(block, np.float32(-1), load_block(before, at, n))
            store_block(changes, at, block, n, noise)


@_kernel
def add_energy(rows, energy, rate, total, moved):
    """Add the energy of a block's rows, and which part of their way they went, see `rounds`.

    Parameters
    ----------
    rows : int32[n], energy : float32[n]
    rate : float64
    total, moved : float64[n_rows]
        Written in place.
    """
    for i in range(rows.size):
        total[rows[i]] += energy[i]
        moved[rows[i]] -= math.expm1(-rate * np.float64(energy[i]))


@_kernel
def add_changes(table, rows, changes, rate, total, moved):
    """Add the changes of a block's rows, corrected for those of other blocks, see `rounds`.

    Parameters
    ----------
    table : float32[n_rows, dim]
        Written in place.
    rows : int32[n], changes : uint16[n, n_columns]
    rate : float64
    total, moved : float64[n_rows]
        As `add_energy` has made them of all blocks.
    """
    dim, n_columns, size = table.shape[1], changes.shape[1], changes.size
    for i in range(rows.size):
        row = np.int64(rows[i])
        factor = np.float32(1)
        if moved[row] > 0:
            factor = np.float32(-math.expm1(-rate * total[row]) / moved[row])
        for d in range(0, n_columns, LANES):
            at = i * n_columns + d
            block = load_block(changes, at, _lanes(at, size, n_columns - d))
            block = add_product(load_block(table, row * dim + d, dim - d), factor, block)
            store_block(table, row * dim + d, block, n_columns - d, np.uint32(0))


@_kernel
def append_lists(sizes, items, ends, joined):
    """Append lists to others.

    Parameters
    ----------
    sizes : int32[n]
        Of each list.
    items : uint8[], uint16[] or int32[]
        List after list.
    ends : int64[n]
        On entry where each of the others ends, on return where the appended one does.
    joined : uint8[], uint16[] or int32[]
        With the others; written in place.
    """
    at = np.int64(0)
    for i in range(sizes.size):
        end = ends[i]
        for j in range(sizes[i]):
            joined[end + j] = items[at + j]
        at += sizes[i]
        ends[i] = end + sizes[i]


@_kernel
def number_own(ids, numbers, n_often, rows):
    """Replace the rows of a share's texts by numbers of its own.

    Parameters
    ----------
    ids : int32[n_entries]
        Written in place.
    numbers : int32[n_rows]
        Of the first `n_often` rows these, of the others -1; written in place.
    n_often : int
    rows : int32[n_rows]
        Written in place: the others that occur, ascending, which are numbered on in this order.

    Returns
    -------
    int
        How many these are.
    """
    for i in range(ids.size):
        if numbers[ids[i]] < 0:
            numbers[ids[i]] = 0
    n = np.int64(0)
    for row in range(n_often, numbers.size):
        if numbers[row] >= 0:
            numbers[row] = n_often + n
            rows[n] = row
            n += 1
    for i in range(ids.size):
        ids[i] = numbers[ids[i]]
    return n


@_kernel
def sum_energy(ids, weights, indptr, doc_weights, energy):
    """Add the squared weights that texts have in each row to `energy`, float64[n_rows].

    Parameters
    ----------
    ids : int32[n_entries], weights : float32[n_entries], indptr : int64[n_docs + 1]
    doc_weights : float32[n_docs]
        By which those of a text are multiplied.
    """
    for doc in range(indptr.size - 1):
        for i in range(indptr[doc], indptr[doc + 1]):
            weight = np.float64(weights[i])
            energy[ids[i]] += doc_weights[doc] * weight * weight
