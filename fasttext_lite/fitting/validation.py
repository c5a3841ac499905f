"""Texts to validate a training on: those that are given, or a part of the training's own."""

from __future__ import annotations

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import set_aside
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.text.analyzers import analyze


def texts_aside(labels: Labels, config: Config, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which documents to train on, and which to validate on.

    Raises
    ------
    TrainingError
        If there are too few.
    """
    chosen, aside = set_aside(labels, config.valid_fraction, seed)
    if int(config.valid_fraction * len(labels)) < 1 or aside.size == 0 or chosen.size == 0:
        raise TrainingError(
            f"patience needs texts to validate on, and {len(labels)} texts are too few to set a "
            f"share of {config.valid_fraction:g} aside; give validation data or more texts"
        )
    return chosen, aside


def as_features(
    valid: tuple[Texts | FeatureMatrix, Labels],
    space: FeatureSpace,
    config: Config,
    n_threads: int,
) -> tuple[FeatureMatrix, Labels]:
    """Return validation data as features."""
    texts, labels = valid
    if not isinstance(texts, FeatureMatrix):
        texts = space.transform(analyze(texts, config, n_threads), n_threads)
    return texts, labels
