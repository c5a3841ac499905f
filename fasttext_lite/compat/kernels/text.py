"""fastText's own way from bytes to hidden vectors, quirks included: tokens, row numbers, means.

The rules are those of fastText 0.9.2 (dictionary.cc, loss.cc, model.cc, densematrix.cc,
productquantizer.cc), as its files rely on them; the rest of the package does some of them better.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fasttext_lite.compiled.compiling import EXACT, LEAF, compiler
from fasttext_lite.features.kernels.codes import NGRAM_FACTOR, as_signed, remainder
from fasttext_lite.features.kernels.rows import find_code
from fasttext_lite.text.kernels.words import FNV_OFFSET, find_word, fnv_step

# No fast mathematics: sums are taken in fastText's order, so that they round alike.  A step of the
# sigmoid's table is wide enough to see where they do not.
_kernel = compiler(EXACT)
_leaf_kernel = compiler(LEAF)
NEWLINE = np.uint8(10)
EOS = np.frombuffer(b"</s>", np.uint8)
FNV_START, FNV_FACTOR = np.uint64(FNV_OFFSET), np.uint64(16777619)
LOW_BITS = np.uint64(0xFFFFFFFF)
LESS, GREATER = np.uint8(60), np.uint8(62)

# Places in `Lexicon.options`.
N_WORDS, WORD_NGRAMS, MINN, MAXN, BUCKET, PRUNED, EOS_WORD, EOS_IS_LABEL, INVERSE = range(9)
N_OPTIONS = 9

# What `PRUNED` holds: no row was dropped; no n-gram was kept; those of the table were kept.
NOT_PRUNED, ALL_PRUNED, SOME_PRUNED = -1, 0, 1


class Lexicon(NamedTuple):
    """What tokens are looked up in.

    Attributes
    ----------
    table : int32[capacity], pool : uint8[n_bytes], offsets : int64[size, 2]
        The words, then the labels: see `text.kernels.words.find_word`.
    kept : int32[capacity, 2]
        Of a pruned model: row behind the words of each bucket kept, see `find_code`.
    is_kept : uint64[bucket / 64 + 1]
        Of a pruned model: a bit for each bucket, as most of them have no row.
    options : int64[N_OPTIONS]
    prefix : uint8[n]
        Of labels.
    """

    table: np.ndarray
    pool: np.ndarray
    offsets: np.ndarray
    kept: np.ndarray
    is_kept: np.ndarray
    options: np.ndarray
    prefix: np.ndarray


class KernelTable(NamedTuple):
    """An input table: dense, or dense with few rows, or product-quantised.

    Attributes
    ----------
    dense : uint8[4 * n_rows * dim]
        Bytes of float32 numbers, wherever they begin in memory; empty if quantised.
    places : int32[n_rows]
        Where the row lies in `dense`, -1 for a row of zeros; empty: each in its own place.
    codes : uint8[n_rows, n_parts], centroids : float32[256 * dim]
    norm_codes : uint8[n_rows], norm_centroids : float32[256]
        Of a quantised table (productquantizer.cc); the norms are empty without them.
    part : int
        Numbers of each part of a quantised row but the last.
    """

    dense: np.ndarray
    places: np.ndarray
    codes: np.ndarray
    centroids: np.ndarray
    norm_codes: np.ndarray
    norm_centroids: np.ndarray
    part: int


# -- tokens ----------------------------------------------------------------------------------
@_leaf_kernel
def is_space(byte):
    """Return whether a byte separates tokens: space, 9 (tab) to 13 (return), or NUL."""
    return byte == 32 or (9 <= byte <= 13) or byte == 0


@_leaf_kernel
def next_token(data, i, end):
    """Return start and end of the next token of data[i:end], and where to go on.

    An empty token stands for the token </s> of a newline; start -1 for the end of the data.
    """
    while i < end and data[i] != NEWLINE and is_space(data[i]):
        i += 1
    if i >= end:
        return -1, -1, end
    if data[i] == NEWLINE:
        return i, i, i + 1
    start = i
    while i < end and not is_space(data[i]):
        i += 1
    return start, i, i


@_leaf_kernel
def ends_example(data, start, stop):
    """Return whether a token is </s>, written out or of a newline."""
    if start == stop:
        return True
    if stop - start != EOS.size:
        return False
    same = True
    for j in range(EOS.size):
        same &= data[start + j] == EOS[j]
    return same


@_kernel
def split_examples(data, i, starts, n):
    """Write where examples begin to starts[n:], as far as there is room.

    Parameters
    ----------
    data : uint8[n_bytes]
    i : int
        Where to begin.
    starts : int64[]

    Returns
    -------
    n : int
    i : int
        Where to go on: the end of the data, or the first example that found no room.
    """
    while i < data.size and n < starts.size:
        starts[n] = i
        n += 1
        while True:
            start, stop, i = next_token(data, i, data.size)
            if start < 0 or ends_example(data, start, stop):
                break
    return n, i


@_leaf_kernel
def begins_with(data, start, stop, prefix):
    """Return whether a token begins with a prefix."""
    if stop - start < prefix.size:
        return False
    same = True
    for j in range(prefix.size):
        same &= data[start + j] == prefix[j]
    return same


@_leaf_kernel
def hash_bytes(data, start, stop):
    """Return fastText's 32-bit hash of data[start:stop]."""
    hash32 = FNV_OFFSET
    for j in range(start, stop):
        hash32 = fnv_step(hash32, data[j])
    return hash32


