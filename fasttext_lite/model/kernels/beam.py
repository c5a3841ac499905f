"""Prediction with very many labels: the label tree searched level by level, a few nodes at a time.

Where no label is sure, the best-first search of `predict.search_tree` opens thousands of nodes to
prove that it has found the best; this one opens a few at each depth, and may miss some.
"""

from __future__ import annotations

from math import exp, log

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.model.kernels.predict import log_sigmoid, score_row

_kernel = compiler(FAST)


@_kernel
def _keep(weights, nodes, n, most, weight, node):
    """Insert an entry among the likeliest of n, likeliest first; return how many there are."""
    if n == most:
        if weight <= weights[n - 1]:
            return n
        n -= 1
    place = n
    while place > 0 and weights[place - 1] < weight:
        weights[place] = weights[place - 1]
        nodes[place] = nodes[place - 1]
        place -= 1
    weights[place] = weight
    nodes[place] = node
    return n + 1


@_kernel
def search_beam(hidden, first, last, output, children, scale, width, threshold, labels, best):
    """Write likely labels of a label tree, likeliest first: of each depth few nodes are opened.

    Those are the likeliest `width` (Prabhu et al. 2018, section 3.4, with 10), without any that is
    less likely than the k labels found.

    Parameters
    ----------
    hidden, first, last, output, children, scale, threshold, labels, best
        As in `predict.search_tree`.
    width : int
        At least 1; where k is more, k.

    Returns
    -------
    is_good : bool
        Whether all scores were numbers; else the labels are none.
    """
    n_labels = output.shape[0] + 1
    k = labels.shape[1]
    width = max(width, k)
    least = log(threshold) if threshold > 0 else -np.inf
    weights, nodes = np.empty((2, width)), np.empty((2, width), np.int64)
    is_good = True
    for doc in range(first, last):
        found, n, now = 0, 1, 0
        weights[0, 0], nodes[0, 0] = 0.0, 2 * n_labels - 2
        while n > 0:
            m = 0
            for i in range(n):
                inner = nodes[now, i] - n_labels
                score = scale * np.float64(score_row(output, inner, hidden, doc))
                is_good &= score == score
                for side in range(2):
                    weight = weights[now, i] + log_sigmoid(score if side == 1 else -score)
                    child = children[inner, side]
                    if weight < least or (found == k and weight <= best[doc, k - 1]):
                        continue
                    if child < n_labels:
                        found = _keep(best[doc], labels[doc], found, k, weight, child)
                    else:
                        m = _keep(weights[1 - now], nodes[1 - now], m, width, weight, child)
            n, now = m, 1 - now
        for place in range(k):
            if place < found:
                best[doc, place] = exp(best[doc, place])
            else:
                labels[doc, place], best[doc, place] = -1, 0
    return is_good
