"""Where a training is between two blocks, and what whoever keeps that has to offer.

A training that was broken off goes on from a `Place` and the weights that it had there. With one
thread it ends with the bits that it would have ended with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np

from fasttext_lite.training.history import History
from fasttext_lite.training.weights import TABLES, RowState, Weights

_PARTS = tuple(part.name for part in fields(RowState))


@dataclass
class Place:
    """Where a training is, all but its weights.

    Attributes
    ----------
    rng : dict
        State of the random numbers before the epoch under way.
    average_from : int
        Step that averages count from.
    size : int
        Documents of an epoch, each as often as it is visited.
    epoch : int
        Epochs finished.
    visits : int
        Documents of the epoch under way that are done: the first so many of its order.
    results : float64[n_blocks, 2]
        Loss and weight of their blocks.
    """

    rng: Mapping[str, Any]
    average_from: int
    size: int
    epoch: int = 0
    visits: int = 0
    results: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    @property
    def n_epochs(self) -> float:
        """Epochs done, with the part of the one under way."""
        return self.epoch + self.visits / max(self.size, 1)

    def next_epoch(self, rng: Mapping[str, Any]) -> Place:
        """Return the place where the next epoch begins."""
        return Place(rng, self.average_from, self.size, self.epoch + 1)


class Kept(Protocol):
    """A training that was broken off, as it was kept."""

    @property
    def place(self) -> Place:
        """Where it was."""

    @property
    def history(self) -> History:
        """Its loss, learning rate and restarts."""

    def fill(self, weights: Weights) -> None:
        """Set weights, which are as at the start, to those that were kept."""


class Keeper(Protocol):
    """What is asked between blocks of documents, and told where a training is."""

    @property
    def kept(self) -> Kept | None:
        """What to go on from."""

    def is_due(self) -> bool:
        """Return whether `look` wants to be called; asked by all threads, before each block."""

    def look(self, place: Place, weights: Weights, history: History) -> bool:
        """Look at a training, all of whose threads wait; return whether it is to end here.

        The weights are those of the training: to be copied, and neither settled nor averaged. It
        is called at the end of each epoch, and in between as soon as `is_due`.
        """


def as_arrays(weights: Weights, prefix: str = "") -> dict[str, np.ndarray]:
    """Return the arrays of weights, the tables and their state, by names that begin so."""
    arrays = {prefix + name: getattr(weights, name) for name in TABLES}
    for name in TABLES:
        state = vars(weights.states[name])
        arrays |= {f"{prefix}{name}.{part}": array for part, array in state.items()}
    return arrays


def as_weights(arrays: Mapping[str, np.ndarray], prefix: str, steps: int, path: float) -> Weights:
    """Return the weights that `as_arrays` was called of."""
    tables = {name: arrays[prefix + name] for name in TABLES}
    states = {
        name: RowState(*(arrays[f"{prefix}{name}.{part}"] for part in _PARTS)) for name in TABLES
    }
    return Weights(**tables, states=states, steps=steps, path=path)


def fill(weights: Weights, arrays: Mapping[str, np.ndarray], steps: int, path: float) -> None:
    """Set weights to those that `as_arrays` was called of.

    Raises
    ------
    ValueError
        If they have other shapes.
    """
    for name, array in as_arrays(weights).items():
        if arrays[name].shape != array.shape or arrays[name].dtype != array.dtype:
            raise ValueError(f"{name} has another shape")
        array[:] = arrays[name]
    weights.steps, weights.path = steps, path
