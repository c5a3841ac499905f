"""What a model says of texts that belong to none of its labels, beside texts of known ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.evaluation.reliability import Answered, area_under_roc, lower_bound
from fasttext_lite.evaluation.scores import Evaluation
from fasttext_lite.model.decisions import MULTILABEL_THRESHOLD
from fasttext_lite.model.model import Model


@dataclass(frozen=True)
class SureText:
    """A text that a model is sure of.

    Attributes
    ----------
    text : str
    label : int
        The likeliest one.
    probability : float
    """

    text: str
    label: int
    probability: float


@dataclass(frozen=True)
class Novel:
    """What a model says of texts that belong to none of its labels.

    Attributes
    ----------
    path : str
        Their file.
    confidence : float64[n]
        The largest probability of each.
    surest : list of SureText
        Those with the largest, falling; of equal ones the first.
    is_blank : bool[n]
        Whether the model knows no feature of it.
    """

    path: str
    confidence: np.ndarray
    surest: list[SureText]
    is_blank: np.ndarray

    def answered(
        self, threshold: float | None, least: float = 0.0, abstains: bool = False
    ) -> float | None:
        """Return the share of texts that are answered; None without a threshold.

        Parameters
        ----------
        threshold : float, optional
        least : float
            Probability that any label is given at, see `least_given`.
        abstains : bool
            Whether it is the model's threshold: texts without a known feature get no answer then.
        """
        if threshold is None:
            return None
        sure = np.where(self.is_blank, -1.0, self.confidence) if abstains else self.confidence
        return share_of(sure, max(threshold, least))


def share_of(confidence: np.ndarray, threshold: float) -> float:
    """Return the share of texts whose largest probability reaches a threshold; 0 without a text."""
    return float((confidence >= threshold).mean()) if confidence.size else 0.0


def least_given(model: Model, k: int | None = None) -> float:
    """Return the lowest probability that a model gives any label at.

    Parameters
    ----------
    model : Model
    k : int, optional
        Labels that each text is given; None = what the model decides.
    """
    return MULTILABEL_THRESHOLD if model.multilabel and k is None else 0.0


def likeliest(
    model: Model, texts: Texts, n_threads: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest label of each text, and its probability.

    Parameters
    ----------
    model : Model
    texts : Texts
    n_threads : int, optional

    Returns
    -------
    labels : int32[n_texts]
    confidence : float64[n_texts]
    """
    found = model.predict(texts, n_threads=n_threads)
    return found.labels[:, 0], found.probabilities[:, 0]


def novel_texts(
    path: str,
    model: Model,
    parts: Iterable[Texts],
    n_surest: int = 0,
    n_threads: int | None = None,
) -> Novel:
    """Ask a model about texts that belong to none of its labels, part by part.

    Parameters
    ----------
    path : str
        Their file.
    model : Model
    parts : iterable of Texts
    n_surest : int
        Texts that are kept.
    n_threads : int, optional

    Returns
    -------
    Novel
        Without a text if all texts are blank.
    """
    found, blank = [np.empty(0)], [np.empty(0, bool)]
    surest: list[SureText] = []
    is_blank = True
    for texts in parts:
        is_blank = is_blank and not texts.buffer.tobytes().strip()
        result = model.predict(texts, n_threads=n_threads)
        labels, confidence = result.labels[:, 0], result.probabilities[:, 0]
        found.append(confidence)
        blank.append(result.n_features == 0)
        for i in np.argsort(-confidence, kind="stable")[:n_surest].tolist():
            start, end = texts.offsets[i : i + 2]
            text = texts.buffer[start:end].tobytes().decode("utf-8", "surrogatepass")
            surest.append(SureText(text, int(labels[i]), float(confidence[i])))
        surest = sorted(surest, key=lambda each: -each.probability)[:n_surest]
    if is_blank:
        return Novel(path, np.empty(0), [], np.empty(0, bool))
    return Novel(path, np.concatenate(found), surest, np.concatenate(blank))


def told_apart(confidence: np.ndarray, result: Evaluation, novel: Novel) -> float | None:
    """Return how well the largest probability tells texts of known labels from novel ones.

    Parameters
    ----------
    confidence : float64[n]
        The largest probability of each text that a model is measured on; those whose first label
        it knows count.
    result : Evaluation
        Of these texts.
    novel : Novel

    Returns
    -------
    float or None
        As `area_under_roc`.
    """
    is_known = (result.first_gold >= 0) & (result.first_gold < result.n_known)
    return area_under_roc(confidence[is_known], novel.confidence)


def answered_by_own(
    model: Model,
    confidence: np.ndarray,
    right: np.ndarray,
    is_blank: np.ndarray | None = None,
) -> Answered | None:
    """Return what the model's own threshold answers; None where it has none.

    Parameters
    ----------
    model : Model
    confidence, right : float64[n], bool[n]
        As of `reliability`.
    is_blank : bool[n], optional
        Which are of texts without a known feature, which get no answer; default: none.

    Returns
    -------
    Answered or None
        Its `wanted` is 0.
    """
    if model.abstention is None:
        return None
    given = confidence >= model.abstention.value
    if is_blank is not None:
        given = given & ~is_blank
    n, hits = int(given.sum()), int(right[given].sum())
    share, accuracy = n / max(confidence.size, 1), hits / max(n, 1)
    return Answered(0.0, model.abstention.value, share, accuracy, lower_bound(hits, n), n)
