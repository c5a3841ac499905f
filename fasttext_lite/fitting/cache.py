"""A folder that keeps features of files, where the next training on the same file finds them.

A folder in it, named by the hash of the file's content and of all settings that decide about
features, holds ``ids.bin`` and ``weights.bin`` (int32 and float32, raw) and ``rest.safetensors``.
It is made under a temporary name and renamed. Folders can be deleted when no training is using
them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import unicodedata
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.many import ManyReader
from fasttext_lite.corpus.reader import CorpusReader
from fasttext_lite.disk.promise import promised
from fasttext_lite.disk.temporary import making_folder
from fasttext_lite.errors import InputError
from fasttext_lite.features.entries import Files, files_in
from fasttext_lite.features.matrix import Counts, FeatureMatrix, open_features
from fasttext_lite.features.slots import n_slots
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting.prepared import Prepared, Sample
from fasttext_lite.model.choice import Choice
from fasttext_lite.text.normalize import simplified_hash
from fasttext_lite.version import __version__

CACHE_VERSION = 4

# What `recipe.resolve` looks at to choose settings of features, besides these themselves.
_DECIDING = ("dim", "head", "init", "norm", "units")
_REST = "rest.safetensors"
_ARRAYS = {
    "indptr": np.int64, "label_ids": np.int32, "label_indptr": np.int64, "words": np.uint8,
    "word_ends": np.int64, "row_codes": np.int32, "frequency": np.int32, "gains": np.float32,
    "sample_docs": np.int64, "sample_rows": np.int32, "sample_counts": np.float32,
    "sample_indptr": np.int64, "sample_shares": np.float32, "doc_weights": np.float64,
}  # fmt: skip


def cached(
    cache: str,
    reader: CorpusReader | ManyReader,
    config: Config,
    multilabel: bool,
    make: Callable[[Files], Prepared],
) -> Prepared:
    """Return the features of a file from a cache, which gets them if it lacks them.

    Parameters
    ----------
    cache : str
        Folder, made if need be.
    reader : CorpusReader or ManyReader
        Its `names` and `skipped` are filled in.
    config : Config
    multilabel : bool
    make : callable
        Makes the features in open files.

    Raises
    ------
    InputError
        If the file cannot be read or the cache cannot be written.
    """
    stamps = _stamps(reader)
    name = _key(reader, config, multilabel)
    folder = os.path.join(cache, name)
    found = _load(folder, reader, config, multilabel)
    if found is not None:
        return found
    try:
        with making_folder(folder) as temporary:
            with files_in(temporary) as files:
                prepared = make(files)
            if _stamps(reader) != stamps:
                raise InputError(f"{reader.path}: the file changed while it was read")
            _write_rest(prepared, reader, temporary)
            # Open files cannot be moved everywhere.
            prepared = dataclasses.replace(prepared, features=_closed(prepared.features))
    except OSError as error:
        raise InputError(
            f"{cache}: cannot keep the features here: {(error.strerror or str(error)).lower()}"
        ) from None
    features = open_features(folder, prepared.features.indptr)
    return dataclasses.replace(prepared, features=features)


def _closed(features: FeatureMatrix) -> FeatureMatrix:
    """Return the features without their entries, which are in a folder that will be renamed."""
    nothing = np.empty(0, np.int32)
    return FeatureMatrix(nothing, nothing.astype(np.float32), features.indptr)


def _stamps(reader: CorpusReader | ManyReader) -> list[tuple[int, int] | None]:
    """Return size and time of the last change of each file; None of one that is not there."""
    return [_stamp(path) for path in reader.paths]


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _key(reader: CorpusReader | ManyReader, config: Config, multilabel: bool) -> str:
    """Return the name of a file's features: the hash of all that decides about them."""
    digest = hashlib.blake2b(digest_size=20)
    for path in reader.paths:
        try:
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
        if len(reader.paths) > 1:  # where each ends
            digest.update(str(os.path.getsize(path)).encode())
    about: list[Any] = [CACHE_VERSION, __version__, unicodedata.unidata_version, multilabel]
    about.append(dataclasses.asdict(reader.options))
    about.append({name: getattr(config, name) for name in (*FEATURE_FIELDS, *_DECIDING)})
    about.append(_trying(config))
    limit = promised()
    if limit is not None:  # which words and features there is room for
        about.append(limit.total)
    if ANALYZERS[config.analyzer].segments:
        about.append(version("jieba"))
    if config.simplify:
        about.append(simplified_hash())
    digest.update(json.dumps(about, sort_keys=True).encode())
    return digest.hexdigest()


def _trying(config: Config) -> str:
    """Return what is to be known of whether n-grams are tried, see `ngrams.choose_ngrams`."""
    if config.recipe == "fixed":
        return "none"
    if config.loss == "auto":
        return "auto"
    return "tree" if LOSSES[config.loss].uses_tree else "none"


