"""The small form of a model's largest parts: rows as codes, words and features as byte streams.

Rows are kept in the order of their features.  Their numbers are rounded to whole multiples of
one step for the whole table ("int8"), or product-quantised ("pq").  Every stream is deflated
(zlib): small whole numbers then take as many bits as their frequencies ask for, so one step for
all costs less than a step for each row at the same accuracy.  A row's weight (idf and gain in
one) is one byte on a logarithmic scale.

A file says how large its streams become, and a damaged or malicious one may say anything.  So
before memory is taken, each stream is held against what deflate can do (`MOST_DEFLATED`), and all
that is unpacked against the bytes that are stored (`most_unpacked`); nothing is packed that would
not be unpacked again.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.errors import ModelError
from fasttext_lite.features.kernels.codes import CHARS
from fasttext_lite.features.slots import n_slots
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.model.quantization import N_CODES, ProductQuantizer, QuantizedMatrix

STEP = 0.5  # of int8, as a share of the root mean square of the table's numbers
_TOP = 127
MOST_DEFLATED = 1032  # bytes that a byte of a deflated stream can stand for
_ALWAYS = 1 << 26  # bytes that any model may unpack to
_OF_ROW, _OF_WORD = 32, 32  # bytes, beside the numbers and the letters: codes, and tables of them


@dataclass(frozen=True)
class Packed:
    """What a file of a quantised model holds in place of the tables of rows and words.

    Attributes
    ----------
    settings : dict
        JSON values: kind, sizes and scales.
    arrays : dict of ndarray
        Deflated streams (uint8), and the centroids of "pq".
    """

    settings: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def about(self) -> dict[str, Any]:
        """The settings, and the bytes of each array."""
        return {
            **self.settings,
            "bytes": {name: int(self.arrays[name].nbytes) for name in sorted(self.arrays)},
        }


class PackedSpace(FeatureSpace):
    """A feature space that knows the weights of its rows, but no longer what they came from.

    Parameters
    ----------
    config, pool, word_ends, row_codes, n_texts
        As `FeatureSpace`.
    sizes : float32[n_rows]
        Weight of each row without its sign; empty for mean pooling.
    """

    def __init__(
        self,
        config: Config,
        pool: np.ndarray,
        word_ends: np.ndarray,
        row_codes: np.ndarray,
        n_texts: int,
        sizes: np.ndarray,
    ) -> None:
        unknown = np.zeros(len(row_codes), np.int32)
        super().__init__(config, pool, word_ends, row_codes, unknown, n_texts)
        self.sizes = np.ascontiguousarray(sizes, np.float32)

    def __getstate__(self) -> tuple:
        """Return the arguments of the constructor."""
        return self.config, self.pool, self.word_ends, self.row_codes, self.n_texts, self.sizes

    @cached_property
    def factors(self) -> np.ndarray:
        """The weights with their signs; see `FeatureSpace`."""
        factors = self.sizes.copy()
        config = self.config
        if factors.size and config.pooling == "blocks" and config.maxn:
            chars = self.n_words + int(self.options[CHARS])
            codes = self.row_codes
            factors[(codes >= chars) & (codes < chars + config.bucket)] *= -1
        return factors

    def grow_chunks(self, *arguments: Any, **named: Any) -> Any:
        """Raise `ModelError`: new rows would need the frequencies of the old ones."""
        raise ModelError(
            "a quantised model cannot be trained further; train the model that it was made from"
        )

    def take(self, rows: np.ndarray) -> FeatureSpace:
        """Return the space with the given rows alone, numbered in their order."""
        sizes = self.sizes[rows] if self.sizes.size else self.sizes
        return PackedSpace(
            self.config, self.pool, self.word_ends, self.row_codes[rows], self.n_texts, sizes
        )


def by_feature(space: FeatureSpace, rows: np.ndarray) -> tuple[FeatureSpace, np.ndarray]:
    """Return a space of chosen rows, in the order of their features, with their words alone.

    Parameters
    ----------
    space : FeatureSpace
    rows : int64[n_chosen]

    Returns
    -------
    space : FeatureSpace
    rows : int64[n_chosen]
        Sorted.
    """
    codes = space.row_codes.astype(np.int64)
    rows = rows[np.argsort(codes[rows], kind="stable")]
    codes = codes[rows]
    n_words = space.n_words
    words = codes[codes < n_words]
    sizes = np.diff(space.word_ends, prepend=0)
    begins = (space.word_ends - sizes)[words]
    ends = np.cumsum(sizes[words])
    places = np.arange(ends[-1] if ends.size else 0)
    places += np.repeat(begins - (ends - sizes[words]), sizes[words])
    codes[words.size :] -= n_words - words.size
    codes[: words.size] = np.arange(words.size)
    kept = FeatureSpace(
        space.config, space.pool[places], ends, codes, space.frequency[rows], space.n_texts,
        space.gains[rows],
    )  # fmt: skip
    return kept, rows


# -- the forms of rows -----------------------------------------------------------------------
@dataclass(frozen=True)
class PackOptions:
    """How a table is packed; each form of rows uses its own part.

    Attributes
    ----------
    step : float
        Of "int8": the step, as a share of the root mean square of the numbers.
    dsub, qnorm, seed, n_threads
        Of "pq", see `QuantizedMatrix.quantize`.
    """

    step: float = STEP
    dsub: int = 2
    qnorm: bool = False
    seed: int = 1234
    n_threads: int = 1


_Settings = dict[str, Any]
_Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class RowForm:
    """A way to keep the rows of a table.

    Attributes
    ----------
    pack : callable
        From float32[n_rows, n_columns] to settings and arrays.
    check : callable
        From the settings of a file to the names of the arrays that belong to them; raises
        `ValueError` for a value out of range.
    unpack : callable
        The way back.
    settings : tuple of str
        Names of its settings.
    """

    pack: Callable[[np.ndarray, PackOptions], tuple[_Settings, _Arrays]]
    check: Callable[[_Settings], set[str]]
    unpack: Callable[[_Settings, _Arrays], np.ndarray]
    settings: tuple[str, ...]


def _pack_int8(table: np.ndarray, options: PackOptions) -> tuple[_Settings, _Arrays]:
    mean_square = float(np.mean(table.astype(np.float64) ** 2)) if table.size else 0.0
    largest = float(np.abs(table).max()) if table.size else 0.0
    step = max(options.step * math.sqrt(mean_square), largest / _TOP)
    scale = float(np.float32(step)) or 1.0
    codes = np.clip(np.rint(table / np.float32(scale)), -_TOP, _TOP).astype(np.int8)
    return {"scale": scale}, {"rows": _deflate(codes.view(np.uint8))}


def _check_int8(settings: _Settings) -> set[str]:
    if not _is_positive(settings["scale"]):
        raise ValueError("the scale of its rows is not a positive number")
    return {"rows"}


def _unpack_int8(settings: _Settings, arrays: _Arrays) -> np.ndarray:
    n_rows, n_columns = settings["n_rows"], settings["n_columns"]
    codes = _inflate(arrays, "rows", n_rows * n_columns).view(np.int8)
    return codes.reshape(n_rows, n_columns) * np.float32(settings["scale"])


def _pack_pq(table: np.ndarray, options: PackOptions) -> tuple[_Settings, _Arrays]:
    matrix = QuantizedMatrix.quantize(
        table, options.dsub, options.qnorm, options.seed, options.n_threads
    )
    arrays = {
        "rows": _deflate(matrix.codes),
        "centroids": narrowed(matrix.quantizer.centroids),
    }
    if matrix.norm_codes is not None and matrix.norm_quantizer is not None:
        arrays["norm_codes"] = _deflate(matrix.norm_codes)
        arrays["norm_centroids"] = matrix.norm_quantizer.centroids
    return {"dsub": matrix.quantizer.dsub, "qnorm": options.qnorm}, arrays


def _check_pq(settings: _Settings) -> set[str]:
    dsub, qnorm = settings["dsub"], settings["qnorm"]
    if type(dsub) is not int or not 1 <= dsub <= settings["n_columns"]:
        raise ValueError("the size of its sub-vectors is out of range")
    if type(qnorm) is not bool:
        raise ValueError("qnorm is neither true nor false")
    return {"rows", "centroids"} | ({"norm_codes", "norm_centroids"} if qnorm else set())


def _unpack_pq(settings: _Settings, arrays: _Arrays) -> np.ndarray:
    n_rows, n_columns, dsub = settings["n_rows"], settings["n_columns"], settings["dsub"]
    n_sub = -(-n_columns // dsub)
    codes = _inflate(arrays, "rows", n_rows * n_sub).reshape(n_rows, n_sub)
    centroids = _centroids(arrays, "centroids", n_columns)
    quantizer = ProductQuantizer(n_columns, n_sub, dsub, n_columns - (n_sub - 1) * dsub, centroids)
    if not settings["qnorm"]:
        return QuantizedMatrix(codes, quantizer).decode()
    norms = ProductQuantizer(1, 1, 1, 1, _centroids(arrays, "norm_centroids", 1))
    return QuantizedMatrix(codes, quantizer, _inflate(arrays, "norm_codes", n_rows), norms).decode()


ROW_FORMS = {
    "int8": RowForm(_pack_int8, _check_int8, _unpack_int8, ("scale",)),
    "pq": RowForm(_pack_pq, _check_pq, _unpack_pq, ("dsub", "qnorm")),
}
KINDS = tuple(ROW_FORMS)


# -- pack ------------------------------------------------------------------------------------
def most_unpacked(stored: int) -> int:
    """Return how many bytes may come of some bytes of a file: 64 MB, and 4,128 for each.

    A number of a table takes four bytes and is stored as a byte, deflated: 4 * 1032.
    """
    return _ALWAYS + 4 * MOST_DEFLATED * stored


def _check_unpacked(settings: _Settings, arrays: _Arrays, dim: int) -> None:
    """Raise `ValueError` where more would be unpacked than the bytes that are stored allow."""
    size = settings["n_rows"] * (4 * dim + _OF_ROW)
    size += settings["n_words"] * _OF_WORD + settings["n_bytes"]
    stored = sum(array.nbytes for array in arrays.values())
    if size > most_unpacked(stored):
        raise ValueError(
            f"its quantised tables would take {size:,} bytes, which {stored:,} stored ones cannot "
            "stand for"
        )


def pack_tables(
    space: FeatureSpace, embeddings: np.ndarray, kind: str = "int8", **options: Any
) -> Packed:
    """Return the small form of a feature space and its table.

    Parameters
    ----------
    space : FeatureSpace
        As `by_feature` returns it.
    embeddings : float32[n_rows, dim]
    kind : {"int8", "pq"}
    **options
        See `PackOptions`.

    Raises
    ------
    ModelError
        If the table holds numbers that are not finite, or has too few rows for "pq".
    """
    if not np.isfinite(embeddings).all():
        raise ModelError("the model holds numbers that are not finite: its file is damaged")
    used = np.flatnonzero(embeddings.any(axis=0))
    n_columns = int(used[-1]) + 1 if used.size else 1
    table = np.ascontiguousarray(embeddings[:, :n_columns], np.float32)
    settings: _Settings = {
        "rows": kind,
        "n_rows": space.n_rows,
        "n_columns": n_columns,
        "n_words": space.n_words,
        "n_bytes": int(space.pool.size),
    }
    arrays = {
        "words": _deflate(space.pool),
        "word_sizes": _deflate(_planes(np.diff(space.word_ends, prepend=0))),
        "row_gaps": _deflate(_planes(np.diff(space.row_codes.astype(np.int64), prepend=-1) - 1)),
    }
    if space.config.pooling != "mean":
        settings["factors"], arrays["factors"] = _pack_factors(space.factors)
    of_rows, row_arrays = ROW_FORMS[kind].pack(table, PackOptions(**options))
    packed = Packed(settings | of_rows, arrays | row_arrays)
    try:
        _check_unpacked(packed.settings, packed.arrays, embeddings.shape[1])
    except ValueError as error:
        raise ModelError(f"the model cannot be quantised so: {error}") from None
    return packed


def _pack_factors(factors: np.ndarray) -> tuple[list[float], np.ndarray]:
    """Return the range of the rows' weights, and each as one byte on a logarithmic scale."""
    sizes = np.abs(factors).astype(np.float64)
    low, high = (float(sizes.min()), float(sizes.max())) if sizes.size else (1.0, 1.0)
    span = max(math.log(high / low), 1e-9)
    return [low, high], _deflate(np.rint(np.log(sizes / low) * (255 / span)).astype(np.uint8))


