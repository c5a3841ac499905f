"""Text files of vectors, ``.vec``: read and written as fastText does."""

from __future__ import annotations

import io
import os

import numpy as np

from fasttext_lite.corpus.compression import DAMAGE
from fasttext_lite.corpus.files import open_binary
from fasttext_lite.corpus.vectors import (
    cut_off,
    read_header,
    read_numbers,
    strict_numbers,
    vector_lines,
)
from fasttext_lite.disk.replacing import replacing
from fasttext_lite.errors import InputError, ModelError

READ_ROWS, READ_NUMBERS = 1 << 14, 1 << 24  # of a file that room is made for at a time
MOST_DIM = 1 << 20
WRITTEN_ROWS = 1 << 10  # made into text at a time


def read_vec(path: str | os.PathLike[str]) -> tuple[list[bytes], np.ndarray]:
    """Read a file of word vectors, ``.vec``, plain or compressed.

    Its first line holds the number of words and of dimensions; each other line a word and its
    numbers, between spaces or tabs. Lines behind the last word are passed over, as by fastText.

    Returns
    -------
    words : list of bytes
    vectors : float32[n_words, dim]

    Raises
    ------
    InputError
        With the line, if the file cannot be read or a line is damaged.
    """
    name = os.fsdecode(path)
    try:
        os.stat(name)
        with open_binary(name) as file, strict_numbers():
            return _read_vec(name, file)
    except InputError:
        raise  # it says already what is wrong
    except DAMAGE as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(f"{name} cannot be opened for loading: {reason}") from None


def _read_vec(name: str, file: io.BufferedIOBase) -> tuple[list[bytes], np.ndarray]:
    n, dim = read_header(name, file.readline(), MOST_DIM)
    n_rows = max(1, min(READ_ROWS, READ_NUMBERS // dim))
    words: list[bytes] = []
    chunks = [np.empty((0, dim), np.float32)]
    for number, word, numbers in vector_lines(file):
        if len(words) == n:
            break
        vector = read_numbers(numbers, dim, f"{name}:{number}")
        i = len(words) % n_rows
        if i == 0:
            chunks.append(np.empty((min(n_rows, n - len(words)), dim), np.float32))
        chunks[-1][i] = vector
        words.append(word)
    if len(words) < n:
        raise cut_off(name, n, len(words))
    return words, np.concatenate(chunks)


def write_vec(path: str | os.PathLike[str], names: list[bytes], rows: np.ndarray) -> None:
    """Write a file of vectors: 5 significant digits of each number.

    Parameters
    ----------
    path : path-like
    names : list of bytes
    rows : float32[n_names, dim]

    Raises
    ------
    ModelError
        If the file cannot be written; nothing is left behind, an old file stays as it was.
    """
    form = b"%.5g " * rows.shape[1]
    try:
        with replacing(path) as file:
            file.write(b"%d %d\n" % rows.shape)
            for first in range(0, len(rows), WRITTEN_ROWS):
                part = rows[first : first + WRITTEN_ROWS].tolist()
                lines = [
                    names[first + i] + b" " + form % tuple(row) + b"\n"
                    for i, row in enumerate(part)
                ]
                file.write(b"".join(lines))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"{os.fsdecode(path)} cannot be opened for saving: {reason}") from None
