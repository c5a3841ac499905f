"""Text files of word vectors, ``.vec``: their first line, their lines, and whether all are there.

fastText's and word2vec's format: the first line holds the number of words and of dimensions, each
other line a word and its numbers, between spaces or tabs.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np

from fasttext_lite.errors import InputError

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
MOST_DIGITS = 18  # of a number of words: it is an int64


def read_header(name: str, line: bytes, most: int | None = None) -> tuple[int, int]:
    """Return the number of words and of dimensions that the first line states.

    Parameters
    ----------
    name : str
        Of the file.
    line : bytes
    most : int, optional
        Largest number of dimensions.

    Raises
    ------
    InputError
        If it does not state them.
    """
    parts = line.removeprefix(_BOM).split()
    if len(parts) == 2 and all(part.isdigit() and len(part) <= MOST_DIGITS for part in parts):
        n, dim = map(int, parts)
        if 1 <= dim <= (most or dim):
            return n, dim
    raise InputError(
        f"{name}:1: not a file of vectors (.vec), whose first line is the number of words and of "
        "dimensions"
    )


def vector_lines(file: io.BufferedIOBase) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the number of each line after the first, its word and its numbers; not empty lines."""
    for number, line in enumerate(file, 2):
        if b"\t" in line:
            line = line.replace(b"\t", b" ")
        word, _, numbers = line.strip(_BLANK).partition(b" ")
        if word:
            yield number, word, numbers


def cut_off(name: str, stated: int, found: int) -> InputError:
    """Return the error of a file that has fewer words than it states."""
    return InputError(f"{name}: cut off: line 1 states {stated:,} words, it has {found:,}")


@contextlib.contextmanager
def strict_numbers() -> Iterator[None]:
    """Let `read_numbers` see what is no number: NumPy only warns of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        yield


def read_numbers(numbers: bytes, dim: int, place: str) -> np.ndarray:
    """Return the numbers of a line, float32[dim]; within `strict_numbers`.

    Raises
    ------
    InputError
        If they are not so many, or not all finite; with the place.
    """
    try:
        vector = np.fromstring(numbers, np.float32, sep=" ")
    except (ValueError, DeprecationWarning):
        vector = np.empty(0, np.float32)
    if vector.size != dim or not np.isfinite(vector).all():
        raise InputError(f"{place}: not a word and {dim} numbers")
    return vector
