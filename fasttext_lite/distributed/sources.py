"""What a cluster is to learn from or to label: collections of Dask and parts of files.

Each is a list of sources, one for each partition or part, in order; a worker reads one to texts and
labels.  Files, wherever they lie, are read by the one reader of the package.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.reader import CorpusReader
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import EmptyError, InputError, bounded
from fasttext_lite.estimators.targets import Target, label_array, read_target


@dataclass(frozen=True)
class Columns:
    """What texts and labels are called, and how files are read.

    Attributes
    ----------
    text, label : str
    options : ReadOptions
    """

    text: str
    label: str
    options: ReadOptions


@dataclass(frozen=True)
class Source:
    """One partition or part.

    Attributes
    ----------
    where : str
        What it is called in messages: a path, or "partition 3".
    kind : str
        "path", "frame", "bag", "column" (texts alone) or "pair" (texts and labels apart).
    blocks : tuple
        The path, or what computes to the partition (`dask.delayed.Delayed`).
    """

    where: str
    kind: str
    blocks: tuple[Any, ...]


@dataclass(frozen=True)
class Read:
    """What a source holds.

    Attributes
    ----------
    texts : Texts
    target : Target, optional
        Of the same texts; None where there are none.
    weights : float64[n_texts], optional
        What the texts weigh, as a file says.
    valid : bool[n_texts], optional
        False for texts that are null, where such are taken.
    """

    texts: Texts
    target: Target | None = None
    weights: np.ndarray | None = None
    valid: np.ndarray | None = None


# -- on the client ---------------------------------------------------------------------------
def sources_of(X: Any, y: Any, columns: Columns, needs_labels: bool = True) -> list[Source]:
    """Return the sources of what `fit` or `predict_to` is given.

    Raises
    ------
    InputError
        If columns are missing, or X and y are cut into partitions in other ways.
    TypeError
        If X is none of what a cluster takes.
    """
    kind = collection_kind(X)
    if kind == "parts":
        if y is not None:
            raise TypeError("parts hold their labels themselves: give no y with them")
        return [Source(path, "path", (path,)) for path in parts_of(X)]
    if kind == "frame":
        wanted = [columns.text] + [columns.label] * (needs_labels and y is None)
        _check_columns(X, wanted)
        if y is None:
            return _numbered("frame", X[wanted] if needs_labels else X)
        X, kind = X[columns.text], "column"
    if y is not None:
        return _pairs(X, y)
    if kind == "column" and needs_labels:
        raise InputError("a Series of texts needs their labels beside it: fit(X, y)")
    return _numbered(kind, X)


def collection_kind(X: Any) -> str:
    """Return what X is: "frame", "column", "bag" or "parts".

    Raises
    ------
    TypeError
        If it is none of these.
    """
    if hasattr(X, "to_delayed") and hasattr(X, "__dask_graph__"):
        # A Series of Dask has columns, too.
        return {2: "frame", 1: "column"}.get(getattr(X, "ndim", 0), "bag")
    if isinstance(X, str | os.PathLike):
        raise TypeError(
            bounded(f"expected a list of parts, got one path: put it in a list, [{os.fspath(X)!r}]")
        )
    if isinstance(X, Sequence) and len(X) and all(isinstance(x, str | os.PathLike) for x in X):
        return "parts"
    raise TypeError(
        "expected a bag, a DataFrame or a Series of Dask, or a list of paths and URLs of parts; "
        f"got {type(X).__name__}" + " without a part" * (isinstance(X, Sequence) and not len(X))
    )


def parts_of(X: Sequence[Any]) -> list[str]:
    """Return paths and URLs as text; paths are absolute, for workers have other folders."""
    parts = []
    for each in X:
        name = os.fsdecode(each)
        parts.append(name if "://" in name else os.path.abspath(name))
    return parts


def _check_columns(frame: Any, wanted: Sequence[str]) -> None:
    there = [str(name) for name in frame.columns]
    for name, setting in zip(wanted, ("text_column", "label_column"), strict=False):
        if name not in there:
            raise InputError(
                f"no column {name!r} in the DataFrame (columns: {', '.join(there)}); name it with "
                f"{setting}="
            )


def _numbered(kind: str, collection: Any) -> list[Source]:
    return [
        Source(f"partition {i}", kind, (block,)) for i, block in enumerate(_delayed(collection))
    ]


def _delayed(collection: Any) -> list[Any]:
    return list(np.ravel(collection.to_delayed()))


def _pairs(X: Any, y: Any) -> list[Source]:
    if not hasattr(y, "to_delayed"):
        raise TypeError(
            f"y must be a collection of Dask as X is, with the same partitions; got "
            f"{type(y).__name__}"
        )
    texts, labels = _delayed(X), _delayed(y)
    if len(texts) != len(labels):
        raise InputError(
            f"X has {len(texts)} partitions and y {len(labels)}: they must be cut the same way"
        )
    return [
        Source(f"partition {i}", "pair", pair)
        for i, pair in enumerate(zip(texts, labels, strict=True))
    ]


# -- on a worker -----------------------------------------------------------------------------
def read_source(
    where: str,
    kind: str,
    blocks: Sequence[Any],
    columns: Columns,
    known: Collection[str] | None = None,
) -> Read:
    """Return what a source holds.

    Parameters
    ----------
    where, kind
        As of `Source`.
    blocks : sequence
        As of `Source`, computed.
    columns : Columns
    known : collection of str, optional
        Labels of the model that is asked: labels are not read then, and each record is a text.

    Raises
    ------
    InputError
        If it cannot be read; the message begins with `where`.
    """
    try:
        if kind == "path":
            return read_part(where, columns.options, known)
        if kind == "bag":
            return _of_records(list(blocks[0]), where, columns, known)
        if kind == "frame":
            text, label = blocks[0][columns.text], None
            label = None if known is not None else blocks[0][columns.label]
        else:
            text, label = blocks[0], blocks[1] if len(blocks) > 1 else None
        return _of_columns(text, label, known is not None)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from None


def _of_columns(text: Any, label: Any, takes_nulls: bool) -> Read:
    """Return a column of texts with that of their labels."""
    if not hasattr(text, "dtype"):
        text = list(text)
    if takes_nulls:
        texts, valid = _with_nulls(text)
        return Read(texts, valid=valid)
    texts = Texts.from_sequence(text)
    if not hasattr(label, "dtype"):
        label = list(label)
    if len(label) != len(texts):
        raise ValueError(f"{len(texts)} texts and {len(label)} labels")
    return Read(texts, _target(label))


def _with_nulls(text: Any) -> tuple[Texts, np.ndarray | None]:
    items = text.to_list() if hasattr(text, "to_list") else list(text)
    valid = np.array([isinstance(item, str | list | tuple) for item in items], bool)
    if valid.all():
        return Texts.from_sequence(items), None
    for i in np.flatnonzero(~valid).tolist():
        item = items[i]
        if item is not None and not _is_null(item):
            raise TypeError(f"text at position {i} must be str, got {type(item).__name__}")
    return Texts.from_sequence(
        [item if ok else "" for item, ok in zip(items, valid, strict=True)]
    ), valid


def _is_null(item: Any) -> bool:
    try:
        return bool(item != item)
    except (TypeError, ValueError):  # pandas.NA
        return True


def _target(label: Any) -> Target | None:
    """Return labels; None where there are no texts, whose labels have no type."""
    return read_target(label) if len(label) else None


def _of_records(
    records: list[Any], where: str, columns: Columns, known: Collection[str] | None
) -> Read:
    """Return the records of a bag: (label, text), dicts, lines, or, to be labelled, texts."""
    if not records:
        return Read(Texts.from_sequence([]))
    takes_all = known is not None
    first = records[0]
    if isinstance(first, str) and not takes_all:
        return _of_lines(records, where, columns.options)
    labels, texts = [], []
    for i, record in enumerate(records):
        if isinstance(record, Mapping):
            if columns.text not in record or (not takes_all and columns.label not in record):
                lacks = columns.label if columns.text in record else columns.text
                raise InputError(
                    f"{where}: record {i} has no key {lacks!r} (keys: "
                    f"{', '.join(map(str, record))}); name it with text_column= or label_column="
                )
            text, label = record[columns.text], record.get(columns.label)
        elif isinstance(record, tuple | list) and len(record) == 2:
            label, text = record
        elif takes_all and (record is None or isinstance(record, str)):
            label, text = None, record
        else:
            raise TypeError(
                f"record {i} must be a pair (label, text), a dict or a line; got "
                f"{type(record).__name__}"
            )
        labels.append(label)
        texts.append(text)
    return _of_columns(texts, labels, takes_all)


def _of_lines(lines: list[str], where: str, options: ReadOptions) -> Read:
    """Return lines of a format of files, which the reader of files reads."""
    with tempfile.TemporaryDirectory(prefix="fasttext_lite_") as folder:
        path = os.path.join(folder, "lines")
        with open(path, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.writelines(line if line.endswith("\n") else f"{line}\n" for line in lines)
        return _read_file(path, where, options, None)


def read_part(where: str, options: ReadOptions, known: Collection[str] | None = None) -> Read:
    """Return what a file holds, on this machine or behind a URL.

    An empty file has no texts, packed or not.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    with local_copy(where) as path:
        try:
            return _read_file(path, where, options, known)
        except EmptyError:
            return Read(Texts.from_sequence([]))


