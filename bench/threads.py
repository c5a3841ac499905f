"""Stage by stage: what a feature costs, what two threads gain, and what that says of more of them.

``python -m bench.threads FILE ...`` makes features of labelled files and trains on them, with 1
thread, 2 and so on in turn, in one process that is warm.  Of each stage it prints the median of the
rounds, in nanoseconds for each feature (for the loop: for each visit of one); then what Amdahl's
law makes of it for more threads: the seconds of a stage with n threads are s + p / n, with s and p
from 1 and 2 threads, none below 0.  ``--apart`` does the same with one thread in two processes at
once, which share nothing but the machine: no two threads can gain more from it than these do.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from bench import tools
from bench.tools import UsageError

# Where the time of each stage is taken: functions, each called by one thread at a time.
STAGES: dict[str, tuple[str, ...]] = {
    "cut into tokens": ("fasttext_lite.fitting.prepare:analyze",),
    "number words": ("fasttext_lite.features.vocabulary:Vocabulary.add",),
    "look words up": ("fasttext_lite.features.word_codes:WordCodes.__init__",),
    "extract": ("fasttext_lite.features.word_codes:WordCodes.extract",),
    "keep": ("fasttext_lite.features.entries:Entries.append",),
    "count": ("fasttext_lite.features.kernels.rows:count_documents",),
    "number rows": ("fasttext_lite.features.space:FeatureSpace.number",),
    "gains": (
        "fasttext_lite.features.space:FeatureSpace._with_pseudo_count",
        "fasttext_lite.features.space:FeatureSpace._measure_gains",
    ),
    "weigh": ("fasttext_lite.features.space:FeatureSpace._weigh",),
    "loop": ("fasttext_lite.training.run:Run.epoch",),
}
LOOP, REST, ALL = "loop", "read, and the rest", "all but the loop"
MORE_THREADS = (4, 8, 16, 64)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print it; return 0 or 2 (bad usage)."""
    parser = argparse.ArgumentParser(prog="bench.threads", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="labelled texts")
    parser.add_argument("--threads", default="1,2", metavar="N,N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting"
    )
    parser.add_argument("--apart", action="store_true", help="two processes at once, too")
    parser.add_argument("--json", metavar="FILE", help="write the figures here")
    options = parser.parse_args(argv)
    try:
        threads = [int(number) for number in tools.split_names(options.threads)]
        settings = dict(_setting(text) for text in options.set)
        if min(threads) < 1 or options.rounds < 1:
            raise UsageError("threads and rounds are 1 or more")
        tools.check_folders(files=[options.json])
    except (UsageError, ValueError) as error:
        print(f"bench.threads: {error}", file=sys.stderr)
        return 2
    report = {"machine": tools.about_machine(), "settings": settings, "files": {}}
    for path in options.files:
        try:
            report["files"][path] = found = measured(path, settings, threads, options.rounds)
            if options.apart:
                found["apart"] = apart(path, options.set, options.rounds)
        except (OSError, ValueError) as error:
            print(f"bench.threads: {error}", file=sys.stderr)
            return 2
        print("\n".join(described(path, found)), flush=True)
    tools.write_json(options.json, report)
    return 0


def _setting(text: str) -> tuple[str, Any]:
    """Return name and value of ``name=value``."""
    name, mark, value = text.partition("=")
    if not mark:
        raise UsageError(f"{text}: a setting is NAME=VALUE")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, {"true": True, "false": False}.get(value.lower(), value)


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose time counts for a stage."""

        def run(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[stage] += time.perf_counter() - start

        return run

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take the time of all stages meanwhile."""
        with ExitStack() as patches:
            for stage, places in STAGES.items():
                for place in places:
                    module, _, path = place.partition(":")
                    owner: Any = importlib.import_module(module)
                    *parents, name = path.split(".")
                    for parent in parents:
                        owner = getattr(owner, parent)
                    timed = self.timed(stage, getattr(owner, name))
                    patches.enter_context(mock.patch.object(owner, name, timed))
            yield


def measured(
    path: str, settings: dict[str, Any], threads: Sequence[int], n_rounds: int
) -> dict[str, Any]:
    """Return seconds by stage and number of threads: the medians of the rounds after the first.

    Parameters
    ----------
    path : str
    settings : dict
        Of `Config`.
    threads : sequence of int
    n_rounds : int

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, or a setting is wrong.
    """
    found: dict[int, list[dict[str, float]]] = defaultdict(list)
    about: dict[str, Any] = {}
    for turn in range(n_rounds + 1):
        for n in threads:
            seconds, about = _trained(path, settings, n)
            if turn:  # the first is to warm up
                found[n].append(seconds)
    medians = {
        n: {stage: statistics.median(one[stage] for one in rounds) for stage in rounds[0]}
        for n, rounds in found.items()
    }
    return {**about, "seconds": medians}


