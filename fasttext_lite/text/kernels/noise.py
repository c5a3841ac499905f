"""Leave out and exchange marked tokens at random."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.random import STEP, mix
from fasttext_lite.compiled.utf8 import END, INSIDE, OUTSIDE

_kernel = compiler(LEAF)


@_kernel
def _chance(state):
    """Return the next random number in [0, 1), and the state of splitmix64."""
    state += STEP
    return np.float64(mix(state) >> np.uint64(11)) * 2.0**-53, state


@_kernel
def disturb_tokens(text, marks, offsets, first, last, drop, swap, seed, new_text, new_marks):
    """Leave out and exchange tokens at random in documents `first` to `last` - 1.

    Parameters
    ----------
    text, marks : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    drop : float
        Chance of each token to be left out.
    swap : float
        Chance of each token that is left to change places with the next one; a token moves
        once at most.
    seed : uint64
        The result depends on it and on the number of the document alone.
    new_text, new_marks : uint8[n_bytes]
        Written in place: the tokens one after another, the rest outside.
    """
    for doc in range(first, last):
        state = np.uint64(seed) ^ (np.uint64(doc) * np.uint64(0xD1342543DE82EF95))
        at = offsets[doc]
        start = at
        held_start = held_end = at  # a token that waits for the next one to go first
        for i in range(offsets[doc], offsets[doc + 1]):
            if marks[i] == OUTSIDE:
                start = i + 1
            elif marks[i] == END:
                chance, state = _chance(state)
                if chance >= drop:
                    chance, state = _chance(state)
                    if held_end == held_start and chance < swap:
                        held_start, held_end = start, i + 1
                    else:
                        at = _copy_token(text, start, i + 1, new_text, new_marks, at)
                        at = _copy_token(text, held_start, held_end, new_text, new_marks, at)
                        held_start = held_end
                start = i + 1
        at = _copy_token(text, held_start, held_end, new_text, new_marks, at)
        new_marks[at : offsets[doc + 1]] = OUTSIDE
        new_text[at : offsets[doc + 1]] = 0x20


@_kernel
def _copy_token(text, start, end, new_text, new_marks, at):
    """Copy the token text[start:end], if it is one, to `at`; return the position behind it."""
    for i in range(start, end):
        new_text[at] = text[i]
        new_marks[at] = INSIDE if i + 1 < end else END
        at += 1
    return at
