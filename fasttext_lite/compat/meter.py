"""fastText's metrics of a labelled file: precision, recall, F1 and their curves (meter.cc).

Examples without a known label, or without any row of the input table, do not count. A gold label
that is written twice counts twice.

The C++ program of 0.9.2 forgets the gold labels of each label, so that its ``test-label`` prints no
recall and an F1 of up to 2; here they are counted, as in the Python package.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from fasttext_lite.compat.files.dictionary import Dictionary, Examples, as_bytes, mapped
from fasttext_lite.compat.model import FastTextModel, Found
from fasttext_lite.errors import InputError
from fasttext_lite.parallel import cpu_count

ALL_LABELS = -1
MISSED = np.float32(-1)  # the score of a gold label that was not predicted


@dataclass(frozen=True)
class Counts:
    """Labels of examples: those that are right, those predicted, and both.

    The metrics are NaN where nothing was counted.
    """

    gold: int
    predicted: int
    both: int

    @property
    def precision(self) -> float:
        """Share of the predicted labels that are right."""
        return self.both / self.predicted if self.predicted else float("nan")

    @property
    def recall(self) -> float:
        """Share of the right labels that were predicted."""
        return self.both / self.gold if self.gold else float("nan")

    @property
    def f1_score(self) -> float:
        """Harmonic mean of precision and recall; 0 if labels were counted, but none matched."""
        total = self.predicted + self.gold
        return 2 * self.both / total if total else float("nan")


class Meter:
    """Counts and scores of the labels of examples.

    Labels are named by str, bytes or their number; None stands for all of them.

    Parameters
    ----------
    dictionary : Dictionary
        Of the model.

    Attributes
    ----------
    n_examples : int
        Examples that count.
    """

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        self.n_examples = 0
        n_labels = dictionary.n_labels
        self._gold, self._predicted, self._both = np.zeros((3, n_labels), np.int64)
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []  # labels, and keys of scores
        self._ends: np.ndarray | None = None  # of the labels, when the parts are sorted

    @classmethod
    def of(
        cls,
        model: FastTextModel,
        path: str | os.PathLike[str],
        k: int = 1,
        threshold: float = 0.0,
        n_threads: int | None = None,
    ) -> Meter:
        """Predict a labelled file and compare.

        Parameters
        ----------
        model : FastTextModel
        path : str or path-like
            Text with labels, one example in each line; may be gzipped.
        k : int
            Most labels predicted of each example; -1 = all.
        threshold : float
            Least probability of a label predicted.
        n_threads : int, optional
            Default: all processors.

        Raises
        ------
        InputError
            If the file cannot be opened.
        ValueError
            If `k` is 0 or below -1, or the model does not predict labels, and there is any example.
        """
        meter = cls(model.dictionary)
        with mapped(path) as data:
            for text, starts in model.blocks(data, k if k > 0 else ALL_LABELS):
                examples = model.dictionary.list(text, starts, n_threads or cpu_count())
                counted = (np.diff(examples.indptr) > 0) & (np.diff(examples.label_indptr) > 0)
                if counted.any():
                    found = model.predict(text, starts, k, threshold, n_threads)
                    meter.add(examples, found, counted)
        return meter

    def add(self, examples: Examples, found: Found, counted: np.ndarray) -> None:
        """Count examples.

        Parameters
        ----------
        examples : Examples
        found : Found
            The labels predicted of each.
        counted : bool[n_examples]
            Which examples count.
        """
        n_labels = self.dictionary.n_labels
        of_example = np.repeat(np.arange(counted.size), np.diff(examples.label_indptr))
        chosen = counted[of_example]
        gold = of_example[chosen] * n_labels + examples.labels[chosen]
        chosen = (found.labels >= 0) & counted[:, None]
        rows, places = np.nonzero(chosen)
        labels = found.labels[rows, places]
        predicted = rows * n_labels + labels
        scores = np.minimum(found.scores[rows, places], np.float32(1))
        is_gold = np.isin(predicted, gold)
        missed = gold[~np.isin(gold, predicted)] % n_labels if n_labels else gold

        self.n_examples += int(np.count_nonzero(counted))
        for total, these in (
            (self._gold, gold % max(n_labels, 1)), (self._predicted, labels),
            (self._both, labels[is_gold]),
        ):  # fmt: skip
            total += np.bincount(these, minlength=n_labels)
        keys = _keys_of(
            np.append(scores, np.full(missed.size, MISSED)),
            np.append(is_gold, np.ones(missed.size, bool)),
        )
        self._parts.append((np.append(labels, missed).astype(np.int32), keys))
        self._ends = None

    def label_id(self, label: int | str | bytes) -> int:
        """Return the number of a label.

        Raises
        ------
        InputError
            If the model has no such label.
        """
        dictionary = self.dictionary
        if isinstance(label, str | bytes):
            number = dictionary.find(as_bytes(label)) - dictionary.n_words
        else:
            number = int(label)
        if not 0 <= number < dictionary.n_labels:
            raise InputError(f"the model has no label {label!r}")
        return number

    def counts(self, label: int | str | bytes | None = None) -> Counts:
        """Return the counts of a label, or of all together."""
        if label is None:
            which: int | slice = slice(None)
        else:
            which = self.label_id(label)
        return Counts(
            int(self._gold[which].sum()), int(self._predicted[which].sum()),
            int(self._both[which].sum()),
        )  # fmt: skip

    def precision(self, label: int | str | bytes | None = None) -> float:
        """Return the share of the predicted labels that are right; NaN if there are none."""
        return self.counts(label).precision

    def recall(self, label: int | str | bytes | None = None) -> float:
        """Return the share of the right labels that were predicted; NaN if there are none."""
        return self.counts(label).recall

    def f1_score(self, label: int | str | bytes | None = None) -> float:
        """Return the harmonic mean of precision and recall.

        As in fastText, that of all labels is NaN where that of one label is 0: if none was right.
        """
        counts = self.counts(label)
        if label is None and not counts.both:
            return float("nan")
        return counts.f1_score

    def score_vs_true(
        self, label: int | str | bytes | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the score of each prediction of a label, and whether it is right.

        Returns
        -------
        scores : float32[n]
            Rising; -1 for a gold label that was not predicted.
        is_gold : float32[n]
            1 or 0.
        """
        keys = self._sorted_keys(label)
        return _scores_of(keys), (keys & 1).astype(np.float32)

    def _sorted_keys(self, label: int | str | bytes | None) -> np.ndarray:
        """Return the keys, see `_keys_of`, of a label in rising order."""
        if len(self._parts) > 1 or self._ends is None:
            labels = np.concatenate([np.empty(0, np.int32), *(part[0] for part in self._parts)])
            keys = np.concatenate([np.empty(0, np.int64), *(part[1] for part in self._parts)])
            order = np.argsort(labels, kind="stable")
            labels, keys = labels[order], keys[order]
            self._parts = [(labels, keys)]
            self._ends = np.searchsorted(labels, np.arange(self.dictionary.n_labels + 1))
        keys = self._parts[0][1]
        if label is not None:
            number = self.label_id(label)
            keys = keys[self._ends[number] : self._ends[number + 1]]
        return np.sort(keys)

    def _positives(self, label: int | str | bytes | None) -> tuple[np.ndarray, np.ndarray]:
        """Return how many predictions of at least each score are right, and how many wrong."""
        keys = self._sorted_keys(label)
        keys = keys[keys >= 0][::-1]
        scores = keys >> 1
        last = np.append(scores[1:] != scores[:-1], True)[: scores.size]
        right = np.cumsum(keys & 1)[last]
        return right, np.flatnonzero(last) + 1 - right

    def precision_recall_curve(
        self, label: int | str | bytes | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return precision and recall of predictions above each score, highest first.

        It ends where the recall is as high as it can be, and then with precision 1 at recall 0.

        Returns
        -------
        precision, recall : float64[n]
            Empty if there is no prediction.
        """
        right, wrong = self._positives(label)
        if not right.size:
            return np.empty(0), np.empty(0)
        n_gold = self.counts(label).gold
        end = int(np.searchsorted(right, n_gold)) + 1
        right, wrong = right[:end], wrong[:end]
        precision = right / (right + wrong)
        recall = right / n_gold if n_gold else np.full(right.size, np.nan)
        return np.append(precision, 1.0), np.append(recall, 0.0)

    def precision_at_recall(self, recall: float, label: int | str | bytes | None = None) -> float:
        """Return the highest precision with at least this recall; 0 if there is none."""
        precisions, recalls = self.precision_recall_curve(label)
        return float(precisions[recalls >= recall].max(initial=0.0))

    def recall_at_precision(
        self, precision: float, label: int | str | bytes | None = None
    ) -> float:
        """Return the highest recall with at least this precision; 0 if there is none."""
        precisions, recalls = self.precision_recall_curve(label)
        # With no gold label a recall is NaN, which fastText passes over.
        return float(np.nan_to_num(recalls[precisions >= precision]).max(initial=0.0))


def _keys_of(scores: np.ndarray, is_gold: np.ndarray) -> np.ndarray:
    """Return int64 numbers that sort by score, then wrong before right; below 0 for `MISSED`.

    The bits of float32 numbers from 0 on rise as the numbers do.
    """
    bits = np.ascontiguousarray(scores, np.float32).view(np.int32).astype(np.int64)
    return 2 * bits + is_gold


def _scores_of(keys: np.ndarray) -> np.ndarray:
    """Return the scores in keys of `_keys_of`."""
    return (keys >> 1).astype(np.int32).view(np.float32)