def _unpack_factors(ends: list[float], arrays: _Arrays, n_rows: int) -> np.ndarray:
    low, high = ends
    levels = _inflate(arrays, "factors", n_rows) / 255.0
    return (low * (high / low) ** levels).astype(np.float32)


def narrowed(array: np.ndarray) -> np.ndarray:
    """Return an array as float16, or as it is where that would overflow."""
    if array.size and float(np.abs(array).max()) > float(np.finfo(np.float16).max):
        return array
    return array.astype(np.float16)


def narrowed_if_same(array: np.ndarray) -> np.ndarray:
    """Return an array as float16 where that changes no number, else as it is."""
    half = narrowed(array)
    return half if np.array_equal(half, array) else array


def _planes(numbers: np.ndarray) -> np.ndarray:
    """Return whole numbers below 2**32 as their lowest bytes, then the next, and so on."""
    return np.ascontiguousarray(numbers.astype("<u4").view(np.uint8).reshape(-1, 4).T)


def _deflate(array: np.ndarray) -> np.ndarray:
    """Return the shorter of two deflated streams: with and without a search for repeats."""
    data = np.ascontiguousarray(array).tobytes()
    found = []
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY):
        stream = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
        found.append(stream.compress(data) + stream.flush())
    return np.frombuffer(min(found, key=len), np.uint8)


