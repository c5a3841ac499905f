"""How many texts are answered from a probability on, and how many of the answers are right.

A threshold answers all texts that reach it: texts of equal confidence are answered together or not
at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fasttext_lite.errors import bounded

WANTED = (0.8, 0.9, 0.95, 0.98, 0.99)  # accuracies that people ask for
Z = 1.6448536269514722  # standard deviations of a one-sided bound of 95 %
ROUNDING = 1e-12  # by which an accuracy may miss what is wanted


@dataclass(frozen=True)
class Coverage:
    """What each threshold answers, from all texts down to the surest.

    Attributes
    ----------
    threshold : float64[n_thresholds]
        Rising: each confidence that some text has.
    answered : float64[n_thresholds]
        Share of the texts that reach it, falling from 1.
    accuracy : float64[n_thresholds]
        Share of these that are right.
    area : float
        Under the accuracy over the share answered: the mean, over texts, of the accuracy where the
        threshold is the confidence of that very text. 1 minus the area under the curve of risk and
        coverage (Y. Geifman, G. Uziel and R. El-Yaniv, Bias-Reduced Uncertainty Estimation for
        Deep Neural Classifiers, 2019, arXiv:1805.08206). 0 without a text.
    """

    threshold: np.ndarray
    answered: np.ndarray
    accuracy: np.ndarray
    area: float


@dataclass(frozen=True)
class Answered:
    """The least threshold that gives an accuracy.

    Attributes
    ----------
    wanted : float
        The accuracy.
    threshold : float or None
        A text is answered where its confidence reaches it. None: no threshold gives that accuracy;
        the other figures are then those of the highest that any threshold gives.
    answered : float
        Share of the texts that are answered.
    accuracy : float
        Share of these that are right.
    lower : float
        What the accuracy is at least, see `lower_bound`. As the threshold is chosen on the same
        texts, that is a little more than may be promised of others.
    n : int
        Number of the texts that are answered.
    """

    wanted: float
    threshold: float | None
    answered: float
    accuracy: float
    lower: float = 0.0
    n: int = 0


def lower_bound(n_right: int, n: int) -> float:
    """Return the lower end of the Wilson score interval of a share, one-sided, of 95 %.

    E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, Journal of
    the American Statistical Association 22, 1927; L. D. Brown, T. T. Cai and A. DasGupta, Interval
    Estimation for a Binomial Proportion, Statistical Science 16, 2001.

    Parameters
    ----------
    n_right, n : int
        How many of how many.

    Returns
    -------
    float
        In [0, 1]; 0 where n is 0.
    """
    return float(_lower_bounds(np.array([n_right]), np.array([n]))[0])


def _lower_bounds(n_right: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return `lower_bound` of several shares, float64[n_shares]."""
    size = np.maximum(n, 1)
    share, square = n_right / size, Z * Z / size
    half = np.sqrt(share * (1 - share) * square + square * square / 4)
    found = np.maximum((share + square / 2 - half) / (1 + square), 0.0)
    return np.where(n > 0, found, 0.0)


def coverage(confidence: np.ndarray, right: np.ndarray) -> Coverage:
    """Return what each threshold answers.

    Parameters
    ----------
    confidence : float64[n]
        Probability of what is said of each text; of a model of several labels, of each label given.
    right : bool[n]
        Whether it is right.

    Raises
    ------
    ValueError
        If they are not of one length, or a confidence is not finite.
    """
    thresholds, n_answered, n_right = _levels(confidence, right)
    n = int(n_answered[0]) if n_answered.size else 0
    accuracy = n_right / np.maximum(n_answered, 1)
    shares = -np.diff(n_answered, append=0) / max(n, 1)
    return Coverage(thresholds, n_answered / max(n, 1), accuracy, float(shares @ accuracy))


def answers_for(
    confidence: np.ndarray,
    right: np.ndarray,
    wanted: Sequence[float] = WANTED,
    *,
    by_bound: bool = False,
) -> list[Answered]:
    """Return for each wanted accuracy the threshold that answers most texts at it.

    Parameters
    ----------
    confidence, right
        As of `coverage`.
    wanted : sequence of float
        Accuracies, in (0, 1].
    by_bound : bool
        Whether `Answered.lower` must reach what is wanted, in place of the accuracy: what is
        measured on few texts, and chosen as it looks best there, is less on others.

    Returns
    -------
    list of Answered
        One for each of `wanted`, in their order.

    Raises
    ------
    ValueError
        As by `coverage`, and if an accuracy is out of range.
    """
    thresholds, n_answered, n_right = _levels(confidence, right)
    n = int(n_answered[0]) if n_answered.size else 0
    lower = _lower_bounds(n_right, n_answered)
    reached = lower if by_bound else n_right / np.maximum(n_answered, 1)
    found = []
    for each in wanted:
        if not 0 < each <= 1:
            raise ValueError(bounded(f"a wanted accuracy must be above 0 and at most 1: {each!r}"))
        if not n:
            found.append(Answered(float(each), None, 0.0, 0.0))
            continue
        good = np.flatnonzero(reached >= each - ROUNDING)
        i = int(good[0] if good.size else np.argmax(reached))
        hits, size = int(n_right[i]), int(n_answered[i])
        threshold = float(thresholds[i]) if good.size else None
        found.append(
            Answered(
                float(each), threshold, size / n, hits / size, float(lower[i]), size
            )  # fmt: skip
        )
    return found


def threshold_for_rate(confidence: np.ndarray, rate: float) -> float:
    """Return the highest threshold that at least a share of the texts reach.

    Parameters
    ----------
    confidence : float64[n]
        Of one text at least.
    rate : float
        In (0, 1].
    """
    falling = np.sort(np.asarray(confidence, np.float64))[::-1]
    n = min(max(math.ceil(rate * falling.size - 1e-9), 1), falling.size)
    return float(falling[n - 1])


def _levels(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the confidences there are, rising, and how many texts reach each and are right."""
    confidence, right = np.asarray(confidence, np.float64), np.asarray(right, bool)
    if confidence.shape != right.shape or confidence.ndim != 1:
        raise ValueError(
            f"confidence and right must be of one length; got shapes {confidence.shape} and "
            f"{right.shape}"
        )
    if not np.isfinite(confidence).all():
        raise ValueError("a confidence is not finite")
    thresholds, places = np.unique(confidence, return_inverse=True)
    counts = np.bincount(places.ravel(), minlength=thresholds.size)
    hits = np.bincount(places.ravel()[right], minlength=thresholds.size)
    return thresholds, _from_top(counts), _from_top(hits)


def _from_top(counts: np.ndarray) -> np.ndarray:
    """Return at each place the sum of what is there and behind it."""
    return np.cumsum(counts[::-1])[::-1]
