"""Records written back with what was found out about them, as CSV, TSV or JSON lines.

Where a record is written in the format that it was read in, all that it had is kept: the fields of
a table, the very bytes of a JSON object.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Container, Sequence
from typing import TYPE_CHECKING, Any

from fasttext_lite.corpus.records import parsed
from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.corpus.formats import Format, Reading

_FLAT = str.maketrans("\t\r\n", "   ")


class RecordWriter:
    """Turns records and what is added to them into lines.

    Parameters
    ----------
    name : str
        Of the format to write, one of `WRITERS`.
    form : Format
        That the records were read in.
    reading : Reading
        Of the file that they come from.
    columns : sequence of str
        Names of what is added.
    """

    def __init__(self, name: str, form: Format, reading: Reading, columns: Sequence[str]) -> None:
        self.form, self.reading, self.columns = form, reading, list(columns)
        header = reading.header
        self.names: list[str] | None = None
        if form.name == "csv" and header is not None:
            self.names = header.names
            self._check_names(name == "jsonl")
        self._is_begun = False
        self.line: Callable[[Sequence[str]], str] | None = None  # of a table
        self._write = WRITERS[name](self)
        self._n_written = 0

    def _check_names(self, is_by_name: bool) -> None:
        """Raise `InputError` for a table that has a column of the names that are added."""
        names = self.names or []
        self._check_taken(names)
        if is_by_name and len(set(names)) < len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise InputError(
                f"{self.reading.where}: two columns are called {double!r}: write CSV, or give "
                "names with --columns"
            )

    def _check_taken(self, names: Container[str]) -> None:
        for name in self.columns:
            if name in names:
                raise InputError(
                    f"{self.reading.where}: there is a column {name!r} already: name what is added "
                    "with --added-columns LABEL,SCORE"
                )

    def lines(self, raw: Any, labels: Sequence[str], text: str, added: Sequence[Any]) -> str:
        """Return the line of a record; before the first also that of the header, if there is one.

        Parameters
        ----------
        raw : list of str, str or bytes
            The record as it stands in the file, see `LabelledChunk.raw`.
        labels : sequence of str
        text : str
        added : sequence
            A value for each of the columns: text, numbers, lists of them or None.

        Raises
        ------
        InputError
            If the record has a column of the same name already, or one that the first has not.
        """
        self._n_written += 1
        return self._write(raw, (labels, text), added)

    def begin(self) -> list[list[str]]:
        """Return the row of names, once, where the records have names."""
        if self._is_begun or self.names is None:
            return []
        self._is_begun = True
        return [[*self.names, *self.columns]]

    def header(self) -> str:
        """Return the line of names if it was not written yet; "" where there is none."""
        return "" if self.line is None else "\n".join(map(self.line, self.begin()))

    def fields(self, raw: Any, found: tuple[Sequence[str], str]) -> dict[str, Any]:
        """Return the fields of a record by name; `found` are its labels and its text."""
        labels, text = found
        if self.form.name == "csv":
            return dict(zip(self.names or (), raw, strict=False))
        if self.form.name == "jsonl":
            fields = dict(parsed(raw))
            self._check_taken(fields)
            return fields
        if not self.form.has_labels:
            return {"text": text}
        return {"label": labels[0] if len(labels) == 1 else list(labels), "text": text}

    def row(self, raw: Any, found: tuple[Sequence[str], str], added: Sequence[Any]) -> list[str]:
        """Return the values of a record and of what is added, in the order of the names."""
        values: Sequence[Any]
        if self.form.name == "csv":
            values = [*raw, *[""] * (len(self.names or ()) - len(raw))]
        else:
            fields = self.fields(raw, found)
            if self.names is None:
                self.names, self._known = list(fields), frozenset(fields)
                self._check_taken(self._known)
            strange = next((name for name in fields if name not in self._known), None)
            if strange is not None:
                raise InputError(
                    f"{self.reading.where}: record {self._n_written} has a field {strange!r} that "
                    "the first has not: write JSON lines"
                )
            values = [fields.get(name) for name in self.names]
        return [_as_text(value) for value in (*values, *added)]


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False)


Found = tuple[Sequence[str], str]
Write = Callable[[Any, Found, Sequence[Any]], str]


def _csv_writer(writer: RecordWriter) -> Write:
    header = writer.reading.header
    delimiter = header.delimiter if writer.form.name == "csv" and header else ","
    if delimiter == "\t":
        delimiter = ","

    def line(values: Sequence[str]) -> str:
        out = io.StringIO()
        # With this end of a line, the module quotes both of its signs.
        csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow(values)
        return out.getvalue()[:-2]

    def write(raw: Any, found: Found, added: Sequence[Any]) -> str:
        row = writer.row(raw, found, added)
        return "\n".join(map(line, [*writer.begin(), row]))

    writer.line = line

    return write


def _tsv_writer(writer: RecordWriter) -> Write:
    keeps_line = writer.form.name == "tsv"
    has_header = writer.form.name in ("csv", "jsonl")

    def cell(value: str) -> str:
        value = value.translate(_FLAT)
        if has_header and len(value) > 1 and value[0] == value[-1] == '"':  # it would be taken off
            value = '"' + value.replace('"', '""') + '"'
        return value

    def line(values: Sequence[str]) -> str:
        return "\t".join(map(cell, values))

    def write(raw: Any, found: Found, added: Sequence[Any]) -> str:
        if keeps_line:
            own = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
            return "\t".join([own, line([_as_text(value) for value in added])])
        row = writer.row(raw, found, added)
        return "\n".join(map(line, [*(writer.begin() if has_header else ()), row]))

    writer.line = line if has_header else None

    return write


def _json_writer(writer: RecordWriter) -> Write:
    keeps_line = writer.form.name == "jsonl"

    def write(raw: Any, found: Found, added: Sequence[Any]) -> str:
        more = dict(zip(writer.columns, added, strict=True))
        fields = writer.fields(raw, found)
        if not keeps_line:
            return json.dumps({**fields, **more}, ensure_ascii=False)
        own = str(raw).rstrip()[:-1].rstrip()
        between = "" if own.endswith("{") else ", "
        return f"{own}{between}{json.dumps(more, ensure_ascii=False)[1:]}"

    return write


# The formats that records are written in.
WRITERS = {"csv": _csv_writer, "tsv": _tsv_writer, "jsonl": _json_writer}
