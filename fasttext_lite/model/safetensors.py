"""Safetensors files: arrays and metadata, written in one step, checked before they are used.

8 bytes length, a JSON index, raw little-endian arrays.  A file is written under a temporary name
and renamed, so nobody ever reads half of one, and who has the old file open still has it.  Spaces
behind the metadata let the largest array begin at a multiple of 64 bytes.

There are two ways to read: `open_file` leaves the file open and reads one array after another into
memory, as models are; `read_file` maps it (but on Windows, where nobody could replace a mapped
file), as tables are that training looks into once.  Whoever cuts a mapped file in its place harms
the processes that use it: the system ends them, by SIGBUS.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from fasttext_lite import system
from fasttext_lite.compiled.arrays import make_table, read_only
from fasttext_lite.compiled.paging import OpenFile
from fasttext_lite.corpus.signs import LONGEST
from fasttext_lite.disk.replacing import check_replaceable, replacing
from fasttext_lite.errors import ModelError
from fasttext_lite.model.magic import other_kind, packing

LINE = 64  # bytes of a cache line

# safetensors' names of types.
_KINDS = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "F16": "<f2",
    "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8",
}  # fmt: skip
_NOT_IN_NUMPY = {"BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
# As safetensors orders the arrays of a file: by type, then by name.
_ORDER = ("U64", "I64", "F64", "F32", "U32", "I32", "F16", "U16", "I16", "I8", "U8", "BOOL")
_LONGEST_INDEX = 100_000_000  # bytes; as safetensors has it


def check_writable(path: str | os.PathLike[str], what: str = "the model") -> None:
    """Raise `ModelError` unless a file can be written at `path`; leaves nothing behind.

    Parameters
    ----------
    path : path-like
    what : str
        What is to be written, for the message.
    """
    try:
        check_replaceable(path)
    except OSError as error:
        raise ModelError(f"{os.fsdecode(path)}: cannot write {what}: {reason(error)}") from None


def _kind(mode: int) -> str:
    return "is a directory" if stat.S_ISDIR(mode) else "not a regular file"


def reason(error: Exception) -> str:
    """Return an error's text in one line of bounded length (it may quote the file)."""
    text = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:200] + " ..."


