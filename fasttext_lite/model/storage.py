"""The native model file, `.ftl`: a safetensors file whose header holds one JSON document.

Layout, format version 5.  The file can be read by any safetensors library.  Its metadata has one
key, ``fasttext-lite``, with a JSON object:

=================  =============================================================
``format_version``  5
``created_by``      program and version that wrote the file
``config``          every field of `Config`, resolved
``labels``          list of label names, in the order of the output table
``multilabel``      whether training rows had other than one label
``n_texts``         number of training texts
``estimator``       what `FastTextClassifier` adds, or null
``calibration``     of `Calibration`; models of the past have none
``choice``          of `Choice`, where settings were chosen among several
``run``             of `Run`: class weights, seed, epochs, where they were given
``threshold``       of `Threshold`, where tuning has found one
``abstention``      of `Abstention`, where the training was asked for it
``quantized``       of `packed.Packed`, if the model is quantised
``checksums``       of the header and of all arrays, see `checksums`
=================  =============================================================

Its arrays are those of `arrays.ARRAYS`.  In the file of a quantised model, the arrays of
`packed.Packed` stand in place of those that `arrays.ARRAYS` says; ``output`` may be float16.  The
file of an ensemble has the key ``fasttext-lite-ensemble`` instead.

Files of older versions are read.  They have no checksums; version 4 was that of quantised models,
version 3 of others.  Version 1 had none of the optional arrays but the label tree, and fewer
settings; version 2 had fewer settings.

Loading executes nothing and trusts nothing: each size and index is checked first.  All arrays are
read into memory and checked against their checksums, and numbers must be finite; but an input table
of 4 MB or more is read, and so checked, block by block where it is needed (`compiled.paging`).
Where a sum of its rows is not finite, or two rows have the same feature, the prediction raises
`ModelError`.  The same model gives the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import RESOLVED, Config, values_before
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.config.records import Records
from fasttext_lite.errors import ModelError, bounded
from fasttext_lite.features.slots import n_slots
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.model.abstention import Abstention
from fasttext_lite.model.arrays import ARRAYS, by_owner, check_arrays, stored_arrays
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.model.checksums import KEY as CHECKSUMS
from fasttext_lite.model.checksums import (
    as_text,
    checked_arrays,
    is_header_intact,
    with_checksums,
)
from fasttext_lite.model.choice import Choice
from fasttext_lite.model.magic import check_ending, is_fasttext
from fasttext_lite.model.model import Model
from fasttext_lite.model.run import Run
from fasttext_lite.model.safetensors import (
    check_writable,
    file_size,
    open_file,
    reason,
    write_file,
)
from fasttext_lite.model.threshold import Threshold
from fasttext_lite.version import __version__

if TYPE_CHECKING:
    from fasttext_lite.model.packed import Packed

FORMAT_VERSION = 5
KEY = "fasttext-lite"
ENSEMBLE_KEY = "fasttext-lite-ensemble"  # instead, in a file of `FastTextEnsemble`

# What the header holds beside, where the model has it.
OPTIONAL: dict[str, Any] = {
    "calibration": Calibration,
    "choice": Choice,
    "run": Run,
    "threshold": Threshold,
    "abstention": Abstention,
}
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
    check_ending(path)
    check_writable(path)
    write_document(path, *pack(model, estimator))


def model_size(model: Model, estimator: Mapping[str, Any] | None = None) -> int:
    """Return the bytes of the file that `save_model` would write."""
    header, arrays = with_checksums(*pack(model, estimator))
    return file_size(arrays, {KEY: as_text(header)})


def pack(
    model: Model, estimator: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the header and the arrays of a model file."""
    header = {
        "format_version": FORMAT_VERSION,
        "created_by": f"fasttext-lite {__version__}",
        "config": model.config.to_dict(),
        "labels": model.labels,
        "multilabel": model.multilabel,
        "n_texts": model.n_texts,
        "estimator": None if estimator is None else dict(estimator),
    }
    for name in OPTIONAL:
        if values := _values(getattr(model, name)):
            header[name] = values
    packed = model.packed
    arrays = {
        array.name: array.of(model) for array in stored_arrays(model.config, packed is not None)
    }
    if packed is None:
        return header, arrays
    header["quantized"] = packed.settings
    from fasttext_lite.model.packed import narrowed_if_same

    arrays["output"] = narrowed_if_same(arrays["output"])
    return header, {**packed.arrays, **arrays}


