"""What benchmarks share: data sets, settings of peers, stages in processes of their own, tables.

Only the standard library is imported here, and nothing of the package: Linux counts a parent's
memory to its child's peak.
"""

from __future__ import annotations

import contextlib
import importlib.metadata as metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUNDLED = ROOT / "datasets"
SEED = 1

# Sets with more labels take minutes to hours with a full softmax or a linear SVM.
MANY_LABELS = 1000

# -- settings of peers -----------------------------------------------------------------------

FASTTEXT = {"lr": 0.5, "epoch": 5, "wordNgrams": 2, "dim": 100}

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


def best_of(name: str) -> dict[str, Any]:
    """Return fastText's best settings for a data set."""
    return {"dim": 100, **BEST.get(name, BEST[""])}


def words(settings: Mapping[str, Any]) -> str:
    """Return settings in words.

    Examples
    --------
    >>> words({"lr": 0.5, "dim": 100})
    'lr 0.5, dim 100'
    """
    return ", ".join(f"{name} {value}" for name, value in settings.items())


# -- what the user asks for ------------------------------------------------------------------


class UsageError(Exception):
    """The user's mistake, in one line."""


def split_names(text: str, mark: str = ",") -> list[str]:
    """Return the names of a list that is joined by a mark, without empty ones."""
    return [name.strip() for name in text.split(mark) if name.strip()]


def choose(option: str, text: str, known: Collection[str], mark: str = ",") -> list[str]:
    """Return the names that an option gives, of those that are known.

    Raises
    ------
    UsageError
        Of no name, and of one that is not known.
    """
    names = split_names(text, mark)
    if not names or set(names) - set(known):
        raise UsageError(f"{option} must be of {f'{mark} '.join(known)}; got {text!r}")
    return names


def check_folders(*folders: str | Path | None, files: Collection[str | None] = ()) -> None:
    """Raise `UsageError` unless folders, and those of files, are there; None and "" are skipped."""
    wanted = [*folders, *(Path(file).absolute().parent for file in files if file)]
    for folder in wanted:
        if folder and not Path(folder).is_dir():
            raise UsageError(f"{folder}: no such folder")


def data_dir() -> str:
    """Return the folder of data sets that is taken if none is named."""
    return os.environ.get("FASTTEXT_LITE_DATA") or str(BUNDLED)


def find_sets(folder: str | Path, names: str = "") -> dict[str, Path]:
    """Return the folder of each data set asked for.

    Parameters
    ----------
    folder : str or Path
        With NAME/train.tsv and NAME/test.tsv.
    names : str
        Joined by commas, in `folder` or bundled; empty for all in `folder`.

    Raises
    ------
    UsageError
        If a set, or a part of it, is not there.
    """
    data = Path(folder)
    wanted = split_names(names) or sorted(path.parent.name for path in data.glob("*/train.tsv"))
    if not wanted:
        raise UsageError(f"{data}: no NAME/train.tsv in this folder")
    found = {}
    for name in wanted:
        folders = [f for f in (data / name, BUNDLED / name) if (f / "train.tsv").is_file()]
        if not folders or not (folders[0] / "test.tsv").is_file():
            raise UsageError(f"{data / name}: not a folder with train.tsv and test.tsv")
        found[name] = folders[0].resolve()
    return found


# -- about the run ---------------------------------------------------------------------------


def about_machine(*more_packages: str) -> dict[str, str]:
    """Return what every report begins with: versions of packages, and the machine."""
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).is_file():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    fasttexts = metadata.packages_distributions().get("fasttext", [])
    packages = ["fasttext-lite", "numpy", "numba", "scikit-learn", *sorted(set(fasttexts))]
    versions = [f"Python {platform.python_version()}"]
    for name in (*packages, *more_packages):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions.append(f"{name} {metadata.version(name)}")
    load = f", load {os.getloadavg()[0]:.2f} at the start" if hasattr(os, "getloadavg") else ""
    return {
        "versions": ", ".join(versions),
        "machine": f"{cpu}, {n_usable_cores()} usable cores of {os.cpu_count()}, "
        f"{platform.system()} {platform.machine()}{load}",
    }


def n_usable_cores() -> int:
    """Return the number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


# -- stages in processes of their own --------------------------------------------------------

Job = dict[str, Any]  # what a stage has to know


def stage(name: str, job: Job, work: Path, module: str = "bench.stages.peers") -> dict[str, Any]:
    """Do one stage of a job in a process of its own.

    Parameters
    ----------
    name : str
        Of the stage: a key of the module's `STAGES`.
    job : dict
        Has "threads", which also limits the pools of libraries, and what the stage asks for.
    work : Path
        Folder for files.
    module : str
        Run as ``python -m MODULE JOB RESULT``.

    Returns
    -------
    dict
        What the stage measured, or "error"; and "process_seconds", from start to end.
    """
    job_file, result_file = work / "job.json", work / "result.json"
    result_file.unlink(missing_ok=True)
    pools = ("OMP", "OPENBLAS", "MKL", "NUMBA")
    limits = {f"{pool}_NUM_THREADS": str(job["threads"]) for pool in pools}
    command = [sys.executable, "-m", module, str(job_file), str(result_file)]
    started = {"stage": name, "work": str(work), "seed": SEED, "started": time.time()}
    job_file.write_text(json.dumps({**job, **started}), encoding="utf-8")
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **limits, "PYTHONUTF8": "1"}, capture_output=True
    )
    seconds = {"process_seconds": time.perf_counter() - start}
    if done.returncode or not result_file.is_file():
        lines = done.stderr.decode("utf-8", "replace").split("\n")
        reason = next((line for line in reversed(lines) if line.strip()), "no message")
        return {"error": f"{name} ended with code {done.returncode}: {reason}", **seconds}
    return {**json.loads(result_file.read_text(encoding="utf-8")), **seconds}


def measure(job: Job, work: Path, module: str = "bench.stages.peers") -> dict[str, Any]:
    """Train and predict once, each in a process of its own; return what was measured.

    Parameters are those of `stage`; the model that was trained is deleted.
    """
    trained = stage("train", job, work, module)
    if "error" in trained:
        return trained
    predicted = stage("predict", job, work, module)
    os.unlink(job["model"])
    train = {f"train_{key}": trained.pop(key) for key in ("process_seconds", "peak_memory")}
    predicted["predict_peak_memory"] = predicted.pop("peak_memory", None)
    del predicted["process_seconds"]
    return {**predicted, **trained, **train}


# -- reports ---------------------------------------------------------------------------------


def heading(title: str, about: Mapping[str, str]) -> str:
    """Return the Markdown that a report begins with."""
    return "\n".join([f"# {title}", "", *(f"- {key}: {value}" for key, value in about.items())])


def table(titles: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table with its columns padded.

    Examples
    --------
    >>> table(["run", "s"], [["one", "1.5"]])
    ['| run |   s |', '|-----|----:|', '| one | 1.5 |']
    """
    widths = [max(len(row[i]) for row in (titles, *rows)) for i in range(len(titles))]

    def line(row: list[str]) -> str:
        padded = [row[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    return [line(titles), rule, *(line(row) for row in rows)]


def write_json(path: str | Path | None, report: Any) -> None:
    """Write a report as JSON; nothing if there is no path."""
    if path:
        text = json.dumps(report, indent=1, ensure_ascii=False)
        Path(path).write_text(text + "\n", encoding="utf-8")
