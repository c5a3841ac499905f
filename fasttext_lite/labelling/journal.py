"""The journal of a session: every event is on the disk before anybody is told so."""

from __future__ import annotations

import errno
import json
import os
import stat

from fasttext_lite import system
from fasttext_lite.errors import InputError, one_line
from fasttext_lite.labelling.answers import Event

ENDING = ".answers.jsonl"


class Journal:
    """A file of events, a line of JSON each, that one process has at a time.

    Parameters
    ----------
    path : str
        It is made if it is not there.

    Attributes
    ----------
    events : list of Event
        That it held when it was opened.
    notices : list of str
        What the user should know about it.

    Raises
    ------
    InputError
        If another process has it, it cannot be opened, or a line is damaged. The last line may
        have been cut off by a crash: it is left out, and that is noted.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.notices: list[str] = []
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        is_new = not os.path.exists(path)
        try:
            if not is_new and not stat.S_ISREG(os.stat(path).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            self._fd = os.open(path, flags, 0o666)
        except OSError as error:
            raise InputError(
                f"{path}: the journal cannot be opened: {(error.strerror or str(error)).lower()}"
            ) from None
        try:
            if system.lock(self._fd) is False:
                raise InputError(
                    f"{path}: somebody labels into this file already: join in that session's page, "
                    "or name another output"
                )
            if is_new:
                system.sync_folder(os.path.dirname(os.path.abspath(path)))
            self.events = self._read()
        except BaseException:
            os.close(self._fd)
            raise

    def _read(self) -> list[Event]:
        with open(self._fd, "rb", closefd=False) as file:
            data = file.read()
        self._size = data.rfind(b"\n") + 1
        if self._size < len(data):
            n = len(data) - self._size
            self.notices.append(
                f"{self.path}: the last line was not written to its end; {n:,} bytes are cut off"
            )
            os.ftruncate(self._fd, self._size)
            system.sync(self._fd)
        found = []
        for number, line in enumerate(data[: self._size].split(b"\n")[:-1], 1):
            try:
                found.append(Event.from_dict(json.loads(line)))
            except (ValueError, RecursionError) as error:
                raise InputError(
                    f"{self.path}:{number}: no event of a session ({one_line(str(error))}): mend "
                    "the line, or remove it, which forgets that answer"
                ) from None
        return found

    def append(self, *events: Event) -> None:
        """Write events and wait until they are on the disk.

        Raises
        ------
        OSError
            If they cannot be written; the journal is as it was before. So it is if somebody has
            moved, removed or shortened the file: what is written to it would not be found again.
        """
        self._check_place()
        lines = b"".join(json.dumps(event.to_dict()).encode() + b"\n" for event in events)
        try:
            os.lseek(self._fd, self._size, os.SEEK_SET)
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            system.sync(self._fd)
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            if error.filename is None:
                error.filename = self.path
            raise
        self._size += len(lines)

    def _check_place(self) -> None:
        """Raise `OSError` unless the file is still there under its name, with all that it had."""
        own = os.fstat(self._fd)
        try:
            is_there = os.path.samestat(own, os.stat(self.path))
        except FileNotFoundError:
            is_there = False
        if not is_there or own.st_size < self._size:
            what = "was moved, removed or changed by somebody: end the session and begin it again"
            raise OSError(errno.ENOENT, what, self.path)

    def close(self) -> None:
        """Let others have it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
