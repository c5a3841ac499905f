"""An application of ASGI from its routes and its page."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from fasttext_lite.web.access import Access
from fasttext_lite.web.answers import refusal
from fasttext_lite.web.errors import Refused
from fasttext_lite.web.gate import Gate
from fasttext_lite.web.limits import Limits
from fasttext_lite.web.page import Page, paths_of


def make_app(
    routes: Sequence[BaseRoute],
    *,
    page: str | os.PathLike[str] | None = None,
    access: Access | None = None,
    limits: Limits | None = None,
    lifespan: Any = None,
    is_open: Collection[str] = ("/health",),
    on_refused: Callable[[str], None] | None = None,
) -> Gate:
    """Return an application.

    Parameters
    ----------
    routes : sequence of routes of Starlette
        Their endpoints may raise `Refused`.
    page : path-like, optional
        Folder of the page, which is what ``/`` shows.
    access : Access, optional
        Default: no token, this machine alone.
    limits : Limits, optional
    lifespan : optional
        Of Starlette: what is done before and after.
    is_open : collection of str
        Paths that need no token.
    on_refused : callable, optional
        See `Gate`.
    """
    paths = set(is_open)
    handlers: Any = {Refused: _refused, HTTPException: _of_starlette, Exception: _our_bug}
    app: Any = Starlette(routes=list(routes), lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False
    if page is not None:  # no route: it would answer what a route has no method for
        app.router.default = Page(page)
        paths |= set(paths_of(page))
    return Gate(app, access or Access(), limits or Limits(), paths, on_refused)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal(error)


def _of_starlette(request: Request, error: Exception) -> Response:
    """Answer what no route is for, or not with this method."""
    assert isinstance(error, HTTPException)
    method, path = request.method, request.url.path
    what = {
        404: f"there is no {path} here",
        405: f"{path} cannot be asked with {method}",
    }.get(error.status_code, HTTPStatus(error.status_code).phrase.lower())
    headers = dict(error.headers or {})
    return refusal(Refused(error.status_code, what, do=_allowed(headers), headers=headers))


def _allowed(headers: dict[str, str]) -> str:
    return f"use {headers['Allow']}" if "Allow" in headers else ""


def _our_bug(request: Request, error: Exception) -> Response:
    """Answer where we are wrong, and print how."""
    with contextlib.suppress(OSError, ValueError):  # nobody listens, or the disk is full
        traceback.print_exception(error)
    return refusal(Refused(500, "the server made a mistake", do="see what it printed"))
