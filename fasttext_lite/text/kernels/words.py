"""A hash table of words: look them up, insert them, count them."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.compiled.utf8 import END, OUTSIDE

_kernel = compiler(FAST)

# Of one type, not Python's numbers: each of those would compile a function of its own.
FNV_OFFSET = np.int64(2166136261)
FNV_PRIME = np.int64(16777619)
MOST_BYTES = np.int64(1 << 31)  # whose places fit into the number of a token


@_kernel
def fnv_step(hash32, byte):
    """Return the 32-bit FNV-1a hash after one more byte, sign-extended as fastText does."""
    value = np.int64(byte)
    if value >= 128:
        value |= 0xFFFFFF00
    return ((hash32 ^ value) * FNV_PRIME) & 0xFFFFFFFF


@_kernel
def find_word(text, start, end, hash32, table, pool, word_offsets):
    """Return the slot of a word in the hash table: its own, or the free one where it belongs.

    Parameters
    ----------
    text : uint8[n_bytes]
    start, end : int
        The word is text[start:end].
    hash32 : int
        FNV-1a hash of the word.
    table : int32[capacity]
        Open addressing, linear probing; capacity a power of two; word id or -1.
    pool : uint8[n_pool_bytes]
        The bytes of the words.
    word_offsets : int64[>= n_words, 2]
        Where each word starts and ends in the pool.
    """
    mask = table.size - 1
    # FNV's low bits are good; the factor only spreads neighbouring hashes apart.
    slot = (hash32 * 0x9E3779B1 >> 12) & mask
    while True:
        word = table[slot]
        if word < 0:
            return slot
        a = word_offsets[word, 0]
        if word_offsets[word, 1] - a == end - start:
            same = True
            for i in range(end - start):
                if pool[a + i] != text[start + i]:
                    same = False
                    break
            if same:
                return slot
        slot = (slot + 1) & mask


@_kernel
def insert_words(pool, word_offsets, n_words, table):
    """Enter the first `n_words` words of a vocabulary into an empty table (all -1)."""
    for word in range(n_words):
        start, end = word_offsets[word, 0], word_offsets[word, 1]
        hash32 = FNV_OFFSET
        for i in range(start, end):
            hash32 = fnv_step(hash32, pool[i])
        table[find_word(pool, start, end, hash32, table, pool, word_offsets)] = word


@_kernel
def count_tokens(marks, offsets, first, last, n_tokens):
    """Write the number of tokens of documents `first` to `last` - 1.

    Parameters
    ----------
    marks : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    first, last : int
    n_tokens : int64[n_docs]
        Written in place.
    """
    for doc in range(first, last):
        n = 0
        for i in range(offsets[doc], offsets[doc + 1]):
            n += marks[i] == END
        n_tokens[doc] = n


@_kernel
def append_word(text, start, end, word, n_pool, pool, word_offsets):
    """Write text[start:end] as a word behind the `n_pool` bytes of a pool; return their number."""
    word_offsets[word, 0] = n_pool
    for i in range(start, end):
        pool[n_pool] = text[i]
        n_pool += 1
    word_offsets[word, 1] = n_pool
    return n_pool


@_kernel
def add_words(text, bounds, more, table, pool, word_offsets, counts, n_words):
    """Add words that were counted elsewhere, in their order; return the number of words then.

    Parameters
    ----------
    text : uint8[n_bytes], bounds : int64[n, 2]
        Word i is text[bounds[i, 0]:bounds[i, 1]].
    more : int64[n]
        Occurrences of each.
    table, pool, word_offsets, counts, n_words
        The vocabulary, as in `enter_words`, with room for all of them; written in place.
    """
    n_pool = word_offsets[n_words - 1, 1] if n_words > 0 else 0
    for i in range(more.size):
        start, end = bounds[i, 0], bounds[i, 1]
        hash32 = FNV_OFFSET
        for j in range(start, end):
            hash32 = fnv_step(hash32, text[j])
        slot = find_word(text, start, end, hash32, table, pool, word_offsets)
        if table[slot] < 0:
            n_pool = append_word(text, start, end, n_words, n_pool, pool, word_offsets)
            counts[n_words] = 0
            table[slot] = n_words
            n_words += 1
        counts[table[slot]] += more[i]
    return n_words


@_kernel
def number_tokens(
    text, marks, offsets, first, last, table, pool, word_offsets, starts, origin, numbers
):  # fmt: skip
    """Write the number of each token of documents `first` to `last` - 1.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    first, last : int
    table, pool, word_offsets
        As in `find_word`.
    starts : int64[n_docs + 1]
        Where the tokens of each document begin in `numbers`.
    origin : int
        What places in `text` are counted from.
    numbers : int32[n_tokens]
        Written in place: of a token that is no known word, -1 less its place in the text,
        or -`MOST_BYTES` where that is too far.
    """
    for doc in range(first, last):
        start = offsets[doc]
        hash32 = FNV_OFFSET
        at = starts[doc]
        for i in range(offsets[doc], offsets[doc + 1]):
            if marks[i] == OUTSIDE:
                start = i + 1
                continue
            hash32 = fnv_step(hash32, text[i])
            if marks[i] == END:
                word = table[find_word(text, start, i + 1, hash32, table, pool, word_offsets)]
                numbers[at] = word if word >= 0 else -1 - min(start - origin, MOST_BYTES - 1)
                at += 1
                start = i + 1
                hash32 = FNV_OFFSET


@_kernel
def enter_words(
    text, marks, origin, numbers, first, last, table, pool, word_offsets, counts, n_words
):  # fmt: skip
    """Count tokens and number those that are new words; stop when space for words is short.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    origin : int
    numbers : int32[n_tokens]
        As `number_tokens` leaves them; written in place.
    first, last : int
        Range of tokens.
    table : int32[capacity], pool : uint8[], word_offsets : int64[, 2]
        The vocabulary, as in `find_word`; written in place.
    counts : int64[]
        Occurrences of each word; written in place.
    n_words : int

    Returns
    -------
    next : int
        The first token not counted; the caller enlarges the arrays and goes on there.
    n_words : int
        Words known now, numbered in the order of their first occurrence.
    n_bytes : int
        Bytes of that token.
    """
    n_pool = word_offsets[n_words - 1, 1] if n_words > 0 else 0
    for at in range(first, last):
        number = numbers[at]
        if number < 0:
            start = origin - 1 - np.int64(number)
            end = start
            hash32 = FNV_OFFSET
            inside = True
            while inside:
                hash32 = fnv_step(hash32, text[end])
                inside = marks[end] != END
                end += 1
            slot = find_word(text, start, end, hash32, table, pool, word_offsets)
            if table[slot] < 0:
                if (
                    2 * (n_words + 1) > table.size
                    or n_words == counts.size
                    or n_pool + end - start > pool.size
                ):
                    return at, n_words, end - start
                n_pool = append_word(text, start, end, n_words, n_pool, pool, word_offsets)
                counts[n_words] = 0
                table[slot] = n_words
                n_words += 1
            number = table[slot]
            numbers[at] = number
        counts[number] += 1
    return last, n_words, 0
