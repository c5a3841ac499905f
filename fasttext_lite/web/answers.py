"""Answers as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from fasttext_lite.web.errors import Refused

_encode = msgspec.json.Encoder().encode
JSON = "application/json"


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer of JSON.

    Parameters
    ----------
    value : object
        Of what `msgspec` encodes: Structs, dataclasses, mappings, sequences, texts and numbers.
    status : int
    headers : dict of str to str, optional
    """
    try:
        body = _encode(value)
    except UnicodeEncodeError:  # names of files need not be text
        body = _encode(_as_text(msgspec.to_builtins(value)))
    return Response(body, status, headers, JSON)


def _as_text(value: Any) -> Any:
    """Return JSON values with U+FFFD for halves of surrogate pairs, which JSON in UTF-8 has not."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_as_text(name): _as_text(each) for name, each in value.items()}
    return [_as_text(each) for each in value] if isinstance(value, list | tuple) else value


def refusal(error: Refused) -> Response:
    """Return the answer to a request that is refused."""
    return json_answer(error.to_dict(), error.status, error.headers)
