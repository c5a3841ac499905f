"""What keeps weights small: weight decay, longest rows, clipped gradients."""

from __future__ import annotations

from math import exp, expm1, sqrt

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)


@_kernel
def shrink_row(values, row, l1, l2, distance):
    """Let a row decay by L1 and L2 penalties while the learning rate sums up to `distance`.

    The exact solution of dw = -(l1 * sign(w) + l2 * w) * distance, which stops at 0: many small
    distances give the same as one that is their sum. (Decoupled weight decay, Loshchilov and
    Hutter 2019; for L1 the lazy updates of Tsuruoka et al. 2009.)
    """
    keep = np.float32(exp(-l2 * distance))
    fall = np.float32(l1 * distance)
    if l2 > 0:
        fall = np.float32(-l1 / l2 * expm1(-l2 * distance))
    for d in range(values.shape[1]):
        size = max(abs(values[row, d]) * keep - fall, np.float32(0))
        values[row, d] = size if values[row, d] >= 0 else -size


@_kernel
def limit_row(values, row, longest):
    """Scale a row down to the length `longest` if it is longer (Srebro and Shraibman 2005)."""
    total = np.float32(0)
    for d in range(values.shape[1]):
        total += values[row, d] * values[row, d]
    if total > longest * longest:
        factor = longest / np.float32(sqrt(total))
        for d in range(values.shape[1]):
            values[row, d] *= factor


@_kernel
def clip_factor(limit, a, n, b):
    """Return the factor that brings the product of the lengths of a[:n] and b down to `limit`."""
    total_a, total_b = np.float32(0), np.float32(0)
    for i in range(n):
        total_a += a[i] * a[i]
    for i in range(b.size):
        total_b += b[i] * b[i]
    length = sqrt(total_a * total_b)
    return limit / length if length > limit else limit / limit
