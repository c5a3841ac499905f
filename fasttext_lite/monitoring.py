"""Watching a training: reports of each epoch, a log, callbacks, early stopping, warnings.

`fitting.fit` makes a `Monitor` where somebody watches (a `Watch` is given) or `Config.patience`
asks for early stopping; otherwise none of this runs.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from fasttext_lite.config import Config
from fasttext_lite.corpus import Labels, Texts
from fasttext_lite.errors import InputError
from fasttext_lite.features import FeatureMatrix
from fasttext_lite.model import CHUNK_SCORES, Model
from fasttext_lite.rows import take_features, take_labels

if TYPE_CHECKING:
    from fasttext_lite.training import EpochEnd, History
    from fasttext_lite.weights import Weights

logger = logging.getLogger("fasttext_lite")

TRAIN_SAMPLE = 2000  # training texts that `train_accuracy` is measured on, at most
DEAD_LENGTH = 1e-4  # a row shorter than this times the root mean square is dead
DEAD_ROWS = 1 << 16  # looked at in one go
# When a warning is due.
SLOW_EPOCHS, SLOW_FALL = 3, 0.005  # so many epochs, and the loss fell by less than this share
HIGH_UPDATE, LOW_UPDATE = 0.5, 1e-5
# For so many epochs, accuracy lay below the best by this much, and by so many standard errors.
OVERFIT_EPOCHS, OVERFIT_FALL, OVERFIT_ERRORS = 3, 0.01, 1.5
RARE_TEXTS, RARE_NAMED, RARE_FROM = 3, 3, 100


@dataclass(frozen=True)
class EpochReport:
    """The state of a training at the end of an epoch.

    Attributes
    ----------
    epoch : int
        Epochs finished, from 1.
    loss : float
        Mean training loss of the epoch, measured before each step.
    lr : float
        Learning rate in the middle of the epoch.
    seconds : float
        Duration of the epoch, without the time for the report.
    train_accuracy : float
        Share of training texts whose likeliest label is one of their own (with several labels
        to a text: precision at 1), with the weights at the end of the epoch; of at most
        `TRAIN_SAMPLE` texts, the same in each epoch.
    valid_accuracy : float or None
        The same on the validation texts; None without any.
    valid_loss : float or None
        Mean of the training's loss on the validation texts (with label smoothing and focal, so
        that it compares with `loss`); see `mean_loss`.
    update_ratio : float
        Mean length of one step's change divided by the length of the rows changed; see
        `training.EpochEnd`.
    dead_rows : float
        Share of the rows of the embeddings that are zero, or nearly: where these begin at zero
        (``init="output"``), training has not moved them.
    """

    epoch: int
    loss: float
    lr: float
    seconds: float
    train_accuracy: float
    valid_accuracy: float | None
    valid_loss: float | None
    update_ratio: float
    dead_rows: float

    def line(self, n_epochs: int) -> str:
        """Return the report in one line of text."""
        valid = "" if self.valid_accuracy is None else f"valid {self.valid_accuracy:.3f}, "
        return (
            f"epoch {self.epoch}/{n_epochs}: loss {self.loss:.4f}, "
            f"train {self.train_accuracy:.3f}, {valid}lr {self.lr:.3g}, {self.seconds:.1f} s"
        )


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


def check_log(path: str | os.PathLike[str]) -> None:
    """Raise `InputError` unless a log can be written at `path`; leaves nothing behind."""
    path = os.fspath(path)
    folder = os.path.dirname(path) or "."
    reason = ""
    if path in ("", "-"):
        reason = "it needs the name of a file (./- is one too)"
    elif os.path.isdir(path):
        reason = "is a directory"
    elif not os.path.isdir(folder):
        reason = "no such folder"
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        reason = "permission denied"
    if reason:
        raise InputError(f"{path}: cannot write the log: {reason}")


class _Log:
    """A file of JSON lines, each written whole."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        check_log(path)
        try:
            self.file: TextIO = open(self.path, "w", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise self._error(error) from None

    def write(self, event: str, values: dict[str, Any]) -> None:
        """Write a line; what is not finite becomes null."""
        values = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in {"event": event, **values}.items()
        }
        line = json.dumps(values, ensure_ascii=False, allow_nan=False)
        line = line.encode("utf-8", "replace").decode("utf-8")  # lone surrogates
        try:
            self.file.write(line + "\n")
            self.file.flush()
        except OSError as error:
            self.close()
            raise self._error(error) from None

    def close(self) -> None:
        """Close the file."""
        try:
            self.file.close()
        except OSError:
            pass  # what is still to be written has failed, and been reported, before

    def _error(self, error: OSError) -> InputError:
        reason = (error.strerror or str(error)).lower()
        return InputError(f"{self.path}: cannot write the log: {reason}")


