"""The arguments of fastText's Python package: names, order, types, and what is told of training."""

from __future__ import annotations

import enum
import operator
import os
import re
from collections.abc import Sequence
from typing import Any

from fasttext_lite.compat.files.arguments import FIELDS, LOSSES, MODELS, Args
from fasttext_lite.config.foreign import FASTTEXT_KEYWORD, WORD, advice
from fasttext_lite.errors import InputError, bounded

Path = str | bytes | os.PathLike[str]


class _Number(enum.Enum):
    """A choice of fastText's, with its number in model files."""

    def __int__(self) -> int:
        return int(self.value)


_enum: Any = _Number  # mypy knows enumerations of names written down alone
loss_name = _enum("loss_name", {x.name: x.number for x in LOSSES.values()}, module=__name__)
model_name = _enum("model_name", {x.command: x.number for x in MODELS.values()}, module=__name__)

_ALIASES = {
    "min_count": "minCount", "word_ngrams": "wordNgrams", "lr_update_rate": "lrUpdateRate",
    "label_prefix": "label", "pretrained_vectors": "pretrainedVectors",
}  # fmt: skip
ATTRIBUTES = (
    "lr", "dim", "ws", "epoch", "minCount", "minCountLabel", "minn", "maxn", "neg", "wordNgrams",
    "loss", "bucket", "thread", "lrUpdateRate", "t", "label", "verbose", "pretrainedVectors",
)  # fmt: skip
SUPERVISED_NAMES = (
    "input", *ATTRIBUTES, "seed", "autotuneValidationFile", "autotuneMetric", "autotunePredictions",
    "autotuneDuration", "autotuneModelSize",
)  # fmt: skip
UNSUPERVISED_NAMES = ("input", "model", *ATTRIBUTES)
_WORDS = ("label", "autotuneMetric", "autotuneModelSize")  # the other texts are paths
_UNSUPERVISED = {kind.command: kind.name for kind in MODELS.values() if not kind.is_supervised}


def field_of(name: str) -> str:
    """Return the name that an argument of fastText's has in `Args`."""
    return re.sub("([A-Z])", lambda found: "_" + found[0].lower(), name)


def _named(values: Sequence[Any], more: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Give positional arguments their names, and others their first names."""
    if len(values) > len(names):
        raise TypeError(f"takes at most {len(names)} arguments; got {len(values)}")
    named = dict(zip(names, values, strict=False))
    for given, value in more.items():
        name = _ALIASES.get(given, given)
        if name not in names:
            said = advice(given, names, FASTTEXT_KEYWORD)
            raise TypeError(f"unexpected keyword argument '{given}'{said}")
        if name in named:
            raise TypeError(f"multiple values for argument '{name}'")
        named[name] = value
    return named


def _typed(name: str, value: Any, default: Any) -> Any:
    """Return the value of an argument in the type of its default.

    Raises
    ------
    TypeError
        If it is of another.
    """
    if isinstance(default, str):
        if name == "autotuneModelSize" and isinstance(value, int):
            return str(value)  # bytes
        if name in _WORDS and not isinstance(value, str):
            raise TypeError(bounded(f"{name} must be a str; got {value!r}"))
        if value is None and name == "pretrainedVectors":
            return default  # as programs say "none"
        if name == "input" and isinstance(value, list | tuple):
            raise TypeError(
                f"input must be a path; got {type(value).__name__}: fastText learns from a file; "
                "fasttext_lite.FastTextClassifier().fit(texts, labels) takes lists"
            )
        return as_path(name, value)
    return as_whole(name, value) if isinstance(default, int) else as_number(name, value)


def as_whole(name: str, value: Any) -> int:
    """Return a whole number, of Python or NumPy; TypeError for anything else."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(bounded(f"{name} must be a whole number; got {value!r}")) from None


def as_number(name: str, value: Any) -> float:
    """Return a number; TypeError for anything else."""
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        raise TypeError(bounded(f"{name} must be a number; got {value!r}"))
    return float(value)


def as_path(name: str, value: Any) -> str:
    """Return a path as str; TypeError for anything else."""
    if not isinstance(value, str | bytes | os.PathLike):
        raise TypeError(f"{name} must be a str or a path; got {type(value).__name__}")
    return os.fsdecode(value)


def _default_threads() -> int:
    return max((os.cpu_count() or 1) - 1, 1)


def default_arguments() -> dict[str, Any]:
    """Return the defaults of `train_unsupervised`, as fastText's module lists them."""
    defaults = Args(thread=_default_threads())
    named = {name: getattr(defaults, field_of(name)) for name in SUPERVISED_NAMES[1:]}
    return {"model": MODELS[defaults.model].command, **named}


def parse_arguments(
    values: Sequence[Any], more: dict[str, Any], names: Sequence[str], defaults: Args
) -> tuple[Args, set[str]]:
    """Return arguments of training, and which of them were given."""
    named = _named(values, more, names)
    changes: dict[str, Any] = {}
    for name, value in named.items():
        if name == "loss":
            if not isinstance(value, str) or value not in LOSSES:
                said = advice(value, LOSSES, WORD, "loss") if isinstance(value, str) else ""
                known = ", ".join(LOSSES)
                raise InputError(f"Unrecognized loss name: {value!r}; one of {known}{said}")
        elif name == "model":
            if value not in _UNSUPERVISED:
                raise InputError(f"Unrecognized model name: {value!r}; cbow or skipgram")
            value = _UNSUPERVISED[value]
        else:
            value = _typed(name, value, getattr(defaults, field_of(name)))
        changes[field_of(name)] = value
    changes.setdefault("thread", _default_threads())
    args = defaults.replace(**changes)
    args.check(_as_keyword)
    return args, {field_of(name) for name in named}


def _as_keyword(flag: str) -> str:
    """Return the keyword for what a flag sets."""
    return next((name for name in SUPERVISED_NAMES if _flag_of(name) == flag), flag)


def _flag_of(name: str) -> str:
    return str(FIELDS[field_of(name)].metadata["flag"])
