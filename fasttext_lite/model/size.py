"""How many bytes the file of a model has, before there is a model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttext_lite.config.fields import Config

if TYPE_CHECKING:
    from fasttext_lite.model.model import Model


@dataclass(frozen=True)
class Extent:
    """What the size of a model depends on, apart from its settings.

    Attributes
    ----------
    n_rows, n_words : int
        Rows of the input table; words of the vocabulary.
    n_pool : int
        Bytes of these words.
    n_added : int
        Words among them that no setting takes away: they are from a file of vectors.
    """

    n_rows: int
    n_words: int
    n_pool: int
    n_added: int = 0


def extent_of(model: Model) -> Extent:
    """Return what the features of a model take."""
    space = model.space
    return Extent(space.n_rows, space.n_words, space.pool.size)


def model_bytes(config: Config, labels: list[str], extent: Extent) -> int:
    """Return an upper bound of the size of a saved model, a few kB above the true size.

    Parameters
    ----------
    config : Config
        Resolved.
    labels : list of str
    extent : Extent
    """
    n_labels, dim, units = len(labels), config.dim or 0, config.units
    width = 2 if config.dtype == "float16" else 4
    tables = extent.n_rows * (width * dim + 12) + 4 * n_labels * (units or dim)
    tables += 16 * dim + 8 * units * (dim + 1)  # a norm and a hidden layer
    names = len(json.dumps(json.dumps(labels)))
    settings = len(json.dumps(json.dumps(config.to_dict())))
    words = extent.n_pool + 8 * extent.n_words
    return tables + words + 16 * n_labels + names + settings + 2048
