"""The face of scikit-learn: estimators over `fitting` and `model`."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["FastTextClassifier", "FastTextEnsemble", "FastTextTransformer", "FastTextTuner"]

if TYPE_CHECKING:
    from fasttext_lite.estimators.classifier import FastTextClassifier
    from fasttext_lite.estimators.ensemble import FastTextEnsemble
    from fasttext_lite.estimators.transformer import FastTextTransformer
    from fasttext_lite.estimators.tuner import FastTextTuner

__getattr__, __dir__ = face(
    __name__,
    {
        "FastTextClassifier": "fasttext_lite.estimators.classifier",
        "FastTextEnsemble": "fasttext_lite.estimators.ensemble",
        "FastTextTransformer": "fasttext_lite.estimators.transformer",
        "FastTextTuner": "fasttext_lite.estimators.tuner",
    },
)
