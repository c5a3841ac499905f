"""What is added to a record of a file of lines: the bytes of cells, that a kernel joins to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fasttext_lite.filtering.judging import Judge, Verdict
from fasttext_lite.filtering.kernels.joining import LONGEST_SCORE, join_records

Encode = Callable[[str], bytes]


class Cells:
    """The cells that models add to records.

    Parameters
    ----------
    judges : sequence of Judge
    encode : callable
        Returns the bytes of a label.
    none : bytes
        What stands where there is no label.
    heads : sequence of sequence of bytes
        What stands before a cell: for each style of records, for each column.
    """

    def __init__(
        self, judges: Sequence[Judge], encode: Encode, none: bytes, heads: Sequence[Sequence[bytes]]
    ) -> None:
        values: list[bytes] = []
        self._columns: list[tuple[int, int]] = []  # judge, and -1 label, 0 score, 1.. asked
        self._first: list[int] = []  # of the values of each judge
        for number, judge in enumerate(judges):
            self._first.append(len(values))
            values += map(encode, judge.labels)
            n_asked = 0
            for _, kind, label in judge.rule.columns:
                n_asked += bool(label)
                self._columns.append((number, -1 if kind == "label" else n_asked * bool(label)))
        self._values, self._value_ends = _pool([*values, none])
        self._heads, self._head_ends = _pool([head for style in heads for head in style])
        self._is_score = np.array([place >= 0 for _, place in self._columns], bool)
        # Most bytes that are added to a record.
        size = max((len(value) for value in values), default=0)
        longest = max(size, len(none), LONGEST_SCORE)
        self._most = max((sum(map(len, style)) for style in heads), default=0)
        self._most += longest * len(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def arrays(
        self, n_records: int, docs: np.ndarray, verdicts: Sequence[Verdict]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of values, and the scores, by record and column.

        Parameters
        ----------
        n_records : int
        docs : int64[n_docs]
            The record of each text.
        verdicts : sequence of Verdict
        """
        none = self._value_ends.size - 2
        codes = np.full((n_records, len(self)), none, np.int32)
        scores = np.full((n_records, len(self)), np.nan, np.float32)
        for column, (number, place) in enumerate(self._columns):
            verdict = verdicts[number]
            if place < 0:
                labels = verdict.labels
                codes[docs, column] = np.where(labels < 0, none, labels + self._first[number])
            else:
                scores[docs, column] = verdict.scores if not place else verdict.asked[:, place - 1]
        return codes, scores

    def join(
        self,
        data: np.ndarray,
        chosen: np.ndarray,
        bounds: tuple[np.ndarray, np.ndarray, np.ndarray],
        styles: np.ndarray,
        added: tuple[np.ndarray, np.ndarray],
    ) -> bytes:
        """Return chosen records with their cells; see `kernels.joining.join_records`."""
        starts, inserts, stops = bounds
        size = int((stops[chosen] - starts[chosen]).sum()) + self._most * chosen.size
        out = np.empty(size, np.uint8)
        n = join_records(
            data, chosen, starts, inserts, stops, styles, self._heads, self._head_ends,
            self._is_score, *added, self._values, self._value_ends, out,
        )  # fmt: skip
        return out[:n].data  # type: ignore[return-value]


def _pool(pieces: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return pieces as one array, and where each begins and the last ends."""
    ends = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=ends[1:])
    return np.frombuffer(b"".join(pieces), np.uint8), ends


def pool(pieces: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return strings as one array of UTF-8, and where each begins and the last ends."""
    return _pool([piece.encode("utf-8", "surrogatepass") for piece in pieces])
