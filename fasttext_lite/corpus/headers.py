"""Tables of texts: what separates their fields, and the line that names their columns."""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fasttext_lite.errors import bounded

# What may separate the fields of a table, by the words that the command line takes for it.
DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|"}

# What people call the columns of labels and of texts.
LABEL_NAMES = (
    "label", "labels", "category", "categories", "class", "classes", "target", "targets", "tag",
    "tags", "topic", "topics", "intent", "intents", "sentiment", "label_name", "class_name",
    "classname", "label_text", "gold", "gold_label", "genre", "emotion", "polarity",
    "language", "lang", "标签", "类别", "分类",
)  # fmt: skip
TEXT_NAMES = (
    "text", "texts", "sentence", "sentences", "content", "contents", "title", "titles", "body",
    "review", "reviews", "message", "comment", "comments", "tweet", "document", "doc", "query",
    "question", "utterance", "headline", "description", "post", "news", "review_text", "raw_text",
    "clean_text", "input", "文本", "内容", "标题", "评论",
)  # fmt: skip
# Of other columns beside these.
_OTHER_NAMES = (
    "", "id", "ids", "idx", "index", "no", "uid", "uuid", "doc_id", "row", "date", "time",
    "timestamp", "author", "user", "source", "url", "score", "rating", "stars", "split", "name",
    "number", "year", "created_at", "weight", "probabilities", "序号", "编号", "日期",
)  # fmt: skip
_USUAL = frozenset((*LABEL_NAMES, *TEXT_NAMES, *_OTHER_NAMES))
_LONGEST_NAME, _MOST_WORDS = 64, 3
_MAX_FIELD = 2**31 - 1
_SHOWN = 8  # names in a message


@dataclass(frozen=True)
class Header:
    """The columns of a table.

    Attributes
    ----------
    names : list of str
    delimiter : str
    n_lines : int
        Lines at the beginning that are not empty, and no records.
    """

    names: list[str]
    delimiter: str
    n_lines: int = 1

    @property
    def is_line(self) -> bool:
        """Whether the names stand in the file."""
        return self.n_lines > 0

    @property
    def shown(self) -> str:
        """The names for a message."""
        names = [name[:40] for name in self.names[:_SHOWN]]
        return ", ".join(names) + ", ..." * (len(self.names) > _SHOWN)

    @property
    def delimiter_name(self) -> str:
        """What the command line calls the delimiter."""
        return next((name for name, c in DELIMITERS.items() if c == self.delimiter), self.delimiter)

    def index(self, wanted: str) -> int | None:
        """Return the place of a column, whatever its letters' case; None if there is none."""
        if wanted in self.names:
            return self.names.index(wanted)
        folded = [name.casefold() for name in self.names]
        return folded.index(wanted.casefold()) if folded.count(wanted.casefold()) == 1 else None

    def parts_of(self, wanted: str) -> dict[int, str]:
        """Return the places of columns that are called `wanted`, a dot and more, and the latter."""
        begin = f"{wanted}.".casefold()
        return {
            place: name[len(begin) :]
            for place, name in enumerate(self.names)
            if wanted and name[: len(begin)].casefold() == begin
        }


def delimiter_of(text: str) -> str:
    r"""Return the character that a word such as "tab", or "\\t", or itself stands for; "" is "".

    Raises
    ------
    ValueError
        If it is none.
    """
    found = "\t" if text == "\\t" else DELIMITERS.get(text, text)
    if len(found) > 1 or (found and found in '"\r\n\0'):
        raise ValueError(
            bounded(
                f"delimiter must be one character, or one of {', '.join(DELIMITERS)}; got {text!r}"
            )
        )
    return found


def columns_of(text: str, text_column: str) -> list[str]:
    """Return the names between commas.

    Raises
    ------
    ValueError
        If two are the same, or the column of texts is not there.
    """
    names = [name.strip() for name in text.split(",")] if text else []
    given = [name for name in names if name]
    if len(set(given)) < len(given) or (names and text_column not in names):
        raise ValueError(
            bounded(
                f"columns must be different names between commas, {text_column!r} among them, such "
                f"as label,text; got {text!r}"
            )
        )
    return names


