"""How good a model is: scores, plots, maps of embeddings."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["Evaluation"]

if TYPE_CHECKING:
    from fasttext_lite.evaluation.scores import Evaluation

__getattr__, __dir__ = face(__name__, {"Evaluation": "fasttext_lite.evaluation.scores"})
