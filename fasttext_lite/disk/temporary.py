"""Temporary files and folders beside what they will become, and how those of the dead are found.

The one of ``model.ftl`` is called ``.model.ftl.PID-HHHHRRRRRRRR.tmp``: its writer's process, its
host, and random digits.  The writer holds a lock on it as long as it lives; the system ends the
lock however the writer ends.  So whoever writes the same file next removes those that nobody
holds, and never one that is being written.  Where a lock says nothing (another host, a file system
without locks, Windows, which removes no open file anyway) the age of the file decides.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
import time
import zlib
from collections.abc import Iterator

from fasttext_lite import system

OLD = 24 * 3600  # seconds since the last change after which nobody writes any more
OLD_ON_WINDOWS = 60  # an open file cannot be removed there: only its last moment is bare
_LONGEST_NAME = 200  # bytes of a name that are kept in a temporary one; systems allow 255
_ATTEMPTS = 100
_FORM = re.compile(r"\.[0-9]+-([0-9a-f]{4})[0-9a-f]{8}\.tmp")


def _host() -> str:
    return f"{zlib.crc32(system.host_name().encode(errors='replace')) & 0xFFFF:04x}"


def _stem(name: str) -> str:
    """Return what the temporary names of a file begin with."""
    while len(os.fsencode(name)) > _LONGEST_NAME:
        name = name[:-1]
    return f".{name}"


def temporary_name(path: str) -> str:
    """Return a name beside a file, or folder, to write it under."""
    folder, name = os.path.split(path)
    own = f".{os.getpid()}-{_host()}{secrets.token_hex(4)}.tmp"
    return system.long_path(os.path.join(folder, _stem(name) + own))


def open_temporary(path: str) -> tuple[int, str]:
    """Make the temporary file of a path, empty; return its descriptor, which holds it, and name.

    Raises
    ------
    OSError
        If none can be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for _ in range(_ATTEMPTS):
        name = temporary_name(path)
        fd = os.open(name, flags, 0o666)
        if system.IS_WINDOWS:  # a lock would keep others from writing, not only from holding
            return fd, name
        # Who sweeps may have taken it for one of the dead, before it was held.
        if system.lock(fd) is not False and system.is_named(fd, name):
            return fd, name
        os.close(fd)
        system.unlink(name)
    raise FileExistsError(f"{path}: no temporary file stays")


@contextlib.contextmanager
def making_folder(path: str) -> Iterator[str]:
    """Yield a temporary folder to fill, which becomes `path` in the end.

    Folders above it are made if need be. If `path` is there by then, as another process was
    quicker, it stays as it is. What is in the folder must be closed, as open files cannot be moved
    on all systems.

    Raises
    ------
    OSError
        If it cannot be made; nothing is left behind.
    """
    parent = os.path.dirname(path)
    with _parents(parent):
        sweep(parent)
        held, temporary = _temporary_folder(path)
        with _filled(held, temporary, path):
            yield temporary


@contextlib.contextmanager
def _parents(folder: str) -> Iterator[None]:
    """Make a folder and those above it; those that are new and empty are removed on an error."""
    made, above = [], folder
    while above and not os.path.lexists(above):
        made.append(above)
        above = os.path.dirname(above)
    try:
        os.makedirs(folder or ".", exist_ok=True)
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for each in made:
                os.rmdir(each)
        raise


@contextlib.contextmanager
def _filled(held: int | None, temporary: str, path: str) -> Iterator[None]:
    """Give a temporary folder its name when it is filled; remove what is left of it."""
    parent = os.path.dirname(path)
    try:
        yield
        for each in os.scandir(temporary):
            with open(each.path, "rb+") as file:
                system.sync(file.fileno())
        system.sync_folder(temporary)
        try:
            system.rename_folder(temporary, path)
        except OSError:
            if not os.path.isdir(path):
                raise
        system.sync_folder(parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if held is not None:
            os.close(held)


def _temporary_folder(path: str) -> tuple[int | None, str]:
    """Make a folder; return the descriptor that holds it (none on Windows), and its name."""
    for _ in range(_ATTEMPTS):
        name = temporary_name(path)
        os.mkdir(name)
        try:
            fd = os.open(name, os.O_RDONLY)
        except PermissionError:  # Windows opens no folders
            return None, name
        except FileNotFoundError:  # taken for one of the dead
            continue
        if system.lock(fd) is not False and system.is_named(fd, name):
            return fd, name
        os.close(fd)
        shutil.rmtree(name, ignore_errors=True)
    raise FileExistsError(f"{path}: no temporary folder stays")


def sweep(folder: str, name: str | None = None) -> None:
    """Remove what writers have left that were ended by force. Never raises an `OSError`.

    Parameters
    ----------
    folder : str
    name : str, optional
        Of the file whose temporary ones they are; default: all files.
    """
    stem = None if name is None else _stem(name)
    with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
        for entry in entries:
            found = _FORM.search(entry.name)
            if found is None or found.end() < len(entry.name) or not entry.name.startswith("."):
                continue
            if stem is None or entry.name[: found.start()] == stem:
                with contextlib.suppress(OSError):
                    _remove_dead(entry.path, found[1] == _host())


def _remove_dead(path: str, is_of_here: bool) -> None:
    """Remove a temporary file or folder if its writer is dead."""
    status = os.stat(path, follow_symlinks=False)
    age = time.time() - status.st_mtime
    if system.IS_WINDOWS:
        if age > (OLD_ON_WINDOWS if stat.S_ISREG(status.st_mode) else OLD):
            _remove(path, status.st_mode)
        return
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        is_free = system.lock(fd)
        # A lock of another host may be unknown to this one.
        is_dead = age > OLD if is_free is None or not is_of_here else is_free
        if is_free is not False and is_dead and system.is_named(fd, path):
            _remove(path, status.st_mode)
    finally:
        os.close(fd)


def _remove(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        shutil.rmtree(path, ignore_errors=True)
    else:
        system.unlink(path)