def _read_file(path: str, where: str, options: ReadOptions, known: Collection[str] | None) -> Read:
    reader = CorpusReader(path, options, known=known)
    texts, ids, sizes, weights = [], [np.empty(0, np.int32)], [np.empty(0, np.int64)], []
    is_weighted = False
    try:
        for chunk in reader:
            texts.append(chunk.texts)
            ids.append(chunk.ids)
            sizes.append(np.diff(chunk.indptr))
            is_weighted = is_weighted or chunk.weights is not None
            weights.append(np.ones(len(chunk)) if chunk.weights is None else chunk.weights)
    except EmptyError:
        raise
    except InputError as error:
        if path == where:
            raise
        raise InputError(str(error).replace(path, where)) from None
    found = joined_texts(texts)
    if known is not None:
        return Read(found)
    indptr = np.append(0, np.cumsum(np.concatenate(sizes)))
    labels = Labels(np.concatenate(ids), indptr, reader.names).without_repeats()
    names = sorted(reader.names)
    kind = "lists" if options.multilabel else "single"
    target = Target(kind, label_array(names), labels.renamed(names))
    return Read(found, target, np.concatenate(weights) if is_weighted else None)


def joined_texts(texts: Sequence[Texts]) -> Texts:
    """Return the documents of several `Texts` that are no lists of tokens, one after another."""
    if len(texts) == 1:
        return texts[0]
    buffers, sizes = [np.empty(0, np.uint8)], [np.zeros(1, np.int64)]
    for each in texts:
        buffers.append(each.buffer[each.offsets[0] : each.offsets[-1]])
        sizes.append(np.diff(each.offsets))
    return Texts(np.concatenate(buffers), np.cumsum(np.concatenate(sizes)))


@contextmanager
def local_copy(where: str) -> Iterator[str]:
    """Give the path of a file, of one behind a URL that of a copy which is gone afterwards.

    Raises
    ------
    InputError
        If the URL cannot be read.
    """
    if "://" not in where:
        yield where
        return
    fsspec = fsspec_of(where)
    with tempfile.TemporaryDirectory(prefix="fasttext_lite_") as folder:
        # The ending says how it is packed and what it holds.
        path = os.path.join(folder, os.path.basename(where.partition("://")[2]) or "part")
        try:
            with fsspec.open(where, "rb") as remote, open(path, "wb") as copy:
                shutil.copyfileobj(remote, copy, 1 << 20)
        except (OSError, ValueError, ImportError) as error:
            text = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise InputError(f"{where}: cannot be read: {text}") from None
        yield path


def fsspec_of(where: str) -> Any:
    """Return the module fsspec; an `InputError` says so if it is missing."""
    try:
        import fsspec
    except ImportError:
        raise InputError(
            f"{where}: URLs need fsspec, which is not installed: pip install 'fasttext-lite[dask]'"
        ) from None
    return fsspec
