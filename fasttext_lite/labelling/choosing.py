"""Which texts to ask next, beside those that are drawn at random."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fasttext_lite.labelling.learner import Learner, Learnt
from fasttext_lite.labelling.messages import DIVERSE, UNCERTAIN

QUEUE = 100  # questions that are ready


class Choice(NamedTuple):
    """A text to ask, by its number, and why."""

    number: int
    asked: str


def choose(
    learner: Learner,
    learnt: Learnt,
    given: Mapping[int, Sequence[str]],
    settled: Collection[int],
    n_threads: int = 1,
) -> list[Choice]:
    """Return texts to ask, the best first.

    Parameters
    ----------
    learner : Learner
    learnt : Learnt
    given : mapping of int to sequence of str
        The labels of texts.
    settled : collection of int
        Texts that are not asked any more.
    n_threads : int
    """
    worked = learner.pool.worked_on()
    open_ = worked[~np.isin(worked, np.fromiter(settled, np.int64, len(settled)))]
    if not open_.size:
        return []
    if learnt.guesser is None:
        return [] if learner.vectors is None else _typical(learner, open_)
    p = learnt.guesser.probabilities(open_, n_threads)
    order = np.argsort(-uncertainty(p, learner.several), kind="stable")[:QUEUE]
    return [Choice(number, UNCERTAIN) for number in open_[order].tolist()]


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


def _typical(learner: Learner, open_: np.ndarray) -> list[Choice]:
    return [Choice(number, DIVERSE) for number in open_[:QUEUE].tolist()]
