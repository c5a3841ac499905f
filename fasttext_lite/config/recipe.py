"""What the settings left open become, from the shape of the data."""

from __future__ import annotations

import math
from typing import Any

from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import (
    HS_FROM_LABELS,
    LINEAR_TO_LABELS,
    LINEAR_TO_MULTILABELS,
    LINKAGE_TO_LABELS,
    LONG_TEXT,
    MIN_DF,
    Config,
)
from fasttext_lite.config.losses import LOSSES, Loss
from fasttext_lite.config.optimizers import OPTIMIZERS

# Factors of the learning rate, of optimizers whose steps are in proportion to the gradients.
# The mean of n features is about root n times as short as their unit-length sum: where both tables
# learn, each makes up for half of it; the rows of a linear head do it alone.
MEAN_FACTOR = 10.0
# With a norm or a hidden layer, one table more moves in each step.
NETWORK_FACTOR = 0.5


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
    head = config.head if config.head != "auto" else _head(config, n_labels, multilabel)
    loss = config.loss if config.loss != "auto" else _loss(head, n_labels, multilabel)
    if mean_tokens is not None:
        mean_tokens /= ANALYZERS[config.analyzer].n_streams
    chosen: dict[str, Any] = {"head": head, "loss": loss}
    if config.tree == "auto":
        chosen["tree"] = "linkage" if n_labels <= LINKAGE_TO_LABELS else "cluster"
    if config.dim is None:
        chosen["dim"] = _dim(head, n_labels)
    if config.word_ngrams is None and mean_tokens is not None:
        chosen["word_ngrams"] = 3 if head == "linear" and mean_tokens > LONG_TEXT else 2
    if config.min_df is None and n_texts is not None:
        chosen["min_df"] = max([least for n, least in MIN_DF if n_texts >= n], default=1)
    if config.supervision is None:
        chosen["supervision"] = 0.5 if head == "linear" else 0.2
    if config.lr is None:
        chosen["lr"] = _learning_rate(config, LOSSES[loss], head)
    if config.label_smoothing is None:
        deep = LOSSES[loss].uses_tree and n_labels > LINKAGE_TO_LABELS
        chosen["label_smoothing"] = 0.2 if deep else 0.1
    return config.replace(**chosen, bias=config.bias and config.pooling != "mean")


def _head(config: Config, n_labels: int, multilabel: bool) -> str:
    few = n_labels <= (LINEAR_TO_MULTILABELS if multilabel else LINEAR_TO_LABELS)
    plain = config.init == "output" and not _has_network(config)
    return "linear" if few and plain and (config.dim or n_labels) >= n_labels else "learned"


def _loss(head: str, n_labels: int, multilabel: bool) -> str:
    if multilabel:
        return "squared_hinge"
    if head == "linear":
        return "ova"
    return "hs" if n_labels > HS_FROM_LABELS else "softmax"


def _dim(head: str, n_labels: int) -> int:
    # The product of the two tables has rank <= labels: few labels need few dimensions.
    dim = max(16 * math.ceil(n_labels / 16), 16)
    return min(dim, 128) if head == "learned" else dim


def _learning_rate(config: Config, loss: Loss, head: str) -> float:
    optimizer = OPTIMIZERS[config.optimizer]
    linear, learned = optimizer.rates or loss.rates
    lr = learned if head == "learned" else linear
    if not optimizer.is_proportional:
        return lr
    if config.pooling == "mean":
        lr *= MEAN_FACTOR if head == "learned" else MEAN_FACTOR**2
    return lr * NETWORK_FACTOR if _has_network(config) else lr


def _has_network(config: Config) -> bool:
    return config.units > 0 or config.norm != "none"
