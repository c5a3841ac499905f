"""The trained thing: prediction, its file, and its small form."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["Model", "Predictions"]

if TYPE_CHECKING:
    from fasttext_lite.model.model import Model, Predictions

__getattr__, __dir__ = face(
    __name__, {"Model": "fasttext_lite.model.model", "Predictions": "fasttext_lite.model.model"}
)
