"""What a model says of labelled texts, text by text: what all parts of a report are made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.evaluation.scores import Evaluation, evaluate
from fasttext_lite.model.calibration import calibration_error
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
    decided : int64[n_given]
        Of a model of several labels, each label that is given to a text: number of the text times
        the number of names, plus that of the label.
    """

    model: Model
    texts: Texts
    gold: Labels
    result: Evaluation
    labels: np.ndarray
    probabilities: np.ndarray
    is_first_right: np.ndarray
    is_right: np.ndarray
    decided: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

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

    @property
    def judged(self) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities that are judged, and whether what they are of is right, as `test` does.

        Of the likeliest label of each text; of a model of several labels, of all that are given.
        """
        return self.result.confidence, self.result.right

    @cached_property
    def counted_as(self) -> np.ndarray:
        """The true label that each text counts by, int[n]; -1 = none.

        The likeliest one if that is one of its own, else its first.
        """
        return np.where(self.is_first_right, self.labels[:, 0], self.first_gold)

    @cached_property
    def guess(self) -> tuple[list[int], float]:
        """The labels that are right for most texts if always given, and for what share they are.

        One label that is among those of a text; of a model of several, those that a text has, and
        no others.
        """
        n = max(self.result.n, 1)
        if not self.result.multilabel:
            best = int(self.result.gold.argmax())
            return [best], float(self.result.gold[best]) / n
        sets = Counter(tuple(sorted(self.own(i))) for i in range(len(self.gold)))
        best_set, count = max(sets.items(), key=lambda each: each[1], default=((), 0))
        return list(best_set), count / n

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
    unseen = sorted(set(gold.used()) - set(model.labels))
    own = gold.renamed([*model.labels, *unseen]).without_repeats()
    n = len(texts)
    labels, probabilities = np.empty((n, TOP), np.int32), np.empty((n, TOP))
    n_features = np.empty(n, np.int64)
    step = most_texts(len(model.labels), TOP)
    for start in range(0, n, step):
        found = model.predict(texts.slice(start, min(start + step, n)), TOP, n_threads=n_threads)
        end = start + len(found.labels)
        labels[start:end], probabilities[start:end] = found.labels, found.probabilities
        n_features[start:end] = found.n_features
    docs = np.repeat(np.arange(n), np.diff(own.indptr))
    is_first_right = np.zeros(n, bool)
    is_first_right[docs[labels[docs, 0] == own.ids]] = True
    probabilities = np.clip(probabilities, 0, 1)
    if model.multilabel:
        result = evaluate(model, texts, gold, n_threads=n_threads)
        is_right, decided = _exactly_right(model, texts, own, n_threads)
    else:
        decided = np.empty(0, np.int64)
        is_right = is_first_right
        result = _of_first_labels(model, own, labels, probabilities, is_right, n_features)
    return Measured(
        model, texts, own, result, labels, probabilities, is_first_right, is_right, decided
    )


def _exactly_right(
    model: Model, texts: Texts, own: Labels, n_threads: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return which texts get all of their labels and no others, bool[n]; and what is decided."""
    is_right, given = np.empty(len(texts), bool), [np.empty(0, np.int64)]
    for start, decided in decide_in_parts(model, texts, n_threads):
        end = start + len(decided.labels)
        is_right[start:end] = right_texts(decided.labels, own.take(np.arange(start, end)), True)
        docs, ranks = np.nonzero(decided.labels >= 0)
        given.append((docs + start) * len(own.names) + decided.labels[docs, ranks])
    return is_right, np.concatenate(given)


def _of_first_labels(
    model: Model,
    own: Labels,
    labels: np.ndarray,
    probabilities: np.ndarray,
    is_right: np.ndarray,
    n_features: np.ndarray,
) -> Evaluation:
    """Return what `evaluate` returns of a model that gives each text its likeliest label.

    The texts are not predicted once more for it.
    """
    n_names, n_known = len(own.names), len(model.labels)
    docs = np.repeat(np.arange(len(own)), np.diff(own.indptr))
    has_gold = np.diff(own.indptr) > 0
    first_gold = np.full(len(own), -1, np.int32)
    first_gold[has_gold] = own.ids[own.indptr[:-1][has_gold]]
    first = labels[:, 0]
    return Evaluation(
        names=own.names, n_known=n_known, n=len(own), n_right=int(is_right.sum()),
        hits=np.bincount(first[is_right], minlength=n_names),
        predicted=np.bincount(first, minlength=n_names), gold=own.counts(),
        n_unseen_texts=np.unique(docs[(own.ids >= n_known) | (own.ids < 0)]).size,
        n_unknown_texts=int((n_features == 0).sum()), first_gold=first_gold,
        first_found=first.copy(), k=1, threshold=0.0, multilabel=False,
        calibration_error=calibration_error(probabilities[:, 0], is_right),
        confidence=probabilities[:, 0], right=is_right, is_blank=n_features == 0,
    )  # fmt: skip
