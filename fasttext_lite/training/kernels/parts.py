"""What a training kernel is made of, and what it is given."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

BATCH = 32  # documents normalised together by batch normalisation
_kernel = compiler(FAST)


class Parts(NamedTuple):
    """What a training kernel is made of; a False or empty part is not compiled."""

    loss: str = "softmax"
    optimizer: str = "sgd"
    focal: bool = False
    frozen_output: bool = False
    shrink: bool = False
    max_norm: bool = False
    clip: bool = False
    average: bool = False
    feature_dropout: bool = False
    hidden_dropout: bool = False
    norm: str = "none"
    activation: str = ""


class Table(NamedTuple):
    """A table of weights and what belongs to each row; (0, n) where it is not needed.

    Attributes
    ----------
    values : float32[n_rows, dim]
        The input table can be uint16, the bits of float16: in plain training.
    moments : float32[n_rows, dim or 2 * dim]
        The optimizer's state.
    seen : float64[n_rows, 3]
        Step, and sum of the learning rates before it, when the row was settled last; step when
        it moved last.
    total : float32[n_rows, dim]
        Sum of the row's values after each step, for the average.
    """

    values: Any
    moments: Any
    seen: Any
    total: Any


class Docs(NamedTuple):
    """Features (`FeatureMatrix`), labels and weights of all documents.

    Attributes
    ----------
    ids : int32[], weights : float32[], indptr : int64[n_docs + 1]
        A document without a feature is passed over.
    label_ids : int32[], label_indptr : int64[n_docs + 1]
    doc_weights : float32[n_docs]
        The loss of each document is multiplied by its weight.
    """

    ids: Any
    weights: Any
    indptr: Any
    label_ids: Any
    label_indptr: Any
    doc_weights: Any


class Settings(NamedTuple):
    """Numbers that stay the same during training, float32; see `Config`."""

    smoothing: Any
    focal: Any
    beta1: Any
    beta2: Any
    l1: Any
    l2: Any
    max_norm: Any
    clip: Any
    feature_dropout: Any
    hidden_dropout: Any


class Span(NamedTuple):
    """Where a block of documents lies in the training.

    Attributes
    ----------
    step : int
        Documents visited before the block.
    path : float
        Sum of the learning rates of the steps before the block.
    lr_first, lr_last : float32
        The learning rate runs linearly from the one to the other.
    average_from : int
        First step whose result counts in the average of the weights.
    apart : int
        Steps that a thread takes with an output table of its own before it adds its changes to
        the table that all threads share; 0: it has none of its own. Only in plain training.
    """

    step: Any
    path: Any
    lr_first: Any
    lr_last: Any
    average_from: Any
    apart: Any = 0


# -- rows ------------------------------------------------------------------------------------
@_kernel
def dot(table, row, vector):
    """Return the inner product of table[row] and vector."""
    total = np.float32(0)
    for d in range(vector.size):
        total += table[row, d] * vector[d]
    return total


@_kernel
def axpy(scale, table, row, vector):
    """Add scale * table[row] to vector."""
    for d in range(vector.size):
        vector[d] += scale * table[row, d]


def is_plain(parts):
    """Return whether training is that of `_make_plain_trainer`: SGD and no other part."""
    return parts == Parts(loss=parts.loss, frozen_output=parts.frozen_output)
