"""Find token boundaries in UTF-8 text.

Tokens are written as marks, one byte for each byte of text: `INSIDE` a token, `END` (the last
byte of a token), `OUTSIDE` any token.  Marks need no counting pass, documents never overlap,
so threads share one array without locks, and every analyzer speaks this same language.
"""

from typing import Any

import numpy as np
from numba import njit

INSIDE, END, OUTSIDE = 0, 1, 2
SPACE, WORD, SINGLE, EXTEND = 0, 1, 2, 3
REPLACEMENT = 0xFFFD

_OPTIONS: Any = {"nogil": True, "error_model": "numpy"}


def _kernel(function):
    """Compile on first call, cached on disk; in memory only where no folder is writable."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        return njit(**_OPTIONS)(function)


@_kernel
def decode(text, i, end):
    """Return the code point at byte `i` and its length in bytes.

    A byte that starts no valid sequence before `end` is U+FFFD of length 1, so decoding never
    fails and never reads past `end`. Surrogates decode to themselves.
    """
    lead = text[i]
    if lead < 0x80:
        return int(lead), 1
    if 0xC2 <= lead < 0xE0:
        length, code, least = 2, lead & 0x1F, 0x80
    elif 0xE0 <= lead < 0xF0:
        length, code, least = 3, lead & 0x0F, 0x800
    elif 0xF0 <= lead < 0xF5:
        length, code, least = 4, lead & 0x07, 0x10000
    else:
        return REPLACEMENT, 1
    if i + length > end:
        return REPLACEMENT, 1
    code = int(code)
    for j in range(i + 1, i + length):
        byte = text[j]
        if byte & 0xC0 != 0x80:
            return REPLACEMENT, 1
        code = code << 6 | int(byte & 0x3F)
    if code < least or code > 0x10FFFF:
        return REPLACEMENT, 1
    return code, length


@_kernel
def mark_tokens(text, offsets, first, last, classes, marks):
    """Mark the tokens of documents `first` to `last` - 1.

    A run of WORD characters is one token, a SINGLE character is one token, an EXTEND character
    belongs to the token right before it (and is space after none), SPACE is outside.

    Parameters
    ----------
    text : uint8[n_bytes]
    offsets : int64[n_docs + 1]
        Document i is text[offsets[i]:offsets[i + 1]].
    first, last : int
    classes : uint8[0x110000]
        Class of each code point.
    marks : uint8[n_bytes]
        Written in place.
    """
    for doc in range(first, last):
        i = offsets[doc]
        end = offsets[doc + 1]
        open_class = SPACE
        while i < end:
            code, length = decode(text, i, end)
            kind = classes[code]
            if kind == EXTEND and open_class == SPACE:
                kind = SPACE
            for j in range(i, i + length):
                marks[j] = OUTSIDE if kind == SPACE else INSIDE
            if kind != SPACE:
                marks[i + length - 1] = END
                if kind == EXTEND or (kind == WORD and open_class == WORD):
                    marks[i - 1] = INSIDE
            if kind != EXTEND:
                open_class = kind
            i += length


@_kernel
def _chance(state):
    """Return the next random number in [0, 1) of splitmix64 (Steele et al. 2014), and its state."""
    state += np.uint64(0x9E3779B97F4A7C15)
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53, state


@_kernel
def disturb_tokens(text, marks, offsets, first, last, drop, swap, seed, new_text, new_marks):
    """Leave out and exchange tokens at random in documents `first` to `last` - 1.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    drop : float
        Chance of each token to be left out.
    swap : float
        Chance of each token that is left to change places with the next one; a token moves
        once at most.
    seed : uint64
        The result depends on it and on the number of the document alone.
    new_text, new_marks : uint8[n_bytes]
        Written in place: the tokens one after another, the rest outside.
    """
    for doc in range(first, last):
        state = np.uint64(seed) ^ (np.uint64(doc) * np.uint64(0xD1342543DE82EF95))
        at = offsets[doc]
        start = at
        held_start = held_end = at  # a token that waits for the next one to go first
        for i in range(offsets[doc], offsets[doc + 1]):
            if marks[i] == OUTSIDE:
                start = i + 1
            elif marks[i] == END:
                chance, state = _chance(state)
                if chance >= drop:
                    chance, state = _chance(state)
                    if held_end == held_start and chance < swap:
                        held_start, held_end = start, i + 1
                    else:
                        at = _copy_token(text, start, i + 1, new_text, new_marks, at)
                        at = _copy_token(text, held_start, held_end, new_text, new_marks, at)
                        held_start = held_end
                start = i + 1
        at = _copy_token(text, held_start, held_end, new_text, new_marks, at)
        new_marks[at : offsets[doc + 1]] = OUTSIDE
        new_text[at : offsets[doc + 1]] = 0x20


@_kernel
def _copy_token(text, start, end, new_text, new_marks, at):
    """Copy the token text[start:end], if it is one, to `at`; return the position behind it."""
    for i in range(start, end):
        new_text[at] = text[i]
        new_marks[at] = INSIDE if i + 1 < end else END
        at += 1
    return at
