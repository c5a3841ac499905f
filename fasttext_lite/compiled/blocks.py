"""Rows of tables, 16 numbers at a time, and exponentials and logarithms that are as quick.

What training spends its time on: fetching rows from memory, adding them up, taking gradients off
them.  A table is float32 or float64, or uint16 that holds the bits of float16.
"""

from __future__ import annotations

from math import exp, log1p
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic, models, overload, register_model

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)

# -- blocks: 16 neighbouring numbers of an array, in registers ---------------------------------
# LLVM's own loops over short rows cost more than the rows: checks whether arrays overlap, and
# what is left over after the unrolled part. These few operations are loops without either.
LANES = 16
_intrinsic: Any = intrinsic
_config: Any = config


class _BlockType(types.Type):
    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(name=f"block({dtype})")


@register_model(_BlockType)
class _BlockModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        number = ir.FloatType() if kind.dtype == types.float32 else ir.DoubleType()
        super().__init__(manager, kind, ir.VectorType(number, LANES))


_INT32 = ir.IntType(32)
_SUFFIX = {"float": "f32", "double": "f64", "i16": "i16", "half": "f16"}


def _numbers(array):
    """Return the type that an array's numbers are computed in; uint16 are the bits of float16."""
    return types.float32 if array.dtype == types.uint16 else array.dtype


def _call(builder, name, result, arguments, **options):
    """Call an LLVM intrinsic."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(get_or_insert_function(builder.module, kind, name), arguments, **options)


def _constant(kind, numbers):
    return ir.Constant(ir.VectorType(kind, LANES), numbers)


def _splat(builder, number):
    """Return a vector of one number."""
    vector = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    first = builder.insert_element(vector, number, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, vector, _constant(_INT32, [0] * LANES))


def _place(context, builder, kind, array, at, own=None):
    """Return a pointer to LANES numbers of a contiguous array from `at`, and what one is.

    With another array, `own`, the numbers before its end are taken from it: where a row lies is
    no branch, which could not be foretold.
    """
    assert kind.layout == "C"
    data = context.make_array(kind)(context, builder, array).data
    if own is not None:
        instead = context.make_array(kind)(context, builder, own)
        data = builder.select(builder.icmp_signed("<", at, instead.nitems), instead.data, data)
    number = data.type.pointee
    vector = ir.VectorType(number, LANES).as_pointer()
    return builder.bitcast(builder.gep(data, [at]), vector), number


def _first_lanes(builder, n):
    """Return the mask of the first n lanes."""
    lanes = _constant(_INT32, list(range(LANES)))
    return builder.icmp_signed("<", lanes, _splat(builder, builder.trunc(n, _INT32)))


def _loader(has_own):
    def generate(context, builder, signature, arguments):
        own = arguments[1] if has_own else None
        array, at, n = arguments[0], arguments[-2], arguments[-1]
        place, number = _place(context, builder, signature.args[0], array, at, own)
        kind, width = place.type.pointee, signature.args[0].dtype.bitwidth // 8
        whole = builder.icmp_signed(">=", n, ir.Constant(n.type, LANES))
        with builder.if_else(whole, likely=True) as (then, otherwise):
            with then:
                all_lanes = builder.load(place, align=width)
                one = builder.block
            with otherwise:
                rest = [place, ir.Constant(_INT32, width), _first_lanes(builder, n)]
                name = f"llvm.masked.load.v{LANES}{_SUFFIX[str(number)]}.p0"
                part = _call(builder, name, kind, [*rest, ir.Constant(kind, None)])
                other = builder.block
        block = builder.phi(kind)
        block.add_incoming(all_lanes, one)
        block.add_incoming(part, other)
        if str(number) == "i16":
            halves = builder.bitcast(block, ir.VectorType(ir.HalfType(), LANES))
            return builder.fpext(halves, ir.VectorType(ir.FloatType(), LANES))
        return block

    return generate


@_intrinsic
def load_block(_, array, at, n):
    """Return the block of array.flat[at : at + 16]; zeros from place n on."""
    return _BlockType(_numbers(array))(array, types.int64, types.int64), _loader(False)


@_intrinsic
def load_row(_, array, own, at, n):
    """Return a block as `load_block`, of `own` if `at` lies in it."""
    return _BlockType(_numbers(array))(array, array, types.int64, types.int64), _loader(True)


def _storer(has_own):
    """Return what writes a block, to a float16 rounded by `noise`.

    To a multiple of float16's last bit: up or down with the chances that keep the mean (Gupta
    et al. 2015, Deep Learning with Limited Numerical Precision, section 3.1). The float32 has 13
    bits more; a random number of 13 bits is added, and they are cut off. The lanes' numbers are
    the upper bits of `noise`, a random uint32, plus multiples of the golden ratio.
    """

    def generate(context, builder, signature, arguments):
        own = arguments[1] if has_own else None
        array, (at, block, n, noise) = arguments[0], arguments[-4:]
        place, number = _place(context, builder, signature.args[0], array, at, own)
        width = signature.args[0].dtype.bitwidth // 8
        if str(number) == "i16":
            steps = _constant(_INT32, [lane * 0x9E3779B9 % 2**32 for lane in range(LANES)])
            added = builder.add(_splat(builder, noise), steps)
            added = builder.lshr(added, _constant(_INT32, [19] * LANES))
            bits = builder.bitcast(block, ir.VectorType(_INT32, LANES))
            bits = builder.and_(builder.add(bits, added), _constant(_INT32, [0xFFFFE000] * LANES))
            cut = builder.bitcast(bits, block.type)
            halves = builder.fptrunc(cut, ir.VectorType(ir.HalfType(), LANES))
            block = builder.bitcast(halves, place.type.pointee)
        whole = builder.icmp_signed(">=", n, ir.Constant(n.type, LANES))
        with builder.if_else(whole, likely=True) as (then, otherwise):
            with then:
                builder.store(block, place, align=width)
            with otherwise:
                rest = [ir.Constant(_INT32, width), _first_lanes(builder, n)]
                name = f"llvm.masked.store.v{LANES}{_SUFFIX[str(number)]}.p0"
                _call(builder, name, ir.VoidType(), [block, place, *rest])
        return context.get_dummy_value()

    return generate


@_intrinsic
def store_block(_, array, at, block, n, noise):
    """Write the first n numbers of a block to array.flat[at:]; float16 rounded by `noise`."""
    return types.void(array, types.int64, block, types.int64, types.uint32), _storer(False)


@_intrinsic
def store_row(_, array, own, at, block, n, noise):
    """Write a block as `store_block`, to `own` if `at` lies in it."""
    return types.void(array, array, types.int64, block, types.int64, types.uint32), _storer(True)


@_intrinsic
def zero_block(_, array):
    """Return a block of zeros, of the type that an array's numbers are computed in."""

    def generate(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(signature.return_type), None)

    return _BlockType(_numbers(array))(array), generate


