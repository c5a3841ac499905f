"""Optimizers: each moves one row against its gradient, ``scale * direction``.

The arguments are those of its neighbours:

values : float32[n_rows, dim]
    The table; `row` of it is moved in place.
moments : float32[n_rows, slots * dim]
    What the optimizer keeps for each row, see `config.optimizers.Optimizer.slots`.
row : int
scale, direction : float32, float32[dim]
    The gradient is their product.
lr : float32
settings : parts.Settings
gap : float32
    Steps since the row was last touched: a row rests while no document touches it, but its state
    decays at every step, all at once when it is touched next.  0 where it was touched in this very
    step already, 1 where another thread is ahead; always 0 unless `Optimizer.forgets`.
step : int
    Steps taken before.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)


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
