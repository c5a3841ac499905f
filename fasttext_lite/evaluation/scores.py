"""Measure predictions against true labels: accuracy, precision, recall, F1, confusion.

What is measured where neither k nor threshold is given, and when a text is right, is decided in
`model.decisions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.evaluation.ranking import (
    LEAST_TEXTS,
    precision_at_k,
    propensities,
    propensity_scored_precision_at_k,
)
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.model.calibration import calibration_error
from fasttext_lite.model.decisions import (
    MULTILABEL_THRESHOLD,
    decide_by,
    decide_in_parts,
    figure_name,
    right_texts,
)
from fasttext_lite.model.model import ALL_LABELS, Model, Predictions, check_top, most_texts
from fasttext_lite.model.threshold import Threshold

RANKS = (1, 3, 5)  # of the first labels that a model of several labels is measured by


@dataclass(frozen=True)
class Evaluation:
    """Counts of a test run, and the usual figures made of them.

    Attributes
    ----------
    names : list of str
        Labels of the model, then the labels that only the test data have.
    n_known : int
        How many of `names` the model knows.
    n : int
        Number of texts.
    n_right : int
        Texts whose first predicted label is one of their own; of a model of several labels, texts
        all of whose labels are predicted, and no others. See `decisions.right_texts`.
    hits, predicted, gold : int64[n_names]
        For each label: right predictions, predictions, occurrences in the test data.
    n_unseen_texts : int
        Texts with at least one label that the model does not know; they count as errors.
    n_unknown_texts : int
        Texts without a known feature; their labels are those of the class prior.
    first_gold, first_found : int[n]
        The first true and the first predicted label of each text, as positions in `names`;
        -1 = none.
    k : int or None
        Most labels predicted for a text; None = as many as reach the threshold, which is how a
        model of several labels decides.
    threshold : float
    multilabel : bool
        Whether the model is of several labels for each text.
    calibration_error : float
        Expected calibration error of the first predicted label of each text, of a model of several
        labels of all that are predicted; see `model.calibration.calibration_error`.
    confidence, right : float64[n_judged], bool[n_judged]
        What `calibration_error` is measured of: the probability of the first predicted label of
        each text, of a model of several labels of all that are predicted, and whether it is one of
        the text's. For `evaluation.reliability`.
    is_blank : bool[n_judged]
        Whether it is of a text of which the model knows no feature.
    precision_at, psp_at : dict of int to float
        Of a model of several labels where k is given and no threshold: the precision of the first
        labels of each text, by their number, 1, 3 and 5 up to k, and the propensity-scored
        precision; see `evaluation.ranking`. Propensities are of the model's training texts.
    """

    names: list[str]
    n_known: int
    n: int
    n_right: int
    hits: np.ndarray
    predicted: np.ndarray
    gold: np.ndarray
    n_unseen_texts: int
    n_unknown_texts: int
    first_gold: np.ndarray
    first_found: np.ndarray
    k: int | None
    threshold: float
    multilabel: bool = False
    calibration_error: float = 0.0
    confidence: np.ndarray = field(default_factory=lambda: np.empty(0))
    right: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    is_blank: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    precision_at: dict[int, float] = field(default_factory=dict)
    psp_at: dict[int, float] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """Share of right texts; to be shown by the name that `figure` gives."""
        return self.n_right / max(self.n, 1)

    @property
    def figure(self) -> str:
        """What `accuracy` is called: accuracy, or exact match of a model of several labels."""
        return figure_name(self.multilabel)

    @property
    def precision(self) -> float:
        """Right predictions among all predictions (fastText's P@k); 0 without any."""
        return float(self.hits.sum() / max(self.predicted.sum(), 1))

    @property
    def recall(self) -> float:
        """Right predictions among all true labels (fastText's R@k)."""
        return float(self.hits.sum() / max(self.gold.sum(), 1))

    @property
    def micro_f1(self) -> float:
        """F1 of all decisions together: the harmonic mean of precision and recall."""
        return float(2 * self.hits.sum() / max(self.predicted.sum() + self.gold.sum(), 1))

    def per_label(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return precision, recall and F1 of each label, float64[n_names]; 0 for 0 / 0."""
        precision = self.hits / np.maximum(self.predicted, 1)
        recall = self.hits / np.maximum(self.gold, 1)
        f1 = 2 * self.hits / np.maximum(self.predicted + self.gold, 1)
        return precision, recall, f1

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the labels that occur in the test data or in the predictions."""
        f1 = self.per_label()[2]
        n_used = np.count_nonzero(self.gold + self.predicted)
        return float(f1.sum() / max(n_used, 1))

    @property
    def confusion(self) -> np.ndarray:
        """Texts by first true (rows) and first predicted label, int64[n_names, n_names].

        Needs memory in proportion to the square of the number of labels.
        """
        both = (self.first_gold >= 0) & (self.first_found >= 0)
        counts = np.zeros((len(self.names), len(self.names)), np.int64)
        np.add.at(counts, (self.first_gold[both], self.first_found[both]), 1)
        return counts


def evaluate(
    model: Model,
    texts: Texts | FeatureMatrix,
    gold: Labels | Sequence[Sequence[str]],
    k: int | None = None,
    threshold: float | Threshold | None = None,
    n_threads: int | None = None,
) -> Evaluation:
    """Predict texts and compare with their true labels.

    Parameters
    ----------
    model : Model
    texts : Texts or FeatureMatrix
        Texts, or their features in the space of the model.
    gold : Labels or sequence of sequences of str
        True labels of each text, by any numbers or by name; a label that the model does not
        know counts as not found. Id -1 (a label without a name) only counts its text as one
        with an unseen label.
    k, threshold : optional
        See `Model.predict`; without the other one, k is 1 and the threshold 0. Without both, the
        model is measured by what it decides; see `decisions.decide`. A `Threshold` of one label
        is for that label alone, see `decisions.decide_by`.
    n_threads : int, optional

    Returns
    -------
    Evaluation
    """
    given = gold if isinstance(gold, Labels) else Labels.from_rows(gold)
    unseen = sorted(set(given.used()) - set(model.labels))
    names = [*model.labels, *unseen]
    own = given.renamed(names).without_repeats()
    n, n_known = len(texts), len(model.labels)
    found = _Counts(own, len(names), model.multilabel)
    if k is None and threshold is None:
        k, threshold = (None, MULTILABEL_THRESHOLD) if model.multilabel else (1, 0.0)
        parts = decide_in_parts(model, texts, n_threads)
    else:
        k, threshold = 1 if k is None else k, 0.0 if threshold is None else threshold
        value = threshold.value if isinstance(threshold, Threshold) else threshold
        check_top(k, value)
        k = n_known if k == ALL_LABELS else k
        parts = _predict_in_parts(model, texts, k, threshold, n_threads)
        threshold = value
    for start, predictions in parts:
        found.add(start, predictions)
    has_gold = np.diff(own.indptr) > 0
    first_gold = np.full(n, -1, np.int32)
    first_gold[has_gold] = own.ids[own.indptr[:-1][has_gold]]
    is_unseen = (own.ids >= n_known) | (own.ids < 0)
    return Evaluation(
        names=names, n_known=n_known, n=n, n_right=found.n_right, hits=found.hits,
        predicted=found.predicted, gold=own.counts(),
        n_unseen_texts=np.unique(found.docs[is_unseen]).size, n_unknown_texts=found.n_unknown,
        first_gold=first_gold, first_found=found.first_found, k=None if k is None else int(k),
        threshold=float(threshold), multilabel=model.multilabel,
        **found.judged(), **_ranked(model, found, k, threshold),
    )  # fmt: skip


def _ranked(model: Model, found: _Counts, k: int | None, threshold: float) -> dict[str, Any]:
    """Return `Evaluation.precision_at` and `Evaluation.psp_at`, where there are any."""
    if k is None or threshold or not model.multilabel or not len(found.own):
        return {}
    ranks = [rank for rank in RANKS if rank <= k]
    gold, first = found.own, np.concatenate(found.first_labels)
    measured: dict[str, Any] = {
        "precision_at": dict(zip(ranks, precision_at_k(first, gold, ranks), strict=True))
    }
    if model.n_texts >= LEAST_TEXTS:
        counts = np.zeros(found.n_names, np.int64)
        counts[: model.label_counts.size] = model.label_counts
        chances = propensities(counts, model.n_texts)
        scored = propensity_scored_precision_at_k(first, gold, chances, ranks)
        measured["psp_at"] = dict(zip(ranks, scored, strict=True))
    return measured


def _predict_in_parts(
    model: Model,
    texts: Texts | FeatureMatrix,
    k: int,
    threshold: float | Threshold,
    n_threads: int | None,
) -> Iterator[tuple[int, Predictions]]:
    """Predict some texts after others, in bounded memory."""
    looks_at_all = isinstance(threshold, Threshold)
    n, step = len(texts), most_texts(len(model.labels), ALL_LABELS if looks_at_all else k)
    for start in range(0, max(n, 1), step):
        part = texts.slice(start, min(start + step, n))
        if isinstance(threshold, Threshold):
            yield start, decide_by(model, part, threshold, k, n_threads)
        else:
            yield start, model.predict(part, k, threshold, n_threads)


class _Counts:
    """What is counted of predictions, part by part; attributes as of `Evaluation`.

    Parameters
    ----------
    own : Labels
        The true labels of all texts.
    n_names : int
    multilabel : bool

    Attributes
    ----------
    docs : int64[n_label_occurrences]
        The text of each true label.
    first_labels : list of int32[n_texts, at most 5]
        Of the texts of each part.
    """

    def __init__(self, own: Labels, n_names: int, multilabel: bool) -> None:
        n = len(own)
        self.own, self.n_names, self.multilabel = own, n_names, multilabel
        self.docs = np.repeat(np.arange(n), np.diff(own.indptr))
        # A pair of text and label as one number.
        self._pairs = self.docs[own.ids >= 0] * n_names + own.ids[own.ids >= 0]
        self.hits, self.predicted = np.zeros(n_names, np.int64), np.zeros(n_names, np.int64)
        self.first_found = np.empty(n, np.int32)
        self.first_labels: list[np.ndarray] = []
        self._judged: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.n_right = self.n_unknown = 0

    def add(self, start: int, result: Predictions) -> None:
        """Count the predictions of texts from number `start` on."""
        docs, ranks = np.nonzero(result.labels >= 0)
        ids = result.labels[docs, ranks]
        right = np.isin((docs + start) * self.n_names + ids, self._pairs)
        self.hits += np.bincount(ids[right], minlength=self.n_names)
        self.predicted += np.bincount(ids, minlength=self.n_names)
        self.first_found[start : start + len(result.labels)] = result.labels[:, 0]
        self.first_labels.append(result.labels[:, : max(RANKS)])
        counts = (ranks == 0) | self.multilabel
        blank = result.n_features[docs] == 0
        found = result.probabilities[docs, ranks][counts], right[counts], blank[counts]
        self._judged.append(found)
        own = self.own.take(np.arange(start, start + len(result.labels)))
        self.n_right += int(right_texts(result.labels, own, self.multilabel).sum())
        self.n_unknown += int((result.n_features == 0).sum())

    def judged(self) -> dict[str, Any]:
        """Return `confidence` and what goes with it of `Evaluation`, by name."""
        confidence, right, is_blank = map(np.concatenate, zip(*self._judged, strict=True))
        return {
            "confidence": confidence, "right": right, "is_blank": is_blank,
            "calibration_error": calibration_error(confidence, right),
        }  # fmt: skip
