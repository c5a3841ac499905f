"""What makes probabilities mean what they say, of texts that were not trained on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from fasttext_lite.config.losses import Loss
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.disk.promise import promised
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting.measures import first_right
from fasttext_lite.model.calibration import MOST_LEAVES, Calibration, calibration_error
from fasttext_lite.model.decisions import MULTILABEL_THRESHOLD, decide_in_parts
from fasttext_lite.model.model import Model

LEAST_TEXTS = 40  # fewer would say what chance says
MOST_TEXTS, MOST_SCORES = 4_000, 4_000_000  # that a calibration is fitted on, in each part
FACTORS = (1e-3, 1e4)  # of scores, the least and the most
BISECTIONS = 24
SCALES = (0.05, 20.0)  # of the scores of one-vs-all losses, in units of their own
SECTIONS = 14
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class _Decisions:
    """Scores, targets and weights, float64[n, n_scores], [n, n_scores] and [n, 1]."""

    scores: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def softened(self, together: bool) -> _Decisions:
        """Return the same with targets a little off 0 and 1: for none is an endless factor best."""
        share, least = 1.0 / (len(self.scores) + 1), 0.5
        if together:
            least = 1.0 / self.scores.shape[1]
        targets = self.targets + share * (least - self.targets)
        return _Decisions(self.scores, targets, self.weights)

    def factor(self, together: bool) -> tuple[float, float]:
        """Return the factor of the scores under which the targets are likeliest, and their loss.

        The log loss is convex in the factor: the zero of its slope is found by bisection.

        Parameters
        ----------
        together : bool
            Whether the probabilities are a softmax over each row; else each is a sigmoid.
        """
        scores = self.scores - self.scores.max(axis=1, keepdims=True) * together
        pull = float((self.weights * self.targets * scores).sum())
        low, high = np.log(FACTORS)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            p = _probabilities(np.exp(middle) * scores, together)
            if float((self.weights * p * scores).sum()) > pull:
                high = middle
            else:
                low = middle
        factor = float(np.exp((low + high) / 2))
        z = factor * scores
        totals = np.log(np.exp(z).sum(axis=1, keepdims=True)) if together else np.logaddexp(0, z)
        return factor, float((self.weights * totals).sum()) - factor * pull

    def power(self) -> Calibration:
        """Return scale and power of sigmoids under which the targets are likeliest.

        For each scale there is one best power; the scale is found by golden section.
        """

        def of_scale(log: float) -> tuple[float, Calibration]:
            scale = float(np.exp(log))
            logs = -np.logaddexp(0, -scale * self.scores)
            power, loss = _Decisions(logs, self.targets, self.weights).factor(True)
            return loss, Calibration(scale, power)

        low, high = np.log(SCALES)
        inner = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
        found = [of_scale(each) for each in inner]
        for _ in range(SECTIONS):
            if found[0][0] < found[1][0]:
                high = inner[1]
                inner = [high - GOLDEN * (high - low), inner[0]]
                found = [of_scale(inner[0]), found[0]]
            else:
                low = inner[0]
                inner = [inner[1], low + GOLDEN * (high - low)]
                found = [found[1], of_scale(inner[1])]
        return min(found, key=lambda pair: pair[0])[1]


def _probabilities(scores: np.ndarray, together: bool) -> np.ndarray:
    if not together:
        return 0.5 * (1 + np.tanh(0.5 * scores))
    p = np.exp(scores)
    return p / p.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Judged:
    """What a model says of texts that it was not trained on.

    Attributes
    ----------
    loss : Loss
        Of the model.
    together : bool
        Whether the probabilities of a text sum to 1.
    right : bool[n_texts]
        Whether the likeliest label of each text is one of its own.
    weights : float64[n_texts]
    decisions : _Decisions
        Of the texts that have a feature and known labels, or as many as are enough.
    multilabel : bool
        Of the model.
    n_blank : int
        Number of the texts beside these that have no feature.
    blank : float64[n_given], bool[n_given]
        What `answers` says of those.
    """

    loss: Loss
    together: bool
    right: np.ndarray
    weights: np.ndarray
    decisions: _Decisions
    multilabel: bool
    n_blank: int
    blank: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(
        cls, model: Model, features: FeatureMatrix, labels: Labels, weights: np.ndarray
    ) -> Judged:
        """Let a model judge texts.

        Parameters
        ----------
        model : Model
        features, labels : FeatureMatrix, Labels
            Of the texts; ids of labels are the model's, others are unknown.
        weights : float64[n_texts]
        """
        right = first_right(model, features, labels, 1)
        n_features, sizes = np.diff(features.indptr), np.diff(labels.indptr)
        good = (n_features > 0) & (sizes > 0)
        foreign = (labels.ids < 0) | (labels.ids >= len(model.labels))
        good[np.repeat(np.arange(len(good)), sizes)[foreign]] = False
        limit = promised()
        scores = MOST_SCORES if limit is None else min(MOST_SCORES, limit.scores)
        most = max(min(MOST_TEXTS, scores // len(model.labels)), 1)
        docs = np.flatnonzero(good)[:most]
        decisions = _decisions(model, features.take(docs), labels.take(docs), weights[docs])
        blank = np.flatnonzero(n_features == 0)
        if docs.size == most:
            blank = blank[blank < docs[-1]]
        return cls(
            model.loss, model.is_distribution, right, weights, decisions, model.multilabel,
            blank.size, answers(model, features.take(blank), labels.take(blank)),
        )  # fmt: skip


def _decisions(
    model: Model, features: FeatureMatrix, labels: Labels, weights: np.ndarray
) -> _Decisions:
    """Return the scores of all labels, those of a tree log-probabilities, with targets."""
    docs = np.repeat(np.arange(len(labels)), np.diff(labels.indptr))
    if model.tree is None:
        scores = (model.embed(features, 1) @ model.output.T).astype(np.float64)
    else:
        scores = model.replace(calibration=Calibration(1.0)).scores(features, 1)
    targets = np.zeros(scores.shape)
    targets[docs, labels.ids] = 1
    if model.is_distribution:
        targets /= targets.sum(axis=1, keepdims=True)
    return _Decisions(scores, targets, weights[:, None])


def _joined(parts: list[Judged]) -> _Decisions:
    """Return the decisions of several models."""
    names = ("scores", "targets", "weights")
    found = [part.decisions for part in parts]
    return _Decisions(*(np.concatenate([getattr(each, name) for each in found]) for name in names))


def text_losses(parts: list[Judged]) -> tuple[np.ndarray, np.ndarray]:
    """Return the log loss of each text, under the best factor for all scores, and its weight.

    Texts without a feature or a label are left out.

    Parameters
    ----------
    parts : list of Judged
        One for each fold.

    Returns
    -------
    losses, weights : float64[n_texts]
    """
    together, found = parts[0].together, _joined(parts)
    z = found.softened(together).factor(together)[0] * found.scores
    if together:
        z -= z.max(axis=1, keepdims=True)
        totals = np.log(np.exp(z).sum(axis=1))
    else:
        totals = np.logaddexp(0, z).sum(axis=1)
    return totals - (found.targets * z).sum(axis=1), found.weights[:, 0]


def _calibrated(parts: list[Judged], scores: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Return the probabilities of scores of some parts, float64[n, n_labels]."""
    loss, together = parts[0].loss, parts[0].together
    if loss.uses_tree:
        scores = calibration.power * scores
    elif together and loss.link == "sigmoid":
        scores = -calibration.power * np.logaddexp(0, -calibration.scale * scores)
    else:
        scores = calibration.scale * scores
    return _probabilities(scores - scores.max(axis=1, keepdims=True) * together, together)