# -- row numbers -----------------------------------------------------------------------------
@_leaf_kernel
def add_bucket(bucket, lexicon, ids, n):
    """Append the row of a bucket to `ids` at `n`, if it has one; return the new `n`."""
    pruned = lexicon.options[PRUNED]
    if pruned == ALL_PRUNED:
        return n
    if pruned == SOME_PRUNED:
        bits = lexicon.is_kept[bucket >> 6]
        if (bits >> np.uint64(bucket & 63)) & np.uint64(1) == np.uint64(0):
            return n
        place = find_code(np.int32(bucket), lexicon.kept)
        bucket = np.int64(lexicon.kept[place, 1])
    ids[n] = lexicon.options[N_WORDS] + bucket
    return n + 1


def inverse_of(bucket):
    """Return what `remainder` takes beside the number of buckets, as the int64 of its bits."""
    inverse = ((1 << 64) - 1) // bucket
    return inverse - (1 << 64) if inverse >= 1 << 63 else inverse


@_leaf_kernel
def bucket_of(hash64, bucket, inverse):
    """Return the bucket of a hash, uint64; `inverse` is that of `inverse_of`."""
    return remainder(hash64, bucket, np.uint64(inverse))


@_leaf_kernel
def fnv_of_byte(hash64, byte):
    """Return fastText's hash after one more byte; its lower 32 bits count, see `fnv_step`."""
    return (hash64 ^ np.uint64(np.int64(np.int8(byte)))) * FNV_FACTOR


@_leaf_kernel
def add_subwords(data, start, stop, lexicon, ids, n):
    """Append the rows of the character n-grams of a token to `ids` at `n`; return the new `n`.

    Whatever the bytes are: those of the form 10xxxxxx go with the byte before them.
    """
    n = add_first_subwords(data, start, stop, lexicon, ids, n)
    return add_some_subwords(data, start, stop, start, stop, lexicon, ids, n)


