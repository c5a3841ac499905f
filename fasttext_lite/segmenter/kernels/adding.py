"""Add the words of a user dictionary one after another, as jieba does."""

from __future__ import annotations

from math import log

import numpy as np

from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import END
from fasttext_lite.segmenter.kernels.cutting import mark_words
from fasttext_lite.segmenter.kernels.trie import (
    FACTOR,
    FIRST_HAN,
    FREQUENCY,
    N_NODES,
    N_NUMBERS,
    ONE,
    TAG_SHIFT,
    ZERO,
    insert,
    label_at,
    look_up,
    number_of,
)

MOST_TOTAL = 1 << 53  # up to which each sum of frequencies is a float64
# Types of the scratch of `mark_words`: labels, pairs, ways, scores, lengths, ends.
SCRATCH = (np.uint16, np.uint64, np.uint64, np.float64, np.int64, np.int64)
_kernel = compiler(LEAF)


@_kernel
def _is_plain(text, i, end):
    """Return whether all characters of text[i:end] are of jieba's class."""
    while i < end:
        label = label_at(text, i, end)
        if label == 0:
            return False
        i += 3 if label >= FIRST_HAN else 1
    return True


@_kernel
def _frequency_of(text, i, end, tags, slots, values):
    """Return the frequency of text[i:end], 0 for what begins a word, 1 for what does not."""
    node = look_up(text, i, end, tags, slots)
    return values[slots[node] & FREQUENCY] if node != ZERO else np.int64(1)


@_kernel
def enter_numbers(values, n, numbers):
    """Write the numbers of frequencies, values[1:n], to an empty hash table of them."""
    mask = np.uint64(numbers.size - 1)
    for number in range(1, n):
        if values[number] > 0:
            place = (np.uint64(values[number]) * FACTOR >> TAG_SHIFT) & mask
            while numbers[place] != 0:
                place = (place + ONE) & mask
            numbers[place] = number


@_kernel
def add_words(text, offsets, first, frequencies, limit, total, tags, slots, logs, numbers, values,
              counts, model, labels, pairs, ways, scores, lengths, ends, marks):  # fmt: skip
    """Add words from number `first` on, up to one that needs care.

    That is one with a character outside jieba's class, one without room in the hash table or for
    its frequency's number, or such frequencies that a sum of them may be no float64.

    Parameters
    ----------
    text : uint8[n_bytes]
    offsets : int64[n_words + 1]
    first : int
    frequencies : int64[n_words]
        Below 0: high enough for the word to be cut out. Replaced by what each word got.
    limit : int
        Number of nodes in the hash table from which it must grow.
    total : int
        Sum of all frequencies that were given before.
    tags, slots
        Of the trie; written in place.
    logs : float64[]
        Logarithm of the frequency of each number; written in place.
    numbers : int32[a power of two]
        Hash table of frequencies; written in place.
    values : int64[logs.size]
        Frequency of each number, -1 for one above `MOST_TOTAL`; written in place.
    counts : int64[2]
        See `trie.N_NODES`; written in place.
    model, labels, pairs, ways, scores, lengths, ends, marks
        As `cutting.mark_words` has them; the scratch is for the longest word.

    Returns
    -------
    word : int
        The first that was not added.
    total : int
    """
    never = first < 0  # a literal would make another kernel of `mark_words`
    for word in range(first, offsets.size - 1):
        i, end = offsets[word], offsets[word + 1]
        if counts[N_NODES] + (end - i) > limit or counts[N_NUMBERS] >= logs.size:
            return word, total
        if total <= 0 or not _is_plain(text, i, end):
            return word, total
        frequency = frequencies[word]
        if frequency < 0:
            mark_words(text, offsets, word, word + 1, never, never, np.int64(0), tags, slots, logs,
                       log(np.float64(total)), model, labels, pairs, ways, scores, lengths, ends,
                       marks)  # fmt: skip
            share, begin = 1.0, i
            for j in range(i, end):
                if marks[j] == END:
                    piece = _frequency_of(text, begin, j + 1, tags, slots, values)
                    if piece < 0:
                        return word, total
                    share *= np.float64(piece) / np.float64(total)
                    begin = j + 1
            known = _frequency_of(text, i, end, tags, slots, values)
            if known < 0:
                return word, total
            frequency = max(np.int64(share * np.float64(total)) + 1, known)
        if frequency == 0 or total + frequency > MOST_TOTAL:
            return word, total
        before = counts[N_NUMBERS]
        number = number_of(frequency, numbers, values, counts)
        if counts[N_NUMBERS] > before:
            logs[before] = log(np.float64(frequency))
        node = insert(text, i, end, tags, slots, counts)
        slots[node] = slots[node] & ~FREQUENCY | number
        frequencies[word] = frequency
        total += frequency
    return offsets.size - 1, total
