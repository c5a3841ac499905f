"""The arguments that several commands have, and types of arguments."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeVar

from fasttext_lite.config.fields import RESOLVED, Config, field_type
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.formats import AUTO, DEFAULT_PREFIX, FORMATS, ReadOptions
from fasttext_lite.errors import UsageError

DEFAULT_K, DEFAULT_THRESHOLD = 1, 0.0  # of the labels of a text
_PREFIX = "config_"  # of the settings of the model in the namespace
Value = TypeVar("Value")


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the file to train on and the model to write."""
    parser.add_argument("train", metavar="TRAIN", help="labelled text, .gz or - for stdin too")
    parser.add_argument(
        "-o", "--output", metavar="MODEL",
        help="file to write, .ftl (default: TRAIN with .ftl in place of its ending, beside it)",
    )  # fmt: skip


def add_config(parser: argparse.ArgumentParser, without: tuple[str, ...] = ()) -> None:
    """Add a flag for each field of `Config`; what is not given stays out of the namespace."""
    group = parser.add_argument_group("settings of the model")
    for field in dataclasses.fields(Config):
        if field.name in without:
            continue
        kind: Any
        kind, optional = field_type(field.name)
        flag = "--" + field.name.replace("_", "-")
        default = field.default
        if default in (None, ""):
            default = "chosen" if field.name in RESOLVED else "none"
        text = f"{field.metadata['help']} (default {default})".replace("%", "%%")
        extra: dict[str, Any] = {"default": argparse.SUPPRESS, "dest": _PREFIX + field.name}
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text, **extra)
            continue
        if field.metadata["choices"]:
            extra["choices"] = field.metadata["choices"]
        elif kind is str:
            extra["metavar"], kind = "TEXT", text_or_file
        else:
            extra["metavar"] = "N" if kind is int else "X"
        group.add_argument(flag, type=_or_none(kind) if optional else kind, help=text, **extra)


def _or_none(kind: type) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        return None if text == "none" else kind(text)

    parse.__name__ = kind.__name__  # argparse names it in its message
    return parse


def add_preset(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the flag of the preset; `what` says what it does."""
    parser.add_argument("--preset", choices=sorted(PRESETS), default="default", help=what)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say how labelled files are read: a flag for each of `ReadOptions`."""
    group = parser.add_argument_group("format of the file")
    looks = "; ".join(f"{name}: {form.help or form.lines}" for name, form in FORMATS.items())
    group.add_argument(
        "--format",
        choices=(AUTO, *FORMATS),
        default=ReadOptions.format,
        help=looks.replace("{prefix}", ReadOptions.label_prefix)
        + "; auto (default) looks at the file",
    )
    for name, metavar in (("label_prefix", "P"), ("text_column", "NAME"), ("label_column", "NAME")):
        users = [form.name for form in FORMATS.values() if name in form.options]
        group.add_argument(
            "--" + name.replace("_", "-"),
            default=getattr(ReadOptions, name),
            metavar=metavar,
            help=f"of {' and '.join(users)}" if len(users) > 1 else f"of the {users[0]} format",
        )
    group.add_argument(
        "--multilabel", action="store_true", help="several labels in a field, joined by commas"
    )


def add_unlabelled(parser: argparse.ArgumentParser) -> None:
    """Add a model and a file of texts for it, by default standard input."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default=STDIN,
        help="a text in each line, .gz too; default stdin; words that begin with "
        f"{DEFAULT_PREFIX} are dropped, so that a labelled file can be given",
    )


def add_top(parser: argparse.ArgumentParser, neither: str = "") -> None:
    """Add how many labels a text gets at most, and from which probability on.

    Parameters
    ----------
    parser : ArgumentParser
    neither : str, optional
        What is done where neither is given, if that is not what the defaults say: what is not
        given is None then.
    """
    k, threshold = (None, None) if neither else (DEFAULT_K, DEFAULT_THRESHOLD)
    parser.add_argument(
        "-k", type=_number_of_labels, default=k,
        help=f"most labels for a text, -1 = all (default {DEFAULT_K}{neither})",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=between(0, 1), default=threshold,
        help=f"least probability (default {DEFAULT_THRESHOLD:g}{neither})",
    )  # fmt: skip


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the number of threads."""
    parser.add_argument("--threads", type=whole(1), metavar="N", help="default: all processors")


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the model that were given as flags, by name."""
    return {
        name[len(_PREFIX) :]: value
        for name, value in vars(options).items()
        if name.startswith(_PREFIX)
    }


def config_from(options: argparse.Namespace) -> Config:
    """Return the settings of the preset, with those that were given as flags.

    Raises
    ------
    UsageError
        If one is out of its range, or two contradict each other.
    """
    try:
        return Config(**{**PRESETS[options.preset], **given_settings(options)})
    except ValueError as error:
        raise UsageError(str(error)) from None


def read_options(options: argparse.Namespace) -> ReadOptions:
    """Return how the flags of `add_reading` say that labelled files are read."""
    names = [field.name for field in dataclasses.fields(ReadOptions)]
    return ReadOptions(**{name: getattr(options, name) for name in names})


def whole(least: int) -> Callable[[str], int]:
    """Return a parser of whole numbers of at least `least`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"must be a whole number of at least {least}; got {text!r}"
            )
        return value

    return parse


def _number_of_labels(text: str) -> int:
    """Return a number of labels; -1 stands for all."""
    try:
        return -1 if int(text) == -1 else whole(1)(text)
    except (ValueError, argparse.ArgumentTypeError):
        raise argparse.ArgumentTypeError(
            f"must be a whole number of at least 1, or -1 for all labels; got {text!r}"
        ) from None


def above_zero(what: str = "a number") -> Callable[[str], float]:
    """Return a parser of finite numbers above 0; `what` names them in its message."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"must be {what} above 0; got {text!r}")
        return value

    return parse


def between(low: float, high: float) -> Callable[[str], float]:
    """Return a parser of numbers from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"must be a number from {low:g} to {high:g}; got {text!r}"
            )
        return value

    return parse


def checked(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return a parser as a type of argument: what its `ValueError` says, the user is told."""

    def parse_argument(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument


def text_or_file(text: str) -> str:
    """Return a text as it is, or the content of the file of @FILE."""
    if not text.startswith("@"):
        return text
    try:
        with open(text[1:], encoding="utf-8-sig") as file:
            return file.read()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{text[1:]}: {(error.strerror or str(error)).lower()}"
        ) from None
    except UnicodeDecodeError:
        raise argparse.ArgumentTypeError(f"{text[1:]}: not UTF-8") from None
