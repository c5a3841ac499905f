"""Read labelled and unlabelled text: files, standard input and Python sequences.

Text leaves this room as `Texts` (one UTF-8 buffer and offsets), labels as `Labels` (label ids
in compressed rows).  What a reader skips is counted, with the line where it first happened;
what it cannot read is an `InputError` with path:line.  Models are unknown here.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fasttext_lite.errors import InputError
from fasttext_lite.sources import DEFAULT_PREFIX as DEFAULT_PREFIX
from fasttext_lite.sources import (
    ReadError,
    ReadOptions,
    broken,
    decode_line,
    iter_blocks,
    iter_lines,
    iter_records,
    name_of,
    peek,
)

# What separates fastText's tokens (dictionary.cc, readWord).
_FASTTEXT_SPACES = b" \n\t\v\f\r\0"


@dataclass(frozen=True)
class Texts:
    """Documents in one buffer: document i is ``buffer[offsets[i]:offsets[i + 1]]``.

    Attributes
    ----------
    buffer : uint8[n_bytes]
        UTF-8 (lone surrogates encoded as if they were characters); read-only.
    offsets : int64[n_docs + 1]
    token_ends : int64[n_tokens] or None
        For text that came as token lists: the positions after each token's last byte,
        ascending. None for plain text.
    """

    buffer: np.ndarray
    offsets: np.ndarray
    token_ends: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "buffer", read_only(self.buffer))

    def __len__(self) -> int:
        return self.offsets.size - 1

    def to_list(self) -> list[str]:
        """Return the documents as Python strings."""
        data = self.buffer.tobytes()
        bounds = self.offsets.tolist()
        return [data[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise(bounds)]

    def slice(self, first: int, last: int) -> Texts:
        """Return documents `first` to `last` - 1 (or to the end) as their own `Texts`."""
        last = min(last, len(self))
        a, b = self.offsets[first], self.offsets[last]
        ends = self.token_ends
        if ends is not None:
            ends = ends[np.searchsorted(ends, a, "right") : np.searchsorted(ends, b, "right")] - a
        return Texts(self.buffer[a:b], self.offsets[first : last + 1] - a, ends)

    def take(self, chosen: np.ndarray) -> Texts:
        """Return the chosen documents, in that order."""
        parts = [self.slice(i, i + 1) for i in chosen]
        offsets = np.append(0, np.cumsum([part.buffer.size for part in parts]))
        ends = None
        if self.token_ends is not None:
            shifted = [part.token_ends + at for part, at in zip(parts, offsets, strict=False)]
            ends = np.concatenate([np.empty(0, np.int64), *shifted])
        return Texts(
            np.concatenate([np.empty(0, np.uint8), *(part.buffer for part in parts)]), offsets, ends
        )

    @classmethod
    def from_bytes(cls, documents: Sequence[bytes]) -> Texts:
        """Join documents that are UTF-8 already."""
        offsets = np.zeros(len(documents) + 1, np.int64)
        np.cumsum([len(document) for document in documents], out=offsets[1:])
        return cls(np.frombuffer(b"".join(documents), np.uint8), offsets)

    @classmethod
    def from_sequence(cls, documents: Iterable[Any]) -> Texts:
        """Encode strings, or documents that are lists of tokens.

        Parameters
        ----------
        documents : iterable of str, or iterable of sequences of str
            A sequence of str is a document cut into tokens already. A line break inside a
            text is a space.

        Raises
        ------
        TypeError
            If `documents` is one string, or holds anything else (None, NaN, bytes, numbers);
            the message has the position.
        """
        if isinstance(documents, str | bytes):
            raise TypeError(
                "expected a list of texts, got one text: put it in a list, [text], "
                "to classify a single text"
            )
        shape = getattr(documents, "shape", None)
        if shape is not None and len(shape) != 1:
            raise TypeError(
                f"expected one column of texts, got {type(documents).__name__} of shape "
                f"{tuple(shape)}: pass a list, a 1-D array or one column"
            )
        if hasattr(documents, "to_list") and callable(documents.to_list):
            documents = documents.to_list()  # pandas and polars Series
        elif isinstance(documents, np.ndarray):
            documents = documents.tolist()
        if not isinstance(documents, Iterable) or isinstance(documents, Mapping | Set):
            raise TypeError(f"expected a list of texts, got {type(documents).__name__}")
        items = list(documents)
        if items and all(isinstance(item, list | tuple) for item in items):
            return cls._from_token_lists(items)
        for i, item in enumerate(items):
            if not isinstance(item, str):
                raise TypeError(f"text at position {i} must be str, got {_describe(item)}")
        encoded = [item.encode("utf-8", "surrogatepass") for item in items]
        return cls.from_bytes(encoded)

    @classmethod
    def _from_token_lists(cls, items: list[Sequence[str]]) -> Texts:
        pieces: list[bytes] = []
        lengths = []
        for i, tokens in enumerate(items):
            size = 0
            for token in tokens:
                if not isinstance(token, str):
                    raise TypeError(
                        f"tokens of the text at position {i} must be str, got {_describe(token)}"
                    )
                if token:
                    # NUL separates the pieces in normalisation: it cannot be part of one.
                    pieces.append(token.replace("\0", " ").encode("utf-8", "surrogatepass"))
                    size += len(pieces[-1])
            lengths.append(size)
        offsets = np.zeros(len(items) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
        return cls(np.frombuffer(b"".join(pieces), np.uint8), offsets, ends)


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a view that cannot be written.

    To a compiled kernel a read-only array is another type: what may be read-only (text from
    bytes, tables mapped from a file) always is, so that each kernel is compiled once.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def _describe(item: Any) -> str:
    name = type(item).__name__
    return f"{name} ({item!r})" if isinstance(item, int | float | bytes) else name


@dataclass(frozen=True)
class Labels:
    """Label ids of documents in compressed rows, and the names behind the ids.

    Attributes
    ----------
    ids : int32[n_label_occurrences]
        Label of row i: ``ids[indptr[i]:indptr[i + 1]]``; -1 = a label that `names` lacks.
    indptr : int64[n_docs + 1]
    names : list of str
    """

    ids: np.ndarray
    indptr: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return self.indptr.size - 1

    @property
    def is_multilabel(self) -> bool:
        """Whether any row has other than exactly one label."""
        return bool(np.any(np.diff(self.indptr) != 1))

    def counts(self) -> np.ndarray:
        """Return how often each label occurs, int64[n_labels]."""
        return np.bincount(self.ids[self.ids >= 0], minlength=len(self.names))

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[str]], names: list[str] | None = None) -> Labels:
        """Give the labels of each row numbers.

        With `names` None they are numbered by falling frequency, ties by first occurrence (as
        fastText orders its labels); otherwise by `names`, and others get id -1.
        """
        indptr = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=indptr[1:])
        flat = list(itertools.chain.from_iterable(rows))
        seen = list(dict.fromkeys(flat)) if names is None else names
        index = {name: i for i, name in enumerate(seen)}
        ids = np.fromiter((index.get(name, -1) for name in flat), np.int32, len(flat))
        labels = cls(ids, indptr, seen)
        return labels.by_frequency() if names is None else labels

    def by_frequency(self) -> Labels:
        """Return the labels that occur by falling frequency, ties by their number here."""
        counts = self.counts()
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        numbers = np.full(counts.size + 1, -1, np.int32)  # the last for -1
        numbers[order] = np.arange(order.size)
        return Labels(numbers[self.ids], self.indptr, [self.names[i] for i in order.tolist()])

    def renamed(self, names: Sequence[str]) -> Labels:
        """Return the labels numbered by the given names; those of other names get id -1."""
        index = {name: i for i, name in enumerate(names)}
        numbers = np.array([*(index.get(name, -1) for name in self.names), -1], np.int32)
        return Labels(numbers[self.ids], self.indptr, list(names))

    def take(self, chosen: np.ndarray) -> Labels:
        """Return the labels of the chosen rows, in that order, by the same names."""
        indptr = np.append(0, np.cumsum(np.diff(self.indptr)[chosen]))
        shifts = np.repeat(self.indptr[chosen] - indptr[:-1], np.diff(indptr))
        return Labels(self.ids[np.arange(indptr[-1]) + shifts], indptr, self.names)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the names of each row's labels, without those that have none."""
        names = [self.names[i] if i >= 0 else None for i in self.ids.tolist()]
        bounds = itertools.pairwise(self.indptr.tolist())
        return [tuple(name for name in names[a:b] if name is not None) for a, b in bounds]

    def without_repeats(self) -> Labels:
        """Return each row with each of its labels once, where it came first."""
        if not self.is_multilabel:
            return self
        row = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        _, first = np.unique(row * (len(self.names) + 1) + self.ids, return_index=True)
        if first.size == self.ids.size:
            return self
        first.sort()
        counts = np.bincount(row[first], minlength=len(self))
        return Labels(self.ids[first], np.append(0, np.cumsum(counts)), self.names)

    def used(self) -> list[str]:
        """Return the names that occur."""
        return [name for name, n in zip(self.names, self.counts().tolist(), strict=True) if n]


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

