"""A file of texts on its way: how to read it, what it begins with, and a record of it."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from fasttext_lite.corpus import DEFAULT_PREFIX
from fasttext_lite.corpus.compression import ENDINGS
from fasttext_lite.corpus.encodings import AUTO as ANY_ENCODING
from fasttext_lite.corpus.encodings import check_encoding
from fasttext_lite.corpus.headers import Header, columns_of, delimiter_of, find_header
from fasttext_lite.errors import InputError

AUTO = "auto"  # in the place of a format's name: to be recognised
MOST_FAULTY = 10  # one in so many records may be damaged; of more, the encoding is another


class Judgement(NamedTuple):
    """What a record says beside its label: how much it counts, and shares of several labels.

    Attributes
    ----------
    weight : float
        At least 0; 0 = the record is left out.
    names : tuple of str
        Labels, different ones, without prefix.
    shares : sequence of float
        Of each of `names`, not all 0. Both are empty where the label of the record counts.
    """

    weight: float = 1.0
    names: tuple[str, ...] = ()
    shares: Sequence[float] = ()


# Of a record: its line, its labels, its text (of these two one may be empty; neither has line
# breaks), where the format can write it again, the fields of a table (list of str) or the line, and
# its judgement, if it has one.
Record = (
    tuple[int, tuple[str, ...], bytes]
    | tuple[int, tuple[str, ...], bytes, Any]
    | tuple[int, tuple[str, ...], bytes, Any, Judgement | None]
)


@dataclass(frozen=True)
class UncheckedOptions:
    """How to read files of texts; that there is such a format, `formats.ReadOptions` checks.

    Attributes
    ----------
    format : str
        A name of `formats.FORMATS`, or "auto".
    label_prefix : str
        What begins a label in the fasttext format; no part of a label in any other.
    text_column, label_column : str
        Names of the columns or keys in CSV and JSON lines.
    weight_column, probabilities_column : str
        Where training finds how much a record counts, and shares of labels: a JSON object, or in a
        table one column for each label, called by the name, a dot and the label. "" = nowhere.
    columns : str
        Names of the columns, between commas, of a table whose first line is a record, too.
    delimiter : str
        What is between the fields of a table: one character, or tab, comma, semicolon, pipe;
        "" = recognised.
    multilabel : bool
        Cut the label field of TSV, CSV and JSON strings at commas.
    encoding : str
        One that Python knows; "auto" = UTF-8, or what a byte order mark says.

    Raises
    ------
    ValueError
        If there is no such encoding, or `delimiter` or `columns` cannot be.
    """

    format: str = AUTO
    label_prefix: str = DEFAULT_PREFIX
    text_column: str = "text"
    label_column: str = "label"
    weight_column: str = "weight"
    probabilities_column: str = "probabilities"
    columns: str = ""
    delimiter: str = ""
    multilabel: bool = False
    encoding: str = ANY_ENCODING

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoding", check_encoding(self.encoding))
        object.__setattr__(self, "delimiter", delimiter_of(self.delimiter))
        columns_of(self.columns, self.text_column)


@dataclass
class Reading:
    """One file on its way: what is asked for, what it begins with, and what is to be said.

    Attributes
    ----------
    path : str
    options : UncheckedOptions
    lines : sequence of bytes
        Its first lines that are not empty, UTF-8.
    first_line : int
        Number of the first of them.
    known : collection of str, optional
        Labels of the model that is asked: each record is a text then, labelled or not. None where
        only labelled texts count, as in training.
    notices : list of str
        What the user should know, in a line each.
    judges : bool
        Whether the texts are to measure a model on: each counts once, and shares stand in for a
        label alone that is not there.
    n_faults : int
        Lines that are not UTF-8, where each record counts.
    sample : bytes
        What the file begins with, to tell an encoding by.
    named : set of str
        Labels that shares were given of.
    """

    path: str
    options: UncheckedOptions = field(default_factory=UncheckedOptions)
    lines: Sequence[bytes] = ()
    first_line: int = 1
    known: Collection[str] | None = None
    notices: list[str] = field(default_factory=list)
    judges: bool = False
    n_faults: int = 0
    sample: bytes = b""
    named: set[str] = field(default_factory=set)
    _first_fault: InputError | None = None

    @property
    def takes_all(self) -> bool:
        """Whether records without a label, or without text, are texts, too."""
        return self.known is not None

    @cached_property
    def where(self) -> str:
        """What messages call the file."""
        from fasttext_lite.corpus.files import name_of

        return name_of(self.path)

    @property
    def begin(self) -> str:
        """What messages call the first line that is not empty."""
        return f"{self.where}:{self.first_line}"

    @cached_property
    def ending(self) -> str:
        """The ending of the file's name, in lower case, without that of a packed file."""
        stem, ending = os.path.splitext(os.path.basename(self.path).lower())
        while ending in ENDINGS:
            stem, ending = os.path.splitext(stem)
        return ending

    @cached_property
    def head(self) -> list[str]:
        """The first lines as text."""
        return [line.decode("utf-8", "replace").rstrip("\r") for line in self.lines]

    @cached_property
    def header(self) -> Header | None:
        """The names of the columns, if the file is a table with a header or has `columns`."""
        o = self.options
        delimiter = "\t" if o.format == "tsv" and not o.delimiter else o.delimiter
        usual = type(o)()
        is_asked = any(
            getattr(o, name) not in ("", getattr(usual, name))
            for name in (
                "text_column", "label_column", "weight_column", "probabilities_column", "delimiter",
            )
        )  # fmt: skip
        return find_header(
            self.head, o.text_column, o.label_column, delimiter, o.columns,
            needs_label=not self.takes_all,
            is_table=is_asked or o.format == "csv" or self.ending in (".csv", ".tsv"),
            shares_column=o.probabilities_column,
        )  # fmt: skip

    def say(self, notice: str) -> None:
        """Add a notice, each but once."""
        if notice not in self.notices:
            self.notices.append(notice)

    def note_fault(self, error: InputError, n_lines: int = 1) -> None:
        """Count lines that are not UTF-8; `error` is what is wrong with the first of them."""
        self._first_fault = self._first_fault or error
        self.n_faults += n_lines

    def check_faults(self, n_records: int) -> None:
        """Raise `InputError` if so many of a file's records are no UTF-8 that it is in no UTF-8."""
        if self._first_fault is not None and self.n_faults * MOST_FAULTY > n_records:
            raise self._first_fault

    def say_faults(self) -> None:
        """Add the notice of all lines that are not UTF-8, if there are any."""
        if self.n_faults:
            self.say(
                f"{self.n_faults} line{'s' * (self.n_faults != 1)} read with U+FFFD in place of "
                f"what is no UTF-8; the first is {self._first_fault}"
            )
