"""Search for good settings: coarse-to-fine random search with successive halving.

The first trial is the settings that the search begins with, so the result is never below them
on the validation rows. Then come brackets as in Hyperband (Li et al. 2018): several draws are
tried on a part of the training rows, the best third of them on three times as many (successive
halving, Jamieson and Talwalkar 2016), up to all of them. Only trials on all rows count for the
best, and only those that are better than the first by more than one standard error of its score
(the rule of Breiman et al. 1984 for trees): less may be chance. The first half of the budget
draws from the whole space (`tuning_space.SPACE`), the second near the best trials, ever more
closely.

The time is wall-clock time up to the final model. A trial is begun only if it, and the final
training after it, should end in time; a trial that takes longer is stopped. The first trial
alone always runs to its end.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.fitting import fit, prepare
from fasttext_lite.fitting.prepare import take_prepared
from fasttext_lite.parallel import cpu_count
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.training.composition import compose
from fasttext_lite.training.kernels.parts import Parts
from fasttext_lite.tuning.data import Cuts, Extent, TuningData, extent_of, feature_key, model_bytes
from fasttext_lite.tuning.forecast import (
    COMPILATION,
    FINAL_SAFETY,
    LONGEST_TRIAL,
    SAFETY,
    TimeUpError,
    Watch,
)
from fasttext_lite.tuning.log import Trial, TrialLog, TuningError
from fasttext_lite.tuning.metrics import Metric
from fasttext_lite.tuning.size import TooLargeError, no_rows
from fasttext_lite.tuning.space import Space

ETA = 3  # one in so many goes on to the next rung, which has so many times the rows
MAX_RUNGS = 3
LEAST_ROWS, LEAST_PER_LABEL = 1000, 20  # of the lowest rung
COARSE_PART = 0.5  # of the budget
WIDTH, WIDTH_DECAY, LEAST_WIDTH = 0.15, 0.9, 0.04  # of moves in the fine phase
N_CENTRES = (0.6, 0.25, 0.15)  # chances of the best trials to be moved from
MAX_DRAWS = 40  # in vain, before the search ends
WARM_ROWS = 64


@dataclass(frozen=True)
class Outcome:
    """The end of a search.

    Attributes
    ----------
    trials : list of Trial
        In order; those of a log that was gone on with come first.
    best : Trial
    config : Config
        The best settings, those left open still open.
    trainee : Trainee
        The final model.
    is_whole : bool
        Whether the final model was trained on all rows there are. If not, time was too short
        and it is the best trial's, without the rows that were set aside.
    interrupted : bool
        Whether Ctrl-C ended the search.
    seconds : float
    """

    trials: list[Trial]
    best: Trial
    config: Config
    trainee: fit.Trainee
    is_whole: bool
    interrupted: bool
    seconds: float


def rungs(n_rows: int, n_labels: int) -> list[float]:
    """Return the shares of the training rows that trials use, ascending to 1."""
    least = max(LEAST_ROWS, LEAST_PER_LABEL * n_labels)
    shares = [1.0]
    while len(shares) < MAX_RUNGS and n_rows * shares[0] / ETA >= least:
        shares.insert(0, shares[0] / ETA)
    return shares


class Search:
    """A search for good settings.

    Parameters
    ----------
    data : TuningData
    base : Config
        The settings to begin with.
    fixed : collection of str
        Names of the settings that stay as they are in `base`.
    metric : Metric
        To maximise.
    seconds : float, optional
        Time for all of it; none = no limit, then `n_trials` is needed.
    n_trials : int, optional
        Most trials, whatever their share of the rows; those of a log count.
    model_size : int, optional
        Most bytes of the saved model. Settings that would exceed it are not tried; where they
        may, fewer hash slots, smaller vectors and rarer words left out make a model fit.
    seed : int
    n_threads : int, optional
        With 1, and ended by `n_trials`, the result depends on the seed alone.
    log : path-like, optional
        File of JSON lines that gets each trial as it ends.
    resume : bool
        Go on with the trials of that file.
    on_trial : callable, optional
        Called with each `Trial` that ends.
    on_progress : callable, optional
        Called during training with the number of the trial (0 = the final training) and the
        share of it that is done.
    on_interrupt : callable, optional
        Called when Ctrl-C has ended the search, before the final training.
    start : float, optional
        When the time began, of `time.perf_counter`; default: now.

    Raises
    ------
    ValueError
        If there is neither a time nor a number of trials, or the metric has an unknown label.
    TuningError
        If the log cannot be used.
    """

    def __init__(
        self,
        data: TuningData,
        base: Config,
        fixed: Collection[str] = (),
        *,
        metric: Metric | None = None,
        seconds: float | None = None,
        n_trials: int | None = None,
        model_size: int | None = None,
        seed: int = 0,
        n_threads: int | None = None,
        log: str | os.PathLike[str] | None = None,
        resume: bool = False,
        on_trial: Callable[[Trial], None] | None = None,
        on_progress: Callable[[int, float], None] | None = None,
        on_interrupt: Callable[[], None] | None = None,
        start: float | None = None,
    ) -> None:
        if seconds is None and n_trials is None:
            raise ValueError("a search needs a time or a number of trials to end")
        self.metric = metric or Metric("accuracy")
        self.metric.check(data.labels.names)
        self.start = time.perf_counter() if start is None else start
        self.end = math.inf if seconds is None else self.start + seconds
        self.data, self.base, self.seed = data, base, seed
        self.n_trials = math.inf if n_trials is None else n_trials
        self.model_size = model_size
        self.n_threads = n_threads or cpu_count()
        self.on_trial, self.on_progress = on_trial, on_progress
        self.on_interrupt = on_interrupt
        texts = data.texts if data.whole is None else data.whole[0]
        mean_tokens = analyze(texts, base, self.n_threads).n_tokens / len(texts)
        self.space = Space(
            base, fixed, len(data.labels.names), data.multilabel, mean_tokens, len(texts)
        )
        self.shares = rungs(len(data.texts), len(data.labels.names))
        self.order = np.random.default_rng([seed, 6]).permutation(len(data.texts))
        self.cuts = Cuts(data, self.n_threads)
        self.trials: list[Trial] = []
        self.seen: set[str] = set()
        self.paces: dict[Parts, float] = {}  # by the kernel of training
        self.overhead = 0.0  # of a trial: all but features and training; longest so far
        self.smallest: tuple[int, dict[str, Any]] | None = None
        self.best: Trial | None = None
        self.first: float | None = None  # score of the first trial
        self.kept: tuple[int, fit.Trainee] | None = None  # the best trial's
        self.log: TrialLog | None = None
        if log is not None:
            about = {
                "data": data.fingerprint(),
                "metric": str(self.metric),
                "model_size": model_size,
                "seed": seed,
                "fixed": sorted(self.space.fixed),
                "settings": base.to_dict(),
            }
            self.log = TrialLog(log, about, resume)
            for trial in self.log.trials:
                self._remember(trial)
        self.rng = np.random.default_rng([seed, 7, len(self.trials)])

    def run(self) -> Outcome:
        """Search, and train the final model.

        Ctrl-C ends the search; the final model is trained with the best settings so far. Once
        more, or before the first trial has ended, it is raised as `KeyboardInterrupt`.

        Returns
        -------
        Outcome

        Raises
        ------
        TuningError
            If no model can be small enough.
        TrainingError
            If the first trial cannot train.
        """
        interrupted = False
        try:
            if self.best is None:
                self._first()
            self._brackets()
        except KeyboardInterrupt:
            if self.best is None:
                raise
            interrupted = True
            if self.on_interrupt is not None:
                self.on_interrupt()
        finally:
            if self.log is not None:
                self.log.close()
        assert self.best is not None
        trainee, is_whole = self._final(self.best)
        config = self.base.replace(**self.best.params)
        seconds = time.perf_counter() - self.start
        return Outcome(self.trials, self.best, config, trainee, is_whole, interrupted, seconds)

    # -- the order of trials -----------------------------------------------------------------

    def _first(self) -> None:
        try:
            params = self._shrunk({})
        except TooLargeError:
            assert self.smallest is not None and self.model_size is not None
            size, found = self.smallest
            settings = ", ".join(f"{name} {value}" for name, value in found.items())
            raise TuningError(
                f"no model is as small as {self.model_size:,} bytes: the smallest reached has "
                f"{size:,} ({settings}); allow a larger one, or let dim, bucket and min_count vary"
            ) from None
        self._warm_up()
        self._trial(params, 1.0, "default")

    def _warm_up(self) -> None:
        """Run all steps on a few rows, so that no compilation is measured later."""
        few = np.arange(min(WARM_ROWS, len(self.data.texts)))
        texts, labels = self.data.texts.take(few), self.data.labels.take(few)
        config = self.base.replace(epochs=1)
        with contextlib.suppress(ValueError):  # the first trial will tell
            prepared = prepare.prepare(texts, labels, config, multilabel=self.data.multilabel)
            model = fit.fit_prepared(prepared, n_threads=self.n_threads).model
            self.metric.score(model, prepared.features, labels, self.n_threads)

    def _brackets(self) -> None:
        turn = n_fine = 0
        while self._is_open():
            fine = self._spent() >= COARSE_PART
            width = max(WIDTH * WIDTH_DECAY**n_fine, LEAST_WIDTH) if fine else None
            if not self._bracket(self._first_rung(turn), width):
                return
            turn += 1
            n_fine += fine

    def _first_rung(self, turn: int) -> int:
        """Return the rung to begin a bracket with: each in turn; the last when time is short."""
        rung = turn % len(self.shares)
        cost = self._foretell(self.base, 1.0) * (len(self.shares) - rung)
        return rung if cost < self._left() else len(self.shares) - 1

    def _bracket(self, rung: int, width: float | None) -> bool:
        """Run a bracket; return whether there was anything to try."""
        phase = "coarse" if width is None else "fine"
        shares = self.shares[rung:]
        n = math.ceil(len(self.shares) / len(shares) * ETA ** (len(shares) - 1))
        going: list[Trial] = []
        for _ in range(n):
            params = self._propose(width, shares[0]) if self._is_open() else None
            if params is None:
                break
            going.append(self._trial(params, shares[0], phase))
        tried = bool(going)
        for share in shares[1:]:
            done = [trial for trial in going if trial.score is not None]
            done.sort(key=lambda trial: -(trial.score or 0.0))
            going = [
                self._trial(trial.params, share, phase)
                for trial in done[: max(1, len(done) // ETA)]
                if self._is_open() and self._fits(self._config(trial.params), share)
            ]
        return tried

    def _propose(self, width: float | None, share: float) -> dict[str, Any] | None:
        """Return settings that were not tried and should end in time; None if none are found."""
        for _ in range(MAX_DRAWS):
            if not self._is_open():
                break
            near = None if width is None else self._centre().params
            params = self.space.draw(self.rng, near, width or 1.0)
            try:
                params = self._shrunk(self._quick(params))
                config = self._config(params)
            except (ValueError, TooLargeError):  # settings that exclude each other, or large ones
                continue
            if _name(params) not in self.seen and self._fits(config, share):
                return params
        return None

    def _centre(self) -> Trial:
        best = sorted((t for t in self.trials if t.is_full), key=lambda t: -(t.score or 0.0))
        best = best[: len(N_CENTRES)]
        chances = np.array(N_CENTRES[: len(best)])
        return best[self.rng.choice(len(best), p=chances / chances.sum())]

    def _config(self, params: dict[str, Any]) -> Config:
        return self.space.resolved(self.base.replace(**params))

    # -- a trial -----------------------------------------------------------------------------

    def _trial(self, params: dict[str, Any], share: float, phase: str) -> Trial:
        number = len(self.trials) + 1
        start = time.perf_counter()
        config = self._config(params)
        limit = math.inf if phase == "default" else self.end - self._foretell_final(self.best)
        watch = Watch(limit, self.on_progress, number)
        score, status, note = None, "done", ""
        trained = training = features = 0.0
        trainee = None
        try:
            cut = self.cuts.get(config)
            features = time.perf_counter() - start
            prepared = cut.prepared
            if share < 1:
                prepared = take_prepared(prepared, self.order[: round(share * len(self.order))])
            begin = time.perf_counter()
            trainee = fit.fit_prepared(
                prepared, config, seed=self.seed, n_threads=self.n_threads, callback=watch
            )
            training = time.perf_counter() - begin
            if trainee.history.restarts:
                note = f"diverged; trained with lr {trainee.history.lr:g}"
            trained = watch.steady(training)
            score = self.metric.score(
                trainee.model, cut.valid, self.data.valid_labels, self.n_threads
            )
        except TimeUpError:
            status = "stopped"
        except ValueError as error:  # also a TrainingError
            if phase == "default":
                raise
            status, note = "failed", " ".join(str(error).split())
        seconds = time.perf_counter() - start
        pace = 0.0
        if score is not None:
            pace = float(trained / self._work(config, share))
            self.overhead = max(self.overhead, seconds - features - training)
        full = status == "done" and share == 1
        best = self.best.score if self.best else None
        if full and score is not None:
            best = score if best is None else max(best, score)
        size = 0 if trainee is None else self._size(config, extent_of(trainee.model))
        trial = Trial(number, phase, share, params, score, best, size, seconds, status, note, pace)
        if self._remember(trial) and trainee is not None:
            self.kept = number, trainee
        if self.log is not None:
            self.log.add(trial)
        if self.on_trial is not None:
            self.on_trial(trial)
        return trial

    def _remember(self, trial: Trial) -> bool:
        """Add a trial; return whether it is the best."""
        self.trials.append(trial)
        self.seen.add(_name(trial.params))
        if trial.pace:
            key = compose(self._config(trial.params))
            self.paces[key] = max(trial.pace, self.paces.get(key, 0.0) * 0.7)
        if not trial.is_full:
            return False
        score = trial.score or 0.0
        if self.best is not None and score <= (self.best.score or 0.0):
            return False
        if self.first is None:
            self.first = score
        # Of many trials, some are a little better than the first one by chance.
        elif score <= self.first + self._error(self.first):
            return False
        self.best = trial
        return True

    def _error(self, score: float) -> float:
        """Return the standard error of a share found on the validation rows."""
        share = min(max(score, 0.0), 1.0)
        return math.sqrt(share * (1 - share) / max(len(self.data.valid_texts), 1))

    def _final(self, best: Trial) -> tuple[fit.Trainee, bool]:
        """Return the final model, and whether it was trained on all rows."""
        kept = self.kept[1] if self.kept and self.kept[0] == best.number else None
        if kept is not None and self.data.whole is None:
            return kept, True
        if kept is not None and self._foretell_final(best) / FINAL_SAFETY > self._left():
            return kept, False
        limit = math.inf if kept is None else self.end
        data = self.data
        texts, labels, weights = data.whole or (data.texts, data.labels, data.doc_weights)
        with contextlib.suppress(TimeUpError):
            return fit.fit(
                texts, labels, self._config(best.params),
                doc_weights=weights, multilabel=data.multilabel, seed=self.seed,
                n_threads=self.n_threads, callback=Watch(limit, self.on_progress, 0),
            ), True  # fmt: skip
        assert kept is not None
        return kept, False

    # -- size --------------------------------------------------------------------------------

    def _size(self, config: Config, extent: Extent) -> int:
        names = self.data.labels.names
        return model_bytes(config, names, extent.n_rows, extent.n_words, extent.n_pool)

    def _shrunk(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return settings, made smaller where they may be, whose model is small enough.

        Smaller vectors come first, as long as few of the n-grams would keep a row of their own;
        then fewer hash slots, then a smaller vocabulary.
        """
        if self.model_size is None:
            return params
        params = dict(params)
        free = {"bucket", "dim", "min_count"} - self.space.fixed
        while True:
            config = self._config(params)
            extent = self.cuts.extent(config)
            size = self._size(config, extent)
            if self.smallest is None or size < self.smallest[0]:
                shown = {name: getattr(config, name) for name in ("dim", "bucket", "min_count")}
                self.smallest = size, shown
            if size <= self.model_size:
                return params
            dim = config.dim or 1
            n_ngrams = extent.n_rows - extent.n_words
            room = (self.model_size - self._size(config, no_rows(extent))) // (4 * dim + 12)
            room -= extent.n_words + 1  # the bias
            can_hash = "bucket" in free and config.uses_buckets and room > 0
            if can_hash and (room >= n_ngrams / 8 or dim <= 8 or "dim" not in free):
                params["bucket"] = min(int(room), config.bucket - 1)
            elif "dim" in free and dim > 8:
                params["dim"] = max(dim // 2, 8)
            elif "min_count" in free and extent.n_words > 1:
                params["min_count"] = 2 * config.min_count
            elif "bucket" in free and config.uses_buckets and config.bucket > 1:
                params["bucket"] = max(1, config.bucket // 4)
            else:
                raise TooLargeError

    # -- time --------------------------------------------------------------------------------

    def _is_open(self) -> bool:
        left = self._left() - self._foretell_final(self.best)
        return len(self.trials) < self.n_trials and left > 0

    def _left(self) -> float:
        return self.end - time.perf_counter()

    def _spent(self) -> float:
        """Return the share of the budget that is spent."""
        by_time = (time.perf_counter() - self.start) / (self.end - self.start)
        return max(by_time, len(self.trials) / self.n_trials)

    def _work(self, config: Config, share: float) -> float:
        """Return about how many steps of arithmetic a training takes."""
        kept = self.cuts.kept.get(feature_key(config))
        n_entries = kept.prepared.features.ids.size if kept else 1.3 * self.cuts.n_entries
        n_labels = len(self.data.labels.names)
        n_outputs: float = n_labels
        if config.loss == "hs":
            n_outputs = 2 * math.log2(n_labels)
        elif config.loss == "ns":
            n_outputs = config.neg + 1
        dim = config.dim or 1
        rows = n_entries * (dim + 16) + len(self.data.texts) * n_outputs * dim
        return max(1.0, share * config.epochs * rows)

    def _foretell(self, config: Config, share: float) -> float:
        """Return the seconds that a trial will take, rather too many."""
        config = self.space.resolved(config)
        pace = self.paces.get(compose(config)) or 1.5 * max(self.paces.values(), default=0.0)
        seconds = pace * self._work(config, share) + self.overhead
        if config not in self.cuts:
            seconds += self.cuts.seconds
        return SAFETY * seconds

    def _foretell_final(self, best: Trial | None) -> float:
        """Return the seconds that the final training will take, rather too many."""
        if best is None:
            return 0.0
        if self.data.whole is None and self.kept and self.kept[0] == best.number:
            return 0.0
        config = self._config(best.params)
        growth = self.data.n_whole / len(self.data.texts)
        pace = self.paces.get(compose(config), 0.0)
        seconds = pace * self._work(config, 1.0) + self.cuts.seconds
        return FINAL_SAFETY * growth * max(seconds, best.seconds)

    def _fits(self, config: Config, share: float) -> bool:
        """Return whether a trial, and all that would follow it, should end in time."""
        seconds = self._foretell(config, share)
        if share < 1:
            seconds += self._foretell(config, 1.0)
        if self.data.whole is not None:
            seconds += self._foretell(config, 1.0) * self.data.n_whole / len(self.data.texts)
        if compose(config) not in self.paces:
            seconds += COMPILATION
        return seconds <= self._left()

    def _quick(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return settings with fewer epochs where a trial would take too much of the time."""
        if self.end == math.inf or "epochs" in self.space.fixed:
            return params
        most = max(self._left() * LONGEST_TRIAL, 2 * self._foretell(self.base, 1.0))
        if self.best is not None:
            most = max(most, self._foretell(self._config(self.best.params), 1.0))
        config = self._config(params)
        seconds = self._foretell(config, 1.0)
        if seconds <= most:
            return params
        epochs = max(1, int(config.epochs * most / seconds))
        return {**params, "epochs": epochs}


def _name(params: dict[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)