CHUNK_BYTES = 1 << 24
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


class _Rows:
    """Documents and label numbers in arrays that grow at their end.

    Attributes
    ----------
    n_rows, n_ids, n_bytes : int
    text : uint8[at least n_bytes]
    offsets, indptr : int64[above n_rows]
    ids : int32[at least n_ids]
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew, in new arrays."""
        self.n_rows = self.n_ids = self.n_bytes = 0
        self.text = np.empty(0, np.uint8)
        self.offsets, self.indptr = np.zeros(1025, np.int64), np.zeros(1025, np.int64)
        self.ids = np.empty(1024, np.int32)

    def reserve(self, n_bytes: int, n_rows: int = 0, n_ids: int = 0) -> None:
        """Make room for more bytes, rows and label numbers."""
        if self.n_bytes == 0 and self.text.size < n_bytes:
            self.text = np.empty(n_bytes, np.uint8)
        # By an eighth more than needed: what `resize` adds is set to zero, so it takes memory.
        _grow(self.text, self.n_bytes + n_bytes, 8)
        _grow(self.offsets, self.n_rows + n_rows + 1, 2)
        _grow(self.indptr, self.n_rows + n_rows + 1, 2)
        _grow(self.ids, self.n_ids + n_ids, 2)

    def extend(self, texts: list[bytes], rows: list[list[int]]) -> None:
        """Add documents and their labels."""
        data = b"".join(texts)
        flat = list(itertools.chain.from_iterable(rows))
        self.reserve(len(data), len(rows), len(flat))
        places = slice(self.n_rows + 1, self.n_rows + 1 + len(rows))
        self.text[self.n_bytes : self.n_bytes + len(data)] = np.frombuffer(data, np.uint8)
        self.ids[self.n_ids : self.n_ids + len(flat)] = flat
        self.offsets[places] = self.n_bytes + np.cumsum([len(text) for text in texts])
        self.indptr[places] = self.n_ids + np.cumsum([len(row) for row in rows])
        self.n_rows += len(rows)
        self.n_bytes += len(data)
        self.n_ids += len(flat)

    def chunk(self) -> LabelledChunk:
        """Return all rows, and begin anew."""
        for array, size in (
            (self.text, self.n_bytes),
            (self.offsets, self.n_rows + 1),
            (self.indptr, self.n_rows + 1),
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
        """Return `table` of the kernels (see `kernels/read.py`)."""
        return self.slots, self.hashes, self.seen, self.ends, self.pool

    def grow(self, n_bytes: int) -> None:
        """Make room for as many labels again and for a name of `n_bytes`."""
        from fasttext_lite.kernels import read

        if self.n == self.hashes.size:
            self.hashes.resize(2 * self.n, refcheck=False)
            self.seen.resize(2 * self.n, refcheck=False)
            self.ends.resize(2 * self.n + 1, refcheck=False)
            self.slots = np.full(4 * self.n, -1, np.int64)
            read.index_names(self.hashes, self.n, self.slots)
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
        self, path: str, options: ReadOptions | None = None, chunk_bytes: int = CHUNK_BYTES
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
        rows = _Rows()
        for _ in self.fill(rows):
            if rows.n_rows:
                yield rows.chunk()

    def fill(self, rows: _Rows) -> Iterator[None]:
        """Add the file to `rows` block by block; what was added may be taken away between."""
        self.names, self.skipped = [], {}
        n_found = 0
        blocks = iter_blocks(self.path, self.chunk_bytes)
        with contextlib.closing(blocks):
            kind, held = peek(self.path, blocks, self.options)
            parse = self._parse_blocks if kind in ("tsv", "fasttext") else self._parse_records
            for n_rows in parse(kind, itertools.chain(held, blocks), rows):
                n_found += n_rows
                yield
        if n_found == 0:
            detail = "; ".join(_skip_report(self.skipped))
            what = f"no line with a label and text ({detail})" if detail else "the file is empty"
            raise InputError(f"{name_of(self.path)}: {what}")

    def _parse_blocks(self, kind: str, blocks: Iterator[np.ndarray], rows: _Rows) -> Iterator[int]:
        """Yield the number of new rows for each block of a TSV or fastText file."""
        from fasttext_lite.kernels import read

        names = _Names()
        state = np.zeros(read.STATE_SIZE, np.int64)
        try:
            for block in blocks:
                if not block.size:  # nothing but a byte order mark is one empty line
                    block = np.full(1, read.NEWLINE, np.uint8)
                n_before = rows.n_rows
                fault = read.first_fault(block)
                good = block
                if fault >= 0:  # what stands before the bad line may have an error of its own
                    good = block[: block[:fault].tobytes().rfind(b"\n") + 1]
                self._parse_block(kind, good, rows, names, state)
                if fault >= 0:
                    line = block[good.size :].tobytes().split(b"\n", 1)[0]
                    decode_line(line, self.path, int(state[read.LINES]) + 1)
                yield rows.n_rows - n_before
        except ReadError as error:
            raise broken(self.path, int(state[read.LINES]), error) from None
        finally:
            self.names = names.to_list()
            self._note_skipped(state[read.SKIPPED : read.FIRST], state[read.FIRST :])

    def _parse_block(
        self, kind: str, block: np.ndarray, rows: _Rows, names: _Names, state: np.ndarray
    ) -> None:
        from fasttext_lite.kernels import read

        mark = np.frombuffer(bytearray(self.options.label_prefix.encode()), np.uint8)
        rows.reserve(block.size)
        state[read.POSITION] = 0
        status = -1
        while status != read.DONE:
            state[read.N_ROWS] = rows.n_rows
            state[read.N_IDS] = rows.n_ids
            state[read.N_BYTES] = rows.n_bytes
            arrays = rows.text, rows.offsets, rows.ids, rows.indptr
            if kind == "tsv":
                multilabel = self.options.multilabel
                status = read.read_tsv(block, multilabel, state, arrays, names.arrays())
            else:
                status = read.read_fasttext(block, mark, state, arrays, names.arrays())
            del arrays
            rows.n_rows = int(state[read.N_ROWS])
            rows.n_ids = int(state[read.N_IDS])
            rows.n_bytes = int(state[read.N_BYTES])
            names.n = int(state[read.N_NAMES])
            if status == read.NO_TAB:
                raise InputError(
                    f"{name_of(self.path)}:{state[read.LINES] + 1}: no tab between label and "
                    "text; expected label<TAB>text"
                )
            if status == read.FULL_ROWS:
                rows.reserve(0, rows.offsets.size, rows.ids.size + 1)  # one of them is full
            elif status == read.FULL_NAMES:
                names.grow(block.size)

    def _note_skipped(self, counts: np.ndarray, first: np.ndarray) -> None:
        where = name_of(self.path)
        for i in np.argsort(first, kind="stable").tolist():
            if counts[i]:
                self.skipped[_REASONS[i]] = int(counts[i]), f"{where}:{first[i]}"

    def _parse_records(self, kind: str, blocks: Iterator[np.ndarray], rows: _Rows) -> Iterator[int]:
        """Yield the number of new rows for some megabytes of a CSV or JSON lines file each."""
        numbers: dict[str, int] = {}
        texts: list[bytes] = []
        label_rows: list[list[int]] = []
        size = 0
        lines = iter_lines(self.path, blocks)
        for line, labels, text in iter_records(self.path, kind, lines, self.options):
            reason = ""
            if not labels:
                reason = _NO_LABEL if text.strip() else _EMPTY
            elif not text.strip(_FASTTEXT_SPACES):
                reason = _NO_TEXT
            if reason:
                count, where = self.skipped.get(reason, (0, f"{name_of(self.path)}:{line}"))
                self.skipped[reason] = (count + 1, where)
                continue
            label_rows.append([numbers.setdefault(k, len(numbers)) for k in dict.fromkeys(labels)])
            texts.append(text)
            size += len(text)
            if size >= self.chunk_bytes:
                rows.extend(texts, label_rows)
                yield len(texts)
                texts, label_rows, size = [], [], 0
        rows.extend(texts, label_rows)
        self.names = list(numbers)
        yield len(texts)


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
    reader = CorpusReader(path, options)
    rows = _Rows()
    for _ in reader.fill(rows):
        pass
    chunk = rows.chunk()
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
    from fasttext_lite.kernels import read

    if block[-1] == read.NEWLINE:
        block = block[:-1]
    text = np.empty(block.size, np.uint8)
    offsets = np.empty(np.count_nonzero(block == read.NEWLINE) + 2, np.int64)
    read.clean_lines(block, mark, text, offsets)
    text = text[: offsets[-1]]
    if read.first_fault(block) >= 0:
        damaged, old_offsets = text, offsets
        text, offsets = np.empty(3 * text.size, np.uint8), np.empty_like(offsets)
        read.replace_faults(damaged, old_offsets, text, offsets)
        text = text[: offsets[-1]]
    return Texts(text, offsets)
