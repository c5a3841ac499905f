"""Tell that kernels are being compiled, where that takes long: on a machine, what is used first.

It is a warning of the logger, not an `info`: who waits for ten seconds without a word must see it
in a notebook, too, where nobody has set up logging. It comes once in a process, and in no process
that finds its code on disk: another loss or command may be new to the machine. It is not
`warnings.warn`: where warnings are made errors, that would break off Numba's compilation.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable

LEAST = 1.0  # seconds of compiling before anything is said; one more kernel may take no longer
FIRST = (
    "compiling fasttext_lite for this machine: it takes some 10 s, the first time that something "
    "is used"
)
EACH_TIME = (
    "compiling fasttext_lite, which takes some 10 s in each process: no folder for compiled code "
    "can be written; set NUMBA_CACHE_DIR to one"
)
_logger = logging.getLogger("fasttext_lite")


class Notice:
    """Adds up the time of compilations, and tells when it becomes long.

    Kernels compile one inside another: what counts is the time since the outermost has begun.

    Attributes
    ----------
    is_told : bool
    """

    def __init__(self) -> None:
        self.is_told = False
        self._spent = 0.0
        self._outermost: object = None
        self._start = 0.0

    def begin(self, kernel: object, folders: Iterable[str]) -> None:
        """Take note that a kernel is going to be compiled.

        Parameters
        ----------
        kernel : object
            What `end` is called with when it is done.
        folders : iterable of str
            Where its code may be kept.
        """
        if self.is_told:
            return
        now = time.perf_counter()
        if self._outermost is None:
            self._outermost, self._start = kernel, now
        if self._spent + now - self._start > LEAST:
            self.is_told = True
            _logger.warning(FIRST if any(map(_takes_files, folders)) else EACH_TIME)

    def end(self, kernel: object) -> None:
        """Take note that a kernel was compiled."""
        if self._outermost is not None and kernel == self._outermost:
            self._spent += time.perf_counter() - self._start
            self._outermost = None


def _takes_files(folder: str) -> bool:
    """Return whether a folder can be written, or made."""
    while not os.path.exists(folder):
        folder, before = os.path.dirname(folder), folder
        if folder == before:
            return False
    return os.path.isdir(folder) and os.access(folder, os.W_OK)


NOTICE = Notice()
