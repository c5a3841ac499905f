"""How much each text counts in training, by its labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.model.run import BALANCED

MOST_FACTOR = 10  # a few old texts are not to be learnt by heart


def class_factors(
    class_weight: str | Mapping[str, float] | None,
    labels: Labels,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the mean weight of each text's labels, float64[n_texts]; 1 for a text without.

    Parameters
    ----------
    class_weight : "balanced", mapping of str to float, or None
        Of labels by name; one that is missing weighs 1. Balanced: inverse to the sum of the
        weights of a label's texts, so that all labels count the same; as scikit-learn has it,
        and the mean over the texts that have a label is 1.
    labels : Labels
    weights : float64[n_texts], optional
        Of the texts themselves; default: 1.
    """
    n_texts, n_labels, sizes = len(labels), len(labels.names), np.diff(labels.indptr)
    if class_weight is None:
        return np.ones(n_texts)
    weights = np.ones(n_texts) if weights is None else weights
    factors = np.ones(n_labels)
    if class_weight == BALANCED:
        totals = np.bincount(labels.ids, np.repeat(weights, sizes), n_labels)
        present = totals > 0
        factors[present] = weights.sum() / (present.sum() * totals[present])
    else:
        assert isinstance(class_weight, Mapping)
        factors = np.array([float(class_weight.get(name, 1.0)) for name in labels.names])
    sums = np.bincount(np.repeat(np.arange(n_texts), sizes), factors[labels.ids], n_texts)
    means = sums / np.maximum(sizes, 1)
    if class_weight == BALANCED and labels.is_multilabel and sizes.any():
        means /= np.average(means[sizes > 0], weights=weights[sizes > 0])
    return np.where(sizes > 0, means, 1.0)


def seen_factors(labels: Labels, before: np.ndarray) -> np.ndarray:
    """Return factors by which labels count as in all texts seen, float64[n_texts].

    A label that has 1,000 texts in all, 100 of them here, counts ten times; the mean of a text's
    labels is taken. None counts more than `MOST_FACTOR` times as much as another.

    Parameters
    ----------
    labels : Labels
    before : int64[n_labels]
        How often each occurred before.
    """
    here, sizes = labels.counts(), np.diff(labels.indptr)
    factors = (before + here) / np.maximum(here, 1)
    present = here > 0
    if present.any():
        factors = np.minimum(factors, MOST_FACTOR * factors[present].min())
    docs = np.repeat(np.arange(len(labels)), sizes)
    sums = np.bincount(docs, factors[labels.ids], len(labels))
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), 1.0)


def class_weights(
    class_weight: str | Mapping[str, float] | None,
    labels: Labels,
    weights: np.ndarray | None = None,
) -> np.ndarray | None:
    """Return the factor of each text's loss, their mean 1, float32[n_texts]; None for no factors.

    Parameters
    ----------
    class_weight, labels, weights
        As of `class_factors`; what texts weigh themselves is multiplied with it.

    Raises
    ------
    ValueError
        If all texts have weight 0.
    """
    if class_weight is None and weights is None:
        return None
    factors = class_factors(class_weight, labels, weights)
    if weights is not None:
        factors = weights * factors
    if not factors.any():
        raise ValueError("class_weight gives all texts the weight 0")
    return scaled(factors)


def scaled(weights: np.ndarray) -> np.ndarray:
    """Return weights with a mean of 1, float32[n_texts].

    Parameters
    ----------
    weights : float64[n_texts]
        At least 0, not all 0.
    """
    weights = weights / weights.max()  # before the mean, which could overflow
    return (weights / weights.mean()).astype(np.float32)
