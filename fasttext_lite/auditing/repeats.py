"""Findings about texts that come more than once: duplicates, leaks and contradictions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fasttext_lite.auditing.duplicates import Alike
from fasttext_lite.auditing.findings import DROP, KEEP, RELABEL, Finding
from fasttext_lite.auditing.rows import Rows


def repeats(rows: Rows, alike: Alike) -> Iterator[Finding]:
    """Yield the findings about texts that come more than once, in the order of the rows.

    Parameters
    ----------
    rows : Rows
    alike : Alike
        Of their texts.
    """
    yield from _same(rows, alike)
    yield from _near(rows, alike)


def _same(rows: Rows, alike: Alike) -> Iterator[Finding]:
    """Yield findings about texts that are the same."""
    order = np.argsort(alike.same, kind="stable")
    firsts = alike.same[order]
    begins = np.flatnonzero(np.append(True, firsts[1:] != firsts[:-1])) if firsts.size else firsts
    ends = np.append(begins[1:], firsts.size)
    several = ends - begins > 1
    for begin, end in zip(begins[several].tolist(), ends[several].tolist(), strict=True):
        group = order[begin:end]
        yield from _leaks_and_duplicates(rows, group)
        sets = rows.label_sets[group]
        if (sets != sets[0]).any():
            yield from _contradictions(rows, group, sets)


def _leaks_and_duplicates(rows: Rows, group: np.ndarray) -> Iterator[Finding]:
    """Yield findings about the rows, ascending, of one text."""
    in_part: dict[int, int] = {}  # the first row of each part
    of_labels: dict[tuple[int, int], int] = {}  # the same of each set of labels
    for row in group.tolist():
        part, labels = int(rows.parts[row]), int(rows.label_sets[row])
        elsewhere = [first for other, first in in_part.items() if other != part]
        if elsewhere:
            yield Finding(
                "leaks", rows.place(row), rows.named[row], why="the same text",
                others=rows.places(elsewhere), action=DROP,
            )  # fmt: skip
        before = of_labels.setdefault((part, labels), row)
        if before != row:
            yield Finding(
                "duplicates", rows.place(row), rows.named[row], why="the same text and labels",
                others=rows.places([before]), action=DROP,
            )  # fmt: skip
        in_part.setdefault(part, row)


def _contradictions(rows: Rows, group: np.ndarray, sets: np.ndarray) -> Iterator[Finding]:
    """Yield findings about the rows of one text that have not all the same labels.

    Those that most of them have are proposed; where none are, nothing tells which are right.
    """
    numbers, first, counts = np.unique(sets, return_index=True, return_counts=True)
    usual = int(counts.argmax())
    is_clear = int((counts == counts[usual]).sum()) == 1
    for row, labels in zip(group.tolist(), sets.tolist(), strict=True):
        if is_clear and labels == numbers[usual]:
            continue
        others = group[sets != labels]
        proposed = rows.named[group[first[usual]]] if is_clear else ()
        n = int(counts[usual])
        why = f"{n} of {group.size} rows of this text have other labels: the same ones"
        if not is_clear:
            why = f"{others.size} of {group.size} rows of this text have other labels"
        yield Finding(
            "contradictions", rows.place(row), rows.named[row], proposed,
            score=n / group.size if is_clear else 0.5, why=why,
            others=rows.places(others), action=RELABEL if proposed else DROP,
        )  # fmt: skip


def _near(rows: Rows, alike: Alike) -> Iterator[Finding]:
    """Yield findings about texts that are nearly the same: of each row with the likest before."""
    order = np.lexsort((-alike.similarity, alike.one))
    told: set[tuple[int, str]] = set()
    for k in order.tolist():
        row, other = int(alike.one[k]), int(alike.other[k])
        score = round(float(alike.similarity[k]), 4)
        kind, action = "near", DROP
        if rows.parts[row] != rows.parts[other]:
            kind = "leaks"
        elif rows.label_sets[row] != rows.label_sets[other]:
            kind, action = "contradictions", KEEP
        if (row, kind) not in told:
            told.add((row, kind))
            yield Finding(
                kind, rows.place(row), rows.named[row], score=score, why="nearly the same text",
                others=rows.places([other]), action=action,
            )  # fmt: skip
