"""fasttext-lite: a fast, accurate text classifier with the ideas of fastText.

>>> from fasttext_lite import FastTextClassifier
>>> texts = ["cheap flights", "a hotel by the sea", "the match ended 2:1", "a late goal"]
>>> labels = ["travel", "travel", "sport", "sport"]
>>> classifier = FastTextClassifier(random_state=0).fit(texts, labels)
>>> classifier.predict(["two goals in the match"]).tolist()
['sport']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttext_lite import moved
from fasttext_lite.faces import face
from fasttext_lite.version import __version__

__all__ = [
    "Config",
    "FastTextClassifier",
    "FastTextEnsemble",
    "FastTextTransformer",
    "FastTextTuner",
    "InputError",
    "Model",
    "ModelError",
    "ModelFile",
    "TrainingError",
    "UnknownTextWarning",
    "__version__",
    "audit",
    "explain",
    "load",
    "load_model",
    "top_features",
    "verify",
]

if TYPE_CHECKING:
    from fasttext_lite.auditing.audit import audit
    from fasttext_lite.compat.either import load_model
    from fasttext_lite.compat.model_file import ModelFile
    from fasttext_lite.config.fields import Config
    from fasttext_lite.errors import InputError, ModelError, TrainingError
    from fasttext_lite.estimators.base import UnknownTextWarning
    from fasttext_lite.estimators.classifier import FastTextClassifier, load
    from fasttext_lite.estimators.ensemble import FastTextEnsemble
    from fasttext_lite.estimators.transformer import FastTextTransformer
    from fasttext_lite.estimators.tuner import FastTextTuner
    from fasttext_lite.estimators.verify import verify
    from fasttext_lite.explanation.contributions import explain
    from fasttext_lite.explanation.features import top_features
    from fasttext_lite.model.model import Model

__getattr__, __dir__ = face(
    __name__,
    {
        "Config": "fasttext_lite.config.fields",
        "FastTextClassifier": "fasttext_lite.estimators.classifier",
        "FastTextEnsemble": "fasttext_lite.estimators.ensemble",
        "FastTextTransformer": "fasttext_lite.estimators.transformer",
        "FastTextTuner": "fasttext_lite.estimators.tuner",
        "InputError": "fasttext_lite.errors",
        "Model": "fasttext_lite.model.model",
        "ModelError": "fasttext_lite.errors",
        "ModelFile": "fasttext_lite.compat.model_file",
        "TrainingError": "fasttext_lite.errors",
        "UnknownTextWarning": "fasttext_lite.estimators.base",
        "__version__": "fasttext_lite.version",
        "audit": "fasttext_lite.auditing.audit",
        "explain": "fasttext_lite.explanation.contributions",
        "load": "fasttext_lite.estimators.classifier",
        "load_model": "fasttext_lite.compat.either",
        "top_features": "fasttext_lite.explanation.features",
        "verify": "fasttext_lite.estimators.verify",
    },
)
moved.install()
