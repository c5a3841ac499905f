"""Size, memory and accuracy on long documents: texts of a label joined with texts of any label.

The documents are made of splits of a training file, so that settings can be chosen by them.
README.md in this folder says how.  Only the standard library is imported here: Linux counts a
parent's memory to its child's peak.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import tools, variants
from bench.stages import files
from bench.tools import FASTTEXT, UsageError, measure, stage, table
from bench.variants import Row

# Title: package, settings.
RUNS: dict[str, tuple[str, Any]] = {
    "fasttext-lite": ("lite", []),
    "fasttext-lite, all features": ("lite", ["--max-features", "0"]),
    "fastText": ("fasttext", FASTTEXT),
}
# Key, title, format, unit, over splits.
COLUMNS = (
    ("accuracy", "accuracy", "{:.4f}", 1, statistics.mean),
    ("model_bytes", "model MB", "{:,.1f}", 1e6, max),
    ("train_peak_memory", "training peak MB", "{:,.0f}", 1e6, max),
    ("train_process_seconds", "training s", "{:.1f}", 1, statistics.median),
)
HELD_OUT = 5  # one row in so many


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return 0, 1 (a run failed) or 2 (bad usage)."""
    try:
        options = parse(argv)
        sets = tools.find_sets(options.data_dir, options.sets)
    except UsageError as error:
        print(f"bench.long_documents: {error}", file=sys.stderr)
        return 2
    about = {**tools.about_machine(), "fastText": tools.words(FASTTEXT)}
    about["documents"] = f"{options.own} texts of a label and {options.other} of any"
    print(tools.heading("Long documents", about))
    report: dict[str, Any] = {"about": about, "sets": {}}
    for name, folder in sets.items():
        report["sets"][name] = measure_set(name, folder, options)
        tools.write_json(options.json, report)
        print(section(name, report["sets"][name]), flush=True)
    splits = [split for each in report["sets"].values() for split in each]
    return int(any("error" in run for split in splits for run in split["runs"].values()))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(prog="python -m bench.long_documents", description=__doc__)
    add = parser.add_argument
    add("--data-dir", default=tools.data_dir(), metavar="DIR", help="with NAME/train.tsv")
    add("--sets", default="", help="names joined by commas; default: all in the folder")
    add("--runs", default=";".join(RUNS), help="joined by semicolons; default %(default)s")
    add("--own", type=int, default=30, help="texts of its label in a document; default 30")
    add("--other", type=int, default=90, help="texts of any label in a document; default 90")
    add("--splits", type=int, default=3, help="of the training file, 80/20; default 3")
    add("--threads", type=int, default=1, help="default 1")
    add("--json", metavar="FILE", help="write everything as one JSON object")
    add("--work-dir", metavar="DIR", help="for temporary files (fastText's model takes 1 GB)")
    options = parser.parse_args(argv)
    options.runs = tools.choose("--runs", options.runs, RUNS, ";")
    if min(options.own, options.other + 1, options.splits, options.threads) < 1:
        raise UsageError("--own, --splits and --threads must be at least 1, --other at least 0")
    tools.check_folders(options.work_dir, files=[options.json])
    return options


# -- documents -------------------------------------------------------------------------------


def write_split(rows: list[Row], folder: Path, options: argparse.Namespace, seed: int) -> None:
    """Write train.tsv and test.tsv of one split; no text is in both."""
    rng = random.Random(seed)
    rows = rng.sample(rows, len(rows))
    edge = len(rows) // HELD_OUT
    for part, chosen in (("test", rows[:edge]), ("train", rows[edge:])):
        documents = variants.join(chosen, options.own, options.other, rng)
        lines = [f"{label}\t{text}" for label, text in documents]
        files.write_lines(folder / f"{part}.tsv", lines)


# -- running ---------------------------------------------------------------------------------


def measure_set(name: str, folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return what each run gave on each split of a data set."""
    rows, splits = files.complete(files.read_labelled(folder / "train.tsv")), []
    for seed in range(1, options.splits + 1):
        with tempfile.TemporaryDirectory(prefix="long-", dir=options.work_dir) as temporary:
            work = Path(temporary).resolve()
            write_split(rows, work, options, seed)
            print(f"bench.long_documents: {name}, split {seed}", file=sys.stderr, flush=True)
            splits.append(measure_split(work, options))
    return splits


def measure_split(work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return what each run gave on the documents of a folder."""
    train, test = work / "train.tsv", work / "test.tsv"
    job = {"package": "lite", "multilabel": False, "threads": options.threads}
    about = stage("prepare", {**job, "train": str(train), "test": str(test)}, work)
    if "error" in about:
        return {"runs": {"-": about}}
    about["train_bytes"] = train.stat().st_size
    runs = {}
    for run in options.runs:
        package, settings = RUNS[run]
        end = "ft" if package == "fasttext" else "tsv"
        texts = "texts.ft" if package == "fasttext" else "texts.txt"
        paths = {"train": f"{work}/train.{end}", "texts": f"{work}/{texts}"}
        job = {**job, **paths, "package": package, "settings": settings, "model": f"{work}/model"}
        runs[run] = measure(job, work)
    return {**about, "runs": runs}


def section(name: str, splits: list[dict[str, Any]]) -> str:
    """Return the Markdown of one data set: over splits, as `COLUMNS` says."""
    errors = [
        f"{run}: {found['error']}"
        for split in splits
        for run, found in split["runs"].items()
        if "error" in found
    ]
    if errors:
        return "\n".join(["", f"## {name}", "", *errors])
    first = splits[0]
    size = f"{first['n_train']:,} documents, {first['train_bytes'] / 1e6:.1f} MB"
    rows = [
        [run, *(form.format(over(split["runs"][run][key] for split in splits) / unit)
                for key, _, form, unit, over in COLUMNS)]
        for run in first["runs"]
    ]  # fmt: skip
    titles = ["", *(title for _, title, *_ in COLUMNS)]
    return "\n".join(["", f"## {name}", "", f"{size}.", "", *table(titles, rows)])


if __name__ == "__main__":
    sys.exit(main())
