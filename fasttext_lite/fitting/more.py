"""A trained model goes on with more texts: their new words join it, and their new labels.

A new label's row of the output table starts from what the model makes of its texts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import one_pass, usual_dim
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.entries import Entries
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.numbered import NumberedPieces
from fasttext_lite.fitting.advice import warn_of_labels, warn_of_new_labels, warn_of_threshold
from fasttext_lite.fitting.fit import fit_prepared
from fasttext_lite.fitting.keeper import TrainingKeeper
from fasttext_lite.fitting.ladder import choose
from fasttext_lite.fitting.prepare import Pieces, count_words
from fasttext_lite.fitting.prepared import Before, Prepared
from fasttext_lite.fitting.trainee import Trainee, tables_of
from fasttext_lite.label_tree.growth import grow_tree
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.model.model import Model
from fasttext_lite.parallel import cpu_count
from fasttext_lite.text.analyzers import analyze


@dataclass(frozen=True)
class Further:
    """A trained model that is to learn from more texts.

    Attributes
    ----------
    model : Model
        With the settings of the training to come.
    as_seen : bool
        Whether labels count as they do in all texts seen, see `class_weight.seen_factors`; else
        as in the texts to come.
    joined : callable, optional
        Makes of the names of labels that texts have those of the model to come, all that the
        model has among them; default: its own, then the new ones.
    """

    model: Model
    as_seen: bool = True
    joined: Callable[[list[str]], list[str]] | None = None

    def names(self, found: list[str]) -> list[str]:
        """Return the names of the labels, given those that the texts have."""
        if self.joined is not None:
            return self.joined(found)
        known = set(self.model.labels)
        return [*self.model.labels, *(name for name in found if name not in known)]


LOOKED_AT = 200  # texts of a new label that its row starts from


def fit_more(
    trainee: Trainee,
    texts: Texts,
    labels: Labels,
    *,
    config: Config | None = None,
    places: np.ndarray | None = None,
    doc_weights: np.ndarray | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    callback: Callable[[Any], None] | None = None,
) -> Trainee:
    """Train one epoch on more documents, at a constant learning rate.

    The vocabulary grows by the new features, and the model by the new labels, see `with_labels`.

    Parameters
    ----------
    trainee : Trainee
        Left as it is; the result is a new one.
    config : Config, optional
        With other settings of training (lr, label_smoothing, neg) than the model's.
    places : int64[n_labels of the model], optional
        The number of each of the model's labels among the names of `labels`; default: that of
        the same name.
    texts, labels, doc_weights, seed, n_threads, callback
        As in `fit`; the names of the labels are those of the model and new ones.

    Returns
    -------
    Trainee
    """
    from fasttext_lite.training import loop
    from fasttext_lite.training.history import History
    from fasttext_lite.training.run import DIVERGED_LATER
    from fasttext_lite.training.weights import grow_weights

    old, n_threads = trainee.model, n_threads or cpu_count()
    # The model keeps the settings of a whole training: another one goes by them.
    whole = config or old.config
    warn_of_threshold(old)
    places = places_of(old, labels.names) if places is None else places
    counts = counts_before(old, places, len(labels.names)) + labels.counts()
    space, features = old.space.grow(analyze(texts, whole, n_threads), n_threads, labels, counts)
    trainee = with_labels(trainee, features, labels, places, n_threads)
    whole = whole.replace(dim=trainee.model.config.dim)
    config = one_pass(whole)
    start = partial(grow_weights, trainee.weights, config, space.n_rows, seed)
    if features.ids.size == 0:  # nothing in these texts can be learnt
        weights, history = start(), History(lr=config.lr or 0.0)
    else:
        weights, history = loop.train(
            start, features, labels, config, tree=trainee.model.tree, doc_weights=doc_weights,
            diverged=DIVERGED_LATER, seed=seed, n_threads=n_threads, callback=callback,
        )  # fmt: skip
    model = trainee.model.replace(
        config=whole, label_counts=counts, n_texts=old.n_texts + len(texts), space=space,
        packed=None, threshold=None, abstention=None, **tables_of(weights),
    )  # fmt: skip
    return Trainee(model, weights, history)


def prepare_more(
    pieces: Pieces,
    further: Further,
    *,
    n_threads: int | None = None,
    entries: Entries | None = None,
) -> Prepared:
    """Cut texts into features of a model that they grow.

    Parameters
    ----------
    pieces : Pieces
        One piece alone where the settings ask for noise in words.
    further : Further
    n_threads : int, optional
        Default: all processors.
    entries : Entries, optional
        Where the features are kept; default: in memory.

    Returns
    -------
    Prepared
        With `Prepared.before`.

    Raises
    ------
    ModelError
        If the model is quantised.
    TrainingError
        If texts have several labels, and the model one for each.
    """
    n_threads, model = n_threads or cpu_count(), further.model
    numbered = NumberedPieces()
    vocabulary, held, cut_here = count_words(pieces, numbered, model.config, n_threads)
    found = pieces.labels()
    warn_of_labels(found)
    labels = found.renamed(further.names(found.names))
    if labels.is_multilabel and not model.multilabel:
        raise TrainingError(
            "texts have several labels or none, and the model was made for one label a text: "
            "train a new one on all texts"
        )
    places = places_of(model, labels.names)
    before = counts_before(model, places, len(labels.names))
    space, features = model.space.grow_chunks(
        numbered, vocabulary, n_threads, labels, entries, before + labels.counts(),
    )  # fmt: skip
    grown = with_labels(Trainee.of_model(model), features, labels, places, n_threads)
    model = grown.model
    return Prepared(
        model.config, space, features, labels, model.multilabel,
        marked=held,
        calibration=model.calibration, run=model.run, are_cut=not cut_here,
        before=Before(grown.weights, model.tree, before, model.n_texts),
    )  # fmt: skip


def fit_further(
    prepared: Prepared,
    further: Further,
    *,
    seed: int = 0,
    n_threads: int | None = None,
    keeper: TrainingKeeper | None = None,
    **how: Any,
) -> Trainee:
    """Train a model on the texts of `prepare_more`; parameters as of `fit.fit_prepared`."""
    is_asked = prepared.run is not None and prepared.run.wanted is not None
    warn_of_threshold(further.model, has_abstention=is_asked)
    settle = choose if keeper is None else keeper.choose
    prepared = settle(prepared, seed, n_threads)  # texts to measure answers on: no more is left
    trainee = fit_prepared(prepared, seed=seed, n_threads=n_threads, keeper=keeper, **how)
    model = trainee.model.replace(choice=further.model.choice)
    return dataclasses.replace(trainee, model=model)


def places_of(model: Model, names: list[str]) -> np.ndarray:
    """Return the number of each of a model's labels among some names, which have them all."""
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[name] for name in model.labels], np.int64)


