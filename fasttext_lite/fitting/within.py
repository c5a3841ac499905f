"""Settings of features that keep a promise of memory."""

from __future__ import annotations

import logging

from fasttext_lite.config.fields import FLOAT16_FROM, Config
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.config.recipe import candidates, resolve
from fasttext_lite.disk.promise import Promise
from fasttext_lite.features.slots import n_slots
from fasttext_lite.features.vocabulary import Vocabulary

logger = logging.getLogger("fasttext_lite")


def within(
    limit: Promise,
    asked: Config,
    config: Config,
    n_labels: int,
    multilabel: bool,
    vocabulary: Vocabulary,
) -> tuple[Config, int]:
    """Return settings whose table of rows has room, and the bytes of a row of weights.

    What was left out is said in a line.

    Parameters
    ----------
    limit : Promise
    asked, config : Config
        As given, and resolved.
    n_labels, multilabel
        As of `recipe.resolve`.
    vocabulary : Vocabulary
    """
    tried, _ = candidates(asked, config, n_labels, multilabel)
    configs = [config, *(resolve(asked.replace(**each), n_labels, multilabel) for each in tried)]
    rows, size = min(_rows(limit, each, vocabulary.n_words, n_labels) for each in configs)
    said = []
    if rows < min(vocabulary.n_words + n_slots(config), config.max_features or 2**31):
        config = config.replace(max_features=rows)
        said.append(f"the {rows:,} most frequent features have room")
    if vocabulary.missed:
        said.append(
            f"rare words were dropped while they were counted: those that stay were seen up to "
            f"{vocabulary.missed:,} times more than counted, of {vocabulary.n_tokens:,} words"
        )
    if said:
        logger.warning("--memory %.0fM: %s", limit.total / 1e6, "; ".join(said))
    return config, size


def _rows(limit: Promise, config: Config, n_words: int, n_labels: int) -> tuple[int, int]:
    """Return how many rows a table may have, and the bytes of one."""
    state = weight_bytes(config, 0)
    for item in (4, 2):
        size = state + item * (config.dim or 0)
        output = n_labels * (state + 4 * (config.units or config.dim or 0))
        rows = limit.rows(size, n_words, 2 * output)  # two: threads may have copies
        if config.dtype != "auto" or rows * (config.dim or 0) < FLOAT16_FROM:
            break
    return rows, size


def weight_bytes(config: Config, item: int) -> int:
    """Return the bytes of a row of weights of so many bytes each, with the optimizer's state."""
    optimizer, dim = OPTIMIZERS[config.optimizer], config.dim or 0
    timed = config.l1 or config.l2 or config.averaging or optimizer.forgets
    return dim * (item + 4 * optimizer.slots + 8 * bool(config.averaging)) + 24 * bool(timed)
