"""The learning rate over a training."""

from __future__ import annotations

import math
from collections.abc import Callable

# Factor of the learning rate over progress in [0, 1], after the warm-up.
_SHAPES: dict[str, Callable[[float], float]] = {
    "linear": lambda progress: 1.0 - progress,  # fastText's
    "constant": lambda progress: 1.0,
    "step": lambda progress: 0.1 ** min(int(3 * progress), 2),
    "exponential": lambda progress: 0.01**progress,
    "inverse": lambda progress: 1.0 / (1.0 + 9.0 * progress),
    "cosine": lambda progress: 0.5 + 0.5 * math.cos(math.pi * progress),
}


def make_schedule(name: str, warmup: float = 0.0) -> Callable[[float], float]:
    """Return the factor of the learning rate over progress, both in [0, 1].

    Parameters
    ----------
    name : str
        One of `config.SCHEDULES`. Cosine: Loshchilov and Hutter 2017, SGDR, eq. 5 without
        restarts.
    warmup : float
        Share of training in which the factor rises linearly from 0 to 1; the schedule runs
        over the rest.
    """
    shape = _SHAPES[name]

    def factor(progress: float) -> float:
        if progress < warmup:
            return progress / warmup
        return shape((progress - warmup) / (1.0 - warmup))

    return factor
