"""Before word vectors are trained: the words of a text, their rows, and chances to be drawn."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compat.kernels.text import (
    EOS_WORD,
    MAXN,
    add_word,
    ends_example,
    hash_bytes,
    is_space,
    next_token,
)
from fasttext_lite.compiled.compiling import EXACT, compiler
from fasttext_lite.text.kernels.words import find_word

_kernel = compiler(EXACT)
_LOW = np.uint64(0xFFFFFFFF)


@_kernel
def next_space(data, i):
    """Return the place of the first space of data[i:], or its end."""
    while i < data.size and not is_space(data[i]):
        i += 1
    return i


@_kernel
def list_tokens(data, first, last, lexicon, tokens, ends):
    """Write the words and labels of data[first:last] that the lexicon has.

    Parameters
    ----------
    data : uint8[n_bytes]
    first, last : int
        No token crosses them.
    lexicon : text.Lexicon
    tokens : int32[last - first]
    ends : int64[last - first]
        Numbers of tokens up to each </s>. Both are written in place.

    Returns
    -------
    n_tokens, n_ends : int
    """
    n = n_ends = 0
    i = first
    while True:
        start, stop, i = next_token(data, i, last)
        if start < 0:
            return n, n_ends
        if start == stop:
            word = lexicon.options[EOS_WORD]
        else:
            hash32 = hash_bytes(data, start, stop)
            slot = find_word(
                data, start, stop, hash32, lexicon.table, lexicon.pool, lexicon.offsets
            )
            word = np.int64(lexicon.table[slot])
        if word >= 0:
            tokens[n] = word
            n += 1
            if ends_example(data, start, stop):
                ends[n_ends] = n
                n_ends += 1


@_kernel
def list_subwords(pool, offsets, n_words, word, lexicon, rows, indptr):
    """Write the input rows of words: their own, and those of their character n-grams.

    Parameters
    ----------
    pool : uint8[], offsets : int64[size, 2], n_words : int
        The words.
    word : int
        The first one.
    lexicon : text.Lexicon
    rows : int32[], indptr : int64[n_words + 1]
        Written in place.

    Returns
    -------
    int
        The first word that found no room, or `n_words`.
    """
    longest = lexicon.options[MAXN]
    while word < n_words:
        start, stop = offsets[word, 0], offsets[word, 1]
        n = indptr[word]
        if n + 1 + (stop - start + 2) * longest > rows.size:
            return word
        indptr[word + 1] = add_word(pool, start, stop, word, lexicon, rows, n)
        word += 1
    return word


@_kernel
def number_rows(rows, indptr, n_words, numbers, used, spread):
    """Give the rows that words have numbers: words as they are, others in order of first use.

    Parameters
    ----------
    rows : int32[], indptr : int64[n_words + 1]
        Of `skipgram.Words`; rows are replaced by their numbers.
    n_words : int
    numbers : int32[n_rows]
        Scratch, all -1.
    used : int32[n_rows]
        Written in place: the row that each number stands for.
    spread : float32[n_words]
        Written in place, see `skipgram.Words`.

    Returns
    -------
    int
        How many rows are used.
    """
    n = n_words
    for word in range(n_words):
        numbers[word] = word
        used[word] = word
    for word in range(n_words):
        first, last = indptr[word], indptr[word + 1]
        squares = 0
        for j in range(first, last):
            row = rows[j]
            if numbers[row] < 0:
                numbers[row] = n
                used[n] = row
                n += 1
            rows[j] = numbers[row]
            squares += 1
            for i in range(first, j):
                squares += 2 * (rows[i] == rows[j])
        spread[word] = np.float32(squares) / np.float32(last - first)
    return n


@_kernel
def make_cells(weights, cells):
    """Write a table for drawing words by weight in constant time (Walker 1977; Vose 1991).

    Cell i is drawn evenly; it holds word i with a chance of (cells[i] & _LOW) / 2 ** 32, else
    word cells[i] >> 32.

    Parameters
    ----------
    weights : float64[n]
        Above 0, replaced by scratch.
    cells : uint64[n]
        Written in place.
    """
    n = weights.size
    stack = np.empty(n, np.int64)  # light words from the front, heavy ones from the back
    n_light, heavy = 0, n
    scale = n / weights.sum()
    for i in range(n):
        weights[i] *= scale
        if weights[i] < 1.0:
            stack[n_light] = i
            n_light += 1
        else:
            heavy -= 1
            stack[heavy] = i
    while n_light > 0 and heavy < n:
        n_light -= 1
        i, j = stack[n_light], stack[heavy]
        cells[i] = (np.uint64(j) << np.uint64(32)) | np.uint64(weights[i] * 4294967295.0)
        weights[j] -= 1.0 - weights[i]
        if weights[j] < 1.0:
            heavy += 1
            stack[n_light] = j
            n_light += 1
    for k in range(n_light):  # rounding left them over: their weight is 1
        cells[stack[k]] = (np.uint64(stack[k]) << np.uint64(32)) | _LOW
    for k in range(heavy, n):
        cells[stack[k]] = (np.uint64(stack[k]) << np.uint64(32)) | _LOW
