"""Packed files: each way of packing is a record, told by the first bytes of a file.

To add one, add a record.  What is no text at all is told here, too, so that the message can say
what a file is and not only that it cannot be read.
"""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from fasttext_lite.config.records import Records
from fasttext_lite.corpus.signs import sign_of
from fasttext_lite.errors import InputError


@dataclass(frozen=True)
class Compression:
    """One way of packing a file.

    Attributes
    ----------
    name : str
    magics : tuple of bytes
        What packed files begin with: one of these.
    ending : str
        Of their names, with the dot.
    unpack : callable
        Given a binary stream, returns one of what is packed in it; `ImportError` where the
        library is missing.
    tool : str
        Command that unpacks a file.
    packer : callable
        Returns what packs: bytes by its `compress`, the rest by its `flush`.
    extra : str
        Of this package, that brings the library; "" if nothing is needed.
    """

    name: str
    magics: tuple[bytes, ...]
    ending: str
    unpack: Callable[[BinaryIO], io.BufferedIOBase]
    tool: str
    packer: Callable[[], Any]
    extra: str = ""


def _gzip_packer() -> Any:
    # The usual level 6 takes two and a half times as long, for texts that are 4 % smaller.
    return zlib.compressobj(level=4, wbits=16 + zlib.MAX_WBITS)


def _bzip2_packer() -> Any:
    import bz2

    return bz2.BZ2Compressor()


def _zstd_packer() -> Any:
    import zstandard

    return zstandard.ZstdCompressor().compressobj()


def _gzip(stream: BinaryIO) -> io.BufferedIOBase:
    return gzip.GzipFile(fileobj=stream)


def _bzip2(stream: BinaryIO) -> io.BufferedIOBase:
    import bz2

    return bz2.BZ2File(stream)


def _xz(stream: BinaryIO) -> io.BufferedIOBase:
    return lzma.LZMAFile(stream)


def _zstd(stream: BinaryIO) -> io.BufferedIOBase:
    import zstandard

    return io.BufferedReader(_Zstd(stream, zstandard))


class _Zstd(io.RawIOBase):
    """What is packed in frames of zstd; a frame that breaks off is an `EOFError`.

    The reader of the library ends there without a word.
    """

    _READ = 1 << 15

    def __init__(self, stream: BinaryIO, library: Any) -> None:
        self._stream, self._library = stream, library
        self._frame: Any = None
        self._packed, self._held = b"", b""

    def readable(self) -> bool:
        return True

    def readinto(self, space: memoryview) -> int:  # type: ignore[override]
        while not self._held:
            packed = self._packed or self._stream.read1(self._READ)  # type: ignore[attr-defined]
            self._packed = b""
            if not packed:
                if self._frame is not None:
                    raise EOFError("the packed file breaks off")
                return 0
            if self._frame is None:
                self._frame = self._library.ZstdDecompressor().decompressobj()
            try:
                self._held = self._frame.decompress(packed)
            except self._library.ZstdError as error:
                raise EOFError(str(error)) from None
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
        size = min(len(space), len(self._held))
        space[:size], self._held = self._held[:size], self._held[size:]
        return size


# The sign alone may begin a text: a level and the sign of a block, or of the end, stand behind.
_BZIP2 = tuple(
    b"BZh%d" % level + sign for level in range(1, 10) for sign in (b"1AY&SY", b"\x17rE8P\x90")
)

COMPRESSIONS: Records[Compression] = Records(
    "compression",
    Compression("gzip", (b"\x1f\x8b",), ".gz", _gzip, "gunzip", _gzip_packer),
    Compression("zstd", (b"\x28\xb5\x2f\xfd",), ".zst", _zstd, "unzstd", _zstd_packer, "zstd"),
    Compression("bzip2", _BZIP2, ".bz2", _bzip2, "bunzip2", _bzip2_packer),
    Compression("xz", (b"\xfd7zXZ\x00",), ".xz", _xz, "unxz", lzma.LZMACompressor),
)
ENDINGS = tuple(each.ending for each in COMPRESSIONS.values())
LONGEST_MAGIC = max(len(magic) for each in COMPRESSIONS.values() for magic in each.magics)

# What cannot be unpacked or read to its end raises one of these.
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)

# What some files are that hold no lines of text, by their sign, and what to do with them.
NO_TEXT = {
    "zip": "a zip archive or an Excel workbook: unpack it, or save the table as CSV",
    "tar": "a tar archive: unpack it, and name the file in it",
    "parquet": "a Parquet file: write its columns as CSV or JSON lines first",
    "pdf": "a PDF file: extract its text first",
    "numpy": "a NumPy array: text is needed",
    "hdf5": "an HDF5 file: write its texts as CSV or JSON lines first",
    "picture": "a picture: text is needed",
    "pickle": "a pickle: write its texts as CSV or JSON lines first",
    "program": "a program: text is needed",
    "fasttext": "a model of fastText: give the model first, then the text",
    "ours": "a model: give the model first, then the text",
}


def compression_of(head: bytes) -> Compression | None:
    """Return how a file is packed that begins with `head`; None if it is not."""
    return next((each for each in COMPRESSIONS.values() if head.startswith(each.magics)), None)


def beginning(raw: io.BufferedReader) -> tuple[bytes, io.BufferedReader]:
    """Return the first bytes of a stream, and a stream that still holds them.

    They may come in pieces: as long as they begin like a packed file, more are waited for.
    """
    head = raw.peek(LONGEST_MAGIC)[:LONGEST_MAGIC]
    if not _may_go_on(head):
        return head, raw
    held = b""
    while _may_go_on(held) and (piece := raw.read1(LONGEST_MAGIC - len(held))):
        held += piece
    return held, io.BufferedReader(_Joined(held, raw))


def _may_go_on(head: bytes) -> bool:
    magics = [magic for each in COMPRESSIONS.values() for magic in each.magics]
    return any(magic.startswith(head) and magic != head for magic in magics)


class _Joined(io.RawIOBase):
    """Some bytes, and a stream behind them."""

    def __init__(self, held: bytes, stream: io.BufferedReader) -> None:
        self._held, self._stream = held, stream

    def readable(self) -> bool:
        return True

    def readinto(self, space: memoryview) -> int:  # type: ignore[override]
        piece = self._held[: len(space)] or self._stream.read1(len(space))
        self._held = self._held[len(space) :]
        space[: len(piece)] = piece
        return len(piece)


def check_text(head: bytes, name: str) -> None:
    """Raise `InputError` for what is unpacked and still no text.

    Parameters
    ----------
    head : bytes
        The first bytes of what is to be a text.
    name : str
        Of the file, for messages.
    """
    sign = sign_of(head)
    if sign is not None:
        raise InputError(f"{name}: not text but {NO_TEXT[sign]}")
    packed = compression_of(head)
    if packed is not None:
        raise InputError(f"{name}: packed twice: unpack it once with {packed.tool}")


def unpacked(stream: BinaryIO, head: bytes, name: str) -> io.BufferedIOBase:
    """Return a stream of what a file holds, unpacked if it is packed; see also `check_text`.

    Parameters
    ----------
    stream : binary stream
        At its beginning.
    head : bytes
        Its first bytes, which the stream still holds.
    name : str
        Of the file, for messages.

    Raises
    ------
    InputError
        If the library that unpacks it is missing.
    """
    found = compression_of(head)
    if found is None:
        return cast(io.BufferedIOBase, stream)
    try:
        return found.unpack(stream)
    except ImportError:
        raise InputError(
            f"{name}: packed with {found.name}: unpack it with {found.tool}, or pip install "
            f"'fasttext-lite[{found.extra}]'"
        ) from None
