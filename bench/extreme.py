"""Very many labels, several to a text: precision and propensity-scored precision, time, memory.

    python -m bench.extreme --labels 10000,100000 --json bench/results/extreme.json

A generated set like those of extreme classification for each number of labels (see
`bench.stages.extreme`), or ``--set DIR``, a folder with its files.  Every contender trains and
predicts in processes of its own, one after the other; the first time with a few texts, so that
compiled code is in its cache.  README.md in this folder says what is measured and how.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import tools
from bench.tools import FASTTEXT, UsageError, stage, table

MODULE = "bench.stages.extreme"
LABELS = (10_000, 100_000)
TEST_ROWS = 5000
WARM_LABELS = 2000


class Contender(NamedTuple):
    """What runs, and up to how many labels it is quick enough."""

    package: str
    settings: Any
    most_labels: int = 1 << 30


def _fasttext(most_labels: int = 1 << 30, **settings: Any) -> Contender:
    return Contender("fasttext", {**FASTTEXT, **settings}, most_labels)


RUNS = {
    "fasttext-lite, hs": Contender("lite", ["--loss=hs"]),
    "fasttext-lite, hs, words": Contender("lite", ["--loss=hs", "--maxn=0"]),
    "fasttext-lite, hs, words, Huffman": Contender(
        "lite", ["--loss=hs", "--maxn=0", "--tree=huffman"]
    ),
    "fasttext-lite, ns": Contender("lite", ["--loss=ns"], 40_000),
    "fasttext-lite, ova": Contender("lite", ["--loss=ova"], 10_000),
    "fastText, hs": _fasttext(loss="hs"),
    "fastText, hs, 25 epochs": _fasttext(200_000, loss="hs", epoch=25),
    "fastText, ns": _fasttext(10_000, loss="ns"),
    "fastText, ova": _fasttext(10_000, loss="ova"),
}
# Key, title, format, unit.
COLUMNS = (
    *((f"{name}{k}", f"{name.upper()}@{k}", "{:.2f}", 0.01) for name in ("p", "psp")
      for k in (1, 3, 5)),
    ("train_process_seconds", "training, s", "{:.1f}", 1),
    ("train_cpu_seconds", "CPU s", "{:.1f}", 1),
    ("train_peak_memory", "peak MB", "{:,.0f}", 1e6),
    ("load_seconds", "loading, s", "{:.2f}", 1),
    ("first_seconds", "first text, s", "{:.2f}", 1),
    ("predict_microseconds", "µs/text", "{:,.0f}", 1),
    ("predict_peak_memory", "predicting MB", "{:,.0f}", 1e6),
    ("model_bytes", "model MB", "{:,.0f}", 1e6),
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return 0, 1 (a run failed) or 2 (bad usage)."""
    try:
        options = parse(argv)
    except UsageError as error:
        print(f"bench.extreme: {error}", file=sys.stderr)
        return 2
    about = {**tools.about_machine(), "fastText": tools.words(FASTTEXT)}
    report: dict[str, Any] = {"about": about, "sets": []}
    if options.add:
        report["sets"] = json.loads(Path(options.json).read_text(encoding="utf-8"))["sets"]
    print(tools.heading("Very many labels", about))
    failed = False
    with tempfile.TemporaryDirectory(prefix="extreme-", dir=options.work_dir) as work:
        for source in [options.set] if options.set else options.labels:
            found = measure_set(source, options, Path(work).resolve())
            failed = failed or any("error" in run for run in found["runs"].values())
            same = [old for old in report["sets"] if old["set"] == found["set"]]
            for old in same:
                found["runs"] = {**old["runs"], **found["runs"]}
                report["sets"].remove(old)
            report["sets"].append(found)
            tools.write_json(options.json, report)  # an interrupted run keeps what it has
            print(section(found), flush=True)
    return int(failed)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(prog="python -m bench.extreme", description=__doc__)
    add = parser.add_argument
    add("--labels", default=",".join(map(str, LABELS)), help="numbers joined by commas")
    add("--texts-per-label", type=float, default=1.0, help="of a generated set; default 1")
    add("--test-rows", type=int, default=TEST_ROWS, help="of a generated set")
    add("--set", metavar="DIR", help="a folder with train.ft, texts.txt and gold.npz instead")
    add("--runs", default=";".join(RUNS), help="names joined by semicolons; default %(default)s")
    add("--threads", type=int, default=2, help="of training; default 2")
    add("--json", metavar="FILE", help="write everything as one JSON object")
    add("--add", action="store_true", help="keep what else is in the JSON file")
    add("--work-dir", metavar="DIR", help="for temporary files")
    options = parser.parse_args(argv)
    options.runs = tools.choose("--runs", options.runs, RUNS, ";")
    try:
        options.labels = [int(x) for x in tools.split_names(options.labels)]
    except ValueError:
        options.labels = []
    least = min([*options.labels, options.test_rows, options.threads], default=0)
    if not options.labels or least < 1 or not options.texts_per_label > 0:
        raise UsageError(
            "--labels, --test-rows and --threads must be whole numbers from 1, and "
            "--texts-per-label above 0"
        )
    tools.check_folders(options.work_dir, options.set, files=[options.json])
    if options.add and not (options.json and Path(options.json).is_file()):
        raise UsageError("--add needs --json and a file there")
    return options


