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
LEAST_SIGNS, FEW_LETTERS = 4, 0.3  # of characters, and of words and runs of signs
MOST_USUAL = 0.1  # share of words in the usual script of rows that are in another one
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
_BY_CHARACTER = ("CJK", "KANA")  # scripts of which each character counts as a word
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
    counts, words, scripts = _counts(rows.strings)
    lengths = counts.sum(axis=1)
    why: list[list[str]] = [[] for _ in range(len(rows))]
    _say_damaged(rows.strings, counts, why)
    _say_lengths(lengths, counts, why)
    is_bad = [bool(reasons) for reasons in why]  # what follows may be as it is meant
    _say_scripts(counts, words, scripts, why)
    _say_labels(rows, why)
    return [
        Finding(
            "odd", rows.place(row), rows.named[row], why="; ".join(reasons),
            action=DROP if is_bad[row] else KEEP,
        )
        for row, reasons in enumerate(why) if reasons
    ]  # fmt: skip


def _counts(texts: list[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return how many characters and words of each class texts have.

    Returns
    -------
    counts, words : int64[n_texts, 3 + n_scripts]
        A word is what stands together of a class: letters of a script, or signs; in Chinese and
        Japanese, which put no blanks between words, each character.
    scripts : list of str
        Names of the last columns.
    """
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    ends = np.cumsum(sizes)
    columns = {" ": SPACE, "sign": SIGN, "damaged": DAMAGED}
    pieces: list[np.ndarray] = []
    start = 0
    while start < len(texts):
        before = ends[start] - sizes[start]
        stop = max(int(np.searchsorted(ends, before + PIECE, "right")), start + 1)
        codes = np.frombuffer(
            "".join(texts[start:stop]).encode("utf-32-le", "surrogatepass"), np.uint32
        )
        present, numbers = np.unique(codes, return_inverse=True)
        classes = [columns.setdefault(class_of(chr(c)), len(columns)) for c in present.tolist()]
        of_signs = np.array([*classes, 0])[numbers]
        cells = np.repeat(np.arange(stop - start) * len(columns), sizes[start:stop]) + of_signs
        begins = np.isin(of_signs, [columns[each] for each in _BY_CHARACTER if each in columns])
        begins[:1] = True
        begins[1:] |= cells[1:] != cells[:-1]  # another class, or another text
        shape = 2, stop - start, len(columns)
        both = [np.bincount(each, minlength=shape[1] * shape[2]) for each in (cells, cells[begins])]
        pieces.append(np.reshape(both, shape))
        start = stop
    found = np.zeros((2, len(texts), len(columns)), np.int64)
    at = 0
    for piece in pieces:
        found[:, at : at + piece.shape[1], : piece.shape[2]] = piece
        at += piece.shape[1]
    return found[0], found[1], list(columns)[3:]


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


def _say_scripts(
    counts: np.ndarray, words: np.ndarray, scripts: list[str], why: list[list[str]]
) -> None:
    """Say which texts are in another script than most, or hardly have letters."""
    letters, signs = counts[:, 3:].sum(axis=1), counts[:, SIGN]
    n_words, n_signs = words[:, 3:].sum(axis=1), words[:, SIGN]
    is_bare = (letters + signs >= LEAST_SIGNS) & (letters < FEW_LETTERS * (letters + signs))
    is_bare &= n_words < FEW_LETTERS * (n_words + n_signs)
    if 0 < is_bare.sum() <= MOST_ODD * max(len(counts), LEAST_ROWS):
        for row in np.flatnonzero(is_bare).tolist():
            why[row].append("mostly digits and signs")
    has = letters > 0
    if not scripts or np.count_nonzero(has) < LEAST_ROWS:
        return
    main = words[:, 3:].argmax(axis=1)
    n_rows = np.bincount(main[has & ~is_bare], minlength=len(scripts))
    usual = int(n_rows.argmax())
    if n_rows[usual] < MAIN_SHARE * n_rows.sum():
        return
    is_other = words[:, 3 + usual] < MOST_USUAL * n_words
    rare = n_rows <= MOST_ODD * n_rows.sum()
    for row in np.flatnonzero(is_other & has & ~is_bare & rare[main]).tolist():
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
