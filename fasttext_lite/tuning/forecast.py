"""How long a trial will take."""

from __future__ import annotations

import time
from collections.abc import Callable

from fasttext_lite.training.loop import Progress

COMPILATION = 8.0  # seconds that the first use of a kernel may take
SAFETY, FINAL_SAFETY = 1.25, 2.0  # factors of durations foretold
LONGEST_TRIAL = 1 / 12  # of the time left


class TimeUpError(Exception):
    """Stops a training."""


class Watch:
    """A training callback that stops in time, and measures without the start."""

    def __init__(
        self, limit: float, on_progress: Callable[[int, float], None] | None, number: int
    ) -> None:
        self.limit, self.on_progress, self.number = limit, on_progress, number
        self.first: tuple[float, float] | None = None
        self.last = 0.0

    def __call__(self, progress: Progress) -> None:
        self.last = time.perf_counter()
        if self.first is None:
            self.first = progress.fraction, self.last
        if self.last > self.limit:
            raise TimeUpError
        if self.on_progress is not None:
            self.on_progress(self.number, progress.fraction)

    def steady(self, seconds: float) -> float:
        """Return the duration of a training had it run all along as after the first report.

        A kernel that is used for the first time may have to be compiled before.
        """
        if self.first is None or self.first[0] > 0.6:
            return seconds
        fraction, at = self.first
        return min(seconds, (self.last - at) / (1 - fraction))
