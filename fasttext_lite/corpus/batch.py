"""Records that Python parses, on their way to documents; and what teachers say of them."""

from __future__ import annotations

import itertools

import numpy as np

from fasttext_lite.corpus.documents import Documents
from fasttext_lite.corpus.reading import Judgement, Reading, Record
from fasttext_lite.corpus.shares import likeliest_of
from fasttext_lite.corpus.texts import Texts

_NO_WEIGHT, _OTHER_LABEL, _BY_SHARES = "of weight 0", "of another label", "by their shares"


def count_first(counts: dict[str, tuple[int, str]], what: str, where: str) -> None:
    """Count something, with the place where it was first met."""
    n, first = counts.get(what, (0, where))
    counts[what] = (n + 1, first)


class Batch:
    """Records on their way to `Documents`.

    Shares of labels become the likeliest one and a weight here, for all records at once; and what
    weighs 0 goes no further.

    Parameters
    ----------
    reading : Reading
    skipped : dict
        As `Corpus.skipped`, written in place.

    Attributes
    ----------
    size : int
        Bytes of the texts.
    numbers : Numbers
    """

    def __init__(self, reading: Reading, skipped: dict[str, tuple[int, str]]) -> None:
        self.reading, self.skipped = reading, skipped
        self.numbers = Numbers()
        self.others: dict[str, tuple[int, str]] = {}  # what is to be said of labels
        self._clear()

    def _clear(self) -> None:
        self.size = 0
        self.texts: list[bytes] = []
        self.labels: list[tuple[str, ...]] = []
        self.rows: list[int] = []
        self.judged: list[tuple[int, int, Judgement]] = []  # the place here, the line

    def add(self, record: Record, row: int) -> None:
        """Add a record, and its number."""
        judgement = record[4] if len(record) > 4 else None
        if judgement is not None:
            self.judged.append((len(self.texts), record[0], judgement))
        self.labels.append(record[1])
        self.texts.append(record[2])
        self.rows.append(row)
        self.size += len(record[2])

    def move_to(self, docs: Documents) -> tuple[int, np.ndarray]:
        """Add all records to `docs`, but those of weight 0; begin anew.

        Returns
        -------
        int
            How many were added.
        rows : int64
            Their numbers.
        """
        weights = self._settle() if self.judged else None
        texts, labels, docs.seen = self.texts, self.labels, None
        rows = np.array(self.rows, np.int64)
        if weights is not None and not weights.all():
            docs.seen = Texts.from_bytes(texts)
            kept = np.flatnonzero(weights).tolist()
            texts, labels = [texts[i] for i in kept], [labels[i] for i in kept]
            weights, rows = weights[kept], rows[kept]
        docs.extend(texts, [self.numbers[each] for each in labels], weights)
        self._clear()
        return len(texts), rows

    def _settle(self) -> np.ndarray | None:
        """Give records with shares their likeliest label; return what all of them weigh."""
        weights = np.ones(len(self.texts))
        for i, line, judgement in self.judged:
            weights[i] = judgement.weight
            if not judgement.weight:
                count_first(self.skipped, _NO_WEIGHT, f"{self.reading.where}:{line}")
        shared = [each for each in self.judged if each[2].names]
        sizes = [len(judgement.names) for _, _, judgement in shared]
        values = itertools.chain.from_iterable(judgement.shares for _, _, judgement in shared)
        ids, factors = likeliest_of(
            np.fromiter(values, np.float64, sum(sizes)), np.append(0, np.cumsum(sizes, dtype=int))
        )
        for (i, line, judgement), k in zip(shared, ids.tolist(), strict=True):
            found = (judgement.names[k],)
            labels, self.labels[i] = self.labels[i], found
            if labels and labels != found and judgement.weight:
                count_first(self.others, _OTHER_LABEL, f"{self.reading.where}:{line}")
            elif self.reading.judges:
                count_first(self.others, _BY_SHARES, f"{self.reading.where}:{line}")
        weights[[i for i, _, _ in shared]] *= factors
        return None if self.reading.judges else weights

    def say(self) -> None:
        """Say how many records had other labels than shares, or none where they are measured."""
        n, first = self.others.get(_OTHER_LABEL, (0, ""))
        if n:
            self.reading.say(
                f"{n:,} record{'s' * (n != 1)} with a label that is not the likeliest of "
                f"the probabilities: these count (first: {first})"
            )
        n, first = self.others.get(_BY_SHARES, (0, ""))
        if n:
            self.reading.say(
                f"{n:,} text{'s' * (n != 1)} without a label, measured by the likeliest of the "
                f"probabilities (first: {first})"
            )


class Numbers(dict[tuple[str, ...], list[int]]):
    """The numbers of labels, each but once, by their names; names are numbered as they come."""

    def __init__(self) -> None:
        self.of_name: dict[str, int] = {}

    def __missing__(self, labels: tuple[str, ...]) -> list[int]:
        of_name = self.of_name
        found = [of_name.setdefault(name, len(of_name)) for name in dict.fromkeys(labels)]
        if len(self) < 1 << 16:
            self[labels] = found
        return found
