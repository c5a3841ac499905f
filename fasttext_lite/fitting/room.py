"""Whether there is room on the disk for what a training will write, before the time is spent."""

from __future__ import annotations

import os
import shutil

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.errors import InputError
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.model.size import Extent, model_bytes


def check_room(
    prepared: Prepared,
    config: Config,
    output: str | os.PathLike[str] | None,
    checkpoints: str | os.PathLike[str] | None,
) -> None:
    """Raise `InputError` unless there is room for a model and its checkpoints.

    Parameters
    ----------
    prepared : Prepared
    config : Config
        Resolved.
    output, checkpoints : path-like, optional
        The model's file, and the folder of checkpoints: two at a time.
    """
    asked: dict[int, int] = {}  # by file system
    for path, what, size in (
        (output, "the model", lambda: expected_bytes(prepared, config)),
        (checkpoints, "two checkpoints", lambda: 2 * checkpoint_bytes(prepared, config)),
    ):
        if path is None:
            continue
        folder = os.fspath(path)
        if what == "the model":
            folder = os.path.dirname(os.path.realpath(path))
        while folder and not os.path.exists(folder):  # it will be made there
            folder = os.path.dirname(folder)
        folder = folder or "."
        try:
            device, free = os.stat(folder).st_dev, shutil.disk_usage(folder).free
        except OSError:
            continue  # the writing will say what is wrong
        others, needed = asked.get(device, 0), size()
        asked[device] = others + needed
        if free < others + needed:
            raise InputError(
                f"{os.fspath(path)}: {what} will take {_megabytes(needed)}"
                f"{' beside the model' * bool(others)}, and {_megabytes(max(free - others, 0))} "
                f"are free in {folder}: make room, or name another place"
            )


def expected_bytes(prepared: Prepared, config: Config) -> int:
    """Return about how many bytes the file of a model will have, a few too many.

    With l1 rows vanish, nobody knows how many: they do not count.
    """
    space = prepared.model_space
    n_rows = 0 if config.l1 else space.n_rows
    extent = Extent(n_rows, space.n_words, space.pool.size)
    return model_bytes(config, prepared.labels.names, extent)


def checkpoint_bytes(prepared: Prepared, config: Config) -> int:
    """Return about how many bytes a checkpoint will have."""
    from fasttext_lite.training.weights import fresh_state, n_output_rows

    dim, units = config.dim or 0, config.units
    shapes = [
        (prepared.space.n_rows, dim, config.table_dtype),
        (n_output_rows(config, len(prepared.labels.names)), units or dim, "float32"),
        (units, dim + 1, "float32"),
    ]
    size = 0
    for n_rows, width, dtype in shapes:
        table = np.broadcast_to(np.zeros(1, dtype), (n_rows, width))  # takes no memory
        state = fresh_state(config, table)  # nor do zeros that nobody touches
        size += table.nbytes + sum(array.nbytes for array in vars(state).values())
    return size * (2 if config.patience is not None else 1)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
