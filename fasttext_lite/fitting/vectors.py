"""Read word vectors in fastText's and word2vec's text format, `.vec`.

The first line holds the number of words and of dimensions; each other line a word and its
numbers, all between spaces.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from dataclasses import dataclass
from typing import IO

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.errors import InputError
from fasttext_lite.features.space import FeatureSpace


def read_dim(path: str | os.PathLike[str]) -> int:
    """Return the number of dimensions that a file of vectors states.

    Raises
    ------
    InputError
        If the file cannot be read or is not one of vectors.
    """
    try:
        with _open(path) as file:
            return _header(path, file.readline())[1]
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from None


def with_vectors(config: Config, path: str | os.PathLike[str] | None) -> Config:
    """Return the settings that a file of vectors asks for: its `dim`, and a learned head.

    Raises
    ------
    InputError
        If the file is not one of vectors, or the settings leave no place for them.
    """
    if path is None:
        return config
    dim = read_dim(path)
    if config.dim not in (None, dim):
        raise InputError(f"{path}: the vectors have {dim} dimensions; got dim={config.dim}")
    if config.head == "linear":
        raise InputError(f"{path}: head='linear' leaves no place for pretrained vectors")
    return config.replace(dim=dim, head="learned")


@dataclass(frozen=True)
class WordVectors:
    """Vectors of rows of the input table.

    Attributes
    ----------
    rows : int64[n]
    vectors : float32[n, dim]
    """

    rows: np.ndarray
    vectors: np.ndarray


def read_vectors(path: str | os.PathLike[str], space: FeatureSpace, config: Config) -> WordVectors:
    """Return the vectors of the words that a feature space knows.

    A word of the file that the space does not have as it stands is looked up in lower case, if
    the analyzer lower-cases; the first line of a word counts.

    Parameters
    ----------
    path : path-like
        Plain or gzipped.
    space : FeatureSpace
    config : Config

    Returns
    -------
    WordVectors

    Raises
    ------
    InputError
        With the line, if the file cannot be read or a line is damaged.
    """
    rows_of = space.word_rows()
    found: dict[int, np.ndarray] = {}
    try:
        with _open(path) as file:
            _, dim = _header(path, file.readline())
            for number, line in enumerate(file, 2):
                word, _, numbers = line.rstrip(b" \r\n").partition(b" ")
                row = rows_of.get(word)
                if row is None and config.lowercase:
                    row = rows_of.get(word.decode("utf-8", "replace").lower().encode())
                if row is None or row in found:
                    continue
                try:
                    vector = np.array(numbers.split(b" "), np.float32)
                except ValueError:
                    vector = np.empty(0, np.float32)
                if vector.size != dim or not np.isfinite(vector).all():
                    raise InputError(f"{path}:{number}: not a word and {dim} numbers")
                found[row] = vector
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from None
    rows = np.fromiter(found, np.int64, len(found))
    vectors = np.array(list(found.values()), np.float32).reshape(len(found), dim)
    return WordVectors(rows, vectors)


def _open(path: str | os.PathLike[str]) -> IO[bytes]:
    name = os.fspath(path)
    if name.endswith(".gz"):
        return io.BufferedReader(gzip.open(name))
    return open(name, "rb")


def _unreadable(path: str | os.PathLike[str], error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(f"{os.fspath(path)}: cannot read the vectors: {reason.lower()}")


def _header(path: str | os.PathLike[str], line: bytes) -> tuple[int, int]:
    parts = line.split()
    if len(parts) == 2 and all(part.isdigit() for part in parts) and 1 <= int(parts[1]) <= 4096:
        return int(parts[0]), int(parts[1])
    raise InputError(
        f"{os.fspath(path)}:1: not a file of vectors (.vec), whose first line is the number of "
        "words and of dimensions"
    )
