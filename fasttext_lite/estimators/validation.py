"""Validation data and callbacks of an estimator's `fit`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import bounded
from fasttext_lite.estimators.targets import Target, is_matrix, plain, read_target
from fasttext_lite.fitting.monitor import Watch


def read_watch(target: Target, validation_data: Any, callbacks: Any) -> Watch | None:
    """Return what the arguments of `fit` ask to watch; None where nobody watches."""
    if validation_data is None and callbacks is None:
        return None
    calls = [callbacks] if callable(callbacks) else [] if callbacks is None else callbacks
    if not isinstance(calls, list | tuple) or not all(map(callable, calls)):
        raise TypeError(
            bounded(f"callbacks must be a callable or a list of callables; got {callbacks!r}")
        )
    valid = None if validation_data is None else _validation_pair(target, validation_data)
    return Watch(valid, tuple(calls))


def _validation_pair(target: Target, validation_data: Any) -> tuple[Texts, Labels]:
    """Return validation data with the labels numbered as those of the training."""
    if not isinstance(validation_data, list | tuple) or len(validation_data) != 2:
        raise ValueError(
            f"validation_data must be a pair (X, y); got {type(validation_data).__name__}"
        )
    X, y = validation_data
    try:
        with warnings.catch_warnings():
            # scikit-learn's, that few texts with many labels may be a regression.
            warnings.filterwarnings("ignore", "The number of unique classes")
            # Shares may happen to be whole: a 0/1 matrix.
            kind = "single" if is_matrix(y) and target.kind == "single" else None
            texts, found = Texts.from_sequence(X), read_target(y, kind=kind)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
    if len(texts) != len(found.labels):
        raise ValueError(f"validation_data: {len(texts)} texts, but labels of {len(found.labels)}")
    if len(texts) == 0:
        raise ValueError("validation_data holds no texts")
    if found.kind != target.kind:
        raise ValueError(
            f"validation_data: its labels are {_KIND_NAMES[found.kind]}, those of the training "
            f"{_KIND_NAMES[target.kind]}"
        )
    strange = set(found.classes.tolist()) - set(target.classes.tolist())
    if strange:
        raise ValueError(
            bounded(
                "validation_data has labels that the training does not have, such as "
                f"{plain(min(strange, key=repr))!r}"
            )
        )
    # The same labels with the numbers of the training's classes.
    ids = np.searchsorted(target.classes, found.classes)[found.labels.ids].astype(np.int32)
    return texts, Labels(ids, found.labels.indptr, target.labels.names)


_KIND_NAMES = {
    "single": "one for each text",
    "lists": "a list for each text",
    "indicator": "a 0/1 matrix",
}
