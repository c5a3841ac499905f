"""Texts to hidden vectors and labels in one go, without lists of features in between.

The same steps as `text.kernels.tokens`, `features.kernels` and `model.kernels.predict` take one
after another for all documents are taken here for one document at a time.  All that they need
stands in a `compiled.addresses.State`: the model's arrays, and room that one thread at a time uses.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.addresses import (
    NUMBERS,
    array_of,
    room_of,
    shared_of,
    table_of,
    text_at,
    view_at,
)
from fasttext_lite.compiled.blocks import (
    LANES,
    add_product,
    load_block,
    prefetch,
    store_block,
    zero_block,
)
from fasttext_lite.compiled.compiling import FAST, FAST_LEAF, LEAF, compiler
from fasttext_lite.compiled.needed import find_missing
from fasttext_lite.compiled.utf8 import END, write_code
from fasttext_lite.features.kernels.codes import BIAS_ROW, MAXN, MINN, WORD_NGRAMS
from fasttext_lite.features.kernels.weighing import weigh_document
from fasttext_lite.model.kernels.beam import search_beam
from fasttext_lite.model.kernels.predict import (
    add_row,
    score_labels,
    scores_to_probabilities,
    search_tree,
    select_top,
)
from fasttext_lite.model.kernels.remember import (
    AHEAD,
    distinct_rows,
    list_pieces,
)
from fasttext_lite.text.kernels.tokens import NOT_SIMPLE, mark_document

# The arrays of a state: those of the model, ...
(
    CLASSES, TABLE, POOL, WORD_OFFSETS, ROWS, FACTORS, LOGS, OPTIONS, EMBEDDINGS, OUTPUT, CHILDREN,
    PRIOR, PAGES, DELTAS, FLOATS, THERE,
) = range(16)  # fmt: skip
# ... and room for what is made of a text.
(
    ENTRIES, ARENA, COUNTERS, PLACES, TOKENS, TEXT, MARKS, RUNNING, OF_WORDS, OF_CHARS, PIECES,
    FOUND, WEIGHTS, HIDDEN, SCORES, LABELS, BEST, NEEDS,
) = range(16, 34)  # fmt: skip
N_MODEL_ARRAYS, N_ARRAYS = 16, 34
# The numbers behind them: how scores become probabilities, whether `OUTPUT` is the identity,
# `EMBEDDINGS` holds float16, and text is to be put in lower case; and which block a row is in, see
# `compiled.needed.find_missing`; and the width of the beam, see `beam.search_beam`, 0 = none.
LINK, IS_IDENTITY, IS_HALF, LOWERCASE, SHIFT, BEAM = range(
    NUMBERS * N_ARRAYS, NUMBERS * N_ARRAYS + 6
)
N_NUMBERS = 6

# Values of state[LINK], in the order of `config.losses.LINKS`.
SIGMOID, SOFTMAX, TREE = range(3)

# What `classify` returns in place of a number of features.
NOT_FINITE, NO_ROOM, NOT_LOWERED, MISSING = -1, -2, -3, -4

LARGEST_SINGLE = np.float32(np.finfo(np.float32).max)
LINE = 64  # bytes
ROWS_AHEAD = 24  # rows between asking for one and adding it
LONGEST_CHARACTER = 4  # bytes
_kernel = compiler(FAST)
_sum_kernel = compiler(FAST_LEAF)
_leaf = compiler(LEAF)


@_leaf
def count_room(n_bytes, n_tokens, options):
    """Return how many codes of each kind a document of some bytes and tokens has at most."""
    of_words = (n_tokens + 3) * options[WORD_NGRAMS] + 2
    lengths = max(options[MAXN] - options[MINN] + 1, 0) if options[MAXN] > 0 else 0
    return of_words, (n_bytes + 2 * n_tokens) * lengths


@_sum_kernel
def _sum_halves(embeddings, found, weights, n, hidden, doc):
    """Write the weighted sum of n rows, uint16 that hold float16, to hidden[doc]."""
    dim = embeddings.shape[1]
    for d in range(dim):
        hidden[doc, d] = 0
    for j in range(n):
        if j + AHEAD < n:
            at = np.int64(found[j + AHEAD]) * dim
            for d in range(0, dim, LINE // embeddings.itemsize):
                prefetch(embeddings, at + d)
        add_row(embeddings, found[j], weights[j], hidden, doc)


@_leaf
def sum_rows(embeddings, found, weights, n, hidden, doc):
    """Write the weighted sum of n rows, float32, to hidden[doc].

    In the order of the rows, up to 64 numbers of each at a time: so many sums are held in
    registers. Rows are asked for some time before; where their lines begin elsewhere than blocks,
    a block's end lies in the next block's line, and the last may come late.
    """
    dim = np.int64(embeddings.shape[1])
    to = np.int64(doc) * dim
    none = np.uint32(0)
    d = np.int64(0)
    while d + 4 * LANES <= dim:
        a, b, c, e = (
            zero_block(hidden), zero_block(hidden), zero_block(hidden), zero_block(hidden)
        )  # fmt: skip
        for j in range(n):
            if j + ROWS_AHEAD < n:
                at = np.int64(found[j + ROWS_AHEAD]) * dim + d
                prefetch(embeddings, at)
                prefetch(embeddings, at + LANES)
                prefetch(embeddings, at + 2 * LANES)
                prefetch(embeddings, at + 3 * LANES)
            at, weight = np.int64(found[j]) * dim + d, weights[j]
            a = add_product(a, weight, load_block(embeddings, at, LANES))
            b = add_product(b, weight, load_block(embeddings, at + LANES, LANES))
            c = add_product(c, weight, load_block(embeddings, at + 2 * LANES, LANES))
            e = add_product(e, weight, load_block(embeddings, at + 3 * LANES, LANES))
        store_block(hidden, to + d, a, LANES, none)
        store_block(hidden, to + d + LANES, b, LANES, none)
        store_block(hidden, to + d + 2 * LANES, c, LANES, none)
        store_block(hidden, to + d + 3 * LANES, e, LANES, none)
        d += 4 * LANES
    while d + LANES <= dim:
        a = zero_block(hidden)
        for j in range(n):
            if j + ROWS_AHEAD < n:
                prefetch(embeddings, np.int64(found[j + ROWS_AHEAD]) * dim + d)
            at = np.int64(found[j]) * dim + d
            a = add_product(a, weights[j], load_block(embeddings, at, LANES))
        store_block(hidden, to + d, a, LANES, none)
        d += LANES
    if d < dim:
        size = dim - d
        a = zero_block(hidden)
        for j in range(n):
            if j + ROWS_AHEAD < n:
                prefetch(embeddings, np.int64(found[j + ROWS_AHEAD]) * dim + d)
            at = np.int64(found[j]) * dim + d
            a = add_product(a, weights[j], load_block(embeddings, at, size))
        store_block(hidden, to + d, a, size, none)


@_leaf
def _needs_room(marks, start, end, state):
    """Return whether a document needs more room than there is, and write how much."""
    options = shared_of(state, OPTIONS, np.int64)
    words_room, chars_room = state[NUMBERS * OF_WORDS + 1], state[NUMBERS * OF_CHARS + 1]
    n_bytes = np.int64(end - start)
    of_words, of_chars = count_room(n_bytes, n_bytes, options)  # there are no more tokens
    if of_words <= words_room and of_chars <= chars_room:
        return False
    n_tokens = np.int64(0)
    for i in range(start, end):
        n_tokens += marks[i] == END
    of_words, of_chars = count_room(n_bytes, n_tokens, options)
    if of_words <= words_room and of_chars <= chars_room:
        return False
    needs = shared_of(state, NEEDS, np.int64)
    needs[0], needs[1] = of_words, of_chars
    return True


@_kernel
def embed_document(text, marks, start, end, state, hidden, doc):
    """Write the weighted sum of the rows of one document, text[start:end], to hidden[doc].

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    start, end : int
    state : int64[]
        Of a `Worker`, with room as `count_room` says.
    hidden : float32[n_docs, dim]
        Written in place.

    Returns
    -------
    n : int
        How many rows the document has; `MISSING` where blocks of `EMBEDDINGS` are not there:
        state's FOUND has their numbers, and NEEDS how many they are.
    """
    rows = room_of(state, ROWS, np.int32)
    options, arena = (
        shared_of(state, OPTIONS, np.int64),
        shared_of(state, ARENA, np.int32),
    )
    of_words, of_chars = (
        shared_of(state, OF_WORDS, np.int32),
        shared_of(state, OF_CHARS, np.int32),
    )
    pieces = room_of(state, PIECES, np.int32)
    counters = shared_of(state, COUNTERS, np.int64)
    n_words, n_pieces, share = list_pieces(
        text, marks, start, end, shared_of(state, TABLE, np.int32),
        array_of(state, POOL, np.uint8),
        room_of(state, WORD_OFFSETS, np.int64),
        rows, options,
        room_of(state, ENTRIES, np.int64),
        arena, counters,
        shared_of(state, RUNNING, np.uint64),
        of_words, of_chars, pieces,
        room_of(state, TOKENS, np.int64),
    )  # fmt: skip
    factors, found, weights = (
        shared_of(state, FACTORS, np.float32),
        shared_of(state, FOUND, np.int32),
        shared_of(state, WEIGHTS, np.float32),
    )
    n = distinct_rows(
        of_words, n_words, of_chars, pieces, n_pieces, arena, rows, factors, counters,
        shared_of(state, PLACES, np.int32), found, weights,
    )  # fmt: skip
    if options[BIAS_ROW] >= 0 and n > 0:
        found[n] = options[BIAS_ROW]
        n += 1
    there = shared_of(state, THERE, np.uint8)
    if there.size > 0:
        n_missing = find_missing(found, n, state[SHIFT], there, found)
        if n_missing > 0:
            shared_of(state, NEEDS, np.int64)[0] = n_missing
            return np.int64(MISSING)
    singles = table_of(state, EMBEDDINGS, np.float32)
    halves = table_of(state, EMBEDDINGS, np.uint16)
    dim = np.int64(singles.shape[1])
    if not state[IS_HALF]:
        for j in range(min(n, ROWS_AHEAD)):
            at = np.int64(found[j]) * dim
            for d in range(0, min(singles.shape[1], 4 * LANES), LANES):
                prefetch(singles, at + d)
    n = weigh_document(
        0, n, found, weights, factors, shared_of(state, LOGS, np.float32), share,
        options[BIAS_ROW],
    )  # fmt: skip
    if state[IS_HALF]:
        _sum_halves(halves, found, weights, n, hidden, doc)
    else:
        sum_rows(singles, found, weights, n, hidden, doc)
    return n


@_kernel
def embed_texts(text, marks, offsets, first, last, state, hidden, n_features):
    """Write the hidden vectors of documents `first` to `last` - 1, as long as there is room.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    state : int64[]
        Of a `Worker`.
    hidden : float32[n_docs, dim]
        Written in place: the weighted sum of each document's rows.
    n_features : int64[n_docs]
        Written in place: how many rows each document has.

    Returns
    -------
    doc : int
        `last`, or the document that needs more room: as much as state's NEEDS say.  -1 - doc for
        a document of which blocks are missing, as `embed_document` says.
    """
    for doc in range(first, last):
        if _needs_room(marks, offsets[doc], offsets[doc + 1], state):
            return doc
        n = embed_document(text, marks, offsets[doc], offsets[doc + 1], state, hidden, doc)
        if n < 0:
            return -1 - doc
        n_features[doc] = n
    return last


@_leaf
def write_text(characters, pages, deltas, lowercase, text):
    """Write characters as UTF-8, in lower case if asked; lone surrogates as other characters.

    Parameters
    ----------
    characters : uint8[n], uint16[n] or uint32[n]
        Code points.
    pages, deltas
        See `text.kernels.tokens.lower`.
    lowercase : bool
    text : uint8[]
        Written in place.

    Returns
    -------
    size : int
        In bytes; -1 if a character's lower case is not one character of its own.
    """
    at = np.int64(0)
    for i in range(characters.size):
        code = np.int64(characters[i])
        if lowercase:
            delta = np.int64(deltas[256 * np.int64(pages[code >> 8]) + (code & 0xFF)])
            if delta == NOT_SIMPLE:
                return np.int64(-1)
            code += delta
        if code < 0x80:
            text[at] = code
            at += 1
        else:
            at += write_code(code, text, at)
    return at


@_leaf
def _write_ascii(characters, lowercase, text):
    """Write ASCII characters, in lower case if asked."""
    for i in range(characters.size):
        byte = characters[i]
        if lowercase and byte >= 65 and byte <= 90:
            byte += np.uint8(32)
        text[i] = byte


@_leaf
def _take_text(address, n, kind, is_ascii, state):
    """Write a str to state's TEXT; return its bytes, or -1 as `write_text`."""
    lowercase = state[LOWERCASE] != 0
    text = shared_of(state, TEXT, np.uint8)
    if is_ascii and kind == 1:
        _write_ascii(view_at(address, n, np.uint8), lowercase, text)
        return np.int64(n)
    pages = shared_of(state, PAGES, np.uint16)
    deltas = shared_of(state, DELTAS, np.int32)
    if kind == 1:
        return write_text(view_at(address, n, np.uint8), pages, deltas, lowercase, text)
    if kind == 2:
        return write_text(view_at(address, n, np.uint16), pages, deltas, lowercase, text)
    return write_text(view_at(address, n, np.uint32), pages, deltas, lowercase, text)


