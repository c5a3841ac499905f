"""Documents to hidden vectors the quick way: 64 bytes at a time, words remembered.

The rules, and the bits, are those of `text.list_example` and `text.mean_of_rows`, which are the
description to read first.  Here row numbers go into a small room that is summed up and emptied when
it is full, so that a document may have any length.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compat.kernels.memory import (
    COUNT,
    DROPPED,
    HASH32,
    MOST_BYTES,
    SIZE,
    fetch_entry,
    find_entry,
    has_room,
    hash_token,
    new_entry,
    numbers_of,
    publish_entry,
)
from fasttext_lite.compat.kernels.state import (
    BOUNDS,
    DENSE,
    DIM,
    FOLD_OUTPUT,
    FOLD_ROWS,
    GROUP,
    HAS_SUMS,
    HASHES,
    HIDDEN,
    IDS,
    MISSES,
    OPTIONS,
    ROW,
    SHIFT,
    SIGNED,
    SLOTS,
    TAIL,
    THERE,
    TOTAL,
    WIDTH,
    lexicon_of,
    memory_of,
    rows_of,
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
    add_bucket,
    add_first_subwords,
    add_row,
    add_some_subwords,
    begins_with,
    bucket_of,
    ends_example,
    find_word,
    hash_bytes,
)
from fasttext_lite.compiled.addresses import acquire, array_of, shared_of, table_of
from fasttext_lite.compiled.blocks import (
    LANES,
    add_product,
    load_block,
    prefetch,
    store_block,
    sum_of,
    zero_block,
)
from fasttext_lite.compiled.bytes64 import byte_mask, first_bit, space_mask
from fasttext_lite.compiled.compiling import INLINE, LEAF, compiler
from fasttext_lite.features.kernels.codes import NGRAM_FACTOR, as_signed

# No fast mathematics, as in `kernels.text`.
_leaf_kernel = compiler(LEAF)
_inlined = compiler(INLINE)
TILE = 1 << 16  # numbers of a table that a core's cache has room for
N_GROUP = 256  # rows of n-grams of words that are summed up as a group, where that is free
AHEAD = 8  # rows, or words, between asking for a cache line and using it
NO_BITS, ALL_BITS = np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF)
ONE, LAST_BIT = np.uint64(1), np.uint64(63)
NEWLINE = np.uint8(10)
NONE = np.uint32(0)
ZERO = np.int64(0)  # of one type with counts: for Python's 0 functions would be compiled once more


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
@_inlined
def fetch_row(table, row, dim):
    """Ask for all cache lines of a row."""
    at = np.int64(row) * dim
    for d in range(0, dim, LANES):
        prefetch(table, at + d)
    prefetch(table, at + dim - 1)  # rows need not begin at a line


@_leaf_kernel
def add_rows(table, ids, first, last, hidden):
    """Add the rows ids[first:last] of `table`, float32[n_rows * dim], to `hidden` in their order.

    Some numbers of each row at a time, so that the sums stay in registers; as many rows as the
    cache has room for, so that it has the rest of each when that is added.
    """
    dim = hidden.size
    step = max(TILE // dim, 4 * AHEAD)
    for begin in range(first, last, step):
        end = min(begin + step, last)
        for j in range(begin, min(begin + AHEAD, end)):
            fetch_row(table, ids[j], dim)
        for d in range(0, dim, 4 * LANES):
            add_columns(table, ids, begin, end, d, hidden)


@_leaf_kernel
def add_columns(table, ids, first, last, d, hidden):
    """Add the numbers d to d + 63 of rows to those of `hidden`, as many as there are."""
    dim = hidden.size
    m = dim - d
    a, b = load_block(hidden, d, m), load_block(hidden, d + 16, m - 16)
    c, e = load_block(hidden, d + 32, m - 32), load_block(hidden, d + 48, m - 48)
    if m > 32:
        for j in range(first, last):
            if d == 0 and j + AHEAD < last:
                fetch_row(table, ids[j + AHEAD], dim)
            at = np.int64(ids[j]) * dim + d
            a = add_product(a, 1.0, load_block(table, at, m))
            b = add_product(b, 1.0, load_block(table, at + 16, m - 16))
            c = add_product(c, 1.0, load_block(table, at + 32, m - 32))
            e = add_product(e, 1.0, load_block(table, at + 48, m - 48))
        store_block(hidden, d + 32, c, m - 32, NONE)
        store_block(hidden, d + 48, e, m - 48, NONE)
    else:
        for j in range(first, last):
            if d == 0 and j + AHEAD < last:
                fetch_row(table, ids[j + AHEAD], dim)
            at = np.int64(ids[j]) * dim + d
            a = add_product(a, 1.0, load_block(table, at, m))
            if m > 16:
                b = add_product(b, 1.0, load_block(table, at + 16, m - 16))
    store_block(hidden, d, a, m, NONE)
    store_block(hidden, d + 16, b, m - 16, NONE)


@_leaf_kernel
def fold_row(row, state, scratch):
    """Multiply a row of the input table with the output table, for the first time it is needed.

    Threads that do it at once write the same numbers.
    """
    folded = shared_of(state, FOLD_ROWS, np.float32)
    output, table = table_of(state, FOLD_OUTPUT, np.float32), rows_of(state)
    width, dim = output.shape
    at = np.int64(row) * width
    if table.codes.shape[0] == 0 and table.places.size == 0:
        numbers = table.dense.view(np.float32)
        for label in range(width):
            folded[at + label] = inner_product(numbers, np.int64(row) * dim, output, label)
        return
    decoded = shared_of(scratch, ROW, np.float32)
    for d in range(dim):
        decoded[d] = 0
    add_row(table, row, decoded)
    for label in range(width):
        folded[at + label] = inner_product(decoded, ZERO, output, label)


@_leaf_kernel
def inner_product(numbers, at, output, label):
    """Return the inner product of numbers[at:] and a row of `output`, in any order."""
    dim = output.shape[1]
    total = zero_block(numbers)
    for d in range(0, dim, LANES):
        m = dim - d
        other = load_block(output, label * dim + d, m)
        total = add_product(total, load_block(numbers, at + d, m), other)
    return sum_of(total)


@_leaf_kernel
def add_folded(ids, first, last, state, scratch, hidden):
    """Add to `hidden`, float32[width], what the rows ids[first:last] say of each label."""
    folded = shared_of(state, FOLD_ROWS, np.float32)
    dense = array_of(state, DENSE, np.uint8).view(np.float32)
    dim, width = state[DIM], hidden.size
    for j in range(first, last):
        if j + 2 * AHEAD < last:
            prefetch(folded, np.int64(ids[j + 2 * AHEAD]) * width)
        if j + AHEAD < last:
            ahead = np.int64(ids[j + AHEAD])
            if folded[ahead * width] != folded[ahead * width] and (ahead + 1) * dim <= dense.size:
                fetch_row(dense, ahead, dim)
        at = np.int64(ids[j]) * width
        is_there = True
        for label in range(width):
            is_there &= folded[at + label] == folded[at + label]  # NaN is not
        if not is_there:
            fold_row(ids[j], state, scratch)
        for label in range(width):
            hidden[label] += folded[at + label]


@_leaf_kernel
def are_there(ids, first, last, state):
    """Return whether all rows ids[first:last] were read from the file."""
    there, shift = shared_of(state, THERE, np.uint8), state[SHIFT]
    found = np.uint8(1)
    if there.size > 0:
        for j in range(first, last):
            found &= there[np.int64(ids[j]) >> shift]
        acquire()
    return found != 0


@_leaf_kernel
def sum_ids(first, last, state, scratch, part):
    """Add the rows ids[first:last] to a part of the scratch: `HIDDEN`, or `TOTAL` of a word."""
    ids, hidden = shared_of(scratch, IDS, np.int32), shared_of(scratch, part, np.float32)
    table = rows_of(state)
    if not are_there(ids, first, last, state):
        shared_of(scratch, MISSES, np.int64)[0] = 1
        return
    if array_of(state, FOLD_ROWS, np.float32).size > 0:
        if part == TOTAL:
            add_folded(ids, first, last, state, scratch, hidden)
            return
        group = shared_of(scratch, GROUP, np.float32)
        for begin in range(first, last, N_GROUP):
            clear(group)
            add_folded(ids, begin, min(begin + N_GROUP, last), state, scratch, group)
            add_sum(group, ZERO, hidden)
    elif table.codes.shape[0] > 0 or table.places.size > 0:
        for j in range(first, last):
            add_row(table, ids[j], hidden)
    else:
        add_rows(table.dense.view(np.float32), ids, first, last, hidden)


@_inlined
def clear(numbers):
    """Make numbers 0."""
    for d in range(numbers.size):
        numbers[d] = 0


@_inlined
def add_sum(sums, at, hidden):
    """Add sums[at:] to `hidden`."""
    for d in range(0, hidden.size, LANES):
        m = hidden.size - d
        a = add_product(load_block(hidden, d, m), 1.0, load_block(sums, at + d, m))
        store_block(hidden, d, a, m, NONE)


# -- words -----------------------------------------------------------------------------------
@_inlined
def look_up(data, start, stop, lexicon):
    """Return the number of a token (-1: none), its 32-bit hash, and whether it is dropped.

    A label, known or not, is no part of the text.
    """
    hash32 = hash_bytes(data, start, stop)
    slot = find_word(data, start, stop, hash32, lexicon.table, lexicon.pool, lexicon.offsets)
    word = np.int64(lexicon.table[slot])
    is_dropped = word >= lexicon.options[N_WORDS]
    if word < 0:
        is_dropped = begins_with(data, start, stop, lexicon.prefix)
    return word, hash32, is_dropped


@_leaf_kernel
def add_token(data, start, stop, state, scratch, n, part):
    """Append the rows of a token to the scratch's ids at `n`.

    Where there are more than these have room for, those before are summed up in a part of it.

    Returns
    -------
    n : int
    n_rows : int
        Rows of the token; `DROPPED` if it is no part of the text.
    hash32 : int
    """
    lexicon, ids = lexicon_of(state), shared_of(scratch, IDS, np.int32)
    word, hash32, is_dropped = look_up(data, start, stop, lexicon)
    if is_dropped:
        return n, DROPPED, hash32
    n_rows, maxn = 0, lexicon.options[MAXN]
    if n + max(maxn, 0) + 1 > ids.size:
        sum_ids(ZERO, n, state, scratch, part)
        n = ZERO
    if word >= 0:
        ids[n] = word
        n, n_rows = n + 1, 1
    if maxn > 0:
        after = add_first_subwords(data, start, stop, lexicon, ids, n)
        n_rows, n = n_rows + after - n, after
        step = ids.size // maxn
        for begin in range(start, stop, step):
            end = min(begin + step, stop)
            if n + (end - begin) * maxn > ids.size:
                sum_ids(ZERO, n, state, scratch, part)
                n = ZERO
            after = add_some_subwords(data, start, stop, begin, end, lexicon, ids, n)
            n_rows, n = n_rows + after - n, after
    return n, n_rows, hash32


@_inlined
def learn(data, start, stop, hash64, state, scratch, n):
    """Enter a token into the memory; return the unit of its entry.

    0 if there is no room, or it is not worth it: then nothing was done. What stands in the
    scratch's ids from `n` on is overwritten.
    """
    memory, ids = memory_of(state), shared_of(scratch, IDS, np.int32)
    n_bytes = stop - start
    most = (n_bytes + 2) * max(array_of(state, OPTIONS, np.int64)[MAXN], 0) + 1
    if n_bytes > MOST_BYTES or n + most > ids.size:
        return 0
    has_sums = state[HAS_SUMS] != 0
    width = state[WIDTH]
    if not has_room(n_bytes, width if has_sums else most, memory):
        return 0
    after, n_rows, hash32 = add_token(data, start, stop, state, scratch, n, TOTAL)
    size = width if has_sums else after - n
    unit = new_entry(data, start, stop, hash64, n_rows, hash32, size, memory)
    if unit == 0:
        return 0
    at = numbers_of(memory.arena, unit)
    if has_sums:
        total = shared_of(scratch, TOTAL, np.float32)
        clear(total)
        sum_ids(n, after, state, scratch, TOTAL)
        if shared_of(scratch, MISSES, np.int64)[0] != 0:
            return 0  # the sum is none, nor is any of the document's
        for d in range(width):
            memory.sums[at + d] = total[d]
    else:
        for j in range(size):
            memory.arena[at + j] = ids[n + j]
    publish_entry(hash64, unit, memory)
    return unit


@_leaf_kernel
def add_sum_of_token(data, start, stop, state, scratch):
    """Add the sum of a token's rows to `GROUP`, as if it were remembered; see `add_token`."""
    total = shared_of(scratch, TOTAL, np.float32)
    clear(total)
    n, n_rows, hash32 = add_token(data, start, stop, state, scratch, ZERO, TOTAL)
    sum_ids(ZERO, n, state, scratch, TOTAL)
    add_sum(total, ZERO, shared_of(scratch, GROUP, np.float32))
    return n_rows, hash32