def counts_before(model: Model, places: np.ndarray, n_labels: int) -> np.ndarray:
    """Return how often each of some labels occurred when a model was trained, int64[n_labels]."""
    counts = np.zeros(n_labels, np.int64)
    counts[places] = model.label_counts
    return counts


def with_labels(
    trainee: Trainee,
    features: FeatureMatrix,
    labels: Labels,
    places: np.ndarray,
    n_threads: int = 1,
) -> Trainee:
    """Return a model that has some labels more, and the others as they are.

    Parameters
    ----------
    trainee : Trainee
        Left as it is; it shares with the result what does not grow.
    features : FeatureMatrix
        Of texts that it will be trained on; rows that its table lacks are those of new features.
    labels : Labels
        Of the same texts.
    places : int64[n_old]
        The number of each of the model's labels among the names of `labels`.
    n_threads : int

    Returns
    -------
    Trainee
    """
    from fasttext_lite.training.growth import grow_outputs

    old, n_labels = trainee.model, len(labels.names)
    if n_labels == len(places) and (places == np.arange(n_labels)).all():
        return trainee
    new = np.setdiff1d(np.arange(n_labels), places)
    warn_of_new_labels(labels, new)
    config, tree, rows = old.config, old.tree, places
    if config.head == "linear" and (config.dim or 0) < n_labels:
        config = config.replace(dim=usual_dim("linear", n_labels))
    hidden, voted = _first_look(old, features, labels, new, n_threads)
    if tree is None:
        start = _label_rows(old, hidden)
    else:
        tree, rows = grow_tree(tree, places, voted, labels.counts()[new])
        start = _node_rows(old, tree, rows, places, hidden)
    weights = grow_outputs(trainee.weights, config, rows, start)
    calibration = old.calibration
    if calibration is not None:  # of the labels that there were
        calibration = dataclasses.replace(calibration, n_texts=0, error=None)
    model = old.replace(
        config=config, labels=list(labels.names),
        label_counts=counts_before(old, places, n_labels), tree=tree, calibration=calibration,
        packed=None, **tables_of(weights),
    )  # fmt: skip
    return Trainee(model, weights, trainee.history)


