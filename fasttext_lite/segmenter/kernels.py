"""Cut Chinese text into words as jieba 0.42.1 does, to the last token.

A maximal run of characters of jieba's class (han, ASCII letters and digits, ``+#&._%-``) is a
block; any other character is a token of its own.  Of all ways to cut a block into words of the
dictionary, the most probable is taken (dynamic programming from the right); then the single
characters that stand side by side are cut again by a hidden Markov model (Viterbi 1967).

Floating-point numbers are added in jieba's order and ties are decided as jieba decides them, so
no flag here may let the compiler change the order of operations.

The dictionary is a trie.  Its nodes are numbers: the node of a single character is its label,
other nodes are places of a hash table in buckets of eight (see `find`).  ``slots[node]`` holds,
from the top: number of the parent and label (39 bits, see `KEY`), then `EXISTS`, `PARENT`,
`FORCED`, and the number of the word's frequency (`FREQUENCY`; 0 for what is not a word).
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled import utf8
from fasttext_lite.compiled.blocks import prefetch
from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import END, INSIDE, OUTSIDE

# Labels: 0 is any other character, then digits, letters, punctuation, and han from FIRST_HAN on.
FIRST_LETTER, LAST_LETTER = 11, 62
POINT, PERCENT = 63, 64
FIRST_HAN = 70
FIRST_CODE, N_HAN = 0x4E00, 0x9FD6 - 0x4E00
N_LABELS = FIRST_HAN + N_HAN
LABEL_BITS = np.uint64(15)
ROOTS = 1 << 15  # rows of single characters, before the hash table
PER_BUCKET = 8
MOST_BUCKETS = 1 << 20  # the number of a node has 24 bits
KEY = np.uint64(25)
EXISTS, PARENT, FORCED = np.uint64(1 << 24), np.uint64(1 << 23), np.uint64(1 << 22)
FREQUENCY = np.uint64((1 << 22) - 1)
LOW = np.uint64((1 << 25) - 1)
ZERO, ONE, SEVEN, EIGHT = np.uint64(0), np.uint64(1), np.uint64(7), np.uint64(8)
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio (Knuth, vol. 3, 6.4)
BUCKET_SHIFT, TAG_SHIFT, BYTE = np.uint64(44), np.uint64(36), np.uint64(0xFF)
NODE = np.uint64((1 << 24) - 1)
LAST_TAG, SIGN = np.uint64(56), np.uint64(63)
EACH, HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)

# (1 << 8 * j) * PLACES >> 61 is j.
PLACES = np.uint64(sum(j << (61 - 8 * j) for j in range(1, 8)))
TOP_THREE = np.uint64(61)
FIRST_SLOT = np.uint64(ROOTS)

# The states of the hidden Markov model: a word's begin, middle, end, or a word of one character.
B, M, E, S = 0, 1, 2, 3

# Rows of `model` that belong to no han: start, then the moves between states.
START, FROM_B, FROM_M, FROM_E, FROM_S = 0, 1, 2, 3, 4
# Places in `counts`: of the nodes in the hash table, and of the numbers that frequencies have.
N_NODES, N_NUMBERS = 0, 1
MOST_DIGITS = 12  # sums of such numbers fit into 64 bits
_ASCII = np.zeros(128, np.int64)

for _first, _characters in ((1, "0123456789"), (11, "abcdefghijklmnopqrstuvwxyz")):
    _ASCII[[ord(c) for c in _characters]] = _first + np.arange(len(_characters))
_ASCII[65:91] = 37 + np.arange(26)
_ASCII[[ord(c) for c in ".%+#&_-"]] = 63 + np.arange(7)
_kernel = compiler(LEAF)


@_kernel
def label_at(text, i, end):
    """Return the label of the character at byte `i`, 0 outside jieba's class."""
    lead = text[i]
    if lead < 0x80:
        return _ASCII[lead]
    if 0xE4 <= lead <= 0xE9 and i + 2 < end:
        code = np.int64(lead & 0x0F) << 12 | np.int64(text[i + 1] & 0x3F) << 6
        code = (code | np.int64(text[i + 2] & 0x3F)) - FIRST_CODE
        if 0 <= code < N_HAN:
            return code + FIRST_HAN
    return np.int64(0)


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
def find(tags, slots, parent, label):
    """Return the node of a parent's child, 0 if there is none.

    A bucket has a tag of 8 bits for each of its eight places, all in one word, so that most
    children that do not exist cost one look at one word (Lamport 1975: arithmetic on bytes of a
    word).  Places are filled from the lowest; a full bucket overflows into the next.

    Parameters
    ----------
    tags : uint64[n_buckets]
        A power of two of them.
    slots : uint64[ROOTS + PER_BUCKET * n_buckets]
    parent, label : uint64

    Returns
    -------
    uint64
    """
    key = parent << LABEL_BITS | label
    product = key * FACTOR
    mask = np.uint64(tags.size - 1)
    bucket = product >> BUCKET_SHIFT & mask
    wanted = (product >> TAG_SHIFT & BYTE | ONE) * EACH
    while True:
        word = tags[bucket]
        rest = word ^ wanted
        match = (rest - EACH) & ~rest & HIGH  # the high bit of each byte that is zero, and a few
        while match != ZERO:
            place = ((match & (~match + ONE)) >> SEVEN) * PLACES >> TOP_THREE
            node = FIRST_SLOT + bucket * EIGHT + place
            if slots[node] >> KEY == key:
                return node
            match &= match - ONE
        if word >> LAST_TAG == ZERO:
            return ZERO
        bucket = (bucket + ONE) & mask


