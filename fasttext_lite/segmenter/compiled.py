"""Cut Chinese text into words: jieba 0.42.1, compiled, equal to the last token.

`Segmenter` has the methods of `jieba.Tokenizer` and, for whole data sets, `mark`, which writes
token boundaries and no strings.  It reads the dictionary and the model of unknown words of the
installed jieba.  What was compared with jieba 0.42.1 holds for that version only:
`Segmenter.default` hands out a `LibrarySegmenter`, which calls jieba itself, for any other.

Left out: paddle mode, part-of-speech tags (they are kept, not used), parallel processes.
"""

from __future__ import annotations

import io
import itertools
import logging
import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.errors import InputError
from fasttext_lite.parallel import run_ranges
from fasttext_lite.segmenter.base import BaseSegmenter, text_of
from fasttext_lite.segmenter.dictionary import (
    VERIFIED,
    WordTable,
    jieba_folder,
    jieba_version,
    read_model,
)
from fasttext_lite.segmenter.kernels import adding, cutting, trie
from fasttext_lite.segmenter.library import LibrarySegmenter

DOCS_AT_ONCE = 4096  # whose words are made into strings together
WORDS_AT_ONCE, LEAST_AT_ONCE = 1 << 16, 64  # of a user dictionary, in compiled code
RANGES = 8  # for each thread
LEAST_RANGE = 1024  # documents
SCRATCH = 2048  # characters that are cut together

# jieba's class of characters, white space, letters, and a line of a user dictionary.
_BLOCK = re.compile("([\u4e00-\u9fd5a-zA-Z0-9+#&._%-]+)")
_PLAIN = re.compile("[\u4e00-\u9fd5a-zA-Z0-9+#&._%-]+")
_SPACE = re.compile(r"(\r\n|\s)")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_logger = logging.getLogger("fasttext_lite")


