"""One model as it is served: read, checked, warmed, and known by what its file holds."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from fasttext_lite.compat.either import read_model
from fasttext_lite.errors import ModelError, UsageError
from fasttext_lite.explanation.contributions import explain
from fasttext_lite.model.magic import is_fasttext
from fasttext_lite.model.model import Model

DIGITS = 16  # of a version
_STEP = 1 << 22  # bytes of a file that are hashed at a time
# What a model is warmed with: a text for the way of single ones, so many for that of batches.
_WARM, _MANY = "a text to begin with", 20


class FileState(NamedTuple):
    """What tells one file of a name from the next.

    Attributes
    ----------
    inode : int
    time : int
        Of its last change, in nanoseconds.
    size : int
        In bytes.
    """

    inode: int
    time: int
    size: int


def state_of(path: str) -> FileState | None:
    """Return what the file of a name is now; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return FileState(found.st_ino, found.st_mtime_ns, found.st_size)


@dataclass(frozen=True, eq=False)
class Served:
    """A model that requests are answered by; it never changes.

    Attributes
    ----------
    name : str
        Which requests call it by.
    path : str
    model : Model
    kind : str
        "fasttext-lite", "fasttext-lite, quantised" or "fastText".
    state : FileState
        Of the file that it was read from.
    version : str
        The first 16 digits of the SHA-256 of the file.
    loaded_at : float
        Seconds since 1970.
    """

    name: str
    path: str
    model: Model
    kind: str
    state: FileState
    version: str
    loaded_at: float = field(default_factory=time.time)


class ChangingError(ModelError):
    """Raised for a file that was changed while it was read."""


def load(name: str, path: str) -> Served:
    """Read a model file, all of it, and make it ready.

    Parameters
    ----------
    name, path : str

    Returns
    -------
    Served
        Its kernels are compiled, its file is needed no more.

    Raises
    ------
    ModelError
        If the file is missing, damaged or of another kind.
    ChangingError
        If it was changed while it was read.
    """
    before = state_of(path)
    if before is None:
        raise ModelError(f"{path}: there is no such file")
    if not os.path.isfile(path) and not os.path.isdir(path):  # a pipe would be waited for
        raise ModelError(f"{path}: cannot read the model: not a regular file")
    version = _hash(path)
    model = read_model(path, mmap=False)[0]
    if state_of(path) != before:
        raise ChangingError(f"{path}: the file was changed while it was read")
    warm(model)
    kind = "fastText" if is_fasttext(path) else "fasttext-lite"
    if model.packed is not None:
        kind += ", quantised"
    return Served(name, path, model, kind, before, version)


def warm(model: Model) -> None:
    """Compile, or read from the cache, what the first requests would wait for."""
    model.predict_one(_WARM)
    model.predict([_WARM] * _MANY, n_threads=1)
    model.judge([_WARM])
    model.judge([_WARM] * _MANY, 1)
    explain(model, _WARM)


def _hash(path: str) -> str:
    """Return the version of a file."""
    found = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while part := file.read(_STEP):
                found.update(part)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"{path}: cannot read the model: {reason}") from None
    return found.hexdigest()[:DIGITS]


def names_of(given: list[str]) -> dict[str, str]:
    """Return the paths of models by their names.

    Parameters
    ----------
    given : list of str
        Each ``PATH``, whose file's stem is the name, or ``NAME=PATH``.

    Raises
    ------
    UsageError
        If two models have one name, or one has none.
    """
    found: dict[str, str] = {}
    for word in given:
        name, sign, path = word.partition("=")
        if not sign or os.path.exists(word) or os.sep in name:
            name, path = os.path.splitext(os.path.basename(word))[0], word
        if not name or not path or not name.isprintable() or "/" in name:
            raise UsageError(f"{word}: a model is given as MODEL or NAME=MODEL; a name has no /")
        if name in found:
            raise UsageError(
                f"{found[name]} and {path} are both called {name}: give one another name, "
                "as in NAME=MODEL"
            )
        found[name] = path
    return found
