"""CSV and JSON lines, read record by record in Python."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from fasttext_lite.corpus.files import decode_line, name_of
from fasttext_lite.errors import InputError

# The widest field of a CSV file; the csv module's own limit is 131,072 characters.
_MAX_FIELD = 2**31 - 1
# Line number, labels and text of a record; one of the two may be empty.  Neither has line breaks.
Record = tuple[int, tuple[str, ...], bytes]
_NEWLINES = str.maketrans("\r\n", "  ")


def _split_labels(text: str, multilabel: bool) -> tuple[str, ...]:
    if multilabel:
        return tuple(name for part in text.split(",") if (name := part.strip()))
    text = text.strip()
    return (text,) if text else ()


def read_csv(
    path: str, lines: Iterable[bytes], text_column: str, label_column: str, multilabel: bool
) -> Iterator[Record]:
    """Yield the records of a CSV file with a header.

    Raises
    ------
    InputError
        If it lacks a column, or a row does not fit the header.
    """
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
        for flag, wanted in (("label", label_column), ("text", text_column)):
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
                yield start, _split_labels(label, multilabel), text.encode()
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{name_of(path)}:{start}: bad CSV: {error}") from None
    finally:
        csv.field_size_limit(limit)


def read_jsonl(
    path: str, lines: Iterable[bytes], text_column: str, label_column: str, multilabel: bool
) -> Iterator[Record]:
    """Yield the records of JSON objects, one a line.

    Raises
    ------
    InputError
        If a line is no object, or lacks a key.
    """
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
        for wanted in (label_column, text_column):
            if wanted not in record:
                raise InputError(
                    f"{where}: no key {wanted!r} (keys: {', '.join(record)}); name it with "
                    "--label-column or --text-column"
                )
        text, label = record[text_column], record[label_column]
        if text is None:
            text = ""
        if not isinstance(text, str):
            raise InputError(f"{where}: the text must be a string, got {type(text).__name__}")
        if isinstance(label, str):
            labels = _split_labels(label.translate(_NEWLINES), multilabel)
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
