"""What benchmarks share: data sets, contenders, stages in processes of their own, tables."""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata as metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUNDLED = ROOT / "datasets"
SEED = 1

# Sets with more labels take minutes to hours with a full softmax or a linear SVM.
MANY_LABELS = 1000


def words(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


FASTTEXT = {"lr": 0.5, "epoch": 5, "wordNgrams": 2, "dim": 100}
EQUAL = "--preset=fasttext --lr=0.5 --epochs=5 --word-ngrams=2 --dim=100"

# The best of a grid (lr 0.1 and 0.5; 5, 15 and 30 epochs; word n-grams 2 and 3; for English also
# character n-grams 2 to 4) on a tenth of each training file; sets not named here take the first.
BEST: dict[str, dict[str, Any]] = {
    "": {"lr": 0.5, "epoch": 15, "wordNgrams": 2},
    "ag_news_small": {"lr": 0.5, "epoch": 15, "wordNgrams": 2, "minn": 2, "maxn": 4},
    "banking77": {"lr": 0.5, "epoch": 30, "wordNgrams": 2, "minn": 2, "maxn": 4},
    "clinc150": {"lr": 0.5, "epoch": 30, "wordNgrams": 2},
    "goemotions": {"lr": 0.5, "epoch": 5, "wordNgrams": 2, "minn": 2, "maxn": 4},
    "poem_author": {"lr": 0.5, "epoch": 5, "wordNgrams": 2},  # no grid: minutes each
    "shopping_category": {"lr": 0.5, "epoch": 5, "wordNgrams": 2},
    "shopping_sentiment": {"lr": 0.5, "epoch": 5, "wordNgrams": 3},
    "thucnews": {"lr": 0.5, "epoch": 30, "wordNgrams": 3},
    "toutiao": {"lr": 0.5, "epoch": 15, "wordNgrams": 2},
}
SVC = {"sublinear_tf": True, "min_df": 2, "C": 0.3}
SVC_CJK = {"analyzer": "char", "ngram_range": (1, 3), **SVC}
SVC_OTHER = {"analyzer": "char_wb", "ngram_range": (1, 5), **SVC}

# Contender: name, package (as the worker calls it), module, settings in words.
CONTENDERS = {
    "lite": ("fasttext-lite", "lite", "fasttext_lite", "default recipe, on the file as it is"),
    "equal": ("fasttext-lite equal", "lite", "fasttext_lite", f"{EQUAL}, on fastText's file"),
    "fasttext": (
        "fastText", "fasttext", "fasttext",
        f"{words(FASTTEXT)}, else its defaults; predicts in 1 thread (its only way)",
    ),
    "best": (
        "fastText best", "fasttext", "fasttext",
        "its best settings of a small grid for each set (BEST in compare.py), dim 100",
    ),
    "cli": (
        "fastText CLI", "cli", "",
        f"the C++ program `fasttext`: {words(FASTTEXT)}, else its defaults; a pass of prediction "
        "loads the model; left out where it is not installed",
    ),
    "svc": (
        "TF-IDF + LinearSVC", "svc", "sklearn",
        f"CJK text {words(SVC_CJK)}, other text {words(SVC_OTHER)}; 1 thread (its only way)",
    ),
}  # fmt: skip


class UsageError(Exception):
    """The user's mistake, in one line."""


def find_sets(options: argparse.Namespace) -> dict[str, Path]:
    """Return the folder of each data set asked for."""
    data = Path(options.data_dir)
    names = [name.strip() for name in options.sets.split(",") if name.strip()]
    names = names or sorted(path.parent.name for path in data.glob("*/train.tsv"))
    if not names:
        raise UsageError(f"{data}: no NAME/train.tsv in this folder")
    found = {}
    for name in names:
        folders = [f for f in (data / name, BUNDLED / name) if (f / "train.tsv").is_file()]
        if not folders or not (folders[0] / "test.tsv").is_file():
            raise UsageError(f"{data / name}: not a folder with train.tsv and test.tsv")
        found[name] = folders[0].resolve()
    return found


def about_run(options: argparse.Namespace) -> dict[str, Any]:
    """Return versions, machine and settings."""
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).is_file():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    fasttexts = metadata.packages_distributions().get("fasttext", [])
    packages = ["fasttext-lite", "numpy", "numba", "scikit-learn", *sorted(set(fasttexts))]
    versions = [f"Python {platform.python_version()}"]
    for name in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions.append(f"{name} {metadata.version(name)}")
    affinity = getattr(os, "sched_getaffinity", None)
    load = f", load {os.getloadavg()[0]:.2f} at the start" if hasattr(os, "getloadavg") else ""
    return {
        "versions": ", ".join(versions),
        "machine": f"{cpu}, {len(affinity(0)) if affinity else os.cpu_count()} usable cores of "
        f"{os.cpu_count()}, {platform.system()} {platform.machine()}{load}",
        "run": f"{options.threads} threads in training, rounds: {options.repeat}",
        **{CONTENDERS[c][0]: CONTENDERS[c][3] for c in options.contenders},
        "fastText's file": f"rows shuffled (seed {SEED}): it never shuffles, and learns nothing "
        "from a sorted file; CJK text cut into the tokens of fasttext-lite's auto analyzer "
        "(lower case), other text unchanged; made before the clock starts",
        "warm-up": "fasttext-lite's compile cache is filled by a tiny untimed training first",
    }


def measure(job: dict[str, Any], work: Path) -> dict[str, Any]:
    """Train and predict once, each in a process of its own; return what was measured."""
    trained = stage("train", job, work)
    if "error" in trained:
        return trained
    predicted = stage("predict", job, work)
    os.unlink(job["model"])
    train = {f"train_{key}": trained.pop(key) for key in ("process_seconds", "peak_memory")}
    predicted["predict_peak_memory"] = predicted.pop("peak_memory", None)
    del predicted["process_seconds"]
    return {**predicted, **trained, **train}


def stage(name: str, job: dict[str, Any], work: Path) -> dict[str, Any]:
    """Do one stage of a job in a process of its own; return its measurements, or its error."""
    job_file, result_file = work / "job.json", work / "result.json"
    result_file.unlink(missing_ok=True)
    pools = ("OMP", "OPENBLAS", "MKL", "NUMBA")
    limits = {f"{pool}_NUM_THREADS": str(job["threads"]) for pool in pools}
    command = [sys.executable, "-m", "bench.stages.peers", str(job_file), str(result_file)]
    started = {"stage": name, "work": str(work), "seed": SEED, "started": time.time()}
    job_file.write_text(json.dumps({**job, **started}), encoding="utf-8")
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **limits, "PYTHONUTF8": "1"}, capture_output=True
    )
    seconds = time.perf_counter() - start
    if done.returncode or not result_file.is_file():
        lines = done.stderr.decode("utf-8", "replace").split("\n")
        reason = next((line for line in reversed(lines) if line.strip()), "no message")
        return {
            "error": f"{name} ended with code {done.returncode}: {reason}",
            "process_seconds": seconds,
        }
    return {**json.loads(result_file.read_text(encoding="utf-8")), "process_seconds": seconds}


def table(titles: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table with its columns padded."""
    widths = [max(len(row[i]) for row in (titles, *rows)) for i in range(len(titles))]

    def line(row: list[str]) -> str:
        padded = [row[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    return [line(titles), rule, *(line(row) for row in rows)]
