"""Weights grow: more labels than training knew before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.config.fields import Config
from fasttext_lite.errors import ModelError
from fasttext_lite.training.weights import SETTLED_ROWS, RowState, Weights, fresh_state


def grow_outputs(
    weights: Weights, config: Config, places: np.ndarray, start: np.ndarray
) -> Weights:
    """Return weights with rows added to the output table; what does not grow is shared.

    Under a linear head an output row is a column of the embeddings: these become as wide as
    `Config.dim` says, columns in the order of the output rows.

    Parameters
    ----------
    weights : Weights
    config : Config
        Its `dim` reaches the number of output rows if its head is linear.
    places : int64[n_old]
        The new number of each old output row.
    start : float32[n_new, units or dim]
        What the new rows begin with, by their rising numbers. Under a linear head it is the
        output of the embeddings as they were: each row of these gets the products with it.

    Raises
    ------
    ModelError
        If the head is linear and the output table is none of such a head.
    """
    n_output = len(places) + len(start)
    is_new = np.ones(n_output, bool)
    is_new[places] = False
    added = np.flatnonzero(is_new)
    states = dict(weights.states)
    if config.head == "linear":
        embeddings, states["embeddings"] = _wider(weights, config.dim or 0, places, added, start)
        output = make_table(n_output, embeddings.shape[1])
        np.fill_diagonal(output, 1)
        states["output"] = fresh_state(config, output)
        return replace(weights, embeddings=embeddings, output=output, states=states)
    output = make_table(n_output, weights.output.shape[1])
    output[places], output[added] = weights.output, start
    state, old = fresh_state(config, output), weights.states["output"]
    for before, after in zip(vars(old).values(), vars(state).values(), strict=True):
        if len(before) and len(after):
            after[places] = before
    if len(state.seen):
        state.seen[added, :2] = weights.steps, weights.path
    states["output"] = state
    return replace(weights, output=output, states=states)


def _wider(
    weights: Weights, dim: int, places: np.ndarray, added: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, RowState]:
    """Return embeddings of a linear head with more columns, and their state."""
    columns, old = weights.output.argmax(axis=1), weights.embeddings
    ones = weights.output[np.arange(len(columns)), columns]
    if not (ones == 1).all() or np.count_nonzero(weights.output) > len(columns):
        raise ModelError("the model is damaged: under a linear head the output is the identity")
    table = make_table(len(old), dim, old.dtype)
    table[:, places] = old[:, columns]
    for number, row in zip(added, start, strict=True):
        used = np.flatnonzero(row)
        for first in range(0, len(old), SETTLED_ROWS):
            part = slice(first, first + SETTLED_ROWS)
            table[part, number] = old[part, used].astype(np.float32, copy=False) @ row[used]
    state = weights.states["embeddings"]
    moments, total = (
        _by_place(array, old.shape[1], dim, columns, places)
        for array in (state.moments, state.total)
    )
    return table, RowState(moments, state.seen, total)


def _by_place(
    array: np.ndarray, dim: int, new_dim: int, columns: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """Return what belongs to the columns of a table of `dim`, slot by slot, by their new places."""
    n_rows, slots = len(array), array.shape[1] // dim
    wider = np.zeros((n_rows, slots, new_dim), np.float32)
    wider[:, :, places] = array.reshape(n_rows, slots, dim)[:, :, columns]
    return wider.reshape(n_rows, slots * new_dim)
