"""Turn marked tokens into feature codes.

A code names a feature before any row exists: word w of the vocabulary is code w, hash slot s
is code n_words + s, and the bias comes last.  Hashes are fastText's (dictionary.cc: `hash`,
`computeSubwords`, `addWordNgrams`), including its sign-extended bytes: they are part of the file
format.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.addresses import high_product
from fasttext_lite.compiled.compiling import FAST, LEAF, compiler
from fasttext_lite.compiled.utf8 import END, OUTSIDE
from fasttext_lite.text.kernels.words import FNV_OFFSET, find_word, fnv_step

NGRAM_FACTOR = np.uint64(116049371)
LESS, GREATER, SLASH, LOWER_S = np.int64(60), np.int64(62), np.int64(47), np.int64(115)

# Places in `options`, int64[N_OPTIONS]: the lengths of n-grams of words and of characters, the hash
# slots of each kind; whether texts end with </s>, whether n-grams of words see the ends of a text,
# the least characters of a word with character n-grams; the first slot of bigrams, longer n-grams
# of words and n-grams of characters (all 0: they share all slots), and that behind the last for
# the bias, or -1; the number of the word </s>, or -1, and the row of the bias, or -1; the energy of
# n-grams of characters in hundredths.
WORD_NGRAMS, MINN, MAXN, BUCKET, WITH_EOS, LEAST_CHARS, WITH_ENDS = range(7)
BIGRAMS, LONGER, CHARS, BIAS, EOS_WORD, BIAS_ROW, CHAR_ENERGY = range(7, 14)
N_OPTIONS = 14

# What stands for the ends of a text in n-grams of words, in place of a token's hash.
START_TOKEN, END_TOKEN = np.int64(0x2B5A1E97), np.int64(0x6C8F03D1)
LEAST_SEEN = 16  # size of the smallest table of a document's codes
_kernel = compiler(FAST)
_inline = compiler(LEAF, forceinline=True)  # a call costs as much as what these do


@_inline
def as_signed(hash32):
    """Return the uint64 that fastText's `int32_t` token hash becomes in word n-grams."""
    value = np.int64(hash32)
    if value >= 0x80000000:
        value -= 0x100000000
    return np.uint64(value)


@_kernel
def count_codes(text, marks, offsets, first, last, options, n_codes):
    """Write an upper bound of each document's number of codes.

    Parameters
    ----------
    options : int64[N_OPTIONS]
    n_codes : int64[n_docs]
        Written in place for documents `first` to `last` - 1.
    """
    minn, maxn, least = options[MINN], options[MAXN], options[LEAST_CHARS]
    for doc in range(first, last):
        n_tokens = options[WITH_EOS] + 2 * options[WITH_ENDS]
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
        for n in range(1, options[WORD_NGRAMS] + 1):
            total += max(n_tokens - n + 1, 0)
        n_codes[doc] = total


@_inline
def inverse_of(bucket):
    """Return what `remainder` takes beside a number of slots: 2 ** 64 / bucket, rounded down."""
    return np.uint64(0xFFFFFFFFFFFFFFFF) // np.uint64(bucket)


@_inline
def remainder(hash64, bucket, inverse):
    """Return hash64 % bucket, by a product in place of a division.

    The quotient is at most one too small (Granlund and Montgomery 1994, Division by invariant
    integers using multiplication).
    """
    rest = hash64 - high_product(hash64, inverse) * np.uint64(bucket)
    while rest >= np.uint64(bucket):
        rest -= np.uint64(bucket)
    return np.int64(rest)


@_kernel
def add_subwords(text, start, end, minn, maxn, bucket, base, codes, n):
    """Append base + hash of the character n-grams of <word> to `codes` at `n`; return the new `n`.

    fastText dictionary.cc, computeSubwords: lengths count characters, a lone < or > is none.
    """
    inverse = inverse_of(bucket)
    for first in range(start - 1, end + 1):
        # The byte before the word stands for <, the one behind it for >.
        if first >= start and first < end and text[first] & 0xC0 == 0x80:
            continue
        hash32 = FNV_OFFSET
        i = first
        for length in range(1, maxn + 1):
            if i > end:
                break
            if i < start:
                hash32 = fnv_step(hash32, LESS)
            elif i == end:
                hash32 = fnv_step(hash32, GREATER)
            else:
                hash32 = fnv_step(hash32, text[i])
            i += 1
            while i < end and i > start and text[i] & 0xC0 == 0x80:
                hash32 = fnv_step(hash32, text[i])
                i += 1
            if length >= minn and not (length == 1 and (first < start or first == end)):
                codes[n] = base + remainder(np.uint64(hash32), bucket, inverse)
                n += 1
    return n


