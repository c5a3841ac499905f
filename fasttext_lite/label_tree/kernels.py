"""Label trees: points of labels, Huffman's two queues, cuts by balanced 2-means.

Inner nodes are numbered as `label_tree.tree` says.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from fasttext_lite.compiled.blocks import fetch_rows, pool_rows
from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.compiled.random import STEP, mix

_kernel = compiler(FAST)
STARTS = 3  # steps of power iteration towards the first direction
CUTS = 20  # at most, of one set of labels
SAMPLE = 4096  # labels that the direction of a cut is found from, in a larger set
STACK = 64  # open sets: of two parts, the smaller is cut first, so there are log2(labels) at most


@_kernel
def add_to_labels(vectors, start, label_ids, label_indptr, points):
    """Add the vector of each document to the points of its labels.

    Parameters
    ----------
    vectors : float32[n, d]
        Of documents `start` to `start` + n - 1.
    start : int
    label_ids : int32[], label_indptr : int64[n_docs + 1]
    points : float32[n_labels, d]
        Written in place.
    """
    for i in range(vectors.shape[0]):
        for j in range(label_indptr[start + i], label_indptr[start + i + 1]):
            for d in range(vectors.shape[1]):
                points[label_ids[j], d] += vectors[i, d]


@_kernel
def pool_documents(ids, weights, indptr, first, last, embeddings, vectors):
    """Write the weighted sum of the rows of documents `first` to `last` - 1.

    As `model.kernels.predict.embed_documents`, with the rows of the next document asked for ahead.

    Parameters
    ----------
    ids : int32[], weights : float32[], indptr : int64[n_docs + 1]
    embeddings : float32[n_rows, d], or uint16[n_rows, d] that holds float16
    vectors : float32[n_docs, d]
        Written in place.
    """
    none = embeddings[:0]
    for doc in range(first, last):
        if doc + 1 < last:
            fetch_rows(embeddings, none, ids, indptr[doc + 1], indptr[doc + 2])
        pool_rows(embeddings, none, ids, weights, indptr[doc], indptr[doc + 1], vectors[doc])


@_kernel
def join_lightest(leaves, weights, children):
    """Write the children of Huffman's tree.

    Parameters
    ----------
    leaves : int64[n_labels]
        Labels by rising weight.
    weights : int64[2 * n_labels - 1]
        Of the labels; those of inner nodes are written in place.
    children : int32[n_labels - 1, 2]
        Written in place.
    """
    n = leaves.size
    next_leaf, next_inner = 0, n
    for node in range(n, 2 * n - 1):
        weights[node] = 0
        for side in range(2):
            take_leaf = next_leaf < n
            if take_leaf and next_inner < node:
                take_leaf = weights[leaves[next_leaf]] < weights[next_inner]
            if take_leaf:
                child = leaves[next_leaf]
                next_leaf += 1
            else:
                child = next_inner
                next_inner += 1
            children[node - n, side] = child
            weights[node] += weights[child]


@_kernel
def _comes_before(keys, a, b):
    """Return whether place a stands before place b: by key, then by place."""
    return keys[a] < keys[b] or (keys[a] == keys[b] and a < b)


@_kernel
def _cut_in_halves(keys, weights, n, places):
    """Write the numbers below n to `places`, the left half first; return its size.

    Left are those of least keys (among equal keys, the first) until they have half of the
    weight, but neither none nor all. Quickselect (Hoare 1961) by weight: a round costs the time
    of what is still undecided.
    """
    total = 0.0
    for i in range(n):
        places[i] = i
        total += weights[i]
    first, last = 0, n  # where the cut is still open
    missing = total / 2  # weight that the left half lacks, of what stands from `first` on
    while last - first > 1:
        a, b, c = places[first], places[(first + last) // 2], places[last - 1]
        if _comes_before(keys, b, a):
            a, b = b, a
        if _comes_before(keys, c, b):
            b = a if _comes_before(keys, c, a) else c
        i, j = first, last - 1
        while i <= j:
            while _comes_before(keys, places[i], b):
                i += 1
            while _comes_before(keys, b, places[j]):
                j -= 1
            if i <= j:
                places[i], places[j] = places[j], places[i]
                i += 1
                j -= 1
        # From `first` to j stands what comes before b, from i on what comes after; b between
        # them if there is a place between them.
        mass = 0.0
        for k in range(first, j + 1):
            mass += weights[places[k]]
        if mass >= missing:
            last = j + 1
            continue
        missing -= mass
        first = i
        if i == j + 2:
            if weights[b] >= missing:
                first, last = j + 1, j + 2
            else:
                missing -= weights[b]
    return min(max(first + 1, 1), n - 1)


@_kernel
def _find_direction(points, weights, n, state, direction, keys, places, is_left, sums):
    """Find the direction that cuts points in two halves of equal weight, by 2-means.

    Parameters
    ----------
    points : float32[:, d], weights : float64[]
        The first n of each; the weighted mean of the points is zero.
    state : uint64
        Of the random first direction.
    direction : float32[d]
        Written in place.
    keys : float32[], places : int64[], is_left : bool[], sums : float64[d]
        Scratch.
    """
    dim = direction.size
    for d in range(dim):
        state += STEP
        direction[d] = np.float32(mix(state) >> np.uint64(40)) * np.float32(2.0**-23) - np.float32(
            1
        )
    for _ in range(STARTS):  # power iteration: begin along the direction in which they differ most
        _project(points, n, direction, keys)
        sums[:] = 0
        for i in range(n):
            _add(points, i, keys[i], sums)
        _set_direction(sums, 1.0, direction)
    is_left[:n] = False
    before = 0
    for _ in range(CUTS):
        _project(points, n, direction, keys)
        cut = _cut_in_halves(keys, weights, n, places)
        n_same = 0
        for i in range(cut):
            n_same += is_left[places[i]]
        if n_same == cut == before:
            break
        before = cut
        is_left[:n] = False
        for i in range(cut):
            is_left[places[i]] = True
        # The mean is zero: the right half's sum is that of the left half, turned round.
        sums[:] = 0
        for i in range(n):
            if is_left[i]:
                _add(points, i, weights[i], sums)
        _set_direction(sums, -1.0, direction)


@_kernel
def _add(points, i, factor, sums):
    """Add a multiple of a point to the sums."""
    for d in range(sums.size):
        sums[d] += factor * points[i, d]


@_kernel
def _inner(points, i, direction):
    """Return the inner product of a point and a direction."""
    total = np.float32(0)
    for d in range(direction.size):
        total += points[i, d] * direction[d]
    return total


@_kernel
def _project(points, n, direction, keys):
    """Write the inner product of each of the first n points with a direction."""
    for i in range(n):
        keys[i] = _inner(points, i, direction)


@_kernel
def _set_direction(sums, sign, direction):
    """Write a vector, or its opposite, scaled to length 1 (a tiny one stays tiny)."""
    length = 0.0
    for d in range(sums.size):
        length += sums[d] * sums[d]
    scale = sign / max(sqrt(length), 1e-12)
    for d in range(sums.size):
        direction[d] = sums[d] * scale


@_kernel
def _sample(points, weights, order, first, last, sample, sample_weights, mean):
    """Copy points of the labels order[first:last], their mean moved to zero; return how many.

    All of them up to `SAMPLE`; of more, each label as often as its share of the weight asks
    (systematic sampling with probability proportional to size, Madow 1949).
    """
    dim = points.shape[1]
    step = 0.0
    if last - first > SAMPLE:
        for i in range(first, last):
            step += weights[order[i]]
        step /= SAMPLE
    n, passed, taken, total = 0, 0.0, 0, 0.0
    mean[:] = 0
    for i in range(first, last):
        label = order[i]
        weight = weights[label]
        if step > 0:
            passed += weight
            times = int(passed / step + 0.5) - taken
            taken += times
            weight = float(times)
        if weight > 0 and n < SAMPLE:
            for d in range(dim):
                sample[n, d] = points[label, d]
            sample_weights[n] = weight
            _add(sample, n, weight, mean)
            total += weight
            n += 1
    for i in range(n):
        for d in range(dim):
            sample[i, d] -= mean[d] / total
    return n


@_kernel
def _part(order, first, last, is_left, places):
    """Bring the left half of order[first:last] to its front; return its size."""
    n_left = 0
    n_right = 0
    for i in range(first, last):
        if is_left[i - first]:
            order[first + n_left] = order[i]
            n_left += 1
        else:
            places[n_right] = order[i]
            n_right += 1
    for i in range(n_right):
        order[first + n_left + i] = places[i]
    return n_left


@_kernel
def _push(stack, n, first, last, node):
    """Put a set of two labels or more on the stack of n; return the new n."""
    if last - first < 2:
        return n
    stack[n, 0], stack[n, 1], stack[n, 2] = first, last, node
    return n + 1


@_kernel
def cut_labels(points, weights, order, sets, least, seed, children, left_open):
    """Cut sets of labels in two, and each part again; write the inner nodes of the tree.

    Parameters
    ----------
    points : float32[n_labels, d]
    weights : float64[n_labels]
    order : int64[n_labels]
        A set is order[first:last]. Written in place: each part stands together, its labels in
        the order that they had.
    sets : int64[n_sets, 3]
        First, last and number of the inner node; of two labels at least. A set of m labels owns
        the nodes node - m + 2 to node: from the top its own, its left part's, its right part's.
    least : int
        Sets of fewer labels are left open.
    seed : uint64
        With the place of a set in `order` it decides the random start of its cut.
    children : int32[n_labels - 1, 2]
        Written in place.
    left_open : int64[:, 3]
        Written in place: the sets left open.

    Returns
    -------
    int
        Number of sets left open.
    """
    n_labels, dim = points.shape
    most = 0
    for i in range(sets.shape[0]):
        most = max(most, sets[i, 1] - sets[i, 0])
    n_sample = min(most, SAMPLE)
    sample = np.empty((n_sample, dim), np.float32)
    sample_weights = np.empty(n_sample)
    direction = np.empty(dim, np.float32)
    sums = np.empty(dim)
    own_weights = np.empty(most)
    keys = np.empty(most, np.float32)
    places = np.empty(most, np.int64)
    is_left = np.empty(most, np.bool_)
    stack = np.empty((STACK, 3), np.int64)
    n_open = 0
    for turn in range(sets.shape[0]):
        stack[0] = sets[turn]
        n_stack = 1
        while n_stack > 0:
            n_stack -= 1
            first, last, node = stack[n_stack]
            size = last - first
            if size < least:
                left_open[n_open] = stack[n_stack]
                n_open += 1
                continue
            n = _sample(points, weights, order, first, last, sample, sample_weights, sums)
            place = np.uint64(first) * np.uint64(n_labels) + np.uint64(last)
            _find_direction(
                sample, sample_weights, n, seed + place, direction, keys, places, is_left, sums
            )
            if size > SAMPLE:
                for i in range(size):
                    label = order[first + i]
                    own_weights[i] = weights[label]
                    keys[i] = _inner(points, label, direction)
                cut = _cut_in_halves(keys, own_weights, size, places)
                is_left[:size] = False
                for i in range(cut):
                    is_left[places[i]] = True
            cut = _part(order, first, last, is_left, places)
            middle = first + cut
            row, left, right = node - n_labels, node - 1, node - cut
            children[row, 0] = left if cut > 1 else order[first]
            children[row, 1] = right if size - cut > 1 else order[middle]
            for larger in (True, False):  # the larger part lies below the smaller one
                if (2 * cut >= size) == larger:
                    n_stack = _push(stack, n_stack, first, middle, left)
                else:
                    n_stack = _push(stack, n_stack, middle, last, right)
    return n_open
