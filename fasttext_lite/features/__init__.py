"""Tokens become weighted rows: vocabulary, n-grams, hashing, the matrix of documents."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["FeatureMatrix", "FeatureSpace"]

if TYPE_CHECKING:
    from fasttext_lite.features.matrix import FeatureMatrix
    from fasttext_lite.features.space import FeatureSpace

__getattr__, __dir__ = face(
    __name__,
    {
        "FeatureMatrix": "fasttext_lite.features.matrix",
        "FeatureSpace": "fasttext_lite.features.space",
    },
)
