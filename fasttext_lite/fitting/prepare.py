"""Texts and labels become features, once, for any number of trainings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.disk.promise import promised
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.entries import Entries
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.fitting.prepared import Prepared, Sample
from fasttext_lite.fitting.within import within
from fasttext_lite.parallel import cpu_count, return_memory
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.text.marked import MarkedTexts

# What settings are tried on: so many texts at most, and so many features of theirs.
MOST_TEXTS, MOST_ENTRIES = 10_000, 3_000_000

# Texts up to the first size are analysed once, as a whole; longer ones twice, in pieces of the
# second, whose marks and codes take many times as much.
WHOLE_BYTES, PIECE_BYTES = 1 << 24, 1 << 21


# Given the entries, when they are rows and counts, and the labels of the same texts.
Sampler: TypeAlias = Callable[[Entries, Labels], Sample]


class Pieces(Protocol):
    """Labelled texts that can be gone over twice, a piece at a time."""

    def first(self) -> Iterable[Texts]:
        """Return the pieces."""

    def labels(self) -> Labels:
        """Return the labels of all texts; after `first` is done."""

    def again(self) -> Iterable[Texts]:
        """Return the same pieces once more."""


def prepare(
    texts: Texts,
    labels: Labels,
    config: Config,
    *,
    doc_weights: np.ndarray | None = None,
    multilabel: bool | None = None,
    n_threads: int | None = None,
    sampler: Sampler | None = None,
) -> Prepared:
    """Cut texts in memory into features.

    Parameters
    ----------
    texts, labels, config, doc_weights, multilabel, n_threads
        As in `fit.fit`.
    sampler : callable, optional
        As of `prepare_pieces`.

    Returns
    -------
    Prepared

    Raises
    ------
    TrainingError
        If there are fewer than two labels.
    """
    check_labels(labels)
    pieces = TextPieces(texts, labels, whole=config.is_noisy)
    prepared = prepare_pieces(
        pieces, config, multilabel=multilabel, n_threads=n_threads, sampler=sampler
    )
    return dataclasses.replace(prepared, doc_weights=doc_weights)


def prepare_pieces(
    pieces: Pieces,
    config: Config,
    *,
    multilabel: bool | None = None,
    n_threads: int | None = None,
    entries: Entries | None = None,
    sampler: Sampler | None = None,
) -> Prepared:
    """Cut texts into features in two passes: one that counts words, one that makes features.

    Parameters
    ----------
    pieces : Pieces
        One piece alone where `config` asks for noise in words.
    config : Config
    multilabel : bool, optional
        Whether texts may have several labels or none; default: whether any has.
    n_threads : int, optional
        Default: all processors.
    entries : Entries, optional
        Where the features are kept; default: in memory.
    sampler : callable, optional
        Takes the sample of the texts, see `Prepared.sample`; default: `take_sample`.

    Returns
    -------
    Prepared
    """
    n_threads, sampler = n_threads or cpu_count(), sampler or take_sample
    vocabulary, held, cut_here = count_words(pieces, config, n_threads)
    labels, n_texts = pieces.labels(), vocabulary.n_texts
    check_labels(labels)
    if multilabel is None:
        multilabel = labels.is_multilabel
    mean_tokens, asked = vocabulary.n_tokens / max(n_texts, 1), config
    shares = vocabulary.script_shares() if cut_here else None  # tokens of others may be words
    config = resolve(
        config, len(labels.names), multilabel, mean_tokens, n_texts, shares, labels.evenness
    )
    limit = promised()
    if limit is not None:
        config, most = within(limit, asked, config, len(labels.names), multilabel, vocabulary)
        if sampler is take_sample:
            most = min(limit.sampled(most, n_threads), MOST_ENTRIES)
            sampler = partial(take_sample, most_entries=most)
    samples: list[Sample] = []
    space, features = FeatureSpace.fit_chunks(
        held or analyzed_again(pieces, config, n_threads), vocabulary, config, n_threads, labels,
        entries,
        look=lambda entries: samples.append(sampler(entries, labels)),
    )  # fmt: skip
    marked = held[0] if held and config.is_noisy else None
    return Prepared(
        space.config, space, features, labels, multilabel,
        marked=marked, asked=asked, sample=samples[0], are_cut=not cut_here,
    )  # fmt: skip


def count_words(
    pieces: Pieces, config: Config, n_threads: int
) -> tuple[Vocabulary, list[MarkedTexts], bool]:
    """Go over texts for the first time.

    Returns
    -------
    Vocabulary
    list of MarkedTexts
        The only piece, which saves the second pass; empty where there are several. What is
        analysed once more need not be kept: its marks alone are as long as the text.
    bool
        Whether no text came as a list of tokens.
    """
    limit = promised()
    vocabulary = Vocabulary(None if limit is None else limit.words)
    n_pieces, cut_here = 0, True
    held: list[MarkedTexts] = []
    for texts in pieces.first():
        held = []  # the last one goes before the next one comes
        held = [analyze(texts, config, n_threads)]
        vocabulary.add(held[0])
        cut_here = cut_here and texts.token_ends is None
        n_pieces += 1
    if limit is not None:
        return_memory()
    return vocabulary, held if n_pieces == 1 else [], cut_here


def analyzed_again(pieces: Pieces, config: Config, n_threads: int) -> Iterator[MarkedTexts]:
    """Yield the texts once more, analysed."""
    for texts in pieces.again():
        yield analyze(texts, config, n_threads)


def take_sample(
    entries: Entries,
    labels: Labels,
    most_texts: int | None = None,
    most_entries: int | None = None,
) -> Sample:
    """Return some texts, or all where they are few, before their features are weighed."""
    mean = entries.size / max(len(entries), 1)
    most = min(most_texts or MOST_TEXTS, int((most_entries or MOST_ENTRIES) / max(mean, 1)))
    docs = labels.some(most, np.random.default_rng(11))
    return Sample(docs, entries.take(docs))


def check_labels(labels: Labels) -> None:
    """Raise `TrainingError` if there are fewer than two labels."""
    n_labels = len(labels.names)
    if n_labels < 2:
        name = f" ({labels.names[0]!r})" if n_labels else ""
        raise TrainingError(f"a classifier needs at least 2 labels; found {n_labels}{name}")


class TextPieces:
    """Texts in memory in pieces of about `PIECE_BYTES`, or in one."""

    def __init__(self, texts: Texts, labels: Labels, whole: bool) -> None:
        self.texts, self.whole = texts, whole
        self._labels = labels

    def first(self) -> Iterator[Texts]:
        """Yield the pieces."""
        offsets, start = self.texts.offsets, 0
        if self.whole or offsets[-1] - offsets[0] <= WHOLE_BYTES:
            yield self.texts
            return
        while True:  # one piece at least
            end = int(offsets[start]) + PIECE_BYTES
            last = max(start + 1, int(np.searchsorted(offsets, end, "right")) - 1)
            yield self.texts.slice(start, last)
            start = last
            if start >= len(self.texts):
                return

    def labels(self) -> Labels:
        """Return the labels of all texts."""
        return self._labels

    def again(self) -> Iterator[Texts]:
        """Yield the pieces once more."""
        return self.first()
