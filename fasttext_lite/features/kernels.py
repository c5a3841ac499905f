"""Turn marked tokens into feature codes and weighted rows.

A code names a feature before any row exists: word w of the vocabulary is code w, hash slot s
is code n_words + s, and the bias comes last.  Hashes are fastText's (dictionary.cc: `hash`,
`computeSubwords`, `addWordNgrams`), including its sign-extended bytes: they are part of the file
format.
"""

from __future__ import annotations

import math

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


@_kernel
def add_subwords(text, start, end, minn, maxn, bucket, base, codes, n):
    """Append base + hash of the character n-grams of <word> to `codes` at `n`; return the new `n`.

    fastText dictionary.cc, computeSubwords: lengths count characters, a lone < or > is none.
    """
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
                codes[n] = base + hash32 % bucket
                n += 1
    return n


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


@_kernel
def add_distinct(found, n_found, begin, n, shift, seen, codes, counts):
    """Append the codes found[:n_found] to codes[begin:n], or count them if they are there.

    Parameters
    ----------
    found : int32[]
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
    for i in range(n_found):
        code = found[i]
        slot = ((np.int64(code) * 0x9E3779B1) & 0xFFFFFFFF) >> shift
        while True:
            at = seen[slot]
            if at == 0:
                codes[n] = code
                counts[n] = 1
                n += 1
                seen[slot] = n - begin
                break
            if codes[begin + at - 1] == code:
                counts[begin + at - 1] += 1
                break
            slot = (slot + 1) & mask
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


@_kernel
def count_documents(codes, frequency):
    """Add 1 to frequency[code] (int32[n_codes]) for each of some documents' distinct codes."""
    for i in range(codes.size):
        frequency[codes[i]] += 1


@_kernel
def list_documents(rows, indptr, first_doc, first, last, ends, docs):
    """Write the documents that have each row of `first` to `last` - 1, one row after another.

    Parameters
    ----------
    rows : int32[n_entries], indptr : int64[n_docs + 1]
        The documents' rows, all different.
    first_doc : int
        Number of the first of these documents.
    first, last : int
    ends : int64[last - first]
        On entry where the list of each row goes on, on return where it ends.
    docs : int32[]
        Written in place.
    """
    for doc in range(indptr.size - 1):
        for i in range(indptr[doc], indptr[doc + 1]):
            row = rows[i] - first
            if row >= 0 and row < last - first:
                docs[ends[row]] = first_doc + doc
                ends[row] += 1


@_kernel
def list_chosen(rows, indptr, first_doc, place, ends, docs):
    """Write the documents that have each of some rows, as `list_documents`.

    Parameters
    ----------
    rows, indptr, first_doc, ends, docs
        As there.
    place : int32[n_rows]
        Number of each row among the chosen ones; -1 = it is none.
    """
    for doc in range(indptr.size - 1):
        for i in range(indptr[doc], indptr[doc + 1]):
            at = place[rows[i]]
            if at >= 0:
                docs[ends[at]] = first_doc + doc
                ends[at] += 1


@_kernel
def measure_agreement(begins, ends, docs, label_ids, label_indptr, weights, agreement):
    """Write how often two labels of different texts that have a feature are the same.

    Parameters
    ----------
    begins, ends, docs, label_ids, label_indptr
        As in `measure_gains`.
    weights : float64[n_labels]
        Of each label; a pair weighs their product.
    agreement : float64[n_features, 2]
        Written in place: mean weight of the pairs that are the same, and of all pairs; 0 where
        there is no pair.
    """
    sums = np.zeros(weights.size)
    for feature in range(len(agreement)):
        n = within = total = inside = same = 0.0
        for i in range(begins[feature], ends[feature]):
            first, last = label_indptr[docs[i]], label_indptr[docs[i] + 1]
            own = 0.0
            for j in range(first, last):
                label = label_ids[j]
                same += 2 * weights[label] * sums[label]
                sums[label] += weights[label]
                own += weights[label]
                inside -= weights[label] * weights[label]
            total += own
            inside += own * own
            n += last - first
            within += (last - first) * (last - first - 1)
        squares = 0.0
        for i in range(begins[feature], ends[feature]):
            for j in range(label_indptr[docs[i]], label_indptr[docs[i] + 1]):
                squares += weights[label_ids[j]] ** 2
                sums[label_ids[j]] = 0
        pairs = n * (n - 1) - within
        agreement[feature, 0] = same / pairs if pairs > 0 else 0.0
        agreement[feature, 1] = (total * total - squares - inside) / pairs if pairs > 0 else 0.0


