"""Prediction of a column of texts, by models of fastText and of this package alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.compat.python.model import _FastText
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.model.model import Model


@dataclass(frozen=True)
class BatchFound:
    """The best labels of a column of texts.

    Attributes
    ----------
    labels : int32[n_texts, k]
        Numbers of labels, likeliest first; -1 = none, as of a text that is None.
    probabilities : float32[n_texts, k] or float64[n_texts, k]
        0 where there is no label.
    names : sequence of str
        Of each label by its number.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    names: Sequence[str]

    def to_arrow(self) -> tuple[Any, Any]:
        """Return the best label of each text, and its probability, as arrays of Arrow.

        Returns
        -------
        labels : pyarrow.DictionaryArray
        probabilities : pyarrow.FloatArray or pyarrow.DoubleArray
            Null, as the label is, where there is none.
        """
        import pyarrow as pa

        none = self.labels[:, 0] < 0
        numbers = pa.array(self.labels[:, 0], mask=none)
        labels = pa.DictionaryArray.from_arrays(numbers, pa.array(self.names, pa.string()))
        return labels, pa.array(np.ascontiguousarray(self.probabilities[:, 0]), mask=none)


def predict_batch(
    model: Any, texts: Any, k: int = 1, threshold: float = 0.0, threads: int | None = None
) -> BatchFound:
    """Return the best labels of a column of texts; see `ModelFile.predict_batch`.

    Raises
    ------
    TypeError
        If the model is of another kind.
    """
    if not isinstance(model, _FastText | Model):
        raise TypeError(f"{type(model).__name__} has no predict_batch: load() gives the model")
    values = _values(texts)
    there = np.array([value is not None for value in values], bool)
    known = [value for value in values if value is not None]
    if isinstance(model, _FastText):
        column = Texts.from_sequence(known)
        found = model.model.predict_documents(column.buffer, column.offsets, k, threshold, threads)
        best, scores, names = found.labels, found.scores, model.labels
    else:
        predictions = model.predict(known, k, threshold, threads)
        best, scores, names = predictions.labels, predictions.probabilities, model.labels
    labels = np.full((there.size, best.shape[1]), -1, np.int32)
    probabilities = np.zeros(labels.shape, scores.dtype)
    labels[there], probabilities[there] = best, scores
    return BatchFound(labels, probabilities, names)


def _values(texts: Any) -> list[Any]:
    """Return a column as a list of str and None."""
    for method in ("to_pylist", "to_list"):
        if hasattr(texts, method):
            return getattr(texts, method)()
    return list(texts)
