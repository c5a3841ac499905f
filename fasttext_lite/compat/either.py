"""Model files of either kind, ours or fastText's, as models of this package.

What reads fastText's files is imported where there is one.
"""

from __future__ import annotations

import os
from typing import Any

from fasttext_lite.model import storage
from fasttext_lite.model.magic import is_fasttext
from fasttext_lite.model.model import Model


def load_model(path: str | os.PathLike[str], mmap: bool | None = None) -> Model:
    """Read a model file of this package, or one of fastText's as a model of this package.

    Parameters
    ----------
    path : path-like
    mmap : bool, optional
        Of a file of this package, as of `model.storage.load_model`.

    Raises
    ------
    ModelError
        As `model.storage.load_model` and `compat.convert.read_fasttext`.
    """
    return read_model(path, mmap)[0]


def read_model(
    path: str | os.PathLike[str], mmap: bool | None = None
) -> tuple[Model, dict[str, Any]]:
    """Read a model file; return the model and the header, which fastText's files lack: empty.

    Raises
    ------
    ModelError
        As `load_model`.
    """
    if not is_fasttext(path):
        return storage.read_model(path, mmap)
    from fasttext_lite.compat.convert import read_fasttext

    return read_fasttext(path), {}