@_kernel
def measure_gains(begins, ends, docs, label_ids, label_indptr, prior, pseudo_count, gains):
    """Write how much each feature tells about the labels, all labels being of equal weight.

    The Kullback-Leibler divergence, in nats, of the labels of the texts that have the feature
    from labels that are equally frequent: sum p ln(p k) over the k labels.  Each text weighs as
    much as its label is rare, so that a text of a rare label is no surprise by itself: p =
    (n q + m / k) / (n + m), where n is the number of labels of these texts, q_c proportional to
    count_c / prior_c, and m labels are added that are spread over all.

    Parameters
    ----------
    begins, ends : int64[n_features]
        The documents of a feature are docs[begin:end].
    docs : int32[]
    label_ids : int32[], label_indptr : int64[n_docs + 1]
    prior : float64[n_labels]
        Share of each label among all; sums to 1.
    pseudo_count : float
        m, above 0.
    gains : float32[n_features]
        Written in place.
    """
    counts = np.zeros(prior.size)
    seen = np.empty(prior.size, np.int32)
    m = pseudo_count
    k = 0
    for label in range(prior.size):
        k += prior[label] > 0
    for feature in range(gains.size):
        n_seen = 0
        n = 0.0
        for i in range(begins[feature], ends[feature]):
            for j in range(label_indptr[docs[i]], label_indptr[docs[i] + 1]):
                label = label_ids[j]
                if counts[label] == 0:
                    seen[n_seen] = label
                    n_seen += 1
                counts[label] += 1
                n += 1
        total = 0.0
        for i in range(n_seen):
            total += counts[seen[i]] / prior[seen[i]]
        gain = 0.0
        for i in range(n_seen):
            label = seen[i]
            p = (n * counts[label] / prior[label] / total + m / k) / (n + m)
            gain += p * math.log(p * k)
            counts[label] = 0
        # All labels not seen have p = m / k / (n + m).
        gains[feature] = gain - (k - n_seen) / k * m / (n + m) * math.log((n + m) / m)


@_kernel
def count_labels(rows, indptr, first_doc, first, last, label_ids, label_indptr, counts):
    """Count the labels of the documents that have each row of `first` to `last` - 1.

    Parameters
    ----------
    rows, indptr, first_doc, first, last
        As in `list_documents`.
    label_ids : int32[], label_indptr : int64[n_docs + 1]
        Of all documents.
    counts : int32[last - first, n_labels]
        Added to.
    """
    for doc in range(indptr.size - 1):
        begin, end = label_indptr[first_doc + doc], label_indptr[first_doc + doc + 1]
        for i in range(indptr[doc], indptr[doc + 1]):
            row = rows[i] - first
            if row >= 0 and row < last - first:
                for j in range(begin, end):
                    counts[row, label_ids[j]] += 1


@_kernel
def gains_of_counts(counts, prior, pseudo_count, gains):
    """Write what `measure_gains` does, given how often each feature's documents have each label.

    Parameters
    ----------
    counts : int32[n_features, n_labels]
    prior, pseudo_count, gains
        As there.
    """
    m = pseudo_count
    k = 0
    for label in range(prior.size):
        k += prior[label] > 0
    for feature in range(gains.size):
        n = 0.0
        total = 0.0
        n_seen = 0
        for label in range(prior.size):
            if counts[feature, label] > 0:
                n += counts[feature, label]
                total += counts[feature, label] / prior[label]
                n_seen += 1
        gain = 0.0
        for label in range(prior.size):
            if counts[feature, label] > 0:
                p = (n * counts[feature, label] / prior[label] / total + m / k) / (n + m)
                gain += p * math.log(p * k)
        gains[feature] = gain - (k - n_seen) / k * m / (n + m) * math.log((n + m) / m)


