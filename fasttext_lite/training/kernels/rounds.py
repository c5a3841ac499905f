"""Training whose result does not depend on the number of threads: documents in rounds.

A round is `ROUND` documents.  Any thread pools the rows of any of them; one thread visits them in
order, from the pooled vectors to their gradients, and moves all that lies above the input table;
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

from fasttext_lite.compiled.blocks import fetch_rows, pool_rows, push_rows
from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.compiled.meeting import DONE, STOPPED, TAKEN, count_up, look_at, take, wait
from fasttext_lite.compiled.random import STEP, mix
from fasttext_lite.training.kernels.general import make_move, make_settle, make_trainer
from fasttext_lite.training.kernels.layers import keep_features
from fasttext_lite.training.kernels.parts import Span
from fasttext_lite.training.kernels.regularizers import shrink_row
from fasttext_lite.training.kernels.rows import axpy

_kernel = compiler(FAST)
ROUND = 32  # documents; whole batches of batch normalisation
PARTS = 16  # of the rows: so many threads can move rows at the same time
# Neighbouring rows are in the same part, for they may lie in the same cache line.
NEIGHBOURS, SHIFT = np.int64(2), np.uint64(60)


@_kernel
def part_of(row):
    """Return the part, in [0, PARTS), that a row belongs to."""
    return np.int64((np.uint64(row >> NEIGHBOURS) * STEP) >> SHIFT)  # STEP: the golden ratio


@_kernel
def sort_features(
    ids, weights, first, last, table, pooled, at, lists, side, begin, common
):  # fmt: skip
    """Copy the features of a document by part, without the common row; ask for their rows.

    Parameters
    ----------
    ids, weights
        The features are ids[first:last].
    table : float32[n_rows, dim]
    pooled : Pooled
        `counts`, `lengths` and `shares` are written at `at`.
    at : int
        Place of the document in two rounds.
    lists : Lists
        `ids` and `weights` are written in row `side` from `begin` on, `starts` at `at`.
    common : int

    Returns
    -------
    n : int
        Features copied.
    """
    starts = lists.starts[at]
    starts[:] = 0
    share = squares = np.float32(0)
    for j in range(first, last):
        squares += weights[j] * weights[j]
        if ids[j] == common:
            share += weights[j]
        else:
            starts[part_of(ids[j]) + 2] += 1
    fetch_rows(table, ids, first, last)
    for part in range(2, PARTS + 2):
        starts[part] += starts[part - 1]
    for j in range(first, last):
        if ids[j] != common:
            part = part_of(ids[j]) + 1
            lists.ids[side, begin + starts[part]] = ids[j]
            lists.weights[side, begin + starts[part]] = weights[j]
            starts[part] += 1
    pooled.counts[at] = last - first
    pooled.lengths[at] = np.sqrt(squares)
    pooled.shares[at] = share
    return starts[PARTS]


def _make_pool(parts):
    """Return the function that pools the rows of a document."""
    plain, shrink = parts.plain, parts.shrink

    @_kernel
    def pool(rows, ids, weights, n, path, settings, hidden, spare):
        if plain:
            pool_rows(rows.values, ids, weights, 0, n, hidden)
        else:
            hidden[:] = 0
            for j in range(n):
                if shrink:  # what has not been made up for yet; others read the row, too
                    spare[0] = rows.values[ids[j]]
                    distance = max(path - rows.seen[ids[j], 1], 0.0)
                    shrink_row(spare, 0, settings.l1, settings.l2, distance)
                    axpy(weights[j], spare, 0, hidden)
                else:
                    axpy(weights[j], rows.values, ids[j], hidden)

    return pool


def _make_gather(parts):
    """Return the function that takes a document's features and pools their rows."""
    drop = parts.feature_dropout
    pool = _make_pool(parts)

    @_kernel
    def gather(doc, place, at, side, docs, settings, path, seed, pooled, lists, spare):
        rows, common = pooled.rows, pooled.common[0]
        first, last = docs.indptr[doc], docs.indptr[doc + 1]
        ids, weights = docs.ids, docs.weights
        pooled.visited[at] = 0
        if drop:
            rng = np.full(1, seed)
            kept_ids, kept_weights = lists.kept_ids[side], lists.kept_weights[side]
            n = keep_features(
                ids, weights, first, last, settings.feature_dropout, rng, kept_ids[place:],
                kept_weights[place:],
            )  # fmt: skip
            n = sort_features(
                kept_ids, kept_weights, place, place + n, rows.values, pooled, at, lists, side,
                place, common,
            )  # fmt: skip
        else:
            n = sort_features(
                ids, weights, first, last, rows.values, pooled, at, lists, side, place, common
            )
        pool(
            rows, lists.ids[side, place:], lists.weights[side, place:], n, path, settings,
            pooled.values[at], spare,
        )  # fmt: skip

    return gather


def _make_spread(parts):
    """Return the function that moves rows of a document against its gradient."""
    plain, lazy = parts.plain, parts.shrink or parts.average
    settle, move = make_settle(parts), make_move(parts)

    @_kernel
    def spread(pooled, at, ids, weights, first, last, step, path, settings, average_from, noise):
        gradient, lr = pooled.gradients[at], pooled.rates[at]
        if plain:
            push_rows(pooled.rows.values, ids, weights, first, last, gradient, lr, noise)
        else:
            for j in range(first, last):
                if lazy:
                    settle(pooled.rows, ids[j], step, path, settings, average_from)
                scale = pooled.factors[at] * weights[j]
                move(pooled.rows, ids[j], scale, gradient, lr, step, settings)

    return spread


