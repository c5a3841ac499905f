"""Binary trees over labels, for the hierarchical softmax.

A tree over n labels has 2n - 1 nodes: label l is leaf l, inner nodes are n .. 2n - 2, children
come before their parents, the root is last.  Inner node v owns row v - n of the output table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelTree:
    """A binary tree whose leaves are the labels.

    Attributes
    ----------
    children : int32[n_labels - 1, 2]
        Left and right child of inner node n_labels + i.
    """

    children: np.ndarray

    @property
    def n_labels(self) -> int:
        """Number of leaves."""
        return self.children.shape[0] + 1

    def parents(self) -> np.ndarray:
        """Return each node's parent, int32[2 * n_labels - 1]; -1 for the root."""
        n = self.n_labels
        parents = np.full(2 * n - 1, -1, np.int32)
        parents[self.children] = np.arange(n, 2 * n - 1, dtype=np.int32)[:, None]
        return parents

    def branches(self) -> np.ndarray:
        """Return 1 for each node that is a right child, else 0; int8[2 * n_labels - 1]."""
        branches = np.zeros(2 * self.n_labels - 1, np.int8)
        branches[self.children[:, 1]] = 1
        return branches

    def depths(self) -> np.ndarray:
        """Return the number of decisions down to each label, int32[n_labels]."""
        n = self.n_labels
        depths = np.zeros(2 * n - 1, np.int32)
        for i in range(n - 2, -1, -1):
            depths[self.children[i]] = depths[n + i] + 1
        return depths[:n]

    def check(self) -> None:
        """Raise `ValueError` unless this is a tree as the module describes it."""
        n = self.n_labels
        node = np.arange(n, 2 * n - 1)[:, None]
        children = self.children
        good = children.ndim == 2 and children.shape[1] == 2 and n >= 2
        good = good and bool(np.all((children >= 0) & (children < node)))
        good = good and np.unique(children).size == 2 * n - 2
        if not good:
            raise ValueError("the label tree is not a binary tree over the labels")


def huffman_tree(counts: np.ndarray) -> LabelTree:
    """Return the Huffman tree of label counts: frequent labels get short paths.

    Two queues, leaves by rising count and inner nodes in the order of their making; where a
    leaf and an inner node weigh the same, the inner node goes first, as in fastText
    (loss.cc, HierarchicalSoftmaxLoss::buildTree). The node taken first is the left child.

    Parameters
    ----------
    counts : int64[n_labels]
        At least two labels. In any order; among equal counts the last label is taken first
        (fastText's order, for labels sorted by falling count).

    Returns
    -------
    LabelTree
        The sum over labels of count * depth is the least of all binary trees.

    References
    ----------
    D. A. Huffman, A Method for the Construction of Minimum-Redundancy Codes, 1952.
    """
    n = counts.size
    if n < 2:
        raise ValueError(f"a label tree needs at least 2 labels; got {n}")
    leaves = np.argsort(-counts, kind="stable")[::-1].tolist()
    weight = counts.tolist() + [0] * (n - 1)
    children = np.empty((n - 1, 2), np.int32)
    next_leaf, next_inner = 0, n
    for node in range(n, 2 * n - 1):
        for side in (0, 1):
            take_leaf = next_leaf < n and (
                next_inner >= node or weight[leaves[next_leaf]] < weight[next_inner]
            )
            if take_leaf:
                child = leaves[next_leaf]
                next_leaf += 1
            else:
                child = next_inner
                next_inner += 1
            children[node - n, side] = child
            weight[node] += weight[child]
    return LabelTree(children)


def cluster_tree(points: np.ndarray, counts: np.ndarray, seed: int = 0) -> LabelTree:
    """Return a tree in which similar labels share inner nodes.

    Top down, the labels of a node are cut in two by balanced 2-means: the two centres stand
    for halves of equal weight, labels are sorted by how much nearer they are to one of them,
    and cut again at half the weight, until nothing changes. Frequent labels end up near the
    root, if less strictly than in a Huffman tree.

    Parameters
    ----------
    points : float32[n_labels, d]
        A vector of each label, of which directions matter, such as the mean of its texts.
    counts : int64[n_labels]
        How often each label occurs.
    seed : int
        Of the first cut.

    Returns
    -------
    LabelTree

    References
    ----------
    Y. Prabhu et al., Parabel: Partitioned Label Trees for Extreme Classification, 2018 (there
    with halves of equal number).
    """
    n = counts.size
    if n < 2:
        raise ValueError(f"a label tree needs at least 2 labels; got {n}")
    points = _directions(points).astype(np.float32)
    weights = np.maximum(counts, 1).astype(np.float64)
    rng = np.random.default_rng(seed)
    children = np.empty((n - 1, 2), np.int32)
    next_node = 2 * n - 2  # a parent is numbered before its children: the root is last
    open_sets: list[tuple[np.ndarray, int, int]] = [(np.arange(n), -1, 0)]
    while open_sets:
        labels, row, side = open_sets.pop()
        node = int(labels[0])
        if labels.size > 1:
            node = next_node
            next_node -= 1
            left, right = _halves(labels, points[labels], weights[labels], rng)
            open_sets += [(right, node - n, 1), (left, node - n, 0)]
        if row >= 0:
            children[row, side] = node
    return LabelTree(children)


def linkage_tree(points: np.ndarray) -> LabelTree:
    """Return a tree in which the most similar labels are joined first, whatever its depth.

    Bottom up, average linkage of the directions of the points from their mean.

    Parameters
    ----------
    points : float32[n_labels, d]
        As in `cluster_tree`. Time and memory grow with the square of the number of labels.

    Returns
    -------
    LabelTree

    References
    ----------
    R. R. Sokal, C. D. Michener, A Statistical Method for Evaluating Systematic Relationships,
    1958; computed by `scipy.cluster.hierarchy.linkage`.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    n = len(points)
    if n < 2:
        raise ValueError(f"a label tree needs at least 2 labels; got {n}")
    points = _directions(points.astype(np.float64))
    points = _directions(points - points.mean(axis=0))
    return LabelTree(linkage(pdist(points), "average")[:, :2].astype(np.int32))


def _directions(points: np.ndarray) -> np.ndarray:
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)


def _halves(
    labels: np.ndarray, points: np.ndarray, weights: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cut labels in two by balanced 2-means of their points."""
    direction = rng.standard_normal((points.shape[1],), np.float32)
    center = np.asarray(np.average(points, axis=0, weights=weights), np.float32)
    centered = points - center
    for _ in range(3):  # power iteration: begin along the direction in which they differ most
        direction = centered.T @ (centered @ direction)
        direction /= np.float32(max(float(np.linalg.norm(direction)), 1e-12))
    before = None
    for _ in range(20):
        order = np.argsort(centered @ direction, kind="stable")
        mass = np.cumsum(weights[order])
        cut = int(np.searchsorted(mass, mass[-1] / 2)) + 1
        cut = min(max(cut, 1), labels.size - 1)
        is_left = np.zeros(labels.size, bool)
        is_left[order[:cut]] = True
        if before is not None and np.array_equal(before, is_left):
            break
        before = is_left
        centers = [
            np.average(points[half], axis=0, weights=weights[half]) for half in (is_left, ~is_left)
        ]
        direction = np.asarray(centers[1] - centers[0], np.float32)
    return labels[is_left], labels[~is_left]
