"""What the compiled segmenter and jieba itself share: words that are added, kept and copied."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.segmenter.dictionary import (
    jieba_folder,
    parse_frequency,
    read_bytes,
    read_user_dictionary,
)

FORMAT = 1  # of `to_bytes`
MOST_STATE = 1 << 30  # bytes of an unpacked state
Own = TypeVar("Own", bound="BaseSegmenter")


class BaseSegmenter:
    """What `Segmenter` and `LibrarySegmenter` share: where words come from, and where they go.

    Parameters
    ----------
    dictionary : path or binary file, optional
        Lines of a word, its frequency and maybe a tag; by default jieba's own dictionary.
    user_dictionaries : iterable of paths or of iterables of lines
        Added in turn, see `load_userdict`.

    Attributes
    ----------
    tags : dict of str to str
        Of words that were added.

    Raises
    ------
    InputError
        For a dictionary that cannot be read, with path and line, or if there is no jieba.
    """

    def __init__(self, dictionary: Any = None, user_dictionaries: Iterable[Any] = ()) -> None:
        if dictionary is None:
            self._begin(None, "")
        else:
            self._begin(*_read_dictionary(dictionary))
        for one in user_dictionaries:
            self.load_userdict(one)

    def _begin(self, source: bytes | None, name: str, digest: str = "") -> None:
        """Take the words of a dictionary, or of jieba's own; of no other than has the hash."""
        self._source = source
        if source is None:
            name = str(jieba_folder() / "dict.txt")
        data = read_bytes(name) if source is None else source
        self._digest = hashlib.sha256(data).hexdigest()
        if digest not in ("", self._digest):
            raise ModelError(
                f"the segmenter was made with another dictionary than {name}: install the jieba "
                f"that it was made with"
            )
        self._changes: dict[str, tuple[int, bool]] = {}
        self.tags: dict[str, str] = {}
        self._shared = False
        self._build(data, name)

    def _build(self, data: bytes, name: str) -> None:
        """Take the words of a dictionary."""
        raise NotImplementedError

    def _put(self, word: str, frequency: int, forced: bool) -> None:
        """Give a word a frequency; a forced one is not found as an unknown word from now on."""
        raise NotImplementedError

    @property
    def total(self) -> int:
        """Sum of all frequencies that were ever given."""
        raise NotImplementedError

    @total.setter
    def total(self, total: int) -> None:
        raise NotImplementedError

    def copy(self: Own) -> Own:
        """Return a segmenter of the same words that can be changed by itself."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._changes, other.tags = dict(self._changes), dict(self.tags)
        other._shared = False
        return other

    def lcut(self, sentence: str | bytes, cut_all: bool = False, HMM: bool = True) -> list[str]:
        """Return the words of a text as `jieba.lcut` does.

        Parameters
        ----------
        sentence : str or bytes
            Bytes are UTF-8 or else GBK.
        cut_all : bool
            Whether to return every word of the dictionary that occurs (full mode).
        HMM : bool
            Whether words that the dictionary lacks are found by a hidden Markov model.

        Returns
        -------
        list of str
        """
        raise NotImplementedError

    def lcut_for_search(self, sentence: str | bytes, HMM: bool = True) -> list[str]:
        """Return words and the shorter words in them, as `jieba.lcut_for_search` does."""
        raise NotImplementedError

    def cut(self, sentence: str | bytes, cut_all: bool = False, HMM: bool = True) -> Iterator[str]:
        """Yield what `lcut` returns."""
        yield from self.lcut(sentence, cut_all, HMM)

    def cut_for_search(self, sentence: str | bytes, HMM: bool = True) -> Iterator[str]:
        """Yield what `lcut_for_search` returns."""
        yield from self.lcut_for_search(sentence, HMM)

    def add_word(
        self, word: str | bytes, freq: int | str | None = None, tag: str | None = None
    ) -> None:
        """Add a word to the dictionary, or give it another frequency.

        As in jieba, the sum of all frequencies grows by `freq` and keeps the old one.

        Parameters
        ----------
        word : str or bytes
        freq : int, optional
            By default high enough for the word to be cut out. With 0 it is no word any more,
            and is not found as an unknown word either.
        tag : str, optional
            Kept, not used.

        Raises
        ------
        InputError
            If `freq` is no number, or below 0.
        """
        if self._shared:
            raise InputError("the default segmenter cannot be changed: take a copy() of it")
        word = text_of(word)
        frequency = self.suggest_freq(word) if freq is None else parse_frequency(freq, repr(word))
        forced = frequency == 0 or self._changes.get(word, (0, False))[1]
        self._put(word, frequency, forced)
        self._changes[word] = frequency, forced
        if tag:
            self.tags[word] = tag

    def suggest_freq(self, segment: str | bytes | Iterable[str | bytes], tune: bool = False) -> int:
        """Return a frequency with which a text becomes one word, or is cut as given.

        Parameters
        ----------
        segment : str, or iterable of str
            The word, or the pieces that it should be cut into.
        tune : bool
            Whether to give the word that frequency.

        Returns
        -------
        int
        """
        pieces = None
        if isinstance(segment, str | bytes):
            word = text_of(segment)  # jieba itself takes bytes for pieces, and fails
        else:
            pieces = [text_of(piece) for piece in segment]
            word = "".join(pieces)
        frequency = self._suggest(word, pieces)
        if tune:
            self.add_word(word, frequency)
        return frequency

    def _suggest(self, word: str, pieces: list[str] | None) -> int:
        raise NotImplementedError

    def del_word(self, word: str | bytes) -> None:
        """Take a word out of the dictionary: the same as to add it with frequency 0."""
        self.add_word(word, 0)

    def load_userdict(self, f: Any) -> None:
        """Add the words of a user dictionary: lines of a word, maybe a frequency, maybe a tag.

        Parameters
        ----------
        f : path, or iterable of lines
            UTF-8.

        Raises
        ------
        InputError
            If the file or one of its lines cannot be read; no word was added then.
        """
        self._add_words(read_user_dictionary(f))

    def _add_words(self, entries: Sequence[tuple[str, int | None, str | None]]) -> None:
        """Add words with their frequencies and tags, one after another."""
        for word, frequency, tag in entries:
            self.add_word(word, frequency, tag)

    # -- keeping -------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Return the segmenter as bytes, for a file.

        They hold the words that were added, and a dictionary that is not jieba's own; that one
        they name by its hash.
        """
        state = {
            "format": FORMAT,
            "digest": self._digest,
            "dictionary": None if self._source is None else self._source.decode("utf-8"),
            "total": self.total,
            "words": [[word, *change] for word, change in self._changes.items()],
            "tags": self.tags,
        }
        return zlib.compress(json.dumps(state).encode("ascii"))

    @classmethod
    def from_bytes(cls: type[Own], data: bytes) -> Own:
        """Return the segmenter that `to_bytes` was called on.

        Raises
        ------
        ModelError
            If the bytes are damaged or of a newer version, or if the installed jieba has
            another dictionary.
        """
        segmenter = cls.__new__(cls)
        segmenter.__setstate__({"data": data})
        return segmenter

    def __getstate__(self) -> dict[str, bytes]:
        return {"data": self.to_bytes()}

    def __setstate__(self, state: dict[str, bytes]) -> None:
        content = unpack(state["data"])
        source = content["dictionary"]
        data = None if source is None else source.encode("utf-8")
        self._begin(data, "dictionary", content["digest"])
        for word, frequency, forced in content["words"]:
            self._put(word, frequency, forced)
            self._changes[word] = frequency, forced
        self.total = content["total"]
        self.tags = content["tags"]


