"""Static embeddings as files of word vectors: a table in safetensors, and whose rows they are.

Such are the models of model2vec and the static ones of sentence-transformers: ``model.safetensors``
has a row for each token of ``tokenizer.json`` (Hugging Face's form). Tokens that are whole words
are taken.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.fitting.vector_files import BLOCK, MOST_DIM, VectorBlock
from fasttext_lite.model.magic import start_of
from fasttext_lite.model.safetensors import MappedFile, read_file

TABLE, TOKENIZER = "model.safetensors", "tokenizer.json"
NAMES = ("embeddings", "embedding.weight")  # of model2vec and of sentence-transformers
WEIGHTS, MAPPING = "weights", "mapping"  # of model2vec: a factor of each token, and its row
KINDS = ("F16", "BF16", "F32", "F64", "I8")  # of the table
# What tokens that begin a word are marked with: by SentencePiece, by byte-level BPE.
BEGINS = ("\u2581", "\u0120")
UNUSED = re.compile(r"\[unused\d+\]|<unused\d+>")
LARGEST_INT8 = 127.0


def is_static(path: str) -> bool:
    """Return whether a path is a folder, or a file of safetensors."""
    return path != STDIN and (os.path.isdir(path) or start_of(path)[8:10] == b'{"')


def static_dim(path: str) -> int:
    """Return the number of dimensions of static embeddings.

    Raises
    ------
    InputError
        If the files cannot be read, or have no table.
    """
    return _Table(_files(path)[0]).dim


def static_blocks(path: str) -> Iterator[VectorBlock]:
    """Yield the tokens that are words, in the order of the vocabulary.

    Raises
    ------
    InputError
        If the files cannot be read, or do not go together.
    """
    table_path, tokenizer = _files(path)
    table = _Table(table_path)
    words = _words(tokenizer)
    table.check(max((number for _, number in words), default=-1), tokenizer)
    for first in range(0, len(words), BLOCK):
        part = words[first : first + BLOCK]
        yield VectorBlock([word for word, _ in part], _taker(table, [n for _, n in part]))


def _files(path: str) -> tuple[str, str]:
    """Return where the table and the vocabulary lie, in a folder or the only one inside it."""
    folder, table = os.path.dirname(path), path
    if os.path.isdir(path):
        try:
            inside = sorted(entry.path for entry in os.scandir(path) if entry.is_dir())
        except OSError as error:
            raise InputError(_unreadable(path, error)) from None
        folders = [each for each in (path, *inside) if os.path.isfile(os.path.join(each, TABLE))]
        if not folders:
            raise InputError(f"{path}: a folder without {TABLE}: not one of static embeddings")
        folder, table = folders[0], os.path.join(folders[0], TABLE)
    tokenizer = os.path.join(folder, TOKENIZER)
    if not os.path.isfile(tokenizer):
        raise InputError(f"{table}: no {TOKENIZER} beside it, which says what word each row is of")
    return table, tokenizer


def _unreadable(path: str, error: OSError) -> str:
    return f"{path}: cannot read the vectors: {(error.strerror or str(error)).lower()}"


def _taker(table: _Table, numbers: list[int]) -> Callable[[Sequence[int]], np.ndarray]:
    """Return what reads the vectors of some tokens."""
    return lambda places: table.rows(np.array([numbers[place] for place in places], np.int64))


class _Table:
    """The table of a file of static embeddings.

    Attributes
    ----------
    dim : int
    n_tokens : int
        Tokens that have a vector.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            file = read_file(path, "the vectors", "a file of vectors")
            name = self._name(file)
            self.table = file.array(name)
            self.weights, self.mapping = (
                file.array(each) if each in file.entries else None for each in (WEIGHTS, MAPPING)
            )
        except ModelError as error:
            raise InputError(str(error)) from None
        self.n_tokens, self.dim = self.table.shape
        self.is_int8 = self.table.dtype == np.int8
        if self.mapping is not None:
            self._check_mapping(self.mapping)
            self.n_tokens = self.mapping.size
        if self.weights is not None and self.weights.shape != (self.n_tokens,):
            raise InputError(
                f"{path}: {WEIGHTS} of shape {self.weights.shape}, not a number for each of "
                f"{self.n_tokens:,} tokens"
            )

    def _name(self, file: MappedFile) -> str:
        """Return the name of the table: one that is known, else that of the only one."""
        tables = [name for name, (_, shape, _) in file.entries.items() if len(shape) == 2]
        chosen = [name for name in NAMES if name in tables] or tables
        if len(chosen) != 1:
            what = f"several tables ({', '.join(sorted(tables)[:3])})" if tables else "no table"
            raise InputError(
                f"{self.path}: not static embeddings: it has {what}, not one of two dimensions "
                f"({' or '.join(NAMES)})"
            )
        kind, (_, dim), _ = file.entries[chosen[0]]
        if not 1 <= dim <= MOST_DIM or kind not in KINDS:
            raise InputError(
                f"{self.path}: {chosen[0]} has vectors of {dim:,} numbers of type {kind}: up to "
                f"{MOST_DIM:,} of {', '.join(KINDS)} are read"
            )
        return chosen[0]

    def _check_mapping(self, mapping: np.ndarray) -> None:
        good = mapping.ndim == 1 and mapping.dtype.kind in "iu" and mapping.size
        if not good or mapping.min() < 0 or mapping.max() >= len(self.table):
            raise InputError(f"{self.path}: {MAPPING} does not name rows of the table")

    def check(self, last: int, tokenizer: str) -> None:
        """Raise `InputError` if the vocabulary has a token beyond the table."""
        if last >= self.n_tokens:
            raise InputError(
                f"{self.path}: vectors of {self.n_tokens:,} tokens, but {tokenizer} has a token "
                f"{last:,}: they do not go together"
            )

    def rows(self, tokens: np.ndarray) -> np.ndarray:
        """Return the vectors of tokens, float32[n, dim]."""
        rows = tokens if self.mapping is None else self.mapping[tokens].astype(np.int64)
        with np.errstate(over="ignore", invalid="ignore"):
            found = self.table[rows].astype(np.float32)
            if self.is_int8:  # whole numbers up to 127, whose step the file does not say
                found /= np.float32(LARGEST_INT8)
            if self.weights is not None:
                found *= self.weights[tokens].astype(np.float32)[:, None]
        good = np.isfinite(found).all(axis=1)
        if not good.all():
            bad = int(tokens[np.flatnonzero(~good)[0]])
            raise InputError(
                f"{self.path}: the vector of token {bad:,} has a number that is not finite"
            )
        return found


