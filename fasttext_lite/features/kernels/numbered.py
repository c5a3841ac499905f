"""Codes of texts whose tokens are numbers of words: what `codes` does, without the text.

What is known of a word is looked up: its hash, its code, the codes of its n-grams of characters.
A document's words come again and again, and so do those of all documents.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import FAST, LEAF, compiler
from fasttext_lite.features.kernels.codes import (
    BIAS,
    BIGRAMS,
    BUCKET,
    CHAR_ENERGY,
    CHARS,
    LEAST_CHARS,
    LEAST_SEEN,
    LONGER,
    MAXN,
    MINN,
    WITH_ENDS,
    WITH_EOS,
    WORD_NGRAMS,
    add_code,
    add_ends,
    add_subwords,
    add_token,
    begin_tokens,
    inverse_of,
)
from fasttext_lite.text.kernels.words import FNV_OFFSET, find_word, fnv_step

_kernel = compiler(FAST)
_inline = compiler(LEAF, forceinline=True)  # a call costs as much as what it does


@_kernel
def look_up_words(
    pool, bounds, counts, table, known_pool, known_bounds, options, hashes, codes, begins, sizes,
    ngrams, places, slots,
):  # fmt: skip
    """Write what is known of the words of some texts.

    Parameters
    ----------
    pool : uint8[n_bytes], bounds : int64[n_words, 2]
        The words.
    counts : int64[n_words]
        How often each occurs.
    table, known_pool, known_bounds
        The words that have codes, as in `find_word`; known_bounds has exactly n_known rows.
    options : int64[N_OPTIONS]
    hashes : uint32[n_words]
        Written in place, as all that follow: FNV-1a hash.
    codes : int32[n_words]
        Code of the word; -1 = none.
    begins : int32[n_words]
        Where the places of its n-grams of characters begin in `ngrams`; -1 = they are not there:
        those of words that occur once, and what there is no room for.
    sizes : int32[n_words]
        How many of these there are, at most where they are not in `ngrams`; -1 = the word is
        too short to have any.
    ngrams : int32[]
    places : int32[bucket]
        Place of each hash slot among those that these words have, in the order of their first
        occurrence; -1 before.
    slots : int32[bucket]
        The slot at each place.

    Returns
    -------
    n_places : int
    """
    minn, maxn, bucket = options[MINN], options[MAXN], options[BUCKET]
    longest = np.int64(0)
    for word in range(codes.size):
        longest = max(longest, bounds[word, 1] - bounds[word, 0])
    room = np.empty((longest + 3) * (maxn - minn + 1) if maxn > 0 else 0, np.int32)
    n = n_places = np.int64(0)
    for word in range(codes.size):
        start, end = bounds[word, 0], bounds[word, 1]
        hash32 = FNV_OFFSET
        n_chars = 0
        for i in range(start, end):
            hash32 = fnv_step(hash32, pool[i])
            n_chars += pool[i] & 0xC0 != 0x80
        hashes[word] = hash32
        codes[word] = table[find_word(pool, start, end, hash32, table, known_pool, known_bounds)]
        begins[word] = -1
        sizes[word] = -1
        if maxn == 0 or n_chars < options[LEAST_CHARS]:
            continue
        m = add_subwords(pool, start, end, minn, maxn, bucket, np.int64(0), room, np.int64(0))
        sizes[word] = m
        if counts[word] > 1 and n + m <= ngrams.size:
            begins[word] = n
        for i in range(m):
            slot = room[i]
            if places[slot] < 0:
                places[slot] = n_places
                slots[n_places] = slot
                n_places += 1
            if begins[word] >= 0:
                ngrams[n] = places[slot]
                n += 1
    return n_places


@_kernel
def bound_codes(numbers, offsets, first, last, sizes, options, n_codes):
    """Write an upper bound of each document's number of codes.

    Parameters
    ----------
    numbers, offsets, first, last, sizes, options
        As in `extract_numbered`.
    n_codes : int64[n_docs]
        Written in place for documents `first` to `last` - 1.
    """
    for doc in range(first, last):
        n_tokens = offsets[doc + 1] - offsets[doc]
        total = np.int64(1)  # for the bias
        if options[MAXN] > 0:
            for i in range(offsets[doc], offsets[doc + 1]):
                total += max(sizes[numbers[i]], 0)
        n_tokens += options[WITH_EOS] + 2 * options[WITH_ENDS]
        for n in range(1, options[WORD_NGRAMS] + 1):
            total += max(n_tokens - n + 1, 0)
        n_codes[doc] = total


@_kernel
def clear_seen(seen, n):
    """Make room for up to `n` codes in `seen`, see `add_code`; return its shift."""
    size, shift = LEAST_SEEN, 28
    while size < 2 * n:
        size *= 2
        shift -= 1
    seen[:size] = 0
    return shift


@_kernel
def distinct_numbers(numbers, first, last, seen, words, times):
    """Write the different numbers of numbers[first:last] in the order of their first occurrence.

    Parameters
    ----------
    numbers : int32[n_tokens]
    first, last : int
    seen : int32[]
        With room for as many.
    words, times : int32[], float32[]
        Written in place: each of them, and how often it is there.

    Returns
    -------
    n : int
    """
    shift = clear_seen(seen, last - first)
    n = np.int64(0)
    for i in range(first, last):
        n = add_code(numbers[i], np.float32(1), 0, n, shift, seen, words, times)
    return n


@_inline
def count_place(place, times, n, counts, seen):
    """Add `times` to counts[place]; put it behind seen[:n] where it was 0; return the new `n`."""
    before = counts[place]
    seen[n] = place
    counts[place] = before + times
    return n + np.int64(before == 0)


@_kernel
def count_ngrams(
    words, times, n_distinct, begins, sizes, ngrams, pool, bounds, options, places, room, counts,
    seen,
):  # fmt: skip
    """Count the n-grams of characters of a document's words.

    They are counted in place, and not looked up in a small table: so the processor need not know
    what is there before it goes on.

    Parameters
    ----------
    words : int32[n_distinct], times : float32[n_distinct]
        The document's different words, and how often it has each.
    begins, sizes, ngrams, pool, bounds, options, places
        As in `look_up_words`.
    room : int32[]
        Written in place.
    counts : int32[n_places + 1]
        All 0 before; on return, how often the document has each place.
    seen : int32[]
        Written in place: the places that are not 0, in the order of their first occurrence.

    Returns
    -------
    n : int
        How many there are.
    """
    n = np.int64(0)
    for i in range(n_distinct):
        word, count = words[i], np.int32(times[i])
        if sizes[word] <= 0:
            continue
        if begins[word] >= 0:
            at = np.int64(begins[word])
            for j in range(at, at + sizes[word]):
                n = count_place(ngrams[j], count, n, counts, seen)
            continue
        m = add_subwords(
            pool, bounds[word, 0], bounds[word, 1], options[MINN], options[MAXN],
            options[BUCKET], np.int64(0), room, np.int64(0),
        )  # fmt: skip
        for j in range(m):
            n = count_place(places[room[j]], count, n, counts, seen)
    return n


@_kernel
def list_numbered(
    numbers, first, last, known, hashes, n_known, options, eos_word, running, of_words
):  # fmt: skip
    """Write the codes of the words of numbers[first:last] and of their n-grams as they come.

    Parameters
    ----------
    numbers, known, hashes, n_known, options, eos_word
        As in `extract_numbered`.
    first, last : int
    running : uint64[word_ngrams + 1]
        See `add_token`.
    of_words : int32[]
        Written in place.

    Returns
    -------
    n : int
    """
    word_ngrams, bucket = options[WORD_NGRAMS], options[BUCKET]
    inverse = inverse_of(bucket)
    bigrams, longer = n_known + options[BIGRAMS], n_known + options[LONGER]
    begin_tokens(options, running)
    n = np.int64(0)
    for i in range(first, last):
        word = numbers[i]
        if known[word] >= 0:
            of_words[n] = known[word]
            n += 1
        if word_ngrams > 1:
            hash32 = np.int64(hashes[word])
            n = add_token(
                hash32, word_ngrams, bucket, inverse, bigrams, longer, running, of_words, n
            )
    n_tokens = last - first
    return add_ends(n_tokens, options, eos_word, inverse, bigrams, longer, running, of_words, n)


@_kernel
def extract_numbered(
    numbers, offsets, first, last, hashes, known, begins, sizes, ngrams, places, slots, pool,
    bounds, n_known, options, eos_word, times_of, starts, codes, counts, lengths, shares,
):  # fmt: skip
    """Write the distinct codes of each document, with their number of occurrences.

    The same as `codes.extract_codes`, in the same order, without gaps between documents.

    Parameters
    ----------
    numbers : int32[n_tokens]
        Number of the word that each token is.
    offsets : int64[n_docs + 1]
        Where the tokens of each document begin.
    first, last : int
        Range of documents.
    hashes, known, begins, sizes, ngrams, places, slots, pool, bounds
        Of the words, see `look_up_words`; `known` are their codes.
    n_known : int
        Number of words that have codes.
    options : int64[N_OPTIONS]
    eos_word : int
        Code of the word </s>, or -1.
    times_of : int32[n_places + 1]
        All 0, and so on return.
    starts : int64[n_docs + 1]
        On entry, where there is room for each document's codes; written in place: where they are.
    codes, counts, lengths, shares
        As in `extract_codes`.
    """
    maxn, energy = options[MAXN], options[CHAR_ENERGY] / 100
    base = n_known + options[CHARS]
    # Whether a slot of these n-grams may be one of n-grams of words, too.
    last_begin = options[LONGER] if options[WORD_NGRAMS] > 2 else options[BIGRAMS]
    is_shared = options[WORD_NGRAMS] > 1 and options[CHARS] < last_begin + options[BUCKET]
    running = np.zeros(options[WORD_NGRAMS] + 1, np.uint64)
    most = most_tokens = most_chars = np.int64(0)
    for doc in range(first, last):
        most = max(most, starts[doc + 1] - starts[doc])
        most_tokens = max(most_tokens, offsets[doc + 1] - offsets[doc])
        if maxn > 0:
            for i in range(offsets[doc], offsets[doc + 1]):
                if begins[numbers[i]] < 0:
                    most_chars = max(most_chars, np.int64(sizes[numbers[i]]))
    of_words = np.empty(most, np.int32)
    of_chars = np.empty(most + 1, np.int32)
    room = np.empty(most_chars, np.int32)
    words = np.empty(most_tokens + 1, np.int32)
    times = np.empty(most_tokens + 1, np.float32)
    size = LEAST_SEEN
    while size < 2 * most:
        size *= 2
    seen = np.empty(size, np.int32)
    begin = starts[first]
    for doc in range(first, last):
        a, b = offsets[doc], offsets[doc + 1]
        n_words = list_numbered(
            numbers, a, b, known, hashes, n_known, options, eos_word, running, of_words
        )
        n_long = n_chars = np.int64(0)
        if maxn > 0:
            n_distinct = distinct_numbers(numbers, a, b, seen, words, times)
            for i in range(n_distinct):
                n_long += np.int64(times[i]) if sizes[words[i]] >= 0 else 0
            n_chars = count_ngrams(
                words, times, n_distinct, begins, sizes, ngrams, pool, bounds, options, places,
                room, times_of, of_chars,
            )  # fmt: skip
        shift = clear_seen(seen, n_words + (n_chars if is_shared else 0))
        n = begin
        for i in range(n_words):
            n = add_code(of_words[i], np.float32(1), begin, n, shift, seen, codes, counts)
        for i in range(n_chars):
            place = of_chars[i]
            code, count = np.int32(base + slots[place]), np.float32(times_of[place])
            times_of[place] = 0
            if is_shared:
                n = add_code(code, count, begin, n, shift, seen, codes, counts)
            else:
                codes[n] = code
                counts[n] = count
                n += 1
        if options[BIAS] >= 0 and n > begin:
            codes[n] = n_known + options[BIAS]
            counts[n] = 1
            n += 1
        starts[doc] = begin
        lengths[doc] = n - begin
        shares[doc] = n_long / max(b - a, 1) * energy
        begin = n
