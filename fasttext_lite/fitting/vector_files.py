"""Files of word vectors, block by block: what all formats have, and that of ``.vec``."""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.compression import DAMAGE
from fasttext_lite.corpus.files import open_binary
from fasttext_lite.corpus.vectors import (
    cut_off,
    read_header,
    read_numbers,
    strict_numbers,
    vector_lines,
)
from fasttext_lite.errors import InputError

logger = logging.getLogger("fasttext_lite")
MOST_DIM = 4096
LARGEST_NUMBER = 1e6  # of a vector; training from rows much larger than 1 diverges at any rate
BLOCK = 4096  # words


@dataclass(frozen=True)
class VectorBlock:
    """Some words of a file of vectors, in its order.

    Attributes
    ----------
    words : list of bytes
    take : callable
        Given places in `words`, returns their vectors, float32[n, dim]; an `InputError` where
        one is damaged.
    """

    words: list[bytes]
    take: Callable[[Sequence[int]], np.ndarray]


def vec_dim(path: str) -> int:
    """Return the number of dimensions that a file ``.vec`` states.

    Raises
    ------
    InputError
        If the file cannot be read or is none.
    """
    with _open(path) as file:
        return read_header(path, file.readline(), MOST_DIM)[1]


def vec_blocks(path: str) -> Iterator[VectorBlock]:
    """Yield the words of a file ``.vec``, plain or packed; of a word that comes again, each.

    Raises
    ------
    InputError
        If it cannot be read, or words are missing; with the line, if its last line is damaged.
    """
    n, last = 0, (1, b"")
    with _open(path) as file, strict_numbers():
        stated, dim = read_header(path, file.readline(), MOST_DIM)
        lines = vector_lines(file)
        while part := list(itertools.islice(lines, BLOCK)):
            n, last = n + len(part), (part[-1][0], part[-1][2])
            yield VectorBlock([word for _, word, _ in part], _taker(path, part, dim))
        if n < stated:
            raise cut_off(path, stated, n)
        if n:  # a file may be cut off in its last line
            read_numbers(last[1], dim, f"{path}:{last[0]}")
    if n > stated:
        logger.warning("%s: line 1 states %s words, it has %s: all are read", path,
                       f"{stated:,}", f"{n:,}")  # fmt: skip


def _taker(
    path: str, lines: list[tuple[int, bytes, bytes]], dim: int
) -> Callable[[Sequence[int]], np.ndarray]:
    """Return what reads the numbers of some lines."""

    def take(places: Sequence[int]) -> np.ndarray:
        found = np.empty((len(places), dim), np.float32)
        for i, place in enumerate(places):
            number, _, numbers = lines[place]
            found[i] = read_numbers(numbers, dim, f"{path}:{number}")
        largest = np.abs(found).max(axis=1, initial=0)
        if largest.max(initial=0) > LARGEST_NUMBER:
            place = int(largest.argmax())
            raise InputError(
                f"{path}:{lines[places[place]][0]}: a number of {largest[place]:g} is too large to "
                "train from: divide the vectors' numbers by the same factor, all of them"
            )
        return found

    return take


@contextlib.contextmanager
def _open(path: str) -> Iterator[io.BufferedIOBase]:
    """Open a file of vectors, which is gone over more than once."""
    if path == STDIN:
        raise InputError("vectors cannot be read from standard input: name a file")
    try:
        os.stat(path)
        with open_binary(path) as file:
            yield file
    except InputError:
        raise  # it says already what is wrong
    except DAMAGE as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot read the vectors: {reason.lower()}") from None
