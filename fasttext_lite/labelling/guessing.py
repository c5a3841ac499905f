"""What a model, and a probe beside it, say of texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.labelling.pool import Pool
from fasttext_lite.labelling.vectors import PoolVectors
from fasttext_lite.model.model import Model
from fasttext_lite.teaching.teachers import Probe, mixed, one_thread

YES = 0.5  # probability from which on a text has a label, where it may have several


class Guesser:
    """Guesses the labels of texts.

    Parameters
    ----------
    pool : Pool
    model : Model
    names : sequence of str
        The labels in the order of the probe.
    probe : Probe, optional
        On vectors of texts.
    vectors : PoolVectors, optional
    trust : float
        Power of the model's probabilities, see `teaching.teachers.mixed`.
    of_probe : float, optional
        Power of the probe's; default: the rest to 1.5.

    Attributes
    ----------
    labels : list of str
        In the order of the probabilities.
    model : Model
    """

    def __init__(
        self,
        pool: Pool,
        model: Model,
        names: Sequence[str] = (),
        probe: Probe | None = None,
        vectors: PoolVectors | None = None,
        trust: float = 1.0,
        of_probe: float | None = None,
    ) -> None:
        self._pool, self.model, self.labels = pool, model, list(model.labels)
        self._names, self._probe, self._vectors = list(names), probe, vectors
        self._trust = trust
        self._of_probe = 1.5 - trust if of_probe is None else of_probe
        place = {name: i for i, name in enumerate(names)}
        self._order = np.array([place[name] for name in self.labels] if probe else [], np.int64)

    def replace(self, model: Model, trust: float) -> Guesser:
        """Return one with another model of the same labels."""
        return Guesser(
            self._pool, model, self._names, self._probe, self._vectors, trust, 1 - trust
        )  # fmt: skip

    def probabilities(self, numbers: np.ndarray, n_threads: int | None = None) -> np.ndarray:
        """Return the probability of each label, of texts of the pool, float[n_texts, n_labels].

        Where texts have several labels, each label is judged by itself.
        """
        said = self.model.probabilities(self._pool.texts.take(numbers), n_threads)
        if self._probe is None or self._vectors is None:
            return said
        return self._mixed(said, self._vectors.take(numbers))

    def of_texts(self, texts: Texts, n_threads: int | None = None) -> np.ndarray:
        """Return what `probabilities` does, of any texts."""
        said = self.model.probabilities(texts, n_threads)
        if self._probe is None or self._vectors is None:
            return said
        return self._mixed(said, self._vectors.of(texts))

    def _mixed(self, said: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        assert self._probe is not None
        with one_thread:
            probed = self._probe.probabilities(vectors)[:, self._order]
        return mixed([said, probed], [self._trust, self._of_probe])

    def chosen(self, probabilities: np.ndarray) -> list[tuple[str, ...]]:
        """Return the labels that texts have by their probabilities, sorted.

        That is the likeliest; where they may have several, all from `YES` on, too.
        """
        best = probabilities.argmax(axis=1).tolist()
        if not self.model.multilabel:
            return [(self.labels[i],) for i in best]
        found = []
        for first, row in zip(best, probabilities >= YES, strict=True):
            row[first] = True
            found.append(tuple(sorted(self.labels[i] for i in np.flatnonzero(row).tolist())))
        return found
