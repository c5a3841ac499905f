"""Parts of prepared training data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.rows import set_aside, take_features, take_labels

if TYPE_CHECKING:
    from fasttext_lite.fitting import Prepared

__all__ = ["set_aside", "take_labels", "take_prepared"]


def take_prepared(
    prepared: Prepared, chosen: np.ndarray, doc_weights: np.ndarray | None = None
) -> Prepared:
    """Return the chosen documents, with their features in the space of all.

    Parameters
    ----------
    prepared : Prepared
    chosen : int[n_chosen]
        Numbers of documents.
    doc_weights : float[n_chosen], optional
        Instead of the weights that the documents have.

    Returns
    -------
    Prepared
    """
    if doc_weights is None and prepared.doc_weights is not None:
        doc_weights = prepared.doc_weights[chosen]
    return dataclasses.replace(
        prepared,
        features=take_features(prepared.features, chosen),
        labels=take_labels(prepared.labels, chosen),
        doc_weights=doc_weights,
    )
