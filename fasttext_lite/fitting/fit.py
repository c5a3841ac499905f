"""From texts and labels to a trained model: features once, then any number of trainings.

`fit` is the whole way. Who trains several times on the same texts (tuning, ensembles) calls
`prepare` once and `fit_prepared` as often as wanted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import set_aside
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting.advice import warn_of_rare_labels
from fasttext_lite.fitting.label_points import trained_points
from fasttext_lite.fitting.monitor import Monitor, Watch
from fasttext_lite.fitting.prepare import Prepared, prepare
from fasttext_lite.fitting.report import check_log
from fasttext_lite.fitting.vectors import read_dim, read_vectors
from fasttext_lite.label_tree.tree import cluster_tree, huffman_tree, linkage_tree
from fasttext_lite.model.model import Model
from fasttext_lite.parallel import cpu_count, return_memory
from fasttext_lite.text.analyzers import analyze, disturb

if TYPE_CHECKING:
    from fasttext_lite.training.loop import History
    from fasttext_lite.training.weights import Weights


@dataclass
class Trainee:
    """A model under way: what `fit` makes and `fit_more` goes on with.

    Attributes
    ----------
    model : Model
    weights : Weights
        The tables with the optimizer's state.
    history : training.History
        Of the last training.
    """

    model: Model
    weights: Weights
    history: History


def fit_prepared(
    prepared: Prepared,
    config: Config | None = None,
    *,
    seed: int = 0,
    n_threads: int | None = None,
    callback: Callable[[Any], None] | None = None,
    watch: Watch | None = None,
    pretrained: str | os.PathLike[str] | None = None,
) -> Trainee:
    """Train a model on features that are there already.

    Parameters
    ----------
    prepared : Prepared
    config : Config, optional
        Other settings of training than `prepared.config`; those of text and features
        (`config.FEATURE_FIELDS`) must be the same.
    seed, n_threads, callback, watch, pretrained
        As in `fit`. With `Config.patience` and no validation data, documents are set aside here:
        their words are in the vocabulary all the same.

    Returns
    -------
    Trainee

    Raises
    ------
    ValueError
        If the settings ask for other features than those prepared.
    TrainingError
        If training cannot start or diverges.
    """
    from fasttext_lite.training import loop
    from fasttext_lite.training.weights import init_weights, n_output_rows, take_rows

    space, features, labels = prepared.space, prepared.features, prepared.labels
    doc_weights = prepared.doc_weights
    config = config or prepared.config
    config = with_vectors(config, pretrained)
    left_open = [name for name in FEATURE_FIELDS if getattr(config, name) is None]
    config = config.replace(**{name: getattr(prepared.config, name) for name in left_open})
    config = resolve(config, len(labels.names), prepared.multilabel).with_dtype(space.n_rows)
    for name in FEATURE_FIELDS:
        if getattr(config, name) != getattr(prepared.config, name):
            raise ValueError(
                f"the features were prepared with {name}={getattr(prepared.config, name)!r}; "
                f"got {getattr(config, name)!r}"
            )
    n_threads = n_threads or cpu_count()
    noisy = _noise(prepared, config, seed, n_threads)
    valid = None if watch is None else _valid_features(watch, space, config, n_threads)
    if valid is None and config.patience is not None:
        rows, aside = _set_aside(labels, config, seed)
        valid = features.take(aside), labels.take(aside)
        features, labels = features.take(rows), labels.take(rows)
        noisy = None if noisy is None else partial(_take_noisy, noisy, rows)
        doc_weights = None if doc_weights is None else doc_weights[rows]
    counts = labels.counts()
    tree = None
    if config.loss == "hs" and config.tree == "huffman":
        tree = huffman_tree(np.maximum(counts, 1))
    elif config.loss == "hs":
        points = trained_points(space, features, labels, doc_weights, seed, n_threads)
        linked = config.tree == "linkage"
        tree = linkage_tree(points) if linked else cluster_tree(points, counts, seed, n_threads)
    n_output = n_output_rows(config, len(labels.names))
    return_memory()

    def make_model(weights: Weights) -> Model:
        return Model(
            config=config, labels=labels.names, label_counts=counts, n_texts=len(features),
            space=space, embeddings=weights.embeddings, output=weights.output, tree=tree,
            multilabel=prepared.multilabel, norm=weights.norm, layer=weights.layer,
        )  # fmt: skip

    with contextlib.ExitStack() as stack:
        monitor = None
        if watch is not None or config.patience is not None:
            monitor = Monitor(
                watch or Watch(), config, make_model, features, labels, valid,
                seed=seed, n_threads=n_threads,
            )  # fmt: skip
            stack.enter_context(monitor)
        vectors = None if pretrained is None else read_vectors(pretrained, space, config)

        def make_weights() -> Weights:
            weights = init_weights(config, space.n_rows, n_output, seed)
            if vectors is not None:
                weights.embeddings[vectors.rows] = vectors.vectors
            return weights

        weights, history = loop.train(
            make_weights,
            features,
            labels,
            config,
            tree=tree,
            doc_weights=doc_weights,
            seed=seed,
            n_threads=n_threads,
            callback=callback,
            on_epoch=monitor,
            noisy=noisy,
        )
        if monitor is not None:
            weights = monitor.finish(weights, history)
    if config.l1:
        rows = np.flatnonzero(weights.embeddings.any(axis=1))
        if rows.size == 0:
            raise TrainingError(f"l1={config.l1:g} set all weights to 0; give a smaller one")
        space, weights = space.take(rows), take_rows(weights, rows)
    return Trainee(make_model(weights), weights, history)


def with_vectors(config: Config, pretrained: str | os.PathLike[str] | None) -> Config:
    """Return the settings that pretrained vectors ask for."""
    if pretrained is None:
        return config
    dim = read_dim(pretrained)
    if config.dim not in (None, dim):
        raise InputError(f"{pretrained}: the vectors have {dim} dimensions; got dim={config.dim}")
    if config.head == "linear":
        raise InputError(f"{pretrained}: head='linear' leaves no place for pretrained vectors")
    return config.replace(dim=dim, head="learned")


def _noise(
    prepared: Prepared, config: Config, seed: int, n_threads: int
) -> Callable[[int], FeatureMatrix] | None:
    """Return what makes an epoch's features of disturbed texts, if that is asked for."""
    if not (config.word_dropout or config.word_swap):
        return None
    marked = prepared.marked
    if marked is None:
        raise ValueError("word_dropout and word_swap must be set when the features are prepared")

    def noisy(epoch: int) -> FeatureMatrix:
        new = int(np.random.default_rng([seed, 4, epoch]).integers(2**63))
        texts = disturb(marked, config.word_dropout, config.word_swap, new, n_threads)
        return prepared.space.transform(texts, n_threads)

    return noisy