@_intrinsic
def add_product(_, block, factor, other):
    """Return block + factor * other, factor being a number or a block."""
    if not isinstance(factor, _BlockType):
        factor = block.dtype

    def generate(context, builder, signature, arguments):
        block, factor, other = arguments
        if not isinstance(signature.args[1], _BlockType):
            factor = _splat(builder, factor)
        name = f"llvm.fmuladd.v{LANES}{_SUFFIX[str(block.type.element)]}"
        return _call(builder, name, block.type, [factor, other, block])

    return block(block, factor, other), generate


@_intrinsic
def add_rounded(_, block, factor, other):
    """Return block + factor * other, the product rounded first, as scalar code has it."""

    def generate(context, builder, signature, arguments):
        block, factor, other = arguments
        return builder.fadd(block, builder.fmul(_splat(builder, factor), other))

    return block(block, block.dtype, other), generate


@_intrinsic
def sum_of(_, block):
    """Return the sum of a block."""

    def generate(context, builder, signature, arguments):
        number = arguments[0].type.element
        name = f"llvm.vector.reduce.fadd.v{LANES}{_SUFFIX[str(number)]}"
        return _call(
            builder, name, number, [ir.Constant(number, 0.0), arguments[0]], fastmath=("reassoc",)
        )

    return block.dtype(block), generate


