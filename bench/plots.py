"""Draw what the benchmarks wrote: ``python -m bench.plots FILE_OR_FOLDER... --output FOLDER``.

Reads the JSON files of ``compare.py``, ``scaling.py``, ``latency.py``, ``startup.py`` and
``roofline.py``; what a
file holds is known by its keys, and others are named and left out.  Accuracy stands beside every
bar, and is a curve beside the others.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

MAX_BYTES, COLORS = 60_000, 48  # of a plot
OURS, THEIRS, OTHERS = ("#1f5fa8", "#4f94d4", "#8fbfe8"), ("#d9640f", "#f2a25c"), ("#777777",)
MARKERS = "os^Dv"

# Key, title (which says what is better), factor of the unit, whether a logarithmic scale.
CURVES = (
    ("train_process_seconds", "training, seconds (lower is better)", 1, True),
    ("predict_microseconds", "prediction, µs per text (lower is better)", 1, True),
    ("accuracy", "accuracy (higher is better)", 1, False),
    ("train_peak_memory", "peak memory in training, MB (lower is better)", 1e-6, True),
    ("model_bytes", "model, MB (lower is better)", 1e-6, True),
)
BARS = (
    ("train_process_seconds", "training, seconds\n(shorter is better)", 1, "{:.3g}"),
    ("rate", "texts per second\n(longer is better)", 1, "{:,.0f}"),
    ("model_bytes", "model, MB\n(shorter is better)", 1e-6, "{:,.3g}"),
    ("train_peak_memory", "peak memory in training, MB\n(shorter is better)", 1e-6, "{:,.0f}"),
)
AXES = {"labels": "labels", "threads": "threads", "rows": "training rows", "dim": "dimensions"}

Plot = tuple[str, Any]  # name of the file, figure


def main(argv: Sequence[str] | None = None) -> int:
    """Draw all files; return 0, or 2 if there is nothing to draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.plots", description=__doc__)
    parser.add_argument("results", nargs="+", help="JSON files, or folders of them")
    parser.add_argument("--output", default="plots", help="folder for the plots (default plots)")
    options = parser.parse_args(argv)
    output = Path(options.output)
    files: list[Path] = []
    for path in map(Path, options.results):
        files += sorted(path.glob("*.json")) if path.is_dir() else [path]
    n_plots = 0
    for path in files:
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            print(f"bench.plots: {path}: {error}", file=sys.stderr)
            continue
        draw = reader_of(report)
        if draw is None:
            print(f"bench.plots: {path}: nothing here that can be drawn", file=sys.stderr)
            continue
        output.mkdir(parents=True, exist_ok=True)
        for name, figure in draw(path.stem, report):
            save(figure, output / f"{name}.png")
            print(output / f"{name}.png")
            n_plots += 1
    if not n_plots:
        print("bench.plots: nothing to draw", file=sys.stderr)
    return 0 if n_plots else 2


def reader_of(report: Any) -> Callable[[str, dict[str, Any]], Iterator[Plot]] | None:
    """Return what draws a report, by its keys."""
    if not isinstance(report, dict):
        return None
    is_latency = any("runs" not in part for part in dict(report.get("sets") or {}).values())
    known = {
        "curves": draw_curves,
        "sets": draw_latency if is_latency else draw_comparison,
        "seconds": draw_startup,
        "machine": draw_roofline,
    }
    return next((draw for key, draw in known.items() if isinstance(report.get(key), dict)), None)


def save(figure: Any, path: Path) -> None:
    """Write a figure as a PNG of few colours, as sharp as `MAX_BYTES` allow."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image  # matplotlib needs it too

    canvas = FigureCanvasAgg(figure)
    for dpi in (130, 110, 90, 70):
        figure.set_dpi(dpi)
        canvas.draw()
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        image.quantize(COLORS).save(path, optimize=True)
        if path.stat().st_size <= MAX_BYTES:
            break


def styles(runs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return colour and marker of each run: ours blue, fastText's orange, others grey."""
    found, used = {}, {"ours": 0, "theirs": 0, "others": 0}
    for run in runs:
        family = "ours" if run.startswith("fasttext-lite") else "others"
        family = "theirs" if run.startswith("fastText") else family
        colors = {"ours": OURS, "theirs": THEIRS, "others": OTHERS}[family]
        number = used[family]
        used[family] += 1
        found[run] = {
            "color": colors[number % len(colors)],
            "marker": MARKERS[number % len(MARKERS)],
            "linestyle": "-" if family == "ours" else "--",
        }
    return found


