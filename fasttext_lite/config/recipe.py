"""What the settings left open become, from the shape of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import (
    DENSE_TO_LABELS,
    FEATURES_PER_TEXT,
    LEAST_FEATURES,
    LINEAR_TO_LABELS,
    LINEAR_TO_MULTILABELS,
    LINKAGE_TO_LABELS,
    LONG_DOCUMENT,
    LONG_TEXT,
    MIN_DF,
    MOST_NUMBERS,
    Config,
)
from fasttext_lite.config.losses import LOSSES, Loss
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.config.scripts import longest_ngram

# Below this evenness of the labels, the default of a linear head is the squared hinge loss: it
# tells rare labels better. (The average precision of the rarest label is higher by a point.)
LEAST_EVENNESS = 0.8

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
    script_shares: Mapping[str, float] | None = None,
    evenness: float | None = None,
    labels_per_text: float = 1.0,
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
        Number of training texts. Without it, `min_df` is left open, and without it or
        `mean_tokens` also `max_features`.
    script_shares : mapping of str to float, optional
        Share of each script of `config.scripts` in the tokens of the training texts.
    evenness : float, optional
        Entropy of the labels' shares by the highest that it could be, in [0, 1]; default 1.
    labels_per_text : float, optional
        Mean number of labels of a training text.

    Returns
    -------
    Config
        With no None and no "auto" left in `dim`, `head`, `label_smoothing`, `loss`, `lr`,
        `max_features`, `min_df`, `supervision`, `tree` and `word_ngrams`; without a bias if
        pooling is mean.
    """
    head = config.head if config.head != "auto" else _head(config, n_labels, multilabel)
    loss = config.loss
    if loss == "auto":
        loss = _loss(head, n_labels, multilabel, 1.0 if evenness is None else evenness)
    chosen: dict[str, Any] = {"head": head, "loss": loss}
    if config.tree == "auto":
        chosen["tree"] = "linkage" if n_labels <= LINKAGE_TO_LABELS else "cluster"
    if config.dim is None:
        chosen["dim"] = usual_dim(head, n_labels)
    dim = config.dim or chosen["dim"]
    chosen.update(_features(config, head, dim, mean_tokens, n_texts, script_shares or {}))
    if config.supervision is None:
        chosen["supervision"] = 0.5 if head == "linear" else 0.2
    if config.lr is None:
        chosen["lr"] = _learning_rate(config, LOSSES[loss], head)
        if LOSSES[loss].uses_tree and OPTIMIZERS[config.optimizer].is_proportional:
            # The mean of n gradients is about root n times as short as one of them.
            chosen["lr"] *= math.sqrt(max(labels_per_text, 1.0))
    if config.label_smoothing is None:
        chosen["label_smoothing"] = _label_smoothing(LOSSES[loss], n_labels, multilabel)
    return config.replace(**chosen, bias=config.bias and config.pooling != "mean")


def _linear(loss: str, lr: float | None = None) -> dict[str, Any]:
    return {"head": "linear", "loss": loss, "lr": lr}


# From a strong fit to a weak one: what is tried where the default is a linear head, and where it is
# a learned one (which comes before them).
LADDER_LINEAR = [_linear("ova"), _linear("squared_hinge"), _linear("squared_hinge", 0.06)]
LADDER_LEARNED = [_linear("squared_hinge", 0.24), _linear("squared_hinge", 0.12)]
LADDER_TO_LABELS = 150
LOWER_RATES = (0.5, 0.25)  # by the usual one, under a linear head whose loss is given


def candidates(
    config: Config, default: Config, n_labels: int, multilabel: bool
) -> tuple[list[dict[str, Any]], int]:
    """Return the settings to try on texts held out, from a strong fit to a weak one.

    Parameters
    ----------
    config : Config
        As it was given: what it sets is not tried.
    default : Config
        The same, resolved.
    n_labels, multilabel
        As in `resolve`.

    Returns
    -------
    list of dict
        What to replace in `config`, each time.
    int
        The place of the default among them.
    """
    alone: tuple[list[dict[str, Any]], int] = [{}], 0
    plain = OPTIMIZERS[config.optimizer].is_plain and config.pooling != "mean"
    if config.recipe == "fixed" or config.lr is not None or not plain or multilabel:
        return alone
    is_linear = default.head == "linear"
    if config.loss != "auto":
        rates = [factor * (default.lr or 0) for factor in LOWER_RATES]
        return ([{}, *({"lr": lr} for lr in rates)], 0) if is_linear else alone
    if config.head != "auto" or config.focal:
        return alone
    if is_linear:
        return LADDER_LINEAR, [each["loss"] for each in LADDER_LINEAR].index(default.loss)
    can_be_linear = _head(config, LINEAR_TO_LABELS, multilabel) == "linear"
    if not can_be_linear or n_labels > LADDER_TO_LABELS or config.dim is not None:
        return alone
    return [{}, *LADDER_LEARNED], 0


