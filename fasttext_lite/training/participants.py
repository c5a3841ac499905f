"""What a loss needs to find the output rows that take part, beside the documents' labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.label_tree.tree import LabelTree

NEGATIVE_TABLE = 1 << 20


class Participants(NamedTuple):
    """As the functions of `training.kernels.participants` take it.

    Attributes
    ----------
    tree : int32[n_nodes]
        Twice the parent of each node of the label tree, and 1 more of a right child; below 0 of the
        root; empty without one.
    negatives : int32[1 + n]
        How many labels to draw for each label, and what to draw from; (1,) if none is drawn.
    most_rows : int
        The most output rows that take part in the loss of one document.
    n_decisions : float
        Mean number of decisions on a document.
    """

    tree: np.ndarray
    negatives: np.ndarray
    most_rows: int
    n_decisions: float


def find_participants(config: Config, labels: Labels, tree: LabelTree | None) -> Participants:
    """Return what the loss of some settings needs, given the labels of the training documents.

    Parameters
    ----------
    config : Config
        Resolved.
    labels : Labels
    tree : LabelTree, optional
        Needed where the loss has one.

    Raises
    ------
    ValueError
        If the loss needs a tree and there is none.
    """
    most_labels = int(np.diff(labels.indptr).max(initial=1))
    return participants_of(config, labels.counts(), most_labels, tree)


def participants_of(
    config: Config, counts: np.ndarray, most_labels: int, tree: LabelTree | None
) -> Participants:
    """Return what `find_participants` does.

    Parameters
    ----------
    config : Config
        Resolved.
    counts : int64[n_labels]
        How often each label occurs.
    most_labels : int
        Of a document.
    tree : LabelTree, optional
    """
    loss, n_labels = LOSSES[config.loss], counts.size
    no_tree, none_drawn = np.zeros(0, np.int32), np.zeros(1, np.int32)
    if loss.is_dense:
        return Participants(no_tree, none_drawn, n_labels, float(n_labels))
    if not loss.uses_tree:
        table = _negative_table(counts, config.neg)
        return Participants(no_tree, table, most_labels * (config.neg + 1), float(config.neg + 1))
    if tree is None:
        raise ValueError(f"the loss {loss.name} needs a label tree")
    depths = tree.depths()
    mean = float(np.average(depths, weights=np.maximum(counts, 1)))
    nodes = 2 * tree.parents() + tree.branches()
    return Participants(nodes, none_drawn, most_labels * int(depths.max()), mean)


def _negative_table(counts: np.ndarray, n_draws: int) -> np.ndarray:
    """Return the number of draws and then labels, each as often as count ** 0.5 asks.

    fastText loss.cc, NegativeSamplingLoss; every label is there at least once.
    """
    share = np.sqrt(np.maximum(counts, 1))
    # Rounding up must not make frequent and rare labels alike.
    size = max(NEGATIVE_TABLE, 8 * counts.size)
    repeats = np.ceil(share / share.sum() * size).astype(np.int64)
    table = np.repeat(np.arange(counts.size, dtype=np.int32), repeats)
    return np.append(np.int32(n_draws), table)
