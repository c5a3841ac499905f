"""Losses: the loss of some scores, and its slope by each of them.

Each function replaces scores[:n] by the derivatives of the loss by them and returns the loss; the
arguments are those of its neighbours:

scores, targets : float32[room]
    As long as whole blocks; what lies behind n is the function's to use.
n : int
focal : float32
    Exponent of the focal variants (Lin et al. 2017).
"""

from __future__ import annotations

from math import exp, log

import numpy as np

from fasttext_lite.compiled.blocks import (
    LANES,
    highest_of,
    larger_of,
    load_block,
    quick_exp,
    quick_log1p,
)
from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)
LOWEST = np.float32(-1e30)  # a score of no label


@_kernel
def sigmoid(x):
    """Return 1 / (1 + exp(-x)) without overflow for any finite x."""
    z = quick_exp(-abs(x))
    one = np.float32(1)
    return (one if x >= 0 else z) / (one + z)


@_kernel
def log_loss(x, target):
    """Return -target * ln s - (1 - target) * ln(1 - s) for s = sigmoid(x)."""
    return max(x, np.float32(0)) - target * x + quick_log1p(quick_exp(-abs(x)))


@_kernel
def _pad(scores, targets, n):
    """Fill the last block with scores that add nothing to a loss; return the length with it."""
    padded = (n + LANES - 1) // LANES * LANES
    for k in range(n, padded):
        scores[k] = LOWEST
        targets[k] = 0
    return padded


@_kernel
def _highest(scores, padded):
    """Return the highest of whole blocks of scores."""
    block = load_block(scores, 0, LANES)
    for k in range(LANES, padded, LANES):
        block = larger_of(block, load_block(scores, k, LANES))
    return highest_of(block)


@_kernel
def softmax(scores, targets, n, focal):
    """Cross-entropy of the softmax of scores[:n]."""
    padded = _pad(scores, targets, n)
    highest = _highest(scores, padded)
    loss = np.float32(0)
    total = np.float32(0)
    for k in range(padded):
        loss -= targets[k] * (scores[k] - highest)
        scores[k] = quick_exp(scores[k] - highest)
        total += scores[k]
    inverse = np.float32(1) / total
    for k in range(padded):
        scores[k] = scores[k] * inverse - targets[k]
    return loss + log(total)


@_kernel
def focal_softmax(scores, targets, n, focal):
    """Cross-entropy whose term of each label is times (1 - p) ** focal (Lin et al. 2017)."""
    highest = np.float32(-np.inf)
    for k in range(n):
        highest = max(highest, scores[k])
    total = np.float32(0)
    for k in range(n):
        total += exp(scores[k] - highest)
    loss = np.float32(0)
    pull = np.float32(0)
    for k in range(n):
        log_p = scores[k] - highest - log(total)
        p = exp(log_p)
        rest = max(np.float32(1) - p, np.float32(1e-7))
        loss -= targets[k] * rest**focal * log_p
        pull += targets[k] * (focal * rest ** (focal - 1) * p * log_p - rest**focal)
    for k in range(n):
        log_p = scores[k] - highest - log(total)
        p = exp(log_p)
        rest = max(np.float32(1) - p, np.float32(1e-7))
        own = focal * rest ** (focal - 1) * p * log_p - rest**focal
        scores[k] = targets[k] * own - p * pull
    return loss


@_kernel
def logistic(scores, targets, n, focal):
    """Sum of the logistic losses of scores[:n]."""
    padded = _pad(scores, targets, n)
    loss = np.float32(0)
    for k in range(padded):
        loss += log_loss(scores[k], targets[k])
        scores[k] = sigmoid(scores[k]) - targets[k]
    return loss


@_kernel
def focal_logistic(scores, targets, n, focal):
    """Logistic losses, each times (share of the other outcome) ** focal (Lin et al. 2017)."""
    loss = np.float32(0)
    for k in range(n):
        p = min(max(sigmoid(scores[k]), 1e-7), 1 - 1e-7)
        q = 1 - p
        yes, no = targets[k], np.float32(1) - targets[k]
        loss -= yes * q**focal * log(p) + no * p**focal * log(q)
        scores[k] = yes * q**focal * (focal * p * log(p) - q) - no * p**focal * (
            focal * q * log(q) - p
        )
    return loss


@_kernel
def hinge(scores, targets, n, focal):
    """Sum of max(0, 1 - y * score), y = 1 for targets above a half, else -1."""
    loss = np.float32(0)
    for k in range(n):
        y = np.float32(1) if targets[k] > np.float32(0.5) else np.float32(-1)
        gap = max(np.float32(1) - y * scores[k], np.float32(0))
        loss += gap
        scores[k] = -y if gap > 0 else np.float32(0)
    return loss


@_kernel
def squared_hinge(scores, targets, n, focal):
    """Sum of max(0, 1 - y * score) ** 2, y as in `_hinge`."""
    loss = np.float32(0)
    for k in range(n):
        y = np.float32(1) if targets[k] > np.float32(0.5) else np.float32(-1)
        gap = max(np.float32(1) - y * scores[k], np.float32(0))
        loss += gap * gap
        scores[k] = -np.float32(2) * y * gap
    return loss
