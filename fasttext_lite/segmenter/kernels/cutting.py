"""Cut Chinese text into words as jieba 0.42.1 does, to the last token.

A maximal run of characters of jieba's class (han, ASCII letters and digits, ``+#&._%-``) is a
block; any other character is a token of its own.  Of all ways to cut a block into words of the
dictionary, the most probable is taken (dynamic programming from the right); then the single
characters that stand side by side are cut again by a hidden Markov model (Viterbi 1967).

Floating-point numbers are added in jieba's order and ties are decided as jieba decides them, so
no flag here may let the compiler change the order of operations.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled import utf8
from fasttext_lite.compiled.blocks import prefetch
from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import END, INSIDE, OUTSIDE
from fasttext_lite.segmenter.kernels.trie import (
    BUCKET_SHIFT,
    BYTE,
    EACH,
    EIGHT,
    FACTOR,
    FIRST_HAN,
    FIRST_LETTER,
    FIRST_SLOT,
    FORCED,
    FREQUENCY,
    HIGH,
    KEY,
    LABEL_BITS,
    LAST_LETTER,
    LAST_TAG,
    LOW,
    ONE,
    PARENT,
    PERCENT,
    PLACES,
    POINT,
    SEVEN,
    TAG_SHIFT,
    TOP_THREE,
    ZERO,
    find,
    label_at,
)

# The states of the hidden Markov model: a word's begin, middle, end, or a word of one character.
B, M, E, S = 0, 1, 2, 3

# Rows of `model` that belong to no han: start, then the moves between states.
START, FROM_B, FROM_M, FROM_E, FROM_S = 0, 1, 2, 3, 4
SIGN, NODE = np.uint64(63), np.uint64((1 << 24) - 1)
_kernel = compiler(LEAF)


@_kernel
def is_space(code):
    """Return whether a character is white space to Python's `str.isspace`, or NUL."""
    if code < 0x80:
        return code == 0x20 or 0x09 <= code <= 0x0D or 0x1C <= code <= 0x1F or code == 0
    if code < 0x2000:
        return code == 0x85 or code == 0xA0 or code == 0x1680
    if code <= 0x205F:
        return (
            code <= 0x200A or code == 0x2028 or code == 0x2029 or code == 0x202F or code == 0x205F
        )
    return code == 0x3000


@_kernel
def _find_pairs(n, tags, slots, labels, pairs):
    """Write the node of each pair of neighbours, with what its slot holds below the key.

    This is `find` without a branch that depends on whether there is such a node: the looks into
    the table do not wait for each other.
    """
    mask = np.uint64(tags.size - 1)
    before = np.uint64(labels[0])
    for i in range(n - 1):
        label = np.uint64(labels[i + 1])
        product = (before << LABEL_BITS | label) * FACTOR
        pairs[i] = product
        prefetch(tags, np.int64(product >> BUCKET_SHIFT & mask))
        before = label
    for i in range(n - 1):
        product = pairs[i]
        bucket = product >> BUCKET_SHIFT & mask
        word = tags[bucket]
        rest = word ^ (product >> TAG_SHIFT & BYTE | ONE) * EACH
        match = (rest - EACH) & ~rest & HIGH
        place = ((match & (~match + ONE)) >> SEVEN) * PLACES >> TOP_THREE
        # Without a match this is node 0, which is nothing.
        node = (FIRST_SLOT + bucket * EIGHT + place) * ((match | (~match + ONE)) >> SIGN)
        prefetch(slots, np.int64(node))
        doubt = np.uint64(match & (match - ONE) | word >> LAST_TAG != ZERO)
        pairs[i] = node | doubt << SIGN
    before = np.uint64(labels[0])
    for i in range(n - 1):
        label = np.uint64(labels[i + 1])
        key = before << LABEL_BITS | label
        pair = pairs[i]
        node = pair & NODE
        value = slots[node]
        found = value >> KEY == key
        pairs[i] = (node << KEY | value & LOW) * np.uint64(found)
        if (pair >> SIGN != ZERO) & (not found):
            node = find(tags, slots, before, label)
            pairs[i] = node << KEY | slots[node] & LOW if node != ZERO else ZERO
        before = label
    pairs[n - 1] = ZERO