@_kernel
def _add_child(tags, slots, parent, label):
    """Add the child of a parent, which has no such child; return its node."""
    key = parent << LABEL_BITS | label
    product = key * FACTOR
    mask = np.uint64(tags.size - 1)
    bucket = product >> BUCKET_SHIFT & mask
    while tags[bucket] >> LAST_TAG != ZERO:
        bucket = (bucket + ONE) & mask
    place = ZERO
    while tags[bucket] >> (place * EIGHT) != ZERO:
        place += ONE
    tags[bucket] |= (product >> TAG_SHIFT & BYTE | ONE) << (place * EIGHT)
    node = FIRST_SLOT + bucket * EIGHT + place
    slots[node] = key << KEY | EXISTS
    slots[parent] |= PARENT
    return node


@_kernel
def insert(text, i, end, tags, slots, counts):
    """Add the word text[i:end] and the words that it begins with, none of them a word yet.

    Stops before the first character outside jieba's class.

    Parameters
    ----------
    text : uint8[n_bytes]
        UTF-8.
    i, end : int
    tags, slots
        Of the trie, with room for a node for each character; written in place.
    counts : int64[2]
        See `N_NODES`; written in place.

    Returns
    -------
    uint64
        Node of the word, 0 if it has a character outside the class or is empty.
    """
    node = ZERO
    while i < end:
        label = label_at(text, i, end)
        if label == 0:
            return ZERO
        if node == ZERO:
            node = np.uint64(label)
            slots[node] |= EXISTS
        else:
            child = find(tags, slots, node, np.uint64(label))
            if child == ZERO:
                child = _add_child(tags, slots, node, np.uint64(label))
                counts[N_NODES] += 1
            node = child
        i += 3 if label >= FIRST_HAN else 1
    return node


@_kernel
def look_up(text, i, end, tags, slots):
    """Return the node of text[i:end], 0 if it is not in the trie."""
    node = ZERO
    while i < end:
        label = label_at(text, i, end)
        if label == 0:
            return ZERO
        if node == ZERO:
            node = np.uint64(label)
            if slots[node] & EXISTS == ZERO:
                return ZERO
        else:
            node = find(tags, slots, node, np.uint64(label))
            if node == ZERO:
                return ZERO
        i += 3 if label >= FIRST_HAN else 1
    return node


