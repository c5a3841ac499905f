"""The score of a label as a direction: its inner product with a pooled vector is the score."""

from __future__ import annotations

import numpy as np

from fasttext_lite.model.model import Model
from fasttext_lite.model.network import gradient


def of_label(model: Model, label: int) -> np.ndarray:
    """Return the direction of a label's score among the vectors that the output table sees.

    The score is the log-odds of the label (its unnormalised log-probability, where probabilities
    are a softmax); with a label tree the sum of the log-odds of the decisions on its path.

    Parameters
    ----------
    model : Model
    label : int

    Returns
    -------
    float64[hidden_size]
    """
    if model.tree is None:
        return model.scale * model.output[label].astype(np.float64)
    parents, branches = model.tree.parents(), model.tree.branches()
    direction, node, n = np.zeros(model.hidden_size), label, len(model.labels)
    while parents[node] >= 0:
        sign = 1 if branches[node] else -1
        node_above = int(parents[node])
        direction += sign * model.output[node_above - n]
        node = node_above
    return model.scale * direction


def of_all_labels(model: Model) -> np.ndarray:
    """Return the directions of all labels, float64[n_labels, hidden_size]; see `of_label`."""
    if model.tree is None:
        return model.scale * model.output.astype(np.float64)
    n = len(model.labels)
    nodes = np.zeros((2 * n - 1, model.hidden_size))
    for i in range(n - 2, -1, -1):
        left, right = model.tree.children[i]
        nodes[left] = nodes[n + i] - model.output[i]
        nodes[right] = nodes[n + i] + model.output[i]
    return model.scale * nodes[:n]


def is_linear(model: Model) -> bool:
    """Return whether scores are linear in the pooled vector: there is no norm and no layer."""
    return model.config.norm == "none" and not model.config.units


def pooled_direction(model: Model, pooled: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return a direction among pooled vectors: the same, or the gradient of the score there.

    Parameters
    ----------
    model : Model
    pooled : float64[dim]
        Where the gradient is taken.
    direction : float64[hidden_size]
    """
    if is_linear(model):
        return direction
    return gradient(pooled, direction, model.config, model.norm, model.layer)
