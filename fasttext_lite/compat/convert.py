"""Models of fastText to models of this package and back, as far as each can hold the other."""

from __future__ import annotations

import os

import numpy as np

from fasttext_lite.compat.files.arguments import LOSSES, Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import DEFAULT_LABEL, Dictionary, as_bytes
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.config import losses
from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import Config
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.corpus.labels import without_prefix
from fasttext_lite.errors import ModelError
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.model.model import Model
from fasttext_lite.model.quantization import N_CODES
from fasttext_lite.model.run import Run
from fasttext_lite.training.kernels.parts import NORM_EPSILON

# Numbers up to these can be summed up in float32: the rows of a text, and the products of a score.
LARGEST_ROW, LARGEST_SCORE = 1e30, 1e37

# The loss of fastText that turns scores into probabilities by each link.
_BY_LINK = {"softmax": "softmax", "tree": "hs", "sigmoid": "ova"}


def from_fasttext(model: FastTextModel) -> Model:
    """Return a classifier of fastText as a model of this package.

    The same features, rows and scores.  What differs is what fastText adds at the end:
    probabilities are p and not p + 1e-5, and sigmoids do not come from a table.  Words of a text
    that begin with the label prefix are words like others.

    Raises
    ------
    ModelError
        If the model predicts no labels, or fewer than two; if its numbers are not finite, or so
        large that sums of them are not, or no label was counted.
    """
    args, dictionary = model.args, model.dictionary
    if not model.is_supervised:
        raise ModelError("word vectors cannot become a classifier: the model predicts no labels")
    if dictionary.n_labels < 2:
        raise ModelError(f"a classifier needs at least 2 labels; found {dictionary.n_labels}")
    names = [_name(label) for label in dictionary.labels]
    if len(set(names)) != len(names):
        raise ModelError("two labels of the model have the same name without their prefix")
    maxn = args.maxn if args.minn <= args.maxn else 0
    values = dict(PRESETS["fasttext"])
    values.update(
        word_ngrams=max(args.word_ngrams, 1), minn=args.minn if maxn else 0, maxn=maxn,
        bucket=args.bucket, min_count=max(args.min_count, 1), dim=args.dim, loss=args.loss,
        neg=max(args.neg, 1), epochs=max(args.epoch, 1), head="learned",
    )  # fmt: skip
    try:
        config = Config(**values)
    except ValueError as error:
        raise ModelError(f"the model has settings that are not supported: {error}") from None
    n_words = dictionary.n_words
    if dictionary.pairs is not None:  # rows in the order of their numbers behind the words
        buckets = np.empty(len(dictionary.pairs), np.int64)
        buckets[dictionary.pairs[:, 1]] = dictionary.pairs[:, 0]
    else:
        buckets = np.arange(args.bucket if config.uses_buckets else 0)
    codes = np.concatenate([np.arange(n_words), n_words + buckets])
    counts = dictionary.label_counts
    n_texts = int(counts.sum())
    frequency = np.zeros(codes.size, np.int64)
    frequency[:n_words] = np.minimum(dictionary.counts[:n_words], n_texts)
    end = int(dictionary.offsets[n_words - 1, 1]) if n_words else 0
    pool, ends = dictionary.pool[:end], dictionary.offsets[:n_words, 1]
    if n_words and not np.array_equal(dictionary.offsets[1:n_words, 0], ends[:-1]):
        words = dictionary.words
        pool = np.frombuffer(b"".join(words), np.uint8)
        ends = np.cumsum([len(word) for word in words])
    space = FeatureSpace(config, pool, ends, codes, frequency, n_texts)
    output = model.output.decode()[: dictionary.n_labels]
    tree = None
    if LOSSES[args.loss].has_tree:
        tree, output = huffman_tree(counts), output[:-1]
    rows = model.input.decode()[: codes.size]
    _check_numbers(rows, output, counts)
    return Model(
        config=config, labels=names, label_counts=counts, n_texts=n_texts, space=space,
        embeddings=rows, output=output, tree=tree, run=Run(source="fastText"),
    )  # fmt: skip