@_kernel
def _find_route(n, tags, slots, logs, log_total, labels, pairs, scores, lengths):
    """Find the most probable cut of blocks: the length of the word at each of n characters.

    Blocks have label 0 between them.
    """
    scores[n] = 0.0
    scores[n + 1] = 0.0
    for i in range(n - 1, -1, -1):
        label = labels[i]
        best = (logs[slots[label] & FREQUENCY] - log_total) + scores[i + 1]  # no word: -inf
        length = 1
        pair = pairs[i]
        score = (logs[pair & FREQUENCY] - log_total) + scores[i + 2]
        if score >= best:  # of equal scores the longer word's
            best, length = score, 2
        if pair & PARENT != ZERO:
            node = pair >> KEY
            j = i + 2
            while j < n:
                node = find(tags, slots, node, np.uint64(labels[j]))
                if node == ZERO:
                    break
                j += 1
                value = slots[node]
                score = (logs[value & FREQUENCY] - log_total) + scores[j]
                if score >= best:
                    best, length = score, j - i
                if value & PARENT == ZERO:
                    break
        if best == -np.inf:
            best = (0.0 - log_total) + scores[i + 1] if label != 0 else 0.0
            length = 1
        scores[i] = best
        lengths[i] = length


@_kernel
def _is_word(first, last, tags, slots, labels, pairs, mask):
    """Return whether the characters `first` to `last` - 1, two at least, have a bit of `mask`."""
    value = pairs[first]
    node = value >> KEY
    for i in range(first + 2, last):
        if value & PARENT == ZERO:
            return False
        node = find(tags, slots, node, np.uint64(labels[i]))
        if node == ZERO:
            return False
        value = slots[node]
    return value & mask != ZERO


@_kernel
def _cut_other(first, last, labels, ends, marks):
    """Cut characters that are no han: letters and digits, and all between two such words.

    They may end in a point with more digits, and a percent sign.
    """
    i, gap = first, first
    while i < last:
        if not 0 < labels[i] <= LAST_LETTER:
            i += 1
            continue
        if i > gap:
            marks[ends[i - 1]] = END
        while i < last and labels[i] <= LAST_LETTER:
            i += 1
        if i + 1 < last and labels[i] == POINT and labels[i + 1] < FIRST_LETTER:
            i += 2
            while i < last and labels[i] < FIRST_LETTER:
                i += 1
        if i < last and labels[i] == PERCENT:
            i += 1
        marks[ends[i - 1]] = END
        gap = i
    if last > gap:
        marks[ends[last - 1]] = END


@_kernel
def _cut_han(first, last, model, labels, ways, ends, marks):
    """Cut han by the most probable states (Viterbi); of equal probability S, M, E, B in turn.

    `ways` is written in place: where the best way to each state of each character comes from,
    one bit for each of B, M, E, S. It is set for S before B or S, else E, and for M before M
    or E, else B.
    """
    row = labels[first]
    b, m = model[START, B] + model[row, B], model[START, M] + model[row, M]
    e, s = model[START, E] + model[row, E], model[START, S] + model[row, S]
    for i in range(first + 1, last):
        row = labels[i]
        e_b = (e + model[FROM_E, B]) + model[row, B]
        s_b = (s + model[FROM_S, B]) + model[row, B]
        b_m = (b + model[FROM_B, M]) + model[row, M]
        m_m = (m + model[FROM_M, M]) + model[row, M]
        b_e = (b + model[FROM_B, E]) + model[row, E]
        m_e = (m + model[FROM_M, E]) + model[row, E]
        e_s = (e + model[FROM_E, S]) + model[row, S]
        s_s = (s + model[FROM_S, S]) + model[row, S]
        ways[i] = (
            np.uint64(s_b >= e_b)
            | np.uint64(m_m >= b_m) << np.uint64(M)
            | np.uint64(m_e >= b_e) << np.uint64(E)
            | np.uint64(s_s >= e_s) << np.uint64(S)
        )
        b = s_b if s_b >= e_b else e_b
        m = m_m if m_m >= b_m else b_m
        e = m_e if m_e >= b_e else b_e
        s = s_s if s_s >= e_s else e_s
    state = np.uint64(S if s >= e else E)
    two = np.uint64(2)
    for i in range(last - 1, first - 1, -1):
        marks[ends[i]] = END if state >= two else INSIDE
        if i > first:
            way = ways[i] >> state & ONE
            state = way if ZERO < state < np.uint64(S) else two + way


@_kernel
def _split_forced(first, last, tags, slots, labels, pairs, ends, marks):
    """Cut the words just found that may not be found into characters."""
    start = first
    for i in range(first, last):
        if marks[ends[i]] == END:
            if i > start and _is_word(start, i + 1, tags, slots, labels, pairs, FORCED):
                for j in range(start, i):
                    marks[ends[j]] = END
            start = i + 1


