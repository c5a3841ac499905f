"""Read labelled and unlabelled text from files and standard input.

Text leaves this room as `Texts` (one UTF-8 buffer and offsets), labels as `Labels` (label ids
document after document).  What a reader skips is counted, with the line where it first happened;
what it cannot read is an `InputError` with path:line.  Models are unknown here.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.corpus.files import (
    ReadError,
    broken,
    decode_line,
    iter_blocks,
    iter_lines,
    name_of,
    split_lines,
)
from fasttext_lite.corpus.formats import (
    AUTO,
    FORMATS,
    BlockParser,
    Format,
    ReadOptions,
    guess_format,
)
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError

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
    """

    texts: Texts
    labels: Labels
    skipped: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def label_rows(self) -> list[tuple[str, ...]]:
        """The labels of each document by name, for people and tests; made anew each time."""
        return self.labels.rows()

    def skip_report(self) -> list[str]:
        """Return one line for each reason why lines were skipped."""
        return _skip_report(self.skipped)


def _skip_report(skipped: dict[str, tuple[int, str]]) -> list[str]:
    return [
        f"skipped {count} line{'s' * (count != 1)} {reason} (first: {where})"
        for reason, (count, where) in skipped.items()
    ]


# -- labelled files --------------------------------------------------------------------------
DEFAULT_CHUNK_BYTES = 1 << 24
_PEEK_LINES = 20  # not empty, to recognise a format by

# Why lines are skipped, in the order of the kernels' numbers.
_REASONS = _NO_LABEL, _NO_TEXT, _EMPTY = "without a label", "without text", "that are empty"


@dataclass(frozen=True)
class LabelledChunk:
    """Some labelled documents of a file, in its order.

    Attributes
    ----------
    texts : Texts
    ids : int32[n_label_occurrences]
        Label of document i: ``ids[indptr[i]:indptr[i + 1]]``; the labels of the file are
        numbered in the order of their first occurrence.
    indptr : int64[n_docs + 1]
    """

    texts: Texts
    ids: np.ndarray
    indptr: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)


class _Documents:
    """Documents and label numbers in arrays that grow at their end.

    Attributes
    ----------
    n_docs, n_ids, n_bytes : int
    text : uint8[at least n_bytes]
    offsets, indptr : int64[above n_docs]
    ids : int32[at least n_ids]
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew, in new arrays."""
        self.n_docs = self.n_ids = self.n_bytes = 0
        self.text = np.empty(0, np.uint8)
        self.offsets, self.indptr = np.zeros(1025, np.int64), np.zeros(1025, np.int64)
        self.ids = np.empty(1024, np.int32)

    def reserve(self, n_bytes: int, n_docs: int = 0, n_ids: int = 0) -> None:
        """Make room for more bytes, documents and label numbers."""
        if self.n_bytes == 0 and self.text.size < n_bytes:
            self.text = np.empty(n_bytes, np.uint8)
        # By an eighth more than needed: what `resize` adds is set to zero, so it takes memory.
        _grow(self.text, self.n_bytes + n_bytes, 8)
        _grow(self.offsets, self.n_docs + n_docs + 1, 2)
        _grow(self.indptr, self.n_docs + n_docs + 1, 2)
        _grow(self.ids, self.n_ids + n_ids, 2)

    def extend(self, texts: list[bytes], ids: list[list[int]]) -> None:
        """Add documents and their labels."""
        data = b"".join(texts)
        flat = list(itertools.chain.from_iterable(ids))
        self.reserve(len(data), len(texts), len(flat))
        places = slice(self.n_docs + 1, self.n_docs + 1 + len(texts))
        self.text[self.n_bytes : self.n_bytes + len(data)] = np.frombuffer(data, np.uint8)
        self.ids[self.n_ids : self.n_ids + len(flat)] = flat
        self.offsets[places] = self.n_bytes + np.cumsum([len(text) for text in texts])
        self.indptr[places] = self.n_ids + np.cumsum([len(each) for each in ids])
        self.n_docs += len(texts)
        self.n_bytes += len(data)
        self.n_ids += len(flat)

    def chunk(self) -> LabelledChunk:
        """Return all documents, and begin anew."""
        for array, size in (
            (self.text, self.n_bytes),
            (self.offsets, self.n_docs + 1),
            (self.indptr, self.n_docs + 1),
            (self.ids, self.n_ids),
        ):
            array.resize(size, refcheck=False)
        chunk = LabelledChunk(Texts(self.text, self.offsets), self.ids, self.indptr)
        self.clear()
        return chunk


