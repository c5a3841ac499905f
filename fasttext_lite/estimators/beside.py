"""What `fit` is given beside labelled texts: texts without labels, embeddings of all of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.teaching.embedding_files import MOST_DIM, unfit

if TYPE_CHECKING:
    from fasttext_lite.teaching.fit import Beside


def read_beside(
    texts: Texts,
    n_given: int,
    kept: np.ndarray | None,
    unlabelled: Any,
    text_embeddings: Any,
    show: bool,
) -> Beside | None:
    """Return what there is beside labelled texts; None where there is nothing.

    Parameters
    ----------
    texts : Texts
        The labelled ones that are learnt from.
    n_given : int
        Number of texts of X, also those that are not.
    kept : int64[n_texts], optional
        Their places in X; None where all are there.
    unlabelled : sequence of str, or of token lists, optional
    text_embeddings : array-like of shape (len(X) + n_unlabelled, dim), optional
    show : bool
        Whether to tell of each stage.

    Raises
    ------
    TypeError
        If something other than text or numbers is given.
    ValueError
        If the numbers of texts and of embeddings differ, these are longer than is taken, or those
        of texts that are learnt from are not finite.
    """
    if unlabelled is None and text_embeddings is None:
        return None
    from fasttext_lite.teaching.files import not_blank
    from fasttext_lite.teaching.fit import Beside

    others = None if unlabelled is None else _read_others(texts, unlabelled)
    n_others = 0 if others is None else len(others)
    filled = np.arange(0) if others is None else not_blank(others)
    vectors = None
    if text_embeddings is not None:
        given, vectors = _read_vectors(text_embeddings)
        if len(vectors) != n_given + n_others:
            raise ValueError(
                f"text_embeddings has {len(vectors)} rows, for {n_given} texts and {n_others} "
                "unlabelled ones: one of each is needed, in their order"
            )
        own = np.arange(n_given) if kept is None else kept
        vectors = _taken(given, vectors, np.concatenate([own, n_given + filled]))
    if others is not None and filled.size < n_others:
        others = others.take(filled)
    return Beside(others, vectors, _say if show else None)


def _read_others(texts: Texts, unlabelled: Any) -> Texts:
    """Return texts without labels, cut into tokens where the labelled ones are."""
    try:
        others = Texts.from_sequence(unlabelled)
    except TypeError as error:
        raise TypeError(f"unlabelled: {error}") from None
    if (others.token_ends is None) != (texts.token_ends is None) and len(others):
        raise TypeError("unlabelled: X and unlabelled must both be texts, or both lists of tokens")
    return others


def _read_vectors(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings as they were given, and as float32[n, dim]."""
    try:
        given = np.asarray(values)
    except (TypeError, ValueError):
        raise TypeError("text_embeddings must be numbers of shape (n_texts, dim)") from None
    if given.dtype.kind not in "fiu":
        raise TypeError(
            f"text_embeddings must be numbers of shape (n_texts, dim); got items of type "
            f"{given.dtype}"
        )
    if given.ndim != 2 or not given.shape[1]:
        raise ValueError(f"text_embeddings must have two dimensions; got shape {given.shape}")
    if given.shape[1] > MOST_DIM:
        raise ValueError(
            f"text_embeddings must have at most {MOST_DIM:,} numbers for each text; got "
            f"{given.shape[1]:,}"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large is not finite then
        return given, given.astype(np.float32, copy=False)


def _taken(given: np.ndarray, vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the rows that are learnt from; raise `ValueError` unless these are finite."""
    found = vectors if rows.size == len(vectors) else vectors[rows]
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if bad.size:
        row = rows[bad[0]]
        raise ValueError(f"text_embeddings: row {row} has a number that is {unfit(given[row])}")
    return found


def _say(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{line}\n")
