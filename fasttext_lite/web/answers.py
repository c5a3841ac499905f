"""Answers as JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.responses import Response

from fasttext_lite.web.errors import Refused

_utf8 = msgspec.json.Encoder().encode
JSON = "application/json"


def encode(value: Any) -> bytes:
    """Return a value as JSON; lone surrogates are escapes, as they have no UTF-8.

    Parameters
    ----------
    value : object
        As of `json_answer`.  A label may have such, and the name of a file.
    """
    try:
        return _utf8(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode("ascii")


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer of JSON.

    Parameters
    ----------
    value : object
        Of what `msgspec` encodes: Structs, dataclasses, mappings, sequences, texts and numbers.
    status : int
    headers : dict of str to str, optional
    """
    return Response(encode(value), status, headers, JSON)


def refusal(error: Refused) -> Response:
    """Return the answer to a request that is refused."""
    return json_answer(error.to_dict(), error.status, error.headers)