def _take_noisy(
    noisy: Callable[[int], FeatureMatrix], rows: np.ndarray, epoch: int
) -> FeatureMatrix:
    return noisy(epoch).take(rows)


def _valid_features(
    watch: Watch, space: FeatureSpace, config: Config, n_threads: int
) -> tuple[FeatureMatrix, Labels] | None:
    """Return the validation data as features."""
    if watch.valid is None:
        return None
    texts, labels = watch.valid
    if not isinstance(texts, FeatureMatrix):
        texts = space.transform(analyze(texts, config, n_threads), n_threads)
    return texts, labels


def _set_aside(labels: Labels, config: Config, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on, and those to validate on."""
    rows, aside = set_aside(labels, config.valid_fraction, seed)
    if int(config.valid_fraction * len(labels)) < 1 or aside.size == 0 or rows.size == 0:
        raise TrainingError(
            f"patience needs texts to validate on, and {len(labels)} texts are too few to set a "
            f"share of {config.valid_fraction:g} aside; give validation data or more texts"
        )
    return rows, aside


def fit(
    texts: Texts,
    labels: Labels,
    config: Config,
    *,
    doc_weights: np.ndarray | None = None,
    multilabel: bool | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    callback: Callable[[Any], None] | None = None,
    watch: Watch | None = None,
    pretrained: str | os.PathLike[str] | None = None,
    one_pass: bool = False,
) -> Trainee:
    """Train a model from nothing.

    Parameters
    ----------
    texts : Texts
    labels : Labels
        Of the same documents, ids in [0, n_labels).
    config : Config
        What it leaves open is filled in by `config.resolve`.
    doc_weights : float32[n_docs], optional
        Factor of each document's loss.
    multilabel : bool, optional
        Whether rows may have several labels or none; default: whether any row does.
    seed, n_threads, callback
        See `training.train`.
    watch : monitoring.Watch, optional
        What to report of each epoch, and to whom. `Config.patience` without validation data
        here sets `Config.valid_fraction` of the texts aside, alike in their labels: they are
        not trained on and no part of the vocabulary.
    pretrained : path-like, optional
        File of word vectors, `.vec`, that the words' rows start from; `dim` is theirs, and the
        head is learned.
    one_pass : bool
        One epoch at a constant learning rate, the first of many (`partial_fit`).

    Returns
    -------
    Trainee

    Raises
    ------
    TrainingError
        If there are fewer than two labels, or training cannot start or diverges.
    """
    if one_pass:
        config = _one_pass(config)
    else:
        warn_of_rare_labels(labels)
    if watch is not None and watch.log is not None:
        check_log(watch.log)  # before the time is spent
    if multilabel is None:
        multilabel = labels.is_multilabel
    if config.patience is not None and (watch is None or watch.valid is None):
        rows, aside = _set_aside(labels, config, seed)
        valid = texts.take(aside), labels.take(aside)
        watch = dataclasses.replace(watch or Watch(), valid=valid)
        texts, labels = texts.take(rows), labels.take(rows)
        doc_weights = None if doc_weights is None else doc_weights[rows]
    config = with_vectors(config, pretrained)
    prepared = prepare(
        texts, labels, config,
        doc_weights=doc_weights, multilabel=multilabel, n_threads=n_threads,
    )  # fmt: skip
    return fit_prepared(
        prepared, seed=seed, n_threads=n_threads, callback=callback, watch=watch,
        pretrained=pretrained,
    )  # fmt: skip


def balanced_weights(labels: Labels) -> np.ndarray:
    """Return a factor for each text under which all labels weigh the same.

    n_texts / (n_labels * count), the mean over the text's labels, scaled to a mean of 1; as
    scikit-learn's ``class_weight="balanced"``. A text without a label gets the mean.

    Returns
    -------
    float32[n_texts]
    """
    factors = 1.0 / np.maximum(labels.counts(), 1)
    sizes = np.diff(labels.indptr)
    sums = np.bincount(
        np.repeat(np.arange(sizes.size), sizes), factors[labels.ids], minlength=sizes.size
    )
    weights = sums / np.maximum(sizes, 1)
    if not sizes.all():
        weights[sizes == 0] = weights[sizes > 0].mean() if sizes.any() else 1.0
    return (weights / weights.mean()).astype(np.float32)


def _one_pass(config: Config) -> Config:
    return config.replace(epochs=1, schedule="constant", warmup=0.0, averaging=0.0, patience=None)


def fit_more(
    trainee: Trainee,
    texts: Texts,
    labels: Labels,
    *,
    config: Config | None = None,
    doc_weights: np.ndarray | None = None,
    seed: int = 0,
    n_threads: int | None = None,
) -> Trainee:
    """Train one epoch on more documents, at a constant learning rate.

    The vocabulary grows by the new features; labels and label tree stay.

    Parameters
    ----------
    trainee : Trainee
        Left as it is; the result is a new one.
    config : Config, optional
        With other settings of training (lr, label_smoothing, neg) than the model's.
    texts, labels, doc_weights, seed, n_threads
        As in `fit`; the labels must be named as the model's.

    Returns
    -------
    Trainee
    """
    from fasttext_lite.training import loop
    from fasttext_lite.training.weights import grow_weights

    old = trainee.model
    config = _one_pass(config or old.config)
    n_threads = n_threads or cpu_count()
    space, features = old.space.grow(analyze(texts, config, n_threads), n_threads, labels)

    def start() -> Weights:
        return grow_weights(trainee.weights, config, space.n_rows, seed)

    if features.ids.size == 0:  # nothing in these texts can be learnt
        weights, history = start(), loop.History(lr=config.lr or 0.0)
    else:
        weights, history = loop.train(
            start, features, labels, config,
            tree=old.tree, doc_weights=doc_weights,
            blank=False, seed=seed, n_threads=n_threads,
        )  # fmt: skip
    counts = old.label_counts + labels.counts()
    model = old.replace(
        config=config, label_counts=counts, n_texts=old.n_texts + len(texts), space=space,
        embeddings=weights.embeddings, output=weights.output, norm=weights.norm,
        layer=weights.layer, packed=None,
    )  # fmt: skip
    return Trainee(model, weights, history)
