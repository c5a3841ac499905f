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
from fasttext_lite.compiled.bytes64 import eight_bytes
from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import END, OUTSIDE
from fasttext_lite.features.kernels import (
    BIGRAMS,
    BUCKET,
    CHAR_ENERGY,
    CHARS,
    END_TOKEN,
    EOS_WORD,
    GREATER,
    LEAST_CHARS,
    LESS,
    LONGER,
    LOWER_S,
    MAXN,
    MINN,
    SLASH,
    START_TOKEN,
    WITH_ENDS,
    WITH_EOS,
    WORD_NGRAMS,
    add_subwords,
    add_token,
    find_code,
    first_place,
)
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
LAST_BASE = 1 << 30

# A piece, int32[PIECE]: where its rows begin, in the arena or (-1 - place) in `of_chars`; how many
# there are; the row of the word, or -1; how often the document has it.
FIRST, N_ROWS, WORD_ROW, TIMES = range(4)
PIECE = 4

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)
_NONE = np.uint64(0)
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
def find_token(first, second, third, length, entries):
    """Return the place of a token's entry, or -1 - place where it would belong.

    Where there is no room within `PROBES` places, -1 - capacity.
    """
    mask = entries.shape[0] - 1
    place = hash_key(first, second, third, length) & mask
    a, b, c = np.int64(first), np.int64(second), np.int64(third)
    for _ in range(PROBES):
        found = entries[place, LENGTH]
        if found == 0:
            return -1 - place
        if (
            found & 0xFF == length
            and entries[place, 0] == a
            and entries[place, 1] == b
            and entries[place, 2] == c
        ):
            return place
        place = (place + 1) & mask
    return np.int64(-1) - entries.shape[0]


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
def forget_all(entries, counters):
    """Empty a memory."""
    for i in range(entries.shape[0]):
        entries[i, LENGTH] = 0
    counters[USED] = 0
    counters[N_ENTRIES] = 0
    counters[IS_FULL] = 0


