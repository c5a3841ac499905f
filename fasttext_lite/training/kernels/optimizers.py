"""Optimizers and what limits a row: each moves one row against its gradient."""

from __future__ import annotations

from math import exp, expm1, sqrt

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)


# -- optimizers: move one row against its gradient, scale * direction ------------------------
# gap: steps since the row was last touched; step: steps taken before. A row rests while no
# document touches it, but its state decays at every step, all at once when it is touched next.
@_kernel
def sgd(values, moments, row, scale, direction, lr, settings, gap, step):
    """Values -= lr * gradient."""
    move = lr * scale
    for d in range(direction.size):
        values[row, d] -= move * direction[d]


@_kernel
def momentum(values, moments, row, scale, direction, lr, settings, gap, step):
    """Move by the decaying sum of the gradients (Polyak 1964)."""
    keep = settings.beta1**gap
    for d in range(direction.size):
        moments[row, d] = keep * moments[row, d] + scale * direction[d]
        values[row, d] -= lr * moments[row, d]


@_kernel
def nesterov(values, moments, row, scale, direction, lr, settings, gap, step):
    """Momentum that looks one step ahead (Sutskever et al. 2013, as in Bengio et al. 2013)."""
    keep = settings.beta1**gap
    for d in range(direction.size):
        gradient = scale * direction[d]
        moments[row, d] = keep * moments[row, d] + gradient
        values[row, d] -= lr * (gradient + settings.beta1 * moments[row, d])


@_kernel
def adagrad(values, moments, row, scale, direction, lr, settings, gap, step):
    """Divide each step by the root of the squared gradients so far (Duchi et al. 2011, eq. 1)."""
    for d in range(direction.size):
        gradient = scale * direction[d]
        moments[row, d] += gradient * gradient
        values[row, d] -= lr * gradient / np.float32(sqrt(moments[row, d] + np.float32(1e-10)))


@_kernel
def rmsprop(values, moments, row, scale, direction, lr, settings, gap, step):
    """Divide by the root of the decaying mean of squared gradients (Tieleman and Hinton 2012)."""
    keep = settings.beta2**gap
    for d in range(direction.size):
        gradient = scale * direction[d]
        mean = keep * moments[row, d] + (np.float32(1) - settings.beta2) * gradient * gradient
        moments[row, d] = mean
        values[row, d] -= lr * gradient / (np.float32(sqrt(mean)) + np.float32(1e-8))


@_kernel
def adadelta(values, moments, row, scale, direction, lr, settings, gap, step):
    """Make steps as long as earlier ones, by root mean squares (Zeiler 2012, algorithm 1)."""
    dim = direction.size
    keep = settings.beta2**gap
    before = keep / settings.beta2 if gap > 0 else np.float32(1)  # at the step before this
    new = np.float32(1) - settings.beta2
    for d in range(dim):
        gradient = scale * direction[d]
        moments[row, d] = keep * moments[row, d] + new * gradient * gradient
        past = before * moments[row, dim + d] + np.float32(1e-6)
        move = np.float32(sqrt(past / (moments[row, d] + np.float32(1e-6)))) * gradient
        moments[row, dim + d] = keep * moments[row, dim + d] + new * move * move
        values[row, d] -= lr * move


@_kernel
def adam(values, moments, row, scale, direction, lr, settings, gap, step):
    """Mean gradient over root mean square, both corrected for their start (Kingma and Ba 2015)."""
    dim = direction.size
    one = np.float32(1)
    keep1, keep2 = settings.beta1**gap, settings.beta2**gap
    fresh1 = one / (one - settings.beta1 ** np.float32(step + 1))
    fresh2 = one / (one - settings.beta2 ** np.float32(step + 1))
    for d in range(dim):
        gradient = scale * direction[d]
        mean = keep1 * moments[row, d] + (one - settings.beta1) * gradient
        square = keep2 * moments[row, dim + d] + (one - settings.beta2) * gradient * gradient
        moments[row, d] = mean
        moments[row, dim + d] = square
        values[row, d] -= (
            lr * fresh1 * mean / (np.float32(sqrt(fresh2 * square)) + np.float32(1e-8))
        )


@_kernel
def adamax(values, moments, row, scale, direction, lr, settings, gap, step):
    """Adam with the decaying maximum in place of the root mean square (Kingma and Ba 2015)."""
    dim = direction.size
    one = np.float32(1)
    keep1, keep2 = settings.beta1**gap, settings.beta2**gap
    fresh = one / (one - settings.beta1 ** np.float32(step + 1))
    for d in range(dim):
        gradient = scale * direction[d]
        mean = keep1 * moments[row, d] + (one - settings.beta1) * gradient
        highest = max(keep2 * moments[row, dim + d], abs(gradient))
        moments[row, d] = mean
        moments[row, dim + d] = highest
        values[row, d] -= lr * fresh * mean / (highest + np.float32(1e-8))


# -- regularisation of one row ----------------------------------------------------------------
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