def text_of(sentence: Any) -> str:
    """Return a text; bytes are decoded as jieba does, UTF-8 or else GBK without its errors."""
    if isinstance(sentence, str):
        return sentence
    if not isinstance(sentence, bytes | bytearray):
        raise InputError(f"expected a text, got {type(sentence).__name__}: pass a str")
    try:
        return sentence.decode("utf-8")
    except UnicodeDecodeError:
        return sentence.decode("gbk", "ignore")


def _read_dictionary(dictionary: Any) -> tuple[bytes, str]:
    """Return content and name of a dictionary."""
    if not hasattr(dictionary, "read"):
        return read_bytes(dictionary), os.fspath(dictionary)
    data = dictionary.read()
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    return data, str(getattr(dictionary, "name", "dictionary"))


def unpack(data: bytes) -> dict[str, Any]:
    """Return what `to_bytes` packed."""
    try:
        packed = zlib.decompressobj()
        content = json.loads(packed.decompress(data, MOST_STATE))
        if not packed.eof:
            raise ValueError("incomplete")
        version = content["format"]
        if version <= FORMAT:
            words = [
                (str(word), int(freq), bool(forced)) for word, freq, forced in content["words"]
            ]
            if not isinstance(content["dictionary"], str | None):
                raise TypeError("no text")
            if min((frequency for _, frequency, _ in words), default=0) < 0:
                raise ValueError("below 0")
            return {
                "digest": str(content["digest"]),
                "dictionary": content["dictionary"],
                "total": int(content["total"]),
                "words": words,
                "tags": dict(content["tags"]),
            }
    except (zlib.error, ValueError, KeyError, TypeError, RecursionError):
        raise ModelError("the words of a segmenter are damaged: make it anew") from None
    raise ModelError("the segmenter was made by a newer version of fasttext-lite: upgrade it")