def load_model(path: str | os.PathLike[str], mmap: bool | None = None) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : path-like
    mmap : bool, optional
        What becomes of an input table of 4 MB or more.  None: it is read into memory of its own
        block by block, where it is needed, and each block is checked then.  True: it stays in the
        file, which is mapped, so that processes share one copy; each block is checked before its
        first use.  Such a file may be replaced by renaming alone: whoever cuts it in its place ends
        the processes that use it.  False: all of it is read and checked before anything is
        returned.

    Raises
    ------
    ModelError
        If the file is missing, unreadable, corrupt, of another kind, or of a newer format.
    """
    return read_model(path, mmap)[0]


def read_model(
    path: str | os.PathLike[str], mmap: bool | None = None
) -> tuple[Model, dict[str, Any]]:
    """Read a model file; return the model and the header.

    Parameters, errors
        As of `load_model`.
    """
    path = os.fsdecode(path)
    header, arrays = read_document(path, mmap=mmap)
    try:
        return unpack(header, arrays), header
    except (ValueError, TypeError, OverflowError) as error:
        raise unusable(f"{path}: the model file", error) from None


class UnknownChoiceError(ValueError):
    """Raised for a model of a loss, an optimizer or an analyzer that has no record here."""


def unusable(what: str, error: Exception) -> ModelError:
    """Return why a file cannot be used, given what went wrong with its content."""
    how = "needs" if isinstance(error, UnknownChoiceError) else "is damaged:"
    return ModelError(f"{what} {how} {reason(error)}")


def unpack(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Model:
    """Check everything that prediction relies on, and make the model.

    Parameters
    ----------
    header, arrays
        As `pack` returns them.

    Raises
    ------
    ValueError, TypeError, OverflowError
        If anything does not fit together.
    """
    config = _check_header(header)
    labels, n_texts = header["labels"], header["n_texts"]
    packed = None
    if header.get("quantized") is not None:
        packed, arrays = _split(header["quantized"], arrays)
    check_arrays(arrays, config, len(labels), packed is not None)
    parts = by_owner(arrays)
    tree = None
    if parts["tree"]:
        from fasttext_lite.label_tree.tree import LabelTree

        tree = LabelTree(**parts["tree"])
        tree.check()
    space: FeatureSpace
    model_parts: dict[str, Any] = parts["model"]
    others: dict[str, Any] = {name: _optional(header, name) for name in OPTIONAL}
    if packed is not None:
        from fasttext_lite.model.packed import unpack_tables

        space, parts["model"]["embeddings"] = unpack_tables(packed, config, n_texts)
    else:
        _check_space(arrays, config, n_texts)
        space = FeatureSpace(config, n_texts=n_texts, **parts["space"])
    return Model(
        config=config, labels=labels, n_texts=n_texts, space=space, tree=tree,
        multilabel=header["multilabel"], packed=packed, **others, **model_parts,
    )  # fmt: skip


def _split(settings: Any, arrays: dict[str, np.ndarray]) -> tuple[Packed, dict[str, np.ndarray]]:
    """Return the quantised part of a file, and its other arrays with the output as float32."""
    if not isinstance(settings, dict):
        raise ValueError("the settings of its quantisation are unreadable")
    kept = {array.name for array in ARRAYS if not array.is_replaced}
    others = {name: array for name, array in arrays.items() if name in kept}
    packed = {name: array for name, array in arrays.items() if name not in kept}
    output = others.get("output")
    if output is not None and output.dtype == np.float16:
        others["output"] = output.astype(np.float32)
    from fasttext_lite.model.packed import Packed

    return Packed(settings, packed), others


def _values(part: Any) -> dict[str, Any]:
    """Return the JSON values of a part of a model, none of what is not there."""
    return {} if part is None else part.to_dict()


def _optional(header: dict[str, Any], name: str) -> Any:
    """Return what a header holds under a name of `OPTIONAL`, None if nothing."""
    values = header.get(name)
    if values is None:
        return None
    try:
        return OPTIONAL[name].from_dict(values)
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"its {name} is unreadable") from None


def _check_choices(settings: dict[str, Any]) -> None:
    """Raise `UnknownChoiceError` for a name that is in no table of this process."""
    tables: dict[str, Records[Any]] = {
        "loss": LOSSES, "optimizer": OPTIMIZERS, "analyzer": ANALYZERS,
    }  # fmt: skip
    for kind, table in tables.items():
        name = settings.get(kind)
        if isinstance(name, str) and name not in (*table, *table.reserved):
            raise UnknownChoiceError(
                f"the {kind} {name[:80]!r}, which is not known here: add its record, or upgrade "
                "fasttext-lite"
            )


def _check_header(header: dict[str, Any]) -> Config:
    missing = [name for name in _HEADER if name not in header]
    if missing:
        raise ValueError(f"its header lacks {', '.join(missing)}")
    if not isinstance(header["config"], dict):
        raise ValueError("its settings are unreadable")
    settings = {**values_before(), **header["config"]}
    _check_choices(settings)
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


def _check_space(arrays: dict[str, np.ndarray], config: Config, n_texts: int) -> None:
    """Check what is used as an index or a count of features."""
    frequency = arrays["frequency"]
    if np.any(frequency < 0) or np.any(frequency > n_texts):
        raise ValueError("its counts are negative, or above the number of texts")
    # Compared, not subtracted: a difference could overflow.
    ends = np.append(0, arrays["word_ends"])
    if np.any(ends[1:] <= ends[:-1]) or ends[-1] != arrays["words"].size:
        raise ValueError("the ends of its words are not ascending")
    codes = arrays["row_codes"]
    n_codes = ends.size - 1 + n_slots(config) + config.bias
    if np.any(codes < 0) or np.any(codes >= n_codes):
        raise ValueError("the features of its rows are out of range")


# -- the document ----------------------------------------------------------------------------
def write_document(
    path: str | os.PathLike[str],
    header: dict[str, Any],
    arrays: dict[str, np.ndarray],
    key: str = KEY,
) -> None:
    """Write a file of a header and arrays, with their checksums; see `safetensors.write_file`.

    Parameters
    ----------
    path : path-like
    header : dict
        JSON values.
    arrays : dict of str to ndarray
    key : {KEY, ENSEMBLE_KEY}
        What the header stands under.
    """
    header, arrays = with_checksums(header, arrays)
    write_file(path, arrays, {key: as_text(header)})


def read_document(
    path: str, key: str = KEY, mmap: bool | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header, which stands under a key of the metadata, and the arrays of a file.

    Parameters
    ----------
    path : str
    key : {KEY, ENSEMBLE_KEY}
    mmap : bool, optional
        As of `load_model`.

    Returns
    -------
    header : dict
    arrays : dict of str to ndarray
        Large input tables are `PagedTable`.

    Raises
    ------
    ModelError
        If it is missing, unreadable, corrupt, of another kind, or of a newer format.
    """
    if is_fasttext(path):
        raise ModelError(
            f"{path}: this is a model of fastText: convert it with `fasttext-lite convert "
            "MODEL OUT.ftl`; in Python, fasttext_lite.load does, and fasttext_lite.compat reads it"
        )
    if mmap not in (None, False, True):
        raise ValueError(bounded(f"mmap must be True, False or None; got {mmap!r}"))
    file = open_file(path, "the model", "a model file")
    header = _parse_header(file.metadata, key, path)
    try:
        return header, checked_arrays(file, header, mmap)
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, ModelError):
            raise
        raise unusable(f"{path}: the model file", error) from None


