"""Warnings in plain words about a training that goes wrong."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.strangers import shown, slips
from fasttext_lite.corpus.structure import LabelCounts, label_fault
from fasttext_lite.fitting.report import EpochReport
from fasttext_lite.model.model import Model

logger = logging.getLogger("fasttext_lite")

# When a warning is due.
SLOW_EPOCHS, SLOW_FALL = 3, 0.005  # so many epochs, and the loss fell by less than this share
LEARNT = 0.99  # of the training texts, so many right
HIGH_UPDATE, LOW_UPDATE = 0.5, 1e-5

# For so many epochs, accuracy lay below the best by this much, and by so many standard errors.
OVERFIT_EPOCHS, OVERFIT_FALL, OVERFIT_ERRORS = 3, 0.01, 1.5
RARE_TEXTS, RARE_NAMED, RARE_FROM = 3, 3, 100


def warn_of_labels(labels: Labels) -> None:
    """Log one line if labels look like a mistake, or some have too few texts to be learnt.

    Of the latter nothing is said below `RARE_FROM` texts: so small a training is a trial.
    """
    fault = label_fault(LabelCounts.of(labels))
    if fault is not None:
        logger.warning("%s", fault)
        return
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


def warn_of_new_labels(labels: Labels, new: np.ndarray) -> None:
    """Log which labels a model did not know that join it: one may be a slip of the pen.

    Parameters
    ----------
    labels : Labels
        Of the texts that it will be trained on, by the names of all labels.
    new : int64[n_new]
        The numbers of the new ones.
    """
    if new.size == 0:
        return
    counts = labels.counts()
    named = [labels.names[i] for i in new]
    is_new = set(new.tolist())
    known = [name for i, name in enumerate(labels.names) if i not in is_new]
    why = slips(named, known)
    logger.warning(
        "%d label%s that the model did not know join%s it: %s%s",
        new.size, "s" * (new.size > 1), "s" * (new.size == 1), shown(named),
        f"; {why}" * bool(why),
    )  # fmt: skip
    if counts[new].any() and counts.sum() == counts[new].sum():
        logger.warning(
            "no text here has a label that the model knew before: what it knows of those will "
            "suffer; put some of their texts among these"
        )


def warn_of_threshold(model: Model, has_abstention: bool = False) -> None:
    """Log one line of each threshold of a model that is trained on: the next one has none.

    Parameters
    ----------
    model : Model
        The one before.
    has_abstention : bool
        Whether the next one has a threshold to abstain by all the same: nothing is said of it.
    """
    if model.threshold is not None:
        logger.warning(
            "the threshold %r that tuning has found was that of the model before: it is dropped; "
            "tune again for one of this model",
            model.threshold.value,
        )
    if model.abstention is not None and not has_abstention:
        logger.warning(
            "the threshold %.6g to abstain by was that of the model before: it is dropped; train "
            "with %s for one of this model",
            model.abstention.value, model.abstention.wanted,
        )  # fmt: skip


class Warner:
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
    if last < 0.01 or reports[-1].train_accuracy > LEARNT:  # nothing is left to learn
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
    best = max(before, key=lambda report: report.rank)
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
        f"{best.figure} was {best.valid_accuracy:.3f} in epoch {best.epoch} and at most "
        f"{highest:.3f} in the last {OVERFIT_EPOCHS} epochs; {advice}, and fewer epochs or a "
        "smaller lr may do better"
    )
