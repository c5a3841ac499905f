"""The formats of labelled files: how each is recognised, and how a file of it is parsed.

To add a format, add its parser to `corpus.records` or `corpus.kernels` and a record here; or from
outside, with ``FORMATS.add(Format(...))`` and a parser of your own.  Parsers are imported when
they are used: the command line needs the names alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttext_lite.config.foreign import not_a_choice
from fasttext_lite.config.records import Records
from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.corpus.records import Record

AUTO = "auto"  # in the place of a format's name: to be guessed
DEFAULT_PREFIX = "__label__"


@dataclass(frozen=True)
class ReadOptions:
    """How to read labelled files.

    Attributes
    ----------
    format : str
        A name of `FORMATS`, or "auto".
    label_prefix : str
        What begins a label in the fasttext format.
    text_column, label_column : str
        Names of the columns or keys in CSV and JSON lines.
    multilabel : bool
        Cut the label field of TSV, CSV and JSON strings at commas.

    Raises
    ------
    ValueError
        If there is no such format.
    """

    format: str = AUTO
    label_prefix: str = DEFAULT_PREFIX
    text_column: str = "text"
    label_column: str = "label"
    multilabel: bool = False

    def __post_init__(self) -> None:
        if self.format != AUTO and self.format not in FORMATS:
            raise ValueError(not_a_choice("format", self.format, [AUTO, *FORMATS]))


# Given path, lines and options.
RecordParser = Callable[[str, Iterable[bytes], ReadOptions], "Iterator[Record]"]
# Given a block, and `state`, `rows` and `table` of `corpus.kernels`: DONE or what stopped it.
BlockParser = Callable[[Any, Any, Any, Any], int]


@dataclass(frozen=True)
class Format:
    """One format of labelled files.

    Attributes
    ----------
    name : str
        What the format is called where one is chosen.
    lines : str
        What its lines look like, for people; {prefix} stands for that of labels.
    recognises : callable
        Given the first lines that are not empty, at least one, and the prefix of labels: whether
        they are of this format.
    parse_records : callable, optional
        The parser in Python, a `RecordParser`.
    parse_blocks : callable, optional
        In its place, for speed: given the options, a parser in compiled code, a `BlockParser`.
    endings : tuple of str
        Of the names of files that are of this format whatever they hold.
    is_strict : bool
        Whether `recognises` looks at the whole of each line: such formats are asked first, as
        lines of theirs may hold what others look for.
    options : tuple of str
        The fields of `ReadOptions` that matter.
    bad_line : str
        What is wrong with a line at which `parse_blocks` stops with BAD_LINE.
    help : str
        What stands behind the name in the help of the command line; default: `lines`.

    Raises
    ------
    ValueError
        Unless there is exactly one parser, and the name is free.
    """

    name: str
    lines: str
    recognises: Callable[[Sequence[bytes], str], bool]
    parse_records: RecordParser | None = None
    parse_blocks: Callable[[ReadOptions], BlockParser] | None = None
    endings: tuple[str, ...] = ()
    is_strict: bool = False
    options: tuple[str, ...] = ()
    bad_line: str = ""
    help: str = ""

    def __post_init__(self) -> None:
        if (self.parse_records is None) == (self.parse_blocks is None):
            raise ValueError(f"the format {self.name} must have one parser")
        if self.name == AUTO:
            raise ValueError(f"no format can be called {AUTO}")


def guess_format(path: str, lines: Sequence[bytes], prefix: str = DEFAULT_PREFIX) -> str:
    """Return the name of the format of a file that begins with `lines`.

    The ending of its name decides (before .gz), if it is that of a format; else the first lines
    that are not empty do.  Strict formats are asked first, then the others in the order of the
    table.

    Raises
    ------
    InputError
        If no format recognises the lines.
    """
    formats = list(FORMATS.values())
    stem, ending = os.path.splitext(os.path.basename(path).lower())
    while ending == ".gz":
        stem, ending = os.path.splitext(stem)
    for each in formats:
        if ending in each.endings:
            return each.name
    filled = [line for line in lines if line.strip()]
    for each in sorted(formats, key=lambda each: not each.is_strict):
        if filled and each.recognises(filled, prefix):
            return each.name
    from fasttext_lite.corpus.files import name_of

    *looks, last = (each.lines.replace("{prefix}", prefix) for each in formats)
    raise InputError(
        f"{name_of(path)}:1: the format is not recognised; expected lines like "
        f"{', '.join(looks)} or {last} (say which with --format)"
    )


# -- the formats -----------------------------------------------------------------------------
def _is_fasttext(lines: Sequence[bytes], prefix: str) -> bool:
    mark = prefix.encode()
    return any(token.startswith(mark) for line in lines for token in line.split())


def _fasttext_parser(options: ReadOptions) -> BlockParser:
    import numpy as np

    from fasttext_lite.corpus.kernels import read_fasttext

    mark = np.frombuffer(bytearray(options.label_prefix.encode()), np.uint8)
    return lambda block, *arrays: read_fasttext(block, mark, *arrays)


def _is_tsv(lines: Sequence[bytes], prefix: str) -> bool:
    return sum(b"\t" in line for line in lines) * 2 > len(lines)


def _tsv_parser(options: ReadOptions) -> BlockParser:
    from fasttext_lite.corpus.kernels import read_tsv

    return lambda block, *arrays: read_tsv(block, options.multilabel, *arrays)


def _is_csv(lines: Sequence[bytes], prefix: str) -> bool:
    header = lines[0].decode("utf-8", "replace").split(",")
    names = {name.strip(' "').lower() for name in header}
    return len(header) > 1 and not names.isdisjoint({"label", "labels"})


def _csv_records(path: str, lines: Iterable[bytes], options: ReadOptions) -> Iterator[Record]:
    from fasttext_lite.corpus.records import read_csv

    return read_csv(path, lines, options.text_column, options.label_column, options.multilabel)


def _is_jsonl(lines: Sequence[bytes], prefix: str) -> bool:
    return all(line.lstrip().startswith(b"{") for line in lines)


def _jsonl_records(path: str, lines: Iterable[bytes], options: ReadOptions) -> Iterator[Record]:
    from fasttext_lite.corpus.records import read_jsonl

    return read_jsonl(path, lines, options.text_column, options.label_column, options.multilabel)


FORMATS: Records[Format] = Records(
    "format",
    Format(
        name="fasttext",
        lines="'{prefix}name text'",
        help="{prefix}name text",
        recognises=_is_fasttext,
        parse_blocks=_fasttext_parser,
        options=("label_prefix",),
    ),
    Format(
        name="tsv",
        lines="'name<TAB>text'",
        help="name<TAB>text",
        recognises=_is_tsv,
        parse_blocks=_tsv_parser,
        endings=(".tsv",),
        options=("multilabel",),
        bad_line="no tab between label and text; expected label<TAB>text",
    ),
    Format(
        name="csv",
        lines="CSV with a header",
        help="with a header",
        recognises=_is_csv,
        parse_records=_csv_records,
        endings=(".csv",),
        options=("text_column", "label_column", "multilabel"),
    ),
    Format(
        name="jsonl",
        lines="JSON objects",
        help="an object in each line",
        recognises=_is_jsonl,
        parse_records=_jsonl_records,
        endings=(".jsonl", ".ndjson"),
        is_strict=True,
        options=("text_column", "label_column", "multilabel"),
    ),
)
