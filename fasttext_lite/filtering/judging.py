"""Ask a model of either kind, ours or fastText's, and apply the rule that is given for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError
from fasttext_lite.filtering.settings import Rule, label_number
from fasttext_lite.model.magic import is_fasttext, packing_of

if TYPE_CHECKING:
    from fasttext_lite.compat.model import FastTextModel
    from fasttext_lite.model.model import Model

MOST_TEXTS = 1 << 14  # that a model is asked about at a time
_MOST_NUMBERS = 1 << 22  # of their scores
_FEW_LABELS = 16  # of which all probabilities cost no more than one


@dataclass(frozen=True)
class Verdict:
    """What a model says of some texts.

    Attributes
    ----------
    labels : int32[n_texts]
        Numbers of labels; -1 where there is none, or it does not reach the threshold.
    scores : float32[n_texts]
        Probabilities, NaN where there is none.
    asked : float32[n_texts, n_probabilities]
        Of the labels that the rule names.
    is_kept : bool[n_texts]
    """

    labels: np.ndarray
    scores: np.ndarray
    asked: np.ndarray
    is_kept: np.ndarray


class _FastTexts:
    """Asks a model of fastText's."""

    def __init__(self, model: FastTextModel, exact: bool) -> None:
        from fasttext_lite.corpus import DEFAULT_PREFIX
        from fasttext_lite.corpus.labels import without_prefix

        self.model, self.exact = model, exact
        names = [name.decode("utf-8", "replace") for name in model.dictionary.labels]
        self.labels = [without_prefix(name, DEFAULT_PREFIX) for name in names]

    def best(self, texts: Texts, n_threads: int) -> tuple[np.ndarray, np.ndarray]:
        found = self.model.predict_documents(
            texts.buffer, texts.offsets, 1, 0.0, n_threads, self.exact
        )
        return found.labels[:, 0], self._limited(found.scores[:, 0])

    def probabilities(self, texts: Texts, ids: Sequence[int], n_threads: int) -> np.ndarray:
        return self._limited(
            self.model.label_scores(texts.buffer, texts.offsets, ids, n_threads, self.exact)
        )

    def _limited(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities; fastText's, raised by 1e-5, leave [0, 1] by a little."""
        return scores if self.exact else np.minimum(scores, np.float32(1))


class _Ours:
    """Asks a model of this package."""

    def __init__(self, model: Model) -> None:
        self.model, self.labels = model, list(model.labels)

    def best(self, texts: Texts, n_threads: int) -> tuple[np.ndarray, np.ndarray]:
        found = self.model.predict(texts, 1, 0.0, n_threads)
        return found.labels[:, 0], found.probabilities[:, 0].astype(np.float32)

    def probabilities(self, texts: Texts, ids: Sequence[int], n_threads: int) -> np.ndarray:
        return self.model.probabilities(texts, n_threads)[:, list(ids)].astype(np.float32)


def _asker(path: str, exact: bool) -> Any:
    """Return what asks the model of a file.

    Raises
    ------
    ModelError
        If it is none that predicts labels.
    """
    if not is_fasttext(path):
        from fasttext_lite.model.storage import load_model

        return _Ours(load_model(path, mmap=True))  # processes share it
    from fasttext_lite.compat.model import FastTextModel

    model = FastTextModel.load(path, mmap=True)
    if not model.is_supervised:
        raise ModelError(f"{path}: the model holds word vectors and predicts no labels")
    return _FastTexts(model, exact)


class Judge:
    """A model with its rule.

    Parameters
    ----------
    rule : Rule
    exact : bool
        Whether the probabilities of a model of fastText's are the same to the last bit.

    Attributes
    ----------
    labels : list of str

    Raises
    ------
    ModelError
        If the file is no model that predicts labels.
    UsageError
        If the rule names a label that the model does not have.
    """

    def __init__(self, rule: Rule, exact: bool = False) -> None:
        if packed := packing_of(rule.path):
            raise ModelError(packed)
        self.rule = rule
        self._asker = _asker(rule.path, exact)
        self.labels: list[str] = self._asker.labels
        self._wanted = [label_number(name, self.labels, rule) for name in rule.keep or rule.drop]
        self._shown = [label_number(name, self.labels, rule) for name in rule.probabilities]
        self._step = max(256, min(MOST_TEXTS, _MOST_NUMBERS // max(1, len(self.labels))))

    def judge(self, texts: Texts, n_threads: int = 1) -> Verdict:
        """Return what the model says of texts, and whether the rule keeps them."""
        n = len(texts)
        parts = [
            self._judge(texts.slice(start, start + self._step), n_threads)
            for start in range(0, n, self._step)
        ]
        if not parts:
            none = np.empty(0, np.float32)
            shown = np.empty((0, len(self._shown)), np.float32)
            return Verdict(np.empty(0, np.int32), none, shown, np.empty(0, bool))
        fields = ("labels", "scores", "asked", "is_kept")
        return Verdict(*(np.concatenate([getattr(part, f) for part in parts]) for f in fields))

    def _judge(self, texts: Texts, n_threads: int) -> Verdict:
        rule = self.rule
        by_threshold = bool(self._wanted) and rule.threshold is not None
        ids = [*(self._wanted if by_threshold else ()), *self._shown]
        if by_threshold and rule.keep:
            asked = self._asker.probabilities(texts, ids, n_threads)
            return self._kept_by_threshold(asked)
        labels, scores, asked = self._best(texts, ids, n_threads)
        least = np.float32(0.0 if rule.threshold is None else rule.threshold)
        is_kept: np.ndarray = np.ones(len(texts), bool)
        if by_threshold:
            is_kept = np.logical_not((asked[:, : len(self._wanted)] >= least).any(axis=1))
        elif self._wanted:
            is_kept = np.isin(labels, self._wanted) == bool(rule.keep)
        elif rule.threshold is not None:
            labels = np.where(scores >= least, labels, -1).astype(np.int32)
        return Verdict(labels, scores, asked[:, len(ids) - len(self._shown) :], is_kept)

    def _kept_by_threshold(self, asked: np.ndarray) -> Verdict:
        """Keep texts where a label that is asked for reaches the threshold, likeliest or not."""
        assert self.rule.threshold is not None
        n = len(self._wanted)
        place = asked[:, :n].argmax(axis=1)
        scores = np.take_along_axis(asked[:, :n], place[:, None], axis=1)[:, 0]
        reached = scores >= np.float32(self.rule.threshold)
        labels = np.where(reached, np.array(self._wanted, np.int32)[place], -1)
        return Verdict(labels.astype(np.int32), scores, asked[:, n:], reached)

    def _best(
        self, texts: Texts, ids: Sequence[int], n_threads: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the likeliest labels, their probabilities, and those of some other labels."""
        if ids and len(self.labels) <= _FEW_LABELS:
            every = self._asker.probabilities(texts, range(len(self.labels)), n_threads)
            labels = every.argmax(axis=1).astype(np.int32)
            scores = every.max(axis=1)
            labels[scores == 0] = -1  # a text that the model has no answer to
            # Which of equal labels is the likeliest, the model alone knows.
            ties = np.flatnonzero((every == scores[:, None]).sum(axis=1) > 1)
            if ties.size:
                labels[ties] = self._asker.best(texts.take(ties), n_threads)[0]
            asked = every[:, list(ids)]
        else:
            labels, scores = self._asker.best(texts, n_threads)
            asked = np.empty((len(texts), 0), np.float32)
            if ids:
                asked = self._asker.probabilities(texts, ids, n_threads)
        return labels, np.where(labels < 0, np.float32(np.nan), scores), asked