# -- unpack ----------------------------------------------------------------------------------
def unpack_tables(packed: Packed, config: Config, n_texts: int) -> tuple[PackedSpace, np.ndarray]:
    """Return the feature space and the table, float32[n_rows, dim].

    Raises
    ------
    ValueError
        If anything does not fit together.
    """
    settings, arrays = packed.settings, packed.arrays
    _check_settings(settings, arrays, config)
    n_rows, n_words = settings["n_rows"], settings["n_words"]
    sizes = _joined(_inflate(arrays, "word_sizes", 4 * n_words))
    pool = _inflate(arrays, "words", settings["n_bytes"])
    word_ends = np.cumsum(sizes)
    if np.any(sizes < 1) or int(sizes.sum()) != pool.size:
        raise ValueError("the sizes of its words do not fit")
    codes = np.cumsum(_joined(_inflate(arrays, "row_gaps", 4 * n_rows)) + 1) - 1
    if n_rows and codes[-1] >= n_words + n_slots(config) + config.bias:
        raise ValueError("the features of its rows are out of range")
    weights = np.empty(0, np.float32)
    if config.pooling != "mean":
        weights = _unpack_factors(settings["factors"], arrays, n_rows)
    space = PackedSpace(config, pool, word_ends, codes.astype(np.int32), n_texts, weights)
    table = np.zeros((n_rows, config.dim or 0), np.float32)
    table[:, : settings["n_columns"]] = ROW_FORMS[settings["rows"]].unpack(settings, arrays)
    return space, table


