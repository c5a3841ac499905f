"""The labelled file that a session writes, in the format of its ending, for `train` to read."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from fasttext_lite.auditing.files import as_json
from fasttext_lite.corpus.formats import Reading, ReadOptions, find_format
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.disk.replacing import check_replaceable, replacing
from fasttext_lite.errors import EmptyError, InputError, SettingError, bounded, one_line
from fasttext_lite.labelling.pool import Pool
from fasttext_lite.labelling.settings import PREFIX, check_signs

Row = tuple[str, tuple[str, ...]]  # a text and its labels
_SURROGATES = re.compile("[\ud800-\udfff]")
_NO_UTF8 = (
    re.compile(rb"\xed[\xa0-\xbf]"), "hold half of a surrogate pair, which only JSON can write"
)  # fmt: skip
_MARKED = re.compile(rb"(?:^|[\x00\t\v\f\r\n ])" + PREFIX.encode())
_OWN = re.compile(PREFIX.encode() + rb"[^\t ]+ ")  # how lines in fastText's format begin here
_SPACES = re.compile("[ \\n\\t\\v\\f\\r\\0]")  # between fastText's tokens
_LOOKED_AT = 20  # lines by which the reader recognises a format


@dataclass(frozen=True)
class Written:
    """How rows are written.

    Attributes
    ----------
    name : str
        As `corpus.formats` has it.
    write : callable
        Given the rows, whether texts have several labels, and the file.
    faults : tuple of (bytes pattern, str)
        Of texts that cannot be written, and what is wrong with these.
    """

    name: str
    write: Callable[[Sequence[Row], bool, TextIO], None]
    faults: tuple[tuple[re.Pattern[bytes], str], ...] = (_NO_UTF8,)


def _as_tsv(rows: Sequence[Row], several: bool, file: TextIO) -> None:
    lines = [f"{','.join(labels)}\t{text}" for text, labels in rows]
    if _is_tsv(lines, several):
        file.writelines(line + "\n" for line in lines)
        return
    # What the first lines hold would be taken for another format, or for names of columns.
    if any("\t" in text for text, _ in rows):
        raise InputError(
            "the first lines look like another format than labels and texts between tabs, and "
            "texts hold tabs: name an output that ends with .csv or .jsonl"
        )
    file.write("label\ttext\n")
    for text, labels in rows:
        file.write(f"{_cell(','.join(labels))}\t{_cell(text)}\n")


def _is_tsv(lines: Sequence[str], several: bool) -> bool:
    """Return whether lines are recognised as labels and texts between tabs."""
    head = [line.encode("utf-8", "replace") for line in lines[:_LOOKED_AT]]
    reading = Reading("labelled.tsv", ReadOptions(multilabel=several), lines=head)
    return not head or find_format(reading).name == "tsv"


def _cell(value: str) -> str:
    """Return a field between tabs; in quotes where quotes would be taken off."""
    if value[:1] == '"' and value[-1:] == '"':
        return '"' + value.replace('"', '""') + '"'
    return value


def _as_csv(rows: Sequence[Row], several: bool, file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("label", "text"))
    writer.writerows((",".join(labels), text) for text, labels in rows)


def _as_jsonl(rows: Sequence[Row], several: bool, file: TextIO) -> None:
    for text, labels in rows:
        label = list(labels) if several else labels[0]
        file.write(as_json({"label": label, "text": text}) + "\n")


def _as_fasttext(rows: Sequence[Row], several: bool, file: TextIO) -> None:
    for text, labels in rows:
        file.write(" ".join([*(PREFIX + label for label in labels), text]) + "\n")


FORMATS = {
    ".tsv": Written("tsv", _as_tsv),
    ".csv": Written("csv", _as_csv),
    ".jsonl": Written("jsonl", _as_jsonl, faults=()),
    ".ndjson": Written("jsonl", _as_jsonl, faults=()),
    ".txt": Written(
        "fasttext", _as_fasttext,
        faults=(_NO_UTF8, (_MARKED, f"have words that begin with {PREFIX}, which fastText's "
                           "format takes for labels")),
    ),
}  # fmt: skip


class Output:
    """The labelled file.

    Parameters
    ----------
    path : str
    several : bool
        Whether texts may have several labels.

    Attributes
    ----------
    lost : list of str
        What the file held, as it was read, that it will not hold when it is written.

    Raises
    ------
    SettingError
        If its ending is that of no format.
    InputError
        If it cannot be written.
    """

    def __init__(self, path: str, several: bool) -> None:
        self.path, self.several = path, several
        self.lost: list[str] = []
        ending = os.path.splitext(path)[1].lower()
        if ending not in FORMATS:
            raise SettingError(
                f"output {path}: its ending must say the format: {', '.join(FORMATS)}"
            )
        self.form = FORMATS[ending]
        try:
            check_replaceable(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None

    def check_label(self, label: str) -> None:
        """Raise `ValueError` for a label that the format cannot hold."""
        if self.form.name != "jsonl":
            check_signs(label, self.several)
        elif _SURROGATES.search(label):
            raise ValueError(bounded(f"a label has no half of a surrogate pair: {label!r}"))
        if self.form.name == "fasttext" and len(label.split()) > 1:
            raise ValueError(
                bounded(
                    f"{label!r}: a label has no space in fastText's format: write it with _, or "
                    "name an output that ends with .tsv, .csv or .jsonl"
                )
            )

    def plain(self, text: str) -> str:
        """Return what the file keeps of a text: fastText's format is free with its spaces."""
        if self.form.name != "fasttext":
            return text
        return " ".join(filter(None, _SPACES.split(text)))

    def check_pool(self, pool: Pool, name: str) -> None:
        """Raise `InputError` if the format cannot hold some of the texts."""
        for pattern, why in self.form.faults:
            place = _first(pattern, pool)
            if place is not None:
                text = one_line(pool.text_of(place)[:60])
                raise InputError(
                    f"{name}: some texts {why} (first: {text!r}): name an output that ends with "
                    ".jsonl"
                )

    def read(self) -> list[Row]:
        """Return the rows that are there already; none if there is no such file.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        if not os.path.exists(self.path) or os.path.getsize(self.path) == 0:
            return []
        try:
            corpus = read_corpus(self.path, self._options())
        except EmptyError:
            return []
        self.lost = [one.removeprefix("skipped ") for one in corpus.skip_report()]
        self.lost += self._other_columns()
        return list(zip(corpus.texts.to_list(), corpus.label_rows, strict=True))

    def _other_columns(self) -> list[str]:
        """Return what the first line says of columns beside label and text."""
        with open(self.path, encoding="utf-8-sig", errors="replace", newline="") as file:
            line = file.readline()
        names: list[str] = []
        if self.form.name == "csv":
            names = next(csv.reader([line]), [])
        elif self.form.name == "jsonl":
            with contextlib.suppress(ValueError, AttributeError):
                names = list(json.loads(line))
        known = {name.strip().lower() for name in names}
        if len(names) < 3 or not {"label", "text"} <= known:
            return []
        others = [name for name in names if name.strip().lower() not in ("label", "text")]
        return [bounded(f"columns beside label and text ({', '.join(map(str, others))})")]

    def _options(self) -> ReadOptions:
        """Return how to read the file: one in fastText's format, as it is written here, as such."""
        name = "auto"
        if self.form.name == "fasttext":
            with open(self.path, "rb") as file:
                head = list(itertools.islice(file, _LOOKED_AT))
            if all(map(_OWN.match, head)):
                name = "fasttext"
        return ReadOptions(format=name, multilabel=self.several)

    def write(self, rows: Sequence[Row]) -> None:
        """Write the file anew.

        Raises
        ------
        OSError, InputError
            If it cannot be written, or cannot hold the rows: the old one stays.
        """
        text = io.StringIO(newline="")
        try:
            self.form.write(rows, self.several, text)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None
        with replacing(self.path) as file:
            file.write(text.getvalue().encode("utf-8"))


def _first(pattern: re.Pattern[bytes], pool: Pool) -> int | None:
    """Return the first text of a pool that has a pattern somewhere, or begins with it."""
    data, offsets = pool.texts.buffer, pool.texts.offsets
    found = pattern.search(data.data)
    first = len(pool) if found is None else int((offsets <= found.start()).sum()) - 1
    if pattern is _MARKED:  # texts follow each other without a break
        for number in np.flatnonzero(data[offsets[:-1]] == ord("_")).tolist():
            if number < first and pattern.match(pool.bytes_of(number)):
                return number
    return first if first < len(pool) else None
