"""Tokens to rows, with a memory: what a token becomes is looked up, not worked out again.

Text repeats its words (Zipf), and most of the time of a prediction went into the character n-grams
of each: hashes, remainders, and whether there is a row.  An entry of the memory has the bytes of a
token, all of which are compared, and the rows that it has.  Each thread has a memory of its own,
for it also counts there how often a document has a token: rows of a token that comes again are
counted in one go.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.blocks import prefetch
from fasttext_lite.compiled.bytes64 import byte_mask, eight_bytes, first_bit, last_bit
from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import END, INSIDE, OUTSIDE
from fasttext_lite.features.kernels.codes import (
    BIGRAMS,
    BUCKET,
    CHAR_ENERGY,
    CHARS,
    EOS_WORD,
    LEAST_CHARS,
    LONGER,
    MAXN,
    MINN,
    WORD_NGRAMS,
    add_ends,
    add_subwords,
    add_token,
    begin_tokens,
    inverse_of,
)
from fasttext_lite.features.kernels.rows import find_code, first_place
from fasttext_lite.text.kernels.words import FNV_OFFSET, find_word, fnv_step

_leaf = compiler(LEAF)
_inline = compiler(LEAF, forceinline=True)  # a call of many arrays costs as much as what these do
AHEAD = 24  # entries between asking for a cache line and using it
PIECES_AHEAD = 8

# An entry, int64[ENTRY]: a token's bytes as three numbers; its length in bytes, 0 = no entry; where
# its rows of n-grams of characters begin in the arena, and how many there are; the row of the word
# plus 1 and the hash, 32 bits each; the number of the document that had it last, and the piece.
LENGTH, BEGIN, COUNT, WORD, LAST = 3, 4, 5, 6, 7
ENTRY = 8
LONGEST_KEY = 24  # bytes
IS_LONG = np.int64(256)  # added to the length of a token that may have n-grams of characters
PROBES = 16  # places in the table that are tried

# Places in `counters`, int64[N_COUNTERS]: the number of the document, numbers of the arena in use,
# entries, whether there was no room for another; what the last document's last row has in `places`.
DOCUMENT, USED, N_ENTRIES, IS_FULL, BASE = range(5)
N_COUNTERS = 5
LAST_BASE, LAST_DOCUMENT = 1 << 30, (1 << 31) - 1

# Tokens are taken some at a time: the entries of all are asked for before the first is looked at.
WAITING, TOKEN = 128, 6
BLOCK = 64  # bytes whose marks are looked at together

# A piece, int32[PIECE]: where its rows begin, in the arena or (-1 - place) in `of_chars`; how many
# there are; the row of the word, or -1; how often the document has it.
FIRST, N_ROWS, WORD_ROW, TIMES = range(4)
PIECE = 4

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)
_NONE, _ONE = np.uint64(0), np.uint64(1)
_END, _OUTSIDE = np.uint8(END), np.uint8(OUTSIDE)
_LOW = np.int64(0xFFFFFFFF)
_STEP = np.int64(8)


@_inline
def load_bytes(text, at, stop):
    """Return text[at:stop], of which up to eight bytes, as a number, zeros behind them."""
    n = stop - at
    if n <= 0:
        return _NONE
    if at + _STEP <= text.size:
        word = eight_bytes(text, at)
        if n < 8:
            word &= (np.uint64(1) << np.uint64(8 * n)) - np.uint64(1)
        return word
    word = _NONE
    for j in range(min(n, 8)):
        word |= np.uint64(text[at + j]) << np.uint64(8 * j)
    return word


@_inline
def hash_key(first, second, third, length):
    """Return a hash of a token's three numbers and its length: an int64 from 0."""
    h = (first ^ np.uint64(length)) * _FACTOR
    h ^= h >> _SHIFT
    if length > 8:
        h = (h ^ second) * _FACTOR
        h ^= h >> _SHIFT
        h = (h ^ third) * _FACTOR
        h ^= h >> _SHIFT
    return np.int64(h >> np.uint64(1))


@_inline
def list_token(text, begin, end, entries, tokens, n):
    """Write the token text[begin:end] to tokens[n], and ask for where its entry would be."""
    size = end - begin
    tokens[n, 0] = begin
    tokens[n, 1] = size
    if size <= LONGEST_KEY:
        first = load_bytes(text, begin, end)
        second = third = _NONE
        if size > 8:
            second = load_bytes(text, begin + 8, end)
            third = load_bytes(text, begin + 16, end)
        place = hash_key(first, second, third, size) & np.int64(entries.shape[0] - 1)
        prefetch(entries, ENTRY * place)
        tokens[n, 2] = np.int64(first)
        tokens[n, 3] = np.int64(second)
        tokens[n, 4] = np.int64(third)
        tokens[n, 5] = place


