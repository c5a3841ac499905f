"""Text files of vectors, ``.vec``: read and written as fastText does."""

from __future__ import annotations

import gzip
import io
import os
import warnings
import zlib
from typing import IO

import numpy as np

from fasttext_lite.compat.files import binary
from fasttext_lite.errors import InputError, ModelError

READ_ROWS = 1 << 14  # of a file that room is made for at a time
WRITTEN_ROWS = 1 << 10  # made into text at a time


def read_vec(path: str | os.PathLike[str]) -> tuple[list[bytes], np.ndarray]:
    """Read a file of word vectors, ``.vec``, plain or gzipped (``.gz``).

    Its first line holds the number of words and of dimensions; each other line a word and its
    numbers, between spaces. Lines behind the last word are passed over, as by fastText.

    Returns
    -------
    words : list of bytes
    vectors : float32[n_words, dim]

    Raises
    ------
    InputError
        With the line, if the file cannot be read or a line is damaged.
    """
    name = os.fspath(path)
    try:
        with _open(name) as file, warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # for numbers that are none
            return _read_vec(name, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(f"{name} cannot be opened for loading: {reason}") from None


def _open(name: str) -> IO[bytes]:
    if name.endswith(".gz"):
        return io.BufferedReader(gzip.open(name))
    return open(name, "rb")


def _read_vec(name: str, file: IO[bytes]) -> tuple[list[bytes], np.ndarray]:
    header = file.readline().split()
    if len(header) != 2 or not all(part.isdigit() for part in header) or int(header[1]) < 1:
        raise InputError(
            f"{name}:1: not a file of vectors (.vec), whose first line is the number of words and "
            "of dimensions"
        )
    n, dim = map(int, header)
    words: list[bytes] = []
    chunks = [np.empty((0, dim), np.float32)]
    for number, line in enumerate(file, 2):
        if len(words) == n:
            break
        word, _, numbers = line.strip(b" \r\n").partition(b" ")
        try:
            vector = np.fromstring(numbers, np.float32, sep=" ")
        except (ValueError, DeprecationWarning):
            vector = np.empty(0, np.float32)
        if vector.size != dim or not np.isfinite(vector).all():
            raise InputError(f"{name}:{number}: not a word and {dim} numbers")
        i = len(words) % READ_ROWS
        if i == 0:
            chunks.append(np.empty((min(READ_ROWS, n - len(words)), dim), np.float32))
        chunks[-1][i] = vector
        words.append(word)
    if len(words) < n:
        raise InputError(f"{name}: ends after {len(words)} of the {n} words that its header states")
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
        with binary.replacing(path) as file:
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
        raise ModelError(f"{os.fspath(path)} cannot be opened for saving: {reason}") from None
