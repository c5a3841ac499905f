"""Turn codes of features into rows of the input table."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import FAST, LEAF, compiler

_kernel = compiler(FAST)
_inline = compiler(LEAF, forceinline=True)  # a call costs as much as what it does


@_kernel
def count_documents(codes, frequency):
    """Add 1 to frequency[code] (int32[n_codes]) for each of some documents' distinct codes."""
    for i in range(codes.size):
        frequency[codes[i]] += 1


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
def number_codes(starts, lengths, first, last, codes, counts, rows):
    """Replace codes by their rows, in place, as `number_rows`, and leave no gaps in the range.

    Parameters
    ----------
    starts, lengths, first, last, codes, counts
        As there; `starts` is written in place, too.
    rows : int32[n_codes]
        Row of each code; -1 = none.
    """
    n = starts[first]
    for doc in range(first, last):
        begin = starts[doc]
        starts[doc] = n
        for i in range(begin, begin + lengths[doc]):
            row = rows[codes[i]]
            codes[n] = row
            counts[n] = counts[i]
            n += np.int64(row >= 0)
        lengths[doc] = n - starts[doc]


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
        if begin == n:
            n += lengths[doc]
            continue
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
