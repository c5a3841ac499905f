"""What the tools do that explain models and data, beside others that do the same.

``python -m bench.understand audit`` takes the training files of some sets, gives a share of the
rows another label at random, and asks which they are: our audit, and cleanlab with probabilities of
scikit-learn's LogisticRegression on TF-IDF.  Each runs in a process of its own, in turn.  A last
table times the whole command ``fasttext-lite audit`` on the files as they are.

``python -m bench.understand explain`` trains a model on each set and explains test texts, by our
explanations and by LIME: processor time of a text (median), and what becomes of
the label's log-probability (mean fall) and of the label where the word that was named as the
strongest is left out of the text.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import tools
from bench.tools import UsageError, words

STAGES = "bench.stages.understand"
SETS = "banking77,ag_news_small,shopping_sentiment,thucnews"
CJK = ("thucnews", "toutiao", "shopping_sentiment", "shopping_category")
LOGISTIC = {"max_iter": 1000}
TFIDF = {"sublinear_tf": True, "min_df": 2}
TFIDF_CJK = {"analyzer": "char", "ngram_range": (1, 2), **TFIDF}
TFIDF_OTHER = {"ngram_range": (1, 2), **TFIDF}

CONTENDERS = {
    "audit": "fasttext_lite.audit, its findings of the kind wrong in their order",
    "cleanlab": f"cleanlab's find_label_issues, ranked by self-confidence; probabilities out of 5 "
        f"folds of LogisticRegression ({words(LOGISTIC)}) on TF-IDF: CJK text {words(TFIDF_CJK)}, "
        f"other text {words(TFIDF_OTHER)}",
    "cleanlab, all": "the same, but all rows ranked by get_label_quality_scores",
}  # fmt: skip

Record = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print parts; return 0, 1 (a contender failed) or 2 (bad usage)."""
    options = parse(argv)
    try:
        tools.check_folders(options.work_dir, files=[options.json])
        sets = tools.find_sets(options.data_dir, options.sets)
    except UsageError as error:
        print(f"bench.understand: {error}", file=sys.stderr)
        return 2
    report: Record = {"about": tools.about_machine("cleanlab")}
    failed = False
    for part in options.parts:
        report[part] = records = {}
        for _ in PARTS[part](sets, options, records):
            tools.write_json(options.json, report)  # an interrupted run keeps what it has
        lines = LINES[part](records)
        failed |= any("error" in record for record in records["runs"])
        print("\n".join([tools.heading(part, report["about"]), "", *lines]), flush=True)
    return int(failed)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(prog="python -m bench.understand", description=__doc__)
    add = parser.add_argument
    add("parts", nargs="+", choices=sorted(PARTS), metavar="PART", help=", ".join(sorted(PARTS)))
    add("--data-dir", default=tools.data_dir(), help="folder of NAME/train.tsv and NAME/test.tsv "
        "(default: the environment's FASTTEXT_LITE_DATA, else the bundled sets)")  # fmt: skip
    add("--sets", default=SETS, help="names joined by commas (default %(default)s)")
    add("--seeds", type=int, default=3, help="of the labels that are changed; default %(default)s")
    add("--share", type=float, default=0.1, help="of them; default %(default)s")
    add("--threads", type=int, default=2, help="default %(default)s")
    add("--json", metavar="FILE", help="write everything as one JSON object")
    add("--work-dir", metavar="DIR", help="for temporary files")
    return parser.parse_args(argv)


# -- audit -----------------------------------------------------------------------------------
def audit(sets: dict[str, Path], options: argparse.Namespace, records: Record) -> Iterator[None]:
    """Find labels that were changed at random; time the command."""
    runs: list[Record] = []
    commands: list[Record] = []
    records |= {"contenders": CONTENDERS, "share": options.share, "runs": runs}
    records["commands"] = commands
    with tempfile.TemporaryDirectory(dir=options.work_dir) as folder:
        for stage in ("audit", "cleanlab"):
            for name, path in sets.items():
                for seed in range(1, options.seeds + 1):
                    runs += _found(stage, name, path, seed, Path(folder), options)
                    yield
                if stage == "audit":
                    commands.append(_timed(name, path, options))
                    yield


