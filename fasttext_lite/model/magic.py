"""How a model file of fastText is told from others: by its first bytes, without NumPy."""

from __future__ import annotations

import os

FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")


def is_fasttext(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins like a model of fastText; False if it cannot be read."""
    try:
        if not os.path.isfile(path):  # a pipe would wait, and lose what is read
            return False
        with open(path, "rb") as file:
            return file.read(len(FASTTEXT_MAGIC)) == FASTTEXT_MAGIC
    except OSError:
        return False
