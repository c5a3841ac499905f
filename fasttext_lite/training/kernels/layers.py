"""Activations, normalisation and dropout of the hidden vector."""

from __future__ import annotations

from math import erf, exp, sqrt, tanh

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.compiled.random import chance
from fasttext_lite.training.kernels.losses import sigmoid
from fasttext_lite.training.kernels.parts import NORM_EPSILON

_kernel = compiler(FAST)
NORM_MOMENTUM = 0.1  # share of a batch in the running mean and variance


@_kernel
def keep_features(ids, weights, first, last, share, rng, kept_ids, kept_weights):
    """Copy each feature with chance 1 - share, weight / (1 - share); return how many."""
    n = 0
    for j in range(first, last):
        if chance(rng) >= share:
            kept_ids[n] = ids[j]
            kept_weights[n] = weights[j] / (np.float32(1) - share)
            n += 1
    return n


# -- activations: of one unit, its value and slope --------------------------------------------
@_kernel
def relu(z):
    """Nair and Hinton 2010."""
    return (z, 1.0) if z > 0 else (z * 0, 0.0)


@_kernel
def leaky_relu(z):
    """Maas et al. 2013, with slope 0.01."""
    return (z, 1.0) if z > 0 else (z * np.float32(0.01), 0.01)


@_kernel
def elu(z):
    """Clevert et al. 2016, alpha = 1."""
    return (z, 1.0) if z > 0 else (exp(z) - np.float32(1), exp(z) * 1.0)


@_kernel
def gelu(z):
    """Z times the normal distribution function of z (Hendrycks and Gimpel 2016)."""
    below = 0.5 * (1 + erf(z * 0.7071067811865476))
    return z * below, below + z * 0.3989422804014327 * exp(-0.5 * z * z)


@_kernel
def tanh_unit(z):
    """Hyperbolic tangent."""
    value = tanh(z)
    return value, 1.0 - value * value


@_kernel
def sigmoid_unit(z):
    """Logistic function."""
    value = sigmoid(z)
    return value, value * (1.0 - value)


def _for_each_unit(activation):
    """Return a kernel that applies an activation to all units, with the arguments of `maxout`."""

    @_kernel
    def activate(scores, top):
        for unit in range(top.size):
            top[unit], scores[unit] = activation(scores[unit])

    return activate


@_kernel
def maxout(scores, top):
    """Write the higher of each two scores (Goodfellow et al. 2013); the scores become slopes."""
    for unit in range(top.size):
        first = scores[2 * unit] >= scores[2 * unit + 1]
        top[unit] = scores[2 * unit] if first else scores[2 * unit + 1]
        scores[2 * unit] = 1 if first else 0
        scores[2 * unit + 1] = 0 if first else 1


# Of the hidden layer: write what leaves it to `top`; the scores that enter become slopes.
ACTIVATIONS = {
    "relu": _for_each_unit(relu),
    "leaky_relu": _for_each_unit(leaky_relu),
    "elu": _for_each_unit(elu),
    "gelu": _for_each_unit(gelu),
    "tanh": _for_each_unit(tanh_unit),
    "sigmoid": _for_each_unit(sigmoid_unit),
    "maxout": maxout,
}


# -- normalisation of the hidden vector; rows of `norm`: gain, shift, running mean and variance
@_kernel
def layer_standardize(hidden, standard):
    """Standardise a vector over its elements (Ba et al. 2016); return 1 / deviation."""
    dim = hidden.size
    mean = hidden.sum() / dim
    variance = 0.0
    for d in range(dim):
        variance += (hidden[d] - mean) ** 2 / dim
    inverse = 1 / sqrt(variance + NORM_EPSILON)
    for d in range(dim):
        standard[d] = (hidden[d] - mean) * inverse
    return inverse


@_kernel
def layer_standardize_back(slopes, standard, inverse, gradient):
    """Write d loss / d hidden, given the slopes d loss / d standard."""
    dim = slopes.size
    mean = along = 0.0
    for d in range(dim):
        mean += slopes[d] / dim
        along += slopes[d] * standard[d] / dim
    for d in range(dim):
        gradient[d] = inverse * (slopes[d] - mean - standard[d] * along)


@_kernel
def batch_standardize(hidden, n, norm, standard, inverse):
    """Standardise each element over hidden[:n] (Ioffe and Szegedy 2015), and keep running means.

    One vector alone is standardised by the running means, as in prediction.
    """
    for d in range(hidden.shape[1]):
        mean, variance = norm[2, d], norm[3, d]
        if n > 1:
            mean = hidden[:n, d].sum() / n
            variance = ((hidden[:n, d] - mean) ** 2).sum() / n
            norm[2, d] += NORM_MOMENTUM * (mean - norm[2, d])
            norm[3, d] += NORM_MOMENTUM * (variance * n / (n - 1) - norm[3, d])
        inverse[d] = 1 / sqrt(variance + NORM_EPSILON)
        for g in range(n):
            standard[g, d] = (hidden[g, d] - mean) * inverse[d]


@_kernel
def batch_standardize_back(slopes, n, standard, inverse):
    """Replace the slopes d loss / d standard of n vectors by d loss / d hidden."""
    for d in range(slopes.shape[1]):
        mean = along = 0.0
        if n > 1:
            for g in range(n):
                mean += slopes[g, d] / n
                along += slopes[g, d] * standard[g, d] / n
        for g in range(n):
            slopes[g, d] = inverse[d] * (slopes[g, d] - mean - standard[g, d] * along)
