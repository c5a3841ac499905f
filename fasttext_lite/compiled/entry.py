"""Call a compiled function without looking up the types of its arguments first.

Numba's dispatcher takes 80 ns to find the version of a function for the arguments that it is
given, and 1.5 us where one is a str, which it knows by a detour alone.  What is called for each
single text is compiled for one signature, and its entry point is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

STR = types.unicode_type
STATE = types.Array(types.int64, 1, "C")  # see `addresses.State`
FLOATS = types.Array(types.float64, 1, "C")
INTS = types.Array(types.int32, 1, "C")
NUMBER, INTEGER = types.float64, types.int64


def entry_point(kernel: Any, *kinds: Any) -> Callable[..., Any]:
    """Return a compiled kernel for arguments of these types; the caller sees to the types.

    Parameters
    ----------
    kernel : function
        Of `compiling.compiler`. Uncompiled (NUMBA_DISABLE_JIT) it is returned as it is.
    *kinds : numba types
        Of its arguments, such as `STR` and `STATE`.
    """
    if not hasattr(kernel, "compile"):
        return kernel
    kernel.compile(kinds)
    return kernel.overloads[kinds].entry_point