@_leaf_kernel
def add_first_subwords(data, start, stop, lexicon, ids, n):
    """Append the rows of those character n-grams of a token that begin with its <."""
    minn, maxn, bucket = lexicon.options[MINN], lexicon.options[MAXN], lexicon.options[BUCKET]
    inverse = lexicon.options[INVERSE]
    hash64 = fnv_of_byte(FNV_START, LESS)
    i = start
    length = 1
    while True:
        while i < stop and data[i] & 0xC0 == 0x80:
            hash64 = fnv_of_byte(hash64, data[i])
            i += 1
        if length >= minn and length > 1:
            n = add_bucket(bucket_of(hash64 & LOW_BITS, bucket, inverse), lexicon, ids, n)
        length += 1
        if i > stop or length > maxn:
            return n
        hash64 = fnv_of_byte(hash64, GREATER if i == stop else data[i])
        i += 1


@_leaf_kernel
def add_some_subwords(data, start, stop, begin, end, lexicon, ids, n):
    """Append the rows of those character n-grams of a token that begin in data[begin:end]."""
    minn, maxn, bucket = lexicon.options[MINN], lexicon.options[MAXN], lexicon.options[BUCKET]
    inverse, n_words = lexicon.options[INVERSE], lexicon.options[N_WORDS]
    all_rows = lexicon.options[PRUNED] == NOT_PRUNED
    for first in range(begin, end):
        if data[first] & 0xC0 == 0x80:
            continue
        hash64 = FNV_START
        i = first
        length = 1
        while length <= maxn and i <= stop:
            hash64 = fnv_of_byte(hash64, data[i] if i < stop else GREATER)
            i += 1
            while i < stop and data[i] & 0xC0 == 0x80:
                hash64 = fnv_of_byte(hash64, data[i])
                i += 1
            if length >= minn:
                place = bucket_of(hash64 & LOW_BITS, bucket, inverse)
                if all_rows:
                    ids[n] = n_words + place
                    n += 1
                else:
                    n = add_bucket(place, lexicon, ids, n)
            length += 1
    return n


@_leaf_kernel
def add_word(data, start, stop, word, lexicon, ids, n):
    """Append the rows of a token to `ids` at `n`; return the new `n`.

    `word` is its number, or -1. The token </s> has no character n-grams.
    """
    if word >= 0:
        ids[n] = word
        n += 1
    if lexicon.options[MAXN] > 0 and not ends_example(data, start, stop):
        n = add_subwords(data, start, stop, lexicon, ids, n)
    return n


@_leaf_kernel
def list_example(data, i, end, lexicon, ids, hashes, labels):
    """Write the rows and the labels of one example, which begins at data[i].

    Parameters
    ----------
    data : uint8[n_bytes]
    i, end : int
    lexicon : Lexicon
    ids : int32[]
        Rows of words, of their character n-grams and of n-grams of words, repeated as often as
        they occur; see `most_ids` for the room needed.
    hashes : uint64[]
        Scratch for as many tokens as there may be.
    labels : int32[]
        Known labels. All three are written in place.

    Returns
    -------
    n_ids, n_labels, n_tokens : int
    """
    options = lexicon.options
    n_words = options[N_WORDS]
    whole_words, all_rows = options[MAXN] <= 0, options[PRUNED] == NOT_PRUNED
    n_ids = n_labels = n_hashes = n_tokens = 0
    while True:
        start, stop, i = next_token(data, i, end)
        if start < 0:
            break
        n_tokens += 1
        if start == stop:
            hash32 = hash_bytes(EOS, 0, EOS.size)
            word = options[EOS_WORD]
            is_label = options[EOS_IS_LABEL] != 0
        else:
            hash32 = hash_bytes(data, start, stop)
            slot = find_word(
                data, start, stop, hash32, lexicon.table, lexicon.pool, lexicon.offsets
            )
            word = np.int64(lexicon.table[slot])
            is_label = begins_with(data, start, stop, lexicon.prefix)
        if word >= 0:
            is_label = word >= n_words
        if not is_label:
            if not whole_words:
                n_ids = add_word(data, start, stop, word, lexicon, ids, n_ids)
            elif word >= 0:
                ids[n_ids] = word
                n_ids += 1
            hashes[n_hashes] = as_signed(hash32)
            n_hashes += 1
        elif word >= 0:
            labels[n_labels] = word - n_words
            n_labels += 1
        if ends_example(data, start, stop):
            break
    bucket, inverse = options[BUCKET], options[INVERSE]
    for first in range(n_hashes):
        hash64 = hashes[first]
        for j in range(first + 1, min(n_hashes, first + options[WORD_NGRAMS])):
            hash64 = hash64 * NGRAM_FACTOR + hashes[j]
            place = bucket_of(hash64, bucket, inverse)
            if all_rows:
                ids[n_ids] = n_words + place
                n_ids += 1
            else:
                n_ids = add_bucket(place, lexicon, ids, n_ids)
    return n_ids, n_labels, n_tokens


