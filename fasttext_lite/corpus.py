"""Read labelled and unlabelled text: files, standard input and Python sequences.

Text leaves this room as `Texts` (one UTF-8 buffer and offsets), labels as `Labels` (label ids
in compressed rows).  What a reader skips is counted, with the line where it first happened;
what it cannot read is an `InputError` with path:line.  Models are unknown here.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import json
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fasttext_lite.errors import InputError

FORMATS = ("auto", "fasttext", "tsv", "csv", "jsonl")
STDIN = "-"
DEFAULT_PREFIX = "__label__"
# The widest field of a CSV file; the csv module's own limit is 131,072 characters.
_MAX_FIELD = 2**31 - 1
# What separates fastText's tokens (dictionary.cc, readWord).
_FASTTEXT_BLANKS = b" \t\v\f\r\0"
_FASTTEXT_SPACES = _FASTTEXT_BLANKS + b"\n"
_PEEK_LINES = 20
_BOM = b"\xef\xbb\xbf"
_NEWLINES = str.maketrans("\r\n", "  ")


@dataclass(frozen=True)
class Texts:
    """Documents in one buffer: document i is ``buffer[offsets[i]:offsets[i + 1]]``.

    Attributes
    ----------
    buffer : uint8[n_bytes]
        UTF-8 (lone surrogates encoded as if they were characters); read-only.
    offsets : int64[n_docs + 1]
    token_ends : int64[n_tokens] or None
        For text that came as token lists: the positions after each token's last byte,
        ascending. None for plain text.
    """

    buffer: np.ndarray
    offsets: np.ndarray
    token_ends: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "buffer", read_only(self.buffer))

    def __len__(self) -> int:
        return self.offsets.size - 1

    def to_list(self) -> list[str]:
        """Return the documents as Python strings."""
        data = self.buffer.tobytes()
        bounds = self.offsets.tolist()
        return [data[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise(bounds)]

    def slice(self, first: int, last: int) -> Texts:
        """Return documents `first` to `last` - 1 (or to the end) as their own `Texts`."""
        last = min(last, len(self))
        a, b = self.offsets[first], self.offsets[last]
        ends = self.token_ends
        if ends is not None:
            ends = ends[np.searchsorted(ends, a, "right") : np.searchsorted(ends, b, "right")] - a
        return Texts(self.buffer[a:b], self.offsets[first : last + 1] - a, ends)

    def take(self, chosen: np.ndarray) -> Texts:
        """Return the chosen documents, in that order."""
        parts = [self.slice(i, i + 1) for i in chosen]
        offsets = np.append(0, np.cumsum([part.buffer.size for part in parts]))
        ends = None
        if self.token_ends is not None:
            shifted = [part.token_ends + at for part, at in zip(parts, offsets, strict=False)]
            ends = np.concatenate([np.empty(0, np.int64), *shifted])
        return Texts(
            np.concatenate([np.empty(0, np.uint8), *(part.buffer for part in parts)]), offsets, ends
        )

    @classmethod
    def from_bytes(cls, documents: Sequence[bytes]) -> Texts:
        """Join documents that are UTF-8 already."""
        offsets = np.zeros(len(documents) + 1, np.int64)
        np.cumsum([len(document) for document in documents], out=offsets[1:])
        return cls(np.frombuffer(b"".join(documents), np.uint8), offsets)

    @classmethod
    def from_sequence(cls, documents: Iterable[Any]) -> Texts:
        """Encode strings, or documents that are lists of tokens.

        Parameters
        ----------
        documents : iterable of str, or iterable of sequences of str
            A sequence of str is a document cut into tokens already. A line break inside a
            text is a space.

        Raises
        ------
        TypeError
            If `documents` is one string, or holds anything else (None, NaN, bytes, numbers);
            the message has the position.
        """
        if isinstance(documents, str | bytes):
            raise TypeError(
                "expected a list of texts, got one text: put it in a list, [text], "
                "to classify a single text"
            )
        shape = getattr(documents, "shape", None)
        if shape is not None and len(shape) != 1:
            raise TypeError(
                f"expected one column of texts, got {type(documents).__name__} of shape "
                f"{tuple(shape)}: pass a list, a 1-D array or one column"
            )
        if hasattr(documents, "to_list") and callable(documents.to_list):
            documents = documents.to_list()  # pandas and polars Series
        elif isinstance(documents, np.ndarray):
            documents = documents.tolist()
        if not isinstance(documents, Iterable) or isinstance(documents, Mapping | Set):
            raise TypeError(f"expected a list of texts, got {type(documents).__name__}")
        items = list(documents)
        if items and all(isinstance(item, list | tuple) for item in items):
            return cls._from_token_lists(items)
        for i, item in enumerate(items):
            if not isinstance(item, str):
                raise TypeError(f"text at position {i} must be str, got {_describe(item)}")
        encoded = [item.encode("utf-8", "surrogatepass") for item in items]
        return cls.from_bytes(encoded)

    @classmethod
    def _from_token_lists(cls, items: list[Sequence[str]]) -> Texts:
        pieces: list[bytes] = []
        lengths = []
        for i, tokens in enumerate(items):
            size = 0
            for token in tokens:
                if not isinstance(token, str):
                    raise TypeError(
                        f"tokens of the text at position {i} must be str, got {_describe(token)}"
                    )
                if token:
                    # NUL separates the pieces in normalisation: it cannot be part of one.
                    pieces.append(token.replace("\0", " ").encode("utf-8", "surrogatepass"))
                    size += len(pieces[-1])
            lengths.append(size)
        offsets = np.zeros(len(items) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
        return cls(np.frombuffer(b"".join(pieces), np.uint8), offsets, ends)


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a view that cannot be written.

    To a compiled kernel a read-only array is another type: what may be read-only (text from
    bytes, tables mapped from a file) always is, so that each kernel is compiled once.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def _describe(item: Any) -> str:
    name = type(item).__name__
    return f"{name} ({item!r})" if isinstance(item, int | float | bytes) else name


@dataclass(frozen=True)
class Labels:
    """Label ids of documents in compressed rows, and the names behind the ids.

    Attributes
    ----------
    ids : int32[n_label_occurrences]
        Label of row i: ``ids[indptr[i]:indptr[i + 1]]``; -1 = a label that `names` lacks.
    indptr : int64[n_docs + 1]
    names : list of str
    """

    ids: np.ndarray
    indptr: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return self.indptr.size - 1

    @property
    def is_multilabel(self) -> bool:
        """Whether any row has other than exactly one label."""
        return bool(np.any(np.diff(self.indptr) != 1))

    def counts(self) -> np.ndarray:
        """Return how often each label occurs, int64[n_labels]."""
        return np.bincount(self.ids[self.ids >= 0], minlength=len(self.names))

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[str]], names: list[str] | None = None) -> Labels:
        """Give the labels of each row numbers.

        With `names` None they are numbered by falling frequency, ties by first occurrence (as
        fastText orders its labels); otherwise by `names`, and others get id -1.
        """
        indptr = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=indptr[1:])
        flat = list(itertools.chain.from_iterable(rows))
        if names is None:
            counts: dict[str, int] = {}
            for name in flat:
                counts[name] = counts.get(name, 0) + 1
            names = sorted(counts, key=lambda name: -counts[name])
        index = {name: i for i, name in enumerate(names)}
        ids = np.fromiter((index.get(name, -1) for name in flat), np.int32, len(flat))
        return cls(ids, indptr, names)


@dataclass
class Corpus:
    """Labelled documents of a file, and what was skipped on the way.

    Attributes
    ----------
    texts : Texts
    label_rows : list of tuple of str
        The labels of each document, without prefix.
    skipped : dict
        Reason -> (number of lines, first line as path:line).
    """

    texts: Texts
    label_rows: list[tuple[str, ...]]
    skipped: dict[str, tuple[int, str]] = field(default_factory=dict)

    def skip_report(self) -> list[str]:
        """Return one line for each reason why lines were skipped."""
        return [
            f"skipped {count} line{'s' * (count != 1)} {reason} (first: {where})"
            for reason, (count, where) in self.skipped.items()
        ]


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
                raise InputError(f"{_name(path)}: standard input is closed")
            is_gzip = raw.peek(2)[:2] == b"\x1f\x8b"
        except OSError as error:
            raise InputError(f"{_name(path)}: {(error.strerror or str(error)).lower()}") from None
        yield stack.enter_context(gzip.GzipFile(fileobj=raw)) if is_gzip else raw


def iter_lines(path: str) -> Iterator[bytes]:
    """Yield the lines of a file as bytes, without line ends and without a byte order mark.

    Raises
    ------
    InputError
        If the file cannot be opened or read (also: a damaged .gz file).
    """
    number = 0
    with open_text(path) as stream:
        try:
            for line in stream:
                if number == 0:
                    line = line.removeprefix(_BOM)
                number += 1
                yield _without_end(line)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{_name(path)}:{number + 1}: cannot read on: {error}") from None


def _without_end(line: bytes) -> bytes:
    if line.endswith(b"\r\n"):
        return line[:-2]
    return line.removesuffix(b"\n")


def _name(path: str) -> str:
    return "<stdin>" if path == STDIN else str(path)


def _decode(line: bytes, path: str, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{_name(path)}:{number}: not UTF-8 (byte 0x{line[error.start]:02x} at column "
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
        f"{_name(path)}:1: the format is not recognised; expected lines like "
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


_NO_LABEL = "without a label"
_NO_TEXT = "without text"
_EMPTY = "that are empty"


def read_corpus(path: str, options: ReadOptions | None = None) -> Corpus:
    """Read a labelled file.

    Parameters
    ----------
    path : str
        File name, or "-" for standard input; gzip is recognised by content.
    options : ReadOptions, optional

    Returns
    -------
    Corpus
        Without the lines that have no label or no text; they are counted in `skipped`.

    Raises
    ------
    InputError
        If the file is missing, unreadable, not UTF-8, not in the format, or has no usable line.
    """
    options = options or ReadOptions()
    path = str(path)
    texts: list[bytes] = []
    rows: list[tuple[str, ...]] = []
    skipped: dict[str, tuple[int, str]] = {}
    for number, labels, text in _records(path, options):
        reason = ""
        if not labels:
            reason = _NO_LABEL if text.strip() else _EMPTY
        elif not text.strip(_FASTTEXT_SPACES):
            reason = _NO_TEXT
        if reason:
            count, where = skipped.get(reason, (0, f"{_name(path)}:{number}"))
            skipped[reason] = (count + 1, where)
            continue
        rows.append(labels if len(labels) == 1 else tuple(dict.fromkeys(labels)))
        texts.append(text)
    if not rows:
        detail = "; ".join(Corpus(Texts.from_bytes([]), [], skipped).skip_report())
        what = f"no line with a label and text ({detail})" if skipped else "the file is empty"
        raise InputError(f"{_name(path)}: {what}")
    return Corpus(Texts.from_bytes(texts), rows, skipped)


def _records(path: str, options: ReadOptions) -> Iterator[tuple[int, tuple[str, ...], bytes]]:
    """Yield (line number, labels, text) for each record, in the order of the file."""
    lines = iter_lines(path)
    head: list[bytes] = []
    n_filled = 0
    for line in lines:
        head.append(line)
        n_filled += bool(line.strip())
        if n_filled == _PEEK_LINES:
            break
    if n_filled == 0:
        yield from ((number, (), b"") for number in range(1, len(head) + 1))
        return
    kind = options.format
    if kind == "auto":
        kind = guess_format(path, head, options.label_prefix)
    reader = {"fasttext": _fasttext, "tsv": _tsv, "csv": _csv, "jsonl": _jsonl}[kind]
    yield from reader(path, itertools.chain(head, lines), options)


def _fasttext(path, lines, options):
    mark = options.label_prefix.encode()
    size = len(mark)
    for number, line in enumerate(lines, 1):
        _decode(line, path, number)
        if line.startswith(mark) and mark not in line[size:] and b"\0" not in line:
            label, *text = line[size:].split(None, 1)  # by far the most frequent case
            if text and line[size : size + 1] not in _FASTTEXT_SPACES:
                yield number, (label.decode(),), text[0]
                continue
        tokens = line.replace(b"\0", b" ").split()
        names = [token[size:].decode() for token in tokens if token.startswith(mark)]
        text = b" ".join(token for token in tokens if not token.startswith(mark))
        yield number, tuple(name for name in names if name), text


def _split_labels(text: str, options: ReadOptions) -> tuple[str, ...]:
    if options.multilabel:
        return tuple(name for part in text.split(",") if (name := part.strip()))
    text = text.strip()
    return (text,) if text else ()


def _tsv(path, lines, options):
    for number, line in enumerate(lines, 1):
        _decode(line, path, number)
        if not line.strip():
            yield number, (), b""
            continue
        label, tab, text = line.partition(b"\t")
        if not tab:
            raise InputError(
                f"{_name(path)}:{number}: no tab between label and text; expected label<TAB>text"
            )
        yield number, _split_labels(label.decode(), options), text


def _csv(path, lines, options):
    start = 1

    def decoded() -> Iterator[str]:
        for number, line in enumerate(lines, 1):
            yield _decode(line, path, number) + "\n"

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
                    f"{_name(path)}:{start}: no column {wanted!r} in the header "
                    f"({', '.join(header)}); name it with --{flag}-column"
                )
            columns.append(header.index(wanted))
        start = reader.line_num + 1
        for row in reader:
            if not row:
                yield start, (), b""
            elif not max(columns) < len(row) <= len(header):
                raise InputError(
                    f"{_name(path)}:{start}: {len(row)} column{'s' * (len(row) != 1)}, the header "
                    f"has {len(header)} (a text with a comma must stand in quotes)"
                )
            else:
                label, text = (row[column].translate(_NEWLINES) for column in columns)
                yield start, _split_labels(label, options), text.encode()
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{_name(path)}:{start}: bad CSV: {error}") from None
    finally:
        csv.field_size_limit(limit)


def _jsonl(path, lines, options):
    for number, line in enumerate(lines, 1):
        decoded = _decode(line, path, number)
        where = f"{_name(path)}:{number}"
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


def read_texts(
    path: str, chunk_bytes: int = 1 << 20, drop_prefix: str | None = None
) -> Iterator[Texts]:
    """Yield the lines of an unlabelled file in chunks, one document a line, none left out.

    A chunk holds what is there to read (at most `chunk_bytes` and the rest of a line), so
    results can be printed before the input ends. Bytes that are no UTF-8 become U+FFFD:
    predicting must give one result for each line.

    Parameters
    ----------
    path : str
        File name or "-" for standard input; gzip is recognised by content.
    chunk_bytes : int
        Bytes asked for at a time.
    drop_prefix : str, optional
        Drop the tokens that begin with this (as fastText does with "__label__"), so that a
        labelled file can be read as texts.

    Raises
    ------
    InputError
        If the file cannot be opened or read.
    """
    marked = _marked_tokens(drop_prefix) if drop_prefix else None
    with open_text(path) as stream:
        rest: list[bytes] = []  # pieces of a line whose end has not come yet
        bom = _BOM  # until the first line has gone
        try:
            while block := stream.read1(chunk_bytes):
                head, newline, tail = block.rpartition(b"\n")
                if not newline:
                    rest.append(block)
                    continue
                lines = b"".join([*rest, head]).removeprefix(bom)
                rest, bom = [tail], b""
                yield _clean_lines(lines, marked)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{_name(path)}: cannot read on: {error}") from None
        if last := b"".join(rest).removeprefix(bom):
            yield _clean_lines(last, marked)


def _marked_tokens(prefix: str) -> re.Pattern[bytes]:
    """Return a pattern of the tokens that begin with a prefix, and the spaces after them."""
    mark, spaces = re.escape(prefix.encode()), re.escape(_FASTTEXT_SPACES)
    # The mark comes first and what may stand before it second: the search is faster so.
    return re.compile(
        rb"%b(?<![^%b]%b)[^%b]*[%b]*" % (mark, spaces, mark, spaces, re.escape(_FASTTEXT_BLANKS))
    )


def _clean_lines(data: bytes, marked: re.Pattern[bytes] | None) -> Texts:
    """Return lines as texts: without CR at the end, in good UTF-8, without marked tokens."""
    if marked is not None:
        data = marked.sub(b"", data)
    lines = data.split(b"\n")
    return Texts.from_bytes(
        [line.removesuffix(b"\r").decode("utf-8", "replace").encode() for line in lines]
    )
