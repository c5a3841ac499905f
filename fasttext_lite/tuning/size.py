"""How large a model will be, and settings that make it small enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from fasttext_lite.config.fields import Config
from fasttext_lite.model.size import Extent, model_bytes
from fasttext_lite.tuning.space import Space


class TooLargeError(Exception):
    """No settings near these give a small enough model."""


class SizeLimit:
    """Makes settings smaller, where they may vary, until their model is small enough.

    Parameters
    ----------
    most : int, optional
        Bytes of the saved model; none = no limit.
    space : Space
        Says which settings may vary.
    labels : list of str
    extent : callable
        Returns the `Extent` of the final model with some settings.
    """

    def __init__(
        self,
        most: int | None,
        space: Space,
        labels: list[str],
        extent: Callable[[Config], Extent],
    ) -> None:
        self.most, self.space, self.labels, self.extent = most, space, labels, extent
        self._smallest: tuple[int, Config] | None = None

    def size(self, config: Config, extent: Extent) -> int:
        """Return the bytes of a saved model, about."""
        return model_bytes(config, self.labels, extent)

    def shrunk(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return settings whose model is small enough.

        Raises
        ------
        TooLargeError
            If there are none; says how small a model was reached.
        """
        if self.most is None:
            return params
        while True:
            config = self.space.config(params)
            extent = self.extent(config)
            size = self.size(config, extent)
            if self._smallest is None or size < self._smallest[0]:
                self._smallest = size, config
            if size <= self.most:
                return params
            params = {**params, **self._smaller(config, extent, self.most)}

    def _smaller(self, config: Config, extent: Extent, most: int) -> dict[str, Any]:
        """Return a change of settings that makes the model smaller.

        Smaller vectors come first, as long as few of the n-grams would keep a row of their own;
        then fewer hash slots, then a smaller vocabulary.
        """
        free = {"bucket", "dim", "min_count"} - self.space.fixed
        dim = config.dim or 1
        n_ngrams = extent.n_rows - extent.n_words
        without_rows = dataclasses.replace(extent, n_rows=0)
        room = (most - self.size(config, without_rows)) // (4 * dim + 12)
        room -= extent.n_words + 1  # the bias
        can_hash = "bucket" in free and config.uses_buckets
        if can_hash and room > 0 and (room >= n_ngrams / 8 or dim <= 8 or "dim" not in free):
            return {"bucket": min(int(room), config.bucket - 1)}
        if "dim" in free and dim > 8:
            return {"dim": max(dim // 2, 8)}
        if "min_count" in free and extent.n_words - extent.n_added > 1:
            return {"min_count": 2 * config.min_count}
        if can_hash and config.bucket > 1:
            return {"bucket": max(1, config.bucket // 4)}
        raise TooLargeError(self._complaint())

    def _complaint(self) -> str:
        assert self._smallest is not None
        size, config = self._smallest
        names = ("dim", "bucket", "min_count")
        settings = ", ".join(f"{name} {getattr(config, name)}" for name in names)
        return (
            f"no model is as small as {self.most:,} bytes: the smallest reached has "
            f"{size:,} ({settings}); allow a larger one, or let dim, bucket and min_count vary"
        )
