"""The files of lines that a part becomes: packed behind the work, under temporary names."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

from fasttext_lite.corpus.compression import Compression
from fasttext_lite.disk.replacing import naming

_BUFFER = 1 << 20  # bytes of a file that wait to be packed, where there may be many files
_MOST_BUFFERED = 1 << 26  # of all files
_WAITING = 3  # blocks


class _Stream:
    """A file that is packed as one."""

    size = 0  # bytes that wait to be packed

    def __init__(self, path: str, compression: Compression | None) -> None:
        self._path = path
        self._file = open(path, "wb")  # noqa: SIM115 - closed by `close`
        self._packer = None if compression is None else compression.packer()

    def write(self, data: bytes) -> None:
        with naming(self._path):
            self._file.write(data if self._packer is None else self._packer.compress(data))

    def close(self, is_good: bool = True) -> None:
        with naming(self._path), self._file:
            if is_good and self._packer is not None:
                self._file.write(self._packer.flush())


class _Pieces:
    """A file that is open only while something is written: any number of them can be in use.

    Each piece is packed by itself, which all programs that unpack read as one.
    """

    def __init__(self, path: str, compression: Compression | None) -> None:
        self._path, self._compression = path, compression
        self._waiting: list[bytes] = []
        self.size = 0
        self._is_new = True

    def write(self, data: bytes) -> None:
        self._waiting.append(data)
        self.size += len(data)
        if self.size >= _BUFFER:
            self.flush()

    def flush(self) -> None:
        data, self._waiting, self.size = b"".join(self._waiting), [], 0
        if not data and not self._is_new:
            return
        if self._compression is not None:
            packer = self._compression.packer()
            data = packer.compress(data) + packer.flush()
        with naming(self._path), open(self._path, "wb" if self._is_new else "ab") as file:
            file.write(data)
        self._is_new = False

    def close(self, is_good: bool = True) -> None:
        if is_good:
            self.flush()


class Outputs:
    """The files of a part, by where records go.

    Parameters
    ----------
    folder : str
        For temporary files.
    compression : Compression, optional
        How they are packed.
    is_many : bool
        Whether there may be hundreds.
    head : callable
        Given where records go, what a file of them begins with.
    """

    def __init__(
        self,
        folder: str,
        compression: Compression | None,
        is_many: bool,
        head: Callable[[int], bytes] = lambda route: b"",
    ) -> None:
        self._folder, self._compression, self._head = folder, compression, head
        self._kind: Any = _Pieces if is_many else _Stream
        self._files: dict[int, Any] = {}
        self._n_waiting = 0  # bytes of all files
        self._queue: queue.Queue[tuple[int, bytes] | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def path(self, route: int) -> str:
        """Return where a file is until the part is done."""
        return os.path.join(self._folder, f"{os.getpid()}-{route}")

    def write(self, route: int, data: bytes) -> None:
        """Add bytes to a file, which is begun if it was not; errors come with a later call."""
        if self._error is not None:
            raise self._error
        self._queue.put((route, data))

    def finish(self) -> dict[int, str]:
        """Write what is left; return where the files are."""
        self._stop()
        if self._error is not None:
            raise self._error
        for file in self._files.values():
            file.close()
        return {route: self.path(route) for route in self._files}

    def discard(self) -> None:
        """Remove all files."""
        if self._error is None:
            self._error = InterruptedError()
        self._stop()
        for route, file in self._files.items():
            with contextlib.suppress(OSError):
                file.close(is_good=False)
            with contextlib.suppress(OSError):
                os.unlink(self.path(route))

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is not None:
                continue  # whoever waits to put something more must not wait forever
            try:
                self._put(*item)
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
                self._error = error

    def _put(self, route: int, data: bytes) -> None:
        if route not in self._files:
            self._files[route] = self._kind(self.path(route), self._compression)
            self._add(route, self._head(route))
        self._add(route, data)

    def _add(self, route: int, data: bytes) -> None:
        file = self._files[route]
        self._n_waiting -= file.size
        file.write(data)
        self._n_waiting += file.size
        if self._n_waiting > _MOST_BUFFERED:
            for file in self._files.values():
                file.flush()
            self._n_waiting = 0