@_kernel
def classify(string, state, k, threshold):
    """Find the best labels of one text.

    Parameters
    ----------
    string : str
        Of at most as many characters as state's TEXT has room for, 4 bytes each and 32 more.
    state : int64[]
        Of a `Worker`. Its LABELS and BEST, or where k is 0 its SCORES, are written: labels and
        their probabilities, see `predict.select_top`, or the probabilities of all labels.
    k : int
        Labels asked for; 0 = the probabilities of all.
    threshold : float

    Returns
    -------
    n : int
        Known features of the text, the bias included; where 0, the labels are those of the prior.
        Else `NOT_FINITE` (the hidden vector is not, or a score), `NO_ROOM` (for as much as state's
        NEEDS say), `NOT_LOWERED` (the lower case of some character is not one character of its
        own), or `MISSING`, as `embed_document` says.
    """
    address, n_characters, kind, is_ascii = text_at(string)
    end = _take_text(address, n_characters, kind, is_ascii, state)
    if end < 0:
        return NOT_LOWERED
    text = array_of(state, TEXT, np.uint8)
    marks = shared_of(state, MARKS, np.uint8)
    mark_document(text, 0, end, shared_of(state, CLASSES, np.uint8), marks)
    if _needs_room(marks, 0, end, state):
        return NO_ROOM
    hidden = room_of(state, HIDDEN, np.float32)
    n = embed_document(text, marks, 0, end, state, hidden, 0)
    if n < 0:
        return n
    prior = room_of(state, PRIOR, np.float64)
    scores = room_of(state, SCORES, np.float64)
    labels = shared_of(state, LABELS, np.int32)[:k].reshape((1, k))
    best = shared_of(state, BEST, np.float64)[:k].reshape((1, k))
    if n == 0:
        if k == 0:
            for i in range(prior.size):
                scores[0, i] = prior[0, i]
        else:
            select_top(prior, 0, 1, threshold, labels, best)
        return n
    for d in range(hidden.shape[1]):
        if not abs(hidden[0, d]) <= LARGEST_SINGLE:  # false for NaN, too; see `predict.LARGEST`
            return NOT_FINITE
    output = table_of(state, OUTPUT, np.float32)
    children = table_of(state, CHILDREN, np.int32)
    link, floats = state[LINK], shared_of(state, FLOATS, np.float64)
    scale, power = floats[0], floats[1]
    if link == TREE and k > 0:
        if state[BEAM] > 0:
            is_good = search_beam(
                hidden, 0, 1, output, children, scale, state[BEAM], threshold, labels, best
            )
            return n if is_good else NOT_FINITE
        if not search_tree(hidden, 0, 1, output, children, scale, threshold, labels, best):
            return NOT_FINITE
        return n
    score_labels(hidden, 0, 1, output, children, state[IS_IDENTITY] != 0, scale, power, scores)
    if not scores_to_probabilities(scores, 0, 1, link == SOFTMAX, link == TREE):
        return NOT_FINITE
    if k > 0:
        select_top(scores, 0, 1, threshold, labels, best)
    return n
