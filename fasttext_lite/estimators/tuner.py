"""The scikit-learn face of tuning: `FastTextTuner`."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from fasttext_lite.config.fields import Config
from fasttext_lite.config.foreign import advice, with_advice
from fasttext_lite.config.sizes import parse_size
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import SettingError
from fasttext_lite.estimators.base import ADVISER, run_of, set_fitted, training_data
from fasttext_lite.estimators.beside import read_beside
from fasttext_lite.estimators.classifier import FastTextClassifier
from fasttext_lite.estimators.parameters import (
    SETTINGS,
    AdvisedMethods,
    answers_asked,
    check_names,
    config_of,
    idle_words,
    in_constructor,
    in_params,
    pretrained_of,
    seed_of,
    threads_of,
)
from fasttext_lite.estimators.targets import Target, is_matrix, read_target
from fasttext_lite.model.run import Run
from fasttext_lite.tuning.data import TuningData
from fasttext_lite.tuning.judging import TEACHING_SHARE
from fasttext_lite.tuning.log import Trial
from fasttext_lite.tuning.metrics import Metric
from fasttext_lite.tuning.search import Outcome, Search

if TYPE_CHECKING:
    from fasttext_lite.teaching.fit import Beside


class FastTextTuner(AdvisedMethods, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Find good settings of a `FastTextClassifier` in a given time.

    Coarse-to-fine random search with successive halving, on validation texts that are given or
    set aside; see `fasttext_lite.tuning`. The first trial is the settings that it begins with,
    so the result is never below them on the validation texts. Ctrl-C ends the search, and the
    best settings so far are used.

    Parameters
    ----------
    estimator : FastTextClassifier, default None
        The settings to begin with; None means the defaults. Those that differ from the defaults
        are held fixed.
    params : dict, default None
        More settings that are held fixed, whatever their value.
    time : float or None, default 300
        Seconds for all of `fit`, the final training included. A single training with the
        settings to begin with is done in any case. None means no limit; then `n_trials` must be
        given.
    model_size : int or str, default None
        Most bytes of the saved model, for example 2_000_000 or "2M".
    metric : str, default "accuracy"
        What to maximise: "accuracy", "macro-f1", "micro-f1", "f1:LABEL",
        "precision-at-recall:R[:LABEL]" or "recall-at-precision:P[:LABEL]"; definitions in
        `fasttext_lite.tuning.metrics`. "accuracy" is what `FastTextClassifier.score` returns.
    n_trials : int, default None
        Most trials; None means no limit.
    log : path-like, default None
        File of JSON lines that gets each trial as it ends.
    resume : bool, default False
        Go on with the trials of that file.
    random_state : int, RandomState or None, default None
        Seed of the search, of the texts set aside, and of each training.
    n_jobs : int or None, default None
        Threads, as in `FastTextClassifier`. With `random_state` and one thread, a search that
        `n_trials` ends (`time=None`) gives the same result every time.
    verbose : int, default 0
        1 prints a line for each trial on stderr.

    Attributes
    ----------
    best_estimator_ : FastTextClassifier
        Trained with the best settings on all texts of X, those set aside included (unless time
        was too short, see `is_refitted_`).
    best_params_ : dict
        The settings that differ from those that the search began with.
    best_score_ : float
        The metric on the validation texts; with cross-validation the mean over the folds.
    trials_ : list of Trial
    is_refitted_ : bool
        Whether the texts set aside were trained on in the end.
    threshold_ : float or None
        With the metrics precision-at-recall and recall-at-precision the threshold of
        `predict_proba` that is the best; ``best_estimator_.model_.threshold`` says what was
        measured with it, and on what.
    classes_ : ndarray of shape (n_classes,)

    Examples
    --------
    >>> from fasttext_lite import FastTextTuner
    >>> texts = ["red apples", "green apples", "fast cars", "slow cars"] * 10
    >>> labels = ["fruit", "fruit", "cars", "cars"] * 10
    >>> tuner = FastTextTuner(time=None, n_trials=2, random_state=0).fit(texts, labels)
    >>> tuner.best_score_, tuner.predict(["old cars"]).tolist()
    (1.0, ['cars'])
    """

    @with_advice(in_params)
    def __init__(
        self,
        estimator: FastTextClassifier | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        time: float | None = 300,
        model_size: int | str | None = None,
        metric: str = "accuracy",
        n_trials: int | None = None,
        log: str | os.PathLike[str] | None = None,
        resume: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.params = params
        self.time = time
        self.model_size = model_size
        self.metric = metric
        self.n_trials = n_trials
        self.log = log
        self.resume = resume
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @with_advice(in_constructor)
    def fit(
        self, X: Any, y: Any, X_valid: Any = None, y_valid: Any = None, unlabelled: Any = None
    ) -> FastTextTuner:
        """Search, and train the best estimator.

        Parameters
        ----------
        X, y
            As in `FastTextClassifier.fit`.
        X_valid, y_valid : optional
            Texts and labels to compare settings on; default: a tenth of X and y is set aside,
            with about the same share of each label, or where that is a small number of texts
            (`fasttext_lite.tuning.judging`) all of them in turn, by cross-validation.
        unlabelled : sequence of str, optional
            More texts, as in `FastTextClassifier.fit`. They are given labels once, with the
            settings that the search begins with, and are part of each trial's training.

        Returns
        -------
        FastTextTuner
            Itself.

        Raises
        ------
        TypeError
            If `estimator` is not a FastTextClassifier, or X holds something other than text.
        ValueError
            If a parameter or y is not as described, no model can be small enough, all trials
            score 0, or the log cannot be used.
        """
        limits = self._limits()
        if answers_asked(self.estimator):
            raise SettingError(
                "a search measures no threshold to abstain by: leave answer_rate and "
                "answer_accuracy to a FastTextClassifier with best_params_"
            )
        metric = Metric.parse(self.metric)
        estimator, fixed = self._start()
        config, seed = config_of(estimator), seed_of(estimator)
        n_threads = threads_of(estimator, training=True)
        texts, target, weights, *_ = training_data(estimator, X, y)
        is_weighted = bool(np.any(weights != 1))
        data = _data(texts, target, weights if is_weighted else None, X_valid, y_valid, seed)
        given = {name: getattr(estimator, name) for name in fixed}
        ADVISER.look_before(config, given, texts.token_ends is not None)
        ADVISER.say(idle_words(estimator))
        run = run_of(estimator, target, seed=seed)
        beside = read_beside(texts, len(texts), None, unlabelled, None, bool(self.verbose))
        if beside is not None:
            how = {"seed": seed, "n_threads": n_threads}
            data, run = _with_more(data, config, beside, run, limits["seconds"], how)
        search = Search(
            data, config, fixed, metric=metric, seed=seed, n_threads=n_threads, log=self.log,
            resume=bool(self.resume), run=run, pretrained=pretrained_of(estimator),
            on_trial=_print if self.verbose else None, **limits,
        )  # fmt: skip
        outcome = search.run()
        ADVISER.look_after(outcome.trainee.model.config, given, len(target.classes))
        self._keep(estimator, target, outcome)
        return self

    def set_params(self, **params: Any) -> FastTextTuner:
        """Set parameters; a `ValueError` names what may have been meant by one that is none."""
        check_names(self, params)
        return super().set_params(**params)

    def _limits(self) -> dict[str, Any]:
        seconds, n_trials = self.time, self.n_trials
        number = isinstance(seconds, int | float | np.number) and not isinstance(seconds, bool)
        if seconds is not None and not (number and 0 < seconds < math.inf):
            raise SettingError(
                f"time must be a number of seconds above 0, or None; got {seconds!r}"
            )
        whole = isinstance(n_trials, int | np.integer) and not isinstance(n_trials, bool)
        if n_trials is not None and not (whole and n_trials > 0):
            raise SettingError(
                f"n_trials must be a whole number of at least 1, or None; got {n_trials!r}"
            )
        if seconds is None and n_trials is None:
            raise SettingError("time and n_trials are both None: the search would never end")
        size = None if self.model_size is None else parse_size(self.model_size)
        if self.resume and self.log is None:
            raise SettingError("resume needs the log to go on with")
        return {"seconds": seconds, "n_trials": n_trials, "model_size": size}

    def _start(self) -> tuple[FastTextClassifier, set[str]]:
        """Return a classifier with the settings to begin with, and the names of the fixed ones."""
        if self.estimator is None:
            estimator = FastTextClassifier()
        elif isinstance(self.estimator, FastTextClassifier):
            estimator = clone(self.estimator)
        else:
            raise TypeError(
                f"estimator must be a FastTextClassifier, got {type(self.estimator).__name__}"
            )
        usual = FastTextClassifier().get_params()
        fixed = {
            name
            for name, value in estimator.get_params(deep=False).items()
            if name in SETTINGS and value != usual[name]
        }
        params = dict(self.params or {})
        for name in params:
            if name not in SETTINGS:
                raise SettingError(
                    f"params has no setting of the model: {name!r}{advice(name, SETTINGS)}"
                )
        estimator.set_params(**params)
        for name in ("random_state", "n_jobs"):
            if getattr(self, name) is not None:
                estimator.set_params(**{name: getattr(self, name)})
        return estimator, fixed | set(params)

    def _keep(self, estimator: FastTextClassifier, target: Target, outcome: Outcome) -> None:
        self.best_estimator_ = estimator.set_params(**outcome.best.params)
        set_fitted(self.best_estimator_, outcome.trainee, target.classes, target.kind)
        self.best_params_ = dict(outcome.best.params)
        self.best_score_ = float(outcome.best.score or 0.0)
        self.trials_ = outcome.trials
        self.is_refitted_ = outcome.is_whole
        threshold = outcome.trainee.model.threshold
        self.threshold_ = None if threshold is None else threshold.value
        self.classes_ = target.classes

    def predict(self, X: Any) -> Any:
        """Return the labels of texts, as `FastTextClassifier.predict`."""
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_.predict(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each label, as `FastTextClassifier.predict_proba`."""
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_.predict_proba(X)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the score of each label, as `FastTextClassifier.decision_function`."""
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_.decision_function(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of texts whose labels are predicted exactly."""
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_.score(X, y, sample_weight)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the best estimator to a file that `fasttext_lite.load` reads."""
        check_is_fitted(self, "best_estimator_")
        self.best_estimator_.save(path)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        own = FastTextClassifier(n_jobs=self.n_jobs).__sklearn_tags__()
        tags.input_tags = own.input_tags
        tags.target_tags = own.target_tags
        tags.classifier_tags = own.classifier_tags
        tags.non_deterministic = True  # what fits into the time differs
        return tags


def _data(
    texts: Texts, target: Target, weights: Any, X_valid: Any, y_valid: Any, seed: int
) -> TuningData:
    multilabel = target.kind != "single"
    if (X_valid is None) != (y_valid is None):
        raise ValueError("X_valid and y_valid must be given together")
    if X_valid is None:
        return TuningData.divide(
            texts, target.labels, multilabel=multilabel, doc_weights=weights, seed=seed
        )
    valid_texts = Texts.from_sequence(X_valid)
    kind = "single" if is_matrix(y_valid) and target.kind == "single" else None
    valid = read_target(y_valid, target.classes, kind)
    if valid.kind != target.kind:
        raise ValueError(f"y is {target.kind} and y_valid is {valid.kind}")
    if len(valid_texts) != len(valid.labels) or len(valid_texts) == 0:
        raise ValueError(
            f"X_valid and y_valid must have the same number of samples, at least 1: "
            f"{len(valid_texts)} texts, {len(valid.labels)} labels"
        )
    return TuningData(texts, target.labels, valid_texts, valid.labels, multilabel, weights)


def _with_more(
    data: TuningData,
    config: Config,
    beside: Beside,
    run: Run,
    seconds: float | None,
    how: dict[str, Any],
) -> tuple[TuningData, Run]:
    """Return the data with texts without labels, and how trainings are run."""
    from fasttext_lite.teaching.fit import more_texts

    beside.check(data.labels, data.multilabel)
    n_labelled, more = data.n_whole, more_texts(config, beside, run, **how)
    data = data.with_more(more, None if seconds is None else seconds * TEACHING_SHARE)
    n_more = data.n_whole - n_labelled
    return data, dataclasses.replace(run, unlabelled=n_more or None)


def _print(trial: Trial) -> None:
    score = trial.status if trial.score is None else f"{trial.score:.4f}"
    best = "-" if trial.best is None else f"{trial.best:.4f}"
    if sys.stderr is not None:
        sys.stderr.write(
            f"trial {trial.number} ({trial.phase}, {trial.share:.0%} of the rows): {score}, best "
            f"{best}, {trial.size / 1e6:.1f} MB, {trial.seconds:.1f} s, {trial.params}\n"
        )
