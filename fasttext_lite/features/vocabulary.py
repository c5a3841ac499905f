"""The words of texts, counted chunk by chunk, and pools: the bytes of words one after another."""

from __future__ import annotations

from typing import Any

import numpy as np

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.config.fields import Config
from fasttext_lite.config.scripts import SCRIPTS
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.numbered import NumberedTexts
from fasttext_lite.parallel import run_ranges
from fasttext_lite.text.kernels import words as kernels
from fasttext_lite.text.marked import MarkedTexts

EOS = b"</s>"
WORD_BYTES = 24  # of a word on average, where their number is limited
_GATHERED = 1 << 17  # words copied at a time

# Bytes of text whose words are looked up before the new ones are entered.
LEAST_STEP, MOST_STEP = 1 << 16, 1 << 24


class Vocabulary:
    """The words of texts with their number of occurrences, counted chunk by chunk.

    With a limit, rare words are dropped when it is reached, down to half of it, by lossy counting
    (G. S. Manku, R. Motwani: Approximate Frequency Counts over Data Streams, 2002): a word that is
    new counts from then on, and `missed`, the most that any dropped word can have occurred, is
    what it may have occurred before. Words are dropped whose count and what they may have missed
    are at most the new `missed`. That is at most 2 n_tokens / (most_words - 1), unless the limit of
    bytes is reached before that of words: whenever it grows by some number, half of `most_words`
    words and more have occurred that often since (J. Misra, D. Gries: Finding Repeated Elements,
    1982).

    Parameters
    ----------
    most_words : int, optional
        At most so many words are held, but for those of one step; default: any number.

    Attributes
    ----------
    missed : int
        By how much the count of a word is too low, at most; words that occurred more often than
        this, and `Config.min_count` on top, are among `words`.
    """

    def __init__(self, most_words: int | None = None) -> None:
        self.n_words = self.n_tokens = self.n_texts = self.missed = self._n_bytes = 0
        self.most_words = None if most_words is None else max(most_words, 2)
        # Of each word up to some time what it may have missed; of those since then `missed`.
        self._before = np.empty(0, np.int64)
        self._pool = np.empty(0, np.uint8)
        self._offsets = np.empty((0, 2), np.int64)
        self._counts = np.empty(0, np.int64)
        self._table = np.empty(0, np.int32)
        most = 1 << 15 if self.most_words is None else min(self.most_words, 1 << 15)
        self._enlarge(most, 4 * most)

    def _enlarge(self, n_words: int, n_bytes: int) -> None:
        """Make room for as many words, of as many bytes together."""
        if n_bytes > self._pool.size:
            self._pool = _enlarge(self._pool, n_bytes)
        if n_words > self._counts.size:
            self._offsets = _enlarge(self._offsets, n_words)
            self._counts = _enlarge(self._counts, n_words)
            # The table is twice as large as the words that the other two can hold.
            self._table = empty_table(2 * n_words)
            pool = read_only(self._pool)  # as the kernel is compiled for
            kernels.insert_words(pool, self._offsets, self.n_words, self._table)

    def add(self, texts: MarkedTexts, n_threads: int = 1) -> NumberedTexts:
        """Count the tokens of some more texts and number them.

        Threads look words up in what is known, then the new ones are entered in turn: numbers do
        not depend on the threads. That is done in steps which grow as the words do.

        Parameters
        ----------
        texts : MarkedTexts
        n_threads : int

        Returns
        -------
        NumberedTexts
        """
        marks, offsets = texts.marks, texts.offsets
        n_tokens = np.empty(len(texts), np.int64)

        def count(first: int, last: int) -> None:
            kernels.count_tokens(marks, offsets, first, last, n_tokens)

        run_ranges(count, len(texts), n_threads)
        starts = np.append(0, np.cumsum(n_tokens))
        numbers = np.empty(starts[-1], np.int32)
        first = 0
        while first < len(texts):
            end = int(offsets[first]) + self._step()
            last = max(first + 1, int(np.searchsorted(offsets, end, "right")) - 1)
            self._number(texts, first, last, starts, numbers, n_threads)
            self._n_bytes += int(offsets[last] - offsets[first])
            first = last
        self.n_texts += len(texts)
        self.n_tokens += numbers.size
        return NumberedTexts(numbers, starts)

    def _step(self) -> int:
        """Return how many bytes of text are looked up at a time: their new words must have room."""
        if self.most_words is not None:
            return min(self.most_words // 4, MOST_STEP)
        return min(max(self._n_bytes, LEAST_STEP), MOST_STEP)

    def _number(
        self,
        texts: MarkedTexts,
        first: int,
        last: int,
        starts: np.ndarray,
        numbers: np.ndarray,
        n_threads: int,
    ) -> None:
        """Write the numbers of the tokens of texts `first` to `last` - 1, and count them."""
        text, marks, offsets = texts.buffer, texts.marks, texts.offsets
        origin = int(offsets[first])
        if offsets[last] - origin > kernels.MOST_BYTES:
            raise TrainingError("a text has more than 2 GB: cut it into several")

        def number(a: int, b: int) -> None:
            kernels.number_tokens(
                text, marks, offsets, first + a, first + b, self._table, read_only(self._pool),
                self._offsets, starts, origin, numbers,
            )  # fmt: skip

        run_ranges(number, last - first, n_threads)
        at, end = int(starts[first]), int(starts[last])
        if self.most_words is not None:
            n_new = int(np.count_nonzero(numbers[at:end] < 0))
            n_bytes = self._n_pool + int(offsets[last]) - origin
            if self._is_full(n_new, n_bytes) and self._prune():  # words have other numbers now
                run_ranges(number, last - first, n_threads)
                n_new = int(np.count_nonzero(numbers[at:end] < 0))
                n_bytes = self._n_pool + int(offsets[last]) - origin
            self._enlarge(*self._rooms(self.n_words + n_new, n_bytes))
        while at < end:
            at, self.n_words, n_bytes = kernels.enter_words(
                text, marks, origin, numbers, at, end, self._table, self._pool, self._offsets,
                self._counts, self.n_words,
            )  # fmt: skip
            if at < end:
                self._enlarge(
                    _room(self.n_words + 1, self._counts.size),
                    _room(self._n_pool + n_bytes, self._pool.size),
                )

    @property
    def _n_pool(self) -> int:
        """Bytes of the words."""
        return int(self._offsets[self.n_words - 1, 1]) if self.n_words else 0

    def join(self, other: Vocabulary) -> None:
        """Add what another vocabulary has counted, as if its texts followed these."""
        bounds = other._offsets[: other.n_words]
        n_words, n_bytes = self.n_words + other.n_words, 0
        for each in (self, other):
            n_bytes += int(each._offsets[each.n_words - 1, 1]) if each.n_words else 0
        self._enlarge(_room(n_words, self._counts.size), _room(n_bytes, self._pool.size))
        self.n_words = int(
            kernels.add_words(
                read_only(other._pool), bounds, other._counts[: other.n_words],
                self._table, self._pool, self._offsets, self._counts, self.n_words,
            )
        )  # fmt: skip
        self.n_tokens += other.n_tokens
        self.n_texts += other.n_texts

    def of_words(self, words: np.ndarray, counts: np.ndarray, n_texts: int) -> Vocabulary:
        """Return a vocabulary of some of the words, in this order, with other counts of them.

        Parameters
        ----------
        words : int64[n]
            Their numbers.
        counts : int64[n]
        n_texts : int
        """
        pool, ends = gather_words(self._pool, self._offsets[words])
        made = Vocabulary()
        n_tokens = int(counts.sum())
        made.__setstate__((words.size, n_tokens, n_texts, pool, word_bounds(ends), counts))
        return made

    def __getstate__(self) -> tuple[Any, ...]:
        """Return the words and their numbers, without the room for more."""
        n = self.n_words
        n_bytes = int(self._offsets[n - 1, 1]) if n else 0
        words = self._pool[:n_bytes], self._offsets[:n], self._counts[:n]
        return n, self.n_tokens, self.n_texts, *words

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.n_words, self.n_tokens, self.n_texts, *arrays = state
        self._pool, self._offsets, self._counts = arrays
        self.missed, self.most_words, self._n_bytes = 0, None, self._pool.size
        self._before = np.empty(0, np.int64)
        self._table = empty_table(2 * max(self.n_words, 1))
        kernels.insert_words(read_only(self._pool), self._offsets, self.n_words, self._table)

    def _is_full(self, n_new: int, n_bytes: int) -> bool:
        """Return whether words must be dropped before there is room for more."""
        most = self.most_words
        return most is not None and (self.n_words + n_new > most or n_bytes > WORD_BYTES * most)

    def _rooms(self, n_words: int, n_bytes: int) -> tuple[int, int]:
        """Return for how many words and bytes to make room, where so many are needed."""
        words, bytes_ = _room(n_words, self._counts.size), _room(n_bytes, self._pool.size)
        if self.most_words is not None:  # no more than the limits, if that is enough
            words = max(n_words, min(words, self.most_words))
            bytes_ = max(n_bytes, min(bytes_, WORD_BYTES * self.most_words))
        return words, bytes_

    def _prune(self) -> bool:
        """Drop rare words, so that half of the words and bytes are left at most; whether any."""
        assert self.most_words is not None
        n = self.n_words
        before = np.full(n, self.missed)
        before[: self._before.size] = self._before
        offsets, most = self._offsets[:n], self._counts[:n] + before
        sizes = offsets[:, 1] - offsets[:, 0]
        order = np.lexsort((sizes, -most))
        sizes = np.cumsum(sizes[order])
        n_kept = min(
            self.most_words // 2,
            int(np.searchsorted(sizes, WORD_BYTES * self.most_words // 2, "right")),
        )
        if n_kept == n:
            return False
        self.missed = max(self.missed, int(most[order[n_kept]]))
        kept = np.sort(order[:n_kept])
        self._before = before[kept]
        pool, ends = gather_words(self._pool, offsets[kept])
        self.n_words = kept.size
        self._counts[: kept.size] = self._counts[kept]
        self._offsets[: kept.size] = word_bounds(ends)
        self._pool[: pool.size] = pool
        self._table[:] = -1
        kernels.insert_words(read_only(self._pool), self._offsets, self.n_words, self._table)
        return True

    def forget(self) -> None:
        """Give the memory of the words back; their numbers stay."""
        self._pool, self._offsets = np.empty(0, np.uint8), np.empty((0, 2), np.int64)
        self._counts, self._table = np.empty(0, np.int64), np.empty(0, np.int32)
        self._before = np.empty(0, np.int64)

    def script_shares(self) -> dict[str, float]:
        """Return the share of the tokens that begin with a character of each of `SCRIPTS`."""
        # As numbers, the first four bytes of words have the order of their first characters.
        starts, ends = self._offsets[: self.n_words].T
        first = np.zeros(self.n_words, np.uint32)
        for i in range(4):
            at = starts + i
            byte = self._pool[np.minimum(at, self._pool.size - 1)]
            first = first << np.uint32(8) | np.where(at < ends, byte, 0).astype(np.uint32)
        shares = {}
        for script in SCRIPTS.values():
            inside = np.zeros(self.n_words, bool)
            for low, high in script.ranges:
                inside |= (first >= _padded(low, b"\0")) & (first <= _padded(high, b"\xff"))
            n_tokens = int(self._counts[: self.n_words][inside].sum())
            shares[script.name] = n_tokens / max(self.n_tokens, 1)
        return shares

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a pool, uint8, the bounds of the words in it, int64[n_words, 2], and counts."""
        return self._pool, self._offsets[: self.n_words], self._counts[: self.n_words]

    def words(self, config: Config) -> tuple[np.ndarray, np.ndarray]:
        """Return the words that occur `Config.min_count` times, most frequent first.

        Returns
        -------
        pool : uint8[n_pool_bytes]
            Their bytes, one after another; with </s>, once a text, if `Config.eos` is set.
        word_ends : int64[n_words]
        """
        pool, bounds = self._pool, self._offsets[: self.n_words]
        counts = self._counts[: self.n_words].copy()
        if config.eos:
            place = find_eos(pool, bounds)
            if place >= 0:
                counts[place] += self.n_texts
            else:
                end = int(bounds[-1, 1]) if self.n_words else 0
                pool = np.append(pool[:end], np.frombuffer(EOS, np.uint8))
                bounds = np.append(bounds, [[end, pool.size]], axis=0)
                counts = np.append(counts, self.n_texts)
        keep = np.flatnonzero(counts >= config.min_count)
        keep = keep[np.argsort(-counts[keep], kind="stable")]
        return gather_words(pool, bounds[keep])


def _padded(code: int, byte: bytes) -> int:
    """Return a character's UTF-8 as a number, filled up to four bytes."""
    return int.from_bytes(chr(code).encode("utf-8", "surrogatepass").ljust(4, byte), "big")


def empty_table(n: int) -> np.ndarray:
    """Return an empty hash table of at least `n` places, int32[a power of two], see `find_word`."""
    capacity = 1 << max(int(n - 1).bit_length(), 4)
    return np.full(capacity, -1, np.int32)


def word_bounds(word_ends: np.ndarray) -> np.ndarray:
    """Return where each word of a pool begins and ends, int64[n_words, 2]."""
    offsets = np.empty((word_ends.size, 2), np.int64)
    offsets[:1, 0] = 0
    offsets[1:, 0] = word_ends[:-1]
    offsets[:, 1] = word_ends
    return offsets


def words_in(pool: np.ndarray, word_ends: np.ndarray) -> list[bytes]:
    """Return the words of a pool one by one."""
    data = pool.tobytes()
    return [data[a:b] for a, b in word_bounds(word_ends).tolist()]


def gather_words(text: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Copy the words text[bounds[i, 0]:bounds[i, 1]] together; return a pool and its ends."""
    sizes = bounds[:, 1] - bounds[:, 0]
    ends = np.cumsum(sizes)
    pool = np.empty(ends[-1] if ends.size else 0, np.uint8)
    for first in range(0, len(bounds), _GATHERED):  # positions take eight bytes for each of one
        part = slice(first, first + _GATHERED)
        begin, size = ends[part] - sizes[part], sizes[part]
        positions = np.arange(begin[0], begin[-1] + size[-1])
        positions += np.repeat(bounds[part, 0] - begin, size)
        np.take(text, positions, out=pool[begin[0] : begin[-1] + size[-1]], mode="clip")
    return pool, ends


def find_eos(pool: np.ndarray, bounds: np.ndarray) -> int:
    """Return the number of the word </s>, -1 if it is none.

    Parameters
    ----------
    pool : uint8[]
    bounds : int64[n_words, 2]
    """
    # Among the words of its length: a list of all words takes long where there are many.
    starts, ends = bounds.T
    near = np.flatnonzero(ends - starts == len(EOS))
    alike = np.ones(near.size, bool)
    for i, sign in enumerate(EOS):
        alike &= pool[starts[near] + i] == sign
    found = near[alike]
    return int(found[0]) if found.size else -1


def _enlarge(array: np.ndarray, size: int) -> np.ndarray:
    """Return a copy with room for more; what is not used costs no memory."""
    larger = np.empty((size, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


def _room(needed: int, there: int) -> int:
    """Return the size of a table that must hold `needed` and has room for `there`."""
    return there if needed <= there else 2 * needed
