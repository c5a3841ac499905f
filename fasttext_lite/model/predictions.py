"""What a model says of texts: numbers of labels and their probabilities, for code and people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fasttext_lite.corpus.arrow import as_columns


@dataclass(frozen=True)
class Predictions:
    """The best labels of each text.

    Attributes
    ----------
    labels : int32[n_texts, k]
        Label ids, likeliest first; -1 where the threshold left none.
    probabilities : float64[n_texts, k]
        In [0, 1]; 0 where there is no label.
    n_features : int64[n_texts]
        Known features of each text; where 0, the labels are those of the class prior.
    label_names : sequence of str
        Of each label id, as `Model.labels`; `names` and `rows` are made with them.

    Examples
    --------
    ``labels`` are numbers, quick to work with.  For people there are names and rows:

    >>> found = Predictions(np.array([[1, 0]]), np.array([[0.9, 0.1]]), np.ones(1), ["no", "yes"])
    >>> found.names
    [['yes', 'no']]
    >>> found.rows()
    [[('yes', 0.9), ('no', 0.1)]]
    >>> names, probabilities = found
    """

    labels: np.ndarray
    probabilities: np.ndarray
    n_features: np.ndarray
    label_names: Sequence[str] = field(default=(), repr=False)  # there may be a million

    @property
    def names(self) -> list[list[str]]:
        """The names of the best labels of each text, likeliest first."""
        return as_lists(self.labels, self.probabilities, self.label_names.__getitem__)[0]

    def __iter__(self) -> Iterator[Any]:
        """Unpack into names and probabilities of each text, as fastText's `predict` of a list."""
        return iter(as_lists(self.labels, self.probabilities, self.label_names.__getitem__))

    def to_arrow(self) -> tuple[Any, Any]:
        """Return labels and probabilities as columns of Arrow.

        Returns
        -------
        labels : pyarrow.DictionaryArray, or pyarrow.ListArray of such
            Of strings; lists where k is above 1. Null for a text without a label.
        probabilities : pyarrow.DoubleArray, or pyarrow.ListArray of such
            Of the same form.

        Raises
        ------
        InputError
            If pyarrow is not installed.
        """
        return as_columns(self.labels, self.probabilities, self.label_names)

    def rows(self) -> list[list[tuple[str, float]]]:
        """Return name and probability of the best labels of each text, as `Model.predict_one`."""
        names = self.label_names
        return [
            [(names[i], p) for i, p in zip(ids, values, strict=True) if i >= 0]
            for ids, values in zip(self.labels.tolist(), self.probabilities.tolist(), strict=True)
        ]


def as_lists(
    labels: np.ndarray, scores: np.ndarray, name: Callable[[int], str]
) -> tuple[list[list[str]], list[np.ndarray]]:
    """Return the names of each text's best labels, and their probabilities.

    Parameters
    ----------
    labels : int32[n_texts, k]
        -1 behind the last.
    scores : float[n_texts, k]
    name : callable
        Of a label, by its number.
    """
    counts = np.count_nonzero(labels >= 0, axis=1)
    if counts.size and counts.min() == labels.shape[1]:
        return [list(map(name, row)) for row in labels.tolist()], list(scores)
    of_each = zip(labels.tolist(), scores, counts.tolist(), strict=True)
    rows = [(list(map(name, row[:n])), values[:n]) for row, values, n in of_each]
    return [row for row, _ in rows], [values for _, values in rows]
