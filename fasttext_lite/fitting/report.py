"""What is said of each epoch, and the log that keeps it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import Any, TextIO

from fasttext_lite.errors import InputError


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


class Log:
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
