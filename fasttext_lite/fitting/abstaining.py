"""From which probability on a model answers: measured on texts that it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.errors import bounded
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting.calibrate import LEAST_TEXTS, Judged, answers, answers_of
from fasttext_lite.fitting.repeats import asked_log
from fasttext_lite.model.abstention import RATE, Abstention
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.model.coverage import answers_for, threshold_for_rate
from fasttext_lite.model.model import Model
from fasttext_lite.model.run import Run

FAR_OFF = 0.1  # of the share answered from what is wanted: it is said


@dataclass(frozen=True)
class Answers:
    """How sure models are of texts that they did not learn from, and whether they are right.

    Attributes
    ----------
    confidence : float64[n]
        Of the likeliest label of each text; of a model of several labels, of each label given. -1
        of a text without a feature, which gets no answer.
    right : bool[n]
    n_texts, n_folds : int
        As of `Abstention`.
    """

    confidence: np.ndarray
    right: np.ndarray
    n_texts: int
    n_folds: int

    @classmethod
    def of_parts(cls, parts: list[Judged], calibration: Calibration) -> Answers:
        """Return what models say that were trained without a part each."""
        n_texts = sum(len(part.decisions.scores) + part.n_blank for part in parts)
        return cls(*answers_of(parts, calibration), n_texts, len(parts))

    @classmethod
    def of_model(cls, model: Model, features: FeatureMatrix, labels: Labels) -> Answers:
        """Return what a model itself says.

        Parameters
        ----------
        model : Model
            Calibrated.
        features, labels : FeatureMatrix, Labels
            Of texts that it did not learn from; ids of labels are the model's.
        """
        return cls(*answers(model, features, labels), len(labels), 0)

    def abstention(self, run: Run | None) -> Abstention | None:
        """Return the threshold that a training is asked for; None where there is none.

        Why there is none is logged, where one is asked for.

        Parameters
        ----------
        run : Run, optional
        """
        if run is None or run.wanted is None:
            return None
        (wanted, level), n = run.wanted, self.confidence.size
        known = self.confidence >= 0
        if self.n_texts < LEAST_TEXTS or not known.any():
            say_too_few(run, self.n_texts)
            return None
        if wanted == RATE:
            value: float | None = max(threshold_for_rate(self.confidence, level), 0.0)
        else:
            sure, right = self.confidence[known], self.right[known]
            found = answers_for(sure, right, [level], by_bound=True)[0]
            value = found.threshold
            if value is None:
                asked_log.warning(
                    "%s %g is not reached on %s texts held out: the most that is sure is %.4f, of "
                    "the surest %s answers, of which %.4f are right; the model has no threshold to "
                    "abstain by: ask for less",
                    wanted, level, f"{self.n_texts:,}", found.lower, f"{found.n:,}", found.accuracy,
                )  # fmt: skip
                return None
        assert value is not None
        given = self.confidence >= value
        n_given = int(given.sum())
        if n_given == known.sum():
            value = 0.0  # nothing held out says where to stop
        if wanted == RATE and abs(n_given / n - level) > FAR_OFF:
            asked_log.warning(
                "%s %g is missed: %s are answered, as many of the %s answers held out are equally "
                "sure, or of texts without a known feature",
                wanted, level, f"{n_given / n:.1%}", f"{n:,}",
            )  # fmt: skip
        return Abstention(
            value, wanted, level, n_given / n, float(self.right[given].mean()), n_given,
            self.n_texts, self.n_folds,
        )  # fmt: skip


def say_too_few(run: Run, n_texts: int) -> None:
    """Log that a threshold is asked for, and too few texts can be held out to measure it."""
    assert run.wanted is not None
    asked_log.warning(
        "%s",
        bounded(
            f"{run.wanted[0]} {run.wanted[1]:g} cannot be measured: {n_texts} texts can be held "
            f"out, {LEAST_TEXTS} are needed; the model has no threshold to abstain by"
        ),
    )
