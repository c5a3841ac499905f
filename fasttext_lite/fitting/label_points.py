"""A vector for each label, by which a tree brings alike labels together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.parallel import return_memory, run_ranges

# The model that compares labels for their tree.
POINT_DIM, POINT_EPOCHS, POINT_LR = 64, 2, 0.2
POINT_TEXTS = 1 << 15  # projected at a time


def trained_points(
    space: FeatureSpace,
    features: FeatureMatrix,
    labels: Labels,
    doc_weights: np.ndarray | None,
    seed: int,
    n_threads: int,
    deterministic: bool = False,
) -> np.ndarray:
    """Return a vector for each label: the sum of its texts' hidden vectors in a small model.

    The model is trained for `POINT_EPOCHS` with negative sampling, whose cost does not depend on
    the number of labels. It brings those labels together that are hard to tell apart, not those
    whose texts share many words.
    """
    from fasttext_lite.training import loop
    from fasttext_lite.training.weights import init_weights

    config = points_config(space.n_rows, deterministic)
    n_labels = len(labels.names)
    return_memory()
    weights, _ = loop.train(
        lambda: init_weights(config, space.n_rows, n_labels, seed),
        features, labels, config, doc_weights=doc_weights, seed=seed, n_threads=n_threads,
    )  # fmt: skip
    return label_points(features, labels, read_only(weights.embeddings), n_threads)


def points_config(n_rows: int, deterministic: bool = False) -> Config:
    """Return the settings of the small model of `trained_points`."""
    return Config(
        loss="ns", head="learned", dim=POINT_DIM, epochs=POINT_EPOCHS, lr=POINT_LR,
        label_smoothing=0.1, deterministic=deterministic,
    ).with_dtype(n_rows)  # fmt: skip


def label_points(
    features: FeatureMatrix, labels: Labels, embeddings: np.ndarray, n_threads: int = 1
) -> np.ndarray:
    """Return a vector for each label: the sum of its texts' weighted sums of embeddings.

    Parameters
    ----------
    features : FeatureMatrix
    labels : Labels
        Of the same documents.
    embeddings : float32[n_rows, d] or float16[n_rows, d]
    n_threads : int

    Returns
    -------
    float32[n_labels, d]
    """
    from fasttext_lite.label_tree.kernels import add_to_labels, pool_documents

    points = np.zeros((len(labels.names), embeddings.shape[1]), np.float32)
    if embeddings.dtype == np.float16:
        embeddings = embeddings.view(np.uint16)  # as kernels take it
    for start in range(0, len(features), POINT_TEXTS):
        part = features.slice(start, min(start + POINT_TEXTS, len(features)))
        vectors = np.empty((len(part), embeddings.shape[1]), np.float32)
        run_ranges(partial(_embed, pool_documents, part, embeddings, vectors), len(part), n_threads)
        add_to_labels(vectors, start, labels.ids, labels.indptr, points)
        part.release()
    return points


def _embed(
    kernel: Callable[..., None],
    features: FeatureMatrix,
    embeddings: np.ndarray,
    vectors: np.ndarray,
    first: int,
    last: int,
) -> None:
    kernel(features.ids, features.weights, features.indptr, first, last, embeddings, vectors)
