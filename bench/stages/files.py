"""What stages share: labelled files as the peers want them, scores, memory.

Only the standard library is imported here: a stage's own imports are in its time.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

PREFIX = "__label__"

# fastText's labels end at a space; a label with spaces gets this character instead.
LABEL_SPACE = "\u2581"


# -- lines -----------------------------------------------------------------------------------


def read_lines(path: str | Path) -> list[str]:
    """Read the lines of a UTF-8 file, cut at line feeds alone."""
    lines = Path(path).read_bytes().decode("utf-8", "surrogatepass").split("\n")
    return lines if lines[-1] else lines[:-1]


def write_lines(path: str | Path, lines: Sequence[str]) -> None:
    """Write lines as UTF-8."""
    Path(path).write_bytes("".join(f"{x}\n" for x in lines).encode("utf-8", "surrogatepass"))


# -- labels and texts ------------------------------------------------------------------------


def read_labelled(path: str | Path) -> list[tuple[str, str]]:
    """Return label and text of each line of a file of ``label<TAB>text``."""
    parts = (line.partition("\t") for line in read_lines(path))
    return [(label.strip(), text) for label, _, text in parts]


def complete(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the rows that have a label and a text, as fasttext-lite trains on them."""
    return [(label, text) for label, text in rows if label and text.strip()]


def rarest(labels: Iterable[str]) -> str:
    """Return the label that occurs least often, the first by name of several."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (counts[label], label))


def to_fasttext(labels: Collection[str], text: str) -> str:
    """Return a line of fastText's file."""
    return "".join(PREFIX + re.sub(r"\s", LABEL_SPACE, label) + " " for label in labels) + text


def from_fasttext(label: str) -> str:
    """Return a label as it was before `to_fasttext`."""
    return label.removeprefix(PREFIX).replace(LABEL_SPACE, " ")


# -- scores ----------------------------------------------------------------------------------


def accuracy(found: Sequence[str], gold: Sequence[Collection[str]]) -> float:
    """Return the share of texts whose one predicted label is among their true ones."""
    return sum(name in true for name, true in zip(found, gold, strict=True)) / len(found)


def macro_f1(found: Sequence[str], gold: Sequence[Collection[str]]) -> float:
    """Return the mean F1 over the labels that occur in the test data or in the predictions."""
    hits = Counter(name for name, true in zip(found, gold, strict=True) if name in true)
    total = Counter(itertools.chain(found, *gold))
    return sum(2 * hits[name] / count for name, count in total.items()) / len(total)


def average_precision(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """Return the mean precision at the texts that have a label, those of the same score together.

    Parameters
    ----------
    scores : sequence of float
        How sure it is that each text has the label: the order is what counts.
    right : sequence of bool
        Whether it has.

    Returns
    -------
    float or None
        None if no text has it.
    """
    counts: dict[float, list[int]] = {}
    for value, true in zip(scores, right, strict=True):
        count = counts.setdefault(value, [0, 0])
        count[0] += 1
        count[1] += true
    n = hits = 0
    total = 0.0
    for value in sorted(counts, reverse=True):
        n, hits = n + counts[value][0], hits + counts[value][1]
        total += counts[value][1] * hits / n
    return total / hits if hits else None


def score(output: str | Path, gold: str | Path) -> dict[str, float]:
    """Return accuracy and macro-F1 of a file of labels against one of true labels.

    A line of `gold` has all labels of a text, with tabs between; any of them is right.
    """
    found, true = read_lines(output), [set(line.split("\t")) for line in read_lines(gold)]
    return {"accuracy": accuracy(found, true), "macro_f1": macro_f1(found, true)}


# -- memory ----------------------------------------------------------------------------------


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
