"""A bounded time for what a task awaits."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Clock:
    """Raises `TimeoutError` out of its ``with`` after some seconds, unless it is stopped by then.

    (`asyncio.timeout` is not in Python 3.10; `asyncio.wait_for` makes a task of its own each time.)

    Parameters
    ----------
    seconds : float
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_over = False

    def __enter__(self) -> Clock:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._handle = asyncio.get_running_loop().call_later(self._seconds, self._end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._is_over and kind is asyncio.CancelledError:
            if hasattr(self._task, "uncancel"):  # from Python 3.11 on
                self._task.uncancel()
            raise TimeoutError from None

    def restart(self, seconds: float) -> None:
        """Let it take so many seconds from now on, unless it was stopped."""
        if not self._is_over and not self._handle.cancelled():
            self._handle.cancel()
            self._handle = asyncio.get_running_loop().call_later(seconds, self._end)

    def stop(self) -> None:
        """Let it take as long as it takes from here on."""
        self._handle.cancel()

    def _end(self) -> None:
        self._is_over = True
        self._task.cancel()
