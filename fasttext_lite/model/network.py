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
