"""Word vectors: skip-gram and continuous bag of words, over the character n-grams of words.

For each pair of a word and a word near it, the rows of the one (its own and those of its
character n-grams) are averaged to a hidden vector, and the other is told apart from words drawn
at random, or found in a Huffman tree, or among all words.  (Mikolov et al. 2013, Distributed
Representations of Words and Phrases and their Compositionality; Bojanowski et al. 2017, Enriching
Word Vectors with Subword Information; the details are fastText's: fasttext.cc, model.cc, loss.cc.)

Rows are fetched from memory once where fastText fetches them for each pair:

- Skip-gram: every row of a word moves by the gradient, so their mean moves by the same; the
  hidden vector is moved along, and the rows get the sum when the word's last pair is learnt.
  In one thread this is fastText's result but for rounding, and that a word which is drawn twice
  for one pair is scored once.
- Bag of words: each position has the sum of its rows, and what they are to move by, for as long
  as a window can reach it.  Rows that two positions of a window share learn of each other's
  moves when the first one leaves.

Tables are float32[n_rows, dim], C-contiguous, dim a multiple of 16: rows that begin and end with
a cache line need no masks.
"""

from __future__ import annotations

from math import log
from typing import Any, NamedTuple

import numpy as np

from fasttext_lite.compiled.blocks import (
    LANES,
    add_product,
    load_block,
    prefetch,
    quick_exp,
    quick_log1p,
    store_block,
    sum_of,
    zero_block,
)
from fasttext_lite.compiled.compiling import FAST_LEAF, compiler

_part = compiler(FAST_LEAF)
# Losses, by their numbers in model files.
TREE, NEGATIVE, SOFTMAX, ALL = np.int64(1), np.int64(2), np.int64(3), np.int64(4)
LINE = np.int64(1025)  # tokens that fastText reads as one line at most (dictionary.cc, getLine)
DENSE_ROWS = np.int64(32)  # output rows moved at a time where all of them are: they fit the cache
_LOW = np.uint64(0xFFFFFFFF)


class Text(NamedTuple):
    """What is read.

    Attributes
    ----------
    tokens : int32[n_tokens]
        Words.
    starts : int64[n_lines + 1]
        Of lines of at most `LINE` tokens.
    keep : float32[n_words]
        The chance that a word is not passed over.
    """

    tokens: Any
    starts: Any
    keep: Any


class Words(NamedTuple):
    """What words are made of.

    Attributes
    ----------
    rows : int32[], indptr : int64[n_words + 1]
        Input rows of each word.
    spread : float32[n_words]
        How far the mean of a word's rows moves when each of its entries is moved by 1: 1, and
        more where a row stands there twice.
    """

    rows: Any
    indptr: Any
    spread: Any


class Targets(NamedTuple):
    """How output rows are found.

    Attributes
    ----------
    loss : int64
        `NEGATIVE`, `TREE`, `SOFTMAX` or `ALL`.
    neg : int64
        Draws for each pair.
    cells : uint64[n_words or 0]
        Of `word_rows.make_cells`.
    parents : int32[n_nodes or 0]
        2 * parent + branch of each node of the label tree; -1 for the root.
    deepest : int64
        Most output rows of a pair (dense losses: 0).
    """

    loss: Any
    neg: Any
    cells: Any
    parents: Any
    deepest: Any


class Scratch(NamedTuple):
    """Room that a thread works in, see `make_scratch`.

    Attributes
    ----------
    rows : int32[2 * n], signs : float32[2 * n]
        Output rows of a word and of the next one: of each pair, and whether they should say yes.
    scores, flags : float32[n]
    reach : int64[2, 2], ends : int64[2, n_near + 2]
        First and last word near them, and where the rows of each pair end.
    kept : int32[LINE]
        A line.
    hidden, total, slope : float32[dim]
    sums, moves : float32[n_near + 1, dim]
        Of the rows of each word that a window can reach (bag of words).
    rng : uint64[1]
    """

    rows: Any
    signs: Any
    scores: Any
    flags: Any
    reach: Any
    ends: Any
    kept: Any
    hidden: Any
    total: Any
    slope: Any
    sums: Any
    moves: Any
    rng: Any