def measure_set(source: str | int, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Return what all contenders gave on a set: a folder, or a number of labels."""
    folder, small = work / "set", work / "small"
    for each in (folder, small):
        each.mkdir(exist_ok=True)
    made = {"package": "extreme", "threads": 1}
    few = {**made, "folder": str(small), "labels": WARM_LABELS, "rows": 3000, "test_rows": 100}
    about = stage("synthesize", few, work, MODULE)
    if isinstance(source, int):
        rows = max(round(options.texts_per_label * source), 100)
        job = {**made, "labels": source, "rows": rows, "test_rows": options.test_rows}
        about = stage("synthesize", {**job, "folder": str(folder)}, work, MODULE)
        name = f"{source:,} labels, {rows:,} texts"
    else:
        folder, name = Path(source).resolve(), Path(source).resolve().name
        about = stage("describe", {**made, "folder": str(folder)}, work, MODULE)
    found: dict[str, Any] = {"set": name, **about, "runs": {}}
    if "error" in about:
        return {**found, "runs": {"-": {"error": about["error"]}}}
    for run in options.runs:
        contender = RUNS[run]
        if about["n_labels"] > contender.most_labels:
            continue
        print(f"bench.extreme: {name}: {run}", file=sys.stderr, flush=True)
        job = {
            "package": contender.package, "settings": contender.settings,
            "threads": options.threads,
        }  # fmt: skip
        if contender.package == "lite":
            measure(job, small, work)
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        found["runs"][run] = {**measure(job, folder, work), "load": load}
    return found


def measure(job: dict[str, Any], folder: Path, work: Path) -> dict[str, Any]:
    """Train and predict once with the files of a folder; return what was measured."""
    names = {"train": "train.ft", "texts": "texts.txt", "gold": "gold.npz"}
    job = {**job, **{key: str(folder / name) for key, name in names.items()}}
    return tools.measure({**job, "model": str(work / "model")}, work, MODULE)


def cells(values: dict[str, Any]) -> list[str]:
    """Return the printed figures of a run; empty for what was not measured."""
    shown = [
        form.format(values[key] / unit) if key in values else "" for key, _, form, unit in COLUMNS
    ]
    return [*shown, f"{values['load']:.1f}" if "load" in values else ""]


def section(found: dict[str, Any]) -> str:
    """Return the Markdown of one set."""
    keys = ("n_train", "n_test", "n_labels", "labels_per_text", "texts_per_label", "median_texts")
    said = [f"{key.replace('_', ' ')} {found[key]:,.6g}" for key in keys if key in found]
    titles = ["run", *(title for _, title, *_ in COLUMNS), "load"]
    rows = []
    for run, values in found["runs"].items():
        if "error" not in values:
            rows.append([run, *cells(values)])
            beams = values.get("beams", {}).items()
            rows += [[f"- beam {width}", *cells(of_beam)] for width, of_beam in beams]
    lines = ["", f"## {found['set']}", "", f"{', '.join(said)}.", "", *table(titles, rows)]
    for run, values in found["runs"].items():
        if "error" in values:
            lines += ["", f"{run} failed: {values['error']}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
