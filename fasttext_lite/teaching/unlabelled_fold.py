"""Fold what an encoder knows into a model of texts with labels and of texts that teachers label."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from fasttext_lite.corpus.split import make_folds
from fasttext_lite.errors import TrainingError
from fasttext_lite.fitting.ladder import FOLDS
from fasttext_lite.fitting.prepare import MOST_TEXTS
from fasttext_lite.fitting.prepared import Prepared, Sample
from fasttext_lite.teaching.encoded import check_config, reduced
from fasttext_lite.teaching.fold import Encoded, Way, fold, try_ways
from fasttext_lite.teaching.unlabelled import MOST_CHECKED, Taught

# How a model of many labels starts from the vectors of its own words: with 10 texts of each label
# that is worth 0.5 points on CLINC150 and 0.2 on BANKING77, and costs as much as a training. With
# few labels (a linear head) it was worth nothing.
OF_WORDS = Way(0.5, 0.5)
MOST_ENTRIES = 5_000_000  # features of texts, above which it would take too long


def fold_words(prepared: Prepared, taught: Taught, n_threads: int = 1) -> Prepared:
    """Return training data that start from the vectors of the words, where labels are many.

    Parameters
    ----------
    prepared : Prepared
        Of all texts, as `taught` has them.
    taught : Taught
    n_threads : int

    Returns
    -------
    Prepared
        `prepared` itself where there are no vectors, its head is linear, or its settings do not
        allow it.
    """
    is_small = prepared.features.ids.size <= MOST_ENTRIES
    if taught.vectors is None or prepared.config.head == "linear" or not is_small:
        return prepared
    try:
        return fold(prepared, Encoded(reduced(taught.vectors), None, n_threads), OF_WORDS)
    except TrainingError:  # a hidden layer, a norm or a label tree
        return prepared


def fold_taught(
    prepared: Prepared,
    taught: Taught,
    embeddings: np.ndarray,
    seed: int = 0,
    n_threads: int = 1,
    say: Callable[[str], None] | None = None,
) -> Prepared:
    """Return training data that start from what an encoder knows, where that helps.

    It is tried on texts whose labels are their own: these are held out, and the other ones are
    learnt from together with some that the teachers have labelled. The teachers have learnt from
    all, so that both kinds of models are better there than on other texts: what is found decides,
    and is neither told nor calibrated on.

    Parameters
    ----------
    prepared : Prepared
        Of all texts, as `taught` has them.
    taught : Taught
    embeddings : float32[n_texts, dim]
        Of all texts.
    seed, n_threads : int
        The result depends on the seed alone.
    say : callable, optional
        Given a line if it helps.

    Returns
    -------
    Prepared
        `prepared` itself where it does not help, which is logged, or its settings do not allow it.
    """
    try:
        check_config(prepared.config)
    except TrainingError:  # what the encoder knows has come with the labels of the teachers
        return prepared
    rng = np.random.default_rng([seed, 23])
    n, others = taught.pool.n_labelled, taught.pool.others
    own = _some(rng, np.arange(n), MOST_TEXTS)
    docs = np.concatenate([own, _some(rng, others, MOST_CHECKED)])
    sample = Sample(docs, taught.pool.counts.take(docs))
    added = np.arange(own.size, docs.size)
    folds = [
        (np.concatenate([rest, added]), held)
        for rest, held in make_folds(taught.labels.take(own), FOLDS, seed)
        if held.size
    ]
    encoded = Encoded(reduced(embeddings), None, n_threads)
    folded = try_ways(prepared, sample, encoded, seed, None, folds)
    if folded is None:
        return prepared
    if say is not None:
        say("the model starts from what the text embeddings say of its words and n-grams")
    return dataclasses.replace(folded, calibration=taught.calibration)


def _some(rng: np.random.Generator, docs: np.ndarray, most: int) -> np.ndarray:
    """Return so many of the texts at most, chosen at random, ascending."""
    return docs if docs.size <= most else np.sort(rng.choice(docs, most, replace=False))
