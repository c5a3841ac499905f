"""What users of scikit-learn pass as y, sample_weight and class_weight, made into `Labels`."""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from fasttext_lite.config.foreign import WORD, advice
from fasttext_lite.corpus import DEFAULT_PREFIX
from fasttext_lite.corpus.labels import Labels, without_prefix
from fasttext_lite.model.run import BALANCED


@dataclasses.dataclass(frozen=True)
class Target:
    """Labels as the estimator received them.

    Attributes
    ----------
    kind : str
        "single", "lists" (a list of labels for each text) or "indicator" (a 0/1 matrix).
    classes : ndarray of shape (n_classes,)
        The different labels, sorted, in their own type.
    labels : Labels
        Ids are positions in `classes`; names are text, without fastText's prefix of labels.
    """

    kind: str
    classes: np.ndarray
    labels: Labels

    def take(self, chosen: np.ndarray) -> Target:
        """Return the labels of the chosen texts, in that order."""
        return dataclasses.replace(self, labels=self.labels.take(chosen))


def plain(value: Any) -> Any:
    """Return a NumPy scalar as the Python value that it holds."""
    return value.item() if isinstance(value, np.generic) else value


def label_array(values: Any) -> np.ndarray:
    """Return labels as an array; what NumPy makes equal, 1 and "1", stays different."""
    try:
        array = np.asarray(values)
        if array.dtype.kind == "T":
            return array.astype(object)
        if array.dtype.kind == "U" and isinstance(values, list | tuple):
            return array if all(isinstance(v, str) for v in values) else np.array(values, object)
        if array.dtype.kind == "O" and array.size and not isinstance(array.flat[0], str):
            narrow = np.asarray(array.tolist())
            return narrow if narrow.dtype.kind in "biuf" else array
    except ValueError:
        raise ValueError("y must have one label, or one list of labels, for each text") from None
    return array


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):  # pandas.NA is neither equal nor different
        return True


def unique_labels(values: Any) -> np.ndarray:
    """Return the sorted different labels; a missing or unsortable one is a `ValueError`."""
    array = label_array(values)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("Input y contains NaN or infinity.")
    if array.dtype.kind == "O" and any(map(_is_missing, array.tolist())):
        raise ValueError("Input y contains NaN or None.")
    try:
        return np.unique(array)
    except TypeError:
        raise ValueError(
            "labels must all be of one type that sorts (for example all str)"
        ) from None


def is_matrix(y: Any) -> bool:
    """Return whether y has two dimensions and more than one column."""
    shape = getattr(y, "shape", None)
    return shape is not None and len(shape) == 2 and shape[1] > 1


def _is_label_lists(y: Any) -> bool:
    if hasattr(y, "to_list"):
        y = y.to_list()
    if not isinstance(y, list | tuple | np.ndarray) or getattr(y, "ndim", 1) != 1 or len(y) == 0:
        return False
    return all(isinstance(row, list | tuple | set | frozenset | np.ndarray) for row in y)


def read_target(y: Any, classes: Any = None, kind: str | None = None) -> Target:
    """Return labels numbered by their place among the sorted classes.

    Parameters
    ----------
    y : array-like of labels, list of lists of labels, or 0/1 matrix (dense or sparse)
    classes, kind : optional
        The classes and the kind that were given in the first call of partial_fit.

    Raises
    ------
    ValueError
        If labels are missing, cannot be sorted, or are not in `classes`.
    """
    found = "indicator" if is_matrix(y) else "lists" if _is_label_lists(y) else "single"
    if kind is not None and found != kind:
        raise ValueError(f"y was {kind} in the first call of partial_fit and is {found} now")
    if found == "indicator":
        is_sparse = hasattr(y, "tocsr")
        matrix = y.tocsr() if is_sparse else np.asarray(y)
        if not np.isin(matrix.data if is_sparse else matrix, (0, 1)).all():
            raise ValueError(
                "y has two dimensions but is no 0/1 indicator matrix (multi-output targets "
                f"are not supported); shape {matrix.shape}"
            )
        docs, ids = matrix.nonzero()
        indptr = np.searchsorted(docs, np.arange(matrix.shape[0] + 1))
        known = np.arange(matrix.shape[1])
        if classes is not None and not np.array_equal(classes, known):
            raise ValueError(
                f"y is a 0/1 matrix of {len(known)} columns: its classes are the numbers of the "
                f"columns; got {np.asarray(classes).tolist()!r}"
            )
    else:
        if found == "lists":
            rows = [_different(row) for row in y]
            flat = label_array([label for row in rows for label in row])
            sizes = [len(row) for row in rows]
        else:
            flat = column_or_1d(label_array(y), warn=True)
            sizes = [1] * len(flat)
        present = unique_labels(flat)
        if found == "single":
            check_classification_targets(flat)
        known = present if classes is None else np.asarray(classes)
        strange = set(present.tolist()) - set(known.tolist())
        if strange:
            raise ValueError(f"y contains a label that is not in classes: {min(strange)!r}")
        ids = np.searchsorted(known, flat) if flat.size else np.zeros(0, np.int64)
        ids = ids[np.lexsort((ids, np.repeat(np.arange(len(sizes)), sizes)))]
        indptr = np.append(0, np.cumsum(sizes))
    names = [without_prefix(str(name), DEFAULT_PREFIX) for name in known]
    if len(set(names)) < len(names):
        names = [repr(name) for name in known]
    labels = Labels(ids.astype(np.int32), indptr.astype(np.int64), names)
    return Target(found, known, labels)


def _different(row: Any) -> list:
    try:
        return list(dict.fromkeys(row))
    except TypeError:
        raise ValueError("y must have one label, or one list of labels, for each text") from None


def sample_weights(sample_weight: Any, n: int) -> np.ndarray:
    """Return weights of n texts, float64[n]; None means 1, a number means all the same.

    Raises
    ------
    ValueError
        If the shape is another, or a weight is negative or not finite.
    """
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, np.float64)
    if weights.ndim == 0:
        weights = np.full(n, float(weights))
    if weights.shape != (n,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected ({n},)")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("sample_weight must be finite and not negative")
    return weights


def named_weights(class_weight: Any, target: Target) -> str | dict[str, float] | None:
    """Return class weights by the names of the labels, as `fitting.class_weight` takes them.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        By the labels themselves.
    target : Target

    Raises
    ------
    ValueError
        If `class_weight` is something else, names a label that is not there, or has a weight
        that is negative or not finite.
    """
    if class_weight is None or (isinstance(class_weight, str) and class_weight == BALANCED):
        return class_weight
    if not isinstance(class_weight, dict):
        said = ""
        if isinstance(class_weight, str):
            said = advice(class_weight, [BALANCED], WORD, "class_weight")
        raise ValueError(
            f"class_weight must be a dict, {BALANCED!r} or None; got {class_weight!r}{said}"
        )
    names = dict(zip(target.classes.tolist(), target.labels.names, strict=True))
    found: dict[str, float] = {}
    for label, weight in class_weight.items():
        label = plain(label)
        if label not in names:
            raise ValueError(f"class_weight has a label that is not in y: {label!r}")
        number = isinstance(weight, numbers.Real) and math.isfinite(weight)
        if not number or weight < 0:
            raise ValueError(
                f"class_weight of {label!r} must be a finite number of at least 0; got {weight!r}"
            )
        found[names[label]] = float(weight)
    return found
