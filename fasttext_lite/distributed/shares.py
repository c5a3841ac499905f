"""A share of the training texts on a worker, from its texts to features that are not yet weighed.

A share is what one thread of a worker has in hand: neighbouring partitions.  Each function here is
a task: it takes what the one before has returned, changes nothing of it (it may be asked for again)
and depends on nothing but its arguments, so that a share which is lost with its worker is made
again from its source.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fasttext_lite.compiled.arrays import read_only, take_ragged
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.distributed import kernels
from fasttext_lite.distributed.cluster import Sized
from fasttext_lite.distributed.sources import Columns, Read, read_source
from fasttext_lite.errors import InputError
from fasttext_lite.estimators.targets import Target, joined_labels, label_names
from fasttext_lite.features import gains as measures
from fasttext_lite.features.entries import Entries
from fasttext_lite.features.kernels import gains as gains_kernels
from fasttext_lite.features.numbered import NumberedTexts
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.text.analyzers import analyze


# -- texts -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Summary(Sized):
    """What a share, or several, tell of their texts.

    Attributes
    ----------
    vocabulary : Vocabulary
    classes : ndarray of shape (n_classes,)
        The labels, sorted, in their own type.
    counts, weighed : float64[n_classes]
        How often each occurs, and what the texts that have it weigh together.
    kinds : frozenset of str
        Of y, see `Target`; empty where there are no texts.
    cut_here : bool
        Whether no text came as a list of tokens.
    n_several : int
        Texts with other than one label.
    is_weighted : bool
        Whether a file says what its texts weigh.
    sizes : tuple of (int, int, float)
        Of each share: its texts, those that have a label, and what all weigh together.
    of_share : tuple of ndarray
        Of each share: its `counts`, by `classes`.
    """

    vocabulary: Vocabulary
    classes: np.ndarray
    counts: np.ndarray
    weighed: np.ndarray
    kinds: frozenset[str]
    cut_here: bool
    n_several: int
    is_weighted: bool
    sizes: tuple[tuple[int, int, float], ...]
    of_share: tuple[np.ndarray, ...]

    @property
    def names(self) -> list[str]:
        """The names of the labels, as a model has them."""
        return label_names(self.classes)


@dataclass(frozen=True)
class Loaded(Sized):
    """The texts of a share, as numbers of words.

    Attributes
    ----------
    texts : list of NumberedTexts
        Of each source that has texts; numbers are those of the share's own vocabulary.
    classes : ndarray of shape (n_classes,)
        Of this share.
    labels : Labels
        Ids are places in `classes`.
    weights : float64[n_texts], optional
    summary : Summary
    """

    texts: list[NumberedTexts]
    classes: np.ndarray
    labels: Labels
    weights: np.ndarray | None
    summary: Summary


def load(
    sources: Sequence[tuple[str, str]], blocks: Sequence[Sequence[Any]], columns: Columns,
    config: Config,
) -> Loaded:  # fmt: skip
    """Read the sources of a share, and count words and labels.

    Parameters
    ----------
    sources : sequence of (str, str)
        `where` and `kind` of each.
    blocks : sequence of sequences
        Of each, computed.
    columns : Columns
    config : Config
        As it was given.

    Raises
    ------
    InputError
        If a source cannot be read; the message begins with what it is.
    """
    vocabulary, texts, found = Vocabulary(), [], []
    cut_here = True
    for (where, kind), own in zip(sources, blocks, strict=True):
        read = read_source(where, kind, own, columns)
        if not len(read.texts):
            continue
        texts.append(vocabulary.add(analyze(read.texts, config, 1)))
        cut_here = cut_here and read.texts.token_ends is None
        found.append((where, read))
    classes, labels, kinds = _joined_targets(found)
    weights = None
    if any(read.weights is not None for _, read in found):
        weights = np.concatenate(
            [np.ones(len(r.texts)) if r.weights is None else r.weights for _, r in found]
        )
    sizes = np.diff(labels.indptr)
    of_text = np.ones(len(labels)) if weights is None else weights
    counts = labels.counts().astype(np.float64)
    summary = Summary(
        vocabulary, classes, counts,
        np.bincount(labels.ids, np.repeat(of_text, sizes), classes.size),
        kinds, cut_here, int(np.count_nonzero(sizes != 1)), weights is not None,
        ((len(labels), int(np.count_nonzero(sizes)), float(of_text.sum())),), (counts,),
    )  # fmt: skip
    return Loaded(texts, classes, labels, weights, summary)


def summary_of(loaded: Loaded) -> Summary:
    """Return what a share tells of its texts."""
    return loaded.summary


def _joined_targets(
    found: Sequence[tuple[str, Read]],
) -> tuple[np.ndarray, Labels, frozenset[str]]:
    """Return the labels of several sources, by their common classes."""
    classes = np.empty(0, np.str_)
    for where, read in found:
        assert read.target is not None
        classes = _more_classes(classes, read.target.classes, where)
    ids, sizes, kinds = [np.empty(0, np.int32)], [np.empty(0, np.int64)], set()
    for _, read in found:
        target: Target = read.target  # type: ignore[assignment]
        places = np.searchsorted(classes, target.classes)
        ids.append(places[target.labels.ids].astype(np.int32))
        sizes.append(np.diff(target.labels.indptr))
        kinds.add(target.kind)
    indptr = np.append(0, np.cumsum(np.concatenate(sizes)))
    return classes, Labels(np.concatenate(ids), indptr, label_names(classes)), frozenset(kinds)


def _more_classes(known: np.ndarray, more: np.ndarray, where: str) -> np.ndarray:
    if not known.size:
        return more
    try:
        return joined_labels(known, more)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def join_summaries(parts: list[Summary]) -> Summary:
    """Return what several neighbouring shares tell together."""
    first = parts[0]
    if len(parts) == 1:
        return first
    vocabulary = Vocabulary()
    classes = np.empty(0, np.str_)
    for part in parts:
        vocabulary.join(part.vocabulary)
        classes = _more_classes(classes, part.classes, "labels of other partitions")
    counts, weighed = np.zeros(classes.size), np.zeros(classes.size)
    of_share: list[np.ndarray] = []
    for part in parts:
        places = np.searchsorted(classes, part.classes)
        counts[places] += part.counts
        weighed[places] += part.weighed
        for each in part.of_share:
            of_share.append(np.zeros(classes.size))
            of_share[-1][places] = each
    return Summary(
        vocabulary, classes, counts, weighed,
        frozenset().union(*(part.kinds for part in parts)),
        all(part.cut_here for part in parts), sum(part.n_several for part in parts),
        any(part.is_weighted for part in parts), sum((part.sizes for part in parts), ()),
        tuple(of_share),
    )  # fmt: skip


# -- codes and rows --------------------------------------------------------------------------
@dataclass(frozen=True)
class Known(Sized):
    """What shares need to find the codes of their texts.

    Attributes
    ----------
    config : Config
        Resolved.
    pool, word_ends
        The vocabulary, as of `FeatureSpace`.
    classes : ndarray of shape (n_classes,)
        Of all texts.
    """

    config: Config
    pool: np.ndarray
    word_ends: np.ndarray
    classes: np.ndarray


@dataclass(frozen=True)
class Numbered(Sized):
    """The features of a share's texts before they are weighed, as codes or as rows.

    Attributes
    ----------
    entries : Entries
    labels : Labels
        Ids are places in the classes of all texts.
    weights : float64[n_texts], optional
    codes : int32[n_codes]
        Those that occur, ascending; empty where there are rows.
    frequency : int32[n_codes] or int32[n_rows]
        How many of its texts have each.
    """

    entries: Entries
    labels: Labels
    weights: np.ndarray | None
    codes: np.ndarray
    frequency: np.ndarray


def find_codes(loaded: Loaded, known: Known) -> Numbered:
    """Return the codes of a share's texts."""
    raw = FeatureSpace.without_rows(known.config, known.pool, known.word_ends)
    entries = Entries()
    frequency = raw.take_codes(loaded.texts, loaded.summary.vocabulary, entries, 1)
    codes = np.flatnonzero(frequency).astype(np.int32)
    numbers = np.searchsorted(known.classes, loaded.classes).astype(np.int32)
    ids = numbers[loaded.labels.ids] if loaded.labels.ids.size else loaded.labels.ids
    labels = Labels(ids, loaded.labels.indptr, label_names(known.classes))
    return Numbered(entries, labels, loaded.weights, codes, frequency[codes])


