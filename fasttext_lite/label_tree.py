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
