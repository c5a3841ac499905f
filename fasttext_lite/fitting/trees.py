"""The tree over labels that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.errors import bounded
from fasttext_lite.fitting.label_points import trained_points
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.label_tree.tree import LabelTree, cluster_tree, huffman_tree, linkage_tree


def make_tree(prepared: Prepared, config: Config, seed: int, n_threads: int) -> LabelTree | None:
    """Return a tree over the labels of training data; None where the loss needs none.

    Parameters
    ----------
    prepared : Prepared
    config : Config
        Resolved. With the trees "linkage" and "cluster", a small model is trained to compare
        the labels, see `label_points.trained_points`.
    seed, n_threads : int

    Raises
    ------
    ValueError
        If there is no such tree.
    """
    if not LOSSES[config.loss].uses_tree:
        return None
    if prepared.before is not None:
        return prepared.before.tree
    labels = prepared.labels

    def points() -> np.ndarray:
        return trained_points(
            prepared.space, prepared.features, labels, prepared.doc_weights, seed, n_threads,
            config.deterministic,
        )  # fmt: skip

    return grown_tree(config, labels.counts(), points, seed, n_threads)


def grown_tree(
    config: Config,
    counts: np.ndarray,
    find_points: Callable[[], np.ndarray],
    seed: int,
    n_threads: int,
) -> LabelTree:
    """Return the tree over labels that the settings ask for.

    Parameters
    ----------
    config : Config
    counts : int64[n_labels]
        How often each label occurs.
    find_points : callable
        Returns a vector for each label, float32[n_labels, d]; called if need be.
    seed, n_threads : int

    Raises
    ------
    ValueError
        If there is no such tree.
    """
    if config.tree == "huffman":
        return huffman_tree(np.maximum(counts, 1))
    points = find_points()
    if config.tree == "linkage":
        return linkage_tree(points)
    if config.tree == "cluster":
        return cluster_tree(points, counts, seed, n_threads)
    raise ValueError(bounded(f"there is no tree {config.tree!r}"))
