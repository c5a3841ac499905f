"""Random numbers inside kernels."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)


@_kernel
def next_random(rng):
    """Return the next uint64 of splitmix64 (Steele et al. 2014); rng is uint64[1]."""
    rng[0] += np.uint64(0x9E3779B97F4A7C15)
    z = rng[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_kernel
def chance(rng):
    """Return a random float32 in [0, 1)."""
    return np.float32(next_random(rng) >> np.uint64(40)) * np.float32(2.0**-24)
