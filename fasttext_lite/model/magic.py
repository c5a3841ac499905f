"""How a model file of fastText is told from others: by its first four bytes."""

from __future__ import annotations

import os

# 793712314, little-endian (fasttext.cc, FASTTEXT_FILEFORMAT_MAGIC_INT32).
FASTTEXT_MAGIC = b"\xba\x16\x4f\x2f"


def is_fasttext(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins like a model of fastText; False if it cannot be read."""
    try:
        if not os.path.isfile(path):  # a pipe would wait, and lose what is read
            return False
        with open(path, "rb") as file:
            return file.read(len(FASTTEXT_MAGIC)) == FASTTEXT_MAGIC
    except OSError:
        return False
