"""Tables (CSV and its kin) and JSON lines, read record by record in Python."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fasttext_lite.corpus.files import decode_line, not_utf8
from fasttext_lite.corpus.headers import (
    LABEL_NAMES,
    TEXT_NAMES,
    Header,
    cut,
    cut_at_tabs,
    likely,
    missing,
)
from fasttext_lite.corpus.labels import without_prefix
from fasttext_lite.corpus.reading import Record
from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.corpus.reading import Reading

# The widest field of a CSV file; the csv module's own limit is 131,072 characters.
_MAX_FIELD = 2**31 - 1
_NEWLINES = str.maketrans("\r\n", "  ")


def _decoder(reading: Reading) -> Any:
    """Return a function of a line and its number that returns it as text.

    Where each record counts, bytes that are no UTF-8 become U+FFFD, and that is noted.
    """
    if not reading.takes_all:
        return lambda line, number: decode_line(line, reading.path, number)

    def decode(line: bytes, number: int) -> str:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            reading.note_fault(not_utf8(reading.path, number, line))
            return line.decode("utf-8", "replace")

    return decode


def _split_labels(text: str, reading: Reading) -> tuple[str, ...]:
    parts = text.split(",") if reading.options.multilabel else [text]
    return _named([part.strip() for part in parts], reading)


def _named(labels: Sequence[str], reading: Reading) -> tuple[str, ...]:
    """Return labels without their prefix, and without those that are empty."""
    return tuple(
        name for label in labels if (name := without_prefix(label, reading.options.label_prefix))
    )


def read_table(reading: Reading, lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield the records of a table whose columns have names.

    Raises
    ------
    InputError
        If it lacks a column, or a row does not fit the header.
    """
    header = reading.header or _first_line(reading)
    options = reading.options
    columns: list[int | None] = []
    for flag, wanted in (("label", options.label_column), ("text", options.text_column)):
        found = header.index(wanted)
        if found is None and (flag == "text" or not reading.takes_all):
            raise InputError(f"{reading.begin}: {_advice(reading, header, wanted, flag)}")
        columns.append(found)
    if header.is_line and header.delimiter != "," and not options.delimiter:
        names = ", ".join(header.names)
        between = "" if header.delimiter == "\t" else (
            f"the fields seem to be separated by {header.delimiter!r}, and "
        )  # fmt: skip
        reading.say(f"{reading.begin}: {between}columns are read by the names here ({names})")
    label_at, text_at = columns
    assert text_at is not None
    least = max(text_at, label_at or 0) + 1
    what = "tab" if header.delimiter == "\t" else {",": "comma"}.get(header.delimiter, "delimiter")
    for number, row in _rows(reading, lines, header):
        if not row:
            if not reading.takes_all:
                yield Record(number, (), b"")
            continue
        if not least <= len(row) <= len(header.names):
            raise InputError(
                f"{reading.where}:{number}: {len(row)} column{'s' * (len(row) != 1)}, the "
                f"header has {len(header.names)} (a text with a {what} must stand in quotes)"
            )
        labels = () if label_at is None else _split_labels(
            row[label_at].translate(_NEWLINES), reading
        )  # fmt: skip
        text = row[text_at].translate(_NEWLINES)
        yield Record(number, labels, text.encode("utf-8", "surrogatepass"), row)


def _first_line(reading: Reading) -> Header:
    """Return the fields of the first line, as the header that a table must have."""
    delimiter = reading.options.delimiter or ","
    return Header([name.strip() for name in cut(reading.head[0], delimiter)], delimiter)


