"""fastText's own way from hidden vectors to labels, quirks included: scores, order, ties.

The rules are those of fastText 0.9.2 (loss.cc, model.cc), as its users' thresholds rely on them.
"""

from __future__ import annotations

from math import exp, log

import numpy as np

from fasttext_lite.compat.kernels.text import (
    KernelTable,
    Lexicon,
    list_example,
    mean_of_rows,
    most_ids,
)
from fasttext_lite.compiled.compiling import EXACT, LEAF, compiler

# No fast mathematics, as in `kernels.text`.
_kernel = compiler(EXACT)
_leaf_kernel = compiler(LEAF)
HS, SOFTMAX, SIGMOID = 1, 3, 4  # ways to score: see `files.arguments.FastTextLoss.scored_as`
LOG_SHIFT = 1e-5
MAX_SIGMOID, SIGMOID_BINS = 8, 512


@_leaf_kernel
def dot(output, row, hidden):
    """Return the inner product of a row of the output table and the hidden vector."""
    total = np.float32(0)
    dim = hidden.size
    for d in range(dim):
        total += output[row * dim + d] * hidden[d]
    return total


@_leaf_kernel
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
def score_flat(hidden, columns, scales, way, outputs):
    """Write each label's probability to `outputs`, float32[n_labels].

    `columns`, float32[dim, n_labels], is the output table turned, so that many sums go on at once,
    each in order; `scales`, float32[n_labels], holds the norms of a quantised one, or ones.
    """
    n_labels = outputs.size
    outputs[:] = 0
    for d in range(hidden.size):
        factor, column = hidden[d], columns[d]
        for label in range(n_labels):
            outputs[label] += factor * column[label]
    for label in range(n_labels):
        outputs[label] *= scales[label]
    if way == SIGMOID:
        for label in range(n_labels):
            outputs[label] = table_sigmoid(outputs[label])
        return
    highest = np.float32(-np.inf)
    for label in range(n_labels):
        highest = max(highest, outputs[label])
    total = np.float32(0)
    for label in range(n_labels):
        outputs[label] = exp(np.float64(outputs[label] - highest))
        total += outputs[label]
    for label in range(n_labels):
        outputs[label] /= total


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


@_kernel
def search_tree(
    hidden, output, scales, children, n_labels, k, threshold, stack, sums, scores, labels
):
    """Put the `k` best labels of a Huffman tree into a heap; return how many there are.

    Depth first, left before right; nodes below the threshold or the heap's lowest are left out.
    """
    n = 0
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
        product = scales[node - n_labels] * dot(output, node - n_labels, hidden)
        f = np.float32(exp(np.float32(-product)))
        right = np.float32(1.0 / np.float64(np.float32(1) + f))
        left = np.float32(1.0 - np.float64(right))
        stack[n_open] = children[node - n_labels, 1]
        sums[n_open] = score + log_shifted(right)
        stack[n_open + 1] = children[node - n_labels, 0]
        sums[n_open + 1] = score + log_shifted(left)
        n_open += 2
    return n


@_kernel
def classify(hidden, n_ids, output, columns, scales, children, way, threshold, best, values):
    """Write the best labels of hidden vectors, best first.

    Parameters
    ----------
    hidden : float32[n_docs, dim]
    n_ids : int64[n_docs]
        Rows behind each; where 0, there is no label.
    output : uint8[4 * n_rows * dim]
        Bytes of the output table, for the way `HS`.
    columns : float32[dim, n_labels]
        The output table for the other ways, see `score_flat`.
    scales : float32[n_labels]
        The norms of a quantised output table, or ones.
    children : int32[n_labels - 1, 2]
        For the way `HS`.
    way : int
        `HS`, `SOFTMAX` or `SIGMOID`.
    threshold : float32
    best : int32[n_docs, k + 1], values : float32[n_docs, k + 1]
        Written in place, with one place more than asked for; labels and fastText's
        probabilities, exp(ln(p + 1e-5)); -1 and 0 behind them.
    """
    table = output.view(np.float32)
    k = best.shape[1] - 1
    n_labels = scales.size
    stack = np.empty(n_labels + 1, np.int32)
    sums = np.empty(n_labels + 1, np.float32)
    for doc in range(hidden.shape[0]):
        n = 0
        if n_ids[doc] > 0:
            scores, labels = values[doc], best[doc]
            if way == HS:
                n = search_tree(
                    hidden[doc], table, scales, children, n_labels, k, threshold, stack, sums,
                    scores, labels,
                )  # fmt: skip
            else:
                score_flat(hidden[doc], columns, scales, way, sums[:n_labels])
                n = search_flat(sums[:n_labels], k, threshold, scores, labels)
            sort_heap(scores, labels, n)
            for i in range(n):
                scores[i] = exp(np.float32(scores[i]))
        for i in range(n, k + 1):
            best[doc, i] = -1
            values[doc, i] = 0


@_kernel
def predict_line(
    data, table, pool, offsets, kept, options, prefix, dense, places, codes, centroids, norm_codes,
    norm_centroids, part, output, columns, scales, children, way, threshold, best, scores
):  # fmt: skip
    """Write the best labels of one line and their probabilities; return how many there are.

    The quick way for a single text: arrays one by one, since a call unpacks these in half the
    time of tuples; see `Lexicon`, `KernelTable` and `classify`.

    Parameters
    ----------
    data : uint8[n_bytes]
    threshold : float
    best : int64[k], scores : float64[k]
        Written in place.
    """
    lexicon = Lexicon(table, pool, offsets, kept, options, prefix)
    rows = KernelTable(dense, places, codes, centroids, norm_codes, norm_centroids, part)
    most, most_tokens = most_ids(data, 0, data.size, options)
    room = np.empty(most + most_tokens, np.int32)
    ids, tokens = room[:most], room[most:]
    hashes = np.empty(most_tokens, np.uint64)
    hidden = np.empty((1, columns.shape[0]), np.float32)
    n_ids = np.empty(1, np.int64)
    n_ids[0], _, _ = list_example(data, 0, data.size, lexicon, ids, hashes, tokens)
    mean_of_rows(rows, ids, n_ids[0], hidden[0])
    k = best.size
    labels, values = np.empty((1, k + 1), np.int32), np.empty((1, k + 1), np.float32)
    classify(
        hidden, n_ids, output, columns, scales, children, way, np.float32(threshold), labels, values
    )  # fmt: skip
    n = 0
    while n < k and labels[0, n] >= 0:
        best[n], scores[n] = labels[0, n], values[0, n]
        n += 1
    return n
