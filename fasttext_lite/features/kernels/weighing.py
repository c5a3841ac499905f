"""Turn counts of a document's features into weights."""

from __future__ import annotations

import math

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)


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
