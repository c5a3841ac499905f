"""The formats of files of texts: how each is recognised, and how a file of it is parsed.

To add a format, add its parser to `corpus.records` or `corpus.kernels` and a record here; or from
outside, with ``FORMATS.add(Format(...))`` and a parser of your own.  Parsers are imported when
they are used: the command line needs the names alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fasttext_lite.config.foreign import not_a_choice
from fasttext_lite.config.records import Records
from fasttext_lite.corpus.headers import (
    DELIMITERS,
    TEXT_NAMES,
    cut,
    likely,
    share_of_size,
    unread_header,
)
from fasttext_lite.corpus.reading import AUTO, Reading, Record, UncheckedOptions
from fasttext_lite.errors import InputError

__all__ = [
    "AUTO",
    "FORMATS",
    "BlockParser",
    "Format",
    "ReadOptions",
    "Reading",
    "RecordParser",
    "find_format",
    "labelled_formats",
]


@dataclass(frozen=True)
class ReadOptions(UncheckedOptions):
    """How to read files of texts; attributes as of `UncheckedOptions`.

    Raises
    ------
    ValueError
        If there is no such format or encoding, or `delimiter` or `columns` cannot be.
    """

    def __post_init__(self) -> None:
        if self.format != AUTO and self.format not in FORMATS:
            raise ValueError(not_a_choice("format", self.format, [AUTO, *FORMATS]))
        super().__post_init__()


Item = TypeVar("Item")
# Given the lines of a file.
RecordParser = Callable[[Reading, Iterable[bytes]], Iterator[Record]]
# Given a block, and `state`, `docs` and `table` of `corpus.kernels`: DONE or what stopped it.
BlockParser = Callable[[Any, Any, Any, Any], int]


@dataclass(frozen=True)
class Format:
    """One format of files of texts.

    Attributes
    ----------
    name : str
        What the format is called where one is chosen.
    lines : str
        What its lines look like, for people; {prefix} stands for that of labels.
    recognises : callable
        Given a `Reading` with at least one line: whether the lines are of this format.
    parse_records : callable, optional
        The parser in Python, a `RecordParser`.
    parse_blocks : callable, optional
        In its place, for speed: given the `Reading`, a parser in compiled code, a `BlockParser`.
    endings : tuple of str
        Of the names of files that are of this format if the lines do not say which they are.
    is_strict : bool
        Whether `recognises` looks at the whole of each line: such formats are asked first, as
        lines of theirs may hold what others look for.
    has_labels : bool
        Whether there may be labels; without, the format is for texts to predict alone.
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
    recognises: Callable[[Reading], bool]
    parse_records: RecordParser | None = None
    parse_blocks: Callable[[Reading], BlockParser] | None = None
    endings: tuple[str, ...] = ()
    is_strict: bool = False
    has_labels: bool = True
    options: tuple[str, ...] = ()
    bad_line: str = ""
    help: str = ""

    def __post_init__(self) -> None:
        if (self.parse_records is None) == (self.parse_blocks is None):
            raise ValueError(f"the format {self.name} must have one parser")
        if self.name == AUTO:
            raise ValueError(f"no format can be called {AUTO}")


def labelled_formats() -> list[str]:
    """Return the names of the formats that can have labels."""
    return [each.name for each in FORMATS.values() if each.has_labels]


def find_format(reading: Reading) -> Format:
    """Return the format of a file, and note what the user should know about it.

    The first lines that are not empty decide: strict formats are asked first, then the others in
    the order of the table.  Where none recognises them, the ending of the file's name does; and
    what is to be predicted is plain text then.

    Raises
    ------
    InputError
        If the format is not recognised.
    """
    options = reading.options
    found = FORMATS[options.format] if options.format != AUTO else _recognised(reading)
    if found.name == "tsv" and options.columns:
        found = FORMATS["csv"]
    if found.name == "tsv" and reading.header is not None:
        reading.say(
            f"{reading.begin}: the first line looks like a header "
            f"({', '.join(reading.header.names)}) and is read as a text; without --format tsv the "
            "columns are read by name"
        )
    for name in _TABLE_OPTIONS:
        if getattr(options, name) != getattr(ReadOptions, name) and name not in found.options:
            flag = f"--{name.replace('_', '-')}"
            reading.say(f"{reading.where}: {flag} has no effect on the format {found.name}")
    if not (reading.takes_all or reading.judges):
        _check_asked_columns(reading, found)
    return found


