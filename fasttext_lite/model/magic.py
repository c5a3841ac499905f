"""What a model file is, by its first bytes or its name, without NumPy."""

from __future__ import annotations

import os
import shlex

from fasttext_lite.corpus.compression import LONGEST_MAGIC, compression_of
from fasttext_lite.errors import ModelError

FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")
OWN_ENDING = ".ftl"
FASTTEXT_ENDINGS = (".bin", ".ftz")
PICKLE_ENDINGS = (".pkl", ".pickle", ".joblib")

# What is packed, and in none of the ways that texts may be.
_ZIP = b"PK\x03\x04"


def is_fasttext(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins like a model of fastText; False if it cannot be read."""
    try:
        if not os.path.isfile(path):  # a pipe would wait, and lose what is read
            return False
        with open(path, "rb") as file:
            return file.read(len(FASTTEXT_MAGIC)) == FASTTEXT_MAGIC
    except OSError:
        return False


def packing(start: bytes, name: str) -> str:
    """Return how to unpack a file that is no model as it is; empty if it is not packed.

    Parameters
    ----------
    start : bytes
        What the file begins with.
    name : str
    """
    found = compression_of(start)
    if found is None and not start.startswith(_ZIP):
        return ""
    kind, ending, tool = ("zip", "", "unzip") if found is None else (
        found.name, found.ending, found.tool
    )  # fmt: skip
    file = shlex.quote(name)
    how = f"{tool} {file}" if name.endswith(ending) else f"{tool} < {file} > MODEL"
    return f"{name}: it is packed with {kind}: unpack it first ({how})"


def packing_of(path: str) -> str:
    """Return what `packing` says of a file; empty if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return packing(file.read(LONGEST_MAGIC), path)
    except OSError:
        return ""


def check_ending(path: str | os.PathLike[str]) -> None:
    """Raise `ModelError` for a name that says another kind of file than one of our models.

    The ending says to people and programs what a file holds: one of ours called model.bin would
    be refused by fastText later, and far from here.
    """
    name = os.fsdecode(path)
    stem, ending = os.path.splitext(name)
    own, other = shlex.quote(stem + OWN_ENDING), shlex.quote(name)
    if ending.lower() in FASTTEXT_ENDINGS:
        raise ModelError(
            f"{name}: that ending is fastText's, and the model is none of its files: write {own}, "
            f"then `fasttext-lite convert {own} {other}`; or train with `fasttext-lite supervised`"
        )
    if ending.lower() in PICKLE_ENDINGS:
        raise ModelError(
            f"{name}: that ending is a pickle's, and the model is a file of its own: write {own}"
        )
