"""Prediction of a column of texts, by models of fastText and of this package alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from fasttext_lite.compat.python.model import _FastText
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.model.model import Model, Predictions


def predict_batch(
    model: Any, texts: Any, k: int = 1, threshold: float = 0.0, threads: int | None = None
) -> Predictions:
    """Return the best labels of a column of texts; see `ModelFile.predict_batch`.

    Raises
    ------
    TypeError
        If the model is of another kind.
    """
    if hasattr(model, "predict_batch"):
        return model.predict_batch(texts, k, threshold, threads)
    if not isinstance(model, _FastText | Model):
        raise TypeError(f"{type(model).__name__} has no predict_batch: load() gives the model")
    values = _values(texts)
    there = np.array([value is not None for value in values], bool)
    known = [value for value in values if value is not None]
    if isinstance(model, _FastText):
        column = Texts.from_sequence(known)
        found = model.model.predict_documents(column.buffer, column.offsets, k, threshold, threads)
        _, n_rows = model.model.embed(column.buffer, column.offsets, threads)
        predictions = Predictions(found.labels, found.scores, n_rows, model.labels)
    else:
        predictions = model.predict(known, k, threshold, threads)
    width, scores = predictions.labels.shape[1], predictions.probabilities
    labels = np.full((there.size, width), -1, np.int32)
    probabilities = np.zeros((there.size, width), scores.dtype)
    n_features = np.zeros(there.size, np.int64)
    labels[there], probabilities[there] = predictions.labels, scores
    n_features[there] = predictions.n_features
    return Predictions(labels, probabilities, n_features, predictions.label_names)


def _values(texts: Any) -> list[Any]:
    """Return a column as a list of str, and None for its nulls; a list of str as it is."""
    for method in ("to_pylist", "to_list"):
        if hasattr(texts, method):
            return getattr(texts, method)()
    values = list(texts)
    Texts.from_sequence(values)  # which refuses what is no text
    return values
