"""Tables (CSV and its kin) and JSON lines, read record by record in Python."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fasttext_lite.corpus.files import not_utf8
from fasttext_lite.corpus.headers import (
    LABEL_NAMES,
    TEXT_NAMES,
    Header,
    cut,
    cut_at_tabs,
    likely,
    missing,
    wide_fields,
)
from fasttext_lite.corpus.judgements import NEWLINES, Judgements, TableJudgements, label_name
from fasttext_lite.corpus.labels import without_prefix
from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.corpus.reading import Reading, Record

_ABSENT = object()  # in the place of a label
_PARSE = json.JSONDecoder().decode
_MOST_FIELDS = 1 << 16  # whose labels are remembered


def _decoded(reading: Reading, line: bytes, number: int) -> str:
    """Return a line that is not UTF-8 as text, with U+FFFD for what is none, and note it.

    Raises
    ------
    InputError
        Where only labelled texts count.
    """
    fault = not_utf8(reading.path, number, line, sample=reading.sample)
    if not reading.takes_all:
        raise fault
    reading.note_fault(fault)
    return line.decode("utf-8", "replace")


def _flat(text: str) -> str:
    """Return a text with spaces for line breaks."""
    return text.translate(NEWLINES) if "\n" in text or "\r" in text else text


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
    judgements = None if reading.takes_all else TableJudgements(reading, header)
    label_at, text_at = _places(reading, header, judgements)
    _say_how(reading, header, label_at)
    least, most = max(text_at, label_at or 0) + 1, len(header.names)
    if judgements is not None:
        least = max(least, judgements.least)
        judgements = judgements if judgements.least else None  # there is nothing to read
    labels: tuple[str, ...] = ()
    labels_of = _Fields(reading)
    for number, row in _rows(reading, lines, header):
        if least <= len(row) <= most:
            if label_at is not None:
                labels = labels_of[row[label_at]]
            judgement = None if judgements is None else judgements.of_row(number, row, labels)
            yield (
                number,
                labels,
                _flat(row[text_at]).encode("utf-8", "surrogatepass"),
                row,
                judgement,
            )
        elif row:
            raise InputError(f"{reading.where}:{number}: {_misfit(row, header)}")
        elif not reading.takes_all:
            yield number, (), b"", row
    if judgements is not None:
        judgements.end()


def _places(
    reading: Reading, header: Header, judgements: TableJudgements | None
) -> tuple[int | None, int]:
    """Return where the label is, if there is a column of it, and the text.

    Raises
    ------
    InputError
        If a column is missing, or there are two of that name.
    """
    options = reading.options
    needs_label = not (reading.takes_all or (judgements and judgements.has_shares))
    columns: list[int | None] = []
    for flag, wanted in (("label", options.label_column), ("text", options.text_column)):
        found = header.index(wanted)
        if found is None and (flag == "text" or needs_label):
            raise InputError(f"{reading.begin}: {_advice(reading, header, wanted, flag)}")
        if header.names.count(wanted) > 1:
            raise InputError(f"{reading.begin}: two columns are called {wanted!r} ({header.shown})")
        columns.append(found)
    label_at, text_at = columns
    assert text_at is not None
    return label_at, text_at


def _say_how(reading: Reading, header: Header, label_at: int | None) -> None:
    """Say how a table is read, unless there is nothing to it: commas, a label and a text."""
    options = reading.options
    if options.columns and header.is_line:
        reading.say(f"{reading.begin}: the line of the names that --columns gives is no record")
    elif header.is_line and not options.delimiter and (header.delimiter != "," or label_at is None):
        between = "" if header.delimiter in ",\t" else (
            f"the fields seem to be separated by {header.delimiter!r}, and "
        )  # fmt: skip
        reading.say(
            f"{reading.begin}: {between}columns are read by the names here ({header.shown})"
        )


def _misfit(row: list[str], header: Header) -> str:
    """Return what is wrong with a row that does not fit the header."""
    if not header.is_line:
        return (
            f"{len(row)} fields between {header.delimiter!r}, but --columns names "
            f"{len(header.names)}: name all columns; a text with the sign must stand in quotes"
        )
    if header.delimiter == "\t" and any(field[:1] == '"' for field in row):
        return (
            f"{len(row)} column{'s' * (len(row) != 1)}, the header has {len(header.names)}: a "
            "text in quotes goes on in the next line; write it in one line, or a table of commas"
        )
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
        o = reading.options
        other = o.text_column if flag == "label" else o.label_column
        return missing(header, wanted, flag, other)
    shown = header.shown
    delimiter = next((each for each in ";|\t" if each in reading.head[0]), None)
    if len(header.names) == 1 and delimiter is not None and not reading.options.delimiter:
        names = [name.strip() for name in cut(reading.head[0], delimiter)]
        shown = Header(names, delimiter).shown
        return (
            f"the fields seem to be separated by {delimiter!r}: say --delimiter {delimiter!r}; "
            f"{_looks_like_data(shown, wanted)}"
        )
    if len(header.names) == 1 and reading.takes_all:
        return (
            f"no column {wanted!r} in the header ({shown}): name it with --text-column, or if it "
            "is a text, say --columns text"
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
    n_left = header.n_lines

    def decoded(end: str) -> Iterator[str]:
        for number, line in enumerate(lines, 1):
            try:
                yield line.decode() + end
            except UnicodeDecodeError:
                yield _decoded(reading, line, number) + end

    if header.delimiter == "\t":
        for number, text in enumerate(decoded(""), 1):
            is_filled = "\t" in text or bool(text.strip())
            if n_left and text.strip():
                n_left -= 1
            elif not n_left:
                yield number, cut_at_tabs(text) if is_filled else []
        return
    start = 1
    reader = csv.reader(decoded("\n"), strict=True, delimiter=header.delimiter)
    try:
        with wide_fields():
            for row in reader:
                if len(row) == 1 and not row[0].strip():  # a line of white space
                    row = []
                if n_left:
                    n_left -= bool(row)
                else:
                    yield start, row
                start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{reading.where}:{start}: bad CSV: {error}") from None


def read_jsonl(reading: Reading, lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield the records of JSON objects, one a line.

    Raises
    ------
    InputError
        If a line is no object, or lacks a key.
    """
    label_key, text_key = reading.options.label_column, reading.options.text_column
    labels_of, prefix = _Fields(reading), reading.options.label_prefix
    judgements = None if reading.takes_all else Judgements(reading)
    for number, line in enumerate(lines, 1):
        try:
            decoded = line.decode()
        except UnicodeDecodeError:
            decoded = _decoded(reading, line, number)
        try:
            record = parsed(decoded)
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
        elif reading.takes_all:
            labels = ()  # it is not needed, and may be anything
            if isinstance(label, list | int | float):
                labels = _labels_if_any(label, prefix)
        else:
            is_none = label is None or label is _ABSENT
            values = label if isinstance(label, list) else [] if is_none else [label]
            labels = _json_labels(values, f"{reading.where}:{number}", prefix)
        judgement = None
        if judgements is not None:
            judgement = judgements.of_object(number, record, labels)
            if label is _ABSENT and not (judgement and judgement.names):
                raise InputError(f"{reading.where}:{number}: {_no_key(record, label_key, 'label')}")
        yield number, labels, _flat(text).encode("utf-8", "surrogatepass"), decoded, judgement
    if judgements is not None:
        judgements.end()


