"""Files of lines in blocks of bytes, each of which belongs to whoever gets it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from fasttext_lite.compiled.utf8 import first_fault
from fasttext_lite.corpus.compression import (
    DAMAGE,
    Compression,
    beginning,
    check_text,
    compression_of,
    unpacked,
)
from fasttext_lite.corpus.encodings import BOM_UTF8, WIDE_MARKS
from fasttext_lite.errors import InputError
from fasttext_lite.filtering.kernels.strings import mask_faults

BLOCK_BYTES = 1 << 22
_NEWLINE = 10
_READ_BYTES = 1 << 20


class LineFile:
    """A file of lines, packed or not.

    Parameters
    ----------
    path : str
    block_bytes : int
        Size of a block; one with a longer line is larger.

    Attributes
    ----------
    compression : Compression or None
        How it is packed.
    mark : bytes
        A byte order mark, or nothing; known from the first block on.

    Raises
    ------
    InputError
        If it cannot be opened, or is no text in UTF-8.
    """

    def __init__(self, path: str, block_bytes: int = BLOCK_BYTES) -> None:
        self.path, self.mark = path, b""
        self._block_bytes = block_bytes
        try:
            self._raw = open(path, "rb")  # noqa: SIM115 - closed by `close`
            head, begun = beginning(self._raw)
        except OSError as error:
            raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
        self.compression: Compression | None = compression_of(head)
        self._stream = unpacked(begun, head, path)

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def place(self) -> int:
        """Return how many bytes of the file, as it is packed, are read."""
        try:
            return os.lseek(self._raw.fileno(), 0, os.SEEK_CUR)
        except (OSError, ValueError):
            return 0

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield the bytes in blocks of whole lines, uint8[n_bytes], without the mark.

        Raises
        ------
        InputError
            If it cannot be read on, or is no text in UTF-8.
        """
        buffer, filled, n_done = bytearray(self._block_bytes), 0, 0
        is_begun = is_ended = False
        while not is_ended:
            if filled == len(buffer):
                buffer += bytes(len(buffer))
            fresh = filled
            while filled < len(buffer) and not is_ended:
                try:
                    piece = self._stream.read1(min(len(buffer) - filled, _READ_BYTES))
                except DAMAGE as error:
                    raise InputError(
                        f"{self.path}: cannot read on after {n_done + filled} bytes: {error}"
                    ) from None
                is_ended = not piece
                buffer[filled : filled + len(piece)] = piece
                filled += len(piece)
            start = 0
            if not is_begun:
                is_begun, start = True, self._begin(bytes(buffer[: min(filled, 1 << 10)]))
            end = filled if is_ended else buffer.rfind(b"\n", fresh, filled) + 1
            if end <= start:
                continue
            block = np.frombuffer(buffer, np.uint8)[start:end]
            rest = buffer[end:filled]
            buffer = bytearray(max(self._block_bytes, 2 * len(rest)))
            buffer[: len(rest)] = rest
            filled, n_done = len(rest), n_done + end
            yield block

    def _begin(self, head: bytes) -> int:
        """Look at the first bytes; return how many are a mark."""
        if head.startswith(WIDE_MARKS):
            raise InputError(f"{self.path}: the file is UTF-16 or UTF-32: write it as UTF-8 first")
        check_text(head, self.path)
        self.mark = BOM_UTF8 if head.startswith(BOM_UTF8) else b""
        return len(self.mark)


def n_lines(data: np.ndarray) -> int:
    """Return one more than there are newlines: at least the number of lines."""
    return int(np.count_nonzero(data == _NEWLINE)) + 1


def clean(data: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return bytes without faults in UTF-8, and the first place of one in each line that has any.

    Parameters
    ----------
    data : uint8[n_bytes]
    most : int
        At least the number of lines.

    Returns
    -------
    clean : uint8[n_bytes]
        With question marks for what is no UTF-8.
    places : int64[n_faulty_lines]
    """
    if first_fault(data) < 0:
        return data, np.empty(0, np.int64)
    copy, places = np.empty_like(data), np.empty(most, np.int64)
    return copy, places[: mask_faults(data, copy, places)]
