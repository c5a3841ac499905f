"""How fasttext-lite and fastText scale: with labels, threads, rows and dimensions.

Synthetic labelled texts, every point of a curve in processes of its own, both programs in turn.
README.md in this folder says what is measured and how.  Only the standard library is imported
here: Linux counts a parent's memory to its child's peak.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import tools
from bench.tools import FASTTEXT, MANY_LABELS, UsageError, measure, stage, table

# Points of each curve; a quick run takes those before the bar.
CURVES: dict[str, tuple[list[int], list[int]]] = {
    "labels": ([10, 100, 1000, 10_000, 100_000], [1_000_000]),
    "threads": ([1, 2], []),  # and on in powers of two to the number of processors
    "rows": ([10_000, 30_000, 100_000], [300_000, 1_000_000]),
    "dim": ([16, 64, 256], [32, 128]),
}
ROWS, QUICK_ROWS = 200_000, 50_000
ROWS_PER_LABEL = 2  # at least
LABELS = 1000  # where another thing varies
TEST_ROWS = 20_000
SOFTMAX_TO, FASTTEXT_SOFTMAX_TO = 10_000, 1000  # labels; above, a softmax takes too long

# Title, package, settings; whether the loss is a softmax over all labels.
DEFAULT, HS = "fasttext-lite", "fasttext-lite, hs"
RUNS: dict[str, tuple[str, Any, bool]] = {
    DEFAULT: ("lite", [], False),
    HS: ("lite", ["--loss=hs"], False),
    "fasttext-lite, softmax": ("lite", ["--loss=softmax"], True),
    "fastText, hs": ("fasttext", {**FASTTEXT, "loss": "hs"}, False),
    "fastText, softmax": ("fasttext", {**FASTTEXT, "loss": "softmax"}, True),
}
# Key, title, format, unit.
COLUMNS = (
    ("accuracy", "accuracy", "{:.3f}", 1),
    ("train_process_seconds", "training, s", "{:.2f}", 1),
    ("train_cpu_seconds", "CPU s", "{:.2f}", 1),
    ("rows_per_second", "rows/s", "{:,.0f}", 1),
    ("predict_microseconds", "µs/text", "{:.1f}", 1),
    ("train_peak_memory", "training peak MB", "{:,.0f}", 1e6),
    ("model_bytes", "model MB", "{:,.1f}", 1e6),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the curves and print them; return 0, 1 (a run failed) or 2 (bad usage)."""
    try:
        options = parse(argv)
    except UsageError as error:
        print(f"bench.scaling: {error}", file=sys.stderr)
        return 2
    about = {**tools.about_machine(), "fastText": tools.words(FASTTEXT)}
    kept: dict[str, list[dict[str, Any]]] = {}
    if options.add:
        kept = json.loads(Path(options.json).read_text(encoding="utf-8"))["curves"]
    report = {"about": about, "curves": kept}
    print(tools.heading("Scaling", about))
    failed, warmed = False, set[str]()
    for name in options.only:
        values, points = points_of(name, options), []
        for value in values:
            with tempfile.TemporaryDirectory(prefix="scaling-", dir=options.work_dir) as work:
                points += measure_point(name, value, options, Path(work).resolve(), warmed)
            done = [(point["run"], point["x"]) for point in points]
            other = [p for p in kept.get(name, []) if (p["run"], p["x"]) not in done]
            kept[name] = sorted(other + points, key=lambda point: point["x"])
            tools.write_json(options.json, report)  # an interrupted run keeps what it has
        points = kept.get(name, [])
        failed = failed or any("error" in point for point in points)
        print(section(name, points), flush=True)
    return int(failed)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    add = parser.add_argument
    add("--only", default=",".join(CURVES), help="curves joined by commas; default %(default)s")
    add("--runs", default=";".join(RUNS), help="names joined by semicolons; default %(default)s")
    add("--points", help="values joined by commas, instead of a curve's own")
    add("--quick", action="store_true", help="fewer points, a quarter of the rows")
    add("--threads", type=int, default=2, help="where nothing else is said; default 2")
    add("--repeat", type=int, default=1, help="rounds, programs in turn; medians are printed")
    add("--json", metavar="FILE", help="write everything as one JSON object")
    add("--add", action="store_true", help="keep the other points of the JSON file")
    add("--work-dir", metavar="DIR", help="for temporary files (fastText's model takes 1 GB)")
    options = parser.parse_args(argv)
    options.only = tools.choose("--only", options.only, CURVES)
    options.runs = tools.choose("--runs", options.runs, RUNS, ";")
    try:
        values = [int(x) for x in options.points.split(",")] if options.points else []
    except ValueError:
        values = [0]
    if min(*values, options.threads, options.repeat, 1) < 1:
        raise UsageError("--points, --threads and --repeat must be whole numbers from 1")
    options.points = values
    tools.check_folders(options.work_dir, files=[options.json])
    if options.add and not (options.json and Path(options.json).is_file()):
        raise UsageError("--add needs --json and a file there")
    return options


