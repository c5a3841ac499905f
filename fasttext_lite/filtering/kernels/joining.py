"""Put records together again: their own bytes, with cells in between."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.filtering.kernels.strings import copy

_kernel = compiler(LEAF)

AS_IT_IS = 255  # the style of a record that nothing is added to
LONGEST_SCORE = 24  # bytes of a number
_MOST_DIGITS = 9  # that tell one float32 from another


@_kernel
def _write_digits(value, n_digits, out, at):
    """Write a whole number with leading zeros; return the end."""
    for j in range(n_digits - 1, -1, -1):
        out[at + j] = 48 + value % 10
        value //= 10
    return at + n_digits


@_kernel
def write_score(score, out, at):
    """Write a number from 0 to 10 with the fewest digits that give its float32 again.

    Parameters
    ----------
    score : float32
    out : uint8[n]
        Written in place.
    at : int

    Returns
    -------
    int
        The place behind it.
    """
    value = np.float64(score)
    if value == 0.0:
        out[at], out[at + 1], out[at + 2] = 48, 46, 48
        return at + 3
    exponent = 0  # of the first digit
    scaled = value
    while scaled < 1.0:
        scaled *= 10.0
        exponent -= 1
    if exponent < 0:  # products of ten are rounded
        power = 10.0 ** (-exponent)
        if value * power < 1.0:
            exponent -= 1
        elif value * power >= 10.0:
            exponent += 1
    whole, n_digits = np.int64(0), 1
    while n_digits <= _MOST_DIGITS:
        power = 10.0 ** (n_digits - 1 - exponent)
        whole = np.int64(np.rint(value * power))
        if np.float32(np.float64(whole) / power) == score:
            break
        n_digits += 1
    n_digits = min(n_digits, _MOST_DIGITS)
    if whole >= 10**n_digits:  # 9.99 became 10.0
        whole //= 10
        exponent += 1
    while n_digits > 1 and whole % 10 == 0:
        whole //= 10
        n_digits -= 1
    if exponent >= 0:
        tail = n_digits - 1
        out[at] = 48 + whole // 10**tail
        out[at + 1] = 46
        if tail == 0:
            out[at + 2] = 48
            return at + 3
        return _write_digits(whole % 10**tail, tail, out, at + 2)
    if exponent >= -4:
        out[at], out[at + 1] = 48, 46
        for j in range(-exponent - 1):
            out[at + 2 + j] = 48
        return _write_digits(whole, n_digits, out, at + 1 - exponent)
    tail = n_digits - 1
    out[at] = 48 + whole // 10**tail
    at += 1
    if tail:
        out[at] = 46
        at = _write_digits(whole % 10**tail, tail, out, at + 1)
    out[at], out[at + 1] = 101, 45
    return _write_digits(-exponent, 2, out, at + 2)


@_kernel
def join_records(
    data, chosen, starts, inserts, stops, styles, heads, head_ends, is_score, codes, scores,
    values, value_ends, out,
):  # fmt: skip
    """Write records with cells added.

    Parameters
    ----------
    data : uint8[n_bytes]
    chosen : int64[n_chosen]
        Which records.
    starts, inserts, stops : int64[n_records]
        Of each record: its first byte, where cells are put in, and where it ends.
    styles : uint8[n_records]
        How its cells begin; `AS_IT_IS` = without cells.
    heads : uint8[], head_ends : int64[n_styles * n_columns + 1]
        What stands before a cell, by style and column.
    is_score : bool[n_columns]
    codes : int32[n_records, n_columns]
        Numbers of values, where the column is none of scores.
    scores : float32[n_records, n_columns]
        In [0, 10), where it is one; NaN is the last of the values.
    values : uint8[], value_ends : int64[n_values + 1]
    out : uint8[n]
        Large enough; written in place.

    Returns
    -------
    int
        Bytes written.
    """
    at = 0
    n_columns = is_score.size
    none = value_ends.size - 2
    for record in chosen:
        if styles[record] == AS_IT_IS:
            at = copy(data, starts[record], stops[record], out, at)
            continue
        at = copy(data, starts[record], inserts[record], out, at)
        for column in range(n_columns):
            head = np.int64(styles[record]) * n_columns + column
            at = copy(heads, head_ends[head], head_ends[head + 1], out, at)
            value = np.int64(codes[record, column])
            if is_score[column]:
                score = scores[record, column]
                value = none
                if score == score:
                    at = write_score(score, out, at)
                    continue
            at = copy(values, value_ends[value], value_ends[value + 1], out, at)
        at = copy(data, inserts[record], stops[record], out, at)
    return at
