"""The native model file, `.ftl`: a safetensors file whose header holds one JSON document.

Layout, format version 3.  The file is a safetensors file (8 bytes length, JSON header, raw
little-endian arrays), readable by any safetensors library.  Its metadata has one key,
``fasttext-lite``, with a JSON object:

=================  =============================================================
``format_version``  3
``created_by``      program and version that wrote the file
``config``          every field of `Config`, resolved
``labels``          list of label names, in the order of the output table
``multilabel``      whether training rows had other than one label
``n_texts``         number of training texts
``estimator``       what `FastTextClassifier` adds, or null
=================  =============================================================

and its tensors are

==================  ================================  ============================
``embeddings``      float32 (n_rows, dim)             input table; float16 if the field
                                                      ``dtype`` of the config says so
``output``          float32 (n_labels or -1, dim)     output table; hs: inner nodes
``label_counts``    int64 (n_labels,)                 occurrences in training
``words``           uint8 (n_bytes,)                  words, one after another
``word_ends``       int64 (n_words,)                  end of each word in `words`
``row_codes``       int32 (n_rows,)                   feature of each row: word w = w,
                                                      hash slot s = n_words + s
``frequency``       int32 (n_rows,)                   training texts with the feature
``gains``           float32 (n_rows,)                 what each feature tells about the
                                                      labels; only if supervision > 0
``tree_children``   int32 (n_labels - 1, 2)           label tree; only for loss hs
``norm``            float32 (4, dim)                  gain, shift, running mean and
                                                      variance; only with a norm
``layer``           float32 (units, dim + 1)          hidden layer, bias last; twice the
                                                      rows for maxout; only if units > 0
==================  ================================  ============================

With a hidden layer, ``output`` has ``units`` columns.  The slots of n-grams and the bias follow
the words in ``row_codes`` as `features.FeatureSpace` numbers them.  Version 1 had none of the
optional arrays but the label tree, and fewer settings; version 2 had fewer settings.

The file of a quantised model has version 4: its header has a key ``quantized`` more, and the
arrays of `compression.Packed` stand in place of ``embeddings``, ``words``, ``word_ends``,
``row_codes``, ``frequency`` and ``gains``; ``output`` may be float16.

Loading executes nothing and trusts nothing: each size and index is checked first.  The file is
mapped, not read (but on Windows, where nobody could replace a mapped file): of the arrays, only
what is used comes into memory.  So ``embeddings`` are not looked through: where a sum of its rows
is not finite, or two rows have the same feature, the prediction raises `ModelError`.  Files are
written under a temporary name and renamed, so nobody ever reads half of one, and a map of the old
file stays valid.  Whoever cuts or rewrites a file in its place harms the processes that use it
(on a cut file the system ends them, by SIGBUS).  Spaces behind the JSON document let
``embeddings`` begin at a multiple of 64 bytes.  The same model gives the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from fasttext_lite.config.fields import RESOLVED, Config
from fasttext_lite.errors import ModelError
from fasttext_lite.features.slots import n_slots
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.model.model import Model
from fasttext_lite.model.packed import Packed, narrowed, unpack_tables
from fasttext_lite.model.safetensors import (
    FORMAT_VERSION,
    KEY,
    QUANTIZED_VERSION,
    check_writable,
    read_file,
    reason,
    write_file,
)
from fasttext_lite.version import __version__

_DTYPES = {
    "output": np.float32,
    "label_counts": np.int64,
    "words": np.uint8,
    "word_ends": np.int64,
    "row_codes": np.int32,
    "frequency": np.int32,
    "gains": np.float32,
    "tree_children": np.int32,
    "norm": np.float32,
    "layer": np.float32,
}

# Fields of `Config` that format version 1 did not have at first, each with the value that means
# what files without it do. (Not the default: that may change.)
_ADDED_FIELDS: dict[str, Any] = {
    "boundaries": False, "supervision": 0.0, "bias": False, "patience": None,
    "valid_fraction": 0.1, "focal": 0.0, "head": "learned", "beta1": 0.9, "beta2": None,
    "l2": 0.0, "l1": 0.0, "max_norm": None, "clip": None, "feature_dropout": 0.0,
    "hidden_dropout": 0.0, "word_dropout": 0.0, "word_swap": 0.0, "averaging": 0.0,
    "norm": "none", "units": 0, "activation": "relu", "min_df": 1, "dtype": "float32",
    "simplify": False, "stop_words": "", "user_dictionary": "",
}  # fmt: skip

# Arrays that a quantised model has as the others do.
_NOT_PACKED = ("output", "label_counts", "tree_children", "norm", "layer")
_HEADER = ("config", "labels", "multilabel", "n_texts", "estimator")


def save_model(
    model: Model, path: str | os.PathLike[str], estimator: Mapping[str, Any] | None = None
) -> None:
    """Write a model file.

    Parameters
    ----------
    model : Model
    path : path-like
        Replaced, if it is there, in one step at the end.
    estimator : mapping, optional
        JSON values for the ``estimator`` field of the header.

    Raises
    ------
    ModelError
        If the file cannot be written; nothing is left behind, an old file stays as it was.
    """
    check_writable(path)
    header, tensors = pack(model, estimator)
    write_file(path, tensors, {KEY: json.dumps(header, ensure_ascii=True, sort_keys=True)})


def pack(
    model: Model, estimator: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the header and the arrays of a model file."""
    space = model.space
    header = {
        "format_version": FORMAT_VERSION,
        "created_by": f"fasttext-lite {__version__}",
        "config": model.config.to_dict(),
        "labels": model.labels,
        "multilabel": model.multilabel,
        "n_texts": model.n_texts,
        "estimator": None if estimator is None else dict(estimator),
    }
    output = model.output
    tensors: dict[str, np.ndarray]
    if model.packed is not None:
        header["format_version"] = QUANTIZED_VERSION
        header["quantized"] = model.packed.settings
        half = narrowed(output)
        tensors = {
            **model.packed.arrays,
            "output": half if np.array_equal(half, output) else output,
            "label_counts": model.label_counts,
        }
    else:
        tensors = {
            "embeddings": model.embeddings,
            "output": output,
            "label_counts": model.label_counts,
            "words": space.pool,
            "word_ends": space.word_ends,
            "row_codes": space.row_codes,
            "frequency": space.frequency,
        }
        if model.config.supervision:
            tensors["gains"] = space.gains
    if model.tree is not None:
        tensors["tree_children"] = np.ascontiguousarray(model.tree.children)
    if model.config.norm != "none":
        tensors["norm"] = model.norm
    if model.config.units:
        tensors["layer"] = model.layer
    return header, tensors


