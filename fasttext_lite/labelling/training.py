"""The training of the model that is kept: the package's default recipe, with all texts beside."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.errors import TrainingError, one_line
from fasttext_lite.labelling.messages import Accuracy, TrainingState
from fasttext_lite.labelling.pool import Pool
from fasttext_lite.model.model import Model
from fasttext_lite.model.storage import save_model
from fasttext_lite.teaching.fit import Beside, fit_beside


def train_model(
    pool: Pool,
    answers: Mapping[int, Sequence[str]],
    several: bool = False,
    seed: int = 0,
    n_threads: int | None = None,
) -> Model:
    """Return a model of labelled texts and, where each has one label, of the others beside them.

    Parameters
    ----------
    pool : Pool
    answers : mapping of int to sequence of str
        The labels of texts, by their numbers.
    several : bool
        Whether texts may have several labels.
    seed : int
    n_threads : int, optional

    Raises
    ------
    TrainingError
        If there are no two labels, or the training fails.
    """
    docs = np.array(sorted(answers), np.int64)
    labels = Labels.from_rows([tuple(answers[number]) for number in docs.tolist()])
    if len(labels.names) < 2:
        raise TrainingError("two labels with a text each are needed to train a model")
    others = np.setdiff1d(pool.worked_on(), docs)
    unlabelled = pool.texts.take(others) if others.size and not several else None
    beside = Beside(unlabelled=unlabelled)
    return fit_beside(
        pool.texts.take(docs), labels, Config(), beside, multilabel=several or None, seed=seed,
        n_threads=n_threads,
    ).model  # fmt: skip


class Training:
    """A training in the background, of which one goes on at a time.

    Parameters
    ----------
    pool : Pool
    several : bool
    seed : int
    n_threads : int, optional
    """

    def __init__(self, pool: Pool, several: bool, seed: int, n_threads: int | None) -> None:
        self._pool, self._how = pool, (several, seed, n_threads)
        self._state = TrainingState("none", "", "", 0.0, None)
        self._began = 0.0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> TrainingState:
        """How it goes."""
        state = self._state
        if state.state != "running":
            return state
        seconds = time.monotonic() - self._began
        return TrainingState("running", state.path, state.message, seconds, state.accuracy)

    def start(
        self, path: str, answers: Mapping[int, Sequence[str]], accuracy: Accuracy | None
    ) -> None:
        """Begin to train on answers.

        Raises
        ------
        ValueError
            If a training is under way.
        """
        with self._lock:
            if self._state.state == "running":
                raise ValueError(f"a model is being trained already: {self._state.path}")
            message = f"training on {len(answers):,} labelled texts"
            self._state = TrainingState("running", path, message, 0.0, accuracy)
            self._began = time.monotonic()
            self._thread = threading.Thread(
                target=self._run, args=(path, answers, accuracy), name="labelling: training"
            )
            self._thread.start()

    def _run(
        self, path: str, answers: Mapping[int, Sequence[str]], accuracy: Accuracy | None
    ) -> None:
        try:
            save_model(train_model(self._pool, answers, *self._how), path)
            state, message = "done", f"trained on {len(answers):,} labelled texts"
        except Exception as error:
            state, message = "failed", one_line(str(error) or type(error).__name__)
        seconds = time.monotonic() - self._began
        self._state = TrainingState(state, path, message, seconds, accuracy)

    def wait(self) -> None:
        """Wait until none is under way."""
        if self._thread is not None:
            self._thread.join()
