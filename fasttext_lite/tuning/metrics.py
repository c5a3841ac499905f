"""What tuning maximises: one figure of a model on validation data.

Definitions, all in [0, 1]:

``accuracy``
    Share of texts whose likeliest label is one of their own; where training texts have several
    labels, share of exact matches: texts for which `FastTextClassifier.predict` returns all of
    their labels and no others. As ``fasttext-lite test`` has both.
``macro-f1``, ``micro-f1``, ``f1:LABEL``
    F1 of what `FastTextClassifier.predict` returns: the likeliest label where each training text
    has exactly one, all labels of probability 0.5 or more otherwise. Macro: the mean over the
    labels that occur; micro: of all decisions together; with a name: of that label.
``precision-at-recall:R`` and ``precision-at-recall:R:LABEL``
    Highest precision among the thresholds that reach recall R. A decision is a pair of a text
    and a label; it is taken when its probability reaches the threshold. All labels share one
    threshold and are counted together (at most the `PAIRS` likeliest of each text), or LABEL
    alone is looked at. 0 if no threshold reaches R. The probabilities are those of a model that is
    calibrated, as the final one is; see `tuning.thresholds` for its threshold.
``recall-at-precision:P`` and ``recall-at-precision:P:LABEL``
    Highest recall among the thresholds that reach precision P, in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from fasttext_lite.config.foreign import not_a_choice
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.errors import bounded
from fasttext_lite.evaluation.scores import evaluate
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.model.decisions import figure_name
from fasttext_lite.model.model import Model, most_texts
from fasttext_lite.model.threshold import PAIRS, Threshold

# Of the scores: what another order of sums changes. Probabilities so near are one.
NOISE = 2e-6
PLAIN = ("accuracy", "macro-f1", "micro-f1")
LEVELS = ("precision-at-recall", "recall-at-precision")
METRICS = (*PLAIN, "f1:LABEL", *(f"{name}:X[:LABEL]" for name in LEVELS))


@dataclass(frozen=True)
class Metric:
    """A figure to maximise; see the module for the definitions.

    Attributes
    ----------
    kind : str
        One of `PLAIN`, "f1", or one of `LEVELS`.
    level : float, optional
        The recall or precision to be reached.
    label : str, optional
        The only label looked at.
    """

    kind: str
    level: float | None = None
    label: str | None = None

    @classmethod
    def parse(cls, text: str) -> Metric:
        """Read a metric's name.

        Raises
        ------
        ValueError
            If there is no such metric.
        """
        if not isinstance(text, str):
            raise ValueError(not_a_choice("metric", text, METRICS))
        kind, _, rest = text.partition(":")
        if text in PLAIN:
            return cls(kind)
        if kind == "f1" and rest:
            return cls(kind, label=rest)
        if kind in LEVELS:
            number, _, label = rest.partition(":")
            try:
                level = float(number)
            except ValueError:
                level = -1.0
            if not 0 < level <= 1:
                raise ValueError(
                    bounded(
                        f"metric {kind} needs a number above 0 and up to 1, as in {kind}:0.9; "
                        f"got {text!r}"
                    )
                )
            return cls(kind, level, label or None)
        raise ValueError(not_a_choice("metric", text, METRICS))

    @property
    def level_asked(self) -> float:
        """The recall or precision to be reached; 0 where there is none."""
        return self.level or 0.0

    def __str__(self) -> str:
        level = None if self.level is None else f"{self.level:g}"
        return ":".join(part for part in (self.kind, level, self.label) if part is not None)

    def name(self, multilabel: bool) -> str:
        """Return what the figure of a model of one label or several to a text is called."""
        return figure_name(multilabel) if self.kind == "accuracy" else str(self)

    def score(
        self, model: Model, features: FeatureMatrix, gold: Labels, n_threads: int | None = None
    ) -> float:
        """Measure a model.

        Parameters
        ----------
        model : Model
        features : FeatureMatrix
            Of the validation texts, in the model's feature space.
        gold : Labels
            Their true labels; the first names are those of the model, in its order. Labels
            after them are unknown to the model: errors.
        n_threads : int, optional

        Returns
        -------
        float
        """
        if self.has_threshold:
            return self.best([self.pairs(model, features, gold, n_threads)]).score
        result = evaluate(model, features, gold, n_threads=n_threads)
        if self.kind == "accuracy":
            return result.accuracy
        if self.kind == "macro-f1":
            return result.macro_f1
        if self.kind == "micro-f1":
            return result.micro_f1
        return float(result.per_label()[2][result.names.index(str(self.label))])

    @property
    def has_threshold(self) -> bool:
        """Whether the figure is that of the best threshold."""
        return self.kind in LEVELS

    def pairs(
        self, model: Model, features: FeatureMatrix, gold: Labels, n_threads: int | None = None
    ) -> Pairs:
        """Return the decisions that a threshold is to make, of a model on some texts.

        Parameters
        ----------
        model, features, gold, n_threads
            As of `score`.
        """
        gold = gold.without_repeats()
        n, n_names = len(features), len(gold.names)
        gold_docs = np.repeat(np.arange(n), np.diff(gold.indptr))
        probabilities, truth = [], []
        if self.label is not None:
            label = gold.names.index(self.label)
            own = np.zeros(n, bool)
            own[gold_docs[gold.ids == label]] = True
            step = most_texts(len(model.labels), len(model.labels))
            for start in range(0, n, step):
                part = features.slice(start, min(start + step, n))
                probabilities.append(model.probabilities(part, n_threads)[:, label])
            return Pairs(np.concatenate(probabilities), own, int(own.sum()), n)
        pairs = gold_docs * n_names + gold.ids
        k = min(PAIRS, len(model.labels))
        step = most_texts(len(model.labels), k)
        for start in range(0, n, step):
            part = features.slice(start, min(start + step, n))
            found = model.predict(part, k, 0.0, n_threads)
            docs = start + np.arange(len(part))[:, None]
            truth.append(np.isin(docs * n_names + found.labels, pairs).ravel())
            probabilities.append(found.probabilities.ravel())
        return Pairs(np.concatenate(probabilities), np.concatenate(truth), gold.ids.size, n)

    def best(self, parts: Sequence[Pairs]) -> Level:
        """Return the best threshold for the decisions of some parts together."""
        probabilities = np.concatenate([part.probabilities for part in parts])
        truth = np.concatenate([part.truth for part in parts])
        order = np.argsort(-probabilities, kind="stable")
        values, right = probabilities[order], np.cumsum(truth[order])
        # A threshold takes all decisions of equal probability.
        drops = values[:-1] - values[1:] > NOISE * values[:-1] * (1 - values[:-1])
        ends = np.flatnonzero(np.append(drops, True))
        precision = right[ends] / (ends + 1)
        recall = right[ends] / max(sum(part.n_true for part in parts), 1)
        wanted, reached = precision, recall
        if self.kind == "recall-at-precision":
            wanted, reached = recall, precision
        good = np.flatnonzero(reached >= self.level_asked)
        highest = float(reached.max(initial=0.0))
        if not good.size:
            return Level(0.0, None, highest)
        best = good[np.lexsort((reached[good], wanted[good]))[-1]]
        end = ends[best]
        below = values[end + 1] if end + 1 < values.size else 0.0
        threshold = Threshold(
            value=_between(float(below), float(values[end])),
            metric=str(self),
            label=self.label,
            precision=float(precision[best]),
            recall=float(recall[best]),
            n_texts=sum(part.n_texts for part in parts),
        )
        return Level(float(wanted[best]), threshold, highest)

    def why_zero(self, reached: float | None, n_trials: int, n_texts: int, multilabel: bool) -> str:
        """Return why all trials score 0, and what to do.

        Parameters
        ----------
        reached : float, optional
            The highest recall or precision of all trials, of the one that is to be reached.
        n_trials, n_texts : int
            Number of trials, and of the texts that they were judged by.
        multilabel : bool
        """
        tried = f"{n_trials} trial{'s' * (n_trials != 1)} on {n_texts:,} rows to validate on"
        if self.has_threshold:
            what = "recall" if self.kind == "precision-at-recall" else "precision"
            most = "" if reached is None else f", {reached:.4f} is the highest"
            return (
                f"{self}: no threshold reaches a {what} of {self.level_asked:g} in {tried}{most}: "
                "ask for less"
            )
        if self.label is not None:
            return (
                f"{self} is 0 in {tried}: none finds the label {self.label!r}: it takes more rows "
                "of it, or precision-at-recall, which gives it below a probability of 0.5, too"
            )
        why = "none gets a row right: see whether texts and labels belong together"
        if multilabel and self.kind == "accuracy":
            why = "none finds all labels of a row and no others: micro-f1 counts each by itself"
        elif multilabel:
            why = "none gives a row one of its labels with a probability of 0.5: train longer"
        return f"{self.name(multilabel)} is 0 in {tried}: {why}"

    def check(self, names: Sequence[str], judged: Collection[str] | None = None) -> None:
        """Raise `ValueError` if the label of the metric does not occur.

        Parameters
        ----------
        names : sequence of str
            Of the training rows.
        judged : collection of str, optional
            Of the rows to validate on.
        """
        if self.label is None:
            return
        for rows, found in (("training rows", names), ("rows to validate on", judged)):
            if found is not None and self.label not in found:
                shown = ", ".join(list(found)[:10]) + ", ..." * (len(found) > 10)
                raise ValueError(
                    bounded(
                        f"metric {self}: the {rows} have no label {self.label!r}; they have {shown}"
                    )
                )


@dataclass(frozen=True)
class Pairs:
    """Decisions that a threshold is to make.

    Attributes
    ----------
    probabilities : float64[n_pairs]
    truth : bool[n_pairs]
        Whether the text has the label.
    n_true : int
        Number of true labels, those that are in no decision included.
    n_texts : int
    """

    probabilities: np.ndarray
    truth: np.ndarray
    n_true: int
    n_texts: int


@dataclass(frozen=True)
class Level:
    """What the best threshold reaches.

    Attributes
    ----------
    score : float
        0 if no threshold reaches what is asked for.
    threshold : Threshold, optional
    highest : float
        The highest that any threshold reaches of what is asked for.
    """

    score: float
    threshold: Threshold | None
    highest: float


def _between(low: float, high: float) -> float:
    """Return a number of few digits well between two others; the higher one if they are too near.

    So the threshold parts the same decisions where a sum is taken in another order.
    """
    middle, room = (low + high) / 2, (high - low) / 4
    for digits in range(1, 17):
        short = float(f"{middle:.{digits}g}")
        if low + room <= short <= high - room:
            return short
    return high
