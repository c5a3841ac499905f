"""Which texts to ask next, beside those that are drawn at random."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from fasttext_lite.labelling.asking import Choice
from fasttext_lite.labelling.learner import Learner, Learnt
from fasttext_lite.labelling.messages import DIVERSE, UNCERTAIN
from fasttext_lite.labelling.typical import CLUSTERED, typical

QUEUE = 100  # questions that are ready
FIRST = 30  # texts that stand for many are asked first
SPREAD = 3  # times as many uncertain texts are looked at as are asked, for those that lie apart


class Chooser:
    """Chooses texts to ask.

    Parameters
    ----------
    learner : Learner
        Whose pool and vectors these are.
    n_first : int
        So many texts that stand for many come before those that are uncertain.
    """

    def __init__(self, learner: Learner, n_first: int = FIRST) -> None:
        self._learner, self._n_first = learner, n_first
        self._first: list[int] | None = None

    def choose(
        self, learnt: Learnt, settled: Collection[int], n_asked: int = 0, n_threads: int = 1
    ) -> list[Choice]:
        """Return texts to ask, the best first: typical ones at first, then uncertain ones.

        Parameters
        ----------
        learnt : Learnt
        settled : collection of int
            Texts that are not asked any more.
        n_asked : int
            So many are likely to be asked before the next choice: they are unlike each other.
        n_threads : int
        """
        first = [Choice(number, DIVERSE) for number in self._typical() if number not in settled]
        n_left = max(self._n_first - len(settled), 0)
        if learnt.guesser is None:
            return first
        open_ = self._open(settled)
        if not open_.size:
            return []
        p = learnt.guesser.probabilities(open_, n_threads)
        doubts = uncertainty(p, self._learner.several)
        order = np.argsort(-doubts, kind="stable")[: max(QUEUE, SPREAD * n_asked)]
        order = order[self._apart(open_[order], doubts[order], n_asked)]
        uncertain = [Choice(number, UNCERTAIN) for number in open_[order].tolist()]
        return [*first[:n_left], *uncertain]

    def _apart(self, numbers: np.ndarray, doubts: np.ndarray, n_asked: int) -> np.ndarray:
        """Return the places of uncertain texts, those first that lie apart from those before.

        Parameters
        ----------
        numbers : int64[n]
            The most uncertain first.
        doubts : float[n]
        n_asked : int
            So many are spread over `SPREAD` times as many; the others follow as they are.
        """
        vectors = self._learner.vectors
        if vectors is None or n_asked < 2:
            return np.arange(numbers.size)
        n = min(SPREAD * n_asked, numbers.size)
        near, away = vectors.take(numbers[:n]), np.ones(n)
        chosen: list[int] = []
        while len(chosen) < min(n_asked, n):
            values = doubts[:n] * away
            values[chosen] = -1
            chosen.append(int(values.argmax()))
            away = np.minimum(away, np.maximum(1 - near @ near[chosen[-1]], 0))
        rest = np.setdiff1d(np.arange(numbers.size), chosen)
        return np.concatenate([np.array(chosen, np.int64), rest])

    def _open(self, settled: Collection[int]) -> np.ndarray:
        """Return the texts that may be asked."""
        worked = self._learner.pool.worked_on()
        return worked[~np.isin(worked, np.fromiter(settled, np.int64, len(settled)))]

    def _typical(self) -> list[int]:
        vectors = self._learner.vectors
        if self._first is None and vectors is not None:
            worked = self._learner.pool.worked_on()[:CLUSTERED]
            rows = typical(vectors.take(worked), FIRST, self._learner.seed)
            self._first = worked[rows].tolist()
        return self._first or []


def uncertainty(probabilities: np.ndarray, several: bool) -> np.ndarray:
    """Return how uncertain it is which labels texts have, in [0, 1], float[n_texts].

    Parameters
    ----------
    probabilities : float[n_texts, n_labels]
    several : bool
        Whether each label is judged by itself: the most uncertain one counts. Else that is 1 less
        the distance of the two likeliest.
    """
    if several:
        return 1 - 2 * np.abs(probabilities - 0.5).min(axis=1)
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    return 1 - (top[:, 1] - top[:, 0])
