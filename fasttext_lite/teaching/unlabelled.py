"""Learn from texts without labels: teachers that check each other, and a model of what they say.

The way is co-training (A. Blum, T. Mitchell: Combining Labeled and Unlabeled Data with
Co-Training, 1998) with two views of a text. Vectors of words, trained on all texts, see what the
few labelled ones cannot: which words mean the same. The model of words and n-grams sees what the
mean of vectors blurs. First each learns from the labelled texts alone, and both together
(`teachers.mixed`) give every other text a label and a weight. Then models are trained on one half
of the texts and asked about the other, so that none repeats what it was told; the vectors learn
from them, and both together label all texts anew. The last model learns from all texts.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.shares import likeliest
from fasttext_lite.corpus.split import make_folds
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.fitting.calibrate import Judged, calibrate
from fasttext_lite.fitting.ladder import FEW_APART, FOLDS, HELD_OUT, MARGIN, lead
from fasttext_lite.fitting.prepare import MOST_TEXTS
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.parallel import cpu_count, run_blocks
from fasttext_lite.teaching.files import MOST_CELLS
from fasttext_lite.teaching.pool import Job, Pool
from fasttext_lite.teaching.teachers import (
    STRENGTHS,
    Probe,
    fit_powers,
    log_loss,
    mixed,
    one_thread,
)
from fasttext_lite.teaching.words import Words, centred
from fasttext_lite.text.analyzers import analyze

logger = logging.getLogger("fasttext_lite")

LEAST_LABELLED = 10  # fewer cannot say whether it helps
MOST_CHECKED = 8_000  # texts without labels that it is tried with
ROUNDS = 2
# Texts that a probe learns from in a round: so many, or so many of a label.
PROBED, PROBED_OF_LABEL = 6_000, 60
OWN_WEIGHT = 5.0  # of labelled texts beside these
EVEN = (0.5, 0.5)


class Progress:
    """Tells of each stage what it found and how long it took.

    Parameters
    ----------
    say : callable, optional
        Given a line.
    """

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self.say = say
        self.words: list[str] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[list[str]]:
        """Tell of a stage when it is done; what is put into the list is told as well."""
        found: list[str] = []
        start = time.perf_counter()
        yield found
        if self.say is not None:
            said = f": {', '.join(found)}" if found else ""
            self.say(f"{name} ({time.perf_counter() - start:.1f} s){said}")


@dataclass
class Fold:
    """Labelled texts to learn from, and some that are held out.

    Attributes
    ----------
    rest, held : int64
        Numbers of texts.
    probes : list of list of Probe
        For each kind of vectors, one for each of `STRENGTHS`.
    says : list of float32[n_held, n_labels]
        What teachers say of the texts held out; the last is the model of words and n-grams.
    model_says : float32[n_texts, n_labels]
        What that model says of the texts it is tried with.
    """

    rest: np.ndarray
    held: np.ndarray
    probes: list[list[Probe]] = field(default_factory=list)
    says: list[np.ndarray] = field(default_factory=list)
    model_says: np.ndarray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class Taught:
    """All texts with what to learn of each.

    Attributes
    ----------
    pool : Pool
    ids : int32[n_texts]
        A label of each text: its own, or what the teachers say.
    weights : float32[n_texts]
        How much it counts.
    calibration : Calibration
        Of a model of these texts.
    vectors : float32[n_texts, dim], optional
        Of the texts by their words.
    """

    pool: Pool
    ids: np.ndarray
    weights: np.ndarray
    calibration: Calibration
    vectors: np.ndarray | None = None

    @property
    def texts(self) -> Texts:
        """All texts, the labelled ones first."""
        return self.pool.texts

    @property
    def labels(self) -> Labels:
        """One label of each text."""
        return self.pool.named(self.ids)

    def prepared(self, factors: np.ndarray | None = None) -> Prepared:
        """Return features and labels of all texts.

        Parameters
        ----------
        factors : float[n_texts], optional
            Of the weights.
        """
        weights = self.weights if factors is None else self.weights * factors
        docs = np.arange(self.ids.size)
        part = self.pool.part(docs, self.ids, weights / weights.mean())
        marked = self.pool.prepared.marked
        return dataclasses.replace(part.prepared, calibration=self.calibration, marked=marked)


class Classroom:
    """Teachers and what they know.

    Parameters
    ----------
    pool : Pool
    vectors : list of float32[n_texts, dim]
        Dense vectors of the texts, of one kind or several.
    weights : float[n_labelled], optional
        Factors of the labelled texts.
    seed : int
    progress : Progress
    """

    def __init__(
        self,
        pool: Pool,
        vectors: list[np.ndarray],
        weights: np.ndarray | None,
        seed: int,
        progress: Progress,
    ) -> None:
        self.pool, self.vectors, self.seed, self.progress = pool, vectors, seed, progress
        self.n_threads, self.n_labels = pool.n_threads, pool.n_labels
        self.weights = np.ones(pool.n_labelled) if weights is None else weights.astype(np.float64)
        self.ids = pool.labels.ids
        rng = np.random.default_rng([seed, 21])
        # Of each fold, what its model says of all of them is kept.
        room = max(MOST_CELLS // (4 * self.n_labels), 1)
        n_tried = min(pool.others.size, MOST_CHECKED, room)
        self.tried = np.sort(rng.choice(pool.others, n_tried, replace=False))
        self.folds = self._make_folds(rng)
        self.strengths = [0] * len(vectors)  # places in STRENGTHS
        self.powers: list[float] = []
        self.strayed = 0.0

    def _make_folds(self, rng: np.random.Generator) -> list[Fold]:
        """Return labelled texts to hold out, as many as are enough."""
        n, docs = self.pool.n_labelled, np.arange(self.pool.n_labelled)
        if n > MOST_TEXTS:
            docs = np.sort(rng.choice(docs, MOST_TEXTS, replace=False))
        n_held = max(min(-(-HELD_OUT * FOLDS // docs.size), FOLDS), 1)
        found = make_folds(self.pool.labels.take(docs), FOLDS, self.seed)[:n_held]
        return [Fold(docs[rest], docs[held]) for rest, held in found if held.size]

    @property
    def held(self) -> np.ndarray:
        """Numbers of the texts that were held out, of all folds."""
        return np.concatenate([fold.held for fold in self.folds])

    # -- what is learnt from the labelled texts --
    def meet(self) -> None:
        """Let each teacher learn from the labelled texts, and find out how far to trust it."""
        with self.progress.stage("teachers of the labelled texts") as found:
            run_blocks(self._meet_fold, len(self.folds), self.n_threads)
            ids = self.ids[self.held]
            parts = []
            for kind in range(len(self.vectors)):
                n = len(STRENGTHS)
                said = [
                    np.concatenate([fold.says[kind * n + i] for fold in self.folds])
                    for i in range(n)
                ]
                best = int(np.argmin([log_loss(each, ids) for each in said]))
                self.strengths[kind] = best
                parts.append(said[best])
            parts.append(np.concatenate([fold.says[-1] for fold in self.folds]))
            self.powers = fit_powers(parts, ids)
            found += [
                f"{name} right of {np.mean(part.argmax(1) == ids):.1%} held out"
                for name, part in zip(self._names(), parts, strict=True)
            ]

    def _names(self) -> list[str]:
        n = len(self.vectors)
        return ["embeddings", "vectors of words"][-n:] + ["words and n-grams"] if n else []

    def _meet_fold(self, i: int) -> None:
        fold = self.folds[i]
        ids, weights = self.ids[fold.rest], self.weights[fold.rest]
        for vectors in self.vectors:
            probes = [
                Probe.fit(vectors[fold.rest], ids, self.n_labels, each, weights)
                for each in STRENGTHS
            ]
            fold.probes.append(probes)
            fold.says += [probe.probabilities(vectors[fold.held]) for probe in probes]
        asked = np.concatenate([fold.held, self.tried])
        said = Job(fold.rest, ids, weights, asked).run(self.pool, self.seed)
        fold.says.append(said[: fold.held.size])
        fold.model_says = said[fold.held.size :]

    def first(self) -> np.ndarray:
        """Return what all teachers together say of the texts without labels.

        Returns
        -------
        float32[n_others, n_labels]
        """
        docs, others = np.arange(self.pool.n_labelled), self.pool.others
        parts = [
            Probe.fit(
                vectors[docs], self.ids, self.n_labels, STRENGTHS[self.strengths[kind]],
                self.weights,
            ).probabilities(vectors[others])
            for kind, vectors in enumerate(self.vectors)
        ]  # fmt: skip
        job = Job(docs, self.ids, self.weights, others)
        return mixed([*parts, *self.pool.train([job], self.seed)], self.powers)

    # -- does it help? --
    def check(self) -> tuple[float, Calibration]:
        """Return how many standard errors better models are with texts without labels.

        Models of the labelled texts that are not held out, and of these with texts that the
        teachers have labelled, are asked about those held out.
        """
        with self.progress.stage("tried on texts held out") as found:
            judged: list[Judged | None] = [None] * len(self.folds)

            def work(i: int) -> None:
                judged[i] = self._try_fold(self.folds[i])

            run_blocks(work, len(self.folds), self.n_threads)
            parts = [each for each in judged if each is not None]
            ids = self.ids[self.held]
            before = np.concatenate([fold.says[-1] for fold in self.folds]).argmax(axis=1) == ids
            after = np.concatenate([each.right for each in parts])
            weights = self.weights[self.held]
            found.append(
                f"right of {ids.size:,} labelled texts held out: {before.sum():,} without the "
                f"unlabelled texts, {after.sum():,} with {self.tried.size:,} of them"
            )
            gains = after.astype(np.float64) - before
            return lead(gains, weights, FEW_APART), calibrate(parts)

    def _try_fold(self, fold: Fold) -> Judged:
        parts = [
            probes[strength].probabilities(vectors[self.tried])
            for probes, strength, vectors in zip(
                fold.probes, self.strengths, self.vectors, strict=True
            )
        ]
        ids, weights = likeliest(mixed([*parts, fold.model_says], self.powers))
        part = self.pool.part(
            np.concatenate([fold.rest, self.tried]),
            np.concatenate([self.ids[fold.rest], ids]),
            np.concatenate([self.weights[fold.rest], weights]),
        )
        return part.judged(part.trained(self.seed), fold.held, self.ids[fold.held])

    # -- rounds --
    def round(self, said: np.ndarray, number: int) -> np.ndarray:
        """Let models of one half of the texts judge the other, and the vectors learn from them.

        Parameters
        ----------
        said : float32[n_others, n_labels]
            What the texts are taken to be.
        number : int

        Returns
        -------
        float32[n_others, n_labels]
            What they are taken to be now.
        """
        ids, weights = likeliest(said)
        n, others = self.pool.n_labelled, self.pool.others
        rng = np.random.default_rng([self.seed, 22, number])
        halves = rng.permutation(others.size) % 2
        jobs = []
        for half in (0, 1):
            own, asked = np.flatnonzero(halves == half), np.flatnonzero(halves != half)
            rng.shuffle(asked)  # some of them calibrate the model
            jobs.append((own, asked))
        found = np.empty(said.shape, np.float32)
        trained = self.pool.train(
            [
                Job(
                    np.concatenate([np.arange(n), others[own]]),
                    np.concatenate([self.ids, ids[own]]),
                    np.concatenate([self.weights, weights[own]]),
                    others[asked],
                    ids[asked],
                )
                for own, asked in jobs
            ],
            self.seed + number,
        )
        for (_, asked), part in zip(jobs, trained, strict=True):
            found[asked] = part
        parts = [self._probed(kind, found, rng) for kind in range(len(self.vectors))]
        power = 1 / (len(parts) + 1)
        return mixed([found, *parts], [power] * (len(parts) + 1))

    def _probed(self, kind: int, said: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return what a probe says that has learnt from what models say."""
        vectors, others = self.vectors[kind], self.pool.others
        n_asked = min(max(PROBED, PROBED_OF_LABEL * self.n_labels), others.size)
        chosen = np.sort(rng.choice(others.size, n_asked, replace=False))
        ids, weights = likeliest(said[chosen])
        docs = np.concatenate([np.arange(self.pool.n_labelled), others[chosen]])
        probe = Probe.fit(
            vectors[docs], np.concatenate([self.ids, ids]), self.n_labels,
            STRENGTHS[self.strengths[kind]],
            np.concatenate([OWN_WEIGHT * self.weights, weights]),
        )  # fmt: skip
        return probe.probabilities(vectors[others])


