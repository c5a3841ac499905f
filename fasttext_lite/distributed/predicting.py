"""Prediction on a cluster: partition by partition, and written as files, part by part."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.disk.replacing import replacing
from fasttext_lite.distributed.cluster import Job
from fasttext_lite.distributed.preparing import computed
from fasttext_lite.distributed.sources import Columns, Read, Source, fsspec_of, read_source
from fasttext_lite.errors import InputError
from fasttext_lite.model.model import Model
from fasttext_lite.model.predictions import Predictions

LABEL, PROBABILITY = "label", "probability"


@dataclass(frozen=True)
class Asked:
    """A model, with the labels in their own type.

    Attributes
    ----------
    model : Model
    classes : ndarray of shape (n_classes,)
    """

    model: Model
    classes: np.ndarray

    def best(self, read: Read) -> tuple[list[Any], np.ndarray]:
        """Return the likeliest label of each text and its probability; None and NaN of a null."""
        found = self.predictions(read)
        names = self.classes.tolist()
        labels = [None if i < 0 else names[i] for i in found.labels[:, 0].tolist()]
        return labels, np.where(found.labels[:, 0] < 0, np.nan, found.probabilities[:, 0])

    def predictions(self, read: Read) -> Predictions:
        """Return what the model says of texts; of one that is null, nothing."""
        found = self.model.predict(read.texts, n_threads=1)
        if read.valid is None:
            return found
        labels = np.where(read.valid[:, None], found.labels, -1)
        probabilities = np.where(read.valid[:, None], found.probabilities, 0.0)
        return Predictions(labels, probabilities, found.n_features, found.label_names)


# -- collections -----------------------------------------------------------------------------
def label_frame(frame: Any, asked: Asked, columns: Columns) -> Any:
    """Return a partition of a DataFrame with label and probability, or those of a Series."""
    is_frame = hasattr(frame, "columns")
    text = frame[columns.text] if is_frame else frame
    read = read_source("partition", "column", (text,), columns, asked.model.labels)
    labels, probabilities = asked.best(read)
    frame = frame if is_frame else frame.to_frame()[[]]
    kept = np.array(labels, dtype=object)
    if not any(label is None for label in labels) and asked.classes.dtype.kind not in "UO":
        kept = np.array(labels, dtype=asked.classes.dtype)
    return frame.assign(**{LABEL: kept, PROBABILITY: probabilities})


def frame_like(frame: Any, classes: np.ndarray) -> Any:
    """Return an empty frame as `label_frame` returns them."""
    import pandas as pd

    start = frame if hasattr(frame, "columns") else frame.to_frame()[[]]
    kind = object if classes.dtype.kind in "UO" else classes.dtype
    return start.assign(
        **{LABEL: pd.Series([], dtype=kind), PROBABILITY: pd.Series([], dtype="float64")}
    )


def label_records(records: Any, asked: Asked, columns: Columns) -> list[tuple[Any, float]]:
    """Return label and probability of each record of a partition of a bag."""
    read = read_source("partition", "bag", (records,), columns, asked.model.labels)
    labels, probabilities = asked.best(read)
    return list(zip(labels, probabilities.tolist(), strict=True))


# -- files -----------------------------------------------------------------------------------
def _write_parquet(table: Any, file: IO[bytes]) -> None:
    from pyarrow import parquet

    parquet.write_table(table, file)


def _write_csv(table: Any, file: IO[bytes]) -> None:
    from pyarrow import csv

    csv.write_csv(table, file)


# By name: what writes a table of Arrow to a file, and how such files end.
WRITERS: dict[str, tuple[Callable[[Any, IO[bytes]], None], str]] = {
    "parquet": (_write_parquet, ".parquet"),
    "csv": (_write_csv, ".csv"),
}


@dataclass(frozen=True)
class Written:
    """A part that was written.

    Attributes
    ----------
    path : str
    n_texts : int
    """

    path: str
    n_texts: int


def predict_parts(
    job: Job, sources: list[Source], columns: Columns, asked: Asked, folder: str, form: str
) -> list[Written]:
    """Label sources on a cluster, and write a file of each.

    Parameters
    ----------
    job : Job
    sources : list of Source
    columns : Columns
    asked : Asked
    folder : str
        A path that all machines share, or a URL.
    form : str
        A name of `WRITERS`.

    Raises
    ------
    InputError
        If a source cannot be read or a file cannot be written.
    """
    held = job.held("model", asked)
    ending = WRITERS[form][1]
    paths = [f"{folder.rstrip('/')}/part-{i:05d}{ending}" for i in range(len(sources))]
    futures = [
        job.submit(
            "predict", write_part, (source.where, source.kind), blocks, columns, held, path, form
        )
        for source, blocks, path in zip(sources, computed(job, sources), paths, strict=True)
    ]
    return job.gather(futures)


def write_part(
    source: tuple[str, str], blocks: list[Any], columns: Columns, asked: Asked, path: str, form: str
) -> Written:
    """Label a source and write texts, labels and probabilities; the file is whole or not there."""
    pyarrow = _pyarrow(path)
    where, kind = source
    kind = "column" if kind == "frame" else kind
    if source[1] == "frame":
        blocks = [blocks[0][columns.text]]
    read = read_source(where, kind, blocks, columns, asked.model.labels)
    found = asked.predictions(read)
    labels, probabilities = found.to_arrow()
    texts = _column(read.texts, read.valid, pyarrow)
    table = pyarrow.table(
        {
            columns.text: texts,
            LABEL: labels.cast(pyarrow.string()),
            PROBABILITY: probabilities,
        }
    )
    _write(table, path, form)
    return Written(path, len(read.texts))


def _column(texts: Texts, valid: np.ndarray | None, pyarrow: Any) -> Any:
    data = texts.buffer.tobytes()
    bounds = texts.offsets.tolist()
    is_null = [False] * len(texts) if valid is None else (~valid).tolist()
    return pyarrow.array(
        [
            None if null else data[a:b].decode("utf-8", "replace")
            for a, b, null in zip(bounds[:-1], bounds[1:], is_null, strict=True)
        ],
        pyarrow.string(),
    )


def _write(table: Any, path: str, form: str) -> None:
    """Write a table under another name first, so that a worker that dies leaves no half file."""
    write = WRITERS[form][0]
    try:
        if "://" not in path:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with replacing(path, is_durable=False) as file:
                write(table, file)
            return
        fsspec = fsspec_of(path)
        system, name = fsspec.core.url_to_fs(path)
        system.makedirs(system._parent(name), exist_ok=True)
        with system.transaction, system.open(name, "wb") as file:
            write(table, file)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {(error.strerror or str(error)).lower()}"
        ) from None


def _pyarrow(path: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise InputError(
            f"{path}: writing parts needs pyarrow, which is not installed: "
            "pip install 'fasttext-lite[dask]'"
        ) from None
    return pyarrow