@_inline
def add_token(hash32, word_ngrams, bucket, inverse, bigrams, longer, running, codes, n):
    """Append the word n-grams that end with a token to `codes` at `n`; return the new `n`.

    `running`, uint64[word_ngrams + 1]: at 1 .. word_ngrams - 1 the hash of the n-gram of that
    length that ended with the token before, and in `running[0]` the number of tokens so far.
    `inverse` is that of `bucket`. Codes of bigrams begin at `bigrams`, those of longer n-grams at
    `longer`.
    fastText dictionary.cc, addWordNgrams.
    """
    signed = as_signed(hash32)
    longest = min(np.int64(running[0]) + 1, word_ngrams)
    for length in range(longest, 1, -1):
        running[length] = running[length - 1] * NGRAM_FACTOR + signed
        base = bigrams if length == 2 else longer
        codes[n] = base + remainder(running[length], bucket, inverse)
        n += 1
    running[1] = signed
    running[0] += np.uint64(1)
    return n


@_kernel
def begin_tokens(options, running):
    """Let `running`, see `add_token`, be as before the first token of a text."""
    running[0] = 0
    if options[WITH_ENDS] and options[WORD_NGRAMS] > 1:
        running[0] = 1
        running[1] = np.uint64(START_TOKEN)


@_kernel
def add_ends(n_tokens, options, eos_word, inverse, bigrams, longer, running, codes, n):
    """Append the codes that the end of a text of some tokens has; return the new `n`.

    Parameters
    ----------
    n_tokens : int
    options : int64[N_OPTIONS]
    eos_word : int
        Word id of </s>, or -1.
    inverse, bigrams, longer, running, codes, n
        As in `add_token`.
    """
    word_ngrams, bucket = options[WORD_NGRAMS], options[BUCKET]
    eos = options[WITH_EOS]
    if eos:
        if eos_word >= 0:
            codes[n] = eos_word
            n += 1
        if word_ngrams > 1:
            hash32 = FNV_OFFSET
            for byte in (LESS, SLASH, LOWER_S, GREATER):
                hash32 = fnv_step(hash32, byte)
            n = add_token(hash32, word_ngrams, bucket, inverse, bigrams, longer, running, codes, n)
    if options[WITH_ENDS] and word_ngrams > 1 and n_tokens + eos > 0:
        n = add_token(END_TOKEN, word_ngrams, bucket, inverse, bigrams, longer, running, codes, n)
    return n


@_inline
def add_code(code, times, begin, n, shift, seen, codes, counts):
    """Count a code `times` more times, and append it to codes[begin:n] if it is not there.

    Whether it is there cannot be foretold: no branch but that of a place that another code has.

    Parameters
    ----------
    code, times : int32, float32
    begin, n : int
    shift : int
        `seen` is used up to 2 ** (32 - shift).
    seen : int32[]
        Open addressing, linear probing: position of each code of codes[begin:n] plus 1, or 0.
        Written in place, as `codes` and `counts`.

    Returns
    -------
    n : int
    """
    mask = (1 << (32 - shift)) - 1
    slot = ((np.int64(code) * 0x9E3779B1) & 0xFFFFFFFF) >> shift
    at = np.int64(seen[slot])
    while (at != 0) & (codes[begin + max(at - 1, 0)] != code):
        slot = (slot + 1) & mask
        at = np.int64(seen[slot])
    is_new = np.int64(at == 0)
    at += is_new * (n + 1 - begin)
    place = begin + at - 1
    before = counts[place]
    codes[place] = code
    counts[place] = times + (np.float32(0) if is_new else before)
    seen[slot] = at
    return n + is_new


@_kernel
def add_distinct(found, n_found, begin, n, shift, seen, codes, counts):
    """Append the codes found[:n_found] to codes[begin:n], or count them if they are there.

    Parameters
    ----------
    found : int32[]
    n_found : int
    begin, n, shift, seen, codes, counts
        As in `add_code`.

    Returns
    -------
    n : int
    """
    for i in range(n_found):
        n = add_code(found[i], np.float32(1), begin, n, shift, seen, codes, counts)
    return n