def _check_numbers(rows: np.ndarray, output: np.ndarray, counts: np.ndarray) -> None:
    """Raise `ModelError` unless each text gets finite scores and some label."""
    if counts.sum() <= 0:
        raise ModelError("none of its labels was counted: its file is damaged")
    largest, most = float(np.abs(rows).max(initial=0)), float(np.abs(output).max(initial=0))
    if largest > LARGEST_ROW or largest * most * rows.shape[1] > LARGEST_SCORE:
        raise ModelError(
            f"its rows hold numbers of up to {largest:.3g}, its output table of up to {most:.3g}: "
            "sums of them are not finite, its file is damaged"
        )


def read_fasttext(path: str | os.PathLike[str]) -> Model:
    """Read a model file of fastText as a model of this package; see `from_fasttext`.

    Raises
    ------
    ModelError
        If it cannot be read, or cannot become one; then the message says what reads it.
    """
    name, model = os.fsdecode(path), FastTextModel.load(path)
    try:
        return from_fasttext(model)
    except ModelError as error:
        raise ModelError(
            f"{name}: {error}; fasttext_lite.compat.load_model reads it as it is"
        ) from None


def _name(label: bytes) -> str:
    return without_prefix(label.decode("utf-8", "replace"), DEFAULT_LABEL)


def obstacles(config: Config, for_pruned: bool, prepared: bool) -> list[str]:
    """Return the settings of a model that fastText's format has no place for, with the remedy.

    Parameters
    ----------
    config : Config
        Of a trained model.
    for_pruned : bool
        Whether n-grams without a row may be left out, as a quantised file can.
    prepared : bool
        Whether texts will come to fastText lower-cased, normalised, without stop words and cut into
        tokens.
    """
    found = []

    def needs(good: bool, text: str) -> None:
        if not good:
            found.append(text)

    analyzer = ANALYZERS[config.analyzer]
    needs(config.pooling == "mean", f"pooling {config.pooling} (fastText's is mean)")
    if not prepared:
        needs(analyzer.as_fasttext, f"analyzer {analyzer.name} (only whitespace)")
        needs(not config.lowercase, "lowercase")
        needs(not config.nfkc, "nfkc")
        needs(not config.simplify, "simplify")
        needs(not config.stop_words, "stop words")
    elif config.maxn:
        needs(
            analyzer.least_subword_chars == 1,
            f"analyzer {analyzer.name} with n-grams of characters (maxn 0 or whitespace)",
        )
    words = config.word_ngrams or 1
    needs(not (config.boundaries and words > 1), "boundaries with word n-grams")
    needs(config.eos or words == 1 or for_pruned, "word n-grams without eos")
    needs(config.norm != "layer", "norm layer")
    needs(not config.units, "a hidden layer (units)")
    uses_tree = losses.LOSSES[config.loss].uses_tree
    needs(not uses_tree or config.tree == "huffman", f"tree {config.tree} (only huffman)")
    return found


def to_fasttext(model: Model, pruned: bool = False, prepared: bool = False) -> FastTextModel:
    """Return a model of this package as one of fastText.

    What becomes part of the numbers: a batch normalisation (of the rows, as their mean moves with
    them), the scale of a softmax's scores and the factor 2 of the hinge losses (of the output
    table), the order of the labels. Another calibration has no place: probabilities of other
    losses are those of fastText's rules, which judge each label by itself.

    Parameters
    ----------
    model : Model
    pruned : bool
        Keep the rows of n-grams that the model has, and no others: such a model must be quantised
        before it is written.  Else the table gets a row for each bucket, zeros where the model
        has none, and these count in the mean of a text.
    prepared : bool
        See `obstacles`.

    Raises
    ------
    ModelError
        Which names all settings that fastText's format cannot hold.
    """
    config = model.config
    if model.packed is not None:
        raise ModelError("a quantised model cannot be converted: convert the model it was made of")
    found = obstacles(config, pruned, prepared)
    if found:
        raise ModelError(
            f"fastText's format cannot hold {'; '.join(found)}: train with --preset fasttext"
        )
    order = np.argsort(-model.label_counts, kind="stable")
    own = losses.LOSSES[config.loss]
    if own.uses_tree:
        output = _tree_rows(model, order, model.label_counts[order])
    else:
        scale = model.scale if own.link == "softmax" else own.scale
        output = model.output[order] * np.float32(scale)
    args = Args.supervised(
        dim=model.dim, epoch=config.epochs, min_count=config.min_count, neg=config.neg,
        loss=_BY_LINK[own.link],
        word_ngrams=config.word_ngrams or 1, bucket=config.bucket if config.uses_buckets else 0,
        minn=config.minn if config.maxn else 0, maxn=config.maxn,
    )  # fmt: skip
    dictionary, places = _dictionary_of(model, args, order)
    rows = DenseTable.of(_folded(model), places)
    full = FastTextModel(ModelParts(args, dictionary, rows, DenseTable.of(output)))
    if not pruned or not args.bucket or np.count_nonzero(places >= 0) < N_CODES:
        return full  # also where there are too few rows to be quantised by themselves
    small, chosen = dictionary.prune(np.flatnonzero(places >= 0))
    table = DenseTable.of(full.input.decode(chosen))
    return FastTextModel(ModelParts(args, small, table, DenseTable.of(output)))


