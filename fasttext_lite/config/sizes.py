"""Sizes as people write them: 500k, 2M, 1.5G."""

from __future__ import annotations

import re
from numbers import Integral

from fasttext_lite.errors import bounded

MOST_BYTES = 1 << 62
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def parse_size(text: int | str, what: str = "a model size") -> int:
    """Return a number of bytes, given as one or with k, M or G (powers of 1000).

    Parameters
    ----------
    text : int or str
    what : str
        What messages call it.

    Raises
    ------
    ValueError
        If it is neither, or less than 1.
    """
    if isinstance(text, Integral) and not isinstance(text, bool) and int(text) > 0:
        return int(text)
    match = None
    if isinstance(text, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?", text.strip().lower())
    size = float(match[1]) * _UNITS[match[2]] if match else 0
    if not 1 <= size < MOST_BYTES:
        raise ValueError(
            bounded(f"{what} must be a number of bytes such as 2M or 500k; got {text!r}")
        )
    return int(size)
