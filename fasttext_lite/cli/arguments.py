"""What several commands share: types of arguments, and labels as they are printed."""

from __future__ import annotations

import argparse
import dataclasses
import math
from typing import Any

from fasttext_lite.cli.console import UsageError
from fasttext_lite.config.fields import RESOLVED, Config, field_type
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.corpus.formats import AUTO, FORMATS, ReadOptions


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each field of `Config`; what is not given stays out of the namespace."""
    group = parser.add_argument_group("settings of the model")
    for field in dataclasses.fields(Config):
        kind: Any
        kind, optional = field_type(field.name)
        flag = "--" + field.name.replace("_", "-")
        default = field.default
        if default in (None, ""):
            default = "chosen" if field.name in RESOLVED else "none"
        text = f"{field.metadata['help']} (default {default})".replace("%", "%%")
        extra: dict[str, Any] = {"default": argparse.SUPPRESS, "dest": f"config_{field.name}"}
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


def _or_none(kind: type) -> Any:
    def parse(text: str) -> Any:
        return None if text == "none" else kind(text)

    parse.__name__ = kind.__name__  # argparse names it in its message
    return parse


def add_reading(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("format of the file")
    looks = "; ".join(f"{name}: {form.lines}" for name, form in FORMATS.items())
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
            help=f"of {' and '.join(users)}",
        )
    group.add_argument(
        "--multilabel", action="store_true", help="several labels in a field, joined by commas"
    )


def add_unlabelled(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default="-",
        help="a text in each line, .gz too; default stdin; words that begin with __label__ are "
        "dropped, so that a labelled file can be given",
    )


def add_top(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-k", type=whole(1), default=1, help="most labels for a text (default 1)")
    parser.add_argument(
        "--threshold", type=_probability, default=0.0, help="least probability (default 0)"
    )


def add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=whole(1), metavar="N", help="default: all processors")


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1; got {text!r}")
    return value


def config_of(options: argparse.Namespace) -> Config:
    values = dict(PRESETS[options.preset])
    prefix = "config_"
    for name, value in vars(options).items():
        if name.startswith(prefix):
            values[name[len(prefix) :]] = value
    try:
        return Config(**values)
    except ValueError as error:
        raise UsageError(str(error)) from None


def read_options(options: argparse.Namespace) -> ReadOptions:
    names = [field.name for field in dataclasses.fields(ReadOptions)]
    return ReadOptions(**{name: getattr(options, name) for name in names})


_BREAKS = str.maketrans("\r\n\t", "   ")


def flat(label: str) -> str:
    """Return a label as it is printed: a break would look like the next line or field."""
    return label.translate(_BREAKS)


def whole(least: int) -> Any:
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


def above_zero(what: str = "a number") -> Any:
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
