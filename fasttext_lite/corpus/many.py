"""Several labelled files, read one after another as if they were one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from fasttext_lite.corpus.documents import LabelledChunk
from fasttext_lite.corpus.files import name_of
from fasttext_lite.corpus.fingerprint import Fingerprint
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.reader import DEFAULT_CHUNK_BYTES, Corpus, CorpusReader, read_corpus
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import EmptyError


class ManyReader:
    """Labelled files chunk by chunk: what `CorpusReader` is for one file.

    Each is read by a reader of its own, which tells its format; labels have the same number in all.
    Files that are empty, as programs leave them that write in parts, are left out.

    Parameters
    ----------
    paths : sequence of str
    options, chunk_bytes, judges, keeps_rows
        As of `CorpusReader`.

    Attributes
    ----------
    path : str
        What messages about all of them say.
    n_records, names, skipped, notices, fingerprint
        As of `CorpusReader`; the fingerprint is that of all texts in one file.

    Raises
    ------
    InputError
        While iterating, as `CorpusReader`; `EmptyError` if all are empty.
    """

    def __init__(
        self,
        paths: Sequence[str],
        options: ReadOptions | None = None,
        chunk_bytes: int = DEFAULT_CHUNK_BYTES,
        judges: bool = False,
        keeps_rows: bool = False,
    ) -> None:
        self.paths = tuple(paths)
        self.options, self.chunk_bytes, self.judges = options or ReadOptions(), chunk_bytes, judges
        self.keeps_rows, self.n_records = keeps_rows, 0
        n = len(self.paths) - 1
        self.path = f"{name_of(self.paths[0])} and {n} file{'s' * (n != 1)} more"
        self.names: list[str] = []
        self.skipped: dict[str, tuple[int, str]] = {}
        self.notices: list[str] = []
        self.fingerprint = ""

    def skip_report(self) -> list[str]:
        """Return one line for each reason why lines were skipped."""
        return Corpus.skip_report(self)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[LabelledChunk]:
        self.skipped, self.notices, self.n_records = {}, [], 0
        number: dict[str, int] = {}
        empty: list[str] = []
        formats: dict[str, str] = {}
        print_ = Fingerprint()
        for path in self.paths:
            reader = CorpusReader(
                path, self.options, self.chunk_bytes, judges=self.judges,
                keeps_rows=self.keeps_rows,
            )  # fmt: skip
            places = np.empty(0, np.int32)
            for chunk in _unless_empty(reader, empty):
                for name in reader.names[places.size :]:
                    number.setdefault(name, len(number))
                fresh = [number[name] for name in reader.names[places.size :]]
                places = np.append(places, np.array(fresh, np.int32))
                self.names = list(number)
                print_.add(chunk.texts.buffer, chunk.texts.offsets)
                rows = None if chunk.rows is None else self.n_records + chunk.rows
                yield dataclasses.replace(chunk, ids=places[chunk.ids], rows=rows)
            if empty[-1:] == [path]:
                continue
            self.n_records += reader.n_records
            formats.setdefault(reader.format.name if reader.format else "", path)
            self.notices += [each for each in reader.notices if each not in self.notices]
            for why, (count, where) in reader.skipped.items():
                before, first = self.skipped.get(why, (0, where))
                self.skipped[why] = before + count, first
        if empty and not formats:
            raise EmptyError(f"{self.path}: the files are empty")
        if empty:
            n = len(empty) - 1
            more = f" and {n} file{'s' * (n != 1)} more are" if n else " is"
            self.notices.append(f"{name_of(empty[0])}{more} empty, and left out")
        if len(formats) > 1:
            kinds = ", ".join(f"{name_of(path)} as {form}" for form, path in formats.items())
            self.notices.append(f"the files are of several formats: {kinds} are read")
        self.fingerprint = print_.text()

    def say(self, notice: str) -> None:
        """Take a notice."""
        self.notices.append(notice)


def _unless_empty(reader: CorpusReader, empty: list[str]) -> Iterator[LabelledChunk]:
    """Yield the chunks of a file; one that is empty is added to `empty`."""
    try:
        yield from reader
    except EmptyError:
        empty.append(reader.path)


def open_reader(
    paths: str | Sequence[str],
    options: ReadOptions | None = None,
    chunk_bytes: int = DEFAULT_CHUNK_BYTES,
) -> CorpusReader | ManyReader:
    """Return a reader of a labelled file, or of several as if they were one."""
    several = paths_of(paths)
    if len(several) == 1:
        return CorpusReader(several[0], options, chunk_bytes)
    return ManyReader(several, options, chunk_bytes)


def paths_of(paths: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of one or several files."""
    return (paths,) if isinstance(paths, str) else tuple(map(str, paths))


def read_corpora(
    paths: str | Sequence[str],
    options: ReadOptions | None = None,
    judges: bool = False,
    keeps_rows: bool = False,
) -> Corpus:
    """Read labelled files as if they were one; parameters as of `reader.read_corpus`."""
    several = paths_of(paths)
    if len(several) == 1:
        return read_corpus(several[0], options, judges, keeps_rows)
    return _joined(ManyReader(several, options, judges=judges, keeps_rows=keeps_rows))


def _joined(reader: ManyReader) -> Corpus:
    from fasttext_lite.corpus.labels import Labels

    chunks = list(reader)
    sizes = np.concatenate([np.diff(chunk.texts.offsets) for chunk in chunks])
    texts = Texts(
        np.concatenate([chunk.texts.buffer for chunk in chunks]), np.append(0, np.cumsum(sizes))
    )
    n_labels = np.concatenate([np.diff(chunk.indptr) for chunk in chunks])
    ids = np.concatenate([chunk.ids for chunk in chunks])
    weights = None
    if any(chunk.weights is not None for chunk in chunks):
        weights = np.concatenate(
            [np.ones(len(c)) if c.weights is None else c.weights for c in chunks]
        )
    labels = Labels(ids, np.append(0, np.cumsum(n_labels)), reader.names).by_frequency()
    rows = [chunk.rows for chunk in chunks if chunk.rows is not None]
    return Corpus(
        texts, labels, reader.skipped, reader.notices, reader.fingerprint, weights,
        np.concatenate(rows) if rows else None, reader.n_records,
    )  # fmt: skip
