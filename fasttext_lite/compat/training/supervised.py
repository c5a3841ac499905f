"""Train fastText's models: the dictionary and the numbers of rows are fastText's, the loop is ours.

fasttext.cc of fastText 0.9.2.  Same defaults, same features, same order of the examples, same
learning rates and losses.  What differs:

- Rows of n-grams that the training text does not have are zero, not random.
- An example of several labels trains all of them, each with its share, in every epoch; fastText
  draws one of them at each visit (the same on average).
- Threads take blocks of examples in turn; in fastText each begins at its own place of the file.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.compat.files import binary
from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.binary import Parts
from fasttext_lite.compat.files.dictionary import Dictionary, Examples, indptr_of, mapped
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.config.fields import Config
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.errors import InputError, ModelError, TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.parallel import cpu_count, return_memory
from fasttext_lite.training.weights import Weights, init_weights, n_output_rows, stateless


@dataclass(frozen=True)
class Progress:
    """How far training has come; handed to the callback about ten times a second.

    Attributes
    ----------
    fraction : float
        In [0, 1].
    loss : float
        Mean loss of the epoch under way; in the last report of all epochs.
    lr : float
    words_per_second : float
        Of each thread.
    eta : float
        Seconds left.
    """

    fraction: float
    loss: float
    lr: float
    words_per_second: float
    eta: float


Callback = Callable[[Progress], None]


def read_dictionary(data: np.ndarray, args: Args) -> tuple[Dictionary, Any]:
    """Make the dictionary of a training text; with the pretrained vectors if there are any.

    Returns
    -------
    dictionary : Dictionary
    vectors : tuple of (list of bytes, float32[n, dim]), optional
    """
    vectors = None
    if args.pretrained_vectors:
        from fasttext_lite.compat.training.words import read_vec

        vectors = read_vec(args.pretrained_vectors)
        if vectors[1].shape[1] != args.dim:
            raise InputError(
                f"Dimension of pretrained vectors ({vectors[1].shape[1]}) does not match "
                f"dimension ({args.dim})!"
            )
    if not args.uses_buckets:
        args.bucket = 0
    return Dictionary.read(data, args, vectors[0] if vectors else ()), vectors


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
        Called with a `Progress` now and then.
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
    args = args.replace()
    args.check()
    check_input(args)
    with mapped(args.input) as data:
        dictionary, vectors = read_dictionary(data, args)
        if on_dictionary is not None:
            on_dictionary(dictionary)
        if dictionary.n_labels == 0:
            rare = f", or all are rarer than -minCountLabel {args.min_count_label}"
            raise InputError(
                f"{args.input}: no word begins with the label prefix {args.label!r}"
                + rare * (args.min_count_label > 1)
            )
        return train(args, dictionary, data, vectors, None, callback)


def train_unsupervised(
    args: Args,
    *,
    callback: Callback | None = None,
    on_dictionary: Callable[[Dictionary], None] | None = None,
) -> FastTextModel:
    """Train word vectors as ``fasttext skipgram`` and ``fasttext cbow`` do.

    Parameters
    ----------
    args : Args
        With the `model` "sg" or "cbow".
    callback, on_dictionary
        As in `train_supervised`.

    Raises
    ------
    InputError, TrainingError
        As in `train_supervised`.
    """
    from fasttext_lite.compat.training import words as word_training

    args = args.replace()
    args.check()
    check_input(args)
    n_threads = min(args.thread, cpu_count())
    begin = time.perf_counter()

    def report(now: word_training.WordProgress) -> None:
        assert callback is not None
        left = (time.perf_counter() - begin) * (1 - now.fraction) / max(now.fraction, 1e-9)
        callback(Progress(now.fraction, now.loss, now.lr, now.tokens_per_second / n_threads, left))

    with mapped(args.input) as data:
        dictionary, vectors = read_dictionary(data, args)
        if on_dictionary is not None:
            on_dictionary(dictionary)
        return word_training.train_unsupervised(
            args, dictionary, data, vectors, None if callback is None else report
        )


def check_input(args: Args) -> None:
    if not args.input:
        raise InputError("the input cannot be opened: no file is given")
    if args.input == "-":
        raise InputError("Cannot use stdin for training!")
    if os.path.isdir(args.input):
        raise InputError(f"{args.input} cannot be opened for training: it is a directory")


def train(
    args: Args,
    dictionary: Dictionary,
    data: np.ndarray,
    vectors: tuple[list[bytes], np.ndarray] | None,
    start: FastTextModel | None,
    callback: Callback | None,
) -> FastTextModel:
    """Train from random rows, from pretrained vectors, or on from a model."""
    n_threads = min(args.thread, cpu_count())
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
        if vectors is not None:
            _enter_vectors(weights, dictionary, *vectors)
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
    return FastTextModel(Parts(args, dictionary, table, DenseTable.of(output)))


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

    n_threads = min(args.thread, cpu_count())
    tree = huffman_tree(dictionary.label_counts) if args.loss == "hs" else None
    begin = time.perf_counter()
    n_words = args.epoch * dictionary.n_tokens

    def report(fraction: float, loss: float, lr: float) -> None:
        seconds = max(time.perf_counter() - begin, 1e-9)
        left = seconds * (1 - fraction) / fraction if fraction else 0.0
        rate = fraction * n_words / seconds / n_threads
        assert callback is not None
        callback(Progress(fraction, loss, lr, rate, left))

    return_memory()
    weights, history = loop.train(
        make_weights,
        features,
        labels,
        config,
        tree=tree,
        blank=False,
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


# -- text files of vectors -------------------------------------------------------------------
def write_vectors(model: FastTextModel, path: str | os.PathLike[str]) -> None:
    """Write the vectors of all words as text, ``.vec``: 5 significant digits."""
    _write_text(path, model.dictionary.words, model.all_word_vectors())


def write_output(model: FastTextModel, path: str | os.PathLike[str]) -> None:
    """Write the output table as text, a row for each label (or word, for word vectors).

    Raises
    ------
    ModelError
        If the model is quantised, or the file cannot be written.
    """
    if model.is_quantized:
        raise ModelError("Option -saveOutput is not supported for quantized models.")
    dictionary = model.dictionary
    names = dictionary.labels if model.is_supervised else dictionary.words
    _write_text(path, names, model.output.decode()[: len(names)])


def _write_text(path: str | os.PathLike[str], names: list[bytes], rows: np.ndarray) -> None:
    form = b"%.5g " * rows.shape[1]
    try:
        with binary.replacing(path) as file:
            file.write(b"%d %d\n" % rows.shape)
            for first in range(0, len(rows), 1024):
                part = rows[first : first + 1024].tolist()
                lines = [
                    names[first + i] + b" " + form % tuple(row) + b"\n"
                    for i, row in enumerate(part)
                ]
                file.write(b"".join(lines))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"{os.fspath(path)} cannot be opened for saving: {reason}") from None
