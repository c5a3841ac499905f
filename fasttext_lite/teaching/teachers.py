"""Teachers: what gives texts without labels a probability for each label.

A teacher looks at texts in its own way: `Probe` at dense vectors of them, a model at words and
n-grams. `mixed` makes one of several.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

LEAST = 1e-6  # probability that logarithms are taken of
STRENGTHS = (1.0, 10.0)  # inverse of the regularisation that is tried
MOST_STEPS = 100
POWERS = (0.0, 5.0)  # range of a teacher's power in a mixture
USUAL_POWER, PULL = 0.5, 1e-3  # to which powers are drawn, and how much
MOST_CELLS = 1 << 25  # texts times labels that a probe learns from: 256 MB for each of its tables


class _OneThread:
    """One thread of BLAS, and no word of steps that ran out, while any thread has entered.

    Both are settings of the process: the first that enters makes them, the last that leaves puts
    back what was.
    """

    def __init__(self) -> None:
        self.lock, self.n, self.before = threading.Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        with self.lock:
            if self.n == 0:
                self.before.enter_context(threadpool_limits(1, "blas"))
                self.before.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore", ConvergenceWarning)  # near enough
            self.n += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.n -= 1
            if self.n == 0:
                self.before.close()


# Matrices are so small that threads of BLAS wait for each other most of the time.
one_thread = _OneThread()


@dataclass(frozen=True)
class Probe:
    """Logistic regression on dense vectors.

    Attributes
    ----------
    slopes : float32[n_labels, dim]
    starts : float32[n_labels]
        -inf for a label that no text had.
    """

    slopes: np.ndarray
    starts: np.ndarray

    @classmethod
    def fit(
        cls,
        vectors: np.ndarray,
        ids: np.ndarray,
        n_labels: int,
        strength: float,
        weights: np.ndarray | None = None,
    ) -> Probe:
        """Learn from vectors with labels.

        Parameters
        ----------
        vectors : float32[n, dim]
        ids : int[n]
            Labels.
        n_labels : int
        strength : float
            Inverse of the regularisation, `C` of scikit-learn.  Of more than
            ``MOST_CELLS / n_labels`` texts some are learnt from, see `enough`.
        weights : float[n], optional
        """
        from sklearn.linear_model import LogisticRegression

        slopes = np.zeros((n_labels, vectors.shape[1]), np.float32)
        starts = np.full(n_labels, -np.inf, np.float32)
        present = np.unique(ids)
        if present.size == 1:
            starts[present] = 0
            return cls(slopes, starts)
        if ids.size * n_labels > MOST_CELLS:
            few = enough(ids, MOST_CELLS // n_labels)
            vectors, ids = vectors[few], ids[few]
            weights = None if weights is None else weights[few]
        found = LogisticRegression(C=strength, max_iter=MOST_STEPS)
        with one_thread:
            found.fit(vectors, ids, weights)
        if present.size == 2:  # scikit-learn has one row for both
            starts[present] = 0
            slopes[present[1]], starts[present[1]] = found.coef_[0], found.intercept_[0]
        else:
            slopes[present], starts[present] = found.coef_, found.intercept_
        return cls(slopes, starts)

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Return the probability of each label, float32[n, n_labels]."""
        return softmax(vectors @ self.slopes.T + self.starts)


def enough(ids: np.ndarray, most: int) -> np.ndarray:
    """Return so many places at random, and one of each label at least, int64, ascending.

    Parameters
    ----------
    ids : int[n]
        Labels.
    most : int
    """
    order = np.random.default_rng(32).permutation(ids.size)
    first = order[np.unique(ids[order], return_index=True)[1]]
    return np.union1d(order[:most], first)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return probabilities of scores, in place where these are float32[n, n_labels]."""
    scores = np.asarray(scores, np.float32)
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def mixed(parts: Sequence[np.ndarray], powers: Sequence[float]) -> np.ndarray:
    """Return the product of probabilities, each to a power, made to sum to 1.

    Parameters
    ----------
    parts : sequence of float[n, n_labels]
    powers : sequence of float

    Returns
    -------
    float32[n, n_labels]
    """
    scores = np.zeros(parts[0].shape, np.float32)
    for part, power in zip(parts, powers, strict=True):
        scores += np.float32(power) * np.log(np.maximum(part, LEAST), dtype=np.float32)
    return softmax(scores)


def log_loss(probabilities: np.ndarray, ids: np.ndarray) -> float:
    """Return the mean log loss of right labels."""
    found = np.maximum(probabilities[np.arange(ids.size), ids], LEAST)
    return float(-np.log(found).mean())


def fit_powers(parts: Sequence[np.ndarray], ids: np.ndarray) -> list[float]:
    """Return the powers under which the right labels are likeliest: a logarithmic opinion pool.

    Parameters
    ----------
    parts : sequence of float[n, n_labels]
        What each teacher says of texts that it did not learn from.
    ids : int[n]
        Their labels.

    References
    ----------
    T. Heskes, Selecting weighting factors in logarithmic opinion pools, 1998.
    """
    from scipy.optimize import minimize

    rows = np.arange(ids.size)
    logs = [np.log(np.maximum(part, LEAST)).astype(np.float64) for part in parts]

    def of(powers: np.ndarray) -> tuple[float, np.ndarray]:
        scores = sum(power * log for power, log in zip(powers, logs, strict=True))
        scores = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(scores)
        totals = p.sum(axis=1, keepdims=True)
        p /= totals
        loss = float((np.log(totals[:, 0]) - scores[rows, ids]).mean())
        slopes = [float(((p * log).sum(axis=1) - log[rows, ids]).mean()) for log in logs]
        away = powers - USUAL_POWER
        return loss + PULL * float(away @ away), np.array(slopes) + 2 * PULL * away

    start: Any = np.full(len(parts), USUAL_POWER)
    found = minimize(of, start, jac=True, bounds=[POWERS] * len(parts), method="L-BFGS-B")
    return [float(power) for power in found.x]
