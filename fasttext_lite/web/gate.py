"""What each request passes before it is answered, as a layer of ASGI around an application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from fasttext_lite.web.access import Access
from fasttext_lite.web.answers import refusal
from fasttext_lite.web.clock import Clock
from fasttext_lite.web.errors import Refused, busy
from fasttext_lite.web.limits import Limits

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_OF_BODY = (b"content-length", b"transfer-encoding")


class Gate:
    """Lets requests in: those that may come, not too many at a time, each for a bounded time.

    Parameters
    ----------
    app : application of ASGI
    access : Access
    limits : Limits
    is_open : collection of str
        Paths that need no token and are not counted: health, and the files of the page.
    on_refused : callable, optional
        Told why a request was refused here: "access", "busy" or "slow".

    Attributes
    ----------
    n_waiting : int
        Requests that are being answered.
    """

    def __init__(
        self,
        app: Application,
        access: Access,
        limits: Limits,
        is_open: Collection[str] = (),
        on_refused: Callable[[str], None] | None = None,
    ) -> None:
        self._app, self._access, self._limits = app, access, limits
        self._is_open = frozenset(is_open)
        self._on_refused = on_refused or (lambda why: None)
        self.n_waiting = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_open = scope["path"] in self._is_open
        try:
            self._access.check(scope["method"], dict(scope["headers"]), is_open)
        except Refused as error:
            self._on_refused("access")
            await refusal(error)(scope, receive, send)
            return
        if is_open:
            await self._app(scope, receive, send)
            return
        if self.n_waiting >= self._limits.most_waiting:
            self._on_refused("busy")
            full = busy(f"{self.n_waiting} requests are being answered, no more are taken")
            await refusal(full)(scope, receive, send)
            return
        self.n_waiting += 1
        try:
            await self._in_time(scope, receive, send)
        finally:
            self.n_waiting -= 1

    async def _in_time(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or say that it takes too long: from when it has come whole."""
        seconds = self._limits.answer_seconds
        is_whole = not any(name in _OF_BODY for name, _ in scope["headers"])
        try:
            with Clock(seconds + (0 if is_whole else self._limits.read_seconds)) as clock:

                async def take() -> Message:
                    nonlocal is_whole
                    message = await receive()
                    if not is_whole and not message.get("more_body", False):
                        is_whole = True
                        clock.restart(seconds)
                    return message

                async def pass_on(message: Message) -> None:
                    clock.stop()
                    await send(message)

                await self._app(scope, take, pass_on)
        except TimeoutError:
            self._on_refused("slow")
            await refusal(busy(f"there was no answer within {seconds:g} seconds"))(
                scope, receive, send
            )
