"""Texts and labels become features, once, for any number of trainings."""

from __future__ import annotations

import contextlib
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
from fasttext_lite.features.numbered import NumberedPieces
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.fitting.prepared import Prepared, Sample
from fasttext_lite.fitting.within import within
from fasttext_lite.model.choice import Choice
from fasttext_lite.parallel import cpu_count, return_memory
from fasttext_lite.system import nameless_file
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.text.marked import MarkedTexts

# What settings are tried on: so many texts at most, and so many features of theirs.
MOST_TEXTS, MOST_ENTRIES = 10_000, 3_000_000

# Texts up to the first size are analysed as a whole; longer ones in pieces of the
# second, whose marks and codes take many times as much.
WHOLE_BYTES, PIECE_BYTES = 1 << 24, 1 << 21


# Given the entries, when they are rows and counts, and the labels of the same texts.
Sampler: TypeAlias = Callable[[Entries, Labels], Sample]

# Given texts as numbers, their vocabulary and labels, the settings, resolved and as they were
# given, a seed and the number of threads: the settings to make features by, and why.
Chooser: TypeAlias = Callable[
    [NumberedPieces, Vocabulary, Labels, Config, Config, int, int], tuple[Config, Choice | None]
]


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
    chooser: Chooser | None = None,
) -> Prepared:
    """Cut texts in memory into features.

    Parameters
    ----------
    texts, labels, config, doc_weights, multilabel, n_threads
        As in `fit.fit`.
    sampler, chooser : callable, optional
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
        pieces, config, multilabel=multilabel, n_threads=n_threads, sampler=sampler,
        chooser=chooser,
    )  # fmt: skip
    return dataclasses.replace(prepared, doc_weights=doc_weights)


def prepare_pieces(
    pieces: Pieces,
    config: Config,
    *,
    multilabel: bool | None = None,
    n_threads: int | None = None,
    entries: Entries | None = None,
    sampler: Sampler | None = None,
    chooser: Chooser | None = None,
) -> Prepared:
    """Cut texts into features: words are counted and numbered first, then features are made.

    Texts are gone over once for both. Within a promise of memory they are cut twice: numbers are
    no good where words are dropped.

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
    chooser : callable, optional
        Chooses n-grams where labels are very many, see `ngrams.choose_ngrams`; not within a
        promise of memory. Default: they are as the settings say.

    Returns
    -------
    Prepared
    """
    n_threads, sampler = n_threads or cpu_count(), sampler or take_sample
    entries = Entries() if entries is None else entries
    with contextlib.ExitStack() as files:
        numbered = NumberedPieces(files.enter_context(nameless_file()) if entries.files else None)
        return _prepare(pieces, numbered, config, multilabel, n_threads, entries, sampler, chooser)


def _prepare(
    pieces: Pieces,
    numbered: NumberedPieces,
    config: Config,
    multilabel: bool | None,
    n_threads: int,
    entries: Entries,
    sampler: Sampler,
    chooser: Chooser | None,
) -> Prepared:
    """Make features as `prepare_pieces`, with room for the texts as numbers."""
    vocabulary, held, cut_here = count_words(pieces, numbered, config, n_threads)
    labels, n_texts = pieces.labels(), vocabulary.n_texts
    check_labels(labels)
    if multilabel is None:
        multilabel = labels.is_multilabel
    mean_tokens, asked = vocabulary.n_tokens / max(n_texts, 1), config
    shares = vocabulary.script_shares() if cut_here else None  # tokens of others may be words
    config = resolve(
        config, len(labels.names), multilabel, mean_tokens, n_texts, shares, labels.evenness,
        labels.per_text,
    )  # fmt: skip
    limit, choice = promised(), None
    if limit is None and chooser is not None and not config.is_noisy:
        config, choice = chooser(numbered, vocabulary, labels, config, asked, 0, n_threads)
    if limit is not None:
        config, most = within(limit, asked, config, len(labels.names), multilabel, vocabulary)
        if sampler is take_sample:
            most = min(limit.sampled(most, n_threads), MOST_ENTRIES)
            sampler = partial(take_sample, most_entries=most)
    samples: list[Sample] = []
    chunks = numbered if limit is None else analyzed_again(pieces, config, n_threads)
    space, features = FeatureSpace.fit_chunks(
        chunks, vocabulary, config, n_threads, labels, entries,
        look=lambda entries: samples.append(sampler(entries, labels)),
    )  # fmt: skip
    return Prepared(
        space.config, space, features, labels, multilabel,
        marked=held, asked=asked, sample=samples[0], are_cut=not cut_here, choice=choice,
    )  # fmt: skip


def count_words(
    pieces: Pieces, numbered: NumberedPieces, config: Config, n_threads: int
) -> tuple[Vocabulary, MarkedTexts | None, bool]:
    """Cut texts into tokens and number them.

    Parameters
    ----------
    pieces, config, n_threads
        As in `prepare_pieces`.
    numbered : NumberedPieces
        Given the texts as numbers.

    Returns
    -------
    Vocabulary
    MarkedTexts, optional
        The only piece, where the settings ask for noise in words.
    bool
        Whether no text came as a list of tokens.
    """
    limit = promised()
    vocabulary, held, cut_here = Vocabulary(None if limit is None else limit.words), None, True
    for texts in pieces.first():
        held = None  # the last one goes before the next one comes
        marked = analyze(texts, config, n_threads)
        found = vocabulary.add(marked, n_threads)
        if limit is None:
            numbered.append(found)
        held = marked if config.is_noisy else None
        cut_here = cut_here and texts.token_ends is None
        del marked, found
    if limit is not None:
        return_memory()
    return vocabulary, held, cut_here


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
    docs = labels.some(_most(mean, most_texts, most_entries), np.random.default_rng(11))
    return Sample(docs, entries.take(docs))


def sampled(
    n_labelled: int,
    mean_entries: float,
    most_texts: int | None = None,
    most_entries: int | None = None,
) -> np.ndarray:
    """Return which of the texts that have a label are the sample, int64[n_sample], ascending.

    Parameters
    ----------
    n_labelled : int
    mean_entries : float
        Mean number of features of a text.
    most_texts, most_entries : int, optional
        Default: `MOST_TEXTS`, `MOST_ENTRIES`.
    """
    most = _most(mean_entries, most_texts, most_entries)
    if n_labelled <= most:
        return np.arange(n_labelled)
    return np.sort(np.random.default_rng(11).choice(n_labelled, most, replace=False))


def _most(mean_entries: float, most_texts: int | None, most_entries: int | None) -> int:
    """Return how many texts settings are tried on at most."""
    return min(most_texts or MOST_TEXTS, int((most_entries or MOST_ENTRIES) / max(mean_entries, 1)))


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