# -- the vocabulary --------------------------------------------------------------------------
def _words(path: str) -> list[tuple[bytes, int]]:
    """Return the tokens that are words, without their marks, and their numbers, ascending."""
    try:
        with open(path, "rb") as file:
            about = json.loads(file.read().decode())
        model = about["model"]
        special = {each["id"] for each in about.get("added_tokens") or () if each["special"]}
        special |= {model.get("unk_id")}
        tokens = [
            (token, number)
            for token, number in _tokens(model["vocab"])
            if number not in special and token != model.get("unk_token")
        ]
        return _whole_words(path, model, tokens)
    except InputError:
        raise
    except OSError as error:
        raise InputError(_unreadable(path, error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{path}: not a tokenizer with a vocabulary, or cut or damaged") from None


def _tokens(vocab: Any) -> list[tuple[str, int]]:
    """Return tokens and their numbers: of a dict, or in order, with their scores."""
    if isinstance(vocab, dict):
        found = list(vocab.items())
    else:
        found = [(token, number) for number, (token, _) in enumerate(vocab)]
    good = all(type(token) is str and type(number) is int for token, number in found)
    if not found or not good or min(number for _, number in found) < 0:
        raise ValueError
    return sorted(found, key=lambda pair: pair[1])


def _whole_words(
    path: str, model: dict[str, Any], tokens: list[tuple[str, int]]
) -> list[tuple[bytes, int]]:
    """Return the tokens that are whole words, or begin one, without the mark of that."""
    tokens = [pair for pair in tokens if not UNUSED.fullmatch(pair[0])]
    kind = model.get("type")
    if kind == "WordLevel":
        return [(_utf8(token), number) for token, number in tokens if token]
    if kind == "WordPiece":
        prefix = model.get("continuing_subword_prefix") or "##"
        whole = [pair for pair in tokens if pair[0] and not pair[0].startswith(prefix)]
        return [(_utf8(token), number) for token, number in whole]
    mark = max(BEGINS, key=lambda mark: sum(token.startswith(mark) for token, _ in tokens))
    begun = [(token[1:], number) for token, number in tokens if token.startswith(mark)]
    if not begun:
        raise InputError(
            f"{path}: no token of this vocabulary ({kind}) has a mark of where a word begins: "
            "which of them are words is not known"
        )
    read = _bytes_of if mark == BEGINS[1] else _utf8
    return [(read(token), number) for token, number in begun if token]


def _utf8(token: str) -> bytes:
    """Return a token as UTF-8."""
    return token.encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _byte_of() -> dict[str, int]:
    """Return the byte that each character of byte-level BPE stands for.

    Bytes that are visible in Latin-1 stand for themselves, the others for 256 and up, in order.
    """
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {
        chr(256 + i): byte for i, byte in enumerate(others)
    }


def _bytes_of(token: str) -> bytes:
    """Return what a token of byte-level BPE stands for."""
    table = _byte_of()
    if all(character in table for character in token):
        return bytes(table[character] for character in token)
    return _utf8(token)
