"""Where classes lie now that older pickles name by an older place.

Packages keep the names that were modules once (`fasttext_lite.model.Model`); modules that are no
more are found here, by pickles alone: nothing in the package imports them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

MOVED = {
    "analyzers": ("fasttext_lite.text.marked",),
    "compat.api_arguments": ("fasttext_lite.compat.python.arguments",),
    "compat.api_model": ("fasttext_lite.compat.python.model",),
    "compat.arguments": ("fasttext_lite.compat.files.arguments",),
    "compat.binary": ("fasttext_lite.compat.files.binary",),
    "compat.dictionary": ("fasttext_lite.compat.files.dictionary",),
    "compat.tables": ("fasttext_lite.compat.files.tables",),
    "compression": ("fasttext_lite.model.packed",),
    "datasets_convert": ("fasttext_lite.datasets.convert",),
    "datasets_registry": ("fasttext_lite.datasets.registry",),
    "ensemble": ("fasttext_lite.estimators.ensemble",),
    "entries": ("fasttext_lite.features.matrix", "fasttext_lite.features.entries"),
    "estimator": (
        "fasttext_lite.estimators.classifier",
        "fasttext_lite.estimators.transformer",
        "fasttext_lite.estimators.base",
    ),
    "monitoring": ("fasttext_lite.fitting.report", "fasttext_lite.fitting.monitor"),
    "quantization": ("fasttext_lite.model.quantization",),
    "segmenter_dictionary": ("fasttext_lite.segmenter.dictionary",),
    "segmenter_library": ("fasttext_lite.segmenter.library", "fasttext_lite.segmenter.base"),
    "sources": ("fasttext_lite.corpus.formats", "fasttext_lite.corpus.files"),
    "targets": ("fasttext_lite.estimators.targets",),
    "tuner": ("fasttext_lite.estimators.tuner",),
    "tuning_data": ("fasttext_lite.tuning.data", "fasttext_lite.tuning.size"),
    "tuning_log": ("fasttext_lite.tuning.log",),
    "tuning_metrics": ("fasttext_lite.tuning.metrics",),
    "tuning_space": ("fasttext_lite.tuning.space",),
    "vectors": ("fasttext_lite.fitting.vectors",),
    "weights": ("fasttext_lite.training.weights",),
}
RENAMED = {"Parts": "ModelParts"}
PACKAGE = "fasttext_lite."


class OldPlaces:
    """Finds and makes the modules of `MOVED`, whose names are looked up where they are now."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> Any:
        """Return how to make a module of the past; None for any other."""
        if name.removeprefix(PACKAGE) not in MOVED:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, cls)  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: Any) -> None:
        """Let Python make the module."""

    @staticmethod
    def exec_module(module: Any) -> None:
        """Fill the module: its names are looked up when they are asked for."""
        places = MOVED[module.__name__.removeprefix(PACKAGE)]

        def get(name: str) -> Any:
            name = RENAMED.get(name, name)
            for place in places:
                if hasattr(found := import_module(place), name):
                    return getattr(found, name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__getattr__ = get


def install() -> None:
    """Let the import system ask `OldPlaces` for what it finds nowhere else."""
    if OldPlaces not in sys.meta_path:
        sys.meta_path.append(OldPlaces)
