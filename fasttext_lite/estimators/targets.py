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
from fasttext_lite.corpus.shares import likeliest
from fasttext_lite.errors import bounded
from fasttext_lite.model.run import BALANCED

SUM_TOLERANCE = 1e-3  # of the shares of a row


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
    weights : float32[n_texts], optional
        Where y was a matrix of shares of labels: how much the likeliest one counts.
    """

    kind: str
    classes: np.ndarray
    labels: Labels
    weights: np.ndarray | None = None

    def take(self, chosen: np.ndarray) -> Target:
        """Return the labels of the chosen texts, in that order."""
        weights = None if self.weights is None else self.weights[chosen]
        return dataclasses.replace(self, labels=self.labels.take(chosen), weights=weights)


def plain(value: Any) -> Any:
    """Return a NumPy scalar as the Python value that it holds."""
    return value.item() if isinstance(value, np.generic) else value


def label_array(values: Any) -> np.ndarray:
    """Return labels as an array; what NumPy makes equal stays different, 1 and "1" for one.

    NumPy's own arrays of text drop NULs at the end of each: texts that have some are kept as
    objects.  Who passes such an array has lost them before.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind == "T":
            return array.astype(object)
        if array.dtype.kind == "U" and isinstance(values, list | tuple):
            kept = all(isinstance(v, str) and not v.endswith("\0") for v in values)
            return array if kept else np.array(values, object)
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