@_intrinsic
def highest_of(_, block):
    """Return the highest number of a block."""

    def generate(context, builder, signature, arguments):
        number = arguments[0].type.element
        name = f"llvm.vector.reduce.fmax.v{LANES}{_SUFFIX[str(number)]}"
        return _call(builder, name, number, arguments)

    return block.dtype(block), generate


@_intrinsic
def larger_of(_, block, other):
    """Return the larger of each two numbers."""

    def generate(context, builder, signature, arguments):
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return block(block, other), generate


def _fetcher(has_own):
    def generate(context, builder, signature, arguments):
        own = arguments[1] if has_own else None
        place, _ = _place(context, builder, signature.args[0], arguments[0], arguments[-1], own)
        options = [ir.Constant(_INT32, number) for number in (0, 3, 1)]  # read, keep, data
        place = builder.bitcast(place, ir.IntType(8).as_pointer())
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), [place, *options])
        return context.get_dummy_value()

    return generate


@_intrinsic
def prefetch(_, array, at):
    """Ask for the cache line of array.flat[at], and go on."""
    return types.void(array, types.int64), _fetcher(False)


@_intrinsic
def prefetch_row(_, array, own, at):
    """Ask for a cache line as `prefetch`, of `own` if `at` lies in it."""
    return types.void(array, array, types.int64), _fetcher(True)