@dataclass(frozen=True)
class Frequency(Sized):
    """How many texts have each code, of some shares, and how many features these have."""

    codes: np.ndarray
    n_texts: np.ndarray
    n_entries: int


def frequency_of(coded: Numbered) -> Frequency:
    """Return how many texts of a share have each code."""
    return Frequency(coded.codes, coded.frequency, coded.entries.size)


def join_frequencies(parts: list[Frequency]) -> Frequency:
    """Return how many texts of several shares have each code; codes ascend."""
    if len(parts) == 1:
        return parts[0]
    codes = np.concatenate([part.codes for part in parts])
    counts = np.concatenate([part.n_texts for part in parts])
    size = int(codes.max(initial=-1)) + 1
    sums = np.zeros(size, np.int32)
    for part in parts:
        sums[part.codes] += part.n_texts
    found = np.flatnonzero(sums).astype(np.int32) if codes.size else codes
    return Frequency(
        found, sums[found] if codes.size else counts, sum(part.n_entries for part in parts)
    )


def find_rows(coded: Numbered, row_codes: np.ndarray, config: Config) -> Numbered:
    """Return the rows of a share's texts, given the code of each row."""
    none = np.empty(0, np.int64)
    space = FeatureSpace(config, none.astype(np.uint8), none, row_codes, row_codes, 0)
    entries = copy.deepcopy(coded.entries)
    highest = [int(codes.max(initial=-1)) for codes, *_ in entries.parts()]
    n_codes = max([int(row_codes.max(initial=0)), *highest]) + 1
    space.number(entries, n_codes=n_codes)
    frequency = np.zeros(n_codes, np.int32)
    frequency[coded.codes] = coded.frequency
    return replace(coded, entries=entries, codes=none, frequency=frequency[row_codes])


