"""Time whole processes from start to end: help, one prediction, the first and second training.

docs/startup.md says what the figures mean; seconds of the processor are those to compare when other
work goes on.  Every process is a new one; the compile cache lies in
a temporary folder, which each "first training" gets empty.  The peer is fastText's Python module,
with a model of the same data.  Only the standard library is imported here.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import tools
from bench.stages import files
from bench.tools import BUNDLED, FASTTEXT, ROOT, SEED, UsageError, table

DATA = BUNDLED / "zh_topics" / "train.tsv"
TEXT = "央行宣布下调存款利率"
# Direct imports of `predict`, and what needs them; the rest is summed up as "others".
REASONS = {
    "numba": "runs the compiled code; with llvmlite, without what only compiling needs",
    "numpy": "arrays",
    "fasttext_lite": "our own modules, and what they need of the standard library",
    "argparse": "the arguments",
    "dataclasses": "settings",
    "json": "the model file's header",
    "logging": "warnings as lines on stderr",
    "safetensors": "the model file",
    "unicodedata": "classes of characters",
    "numba.cpython.charseq": "asked for by a kernel that calls int() on a number",
}
OWN = "fasttext_lite"
FASTTEXT_TRAIN = """
import json, sys
import fasttext
file, model, settings = sys.argv[1:]
fasttext.train_supervised(file, verbose=0, thread=2, **json.loads(settings)).save_model(model)
"""
FASTTEXT_PREDICT = """
import sys
import fasttext
print(fasttext.load_model(sys.argv[1]).predict(sys.argv[2])[0][0])
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 or 2 (bad usage)."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("--repeat", type=int, default=7, help="runs of a warm process (default 7)")
    parser.add_argument("--cold", type=int, default=3, help="first trainings (default 3)")
    parser.add_argument("--json", metavar="FILE", help="write everything as one JSON object")
    options = parser.parse_args(argv)
    try:
        if min(options.repeat, options.cold) < 1:
            raise UsageError("--repeat and --cold must be at least 1")
        tools.check_folders(files=[options.json])
        with tempfile.TemporaryDirectory(prefix="bench-") as work:
            report = measure(Path(work), options.repeat, options.cold)
    except UsageError as error:
        print(f"bench.startup: {error}", file=sys.stderr)
        return 2
    print(render(report))
    tools.write_json(options.json, report)
    return 0