@_leaf_kernel
def most_ids(data, i, end, options):
    """Return the most rows, and the most tokens, that data[i:end] can have."""
    n_chars = n_tokens = 1
    outside = True
    for j in range(i, end):
        n_chars += data[j] & 0xC0 != 0x80
        if data[j] == NEWLINE:
            n_tokens += 1
        space = is_space(data[j])
        n_tokens += outside and not space
        outside = space
    longest = max(options[MAXN], 0)
    n_ngrams = n_tokens * max(options[WORD_NGRAMS] - 1, 0)
    # A token of n characters starts at most n + 2 n-grams of each length.
    return n_tokens + (n_chars + 2 * n_tokens) * longest + n_ngrams, n_tokens


@_kernel
def room_for(data, starts, first, last, options):
    """Return the most rows and the most tokens that one of some examples can have."""
    n_ids = n_tokens = 0
    for doc in range(first, last):
        ids, tokens = most_ids(data, starts[doc], starts[doc + 1], options)
        n_ids, n_tokens = max(n_ids, ids), max(n_tokens, tokens)
    return n_ids, n_tokens


@_kernel
def room_of_all(data, starts, first, last, options):
    """Return the most rows and the most tokens that some examples can have together."""
    n_ids = n_tokens = 0
    for doc in range(first, last):
        ids, tokens = most_ids(data, starts[doc], starts[doc + 1], options)
        n_ids += ids
        n_tokens += tokens
    return n_ids, n_tokens


@_kernel
def list_examples(data, starts, first, last, lexicon, ids, ends, labels, label_ends, n_tokens):
    """Write rows and labels of examples `first` to `last` - 1, one after another.

    Parameters
    ----------
    data : uint8[n_bytes], starts : int64[n_examples + 1]
    lexicon : Lexicon
    ids : int32[]
        With room for what `most_ids` says of all of them together; written in place.
    ends : int64[last - first]
        Where the rows of each end; written in place.
    labels : int32[], label_ends : int64[last - first]
        The same of labels, at most as many as tokens.
    n_tokens : int64[last - first]
        Tokens of each, labels and all; written in place.
    """
    _, most_tokens = room_for(data, starts, first, last, lexicon.options)
    hashes = np.empty(most_tokens, np.uint64)
    n = n_labels = 0
    for doc in range(first, last):
        found, of_labels, tokens = list_example(
            data, starts[doc], starts[doc + 1], lexicon, ids[n:], hashes, labels[n_labels:]
        )
        n += found
        n_labels += of_labels
        ends[doc - first] = n
        label_ends[doc - first] = n_labels
        n_tokens[doc - first] = tokens


