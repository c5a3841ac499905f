"""Documents to hidden vectors the quick way: 64 bytes at a time, words remembered.

The rules, and the bits, are those of `text.list_example` and `text.mean_of_rows`, which are the
description to read first.  Here row numbers go into a small room that is summed up and emptied when
it is full, so that a document may have any length.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fasttext_lite.compat.kernels.memory import (
    COUNT,
    DROPPED,
    HASH32,
    SIZE,
    Memory,
    find_entry,
    hash_token,
    new_entry,
    numbers_of,
    publish_entry,
)
from fasttext_lite.compat.kernels.text import (
    BUCKET,
    EOS,
    EOS_IS_LABEL,
    EOS_WORD,
    INVERSE,
    MAXN,
    N_WORDS,
    NOT_PRUNED,
    PRUNED,
    WORD_NGRAMS,
    KernelTable,
    Lexicon,
    add_bucket,
    add_row,
    add_some_subwords,
    begins_with,
    bucket_of,
    ends_example,
    find_word,
    hash_bytes,
)
from fasttext_lite.compiled.blocks import (
    LANES,
    add_product,
    load_block,
    prefetch,
    store_block,
    zero_block,
)
from fasttext_lite.compiled.bytes64 import byte_mask, first_bit, space_mask
from fasttext_lite.compiled.compiling import EXACT, LEAF, compiler
from fasttext_lite.features.kernels import NGRAM_FACTOR, as_signed

# No fast mathematics, as in `kernels.text`.
_kernel = compiler(EXACT)
_leaf_kernel = compiler(LEAF)
N_TOKENS = 512  # looked at together
N_IDS = 1 << 13  # rows that are summed up together
AHEAD = 8  # rows, or words, between asking for a cache line and using it
NO_BITS, ALL_BITS = np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF)
ONE, LAST_BIT = np.uint64(1), np.uint64(63)
NEWLINE = np.uint8(10)
NONE = np.uint32(0)


class Fold(NamedTuple):
    """Rows of the input table multiplied with the output table, for few labels.

    Attributes
    ----------
    rows : float32[n_rows * width]
        NaN where a row was not needed yet.
    output : float32[width, dim]
    """

    rows: np.ndarray
    output: np.ndarray


class Room(NamedTuple):
    """Scratch for one document after another.

    Attributes
    ----------
    bounds : int64[2 * N_TOKENS], hashes : uint64[N_TOKENS]
        Where tokens begin and end, and their hashes.
    tail : uint8[64]
    signed : uint64[n]
        What n-grams of words are made of: as many as the document has tokens, one more for </s>.
    ids : int32[]
    row, total : float32[dim]
    """

    bounds: np.ndarray
    hashes: np.ndarray
    tail: np.ndarray
    signed: np.ndarray
    ids: np.ndarray
    row: np.ndarray
    total: np.ndarray


class Engine(NamedTuple):
    """What is needed of a model to sum up documents.

    Attributes
    ----------
    lexicon : Lexicon
    table : KernelTable
    fold : Fold
        Empty of a model that is not folded.
    memory : Memory
    words : uint64[n_units], sums : float32[2 * n_units]
        The memory's arena again; `sums` is empty where numbers of rows are remembered.
    """

    lexicon: Lexicon
    table: KernelTable
    fold: Fold
    memory: Memory
    words: np.ndarray
    sums: np.ndarray


# -- tokens ----------------------------------------------------------------------------------
@_leaf_kernel
def masks_at(data, base, tail):
    """Return what `space_mask` and `byte_mask` of newlines say, wherever the data end.

    `tail`, uint8[64], is overwritten; what lies behind the data counts as spaces.
    """
    if base + 64 <= data.size:
        return space_mask(data, base), byte_mask(data, base, NEWLINE)
    for j in range(64):
        tail[j] = data[base + j] if base + j < data.size else np.uint8(32)
    return space_mask(tail, 0), byte_mask(tail, 0, NEWLINE)


@_leaf_kernel
def find_tokens(data, i, stop, tail, bounds):
    """Write where tokens of data[i:stop] begin and end to `bounds`, as many as there is room for.

    Parameters
    ----------
    data : uint8[n_bytes]
    i : int
        Where to begin, not within a token.
    stop : int
    tail : uint8[64]
        Scratch.
    bounds : int64[]

    Returns
    -------
    n_bounds : int
        Two for each token.
    i : int
        Where to go on.
    """
    n = 0
    before = ONE  # whether what lies before the 64 bytes is a space
    for base in range(i, stop, 64):
        spaces, _ = masks_at(data, base, tail)
        if base + 64 > stop:
            spaces |= ALL_BITS << np.uint64(stop - base)
        edges = spaces ^ ((spaces << ONE) | before)
        before = spaces >> LAST_BIT
        while edges != NO_BITS:
            at = base + first_bit(edges)
            bounds[n] = at
            n += 1
            if n == bounds.size:
                return n, at
            edges &= edges - ONE
    if n & 1:
        bounds[n] = stop
        n += 1
    return n, stop


@_leaf_kernel
def has_newline(data, start, stop, tail):
    """Return whether data[start:stop] has a newline."""
    for base in range(start, stop, 64):
        _, found = masks_at(data, base, tail)
        if base + 64 > stop:
            found &= ~(ALL_BITS << np.uint64(stop - base))
        if found != NO_BITS:
            return True
    return False


@_leaf_kernel
def is_eos(data, start, stop):
    """Return whether a token is </s>, written out."""
    return stop - start == EOS.size and ends_example(data, start, stop)


# -- sums ------------------------------------------------------------------------------------
@_leaf_kernel
def add_rows(table, ids, n, hidden):
    """Add rows to `hidden`, float32[dim], in their order; `table`, float32[n_rows * dim].

    Some numbers of all rows at a time, so that the sums stay in registers.
    """
    dim = hidden.size
    d = 0
    while dim - d > 2 * LANES:
        m = dim - d
        a, b = load_block(hidden, d, m), load_block(hidden, d + 16, m - 16)
        c, e = zero_block(hidden), zero_block(hidden)
        c = load_block(hidden, d + 32, m - 32)
        if m > 48:
            e = load_block(hidden, d + 48, m - 48)
            for j in range(n):
                if j + AHEAD < n:
                    ahead = np.int64(ids[j + AHEAD]) * dim + d
                    prefetch(table, ahead)
                    prefetch(table, ahead + 16)
                    prefetch(table, ahead + 32)
                    prefetch(table, ahead + 48)
                at = np.int64(ids[j]) * dim + d
                a = add_product(a, 1.0, load_block(table, at, m))
                b = add_product(b, 1.0, load_block(table, at + 16, m - 16))
                c = add_product(c, 1.0, load_block(table, at + 32, m - 32))
                e = add_product(e, 1.0, load_block(table, at + 48, m - 48))
            store_block(hidden, d + 48, e, m - 48, NONE)
        else:
            for j in range(n):
                if j + AHEAD < n:
                    ahead = np.int64(ids[j + AHEAD]) * dim + d
                    prefetch(table, ahead)
                    prefetch(table, ahead + 16)
                    prefetch(table, ahead + 32)
                at = np.int64(ids[j]) * dim + d
                a = add_product(a, 1.0, load_block(table, at, m))
                b = add_product(b, 1.0, load_block(table, at + 16, m - 16))
                c = add_product(c, 1.0, load_block(table, at + 32, m - 32))
        store_block(hidden, d, a, m, NONE)
        store_block(hidden, d + 16, b, m - 16, NONE)
        store_block(hidden, d + 32, c, m - 32, NONE)
        d += 4 * LANES
    while d < dim:
        m = dim - d
        a = load_block(hidden, d, m)
        for j in range(n):
            if j + AHEAD < n:
                prefetch(table, np.int64(ids[j + AHEAD]) * dim + d)
            a = add_product(a, 1.0, load_block(table, np.int64(ids[j]) * dim + d, m))
        store_block(hidden, d, a, m, NONE)
        d += LANES


@_leaf_kernel
def fill_fold(table, fold, ids, n, row):
    """Multiply out those of some rows that were not needed before; `row`, float32[dim], is scratch.

    Threads that fill the same row write the same numbers.
    """
    width, dim = fold.output.shape
    for j in range(n):
        if j + AHEAD < n:
            prefetch(fold.rows, np.int64(ids[j + AHEAD]) * width)
        at = np.int64(ids[j]) * width
        is_there = True
        for label in range(width):
            is_there &= fold.rows[at + label] == fold.rows[at + label]
        if is_there:
            continue
        row[:] = 0
        add_row(table, ids[j], row)
        for label in range(width):
            total = np.float32(0)
            for d in range(dim):
                total += row[d] * fold.output[label, d]
            fold.rows[at + label] = total


@_leaf_kernel
def sum_ids(table, fold, ids, n, row, hidden):
    """Add rows to `hidden`: float32[dim], or float32[width] of a model that is folded."""
    if fold.rows.size > 0:
        fill_fold(table, fold, ids, n, row)
        add_rows(fold.rows, ids, n, hidden)
    elif table.codes.shape[0] > 0 or table.places.size > 0:
        for j in range(n):
            add_row(table, ids[j], hidden)
    else:
        add_rows(table.dense.view(np.float32), ids, n, hidden)


# -- words -----------------------------------------------------------------------------------
@_leaf_kernel
def look_up(data, start, stop, lexicon):
    """Return the number of a token (-1: none), its 32-bit hash, and whether it is dropped.

    A label, known or not, is no part of the text.
    """
    hash32 = hash_bytes(data, start, stop)
    slot = find_word(data, start, stop, hash32, lexicon.table, lexicon.pool, lexicon.offsets)
    word = np.int64(lexicon.table[slot])
    if word >= 0:
        return word, hash32, word >= lexicon.options[N_WORDS]
    return word, hash32, begins_with(data, start, stop, lexicon.prefix)


@_leaf_kernel
def add_token(data, start, stop, model, room, n, hidden):
    """Append the rows of a token to the room's ids at `n`.

    Where there are more than the room takes, those before are summed up.

    Returns
    -------
    n : int
    n_rows : int
        Rows of the token; `DROPPED` if it is no part of the text.
    hash32 : int
    """
    lexicon = model.lexicon
    word, hash32, is_dropped = look_up(data, start, stop, lexicon)
    if is_dropped:
        return n, DROPPED, hash32
    ids = room.ids
    n_rows = 0
    if word >= 0:
        ids[n] = word
        n, n_rows = n + 1, 1
    maxn = lexicon.options[MAXN]
    if maxn <= 0:
        return n, n_rows, hash32
    step = (ids.size - 2) // (2 * maxn)
    begin = start - 1
    while begin <= stop:
        end = min(begin + step, stop + 1)
        if n + (end - begin) * maxn > ids.size:
            sum_ids(model.table, model.fold, ids, n, room.row, hidden)
            n = 0
        after = add_some_subwords(data, start, stop, begin, end, lexicon, ids, n)
        n_rows += after - n
        n = after
        begin = end
    return n, n_rows, hash32


@_leaf_kernel
def copy_rows(data, start, stop, end, hash64, model, room, n, hidden):
    """Append the rows of a token to the room's ids at `n`, from memory if it was seen before.

    Parameters
    ----------
    end : int
        data[:end] may be read.
    hash64 : uint64
        See `memory.hash_token`.

    Returns
    -------
    n, n_rows, hash32
        As of `add_token`.
    """
    ids, arena = room.ids, model.memory.arena
    unit = find_entry(data, start, stop, end, hash64, model.memory, model.words)
    if unit == 0:
        most = (stop - start + 2) * max(model.lexicon.options[MAXN], 0) + 1
        if n + most > ids.size:
            sum_ids(model.table, model.fold, ids, n, room.row, hidden)
            n = 0
        after, n_rows, hash32 = add_token(data, start, stop, model, room, n, hidden)
        if most <= ids.size:
            unit = new_entry(
                data, start, stop, end, hash64, n_rows, hash32, after - n, model.memory, model.words
            )
        if unit > 0:
            at = numbers_of(arena, unit)
            for j in range(after - n):
                arena[at + j] = ids[n + j]
            publish_entry(hash64, unit, model.memory)
        return after, n_rows, hash32
    size = np.int64(arena[2 * unit + SIZE])
    if n + size > ids.size:
        sum_ids(model.table, model.fold, ids, n, room.row, hidden)
        n = 0
    at = numbers_of(arena, unit)
    for j in range(size):
        ids[n + j] = arena[at + j]
    return n + size, np.int64(arena[2 * unit + COUNT]), np.int64(arena[2 * unit + HASH32])


@_leaf_kernel
def add_sum(data, start, stop, end, hash64, model, room, hidden):
    """Add the sum of the rows of a token to `hidden`, from memory if it was seen before.

    Returns
    -------
    n_rows, hash32
        As of `add_token`.
    """
    arena, sums, width = model.memory.arena, model.sums, hidden.size
    unit = find_entry(data, start, stop, end, hash64, model.memory, model.words)
    if unit > 0:
        at = numbers_of(arena, unit)
        for d in range(0, width, LANES):
            m = width - d
            a = add_product(load_block(hidden, d, m), 1.0, load_block(sums, at + d, m))
            store_block(hidden, d, a, m, NONE)
        return np.int64(arena[2 * unit + COUNT]), np.int64(arena[2 * unit + HASH32])
    total = room.total
    total[:] = 0
    n, n_rows, hash32 = add_token(data, start, stop, model, room, 0, total)
    sum_ids(model.table, model.fold, room.ids, n, room.row, total)
    for d in range(width):
        hidden[d] += total[d]
    unit = new_entry(
        data, start, stop, end, hash64, n_rows, hash32, width, model.memory, model.words
    )
    if unit > 0:
        at = numbers_of(arena, unit)
        for d in range(width):
            sums[at + d] = total[d]
        publish_entry(hash64, unit, model.memory)
    return n_rows, hash32


# -- documents -------------------------------------------------------------------------------
@_leaf_kernel
def sum_document(data, start, stop, with_eos, model, room, hidden):
    """Write the sum of a document's rows to `hidden`; return their number.

    Parameters
    ----------
    data : uint8[n_bytes]
    start, stop : int
        A newline within data[start:stop] is a space.
    with_eos : bool
        Whether the token </s> of a newline follows.
    model : Engine
    room : Room
    hidden : float32[dim], or float32[width] of a model that is folded
        Written in place.
    """
    hidden[:] = 0
    n = n_rows = n_signed = 0
    options = model.lexicon.options
    mask, slots = model.memory.slots.size - 1, model.memory.slots
    bounds, hashes = room.bounds, room.hashes
    i = start
    while i < stop:
        n_bounds, i = find_tokens(data, i, stop, room.tail, bounds)
        n_tokens = n_bounds // 2
        for t in range(n_tokens):
            hashes[t] = hash_token(data, bounds[2 * t], bounds[2 * t + 1], data.size)
            prefetch(slots, np.int64(hashes[t]) & mask)
        for t in range(n_tokens):
            a, b = bounds[2 * t], bounds[2 * t + 1]
            if is_eos(data, a, b):
                with_eos = True
                i = stop
                break
            if model.sums.size > 0:
                count, hash32 = add_sum(data, a, b, data.size, hashes[t], model, room, hidden)
            else:
                n, count, hash32 = copy_rows(
                    data, a, b, data.size, hashes[t], model, room, n, hidden
                )
            if count != DROPPED:
                n_rows += count
                if room.signed.size > 0:
                    room.signed[n_signed] = as_signed(hash32)
                    n_signed += 1
    eos = options[EOS_WORD]
    is_dropped = eos >= options[N_WORDS] or (eos < 0 and options[EOS_IS_LABEL] != 0)
    if with_eos and not is_dropped:
        if eos >= 0:
            if n == room.ids.size:
                sum_ids(model.table, model.fold, room.ids, n, room.row, hidden)
                n = 0
            room.ids[n] = eos
            n, n_rows = n + 1, n_rows + 1
        if room.signed.size > 0:
            room.signed[n_signed] = as_signed(hash_bytes(EOS, 0, EOS.size))
            n_signed += 1
    n, n_ngrams = add_ngrams(model, room, n_signed, n, hidden)
    sum_ids(model.table, model.fold, room.ids, n, room.row, hidden)
    return n_rows + n_ngrams


@_leaf_kernel
def add_ngrams(model, room, n_signed, n, hidden):
    """Append the rows of n-grams of words to the room's ids at `n`; return `n`, and how many."""
    lexicon, ids = model.lexicon, room.ids
    options = lexicon.options
    bucket, inverse, n_words = options[BUCKET], options[INVERSE], options[N_WORDS]
    n_found = 0
    for first in range(n_signed):
        last = min(n_signed, first + options[WORD_NGRAMS])
        hash64 = room.signed[first]
        for j in range(first + 1, last):
            if n == ids.size:
                sum_ids(model.table, model.fold, ids, n, room.row, hidden)
                n = 0
            hash64 = hash64 * NGRAM_FACTOR + room.signed[j]
            place = bucket_of(hash64, bucket, inverse)
            if options[PRUNED] == NOT_PRUNED:
                ids[n] = n_words + place
                n, n_found = n + 1, n_found + 1
            else:
                after = add_bucket(place, lexicon, ids, n)
                n_found += after - n
                n = after
    return n, n_found
