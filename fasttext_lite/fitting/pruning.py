"""Which rows of a model are worth keeping."""

from __future__ import annotations

import numpy as np

from fasttext_lite.errors import TrainingError
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.model.model import Model
from fasttext_lite.training.weights import Weights, take_rows


def usefulness(model: Model) -> np.ndarray:
    """Return how much each row is worth.

    Under a learned head, the longest rows are: training has moved those most that many texts
    need.  Under a linear one, where the rows are the labels' weights: those that add most to
    the scores of texts, by length (without what all labels have in common), times weight, times
    the square root of the number of training texts that have the feature.

    Returns
    -------
    float64[n_rows]
        inf for the bias.
    """
    space, config = model.space, model.config
    table = model.embeddings.astype(np.float32)
    if config.head == "linear" and model.tree is None and not model.multilabel:
        labels = table[:, : len(model.labels)]
        table[:, : len(model.labels)] = labels - labels.mean(axis=1, keepdims=True)
    useful = np.sqrt(np.einsum("ij,ij->i", table, table, dtype=np.float64))
    if config.head == "linear":
        useful *= np.sqrt(space.frequency)
        if config.pooling != "mean":
            useful *= np.abs(space.factors)
    if space.has_bias:
        useful[space.bias_row] = np.inf
    return useful


def without_zero_rows(
    space: FeatureSpace, weights: Weights, l1: float
) -> tuple[FeatureSpace, Weights]:
    """Return space and weights without the rows that l1 regularisation has set to 0.

    Raises
    ------
    TrainingError
        If none is left.
    """
    rows = np.flatnonzero(weights.embeddings.any(axis=1))
    if rows.size == 0:
        raise TrainingError(f"l1={l1:g} set all weights to 0; give a smaller one")
    return space.take(rows), take_rows(weights, rows)