_TABLE_OPTIONS = ("text_column", "label_column", "columns", "delimiter")


def _check_asked_columns(reading: Reading, form: Format) -> None:
    """Raise `InputError` if weights or shares are asked for of a format that has none."""
    for name in ("weight_column", "probabilities_column"):
        given = getattr(reading.options, name)
        if given not in ("", getattr(ReadOptions, name)) and name not in form.options:
            raise InputError(
                f"{reading.where}: --{name.replace('_', '-')} {given}: the format {form.name} has "
                "no such column; a table with a header or JSON lines have"
            )


def _recognised(reading: Reading) -> Format:
    """Return the format that the lines, or else the name of the file, speak for."""
    formats = [each for each in FORMATS.values() if each.has_labels]
    if reading.lines:
        for each in sorted(formats, key=lambda each: not each.is_strict):
            if each.recognises(reading):
                return each
    if reading.ending == ".json" or _is_other_json(reading):
        raise InputError(
            f"{reading.begin}: one JSON object in each line is needed, this is another JSON; "
            "for an array of objects: jq -c '.[]'"
        )
    for each in formats:
        # A line that a parser of blocks finds nothing in is a plain text.
        if reading.ending in each.endings and not (reading.takes_all and each.parse_blocks):
            return each
    if reading.takes_all:
        _look_for_labels(reading)
        return FORMATS["text"]
    *looks, last = (
        each.lines.replace("{prefix}", reading.options.label_prefix) for each in formats
    )
    raise InputError(
        f"{reading.begin}: the format is not recognised; expected lines like "
        f"{', '.join(looks)} or {last} (say which with --format){_table_hint(reading)}"
    )


def _table_hint(reading: Reading) -> str:
    """Return what to say of lines that look like a table without a header."""
    for name, delimiter in DELIMITERS.items():
        sizes = {len(cut(line, delimiter)) for line in reading.head}
        if delimiter != "\t" and min(sizes) > 1:
            return (
                f"; the lines look like fields separated by {delimiter!r} without a header: "
                f"{_how_to_cut(name, sizes)}"
            )
    return ""


def _how_to_cut(name: str, sizes: set[int]) -> str:
    """Return how to read lines of so many fields, of which the first is the label."""
    sign = DELIMITERS[name]
    if len(sizes) > 1:
        return (
            f"texts hold {sign!r}, too, so put a tab for the first of each line, for example with: "
            f"sed 's/{sign}/\\t/'"
        )
    flag = "" if name in ("comma", "tab") else f" --delimiter {name}"
    more = "" if max(sizes) == 2 else f", and so on for all {max(sizes)} fields,"
    return f"--columns label,text{more}{flag} reads them"


def _look_for_labels(reading: Reading) -> None:
    """Say so if texts to predict seem to be labelled, though they are read as they are."""
    known, head = reading.known or (), reading.head
    if found := unread_header(head, reading.options.text_column):
        how = "--format csv" if found.delimiter == "," else (
            f"--format csv --delimiter {found.delimiter_name}"
        )  # fmt: skip
        text = likely(found.names, TEXT_NAMES)
        if found.index(reading.options.text_column) is None and text:
            how += f" --text-column {text}"
        reading.say(
            f"{reading.begin}: the first line looks like a header ({found.shown}), and is read as "
            f"a text; {how} reads columns by name"
        )
        return
    for name, delimiter in DELIMITERS.items():
        flag = "" if name in ("comma", "tab") else f" --delimiter {name}"
        rows = [[field.strip() for field in cut(line, delimiter)] for line in head]
        if delimiter != "\t" and _most(rows, lambda row: len(row) > 1 and row[0] in known):
            how = _how_to_cut(name, {len(row) for row in rows})
            reading.say(
                f"{reading.where}: lines begin with a label of the model and {delimiter!r}, and "
                f"are read as plain text; {how}"
            )
            return
        if _most(rows, lambda row: len(row) > 1 and row[-1] in known):
            reading.say(
                f"{reading.where}: lines end with {delimiter!r} and a label of the model, and are "
                f"read as plain text; --columns text,label{flag} reads the label by itself"
            )
            return
    begins = [_FIRST_WORD.match(line) for line in head]
    if _most(begins, lambda found: found is not None and found[2] in known):
        shown = next(found[0] for found in begins if found is not None and found[2] in known)
        reading.say(
            f"{reading.where}: lines begin with a label of the model ({shown.strip()!r}), which is "
            "read as a word of the text"
        )
    elif _has_tabs(reading):
        _say_tabs(reading, "they are read as plain text; --format tsv reads label<TAB>text")