@_kernel
def _cut_singles(first, last, n_forced, tags, slots, model, labels, pairs, ways, ends, marks):
    """Cut two or more characters side by side that the dictionary left single."""
    if _is_word(first, last, tags, slots, labels, pairs, FREQUENCY):
        for i in range(first, last):
            marks[ends[i]] = END
        return
    i = first
    while i < last:
        start = i
        if labels[i] >= FIRST_HAN:
            while i < last and labels[i] >= FIRST_HAN:
                i += 1
            if i == start + 1:
                marks[ends[start]] = END
                continue
            _cut_han(start, i, model, labels, ways, ends, marks)
            if n_forced > 0:
                _split_forced(start, i, tags, slots, labels, pairs, ends, marks)
        else:
            while i < last and labels[i] < FIRST_HAN:
                i += 1
            _cut_other(start, i, labels, ends, marks)


@_kernel
def _read_blocks(text, i, end, n, drop_spaces, labels, ends, marks):
    """Write label and last byte of each character of the blocks of text[i:end], from place n on.

    A block ends in label 0. The characters between blocks are marked.

    Returns
    -------
    int
        The place behind the last label.
    """
    start = n
    while i < end:
        label = label_at(text, i, end)
        if label != 0:
            i += 3 if label >= FIRST_HAN else 1
            labels[n] = label
            ends[n] = i - 1
            n += 1
            continue
        code, size = utf8.decode(text, i, end)
        if code == 13 and i + 1 < end and text[i + 1] == 10:
            size = 2
        if drop_spaces and is_space(code):
            for k in range(i, i + size):
                marks[k] = OUTSIDE
        else:
            marks[i + size - 1] = END
        i += size
        if n > start and labels[n - 1] != 0:
            labels[n] = 0
            n += 1
    if n > start and labels[n - 1] != 0:
        labels[n] = 0
        n += 1
    return n


@_kernel
def mark_words(text, offsets, first, last, hmm, drop_spaces, n_forced, tags, slots, logs,
               log_total, model, labels, pairs, ways, scores, lengths, ends, marks):  # fmt: skip
    """Mark the words of documents `first` to `last` - 1, see `tokenize`.

    Parameters
    ----------
    text : uint8[n_bytes]
        UTF-8; surrogates are characters.
    offsets : int64[n_docs + 1]
    first, last : int
    hmm : bool
        Whether the hidden Markov model is used.
    drop_spaces : bool
        Whether tokens of white space are marked `OUTSIDE`.
    n_forced : int
        Number of words with `FORCED`.
    tags, slots
        Of the trie.
    logs : float64[n_numbers]
        Logarithm of the frequency of each number; -inf for number 0.
    log_total : float
        Of the sum of all frequencies.
    model : float64[N_LABELS, 4]
        Log probabilities: of each han in each state, and in rows START to FROM_S of a word to
        begin with each state, and of each state after B, M, E and S.
    labels : uint16[n], pairs, ways : uint64[n], scores : float64[n], lengths, ends : int64[n]
        Scratch, at least 3 more than the longest document has bytes; with room for many
        documents, these are cut together, which is quicker.
    marks : uint8[n_bytes]
        All INSIDE; written in place.
    """
    doc = first
    while doc < last:
        n = 0
        while doc < last and n + offsets[doc + 1] - offsets[doc] + 3 <= labels.size:
            n = _read_blocks(text, offsets[doc], offsets[doc + 1], n, drop_spaces, labels, ends,
                             marks)  # fmt: skip
            doc += 1
        if n == 0:
            continue
        _find_pairs(n, tags, slots, labels, pairs)
        _find_route(n, tags, slots, logs, log_total, labels, pairs, scores, lengths)
        i = 0
        while i < n:
            start = i
            i += lengths[i]
            if labels[start] == 0:
                continue
            if i == start + 1 and hmm:
                while lengths[i] == 1 and labels[i] != 0:
                    i += 1
                if i > start + 1:
                    _cut_singles(start, i, n_forced, tags, slots, model, labels, pairs, ways,
                                 ends, marks)  # fmt: skip
                    continue
            elif i == start + 1 and labels[start] <= LAST_LETTER:
                while lengths[i] == 1 and 0 < labels[i] <= LAST_LETTER:
                    i += 1
            marks[ends[i - 1]] = END


@_kernel
def join_words(text, offsets, first, last, marks, separator, out):
    """Write documents with a separator after each word; return the number of bytes.

    Parameters
    ----------
    text : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    first, last : int
    marks : uint8[n_bytes]
        `END` on the last byte of each word.
    separator : uint8[2]
        After each word but a document's last, and after each document.
    out : uint8[]
        With room for the text and all separators; written in place.
    """
    n = 0
    for doc in range(first, last):
        for i in range(offsets[doc], offsets[doc + 1]):
            out[n] = text[i]
            n += 1
            if marks[i] == END and i + 1 < offsets[doc + 1]:
                out[n] = separator[0]
                n += 1
        out[n] = separator[1]
        n += 1
    return n
