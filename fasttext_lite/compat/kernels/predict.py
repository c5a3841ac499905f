"""Predictions of texts: what `compat.engine` calls, for one text and for many."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compat.kernels.documents import (
    N_IDS,
    N_TOKENS,
    Engine,
    Fold,
    Room,
    has_newline,
    sum_document,
)
from fasttext_lite.compat.kernels.memory import Memory, is_stale
from fasttext_lite.compat.kernels.scores import HS, Head, classify
from fasttext_lite.compat.kernels.text import MAXN, NEWLINE, WORD_NGRAMS, KernelTable, Lexicon
from fasttext_lite.compiled.addresses import NUMBERS, room_at, text_at, view_at
from fasttext_lite.compiled.compiling import EXACT, LEAF, compiler

_kernel = compiler(EXACT)
_leaf_kernel = compiler(LEAF)

# What comes instead of an answer: the text has what it must not have; the memory is to be renewed.
HAS_NEWLINE, HAS_SURROGATE, IS_STALE = -2, -3, -4

# The arrays of a model's `addresses.State`, in this order ...
(
    TABLE, POOL, OFFSETS, KEPT, OPTIONS, PREFIX,
    DENSE, PLACES, CODES, CENTROIDS, NORM_CODES, NORM_CENTROIDS,
    FOLD_ROWS, FOLD_OUTPUT, SLOTS, ARENA, COUNTERS,
    WEIGHTS, OUTPUT_ROWS, SCALES, CHILDREN,
) = range(21)  # fmt: skip
N_ARRAYS = 21
# ... and the numbers behind them.
PART, DIM, N_LABELS, WAY, IS_FOLDED, HAS_SUMS = range(NUMBERS * N_ARRAYS, NUMBERS * N_ARRAYS + 6)


@_leaf_kernel
def _flat(state, array):
    """Return address and shape of an array that is seen as one row."""
    at = NUMBERS * array
    return state[at], (state[at + 1] * state[at + 2],)


@_leaf_kernel
def _table(state, array):
    at = NUMBERS * array
    return state[at], (state[at + 1], state[at + 2])


@_leaf_kernel
def engine_of(state):
    """Return the parts of a model that sum up documents; see `addresses.State`."""
    table, pool, offsets = _flat(state, TABLE), _flat(state, POOL), _table(state, OFFSETS)
    kept, options, prefix = _table(state, KEPT), _flat(state, OPTIONS), _flat(state, PREFIX)
    lexicon = Lexicon(
        view_at(table[0], table[1], np.int32),
        view_at(pool[0], pool[1], np.uint8),
        view_at(offsets[0], offsets[1], np.int64),
        view_at(kept[0], kept[1], np.int32),
        view_at(options[0], options[1], np.int64),
        view_at(prefix[0], prefix[1], np.uint8),
    )
    dense, places, codes = _flat(state, DENSE), _flat(state, PLACES), _table(state, CODES)
    centroids, norm_codes = _flat(state, CENTROIDS), _flat(state, NORM_CODES)
    norm_centroids = _flat(state, NORM_CENTROIDS)
    rows = KernelTable(
        view_at(dense[0], dense[1], np.uint8),
        view_at(places[0], places[1], np.int32),
        view_at(codes[0], codes[1], np.uint8),
        view_at(centroids[0], centroids[1], np.float32),
        view_at(norm_codes[0], norm_codes[1], np.uint8),
        view_at(norm_centroids[0], norm_centroids[1], np.float32),
        state[PART],
    )
    fold_rows, fold_output = _flat(state, FOLD_ROWS), _table(state, FOLD_OUTPUT)
    fold = Fold(
        room_at(fold_rows[0], fold_rows[1], np.float32),
        view_at(fold_output[0], fold_output[1], np.float32),
    )
    slots, arena, counters = _flat(state, SLOTS), _flat(state, ARENA), _flat(state, COUNTERS)
    memory = Memory(
        room_at(slots[0], slots[1], np.int64),
        room_at(arena[0], arena[1], np.int32),
        room_at(counters[0], counters[1], np.int64),
    )
    words = room_at(arena[0], (arena[1][0] // 2,), np.uint64)
    sums = room_at(arena[0], (arena[1][0] * state[HAS_SUMS],), np.float32)
    return Engine(lexicon, rows, fold, memory, words, sums)


@_leaf_kernel
def head_of(state):
    """Return the part of a model that scores hidden vectors."""
    weights, rows = _flat(state, WEIGHTS), _flat(state, OUTPUT_ROWS)
    scales, children = _flat(state, SCALES), _table(state, CHILDREN)
    return Head(
        view_at(weights[0], weights[1], np.float32),
        view_at(rows[0], rows[1], np.float32),
        view_at(scales[0], scales[1], np.float32),
        view_at(children[0], children[1], np.int32),
        state[N_LABELS],
        state[WAY],
        state[IS_FOLDED],
    )


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
    ones = view_at(address, (n if kind == 1 else 0,), np.uint8)
    twos = view_at(address, (n if kind == 2 else 0,), np.uint16)
    fours = view_at(address, (n if kind == 4 else 0,), np.uint32)
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


@_kernel
def make_room(n_bytes, model, dim, width):
    """Return scratch for documents of up to `n_bytes`."""
    options = model.lexicon.options
    maxn, longest = max(options[MAXN], 0), options[WORD_NGRAMS]
    most = n_bytes // 2 + 2  # tokens, </s> behind them
    n_ids = most * (max(longest, 1) + 2 * maxn) + n_bytes * maxn
    n_ids = max(min(n_ids, N_IDS), 2 * maxn + 2)
    n_tokens = min(N_TOKENS, most)
    return Room(
        np.empty(2 * n_tokens, np.int64),
        np.empty(n_tokens, np.uint64),
        np.empty(64, np.uint8),
        np.empty(most if longest > 1 else 0, np.uint64),
        np.empty(n_ids, np.int32),
        np.empty(dim, np.float32),
        np.empty(width, np.float32),
    )


@_leaf_kernel
def n_outputs_of(head):
    """Return how many numbers `classify` needs room for."""
    return (head.n_labels // 16 + 1) * 16


@_leaf_kernel
def divide(hidden, n_rows):
    """Make a mean of a sum, as fastText does: by one product."""
    factor = np.float32(1.0 / n_rows)
    for d in range(hidden.size):
        hidden[d] *= factor


@_leaf_kernel
def width_of(state):
    """Return how many numbers stand for a document before it is scored."""
    return state[NUMBERS * FOLD_OUTPUT + 1] if state[IS_FOLDED] != 0 else state[DIM]


@_kernel
def predict_bytes(data, stop, state, threshold, labels, scores):
    """Find the best labels of data[:stop]; see `scores.classify`."""
    model, head = engine_of(state), head_of(state)
    if is_stale(model.memory.counters):
        return IS_STALE
    room = make_room(stop, model, state[DIM], width_of(state))
    numbers = np.empty(width_of(state) + n_outputs_of(head) + head.n_labels + 1, np.float32)
    hidden, rest = numbers[: width_of(state)], numbers[width_of(state) :]
    n_rows = sum_document(data, 0, stop, True, model, room, hidden)
    if n_rows == 0:
        return 0
    divide(hidden, n_rows)
    stack = np.empty(head.n_labels + 1 if head.way == HS else 0, np.int32)
    n_outputs = n_outputs_of(head)
    return classify(
        hidden, head, labels.size - 1, np.float32(threshold), rest[:n_outputs], stack,
        rest[n_outputs:], scores, labels,
    )  # fmt: skip


@_kernel
def predict_str(text, state, threshold, labels, scores):
    """Find the best labels of a str; see `predict_text`."""
    address, n, kind, is_ascii = text_at(text)
    if is_ascii and kind == 1:
        data = view_at(address, (n,), np.uint8)
        tail = np.empty(64, np.uint8)
        if has_newline(data, 0, n, tail):
            return HAS_NEWLINE
        return predict_bytes(data, n, state, threshold, labels, scores)
    room = np.empty((kind + 1 if kind < 4 else 4) * n, np.uint8)
    size = encode(address, n, kind, room)
    if size < 0:
        return size
    copied = view_at(room.ctypes.data, (size,), np.uint8)
    n_found = predict_bytes(copied, size, state, threshold, labels, scores)
    return n_found if room.size >= size else 0  # the room must live until here


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
        -1 if there is none; or `HAS_NEWLINE`, `HAS_SURROGATE`.
    """
    labels, scores = np.empty(2, np.int32), np.empty(2, np.float32)
    n = predict_str(text, state, threshold, labels, scores)
    if n <= 0:
        return n - 1 if n == 0 else n
    score[0] = scores[0]
    return np.int64(labels[0])


