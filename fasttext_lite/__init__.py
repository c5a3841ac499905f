"""fasttext-lite: a fast, accurate text classifier with the ideas of fastText.

>>> from fasttext_lite import FastTextClassifier
>>> texts = ["cheap flights", "a hotel by the sea", "the match ended 2:1", "a late goal"]
>>> labels = ["travel", "travel", "sport", "sport"]
>>> classifier = FastTextClassifier(random_state=0).fit(texts, labels)
>>> classifier.predict(["two goals in the match"]).tolist()
['sport']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Imported on first use: scikit-learn takes a second, and the command line needs none of it.
_LAZY = {
    "FastTextClassifier": "estimator",
    "FastTextEnsemble": "ensemble",
    "FastTextTransformer": "estimator",
    "FastTextTuner": "tuner",
    "UnknownTextWarning": "estimator",
    "load": "estimator",
    "Model": "model",
    "load_model": "storage",
    "Config": "config",
    "InputError": "errors",
    "ModelError": "errors",
    "TrainingError": "errors",
}
__all__ = [
    "Config",
    "FastTextClassifier",
    "FastTextEnsemble",
    "FastTextTransformer",
    "FastTextTuner",
    "InputError",
    "Model",
    "ModelError",
    "TrainingError",
    "UnknownTextWarning",
    "__version__",
    "load",
    "load_model",
]

if TYPE_CHECKING:
    from fasttext_lite.config import Config
    from fasttext_lite.ensemble import FastTextEnsemble
    from fasttext_lite.errors import InputError, ModelError, TrainingError
    from fasttext_lite.estimator import (
        FastTextClassifier,
        FastTextTransformer,
        UnknownTextWarning,
        load,
    )
    from fasttext_lite.model import Model
    from fasttext_lite.storage import load_model
    from fasttext_lite.tuner import FastTextTuner


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"fasttext_lite.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'fasttext_lite' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
