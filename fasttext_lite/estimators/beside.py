"""What `fit` is given beside labelled texts: texts without labels, embeddings of all of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.corpus.texts import Texts

if TYPE_CHECKING:
    from fasttext_lite.teaching.fit import Beside


def read_beside(
    texts: Texts,
    kept: np.ndarray | None,
    unlabelled: Any,
    text_embeddings: Any,
    show: bool,
) -> Beside | None:
    """Return what there is beside labelled texts; None where there is nothing.

    Parameters
    ----------
    texts : Texts
        The labelled ones.
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
        If the numbers of texts and of embeddings differ, or these are not finite.
    """
    if unlabelled is None and text_embeddings is None:
        return None
    from fasttext_lite.teaching.files import not_blank
    from fasttext_lite.teaching.fit import Beside

    others = None
    if unlabelled is not None:
        try:
            others = Texts.from_sequence(unlabelled)
        except TypeError as error:
            raise TypeError(f"unlabelled: {error}") from None
        if (others.token_ends is None) != (texts.token_ends is None) and len(others):
            raise TypeError(
                "unlabelled: X and unlabelled must both be texts, or both lists of tokens"
            )
    vectors = None
    if text_embeddings is not None:
        vectors = _read_vectors(text_embeddings)
        n_others = 0 if others is None else len(others)
        n_labelled = len(vectors) - n_others
        if kept is None and n_labelled != len(texts) or kept is not None and n_labelled <= kept[-1]:
            raise ValueError(
                f"text_embeddings has {len(vectors)} rows, for {len(texts)} texts and {n_others} "
                "unlabelled ones: one of each is needed, in their order"
            )
    if others is not None:
        filled = not_blank(others)
        if vectors is not None:
            vectors = np.concatenate([vectors[:n_labelled], vectors[n_labelled + filled]])
        others = others.take(filled) if filled.size < len(others) else others
    if vectors is not None and kept is not None:
        vectors = np.concatenate([vectors[kept], vectors[n_labelled:]])
    return Beside(others, vectors, _say if show else None)


def _read_vectors(values: Any) -> np.ndarray:
    """Return embeddings as float32[n, dim]."""
    try:
        vectors = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        raise TypeError("text_embeddings must be numbers of shape (n_texts, dim)") from None
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ValueError(f"text_embeddings must have two dimensions; got shape {vectors.shape}")
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if bad.size:
        raise ValueError(f"text_embeddings must be finite; row {bad[0]} is not")
    return vectors


def _say(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{line}\n")