# -- hidden vector ---------------------------------------------------------------------------
@_leaf_kernel
def add_row(table, row, hidden):
    """Add a row of the input table to `hidden`, float32[dim]."""
    dim = hidden.size
    if table.codes.shape[0] > 0:
        n_parts, part = table.codes.shape[1], table.part
        norm = np.float32(1)
        if table.norm_codes.size > 0:
            norm = table.norm_centroids[table.norm_codes[row]]
        for p in range(n_parts):
            size = part if p < n_parts - 1 else dim - part * (n_parts - 1)
            begin = p * 256 * part + np.int64(table.codes[row, p]) * size
            for d in range(size):
                hidden[p * part + d] += norm * table.centroids[begin + d]
        return
    place = np.int64(row)
    if table.places.size > 0:
        place = np.int64(table.places[row])
        if place < 0:
            return
    dense = table.dense.view(np.float32)
    for d in range(dim):
        hidden[d] += dense[place * dim + d]


@_leaf_kernel
def mean_of_rows(table, ids, n_ids, hidden):
    """Write the mean of rows to `hidden`, float32[dim]; zero if there are none."""
    hidden[:] = 0
    dim = hidden.size
    if table.codes.shape[0] == 0 and table.places.size == 0:
        dense = table.dense.view(np.float32)
        for j in range(n_ids):
            begin = np.int64(ids[j]) * dim
            row = dense[begin : begin + dim]
            for d in range(dim):
                hidden[d] += row[d]
    else:
        for j in range(n_ids):
            add_row(table, ids[j], hidden)
    if n_ids > 0:
        factor = np.float32(1.0 / n_ids)
        for d in range(hidden.size):
            hidden[d] *= factor


@_kernel
def embed_examples(data, starts, first, last, lexicon, table, hidden, n_found):
    """Write the hidden vectors of examples `first` to `last` - 1.

    Parameters
    ----------
    data : uint8[n_bytes], starts : int64[n_examples + 1]
    lexicon : Lexicon
    table : KernelTable
    hidden : float32[n_examples, dim]
        Written in place: the mean of each example's rows.
    n_found : int64[n_examples]
        Written in place: the number of these rows.
    """
    most, most_tokens = room_for(data, starts, first, last, lexicon.options)
    ids = np.empty(most, np.int32)
    hashes = np.empty(most_tokens, np.uint64)
    labels = np.empty(most_tokens, np.int32)
    for doc in range(first, last):
        n_ids, _, _ = list_example(data, starts[doc], starts[doc + 1], lexicon, ids, hashes, labels)
        mean_of_rows(table, ids, n_ids, hidden[doc])
        n_found[doc] = n_ids


@_kernel
def embed_words(pool, offsets, first, last, lexicon, table, vectors):
    """Write the vector of each word: the mean of its row and of its character n-grams'.

    Parameters
    ----------
    pool : uint8[n_bytes], offsets : int64[n, 2]
        The words `first` to `last` - 1, whether in the vocabulary or not.
    vectors : float32[n, dim]
        Written in place; zero for a word of no known part.
    """
    most = 1
    for word in range(first, last):
        most = max(most, (offsets[word, 1] - offsets[word, 0] + 3))
    ids = np.empty(most * (max(lexicon.options[MAXN], 0) + 1) + 1, np.int32)
    for word in range(first, last):
        n = list_word(pool, offsets[word, 0], offsets[word, 1], lexicon, ids)
        mean_of_rows(table, ids, n, vectors[word])


@_leaf_kernel
def list_word(data, start, stop, lexicon, ids):
    """Write the rows of data[start:stop] as one word to `ids`; return their number."""
    hash32 = hash_bytes(data, start, stop)
    slot = find_word(data, start, stop, hash32, lexicon.table, lexicon.pool, lexicon.offsets)
    word = np.int64(lexicon.table[slot])
    if word >= lexicon.options[N_WORDS]:  # a label: fastText reads a row that is not there
        word = np.int64(-1)
    if start == stop:  # no token </s> here, but the empty word
        return add_subwords(data, start, stop, lexicon, ids, 0)
    return add_word(data, start, stop, word, lexicon, ids, 0)


