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
from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.corpus.formats import Reading

# The widest field of a CSV file; the csv module's own limit is 131,072 characters.
_MAX_FIELD = 2**31 - 1
_NEWLINES = str.maketrans("\r\n", "  ")
_MOST_FIELDS = 1 << 16  # whose labels are remembered


# Of a record: its line, its labels, its text (of these two one may be empty; neither has line
# breaks), and where the format can write it again, the fields of a table (list of str) or the line.
Record = tuple[int, tuple[str, ...], bytes] | tuple[int, tuple[str, ...], bytes, Any]


def _decoded(reading: Reading, line: bytes, number: int) -> str:
    """Return a line that is not UTF-8 as text, with U+FFFD for what is none, and note it.

    Raises
    ------
    InputError
        Where only labelled texts count.
    """
    if not reading.takes_all:
        return decode_line(line, reading.path, number)
    reading.note_fault(not_utf8(reading.path, number, line))
    return line.decode("utf-8", "replace")


def _flat(text: str) -> str:
    """Return a text with spaces for line breaks."""
    return text.translate(_NEWLINES) if "\n" in text or "\r" in text else text


class _Fields(dict[str, tuple[str, ...]]):
    """The labels in a field, by the field: most are met again and again."""

    def __init__(self, reading: Reading) -> None:
        self._prefix = reading.options.label_prefix
        self._is_cut = reading.options.multilabel

    def __missing__(self, field: str) -> tuple[str, ...]:
        text = _flat(field)
        parts = text.split(",") if self._is_cut else [text]
        found = _named([part.strip() for part in parts], self._prefix)
        if len(self) < _MOST_FIELDS:
            self[field] = found
        return found


def _named(labels: Sequence[str], prefix: str) -> tuple[str, ...]:
    """Return labels without their prefix, and without those that are empty."""
    return tuple(name for label in labels if (name := without_prefix(label, prefix)))


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
    least, most = max(text_at, label_at or 0) + 1, len(header.names)
    labels: tuple[str, ...] = ()
    labels_of = _Fields(reading)
    for number, row in _rows(reading, lines, header):
        if least <= len(row) <= most:
            if label_at is not None:
                labels = labels_of[row[label_at]]
            yield number, labels, _flat(row[text_at]).encode("utf-8", "surrogatepass"), row
        elif row:
            raise InputError(f"{reading.where}:{number}: {_misfit(row, header)}")
        elif not reading.takes_all:
            yield number, (), b"", row


def _misfit(row: list[str], header: Header) -> str:
    """Return what is wrong with a row that does not fit the header."""
    what = "tab" if header.delimiter == "\t" else {",": "comma"}.get(header.delimiter, "delimiter")
    return (
        f"{len(row)} column{'s' * (len(row) != 1)}, the header has {len(header.names)} (a text "
        f"with a {what} must stand in quotes)"
    )


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
    awaits_header = header.is_line

    def decoded(end: str) -> Iterator[str]:
        for number, line in enumerate(lines, 1):
            try:
                yield line.decode() + end
            except UnicodeDecodeError:
                yield _decoded(reading, line, number) + end

    if header.delimiter == "\t":
        for number, text in enumerate(decoded(""), 1):
            if awaits_header and text.strip():
                awaits_header = False
            elif not awaits_header:
                yield number, cut_at_tabs(text) if text.strip() else []
        return
    start = 1
    reader = csv.reader(decoded("\n"), strict=True, delimiter=header.delimiter)
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
    label_key, text_key = reading.options.label_column, reading.options.text_column
    labels_of, prefix = _Fields(reading), reading.options.label_prefix
    parse = json.JSONDecoder().decode
    for number, line in enumerate(lines, 1):
        try:
            decoded = line.decode()
        except UnicodeDecodeError:
            decoded = _decoded(reading, line, number)
        try:
            record = parse(decoded)
        except (ValueError, RecursionError) as error:
            if not decoded.strip():
                if not reading.takes_all:
                    yield number, (), b"", decoded
                continue
            raise InputError(f"{reading.where}:{number}: bad JSON: {error}") from None
        try:
            text, label = record[text_key], record[label_key]
        except (KeyError, TypeError, IndexError):
            text, label = _text_and_label(record, reading, number)
        if text.__class__ is not str:
            text = _checked_text(text, f"{reading.where}:{number}")
        if label.__class__ is str:
            labels = labels_of[label]
        else:
            values = label if isinstance(label, list) else [] if label is None else [label]
            labels = _json_labels(values, f"{reading.where}:{number}", prefix)
        yield number, labels, _flat(text).encode("utf-8", "surrogatepass"), decoded


def _text_and_label(record: Any, reading: Reading, number: int) -> tuple[Any, Any]:
    """Return text and label of a record that is no object, or that lacks one of them.

    Raises
    ------
    InputError
        Unless it is an object that may do without a label.
    """
    where = f"{reading.where}:{number}"
    if not isinstance(record, dict):
        raise InputError(f"{where}: expected a JSON object, got {type(record).__name__}")
    label_key, text_key = reading.options.label_column, reading.options.text_column
    for flag, wanted in (("label", label_key), ("text", text_key)):
        if wanted not in record and (flag == "text" or not reading.takes_all):
            raise InputError(f"{where}: {_no_key(record, wanted, flag)}")
    return record[text_key], record.get(label_key)


def _checked_text(text: Any, where: str) -> str:
    if text is None:
        return ""
    raise InputError(f"{where}: the text must be a string, got {type(text).__name__}")


def _no_key(record: dict[str, Any], wanted: str, flag: str) -> str:
    guess = likely(list(record), LABEL_NAMES if flag == "label" else TEXT_NAMES)
    return (
        f"no key {wanted!r} (keys: {', '.join(record)}); name it with --{flag}-column"
        f"{f' {guess}' if guess else ''}"
    )


def _json_labels(values: list[Any], where: str, prefix: str) -> tuple[str, ...]:
    labels = []
    for value in values:
        if not isinstance(value, str | int | float):
            raise InputError(f"{where}: the label must be a string, a number or a list of them")
        name = value if isinstance(value, str) else json.dumps(value)
        labels.append(name.translate(_NEWLINES).strip())
    return _named(labels, prefix)