@_leaf
def list_pieces(
    text, marks, start, end, table, pool, word_offsets, rows, options, entries, arena, counters,
    running, of_words, of_chars, pieces,
):  # fmt: skip
    """Write the different tokens of one document, text[start:end], and its n-grams of words.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    table, pool, word_offsets
        The vocabulary, see `text.kernels.words.find_word`.
    rows : int32[capacity, 2]
        See `features.kernels.find_code`.
    options : int64[N_OPTIONS]
    entries : int64[capacity, ENTRY], arena : int32[], counters : int64[N_COUNTERS]
        The memory; written in place.
    running : uint64[word_ngrams + 1]
        See `features.kernels.add_token`.
    of_words : int32[]
        Written in place: codes of n-grams of words, and -1 - piece for words that have a row,
        where they come first, in the order of the text.
    of_chars : int32[]
        Written in place: rows that the memory has no room for.
    pieces : int32[n, PIECE]
        Written in place: the different tokens, in the order of the text. One that the memory has no
        room for may be there several times.

    Returns
    -------
    n_words : int
        Entries of `of_words`.
    n_pieces : int
    share : float
        Share of the document's tokens that have character n-grams, times their energy.
    """
    if counters[IS_FULL] or counters[DOCUMENT] + 1 >= 1 << 31:
        if counters[DOCUMENT] + 1 >= 1 << 31:
            counters[DOCUMENT] = 0
        forget_all(entries, counters)
    counters[DOCUMENT] += 1
    document = counters[DOCUMENT] << 32
    word_ngrams, bucket = options[WORD_NGRAMS], options[BUCKET]
    ends = options[WITH_ENDS] and word_ngrams > 1
    n_known = word_offsets.shape[0]
    bigrams, longer = n_known + options[BIGRAMS], n_known + options[LONGER]
    running[0] = 0
    if ends:
        running[0] = 1
        running[1] = np.uint64(START_TOKEN)
    n_tokens = n_long = n_words = n_chars = n_pieces = np.int64(0)
    begin = np.int64(start)
    for i in range(start, end):
        mark = marks[i]
        if mark == OUTSIDE:
            begin = np.int64(i + 1)
            continue
        if mark != END:
            continue
        stop = np.int64(i + 1)
        size = stop - begin
        n_tokens += 1
        place = np.int64(-1) - entries.shape[0]
        first = second = third = _NONE
        if size <= LONGEST_KEY:
            first = load_bytes(text, begin, stop)
            if size > 8:
                second = load_bytes(text, begin + 8, stop)
                third = load_bytes(text, begin + 16, stop)
            place = find_token(first, second, third, size, entries)
        if place >= 0:
            word_row = (entries[place, WORD] >> 32) - 1
            hash32 = entries[place, WORD] & _LOW
            n_long += entries[place, LENGTH] >= IS_LONG
            last = entries[place, LAST]
            piece = np.int64(-1)
            if last & ~_LOW == document:
                pieces[last & _LOW, TIMES] += 1
            else:
                piece = n_pieces
                pieces[piece, FIRST] = entries[place, BEGIN]
                pieces[piece, N_ROWS] = entries[place, COUNT]
        else:
            hash32, word_row, is_long, n = work_out(
                text, begin, stop, table, pool, word_offsets, rows, options, of_chars, n_chars
            )
            n_long += is_long
            piece = n_pieces
            pieces[piece, N_ROWS] = n
            place = -1 - place
            at = counters[USED]
            if place < entries.shape[0] and at + n <= arena.size and not counters[IS_FULL]:
                for j in range(n):
                    arena[at + j] = of_chars[n_chars + j]
                pieces[piece, FIRST] = at
                entries[place, 0] = np.int64(first)
                entries[place, 1] = np.int64(second)
                entries[place, 2] = np.int64(third)
                entries[place, LENGTH] = size + (IS_LONG if is_long else np.int64(0))
                entries[place, BEGIN] = at
                entries[place, COUNT] = n
                entries[place, WORD] = ((word_row + 1) << 32) | hash32
                counters[USED] += n
                counters[N_ENTRIES] += 1
                counters[IS_FULL] = 2 * counters[N_ENTRIES] >= entries.shape[0]
            else:
                if at + n > arena.size:
                    counters[IS_FULL] = 1
                # What has no room now has none in all of the document.
                pieces[piece, FIRST] = -1 - n_chars
                n_chars += n
                place = np.int64(-1)
        if piece >= 0:
            pieces[piece, WORD_ROW] = word_row
            pieces[piece, TIMES] = 1
            if place >= 0:
                entries[place, LAST] = document | piece
            if word_row >= 0:
                of_words[n_words] = -1 - piece
                n_words += 1
            n_pieces += 1
        if word_ngrams > 1:
            n_words = add_token(
                hash32, word_ngrams, bucket, bigrams, longer, running, of_words, n_words
            )
        begin = stop
    eos = options[WITH_EOS]
    if eos:
        if options[EOS_WORD] >= 0:
            of_words[n_words] = options[EOS_WORD]
            n_words += 1
        if word_ngrams > 1:
            hash32 = FNV_OFFSET
            for byte in (LESS, SLASH, LOWER_S, GREATER):
                hash32 = fnv_step(hash32, byte)
            n_words = add_token(
                hash32, word_ngrams, bucket, bigrams, longer, running, of_words, n_words
            )
    if ends and n_tokens + eos > 0:
        n_words = add_token(
            END_TOKEN, word_ngrams, bucket, bigrams, longer, running, of_words, n_words
        )
    return n_words, n_pieces, n_long / max(n_tokens, 1) * (options[CHAR_ENERGY] / 100)


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
        As `list_pieces` leaves them.
    rows : int32[capacity, 2]
        See `features.kernels.find_code`.
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
    n = np.int64(0)
    for i in range(n_words):
        if i + AHEAD < n_words and of_words[i + AHEAD] >= 0:
            prefetch(rows, 2 * first_place(of_words[i + AHEAD], rows))
        code = of_words[i]
        if code < 0:
            row, times = np.int64(pieces[-1 - code, WORD_ROW]), np.int64(pieces[-1 - code, TIMES])
        else:
            place = find_code(code, rows)
            if rows[place, 0] < 0:
                continue
            row, times = np.int64(rows[place, 1]), np.int64(1)
        if factors.size > 0:
            prefetch(factors, row)
        n = count_row(row, times, n, base, places, found, counts)
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
