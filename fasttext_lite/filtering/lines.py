"""Work through a file of lines, block by block: find records, ask the models, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.corpus.compression import COMPRESSIONS, Compression
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.filtering.cells import Cells
from fasttext_lite.filtering.kernels.joining import AS_IT_IS
from fasttext_lite.filtering.outputs import Outputs
from fasttext_lite.filtering.settings import PLAIN, SAME, FieldTakenError
from fasttext_lite.filtering.work import MAIN, NOWHERE, Counts, Work
from fasttext_lite.parallel import ahead

if TYPE_CHECKING:
    from fasttext_lite.filtering.manifest import Folder
    from fasttext_lite.filtering.plan import Part
    from fasttext_lite.filtering.reading import LineFile


@dataclass
class Records:
    """The records of a block.

    Attributes
    ----------
    data : uint8[n_bytes]
    starts, inserts, stops : int64[n]
        Of each record: its first byte, the place for cells, the byte behind it.
    styles : uint8[n]
        How its cells begin; `AS_IT_IS` = it gets none.
    is_blank : bool[n]
        Empty lines.
    bad : list of (int, str)
        Records without a text, and why.
    docs : int64[n_docs]
        The record of each text.
    texts : Texts
    """

    data: np.ndarray
    starts: np.ndarray
    inserts: np.ndarray
    stops: np.ndarray
    styles: np.ndarray
    is_blank: np.ndarray
    bad: list[tuple[int, str]]
    docs: np.ndarray
    texts: Texts


def packed_as(file: LineFile, work: Work) -> Compression | None:
    """Return how the files that one becomes are packed."""
    name = work.settings.compression
    if name == SAME:
        return file.compression
    return None if name == PLAIN else COMPRESSIONS[name]


def process_lines(
    part: Part,
    work: Work,
    folder: Folder,
    file: LineFile,
    records: Iterator[Records],
    cells: Cells,
    head: Callable[[int], bytes],
    advice: Callable[[], str] | None = None,
) -> None:
    """Write what the records of a part become, and note that it is done.

    Parameters
    ----------
    part : Part
    work : Work
    folder : Folder
        That is written to.
    file : LineFile
    records : iterator of Records
    cells : Cells
    head : callable
        Given where records go, what their file begins with.
    advice : callable, optional
        Says what to do if all records are bad, which then are not set aside: the file fails.

    Raises
    ------
    InputError
        If the file cannot be read, or has no good record.
    """
    counts = Counts()
    outputs = Outputs(folder.temporary, packed_as(file, work), work.is_split, head)
    try:
        found = ahead(records)
        first = next(found, None)
        if not work.is_split:
            outputs.write(MAIN, b"")
        block = first
        while block is not None:
            _process_block(part, work, block, cells, outputs, counts)
            work.report(len(block.starts), block.data.size, file.place())
            block = next(found, None)
        if advice is not None and work.settings.bad == "aside":
            _check_any_is_good(part, counts, advice)
        paths = outputs.finish()
    except BaseException:
        outputs.discard()
        raise
    names = {work.name_of(part, route): path for route, path in paths.items()}
    folder.finish(part, names, counts.as_dict())


def _check_any_is_good(part: Part, counts: Counts, advice: Callable[[], str]) -> None:
    """Raise `InputError` if there are records, and all are bad."""
    if counts.documents and counts.n_bad == counts.documents:
        reasons = ", ".join(f"{reason} {n}" for reason, n in counts.bad.items())
        raise InputError(f"{part.path}: all records are bad ({reasons}): {advice()}")


def _process_block(
    part: Part, work: Work, block: Records, cells: Cells, outputs: Outputs, counts: Counts
) -> None:
    n = len(block.starts)
    first = counts.documents + counts.blank + 1  # the number of the first record, for messages
    routes = np.full(n, NOWHERE, np.int64)
    for record, reason in block.bad:
        work.note_bad(counts, reason, f"{part.path}: record {first + record}")
        routes[record] = work.bad_route
        counts.kept += work.settings.bad == "keep"
        block.styles[record] = AS_IT_IS
    verdicts, chosen = work.decide(block.texts, counts)
    routes[block.docs] = chosen
    counts.blank += int(block.is_blank.sum())
    counts.documents += n - int(block.is_blank.sum())
    counts.bytes += block.data.size
    added = cells.arrays(n, block.docs, verdicts)
    if not len(cells):
        block.styles[:] = AS_IT_IS
    bounds = block.starts, block.inserts, block.stops
    for route in np.unique(routes).tolist():
        if route != NOWHERE:
            records = np.flatnonzero(routes == route)
            outputs.write(route, cells.join(block.data, records, bounds, block.styles, added))


def without(block: Records, records: np.ndarray, reason: str) -> None:
    """Take the texts of some records out of a block: they are bad."""
    if not records.size:
        return
    known = {record for record, _ in block.bad}
    block.bad += [(record, reason) for record in records.tolist() if record not in known]
    block.is_blank[records] = False
    good = np.flatnonzero(~np.isin(block.docs, records))
    block.docs, block.texts = block.docs[good], block.texts.take(good)


def taken(path: str, name: str, place: str) -> FieldTakenError:
    """Return the error of a record that has a field of the name of one that is to be added."""
    return FieldTakenError(
        f"{path}: {place} has a field {name!r} already: name what is added with --label-column and "
        "--score-column (none = it is not added)"
    )
