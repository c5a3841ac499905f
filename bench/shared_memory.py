"""Measure the memory of several processes that predict with one model file.

Each worker loads the model, predicts texts that touch its whole table, and waits; then the
kernel says what each holds. PSS, the proportional set size of /proc/PID/smaps_rollup, counts a page
that n processes map as 1/n of a page in each: the sum over workers is what they take together.
One worker alone is measured first, then several, by contender: `ModelFile` with a ``.bin`` of
fastText and with an ``.ftl``, our model object as a pickle (what an engine does to a model that a
function mentions), and fastText's own module.  The models are made of random numbers, no holes.
Linux alone has these figures.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import tools
from bench.tools import ROOT, UsageError, table

CONTENDERS = {
    "bin": "`ModelFile`, `.bin` of fastText",
    "ftl": "`ModelFile`, `.ftl`",
    "pickle": "our model of the `.bin`, pickled",
    "fasttext": "fastText 0.9.2, `.bin`",
}
MB = 1 << 20


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 or 2 (bad usage)."""
    parser = argparse.ArgumentParser(prog="python -m bench.shared_memory", description=__doc__)
    parser.add_argument("--workers", type=int, default=4, help="processes (default 4)")
    parser.add_argument("--buckets", type=int, default=2_000_000, help="default 2000000")
    parser.add_argument("--dim", type=int, default=100, help="default 100")
    parser.add_argument(
        "--contenders", default=",".join(CONTENDERS), help=f"of {', '.join(CONTENDERS)}"
    )
    parser.add_argument("--json", metavar="FILE", help="write everything as one JSON object")
    options = parser.parse_args(argv)
    try:
        if not Path("/proc/self/smaps_rollup").is_file():
            raise UsageError("this system does not say what memory processes share: use Linux")
        if min(options.workers, options.buckets, options.dim) < 1:
            raise UsageError("--workers, --buckets and --dim must be at least 1")
        contenders = tools.choose("--contenders", options.contenders, CONTENDERS)
        tools.check_folders(files=[options.json])
        with tempfile.TemporaryDirectory(prefix="bench-") as work:
            report = measure(Path(work), contenders, options)
    except UsageError as error:
        print(f"bench.shared_memory: {error}", file=sys.stderr)
        return 2
    print(render(report))
    tools.write_json(options.json, report)
    return 0


def measure(work: Path, contenders: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    report: dict[str, Any] = {
        "about": tools.about_machine(), "workers": options.workers, "memory": {},
    }  # fmt: skip
    wanted = {"bin", *contenders}
    made = step("make", str(work), str(options.buckets), str(options.dim), *sorted(wanted))
    report["files"] = json.loads(made)
    for name in contenders:
        runs = [in_workers(name, work, n) for n in (1, options.workers)]
        report["memory"][name] = {"one": runs[0], "several": runs[1]}
    return report


def step(*arguments: str) -> str:
    """Run a step of `bench.stages.shared_memory` to its end; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.stages.shared_memory", *arguments],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise UsageError(f"{arguments[0]} failed: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def in_workers(name: str, work: Path, n_workers: int) -> list[dict[str, int]]:
    """Return the memory of each of several workers, bytes by name, while all of them live."""
    command = [sys.executable, "-m", "bench.stages.shared_memory", "work", str(work), name]
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        for _ in range(n_workers)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            if worker.stdout.readline().strip() != "ready":
                raise UsageError(f"a worker with {name} has failed")
        return [memory_of(worker.pid) for worker in workers]
    finally:
        for worker in workers:
            worker.communicate("")


def memory_of(process: int) -> dict[str, int]:
    """Return bytes of a process: resident (rss), proportional (pss), its alone (private)."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    found = {key: 1024 * int(value) for key, value in re.findall(r"^(\w+): +(\d+) kB", text, re.M)}
    return {
        "rss": found["Rss"],
        "pss": found["Pss"],
        "private": found["Private_Clean"] + found["Private_Dirty"],
    }


def render(report: dict[str, Any]) -> str:
    """Return the report in Markdown."""
    n = report["workers"]
    titles = [
        "model", "file, MB", "1 worker, PSS, MB", f"{n} workers, sum of PSS, MB", "ratio",
        f"of each of {n} its own, MB",
    ]  # fmt: skip
    rows = []
    for name, runs in report["memory"].items():
        one = sum(run["pss"] for run in runs["one"])
        several = sum(run["pss"] for run in runs["several"])
        own = sum(run["private"] for run in runs["several"]) / n
        size = report["files"]["ftl" if name == "ftl" else "bin"]
        numbers = [f"{bytes_ / MB:,.0f}" for bytes_ in (size, one, several)]
        rows.append([CONTENDERS[name], *numbers, f"{several / one:.2f}", f"{own / MB:,.0f}"])
    title = tools.heading(f"Memory of {n} workers on one model file", report["about"])
    return "\n".join([title, *table(titles, rows)])


if __name__ == "__main__":
    sys.exit(main())
