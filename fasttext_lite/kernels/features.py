"""Turn marked tokens into feature codes and weighted rows.

A code names a feature before any row exists: word w of the vocabulary is code w, hash slot s
is code n_words + s.  Hashes are fastText's (dictionary.cc: `hash`, `computeSubwords`,
`addWordNgrams`), including its sign-extended bytes: they are part of the file format.
"""

import math
from typing import Any

import numpy as np
from numba import njit

INSIDE, END, OUTSIDE = 0, 1, 2
FNV_OFFSET = 2166136261
FNV_PRIME = 16777619
NGRAM_FACTOR = np.uint64(116049371)
LESS, GREATER, SLASH, LOWER_S = 60, 62, 47, 115
# What stands for the ends of a text in n-grams of words, in place of a token's hash.
START_TOKEN, END_TOKEN = 0x2B5A1E97, 0x6C8F03D1

_OPTIONS: Any = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz"},
}


def _kernel(function):
    """Compile on first call, cached on disk; in memory only where no folder is writable."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        return njit(**_OPTIONS)(function)


@_kernel
def fnv_step(hash32, byte):
    """Return the 32-bit FNV-1a hash after one more byte, sign-extended as fastText does."""
    value = int(byte)
    if value >= 128:
        value |= 0xFFFFFF00
    return ((hash32 ^ value) * FNV_PRIME) & 0xFFFFFFFF


@_kernel
def as_signed(hash32):
    """Return the uint64 that fastText's `int32_t` token hash becomes in word n-grams."""
    value = np.int64(hash32)
    if value >= 0x80000000:
        value -= 0x100000000
    return np.uint64(value)


@_kernel
def find_word(text, start, end, hash32, table, pool, word_offsets):
    """Return the slot of a word in the hash table: its own, or the free one where it belongs.

    Parameters
    ----------
    text : uint8[n_bytes]
    start, end : int
        The word is text[start:end].
    hash32 : int
        FNV-1a hash of the word.
    table : int32[capacity]
        Open addressing, linear probing; capacity a power of two; word id or -1.
    pool : uint8[n_pool_bytes]
        The bytes of the words.
    word_offsets : int64[>= n_words, 2]
        Where each word starts and ends in the pool.
    """
    mask = table.size - 1
    # FNV's low bits are good; the factor only spreads neighbouring hashes apart.
    slot = (hash32 * 0x9E3779B1 >> 12) & mask
    while True:
        word = table[slot]
        if word < 0:
            return slot
        a = word_offsets[word, 0]
        if word_offsets[word, 1] - a == end - start:
            same = True
            for i in range(end - start):
                if pool[a + i] != text[start + i]:
                    same = False
                    break
            if same:
                return slot
        slot = (slot + 1) & mask


@_kernel
def insert_words(pool, word_offsets, n_words, table):
    """Enter the first `n_words` words of a vocabulary into an empty table (all -1)."""
    for word in range(n_words):
        start, end = word_offsets[word, 0], word_offsets[word, 1]
        hash32 = FNV_OFFSET
        for i in range(start, end):
            hash32 = fnv_step(hash32, pool[i])
        table[find_word(pool, start, end, hash32, table, pool, word_offsets)] = word


@_kernel
def count_words(text, marks, offsets, first, table, word_offsets, counts, n_words):
    """Count tokens of documents from `first` on, entering new words; stop when space is short.

    Returns
    -------
    next_doc : int
        The first document not counted; the caller enlarges the arrays and goes on there.
    n_words : int
        Words known now.

    Notes
    -----
    Words are kept as positions in `text` itself (`word_offsets`, written in place, as `counts`
    and `table`). Before each document there must be room for as many words as it has tokens.
    """
    for doc in range(first, offsets.size - 1):
        n_tokens = 0
        for i in range(offsets[doc], offsets[doc + 1]):
            n_tokens += marks[i] == END
        if 2 * (n_words + n_tokens) > table.size or n_words + n_tokens > counts.size:
            return doc, n_words
        start = offsets[doc]
        hash32 = FNV_OFFSET
        for i in range(offsets[doc], offsets[doc + 1]):
            if marks[i] == OUTSIDE:
                start = i + 1
                continue
            hash32 = fnv_step(hash32, text[i])
            if marks[i] == END:
                slot = find_word(text, start, i + 1, hash32, table, text, word_offsets)
                if table[slot] < 0:
                    word_offsets[n_words, 0] = start
                    word_offsets[n_words, 1] = i + 1
                    counts[n_words] = 0
                    table[slot] = n_words
                    n_words += 1
                counts[table[slot]] += 1
                start = i + 1
                hash32 = FNV_OFFSET
    return offsets.size - 1, n_words


