"""Where the ways part on which texts are classified, and how much they may take."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from fasttext_lite.errors import bounded

# Up to this many labels asked for, they are selected while searching; beyond, all are sorted.
MAX_SELECTED = 32

# Up to this many texts are classified one after another, without what a batch costs to set up.
FEW_TEXTS = 16

# Characters of these texts together; Ctrl-C is heard after each of them.
LONGEST = 1 << 16

# Bytes of texts that are worked on at a time, all steps one after another: they stay in the caches.
RANGE_BYTES = 1 << 18

MOST_BEAM = 1 << 12  # nodes of a depth of the label tree

# Megabytes of memory for words, of each thread that predicts.
CACHE_MB = 6
MOST_CACHE_MB = 1 << 14


def check_cache(megabytes: Any) -> None:
    """Raise `ValueError` unless it is a size of memory for words."""
    is_number = isinstance(megabytes, Real) and not isinstance(megabytes, bool)
    if not is_number or not 0 <= megabytes <= MOST_CACHE_MB:
        raise ValueError(
            bounded(
                f"cache is the megabytes of memory for words, 0 to {MOST_CACHE_MB:,}; "
                f"got {megabytes!r}"
            )
        )


def check_beam(width: Any) -> None:
    """Raise `ValueError` unless it is a width of a beam, or 0."""
    is_whole = isinstance(width, Integral) and not isinstance(width, bool)
    if not is_whole or not 0 <= int(width) <= MOST_BEAM:
        raise ValueError(
            bounded(
                f"beam must be a whole number from 1 to {MOST_BEAM:,}, or 0 for the exact search; "
                f"got {width!r}"
            )
        )
