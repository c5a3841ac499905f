"""Training: attempts until one does not diverge."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.training.history import EpochEnd, History, Progress
from fasttext_lite.training.keeping import Keeper, Kept
from fasttext_lite.training.run import DIVERGED, Run
from fasttext_lite.training.weights import Weights

logger = logging.getLogger("fasttext_lite")
MAX_RESTARTS = 5


def train(
    make_weights: Callable[[], Weights],
    features: FeatureMatrix,
    labels: Labels,
    config: Config,
    *,
    tree: LabelTree | None = None,
    doc_weights: np.ndarray | None = None,
    diverged: float = DIVERGED,
    seed: int = 0,
    n_threads: int = 1,
    callback: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[EpochEnd], bool] | None = None,
    noisy: Callable[[int], FeatureMatrix] | None = None,
    quiet: bool = False,
    keeper: Keeper | None = None,
) -> tuple[Weights, History]:
    """Train and return the weights.

    Parameters
    ----------
    make_weights : callable
        Makes the weights to start from; called again for each restart.
    features, labels : FeatureMatrix, Labels
        Of n_docs documents; label ids must lie in [0, n_labels).
    config : Config
        Resolved: no None and no "auto".
    tree : LabelTree, optional
        Needed for the loss hs.
    doc_weights : float32[n_docs], optional
        Factor of each loss, default 1. Documents are visited so often as well, rounded up.
    diverged : float
        How many times the loss of knowing nothing is a sign of divergence; inf for none.
    seed, n_threads : int
        With one thread the result depends on the seed alone.
    callback, on_epoch : callable, optional
        See `Progress` and `EpochEnd`. What `callback` raises ends the training; it also ends when
        `on_epoch` returns True. After a restart, epochs count from 1 again.
    noisy : callable, optional
        Given the number of an epoch from 0, returns the features to train on in it.
    quiet : bool
        Whether a restart is not to be told.
    keeper : Keeper, optional
        What may keep where the training is, go on from there, and end it between two blocks.

    Raises
    ------
    TrainingError
        If no document has a known feature, or training diverges again and again, see `attempts`.
    """
    if features.ids.size == 0:
        raise TrainingError("no text has any feature: nothing to train on")

    how: dict[str, Any] = {
        "tree": tree, "doc_weights": doc_weights, "diverged": diverged, "seed": seed,
        "n_threads": n_threads, "noisy": noisy, "keeper": keeper,
    }  # fmt: skip
    start = partial(_start, make_weights, features, labels, config, how)
    return attempts(start, config, callback, on_epoch, quiet, keeper)


def _start(
    make_weights: Callable[[], Weights],
    features: FeatureMatrix,
    labels: Labels,
    config: Config,
    how: dict[str, Any],
) -> Run:
    return Run(make_weights(), features, labels, config, **how)


class Attempt(Protocol):
    """One attempt at training, as `run.Run` is one."""

    def epochs(
        self,
        history: History,
        callback: Callable[[Progress], None] | None = None,
        on_epoch: Callable[[EpochEnd], bool] | None = None,
    ) -> bool:
        """Run all epochs; return False as soon as it diverges."""

    def finished(self) -> Weights:
        """Return the weights as they are in a model."""

    def go_on(self, kept: Kept) -> None:
        """Begin where another run was broken off."""


def attempts(
    start: Callable[[], Attempt],
    config: Config,
    callback: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[EpochEnd], bool] | None = None,
    quiet: bool = False,
    keeper: Keeper | None = None,
) -> tuple[Weights, History]:
    """Train until it does not diverge, each time at a quarter of the learning rate before.

    Raises
    ------
    TrainingError
        If it still diverges after `MAX_RESTARTS` restarts.
    """
    assert config.lr is not None
    history = History(lr=config.lr)
    kept = None if keeper is None else keeper.kept
    while True:
        run = start()
        history.loss = []
        if kept is not None:
            run.go_on(kept)
            history, kept = replace(kept.history, loss=[*kept.history.loss]), None
        if run.epochs(history, callback, on_epoch):
            return run.finished(), history
        if history.restarts == MAX_RESTARTS:
            raise TrainingError(
                f"training diverged with lr={config.lr:g}, and "
                f"still with lr={history.lr:g}; give a smaller lr"
            )
        history.restarts += 1
        if not quiet:
            logger.warning(
                "training diverged with lr=%g; starting again with lr=%g",
                history.lr,
                history.lr / 4,
            )
        history.lr /= 4
