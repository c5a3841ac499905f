"""Read labelled and unlabelled text from files and standard input: one reader for all commands.

Text leaves this room as `Texts` (one UTF-8 buffer and offsets), labels as `Labels` (label ids
document after document).  What a reader skips is counted, with the line where it first happened;
what the user should know is a notice; what cannot be read is an `InputError` with path:line.
Models are unknown here.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.corpus.batch import Batch, count_first
from fasttext_lite.corpus.documents import Documents, LabelledChunk, Names
from fasttext_lite.corpus.encodings import looks_like
from fasttext_lite.corpus.files import (
    ReadError,
    broken,
    is_regular,
    iter_blocks,
    name_of,
    not_utf8,
    split_lines,
)
from fasttext_lite.corpus.fingerprint import Fingerprint
from fasttext_lite.corpus.formats import (
    FORMATS,
    BlockParser,
    Format,
    Reading,
    ReadOptions,
    find_format,
)
from fasttext_lite.corpus.headers import may_name_columns
from fasttext_lite.corpus.reading import Record
from fasttext_lite.corpus.strangers import shown
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import EmptyError, InputError

if TYPE_CHECKING:
    from fasttext_lite.corpus.labels import Labels

# What separates fastText's tokens (dictionary.cc, readWord).
_FASTTEXT_SPACES = b" \n\t\v\f\r\0"


@dataclass
class Corpus:
    """Labelled documents of a file, and what was skipped on the way.

    Attributes
    ----------
    texts : Texts
    labels : Labels
        Without prefix; numbered by falling frequency, ties by first occurrence.
    skipped : dict
        Reason -> (number of lines, first line as path:line).
    notices : list of str
        What the user should know about the file, in a line each.
    fingerprint : str
        See `corpus.fingerprint`.
    weights : float64[n_docs], optional
        How much each document counts in training, as the file says; None where it does not.
    rows : int64[n_docs], optional
        The record that each document is, counted from 0, where that was asked for.
    n_records : int
        Of the file, with those that were skipped, where that was asked for.
    unread : int64[n], optional
        The lines, counted from 0, at which records begin that were skipped, where lines were asked
        for; `rows` are lines then, too.
    """

    texts: Texts
    labels: Labels
    skipped: dict[str, tuple[int, str]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    fingerprint: str = ""
    weights: np.ndarray | None = None
    rows: np.ndarray | None = None
    n_records: int = 0
    unread: np.ndarray | None = None

    @property
    def label_rows(self) -> list[tuple[str, ...]]:
        """The labels of each document by name, for people and tests; made anew each time."""
        return self.labels.rows()

    def skip_report(self) -> list[str]:
        """Return one line for each reason why lines were skipped."""
        return _skip_report(self.skipped)


def _skip_report(skipped: dict[str, tuple[int, str]]) -> list[str]:
    return [
        f"skipped {count} line{'s' * (count != 1)} "
        f"{reason.replace('that are', 'that is') if count == 1 else reason} (first: {where})"
        for reason, (count, where) in skipped.items()
    ]


# -- files --------------------------------------------------------------------------
DEFAULT_CHUNK_BYTES = 1 << 24
_PEEK_LINES = 20  # not empty, to recognise a format by
_FEWEST_ROWS = 10  # of a table whose first line may be a header
_LOOKED_AT, _LONE_RETURNS = 1 << 16, 2  # bytes of a file, and so many CR without a newline

# Why lines are skipped, in the order of the kernels' numbers.
_REASONS = _NO_LABEL, _NO_TEXT, _EMPTY = "without a label", "without text", "that are empty"


class CorpusReader:
    """A file of texts chunk by chunk, in bounded memory.

    Iterating yields `LabelledChunk`s and may be repeated where the file can be read again.

    Parameters
    ----------
    path : str
        File name, or "-" for standard input; how it is packed is recognised by content.
    options : ReadOptions, optional
    chunk_bytes : int
        Bytes of the file for each chunk; a longer line makes a larger chunk.
    known : collection of str, optional
        Labels of the model that is asked. With it, every record is a document, also without a
        label or text, and bytes that are no UTF-8 become U+FFFD: predicting gives one result for
        each record. A chunk holds what is there to read, so that it can be answered before the
        input ends. Without, only labelled texts count, and others are skipped.
    keeps_raw : bool
        Whether chunks have the records as they stand in the file, too.
    judges : bool
        Whether the texts are to measure a model on, see `Reading`: there are no weights then.
    keeps_rows : bool
        Whether chunks say which record each document is. Records are what `known` makes documents
        of: every line, or every row of a table and every object that there is.
    keeps_lines : bool
        Whether chunks say in place of that in which line, counted from 0, each document begins.

    Attributes
    ----------
    n_records : int
        With `keeps_rows`, those so far, also skipped ones.
    unread : list of int64
        With `keeps_lines`, the lines so far at which records begin that were skipped.
    names : list of str
        The labels so far in the order of their first occurrence.
    skipped : dict
        As `Corpus.skipped`; complete after an iteration.
    notices : list of str
        As `Corpus.notices`; complete after an iteration.
    reading : Reading
        What the file begins with, and its header; since the first chunk.
    format : Format, optional
        Since the first chunk.
    fingerprint : str
        Of the texts; complete after an iteration.

    Raises
    ------
    InputError
        While iterating: if the file is missing, unreadable or not in the format; without `known`
        also if it is not UTF-8, or has no usable line.
    """

    def __init__(
        self,
        path: str,
        options: ReadOptions | None = None,
        chunk_bytes: int = DEFAULT_CHUNK_BYTES,
        known: Collection[str] | None = None,
        keeps_raw: bool = False,
        judges: bool = False,
        keeps_rows: bool = False,
        keeps_lines: bool = False,
    ) -> None:
        self.path = str(path)
        self.paths = (self.path,)
        self.options = options or ReadOptions()
        self.chunk_bytes = chunk_bytes
        self.known = None if known is None else frozenset(known)
        self.keeps_raw = keeps_raw
        self.judges = judges
        self.keeps_rows, self.n_records = keeps_rows or keeps_lines, 0
        self.keeps_lines = keeps_lines
        self.unread: list[np.ndarray] = []
        self.reading = self._new_reading()
        self.format: Format | None = None
        self.names: list[str] = []
        self.skipped: dict[str, tuple[int, str]] = {}
        self.fingerprint = ""
        self._sample = b""  # of the beginning, to tell an encoding by

    def _new_reading(self) -> Reading:
        return Reading(self.path, self.options, known=self.known, judges=self.judges)

    @property
    def notices(self) -> list[str]:
        """What the user should know about the file, in a line each."""
        return self.reading.notices

    def say(self, notice: str) -> None:
        """Take a notice."""
        self.reading.say(notice)

    def skip_report(self) -> list[str]:
        """Return one line for each reason why lines were skipped."""
        return _skip_report(self.skipped)

    def __iter__(self) -> Iterator[LabelledChunk]:
        docs = Documents()
        for _ in self.fill(docs):
            if docs.n_docs:
                yield docs.chunk()

    def fill(self, docs: Documents) -> Iterator[None]:
        """Add the file to `docs` block by block; what was added may be taken away between."""
        self.names, self.skipped, self.n_records, self.unread = [], {}, 0, []
        self.reading = self._new_reading()
        n_found = 0
        blocks = iter_blocks(
            self.path, self.chunk_bytes, fill=self.known is None, encoding=self.options.encoding
        )
        with contextlib.closing(blocks):
            form, held = self._find_format(blocks)
            self.format = form
            parse = self._parse_records if form.parse_blocks is None else self._parse_blocks
            print_, n_first = Fingerprint(), 0
            for n_docs in parse(form, itertools.chain(held, blocks), docs):
                n_found += n_docs
                bounds = slice(docs.n_docs - n_docs, docs.n_docs + 1)
                if docs.seen is None:
                    print_.add(docs.text, docs.offsets[bounds])
                else:
                    print_.add(docs.seen.buffer, docs.seen.offsets)
                ids = docs.ids[docs.indptr[bounds.start] : docs.n_ids]
                n_first += int(np.count_nonzero(ids == 0)) if form.name == "tsv" else 0
                yield
            self.fingerprint = print_.text()
        if n_first == 1 and n_found >= _FEWEST_ROWS:
            self._look_at_first_line()
        self.reading.say_faults()
        self._say_never_likeliest()
        if n_found == 0 and self.known is None:
            detail = "; ".join(_skip_report(self.skipped))
            what = f"no line with a label and text ({detail})" if detail else "the file is empty"
            raise (InputError if detail else EmptyError)(f"{name_of(self.path)}: {what}")

    def _say_never_likeliest(self) -> None:
        """Say which labels that have shares are not learnt, because no text has them likeliest."""
        rest = sorted(self.reading.named.difference(self.names))
        if rest and not self.judges:
            n = len(rest)
            self.reading.say(
                f"{self.reading.where}: the model will not know {n:,} label{'s' * (n != 1)} of the "
                f"probabilities, the likeliest of no text: {shown(rest)}"
            )

    def _look_at_first_line(self) -> None:
        """Say so if the first line, whose label is that of no other, looks like a header."""
        names = may_name_columns(self.reading.head)
        if names and self.reading.header is None:
            label, text = names[0], names[-1]
            self.reading.say(
                f"{self.reading.begin}: the first line looks like a header ({', '.join(names)}), "
                f"and is read as a text: take it away, or read columns by name with --label-column "
                f"{label} --text-column {text}"
            )

    def recognise(self) -> Format:
        """Return the file's format, reading no more than its first lines; not of stdin."""
        with contextlib.closing(iter_blocks(self.path, 1 << 16, False, self.options.encoding)) as b:
            return self._find_format(b)[0]

    def _find_format(self, blocks: Iterator[np.ndarray]) -> tuple[Format, list[np.ndarray]]:
        """Return the file's format and the blocks that had to be read to know.

        As many blocks are read as it takes to see some lines that are not empty; of a stream that
        is to be answered as it comes, as many as it takes to see one.

        Raises
        ------
        InputError
            If the file cannot be read that far or the format is not recognised.
        """
        is_live = self.known is not None and not is_regular(self.path)
        head: list[bytes] = []
        held: list[np.ndarray] = []
        n_read = 0
        try:
            for block in blocks:
                held.append(block)
                if len(held) == 1:
                    self._sample = self.reading.sample = block[:_LOOKED_AT].tobytes()
                if len(held) == 1:
                    self._check_line_ends(block)
                for line in split_lines(block):
                    n_read += 1
                    if line.strip():
                        if not head:
                            self.reading.first_line = n_read
                        head.append(line)
                        if len(head) == _PEEK_LINES:
                            break
                if len(head) == _PEEK_LINES or (is_live and head):
                    break
                held[-1] = block.copy()
        except ReadError as failure:
            raise broken(self.path, n_read, failure) from None
        if not head:  # all lines are empty: these formats say so
            return FORMATS["tsv" if self.known is None else "text"], held
        self.reading.lines = head
        try:
            return find_format(self.reading), held
        except InputError:
            self._check_head(held)
            raise

    def _check_line_ends(self, block: np.ndarray) -> None:
        """Raise `InputError` if lines of the first block end as those of old Macs did.

        What must be answered is one line then, and that is said.
        """
        data = block[:_LOOKED_AT].tobytes()
        if data.count(b"\r") < _LONE_RETURNS or b"\n" in data:
            return
        message = (
            f"{name_of(self.path)}:1: lines end with a carriage return alone, as those of old "
            "Macs did: convert them, for example with: tr '\\r' '\\n'"
        )
        if self.known is None:
            raise InputError(message)
        self.reading.say(message)

    def _check_head(self, held: list[np.ndarray]) -> None:
        """Raise `InputError` if what was read is not UTF-8: no wonder that nothing was found."""
        number = 0
        for block in held:
            data = block.tobytes()
            for line in data.splitlines(keepends=True):
                number += 1
                if not _is_utf8(line):
                    raise not_utf8(self.path, number, data[data.index(line) :], sample=self._sample)

    def _parse_blocks(
        self, form: Format, blocks: Iterator[np.ndarray], docs: Documents
    ) -> Iterator[int]:
        """Yield the number of new documents for each block of a file that compiled code parses."""
        from fasttext_lite.compiled import utf8
        from fasttext_lite.corpus import kernels

        assert form.parse_blocks is not None
        parser = form.parse_blocks(self.reading)
        names = Names()
        state = np.zeros(kernels.STATE_SIZE, np.int64)
        try:
            for block in blocks:
                n_before = docs.n_docs
                fault, n_lines = utf8.first_fault(block), int(state[kernels.LINES])
                good = block
                if fault >= 0 and self.known is not None:
                    good = self._mended(block, fault, n_lines)
                elif fault >= 0:  # what stands before the bad line may have an error of its own
                    good = block[: block[:fault].tobytes().rfind(b"\n") + 1]
                self._parse_block(parser, form, good, docs, names, state)
                if self.keeps_rows:
                    n_new, n_read = docs.n_docs - n_before, int(state[kernels.LINES]) - n_lines
                    kept = np.arange(n_new)
                    if n_new < n_read:
                        kept = self._kept(parser, form, good)
                    docs.rows.append(self.n_records + kept)
                    if self.keeps_lines and n_new < n_read:
                        none = np.setdiff1d(np.arange(n_read), kept, assume_unique=True)
                        self.unread.append(self.n_records + none)
                    self.n_records += n_read
                if fault >= 0 and self.known is None:
                    number = int(state[kernels.LINES]) + 1
                    rest = block[good.size :].tobytes()
                    raise not_utf8(self.path, number, rest, sample=self._sample)
                self.names += names.since(len(self.names))
                if self.keeps_raw:
                    docs.raw, docs.block = list(split_lines(good)), good.tobytes()
                yield docs.n_docs - n_before
        except ReadError as error:
            raise broken(self.path, int(state[kernels.LINES]), error) from None
        finally:
            first = state[kernels.FIRST : kernels.NO_TABS]
            self._note_skipped(state[kernels.SKIPPED : kernels.FIRST], first)
            if count := int(state[kernels.NO_TABS]):
                where = f"{name_of(self.path)}:{state[kernels.FIRST_NO_TAB]}"
                self.reading.say(
                    f"{count} line{'s' * (count != 1)} without a tab read as texts (first: {where})"
                )

    def _mended(self, block: np.ndarray, fault: int, n_lines: int) -> np.ndarray:
        """Return a block with U+FFFD for what is no UTF-8, and note it.

        Parameters
        ----------
        block : uint8[n_bytes]
        fault : int
            Where its first fault is.
        n_lines : int
            Before the block.
        """
        from fasttext_lite.compiled import utf8

        data = block.tobytes()
        start = data.rfind(b"\n", 0, fault) + 1
        number = n_lines + data.count(b"\n", 0, start) + 1
        n_faults = sum(not _is_utf8(line) for line in data[start:].split(b"\n"))
        error = not_utf8(self.path, number, data[start:], sample=self._sample)
        if b"\0" in data and looks_like(self._sample or data[start:]) in ("utf-16-le", "utf-16-be"):
            raise error  # what looks like lines are none
        self.reading.note_fault(error, n_faults)
        mended = np.empty(3 * block.size, np.uint8)
        ends = np.zeros(2, np.int64)
        utf8.replace_faults(block, np.array([0, block.size], np.int64), mended, ends)
        return mended[: ends[1]]

    def _parse_block(
        self,
        parser: BlockParser,
        form: Format,
        block: np.ndarray,
        docs: Documents,
        names: Names,
        state: np.ndarray,
    ) -> None:
        from fasttext_lite.corpus import kernels

        docs.reserve(block.size)
        state[kernels.POSITION] = 0
        status = -1
        while status != kernels.DONE:
            state[kernels.N_DOCS] = docs.n_docs
            state[kernels.N_IDS] = docs.n_ids
            state[kernels.N_BYTES] = docs.n_bytes
            arrays = docs.text, docs.offsets, docs.ids, docs.indptr
            status = parser(block, state, arrays, names.arrays())
            del arrays
            docs.n_docs = int(state[kernels.N_DOCS])
            docs.n_ids = int(state[kernels.N_IDS])
            docs.n_bytes = int(state[kernels.N_BYTES])
            names.n = int(state[kernels.N_NAMES])
            if status == kernels.BAD_LINE:
                raise InputError(
                    f"{name_of(self.path)}:{state[kernels.LINES] + 1}: {form.bad_line}"
                )
            if status == kernels.FULL_DOCS:
                docs.reserve(0, docs.offsets.size, docs.ids.size + 1)  # one of them is full
            elif status == kernels.FULL_NAMES:
                names.grow(block.size)

    def _kept(self, parser: BlockParser, form: Format, block: np.ndarray) -> np.ndarray:
        """Return which lines of a block become documents, int64, by halves until all do or none."""
        from fasttext_lite.corpus import kernels

        docs, state = Documents(), np.zeros(kernels.STATE_SIZE, np.int64)
        self._parse_block(parser, form, block, docs, Names(), state)
        n_lines = int(state[kernels.LINES])
        if docs.n_docs in (0, n_lines):
            return np.arange(docs.n_docs)
        ends = np.flatnonzero(block == ord("\n")) + 1
        half = n_lines // 2
        first, last = block[: ends[half - 1]], block[ends[half - 1] :]
        kept = [self._kept(parser, form, each) for each in (first, last)]
        return np.concatenate([kept[0], half + kept[1]])

    def _note_skipped(self, counts: np.ndarray, first: np.ndarray) -> None:
        where = name_of(self.path)
        for i in np.argsort(first, kind="stable").tolist():
            if counts[i]:
                self.skipped[_REASONS[i]] = int(counts[i]), f"{where}:{first[i]}"

    def _parse_records(
        self, form: Format, blocks: Iterator[np.ndarray], docs: Documents
    ) -> Iterator[int]:
        """Yield the number of new documents for some megabytes each of a file parsed in Python."""
        assert form.parse_records is not None
        batch = Batch(self.reading, self.skipped)
        raw: list[Any] = []
        takes_all, lines = self.known is not None, _Lines(self.path, blocks)
        for record in form.parse_records(self.reading, lines):
            if self.keeps_rows and not _is_gap(record):
                self.n_records += 1
            if not takes_all and (reason := _why_skipped(record)):
                count_first(self.skipped, reason, f"{name_of(self.path)}:{record[0]}")
                if self.keeps_lines:
                    self.unread.append(np.array([record[0] - 1]))
                continue
            batch.add(record, record[0] - 1 if self.keeps_lines else self.n_records - 1)
            if self.keeps_raw:
                raw.append(record[3] if len(record) > 3 else None)
            if batch.size >= self.chunk_bytes or (takes_all and not lines.n_left):
                yield self._put(docs, batch, raw)
                raw = []
        yield self._put(docs, batch, raw)
        batch.say()

    def _put(self, docs: Documents, batch: Batch, raw: list[Any]) -> int:
        """Add records to `docs`, and the names that are new; return how many records they are."""
        n, rows = batch.move_to(docs)
        if self.keeps_rows:
            docs.rows.append(rows)
        docs.raw = raw if self.keeps_raw else None
        self.names += itertools.islice(batch.numbers.of_name, len(self.names), None)
        return n


