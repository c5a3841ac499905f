"""Parse blocks of text files: lines, UTF-8, labels and texts, without an object for each line.

A block is bytes that hold whole lines.  What is found goes into arrays of the caller, which
grow between calls: a kernel that finds one of them full gives back the line in hand, says so
and goes on there when it is called again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import ONE

# What a parser says when it stops.
DONE, BAD_LINE, FULL_DOCS, FULL_NAMES = range(4)

# Why a line is skipped.
NO_LABEL, NO_TEXT, EMPTY = range(3)

# Places in `state`, int64[STATE_SIZE]: where the parser stands in the block, lines that are
# done, what the arrays hold, documents begun, and for each reason the lines skipped and the first.
POSITION, LINES, N_DOCS, N_IDS, N_BYTES, N_NAMES, DOCS_BEGUN = range(7)
SKIPPED, FIRST = 7, 10
NO_TABS, FIRST_NO_TAB = 13, 14  # lines without a tab that are texts, and the first
STATE_SIZE = 15
NEWLINE, RETURN, TAB, COMMA = 10, 13, 9, 44
_kernel = compiler(LEAF)


# -- pieces of lines -------------------------------------------------------------------------
@_kernel
def _is_space(byte):
    """Return whether a byte is white space to Python's bytes."""
    return byte == 32 or (9 <= byte <= 13)


@_kernel
def _is_blank(byte):
    """Return whether a byte separates fastText's tokens."""
    return byte <= 32 and (byte == 32 or byte == 0 or (9 <= byte <= 13))


@_kernel
def _line_end(data, i):
    """Return the position of the next newline, or the end."""
    at, end = np.uint64(i), np.uint64(data.size)
    while at < end and data[at] != NEWLINE:
        at += ONE
    return np.int64(at)


@_kernel
def _copy(data, first, last, text, at):
    """Copy data[first:last] to text[at:]."""
    source, target = np.uint64(first), np.uint64(at)
    for j in range(np.uint64(last - first)):
        text[target + np.uint64(j)] = data[source + np.uint64(j)]


@_kernel
def _starts(data, i, end, mark):
    """Return whether data[i:end] starts with `mark`."""
    if i + mark.size > end:
        return False
    for j in range(mark.size):  # noqa: SIM110 - no generators in compiled code
        if data[i + j] != mark[j]:
            return False
    return True


@_kernel
def _space_length(data, i, end):
    """Return the bytes of the white space (to Python's str) that begins at `i`; 0 = none."""
    byte = data[i]
    if byte < 0x80:
        return 1 if byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31 else 0
    if byte == 0xC2 and i + 1 < end:
        return 2 if data[i + 1] == 0x85 or data[i + 1] == 0xA0 else 0
    if 0xE1 <= byte <= 0xE3 and i + 2 < end:
        code = (
            np.int64(byte & 0x0F) << 12
            | np.int64(data[i + 1] & 0x3F) << 6
            | np.int64(data[i + 2] & 0x3F)
        )
        if (
            code == 0x1680
            or 0x2000 <= code <= 0x200A
            or code == 0x2028
            or code == 0x2029
            or code == 0x202F
            or code == 0x205F
            or code == 0x3000
        ):
            return 3
    return 0


@_kernel
def _strip(data, first, last):
    """Return the bounds of data[first:last] without white space (to Python's str) around it."""
    while first < last:
        length = _space_length(data, first, last)
        if length == 0:
            break
        first += length
    while first < last:
        i = last - 1
        while i > first and data[i] & 0xC0 == 0x80:
            i -= 1
        if _space_length(data, i, last) == 0:
            break
        last = i
    return first, last


@_kernel
def _skip_line(data, first, last, has_label, state):
    """Count a line whose text data[first:last] cannot be used, or that has no label."""
    reason = NO_TEXT
    if not has_label:
        reason = EMPTY
        for i in range(first, last):
            if not _is_space(data[i]):
                reason = NO_LABEL
                break
    if state[SKIPPED + reason] == 0:
        state[FIRST + reason] = state[LINES] + 1
    state[SKIPPED + reason] += 1


