"""Sets of short pieces of texts, their MinHash signatures, and how alike two sets are.

A piece is `WIDTH` characters, or `WIDTH_WIDE` where it begins with one that says as much as a
syllable does (Chinese, Japanese, Korean). Signatures: Broder, On the resemblance and containment of
documents (1997).
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import EXACT, LEAF, compiler

WIDTH, WIDTH_WIDE = np.int64(3), np.int64(2)
WIDE_FROM = np.uint8(0xE2)  # first byte of characters from U+2000 on
_PRIME = np.uint64(1099511628211)
_BASIS = np.uint64(14695981039346656037)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_ONE, _SHIFT = np.uint64(1), np.uint64(31)

_leaf = compiler(LEAF)
_kernel = compiler(EXACT)


@_leaf
def _mixed(value):
    """Return the bits of a number well mixed, uint64."""
    value = (value ^ (value >> _SHIFT)) * _MIX
    return value ^ (value >> _SHIFT)


@_leaf
def _next(data, i, end):
    """Return where the character after that at byte `i` begins."""
    i += 1
    while i < end and data[i] & 0xC0 == 0x80:
        i += 1
    return i


@_kernel
def cut_pieces(data, offsets, first, last, sets, sizes):
    """Write the set of pieces of each text, ascending, as hashes.

    Parameters
    ----------
    data : uint8[n_bytes]
        UTF-8.
    offsets : int64[n_texts + 1]
    first, last : int64
        Texts to do.
    sets : uint64[n_bytes + n_texts]
        That of text i from ``offsets[i] + i`` on; written.
    sizes : int64[n_texts]
        Of the sets; written.
    """
    for text in range(first, last):
        start, end, at = offsets[text], offsets[text + 1], offsets[text] + text
        n, i = 0, start
        while i < end or n == 0:
            width = WIDTH
            if i < end and data[i] >= WIDE_FROM:
                width = WIDTH_WIDE
            stop = i
            for _ in range(width):
                if stop < end:
                    stop = _next(data, stop, end)
                else:
                    width = np.int64(0)  # there is no room for a whole piece
            if width == 0 and n > 0:
                break
            value = _BASIS
            for j in range(i, stop):
                value = (value ^ np.uint64(data[j])) * _PRIME
            sets[at + n] = _mixed(value)
            n += 1
            i = _next(data, i, end)
        part = np.sort(sets[at : at + n])
        size = 0
        for j in range(n):
            if j == 0 or part[j] != part[j - 1]:
                sets[at + size] = part[j]
                size += 1
        sizes[text] = size


@_leaf
def sign(sets, offsets, sizes, first, last, factors, signatures):
    """Write the MinHash signatures of sets.

    Parameters
    ----------
    sets, offsets, sizes
        As of `cut_pieces`.
    first, last : int64
    factors : uint64[n_hashes]
        Odd numbers, one for each hash function.
    signatures : uint32[n_texts, n_hashes]
        Written.
    """
    for text in range(first, last):
        at = offsets[text] + text
        for k in range(factors.size):
            least = np.uint64(0xFFFFFFFFFFFFFFFF)
            factor = factors[k]
            for j in range(at, at + sizes[text]):
                value = sets[j] * factor
                least = min(least, value)
            signatures[text, k] = np.uint32(least >> np.uint64(32))


@_leaf
def similarities(sets, offsets, sizes, one, other, first, last, result):
    """Write the Jaccard index of pairs of sets: the share of their union that both have.

    Parameters
    ----------
    sets, offsets, sizes
        As of `cut_pieces`.
    one, other : int64[n_pairs]
        Numbers of texts.
    first, last : int64
        Pairs to do.
    result : float32[n_pairs]
        Written.
    """
    for pair in range(first, last):
        i, j = offsets[one[pair]] + one[pair], offsets[other[pair]] + other[pair]
        i_end, j_end = i + sizes[one[pair]], j + sizes[other[pair]]
        n = i_end - i + j_end - j
        both = 0
        while i < i_end and j < j_end:
            if sets[i] == sets[j]:
                both += 1
                i += 1
                j += 1
            elif sets[i] < sets[j]:
                i += 1
            else:
                j += 1
        result[pair] = np.float32(both / (n - both))
