"""The texts of a session: each different one once, in the file's order, and in a random order."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable

import numpy as np

from fasttext_lite.corpus.texts import Texts

SHOWN = 20_000  # characters of a text that are shown at once
# Texts that the model is asked about, and bytes of theirs: a million cost no more than that.
MOST_WORKED, MOST_WORKED_BYTES = 100_000, 1 << 25
_BREAKS = bytes.maketrans(b"\n\r", b"  ")
_KEY_BYTES = 8


class Pool:
    """Different texts, by number.

    Equal ones are one, blank ones are left out; a line break is a space.

    Parameters
    ----------
    texts : Texts
        To be labelled.
    seed : int
        Of the random order. A text's place in it depends on text and seed alone, so that it stays
        when other texts come or go.
    others : iterable of str
        Texts that are labelled already: those that are new get the next numbers, and are never
        asked.

    Attributes
    ----------
    texts : Texts
    n_asked : int
        The first so many may be asked.
    n_equal, n_blank : int
        Texts that were left out, as they are equal to others, or blank.
    order : int64[n_asked]
        The numbers of these in random order.
    """

    def __init__(self, texts: Texts, seed: int, others: Iterable[str] = ()) -> None:
        self._seed = seed.to_bytes(8, "little", signed=True)
        distinct, keys, self.n_equal, self.n_blank = _distinct(_pieces(texts), self._seed)
        self.n_asked = len(distinct)
        self.order = np.argsort(keys, kind="stable")
        self._sorted = keys[self.order]
        self._data = b"".join(distinct)
        self._bounds = np.append(0, np.cumsum([len(each) for each in distinct], dtype=np.int64))
        self._more: dict[bytes, int] = {}
        pieces = [distinct]
        for other in others:
            piece = flat(other)
            if self.find(other) is None and not is_blank(piece):
                self._more[piece] = self.n_asked + len(self._more)
        pieces.append(list(self._more))
        self._others = pieces[1]
        self.texts = Texts.from_bytes([*distinct, *self._others])

    def __len__(self) -> int:
        return len(self.texts)

    def find(self, text: str) -> int | None:
        """Return the number of a text; None if it is not there."""
        piece = flat(text)
        key = np.frombuffer(_key(piece, self._seed), np.uint64)[0]
        place = int(np.searchsorted(self._sorted, key))
        while place < self._sorted.size and self._sorted[place] == key:
            number = int(self.order[place])
            if self.bytes_of(number) == piece:
                return number
            place += 1
        return self._more.get(piece)

    def bytes_of(self, number: int) -> bytes:
        """Return a text in UTF-8."""
        if number >= self.n_asked:
            return self._others[number - self.n_asked]
        return self._data[self._bounds[number] : self._bounds[number + 1]]

    def text_of(self, number: int) -> str:
        """Return a text."""
        return self.bytes_of(number).decode("utf-8", "surrogatepass")

    def worked_on(self) -> np.ndarray:
        """Return the numbers of the texts that the model is asked about, in random order, int64."""
        some = self.order[:MOST_WORKED]
        sizes = np.cumsum(self._bounds[some + 1] - self._bounds[some])
        return some[: max(int(np.searchsorted(sizes, MOST_WORKED_BYTES, "right")), 1)]


def flat(text: str) -> bytes:
    """Return a text as it is kept: UTF-8, with spaces for line breaks."""
    return text.encode("utf-8", "surrogatepass").translate(_BREAKS)


def is_blank(text: bytes) -> bool:
    """Return whether a text holds white space alone."""
    return max(text, default=0) <= ord(" ")


def _pieces(texts: Texts) -> list[bytes]:
    start, end = int(texts.offsets[0]), int(texts.offsets[-1])
    data = texts.buffer[start:end].tobytes().translate(_BREAKS)
    bounds = (texts.offsets - start).tolist()
    return [data[a:b] for a, b in itertools.pairwise(bounds)]


def _key(piece: bytes, seed: bytes) -> bytes:
    return hashlib.blake2b(piece, digest_size=_KEY_BYTES, key=seed).digest()


def _distinct(pieces: list[bytes], seed: bytes) -> tuple[list[bytes], np.ndarray, int, int]:
    """Return different texts, where they come first, with their keys, and what was left out."""
    seen = dict.fromkeys(pieces)
    n_equal = len(pieces) - len(seen)
    found = [piece for piece in seen if not is_blank(piece)]
    keys = np.frombuffer(b"".join(_key(piece, seed) for piece in found), np.uint64)
    return found, keys, n_equal, len(seen) - len(found)
