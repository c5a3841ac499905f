"""The segmenter that calls jieba itself, for versions that the compiled one does not know."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from fasttext_lite.errors import InputError
from fasttext_lite.segmenter.base import BaseSegmenter, text_of


class LibrarySegmenter(BaseSegmenter):
    """jieba itself, with the methods of `Segmenter`.

    Parameters
    ----------
    dictionary, user_dictionaries
        See `BaseSegmenter`.

    Notes
    -----
    Words with frequency 0 are kept by jieba for all its tokenizers together. Its cache on disk
    is not used.
    """

    def _build(self, data: bytes, name: str) -> None:
        import jieba

        file = _NamedBytes(data)
        file.name = name
        self._tokenizer = jieba.Tokenizer()
        try:
            self._tokenizer.FREQ, self._tokenizer.total = self._tokenizer.gen_pfdict(file)
        except ValueError as error:
            raise InputError(f"{error}: expected a word and its frequency") from None
        self._tokenizer.initialized = True

    def copy(self) -> LibrarySegmenter:
        """Return a segmenter of the same words that can be changed by itself."""
        import jieba

        other = super().copy()
        other._tokenizer = jieba.Tokenizer()
        other._tokenizer.FREQ, other._tokenizer.total = dict(self._tokenizer.FREQ), self.total
        other._tokenizer.initialized = True
        return other

    def _put(self, word: str, frequency: int, forced: bool) -> None:
        if forced and frequency:
            self._tokenizer.add_word(word, 0)
        self._tokenizer.add_word(word, frequency)

    def _suggest(self, word: str, pieces: list[str] | None) -> int:
        return self._tokenizer.suggest_freq(word if pieces is None else tuple(pieces))

    @property
    def total(self) -> int:
        """Sum of all frequencies that were ever given."""
        return self._tokenizer.total

    @total.setter
    def total(self, total: int) -> None:
        self._tokenizer.total = total

    def frequency(self, word: str) -> int | None:
        """Return a word's frequency, 0 for what only begins a word, None for what does not."""
        return self._tokenizer.FREQ.get(word)

    def lcut(self, sentence: str | bytes, cut_all: bool = False, HMM: bool = True) -> list[str]:
        """Return the words of a text, see `BaseSegmenter.lcut`."""
        return self._tokenizer.lcut(text_of(sentence), cut_all, HMM)

    def lcut_for_search(self, sentence: str | bytes, HMM: bool = True) -> list[str]:
        """Return words and the shorter words in them, as `jieba.lcut_for_search` does."""
        return self._tokenizer.lcut_for_search(text_of(sentence), HMM)

    def lcut_batch(
        self, texts: Sequence[str], HMM: bool = True, n_threads: int = 1
    ) -> list[list[str]]:
        """Return the words of each text; the number of threads makes no difference."""
        return [self.lcut(text, HMM=HMM) for text in texts]

    def mark(
        self,
        buffer: np.ndarray,
        offsets: np.ndarray,
        hmm: bool = True,
        drop_spaces: bool = False,
        n_threads: int = 1,
    ) -> np.ndarray:
        """Mark the words of many documents, see `Segmenter.mark`; one thread does it all."""
        from fasttext_lite.compiled.utf8 import END, OUTSIDE

        marks = np.zeros(buffer.size, np.uint8)
        data = buffer.tobytes()
        for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            for word in self.lcut(data[first:last].decode("utf-8", "surrogatepass"), HMM=hmm):
                size = len(word.encode("utf-8", "surrogatepass"))
                if drop_spaces and (word.isspace() or word == "\0"):
                    marks[first : first + size] = OUTSIDE
                else:
                    marks[first + size - 1] = END
                first += size
        return marks


class _NamedBytes(io.BytesIO):
    """A file in memory; jieba's messages have its name."""

    name: str