@_leaf
def next_tokens(text, marks, i, end, begin, entries, tokens):
    """List some tokens from text[i:end], and ask for where their entries would be.

    Parameters
    ----------
    begin : int
        Where the token begins that text[i] is in, if it is in one.
    tokens : int64[WAITING, TOKEN]
        Written in place: where each begins, its length in bytes, its key and its place.

    Returns
    -------
    n, i, begin : int
        How many there are, and where to go on.
    """
    n = np.int64(0)
    while i < end and n <= WAITING - BLOCK:
        if i + BLOCK > marks.size:
            if marks[i] == END:
                list_token(text, begin, i + 1, entries, tokens, n)
                n += 1
            if marks[i] != INSIDE:
                begin = i + 1
            i += 1
            continue
        ends, bounds = byte_mask(marks, i, _END), byte_mask(marks, i, _OUTSIDE)
        if end - i < BLOCK:
            asked = (_ONE << np.uint64(end - i)) - _ONE
            ends &= asked
            bounds &= asked
        bounds |= ends
        while ends != 0:
            at = first_bit(ends)
            before = bounds & ((_ONE << np.uint64(at)) - _ONE)
            if before != 0:
                begin = i + last_bit(before) + 1
            list_token(text, begin, i + at + 1, entries, tokens, n)
            begin = i + at + 1
            n += 1
            ends &= ends - _ONE
        if bounds != 0:
            begin = i + last_bit(bounds) + 1
        i = min(i + BLOCK, end)
    return n, i, begin


@_inline
def find_token(tokens, t, entries):
    """Return the place of a token's entry, or -1 - place where it would belong.

    Where there is no room within `PROBES` places, -1 - capacity.
    """
    mask = np.int64(entries.shape[0] - 1)
    size, place = tokens[t, 1], tokens[t, 5]
    if size > LONGEST_KEY:
        return -2 - mask
    a, b, c = tokens[t, 2], tokens[t, 3], tokens[t, 4]
    for _ in range(PROBES):
        found = entries[place, LENGTH]
        if found == 0:
            return -1 - place
        if (
            found & 0xFF == size
            and entries[place, 0] == a
            and entries[place, 1] == b
            and entries[place, 2] == c
        ):
            return place
        place = (place + 1) & mask
    return -2 - mask


@_leaf
def find_rows(codes, begin, end, rows):
    """Replace codes[begin:end] by their rows in place, without those that have none.

    The table is far larger than the caches, and codes are scattered over it: each line is asked
    for some codes ahead.

    Returns
    -------
    n : int
        How many are left.
    """
    for i in range(begin, min(end, begin + AHEAD)):
        prefetch(rows, 2 * first_place(codes[i], rows))
    kept = begin
    for i in range(begin, end):
        if i + AHEAD < end:
            prefetch(rows, 2 * first_place(codes[i + AHEAD], rows))
        place = find_code(codes[i], rows)
        if rows[place, 0] >= 0:
            codes[kept] = rows[place, 1]
            kept += 1
    return kept - begin


@_leaf
def work_out(text, start, end, table, pool, word_offsets, rows, options, of_chars, n_chars):
    """Write the rows of a token's n-grams of characters to of_chars[n_chars:].

    Returns
    -------
    hash32 : int64
        FNV-1a hash of the token text[start:end].
    word_row : int64
        Row of the word; -1 = it has none.
    is_long : bool
        Whether a token of this length has n-grams of characters.
    n : int64
        How many rows were written.
    """
    hash32 = FNV_OFFSET
    length = np.int64(0)
    for i in range(start, end):
        hash32 = fnv_step(hash32, text[i])
        length += text[i] & 0xC0 != 0x80
    word_row = np.int64(-1)
    word = table[find_word(text, start, end, hash32, table, pool, word_offsets)]
    if word >= 0:
        place = find_code(word, rows)
        if rows[place, 0] >= 0:
            word_row = np.int64(rows[place, 1])
    is_long = length >= options[LEAST_CHARS] and options[MAXN] > 0
    n = np.int64(0)
    if is_long:
        chars = word_offsets.shape[0] + options[CHARS]
        last = add_subwords(
            text, start, end, options[MINN], options[MAXN], options[BUCKET], chars, of_chars,
            n_chars,
        )  # fmt: skip
        n = np.int64(find_rows(of_chars, n_chars, last, rows))
    return hash32, word_row, is_long, n