@_kernel
def grow(tags, slots, new_tags, new_slots, places):
    """Copy a trie into a larger hash table.

    Parameters
    ----------
    tags, slots
        As they are.
    new_tags, new_slots
        All zero; written in place.
    places : uint64[slots.size]
        Scratch, all zero: the new node of each.
    """
    for root in range(ROOTS):
        new_slots[root] = slots[root]
        places[root] = np.uint64(root)
    for first in range(ROOTS, slots.size):
        if slots[first] == ZERO:
            continue
        while places[first] == ZERO:
            node = np.uint64(first)  # climb to the highest node that was not copied
            parent = slots[node] >> KEY >> LABEL_BITS
            while places[parent] == ZERO:
                node = parent
                parent = slots[node] >> KEY >> LABEL_BITS
            label = slots[node] >> KEY & np.uint64(ROOTS - 1)
            place = _add_child(new_tags, new_slots, places[parent], label)
            new_slots[place] |= slots[node] & LOW
            places[node] = place


@_kernel
def _number_of(frequency, numbers, values, counts):
    """Return the number of a frequency, a new one for a new frequency."""
    if frequency == 0:
        return ZERO
    mask = np.uint64(numbers.size - 1)
    place = (np.uint64(frequency) * FACTOR >> TAG_SHIFT) & mask
    while numbers[place] != 0:
        if values[numbers[place]] == frequency:
            return np.uint64(numbers[place])
        place = (place + ONE) & mask
    number = counts[N_NUMBERS]
    numbers[place] = number
    values[number] = frequency
    counts[N_NUMBERS] = number + 1
    return np.uint64(number)


@_kernel
def read_lines(text, i, limit, tags, slots, numbers, values, counts):
    """Add the words of a dictionary, up to a line that needs care.

    A plain line is ``word frequency``, or that and more after a space: the word within jieba's
    class, `MOST_DIGITS` digits at most.

    Parameters
    ----------
    text : uint8[n_bytes]
        The file: valid UTF-8 that ends in a line break.
    i : int
        Where a line begins.
    limit : int
        Number of nodes in the hash table from which it must grow.
    tags, slots
        Of the trie; written in place.
    numbers : int32[a power of two]
        Hash table of frequencies; written in place.
    values : int64[]
        Frequency of each number; written in place.
    counts : int64[2]
        See `N_NODES`; written in place.

    Returns
    -------
    i : int
        Where the first line begins that was not added, `text.size` if there is none.
    total : int
        Sum of the frequencies.
    """
    total = np.int64(0)
    while i < text.size:
        end = i
        while label_at(text, end, text.size) != 0:
            end += 3 if text[end] >= 0x80 else 1
        if end == i or text[end] != 32:
            return i, total
        j = end + 1
        frequency = np.int64(0)
        while 48 <= text[j] <= 57 and j - end <= MOST_DIGITS:
            frequency = 10 * frequency + np.int64(text[j] - np.uint8(48))
            j += 1
        if j == end + 1:
            return i, total
        if text[j] == 32:
            while text[j] != 10:
                j += 1
        elif text[j] == 13:
            j += 1
        if text[j] != 10 or counts[N_NODES] + (end - i) > limit:
            return i, total
        number = _number_of(frequency, numbers, values, counts)
        node = insert(text, i, end, tags, slots, counts)
        slots[node] = slots[node] & ~FREQUENCY | number
        total += frequency
        i = j + 1
    return i, total


@_kernel
def list_words(text, i, end, tags, slots, starts, ends):
    """List all words of the dictionary that stand in text[i:end].

    Parameters
    ----------
    text : uint8[n_bytes]
    i, end : int
    tags, slots
        Of the trie.
    starts, ends : int64[]
        Number of the first character of each word, and of that behind it; written in place,
        ordered by both, as far as there is room.

    Returns
    -------
    int
        Number of words.
    """
    n = 0
    character = 0
    while i < end:
        label = label_at(text, i, end)
        if label == 0:
            size = utf8.decode(text, i, end)[1]
            i += size
            character += 1
            continue
        node = np.uint64(label)
        size = 3 if label >= FIRST_HAN else 1
        j, length = i + size, 1
        while True:
            if slots[node] & FREQUENCY != ZERO:
                if n < starts.size:
                    starts[n], ends[n] = character, character + length
                n += 1
            if j >= end or slots[node] & PARENT == ZERO:
                break
            label = label_at(text, j, end)
            node = find(tags, slots, node, np.uint64(label))
            if node == ZERO:
                break
            j += 3 if label >= FIRST_HAN else 1
            length += 1
        i += size
        character += 1
    return n


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
