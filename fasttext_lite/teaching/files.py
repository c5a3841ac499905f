"""Texts without labels, read from files of any size: so many of them, chosen at random."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from fasttext_lite.corpus.files import name_of
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.reader import CorpusReader
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError

# What is kept: more texts bring little, and all of them are in memory.
MOST_TEXTS, MOST_BYTES = 500_000, 1 << 28
# Each text has a number for each label while it is learnt from: so many numbers at most.
MOST_CELLS = 1 << 26

logger = logging.getLogger("fasttext_lite")


@dataclass(frozen=True)
class UnlabelledTexts:
    """Texts of files, in their order.

    Attributes
    ----------
    texts : Texts
        None of them blank.
    rows : int64[n_texts]
        The record that each one is, counted over all files.
    n_records : int
        Of all files.
    places : int64[n_texts]
        The place of each one among all texts of the files that are not blank.
    n_found : int
        Such texts.
    notices : list of str
        What the user should know about the files, in a line each.
    """

    texts: Texts
    rows: np.ndarray
    n_records: int
    places: np.ndarray
    n_found: int
    notices: list[str] = field(default_factory=list)


class Thinning:
    """Keeps so many of the texts that come, each with the same chance.

    Every text has a random number; those with the lowest ones stay.

    Parameters
    ----------
    most, most_bytes : int
        Texts that are kept, and bytes of theirs.
    seed : int
    """

    def __init__(self, most: int, most_bytes: int, seed: int) -> None:
        self.most, self.most_bytes = most, most_bytes
        self.rng = np.random.default_rng([seed, 31])
        self.parts: list[tuple[Texts, np.ndarray, np.ndarray]] = []
        self.n = self.n_bytes = 0
        self.limit = 1.0

    def add(self, texts: Texts, rows: np.ndarray) -> None:
        """Take some more texts."""
        numbers = self.rng.random(len(texts))
        chosen = np.flatnonzero(numbers < self.limit)
        if chosen.size < len(texts):
            texts = texts.take(chosen)
        self.parts.append((texts, rows[chosen], numbers[chosen]))
        self.n += chosen.size
        self.n_bytes += int(texts.offsets[-1] - texts.offsets[0])
        if self.n > 2 * self.most or self.n_bytes > 2 * self.most_bytes:
            self._thin()

    def _thin(self) -> None:
        texts, rows, numbers = self._joined()
        sizes = np.diff(texts.offsets)
        order = np.argsort(numbers, kind="stable")
        fits = int(np.searchsorted(np.cumsum(sizes[order]), self.most_bytes, "right"))
        n = max(min(self.most, fits), 1)
        if n < order.size:
            self.limit = float(numbers[order[n]])
            chosen = np.sort(order[:n])
            texts, rows, numbers = texts.take(chosen), rows[chosen], numbers[chosen]
        self.parts = [(texts, rows, numbers)]
        self.n, self.n_bytes = len(texts), int(texts.offsets[-1])

    def _joined(self) -> tuple[Texts, np.ndarray, np.ndarray]:
        if len(self.parts) == 1:
            return self.parts[0]
        buffers = [each.buffer[each.offsets[0] : each.offsets[-1]] for each, _, _ in self.parts]
        sizes = np.concatenate([np.diff(each.offsets) for each, _, _ in self.parts])
        texts = Texts(np.concatenate(buffers), np.append(0, np.cumsum(sizes)))
        rows, numbers = (np.concatenate([part[i] for part in self.parts]) for i in (1, 2))
        return texts, rows, numbers

    def finish(self) -> tuple[Texts, np.ndarray]:
        """Return what is kept, and the rows of these texts."""
        self._thin()
        texts, rows, _ = self.parts[0]
        return texts, rows


def read_unlabelled(
    paths: Sequence[str],
    options: ReadOptions | None = None,
    known: Collection[str] = (),
    *,
    seed: int = 0,
    most: int = MOST_TEXTS,
    most_bytes: int = MOST_BYTES,
) -> UnlabelledTexts:
    """Read texts, whose labels do not count if there are any.

    Parameters
    ----------
    paths : sequence of str
        Files in any format and packing that the reader knows; "-" is standard input.
    options : ReadOptions, optional
    known : collection of str
        The labels of the training, which tell a file with labels from plain text.
    seed : int
        Of the choice, where there are more than are kept.
    most, most_bytes : int
        Texts that are kept at most, and bytes of theirs.

    Raises
    ------
    InputError
        If a file cannot be read or is in another encoding, or there is no text in any.
    """
    kept = Thinning(most, most_bytes, seed)
    notices: list[str] = []
    n_records = n_found = 0
    found: list[np.ndarray] = []
    for path in paths:
        reader, before = CorpusReader(path, options, known=known), (n_records, n_found)
        for chunk in reader:
            texts, rows = chunk.texts, np.arange(n_records, n_records + len(chunk))
            n_records += len(chunk)
            filled = not_blank(texts)
            n_found += filled.size
            found.append(rows[filled])
            kept.add(texts.take(filled) if filled.size < len(texts) else texts, rows[filled])
        reader.reading.check_faults(n_records - before[0])
        notices += [*reader.notices, *_blank_ones(path, n_records, n_found, *before)]
    if not n_found:
        raise InputError(f"{name_of(paths[0])}: no text")
    texts, rows = kept.finish()
    if len(texts) < n_found:
        notices.append(
            f"{len(texts):,} of {n_found:,} unlabelled texts are learnt from, chosen at random"
        )
    places = np.searchsorted(np.concatenate(found), rows)
    return UnlabelledTexts(texts, rows, n_records, places, n_found, notices)


def _blank_ones(path: str, n_records: int, n_found: int, *before: int) -> list[str]:
    """Return a line of the texts of a file that are blank, by the numbers after it and before."""
    n_read, n_filled = n_records - before[0], n_found - before[1]
    if not n_filled:
        return [f"{name_of(path)}: no text"]
    n = n_read - n_filled
    return [f"{name_of(path)}: {n:,} blank text{'s' * (n != 1)} left out"] * (n > 0)


def not_blank(texts: Texts) -> np.ndarray:
    """Return the numbers of the texts that hold more than white space, int64."""
    docs = np.flatnonzero(np.diff(texts.offsets))
    if not docs.size:
        return docs
    # A byte that is no white space is above that: the highest of a text tells.
    end = texts.offsets[-1]
    return docs[np.maximum.reduceat(texts.buffer[:end], texts.offsets[docs]) > ord(" ")]


def bounded(chosen: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    """Return some of the numbers of texts, at random, if all would take too much memory; logged.

    Parameters
    ----------
    chosen : int64[n]
        Ascending.
    n_labels, seed : int
    """
    most = min(MOST_TEXTS, max(MOST_CELLS // n_labels, 1))
    if chosen.size <= most:
        return chosen
    logger.warning(
        "%s of %s unlabelled texts are learnt from, chosen at random: with %s labels, more would "
        "take too much memory", f"{most:,}", f"{chosen.size:,}", f"{n_labels:,}",
    )  # fmt: skip
    return np.sort(np.random.default_rng([seed, 33]).choice(chosen, most, replace=False))


def without_known(texts: Texts, others: Texts) -> np.ndarray:
    """Return the numbers of the other texts that are not among the first, each of equals once."""
    data, bounds = texts.buffer.tobytes(), texts.offsets.tolist()
    seen = {data[a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True)}
    data, bounds = others.buffer.tobytes(), others.offsets.tolist()
    found = []
    for i in range(len(others)):
        text = data[bounds[i] : bounds[i + 1]]
        if text not in seen:
            seen.add(text)
            found.append(i)
    return np.array(found, np.int64)
