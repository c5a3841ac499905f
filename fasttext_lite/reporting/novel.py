"""What a report tells of texts that belong to no label of the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fasttext_lite.evaluation.novelty import Novel, SureText, least_given, share_of, told_apart
from fasttext_lite.evaluation.reliability import Answered
from fasttext_lite.reporting.marks import Marked, marked
from fasttext_lite.reporting.measured import Measured

MOST_NOVEL = 20  # the surest ones


@dataclass(frozen=True)
class NovelFindings:
    """Texts of no known label beside those that a model is measured on.

    Attributes
    ----------
    texts : Novel
    area : float, optional
        Under the ROC curve of the largest probability.
    answered : list of float or None
        Shares of the novel texts, for the thresholds of a list of `Answered`.
    threshold : float, optional
        The model's own; of a model of several labels at least what any label is given at.
    own, known : float
        Shares of the novel texts, and of those measured on, that are answered by `threshold`, or
        without one.
    surest : list of (SureText, Marked)
    """

    texts: Novel
    area: float | None
    answered: list[float | None]
    threshold: float | None
    own: float
    known: float
    surest: list[tuple[SureText, Marked]]


def novel_findings(measured: Measured, answers: list[Answered], novel: Novel) -> NovelFindings:
    """Return what there is to tell of novel texts.

    Parameters
    ----------
    measured : Measured
        Texts of known labels.
    answers : list of Answered
        Of these.
    novel : Novel
    """
    model = measured.model
    least = least_given(model)
    own = None if model.abstention is None else max(model.abstention.value, least)
    threshold, known = least if own is None else own, measured.confidence
    if own is not None and not model.multilabel:  # texts without a known feature get no answer
        known = np.where(measured.result.is_blank, -1.0, known)
    return NovelFindings(
        texts=novel, area=told_apart(measured.confidence, measured.result, novel),
        answered=[novel.answered(each.threshold) for each in answers], threshold=own,
        own=novel.answered(threshold, abstains=own is not None) or 0.0,
        known=share_of(known, threshold),
        surest=[(each, marked(model, each.text, each.label)) for each in novel.surest],
    )  # fmt: skip


def curves(measured: Measured, found: NovelFindings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how many texts are answered by each of some thresholds.

    Parameters
    ----------
    measured : Measured
    found : NovelFindings

    Returns
    -------
    thresholds, known, novel : float64[n]
        Shares of the texts measured on, and of the novel ones.
    """
    thresholds = np.linspace(0, 1, 201)
    shares = []
    for confidence in (measured.confidence, found.texts.confidence):
        rising = np.sort(confidence)
        shares.append(1 - np.searchsorted(rising, thresholds, "left") / max(rising.size, 1))
    return thresholds, shares[0], shares[1]
