"""Bytes, 64 or 8 at a time, and numbers that threads share.

Where tokens begin and end is a question about each byte of a text: asked one by one it costs more
than all else that is done to a word which is remembered.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

_intrinsic: Any = intrinsic
_config: Any = config
_LONG = ir.IntType(64)
_BYTES = ir.VectorType(ir.IntType(8), 64)
SPACES = b" \t\n\v\f\r\0"  # what separates tokens in fastText


def _place(context, builder, kind, number, array, at):
    """Return a pointer to numbers of LLVM's type `number` at array.flat[at]."""
    assert kind.layout == "C"
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), number.as_pointer())


def _all_lanes(number):
    return ir.Constant(_BYTES, [ir.Constant(ir.IntType(8), number)] * 64)


@_intrinsic
def space_mask(_, data, at):
    """Return which of data[at : at + 64] separate tokens, as bits of a uint64.

    Space, 9 (tab) to 13 (return), and NUL. All 64 bytes must be there.
    """

    def generate(context, builder, signature, arguments):
        place = _place(context, builder, signature.args[0], _BYTES, *arguments)
        block = builder.load(place, align=1)
        found = builder.icmp_unsigned("==", block, _all_lanes(32))
        found = builder.or_(found, builder.icmp_unsigned("==", block, _all_lanes(0)))
        shifted = builder.sub(block, _all_lanes(9))
        found = builder.or_(found, builder.icmp_unsigned("<", shifted, _all_lanes(5)))
        return builder.bitcast(found, _LONG)

    return types.uint64(data, types.int64), generate


@_intrinsic
def byte_mask(_, data, at, byte):
    """Return which of data[at : at + 64] are some byte, as bits of a uint64."""

    def generate(context, builder, signature, arguments):
        data, at, byte = arguments
        place = _place(context, builder, signature.args[0], _BYTES, data, at)
        one = ir.Constant(_BYTES, ir.Undefined)
        one = builder.insert_element(one, byte, ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
        other = builder.shuffle_vector(one, one, lanes)
        return builder.bitcast(
            builder.icmp_unsigned("==", builder.load(place, align=1), other), _LONG
        )

    return types.uint64(data, types.int64, types.uint8), generate


@_intrinsic
def first_bit(_, mask):
    """Return the place of the lowest bit of a uint64 that is not 0."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(_LONG, [_LONG, ir.IntType(1)])
        count = get_or_insert_function(builder.module, kind, "llvm.cttz.i64")
        return builder.call(count, [arguments[0], ir.Constant(ir.IntType(1), 1)])

    return types.int64(types.uint64), generate


@_intrinsic
def last_bit(_, mask):
    """Return the place of the highest bit of a uint64 that is not 0."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(_LONG, [_LONG, ir.IntType(1)])
        count = get_or_insert_function(builder.module, kind, "llvm.ctlz.i64")
        above = builder.call(count, [arguments[0], ir.Constant(ir.IntType(1), 1)])
        return builder.sub(ir.Constant(_LONG, 63), above)

    return types.int64(types.uint64), generate


@_intrinsic
def eight_bytes(_, data, at):
    """Return data[at : at + 8] as a uint64, the first byte lowest (on the machines we know)."""

    def generate(context, builder, signature, arguments):
        place = _place(context, builder, signature.args[0], _LONG, *arguments)
        return builder.load(place, align=1)

    return types.uint64(data, types.int64), generate


# -- numbers that threads share: int64 entries of an array -----------------------------------
@_intrinsic
def load_shared(_, array, at):
    """Return array[at]; what its writer wrote before it is seen, too."""

    def generate(context, builder, signature, arguments):
        place = _place(context, builder, signature.args[0], _LONG, *arguments)
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(array, types.int64), generate


@_intrinsic
def publish(_, array, at, value):
    """Write array[at] if it is 0; return whether it was."""

    def generate(context, builder, signature, arguments):
        array, at, value = arguments
        place = _place(context, builder, signature.args[0], _LONG, array, at)
        none = ir.Constant(_LONG, 0)
        done = builder.cmpxchg(place, none, value, "acq_rel", "acquire")
        return builder.extract_value(done, 1)

    return types.boolean(array, types.int64, types.int64), generate


@_intrinsic
def take(_, array, at, n):
    """Add n to array[at]; return what was there before."""

    def generate(context, builder, signature, arguments):
        array, at, n = arguments
        place = _place(context, builder, signature.args[0], _LONG, array, at)
        return builder.atomic_rmw("add", place, n, "monotonic")

    return types.int64(array, types.int64, types.int64), generate


if _config.DISABLE_JIT:  # the same in plain Python, for debugging and for the tests

    def space_mask(data, at):  # noqa: D103, F811
        found = sum(1 << i for i in range(64) if int(data[at + i]) in SPACES)
        return np.uint64(found)

    def byte_mask(data, at, byte):  # noqa: D103, F811
        return np.uint64(sum(1 << i for i in range(64) if data[at + i] == byte))

    def first_bit(mask):  # noqa: D103, F811
        return (int(mask) & -int(mask)).bit_length() - 1

    def last_bit(mask):  # noqa: D103, F811
        return int(mask).bit_length() - 1

    def eight_bytes(data, at):  # noqa: D103, F811
        assert 0 <= at <= data.size - 8
        return np.uint64(int.from_bytes(data[at : at + 8].tobytes(), "little"))

    def load_shared(array, at):  # noqa: D103, F811
        return array[at]

    def publish(array, at, value):  # noqa: D103, F811
        is_free = array[at] == 0
        if is_free:
            array[at] = value
        return is_free

    def take(array, at, n):  # noqa: D103, F811
        array[at] += n
        return array[at] - n
