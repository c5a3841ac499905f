"""Where in a text the features of a model come from."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np

from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.explanation.kernels import sum_units, trace_document
from fasttext_lite.model.model import Model
from fasttext_lite.text.analyzers import analyze, can_mark_one, class_of_characters
from fasttext_lite.text.kernels.tokens import mark_tokens
from fasttext_lite.text.normalize import normal_form


@dataclass(frozen=True)
class Trace:
    """The features of a text, and the place of each occurrence.

    Attributes
    ----------
    text : str
    buffer : uint8[n_bytes]
        The normalised text; with two streams of tokens it is there twice, a byte in between.
    tokens, places, is_own, bounds
        See `kernels.list_places`.
    numbers, found, weights, counts
        See `kernels.list_features`.
    n_bytes : int
        Of the normalised text.
    units : list of (int, int)
        Characters of the text that are a word, ``text[start:end]``, in order; they do not overlap.
    ends : int64[2, n_units]
        First byte and end of each in the normalised text.
    places_of_bytes : int64[n_bytes] or None
        The character of the text that each byte of the normalised one belongs to; None if all is
        ASCII: its own place.
    """

    text: str
    buffer: np.ndarray
    tokens: np.ndarray
    places: np.ndarray
    is_own: np.ndarray
    bounds: np.ndarray
    numbers: np.ndarray
    found: np.ndarray
    weights: np.ndarray
    counts: np.ndarray
    n_bytes: int
    units: list[tuple[int, int]]
    ends: np.ndarray
    places_of_bytes: np.ndarray | None

    def pooled(self, table: np.ndarray) -> np.ndarray:
        """Return the weighted sum of the rows, float64[dim]; `table` as `Model.loaded_table`."""
        rows = table[self.found]
        rows = rows.view(np.float16) if rows.dtype == np.uint16 else rows
        return self.weights.astype(np.float64) @ rows.astype(np.float64)

    def by_unit(self, shares: np.ndarray) -> tuple[list[float], list[float], np.ndarray]:
        """Return what each word and each character has of shares of bytes.

        Parameters
        ----------
        shares : float64[2, n_buffer_bytes]
            As `kernels.share_out` returns them; changed in place.

        Returns
        -------
        own, ngrams : list of float
            Of each unit.
        characters : float64[n_characters]
            Of the text.
        """
        own, ngrams, both = sum_units(shares, self.ends, self.n_bytes)
        if self.places_of_bytes is not None:
            both = np.bincount(self.places_of_bytes, both, minlength=len(self.text))
        return own.tolist(), ngrams.tolist(), both


def trace(model: Model, text: str) -> Trace:
    """Return the features of a text, and where they come from.

    Parameters
    ----------
    model : Model
    text : str
    """
    normal, buffer, marks = _marked(text, model.config)
    tokens, places, is_own, bounds, found, weights, counts, numbers = trace_document(
        buffer, marks, *model.space.tables
    )
    n_streams = ANALYZERS[model.config.analyzer].n_streams
    n_bytes = buffer.size if n_streams == 1 else (buffer.size - 1) // 2
    if n_streams > 1:
        ends = np.array(_units(tokens, n_bytes), np.int64).reshape(-1, 2)
        ends = np.ascontiguousarray(ends.T)
    else:
        ends = np.ascontiguousarray(tokens.T)
    places_of_bytes = None
    if n_bytes == len(text) and (normal is text or not model.config.nfkc):
        units = list(zip(ends[0].tolist(), ends[1].tolist(), strict=True))
    else:
        places_of_bytes = _places_of_bytes(buffer[:n_bytes], normal, text, model.config)
        units, ends = _apart(places_of_bytes, ends)
    return Trace(
        text, buffer, tokens, places, is_own, bounds, numbers, found, weights, counts, n_bytes,
        units, ends, places_of_bytes,
    )  # fmt: skip


def _marked(text: str, config: Config) -> tuple[str, np.ndarray, np.ndarray]:
    """Return a text normalised, as a str and as uint8[n_bytes] with marks; see `analyze`.

    With two streams of tokens the bytes are there twice, the str is not.
    """
    if can_mark_one(config):
        normal = text.lower() if config.lowercase else text
        buffer = np.frombuffer(normal.encode("utf-8", "surrogatepass"), np.uint8)
        marks = np.empty(buffer.size, np.uint8)
        classes = class_of_characters(config.analyzer, config.lone_marks, config.script_rules)
        mark_tokens(buffer, np.array([0, buffer.size]), 0, 1, classes, marks)
        return normal, buffer, marks
    marked = analyze(Texts.from_sequence([text]), config)
    normal = normal_form(text, config.lowercase, config.nfkc, config.simplify)
    return normal, marked.buffer, marked.marks


def _units(tokens: np.ndarray, n_bytes: int) -> list[tuple[int, int]]:
    """Return the words of the first stream, and what only tokens of the second have.

    Parameters
    ----------
    tokens : int64[n_tokens, 2]
        Of both streams; the second begins behind n_bytes and a byte more.
    n_bytes : int

    Returns
    -------
    list of (int, int)
        First byte and end of each, in order.
    """
    pairs = tokens.tolist()
    units = [(start, end) for start, end in pairs if start < n_bytes]
    taken = np.zeros(n_bytes, bool)
    for start, end in units:
        taken[start:end] = True
    for start, end in pairs[len(units) :]:
        start, end = start - n_bytes - 1, end - n_bytes - 1
        if taken[start:end].all():
            continue
        free = np.flatnonzero(~taken[start:end]) + start
        for run in np.split(free, np.flatnonzero(np.diff(free) > 1) + 1):
            units.append((int(run[0]), int(run[-1]) + 1))
        taken[start:end] = True
    return sorted(units)


def _places_of_bytes(buffer: np.ndarray, normal: str, text: str, config: Config) -> np.ndarray:
    """Return the character of a text that each byte of its normal form belongs to."""
    characters = np.cumsum(buffer & 0xC0 != 0x80) - 1  # of the normal form
    if normal is text or (len(normal) == len(text) and not config.nfkc):
        return characters
    return _aligned(normal, text, config)[characters]


def _aligned(normal: str, text: str, config: Config) -> np.ndarray:
    """Return the character of a text that each character of its normal form comes from."""
    sizes = [
        len(normal_form(character, config.lowercase, config.nfkc, config.simplify))
        for character in text
    ]
    if sum(sizes) == len(normal):
        return np.repeat(np.arange(len(text)), sizes)
    # Some became one: what is the same in both is a landmark.
    places = np.zeros(len(normal), np.int64)
    at = 0
    blocks = difflib.SequenceMatcher(None, normal, text.lower(), False).get_matching_blocks()
    for a, b, size in blocks:
        places[at:a] = min(b, len(text)) - 1 if b else 0
        places[a : a + size] = np.arange(b, b + size)
        at = a + size
    return np.clip(np.maximum.accumulate(places), 0, max(len(text) - 1, 0))


def _apart(
    places_of_bytes: np.ndarray, ends: np.ndarray
) -> tuple[list[tuple[int, int]], np.ndarray]:
    """Return the characters of words, and their bytes; what shares a character is one word.

    Parameters
    ----------
    places_of_bytes : int64[n_bytes]
    ends : int64[2, n_words]
        First byte and end of each word.

    Returns
    -------
    units : list of (int, int)
    ends : int64[2, n_units]
    """
    firsts, lasts = places_of_bytes[ends[0]].tolist(), (places_of_bytes[ends[1] - 1] + 1).tolist()
    units: list[tuple[int, int]] = []
    starts: list[int] = []
    stops: list[int] = []
    for first, last, start, stop in zip(firsts, lasts, *ends.tolist(), strict=True):
        if units and first < units[-1][1]:
            units[-1] = units[-1][0], max(last, units[-1][1])
            stops[-1] = stop
        else:
            units.append((first, last))
            starts.append(start)
            stops.append(stop)
    return units, np.array([starts, stops], np.int64)
