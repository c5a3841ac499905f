"""Settings that are left open are chosen on texts held out, and so is the scale of probabilities.

Features are cut once. Of some texts, or of all where they are few, a part is held out at a time;
what features weigh is measured on the rest, candidates are trained on that, from a strong fit to
a weak one (`recipe.candidates`), and the best one is taken if it is better than the default by
more than chance would have it. The training on all texts comes after.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from functools import cached_property

import numpy as np

from fasttext_lite import system
from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.recipe import LEAST_EVENNESS, candidates, resolve, variations
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import make_folds
from fasttext_lite.errors import InputError, TrainingError
from fasttext_lite.features.matrix import Counts, FeatureMatrix
from fasttext_lite.fitting.abstaining import Answers, say_too_few
from fasttext_lite.fitting.calibrate import LEAST_TEXTS, Judged, calibrate, text_losses
from fasttext_lite.fitting.prepare import MOST_ENTRIES
from fasttext_lite.fitting.prepared import Prepared, Sample, with_energy
from fasttext_lite.fitting.repeats import held_together, keys_of
from fasttext_lite.fitting.trainee import Training
from fasttext_lite.fitting.trees import make_tree
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.model.abstention import Abstention
from fasttext_lite.model.calibration import MOST_LEAVES, Calibration
from fasttext_lite.model.choice import Candidate, Choice
from fasttext_lite.parallel import cpu_count, run_blocks

# A fifth is held out at a time, until so many texts were, or all.
FOLDS, HELD_OUT = 5, 1_000

# Variations are tried on no fewer texts, where so many words have n-grams of characters.
ENOUGH_TEXTS, LEAST_SHARE = 1_000, 0.25

# Standard errors that a candidate must be ahead of the default in accuracy (two of few texts, or
# where labels are skewed, and few of the texts are of the rare ones), or in log loss where none is,
# and this one no more behind.
MARGIN, MARGIN_OF_FEW, MARGIN_OF_LOSS = 1.0, 2.0, 2.0
# Of so many texts, the sample says little of the scores of a model of all: then so many, two in a
# hundred at most, are set aside from the training to calibrate that very model.
MANY_TEXTS, CALIBRATED_ON = 100_000, 2_000
# To measure answers on where few or none of the texts are tried, such a part is set aside at most.
ASIDE_OF = 10
# Times the texts of the sample: a model of more is much surer than those that were tried. Of fewer,
# what features weigh, which knows the labels of all texts, makes those set aside too easy.
MORE_KNOWN = 3.0
FEW_APART = 3.0  # texts more that candidates are taken to differ on: one or two prove nothing


def choose(prepared: Prepared, seed: int = 0, n_threads: int | None = None) -> Prepared:
    """Choose what the settings leave open, and the scale of the probabilities.

    Parameters
    ----------
    prepared : Prepared
        With the weights that its texts will have in training.
    seed : int
        Of the folds and the trainings; the result depends on it alone, not on the threads.
    n_threads : int, optional
        Default: all processors.

    Returns
    -------
    Prepared
        With `config`, `calibration`, `choice` and, of many texts, `aside` filled in, and without
        its sample; features in memory may be those that were given, changed in place. The same
        where there are too few texts, or more labels in a tree than are calibrated.

    Raises
    ------
    InputError
        If features in files must be changed and there is no room for it.
    """
    found = chosen(prepared, prepared.labels.evenness, seed, n_threads)
    if found is None:
        prepared = dataclasses.replace(prepared, sample=None)
        return dataclasses.replace(prepared, aside=_held_out(prepared, seed))
    config, calibration, choice, answers = found
    is_aside = _are_set_apart(len(prepared.labels), config) or _is_more_known(prepared, config)
    abstention = None
    if answers is not None and not is_aside:  # else the model is measured itself
        abstention = answers.abstention(prepared.run)
    return settled(
        prepared, config, calibration, choice, is_aside, seed, n_threads, abstention
    )  # fmt: skip


def chosen(
    prepared: Prepared, evenness: float, seed: int = 0, n_threads: int | None = None
) -> tuple[Config, Calibration, Choice | None, Answers | None] | None:
    """Return what `choose` chooses; None where there is too little to choose by.

    Parameters
    ----------
    prepared : Prepared
        Of its features, only those of the sample are looked at, and of its labels theirs.
    evenness : float
        Of the labels of all texts.
    seed, n_threads
        As of `choose`.

    Returns
    -------
    config : Config
    calibration : Calibration
    choice : Choice, optional
        Where several were tried.
    answers : Answers, optional
        Of the models that were tried with these settings, where `Prepared.run` asks for them.
    """
    sample, asked = prepared.sample, prepared.asked
    if sample is None or asked is None or sample.docs.size < LEAST_TEXTS:
        return None
    n_labels = len(prepared.labels.names)
    if LOSSES[prepared.config.loss].uses_tree and n_labels > MOST_LEAVES:
        return None  # is not calibrated, and a sample has few texts of a label
    ladder = _Ladder(prepared, asked, sample, evenness, seed, n_threads)
    if ladder.n_held < LEAST_TEXTS:
        return None
    steps = ladder.climb()
    if not steps:
        return None  # the default diverges: the training will say so
    taken, why = _taken(steps, ladder.margin, ladder.is_large)
    choice = report_of(steps, taken, why, ladder.names) if len(steps) > 1 else None
    calibration, answers = calibrate(taken.parts), None
    if prepared.run is not None and prepared.run.wanted is not None:
        answers = Answers.of_parts(taken.parts, calibration)
    return taken.config, calibration, choice, answers


def settled(
    prepared: Prepared,
    config: Config,
    calibration: Calibration | None,
    choice: Choice | None,
    is_aside: bool,
    seed: int = 0,
    n_threads: int | None = None,
    abstention: Abstention | None = None,
) -> Prepared:
    """Return training data with settings that were chosen.

    Parameters
    ----------
    prepared : Prepared
        As of `choose`.
    config, calibration, choice
        What was chosen.
    is_aside : bool
        Whether texts are set aside.
    seed, n_threads
        As of `choose`.
    abstention : Abstention, optional
        What was measured.

    Raises
    ------
    InputError
        As of `choose`.
    """
    done = dataclasses.replace(prepared, sample=None)
    if config.char_energy != prepared.config.char_energy:
        assert config.char_energy is not None
        try:
            done = with_energy(done, done.features, config.char_energy, n_threads or cpu_count())
        except OSError as error:
            raise InputError(
                f"{system.temporary_folder()}: cannot keep the features here: "
                f"{(error.strerror or str(error)).lower()}; name another folder in TMPDIR"
            ) from None
    aside = _aside(prepared, seed) if is_aside else None
    return dataclasses.replace(
        done, config=config, calibration=calibration, choice=choice, aside=aside,
        abstention=abstention,
    )  # fmt: skip


def _aside(prepared: Prepared, seed: int) -> np.ndarray:
    """Return the texts to calibrate the model of all texts on."""
    n = CALIBRATED_ON
    if not _are_set_apart(len(prepared.labels), prepared.config):
        n = min(n, len(prepared.labels) // ASIDE_OF)
    return prepared.labels.some(n, np.random.default_rng([seed, 12]))


def _is_more_known(prepared: Prepared, config: Config) -> bool:
    """Return whether a model of all texts answers more than those of the sample, and is asked to.

    They had fewer texts: it is surer, and right more often. Its own answers are measured then.
    """
    if prepared.run is None or prepared.run.wanted is None or config.l1:
        return False
    assert prepared.sample is not None
    n_labelled = int(np.count_nonzero(np.diff(prepared.labels.indptr)))
    return n_labelled > MORE_KNOWN * prepared.sample.docs.size


def _held_out(prepared: Prepared, seed: int) -> np.ndarray | None:
    """Return texts to measure answers on where nothing was tried; None where nobody asks for it."""
    if prepared.run is None or prepared.run.wanted is None:
        return None
    aside = _aside(prepared, seed)
    if aside.size < LEAST_TEXTS:
        say_too_few(prepared.run, aside.size)
        return None
    return aside


def _are_set_apart(n_texts: int, config: Config) -> bool:
    """Return whether a model is calibrated on texts of its own: l1 gives rows other numbers."""
    return n_texts >= MANY_TEXTS and not config.l1


def set_apart(n_texts: int, n_labelled: int, config: Config, seed: int) -> np.ndarray | None:
    """Return which of the texts that have a label a model of many is calibrated on, ascending.

    None where the sample is enough.
    """
    if not _are_set_apart(n_texts, config):
        return None
    n = min(CALIBRATED_ON, n_labelled)
    return np.sort(np.random.default_rng([seed, 12]).choice(n_labelled, n, replace=False))


class _Ladder:
    """Candidates to try, and what to try them on.

    Parameters
    ----------
    prepared : Prepared
    asked : Config
        Its settings as they were given.
    sample : Sample
    evenness : float
        Of the labels of all texts.
    seed : int
    n_threads : int, optional
    """

    def __init__(
        self,
        prepared: Prepared,
        asked: Config,
        sample: Sample,
        evenness: float,
        seed: int,
        n_threads: int | None,
    ) -> None:
        self.prepared, self.asked, self.sample = prepared, asked, sample
        self.seed, self.n_threads = seed, n_threads or cpu_count()
        n_labels, multilabel = len(prepared.labels.names), prepared.multilabel
        settings, self.default = candidates(asked, prepared.config, n_labels, multilabel)
        same = {name: getattr(prepared.config, name) for name in (*FEATURE_FIELDS, "dtype")}
        self.configs = [
            resolve(asked.replace(**each), n_labels, multilabel).replace(**same)
            for each in settings
        ]
        self.configs[self.default] = prepared.config
        self.names = list(settings[-1])
        self.is_large = sample.docs.size >= ENOUGH_TEXTS
        is_even = evenness >= LEAST_EVENNESS
        self.margin = MARGIN if self.is_large and is_even else MARGIN_OF_FEW
        self.parts = self._parts()
        self.n_held = sum(np.count_nonzero(part.weights[part.held]) for part in self.parts)

    def _parts(self) -> list[Part]:
        """Return the texts to hold out one after another, each with the rest of the sample."""
        docs, weights = self.sample.docs, self.prepared.doc_weights
        room = MOST_ENTRIES // max(self.sample.counts.matrix.ids.size, 1)
        n_held = max(min(math.ceil(HELD_OUT * FOLDS / docs.size), FOLDS, room), 1)
        weights = np.ones(docs.size) if weights is None else weights[docs].astype(np.float64)
        labels = self.prepared.labels.take(docs)
        folds = make_folds(labels, FOLDS, self.seed)
        counts = self.sample.counts
        if self.prepared.run is not None and self.prepared.run.wanted is not None:
            folds = held_together(folds, keys_of(counts.matrix), labels)
        return [Part(self.prepared, counts, labels, weights, *fold) for fold in folds[:n_held]]

    def climb(self) -> list[Step]:
        """Try the default, then weaker and stronger fits while they are better, then variations.

        There is none where the default diverges.
        """
        n, default = len(self.configs), self.default
        beside = [place for place in (default + 1, default - 1) if 0 <= place < n]
        steps = self._tried([self.configs[i] for i in (default, *beside)], self.parts)
        if not steps or steps[0].config != self.configs[default]:
            return []
        for direction in (1, -1):
            place = default + 2 * direction
            while 0 <= place < n and _best(steps).config == self.configs[place - direction]:
                steps += self._tried([self.configs[place]], self.parts)
                place += direction
        if self.is_large and self.sample.counts.shares.mean() >= LEAST_SHARE:
            for change in variations(self.asked):
                self.names += change
                steps += self._tried([_best(steps).config.replace(**change)], self.parts)
        return steps

    def _tried(self, configs: list[Config], parts: list[Part]) -> list[Step]:
        """Train candidates on each part, as many at a time as there are threads."""
        run_blocks(lambda i: parts[i].make(), len(parts), self.n_threads)
        jobs = [(config, part) for config in configs for part in parts]
        found: dict[int, Judged] = {}

        def work(i: int) -> None:
            config, part = jobs[i]
            # One that diverges, or finds no feature in a part, is no candidate.
            with contextlib.suppress(TrainingError):
                found[i] = part.judged(config, self.seed)

        run_blocks(work, len(jobs), self.n_threads)
        n = len(parts)
        return [
            Step(config, [found[j] for j in range(i * n, (i + 1) * n)])
            for i, config in enumerate(configs)
            if all(j in found for j in range(i * n, (i + 1) * n))
        ]


class Part:
    """Some texts to train candidates on and some, held out, to measure them on.

    Parameters
    ----------
    whole : Prepared
        All texts.
    counts, labels, weights
        Of the sample.
    rest, held : int64
        Numbers in the sample of the texts to train on and of those that are held out.
    """

    def __init__(
        self,
        whole: Prepared,
        counts: Counts,
        labels: Labels,
        weights: np.ndarray,
        rest: np.ndarray,
        held: np.ndarray,
    ) -> None:
        self.whole, self.counts, self.labels, self.weights = whole, counts, labels, weights
        self.rest, self.held = rest, held
        self._trees: dict[tuple, LabelTree | None] = {}

    def make(self) -> None:
        """Make the features, before several threads ask for them."""
        self.prepared  # noqa: B018

    @cached_property
    def prepared(self) -> tuple[Prepared, FeatureMatrix]:
        """The rest of the sample, and the features of what is held out.

        Nothing that is held out has a part in what features weigh.
        """
        counts = self.counts.take(self.rest)
        labels, weights = self.labels.take(self.rest), self.weights[self.rest]
        space, numbers, counts = self.whole.space.of_part(counts, labels)
        features = space.weighed(counts)
        vectors = self.whole.vectors
        if vectors is not None:  # words that are held out may have one
            vectors, numbers = vectors.of_part(space, numbers)
        prepared = Prepared(
            self.whole.config, space, features, labels, self.whole.multilabel,
            weights.astype(np.float32), vectors=vectors,
        )  # fmt: skip
        held = self.counts.take(self.held).renumbered(numbers)
        return prepared, prepared.model_space.weighed(held)

    def with_energy(self, energy: float | None) -> tuple[Prepared, FeatureMatrix]:
        """Return what `prepared` is, with another energy of n-grams of characters."""
        prepared, held = self.prepared
        if energy is None or energy == prepared.config.char_energy:
            return prepared, held
        features, held = (
            dataclasses.replace(each, weights=each.weights.copy())
            for each in (prepared.features, held)
        )
        _, held = prepared.model_space.with_char_energy(held, energy)
        return with_energy(prepared, features, energy), held

    def _tree(self, prepared: Prepared, config: Config, seed: int) -> LabelTree | None:
        """Return the label tree of a candidate; it does not depend on the rate of learning."""
        key = config.loss, config.tree, config.char_energy
        if key not in self._trees:
            self._trees[key] = make_tree(prepared, config, seed, 1)
        return self._trees[key]

    def judged(self, config: Config, seed: int) -> Judged:
        """Train a candidate; return what it says of the texts held out."""
        prepared, held = self.with_energy(config.char_energy)
        config = config.of_trial()
        tree = self._tree(prepared, config, seed)
        # The texts held out have the numbers of all rows.
        training = Training(prepared, config, seed, 1, tree=tree, is_trial=True)
        model = training.run(None, None).model
        return Judged.of(model, held, self.labels.take(self.held), self.weights[self.held])


class Step:
    """A candidate, and what its models say.

    Parameters
    ----------
    config : Config
    parts : list of Judged
    """

    def __init__(self, config: Config, parts: list[Judged]) -> None:
        self.config, self.parts = config, parts
        self.weights = np.concatenate([part.weights for part in parts])
        self.right = np.concatenate([part.right for part in parts])

    @property
    def accuracy(self) -> float:
        """Share of the texts held out, by weight, whose likeliest label is right."""
        return float(self.weights @ self.right / max(self.weights.sum(), 1e-300))

    def ahead_of(self, other: Step) -> float:
        """Return by how many standard errors, of the difference on the same texts, it is better."""
        return lead(self.right.astype(np.float64) - other.right, self.weights, FEW_APART)

    @cached_property
    def losses(self) -> tuple[np.ndarray, np.ndarray]:
        """See `calibrate.text_losses`."""
        return text_losses(self.parts)

    def surer_than(self, other: Step) -> float:
        """Return by how many standard errors its log loss is lower."""
        own, weights = self.losses
        return lead(other.losses[0] - own, weights)


def lead(gains: np.ndarray, weights: np.ndarray, n_more: float = 0.0) -> float:
    """Return the mean gain in standard errors, as if so many texts more had gained or lost 1."""
    total = float(weights.sum())
    if total <= 0:
        return 0.0
    mean = float(weights @ gains) / total
    squares = float(((weights * (gains - mean)) ** 2).sum()) + n_more * float((weights**2).mean())
    return mean * total / math.sqrt(squares) if squares > 0 else 0.0


def _best(steps: list[Step]) -> Step:
    """Return the step of highest accuracy, the first of equals."""
    return max(steps, key=lambda step: step.accuracy)


def _taken(steps: list[Step], margin: float, by_loss: bool) -> tuple[Step, str]:
    """Return the step to take, and why.

    The most accurate one, if it is ahead of the default by more than chance. If none is, as with
    rare labels that few texts speak of: the one with the lowest log loss.
    """
    default, best = steps[0], _best(steps)
    ahead = best.ahead_of(default)
    if ahead >= margin and best is not default:
        return best, f"{ahead:.1f} standard errors more accurate than the default"
    if by_loss:
        others = [
            step
            for step in steps[1:]
            if step.ahead_of(default) >= -MARGIN and step.surer_than(default) >= MARGIN_OF_LOSS
        ]
        if others:
            surest = max(others, key=lambda step: step.surer_than(default))
            ahead = surest.surer_than(default)
            return surest, f"{ahead:.1f} standard errors of log loss better than the default"
    if best is default:
        return default, "the default is the best"
    least = "one standard error" if margin == MARGIN else "two standard errors"
    return default, f"nothing is better than the default by {least}"


def report_of(steps: list[Step], taken: Step, why: str, names: list[str]) -> Choice:
    """Return what was tried, the settings of these names, and why one was taken."""
    tried = tuple(
        Candidate(
            {name: getattr(step.config, name) for name in names},
            step.accuracy,
            0.0 if step is steps[0] else step.ahead_of(steps[0]),
        )
        for step in steps
    )
    return Choice(tried, steps.index(taken), len(steps[0].right), why)
