"""Runs of bytes: copying, looking for the next byte that matters."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import ONE, REPLACEMENT, decode

_kernel = compiler(LEAF)
BLOCK = np.uint64(32)
NEWLINE, RETURN, SPACE, TAB, QUOTE, BACKSLASH = 10, 13, 32, 9, 34, 92
_MASK = 63  # "?"


@_kernel
def copy(data, first, last, out, at):
    """Copy data[first:last] to out[at:]; return the position behind it."""
    source, target = np.uint64(first), np.uint64(at)
    for j in range(np.uint64(last - first)):
        out[target + np.uint64(j)] = data[source + np.uint64(j)]
    return at + last - first


@_kernel
def copy_flat(data, first, last, out, at):
    """Copy data[first:last] to out[at:] with spaces for line breaks; return the end."""
    source, target = np.uint64(first), np.uint64(at)
    for j in range(np.uint64(last - first)):
        byte = data[source + np.uint64(j)]
        is_break = (byte == NEWLINE) | (byte == RETURN)
        out[target + np.uint64(j)] = SPACE if is_break else byte
    return at + last - first


@_kernel
def line_end(data, i):
    """Return the position of the next newline, or the end."""
    at, end = np.uint64(i), np.uint64(data.size)
    while at + BLOCK <= end:
        found = np.uint8(0)
        for j in range(BLOCK):
            found |= np.uint8(data[at + np.uint64(j)] == NEWLINE)
        if found:
            break
        at += BLOCK
    while at < end and data[at] != NEWLINE:
        at += ONE
    return np.int64(at)


@_kernel
def plain_end(data, i, end):
    """Return the position of the next quote, backslash or control character, or `end`."""
    at, last = np.uint64(i), np.uint64(end)
    while at + BLOCK <= last:
        found = np.uint8(0)
        for j in range(BLOCK):
            byte = data[at + np.uint64(j)]
            found |= np.uint8((byte == QUOTE) | (byte == BACKSLASH) | (byte < SPACE))
        if found:
            break
        at += BLOCK
    while at < last:
        byte = data[at]
        if (byte == QUOTE) | (byte == BACKSLASH) | (byte < SPACE):
            break
        at += ONE
    return np.int64(at)


@_kernel
def quote_end(data, i, end):
    """Return the position of the next quote, or `end`."""
    at, last = np.uint64(i), np.uint64(end)
    while at + BLOCK <= last:
        found = np.uint8(0)
        for j in range(BLOCK):
            found |= np.uint8(data[at + np.uint64(j)] == QUOTE)
        if found:
            break
        at += BLOCK
    while at < last and data[at] != QUOTE:
        at += ONE
    return np.int64(at)


@_kernel
def is_same(data, first, last, pool, start, stop):
    """Return whether data[first:last] is pool[start:stop]."""
    if last - first != stop - start:
        return False
    for j in range(last - first):  # noqa: SIM110 - no generators in compiled code
        if data[first + j] != pool[start + j]:
            return False
    return True


@_kernel
def mask_faults(data, clean, places):
    """Copy bytes with a question mark for each that is no UTF-8.

    Parameters
    ----------
    data : uint8[n_bytes]
    clean : uint8[n_bytes]
        Written in place.
    places : int64[n_lines]
        Of the first fault of each line that has one; written in place.

    Returns
    -------
    int
        The number of these lines.
    """
    n, i = 0, 0
    is_told = False
    while i < data.size:
        code, length = decode(data, i, data.size)
        is_fault = (code == REPLACEMENT and length == 1) or 0xD800 <= code <= 0xDFFF
        if is_fault:
            clean[i] = _MASK
            if not is_told:
                places[n] = i
                n += 1
                is_told = True
            i += 1
            continue
        if data[i] == NEWLINE:
            is_told = False
        for j in range(i, i + length):
            clean[j] = data[j]
        i += length
    return n
