"""The file that `FastTextEnsemble.save` writes.

Layout, format version 5: a safetensors file whose metadata has one key,
``fasttext-lite-ensemble``, with a JSON object of ``format_version``, ``created_by``, ``estimator``
(parameters and classes), ``members`` (for each the header of a model file, see
`fasttext_lite.model.storage`) and ``checksums`` (see `fasttext_lite.model.checksums`; older files
have none). The arrays are those of model files: ``shared.NAME`` where all members have the same,
else ``I.NAME`` for member I.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fasttext_lite.config.fields import FEATURE_FIELDS
from fasttext_lite.model.magic import check_ending
from fasttext_lite.model.model import Model
from fasttext_lite.model.safetensors import check_writable
from fasttext_lite.model.storage import (
    ENSEMBLE_KEY,
    FORMAT_VERSION,
    pack,
    read_document,
    unpack,
    unusable,
    write_document,
)
from fasttext_lite.version import __version__


def write_ensemble(
    path: str | os.PathLike[str], models: Sequence[Model], extra: Mapping[str, Any]
) -> None:
    """Write models, and the JSON values of an estimator, to one file.

    Raises
    ------
    ModelError
        If the file cannot be written.
    """
    check_ending(path)
    check_writable(path)
    packed = [pack(model) for model in models]
    tensors: dict[str, np.ndarray] = {}
    for name in sorted({name for _, own in packed for name in own}):
        arrays = [own[name] for _, own in packed if name in own]
        same = len(arrays) == len(packed) and all(
            np.array_equal(array, arrays[0]) for array in arrays[1:]
        )
        if same and len(packed) > 1:
            tensors[f"shared.{name}"] = arrays[0]
            continue
        for i, (_, own) in enumerate(packed):
            if name in own:
                tensors[f"{i}.{name}"] = own[name]
    header = {
        "format_version": FORMAT_VERSION,
        "created_by": f"fasttext-lite {__version__}",
        "estimator": extra,
        "members": [header for header, _ in packed],
    }
    write_document(path, header, tensors, ENSEMBLE_KEY)


def read_ensemble(path: str, mmap: bool | None = None) -> tuple[list[Model], dict[str, Any]]:
    """Return what `write_ensemble` has written.

    Parameters
    ----------
    path : str
    mmap : bool, optional
        As of `storage.load_model`.

    Returns
    -------
    models : list of Model
        At least one; those with the same features share them.
    extra : dict

    Raises
    ------
    ModelError
        If the file is missing, corrupt, of another kind, or of a newer format.
    """
    header, tensors = read_document(path, ENSEMBLE_KEY, mmap)
    try:
        return _members(header, tensors), dict(header["estimator"])
    except (KeyError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise unusable(f"{path}: the ensemble's file", error) from None


def _members(header: dict[str, Any], tensors: dict[str, np.ndarray]) -> list[Model]:
    """Return the models of an ensemble's file; those with the same features share them."""
    headers = header["members"]
    if not isinstance(headers, list) or not headers:
        raise ValueError("its header has no members")
    known = {"shared", *map(str, range(len(headers)))}
    parts: dict[str, dict[str, np.ndarray]] = {name: {} for name in known}
    for name, array in tensors.items():
        owner, _, rest = name.partition(".")
        if owner not in known:
            raise ValueError(f"it has an array {name}")
        parts[owner][rest] = array
    found: list[Model] = []
    for i, own in enumerate(headers):
        if not isinstance(own, dict):
            raise ValueError("its header is unreadable")
        model = unpack(own, {**parts["shared"], **parts[str(i)]})
        first = found[0] if found else model
        if model.labels != first.labels:
            raise ValueError("its members have different labels")
        if {"words", "word_ends", "row_codes", "frequency"} <= set(parts["shared"]):
            same = all(
                getattr(model.config, name) == getattr(first.config, name)
                for name in FEATURE_FIELDS
            )
            if not same or model.n_texts != first.n_texts:
                raise ValueError("its members have different features")
            model.space = first.space
        found.append(model)
    return found
