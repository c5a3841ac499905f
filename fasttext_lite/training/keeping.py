"""Where a training is between two blocks, and what whoever keeps that has to offer.

A training that was broken off goes on from a `Place` and the weights that it had there. With one
thread it ends with the bits that it would have ended with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from fasttext_lite.training.history import History
from fasttext_lite.training.weights import Weights


@dataclass
class Place:
    """Where a training is, all but its weights.

    Attributes
    ----------
    rng : dict
        State of the random numbers before the epoch under way.
    average_from : int
        Step that averages count from.
    epoch : int
        Epochs finished.
    visits : int
        Documents of the epoch under way that are done: the first so many of its order.
    results : float64[n_blocks, 2]
        Loss and weight of their blocks.
    """

    rng: Mapping[str, Any]
    average_from: int
    epoch: int = 0
    visits: int = 0
    results: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    @property
    def is_start(self) -> bool:
        """Whether nothing has been learnt yet."""
        return self.epoch == self.visits == 0

    def next_epoch(self, rng: Mapping[str, Any]) -> Place:
        """Return the place where the next epoch begins."""
        return Place(rng, self.average_from, self.epoch + 1)


class Kept(Protocol):
    """A training that was broken off, as it was kept.

    Attributes
    ----------
    place : Place
    history : History
        Its loss, learning rate and restarts.
    """

    place: Place
    history: History

    def fill(self, weights: Weights) -> None:
        """Set weights, which are as at the start, to those that were kept."""


class Keeper(Protocol):
    """What is asked between blocks of documents, and told where a training is.

    Attributes
    ----------
    kept : Kept, optional
        What to go on from.
    """

    kept: Kept | None

    def is_due(self) -> bool:
        """Return whether `look` wants to be called; asked by all threads, before each block."""

    def look(self, place: Place, weights: Weights, history: History) -> bool:
        """Look at a training, all of whose threads wait; return whether it is to end here.

        The weights are those of the training: to be copied, and neither settled nor averaged. It
        is called at the end of each epoch, and in between as soon as `is_due`.
        """
