"""The model behind the questions: it learns from all answers, from nothing each time."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.fitting.fit import fit
from fasttext_lite.labelling.pool import Pool
from fasttext_lite.model.model import Model

TOO_FEW = "two labels with a text each are needed before there is a model"


@dataclass(frozen=True)
class Learnt:
    """What was learnt from some answers.

    Attributes
    ----------
    labels : tuple of str
        That texts had.
    model : Model, optional
        None where there is too little to learn from.
    n_answers : int
        Labelled texts.
    seconds : float
        The training took.
    note : str
        Why there is no model, or what went wrong.
    """

    labels: tuple[str, ...] = ()
    model: Model | None = None
    n_answers: int = 0
    seconds: float = 0.0
    note: str = TOO_FEW
    pool: Pool | None = None

    def judge_pool(
        self, numbers: np.ndarray, n_threads: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what `judge` returns, of texts of the pool."""
        assert self.pool is not None
        return self.judge(self.pool.texts.take(numbers), n_threads)

    def doubts(self, given: Mapping[int, Sequence[str]]) -> list[tuple[int, float]]:
        """Return labelled texts and how much their labels are doubted, the most doubtful first.

        Parameters
        ----------
        given : mapping of int to sequence of str
        """
        if self.model is None or not given:
            return []
        numbers = np.array(sorted(given), np.int64)
        p = self.judge_pool(numbers)[0]
        place = {label: i for i, label in enumerate(self.labels)}
        found = []
        for row, number in zip(p, numbers.tolist(), strict=True):
            own = [row[place[label]] for label in given[number] if label in place]
            found.append((number, 1 - float(min(own, default=1.0))))
        return sorted(found, key=lambda pair: -pair[1])

    def judge(self, texts: Texts, n_threads: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the probability of each label, and how much of each text is known.

        Returns
        -------
        probabilities : float64[n_texts, n_labels]
            In the order of `labels`.
        n_features : int64[n_texts]
        """
        assert self.model is not None
        return self.model.judge(texts, n_threads)


class Learner:
    """Learns from answers.

    Parameters
    ----------
    pool : Pool
    several : bool
        Whether texts may have several labels.
    seed : int
    n_threads : int, optional
    """

    def __init__(
        self, pool: Pool, several: bool = False, seed: int = 0, n_threads: int | None = None
    ) -> None:
        self.pool, self.several, self.seed, self.n_threads = pool, several, seed, n_threads

    def learn(self, answers: Mapping[int, Sequence[str]]) -> Learnt:
        """Return what is learnt from the labels of texts, by the texts' numbers.

        What goes wrong is told by the result's note.
        """
        start = time.perf_counter()
        docs = np.array(sorted(answers), np.int64)
        rows = [tuple(answers[number]) for number in docs.tolist()]
        labels = Labels.from_rows(rows)
        if len(labels.names) < 2:
            return Learnt(n_answers=len(rows))
        try:
            with _quiet():
                model = self._fit(docs, labels)
        except (TrainingError, ValueError, MemoryError) as error:
            return Learnt(n_answers=len(rows), note=f"the model could not be trained: {error}")
        seconds = time.perf_counter() - start
        return Learnt(tuple(model.labels), model, len(rows), seconds, "", self.pool)

    def _fit(self, docs: np.ndarray, labels: Labels) -> Model:
        config = Config(recipe="fixed")
        return fit(
            self.pool.texts.take(docs), labels, config, multilabel=self.several or None,
            seed=self.seed, n_threads=1,
        ).model  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """Let the package say nothing of few and skewed labels: there are few at first."""
    logger = logging.getLogger("fasttext_lite")
    kept = _Drop()
    logger.addFilter(kept)
    try:
        yield
    finally:
        logger.removeFilter(kept)


@dataclass(eq=False)
class _Drop(logging.Filter):
    """Lets no message of this thread pass."""

    thread: int = field(default_factory=lambda: __import__("threading").get_ident())

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self.thread
