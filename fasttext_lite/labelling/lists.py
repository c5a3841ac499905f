"""Lists of texts: those with some words in them, and those whose labels are doubted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fasttext_lite.labelling.behind import Behind
from fasttext_lite.labelling.learner import Learnt
from fasttext_lite.labelling.marks import shown
from fasttext_lite.labelling.messages import Row, Rows
from fasttext_lite.labelling.searching import Search, folded_words
from fasttext_lite.labelling.state import State

BEGINNING = 300  # characters of a text in a list


class Lists:
    """Makes lists of a session's texts.

    Parameters
    ----------
    state : State
    """

    def __init__(self, state: State) -> None:
        self._state, self._search = state, Search(state.pool)

    def prepare(self) -> None:
        """Make all ready for the first search."""
        self._search.prepare()

    def search(
        self,
        words: str,
        start: int,
        count: int,
        label: str | None,
        answered: bool | None,
        learnt: Learnt,
    ) -> Rows:
        """Return what `Session.search` does, with guesses of what was learnt."""
        with self._state.lock:
            given = self._state.answers.labelled()
        found = self._found(folded_words(words), given, label, answered)
        part = list(itertools.islice(found, start, start + count + 1))
        numbers = part[:count]
        rows = self._rows(learnt, numbers, [0.0] * len(numbers))
        return Rows(rows, start + len(part), len(part) > count)

    def _found(
        self,
        words: list[bytes],
        given: Mapping[int, Sequence[str]],
        label: str | None,
        answered: bool | None,
    ) -> Iterator[int]:
        if label is None and not answered:
            for number in self._search.find(words):
                if answered is None or number not in given:
                    yield number
        elif answered is not False:
            for number, have in sorted(given.items()):
                if (label is None or label in have) and self._search.has(number, words):
                    yield number

    def doubtful(self, start: int, count: int, behind: Behind) -> Rows:
        """Return what `Session.doubtful` does."""
        doubts = behind.doubts()
        part = doubts[start : start + count]
        rows = self._rows(behind.learnt, [n for n, _ in part], [score for _, score in part])
        return Rows(rows, len(doubts), len(doubts) > start + count)

    def _rows(self, learnt: Learnt, numbers: list[int], scores: list[float]) -> tuple[Row, ...]:
        guesses: list[tuple[str, float]] = [("", 0.0)] * len(numbers)
        guesser = learnt.guesser
        if guesser is not None and numbers:
            p = guesser.probabilities(np.array(numbers, np.int64), 1)
            best = p.argmax(axis=1).tolist()
            guesses = [(guesser.labels[i], float(row[i])) for i, row in zip(best, p, strict=True)]
        found = []
        with self._state.lock:
            for number, (guess, probability), score in zip(numbers, guesses, scores, strict=True):
                answer = self._state.answers.of(number)
                text = shown(self._state.pool.text_of(number)[:BEGINNING])[0]
                labels = () if answer is None else answer.labels
                found.append(Row(number, text, labels, guess, probability, score))
        return tuple(found)
