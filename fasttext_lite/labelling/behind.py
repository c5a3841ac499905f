"""What goes on behind the questions: models are trained, questions chosen, accuracy measured."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from fasttext_lite.errors import InputError, TrainingError, one_line
from fasttext_lite.labelling.answers import MEASURED, Event
from fasttext_lite.labelling.asking import Asker
from fasttext_lite.labelling.background import Background
from fasttext_lite.labelling.choosing import Chooser
from fasttext_lite.labelling.honest import GROWTH, Check, doubts_of, sampled
from fasttext_lite.labelling.learner import Learner, Learnt
from fasttext_lite.labelling.marks import marks_of, shown
from fasttext_lite.labelling.messages import ModelState
from fasttext_lite.labelling.state import State
from fasttext_lite.labelling.vectors import PoolVectors
from fasttext_lite.parallel import cpu_count

logger = logging.getLogger("fasttext_lite")


class Behind:
    """The model of a session, and two threads: one learns from answers, one from all texts.

    Parameters
    ----------
    state : State

    Attributes
    ----------
    learnt : Learnt
        By the answers that there were when it was trained.
    asker : Asker
        Knows what to ask next.
    """

    def __init__(self, state: State) -> None:
        self._state, settings = state, state.settings
        self.learner = Learner(state.pool, settings.several, settings.seed)
        self.chooser = Chooser(self.learner)
        self.asker = Asker(state.pool, state.answers, settings.random_share)
        self.learnt = Learnt()
        self._note = ""
        self._n_learnt = -1  # events
        self._n_checked = 0  # labelled texts
        self._doubts: dict[int, tuple[tuple[str, ...], float]] = {}
        self._check: Check | None = None
        self._steps: Iterator[None] = iter(())
        self._is_training = self._is_closed = self._has_vectors = False
        self._n_threads = settings.n_threads or max(cpu_count() - 1, 1)
        self._models = Background(self._work, "labelling: model")
        self._vectors = Background(self._make_vectors, "labelling: vectors")
        self._vectors.call()
        self._models.call()

    # -- for the session --
    def hear(self) -> None:
        """Take note that something was answered."""
        if self._is_due():
            self._models.call()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing is left to do; return whether that came."""
        return self._vectors.wait(seconds) and self._models.wait(seconds)

    def close(self) -> None:
        """End both threads."""
        self._is_closed = True
        self._vectors.close()
        self._models.close()

    def n_since(self) -> int:
        """Return how many answers the model has not learnt from. The lock is held."""
        return self._state.answers.n_events - max(self._n_learnt, 0)

    def model_state(self) -> ModelState:
        """Return where the model stands."""
        learnt = self.learnt
        return ModelState(
            learnt.guesser is not None, learnt.n_answers, self._is_training, learnt.seconds,
            learnt.note or self._note,
        )  # fmt: skip

    def doubts(self) -> list[tuple[int, float]]:
        """Return labelled texts and how much their labels are doubted, the most doubtful first.

        Models count that did not see the text, as far as there are any.
        """
        state, guesser = self._state, self.learnt.guesser
        with state.lock:
            given = state.answers.labelled()
        found = {
            number: self._doubts[number][1]
            for number, have in given.items()
            if number in self._doubts and self._doubts[number][0] == have
        }
        rest = {number: have for number, have in given.items() if number not in found}
        if rest and guesser is not None:
            numbers = np.fromiter(rest, np.int64, len(rest))
            found |= doubts_of(guesser, guesser.probabilities(numbers, 1), rest)
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))

    # -- in the threads --
    def _make_vectors(self) -> None:
        def stop_if_closed(progress: Any) -> None:
            if self._is_closed:
                raise TrainingError("the session was closed")

        settings = self._state.settings
        try:
            self.learner.vectors = PoolVectors(
                self._state.pool, settings.seed, 1, callback=stop_if_closed
            )
        except TrainingError as error:
            logger.debug("labelling: no vectors of texts: %s", error)
            return
        self._has_vectors = True
        self._models.call()

    def _is_due(self) -> bool:
        state = self._state
        with state.lock:
            since = state.answers.n_events - self._n_learnt
            between = state.settings.between(state.answers.n_labelled)
        is_first = self.learnt.guesser is None and since > 0
        return since >= between or is_first or self._has_vectors

    def _work(self) -> None:
        """Do what is to be done, what people wait for first, until nothing is left."""
        while not self._is_closed:
            if self._is_due():
                self._learn()
            elif self._check is not None:
                if next(self._steps, self) is self:
                    self._conclude()
            elif not self._begin_check():
                return

    def _learn(self) -> None:
        """Train a model anew and choose what to ask next."""
        state = self._state
        self._is_training, self._has_vectors = True, False
        try:
            with state.lock:
                n_events = state.answers.n_events
                given, settled = state.answers.labelled(), state.answers.settled()
            learnt = self.learner.learn(given)
            self._warm_up(learnt)
            queue = self.chooser.choose(
                learnt, settled, state.settings.between(len(given)), self._n_threads
            )
            with state.lock:
                self.learnt, self.asker.queue, self._n_learnt = learnt, queue, n_events
        except Exception as error:
            self._note = one_line(f"no model could be trained: {error!r}")
            raise
        finally:
            self._is_training = False
        try:
            state.write()
            self._note = ""
        except InputError as error:
            self._note = str(error)
        except OSError as error:
            reason = error.strerror or error
            self._note = f"{state.output.path}: cannot be written: {reason}"

    def _warm_up(self, learnt: Learnt) -> None:
        """Let what explains guesses be compiled here, the first time, and not while people wait."""
        if learnt.guesser is not None and self.learnt.guesser is None:
            marks_of(
                learnt.guesser.model,
                shown(self._state.pool.text_of(0))[0],
                learnt.guesser.labels[0],
            )

    def _begin_check(self) -> bool:
        """Begin to measure the accuracy if that is due; return whether it is."""
        state = self._state
        with state.lock:
            given = state.answers.labelled()
            drawn = sampled(state.pool.order, lambda n: state.answers.of(n) is not None)
        if len(given) - self._n_checked < max(self._n_checked // GROWTH, 10):
            return False
        check = Check(given, [number for number in drawn if number in given])
        if self.learnt.guesser is None or not check.is_enough:
            return False
        self._check, self._steps = check, check.run(self.learner)
        return True

    def _conclude(self) -> None:
        """Take in what was measured."""
        check, self._check = self._check, None
        assert check is not None
        self._doubts = {
            number: (tuple(check.answers[number]), doubt) for number, doubt in check.doubts.items()
        }
        self._n_checked = len(check.answers)
        found, state = check.accuracy(), self._state
        with state.lock:
            curve = state.answers.curve
            if curve and curve[-1].n_answers == found.n_answers:
                return  # measured again for the doubts, after a new start
            with contextlib.suppress(OSError):  # whoever answers next is told
                state.record(Event(MEASURED, time.time(), accuracy=found), None)
