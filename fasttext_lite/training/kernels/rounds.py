"""Training whose result does not depend on the number of threads: documents in rounds.

A round is `ROUND` documents, or fewer where they are long.  Any thread pools the rows of any of
them; one thread visits them in order, from the pooled vectors to their gradients, and moves all that lies above the input table;
then each thread moves the rows that are its own, document after document.  So every number is
computed from the same numbers in the same order, whoever does it.

While one thread visits a round, the others pool the next one: what its documents know of the rows
they share is up to two rounds old.  But one row that nearly every document has, that of the bias,
is read and moved in the visit: frozen for a round, it would overshoot.

Visiting is plain or general training on what is pooled already: the kernels of `plain` and
`general`, see `inputs`.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from fasttext_lite.compiled.blocks import (
    LANES,
    add_product,
    load_block,
    fetch_rows,
    pool_rows,
    push_rows,
    store_block,
)
from fasttext_lite.compiled.compiling import FAST, FAST_LEAF, compiler
from fasttext_lite.compiled.meeting import DONE, STOPPED, TAKEN, count_up, look_at, take, wait
from fasttext_lite.compiled.random import STEP, mix
from fasttext_lite.training.kernels.general import make_move, make_settle, make_trainer
from fasttext_lite.training.kernels.inputs import fetch_ahead
from fasttext_lite.training.kernels.layers import keep_features
from fasttext_lite.training.kernels.parts import Span
from fasttext_lite.training.kernels.regularizers import shrink_row
from fasttext_lite.training.kernels.rows import axpy

_kernel = compiler(FAST)
_leaf = compiler(FAST_LEAF)  # handing over many arrays costs more than they do
ROUND = 32  # documents at most; whole batches of batch normalisation
PARTS = 16  # of the rows: so many threads can move rows at the same time
# Neighbouring rows are in the same part, for they may lie in the same cache line. 32 bits: for
# these, processors have multiplications of several numbers at a time.
NEIGHBOURS, HASH, SHIFT = np.uint32(2), np.uint32(0x9E3779B1), np.uint32(28)


@_leaf
def part_of(row):
    """Return the part, in [0, PARTS), that a row belongs to."""
    return np.uint32((np.uint32(row) >> NEIGHBOURS) * HASH) >> SHIFT


@_leaf
def own_features(
    ids, weights, first, last, first_part, last_part, common, own_ids, own_weights, is_own
):  # fmt: skip
    """Copy the features in [first, last) whose rows are in some parts; return how many.

    Not the common row. Without a branch: which part comes next, no processor can guess. `is_own`
    is uint8[last - first], written too.
    """
    for j in range(last - first):
        row = ids[first + j]
        part = part_of(row)
        is_own[j] = (part >= first_part) & (part < last_part) & (row != common)
    n = np.uint64(0)  # an index that is never negative
    for j in range(last - first):
        own_ids[n] = ids[first + j]
        own_weights[n] = weights[first + j]
        n += np.uint64(is_own[j])
    return np.int64(n)


@_leaf
def _add_row(table, row, weight, vector):
    dim = vector.size
    at = np.int64(row) * dim
    for d in range(0, dim, LANES):
        n = dim - d
        block = add_product(load_block(vector, d, n), weight, load_block(table, at + d, n))
        store_block(vector, d, block, n, np.uint32(0))


@_leaf
def _count_of(row, ids, first, last):
    n = 0
    for j in range(first, last):
        n += ids[j] == row
    return n


def _make_pool(parts):
    """Return the function that pools the rows of a document, but for the common one."""
    plain, shrink = parts.plain, parts.shrink

    @_leaf
    def pool(pooled, at, ids, weights, first, last, path, settings, spare):
        rows, hidden, common = pooled.rows, pooled.values[at], pooled.common[0]
        share = np.float32(0)
        if last > first and ids[last - 1] == common:  # where the bias is
            last -= 1
            share = weights[last]
        if plain and _count_of(common, ids, first, last) == 0:
            pool_rows(rows.values, ids, weights, first, last, hidden)
            pooled.shares[at] = share
            return
        hidden[:] = 0
        for j in range(first, last):
            if ids[j] == common:
                share += weights[j]
            elif plain:
                _add_row(rows.values, ids[j], weights[j], hidden)
            elif shrink:  # what has not been made up for yet; others read the row, too
                for d in range(hidden.size):
                    spare[0, d] = rows.values[ids[j], d]
                distance = max(path - rows.seen[ids[j], 1], 0.0)
                shrink_row(spare, 0, settings.l1, settings.l2, distance)
                axpy(weights[j], spare, 0, hidden)
            else:
                axpy(weights[j], rows.values, ids[j], hidden)
        pooled.shares[at] = share

    return pool


def _make_gather(parts):
    """Return the function that gathers documents of a round: pools their rows."""
    drop, clip = parts.feature_dropout, parts.clip
    pool = _make_pool(parts)

    @_leaf
    def gather(
        turn, start, end, size, order, docs, settings, span, seed, pooled, kept, spare, rng
    ):  # fmt: skip
        side = turn & 1
        slope = (span.lr_last - span.lr_first) / np.float32(order.size)
        for g in range(start, end):
            i, at = turn * size + g, side * ROUND + g
            path = span.path + i * (span.lr_first + slope * (i - 1) / 2)
            ids, weights = docs.ids, docs.weights
            first, last = docs.indptr[order[i]], docs.indptr[order[i] + 1]
            fetch_ahead(pooled.rows.values, docs, order, i)
            if drop:
                rng[0] = mix(~seed + np.uint64(i + 1) * STEP)
                ids, weights, place = kept.ids[side], kept.weights[side], kept.places[i]
                n = keep_features(
                    docs.ids, docs.weights, first, last, settings.feature_dropout, rng,
                    ids[place:], weights[place:],
                )  # fmt: skip
                first, last = place, place + n
            pooled.visited[at] = 0
            pooled.counts[at] = last - first
            if clip:
                squares = np.float32(0)
                for j in range(first, last):
                    squares += weights[j] * weights[j]
                pooled.lengths[at] = np.sqrt(squares)
            pool(pooled, at, ids, weights, first, last, path, settings, spare)

    return gather


def _make_find_own(parts):
    """Return the function that finds the features of a document whose rows a thread moves."""
    drop = parts.feature_dropout

    @_leaf
    def find_own(
        i, at, first_part, last_part, order, docs, pooled, kept, own_ids, own_weights, is_own
    ):  # fmt: skip
        if pooled.visited[at] == 0:
            return 0
        ids, weights = docs.ids, docs.weights
        first, last = docs.indptr[order[i]], docs.indptr[order[i] + 1]
        if drop:
            side = at // ROUND
            ids, weights = kept.ids[side], kept.weights[side]
            first, last = kept.places[i], kept.places[i] + pooled.counts[at]
        n = own_features(
            ids, weights, first, last, first_part, last_part, pooled.common[0], own_ids,
            own_weights, is_own,
        )  # fmt: skip
        fetch_rows(pooled.rows.values, own_ids, 0, n)  # another thread may have them
        return n

    return find_own


def _make_push(parts):
    """Return the function that moves rows of a document."""
    plain, lazy = parts.plain, parts.shrink or parts.average
    settle, move = make_settle(parts), make_move(parts)

    @_leaf
    def push(i, at, pooled, ids, weights, n, settings, span, slope, seed):
        gradient, lr = pooled.gradients[at], pooled.rates[at]
        if plain:
            noise = mix(seed + np.uint64(i + 1) * STEP)
            push_rows(pooled.rows.values, ids, weights, 0, n, gradient, lr, noise)
            return
        path = span.path + i * (span.lr_first + slope * (i - 1) / 2)
        for j in range(n):
            if lazy:
                settle(pooled.rows, ids[j], span.step + i, path, settings, span.average_from)
            scale = pooled.factors[at] * weights[j]
            move(pooled.rows, ids[j], scale, gradient, lr, span.step + i, settings)

    return push


def _make_spread(parts):
    """Return the function that moves the rows of some parts for a round."""
    find_own, push = _make_find_own(parts), _make_push(parts)

    @_leaf
    def spread(
        turn, first_part, last_part, size, order, docs, settings, span, seed, pooled, kept,
        own_ids, own_weights, is_own,
    ):  # fmt: skip
        start, base = turn * size, (turn & 1) * ROUND
        slope = (span.lr_last - span.lr_first) / np.float32(order.size)
        n_docs, n, n_next = min(size, order.size - start), 0, 0
        for g in range(n_docs + 1):  # rows of the next document come while those of one move
            if g < n_docs:
                n_next = find_own(
                    start + g, base + g, first_part, last_part, order, docs, pooled, kept,
                    own_ids[g & 1], own_weights[g & 1], is_own,
                )  # fmt: skip
            if g > 0:
                push(
                    start + g - 1, base + g - 1, pooled, own_ids[1 - (g & 1)],
                    own_weights[1 - (g & 1)], n, settings, span, slope, seed,
                )  # fmt: skip
            n = n_next

    return spread


def _make_visit(parts):
    """Return the function that visits a round."""
    train = make_trainer(parts._replace(pooled=True, feature_dropout=False))

    @_kernel
    def visit(
        turn, size, order, docs, settings, span, tree, negatives, rng, most_rows, pooled, output,
        norm, layer, result,
    ):  # fmt: skip
        start, end = turn * size, min((turn + 1) * size, order.size)
        slope = (span.lr_last - span.lr_first) / np.float32(order.size)
        pooled.base[0] = (turn & 1) * ROUND
        part = Span(
            span.step + start, span.path + start * (span.lr_first + slope * (start - 1) / 2),
            span.lr_first + slope * np.float32(start), span.lr_first + slope * np.float32(end),
            span.average_from, 0,
        )  # fmt: skip
        loss, weight = train(
            order[start:end], docs, settings, part, tree, negatives, rng, most_rows, pooled,
            output, norm, layer,
        )  # fmt: skip
        result[0] += loss
        result[1] += weight

    return visit


@cache
def make_rounds(parts):
    """Return the kernel that trains in rounds, made of some parts.

    Parameters
    ----------
    parts : Parts

    Returns
    -------
    train_rounds : compiled function
        See its docstring.
    """
    gather, visit, spread = _make_gather(parts), _make_visit(parts), _make_spread(parts)

    @_kernel
    def train_rounds(
        order, docs, settings, span, tree, negatives, rng, seed, most_rows, pooled, output, norm,
        layer, kept, longest, size, meeting, n_threads, result,
    ):  # fmt: skip
        """Take one step for each document of `order`, with other threads that do the same.

        Every thread calls it with the same arrays. None waits for one that is not there: whoever
        comes takes what is to be done next.

        Parameters
        ----------
        order, docs, settings, span, tree, negatives, most_rows, output, norm, layer
            As of `general`'s kernel.
        rng : uint64[1]
            State of the random numbers of the visits.
        seed : uint64
            Of the other random numbers.
        pooled : Pooled
        kept : Kept
        longest : int
            Features of a document, at most.
        size : int
            Documents of a round, at most `ROUND`.
        meeting : int64[SIZE]
            New.
        n_threads : int
            That come; it decides how much is taken at a time.
        result : float64[2]
            Loss and weight of the documents are added.
        """
        n_rounds = (order.size + size - 1) // size
        spare = np.empty((1, pooled.values.shape[1]), pooled.values.dtype)
        own_ids = np.empty((2, longest + 1), np.int32)
        own_weights = np.empty((2, longest + 1), np.float32)
        is_own = np.empty(longest + 1, np.uint8)
        own_rng = np.empty(1, np.uint64)
        turn = np.int64(-1)  # of the phase; one is spread before it, it is visited, one is gathered
        spreads = False
        first = np.int64(0)  # items of phases before
        n_items = 1 + min(order.size, size)  # a visit (here of none), documents of the next round
        looks = 0
        while look_at(meeting, STOPPED) == 0:
            taken = look_at(meeting, TAKEN)
            while taken >= first + n_items and turn <= n_rounds:  # the next phase
                first += n_items
                spreads = not spreads
                turn += spreads
                n_items = PARTS * (turn > 0)
                if not spreads:
                    n_items = 1 + max(0, min(size, order.size - (turn + 1) * size))
            if turn > n_rounds or (turn == n_rounds and not spreads):
                break
            if look_at(meeting, DONE) < first:
                looks = wait(meeting, looks)
                continue
            looks = 0
            item = taken - first
            n = 1
            if spreads:
                n = min((PARTS + n_threads - 1) // n_threads, n_items - item)
            elif item > 0:
                n = min(max(size // (2 * n_threads), 1), n_items - item)
            if not take(meeting, TAKEN, taken, n):
                continue
            if spreads:
                spread(
                    turn - 1, item, item + n, size, order, docs, settings, span, seed, pooled, kept,
                    own_ids, own_weights, is_own,
                )  # fmt: skip
            elif item > 0:
                gather(
                    turn + 1, item - 1, item - 1 + n, size, order, docs, settings, span, seed,
                    pooled, kept, spare, own_rng,
                )  # fmt: skip
            elif turn >= 0:
                visit(
                    turn, size, order, docs, settings, span, tree, negatives, rng, most_rows, pooled,
                    output, norm, layer, result,
                )  # fmt: skip
            count_up(meeting, DONE, n)

    return train_rounds
