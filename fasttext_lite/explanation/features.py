"""The words of a model that speak most for each label, and against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fasttext_lite.errors import bounded
from fasttext_lite.explanation.contributions import check_model
from fasttext_lite.explanation.direction import is_linear, of_all_labels
from fasttext_lite.model.model import Model

MOST_WORDS = 50_000  # the most frequent ones are looked at
LEAST_TEXTS = 3  # training texts that must have a word: of fewer it says what chance says
BLOCK_SCORES = 1 << 24  # of words and labels at a time

Top = tuple[list[tuple[str, float]], list[tuple[str, float]]]


def top_features(model: Model, k: int = 10, labels: Sequence[str] | None = None) -> dict[str, Top]:
    """Return the words that speak most for each label, and against it.

    The share of a word is what its row adds to the label's score, by the weight that the model
    gives it (idf and gain, 1 with mean pooling), above what it adds to the scores of all labels on
    average; where texts may have several labels, what it adds to the label's score. It is told in
    parts of the largest of the label. N-grams have no names (they are hashed) and are left out.

    Parameters
    ----------
    model : Model
    k : int
        So many words at most, for and against.
    labels : sequence of str, optional
        Default: all.

    Returns
    -------
    dict of str to (list of (str, float), list of (str, float))
        Of each label, the words for it and those against it, strongest first, with their shares,
        from 1 to -1. Words of few
        training texts (fewer than three) are left out, and beyond the 50,000 most frequent.

    Raises
    ------
    ValueError
        If k is less than 1, or a label is not the model's.
    TypeError
        If model is no model.
    """
    check_model(model)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(bounded(f"k must be a whole number of at least 1; got {k!r}"))
    numbers = {label: i for i, label in enumerate(model.labels)}
    wanted = list(model.labels if labels is None else labels)
    for label in wanted:
        if label not in numbers:
            raise ValueError(bounded(f"{label!r} is none of the model's {len(numbers)} labels"))
    rows, words = _words(model)
    vectors, directions = _vectors(model, rows), of_all_labels(model)
    means = np.zeros(len(rows))
    if model.is_distribution:
        means = vectors @ directions.mean(axis=0)
    found: dict[str, Top] = {}
    step = max(1, BLOCK_SCORES // max(len(rows), 1))
    for start in range(0, len(wanted), step):
        part = wanted[start : start + step]
        shares = vectors @ directions[[numbers[label] for label in part]].T - means[:, None]
        for label, own in zip(part, shares.T, strict=True):
            own = own / (np.abs(own).max(initial=0.0) or 1.0)
            found[label] = _strongest(own, words, k), _strongest(-own, words, k, -1.0)
    return found


def _words(model: Model) -> tuple[np.ndarray, list[str]]:
    """Return the rows of the words that are looked at, and the words."""
    space = model.space
    least = min(LEAST_TEXTS, max(1, model.n_texts // 10))
    is_word = (space.row_codes < space.n_words) & (space.frequency >= least)
    rows = np.flatnonzero(is_word)[:MOST_WORDS]  # they stand by falling frequency
    pool = space.words()
    return rows, [pool[code].decode("utf-8", "replace") for code in space.row_codes[rows].tolist()]


def _vectors(model: Model, rows: np.ndarray) -> np.ndarray:
    """Return what the output table sees of each word, by its weight; float64[n_rows, hidden]."""
    table = model.loaded_table(rows.astype(np.int32))[rows]
    table = table.view(np.float16) if table.dtype == np.uint16 else table
    factors = model.space.factors
    if is_linear(model):
        weights = np.abs(factors[rows]) if factors.size else np.ones(len(rows))
        return table.astype(np.float64) * weights[:, None]
    # As in a text of that word alone, above a text of nothing.
    nothing = model.forward(np.zeros((1, model.dim), np.float32)).astype(np.float64)
    return model.forward(table.astype(np.float32)).astype(np.float64) - nothing


def _strongest(
    shares: np.ndarray, words: list[str], k: int, sign: float = 1.0
) -> list[tuple[str, float]]:
    """Return the words of the largest shares above 0, with their shares times a sign."""
    k = min(k, shares.size)
    best = np.argpartition(-shares, k - 1)[:k] if k else np.empty(0, np.int64)
    best = best[np.argsort(-shares[best], kind="stable")]
    return [(words[i], sign * float(shares[i])) for i in best.tolist() if shares[i] > 0]
