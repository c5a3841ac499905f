"""Find a text in each line of JSON, and the place where fields can be added, without an object.

A line is found good only if it is JSON to the last byte, as `json.loads` has it, and the text is
a string.  Whatever else there is, or may be, is left to Python: it is *odd*.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import write_code
from fasttext_lite.filtering.kernels.strings import (
    BACKSLASH,
    NEWLINE,
    QUOTE,
    RETURN,
    SPACE,
    TAB,
    copy,
    is_same,
    line_end,
    plain_end,
)

_kernel = compiler(LEAF)

# Of a line: whether Python must look at it, whether it has a field of a name that is to be added,
# a space behind its first colon, no field at all.
ODD, TAKEN, SPACED, EMPTY = 1, 2, 4, 8

# Places in `found`, int64[FOUND_SIZE]: where the text ends that is copied (-1 where there is none),
# where fields are added, and the flags of the line.
_TEXT_END, _INSERT, _FLAGS = range(3)
FOUND_SIZE = 3
MOST_DEPTH = 256  # of values in values; deeper ones are odd

# What may come next.
_KEY_OR_END, _KEY, _VALUE, _VALUE_OR_END, _AFTER = range(5)
_OBJECT, _ARRAY = 1, 2
_COLON, _COMMA, _MINUS, _PLUS, _DOT = 58, 44, 45, 43, 46
_OPEN, _CLOSE, _OPEN_ARRAY, _CLOSE_ARRAY = 123, 125, 91, 93


@_kernel
def _skip_space(data, i, end):
    while i < end and (
        data[i] == SPACE or data[i] == TAB or data[i] == RETURN or data[i] == NEWLINE
    ):
        i += 1
    return i


@_kernel
def _hex(byte):
    """Return the value of a hexadecimal digit; -1 if it is none."""
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    if 97 <= byte <= 102:
        return np.int64(byte) - 87
    if 65 <= byte <= 70:
        return np.int64(byte) - 55
    return -1


@_kernel
def _unit(data, i, end):
    """Return the value of four hexadecimal digits; -1 if they are none."""
    if i + 4 > end:
        return -1
    code = 0
    for j in range(i, i + 4):
        digit = _hex(data[j])
        if digit < 0:
            return -1
        code = code << 4 | digit
    return code


@_kernel
def _simple_escape(byte):
    """Return what a letter behind a backslash stands for; -1 if it is none of those."""
    if byte in (QUOTE, BACKSLASH, 47):
        return np.int64(byte)
    if byte == 110:
        return NEWLINE
    if byte == 116:
        return TAB
    if byte == 114:
        return RETURN
    if byte == 98:
        return 8
    if byte == 102:
        return 12
    return -1


@_kernel
def _string_end(data, i, end):
    """Return the place of the quote that ends a string, and whether it has escapes.

    The place is -1 if the string is not good.
    """
    has_escape = False
    while True:
        i = plain_end(data, i, end)
        if i >= end or data[i] < SPACE:
            return -1, has_escape
        if data[i] == QUOTE:
            return i, has_escape
        has_escape = True
        if i + 1 >= end:
            return -1, has_escape
        if data[i + 1] == 117:
            if _unit(data, i + 2, end) < 0:
                return -1, has_escape
            i += 6
        elif _simple_escape(data[i + 1]) >= 0:
            i += 2
        else:
            return -1, has_escape


@_kernel
def _copy_string(data, i, end, text, at):
    """Write a string to text[at:] with spaces for line breaks, up to the quote that ends it.

    A lone surrogate is written as if it were a character.  Return the place of the quote, -1 if
    the string is not good, and the place behind the text.
    """
    while True:
        stop = plain_end(data, i, end)
        at = copy(data, i, stop, text, at)
        i = stop
        if i >= end or data[i] < SPACE:
            return -1, at
        if data[i] == QUOTE:
            return i, at
        if i + 1 >= end:
            return -1, at
        if data[i + 1] != 117:
            byte = _simple_escape(data[i + 1])
            if byte < 0:
                return -1, at
            text[at] = SPACE if byte in (NEWLINE, RETURN) else byte
            at += 1
            i += 2
            continue
        code = _unit(data, i + 2, end)
        if code < 0:
            return -1, at
        i += 6
        is_high = 0xD800 <= code < 0xDC00 and i + 6 <= end
        if is_high and data[i] == BACKSLASH and data[i + 1] == 117:
            low = _unit(data, i + 2, end)
            if 0xDC00 <= low < 0xE000:
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                i += 6
        if code in (NEWLINE, RETURN):
            code = SPACE
        at += write_code(code, text, at)


@_kernel
def _digits_end(data, i, end):
    while i < end and 48 <= data[i] <= 57:
        i += 1
    return i


@_kernel
def _number_end(data, i, end):
    """Return the place behind a number; -1 if it is none."""
    if data[i] == _MINUS:
        i += 1
    first = i
    i = _digits_end(data, i, end)
    if i == first or (data[first] == 48 and i > first + 1):
        return -1
    if i < end and data[i] == _DOT:
        first = i + 1
        i = _digits_end(data, first, end)
        if i == first:
            return -1
    if i < end and (data[i] == 101 or data[i] == 69):
        i += 1
        if i < end and (data[i] == _PLUS or data[i] == _MINUS):
            i += 1
        first = i
        i = _digits_end(data, first, end)
        if i == first:
            return -1
    return i


@_kernel
def _word_end(data, i, end):
    """Return the place behind true, false or null; -1 if it is none of them."""
    if i + 4 > end:
        return -1
    a, b, c, d = data[i], data[i + 1], data[i + 2], data[i + 3]
    if (a == 116 and b == 114 and c == 117 and d == 101) or (
        a == 110 and b == 117 and c == 108 and d == 108
    ):
        return i + 4
    if i + 5 <= end and a == 102 and b == 97 and c == 108 and d == 115 and data[i + 4] == 101:
        return i + 5
    return -1


@_kernel
def _scan_key(data, i, end, on, is_root, path, path_ends, names, name_ends, found):
    """Look through a key and its colon, from the quote on.

    Parameters
    ----------
    on : int
        Which key of the path it may be, from 1; 0 = none.
    is_root : bool
        Whether it is one of the record itself.

    Returns
    -------
    i, is_hit : int, bool
        The place behind the colon, -1 if that is not good; whether it is the key of the path.
    """
    first = i + 1
    last, has_escape = _string_end(data, first, end)
    if last < 0 or (has_escape and (on > 0 or is_root)):
        return -1, False
    is_hit = on > 0 and is_same(data, first, last, path, path_ends[on - 1], path_ends[on])
    if is_hit:
        found[_TEXT_END] = -1  # the last of several counts
    if is_root:
        for name in range(name_ends.size - 1):
            if is_same(data, first, last, names, name_ends[name], name_ends[name + 1]):
                found[_FLAGS] |= TAKEN
    i = _skip_space(data, last + 1, end)
    if i >= end or data[i] != _COLON:
        return -1, False
    i += 1
    if found[_FLAGS] & EMPTY:  # it is the first
        found[_FLAGS] ^= EMPTY
        if i < end and data[i] == SPACE:
            found[_FLAGS] |= SPACED
    return i, is_hit


@_kernel
def _scalar_end(data, i, end):
    """Return the place behind a string, number or word; -1 if it is not good."""
    byte = data[i]
    if byte == QUOTE:
        i, _ = _string_end(data, i + 1, end)
        return i + 1 if i >= 0 else -1
    if byte == _MINUS or 48 <= byte <= 57:
        return _number_end(data, i, end)
    return _word_end(data, i, end)


@_kernel
def _may_close(byte, state, kind):
    """Return whether a byte closes an open value of some kind."""
    if kind == _OBJECT:
        return byte == _CLOSE and state in (_KEY_OR_END, _AFTER)
    return byte == _CLOSE_ARRAY and state in (_VALUE_OR_END, _AFTER)


@_kernel
def _scan_line(data, i, end, path, path_ends, names, name_ends, stack, found, text, at):
    """Look through a line, into `found` and text[at:].

    Return whether it is JSON and nothing odd is about it.
    """
    found[_TEXT_END], found[_FLAGS] = -1, EMPTY
    i = _skip_space(data, i, end)
    if i >= end or data[i] != _OPEN:
        return False
    n_path = path_ends.size - 1
    stack[0], depth = _OBJECT, 1
    on = 1  # how many of the open values, from the first, are objects on the way to the text
    is_hit = False  # whether the key in hand is the next of the way
    state = _KEY_OR_END
    i += 1
    while depth > 0:
        last = i
        i = _skip_space(data, i, end)
        if i >= end:
            return False
        byte = data[i]
        if byte == QUOTE and state in (_KEY, _KEY_OR_END):
            level = on if depth == on else 0
            i, is_hit = _scan_key(
                data, i, end, level, depth == 1, path, path_ends, names, name_ends, found
            )
            state = _VALUE
        elif _may_close(byte, state, stack[depth - 1]):
            if depth == on:
                on -= 1
            depth -= 1
            found[_INSERT] = last
            i += 1
            state = _AFTER
        elif state == _AFTER and byte == _COMMA:
            i += 1
            state = _KEY if stack[depth - 1] == _OBJECT else _VALUE
        elif state not in (_VALUE, _VALUE_OR_END):
            return False
        elif byte in (_OPEN, _OPEN_ARRAY):
            if depth >= MOST_DEPTH:
                return False
            if byte == _OPEN and is_hit and on < n_path:
                on += 1
            is_hit = False
            stack[depth] = _OBJECT if byte == _OPEN else _ARRAY
            depth += 1
            i += 1
            state = _KEY_OR_END if byte == _OPEN else _VALUE_OR_END
        elif byte == QUOTE and is_hit and on == n_path:
            i, found[_TEXT_END] = _copy_string(data, i + 1, end, text, at)
            i += i >= 0
            is_hit, state = False, _AFTER
        else:
            i = _scalar_end(data, i, end)
            is_hit, state = False, _AFTER
        if i < 0:
            return False
    return _skip_space(data, i, end) == end


@_kernel
def find_texts(
    data, path, path_ends, names, name_ends, stack, found,
    starts, inserts, stops, flags, docs, text, offsets,
):  # fmt: skip
    """Find the texts of lines of JSON.

    Parameters
    ----------
    data : uint8[n_bytes]
        Whole lines of good UTF-8; the last may lack its newline.
    path : uint8[], path_ends : int64[n_keys + 1]
        The keys on the way to the text.
    names : uint8[], name_ends : int64[n_names + 1]
        Keys of the first level that are looked for.
    stack : uint8[MOST_DEPTH], found : int64[FOUND_SIZE]
        Room to work.
    starts, inserts, stops : int64[n_lines]
        Of each line: its first byte, the place for further fields, the byte behind its newline;
        written in place.  `n_lines` is one more than there are newlines.
    flags : uint8[n_lines]
        Written in place; of an odd line the place for further fields is not known.
    docs : int64[n_lines]
        The line of each text; written in place.
    text : uint8[n_bytes], offsets : int64[n_lines + 1]
        The texts, with spaces for line breaks; written in place.

    Returns
    -------
    n_lines, n_docs : int
    """
    i, line, doc, at = 0, 0, 0, 0
    offsets[0] = 0
    while i < data.size:
        end = line_end(data, i)
        starts[line] = i
        stops[line] = min(end + 1, data.size)
        is_good = _scan_line(
            data, i, end, path, path_ends, names, name_ends, stack, found, text, at
        )
        if is_good and found[_TEXT_END] >= 0:
            at = found[_TEXT_END]
            inserts[line] = found[_INSERT]
            flags[line] = found[_FLAGS]
            docs[doc] = line
            doc += 1
            offsets[doc] = at
        else:
            flags[line] = ODD
        line += 1
        i = end + 1
    return line, doc