@contextlib.contextmanager
def wide_fields() -> Iterator[None]:
    """Let the csv module read fields of any length; its own limit is 131,072 characters."""
    limit = csv.field_size_limit(_MAX_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def cut(line: str, delimiter: str) -> list[str]:
    """Return the fields of a line of a table."""
    if delimiter == "\t":
        return cut_at_tabs(line)
    try:
        with wide_fields():
            return next(csv.reader([line], delimiter=delimiter), [""])
    except csv.Error:
        return [line]


def cut_at_tabs(line: str) -> list[str]:
    """Return the fields between tabs; one in quotes, whose own are doubled, without them.

    Any other quote is a letter: few programs that write such tables know about quotes.
    """
    fields = line.split("\t")
    if '"' in line:
        fields = [_unquoted(field) for field in fields]
    return fields


def _unquoted(field: str) -> str:
    inner = field[1:-1]
    if len(field) < 2 or field[0] != '"' or field[-1] != '"' or '"' in inner.replace('""', ""):
        return field
    return inner.replace('""', '"')


def find_header(
    lines: Sequence[str],
    text_column: str,
    label_column: str,
    delimiter: str = "",
    columns: str = "",
    *,
    needs_label: bool = True,
    is_table: bool = False,
    shares_column: str = "",
) -> Header | None:
    """Return the columns of a table that begins with some lines; None if they name none.

    Parameters
    ----------
    lines : sequence of str
        Not empty ones.
    text_column, label_column : str
        The columns that are looked for.
    delimiter : str
        "" = tried.
    columns : str
        Names that stand in no line.
    needs_label : bool
        Whether a table without a column of labels is none.
    is_table : bool
        Whether the file's name or the user says that it is a table, so that one column is enough.
    shares_column : str
        The column that may be there in place of one of labels; "" = none.
    """
    if not lines:
        return None
    n_before = 0
    if found := _SEPARATOR_LINE.fullmatch(lines[0]):  # of Excel
        n_before, delimiter, lines = 1, delimiter or found[1], lines[1:]
    tried = [delimiter] if delimiter else list(DELIMITERS.values())
    if columns:
        names = columns_of(columns, text_column)
        best = max(tried, key=lambda each: _fit(lines, each, len(names)))
        fields = [name.strip().casefold() for name in cut(lines[0], best)] if lines else []
        is_line = fields == [name.casefold() for name in names]
        return Header(names, best, n_before + is_line)
    for each in tried if lines else ():
        names = [name.strip().strip('"') for name in cut(lines[0], each)]
        header = Header(names, each, n_before + 1)
        if len(names) < 2 - (is_table and not needs_label):
            continue
        if max(map(len, names)) > _LONGEST_NAME:
            continue
        if needs_label:
            is_header = _names_columns(header, lines, text_column, label_column, shares_column)
        else:
            is_header = _names_texts(header, lines, text_column, label_column, is_table)
        if is_header:
            return header
    return None


# The line in which Excel says what separates fields.
_SEPARATOR_LINE = re.compile("sep=(.)", re.IGNORECASE)


def _fit(lines: Sequence[str], delimiter: str, size: int) -> tuple[float, int]:
    """Return how well a delimiter makes so many fields of lines: best, those that it divides."""
    return share_of_size(lines, delimiter, size), sum(delimiter in line for line in lines)


def _names_columns(
    header: Header,
    lines: Sequence[str],
    text_column: str,
    label_column: str,
    shares_column: str = "",
) -> bool:
    """Return whether the first line's fields are names of columns, one of labels among them."""
    has_text = header.index(text_column) is not None
    has_label = header.index(label_column) is not None or bool(
        shares_column
        and (header.index(shares_column) is not None or header.parts_of(shares_column))
    )
    if has_text and has_label:
        return True
    names = {name.casefold() for name in header.names}
    if len(header.names) < 2 or any(len(name.split()) > _MOST_WORDS for name in names):
        return False
    if not _is_consistent(header, lines):
        return False
    texts, labels = not names.isdisjoint(TEXT_NAMES), not names.isdisjoint(LABEL_NAMES)
    bare = all(_BARE_NAME.fullmatch(name) for name in header.names)
    return (
        has_label or (has_text and bare) or (texts and labels)
        or not names.isdisjoint(("label", "labels"))
    )  # fmt: skip


# One word, as programs call columns.
_BARE_NAME = re.compile(r"[#\w.-]*")


def _names_texts(
    header: Header, lines: Sequence[str], text_column: str, label_column: str, is_table: bool
) -> bool:
    """Return whether the first line's fields are names of columns, where texts are looked for.

    A plain text must not be taken for a table: names stand without white space around them,
    and are usual ones, unless the file's name or the user says that it is a table.
    """
    if header.index(text_column) is None:
        return is_table and _names_columns(header, lines, text_column, label_column)
    fields = cut(lines[0], header.delimiter)
    if not is_table and not all(_BARE_NAME.fullmatch(field) for field in fields):
        return False
    usual = {name.casefold() for name in header.names} <= _USUAL | {
        text_column.casefold(), label_column.casefold()
    }  # fmt: skip
    return is_table or (usual and (not lines[1:] or _is_consistent(header, lines)))


def _is_consistent(header: Header, lines: Sequence[str]) -> bool:
    """Return whether the lines behind the first have as many fields, and begin otherwise."""
    rest = lines[1:]
    if not rest or header.names[0] in [cut(line, header.delimiter)[0].strip() for line in rest]:
        return False
    return share_of_size(rest, header.delimiter, len(header.names)) >= 0.5


def unread_header(lines: Sequence[str], text_column: str) -> Header | None:
    """Return the columns that a first line seems to name, though it is not taken for a header."""
    for delimiter in DELIMITERS.values():
        header = Header(cut(lines[0], delimiter), delimiter)
        names = {name.casefold() for name in header.names}
        is_named = not names.isdisjoint((*TEXT_NAMES, text_column.casefold()))
        bare = all(_BARE_NAME.fullmatch(name) for name in header.names)
        if len(names) > 1 and is_named and bare and _is_consistent(header, lines):
            return header
    return None


def may_name_columns(lines: Sequence[str]) -> list[str]:
    """Return the fields of a first line between tabs that may be names of columns; else none.

    They look like names, and the texts behind do not. Whether the first is a label of other
    lines, too, is to be seen.
    """
    fields = cut_at_tabs(lines[0])
    if len(fields) < 2 or not all(field and _BARE_NAME.fullmatch(field) for field in fields):
        return []
    folded = {field.casefold() for field in fields}
    texts = [cut_at_tabs(line)[-1].split() for line in lines[1:]]
    is_usual = not folded.isdisjoint((*LABEL_NAMES, *TEXT_NAMES))
    is_marked = any("_" in field or field.startswith("#") for field in fields)
    is_number = fields == [str(i) for i in range(len(fields))]
    is_word = all(field.isascii() and field.islower() and field.isalpha() for field in fields)
    is_word = is_word and all(len(words) > 1 for words in texts)
    return fields if texts and (is_usual or is_marked or is_number or is_word) else []


def share_of_size(lines: Sequence[str], delimiter: str, size: int) -> float:
    """Return the share of the records in some lines that have so many fields.

    The last may go on behind the lines; if it is the only one, it may have as many.
    """
    if delimiter == "\t":
        rows = [cut_at_tabs(line) for line in lines]
        return sum(len(row) == size for row in rows) / max(len(rows), 1)
    rows, n_read = [], 0
    try:
        with wide_fields():
            reader = csv.reader([f"{line}\n" for line in lines], delimiter=delimiter)
            for row in reader:
                is_open = sum(line.count('"') for line in lines[n_read : reader.line_num]) % 2
                n_read = reader.line_num
                if not is_open:
                    rows.append(row)
    except csv.Error:
        return 0.0
    if not rows:
        return 1.0 if n_read else 0.0
    return sum(len(row) == size for row in rows) / len(rows)


def likely(names: Sequence[str], known: Sequence[str]) -> str | None:
    """Return the only one of some columns' names that is a usual one."""
    found = [name for name in names if name.casefold() in known]
    return found[0] if len(found) == 1 else None


def missing(header: Header, column: str, flag: str, other: str = "") -> str:
    """Return what is wrong with a header that lacks a column, and what to do.

    Parameters
    ----------
    header : Header
    column : str
        The name that is not there.
    flag : {"label", "text"}
        Which it is.
    other : str
        The name of the column that is the other one.
    """
    shown = header.shown
    guess = likely(header.names, LABEL_NAMES if flag == "label" else TEXT_NAMES)
    others = [name for name in header.names if name != other]
    if guess is None and len(others) == 1:
        guess = others[0]
    advice = f"name it with --{flag}-column {guess}" if guess else f"name it with --{flag}-column"
    return f"no column {column!r} in the header ({shown}); {advice}"
