"""Prediction: documents to hidden vectors, scores, probabilities and best labels.

Scores are summed in float32, probabilities are computed and normalised in float64.
"""

from __future__ import annotations

from math import exp, log, log1p

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)
# `isfinite` is x - x == 0 to the compiler, which is always so where sums may be taken in any order.
LARGEST = np.float64(np.finfo(np.float64).max)
HALF_FACTOR = np.float32(2.0**112)


@_kernel
def as_float(value):
    """Return an entry of a table as float32: float32 itself, or uint16 that holds a float16.

    A float16 is a float32 with fewer bits, but for the exponent, which the factor corrects;
    infinity becomes 65536.
    """
    if isinstance(value, np.float32):
        return value
    bits = np.uint32(value)
    sign = (bits & np.uint32(0x8000)) << np.uint32(16)
    rest = (bits & np.uint32(0x7FFF)) << np.uint32(13)
    return np.uint32(sign | rest).view(np.float32) * HALF_FACTOR


@_kernel
def add_row(embeddings, row, weight, hidden, doc):
    """Add weight * embeddings[row] to hidden[doc]."""
    for d in range(embeddings.shape[1]):
        hidden[doc, d] += weight * as_float(embeddings[row, d])


@_kernel
def embed_documents(ids, weights, indptr, first, last, embeddings, hidden):
    """Write the hidden vectors of documents `first` to `last` - 1.

    Parameters
    ----------
    ids : int32[], weights : float32[], indptr : int64[n_docs + 1]
        The features (`FeatureMatrix`).
    embeddings : float32[n_rows, dim], or uint16[n_rows, dim] that holds float16
    hidden : float32[n_docs, dim]
        Written in place: the weighted sum of each document's rows.
    """
    for doc in range(first, last):
        for d in range(embeddings.shape[1]):
            hidden[doc, d] = 0
        for j in range(indptr[doc], indptr[doc + 1]):
            add_row(embeddings, ids[j], weights[j], hidden, doc)


@_kernel
def score_row(output, row, hidden, doc):
    """Return the inner product of output[row] and hidden[doc]."""
    total = np.float32(0)
    for d in range(hidden.shape[1]):
        total += output[row, d] * hidden[doc, d]
    return total


@_kernel
def log_sigmoid(x):
    """Return ln(1 / (1 + exp(-x))) without overflow."""
    return min(x, 0.0) - log1p(exp(-abs(x)))


@_kernel
def score_labels(hidden, first, last, output, children, is_identity, scale, power, scores):
    """Write every label's score for documents `first` to `last` - 1.

    Parameters
    ----------
    hidden : float32[n_docs, dim]
    output : float32[n_output_rows, dim]
    children : int32[n_labels - 1, 2]
        The label tree, or int32[0, 2] where there is none.
    is_identity : bool
        Whether `output` is the identity: then the hidden vector is the scores.
    scale : float
        Factor of each inner product.
    power : float
        Above 0, the logarithm of the sigmoid of each is taken, times this; with a tree, the labels'
        log-probabilities times this.
    scores : float64[n_docs, n_labels]
        Written in place: what softmax or sigmoid is taken of; with a tree the labels'
        log-probabilities.
    """
    n_labels = scores.shape[1]
    nodes = np.zeros(2 * n_labels - 1 if children.shape[0] > 0 else 0)
    for doc in range(first, last):
        if children.shape[0] == 0:
            for k in range(n_labels):
                score = hidden[doc, k] if is_identity else score_row(output, k, hidden, doc)
                scores[doc, k] = scale * score
                if power > 0:
                    scores[doc, k] = power * log_sigmoid(scores[doc, k])
            continue
        for i in range(n_labels - 2, -1, -1):
            score = scale * np.float64(score_row(output, i, hidden, doc))
            above = nodes[n_labels + i]
            nodes[children[i, 0]] = above + log_sigmoid(-score)
            nodes[children[i, 1]] = above + log_sigmoid(score)
        for k in range(n_labels):
            scores[doc, k] = power * nodes[k] if power > 0 else nodes[k]


@_kernel
def scores_to_probabilities(scores, first, last, is_softmax, is_tree):
    """Replace scores by probabilities in place; float64[n_docs, n_labels].

    Softmax of the row, exp of log-probabilities (tree), or a sigmoid for each label.

    Returns
    -------
    is_good : bool
        Whether all are numbers: scores may have been too large to be any.
    """
    n_labels = scores.shape[1]
    is_good = True
    for doc in range(first, last):
        total = 0.0
        if is_softmax:
            highest = scores[doc, 0]
            for k in range(n_labels):
                highest = max(highest, scores[doc, k])
            for k in range(n_labels):
                scores[doc, k] = exp(scores[doc, k] - highest)
                total += scores[doc, k]
            for k in range(n_labels):
                scores[doc, k] /= total
        else:
            for k in range(n_labels):
                scores[doc, k] = exp(scores[doc, k] if is_tree else log_sigmoid(scores[doc, k]))
                total += scores[doc, k]
        if not total <= LARGEST:
            is_good = False
    return is_good