# A word with what may stand around a label.
_FIRST_WORD = re.compile(r"""\s*(["'(\[]*(?:__\w+?__)?\s*)([^\s:,;|"')\]]+)["')\]]*[:,;|]?""")


def _most(items: Sequence[Item], holds: Callable[[Item], bool]) -> bool:
    """Return whether something holds for more than half of some items."""
    return sum(map(holds, items)) * 2 > len(items)


LEFT_OUT = "it is left out; --format text reads whole lines"


def _say_tabs(reading: Reading, how: str) -> None:
    second = [line.split("\t")[1].strip() for line in reading.head if line.count("\t") > 1]
    if reading.known and sum(field in reading.known for field in second) * 2 > len(reading.head):
        how = "the second field is one: --columns id,label,text names the columns"
    reading.say(
        f"{reading.where}: lines hold tabs, but what stands before is no label of the model: {how}"
    )


# -- the formats -----------------------------------------------------------------------------
def _is_fasttext(reading: Reading) -> bool:
    mark, head = reading.options.label_prefix, reading.head
    n_marked = sum(any(token.startswith(mark) for token in line.split()) for line in head)
    n_begun = sum(line.lstrip().startswith(mark) for line in head)
    n_quoted = sum(line.lstrip().startswith(f'"{mark}') for line in head)
    if mark and n_quoted:
        reading.say(
            f"{reading.where}: lines stand in quotes, so that their labels are not seen: write "
            "them without (pandas: quoting=csv.QUOTE_NONE)"
        )
    if _has_tabs(reading) and n_begun * 2 < len(head):
        return False
    if n_marked * 2 < len(head) and n_marked == 0:
        return False
    fields = [line.split("\t")[0].split() for line in head if "\t" in line]
    spaced = [field for field in fields if field and not field[-1].startswith(mark)]
    if mark and len(fields) == len(head) and spaced and spaced[0][0].startswith(mark):
        name = " ".join(spaced[0]).removeprefix(mark)
        reading.say(
            f"{reading.where}: labels before the tab seem to hold spaces ({name!r}), but one ends "
            "at a space in fastText's format; --format tsv keeps them whole"
        )
    glued = [line.split()[0] for line in head if len(line.split()) == 1]
    sign = next((sign for sign in ",:;，：" if sum(sign in token for token in glued)), "")
    if mark and sign and len(glued) * 2 > len(head):
        reading.say(
            f"{reading.where}: lines have no space, and {sign!r} seems to stand between label and "
            "text: put a space there"
        )
    n_alone = sum(line.split()[:1] == [mark] for line in head)
    if mark and n_alone * 2 > len(head):
        reading.say(f"{reading.where}: a space stands between {mark} and the label: take it away")
    return True


def _has_tabs(reading: Reading) -> bool:
    return sum("\t" in line for line in reading.head) * 2 > len(reading.head)


def _fasttext_parser(reading: Reading) -> BlockParser:
    from fasttext_lite.corpus.kernels import read_fasttext

    mark, takes_all = _mark(reading), reading.takes_all
    return lambda block, *arrays: read_fasttext(block, mark, takes_all, *arrays)


def _mark(reading: Reading) -> Any:
    import numpy as np

    return np.frombuffer(bytearray(reading.options.label_prefix.encode()), np.uint8)


