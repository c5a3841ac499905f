"""Which n-grams are used where labels are very many: tried on some labels, with all their texts.

What n-grams tell depends on how many texts a label and a word have. A sample of all texts would
leave one or two to a label, and n-grams would do too well there; some of the labels, with all the
texts that each has, keep what a label has. Candidates are trained on four fifths of these texts,
before features of all are made.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.recipe import leaner, resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import make_folds
from fasttext_lite.features.numbered import NumberedPieces, NumberedTexts
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.fitting.calibrate import LEAST_TEXTS
from fasttext_lite.fitting.ladder import FOLDS, MARGIN, Part, Step, report_of
from fasttext_lite.fitting.prepare import take_sample
from fasttext_lite.fitting.prepared import Prepared, Sample
from fasttext_lite.model.calibration import MOST_LEAVES
from fasttext_lite.model.choice import Choice
from fasttext_lite.parallel import run_blocks

# So many texts are wanted, and no label is drawn that has a larger part of them by itself.
TRIED_TEXTS, LARGEST = 10_000, 10


def choose_ngrams(
    pieces: NumberedPieces,
    vocabulary: Vocabulary,
    labels: Labels,
    config: Config,
    asked: Config,
    seed: int = 0,
    n_threads: int = 1,
) -> tuple[Config, Choice | None]:
    """Return the settings with the n-grams that do best on texts held out, and how it went.

    The fewest are taken that are at most `MARGIN` standard errors behind the best.

    Parameters
    ----------
    pieces : NumberedPieces
        Left as they are.
    vocabulary : Vocabulary
        Of the same texts.
    labels : Labels
    config : Config
        Resolved.
    asked : Config
        The same as it was given: what it sets is not tried.
    seed, n_threads : int
        The result depends on the seed alone.

    Returns
    -------
    Config
    Choice, optional
        Where several were tried: labels in a tree, more of them than the ladder tries settings on.
    """
    changes = leaner(asked, config)
    if not changes or not LOSSES[config.loss].uses_tree or len(labels.names) <= MOST_LEAVES:
        return config, None
    docs, labels = some_labels(labels, seed)
    if docs.size < FOLDS * LEAST_TEXTS:
        return config, None
    texts, vocabulary = of_texts(pieces.take(docs), vocabulary)
    configs = [config.replace(**each) for each in [{}, *changes]]
    rest, held = make_folds(labels, FOLDS, seed)[0]
    given = asked.replace(loss=config.loss)
    rate = resolve(given, len(labels.names), True, labels_per_text=labels.per_text).lr
    found: dict[int, Step] = {}

    def judge(i: int) -> None:
        part = _part(texts, vocabulary, labels, configs[i], rest, held)
        # A tree that needs no vectors of labels is as good to compare by.
        trial = part.prepared[0].config.replace(tree="huffman", lr=rate)
        found[i] = Step(configs[i], [part.judged(trial, seed)])

    run_blocks(judge, len(configs), n_threads)
    steps = [found[i] for i in range(len(configs))]
    taken, why = taken_of(steps)
    return taken.config, report_of(steps, taken, why, list(changes[-1]))


def taken_of(steps: list[Step]) -> tuple[Step, str]:
    """Return the step of the fewest n-grams that is hardly worse than the best, and why.

    Steps stand by falling numbers of n-grams. A sample is kind to them: many that would be in
    the way are in a single text of it, or in none that is held out.
    """
    best = max(steps, key=lambda step: step.accuracy)
    taken = next(step for step in reversed(steps) if step.ahead_of(best) >= -MARGIN)
    if taken is steps[0]:
        return taken, "fewer n-grams are more than a standard error worse"
    ahead = taken.ahead_of(steps[0])
    if ahead >= 0:
        return taken, f"{ahead:.1f} standard errors more accurate than the default"
    return taken, f"{-ahead:.1f} standard errors less accurate than the default, and far quicker"


def some_labels(labels: Labels, seed: int = 0) -> tuple[np.ndarray, Labels]:
    """Draw labels, with all their texts, until they have about `TRIED_TEXTS`.

    Parameters
    ----------
    labels : Labels
    seed : int

    Returns
    -------
    docs : int64[n_docs]
        The texts that have any of the labels drawn, ascending.
    labels : Labels
        Theirs, without those that were not drawn.
    """
    counts = labels.counts()
    rare = np.flatnonzero((counts > 0) & (counts <= TRIED_TEXTS // LARGEST))
    drawn = np.random.default_rng([seed, 13]).permutation(rare)
    drawn = drawn[: int(np.searchsorted(np.cumsum(counts[drawn]), TRIED_TEXTS)) + 1]
    numbers = np.full(counts.size + 1, -1, np.int32)  # the last for -1
    numbers[np.sort(drawn)] = np.arange(drawn.size)
    ids = numbers[labels.ids]
    places = np.flatnonzero(ids >= 0)
    of_place = np.searchsorted(labels.indptr, places, "right") - 1
    docs, sizes = np.unique(of_place, return_counts=True)
    names = [labels.names[i] for i in np.sort(drawn).tolist()]
    return docs, Labels(ids[places], np.append(0, np.cumsum(sizes)), names)


def of_texts(texts: NumberedTexts, vocabulary: Vocabulary) -> tuple[NumberedTexts, Vocabulary]:
    """Return texts with numbers of a vocabulary of their own."""
    used, numbers = np.unique(texts.numbers, return_inverse=True)
    counts = np.bincount(numbers, minlength=used.size)
    own = vocabulary.of_words(used, counts, len(texts))
    return NumberedTexts(numbers.astype(np.int32), texts.offsets), own


def _part(
    texts: NumberedTexts,
    vocabulary: Vocabulary,
    labels: Labels,
    config: Config,
    rest: np.ndarray,
    held: np.ndarray,
) -> Part:
    """Return the texts as features of these settings, some of them held out."""
    samples: list[Sample] = []
    space, features = FeatureSpace.fit_chunks(
        [texts], vocabulary, config, 1, labels,
        look=lambda entries: samples.append(take_sample(entries, labels, len(entries))),
    )  # fmt: skip
    prepared = Prepared(space.config, space, features, labels, labels.is_multilabel)
    prepared = dataclasses.replace(prepared, config=prepared.config.with_dtype(space.n_rows))
    (sample,) = samples
    weights = np.ones(len(labels))
    return Part(prepared, sample.counts, labels, weights, rest, held)
