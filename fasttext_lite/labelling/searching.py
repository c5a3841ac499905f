"""Search for words in many texts, whatever their letters' case."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator

from fasttext_lite.labelling.pool import Pool

BLOCK = 1 << 14  # texts that are folded at a time
_END = b"\n"  # no text has one


class Search:
    """Finds texts of a pool by words.

    Parameters
    ----------
    pool : Pool
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._blocks: list[tuple[bytes, list[int]]] = []
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Fold all texts, so that no search has to wait for it."""
        for first in range(0, len(self.pool), BLOCK):
            self._block(first // BLOCK)

    def _block(self, number: int) -> tuple[bytes, list[int]]:
        """Return folded texts, one after another, and where each begins."""
        while len(self._blocks) <= number:
            with self._lock:
                if len(self._blocks) > number:
                    break
                first = BLOCK * len(self._blocks)
                pieces = self.pool.texts.slice(first, first + BLOCK)
                folded = [folded_bytes(text) for text in pieces.to_list()]
                begins, at = [], 0
                for piece in folded:
                    begins.append(at)
                    at += len(piece) + 1
                self._blocks.append((_END.join(folded), begins))
        return self._blocks[number]

    def has(self, number: int, words: list[bytes]) -> bool:
        """Return whether a text has all of some folded words."""
        return not words or _has(folded_bytes(self.pool.text_of(number)), words)

    def find(self, words: list[bytes]) -> Iterator[int]:
        """Yield the numbers of the texts that have all of some folded words, ascending."""
        if not words:
            yield from range(len(self.pool))
            return
        first, *others = sorted(words, key=len, reverse=True)
        for block in range(-(-len(self.pool) // BLOCK)):
            data, begins = self._block(block)
            at = data.find(first)
            while at >= 0:
                place = bisect_right(begins, at) - 1
                end = begins[place + 1] - 1 if place + 1 < len(begins) else len(data)
                if not others or _has(data[begins[place] : end], others):
                    yield block * BLOCK + place
                at = data.find(first, end + 1)


def folded_bytes(text: str) -> bytes:
    """Return a text without the difference of upper and lower case, in UTF-8."""
    return text.casefold().encode("utf-8", "surrogatepass")


def folded_words(words: str) -> list[bytes]:
    """Return the words of a search, folded."""
    return [folded_bytes(word) for word in words.split()]


def _has(data: bytes, words: list[bytes]) -> bool:
    return all(word in data for word in words)
