"""Fold what is known of texts into a model of those with labels and those that teachers label."""

from __future__ import annotations

from fasttext_lite.errors import TrainingError
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.teaching.encoded import reduced
from fasttext_lite.teaching.fold import Encoded, Way, fold
from fasttext_lite.teaching.unlabelled import Taught

# How a model of many labels starts from the vectors that the teachers trusted most. With 10 texts
# of each label that is worth 0.4 to 0.5 points on CLINC150 and 0.2 to 0.7 on BANKING77, of words or
# by an encoder, and costs as much as a training. With few labels (a linear head) it was worth
# nothing.
WAY = Way(0.5, 0.5)
MOST_ENTRIES = 5_000_000  # features of texts, above which it would take too long


def fold_taught(prepared: Prepared, taught: Taught, n_threads: int = 1) -> Prepared:
    """Return training data that start from the vectors of the texts, where labels are many.

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
        return fold(prepared, Encoded(reduced(taught.vectors), None, n_threads), WAY)
    except TrainingError:  # a hidden layer, a norm or a label tree
        return prepared
