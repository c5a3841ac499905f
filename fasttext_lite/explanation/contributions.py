"""What each word of a text contributes to the score of a label."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from fasttext_lite.errors import bounded
from fasttext_lite.explanation.direction import is_linear, of_label, pooled_direction
from fasttext_lite.explanation.explanation import Explanation, Span
from fasttext_lite.explanation.kernels import share_out
from fasttext_lite.explanation.trace import Trace, trace
from fasttext_lite.model.model import Model, check_top

MOST_KEPT = 1_000  # labels whose directions are kept


@dataclass
class _Kept:
    """What explanations of a model need again.

    Attributes
    ----------
    numbers : dict of str to int
        Of labels.
    directions : dict of (int, int) to (int64[n], float64[n])
        Of a label, or a label and another one (or -1): where its direction is not 0, and the
        values there.
    """

    numbers: dict[str, int]
    directions: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def number(self, label: str) -> int:
        """Return the number of a label."""
        number = self.numbers.get(label)
        if number is None:
            raise ValueError(
                bounded(f"{label!r} is none of the model's {len(self.numbers)} labels")
            )
        return number

    def direction(self, model: Model, label: int, other: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the direction of a label, or of the difference to another one."""
        found = self.directions.get((label, other))
        if found is None:
            direction = of_label(model, label)
            if other >= 0:
                direction = direction - of_label(model, other)
            columns = np.flatnonzero(direction)
            if len(self.directions) >= MOST_KEPT:
                self.directions.clear()
            found = self.directions[label, other] = columns, direction[columns]
        return found


_KEPT: WeakKeyDictionary[Model, _Kept] = WeakKeyDictionary()


def explain(
    model: Model, text: str, label: str | None = None, other: str | None = None, k: int = 1
) -> Explanation:
    """Return what each word of a text contributes to a label's score.

    Scores are linear in the features of a text: the contribution of a feature is its weight in
    the text times the inner product of its row with the label's direction.  A word has that of
    its own row, those of its n-grams of characters, and an equal part, with the other words in
    it, of those of n-grams of words.

    Parameters
    ----------
    model : Model
        One of fastText's files is read as such by `fasttext_lite.load_model`.
    text : str
    label : str, optional
        Default: the likeliest, but `other`.
    other : str, optional
        A label to compare it with: the difference of both scores is explained.
    k : int
        So many labels are explained, likeliest first; -1 = all. Only without a label.

    Returns
    -------
    Explanation
        Of the label; those of further ones are in its `more`.

    Raises
    ------
    TypeError
        If model is no model, or text or a label is not a str.
    ValueError
        If a label is not the model's, both are the same, or k is given with a label or out of
        range.
    """
    check_model(model)
    for name, value in (("text", text), ("label", label), ("other", other)):
        if not isinstance(value, str) and (name == "text" or value is not None):
            raise TypeError(f"{name} must be str; got {type(value).__name__}")
    check_top(k, 0.0)
    if label is not None and k != 1:
        raise ValueError("k is the number of likeliest labels: it has no meaning with a label")
    kept = _KEPT.get(model)
    if kept is None:
        kept = _KEPT[model] = _Kept({name: i for i, name in enumerate(model.labels)})
    against = -1 if other is None else kept.number(other)
    pairs = _asked(model, kept, text, label, other, k)
    traced = trace(model, text)
    found = [
        _explained(model, kept, text, traced, number, against, probability)
        for number, probability in pairs
    ]
    return replace(found[0], more=tuple(found[1:])) if len(found) > 1 else found[0]


def check_model(model: Any) -> None:
    """Raise `TypeError` for what is no model, and say where a classifier has its own."""
    if not isinstance(model, Model):
        has = " (a fitted classifier has one: .model_)" if hasattr(model, "get_params") else ""
        raise TypeError(
            f"model must be a Model, such as load_model returns; got {type(model).__name__}{has}"
        )


def _asked(
    model: Model, kept: _Kept, text: str, label: str | None, other: str | None, k: int
) -> list[tuple[int, float]]:
    """Return the labels to explain, by their numbers, and their probabilities; see `explain`."""
    if label is None:
        # What is compared with another label is the likeliest but that one.
        best = model.predict_one(text, k + 1 if k > 0 and other is not None else k)
        found = [(kept.number(name), probability) for name, probability in best if name != other]
        return found[:k] if k > 0 else found
    if label == other:
        raise ValueError(bounded(f"label and other are the same: {label!r}"))
    number = kept.number(label)
    return [(number, float(model.judge([text], 1)[0][0, number]))]


def _explained(
    model: Model,
    kept: _Kept,
    text: str,
    traced: Trace,
    label: int,
    other: int,
    probability: float,
) -> Explanation:
    """Return the explanation of one label of a text."""
    columns, direction = kept.direction(model, label, other)
    table = model.loaded_table(traced.found)
    is_exact, score = is_linear(model), None
    if not is_exact:
        pooled = traced.pooled(table)
        whole = np.zeros(model.hidden_size)
        whole[columns] = direction
        score = float(model.forward(pooled[None].astype(np.float32))[0] @ whole)
        direction = pooled_direction(model, pooled, whole)
        columns = np.arange(direction.size)
    shares, bias = share_out(
        traced.buffer, traced.tokens, traced.places, traced.is_own, traced.bounds, traced.numbers,
        traced.found, traced.weights, traced.counts, table, columns, direction,
    )  # fmt: skip
    own, ngrams, characters = traced.by_unit(shares)
    if shares.shape[1] > traced.n_bytes:  # between two streams of tokens
        bias += float(shares[0, traced.n_bytes] + shares[1, traced.n_bytes])
    total = bias + sum(own) + sum(ngrams)
    if not traced.found.size:
        scores = model.scores([text], 1)[0]
        total = bias = float(scores[label] - (scores[other] if other >= 0 else 0.0))
    elif score is not None:
        bias, total = bias + score - total, score
    spans = tuple(
        Span(start, end, text[start:end], a + b, a, b)
        for (start, end), a, b in zip(traced.units, own, ngrams, strict=True)
    )
    return Explanation(
        text, model.labels[label], None if other < 0 else model.labels[other], total, probability,
        bias, spans, characters, is_exact,
        traced.found.size - (model.space.has_bias and traced.found.size > 0),
    )  # fmt: skip