def _write_rest(prepared: Prepared, reader: CorpusReader | ManyReader, folder: str) -> None:
    """Write all but the entries of the features."""
    from safetensors.numpy import save_file

    space, labels, sample = prepared.space, prepared.labels, prepared.sample
    assert sample is not None
    weights = np.empty(0) if prepared.doc_weights is None else prepared.doc_weights
    arrays = {
        "indptr": prepared.features.indptr,
        "label_ids": labels.ids,
        "label_indptr": labels.indptr,
        "words": space.pool,
        "word_ends": space.word_ends,
        "row_codes": space.row_codes,
        "frequency": space.frequency,
        "gains": space.gains,
        "sample_docs": sample.docs,
        "sample_rows": sample.counts.matrix.ids,
        "sample_counts": sample.counts.matrix.weights,
        "sample_indptr": sample.counts.matrix.indptr,
        "sample_shares": sample.counts.shares,
        "doc_weights": weights,
    }
    about = {
        "config": {name: getattr(prepared.config, name) for name in FEATURE_FIELDS},
        "choice": prepared.choice and prepared.choice.to_dict(),
        "names": labels.names,
        "seen": reader.names,
        "skipped": reader.skipped,
        "notices": reader.notices,
        "fingerprint": reader.fingerprint,
        "multilabel": prepared.multilabel,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(arrays, os.path.join(folder, _REST), {"about": json.dumps(about)})


def _load(
    folder: str, reader: CorpusReader | ManyReader, config: Config, multilabel: bool
) -> Prepared | None:
    """Return the features in a folder; None if it is not there, or damaged, then it is removed."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.path.join(folder, _REST), framework="numpy") as file:
            about = json.loads((file.metadata() or {})["about"])
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
        if any(arrays[name].dtype != dtype for name, dtype in _ARRAYS.items()):
            raise ValueError("a type is wrong")
        features = open_features(folder, arrays["indptr"])
        labels = Labels(arrays["label_ids"], arrays["label_indptr"], about["names"])
        _check(features, labels, arrays["row_codes"].size)
        sample = _sample(arrays, len(features), arrays["row_codes"].size)
        weights = _weights(arrays, len(features))
        asked, config = config, config.replace(**about["config"])
        several = multilabel or about["multilabel"]
        config = resolve(
            config, len(labels.names), several, evenness=labels.evenness,
            labels_per_text=labels.per_text,
        )  # fmt: skip
        _check_space(arrays, config, len(features))
        space = FeatureSpace(
            config, arrays["words"], arrays["word_ends"], arrays["row_codes"],
            arrays["frequency"], len(features), arrays["gains"],
        )  # fmt: skip
        reader.names, reader.fingerprint = about["seen"], str(about["fingerprint"])
        reader.skipped = {why: (count, where) for why, (count, where) in about["skipped"].items()}
        choice = about["choice"] and Choice.from_dict(about["choice"])
        for notice in about["notices"]:
            reader.say(str(notice))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return Prepared(
        config, space, features, labels, about["multilabel"], weights, asked=asked, sample=sample,
        choice=choice,
    )  # fmt: skip


def _weights(arrays: dict[str, np.ndarray], n_texts: int) -> np.ndarray | None:
    """Return the weights of a cache's texts, if it has any; a `ValueError` if damaged."""
    weights = arrays["doc_weights"]
    if weights.size not in (0, n_texts) or not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError("the weights are damaged")
    return weights if weights.size else None


def _sample(arrays: dict[str, np.ndarray], n_texts: int, n_rows: int) -> Sample:
    """Return the sample of a cache; raise `ValueError` if an index is out of range."""
    docs, shares = arrays["sample_docs"], arrays["sample_shares"]
    rows, counts = arrays["sample_rows"], arrays["sample_counts"]
    matrix = FeatureMatrix(rows, counts, arrays["sample_indptr"])
    _check_offsets(matrix.indptr, rows.size)
    good = len(matrix) == docs.size == shares.size and rows.size == counts.size
    for ids, n in ((docs, n_texts), (rows, n_rows)):
        good = good and (ids.size == 0 or (ids.min() >= 0 and ids.max() < n))
    if not good:
        raise ValueError("the sample is damaged")
    return Sample(docs, Counts(matrix, shares))


def _check_space(arrays: dict[str, np.ndarray], config: Config, n_texts: int) -> None:
    """Raise `ValueError` unless words, rows and what is known of them fit together."""
    codes, frequency, gains = (arrays[name] for name in ("row_codes", "frequency", "gains"))
    ends = np.append(0, arrays["word_ends"])
    n_codes = ends.size - 1 + n_slots(config) + config.bias
    good = codes.size == frequency.size == gains.size == np.unique(codes).size
    good = good and bool(np.all(ends[1:] > ends[:-1])) and ends[-1] == arrays["words"].size
    for values, most in ((codes, n_codes - 1), (frequency, n_texts)):
        good = good and (values.size == 0 or (values.min() >= 0 and values.max() <= most))
    if not good or not np.isfinite(gains).all() or not np.isfinite(arrays["sample_counts"]).all():
        raise ValueError("the features are damaged")


def _check_offsets(indptr: np.ndarray, n: int) -> None:
    """Raise `ValueError` unless offsets rise from 0 to `n`."""
    good = indptr.size > 0 and indptr[0] == 0 and indptr[-1] == n
    if not good or np.any(indptr[1:] < indptr[:-1]):
        raise ValueError("offsets are wrong")


def _check(features: FeatureMatrix, labels: Labels, n_rows: int) -> None:
    """Raise `ValueError` if an index lies outside of what it points into."""
    for indptr, ids, n in (
        (features.indptr, features.ids, n_rows),
        (labels.indptr, labels.ids, len(labels.names)),
    ):
        _check_offsets(indptr, ids.size)
        if indptr.size < 2:
            raise ValueError("there is no text")
        for start in range(0, ids.size, 1 << 22):
            part = ids[start : start + (1 << 22)]
            if part.min() < 0 or part.max() >= n:
                raise ValueError("a number is out of range")
            features.release()
    if len(features) != len(labels):
        raise ValueError("lengths differ")
