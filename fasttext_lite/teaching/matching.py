"""Rows of embeddings and the texts of files that they are of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fasttext_lite.corpus.files import name_of
from fasttext_lite.errors import InputError
from fasttext_lite.fitting.training_file import TrainingFile
from fasttext_lite.teaching.embedding_files import read_embeddings
from fasttext_lite.teaching.files import UnlabelledTexts


def read_matched(
    paths: Sequence[str], train: str, file: TrainingFile, others: UnlabelledTexts | None
) -> np.ndarray:
    """Read embeddings of a labelled file's texts, and of those without labels.

    Parameters
    ----------
    paths : sequence of str
        Files of embeddings, one after another.
    train : str
        What the labelled file is called.
    file : TrainingFile
        With the rows of its texts.
    others : UnlabelledTexts, optional

    Returns
    -------
    float32[n_texts + n_others, dim]

    Raises
    ------
    InputError
        If a file cannot be read, or there are neither as many rows as records nor as many as texts.
    """

    def choose(n_rows: int) -> np.ndarray:
        return rows_of(n_rows, ", ".join(paths), name_of(train), file, others)

    return read_embeddings(paths, choose=choose)


def rows_of(
    n_rows: int, name: str, train: str, file: TrainingFile, others: UnlabelledTexts | None
) -> np.ndarray:
    """Return the row of each text, int64[n_texts + n_others].

    There is a row for each record of the files, or for each text that is learnt from, or for each
    that could be.

    Parameters
    ----------
    n_rows : int
    name : str
        Of what has the rows, for the message.
    train, file, others
        As of `read_matched`.

    Raises
    ------
    InputError
        If it is none of these.
    """
    n = len(file.labels)
    own = np.arange(n) if file.rows is None else file.rows
    n_records, n_texts = file.n_records, n
    ways = [(n_records, own), (n, np.arange(n))]
    if others is not None:
        n_records, n_texts = n_records + others.n_records, n + others.n_found
        n_kept = len(others.texts)
        ways = [
            (n_records, np.concatenate([own, file.n_records + others.rows])),
            (n_texts, np.concatenate([np.arange(n), n + others.places])),
            (n + n_kept, np.arange(n + n_kept)),
        ]
    for size, rows in ways:
        if size == n_rows:
            return rows
    beside = "" if others is None else " and the unlabelled files"
    raise InputError(
        f"{name}: {n_rows:,} row{'s' * (n_rows != 1)}, but one is needed for each of the "
        f"{n_records:,} records of {train}{beside}, or for each of the {n_texts:,} texts among "
        "them that can be learnt from, in their order"
    )