def _found(
    stage: str, name: str, path: Path, seed: int, folder: Path, options: argparse.Namespace
) -> list[Record]:
    """Return what one stage finds, a record for each contender in it."""
    print(f"{name}, seed {seed}: {stage}", file=sys.stderr, flush=True)
    tfidf = TFIDF_CJK if name in CJK else TFIDF_OTHER
    job = {
        "train": str(path / "train.tsv"), "share": options.share, "flip_seed": seed,
        "threads": options.threads, "tfidf": tfidf, "logistic": LOGISTIC,
    }  # fmt: skip
    result = tools.stage(stage, job, folder, STAGES)
    about = {"set": name, "seed": seed, "process_seconds": result["process_seconds"]}
    if "error" in result:
        return [{**about, "contender": stage, "error": result["error"]}]
    return [{**about, "contender": each, **found} for each, found in result["found"].items()]


def _timed(name: str, path: Path, options: argparse.Namespace) -> Record:
    """Time the command on a file as it is; the second of two runs counts."""
    file = path / "train.tsv"
    command = [sys.executable, "-m", "fasttext_lite", "audit", str(file), "--json"]
    record: Record = {"set": name, "rows": sum(1 for _ in file.open("rb"))}
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run(
            [*command, "--threads", str(options.threads)],
            cwd=tools.ROOT, env=env, check=True, capture_output=True,
        )  # fmt: skip
        record["seconds"] = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        record["processor_seconds"] = (
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        )
    return record


def _audit_lines(records: Record) -> list[str]:
    """Return the tables of an audit."""
    runs: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(records["runs"], key=lambda each: each["set"]):
        runs.setdefault((record["set"], record["contender"]), []).append(record)
    rows = []
    for (name, contender), several in runs.items():
        if any("error" in each for each in several):
            rows.append([f"{name}, {contender}", *["failed"] * 6])
            continue
        rows.append([f"{name}, {contender}", *(_spread(several, key) for key in MEASURES)])
    titles = ["set", "P at R .7", "proposed right", "listed", "P", "R", "processor s"]
    lines = tools.table(titles, rows)
    seconds = ("seconds", "processor_seconds")
    timed = [
        [each["set"], f"{each['rows']:,}", *(f"{each[key]:.1f}" for key in seconds)]
        for each in records["commands"]
    ]
    return [*lines, "", *tools.table(["command", "rows", "s", "processor s"], timed)]


MEASURES = ("precision_at", "proposed_right", "n", "precision", "recall", "processor_seconds")


def _spread(several: Sequence[Record], key: str) -> str:
    """Return mean and standard deviation of a figure over seeds."""
    values = [each[key] for each in several if each.get(key) is not None]
    if not values:
        return ""
    if max(values) > 1.5:
        return f"{statistics.mean(values):,.1f}"
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ± {deviation:.3f}"


# -- explain ---------------------------------------------------------------------------------
EXPLAINERS = {
    "explain": "FastTextClassifier.explain: contributions, read off the model",
    "LIME": "LimeTextExplainer, 5,000 samples (its default), on the same model and words",
    "the first word": "no explanation at all",
}


def explain(sets: dict[str, Path], options: argparse.Namespace, records: Record) -> Iterator[None]:
    """Explain texts; leave out of each the word that was named as the strongest."""
    runs: list[Record] = []
    records |= {"contenders": EXPLAINERS, "runs": runs}
    with tempfile.TemporaryDirectory(dir=options.work_dir) as folder:
        for name, path in sets.items():
            print(f"{name}: explain", file=sys.stderr, flush=True)
            job = {
                "train": str(path / "train.tsv"), "test": str(path / "test.tsv"), "threads": 1,
                "n_texts": 100,
            }  # fmt: skip
            result = tools.stage("explained", job, Path(folder), STAGES)
            if "error" in result:
                runs.append({"set": name, "contender": "explain", "error": result["error"]})
            else:
                runs += [{"set": name, "contender": k, **v} for k, v in result["found"].items()]
            yield


def _explain_lines(records: Record) -> list[str]:
    """Return the table of explanations."""
    rows = []
    for each in records["runs"]:
        what = f"{each['set']}, {each['contender']}"
        if "error" in each:
            rows.append([what, "failed", "", "", ""])
            continue
        rows.append(
            [
                what, f"{each['n_texts']:,}", f"{each['microseconds']:,.0f}",
                f"{each['fall']:.2f}", f"{each['changed']:.3f}",
            ]
        )  # fmt: skip
    return tools.table(["", "texts", "us a text", "fall", "other label"], rows)


# Name of a part: given the folders of the sets, the options and where to put what was measured
# ("runs" and more), it yields whenever there is something new; and the lines of its tables.
Part = Callable[[dict[str, Path], argparse.Namespace, Record], Iterator[None]]
PARTS: dict[str, Part] = {"audit": audit, "explain": explain}
LINES: dict[str, Callable[[Record], list[str]]] = {
    "audit": _audit_lines, "explain": _explain_lines,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