def points_of(name: str, options: argparse.Namespace) -> list[int]:
    """Return the values of a curve's points."""
    if options.points:
        return options.points
    quick, more = CURVES[name]
    if name == "threads":
        n = tools.n_usable_cores()
        more = [2**i for i in range(2, 10) if 2**i < n] + [n] * (n > 2)
    return sorted(quick + more * (not options.quick))


def measure_point(
    name: str, value: int, options: argparse.Namespace, work: Path, warmed: set[str]
) -> list[dict[str, Any]]:
    """Return what each run gave at one point of a curve.

    Parameters
    ----------
    name, value
        Curve and what varies on it.
    options : argparse.Namespace
    work : Path
        Empty folder for files.
    warmed : set of str
        Names of runs whose compiled code is in the cache already; grows.
    """
    shape = {"labels": LABELS, "threads": options.threads, "rows": 0, name: value}
    rows = QUICK_ROWS if options.quick else ROWS
    shape["rows"] = shape["rows"] or max(rows, ROWS_PER_LABEL * shape["labels"])
    # The same settings are chosen for all above `MANY_LABELS` labels.
    few = {**shape, "labels": min(shape["labels"], MANY_LABELS + 100), "rows": 5000}
    small = work / "small"
    small.mkdir()
    for folder, size in ((small, few), (work, shape)):
        job = {"package": "synthetic", "test_rows": TEST_ROWS, "work": str(folder), **size}
        done = stage("synthesize", job, folder)
        if "error" in done:
            return [{"run": "-", "x": value, **shape, "error": done["error"]}]
    jobs = {}
    for run in options.runs:
        package, settings, is_softmax = RUNS[run]
        most = {"lite": SOFTMAX_TO, "fasttext": FASTTEXT_SOFTMAX_TO}[package]
        if is_softmax and shape["labels"] > most:
            continue
        job = {"package": package, "settings": settings, "threads": shape["threads"]}
        if "dim" in shape and package == "lite":
            job["settings"] = [*settings, f"--dim={shape['dim']}"]
        elif "dim" in shape:
            job["settings"] = {**settings, "dim": shape["dim"]}
        jobs[run] = {**job, **files(work, package)}
        key = f"{run}, {few['labels']} labels"
        if package == "lite" and key not in warmed:
            warmed.add(key)
            measure({**job, **files(small, package)}, small)
    rounds: dict[str, list[dict[str, Any]]] = {run: [] for run in jobs}
    for _ in range(options.repeat):
        for run, job in jobs.items():
            others = rounds.get(DEFAULT, [])
            if run == HS and others and others[-1].get("config", {}).get("loss") == "hs":
                rounds[run].append(others[-1])  # the same settings: measured once
                continue
            print(f"bench.scaling: {name} {value:,}: {run}", file=sys.stderr, flush=True)
            rounds[run].append(measure(job, work))
    return [{"run": run, "x": value, **shape, **medians(rounds[run], shape)} for run in jobs]


def medians(rounds: list[dict[str, Any]], shape: dict[str, int]) -> dict[str, Any]:
    """Return the medians of the figures of all rounds, or the first error."""
    errors = [values for values in rounds if "error" in values]
    if errors:
        return errors[0]
    for values in rounds:
        values["rows_per_second"] = shape["rows"] / values["train_process_seconds"]
        values["predict_microseconds"] = 1e6 / values["rate"]
    return {
        key: statistics.median(values[key] for values in rounds)
        if isinstance(value, int | float)
        else value
        for key, value in rounds[0].items()
    }


def files(folder: Path, package: str) -> dict[str, str]:
    """Return the names of a job's files."""
    train = {"lite": "train.tsv", "fasttext": "train.ft"}[package]
    return {
        "train": str(folder / train),
        "texts": str(folder / "texts.txt"),
        "model": str(folder / "model"),
    }


# -- printing --------------------------------------------------------------------------------


def cells(point: dict[str, Any]) -> list[str]:
    """Return the printed figures; "-" for what an older file lacks."""
    return [
        form.format(point[key] / unit) if key in point else "-" for key, _, form, unit in COLUMNS
    ]


def section(name: str, points: list[dict[str, Any]]) -> str:
    """Return the Markdown of one curve."""
    good = [point for point in points if "error" not in point]
    titles = [name, "run", *(title for _, title, *_ in COLUMNS)]
    rows = [[f"{point['x']:,}", point["run"], *cells(point)] for point in good]
    fixed = [key for key in ("labels", "threads", "rows") if key != name]
    said = [
        f"{key} {' to '.join(f'{x:,}' for x in sorted({min(all_), max(all_)}))}"
        for key in fixed
        if (all_ := [p[key] for p in points])
    ]
    lines = ["", f"## {name}", "", f"{', '.join(said)}.", "", *table(titles, rows)]
    for point in points:
        if "error" in point:
            lines += ["", f"{point['run']} at {point['x']:,} failed: {point['error']}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
