"""Dense vectors of texts, learnt from the texts alone: what is alike, before anything is labelled.

See `teaching.words`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.labelling.pool import Pool
from fasttext_lite.teaching.words import Words, unit
from fasttext_lite.text.analyzers import analyze


class TextVectors:
    """Makes vectors of texts: means of their words' vectors, weighed by tf-idf.

    Parameters
    ----------
    texts : Texts
        That the words' vectors are trained on.
    seed, n_threads : int
        With one thread they depend on the seed alone.
    callback : callable, optional
        Called some times a second; what it raises ends the work.

    Attributes
    ----------
    vectors : float32[n_texts, dim]
        Of these texts: of unit length, or 0.

    Raises
    ------
    TrainingError
        If there are no two words to learn from.
    """

    def __init__(
        self,
        texts: Texts,
        seed: int = 0,
        n_threads: int = 1,
        callback: Callable[[Any], None] | None = None,
    ) -> None:
        self._config = Config()
        self._words = Words(analyze(texts, self._config, n_threads), self._config, n_threads)
        if self._words.counts.size < 2:
            raise TrainingError("the texts have no two words to learn vectors of")
        self._weighed = self._words.weighed(self._words.train(seed, n_threads, callback))
        raw = self._means(self._words.numbers, self._words.indptr)
        there = raw.any(axis=1)
        self._middle = raw[there].mean(axis=0) if there.any() else raw.sum(axis=0)
        self.vectors = self._centred(raw)

    def _means(self, numbers: np.ndarray, indptr: np.ndarray) -> np.ndarray:
        return unit(self._words.means(numbers, indptr, self._weighed))

    def _centred(self, raw: np.ndarray) -> np.ndarray:
        raw[raw.any(axis=1)] -= self._middle
        return unit(raw)

    def of(self, texts: Texts, n_threads: int = 1) -> np.ndarray:
        """Return the vectors of other texts, float32[n_texts, dim]."""
        marked = analyze(texts, self._config, n_threads)
        return self._centred(self._means(*self._words.number(marked, n_threads)))


class PoolVectors:
    """The vectors of a pool's texts: those that the model is asked about are kept.

    Parameters
    ----------
    pool : Pool
    seed, n_threads, callback
        As of `TextVectors`.

    Raises
    ------
    TrainingError
        As of `TextVectors`.
    """

    def __init__(
        self,
        pool: Pool,
        seed: int = 0,
        n_threads: int = 1,
        callback: Callable[[Any], None] | None = None,
    ) -> None:
        self._pool = pool
        worked = pool.worked_on()
        self._made = TextVectors(pool.texts.take(worked), seed, n_threads, callback)
        self._places = np.full(len(pool), -1, np.int32)
        self._places[worked] = np.arange(worked.size)

    def take(self, numbers: np.ndarray) -> np.ndarray:
        """Return the vectors of texts by their numbers, float32[n_texts, dim]."""
        places = self._places[numbers]
        found = self._made.vectors[places]
        strange = np.flatnonzero(places < 0)
        if strange.size:
            found[strange] = self._made.of(self._pool.texts.take(numbers[strange]))
        return found

    def of(self, texts: Texts, n_threads: int = 1) -> np.ndarray:
        """Return the vectors of other texts, float32[n_texts, dim]."""
        return self._made.of(texts, n_threads)
