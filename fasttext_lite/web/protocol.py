"""Connections that are bounded: in their number, and in the time and size of a request's headers.

uvicorn waits for the headers of a request as long as they take, and takes them at any length.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fasttext_lite.web.errors import Refused, busy
from fasttext_lite.web.limits import MOST_HEADER_BYTES, Limits
from fasttext_lite.web.lingering import Lingering

MOST_PIPELINED = 64  # requests of a connection that wait for the one before them
MOST_LINGERING = 64  # connections beyond those that are taken: for their refusal to be read


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
    transport: Any

    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        self._limits = self.config.limits
        self._clock: asyncio.TimerHandle | None = None
        self._n_bytes = 0  # that came since a request, its headers or a part of its body was whole
        self._has_begun = False  # a request that is not whole
        self._has_headers = False  # of it
        self._running: Any = None  # the request that is answered now, and those that wait: pipeline
        self._refusal: Refused | None = None  # told when what is before it is answered

    def connection_made(self, transport: Any) -> None:
        """Take a connection, unless it is one too many."""
        seconds = self._limits.read_seconds
        made: Any = Lingering(transport, self.loop, seconds, self._is_coming)
        super().connection_made(made)
        most = self._limits.most_connections
        if len(self.connections) > most:
            self.config.tell("connections")
            self._end(busy(f"{most} connections are open, no more are taken"))
            if len(self.connections) > most + MOST_LINGERING:
                self.transport.close_now()
            return
        self._wait(seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._stop()
        self.transport.over()
        super().connection_lost(exc)
        self._abandon()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self.transport.is_closing() or self._refusal is not None:
            return
        self._n_bytes += len(data)
        super().data_received(data)
        if self._n_bytes > MOST_HEADER_BYTES and self._refusal is None:
            self.config.tell("headers")
            self._end(Refused(431, f"the headers have more than {MOST_HEADER_BYTES:,} bytes"))

    def on_message_begin(self) -> None:
        """Wait for the headers of a request."""
        super().on_message_begin()
        self._has_begun, self._has_headers = True, False
        self._wait(self._limits.read_seconds)

    def on_headers_complete(self) -> None:
        """Wait for the body; where it is read there is a shorter clock, whose answer is JSON."""
        if len(self.pipeline) >= MOST_PIPELINED:
            raise busy(f"{MOST_PIPELINED} requests of this connection wait, no more are taken")
        names = {name for name, _ in self.headers}
        if b"upgrade" in names and names & {b"content-length", b"transfer-encoding"}:
            raise Refused(  # the parser would take its body for another protocol
                400, "a request with a body cannot change the protocol", "header Upgrade",
                "ask by HTTP/1.1: HttpClient.Version.HTTP_1_1 in Java, curl without --http2",
            )  # fmt: skip
        self._has_headers, self._n_bytes = True, 0
        self._wait(2 * self._limits.read_seconds)
        super().on_headers_complete()
        if not self.pipeline:
            self._running = self.cycle

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._n_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing: a request is whole."""
        self._stop()
        super().on_message_complete()
        self._has_begun, self._has_headers, self._n_bytes = False, False, 0

    def on_response_complete(self) -> None:
        """Answer the next request of those that have come, or refuse what came behind them."""
        if self._refusal is not None and not self.pipeline and not self.transport.is_closing():
            self._send_end(self._refusal)
            return
        self._running = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self.transport.watch()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read."""
        error = sys.exc_info()[1]
        while error is not None and not isinstance(error, Refused):
            error = error.__context__
        self._end(error or Refused(400, "this is no request of HTTP"))

    def _wait(self, seconds: float) -> None:
        self._stop()
        self._clock = self.loop.call_later(seconds, self._too_slow)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _is_coming(self) -> bool:
        """Return whether a client may still be sending a request."""
        return self._has_headers or self._refusal is not None

    def _too_slow(self) -> None:
        if not self._has_begun:
            self.transport.close()  # opened, and nothing said
            return
        seconds, what = self._limits.read_seconds, "request"
        if not self._has_headers:
            self.config.tell("slow")
            what = "headers"
        self._end(Refused(408, f"the {what} did not come whole within {seconds:g} seconds"))

    def _end(self, error: Refused) -> None:
        """Refuse what has come last: now, or when the requests before it are answered."""
        self._stop()
        self._refusal = error
        if self._has_headers and self.pipeline:
            self.pipeline.popleft()  # what is refused, and was to be answered last
        elif self._has_headers:
            is_answered = self._running is None or self._running.response_started
            self._abandon()
            if is_answered:
                self.transport.close()
                return
        if self._running is None or self._running.response_complete:
            self._send_end(error)

    def _abandon(self) -> None:
        """Let the request that is being answered know that nobody will get the answer."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        self._running = None

    def _send_end(self, error: Refused) -> None:
        """Send a refusal and close."""
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
