"""The OpenAPI document: paths, and the messages of `messages` as schemas."""

from __future__ import annotations

from typing import Any

import msgspec

from fasttext_lite.serving.messages import (
    ErrorAnswer,
    Health,
    ManyAnswers,
    ModelInfo,
    ModelList,
    OneAnswer,
    PredictRequest,
)
from fasttext_lite.version import __version__

_MESSAGES = (PredictRequest, OneAnswer, ManyAnswers, ModelInfo, ModelList, Health, ErrorAnswer)
_IN_QUERY = ("text", "model", "k", "threshold", "probabilities", "abstain", "explain")
_FAULTS = {
    400: "The body is no JSON.",
    401: "No token, or another one.",
    403: "The host is none of this server's, or a page of another host asks.",
    404: "There is no such model.",
    408: "The request came too slowly.",
    413: "The body is too large.",
    422: "A field is missing, unknown, of another type, or has no effect.",
    503: "Too many requests wait, or the answer took too long; Retry-After: when to come again.",
}


def document() -> dict[str, Any]:
    """Return the OpenAPI document, version 3.1, as JSON values."""
    _, schemas = msgspec.json.schema_components(
        _MESSAGES, ref_template="#/components/schemas/{name}"
    )
    for schema in schemas.values():
        schema.pop("title", None)
    predict = (400, 401, 403, 404, 408, 413, 422, 503)
    answer = {"oneOf": [_ref("OneAnswer"), _ref("ManyAnswers")]}
    body = {"required": True, "content": {"application/json": {"schema": _ref("PredictRequest")}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fasttext-lite",
            "version": __version__,
            "description": "Labels of texts, by models of fasttext-lite and fastText.",
        },
        "security": [{}, {"token": []}],
        "paths": {
            "/predict": {
                "post": {
                    "summary": "Classify one text, or many.",
                    "requestBody": body,
                    "responses": _answers(answer, "The labels.", predict),
                },
                "get": {
                    "summary": "Classify one text, given in the address.",
                    "parameters": _parameters(schemas["PredictRequest"]["properties"]),
                    "responses": _answers(_ref("OneAnswer"), "The labels.", predict),
                },
            },
            "/models": {"get": _get("The models that are served.", "ModelList", [_LABELS])},
            "/models/{name}": {
                "get": _get("One model.", "ModelInfo", [_NAME, _LABELS], (401, 403, 404))
            },
            "/health": {"get": _health()},
            "/metrics": {"get": _plain("Counters, as Prometheus reads them.", "text/plain")},
            "/openapi.json": {"get": _plain("This document.", "application/json")},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_NAME = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
_LABELS = {
    "name": "labels", "in": "query", "schema": {"enum": ["all"]},
    "description": "Whether all labels are listed, and not the first 20.",
}  # fmt: skip


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _answers(schema: dict[str, Any], what: str, faults: tuple[int, ...]) -> dict[str, Any]:
    wrong = {str(code): _json(_ref("ErrorAnswer"), _FAULTS[code]) for code in faults}
    return {"200": _json(schema, what), **wrong}


def _get(
    what: str, message: str, parameters: list[dict[str, Any]], faults: tuple[int, ...] = (401, 403)
) -> dict[str, Any]:
    return {
        "summary": what,
        "parameters": parameters,
        "responses": _answers(_ref(message), what, faults),
    }


def _health() -> dict[str, Any]:
    answers = _answers(_ref("Health"), "All is well.", ())
    return {
        "summary": "Whether the server is well; needs no token.",
        "security": [{}],
        "responses": answers | {"503": _json(_ref("Health"), "The server is about to end.")},
    }


def _plain(what: str, kind: str) -> dict[str, Any]:
    return {"summary": what, "responses": {"200": {"description": what, "content": {kind: {}}}}}


def _parameters(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of the query, of the fields of a request."""
    found = []
    for name in _IN_QUERY:
        schema = {key: value for key, value in fields[name].items() if key != "description"}
        found.append({
            "name": name, "in": "query", "required": name == "text", "schema": schema,
            "description": fields[name].get("description", ""),
        })  # fmt: skip
    return found
