"""A promise of how much memory this process takes, and each stage's share of it.

Memory belongs to the process, so there is one promise for all of it. Stages that could take more
ask here how much they may; without a promise they take what suits them.

What is reserved is the interpreter with NumPy and compiled code, and what a stage works on at a
time, whatever the size of the texts. The rest goes first to the words that are counted, then to
those that are kept, the rows of features with their weights, and the windows that texts are
visited in; numbers of each text, and features, lie in files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from fasttext_lite import system
from fasttext_lite.errors import SettingError

RESERVED, LEAST = 260_000_000, 300_000_000

# Bytes of a word that is counted, while the tables grow; of a row, beside its weights.
WORD_BYTES, ROW_BYTES = 120, 72
WORDS_SHARE = 0.4  # of what is free, for words that are counted; those that are kept take half


@dataclass(frozen=True)
class Promise:
    """How much memory a process is to take.

    Attributes
    ----------
    total : int
        Bytes.

    Raises
    ------
    SettingError
        If it is less than what is possible.
    """

    total: int

    def __post_init__(self) -> None:
        if self.total < LEAST:
            small = self.total < 1_000_000
            given = f"{self.total:,} bytes" if small else f"{self.total // 10**5 / 10:g} MB"
            raise SettingError(
                f"--memory: {given} are too few: the least is "
                f"{LEAST / 1e6:.0f}M, most of it for Python and compiled code"
            )

    @property
    def free(self) -> int:
        """Bytes for what grows with the texts."""
        return self.total - RESERVED

    @property
    def words(self) -> int:
        """Words that are counted at most."""
        return int(WORDS_SHARE * self.free / WORD_BYTES)

    @property
    def window(self) -> int:
        """Bytes of a window of features; four are there at a time."""
        return self.free // 20

    @property
    def line(self) -> int:
        """Bytes of the longest line that can be read: marks and codes take many times as much."""
        return max(self.free // 20, 1 << 21)

    @property
    def listed(self) -> int:
        """Bytes of a list of the documents that have some features."""
        return self.free // 6

    @property
    def scores(self) -> int:
        """Scores of texts by labels that a calibration is fitted on: copies of eight bytes each."""
        return self.free // 160

    def spilled(self, least: int) -> int:
        """Return the bytes of texts from which features lie in files, `least` without a promise."""
        return min(least, self.free // 40)

    def rows(self, weight_bytes: int, n_words: int, others: int = 0) -> int:
        """Return how many rows a table may have.

        Parameters
        ----------
        weight_bytes : int
            Of a row, with the optimizer's state.
        n_words : int
            Words that are kept.
        others : int
            Bytes of the other tables.
        """
        left = self.free - others - n_words * WORD_BYTES // 2 - 4 * self.window
        return max(left // (weight_bytes + ROW_BYTES), 1)

    def sampled(self, weight_bytes: int, n_threads: int) -> int:
        """Return how many entries of texts settings are tried on, by a model for each thread."""
        return max(int(self.free / 2 / (0.3 * n_threads * weight_bytes + 24)), 1)


_PROMISES: list[Promise] = []


def promised() -> Promise | None:
    """Return the promise that holds now."""
    return _PROMISES[-1] if _PROMISES else None


@contextlib.contextmanager
def promise(total: int | None) -> Iterator[Promise | None]:
    """Let stages keep a promise; None for none.

    Raises
    ------
    SettingError
        If it is less than what is possible.
    """
    if total is None:
        yield None
        return
    _PROMISES.append(Promise(total))
    system.return_memory_at_once()
    try:
        yield _PROMISES[-1]
    finally:
        _PROMISES.pop()