def draw_curves(stem: str, report: dict[str, Any]) -> Iterator[Plot]:
    """Draw a figure for each curve of scaling.py."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    for name, points in report["curves"].items():
        points = [point for point in points if "error" not in point]
        if not points:
            continue
        runs = list(dict.fromkeys(point["run"] for point in points))
        style = styles(runs)
        figure = Figure(figsize=(12, 6.4), layout="constrained")
        panels = figure.subplots(2, 3).ravel()
        for axes, (key, title, factor, is_log) in zip(panels, CURVES, strict=False):
            for run in runs:
                own = [point for point in points if point["run"] == run]
                values = [point[key] * factor for point in own]
                axes.plot([p["x"] for p in own], values, markersize=5, **style[run], label=run)
            axes.set_xscale("log", base=2 if name in ("threads", "dim") else 10)
            if is_log:
                axes.set_yscale("log")
                plain_ticks(axes.yaxis, *axes.get_ylim())
            else:
                axes.set_ylim(max(0, min(point[key] for point in points) - 0.1), 1)
                axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
            axes.set_title(title, fontsize=10)
            axes.set_xlabel(AXES.get(name, name), fontsize=9)
            if name in ("labels", "rows"):
                plain_ticks(axes.xaxis, *axes.get_xlim())
            else:
                values = sorted({point["x"] for point in points})
                axes.set_xticks(values, [str(value) for value in values])
                axes.minorticks_off()
            axes.grid(alpha=0.3)
        panels[-1].axis("off")
        handles, titles = panels[0].get_legend_handles_labels()
        panels[-1].legend(handles, titles, loc="upper left", frameon=False)
        panels[-1].text(0.03, 0.05, _fixed(name, points), fontsize=9, va="bottom")
        figure.suptitle(f"From {points[0]['x']:,} to {points[-1]['x']:,} {AXES.get(name, name)}")
        yield f"scaling-{name}", figure


def plain_ticks(axis: Any, low: float, high: float) -> None:
    """Write the numbers of a logarithmic axis as people do."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    narrow = high < 50 * low
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axis.set_minor_formatter(NullFormatter())


def _short(value: float) -> str:
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= 10 * unit or value == unit:
            return f"{value / unit:,.12g} {letter}"
    return f"{value:,.12g}"


def _fixed(name: str, points: list[dict[str, Any]]) -> str:
    """Return what did not vary, or how it did, in lines."""
    lines = ["synthetic texts, file to saved model"]
    for key in ("labels", "rows", "threads"):
        values = sorted({point[key] for point in points})
        if key != name:
            both = f"{values[0]:,} to {values[-1]:,}" if len(values) > 1 else f"{values[0]:,}"
            lines.append(f"{key}: {both}")
    return "\n".join(lines)


def draw_comparison(stem: str, report: dict[str, Any]) -> Iterator[Plot]:
    """Draw a figure for each data set of compare.py."""
    for name, part in report["sets"].items():
        runs = [run for run in part["runs"] if "median" in run]
        if not runs:
            continue
        about = part.get("about", {})
        title = f"{name}: {about.get('n_train', 0):,} texts, {about.get('n_labels', 0):,} labels"
        yield (
            f"{stem}-{name}",
            bars(
                f"{title}; accuracy beside each bar",
                [run["name"] for run in runs],
                [
                    (title, [run["median"][key] * factor for run in runs], form)
                    for key, title, factor, form in BARS
                ],
                [f"{run['median']['accuracy']:.3f}" for run in runs],
            ),
        )


