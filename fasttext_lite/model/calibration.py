"""How the scores of a model become probabilities that mean what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fasttext_lite.config.losses import Loss
from fasttext_lite.errors import bounded

# A calibrated label tree needs the probabilities of all its leaves: with more than this many, that
# would take longer than finding the likeliest.
MOST_LEAVES = 4_000
BINS = 15  # of the expected calibration error, each of as many texts


def calibration_error(
    confidence: np.ndarray, right: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return the expected calibration error of the likeliest labels, in bins of equal mass.

    The mean over `BINS` bins of texts, by confidence, of the distance between the mean confidence
    and the accuracy in a bin (Naeini, Cooper and Hauskrecht 2015; Nguyen and O'Connor 2015, with
    bins of equal mass). The order of the texts has no part in it, see `equal_mass`.

    Parameters
    ----------
    confidence : float64[n_texts]
        Probability of the likeliest label of each text.
    right : bool[n_texts]
        Whether that is one of its labels.
    weights : float[n_texts], optional
        Of the texts; default: 1.

    Returns
    -------
    float
        In [0, 1]; 0 without a text.
    """
    confidence, right = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    weights = np.ones(len(right)) if weights is None else np.asarray(weights, np.float64)
    bins, right, weights = equal_mass(confidence, right, weights, BINS)
    gaps = weights * (confidence - right)
    return float(sum(abs(gaps[each].sum()) for each in bins) / max(weights.sum(), 1e-12))


def equal_mass(
    confidence: np.ndarray, right: np.ndarray, weights: np.ndarray, n_bins: int
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return bins of as many texts, and what each text counts for in its bin.

    Where a bin ends among texts of equal confidence, it is not told which of them are in it: each
    counts as all of these on average, so that their order has no part in what is measured.

    Parameters
    ----------
    confidence, right, weights : float64[n_texts]
    n_bins : int
        Fewer where there are fewer texts.

    Returns
    -------
    bins : list of int64
        Numbers of the texts of each bin, the least sure first; none is empty.
    right, weights : float64[n_texts]
        Means over the texts of equal confidence, those of `right` by weight.
    """
    order = np.argsort(confidence, kind="stable")
    _, ties, sizes = np.unique(confidence, return_inverse=True, return_counts=True)
    ties = ties.ravel()
    totals = np.bincount(ties, weights, sizes.size)
    hits = np.bincount(ties, weights * right, sizes.size)
    shares = np.divide(hits, totals, out=np.zeros(sizes.size), where=totals > 0)
    bins = [each for each in np.array_split(order, n_bins) if each.size]
    return bins, shares[ties], (totals / sizes)[ties]


@dataclass(frozen=True)
class Calibration:
    """One or two numbers for all scores, fitted on texts that were not trained on.

    Where each text has one label, the probabilities of a model of one-vs-all losses are
    sigmoid(scale * score) ** power, made to sum to 1. With the power 1 that is the usual way to
    make one distribution of them; with a small scale and a high power it is a softmax: noisy
    data ask for the one, clean data for the other. A power of 0 stands for the softmax of scale *
    score, as losses of a softmax have it: C. Guo, G. Pleiss, Y. Sun and K. Weinberger, On
    Calibration of Modern Neural Networks, 2017, arXiv:1706.04599; the scale is 1 / temperature.
    Those of a label tree are their uncalibrated selves ** power, made to sum to 1. Where texts may
    have several labels, each is judged by the sigmoid of scale * score.

    Attributes
    ----------
    scale : float
    power : float
    n_texts : int
        Number of texts, not trained on, that it was fitted on; 0: it was not, and the scale is
        the loss's own.
    error : float, optional
        Expected calibration error of these texts, see `calibration_error`.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    scale: float
    power: float = 0.0
    n_texts: int = 0
    error: float | None = None

    def __post_init__(self) -> None:
        for name, least, most in (("scale", 1e-9, 1e9), ("power", 0, 1e9), ("error", 0, 1)):
            value = getattr(self, name)
            if name == "error" and value is None:
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not least <= value <= most:
                raise ValueError(
                    bounded(f"the {name} of a calibration is out of range; got {value!r}")
                )
            object.__setattr__(self, name, float(value))
        if type(self.n_texts) is not int or not 0 <= self.n_texts < 2**63:
            raise ValueError(bounded(f"a calibration has a number of texts; got {self.n_texts!r}"))

    @classmethod
    def none(cls, loss: Loss) -> Calibration:
        """Return the scale of a loss as it is."""
        return cls(float(loss.scale), 1.0 if loss.link == "sigmoid" else 0.0)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """Return what `to_dict` was called of; raise `ValueError` or `TypeError` if it is none."""
        return cls(**values)

    def line(self) -> str:
        """Return one line that says what it is and what it was measured on."""
        power = f", power {self.power:.4g}" * bool(self.power)
        if not self.n_texts:
            return f"scale {self.scale:.4g}{power}, not measured"
        error = "" if self.error is None else f", error {self.error:.4f}"
        return f"scale {self.scale:.4g}{power}{error} ({self.n_texts:,} texts held out)"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)
