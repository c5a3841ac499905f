"""CSV and TSV: a cell is added behind the last of each record, the rest stays as it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.corpus.encodings import AUTO
from fasttext_lite.corpus.headers import DELIMITERS, Header, cut, find_header, missing
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.filtering import work as why
from fasttext_lite.filtering.cells import Cells
from fasttext_lite.filtering.kernels import tables as kernel
from fasttext_lite.filtering.lines import Records, process_lines, taken, without
from fasttext_lite.filtering.reading import LineFile, clean, n_lines
from fasttext_lite.filtering.settings import Settings
from fasttext_lite.filtering.work import BAD, Work

if TYPE_CHECKING:
    from fasttext_lite.filtering.manifest import Folder
    from fasttext_lite.filtering.plan import Part

_LOOKED_AT = 20  # lines
_LONGEST = 1 << 28  # bytes of a record: a quote that nothing closes must not fill the memory
_REASONS = {kernel.WRONG_SIZE: why.WRONG_SIZE, kernel.BAD_QUOTES: why.BAD_QUOTES}
_FLAT = str.maketrans("\t\r\n", "   ")
_TAB = "\t"


def process(part: Part, work: Work, folder: Folder) -> None:
    """Work through a part."""
    file = LineFile(part.path)
    try:
        blocks = file.blocks()
        first = next(blocks, np.empty(0, np.uint8))
        table = Table(part, first, work.settings)
        between = table.header.delimiter.encode()
        names = work.settings.added
        cells = Cells(work.judges, table.encoded, b"", [[between] * len(names)])
        own, more = table.head, b"".join(between + table.encoded(name) for name in names)

        def head(route: int) -> bytes:
            added = b"" if route == BAD or not own else more
            place = len(own) - len(own[len(own.rstrip(b"\r\n")) :])
            return file.mark + own[:place] + added + own[place:]

        records = table.records(first, blocks)
        process_lines(part, work, folder, file, records, cells, head)
    finally:
        file.close()


class Table:
    """A table in bytes.

    Parameters
    ----------
    part : Part
    block : uint8[n_bytes]
        That it begins with.
    settings : Settings

    Attributes
    ----------
    header : Header
    head : bytes
        The lines that are no records.

    Raises
    ------
    InputError
        If it has no column of texts, or one already that is to be added.
    """

    def __init__(self, part: Part, block: np.ndarray, settings: Settings) -> None:
        self._path = part.path
        wanted = settings.path[-1] if len(settings.path) == 1 else settings.text_field
        lines = block[: 1 << 20].tobytes().split(b"\n")[:_LOOKED_AT]
        shown = [line.decode("utf-8", "replace").rstrip("\r") for line in lines]
        delimiter = settings.delimiter or _delimiter_of_name(part.path, settings)
        filled = [line for line in shown if line.strip()]
        found = find_header(
            filled, wanted, "", delimiter, settings.columns, needs_label=False, is_table=True
        )
        if found is None:
            delimiter = delimiter or (_most_usual(filled[0]) if filled else ",")
            found = Header(cut(filled[0], delimiter) if filled else [wanted], delimiter)
        self.header = found
        column = found.index(wanted)
        if column is None:
            advice = "" if settings.columns else "; if it has no header, --columns label,text"
            raise InputError(f"{part.path}:1: {missing(found, wanted, 'text')}{advice}")
        self._column = column
        for name in settings.added:
            if name in found.names:
                raise taken(part.path, name, "the header")
        n_head, n_left = 0, found.n_lines
        for line, text in zip(lines, shown, strict=True):
            if n_left and filled:
                n_head += len(line) + 1
                n_left -= bool(text.strip())
        self.head = block[:n_head].tobytes()
        self._has_quotes = found.delimiter != _TAB
        self._room = np.empty(kernel.FOUND_SIZE, np.int64)

    def encoded(self, value: str) -> bytes:
        """Return a cell as the table's dialect writes it."""
        if not self._has_quotes:
            return value.translate(_FLAT).encode("utf-8", "replace")
        out = io.StringIO()
        csv.writer(out, delimiter=self.header.delimiter, lineterminator="\r\n").writerow([value])
        return out.getvalue()[:-2].encode("utf-8", "replace")

    def records(self, first: np.ndarray, blocks: Iterable[np.ndarray]) -> Iterator[Records]:
        """Yield the records of the first block, and of those behind it."""
        rest = first[len(self.head) :]
        for block in blocks:
            found, n_done = self._find(rest, is_end=False)
            yield found
            rest = np.concatenate([rest[n_done:], block])
            if n_done == 0 and rest.size > _LONGEST:
                raise InputError(f"{self._path}: a quote is opened that nothing closes")
        if rest.size:
            yield self._find(rest, is_end=True)[0]

    def _find(self, data: np.ndarray, is_end: bool) -> tuple[Records, int]:
        """Return the records of some bytes, and how many bytes they are."""
        most = n_lines(data)
        good, faults = clean(data, most)
        starts, inserts, stops, docs = (np.empty(most, np.int64) for _ in range(4))
        flags, offsets = np.empty(most, np.uint8), np.empty(most + 1, np.int64)
        text = np.empty(good.size, np.uint8)
        n, n_docs, n_done = kernel.find_cells(
            good, is_end, ord(self.header.delimiter), self._has_quotes, self._column,
            len(self.header.names), self._room, starts, inserts, stops, flags, docs, text, offsets,
        )  # fmt: skip
        flags = flags[:n]
        bad = [
            (record, _REASONS[flag])
            for flag in _REASONS
            for record in np.flatnonzero(flags == flag).tolist()
        ]
        texts = Texts(text[: offsets[n_docs]], offsets[: n_docs + 1])
        block = Records(
            data[:n_done], starts[:n], inserts[:n], stops[:n], np.zeros(n, np.uint8),
            flags == kernel.BLANK, bad, docs[:n_docs], texts,
        )  # fmt: skip
        faulty = np.searchsorted(block.starts, faults[faults < n_done], "right") - 1
        without(block, np.unique(faulty), why.NOT_UTF8)
        return block, n_done


def _delimiter_of_name(path: str, settings: Settings) -> str:
    """Return the delimiter that a format says, or the ending of a name; "" if neither does."""
    from fasttext_lite.filtering.formats.table import FORMATS
    from fasttext_lite.filtering.plan import without_packing

    if settings.format != AUTO:
        return _TAB if settings.format == "tsv" else ""
    is_tsv = without_packing(path).lower().endswith(FORMATS["tsv"].endings)
    return _TAB if is_tsv else ""


def _most_usual(line: str) -> str:
    """Return the delimiter that a line has most of."""
    return max(DELIMITERS.values(), key=line.count)
