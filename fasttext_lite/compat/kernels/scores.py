"""fastText's own way from hidden vectors to labels, quirks included: scores, order, ties.

The rules are those of fastText 0.9.2 (loss.cc, model.cc), as its users' thresholds rely on them.
"""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

import numpy as np

from fasttext_lite.compiled.blocks import (
    LANES,
    add_rounded,
    load_block,
    store_block,
    zero_block,
)
from fasttext_lite.compiled.compiling import EXACT, INLINE, LEAF, compiler

# No fast mathematics, as in `kernels.text`.
_kernel = compiler(EXACT)
_leaf_kernel = compiler(LEAF)
_inlined = compiler(INLINE)
NONE = np.uint32(0)
HS, SOFTMAX, SIGMOID = 1, 3, 4  # ways to score: see `files.arguments.FastTextLoss.scored_as`
LOG_SHIFT = 1e-5
MAX_SIGMOID, SIGMOID_BINS = 8, 512
HAS_NAN = -5  # in place of a number of labels: a sum is no number
LARGEST = np.finfo(np.float32).max


class Head(NamedTuple):
    """What scores hidden vectors.

    Attributes
    ----------
    weights : float32[n_blocks * dim * 16]
        The output table, 16 rows side by side: all first numbers, all second ones, ...; zeros
        behind the last row. Empty where `rows` is used.
    rows : float32[n_outputs * dim]
        The output table itself, of a tree so large that most of its nodes are not visited.
    scales : float32[n_outputs]
        Norms of the rows of a quantised table; empty without them.
    children : int32[n_labels - 1, 2]
        Of the tree, for the way `HS`.
    n_labels, way : int
        `HS`, `SOFTMAX` or `SIGMOID`.
    is_folded : int
        Whether hidden vectors are the outputs themselves.
    """

    weights: np.ndarray
    rows: np.ndarray
    scales: np.ndarray
    children: np.ndarray
    n_labels: int
    way: int
    is_folded: int


@_inlined
def dot(output, row, hidden):
    """Return the inner product of a row of a table, float32[n * dim], and the hidden vector."""
    total = np.float32(0)
    dim = hidden.size
    for d in range(dim):
        total += output[row * dim + d] * hidden[d]
    return total


@_inlined
def log_shifted(p):
    """Return fastText's log: ln(p + 1e-5), in float32."""
    return np.float32(log(np.float64(p) + LOG_SHIFT))