# -- gains -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Listed(Sized):
    """The labels of a share's texts that have each of some neighbouring rows.

    Attributes
    ----------
    counts : int32[n_counted, n_labels]
        Of the first rows, which many texts have: how many of these have each label.
    frequency : int32[n_listed]
        Texts of each further row.
    ids : uint8, uint16 or int32[]
        Their labels, row after row.
    indptr : int64[sum of frequency + 1], optional
        Where the labels of each of these texts begin; None where each has one.
    """

    counts: np.ndarray
    frequency: np.ndarray
    ids: np.ndarray
    indptr: np.ndarray | None


def list_labels(numbered: Numbered, first: int, split: int) -> Listed:
    """Return the labels of a share's texts that have each of the rows from `first` on.

    They are counted of rows before `split`, and listed of the others.
    """
    entries, labels = numbered.entries, numbered.labels
    last = numbered.frequency.size
    frequency = numbered.frequency[split:]
    at = np.cumsum(frequency, dtype=np.int64) - frequency
    counts = np.zeros((split - first, len(labels.names)), np.int32)
    several = labels.is_multilabel
    dtype = np.min_scalar_type(max(len(labels.names) - 1, 0))
    if several or dtype.itemsize > 2:
        dtype = np.dtype(np.int32)
    found, none = np.empty(int(frequency.sum()), dtype), np.empty(0, np.int64)
    counted = measures.Range(first, split, counts, none, none)
    listed = measures.Range(split, last, found, at, at.copy())
    if not several:
        measures.take_entries(entries.parts, labels, [counted, listed], last)
        return Listed(counts, frequency, found, None)
    measures.take_entries(entries.parts, labels, [counted], last)
    texts = np.arange(len(labels) + 1)
    own = Labels(texts[:-1].astype(np.int32), texts, [])  # the texts themselves, for now
    measures.take_entries(entries.parts, own, [listed], last)
    starts, ids = take_ragged(labels.indptr, found, labels.ids)
    return Listed(counts, frequency, ids, starts)


