"""The arrays of a model file: one record for each, from which they are packed and checked.

A new array is a record here and a parameter of what owns it: `Model`, `FeatureSpace` or
`LabelTree`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES

if TYPE_CHECKING:
    from fasttext_lite.model.model import Model

ANY = -1  # a length that no other array shares


@dataclass(frozen=True)
class Sizes:
    """What the shapes of the arrays follow from.

    Attributes
    ----------
    config : Config
        Resolved.
    n_labels : int
    n_rows : int
        Of the input table.
    """

    config: Config
    n_labels: int
    n_rows: int

    @property
    def dim(self) -> int:
        """Columns of the input table."""
        return self.config.dim or 0

    @property
    def n_outputs(self) -> int:
        """Rows of the output table: labels, or inner nodes of a label tree."""
        return self.n_labels - _has_tree(self.config)

    @property
    def n_units(self) -> int:
        """Rows of the hidden layer."""
        return self.config.units * (2 if self.config.activation == "maxout" else 1)


@dataclass(frozen=True)
class StoredArray:
    """One array of the file.

    Attributes
    ----------
    name : str
        In the file.
    dtype : str, optional
        None: as the field `Config.dtype` says.
    shape : callable
        From `Sizes` to a tuple; (`ANY`,) for any length.
    owner : {"model", "space", "tree"}
        What it is part of: the `Model`, its `FeatureSpace` or its `LabelTree`.
    attribute : str
        Its name there, as attribute and as parameter of the constructor.
    is_there : callable
        From `Config` to bool; default: always.
    is_replaced : bool
        Whether `Packed` takes its place in the file of a quantised model.
    is_paged : bool
        Whether it is read, where it is large, block by block when it is needed.
    """

    name: str
    dtype: str | None
    shape: Callable[[Sizes], tuple[int, ...]]
    owner: str
    attribute: str
    is_there: Callable[[Config], bool] = lambda c: True
    is_replaced: bool = False
    is_paged: bool = False

    def of(self, model: Model) -> np.ndarray:
        """Return the array of a model."""
        owner = model if self.owner == "model" else getattr(model, self.owner)
        return np.ascontiguousarray(getattr(owner, self.attribute))

    def check(self, array: Any, sizes: Sizes) -> None:
        """Raise `ValueError` unless an array has the type and the shape of this one."""
        if array.dtype != (self.dtype or sizes.config.dtype):
            raise ValueError(f"array {self.name} has type {array.dtype}")
        expected = self.shape(sizes)
        if expected == (ANY,):
            expected = (array.size,)
        if array.shape != expected:
            raise ValueError(f"array {self.name} has shape {array.shape}, expected {expected}")


def _has_tree(config: Config) -> bool:
    return LOSSES[config.loss].uses_tree


# In the order of the format's description. `s` are the `Sizes`, `c` is the `Config`.
ARRAYS = (
    # The input table, a row for each feature.
    StoredArray(
        "embeddings", None, lambda s: (s.n_rows, s.dim), "model", "embeddings",
        is_replaced=True, is_paged=True,
    ),
    # The output table: a row for each label, with the loss hs for each inner node.
    StoredArray(
        "output", "float32", lambda s: (s.n_outputs, s.config.units or s.dim), "model", "output"
    ),
    # How often each label occurs in the training texts.
    StoredArray("label_counts", "int64", lambda s: (s.n_labels,), "model", "label_counts"),
    # The words, one after another, and where each ends.
    StoredArray("words", "uint8", lambda s: (ANY,), "space", "pool", is_replaced=True),
    StoredArray("word_ends", "int64", lambda s: (ANY,), "space", "word_ends", is_replaced=True),
    # The feature of each row: word w = w, hash slot s = n_words + s. The slots of n-grams and the
    # bias follow the words as `FeatureSpace` numbers them.
    StoredArray(
        "row_codes", "int32", lambda s: (s.n_rows,), "space", "row_codes", is_replaced=True
    ),
    # How many training texts have the feature of each row.
    StoredArray(
        "frequency", "int32", lambda s: (s.n_rows,), "space", "frequency", is_replaced=True
    ),
    # What the feature of each row tells about the labels.
    StoredArray(
        "gains", "float32", lambda s: (s.n_rows,), "space", "gains",
        lambda c: bool(c.supervision), is_replaced=True,
    ),
    # The two children of each inner node of the label tree.
    StoredArray(
        "tree_children", "int32", lambda s: (s.n_labels - 1, 2), "tree", "children", _has_tree
    ),
    # Of the normalisation: gain, shift, running mean and variance.
    StoredArray(
        "norm", "float32", lambda s: (4, s.dim), "model", "norm", lambda c: c.norm != "none"
    ),
    # The hidden layer, bias last; twice the rows for maxout.
    StoredArray(
        "layer", "float32", lambda s: (s.n_units, s.dim + 1), "model", "layer",
        lambda c: bool(c.units),
    ),
)  # fmt: skip
BY_NAME = {array.name: array for array in ARRAYS}


def is_paged(name: str) -> bool:
    """Whether an array of a file, or of an ensemble's, is read in blocks where it is large."""
    array = BY_NAME.get(name.rpartition(".")[2])
    return array is not None and array.is_paged


def stored_arrays(config: Config, is_quantized: bool) -> list[StoredArray]:
    """Return the arrays that the file of a model has beside those of `Packed`."""
    return [
        array
        for array in ARRAYS
        if array.is_there(config) and not (is_quantized and array.is_replaced)
    ]


def check_arrays(
    arrays: Mapping[str, Any], config: Config, n_labels: int, is_quantized: bool
) -> None:
    """Check names, types, shapes, and that numbers are finite.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Of a file, `PagedTable` for some; without those of `Packed`.
    config : Config
    n_labels : int
    is_quantized : bool
        Whether the file has arrays of `Packed` as well.

    Raises
    ------
    ValueError
        If anything is not as the format says.
    """
    expected = sorted(array.name for array in stored_arrays(config, is_quantized))
    if set(arrays) != set(expected):
        raise ValueError(f"its arrays are {sorted(arrays)}, expected {expected}")
    sizes = Sizes(config, n_labels, arrays["row_codes"].size if "row_codes" in arrays else 0)
    for name, array in arrays.items():
        BY_NAME[name].check(array, sizes)
    if np.any(arrays["label_counts"] < 0):
        raise ValueError("its counts are negative, or above the number of texts")
    for name, array in arrays.items():
        is_read = isinstance(array, np.ndarray)  # else its blocks are checked when they are
        if is_read and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"array {name} holds values that are not finite")
    if "norm" in arrays and np.any(arrays["norm"][3] < 0):
        raise ValueError("its running variances are negative")


def by_owner(arrays: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the arguments of the constructors of ``model``, ``space`` and ``tree``, by name."""
    found: dict[str, dict[str, Any]] = {array.owner: {} for array in ARRAYS}
    for name, array in arrays.items():
        found[BY_NAME[name].owner][BY_NAME[name].attribute] = array
    return found