def learn(
    texts: Texts,
    labels: Labels,
    others: Texts,
    config: Config,
    *,
    embeddings: np.ndarray | None = None,
    doc_weights: np.ndarray | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    say: Callable[[str], None] | None = None,
    is_tried: bool = True,
) -> Taught | None:
    """Give texts without labels what to learn of them.

    Parameters
    ----------
    texts, labels : Texts, Labels
        Each text has one label.
    others : Texts
        Without labels.
    config : Config
    embeddings : float32[n_texts + n_others, dim], optional
        Of any encoder, as a teacher more.
    doc_weights : float32[n_texts], optional
    seed, n_threads : int
        With one thread the result depends on the seed alone.
    say : callable, optional
        Given a line of each stage.
    is_tried : bool
        Whether it must help on labelled texts that are held out.

    Returns
    -------
    Taught, optional
        None where it does not help on labelled texts that are held out; that is logged.
    """
    why, taught = "", None
    try:
        with one_thread:
            taught = _learn(
                texts, labels, others, config, embeddings, doc_weights, seed,
                n_threads or cpu_count(), Progress(say), is_tried,
            )  # fmt: skip
    except LeftOutError as reason:
        why = str(reason)
    except TrainingError as error:  # too little is known of a part of the labelled texts
        why = f"without some labelled texts, that are held out, {error}"
    if taught is None:
        logger.warning("the unlabelled texts are not learnt from: %s", why)
    return taught


