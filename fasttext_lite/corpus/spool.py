"""What a stream says, kept so that it can be read again."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast

from fasttext_lite import system
from fasttext_lite.corpus.compression import COMPRESSIONS, beginning
from fasttext_lite.errors import InputError

SPOOLED_BYTES = 1 << 22  # in memory; more comes into a file
_STEP = 1 << 20  # bytes at a time


class Spool:
    """The bytes of a stream, in memory or in a temporary file without a name.

    Parameters
    ----------
    stream : binary file
        Is read to its end.
    name : str
        Of the stream, in messages.

    Attributes
    ----------
    size : int
        Bytes that are kept.
    is_packed : bool

    Raises
    ------
    InputError
        If it cannot be read, or there is no room for it.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._file = None
        try:
            head, begun = beginning(cast(io.BufferedReader, stream))
            self._held = begun.read(SPOOLED_BYTES)
        except OSError as error:
            raise InputError(f"{name}: {(error.strerror or str(error)).lower()}") from None
        self.size = len(self._held)
        self.is_packed = any(head.startswith(way.magics) for way in COMPRESSIONS.values())
        if self.size < SPOOLED_BYTES:
            return
        try:
            self._file = system.nameless_file()
            self._fill(begun)
        except OSError as error:
            self.close()
            raise InputError(
                f"{system.temporary_folder()}: cannot keep the texts of {name} here: "
                f"{(error.strerror or str(error)).lower()}; name another folder in TMPDIR"
            ) from None

    def _fill(self, stream: io.BufferedIOBase) -> None:
        assert self._file is not None
        packer = None if self.is_packed else _packer()
        piece, self._held = self._held, b""
        while piece:
            self._file.write(piece if packer is None else packer.compress(piece))
            piece = stream.read(_STEP)
        if packer is not None:
            self._file.write(packer.flush())
        self._file.flush()
        self.size = self._file.tell()
        self.is_packed = self.is_packed or packer is not None

    def open(self) -> BinaryIO:
        """Return a stream of what was kept, from its beginning."""
        if self._file is None:
            return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, io.BytesIO(self._held))))
        return cast(BinaryIO, io.BufferedReader(_Part(self._file.fileno()), _STEP))

    def close(self) -> None:
        """Forget what was kept."""
        if self._file is not None:
            self._file.close()
        self._held = b""


def _packer() -> Any:
    """Return what packs with zstd, quickly; None where that is not there."""
    try:
        import zstandard
    except ImportError:
        return None
    return zstandard.ZstdCompressor(level=1).compressobj()


class _Part(io.RawIOBase):
    """Reads an open file with a place of its own."""

    def __init__(self, fd: int) -> None:
        self._fd, self._place = fd, 0

    def readable(self) -> bool:
        return True

    def readinto(self, space: memoryview) -> int:  # type: ignore[override]
        n = system.read_at(self._fd, self._place, memoryview(space).cast("B"))
        self._place += n
        return n