def joined_labels(known: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Return sorted labels with those of `more` that are new.

    Raises
    ------
    ValueError
        If these are of another type: text, whole numbers, other numbers, truth values.
    """
    there = set(known.tolist())
    new = more[[label not in there for label in more.tolist()]]
    if new.size == 0:
        return known
    if known.dtype.kind == "f" and new.dtype.kind in "iu":
        new = new.astype(known.dtype)
    families = [_FAMILIES.get(array.dtype.kind, array.dtype.kind) for array in (known, new)]
    if families[0] != families[1]:
        raise ValueError(
            bounded(
                f"a new label must be of the type of those before, such as {plain(known[0])!r}; "
                f"got {plain(new[0])!r}"
            )
        )
    return unique_labels(np.concatenate([known, new]))


_FAMILIES = {"U": "text", "O": "text", "i": "whole", "u": "whole"}


def read_target(
    y: Any, classes: Any = None, kind: str | None = None, is_open: bool = False
) -> Target:
    """Return labels numbered by their place among the sorted classes.

    Parameters
    ----------
    y : array-like of labels, list of lists of labels, 0/1 matrix (dense or sparse), or shares
        Shares: a matrix with a column for each label, its rows at least 0 and of the sum 1,
        with a value that is neither 0 nor 1. What is learnt of them is the likeliest label.
    classes, kind : optional
        The classes and the kind that were given in the first call of partial_fit.
    is_open : bool
        Whether other labels than `classes` join these.

    Raises
    ------
    ValueError
        If labels are missing, cannot be sorted, or are not in `classes`.
    """
    if is_matrix(y):
        return _of_matrix(y, classes, kind, is_open)
    found = "lists" if _is_label_lists(y) else "single"
    _check_kind(found, kind)
    if found == "lists":
        rows = [_different(row) for row in y]
        flat = label_array([label for row in rows for label in row])
        sizes = [len(row) for row in rows]
        if flat.dtype.kind == "f" and np.allclose([sum(row) for row in y], 1, atol=SUM_TOLERANCE):
            raise ValueError(
                "y is a list of lists, which hold labels; these look like shares of labels: pass "
                "an array, np.array(y), or a DataFrame"
            )
    else:
        flat = column_or_1d(label_array(y), warn=True)
        sizes = [1] * len(flat)
    present = unique_labels(flat)
    if found == "single":
        check_classification_targets(flat)
    known = present if classes is None else label_array(classes)
    if is_open:
        known = joined_labels(known, present)
    strange = set(present.tolist()) - set(known.tolist())
    if strange:
        raise ValueError(
            bounded(f"y contains a label that is not in classes: {plain(min(strange))!r}")
        )
    ids = np.searchsorted(known, flat) if flat.size else np.zeros(0, np.int64)
    ids = ids[np.lexsort((ids, np.repeat(np.arange(len(sizes)), sizes)))]
    return Target(found, known, _labels(ids, np.append(0, np.cumsum(sizes)), known))


def _check_kind(found: str, kind: str | None) -> None:
    if kind is not None and found != kind:
        raise ValueError(f"y was {kind} in the first call of partial_fit and is {found} now")


def _labels(ids: np.ndarray, indptr: np.ndarray, classes: np.ndarray) -> Labels:
    return Labels(ids.astype(np.int32), indptr.astype(np.int64), label_names(classes))


def label_names(classes: np.ndarray) -> list[str]:
    """Return the names of labels, as a model has them: text, without fastText's prefix."""
    own = [plain(label) for label in classes]
    texts = [str(label) for label in own]
    without = [without_prefix(name, DEFAULT_PREFIX) for name in texts]
    # Of several that are the same text, such as 1 and "1", how Python writes them.
    ways = (without, texts, [repr(label) for label in own])
    return next((way for way in ways if len(set(way)) == len(own)), ways[-1])


def single_labels(y: Any) -> np.ndarray:
    """Return the label of each text; of shares of labels the likeliest one."""
    if not is_matrix(y):
        return label_array(y)
    found = read_target(y, kind="single")
    return found.classes[found.labels.ids]


# -- matrices --------------------------------------------------------------------------------
def _of_matrix(y: Any, classes: Any, kind: str | None, is_open: bool) -> Target:
    """Return the labels of a 0/1 matrix, or of one of shares."""
    is_sparse = hasattr(y, "tocsr")
    matrix: Any = y.tocsr() if is_sparse else np.asarray(y)
    values = matrix.data if is_sparse else matrix
    # Where labels were single, rows of 0 and 1 are shares that happen to be whole.
    if kind == "single" or not np.isin(values, (0, 1)).all():
        return _of_shares(y, matrix.toarray() if is_sparse else matrix, classes, kind, is_open)
    _check_kind("indicator", kind)
    known = np.arange(matrix.shape[1])
    _check_columns(known, classes, "a 0/1 matrix", is_open)
    docs, ids = matrix.nonzero()
    indptr = np.searchsorted(docs, np.arange(matrix.shape[0] + 1))
    return Target("indicator", known, _labels(ids, indptr, known))


def _check_columns(known: np.ndarray, classes: Any, what: str, is_open: bool) -> None:
    if classes is None:
        return
    columns = known[: len(classes)] if is_open else known
    if np.array_equal(classes, columns):
        return
    if is_open and np.array_equal(classes, np.arange(len(classes))):  # nobody gave classes
        raise ValueError(
            f"y is {what} of {len(known)} column{'s' * (len(known) != 1)}, and the model has "
            f"{len(classes)}: give all of these, in their order, and new ones behind them"
        )
    raise ValueError(
        bounded(
            f"y is {what} of {len(known)} columns: its classes are the numbers of the columns; "
            f"got {np.asarray(classes).tolist()!r}"
        )
    )


def _of_shares(y: Any, matrix: np.ndarray, classes: Any, kind: str | None, is_open: bool) -> Target:
    """Return the likeliest labels of a matrix of shares, with their weights."""
    shares = checked_shares(matrix)
    _check_kind("single", kind)
    columns = share_classes(y)
    known = unique_labels(columns)
    if len(known) < len(columns):
        raise ValueError("y has two columns of the same name: each must be a label of its own")
    if not hasattr(y, "columns"):
        _check_columns(known, classes, "a matrix of shares", is_open)
    elif classes is not None and not np.array_equal(
        known, joined_labels(np.asarray(classes), known) if is_open else classes
    ):
        raise ValueError(
            bounded(
                f"the columns of y are not the classes: got {known.tolist()!r}, the classes are "
                f"{np.asarray(classes).tolist()!r}"
            )
        )
    places, weights = likeliest(shares)
    ids = np.searchsorted(known, columns)[places]
    return Target("single", known, _labels(ids, np.arange(len(ids) + 1), known), weights)


def share_classes(y: Any) -> np.ndarray:
    """Return the labels of the columns of a matrix: their names, or without names their numbers."""
    columns = getattr(y, "columns", None)
    return np.arange(y.shape[1]) if columns is None else label_array(list(columns))


def checked_shares(matrix: np.ndarray) -> np.ndarray:
    """Return shares of labels as float64[n, n_labels].

    Raises
    ------
    ValueError
        If they are no numbers of at least 0, or a row does not sum to 1.
    """
    wanted = (
        f"y has two dimensions (shape {matrix.shape}) but is neither a 0/1 indicator matrix nor "
        "shares of labels, whose rows are at least 0 and sum to 1 (multi-output targets are not "
        "supported)"
    )
    if matrix.dtype.kind == "O":
        matrix = np.asarray(matrix.tolist())
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"{wanted}: its values are no numbers")
    shares = matrix.astype(np.float64)
    if not np.isfinite(shares).all():
        raise ValueError("Input y contains NaN or infinity.")
    sums = shares.sum(axis=1)
    bad = np.flatnonzero((shares < 0).any(axis=1) | (np.abs(sums - 1) > SUM_TOLERANCE))
    if bad.size:
        i = bad[0]
        what = f"sums to {sums[i]:g}" if (shares[i] >= 0).all() else f"holds {shares[i].min():g}"
        raise ValueError(
            f"{wanted}: row {i} {what}; of counts, such as votes, pass "
            "y / y.sum(axis=1, keepdims=True)"
        )
    return shares


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
            bounded(
                f"class_weight must be a dict, {BALANCED!r} or None; got {class_weight!r}{said}"
            )
        )
    names = dict(zip(target.classes.tolist(), target.labels.names, strict=True))
    found: dict[str, float] = {}
    for label, weight in class_weight.items():
        label = plain(label)
        if label not in names:
            raise ValueError(bounded(f"class_weight has a label that is not in y: {label!r}"))
        number = isinstance(weight, numbers.Real) and math.isfinite(weight)
        if not number or weight < 0:
            raise ValueError(
                bounded(
                    f"class_weight of {label!r} must be a finite number of at least 0; "
                    f"got {plain(weight)!r}"
                )
            )
        found[names[label]] = float(weight)
    return found
