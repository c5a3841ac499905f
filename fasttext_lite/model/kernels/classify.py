"""Texts to hidden vectors and labels in one go, without lists of features in between.

The same steps as `text.kernels.tokens`, `features.kernels` and `model.kernels.predict` take one
after another for all documents are taken here for one document at a time.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.blocks import prefetch
from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.compiled.utf8 import END
from fasttext_lite.features.kernels import (
    BIAS_ROW,
    EOS_WORD,
    LEAST_SEEN,
    MAXN,
    MINN,
    WORD_NGRAMS,
    add_distinct,
    find_code,
    first_place,
    list_codes,
    weigh_document,
)
from fasttext_lite.features.kernels import N_OPTIONS as N_FEATURE_OPTIONS
from fasttext_lite.model.kernels.predict import (
    add_row,
    score_labels,
    scores_to_probabilities,
    search_tree,
    select_top,
)
from fasttext_lite.text.kernels.tokens import mark_document

# Places in `options` behind those of `features.kernels`.
LINK, IS_IDENTITY = range(N_FEATURE_OPTIONS, N_FEATURE_OPTIONS + 2)
N_OPTIONS = N_FEATURE_OPTIONS + 2

# Values of options[LINK], in the order of `config.losses.LINKS`.
SIGMOID, SOFTMAX, TREE = range(3)
_kernel = compiler(FAST)
AHEAD = 12  # entries between asking for a cache line and using it
LINE = 64  # bytes


@_kernel
def count_room(marks, start, end, options):
    """Return how many codes of each kind `list_codes` finds in a document at most."""
    n_tokens = 0
    for i in range(start, end):
        n_tokens += marks[i] == END
    of_words = (n_tokens + 3) * options[WORD_NGRAMS] + 2
    lengths = max(options[MAXN] - options[MINN] + 1, 0) if options[MAXN] > 0 else 0
    return of_words, (end - start + 2 * n_tokens) * lengths


@_kernel
def keep_known(codes, n, rows, factors):
    """Replace codes[:n] by their rows in place, without those that have none; return the new n.

    The table is far larger than the caches, and codes are scattered over it: each line is asked
    for some codes ahead.
    """
    for i in range(min(n, AHEAD)):
        prefetch(rows, 2 * first_place(codes[i], rows))
    kept = 0
    for i in range(n):
        if i + AHEAD < n:
            prefetch(rows, 2 * first_place(codes[i + AHEAD], rows))
        place = find_code(codes[i], rows)
        if rows[place, 0] >= 0:
            codes[kept] = rows[place, 1]
            if factors.size > 0:
                prefetch(factors, np.int64(codes[kept]))
            kept += 1
    return kept


@_kernel
def _prefetch_row(table, row):
    """Ask for a row of a table, wherever lines begin."""
    dim = table.shape[1]
    at = np.int64(row) * dim
    for d in range(0, dim, LINE // table.itemsize):
        prefetch(table, at + d)
    prefetch(table, at + dim - 1)


@_kernel
def _sum_rows(embeddings, found, weights, n, hidden, doc):
    """Write the weighted sum of n rows to hidden[doc]."""
    for d in range(hidden.shape[1]):
        hidden[doc, d] = 0
    for j in range(min(n, AHEAD)):
        _prefetch_row(embeddings, found[j])
    for j in range(n):
        if j + AHEAD < n:
            _prefetch_row(embeddings, found[j + AHEAD])
        add_row(embeddings, found[j], weights[j], hidden, doc)


@_kernel
def find_rows(
    text, marks, start, end, table, pool, word_offsets, rows, factors, logs, options,
    running, of_words, of_chars, seen, found, weights,
):  # fmt: skip
    """Write the rows of one document, text[start:end], and their weights.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    table, pool, word_offsets
        The vocabulary, see `text.kernels.words.find_word`.
    rows : int32[capacity, 2]
        See `features.kernels.find_code`.
    factors, logs : float32[]
        See `features.kernels.weigh_rows`.
    options : int64[N_OPTIONS]
    running : uint64[word_ngrams + 1]
    of_words, of_chars : int32[]
        Room as `count_room` says.
    seen : int32[]
        Room for twice as many as both together, rounded up to a power of two.
    found : int32[], weights : float32[]
        Written in place; room for one more than both together.

    Returns
    -------
    n : int
    """
    n_words, n_chars, share = list_codes(
        text, marks, start, end, table, pool, word_offsets, options, options[EOS_WORD],
        running, of_words, of_chars,
    )  # fmt: skip
    n_words = keep_known(of_words, n_words, rows, factors)
    n_chars = keep_known(of_chars, n_chars, rows, factors)
    size, shift = LEAST_SEEN, 28
    while size < 2 * (n_words + n_chars):
        size *= 2
        shift -= 1
    for i in range(size):
        seen[i] = 0
    n = add_distinct(of_words, n_words, 0, 0, shift, seen, found, weights)
    n = add_distinct(of_chars, n_chars, 0, n, shift, seen, found, weights)
    if options[BIAS_ROW] >= 0 and n > 0:
        found[n] = options[BIAS_ROW]
        n += 1
    return weigh_document(0, n, found, weights, factors, logs, share, options[BIAS_ROW])


@_kernel
def _power(n):
    """Return the size of `seen` for n codes."""
    size = LEAST_SEEN
    while size < 2 * n:
        size *= 2
    return size


@_kernel
def embed_texts(
    text, marks, offsets, first, last, table, pool, word_offsets, rows, factors, logs, options,
    embeddings, hidden, n_features,
):  # fmt: skip
    """Write the hidden vectors of documents `first` to `last` - 1.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    table, pool, word_offsets, rows, factors, logs, options
        As in `find_rows`.
    embeddings : float32[n_rows, dim], or uint16[n_rows, dim] that holds float16
    hidden : float32[n_docs, dim]
        Written in place: the weighted sum of each document's rows.
    n_features : int64[n_docs]
        Written in place: how many rows each document has.
    """
    most_words = most_chars = 0
    for doc in range(first, last):
        of_words, of_chars = count_room(marks, offsets[doc], offsets[doc + 1], options)
        most_words = max(most_words, of_words)
        most_chars = max(most_chars, of_chars)
    of_words = np.empty(most_words, np.int32)
    of_chars = np.empty(most_chars, np.int32)
    running = np.zeros(options[WORD_NGRAMS] + 1, np.uint64)
    seen = np.empty(_power(most_words + most_chars), np.int32)
    found = np.empty(most_words + most_chars + 1, np.int32)
    weights = np.empty(most_words + most_chars + 1, np.float32)
    for doc in range(first, last):
        n = find_rows(
            text, marks, offsets[doc], offsets[doc + 1], table, pool, word_offsets, rows, factors,
            logs, options, running, of_words, of_chars, seen, found, weights,
        )  # fmt: skip
        n_features[doc] = n
        _sum_rows(embeddings, found, weights, n, hidden, doc)


@_kernel
def classify_text(
    text, classes, table, pool, word_offsets, rows, factors, logs, options,
    embeddings, output, children, scale, power, threshold, best,
):  # fmt: skip
    """Find the best labels of one text.

    Parameters
    ----------
    text : uint8[n_bytes]
    classes : uint8[0x110000]
        See `text.kernels.tokens.mark_tokens`.
    table, pool, word_offsets, rows, factors, logs, options, embeddings
        As in `embed_texts`.
    output : float32[n_output_rows, dim]
    children : int32[n_labels - 1, 2]
    scale, power : float
        See `predict.score_labels`.
    threshold : float
    best : float64[2, k]
        Written in place: labels and their probabilities, see `predict.select_top`. With one row
        in place of two: the probabilities of all labels.

    Returns
    -------
    n : int
        Known features of the text; where 0, nothing is written. -1 if the hidden vector is not
        finite.
    """
    end = text.size
    marks = np.empty(end, np.uint8)
    mark_document(text, 0, end, classes, marks)
    most_words, most_chars = count_room(marks, 0, end, options)
    most = most_words + most_chars
    of_words = np.empty(most_words, np.int32)
    of_chars = np.empty(most_chars, np.int32)
    running = np.zeros(options[WORD_NGRAMS] + 1, np.uint64)
    seen = np.empty(_power(most), np.int32)
    found = np.empty(most + 1, np.int32)
    weights = np.empty(most + 1, np.float32)
    n = find_rows(
        text, marks, 0, end, table, pool, word_offsets, rows, factors, logs, options,
        running, of_words, of_chars, seen, found, weights,
    )  # fmt: skip
    if n == 0:
        return 0
    dim = embeddings.shape[1]
    hidden = np.empty((1, dim), np.float32)
    _sum_rows(embeddings, found, weights, n, hidden, 0)
    for d in range(dim):
        if not np.isfinite(hidden[0, d]):
            return -1
    link = options[LINK]
    k = best.shape[1]
    labels = np.empty((1, k), np.int32)
    if link == TREE and best.shape[0] == 2:
        values = np.empty((1, k))
        search_tree(hidden, 0, 1, output, children, scale, threshold, labels, values)
        for i in range(k):
            best[0, i], best[1, i] = labels[0, i], values[0, i]
        return n
    n_labels = output.shape[0] + (children.shape[0] > 0)
    scores = np.empty((1, n_labels))
    score_labels(hidden, 0, 1, output, children, options[IS_IDENTITY] != 0, scale, power, scores)
    scores_to_probabilities(scores, 0, 1, link == SOFTMAX, link == TREE)
    if best.shape[0] == 1:
        for i in range(n_labels):
            best[0, i] = scores[0, i]
        return n
    values = np.empty((1, k))
    select_top(scores, 0, 1, threshold, labels, values)
    for i in range(k):
        best[0, i], best[1, i] = labels[0, i], values[0, i]
    return n
