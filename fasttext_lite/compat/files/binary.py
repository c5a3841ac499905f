"""fastText's model files, ``.bin`` and ``.ftz``: read and written whole, or not at all.

Little endian, without padding (fasttext.cc, args.cc, dictionary.cc, densematrix.cc,
quantmatrix.cc, productquantizer.cc).  All sizes are checked against the file before anything is
made of them: fastText itself has no check, and runs for ever on some damaged files.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite import system
from fasttext_lite.compat.files.arguments import LOSSES, MODELS, STORED, Args
from fasttext_lite.compat.files.dictionary import Dictionary
from fasttext_lite.compat.files.tables import DenseTable, is_finite
from fasttext_lite.compat.kernels.text import parse_entries
from fasttext_lite.compiled import paging
from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.compiled.paging import OpenFile, PagedTable
from fasttext_lite.corpus.signs import FASTTEXT_MAGIC, LONGEST, is_ours
from fasttext_lite.disk.replacing import replacing
from fasttext_lite.errors import ModelError
from fasttext_lite.model.magic import other_kind, packing
from fasttext_lite.model.quantization import ProductQuantizer, QuantizedMatrix

VERSION = 12
OLDEST = 11  # whose supervised models have no n-grams of characters, whatever they say
_HEADER = struct.Struct("<4si12id")
_COUNTS = struct.Struct("<iiiqq")
N_CENTROIDS = 256
MOST_COUNTED = 1 << 62  # words and labels of a text
ENTRY_BYTES = 32  # of a word that are read at first; more if that is too little
_OURS = "it is one of fasttext-lite: fasttext_lite.load reads it"


@dataclass
class ModelParts:
    """What a model file holds.

    Attributes
    ----------
    args : Args
    dictionary : Dictionary
    input : DenseTable or QuantizedMatrix
    output : DenseTable or QuantizedMatrix
        Of labels, or of words for word vectors.
    """

    args: Args
    dictionary: Dictionary
    input: DenseTable | QuantizedMatrix
    output: DenseTable | QuantizedMatrix


class _DamagedError(Exception):
    """Something in the file cannot be."""


def read(path: str | os.PathLike[str], mmap: bool | None = None) -> ModelParts:
    """Read a model of fastText; its large tables stay in the file until their rows are needed.

    Parameters
    ----------
    path : path-like
    mmap : bool, optional
        As of `model.storage.load_model`: True maps large tables, False reads all now.

    Raises
    ------
    ModelError
        If the file cannot be opened, is none of fastText's, or is damaged.
    """
    name = os.fsdecode(path)
    try:
        file = OpenFile(name)
        if file.size == 0:
            raise ModelError(f"{name}: the model file is empty")
        parts = _read(_Reader(_InFile(file, bool(mmap))), name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"{name} cannot be opened for loading: {reason}") from None
    file.check_unchanged()
    if mmap is False:
        for table in (parts.input, parts.output):
            if isinstance(table, DenseTable):
                table.read()
    return parts


def parse(data: np.ndarray, name: str) -> ModelParts:
    """Read a model of fastText from bytes, uint8[n_bytes]; see `read`."""
    return _read(_Reader(_InMemory(data)), name)


def _read(reader: _Reader, name: str) -> ModelParts:
    start = reader.source.take(0, min(max(LONGEST, 16), reader.size)).tobytes()
    try:
        magic, version, *values = reader.unpack(_HEADER)
    except _DamagedError:
        magic, version, values = b"", -1, []
    if packed := packing(start[:16], name):
        raise ModelError(packed)
    if magic != FASTTEXT_MAGIC:
        found = _OURS if is_ours(start) else other_kind(start[:LONGEST], name)
        raise ModelError(
            f"{name} has wrong file format: it is not a model of fastText{found and f'; {found}'}"
        )
    if not OLDEST <= version <= VERSION:
        raise ModelError(
            f"{name} has version {version} of fastText's format; {OLDEST} and {VERSION} can be read"
        )
    try:
        return _parse(reader, version, values)
    except _DamagedError as error:
        raise ModelError(f"{name}: the model file is damaged: {error}") from None


def _parse(reader: _Reader, version: int, values: list[Any]) -> ModelParts:
    args = _parse_args(values, version)
    dictionary = _parse_dictionary(reader, args)
    quantized = bool(reader.take(1)[0])
    if dictionary.pairs is not None and not quantized:
        raise _DamagedError(
            "it was pruned but not quantised, which fastText refuses, too (its issue #332)"
        )
    table = _parse_table(reader, quantized, args.dim)
    args.qout = bool(reader.take(1)[0])
    output = _parse_table(reader, quantized and args.qout, args.dim)
    if reader.position != reader.size:
        raise _DamagedError(f"{reader.size - reader.position:,} bytes follow its end")
    needed = dictionary.n_words if not args.uses_buckets else dictionary.n_rows
    if table.shape[0] < needed:
        raise _DamagedError(f"its input table has {table.shape[0]:,} rows, {needed:,} are needed")
    n_outputs = dictionary.n_labels if args.is_supervised else dictionary.n_words
    if output.shape[0] < n_outputs:
        raise _DamagedError(f"its output table has {output.shape[0]:,} rows for {n_outputs:,}")
    return ModelParts(args, dictionary, table, output)


@dataclass
class _InMemory:
    """The bytes of a model, uint8[n_bytes]."""

    data: np.ndarray

    @property
    def size(self) -> int:
        return self.data.size

    def take(self, place: int, size: int) -> np.ndarray:
        """Return some bytes."""
        return self.data[place : place + size]

    def table(self, place: int, n_rows: int, dim: int) -> DenseTable:
        """Return a table of numbers."""
        return DenseTable(self.take(place, 4 * n_rows * dim), dim, read_only(np.empty(0, np.int32)))


@dataclass
class _InFile:
    """An open file, read into memory of our own, so that what is done to it later does no harm."""

    file: OpenFile
    is_mapped: bool = False

    @property
    def size(self) -> int:
        return self.file.size

    def take(self, place: int, size: int) -> np.ndarray:
        """Return a copy of some bytes."""
        data = np.empty(size, np.uint8)
        if system.read_at(self.file.number, place, data.data) < size:
            raise _DamagedError(f"it was cut to less than {self.size:,} bytes meanwhile")
        return read_only(data)

    def table(self, place: int, n_rows: int, dim: int) -> DenseTable:
        """Return a table of numbers; a large one is read when its rows are needed."""
        if 4 * n_rows * dim > paging.LARGE and system.can_stay_open():
            table = PagedTable(
                self.file, place, (n_rows, dim), "<f4", f"of {n_rows:,} rows",
                is_mapped=self.is_mapped,
            )  # fmt: skip
            return DenseTable.of_file(table)
        return _InMemory(self.take(place, 4 * n_rows * dim)).table(0, n_rows, dim)


class _Reader:
    """Takes one piece of the file after another."""

    def __init__(self, source: _InMemory | _InFile) -> None:
        self.source = source
        self.size = source.size
        self.position = 0

    def take(self, size: int) -> np.ndarray:
        piece = self.source.take(self.position, self.check(size))
        self.position += size
        return piece

    def check(self, size: int) -> int:
        """Return a size if there are so many bytes still."""
        if size < 0 or self.position + size > self.size:
            raise _DamagedError(f"it ends after {self.size:,} bytes, within a part of it")
        return size

    def unpack(self, kind: struct.Struct) -> list[Any]:
        return list(kind.unpack(self.take(kind.size).tobytes()))

    def numbers(self, kind: str, size: int) -> np.ndarray:
        """Return a copy of `size` numbers: what lies in the file is not aligned."""
        dtype = np.dtype(kind)
        if not 0 <= size <= self.size:
            raise _DamagedError(f"a part of {size:,} numbers is larger than the file")
        return read_only(np.frombuffer(self.take(size * dtype.itemsize).tobytes(), dtype))


def _parse_args(values: list[Any], version: int) -> Args:
    stored = dict(zip(STORED, values, strict=True))
    for key, choices in (("loss", LOSSES.values()), ("model", MODELS.values())):
        names = {choice.number: choice.name for choice in choices}
        if stored[key] not in names:
            raise _DamagedError(f"its {key} has the unknown number {stored[key]:g}")
        stored[key] = names[stored[key]]
    args = Args(**stored)
    if version == OLDEST and args.is_supervised:
        args.maxn = 0
    if not 1 <= args.dim <= 1 << 20 or args.bucket < 0:
        raise _DamagedError(f"its dimension is {args.dim} and its number of buckets {args.bucket}")
    if not math.isfinite(args.t):
        raise _DamagedError(f"its threshold of sampling (t) is {args.t}")
    args.maxn, args.minn = max(args.maxn, 0), max(args.minn, 0)
    if args.uses_buckets and args.bucket == 0:
        raise _DamagedError("it has n-grams but no buckets for them; fastText crashes on it")
    if args.maxn > 1 << 16 or args.word_ngrams > 1 << 16:
        raise _DamagedError(f"its n-grams are up to {max(args.maxn, args.word_ngrams)} long")
    return args


def _parse_dictionary(reader: _Reader, args: Args) -> Dictionary:
    size, n_words, n_labels, n_tokens, n_pairs = map(int, reader.unpack(_COUNTS))
    # The least that an entry takes is 10 bytes.
    if min(n_words, n_labels) < 0 or n_words + n_labels != size or 10 * size > reader.size:
        raise _DamagedError(f"it has {n_words:,} words and {n_labels:,} labels, {size:,} together")
    offsets, counts = np.empty((size, 2), np.int64), np.empty(size, np.int64)
    kinds = np.empty(size, np.int8)
    room = ENTRY_BYTES * size
    while True:
        data = reader.source.take(reader.position, min(room, reader.size - reader.position))
        end = parse_entries(data, 0, offsets, counts, kinds)
        if end >= 0:
            break
        if data.size == reader.size - reader.position:
            raise _DamagedError("it ends within the words")
        room *= 2
    if np.any(kinds[:n_words] != 0) or np.any(kinds[n_words:] != 1):
        raise _DamagedError("its words and labels are mixed")
    if np.any(counts < 0) or float(counts.sum(dtype=np.float64)) > MOST_COUNTED:
        raise _DamagedError("its words or labels are counted below 0, or too often")
    pool = data[:end].copy()
    reader.position += end
    pairs = None
    if n_pairs >= 0:
        pairs = reader.numbers("<i4", 2 * n_pairs).reshape(-1, 2)
        if np.any(pairs < 0) or np.any(pairs[:, 0] >= max(args.bucket, 1)):
            raise _DamagedError("its rows of n-grams are out of range")
        if np.unique(pairs[:, 0]).size != n_pairs:
            raise _DamagedError("two of its rows are of the same n-gram")
        if not np.array_equal(np.sort(pairs[:, 1]), np.arange(n_pairs)):
            raise _DamagedError("its rows of n-grams are not one for each")
    return Dictionary(args, pool, offsets, counts, n_words, n_tokens, pairs)


def _parse_table(reader: _Reader, quantized: bool, dim: int) -> DenseTable | QuantizedMatrix:
    if not quantized:
        n_rows, n_columns = map(int, reader.unpack(struct.Struct("<qq")))
        _check_shape(n_rows, n_columns, dim)
        size = reader.check(4 * n_rows * n_columns)
        table = reader.source.table(reader.position, n_rows, dim)
        reader.position += size
        if table.paged is None and size <= paging.LARGE and not table.is_finite():
            raise _DamagedError("a table holds numbers that are not finite")
        return table
    with_norms = bool(reader.take(1)[0])
    n_rows, n_columns, n_codes = map(int, reader.unpack(struct.Struct("<qqi")))
    _check_shape(n_rows, n_columns, dim)
    codes = reader.numbers("<u1", n_codes)
    quantizer = _parse_quantizer(reader, dim)
    if n_codes != n_rows * quantizer.nsubq:
        raise _DamagedError(f"it has {n_codes:,} codes for {n_rows:,} rows of {quantizer.nsubq}")
    norm_codes = norms = None
    if with_norms:
        norm_codes = reader.numbers("<u1", n_rows)
        norms = _parse_quantizer(reader, 1)
    return QuantizedMatrix(codes.reshape(n_rows, quantizer.nsubq), quantizer, norm_codes, norms)


def _check_shape(n_rows: int, n_columns: int, dim: int) -> None:
    if n_columns != dim or not 0 <= n_rows < 1 << 40:
        raise _DamagedError(f"a table has shape {n_rows} x {n_columns}, with {dim} dimensions")


def _parse_quantizer(reader: _Reader, dim: int) -> ProductQuantizer:
    columns, n_parts, part, last = map(int, reader.unpack(struct.Struct("<4i")))
    good = columns == dim and 1 <= part <= dim and n_parts == -(-dim // part)
    if not good or last != (dim % part or part):
        raise _DamagedError(
            f"a quantiser has {n_parts} parts of {part} and {last} numbers for {dim}"
        )
    centroids = reader.numbers("<f4", dim * N_CENTROIDS)
    if not is_finite(centroids):
        raise _DamagedError("a quantiser holds numbers that are not finite")
    return ProductQuantizer(dim, n_parts, part, last, centroids)


def write(parts: ModelParts, path: str | os.PathLike[str]) -> None:
    """Write a model in fastText's format (version 12).

    Raises
    ------
    ModelError
        If the file cannot be written; nothing is left behind, an old file stays as it was.
    """
    try:
        with replacing(path) as file:
            for piece in _pieces(parts):
                if isinstance(piece, int):  # zeros take no room if the file goes on behind them
                    file.seek(piece, os.SEEK_CUR)
                else:
                    file.write(piece)
            file.truncate()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"{os.fsdecode(path)} cannot be opened for saving: {reason}") from None


def to_bytes(parts: ModelParts) -> bytes:
    """Return what `write` writes."""
    pieces = _pieces(parts)
    return b"".join(bytes(piece) if isinstance(piece, int) else piece for piece in pieces)


def _pieces(parts: ModelParts) -> Iterator[bytes | int]:
    """Yield a file's bytes, or how many zeros come next."""
    args, dictionary = parts.args, parts.dictionary
    quantized = isinstance(parts.input, QuantizedMatrix)
    values = [getattr(args, name) for name in STORED]
    values[STORED.index("loss")] = LOSSES[args.loss].number
    values[STORED.index("model")] = MODELS[args.model].number
    yield _HEADER.pack(FASTTEXT_MAGIC, VERSION, *values)
    n_pairs = -1 if dictionary.pairs is None else len(dictionary.pairs)
    yield _COUNTS.pack(
        dictionary.size, dictionary.n_words, dictionary.n_labels, dictionary.n_tokens, n_pairs
    )
    counts, n_words = dictionary.counts.tolist(), dictionary.n_words
    entry = struct.Struct("<xqb")
    yield b"".join(
        dictionary.entry(i) + entry.pack(counts[i], i >= n_words) for i in range(dictionary.size)
    )
    if dictionary.pairs is not None:
        yield dictionary.pairs.astype("<i4").tobytes()
    yield bytes([quantized])
    yield from _table_pieces(parts.input)
    yield bytes([isinstance(parts.output, QuantizedMatrix)])
    yield from _table_pieces(parts.output)


def _table_pieces(table: DenseTable | QuantizedMatrix) -> Iterator[bytes | int]:
    if isinstance(table, DenseTable):
        yield struct.pack("<qq", *table.shape)
        for n_zeros, rows in table.runs():
            if n_zeros:
                yield 4 * n_zeros * table.dim
            if rows.size:
                yield rows.astype("<f4", copy=False).tobytes()
        return
    yield struct.pack("<?qqi", table.norm_codes is not None, *table.shape, table.codes.size)
    yield table.codes.tobytes()
    yield from _quantizer_pieces(table.quantizer)
    if table.norm_codes is not None and table.norm_quantizer is not None:
        yield table.norm_codes.tobytes()
        yield from _quantizer_pieces(table.norm_quantizer)


def _quantizer_pieces(quantizer: ProductQuantizer) -> Iterator[bytes]:
    yield struct.pack("<4i", quantizer.dim, quantizer.nsubq, quantizer.dsub, quantizer.lastdsub)
    yield quantizer.centroids.astype("<f4", copy=False).tobytes()
