"""Tables of texts: what separates their fields, and the line that names their columns."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

# What may separate the fields of a table, by the words that the command line takes for it.
DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|"}

# What people call the columns of labels and of texts.
LABEL_NAMES = (
    "label", "labels", "category", "categories", "class", "classes", "target", "targets", "tag",
    "tags", "topic", "topics", "intent", "intents", "sentiment", "label_name", "class_name",
    "classname", "label_text", "gold", "gold_label", "y", "genre", "emotion", "polarity",
    "language", "lang", "标签", "类别", "分类",
)  # fmt: skip
TEXT_NAMES = (
    "text", "texts", "sentence", "sentences", "content", "contents", "title", "titles", "body",
    "review", "reviews", "message", "comment", "comments", "tweet", "document", "doc", "query",
    "question", "utterance", "headline", "description", "post", "news", "review_text", "raw_text",
    "clean_text", "input", "x", "文本", "内容", "标题", "评论",
)  # fmt: skip
_LONGEST_NAME, _MOST_WORDS = 64, 3


@dataclass(frozen=True)
class Header:
    """The columns of a table.

    Attributes
    ----------
    names : list of str
    delimiter : str
    is_line : bool
        Whether the names stand in the first line, which is no record then.
    """

    names: list[str]
    delimiter: str
    is_line: bool = True

    def index(self, wanted: str) -> int | None:
        """Return the place of a column, whatever its letters' case; None if there is none."""
        if wanted in self.names:
            return self.names.index(wanted)
        folded = [name.casefold() for name in self.names]
        return folded.index(wanted.casefold()) if folded.count(wanted.casefold()) == 1 else None


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
            f"delimiter must be one character, or one of {', '.join(DELIMITERS)}; got {text!r}"
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
            f"columns must be different names between commas, {text_column!r} among them, such as "
            f"label,text; got {text!r}"
        )
    return names


def cut(line: str, delimiter: str) -> list[str]:
    """Return the fields of a line of a table."""
    if delimiter == "\t":
        return cut_at_tabs(line)
    try:
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
        Whether the file's name says that it is a table, so that one column is enough.
    """
    if not lines:
        return None
    tried = [delimiter] if delimiter else list(DELIMITERS.values())
    if columns:
        names = columns_of(columns, text_column)
        best = max(tried, key=lambda each: share_of_size(lines, each, len(names)))
        return Header(names, best, is_line=False)
    for each in tried:
        names = [name.strip().strip('"') for name in cut(lines[0], each)]
        header = Header(names, each)
        if len(names) < 2 - (is_table and not needs_label):
            continue
        if max(map(len, names)) > _LONGEST_NAME:
            continue
        if _names_columns(header, lines, text_column, label_column, needs_label=needs_label):
            return header
    return None


def _names_columns(
    header: Header, lines: Sequence[str], text_column: str, label_column: str, *, needs_label: bool
) -> bool:
    """Return whether the first line's fields are names of columns."""
    has_text = header.index(text_column) is not None
    has_label = header.index(label_column) is not None
    if has_text and has_label:
        return True
    names = {name.casefold() for name in header.names}
    if any(len(name.split()) > _MOST_WORDS for name in names):
        return False
    rest = lines[1:]
    if header.names[0] in [cut(line, header.delimiter)[0].strip() for line in rest]:
        return False
    if len(header.names) == 1:
        return has_text
    if not rest or share_of_size(rest, header.delimiter, len(header.names)) < 0.5:
        return not needs_label and has_text and not rest
    texts, labels = not names.isdisjoint(TEXT_NAMES), not names.isdisjoint(LABEL_NAMES)
    if not needs_label:
        return has_text or (texts and (labels or header.delimiter != ","))
    return has_label or not names.isdisjoint(("label", "labels")) or (texts and labels)


def share_of_size(lines: Sequence[str], delimiter: str, size: int) -> float:
    """Return the share of lines that have so many fields."""
    try:
        rows = (
            [cut_at_tabs(line) for line in lines]
            if delimiter == "\t"
            else list(csv.reader([f"{line}\n" for line in lines], delimiter=delimiter))
        )
    except csv.Error:
        return 0.0
    return sum(len(row) == size for row in rows) / max(len(rows), 1)


def likely(names: Sequence[str], known: Sequence[str]) -> str | None:
    """Return the only one of some columns' names that is a usual one."""
    found = [name for name in names if name.casefold() in known]
    return found[0] if len(found) == 1 else None


def missing(header: Header, column: str, flag: str) -> str:
    """Return what is wrong with a header that lacks a column, and what to do.

    Parameters
    ----------
    header : Header
    column : str
        The name that is not there.
    flag : {"label", "text"}
        Which it is.
    """
    shown = ", ".join(header.names)
    guess = likely(header.names, LABEL_NAMES if flag == "label" else TEXT_NAMES)
    advice = f"name it with --{flag}-column {guess}" if guess else f"name it with --{flag}-column"
    return f"no column {column!r} in the header ({shown}); {advice}"
