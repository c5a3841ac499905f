"""Quantising a model as fastText does: pruned rows, product quantisation, retraining."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import EOS, mapped
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training.progress import Callback
from fasttext_lite.compat.training.supervised import train_classifier
from fasttext_lite.compat.training.text import TrainingText, check_input
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.model.quantization import N_CODES, QuantizedMatrix

OUTPUT_PART = 2  # numbers of a part of the output table's rows, whatever dsub says


def quantize(
    model: FastTextModel, args: Args, *, callback: Callback | None = None
) -> FastTextModel:
    """Return a model with product-quantised tables, as ``fasttext quantize`` makes it.

    Parameters
    ----------
    model : FastTextModel
        Supervised, not quantised yet.
    args : Args
        `qout`, `qnorm`, `dsub`, `cutoff` (rows kept; 0: all that were trained), `retrain` with
        `input`, `epoch`, `lr`, `thread`.
    callback : callable, optional
        As in `train_supervised`, for `retrain`.

    Raises
    ------
    ModelError
        If the model cannot be quantised.
    """
    if not model.is_supervised:
        raise ModelError("For now we only support quantization of supervised models")
    if not isinstance(model.input, DenseTable):
        raise ModelError("the model is quantised already")
    n_threads = args.n_threads
    rows = _rows_kept(model, args.cutoff)
    pruned = model
    if rows.size < model.input.shape[0]:
        dictionary, rows = model.dictionary.prune(rows)
        kept = DenseTable.of(model.input.decode(rows))
        pruned = FastTextModel(ModelParts(model.args, dictionary, kept, model.output))
        if args.retrain:
            pruned = _retrain(pruned, args, callback)
    table = QuantizedMatrix.quantize(
        pruned.input.decode(), min(args.dsub, model.dim), args.qnorm, n_threads=n_threads
    )
    output: DenseTable | QuantizedMatrix = pruned.output
    if args.qout:
        output = QuantizedMatrix.quantize(
            output.decode(), min(OUTPUT_PART, model.dim), args.qnorm, n_threads=n_threads
        )
    stored = model.args.replace(qout=args.qout)
    return FastTextModel(ModelParts(stored, pruned.dictionary, table, output))


def _rows_kept(model: FastTextModel, cutoff: int) -> np.ndarray:
    """Return the rows that a quantised model keeps; 0: all but n-grams' rows of zeros."""
    table = model.input
    assert isinstance(table, DenseTable)
    n_rows = table.shape[0]
    if cutoff and cutoff < n_rows:
        return rows_by_norm(model)[:cutoff]
    used = np.concatenate([rows.any(axis=1) for rows in table.chunks()])
    used[: model.dictionary.n_words] = True
    n_more = min(N_CODES, n_rows) - np.count_nonzero(used)
    if n_more > 0:  # as many as centroids need
        used[np.flatnonzero(~used)[:n_more]] = True
    return np.flatnonzero(used)


def rows_by_norm(model: FastTextModel) -> np.ndarray:
    """Return the rows of the input table by falling norm, </s> first; int64[n_rows].

    fasttext.cc, selectEmbeddings.
    """
    assert isinstance(model.input, DenseTable)
    squares = np.concatenate([(rows * rows).sum(axis=1) for rows in model.input.chunks()])
    eos = model.dictionary.find(EOS)
    if eos >= 0:
        squares[eos] = np.inf
    return np.argsort(-squares, kind="stable")


def _retrain(model: FastTextModel, args: Args, callback: Callback | None) -> FastTextModel:
    """Train on with the rows that are left."""
    if not args.input:
        raise InputError("Need input file path if retraining")
    check_input(args)
    settings = model.args.replace(
        input=args.input, epoch=args.epoch, lr=args.lr, thread=args.thread, label=args.label
    )
    settings.check()
    with mapped(args.input) as data:
        text = TrainingText(settings, data, model.dictionary)
        trained = train_classifier(text, start=model, callback=callback)
    parts = trained.parts
    return FastTextModel(ModelParts(model.args, parts.dictionary, parts.input, parts.output))
