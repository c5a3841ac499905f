"""What a model says of labelled texts, text by text: what all parts of a report are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.evaluation.scores import Evaluation, evaluate
from fasttext_lite.model.decisions import decide_in_parts, right_texts
from fasttext_lite.model.model import Model, most_texts

TOP = 2  # labels of each text that are kept: the likeliest, and the one that it was chosen over


@dataclass(frozen=True)
class Measured:
    """Labelled texts, and what a model says of them.

    Attributes
    ----------
    model : Model
    texts : Texts
    gold : Labels
        The true labels, by the numbers of `names`.
    result : Evaluation
        Of what the model decides.
    labels : int32[n, 2]
        The likeliest labels of each text.
    probabilities : float64[n, 2]
    is_first_right : bool[n]
        Whether the likeliest label is one of the text's.
    is_right : bool[n]
        Whether the text is right: `is_first_right`; of a model of several labels, whether all of
        its labels are predicted and no others.
    """

    model: Model
    texts: Texts
    gold: Labels
    result: Evaluation
    labels: np.ndarray
    probabilities: np.ndarray
    is_first_right: np.ndarray
    is_right: np.ndarray

    @property
    def names(self) -> list[str]:
        """Labels of the model, then those that only the texts have."""
        return self.result.names

    @cached_property
    def first_gold(self) -> np.ndarray:
        """The first true label of each text, int[n]; -1 = none."""
        return self.result.first_gold

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the likeliest label of each text, float64[n]."""
        return self.probabilities[:, 0]

    def text(self, i: int) -> str:
        """Return a text as a string."""
        start, end = self.texts.offsets[i : i + 2]
        return self.texts.buffer[start:end].tobytes().decode("utf-8", "surrogatepass")

    def own(self, i: int) -> list[int]:
        """Return the numbers of a text's true labels."""
        start, end = self.gold.indptr[i : i + 2]
        return self.gold.ids[start:end].tolist()


def measure(model: Model, texts: Texts, gold: Labels, n_threads: int | None = None) -> Measured:
    """Ask a model about labelled texts.

    Parameters
    ----------
    model : Model
    texts : Texts
    gold : Labels
        By any numbers.
    n_threads : int, optional

    Returns
    -------
    Measured
    """
    result = evaluate(model, texts, gold, n_threads=n_threads)
    own = gold.renamed(result.names).without_repeats()
    n, n_names = len(texts), len(result.names)
    labels, probabilities = np.empty((n, TOP), np.int32), np.empty((n, TOP))
    step = most_texts(len(model.labels), TOP)
    for start in range(0, n, step):
        found = model.predict(texts.slice(start, min(start + step, n)), TOP, n_threads=n_threads)
        end = start + len(found.labels)
        labels[start:end], probabilities[start:end] = found.labels, found.probabilities
    docs = np.repeat(np.arange(n), np.diff(own.indptr))
    is_first_right = np.zeros(n, bool)
    is_first_right[docs[labels[docs, 0] == own.ids]] = True
    is_right = is_first_right
    if model.multilabel:
        is_right = np.empty(n, bool)
        for start, decided in decide_in_parts(model, texts, n_threads):
            end = start + len(decided.labels)
            part = own.take(np.arange(start, end))
            is_right[start:end] = right_texts(decided.labels, part, True)
    assert n_names == len(own.names)
    return Measured(
        model, texts, own, result, labels, np.clip(probabilities, 0, 1), is_first_right, is_right
    )
