"""Word vectors that training starts from, read from a file of `corpus.vectors`."""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.compression import DAMAGE
from fasttext_lite.corpus.files import open_binary
from fasttext_lite.corpus.vectors import cut_off, read_header, vector_lines
from fasttext_lite.errors import InputError
from fasttext_lite.features.space import FeatureSpace

logger = logging.getLogger("fasttext_lite")
MOST_DIM = 4096
LOOKED_AT = 10_000  # words of a file of which none is known, to say why


def read_dim(path: str | os.PathLike[str]) -> int:
    """Return the number of dimensions that a file of vectors states.

    Raises
    ------
    InputError
        If the file cannot be read or is not one of vectors.
    """
    with _open(path) as file:
        return read_header(os.fspath(path), file.readline(), MOST_DIM)[1]


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
    n_words : int
        Words that could have one.
    """

    rows: np.ndarray
    vectors: np.ndarray
    n_words: int


def read_vectors(path: str | os.PathLike[str], space: FeatureSpace, config: Config) -> WordVectors:
    """Return the vectors of the words that a feature space knows; a warning if there are none.

    A word of the file that the space does not have as it stands is looked up in lower case, if
    the analyzer lower-cases; the first line of a word counts.

    Parameters
    ----------
    path : path-like
        Plain or compressed.
    space : FeatureSpace
    config : Config

    Returns
    -------
    WordVectors

    Raises
    ------
    InputError
        With the line, if the file cannot be read, a line is damaged, or some are missing.
    """
    name, rows_of = os.fspath(path), space.word_rows()
    found: dict[int, np.ndarray] = {}
    seen: list[bytes] = []
    n, number, numbers = 0, 1, b""
    with _open(path) as file:
        stated, dim = read_header(name, file.readline(), MOST_DIM)
        for number, word, numbers in vector_lines(file):
            n += 1
            if n <= LOOKED_AT:
                seen.append(word)
            row = rows_of.get(word)
            if row is None and config.lowercase:
                row = rows_of.get(word.decode("utf-8", "replace").lower().encode())
            if row is not None and row not in found:
                found[row] = _vector(numbers, dim, f"{name}:{number}")
    if n < stated:
        raise cut_off(name, stated, n)
    if n:
        _vector(numbers, dim, f"{name}:{number}")  # a file may be cut off in its last line
    if n > stated:
        logger.warning("%s: line 1 states %s words, it has %s: all are read", name,
                       f"{stated:,}", f"{n:,}")  # fmt: skip
    if not found:
        _warn_of_none(name, seen, list(rows_of), config)
    rows = np.fromiter(found, np.int64, len(found))
    vectors = np.array(list(found.values()), np.float32).reshape(len(found), dim)
    return WordVectors(rows, vectors, len(rows_of))


def _vector(numbers: bytes, dim: int, place: str) -> np.ndarray:
    """Return the numbers of a line."""
    try:
        vector = np.array(numbers.split(), np.float32)
    except ValueError:
        vector = np.empty(0, np.float32)
    if vector.size != dim or not np.isfinite(vector).all():
        raise InputError(f"{place}: not a word and {dim} numbers")
    return vector


def _warn_of_none(name: str, seen: Sequence[bytes], known: Sequence[bytes], config: Config) -> None:
    """Log that no word has a vector, and what is the likely reason."""
    if not seen or not known:
        logger.warning("%s: no word of the texts has a vector: there are none", name)
        return
    theirs = [word.decode("utf-8", "replace") for word in seen]
    own = {word.decode("utf-8", "replace") for word in known}
    why = "are they of the same language, cut in the same way?"
    folded = {word.casefold() for word in own}
    tails = {word[max(word.rfind(sign) for sign in "/:_|") + 1 :] for word in theirs}
    if any(word.casefold() in folded for word in theirs):
        why = "they differ in case: leave lowercase on, and give vectors of words in lower case"
    elif any(tail in own for tail in tails):
        why = "the words of the file have a prefix: take it away"
    elif not ANALYZERS[config.analyzer].segments and _is_in(theirs, own):
        why = "the texts are cut into characters: analyzer jieba cuts Chinese ones into words"
    logger.warning(
        "%s: no word of the texts has a vector: the file has words such as %r, the texts %r; %s",
        name, theirs[0], known[0].decode("utf-8", "replace"), why,
    )  # fmt: skip


def _is_in(theirs: Sequence[str], own: set[str]) -> bool:
    """Return whether words of a file consist of single characters that the texts have as tokens."""
    longer = itertools.islice((word for word in theirs if len(word) > 1), 100)
    return any(all(character in own for character in word) for word in longer)


@contextlib.contextmanager
def _open(path: str | os.PathLike[str]) -> Iterator[io.BufferedIOBase]:
    """Open a file of vectors, which is gone over more than once."""
    name = os.fspath(path)
    if name == STDIN:
        raise InputError("vectors cannot be read from standard input: name a file")
    try:
        os.stat(name)
        with open_binary(name) as file:
            yield file
    except InputError:
        raise  # it says already what is wrong
    except DAMAGE as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{name}: cannot read the vectors: {reason.lower()}") from None
