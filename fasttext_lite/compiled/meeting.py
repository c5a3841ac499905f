"""Threads inside a kernel: they take work in turn, in phases, and see when a phase is done.

To hand work over through Python takes 10 to 50 microseconds, as long as the work itself where it
is cut small.  Here a thread looks at a number in memory until the others have counted it up; after
some looks it lets others have its processor, for there may be fewer of these than threads.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.system import yield_address

_intrinsic: Any = intrinsic
_config: Any = config
_kernel = compiler(LEAF)
_LONG, _INT = ir.IntType(64), ir.IntType(32)
_LOCK = threading.Lock()  # where nothing is compiled

# Places in an array of a meeting, in cache lines of their own (two, which are fetched together):
# how much is done so far, whether all is to end, what `yield_address` gives, and from CLAIMS on
# how often each of up to `MOST` pieces of work was taken.
LINE, MOST = 16, 16
DONE, STOPPED, YIELD, CLAIMS = 0, LINE, 2 * LINE, 3 * LINE
SIZE = CLAIMS + MOST * LINE
LOOKS = 1 << 8  # before a thread lets others have its processor


def new_meeting() -> np.ndarray:
    """Return the array of a meeting, int64[SIZE]."""
    meeting = np.zeros(SIZE, np.int64)
    meeting[YIELD] = yield_address()
    return meeting


def _place(context, builder, kind, array, at):
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [at])


@_intrinsic
def count_up(_, array, at, n):
    """Add n to array[at], int64, whatever other threads do."""

    def generate(context, builder, signature, arguments):
        array, at, n = arguments
        place = _place(context, builder, signature.args[0], array, at)
        builder.atomic_rmw("add", place, n, "acq_rel")
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), generate


@_intrinsic
def take(_, array, at, seen, n):
    """Add n to array[at], int64, if it is still what was seen; return whether it was."""

    def generate(context, builder, signature, arguments):
        array, at, seen, n = arguments
        place = _place(context, builder, signature.args[0], array, at)
        both = builder.cmpxchg(place, seen, builder.add(seen, n), "acq_rel", "acquire")
        return builder.extract_value(both, 1)

    return types.boolean(array, types.int64, types.int64, types.int64), generate


@_intrinsic
def look_at(_, array, at):
    """Return array[at], int64, and see all that was written before it was counted up."""

    def generate(context, builder, signature, arguments):
        place = _place(context, builder, signature.args[0], *arguments)
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(array, types.int64), generate


@_intrinsic
def rest(_):
    """Tell the processor that this is a loop which waits."""

    def generate(context, builder, signature, arguments):
        triple = builder.module.triple
        name = "llvm.x86.sse2.pause" if triple.startswith(("x86", "i686")) else ""
        options = []
        if triple.startswith(("aarch64", "arm64")):
            name, options = "llvm.aarch64.hint", [ir.Constant(_INT, 1)]
        if name:
            kind = ir.FunctionType(ir.VoidType(), [option.type for option in options])
            builder.call(builder.module.declare_intrinsic(name, (), kind), options)
        return context.get_dummy_value()

    return types.void(), generate


@_intrinsic
def call_at(_, address):
    """Call the function without arguments that lies at an address."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(_INT, []).as_pointer()
        builder.call(builder.inttoptr(arguments[0], kind), [])
        return context.get_dummy_value()

    return types.void(types.int64), generate


if _config.DISABLE_JIT:  # the same in plain Python, for debugging and for the tests

    def count_up(array, at, n):  # noqa: D103, F811
        with _LOCK:
            array[at] += n

    def take(array, at, seen, n):  # noqa: D103, F811
        with _LOCK:
            if array[at] != seen:
                return False
            array[at] += n
            return True

    def look_at(array, at):  # noqa: D103, F811
        return int(array[at])

    def rest():  # noqa: D103, F811
        pass

    def call_at(address):  # noqa: D103, F811
        time.sleep(0)


@_kernel
def wait(meeting, looks):
    """Wait a moment, the longer the more looks there were before; return one look more."""
    if looks < LOOKS or meeting[YIELD] == 0:
        rest()
    else:
        call_at(meeting[YIELD])
    return looks + 1
