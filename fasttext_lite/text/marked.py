"""Texts with a mark for each byte: where tokens begin and end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fasttext_lite.compiled.arrays import take_ragged


@dataclass(frozen=True)
class MarkedTexts:
    """Documents with their token boundaries.

    Attributes
    ----------
    buffer : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    marks : uint8[n_bytes]
        `END` on the last byte of each token, `INSIDE` before it, `OUTSIDE` between tokens.
    """

    buffer: np.ndarray
    offsets: np.ndarray
    marks: np.ndarray

    def __len__(self) -> int:
        return self.offsets.size - 1

    def take(self, chosen: np.ndarray) -> MarkedTexts:
        """Return the chosen documents, in that order."""
        offsets, buffer, marks = take_ragged(self.offsets, chosen, self.buffer, self.marks)
        return MarkedTexts(buffer, offsets, marks)

    @property
    def n_tokens(self) -> int:
        """Number of tokens of all documents."""
        from fasttext_lite.compiled.utf8 import END

        return int(np.count_nonzero(self.marks == END))

    def tokens(self) -> list[list[str]]:
        """Return each document's tokens as strings, for people and tests."""
        from fasttext_lite.compiled.utf8 import END, OUTSIDE

        result = []
        data = self.buffer.tobytes()
        for first, last in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            words, start = [], first
            for i in range(first, last):
                if self.marks[i] == OUTSIDE:
                    start = i + 1
                elif self.marks[i] == END:
                    words.append(data[start : i + 1].decode("utf-8", "surrogatepass"))
                    start = i + 1
            result.append(words)
        return result
