"""Noise in words: each epoch is trained on texts that are disturbed anew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.text.analyzers import disturb


def make_noise(
    prepared: Prepared, config: Config, seed: int, n_threads: int, chosen: np.ndarray | None = None
) -> Callable[[int], FeatureMatrix] | None:
    """Return what makes an epoch's features of disturbed texts; None if that is not asked for.

    Parameters
    ----------
    prepared : Prepared
    config : Config
    seed, n_threads : int
    chosen : int64[n_chosen], optional
        The documents that are trained on; default: all.

    Raises
    ------
    ValueError
        If the texts were not kept.
    """
    if not config.is_noisy:
        return None
    marked = prepared.marked
    if marked is None:
        raise ValueError("word_dropout and word_swap must be set when the features are prepared")

    def noisy(epoch: int) -> FeatureMatrix:
        new = int(np.random.default_rng([seed, 4, epoch]).integers(2**63))
        texts = disturb(marked, config.word_dropout, config.word_swap, new, n_threads)
        features = prepared.space.transform(texts, n_threads)
        return features if chosen is None else features.take(chosen)

    return noisy
