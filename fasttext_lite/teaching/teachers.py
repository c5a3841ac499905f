"""Teachers: what gives texts without labels a probability for each label.

A teacher looks at texts in its own way: `Probe` at dense vectors of them, a model at words and
n-grams. `mixed` makes one of several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LEAST = 1e-6  # probability that logarithms are taken of
STRENGTHS = (1.0, 10.0)  # inverse of the regularisation that is tried
MOST_STEPS = 100
POWERS = (0.0, 5.0)  # range of a teacher's power in a mixture
USUAL_POWER, PULL = 0.5, 1e-3  # to which powers are drawn, and how much


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
            Inverse of the regularisation, `C` of scikit-learn.
        weights : float[n], optional
        """
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        slopes = np.zeros((n_labels, vectors.shape[1]), np.float32)
        starts = np.full(n_labels, -np.inf, np.float32)
        present = np.unique(ids)
        if present.size == 1:
            starts[present] = 0
            return cls(slopes, starts)
        found = LogisticRegression(C=strength, max_iter=MOST_STEPS)
        # Matrices are so small that threads of BLAS wait for each other most of the time.
        with warnings.catch_warnings(), threadpool_limits(1, "blas"):
            warnings.simplefilter("ignore", ConvergenceWarning)  # near enough
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
