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
    alone is looked at. 0 if no threshold reaches R.
``recall-at-precision:P`` and ``recall-at-precision:P:LABEL``
    Highest recall among the thresholds that reach precision P, in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fasttext_lite.config.foreign import not_a_choice
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.evaluation.scores import evaluate
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.model.decisions import figure_name
from fasttext_lite.model.model import Model, most_texts

PAIRS = 100
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
                    f"metric {kind} needs a number above 0 and up to 1, as in {kind}:0.9; "
                    f"got {text!r}"
                )
            return cls(kind, level, label or None)
        raise ValueError(not_a_choice("metric", text, METRICS))

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
        if self.kind in LEVELS:
            return self._at_level(*self._pairs(model, features, gold, n_threads))
        result = evaluate(model, features, gold, n_threads=n_threads)
        if self.kind == "accuracy":
            return result.accuracy
        if self.kind == "macro-f1":
            return result.macro_f1
        if self.kind == "micro-f1":
            return result.micro_f1
        return float(result.per_label()[2][result.names.index(str(self.label))])

    def _pairs(
        self, model: Model, features: FeatureMatrix, gold: Labels, n_threads: int | None
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Return probability and truth of each decision, and the number of true labels."""
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
            return np.concatenate(probabilities), own, int(own.sum())
        pairs = gold_docs * n_names + gold.ids
        k = min(PAIRS, len(model.labels))
        step = most_texts(len(model.labels), k)
        for start in range(0, n, step):
            part = features.slice(start, min(start + step, n))
            found = model.predict(part, k, 0.0, n_threads)
            docs = start + np.arange(len(part))[:, None]
            truth.append(np.isin(docs * n_names + found.labels, pairs).ravel())
            probabilities.append(found.probabilities.ravel())
        return np.concatenate(probabilities), np.concatenate(truth), gold.ids.size

    def _at_level(self, probabilities: np.ndarray, truth: np.ndarray, n_true: int) -> float:
        order = np.argsort(-probabilities, kind="stable")
        values, right = probabilities[order], np.cumsum(truth[order])
        # A threshold takes all decisions of equal probability.
        ends = np.flatnonzero(np.append(values[1:] < values[:-1], True))
        precision = right[ends] / (ends + 1)
        recall = right[ends] / max(n_true, 1)
        wanted, reached = precision, recall
        if self.kind == "recall-at-precision":
            wanted, reached = recall, precision
        return float(wanted[reached >= (self.level or 0.0)].max(initial=0.0))

    def check(self, names: Sequence[str]) -> None:
        """Raise `ValueError` if the label of the metric is not among the names."""
        if self.label is not None and self.label not in names:
            shown = ", ".join(list(names)[:10]) + ", ..." * (len(names) > 10)
            raise ValueError(
                f"metric {self}: the training rows have no label {self.label!r}; they have {shown}"
            )
