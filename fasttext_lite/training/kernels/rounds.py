"""Training whose result does not depend on the number of threads: documents in rounds.

A round is `ROUND` documents, or fewer where they are long.  The rows of the input table are in
`PARTS` parts.  Of each document the rows of each part are pooled by themselves, and the sums of the
parts are added up in order; one thread visits the documents of a round in order, from the pooled
vectors to their gradients, and moves all that lies above the input table; then the rows move, part
by part, document after document.  So every number is computed from the same numbers in the same
order, whoever does it.

A thread keeps to its own parts, whose rows stay in its processor's cache.  While one thread visits
a round, the others move the rows of the round before and pool the next one: what its documents know
of the rows they share is up to two rounds old.  But one row that nearly every document has, that of
the bias, is read and moved in the visit: frozen for a round, it would overshoot.

Visiting is plain or general training on what is pooled already: the kernels of `plain` and
`general`, see `inputs`.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from fasttext_lite.compiled.blocks import (
    LANES,
    add_product,
    fetch_rows,
    load_block,
    prefetch,
    push_rows,
    store_block,
)
from fasttext_lite.compiled.compiling import FAST, FAST_LEAF, compiler
from fasttext_lite.compiled.meeting import (
    CLAIMS,
    DONE,
    LINE,
    STOPPED,
    count_up,
    look_at,
    take,
    wait,
)
from fasttext_lite.compiled.random import STEP, mix
from fasttext_lite.training.kernels.general import make_move, make_settle, make_trainer
from fasttext_lite.training.kernels.inputs import fetch_features
from fasttext_lite.training.kernels.layers import keep_features
from fasttext_lite.training.kernels.parts import PARTS, Span
from fasttext_lite.training.kernels.regularizers import shrink_row

_kernel = compiler(FAST)
_leaf = compiler(FAST_LEAF)  # handing over many arrays costs more than they do
ROUND = 32  # documents at most; whole batches of batch normalisation

# Neighbouring rows are in the same part, for they may lie in the same cache line. 32 bits: for
# these, processors have multiplications of several numbers at a time.
NEIGHBOURS, HASH, SHIFT = np.uint32(2), np.uint32(0x9E3779B1), np.uint32(29)


@_leaf
def part_of(row):
    """Return the part, in [0, PARTS), that a row belongs to."""
    return np.uint32((np.uint32(row) >> NEIGHBOURS) * HASH) >> SHIFT


@_leaf
def own_features(ids, weights, first_part, last_part, common, own_ids, own_weights, is_own):
    """Copy the features whose rows are in some parts; return how many.

    Not the common row. Without a branch: which part comes next, no processor can guess. `is_own`
    is uint8[n_features], written too.
    """
    for j in range(ids.size):
        part = part_of(ids[j])
        is_own[j] = (part >= first_part) & (part < last_part) & (ids[j] != common)
    n = np.uint64(0)  # an index that is never negative
    for j in range(ids.size):
        own_ids[n] = ids[j]
        own_weights[n] = weights[j]
        n += np.uint64(is_own[j])
    return np.int64(n)


@_leaf
def _share_of(row, ids, weights):
    """Return the weight of a row among features; mostly it is the last of them."""
    share, last = np.float32(0), ids.size
    if last > 0 and ids[last - 1] == row:
        last -= 1
        share = weights[last]
    n = 0
    for j in range(last):
        n += ids[j] == row
    if n > 0:
        for j in range(last):
            if ids[j] == row:
                share += weights[j]
    return share


@_leaf
def pool_parts(table, ids, weights, values, at):
    """Add rows to the sums of their parts, values[at]."""
    dim = table.shape[1]
    for j in range(ids.size):
        begin = np.int64(ids[j]) * dim
        to = (at * PARTS + np.int64(part_of(ids[j]))) * dim
        for d in range(0, dim, LANES):
            n = dim - d
            block = add_product(
                load_block(values, to + d, n), weights[j], load_block(table, begin + d, n)
            )
            store_block(values, to + d, block, n, np.uint32(0))


@_leaf
def _pool_shrunk(table, seen, ids, weights, path, l1, l2, values, spare):
    """Add rows to the sums of their parts as they are with the decay that is not made up for yet.

    Parameters
    ----------
    values : float32[PARTS * dim]
    spare : float32[1, dim]
    """
    dim = table.shape[1]
    for j in range(ids.size):
        for d in range(dim):
            spare[0, d] = table[ids[j], d]
        shrink_row(spare, 0, l1, l2, max(path - seen[ids[j], 1], 0.0))
        to = np.int64(part_of(ids[j])) * dim
        for d in range(dim):
            values[to + d] += weights[j] * spare[0, d]


@_leaf
def _length_of(weights):
    squares = np.float32(0)
    for j in range(weights.size):
        squares += weights[j] * weights[j]
    return np.sqrt(squares)


def _make_work(parts):  # noqa: C901 - every branch is decided at compile time
    """Return the function that does what is to be done with the rows of some parts.

    In one piece: handing over all these arrays for each document takes as long as its work.
    """
    plain, lazy, shrink = parts.plain, parts.shrink or parts.average, parts.shrink
    drop, clip = parts.feature_dropout, parts.clip
    settle, move = make_settle(parts), make_move(parts)

    @_leaf
    def work(  # noqa: C901
        turn, group, bounds, size, order, docs, settings, span, seed, pooled, lists, room
    ):  # fmt: skip
        """Move the rows of the round before `turn`, pool those of the one after it."""
        first_part, last_part, n_groups = bounds[group], bounds[group + 1], bounds.size - 1
        if first_part == last_part:
            return
        rows, values, common = pooled.rows, pooled.values, pooled.common[0]
        table = rows.values
        dim = table.shape[1]
        slope = (span.lr_last - span.lr_first) / np.float32(order.size)
        side = (turn + 1) & 1  # of both
        base, place = side * ROUND, (side * n_groups + group) * lists.room
        starts = lists.starts[side * n_groups + group]
        start = (turn - 1) * size
        if turn > 0:
            for g in range(size):
                at, i = base + g, start + g
                if g + 2 < size:  # another thread has written it
                    for d in range(0, dim, LANES):
                        prefetch(pooled.gradients, (at + 2) * dim + d)
                if pooled.visited[at] == 0:
                    continue
                ids = lists.ids[starts[g] : starts[g + 1]]
                weights = lists.weights[starts[g] : starts[g + 1]]
                gradient, lr = pooled.gradients[at], pooled.rates[at]
                if plain:
                    noise = mix(seed + np.uint64(i + 1) * STEP)
                    push_rows(table, rows.own, ids, weights, 0, ids.size, gradient, lr, noise)
                    continue
                path = span.path + i * (span.lr_first + slope * (i - 1) / 2)
                for j in range(ids.size):
                    if lazy:
                        settle(rows, ids[j], span.step + i, path, settings, span.average_from)
                    scale = pooled.factors[at] * weights[j]
                    move(rows, ids[j], scale, gradient, lr, span.step + i, settings)

        start = (turn + 1) * size
        n_docs = max(0, min(size, order.size - start))
        starts[0] = place
        for g in range(n_docs + 1):  # rows of the next document come while those of one are pooled
            at, i = base + g, start + g
            if g < n_docs:
                fetch_features(docs.ids, docs.weights, docs.indptr, order, i)
                ids = docs.ids[docs.indptr[order[i]] : docs.indptr[order[i] + 1]]
                weights = docs.weights[docs.indptr[order[i]] : docs.indptr[order[i] + 1]]
                if drop:  # for each group anew, from the same random numbers
                    room.rng[0] = mix(~seed + np.uint64(i + 1) * STEP)
                    n = keep_features(
                        ids, weights, 0, ids.size, settings.feature_dropout, room.rng, room.ids,
                        room.weights,
                    )  # fmt: skip
                    ids, weights = room.ids[:n], room.weights[:n]
                if last_part == PARTS:
                    pooled.counts[at] = ids.size
                    pooled.shares[at] = _share_of(common, ids, weights)
                    if clip:
                        pooled.lengths[at] = _length_of(weights)
                for d in range(first_part * dim, last_part * dim):
                    values[at, d] = 0
                begin = starts[g]
                starts[g + 1] = begin + own_features(
                    ids, weights, first_part, last_part, common, lists.ids[begin:],
                    lists.weights[begin:], room.is_own,
                )  # fmt: skip
                fetch_rows(table, rows.own, lists.ids, begin, starts[g + 1])
            if g > 0:
                ids = lists.ids[starts[g - 1] : starts[g]]
                weights = lists.weights[starts[g - 1] : starts[g]]
                if shrink:
                    path = span.path + (i - 1) * (span.lr_first + slope * (i - 2) / 2)
                    _pool_shrunk(
                        table, rows.seen, ids, weights, path, settings.l1, settings.l2,
                        values[at - 1], room.spare,
                    )  # fmt: skip
                else:
                    pool_parts(table, ids, weights, values, at - 1)
        for g in range(n_docs, size):
            starts[g + 1] = starts[g]

    return work


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
        for g in range(size):
            pooled.visited[pooled.base[0] + g] = 0
        part = Span(
            span.step + start, span.path + start * (span.lr_first + slope * (start - 1) / 2),
            span.lr_first + slope * np.float32(start), span.lr_first + slope * np.float32(end),
            span.average_from, 0, 0,
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
    visit, work = _make_visit(parts), _make_work(parts)

    @_kernel
    def train_rounds(
        order, docs, settings, span, tree, negatives, rng, seed, most_rows, pooled, output, norm,
        layer, lists, room, size, meeting, thread, bounds, result,
    ):  # fmt: skip
        """Take one step for each document of `order`, with other threads that do the same.

        Every thread calls it with the same arrays, but for `room`. None waits for one that is not
        there: whoever comes does what is to be done next, what is its own first.

        Parameters
        ----------
        order, docs, settings, span, tree, negatives, most_rows, output, norm, layer
            As of `general`'s kernel.
        rng : uint64[1]
            State of the random numbers of the visits.
        seed : uint64
            Of the other random numbers.
        pooled : Pooled
        lists : Lists
        room : Room
            Of this thread.
        size : int
            Documents of a round, at most `ROUND`.
        meeting : int64[SIZE]
            New.
        thread : int
        bounds : int64[n_threads + 1]
            Where the parts of each thread begin; the last ones have one in any case.
        result : float64[2]
            Loss and weight of the documents are added.
        """
        n_rounds = (order.size + size - 1) // size
        n_groups = bounds.size - 1
        looks = 0
        # In a turn the round of this number is visited, and of its neighbours the one before is
        # moved and the one after it pooled.
        for turn in range(-1, n_rounds + 1):
            while look_at(meeting, DONE) < (turn + 1) * (n_groups + 1):
                if look_at(meeting, STOPPED) > 0:
                    return
                looks = wait(meeting, looks)
            looks = 0
            for k in range(n_groups + 2):
                # The first thread begins with the visit, the others end with it.
                item = (k - 1 + thread) % n_groups
                if k == (0 if thread == 0 else n_groups + 1):
                    item = n_groups
                elif k == 0 or k == n_groups + 1:
                    continue
                if not take(meeting, CLAIMS + LINE * item, turn + 1, 1):
                    continue
                if item < n_groups:
                    work(
                        turn, item, bounds, size, order, docs, settings, span, seed, pooled,
                        lists, room,
                    )  # fmt: skip
                elif 0 <= turn < n_rounds:
                    visit(
                        turn, size, order, docs, settings, span, tree, negatives, rng, most_rows,
                        pooled, output, norm, layer, result,
                    )  # fmt: skip
                count_up(meeting, DONE, 1)

    return train_rounds