@_kernel
def embed_word(
    data, table, pool, offsets, kept, is_kept, options, prefix, dense, places, codes, centroids,
    norm_codes, norm_centroids, part, vector
):  # fmt: skip
    """Write the vector of one word, uint8[n_bytes]; see `embed_words` and `predict_line`.

    Returns
    -------
    is_finite : bool
    """
    lexicon = Lexicon(table, pool, offsets, kept, is_kept, options, prefix)
    rows = KernelTable(dense, places, codes, centroids, norm_codes, norm_centroids, part)
    ids = np.empty((data.size + 3) * (max(options[MAXN], 0) + 1) + 1, np.int32)
    n_ids = list_word(data, 0, data.size, lexicon, ids)
    mean_of_rows(rows, ids, n_ids, vector)
    is_finite = True
    for d in range(vector.size):
        is_finite &= np.isfinite(vector[d])
    return is_finite


# -- the dictionary of a file ----------------------------------------------------------------
@_kernel
def parse_entries(data, i, offsets, counts, kinds):
    """Read the entries of a dictionary: bytes, NUL, count (int64), kind (int8).

    Parameters
    ----------
    data : uint8[n_bytes]
    i : int
        Where they begin.
    offsets : int64[size, 2], counts : int64[size], kinds : int8[size]
        Written in place; offsets in `data`.

    Returns
    -------
    i : int
        Where they end; -1 if the data end before.
    """
    for entry in range(counts.size):
        offsets[entry, 0] = i
        while i < data.size and data[i] != 0:
            i += 1
        if i + 10 > data.size:
            return -1
        offsets[entry, 1] = i
        value = np.uint64(0)
        for j in range(8, 0, -1):
            value = value << np.uint64(8) | np.uint64(data[i + j])
        counts[entry] = np.int64(value)
        kinds[entry] = np.int8(data[i + 9])
        i += 10
    return i


@_kernel
def find_entry(word, table, pool, offsets):
    """Return the number of a word, uint8[n_bytes], in a vocabulary; -1 if it is not there."""
    hash32 = hash_bytes(word, 0, word.size)
    return np.int64(table[find_word(word, 0, word.size, hash32, table, pool, offsets)])


@_kernel
def mark_prefix(pool, offsets, prefix):
    """Return whether each word begins with a prefix, bool[n_words]."""
    found = np.empty(offsets.shape[0], np.bool_)
    for word in range(offsets.shape[0]):
        found[word] = begins_with(pool, offsets[word, 0], offsets[word, 1], prefix)
    return found


@_kernel
def count_tokens(data, i, table, pool, offsets, counts, n_words):
    """Count the tokens of a text, </s> of newlines included, entering new ones.

    Parameters
    ----------
    data : uint8[n_bytes]
        Ends between two tokens.
    i : int
        Where to begin.
    table : int32[capacity], pool : uint8[], offsets : int64[, 2], counts : int64[]
        The vocabulary, see `text.kernels.words.find_word`; written in place.
    n_words : int

    Returns
    -------
    i : int
        Where to go on: the end, or the first token that found no room.
    n_words, n_tokens : int
    """
    n_tokens = 0
    n_pool = offsets[n_words - 1, 1] if n_words > 0 else 0
    while True:
        start, stop, after = next_token(data, i, data.size)
        if start < 0:
            return data.size, n_words, n_tokens
        text, a, b = data, start, stop
        if start == stop:
            text, a, b = EOS, 0, EOS.size
        if n_words >= counts.size or 2 * n_words >= table.size or n_pool + b - a > pool.size:
            return i, n_words, n_tokens
        hash32 = hash_bytes(text, a, b)
        slot = find_word(text, a, b, hash32, table, pool, offsets)
        if table[slot] < 0:
            offsets[n_words, 0] = n_pool
            for j in range(a, b):
                pool[n_pool] = text[j]
                n_pool += 1
            offsets[n_words, 1] = n_pool
            counts[n_words] = 0
            table[slot] = n_words
            n_words += 1
        counts[table[slot]] += 1
        n_tokens += 1
        i = after