@_kernel
def predict_text(text, state, threshold, labels, scores):
    """Find the best labels of a text.

    Parameters
    ----------
    text : str
        Without newlines; that of fastText's lines follows it.
    state : int64[]
        See `engine_of` and `head_of`.
    threshold : float64
    labels : int64[k], scores : float64[k]
        Written in place: labels and fastText's probabilities, best first.

    Returns
    -------
    n : int
        Labels found; or `HAS_NEWLINE`, `HAS_SURROGATE`.
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
        See `engine_of` and `head_of`.
    threshold : float64
    labels : int32[n_docs, k + 1], scores : float32[n_docs, k + 1]
        Written in place: the best first; -1 and 0 behind the last.
    n_rows : int64[n_docs]
        Written in place: the number of rows of each.
    """
    model, head = engine_of(state), head_of(state)
    width, k, n_outputs = width_of(state), labels.shape[1] - 1, n_outputs_of(head)
    longest = 0
    for doc in range(first, last):
        longest = max(longest, ends[doc] - starts[doc])
    room = make_room(longest, model, state[DIM], width)
    hidden, outputs = np.empty(width, np.float32), np.empty(n_outputs, np.float32)
    stack = np.empty(head.n_labels + 1, np.int32)
    sums = np.empty(head.n_labels + 1, np.float32)
    for doc in range(first, last):
        start, stop = starts[doc], ends[doc]
        with_eos = True
        if is_line:
            with_eos = stop > start and data[stop - 1] == NEWLINE
            stop -= with_eos
        n_rows[doc] = sum_document(data, start, stop, with_eos, model, room, hidden)
        n = 0
        if n_rows[doc] > 0:
            divide(hidden, n_rows[doc])
            n = classify(
                hidden, head, k, np.float32(threshold), outputs, stack, sums, scores[doc],
                labels[doc],
            )  # fmt: skip
        for i in range(n, k + 1):
            labels[doc, i], scores[doc, i] = -1, 0
