"""The features of the training texts while they are made, in memory or in mapped files.

`Entries` takes the codes of documents, chunk by chunk, and hands them out again in parts while
they become rows and weights in place.  In files, no more of them is in memory than a part.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, TypeAlias

import numpy as np

from fasttext_lite.disk import columns
from fasttext_lite.disk.columns import Column
from fasttext_lite.features.matrix import (
    Codes,
    Counts,
    FeatureMatrix,
    entry_files,
    map_files,
    write_array,
)
from fasttext_lite.system import nameless_file, release

# Open for reading and writing, of rows and of weights.
Files: TypeAlias = tuple[IO[bytes], IO[bytes]]

PART = 1 << 21  # entries worked on at a time

MOST_READ = 1 << 22  # entries of long documents that are read back into memory


@contextlib.contextmanager
def nameless_files() -> Iterator[Files]:
    """Open files for entries that are gone when nobody uses them any more, whatever happens."""
    with nameless_file() as ids, nameless_file() as weights:
        yield ids, weights


@contextlib.contextmanager
def files_in(folder: str) -> Iterator[Files]:
    """Open new files for entries in a folder, under the names that `open_features` reads."""
    ids, weights = entry_files(folder)
    with open(ids, "w+b") as first, open(weights, "w+b") as second:
        yield first, second


@dataclass
class Entries:
    """Codes and counts of documents, then their rows and weights.

    Parameters
    ----------
    files : tuple of two files, optional
        Empty ones, in which entries are kept; default: in memory.
    is_read_back : bool
        Whether `finish` reads the files back into memory, unless they are large and of long
        documents.
    """

    files: Files | None = None
    is_read_back: bool = False
    _ends: Column = field(init=False)
    _shares: Column = field(init=False)
    _all_shares: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    _n: int = 0
    _codes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    _counts: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    _indptr: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))
    _maps: tuple[mmap.mmap, ...] = ()

    def __post_init__(self) -> None:
        is_filed = self.files is not None and not self.is_read_back
        self._ends, self._shares = Column(np.int64, is_filed), Column(np.float32, is_filed)
        self._ends.append(np.zeros(1, np.int64))

    def __len__(self) -> int:
        return self._indptr.size - 1

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(self._indptr[-1])

    def append(self, found: Codes) -> np.ndarray:
        """Take the codes of some more documents; they may be changed.

        Returns
        -------
        int32[n]
            These codes, without gaps.
        """
        from fasttext_lite.features.kernels.rows import compact

        n = compact(
            found.starts, found.lengths, 0, found.lengths.size, 0, found.codes, found.counts
        )
        self._ends.append(self._n + np.cumsum(found.lengths))
        self._shares.append(found.shares)
        self._n += n
        if self.files is not None:
            for file, array in zip(self.files, (found.codes, found.counts), strict=True):
                write_array(file, array[:n])
        elif self._codes.size == 0:
            # Of the room that nothing was written to, no memory was taken.
            self._codes, self._counts = found.codes, found.counts
            _resize((self._codes, self._counts), n)
            return self._codes
        else:
            size = self._codes.size
            _resize((self._codes, self._counts), size + n)
            self._codes[size:], self._counts[size:] = found.codes[:n], found.counts[:n]
        return found.codes[:n]

    def complete(self) -> None:
        """Say that there is no more to come."""
        self._indptr, self._all_shares = self._ends.array(), self._shares.array()
        if self.files is not None:
            self._maps, (self._codes, self._counts) = map_files(self.files, int(self._indptr[-1]))

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield ranges of documents of about `PART` entries."""
        first = 0
        while first < len(self):
            end = int(self._indptr[first]) + PART
            last = max(first + 1, int(np.searchsorted(self._indptr, end, "right")) - 1)
            yield first, last
            first = last

    def parts(self) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        """Yield codes int32[n], offsets int64[n_docs + 1] and number of the first document."""
        for first, last in self.ranges():
            indptr = self._indptr[first : last + 1]
            yield self._codes[indptr[0] : indptr[-1]], indptr - indptr[0], first
            self.release()

    def take(self, docs: np.ndarray) -> Counts:
        """Return the rows and counts of some documents, in memory."""
        matrix = FeatureMatrix(self._codes, self._counts, self._indptr, self._maps).take(docs)
        shares = self._all_shares[docs]
        self.release()
        return Counts(matrix, shares)

    def replace(self, change: Callable[[Codes, int, int], None]) -> None:
        """Change all entries in place, part by part, and close the gaps that this leaves.

        Parameters
        ----------
        change : callable
            Given the entries, and first and last + 1 of the documents to change.
        """
        from fasttext_lite.features.kernels.rows import compact

        n = 0
        for first, last in list(self.ranges()):
            starts = self._indptr[first : last + 1]
            lengths, shares = np.diff(starts), self._all_shares[first:last]
            change(Codes(starts, lengths, self._codes, self._counts, shares), 0, last - first)
            n = compact(starts, lengths, 0, last - first, n, self._codes, self._counts)
            self.release()
        self._indptr[-1] = n

    def release(self) -> None:
        """Give the memory of mapped files back."""
        release(self._maps)
        columns.release()

    def finish(self, are_long: bool = False) -> FeatureMatrix:
        """Return the features, of documents that are long or not; this object is spent."""
        ids, weights, maps = self._codes, self._counts, self._maps
        n = int(self._indptr[-1])
        del self._codes, self._counts
        if self.files is None:
            _resize((ids, weights), n)
            return FeatureMatrix(ids, weights, self._indptr)
        del ids, weights
        release(maps)
        self._maps = maps = ()
        if self.is_read_back and (n <= MOST_READ or not are_long):
            for file in self.files:
                file.seek(0)
            ids, weights = map(np.fromfile, self.files, (np.int32, np.float32), (n, n))
            return FeatureMatrix(ids, weights, self._indptr)
        for file in self.files:
            os.ftruncate(file.fileno(), 4 * n)
        maps, (ids, weights) = map_files(self.files, n)
        return FeatureMatrix(ids, weights, self._indptr, maps)


def _resize(arrays: tuple[np.ndarray, ...], n: int) -> None:
    for array in arrays:
        array.resize(n, refcheck=False)
