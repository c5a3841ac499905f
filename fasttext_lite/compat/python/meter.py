"""The class of fastText's Python package for the metrics of a labelled file."""

from __future__ import annotations

import warnings
from typing import Protocol

import numpy as np

from fasttext_lite.compat.meter import Meter


class _Numbered(Protocol):
    """A model whose labels and words have numbers."""

    def get_label_id(self, label: str) -> int:
        """Return the number of a label: -1 if it has none, below that for a word."""


class _Meter:
    """Metrics of a labelled file; what `_FastText.get_meter` returns.

    As in fastText, a label that the model does not have stands for all labels; a warning says so.
    """

    def __init__(self, fasttext_model: _Numbered, meter: Meter) -> None:
        self.f = fasttext_model
        self.m = meter

    def _number(self, label: str | None) -> int | None:
        """Return the number of a label, None for all; below -1 for a word, which has no scores."""
        if not label:
            return None
        number = self.f.get_label_id(label)
        if number == -1:
            warnings.warn(
                f"the model has no label {label!r}: the figures are those of all labels, "
                "as in fastText",
                stacklevel=3,
            )
            return None
        return number

    def score_vs_true(self, label: str) -> tuple[np.ndarray, np.ndarray]:
        """Return scores and gold (1 or 0) of the predictions of a label, both float64[n]."""
        number = self._number(label)
        if number is not None and number < 0:
            return np.empty(0), np.empty(0)
        scores, is_gold = self.m.score_vs_true(number)
        return scores.astype(np.float64), is_gold.astype(np.float64)

    def precision_recall_curve(self, label: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return precision and recall above each score, both float64[n]."""
        number = self._number(label)
        if number is not None and number < 0:
            return np.empty(0), np.empty(0)
        return self.m.precision_recall_curve(number)

    def precision_at_recall(self, recall: float, label: str | None = None) -> float:
        """Return the highest precision with at least this recall; 0 if there is none."""
        number = self._number(label)
        if number is not None and number < 0:
            return 0.0
        return self.m.precision_at_recall(recall, number)

    def recall_at_precision(self, precision: float, label: str | None = None) -> float:
        """Return the highest recall with at least this precision; 0 if there is none."""
        number = self._number(label)
        if number is not None and number < 0:
            return 0.0
        return self.m.recall_at_precision(precision, number)
