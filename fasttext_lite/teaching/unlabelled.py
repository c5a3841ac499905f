"""Learn from texts without labels: teachers that check each other, and a model of what they say.

The way is co-training (A. Blum, T. Mitchell: Combining Labeled and Unlabeled Data with
Co-Training, 1998) with two views of a text. Vectors of words, trained on all texts, see what the
few labelled ones cannot: which words mean the same. The model of words and n-grams sees what the
mean of vectors blurs. First each learns from the labelled texts alone, what is said of a text
spreads to those beside it (`views`), and both together (`teachers.mixed`) give every other text a
label and a weight. Then models are trained on one half of the texts and asked about the other, so
that none repeats what it was told; the vectors learn from them, and all together label all texts
anew. The last model learns from all texts. An encoder's embeddings are one more view.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.shares import likeliest
from fasttext_lite.corpus.split import make_folds
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.fitting.abstaining import Answers
from fasttext_lite.fitting.calibrate import Judged, calibrate
from fasttext_lite.fitting.ladder import FEW_APART, FOLDS, HELD_OUT, MARGIN, lead
from fasttext_lite.fitting.prepare import MOST_TEXTS
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.parallel import cpu_count, run_blocks
from fasttext_lite.teaching.files import MOST_CELLS
from fasttext_lite.teaching.neighbours import Graph
from fasttext_lite.teaching.pool import Job, Pool
from fasttext_lite.teaching.teachers import Probe, fit_powers, log_loss, mixed, one_thread
from fasttext_lite.teaching.views import EMBEDDINGS, OF_WORDS, SHARES, STRENGTHS, View
from fasttext_lite.teaching.words import Words, centred
from fasttext_lite.text.analyzers import analyze

logger = logging.getLogger("fasttext_lite")

LEAST_LABELLED = 10  # fewer cannot say whether it helps
MOST_CHECKED = 8_000  # texts without labels that it is tried with
ROUNDS = 2
# Texts that a probe learns from in a round: so many, or so many of a label.
PROBED, PROBED_OF_LABEL = 6_000, 60
OWN_WEIGHT = 5.0  # of labelled texts beside these
EVEN = (0.5, 0.5)  # what models say, and what was said before


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
        For each view, one for each of `STRENGTHS`.
    says : float32[n_held, n_labels]
        What the model of words and n-grams says of the texts held out.
    says_of_tried : float32[n_tried, n_labels]
        And of the texts it is tried with.
    """

    rest: np.ndarray
    held: np.ndarray
    probes: list[list[Probe]] = field(default_factory=list)
    says: np.ndarray = field(default_factory=lambda: np.empty(0))
    says_of_tried: np.ndarray = field(default_factory=lambda: np.empty(0))


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
        Of the view that labelled texts trust most.
    is_embedded : bool
        Whether embeddings were among the teachers.
    answers : Answers, optional
        Of models of such texts, of labelled ones held out.
    """

    pool: Pool
    ids: np.ndarray
    weights: np.ndarray
    calibration: Calibration
    vectors: np.ndarray | None = None
    is_embedded: bool = False
    answers: Answers | None = None

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
    views : list of View
    weights : float[n_labelled], optional
        Factors of the labelled texts.
    seed : int
    progress : Progress
    """

    def __init__(
        self,
        pool: Pool,
        views: list[View],
        weights: np.ndarray | None,
        seed: int,
        progress: Progress,
    ) -> None:
        self.pool, self.views, self.seed, self.progress = pool, views, seed, progress
        self.n_threads, self.n_labels = pool.n_threads, pool.n_labels
        self.weights = np.ones(pool.n_labelled) if weights is None else weights.astype(np.float64)
        self.ids = pool.labels.ids
        rng = np.random.default_rng([seed, 21])
        # Of each fold, what its model says of all of them is kept.
        room = max(MOST_CELLS // (4 * self.n_labels), 1)
        n_tried = min(pool.others.size, MOST_CHECKED, room)
        self.tried = np.sort(rng.choice(pool.others, n_tried, replace=False))
        self.folds = self._make_folds(rng)
        self.powers: list[float] = []  # of the views, and of the model
        self.answers: Answers | None = None  # of models with texts without labels

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
            parts = [self._fit_view(kind) for kind in range(len(self.views))]
            if self.is_embedded and self._says_nothing(parts[0]):
                del self.views[0], parts[0]
                for fold in self.folds:
                    del fold.probes[0]
            parts.append(np.concatenate([fold.says for fold in self.folds]))
            ids = self.ids[self.held]
            self.powers = fit_powers(parts, ids)
            names = [*(view.name for view in self.views), "words and n-grams"]
            found += [
                f"{name} right of {np.mean(part.argmax(1) == ids):.1%} held out"
                for name, part in zip(names, parts, strict=True)
            ]

    @property
    def is_embedded(self) -> bool:
        """Whether embeddings are among the views; they come first."""
        return bool(self.views) and self.views[0].name == EMBEDDINGS

    def _says_nothing(self, said: np.ndarray) -> bool:
        """Return whether texts held out are as likely by the frequencies of their labels alone.

        By Akaike's criterion the power of what is said is one number, which costs 1 in the sum of
        the log loss.
        """
        ids = self.ids[self.held]
        shares = np.bincount(ids, minlength=self.n_labels) / ids.size
        loss = log_loss(mixed([said], fit_powers([said], ids)), ids)
        return (-np.log(shares[ids]).mean() - loss) * ids.size <= 1

    def _fit_view(self, kind: int) -> np.ndarray:
        """Choose the settings of a view; return what it says with them of the texts held out."""
        view, ids = self.views[kind], self.ids[self.held]

        def best(losses: Iterable[float]) -> int:
            return int(np.argmin(list(losses)))

        said = [
            [probe.probabilities(view.vectors[fold.held]) for probe in fold.probes[kind]]
            for fold in self.folds
        ]
        of_all = [np.concatenate(parts) for parts in zip(*said, strict=True)]
        view.strength = STRENGTHS[best(log_loss(each, ids) for each in of_all)]

        def work(i: int) -> None:
            fold = self.folds[i]
            probe = view.chosen(fold.probes[kind])
            said[i] = view.spread(probe, fold.rest, self.ids[fold.rest], fold.held)

        run_blocks(work, len(self.folds), self.n_threads)
        of_all = [np.concatenate(parts) for parts in zip(*said, strict=True)]
        # Spreading flattens probabilities; a power makes them as sharp as they were.
        place = best(log_loss(mixed([each], fit_powers([each], ids)), ids) for each in of_all)
        view.share = SHARES[place]
        return of_all[place]

    def _meet_fold(self, i: int) -> None:
        fold = self.folds[i]
        ids, weights = self.ids[fold.rest], self.weights[fold.rest]
        fold.probes = [view.probes(fold.rest, ids, self.n_labels, weights) for view in self.views]
        asked = np.concatenate([fold.held, self.tried])
        said = Job(fold.rest, ids, weights, asked).run(self.pool, self.seed)
        fold.says, fold.says_of_tried = said[: fold.held.size], said[fold.held.size :]

    def first(self) -> np.ndarray:
        """Return what all teachers together say of the texts without labels.

        Returns
        -------
        float32[n_others, n_labels]
        """
        docs, others = np.arange(self.pool.n_labelled), self.pool.others
        parts = []
        for view in self.views:
            probe = view.probe(docs, self.ids, self.n_labels, self.weights)
            parts.append(view.says(probe, docs, self.ids, others))
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
            before = np.concatenate([fold.says for fold in self.folds]).argmax(axis=1) == ids
            after = np.concatenate([each.right for each in parts])
            weights = self.weights[self.held]
            found.append(
                f"right of {ids.size:,} labelled texts held out: {before.sum():,} without the "
                f"unlabelled texts, {after.sum():,} with {self.tried.size:,} of them"
            )
            gains = after.astype(np.float64) - before
            calibration = calibrate(parts)
            self.answers = Answers.of_parts(parts, calibration)
            return lead(gains, weights, FEW_APART), calibration

    def _try_fold(self, fold: Fold) -> Judged:
        parts = []
        for view, probes in zip(self.views, fold.probes, strict=True):
            known = fold.rest, self.ids[fold.rest]
            parts.append(view.says(view.chosen(probes), *known, self.tried))
        ids, weights = likeliest(mixed([*parts, fold.says_of_tried], self.powers))
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
        told = mixed([found, said], EVEN)
        parts = [self._taught(view, told, rng) for view in self.views]
        return mixed([*parts, found], self.powers_of_round())

    def powers_of_round(self) -> list[float]:
        """Return how far to trust each view, and the models of all texts, in a round.

        An encoder knows what the texts do not say: what it is worth beside the others is known
        from the labelled texts. Without one all have learnt from the same texts, and models of
        them all are better than that of the labelled ones was.
        """
        total = sum(self.powers)
        if total > 0 and self.is_embedded:
            return [power / total for power in self.powers]
        return [1 / len(self.powers)] * len(self.powers)

    def _taught(self, view: View, said: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return what a view says that has learnt what the texts are taken to be."""
        others = self.pool.others
        n_asked = min(max(PROBED, PROBED_OF_LABEL * self.n_labels), others.size)
        chosen = np.sort(rng.choice(others.size, n_asked, replace=False))
        ids, weights = likeliest(said[chosen])
        own = np.arange(self.pool.n_labelled)
        probe = view.probe(
            np.concatenate([own, others[chosen]]), np.concatenate([self.ids, ids]), self.n_labels,
            np.concatenate([OWN_WEIGHT * self.weights, weights]),
        )  # fmt: skip
        return view.says(probe, own, self.ids, others)


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
    views = _views(pool, config, embeddings, seed, n_threads, progress)
    room = Classroom(pool, views, doc_weights, seed, progress)
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
        views[int(np.argmax(room.powers[:-1]))].vectors if views else None, room.is_embedded,
        room.answers,
    )  # fmt: skip


def _views(
    pool: Pool,
    config: Config,
    embeddings: np.ndarray | None,
    seed: int,
    n_threads: int,
    progress: Progress,
) -> list[View]:
    """Return the views of all texts; of their words there is none if these are not two."""
    views = []
    if embeddings is not None:
        with progress.stage("neighbours by embeddings"):
            vectors = centred(embeddings)
            views.append(View(EMBEDDINGS, vectors, Graph(vectors, seed, n_threads)))
    with progress.stage("vectors of words") as found:
        words = Words(analyze(pool.texts, config, n_threads), config, n_threads)
        found.append(f"{words.counts.size:,} words, {words.numbers.size:,} tokens")
        try:
            vectors = words.text_vectors(words.train(seed, n_threads))
        except TrainingError:
            return views
    with progress.stage("neighbours by words"):
        views.append(View(OF_WORDS, vectors, Graph(vectors, seed, n_threads)))
    return views
