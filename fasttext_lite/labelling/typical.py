"""Texts that stand for many: the middles of clusters of what is alike."""

from __future__ import annotations

import numpy as np

CLUSTERED = 4_000  # texts that are clustered
ROUNDS = 8  # of k-means


def typical(vectors: np.ndarray, k: int, seed: int) -> list[int]:
    """Return the rows nearest to the middles of k clusters, those of large ones first.

    Parameters
    ----------
    vectors : float32[n, dim]
        Of unit length, or 0: these are of no cluster.
    k : int
    seed : int

    Returns
    -------
    list of int
        k at most, each once.
    """
    rows = np.flatnonzero(vectors[:CLUSTERED].any(axis=1))
    if not rows.size:
        return []
    vectors = vectors[rows]
    middles = _begin(vectors, min(k, rows.size), np.random.default_rng([seed, 41]))
    for _ in range(ROUNDS):
        cells = (vectors @ middles.T).argmax(axis=1)
        sums = np.zeros_like(middles)
        np.add.at(sums, cells, vectors)
        lengths = np.linalg.norm(sums, axis=1)
        there = lengths > 0
        middles[there] = sums[there] / lengths[there, None]
    cosines = vectors @ middles.T
    cells = cosines.argmax(axis=1)
    sizes = np.bincount(cells, minlength=len(middles))
    found = []
    for cell in np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)].tolist():
        members = np.flatnonzero(cells == cell)
        found.append(int(rows[members[cosines[members, cell].argmax()]]))
    return found


def _begin(vectors: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Return k of the vectors that lie apart (D. Arthur, S. Vassilvitskii: k-means++, 2007)."""
    chosen = [int(rng.integers(len(vectors)))]
    away = np.maximum(1 - vectors @ vectors[chosen[0]], 0)
    while len(chosen) < k and away.sum() > 0:
        chosen.append(int(rng.choice(len(vectors), p=away / away.sum())))
        away = np.minimum(away, np.maximum(1 - vectors @ vectors[chosen[-1]], 0))
    return vectors[chosen]
