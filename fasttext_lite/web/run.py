"""The loop that serves, until a signal ends it."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from fasttext_lite.errors import UsageError
from fasttext_lite.web.limits import Limits
from fasttext_lite.web.protocol import bounded_config

_BACKLOG = 512


class _Server(uvicorn.Server):
    """A server that ends well at the first signal, and at once at the second."""

    on_hangup: Callable[[], None] | None = None
    on_started: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.on_started is not None:
            self.on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Answer signals; unlike uvicorn's, do not send them once more at the end."""
        answers: dict[str, Callable[[int, FrameType | None], Any]] = {
            "SIGINT": self.handle_exit, "SIGTERM": self._end, "SIGBREAK": self._end,
        }  # fmt: skip
        if self.on_hangup is not None:
            answers["SIGHUP"] = self._hang_up
        old = {}
        for name, answer in answers.items():
            number = getattr(signal, name, None)
            if number is not None:
                old[number] = signal.signal(number, answer)
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        assert self.on_hangup is not None
        self.on_hangup()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Parameters
    ----------
    host : str
    port : int
        0 = any that is free.

    Raises
    ------
    UsageError
        If that cannot be: another server is there, or it is no address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {host}: {_reason(error)}") from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(_BACKLOG)
    except OSError as error:
        found.close()
        raise UsageError(
            f"{host}:{port}: cannot listen there: {_reason(error)}; choose another --port, "
            "0 is any that is free"
        ) from None
    return found


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def address_of(listening: socket.socket) -> str:
    """Return the address of a server, for a browser on this machine."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # all addresses of this machine
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_server(
    app: Any,
    listening: socket.socket,
    limits: Limits,
    *,
    on_started: Callable[[], None] | None = None,
    on_hangup: Callable[[], None] | None = None,
    on_refused: Callable[[str], None] | None = None,
) -> bool:
    """Serve until SIGINT or SIGTERM; return whether all requests were answered to their end.

    Parameters
    ----------
    app : application of ASGI
    listening : socket
        See `listen`.
    limits : Limits
        Requests that run when the signal comes have `Limits.answer_seconds` to end.
    on_started : callable, optional
        Called when connections are taken.
    on_hangup : callable, optional
        Called at SIGHUP.
    on_refused : callable, optional
        See `protocol.BoundedConfig`.
    """
    config = bounded_config(
        app, limits, on_refused, ws="none", lifespan="on", log_config=None,
        log_level="critical", access_log=False, server_header=False, date_header=True,
        backlog=_BACKLOG, timeout_graceful_shutdown=max(1, round(limits.answer_seconds)),
        proxy_headers=False,
    )  # fmt: skip
    server = _Server(config)
    server.on_started, server.on_hangup = on_started, on_hangup
    server.run([listening])
    return not server.force_exit