# -- labels ----------------------------------------------------------------------------------
@_kernel
def _name_number(data, first, last, state, slots, hashes, name_ends, pool):
    """Return the number of the label data[first:last], new or known; -1 = no room."""
    value = np.uint64(14695981039346656037)  # FNV-1a, 64 bits
    for i in range(np.uint64(first), np.uint64(last)):
        value = (value ^ np.uint64(data[i])) * np.uint64(1099511628211)
    mask = slots.size - 1
    slot = np.int64(value & np.uint64(mask))
    size = last - first
    while slots[slot] >= 0:
        name = slots[slot]
        start = name_ends[name]
        if hashes[name] == value and name_ends[name + 1] - start == size:
            same = True
            for i in range(size):
                if pool[start + i] != data[first + i]:
                    same = False
                    break
            if same:
                return name
        slot = (slot + 1) & mask
    name = state[N_NAMES]
    start = name_ends[name]
    if name >= hashes.size or start + size > pool.size:
        return -1
    for i in range(size):
        pool[start + i] = data[first + i]
    hashes[name] = value
    name_ends[name + 1] = start + size
    slots[slot] = name
    state[N_NAMES] += 1
    return name


@_kernel
def index_names(hashes, n_names, slots):
    """Enter known labels in a new table.

    Parameters
    ----------
    hashes : uint64[at least n_names]
    n_names : int
    slots : int64[power of two above n_names]
        -1 everywhere; written in place.
    """
    mask = slots.size - 1
    for name in range(n_names):
        slot = np.int64(hashes[name] & np.uint64(mask))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = name


@_kernel
def _add_label(data, first, last, state, ids, slots, hashes, seen, name_ends, pool):
    """Add a label to the document in hand, once; return DONE or what is full."""
    name = _name_number(data, first, last, state, slots, hashes, name_ends, pool)
    if name < 0:
        return FULL_NAMES
    if seen[name] == state[DOCS_BEGUN]:
        return DONE
    if state[N_IDS] >= ids.size:
        return FULL_DOCS
    seen[name] = state[DOCS_BEGUN]
    ids[state[N_IDS]] = name
    state[N_IDS] += 1
    return DONE


@_kernel
def _add_document(n_bytes, state, offsets, indptr):
    """End a document whose labels and text are written already."""
    doc = state[N_DOCS] + 1
    state[N_DOCS] = doc
    state[N_BYTES] += n_bytes
    offsets[doc] = state[N_BYTES]
    indptr[doc] = state[N_IDS]


# -- labelled lines --------------------------------------------------------------------------
# Both parsers write, into arrays that hold something already:
#
# state : int64[STATE_SIZE]
# docs : text uint8[], offsets int64[], ids int32[], indptr int64[]
#     Texts and label numbers of the documents; `text` has room for all of the block.
# table : slots int64[], hashes uint64[], seen int64[], name_ends int64[], pool uint8[]
#     Labels by their names: an open-addressing table of their numbers; for each number the
#     hash, the last document that has it and the place in the pool; the pool of all names.
@_kernel
def _without_prefix(data, first, last, mark):
    """Return where a label begins behind its prefix, however often it has it.

    A prefix alone is a label.
    """
    while mark.size and first + mark.size < last and _starts(data, first, last, mark):
        first += mark.size
    return first


@_kernel
def _tsv_labels(
    data, first, last, multilabel, mark, adding, state, ids, slots, hashes, seen, name_ends, pool
):
    """Add the labels of a field if `adding`; return DONE or what is full, and how many."""
    n_found = 0
    while first <= last:
        stop = last
        if multilabel:
            stop = first
            while stop < last and data[stop] != COMMA:
                stop += 1
        a, b = _strip(data, first, stop)
        if a < b:
            n_found += 1
            if adding:
                if mark.size and data[a] == mark[0]:
                    a = _without_prefix(data, a, b, mark)
                status = _add_label(data, a, b, state, ids, slots, hashes, seen, name_ends, pool)
                if status != DONE:
                    return status, n_found
        first = stop + 1
    return DONE, n_found