@_inline
def first_place(code, table):
    """Return the place where the search for a code begins, see `find_code`."""
    return (np.int64(code) * 0x9E3779B1 >> 8) & (table.shape[0] - 1)


@_kernel
def find_code(code, table):
    """Return the place of a code in a hash table: its own, or the free one where it belongs.

    table, int32[capacity, 2]: code (or -1) and row; open addressing, linear probing; the capacity
    is a power of two.
    """
    mask = table.shape[0] - 1
    place = first_place(code, table)
    while table[place, 0] >= 0 and table[place, 0] != code:
        place = (place + 1) & mask
    return place


@_kernel
def insert_codes(row_codes, table):
    """Enter the code of each row into an empty table (all -1), see `find_code`.

    Returns
    -------
    good : bool
        Whether all codes are different.
    """
    for row in range(row_codes.size):
        place = find_code(row_codes[row], table)
        if table[place, 0] >= 0:
            return False
        table[place, 0] = row_codes[row]
        table[place, 1] = row
    return True


@_kernel
def number_rows(starts, lengths, first, last, codes, counts, table):
    """Replace codes by their rows, in place, and drop codes without a row.

    Parameters
    ----------
    starts, lengths : int64[n_docs]
        `lengths` is written in place.
    first, last : int
        Range of documents.
    codes : int32[n_codes], counts : float32[n_codes]
        As `extract_codes` writes them.
    table : int32[capacity, 2]
        Row of each code, see `find_code`.
    """
    for doc in range(first, last):
        begin = starts[doc]
        kept = begin
        for i in range(begin, begin + lengths[doc]):
            place = find_code(codes[i], table)
            if table[place, 0] >= 0:
                codes[kept] = table[place, 1]
                counts[kept] = counts[i]
                kept += 1
        lengths[doc] = kept - begin


@_kernel
def renumber_rows(ids, counts, indptr, numbers):
    """Give rows other numbers and drop those without one, in place, leaving no gaps.

    Parameters
    ----------
    ids : int32[n_entries], counts : float32[n_entries], indptr : int64[n_docs + 1]
        Of documents; all written in place.
    numbers : int32[n_rows]
        New number of each row; -1 = none.

    Returns
    -------
    n : int
        The end of the last document.
    """
    n = 0
    begin = indptr[0]
    for doc in range(indptr.size - 1):
        end = indptr[doc + 1]
        for i in range(begin, end):
            number = numbers[ids[i]]
            if number >= 0:
                ids[n] = number
                counts[n] = counts[i]
                n += 1
        begin = end
        indptr[doc + 1] = n
    return n


@_kernel
def weigh_document(begin, end, rows, counts, factors, logs, share, bias_row):
    """Replace the counts of the document rows[begin:end] by weights, in place; see `weigh_rows`.

    Returns
    -------
    end : int
        The same, or `begin` where there is nothing but the bias.
    """
    last = end
    if end > begin and rows[end - 1] == bias_row:
        end -= 1
        counts[end] = 1
    if end == begin:
        return begin
    middle = begin
    total = 0.0
    if factors.size > 0:
        of_words = of_chars = 0.0  # apart: one may be tiny beside the other
        for i in range(begin, end):
            count = np.int64(counts[i])
            tf = logs[count] if count < logs.size else np.float32(1.0 + math.log(counts[i]))
            weight = tf * factors[rows[i]]
            if weight >= 0:
                middle = i + 1
                of_words += weight * weight
            else:
                weight = -weight
                of_chars += weight * weight
            counts[i] = weight
        total = of_words + of_chars
        if of_chars > 0 and of_words > 0 and middle < end and share > 0:
            # Both blocks to length 1 and root(share), then all to length 1.
            scale = math.sqrt(share * of_words / of_chars)
            for i in range(middle, end):
                counts[i] *= scale
            total = of_words * (1.0 + share)
        total = math.sqrt(total)
    else:
        for i in range(begin, end):
            total += counts[i]
    inverse = 1.0 / total
    for i in range(begin, end):
        counts[i] = np.float32(counts[i] * inverse)
    return last


