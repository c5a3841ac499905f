"""Which output rows take part in the loss of a document, and their targets.

Each function has the arguments of its neighbours, whether it uses them or not, so that a training
kernel is composed with any of them:

n_labels : int
labels : int32[n]
    Of the document, all different.
smoothing : float32
tree : int32[n_nodes]
    Twice the parent of each node of the label tree, and 1 more of a right child; below 0 of the
    root.
negatives : int32[1 + n_draws]
    How many labels to draw for each label, and what to draw from.
rng : uint64[1]
    State of the random numbers.
rows : int32[], targets : float32[]
    Written in place: output rows that take part, and the target of each.

They return how many entries of `rows` and `targets` were written.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.blocks import LANES, prefetch
from fasttext_lite.compiled.compiling import FAST, FAST_LEAF, compiler
from fasttext_lite.compiled.random import next_random

_kernel = compiler(FAST)
_leaf = compiler(FAST_LEAF)
DEEPEST = 12  # nodes of a path that are far from the root: the others are in the cache
DRAWS = 32  # tries to find a negative label that is not one of the document's


@_kernel
def all_rows(n_labels, labels, smoothing, tree, negatives, rng, rows, targets):
    """Let every label take part: 1 for the document's labels, 0 for others, smoothed.

    Smoothing spreads a share of the target evenly over all labels (Szegedy et al. 2016).
    """
    return _all_rows(n_labels, labels, smoothing, np.float32(1), rows, targets)


@_kernel
def shared_rows(n_labels, labels, smoothing, tree, negatives, rng, rows, targets):
    """Let every label take part; the document's labels share the target of 1."""
    return _all_rows(n_labels, labels, smoothing, np.float32(labels.size), rows, targets)


@_kernel
def _all_rows(n_labels, labels, smoothing, sharing, rows, targets):
    floor = smoothing / np.float32(n_labels)
    share = (np.float32(1) - smoothing) / sharing
    for k in range(n_labels):
        rows[k] = k
        targets[k] = floor
    for label in labels:
        targets[label] = floor + share
    return n_labels


@_kernel
def path_rows(n_labels, labels, smoothing, tree, negatives, rng, rows, targets):
    """Let the inner nodes from each label to the root take part; targets 1 - s/2 or s/2.

    With s for the smoothing; in Goodman 2001 and Mikolov et al. 2013 it is 0.
    """
    n = 0
    for label in labels:
        step = tree[label]
        while step >= 0:
            branch = np.float32(step & 1)
            targets[n] = branch * (np.float32(1) - smoothing) + smoothing * np.float32(0.5)
            node = step >> 1
            rows[n] = node - n_labels
            n += 1
            step = tree[node]
    return n


@_leaf
def fetch_path(tree, output, docs, order, i):
    """Ask for the output rows of the next document, those that few others share."""
    if i + 2 < order.size:  # whose labels are there already, see `inputs`
        for j in range(docs.label_indptr[order[i + 2]], docs.label_indptr[order[i + 2] + 1]):
            prefetch(tree, docs.label_ids[j])
    if i + 1 >= order.size:
        return
    n_labels, dim = output.shape[0] + 1, output.shape[1]
    for j in range(docs.label_indptr[order[i + 1]], docs.label_indptr[order[i + 1] + 1]):
        step = tree[docs.label_ids[j]]
        for _ in range(DEEPEST):
            if step < 0:
                break
            node = np.int64(step >> 1)
            for d in range(0, dim, LANES):
                prefetch(output, (node - n_labels) * dim + d)
            step = tree[node]


@_kernel
def drawn_rows(n_labels, labels, smoothing, tree, negatives, rng, rows, targets):
    """Let each label take part, and some drawn at random that are not the document's.

    negatives[0] is the number of draws for each label, the rest is the table to draw from.
    A draw that hits a label of the document is repeated, up to `DRAWS` times in all.
    """
    floor = smoothing / np.float32(n_labels)
    n = 0
    for label in labels:
        rows[n] = label
        targets[n] = np.float32(1) - smoothing + floor
        n += 1
        for _ in range(negatives[0]):
            for _ in range(DRAWS):
                pick = next_random(rng) % np.uint64(negatives.size - 1)
                row = negatives[1 + np.int64(pick)]
                hit = False
                for other in labels:
                    hit |= other == row
                if not hit:
                    rows[n] = row
                    targets[n] = floor
                    n += 1
                    break
    return n
