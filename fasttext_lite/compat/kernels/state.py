"""What the kernels that predict take: a model as addresses, and scratch for one document.

Both are arrays of int64, so that a function which is called for each word takes two arguments in
place of two hundred: a compiled function gets address, size and stride of each array one by one.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compat.kernels.memory import Memory
from fasttext_lite.compat.kernels.scores import Head
from fasttext_lite.compat.kernels.text import MAXN, WORD_NGRAMS, KernelTable, Lexicon
from fasttext_lite.compiled.addresses import NUMBERS, array_of, shared_of, table_of
from fasttext_lite.compiled.compiling import INLINE, compiler

_inlined = compiler(INLINE)

# -- a model: `addresses.State` --------------------------------------------------------------
# Its arrays, in this order ...
(
    TABLE, POOL, OFFSETS, KEPT, IS_KEPT, OPTIONS, PREFIX,
    DENSE, PLACES, CODES, CENTROIDS, NORM_CODES, NORM_CENTROIDS,
    FOLD_ROWS, FOLD_OUTPUT, SLOTS, ARENA, COUNTERS, WORDS, SUMS_OF_WORDS,
    WEIGHTS, OUTPUT_ROWS, SCALES, CHILDREN, THERE,
) = range(25)  # fmt: skip
N_ARRAYS = 25
# ... and the numbers behind them: the size of a part of a quantised row, of a hidden vector, and of
# what is summed up for a document (less of a model that is folded); whether words are summed up one
# by one, as it is with sums that are remembered; labels; how they are scored; row r of the input
# table is in block r >> shift, of which `THERE` says whether it was read (empty: all were).
PART, DIM, WIDTH, HAS_SUMS, N_LABELS, WAY, SHIFT = range(NUMBERS * N_ARRAYS, NUMBERS * N_ARRAYS + 7)


@_inlined
def lexicon_of(state):
    """Return what tokens are looked up in."""
    return Lexicon(
        array_of(state, TABLE, np.int32),
        array_of(state, POOL, np.uint8),
        table_of(state, OFFSETS, np.int64),
        table_of(state, KEPT, np.int32),
        array_of(state, IS_KEPT, np.uint64),
        array_of(state, OPTIONS, np.int64),
        array_of(state, PREFIX, np.uint8),
    )


@_inlined
def rows_of(state):
    """Return the input table."""
    return KernelTable(
        array_of(state, DENSE, np.uint8),
        array_of(state, PLACES, np.int32),
        table_of(state, CODES, np.uint8),
        array_of(state, CENTROIDS, np.float32),
        array_of(state, NORM_CODES, np.uint8),
        array_of(state, NORM_CENTROIDS, np.float32),
        state[PART],
    )


@_inlined
def memory_of(state):
    """Return the words that are remembered."""
    return Memory(
        shared_of(state, SLOTS, np.int64),
        shared_of(state, ARENA, np.int32),
        shared_of(state, COUNTERS, np.int64),
        shared_of(state, WORDS, np.uint64),
        shared_of(state, SUMS_OF_WORDS, np.float32),
    )


@_inlined
def head_of(state):
    """Return what scores hidden vectors."""
    return Head(
        array_of(state, WEIGHTS, np.float32),
        array_of(state, OUTPUT_ROWS, np.float32),
        array_of(state, SCALES, np.float32),
        table_of(state, CHILDREN, np.int32),
        state[N_LABELS],
        state[WAY],
        int(state[NUMBERS * FOLD_ROWS + 1] > 0),
    )


# -- scratch ---------------------------------------------------------------------------------
N_TOKENS = 256  # looked at together
N_IDS = 1 << 13  # rows that are summed up together

# Its parts, which `shared_of` returns as arrays:
#   bounds   int64      where tokens begin and end
#   hashes   uint64     of tokens
#   tail     uint8[64]  the last bytes of a text
#   signed   uint64     what n-grams of words are made of: one for each token, and </s>
#   ids      int32      rows that are to be summed up
#   row      float32    a row of the input table
#   total    float32    the sum of a word
#   group    float32    the sum of some words, where words are summed up one by one
#   hidden   float32    the sum of the document
#   outputs  float32    what the labels, or the nodes of a tree, score
#   stack, sums         nodes of a tree that are open, int32, and their scores, float32
#   misses   int64[1]   whether a row was needed that is not there yet: the sums are none then
(
    BOUNDS, HASHES, TAIL, SIGNED, IDS, ROW, TOTAL, GROUP, HIDDEN, OUTPUTS, STACK, TREE_SCORES,
    MISSES,
) = np.arange(13)  # fmt: skip
N_HEAD = NUMBERS * 13


BYTES = (8, 8, 1, 8, 4, 4, 4, 4, 4, 4, 4, 4, 8)  # of a number of each part


@_inlined
def scratch_sizes(n_bytes, state):
    """Return how many numbers each part of the scratch has for documents of up to `n_bytes`."""
    options = array_of(state, OPTIONS, np.int64)
    maxn, longest = max(options[MAXN], 0), options[WORD_NGRAMS]
    most = n_bytes // 2 + 2  # tokens, and </s> behind them
    n_tokens = min(most, N_TOKENS)
    n_ids = most * (max(longest, 1) + 2 * maxn) + n_bytes * maxn
    n_ids = max(min(n_ids, N_IDS), 2 * maxn + 2)
    n_signed = most if longest > 1 else 0
    dim, width, n_open = state[DIM], state[WIDTH], state[N_LABELS] + 1
    n_outputs = (n_open // 16 + 1) * 16
    of_words = 2 * n_tokens, n_tokens, 64, n_signed, n_ids, dim
    return of_words + (width, width, width, n_outputs, n_open, n_open, 1)


@_inlined
def units_of(n, n_bytes):
    """Return how many units of 8 bytes hold some numbers."""
    return (n * n_bytes + 7) // 8


@_inlined
def scratch_units(n_bytes, state):
    """Return how many units of 8 bytes the scratch takes."""
    sizes = scratch_sizes(n_bytes, state)
    units = N_HEAD
    for part in range(len(BYTES)):
        units += units_of(sizes[part], BYTES[part])
    return units


@_inlined
def lay_out(scratch, n_bytes, state):
    """Write where the parts of the scratch begin; the array has `scratch_units`."""
    sizes = scratch_sizes(n_bytes, state)
    at = scratch.ctypes.data + 8 * N_HEAD
    for part in range(len(BYTES)):
        scratch[NUMBERS * part], scratch[NUMBERS * part + 1] = at, sizes[part]
        scratch[NUMBERS * part + 2] = 1
        at += 8 * units_of(sizes[part], BYTES[part])
