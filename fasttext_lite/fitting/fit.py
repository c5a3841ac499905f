"""From texts and labels to a trained model.

`fit` is the whole way. Who trains several times on the same texts (tuning, ensembles) calls
`prepare.prepare` once and `fit_prepared` as often as wanted; `fit_more` goes on with more texts,
`fit_cycle` with the same ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.config.recipe import one_pass as one_pass_of
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.disk.columns import PART, Column, is_filed
from fasttext_lite.errors import bounded
from fasttext_lite.fitting.abstaining import Answers
from fasttext_lite.fitting.advice import warn_of_labels
from fasttext_lite.fitting.calibrate import Judged, calibrate
from fasttext_lite.fitting.ladder import choose
from fasttext_lite.fitting.log import check_log
from fasttext_lite.fitting.monitor import Watch
from fasttext_lite.fitting.ngrams import choose_ngrams
from fasttext_lite.fitting.noise import make_noise
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.fitting.prepared import Prepared, take_prepared
from fasttext_lite.fitting.repeats import say_if_repeated
from fasttext_lite.fitting.trainee import Trainee, Training, tables_of
from fasttext_lite.fitting.trees import make_tree
from fasttext_lite.fitting.validation import as_features, rest_for_patience, texts_aside
from fasttext_lite.fitting.vectors import Pretrained, join_vectors, settings_of, with_vectors
from fasttext_lite.model.run import Run
from fasttext_lite.parallel import cpu_count, return_memory

if TYPE_CHECKING:
    from fasttext_lite.fitting.keeper import TrainingKeeper
    from fasttext_lite.training.weights import Weights


# -- from nothing ----------------------------------------------------------------------------
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
    pretrained: Pretrained | None = None,
    one_pass: bool = False,
    run: Run | None = None,
    keeper: TrainingKeeper | None = None,
) -> Trainee:
    """Train a model from nothing; return it with its weights and its history.

    Parameters
    ----------
    texts, labels, doc_weights, run
        Of the documents, ids of labels in [0, n_labels); see `Prepared`.
    config : Config
        What it leaves open is filled in by `recipe.resolve`.
    multilabel : bool, optional
        Whether documents may have several labels or none; default: whether any has.
    seed, n_threads, callback, keeper
        See `loop.train`.
    watch : Watch, optional
        What to report, and to whom. Without validation data, `Config.patience` sets
        `Config.valid_fraction` of the texts aside: they are no part of the vocabulary.
    pretrained : Pretrained, optional
        File of word vectors that the words' rows start from; `dim` is theirs.
    one_pass : bool
        One epoch at a constant learning rate, the first of many (`partial_fit`).

    Raises
    ------
    TrainingError
        If there are fewer than two labels, or training cannot start or diverges.
    """
    if not one_pass:
        warn_of_labels(labels)
    config = with_vectors(one_pass_of(config) if one_pass else config, pretrained)
    if watch is not None and watch.log is not None:
        check_log(watch.log)  # before the time is spent
    multilabel = labels.is_multilabel if multilabel is None else multilabel
    rest, watch = rest_for_patience(texts, labels, config, watch, seed)
    if rest is not None:
        texts, labels = texts.take(rest), labels.take(rest)
        doc_weights = None if doc_weights is None else doc_weights[rest]
    prepared = prepare(
        texts, labels, config, doc_weights=doc_weights, multilabel=multilabel,
        n_threads=n_threads, chooser=None if one_pass else choose_ngrams,
    )  # fmt: skip
    prepared = dataclasses.replace(join_vectors(prepared, pretrained, n_threads), run=run)
    settle = choose if keeper is None else keeper.choose
    prepared = prepared if one_pass else settle(prepared, seed, n_threads)
    how: dict[str, Any] = {"seed": seed, "n_threads": n_threads, "callback": callback}
    return fit_prepared(prepared, watch=watch, keeper=keeper, **how)


def fit_prepared(
    prepared: Prepared,
    config: Config | None = None,
    *,
    seed: int = 0,
    n_threads: int | None = None,
    callback: Callable[[Any], None] | None = None,
    watch: Watch | None = None,
    keeper: TrainingKeeper | None = None,
) -> Trainee:
    """Train a model on features that are there already.

    Parameters
    ----------
    prepared : Prepared
    config : Config, optional
        Other settings of training than `prepared.config`.
    seed, n_threads, callback, watch, keeper
        As in `fit`; but texts that are set aside have their words in the vocabulary.

    Raises
    ------
    ValueError
        If the settings ask for other features than those prepared.
    TrainingError
        If training cannot start or diverges.
    """
    n_threads = n_threads or cpu_count()
    given, config = config, _settings(prepared, config)
    if given is not None and config != _settings(prepared, None):
        prepared = dataclasses.replace(
            prepared, calibration=None, choice=None, aside=None, abstention=None
        )  # fmt: skip
    training = _divided(prepared, config, watch, seed, n_threads)
    tree_of = partial(make_tree, training.prepared, config, seed, n_threads)
    if keeper is None:
        tree = tree_of()
    else:
        tree = keeper.begin(training.prepared, config, training.valid, n_threads, tree_of)
    return_memory()
    trained = training.prepared
    if trained.aside is not None:
        trained = dataclasses.replace(trained, doc_weights=_without(trained, trained.aside))
    training = dataclasses.replace(training, prepared=trained, tree=tree)
    trainee = training.run(callback, watch, keeper)
    return trainee if trained.aside is None else _calibrated(trainee, prepared, trained.aside)


def _without(prepared: Prepared, docs: np.ndarray) -> np.ndarray:
    """Return the weights of the texts, with 0 for some, float32[n_texts]."""
    given, weights = prepared.doc_weights, Column(np.float32, is_filed(prepared.features.indptr))
    for start in range(0, len(prepared.labels), PART):
        n = min(PART, len(prepared.labels) - start)
        weights.append(np.ones(n) if given is None else given[start : start + n])
    without = weights.array()
    without[docs] = 0
    return without


def _calibrated(trainee: Trainee, prepared: Prepared, docs: np.ndarray) -> Trainee:
    """Return a model that is calibrated on texts that it did not learn from."""
    weights = np.ones(docs.size) if prepared.doc_weights is None else prepared.doc_weights[docs]
    features, labels = prepared.features.take(docs), prepared.labels.take(docs)
    judged = Judged.of(trainee.model, features, labels, weights.astype(np.float64))
    model = trainee.model.replace(calibration=calibrate([judged]), abstention=None)
    if prepared.run is not None and prepared.run.wanted is not None:
        say_if_repeated(prepared.features, docs)
        answers = Answers.of_model(model, features, labels)
        found = answers.abstention(prepared.run)
        if found is not None and prepared.before is not None:
            found = dataclasses.replace(found, goes_on=True)
        model = model.replace(abstention=found)
    return dataclasses.replace(trainee, model=model)


def _settings(prepared: Prepared, config: Config | None) -> Config:
    """Return the settings of a training, resolved; those of features must be as prepared."""
    config, vectors = config or prepared.config, prepared.vectors
    if vectors is not None:
        config = settings_of(config, vectors.path, vectors.added.shape[1])
    left_open = [name for name in FEATURE_FIELDS if getattr(config, name) is None]
    config = config.replace(**{name: getattr(prepared.config, name) for name in left_open})
    n_labels = len(prepared.labels.names)
    config = resolve(config, n_labels, prepared.multilabel).with_dtype(prepared.model_space.n_rows)
    for name in FEATURE_FIELDS:
        if getattr(config, name) != getattr(prepared.config, name):
            raise ValueError(
                bounded(
                    f"the features were prepared with {name}={getattr(prepared.config, name)!r}; "
                    f"got {getattr(config, name)!r}"
                )
            )
    return config


def _divided(
    prepared: Prepared, config: Config, watch: Watch | None, seed: int, n_threads: int
) -> Training:
    """Return the data of a training, part of them set aside to validate on where patience asks."""
    valid = None
    if watch is not None and watch.valid is not None:
        valid = as_features(watch.valid, prepared.model_space, config, n_threads)
    chosen, whole = None, prepared
    if valid is None and config.patience is not None:
        chosen, aside = texts_aside(prepared.labels, config, seed)
        valid = prepared.features.take(aside), prepared.labels.take(aside)
        prepared = take_prepared(whole, chosen)
    noisy = make_noise(whole, config, seed, n_threads, chosen)
    return Training(prepared, config, seed, n_threads, valid, noisy)


# -- from where a training ended -------------------------------------------------------------
def fit_cycle(
    trainee: Trainee,
    prepared: Prepared,
    *,
    seed: int = 0,
    n_threads: int | None = None,
    callback: Callable[[Any], None] | None = None,
) -> Trainee:
    """Train once more on the same documents, from the weights reached.

    The learning rate begins anew, and so does the state of the optimizer.

    Parameters
    ----------
    trainee : Trainee
        Left as it is; the result is a new one, with the same settings.
    prepared : Prepared
        What it was trained on.
    seed, n_threads, callback
        As in `fit`.

    Returns
    -------
    Trainee
    """
    from fasttext_lite.training import loop
    from fasttext_lite.training.run import DIVERGED_LATER
    from fasttext_lite.training.weights import stateless

    old, tables = trainee.model, tables_of(trainee.weights)

    def start() -> Weights:
        return stateless(old.config, **{name: table.copy() for name, table in tables.items()})

    weights, history = loop.train(
        start, prepared.features, prepared.labels, old.config,
        tree=old.tree, doc_weights=prepared.doc_weights, diverged=DIVERGED_LATER, seed=seed,
        n_threads=n_threads or cpu_count(), callback=callback,
    )  # fmt: skip
    model = old.replace(packed=None, threshold=None, abstention=None, **tables_of(weights))
    return Trainee(model, weights, history)
