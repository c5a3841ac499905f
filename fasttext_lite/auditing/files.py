"""Labelled files of an audit: where each row stands, and what of a file is written anew."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fasttext_lite.auditing.findings import DROP, KEEP, RELABEL, Finding
from fasttext_lite.corpus.files import iter_blocks, name_of
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.labels import Labels, without_prefix
from fasttext_lite.corpus.reader import Corpus, CorpusReader, read_corpus
from fasttext_lite.corpus.reading import Reading
from fasttext_lite.corpus.records import parsed
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError

_BLOCK = 1 << 22
_FASTTEXT_GAP = re.compile(r"([ \t\v\f\r\0]+)")


@dataclass(frozen=True)
class AuditedFiles:
    """Files that are audited together.

    Attributes
    ----------
    paths : tuple of str
    options : ReadOptions
    texts, labels : Texts, Labels
        Of all of them, one after another.
    lines : tuple of int64[n_rows]
        Of each file: the lines, counted from 1, at which its rows begin.
    unread : tuple of int64[n]
        Of each file: the lines at which records begin that have no label or no text.
    corpora : tuple of Corpus
    """

    paths: tuple[str, ...]
    options: ReadOptions
    texts: Texts
    labels: Labels
    lines: tuple[np.ndarray, ...]
    unread: tuple[np.ndarray, ...]
    corpora: tuple[Corpus, ...]

    @property
    def sizes(self) -> list[int]:
        """How many rows each file has."""
        return [lines.size for lines in self.lines]

    @classmethod
    def read(cls, paths: Sequence[str], options: ReadOptions) -> AuditedFiles:
        """Read files.

        Raises
        ------
        InputError
            If one cannot be read, is empty, or has no labelled text.
        """
        corpora = [read_corpus(path, options, judges=True, keeps_lines=True) for path in paths]
        numbers: dict[str, int] = {}
        ids, sizes = [], []
        texts = corpora[0].texts
        for place, corpus in enumerate(corpora):
            own = [numbers.setdefault(name, len(numbers)) for name in corpus.labels.names]
            ids.append(np.array(own, np.int32)[corpus.labels.ids])
            sizes.append(np.diff(corpus.labels.indptr))
            texts = Texts.joined(texts, corpus.texts) if place else texts
        indptr = np.append(0, np.cumsum(np.concatenate(sizes)))
        labels = Labels(np.concatenate(ids), indptr, list(numbers)).by_frequency()
        lines = [corpus.rows + 1 for corpus in corpora if corpus.rows is not None]
        none = np.empty(0, np.int64)
        unread = [none if each.unread is None else each.unread + 1 for each in corpora]
        return cls(
            tuple(paths), options, texts, labels, tuple(lines), tuple(unread), tuple(corpora)
        )


# -- what is changed -------------------------------------------------------------------------
@dataclass(frozen=True)
class Change:
    """What is done about a record.

    Attributes
    ----------
    action : str
        One of `findings.ACTIONS`.
    labels : tuple of str
        The new ones, where it is relabelled.
    text, old : str or None, tuple of str or None
        What the record must have as its text and its labels, sorted; None = is not compared.
    where : str
        The place that says so, for messages; empty where the audit of this very run does.
    """

    action: str
    labels: tuple[str, ...] = ()
    text: str | None = None
    old: tuple[str, ...] | None = None
    where: str = ""


def joined(first: Change | None, second: Change) -> Change:
    """Return what is done where two findings are of one record: it is dropped if either says so.

    Of two proposals of labels the first one counts.
    """
    if first is None or (second.action == DROP and first.action != DROP) or first.action == KEEP:
        return second
    return first


def differ(first: Change | None, second: Change) -> bool:
    """Return whether two findings give one record different labels."""
    return (
        first is not None
        and first.action == second.action == RELABEL
        and sorted(first.labels) != sorted(second.labels)
    )


def change_of(finding: Finding, action: str) -> Change:
    """Return what an action does about a finding; without labels to give, nothing."""
    if action not in (DROP, KEEP) and not finding.proposed:
        action = KEEP
    return Change(action, finding.proposed)


def rewritten(
    path: str, options: ReadOptions, changes: Mapping[int, Change]
) -> Iterator[tuple[str, str]]:
    """Yield what becomes of a file: lines with their ends, and what was done ("" = nothing).

    What is not changed is written as it stands, headers, blank lines and columns too.

    Parameters
    ----------
    path : str
        It is read once more.
    options : ReadOptions
    changes : mapping of int to Change
        By the line, counted from 1, at which a record begins.

    Raises
    ------
    InputError
        If a record has another text or label than a change says, there is none at its line, or a
        label cannot be written in the format.
    """
    reader = CorpusReader(path, options, judges=True)
    form = reader.recognise()
    reading = Reading(path, options, judges=True)
    reading.lines, reading.first_line = reader.reading.lines, reader.reading.first_line
    if form.name not in _RELABEL:
        raise InputError(f"{name_of(path)}: records of the format {form.name} cannot be written")
    relabel = _RELABEL[form.name]
    left = dict(changes)
    for number, lines, found in _records(reader, reading):
        change = left.pop(number, None)
        if change is None or found is None:
            if change is not None and change.action == RELABEL:
                raise InputError(
                    f"{change.where or name_of(path)}: line {number} of {name_of(path)} has no "
                    "label or no text: it is no row to relabel"
                )
            if change is not None and change.action == DROP:
                yield "", DROP
            else:
                yield "".join(lines), ""
            continue
        _check(path, number, found, change)
        if change.action == DROP:
            yield "", DROP
        elif change.action == KEEP or sorted(change.labels) == sorted(found[0]):
            yield "".join(lines), ""
        else:
            yield relabel(reading, lines, change.labels, f"{name_of(path)}:{number}"), change.action
    if left:
        number, change = next(iter(left.items()))
        raise InputError(f"{change.where or name_of(path)}: no record begins at line {number}")


def _check(path: str, number: int, found: tuple[tuple[str, ...], str], change: Change) -> None:
    """Raise `InputError` if a record is not the one that a change is for."""
    labels, text = tuple(sorted(found[0])), found[1]
    for what, has, wanted in (("text", text, change.text), ("label", labels, change.old)):
        if wanted is not None and has != wanted:
            raise InputError(
                f"{change.where}: line {number} of {name_of(path)} has another {what}: the file "
                "was changed since it was audited; audit it anew"
            )


def _records(
    reader: CorpusReader, reading: Reading
) -> Iterator[tuple[int, list[str], tuple[tuple[str, ...], str] | None]]:
    """Yield the records of a file with their lines: number of the first, lines, labels and text.

    What stands before the first record comes with its own number, too, and no labels and text.
    """
    form = reader.recognise()
    lines: list[str] = []
    ends = _lines(reader)
    if form.parse_records is None:
        corpus = read_corpus(reader.path, reader.options, judges=True, keeps_lines=True)
        assert corpus.rows is not None
        texts = corpus.texts.to_list()
        known = zip(corpus.label_rows, texts, strict=True)
        at = dict(zip((corpus.rows + 1).tolist(), known, strict=True))
        for number, line in enumerate(ends, 1):
            yield number, [line], at.get(number)
        return

    def kept() -> Iterator[bytes]:
        for line in ends:
            lines.append(line)
            yield line.rstrip("\n").removesuffix("\r").encode("utf-8", "surrogatepass")

    begun, before = 1, None
    for record in form.parse_records(reading, kept()):
        number = record[0]
        if number > begun:
            yield begun, lines[: number - begun], before
            del lines[: number - begun]
        begun, before = number, (record[1], record[2].decode("utf-8", "surrogatepass"))
        if not (record[1] and before[1].strip()):
            before = None
    yield begun, lines, before


def _lines(reader: CorpusReader) -> Iterator[str]:
    """Yield the lines of a file with their ends."""
    for block in iter_blocks(reader.path, _BLOCK, encoding=reader.options.encoding):
        for line in io.BytesIO(block.tobytes()):
            yield line.decode("utf-8", "surrogatepass")


def as_json(values: object) -> str:
    """Return a line of JSON; beyond ASCII as it is, unless it is half of a surrogate pair."""
    text = json.dumps(values, ensure_ascii=False)
    return json.dumps(values) if any("\ud800" <= sign <= "\udfff" for sign in text) else text


# -- labels in each format -------------------------------------------------------------------
def _split_end(line: str) -> tuple[str, str]:
    """Return a line and its end."""
    bare = line.rstrip("\n")
    bare = bare.removesuffix("\r") if bare != line else bare
    return bare, line[len(bare) :]


def _field(reading: Reading, labels: Sequence[str], old: str, where: str) -> str:
    """Return the field of labels, with the prefix where the old one has it."""
    options = reading.options
    prefix = options.label_prefix if without_prefix(old, options.label_prefix) != old else ""
    if len(labels) > 1 and not options.multilabel:
        raise InputError(f"{where}: several labels go into a field with --multilabel alone")
    for label in labels:
        if (options.multilabel and "," in label) or (
            without_prefix(label, options.label_prefix) != label
        ):
            raise InputError(f"{where}: the label {label!r} would be read as another one")
    return ",".join(prefix + label for label in labels)


def _tsv(reading: Reading, lines: list[str], labels: Sequence[str], where: str) -> str:
    old, tab, text = lines[0].partition("\t")
    return _field(reading, labels, old.strip(), where) + tab + text


def _fasttext(reading: Reading, lines: list[str], labels: Sequence[str], where: str) -> str:
    prefix = reading.options.label_prefix
    for label in labels:
        if not label or _FASTTEXT_GAP.search(label) or label.split() != [label]:
            raise InputError(f"{where}: the label {label!r} cannot stand in fastText's format")
    bare, end = _split_end(lines[0])
    parts = _FASTTEXT_GAP.split(bare)  # tokens, and between two of them what is between
    kept = []
    for place in range(0, len(parts), 2):
        if not parts[place].startswith(prefix):
            kept += parts[place : place + 2]
    return " ".join([*(prefix + label for label in labels), "".join(kept)]) + end


def _csv(reading: Reading, lines: list[str], labels: Sequence[str], where: str) -> str:
    header = reading.header
    delimiter = header.delimiter if header else ","
    text = "".join(lines)
    place = header.index(reading.options.label_column) if header else None
    if place is None:
        raise InputError(f"{where}: there is no column of labels to write to")
    bare, end = _split_end(text)
    if delimiter == "\t":
        fields = bare.split("\t")
        fields[place] = _field(reading, labels, fields[place], where)
        return "\t".join(fields) + end
    fields = next(csv.reader(io.StringIO(bare, newline=""), delimiter=delimiter, strict=True))
    fields[place] = _field(reading, labels, fields[place], where)
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow(fields)
    return out.getvalue()[:-2] + end


def _jsonl(reading: Reading, lines: list[str], labels: Sequence[str], where: str) -> str:
    """Return a record with the value of its labels replaced: all else stands as it is."""
    bare, end = _split_end("".join(lines))
    key = reading.options.label_column
    start, stop = _value_of(bare, key)
    before, after = bare[:start], bare[stop:]
    if start == stop:  # there are shares of labels in place of a label
        comma = "" if bare[:start].rstrip().endswith("{") else ", "
        before += f"{comma}{as_json(key)}: "
        old = None
    else:
        old = parsed(bare[start:stop])
    if isinstance(old, list) or (len(labels) > 1 and not isinstance(old, str)):
        numbers = [each for each in old or [] if _is_number(each)]
        kept = {json.dumps(each): each for each in numbers}
        return before + as_json([kept.get(label, label) for label in labels]) + after + end
    if isinstance(old, str) or old is None:
        return before + as_json(_field(reading, labels, old or "", where)) + after + end
    return before + (labels[0] if _is_literal(old, labels[0]) else as_json(labels[0])) + after + end


def _value_of(line: str, key: str) -> tuple[int, int]:
    """Return where the value of a key of a JSON object begins and ends in its line.

    Of a key that comes twice the last one, which counts; of one that is not there twice the place
    behind the last value.
    """
    decoder = json.JSONDecoder(parse_int=str)

    def behind_blanks(place: int) -> int:
        while line[place] in " \t\n\r":
            place += 1
        return place

    place = last = behind_blanks(line.index("{") + 1)
    found: tuple[int, int] | None = None
    while line[place] != "}":
        name, place = decoder.raw_decode(line, place)
        start = behind_blanks(behind_blanks(place) + 1)  # there is a colon
        _, last = decoder.raw_decode(line, start)
        if name == key:
            found = start, last
        place = behind_blanks(last)
        if line[place] == ",":
            place = behind_blanks(place + 1)
    return found or (last, last)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_literal(old: object, label: str) -> bool:
    """Return whether a label that was a number may be one again: it is read as the same text."""
    try:
        value = json.loads(label)
        return _is_number(old) and _is_number(value) and json.dumps(value, allow_nan=False) == label
    except ValueError:
        return False


Relabel = Callable[[Reading, list[str], Sequence[str], str], str]
_RELABEL: dict[str, Relabel] = {"tsv": _tsv, "fasttext": _fasttext, "csv": _csv, "jsonl": _jsonl}
