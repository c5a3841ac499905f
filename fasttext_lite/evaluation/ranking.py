"""Measures of the first k labels of each text, as extreme classification reports them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.errors import bounded, one_line

LEAST_TEXTS = 3  # that propensities are estimated from: above e
A, B = 0.55, 1.5  # Jain et al. 2016; 0.5 and 0.4 for Wikipedia, 0.6 and 2.6 for Amazon


def propensities(label_counts: np.ndarray, n_texts: int, a: float = A, b: float = B) -> np.ndarray:
    """Return how likely each label is to be noted where it is right.

    Annotators overlook rare labels: 1 / (1 + C (N_l + B) ** -A), where label l has N_l of N
    training texts and C = (ln N - 1) (B + 1) ** A.

    Parameters
    ----------
    label_counts : int[n_labels]
        Training texts of each label, as `Model.label_counts` says.
    n_texts : int
        Training texts in all, `LEAST_TEXTS` at least.
    a, b : float
        Of the kind of data; above 0.

    Returns
    -------
    float64[n_labels]
        In (0, 1).

    Raises
    ------
    ValueError
        If there are fewer than 3 texts, a or b is not above 0, or a count is below 0; also if one
        of these is no finite number.

    References
    ----------
    H. Jain, Y. Prabhu, M. Varma, Extreme Multi-label Loss Functions for Recommendation, Tagging,
    Ranking & Other Missing Label Applications, KDD 2016, section 4.2.
    """
    counts = _numbers(label_counts, "texts of labels")
    if not (isinstance(n_texts, Real) and LEAST_TEXTS <= n_texts < math.inf):
        raise ValueError(
            bounded(f"propensities need at least {LEAST_TEXTS} training texts; got {n_texts!r}")
        )
    if not all(isinstance(each, Real) and 0 < each < math.inf for each in (a, b)):
        raise ValueError(
            bounded(f"a and b of propensities must be finite, and above 0; got {a!r} and {b!r}")
        )
    if counts.min(initial=0) < 0:
        raise ValueError(bounded(f"a label has {counts.min():g} texts: it must be 0 or more"))
    # As one power, which is finite for any a: (b + 1) ** a alone may not be.
    with np.errstate(over="ignore"):
        return 1 / (1 + (math.log(n_texts) - 1) * ((b + 1) / (counts + b)) ** np.float64(a))


def precision_at_k(
    found: np.ndarray, gold: Labels, ks: Iterable[int] | int = (1, 3, 5)
) -> list[float]:
    """Return for each k the mean share of the first k labels that are a text's own.

    Parameters
    ----------
    found : int[n_texts, n]
        Predicted labels, likeliest first; -1 = none, which is not right.
    gold : Labels
        The true labels by the same numbers, each but once; -1 = one without a number.
    ks : iterable of int, or int
        From 1 to n.

    Raises
    ------
    ValueError
        If a k is below 1 or above n, there are not as many texts, or `found` is no table of whole
        numbers.
    TypeError
        If `gold` is no `Labels`, or a k no whole number.
    """
    found = _table(found, gold)
    return _shares(found, gold, np.ones(_n_labels(found, gold)), ks, by_best=False)


def propensity_scored_precision_at_k(
    found: np.ndarray,
    gold: Labels,
    propensities: np.ndarray,
    ks: Iterable[int] | int = (1, 3, 5),
) -> list[float]:
    """Return for each k the precision of which a right label counts 1 / its propensity.

    Of the best that k labels could get, as the papers report it: the sum over texts, by the sum
    of what the k true labels of least propensity count.

    Parameters
    ----------
    found, gold, ks
        As in `precision_at_k`.
    propensities : float[n_labels]
        See `propensities`.

    Raises
    ------
    ValueError, TypeError
        As `precision_at_k`, and if a label has no propensity, or one that is not above 0.

    References
    ----------
    Jain et al. 2016, see `propensities`; normalised as in K. Bhatia et al., The Extreme
    Classification Repository, 2016.
    """
    found, chances = _table(found, gold), _numbers(propensities, "propensities")
    if chances.min(initial=1.0) <= 0:
        raise ValueError(bounded(f"propensities must be above 0; got {chances.min():g}"))
    if _n_labels(found, gold) > len(chances):
        raise ValueError(
            bounded(
                f"there are propensities of {len(chances)} labels, and one of number "
                f"{_n_labels(found, gold) - 1}"
            )
        )
    return _shares(found, gold, 1 / chances, ks, by_best=True)


def _numbers(given: Any, what: str) -> np.ndarray:
    """Return numbers, one for each label, as float64[n_labels]."""
    try:
        found = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        found = np.empty(())
    if found.ndim != 1 or not np.isfinite(found).all():
        raise ValueError(one_line(f"{what} must be finite numbers, one for each; got {given!r}"))
    return found


def _table(found: Any, gold: Any) -> np.ndarray:
    """Return predictions, int64[n_texts, n]."""
    if not isinstance(gold, Labels):
        raise TypeError(
            f"gold must be Labels (Labels.from_rows makes them); got {type(gold).__name__}"
        )
    table = np.asarray(found)
    if table.ndim != 2 or table.dtype.kind not in "iu":
        raise ValueError(
            "predictions must be a table of whole numbers, int[n_texts, n]; got "
            f"{table.dtype}{list(table.shape)}"
        )
    return table.astype(np.int64, copy=False)


def _n_labels(found: np.ndarray, gold: Labels) -> int:
    return max(int(found.max(initial=-1)), int(gold.ids.max(initial=-1))) + 1


def _shares(
    found: np.ndarray, gold: Labels, worth: np.ndarray, ks: Iterable[int] | int, by_best: bool
) -> list[float]:
    """Return what the first k labels are worth, by k for each text or by the most possible."""
    n, width = found.shape
    if n != len(gold):
        raise ValueError(f"there are predictions of {n} texts and labels of {len(gold)}")
    docs = np.repeat(np.arange(n), np.diff(gold.indptr))[gold.ids >= 0]
    own = gold.ids[gold.ids >= 0].astype(np.int64)
    pairs = np.sort(docs * worth.size + own)  # a pair of text and label as one number
    asked = np.arange(n)[:, None] * worth.size + found
    at = np.minimum(np.searchsorted(pairs, asked), max(pairs.size - 1, 0))
    is_right = (found >= 0) & (pairs[at] == asked if pairs.size else False)
    gained = np.where(is_right, worth[found], 0.0).sum(axis=0)
    order = np.lexsort((-worth[own], docs))
    sizes = np.bincount(docs, minlength=n)
    ranks = np.arange(docs.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    best = worth[own][order]
    shares: list[float] = []
    for given in [ks] if isinstance(ks, int | np.integer) else ks:
        if not isinstance(given, Integral) or isinstance(given, bool):
            raise TypeError(bounded(f"k must be a whole number; got {given!r}"))
        k = int(given)
        if not 1 <= k <= width:
            raise ValueError(bounded(f"k must be from 1 to {width}, labels predicted; got {k!r}"))
        most = best[ranks < k].sum() if by_best else float(k * n)
        shares.append(float(gained[:k].sum() / most) if most else 0.0)
    return shares