def _grow(array: np.ndarray, size: int, share: int) -> None:
    """Make an array longer in its place if it must be, and then by 1 / `share` more."""
    if array.size < size:
        array.resize(size + size // share, refcheck=False)  # nobody else holds it


class _Names:
    """Labels in the order of first occurrence, in the arrays that the kernels look them up in."""

    def __init__(self) -> None:
        self.n = 0
        self.slots = np.full(1024, -1, np.int64)
        self.hashes, self.seen = np.zeros(512, np.uint64), np.zeros(512, np.int64)
        self.ends, self.pool = np.zeros(513, np.int64), np.zeros(1 << 14, np.uint8)

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return `table` of the kernels (see `corpus.kernels`)."""
        return self.slots, self.hashes, self.seen, self.ends, self.pool

    def grow(self, n_bytes: int) -> None:
        """Make room for as many labels again and for a name of `n_bytes`."""
        from fasttext_lite.corpus import kernels

        if self.n == self.hashes.size:
            self.hashes.resize(2 * self.n, refcheck=False)
            self.seen.resize(2 * self.n, refcheck=False)
            self.ends.resize(2 * self.n + 1, refcheck=False)
            self.slots = np.full(4 * self.n, -1, np.int64)
            kernels.index_names(self.hashes, self.n, self.slots)
        else:
            self.pool.resize(2 * self.pool.size + n_bytes, refcheck=False)

    def to_list(self) -> list[str]:
        data = self.pool.tobytes()
        return [data[a:b].decode() for a, b in itertools.pairwise(self.ends[: self.n + 1].tolist())]


class CorpusReader:
    """A labelled file chunk by chunk, in bounded memory.

    Iterating yields `LabelledChunk`s and may be repeated where the file can be read again.

    Parameters
    ----------
    path : str
        File name, or "-" for standard input; gzip is recognised by content.
    options : ReadOptions, optional
    chunk_bytes : int
        Bytes of the file for each chunk; a longer line makes a larger chunk.

    Attributes
    ----------
    names : list of str
        The labels in the order of their first occurrence; complete after an iteration.
    skipped : dict
        As `Corpus.skipped`; complete after an iteration.

    Raises
    ------
    InputError
        While iterating: if the file is missing, unreadable, not UTF-8, not in the format, or
        has no usable line.
    """

    def __init__(
        self, path: str, options: ReadOptions | None = None, chunk_bytes: int = DEFAULT_CHUNK_BYTES
    ) -> None:
        self.path = str(path)
        self.options = options or ReadOptions()
        self.chunk_bytes = chunk_bytes
        self.names: list[str] = []
        self.skipped: dict[str, tuple[int, str]] = {}

    def skip_report(self) -> list[str]:
        """Return one line for each reason why lines were skipped."""
        return _skip_report(self.skipped)

    def __iter__(self) -> Iterator[LabelledChunk]:
        docs = _Documents()
        for _ in self.fill(docs):
            if docs.n_docs:
                yield docs.chunk()

    def fill(self, docs: _Documents) -> Iterator[None]:
        """Add the file to `docs` block by block; what was added may be taken away between."""
        self.names, self.skipped = [], {}
        n_found = 0
        blocks = iter_blocks(self.path, self.chunk_bytes)
        with contextlib.closing(blocks):
            form, held = _find_format(self.path, blocks, self.options)
            parse = self._parse_records if form.parse_blocks is None else self._parse_blocks
            for n_docs in parse(form, itertools.chain(held, blocks), docs):
                n_found += n_docs
                yield
        if n_found == 0:
            detail = "; ".join(_skip_report(self.skipped))
            what = f"no line with a label and text ({detail})" if detail else "the file is empty"
            raise InputError(f"{name_of(self.path)}: {what}")

    def _parse_blocks(
        self, form: Format, blocks: Iterator[np.ndarray], docs: _Documents
    ) -> Iterator[int]:
        """Yield the number of new documents for each block of a file that compiled code parses."""
        from fasttext_lite.compiled import utf8
        from fasttext_lite.corpus import kernels

        assert form.parse_blocks is not None
        parser = form.parse_blocks(self.options)
        names = _Names()
        state = np.zeros(kernels.STATE_SIZE, np.int64)
        try:
            for block in blocks:
                if not block.size:  # nothing but a byte order mark is one empty line
                    block = np.full(1, kernels.NEWLINE, np.uint8)
                n_before = docs.n_docs
                fault = utf8.first_fault(block)
                good = block
                if fault >= 0:  # what stands before the bad line may have an error of its own
                    good = block[: block[:fault].tobytes().rfind(b"\n") + 1]
                self._parse_block(parser, form.bad_line, good, docs, names, state)
                if fault >= 0:
                    line = block[good.size :].tobytes().split(b"\n", 1)[0]
                    decode_line(line, self.path, int(state[kernels.LINES]) + 1)
                yield docs.n_docs - n_before
        except ReadError as error:
            raise broken(self.path, int(state[kernels.LINES]), error) from None
        finally:
            self.names = names.to_list()
            self._note_skipped(state[kernels.SKIPPED : kernels.FIRST], state[kernels.FIRST :])

    def _parse_block(
        self,
        parser: BlockParser,
        bad_line: str,
        block: np.ndarray,
        docs: _Documents,
        names: _Names,
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
                raise InputError(f"{name_of(self.path)}:{state[kernels.LINES] + 1}: {bad_line}")
            if status == kernels.FULL_DOCS:
                docs.reserve(0, docs.offsets.size, docs.ids.size + 1)  # one of them is full
            elif status == kernels.FULL_NAMES:
                names.grow(block.size)

    def _note_skipped(self, counts: np.ndarray, first: np.ndarray) -> None:
        where = name_of(self.path)
        for i in np.argsort(first, kind="stable").tolist():
            if counts[i]:
                self.skipped[_REASONS[i]] = int(counts[i]), f"{where}:{first[i]}"

    def _parse_records(
        self, form: Format, blocks: Iterator[np.ndarray], docs: _Documents
    ) -> Iterator[int]:
        """Yield the number of new documents for some megabytes each of a file parsed in Python."""
        assert form.parse_records is not None
        numbers: dict[str, int] = {}
        texts: list[bytes] = []
        label_ids: list[list[int]] = []
        size = 0
        lines = iter_lines(self.path, blocks)
        for line, labels, text in form.parse_records(self.path, lines, self.options):
            reason = ""
            if not labels:
                reason = _NO_LABEL if text.strip() else _EMPTY
            elif not text.strip(_FASTTEXT_SPACES):
                reason = _NO_TEXT
            if reason:
                count, where = self.skipped.get(reason, (0, f"{name_of(self.path)}:{line}"))
                self.skipped[reason] = (count + 1, where)
                continue
            label_ids.append([numbers.setdefault(k, len(numbers)) for k in dict.fromkeys(labels)])
            texts.append(text)
            size += len(text)
            if size >= self.chunk_bytes:
                docs.extend(texts, label_ids)
                yield len(texts)
                texts, label_ids, size = [], [], 0
        docs.extend(texts, label_ids)
        self.names = list(numbers)
        yield len(texts)


def _find_format(
    path: str, blocks: Iterator[np.ndarray], options: ReadOptions
) -> tuple[Format, list[np.ndarray]]:
    """Return a file's format and the blocks that had to be read to know.

    As many blocks are read as it takes to see some lines that are not empty.

    Raises
    ------
    InputError
        If the file cannot be read that far or the format is not recognised.
    """
    head: list[bytes] = []
    held: list[np.ndarray] = []
    n_filled = 0
    try:
        for block in blocks:
            held.append(block)
            for line in split_lines(block):
                head.append(line)
                n_filled += bool(line.strip())
                if n_filled == _PEEK_LINES:
                    break
            if n_filled == _PEEK_LINES:
                break
            held[-1] = block.copy()
    except ReadError as failure:
        raise broken(path, len(head), failure) from None
    if n_filled == 0:
        return FORMATS["tsv"], held  # all lines are empty: this one says so
    if options.format != AUTO:
        return FORMATS[options.format], held
    return FORMATS[guess_format(path, head, options.label_prefix)], held


def read_corpus(path: str, options: ReadOptions | None = None) -> Corpus:
    """Read a labelled file.

    Parameters
    ----------
    path : str
        File name, or "-" for standard input; gzip is recognised by content.
    options : ReadOptions, optional

    Returns
    -------
    Corpus
        Without the lines that have no label or no text; they are counted in `skipped`.

    Raises
    ------
    InputError
        If the file is missing, unreadable, not UTF-8, not in the format, or has no usable line.
    """
    from fasttext_lite.corpus.labels import Labels

    reader = CorpusReader(path, options)
    docs = _Documents()
    for _ in reader.fill(docs):
        pass
    chunk = docs.chunk()
    labels = Labels(chunk.ids, chunk.indptr, reader.names)
    return Corpus(chunk.texts, labels.by_frequency(), reader.skipped)


# -- unlabelled files ------------------------------------------------------------------------
def read_texts(
    path: str, chunk_bytes: int = 1 << 20, drop_prefix: str | None = None
) -> Iterator[Texts]:
    """Yield the lines of an unlabelled file in chunks, one document a line, none left out.

    A chunk holds what is there to read (at most `chunk_bytes` and the rest of a line), so
    results can be printed before the input ends. Bytes that are no UTF-8 become U+FFFD:
    predicting must give one result for each line.

    Parameters
    ----------
    path : str
        File name or "-" for standard input; gzip is recognised by content.
    chunk_bytes : int
        Bytes asked for at a time.
    drop_prefix : str, optional
        Drop the tokens that begin with this (as fastText does with "__label__"), so that a
        labelled file can be read as texts.

    Raises
    ------
    InputError
        If the file cannot be opened or read.
    """
    mark = np.frombuffer(bytearray((drop_prefix or "").encode()), np.uint8)
    try:
        for block in iter_blocks(path, chunk_bytes, fill=False):
            if block.size:
                yield _clean_lines(block, mark)
    except ReadError as error:
        raise InputError(f"{name_of(path)}: cannot read on: {error}") from None


def _clean_lines(block: np.ndarray, mark: np.ndarray) -> Texts:
    """Return lines as texts: without CR at the end, in good UTF-8, without marked tokens."""
    from fasttext_lite.compiled import utf8
    from fasttext_lite.corpus import kernels

    if block[-1] == kernels.NEWLINE:
        block = block[:-1]
    text = np.empty(block.size, np.uint8)
    offsets = np.empty(np.count_nonzero(block == kernels.NEWLINE) + 2, np.int64)
    kernels.clean_lines(block, mark, text, offsets)
    text = text[: offsets[-1]]
    if utf8.first_fault(block) >= 0:
        damaged, old_offsets = text, offsets
        text, offsets = np.empty(3 * text.size, np.uint8), np.empty_like(offsets)
        utf8.replace_faults(damaged, old_offsets, text, offsets)
        text = text[: offsets[-1]]
    return Texts(text, offsets)