def _label_rows(old: Model, hidden: np.ndarray) -> np.ndarray:
    """Return output rows that new labels start with, float32[n_new, hidden_size].

    A label without a text of its own gets the mean of the rows that there are: as much as the mean
    of the other labels. Under a learned head the direction of its texts is added (imprinting: H.
    Qi, M. Brown and D. Lowe, Low-Shot Learning with Imprinted Weights, 2018), as long as the rows
    are on average.
    """
    rows = np.repeat(old.output.mean(axis=0, keepdims=True), len(hidden), axis=0)
    if old.config.head == "linear":
        return rows
    return rows + _mean_length(old.output) * _directions(hidden)


def _node_rows(
    old: Model, tree: LabelTree, rows: np.ndarray, places: np.ndarray, hidden: np.ndarray
) -> np.ndarray:
    """Return output rows that new inner nodes start with: from left texts to right ones.

    Parameters
    ----------
    old : Model
    tree : LabelTree
        With the new labels, as `grow_tree` returns it.
    rows : int64[n_old - 1]
        Of the nodes that there were.
    places : int64[n_old]
        Of the labels that there were.
    hidden : float32[n_new, hidden_size]
        The mean hidden vector of the texts of each new label.
    """
    assert old.tree is not None
    n_new, n_labels = len(hidden), tree.n_labels
    vectors = np.zeros((n_labels + n_new, hidden.shape[1]), np.float32)
    vectors[np.setdiff1d(np.arange(n_labels), places)] = _directions(hidden)
    starts = np.zeros(hidden.shape, np.float32)
    parents, branches = old.tree.parents(), old.tree.branches()
    for i, pair in enumerate(tree.children[:n_new]):
        for child in pair:
            found = np.flatnonzero(places == child)
            if found.size:  # no text of it is here: the way to it says where its texts lie
                vectors[child] = _directions(_way_to(found[0], old.output, parents, branches))
        left, right = vectors[pair]
        starts[i] = _mean_length(old.output) * _directions(right - left)
        vectors[n_labels + i] = _directions(left + right)
    return starts


def _way_to(
    label: int, output: np.ndarray, parents: np.ndarray, branches: np.ndarray
) -> np.ndarray:
    """Return the sum of the rows above a label, each with the sign of its branch."""
    total, node, n_labels = np.zeros(output.shape[1], np.float32), label, len(output) + 1
    while parents[node] >= 0:
        total += (2 * branches[node] - 1) * output[parents[node] - n_labels]
        node = parents[node]
    return total


def _mean_length(rows: np.ndarray) -> np.float32:
    return np.linalg.norm(rows, axis=1).mean()


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of length 1; zeros stay."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _first_look(
    old: Model, features: FeatureMatrix, labels: Labels, new: np.ndarray, n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a model makes of the texts of labels that it does not know.

    Returns
    -------
    hidden : float32[n_new, hidden_size]
        The mean hidden vector of each label's texts; zeros without one.
    voted : int64[n_new]
        The old label that most of them get; the rarest one without texts.
    """
    hidden = np.zeros((len(new), old.hidden_size), np.float32)
    voted = np.full(len(new), old.label_counts.argmin())
    docs = np.repeat(np.arange(len(labels)), np.diff(labels.indptr))
    for i, label in enumerate(new):
        mine = docs[labels.ids == label][:LOOKED_AT]
        if mine.size:
            known = _known(features.take(mine), len(old.embeddings))
            hidden[i] = old.embed(known, n_threads).mean(axis=0)
            top = old.predict(known, n_threads=n_threads).labels[:, 0]
            voted[i] = np.bincount(top, minlength=len(old.labels)).argmax()
    return hidden, voted


def _known(features: FeatureMatrix, n_rows: int) -> FeatureMatrix:
    """Return features without those whose rows lie beyond the first ones."""
    kept = features.ids < n_rows
    ends = np.append(0, np.cumsum(kept))[features.indptr]
    return FeatureMatrix(features.ids[kept], features.weights[kept], ends)
