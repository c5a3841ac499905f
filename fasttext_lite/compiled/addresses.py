"""Arrays by their address: the state of a model is one argument of a compiled function.

To hand an array to a compiled function takes 25 to 65 ns, and a model has some twenty of them.  So
their addresses and shapes are put into one array of numbers (`State`), and the function makes views
of the arrays again, which costs nothing.  A view holds no reference: whoever calls must keep the
`State`, which keeps the arrays.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

_intrinsic: Any = intrinsic
_config: Any = config
_LONG = ir.IntType(64)
_SEEN: list[np.ndarray] = []  # the text that was looked at last, where nothing is compiled
NUMBERS = 3  # that an array takes: address, rows, columns


class State:
    """Arrays, and their addresses and shapes as compiled functions take them.

    Parameters
    ----------
    arrays : sequence of ndarray
        Contiguous, of one or two dimensions.
    numbers : sequence of int
        What stands behind the arrays.

    Raises
    ------
    TypeError
        If an array is not.

    Attributes
    ----------
    numbers : int64[3 * n_arrays + n_numbers]
        Address, rows and columns (1 of an array of one dimension) of each array, then the numbers.
    """

    def __init__(self, arrays: Sequence[np.ndarray], numbers: Sequence[int] = ()) -> None:
        self.arrays = tuple(arrays)
        places: list[int] = []
        for array in arrays:
            if not array.flags.c_contiguous or array.ndim not in (1, 2):
                raise TypeError("a state's arrays are contiguous, of one or two dimensions")
            columns = array.shape[1] if array.ndim == 2 else 1
            places += [array.__array_interface__["data"][0], array.shape[0], columns]
        self.numbers = np.array([*places, *numbers], np.int64)


def _view(context, builder, array, address, shape):
    """Return the view of an array's type that lies at an address."""
    view = context.make_array(array)(context, builder)
    number = context.get_data_type(array.dtype)
    itemsize = ir.Constant(_LONG, context.get_abi_sizeof(number))
    strides = [itemsize]
    for n in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], n))
    populate_array(
        view, data=builder.inttoptr(address, number.as_pointer()), shape=shape, strides=strides,
        itemsize=itemsize, meminfo=None,
    )  # fmt: skip
    return view._getvalue()


def _make_view(is_writable):
    def typed(_, address, n, dtype):
        array = types.Array(dtype.dtype, 1, "C", readonly=not is_writable)

        def generate(context, builder, signature, arguments):
            return _view(context, builder, array, arguments[0], [arguments[1]])

        return array(types.int64, types.int64, dtype), generate

    return typed


# view_at(address, n, dtype): the array of n numbers there, which cannot be written.
view_at: Any = _intrinsic(_make_view(False))

# room_at(address, n, dtype): the same, to be written.
room_at: Any = _intrinsic(_make_view(True))


def _make_member(n_dimensions, is_writable):
    def typed(_, state, number, dtype):
        array = types.Array(dtype.dtype, n_dimensions, "C", readonly=not is_writable)

        def generate(context, builder, signature, arguments):
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            at = builder.mul(arguments[1], ir.Constant(_LONG, NUMBERS))
            address, rows, columns = (
                builder.load(builder.gep(data, [builder.add(at, ir.Constant(_LONG, i))]))
                for i in range(NUMBERS)
            )
            shape = [rows, columns] if n_dimensions == 2 else [builder.mul(rows, columns)]
            return _view(context, builder, array, address, shape)

        return array(state, types.int64, dtype), generate

    return typed


# array_of(numbers, i, dtype): the i-th array of a `State`, as one row, which cannot be written;
# table_of: as rows and columns; shared_of and room_of: the same, to be written.
array_of: Any = _intrinsic(_make_member(1, False))
table_of: Any = _intrinsic(_make_member(2, False))
shared_of: Any = _intrinsic(_make_member(1, True))
room_of: Any = _intrinsic(_make_member(2, True))


@_intrinsic
def text_at(_, text):
    """Return where a str lies, and how: address, characters, bytes of each, whether it is ASCII."""
    result = types.UniTuple(types.int64, 4)

    def generate(context, builder, signature, arguments):
        string = cgutils.create_struct_proxy(types.unicode_type)(
            context, builder, value=arguments[0]
        )
        numbers = [
            builder.ptrtoint(string.data, _LONG),
            string.length,
            builder.zext(string.kind, _LONG),
            builder.zext(string.is_ascii, _LONG),
        ]
        return context.make_tuple(builder, result, numbers)

    return result(text), generate


@_intrinsic
def high_product(_, a, b):
    """Return the upper 64 bits of the product of two uint64."""

    def generate(context, builder, signature, arguments):
        wide = ir.IntType(128)
        a, b = (builder.zext(number, wide) for number in arguments)
        upper = builder.lshr(builder.mul(a, b), ir.Constant(wide, 64))
        return builder.trunc(upper, _LONG)

    return types.uint64(types.uint64, types.uint64), generate


@_intrinsic
def acquire(_):
    """Let no later reading be done before the readings so far, as seen by other threads."""

    def generate(context, builder, signature, arguments):
        builder.fence("acquire")
        return context.get_dummy_value()

    return types.void(), generate


if _config.DISABLE_JIT:  # the same in plain Python, for debugging and for the tests

    def room_at(address, n, dtype):  # noqa: D103, F811
        dtype = np.dtype(dtype)
        if n == 0:
            return np.empty(0, dtype)
        memory = (ctypes.c_uint8 * (dtype.itemsize * int(n))).from_address(int(address))
        return np.frombuffer(memory, dtype)

    def view_at(address, n, dtype):  # noqa: D103, F811
        view = room_at(address, n, dtype)
        view.flags.writeable = False
        return view

    def shared_of(numbers, i, dtype):  # noqa: D103, F811
        address, rows, columns = numbers[NUMBERS * i : NUMBERS * (i + 1)]
        return room_at(address, rows * columns, dtype)

    def array_of(numbers, i, dtype):  # noqa: D103, F811
        view = shared_of(numbers, i, dtype)
        view.flags.writeable = False
        return view

    def room_of(numbers, i, dtype):  # noqa: D103, F811
        rows, columns = numbers[NUMBERS * i + 1 : NUMBERS * (i + 1)]
        return shared_of(numbers, i, dtype).reshape(rows, columns)

    def table_of(numbers, i, dtype):  # noqa: D103, F811
        rows, columns = numbers[NUMBERS * i + 1 : NUMBERS * (i + 1)]
        return array_of(numbers, i, dtype).reshape(rows, columns)

    def text_at(text):  # noqa: D103, F811
        _SEEN[:] = [np.array([ord(character) for character in text], np.uint32)]
        return _SEEN[0].__array_interface__["data"][0], len(text), 4, text.isascii()

    def high_product(a, b):  # noqa: D103, F811
        return np.uint64((int(a) * int(b) & ((1 << 128) - 1)) >> 64)

    def acquire():  # noqa: D103, F811
        pass
