"""The model behind the questions: it learns from all answers, from nothing each time.

A model of words and n-grams, and a probe on vectors of texts, learn from the labelled texts. What
both together say of some other texts is learnt by a second model beside the labelled ones: it knows
words that no labelled text has.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.shares import likeliest
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.fitting.fit import fit_prepared
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.labelling.guessing import Guesser
from fasttext_lite.labelling.pool import Pool
from fasttext_lite.labelling.vectors import PoolVectors
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.model.model import Model
from fasttext_lite.teaching.teachers import Probe, one_thread

TOO_FEW = "two labels with a text each are needed before there is a model"
EPOCHS_OF_FEW, EPOCHS = 15, 5  # of labelled texts alone, and of these with others
STRENGTH = 10.0  # of the probe
# Other texts that are learnt from, and bytes of theirs: seconds of training, at most.
MOST_OTHERS, MOST_OTHER_BYTES = 8_000, 1 << 20
OWN_WEIGHT = 2.0  # of labelled texts beside these
MANY = 800  # labelled texts, with which models need the probe least
LEAST_TAUGHT = 10  # labelled texts; of fewer, what is said of others is a guess


@dataclass(frozen=True)
class Learnt:
    """What was learnt from some answers.

    Attributes
    ----------
    guesser : Guesser, optional
        None where there is too little to learn from.
    n_answers : int
        Labelled texts.
    seconds : float
        The training took.
    note : str
        Why there is no model, or what went wrong.
    """

    guesser: Guesser | None = None
    n_answers: int = 0
    seconds: float = 0.0
    note: str = TOO_FEW


class Learner:
    """Learns from answers.

    Parameters
    ----------
    pool : Pool
    several : bool
        Whether texts may have several labels.
    seed : int
    teaches : bool
        Whether other texts are learnt from.

    Attributes
    ----------
    vectors : PoolVectors, optional
        Of the pool's texts, once they are there.
    """

    def __init__(
        self, pool: Pool, several: bool = False, seed: int = 0, teaches: bool = True
    ) -> None:
        self.pool, self.several, self.seed, self.teaches = pool, several, seed, teaches
        self.vectors: PoolVectors | None = None

    def learn(self, answers: Mapping[int, Sequence[str]], unseen: Collection[int] = ()) -> Learnt:
        """Return what is learnt; what goes wrong is told by the result's note.

        Parameters
        ----------
        answers : mapping of int to sequence of str
            The labels of texts, by the texts' numbers.
        unseen : collection of int
            Texts that no model may see, not even without a label.
        """
        start = time.perf_counter()
        docs = np.array(sorted(answers), np.int64)
        labels = Labels.from_rows([tuple(answers[number]) for number in docs.tolist()])
        if len(labels.names) < 2:
            return Learnt(n_answers=docs.size)
        try:
            with _quiet():
                guesser = self._learn(docs, labels, unseen)
        except (TrainingError, ValueError, MemoryError) as error:
            return Learnt(n_answers=docs.size, note=f"no model could be trained: {error}")
        return Learnt(guesser, docs.size, time.perf_counter() - start, "")

    def _learn(self, docs: np.ndarray, labels: Labels, unseen: Collection[int]) -> Guesser:
        config = Config(recipe="fixed", epochs=EPOCHS_OF_FEW)
        if not self.several:
            config = config.replace(head="linear", loss="ova")
        model = self._fit(self.pool.texts.take(docs), labels, config)
        if self.vectors is None or self.several:
            return Guesser(self.pool, model)
        with one_thread:
            probe = Probe.fit(self.vectors.take(docs), labels.ids, len(labels.names), STRENGTH)
        first = Guesser(self.pool, model, labels.names, probe, self.vectors, _trust(docs.size))
        if not self.teaches or docs.size < LEAST_TAUGHT:
            return first
        others = self._others(docs, unseen)
        return self._taught(docs, others, labels, first, config) if others.size else first

    def _taught(
        self, docs: np.ndarray, others: np.ndarray, labels: Labels, first: Guesser, config: Config
    ) -> Guesser:
        """Return a guesser that has learnt from what another says of some texts, too."""
        ids, weights = likeliest(first.probabilities(others, 1))
        to_names = np.array([labels.names.index(name) for name in first.labels], np.int32)
        ids = np.concatenate([labels.ids, to_names[ids]])
        weights = np.concatenate([np.full(docs.size, OWN_WEIGHT), weights]).astype(np.float32)
        texts = self.pool.texts.take(np.concatenate([docs, others]))
        every = Labels(ids, np.arange(ids.size + 1), labels.names).by_frequency()
        config = config.replace(epochs=EPOCHS)
        model = self._fit(texts, every, config, weights / weights.mean())
        return first.replace(model, 0.7 + 0.25 * _share_of_many(docs.size))

    def _others(self, docs: np.ndarray, unseen: Collection[int]) -> np.ndarray:
        """Return the texts without a label that are learnt from: the last in random order.

        The first are those that are drawn at random, and are to tell how good models are.
        """
        worked = self.pool.worked_on()[::-1]
        known = np.concatenate([docs, np.fromiter(unseen, np.int64, len(unseen))])
        worked = worked[: MOST_OTHERS + known.size]
        worked = worked[~np.isin(worked, known)][:MOST_OTHERS]
        offsets = self.pool.texts.offsets
        sizes = np.cumsum(offsets[worked + 1] - offsets[worked])
        return worked[: int(np.searchsorted(sizes, MOST_OTHER_BYTES, "right"))]

    def _fit(
        self, texts: Texts, labels: Labels, config: Config, weights: np.ndarray | None = None
    ) -> Model:
        """Return a model that is trained once: the scale of its probabilities is the usual one."""
        prepared = prepare(
            texts, labels, config, doc_weights=weights, multilabel=self.several, n_threads=1
        )
        prepared = dataclasses.replace(
            prepared, sample=None, calibration=Calibration.none(LOSSES[prepared.config.loss])
        )
        return fit_prepared(prepared, seed=self.seed, n_threads=1).model


def _trust(n_labelled: int) -> float:
    """Return how far the first model is trusted beside the probe: few texts teach it little."""
    return 0.5 + 0.5 * _share_of_many(n_labelled)


def _share_of_many(n_labelled: int) -> float:
    return min(n_labelled / MANY, 1.0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Let this thread log nothing: that labels are few and skewed is plain at first."""
    logger = logging.getLogger("fasttext_lite")
    silence = _Silence()
    logger.addFilter(silence)
    try:
        yield
    finally:
        logger.removeFilter(silence)


@dataclass(eq=False)
class _Silence(logging.Filter):
    """Lets no message of this thread pass."""

    thread: int = field(default_factory=threading.get_ident)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a message is of another thread."""
        return record.thread != self.thread
