"""The folder that an estimator's `fit` keeps its training in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fasttext_lite.fitting.checkpoint import CheckpointFolder
from fasttext_lite.fitting.keeper import TrainingKeeper

if TYPE_CHECKING:
    from fasttext_lite.teaching.fit import Beside


@contextlib.contextmanager
def kept_in(checkpoint: Any, beside: Beside | None) -> Iterator[TrainingKeeper | None]:
    """Yield what keeps a training, if that is asked for; its files are removed when it is done.

    Parameters
    ----------
    checkpoint : path-like, optional
        Folder.
    beside : Beside, optional
        What there is beside labelled texts.

    Raises
    ------
    TypeError
        If it is no path.
    ValueError
        If it cannot be written to, or there are texts without labels or embeddings.
    """
    if checkpoint is None:
        yield None
        return
    if beside is not None:
        raise ValueError(
            "checkpoint is for a training on labelled texts alone: leave it out, or unlabelled and "
            "text_embeddings"
        )
    folder = CheckpointFolder(checkpoint)
    keeper = TrainingKeeper(folder)
    try:
        yield keeper
        keeper.done()
    finally:
        folder.close()