def answers(model: Model, features: FeatureMatrix, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
    """Return how sure a model is of what it says of texts, and whether it is right.

    Parameters
    ----------
    model : Model
    features, labels : FeatureMatrix, Labels
        Of the texts; ids of labels are the model's, others are unknown.

    Returns
    -------
    confidence, right
        As of `answers_of`.
    """
    own, n_labels = labels.without_repeats(), len(model.labels)
    docs = np.repeat(np.arange(len(own)), np.diff(own.indptr))
    is_known = (own.ids >= 0) & (own.ids < n_labels)
    pairs = (docs * n_labels + own.ids)[is_known]  # of text and label as one number
    confidence, right = [np.empty(0)], [np.empty(0, bool)]
    for start, found in decide_in_parts(model, features):
        docs, ranks = np.nonzero(found.labels >= 0)
        is_blank = found.n_features[docs] == 0
        confidence.append(np.where(is_blank, -1.0, found.probabilities[docs, ranks]))
        right.append(np.isin((docs + start) * n_labels + found.labels[docs, ranks], pairs))
    return np.concatenate(confidence), np.concatenate(right)


def answers_of(parts: list[Judged], calibration: Calibration) -> tuple[np.ndarray, np.ndarray]:
    """Return how sure models are of what they say of texts held out, and whether it is right.

    Parameters
    ----------
    parts : list of Judged
        One for each fold.
    calibration : Calibration
        Of these.

    Returns
    -------
    confidence : float64[n]
        Of the likeliest label of each text; of a model of several labels, of each label given. -1
        of a text without a feature.
    right : bool[n]
    """
    found = _joined(parts)
    p = _calibrated(parts, found.scores, calibration)
    given = p >= MULTILABEL_THRESHOLD
    if not parts[0].multilabel:
        given = np.arange(p.shape[1]) == p.argmax(axis=1)[:, None]
    confidence = [p[given], *(part.blank[0] for part in parts)]
    right = [found.targets[given] > 0, *(part.blank[1] for part in parts)]
    return np.concatenate(confidence), np.concatenate(right)


def calibrate(parts: list[Judged]) -> Calibration:
    """Return the calibration of models that are trained as those of some parts.

    None but the scale of the loss where there are fewer than `LEAST_TEXTS`.

    Parameters
    ----------
    parts : list of Judged
        One for each fold.
    """
    loss, together, found = parts[0].loss, parts[0].together, _joined(parts)
    n_texts, n_labels = found.scores.shape
    if n_texts < LEAST_TEXTS or (loss.uses_tree and n_labels > MOST_LEAVES):
        return Calibration.none(loss)
    soft = found.softened(together)
    if loss.uses_tree:
        calibration = Calibration(1.0, soft.factor(True)[0])
    elif together and loss.link == "sigmoid":
        calibration = soft.power()
    else:
        calibration = Calibration(soft.factor(together)[0])
    p = _calibrated(parts, found.scores, calibration)
    if together:
        top = np.arange(n_texts), p.argmax(axis=1)
        error = calibration_error(p[top], found.targets[top] > 0, found.weights[:, 0])
    else:  # each label that a text gets is a judgement
        given = p >= MULTILABEL_THRESHOLD
        weights = np.repeat(found.weights, n_labels, axis=1)
        error = calibration_error(p[given], found.targets[given] == 1, weights[given])
    return dataclasses.replace(calibration, n_texts=n_texts, error=error)