@_leaf
def next_document(entries, counters):
    """Count a document; where the memory is full, empty it before. Return the document's number."""
    if counters[IS_FULL] or counters[DOCUMENT] == LAST_DOCUMENT:
        if counters[DOCUMENT] == LAST_DOCUMENT:
            counters[DOCUMENT] = 0
        for i in range(entries.shape[0]):
            entries[i, LENGTH] = 0
        counters[USED] = counters[N_ENTRIES] = counters[IS_FULL] = 0
    counters[DOCUMENT] += 1
    return counters[DOCUMENT]


@_leaf
def enter_token(
    tokens, t, place, hash32, word_row, is_long, of_chars, begin, n_rows, entries, arena, counters
):
    """Put a token and its rows, of_chars[begin : begin + n_rows], into the memory.

    Returns
    -------
    place : int
        That of the entry; -1 where there is no room.
    """
    at = counters[USED]
    if place >= entries.shape[0]:  # it has none: too long, say
        return np.int64(-1)
    if at + n_rows > arena.size:
        counters[IS_FULL] = 1
    if counters[IS_FULL]:
        return np.int64(-1)
    for j in range(n_rows):
        arena[at + j] = of_chars[begin + j]
    for j in range(3):
        entries[place, j] = tokens[t, 2 + j]
    entries[place, LENGTH] = tokens[t, 1] + (IS_LONG if is_long else np.int64(0))
    entries[place, BEGIN] = at
    entries[place, COUNT] = n_rows
    entries[place, WORD] = ((word_row + 1) << 32) | hash32
    counters[USED] += n_rows
    counters[N_ENTRIES] += 1
    counters[IS_FULL] = 2 * counters[N_ENTRIES] >= entries.shape[0]
    return place


@_leaf
def list_pieces(
    text, marks, start, end, table, pool, word_offsets, rows, options, entries, arena, counters,
    running, of_words, of_chars, pieces, tokens,
):  # fmt: skip
    """Write the different tokens of one document, text[start:end], and its n-grams of words.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    table, pool, word_offsets
        The vocabulary, see `text.kernels.words.find_word`.
    rows : int32[capacity, 2]
        See `features.kernels.rows.find_code`.
    options : int64[N_OPTIONS]
    entries : int64[capacity, ENTRY], arena : int32[], counters : int64[N_COUNTERS]
        The memory; written in place.
    running : uint64[word_ngrams + 1]
        See `features.kernels.codes.add_token`.
    of_words : int32[]
        Written in place: codes of n-grams of words, and -1 - row for words that have one, where
        they come first, in the order of the text.
    of_chars : int32[]
        Written in place: rows that the memory has no room for.
    pieces : int32[n, PIECE]
        Written in place: the different tokens, in the order of the text. One that the memory has no
        room for may be there several times.
    tokens : int64[WAITING, TOKEN]
        Written in place, see `next_tokens`.

    Returns
    -------
    n_words : int
        Entries of `of_words`.
    n_pieces : int
    share : float
        Share of the document's tokens that have character n-grams, times their energy.
    """
    document = next_document(entries, counters) << 32
    word_ngrams, bucket = options[WORD_NGRAMS], options[BUCKET]
    inverse = inverse_of(bucket)
    n_known = word_offsets.shape[0]
    bigrams, longer = n_known + options[BIGRAMS], n_known + options[LONGER]
    begin_tokens(options, running)
    n_tokens = n_long = n_words = n_chars = n_pieces = np.int64(0)
    n, i, begin = next_tokens(text, marks, np.int64(start), end, np.int64(start), entries, tokens)
    while n > 0:
        n_tokens += n
        for t in range(n):
            place = find_token(tokens, t, entries)
            piece = n_pieces
            if place >= 0:
                word_row = (entries[place, WORD] >> 32) - 1
                hash32 = entries[place, WORD] & _LOW
                n_long += entries[place, LENGTH] >= IS_LONG
                last = entries[place, LAST]
                if last & ~_LOW == document:
                    pieces[last & _LOW, TIMES] += 1
                    piece = np.int64(-1)
                else:
                    pieces[piece, FIRST] = entries[place, BEGIN]
                    pieces[piece, N_ROWS] = entries[place, COUNT]
            else:
                size = tokens[t, 1]
                hash32, word_row, is_long, n_rows = work_out(
                    text, tokens[t, 0], tokens[t, 0] + size, table, pool, word_offsets, rows,
                    options, of_chars, n_chars,
                )  # fmt: skip
                n_long += is_long
                place = enter_token(
                    tokens, t, -1 - place, hash32, word_row, is_long, of_chars, n_chars, n_rows,
                    entries, arena, counters,
                )  # fmt: skip
                pieces[piece, N_ROWS] = n_rows
                if place >= 0:
                    pieces[piece, FIRST] = entries[place, BEGIN]
                else:  # and so it is for this token in all of the document
                    pieces[piece, FIRST] = -1 - n_chars
                    n_chars += n_rows
            if piece >= 0:
                pieces[piece, WORD_ROW] = word_row
                pieces[piece, TIMES] = 1
                if place >= 0:
                    entries[place, LAST] = document | piece
                if word_row >= 0:
                    of_words[n_words] = -1 - word_row
                    n_words += 1
                n_pieces += 1
            if word_ngrams > 1:
                n_words = add_token(
                    hash32, word_ngrams, bucket, inverse, bigrams, longer, running, of_words,
                    n_words,
                )  # fmt: skip
        n, i, begin = next_tokens(text, marks, i, end, begin, entries, tokens)
    n_words = add_ends(
        n_tokens, options, options[EOS_WORD], inverse, bigrams, longer, running, of_words, n_words
    )
    return n_words, n_pieces, n_long / max(n_tokens, np.int64(1)) * (options[CHAR_ENERGY] / 100)


