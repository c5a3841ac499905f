"""Random numbers inside kernels: splitmix64 (Steele et al. 2014)."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)
STEP = np.uint64(0x9E3779B97F4A7C15)  # from one state to the next


@_kernel
def mix(state):
    """Return the random uint64 of a state."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_kernel
def next_random(rng):
    """Return the next random uint64; rng, uint64[1], is the state."""
    rng[0] += STEP
    return mix(rng[0])


@_kernel
def chance(rng):
    """Return a random float32 in [0, 1)."""
    return np.float32(next_random(rng) >> np.uint64(40)) * np.float32(2.0**-24)
