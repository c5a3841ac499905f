"""Time one text at a time, from Python: fasttext-lite and fastText, in turns of some texts.

``python -m bench.latency`` trains both on each data set (the default recipe and fastText's), then
times each call by itself: p50 and p99 in microseconds.  The last columns are texts per second of
1, 2 and 4 Python threads that share one model.  fastText gets its text as `bench.compare` makes
it, Chinese cut into characters before the clock starts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import tools
from bench.stages import files, peers

Call = Callable[[str], Any]
THREADS = (1, 2, 4)
BLOCK = 200  # texts between two programs' turns


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print it; return 0, or 2 for bad usage."""
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    add = parser.add_argument
    add("--data-dir", default=tools.data_dir(), help="folder of NAME/train.tsv and NAME/test.tsv")
    add("--sets", default="zh_topics,en_topics", help="names joined by commas")
    add("--calls", type=int, default=5000, help="of each program and set; default %(default)s")
    add("--seconds", type=float, default=1.0, help="of each throughput; default %(default)s")
    add("--json", metavar="FILE", help="write everything as one JSON object")
    options = parser.parse_args(argv)
    try:
        sets = tools.find_sets(options.data_dir, options.sets)
        tools.check_folders(files=[options.json])
    except tools.UsageError as error:
        print(f"bench.latency: {error}", file=sys.stderr)
        return 2
    about = tools.about_machine()
    print(tools.heading("Latency of one text", about) + "\n")
    heads = [f"texts/s, {n} thread{'s' * (n > 1)}" for n in THREADS]
    print(f"| data | call | p50, us | p99, us | {' | '.join(heads)} |\n|---|---|{'--:|' * 5}")
    report: dict[str, Any] = {"about": about, "sets": {}}
    for name, folder in sets.items():
        with tempfile.TemporaryDirectory(prefix="bench-") as work:
            calls = make_calls(folder, Path(work))
        times = latencies(calls, options.calls)
        rows: dict[str, dict[str, Any]] = {}
        report["sets"][name] = rows
        for title, (call, texts) in calls.items():
            ordered = sorted(times[title])
            rows[title] = {
                "p50": ordered[len(ordered) // 2] / 1e3,
                "p99": ordered[len(ordered) * 99 // 100] / 1e3,
                "rates": [throughput(call, texts, n, options.seconds) for n in THREADS],
            }
            row = rows[title]
            rates = " | ".join(f"{rate:,.0f}" for rate in row["rates"])
            print(f"| {name} | {title} | {row['p50']:.1f} | {row['p99']:.1f} | {rates} |")
    tools.write_json(options.json, report)
    return 0


def make_calls(folder: Path, work: Path) -> dict[str, tuple[Call, list[str]]]:
    """Train both programs; return what is timed, by name, with the texts that it is given."""
    import fasttext  # type: ignore[import-untyped]

    from fasttext_lite.estimators.classifier import load

    train = str(folder / "train.tsv")
    job: tools.Job = {
        "train": train,
        "test": str(folder / "test.tsv"),
        "work": str(work),
        "seed": tools.SEED,
    }
    peers.prepare({**job, "multilabel": False})
    job |= {"model": str(work / "model.ftl"), "threads": 2}
    peers.train_lite({**job, "settings": []})
    classifier: Any = load(job["model"])
    settings = {**tools.FASTTEXT, "thread": 2, "verbose": 0}
    other = fasttext.train_supervised(str(work / "train.ft"), **settings)
    texts, cut = (files.read_lines(work / name) for name in ("texts.txt", "texts.ft"))
    one, few = classifier.model_.predict_one, classifier.predict
    return {
        "fastText, model.predict(text)": (other.predict, cut),
        "fasttext-lite, model.predict_one(text)": (one, texts),
        "fasttext-lite, classifier.predict([text])": (lambda text: few([text]), texts),
    }


def latencies(calls: dict[str, tuple[Call, list[str]]], n_calls: int) -> dict[str, list[int]]:
    """Return the nanoseconds of each call; the programs take turns after some texts."""
    times: dict[str, list[int]] = {title: [] for title in calls}
    clock = time.perf_counter_ns
    for call, texts in calls.values():
        for text in texts[:BLOCK]:  # compiles, fills tables and caches
            call(text)
    for start in range(0, n_calls, BLOCK):
        for title, (call, texts) in calls.items():
            for i in range(start, start + BLOCK):
                text = texts[i % len(texts)]
                before = clock()
                call(text)
                times[title].append(clock() - before)
    return times


def throughput(call: Call, texts: list[str], n_threads: int, seconds: float) -> float:
    """Return texts per second of some Python threads together."""
    counts = [0] * n_threads
    end = time.perf_counter() + seconds

    def work(thread: int) -> None:
        n = 0
        while time.perf_counter() < end:
            for text in texts[:BLOCK]:
                call(text)
            n += len(texts[:BLOCK])
        counts[thread] = n

    start = time.perf_counter()
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