@_leaf_kernel
def add_tokens(data, n_tokens, n, n_rows, n_signed, state, scratch):
    """Add tokens, whose bounds and hashes stand in the scratch, to a document, see `sum_document`.

    Where words are summed up one by one, these make a group: a long sum of float32 that are all
    added to one number loses more than a sum of sums.

    Returns
    -------
    n : int
        Rows in the scratch's ids, not summed up yet.
    n_rows, n_signed : int
        Of the document, with these.
    """
    memory = memory_of(state)
    bounds, hashes = shared_of(scratch, BOUNDS, np.int64), shared_of(scratch, HASHES, np.uint64)
    ids, signed = shared_of(scratch, IDS, np.int32), shared_of(scratch, SIGNED, np.uint64)
    group = shared_of(scratch, GROUP, np.float32)
    clear(group)
    maxn = max(array_of(state, OPTIONS, np.int64)[MAXN], 0)
    has_sums = state[HAS_SUMS] != 0
    for t in range(n_tokens):
        if t + AHEAD < n_tokens:
            fetch_entry(hashes[t + AHEAD], memory)
        start, stop = bounds[2 * t], bounds[2 * t + 1]
        unit = find_entry(data, start, stop, hashes[t], memory)
        if unit == 0:
            if n + (stop - start + 2) * maxn >= ids.size:
                sum_ids(ZERO, n, state, scratch, HIDDEN)
                n = ZERO
            unit = learn(data, start, stop, hashes[t], state, scratch, n)
        if unit == 0 and has_sums:
            count, hash32 = add_sum_of_token(data, start, stop, state, scratch)
        elif unit == 0:
            n, count, hash32 = add_token(data, start, stop, state, scratch, n, HIDDEN)
        else:
            at = numbers_of(memory.arena, unit)
            count = np.int64(memory.arena[2 * unit + COUNT])
            hash32 = np.int64(memory.arena[2 * unit + HASH32])
            if has_sums:
                add_sum(memory.sums, at, group)
            else:
                size = np.int64(memory.arena[2 * unit + SIZE])
                if n + size > ids.size:
                    sum_ids(ZERO, n, state, scratch, HIDDEN)
                    n = ZERO
                for j in range(size):
                    ids[n + j] = memory.arena[at + j]
                n += size
        if count != DROPPED:
            n_rows += count
            if signed.size > 0:
                signed[n_signed] = as_signed(hash32)
                n_signed += 1
    if has_sums:
        add_sum(group, ZERO, shared_of(scratch, HIDDEN, np.float32))
    return n, n_rows, n_signed


