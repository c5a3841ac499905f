"""Columns of texts in Arrow's form, as buffers: without a Python object for each text.

Arrow's columns are what `pyarrow.Array` and `ChunkedArray` hold, what a Series of polars hands over
through the PyCapsule protocol of Arrow, and what a Series of pandas holds whose type is a string's.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.errors import InputError

NEEDS = "columns of Arrow need pyarrow, which is not installed: pip install 'fasttext-lite[filter]'"


def is_column(texts: Any) -> bool:
    """Return whether an object is a column in Arrow's form, whatever its items are.

    A Series of pandas is one if its type is a string's: in one of objects may be anything.
    """
    if type(texts) in (list, tuple, np.ndarray):
        return False
    if _is_of_pandas(texts):
        return _is_string_series(texts)
    return hasattr(texts, "__arrow_c_stream__") or hasattr(texts, "__arrow_c_array__")


def has_pyarrow() -> bool:
    """Return whether `columns_of` has what it needs."""
    return importlib.util.find_spec("pyarrow") is not None


def columns_of(texts: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the buffers of a column of texts in Arrow's form.

    Parameters
    ----------
    texts : pyarrow.Array, pyarrow.ChunkedArray, polars.Series, pandas.Series, or any other object \
that has ``__arrow_c_stream__`` or ``__arrow_c_array__``
        Of strings: string, large_string, string_view, or a dictionary of one of these.

    Returns
    -------
    data : uint8[n_bytes]
        UTF-8, read-only.
    offsets : int64[n_texts + 1]
        Text i is data[offsets[i]:offsets[i + 1]]; from 0 to n_bytes. A null has any text.
    valid : bool[n_texts] or None
        False for nulls; None where there is none.

    Raises
    ------
    InputError
        If pyarrow is not installed.
    TypeError
        If it is a table, or its items are not strings.
    """
    pyarrow = _pyarrow()
    column = _column(texts, pyarrow)
    if isinstance(column, pyarrow.ChunkedArray):
        parts = [_buffers(chunk, pyarrow) for chunk in column.chunks]
    else:
        parts = [_buffers(column, pyarrow)]
    if len(parts) == 1:
        return parts[0]
    return _joined(parts)


def _is_of_pandas(texts: Any) -> bool:
    return type(texts).__module__.partition(".")[0] == "pandas"


def _is_string_series(texts: Any) -> bool:
    """Return whether a thing of pandas is a Series or Index of strings, not of objects."""
    dtype = getattr(texts, "dtype", None)
    # `StringDtype`, however it is stored, and `ArrowDtype` of strings; a NumPy dtype is `object`.
    return getattr(dtype, "type", None) is str and not isinstance(dtype, np.dtype)


def _column(texts: Any, pyarrow: Any) -> Any:
    """Return a column as an Array or ChunkedArray of strings."""
    kind = type(texts).__name__
    if isinstance(texts, pyarrow.Table | pyarrow.RecordBatch):
        raise TypeError(_not_strings(kind, "columns"))
    if isinstance(texts, pyarrow.Array | pyarrow.ChunkedArray):
        column = texts
    elif _is_of_pandas(texts):
        column = pyarrow.array(texts, from_pandas=True)
    else:
        column = _imported(texts, pyarrow)
    found = column.type
    if pyarrow.types.is_dictionary(found):
        found = found.value_type
    if not _is_text(found, pyarrow):
        raise TypeError(_not_strings(kind, str(column.type)))
    return column


def _imported(texts: Any, pyarrow: Any) -> Any:
    """Return a column of another library through the PyCapsule protocol."""
    try:
        if hasattr(texts, "__arrow_c_stream__"):
            return pyarrow.chunked_array(texts)
        return pyarrow.array(texts)
    except (TypeError, NotImplementedError):  # of a pyarrow that does not know the protocol
        if not hasattr(texts, "to_arrow"):
            raise
        return texts.to_arrow()


def _is_text(kind: Any, pyarrow: Any) -> bool:
    types = pyarrow.types
    is_view = getattr(types, "is_string_view", None)
    return (
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_null(kind)
        or (is_view is not None and is_view(kind))
    )


def _not_strings(kind: str, found: str) -> str:
    return f"expected one column of strings, got {kind} of {found}"


def _buffers(array: Any, pyarrow: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return data, offsets and validity of one Array of strings, as `columns_of`."""
    n = len(array)
    valid = None
    if array.null_count:
        valid = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), bool)
    large = pyarrow.large_string()
    if pyarrow.types.is_dictionary(array.type):  # whose strings may be views: cast apart
        entries = array.dictionary.cast(large)
        array = pyarrow.DictionaryArray.from_arrays(array.indices, entries)
    if not pyarrow.types.is_string(array.type):
        array = array.cast(large)
    _, of_offsets, of_data = array.buffers()
    if n == 0 or of_offsets is None:
        return np.empty(0, np.uint8), np.zeros(n + 1, np.int64), valid
    width = np.int32 if pyarrow.types.is_string(array.type) else np.int64
    offsets = np.frombuffer(of_offsets, width)[array.offset : array.offset + n + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    data = np.empty(0, np.uint8)
    if of_data is not None and last > first:
        data = read_only(np.frombuffer(of_data, np.uint8)[first:last])
    return data, offsets.astype(np.int64) - first, valid


def _joined(
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the parts of a column as one."""
    empty = np.empty(0, np.uint8)
    data = read_only(np.concatenate([empty, *(data for data, _, _ in parts)]))
    lengths = [np.empty(0, np.int64), *(np.diff(offsets) for _, offsets, _ in parts)]
    sizes = np.concatenate(lengths)
    offsets = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    if all(valid is None for _, _, valid in parts):
        return data, offsets, None
    masks = [
        np.ones(bounds.size - 1, bool) if valid is None else valid for _, bounds, valid in parts
    ]
    return data, offsets, np.concatenate(masks)


def as_columns(
    labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]
) -> tuple[Any, Any]:
    """Return the labels found as columns of Arrow, see `Predictions.to_arrow`.

    Parameters
    ----------
    labels : int32[n_texts, k]
        -1 = no more.
    probabilities : float64[n_texts, k]
    names : sequence of str
        Of each label.
    """
    pyarrow = _pyarrow()
    there = labels >= 0
    dictionary = pyarrow.array(list(names), pyarrow.string())
    if labels.shape[1] == 1:
        ids = pyarrow.array(labels[:, 0], mask=~there[:, 0])
        found = pyarrow.DictionaryArray.from_arrays(ids, dictionary)
        return found, pyarrow.array(probabilities[:, 0], mask=~there[:, 0])
    ends = np.zeros(len(labels) + 1, np.int32)
    np.cumsum(there.sum(axis=1), out=ends[1:])
    bounds, mask = pyarrow.array(ends), pyarrow.array(~there.any(axis=1))
    found = pyarrow.DictionaryArray.from_arrays(pyarrow.array(labels[there]), dictionary)
    lists = pyarrow.ListArray.from_arrays
    return lists(bounds, found, mask=mask), lists(
        bounds, pyarrow.array(probabilities[there]), mask=mask
    )


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise InputError(NEEDS) from None
    return pyarrow
