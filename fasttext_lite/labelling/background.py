"""The thread in which models are trained while people answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger("fasttext_lite")


class Background:
    """A thread that does some work each time it is called; calls while it works become one.

    Parameters
    ----------
    work : callable
        What goes wrong in it is logged, and the thread goes on.
    name : str
        Of the thread.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self._work = work
        self._called, self._state = threading.Event(), threading.Condition()
        self._is_busy = self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self) -> None:
        """Ask for the work to be done, and return at once."""
        self._called.set()

    @property
    def is_busy(self) -> bool:
        """Whether work is going on or asked for."""
        return self._is_busy or self._called.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until there is no work; return whether that came."""
        with self._state:
            return self._state.wait_for(lambda: not self.is_busy or self._is_closed, seconds)

    def close(self) -> None:
        """Let the work in hand come to its end, and do no more."""
        self._is_closed = True
        self._called.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._called.wait()
            if self._is_closed:
                break
            self._is_busy = True
            self._called.clear()
            try:
                self._work()
            except Exception as error:
                logger.exception("labelling: %s", error)
            with self._state:
                self._is_busy = False
                self._state.notify_all()
        with self._state:
            self._state.notify_all()