def read_header(path: str) -> tuple[str, dict[str, Any]]:
    """Return what the header of a file stands under, `KEY` or `ENSEMBLE_KEY`, and the header.

    Raises
    ------
    ModelError
        As `read_document`.
    """
    file = open_file(path, "the model", "a model file")
    key = ENSEMBLE_KEY if ENSEMBLE_KEY in file.metadata else KEY
    return key, _parse_header(file.metadata, key, path)


def _parse_header(metadata: dict[str, str], key: str, path: str) -> dict[str, Any]:
    text = metadata.get(key)
    if text is None and ENSEMBLE_KEY in metadata:
        raise ModelError(f"{path}: an ensemble of models: read it with FastTextEnsemble.load")
    if text is None and KEY in metadata:
        raise ModelError(f"{path}: a single model: read it with fasttext_lite.load")
    if text is None:
        raise ModelError(f"{path}: a safetensors file, but not a fasttext-lite model")
    try:
        header = json.loads(text)
        version = header["format_version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        header, version = {}, None
    if type(version) is not int or version < 1:
        raise ModelError(f"{path}: the model file is damaged: its header is unreadable")
    has_no_checksum = version > FORMAT_VERSION and CHECKSUMS not in header  # as it may be then
    if not has_no_checksum and not is_header_intact(header, text):
        raise ModelError(
            f"{path}: the model file is damaged: the checksum of its header is another"
        )
    if version > FORMAT_VERSION:
        writer = header.get("created_by")
        raise ModelError(
            f"{path}: the model has format {version}, this program reads up to "
            f"{FORMAT_VERSION}: upgrade fasttext-lite (the file was written by "
            f"{' '.join(writer.split())[:80] if isinstance(writer, str) else 'a newer version'})"
        )
    return header
