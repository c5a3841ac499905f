"""What a training of fastText tells on its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class CommandProgress:
    """How far training has come; handed to the callback about ten times a second.

    Attributes
    ----------
    fraction : float
        In [0, 1].
    loss : float
        Mean loss of the epoch under way; in the last report of all epochs.
    lr : float
    words_per_second : float
        Of each thread.
    eta : float
        Seconds left.
    """

    fraction: float
    loss: float
    lr: float
    words_per_second: float
    eta: float


Callback = Callable[[CommandProgress], None]
