"""Follow a training: a report of each epoch, told to whoever watches, and early stopping.

`fit.fit` makes a `Monitor` where somebody watches (a `Watch` is given) or `Config.patience` asks
for early stopping; otherwise none of this runs. What is measured stands in `measures`, what is
warned of in `advice`.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting.advice import Warner
from fasttext_lite.fitting.log import TrainingLog
from fasttext_lite.fitting.measures import dead_share, mean_loss, right_share
from fasttext_lite.fitting.report import EpochReport
from fasttext_lite.model.decisions import figure_name
from fasttext_lite.model.model import Model
from fasttext_lite.model.run import Run
from fasttext_lite.version import __version__

if TYPE_CHECKING:
    from fasttext_lite.training.history import EpochEnd, History
    from fasttext_lite.training.weights import Weights

TRAIN_SAMPLE = 2000  # training texts that `train_accuracy` is measured on, at most


@dataclass(frozen=True)
class Watch:
    """What somebody wants to see of a training; each part may be left out.

    Attributes
    ----------
    valid : pair of Texts (or FeatureMatrix) and Labels, optional
        To validate on. Label ids must be those of the training labels, -1 = a label that
        these do not have: such a text counts as an error and is left out of the loss.
    callbacks : tuple of callables
        Called after each epoch with its `EpochReport`; training ends when one returns True.
    log : path-like, optional
        File to write with one JSON object in each line; see `Monitor`.
    """

    valid: tuple[Texts | FeatureMatrix, Labels] | None = None
    callbacks: tuple[Callable[[EpochReport], Any], ...] = ()
    log: str | os.PathLike[str] | None = None


class Monitor:
    """Follows one training: an `on_epoch` callable for `loop.train`.

    Parameters
    ----------
    watch : Watch
    config : Config
        Resolved. With `patience`, training ends after so many epochs without a higher
        validation accuracy (with several labels to a text: exact match), and `finish` returns the
        weights of the epoch where it was highest (of several: with the lowest validation loss).
    make_model : callable
        Makes a `Model` of `Weights`.
    features, labels : FeatureMatrix, Labels
        That are trained on.
    valid : pair of FeatureMatrix and Labels, optional
    seed, n_threads : int
    run : Run, optional
        For the log.
    is_resumed : bool
        Whether `go_on` will say what it knew; then the log is gone on with.

    Notes
    -----
    The log begins with the settings (``"event": "start"``), has a line for each epoch
    (``"epoch"``, the fields of `EpochReport`), one for each new start after a divergence
    (``"restart"``: the epochs before it do not count), one where a training that was broken off
    goes on (``"resume"``, after `epochs`: later ones before it do not count), and ends with the
    result (``"end"``); it has no end where training was broken off.
    """

    def __init__(
        self,
        watch: Watch,
        config: Config,
        make_model: Callable[[Weights], Model],
        features: FeatureMatrix,
        labels: Labels,
        valid: tuple[FeatureMatrix, Labels] | None,
        *,
        seed: int = 0,
        n_threads: int = 1,
        run: Run | None = None,
        is_resumed: bool = False,
    ) -> None:
        self.config, self.make_model, self.valid = config, make_model, valid
        self.callbacks, self.n_threads = watch.callbacks, n_threads
        self.reports: list[EpochReport] = []
        self.best: tuple[EpochReport, Weights] | None = None
        self.is_stopped = False
        rng = np.random.default_rng([seed, 6])
        chosen = rng.permutation(len(features))[:TRAIN_SAMPLE]
        self.sample = features.take(chosen), labels.take(chosen)
        self.warner = Warner(len(valid[1]) if valid else 0)
        self.start = time.perf_counter()
        self.log = None if watch.log is None else TrainingLog(watch.log, is_resumed)
        if is_resumed:
            return
        about = {} if run is None else run.to_dict()
        self._log_start(features, labels, {**about, "seed": seed, "n_threads": n_threads})

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.log is not None:
            self.log.close()

    def __call__(self, end: EpochEnd) -> bool:
        """Report on an epoch; return whether training should end."""
        if end.epoch == 1 and self.reports:
            self.reports, self.best, self.is_stopped = [], None, False
            self._log("restart", {})
        report = self._report(end)
        self.reports.append(report)
        self._log("epoch", dataclasses.asdict(report))
        self.warner.look(self.reports, self.config)
        if self.config.patience is not None and self._is_better(report):
            self.best = None  # frees its memory before the copy is made
            self.best = report, end.weights.copy()
        # All of them are called. (Only True: what a file's write returns is no wish to stop.)
        wishes = [isinstance(wish := call(report), bool | np.bool_) and bool(wish)
                  for call in self.callbacks]  # fmt: skip
        self.is_stopped = any(wishes) or self._is_out_of_patience(report)
        return self.is_stopped

    def course(self) -> tuple[dict[str, Any], Weights | None]:
        """Return what it knows, as JSON values, and the best weights so far; for `go_on`."""
        best, weights = None, None
        if self.best is not None:
            report, weights = self.best
            of = {"steps": weights.steps, "path": weights.path}
            best = {"epoch": report.epoch, "weights": of}
        reports = [dataclasses.asdict(report) for report in self.reports]
        return {"reports": reports, "best": best, "said": sorted(self.warner.said)}, weights

    def go_on(self, course: dict[str, Any], best: Weights | None, epochs: float) -> None:
        """Go on from what another one knew, after so many epochs."""
        self.reports = [EpochReport(**report) for report in course["reports"]]
        self.warner.said = set(course["said"])
        if best is not None:
            self.best = self.reports[course["best"]["epoch"] - 1], best
        self._log("resume", {"epochs": epochs})

    def _report(self, end: EpochEnd) -> EpochReport:
        model = self.make_model(end.weights)
        valid_accuracy = valid_loss = None
        if self.valid is not None:
            valid_accuracy = right_share(model, *self.valid, self.n_threads)
            valid_loss = mean_loss(model, *self.valid, self.n_threads)
        return EpochReport(
            epoch=end.epoch,
            loss=end.loss,
            lr=end.lr,
            seconds=end.seconds,
            train_accuracy=right_share(model, *self.sample, self.n_threads),
            valid_accuracy=valid_accuracy,
            valid_loss=valid_loss,
            update_ratio=end.update_ratio(),
            dead_rows=dead_share(end.weights.embeddings),
            figure=figure_name(model.multilabel),
        )

    def _is_better(self, report: EpochReport) -> bool:
        return self.best is None or report.rank > self.best[0].rank

    def _is_out_of_patience(self, report: EpochReport) -> bool:
        patience = self.config.patience
        if patience is None:
            return False
        # A better loss at the same accuracy makes better weights, but no reason to go on.
        accuracy = [past.valid_accuracy or 0.0 for past in self.reports]
        if not any(accuracy):  # as long as no text is right, the loss alone can become better
            accuracy = [past.rank[1] for past in self.reports]
        waited = len(accuracy) - 1 - int(np.argmax(accuracy))
        return waited >= patience and report.epoch < self.config.epochs

    def finish(self, weights: Weights, history: History) -> Weights:
        """Return the weights to keep, and write down in the history and the log how it ended."""
        last = self.reports[-1].epoch if self.reports else 0
        best = last
        if self.best is not None:
            best = self.best[0].epoch
            # Of an epoch that was ended in the middle nobody knows how good its weights are.
            is_last = best == last == len(history.loss)
            weights = weights if is_last else self.best[1]
            history.best_epoch = best
        history.reports = list(self.reports)
        chosen = dataclasses.asdict(self.reports[best - 1]) if self.reports else {}
        names = ("loss", "train_accuracy", "valid_accuracy", "valid_loss")
        self._log(
            "end",
            {
                "epochs": last,
                "kept_epoch": best,
                "stopped_early": self.is_stopped,
                "restarts": history.restarts,
                "seconds": time.perf_counter() - self.start,
                "choice": None if history.choice is None else history.choice.to_dict(),
                **{name: chosen[name] for name in names if name in chosen},
            },
        )
        return weights

    def _log(self, event: str, values: dict[str, Any]) -> None:
        if self.log is not None:
            self.log.write(event, values)

    def _log_start(self, features: FeatureMatrix, labels: Labels, run: dict[str, Any]) -> None:
        sizes = {
            "n_texts": len(features),
            "n_labels": len(labels.names),
            "n_valid": len(self.valid[1]) if self.valid else 0,
            "n_features": features.ids.size,
        }
        versions = {"fasttext_lite": __version__, "numpy": np.__version__}
        config = self.config.to_dict()
        self._log("start", {**sizes, **run, "versions": versions, "config": config})