def _trained(path: str, settings: dict[str, Any], n_threads: int) -> tuple[dict[str, float], Any]:
    """Make features and train; return seconds by stage, and what was trained on."""
    from fasttext_lite.config.fields import Config
    from fasttext_lite.corpus.formats import ReadOptions
    from fasttext_lite.corpus.reader import CorpusReader
    from fasttext_lite.fitting import fit
    from fasttext_lite.fitting.streaming import CHUNK_BYTES, prepare_file

    clock = Clock()
    with clock.running():
        start = time.perf_counter()
        reader = CorpusReader(path, ReadOptions(), CHUNK_BYTES)
        prepared = prepare_file(reader, Config(**settings), n_threads=n_threads)
        made = time.perf_counter() - start
        fit.fit_prepared(prepared, seed=1, n_threads=n_threads)
    seconds = {stage: clock.seconds[stage] for stage in STAGES}
    of_features = sum(value for stage, value in seconds.items() if stage != LOOP)
    seconds[REST] = max(made - of_features, 0.0)  # with threads, some are done at the same time
    seconds[ALL] = made
    about = {
        "texts": len(prepared.labels),
        "features": int(prepared.features.ids.size),
        "rows": prepared.space.n_rows,
        "dim": prepared.config.dim,
        "epochs": prepared.config.epochs,
        "head": prepared.config.head,
        "loss": prepared.config.loss,
    }
    return seconds, about


def apart(path: str, settings: Sequence[str], n_rounds: int) -> dict[str, float]:
    """Return seconds by stage with one thread, while another process does the same."""
    own = [option for text in settings for option in ("--set", text)]
    with tempfile.TemporaryDirectory() as folder:
        reports = [Path(folder, f"{i}.json") for i in range(2)]
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.threads", path, "--threads", "1",
                 "--rounds", str(n_rounds), "--json", str(report), *own],
                cwd=tools.ROOT, stdout=subprocess.DEVNULL,
            )
            for report in reports
        ]  # fmt: skip
        if any([process.wait() for process in processes]):
            raise OSError(f"{path}: one of two processes failed")
        found = [
            json.loads(report.read_text())["files"][path]["seconds"]["1"] for report in reports
        ]
    return {stage: statistics.mean(each[stage] for each in found) for stage in found[0]}


def forecast(one: float, two: float, n_threads: int) -> float:
    """Return the seconds of a stage with more threads, given those with 1 and 2: Amdahl's law.

    t(n) = s + p / n; Amdahl, Validity of the single processor approach to achieving large scale
    computing capabilities, 1967.
    """
    parallel = min(max(2 * (one - two), 0.0), one)
    return one - parallel + parallel / n_threads


def described(path: str, found: dict[str, Any]) -> list[str]:
    """Return lines of Markdown about a file."""
    seconds, n = found["seconds"], max(found["features"], 1)
    threads = sorted(seconds)
    lines = [
        f"{path}: {found['texts']:,} texts, {found['features']:,} features, "
        f"{found['rows']:,} rows, {found['loss']} {found['head']}, dim {found['dim']}, "
        f"{found['epochs']} epochs",
        "",
    ]
    titles = ["stage", *(f"{count} threads, s" for count in threads), "ns, 1st column", "ratio"]
    if "apart" in found:
        titles.append("two processes")
    rows = []
    for stage in [*STAGES, REST, ALL]:
        values = [seconds[count][stage] for count in threads]
        visits = n * (found["epochs"] if stage == LOOP else 1)
        ratio = f"{values[0] / values[-1]:.2f}" if values[-1] > 0 else ""
        row = [stage, *(f"{value:.3f}" for value in values), f"{values[0] / visits * 1e9:.1f}"]
        row.append(ratio)
        if "apart" in found:
            row.append(f"{2 * values[0] / found['apart'][stage]:.2f}" if values[0] > 0 else "")
        rows.append(row)
    lines += tools.table(titles, rows)
    if {1, 2} <= set(threads):
        lines += ["", "More threads, by Amdahl's law stage by stage:", ""]
        lines += tools.table(["threads", "features, s", "loop, s"], _forecasts(seconds))
    return [*lines, ""]


def _forecasts(seconds: dict[int, dict[str, float]]) -> list[list[str]]:
    """Return a row for each of `MORE_THREADS`: seconds of the features, and of the loop."""
    rows = []
    for count in MORE_THREADS:
        each = {
            stage: forecast(seconds[1][stage], seconds[2][stage], count)
            for stage in seconds[1]
            if stage != ALL
        }
        loop = each.pop(LOOP)
        rows.append([str(count), f"{sum(each.values()):.2f}", f"{loop:.2f}"])
    return rows


if __name__ == "__main__":
    sys.exit(main())
