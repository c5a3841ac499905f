"""Models that start from what an encoder knows of their training texts.

Embeddings of the training texts alone are needed, of any encoder: what it knows of them is folded
into the model's own table, which a training goes on from. Predicting needs no encoder and takes as
long as without.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve, usual_dim
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import make_folds
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.entries import Entries
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting.abstaining import Answers
from fasttext_lite.fitting.advice import warn_of_labels
from fasttext_lite.fitting.calibrate import LEAST_TEXTS, Judged, calibrate, text_losses
from fasttext_lite.fitting.fit import fit_prepared
from fasttext_lite.fitting.ladder import FEW_APART, FOLDS, MARGIN, Part, choose, lead
from fasttext_lite.fitting.log import check_log
from fasttext_lite.fitting.monitor import Watch
from fasttext_lite.fitting.prepare import prepare, take_sample
from fasttext_lite.fitting.prepared import Prepared, Sample
from fasttext_lite.fitting.trainee import Trainee, Training
from fasttext_lite.fitting.validation import rest_for_patience
from fasttext_lite.model.model import Model
from fasttext_lite.model.run import Run
from fasttext_lite.parallel import cpu_count, run_blocks
from fasttext_lite.teaching.encoded import COLUMNS, Knowledge, check_config, reduced
from fasttext_lite.text.analyzers import analyze

logger = logging.getLogger("fasttext_lite")

# Texts and features of theirs that it is tried with, and texts that are held out of them, a fifth
# at a time.
MOST_TEXTS, MOST_ENTRIES, HELD_OUT = 30_000, 10_000_000, 2_000


@dataclass(frozen=True)
class Way:
    """How a training starts from what an encoder knows.

    Attributes
    ----------
    factor : float
        Of the scores that it starts with.
    rate : float
        Factor of the learning rate.
    """

    factor: float
    rate: float


# By the head of the model; where the rate is given it stays.
WAYS = {
    "linear": (Way(2.0, 0.5), Way(1.0, 0.5), Way(3.0, 0.5)),
    "learned": (Way(1.0, 0.5), Way(1.0, 0.25)),
}


@dataclass(frozen=True)
class Encoded:
    """Vectors of texts by an encoder, and texts without labels among them.

    Attributes
    ----------
    vectors : float32[n_texts + n_others, n_columns]
        See `encoded.reduced`.
    others : Texts, optional
    n_threads : int
    """

    vectors: np.ndarray
    others: Texts | None = None
    n_threads: int = 1

    def knowledge(self, prepared: Prepared, docs: np.ndarray | None = None) -> Knowledge:
        """Return what there is to know of prepared texts.

        Parameters
        ----------
        prepared : Prepared
        docs : int64[n_texts], optional
            Their numbers among all texts with labels; default: they are all of them.
        """
        vectors, features = self.vectors, self._features(prepared.space)
        n_others = 0 if features is None else len(features)
        if docs is not None:
            first = len(vectors) - n_others
            vectors = np.concatenate([vectors[docs], vectors[first:]])
        return Knowledge.of(prepared, vectors, features, self.n_threads)

    def _features(self, space: FeatureSpace) -> FeatureMatrix | None:
        if self.others is None or not len(self.others):
            return None
        return space.transform(analyze(self.others, space.config, self.n_threads), self.n_threads)


def fit_folded(
    texts: Texts,
    labels: Labels,
    config: Config,
    embeddings: np.ndarray,
    *,
    doc_weights: np.ndarray | None = None,
    multilabel: bool | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    callback: Callable[[Any], None] | None = None,
    watch: Watch | None = None,
    run: Run | None = None,
    others: Texts | None = None,
    other_embeddings: np.ndarray | None = None,
    say: Callable[[str], None] | None = None,
) -> Trainee:
    """Train a model that starts from what an encoder knows of its texts, where that helps.

    Settings are chosen as by `fit.fit`. Whether it helps is found on texts that are held out; where
    it does not, the model is that of `fit.fit`, and that is logged.

    Parameters
    ----------
    texts, labels, config, doc_weights, multilabel, seed, n_threads, callback, watch, run
        As in `fit.fit`; what is made is an ordinary model, which `fit.fit_more` goes on from.
    embeddings, other_embeddings : float[n_texts, d], float[n_others, d]
        Of the texts and the others, by any encoder.
    others : Texts, optional
        Texts without labels.
    say : callable, optional
        Given a line of it.

    Raises
    ------
    TrainingError
        As by `fit.fit`; if texts and embeddings differ in number, and by `check_config`.
    """
    n_threads = n_threads or cpu_count()
    embeddings = _all_embeddings(len(texts), embeddings, others, other_embeddings)
    warn_of_labels(labels)
    if watch is not None and watch.log is not None:
        check_log(watch.log)
    multilabel = labels.is_multilabel if multilabel is None else multilabel
    rest, watch = rest_for_patience(texts, labels, config, watch, seed)
    if rest is not None:
        embeddings = embeddings[np.append(rest, np.arange(len(texts), len(embeddings)))]
        texts, labels = texts.take(rest), labels.take(rest)
        doc_weights = None if doc_weights is None else doc_weights[rest]
    prepared, sample = _prepared(texts, labels, config, doc_weights, multilabel, n_threads)
    prepared = choose(dataclasses.replace(prepared, run=run), seed, n_threads)
    encoded = Encoded(reduced(embeddings), others, n_threads)
    taught = try_ways(prepared, sample, encoded, seed, say)
    run = dataclasses.replace(run or Run(), embeddings=taught is not None)
    prepared = dataclasses.replace(prepared if taught is None else taught, run=run)
    trainee = fit_prepared(prepared, seed=seed, n_threads=n_threads, callback=callback, watch=watch)
    is_open = config.head == "auto" and config.dim is None
    return as_linear(trainee) if taught is not None and is_open else trainee


def _prepared(
    texts: Texts,
    labels: Labels,
    config: Config,
    doc_weights: np.ndarray | None,
    multilabel: bool,
    n_threads: int,
) -> tuple[Prepared, Sample]:
    """Return texts as features, and those that it is tried with."""
    samples: list[Sample] = []

    def take(entries: Entries, labels: Labels) -> Sample:
        samples.append(take_sample(entries, labels, MOST_TEXTS, MOST_ENTRIES))
        return take_sample(entries, labels)

    prepared = prepare(
        texts, labels, config, doc_weights=doc_weights, multilabel=multilabel,
        n_threads=n_threads, sampler=take,
    )  # fmt: skip
    check_config(prepared.config)
    return prepared, samples[0]


def _all_embeddings(
    n_texts: int,
    embeddings: np.ndarray,
    others: Texts | None,
    other_embeddings: np.ndarray | None,
) -> np.ndarray:
    """Return the embeddings of all texts, those without labels last."""
    n_others = 0 if others is None else len(others)
    found = 0 if other_embeddings is None else len(other_embeddings)
    if len(embeddings) != n_texts or found != n_others:
        raise TrainingError(
            f"there are {len(embeddings):,} text embeddings for {n_texts:,} labelled texts and "
            f"{found:,} for {n_others:,} unlabelled ones: one of each is needed, in their order"
        )
    if other_embeddings is None:
        return embeddings
    if other_embeddings.shape[1] != embeddings.shape[1]:
        raise TrainingError(
            f"embeddings of labelled texts have {embeddings.shape[1]:,} numbers, of unlabelled "
            f"ones {other_embeddings.shape[1]:,}: they must be of the same encoder"
        )
    return np.concatenate([embeddings, other_embeddings])


def fold(
    prepared: Prepared,
    encoded: Encoded,
    way: Way | None = None,
    docs: np.ndarray | None = None,
    knowledge: Knowledge | None = None,
) -> Prepared:
    """Return training data whose training starts from what an encoder knows.

    Parameters
    ----------
    prepared : Prepared
        Its labels may be those of teachers; texts of weight 0 are not learnt from.
    encoded : Encoded
    way : Way, optional
        Default: the first of `WAYS`.
    docs : int64[n_texts], optional
        Numbers of the texts in `encoded`; default: all.
    knowledge : Knowledge, optional
        Of the same texts, where it is there already.

    Raises
    ------
    TrainingError
        With a hidden layer, a norm or a label tree.
    """
    config = prepared.config
    check_config(config)
    way = way or WAYS[config.head][0]
    knowledge = knowledge or encoded.knowledge(prepared, docs)
    asked = prepared.asked
    if asked is None or asked.lr is None:
        config = config.replace(lr=(config.lr or 0.0) * way.rate)
    n_columns = encoded.vectors.shape[1]
    if config.head == "learned" and (asked is None or asked.dim is None):
        config = config.replace(dim=max(config.dim or 0, min(n_columns, COLUMNS)))
    return dataclasses.replace(prepared, config=config, start=knowledge.start(config, way.factor))


def try_ways(
    prepared: Prepared,
    sample: Sample,
    encoded: Encoded,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> Prepared | None:
    """Try to start from what an encoder knows; None where that does not help, which is logged.

    Parameters
    ----------
    prepared : Prepared
        With the settings of the model.
    sample : Sample
        Of its texts.
    encoded : Encoded
        All its texts.
    seed : int
        The result depends on it alone, not on the threads.
    say : callable, optional
        Given a line of what was found.
    """
    parts = _parts(prepared, sample, seed)
    if sum(part.held.size for part in parts) < LEAST_TEXTS:
        leave_out(f"there are too few texts to tell whether they help, {len(sample.docs):,}")
        return None
    known = WAYS[prepared.config.head]
    if prepared.asked is not None and prepared.asked.lr is not None:  # which stays
        known = tuple(way for way in known if way.rate == known[0].rate)
    ways: list[Way | None] = [None, *known]
    judged = _judged(parts, ways, sample, encoded, seed)
    best, ahead, line = _best(judged)
    if say is not None:
        say(line)
    if ahead < MARGIN:
        shown = math.floor(10 * ahead) / 10  # which is below what is wanted, too
        leave_out(
            f"on texts held out they bring {shown} standard errors more right ones, "
            f"{MARGIN:g} is wanted"
        )
        return None
    calibration, abstention = calibrate(judged[best]), None
    if prepared.aside is None:
        abstention = Answers.of_parts(judged[best], calibration).abstention(prepared.run)
    prepared = dataclasses.replace(prepared, calibration=calibration, abstention=abstention)
    learnt = prepared
    if prepared.aside is not None:  # the model is calibrated on these
        weights = np.ones(len(prepared.labels), np.float32)
        if prepared.doc_weights is not None:
            weights = prepared.doc_weights.copy()
        weights[prepared.aside] = 0
        learnt = dataclasses.replace(prepared, doc_weights=weights)
    return fold(prepared, encoded, ways[best], knowledge=encoded.knowledge(learnt))


def _parts(prepared: Prepared, sample: Sample, seed: int) -> list[Part]:
    """Return the texts to hold out one after another, each with the rest of the sample."""
    docs, weights = sample.docs, prepared.doc_weights
    if docs.size < FOLDS:
        return []
    weights = np.ones(docs.size) if weights is None else weights[docs].astype(np.float64)
    labels = prepared.labels.take(docs)
    n_held = max(min(-(-HELD_OUT * FOLDS // docs.size), FOLDS), 1)
    folds = make_folds(labels, FOLDS, seed)[:n_held]
    return [Part(prepared, sample.counts, labels, weights, *each) for each in folds]


def _judged(
    parts: list[Part], ways: list[Way | None], sample: Sample, encoded: Encoded, seed: int
) -> list[list[Judged]]:
    """Return what models of each way say of the texts held out, of each part."""
    found: list[list[Any]] = [[None] * len(parts) for _ in ways]
    for number, part in enumerate(parts):
        prepared, _ = part.prepared
        knowledge = encoded.knowledge(prepared, sample.docs[part.rest])

        def work(
            i: int, part: Part = part, number: int = number, knowledge: Knowledge = knowledge
        ) -> None:
            prepared, held = part.prepared
            way = ways[i]
            if way is not None:
                prepared = dataclasses.replace(prepared, asked=part.whole.asked)
                prepared = fold(prepared, encoded, way, knowledge=knowledge)
            config = prepared.config.of_trial()
            model = Training(prepared, config, seed, 1, is_trial=True).run(None, None).model
            labels = part.labels.take(part.held)
            found[i][number] = Judged.of(model, held, labels, part.weights[part.held])

        run_blocks(work, len(ways), encoded.n_threads)
    return found


def _best(judged: list[list[Judged]]) -> tuple[int, float, str]:
    """Return the way of the lowest log loss, and what there is to say of it.

    Parameters
    ----------
    judged : list of list of Judged
        Of each way, the first without embeddings.

    Returns
    -------
    best : int
        Above 0.
    ahead : float
        By how many standard errors it is more accurate than without.
    line : str
    """
    losses = [text_losses(each) for each in judged]
    means = [float(weights @ each / max(weights.sum(), 1e-300)) for each, weights in losses]
    best = int(np.argmin(means[1:])) + 1
    before, after = (
        np.concatenate([part.right for part in judged[i]]).astype(np.float64) for i in (0, best)
    )
    weights = np.concatenate([part.weights for part in judged[0]])
    line = (
        f"text embeddings: right of {before.size:,} texts held out: {int(before.sum()):,} "
        f"without, {int(after.sum()):,} with them; log loss {means[0]:.4f} and {means[best]:.4f}"
    )
    return best, lead(after - before, weights, FEW_APART), line


def leave_out(why: str) -> None:
    """Log that embeddings are not learnt from, and why."""
    logger.warning("the text embeddings are not learnt from: %s", why)


def as_linear(trainee: Trainee) -> Trainee:
    """Return the same model with a linear head, where that is smaller; its scores stay.

    Parameters
    ----------
    trainee : Trainee
        The optimizer's state begins anew, and the learning rate is that of a linear head.
    """
    model = trainee.model
    config, n_labels = model.config, len(model.labels)
    dim = usual_dim("linear", n_labels)
    is_linear_in_table = model.tree is None and not config.units and config.norm == "none"
    if config.head == "linear" or not is_linear_in_table or dim > model.dim:
        return trainee
    table = np.zeros((len(model.embeddings), dim), np.float32)
    np.matmul(model.embeddings.astype(np.float32), model.output.T, out=table[:, :n_labels])
    linear = config.replace(head="linear", dim=dim, lr=None, init="output")
    linear = resolve(linear, n_labels, model.multilabel)
    changed: Model = model.replace(
        config=linear, embeddings=table, output=np.eye(n_labels, dim, dtype=np.float32),
        packed=None,
    )  # fmt: skip
    return Trainee.of_model(changed, trainee.history)
