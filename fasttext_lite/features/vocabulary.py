"""The words of texts, counted chunk by chunk, and pools: the bytes of words one after another."""

from __future__ import annotations

from typing import Any

import numpy as np

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.compiled.utf8 import END
from fasttext_lite.config.fields import Config
from fasttext_lite.config.scripts import SCRIPTS
from fasttext_lite.text.kernels import words as kernels
from fasttext_lite.text.marked import MarkedTexts

EOS = b"</s>"


class Vocabulary:
    """The words of texts with their number of occurrences, counted chunk by chunk."""

    def __init__(self) -> None:
        self.n_words = self.n_tokens = self.n_texts = 0
        self._pool = np.empty(0, np.uint8)
        self._offsets = np.empty((0, 2), np.int64)
        self._counts = np.empty(0, np.int64)
        self._table = np.empty(0, np.int32)
        self._enlarge(1 << 15, 1 << 17)

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

    def add(self, texts: MarkedTexts) -> None:
        """Count the tokens of some more texts."""
        doc = 0
        self.n_texts += len(texts)
        while True:
            doc, self.n_words, n_tokens = kernels.count_words(
                texts.buffer, texts.marks, texts.offsets, doc,
                self._table, self._pool, self._offsets, self._counts, self.n_words,
            )  # fmt: skip
            self.n_tokens += n_tokens
            if doc == len(texts):
                break
            first, last = int(texts.offsets[doc]), int(texts.offsets[doc + 1])
            n_new = int(np.count_nonzero(texts.marks[first:last] == END))
            n_bytes = int(self._offsets[self.n_words - 1, 1]) if self.n_words else 0
            n_bytes += last - first
            self._enlarge(
                _room(self.n_words + n_new, self._counts.size), _room(n_bytes, self._pool.size)
            )

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

    def __getstate__(self) -> tuple[Any, ...]:
        """Return the words and their numbers, without the room for more."""
        n = self.n_words
        n_bytes = int(self._offsets[n - 1, 1]) if n else 0
        words = self._pool[:n_bytes], self._offsets[:n], self._counts[:n]
        return n, self.n_tokens, self.n_texts, *words

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.n_words, self.n_tokens, self.n_texts, *arrays = state
        self._pool, self._offsets, self._counts = arrays
        self._table = empty_table(2 * max(self.n_words, 1))
        kernels.insert_words(read_only(self._pool), self._offsets, self.n_words, self._table)

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

    def words(self, config: Config) -> tuple[np.ndarray, np.ndarray]:
        """Return the words that occur `Config.min_count` times, most frequent first.

        Returns
        -------
        pool : uint8[n_pool_bytes]
            Their bytes, one after another; with </s>, once a text, if `Config.eos` is set.
        word_ends : int64[n_words]
        """
        pool, ends = gather_words(self._pool, self._offsets[: self.n_words])
        counts = self._counts[: self.n_words].copy()
        if config.eos:
            words = words_in(pool, ends)
            if EOS in words:
                counts[words.index(EOS)] += self.n_texts
            else:
                pool = np.append(pool, np.frombuffer(EOS, np.uint8))
                ends = np.append(ends, pool.size)
                counts = np.append(counts, self.n_texts)
        keep = np.flatnonzero(counts >= config.min_count)
        keep = keep[np.argsort(-counts[keep], kind="stable")]
        return gather_words(pool, word_bounds(ends)[keep])


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
    positions = np.arange(ends[-1] if ends.size else 0)
    return text[positions + np.repeat(bounds[:, 0] - (ends - sizes), sizes)], ends


def _enlarge(array: np.ndarray, size: int) -> np.ndarray:
    """Return a copy with room for more; what is not used costs no memory."""
    larger = np.empty((size, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


def _room(needed: int, there: int) -> int:
    """Return the size of a table that must hold `needed` and has room for `there`."""
    return there if needed <= there else 2 * needed
