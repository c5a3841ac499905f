"""Binary trees over labels, for the hierarchical softmax.

A tree over n labels has 2n - 1 nodes: label l is leaf l, inner nodes are n .. 2n - 2, children
come before their parents, the root is last.  Inner node v owns row v - n of the output table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fasttext_lite.parallel import run_blocks

TOP_SETS, LEAST_SET = 32, 4096  # sets of labels, of at least so many, that one thread cuts down to


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
        level, depth = np.array([2 * n - 2]), 0
        while level.size:  # all nodes of a depth at once
            depths[level] = depth
            level, depth = self.children[level[level >= n] - n].ravel(), depth + 1
        return depths[:n]

    def check(self) -> None:
        """Raise `ValueError` unless this is a tree as the module describes it."""
        n = self.n_labels
        node = np.arange(n, 2 * n - 1)[:, None]
        children = self.children
        good = children.ndim == 2 and children.shape[1] == 2 and n >= 2
        good = good and bool(np.all((children >= 0) & (children < node)))
        if good:
            named = np.zeros(2 * n - 2, bool)  # as many as there are places: each but once
            named[children] = True
            good = bool(named.all())
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
    from fasttext_lite.label_tree.kernels import join_lightest

    n = counts.size
    if n < 2:
        raise ValueError(f"a label tree needs at least 2 labels; got {n}")
    leaves = np.argsort(-counts, kind="stable")[::-1]
    weights = np.zeros(2 * n - 1, np.int64)
    weights[:n] = counts
    children = np.empty((n - 1, 2), np.int32)
    join_lightest(np.ascontiguousarray(leaves, np.int64), weights, children)
    return LabelTree(children)


def cluster_tree(
    points: np.ndarray, counts: np.ndarray, seed: int = 0, n_threads: int = 1
) -> LabelTree:
    """Return a tree in which similar labels share inner nodes.

    Top down, the labels of a node are cut in two by balanced 2-means: the two centres stand
    for halves of equal weight, labels are sorted by how much nearer they are to one of them,
    and cut again at half the weight, until nothing changes. Frequent labels end up near the
    root, if less strictly than in a Huffman tree. The centres of thousands of labels are found
    from a sample of them.

    Parameters
    ----------
    points : float32[n_labels, d]
        A vector of each label, of which directions matter, such as the mean of its texts.
    counts : int64[n_labels]
        How often each label occurs.
    seed : int
        Of the first cuts.
    n_threads : int
        The tree does not depend on it.

    Returns
    -------
    LabelTree

    References
    ----------
    Y. Prabhu et al., Parabel: Partitioned Label Trees for Extreme Classification, 2018 (there
    with halves of equal number).
    """
    from fasttext_lite.label_tree.kernels import cut_labels

    n = counts.size
    if n < 2:
        raise ValueError(f"a label tree needs at least 2 labels; got {n}")
    points = np.ascontiguousarray(_directions(points), np.float32)
    weights = np.maximum(counts, 1).astype(np.float64)
    order = np.arange(n)
    children = np.empty((n - 1, 2), np.int32)

    def cut(sets: np.ndarray, least: int, left_open: np.ndarray) -> np.ndarray:
        n_open = cut_labels(
            points, weights, order, sets, least, np.uint64(seed), children, left_open
        )
        return left_open[:n_open]

    # One thread cuts the largest sets; then each thread takes sets of about as many labels.
    whole = np.array([[0, n, 2 * n - 2]])
    sets = cut(whole, max(n // TOP_SETS, LEAST_SET), np.empty((n // 2, 3), np.int64))
    sizes = np.cumsum(sets[:, 1] - sets[:, 0])
    edges = np.searchsorted(sizes, np.arange(1, TOP_SETS) * n // TOP_SETS)
    blocks = [block for block in np.split(sets, edges) if len(block)]

    def finish(block: int) -> None:
        cut(blocks[block], 2, np.empty((0, 3), np.int64))

    run_blocks(finish, len(blocks), n_threads)
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
