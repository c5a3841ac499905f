"""Command lines run in this process: exit code, stdout and stderr, as bytes went in and out."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from fasttext_lite.cli.app import main
from fuzz.frame import GOOD, REFUSED, BrokenError

LONGEST = 2400  # characters of a line on stderr


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: bytes
    err: str

    def outcome(self) -> str:
        """Return how it ended in a word; raise `BrokenError` if in a way that no command may."""
        lines = self.err.split("\n")
        if self.code not in (0, 2) or (self.code == 2 and not self.err):
            raise BrokenError(f"exit code {self.code}: {self.err[:1000]!r}")
        if "Traceback (most recent" in self.err:
            raise BrokenError(f"traceback on stderr: {self.err[-1000:]}")
        if long := [line for line in lines if len(line) > LONGEST]:
            raise BrokenError(f"a line of {len(long[0]):,} characters: {long[0][:300]!r}")
        return REFUSED if self.code else GOOD


def _stream(data: bytes | None = None) -> io.TextIOWrapper:
    bytes_ = io.BytesIO() if data is None else io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
    return io.TextIOWrapper(bytes_, "utf-8", "surrogateescape", write_through=True)


def run(argv: Sequence[str], stdin: bytes = b"") -> Done:
    """Run a command line.

    Raises
    ------
    Exception
        Whatever is no exit: a traceback for the user.
    """
    kept, handlers = (sys.stdin, sys.stdout, sys.stderr), list(logging.root.handlers)
    streams = _stream(stdin), _stream(), _stream()
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = main(list(argv))
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept
        logging.root.handlers = handlers
    out, err = (stream.buffer.getvalue() for stream in streams[1:])  # type: ignore[attr-defined]
    return Done(code, out, err.decode("utf-8", "replace"))
