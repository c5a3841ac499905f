"""Records written back with what was found out about them, as CSV, TSV or JSON lines.

Where a record is written in the format that it was read in, all that it had is kept: the fields of
a table, the very bytes of a JSON object.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
        self.names: list[str] | None = None
        self._write = WRITERS[name](self)
        self._n_written = 0

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
        fields = self._fields(raw, labels, text)
        taken = [name for name in self.columns if name in fields]
        if taken:
            raise InputError(
                f"{self.reading.where}: there is a column {taken[0]!r} already: name what is added "
                "with --added-columns LABEL,SCORE"
            )
        return self._write(raw, fields, added)

    def _fields(self, raw: Any, labels: Sequence[str], text: str) -> dict[str, Any]:
        """Return the fields of a record by name."""
        if self.form.name == "csv":
            header = self.reading.header
            assert header is not None
            return dict(zip(header.names, raw, strict=False))
        if self.form.name == "jsonl":
            return dict(json.loads(raw))
        if not self.form.has_labels:
            return {"text": text}
        return {"label": labels[0] if len(labels) == 1 else list(labels), "text": text}

    def _row(self, fields: Mapping[str, Any], added: Sequence[Any]) -> tuple[str, list[str]]:
        """Return the line of the header, where it is due, and the values of a row as text."""
        head = ""
        if self.names is None:
            self.names = list(fields)
            head = "due"
        strange = [name for name in fields if name not in self.names]
        if strange:
            raise InputError(
                f"{self.reading.where}: record {self._n_written} has a field {strange[0]!r} that "
                "the first has not: write JSON lines"
            )
        values = [fields.get(name) for name in self.names]
        return head, [_as_text(value) for value in (*values, *added)]


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False)


def _csv_writer(writer: RecordWriter) -> Callable[[Any, Mapping[str, Any], Sequence[Any]], str]:
    header = writer.reading.header
    delimiter = header.delimiter if writer.form.name == "csv" and header else ","
    if delimiter == "\t":
        delimiter = ","

    def line(values: Sequence[str]) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, lineterminator="").writerow(values)
        return out.getvalue()

    def write(raw: Any, fields: Mapping[str, Any], added: Sequence[Any]) -> str:
        head, values = writer._row(fields, added)
        names = [*(writer.names or []), *writer.columns]
        return f"{line(names)}\n{line(values)}" if head else line(values)

    return write


def _tsv_writer(writer: RecordWriter) -> Callable[[Any, Mapping[str, Any], Sequence[Any]], str]:
    keeps_line = writer.form.name == "tsv"
    has_header = writer.form.name in ("csv", "jsonl")

    def line(values: Sequence[str]) -> str:
        return "\t".join(value.translate(_FLAT) for value in values)

    def write(raw: Any, fields: Mapping[str, Any], added: Sequence[Any]) -> str:
        if keeps_line:
            own = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
            return "\t".join([own, line([_as_text(value) for value in added])])
        head, values = writer._row(fields, added)
        names = [*(writer.names or []), *writer.columns]
        return f"{line(names)}\n{line(values)}" if head and has_header else line(values)

    return write


def _json_writer(writer: RecordWriter) -> Callable[[Any, Mapping[str, Any], Sequence[Any]], str]:
    keeps_line = writer.form.name == "jsonl"

    def write(raw: Any, fields: Mapping[str, Any], added: Sequence[Any]) -> str:
        more = dict(zip(writer.columns, added, strict=True))
        if not keeps_line:
            return json.dumps({**fields, **more}, ensure_ascii=False)
        own = str(raw).rstrip()[:-1].rstrip()
        between = "" if own.endswith("{") else ", "
        return f"{own}{between}{json.dumps(more, ensure_ascii=False)[1:]}"

    return write


# The formats that records are written in.
WRITERS = {"csv": _csv_writer, "tsv": _tsv_writer, "jsonl": _json_writer}
