"""Features of files: read in chunks, so that no text is in memory as a whole.

A file is read once, its words are kept as numbers; within a promise of memory it is read twice.
Features of large files lie in files that are mapped, not in memory: in temporary ones, or in a
cache.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from fasttext_lite import system
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.files import is_packed, is_regular, size_of
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.many import ManyReader, paths_of
from fasttext_lite.corpus.reader import CorpusReader
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.disk.columns import PART, Column
from fasttext_lite.disk.promise import promised
from fasttext_lite.errors import InputError
from fasttext_lite.features.entries import Entries, Files, nameless_files
from fasttext_lite.fitting.cache import cached
from fasttext_lite.fitting.more import Further, prepare_more
from fasttext_lite.fitting.ngrams import choose_ngrams
from fasttext_lite.fitting.prepare import prepare_pieces
from fasttext_lite.fitting.prepared import Prepared

Reader: TypeAlias = CorpusReader | ManyReader

CHUNK_BYTES = 1 << 21  # of a file; its codes take ten times as much

# Features of larger files are made in temporary files, if there is no cache; those of files above
# the second size stay there in training.
MADE_IN_FILES, SPILL_BYTES = 1 << 22, 1 << 25
UNPACKED = 10  # times their size, texts that are packed


def is_streamable(paths: str | Sequence[str], config: Config) -> bool:
    """Return whether `prepare_file` can do it: files that can be read twice, and no word noise."""
    return all(map(is_regular, paths_of(paths))) and not config.is_noisy


def prepare_file(
    reader: Reader,
    config: Config,
    *,
    multilabel: bool = False,
    n_threads: int | None = None,
    cache: str | None = None,
) -> Prepared:
    """Make features of a labelled file without holding its text in memory.

    Parameters
    ----------
    reader : CorpusReader or ManyReader
        Of a file that `is_streamable`. Its `names` and `skipped` are filled in.
    config : Config
    multilabel : bool
        Whether texts may have several labels, even if none has.
    n_threads : int, optional
        Default: all processors.
    cache : str, optional
        Folder for the features, made if need be.

    Returns
    -------
    Prepared
        Its `doc_weights` are what the file says of its texts, float64, not scaled; or None.

    Raises
    ------
    InputError
        If the file cannot be read, changes while it is read, or the cache cannot be written.
    TrainingError
        If there are fewer than two labels.
    """

    def make(files: Files | None, is_read_back: bool = False) -> Prepared:
        pieces = _FilePieces(reader, files is not None and not is_read_back)
        prepared = prepare_pieces(
            pieces, config, multilabel=multilabel or None, n_threads=n_threads,
            entries=Entries(files, is_read_back), chooser=choose_ngrams,
        )  # fmt: skip
        return dataclasses.replace(prepared, doc_weights=pieces.weights())

    if cache is not None:
        return cached(cache, reader, config, multilabel, make)
    return _made(reader, make)


def prepare_more_file(
    reader: Reader, further: Further, *, n_threads: int | None = None
) -> Prepared:
    """Make features of a labelled file for a model that is to learn from them.

    Parameters
    ----------
    reader, n_threads
        As in `prepare_file`.
    further : Further

    Returns
    -------
    Prepared
        As `prepare_file` and `more.prepare_more` return it.

    Raises
    ------
    InputError, TrainingError
        As `prepare_file` and `more.prepare_more`.
    """

    def make(files: Files | None, is_read_back: bool = False) -> Prepared:
        entries = Entries(files, is_read_back)
        pieces = _FilePieces(reader, files is not None and not is_read_back)
        prepared = prepare_more(pieces, further, n_threads=n_threads, entries=entries)
        return dataclasses.replace(prepared, doc_weights=pieces.weights())

    return _made(reader, make)


def _made(reader: Reader, make: Callable[..., Prepared]) -> Prepared:
    """Return features that `make` makes in files, or in memory where they are few."""
    size, made, spilled = sum(map(size_of, reader.paths)), MADE_IN_FILES, SPILL_BYTES
    limit = promised()
    if limit is not None:
        made, spilled = limit.spilled(made), limit.spilled(spilled)
        if any(is_packed(path) for path in reader.paths):
            size *= UNPACKED
    if size < made:
        return make(None)
    try:
        with nameless_files() as files:
            return make(files, size < spilled)
    except OSError as error:
        if size < spilled:
            return make(None)
        raise InputError(
            f"{system.temporary_folder()}: cannot keep the features here: "
            f"{(error.strerror or str(error)).lower()}; name another folder with --cache or in "
            "TMPDIR"
        ) from None


class _FilePieces:
    """The texts of a file, chunk by chunk; what is known of each lies in files, of many."""

    def __init__(self, reader: Reader, is_filed: bool = False) -> None:
        self.reader = reader
        self.n_texts = 0
        self.ids, self.ends = Column(np.int32, is_filed), Column(np.int64, is_filed)
        self.weighed: Column | None = None
        self.is_filed, self.n_ids = is_filed, 0
        self.checksum = 0  # of the texts in the first pass, where there is a second

    def first(self) -> Iterator[Texts]:
        self.ends.append(np.zeros(1))
        for chunk in self.reader:
            self.ids.append(chunk.ids)
            self.ends.append(self.n_ids + chunk.indptr[1:])
            self.n_ids += chunk.ids.size
            if chunk.weights is not None and self.weighed is None:
                self.weighed = Column(np.float64, self.is_filed)
                for start in range(0, self.n_texts, PART):
                    self.weighed.append(np.ones(min(PART, self.n_texts - start)))
            if self.weighed is not None:
                some = np.ones(len(chunk)) if chunk.weights is None else chunk.weights
                self.weighed.append(some)
            self.n_texts += len(chunk.texts)
            if promised() is not None:
                self.checksum = _checksum(chunk.texts, self.checksum)
            yield chunk.texts

    def labels(self) -> Labels:
        labels = Labels(self.ids.array(), self.ends.array(), self.reader.names)
        return labels.by_frequency(in_place=True)

    def weights(self) -> np.ndarray | None:
        """Return what the texts weigh, float64[n_texts]; None where the file does not say it."""
        return None if self.weighed is None else self.weighed.array()

    def again(self) -> Iterator[Texts]:
        """Yield the texts in a second pass; they must be those of the first."""
        n_left, checksum = self.n_texts, 0
        for chunk in self.reader:
            n_left -= len(chunk.texts)
            if n_left < 0:
                break
            checksum = _checksum(chunk.texts, checksum)
            yield chunk.texts
        if n_left or checksum != self.checksum:
            raise InputError(f"{self.reader.path}: the file changed while it was read")


def _checksum(texts: Texts, before: int) -> int:
    """Return the checksum of texts, and of where they end, after that of others."""
    begin, end = int(texts.offsets[0]), int(texts.offsets[-1])
    lengths = np.diff(texts.offsets)
    return zlib.crc32(texts.buffer[begin:end].data, zlib.crc32(lengths.data, before))
