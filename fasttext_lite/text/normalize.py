"""Texts before they are cut: lower case, NFKC, simplified characters."""

from __future__ import annotations

import hashlib
import unicodedata
from functools import lru_cache

import numpy as np

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.parallel import run_ranges

FINAL_SIGMA = 0x3A3  # the capital whose lower case depends on its neighbours

# No code point above has a case.
CASED = 0x20000

# Where characters stand that have simplified forms: CJK radicals to extensions.
HAN_RANGES = ((0x2E80, 0x3100), (0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))


def simplified_hash() -> str:
    """Return a hash of the table of simplified characters, which depends on OpenCC's version."""
    return hashlib.sha256(repr(sorted(_simplified().items())).encode()).hexdigest()


def normalize(
    texts: Texts, lowercase: bool, nfkc: bool, n_threads: int = 1, simplify: bool = False
) -> Texts:
    """Return texts in lower case, in Unicode normal form KC, and in simplified Chinese, as asked.

    Exactly what Python makes of each text (or token). What it takes more than a table for, a
    text with U+0130 or U+03A3 or, for NFKC, beyond ASCII, goes through Python's strings.

    Parameters
    ----------
    texts : Texts
    lowercase, nfkc : bool
    n_threads : int
    simplify : bool
        Replace each traditional character by the simplified one that OpenCC has for it.

    Returns
    -------
    Texts
        The same object where nothing changes.

    Raises
    ------
    InputError
        If OpenCC is needed and not installed.
    """
    if not (lowercase or nfkc or simplify) or texts.buffer.size == 0:
        return texts
    from fasttext_lite.text.kernels import tokens as tokenize

    ends = texts.token_ends
    bounds = np.ascontiguousarray(texts.offsets if ends is None else np.append(0, ends), np.int64)
    n = bounds.size - 1
    pages, deltas = lower_table(lowercase, nfkc, simplify)
    sizes = np.empty(n, np.int64)
    changes: list[bool] = []
    run_ranges(
        lambda first, last: changes.append(
            tokenize.lower_sizes(texts.buffer, bounds, first, last, pages, deltas, sizes)
        ),
        n,
        n_threads,
    )
    if not any(changes):
        return texts
    places, ready = _by_python(texts.buffer, bounds, sizes, lowercase, nfkc, simplify)
    new_bounds = np.zeros(n + 1, np.int64)
    np.cumsum(sizes, out=new_bounds[1:])
    buffer = np.empty(new_bounds[-1], np.uint8)
    run_ranges(
        lambda first, last: tokenize.lower(
            texts.buffer, bounds, first, last, pages, deltas, places, ready, new_bounds, buffer
        ),
        n,
        n_threads,
    )
    if ends is None:
        return Texts(buffer, new_bounds)
    which = np.searchsorted(ends, texts.offsets, "right")
    return Texts(buffer, new_bounds[which], new_bounds[1:][sizes > 0])  # a token may vanish


def _by_python(
    buffer: np.ndarray,
    bounds: np.ndarray,
    sizes: np.ndarray,
    lowercase: bool,
    nfkc: bool,
    simplify: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Normalise the pieces of size -1; write their sizes.

    Returns
    -------
    places : int64[n_pieces]
        Where in `ready` each begins; -1 for the other pieces.
    ready : uint8[]
    """
    places, ready = np.full(sizes.size, -1, np.int64), bytearray()
    for i in np.flatnonzero(sizes < 0).tolist():
        piece = buffer[bounds[i] : bounds[i + 1]].tobytes().decode("utf-8", "surrogatepass")
        data = normal_form(piece, lowercase, nfkc, simplify).encode("utf-8", "surrogatepass")
        places[i], sizes[i] = len(ready), len(data)
        ready += data
    return places, np.frombuffer(ready or bytearray(1), np.uint8)


def normal_form(text: str, lowercase: bool, nfkc: bool, simplify: bool) -> str:
    """Return one text as `normalize` makes it, by Python's strings."""
    if nfkc:
        text = unicodedata.normalize("NFKC", text)  # may bring capitals
    if lowercase:
        text = text.lower()
    if nfkc and lowercase:
        text = unicodedata.normalize("NFKC", text)
    return text.translate(_simplified()) if simplify else text


@lru_cache(maxsize=1)
def _simplified() -> dict[int, int]:
    """Return the simplified form of each character that has another one; as OpenCC says."""
    try:
        from opencc import OpenCC
    except ImportError:
        raise InputError(
            "simplify needs OpenCC, which is not installed: pip install 'fasttext-lite[zh]'"
        ) from None
    converter = OpenCC("t2s")
    found = {}
    for first, last in HAN_RANGES:
        for code in range(first, last):
            text = converter.convert(chr(code))
            if len(text) == 1 and ord(text) != code:
                found[code] = ord(text)
    return found


@lru_cache(maxsize=8)
def lower_table(lowercase: bool, nfkc: bool, simplify: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return `pages` and `deltas` of `text.kernels.tokens.lower`, as the running Python has it.

    Without lower-casing all deltas are 0, with NFKC all beyond ASCII are NOT_SIMPLE.
    """
    from fasttext_lite.text.kernels.tokens import NOT_SIMPLE

    codes = np.arange(0x110000, dtype="<u4")
    changes = np.zeros(0x110000, np.int32)
    if lowercase:
        asked = codes[:CASED].copy()
        asked[[0x130, FINAL_SIGMA]] = 0
        text = asked.tobytes().decode("utf-32-le", "surrogatepass")
        found = np.frombuffer(text.lower().encode("utf-32-le", "surrogatepass"), "<u4")
        changes[:CASED] = found.astype(np.int32) - asked.astype(np.int32)
        changes[[0x130, FINAL_SIGMA]] = NOT_SIMPLE
    if simplify:
        for code, simple in _simplified().items():
            changes[code] = simple - code
    if nfkc:
        changes[0x80:] = NOT_SIMPLE
        return np.minimum(np.arange(0x1100), 2).astype(np.uint16) + np.uint16(1), np.concatenate(
            [np.zeros(256, np.int32), changes[:768]]
        )
    rows = changes.reshape(0x1100, 256)
    used = rows.any(1)
    pages = np.where(used, np.cumsum(used), 0).astype(np.uint16)
    return pages, np.concatenate([np.zeros(256, np.int32), rows[used].ravel()])
