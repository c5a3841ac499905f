"""Leave out the tokens that are in a list."""

from __future__ import annotations

from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import END, OUTSIDE
from fasttext_lite.text.kernels.words import FNV_OFFSET, find_word, fnv_step

_kernel = compiler(LEAF)


@_kernel
def drop_words(text, offsets, first, last, pool, word_offsets, table, marks):
    """Mark the tokens that are in a vocabulary as `OUTSIDE`, in place.

    Parameters
    ----------
    text : uint8[n_bytes], offsets : int64[n_docs + 1]
    first, last : int
        Range of documents.
    pool : uint8[], word_offsets : int64[n_words, 2], table : int32[capacity]
        The vocabulary, see `text.kernels.words.find_word`.
    marks : uint8[n_bytes]
    """
    for doc in range(first, last):
        start = offsets[doc]
        hash32 = FNV_OFFSET
        for i in range(offsets[doc], offsets[doc + 1]):
            if marks[i] == OUTSIDE:
                start = i + 1
                hash32 = FNV_OFFSET
                continue
            hash32 = fnv_step(hash32, text[i])
            if marks[i] == END:
                slot = find_word(text, start, i + 1, hash32, table, pool, word_offsets)
                if table[slot] >= 0:
                    for j in range(start, i + 1):
                        marks[j] = OUTSIDE
                start = i + 1
                hash32 = FNV_OFFSET
