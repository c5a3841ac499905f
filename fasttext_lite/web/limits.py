"""How much a server takes: of bytes, seconds and connections."""

from __future__ import annotations

from dataclasses import dataclass

from fasttext_lite.errors import SettingError

MOST_HEADER_BYTES = 1 << 16  # of a request's first line and headers


@dataclass(frozen=True)
class Limits:
    """How much a server takes.

    Attributes
    ----------
    most_bytes : int
        Of the body of a request.
    read_seconds : float
        Until a request has come whole, headers and body each.
    answer_seconds : float
        Until an answer begins.
    most_connections : int
        That are open at a time.
    most_waiting : int
        Requests that are being answered, or wait for it, at a time.

    Raises
    ------
    SettingError
        If one is not positive.
    """

    most_bytes: int = 4_000_000
    read_seconds: float = 10.0
    answer_seconds: float = 30.0
    most_connections: int = 1_000
    most_waiting: int = 256

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise SettingError(f"{name} must be positive; got {value!r}")
