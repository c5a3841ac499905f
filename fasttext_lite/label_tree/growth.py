"""Label trees grow: new labels join beside the leaf that they are most like."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fasttext_lite.label_tree.tree import LabelTree, huffman_tree


class Grown(NamedTuple):
    """A tree with more leaves.

    Attributes
    ----------
    tree : LabelTree
    rows : int64[n_old - 1]
        The new row of the output table of each inner node that there was.
    """

    tree: LabelTree
    rows: np.ndarray


def grow_tree(tree: LabelTree, places: np.ndarray, beside: np.ndarray, counts: np.ndarray) -> Grown:
    """Return a tree that has some labels more.

    The leaf of a label that others join becomes an inner node, with the label to the left and the
    new ones to the right, in a Huffman tree of their own. All inner nodes that there were stay,
    with the same labels on either side of them; so the path of any other label is what it was, and
    that label keeps its probability. The one that was joined shares its own with the new ones.

    Parameters
    ----------
    tree : LabelTree
    places : int64[n_old]
        The new number of each label that the tree has.
    beside : int64[n_new]
        For each new label, by their rising numbers, the old number of the label that it joins.
    counts : int64[n_new]
        How often the new labels occur.

    Returns
    -------
    Grown
    """
    n_old, n = len(places), len(places) + len(beside)
    n_new = n - n_old
    is_new = np.ones(n, bool)
    is_new[places] = False
    added = np.flatnonzero(is_new)
    children = np.empty((n - 1, 2), np.int32)
    node = np.append(places, n + n_new + np.arange(n_old - 1))  # of each old node
    at = 0
    # New nodes go first: their children are leaves, or one another.
    for label in np.unique(beside):
        mine = np.flatnonzero(beside == label)
        top = added[mine[0]]
        if mine.size > 1:
            small = huffman_tree(np.maximum(counts[mine], 1)).children
            numbers = np.append(added[mine], n + at + np.arange(mine.size - 1))
            children[at : at + mine.size - 1] = numbers[small]
            at += mine.size - 1
            top = n + at - 1
        children[at] = places[label], top
        node[label] = n + at
        at += 1
    children[n_new:] = node[tree.children]
    return Grown(LabelTree(children), np.arange(n_new, n - 1))