@_kernel
def _tab_or_end(data, i):
    """Return the position of the next tab or newline, or the end."""
    at, end = np.uint64(i), np.uint64(data.size)
    while at < end and data[at] != NEWLINE and data[at] != TAB:
        at += ONE
    return np.int64(at)


@_kernel
def read_tsv(data, multilabel, mark, takes_all, state, docs, table):
    """Parse lines ``labels<TAB>text``.

    Parameters
    ----------
    data : uint8[n_bytes]
        A block of good UTF-8.
    multilabel : bool
        Cut the labels at commas.
    mark : uint8[n]
        What may begin a label and is no part of it.
    takes_all : bool
        Whether each line is a document, with labels and text or without.
    state, docs, table
        See above; written in place.

    Returns
    -------
    int
        DONE, FULL_DOCS, FULL_NAMES, or BAD_LINE for one that is neither empty nor has a tab.
    """
    text, offsets, ids, indptr = docs
    slots, hashes, seen, name_ends, pool = table
    i = state[POSITION]
    while i < data.size:
        state[POSITION] = i
        if state[N_DOCS] + 1 >= offsets.size:
            return FULL_DOCS
        tab = _tab_or_end(data, i)
        stop = _line_end(data, tab)
        last = stop
        if i < stop < data.size and data[stop - 1] == RETURN:
            last -= 1
        if tab >= last:
            first = last
            for j in range(i, last):
                if not _is_space(data[j]):
                    if not takes_all:
                        return BAD_LINE
                    state[NO_TABS] += 1
                    if state[NO_TABS] == 1:
                        state[FIRST_NO_TAB] = state[LINES] + 1
                    first = i
                    break
            tab = i  # no label
        else:
            first = tab + 1
        j = first
        while j < last and _is_blank(data[j]):
            j += 1
        has_text = j < last
        state[DOCS_BEGUN] += 1
        n_ids = state[N_IDS]
        status, n_found = _tsv_labels(
            data, i, tab, multilabel, mark, has_text or takes_all, state, ids,
            slots, hashes, seen, name_ends, pool,
        )  # fmt: skip
        if status != DONE:
            state[N_IDS] = n_ids
            return status
        if takes_all or (has_text and n_found):
            _copy(data, first, last, text, state[N_BYTES])
            _add_document(last - first, state, offsets, indptr)
        else:
            _skip_line(data, first, last, n_found > 0, state)
        state[LINES] += 1
        i = stop + 1
    state[POSITION] = i
    return DONE


@_kernel
def _common_text(data, first, last, mark):
    """Return where label and text of a line begin and end if it is ``<mark>label text``.

    Such a line has one mark and no NUL; its text keeps its spaces. The result is (end of the
    label, beginning of the text), both 0 for any other line.
    """
    start = first + mark.size
    if start >= last or not _starts(data, first, last, mark) or _is_blank(data[start]):
        return 0, 0
    label_end: Any = 0
    text: Any = 0
    begin = mark[0] if mark.size else data[start]
    for place in range(np.uint64(first), np.uint64(last)):
        byte = data[place]
        i = np.int64(place)
        if byte == 0 or (byte == begin and i >= start and _starts(data, i, last, mark)):
            return 0, 0
        if text == 0 and i >= start:
            if _is_space(byte):
                if label_end == 0:
                    label_end = i
            elif label_end > 0:
                text = i
    return (label_end, text) if text > 0 else (0, 0)


