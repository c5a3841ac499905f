"""JSON lines: an object in each; what is added stands behind its last field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.corpus.records import parsed
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.filtering import work as why
from fasttext_lite.filtering.cells import Cells, pool
from fasttext_lite.filtering.kernels import json_lines as kernel
from fasttext_lite.filtering.kernels.joining import AS_IT_IS
from fasttext_lite.filtering.lines import Records, process_lines, taken, without
from fasttext_lite.filtering.reading import LineFile, clean, n_lines
from fasttext_lite.filtering.work import Work, joined, texts_of

if TYPE_CHECKING:
    from fasttext_lite.filtering.manifest import Folder
    from fasttext_lite.filtering.plan import Part

_MOST_SHOWN = 8  # fields, in a message
_SPACE = b" \t\r\n"  # of JSON
# Of the flags of a line those that say how fields are added to it.
_STYLES = kernel.SPACED | kernel.EMPTY


def process(part: Part, work: Work, folder: Folder) -> None:
    """Work through a part."""
    file = LineFile(part.path)
    try:
        finder = Finder(part.path, work.settings.path, work.settings.added)
        cells = Cells(work.judges, encoded, b"null", heads(work.settings.added))
        records = map(finder.find, file.blocks())
        process_lines(
            part, work, folder, file, records, cells, lambda route: file.mark, finder.advice
        )
    finally:
        file.close()


def encoded(label: str) -> bytes:
    """Return a label as JSON writes it, in ASCII if it is no text."""
    try:
        return json.dumps(label, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(label).encode()


def heads(names: Sequence[str]) -> list[list[bytes]]:
    """Return what stands before values, by the flags of a line: spaced or not, empty or not."""
    found: list[list[bytes]] = []
    for flags in range(_STYLES + 1):
        space = b" " if flags & kernel.SPACED else b""
        keys = [b"," + space + encoded(name) + b":" + space for name in names]
        if flags & kernel.EMPTY and keys:
            keys[0] = keys[0][1 + len(space) :]
        found.append(keys)
    return found


class Finder:
    """Finds the texts of lines.

    Parameters
    ----------
    path : str
        Of the file, for messages.
    keys : list of str
        On the way to the text.
    names : list of str
        Of the fields that are to be added.
    """

    def __init__(self, path: str, keys: list[str], names: list[str]) -> None:
        self._path, self._keys, self._names = path, keys, names
        self._arrays = (*pool(keys), *pool(names))
        self._stack = np.empty(kernel.MOST_DEPTH, np.uint8)
        self._room = np.empty(kernel.FOUND_SIZE, np.int64)
        self._n_before = 0  # lines
        self._first = b""  # line that is not empty

    def find(self, data: np.ndarray) -> Records:
        """Return the records of a block, uint8[n_bytes].

        Raises
        ------
        InputError
            If one has a field already that is to be added.
        """
        most = n_lines(data)
        good, faults = clean(data, most)
        starts, inserts, stops, docs = (np.empty(most, np.int64) for _ in range(4))
        flags, offsets = np.empty(most, np.uint8), np.empty(most + 1, np.int64)
        text = np.empty(good.size, np.uint8)
        n, n_docs = kernel.find_texts(
            good, *self._arrays, self._stack, self._room, starts, inserts, stops, flags, docs, text,
            offsets,
        )  # fmt: skip
        texts = Texts(text[: offsets[n_docs]], offsets[: n_docs + 1])
        flags = flags[:n]
        block = Records(
            data, starts[:n], inserts[:n], stops[:n], flags & _STYLES, np.zeros(n, bool), [],
            docs[:n_docs], texts,
        )  # fmt: skip
        faulty = np.searchsorted(block.starts, faults, "right") - 1
        self._check_names(np.setdiff1d(np.flatnonzero(flags & kernel.TAKEN), faulty), block)
        self._read_odd(np.setdiff1d(np.flatnonzero(flags == kernel.ODD), faulty), block)
        without(block, faulty, why.NOT_UTF8)
        self._n_before += n
        if not self._first and not block.is_blank.all():
            self._first = _line(block, int(np.argmin(block.is_blank)))
        return block

    def advice(self) -> str:
        """Return what to do if no line has a text, as the first one shows."""
        record = read_line(self._first, []).record
        if not isinstance(record, dict):
            return "write one JSON object a line, neither a list nor objects of many lines"
        shown = ", ".join(list(record)[:_MOST_SHOWN]) or "none"
        return f"the first has the fields {shown}; name the text's with --text-field"

    def _check_names(self, lines: np.ndarray, block: Records) -> None:
        for line in lines.tolist():
            self._check_line(line, read_line(_line(block, line), self._keys).record)

    def _check_line(self, line: int, record: Any) -> None:
        """Raise `InputError` if a record has a field of a name that is to be added."""
        name = next((name for name in self._names if name in record), None)
        if name is not None:
            raise taken(self._path, name, f"record {self._n_before + line + 1}")

    def _read_odd(self, lines: np.ndarray, block: Records) -> None:
        """Read lines that the kernel leaves to Python."""
        docs, pieces = [], []
        for line in lines.tolist():
            found = read_line(_line(block, line), self._keys)
            block.is_blank[line] = found.is_blank
            if found.is_blank:
                continue
            if found.reason:
                block.bad.append((line, found.reason))
                block.styles[line] = AS_IT_IS
                continue
            self._check_line(line, found.record)
            block.inserts[line] = block.starts[line] + found.insert
            block.styles[line] = found.style
            docs.append(line)
            pieces.append(found.text)
        if docs:
            block.docs = np.append(block.docs, np.array(docs, np.int64))
            block.texts = joined(block.texts, texts_of(pieces))


def _line(block: Records, line: int) -> bytes:
    return block.data[block.starts[line] : block.stops[line]].tobytes()


@dataclass
class Line:
    """What Python finds in a line.

    Attributes
    ----------
    reason : str
        Why it is bad; "" if it is not.
    is_blank : bool
    record : dict
    text : bytes
    insert : int
        Where fields can be added.
    style : int
        How.
    """

    reason: str = ""
    is_blank: bool = False
    record: Any = None
    text: bytes = b""
    insert: int = 0
    style: int = 0


def read_line(line: bytes, keys: Sequence[str]) -> Line:
    """Read a line as `json.loads` does, for its text and the place for further fields."""
    try:
        decoded = line.decode()
    except UnicodeDecodeError:
        return Line(why.NOT_UTF8)
    if not line.strip(_SPACE):
        return Line(is_blank=True)
    try:
        record = parsed(decoded)
    except (ValueError, RecursionError):
        return Line(why.NO_JSON)
    if not isinstance(record, dict):
        return Line(why.NO_OBJECT)
    if not keys:
        return Line(why.NO_TEXT, record=record)
    value: Any = record
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return Line(why.NO_TEXT)
        value = value[key]
    if not isinstance(value, str):
        return Line(why.NO_STRING)
    own = line.rstrip(_SPACE)[:-1].rstrip(_SPACE)
    style = 0 if record else kernel.EMPTY
    if b'": ' in own[:100]:
        style |= kernel.SPACED
    return Line("", False, record, value.encode("utf-8", "surrogatepass"), len(own), style)
