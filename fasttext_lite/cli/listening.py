"""Where a server listens and who is let in: the arguments of ``serve`` and ``label``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import whole
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.web.access import Access

HOST = "127.0.0.1"
LAST_PORT = 65_535


def add_listening(parser: argparse.ArgumentParser, port: int, token: str) -> None:
    """Add ``--host``, ``--port`` and ``--token-file``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    port : int
        The default.
    token : str
        Help: what another host than this machine's needs.
    """
    parser.add_argument(
        "--host", default=HOST,
        help=f"address to listen at (default {HOST}: this machine alone); {token}",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=_port, default=port, metavar="N",
        help=f"port to listen at, 0 = any that is free (default {port})",
    )  # fmt: skip
    parser.add_argument(
        "--token-file", metavar="FILE",
        help="file with the token that requests must have (default: the variable "
        "FASTTEXT_LITE_TOKEN)",
    )  # fmt: skip


def _port(text: str) -> int:
    value = whole(0)(text)
    if value > LAST_PORT:
        raise argparse.ArgumentTypeError(f"must be at most {LAST_PORT:,}; got {text!r}")
    return value


def access_of(options: argparse.Namespace, makes_token: bool = False) -> tuple[Access, str | None]:
    """Return who is let in, and the token, if there is one.

    Parameters
    ----------
    options : argparse.Namespace
    makes_token : bool
        Whether one is made where it is needed and not given.

    Raises
    ------
    UsageError
        If one is needed and not given, or a given one is bad.
    """
    import secrets

    from fasttext_lite.web.access import Access, is_loopback, read_token

    token = read_token(options.token_file)
    if token is None and not is_loopback(options.host):
        if not makes_token:
            raise UsageError(
                f"--host {options.host}: others than this machine can ask there, and need a token: "
                "set the variable FASTTEXT_LITE_TOKEN, or give --token-file FILE"
            )
        token = secrets.token_urlsafe(24)
    return Access(token), token