@_inline
def count_row(row, times, n, base, places, found, counts):
    """Append a row to found[:n], or count it if it is there; return the new n.

    Whether a row is new cannot be foreseen, so there is no branch.

    Parameters
    ----------
    row, times, n : int
    base : int
        What a document's first row has in `places`; whatever is less is of documents before.
    places : int32[n_rows]
        Position of each row in found[:n] plus `base`. Written in place, as `found` (int32[]) and
        `counts` (float32[]), which have room for one more.
    """
    at = np.int64(places[row]) - base
    is_new = np.int64(np.uint64(at) >> np.uint64(63))
    found[n] = row
    counts[n] = 0
    at += (n - at) & -is_new
    places[row] = base + at
    counts[at] += np.float32(times)
    return n + is_new


@_leaf
def find_words(of_words, n_words, rows, factors, places):
    """Replace the codes of words and n-grams of words by rows, without those that have none.

    What is going to be read of the rows is asked for. All as in `distinct_rows`.

    Returns
    -------
    n : int
        How many are left.
    """
    n_kept = np.int64(0)
    for i in range(n_words):
        if i + AHEAD < n_words and of_words[i + AHEAD] >= 0:
            prefetch(rows, 2 * first_place(of_words[i + AHEAD], rows))
        row = -1 - np.int64(of_words[i])
        if row < 0:
            row = np.int64(rows[find_code(of_words[i], rows), 1])  # or -1
        of_words[n_kept] = row
        n_kept += np.int64(row >= 0)
        prefetch(places, row)
        if factors.size > 0:
            prefetch(factors, row)
    return n_kept


@_leaf
def distinct_rows(
    of_words, n_words, of_chars, pieces, n_pieces, arena, rows, factors, counters, places,
    found, counts,
):  # fmt: skip
    """Write the different rows of a document, and how often it has each.

    Those of words and n-grams of words come first, in the order of their first occurrence, then
    those of n-grams of characters.

    Parameters
    ----------
    of_words, n_words, of_chars, pieces, n_pieces, arena, counters
        As `list_pieces` leaves them; codes in `of_words` are replaced by rows.
    rows : int32[capacity, 2]
        See `features.kernels.rows.find_code`.
    factors : float32[]
        Of which those of the rows are going to be used.
    places : int32[n_rows]
        See `count_row`; 0 at the beginning.
    found : int32[], counts : float32[]
        Written in place.

    Returns
    -------
    n : int
    """
    if counters[BASE] >= LAST_BASE:
        for i in range(places.size):
            places[i] = 0
        counters[BASE] = 0
    base = counters[BASE] + 1
    n_kept = find_words(of_words, n_words, rows, factors, places)
    n = np.int64(0)
    for i in range(n_kept):
        n = count_row(np.int64(of_words[i]), 1, n, base, places, found, counts)
    for i in range(n_pieces):
        row = np.int64(pieces[i, WORD_ROW])
        if row >= 0:
            counts[np.int64(places[row]) - base] += np.float32(pieces[i, TIMES] - 1)
    for i in range(n_pieces):
        if i + PIECES_AHEAD < n_pieces:
            prefetch(arena, max(np.int64(pieces[i + PIECES_AHEAD, FIRST]), 0))
        begin, times = np.int64(pieces[i, FIRST]), np.int64(pieces[i, TIMES])
        if begin >= 0:
            for j in range(begin, begin + pieces[i, N_ROWS]):
                row = np.int64(arena[j])
                if factors.size > 0:
                    prefetch(factors, row)
                n = count_row(row, times, n, base, places, found, counts)
        else:
            begin = -1 - begin
            for j in range(begin, begin + pieces[i, N_ROWS]):
                n = count_row(np.int64(of_chars[j]), times, n, base, places, found, counts)
    counters[BASE] += n
    return n
