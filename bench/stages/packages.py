"""A real set of very many labels: what a Debian package depends on, by its description.

    apt-cache dumpavail | python -m bench.stages.packages DIR
    python -m bench.extreme --set DIR

A text is a package's short description, the words of its name and its section; its labels are the
packages that it depends on (20 at most), by numbers.  A tenth, drawn at random, is the test part.
The files are those of `bench.stages.extreme`.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.stages.files import PREFIX, write_lines

MOST, SHARE = 20, 10  # labels of a text; a part in so many is the test part


def packages(dump: str) -> Iterator[tuple[list[str], str]]:
    """Yield the names that each package depends on, and its text; each name but once."""
    seen = set()
    for block in dump.split("\n\n"):
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, mark, value = line.partition(": ")
            if mark and not line.startswith(" "):
                fields.setdefault(name, value)
        own = fields.get("Package", "")
        if not own or own in seen:
            continue
        seen.add(own)
        needed = [
            re.split(r"[ (|:]", part.strip())[0] for part in fields.get("Depends", "").split(",")
        ]
        needed = [name for name in dict.fromkeys(needed) if name and name != own][:MOST]
        if needed:
            words = own.replace("-", " ")
            yield needed, f"{fields.get('Description', '')} {words} {fields.get('Section', '')}"


def write(dump: str, folder: Path) -> None:
    """Write the files of the set."""
    rows = list(packages(dump))
    random.Random(0).shuffle(rows)
    n_test = len(rows) // SHARE
    names = sorted({name for labels, _ in rows[n_test:] for name in labels})
    numbers = {name: i for i, name in enumerate(names)}
    counts = np.zeros(len(names), np.int64)
    for labels, _ in rows[n_test:]:
        counts[[numbers[name] for name in labels]] += 1
    known = [([numbers[x] for x in labels if x in numbers], text) for labels, text in rows]
    test = [(labels, text) for labels, text in known[:n_test] if labels]
    write_lines(folder / "train.ft", [_line(*row) for row in known[n_test:]])
    write_lines(folder / "test.ft", [_line(*row) for row in test])
    write_lines(folder / "texts.txt", [text for _, text in test])
    ids = [label for labels, _ in test for label in labels]
    indptr = np.cumsum([0, *(len(labels) for labels, _ in test)])
    np.savez(folder / "gold.npz", ids=ids, indptr=indptr, counts=counts)


def _line(labels: list[int], text: str) -> str:
    return "".join(f"{PREFIX}l{label} " for label in labels) + text


if __name__ == "__main__":
    write(sys.stdin.buffer.read().decode("utf-8", "replace"), Path(sys.argv[1]))