@_kernel
def weigh_rows(starts, lengths, first, last, rows, counts, factors, logs, shares, bias_row):
    """Replace counts by weights, in place.

    Parameters
    ----------
    starts, lengths : int64[n_docs]
        `lengths` is written in place.
    first, last : int
        Range of documents.
    rows : int32[n_entries], counts : float32[n_entries]
        As `number_rows` leaves them.
    factors : float32[n_rows] or float32[0]
        With factors: weight (1 + ln count) * factor, the document scaled to unit Euclidean length.
        Rows of negative factors (which stand after the others) are scaled by themselves, to the
        root of `shares` in place of 1, before the whole document is.
        Without: count / total count of the rows, fastText's mean.
    logs : float32[n]
        1 + ln count of the smaller counts.
    shares : float32[n_docs]
        As in `extract_codes`.
    bias_row : int
        Row of the bias, a document's last if it is there, which gets weight 1 and is dropped
        where it is alone; -1 = none.
    """
    for doc in range(first, last):
        begin = starts[doc]
        end = begin + lengths[doc]
        share = shares[doc]
        lengths[doc] = weigh_document(begin, end, rows, counts, factors, logs, share, bias_row)
        lengths[doc] -= begin


@_kernel
def scale_characters(ids, weights, indptr, first, last, factors, bias_row, ratio):
    """Multiply the energy of character n-grams by `ratio`, in place; texts stay of unit length.

    Parameters
    ----------
    ids : int32[n_entries], weights : float32[n_entries], indptr : int64[n_docs + 1]
        Of documents `first` to `last` - 1, as `weigh_rows` leaves them.
    factors, bias_row
        As there: negative for n-grams of characters.
    """
    for doc in range(first, last):
        begin, end = indptr[doc], indptr[doc + 1]
        of_words = of_chars = 0.0
        for i in range(begin, end):
            if ids[i] != bias_row:
                square = np.float64(weights[i]) * weights[i]
                if factors[ids[i]] < 0:
                    of_chars += square
                else:
                    of_words += square
        if of_words > 0 and of_chars > 0:
            scale = math.sqrt((of_words + of_chars) / (of_words + ratio * of_chars))
            scale_chars = scale * math.sqrt(ratio)
            for i in range(begin, end):
                if ids[i] != bias_row:
                    weights[i] *= np.float32(scale_chars if factors[ids[i]] < 0 else scale)


@_kernel
def compact(starts, lengths, first, last, n, codes, counts):
    """Move the entries of documents `first` to `last` - 1 to position `n` on, without gaps.

    `starts` is written in place with the new positions; the documents before must lie below.

    Returns
    -------
    n : int
        The end of the last document.
    """
    for doc in range(first, last):
        begin = starts[doc]
        starts[doc] = n
        for i in range(begin, begin + lengths[doc]):
            codes[n] = codes[i]
            counts[n] = counts[i]
            n += 1
    return n


@_kernel
def copy_documents(rows, weights, indptr, docs, first, last, new_indptr, new_rows, new_weights):
    """Copy the features of documents docs[first:last] to where they belong.

    Parameters
    ----------
    rows : int32[], weights : float32[], indptr : int64[n_docs + 1]
        The features (`FeatureMatrix`).
    docs : int64[n]
    first, last : int
    new_indptr : int64[n + 1]
        Where the entries of each begin.
    new_rows : int32[], new_weights : float32[]
        Written in place.
    """
    for i in range(first, last):
        at = new_indptr[i]
        for j in range(indptr[docs[i]], indptr[docs[i] + 1]):
            new_rows[at] = rows[j]
            new_weights[at] = weights[j]
            at += 1
