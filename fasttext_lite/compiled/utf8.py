"""UTF-8 in bytes: faults and characters, and the marks of tokens, which stand beside the bytes."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import LEAF, compiler

_kernel = compiler(LEAF)
ONE, BLOCK = np.uint64(1), np.uint64(32)
REPLACEMENT = 0xFFFD

# The marks of tokens, one for each byte of a text: END is the last byte of a token, INSIDE any
# other, OUTSIDE is between tokens.
INSIDE, END, OUTSIDE = 0, 1, 2


# -- faults ----------------------------------------------------------------------------------
@_kernel
def _character_length(data, i, end):
    """Return the length of the character at byte `i`, or minus the bytes that cannot be one.

    Surrogates and overlong forms are none. As in Python, a sequence that breaks off is one
    fault as long as it goes, any other fault is one byte long.
    """
    lead = data[i]
    if lead < 0x80:
        return 1
    low, high = 0x80, 0xBF  # of the second byte
    if lead < 0xC2 or lead > 0xF4:
        return -1
    if lead < 0xE0:
        length = 2
    elif lead < 0xF0:
        length = 3
        if lead == 0xE0:
            low = 0xA0
        elif lead == 0xED:
            high = 0x9F
    else:
        length = 4
        if lead == 0xF0:
            low = 0x90
        elif lead == 0xF4:
            high = 0x8F
    if i + 1 >= end or data[i + 1] < low or data[i + 1] > high:
        return -1
    for j in range(2, length):
        if i + j >= end or data[i + j] & 0xC0 != 0x80:
            return -j
    return length


@_kernel
def first_fault(data):
    """Return where the first bytes that are no UTF-8 begin, or -1.

    Parameters
    ----------
    data : uint8[n_bytes]
    """
    i, end = np.uint64(0), np.uint64(data.size)
    while i < end:
        lead = data[i]
        if lead < 0x80:
            while i + BLOCK <= end:
                high = np.uint8(0)
                for j in range(BLOCK):
                    high |= data[i + np.uint64(j)]
                if high >= 0x80:
                    break
                i += BLOCK
            while i < end and data[i] < 0x80:
                i += ONE
        elif (
            0xE1 <= lead <= 0xEF
            and lead != 0xED
            and i + np.uint64(2) < end
            and data[i + ONE] & 0xC0 == 0x80
            and data[i + np.uint64(2)] & 0xC0 == 0x80
        ):
            i += np.uint64(3)
        else:
            length = _character_length(data, np.int64(i), np.int64(end))
            if length < 0:
                return np.int64(i)
            i += np.uint64(length)
    return -1


@_kernel
def replace_faults(text, offsets, new_text, new_offsets):
    """Copy documents and write U+FFFD for what is no UTF-8, as Python's "replace" does.

    Parameters
    ----------
    text : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    new_text : uint8[3 * n_bytes]
    new_offsets : int64[n_docs + 1]
        Both written in place.
    """
    at = 0
    new_offsets[0] = 0
    for doc in range(offsets.size - 1):
        i, end = offsets[doc], offsets[doc + 1]
        while i < end:
            length = _character_length(text, i, end)
            if length < 0:
                new_text[at], new_text[at + 1], new_text[at + 2] = 0xEF, 0xBF, 0xBD
                at += 3
                i -= length
            else:
                for j in range(length):
                    new_text[at + j] = text[i + j]
                at += length
                i += length
        new_offsets[doc + 1] = at


# -- characters ------------------------------------------------------------------------------
@_kernel
def decode(text, i, end):
    """Return the code point at byte `i` and its length in bytes.

    A byte that starts no valid sequence before `end` is U+FFFD of length 1, so decoding never
    fails and never reads past `end`. Surrogates decode to themselves.
    """
    lead = text[i]
    if lead < 0x80:
        return np.int64(lead), 1
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
    code = np.int64(code)
    for j in range(i + 1, i + length):
        byte = text[j]
        if byte & 0xC0 != 0x80:
            return REPLACEMENT, 1
        code = code << 6 | np.int64(byte & 0x3F)
    if code < least or code > 0x10FFFF:
        return REPLACEMENT, 1
    return code, length


@_kernel
def utf8_size(code):
    """Return the bytes of a character."""
    return 1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000)


@_kernel
def write_code(code, text, at):
    """Write a character in UTF-8 to text[at:]; return its bytes."""
    size = utf8_size(code)
    if size == 1:
        text[at] = code
        return size
    for j in range(size - 1, 0, -1):
        text[at + j] = 0x80 | code & 0x3F
        code >>= 6
    text[at] = (0xF00 >> size) & 0xFF | code
    return size