@_kernel
def count_codes(text, marks, offsets, first, last, options, n_codes):
    """Write an upper bound of each document's number of codes.

    Parameters
    ----------
    options : int64[10]
        word_ngrams, minn, maxn, bucket, eos, least characters of a word with character
        n-grams, whether n-grams of words see the ends of the text, and the first slot of the
        regions of bigrams, longer n-grams of words, and n-grams of characters (all 0: one region
        shared by all).
    n_codes : int64[n_docs]
        Written in place for documents `first` to `last` - 1.
    """
    word_ngrams, minn, maxn, eos, least = (
        options[0],
        options[1],
        options[2],
        options[4],
        options[5],
    )
    for doc in range(first, last):
        n_tokens = eos + 2 * options[6]
        n_chars = 0
        total = 1  # for the bias
        for i in range(offsets[doc], offsets[doc + 1]):
            if marks[i] == OUTSIDE:
                continue
            n_chars += text[i] & 0xC0 != 0x80
            if marks[i] == END:
                n_tokens += 1
                if n_chars >= least:
                    for n in range(minn, maxn + 1):
                        total += max(n_chars + 2 - n + 1, 0)
                n_chars = 0
        for n in range(1, word_ngrams + 1):
            total += max(n_tokens - n + 1, 0)
        n_codes[doc] = total


@_kernel
def _boundary_byte(text, start, end, i):
    """Return byte `i` of the word text[start:end] written between < and >."""
    if i == 0:
        return LESS
    if i == end - start + 1:
        return GREATER
    return int(text[start + i - 1])


@_kernel
def add_subwords(text, start, end, minn, maxn, bucket, base, codes, n):
    """Append base + hash of the character n-grams of <word> to `codes` at `n`; return the new `n`.

    fastText dictionary.cc, computeSubwords: lengths count characters, a lone < or > is none.
    """
    size = end - start + 2
    for i in range(size):
        if _boundary_byte(text, start, end, i) & 0xC0 == 0x80:
            continue
        hash32 = FNV_OFFSET
        j = i
        for length in range(1, maxn + 1):
            if j >= size:
                break
            hash32 = fnv_step(hash32, _boundary_byte(text, start, end, j))
            j += 1
            while j < size and _boundary_byte(text, start, end, j) & 0xC0 == 0x80:
                hash32 = fnv_step(hash32, _boundary_byte(text, start, end, j))
                j += 1
            if length >= minn and not (length == 1 and (i == 0 or j == size)):
                codes[n] = base + hash32 % bucket
                n += 1
    return n


@_kernel
def add_token(hash32, word_ngrams, bucket, bigrams, longer, running, codes, n):
    """Append the word n-grams that end with a token to `codes` at `n`; return the new `n`.

    `running`, uint64[word_ngrams + 1]: at 1 .. word_ngrams - 1 the hash of the n-gram of that
    length that ended with the token before, and in `running[0]` the number of tokens so far.
    Codes of bigrams begin at `bigrams`, those of longer n-grams at `longer`.
    fastText dictionary.cc, addWordNgrams.
    """
    signed = as_signed(hash32)
    longest = min(int(running[0]) + 1, word_ngrams)
    for length in range(longest, 1, -1):
        running[length] = running[length - 1] * NGRAM_FACTOR + signed
        base = bigrams if length == 2 else longer
        codes[n] = base + np.int64(running[length] % np.uint64(bucket))
        n += 1
    running[1] = signed
    running[0] += np.uint64(1)
    return n


