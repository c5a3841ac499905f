"""Bytes of text files: opening, blocks of whole lines, formats, and CSV and JSON lines.

What cannot be read is an `InputError` with path:line.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fasttext_lite.errors import InputError

FORMATS = ("auto", "fasttext", "tsv", "csv", "jsonl")
STDIN = "-"
DEFAULT_PREFIX = "__label__"
# The widest field of a CSV file; the csv module's own limit is 131,072 characters.
_MAX_FIELD = 2**31 - 1
_READ_BYTES = 1 << 20
_PEEK_LINES = 20
_BOM = b"\xef\xbb\xbf"
_NEWLINES = str.maketrans("\r\n", "  ")


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


def guess_format(path: str, lines: Sequence[bytes], prefix: str = DEFAULT_PREFIX) -> str:
    """Return "fasttext", "tsv", "csv" or "jsonl" for a file that begins with `lines`.

    The name decides where it ends in .tsv, .csv, .jsonl or .ndjson (before .gz); else the
    first lines that are not empty do.

    Raises
    ------
    InputError
        If the lines look like none of the four.
    """
    suffixes = [suffix.lower() for suffix in Path(path).suffixes if suffix.lower() != ".gz"]
    known = {".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    if path != STDIN and suffixes and suffixes[-1] in known:
        return known[suffixes[-1]]
    filled = [line for line in lines if line.strip()]
    mark = prefix.encode()
    if filled and all(line.lstrip().startswith(b"{") for line in filled):
        return "jsonl"
    if any(token.startswith(mark) for line in filled for token in line.split()):
        return "fasttext"
    if filled and sum(b"\t" in line for line in filled) * 2 > len(filled):
        return "tsv"
    if filled:
        header = filled[0].decode("utf-8", "replace").split(",")
        if len(header) > 1 and {"label", "labels"} & {name.strip(' "').lower() for name in header}:
            return "csv"
    raise InputError(
        f"{name_of(path)}:1: the format is not recognised; expected lines like "
        f"'{prefix}name text', 'name<TAB>text', CSV with a header or JSON objects "
        "(say which with --format)"
    )


@dataclass(frozen=True)
class ReadOptions:
    """How to read labelled files.

    Attributes
    ----------
    format : str
        One of `FORMATS`.
    label_prefix : str
        What begins a label in the fasttext format.
    text_column, label_column : str
        Names of the columns or keys in CSV and JSON lines.
    multilabel : bool
        Cut the label field of TSV, CSV and JSON strings at commas.
    """

    format: str = "auto"
    label_prefix: str = DEFAULT_PREFIX
    text_column: str = "text"
    label_column: str = "label"
    multilabel: bool = False


def peek(
    path: str, blocks: Iterator[np.ndarray], options: ReadOptions
) -> tuple[str, list[np.ndarray]]:
    """Return a file's format and the blocks that had to be read to know.

    As many blocks are read as it takes to see some lines that are not empty.

    Raises
    ------
    InputError
        If the file cannot be read that far or the format is not recognised.
    """
    head: list[bytes] = []
    held: list[np.ndarray] = []
    n_filled = 0
    try:
        for block in blocks:
            held.append(block)
            for line in split_lines(block):
                head.append(line)
                n_filled += bool(line.strip())
                if n_filled == _PEEK_LINES:
                    break
            if n_filled == _PEEK_LINES:
                break
            held[-1] = block.copy()
    except ReadError as failure:
        raise broken(path, len(head), failure) from None
    if n_filled == 0:
        return "tsv", held  # all lines are empty: any format says so
    if options.format != "auto":
        return options.format, held
    return guess_format(path, head, options.label_prefix), held


def iter_records(
    path: str, kind: str, lines: Iterable[bytes], options: ReadOptions
) -> Iterator[tuple[int, tuple[str, ...], bytes]]:
    """Yield (line number, labels, text) for each record of CSV or JSON lines."""
    return {"csv": _csv, "jsonl": _jsonl}[kind](path, lines, options)


def _split_labels(text: str, options: ReadOptions) -> tuple[str, ...]:
    if options.multilabel:
        return tuple(name for part in text.split(",") if (name := part.strip()))
    text = text.strip()
    return (text,) if text else ()


def _csv(path, lines, options):
    start = 1

    def decoded() -> Iterator[str]:
        for number, line in enumerate(lines, 1):
            yield decode_line(line, path, number) + "\n"

    reader = csv.reader(decoded(), strict=True)
    limit = csv.field_size_limit(_MAX_FIELD)
    try:
        header: list[str] = []
        while not header:  # there is a line that is not empty
            start = reader.line_num + 1
            header = [name.strip() for name in next(reader)]
        columns = []
        for flag, wanted in (("label", options.label_column), ("text", options.text_column)):
            if wanted not in header:
                raise InputError(
                    f"{name_of(path)}:{start}: no column {wanted!r} in the header "
                    f"({', '.join(header)}); name it with --{flag}-column"
                )
            columns.append(header.index(wanted))
        start = reader.line_num + 1
        for row in reader:
            if not row:
                yield start, (), b""
            elif not max(columns) < len(row) <= len(header):
                raise InputError(
                    f"{name_of(path)}:{start}: {len(row)} column{'s' * (len(row) != 1)}, the "
                    f"header has {len(header)} (a text with a comma must stand in quotes)"
                )
            else:
                label, text = (row[column].translate(_NEWLINES) for column in columns)
                yield start, _split_labels(label, options), text.encode()
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{name_of(path)}:{start}: bad CSV: {error}") from None
    finally:
        csv.field_size_limit(limit)


def _jsonl(path, lines, options):
    for number, line in enumerate(lines, 1):
        decoded = decode_line(line, path, number)
        where = f"{name_of(path)}:{number}"
        if not decoded.strip():
            yield number, (), b""
            continue
        try:
            record = json.loads(decoded)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: bad JSON: {error}") from None
        if not isinstance(record, dict):
            raise InputError(f"{where}: expected a JSON object, got {type(record).__name__}")
        for wanted in (options.label_column, options.text_column):
            if wanted not in record:
                raise InputError(
                    f"{where}: no key {wanted!r} (keys: {', '.join(record)}); name it with "
                    "--label-column or --text-column"
                )
        text, label = record[options.text_column], record[options.label_column]
        if text is None:
            text = ""
        if not isinstance(text, str):
            raise InputError(f"{where}: the text must be a string, got {type(text).__name__}")
        if isinstance(label, str):
            labels = _split_labels(label.translate(_NEWLINES), options)
        elif isinstance(label, list):
            labels = _json_labels(label, where)
        else:
            labels = _json_labels([] if label is None else [label], where)
        yield number, labels, text.translate(_NEWLINES).encode("utf-8", "surrogatepass")


def _json_labels(values: list[Any], where: str) -> tuple[str, ...]:
    labels = []
    for value in values:
        if not isinstance(value, str | int | float):
            raise InputError(f"{where}: the label must be a string, a number or a list of them")
        name = value if isinstance(value, str) else json.dumps(value)
        labels.append(name.translate(_NEWLINES).strip())
    return tuple(name for name in labels if name)
