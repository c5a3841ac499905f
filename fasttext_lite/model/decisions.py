"""Which labels a text gets where nobody says how many, and when they are right.

All that measures or predicts by default asks here, so that commands, estimators, early stopping
and tuning mean the same by the same words.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.model.model import Model, Predictions, most_texts, n_asked
from fasttext_lite.model.threshold import Threshold

MULTILABEL_THRESHOLD = 0.5  # least probability of the labels of a text that may have several
MOST_DECIDED = 2  # labels that are as likely as that where the probabilities sum to 1
ACCURACY, EXACT_MATCH = "accuracy", "exact match"


def figure_name(multilabel: bool) -> str:
    """Return what the share of right texts is called; see `right_texts`."""
    return EXACT_MATCH if multilabel else ACCURACY


def decide(model: Model, texts: Texts | FeatureMatrix, n_threads: int | None = None) -> Predictions:
    """Return the labels that the model decides for: what `FastTextClassifier.predict` returns.

    Parameters
    ----------
    model : Model
    texts : Texts or FeatureMatrix
        As many as `model.most_texts` allows for all labels, if the model is of several labels.
    n_threads : int, optional

    Returns
    -------
    Predictions
        The likeliest label of each text; of a model of several labels all that are as likely as
        `MULTILABEL_THRESHOLD`, likeliest first.
    """
    if not model.multilabel:
        return model.predict(texts, n_threads=n_threads)
    if model.is_distribution:
        return model.predict(texts, MOST_DECIDED, MULTILABEL_THRESHOLD, n_threads)
    found, n_features = model.judge(texts, n_threads)
    docs, ids = np.nonzero(found >= MULTILABEL_THRESHOLD)
    values = found[docs, ids]
    order = np.lexsort((-values, docs))
    docs, ids, values = docs[order], ids[order], values[order]
    sizes = np.bincount(docs, minlength=len(found))
    ranks = np.arange(docs.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    labels = np.full((len(found), max(sizes.max(initial=0), 1)), -1, np.int32)
    probabilities = np.zeros(labels.shape)
    labels[docs, ranks], probabilities[docs, ranks] = ids, values
    return Predictions(labels, probabilities, n_features, model.labels)


def decide_by(
    model: Model,
    texts: Texts | FeatureMatrix,
    threshold: Threshold,
    k: int,
    n_threads: int | None = None,
) -> Predictions:
    """Return the labels that the model decides for by the threshold of one label.

    Parameters
    ----------
    model : Model
    texts : Texts or FeatureMatrix
        As many as `model.most_texts` allows for all labels.
    threshold : Threshold
        With a label.
    k : int
        Most labels for a text; -1 = all.
    n_threads : int, optional

    Returns
    -------
    Predictions
        A text has the threshold's label if that one's probability reaches it, and then it comes
        first. The others are those of `decide`: the likeliest, and of a model of several labels
        all that are as likely as `MULTILABEL_THRESHOLD`.
    """
    found, n_features = model.judge(texts, n_threads)
    label = model.labels.index(str(threshold.label))
    ranks = found.copy()
    if model.multilabel:
        ranks[found < MULTILABEL_THRESHOLD] = -1.0
    ranks[:, label] = np.where(found[:, label] >= threshold.value, 2.0, -1.0)
    labels = np.argsort(-ranks, axis=1, kind="stable")[:, : n_asked(k, len(model.labels))]
    labels = labels.astype(np.int32)
    is_given = np.take_along_axis(ranks, labels, axis=1) >= 0
    probabilities = np.where(is_given, np.take_along_axis(found, labels, axis=1), 0.0)
    return Predictions(np.where(is_given, labels, -1), probabilities, n_features, model.labels)


def withheld(found: Predictions, least: float, multilabel: bool) -> np.ndarray:
    """Return which of some predictions are no answers, as they are not sure enough.

    Parameters
    ----------
    found : Predictions
        With the likeliest label of each text first.
    least : float
        See `Abstention.value`.
    multilabel : bool
        Whether each label of a text answers for itself; else the likeliest one does for all.

    Returns
    -------
    bool[n_texts, k]
        All of a text of which the model knows no feature: what it says is the prior.
    """
    sure = (found.probabilities >= least) & (found.n_features > 0)[:, None]
    return ~sure if multilabel else np.broadcast_to(~sure[:, :1], sure.shape)


def without(found: Predictions, dropped: np.ndarray) -> Predictions:
    """Return predictions without some of the labels, which are the last of their texts.

    Parameters
    ----------
    found : Predictions
    dropped : bool[n_texts, k]
    """
    labels = np.where(dropped, -1, found.labels).astype(found.labels.dtype)
    probabilities = np.where(dropped, 0.0, found.probabilities)
    return Predictions(labels, probabilities, found.n_features, found.label_names)


def decide_in_parts(
    model: Model, texts: Texts | FeatureMatrix, n_threads: int | None = None
) -> Iterator[tuple[int, Predictions]]:
    """Decide for some texts after others, in bounded memory; see `decide`.

    Yields
    ------
    start : int
        Number of the first text of a part; there is one part at least, maybe without a text.
    predictions : Predictions
    """
    n, n_labels = len(texts), len(model.labels)
    looks_at_all = model.multilabel and not model.is_distribution
    step = most_texts(n_labels, n_labels if looks_at_all else 1)
    for start in range(0, max(n, 1), step):
        yield start, decide(model, texts.slice(start, min(start + step, n)), n_threads)


def right_texts(found: np.ndarray, gold: Labels, multilabel: bool) -> np.ndarray:
    """Return which texts are predicted right, bool[n].

    Their share is the one figure of a model that epochs and settings are compared by: the
    accuracy; of a model of several labels the share of exact matches (scikit-learn's subset
    accuracy).

    Parameters
    ----------
    found : int32[n, k]
        Predicted labels, likeliest first, -1 = none.
    gold : Labels
        The true labels by the same numbers, each but once; -1 = a label without a number.
    multilabel : bool
        Whether all labels of a text must be found, and no others; else the likeliest must be one
        of the text's.
    """
    if not multilabel:
        found = found[:, :1]
    docs = np.repeat(np.arange(len(gold)), np.diff(gold.indptr))
    where, ranks = np.nonzero(found >= 0)
    ids = found[where, ranks]
    # A pair of text and label as one number; -1 of the true labels meets none that is found.
    n_names = max(ids.max(initial=0), gold.ids.max(initial=0)) + 2
    hit = np.isin(where * n_names + ids, docs * n_names + gold.ids)
    n_hits = np.bincount(where[hit], minlength=len(gold))
    if not multilabel:
        return n_hits > 0
    n_found = np.bincount(where, minlength=len(gold))
    return (n_hits == n_found) & (n_hits == np.diff(gold.indptr))
