"""Lower-case UTF-8 text, and mark its tokens by classes of characters.

Tokens are written as marks, one byte for each byte of text (see `compiled.utf8`).  Marks need no
counting pass, documents never overlap, so threads share one array without locks, and every
analyzer speaks this same language.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import (
    BLOCK,
    END,
    INSIDE,
    ONE,
    OUTSIDE,
    decode,
    utf8_size,
    write_code,
)

SPACE, WORD, SINGLE, EXTEND, MARK = range(5)
JOINT = np.uint8(0x1F)  # the token between two forms of a text: a separator that no text has

# What `deltas` holds for a character whose lower case is not one character of its own.
NOT_SIMPLE = 1 << 24

# The mark of the byte before a character, by 8 * the class before + the class of the character; no
# class before is EXTEND or MARK.
_CLOSING = np.full(24, END, np.uint8)
_CLOSING[8 * SPACE : 8 * WORD] = OUTSIDE
_CLOSING[8 * WORD + WORD] = INSIDE
for _kind in (EXTEND, MARK):
    _CLOSING[[8 * WORD + _kind, 8 * SINGLE + _kind]] = INSIDE
_kernel = compiler(LEAF)


@_kernel
def mark_document(text, i, end, classes, marks):
    """Mark the tokens of the document text[i:end], see `mark_tokens`."""
    start, i, end = np.uint64(i), np.uint64(i), np.uint64(end)
    before: Any = SPACE  # the class that the next character meets
    while i < end:
        lead = text[i]
        if i > start and lead < 0x80:
            kind = np.int64(classes[lead])
            while kind < EXTEND:  # as of nearly all of ASCII
                marks[i - ONE] = _CLOSING[8 * before + kind]
                before = kind
                i += ONE
                if i >= end or text[i] >= 0x80:
                    break
                kind = np.int64(classes[text[i]])
            if i >= end:
                break
            lead = text[i]
        length = ONE
        if lead < 0x80:
            code = np.int64(lead)
        elif (
            0xE1 <= lead <= 0xEF
            and i + np.uint64(2) < end
            and text[i + ONE] & 0xC0 == 0x80
            and text[i + np.uint64(2)] & 0xC0 == 0x80
        ):
            code = np.int64(lead & 0x0F) << 12 | np.int64(text[i + ONE] & 0x3F) << 6
            code |= np.int64(text[i + np.uint64(2)] & 0x3F)
            length = np.uint64(3)
        else:
            code, size = decode(text, np.int64(i), np.int64(end))
            length = np.uint64(size)
        kind = np.int64(classes[code])
        if i > start:
            marks[i - ONE] = _CLOSING[8 * before + kind]
        if kind < EXTEND:
            before = kind
        elif kind == MARK and before == SPACE:
            before = SINGLE
        if length > ONE:  # the last byte waits for the next character
            for j in range(length - ONE):
                marks[i + np.uint64(j)] = OUTSIDE if before == SPACE else INSIDE
        i += length
    if end > start:
        marks[end - ONE] = OUTSIDE if before == SPACE else END


@_kernel
def mark_tokens(text, offsets, first, last, classes, marks):
    """Mark the tokens of documents `first` to `last` - 1.

    A run of WORD characters is one token, a SINGLE character is one token, an EXTEND or MARK
    character belongs to the token right before it; after none, EXTEND is space and MARK a token.
    SPACE is outside.

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
        mark_document(text, offsets[doc], offsets[doc + 1], classes, marks)


@_kernel
def lower_sizes(text, bounds, first, last, pages, deltas, sizes):
    """Measure pieces `first` to `last` - 1 of a text in lower case.

    Parameters
    ----------
    text : uint8[n_bytes]
        UTF-8; surrogates are characters.
    bounds : int64[n_pieces + 1]
    first, last : int
    pages : uint8[0x1100]
        For each 256 code points, their page of `deltas`; page 0 is all 0.
    deltas : int32[256 * n_pages]
        Lower case of a code point less the code point; NOT_SIMPLE where that will not do.
    sizes : int64[n_pieces]
        Written in place: bytes of each piece in lower case, -1 with a NOT_SIMPLE character.

    Returns
    -------
    bool
        Whether anything changes.
    """
    capital = deltas[256 * np.int64(pages[0]) + 65]
    changed = False
    for piece in range(first, last):
        i, end = np.uint64(bounds[piece]), np.uint64(bounds[piece + 1])
        size: Any = np.int64(end - i)
        while i < end:
            lead = text[i]
            if lead < 0x80:
                while i + BLOCK <= end:
                    high = np.uint8(0)
                    capitals = np.uint8(0)
                    for j in range(BLOCK):
                        byte = text[i + np.uint64(j)]
                        high |= byte
                        capitals |= np.uint8(byte >= 65) & np.uint8(byte <= 90)
                    if high >= 0x80:
                        break
                    changed |= capitals != 0 and capital != 0
                    i += BLOCK
                while i < end and text[i] < 0x80:
                    changed |= capital != 0 and 65 <= text[i] <= 90
                    i += ONE
                continue
            if (
                0xE0 <= lead <= 0xEF
                and i + np.uint64(2) < end
                and pages[np.int64(lead & 0x0F) << 4 | np.int64(text[i + ONE] & 0x3F) >> 2] == 0
            ):
                i += np.uint64(3)
                continue
            code, length = decode(text, np.int64(i), np.int64(end))
            delta = deltas[256 * np.int64(pages[code >> 8]) + (code & 0xFF)]
            if delta == NOT_SIMPLE:
                size = -1
                changed = True
                break
            if delta != 0:
                changed = True
                size += utf8_size(code + delta) - length
            i += np.uint64(length)
        sizes[piece] = size
    return changed