@_leaf_kernel
def add_ngrams(n, n_signed, state, scratch):
    """Append the rows of n-grams of words to the scratch's ids at `n`; return `n`, and how many."""
    lexicon, ids = lexicon_of(state), shared_of(scratch, IDS, np.int32)
    signed = shared_of(scratch, SIGNED, np.uint64)
    options = lexicon.options
    bucket, inverse, n_words = options[BUCKET], options[INVERSE], options[N_WORDS]
    n_found = 0
    for first in range(n_signed):
        last = min(n_signed, first + options[WORD_NGRAMS])
        hash64 = signed[first]
        for j in range(first + 1, last):
            if n == ids.size:
                sum_ids(ZERO, n, state, scratch, HIDDEN)
                n = ZERO
            hash64 = hash64 * NGRAM_FACTOR + signed[j]
            place = bucket_of(hash64, bucket, inverse)
            if options[PRUNED] == NOT_PRUNED:
                ids[n] = n_words + place
                n, n_found = n + 1, n_found + 1
            else:
                after = add_bucket(place, lexicon, ids, n)
                n_found, n = n_found + after - n, after
    return n, n_found


# -- documents -------------------------------------------------------------------------------
@_inlined
def sum_document(data, start, stop, with_eos, state, scratch):
    """Write the sum of a document's rows to the scratch's `HIDDEN`; return their number.

    Where a row was needed that is not there yet, the scratch's `MISSES` says so, and the sum is
    none.

    Parameters
    ----------
    data : uint8[n_bytes]
    start, stop : int
        A newline within data[start:stop] is a space.
    with_eos : bool
        Whether the token </s> of a newline follows.
    state, scratch : int64[]
        See `kernels.state`.
    """
    hidden, tail = shared_of(scratch, HIDDEN, np.float32), shared_of(scratch, TAIL, np.uint8)
    bounds, hashes = shared_of(scratch, BOUNDS, np.int64), shared_of(scratch, HASHES, np.uint64)
    slots, options = array_of(state, SLOTS, np.int64), array_of(state, OPTIONS, np.int64)
    for d in range(hidden.size):
        hidden[d] = 0
    shared_of(scratch, MISSES, np.int64)[0] = 0
    n = n_rows = n_signed = ZERO
    i = start
    while i < stop:
        n_bounds, i = find_tokens(data, i, stop, tail, bounds)
        n_tokens = n_bounds // 2
        for t in range(n_tokens):
            hashes[t] = hash_token(data, bounds[2 * t], bounds[2 * t + 1])
            prefetch(slots, np.int64(hashes[t]) & (slots.size - 1))
            if is_eos(data, bounds[2 * t], bounds[2 * t + 1]):
                n_tokens, i, with_eos = t, stop, True
                break
        n, n_rows, n_signed = add_tokens(data, n_tokens, n, n_rows, n_signed, state, scratch)
    eos = options[EOS_WORD]
    is_dropped = eos >= options[N_WORDS] or (eos < 0 and options[EOS_IS_LABEL] != 0)
    if with_eos and not is_dropped:
        ids, signed = shared_of(scratch, IDS, np.int32), shared_of(scratch, SIGNED, np.uint64)
        if eos >= 0:
            if n == ids.size:
                sum_ids(ZERO, n, state, scratch, HIDDEN)
                n = ZERO
            ids[n] = eos
            n, n_rows = n + 1, n_rows + 1
        if signed.size > 0:
            signed[n_signed] = as_signed(hash_bytes(EOS, 0, EOS.size))
            n_signed += 1
    n, n_ngrams = add_ngrams(n, n_signed, state, scratch)
    sum_ids(ZERO, n, state, scratch, HIDDEN)
    return n_rows + n_ngrams
