"""How sure a model may be: are its probabilities right, what do they answer, what is new to it.

A threshold answers all texts that reach it: texts of equal confidence are answered together or not
at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fasttext_lite.errors import bounded
from fasttext_lite.model.abstention import shown_threshold
from fasttext_lite.model.calibration import BINS, equal_mass
from fasttext_lite.model.coverage import (
    WANTED,
    Answered,
    Coverage,
    answers_for,
    coverage,
    lower_bound,
)

__all__ = [
    "WANTED",
    "Answered",
    "Coverage",
    "Reliability",
    "answers_for",
    "area_under_roc",
    "coverage",
    "lower_bound",
    "reliability",
    "shown_threshold",
]


@dataclass(frozen=True)
class Reliability:
    """Confidence and accuracy of texts in bins of equal mass, the least sure first.

    Attributes
    ----------
    confidence, accuracy : float64[n_bins]
        Means of the texts of each bin, by their weights.
    counts : int64[n_bins]
        Number of texts of each; no bin is empty.
    error : float
        The expected calibration error, as `model.calibration.calibration_error` has it.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    counts: np.ndarray
    error: float


def reliability(
    confidence: np.ndarray,
    right: np.ndarray,
    weights: np.ndarray | None = None,
    n_bins: int = BINS,
) -> Reliability:
    """Return how far probabilities are from how often they are right.

    The reliability diagram of A. Niculescu-Mizil and R. Caruana, Predicting Good Probabilities
    with Supervised Learning, 2005, with bins of equal mass (K. Nguyen and B. O'Connor, Posterior
    Calibration and Exploratory Analysis for Natural Language Processing Models, 2015).

    Parameters
    ----------
    confidence : float64[n]
        Probability of what is said of each text; of a model of several labels, of each label given.
    right : bool[n]
        Whether it is right.
    weights : float[n], optional
        Default: 1.
    n_bins : int
        Most bins; where there are fewer texts, each has its own.

    Raises
    ------
    ValueError
        If the arrays are not of one length, or there is no bin.
    """
    confidence = np.asarray(confidence, np.float64)
    hits = np.asarray(right, np.float64)
    weights = np.ones(hits.shape) if weights is None else np.asarray(weights, np.float64)
    if not confidence.shape == hits.shape == weights.shape or confidence.ndim != 1:
        raise ValueError(
            f"confidence, right and weights must be of one length; got shapes {confidence.shape}, "
            f"{hits.shape} and {weights.shape}"
        )
    if n_bins < 1:
        raise ValueError(bounded(f"n_bins must be at least 1; got {n_bins!r}"))
    bins, hits, weights = equal_mass(confidence, hits, weights, n_bins)
    masses = np.array([weights[each].sum() for each in bins])
    sure, good = (
        np.array([weights[each] @ values[each] for each in bins]) for values in (confidence, hits)
    )
    error = float(np.abs(sure - good).sum() / max(weights.sum(), 1e-12))
    masses = np.maximum(masses, 1e-300)
    counts = np.array([each.size for each in bins], np.int64)
    return Reliability(sure / masses, good / masses, counts, error)


def area_under_roc(known: np.ndarray, novel: np.ndarray) -> float | None:
    """Return how well confidence tells texts of known labels from others.

    Parameters
    ----------
    known, novel : float64[n_known], float64[n_novel]
        The largest probability of each text.

    Returns
    -------
    float or None
        How often a known text is surer than a novel one, of all pairs; equals count half. That is
        the area under the receiver operating characteristic, the statistic of Mann and Whitney.
        None without a pair.
    """
    known, novel = np.asarray(known, np.float64), np.sort(np.asarray(novel, np.float64))
    if not known.size or not novel.size:
        return None
    below = np.searchsorted(novel, known, "left") + np.searchsorted(novel, known, "right")
    return float(below.sum() / 2 / (known.size * novel.size))