@contextmanager
def new_file(path: str | os.PathLike[str], what: str = "the model") -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` in the end, see `disk.replacing`.

    Parameters
    ----------
    path : path-like
    what : str
        What is written, for the message.

    Raises
    ------
    ModelError
        If the file cannot be written; nothing is left behind, an old file stays as it was.
    """
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise ModelError(f"{os.fsdecode(path)}: cannot write {what}: {reason(error)}") from None


def write_file(
    path: str | os.PathLike[str],
    tensors: dict[str, np.ndarray],
    metadata: dict[str, str],
    what: str = "the model",
) -> None:
    """Write a file as a whole, see `new_file`.

    Parameters
    ----------
    path : path-like
    tensors : dict of str to ndarray
    metadata : dict of str to str
        JSON documents: spaces are added behind them.
    what : str
        What is written, for the message.

    Raises
    ------
    ModelError
        If the file cannot be written.
    """
    index, names = _index(tensors, _padded(tensors, metadata))
    with new_file(path, what) as file:
        file.write(index)
        for name in names:
            if tensors[name].size:
                file.write(np.ascontiguousarray(tensors[name]).reshape(-1).view(np.uint8).data)


def file_size(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> int:
    """Return the size in bytes of the file that `write_file` would write."""
    index, names = _index(tensors, _padded(tensors, metadata))
    return len(index) + sum(tensors[name].nbytes for name in names)


def _index(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> tuple[bytes, list[str]]:
    """Return what stands before the arrays, and their order in the file.

    The index is filled up to a multiple of 8 bytes.
    """
    index: dict[str, Any] = {"__metadata__": metadata}
    kinds = {np.dtype(kind): name for name, kind in _KINDS.items()}
    names = sorted(tensors, key=lambda name: (_ORDER.index(kinds[tensors[name].dtype]), name))
    place = 0
    for name in names:
        tensor = tensors[name]
        span = [place, place + tensor.nbytes]
        index[name] = {
            "dtype": kinds[tensor.dtype], "shape": tensor.shape, "data_offsets": span,
        }  # fmt: skip
        place += tensor.nbytes
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, names


def _padded(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> dict[str, str]:
    """Return metadata with spaces behind their JSON, so that the largest array begins a line.

    A row of a table then lies in as few cache lines as it can.
    """
    if not tensors:
        return metadata
    index, names = _index(tensors, metadata)
    largest = max(tensors, key=lambda name: tensors[name].nbytes)
    begin = len(index) + sum(tensors[name].nbytes for name in names[: names.index(largest)])
    return {key: text + " " * (-begin % LINE) for key, text in metadata.items()}


@dataclass(frozen=True)
class MappedFile:
    """A file whose index was checked; its arrays stay in it until they are used.

    Attributes
    ----------
    path : str
    data : bytes or mmap
    metadata : dict of str to str
    entries : dict
        Type, shape and place of each array, by name.
    """

    path: str
    data: bytes | mmap.mmap
    metadata: dict[str, str]
    entries: dict[str, tuple[str, tuple[int, ...], int]]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, read-only.

        Raises
        ------
        ModelError
            If one has a type that NumPy lacks.
        """
        lacking = sorted({kind for kind, _, _ in self.entries.values() if kind in _NOT_IN_NUMPY})
        if lacking:
            raise ModelError(
                f"{self.path}: the model file is damaged: it has an array of a type that NumPy "
                f"lacks, {lacking[0]}"
            )
        return {name: _array(self.data, *entry) for name, entry in self.entries.items()}

    def array(self, name: str) -> np.ndarray:
        """Return one array, read-only; of BF16, which NumPy lacks, as float32.

        Raises
        ------
        ModelError
            If it has another type that NumPy lacks.
        """
        kind, shape, place = self.entries[name]
        if kind == "BF16":  # the upper half of a float32
            halves = _array(self.data, "U16", shape, place).astype(np.uint32)
            return (halves << np.uint32(16)).view(np.float32)
        if kind in _NOT_IN_NUMPY:
            raise ModelError(f"{self.path}: {name} has a type that NumPy lacks, {kind}")
        return _array(self.data, kind, shape, place)


@dataclass(frozen=True)
class StoredFile:
    """An open file whose index was checked.

    Attributes
    ----------
    file : OpenFile
    metadata : dict of str to str
    entries : dict
        Type, shape and place of each array, by name.
    """

    file: OpenFile
    metadata: dict[str, str]
    entries: dict[str, tuple[str, tuple[int, ...], int]]

    @property
    def path(self) -> str:
        """The name that it was opened by."""
        return self.file.path

    def read(self, name: str) -> np.ndarray:
        """Return an array, read-only, in memory of its own.

        Raises
        ------
        ModelError
            If it cannot be read, or has a type that NumPy lacks.
        """
        kind, shape, place = self.entries[name]
        dtype = self.dtype(name)
        table = make_table(1, math.prod(shape) * dtype.itemsize, np.uint8)[0]
        try:
            n = system.read_at(self.file.number, place, table.data)
        except OSError as error:
            raise ModelError(f"{self.path}: cannot read the model: {reason(error)}") from None
        if n < table.size:
            raise ModelError(f"{self.path}: the model file was cut while it was read")
        return read_only(table.view(dtype).reshape(shape))

    def dtype(self, name: str) -> np.dtype:
        """Return the type of an array.

        Raises
        ------
        ModelError
            If NumPy lacks it.
        """
        kind = self.entries[name][0]
        if kind in _NOT_IN_NUMPY:
            raise ModelError(
                f"{self.path}: the model file is damaged: it has an array of a type that NumPy "
                f"lacks, {kind}"
            )
        return np.dtype(_KINDS[kind])


def open_file(path: str, what: str, kind: str) -> StoredFile:
    """Open a safetensors file and check its index.

    Parameters, errors
        As of `read_file`.
    """
    file = _opened(path, what)
    start = bytearray(8)
    try:
        system.read_at(file.number, 0, memoryview(start))
        length = int.from_bytes(start, "little")
        start = bytearray(max(min(8 + length, file.size, 8 + _LONGEST_INDEX), LONGEST))
        del start[system.read_at(file.number, 0, memoryview(start)) :]
    except OSError as error:
        raise ModelError(f"{path}: cannot read {what}: {reason(error)}") from None
    return StoredFile(file, *_checked_index(bytes(start), file.size, path, kind))


def _opened(path: str, what: str) -> OpenFile:
    """Open a regular file."""
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise ModelError(f"{path}: cannot read {what}: {_kind(mode)}")
        return OpenFile(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot read {what}: {reason(error)}") from None


def _checked_index(
    data: bytes | mmap.mmap, size: int, path: str, kind: str
) -> tuple[dict[str, str], dict[str, tuple[str, tuple[int, ...], int]]]:
    """Return what `_parse_index` does; `ModelError` in place of its error."""
    try:
        return _parse_index(data, size)
    except ValueError as error:
        if packed := packing(data[:16], path):
            raise ModelError(packed) from None
        if found := other_kind(data[:LONGEST], path):
            raise ModelError(f"{path}: not {kind}: {found}") from None
        if isinstance(error, _CutError):
            raise ModelError(f"{path}: {kind} that is cut: {error}") from None
        raise ModelError(f"{path}: not {kind}, or damaged ({reason(error)})") from None


def read_file(path: str, what: str, kind: str) -> MappedFile:
    """Map a safetensors file and check its index.

    Parameters
    ----------
    path : str
    what, kind : str
        What is to be read, and what the file should be, for messages.

    Raises
    ------
    ModelError
        If it is missing, unreadable, corrupt, or of another kind.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise ModelError(f"{path}: cannot read {what}: {_kind(mode)}")
        with open(path, "rb") as file:
            data = system.map_or_read(file)
    except OSError as error:
        raise ModelError(f"{path}: cannot read {what}: {reason(error)}") from None
    return MappedFile(path, data, *_checked_index(data, len(data), path, kind))


class _CutError(ValueError):
    """Raised for a file that ends before its arrays do."""


def _parse_index(
    data: bytes | mmap.mmap, size: int
) -> tuple[dict[str, str], dict[str, tuple[str, tuple[int, ...], int]]]:
    """Return a safetensors file's metadata, and type, shape and place of each array.

    Parameters
    ----------
    data : bytes-like
        What the file begins with: its index at least.
    size : int
        Of the file.

    Raises
    ------
    ValueError
        Unless the arrays fill what follows the index exactly.
    """
    length = int.from_bytes(data[:8], "little")
    first = 8 + length
    if len(data) < 8 or not 2 <= length <= _LONGEST_INDEX:
        raise ValueError("it has no index of that length")
    text = data[8:first]
    if not text.startswith(b"{"):
        raise ValueError("its index is unreadable")
    if len(text) < length:
        raise _CutError(f"its index has {length:,} bytes, the file {size:,}")
    try:
        index = json.loads(text.decode(), object_pairs_hook=_without_repeats)
    except RecursionError:
        raise ValueError("its index is unreadable") from None
    metadata = index.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(x, str) for x in metadata.values()):
        raise ValueError("its metadata are unreadable")
    entries = {}
    spans = []
    for name, entry in index.items():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"array {name} is not described")
        kind, shape, span = entry["dtype"], entry["shape"], entry["data_offsets"]
        numbers = isinstance(shape, list) and isinstance(span, list) and len(span) == 2
        if not numbers or not all(type(x) is int and x >= 0 for x in (*shape, *span)):
            raise ValueError(f"array {name} has no place")
        itemsize = _NOT_IN_NUMPY.get(kind) if isinstance(kind, str) else None
        if isinstance(kind, str) and kind in _KINDS:
            itemsize = np.dtype(_KINDS[kind]).itemsize
        if itemsize is None:
            raise ValueError(f"array {name} has an unknown type")
        if math.prod(shape) * itemsize != span[1] - span[0]:
            raise ValueError(f"array {name} has another size than its shape")
        entries[name] = kind, tuple(shape), first + span[0]
        spans.append(span)
    spans.sort()
    ends = [0, *(end for _, end in spans)]
    if [start for start, _ in spans] != ends[:-1] or ends[-1] < size - first:
        raise ValueError("its arrays do not fill it")
    if ends[-1] > size - first:
        raise _CutError(f"its arrays end at byte {first + ends[-1]:,}, the file at {size:,}")
    return metadata, entries


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("its index has a name twice")
    return found


def _array(data: bytes | mmap.mmap, kind: str, shape: tuple[int, ...], place: int) -> np.ndarray:
    """Return an array of a file, read-only, without a copy unless it lies askew."""
    size = math.prod(shape)
    if size == 0:
        return np.empty(shape, _KINDS[kind])
    array = np.frombuffer(data, _KINDS[kind], size, place).reshape(shape)
    return array if array.flags.aligned else array.copy()
