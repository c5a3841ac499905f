"""Where the features of a document come from, and how their contributions go to its characters.

The same steps as `features.kernels.codes.list_codes` and `weighing.weigh_document`, which a
document's features come from, with a note of the place of each occurrence.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.compiled.utf8 import END, OUTSIDE
from fasttext_lite.features.kernels.codes import (
    BIAS_ROW,
    BIGRAMS,
    BUCKET,
    CHAR_ENERGY,
    CHARS,
    EOS_WORD,
    LEAST_CHARS,
    LONGER,
    MAXN,
    MINN,
    WITH_ENDS,
    WITH_EOS,
    WORD_NGRAMS,
    add_ends,
    add_subwords,
    add_token,
    begin_tokens,
    inverse_of,
)
from fasttext_lite.features.kernels.rows import find_code
from fasttext_lite.features.kernels.weighing import weigh_document
from fasttext_lite.model.kernels.predict import as_float
from fasttext_lite.text.kernels.words import FNV_OFFSET, find_word, fnv_step

LEAST_SEEN = 16  # places of the smallest table of a document's rows
NONE = np.int32(-1)
_kernel = compiler(FAST)


@_kernel
def list_tokens(text, marks, end):
    """Return the tokens of the document text[:end]: int64[n_tokens, 2], first byte and end."""
    n = 0
    for i in range(end):
        n += marks[i] == END
    tokens = np.empty((n, 2), np.int64)
    n = start = 0
    for i in range(end):
        if marks[i] == OUTSIDE:
            start = i + 1
        elif marks[i] == END:
            tokens[n, 0], tokens[n, 1] = start, i + 1
            start = i + 1
            n += 1
    return tokens


@_kernel
def subword_bounds(text, start, end, minn, maxn, bounds, n):
    """Write which bytes of text[start:end] its character n-grams have; return the new `n`.

    In the order of `features.kernels.codes.add_subwords`; the < and > around the word are left
    out.

    Parameters
    ----------
    bounds : int64[n_places, 2]
        First byte and end of each, written in place from `n` on.
    """
    for first in range(start - 1, end + 1):
        if first >= start and first < end and text[first] & 0xC0 == 0x80:
            continue
        i = first
        for length in range(1, maxn + 1):
            if i > end:
                break
            i += 1
            while i < end and i > start and text[i] & 0xC0 == 0x80:
                i += 1
            if length >= minn and not (length == 1 and (first < start or first == end)):
                bounds[n, 0], bounds[n, 1] = max(first, start), min(i, end)
                n += 1
    return n


@_kernel
def _note_ngrams(before, n, last, n_tokens, is_shifted, places):
    """Note the tokens of the n-grams of words at places[before:n], which end with a token.

    `last` is its number; those before the first one and behind the last are no tokens of the text.
    """
    for i in range(before, n):
        length = n - i + 1  # the longest comes first
        places[i, 0] = max(last - length + 1 - is_shifted, 0)
        places[i, 1] = min(last - is_shifted, n_tokens - 1)


@_kernel
def _note_ends(n, last, n_tokens, is_shifted, options, places):
    """Note the tokens of what the end of a text adds, see `features.kernels.codes.add_ends`."""
    word_ngrams, eos = options[WORD_NGRAMS], options[WITH_EOS]
    if eos:
        if options[EOS_WORD] >= 0:
            places[n, 0], places[n, 1] = 1, 0  # of no token
            n += 1
        size = min(last + 1, word_ngrams) - 1
        _note_ngrams(n, n + size, last, n_tokens, is_shifted, places)
        n += size
        last += 1
    if options[WITH_ENDS] and n_tokens + eos > 0:
        size = min(last + 1, word_ngrams) - 1
        _note_ngrams(n, n + size, last, n_tokens, is_shifted, places)


@_kernel
def list_places(text, tokens, table, pool, word_offsets, options):
    """Return the codes of a document as they come, and where each is.

    Parameters
    ----------
    text : uint8[n_bytes]
    tokens : int64[n_tokens, 2]
    table, pool, word_offsets, options
        Of the feature space, see `features.kernels.codes.extract_codes`.

    Returns
    -------
    of_words : int32[n_words]
        Codes of words and n-grams of words.
    places : int64[n_words, 2]
        First and last token of each. Where the first is more, none of the text's.
    is_own : bool[n_words]
        Whether it is the word itself.
    of_chars : int32[n_chars]
        Codes of n-grams of characters.
    bounds : int64[n_chars, 2]
        First byte and end of each.
    share : float
        As of `features.kernels.codes.list_codes`.
    """
    word_ngrams, minn, maxn = options[WORD_NGRAMS], options[MINN], options[MAXN]
    bucket, inverse = options[BUCKET], inverse_of(max(options[BUCKET], 1))
    n_known, n_tokens = word_offsets.shape[0], tokens.shape[0]
    bigrams, longer = n_known + options[BIGRAMS], n_known + options[LONGER]
    chars = n_known + options[CHARS]
    n_bytes = 0
    for token in range(n_tokens):
        n_bytes += tokens[token, 1] - tokens[token, 0] + 2
    n_lengths = max(maxn - minn + 1, 0) if maxn > 0 else 0
    of_words = np.empty((n_tokens + 3) * word_ngrams + 2, np.int32)
    places = np.zeros((of_words.size, 2), np.int64)
    is_own = np.zeros(of_words.size, np.bool_)
    of_chars = np.empty(n_bytes * n_lengths, np.int32)
    bounds = np.empty((of_chars.size, 2), np.int64)
    running = np.zeros(word_ngrams + 1, np.uint64)
    begin_tokens(options, running)
    is_shifted = np.int64(running[0])
    n_words = n_chars = n_long = 0
    for token in range(n_tokens):
        start, end = tokens[token, 0], tokens[token, 1]
        hash32, length = FNV_OFFSET, 0
        for i in range(start, end):
            hash32 = fnv_step(hash32, text[i])
            length += text[i] & 0xC0 != 0x80
        word = table[find_word(text, start, end, hash32, table, pool, word_offsets)]
        if word >= 0:
            of_words[n_words] = word
            places[n_words, 0], places[n_words, 1], is_own[n_words] = token, token, True
            n_words += 1
        if length >= options[LEAST_CHARS] and maxn > 0:
            n_long += 1
            subword_bounds(text, start, end, minn, maxn, bounds, n_chars)
            n_chars = add_subwords(text, start, end, minn, maxn, bucket, chars, of_chars, n_chars)
        if word_ngrams > 1:
            before, last = n_words, np.int64(running[0])
            n_words = add_token(
                hash32, word_ngrams, bucket, inverse, bigrams, longer, running, of_words, n_words
            )
            _note_ngrams(before, n_words, last, n_tokens, is_shifted, places)
    last = np.int64(running[0])
    _note_ends(n_words, last, n_tokens, is_shifted, options, places)
    n_words = add_ends(
        n_tokens, options, options[EOS_WORD], inverse, bigrams, longer, running, of_words, n_words
    )
    share = n_long / max(n_tokens, 1) * (options[CHAR_ENERGY] / 100)
    return (
        of_words[:n_words], places[:n_words], is_own[:n_words], of_chars[:n_chars],
        bounds[:n_chars], share,
    )  # fmt: skip


@_kernel
def _number(codes, rows, shift, seen, found, counts, n, numbers):
    """Count the rows of codes in found[:n] and counts[:n]; return the new `n`.

    `numbers`, int32[n_codes], is written in place: which of `found` each code has, or -1.
    """
    mask = (1 << (32 - shift)) - 1
    for i in range(codes.size):
        place = find_code(codes[i], rows)
        numbers[i] = NONE
        if rows[place, 0] < 0:
            continue
        row = rows[place, 1]
        slot = ((np.int64(row) * 0x9E3779B1) & 0xFFFFFFFF) >> shift
        while seen[slot] != 0 and found[seen[slot] - 1] != row:
            slot = (slot + 1) & mask
        if seen[slot] == 0:
            found[n], counts[n] = row, 0
            n += 1
            seen[slot] = n
        counts[seen[slot] - 1] += 1
        numbers[i] = seen[slot] - 1
    return n


@_kernel
def list_features(of_words, of_chars, rows, factors, logs, share, bias_row):
    """Return the features of a document, and which each of its codes is.

    Parameters
    ----------
    of_words, of_chars, share
        As `list_places` returns them.
    rows, factors, logs, bias_row
        Of the feature space; see `features.kernels.rows.find_code`, and `weighing.weigh_rows`.

    Returns
    -------
    found : int32[n_features]
        Rows of the input table; the bias, if there is one, is the last.
    weights : float32[n_features]
    counts : float32[n_features]
        How often each occurs.
    numbers : int32[n_words + n_chars]
        Which of `found` each code is, those of words first; -1 = it has no row.
    """
    n_codes = of_words.size + of_chars.size
    size, shift = LEAST_SEEN, 28
    while size < 2 * n_codes:
        size *= 2
        shift -= 1
    seen = np.zeros(size, np.int32)
    found = np.empty(n_codes + 1, np.int32)
    counts = np.empty(n_codes + 1, np.float32)
    numbers = np.empty(n_codes, np.int32)
    n = _number(of_words, rows, shift, seen, found, counts, 0, numbers)
    n = _number(of_chars, rows, shift, seen, found, counts, n, numbers[of_words.size :])
    if bias_row >= 0 and n > 0:
        found[n], counts[n] = bias_row, 1
        n += 1
    weights = counts[:n].copy()
    n = weigh_document(0, n, found, weights, factors, logs, share, bias_row)
    return found[:n], weights[:n], counts[:n], numbers


@_kernel
def _give(text, start, end, value, shares):
    """Give each character of text[start:end] the same part of a value, at its first byte."""
    n = 0
    for i in range(start, end):
        n += text[i] & 0xC0 != 0x80
    for i in range(start, end):
        if text[i] & 0xC0 != 0x80:
            shares[i] += value / n


@_kernel
def trace_document(
    text, marks, table, pool, word_offsets, rows, factors, logs, options
):  # fmt: skip
    """Return the tokens of a document, and what `list_places` and `list_features` do of it."""
    tokens = list_tokens(text, marks, text.size)
    of_words, places, is_own, of_chars, bounds, share = list_places(
        text, tokens, table, pool, word_offsets, options
    )
    found, weights, counts, numbers = list_features(
        of_words, of_chars, rows, factors, logs, share, options[BIAS_ROW]
    )
    return tokens, places, is_own, bounds, found, weights, counts, numbers


@_kernel
def share_out(
    text, tokens, places, is_own, bounds, numbers, found, weights, counts, embeddings,
    columns, direction,
):  # fmt: skip
    """Return what each character, and what no character contributes to a score.

    The contribution of a feature is its weight times the inner product of its row and a
    direction. Each of its occurrences gets an equal part of it, so does each token of an n-gram
    of words, and each character of a token or of an n-gram of characters.

    Parameters
    ----------
    text : uint8[n_bytes], tokens : int64[n_tokens, 2]
    places, is_own, bounds
        As `list_places` returns them.
    numbers, found, weights, counts
        As `list_features` returns them.
    embeddings : float32[n_rows, dim], or uint16[n_rows, dim] that holds float16
    columns : int64[n]
        Where the direction is not 0.
    direction : float64[n]
        Its values there.

    Returns
    -------
    shares : float64[2, n_bytes]
        Of words themselves, and of n-grams, at the first byte of each character.
    rest : float64
        Of the bias, and of what the end of a text adds.
    """
    shares, rest = np.zeros((2, text.size)), 0.0
    values = np.empty(found.size)
    for j in range(found.size):
        total = 0.0
        for d in range(direction.size):
            total += np.float64(as_float(embeddings[found[j], columns[d]])) * direction[d]
        values[j] = total * weights[j] / counts[j]
        rest += values[j] * counts[j]
    n_words = places.shape[0]
    for i in range(numbers.size):
        if numbers[i] < 0 or numbers[i] >= found.size:
            continue
        value = values[numbers[i]]
        if i >= n_words:
            _give(text, bounds[i - n_words, 0], bounds[i - n_words, 1], value, shares[1])
        else:
            first, last = places[i, 0], places[i, 1]
            if last < first:
                continue
            own = shares[0] if is_own[i] else shares[1]
            for token in range(first, last + 1):
                part = value / (last - first + 1)
                _give(text, tokens[token, 0], tokens[token, 1], part, own)
        rest -= value
    return shares, rest


@_kernel
def sum_units(shares, ends, n_bytes):
    """Return what each word has of the shares of bytes.

    Parameters
    ----------
    shares : float64[2, n_buffer_bytes]
        As `share_out` returns them; those from n_bytes + 1 on, of the second stream of tokens, are
        added to the first in place.
    ends : int64[2, n_units]
        First byte and end of each.
    n_bytes : int

    Returns
    -------
    own, ngrams : float64[n_units]
    both : float64[n_bytes]
    """
    for i in range(n_bytes + 1, shares.shape[1]):
        for j in range(2):
            shares[j, i - n_bytes - 1] += shares[j, i]
    own, ngrams = np.zeros(ends.shape[1]), np.zeros(ends.shape[1])
    both = shares[0, :n_bytes] + shares[1, :n_bytes]
    for unit in range(ends.shape[1]):
        for i in range(ends[0, unit], ends[1, unit]):
            own[unit] += shares[0, i]
            ngrams[unit] += shares[1, i]
    return own, ngrams, both