def measure(work: Path, repeat: int, cold: int) -> dict[str, Any]:
    """Return all figures.

    Parameters
    ----------
    work : Path
        Empty folder for files.
    repeat, cold : int
        Runs of a warm process, and of a first training.
    """
    report: dict[str, Any] = {"about": tools.about_machine()}
    model, text = work / "model.ftl", work / "text.txt"
    text.write_text(TEXT + "\n", encoding="utf-8")
    ours = [sys.executable, "-m", "fasttext_lite"]
    train = [*ours, "train", str(DATA), "-o", str(model), "-q"]
    predict = [*ours, "predict", str(model), str(text)]
    seconds: dict[str, list[dict[str, float]]] = {}
    report["seconds"] = seconds

    seconds["first training, empty cache"] = [
        timed(train, work, cache=f"cache{i}") for i in range(cold)
    ]
    timed(predict, work)  # compiles what a training does not
    warm = {
        "second training": train,
        "predict, one line": predict,
        "--help": [*ours, "--help"],
        "train --help": [*ours, "train", "--help"],
        "python -c 'import numba'": [sys.executable, "-c", "import numba"],
        "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    for title, settings in (("defaults", {}), ("best", {**FASTTEXT, **tools.BEST[""]})):
        name = f"fastText ({title}): import, load, predict one line"
        warm[name] = fasttext_command(work, title, settings)
    for name in warm:
        seconds[name] = []
    for _ in range(repeat):  # in turn: other work on the machine is shared fairly
        for name, command in warm.items():
            seconds[name].append(timed(command, work))
    report["imports"] = imports(predict, work, repeat)
    return report


def fasttext_command(work: Path, title: str, settings: dict[str, Any]) -> list[str]:
    """Train a fastText model on the same data; return the command that predicts with it."""
    file, model = work / "train.ft", work / f"{title}.bin"
    lines = [files.to_fasttext([a], " ".join(b)) for a, b in files.read_labelled(DATA)]
    random.Random(SEED).shuffle(lines)
    files.write_lines(file, lines)
    arguments = [str(file), str(model), json.dumps(settings)]
    timed([sys.executable, "-c", FASTTEXT_TRAIN, *arguments], work)
    return [sys.executable, "-c", FASTTEXT_PREDICT, str(model), " ".join(TEXT)]


def timed(command: list[str], work: Path, cache: str = "cache0") -> dict[str, float]:
    """Run a process; return its seconds from start to end, and those of the processor."""
    start, before = time.perf_counter(), os.times()
    run(command, work, cache)
    after = os.times()
    used = after.children_user + after.children_system
    return {
        "wall": time.perf_counter() - start,
        "processor": used - before.children_user - before.children_system,
    }


def run(command: list[str], work: Path, cache: str = "cache0") -> str:
    """Run a process with a compile cache of its own; return what it wrote on stderr."""
    (work / cache).mkdir(exist_ok=True)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(work / cache), "PYTHONUTF8": "1"}
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise UsageError(f"{' '.join(command[1:4])} ended with code {done.returncode}: {last}")
    return done.stderr


def imports(command: list[str], work: Path, repeat: int) -> dict[str, float]:
    """Return the milliseconds of each direct import of a command (medians of several runs).

    An import inside another counts for the inner one if that is named in `REASONS`.
    """
    rounds: list[dict[str, float]] = []
    for _ in range(repeat):
        log = run([command[0], "-X", "importtime", *command[1:]], work)
        rounds.append(by_import(log))
    return {name: statistics.median(part.get(name, 0.0) for part in rounds) for name in rounds[0]}


def owner_of(chain: list[str]) -> str:
    """Return which import a module counts for, given its importers and itself, outermost first."""
    for name in chain:
        root = name if name in REASONS else name.partition(".")[0]
        if root in REASONS and root != OWN:
            return root
    return OWN if any(name.startswith(OWN) for name in chain) else "others"


def by_import(log: str) -> dict[str, float]:
    """Sum the own times of all modules in the log of ``-X importtime``, in milliseconds."""
    total: dict[str, float] = {}
    above: list[str] = []  # importers; the log names a module after what it imported
    for line in reversed(log.splitlines()):
        if not line.startswith("import time:") or "self [us]" in line:
            continue
        own, _, name = line.removeprefix("import time:").split("|")
        depth = (len(name) - len(name.lstrip()) - 1) // 2
        above[depth:] = [name.strip()]
        key = owner_of(above)
        total[key] = total.get(key, 0.0) + int(own) / 1000
    return dict(sorted(total.items(), key=lambda item: -item[1]))


def render(report: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    lines = [tools.heading("Start-up", report["about"]), ""]
    rows = []
    for name, runs in report["seconds"].items():
        wall = [run["wall"] for run in runs]
        processor = statistics.median(run["processor"] for run in runs)
        figures = (statistics.median(wall), min(wall), max(wall), processor)
        rows.append([name, *(f"{x:.2f}" for x in figures)])
    lines += table(["process", "median s", "least", "most", "processor s"], rows)
    lines += ["", "What the imports of `predict` cost:", ""]
    rows = [
        [f"{name}: {REASONS.get(name, 'Python itself, and small ones')}", f"{ms:.0f}"]
        for name, ms in report["imports"].items()
        if ms >= 1
    ]
    return "\n".join(lines + table(["import", "ms"], rows))


if __name__ == "__main__":
    sys.exit(main())
