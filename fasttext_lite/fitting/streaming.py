"""Features of files: read in chunks, so that no text is in memory as a whole, and kept on disk.

`prepare_file` goes over a labelled file twice: once to count its words, once to make features of
them.  Features of large files lie in files that are mapped, not in memory: in temporary ones, or in
a cache folder, where the next training on the same file with the same settings finds them.

A folder named by the hash of the file's content and of all settings that decide about features
holds ``ids.bin`` and ``weights.bin`` (int32 and float32, raw) and ``rest.safetensors``.  It is made
under a temporary name and renamed.  Folders can be deleted when no training is using them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
import unicodedata
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.reader import CorpusReader
from fasttext_lite.errors import InputError
from fasttext_lite.features.entries import Entries
from fasttext_lite.features.matrix import FeatureMatrix, open_features
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.fitting.prepare import Prepared, check_labels
from fasttext_lite.parallel import cpu_count
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.text.marked import MarkedTexts
from fasttext_lite.text.normalize import simplified_hash
from fasttext_lite.version import __version__

CACHE_VERSION = 1
CHUNK_BYTES = 1 << 22  # of a file; its codes take ten times as much
SPILL_BYTES = 1 << 25  # features of larger files lie in temporary files, if there is no cache

# What `config.resolve` looks at to choose settings of features, besides these themselves.
_DECIDING = ("dim", "head", "init", "norm", "units")
_REST = "rest.safetensors"
_ARRAYS = {
    "indptr": np.int64, "label_ids": np.int32, "label_indptr": np.int64, "words": np.uint8,
    "word_ends": np.int64, "row_codes": np.int32, "frequency": np.int32, "gains": np.float32,
}  # fmt: skip


def is_streamable(path: str, config: Config) -> bool:
    """Return whether `prepare_file` can do it: a file that can be read twice, and no word noise."""
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        regular = False
    return regular and not (config.word_dropout or config.word_swap)


def prepare_file(
    reader: CorpusReader,
    config: Config,
    *,
    multilabel: bool = False,
    n_threads: int | None = None,
    cache: str | None = None,
) -> Prepared:
    """Make features of a labelled file without holding its text in memory.

    Parameters
    ----------
    reader : CorpusReader
        Of a file that `is_streamable`. Its `names` and `skipped` are filled in.
    config : Config
    multilabel : bool
        Whether rows may have several labels, even if none has.
    n_threads : int, optional
        Default: all processors.
    cache : str, optional
        Folder for the features, made if need be.

    Returns
    -------
    Prepared

    Raises
    ------
    InputError
        If the file cannot be read, changes while it is read, or the cache cannot be written.
    TrainingError
        If there are fewer than two labels.
    """
    n_threads = n_threads or cpu_count()
    if cache is None and os.path.getsize(reader.path) < SPILL_BYTES:
        return _prepare(reader, config, multilabel, n_threads, None)
    if cache is None:
        return _spill(reader, config, multilabel, n_threads)
    name = _key(reader, config, multilabel)
    folder = os.path.join(cache, name)
    found = _load(folder, reader, config, multilabel)
    if found is not None:
        return found
    temporary = os.path.join(cache, f".{name}.{secrets.token_hex(4)}.tmp")
    try:
        os.makedirs(temporary)
        prepared = _prepare(reader, config, multilabel, n_threads, temporary)
        _write_rest(prepared, reader, temporary)
        # Open files cannot be moved everywhere.
        prepared = dataclasses.replace(prepared, features=_moved(prepared.features))
        _rename(temporary, folder)
    except OSError as error:
        raise InputError(
            f"{cache}: cannot keep the features here: {(error.strerror or str(error)).lower()}"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    features = open_features(folder, prepared.features.indptr)
    return dataclasses.replace(prepared, features=features)


def _spill(reader: CorpusReader, config: Config, multilabel: bool, n_threads: int) -> Prepared:
    """Make features in files that have no name any more: the system removes them after use."""
    with tempfile.TemporaryDirectory(prefix="fasttext-lite-", ignore_cleanup_errors=True) as folder:
        try:
            return _prepare(reader, config, multilabel, n_threads, folder)
        except OSError as error:
            raise InputError(
                f"{os.path.dirname(folder)}: cannot keep the features here: "
                f"{(error.strerror or str(error)).lower()}; name another folder with --cache or in "
                "TMPDIR"
            ) from None


def _moved(features: FeatureMatrix) -> FeatureMatrix:
    """Return the features without their entries, which are in a folder that will be renamed."""
    nothing = np.empty(0, np.int32)
    return FeatureMatrix(nothing, nothing.astype(np.float32), features.indptr)


def _rename(temporary: str, folder: str) -> None:
    """Give a folder its name, unless another process was quicker."""
    try:
        os.rename(temporary, folder)
    except OSError:
        if not os.path.isdir(folder):
            raise


def _prepare(
    reader: CorpusReader, config: Config, multilabel: bool, n_threads: int, folder: str | None
) -> Prepared:
    vocabulary = Vocabulary()
    ids, sizes = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    marked: list[MarkedTexts] = []
    n_chunks = 0
    for chunk in reader:
        n_chunks += 1
        ids.append(chunk.ids.copy())
        sizes.append(np.diff(chunk.indptr))
        # The only chunk is kept for the second pass, which it saves.
        marked = [analyze(chunk.texts, config, n_threads)]
        vocabulary.add(marked[0])
    n_texts = vocabulary.n_texts
    indptr = np.append(0, np.cumsum(np.concatenate(sizes)))
    labels = Labels(np.concatenate(ids), indptr, reader.names).by_frequency()
    del ids, sizes
    check_labels(labels)
    multilabel = multilabel or labels.is_multilabel
    mean_tokens = vocabulary.n_tokens / max(n_texts, 1)
    config = resolve(config, len(labels.names), multilabel, mean_tokens, n_texts)
    chunks = iter(marked) if n_chunks == 1 else _again(reader, config, n_threads, n_texts)
    del marked
    space, features = FeatureSpace.fit_chunks(
        chunks, vocabulary, config, n_threads, labels, Entries(folder)
    )
    return Prepared(config, space, features, labels, multilabel)


def _again(
    reader: CorpusReader, config: Config, n_threads: int, n_texts: int
) -> Iterator[MarkedTexts]:
    """Yield the texts of a file in a second pass; they must be as many as in the first."""
    n_left = n_texts
    for chunk in reader:
        n_left -= len(chunk.texts)
        if n_left < 0:
            break
        yield analyze(chunk.texts, config, n_threads)
    if n_left:
        raise InputError(f"{reader.path}: the file changed while it was read")


# -- the cache -------------------------------------------------------------------------------
def _key(reader: CorpusReader, config: Config, multilabel: bool) -> str:
    """Return the name of a file's features: the hash of all that decides about them."""
    digest = hashlib.blake2b(digest_size=20)
    try:
        with open(reader.path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{reader.path}: {(error.strerror or str(error)).lower()}") from None
    about: list[Any] = [CACHE_VERSION, __version__, unicodedata.unidata_version, multilabel]
    about.append(dataclasses.asdict(reader.options))
    about.append({name: getattr(config, name) for name in (*FEATURE_FIELDS, *_DECIDING)})
    if ANALYZERS[config.analyzer].segments:
        about.append(version("jieba"))
    if config.simplify:
        about.append(simplified_hash())
    digest.update(json.dumps(about, sort_keys=True).encode())
    return digest.hexdigest()


def _write_rest(prepared: Prepared, reader: CorpusReader, folder: str) -> None:
    """Write all but the entries of the features."""
    from safetensors.numpy import save_file

    space, labels = prepared.space, prepared.labels
    arrays = {
        "indptr": prepared.features.indptr,
        "label_ids": labels.ids,
        "label_indptr": labels.indptr,
        "words": space.pool,
        "word_ends": space.word_ends,
        "row_codes": space.row_codes,
        "frequency": space.frequency,
        "gains": space.gains,
    }
    about = {
        "config": {name: getattr(prepared.config, name) for name in FEATURE_FIELDS},
        "names": labels.names,
        "seen": reader.names,
        "skipped": reader.skipped,
        "multilabel": prepared.multilabel,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(arrays, os.path.join(folder, _REST), {"about": json.dumps(about)})


def _load(folder: str, reader: CorpusReader, config: Config, multilabel: bool) -> Prepared | None:
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
        config = config.replace(**about["config"])
        config = resolve(config, len(labels.names), multilabel or about["multilabel"])
        space = FeatureSpace(
            config, arrays["words"], arrays["word_ends"], arrays["row_codes"],
            arrays["frequency"], len(features), arrays["gains"],
        )  # fmt: skip
        reader.names = about["seen"]
        reader.skipped = {why: (count, where) for why, (count, where) in about["skipped"].items()}
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return Prepared(config, space, features, labels, about["multilabel"])


def _check(features: FeatureMatrix, labels: Labels, n_rows: int) -> None:
    """Raise `ValueError` if an index lies outside of what it points into."""
    for indptr, ids, n in (
        (features.indptr, features.ids, n_rows),
        (labels.indptr, labels.ids, len(labels.names)),
    ):
        good = indptr.size > 1 and indptr[0] == 0 and indptr[-1] == ids.size
        if not good or np.any(indptr[1:] < indptr[:-1]):
            raise ValueError("offsets are wrong")
        for start in range(0, ids.size, 1 << 22):
            part = ids[start : start + (1 << 22)]
            if part.min() < 0 or part.max() >= n:
                raise ValueError("a number is out of range")
            features.release()
    if len(features) != len(labels):
        raise ValueError("lengths differ")
