"""Search for good settings: coarse-to-fine random search with successive halving.

The first trial is the settings that the search begins with, so the result is never below them
on the validation texts. Where none are given, a part of the texts is set aside; where that would
be small (`judging`), all of them validate in turn: a trial is a training for each fold, and its
score is the mean over the folds. Then come brackets as in Hyperband (Li et al. 2018): several
draws are tried on a part of the training texts, the best third of them on three times as many
(successive halving, Jamieson and Talwalkar 2016), up to all of them. Only trials on all texts
count for the best, and only those that are better than the first by more than one standard error
of its score (the rule of Breiman et al. 1984 for trees): less may be chance. The first half of the
budget draws from the whole space (`space.SPACE`), the second near the best trials, ever more
closely.

The time is wall-clock time up to the final model. A trial is begun only if it, and the final
training after it, should end in time; a trial that takes longer is stopped. The first trial
alone always runs to its end, though without the folds that there is no time for.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.fitting import fit, prepare
from fasttext_lite.fitting.prepared import take_prepared
from fasttext_lite.fitting.vectors import Pretrained, hold, with_vectors
from fasttext_lite.model.run import Run
from fasttext_lite.model.size import extent_of
from fasttext_lite.parallel import cpu_count
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.tuning.data import FeatureCache, TuningData
from fasttext_lite.tuning.forecast import FINAL_SAFETY, Forecast, Stopwatch, TimeUpError
from fasttext_lite.tuning.log import Trial, TrialLog, TuningError
from fasttext_lite.tuning.metrics import Metric
from fasttext_lite.tuning.size import SizeLimit, TooLargeError
from fasttext_lite.tuning.space import Space
from fasttext_lite.tuning.thresholds import calibrated, with_threshold

ETA = 3  # one in so many goes on to the next rung, which has so many times the texts
MAX_RUNGS = 3
LEAST_TEXTS, LEAST_PER_LABEL = 1000, 20  # of the lowest rung
COARSE_PART = 0.5  # of the budget
WIDTH, WIDTH_DECAY, LEAST_WIDTH = 0.15, 0.9, 0.04  # of moves in the fine phase
CENTRE_CHANCES = (0.6, 0.25, 0.15)  # of the best trials to be moved from
MAX_DRAWS = 40  # in vain, before the search ends
WARM_TEXTS = 64


@dataclass(frozen=True)
class Outcome:
    """The end of a search.

    Attributes
    ----------
    trials : list of Trial
        In order; those of a log that was gone on with come first.
    best : Trial
    config : Config
        The best settings, those left open still open, for the recipe "fixed".
    trainee : Trainee
        The final model.
    is_whole : bool
        Whether the final model was trained on all texts there are. If not, time was too short
        and it is the best trial's, without the texts that were set aside.
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


