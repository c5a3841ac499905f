"""Texts as fastText's Python package takes them; what is none gets an error of its kinds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from fasttext_lite.compat.files.dictionary import EOS

TOKENS = re.compile(rb"[^ \t\n\v\f\r\0]+|\n")
_ONE_LINE = "{} processes one line at a time (remove '\\n')"


def token_bytes(token: bytes) -> bytes:
    """Return a token that `TOKENS` found; that of a newline is </s>."""
    return EOS.encode() if token == b"\n" else token


def utf8(text: str | bytes) -> bytes:
    """Return a word or a text as UTF-8.

    Raises
    ------
    TypeError
        As in fastText, also for lone surrogates, which UTF-8 does not have.
    """
    try:
        return text.encode()  # type: ignore[union-attr]
    except AttributeError:
        if isinstance(text, bytes):
            return text
        raise TypeError(f"text must be str; got {type(text).__name__}") from None
    except UnicodeEncodeError as error:
        raise TypeError(
            f"text has a lone surrogate at {error.start}, which UTF-8 does not have; "
            "text.encode('utf-8', 'replace').decode() takes it out"
        ) from None


def one_line(text: Any, function: str) -> bytes:
    """Return a text with a newline behind it; errors are of fastText's kinds."""
    try:
        has_newline = text.find("\n") != -1
    except (AttributeError, TypeError) as error:
        raise type(error)(no_text(text)) from None
    if has_newline:
        raise ValueError(_ONE_LINE.format(function))
    return utf8(text + "\n")


def no_text(text: Any) -> str:
    """Return what to say of something that is no text."""
    how = ""
    if isinstance(text, bytes):
        how = "; text.decode() makes a str of it"
    elif isinstance(text, Iterable):
        how = "; list(text) makes a list of it"
    return f"text must be a str or a list of str; got {type(text).__name__}{how}"


def list_of(texts: Any) -> list[Any]:
    """Return texts that come in a row as a list; errors are of fastText's kinds."""
    if isinstance(texts, list | tuple):
        return list(texts)
    if isinstance(texts, np.ndarray) and texts.ndim == 1:
        return texts.tolist()
    for name in ("to_list", "to_pylist"):  # Series of pandas and polars, columns of Arrow
        if callable(method := getattr(texts, name, None)) and not isinstance(texts, type):
            return list(method())
    one_line(texts, "predict")
    raise AssertionError("what is no text is refused")
