"""The features of documents: as codes, and as a sparse matrix in memory or in mapped files."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

import numpy as np

from fasttext_lite import system

# Yields int32[n] of codes or rows, offsets int64[n_docs + 1] and the number of the first document.
Parts: TypeAlias = Callable[[], Iterable[tuple[np.ndarray, np.ndarray, int]]]


COPIED = 1 << 22  # numbers copied at a time, from files


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
        See `features.kernels.codes.extract_codes`.
    """

    starts: np.ndarray
    lengths: np.ndarray
    codes: np.ndarray
    counts: np.ndarray
    shares: np.ndarray


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

    def take(self, chosen: np.ndarray) -> FeatureMatrix:
        """Return the features of the chosen documents, in that order, in memory."""
        from fasttext_lite.features.kernels.rows import copy_documents

        chosen = np.asarray(chosen)
        docs = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        docs = np.where(docs < 0, docs + len(self), docs)
        indptr = np.zeros(docs.size + 1, np.int64)
        starts = self.indptr[docs]
        np.cumsum(self.indptr[docs + 1] - starts, out=indptr[1:])
        ids, weights = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
        if self.maps:
            self._read(starts, indptr, ids, weights)
        else:
            copy_documents(
                self.ids, self.weights, self.indptr, docs, 0, docs.size, indptr, ids, weights
            )
        return FeatureMatrix(ids, weights, indptr)

    def _read(
        self, starts: np.ndarray, indptr: np.ndarray, ids: np.ndarray, weights: np.ndarray
    ) -> None:
        """Read documents of files, neighbours at once.

        Parameters
        ----------
        starts : int64[n]
            Where each begins in the files.
        indptr : int64[n + 1]
            Where each begins in `ids` and `weights`, which are written in place.
        """
        # Whatever lies between two documents is not theirs.
        gaps = starts[1:] != starts[:-1] + np.diff(indptr)[:-1]
        firsts = np.append(0, np.flatnonzero(gaps) + 1)[: starts.size]
        places, begins = starts[firsts].tolist(), indptr[firsts].tolist()
        ends = [*begins[1:], int(indptr[-1])]
        for source, array, into in (
            (self.maps[0], self.ids, ids), (self.maps[-1], self.weights, weights)
        ):  # fmt: skip
            system.read_parts(source, array, into, places, begins, ends)

    def with_own_weights(self) -> FeatureMatrix:
        """Return features in files with the weights in another file, which has no name."""
        with system.nameless_file() as file:
            for start in range(0, self.weights.size, COPIED):
                write_array(file, self.weights[start : start + COPIED])
                self.release()
            own = system.map_and_hold(file)
        weights = np.frombuffer(own, np.float32)
        return FeatureMatrix(self.ids, weights, self.indptr, (*self.maps, own))

    def release(self) -> None:
        """Give the memory of mapped files back; what is needed again is read again."""
        system.release(self.maps)

    def __getstate__(self) -> dict[str, Any]:
        """Return the arrays; a copy of this object lies in memory."""
        return {**self.__dict__, "maps": ()}


@dataclass(frozen=True)
class Counts:
    """How often documents have each row, before that becomes weights.

    Attributes
    ----------
    matrix : FeatureMatrix
        With counts in place of weights.
    shares : float32[n_docs]
        See `features.kernels.codes.extract_codes`.
    """

    matrix: FeatureMatrix
    shares: np.ndarray

    def __len__(self) -> int:
        return len(self.matrix)

    def take(self, docs: np.ndarray) -> Counts:
        """Return those of some documents."""
        return Counts(self.matrix.take(docs), self.shares[docs])

    def renumbered(self, numbers: np.ndarray) -> Counts:
        """Return the counts with the rows' new numbers, without those of number -1.

        These counts are spent: their arrays become those of the result.
        """
        from fasttext_lite.features.kernels.rows import renumber_rows

        ids, counts, indptr = self.matrix.ids, self.matrix.weights, self.matrix.indptr
        n = renumber_rows(ids, counts, indptr, numbers)
        return Counts(FeatureMatrix(ids[:n], counts[:n], indptr), self.shares)


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
    first, second = entry_files(folder)
    with open(first, "r+b") as ids_file, open(second, "r+b") as weights_file:
        maps, (ids, weights) = map_files((ids_file, weights_file), int(indptr[-1]))
    return FeatureMatrix(ids, weights, indptr, maps)


def write_array(file: IO[bytes], array: np.ndarray) -> None:
    """Write an array to an open file, as `ndarray.tofile` does, which does not say why it fails."""
    file.write(np.ascontiguousarray(array).view(np.uint8).data)
    file.flush()


def map_files(files: Sequence[IO[bytes]], n: int) -> tuple[tuple[mmap.mmap, ...], list[np.ndarray]]:
    """Map open files of `n` int32 and `n` float32; they may be closed then."""
    maps, arrays = [], []
    for file, dtype in zip(files, (np.int32, np.float32), strict=True):
        size = os.fstat(file.fileno()).st_size
        if size != 4 * n:
            raise OSError(f"{file.name}: {size} bytes, expected {4 * n}")
        if n == 0:
            arrays.append(np.empty(0, dtype))
            continue
        maps.append(system.map_and_hold(file))
        arrays.append(np.frombuffer(maps[-1], dtype))
    return tuple(maps), arrays


def entry_files(folder: str) -> list[str]:
    """Return the paths of the files of rows and of weights in a folder."""
    return [os.path.join(folder, name) for name in ("ids.bin", "weights.bin")]