def _advice(reading: Reading, header: Header, wanted: str, flag: str) -> str:
    """Return what is wrong with the first line, and what to do."""
    if likely(header.names, (*LABEL_NAMES, *TEXT_NAMES)) or reading.header is not None:
        return missing(header, wanted, flag)
    shown = ", ".join(header.names)
    delimiter = next((each for each in ";|\t" if each in reading.head[0]), None)
    if len(header.names) == 1 and delimiter is not None and not reading.options.delimiter:
        names = [name.strip() for name in cut(reading.head[0], delimiter)]
        other = Header(names, delimiter)
        return (
            f"the fields seem to be separated by {delimiter!r}: say --delimiter {delimiter!r}; "
            f"{_looks_like_data(', '.join(other.names), wanted)}"
        )
    return _looks_like_data(shown, wanted)


def _looks_like_data(shown: str, wanted: str) -> str:
    return (
        f"no column {wanted!r} in the header; line 1 looks like data ({shown}): a header such as "
        "label,text is needed, or --columns label,text to name the columns; if it is a header, "
        "name its columns with --label-column and --text-column"
    )


def _rows(
    reading: Reading, lines: Iterable[bytes], header: Header
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the fields of each row behind the header; no fields if empty."""
    decode = _decoder(reading)
    awaits_header = header.is_line
    if header.delimiter == "\t":
        for number, line in enumerate(lines, 1):
            text = decode(line, number)
            if awaits_header and text.strip():
                awaits_header = False
            elif not awaits_header:
                yield number, cut_at_tabs(text) if text.strip() else []
        return
    start = 1
    decoded = (decode(line, number) + "\n" for number, line in enumerate(lines, 1))
    reader = csv.reader(decoded, strict=True, delimiter=header.delimiter)
    limit = csv.field_size_limit(_MAX_FIELD)
    try:
        for row in reader:
            if awaits_header:
                awaits_header = not row
            else:
                yield start, row
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{reading.where}:{start}: bad CSV: {error}") from None
    finally:
        csv.field_size_limit(limit)


def read_jsonl(reading: Reading, lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield the records of JSON objects, one a line.

    Raises
    ------
    InputError
        If a line is no object, or lacks a key.
    """
    decode = _decoder(reading)
    label_key, text_key = reading.options.label_column, reading.options.text_column
    for number, line in enumerate(lines, 1):
        decoded = decode(line, number)
        where = f"{reading.where}:{number}"
        if not decoded.strip():
            if not reading.takes_all:
                yield Record(number, (), b"")
            continue
        try:
            record = json.loads(decoded)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: bad JSON: {error}") from None
        if not isinstance(record, dict):
            raise InputError(f"{where}: expected a JSON object, got {type(record).__name__}")
        for flag, wanted in (("label", label_key), ("text", text_key)):
            if wanted not in record and (flag == "text" or not reading.takes_all):
                raise InputError(f"{where}: {_no_key(record, wanted, flag)}")
        text, label = record[text_key], record.get(label_key)
        if text is None:
            text = ""
        if not isinstance(text, str):
            raise InputError(f"{where}: the text must be a string, got {type(text).__name__}")
        if isinstance(label, str):
            labels = _split_labels(label.translate(_NEWLINES), reading)
        elif isinstance(label, list):
            labels = _json_labels(label, where, reading)
        else:
            labels = _json_labels([] if label is None else [label], where, reading)
        text = text.translate(_NEWLINES).encode("utf-8", "surrogatepass")
        yield Record(number, labels, text, decoded)


def _no_key(record: dict[str, Any], wanted: str, flag: str) -> str:
    guess = likely(list(record), LABEL_NAMES if flag == "label" else TEXT_NAMES)
    return (
        f"no key {wanted!r} (keys: {', '.join(record)}); name it with --{flag}-column"
        f"{f' {guess}' if guess else ''}"
    )


def _json_labels(values: list[Any], where: str, reading: Reading) -> tuple[str, ...]:
    labels = []
    for value in values:
        if not isinstance(value, str | int | float):
            raise InputError(f"{where}: the label must be a string, a number or a list of them")
        name = value if isinstance(value, str) else json.dumps(value)
        labels.append(name.translate(_NEWLINES).strip())
    return _named(labels, reading)
