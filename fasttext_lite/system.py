"""Where systems differ: every such decision, once.

What is asked of the system stands here and nowhere else: how a file takes another's place, how it
reaches the disk, who holds a lock, what a signal does, how memory is given back.  A system that
lacks something, or refuses it, is answered here; tests put refusals into these functions.  What
was tried on which system: docs/reliability.md.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import mmap
    from multiprocessing.context import SpawnContext

IS_WINDOWS = sys.platform == "win32"
IS_MACOS = sys.platform == "darwin"

# Windows: a virus scanner or an indexer holds a new file for some tenths of a second.
_PATIENCE = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds between attempts
_LONG_PATH = 240  # characters; Windows cuts at 260, and names of temporary files are longer
_UNKNOWN_TO_DISK = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EROFS)
_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_STEP = 1 << 24  # bytes that are read at a time
_LOOK = 0.25  # seconds between two looks whether an end that was asked for is under way


# -- files -----------------------------------------------------------------------------------
def replace(source: str, target: str) -> None:
    """Give a file another's name, in one step.

    Raises
    ------
    OSError
        If the system refuses it: on Windows while somebody has the other file open or mapped.
    """
    for pause in _PATIENCE if IS_WINDOWS else ():
        try:
            return os.replace(source, target)
        except PermissionError:
            time.sleep(pause)
    os.replace(source, target)


def rename_folder(source: str, target: str) -> None:
    """Give a folder a name that is free. Raises `OSError` if it is not."""
    os.rename(source, target)


def unlink(path: str) -> bool:
    """Remove a file; return whether it is gone. On Windows what is open or mapped stays."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def sync(fd: int) -> None:
    """Wait until an open file is on the disk.

    Raises
    ------
    OSError
        If it could not be written; not of file systems that know no such wait.
    """
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _UNKNOWN_TO_DISK:
            raise