@_leaf_kernel
def table_sigmoid(x):
    """Return the sigmoid at the next lower of 512 steps from -8 to 8; 0 and 1 beyond."""
    if x < -MAX_SIGMOID:
        return np.float32(0)
    if x > MAX_SIGMOID:
        return np.float32(1)
    i = np.int64((x + np.float32(MAX_SIGMOID)) * np.float32(SIGMOID_BINS // (2 * MAX_SIGMOID)))
    at = np.float32(i * 2 * MAX_SIGMOID) / np.float32(SIGMOID_BINS) - np.float32(MAX_SIGMOID)
    return np.float32(1.0 / (1.0 + np.float64(np.float32(exp(np.float64(-at))))))


@_leaf_kernel
def push(scores, labels, n, score, label):
    """Put an entry at place `n` of a heap whose first is the lowest, as std::push_heap does."""
    hole = n
    while hole > 0 and scores[(hole - 1) // 2] > score:
        parent = (hole - 1) // 2
        scores[hole], labels[hole] = scores[parent], labels[parent]
        hole = parent
    scores[hole], labels[hole] = score, label


@_leaf_kernel
def pop(scores, labels, n):
    """Move the first of a heap of `n` entries behind the other n - 1, as std::pop_heap does."""
    n -= 1
    score, label = scores[n], labels[n]
    scores[n], labels[n] = scores[0], labels[0]
    hole = child = 0
    while child < (n - 1) // 2:
        child = 2 * (child + 1)
        if scores[child] > scores[child - 1]:
            child -= 1
        scores[hole], labels[hole] = scores[child], labels[child]
        hole = child
    if n % 2 == 0 and child == (n - 2) // 2:
        child = 2 * (child + 1)
        scores[hole], labels[hole] = scores[child - 1], labels[child - 1]
        hole = child - 1
    push(scores, labels, hole, score, label)


@_leaf_kernel
def offer(scores, labels, n, k, score, label):
    """Put an entry into a heap of the `k` highest; return the new number of entries."""
    if n == k and score < scores[0]:
        return n
    push(scores, labels, n, score, label)
    if n == k:
        pop(scores, labels, k + 1)
        return n
    return n + 1


@_leaf_kernel
def sort_heap(scores, labels, n):
    """Sort a heap by falling score, as std::sort_heap does."""
    for size in range(n, 1, -1):
        pop(scores, labels, size)


@_leaf_kernel
def score_outputs(hidden, head, outputs):
    """Write the inner products of the hidden vector and all rows of the output table.

    Each sum is taken in order, many sums side by side. `outputs`, float32[16 * n_blocks]: those of
    the rows come first.
    """
    dim, weights = hidden.size, head.weights
    n_blocks = weights.size // (dim * LANES)
    size = dim * LANES
    block = 0
    while block + 4 <= n_blocks:
        a, b, c, e = zero_block(hidden), zero_block(hidden), zero_block(hidden), zero_block(hidden)
        at = block * size
        for d in range(dim):
            x = hidden[d]
            a = add_rounded(a, x, load_block(weights, at, LANES))
            b = add_rounded(b, x, load_block(weights, at + size, LANES))
            c = add_rounded(c, x, load_block(weights, at + 2 * size, LANES))
            e = add_rounded(e, x, load_block(weights, at + 3 * size, LANES))
            at += LANES
        store_block(outputs, block * LANES, a, LANES, NONE)
        store_block(outputs, (block + 1) * LANES, b, LANES, NONE)
        store_block(outputs, (block + 2) * LANES, c, LANES, NONE)
        store_block(outputs, (block + 3) * LANES, e, LANES, NONE)
        block += 4
    while block < n_blocks:
        a = zero_block(hidden)
        at = block * size
        for d in range(dim):
            a = add_rounded(a, hidden[d], load_block(weights, at, LANES))
            at += LANES
        store_block(outputs, block * LANES, a, LANES, NONE)
        block += 1
    for i in range(head.scales.size):
        outputs[i] *= head.scales[i]


@_leaf_kernel
def to_probabilities(outputs, way):
    """Turn outputs, float32[n_labels], into each label's probability, in place.

    Returns
    -------
    is_good : bool
        Whether all are numbers.
    """
    n_labels = outputs.size
    if way == SIGMOID:
        is_good = True
        for label in range(n_labels):
            is_good &= outputs[label] == outputs[label]
            outputs[label] = table_sigmoid(outputs[label])
        return is_good
    highest = np.float32(-np.inf)
    for label in range(n_labels):
        highest = max(highest, outputs[label])
    total = np.float32(0)
    for label in range(n_labels):
        outputs[label] = exp(np.float64(outputs[label] - highest))
        total += outputs[label]
    for label in range(n_labels):
        outputs[label] /= total
    return total <= LARGEST  # false for NaN, which one output that is none brings


@_leaf_kernel
def search_flat(outputs, k, threshold, scores, labels):
    """Put the `k` best labels into a heap; return how many there are."""
    n = 0
    enough = np.float64(-1)  # what is below cannot get in: no need to take its log
    for label in range(outputs.size):
        if outputs[label] < threshold or outputs[label] < enough:
            continue
        n = offer(scores, labels, n, k, log_shifted(outputs[label]), np.int32(label))
        if n == k:
            enough = np.float64(0.999999 * exp(np.float64(scores[0])) - LOG_SHIFT)
    return n


@_inlined
def output_of(node, hidden, head, outputs):
    """Return the inner product of the hidden vector and the row of an inner node."""
    if head.rows.size == 0:
        return outputs[node]
    output = dot(head.rows, node, hidden)
    return output * head.scales[node] if head.scales.size > 0 else output


@_leaf_kernel
def search_tree(hidden, head, outputs, k, threshold, stack, sums, scores, labels):
    """Put the `k` best labels of a Huffman tree into a heap; return how many there are.

    Depth first, left before right; nodes below the threshold or the heap's lowest are left out.
    `HAS_NAN` in place of their number: what a node scores is no number.
    """
    n, n_labels = 0, head.n_labels
    least = log_shifted(threshold)
    stack[0], sums[0] = 2 * n_labels - 2, np.float32(0)
    n_open = 1
    while n_open > 0:
        n_open -= 1
        node, score = stack[n_open], sums[n_open]
        if score < least or (n == k and score < scores[0]):
            continue
        if node < n_labels:
            n = offer(scores, labels, n, k, score, node)
            continue
        output = output_of(node - n_labels, hidden, head, outputs)
        if output != output:
            return HAS_NAN
        f = np.float32(exp(np.float32(-output)))
        right = np.float32(1.0 / np.float64(np.float32(1) + f))
        left = np.float32(1.0 - np.float64(right))
        stack[n_open] = head.children[node - n_labels, 1]
        sums[n_open] = score + log_shifted(right)
        stack[n_open + 1] = head.children[node - n_labels, 0]
        sums[n_open + 1] = score + log_shifted(left)
        n_open += 2
    return n


@_inlined
def find_best(hidden, head, k, threshold, outputs, stack, sums, scores, labels):
    """Put the best labels of a hidden vector into a heap; see `classify`.

    `scores` are logarithms, ln(p + 1e-5).
    """
    if head.n_labels == 0:
        return 0
    if head.is_folded:
        for i in range(hidden.size):
            outputs[i] = hidden[i]
    elif head.rows.size == 0:
        score_outputs(hidden, head, outputs)
    if head.way == HS:
        return search_tree(hidden, head, outputs, k, threshold, stack, sums, scores, labels)
    of_labels = outputs[: head.n_labels]
    if not to_probabilities(of_labels, head.way):
        return HAS_NAN
    return search_flat(of_labels, k, threshold, scores, labels)


@_inlined
def as_probability(score):
    """Return exp of a logarithm.

    The C library's expf, as in fastText; the double rounded differs in 6 of 10,000 numbers.
    """
    return exp(np.float32(score))


@_leaf_kernel
def classify(hidden, head, k, threshold, outputs, stack, sums, scores, labels):
    """Find the best labels of a hidden vector.

    Parameters
    ----------
    hidden : float32[dim]
        Of a folded model: the outputs, float32[width].
    head : Head
    k : int
        Most labels.
    threshold : float32
    outputs : float32[16 * n_blocks]
        Scratch.
    stack : int32[n_labels + 1], sums : float32[n_labels + 1]
        Scratch.
    scores : float32[k + 1], labels : int32[k + 1]
        Written in place: fastText's probabilities, exp(ln(p + 1e-5)), best first.

    Returns
    -------
    n : int
        Or `HAS_NAN`.
    """
    n = find_best(hidden, head, k, threshold, outputs, stack, sums, scores, labels)
    sort_heap(scores, labels, n)
    for i in range(n):
        scores[i] = as_probability(scores[i])
    return n
