"""Training data that became features: what every training starts from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features.matrix import Counts, FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.model.abstention import Abstention
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.model.choice import Choice
from fasttext_lite.model.run import Run
from fasttext_lite.text.marked import MarkedTexts

if TYPE_CHECKING:
    from fasttext_lite.label_tree.tree import LabelTree
    from fasttext_lite.training.weights import Weights


@dataclass(frozen=True)
class Sample:
    """Training texts, all or some, before their features were weighed.

    Attributes
    ----------
    docs : int64[n_sample]
        Their numbers, ascending.
    counts : Counts
        By the rows of all texts' features.
    """

    docs: np.ndarray
    counts: Counts


@dataclass(frozen=True)
class WordVectors:
    """Vectors that words start from, see `vectors.join_vectors`.

    Attributes
    ----------
    path : str
        Of their file.
    rows : int64[n]
        Rows of the texts' features that have one.
    vectors : float32[n, dim]
        Theirs.
    n_words : int
        Words of the texts that could have one.
    space : FeatureSpace
        That of the texts with the added words, whose rows follow.
    added : float32[n_added, dim]
        Vectors of the added words.
    """

    path: str
    rows: np.ndarray
    vectors: np.ndarray
    n_words: int
    space: FeatureSpace
    added: np.ndarray

    def with_energy(self, energy: float) -> WordVectors:
        """Return these with another `Config.char_energy` of their space."""
        return dataclasses.replace(self, space=self.space.with_energy(energy))

    def of_part(self, space: FeatureSpace, numbers: np.ndarray) -> tuple[WordVectors, np.ndarray]:
        """Return the vectors of a part of the texts: other words than theirs are added ones.

        Parameters
        ----------
        space, numbers
            Of the part, as `FeatureSpace.of_part` returns them.

        Returns
        -------
        vectors : WordVectors
        numbers : int32[n_rows]
            With those of the rows that were added.
        """
        rows = numbers[self.rows]
        is_seen = rows >= 0
        others = self.rows[~is_seen]
        numbers = numbers.copy()
        numbers[others] = np.arange(space.n_rows, space.n_rows + others.size, dtype=np.int32)
        # Before other rows, the space has the same words: their codes are the same.
        larger = space.with_rows(self.space.row_codes[others])
        found = WordVectors(
            self.path, rows[is_seen].astype(np.int64), self.vectors[is_seen], space.n_word_rows,
            larger, self.vectors[~is_seen],
        )  # fmt: skip
        return found, numbers


@dataclass(frozen=True)
class Start:
    """Columns of the tables that training starts from; the others start as they always do.

    Attributes
    ----------
    embeddings : float32[n_rows, n_columns]
        The first columns, at most `dim`.
    output : float32[n_output_rows, n_columns], optional
        The first columns; None under a linear head, whose output stays as it is.
    """

    embeddings: np.ndarray
    output: np.ndarray | None = None


@dataclass(frozen=True)
class Before:
    """What a training goes on from, see `more.prepare_more`.

    Attributes
    ----------
    weights : Weights
        Of all labels, and of the features that there were.
    tree : LabelTree, optional
        Over all labels.
    label_counts : int64[n_labels]
        How often each occurred before.
    n_texts : int
        Number of texts before.
    """

    weights: Weights
    tree: LabelTree | None
    label_counts: np.ndarray
    n_texts: int


@dataclass(frozen=True)
class Prepared:
    """Training data with its features, ready for any number of trainings.

    Attributes
    ----------
    config : Config
        Resolved, as given to `prepare`; its settings of text and features are those of
        `space`.
    space : FeatureSpace
    features : FeatureMatrix
        Of the training texts.
    labels : Labels
        Of the same texts.
    multilabel : bool
        Whether texts may have several labels or none.
    doc_weights : float32[n_texts], optional
        Factor of each text's loss.
    marked : MarkedTexts, optional
        The texts themselves, kept where `config` asks for noise in them.
    asked : Config, optional
        The settings as they were given, which `ladder.choose` looks at.
    sample : Sample, optional
        What `ladder.choose` tries settings on.
    calibration : Calibration, optional
        Of the models to be trained; default: none but the loss's own scale.
    aside : int64[n_aside], optional
        Numbers of texts that `fit.fit_prepared` does not learn from and calibrates its model on,
        in place of `calibration`.
    choice : Choice, optional
        How `config` was chosen, where it was.
    run : Run, optional
        How the training is run, for those that come after it.
    vectors : WordVectors, optional
        What rows of words start from, and the words that the model has beside those of the texts.
    are_cut : bool
        Whether the texts came as lists of tokens: no analyzer cuts them.
    start : Start, optional
        What training starts from, where something is known of the features.
    before : Before, optional
        What training goes on from, where a model learns more texts.
    abstention : Abstention, optional
        Of the models to be trained, where `run` asks for it; texts `aside` give another one.
    """

    config: Config
    space: FeatureSpace
    features: FeatureMatrix
    labels: Labels
    multilabel: bool
    doc_weights: np.ndarray | None = None
    marked: MarkedTexts | None = None
    asked: Config | None = None
    sample: Sample | None = None
    calibration: Calibration | None = None
    aside: np.ndarray | None = None
    choice: Choice | None = None
    run: Run | None = None
    vectors: WordVectors | None = None
    are_cut: bool = False
    start: Start | None = None
    before: Before | None = None
    abstention: Abstention | None = None

    @property
    def model_space(self) -> FeatureSpace:
        """The feature space of the models to be trained: `space`, or one that knows more words."""
        return self.space if self.vectors is None else self.vectors.space


def with_energy(
    prepared: Prepared, features: FeatureMatrix, energy: float, n_threads: int = 1
) -> Prepared:
    """Return training data with another energy of n-grams of characters.

    Parameters
    ----------
    prepared : Prepared
    features : FeatureMatrix
        Its features, or a copy of them; changed in place where they lie in memory.
    energy : float
    n_threads : int
    """
    space, features = prepared.space.with_char_energy(features, energy, n_threads)
    vectors = None if prepared.vectors is None else prepared.vectors.with_energy(energy)
    return dataclasses.replace(prepared, space=space, features=features, vectors=vectors)


def take_prepared(
    prepared: Prepared, chosen: np.ndarray, doc_weights: np.ndarray | None = None
) -> Prepared:
    """Return the chosen documents, with their features in the space of all.

    Parameters
    ----------
    prepared : Prepared
    chosen : int[n_chosen]
        Numbers of documents.
    doc_weights : float[n_chosen], optional
        Instead of the weights that the documents have.

    Returns
    -------
    Prepared
    """
    if doc_weights is None and prepared.doc_weights is not None:
        doc_weights = prepared.doc_weights[chosen]
    marked = prepared.marked
    return dataclasses.replace(
        prepared,
        features=prepared.features.take(chosen),
        labels=prepared.labels.take(chosen),
        doc_weights=doc_weights,
        marked=None if marked is None else marked.take(chosen),
        sample=None,
        aside=None,
    )
