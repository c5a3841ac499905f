"""How many answers a model needs, by what is asked, and how long people wait between two texts.

``python -m bench.labelling`` labels the training files of some sets in step: the true labels
answer, and the model learns whenever a session's would.  Strategies: `random` (each question is
drawn at random), `uncertain` (the text with the least margin), and `ours` (as the command asks:
typical texts, uncertain ones, and a fifth at random).  All have the same model.  Accuracies are on
the test files.  Each run is a process of its own, one after another.  ``--wait`` answers questions
of a real session, files and threads and all, and times what lies between two texts.
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
from bench.tools import UsageError

STAGES = "bench.stages.labelling"
SETS = "thucnews,banking77,shopping_sentiment,hate_offensive"
STRATEGIES = {
    "random": "each question is drawn at random",
    "uncertain": "the text whose two likeliest labels are the nearest",
    "ours": "30 typical texts, then uncertain ones that lie apart; a fifth of all at random",
}
POINTS = (50, 100, 200, 300, 400, 500, 700, 1000)
HONEST = (100, 200, 500, 1000)
COLORS = {"random": "#000000", "uncertain": "#E69F00", "ours": "#0072B2"}  # of Okabe and Ito

Record = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print it; return 0, 1 (a run failed) or 2 (bad usage)."""
    try:
        options = parse(argv)
        sets = tools.find_sets(options.data_dir, options.sets)
        report = earlier(options)
    except UsageError as error:
        print(f"bench.labelling: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work_dir) as work:
        if options.wait:
            run_wait(sets, options, report, Path(work))
        else:
            run_sets(sets, options, report, Path(work))
    print("\n".join(printed(report)), flush=True)
    if options.plot:
        plot(report["runs"], options.plot)
    return int(any("error" in record for record in [*report["runs"], *report["waits"]]))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse and check the arguments."""
    parser = argparse.ArgumentParser(prog="python -m bench.labelling", description=__doc__)
    add = parser.add_argument
    add("--data-dir", default=tools.data_dir(), help="folder of NAME/train.tsv and NAME/test.tsv "
        "(default: the environment's FASTTEXT_LITE_DATA, else the bundled sets)")  # fmt: skip
    add("--sets", default=SETS, help="names joined by commas (default %(default)s)")
    add("--strategies", default=",".join(STRATEGIES), help="default %(default)s")
    add("--seeds", type=int, default=3, help="default %(default)s")
    add("--pool", type=int, default=20_000, help="texts of the training file, drawn at random; "
        "default %(default)s")  # fmt: skip
    add("--most", type=int, default=1000, help="answers; default %(default)s")
    add("--final", default="500,1000", help="numbers of answers at which the model of the end is "
        "trained, too, with the first seed (default %(default)s; 0 = never)")  # fmt: skip
    add("--held-out", type=int, default=0, metavar="N", help="measure on so many texts of the "
        "training file that are in no pool, not on the test file: to choose settings")  # fmt: skip
    add("--threads", type=int, default=1, help="default %(default)s")
    add("--wait", action="store_true", help="time a session in place of that")
    add("--texts", type=int, default=100_000, help="of that session; default %(default)s")
    add("--answers", type=int, default=200, help="of that session; default %(default)s")
    add("--think", type=float, default=0.3, help="seconds that the person thinks; default "
        "%(default)s")  # fmt: skip
    add("--words", default="e", help="to search for in it; default %(default)s")
    add("--output", metavar="FILE", help="write everything as one JSON object, after each run; "
        "what it has already is kept")  # fmt: skip
    add("--plot", metavar="FILE", help="draw the curves (matplotlib): .png, .svg or .pdf")
    add("--work-dir", metavar="DIR", help="for temporary files")
    options = parser.parse_args(argv)
    options.strategies = tools.choose("--strategies", options.strategies, STRATEGIES)
    for name in ("seeds", "pool", "most", "threads", "texts", "answers"):
        if getattr(options, name) < 1:
            raise UsageError(f"--{name} must be at least 1")
    options.final = [int(each) for each in tools.split_names(options.final)]
    tools.check_folders(options.work_dir, files=[options.output, options.plot])
    return options


def earlier(options: argparse.Namespace) -> Record:
    """Return what the JSON file has already."""
    report: Record = {"about": tools.about_machine(), "runs": [], "waits": []}
    if options.output and Path(options.output).is_file():
        try:
            old = json.loads(Path(options.output).read_text("utf-8"))
            report |= {"runs": list(old["runs"]), "waits": list(old["waits"])}
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"{options.output}: not a file of bench.labelling") from None
    return report


def say(line: str) -> None:
    """Write a line of progress."""
    print(f"bench.labelling: {line}", file=sys.stderr, flush=True)


# -- running ---------------------------------------------------------------------------------
def run_sets(
    sets: dict[str, Path], options: argparse.Namespace, report: Record, work: Path
) -> None:
    """Label the sets by all strategies, seed by seed."""
    points = [n for n in POINTS if n < options.most] + [options.most]
    for seed in range(options.seeds):
        for name, folder in sets.items():
            for strategy in options.strategies:
                about = {"set": name, "strategy": strategy, "seed": seed}
                if any(about.items() <= each.items() for each in report["runs"]):
                    continue
                say(f"{name}, seed {seed}: {strategy}")
                job = {
                    "train": str(folder / "train.tsv"), "test": str(folder / "test.tsv"),
                    "threads": options.threads, "pool": options.pool, "points": points,
                    "honest": HONEST if strategy == "ours" else (), "strategy": strategy,
                    "final": options.final if seed == 0 else (), "run_seed": seed,
                    "skipped": options.held_out,
                }  # fmt: skip
                if options.held_out:
                    job["test"] = ""
                found = tools.stage("simulate", job, work, STAGES)
                report["runs"].append({**about, **found})
                tools.write_json(options.output, report)  # an interrupted run keeps what it has


def run_wait(
    sets: dict[str, Path], options: argparse.Namespace, report: Record, work: Path
) -> None:
    """Answer the questions of a session on each set."""
    for name, folder in sets.items():
        say(f"{name}: {options.answers} answers to {options.texts:,} texts")
        job = {
            "train": str(folder / "train.tsv"), "threads": tools.n_usable_cores(),
            "texts": options.texts, "answers": options.answers, "think": options.think,
            "words": options.words,
        }  # fmt: skip
        (work / name).mkdir(exist_ok=True)
        found = tools.stage("wait", job, work / name, STAGES)
        report["waits"].append({"set": name, "think": options.think, **found})
        tools.write_json(options.output, report)


# -- what is printed -------------------------------------------------------------------------
def of(runs: list[Record], name: str, strategy: str) -> list[Record]:
    """Return the runs of a set by a strategy that did not fail."""
    return [
        run
        for run in runs
        if (run["set"], run["strategy"]) == (name, strategy) and "error" not in run
    ]


def curve(runs: list[Record], key: str = "accuracy") -> dict[int, float]:
    """Return the mean of some runs at each number of answers."""
    found: dict[int, list[float]] = {}
    for run in runs:
        for point in run["points"]:
            if key in point:
                found.setdefault(point["n"], []).append(point[key])
    return {n: statistics.mean(values) for n, values in found.items()}


def needed(found: dict[int, float], wanted: float) -> float | None:
    """Return how many answers reach an accuracy, between two points by a straight line.

    Examples
    --------
    >>> needed({100: 0.5, 200: 0.7}, 0.6)
    150.0
    """
    before: tuple[int, float] | None = None
    for n, value in sorted(found.items()):
        if value >= wanted:
            if before is None:
                return float(n)
            (m, low) = before
            return m + (n - m) * (wanted - low) / max(value - low, 1e-12)
        before = n, value
    return None


def printed(report: Record) -> list[str]:
    """Return the lines of a report."""
    runs, lines = report["runs"], [tools.heading("labelling", report["about"]), ""]
    names = list(dict.fromkeys(run["set"] for run in runs))
    lines += [f"{run['set']}, {run['strategy']}, {run['seed']}: {run['error']}" for run in runs
              if "error" in run]  # fmt: skip
    rows, counts = [], []
    for name in names:
        goal = curve(of(runs, name, "random"))
        wanted = goal.get(max(goal, default=0))
        for strategy in STRATEGIES:
            some = of(runs, name, strategy)
            if not some:
                continue
            means, final = curve(some), curve(some, "final")
            cells = [f"{means[n]:.3f}" for n in sorted(means)]
            rows.append([f"{name}, {strategy}", str(len(some)), *cells])
            n = None if wanted is None else needed(means, wanted)
            counts.append(
                [f"{name}, {strategy}", "-" if n is None else f"{n:.0f}",
                 *(f"{final[n]:.3f}" if n in final else "-" for n in (500, 1000)),
                 f"{statistics.mean(run['learn_seconds'] for run in some):.2f}"]
            )  # fmt: skip
    if rows:
        points = sorted(curve([run for run in runs if "error" not in run]))
        titles = ["accuracy after answers", "runs", *map(str, points)]
        lines += tools.table(titles, [row for row in rows if len(row) == len(titles)])
        titles = ["answers for what random reaches at the end", "answers", "model of the end, 500",
                  "1,000", "s a training"]  # fmt: skip
        lines += ["", *tools.table(titles, counts), "", *honest_lines(runs)]
    return [*lines, *wait_lines(report["waits"])]


def honest_lines(runs: list[Record]) -> list[str]:
    """Return how often the interval of the honest accuracy held the true one."""
    found: dict[int, list[tuple[bool, float, float]]] = {}
    for run in runs:
        for point in run.get("points", ()):
            said = point.get("honest")
            if said:
                held = said["low"] <= point["accuracy"] <= said["high"]
                apart = said["value"] - point["accuracy"]
                found.setdefault(point["n"], []).append((held, apart, said["high"] - said["low"]))
    rows = [
        [str(n), f"{sum(held for held, _, _ in some)} of {len(some)}",
         f"{statistics.mean(apart for _, apart, _ in some):+.3f}",
         f"{statistics.mean(width for _, _, width in some):.3f}"]
        for n, some in sorted(found.items())
    ]  # fmt: skip
    titles = ["honest accuracy after answers", "interval held", "mean error", "mean width"]
    return [*tools.table(titles, rows), ""] if rows else []


def wait_lines(waits: list[Record]) -> list[str]:
    """Return how long people wait."""
    rows = []
    for each in waits:
        if "error" in each:
            rows.append([each["set"], each["error"], *"-----"])
            continue
        waits_ms = sorted(1000 * wait for wait in each["waits"])
        shares = [f"{waits_ms[min(int(q * len(waits_ms)), len(waits_ms) - 1)]:.1f}"
                  for q in (0.5, 0.95, 1)]  # fmt: skip
        searches = f"{1000 * each['search_first']:.0f}, {1000 * each['search_again']:.0f}"
        rows.append([each["set"], f"{each['texts']:,}", *shares, f"{each['open']:.1f}", searches])
    titles = ["wait between two texts, ms", "texts", "median", "95 %", "most", "open, s",
              "search, ms: first, again"]  # fmt: skip
    return tools.table(titles, rows) if rows else []


def plot(runs: list[Record], path: str) -> None:
    """Draw a small plot for each set: accuracy by answers, a curve for each strategy."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(run["set"] for run in runs))
    figure = Figure(figsize=(3.4 * len(names), 3.2), dpi=150, layout="constrained")
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(1, len(names), place)
        for strategy, color in COLORS.items():
            some = of(runs, name, strategy)
            means = curve(some)
            if not means:
                continue
            points = sorted(means)
            axes.plot(points, [means[n] for n in points], color=color, label=strategy, marker="o",
                      markersize=3)  # fmt: skip
            for run in some:
                own = curve([run])
                axes.plot(points, [own.get(n) for n in points], color=color, alpha=0.2, lw=0.8)
        axes.set_title(name)
        axes.set_xlabel("answers")
        axes.grid(alpha=0.3)
        if place == 1:
            axes.set_ylabel("accuracy on the test part")
            axes.legend(frameon=False)
    figure.savefig(path)


if __name__ == "__main__":
    raise SystemExit(main())
