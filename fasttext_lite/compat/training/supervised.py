"""Train classifiers as ``fasttext supervised`` does: the rows are fastText's, the loop is ours.

fasttext.cc of fastText 0.9.2.  Same defaults, same features, same order of the examples, same
learning rates and losses.  What differs:

- Rows of n-grams that the training text does not have are zero, not random.
- An example of several labels trains all of them, each with its share, in every epoch; fastText
  draws one of them at each visit (the same on average).
- Threads take blocks of examples in turn; in fastText each begins at its own place of the file.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fasttext_lite.compat.files.arguments import LOSSES, Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import Dictionary, Examples, indptr_of
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training.progress import Callback, CommandProgress
from fasttext_lite.compat.training.text import TrainingText, opened
from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.config.fields import Config
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.errors import InputError, TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.parallel import return_memory
from fasttext_lite.training.weights import Weights, init_weights, n_output_rows, stateless


def train_supervised(
    args: Args,
    *,
    callback: Callback | None = None,
    on_dictionary: Callable[[Dictionary], None] | None = None,
) -> FastTextModel:
    """Train a classifier as ``fasttext supervised`` does.

    Parameters
    ----------
    args : Args
        Of `Args.supervised`; `input` is a file, plain or gzipped.
    callback : callable, optional
        Called with a `CommandProgress` now and then.
    on_dictionary : callable, optional
        Called with the dictionary before training begins.

    Returns
    -------
    FastTextModel

    Raises
    ------
    InputError
        If an argument or the file does not do.
    TrainingError
        If training diverges, even with smaller learning rates.
    """
    with opened(args, on_dictionary) as text:
        if text.dictionary.n_labels == 0:
            rare = f", or all are rarer than -minCountLabel {args.min_count_label}"
            raise InputError(
                f"{args.input}: no word begins with the label prefix {args.label!r}"
                + rare * (args.min_count_label > 1)
            )
        return train_classifier(text, callback=callback)


def train_classifier(
    text: TrainingText,
    *,
    start: FastTextModel | None = None,
    callback: Callback | None = None,
) -> FastTextModel:
    """Train a classifier on a text whose dictionary is known.

    Parameters
    ----------
    text : TrainingText
    start : FastTextModel, optional
        Train on from its tables, all rows of them; default: from random rows, and the pretrained
        vectors of the text.
    callback : callable, optional
        As in `train_supervised`.

    Raises
    ------
    TrainingError
        If no line has a label and a known word, or training diverges.
    """
    args, dictionary, data = text.args, text.dictionary, text.data
    n_threads = args.n_threads
    examples = dictionary.list(data, dictionary.split(data), n_threads)
    features, labels = _training_data(examples, dictionary)
    del examples
    if not len(features):
        raise TrainingError(f"{args.input}: no line has a label and a known word")
    if start is None:
        stored, places = _used_rows(features.ids, dictionary)
    else:  # all rows that a pruned model has
        stored = np.arange(dictionary.n_rows)
        places = None
    if places is not None:
        features = dataclasses.replace(features, ids=places[features.ids])
    config = _config(args, dictionary.n_labels)

    def make_weights() -> Weights:
        n_output = n_output_rows(config, dictionary.n_labels)
        if start is not None:
            return _weights_of(start, config, n_output)
        weights = init_weights(config, stored.size, n_output, args.seed)
        if text.vectors is not None:
            _enter_vectors(weights, dictionary, *text.vectors)
        return weights

    if dictionary.n_labels == 1:  # nothing to be told apart
        weights = make_weights()
    else:
        weights = _run(args, config, dictionary, features, labels, make_weights, callback)
    output = weights.output
    if len(output) < dictionary.n_labels:  # fastText has a row more than a tree needs
        output = np.concatenate([output, np.zeros((1, args.dim), np.float32)])
    full = None if places is None or places.size == stored.size else places
    table = DenseTable.of(weights.embeddings, full)
    return FastTextModel(ModelParts(args, dictionary, table, DenseTable.of(output)))


def _run(
    args: Args,
    config: Config,
    dictionary: Dictionary,
    features: FeatureMatrix,
    labels: Labels,
    make_weights: Callable[[], Weights],
    callback: Callback | None,
) -> Weights:
    from fasttext_lite.training import loop

    n_threads = args.n_threads
    has_tree = LOSSES[args.loss].has_tree
    tree = huffman_tree(dictionary.label_counts) if has_tree else None
    begin = time.perf_counter()
    n_words = args.epoch * dictionary.n_tokens

    def report(fraction: float, loss: float, lr: float) -> None:
        seconds = max(time.perf_counter() - begin, 1e-9)
        left = seconds * (1 - fraction) / fraction if fraction else 0.0
        rate = fraction * n_words / seconds / n_threads
        assert callback is not None
        callback(CommandProgress(fraction, loss, lr, rate, left))

    return_memory()
    weights, history = loop.train(
        make_weights,
        features,
        labels,
        config,
        tree=tree,
        diverged=math.inf,
        seed=args.seed,
        n_threads=n_threads,
        callback=None if callback is None else lambda p: report(p.fraction, p.loss, p.lr),
    )
    if callback is not None:
        report(1.0, float(np.mean(history.loss)), 0.0)
    return weights


def _training_data(examples: Examples, dictionary: Dictionary) -> tuple[FeatureMatrix, Labels]:
    """Return the examples that have rows and labels; rows with equal weights, to a sum of 1."""
    sizes, n_labels = np.diff(examples.indptr), np.diff(examples.label_indptr)
    good = (sizes > 0) & (n_labels > 0)
    ids, labels = examples.ids, examples.labels
    if not good.all():
        ids = ids[np.repeat(good, sizes)]
        labels = labels[np.repeat(good, n_labels)]
        sizes, n_labels = sizes[good], n_labels[good]
    indptr, label_indptr = indptr_of(sizes), indptr_of(n_labels)
    weights = np.repeat((1 / np.maximum(sizes, 1)).astype(np.float32), sizes)
    names = [str(i) for i in range(dictionary.n_labels)]
    return FeatureMatrix(ids, weights, indptr), Labels(labels, label_indptr, names)


def _used_rows(ids: np.ndarray, dictionary: Dictionary) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train, and the place of each row among them (-1: none).

    Those of all words, and of the buckets that the training text has.
    """
    used = np.zeros(dictionary.n_rows, bool)
    used[: dictionary.n_words] = True
    used[ids] = True
    stored = np.flatnonzero(used)
    places = np.full(used.size, -1, np.int32)
    places[stored] = np.arange(stored.size, dtype=np.int32)
    return stored, places


def _config(args: Args, n_labels: int) -> Config:
    """Return fastText's settings in our words."""
    values: dict[str, Any] = dict(PRESETS["fasttext"])
    values.update(
        loss=args.loss, dim=args.dim, epochs=args.epoch, lr=args.lr, neg=args.neg, head="learned",
        word_ngrams=1, bucket=0,
    )  # fmt: skip
    try:
        return Config(**values)
    except ValueError as error:
        raise InputError(str(error)) from None


def _weights_of(model: FastTextModel, config: Config, n_output: int) -> Weights:
    dim = model.dim
    rows, output = model.input.decode(), model.output.decode()
    embeddings, heads = make_table(len(rows), dim), make_table(n_output, dim)
    embeddings[:], heads[:] = rows, output[:n_output]
    norm, layer = np.empty((0, dim), np.float32), np.empty((0, dim + 1), np.float32)
    return stateless(config, embeddings, heads, norm, layer)


def _enter_vectors(
    weights: Weights, dictionary: Dictionary, words: list[bytes], vectors: np.ndarray
) -> None:
    for word, vector in zip(words, vectors, strict=True):
        row = dictionary.find(word)
        if 0 <= row < dictionary.n_words:
            weights.embeddings[row] = vector
