"""The functions of fastText's Python package, under its names.

The same arguments in the same order, the same results down to the types of arrays, the same kinds
of errors (FastText.py and fasttext_pybind.cc of fastText 0.9.2).  Where fastText crashes, a
`ValueError` says why; and some things are accepted that fastText refuses: paths of `pathlib`,
pickling, the bytes of a model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from fasttext_lite.compat.advice import warn_of_text
from fasttext_lite.compat.engine import CACHE_MB
from fasttext_lite.compat.files import binary
from fasttext_lite.compat.files.arguments import SUPERVISED, Args
from fasttext_lite.compat.files.dictionary import BOW, EOS, EOW, as_array
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.program.printing import Report
from fasttext_lite.compat.python.arguments import (
    SUPERVISED_NAMES,
    UNSUPERVISED_NAMES,
    as_path,
    default_arguments,
    loss_name,
    model_name,
    parse_arguments,
)
from fasttext_lite.compat.python.meter import _Meter
from fasttext_lite.compat.python.model import _FastText, wrapped
from fasttext_lite.compat.python.text import TOKENS, token_bytes, utf8
from fasttext_lite.corpus.signs import FASTTEXT_MAGIC
from fasttext_lite.model.magic import packing

__all__ = [
    "BOW",
    "EOS",
    "EOW",
    "_FastText",
    "_Meter",
    "cbow",
    "displayed_errors",
    "eprint",
    "load_model",
    "loss_name",
    "model_name",
    "skipgram",
    "supervised",
    "tokenize",
    "train_supervised",
    "train_unsupervised",
    "unsupervised_default",
]

# Names that programs set to silence the wheel, or read.
displayed_errors: dict[str, bool] = {}
unsupervised_default: dict[str, Any] = default_arguments()


def eprint(*values: Any) -> None:
    """Write a warning to stderr; programs replace this to silence what this package never says."""
    if sys.stderr is not None:
        sys.stderr.write(" ".join(map(str, values)) + "\n")


def train_supervised(*args: Any, **kwargs: Any) -> _FastText:
    """Train a classifier and return it.

    Parameters, in this order
    -------------------------
    input : str or path-like
        Text, an example in each line with its labels; may be gzipped.
    lr=0.1, dim=100, ws=5, epoch=5, minCount=1, minCountLabel=0, minn=0, maxn=0, neg=5,
    wordNgrams=1, loss='softmax', bucket=2000000, thread, lrUpdateRate=100, t=1e-4,
    label='__label__', verbose=2, pretrainedVectors='', seed=0
        As in fastText; one thread less than there are processors, but one.  ``thread=0`` takes
        all processors.
    autotuneValidationFile='', autotuneMetric='f1', autotunePredictions=1, autotuneDuration=300,
    autotuneModelSize=''
        With a validation file the settings that were not given are searched for.

    Raises
    ------
    ValueError
        If a value or the file does not do.
    TypeError
        If an argument is unknown, given twice or of the wrong type.
    """
    settings, given = parse_arguments(args, kwargs, SUPERVISED_NAMES, Args(**SUPERVISED))
    report = Report(settings.verbose, settings)
    warn_of_text(settings.input)
    if settings.autotune_validation_file:
        from fasttext_lite.compat.training.autotune import autotune

        model = autotune(settings, given, callback=report.trial)[0]
    else:
        from fasttext_lite.compat.training.supervised import train_supervised as train

        model = train(settings, callback=report.progress, on_dictionary=report.dictionary)
    report.finish(True)
    return wrapped(model)


def train_unsupervised(*args: Any, **kwargs: Any) -> _FastText:
    """Train word vectors and return them as a model.

    Parameters, in this order
    -------------------------
    input : str or path-like
        Text; may be gzipped.
    model='skipgram', lr=0.05, dim=100, ws=5, epoch=5, minCount=5, minCountLabel=0, minn=3,
    maxn=6, neg=5, wordNgrams=1, loss='ns', bucket=2000000, thread, lrUpdateRate=100, t=1e-4,
    label='__label__', verbose=2, pretrainedVectors=''
        As in fastText; see `train_supervised`.

    Raises
    ------
    ValueError, TypeError
        See `train_supervised`.
    """
    settings, _ = parse_arguments(args, kwargs, UNSUPERVISED_NAMES, Args())
    from fasttext_lite.compat.training.words import train_unsupervised as train

    report = Report(settings.verbose, settings)
    warn_of_text(settings.input)
    model = train(settings, callback=report.progress, on_dictionary=report.dictionary)
    report.finish(True)
    return wrapped(model)


def load_model(path: Any, cache: float = CACHE_MB) -> _FastText:
    """Read a model of fastText, ``.bin`` or ``.ftz``.

    Parameters
    ----------
    path : str, bytes or path-like
        Or the bytes of a model file.
    cache : float
        Megabytes of memory for words that were seen, see `_FastText.cache`.

    Raises
    ------
    ValueError
        If it cannot be opened, is no model or is damaged; if `cache` is no size.
    """
    model = _read_model(path)
    model.cache = cache
    return model


def _read_model(path: Any) -> _FastText:
    if isinstance(path, bytes | bytearray | memoryview):
        data = bytes(path)
        if data.startswith(FASTTEXT_MAGIC) or packing(data[:16], "") or b"\0" in data:
            return wrapped(FastTextModel(binary.parse(as_array(data), "the model")), {})
        path = data
    if not as_path("path", path):
        raise ValueError("path is empty: name a model file, .bin or .ftz")
    return _FastText(as_path("path", path))


def tokenize(text: str | bytes) -> list[str]:
    """Return the tokens of a text; that of a newline is </s>."""
    return [token_bytes(token).decode() for token in TOKENS.findall(utf8(text))]


def _no_more(name: str, instead: str) -> Callable[..., Any]:
    def raise_advice(*args: Any, **kwargs: Any) -> Any:
        raise Exception(f"`{name}` is not supported any more: please use {instead}")

    raise_advice.__name__ = raise_advice.__qualname__ = name
    raise_advice.__doc__ = f"Raise an error: {instead} took the place of this function."
    return raise_advice


cbow = _no_more("cbow", "`train_unsupervised` with model='cbow'")
skipgram = _no_more("skipgram", "`train_unsupervised` with model='skipgram'")
supervised = _no_more("supervised", "`train_supervised`")
