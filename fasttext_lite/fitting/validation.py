"""Texts to validate a training on: those that are given, or a part of the training's own."""

from __future__ import annotations

import dataclasses

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import set_aside
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting.monitor import Watch
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


def rest_for_patience(
    texts: Texts, labels: Labels, config: Config, watch: Watch | None, seed: int
) -> tuple[np.ndarray | None, Watch | None]:
    """Set texts aside where `Config.patience` asks for validation data and there are none.

    Parameters
    ----------
    texts, labels, config, watch, seed
        As in `fit.fit`.

    Returns
    -------
    rest : int64[n_rest], optional
        Numbers of the texts to train on; None: all.
    watch : Watch, optional
        With the others to validate on.

    Raises
    ------
    TrainingError
        If there are too few.
    """
    if config.patience is None or (watch is not None and watch.valid is not None):
        return None, watch
    rest, aside = texts_aside(labels, config, seed)
    valid = texts.take(aside), labels.take(aside)
    return rest, dataclasses.replace(watch or Watch(), valid=valid)


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
