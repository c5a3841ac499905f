"""Connections that are bounded: in their number, and in the time and size of a request's headers.

uvicorn waits for the headers of a request as long as they take, and takes them at any length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fasttext_lite.web.errors import Refused, busy
from fasttext_lite.web.limits import MOST_HEADER_BYTES, Limits


class BoundedConfig(uvicorn.Config):
    """How a server runs, with the limits of its connections.

    Attributes
    ----------
    limits : Limits
    tell : callable
        Told why a connection was refused or cut: "connections", "headers" or "slow".
    """

    limits: Limits
    tell: Callable[[str], object]


class BoundedProtocol(HttpToolsProtocol):
    """A connection within the limits of its `BoundedConfig`."""

    config: BoundedConfig

    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        self._limits = self.config.limits
        self._clock: asyncio.TimerHandle | None = None
        self._n_bytes = 0  # of headers that are not whole yet
        self._has_headers = False

    def connection_made(self, transport: Any) -> None:
        """Take a connection, unless it is one too many."""
        super().connection_made(transport)
        most = self._limits.most_connections
        if len(self.connections) > most:
            self.config.tell("connections")
            self._end(busy(f"{most} connections are open, no more are taken"))
            return
        self._wait(self._limits.read_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self.transport.is_closing():
            return
        if not self._has_headers:
            self._n_bytes += len(data)
        super().data_received(data)
        if not self._has_headers and self._n_bytes > MOST_HEADER_BYTES:
            self.config.tell("headers")
            self._end(Refused(431, f"the headers have more than {MOST_HEADER_BYTES:,} bytes"))

    def on_message_begin(self) -> None:
        """Wait for the headers of a request."""
        super().on_message_begin()
        self._has_headers = False
        self._wait(self._limits.read_seconds)

    def on_headers_complete(self) -> None:
        """Wait for the body; where it is read there is a shorter clock, whose answer is JSON."""
        self._has_headers, self._n_bytes = True, 0
        self._wait(2 * self._limits.read_seconds)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for nothing: a request is whole."""
        self._stop()
        super().on_message_complete()
        self._has_headers = False

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read."""
        self._end(Refused(400, "this is no request of HTTP"))

    def _wait(self, seconds: float) -> None:
        self._stop()
        self._clock = self.loop.call_later(seconds, self._too_slow)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_slow(self) -> None:
        if self._has_headers:
            self.transport.close()  # an answer was given, or is on its way
            return
        if not self._n_bytes:
            self.transport.close()  # opened, and nothing said
            return
        self.config.tell("slow")
        seconds = self._limits.read_seconds
        self._end(Refused(408, f"the headers did not come whole within {seconds:g} seconds"))

    def _end(self, error: Refused) -> None:
        """Send a refusal and close."""
        self._stop()
        body = msgspec.json.encode(error.to_dict())
        more = "".join(f"{name}: {value}\r\n" for name, value in error.headers.items())
        head = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"{more}connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("latin-1") + body)
        self.transport.close()


def bounded_config(
    app: Any, limits: Limits, tell: Callable[[str], None] | None, **others: Any
) -> BoundedConfig:
    """Return how to run a server within limits.

    Parameters
    ----------
    app : application of ASGI
    limits : Limits
    tell : callable, optional
        See `BoundedConfig`.
    others
        Of uvicorn's Config.
    """
    config = BoundedConfig(app, http=BoundedProtocol, **others)
    config.limits, config.tell = limits, tell or bool
    return config
