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
MOST_STEPS, TOLERANCE = 100, 1e-6  # of logistic regression; the latter of its gradient
POWERS = (0.0, 5.0)  # range of a teacher's power in a mixture
USUAL_POWER, PULL = 0.5, 1e-3  # to which powers are drawn, and how much
MOST_CELLS = 1 << 25  # texts times labels that a probe learns from: 256 MB for each of its tables


class _OneThread:
    """One thread of BLAS while any thread has entered.

    That is a setting of the process: the first that enters makes it, the last that leaves puts
    back what was.
    """

    def __init__(self) -> None:
        self.lock, self.n, self.before = threading.Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        from threadpoolctl import threadpool_limits

        with self.lock:
            if self.n == 0:
                self.before.enter_context(threadpool_limits(1, "blas"))
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
        found = fit_logistic(vectors, np.searchsorted(present, ids), strength, weights)
        slopes[present], starts[present] = found[:, :-1], found[:, -1]
        return cls(slopes, starts)

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Return the probability of each label, float32[n, n_labels]."""
        return softmax(vectors @ self.slopes.T + self.starts)


def fit_logistic(
    vectors: np.ndarray, ids: np.ndarray, strength: float, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the rows of a logistic regression, as scikit-learn's `LogisticRegression` has them.

    Its import takes longer than all probes of a training.

    Parameters
    ----------
    vectors : float32[n, dim]
    ids : int[n]
        Labels, from 0 on; each occurs.
    strength : float
        Inverse of the regularisation; starts are not regularised.
    weights : float[n], optional

    Returns
    -------
    float64[n_labels, dim + 1]
        Slopes, and start last. Of two labels the first has zeros, and the second all of the
        difference.
    """
    from scipy.optimize import minimize

    (n, dim), n_labels = vectors.shape, int(ids.max()) + 1
    n_free = n_labels if n_labels > 2 else 1
    vectors, places = vectors.astype(np.float64), (np.arange(n), ids)
    shares = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    penalty, shares = 1 / (strength * shares.sum()), shares / shares.sum()

    def of(flat: np.ndarray) -> tuple[float, np.ndarray]:
        rows = flat.reshape(n_free, dim + 1)
        scores = np.zeros((n, n_labels))
        scores[:, n_labels - n_free :] = vectors @ rows[:, :dim].T + rows[:, dim]
        scores -= scores.max(axis=1, keepdims=True)
        right = scores[places]
        np.exp(scores, out=scores)
        totals = scores.sum(axis=1, keepdims=True)
        loss = float(shares @ (np.log(totals[:, 0]) - right))
        scores /= totals  # probabilities
        scores[places] -= 1
        scores *= shares[:, None]
        free = scores[:, n_labels - n_free :]
        slopes = np.append(free.T @ vectors + penalty * rows[:, :dim], free.sum(0)[:, None], axis=1)
        return loss + penalty / 2 * float((rows[:, :dim] ** 2).sum()), slopes.ravel()

    options = {"maxiter": MOST_STEPS, "maxls": 50, "gtol": TOLERANCE, "ftol": 64 * np.spacing(1.0)}
    with one_thread:
        start = np.zeros(n_free * (dim + 1))
        found = minimize(of, start, jac=True, method="L-BFGS-B", options=options).x
    return np.concatenate([np.zeros((n_labels - n_free, dim + 1)), found.reshape(n_free, dim + 1)])


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