def load_model(path: str | os.PathLike[str]) -> Model:
    """Read a model file.

    Raises
    ------
    ModelError
        If the file is missing, unreadable, corrupt, of another kind, or of a newer format.
    """
    return read_model(path)[0]


def read_model(path: str | os.PathLike[str]) -> tuple[Model, dict[str, Any]]:
    """Read a model file; return the model and the header.

    Raises
    ------
    ModelError
        As `load_model`.
    """
    path = os.fsdecode(path)
    header, tensors = read_file(path, KEY)
    try:
        return unpack(header, tensors), header
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelError(f"{path}: the model file is damaged: {reason(error)}") from None


def unpack(header: dict[str, Any], tensors: dict[str, np.ndarray]) -> Model:
    """Check everything that prediction relies on, and make the model."""
    config = _check_header(header)
    labels, n_texts = header["labels"], header["n_texts"]
    packed = None
    if header.get("quantized") is not None:
        packed, tensors = _split(header["quantized"], tensors)
    _check_arrays(tensors, config, len(labels), packed is not None)
    _check_values(tensors)
    tree = None
    if config.loss == "hs":
        tree = LabelTree(tensors["tree_children"])
        tree.check()
    space: FeatureSpace
    if packed is not None:
        space, embeddings = unpack_tables(packed, config, n_texts)
    else:
        _check_space(tensors, config, n_texts)
        space = FeatureSpace(
            config,
            tensors["words"],
            tensors["word_ends"],
            tensors["row_codes"],
            tensors["frequency"],
            n_texts,
            tensors.get("gains"),
        )
        embeddings = tensors["embeddings"]
    return Model(
        config,
        labels,
        tensors["label_counts"],
        n_texts,
        space,
        embeddings,
        tensors["output"],
        tree,
        header["multilabel"],
        tensors.get("norm"),
        tensors.get("layer"),
        packed,
    )


def _split(settings: Any, tensors: dict[str, np.ndarray]) -> tuple[Packed, dict[str, np.ndarray]]:
    """Return the quantised part of a file, and its other arrays with the output as float32."""
    if not isinstance(settings, dict):
        raise ValueError("the settings of its quantisation are unreadable")
    others = {name: tensors[name] for name in tensors if name in _NOT_PACKED}
    arrays = {name: tensors[name] for name in tensors if name not in _NOT_PACKED}
    output = others.get("output")
    if output is not None and output.dtype == np.float16:
        others["output"] = output.astype(np.float32)
    return Packed(settings, arrays), others


