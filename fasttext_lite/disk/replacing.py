"""The one way to write a file: under a temporary name, to the disk, then renamed.

At any moment, and after any end of the program or of the system, there is the old file, whole,
or the new one, whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from fasttext_lite import system
from fasttext_lite.disk.temporary import open_temporary, sweep

# A whole file that the system does not let take its place is kept, under this ending.
KEPT = ".new"
# What a full disk, or a limit of sizes, answers to a writing.
_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
_REFUSED = (errno.EACCES, errno.EPERM, errno.EBUSY, errno.ETXTBSY)


def target_of(path: str | os.PathLike[str]) -> str | None:
    """Return the file that a path leads to, by links or not; None of a pipe or a device.

    Raises
    ------
    OSError
        If it is a folder, has an empty name, or cannot be looked at.
    """
    name = os.fsdecode(path)
    if not name:
        raise OSError(errno.ENOENT, "the name of the file is empty", name)
    if system.own_descriptor(name) is not None:
        return None
    try:
        mode = os.stat(system.long_path(name)).st_mode
    except FileNotFoundError:
        pass
    else:
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, "is a directory", name)
        if not stat.S_ISREG(mode):
            return None
    return system.long_path(os.path.realpath(name))


def check_replaceable(path: str | os.PathLike[str], to_streams: bool = False) -> None:
    """Raise `OSError` unless `replacing` can begin to write a file; leaves nothing behind.

    Parameters
    ----------
    path : path-like
    to_streams : bool
        See `replacing`.
    """
    target = target_of(path)
    if target is None:
        if not to_streams:
            raise OSError(errno.EINVAL, "not a regular file", os.fsdecode(path))
        return
    sweep(*os.path.split(target))
    fd, temporary = open_temporary(target)
    try:
        os.close(fd)
    finally:
        system.unlink(temporary)


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Give an `OSError` of a full disk the name of the file that was written; it has none."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _FULL:
            error.filename = os.fsdecode(path)
        raise


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str], *, to_streams: bool = False, is_durable: bool = True
) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` when all went well.

    A link stays, and what it leads to is replaced. Permissions are those of the old file, or as
    the umask has them.

    Parameters
    ----------
    path : path-like
    to_streams : bool
        Whether a pipe, a device or a name such as ``/dev/stdout`` is written to as it comes;
        by default that is an error.
    is_durable : bool
        Whether to wait until the file and its name are on the disk. Without, a new file may be
        lost, or be damaged, when the power fails.

    Raises
    ------
    OSError
        If the file cannot be written; nothing is left behind, an old file stays as it was. That of
        a full disk has the name `path`. A whole file that the system does not let take its place is
        kept with the ending ``.new``.
    """
    target = target_of(path)
    if target is None:
        if not to_streams:
            raise OSError(errno.EINVAL, "not a regular file", os.fsdecode(path))
        with naming(path), _stream(os.fsdecode(path)) as stream:
            yield stream
        return
    sweep(*os.path.split(target))
    fd, temporary = open_temporary(target)
    try:
        with naming(path), _closing(fd) as file:
            system.take_mode(fd, target)
            yield file
            file.flush()
            if is_durable:
                system.sync(fd)
            if not system.IS_WINDOWS:  # there only closed files are renamed
                _put(temporary, target)
        if system.IS_WINDOWS:
            _put(temporary, target)
        if is_durable:
            system.sync_folder(os.path.dirname(target))
    finally:
        system.unlink(temporary)


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[BinaryIO]:
    """Open a descriptor as a file; after an error its closing raises no other."""
    file = os.fdopen(fd, "w+b")
    try:
        yield file
    except BaseException:
        with contextlib.suppress(OSError, ValueError):
            file.close()
        raise
    file.close()


def _stream(path: str) -> BinaryIO:
    number = system.own_descriptor(path)
    return open(path, "wb") if number is None else os.fdopen(os.dup(number), "wb")


def _put(temporary: str, target: str) -> None:
    """Give a whole file its name; if that is refused, one beside it."""
    try:
        system.replace(temporary, target)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        try:
            system.replace(temporary, target + KEPT)
        except OSError:
            raise error from None
        reason = f"{error.strerror}: the new one is kept beside it, with the ending {KEPT}"
        raise OSError(error.errno, reason, target) from None
