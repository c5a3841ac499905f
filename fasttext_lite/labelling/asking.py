"""What is asked next: a share of the questions is drawn at random, the rest is chosen."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from fasttext_lite.labelling.answers import Answers
from fasttext_lite.labelling.messages import RANDOM
from fasttext_lite.labelling.pool import Pool


class Choice(NamedTuple):
    """A text to ask, by its number, and why."""

    number: int
    asked: str


class Asker:
    """Knows what to ask next.

    Parameters
    ----------
    pool : Pool
    answers : Answers
        So far; whoever asks holds their lock.
    random_share : float
        Of the questions, in [0, 1].

    Attributes
    ----------
    queue : list of Choice
        Texts that were chosen, the best first.
    """

    def __init__(self, pool: Pool, answers: Answers, random_share: float) -> None:
        self._pool, self._answers, self._share = pool, answers, random_share
        self.queue: list[Choice] = []
        self._place = self._n_undone = 0  # before it in the random order, all is answered

    def next(self, taken: Collection[int] = ()) -> Choice | None:
        """Return the next text to ask; None if all are answered or taken.

        Parameters
        ----------
        taken : collection of int
            Texts that are before somebody else.
        """
        if self._is_random_due():
            return self._random(taken) or self._chosen(taken)
        return self._chosen(taken) or self._random(taken)

    def _is_random_due(self) -> bool:
        n = self._answers.n_labelled + self._answers.n_skipped
        return int(self._share * (n + 1)) > int(self._share * n)

    def _is_open(self, number: int, taken: Collection[int]) -> bool:
        return number not in taken and self._answers.of(number) is None

    def _random(self, taken: Collection[int]) -> Choice | None:
        """Return the first of the random order that is not answered."""
        order = self._pool.order
        if self._answers.n_undone != self._n_undone:  # one of those before may be open again
            self._place, self._n_undone = 0, self._answers.n_undone
        while self._place < order.size and self._answers.of(int(order[self._place])) is not None:
            self._place += 1
        for place in range(self._place, order.size):
            if self._is_open(int(order[place]), taken):
                return Choice(int(order[place]), RANDOM)
        return None

    def _chosen(self, taken: Collection[int]) -> Choice | None:
        return next((each for each in self.queue if self._is_open(each.number, taken)), None)
