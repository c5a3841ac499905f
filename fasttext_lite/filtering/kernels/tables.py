"""Find the records of a table in bytes, the text of each, and the place for further cells."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import ONE
from fasttext_lite.filtering.kernels.strings import (
    NEWLINE,
    QUOTE,
    RETURN,
    SPACE,
    TAB,
    copy_flat,
    line_end,
    quote_end,
)

_kernel = compiler(LEAF)

# Of a record: it has no text that can be used, or it is an empty line.
GOOD, BLANK, WRONG_SIZE, BAD_QUOTES = range(4)

# Places in `found`, int64[FOUND_SIZE]: the text's field, whether it has quotes within, the fields
# of the record, its end (before the signs that end the line), whether quotes are misplaced.
_FIRST, _LAST, _HAS_QUOTES, _N_FIELDS, _END, _IS_BAD = range(6)
FOUND_SIZE = 6


@_kernel
def _field_end(data, i, delimiter):
    """Return the place of the next delimiter or sign of a line's end, or the end."""
    at, end = np.uint64(i), np.uint64(data.size)
    while at < end:
        byte = data[at]
        if (byte == delimiter) | (byte == NEWLINE) | (byte == RETURN):
            break
        at += ONE
    return np.int64(at)


@_kernel
def _scan_quoted(data, i, delimiter, column, found):
    """Look through a record of a table with quotes; return the place behind it, or -1.

    -1 is one that goes on behind the bytes.
    """
    field = 0
    found[_IS_BAD] = 0
    end = data.size
    while True:
        if i < end and data[i] == QUOTE:
            first = i + 1
            has_quotes = False
            j = first
            while True:
                j = quote_end(data, j, end)
                if j >= end:
                    return -1
                if j + 1 < end and data[j + 1] == QUOTE:
                    has_quotes = True
                    j += 2
                    continue
                break
            last, i = j, j + 1
        else:
            first = i
            has_quotes = False
            i = last = _field_end(data, i, delimiter)
        if field == column:
            found[_FIRST], found[_LAST], found[_HAS_QUOTES] = first, last, has_quotes
        field += 1
        found[_N_FIELDS] = field
        if i < end and data[i] == delimiter:
            i += 1
            continue
        found[_END] = i
        if i >= end:
            return end
        if data[i] == NEWLINE:
            return i + 1
        if data[i] == RETURN and (i + 1 >= end or data[i + 1] == NEWLINE):
            return min(i + 2, end)
        found[_IS_BAD] = 1
        found[_END] = line_end(data, i)
        return min(found[_END] + 1, end)


@_kernel
def _scan_line(data, i, delimiter, column, found):
    """Look through a line of fields without quotes; return the place behind it."""
    stop = line_end(data, i)
    last = stop
    if i < stop and data[stop - 1] == RETURN:
        last -= 1
    found[_END], found[_IS_BAD] = last, 0
    field = 0
    while True:
        first = i
        while i < last and data[i] != delimiter:
            i += 1
        if field == column:
            found[_FIRST], found[_LAST], found[_HAS_QUOTES] = first, i, 0
            _take_quotes_off(data, found)
        field += 1
        if i >= last:
            break
        i += 1
    found[_N_FIELDS] = field
    return min(stop + 1, data.size)


@_kernel
def _take_quotes_off(data, found):
    """Leave out the quotes around a field, if all within are doubled."""
    first, last = found[_FIRST], found[_LAST]
    if last - first < 2 or data[first] != QUOTE or data[last - 1] != QUOTE:
        return
    i, last = first + 1, last - 1
    has_quotes = False
    while i < last:
        if data[i] == QUOTE:
            has_quotes = True
            i += 1
            if i >= last or data[i] != QUOTE:
                return
        i += 1
    found[_FIRST], found[_LAST], found[_HAS_QUOTES] = first + 1, last, has_quotes


@_kernel
def _copy_cell(data, found, text, at):
    """Write a field to text[at:] with one quote for two, and spaces for line breaks."""
    first, last = found[_FIRST], found[_LAST]
    if not found[_HAS_QUOTES]:
        return copy_flat(data, first, last, text, at)
    while first < last:
        stop = quote_end(data, first, last)
        at = copy_flat(data, first, stop, text, at)
        if stop < last:
            text[at] = QUOTE
            at += 1
        first = stop + 2
    return at


@_kernel
def _is_blank(data, first, last):
    for i in range(first, last):  # noqa: SIM110 - no generators in compiled code
        if data[i] != SPACE and data[i] != TAB and data[i] != RETURN and data[i] != NEWLINE:
            return False
    return True


@_kernel
def find_cells(
    data, is_end, delimiter, has_quotes, column, n_columns, found,
    starts, inserts, stops, flags, docs, text, offsets,
):  # fmt: skip
    """Find the records of a table, and the cell of one column in each.

    Parameters
    ----------
    data : uint8[n_bytes]
        Good UTF-8.
    is_end : bool
        Whether nothing comes behind the bytes.
    delimiter : int
        The byte between cells.
    has_quotes : bool
        Whether cells may stand in quotes, and have line breaks there; else a record is a line,
        and only quotes around a whole cell are none of its letters.
    column, n_columns : int
        The place of the text, and how many cells a record has.
    found : int64[FOUND_SIZE]
        Room to work.
    starts, inserts, stops : int64[n_lines]
        Of each record: its first byte, the place for further cells, the byte behind its newline;
        written in place.  `n_lines` is one more than there are newlines.
    flags : uint8[n_lines]
        Written in place.
    docs : int64[n_lines]
        The record of each text; written in place.
    text : uint8[n_bytes], offsets : int64[n_lines + 1]
        The texts, with spaces for line breaks; written in place.

    Returns
    -------
    n_records, n_docs, n_bytes : int
        `n_bytes` of the data are done; behind them a record begins that does not end here.
    """
    i, record, doc, at = 0, 0, 0, 0
    offsets[0] = 0
    while i < data.size:
        if has_quotes:
            stop = _scan_quoted(data, i, delimiter, column, found)
            if stop < 0 and not is_end:
                break
            if stop < 0:
                stop = found[_END] = data.size
                found[_IS_BAD] = 1
        else:
            stop = _scan_line(data, i, delimiter, column, found)
        starts[record], inserts[record], stops[record] = i, found[_END], stop
        if found[_IS_BAD]:
            flags[record] = BAD_QUOTES
        elif found[_N_FIELDS] == n_columns and (n_columns > 1 or found[_END] > i):
            flags[record] = GOOD
            at = _copy_cell(data, found, text, at)
            docs[doc] = record
            doc += 1
            offsets[doc] = at
        elif _is_blank(data, i, stop):
            flags[record] = BLANK
        else:
            flags[record] = WRONG_SIZE
        record += 1
        i = stop
    return record, doc, i
