"""The texts of a share as they are trained on: weighed, by rows of the share's own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.distributed import kernels
from fasttext_lite.distributed.cluster import Sized, size_of
from fasttext_lite.distributed.shares import Numbered
from fasttext_lite.features.kernels import rows as rows_kernels
from fasttext_lite.features.kernels import weighing as weighing_kernels
from fasttext_lite.features.matrix import Codes, Counts, FeatureMatrix
from fasttext_lite.features.space import weigh


# -- some texts ------------------------------------------------------------------------------
@dataclass(frozen=True)
class Piece(Sized):
    """Some texts of a share, before their features are weighed.

    Attributes
    ----------
    counts : Counts
        By the rows of all texts.
    labels : Labels
    weights : float64[n_texts], optional
    """

    counts: Counts
    labels: Labels
    weights: np.ndarray | None


def _taken(numbered: Numbered, docs: np.ndarray) -> Piece:
    weights = None if numbered.weights is None else numbered.weights[docs]
    return Piece(numbered.entries.take(docs), numbered.labels.take(docs), weights)


def take_piece(numbered: Numbered, ranks: np.ndarray) -> Piece:
    """Return some of a share's texts, by their ranks, int64[n], among those that have a label."""
    return _taken(numbered, np.flatnonzero(np.diff(numbered.labels.indptr) > 0)[ranks])


def piece_of(
    numbered: Numbered, without: np.ndarray, i: int, n: int, seed: Sequence[int]
) -> Piece:  # fmt: skip
    """Return one of `n` pieces of a share, in which texts are at random.

    Parameters
    ----------
    numbered : Numbered
        With rows.
    without : int64[n_without]
        Ranks, among the texts that have a label, of those that are left out.
    i, n : int
    seed : sequence of int
    """
    order = np.arange(len(numbered.labels))
    if n > 1:
        order = np.sort(np.random.default_rng(seed).permutation(order)[i::n])
    if without.size:
        stays = np.ones(len(numbered.labels), np.bool_)
        stays[np.flatnonzero(np.diff(numbered.labels.indptr) > 0)[without]] = False
        order = order[stays[order]]
    return _taken(numbered, order)


def join_pieces(pieces: Sequence[Piece], names: list[str]) -> Piece:
    """Return the texts of several pieces, one after another; `names` of the labels."""
    if len(pieces) == 1:
        return pieces[0]

    def joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate(list(arrays))

    def ragged(indptrs: Sequence[np.ndarray]) -> np.ndarray:
        return np.append(0, np.cumsum(joined([np.diff(indptr) for indptr in indptrs])))

    matrices = [piece.counts.matrix for piece in pieces]
    matrix = FeatureMatrix(
        joined([each.ids for each in matrices]), joined([each.weights for each in matrices]),
        ragged([each.indptr for each in matrices]),
    )  # fmt: skip
    labels = Labels(
        joined([piece.labels.ids for piece in pieces]),
        ragged([piece.labels.indptr for piece in pieces]), names,
    )  # fmt: skip
    weights = None
    if any(piece.weights is not None for piece in pieces):
        weights = joined(
            [np.ones(len(p.labels)) if p.weights is None else p.weights for p in pieces]
        )
    return Piece(Counts(matrix, joined([piece.counts.shares for piece in pieces])), labels, weights)


# -- weights ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Weighing(Sized):
    """What the features of texts weigh, and the texts themselves.

    Attributes
    ----------
    factors : float32[n_rows]
        As of `FeatureSpace`.
    bias_row : int
    energy : float
        By which the energy of n-grams of characters is multiplied.
    of_label : float64[n_labels], optional
        What the texts of each label weigh.
    scale : float
        By which that is multiplied, so that the mean is 1.
    """

    factors: np.ndarray
    bias_row: int
    energy: float = 1.0
    of_label: np.ndarray | None = None
    scale: float = 1.0


def text_weights(
    labels: Labels, weights: np.ndarray | None, weighing: Weighing
) -> np.ndarray | None:
    """Return what texts weigh in training, float32[n_texts]; None if all weigh the same."""
    if weighing.of_label is None and weights is None:
        return None
    weights = np.ones(len(labels)) if weights is None else weights
    if weighing.of_label is not None:
        sizes = np.diff(labels.indptr)
        docs = np.repeat(np.arange(len(labels)), sizes)
        sums = np.bincount(docs, weighing.of_label[labels.ids], len(labels))
        weights = weights * np.where(sizes > 0, sums / np.maximum(sizes, 1), 1.0)
    return (weights * weighing.scale).astype(np.float32)


def _weighed(counts: Counts, weighing: Weighing) -> FeatureMatrix:
    """Return features with weights; the counts are spent."""
    factors, bias_row = weighing.factors, weighing.bias_row
    ids, weights, starts = counts.matrix.ids, counts.matrix.weights, counts.matrix.indptr
    found = Codes(starts, np.diff(starts), ids, weights, counts.shares)
    weigh(found, 0, len(counts), factors, bias_row)
    starts[-1] = n = rows_kernels.compact(starts, found.lengths, 0, len(counts), 0, ids, weights)
    features = FeatureMatrix(ids[:n], weights[:n], starts)
    if weighing.energy != 1:
        weighing_kernels.scale_characters(
            features.ids, features.weights, starts, 0, len(features), factors, bias_row,
            weighing.energy,
        )  # fmt: skip
    return features


