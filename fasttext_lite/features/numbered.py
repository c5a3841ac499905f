"""Texts as numbers of words, in memory or in a file: cut and looked up once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np

from fasttext_lite.compiled.arrays import take_ragged
from fasttext_lite.features.matrix import write_array


@dataclass(frozen=True)
class NumberedTexts:
    """Documents whose tokens are numbers of words of a `Vocabulary`.

    Attributes
    ----------
    numbers : int32[n_tokens]
    offsets : int64[n_docs + 1]
        Document i has the tokens numbers[offsets[i]:offsets[i + 1]].
    """

    numbers: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return self.offsets.size - 1


@dataclass
class NumberedPieces:
    """Texts as numbers of words, piece by piece, in memory or in a file.

    Parameters
    ----------
    file : file, optional
        An empty one, in which numbers are kept; default: in memory.
    """

    file: IO[bytes] | None = None
    _pieces: list[NumberedTexts] = field(default_factory=list)

    def append(self, texts: NumberedTexts) -> None:
        """Take one more piece."""
        if self.file is not None:
            write_array(self.file, texts.numbers)
            texts = NumberedTexts(texts.numbers[:0], texts.offsets)
        self._pieces.append(texts)

    def take(self, docs: np.ndarray) -> NumberedTexts:
        """Return some of the texts, by their numbers, which ascend; all stay here."""
        ends = np.cumsum([len(piece) for piece in self._pieces])
        bounds = np.searchsorted(docs, np.append(0, ends))
        numbers, sizes, at = [], [], 0
        for i, piece in enumerate(self._pieces):
            chosen = docs[bounds[i] : bounds[i + 1]] - (ends[i] - len(piece))
            own, n = piece.numbers, int(piece.offsets[-1])
            if self.file is not None and chosen.size:
                self.file.seek(at)
                own = np.fromfile(self.file, np.int32, n)
            at += n * own.itemsize
            if chosen.size:
                indptr, own = take_ragged(piece.offsets, chosen, own)
                numbers.append(own)
                sizes.append(np.diff(indptr))
        offsets = np.append(0, np.cumsum(np.concatenate([np.empty(0, np.int64), *sizes])))
        return NumberedTexts(np.concatenate([np.empty(0, np.int32), *numbers]), offsets)

    def __iter__(self) -> Iterator[NumberedTexts]:
        """Yield the pieces; in memory, they are given up on the way."""
        if self.file is not None:
            self.file.seek(0)
        self._pieces.reverse()
        while self._pieces:
            texts = self._pieces.pop()
            if self.file is not None:
                numbers = np.fromfile(self.file, np.int32, int(texts.offsets[-1]))
                texts = NumberedTexts(numbers, texts.offsets)
            yield texts
