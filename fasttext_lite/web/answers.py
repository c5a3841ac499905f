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
    return Response(_encode(value), status, headers, JSON)


def refusal(error: Refused) -> Response:
    """Return the answer to a request that is refused."""
    return json_answer(error.to_dict(), error.status, error.headers)
