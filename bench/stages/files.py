"""Labelled files as the peers want them, and what a stage reports."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from pathlib import Path

PREFIX = "__label__"


def peak_memory() -> int:
    """Return the largest resident size of this process so far, in bytes."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = max(peak, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)  # a program's
    return peak if sys.platform == "darwin" else peak * 1024


def read_lines(path: str) -> list[str]:
    """Read the lines of a UTF-8 file, cut at line feeds alone."""
    return Path(path).read_bytes().decode("utf-8", "surrogatepass").split("\n")[:-1]


def write_lines(path: str | Path, lines: list[str]) -> None:
    """Write lines as UTF-8."""
    Path(path).write_bytes("".join(f"{x}\n" for x in lines).encode("utf-8", "surrogatepass"))


def score(found: list[str], gold: list[set[str]]) -> tuple[float, float]:
    """Return accuracy and macro-F1 of one predicted label for each text.

    Any of a text's true labels is right. Macro-F1 is the mean over the labels that occur in
    the test data or in the predictions.
    """
    hits = Counter(name for name, true in zip(found, gold, strict=True) if name in true)
    total = Counter(itertools.chain(found, *gold))
    f1 = [2 * hits[name] / count for name, count in total.items()]
    return hits.total() / len(found), sum(f1) / len(f1)
