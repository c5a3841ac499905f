"""The end of a connection: what was answered reaches the client, and no client delays it for ever.

A socket that is closed while bytes that nobody has read are on their way is reset, and the client
loses the answer with it: that to a body which is too large, say.  So what still comes is dropped
until the client closes, too.  And a client that reads nothing would keep its answer, and its place
among the connections, as long as it likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Lingering:
    """A transport whose `close` sends what is to be sent, within bounds.

    Parameters
    ----------
    transport : transport of asyncio
    loop : loop of asyncio
    seconds : float
        For the client to close after us; and in which it must read something of what is sent.
    is_coming : callable
        Whether more comes of a request that nobody will read.
    """

    def __init__(
        self,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        is_coming: Callable[[], bool],
    ) -> None:
        self._transport, self._loop, self._seconds = transport, loop, seconds
        self._is_coming = is_coming
        self._is_closing = False
        self._clock: asyncio.TimerHandle | None = None
        self._unsent = 0  # bytes, when it was looked at last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Return whether it is closed, or about to be."""
        return self._is_closing or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send some bytes, unless the end was sent."""
        if not self.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Send what is to be sent, and close: at once, or when the client closes."""
        if self.is_closing():
            return
        self._is_closing = True
        if self._is_coming() and self._transport.can_write_eof():
            self._transport.resume_reading()
            try:
                self._transport.write_eof()
            except OSError:  # the client is gone
                self._transport.abort()
            else:
                self._wait(self._transport.abort)
        else:
            self._close()

    def close_now(self) -> None:
        """Wait for the client no more."""
        self._is_closing = True
        self._close()

    def over(self) -> None:
        """Forget the clock: the connection is closed."""
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def watch(self) -> None:
        """Cut the connection if nothing of what is to be sent is read for so long."""
        self._unsent = self._transport.get_write_buffer_size()
        if self._unsent:
            self._wait(self._look)

    def _close(self) -> None:
        self._transport.close()
        self.watch()

    def _look(self) -> None:
        if 0 < self._unsent <= self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self.watch()

    def _wait(self, do: Callable[[], object]) -> None:
        self.over()
        self._clock = self._loop.call_later(self._seconds, do)
