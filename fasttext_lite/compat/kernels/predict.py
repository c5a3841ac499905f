"""Predictions of texts: what `compat.engine` calls, for one text and for many."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compat.kernels.documents import ZERO, has_newline, sum_document
from fasttext_lite.compat.kernels.memory import is_stale
from fasttext_lite.compat.kernels.scores import (
    HAS_NAN,
    LARGEST,
    as_probability,
    classify,
    find_best,
)
from fasttext_lite.compat.kernels.state import (
    COUNTERS,
    HIDDEN,
    MISSES,
    OUTPUTS,
    STACK,
    TAIL,
    TREE_SCORES,
    head_of,
    lay_out,
    scratch_units,
)
from fasttext_lite.compat.kernels.text import NEWLINE
from fasttext_lite.compiled.addresses import array_of, room_at, shared_of, text_at, view_at
from fasttext_lite.compiled.compiling import EXACT, INLINE, LEAF, compiler

_kernel = compiler(EXACT)
_leaf_kernel = compiler(LEAF)
_inlined = compiler(INLINE)
_inlined_kernel = compiler(EXACT, inline="always")

# What comes instead of an answer: the text has what it must not have, the memory is to be
# renewed, a sum is no number (which `kernels.scores` says, too).
HAS_NEWLINE, HAS_SURROGATE, IS_STALE = -2, -3, -4
IS_MISSING = -6  # rows are to be read from the file first


@_inlined
def mean_of_document(data, start, stop, with_eos, state, scratch):
    """Write the mean of a document's rows to the scratch's `HIDDEN`.

    Returns
    -------
    n_rows : int
        Their number; `HAS_NAN` if the mean is not finite, `IS_MISSING` if not all were read.
    """
    n_rows = sum_document(data, start, stop, with_eos, state, scratch)
    if shared_of(scratch, MISSES, np.int64)[0] != 0:
        n_rows = IS_MISSING
    if n_rows > 0:
        hidden = shared_of(scratch, HIDDEN, np.float32)
        factor = np.float32(1.0 / n_rows)  # as in fastText, a product in place of a division
        is_finite = True
        for d in range(hidden.size):
            hidden[d] *= factor
            is_finite &= abs(hidden[d]) <= LARGEST
        if not is_finite:
            n_rows = HAS_NAN
    return n_rows


@_inlined
def predict_bytes(data, start, stop, with_eos, state, scratch, threshold, scores, labels):
    """Find the best labels of data[start:stop]; see `sum_document` and `classify`.

    Returns
    -------
    n_rows : int
        Or `HAS_NAN`: a sum is no number; or `IS_MISSING`.
    n : int
        Labels found; or below 0.
    """
    n_rows = mean_of_document(data, start, stop, with_eos, state, scratch)
    if n_rows <= 0:
        return n_rows, n_rows
    n = classify(
        shared_of(scratch, HIDDEN, np.float32), head_of(state), labels.size - 1,
        np.float32(threshold), shared_of(scratch, OUTPUTS, np.float32),
        shared_of(scratch, STACK, np.int32), shared_of(scratch, TREE_SCORES, np.float32),
        scores, labels,
    )  # fmt: skip
    return (n_rows if n >= 0 else n), n


# -- one text --------------------------------------------------------------------------------
@_leaf_kernel
def encode(address, n, kind, data):
    """Write the characters of a str as UTF-8 to `data`, uint8[]; return how many bytes.

    `kind` is the number of bytes of a character: those of kind 1 are the first of Unicode.

    Returns
    -------
    n_bytes : int
        Or `HAS_NEWLINE`, `HAS_SURROGATE`.
    """
    ones = view_at(address, n if kind == 1 else 0, np.uint8)
    twos = view_at(address, n if kind == 2 else 0, np.uint16)
    fours = view_at(address, n if kind == 4 else 0, np.uint32)
    to = 0
    for i in range(n):
        if kind == 1:
            code = np.uint32(ones[i])
        elif kind == 2:
            code = np.uint32(twos[i])
        else:
            code = fours[i]
        if code < 0x80:
            if code == NEWLINE:
                return HAS_NEWLINE
            data[to] = code
            to += 1
        elif code < 0x800:
            data[to] = 0xC0 | code >> np.uint32(6)
            data[to + 1] = 0x80 | code & np.uint32(0x3F)
            to += 2
        elif code < 0x10000:
            if 0xD800 <= code < 0xE000:
                return HAS_SURROGATE
            data[to] = 0xE0 | code >> np.uint32(12)
            data[to + 1] = 0x80 | code >> np.uint32(6) & np.uint32(0x3F)
            data[to + 2] = 0x80 | code & np.uint32(0x3F)
            to += 3
        else:
            data[to] = 0xF0 | code >> np.uint32(18)
            data[to + 1] = 0x80 | code >> np.uint32(12) & np.uint32(0x3F)
            data[to + 2] = 0x80 | code >> np.uint32(6) & np.uint32(0x3F)
            data[to + 3] = 0x80 | code & np.uint32(0x3F)
            to += 4
    return to


@_inlined_kernel
def predict_str(text, state, threshold, labels, scores):
    """Find the best labels of a text: int32[k + 1], float32[k + 1]; see `predict_text`."""
    if is_stale(array_of(state, COUNTERS, np.int64)):
        return IS_STALE
    address, size, kind, is_ascii = text_at(text)
    is_utf8 = is_ascii != 0 and kind == 1
    n_bytes = size if is_utf8 else size * min(kind + 1, 4)
    units = scratch_units(n_bytes, state)
    scratch = np.empty(units + (0 if is_utf8 else n_bytes // 8 + 1), np.int64)
    lay_out(scratch, n_bytes, state)
    if not is_utf8:
        room = room_at(scratch.ctypes.data + 8 * units, n_bytes, np.uint8)
        size = encode(address, size, kind, room)
        address = scratch.ctypes.data + 8 * units
    n = size
    if size >= 0:
        data = view_at(address, size, np.uint8)
        if is_utf8 and has_newline(data, ZERO, size, shared_of(scratch, TAIL, np.uint8)):
            n = HAS_NEWLINE
        else:
            _, n = predict_bytes(data, ZERO, size, True, state, scratch, threshold, scores, labels)
    return n if scratch.size > 0 else 0  # the scratch lives until here


@_kernel
def predict_top(text, state, threshold, score):
    """Return the best label of a text; see `predict_text`.

    Parameters
    ----------
    score : float64[1]
        Written in place.

    Returns
    -------
    label : int
        -1 if there is none; or as `predict_text`.
    """
    room = np.empty(2, np.int64)
    labels, scores = room[:1].view(np.int32), room[1:].view(np.float32)
    n = predict_str(text, state, threshold, labels, scores)
    if n == 1:
        score[0] = scores[0]
        n = np.int64(labels[0])
    elif n == 0:
        n = -1
    return n


@_kernel
def predict_text(text, state, threshold, labels, scores):
    """Find the best labels of a text.

    Parameters
    ----------
    text : str
        Without newlines; that of fastText's lines follows it.
    state : int64[]
        See `kernels.state`.
    threshold : float64
    labels : int32[k], scores : float64[k]
        Written in place: labels and fastText's probabilities, best first.

    Returns
    -------
    n : int
        Labels found; or `HAS_NEWLINE`, `HAS_SURROGATE`, `IS_STALE`, `HAS_NAN`, `IS_MISSING`.
    """
    k = labels.size
    found, values = np.empty(k + 1, np.int32), np.empty(k + 1, np.float32)
    n = predict_str(text, state, threshold, found, values)
    for i in range(n):
        labels[i], scores[i] = found[i], values[i]
    return n


# -- many texts ------------------------------------------------------------------------------
@_kernel
def predict_documents(
    data, starts, ends, first, last, is_line, state, threshold, labels, scores, n_rows
):
    """Find the best labels of documents `first` to `last` - 1.

    Parameters
    ----------
    data : uint8[n_bytes]
    starts, ends : int64[n_docs]
        Document i is data[starts[i]:ends[i]].
    is_line : bool
        Whether documents are lines: the token </s> follows the text where a newline ends it. Else
        newlines are spaces, and </s> follows each.
    state : int64[]
        See `kernels.state`.
    threshold : float64
    labels : int32[n_docs, k + 1], scores : float32[n_docs, k + 1]
        Written in place: the best first; -1 and 0 behind the last.
    n_rows : int64[n_docs]
        Written in place: the number of rows of each; or `HAS_NAN`.

    Returns
    -------
    doc : int
        `last`, or the document that needs rows that were not read yet.
    """
    longest = 0
    for doc in range(first, last):
        longest = max(longest, ends[doc] - starts[doc])
    scratch = np.empty(scratch_units(longest, state), np.int64)
    lay_out(scratch, longest, state)
    for doc in range(first, last):
        start, stop = starts[doc], ends[doc]
        with_eos = True
        if is_line:
            with_eos = stop > start and data[stop - 1] == NEWLINE
            stop -= with_eos
        n_rows[doc], n = predict_bytes(
            data, start, stop, with_eos, state, scratch, threshold, scores[doc], labels[doc]
        )
        if n == IS_MISSING:
            return doc
        for i in range(max(n, 0), labels.shape[1]):
            labels[doc, i], scores[doc, i] = -1, 0
    return last


@_kernel
def score_documents(data, starts, ends, first, last, state, wanted, scores):
    """Write the probabilities of some labels of documents `first` to `last` - 1.

    Parameters
    ----------
    data, starts, ends, first, last, state
        As in `predict_documents`; newlines are spaces.
    wanted : int32[n_wanted]
        Labels.
    scores : float32[n_docs, n_wanted]
        Written in place: fastText's probabilities; 0 of a document without a row, and of a leaf
        whose probability is below 1e-5.

    Returns
    -------
    doc : int
        As `predict_documents`.
    """
    longest = 0
    for doc in range(first, last):
        longest = max(longest, ends[doc] - starts[doc])
    scratch = np.empty(scratch_units(longest, state), np.int64)
    lay_out(scratch, longest, state)
    head = head_of(state)
    k = head.n_labels
    found, values = np.empty(k + 1, np.int32), np.empty(k + 1, np.float32)
    places = np.full(k, -1, np.int32)
    for column in range(wanted.size):
        places[wanted[column]] = column
    for doc in range(first, last):
        for column in range(wanted.size):
            scores[doc, column] = 0
        n_rows = mean_of_document(data, starts[doc], ends[doc], True, state, scratch)
        if n_rows == IS_MISSING:
            return doc
        if n_rows <= 0:
            for column in range(wanted.size if n_rows < 0 else 0):
                scores[doc, column] = np.nan
            continue
        n = find_best(
            shared_of(scratch, HIDDEN, np.float32), head, k, np.float32(0),
            shared_of(scratch, OUTPUTS, np.float32), shared_of(scratch, STACK, np.int32),
            shared_of(scratch, TREE_SCORES, np.float32), values, found,
        )  # fmt: skip
        for column in range(wanted.size if n < 0 else 0):
            scores[doc, column] = np.nan
        for i in range(n):
            column = places[found[i]]
            if column >= 0:
                scores[doc, column] = as_probability(values[i])
        for column in range(wanted.size):  # one that is asked for more than once
            scores[doc, column] = scores[doc, places[wanted[column]]]
    return last