def part_of_lists(listed: Listed, first: int, last: int) -> Listed:
    """Return those of the rows from place `first` to `last` - 1."""
    n = len(listed.counts)
    a, b = max(first - n, 0), max(last - n, 0)
    begin = int(listed.frequency[:a].sum())
    frequency = listed.frequency[a:b]
    end = begin + int(frequency.sum())
    indptr = listed.indptr
    if indptr is not None:
        indptr = indptr[begin : end + 1]
        begin, end = int(indptr[0]), int(indptr[-1])
        indptr = indptr - begin
    return Listed(listed.counts[first:last], frequency, listed.ids[begin:end], indptr)


@dataclass(frozen=True)
class Joined(Sized):
    """The labels of all texts that have each of some rows.

    Attributes
    ----------
    counts : int32[n_counted, n_labels]
        Of the first rows, as of `Listed`.
    begins, ends : int64[n_listed]
        The texts of a further row are `docs[begin:end]`.
    docs : int32[n]
        Of these, the labels; where some have several, numbers in `labels`.
    labels : Labels, optional
        None where each has one.
    """

    counts: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    docs: np.ndarray
    labels: Labels | None


def join_lists(parts: Sequence[Listed], names: list[str]) -> Joined:
    """Return what all shares have listed of the same rows, in the order of the shares."""
    total = np.sum([part.frequency for part in parts], axis=0, dtype=np.int64)
    ends = np.cumsum(total)
    at, several, n = ends - total, any(part.indptr is not None for part in parts), 0
    docs = np.empty(int(total.sum()), np.int32 if several else parts[0].ids.dtype)
    for part in parts:
        size = int(part.frequency.sum())
        own = np.arange(n, n + size, dtype=np.int32) if several else part.ids
        kernels.append_lists(part.frequency, read_only(own), at, docs)
        n += size
    labels = None
    if several:
        sizes = [
            np.ones(part.ids.size, np.int64) if part.indptr is None else np.diff(part.indptr)
            for part in parts
        ]
        ids = np.concatenate([part.ids for part in parts], dtype=np.int32)
        labels = Labels(ids, np.append(0, np.cumsum(np.concatenate(sizes))), names)
    counts = np.array([part.counts for part in parts]).sum(axis=0, dtype=np.int32)
    return Joined(counts, ends - total, ends, docs, labels)


def find_agreements(joined: Joined, asked: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return `gains.agreements` of those of the rows that are asked, by their places here."""
    asked = asked - len(joined.counts)
    begins, ends, docs, labels = (
        joined.begins[asked],
        joined.ends[asked],
        joined.docs,
        joined.labels,
    )
    if labels is None:
        labels = Labels(docs.astype(np.int32), np.arange(docs.size + 1), [])
        docs = np.arange(docs.size, dtype=np.int32)
    return measures.agreements(begins, ends, docs, labels, counts)


def find_gains(joined: Joined, counts: np.ndarray, pseudo_count: float) -> np.ndarray:
    """Return how much the rows tell about the labels, float32[n_rows]."""
    begins, ends, listed, labels = joined.begins, joined.ends, joined.docs, joined.labels
    if labels is not None:
        starts, listed = take_ragged(labels.indptr, listed, labels.ids)
        begins, ends = starts[begins], starts[ends]
    n, prior = len(joined.counts), counts / counts.sum()
    gains = np.empty(n + begins.size, np.float32)
    gains_kernels.gains_of_counts(joined.counts, prior, pseudo_count, gains[:n])
    gains_kernels.measure_gains(begins, ends, listed, prior, pseudo_count, gains[n:])
    return gains
