"""Rows unlike the others: empty, very long, in another script, of signs alone, damaged."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

import numpy as np

from fasttext_lite.auditing.duplicates import normal_form
from fasttext_lite.auditing.findings import DROP, KEEP, Finding
from fasttext_lite.auditing.rows import Rows

MOST_ODD = 0.05  # share of rows: what more of them are is how the file is
MAIN_SHARE = 0.9  # of rows in one script, for others to be odd
FENCES, LEAST_SPREAD = 3.0, 0.25  # quartile distances of the logarithm of the length
LEAST_ROWS = 20  # to know what is usual
LEAST_SIGNS, FEW_LETTERS = 4, 0.3
PIECE = 1 << 22  # characters looked at at a time

# Classes of characters beside letters, whose classes are scripts.
SPACE, SIGN, DAMAGED = range(3)
# What UTF-8 that was read as a Western encoding looks like: a lead byte and what may follow.
_AFTER = (
    "\u0080-\u00bf\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d"
    "\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178"
)
_WESTERN = re.compile(f"(?:[\u00c2-\u00f4][{_AFTER}]{{1,3}})+")
_CHINESE = ("\u951f\u65a4\u62f7", "\u70eb\u70eb\u70eb")  # U+FFFD, and what is not set, as GBK
_FAMILIES = {"HIRAGANA": "KANA", "KATAKANA": "KANA", "FULLWIDTH": "LATIN", "HALFWIDTH": "KANA"}


@cache
def class_of(sign: str) -> str:
    """Return the class of a character: " ", "sign", "damaged", or the script of a letter."""
    category = unicodedata.category(sign)
    if category[0] in "LM":
        script = unicodedata.name(sign, "OTHER").split()[0]
        if category[0] == "M":  # goes with the letter before
            return "sign"
        return _FAMILIES.get(script, script)
    if category[0] == "Z" or sign in "\t\n\r":
        return " "
    if category in ("Cc", "Co", "Cs") or sign == "\N{REPLACEMENT CHARACTER}":
        return "damaged"
    return "sign"


def odd(rows: Rows) -> list[Finding]:
    """Return the rows unlike the others, in their order."""
    counts, scripts = _counts(rows.strings)
    lengths = counts.sum(axis=1)
    why: list[list[str]] = [[] for _ in range(len(rows))]
    _say_damaged(rows.strings, counts, why)
    _say_lengths(lengths, counts, why)
    _say_scripts(counts, scripts, why)
    _say_labels(rows, why)
    found = []
    for row, reasons in enumerate(why):
        if reasons:
            is_label = reasons[0].startswith("label")
            found.append(
                Finding(
                    "odd",
                    rows.place(row),
                    rows.named[row],
                    why="; ".join(reasons),
                    action=KEEP if is_label else DROP,
                )  # fmt: skip
            )
    return found


def _counts(texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """Return how many characters of each class texts have, int64[n_texts, 3 + n_scripts].

    Returns
    -------
    counts : int64
    scripts : list of str
        Names of the last columns.
    """
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    ends = np.cumsum(sizes)
    columns = {" ": SPACE, "sign": SIGN, "damaged": DAMAGED}
    pieces, start = [], 0
    while start < len(texts):
        before = ends[start] - sizes[start]
        stop = max(int(np.searchsorted(ends, before + PIECE, "right")), start + 1)
        codes = np.frombuffer(
            "".join(texts[start:stop]).encode("utf-32-le", "surrogatepass"), np.uint32
        )
        present, numbers = np.unique(codes, return_inverse=True)
        classes = [columns.setdefault(class_of(chr(c)), len(columns)) for c in present.tolist()]
        cells = np.repeat(np.arange(stop - start) * 256, sizes[start:stop])
        cells += np.array([*classes, 0])[numbers]
        pieces.append(np.bincount(cells, minlength=256 * (stop - start)).reshape(-1, 256))
        pieces[-1] = pieces[-1][:, : len(columns)]
        start = stop
    counts = np.zeros((len(texts), len(columns)), np.int64)
    at = 0
    for piece in pieces:
        counts[at : at + len(piece), : piece.shape[1]] = piece
        at += len(piece)
    return counts, list(columns)[3:]


def _say_damaged(texts: list[str], counts: np.ndarray, why: list[list[str]]) -> None:
    for row in np.flatnonzero(counts[:, DAMAGED]).tolist():
        signs = dict.fromkeys(s for s in texts[row] if class_of(s) == "damaged")
        shown = ", ".join(f"U+{ord(sign):04X}" for sign in list(signs)[:3])
        why[row].append(f"control characters or damage: {shown}")
    for row, text in enumerate(texts):
        if not text.isascii() and (garbled := _garbled(text)):
            why[row].append(f"looks read in a wrong encoding: {garbled!r}")


def _garbled(text: str) -> str:
    """Return a piece of a text that looks read in a wrong encoding, or nothing."""
    for found in _WESTERN.finditer(text):
        for encoding in ("cp1252", "latin-1"):
            try:
                found[0].encode(encoding).decode()
            except UnicodeError:
                continue
            return found[0][:12]
    return next((sign for sign in _CHINESE if sign in text), "")


def _say_lengths(lengths: np.ndarray, counts: np.ndarray, why: list[list[str]]) -> None:
    """Say which texts are empty, and which are much longer than the others."""
    for row in np.flatnonzero(lengths == counts[:, SPACE]).tolist():
        why[row].append("empty")
    filled = lengths[lengths > counts[:, SPACE]]
    if filled.size < LEAST_ROWS:
        return
    low, middle, high = np.quantile(np.log(filled), (0.25, 0.5, 0.75))
    fence = np.exp(high + FENCES * max(high - low, LEAST_SPREAD))
    for row in np.flatnonzero(lengths > fence).tolist():
        why[row].append(
            f"{lengths[row]} characters; half of the rows have up to {np.exp(middle):.0f}"
        )


def _say_scripts(counts: np.ndarray, scripts: list[str], why: list[list[str]]) -> None:
    """Say which texts are in another script than most, or hardly have letters."""
    letters = counts[:, 3:].sum(axis=1)
    signs = counts[:, SIGN]
    is_bare = (letters + signs >= LEAST_SIGNS) & (letters < FEW_LETTERS * (letters + signs))
    if 0 < is_bare.sum() <= MOST_ODD * max(len(counts), LEAST_ROWS):
        for row in np.flatnonzero(is_bare).tolist():
            why[row].append("mostly digits and signs")
    has = letters > 0
    if not scripts or np.count_nonzero(has) < LEAST_ROWS:
        return
    main = counts[:, 3:].argmax(axis=1)
    n_rows = np.bincount(main[has & ~is_bare], minlength=len(scripts))
    usual = int(n_rows.argmax())
    if n_rows[usual] < MAIN_SHARE * n_rows.sum():
        return
    rare = n_rows <= MOST_ODD * n_rows.sum()
    for row in np.flatnonzero(has & ~is_bare & rare[main]).tolist():
        why[row].append(
            f"{_said(scripts[main[row]])} letters; most rows have {_said(scripts[usual])}"
        )


def _said(script: str) -> str:
    return "Chinese" if script == "CJK" else script.capitalize()


def _say_labels(rows: Rows, why: list[list[str]]) -> None:
    """Say which rows have a label with blanks around it or with signs that are not seen."""
    strange = {
        name for name in rows.labels.names
        if name != name.strip() or any(class_of(sign) == "damaged" for sign in name)
    }  # fmt: skip
    if strange:
        for row, names in enumerate(rows.named):
            bad = [name for name in names if name in strange]
            if bad:
                why[row].insert(0, f"label {bad[0]!r} has blanks around it, or control characters")


def same_names(names: list[str]) -> Iterator[Finding]:
    """Yield labels whose names differ in case, width or blanks alone."""
    forms: dict[str, list[str]] = {}
    for name in names:
        forms.setdefault(normal_form(name), []).append(name)
    for several in forms.values():
        if len(several) > 1:
            yield Finding(
                "alike", None, tuple(several), why="the names differ in case, width or blanks alone"
            )
