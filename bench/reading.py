"""How fast files are read: MB/s of the reader that all commands share, format by format.

A data set is written in each format and read several times in a process of its own; the best time
counts.  With ``--against DIR`` another checkout of the package reads the same files in turn with
this one.  Only the standard library is imported here.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import tools
from bench.tools import UsageError, table

LEAST_BYTES = 30_000_000  # of a file: rows are repeated until it has as many
TIMES = 5

# The first time is not counted: it compiles.
READ = """
import sys, time
from fasttext_lite.corpus.reader import CorpusReader
best, n = float("inf"), 0
for i in range(int(sys.argv[2]) + 1):
    start = time.perf_counter()
    n = sum(len(chunk) for chunk in CorpusReader(sys.argv[1]))
    best = min(best, time.perf_counter() - start) if i else best
print(best, n)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return 0, 1 (a run failed) or 2 (bad usage)."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", default=tools.data_dir(), metavar="DIR")
    parser.add_argument("--sets", default="", metavar="NAMES", help="joined by commas")
    parser.add_argument("--against", metavar="DIR", help="another checkout of the package")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    options = parser.parse_args(argv)
    try:
        tools.check_folders(options.data_dir, options.against)
        sets = tools.find_sets(options.data_dir, options.sets)
    except UsageError as error:
        print(f"bench.reading: {error}", file=sys.stderr)
        return 2
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for name, folder in sets.items():
            for form, path in written(folder / "train.tsv", Path(work)).items():
                rows.append([f"{name}, {form}", *measured(path, options)])
    titles = ["file", "MB", "MB/s"] + ["against, MB/s", "ratio"] * bool(options.against)
    print("\n".join(table(titles, rows)))
    return 0


def written(source: Path, work: Path) -> dict[str, Path]:
    """Return files of some megabytes with the rows of a data set, by format."""
    with source.open(encoding="utf-8", newline="\n") as file:
        pairs = [line.rstrip("\r\n").split("\t", 1) for line in file if "\t" in line]
    pairs *= max(1, LEAST_BYTES // source.stat().st_size)
    lines = {
        "tsv": (f"{label}\t{text}\n" for label, text in pairs),
        "fasttext": (f"__label__{label.replace(' ', '_')} {text}\n" for label, text in pairs),
        "jsonl": (
            json.dumps({"label": label, "text": text}, ensure_ascii=False) + "\n"
            for label, text in pairs
        ),
    }
    found = {}
    for form, content in lines.items():
        found[form] = work / f"{source.parent.name}.{form}"
        with found[form].open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(content)
    found["csv"] = work / f"{source.parent.name}.csv"
    with found["csv"].open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("label", "text"), *pairs])
    return found


def measured(path: Path, options: argparse.Namespace) -> list[str]:
    """Return size and speed of reading a file, and the speed of the other checkout."""
    places = [str(tools.ROOT)] + [os.path.abspath(options.against)] * bool(options.against)
    best = [float("inf")] * len(places)
    for _ in range(options.rounds):
        for i, place in enumerate(places):
            best[i] = min(best[i], seconds(path, place))
    size = path.stat().st_size / 1e6
    shown = [f"{size:.0f}", f"{size / best[0]:.0f}"]
    if len(best) > 1:
        shown += [f"{size / best[1]:.0f}", f"{best[1] / best[0]:.2f}"]
    return shown


def seconds(path: Path, place: str) -> float:
    """Return the best time in which the package of a checkout reads a file."""
    command = [sys.executable, "-c", READ, str(path), str(TIMES)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": place}, cwd="/", check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout.split()[0])


if __name__ == "__main__":
    sys.exit(main())
