"""The libraries that servers are made of: those of the extra ``serve``."""

from __future__ import annotations

from importlib import import_module

from fasttext_lite.errors import InputError

_NEEDED = ("starlette", "uvicorn", "msgspec", "prometheus_client", "httptools")
_MISSING = (
    "serving needs starlette, uvicorn, httptools, msgspec and prometheus-client: "
    "pip install 'fasttext-lite[serve]'"
)


def check_libraries() -> None:
    """Raise `InputError` unless what servers are made of is installed."""
    for name in _NEEDED:
        try:
            import_module(name)
        except ImportError:
            raise InputError(_MISSING) from None
