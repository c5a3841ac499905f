"""How large a model will be."""

from __future__ import annotations

from fasttext_lite.tuning.data import Extent


class TooLargeError(Exception):
    """No settings near these give a small enough model."""


def no_rows(extent: Extent) -> Extent:
    return Extent(0, extent.n_words, extent.n_pool)
