"""fastText's own files, command lines and Python functions.

``import fasttext_lite.compat as fasttext`` takes the place of ``import fasttext``, and `install`
puts compat under that name for code that is not one's own.  Everything here behaves as fastText
0.9.2 does, quirks included; the rest of the package does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Imported on first use: the command line needs no compiled code to print its help.
_FUNCTIONS = (
    "BOW", "EOS", "EOW", "cbow", "load_model", "skipgram", "supervised", "tokenize",
    "train_supervised", "train_unsupervised",
)  # fmt: skip
_NAMING = ("install", "uninstall")  # not fastText's, so no part of what stands under its name
__all__ = [
    "BOW",
    "EOS",
    "EOW",
    "FastText",
    "cbow",
    "load_model",
    "skipgram",
    "supervised",
    "tokenize",
    "train_supervised",
    "train_unsupervised",
    "util",
]

if TYPE_CHECKING:
    import fasttext_lite.compat.FastText as FastText
    import fasttext_lite.compat.util as util
    from fasttext_lite.compat.files.dictionary import BOW, EOS, EOW
    from fasttext_lite.compat.named import install as install
    from fasttext_lite.compat.named import uninstall as uninstall
    from fasttext_lite.compat.python.functions import (
        cbow,
        load_model,
        skipgram,
        supervised,
        tokenize,
        train_supervised,
        train_unsupervised,
    )


def __getattr__(name: str) -> Any:
    if name in ("FastText", "util"):
        return import_module(f"fasttext_lite.compat.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module("fasttext_lite.compat.python.functions"), name)
    if name in _NAMING:
        return getattr(import_module("fasttext_lite.compat.named"), name)
    raise AttributeError(f"module 'fasttext_lite.compat' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_NAMING])
