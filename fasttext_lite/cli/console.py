"""What every command prints, and where: results on stdout, notices in one line on stderr."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys

from fasttext_lite import system
from fasttext_lite.compat.program.usage import PROGRAM
from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import UsageError, one_line

_BREAKS = str.maketrans("\r\n\t", "   ")


def write(text: str) -> None:
    """Print a line or more on stdout at once, as UTF-8 whatever the locale says."""
    if sys.stdout is None:
        raise UsageError("standard output is closed")
    if not hasattr(sys.stdout, "buffer"):  # a notebook's
        sys.stdout.write(f"{text}\n")
        return
    sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()


def say(message: str) -> None:
    """Print a notice or an error on stderr, in one line."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):  # nobody listens, or the disk behind it is full
            print(f"{PROGRAM}: {one_line(message)}", file=sys.stderr)


class OneLine(logging.Formatter):
    """Writes what is logged as `say` writes its notices."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return one_line(super().format(record))


def flat(label: str) -> str:
    """Return a label as it is printed: a break would look like the next line or field."""
    return label.translate(_BREAKS)


def abandon_stdout() -> None:
    """Send what is still to be written nowhere, so that the exit does not fail on it."""
    if sys.stdout is not None:
        with contextlib.suppress(io.UnsupportedOperation):  # it may be no file at all
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_stdin(path: str) -> bool:
    """Return whether a file is what standard input comes from."""
    try:
        return os.path.samestat(os.fstat(sys.stdin.fileno()), os.stat(path))
    except (OSError, ValueError, AttributeError):  # it is no file
        return False


def is_same_file(path: str | None, other: str | None) -> bool:
    """Return whether two names are those of one file, which need not be there yet."""
    if not path or not other:
        return False
    if STDIN in (path, other):
        return path == other
    return system.is_same_file(path, other)
