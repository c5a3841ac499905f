"""One training from nothing, and what it makes."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting.monitor import Monitor, Watch
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.fitting.pruning import without_zero_rows
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.model.model import Model
from fasttext_lite.model.run import Run

if TYPE_CHECKING:
    from typing import Protocol

    from fasttext_lite.training.history import History
    from fasttext_lite.training.keeping import Keeper
    from fasttext_lite.training.weights import Weights

    class FollowingKeeper(Keeper, Protocol):
        """What keeps a training and what follows it: `keeper.TrainingKeeper`."""

        def follow(self, monitor: Monitor | None) -> None:
            """Keep this, too."""

        def trained(self) -> None:
            """Hear that the training is over."""


@dataclass
class Trainee:
    """A model under way: what `fit` makes and `fit_more` goes on with.

    Attributes
    ----------
    model : Model
    weights : Weights
        The tables with the optimizer's state; of a model from a file, made when it is first used:
        a large table may not have been read yet.
    history : History
        Of the last training.
    """

    model: Model
    weights: Weights
    history: History

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Weights:
            """Return the weights that `of_model` has not made: with a fresh state."""
            model = vars(self).get("model")
            if name != "weights" or model is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            from fasttext_lite.training.weights import stateless

            self.weights = stateless(
                model.config, model.embeddings, model.output, model.norm, model.layer
            )
            return self.weights

    def __getstate__(self) -> dict[str, Any]:
        """Return the model and the history: a pickle is as small as the model's file.

        The tables of the weights are those of the model; the optimizer's state, which may be as
        large as both, begins anew, as it does after `storage.load_model`.
        """
        return {"model": self.model, "history": self.history}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "weights" not in state:
            state = vars(self.of_model(state["model"], state["history"]))
        self.__dict__.update(state)

    def __deepcopy__(self, memo: dict[int, Any]) -> Trainee:
        """Return a copy that goes on where this one would, with the optimizer's state."""
        model, history = copy.deepcopy((self.model, self.history), memo)
        return Trainee(model, self.weights.copy(), history)

    @classmethod
    def of_model(cls, model: Model, history: History | None = None) -> Trainee:
        """Return a model with a fresh state of the optimizer."""
        from fasttext_lite.training.history import History

        new = cls.__new__(cls)
        new.model = model
        new.history = History(choice=model.choice) if history is None else history
        return new