@_intrinsic
def _power_of_two(_, n):
    """Return 2 ** n as float32, for an int32 n from -126 to 127: its exponent's bits."""

    def generate(context, builder, signature, arguments):
        biased = builder.add(arguments[0], ir.Constant(_INT32, 127))
        bits = builder.shl(biased, ir.Constant(_INT32, 23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.int32), generate


if _config.DISABLE_JIT:  # the same in NumPy, for debugging and for the tests

    def load_block(array, at, n):  # noqa: D103, F811
        part = array.reshape(-1)[at : at + max(min(n, LANES), 0)]
        part = part.view(np.float16).astype(np.float32) if part.dtype == np.uint16 else part
        return np.append(part, np.zeros(LANES - part.size, part.dtype))

    def store_block(array, at, block, n, noise):  # noqa: D103, F811
        n = max(min(n, LANES), 0)
        if array.dtype == np.uint16:
            lanes = np.arange(LANES, dtype=np.uint32) * np.uint32(0x9E3779B9)
            bits = block.view(np.uint32) + ((np.uint32(noise) + lanes) >> np.uint32(19))
            block = (bits & np.uint32(0xFFFFE000)).view(np.float32)
            block = block.astype(np.float16).view(np.uint16)
        array.reshape(-1)[at : at + n] = block[:n]

    def load_row(array, own, at, n):  # noqa: D103, F811
        return load_block(own if at < own.size else array, at, n)

    def store_row(array, own, at, block, n, noise):  # noqa: D103, F811
        store_block(own if at < own.size else array, at, block, n, noise)

    def zero_block(array):  # noqa: D103, F811
        return np.zeros(LANES, np.float32 if array.dtype == np.uint16 else array.dtype)

    def add_product(block, factor, other):  # noqa: D103, F811
        return block + block.dtype.type(factor) * other

    def add_rounded(block, factor, other):  # noqa: D103, F811
        return block + block.dtype.type(factor) * other

    def sum_of(block):  # noqa: D103, F811
        return block.sum()

    def highest_of(block):  # noqa: D103, F811
        return block.max()

    larger_of = np.maximum  # noqa: F811

    def prefetch(array, at):  # noqa: D103, F811
        pass

    def prefetch_row(array, own, at):  # noqa: D103, F811
        pass

    def _power_of_two(n):  # noqa: D103, F811
        return np.ldexp(np.float32(1), n)


# -- rows ------------------------------------------------------------------------------------
@_kernel
def pool_rows(table, own, ids, weights, first, last, hidden):
    """Write the sum of weights[j] * table[ids[j]] over j in [first, last) to hidden.

    The first rows are taken from `own`, as many as it has; so in the other two.
    """
    dim = hidden.size
    hidden[:] = 0
    j = first
    while j + 4 <= last:  # four rows at a time: they come from memory, `hidden` from the cache
        at0, at1 = np.int64(ids[j]) * dim, np.int64(ids[j + 1]) * dim
        at2, at3 = np.int64(ids[j + 2]) * dim, np.int64(ids[j + 3]) * dim
        for d in range(0, dim, LANES):
            n = dim - d
            a = add_product(load_block(hidden, d, n), weights[j], load_row(table, own, at0 + d, n))
            b = add_product(zero_block(hidden), weights[j + 1], load_row(table, own, at1 + d, n))
            a = add_product(a, weights[j + 2], load_row(table, own, at2 + d, n))
            b = add_product(b, weights[j + 3], load_row(table, own, at3 + d, n))
            store_block(hidden, d, add_product(a, 1.0, b), n, np.uint32(0))
        j += 4
    while j < last:
        at = np.int64(ids[j]) * dim
        for d in range(0, dim, LANES):
            n = dim - d
            a = add_product(load_block(hidden, d, n), weights[j], load_row(table, own, at + d, n))
            store_block(hidden, d, a, n, np.uint32(0))
        j += 1


@_kernel
def push_rows(table, own, ids, weights, first, last, gradient, lr, noise):
    """Subtract lr * weights[j] * gradient from table[ids[j]] for each j in [first, last).

    The noise of a row depends on `noise` and its number, not on its place among others.
    """
    dim = gradient.size
    for j in range(first, last):
        at = np.int64(ids[j]) * dim
        move = -lr * weights[j]
        random = noise + np.uint64(ids[j]) * np.uint64(0x9E3779B97F4A7C15)
        for d in range(0, dim, LANES):
            n = dim - d
            random = random * np.uint64(0x5851F42D4C957F2D) + np.uint64(1)  # Knuth's generator
            row = add_product(load_row(table, own, at + d, n), move, load_block(gradient, d, n))
            store_row(table, own, at + d, row, n, np.uint32(random >> np.uint64(32)))


@_kernel
def fetch_rows(table, own, ids, first, last):
    """Ask for the rows ids[first:last], which are needed soon."""
    dim = table.shape[1]
    line = 64 // table.itemsize
    for j in range(first, last):
        at = np.int64(ids[j]) * dim
        for d in range(0, dim, line):
            prefetch_row(table, own, at + d)


@_kernel
def inner_products(table, rows, n, vector, scores):
    """Write the inner product of table[rows[k]] and vector to scores[k], for k below n."""
    dim = vector.size
    k = 0
    while k + 4 <= n:
        at0, at1 = np.int64(rows[k]) * dim, np.int64(rows[k + 1]) * dim
        at2, at3 = np.int64(rows[k + 2]) * dim, np.int64(rows[k + 3]) * dim
        a, b, c, e = zero_block(vector), zero_block(vector), zero_block(vector), zero_block(vector)
        for d in range(0, dim, LANES):
            m = dim - d
            x = load_block(vector, d, m)
            a = add_product(a, load_block(table, at0 + d, m), x)
            b = add_product(b, load_block(table, at1 + d, m), x)
            c = add_product(c, load_block(table, at2 + d, m), x)
            e = add_product(e, load_block(table, at3 + d, m), x)
        scores[k], scores[k + 1] = sum_of(a), sum_of(b)
        scores[k + 2], scores[k + 3] = sum_of(c), sum_of(e)
        k += 4
    while k < n:
        at = np.int64(rows[k]) * dim
        a = zero_block(vector)
        for d in range(0, dim, LANES):
            a = add_product(a, load_block(table, at + d, dim - d), load_block(vector, d, dim - d))
        scores[k] = sum_of(a)
        k += 1


@_kernel
def descend_rows(table, rows, n, errors, lr, vector, gradient):
    """Write the sum of errors[k] * table[rows[k]], and take lr * errors[k] * vector off the rows.

    Both in one pass, the sum with the rows as they were before; no row stands in rows[:n] twice.
    """
    dim = vector.size
    none = np.uint32(0)
    gradient[:] = 0
    k = 0
    while k + 4 <= n:
        at0, at1 = np.int64(rows[k]) * dim, np.int64(rows[k + 1]) * dim
        at2, at3 = np.int64(rows[k + 2]) * dim, np.int64(rows[k + 3]) * dim
        for d in range(0, dim, LANES):
            m = dim - d
            x, total = load_block(vector, d, m), load_block(gradient, d, m)
            a, b = load_block(table, at0 + d, m), load_block(table, at1 + d, m)
            c, e = load_block(table, at2 + d, m), load_block(table, at3 + d, m)
            total = add_product(add_product(total, errors[k], a), errors[k + 1], b)
            total = add_product(add_product(total, errors[k + 2], c), errors[k + 3], e)
            store_block(gradient, d, total, m, none)
            store_block(table, at0 + d, add_product(a, -lr * errors[k], x), m, none)
            store_block(table, at1 + d, add_product(b, -lr * errors[k + 1], x), m, none)
            store_block(table, at2 + d, add_product(c, -lr * errors[k + 2], x), m, none)
            store_block(table, at3 + d, add_product(e, -lr * errors[k + 3], x), m, none)
        k += 4
    while k < n:
        at = np.int64(rows[k]) * dim
        for d in range(0, dim, LANES):
            m = dim - d
            a = load_block(table, at + d, m)
            store_block(gradient, d, add_product(load_block(gradient, d, m), errors[k], a), m, none)
            store_block(
                table, at + d, add_product(a, -lr * errors[k], load_block(vector, d, m)), m, none
            )
        k += 1


@_kernel
def merge_tables(shared, own, before):
    """Add own - before to the rows that other threads change too; let both be what these are now.

    `own` and `before` are of the first rows of the table, or of all.
    """
    dim = shared.shape[1]
    for row in range(own.shape[0]):
        at = row * dim
        for d in range(0, dim, LANES):
            m = dim - d
            change = add_product(load_block(own, at + d, m), -1.0, load_block(before, at + d, m))
            now = add_product(load_block(shared, at + d, m), 1.0, change)
            store_block(shared, at + d, now, m, np.uint32(0))
            store_block(own, at + d, now, m, np.uint32(0))
            store_block(before, at + d, now, m, np.uint32(0))


# -- functions -------------------------------------------------------------------------------
# libm takes one number at a time; these polynomials become loops over 16 of them. Not with
# "reassoc": the two parts of ln 2 must stay apart.
def _exp_single(x):
    """Return exp(x) as float32 for x up to 88, exp(-87) below -87; relative error < 1e-7.

    exp(r + n ln 2) = exp(r) * 2 ** n with |r| <= ln(2) / 2 (Cephes, expf.c, Moshier 1992).
    """
    x = min(max(x, np.float32(-87)), np.float32(88))
    n = np.floor(x * np.float32(1.44269504088896341) + np.float32(0.5))
    r = x - n * np.float32(0.693359375)
    r = r + n * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    return (p * (r * r) + r + np.float32(1)) * _power_of_two(np.int32(n))


def _log1p_single(z):
    """Return ln(1 + z) as float32 for z in [0, 1]; relative error < 2e-7.

    2 artanh(s) = 2 (s + s^3 / 3 + s^5 / 5 + ...) with s = z / (2 + z) <= 1 / 3.
    """
    s = z / (np.float32(2) + z)
    t = s * s
    p = np.float32(1 / 15) * t + np.float32(1 / 13)
    p = p * t + np.float32(1 / 11)
    p = p * t + np.float32(1 / 9)
    p = p * t + np.float32(1 / 7)
    p = p * t + np.float32(1 / 5)
    p = p * t + np.float32(1 / 3)
    return np.float32(2) * (p * (t * s) + s)


def quick_exp(x):
    """Return exp(x), for float32 by `_exp_single`."""
    return _exp_single(x) if isinstance(x, np.float32) else np.float64(exp(x))


def quick_log1p(z):
    """Return ln(1 + z) for z in [0, 1], for float32 by `_log1p_single`."""
    return _log1p_single(z) if isinstance(z, np.float32) else np.float64(log1p(z))


_STRICT: Any = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}


@overload(quick_exp, jit_options=_STRICT)
def _compile_exp(x):
    return _exp_single if x == types.float32 else lambda x: exp(x)


@overload(quick_log1p, jit_options=_STRICT)
def _compile_log1p(z):
    return _log1p_single if z == types.float32 else lambda z: log1p(z)