def _dictionary_of(model: Model, args: Args, order: np.ndarray) -> tuple[Dictionary, np.ndarray]:
    """Return the dictionary of a model of this package, and which row each of fastText's rows is.

    Words without a row of their own would count in fastText's mean: they leave the dictionary.

    Parameters
    ----------
    model : Model
    args : Args
        Of the model to come.
    order : int64[n_labels]
        The labels by falling count.

    Returns
    -------
    Dictionary
    places : int64[n_kept_words + bucket]
        -1: none.
    """
    space, n_words = model.space, model.space.n_words
    names = [without_prefix(model.labels[i], DEFAULT_LABEL) for i in order.tolist()]
    if len(set(names)) < len(names):
        raise ModelError("two labels of the model have the same name without their prefix")
    labels = [as_bytes(DEFAULT_LABEL + name) for name in names]
    for label in labels:
        _check_label(label)
    counts = model.label_counts[order]
    codes = space.row_codes.astype(np.int64)
    of_words, of_ngrams = codes < n_words, codes >= n_words
    frequency = np.zeros(n_words, np.int64)
    frequency[codes[of_words]] = space.frequency[of_words]
    has_row = np.zeros(n_words, bool)
    has_row[codes[of_words]] = True
    kept = np.flatnonzero(has_row)
    words = space.words()
    dictionary = Dictionary.of_words(
        args, [words[i] for i in kept.tolist()] + labels,
        [*frequency[kept].tolist(), *counts.tolist()], kept.size,
        int(frequency.sum() + counts.sum()),
    )  # fmt: skip
    number = np.cumsum(has_row) - 1
    places = np.full(kept.size + args.bucket, -1, np.int64)
    places[number[codes[of_words]]] = np.flatnonzero(of_words)
    places[kept.size + codes[of_ngrams] - n_words] = np.flatnonzero(of_ngrams)
    return dictionary, places


def _check_label(label: bytes) -> None:
    if any(byte in b" \n\r\t\v\f\0" for byte in label):
        raise ModelError(
            f"fastText's format cannot hold the label {label.decode('utf-8', 'replace')!r}: it has "
            "white space"
        )


def _folded(model: Model) -> np.ndarray:
    """Return the rows, with a batch normalisation made part of them."""
    rows = np.asarray(model.embeddings, np.float32)
    if model.config.norm != "batch":
        return rows
    gain, shift, mean, variance = model.norm.astype(np.float64)
    factor = gain / np.sqrt(variance + NORM_EPSILON)
    return ((rows - mean) * factor + shift).astype(np.float32)


def _tree_rows(model: Model, order: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the output table for the tree that fastText will build, and a row that it has more."""
    assert model.tree is not None
    tree = huffman_tree(np.maximum(counts, 1))
    n = order.size
    # A node is known by the labels below it: find each node of fastText's tree in the model's.
    place = np.append(order, np.full(n - 1, -1))
    pairs = {
        tuple(sorted(pair)): (node, pair) for node, pair in enumerate(model.tree.children.tolist())
    }
    rows = np.zeros((n, model.output.shape[1]), np.float32)
    for node, (left, right) in enumerate(tree.children.tolist()):
        ours = (int(place[left]), int(place[right]))
        found = pairs.get(tuple(sorted(ours)))
        if found is None:
            raise ModelError(
                "fastText's format cannot hold this label tree: its own tree follows from the "
                "counts of the labels"
            )
        number, children = found
        place[n + node] = n + number
        sign = 1 if tuple(children) == ours else -1
        rows[node] = sign * model.output[number]
    return rows


def has_empty_rows(model: FastTextModel) -> bool:
    """Return whether rows of zeros, which no training text touched, count in the means."""
    return isinstance(model.input, DenseTable) and bool(np.any(model.input.places < 0))
