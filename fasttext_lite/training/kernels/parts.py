"""What a training kernel is made of, and what it is given."""

from __future__ import annotations

from typing import Any, NamedTuple

NORM_EPSILON = 1e-5  # added to a variance before its root
PARTS = 8  # of the rows, where a document's are pooled part by part
BATCH = 32  # documents normalised together by batch normalisation


class Parts(NamedTuple):
    """What a training kernel is made of; a False or empty part is not compiled.

    Attributes
    ----------
    slopes : compiled function
        The loss, see `losses`.
    participants : compiled function
        Which output rows take part, see `participants`.
    step : compiled function
        The optimizer, see `optimizers`.
    dense : bool
        Whether all output rows take part in each step.
    divides, smoothed, needs_label, uses_tree : bool
        See `config.losses.Loss`.
    forgets : bool
        See `config.optimizers.Optimizer`.
    plain : bool
        Whether it is gradient descent and nothing else: see `plain`.
    activate : compiled function, optional
        Of the hidden layer, see `layers.ACTIVATIONS`; None without one.
    frozen_output, shrink, max_norm, clip, average, feature_dropout, hidden_dropout : bool
    norm : {"none", "layer", "batch"}
    pooled : bool
        Whether the kernel is given `Pooled` in place of the input table.
    """

    slopes: Any
    participants: Any
    step: Any
    dense: bool = True
    divides: bool = False
    smoothed: bool = True
    needs_label: bool = False
    uses_tree: bool = False
    forgets: bool = False
    plain: bool = False
    activate: Any = None
    frozen_output: bool = False
    shrink: bool = False
    max_norm: bool = False
    clip: bool = False
    average: bool = False
    feature_dropout: bool = False
    hidden_dropout: bool = False
    norm: str = "none"
    pooled: bool = False


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
    own, before : float32[n_own, dim]
        Room of a thread for copies of the first rows, which it moves in place of these for some
        steps, see `Span.apart`; in plain training.
    """

    values: Any
    moments: Any
    seen: Any
    total: Any
    own: Any
    before: Any


class Pooled(NamedTuple):
    """Vectors of documents whose rows other functions read and move; see `rounds`.

    Of two rounds by turns: what belongs to a document lies at its place in its round, behind
    `base`.

    Attributes
    ----------
    values : float32[n, PARTS * dim]
        The pooled rows of each document, of each part by themselves, without the common one.
    gradients : float32[n, dim]
        Written by the kernel: d loss / d vector.
    counts : int64[n]
        Features of each document.
    lengths : float32[n]
        Root of the sum of squares of their weights.
    shares : float32[n]
        Weight of the common row in each.
    factors, rates : float32[n], visited : int64[n]
        Written by the kernel: factor of the gradient, learning rate, and 1 where it visited.
    common : int32[1]
        A row that nearly every document has, which the kernel reads and moves itself; -1 if there
        is none.
    base : int64[1]
    rows : Table
        The input table.
    """

    values: Any
    gradients: Any
    counts: Any
    lengths: Any
    shares: Any
    factors: Any
    rates: Any
    visited: Any
    common: Any
    base: Any
    rows: Any


class Lists(NamedTuple):
    """Features of the documents of two rounds by turns, of each group of parts by themselves.

    Attributes
    ----------
    ids : int32[2 * n_groups * room], weights : float32[2 * n_groups * room]
    starts : int64[2 * n_groups, size + 1]
        Where those of each document begin.
    room : int
        For a group in a round.
    """

    ids: Any
    weights: Any
    starts: Any
    room: Any


class Room(NamedTuple):
    """What a thread writes that no other reads.

    Attributes
    ----------
    ids : int32[longest], weights : float32[longest]
        Features that dropout left; empty without it.
    is_own : uint8[longest]
    spare : float32[1, dim]
    rng : uint64[1]
    """

    ids: Any
    weights: Any
    is_own: Any
    spare: Any
    rng: Any


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
    rows_apart : int
        The same of the first rows of the input table, those of `Table.own`.
    """

    step: Any
    path: Any
    lr_first: Any
    lr_last: Any
    average_from: Any
    apart: Any = 0
    rows_apart: Any = 0
