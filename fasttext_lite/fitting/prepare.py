"""Texts and labels become features, once, for any number of trainings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.parallel import cpu_count
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.text.marked import MarkedTexts

PIECE_BYTES = 1 << 24  # of text, analysed at a time


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
        Whether rows may have several labels or none.
    doc_weights : float32[n_texts], optional
        Factor of each text's loss.
    marked : MarkedTexts, optional
        The texts themselves, kept where `config` asks for noise in them.
    """

    config: Config
    space: FeatureSpace
    features: FeatureMatrix
    labels: Labels
    multilabel: bool
    doc_weights: np.ndarray | None = None
    marked: MarkedTexts | None = None


def prepare(
    texts: Texts,
    labels: Labels,
    config: Config,
    *,
    doc_weights: np.ndarray | None = None,
    multilabel: bool | None = None,
    n_threads: int | None = None,
) -> Prepared:
    """Cut texts into features.

    Parameters
    ----------
    texts, labels, config, doc_weights, multilabel, n_threads
        As in `fit`.

    Returns
    -------
    Prepared

    Raises
    ------
    TrainingError
        If there are fewer than two labels.
    """
    if multilabel is None:
        multilabel = labels.is_multilabel
    check_labels(labels)
    n_threads = n_threads or cpu_count()
    noisy = bool(config.word_dropout or config.word_swap)
    pieces = [texts] if noisy else list(_pieces(texts))
    vocabulary = Vocabulary()
    for piece in pieces:
        marked = analyze(piece, config, n_threads)
        vocabulary.add(marked)
    mean_tokens = vocabulary.n_tokens / max(len(texts), 1)
    config = resolve(config, len(labels.names), multilabel, mean_tokens, len(texts))
    # What is analysed once more need not be kept: its marks alone are as long as the text.
    again = (analyze(piece, config, n_threads) for piece in pieces)
    chunks = [marked] if len(pieces) == 1 else again
    space, features = FeatureSpace.fit_chunks(chunks, vocabulary, config, n_threads, labels)
    kept = marked if noisy else None
    return Prepared(config, space, features, labels, multilabel, doc_weights, kept)


def check_labels(labels: Labels) -> None:
    """Raise `TrainingError` if there are fewer than two labels."""
    n_labels = len(labels.names)
    if n_labels < 2:
        name = f" ({labels.names[0]!r})" if n_labels else ""
        raise TrainingError(f"a classifier needs at least 2 labels; found {n_labels}{name}")


def _pieces(texts: Texts) -> Iterator[Texts]:
    """Yield texts in pieces of about `PIECE_BYTES`, at least one."""
    first = 0
    while True:
        end = int(texts.offsets[first]) + PIECE_BYTES
        last = max(first + 1, int(np.searchsorted(texts.offsets, end, "right")) - 1)
        yield texts.slice(first, last)
        first = last
        if first >= len(texts):
            return


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
    )
