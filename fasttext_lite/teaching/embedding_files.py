"""Files of embeddings: a row of numbers for each text, as encoders leave them.

NumPy's ``.npy``, ``.safetensors`` with one table (or one that is called embeddings) and Parquet
with a column of lists are told apart by their content.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.signs import LONGEST
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.model.safetensors import read_file, reason

NAME = "embeddings"  # of the table, where a file has several
MOST_DIM = 16_384
AT_A_TIME = 1 << 14  # rows


def read_embeddings(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    n_rows: int | None = None,
    n_skipped: int = 0,
    choose: Callable[[int], np.ndarray] | None = None,
) -> np.ndarray:
    """Return the embeddings of texts from a file, or from several one after another.

    Parameters
    ----------
    paths : path-like, or sequence of path-like
    n_rows : int, optional
        Number of texts, each of which has a row.
    n_skipped : int
        Lines of the file of texts that were skipped, for the message.
    choose : callable, optional
        Given the number of rows, returns those that are wanted, ascending; no other is checked.

    Returns
    -------
    float32[n_texts, dim]

    Raises
    ------
    InputError
        If a file cannot be read or is none of these, is not a table of numbers, has a number that
        is not finite in float32 in a row that is wanted, or if there are more or fewer rows than
        texts.
    """
    names = [os.fspath(p) for p in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    tables = [_table(name) for name in names]
    width = _check_widths(names, tables)
    ends = np.cumsum([len(table) for table in tables])
    found = int(ends[-1])
    if n_rows is not None and found != n_rows:
        skipped = f" ({n_skipped:,} skipped lines have none)" if n_skipped else ""
        rows = f"{found:,} row{'s' * (found != 1)}"
        raise InputError(
            f"{names[0]}{' and others' * (len(names) > 1)}: {rows} for {n_rows:,} texts{skipped}: "
            "each text needs one, in the order of the texts"
        )
    wanted = np.arange(found) if choose is None else choose(found)
    result = np.empty((wanted.size, width), np.float32)
    for name, table, end in zip(names, tables, ends, strict=True):
        first = end - len(table)
        places = np.flatnonzero((wanted >= first) & (wanted < end))
        _copy(name, table, wanted[places] - first, result, places)
    return result


def _check_widths(names: Sequence[str], tables: Sequence[np.ndarray]) -> int:
    """Return how wide tables are, empty ones aside; raise `InputError` if they differ."""
    there = [each for each in zip(names, tables, strict=True) if len(each[1])]
    first, width = (there[0][0], there[0][1].shape[1]) if there else ("", tables[0].shape[1])
    for name, table in there:
        if table.shape[1] != width:
            raise InputError(
                f"{name}: embeddings of {table.shape[1]:,} numbers, but those of {first} have "
                f"{width:,}: they must be of the same encoder"
            )
    return width


def _table(path: str) -> np.ndarray:
    """Return the table of a file, mapped where it can be."""
    if path == STDIN:
        raise InputError("embeddings cannot be read from standard input: name a file")
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f"{path}: cannot read the embeddings: not a regular file")
        with open(path, "rb") as file:
            start = file.read(LONGEST)
        table = _reader(path, start)(path)
    except OSError as error:
        raise InputError(f"{path}: cannot read the embeddings: {reason(error)}") from None
    if table.ndim != 2 or not 1 <= table.shape[1] <= MOST_DIM:
        raise InputError(
            f"{path}: an array of shape {table.shape}, not a table with a row of up to "
            f"{MOST_DIM:,} numbers for each text"
        )
    if table.dtype.kind not in "fiu":
        raise InputError(f"{path}: items of type {table.dtype}, not numbers")
    return table


def _reader(path: str, start: bytes) -> Callable[[str], np.ndarray]:
    """Return what reads a file that begins so."""
    if start.startswith(b"\x93NUMPY"):
        return _of_numpy
    if start.startswith(b"PAR1"):
        return _of_parquet
    if start[8:10] == b'{"':
        return _of_safetensors
    hint = ": save the array by itself, with numpy.save" if start.startswith(b"PK") else ""
    raise InputError(
        f"{path}: not a file of embeddings: .npy, .safetensors and Parquet are read{hint}"
    )


def _of_numpy(path: str) -> np.ndarray:
    from tokenize import TokenError

    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    # NumPy reads the header as Python, and lets what goes wrong there through.
    except (ValueError, EOFError, SyntaxError, TypeError, OverflowError, TokenError) as error:
        raise InputError(
            f"{path}: not an array of numbers, or cut or damaged ({reason(error)})"
        ) from None


def _of_safetensors(path: str) -> np.ndarray:
    try:
        file = read_file(path, "the embeddings", "a file of embeddings")
        tables = [name for name, (_, shape, _) in file.entries.items() if len(shape) == 2]
        chosen = [NAME] if NAME in tables else tables
        if len(chosen) != 1:
            names = ", ".join(sorted(tables)[:3])
            what = f"several tables ({names}), none called {NAME}" if tables else "no table"
            raise InputError(f"{path}: {what}: one with a row for each text is needed")
        return file.array(chosen[0])
    except ModelError as error:
        raise InputError(str(error)) from None


def _of_parquet(path: str) -> np.ndarray:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(
            f"{path}: Parquet needs pyarrow: pip install 'fasttext-lite[filter]'"
        ) from None
    try:
        with open(path, "rb") as stream, pq.ParquetFile(stream) as file:
            lists = [field.name for field in file.schema_arrow if _is_list(field.type, pa)]
            chosen = [NAME] if NAME in lists else lists
            if len(chosen) != 1:
                names = ", ".join(lists[:3])
                what = f"several columns of lists ({names}), none called {NAME}"
                what = what if lists else "no column of lists of numbers"
                raise InputError(f"{path}: {what}: one with a list for each text is needed")
            chunks = file.read(chosen).column(0).chunks
            return _joined(path, chunks, pa)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        line = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path}: cannot read as Parquet: {line}") from None


def _is_list(kind: Any, pa: Any) -> bool:
    types = pa.types
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return is_list and (types.is_floating(kind.value_type) or types.is_integer(kind.value_type))


def _joined(path: str, chunks: Sequence[Any], pa: Any) -> np.ndarray:
    """Return the lists of a column as a table."""
    parts, dim, first = [], 0, 0
    for chunk in chunks:
        if not len(chunk):
            continue
        sizes = chunk.value_lengths().to_numpy(zero_copy_only=False)
        values = chunk.flatten()
        dim = dim or (int(sizes[0]) if len(sizes) and sizes[0] > 0 else 0)
        wrong = np.flatnonzero((sizes != dim) | (sizes == 0))  # the length of a null is none
        if not wrong.size and values.null_count:
            wrong = np.flatnonzero(~values.is_valid().to_numpy(zero_copy_only=False)) // dim
        if wrong.size:
            row = first + int(wrong[0]) + 1
            raise InputError(
                f"{path}: row {row:,} lacks numbers: each needs a list of the same length"
            )
        parts.append(values.to_numpy(zero_copy_only=False).reshape(len(sizes), -1))
        first += len(sizes)
    return np.concatenate(parts) if parts else np.empty((0, 1), np.float32)


def unfit(row: np.ndarray) -> str:
    """Return what is wrong with a number of an embedding that is not finite in float32."""
    if np.isfinite(row).all():
        return "too large for float32: scale the embeddings"
    return "not finite: encode that text anew"


def _copy(
    path: str, table: np.ndarray, rows: np.ndarray, out: np.ndarray, places: np.ndarray
) -> None:
    """Copy rows of a table to places; raise `InputError` for numbers that are not finite."""
    for first in range(0, rows.size, AT_A_TIME):
        part = slice(first, first + AT_A_TIME)
        with np.errstate(over="ignore", invalid="ignore"):
            found = table[rows[part]].astype(np.float32)
        good = np.isfinite(found).all(axis=1)
        if not good.all():
            row = int(rows[part][good.argmin()]) + 1
            fault = unfit(table[row - 1])
            raise InputError(f"{path}: row {row:,} has a number that is {fault}")
        out[places[part]] = found
