"""Train with fastText's defaults here and in fastText: accuracy, loss and time over seeds.

``python -m bench.parity --data-dir DIR [--sets A,B] [--losses softmax,hs] [--cli PROGRAM]``

Both get the same shuffled file, Chinese split into characters, and the same arguments; both write
a ``.bin`` that the other reads.  fastText is the `fasttext` wheel in a process of its own for each
training (its memory is then zero where it leaves rows uninitialised), or its C++ program.  Prints a
table: mean and standard deviation of the accuracy over seeds, the difference with its standard
error, the mean loss that both report at their end, and the median seconds of the whole process.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bench import tools
from bench.stages import files

SETS = ("thucnews", "shopping_category", "clinc150", "ag_news_small")
LOSSES = ("softmax", "hs", "ova", "ns")
HAN = re.compile("([\u3400-\u9fff])")


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", default=os.environ.get("FASTTEXT_LITE_DATA"))
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--losses", default=",".join(LOSSES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--flags", default="-wordNgrams 2", help="for both, besides -loss")
    parser.add_argument("--cli", metavar="PROGRAM", help="fastText's program in place of the wheel")
    parser.add_argument("--json", metavar="FILE", help="write all figures here")
    options = parser.parse_args()
    if not options.data_dir:
        parser.error("give --data-dir or FASTTEXT_LITE_DATA")
    print(
        f"Python {platform.python_version()}, numba {version('numba')}, NumPy {np.__version__}; "
        f"fastText: {options.cli or 'fasttext-numpy2-wheel ' + version('fasttext-numpy2-wheel')}; "
        f"{options.threads} threads, {options.seeds} seeds, {options.flags}"
    )
    print("| set | loss | ours | fastText | difference | loss ours / fastText | seconds |")
    print("|---|---|--:|--:|--:|--:|--:|")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sets.split(","):
            train, test = (
                prepare(Path(options.data_dir) / name / f"{part}.tsv", Path(folder), part)
                for part in ("train", "test")
            )
            for loss in options.losses.split(","):
                rows.append({"set": name, "loss": loss, **measure(options, loss, train, test)})
                print(line_of(rows[-1]), flush=True)
    tools.write_json(options.json, rows)


def prepare(source: Path, folder: Path, part: str) -> Path:
    """Write a data set in fastText's format, shuffled; return the path."""
    rows = files.read_labelled(source)
    if part == "train":
        np.random.default_rng(0).shuffle(rows)
    target = folder / f"{part}.txt"
    files.write_lines(
        target,
        [files.to_fasttext([a], " ".join(HAN.sub(r" \1 ", b).split())) for a, b in rows],
    )
    return target


def measure(options: argparse.Namespace, loss: str, train: Path, test: Path) -> dict:
    """Train with both and all seeds; return the figures."""
    figures: dict[str, list[float]] = {}
    for seed in range(options.seeds):
        flags = ["-loss", loss, *options.flags.split(), "-thread", str(options.threads)]
        flags += ["-seed", str(seed)]
        for name in ("ours", "theirs"):
            model = str(train.parent / name)
            program = [sys.executable, "-m", "fasttext_lite"] if name == "ours" else [options.cli]
            start = time.perf_counter()
            if name == "ours" or options.cli:
                done = subprocess.run(
                    [*program, "supervised", "-input", train, "-output", model, *flags],
                    check=True, capture_output=True, text=True,
                )  # fmt: skip
                losses = re.findall(r"avg.loss: +([\d.]+)", done.stderr)
                figures.setdefault(f"{name}_loss", []).append(float(losses[-1]))
            else:
                run_wheel(train, model, flags)
            figures.setdefault(f"{name}_seconds", []).append(time.perf_counter() - start)
            figures.setdefault(f"{name}_accuracy", []).append(precision(f"{model}.bin", test))
    return figures


def run_wheel(train: Path, model: str, flags: list[str]) -> None:
    """Train with the wheel in a process of its own."""
    values: dict[str, object] = {"input": str(train), "verbose": 0}
    for flag, text in zip(flags[::2], flags[1::2], strict=True):
        value: object = text
        for kind in (float, int):
            try:
                value = kind(text)
            except ValueError:
                continue
        values[flag.lstrip("-")] = value
    code = (
        "import json, fasttext\n"
        f"model = fasttext.train_supervised(**json.loads({json.dumps(values)!r}))\n"
        f"model.save_model({model + '.bin'!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def precision(model: str, test: Path) -> float:
    """Return what fastText's `test` prints as P@1."""
    from fasttext_lite.compat.meter import Meter
    from fasttext_lite.compat.model import FastTextModel

    return Meter.of(FastTextModel.load(model), test).precision()


def line_of(row: dict) -> str:
    """Return a line of the table."""
    ours, theirs = row["ours_accuracy"], row["theirs_accuracy"]
    spread = [statistics.stdev(x) if len(x) > 1 else 0.0 for x in (ours, theirs)]
    difference = statistics.mean(ours) - statistics.mean(theirs)
    error = math.sqrt((spread[0] ** 2 + spread[1] ** 2) / len(ours))
    losses = [row.get(f"{name}_loss") for name in ("ours", "theirs")]
    text = " / ".join("-" if x is None else f"{statistics.mean(x):.3f}" for x in losses)
    seconds = [statistics.median(row[f"{name}_seconds"]) for name in ("ours", "theirs")]
    return (
        f"| {row['set']} | {row['loss']} | {statistics.mean(ours):.4f} ± {spread[0]:.4f} | "
        f"{statistics.mean(theirs):.4f} ± {spread[1]:.4f} | {100 * difference:+.2f} ± "
        f"{100 * error:.2f} points | {text} | {seconds[0]:.2f} / {seconds[1]:.2f} |"
    )


if __name__ == "__main__":
    main()
