"""Who is let in: who names a host of ours, comes from a page of ours and has the token."""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Iterable
from urllib.parse import urlsplit

from fasttext_lite.errors import InputError, UsageError
from fasttext_lite.web.errors import Refused

TOKEN = "FASTTEXT_LITE_TOKEN"  # the variable of the environment
LEAST_TOKEN = 16  # characters
_HARMLESS = ("GET", "HEAD", "OPTIONS")


class Access:
    """Says which requests are let in.

    Without a token a server answers this machine alone, and a page of somebody else's that is
    open in its browser must not use it: the request has to name a host of ours (which guards
    against names that are made to point here, "DNS rebinding"), and what changes something must
    come from a page of the same host.

    Parameters
    ----------
    token : str, optional
        Asked for as ``Authorization: Bearer TOKEN``, but for what is open to all.
    hosts : iterable of str
        Names of this server beside those of the loopback; only without a token.
    """

    def __init__(self, token: str | None = None, hosts: Iterable[str] = ()) -> None:
        self._token = None if token is None else token.encode("utf-8")
        self._hosts = {"localhost", *(each.lower() for each in hosts)}

    def check(self, method: str, headers: dict[bytes, bytes], is_open: bool) -> None:
        """Raise `Refused` unless a request is let in.

        Parameters
        ----------
        method : str
        headers : dict of bytes to bytes
            By their names in lower case.
        is_open : bool
            Whether it is for what needs no token.
        """
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self._token is None and not self._is_ours(host):
            raise Refused(
                403, f"the host {host!r} is none of this server's", "header Host",
                "ask for 127.0.0.1 or localhost",
            )  # fmt: skip
        if method not in _HARMLESS:
            _check_origin(host, headers)
        if self._token is not None and not is_open:
            given = headers.get(b"authorization", b"").partition(b" ")
            kind, _, token = given
            if kind.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self._token):
                raise Refused(
                    401, "the token is missing or another", "header Authorization",
                    "send Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"},
                )  # fmt: skip

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or is_loopback(name)


def _check_origin(host: str, headers: dict[bytes, bytes]) -> None:
    """Raise `Refused` for a request that a page of another host makes."""
    origin = headers.get(b"origin")
    site = headers.get(b"sec-fetch-site", b"same-origin")
    is_same = origin is None or _netloc(origin.decode("latin-1").lower()) == host
    if not is_same or site not in (b"same-origin", b"none"):
        raise Refused(
            403, "the request comes from a page of another host", "header Origin",
            "use the page of this server, or no browser",
        )  # fmt: skip


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Return whether a name or an address of a host reaches this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def read_token(path: str | None = None) -> str | None:
    """Return the token: of a file, or of the environment; None if there is none.

    Parameters
    ----------
    path : str, optional
        A file that holds nothing else.

    Raises
    ------
    InputError
        If the file cannot be read.
    UsageError
        If a token is short or has signs that no header may have.
    """
    where, token = f"the variable {TOKEN}", os.environ.get(TOKEN)
    if path is not None:
        where = path
        try:
            with open(path, encoding="utf-8") as file:
                token = file.read()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{path}: cannot read the token: {reason.lower()}") from None
    if token is None:
        return None
    token = token.strip()
    is_plain = token.isascii() and token.isprintable() and " " not in token
    if len(token) < LEAST_TOKEN or not is_plain:
        raise UsageError(
            f"{where}: a token is {LEAST_TOKEN} or more letters, digits and signs of ASCII in a "
            "row; make one: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return token
