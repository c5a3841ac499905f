"""Documents and labels while they are read: in arrays that grow, and as chunks of a file."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.corpus.texts import Texts


@dataclass(frozen=True)
class LabelledChunk:
    """Some documents of a file with their labels, in its order.

    Attributes
    ----------
    texts : Texts
    ids : int32[n_label_occurrences]
        Label of document i: ``ids[indptr[i]:indptr[i + 1]]``; the labels of the file are
        numbered in the order of their first occurrence.
    indptr : int64[n_docs + 1]
    raw : list, optional
        The records as they stand in the file, where they were asked for: the line of each (bytes),
        or the fields of a table (list of str).
    block : bytes, optional
        With `raw`, of a format that compiled code parses: the lines with their ends.
    weights : float64[n_docs], optional
        How much each document counts in training, above 0; None where nothing says so.
    rows : int64[n_docs], optional
        The record that each document is, where that was asked for.
    """

    texts: Texts
    ids: np.ndarray
    indptr: np.ndarray
    raw: list[Any] | None = None
    block: bytes | None = None
    weights: np.ndarray | None = None
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.texts)


class Documents:
    """Documents and label numbers in arrays that grow at their end.

    Attributes
    ----------
    n_docs, n_ids, n_bytes : int
    text : uint8[at least n_bytes]
    offsets, indptr : int64[above n_docs]
    ids : int32[at least n_ids]
    weights : float64[n_docs], optional
    rows : list of int64
        Records that the documents are, where that was asked for.
    seen : Texts, optional
        The documents that were added last with those that weigh 0, where there are any.
    """

    def __init__(self) -> None:
        self.seen: Texts | None = None
        self.clear()

    def clear(self) -> None:
        """Begin anew, in new arrays."""
        self.n_docs = self.n_ids = self.n_bytes = 0
        self.text = np.empty(0, np.uint8)
        self.offsets, self.indptr = np.zeros(1025, np.int64), np.zeros(1025, np.int64)
        self.ids = np.empty(1024, np.int32)
        self.raw: list[Any] | None = None
        self.block: bytes | None = None
        self.weights: np.ndarray | None = None
        self.rows: list[np.ndarray] = []

    def reserve(self, n_bytes: int, n_docs: int = 0, n_ids: int = 0) -> None:
        """Make room for more bytes, documents and label numbers."""
        if self.n_bytes == 0 and self.text.size < n_bytes:
            self.text = np.empty(n_bytes, np.uint8)
        # By an eighth more than needed: what `resize` adds is set to zero, so it takes memory.
        _grow(self.text, self.n_bytes + n_bytes, 8)
        _grow(self.offsets, self.n_docs + n_docs + 1, 2)
        _grow(self.indptr, self.n_docs + n_docs + 1, 2)
        _grow(self.ids, self.n_ids + n_ids, 2)

    def extend(
        self, texts: list[bytes], ids: list[list[int]], weights: np.ndarray | None = None
    ) -> None:
        """Add documents, their labels, and what they weigh if that is not 1."""
        if weights is not None or self.weights is not None:
            before = np.ones(self.n_docs) if self.weights is None else self.weights
            fresh = np.ones(len(texts)) if weights is None else weights
            self.weights = np.concatenate([before, fresh])
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
        chunk = LabelledChunk(
            Texts(self.text, self.offsets), self.ids, self.indptr, self.raw, self.block,
            self.weights, np.concatenate(self.rows) if self.rows else None,
        )  # fmt: skip
        self.clear()
        return chunk


def _grow(array: np.ndarray, size: int, share: int) -> None:
    """Make an array longer in its place if it must be, and then by 1 / `share` more."""
    if array.size < size:
        array.resize(size + size // share, refcheck=False)  # nobody else holds it


class Names:
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

    def since(self, first: int) -> list[str]:
        """Return the names from a number on."""
        bounds = self.ends[first : self.n + 1].tolist()
        data = self.pool[bounds[0] : bounds[-1]].tobytes()
        ends = [end - bounds[0] for end in bounds]
        return [data[a:b].decode() for a, b in itertools.pairwise(ends)]