def _is_tsv(reading: Reading) -> bool:
    if not _has_tabs(reading):
        return False
    if reading.known is None:
        return True
    prefix, is_cut = reading.options.label_prefix, reading.options.multilabel
    n_known = 0
    for line in reading.head:
        label, tab, _ = line.partition("\t")
        names = label.split(",") if is_cut else [label]
        n_known += bool(tab) and names[0].strip().removeprefix(prefix) in reading.known
    if n_known * 2 <= len(reading.head):
        if reading.ending != ".tsv":
            return False
        swapped = sum(line.split("\t")[-1].strip() in reading.known for line in reading.head)
        if swapped * 2 > len(reading.head):
            return False  # and that is said
        _say_tabs(reading, LEFT_OUT)
    return True


def _tsv_parser(reading: Reading) -> BlockParser:
    from fasttext_lite.corpus.kernels import read_tsv

    mark, takes_all, is_cut = _mark(reading), reading.takes_all, reading.options.multilabel
    return lambda block, *arrays: read_tsv(block, is_cut, mark, takes_all, *arrays)


def _is_csv(reading: Reading) -> bool:
    header = reading.header
    if header is None or _are_objects(reading.head):  # a label there may be called label
        return False
    return header.is_line or share_of_size(reading.head, header.delimiter, len(header.names)) > 0


def _are_objects(lines: Sequence[str]) -> bool:
    """Return whether all lines are objects of JSON."""
    import json

    try:
        return all(line.lstrip()[:1] == "{" and bool(json.loads(line)) for line in lines)
    except (ValueError, RecursionError):
        return False


def _csv_records(reading: Reading, lines: Iterable[bytes]) -> Iterator[Record]:
    from fasttext_lite.corpus.records import read_table

    return read_table(reading, lines)


def _is_jsonl(reading: Reading) -> bool:
    if not all(line.lstrip().startswith("{") for line in reading.head):
        return False
    if not reading.takes_all or reading.ending in FORMATS["jsonl"].endings:
        return True
    # One bad line is a mistake in JSON, and no plain text.
    key = json_key(reading.options.text_column)
    return sum(key in line for line in reading.head) * 2 > len(reading.head)


def json_key(name: str) -> str:
    """Return a key as it stands in JSON."""
    import json

    return json.dumps(name, ensure_ascii=False)


def _is_other_json(reading: Reading) -> bool:
    """Return whether a file is JSON, but not an object in each line."""
    first = reading.head[0].strip()
    if not first.startswith(("[{", "{")) and first != "[":
        return False
    return json_key(reading.options.text_column) in "".join(reading.head) or (
        first.startswith("[{") and not reading.takes_all
    )


def _jsonl_records(reading: Reading, lines: Iterable[bytes]) -> Iterator[Record]:
    from fasttext_lite.corpus.records import read_jsonl

    return read_jsonl(reading, lines)


def _text_parser(reading: Reading) -> BlockParser:
    from fasttext_lite.corpus.lines import read_lines

    mark = _mark(reading)
    return lambda block, *arrays: read_lines(block, mark, *arrays)


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
        options=("label_prefix", "multilabel"),
        bad_line="no tab between label and text; expected label<TAB>text",
    ),
    Format(
        name="csv",
        lines="CSV with a header",
        help="a table with a header or --columns, its fields between commas, tabs, ...",
        recognises=_is_csv,
        parse_records=_csv_records,
        endings=(".csv",),
        is_strict=True,
        options=(
            "label_prefix",
            "text_column",
            "label_column",
            "weight_column",
            "probabilities_column",
            "columns",
            "delimiter",
            "multilabel",
        ),
    ),
    Format(
        name="jsonl",
        lines="JSON objects",
        help="an object in each line",
        recognises=_is_jsonl,
        parse_records=_jsonl_records,
        endings=(".jsonl", ".ndjson"),
        is_strict=True,
        options=(
            "label_prefix",
            "text_column",
            "label_column",
            "weight_column",
            "probabilities_column",
            "multilabel",
        ),
    ),
    Format(
        name="text",
        lines="plain text",
        help="a text in each line, without words that begin with {prefix}",
        recognises=lambda reading: False,
        parse_blocks=_text_parser,
        has_labels=False,
        options=("label_prefix",),
    ),
)
