"""A graph of texts that are alike, over which spreads what is said of each.

Two texts whose vectors are near have the same label more often than not. What a probe says of a
text is therefore worth more together with what it says of the texts beside it, of those beside
them, and so on, and the labels that are known count among these: D. Zhou, O. Bousquet, T. N. Lal,
J. Weston, B. Schölkopf: Learning with Local and Global Consistency, 2003.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fasttext_lite.parallel import run_blocks

NEIGHBOURS = 10  # of a text
NARROWNESS = 10.0  # how much more the nearest count: weights are exp(NARROWNESS * (cosine - 1))
STEPS = 12  # from neighbour to neighbour
# Texts of a cell, and cells that are looked into, the own one among them. With many texts less is
# enough: there are more near ones.
FEW, OF_FEW, OF_MANY = 1 << 15, (512, 8), (128, 6)
MOST_NEAR = 4_096  # texts that are looked at for one
ROUNDS, LEARNT_FROM = 3, 32  # of k-means, and texts for each cell that it learns from
BLOCK = 4_096  # texts at a time
COLUMNS = 64  # labels at a time


class Graph:
    """Texts, each joined to those that are near to it.

    Parameters
    ----------
    vectors : float32[n, dim]
        Of unit length; those of length 0 are joined to none.
    seed, n_threads : int
        The result depends on the seed alone.

    Attributes
    ----------
    matrix : scipy.sparse.csr_matrix, float32[n, n]
        Symmetric weights W between texts, as D^(-1/2) W D^(-1/2) with D the sums of W's rows.
    """

    def __init__(self, vectors: np.ndarray, seed: int, n_threads: int) -> None:
        from scipy import sparse

        rows, columns, cosines = nearest(vectors, seed, n_threads)
        weights = np.exp(np.float32(NARROWNESS) * (cosines - 1))
        one_way = sparse.csr_matrix((weights, (rows, columns)), shape=(len(vectors),) * 2)
        matrix = one_way.maximum(one_way.T).tocsr()
        sums = np.asarray(matrix.sum(axis=1), np.float32).ravel()
        factors = 1 / np.sqrt(np.where(sums > 0, sums, 1))
        matrix.data *= np.repeat(factors, np.diff(matrix.indptr)) * factors[matrix.indices]
        self.matrix = matrix

    def spread(
        self, said: np.ndarray, shares: Sequence[float], asked: np.ndarray
    ) -> list[np.ndarray]:
        """Return what is said of texts together with what is said of those around them.

        With the graph's matrix M that is the sum over i up to `STEPS` of
        ``share ** i * M ** i @ said``, made to sum to 1: the greater the share, the farther it
        spreads.

        Parameters
        ----------
        said : float32[n, n_labels]
            Probabilities.
        shares : sequence of float
        asked : int64[n_asked]
            Numbers of texts.

        Returns
        -------
        list of float32[n_asked, n_labels]
            One for each share.
        """
        found = [np.empty((asked.size, said.shape[1]), np.float32) for _ in shares]
        for first in range(0, said.shape[1], COLUMNS):
            columns = slice(first, first + COLUMNS)
            now = np.ascontiguousarray(said[:, columns])
            for each in found:
                each[:, columns] = now[asked]
            for step in range(1, STEPS + 1):
                now = self.matrix @ now
                reached = now[asked]
                for share, each in zip(shares, found, strict=True):
                    each[:, columns] += np.float32(share**step) * reached
        for each in found:
            each /= each.sum(axis=1, keepdims=True)
        return found


def nearest(
    vectors: np.ndarray, seed: int, n_threads: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which vectors are the nearest to each, most of them: the search is not exhaustive.

    It looks into the cells of k-means, as an inverted file does (J. Sivic, A. Zisserman: Video
    Google, 2003).

    Parameters
    ----------
    vectors : float32[n, dim]
        Of unit length or 0.
    seed, n_threads : int
        The result depends on the seed alone.

    Returns
    -------
    rows, columns : int64[n_pairs]
        A vector, and another one near it: up to `NEIGHBOURS` of each.
    cosines : float32[n_pairs]
        Greater than 0.
    """
    there = np.flatnonzero(vectors.any(axis=1))
    if there.size < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    rng = np.random.default_rng([seed, 24])
    size, n_around = OF_FEW if there.size <= FEW else OF_MANY
    # So many that finding the own cell takes no longer than looking into those around it.
    n_cells = max(min(there.size // size, math.isqrt(n_around * there.size)), 1)
    centres, cells = _cells(vectors, there, n_cells, rng)
    order = there[np.argsort(cells, kind="stable")]
    bounds = np.append(0, np.cumsum(np.bincount(cells, minlength=n_cells)))
    members = [order[bounds[i] : bounds[i + 1]] for i in range(n_cells)]
    n_around = min(n_around, n_cells)
    around = np.argpartition(-(centres @ centres.T), n_around - 1, axis=1)[:, :n_around]
    near = [np.sort(np.concatenate([members[j] for j in cells])) for cells in around]
    for i in np.flatnonzero([each.size > MOST_NEAR for each in near]):
        near[i] = np.sort(rng.choice(near[i], MOST_NEAR, replace=False))
    parts = [
        (members[i][first : first + BLOCK], near[i])
        for i in range(n_cells)
        for first in range(0, members[i].size, BLOCK)
    ]
    found = [(there, there, np.empty(0, np.float32))] * len(parts)

    def work(i: int) -> None:
        found[i] = _nearest_of(vectors, *parts[i])

    run_blocks(work, len(parts), n_threads)
    rows, columns, cosines = (np.concatenate(part) for part in zip(*found, strict=True))
    return rows, columns, cosines


def _cells(
    vectors: np.ndarray, there: np.ndarray, n_cells: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Divide vectors into cells, and return the cells' centres and the cell of each vector."""
    n_few = min(there.size, LEARNT_FROM * n_cells)
    few = vectors[np.sort(rng.choice(there, n_few, replace=False))]
    centres = few[np.sort(rng.choice(n_few, n_cells, replace=False))]
    for _ in range(ROUNDS):
        cells = _cell_of(few, centres)
        for i in np.unique(cells):
            middle = few[cells == i].sum(axis=0)
            length = np.linalg.norm(middle)
            if length > 0:
                centres[i] = middle / length
    parts = [vectors[there[first : first + BLOCK]] for first in range(0, there.size, BLOCK)]
    return centres, np.concatenate([_cell_of(part, centres) for part in parts])


def _cell_of(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return (vectors @ centres.T).argmax(axis=1)


def _nearest_of(
    vectors: np.ndarray, own: np.ndarray, near: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of own vectors and those of others that are the nearest to them."""
    cosines = vectors[own] @ vectors[near].T
    cosines[own[:, None] == near] = -1  # itself
    k = min(NEIGHBOURS, near.size)
    places = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    cosines = np.take_along_axis(cosines, places, axis=1)
    is_near = cosines > 0
    rows = np.broadcast_to(own[:, None], places.shape)
    return rows[is_near], near[places][is_near], cosines[is_near]
