"""The errors that a user can cause, each with one line that says what, where and what to do.

All derive from `ValueError`, so that code written against scikit-learn's conventions
catches them; the command line prints their message alone and exits with code 2.  Whatever a message
quotes, it is not longer than `bounded` makes it.  What the package logs is held to that, too.
"""

from __future__ import annotations

import logging
import os
import re

MOST_QUOTED = 200  # characters without a space that are quoted
MOST_NAME = 1 << 13  # characters of a name of a file
MOST_SHOWN = 600  # characters of a message, but for the names of files
_LONG = re.compile(rf"\S{{{MOST_QUOTED + 1},}}")
_PLACE = re.compile(r"(:\d+)?[:;,)'\"]*$")  # what may follow the name of a file


def bounded(message: str) -> str:
    """Return a message without the middle of what it quotes at length; file names stay whole."""
    names = 0

    def shorten(found: re.Match[str]) -> str:
        nonlocal names
        word = found[0]
        name = _PLACE.sub("", word.lstrip("('\""))
        if len(name) < MOST_NAME and "\0" not in name and os.path.lexists(name):
            names += len(word)
            return word
        return f"{word[: MOST_QUOTED - 60]} ... {word[-50:]}"

    text = _LONG.sub(shorten, message)
    most = MOST_SHOWN + names
    return text if len(text) <= most else f"{text[: most - 210]} ... {text[-200:]}"


def one_line(text: str) -> str:
    """Return a text without its line breaks, control characters and excessive length."""
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)
    return bounded(line)


def _in_one_line(record: logging.LogRecord) -> bool:
    """Make the message of a record one line of bounded length, whoever prints it."""
    record.msg, record.args = one_line(record.getMessage()), ()
    return True


logging.getLogger("fasttext_lite").addFilter(_in_one_line)


class _BoundedError(ValueError):
    """A mistake that is told at a bounded length."""

    def __init__(self, message: object = "") -> None:
        super().__init__(bounded(str(message)))


class InputError(_BoundedError):
    """Raised for labelled or unlabelled text that cannot be read; the message has path:line."""


class EmptyError(InputError):
    """Raised for a file of texts that has none, nor anything else in their place."""


class ModelError(_BoundedError):
    """Raised for a model file that is missing, corrupt, too new or of another kind."""


class NotFiniteError(ModelError, RuntimeError):
    """Raised where a number of a model, or a sum of such, is NaN or infinite.

    A `RuntimeError`, too, as which fastText tells of NaN.
    """


class TrainingError(_BoundedError):
    """Raised when training cannot start or diverges beyond repair."""


class SettingError(_BoundedError):
    """Raised for a setting out of its range, or one that does not go with others or the data."""


class UsageError(_BoundedError):
    """Raised for a mistake in the arguments of a command, which names the argument or file."""