@_kernel
def read_fasttext(data, mark, takes_all, state, docs, table):
    """Parse fastText's lines: tokens that begin with `mark` are labels, the rest is text.

    Parameters
    ----------
    data : uint8[n_bytes]
        A block of good UTF-8.
    mark : uint8[n]
    takes_all : bool
        Whether each line is a document, with labels and text or without; one without any is its
        text as it stands.
    state, docs, table
        See above; written in place.

    Returns
    -------
    int
        DONE, FULL_DOCS or FULL_NAMES.
    """
    text, offsets, ids, indptr = docs
    slots, hashes, seen, name_ends, pool = table
    i = state[POSITION]
    while i < data.size:
        state[POSITION] = i
        if state[N_DOCS] + 1 >= offsets.size:
            return FULL_DOCS
        stop = _line_end(data, i)
        last = stop
        if i < stop < data.size and data[stop - 1] == RETURN:
            last -= 1
        state[DOCS_BEGUN] += 1
        n_ids, at = state[N_IDS], state[N_BYTES]
        status = DONE
        label_end, first = _common_text(data, i, last, mark)
        if first > 0:
            status = _add_label(
                data, i + mark.size, label_end, state, ids, slots, hashes, seen, name_ends, pool
            )
            _copy(data, first, last, text, at)
            n_bytes = last - first
            has_label = True
        else:
            n_bytes, has_label, n_marked = _copy_tokens(data, i, last, mark, text, at)
            if takes_all and n_marked == 0:
                _copy(data, i, last, text, at)
                n_bytes = last - i
            if has_label and (n_bytes > 0 or takes_all):
                status = _marked_labels(
                    data, i, last, mark, state, ids, slots, hashes, seen, name_ends, pool
                )
        if status != DONE:
            state[N_IDS] = n_ids
            return status
        if takes_all or (n_bytes > 0 and has_label):
            _add_document(n_bytes, state, offsets, indptr)
        else:
            _skip_line(text, at, at + n_bytes, has_label, state)
        state[LINES] += 1
        i = stop + 1
    state[POSITION] = i
    return DONE


@_kernel
def _token_end(data, i, last):
    """Return the end of the token that begins at `i`."""
    while i < last and not _is_blank(data[i]):
        i += 1
    return i


@_kernel
def _copy_tokens(data, first, last, mark, text, at):
    """Write the tokens without mark to `at`.

    Return their bytes, whether there is a label, and how many tokens have a mark.
    """
    start = at
    has_label = False
    n_marked = 0
    i = first
    while i < last:
        if _is_blank(data[i]):
            i += 1
            continue
        end = _token_end(data, i, last)
        if _starts(data, i, end, mark):
            has_label |= end - i > mark.size
            n_marked += 1
        else:
            if at > start:
                text[at] = 32
                at += 1
            _copy(data, i, end, text, at)
            at += end - i
        i = end
    return at - start, has_label, n_marked


@_kernel
def _marked_labels(data, first, last, mark, state, ids, slots, hashes, seen, name_ends, pool):
    """Add the labels among a line's tokens; return DONE or what is full."""
    i = first
    while i < last:
        if _is_blank(data[i]):
            i += 1
            continue
        end = _token_end(data, i, last)
        if end - i > mark.size and _starts(data, i, end, mark):
            status = _add_label(
                data, _without_prefix(data, i + mark.size, end, mark), end,
                state, ids, slots, hashes, seen, name_ends, pool,
            )  # fmt: skip
            if status != DONE:
                return status
        i = end
    return DONE


# -- unlabelled lines ------------------------------------------------------------------------
@_kernel
def clean_lines(data, mark, text, offsets):
    """Copy lines without their ends, and without the tokens that begin with `mark`.

    Parameters
    ----------
    data : uint8[n_bytes]
        A block, without the newline of its last line.
    mark : uint8[n]
        Nothing is left out if it is empty. With a token goes the white space behind it.
    text : uint8[n_bytes]
    offsets : int64[n_lines + 1]
        Both written in place. A carriage return at the end of a line is no part of it.
    """
    at = 0
    line = 0
    offsets[0] = 0
    end = data.size
    begin = mark[0] if mark.size else np.uint8(0)
    i = 0
    while i < end:
        byte = data[i]
        if byte == NEWLINE:
            if at > offsets[line] and text[at - 1] == RETURN:
                at -= 1
            line += 1
            offsets[line] = at
            i += 1
        elif (
            byte == begin
            and mark.size > 0
            and (i == 0 or _is_blank(data[i - 1]))
            and _starts(data, i, end, mark)
        ):
            i = _token_end(data, i + mark.size, end)
            while i < end and _is_blank(data[i]) and data[i] != NEWLINE:
                i += 1
        else:
            text[at] = byte
            at += 1
            i += 1
    if at > offsets[line] and text[at - 1] == RETURN:
        at -= 1
    offsets[line + 1] = at