class LeftOutError(Exception):
    """Texts without labels do not help, or nobody can say so; the message says why."""


def _learn(
    texts: Texts,
    labels: Labels,
    others: Texts,
    config: Config,
    embeddings: np.ndarray | None,
    doc_weights: np.ndarray | None,
    seed: int,
    n_threads: int,
    progress: Progress,
    is_tried: bool,
) -> Taught:
    """Do what `learn` does; raise `LeftOutError` where it does not help."""
    if not len(others):
        raise LeftOutError("there is none that is not among the labelled ones")
    if len(texts) < LEAST_LABELLED:
        raise LeftOutError(f"{len(texts)} labelled texts are too few to tell whether they help")
    with progress.stage("features") as found:
        pool = Pool(texts, labels, others, config, n_threads)
        found.append(f"{len(texts):,} labelled texts, {len(others):,} unlabelled ones")
    vectors = [] if embeddings is None else [centred(embeddings)]
    of_words = _word_vectors(pool, config, seed, n_threads, progress)
    vectors += of_words
    room = Classroom(pool, vectors, doc_weights, seed, progress)
    if not room.folds:
        raise LeftOutError("each label has one text: there is none to tell by whether they help")
    room.meet()
    ahead, calibration = room.check()
    if is_tried and ahead < MARGIN:
        shown = math.floor(10 * ahead) / 10  # which is below what is wanted, too
        raise LeftOutError(
            f"on labelled texts held out they bring {shown} standard errors more right ones, "
            f"{MARGIN:g} is wanted"
        )
    with progress.stage("all teachers together"):
        said = room.first()
        pool.weigh_by(np.concatenate([labels.ids, said.argmax(axis=1)]))
    for number in range(1, ROUNDS + 1):
        with progress.stage(f"round {number}") as found:
            before = said.argmax(axis=1)
            said = room.round(said, number)
            found.append(f"{np.mean(before != said.argmax(axis=1)):.1%} of the texts relabelled")
    ids, weights = likeliest(said)
    return Taught(
        pool, np.concatenate([labels.ids, ids]).astype(np.int32),
        np.concatenate([room.weights, weights]).astype(np.float32), calibration,
        of_words[0] if of_words else None,
    )  # fmt: skip


def _word_vectors(
    pool: Pool, config: Config, seed: int, n_threads: int, progress: Progress
) -> list[np.ndarray]:
    """Return the vectors of all texts by their words; none where there are no two words."""
    with progress.stage("vectors of words") as found:
        words = Words(analyze(pool.texts, config, n_threads), config, n_threads)
        found.append(f"{words.counts.size:,} words, {words.numbers.size:,} tokens")
        try:
            vectors = words.train(seed, n_threads)
        except TrainingError:
            return []
        return [words.text_vectors(vectors)]
