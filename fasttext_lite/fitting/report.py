"""What is said of each epoch of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fasttext_lite.model.decisions import ACCURACY


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
        Share of training texts that the model decides right (with several labels to a text:
        exact matches; see `decisions.right_texts`), with the weights at the end of the epoch; of
        at most `monitor.TRAIN_SAMPLE` texts, the same in each epoch.
    valid_accuracy : float or None
        The same on the validation texts; None without any.
    valid_loss : float or None
        Mean of the training's loss on the validation texts (with label smoothing and focal, so
        that it compares with `loss`); see `measures.mean_loss`.
    update_ratio : float
        Mean length of one step's change divided by the length of the rows changed; see
        `loop.EpochEnd`.
    dead_rows : float
        Share of the rows of the embeddings that are zero, or nearly: where these begin at zero
        (``init="output"``), training has not moved them.
    figure : str
        What the share of right texts is called: accuracy or exact match.
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
    figure: str = ACCURACY

    @property
    def rank(self) -> tuple[float, float]:
        """What is higher for a better epoch: validation accuracy, then a lower validation loss."""
        loss = self.valid_loss
        if loss is None or not math.isfinite(loss):
            loss = math.inf
        return self.valid_accuracy or 0.0, -loss

    def line(self, n_epochs: int) -> str:
        """Return the report in one line of text."""
        valid = "" if self.valid_accuracy is None else f"valid {self.valid_accuracy:.3f}, "
        figure = "" if self.figure == ACCURACY else f"{self.figure} "
        return (
            f"epoch {self.epoch}/{n_epochs}: loss {self.loss:.4f}, {figure}"
            f"train {self.train_accuracy:.3f}, {valid}lr {self.lr:.3g}, {self.seconds:.1f} s"
        )