@_kernel
def select_top(probabilities, first, last, threshold, labels, best):
    """Write the labels of highest probability, best first, of documents `first` to `last` - 1.

    Parameters
    ----------
    probabilities : float64[n_docs, n_labels]
    threshold : float
        Labels of lower probability are left out.
    labels : int32[n_docs, k]
        Written in place; equal probabilities in the order of the labels; -1 = no more.
    best : float64[n_docs, k]
        Written in place; 0 = no more.
    """
    k = labels.shape[1]
    for doc in range(first, last):
        n = 0
        for label in range(probabilities.shape[1]):
            p = probabilities[doc, label]
            if p < threshold or (n == k and p <= best[doc, k - 1]):
                continue
            place = min(n, k - 1)
            n = min(n + 1, k)
            while place > 0 and best[doc, place - 1] < p:
                best[doc, place] = best[doc, place - 1]
                labels[doc, place] = labels[doc, place - 1]
                place -= 1
            best[doc, place] = p
            labels[doc, place] = label
        for place in range(n, k):
            best[doc, place] = 0
            labels[doc, place] = -1


@_kernel
def _before(weights, nodes, a, b):
    """Return whether heap entry a comes before b: likelier first, then the lower node."""
    return weights[a] > weights[b] or (weights[a] == weights[b] and nodes[a] < nodes[b])


@_kernel
def _swap(weights, nodes, a, b):
    weights[a], weights[b] = weights[b], weights[a]
    nodes[a], nodes[b] = nodes[b], nodes[a]


@_kernel
def _push(weights, nodes, n, weight, node):
    """Put an entry into a binary heap of n entries; return n + 1."""
    weights[n] = weight
    nodes[n] = node
    child = n
    while child > 0 and _before(weights, nodes, child, (child - 1) // 2):
        _swap(weights, nodes, child, (child - 1) // 2)
        child = (child - 1) // 2
    return n + 1


@_kernel
def _drop_first(weights, nodes, n):
    """Take the first entry out of a binary heap of n entries; return n - 1."""
    n -= 1
    weights[0] = weights[n]
    nodes[0] = nodes[n]
    parent = 0
    while 2 * parent + 1 < n:
        child = 2 * parent + 1
        if child + 1 < n and _before(weights, nodes, child + 1, child):
            child += 1
        if not _before(weights, nodes, child, parent):
            break
        _swap(weights, nodes, child, parent)
        parent = child
    return n


@_kernel
def search_tree(hidden, first, last, output, children, scale, threshold, labels, best):
    """Write the labels of highest probability of a label tree, best first, without visiting all.

    Best-first search: the likeliest open node is opened next. A node is at least as likely as
    all below it, so the leaves come out in the exact order of their probabilities.

    Parameters
    ----------
    hidden : float32[n_docs, dim]
    output : float32[n_labels - 1, dim]
    children : int32[n_labels - 1, 2]
    scale : float
        As in `score_labels`.
    threshold : float
    labels : int32[n_docs, k], best : float64[n_docs, k]
        As in `select_top`; among equal probabilities the lower label comes first if both
        are open.

    Returns
    -------
    is_good : bool
        Whether all scores were numbers; else the labels are none.
    """
    n_labels = output.shape[0] + 1
    k = labels.shape[1]
    least = log(threshold) if threshold > 0 else -np.inf
    weights = np.empty(n_labels + 1)
    nodes = np.empty(n_labels + 1, np.int64)
    is_good = True
    for doc in range(first, last):
        found = 0
        n = _push(weights, nodes, 0, 0.0, 2 * n_labels - 2)
        while n > 0 and found < k:
            weight, node = weights[0], nodes[0]
            if weight < least:
                break
            n = _drop_first(weights, nodes, n)
            if node < n_labels:
                labels[doc, found] = node
                best[doc, found] = exp(weight)
                found += 1
                continue
            inner = node - n_labels
            score = scale * np.float64(score_row(output, inner, hidden, doc))
            is_good &= score == score
            n = _push(weights, nodes, n, weight + log_sigmoid(-score), children[inner, 0])
            n = _push(weights, nodes, n, weight + log_sigmoid(score), children[inner, 1])
        for place in range(found, k):
            labels[doc, place] = -1
            best[doc, place] = 0
    return is_good
