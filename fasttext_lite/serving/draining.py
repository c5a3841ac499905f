"""A time in which the server says that it will end, and still answers: for what stands before it.

What spreads requests over several servers asks each for its health from time to time, and sends
nothing more to one that answers 503.  Without that time, a server that is told to end takes no
connection any more at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def draining(seconds: float, begin: Callable[[], None]) -> Iterator[None]:
    """Put some seconds between SIGTERM and what answers it; a second one does not wait.

    Parameters
    ----------
    seconds : float
        0: nothing is changed.
    begin : callable
        Called when the signal comes.
    """
    old: Any = signal.getsignal(signal.SIGTERM)
    is_main = threading.current_thread() is threading.main_thread()
    if not seconds or not is_main or not callable(old):
        yield
        return
    loop = asyncio.get_running_loop()
    has_begun = False

    def answer(number: int, frame: FrameType | None) -> None:
        nonlocal has_begun
        if has_begun:
            old(number, None)
            return
        has_begun = True
        begin()
        loop.call_soon_threadsafe(loop.call_later, seconds, end, number)

    def end(number: int) -> None:
        if signal.getsignal(signal.SIGTERM) is answer:
            signal.signal(signal.SIGTERM, old)
            old(number, None)

    signal.signal(signal.SIGTERM, answer)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is answer:
            signal.signal(signal.SIGTERM, old)
