"""A report as one file of HTML, within its size; Jinja2 escapes all that it is given."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib import resources
from typing import Any

from fasttext_lite.disk.replacing import check_replaceable
from fasttext_lite.errors import InputError
from fasttext_lite.reporting.findings import Findings
from fasttext_lite.reporting.limits import LEVELS, MOST_BYTES, MOST_NAME

_MISSING = "reports need jinja2 and matplotlib: pip install 'fasttext-lite[report]'"


def check_report(path: str | os.PathLike[str]) -> None:
    """Raise `InputError` unless a report of this name can be made and written.

    Parameters
    ----------
    path : path-like
        .html or .htm.
    """
    name = os.fspath(path)
    if not name.lower().endswith((".html", ".htm")):
        raise InputError(f"{name}: a report must be named .html")
    check_libraries()
    try:
        check_replaceable(name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{name}: cannot write the report: {reason}") from None


def check_libraries() -> None:
    """Raise `InputError` unless what reports are made with is installed."""
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError(_MISSING) from None


def render(found: Findings, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the page of a report: the most of it that is small enough.

    Parameters
    ----------
    found : Findings
    most_bytes : int

    Returns
    -------
    bytes
        UTF-8.
    """
    from markupsafe import Markup

    from fasttext_lite.reporting.view import View, charts_of

    charts = {name: Markup(svg) for name, svg in charts_of(found).items()}
    template, script = _template(), _file("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    fixed = {
        "style": Markup(_file("report.css")), "script": Markup(script),
        "script_hash": f"sha256-{digest}",
    }  # fmt: skip
    page = b""
    for limits in LEVELS:
        values = View(found, limits, charts).values()
        page = template.render(**fixed, **values).encode("utf-8")
        if len(page) < most_bytes:
            break
    return page


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True,
        finalize=clean,
    )  # fmt: skip
    environment.filters["short"] = short
    return environment.from_string(_file("report.html"))


def _file(name: str) -> str:
    """Return a file of the page, as text."""
    place = resources.files("fasttext_lite.reporting") / "page" / name
    return place.read_text("utf-8")


def clean(value: Any) -> Any:
    """Return a text without what no page may hold: control characters and lone surrogates.

    Parameters
    ----------
    value : object
        What is not a text, or is a part of the page already, stays as it is.
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    if value.isprintable():
        return value
    return "".join(map(_sign, value))


def _sign(sign: str) -> str:
    """Return a character, or what stands in its place."""
    code = ord(sign)
    is_control = (code < 0x20 and sign not in "\t\n") or 0x7F <= code < 0xA0
    is_none = 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code < 0xFDF0
    return "\N{REPLACEMENT CHARACTER}" if is_control or is_none else sign


def short(name: Any) -> str:
    """Return the beginning of a label that is long; "(empty)" for one that cannot be seen."""
    name = str(name)
    if not name.strip():
        return "(empty)"
    return name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"