class _Lines:
    """The lines of blocks, and how many of those that were read are left."""

    def __init__(self, path: str, blocks: Iterable[np.ndarray]) -> None:
        self.path, self.blocks = path, blocks
        self.n_left = 0

    def __iter__(self) -> Iterator[bytes]:
        number = 0
        try:
            for block in self.blocks:
                lines = list(split_lines(block))
                for self.n_left in range(len(lines) - 1, -1, -1):
                    number += 1
                    yield lines[-1 - self.n_left]
        except ReadError as failure:
            raise broken(self.path, number, failure) from None


def _is_gap(record: Record) -> bool:
    """Return whether a record is none: the line of a table or of JSON lines is blank."""
    raw = record[3] if len(record) > 3 else None
    return raw is not None and not (raw.strip() if isinstance(raw, str) else raw)


def _why_skipped(record: Record) -> str:
    """Return why a labelled text cannot be used; "" if it can."""
    text = record[2]
    if not record[1] and not (len(record) > 4 and record[4] is not None and record[4].names):
        return _NO_LABEL if text.strip() else _EMPTY
    return "" if text.strip(_FASTTEXT_SPACES) else _NO_TEXT


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_corpus(
    path: str,
    options: ReadOptions | None = None,
    judges: bool = False,
    keeps_rows: bool = False,
    keeps_lines: bool = False,
) -> Corpus:
    """Read a labelled file.

    Parameters
    ----------
    path : str
        File name, or "-" for standard input; how it is packed is recognised by content.
    options : ReadOptions, optional
    judges, keeps_rows, keeps_lines : bool
        As of `CorpusReader`.

    Returns
    -------
    Corpus
        Without the lines that have no label, no text or the weight 0; they are counted in
        `skipped`.

    Raises
    ------
    InputError
        If the file is missing, unreadable, not UTF-8, not in the format, or has no usable line.
    """
    from fasttext_lite.corpus.labels import Labels

    reader = CorpusReader(
        path, options, judges=judges, keeps_rows=keeps_rows, keeps_lines=keeps_lines
    )
    docs = Documents()
    for _ in reader.fill(docs):
        pass
    chunk = docs.chunk()
    labels = Labels(chunk.ids, chunk.indptr, reader.names)
    return Corpus(
        chunk.texts, labels.by_frequency(), reader.skipped, reader.notices, reader.fingerprint,
        chunk.weights, chunk.rows, reader.n_records,
        np.concatenate(reader.unread) if reader.unread else None,
    )  # fmt: skip