@_kernel
def sort_codes(codes, first, last):
    """Sort codes[first:last] in place (Shell's sort with Ciura's gaps; documents are short)."""
    n = last - first
    gap = 1
    while gap < n:
        gap = gap * 9 // 4 + 1
    while gap > 1:
        gap = max(gap * 4 // 9, 1)
        for i in range(first + gap, last):
            code = codes[i]
            j = i
            while j >= first + gap and codes[j - gap] > code:
                codes[j] = codes[j - gap]
                j -= gap
            codes[j] = code


@_kernel
def extract_codes(  # noqa: C901
    text, marks, offsets, first, last, table, pool, word_offsets, options, eos_word,
    starts, codes, counts, lengths, shares,
):  # fmt: skip
    """Write the distinct codes of each document, ascending, with their number of occurrences.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    table, pool, word_offsets
        The vocabulary, as in `find_word`; word_offsets has exactly n_words rows.
    options : int64[10]
        As in `count_codes`.
    eos_word : int
        Word id of </s>, or -1.
    starts : int64[n_docs]
        Where each document's codes begin in `codes`.
    codes : int32[n_codes]
    counts : float32[n_codes]
    lengths : int64[n_docs]
        Written in place: distinct codes of each document.
    shares : float32[n_docs]
        Written in place: share of each document's tokens that have character n-grams.
    """
    word_ngrams, minn, maxn, bucket, eos, least = (
        options[0], options[1], options[2], options[3], options[4], options[5],
    )  # fmt: skip
    n_words = word_offsets.shape[0]
    ends = options[6] and word_ngrams > 1
    bigrams, longer, chars = n_words + options[7], n_words + options[8], n_words + options[9]
    running = np.zeros(word_ngrams + 1, np.uint64)
    for doc in range(first, last):
        running[0] = 0
        if ends:
            running[0] = 1
            running[1] = START_TOKEN
        n_tokens = n_long = 0
        begin = starts[doc]
        n = begin
        start = offsets[doc]
        hash32 = FNV_OFFSET
        n_chars = 0
        for i in range(offsets[doc], offsets[doc + 1]):
            if marks[i] == OUTSIDE:
                start = i + 1
                continue
            hash32 = fnv_step(hash32, text[i])
            n_chars += text[i] & 0xC0 != 0x80
            if marks[i] == END:
                word = table[find_word(text, start, i + 1, hash32, table, pool, word_offsets)]
                if word >= 0:
                    codes[n] = word
                    n += 1
                n_tokens += 1
                if n_chars >= least and maxn > 0:
                    n_long += 1
                    n = add_subwords(text, start, i + 1, minn, maxn, bucket, chars, codes, n)
                if word_ngrams > 1:
                    n = add_token(hash32, word_ngrams, bucket, bigrams, longer, running, codes, n)
                start = i + 1
                hash32 = FNV_OFFSET
                n_chars = 0
        if eos:
            if eos_word >= 0:
                codes[n] = eos_word
                n += 1
            if word_ngrams > 1:
                hash32 = FNV_OFFSET
                for byte in (LESS, SLASH, LOWER_S, GREATER):
                    hash32 = fnv_step(hash32, byte)
                n = add_token(hash32, word_ngrams, bucket, bigrams, longer, running, codes, n)
        if ends and n_tokens + eos > 0:
            n = add_token(END_TOKEN, word_ngrams, bucket, bigrams, longer, running, codes, n)
        shares[doc] = n_long / max(n_tokens, 1)
        sort_codes(codes, begin, n)
        distinct = begin
        for i in range(begin, n):
            if i > begin and codes[i] == codes[distinct - 1]:
                counts[distinct - 1] += 1
            else:
                codes[distinct] = codes[i]
                counts[distinct] = 1
                distinct += 1
        lengths[doc] = distinct - begin


@_kernel
def count_documents(starts, lengths, codes, frequency):
    """Add 1 to frequency[code] (int32[n_words + bucket]) for each document that has the code."""
    for doc in range(starts.size):
        for i in range(starts[doc], starts[doc] + lengths[doc]):
            frequency[codes[i]] += 1


@_kernel
def list_documents(starts, lengths, codes, ends, docs):
    """Write the documents that have each code, one code after another.

    Parameters
    ----------
    starts, lengths, codes
        Of the documents, as in `weigh_rows`.
    ends : int64[n_codes]
        On entry where the list of each code begins, on return where it ends.
    docs : int32[n_entries]
        Written in place.
    """
    for doc in range(starts.size):
        for i in range(starts[doc], starts[doc] + lengths[doc]):
            docs[ends[codes[i]]] = doc
            ends[codes[i]] += 1


@_kernel
def measure_gains(begins, ends, first, last, docs, label_ids, label_indptr, prior, gains):
    """Write how much each feature tells about the labels, for features `first` to `last` - 1.

    The Kullback-Leibler divergence, in nats, of the labels of the texts that have the feature
    from all labels: sum p ln(p / prior), where p = (count + prior) / (sum of counts + 1).

    Parameters
    ----------
    begins, ends : int64[n_features]
        The documents of a feature are docs[begin:end].
    docs : int32[]
    label_ids : int32[], label_indptr : int64[n_docs + 1]
    prior : float64[n_labels]
        Share of each label among all; sums to 1.
    gains : float32[n_features]
        Written in place.
    """
    counts = np.zeros(prior.size)
    seen = np.empty(prior.size, np.int32)
    for feature in range(first, last):
        n_seen = 0
        total = 1.0
        for i in range(begins[feature], ends[feature]):
            for j in range(label_indptr[docs[i]], label_indptr[docs[i] + 1]):
                label = label_ids[j]
                if counts[label] == 0:
                    seen[n_seen] = label
                    n_seen += 1
                counts[label] += 1
                total += 1
        gain = 0.0
        rest = 1.0
        for i in range(n_seen):
            label = seen[i]
            p = (counts[label] + prior[label]) / total
            gain += p * math.log(p / prior[label])
            rest -= prior[label]
            counts[label] = 0
        # All labels not seen have p = prior / total.
        gains[feature] = gain - max(rest, 0.0) * math.log(total) / total


@_kernel
def weigh_rows(
    starts, lengths, first, last, codes, counts, word_rows, slot_rows, factors, chars, shares,
    bias_row,
):  # fmt: skip
    """Replace codes by rows and counts by weights, in place; drop codes without a row.

    Parameters
    ----------
    starts, lengths : int64[n_docs]
        `lengths` is written in place.
    codes : int32[n_codes]
        Ascending in each document, with room for one more.
    counts : float32[n_codes]
    word_rows : int32[n_words]
    slot_rows : int32[bucket]
        Row of each hash slot, or -1.
    factors : float32[n_rows] or float32[0]
        With factors: weight (1 + ln count) * factor, the document scaled to unit Euclidean length.
        Without: count / total count of the codes that have a row, fastText's mean.
    chars : int
        Codes from this one on are scaled by themselves, to the root of `shares` in place of 1,
        before the whole document is.
    shares : float32[n_docs]
        As in `extract_codes`.
    bias_row : int
        Row of the bias, which gets weight 1 wherever there is any other feature; -1 = none.
    """
    n_words = word_rows.size
    for doc in range(first, last):
        begin = starts[doc]
        kept = begin
        middle = begin
        of_words = of_chars = 0.0  # apart: one may be tiny beside the other
        for i in range(begin, begin + lengths[doc]):
            code = codes[i]
            row = word_rows[code] if code < n_words else slot_rows[code - n_words]
            if row < 0:
                continue
            if factors.size > 0:
                weight = (1.0 + math.log(counts[i])) * factors[row]
                share = weight * weight
            else:
                share = weight = float(counts[i])
            codes[kept] = row
            counts[kept] = weight
            kept += 1
            if code < chars:
                middle = kept
                of_words += share
            else:
                of_chars += share
        total = of_words + of_chars
        if factors.size > 0:
            if of_chars > 0 and of_words > 0 and middle < kept and shares[doc] > 0:
                # Both blocks to length 1 and root(share), then all to length 1.
                scale = math.sqrt(shares[doc] * of_words / of_chars)
                for i in range(middle, kept):
                    counts[i] *= scale
                total = of_words * (1.0 + shares[doc])
            total = math.sqrt(total)
        for i in range(begin, kept):
            counts[i] = np.float32(counts[i] / total)
        if bias_row >= 0 and kept > begin:
            codes[kept] = bias_row
            counts[kept] = 1
            kept += 1
        lengths[doc] = kept - begin


@_kernel
def compact(starts, lengths, codes, counts):
    """Close the gaps between documents in place; return the number of entries left.

    `starts` is written in place with the new positions.
    """
    n = 0
    for doc in range(starts.size):
        begin = starts[doc]
        starts[doc] = n
        for i in range(begin, begin + lengths[doc]):
            codes[n] = codes[i]
            counts[n] = counts[i]
            n += 1
    return n
