"""Texts as they are shown: in parts, with the words marked that speak for the guess."""

from __future__ import annotations

import itertools

from fasttext_lite.explanation.contributions import explain
from fasttext_lite.labelling.messages import Mark
from fasttext_lite.labelling.pool import SHOWN
from fasttext_lite.model.model import Model

MOST_MARKS = 200  # of a text


def shown(text: str, start: int = 0) -> tuple[str, bool]:
    """Return a part of a text that is not too long, and whether there is more behind it.

    Halves of surrogate pairs, which are no text, are U+FFFD.
    """
    part = text[start : start + SHOWN]
    if any("\ud800" <= sign <= "\udfff" for sign in part):
        part = part.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return part, len(text) > start + SHOWN


def marks_of(model: Model, text: str, label: str) -> tuple[Mark, ...]:
    """Return the words that contribute to a label's score, the strongest first.

    Parameters
    ----------
    model : Model
    text : str
        As it is shown.
    label : str
    """
    found = explain(model, text, label)
    spans = [span for span in found.spans if span.contribution]
    largest = max((abs(span.contribution) for span in spans), default=0.0)
    if not largest:
        return ()
    spans = sorted(spans, key=lambda span: -abs(span.contribution))[:MOST_MARKS]
    places = _utf16_places(text)
    return tuple(
        Mark(places[span.start], places[span.end], span.contribution / largest) for span in spans
    )


def _utf16_places(text: str) -> list[int] | range:
    """Return where each character begins in UTF-16, and where the text ends."""
    if text.isascii() or max(text) <= "\uffff":
        return range(len(text) + 1)
    return [0, *itertools.accumulate(1 + (sign > "\uffff") for sign in text)]
