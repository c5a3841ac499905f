"""The body of a request: read within its limits, and decoded with the place of each mistake."""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

import msgspec
from starlette.requests import ClientDisconnect, Request

from fasttext_lite.web.clock import Clock
from fasttext_lite.web.errors import Refused
from fasttext_lite.web.limits import Limits

T = TypeVar("T")
_DECODERS: dict[Any, Any] = {}
# Two halves of a surrogate pair, one of them alone, or any other escape.
_ESCAPE = re.compile(
    rb"\\(?:ud[89ab]..\\ud[c-f]..|(?P<half>ud[89a-f][0-9a-f]{2})|.)", re.DOTALL | re.IGNORECASE
)
_PLACE = re.compile(r" - at `(?P<place>[^`]*)`$")


async def read_body(request: Request, limits: Limits) -> bytes:
    """Return the body of a request.

    Raises
    ------
    Refused
        413 if it is larger than it may be, 408 if it does not come in time.
    """
    announced = request.headers.get("content-length")
    if announced is not None and announced.isdigit() and int(announced) > limits.most_bytes:
        raise _too_large(limits)
    try:
        with Clock(limits.read_seconds):
            return await _joined(request, limits)
    except TimeoutError:
        raise Refused(
            408, f"the request did not come whole within {limits.read_seconds:g} seconds",
            headers={"Connection": "close"},
        ) from None  # fmt: skip
    except ClientDisconnect:
        raise Refused(400, "the connection was closed before the request was whole") from None


async def _joined(request: Request, limits: Limits) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limits.most_bytes:
            raise _too_large(limits)
        parts.append(part)
    return b"".join(parts)


def _too_large(limits: Limits) -> Refused:
    return Refused(
        413, f"the request has more than {limits.most_bytes:,} bytes",
        do="send fewer texts at a time", headers={"Connection": "close"},
    )  # fmt: skip


def decode(body: bytes, kind: type[T]) -> T:
    """Return what a body of JSON says.

    Parameters
    ----------
    body : bytes
    kind : type
        What it must be: a Struct or dataclass.

    Raises
    ------
    Refused
        400 if it is no JSON, 422 if it is not of this kind; says the place.
    """
    try:
        return cast(T, _decoder(kind).decode(body))
    except msgspec.ValidationError as error:
        raise Refused(422, *_told(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(body, error) from None


def _malformed(body: bytes, error: Exception) -> Refused:
    """Return what is wrong with a body that is no JSON; the places are bytes of the body."""
    what, do = str(error) if body else "the request has no body", "send an object of JSON, in UTF-8"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return Refused(400, f"the body is no UTF-8 (byte {wrong.start})", do=do)
    half = next((each for each in _ESCAPE.finditer(body) if each["half"]), None)
    if half is not None:
        what = f"{half[0].decode()} is half of a character (byte {half.start()})"
        do = "send both halves, or U+FFFD in its place"
    return Refused(400, what, do=do)


def converted(value: Any, kind: type[T]) -> T:
    """Return values of a query as a kind of object, as `decode` does."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(422, *_told(error)) from None


def _told(error: msgspec.ValidationError) -> tuple[str, str]:
    """Return what is wrong, and where: the place without the root's sign."""
    message = str(error)
    found = _PLACE.search(message)
    if found is None:
        return message, ""
    place = found["place"].removeprefix("$").removeprefix(".")
    return message[: found.start()], place


def _decoder(kind: Any) -> Any:
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind)
    return _DECODERS[kind]
