"""Which text is before whom, so that no two are asked the same."""

from __future__ import annotations

import time
from dataclasses import dataclass

SECONDS = 600.0


@dataclass(frozen=True)
class Lease:
    """A text that is before somebody: its number, why it is asked, and until when."""

    number: int
    asked: str
    until: float


class Leases:
    """Texts that people have before them, one of each person's at a time.

    Attributes
    ----------
    seconds : float
        After which one ends.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._of: dict[str, Lease] = {}

    def take(self, person: str, number: int, asked: str) -> None:
        """Give a person a text, in place of the one before."""
        self._of[person] = Lease(number, asked, time.monotonic() + self.seconds)

    def end(self, person: str) -> None:
        """Take a person's text back."""
        self._of.pop(person, None)

    def asked(self, person: str, number: int) -> str:
        """Return why a text was asked that is before a person; empty if it is not."""
        lease = self._of.get(person)
        return lease.asked if lease is not None and lease.number == number else ""

    def of_others(self, person: str) -> set[int]:
        """Return the texts that are before others."""
        now = time.monotonic()
        return {
            lease.number
            for other, lease in self._of.items()
            if other != person and lease.until > now
        }
