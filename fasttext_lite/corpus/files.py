"""Bytes of text files: opening, blocks of whole lines, single lines.

What cannot be read is an `InputError` with path:line.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator

import numpy as np

from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import InputError

_READ_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"


class ReadError(Exception):
    """A file was opened but cannot be read to its end; all lines before were handed out."""


@contextlib.contextmanager
def open_text(path: str) -> Iterator[io.BufferedIOBase]:
    """Open a file or standard input ("-") for reading bytes; gzip is recognised by content.

    Raises
    ------
    InputError
        If the file cannot be opened; the message has its name and the reason.
    """
    with contextlib.ExitStack() as stack:
        try:
            if path != STDIN:
                raw = stack.enter_context(open(path, "rb"))
            elif sys.stdin is not None:
                raw = sys.stdin.buffer  # type: ignore[assignment]
            else:
                raise InputError(f"{name_of(path)}: standard input is closed")
            is_gzip = raw.peek(2)[:2] == b"\x1f\x8b"
        except OSError as error:
            raise InputError(f"{name_of(path)}: {(error.strerror or str(error)).lower()}") from None
        yield stack.enter_context(gzip.GzipFile(fileobj=raw)) if is_gzip else raw


def iter_blocks(
    path: str, chunk_bytes: int, fill: bool = True
) -> Generator[np.ndarray, None, None]:
    """Yield the bytes of a file in blocks of whole lines, without a byte order mark.

    Parameters
    ----------
    path : str
    chunk_bytes : int
        Size of a block; one with a longer line is larger.
    fill : bool
        Wait until a block is full, not only until it has a line.

    Yields
    ------
    uint8[n_bytes]
        Line ends included (the last line may lack its own); valid until the next block.
        Empty only where the file is nothing but a byte order mark.

    Raises
    ------
    InputError
        If the file cannot be opened.
    ReadError
        If it cannot be read on (also: a damaged .gz file).
    """
    with open_text(path) as stream:
        buffer = bytearray(chunk_bytes)
        filled = 0
        at_start, ended = True, False
        failure = None
        while not (ended or failure):
            if filled == len(buffer):
                buffer = buffer + bytes(len(buffer))
            fresh = filled
            try:
                while filled < len(buffer) and not ended:
                    piece = stream.read1(min(len(buffer) - filled, _READ_BYTES))
                    ended = not piece
                    buffer[filled : filled + len(piece)] = piece
                    filled += len(piece)
                    if not fill:
                        break
            except (OSError, EOFError, zlib.error) as error:
                failure = error
            end = filled if ended else buffer.rfind(b"\n", fresh, filled) + 1
            if end == 0:
                continue
            start = len(_BOM) if at_start and buffer.startswith(_BOM) else 0
            at_start = False
            yield np.frombuffer(buffer, np.uint8)[start:end]
            buffer[: filled - end] = buffer[end:filled]
            filled -= end
        if failure:
            raise ReadError(str(failure)) from failure


def split_lines(block: np.ndarray) -> Iterator[bytes]:
    """Yield the lines of a block without their ends."""
    if not block.size:
        yield b""
    for line in io.BytesIO(block.tobytes()):
        yield line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")


def iter_lines(
    path: str, blocks: Iterable[np.ndarray] | None = None, chunk_bytes: int = 1 << 20
) -> Iterator[bytes]:
    """Yield the lines of a file as bytes, without line ends and without a byte order mark.

    Parameters
    ----------
    path : str
    blocks : iterable of uint8[n_bytes], optional
        The file's blocks, where they are read already.
    chunk_bytes : int

    Raises
    ------
    InputError
        If the file cannot be opened or read (also: a damaged .gz file).
    """
    number = 0
    try:
        for block in iter_blocks(path, chunk_bytes) if blocks is None else blocks:
            for line in split_lines(block):
                number += 1
                yield line
    except ReadError as failure:
        raise broken(path, number, failure) from None


def broken(path: str, n_lines: int, failure: ReadError) -> InputError:
    """Return the error of a file that cannot be read on after some lines."""
    return InputError(f"{name_of(path)}:{n_lines + 1}: cannot read on: {failure}")


def name_of(path: str) -> str:
    """Return what messages call a file."""
    return "<stdin>" if path == STDIN else str(path)


def decode_line(line: bytes, path: str, number: int) -> str:
    """Return a line as a string.

    Raises
    ------
    InputError
        If it is not UTF-8; the message has the place and the first bad byte.
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name_of(path)}:{number}: not UTF-8 (byte 0x{line[error.start]:02x} at column "
            f"{error.start + 1}); convert the file, for example with: iconv -f GB18030 -t UTF-8"
        ) from None
