"""Words that were seen before: what a token becomes is looked up, not worked out again.

Text repeats its words (Zipf), and most of the time of a prediction goes into the character n-grams
of each word: hashes, remainders, lookups.  An entry holds a token's bytes and what was made of it:
the numbers of its rows, or their sum.  A hit compares all bytes, so answers are the same with and
without a memory, however full it is.

Threads share a memory without locks.  An entry is written into room that was taken by an atomic
addition; its place is then published in the table of slots by an atomic exchange, which orders it
behind the entry's bytes.  Nothing is ever changed or taken out; a memory that is full stays as it
is until its owner begins a new one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fasttext_lite.compiled.bytes64 import eight_bytes, load_shared, publish, take
from fasttext_lite.compiled.compiling import LEAF, compiler

_leaf_kernel = compiler(LEAF)

# Places in `Memory.counters`, int64[N_COUNTERS], a cache line apart: units of the arena in use,
# entries, tokens that were worked out since there was no room for more.
USED, ENTRIES, MISSED = 0, 8, 16
N_COUNTERS = 24

MOST_BYTES = 64  # of a token that is remembered
UNIT = 8  # bytes
# An entry, in numbers of int32: its hash (2), bytes of the token, what it counts, its 32-bit hash,
# numbers that follow, the bytes rounded up to units, the numbers.
N_BYTES, COUNT, HASH32, SIZE, HEAD = 2, 3, 4, 5, 6
DROPPED = -1  # the count of a token that is not part of the text: one that looks like a label

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)
_LOW = np.int64(0xFFFFFFFF)


class Memory(NamedTuple):
    """Entries, and where they are.

    Attributes
    ----------
    slots : int64[capacity]
        Open addressing, linear probing, capacity a power of two: 0, or the upper half of the hash
        and the unit where the entry begins. At most half of them are used.
    arena : int32[2 * n_units]
        The entries.
    counters : int64[N_COUNTERS]
    """

    slots: np.ndarray
    arena: np.ndarray
    counters: np.ndarray


@_leaf_kernel
def hash_token(data, start, stop, end):
    """Return a 64-bit hash of data[start:stop], eight bytes at a time; data[:end] may be read."""
    h = np.uint64(stop - start) * _FACTOR
    i = start
    while i + 8 <= stop:
        h = (h ^ eight_bytes(data, i)) * _FACTOR
        h ^= h >> _SHIFT
        i += 8
    if i < stop:
        h = (h ^ last_bytes(data, i, stop, end)) * _FACTOR
        h ^= h >> _SHIFT
    return h


@_leaf_kernel
def last_bytes(data, i, stop, end):
    """Return data[i:stop], fewer than eight bytes, as a number, zeros behind them."""
    n = stop - i
    if i + 8 <= end:
        return eight_bytes(data, i) & ((np.uint64(1) << np.uint64(8 * n)) - np.uint64(1))
    rest = np.uint64(0)
    for j in range(n):
        rest |= np.uint64(data[i + j]) << np.uint64(8 * j)
    return rest


@_leaf_kernel
def is_entry(data, start, stop, end, arena, words, unit):
    """Return whether the entry at a unit is of the token data[start:stop]."""
    if arena[2 * unit + N_BYTES] != stop - start:
        return False
    at = unit + HEAD // 2
    i = start
    while i + 8 <= stop:
        if words[at] != eight_bytes(data, i):
            return False
        at += 1
        i += 8
    return i == stop or words[at] == last_bytes(data, i, stop, end)


@_leaf_kernel
def find_entry(data, start, stop, end, hash64, memory, words):
    """Return the unit where the entry of a token begins; 0 if there is none.

    Parameters
    ----------
    data : uint8[n_bytes]
        The token is data[start:stop]; data[:end] may be read.
    hash64 : uint64
        See `hash_token`.
    memory : Memory
    words : uint64[n_units]
        The arena again.
    """
    mask = memory.slots.size - 1
    slot = np.int64(hash64) & mask
    tag = np.int64(hash64 >> _SHIFT)
    while True:
        found = load_shared(memory.slots, slot)
        if found == 0:
            return 0
        unit = found & _LOW
        if (found >> 32) & _LOW == tag and is_entry(
            data, start, stop, end, memory.arena, words, unit
        ):
            return unit
        slot = (slot + 1) & mask


@_leaf_kernel
def numbers_of(arena, unit):
    """Return where in the arena the numbers of an entry begin."""
    n_bytes = arena[2 * unit + N_BYTES]
    return 2 * unit + HEAD + 2 * ((np.int64(n_bytes) + UNIT - 1) // UNIT)


@_leaf_kernel
def new_entry(data, start, stop, end, hash64, count, hash32, size, memory, words):
    """Take room for an entry and write all but its numbers; return the unit, 0 if there is no room.

    Parameters
    ----------
    data, start, stop, end, hash64, memory, words
        As in `find_entry`.
    count : int
        Rows of the token, or `DROPPED`.
    hash32 : int
        fastText's hash of the token.
    size : int
        Numbers that the caller is going to write at `numbers_of`.
    """
    n_bytes = stop - start
    if n_bytes > MOST_BYTES:
        return 0
    counters = memory.counters
    units = HEAD // 2 + (n_bytes + UNIT - 1) // UNIT + (size + 1) // 2
    if (
        2 * load_shared(counters, ENTRIES) >= memory.slots.size
        or load_shared(counters, USED) + units > words.size
    ):
        take(counters, MISSED, 1)
        return 0
    unit = take(counters, USED, units)
    if unit + units > words.size:  # others took the last of it
        take(counters, MISSED, 1)
        return 0
    words[unit] = hash64
    at = 2 * unit
    memory.arena[at + N_BYTES] = n_bytes
    memory.arena[at + COUNT] = count
    memory.arena[at + HASH32] = np.int32(hash32)
    memory.arena[at + SIZE] = size
    to = unit + HEAD // 2
    i = start
    while i + 8 <= stop:
        words[to] = eight_bytes(data, i)
        to += 1
        i += 8
    if i < stop:
        words[to] = last_bytes(data, i, stop, end)
    return unit


@_leaf_kernel
def publish_entry(hash64, unit, memory):
    """Let all threads find an entry that is written."""
    mask = memory.slots.size - 1
    slot = np.int64(hash64) & mask
    value = (np.int64(hash64 >> _SHIFT) << 32) | unit
    take(memory.counters, ENTRIES, 1)
    for _ in range(memory.slots.size):
        if publish(memory.slots, slot, value):
            return
        slot = (slot + 1) & mask