def draw_latency(stem: str, report: dict[str, Any]) -> Iterator[Plot]:
    """Draw the time of one text, p50 and p99, for each call and set of latency.py."""
    from matplotlib.figure import Figure

    rows = [(n, call, v) for n, calls in report["sets"].items() for call, v in calls.items()]
    figure = Figure((7, 0.45 * len(rows) + 1.2), layout="constrained")
    axis = figure.add_subplot()
    for i, (_, call, values) in enumerate(rows):
        color = (THEIRS if call.startswith("fastText,") else OURS)[0]
        axis.barh(-i, values["p99"], 0.7, color=color, alpha=0.35)
        axis.barh(-i, values["p50"], 0.7, color=color)
        axis.text(values["p99"], -i, f" {values['p50']:.1f} / {values['p99']:.1f}", va="center")
    axis.set_yticks([-i for i in range(len(rows))], [f"{n}: {call}" for n, call, _ in rows])
    axis.set_title("one text in Python, microseconds, p50 / p99 (shorter is better)", fontsize=9)
    yield stem, figure


def bars(
    title: str,
    names: list[str],
    panels: list[tuple[str, list[float], str]],
    notes: list[str] | None = None,
) -> Any:
    """Return a figure of horizontal bars, a panel for each measurement.

    Parameters
    ----------
    title : str
    names : list of str
        Of the bars, from the top.
    panels : list of (title, values, format)
    notes : list of str, optional
        Written beside the value of each bar.
    """
    from matplotlib.figure import Figure

    style = styles(names)
    height = 1.3 + 0.32 * len(names)
    figure = Figure(figsize=(3.6 + 2.5 * len(panels), height), layout="constrained")
    for number, axes in enumerate(figure.subplots(1, len(panels), squeeze=False)[0]):
        heading, values, form = panels[number]
        places = range(len(names))
        axes.barh(places, values, color=[style[name]["color"] for name in names], height=0.7)
        axes.invert_yaxis()
        axes.set_yticks(places, names if number == 0 else [""] * len(names), fontsize=9)
        most = max(values)
        axes.set_xlim(0, most * (1.75 if notes else 1.3))
        for place, value in zip(places, values, strict=True):
            note = f"  ({notes[place]})" if notes else ""
            axes.text(
                value + 0.02 * most, place, form.format(value) + note, va="center", fontsize=8
            )
        axes.set_title(heading, fontsize=10)
        axes.set_xticks([])
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    figure.suptitle(title, fontsize=11)
    return figure


def draw_startup(stem: str, report: dict[str, Any]) -> Iterator[Plot]:
    """Draw the seconds of whole processes of startup.py."""
    medians = {
        name: statistics.median(run["wall"] for run in runs)
        for name, runs in report["seconds"].items()
    }
    names = [
        name if name.startswith(("fastText", "python")) else f"fasttext-lite: {name}"
        for name in medians
    ]
    title = "Whole processes, seconds (shorter is better)"
    yield stem, bars(title, names, [("", list(medians.values()), "{:.2f}")])


def draw_roofline(stem: str, report: dict[str, Any]) -> Iterator[Plot]:
    """Draw the training kernel beside fastText, and beside what the machine allows."""
    names, values = [], []
    for found in report.get("fasttext", []):
        what = f"{found['loss']}, {found['labels']} labels, dim {found['dim']}"
        names += [f"fasttext-lite: {what}", f"fastText: {what}"]
        values += [found["lite"] / 1e6, found["fasttext"] / 1e6]
    if names:
        title = "Training in one thread, million tokens per second (longer is better)"
        yield f"{stem}-fasttext", bars(title, names, [("", values, "{:.2f}")])
    names, values = [], []
    for found in report.get("training", []):
        loss, head, labels, dim = found["task"]
        names.append(f"{loss}, {head}, {labels} labels, dim {dim}, {found['n_rows']:,} rows")
        values.append(100 * max(found["rows"], found["computing"]) / found["one_thread"])
    if names:
        title = "Share of what memory and arithmetic allow, in % (longer is better)"
        yield f"{stem}-machine", bars(title, names, [("", values, "{:.0f} %")])


if __name__ == "__main__":
    sys.exit(main())
