"""The formats of labelled files: how each is recognised, and how a line becomes a record."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fasttext_lite.corpus.files import STDIN, ReadError, broken, decode_line, name_of, split_lines
from fasttext_lite.errors import InputError

FORMATS = ("auto", "fasttext", "tsv", "csv", "jsonl")
DEFAULT_PREFIX = "__label__"

# The widest field of a CSV file; the csv module's own limit is 131,072 characters.
_MAX_FIELD = 2**31 - 1
_PEEK_LINES = 20
_NEWLINES = str.maketrans("\r\n", "  ")


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