@_kernel
def lower(text, bounds, first, last, pages, deltas, places, extra, new_bounds, new_text):
    """Write pieces `first` to `last` - 1 of a text in lower case.

    Parameters
    ----------
    text, bounds, first, last, pages, deltas
        As `lower_sizes` has them.
    places : int64[n_pieces]
        Where in `extra` a piece's lower case stands ready; -1 = it is to be made here.
    extra : uint8[]
    new_bounds : int64[n_pieces + 1]
    new_text : uint8[new_bounds[-1]]
        Written in place.
    """
    capital = deltas[256 * np.int64(pages[0]) + 65]
    step = np.uint8(capital)
    for piece in range(first, last):
        i, end = np.uint64(bounds[piece]), np.uint64(bounds[piece + 1])
        at = np.uint64(new_bounds[piece])
        if places[piece] >= 0:
            source = np.uint64(places[piece])
            for j in range(np.uint64(new_bounds[piece + 1]) - at):
                new_text[at + np.uint64(j)] = extra[source + np.uint64(j)]
            continue
        while i < end:
            lead = text[i]
            if lead < 0x80:
                while i + BLOCK <= end:
                    high = np.uint8(0)
                    for j in range(BLOCK):
                        high |= text[i + np.uint64(j)]
                    if high >= 0x80:
                        break
                    for j in range(BLOCK):
                        byte = text[i + np.uint64(j)]
                        new_text[at + np.uint64(j)] = byte + (
                            step if 65 <= byte <= 90 else np.uint8(0)
                        )
                    i += BLOCK
                    at += BLOCK
                while i < end and text[i] < 0x80:
                    byte = text[i]
                    new_text[at] = byte + (step if 65 <= byte <= 90 else np.uint8(0))
                    i += ONE
                    at += ONE
                continue
            if (
                0xE0 <= lead <= 0xEF
                and i + np.uint64(2) < end
                and pages[np.int64(lead & 0x0F) << 4 | np.int64(text[i + ONE] & 0x3F) >> 2] == 0
            ):
                new_text[at] = lead
                new_text[at + ONE] = text[i + ONE]
                new_text[at + np.uint64(2)] = text[i + np.uint64(2)]
                i += np.uint64(3)
                at += np.uint64(3)
                continue
            code, length = decode(text, np.int64(i), np.int64(end))
            delta = deltas[256 * np.int64(pages[code >> 8]) + (code & 0xFF)]
            if delta == 0:
                for _ in range(length):
                    new_text[at] = text[i]
                    i += ONE
                    at += ONE
            else:
                at += np.uint64(write_code(code + delta, new_text, np.int64(at)))
                i += np.uint64(length)


@_kernel
def put_beside(text, offsets, words, others, first, last, new_offsets, buffer, marks):
    """Write documents twice, with the marks of words and then with other marks.

    Parameters
    ----------
    text : uint8[n_bytes], offsets : int64[n_docs + 1]
    words, others : uint8[n_bytes]
        Two kinds of marks of the same text.
    first, last : int
        Range of documents.
    new_offsets : int64[n_docs + 1]
        Twice the offsets and one byte more for each document: between its two forms stands the
        token `JOINT`.
    buffer, marks : uint8[n_new_bytes]
        Written in place.
    """
    for doc in range(first, last):
        at = new_offsets[doc]
        size = offsets[doc + 1] - offsets[doc]
        for i in range(offsets[doc], offsets[doc + 1]):
            buffer[at] = text[i]
            marks[at] = words[i]
            buffer[at + size + 1] = text[i]
            marks[at + size + 1] = others[i]
            at += 1
        buffer[at] = JOINT
        marks[at] = END
