"""From a source's files to ``train.tsv``, ``test.tsv`` and, where there is one, ``dev.tsv``.

Each line is ``label<TAB>text`` in UTF-8; runs of white space in a text become one space; several
labels are joined by commas. A converter yields ``(split, labels, text)`` for each record of the
source; splitting, counting and writing are common to all.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fasttext_lite import system
from fasttext_lite.datasets.registry import Dataset, Part
from fasttext_lite.disk.replacing import replacing
from fasttext_lite.errors import InputError

SPLITS = ("train", "test", "dev")
Row = tuple[str, Sequence[str], str]
Opener = Callable[[Part], AbstractContextManager[BinaryIO]]
LONGEST_LINE = 1 << 24  # characters
_TENTHS = 10


def clean(text: str) -> str:
    """Return a text in one line: runs of white space are one space, none at the ends."""
    text = " ".join(text.split())
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half a character, as \\ud83d in JSON
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def is_test(text: str, tenths: int) -> bool:
    """Tell whether a text belongs to the test part: by its SHA-1 as a number, modulo 10."""
    return int.from_bytes(_digest(text), "big") % _TENTHS < tenths


def _digest(text: str) -> bytes:
    return hashlib.sha1(text.encode("utf-8"), usedforsecurity=False).digest()


# -- converters ------------------------------------------------------------------------------
def _name(part: Part) -> str:
    return part.file if part.member is None else f"{part.file}:{part.member}"


def _lines(stream: BinaryIO, name: str) -> Iterator[str]:
    """Yield the lines of a UTF-8 file; only LF and CR LF end one."""
    with _decoding(name):
        reader = io.TextIOWrapper(stream, "utf-8-sig", newline="\n")
        while line := reader.readline(LONGEST_LINE):
            if len(line) >= LONGEST_LINE:
                raise InputError(f"{name}: a line has more than {LONGEST_LINE:,} characters")
            yield line.rstrip("\r\n")


def _filled_lines(dataset: Dataset, open_part: Opener) -> Iterator[tuple[Part, str, str]]:
    """Yield the lines of all parts that are not blank, each with its part and its place."""
    for part in dataset.parts:
        with open_part(part) as stream:
            for number, line in enumerate(_lines(stream, _name(part)), start=1):
                if line.strip():
                    yield part, f"{_name(part)}:{number}", line


@contextlib.contextmanager
def _decoding(name: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InputError(f"{name}: not UTF-8: byte 0x{byte:02x} ({error.reason})") from None


def _label(value: str, settings: Mapping[str, Any], where: str) -> str:
    """Return the label's name for the source's value."""
    value = value.strip()
    names = settings.get("names")
    if names is not None:
        if value not in names:
            raise InputError(f"{where}: unknown label {value[:40]!r}")
        return names[value]
    label = clean(value).removeprefix(settings.get("strip", ""))
    if not label:
        raise InputError(f"{where}: no label")
    return label


def _separated_lines(dataset: Dataset, open_part: Opener) -> Iterator[Row]:
    """Read lines of fields between a separator.

    Settings: ``separator``, ``fields`` (the least number), ``text`` and ``label`` (places of
    fields). Labels of multilabel sets stand between commas.
    """
    settings = dataset.settings
    for part, where, line in _filled_lines(dataset, open_part):
        fields = line.split(settings["separator"])
        if len(fields) < settings["fields"]:
            raise InputError(
                f"{where}: {len(fields)} fields, expected {settings['fields']} or more"
            )
        value = fields[settings["label"]]
        values = value.split(",") if dataset.multilabel else [value]
        labels = [_label(value, settings, where) for value in values]
        yield part.split, labels, fields[settings["text"]]


def _csv(dataset: Dataset, open_part: Opener) -> Iterator[Row]:
    """Read CSV with quotes doubled inside quotes.

    Settings: ``columns`` if the file has no header, ``text`` (one column, or several to join by a
    space), ``label``.
    """
    settings = dataset.settings
    texts = settings["text"]
    texts = (texts,) if isinstance(texts, str) else texts
    for part in dataset.parts:
        name = _name(part)
        with open_part(part) as stream, _decoding(name):
            reader = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""))
            try:
                columns = settings.get("columns") or next(reader, [])
                missing = [c for c in (*texts, settings["label"]) if c not in columns]
                if missing:
                    raise InputError(f"{name}:1: no column {missing[0]!r} in the header")
                places = [columns.index(column) for column in texts]
                label = columns.index(settings["label"])
                for fields in reader:
                    if not fields:
                        continue
                    where = f"{name}:{reader.line_num}"
                    if len(fields) != len(columns):
                        raise InputError(f"{where}: {len(fields)} fields, expected {len(columns)}")
                    text = " ".join(fields[place] for place in places)
                    yield part.split, [_label(fields[label], settings, where)], text
            except csv.Error as error:
                raise InputError(f"{name}:{reader.line_num}: {error}") from None


def _json_lines(dataset: Dataset, open_part: Opener) -> Iterator[Row]:
    """Read an object in each line. Settings: ``text`` and ``label``, names of its members."""
    settings = dataset.settings
    for part, where, line in _filled_lines(dataset, open_part):
        record = _parse(line, where)
        text, label = _strings(record, (settings["text"], settings["label"]), where)
        yield part.split, [_label(label, settings, where)], text


def _json_pairs(dataset: Dataset, open_part: Opener) -> Iterator[Row]:
    """Read an object of lists of [text, label]. Settings: ``keys``, from its member to a split."""
    for part in dataset.parts:
        with open_part(part) as stream:
            whole = _parse(_read(stream, _name(part)), _name(part))
        for key, split in dataset.settings["keys"].items():
            pairs = whole.get(key) if isinstance(whole, dict) else None
            if not isinstance(pairs, list):
                raise InputError(f"{_name(part)}: no list {key!r}")
            for number, pair in enumerate(pairs):
                where = f"{_name(part)}: {key}[{number}]"
                if not isinstance(pair, list) or len(pair) != 2:
                    raise InputError(f"{where}: not a pair of text and label")
                text, label = _strings(dict(enumerate(pair)), (0, 1), where)
                yield split, [_label(label, dataset.settings, where)], text


def _poems(dataset: Dataset, open_part: Opener) -> Iterator[Row]:
    """Read lists of poems, labelled with their author.

    Settings: ``anonymous`` (names that are none), ``least_length`` (characters of a poem, its
    lines joined), ``least_poems`` (of an author). Of equal poems only the first is kept.
    """
    settings = dataset.settings
    poems: dict[str, str] = {}
    count: Counter[str] = Counter()
    for part in dataset.parts:
        name = _name(part)
        with open_part(part) as stream:
            whole = _parse(_read(stream, name), name)
        if not isinstance(whole, list):
            raise InputError(f"{name}: not a list of poems")
        for number, poem in enumerate(whole):
            where = f"{name}[{number}]"
            (author,) = _strings(poem, ("author",), where)
            lines = poem.get("paragraphs")
            if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
                raise InputError(f"{where}: no list of lines 'paragraphs'")
            text, author = clean("".join(lines)), clean(author)
            known = author and author not in settings["anonymous"]
            if known and len(text) >= settings["least_length"]:
                count[author] += 1
                poems.setdefault(text, author)
    for text, author in poems.items():
        if count[author] >= settings["least_poems"]:
            yield "all", [author], text


def _read(stream: BinaryIO, name: str) -> str:
    with _decoding(name):
        return stream.read().decode("utf-8-sig")


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error}") from None


def _strings(record: Any, keys: Sequence[Any], where: str) -> list[str]:
    values = []
    for key in keys:
        value = record.get(key) if isinstance(record, dict) else None
        if not isinstance(value, str):
            raise InputError(f"{where}: no text {key!r}")
        values.append(value)
    return values


CONVERTERS: dict[str, Callable[[Dataset, Opener], Iterator[Row]]] = {
    "lines": _separated_lines,
    "csv": _csv,
    "json_lines": _json_lines,
    "json_pairs": _json_pairs,
    "poems": _poems,
}


# -- writing ---------------------------------------------------------------------------------
@dataclass
class Made:
    """What was written: rows by split, labels, and the checksums of the files."""

    rows: dict[str, int] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    sha256: dict[str, str] = field(default_factory=dict)


def convert(dataset: Dataset, open_part: Opener, folder: Path) -> Made:
    """Write the set's files into `folder`; each is replaced when all are whole.

    Parameters
    ----------
    dataset : Dataset
    open_part : callable
        Part -> context manager of a binary stream.
    folder : Path
        Must be there.

    Raises
    ------
    InputError
        If a file is not in the format of its source, or has another number of records than the
        registry says, or there are no rows to train on or to test on. Nothing is left behind.
    """
    targets = {split: folder / f"{split}.tsv" for split in SPLITS}
    made = _write(dataset, CONVERTERS[dataset.converter](dataset, open_part), targets)
    for split, target in targets.items():
        if split in made.rows:
            made.sha256[target.name] = _sha256(target)
        else:
            system.unlink(str(target))
    return made


def _write(dataset: Dataset, rows: Iterable[Row], paths: Mapping[str, Path]) -> Made:
    made = Made()
    records: Counter[str] = Counter()
    tenths = dataset.settings.get("test_tenths")
    seen: set[bytes] = set()
    with contextlib.ExitStack() as stack:
        files: dict[str, BinaryIO] = {}
        for split, labels, raw in rows:
            records[split] += 1
            text = clean(raw)
            if not text:
                continue
            if tenths is not None:
                key = _digest(text)
                if key in seen:
                    continue  # a text in both parts would be no test
                seen.add(key)
                split = "test" if is_test(text, tenths) else "train"
            if split not in files:
                files[split] = stack.enter_context(replacing(paths[split]))
            files[split].write(f"{','.join(labels)}\t{text}\n".encode())
            made.labels.update(labels)
            made.rows[split] = made.rows.get(split, 0) + 1
        _check(dataset, records, made)  # before any file takes its place
    return made


def _check(dataset: Dataset, records: Mapping[str, int], made: Made) -> None:
    """Raise `InputError` unless there are the records that the registry says, and rows of each."""
    for split, expected in dataset.records.items():
        if records[split] != expected:
            which = "" if split == "all" else f" for {split}"
            raise InputError(
                f"{dataset.name}: the source has {records[split]:,} records{which}, expected "
                f"{expected:,}"
            )
    for split in ("train", "test"):
        if not made.rows.get(split):
            raise InputError(f"{dataset.name}: the source gives no rows for {split}")


def _sha256(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 16):
            whole.update(chunk)
    return whole.hexdigest()
