"""The dictionary of a segmenter: a trie in two arrays.

Its nodes are numbers: the node of a single character is its label, other nodes are places of a
hash table in buckets of eight (see `find`).  ``slots[node]`` holds, from the top: number of the
parent and label (39 bits, see `KEY`), then `EXISTS`, `PARENT`, `FORCED`, and the number of the
word's frequency (`FREQUENCY`; 0 for what is not a word).
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled import utf8
from fasttext_lite.compiled.compiling import LEAF, compiler

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
LAST_TAG = np.uint64(56)
EACH, HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)

# (1 << 8 * j) * PLACES >> 61 is j.
PLACES = np.uint64(sum(j << (61 - 8 * j) for j in range(1, 8)))
TOP_THREE = np.uint64(61)
FIRST_SLOT = np.uint64(ROOTS)

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
def add_child(tags, slots, parent, label):
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
                child = add_child(tags, slots, node, np.uint64(label))
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
            place = add_child(new_tags, new_slots, places[parent], label)
            new_slots[place] |= slots[node] & LOW
            places[node] = place


@_kernel
def number_of(frequency, numbers, values, counts):
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
        number = number_of(frequency, numbers, values, counts)
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
