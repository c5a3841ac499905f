"""K-means for product quantisation: assign sub-vectors to centroids, move centroids.

The centroids lie as in fastText's files: code c of sub-vector s begins at (s * 256 * dsub +
c * width), where `width` is `dsub`, or what is left of the dimension for the last sub-vector.
"""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)
N_CODES = np.int64(256)
LANES = np.int64(128)  # rows compared at a time: the innermost loops go over rows


@_kernel
def assign_rows(x, first, last, sub, dsub, centroids, codes):
    """Write the code of the nearest centroid of one sub-vector of rows `first` to `last` - 1.

    Parameters
    ----------
    x : float32[n_rows, dim]
    sub, dsub : int
        The sub-vector, and the size of all but the last.
    centroids : float32[dim * 256]
    codes : uint8[n_rows, n_sub]
        Column `sub` is written in place; of equally near centroids the first is taken.
    """
    begin = sub * dsub
    width = min(dsub, x.shape[1] - begin)
    base = begin * N_CODES
    block = np.empty((width, LANES), np.float32)
    distance = np.empty(LANES, np.float32)
    best = np.empty(LANES, np.float32)
    code = np.empty(LANES, np.int32)
    block[:] = 0
    for start in range(first, last, LANES):
        n = min(LANES, last - start)
        for i in range(n):
            for d in range(width):
                block[d, i] = x[start + i, begin + d]
        for i in range(LANES):
            best[i] = np.inf
            code[i] = 0
        for c in range(N_CODES):
            here = base + c * width
            value = centroids[here]
            for i in range(LANES):
                gap = block[0, i] - value
                distance[i] = gap * gap
            for d in range(1, width):
                value = centroids[here + d]
                for i in range(LANES):
                    gap = block[d, i] - value
                    distance[i] += gap * gap
            number = np.int32(c)
            for i in range(LANES):
                nearer = distance[i] < best[i]
                best[i] = distance[i] if nearer else best[i]
                code[i] = number if nearer else code[i]
        for i in range(n):
            codes[start + i, sub] = np.uint8(code[i])


@_kernel
def move_centroids(x, codes, sub, dsub, centroids):
    """Move each centroid of one sub-vector to the mean of its rows; split clusters for empty ones.

    A centroid without rows is placed beside that of the cluster with the largest sum of squared
    distances, which both then share.

    Parameters
    ----------
    x : float32[n_rows, dim]
    codes : uint8[n_rows, n_sub]
    sub, dsub : int
    centroids : float32[dim * 256]
        Written in place.

    Returns
    -------
    changed : bool
        Whether any centroid moved.
    """
    begin = sub * dsub
    width = min(dsub, x.shape[1] - begin)
    base = begin * N_CODES
    sums = np.zeros((N_CODES, width))
    counts = np.zeros(N_CODES)
    for i in range(x.shape[0]):
        c = codes[i, sub]
        counts[c] += 1
        for d in range(width):
            sums[c, d] += x[i, begin + d]
    changed = False
    for c in range(N_CODES):
        if counts[c] > 0:
            for d in range(width):
                value = np.float32(sums[c, d] / counts[c])
                changed |= value != centroids[base + c * width + d]
                centroids[base + c * width + d] = value
    if counts.min() > 0:
        return changed
    spread = np.zeros((N_CODES, width))
    for i in range(x.shape[0]):
        c = codes[i, sub]
        for d in range(width):
            gap = np.float64(x[i, begin + d] - centroids[base + c * width + d])
            spread[c, d] += gap * gap
    errors = np.zeros(N_CODES)
    for c in range(N_CODES):
        for d in range(width):
            errors[c] += spread[c, d]
    for c in range(N_CODES):
        if counts[c] > 0:
            continue
        largest = np.argmax(errors)
        if errors[largest] <= 0:
            break  # every row lies on its centroid
        changed = True
        for d in range(width):
            # A quarter of a standard deviation to either side.
            step = np.float32(0.25 * np.sqrt(spread[largest, d] / counts[largest]))
            centre = centroids[base + largest * width + d]
            centroids[base + c * width + d] = centre + step
            centroids[base + largest * width + d] = centre - step
            spread[largest, d] *= 0.5
            spread[c, d] = spread[largest, d]
        errors[largest] *= 0.5
        errors[c] = errors[largest]
        counts[largest] *= 0.5
        counts[c] = counts[largest]
    return changed