@dataclass(frozen=True)
class Training:
    """One training from nothing.

    Attributes
    ----------
    prepared : Prepared
        What is trained on.
    config : Config
        Resolved.
    seed, n_threads : int
    valid : pair of FeatureMatrix and Labels, optional
        What is validated on.
    noisy : callable, optional
        See `noise.make_noise`.
    tree : LabelTree, optional
    is_trial : bool
        Whether it is of a candidate: all rows stay, whatever l1 has set to 0, and nothing is said
        of a divergence.
    """

    prepared: Prepared
    config: Config
    seed: int
    n_threads: int
    valid: tuple[FeatureMatrix, Labels] | None = None
    noisy: Callable[[int], FeatureMatrix] | None = None
    tree: LabelTree | None = None
    is_trial: bool = False

    def run(
        self,
        callback: Callable[[Any], None] | None,
        watch: Watch | None,
        keeper: FollowingKeeper | None = None,
    ) -> Trainee:
        """Train."""
        from fasttext_lite.training import loop
        from fasttext_lite.training.run import DIVERGED, DIVERGED_LATER

        prepared, space, vectors = self.prepared, self.prepared.model_space, self.prepared.vectors
        is_resumed = keeper is not None and keeper.kept is not None
        with self._monitor(watch, is_resumed) as monitor:
            if keeper is not None:
                keeper.follow(monitor)
            weights, history = loop.train(
                self._start(), prepared.features, prepared.labels, self.config,
                tree=self.tree, doc_weights=prepared.doc_weights,
                diverged=DIVERGED if prepared.before is None else DIVERGED_LATER,
                seed=self.seed, n_threads=self.n_threads, callback=callback, on_epoch=monitor,
                noisy=self.noisy, quiet=self.is_trial, keeper=keeper,
            )  # fmt: skip
            if keeper is not None:
                keeper.trained()
            history.choice = prepared.choice
            if vectors is not None:
                history.vectors = vectors.rows.size, vectors.n_words
                history.words_added = len(vectors.added)
            if monitor is not None:
                weights = monitor.finish(weights, history)
        weights = self._with_added(weights)
        if self.config.l1 and not self.is_trial:
            space, weights = without_zero_rows(space, weights, self.config.l1)
        return Trainee(self._model(weights, space, self._ended(history)), weights, history)

    def _monitor(
        self, watch: Watch | None, is_resumed: bool = False
    ) -> contextlib.AbstractContextManager[Monitor | None]:
        """Return what follows the training, if anybody watches or patience asks for it."""
        if watch is None and self.config.patience is None:
            return contextlib.nullcontext()

        def make_model(weights: Weights) -> Model:
            return self._model(self._with_added(weights), self.prepared.model_space)

        return Monitor(
            watch or Watch(), self.config, make_model, self.prepared.features,
            self.prepared.labels, self.valid, seed=self.seed, n_threads=self.n_threads,
            run=self.prepared.run, is_resumed=is_resumed,
        )  # fmt: skip

    def _start(self) -> Callable[[], Weights]:
        """Return what makes the weights to start from."""
        from fasttext_lite.training.weights import grow_weights, init_weights, n_output_rows

        if (before := self.prepared.before) is not None:
            return partial(
                grow_weights, before.weights, self.config, self.prepared.space.n_rows, self.seed
            )
        space, config, vectors = self.prepared.space, self.config, self.prepared.vectors
        known = self.prepared.start
        n_output = n_output_rows(config, len(self.prepared.labels.names))

        def start() -> Weights:
            weights = init_weights(config, space.n_rows, n_output, self.seed)
            if vectors is not None:
                weights.embeddings[vectors.rows] = vectors.vectors
            if known is not None:
                weights.embeddings[:, : known.embeddings.shape[1]] = known.embeddings
                if known.output is not None:
                    weights.output[:, : known.output.shape[1]] = known.output
            return weights

        return start

    def _with_added(self, weights: Weights) -> Weights:
        """Return weights with the rows of words that no text has, which training does not move.

        Weight decay alone would; l1 would leave none of them, and does not.
        """
        from fasttext_lite.training.weights import grow_weights

        vectors, n_rows = self.prepared.vectors, len(weights.embeddings)
        if vectors is None or not len(vectors.added):
            return weights
        weights = grow_weights(weights, self.config, vectors.space.n_rows, self.seed)
        left = np.float32(math.exp(-self.config.l2 * weights.path))
        np.multiply(vectors.added, left, out=weights.embeddings[n_rows:], casting="same_kind")
        return weights

    @property
    def _calibration(self) -> Calibration:
        return self.prepared.calibration or Calibration.none(LOSSES[self.config.loss])

    def _ended(self, history: History) -> Run | None:
        """Return how the training was run, with the epochs of the weights that are kept."""
        run, epochs = self.prepared.run, history.best_epoch or len(history.loss)
        if epochs < self.config.epochs:
            run = replace(run or Run(), epochs=epochs)
        return run

    def _model(self, weights: Weights, space: FeatureSpace, run: Run | None = None) -> Model:
        labels, before = self.prepared.labels, self.prepared.before
        counts, n_texts = labels.counts(), len(self.prepared.features)
        if before is not None:
            counts, n_texts = counts + before.label_counts, n_texts + before.n_texts
        return Model(
            config=self.config, labels=labels.names, label_counts=counts, n_texts=n_texts,
            space=space, tree=self.tree,
            multilabel=self.prepared.multilabel, calibration=self._calibration,
            choice=self.prepared.choice, run=run or self.prepared.run,
            abstention=self.prepared.abstention, **tables_of(weights),
        )  # fmt: skip


def tables_of(weights: Weights) -> dict[str, Any]:
    """Return the tables of weights as arguments of `Model`."""
    return {name: getattr(weights, name) for name in ("embeddings", "output", "norm", "layer")}