# -- what is trained on ----------------------------------------------------------------------
@dataclass
class Share(Sized):
    """Texts that are trained on, by rows of the share's own.

    First come the `n_often` rows that most texts have: all shares have these.  Behind them are
    those that this share has beside.

    Attributes
    ----------
    n_often : int
    rows : int32[n_rare]
        The others by the numbers of all, ascending.
    energy : float32[n_often + n_rare]
        Sum of the squared weights that the texts have in each.
    features : FeatureMatrix
    labels : Labels
    weights : float32[n_texts], optional
    state : optional
        What a training keeps here between rounds (`local.State`): it stays behind where the share
        goes elsewhere.
    """

    n_often: int
    rows: np.ndarray
    energy: np.ndarray
    features: FeatureMatrix
    labels: Labels
    weights: np.ndarray | None
    state: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what travels."""
        return {**vars(self), "state": None}

    def __sizeof__(self) -> int:
        """Return the size of what travels."""
        return sum(map(size_of, self.__getstate__().values()))


@dataclass(frozen=True)
class Extent(Sized):
    """What the client knows of a share: the rows it has, and how large it is.

    Attributes
    ----------
    seen : uint8[]
        Bits, whether it has each of the rows from `Share.n_often` on.
    often : float32[n_often]
        Energy of the first rows.
    rare : float16[n_rare]
        Energy of the others.
    n_texts, n_visits, most_labels : int
        Texts, steps that they are in an epoch, and labels that one has at most.
    """

    seen: np.ndarray
    often: np.ndarray
    rare: np.ndarray
    n_texts: int
    n_visits: int
    most_labels: int

    def rows(self) -> np.ndarray:
        """Return the rows from `Share.n_often` on that it has, int32[n_rare]."""
        places = np.flatnonzero(np.unpackbits(self.seen))
        return (places + self.often.size).astype(np.int32)


def make_share(pieces: Sequence[Piece], weighing: Weighing, n_often: int, n_rows: int) -> Share:
    """Return a share as it is trained on.

    Parameters
    ----------
    pieces : sequence of Piece
        The share's texts.
    weighing : Weighing
    n_often : int
        Rows that all shares have.
    n_rows : int
        Of the table.
    """
    whole = join_pieces(pieces, pieces[0].labels.names)
    if len(pieces) == 1:  # what was given is not changed
        whole = copy.deepcopy(whole)
    return _made(whole, weighing, n_often, n_rows)


def _made(texts: Piece, weighing: Weighing, n_often: int, n_rows: int) -> Share:
    """Return a share of these texts, which are spent."""
    features, labels = _weighed(texts.counts, weighing), texts.labels
    weights = text_weights(labels, texts.weights, weighing)
    stays = np.diff(features.indptr) > 0  # a text without a feature teaches nothing
    if not stays.all():
        features, labels = features.take(stays), labels.take(np.flatnonzero(stays))
        weights = None if weights is None else weights[stays]
    numbers = np.full(n_rows, -1, np.int32)
    numbers[:n_often] = np.arange(n_often, dtype=np.int32)
    rows = np.empty(n_rows, np.int32)
    n = n_often + kernels.number_own(features.ids, numbers, n_often, rows)
    energy = np.zeros(n)
    each = np.ones(len(labels), np.float32) if weights is None else weights
    kernels.sum_energy(features.ids, features.weights, features.indptr, each, energy)
    return Share(
        n_often, rows[: n - n_often].copy(), energy.astype(np.float32), features, labels, weights
    )


def share_of(
    numbered: Numbered, without: np.ndarray, weighing: Weighing, n_often: int, n_rows: int
) -> Share:
    """Return a share as it is trained on that keeps its texts, as `make_share`."""
    piece = piece_of(numbered, without, 0, 1, ())
    return _made(piece, weighing, n_often, n_rows)


def extent_of(share: Share, n_rows: int) -> Extent:
    """Return what the client knows of a share; `n_rows` of the table."""
    seen = np.zeros(max(n_rows - share.n_often, 0), np.bool_)
    seen[share.rows - share.n_often] = True
    energy = np.minimum(share.energy, np.finfo(np.float16).max)
    return Extent(
        np.packbits(seen), share.energy[: share.n_often],
        energy[share.n_often :].astype(np.float16), len(share.labels), _n_visits(share),
        int(np.diff(share.labels.indptr).max(initial=0)),
    )  # fmt: skip


def _n_visits(share: Share) -> int:
    if share.weights is None:
        return len(share.labels)
    return int(np.maximum(np.ceil(share.weights - 1e-6), 1).sum())
