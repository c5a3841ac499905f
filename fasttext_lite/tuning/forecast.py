"""How long trials and the final training will take, and whether there is time for them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.training.composition import compose
from fasttext_lite.training.history import Progress
from fasttext_lite.training.kernels.parts import Parts
from fasttext_lite.tuning.data import FeatureCache, TuningData
from fasttext_lite.tuning.space import Space

COMPILATION = 8.0  # seconds that the first use of a kernel may take
SAFETY, FINAL_SAFETY = 1.25, 2.0  # factors of durations foretold
LONGEST_TRIAL = 1 / 12  # of the time left


class TimeUpError(Exception):
    """Stops a training."""


class Stopwatch:
    """A training callback that stops in time, and measures without the start.

    Parameters
    ----------
    limit : float
        When to raise `TimeUpError`, of `time.perf_counter`.
    on_progress : callable, optional
        Called with the number and the share that is done.
    number : int
        Of the trial.
    n_turns : int
        Trainings that follow one another; `turn` says which one it is.
    """

    def __init__(
        self,
        limit: float,
        on_progress: Callable[[int, float], None] | None,
        number: int,
        n_turns: int = 1,
    ) -> None:
        self.limit, self.on_progress, self.number = limit, on_progress, number
        self.n_turns, self.turn = n_turns, 0
        self.first: tuple[float, float] | None = None
        self.last = 0.0

    def __call__(self, progress: Progress) -> None:
        """Take note of the time; called about ten times a second."""
        self.last = time.perf_counter()
        fraction = (self.turn + progress.fraction) / self.n_turns
        if self.first is None:
            self.first = fraction, self.last
        if self.last > self.limit:
            raise TimeUpError
        if self.on_progress is not None:
            self.on_progress(self.number, fraction)

    def steady(self, seconds: float) -> float:
        """Return the duration of a training had it run all along as after the first report.

        A kernel that is used for the first time may have to be compiled before.
        """
        if self.first is None or self.first[0] > 0.6:
            return seconds
        fraction, at = self.first
        return min(seconds, (self.last - at) / (1 - fraction))


class Forecast:
    """Durations foretold from those of the trials so far.

    Parameters
    ----------
    data : TuningData
    space : Space
    features : FeatureCache
        Says which features are there already.
    end : float
        When the time is up, of `time.perf_counter`; inf = never.
    """

    def __init__(self, data: TuningData, space: Space, features: FeatureCache, end: float) -> None:
        self.data, self.space, self.features, self.end = data, space, features, end
        self.paces: dict[Parts, float] = {}  # seconds for a unit of work, by kernel of training
        self.overhead = 0.0  # of a trial: all but features and training; longest so far
        self.n_folds = len(data.folds)

    @property
    def left(self) -> float:
        """Seconds until the time is up."""
        return self.end - time.perf_counter()

    def learn(self, config: Config, pace: float) -> None:
        """Take note of the pace of a trial."""
        kernel = compose(config)
        self.paces[kernel] = max(pace, self.paces.get(kernel, 0.0) * 0.7)

    def work(self, config: Config, share: float) -> float:
        """Return about how many steps of arithmetic a training takes, on a share of the texts."""
        n_labels = len(self.data.labels.names)
        n_outputs = {
            "all": n_labels,
            "path": 2 * math.log2(n_labels),
            "drawn": config.neg + 1,
        }[LOSSES[config.loss].participants]
        dim = config.dim or 1
        steps = self.features.n_entries(config) * (dim + 16)
        steps += len(self.data.texts) * n_outputs * dim
        return max(1.0, share * config.epochs * steps)

    def trial(self, config: Config, share: float) -> float:
        """Return the seconds that a trial will take, rather too many."""
        config = self.space.resolved(config)
        pace = self.paces.get(compose(config)) or 1.5 * max(self.paces.values(), default=0.0)
        seconds = pace * self.work(config, share) * self.n_folds + self.overhead
        seconds += self.features.seconds * self.features.n_missing(config)
        return SAFETY * seconds

    def final(self, config: Config, seconds_of_trial: float) -> float:
        """Return the seconds that the final training will take, rather too many."""
        growth = self.data.n_whole / len(self.data.texts)
        pace = self.paces.get(compose(config), 0.0)
        seconds = pace * self.work(config, 1.0) + self.features.seconds
        return FINAL_SAFETY * growth * max(seconds, seconds_of_trial / self.n_folds)

    def fits(self, config: Config, share: float) -> bool:
        """Return whether a trial, and all that would follow it, should end in time."""
        seconds = self.trial(config, share)
        if share < 1:
            seconds += self.trial(config, 1.0)
        if self.data.whole is not None:
            growth = self.data.n_whole / len(self.data.texts)
            seconds += self.trial(config, 1.0) / self.n_folds * growth
        if compose(config) not in self.paces:
            seconds += COMPILATION
        return seconds <= self.left

    def quick(self, params: dict[str, Any], best: dict[str, Any] | None) -> dict[str, Any]:
        """Return settings with fewer epochs where a trial would take too much of the time.

        Parameters
        ----------
        params : dict
        best : dict, optional
            The best settings so far: as long as these may take others too.
        """
        if self.end == math.inf or "epochs" in self.space.fixed:
            return params
        most = max(self.left * LONGEST_TRIAL, 2 * self.trial(self.space.base, 1.0))
        if best is not None:
            most = max(most, self.trial(self.space.config(best), 1.0))
        config = self.space.config(params)
        seconds = self.trial(config, 1.0)
        if seconds <= most:
            return params
        return {**params, "epochs": max(1, int(config.epochs * most / seconds))}
