"""What the settings left open become, from the shape of the data."""

from __future__ import annotations

import math

from fasttext_lite.config.fields import (
    HS_FROM_LABELS,
    LINEAR_TO_LABELS,
    LINEAR_TO_MULTILABELS,
    LINKAGE_TO_LABELS,
    LONG_TEXT,
    MIN_DF,
    Config,
)

# Of the learning rate: the mean of n features is about root n times as short as their unit-length
# sum.
MEAN_FACTOR = 10.0


def resolve(
    config: Config,
    n_labels: int,
    multilabel: bool,
    mean_tokens: float | None = None,
    n_texts: int | None = None,
) -> Config:
    """Fill in what `Config` leaves open from the shape of the data.

    Parameters
    ----------
    config : Config
    n_labels : int
        Number of different labels in the training data.
    multilabel : bool
        Whether any row has other than exactly one label.
    mean_tokens : float, optional
        Mean number of tokens of a training text. Without it, `word_ngrams` is left open.
    n_texts : int, optional
        Number of training texts. Without it, `min_df` is left open.

    Returns
    -------
    Config
        With no None and no "auto" left in `dim`, `head`, `label_smoothing`, `loss`, `lr`,
        `min_df`, `supervision`, `tree` and `word_ngrams`; without a bias if pooling is mean.
    """
    few = n_labels <= (LINEAR_TO_MULTILABELS if multilabel else LINEAR_TO_LABELS)
    head = config.head
    if head == "auto":
        plain = config.init == "output" and config.norm == "none" and not config.units
        plain = plain and config.pooling != "mean"
        head = "linear" if few and plain and (config.dim or n_labels) >= n_labels else "learned"
    loss = config.loss
    if loss == "auto" and multilabel:
        loss = "squared_hinge"
    elif loss == "auto" and head == "linear":
        loss = "ova"
    elif loss == "auto":
        loss = "hs" if n_labels > HS_FROM_LABELS else "softmax"
    dim = config.dim
    if dim is None:
        # The product of the two tables has rank <= labels: few labels need few dimensions.
        dim = max(16 * math.ceil(n_labels / 16), 16)
        if head == "learned":
            dim = min(dim, 128)
    tree = config.tree
    if tree == "auto":
        tree = "linkage" if n_labels <= LINKAGE_TO_LABELS else "cluster"
    word_ngrams = config.word_ngrams
    if mean_tokens is not None and config.analyzer == "mixed":
        mean_tokens /= 2  # each text is there twice
    if word_ngrams is None and mean_tokens is not None:
        word_ngrams = 3 if head == "linear" and mean_tokens > LONG_TEXT else 2
    min_df = config.min_df
    if min_df is None and n_texts is not None:
        min_df = max([least for n, least in MIN_DF if n_texts >= n], default=1)
    supervision = config.supervision
    if supervision is None:
        supervision = 0.5 if head == "linear" else 0.2
    lr = config.lr
    if lr is None:
        lr = _learning_rate(config.optimizer, loss, head)
        if config.pooling == "mean" and config.optimizer == "sgd":
            lr *= MEAN_FACTOR
    smoothing = config.label_smoothing
    if smoothing is None:
        smoothing = 0.2 if loss == "hs" and n_labels > LINKAGE_TO_LABELS else 0.1
    return config.replace(
        label_smoothing=smoothing, loss=loss, head=head, dim=dim, tree=tree,
        word_ngrams=word_ngrams, min_df=min_df, supervision=supervision, lr=lr,
        bias=config.bias and config.pooling != "mean",
    )  # fmt: skip


# Learning rates by optimizer, for a linear head and for a learned one.
_RATES = {
    "momentum": (0.5, 0.05),
    "nesterov": (0.5, 0.1),
    "adagrad": (0.2, 0.05),
    "rmsprop": (0.01, 0.003),
    "adadelta": (20.0, 2.0),
    "adam": (0.03, 0.003),
    "adamax": (0.2, 0.05),
}


def _learning_rate(optimizer: str, loss: str, head: str) -> float:
    if optimizer != "sgd":
        return _RATES[optimizer][head == "learned"]
    if head == "learned":
        return {"squared_hinge": 0.02, "hinge": 0.05}.get(loss, 0.2)
    return {"squared_hinge": 0.12, "hinge": 0.2, "hs": 4.0}.get(loss, 2.5)
