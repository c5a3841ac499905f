"""Two models on the same texts: whether one is better, or they differ by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fasttext_lite.errors import bounded

CONFIDENCE_95 = 1.959963984540054  # standard errors to either side of a normal distribution
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Comparison:
    """What a paired test says of two models.

    Attributes
    ----------
    n : int
        Texts that both were asked about.
    n_first, n_second : int
        Texts that the first, the second model labels right.
    only_first, only_second : int
        Texts that one of them alone labels right.
    difference : float
        Accuracy of the second less that of the first.
    low, high : float
        An interval of the difference that holds the true one in 95 of 100 such tests.
    p : float
        How likely models that are as good as each other differ as much or more on so many texts.
    """

    n: int
    n_first: int
    n_second: int
    only_first: int
    only_second: int
    difference: float
    low: float
    high: float
    p: float

    @property
    def is_significant(self) -> bool:
        """Whether `p` is below `SIGNIFICANT`."""
        return self.p < SIGNIFICANT


def compare(first: np.ndarray, second: np.ndarray) -> Comparison:
    """Compare two models by which texts each labels right.

    The p-value is McNemar's, exact and mid-p: of the texts that one model alone labels right, each
    is either model's with the same chance, and half of the probability of the very counts seen
    is taken (M. W. Fagerland, S. Lydersen and P. Laake, The McNemar test for binary matched-pairs
    data: mid-p and asymptotic are better than exact conditional, BMC Medical Research Methodology
    13:91, 2013). The interval is Wald's with half a text added to each of the four counts (A.
    Agresti and Y. Min, Simple improved confidence intervals for comparing matched proportions,
    Statistics in Medicine 24, 2005).

    Parameters
    ----------
    first, second : bool[n]
        Whether a model labels each text right.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If there is no text, or the two are of different lengths.
    """
    first, second = np.asarray(first, bool).ravel(), np.asarray(second, bool).ravel()
    n = first.size
    if n == 0 or second.size != n:
        raise ValueError(
            bounded(f"a comparison is of the same texts, one or more; got {n!r} and {second.size}")
        )
    b, c = int((first & ~second).sum()), int((second & ~first).sum())
    wide, more = n + 2.0, (c - b) / (n + 2.0)
    error = math.sqrt(max(b + c + 1.0 - wide * more**2, 0.0)) / wide
    return Comparison(
        n=n, n_first=int(first.sum()), n_second=int(second.sum()), only_first=b, only_second=c,
        difference=(c - b) / n, low=max(more - CONFIDENCE_95 * error, -1.0),
        high=min(more + CONFIDENCE_95 * error, 1.0), p=mid_p(b, c),
    )  # fmt: skip


def mid_p(b: int, c: int) -> float:
    """Return the mid-p value of McNemar's exact test, for the counts of the texts that differ.

    Parameters
    ----------
    b, c : int
    """
    n, least = b + c, min(b, c)
    if n == 0:
        return 1.0
    # log of n over k, k from 0 to the lesser count: sums of logarithms, which cannot overflow.
    ks = np.arange(1, least + 1)
    logs = np.append(0.0, np.cumsum(np.log((n - ks + 1) / ks))) - n * math.log(2)
    seen = math.exp(logs[-1])
    return 1 - seen / 2 if b == c else 2 * float(np.exp(logs).sum()) - seen


def proportion_interval(n_right: int, n: int) -> tuple[float, float]:
    """Return the interval of a share that holds the true one in 95 of 100 samples.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of
    the American Statistical Association 22, 1927.

    Parameters
    ----------
    n_right, n : int
    """
    if n == 0:
        return 0.0, 1.0
    z, p = CONFIDENCE_95, n_right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)