class Monitor:
    """Follows one training: an `on_epoch` callable for `training.train`.

    Parameters
    ----------
    watch : Watch
    config : Config
        Resolved. With `patience`, training ends after so many epochs without a higher
        validation accuracy, and `finish` returns the weights of the epoch where it was highest
        (of several: with the lowest validation loss).
    make_model : callable
        Makes a `Model` of `Weights`.
    features, labels : FeatureMatrix, Labels
        That are trained on.
    valid : pair of FeatureMatrix and Labels, optional
    seed, n_threads : int

    Notes
    -----
    The log begins with the settings (``"event": "start"``), has a line for each epoch
    (``"epoch"``, the fields of `EpochReport`), one for each new start after a divergence
    (``"restart"``: the epochs before it do not count), and ends with the result (``"end"``);
    it has no end where training was broken off.
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
    ) -> None:
        self.config, self.make_model, self.valid = config, make_model, valid
        self.callbacks, self.n_threads = watch.callbacks, n_threads
        self.reports: list[EpochReport] = []
        self.best: tuple[EpochReport, Weights] | None = None
        self.is_stopped = False
        rng = np.random.default_rng([seed, 6])
        chosen = rng.permutation(len(features))[:TRAIN_SAMPLE]
        self.sample = take_features(features, chosen), take_labels(labels, chosen)
        self.warner = _Warner(len(valid[1]) if valid else 0)
        self.start = time.perf_counter()
        self.log = None
        if watch.log is not None:
            from fasttext_lite import __version__

            self.log = _Log(watch.log)
            sizes = {"n_texts": len(features), "n_labels": len(labels.names)}
            sizes |= {"n_valid": len(valid[1]) if valid else 0, "n_features": features.ids.size}
            run = {"seed": seed, "n_threads": n_threads}
            versions = {"fasttext_lite": __version__, "numpy": np.__version__}
            self.log.write(
                "start", {**sizes, **run, "versions": versions, "config": config.to_dict()}
            )

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.log is not None:
            self.log.close()

    def __call__(self, end: EpochEnd) -> bool:
        """Report on an epoch; return whether training should end."""
        if end.epoch == 1 and self.reports:
            self.reports, self.best, self.is_stopped = [], None, False
            if self.log is not None:
                self.log.write("restart", {})
        report = self._report(end)
        self.reports.append(report)
        if self.log is not None:
            self.log.write("epoch", dataclasses.asdict(report))
        self.warner.look(self.reports, self.config)
        if self.config.patience is not None and self._is_better(report):
            self.best = None  # frees its memory before the copy is made
            self.best = report, end.weights.copy()
        # All of them are called. (Only True: what a file's write returns is no wish to stop.)
        wishes = [isinstance(wish := call(report), bool | np.bool_) and bool(wish)
                  for call in self.callbacks]  # fmt: skip
        self.is_stopped = any(wishes) or self._is_out_of_patience(report)
        return self.is_stopped

    def _report(self, end: EpochEnd) -> EpochReport:
        model = self.make_model(end.weights)
        valid_accuracy = valid_loss = None
        if self.valid is not None:
            valid_accuracy = first_accuracy(model, *self.valid, self.n_threads)
            valid_loss = mean_loss(model, *self.valid, self.n_threads)
        return EpochReport(
            epoch=end.epoch,
            loss=end.loss,
            lr=end.lr,
            seconds=end.seconds,
            train_accuracy=first_accuracy(model, *self.sample, self.n_threads),
            valid_accuracy=valid_accuracy,
            valid_loss=valid_loss,
            update_ratio=end.update_ratio(),
            dead_rows=dead_share(end.weights.embeddings),
        )

    def _is_better(self, report: EpochReport) -> bool:
        return self.best is None or _rank(report) > _rank(self.best[0])

    def _is_out_of_patience(self, report: EpochReport) -> bool:
        patience = self.config.patience
        if patience is None:
            return False
        # A better loss at the same accuracy makes better weights, but no reason to go on.
        accuracy = [past.valid_accuracy or 0.0 for past in self.reports]
        waited = len(accuracy) - 1 - int(np.argmax(accuracy))
        return waited >= patience and report.epoch < self.config.epochs

    def finish(self, weights: Weights, history: History) -> Weights:
        """Return the weights to keep, and write down in the history and the log how it ended."""
        last = self.reports[-1].epoch if self.reports else 0
        best = last
        if self.best is not None:
            best = self.best[0].epoch
            weights = weights if best == last else self.best[1]
            history.best_epoch = best
        history.reports = list(self.reports)
        if self.log is not None:
            chosen = dataclasses.asdict(self.reports[best - 1]) if self.reports else {}
            names = ("loss", "train_accuracy", "valid_accuracy", "valid_loss")
            self.log.write(
                "end",
                {
                    "epochs": last,
                    "kept_epoch": best,
                    "stopped_early": self.is_stopped,
                    "restarts": history.restarts,
                    "seconds": time.perf_counter() - self.start,
                    **{name: chosen[name] for name in names if name in chosen},
                },
            )
        return weights


def _rank(report: EpochReport) -> tuple[float, float]:
    """Return what is higher for a better epoch: accuracy, then a lower loss."""
    loss = report.valid_loss
    usable = loss is not None and math.isfinite(loss)
    return report.valid_accuracy or 0.0, -loss if usable else -math.inf  # type: ignore[operator]


# -- figures ---------------------------------------------------------------------------------


def first_accuracy(
    model: Model, features: FeatureMatrix, labels: Labels, n_threads: int | None = None
) -> float:
    """Return the share of texts whose likeliest label is one of their own.

    As `evaluation.Evaluation.accuracy`, of features that are there already.
    """
    found = model.predict(features, n_threads=n_threads).labels[:, 0]
    docs = np.repeat(np.arange(len(labels)), np.diff(labels.indptr))
    right = np.zeros(len(labels), bool)
    right[docs[labels.ids == found[docs]]] = True
    return float(right.mean()) if right.size else 0.0


def dead_share(embeddings: np.ndarray) -> float:
    """Return the share of rows shorter than `DEAD_LENGTH` times their root mean square."""
    squares = np.empty(len(embeddings))
    for start in range(0, len(embeddings), DEAD_ROWS):
        part = embeddings[start : start + DEAD_ROWS]
        squares[start : start + DEAD_ROWS] = np.einsum("ij,ij->i", part, part)
    if squares.size == 0:
        return 0.0
    return float((squares <= squares.mean() * DEAD_LENGTH**2).mean())


def mean_loss(
    model: Model, features: FeatureMatrix, labels: Labels, n_threads: int | None = None
) -> float | None:
    """Return the mean loss of texts, as training measures it, but without any dropout.

    Texts without a known feature, with a label that the model does not know, or without any
    label where the loss needs one (softmax, hs, ns) are left out. For ns, which draws labels at
    random, this is the expected value.

    Parameters
    ----------
    model : Model
    features : FeatureMatrix
    labels : Labels
        Ids are the model's, -1 = unknown.
    n_threads : int, optional

    Returns
    -------
    float or None
        None where no text is left.
    """
    sizes = np.diff(labels.indptr)
    docs = np.repeat(np.arange(len(labels)), sizes)
    use = np.diff(features.indptr) > 0
    use[docs[labels.ids < 0]] = False
    if model.config.loss in ("softmax", "hs", "ns"):
        use &= sizes > 0
    chosen = np.flatnonzero(use)
    if chosen.size == 0:
        return None
    hidden = model.embed(take_features(features, chosen), n_threads)
    labels = take_labels(labels, chosen)
    step = max(1, CHUNK_SCORES // max(model.output.shape[0], 1))
    total = 0.0
    for start in range(0, chosen.size, step):
        part = np.arange(start, min(start + step, chosen.size))
        scores = (hidden[part] @ model.output.T).astype(np.float64)
        own = take_labels(labels, part)
        total += float(_losses(model, scores, own))
    return total / chosen.size


def _losses(model: Model, scores: np.ndarray, labels: Labels) -> float:
    """Return the sum of the losses of some texts, given the scores of all output rows."""
    config = model.config
    sizes = np.diff(labels.indptr)
    docs = np.repeat(np.arange(len(labels)), sizes)
    if config.loss == "hs":
        return _path_losses(model, scores, labels, docs, sizes)
    n_labels = scores.shape[1]
    smoothing = config.label_smoothing or 0.0
    floor, top = smoothing / n_labels, 1 - smoothing
    if config.loss == "ns":
        return _drawn_losses(model, scores, labels, docs, sizes)
    targets = np.full(scores.shape, floor)
    shares = 1 / sizes[docs] if config.loss == "softmax" else 1.0
    targets[docs, labels.ids] += top * shares
    if config.loss == "softmax":
        scores = scores - scores.max(axis=1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return -float((targets * _focus(np.exp(log_p), config.focal) * log_p).sum())
    if config.loss in ("hinge", "squared_hinge"):
        gaps = np.maximum(1 - np.where(targets > 0.5, 1, -1) * scores, 0)
        return float((gaps if config.loss == "hinge" else gaps**2).sum())
    return float(_logistic(scores, targets, config.focal).sum())


def _focus(p: np.ndarray, focal: float) -> np.ndarray | float:
    """Return the factor of the focal loss at a probability, (1 - p) ** focal."""
    return np.maximum(1 - p, 1e-7) ** focal if focal else 1.0


def _logistic(scores: np.ndarray, targets: np.ndarray | float, focal: float) -> np.ndarray:
    """Return the logistic loss of each score."""
    log_p, log_q = -np.logaddexp(0, -scores), -np.logaddexp(0, scores)
    yes = _focus(np.exp(log_p), focal) * log_p
    no = _focus(np.exp(log_q), focal) * log_q
    return -(targets * yes + (1 - targets) * no)


def _path_losses(
    model: Model, scores: np.ndarray, labels: Labels, docs: np.ndarray, sizes: np.ndarray
) -> float:
    """Return the sum of the losses of the decisions from each label up to the root."""
    tree, smoothing = model.tree, model.config.label_smoothing or 0.0
    assert tree is not None
    parents, branches = tree.parents(), tree.branches()
    node, shares, total = labels.ids.astype(np.int64), 1 / sizes[docs], 0.0
    while node.size:
        up = parents[node]
        below = up >= 0
        node, up, docs, shares = node[below], up[below], docs[below], shares[below]
        targets = branches[node] * (1 - smoothing) + smoothing / 2
        losses = _logistic(scores[docs, up - tree.n_labels], targets, model.config.focal)
        total += float((shares * losses).sum())
        node = up.astype(np.int64)
    return total


def _drawn_losses(
    model: Model, scores: np.ndarray, labels: Labels, docs: np.ndarray, sizes: np.ndarray
) -> float:
    """Return the sum of the expected losses with negative labels drawn at random."""
    from fasttext_lite.kernels.train import DRAWS

    config = model.config
    smoothing = config.label_smoothing or 0.0
    floor = smoothing / scores.shape[1]
    chances = np.sqrt(np.maximum(model.label_counts, 1))
    chances = np.repeat(chances[None] / chances.sum(), len(sizes), axis=0)
    chances[docs, labels.ids] = 0  # a draw that hits a label of the text is repeated
    rest = chances.sum(axis=1, keepdims=True)
    chances *= np.divide(1 - (1 - rest) ** DRAWS, rest, out=np.zeros_like(rest), where=rest > 0)
    negative = _logistic(scores, floor, config.focal) * chances
    target = 1 - smoothing + floor
    positive = _logistic(scores[docs, labels.ids], target, config.focal)
    return float((positive / sizes[docs]).sum() + config.neg * negative.sum())


# -- warnings --------------------------------------------------------------------------------


def warn_of_rare_labels(labels: Labels) -> None:
    """Log one line if some labels have too few texts to be learnt.

    Silent below `RARE_FROM` texts: so small a training is a trial.
    """
    counts = labels.counts()
    rare = np.flatnonzero((counts > 0) & (counts < RARE_TEXTS))
    if len(labels) < RARE_FROM or rare.size == 0:
        return
    names = ", ".join(" ".join(labels.names[i].split())[:40] for i in rare[:RARE_NAMED])
    logger.warning(
        "%d of %d labels have fewer than %d training texts (%s%s) and will hardly be learnt; "
        "give them more texts, merge them or leave them out",
        rare.size, counts.size, RARE_TEXTS, names, ", ..." * (rare.size > RARE_NAMED),
    )  # fmt: skip


class _Warner:
    """Says in plain words what looks wrong, each thing at most once in a training."""

    def __init__(self, n_valid: int = 0) -> None:
        self.said: set[str] = set()
        self.checks: dict[str, Callable[[Sequence[EpochReport], Config], str | None]] = {
            "slow": _slow,
            "update": _unusual_update,
            "overfit": partial(_overfit, n_valid),
        }

    def look(self, reports: Sequence[EpochReport], config: Config) -> None:
        """Check the reports of the epochs so far."""
        for name, check in self.checks.items():
            message = None if name in self.said else check(reports, config)
            if message:
                self.said.add(name)
                logger.warning("%s", message)


def _slow(reports: Sequence[EpochReport], config: Config) -> str | None:
    first, last = reports[0].loss, reports[-1].loss
    if len(reports) < SLOW_EPOCHS or last < first - SLOW_FALL * abs(first):
        return None
    if last < 0.01:  # nothing is left to learn
        return None
    hint = "smaller" if last > first + SLOW_FALL * abs(first) else "larger"
    return (
        f"the training loss does not fall: {first:.4g} in epoch 1, {last:.4g} in epoch "
        f"{reports[-1].epoch}; try a {hint} lr (it is {config.lr:g}), and check that the labels "
        "belong to the texts"
    )


def _unusual_update(reports: Sequence[EpochReport], config: Config) -> str | None:
    report = reports[-1]
    # In the first epoch rows that begin at zero move by many times their length.
    if report.epoch == 1 or report.update_ratio == 0 or not math.isfinite(report.update_ratio):
        return None
    is_low = report.update_ratio < LOW_UPDATE and report.lr > 0.5 * max(r.lr for r in reports)
    if report.update_ratio <= HIGH_UPDATE and not is_low:  # a rate near 0 moves little, and should
        return None
    kind, hint = ("far", "smaller") if report.update_ratio > HIGH_UPDATE else ("hardly", "larger")
    return (
        f"weights move {kind} at each step: the update ratio in epoch {report.epoch} is "
        f"{report.update_ratio:.2g}, about 1e-3 is usual; try a {hint} lr (it is {config.lr:g})"
    )


def _overfit(n_valid: int, reports: Sequence[EpochReport], config: Config) -> str | None:
    before, recent = reports[:-OVERFIT_EPOCHS], reports[-OVERFIT_EPOCHS:]
    if not before or before[0].valid_accuracy is None:
        return None
    highest = max(report.valid_accuracy or 0.0 for report in recent)
    losses = [report.loss for report in reports[-OVERFIT_EPOCHS - 1 :]]
    best = max(before, key=_rank)
    accuracy = best.valid_accuracy or 0.0
    error = math.sqrt(accuracy * (1 - accuracy) / max(n_valid, 1))
    least = max(OVERFIT_FALL, OVERFIT_ERRORS * error)
    if accuracy - highest < least or not np.all(np.diff(losses) < 0):
        return None
    advice = "with patience the best weights would be kept"
    if config.patience is not None:
        advice = "the best weights so far are kept"
    return (
        f"the training texts are learnt by heart: the training loss still falls, but validation "
        f"accuracy was {best.valid_accuracy:.3f} in epoch {best.epoch} and at most {highest:.3f} "
        f"in the last {OVERFIT_EPOCHS} epochs; {advice}, and fewer epochs or a smaller lr may do "
        "better"
    )