def parsed(line: str) -> Any:
    """Return what a line of JSON says; a number that Python finds too long is its digits, str."""
    try:
        return _PARSE(line)
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError):
            raise
        return json.loads(line, parse_int=_whole)


def _whole(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return digits


def _text_and_label(record: Any, reading: Reading, number: int) -> tuple[Any, Any]:
    """Return text and label of a record that is no object, or that lacks one of them.

    A label that is not there is `_ABSENT` where it is needed, unless there are shares of labels.

    Raises
    ------
    InputError
        If it is no object or has no text.
    """
    where = f"{reading.where}:{number}"
    if not isinstance(record, dict):
        raise InputError(f"{where}: expected a JSON object, got {type(record).__name__}")
    label_key, text_key = reading.options.label_column, reading.options.text_column
    needs_label = not (reading.takes_all or reading.options.probabilities_column in record)
    for flag, wanted in (("label", label_key), ("text", text_key)):
        if wanted not in record and (flag == "text" or needs_label):
            raise InputError(f"{where}: {_no_key(record, wanted, flag)}")
    return record[text_key], record.get(label_key, None if reading.takes_all else _ABSENT)


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


def _labels_if_any(label: Any, prefix: str) -> tuple[str, ...]:
    """Return the labels of a value; none if it is not what labels are."""
    try:
        return _json_labels(label if isinstance(label, list) else [label], "", prefix)
    except InputError:
        return ()


def _json_labels(values: list[Any], where: str, prefix: str) -> tuple[str, ...]:
    labels = []
    for value in values:
        if not isinstance(value, str | int | float):
            raise InputError(f"{where}: the label must be a string, a number or a list of them")
        name = value if isinstance(value, str) else json.dumps(value)
        labels.append(label_name(name, prefix))
    return tuple(filter(None, labels))
