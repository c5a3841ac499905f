"""The features of documents in compressed rows, in memory or in files that are mapped.

`Entries` takes the codes of documents, chunk by chunk, and hands them out again in parts while
they become rows and weights in place.  In files, no more of them is in memory than a part.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

PART = 1 << 22  # entries worked on at a time


@dataclass(frozen=True)
class FeatureMatrix:
    """The features of documents in compressed rows.

    Attributes
    ----------
    ids : int32[n_entries]
        Rows of the input table, each at most once in a document.
    weights : float32[n_entries]
    indptr : int64[n_docs + 1]
        Document i owns the entries indptr[i] to indptr[i + 1] - 1.
    maps : tuple of mmap.mmap
        Where `ids` and `weights` lie, if they lie in files; empty if in memory.
    """

    ids: np.ndarray
    weights: np.ndarray
    indptr: np.ndarray
    maps: tuple[mmap.mmap, ...] = ()

    def __len__(self) -> int:
        return self.indptr.size - 1

    def slice(self, first: int, last: int) -> FeatureMatrix:
        """Return documents `first` to `last` - 1."""
        indptr = self.indptr[first : last + 1]
        part = slice(indptr[0], indptr[-1])
        return FeatureMatrix(self.ids[part], self.weights[part], indptr - indptr[0], self.maps)

    def release(self) -> None:
        """Give the memory of mapped files back; what is needed again is read again."""
        release(self.maps)

    def __getstate__(self) -> dict[str, Any]:
        """Return the arrays; a copy of this object lies in memory."""
        return {**self.__dict__, "maps": ()}


@dataclass(frozen=True)
class Codes:
    """Codes of documents, with gaps: document i has lengths[i] codes from starts[i] on.

    Attributes
    ----------
    starts : int64[n_docs + 1]
    lengths : int64[n_docs]
    codes : int32[n_codes]
    counts : float32[n_codes]
    shares : float32[n_docs]
        See `kernels.features.extract_codes`.
    """

    starts: np.ndarray
    lengths: np.ndarray
    codes: np.ndarray
    counts: np.ndarray
    shares: np.ndarray


@dataclass
class Entries:
    """Codes and counts of documents, then their rows and weights.

    Parameters
    ----------
    folder : str, optional
        Where the files ``ids.bin`` and ``weights.bin`` are written; default: in memory.
    """

    folder: str | None = None
    _lengths: list[np.ndarray] = field(default_factory=list)
    _shares: list[np.ndarray] = field(default_factory=list)
    _codes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    _counts: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    _indptr: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))
    _maps: tuple[mmap.mmap, ...] = ()

    def __len__(self) -> int:
        return self._indptr.size - 1

    def append(self, found: Codes) -> None:
        """Take the codes of some more documents; they may be changed."""
        from fasttext_lite.kernels.features import compact

        n = compact(
            found.starts, found.lengths, 0, found.lengths.size, 0, found.codes, found.counts
        )
        self._lengths.append(found.lengths.copy())
        self._shares.append(found.shares)
        if self.folder is not None:
            for path, array in zip(_paths(self.folder), (found.codes, found.counts), strict=True):
                with open(path, "ab") as file:
                    array[:n].tofile(file)
        elif self._codes.size == 0:
            # Of the room that nothing was written to, no memory was taken.
            self._codes, self._counts = found.codes, found.counts
            _resize((self._codes, self._counts), n)
        else:
            size = self._codes.size
            _resize((self._codes, self._counts), size + n)
            self._codes[size:], self._counts[size:] = found.codes[:n], found.counts[:n]

    def complete(self) -> None:
        """Say that there is no more to come."""
        lengths = np.concatenate([np.empty(0, np.int64), *self._lengths])
        self._indptr = np.zeros(lengths.size + 1, np.int64)
        np.cumsum(lengths, out=self._indptr[1:])
        self._lengths = []
        if self.folder is not None:
            self._map()

    def _map(self) -> None:
        assert self.folder is not None
        self._maps, arrays = map_files(_paths(self.folder), int(self._indptr[-1]))
        self._codes, self._counts = arrays

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

    def replace(self, change: Callable[[Codes, int, int], None]) -> None:
        """Change all entries in place, part by part, and close the gaps that this leaves.

        Parameters
        ----------
        change : callable
            Given the entries, and first and last + 1 of the documents to change.
        """
        from fasttext_lite.kernels.features import compact

        shares = np.concatenate([np.empty(0, np.float32), *self._shares])
        starts = self._indptr
        found = Codes(starts, np.diff(starts), self._codes, self._counts, shares)
        n = 0
        for first, last in list(self.ranges()):
            change(found, first, last)
            n = compact(starts, found.lengths, first, last, n, self._codes, self._counts)
            self.release()
        starts[-1] = n

    def release(self) -> None:
        """Give the memory of mapped files back."""
        release(self._maps)

    def finish(self) -> FeatureMatrix:
        """Return the features; this object is spent."""
        ids, weights, maps = self._codes, self._counts, self._maps
        n = int(self._indptr[-1])
        del self._codes, self._counts
        if self.folder is None:
            _resize((ids, weights), n)
            return FeatureMatrix(ids, weights, self._indptr)
        del ids, weights
        release(maps)
        self._maps = maps = ()
        for path in _paths(self.folder):
            os.truncate(path, 4 * n)
        return open_features(self.folder, self._indptr)


def open_features(folder: str, indptr: np.ndarray) -> FeatureMatrix:
    """Return the features in the files of a folder, mapped.

    Parameters
    ----------
    folder : str
    indptr : int64[n_docs + 1]

    Raises
    ------
    OSError
        If a file is missing or of another size.
    """
    maps, (ids, weights) = map_files(_paths(folder), int(indptr[-1]))
    return FeatureMatrix(ids, weights, indptr, maps)


def map_files(paths: list[str], n: int) -> tuple[tuple[mmap.mmap, ...], list[np.ndarray]]:
    """Map files of `n` int32 and `n` float32."""
    maps, arrays = [], []
    for path, dtype in zip(paths, (np.int32, np.float32), strict=True):
        if os.path.getsize(path) != 4 * n:
            raise OSError(f"{path}: {os.path.getsize(path)} bytes, expected {4 * n}")
        if n == 0:
            arrays.append(np.empty(0, dtype))
            continue
        with open(path, "r+b") as file:
            maps.append(mmap.mmap(file.fileno(), 0))
        arrays.append(np.frombuffer(maps[-1], dtype))
    return tuple(maps), arrays


def release(maps: tuple[mmap.mmap, ...]) -> None:
    """Give the memory of mapped files back, where the system can."""
    if hasattr(mmap, "MADV_DONTNEED"):
        for each in maps:
            each.madvise(mmap.MADV_DONTNEED)


def _paths(folder: str) -> list[str]:
    return [os.path.join(folder, name) for name in ("ids.bin", "weights.bin")]


def _resize(arrays: tuple[np.ndarray, ...], n: int) -> None:
    for array in arrays:
        array.resize(n, refcheck=False)
