"""The file of JSON lines that keeps the course of a training."""

from __future__ import annotations

import json
import math
import os
from typing import IO, Any

from fasttext_lite.errors import InputError


def check_log(path: str | os.PathLike[str]) -> None:
    """Raise `InputError` unless a log can be written at `path`; leaves nothing behind."""
    path = os.fspath(path)
    folder = os.path.dirname(path) or "."
    reason = ""
    if path in ("", "-"):
        reason = "it needs the name of a file (./- is one too)"
    elif os.path.isdir(path):
        reason = "is a directory"
    elif not os.path.isdir(folder):
        reason = "no such folder"
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        reason = "permission denied"
    if reason:
        raise InputError(f"{path}: cannot write the log: {reason}")


class TrainingLog:
    """A file of JSON lines, each written whole.

    Parameters
    ----------
    path : path-like
    goes_on : bool
        Whether lines are added to what is there, without one that was cut.
    """

    def __init__(self, path: str | os.PathLike[str], goes_on: bool = False) -> None:
        self.path = os.fspath(path)
        check_log(path)
        try:
            if goes_on:
                _cut_rest(self.path)
            mode = "a" if goes_on else "w"
            self.file: IO[str] = open(self.path, mode, encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise self._error(error) from None

    def write(self, event: str, values: dict[str, Any]) -> None:
        """Write a line; what is not finite becomes null."""
        values = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in {"event": event, **values}.items()
        }
        line = json.dumps(values, ensure_ascii=False, allow_nan=False)
        line = line.encode("utf-8", "replace").decode("utf-8")  # lone surrogates
        try:
            self.file.write(line + "\n")
            self.file.flush()
        except OSError as error:
            self.close()
            raise self._error(error) from None

    def close(self) -> None:
        """Close the file."""
        try:
            self.file.close()
        except OSError:
            pass  # what is still to be written has failed, and been reported, before

    def _error(self, error: OSError) -> InputError:
        reason = (error.strerror or str(error)).lower()
        return InputError(f"{self.path}: cannot write the log: {reason}")


def _cut_rest(path: str) -> None:
    """Remove what a file has behind its last whole line."""
    if os.path.exists(path):
        with open(path, "r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