def _make_gather_some(parts):
    """Return the function that gathers documents of a round."""
    gather = _make_gather(parts)

    @_kernel
    def gather_some(turn, first, last, order, docs, settings, span, seed, pooled, lists, spare):
        side = turn & 1
        slope = (span.lr_last - span.lr_first) / np.float32(order.size)
        for g in range(first, last):
            i = turn * ROUND + g
            path = span.path + i * (span.lr_first + slope * (i - 1) / 2)
            gather(
                order[i], lists.places[i], side * ROUND + g, side, docs, settings, path,
                mix(~seed + np.uint64(i + 1) * STEP), pooled, lists, spare,
            )  # fmt: skip

    return gather_some


def _make_spread_some(parts):
    """Return the function that moves the rows of some parts for a round."""
    spread = _make_spread(parts)

    @_kernel
    def spread_some(turn, first_part, last_part, n_docs, settings, span, seed, pooled, lists):
        side, start = turn & 1, turn * ROUND
        ids, weights = lists.ids[side], lists.weights[side]
        slope = (span.lr_last - span.lr_first) / np.float32(n_docs)
        for i in range(start, min(start + ROUND, n_docs)):
            at = side * ROUND + i - start
            if pooled.visited[at] == 0:
                continue
            first = lists.places[i] + lists.starts[at, first_part]
            last = lists.places[i] + lists.starts[at, last_part]
            path = span.path + i * (span.lr_first + slope * (i - 1) / 2)
            noise = mix(seed + np.uint64(i + 1) * STEP)
            spread(
                pooled, at, ids, weights, first, last, span.step + i, path, settings,
                span.average_from, noise,
            )  # fmt: skip

    return spread_some


def _make_visit_some(parts):
    """Return the function that visits a round."""
    visit = make_trainer(parts._replace(pooled=True, feature_dropout=False))

    @_kernel
    def visit_some(
        turn, order, docs, settings, span, tree, negatives, rng, most_rows, pooled, output, norm,
        layer, result,
    ):  # fmt: skip
        start, end = turn * ROUND, min((turn + 1) * ROUND, order.size)
        slope = (span.lr_last - span.lr_first) / np.float32(order.size)
        pooled.base[0] = (turn & 1) * ROUND
        part = Span(
            span.step + start, span.path + start * (span.lr_first + slope * (start - 1) / 2),
            span.lr_first + slope * np.float32(start), span.lr_first + slope * np.float32(end),
            span.average_from, 0,
        )  # fmt: skip
        loss, weight = visit(
            order[start:end], docs, settings, part, tree, negatives, rng, most_rows, pooled,
            output, norm, layer,
        )  # fmt: skip
        result[0] += loss
        result[1] += weight

    return visit_some


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
    gather_some, visit_some = _make_gather_some(parts), _make_visit_some(parts)
    spread_some = _make_spread_some(parts)

    @_kernel
    def train_rounds(
        order, docs, settings, span, tree, negatives, rng, seed, most_rows, pooled, output, norm,
        layer, lists, meeting, n_threads, result,
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
        lists : Lists
        meeting : int64[SIZE]
            New.
        n_threads : int
            That come; it decides how much is taken at a time.
        result : float64[2]
            Loss and weight of the documents are added.
        """
        n_rounds = (order.size + ROUND - 1) // ROUND
        spare = np.empty((1, pooled.values.shape[1]), pooled.values.dtype)
        turn = np.int64(-1)  # of the phase; one is spread before it, it is visited, one is gathered
        spreads = False
        first = np.int64(0)  # items of phases before
        n_items = 1 + min(order.size, ROUND)  # a visit (here of none), documents of the next round
        looks = 0
        while look_at(meeting, STOPPED) == 0:
            taken = look_at(meeting, TAKEN)
            while taken >= first + n_items and turn <= n_rounds:  # the next phase
                first += n_items
                spreads = not spreads
                turn += spreads
                n_items = PARTS * (turn > 0)
                if not spreads:
                    n_items = 1 + max(0, min(ROUND, order.size - (turn + 1) * ROUND))
            if turn > n_rounds or (turn == n_rounds and not spreads):
                break
            if look_at(meeting, DONE) < first:
                looks = wait(meeting, looks)
                continue
            looks = 0
            item = taken - first
            n = 1
            if spreads:
                n = min(max(PARTS // (2 * n_threads), 1), n_items - item)
            elif item > 0:
                n = min(max(ROUND // (4 * n_threads), 1), n_items - item)
            if not take(meeting, TAKEN, taken, n):
                continue
            if spreads:
                spread_some(
                    turn - 1, item, item + n, order.size, settings, span, seed, pooled, lists
                )
            elif item > 0:
                gather_some(
                    turn + 1, item - 1, item - 1 + n, order, docs, settings, span, seed, pooled,
                    lists, spare,
                )  # fmt: skip
            elif turn >= 0:
                visit_some(
                    turn, order, docs, settings, span, tree, negatives, rng, most_rows, pooled,
                    output, norm, layer, result,
                )  # fmt: skip
            count_up(meeting, DONE, n)

    return train_rounds
