"""What is given to an audit in Python: texts, labels and settings, checked before all else."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from fasttext_lite.auditing.duplicates import LEAST_NEAR
from fasttext_lite.auditing.findings import KINDS
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import SettingError, bounded

_SEVERAL = (list, tuple, set, frozenset, np.ndarray)


def parts_of(texts: Any, labels: Any, others: Any) -> list[tuple[Any, Any]]:
    """Return texts and labels of each part.

    Raises
    ------
    TypeError
        If the others are no list of pairs.
    """
    form = "others must be a list of pairs, [(texts, labels), ...]"
    if isinstance(others, str | bytes) or not isinstance(others, Iterable):
        raise TypeError(f"{form}; got {type(others).__name__}")
    pairs = list(others)
    for place, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or isinstance(pair[0], str):
            raise TypeError(f"{form}; others[{place}] is no pair of texts and labels")
    return [(texts, labels), *pairs]


def taken(texts: Any, labels: Any, number: int) -> tuple[Texts, list[tuple[str, ...]]]:
    """Return the texts of a part, and the labels of each as text.

    Parameters
    ----------
    texts, labels
        As of `audit.audit`.
    number : int
        Of the part; 0 = the first.

    Raises
    ------
    TypeError, ValueError
        As of `audit.audit`.
    """
    of = f" of others[{number - 1}]" if number else ""
    found = Texts.from_sequence(texts)
    values = _values(labels, of)
    if len(values) != len(found):
        raise ValueError(f"{len(found)} texts{of}, but {len(values)} labels")
    rows = []
    for place, value in enumerate(values):
        several = list(value) if isinstance(value, _SEVERAL) else [value]
        rows.append(tuple(dict.fromkeys(_name(each, f"position {place}{of}") for each in several)))
    return found, rows


def _values(labels: Any, of: str) -> list[Any]:
    """Return what the labels of each text are; of a matrix of 0 and 1, the numbers of columns."""
    shape = getattr(labels, "shape", None)
    if shape is not None and len(shape) == 2 and shape[1] > 1:
        matrix = labels.toarray() if hasattr(labels, "toarray") else np.asarray(labels)
        if matrix.dtype.kind not in "biuf" or not np.isin(matrix, (0, 1)).all():
            raise TypeError(
                f"labels{of} are a matrix of {shape[1]} columns with other values than 0 and 1: "
                "pass a list with the label of each text, or with a list of its labels"
            )
        return [np.flatnonzero(row).tolist() for row in matrix]
    if isinstance(labels, str | bytes | dict) or not isinstance(labels, Iterable):
        raise TypeError(
            f"labels{of} must be a list with the label of each text, or with a list of its labels; "
            f"got {type(labels).__name__}"
        )
    if shape is not None and len(shape) == 2:
        labels = np.asarray(labels).ravel()  # a column
    return labels.tolist() if hasattr(labels, "tolist") else list(labels)


def _name(label: Any, where: str) -> str:
    if isinstance(label, str):
        return str(label)
    is_missing = label is None or (isinstance(label, Real) and math.isnan(float(label)))
    if is_missing or type(label).__name__ in ("NAType", "NaTType"):  # of pandas
        raise ValueError(f"label at {where} is missing")
    if not isinstance(label, Real | np.bool_):
        raise TypeError(f"label at {where} must be text or a number; got {type(label).__name__}")
    return str(label)


# -- settings --------------------------------------------------------------------------------
def checked(checks: Any) -> list[str]:
    """Return kinds to look for in the order of `KINDS`.

    Raises
    ------
    SettingError
        If one has no such name, or there is none.
    TypeError
        If they are no names.
    """
    if checks is None:
        return list(KINDS)
    if not isinstance(checks, Iterable) or isinstance(checks, bytes):
        raise TypeError(bounded(f"checks must be a list of {', '.join(KINDS)}; got {checks!r}"))
    asked = [checks] if isinstance(checks, str) else list(checks)
    for name in asked:
        if not isinstance(name, str) or name not in KINDS:
            raise SettingError(f"no check is called {name!r}: {', '.join(KINDS)}")
    if not asked:
        raise SettingError(f"no check is named: {', '.join(KINDS)}")
    return [kind for kind in KINDS if kind in asked]


def check_settings(near: Any, seed: Any, n_threads: Any, least_score: Any) -> None:
    """Check the numbers among the settings of an audit.

    Raises
    ------
    SettingError
        With the name of the one that cannot be.
    """
    for name, value, least in (("near", near, LEAST_NEAR), ("least_score", least_score, 0)):
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or not least <= value <= 1:
            raise SettingError(f"{name} must be a number from {least} to 1; got {value!r}")
    if not _is_whole(seed, 0):
        raise SettingError(f"seed must be a whole number from 0 on; got {seed!r}")
    if n_threads is not None and not _is_whole(n_threads, 1):
        raise SettingError(f"n_threads must be None or a whole number from 1 on; got {n_threads!r}")


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
