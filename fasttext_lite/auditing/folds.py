"""What models say of texts that they were not trained on: cross-validation of all texts.

Features are cut once; what they weigh is measured on the texts of each training alone, as the
choice of settings does it (`fitting.ladder`). Texts of one group are held out together: one of them
in the training would vouch for the label of the other.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.config.recipe import candidates, resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import make_folds
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features.entries import Entries
from fasttext_lite.fitting.calibrate import Judged, calibrate
from fasttext_lite.fitting.ladder import Part
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.fitting.prepared import Prepared, Sample
from fasttext_lite.fitting.trainee import Training
from fasttext_lite.fitting.trees import make_tree
from fasttext_lite.parallel import run_blocks

FOLDS = 5
# Two cross-validations rank better than one by chance of the division; of more texts one will do.
TWICE_TO = 20_000
# n-grams of characters tell little where labels are wrong in part, and what features tell of the
# labels is not to be believed as much: of what is left open.
ROBUST = {"char_energy": 0.25, "supervision": 0.2}
CALIBRATED_ON, LEAST_CALIBRATED, CELLS_CALIBRATED = 1_000, 200, 20_000  # texts of each fold, scores
MOST_CELLS = 1 << 27  # texts by labels, whose probabilities are kept: 512 MB


@dataclass(frozen=True)
class OutOfFold:
    """What models that were not trained on a text say of it.

    Attributes
    ----------
    probabilities : float32[n_texts, n_labels]
        Of each label; where each text has one label they sum to 1.
    is_judged : bool[n_texts]
        False for the only text of a label, which is always trained on, and for texts in which
        a model knew no feature.
    """

    probabilities: np.ndarray
    is_judged: np.ndarray


def out_of_fold(
    texts: Texts,
    labels: Labels,
    groups: np.ndarray,
    config: Config | None = None,
    seed: int = 0,
    n_threads: int = 1,
) -> OutOfFold:
    """Cross-validate texts.

    Parameters
    ----------
    texts, labels : Texts, Labels
        At least two labels.
    groups : int64[n_texts]
        The first text of each text's group.
    config : Config, optional
        Settings of the models. What is left open is as `ROBUST` and `robust` have it.
    seed : int
        The result depends on it alone, not on the threads.
    n_threads : int

    Raises
    ------
    TrainingError
        If there are fewer than two labels, or a training diverges.
    """
    asked = config or Config()
    asked = asked.replace(**{k: v for k, v in ROBUST.items() if getattr(asked, k) is None})
    prepared = prepare(texts, labels, asked, n_threads=n_threads, sampler=_all_texts)
    config = robust(prepared)
    sample = prepared.sample
    assert sample is not None
    rounds = 2 if len(labels) <= TWICE_TO else 1
    jobs = [(k, *fold) for k in range(rounds) for fold in _folds(labels, groups, seed + k)]
    total = np.zeros((len(labels), len(labels.names)), np.float32)
    n_times = np.zeros(len(labels), np.int64)
    weights = np.ones(len(labels))

    turn = threading.Lock()

    def work(i: int) -> None:
        k, rest, held = jobs[i]
        part = Part(prepared, sample.counts, labels, weights, rest, held)
        probabilities, is_known = _said(part, config, seed + k)
        with turn:  # of two rounds, in whatever order: the sum is the same
            total[held] += probabilities
            n_times[held] += is_known

    run_blocks(work, len(jobs), n_threads)
    total /= rounds
    return OutOfFold(total, n_times == rounds)


def robust(prepared: Prepared) -> Config:
    """Return the settings of models that labels in part wrong do not lead astray.

    The weakest fit that the choice of settings would try: stronger ones learn single texts by
    heart, wrong labels too. What was set is not changed.

    Parameters
    ----------
    prepared : Prepared
        All texts.
    """
    config, asked = prepared.config, prepared.asked
    assert asked is not None
    n_labels = len(prepared.labels.names)
    settings, _ = candidates(asked, config, n_labels, prepared.multilabel)
    weakest = resolve(asked.replace(**settings[-1]), n_labels, prepared.multilabel)
    same = {name: getattr(config, name) for name in (*FEATURE_FIELDS, "dtype")}
    return weakest.replace(**same).of_trial()


def _all_texts(entries: Entries, labels: Labels) -> Sample:
    docs = np.arange(len(entries))
    return Sample(docs, entries.take(docs))


def _folds(labels: Labels, groups: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the texts to train on and those held out, of each fold; groups stay together."""
    firsts, numbers = np.unique(groups, return_inverse=True)
    folds = []
    for _, valid in make_folds(labels.take(firsts), FOLDS, seed):
        is_held = np.zeros(firsts.size, bool)
        is_held[valid] = True
        held = is_held[numbers]
        if held.any() and not held.all():
            folds.append((np.flatnonzero(~held), np.flatnonzero(held)))
    return folds


def _said(part: Part, config: Config, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what a model of a part says of the texts held out, and whether it knows any feature.

    Its probabilities are calibrated on some of the very texts: one or two numbers of hundreds.
    """
    prepared, held = part.with_energy(config.char_energy)
    tree = make_tree(prepared, config, seed, 1)
    model = Training(prepared, config, seed, 1, tree=tree, is_trial=True).run(None, None).model
    rng = np.random.default_rng([seed, 33])
    most = max(min(CALIBRATED_ON, CELLS_CALIBRATED // len(model.labels)), LEAST_CALIBRATED)
    some = rng.choice(len(held), min(most, len(held)), replace=False)
    labels = part.labels.take(part.held[some])
    judged = Judged.of(model, held.take(some), labels, np.ones(some.size))
    probabilities, n_features = model.replace(calibration=calibrate([judged])).judge(held, 1)
    return probabilities.astype(np.float32), n_features > 0