def make_scratch(targets, window, n_words, dim):
    """Return the room that a thread works in.

    Parameters
    ----------
    targets : Targets
    window, n_words, dim : int
    """
    dense = targets.deepest == 0
    near = min(2 * int(window), int(LINE))  # a line has no more words, however wide the window
    n = int(n_words if dense else targets.deepest * near)
    padded = (n // LANES + 2) * LANES
    rows = np.zeros(2 * padded, np.int32)
    if dense:
        rows[:n] = np.arange(n)
    scores, flags = np.zeros((2, padded), np.float32)
    hidden, total, slope = np.zeros((3, dim), np.float32)
    sums, moves = np.zeros((2, min(near + 1, int(LINE)), dim), np.float32)
    return Scratch(
        rows, np.zeros(2 * padded, np.float32), scores, flags,
        np.zeros((2, 2), np.int64), np.zeros((2, near + 2), np.int64),
        np.zeros(LINE, np.int32), hidden, total, slope,
        sums, moves, np.zeros(1, np.uint64),
    )  # fmt: skip


class Clock(NamedTuple):
    """How the learning rate falls.

    Attributes
    ----------
    before : int64
        Tokens read before the block.
    total : float64
        Tokens to be read in all, when the rate is 0.
    rate : float32
        At the beginning.
    update : int64
        Tokens read between two changes of the rate, at least.
    """

    before: Any
    total: Any
    rate: Any
    update: Any


# -- random choices ----------------------------------------------------------------------------
@_part
def _next(rng):
    """Return the next uint64 of splitmix64 (Steele et al. 2014); rng is uint64[1]."""
    rng[0] += np.uint64(0x9E3779B97F4A7C15)
    z = rng[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_part
def _below(rng, n):
    """Return a random int64 in [0, n), for n below 2 ** 32."""
    return np.int64(((_next(rng) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@_part
def _draw(cells, rng):
    """Return a random word, see `word_rows.make_cells`."""
    number = _next(rng)
    i = ((number >> np.uint64(32)) * np.uint64(cells.size)) >> np.uint64(32)
    cell = cells[i]
    if (number & _LOW) <= (cell & _LOW):
        return np.int64(i)
    return np.int64(cell >> np.uint64(32))


@_part
def _sample_line(tokens, first, last, keep, rng, kept):
    """Write those of tokens[first:last] that are not passed over; return how many."""
    n = 0
    for i in range(first, last):
        word = tokens[i]
        chance = np.float32(_next(rng) >> np.uint64(40)) * np.float32(2.0**-24)
        if chance <= keep[word]:
            kept[n] = word
            n += 1
    return n


# -- one pair ----------------------------------------------------------------------------------
@_part
def _choose_rows(loss, neg, cells, parents, word, output, rng, n, rows, signs):
    """Write the output rows that take part in finding a word, and whether they should say yes.

    Parameters
    ----------
    loss, neg, cells, parents
        Of `Targets`.
    word : int
    output : float32[n_words, dim]
        The rows are asked for.
    rng : uint64[1]
    n : int
        First place to be written.
    rows : int32[], signs : float32[]
        Written in place.

    Returns
    -------
    int
        The place behind the last one.
    """
    first = n
    if loss == NEGATIVE:
        rows[n], signs[n] = word, 1
        n += 1
        for _ in range(neg):
            other = _draw(cells, rng)
            while other == word:
                other = _draw(cells, rng)
            rows[n], signs[n] = other, 0
            n += 1
    elif loss == TREE:
        n_words = (parents.size + 1) // 2
        step = parents[word]
        while step >= 0:
            node = step >> 1
            rows[n], signs[n] = node - n_words, step & 1
            n += 1
            step = parents[node]
    _fetch(output, rows, first, n)
    return n


@_part
def _fetch(table, rows, first, last):
    """Ask for rows that are needed soon."""
    dim = table.shape[1]
    for k in range(first, last):
        at = np.int64(rows[k]) * dim
        for d in range(0, dim, LANES):
            prefetch(table, at + d)


@_part
def _pool(table, rows, first, last, factor, hidden):
    """Write factor times the sum of rows."""
    dim = hidden.size
    for d in range(0, dim, LANES):
        total = zero_block(hidden)
        for j in range(first, last):
            at = np.int64(rows[j]) * dim
            total = add_product(total, np.float32(1), load_block(table, at + d, LANES))
        store_block(hidden, d, add_product(zero_block(hidden), factor, total), LANES, np.uint32(0))


@_part
def _push(table, rows, first, last, move):
    """Add a vector to rows."""
    dim = move.size
    for j in range(first, last):
        at = np.int64(rows[j]) * dim
        for d in range(0, dim, LANES):
            row = add_product(load_block(table, at + d, LANES), 1.0, load_block(move, d, LANES))
            store_block(table, at + d, row, LANES, np.uint32(0))


@_part
def _clear(vector):
    """Write zeros."""
    for d in range(0, vector.size, LANES):
        store_block(vector, d, zero_block(vector), LANES, np.uint32(0))


@_part
def _axpy(factor, vector, total):
    """Add factor * vector to total."""
    for d in range(0, total.size, LANES):
        moved = add_product(load_block(total, d, LANES), factor, load_block(vector, d, LANES))
        store_block(total, d, moved, LANES, np.uint32(0))


@_part
def _score(output, rows, signs, first, last, hidden, scores, flags):
    """Write the inner product of the hidden vector and each row, and its sign to `flags`."""
    dim = hidden.size
    for k in range(last - first):
        at = np.int64(rows[first + k]) * dim
        total = zero_block(hidden)
        for d in range(0, dim, LANES):
            total = add_product(
                total, load_block(hidden, d, LANES), load_block(output, at + d, LANES)
            )
        scores[k], flags[k] = sum_of(total), signs[first + k]


@_part
def _learn_rows(output, rows, first, last, moves, skipped, spread, hidden, total):
    """Move output rows, and the hidden vector by all of them.

    Row k gains moves[skipped + k] times the hidden vector; `total` gains the sum of these moves
    times their rows (as each was before its move), and the hidden vector `spread` times that sum.
    """
    dim = hidden.size
    for d in range(0, dim, LANES):
        x, sum_ = load_block(hidden, d, LANES), zero_block(hidden)
        for k in range(last - first):
            at = np.int64(rows[first + k]) * dim
            row, move = load_block(output, at + d, LANES), moves[skipped + k]
            sum_ = add_product(sum_, move, row)
            store_block(output, at + d, add_product(row, move, x), LANES, np.uint32(0))
        moved = add_product(load_block(total, d, LANES), np.float32(1), sum_)
        store_block(total, d, moved, LANES, np.uint32(0))
        store_block(hidden, d, add_product(x, spread, sum_), LANES, np.uint32(0))


@_part
def _decide(scores, flags, n, rate):
    """Replace scores by rate * (flag - sigmoid(score)); return the sum of the logistic losses.

    The arrays are as long as whole blocks: the loop over them becomes one over vectors.
    """
    zero, one = np.float32(0), np.float32(1)
    loss = zero
    for k in range((n + LANES - 1) // LANES * LANES):
        x, flag = scores[k], flags[k]
        z = quick_exp(-abs(x))
        part = max(x, zero) - flag * x + quick_log1p(z)
        loss += part if k < n else zero
        scores[k] = rate * (flag - (one if x >= 0 else z) / (one + z))
    return loss


@_part
def _decide_softmax(scores, n, word, rate):
    """Replace scores[:n] by rate * (target - probability); return the cross-entropy."""
    highest = scores[0]
    for k in range(n):
        highest = max(highest, scores[k])
    sum_ = np.float32(0)
    loss = highest - scores[word]
    for k in range(n):
        scores[k] = quick_exp(scores[k] - highest)
        sum_ += scores[k]
    factor = rate / sum_
    for k in range(n):
        scores[k] *= -factor
    scores[word] += rate
    return loss + np.float32(log(sum_))


@_part
def _learn_pair(
    loss,
    output,
    rows,
    signs,
    first,
    last,
    word,
    rate,
    spread,
    hidden,
    total,
    scores,
    flags,
    gradient,
):
    """Learn that a word belongs to a hidden vector; return the loss.

    Parameters
    ----------
    loss : int64
        Of `Targets`.
    output : float32[n_words, dim]
        Changed in place.
    rows : int32[], signs : float32[]
        Of `_choose_rows`, places first to last; for dense losses, all words and whether each
        stands in the line.
    first, last, word : int
    rate : float32
    spread : float32
        How far the hidden vector follows its gradient.
    hidden : float32[dim]
        Changed in place.
    total : float32[dim]
        The gradient, times -rate, is added.
    scores, flags, gradient : float32[]
        Scratch: room for all scores, in whole blocks, for as much again, and for a gradient.
    """
    n = last - first
    _score(output, rows, signs, first, last, hidden, scores, flags)
    if loss == SOFTMAX:
        value = _decide_softmax(scores, n, word, rate)
    else:
        value = _decide(scores, flags, n, rate)
    if loss != SOFTMAX and loss != ALL:
        _learn_rows(output, rows, first, last, scores, 0, spread, hidden, total)
        return value
    _clear(gradient)
    none = np.float32(0)
    for k in range(0, n, DENSE_ROWS):
        end = first + min(k + DENSE_ROWS, n)
        _learn_rows(output, rows, first + k, end, scores, k, none, hidden, gradient)
    _axpy(np.float32(1), gradient, total)
    _axpy(spread, gradient, hidden)
    return value


# -- blocks of lines ---------------------------------------------------------------------------
@_part
def _mark(kept, n, sign, signs):
    """Let the words of a line be told from others."""
    for i in range(n):
        signs[kept[i]] = sign


@_part
def _plan_word(
    loss, neg, cells, parents, kept, n_kept, i, window, output, rng, start, rows, signs, ends
):
    """Choose the output rows of each word near word i, from place `start` on.

    Those of word c end at place ends[start > 0, 1 + c - first]. Return the first and last word.
    """
    first, last = max(i - window, 0), min(i + window, n_kept - 1)
    slot = np.int64(start > 0)
    n = start
    ends[slot, 0] = n
    for c in range(first, last + 1):
        if c != i:
            n = _choose_rows(loss, neg, cells, parents, kept[c], output, rng, n, rows, signs)
        ends[slot, c - first + 1] = n
    return first, last


@_part
def train_skipgram(
    text, first_line, last_line, words, targets, clock, window, seed, scratch, input, output
):
    """Train on lines: each word's rows are to find the words near it.

    Parameters
    ----------
    text : Text
    first_line, last_line : int
    words : Words
    targets : Targets
    clock : Clock
    window : int
        Farthest word; the nearest ones count more often, the reach is drawn for each word.
    seed : uint64
    scratch : Scratch
        Of this thread.
    input : float32[n_rows, dim], output : float32[n_words, dim]
        Changed in place, by other threads too.

    Returns
    -------
    loss : float
        Sum over pairs.
    n_pairs : int
    """
    tokens, starts, keep = text
    word_rows, indptr, spread = words
    kind, neg, cells, parents, deepest = targets
    rows, signs, scores, flags, reach, ends, kept, hidden, total, slope, _, _, rng = scratch
    rng[0] = seed
    dense = deepest == 0
    padded = scores.size
    loss, n_pairs = 0.0, 0
    read, changed = clock.before, clock.before
    rate = np.float32(clock.rate * (1.0 - clock.before / clock.total))
    for line in range(first_line, last_line):
        if read - changed > clock.update:
            changed = read
            rate = np.float32(clock.rate * max(1.0 - read / clock.total, 0.0))
        n_kept = _sample_line(tokens, starts[line], starts[line + 1], keep, rng, kept)
        read += starts[line + 1] - starts[line]
        if kind == ALL:
            _mark(kept, n_kept, np.float32(1), signs)
        for i in range(n_kept + 1):
            if i < n_kept:  # one word ahead: its rows are on their way
                slot, word = i & 1, kept[i]
                _fetch(input, word_rows, indptr[word], indptr[word + 1])
                reach[slot, 0], reach[slot, 1] = _plan_word(
                    kind, neg, cells, parents, kept, n_kept, i, 1 + _below(rng, window), output,
                    rng, slot * padded, rows, signs, ends,
                )  # fmt: skip
            if i == 0:
                continue
            slot, word = (i - 1) & 1, kept[i - 1]
            first, last = indptr[word], indptr[word + 1]
            _pool(input, word_rows, first, last, np.float32(1) / np.float32(last - first), hidden)
            _clear(total)
            for c in range(reach[slot, 0], reach[slot, 1] + 1):
                if c == i - 1:
                    continue
                k = c - reach[slot, 0]
                begin, end = ends[slot, k], ends[slot, k + 1]
                if dense:
                    begin, end = 0, output.shape[0]
                loss += _learn_pair(
                    kind, output, rows, signs, begin, end, kept[c], rate,
                    spread[word], hidden, total, scores, flags, slope,
                )  # fmt: skip
                n_pairs += 1
            _push(input, word_rows, first, last, total)
        if kind == ALL:
            _mark(kept, n_kept, np.float32(0), signs)
    return loss, n_pairs


@_part
def _enter(word_rows, indptr, word, input, total, move):
    """Write the sum of a word's rows, and that they have not moved yet."""
    _pool(input, word_rows, indptr[word], indptr[word + 1], np.float32(1), total)
    _clear(move)


@_part
def _fetch_words(input, word_rows, indptr, kept, first, last):
    """Ask for the rows of words that are needed soon; return the first one not asked for."""
    for c in range(first, last):
        _fetch(input, word_rows, indptr[kept[c]], indptr[kept[c] + 1])
    return max(first, last)


@_part
def _gather(indptr, kept, first, last, at, sums, hidden):
    """Write the mean of all rows of the words first to last but word `at`."""
    n_entries = 0
    _clear(hidden)
    for c in range(first, last + 1):
        if c != at:
            n_entries += indptr[kept[c] + 1] - indptr[kept[c]]
            _axpy(np.float32(1), sums[c % sums.shape[0]], hidden)
    factor = np.float32(1) / np.float32(n_entries)
    for d in range(hidden.size):
        hidden[d] *= factor


@_part
def _scatter(indptr, spread, kept, first, last, at, gradient, sums, moves):
    """Let the rows of the words first to last but word `at` move by the gradient."""
    for c in range(first, last + 1):
        if c != at:
            word, place = kept[c], c % sums.shape[0]
            size = np.float32(indptr[word + 1] - indptr[word])
            _axpy(np.float32(1), gradient, moves[place])
            _axpy(size * spread[word], gradient, sums[place])


@_part
def _leave(word_rows, indptr, word, move, input):
    """Move the rows of a word that no window reaches any more."""
    _push(input, word_rows, indptr[word], indptr[word + 1], move)


@_part
def train_cbow(
    text, first_line, last_line, words, targets, clock, window, seed, scratch, input, output
):
    """Train on lines: the rows of the words near a word are to find it.

    Parameters and results are those of `train_skipgram`.
    """
    tokens, starts, keep = text
    word_rows, indptr, spread = words
    kind, neg, cells, parents, deepest = targets
    rows, signs, scores, flags, plan, _, kept, hidden, gradient, slope, sums, moves, rng = scratch
    rng[0] = seed
    dense = deepest == 0
    padded = scores.size
    n_open = sums.shape[0]
    loss, n_pairs = 0.0, 0
    read, changed = clock.before, clock.before
    rate = np.float32(clock.rate * (1.0 - clock.before / clock.total))
    for line in range(first_line, last_line):
        if read - changed > clock.update:
            changed = read
            rate = np.float32(clock.rate * max(1.0 - read / clock.total, 0.0))
        n_kept = _sample_line(tokens, starts[line], starts[line + 1], keep, rng, kept)
        read += starts[line + 1] - starts[line]
        if kind == ALL:
            _mark(kept, n_kept, np.float32(1), signs)
        n_in, n_fetched = 0, 0
        for i in range(n_kept + 1):
            n_fetched = _fetch_words(
                input, word_rows, indptr, kept, n_fetched, min(i + window + 2, n_kept)
            )
            if i < n_kept:  # one word ahead: its output rows are on their way
                slot = i & 1
                plan[slot, 0] = 1 + _below(rng, window)
                plan[slot, 1] = output.shape[0]
                if not dense:
                    plan[slot, 1] = _choose_rows(
                        kind, neg, cells, parents, kept[i], output, rng, slot * padded, rows, signs
                    )
            if i == 0:
                continue
            at, slot = i - 1, (i - 1) & 1
            if at > window:
                _leave(
                    word_rows,
                    indptr,
                    kept[at - window - 1],
                    moves[(at - window - 1) % n_open],
                    input,
                )
            while n_in < min(at + window + 1, n_kept):
                _enter(
                    word_rows, indptr, kept[n_in], input, sums[n_in % n_open], moves[n_in % n_open]
                )
                n_in += 1
            first, last = max(at - plan[slot, 0], 0), min(at + plan[slot, 0], n_kept - 1)
            if first == last:
                continue
            _gather(indptr, kept, first, last, at, sums, hidden)
            _clear(gradient)
            begin = 0 if dense else slot * padded
            loss += _learn_pair(
                kind, output, rows, signs, begin, plan[slot, 1], kept[at], rate,
                np.float32(0), hidden, gradient, scores, flags, slope,
            )  # fmt: skip
            n_pairs += 1
            _scatter(indptr, spread, kept, first, last, at, gradient, sums, moves)
        for c in range(max(n_kept - window - 1, 0), n_kept):
            _leave(word_rows, indptr, kept[c], moves[c % n_open], input)
        if kind == ALL:
            _mark(kept, n_kept, np.float32(0), signs)
    return loss, n_pairs