def sync_folder(path: str) -> None:
    """Wait until the names in a folder are on the disk, where the system can say so."""
    if IS_WINDOWS:  # opens no folders; NTFS keeps names in its journal
        return
    with contextlib.suppress(OSError):  # a folder that may be written to and not be read
        fd = os.open(path or ".", os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def take_mode(fd: int, path: str) -> None:
    """Give an open file the permissions of another, if that is there."""
    if hasattr(os, "fchmod"):  # not on Windows, where a folder decides
        with contextlib.suppress(OSError):
            os.fchmod(fd, os.stat(path).st_mode & 0o777)


def is_named(fd: int, path: str) -> bool:
    """Return whether an open file has this name still."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path, follow_symlinks=False))
    except OSError:
        return False


def is_same_file(path: str, other: str) -> bool:
    """Return whether two names are those of one file, which need not be there yet.

    Of files that are there the system says it: by links, and where it does not tell ``A`` from
    ``a`` (Windows, macOS), one file has many names.
    """
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


def long_path(path: str) -> str:
    r"""Return a path that Windows does not cut: a long one begins with ``\\?\``."""
    if not IS_WINDOWS or len(path) < _LONG_PATH or path.startswith("\\\\?\\"):
        return path
    path = os.path.abspath(path)
    return "\\\\?\\UNC" + path[1:] if path.startswith("\\\\") else "\\\\?\\" + path


def own_descriptor(path: str) -> int | None:
    """Return the number of the open file that a name such as ``/dev/stdout`` stands for."""
    if IS_WINDOWS:
        return None
    names = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
    found = re.fullmatch(r"(?:/dev|/proc/self)/fd/([0-9]{1,6})", path)
    return int(found[1]) if found else names.get(path)


def nameless_file() -> IO[bytes]:
    """Return an open file of the temporary folder that is gone when this process is, killed or not.

    It has no name (on Windows: the system removes it when it is closed and no longer mapped).
    """
    import tempfile

    return tempfile.TemporaryFile(prefix="fasttext-lite-")


def temporary_folder() -> str:
    """Return the folder of files without a name, for messages."""
    import tempfile

    try:
        return tempfile.gettempdir()
    except OSError:
        return "TMPDIR"


def cache_folder() -> str:
    """Return the folder in which a user's programs keep what can be made again."""
    home = os.path.expanduser("~")
    if IS_WINDOWS:
        return os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    if IS_MACOS:
        return os.path.join(home, "Library", "Caches")
    return os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")


# -- locks -----------------------------------------------------------------------------------
def lock(fd: int) -> bool | None:
    """Try to hold an open file (or, not on Windows, a folder); its closing ends that, or death.

    Returns
    -------
    bool, optional
        Whether it is ours now; None where the file system or the system knows no locks.
    """
    try:
        if IS_WINDOWS:
            import msvcrt

            os.lseek(fd, 0, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, AttributeError):
        return None
    except OSError as error:
        return False if error.errno in _BUSY else None
    return True


def hold_folder(path: str) -> int | None:
    """Lock a folder; return a descriptor whose closing ends that, as death does.

    Returns
    -------
    int, optional
        None where there is no such lock: Windows opens no folders, some file systems know none.

    Raises
    ------
    BlockingIOError
        If it is held already.
    """
    try:
        fd = os.open(path or ".", os.O_RDONLY)
    except OSError:
        return None
    is_ours = None if IS_WINDOWS else lock(fd)
    if is_ours:
        return fd
    os.close(fd)
    if is_ours is False:
        raise BlockingIOError(errno.EAGAIN, "is in use", path)
    return None


# -- memory ----------------------------------------------------------------------------------
def map_file(file: IO[bytes], is_written: bool = False) -> mmap.mmap:
    """Map an open file that is not empty. The map stays when the file is closed."""
    import mmap

    access = mmap.ACCESS_WRITE if is_written else mmap.ACCESS_READ
    return mmap.mmap(file.fileno(), 0, access=access)


def map_and_hold(file: IO[bytes]) -> mmap.mmap:
    """Map an open file that is not empty, to be written; `read_parts` can read it, too."""
    mapped = map_file(file, is_written=True)
    if can_stay_open():
        fd = os.dup(file.fileno())
        _HELD[mapped] = fd
        weakref.finalize(mapped, os.close, fd)
    return mapped


_HELD: weakref.WeakKeyDictionary[mmap.mmap, int] = weakref.WeakKeyDictionary()


def read_parts(
    mapped: mmap.mmap,
    array: Any,
    into: Any,
    places: Sequence[int],
    begins: Sequence[int],
    ends: Sequence[int],
) -> None:
    """Copy parts of a mapped file, without its pages becoming those of this process.

    Parameters
    ----------
    mapped : mmap
        By `map_and_hold`.
    array, into : ndarray
        What it holds, and what is written in place, of the same type.
    places, begins, ends : sequence of int
        Part i, from places[i] on, becomes into[begins[i]:ends[i]].

    Raises
    ------
    OSError
        If it cannot be read.
    """
    size, fd = array.itemsize, _HELD.get(mapped)
    if fd is None:
        for place, begin, end in zip(places, begins, ends, strict=True):
            into[begin:end] = array[place : place + end - begin]
        return release((mapped,))
    memory = memoryview(into).cast("B")
    if hasattr(os, "posix_fadvise"):  # a disk reads many of them at once
        for place, begin, end in zip(places, begins, ends, strict=True):
            os.posix_fadvise(fd, size * place, size * (end - begin), os.POSIX_FADV_WILLNEED)
    for place, begin, end in zip(places, begins, ends, strict=True):
        wanted = memory[size * begin : size * end]
        if read_at(fd, size * place, wanted) != len(wanted):
            raise OSError(errno.EIO, "a temporary file is shorter than it was")


def map_or_read(file: IO[bytes]) -> bytes | mmap.mmap:
    """Return the content of a file that others may replace.

    Mapped; but read on Windows, where nobody can replace or remove what is mapped, so that a
    model could not be saved under the name that it was loaded from.
    """
    if IS_WINDOWS or os.fstat(file.fileno()).st_size == 0:
        file.seek(0)
        return file.read()
    return map_file(file)


def can_stay_open() -> bool:
    """Whether a file that somebody has open can be replaced, and read at any place meanwhile.

    Not on Windows: what may be replaced is read in one go there.
    """
    return hasattr(os, "preadv") and not IS_WINDOWS


def read_at(fd: int, place: int, memory: memoryview) -> int:
    """Read bytes of an open file from a place on; return how many there were.

    Parameters
    ----------
    fd, place : int
    memory : memoryview
        Of bytes; written as far as the file goes.
    """
    done, size = 0, len(memory)
    if not hasattr(os, "preadv"):
        os.lseek(fd, place, os.SEEK_SET)
    while done < size:
        part = memory[done : done + _STEP]
        if hasattr(os, "preadv"):
            n = os.preadv(fd, [part], place + done)
        else:
            data = os.read(fd, len(part))
            n = len(data)
            part[:n] = data
        if n == 0:
            break
        done += n
    return done


def lazy_memory(size: int) -> mmap.mmap | bytearray:
    """Return bytes of 0 which take no memory until they are touched, where the system can.

    A process that is forked has its own.
    """
    import mmap

    if not hasattr(mmap, "MAP_PRIVATE") or size == 0:
        return bytearray(size)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with contextlib.suppress(OSError):  # of a system without huge pages
            memory.madvise(mmap.MADV_NOHUGEPAGE)  # else the first byte makes it clear 2 MB
    return memory


def release(maps: Iterable[mmap.mmap]) -> None:
    """Give the memory of mapped files back, where the system can; it is read again when needed."""
    import mmap

    if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        for each in maps:
            with contextlib.suppress(OSError):
                each.madvise(mmap.MADV_DONTNEED)


def memory_limit() -> int:
    """Return how much memory this process may take: of its control group, or the machine; bytes.

    0 where the system does not say it.
    """
    found = []
    with contextlib.suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in _memory_groups():
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            found.append(int(file.read()))  # or "max", where there is none
    return min(found, default=0)


def _memory_groups() -> Iterator[str]:
    """Yield the files that may hold a limit of this process' group, of version 2 and 1."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, place = line.split(":", 2)
        if kinds in ("", "memory"):
            root = "/sys/fs/cgroup" + "/memory" * bool(kinds)
            name = "memory.limit_in_bytes" if kinds else "memory.max"
            for folder in (place, ""):  # within a container, its group is the root
                yield os.path.join(root, folder.strip("/"), name)


def peak_memory() -> int:
    """Return the most memory that this process has taken so far, in bytes; 0 if unknown."""
    with contextlib.suppress(OSError, ValueError), open("/proc/self/status", "rb") as file:
        for line in file:  # `getrusage` may tell of the process that began this one
            if line.startswith(b"VmHWM:"):
                return 1024 * int(line.split()[1])
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if IS_MACOS else 1024)


def return_memory() -> None:
    """Give freed memory back to the system.

    The C library of Linux keeps freed arrays of up to 32 MB, some 100 MB after the features of
    large files were made, and the tables of weights come on top. Others have no such call.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def return_memory_at_once() -> None:
    """Let freed arrays of a megabyte and more go back to the system, from now on.

    The C library of Linux otherwise keeps those of up to 32 MB for the next ones, and a heap for
    each thread. It takes a little more time.
    """
    import ctypes

    m_mmap_threshold, m_arena_max = -3, -8  # of malloc.h
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library: Any = ctypes.CDLL(None)
        library.mallopt(m_mmap_threshold, 1 << 20)
        library.mallopt(m_arena_max, 2)


# -- processes and threads -------------------------------------------------------------------
def yield_address() -> int:
    """Return where the C function lies that lets other threads run; 0 if there is none."""
    import ctypes

    try:
        library: Any = ctypes.CDLL("kernel32") if IS_WINDOWS else ctypes.CDLL(None)
        function = library.SwitchToThread if IS_WINDOWS else library.sched_yield
    except (OSError, AttributeError, TypeError):
        return 0
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def cpu_count() -> int:
    """Return the number of processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def host_name() -> str:
    """Return what this machine, or container, is called."""
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def new_processes() -> SpawnContext:
    """Return how processes are begun: anew, on all systems, as threads may run in this one."""
    import multiprocessing

    return multiprocessing.get_context("spawn")


def after_fork(work: Callable[[], None]) -> None:
    """Call a function in processes that are forked from this one, where there are such."""
    if hasattr(os, "register_at_fork"):  # not on Windows
        os.register_at_fork(after_in_child=work)


# -- signals ---------------------------------------------------------------------------------
class Terminated(BaseException):
    """Raised in the main thread where the process is asked to end, inside of `ending`.

    Whoever catches it to tidy up raises it again, and may add to `note` what is said of it.

    Attributes
    ----------
    number : int
        Of the signal.
    note : str
        What the message says behind ``ended by SIGTERM``.
    """

    def __init__(self, number: int) -> None:
        import signal

        super().__init__(signal.Signals(number).name)
        self.number = int(number)
        self.note = ""

    @property
    def exit_code(self) -> int:
        """What a shell says of a process that the signal ended."""
        return 128 + self.number

    def __str__(self) -> str:
        return f"ended by {self.args[0]}{self.note}"


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Let SIGTERM and SIGHUP (on Windows Ctrl-Break) raise `Terminated`, so that all is tidied up.

    Only the first raises: what is being tidied up is not disturbed by a second one. Should the
    exception get lost, as in a callback of LLVM's while it compiles, it is raised again, and that
    of Ctrl-C too. What is ignored, as under ``nohup``, stays so. Without effect in other threads
    than the first: Python tells only that one. For programs that own their process, never for a
    library.
    """
    import signal

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    answer = _Answer()
    old_hook, sys.unraisablehook = sys.unraisablehook, answer.lost
    answer.other_errors = old_hook
    old = _handled_by(answer.end)
    try:
        yield
    finally:
        answer.is_over = True
        sys.unraisablehook = old_hook
        for number, handler in old.items():
            signal.signal(number, handler)


class _Answer:
    """Raises `Terminated` at a signal, and again if it gets lost."""

    def __init__(self) -> None:
        self.is_over = False
        self.other_errors: Callable[[Any], object] = sys.unraisablehook
        self._raised: weakref.ref[Terminated] | None = None

    def end(self, number: int, frame: FrameType | None) -> None:
        """Answer a signal, unless it was answered and that is under way."""
        is_first = self._raised is None
        if self._raised is not None and self._raised() is not None:
            return
        error = Terminated(number)
        self._raised = weakref.ref(error)
        if is_first:
            _in_thread(self._watch, number)
        try:
            raise error
        finally:
            del error  # else this frame would keep it, and nobody could see that it was lost

    def lost(self, found: Any) -> None:
        """Take what Python cannot raise out of a callback (`sys.unraisablehook`)."""
        import signal

        if isinstance(found.exc_value, (Terminated, KeyboardInterrupt)):
            _in_thread(self._send_again, getattr(found.exc_value, "number", signal.SIGINT))
        else:
            self.other_errors(found)

    def _watch(self, number: int) -> None:
        while not self.is_over:
            time.sleep(_LOOK)
            if not self.is_over and self._raised is not None and self._raised() is None:
                _to_main_thread(number)

    def _send_again(self, number: int) -> None:
        time.sleep(_LOOK / 10)  # until the callback has ended
        if not self.is_over:
            _to_main_thread(number)


def _in_thread(work: Callable[[int], None], number: int) -> None:
    """Begin a thread without any lock of `threading`, which what was interrupted may hold."""
    import _thread

    with contextlib.suppress(RuntimeError):
        _thread.start_new_thread(work, (number,))


def _handled_by(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Let a function answer the signals that ask for an end; return what answered them before."""
    import signal

    old = {}
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
            old[number] = signal.signal(number, handler)
    return old


def _to_main_thread(number: int) -> None:
    """Send a signal to the main thread of this process."""
    import signal

    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)
    else:  # Windows, where `os.kill` would end the process
        signal.raise_signal(number)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: it is this one that ends them."""
    import signal

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that began this one."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


# -- consoles --------------------------------------------------------------------------------
def prepare_console() -> None:
    """Let no sign that a console's encoding lacks (as cp1252 does) be an error when printed."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            with contextlib.suppress(OSError, ValueError):  # closed, or no stream of text
                reconfigure(errors="backslashreplace")


def is_broken_pipe(error: OSError) -> bool:
    """Return whether nobody reads what was printed; Windows calls it an invalid argument."""
    if isinstance(error, BrokenPipeError):
        return True
    return IS_WINDOWS and error.errno == errno.EINVAL and error.filename is None