class Segmenter(BaseSegmenter):
    """A compiled tokenizer with the words of jieba.

    Parameters
    ----------
    dictionary : path or binary file, optional
        Lines of a word, its frequency and maybe a tag; by default jieba's own dictionary.
    user_dictionaries : iterable of paths or of iterables of lines
        Added in turn, see `load_userdict`.

    Raises
    ------
    InputError
        For a dictionary that cannot be read, with path and line, or if there is no jieba.

    Notes
    -----
    Many threads may segment with one object; words may be added while no other thread does.

    Examples
    --------
    >>> Segmenter().lcut("我来到北京清华大学")
    ['我', '来到', '北京', '清华大学']
    """

    def _build(self, data: bytes, name: str) -> None:
        self._table = WordTable.read(data, name)
        self._model = _model_of(jieba_folder())

    @classmethod
    def default(cls) -> Segmenter | LibrarySegmenter:
        """Return the segmenter with jieba's own dictionary, the same object each time.

        It cannot be changed: take a `copy` to add words. Where the installed jieba is not the
        version that was compared, this is a `LibrarySegmenter`, and a warning is logged once.
        """
        return _default()

    @staticmethod
    def of_words(dictionary: bytes) -> Segmenter | LibrarySegmenter:
        """Return a segmenter of another main dictionary, see `default`.

        Parameters
        ----------
        dictionary : bytes
            Lines of a word, its frequency and maybe a tag.
        """
        segmenter = _class_of_installed()(io.BytesIO(dictionary))
        segmenter._shared = True
        return segmenter

    def copy(self) -> Segmenter:
        """Return a segmenter of the same words that can be changed by itself."""
        other = super().copy()
        other._table = self._table.copy()
        return other

    def _put(self, word: str, frequency: int, forced: bool) -> None:
        self._table.set(word, frequency)
        if forced:
            self._table.force_split(word)

    def _add_words(self, entries: Sequence[tuple[str, int | None, str | None]]) -> None:
        """Add words: where many plain ones come in a row, in compiled code."""
        for is_plain, group in itertools.groupby(entries, _is_plain):
            run = list(group)
            for begin in range(0, len(run), WORDS_AT_ONCE):
                part = run[begin : begin + WORDS_AT_ONCE]
                if is_plain and len(part) >= LEAST_AT_ONCE and not self._shared:
                    self._add_plain(part)
                else:
                    super()._add_words(part)

    def _add_plain(self, entries: Sequence[tuple[str, int | None, str | None]]) -> None:
        """Add words of jieba's class, none of them with the frequency 0."""
        words = [word.encode() for word, _, _ in entries]
        wanted = np.array([-1 if known is None else known for _, known, _ in entries], np.int64)
        done = self._table.add(words, wanted, self._model)
        for (word, _, tag), frequency in zip(entries[:done], wanted.tolist(), strict=False):
            known = self._changes.get(word)
            self._changes[word] = frequency, known is not None and known[1]
            if tag:
                self.tags[word] = tag
        super()._add_words(entries[done:])

    @property
    def total(self) -> int:
        """Sum of all frequencies that were ever given."""
        return self._table.total

    @total.setter
    def total(self, total: int) -> None:
        self._table.total = total

    def frequency(self, word: str) -> int | None:
        """Return a word's frequency, 0 for what only begins a word, None for what does not."""
        return self._table.get(word)

    # -- cutting -------------------------------------------------------------------------------

    def mark(
        self,
        buffer: np.ndarray,
        offsets: np.ndarray,
        hmm: bool = True,
        drop_spaces: bool = False,
        n_threads: int = 1,
    ) -> np.ndarray:
        """Mark the words of many documents.

        Parameters
        ----------
        buffer : uint8[n_bytes]
            UTF-8; surrogates are characters.
        offsets : int64[n_docs + 1]
            Document i is ``buffer[offsets[i]:offsets[i + 1]]``.
        hmm : bool
        drop_spaces : bool
            Whether tokens of nothing but white space are marked as `OUTSIDE` any token.
        n_threads : int

        Returns
        -------
        uint8[n_bytes]
            `END` on the last byte of each token, `INSIDE` before it (see `text.kernels.tokens`).
        """
        text = read_only(np.ascontiguousarray(buffer, np.uint8))
        offsets = read_only(np.ascontiguousarray(offsets, np.int64))
        marks = np.zeros(text.size, np.uint8)
        n_docs = offsets.size - 1

        def work(first: int, last: int) -> None:
            longest = int(np.diff(offsets[first : last + 1]).max(initial=0))
            size = max(longest + 3, SCRATCH)
            self._mark(text, offsets, first, last, bool(hmm), bool(drop_spaces), size, marks)

        run_ranges(work, n_docs, n_threads, max(-(-n_docs // (RANGES * n_threads)), LEAST_RANGE))
        return marks

    def _mark(
        self,
        text: np.ndarray,
        offsets: np.ndarray,
        first: int,
        last: int,
        hmm: bool,
        drop_spaces: bool,
        size: int,
        marks: np.ndarray,
    ) -> None:
        """Mark documents `first` to `last` - 1, with a scratch of some size."""
        table = self._table
        cutting.mark_words(
            text, offsets, first, last, hmm, drop_spaces, table.n_forced, table.tags, table.slots,
            table.logs, self._log_total(), self._model, np.empty(size, np.uint16),
            np.empty(size, np.uint64), np.empty(size, np.uint64), np.empty(size),
            np.empty(size, np.int64), np.empty(size, np.int64), marks,
        )  # fmt: skip

    def _log_total(self) -> float:
        if self._table.total <= 0:
            raise InputError("the frequencies of the dictionary add up to 0: give some words one")
        return math.log(self._table.total)

    def lcut(self, sentence: str | bytes, cut_all: bool = False, HMM: bool = True) -> list[str]:
        """Return the words of a text, see `BaseSegmenter.lcut`."""
        text = text_of(sentence)
        if cut_all:
            return list(self._cut_all(text))
        data = text.encode("utf-8", "surrogatepass")
        buffer, offsets = np.frombuffer(data, np.uint8), read_only(np.array([0, len(data)]))
        marks = np.zeros(len(data), np.uint8)
        self._mark(buffer, offsets, 0, 1, bool(HMM), False, len(data) + 3, marks)
        return _words_of(data, buffer, offsets, marks)[0]

    lcut.__doc__ = BaseSegmenter.lcut.__doc__

    def lcut_batch(
        self, texts: Sequence[str], HMM: bool = True, n_threads: int = 1
    ) -> list[list[str]]:
        """Return the words of each text, as `lcut` does.

        Parameters
        ----------
        texts : sequence of str
        HMM : bool
        n_threads : int
            For finding the words; making strings of them takes one thread.

        Returns
        -------
        list of lists of str
        """
        if isinstance(texts, str | bytes):
            raise InputError("expected a list of texts, got one text: pass [text]")
        texts = list(texts)
        result: list[list[str]] = []
        step = DOCS_AT_ONCE * max(n_threads, 1)
        for first in range(0, len(texts), step):
            documents = [
                text_of(text).encode("utf-8", "surrogatepass")
                for text in texts[first : first + step]
            ]
            data = b"".join(documents)
            offsets = np.zeros(len(documents) + 1, np.int64)
            np.cumsum([len(document) for document in documents], out=offsets[1:])
            buffer = np.frombuffer(data, np.uint8)
            marks = self.mark(buffer, offsets, HMM, n_threads=n_threads)
            result += _words_of(data, buffer, read_only(offsets), marks)
        return result

    def lcut_for_search(self, sentence: str | bytes, HMM: bool = True) -> list[str]:
        """Return words and the shorter words in them, as `jieba.lcut_for_search` does."""
        text = text_of(sentence)
        starts, ends = self._words_in(text)
        two, three = (set(starts[ends - starts == n].tolist()) for n in (2, 3))
        result = []
        position = 0
        for word in self.lcut(text, HMM=HMM):
            for n, found in ((2, two), (3, three)):
                if len(word) > n:
                    for i in range(len(word) - n + 1):
                        if position + i in found:
                            result.append(word[i : i + n])
            result.append(word)
            position += len(word)
        return result

    def _words_in(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Return first character, and that behind the last, of each word of the dictionary."""
        data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        n, size = len(text), -1
        while n > size:
            size = n
            starts, ends = np.empty(n, np.int64), np.empty(n, np.int64)
            n = trie.list_words(
                data, 0, data.size, self._table.tags, self._table.slots, starts, ends
            )
        return starts[:n], ends[:n]

    def _cut_all(self, text: str) -> Iterator[str]:
        """Yield the words of full mode."""
        words: dict[int, list[int]] = {}
        for start, end in zip(*(array.tolist() for array in self._words_in(text)), strict=True):
            words.setdefault(start, []).append(end)
        position = 0
        for i, part in enumerate(_BLOCK.split(text)):
            if i % 2:
                yield from _cut_block(text, position, position + len(part), words)
            elif part:
                yield from _SPACE.split(part)
            position += len(part)

    def _suggest(self, word: str, pieces: list[str] | None) -> int:
        table = self._table
        self._log_total()  # there must be some
        total = float(table.total)
        product: float = 1  # of no pieces it stays an int, and larger totals exact
        for piece in self.lcut(word, HMM=False) if pieces is None else pieces:
            product *= _or(table.get(piece), 1) / total
        if pieces is None:
            return max(int(product * table.total) + 1, _or(table.get(word), 1))
        return min(int(product * table.total), _or(table.get(word), 0))


@lru_cache(maxsize=1)
def _default() -> Segmenter | LibrarySegmenter:
    segmenter = _class_of_installed()()
    segmenter._shared = True
    return segmenter


def _class_of_installed() -> type[Segmenter] | type[LibrarySegmenter]:
    """Return what segments as the installed jieba does, with a warning if that is jieba itself."""
    version = jieba_version(jieba_folder())
    if version == VERIFIED:
        return Segmenter
    _logger.warning(
        "jieba %s is installed: the fast segmenter is equal to jieba %s, so jieba itself "
        "is called, about 50 times slower",
        version,
        VERIFIED,
    )
    return LibrarySegmenter


@lru_cache(maxsize=1)
def _model_of(folder: Path) -> np.ndarray:
    return read_model(folder)


def is_cut_at(character: str) -> bool:
    """Return whether jieba cuts a text before and behind a character, so that no word has it."""
    return not _BLOCK.fullmatch(character)


def _is_plain(entry: tuple[str, int | None, str | None]) -> bool:
    """Return whether an entry of a user dictionary is one for `WordTable.add`."""
    word, frequency, _ = entry
    is_usual = frequency is None or 0 < frequency <= adding.MOST_TOTAL
    return is_usual and _PLAIN.fullmatch(word) is not None


def _or(value: int | None, other: int) -> int:
    return other if value is None else value


def _cut_block(text: str, first: int, last: int, words: dict[int, list[int]]) -> Iterator[str]:
    """Yield all words of text[first:last] in the order of jieba's full mode.

    Letters and digits that are no word by themselves are joined, even over words between them.
    """
    behind = first  # the end of the last word
    joined = ""
    for i in range(first, last):
        if joined and text[i] not in _LETTERS:
            yield joined
            joined = ""
        ends = words.get(i) or [i + 1]
        if len(ends) == 1 and i >= behind:
            behind = ends[0]
            if text[i] in _LETTERS:
                joined += text[i:behind]
            else:
                yield text[i:behind]
        else:
            for end in ends:
                if end > i + 1:
                    yield text[i:end]
                    behind = end
    if joined:
        yield joined


def _words_of(
    data: bytes, buffer: np.ndarray, offsets: np.ndarray, marks: np.ndarray
) -> list[list[str]]:
    """Return the words of marked documents as strings.

    They are joined by bytes that do not occur, decoded at once and split again, which Python
    does faster than to make words one by one.
    """
    separators = bytes(itertools.islice((c for c in range(128) if c not in data), 2))
    if len(separators) < 2:
        return _words_one_by_one(data, offsets, marks)
    n_docs = offsets.size - 1
    out = np.empty(2 * buffer.size + n_docs, np.uint8)
    n = cutting.join_words(
        buffer, offsets, 0, n_docs, marks, np.frombuffer(separators, np.uint8), out
    )
    text = out[:n].tobytes().decode("utf-8", "surrogatepass")
    inner, outer = map(chr, separators)
    return [document.split(inner) if document else [] for document in text.split(outer)[:-1]]


def _words_one_by_one(data: bytes, offsets: np.ndarray, marks: np.ndarray) -> list[list[str]]:
    result = []
    for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        ends = np.flatnonzero(marks[first:last]) + (first + 1)
        words = []
        for end in ends.tolist():
            words.append(data[first:end].decode("utf-8", "surrogatepass"))
            first = end
        result.append(words)
    return result
