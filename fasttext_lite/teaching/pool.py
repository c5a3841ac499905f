"""Texts with labels and texts without, as features that are made once for any number of models."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features.entries import Entries
from fasttext_lite.features.gains import estimate_pseudo_count
from fasttext_lite.features.matrix import Counts, FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting.calibrate import Judged, calibrate
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.fitting.prepared import Prepared, Sample
from fasttext_lite.fitting.trainee import Training
from fasttext_lite.fitting.trees import make_tree
from fasttext_lite.model.model import Model
from fasttext_lite.parallel import run_blocks

BLOCK = 1 << 22  # probabilities that are made at a time
MOST_JUDGED = 1_000  # texts that a model of a round is calibrated on


class Pool:
    """Texts with labels, then texts without, and their features.

    Parameters
    ----------
    texts, labels : Texts, Labels
        Each text has one label.
    others : Texts
    config : Config
    n_threads : int

    Attributes
    ----------
    texts : Texts
        All of them.
    labels : Labels
        Of the first.
    n_labelled : int
    prepared : Prepared
        Its features know nothing of labels yet.
    """

    def __init__(
        self, texts: Texts, labels: Labels, others: Texts, config: Config, n_threads: int
    ) -> None:
        self.texts, self.labels = Texts.joined(texts, others), labels
        self.n_labelled, self.n_threads = len(texts), n_threads
        indptr = np.append(labels.indptr, np.full(len(others), labels.indptr[-1]))
        prepared = prepare(
            self.texts, Labels(labels.ids, indptr, labels.names), config, multilabel=False,
            n_threads=n_threads, sampler=_take_all,
        )  # fmt: skip
        assert prepared.sample is not None
        self.counts: Counts = prepared.sample.counts
        self.space = prepared.space
        # What these weigh is measured anew for each model: two copies would take the memory of one.
        self.prepared = dataclasses.replace(prepared, features=self.counts.matrix, sample=None)

    @property
    def n_labels(self) -> int:
        """Number of labels."""
        return len(self.labels.names)

    @cached_property
    def others(self) -> np.ndarray:
        """Numbers of the texts without labels, int64."""
        return np.arange(self.n_labelled, len(self.texts))

    def named(self, ids: np.ndarray) -> Labels:
        """Return labels of texts, one each."""
        return Labels(ids.astype(np.int32), np.arange(ids.size + 1), self.labels.names)

    def weigh_by(self, ids: np.ndarray) -> None:
        """Estimate how many labels of no feature weigh as much as those of one.

        Parameters
        ----------
        ids : int[n_texts]
            A label of each text, of those without one the likeliest.
        """
        config, old = self.prepared.config, self.space
        asked = self.prepared.asked
        if asked is None or asked.pseudo_count is not None or not config.supervision:
            return
        matrix = self.counts.matrix

        def parts() -> Sequence[tuple[np.ndarray, np.ndarray, int]]:
            return [(matrix.ids, matrix.indptr, 0)]

        found = estimate_pseudo_count(parts, self.named(ids), old.frequency)
        config = config.replace(pseudo_count=found)
        self.space = FeatureSpace(
            config, old.pool, old.word_ends, old.row_codes, old.frequency, old.n_texts
        )
        self.prepared = dataclasses.replace(self.prepared, config=config, space=self.space)

    def part(self, docs: np.ndarray, ids: np.ndarray, weights: np.ndarray | None) -> Part:
        """Return some texts with labels, to train on.

        Parameters
        ----------
        docs : int64[n_docs]
            Ascending.
        ids : int[n_docs]
        weights : float[n_docs], optional
            Factor of each text's loss.
        """
        labels, counts = self.named(ids), self.counts.take(docs)
        space, numbers, counts = self.space.of_part(counts, labels)
        weights = None if weights is None else weights.astype(np.float32)
        prepared = dataclasses.replace(
            self.prepared, space=space, features=space.weighed(counts), labels=labels,
            doc_weights=weights, marked=None, sample=None,
        )  # fmt: skip
        return Part(self, prepared, numbers)

    def train(self, jobs: Sequence[Job], seed: int) -> list[np.ndarray]:
        """Train a model for each job, as many at a time as there are threads; return what it says.

        Parameters
        ----------
        jobs : sequence of Job
        seed : int
            The result depends on it alone.

        Returns
        -------
        list of float32[n_asked, n_labels]
        """
        found: list[np.ndarray] = [np.empty(0)] * len(jobs)

        def work(i: int) -> None:
            found[i] = jobs[i].run(self, seed)

        run_blocks(work, len(jobs), self.n_threads)
        return found


@dataclass(frozen=True)
class Job:
    """A model to train on some texts, and others that it is asked about.

    Attributes
    ----------
    docs, ids, weights
        As of `Pool.part`.
    asked : int64[n_asked]
        Numbers of texts.
    ids_of_asked : int[n_asked], optional
        Labels of these to calibrate the model on; default: it is not calibrated.
    """

    docs: np.ndarray
    ids: np.ndarray
    weights: np.ndarray | None
    asked: np.ndarray
    ids_of_asked: np.ndarray | None = None

    def run(self, pool: Pool, seed: int) -> np.ndarray:
        """Return the probabilities of the texts that are asked about."""
        part = pool.part(self.docs, self.ids, self.weights)
        model = part.trained(seed)
        if self.ids_of_asked is not None:
            few = slice(0, MOST_JUDGED)
            judged = part.judged(model, self.asked[few], self.ids_of_asked[few])
            model = model.replace(calibration=calibrate([judged]))
        found = np.empty((self.asked.size, pool.n_labels), np.float32)
        step = max(BLOCK // pool.n_labels, 1)
        for first in range(0, self.asked.size, step):
            features = part.features_of(self.asked[first : first + step])
            found[first : first + step] = model.probabilities(features, 1)
        return found


@dataclass(frozen=True)
class Part:
    """Some texts of a pool, to train on, and what others look like beside them.

    Attributes
    ----------
    pool : Pool
    prepared : Prepared
    numbers : int32[n_rows]
        Row here of each row of the pool's space; -1 = none.
    """

    pool: Pool
    prepared: Prepared
    numbers: np.ndarray

    def trained(self, seed: int) -> Model:
        """Return a model of these texts, trained by one thread."""
        config = self.prepared.config.of_trial()
        tree = make_tree(self.prepared, config, seed, 1)
        training = Training(self.prepared, config, seed, 1, tree=tree, is_trial=True)
        return training.run(None, None).model

    def features_of(self, docs: np.ndarray) -> FeatureMatrix:
        """Return the features of other texts of the pool."""
        return self.prepared.space.weighed(self.pool.counts.take(docs).renumbered(self.numbers))

    def judged(self, model: Model, docs: np.ndarray, ids: np.ndarray) -> Judged:
        """Let a model judge texts whose labels are known."""
        labels = self.pool.named(ids)
        return Judged.of(model, self.features_of(docs), labels, np.ones(docs.size))


def _take_all(entries: Entries, labels: Labels) -> Sample:
    docs = np.arange(len(entries))
    return Sample(docs, entries.take(docs))