def _check_settings(settings: _Settings, arrays: _Arrays, config: Config) -> None:
    has_factors = config.pooling != "mean"
    form = ROW_FORMS.get(kind) if isinstance(kind := settings.get("rows"), str) else None
    names = {"rows", "n_rows", "n_columns", "n_words", "n_bytes"}
    if has_factors:
        names.add("factors")
    if form is None or set(settings) != names | set(form.settings):
        raise ValueError("the settings of its quantisation are incomplete")
    counts = [settings[name] for name in ("n_rows", "n_columns", "n_words", "n_bytes")]
    if not all(type(n) is int and 0 <= n < 2**31 for n in counts):
        raise ValueError("the sizes of its quantised tables are no counts")
    if not 1 <= settings["n_columns"] <= (config.dim or 0):
        raise ValueError("its quantised table has more columns than the model")
    expected = {"words", "word_sizes", "row_gaps"} | form.check(settings)
    if has_factors:
        expected.add("factors")
        ends = settings["factors"]
        if not isinstance(ends, list) or len(ends) != 2 or not all(map(_is_positive, ends)):
            raise ValueError("the range of its weights is not a pair of positive numbers")
    if set(arrays) != expected:
        raise ValueError(f"its quantised arrays are {sorted(arrays)}, expected {sorted(expected)}")
    _check_unpacked(settings, arrays, config.dim or 0)


def _is_positive(value: Any) -> bool:
    return type(value) is float and 0 < value < float(np.finfo(np.float32).max)


def _inflate(arrays: _Arrays, name: str, size: int) -> np.ndarray:
    """Return a stream's bytes, of which there must be so many."""
    array = arrays[name]
    if array.dtype != np.uint8 or array.ndim != 1:
        raise ValueError(f"array {name} is not a stream of bytes")
    if size > MOST_DEFLATED * array.size:
        raise ValueError(f"array {name} has another size than expected")
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(array.tobytes(), size + 1)
    except zlib.error:
        raise ValueError(f"array {name} is unreadable") from None
    if len(data) != size or not stream.eof or stream.unused_data:
        raise ValueError(f"array {name} has another size than expected")
    return np.frombuffer(data, np.uint8)


def _joined(planes: np.ndarray) -> np.ndarray:
    """Return the numbers of `_planes`, int64."""
    return np.ascontiguousarray(planes.reshape(4, -1).T).view("<u4")[:, 0].astype(np.int64)


def _centroids(arrays: _Arrays, name: str, dim: int) -> np.ndarray:
    array = arrays[name]
    if array.dtype not in (np.float16, np.float32) or array.shape != (dim * N_CODES,):
        raise ValueError(f"array {name} has another type or shape than expected")
    if not np.isfinite(array).all():
        raise ValueError(f"array {name} holds values that are not finite")
    return array.astype(np.float32)
