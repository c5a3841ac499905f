"""Checksums of a model file: of its header, of each array, of each block of a large table.

They are CRC-32 as zlib has it, and stand in the header under ``checksums``:

==========  ====================================================================================
``header``  of the rest of the header, as JSON with sorted keys (`as_text`)
``arrays``  of each array by its name: of the name, type and shape, then of its bytes
``blocks``  of each table that is checked by blocks: how many rows a block has.  Its checksum
            among ``arrays`` is that of its name, type and shape alone; those of the blocks are
            in an array of their own, uint32, with `SUFFIX` behind the table's name
==========  ====================================================================================

A checksum of an array or the header is 8 hexadecimal digits.  CRC-32 is against damage: it notices
each change of up to 32 bits in a row, and of others all but one in 4 billion.  It is no signature:
who changes a file on purpose can change its checksums as well.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite import system
from fasttext_lite.compiled import paging
from fasttext_lite.compiled.paging import PagedTable, block_checks, rows_of_block
from fasttext_lite.model.arrays import is_paged

if TYPE_CHECKING:
    from fasttext_lite.model.safetensors import StoredFile

KEY = "checksums"
SUFFIX = ".checks"
FIRST_VERSION = 5  # of the format that has them


def as_text(header: Mapping[str, Any]) -> str:
    """Return a header as JSON: the same header gives the same text."""
    return json.dumps(header, ensure_ascii=True, sort_keys=True)


def _digits(number: int) -> str:
    return f"{number:08x}"


def _checksum(name: str, dtype: np.dtype, shape: tuple[int, ...], data: np.ndarray | None) -> str:
    """Return the checksum of an array; without its bytes if there is no data."""
    start = f"{name} {dtype.newbyteorder('<').str} {'x'.join(map(str, shape))}\n".encode()
    found = zlib.crc32(start)
    if data is not None and data.size:
        found = zlib.crc32(np.ascontiguousarray(data).reshape(-1).view(np.uint8).data, found)
    return _digits(found)


def with_checksums(
    header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a header and arrays with their checksums."""
    blocks: dict[str, int] = {}
    written = dict(arrays)
    for name, array in arrays.items():
        if is_paged(name) and array.nbytes >= paging.LARGE:
            blocks[name] = rows_of_block(array.shape[1] * array.itemsize)
            written[name + SUFFIX] = block_checks(array, blocks[name])
    of_arrays = {
        name: _checksum(name, array.dtype, array.shape, None if name in blocks else array)
        for name, array in written.items()
    }
    sums: dict[str, Any] = {"arrays": of_arrays} | ({"blocks": blocks} if blocks else {})
    rest = {**header, KEY: sums}
    sums["header"] = _digits(zlib.crc32(as_text(rest).encode()))
    return rest, written


def is_header_intact(header: Mapping[str, Any], text: str) -> bool:
    """Whether a header is what was written, as far as it can tell: older ones have no checksum.

    Parameters
    ----------
    header : mapping
    text : str
        That it was read from, with spaces behind it.
    """
    sums = header.get(KEY)
    if sums is None:
        return header["format_version"] < FIRST_VERSION
    if not isinstance(sums, dict) or not isinstance(sums.get("arrays"), dict):
        return False
    rest = {**header, KEY: {name: value for name, value in sums.items() if name != "header"}}
    is_whole = _digits(zlib.crc32(as_text(rest).encode())) == sums.get("header")
    return is_whole and as_text(header) == text.rstrip(" ")


def checked_arrays(
    file: StoredFile, header: Mapping[str, Any], mmap: bool | None = None
) -> dict[str, Any]:
    """Return the arrays of a file, as far as they are checked before they are used.

    Parameters
    ----------
    file : StoredFile
    header : mapping
        See `is_header_intact`.
    mmap : bool, optional
        As of `storage.load_model`.

    Returns
    -------
    dict of str to ndarray
        Large input tables are `PagedTable`.

    Raises
    ------
    ValueError
        If an array is not what was written.
    ModelError
        If the file cannot be read.
    """
    sums = header.get(KEY)
    if sums is None:
        return {name: _unchecked(file, name, mmap) for name in file.entries}
    if set(file.entries) != set(sums["arrays"]):
        raise ValueError(f"its arrays are {sorted(file.entries)}, not those of its checksums")
    blocks = sums.get("blocks", {})
    if not isinstance(blocks, dict) or not all(n + SUFFIX in file.entries for n in blocks):
        raise ValueError("its blocks are unreadable")
    found: dict[str, Any] = {}
    for name in file.entries:
        array = None if name in blocks else file.read(name)
        shape = file.entries[name][1]
        if _checksum(name, file.dtype(name), shape, array) != sums["arrays"][name]:
            raise ValueError(f"array {name}: its checksum is another")
        if array is not None:
            found[name] = array
    for name, rows in blocks.items():
        checks = found.pop(name + SUFFIX)
        table = _paged(file, name, mmap, checks, rows)
        found[name] = table if mmap is not False and system.can_stay_open() else table.complete()
    return found


def _unchecked(file: StoredFile, name: str, mmap: bool | None) -> Any:
    """Return an array of a file without checksums."""
    _, shape, _ = file.entries[name]
    dtype = file.dtype(name)
    is_large = len(shape) == 2 and shape[0] * shape[1] * dtype.itemsize >= paging.LARGE
    if mmap is not False and is_paged(name) and is_large and system.can_stay_open():
        return _paged(file, name, mmap)
    return file.read(name)


def _paged(
    file: StoredFile,
    name: str,
    mmap: bool | None,
    checks: np.ndarray | None = None,
    rows: int | None = None,
) -> PagedTable:
    _, shape, place = file.entries[name]
    if checks is not None:
        is_count = type(rows) is int and 1 <= rows < 1 << 31 and rows & (rows - 1) == 0
        good = is_count and len(shape) == 2 and checks.dtype == np.uint32
        if not good or rows is None or checks.shape != (-(-shape[0] // rows),):
            raise ValueError(f"array {name} has other blocks than their checksums")
    dtype = file.dtype(name)
    # What lies askew cannot be used where it lies.
    is_mapped = mmap is True and place % dtype.itemsize == 0
    return PagedTable(file.file, place, (shape[0], shape[1]), dtype, name, checks, rows, is_mapped)
