"""Dense vectors of texts, learnt from the pool's texts alone, without a label."""

from __future__ import annotations

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.teaching.words import Words, unit
from fasttext_lite.text.analyzers import analyze


class TextVectors:
    """Makes vectors of texts: means of their words' vectors, see `teaching.words`.

    Parameters
    ----------
    texts : Texts
        That the words' vectors are trained on.
    seed, n_threads : int

    Raises
    ------
    TrainingError
        If there are no two words to learn from.
    """

    def __init__(self, texts: Texts, seed: int = 0, n_threads: int = 1) -> None:
        self._config = Config()
        self._words = Words(analyze(texts, self._config, n_threads), self._config, n_threads)
        if self._words.counts.size < 2:
            raise TrainingError("the texts have no two words to learn vectors of")
        self._weighed = self._words.weighed(self._words.train(seed, n_threads))
        raw = self._means(self._words.numbers, self._words.indptr)
        there = raw.any(axis=1)
        self._middle = raw[there].mean(axis=0) if there.any() else np.zeros(raw.shape[1])
        self.vectors = self._centred(raw)

    def _means(self, numbers: np.ndarray, indptr: np.ndarray) -> np.ndarray:
        return unit(self._words.means(numbers, indptr, self._weighed))

    def _centred(self, raw: np.ndarray) -> np.ndarray:
        there = raw.any(axis=1)
        raw[there] -= self._middle.astype(np.float32)
        return unit(raw)

    def of(self, texts: Texts, n_threads: int = 1) -> np.ndarray:
        """Return the vectors of texts, float32[n_texts, dim]: of unit length, or 0."""
        marked = analyze(texts, self._config, n_threads)
        return self._centred(self._means(*self._words.number(marked, n_threads)))
