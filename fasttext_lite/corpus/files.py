"""Bytes of text files: opening, blocks of whole lines, single lines.

What cannot be read is an `InputError` with path:line.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

import numpy as np

from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.compression import COMPRESSIONS, DAMAGE, beginning, unpacked
from fasttext_lite.corpus.encodings import AUTO, TextStream, advice, is_utf8
from fasttext_lite.disk.promise import promised
from fasttext_lite.errors import InputError
from fasttext_lite.parallel import ahead

_READ_BYTES, _FIRST_BYTES = 1 << 20, 1 << 16
_SPOOLED: dict[str, Spool] = {}  # what streams said, by their names
Item = TypeVar("Item")

if TYPE_CHECKING:
    from fasttext_lite.corpus.spool import Spool


class ReadError(Exception):
    """A file was opened but cannot be read to its end; all lines before were handed out."""


@contextlib.contextmanager
def open_binary(path: str) -> Iterator[io.BufferedIOBase]:
    """Open a file or standard input ("-") for reading bytes, unpacked if they are packed.

    How a file is packed is recognised by content; see `corpus.compression`.

    Raises
    ------
    InputError
        If the file cannot be opened; the message has its name and the reason.
    """
    with contextlib.ExitStack() as stack:
        try:
            if path in _SPOOLED:
                raw: BinaryIO = stack.enter_context(again(path))
            elif path != STDIN:
                raw = stack.enter_context(open(path, "rb"))
            elif sys.stdin is not None:
                raw = sys.stdin.buffer
            else:
                raise InputError(f"{name_of(path)}: standard input is closed")
            head, begun = beginning(cast(io.BufferedReader, raw))
        except OSError as error:
            raise _unopened(path, error) from None
        stream = unpacked(begun, head, name_of(path))
        yield stream if stream is begun else stack.enter_context(stream)


@contextlib.contextmanager
def spooled(paths: Iterable[str]) -> Iterator[None]:
    """Keep what streams say, so that they can be read as often as files; regular files stay.

    Up to `SPOOLED_BYTES` in memory, and more in a file of the temporary folder that has no name;
    packed with zstd where that is there, if it is not packed.

    Raises
    ------
    InputError
        If a stream cannot be read, or there is no room for what it says.
    """
    from fasttext_lite.corpus.spool import Spool

    mine = [path for path in paths if path not in _SPOOLED and is_unrepeatable(path)]
    try:
        for path in mine:
            with _begun(path) as raw:
                _SPOOLED[path] = Spool(raw, name_of(path))
        yield
    finally:
        for path in mine:
            if path in _SPOOLED:
                _SPOOLED.pop(path).close()


@contextlib.contextmanager
def _begun(path: str) -> Iterator[BinaryIO]:
    """Open a stream."""
    if path == STDIN:
        if sys.stdin is None:
            raise InputError(f"{name_of(path)}: standard input is closed")
        yield sys.stdin.buffer
        return
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise _unopened(path, error) from None
    with file:
        yield file


def _unopened(path: str, error: OSError) -> InputError:
    """Return the error of a path that cannot be opened, with what to do if many were meant."""
    name, reason = name_of(path), (error.strerror or str(error)).lower()
    if isinstance(error, IsADirectoryError):
        pattern = os.path.join(path, "*")
        return InputError(
            f"{name}: is a directory: name a file in it; where several are read, '{pattern}' "
            "stands for all"
        )
    if isinstance(error, FileNotFoundError) and any(sign in path for sign in "*?["):
        return InputError(f"{name}: {reason}: one file is read here, a pattern is not looked up")
    return InputError(f"{name}: {reason}")


def again(path: str) -> BinaryIO:
    """Open what a stream said, from its beginning."""
    return _SPOOLED[path].open()


@contextlib.contextmanager
def open_text(path: str, encoding: str = AUTO) -> Iterator[TextStream]:
    """Open a file or standard input ("-") for reading text as UTF-8, unpacked if it is packed.

    Parameters
    ----------
    path : str
    encoding : str
        "auto" is UTF-8, or what a byte order mark says.

    Raises
    ------
    InputError
        If the file cannot be opened; the message has its name and the reason.
    """
    with open_binary(path) as stream:
        yield TextStream(stream, name_of(path), encoding)


def iter_blocks(
    path: str, chunk_bytes: int, fill: bool = True, encoding: str = AUTO
) -> Generator[np.ndarray, None, None]:
    """Yield the bytes of a file in blocks of whole lines, without a byte order mark.

    Parameters
    ----------
    path : str
    chunk_bytes : int
        Size of a block; one with a longer line is larger.
    fill : bool
        Wait until a block is full, not only until it has a line.
    encoding : str
        Of the file; the blocks are UTF-8.

    Yields
    ------
    uint8[n_bytes]
        Line ends included (the last line may lack its own); valid until the next block.

    Raises
    ------
    InputError
        If the file cannot be opened.
    ReadError
        If it cannot be read on (also: a damaged packed file).
    """
    with open_text(path, encoding) as stream:
        # Of very many small files each would wait for room that it does not need.
        buffer = bytearray(min(chunk_bytes, _FIRST_BYTES) if fill else chunk_bytes)
        filled = 0
        ended = False
        failure = None
        while not (ended or failure):
            if filled == len(buffer):
                _check_line(path, filled)
                buffer = buffer + bytes(len(buffer))
            fresh = filled
            try:
                while not ended and filled < max(len(buffer), chunk_bytes):
                    if filled == len(buffer):
                        buffer = buffer + bytes(min(3 * filled, chunk_bytes - filled))
                    piece = stream.read1(min(len(buffer) - filled, _READ_BYTES))
                    ended = not piece
                    buffer[filled : filled + len(piece)] = piece
                    filled += len(piece)
                    if not fill:
                        break
            except InputError:
                raise
            except DAMAGE as error:
                failure = error
            end = filled if ended else buffer.rfind(b"\n", fresh, filled) + 1
            if end == 0:
                continue
            yield np.frombuffer(buffer, np.uint8)[:end]
            buffer[: filled - end] = buffer[end:filled]
            filled -= end
        if failure:
            raise ReadError(str(failure)) from failure


def _check_line(path: str, n_bytes: int) -> None:
    """Raise `InputError` if a line is too long for a promise of memory."""
    limit = promised()
    if limit is not None and n_bytes > limit.line:
        raise InputError(
            f"{name_of(path)}: a line has more than {limit.line / 1e6:.1f} MB, which --memory "
            f"{limit.total / 1e6:.0f}M leaves no room for: cut it, or allow for more memory"
        )


def split_lines(block: np.ndarray) -> Iterator[bytes]:
    """Yield the lines of a block without their ends."""
    for line in io.BytesIO(block.tobytes()):
        yield line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")


def broken(path: str, n_lines: int, failure: ReadError) -> InputError:
    """Return the error of a file that cannot be read on after some lines."""
    return InputError(f"{name_of(path)}:{n_lines + 1}: cannot read on: {failure}")


def is_stream(path: str) -> bool:
    """Return whether a file can be read but once: standard input, a pipe or a device."""
    return path not in _SPOOLED and is_unrepeatable(path)


def is_unrepeatable(path: str) -> bool:
    """Return whether a name is that of standard input, a pipe or a device."""
    return path == STDIN or (
        os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
    )


def size_of(path: str) -> int:
    """Return how many bytes a file that can be opened more than once has."""
    kept = _SPOOLED.get(path)
    return os.path.getsize(path) if kept is None else kept.size


def is_packed(path: str) -> bool:
    """Return whether a file that can be opened more than once is packed."""
    if path in _SPOOLED:
        return _SPOOLED[path].is_packed
    with contextlib.suppress(OSError), open(path, "rb") as file:
        head = file.read(16)
        return any(head.startswith(way.magics) for way in COMPRESSIONS.values())
    return False


def is_regular(path: str) -> bool:
    """Return whether a file can be opened more than once: neither a stream nor a pipe."""
    if path in _SPOOLED:
        return True
    try:
        return path != STDIN and stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def made_ahead(items: Iterable[Item], path: str) -> Iterator[Item]:
    """Yield items that a thread of their own makes ahead, if they come from a regular file.

    A thread that waits for standard input or a pipe would keep the process from ending.
    """
    return ahead(items) if is_regular(path) else iter(items)


def name_of(path: str) -> str:
    """Return what messages call a file."""
    return "<stdin>" if path == STDIN else str(path)


def decode_line(line: bytes, path: str, number: int) -> str:
    """Return a line as a string.

    Raises
    ------
    InputError
        If it is not UTF-8; the message has the place, the first bad byte and what to do.
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(path, number, line) from error


def not_utf8(
    path: str, number: int, data: bytes, has_flag: bool = True, sample: bytes = b""
) -> InputError:
    """Return the error of a file of which a line is not UTF-8.

    Parameters
    ----------
    path : str
    number : int
        Of the line.
    data : bytes
        From the beginning of the line on, as much as there is.
    has_flag : bool
        Whether ``--encoding`` can be given.
    sample : bytes
        What the file begins with; default: `data` says which encoding it may be.
    """
    line = data.split(b"\n", 1)[0]
    place = len(line)
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        place = error.start
    byte = f"byte 0x{line[place]:02x} at column {place + 1}" if place < len(line) else "cut off"
    # Where the beginning is good, the line says best what it is.
    what_to_do = advice(data if is_utf8(sample) else sample, has_flag, sample + b"\n" + data)
    return InputError(f"{name_of(path)}:{number}: not UTF-8 ({byte}); {what_to_do}")
