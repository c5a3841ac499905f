"""What every command prints to and fails with: one line on stderr, results on stdout."""

from __future__ import annotations

import contextlib
import io
import os
import sys

PROGRAM = "fasttext-lite"


def abandon_stdout() -> None:
    """Send what is still to be written nowhere, so that the exit does not fail on it."""
    if sys.stdout is not None:
        with contextlib.suppress(io.UnsupportedOperation):  # it may be no file at all
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class UsageError(ValueError):
    """A mistake in the arguments that only the command itself can see."""


def say(message: str) -> None:
    """Print a notice or an error on stderr, in one line."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):  # nobody listens, or the disk behind it is full
            print(f"{PROGRAM}: {one_line(message)}", file=sys.stderr)


def write(text: str) -> None:
    """Print a line or more on stdout at once, as UTF-8 whatever the locale says."""
    if sys.stdout is None:
        raise UsageError("standard output is closed")
    if not hasattr(sys.stdout, "buffer"):  # a notebook's
        sys.stdout.write(f"{text}\n")
        return
    sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()


def one_line(text: str) -> str:
    return " ".join(text.split())


def is_same_file(path: str | None, other: str) -> bool:
    if not path or not os.path.exists(path) or not os.path.exists(other):
        return False
    return os.path.samefile(path, other)
