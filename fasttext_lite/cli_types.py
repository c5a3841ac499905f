"""What several commands share: types of arguments, and labels as they are printed."""

from __future__ import annotations

import argparse
import math
from typing import Any

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