@_kernel
def list_codes(
    text, marks, start, end, table, pool, word_offsets, options, eos_word,
    running, of_words, of_chars,
):  # fmt: skip
    """Write the codes of one document, text[start:end], as they come.

    Parameters
    ----------
    text, marks, table, pool, word_offsets, options, eos_word
        As in `extract_codes`.
    running : uint64[word_ngrams + 1]
        See `add_token`; what it holds before does not matter.
    of_words, of_chars : int32[]
        Written in place: the codes of words and n-grams of words, and those of n-grams of
        characters.

    Returns
    -------
    n_words, n_chars : int
        Number of codes of each kind.
    share : float
        Share of the document's tokens that have character n-grams, times their energy.
    """
    word_ngrams, minn, maxn = options[WORD_NGRAMS], options[MINN], options[MAXN]
    bucket, least = options[BUCKET], options[LEAST_CHARS]
    inverse = inverse_of(bucket)
    n_known = word_offsets.shape[0]
    bigrams, longer = n_known + options[BIGRAMS], n_known + options[LONGER]
    chars = n_known + options[CHARS]
    begin_tokens(options, running)
    n_tokens = n_long = n_words = n_chars = 0
    hash32 = FNV_OFFSET
    length = 0
    for i in range(start, end):
        mark = marks[i]
        if mark == OUTSIDE:
            start = i + 1
            continue
        hash32 = fnv_step(hash32, text[i])
        length += text[i] & 0xC0 != 0x80
        if mark == END:
            word = table[find_word(text, start, i + 1, hash32, table, pool, word_offsets)]
            if word >= 0:
                of_words[n_words] = word
                n_words += 1
            n_tokens += 1
            if length >= least and maxn > 0:
                n_long += 1
                n_chars = add_subwords(
                    text, start, i + 1, minn, maxn, bucket, chars, of_chars, n_chars
                )
            if word_ngrams > 1:
                n_words = add_token(
                    hash32,
                    word_ngrams,
                    bucket,
                    inverse,
                    bigrams,
                    longer,
                    running,
                    of_words,
                    n_words,
                )
            start = i + 1
            hash32 = FNV_OFFSET
            length = 0
    n_words = add_ends(
        n_tokens, options, eos_word, inverse, bigrams, longer, running, of_words, n_words
    )
    return n_words, n_chars, n_long / max(n_tokens, 1) * (options[CHAR_ENERGY] / 100)


@_kernel
def extract_codes(
    text, marks, offsets, first, last, table, pool, word_offsets, options, eos_word,
    starts, codes, counts, lengths, shares,
):  # fmt: skip
    """Write the distinct codes of each document, with their number of occurrences.

    Those of words and n-grams of words come first, in the order of their first occurrence, then
    those of n-grams of characters, then the bias.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    table, pool, word_offsets
        The vocabulary, as in `find_word`; word_offsets has exactly n_words rows.
    options : int64[N_OPTIONS]
    eos_word : int
        Word id of </s>, or -1.
    starts : int64[n_docs + 1]
        Where each document's codes begin in `codes`, with room for all of them.
    codes : int32[n_codes]
    counts : float32[n_codes]
    lengths : int64[n_docs]
        Written in place: distinct codes of each document.
    shares : float32[n_docs]
        Written in place: as `list_codes` returns it.
    """
    running = np.zeros(options[WORD_NGRAMS] + 1, np.uint64)
    most = 0
    for doc in range(first, last):
        most = max(most, starts[doc + 1] - starts[doc])
    of_words = np.empty(most, np.int32)
    of_chars = np.empty(most, np.int32)
    size = LEAST_SEEN
    while size < 2 * most:
        size *= 2
    seen = np.empty(size, np.int32)
    for doc in range(first, last):
        n_words, n_chars, shares[doc] = list_codes(
            text, marks, offsets[doc], offsets[doc + 1], table, pool, word_offsets, options,
            eos_word, running, of_words, of_chars,
        )  # fmt: skip
        size, shift = LEAST_SEEN, 28
        while size < 2 * (n_words + n_chars):
            size *= 2
            shift -= 1
        seen[:size] = 0
        begin = starts[doc]
        at = add_distinct(of_words, n_words, begin, begin, shift, seen, codes, counts)
        at = add_distinct(of_chars, n_chars, begin, at, shift, seen, codes, counts)
        if options[BIAS] >= 0 and at > begin:
            codes[at] = word_offsets.shape[0] + options[BIAS]
            counts[at] = 1
            at += 1
        lengths[doc] = at - begin
