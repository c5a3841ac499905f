"""How a training kernel reads and moves the rows of a document's features.

Two kinds, with the same arguments: from the input table itself, or pooled already (`parts.Pooled`):
then other functions read and move the rows, before and after (see `rounds`), all but one that
nearly every document has.

The functions:

    width(inputs) -> dim
    find(inputs, docs, doc, i) -> first, last       where the features lie; the same: there is none
    fetch(inputs, docs, order, i)                   ask for what is needed soon
    pool(inputs, ids, weights, first, last, i, step, path, settings, average_from, hidden)
    push(inputs, ids, weights, first, last, i, gradient, lr, step, settings, noise)

inputs : Table or Pooled
i : int
    Place of the document in what the kernel was given to visit.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.blocks import (
    LANES,
    add_product,
    fetch_rows,
    load_block,
    merge_tables,
    pool_rows,
    prefetch,
    push_rows,
    store_block,
)
from fasttext_lite.compiled.compiling import FAST_LEAF, compiler
from fasttext_lite.training.kernels.parts import PARTS
from fasttext_lite.training.kernels.regularizers import clip_factor
from fasttext_lite.training.kernels.rows import axpy

_leaf = compiler(FAST_LEAF)  # handing over many arrays costs more than they do

AHEAD = 4  # documents whose features are on their way from memory


# -- where the features lie --------------------------------------------------------------------
@_leaf
def find_rows(inputs, docs, doc, i):
    """Return where the features of a document lie."""
    return docs.indptr[doc], docs.indptr[doc + 1]


@_leaf
def find_pooled(inputs, docs, doc, i):
    """Return 0 and the number of features that were pooled."""
    return np.int64(0), inputs.counts[inputs.base[0] + i]


@_leaf
def _width_of_rows(inputs):
    return inputs.values.shape[1]


@_leaf
def _width_of_pooled(inputs):
    return inputs.gradients.shape[1]


# -- plain training ------------------------------------------------------------------------------
@_leaf
def fetch_features(ids, weights, indptr, order, i):
    """Ask for the features of a document that comes later than order[i]."""
    if i + 2 * AHEAD < order.size:
        prefetch(indptr, order[i + 2 * AHEAD])
    if i + AHEAD < order.size:
        doc = order[i + AHEAD]
        for j in range(indptr[doc], indptr[doc + 1], LANES):
            prefetch(ids, j)
            prefetch(weights, j)


@_leaf
def _fetch_labels(inputs, docs, order, i):
    """Ask for what is known of documents but for their features."""
    if i + 2 * AHEAD < order.size:
        doc = order[i + 2 * AHEAD]
        prefetch(docs.label_indptr, doc)
        prefetch(docs.doc_weights, doc)
    if i + AHEAD < order.size:
        prefetch(docs.label_ids, docs.label_indptr[order[i + AHEAD]])


@_leaf
def _fetch_pooled(inputs, docs, order, i):
    """Ask for the sums of parts, which other threads have written."""
    _fetch_labels(inputs, docs, order, i)
    if i + 2 < order.size:
        width = inputs.values.shape[1]
        at = (inputs.base[0] + i + 2) * width
        for d in range(0, width, LANES):
            prefetch(inputs.values, at + d)


@_leaf
def _fetch_rows(inputs, docs, order, i):
    if i + 1 < order.size:
        doc = order[i + 1]
        fetch_rows(inputs.values, inputs.own, docs.ids, docs.indptr[doc], docs.indptr[doc + 1])
    fetch_features(docs.ids, docs.weights, docs.indptr, order, i)
    _fetch_labels(inputs, docs, order, i)


@_leaf
def _pool_rows(
    inputs, ids, weights, first, last, i, step, path, settings, average_from, hidden
):  # fmt: skip
    pool_rows(inputs.values, inputs.own, ids, weights, first, last, hidden)


@_leaf
def _push_rows(inputs, ids, weights, first, last, i, gradient, lr, step, settings, noise):
    push_rows(inputs.values, inputs.own, ids, weights, first, last, gradient, lr, noise)


@_leaf
def _pool_pooled(
    inputs, ids, weights, first, last, i, step, path, settings, average_from, hidden
):  # fmt: skip
    """Take the pooled vector, and add the row that is not in it."""
    at = inputs.base[0] + i
    dim = hidden.size
    table, begin = inputs.rows.values, np.int64(inputs.common[0]) * hidden.size
    for d in range(0, dim, LANES):
        n = dim - d
        block = load_block(inputs.values, at * PARTS * dim + d, n)
        for part in range(1, PARTS):
            more = load_block(inputs.values, (at * PARTS + part) * dim + d, n)
            block = add_product(block, 1.0, more)
        if inputs.shares[at] != 0:
            block = add_product(block, inputs.shares[at], load_block(table, begin + d, n))
        store_block(hidden, d, block, n, np.uint32(0))


@_leaf
def _push_pooled(inputs, ids, weights, first, last, i, gradient, lr, step, settings, noise):
    """Keep the gradient, and move the row that is not in the pooled vectors."""
    at = inputs.base[0] + i
    for d in range(gradient.size):  # as a slice it would be copied first
        inputs.gradients[at, d] = gradient[d]
    inputs.rates[at] = lr
    inputs.visited[at] = 1
    if inputs.shares[at] != 0:
        push_rows(
            inputs.rows.values, inputs.rows.own, inputs.common, inputs.shares[at:], 0, 1,
            gradient, lr, noise,
        )  # fmt: skip


@_leaf
def _part_rows(inputs):
    """Copy the rows that a thread has for itself."""
    for row in range(inputs.own.shape[0]):
        for d in range(inputs.own.shape[1]):
            number = inputs.values[row, d]
            inputs.own[row, d] = number
            inputs.before[row, d] = number


@_leaf
def _join_rows(inputs):
    """Add what the thread has changed to the rows of all threads, and go on from there."""
    merge_tables(inputs.values, inputs.own, inputs.before)


@_leaf
def _nothing(inputs):
    pass


def plain_inputs(parts):
    """Return find, fetch, pool, push, part and join of plain training."""
    if parts.pooled:
        return find_pooled, _fetch_pooled, _pool_pooled, _push_pooled, _nothing, _nothing
    return find_rows, _fetch_rows, _pool_rows, _push_rows, _part_rows, _join_rows


# -- with other parts ------------------------------------------------------------------------------
def general_inputs(parts, settle, move):
    """Return width, find, pool and push.

    Parameters
    ----------
    parts : Parts
    settle, move : compiled function
        See `general`.
    """
    if parts.pooled:
        return _general_pooled(parts, settle, move)
    lazy, clip = parts.shrink or parts.average, parts.clip

    @_leaf
    def pool(inputs, ids, weights, first, last, i, step, path, settings, average_from, hidden):
        hidden[:] = 0
        for j in range(first, last):
            if lazy:
                settle(inputs, ids[j], step, path, settings, average_from)
            axpy(weights[j], inputs.values, ids[j], hidden)

    @_leaf
    def push(inputs, ids, weights, first, last, i, gradient, lr, step, settings, noise):
        factor = np.float32(1)
        if clip:
            factor = clip_factor(settings.clip, weights[first:last], last - first, gradient)
        for j in range(first, last):
            move(inputs, ids[j], factor * weights[j], gradient, lr, step, settings)

    return _width_of_rows, find_rows, pool, push


def _general_pooled(parts, settle, move):
    lazy, clip = parts.shrink or parts.average, parts.clip

    @_leaf
    def pool(inputs, ids, weights, first, last, i, step, path, settings, average_from, hidden):
        at = inputs.base[0] + i
        for d in range(hidden.size):
            hidden[d] = 0
            for part in range(PARTS):
                hidden[d] += inputs.values[at, part * hidden.size + d]
        if inputs.shares[at] != 0:
            if lazy:
                settle(inputs.rows, inputs.common[0], step, path, settings, average_from)
            axpy(inputs.shares[at], inputs.rows.values, inputs.common[0], hidden)

    @_leaf
    def push(inputs, ids, weights, first, last, i, gradient, lr, step, settings, noise):
        at = inputs.base[0] + i
        factor = np.float32(1)
        if clip:
            factor = clip_factor(settings.clip, inputs.lengths[at:], 1, gradient)
        for d in range(gradient.size):
            inputs.gradients[at, d] = gradient[d]
        inputs.factors[at] = factor
        inputs.rates[at] = lr
        inputs.visited[at] = 1
        if inputs.shares[at] != 0:
            scale = factor * inputs.shares[at]
            move(inputs.rows, inputs.common[0], scale, gradient, lr, step, settings)

    return _width_of_pooled, find_pooled, pool, push
