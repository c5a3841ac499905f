"""How good the model is, honestly: of texts that were drawn at random, and that it did not see.

The answered beginning of the pool's random order is a sample of all texts, whatever else was
answered. Models learn from all answers but some, and are asked about these: cross-validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fasttext_lite.evaluation.compare import proportion_interval
from fasttext_lite.labelling.guessing import Guesser
from fasttext_lite.labelling.learner import Learner
from fasttext_lite.labelling.messages import Accuracy

FOLDS = 10
LEAST_RANDOM = 10  # labelled texts of the sample; of fewer, nothing is said
GROWTH = 8  # it is measured anew after an eighth of the answers more
MOST_OPEN = 5  # texts that are passed over: they are before somebody, or taken back


def sampled(order: np.ndarray, settled: Callable[[int], bool]) -> list[int]:
    """Return the beginning of a random order as far as its texts are labelled or skipped.

    A few are passed over: somebody who left the page open would hold up the rest.
    """
    found, n_open = [], 0
    for number in order.tolist():
        if settled(number):
            found.append(number)
            continue
        n_open += 1
        if n_open > MOST_OPEN:
            break
    return found


@dataclass
class Check:
    """What models say of labelled texts that they did not learn from.

    Attributes
    ----------
    answers : mapping of int to sequence of str
        The labels of texts, by number.
    sample : list of int
        The labelled texts among those that were drawn at random, in their order.
    doubts : dict of int to float
        Of each labelled text, how much its labels are doubted, in [0, 1].
    right : dict of int to bool
        Of each one, whether the guess was right.
    """

    answers: Mapping[int, Sequence[str]]
    sample: list[int]
    doubts: dict[int, float] = field(default_factory=dict)
    right: dict[int, bool] = field(default_factory=dict)

    def run(self, learner: Learner) -> Iterator[None]:
        """Train and ask one model after another; yields after each."""
        drawn = set(self.sample)
        others = sorted(number for number in self.answers if number not in drawn)
        order = [*self.sample, *np.random.default_rng(learner.seed).permutation(others).tolist()]
        n_folds = min(FOLDS, len(order))
        for fold in range(n_folds):
            held = [int(number) for number in order[fold::n_folds]]
            out = set(held)
            rest = {n: have for n, have in self.answers.items() if n not in out}
            learnt = learner.learn(rest, unseen=out)
            if learnt.guesser is None:
                self.right.update(dict.fromkeys(held, False))
            else:
                self._ask(learnt.guesser, held)
            yield

    def _ask(self, guesser: Guesser, held: list[int]) -> None:
        p = guesser.probabilities(np.array(held, np.int64), 1)
        given = [tuple(sorted(self.answers[number])) for number in held]
        for number, have, guess in zip(held, given, guesser.chosen(p), strict=True):
            self.right[number] = have == guess
        self.doubts.update(doubts_of(guesser, p, dict(zip(held, given, strict=True))))

    @property
    def is_enough(self) -> bool:
        """Whether there are so many texts that something can be said."""
        return len(self.sample) >= LEAST_RANDOM

    def accuracy(self) -> Accuracy:
        """Return how often the guesses were right of the texts drawn at random."""
        n = len(self.sample)
        n_right = sum(self.right[number] for number in self.sample)
        return Accuracy(len(self.answers), n, n_right / n, *proportion_interval(n_right, n))


def doubts_of(
    guesser: Guesser, probabilities: np.ndarray, given: Mapping[int, Sequence[str]]
) -> dict[int, float]:
    """Return how much the labels of texts are doubted: in [0, 1], 1 where one is ruled out.

    Parameters
    ----------
    guesser : Guesser
    probabilities : float[n_texts, n_labels]
        Of `given`, in its order.
    given : mapping of int to sequence of str
    """
    place = {label: i for i, label in enumerate(guesser.labels)}
    found = {}
    for (number, have), row in zip(given.items(), probabilities, strict=True):
        own = [float(row[place[label]]) for label in have if label in place]
        found[number] = 1.0 if len(own) < len(have) else 1 - min(own, default=1.0)
    return found
