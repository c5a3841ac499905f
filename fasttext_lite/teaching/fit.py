"""From labelled texts, and what there is beside them, to a trained model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.fitting.advice import warn_of_labels
from fasttext_lite.fitting.class_weight import class_factors, scaled
from fasttext_lite.fitting.fit import fit, fit_prepared
from fasttext_lite.fitting.log import check_log
from fasttext_lite.fitting.monitor import Watch
from fasttext_lite.fitting.prepare import check_labels
from fasttext_lite.fitting.trainee import Trainee
from fasttext_lite.fitting.validation import rest_for_patience
from fasttext_lite.fitting.vectors import Pretrained, join_vectors, with_vectors
from fasttext_lite.model.run import Run
from fasttext_lite.parallel import cpu_count
from fasttext_lite.teaching.encoded import check_config
from fasttext_lite.teaching.files import bounded, without_known
from fasttext_lite.teaching.fold import as_linear, fit_folded, leave_out
from fasttext_lite.teaching.unlabelled import Taught, learn
from fasttext_lite.teaching.unlabelled_fold import fold_taught

BOTH_STARTS = (
    "text embeddings and pretrained vectors both say what words start from: leave one of them out"
)


@dataclass(frozen=True)
class Beside:
    """What a training may learn from beside labelled texts.

    Attributes
    ----------
    unlabelled : Texts, optional
    embeddings : float32[n_texts + n_unlabelled, dim], optional
        Of any encoder, of the labelled texts and then of the others.
    say : callable, optional
        Given a line of each stage.
    """

    unlabelled: Texts | None = None
    embeddings: np.ndarray | None = None
    say: Callable[[str], None] | None = None

    def check(self, labels: Labels, multilabel: bool) -> None:
        """Raise `TrainingError` unless it can be learnt from beside texts with these labels."""
        if self.unlabelled is not None and (multilabel or labels.is_multilabel):
            raise TrainingError(
                "unlabelled texts are learnt from where each text has one label, and these have "
                "several or none"
            )
        n_others = 0 if self.unlabelled is None else len(self.unlabelled)
        if self.embeddings is not None and len(self.embeddings) != len(labels) + n_others:
            raise TrainingError(
                f"there are {len(self.embeddings):,} text embeddings for {len(labels):,} labelled "
                f"texts and {n_others:,} unlabelled ones: one of each is needed, in their order"
            )


def fit_beside(
    texts: Texts,
    labels: Labels,
    config: Config,
    beside: Beside,
    *,
    doc_weights: np.ndarray | None = None,
    multilabel: bool | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    callback: Callable[[Any], None] | None = None,
    watch: Watch | None = None,
    pretrained: Pretrained | None = None,
    run: Run | None = None,
) -> Trainee:
    """Train a model on labelled texts and on what there is beside them.

    Parameters
    ----------
    beside : Beside
    texts, labels, config, doc_weights, multilabel, seed, n_threads, callback, watch
        As in `fit.fit`. With `Config.patience` and no validation data, labelled texts are set
        aside.
    pretrained, run
        As in `fit.fit`; embeddings take the place of word vectors.

    Raises
    ------
    TrainingError
        As in `fit.fit`, where texts have several labels and others none, and where there are
        embeddings and word vectors to start from.
    """
    beside.check(labels, bool(multilabel))
    if beside.embeddings is not None and pretrained is not None:
        raise TrainingError(BOTH_STARTS)
    check_labels(labels)
    if beside.embeddings is not None and (config.loss != "auto" or beside.unlabelled is None):
        check_config(resolve(config, len(labels.names), bool(multilabel)))  # before the work
    if watch is not None and watch.log is not None:
        check_log(watch.log)
    beside = _distinct(texts, beside, len(labels.names), seed)  # nor those that are set aside
    rest, watch = rest_for_patience(texts, labels, config, watch, seed)
    if rest is not None:
        beside = _taken(beside, rest, len(labels))
        texts, labels = texts.take(rest), labels.take(rest)
        doc_weights = None if doc_weights is None else doc_weights[rest]
    how: dict[str, Any] = {
        "seed": seed, "n_threads": n_threads, "callback": callback, "watch": watch,
    }  # fmt: skip
    taught = teach(
        texts, labels, with_vectors(config, pretrained), beside,
        doc_weights=doc_weights, seed=seed, n_threads=n_threads,
    )  # fmt: skip
    if taught is not None:
        return _fit_taught(taught, config, beside, pretrained, run or Run(), how)
    how |= {"doc_weights": doc_weights, "multilabel": multilabel, "run": run}
    return _fit_alone(texts, labels, config, beside, pretrained, how)


def _fit_taught(
    taught: Taught,
    config: Config,
    beside: Beside,
    pretrained: Pretrained | None,
    run: Run,
    how: dict[str, Any],
) -> Trainee:
    """Train on texts with labels and on those that teachers have labelled."""
    warn_of_labels(taught.pool.labels)
    n_threads = how["n_threads"] or cpu_count()
    run = dataclasses.replace(run, unlabelled=taught.pool.others.size)
    prepared = join_vectors(taught.prepared(_factors(taught, run)), pretrained, n_threads)
    run = dataclasses.replace(run, embeddings=taught.is_embedded)
    if beside.embeddings is not None and not taught.is_embedded:
        leave_out("they say nothing of the labels of texts held out")
    if pretrained is None:
        prepared = fold_taught(prepared, taught, n_threads)
    abstention = None if taught.answers is None else taught.answers.abstention(run)
    prepared = dataclasses.replace(prepared, run=run, abstention=abstention)
    trainee = fit_prepared(prepared, **how)
    is_open = config.head == "auto" and config.dim is None
    return as_linear(trainee) if prepared.start is not None and is_open else trainee


def _fit_alone(
    texts: Texts,
    labels: Labels,
    config: Config,
    beside: Beside,
    pretrained: Pretrained | None,
    how: dict[str, Any],
) -> Trainee:
    """Train on texts with labels, and on embeddings where there are any."""
    if beside.embeddings is None:
        return fit(texts, labels, config, pretrained=pretrained, **how)
    n, others = len(texts), beside.unlabelled
    return fit_folded(
        texts, labels, config, beside.embeddings[:n], others=others,
        other_embeddings=None if others is None else beside.embeddings[n:], say=beside.say, **how,
    )  # fmt: skip


def teach(
    texts: Texts,
    labels: Labels,
    config: Config,
    beside: Beside,
    *,
    doc_weights: np.ndarray | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    is_tried: bool = True,
) -> Taught | None:
    """Give the texts without labels what to learn of them; None where that does not help.

    Those that are among the labelled ones are left out.

    Parameters
    ----------
    texts, labels, config, beside, doc_weights, seed, n_threads
        As in `fit_beside`.
    is_tried : bool
        As of `unlabelled.learn`.
    """
    beside = _distinct(texts, beside, len(labels.names), seed)
    if beside.unlabelled is None:
        return None
    return learn(
        texts, labels, beside.unlabelled, config, embeddings=beside.embeddings,
        doc_weights=doc_weights, seed=seed, n_threads=n_threads, say=beside.say,
        is_tried=is_tried,
    )  # fmt: skip


def _distinct(texts: Texts, beside: Beside, n_labels: int, seed: int) -> Beside:
    """Return what there is beside texts without what is among them, each of equals once.

    No more of it than has room, see `files.bounded`.
    """
    if beside.unlabelled is None:
        return beside
    n = len(texts)
    chosen = bounded(without_known(texts, beside.unlabelled), n_labels, seed)
    if chosen.size == len(beside.unlabelled):
        return beside
    embeddings = beside.embeddings
    if embeddings is not None:
        embeddings = np.concatenate([embeddings[:n], embeddings[n + chosen]])
    return dataclasses.replace(
        beside, unlabelled=beside.unlabelled.take(chosen), embeddings=embeddings
    )


def more_texts(
    config: Config, beside: Beside, run: Run, seed: int, n_threads: int | None
) -> Callable[[Texts, Labels, np.ndarray | None, bool], Any]:
    """Return what adds the texts without labels to labelled ones, for `TuningData.with_more`.

    Parameters
    ----------
    config, beside, run, seed, n_threads
        As in `fit_beside`; the texts are labelled once, with these settings.
    """

    def more(
        texts: Texts, labels: Labels, doc_weights: np.ndarray | None, is_tried: bool
    ) -> tuple[Texts, Labels, np.ndarray] | None:
        beside.check(labels, False)
        quiet = beside if is_tried else dataclasses.replace(beside, say=None)
        taught = teach(
            texts, labels, config, quiet, doc_weights=doc_weights, seed=seed,
            n_threads=n_threads, is_tried=is_tried,
        )  # fmt: skip
        if taught is None:
            return None
        factors = _factors(taught, run)
        weights = taught.weights if factors is None else taught.weights * factors
        return taught.texts, taught.labels, scaled(weights)

    return more


def _taken(beside: Beside, chosen: np.ndarray, n_texts: int) -> Beside:
    """Return what there is beside some of the labelled texts."""
    if beside.embeddings is None:
        return beside
    parts = beside.embeddings[chosen], beside.embeddings[n_texts:]
    return dataclasses.replace(beside, embeddings=np.concatenate(parts))


def _factors(taught: Taught, run: Run) -> np.ndarray | None:
    """Return factors of the texts without labels by the class weights, of the others 1."""
    if run.class_weight is None:
        return None
    factors = class_factors(run.class_weight, taught.labels, taught.weights.astype(np.float64))
    factors[: taught.pool.n_labelled] = 1  # whose weights have them
    return scaled(factors)
