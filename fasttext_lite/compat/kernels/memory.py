"""Words that were seen before: what a token becomes is looked up, not worked out again.

Text repeats its words (Zipf), and most of the time of a prediction goes into the character n-grams
of each word: hashes, remainders, lookups.  An entry holds a token's bytes and what was made of it:
the numbers of its rows, or their sum.  A hit compares all bytes, and what is not remembered is
worked out the same way, so answers are the same with and without a memory, however full it is.

Threads share a memory without locks.  An entry is written into room that was taken by an atomic
addition; its place is then published in the table of slots by an atomic exchange, which orders it
behind the entry's bytes.  Nothing is ever changed or taken out; a memory that is full stays as it
is until its owner begins a new one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fasttext_lite.compiled.blocks import prefetch
from fasttext_lite.compiled.bytes64 import eight_bytes, load_shared, publish, take
from fasttext_lite.compiled.compiling import INLINE, LEAF, compiler

_leaf_kernel = compiler(LEAF)
_inlined = compiler(INLINE)

# Places in `Memory.counters`, int64[N_COUNTERS], a cache line apart: units of the arena in use,
# entries, tokens that were worked out since there was no room for more.
USED, ENTRIES, MISSED = 0, 8, 16
N_COUNTERS = 24

STALE = 4  # a full memory is replaced after so many times more misses than it has entries
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
    words : uint64[n_units], sums : float32[2 * n_units]
        The arena again; `sums` is empty where numbers of rows are remembered.
    """

    slots: np.ndarray
    arena: np.ndarray
    counters: np.ndarray
    words: np.ndarray
    sums: np.ndarray


@_inlined
def is_stale(counters):
    """Return whether a memory is full and most of what comes is not in it."""
    return counters[MISSED] > STALE * max(counters[ENTRIES], 1000)


@_inlined
def hash_token(data, start, stop):
    """Return a 64-bit hash of data[start:stop], eight bytes at a time."""
    h = np.uint64(stop - start) * _FACTOR
    i = start
    while i + 8 <= stop:
        h = (h ^ eight_bytes(data, i)) * _FACTOR
        h ^= h >> _SHIFT
        i += 8
    if i < stop:
        h = (h ^ last_bytes(data, i, stop)) * _FACTOR
        h ^= h >> _SHIFT
    return h


@_inlined
def last_bytes(data, i, stop):
    """Return data[i:stop], fewer than eight bytes, as a number, zeros behind them."""
    rest = np.uint64(0)
    if i + 8 <= data.size:
        rest = eight_bytes(data, i) & ((np.uint64(1) << np.uint64(8 * (stop - i))) - np.uint64(1))
    else:
        for j in range(stop - i):
            rest |= np.uint64(data[i + j]) << np.uint64(8 * j)
    return rest


@_inlined
def is_entry(data, start, stop, memory, unit):
    """Return whether the entry at a unit is of the token data[start:stop]."""
    same = memory.arena[2 * unit + N_BYTES] == stop - start
    at = unit + HEAD // 2
    i = start
    while same and i + 8 <= stop:
        same = memory.words[at] == eight_bytes(data, i)
        at += 1
        i += 8
    if same and i < stop:
        same = memory.words[at] == last_bytes(data, i, stop)
    return same


@_inlined
def find_entry(data, start, stop, hash64, memory):
    """Return the unit where the entry of a token begins; 0 if there is none.

    Parameters
    ----------
    data : uint8[n_bytes]
        The token is data[start:stop].
    hash64 : uint64
        See `hash_token`.
    memory : Memory
    """
    mask = memory.slots.size - 1
    slot = np.int64(hash64) & mask
    tag = np.int64(hash64 >> _SHIFT)
    unit, is_open = 0, True
    while is_open:
        found = load_shared(memory.slots, slot)
        unit = found & _LOW
        is_open = found != 0 and not (
            (found >> 32) & _LOW == tag and is_entry(data, start, stop, memory, unit)
        )
        slot = (slot + 1) & mask
    return unit


@_inlined
def fetch_entry(hash64, memory):
    """Ask for the entry that stands where a token's is looked for first."""
    unit = load_shared(memory.slots, np.int64(hash64) & (memory.slots.size - 1)) & _LOW
    if 2 * unit < memory.arena.size:
        prefetch(memory.arena, 2 * unit)
        prefetch(memory.arena, 2 * unit + 16)


@_inlined
def numbers_of(arena, unit):
    """Return where in the arena the numbers of an entry begin."""
    n_bytes = arena[2 * unit + N_BYTES]
    return 2 * unit + HEAD + 2 * ((np.int64(n_bytes) + UNIT - 1) // UNIT)


@_leaf_kernel
def units_of(n_bytes, size):
    """Return how many units an entry takes, of a token of some bytes, with some numbers."""
    return HEAD // 2 + (n_bytes + UNIT - 1) // UNIT + (size + 1) // 2


@_inlined
def has_room(n_bytes, size, memory):
    """Return whether there is room for an entry; that there is none is counted."""
    counters = memory.counters
    good = 2 * load_shared(counters, ENTRIES) < memory.slots.size
    good &= load_shared(counters, USED) + units_of(n_bytes, size) <= memory.words.size
    if not good and memory.words.size > 0:
        take(counters, MISSED, 1)
    return good


@_inlined
def new_entry(data, start, stop, hash64, count, hash32, size, memory):
    """Take room for an entry and write all but its numbers.

    Parameters
    ----------
    data, start, stop, hash64, memory
        As in `find_entry`.
    count : int
        Rows of the token, or `DROPPED`.
    hash32 : int
        fastText's hash of the token.
    size : int
        Numbers that the caller is going to write at `numbers_of`.

    Returns
    -------
    unit : int
        0 if other threads took the last room.
    """
    units = units_of(stop - start, size)
    unit = take(memory.counters, USED, units)
    n_before = take(memory.counters, ENTRIES, 1)  # before its slot, so that half of them stay free
    if unit + units > memory.words.size or 2 * n_before >= memory.slots.size:
        unit = 0
    else:
        at = 2 * unit
        memory.words[unit] = hash64
        memory.arena[at + N_BYTES] = stop - start
        memory.arena[at + COUNT] = count
        memory.arena[at + HASH32] = np.int32(hash32)
        memory.arena[at + SIZE] = size
        to = unit + HEAD // 2
        for i in range(start, stop, UNIT):
            if i + UNIT <= stop:
                memory.words[to] = eight_bytes(data, i)
            else:
                memory.words[to] = last_bytes(data, i, stop)
            to += 1
    return unit


@_inlined
def publish_entry(hash64, unit, memory):
    """Let all threads find an entry that is written."""
    mask = memory.slots.size - 1
    slot = np.int64(hash64) & mask
    value = (np.int64(hash64 >> _SHIFT) << 32) | unit
    while not publish(memory.slots, slot, value):  # there is a free one: half of them are
        slot = (slot + 1) & mask
