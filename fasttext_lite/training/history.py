"""What training tells while it runs, and what is left to tell in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fasttext_lite.training.weights import Weights


@dataclass(frozen=True)
class Progress:
    """How far training has come; handed to the callback about ten times a second.

    Attributes
    ----------
    epoch : int
        Epochs finished.
    fraction : float
        Share of all steps done, in [0, 1].
    loss : float
        Mean loss of the epoch under way (or just finished).
    lr : float
        Learning rate now.
    texts_per_second : float
    """

    epoch: int
    fraction: float
    loss: float
    lr: float
    texts_per_second: float


@dataclass(frozen=True)
class EpochEnd:
    """The state at the end of an epoch; handed to `on_epoch`.

    Attributes
    ----------
    epoch : int
        Epochs finished, from 1.
    loss : float
        Mean loss of the epoch, measured before each step.
    lr : float
        Learning rate in the middle of the epoch.
    seconds : float
        Duration of the epoch.
    weights : Weights
        As they would be now in a model; not to be changed, and only valid during the call:
        training goes on in these arrays.
    update_ratio : callable
        Returns the mean over some documents of the length of one step's change divided by
        the length of the rows changed (0 where nothing can be measured).
    """

    epoch: int
    loss: float
    lr: float
    seconds: float
    weights: Weights
    update_ratio: Callable[[], float]


@dataclass
class History:
    """What happened in training.

    Attributes
    ----------
    loss : list of float
        Mean loss of each epoch, measured before each step.
    lr : float
        Learning rate at the start of the run that went through.
    restarts : int
        How often training diverged and began again with a smaller learning rate.
    reports : list of fitting.report.EpochReport
        One for each epoch, if anybody watched.
    best_epoch : int, optional
        With `Config.patience`: the epoch whose weights were kept.
    choice : model.choice.Choice, optional
        How settings that were left open were chosen, where several were tried.
    vectors : (int, int), optional
        How many words of the texts had a pretrained vector, and of how many.
    words_added : int
        Words that came from the file of these vectors alone.
    """

    loss: list[float] = field(default_factory=list)
    lr: float = 0.0
    restarts: int = 0
    reports: list[Any] = field(default_factory=list)
    best_epoch: int | None = None
    choice: Any = None
    vectors: tuple[int, int] | None = None
    words_added: int = 0
