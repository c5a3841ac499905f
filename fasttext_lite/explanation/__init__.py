"""Why a model gives a text a label: exact contributions of its words, and of features."""

from fasttext_lite.faces import face

__all__ = ["Explanation", "Span", "explain", "top_features"]

__getattr__, __dir__ = face(
    __name__,
    {
        "Explanation": "fasttext_lite.explanation.explanation",
        "Span": "fasttext_lite.explanation.explanation",
        "explain": "fasttext_lite.explanation.contributions",
        "top_features": "fasttext_lite.explanation.features",
    },
)