def rungs(n_texts: int, n_labels: int) -> list[float]:
    """Return the shares of the training texts that trials use, ascending to 1."""
    least = max(LEAST_TEXTS, LEAST_PER_LABEL * n_labels)
    shares = [1.0]
    while len(shares) < MAX_RUNGS and n_texts * shares[0] / ETA >= least:
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
        Most trials, whatever their share of the texts; those of a log count.
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
    run : Run, optional
        How the trainings are run: the final model keeps it.
    pretrained : Pretrained, optional
        File of word vectors that all trainings start from; `dim` is theirs.

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
        run: Run | None = None,
        pretrained: Pretrained | None = None,
    ) -> None:
        if seconds is None and n_trials is None:
            raise ValueError("a search needs a time or a number of trials to end")
        self.metric = metric or Metric("accuracy")
        judged = dict.fromkeys(name for fold in data.folds for name in fold.valid_labels.used())
        self.metric.check(data.labels.names, judged)
        self.start = time.perf_counter() if start is None else start
        # What a search finds is trained as it was tried.
        self.data, self.seed = data, seed
        self.base = with_vectors(base.replace(recipe="fixed"), pretrained)
        fixed = {*fixed, "dim"} if pretrained is not None else fixed
        self.about_run = run
        texts = data.texts if data.whole is None else data.whole[0]
        if pretrained is not None:  # is read once for all trials
            pretrained = hold(pretrained, texts, self.base, n_threads or cpu_count())
        self.pretrained = pretrained
        self.n_trials = math.inf if n_trials is None else n_trials
        self.n_threads = n_threads or cpu_count()
        self.on_trial, self.on_progress = on_trial, on_progress
        self.on_interrupt = on_interrupt
        self.space, names = _space(data, self.base, fixed, self.n_threads), data.labels.names
        self.shares = rungs(len(data.texts), len(names))
        rng = np.random.default_rng([seed, 6])
        self.orders = [rng.permutation(len(fold.texts)) for fold in data.folds]
        self.features = FeatureCache(data, self.n_threads, pretrained)
        end = math.inf if seconds is None else self.start + seconds
        self.forecast = Forecast(data, self.space, self.features, end)
        self.size_limit = SizeLimit(model_size, self.space, names, self.features.extent)
        self.trials: list[Trial] = []
        self.seen: set[str] = set()
        self.best: Trial | None = None
        self.first: float | None = None  # score of the first trial
        self.kept: tuple[int, tuple[fit.Trainee, ...]] | None = None  # the best trial's, by fold
        self.reached: float | None = None  # of the level that the metric asks for, the highest
        self.log = None if log is None else self._open_log(log, resume)
        self.rng = np.random.default_rng([seed, 7, len(self.trials)])

    def _open_log(self, path: str | os.PathLike[str], resume: bool) -> TrialLog:
        """Return the log, once the trials that it has are remembered."""
        about = {
            "seed": self.seed,  # first: other data may follow from it
            "data": self.data.fingerprint(),
            "folds": len(self.data.folds),
            "metric": self.metric.name(self.data.multilabel),
            "model_size": self.size_limit.most,
            "fixed": sorted(self.space.fixed),
            "settings": self.base.to_dict(),
        }
        log = TrialLog(path, about, resume)
        for trial in log.trials:
            self._remember(trial)
        return log

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
            If no model can be small enough, or all trials score 0.
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
        if not any(trial.score for trial in self.trials):
            n = len(self.trials)
            about = n, self.data.n_judged, self.data.multilabel
            raise TuningError(self.metric.why_zero(self.reached, *about))
        trainee, is_whole = self._final(self.best)
        if self.metric.has_threshold:
            trainee = self._with_threshold(trainee, is_whole)
        config = self.base.replace(**self.best.params)
        seconds = time.perf_counter() - self.start
        return Outcome(self.trials, self.best, config, trainee, is_whole, interrupted, seconds)

    # -- the order of trials -----------------------------------------------------------------

    def _first(self) -> None:
        try:
            params = self.size_limit.shrunk({})
        except TooLargeError as error:
            raise TuningError(str(error)) from None
        self._warm_up()
        self._trial(params, 1.0, "default")

    def _warm_up(self) -> None:
        """Run all steps on a few texts, so that no compilation is measured later."""
        few = np.arange(min(WARM_TEXTS, len(self.data.texts)))
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
        cost = self.forecast.trial(self.base, 1.0) * (len(self.shares) - rung)
        return rung if cost < self.forecast.left else len(self.shares) - 1

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
                if self._is_open() and self.forecast.fits(self.space.config(trial.params), share)
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
                best = None if self.best is None else self.best.params
                params = self.size_limit.shrunk(self.forecast.quick(params, best))
                config = self.space.config(params)
            except (ValueError, TooLargeError):  # settings that exclude each other, or large ones
                continue
            if _name(params) not in self.seen and self.forecast.fits(config, share):
                return params
        return None

    def _centre(self) -> Trial:
        best = sorted((t for t in self.trials if t.is_full), key=lambda t: -(t.score or 0.0))
        best = best[: len(CENTRE_CHANCES)]
        chances = np.array(CENTRE_CHANCES[: len(best)])
        return best[self.rng.choice(len(best), p=chances / chances.sum())]

    # -- a trial -----------------------------------------------------------------------------

    def _trial(self, params: dict[str, Any], share: float, phase: str) -> Trial:
        number, is_first = len(self.trials) + 1, phase == "default"
        start = time.perf_counter()
        config = self.space.config(params)
        limit = math.inf if is_first else self.forecast.end - self._final_seconds()
        stopwatch = Stopwatch(limit, self.on_progress, number, len(self.data.folds))
        try:
            attempt = self._attempt(config, share, stopwatch)
        except TimeUpError:
            attempt = _Attempt("stopped")
        except ValueError as error:  # also a TrainingError
            if is_first:
                raise
            attempt = _Attempt("failed", " ".join(str(error).split()))
        seconds = time.perf_counter() - start
        size = 0
        if attempt.trainees:
            size = self.size_limit.size(config, extent_of(attempt.trainees[0].model))
        trial = Trial(
            number, phase, share, params, attempt.score, None, size, seconds,
            attempt.status, attempt.note, attempt.pace, attempt.fold_scores,
        )  # fmt: skip
        best = trial if self._is_better(trial) else self.best
        trial = replace(trial, best=None if best is None else best.score)
        if self._remember(trial) and attempt.trainees:
            self.kept = number, attempt.trainees
        if self.log is not None:
            self.log.add(trial)
        if self.on_trial is not None:
            self.on_trial(trial)
        return trial

    def _attempt(self, config: Config, share: float, stopwatch: Stopwatch) -> _Attempt:
        """Train with some settings on a share of the texts of each fold, and measure the models."""
        parts: list[_Part] = []
        n_folds = len(self.data.folds)
        for fold in range(n_folds):
            # Only the first trial has no limit: it goes without folds that there is no time for.
            if parts and stopwatch.limit == math.inf and self.forecast.left < 2 * parts[-1].all:
                break
            stopwatch.turn = fold
            parts.append(self._train(config, share, fold, stopwatch))
        notes = [part.note for part in parts if part.note][:1]
        if len(parts) < n_folds:
            notes.append(f"time for {len(parts)} of {n_folds} folds")
        training = stopwatch.steady(sum(part.training for part in parts))
        pace = training / self.forecast.work(config, share) / len(parts)
        overhead = n_folds * max(part.overhead for part in parts)
        self.forecast.overhead = max(self.forecast.overhead, overhead)
        scores = tuple(part.score for part in parts)
        score = sum(scores) / len(scores)
        return _Attempt(
            "done", "; ".join(notes), score, float(pace),
            tuple(part.trainee for part in (parts if self.metric.has_threshold else parts[:1])),
            scores if n_folds > 1 else (),
        )  # fmt: skip

    def _train(self, config: Config, share: float, fold: int, stopwatch: Stopwatch) -> _Part:
        """Train with some settings on a share of the texts of a fold, and measure the model."""
        start = time.perf_counter()
        features = self.features.get(config, fold)
        ready = time.perf_counter()
        prepared = replace(features.prepared, run=self.about_run)
        if share < 1:
            order = self.orders[fold]
            prepared = take_prepared(prepared, order[: round(share * len(order))])
        begin = time.perf_counter()
        trainee = fit.fit_prepared(
            prepared, config, seed=self.seed, n_threads=self.n_threads, callback=stopwatch,
        )  # fmt: skip
        trained = time.perf_counter()
        note = ""
        if trainee.history.restarts:
            note = f"diverged; trained with lr {trainee.history.lr:g}"
        gold = self.data.folds[fold].valid_labels
        trainee, score = self._score(trainee, features.valid, gold)
        end = time.perf_counter()
        overhead = begin - ready + end - trained
        return _Part(trainee, score, note, trained - begin, overhead, end - start)

    def _score(
        self, trainee: fit.Trainee, valid: FeatureMatrix, gold: Labels
    ) -> tuple[fit.Trainee, float]:
        """Return the metric; where it looks for a threshold, of the calibrated model."""
        if not self.metric.has_threshold:
            return trainee, self.metric.score(trainee.model, valid, gold, self.n_threads)
        model = calibrated(trainee.model, valid, gold)
        level = self.metric.best([self.metric.pairs(model, valid, gold, self.n_threads)])
        self.reached = max(self.reached or 0.0, level.highest)
        return replace(trainee, model=model), level.score

    def _remember(self, trial: Trial) -> bool:
        """Add a trial; return whether it is the best."""
        is_better = self._is_better(trial)
        self.trials.append(trial)
        self.seen.add(_name(trial.params))
        if trial.pace:
            self.forecast.learn(self.space.config(trial.params), trial.pace)
        if is_better:
            self.best = trial
            self.first = trial.score if self.first is None else self.first
        return is_better

    def _is_better(self, trial: Trial) -> bool:
        """Return whether a trial is the best so far, and that not by chance."""
        if not trial.is_full:
            return False
        score = trial.score or 0.0
        if self.best is None or self.first is None:
            return True
        # Of many trials, some are a little better than the first one by chance.
        return score > max(self.best.score or 0.0, self.first + self._error(self.first))

    def _error(self, score: float) -> float:
        """Return the standard error of a share found on the validation texts."""
        share = min(max(score, 0.0), 1.0)
        return math.sqrt(share * (1 - share) / max(self.data.n_judged, 1))

    def _final(self, best: Trial) -> tuple[fit.Trainee, bool]:
        """Return the final model, and whether it was trained on all texts."""
        kept = self._kept_of(best)[0] if self._kept_of(best) else None
        if kept is not None and self.data.whole is None:
            return self._calibrated(kept), True
        if kept is not None and self._final_seconds() / FINAL_SAFETY > self.forecast.left:
            return self._calibrated(kept), False
        limit = math.inf if kept is None else self.forecast.end
        data = self.data
        texts, labels, weights = data.whole or (data.texts, data.labels, data.doc_weights)
        with contextlib.suppress(TimeUpError):
            return fit.fit(
                texts, labels, self.space.config(best.params),
                doc_weights=weights, multilabel=data.multilabel, seed=self.seed,
                n_threads=self.n_threads, callback=Stopwatch(limit, self.on_progress, 0),
                pretrained=self.pretrained, run=self.about_run,
            ), True  # fmt: skip
        assert kept is not None
        return self._calibrated(kept), False

    def _calibrated(self, trainee: fit.Trainee) -> fit.Trainee:
        """Return a model of a trial, calibrated on the texts that it was not trained on."""
        valid = trainee.model.features(self.data.valid_texts, self.n_threads)
        model = calibrated(trainee.model, valid, self.data.valid_labels)
        return replace(trainee, model=model)

    def _kept_of(self, best: Trial) -> tuple[fit.Trainee, ...]:
        """Return what was kept of a trial, by fold; none of a trial of a log."""
        return self.kept[1] if self.kept and self.kept[0] == best.number else ()

    def _with_threshold(self, trainee: fit.Trainee, is_whole: bool) -> fit.Trainee:
        """Return the final model with the best threshold on texts held out."""
        assert self.best is not None
        judges: tuple[fit.Trainee, ...] = (trainee,)
        if is_whole and self.data.whole is not None:
            stopwatch = Stopwatch(math.inf, self.on_progress, 0, len(self.data.folds))
            config = self.space.config(self.best.params)
            judges = self._kept_of(self.best) or self._attempt(config, 1.0, stopwatch).trainees
        models = [judge.model for judge in judges]
        model = with_threshold(trainee.model, models, self.data, self.metric, self.n_threads)
        return replace(trainee, model=model)

    # -- the budget --------------------------------------------------------------------------

    def _is_open(self) -> bool:
        left = self.forecast.left - self._final_seconds()
        return len(self.trials) < self.n_trials and left > 0

    def _spent(self) -> float:
        """Return the share of the budget that is spent."""
        by_time = (time.perf_counter() - self.start) / (self.forecast.end - self.start)
        return max(by_time, len(self.trials) / self.n_trials)

    def _final_seconds(self) -> float:
        """Return the seconds that the final training will take, rather too many."""
        best = self.best
        if best is None:
            return 0.0
        if self.data.whole is None and self.kept and self.kept[0] == best.number:
            return 0.0
        return self.forecast.final(self.space.config(best.params), best.seconds)


@dataclass(frozen=True)
class _Attempt:
    """What came of a training with some settings; see `Trial`."""

    status: str
    note: str = ""
    score: float | None = None
    pace: float = 0.0
    trainees: tuple[fit.Trainee, ...] = ()  # by fold; the first alone where one is enough
    fold_scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Part:
    """What came of a fold of a trial; `all` are the seconds that it took."""

    trainee: fit.Trainee
    score: float
    note: str
    training: float
    overhead: float
    all: float


def _space(data: TuningData, base: Config, fixed: Collection[str], n_threads: int) -> Space:
    """Return what may vary, from the shape of the data of the final training."""
    texts = data.texts if data.whole is None else data.whole[0]
    vocabulary = Vocabulary()
    vocabulary.add(analyze(texts, base, n_threads))
    mean_tokens = vocabulary.n_tokens / len(texts)
    shares = vocabulary.script_shares() if texts.token_ends is None else None
    labels = data.labels if data.whole is None else data.whole[1]
    return Space(
        base, fixed, len(labels.names), data.multilabel, mean_tokens, len(texts), shares,
        labels.evenness, labels.per_text,
    )  # fmt: skip


def _name(params: dict[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)
