"""What makes probabilities mean what they say, of texts that were not trained on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting.measures import first_right
from fasttext_lite.model.calibration import MOST_LEAVES, Calibration, calibration_error
from fasttext_lite.model.model import Model

MOST_TEXTS, MOST_SCORES = 4_000, 4_000_000  # that a calibration is fitted on, in each part
FACTORS = (1e-3, 1e4)  # of scores, the least and the most
BISECTIONS = 24
SCALES = (0.05, 20.0)  # of the scores of one-vs-all losses, in units of their own
SECTIONS = 14
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Judged:
    """A model and texts that it was not trained on.

    Attributes
    ----------
    model : Model
    features, labels : FeatureMatrix, Labels
        Of the texts; label ids are the model's.
    weights : float64[n_texts]
    """

    model: Model
    features: FeatureMatrix
    labels: Labels
    weights: np.ndarray

    def right(self) -> np.ndarray:
        """Return of each text whether its likeliest label is one of its own."""
        return first_right(self.model, self.features, self.labels, 1)

    def known(self) -> Judged:
        """Return the texts that have a feature and known labels, or as many as are enough."""
        sizes = np.diff(self.features.indptr), np.diff(self.labels.indptr)
        good = (sizes[0] > 0) & (sizes[1] > 0)
        foreign = (self.labels.ids < 0) | (self.labels.ids >= len(self.model.labels))
        good[np.repeat(np.arange(len(good)), sizes[1])[foreign]] = False
        most = max(min(MOST_TEXTS, MOST_SCORES // len(self.model.labels)), 1)
        docs = np.flatnonzero(good)[:most]
        taken = self.features.take(docs), self.labels.take(docs)
        return Judged(self.model, *taken, self.weights[docs])

    def decisions(self) -> _Decisions:
        """Return the scores of all labels, those of a tree log-probabilities, with targets."""
        docs = np.repeat(np.arange(len(self.labels)), np.diff(self.labels.indptr))
        if self.model.tree is None:
            hidden = self.model.embed(self.features, 1)
            scores = (hidden @ self.model.output.T).astype(np.float64)
        else:
            scores = self.model.replace(calibration=Calibration(1.0)).scores(self.features, 1)
        targets = np.zeros(scores.shape)
        targets[docs, self.labels.ids] = 1
        if self.model.is_distribution:
            targets /= targets.sum(axis=1, keepdims=True)
        return _Decisions(scores, targets, self.weights[:, None])


@dataclass(frozen=True)
class _Decisions:
    """Scores, targets and weights, float64[n, n_scores], [n, n_scores] and [n, 1]."""

    scores: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @classmethod
    def joined(cls, parts: list[_Decisions]) -> _Decisions:
        """Return those of several models."""
        names = ("scores", "targets", "weights")
        arrays = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
        return cls(*arrays)

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
    together = parts[0].model.is_distribution
    found = _Decisions.joined([part.known().decisions() for part in parts])
    z = found.softened(together).factor(together)[0] * found.scores
    if together:
        z -= z.max(axis=1, keepdims=True)
        totals = np.log(np.exp(z).sum(axis=1))
    else:
        totals = np.logaddexp(0, z).sum(axis=1)
    return totals - (found.targets * z).sum(axis=1), found.weights[:, 0]


def calibrate(parts: list[Judged]) -> Calibration:
    """Return the calibration of models that are trained as those of some parts.

    Parameters
    ----------
    parts : list of Judged
        One for each fold.
    """
    model = parts[0].model
    if model.loss.uses_tree and len(model.labels) > MOST_LEAVES:
        return Calibration.none(model.loss)
    together = model.is_distribution
    known = [part.known() for part in parts]
    if not sum(len(part.labels) for part in known):
        return Calibration.none(model.loss)
    decisions = _Decisions.joined([part.decisions() for part in known]).softened(together)
    if model.loss.uses_tree:
        found = Calibration(1.0, decisions.factor(True)[0])
    elif together and model.loss.link == "sigmoid":
        found = decisions.power()
    else:
        found = Calibration(decisions.factor(together)[0])
    return _measured(found, parts)


def _measured(calibration: Calibration, parts: list[Judged]) -> Calibration:
    """Return a calibration with its error on all texts of the parts."""
    confidence, right, weights = [], [], []
    for part in parts:
        model = part.model.replace(calibration=calibration)
        if model.is_distribution:
            confidence.append(model.predict(part.features, n_threads=1).probabilities[:, 0])
            right.append(dataclasses.replace(part, model=model).right())
            weights.append(part.weights)
        else:  # each label of each text is a judgement
            judged = dataclasses.replace(part, model=model).known()
            confidence.append(model.probabilities(judged.features, 1).ravel())
            right.append(judged.decisions().targets.ravel() == 1)
            weights.append(np.repeat(judged.weights, len(model.labels)))
    values = (np.concatenate(each) for each in (confidence, right, weights))
    n_texts = sum(len(part.labels) for part in parts)
    return dataclasses.replace(calibration, n_texts=n_texts, error=calibration_error(*values))
