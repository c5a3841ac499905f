"""How good a model is: scores, plots, maps of embeddings."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = [
    "Evaluation",
    "precision_at_k",
    "propensities",
    "propensity_scored_precision_at_k",
]

if TYPE_CHECKING:
    from fasttext_lite.evaluation.ranking import (
        precision_at_k,
        propensities,
        propensity_scored_precision_at_k,
    )
    from fasttext_lite.evaluation.scores import Evaluation

_RANKING = "fasttext_lite.evaluation.ranking"
__getattr__, __dir__ = face(
    __name__,
    {
        "Evaluation": "fasttext_lite.evaluation.scores",
        "precision_at_k": _RANKING,
        "propensities": _RANKING,
        "propensity_scored_precision_at_k": _RANKING,
    },
)
