"""All rows of an audit, whatever parts they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fasttext_lite.auditing.findings import MOST_OTHERS, Place
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts


@dataclass(frozen=True)
class Rows:
    """Texts and labels of one or several parts, one after another.

    Attributes
    ----------
    texts : Texts
    labels : Labels
    sizes : tuple of int
        Rows of each part.
    multilabel : bool
        Whether a text may have several labels, or none.
    """

    texts: Texts
    labels: Labels
    sizes: tuple[int, ...]
    multilabel: bool
    notices: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def strings(self) -> list[str]:
        """The texts as strings."""
        return self.texts.to_list()

    @cached_property
    def named(self) -> list[tuple[str, ...]]:
        """The labels of each row by name, in the order of their numbers."""
        return [tuple(sorted(row)) if len(row) > 1 else row for row in self.labels.rows()]

    @cached_property
    def bounds(self) -> np.ndarray:
        """Where each part begins, and the end, int64[n_parts + 1]."""
        return np.append(0, np.cumsum(self.sizes, dtype=np.int64))

    @cached_property
    def parts(self) -> np.ndarray:
        """The part of each row, int64[n_rows]."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def label_sets(self) -> np.ndarray:
        """A number for the set of labels of each row, int64[n_rows]."""
        numbers: dict[tuple[str, ...], int] = {}
        found = (numbers.setdefault(each, len(numbers)) for each in self.named)
        return np.fromiter(found, np.int64, len(self))

    def place(self, row: int) -> Place:
        """Return where a row is."""
        part = int(self.parts[row])
        return Place(part, int(row - self.bounds[part]))

    def places(self, rows: np.ndarray | list[int]) -> tuple[Place, ...]:
        """Return where some rows are; not all, if they are many."""
        return tuple(self.place(int(row)) for row in rows[:MOST_OTHERS])

    def note(self, notice: str) -> None:
        """Take what is to be said of the audit."""
        self.notices.append(notice)
