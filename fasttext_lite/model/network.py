"""Prediction between the pooled vector and the output table: normalisation and hidden layer.

NumPy on whole arrays; the same formulas as `training.kernels.layers` at prediction.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.training.kernels.parts import NORM_EPSILON


def _gelu(z: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    return z * ndtr(z)


def _maxout(z: np.ndarray) -> np.ndarray:
    return np.maximum(z[:, 0::2], z[:, 1::2])


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * z)


_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "gelu": _gelu,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "maxout": _maxout,
}


def _slope_of_gelu(z: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    return ndtr(z) + z * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _of_maxout(z: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Give each slope to the larger of two."""
    slopes, is_second = np.zeros(z.size), z[1::2] > z[0::2]
    slopes[0::2], slopes[1::2] = direction * ~is_second, direction * is_second
    return slopes


def _by(
    derivative: Callable[[np.ndarray], np.ndarray],
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda z, direction: direction * derivative(z)


# Of each activation: what direction . activation(z) has for a gradient by z.
_SLOPES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "relu": _by(lambda z: (z > 0).astype(np.float64)),
    "leaky_relu": _by(lambda z: np.where(z > 0, 1, 0.01)),
    "elu": _by(lambda z: np.where(z > 0, 1, np.exp(np.minimum(z, 0)))),
    "gelu": _by(_slope_of_gelu),
    "tanh": _by(lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": _by(lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    "maxout": _of_maxout,
}


def forward(hidden: np.ndarray, config: Config, norm: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """Return the vectors that the output table sees.

    Parameters
    ----------
    hidden : float32[n_texts, dim]
        Pooled vectors.
    config : Config
        Its `norm`, `units` and `activation` say what there is to do.
    norm : float32[4, dim]
        Gain, shift, running mean, running variance.
    layer : float32[units, dim + 1]
        Bias last; twice the rows for maxout.

    Returns
    -------
    float32[n_texts, units or dim]
    """
    if config.norm != "none":
        mean, variance = norm[2], norm[3]
        if config.norm == "layer":
            mean = hidden.mean(axis=1, keepdims=True)
            variance = hidden.var(axis=1, keepdims=True)
        hidden = (hidden - mean) / np.sqrt(variance + np.float32(NORM_EPSILON))
        hidden = hidden * norm[0] + norm[1]
    if config.units:
        hidden = _ACTIVATIONS[config.activation](hidden @ layer[:, :-1].T + layer[:, -1])
    return np.ascontiguousarray(hidden, np.float32)


def gradient(
    pooled: np.ndarray, direction: np.ndarray, config: Config, norm: np.ndarray, layer: np.ndarray
) -> np.ndarray:
    """Return the gradient of direction . forward(pooled) by the pooled vector.

    Parameters
    ----------
    pooled : float64[dim]
        Of one text.
    direction : float64[units or dim]
    config, norm, layer
        As in `forward`.

    Returns
    -------
    float64[dim]
    """
    x, deviation = pooled, np.ones_like(pooled)
    gain, shift = np.ones_like(pooled), np.zeros_like(pooled)
    if config.norm != "none":
        mean, variance = norm[2], norm[3]
        if config.norm == "layer":
            mean, variance = np.mean(x), np.var(x)
        deviation = np.sqrt(np.asarray(variance, np.float64) + NORM_EPSILON)
        gain, shift = norm[0].astype(np.float64), norm[1].astype(np.float64)
        x = (x - mean) / deviation
    slope = direction
    if config.units:
        z = layer[:, :-1].astype(np.float64) @ (x * gain + shift) + layer[:, -1]
        slope = _SLOPES[config.activation](z, direction) @ layer[:, :-1]
    slope = slope * gain
    if config.norm == "layer":  # mean and variance move with the vector
        slope = slope - slope.mean() - x * np.mean(slope * x)
    return slope / deviation
