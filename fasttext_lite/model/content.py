"""What tells the content of one model file from that of another, in a few milliseconds."""

from __future__ import annotations

import hashlib
import os
import stat

from fasttext_lite.errors import ModelError

READ_WHOLE = 1 << 20  # bytes of a file up to which all of them are looked at
PIECE = 1 << 14  # bytes of each piece that is looked at of a larger one
N_PIECES = 64


def fingerprint(path: str, more: str = "") -> str:
    """Return a hash of a file's size and content; of files over 1 MB, of 64 pieces of it.

    No times: a copy on another machine has others.

    Parameters
    ----------
    path : str
    more : str
        What to add to the message if there is no such file.

    Raises
    ------
    ModelError
        If it cannot be read.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would wait for its writer
            raise ModelError(f"{path} cannot be opened for loading: it is not a regular file")
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=16)
            if size <= READ_WHOLE:
                digest.update(file.read())
            else:
                for i in range(N_PIECES):
                    file.seek((size - PIECE) * i // (N_PIECES - 1))
                    digest.update(file.read(PIECE))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"{path} cannot be opened for loading: {reason}{more}") from None
    return digest.hexdigest()
