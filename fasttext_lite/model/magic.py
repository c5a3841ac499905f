"""What a model file is, by its first bytes or its name, without NumPy."""

from __future__ import annotations

import codecs
import os
import re
import shlex
from collections.abc import Callable
from typing import NamedTuple

from fasttext_lite.corpus.compression import ENDINGS, compression_of
from fasttext_lite.corpus.signs import LONGEST, SIGNS, is_ours, sign_of
from fasttext_lite.errors import ModelError

OWN_ENDING = ".ftl"
FASTTEXT_ENDINGS = (".bin", ".ftz")
PICKLE_ENDINGS = (".pkl", ".pickle", ".joblib")
TABLE_ENDINGS = (".tsv", ".csv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".parquet")

_PACKED_TAR = re.compile(r"\.(tgz|tbz2?|txz|tar\.[a-z0-9]+)$", re.IGNORECASE)


class _Kind(NamedTuple):
    """A kind of file that people take for a model.

    Attributes
    ----------
    is_it : callable
        Whether a file is one, by what it begins with.
    text : str
        What it is, and what to do; ``{}`` stands for the file as a word of a shell.
    """

    is_it: Callable[[bytes], object]
    text: str


def _begins(*starts: bytes) -> Callable[[bytes], object]:
    return lambda start: start.startswith(starts)


def _is_text(start: bytes) -> bool:
    """Return whether something is UTF-8 without bytes that no text has."""
    try:
        # Where the file goes on, its start may end in the middle of a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(start, len(start) < LONGEST)
    except UnicodeDecodeError:
        return False
    return not re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text)


# The first that fits counts.
_KINDS = (
    _Kind(lambda start: not start, "it is empty"),
    _Kind(
        _begins(b"version https://git-lfs"),
        "it is a pointer of Git LFS: `git lfs pull` fetches the file that it stands for",
    ),
    _Kind(
        re.compile(rb"\s*(<!doctype|<html|<\?xml)", re.IGNORECASE).match,
        "it is HTML or XML: what was downloaded is not the file, but a page about it",
    ),
    _Kind(SIGNS["tar"].is_of, "it is a tar archive: unpack it first (tar -xf {})"),
    _Kind(
        SIGNS["pickle"].is_of, "it is a pickle: what wrote it reads it (pickle.load, joblib.load)"
    ),
    _Kind(SIGNS["hdf5"].is_of, "it is an HDF5 file, as Keras writes them"),
    _Kind(SIGNS["numpy"].is_of, "it is a NumPy array"),
    _Kind(SIGNS["parquet"].is_of, "it is a Parquet file"),
    _Kind(SIGNS["pdf"].is_of, "it is a PDF file"),
    _Kind(SIGNS["picture"].is_of, "it is a picture"),
    _Kind(SIGNS["program"].is_of, "it is a program"),
    _Kind(
        re.compile(rb"[1-9]\d* [1-9]\d* ?\r?\n").match,
        "it is a file of word vectors: `train --pretrained-vectors {}` starts from them",
    ),
    _Kind(_is_text, "it is a text: `fasttext-lite train {}` makes a model of labelled ones"),
)


def is_fasttext(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins like a model of fastText; False if it cannot be read."""
    return SIGNS["fasttext"].is_of(start_of(path))


def packing(start: bytes, name: str) -> str:
    """Return how to unpack a file that is no model as it is; empty if it is not packed.

    Parameters
    ----------
    start : bytes
        What the file begins with.
    name : str
    """
    found = compression_of(start)
    file = shlex.quote(name)
    if found is not None and _PACKED_TAR.search(name):
        return f"{name}: it is a packed tar archive: unpack it first (tar -xf {file})"
    if found is None and not SIGNS["zip"].is_of(start):
        return ""
    kind, ending, tool = ("zip", "", "unzip") if found is None else (
        found.name, found.ending, found.tool
    )  # fmt: skip
    how = f"{tool} {file}" if name.endswith(ending) else f"{tool} < {file} > MODEL"
    return f"{name}: it is packed with {kind}: unpack it first ({how})"


def other_kind(start: bytes, name: str) -> str:
    """Return what a file is that is no model, and what to do; empty if nobody knows.

    Parameters
    ----------
    start : bytes
        What the file begins with, `LONGEST` bytes if it has so many.
    name : str
    """
    if is_ours(start):
        return ""  # it is damaged
    found = next((kind.text for kind in _KINDS if kind.is_it(start)), "")
    return found.format(shlex.quote(name))


def start_of(path: str | os.PathLike[str]) -> bytes:
    """Return the first `LONGEST` bytes of a file; none if it cannot be read."""
    try:
        if not os.path.isfile(path):  # a pipe would wait, and lose what is read
            return b""
        with open(path, "rb") as file:
            return file.read(LONGEST)
    except OSError:
        return b""


def packing_of(path: str) -> str:
    """Return what `packing` says of a file; empty if it cannot be read."""
    return packing(start_of(path), path)


def check_order(model: str, file: str, call: str) -> None:
    """Raise `ModelError` if a file of texts stands in the model's place, and the model in its.

    Parameters
    ----------
    model, file : str
    call : str
        The command that takes them.
    """
    swapped = [start_of(path) for path in (file, model)]
    one, other = (sign_of(start) in ("ours", "fasttext") for start in swapped)
    if one and not other:
        words = shlex.join([*call.split(), file, model])
        raise ModelError(f"{file} is a model, {model} is none: first the model: {words}")


def check_ending(path: str | os.PathLike[str]) -> None:
    """Raise `ModelError` for no name, or one that says another kind of file than our models.

    The ending says to people and programs what a file holds: one of ours called model.bin would
    be refused by fastText later, and far from here.
    """
    name = os.fsdecode(path)
    if not name:
        raise ModelError("cannot write the model: the name of the file is empty")
    stem, ending = os.path.splitext(name)
    own, other = shlex.quote(stem + OWN_ENDING), shlex.quote(name)
    if ending.lower() in FASTTEXT_ENDINGS:
        raise ModelError(
            f"{name}: that ending is fastText's, and the model is none of its files: write {own}; "
            "for programs of fastText's train with --preset fasttext and "
            f"`fasttext-lite convert {own} {other}`, or with `fasttext-lite supervised`"
        )
    if ending.lower() in PICKLE_ENDINGS:
        raise ModelError(
            f"{name}: that ending is a pickle's, and the model is a file of its own: write {own}"
        )
    if ending.lower() in (*TABLE_ENDINGS, *ENDINGS):
        raise ModelError(f"{name}: that ending is one of texts, not of a model: write {own}")