def variations(config: Config) -> list[dict[str, Any]]:
    """Return what is tried beside the best of `candidates`, as these are.

    Where n-grams of characters tell more than words (names of products, languages of many forms),
    four times their energy is worth half a point to two; where they tell less it costs as much.
    """
    is_open = config.char_energy is None and config.recipe != "fixed"
    if is_open and config.pooling == "blocks" and config.maxn:
        return [{"char_energy": 4.0}]
    return []


def leaner(config: Config, default: Config) -> list[dict[str, Any]]:
    """Return the settings to try with fewer n-grams than the default's, where labels are very many.

    Parameters
    ----------
    config : Config
        As it was given: what it sets is not tried. n-grams of characters count as set where their
        lengths are not the default or their energy is given.
    default : Config
        The same, resolved.

    Returns
    -------
    list of dict
        What to replace in `default`, each time: without n-grams of characters, and without those
        of words, too.
    """
    usual = Config()
    if config.recipe == "fixed" or not config.uses_buckets:
        return []
    is_open = config.char_energy is None and config.pooling == "blocks"
    is_open = is_open and (config.minn, config.maxn) == (usual.minn, usual.maxn)
    words = {"word_ngrams": default.word_ngrams}
    tried: list[dict[str, Any]] = [{"maxn": 0, **words}] if is_open else []
    if config.word_ngrams is None and (default.word_ngrams or 0) > 1:
        tried.append({"maxn": 0 if is_open else default.maxn, "word_ngrams": 1})
    return tried


def _features(
    config: Config,
    head: str,
    dim: int,
    mean_tokens: float | None,
    n_texts: int | None,
    script_shares: Mapping[str, float],
) -> dict[str, Any]:
    """Return what is left open of the settings that decide which features there are."""
    chosen: dict[str, Any] = {}
    if mean_tokens is not None:
        mean_tokens /= ANALYZERS[config.analyzer].n_streams
    if config.word_ngrams is None and mean_tokens is not None:
        chosen["word_ngrams"] = _word_ngrams(config, head, mean_tokens, script_shares)
    if config.min_df is None and n_texts is not None:
        chosen["min_df"] = max([least for n, least in MIN_DF if n_texts >= n], default=1)
    if config.char_energy is None:
        chosen["char_energy"] = 1.0
    if config.max_features is None and mean_tokens is not None and n_texts is not None:
        chosen["max_features"] = _max_features(n_texts, dim) if mean_tokens > LONG_DOCUMENT else 0
    return chosen


def _head(config: Config, n_labels: int, multilabel: bool) -> str:
    few = n_labels <= (LINEAR_TO_MULTILABELS if multilabel else LINEAR_TO_LABELS)
    plain = config.init == "output" and not _has_network(config)
    return "linear" if few and plain and (config.dim or n_labels) >= n_labels else "learned"


def _word_ngrams(
    config: Config, head: str, mean_tokens: float, script_shares: Mapping[str, float]
) -> int:
    analyzer = ANALYZERS[config.analyzer]
    longest = 3 if head == "linear" and mean_tokens > LONG_TEXT else 2
    if config.script_rules and analyzer.by_script:
        longest = max(longest, longest_ngram(script_shares))
    return longest


def _loss(head: str, n_labels: int, multilabel: bool, evenness: float) -> str:
    is_dense = n_labels <= DENSE_TO_LABELS
    if multilabel:
        return "squared_hinge" if is_dense else "ns"
    if head == "linear":
        return "ova" if evenness >= LEAST_EVENNESS else "squared_hinge"
    return "softmax" if is_dense else "hs"


def _label_smoothing(loss: Loss, n_labels: int, multilabel: bool) -> float:
    if multilabel and loss.participants == "drawn":
        return 0.02  # more takes labels that are right below a probability of 0.5
    return 0.2 if loss.uses_tree and n_labels > LINKAGE_TO_LABELS else 0.1


def usual_dim(head: str, n_labels: int) -> int:
    """Return the size of the hidden vector where it is left open."""
    # The product of the two tables has rank <= labels: few labels need few dimensions.
    dim = max(16 * math.ceil(n_labels / 16), 16)
    return min(dim, 128) if head == "learned" else dim


def one_pass(config: Config) -> Config:
    """Return settings of one epoch at a constant learning rate, the first of many or one more."""
    return config.replace(epochs=1, schedule="constant", warmup=0.0, averaging=0.0, patience=None)


def _max_features(n_texts: int, dim: int) -> int:
    # A long document brings hundreds of n-grams that hardly any other has: weights of the noise.
    return max(min(FEATURES_PER_TEXT * n_texts, MOST_NUMBERS // dim), LEAST_FEATURES)


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