def _check_header(header: dict[str, Any]) -> Config:
    missing = [name for name in _HEADER if name not in header]
    if missing:
        raise ValueError(f"its header lacks {', '.join(missing)}")
    if not isinstance(header["config"], dict):
        raise ValueError("its settings are unreadable")
    settings = {**_ADDED_FIELDS, **header["config"]}
    config = Config.from_dict(settings)
    if (
        set(settings) != set(config.to_dict())
        or None in (getattr(config, name) for name in RESOLVED)
        or "auto" in (config.loss, config.tree, config.head, config.dtype)
    ):
        raise ValueError("its settings are incomplete")
    labels = header["labels"]
    if not isinstance(labels, list) or not all(isinstance(name, str) for name in labels):
        raise ValueError("its labels are not a list of strings")
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise ValueError("its labels are fewer than two, or not different")
    if type(header["n_texts"]) is not int or not 0 <= header["n_texts"] < 2**63:
        raise ValueError("its number of texts is not a count")
    if not isinstance(header["multilabel"], bool):
        raise ValueError("multilabel is neither true nor false")
    if not isinstance(header["estimator"], dict | None):
        raise ValueError("the settings of its estimator are unreadable")
    return config


def _check_arrays(
    tensors: dict[str, np.ndarray], config: Config, n_labels: int, is_packed: bool
) -> None:
    """Check names, types and shapes."""
    is_tree = config.loss == "hs"
    n_rows = tensors["row_codes"].size if "row_codes" in tensors else 0
    dim = config.dim or 0
    n_units = config.units * (2 if config.activation == "maxout" else 1)
    shapes: dict[str, tuple[int, ...]] = {
        "output": (n_labels - is_tree, config.units or dim),
        "label_counts": (n_labels,),
    }
    if not is_packed:
        shapes |= {
            "embeddings": (n_rows, dim),
            "words": (-1,),
            "word_ends": (-1,),
            "row_codes": (n_rows,),
            "frequency": (n_rows,),
        }
        if config.supervision:
            shapes["gains"] = (n_rows,)
    if is_tree:
        shapes["tree_children"] = (n_labels - 1, 2)
    if config.norm != "none":
        shapes["norm"] = (4, dim)
    if config.units:
        shapes["layer"] = (n_units, dim + 1)
    if set(tensors) != set(shapes):
        raise ValueError(f"its arrays are {sorted(tensors)}, expected {sorted(shapes)}")
    for name, tensor in tensors.items():
        if tensor.dtype != (config.dtype if name == "embeddings" else _DTYPES[name]):
            raise ValueError(f"array {name} has type {tensor.dtype}")
        shape = shapes[name] if shapes[name] != (-1,) else (tensor.size,)  # of any length
        if tensor.shape != shape:
            raise ValueError(f"array {name} has shape {tensor.shape}, expected {shape}")


def _check_space(tensors: dict[str, np.ndarray], config: Config, n_texts: int) -> None:
    """Check what is used as an index or a count of features."""
    frequency = tensors["frequency"]
    if np.any(frequency < 0) or np.any(frequency > n_texts):
        raise ValueError("its counts are negative, or above the number of texts")
    # Compared, not subtracted: a difference could overflow.
    ends = np.append(0, tensors["word_ends"])
    if np.any(ends[1:] <= ends[:-1]) or ends[-1] != tensors["words"].size:
        raise ValueError("the ends of its words are not ascending")
    codes = tensors["row_codes"]
    n_codes = ends.size - 1 + n_slots(config) + config.bias
    if np.any(codes < 0) or np.any(codes >= n_codes):
        raise ValueError("the features of its rows are out of range")


def _check_values(tensors: dict[str, np.ndarray]) -> None:
    """Check that counts are none below 0, and that numbers are finite."""
    if np.any(tensors["label_counts"] < 0):
        raise ValueError("its counts are negative, or above the number of texts")
    for name, tensor in tensors.items():
        if name == "embeddings":  # too large to look through: see the top of this file
            continue
        if tensor.dtype == np.float32 and not np.isfinite(tensor).all():
            raise ValueError(f"array {name} holds values that are not finite")
    if "norm" in tensors and np.any(tensors["norm"][3] < 0):
        raise ValueError("its running variances are negative")
