"""Compare fasttext-lite with fastText and TF-IDF + LinearSVC: the same files, in one run.

README.md in this folder says what is measured and how.  Only the standard library is imported
here: Linux counts a parent's memory to its child's peak.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import tools, variants
from bench.tools import FASTTEXT, MANY_LABELS, SVC_CJK, UsageError, measure, words

LOSSES = ("auto", "softmax", "hs", "ova", "ns")
EQUAL = "--preset=fasttext --lr=0.5 --epochs=5 --word-ngrams=2 --dim=100"
SVC_OTHER = {"analyzer": "char_wb", "ngram_range": (1, 5), **tools.SVC}

# Contender: name, package (as `bench.stages.peers` calls it), module, settings in words.
CONTENDERS = {
    "lite": ("fasttext-lite", "lite", "fasttext_lite", "default recipe, on the file as it is"),
    "equal": ("fasttext-lite equal", "lite", "fasttext_lite", f"{EQUAL}, on fastText's file"),
    "fasttext": (
        "fastText", "fasttext", "fasttext",
        f"{words(FASTTEXT)}, else its defaults; predicts in 1 thread (its only way)",
    ),
    "best": (
        "fastText best", "fasttext", "fasttext",
        "its best settings of a small grid for each set (BEST in bench/tools.py), dim 100",
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

# Key, title, format, unit; whether more is better (None: ratios are differences). A contender may
# lack some.
COLUMNS = (
    ("accuracy", "accuracy", "{:.4f}", 1, None),
    ("macro_f1", "macro-F1", "{:.4f}", 1, None),
    ("average_precision", "AP, rarest", "{:.4f}", 1, None),
    ("calibration_error", "ECE", "{:.4f}", 1, None),
    ("train_process_seconds", "train s, process", "{:.2f}", 1, False),
    ("train_seconds", "train s, after imports", "{:.2f}", 1, False),
    ("rate", "texts/s", "{:,.0f}", 1, True),
    ("rate_one_thread", "texts/s, 1 thread", "{:,.0f}", 1, True),
    ("start_to_labels_seconds", "start to labels, s", "{:.2f}", 1, False),
    ("model_bytes", "model MB", "{:.2f}", 1e6, False),
    ("train_peak_memory", "train peak MB", "{:.0f}", 1e6, False),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison and print it; return 0, 1 (a contender failed) or 2 (bad usage)."""
    try:
        options = parse(argv)
        sets = tools.find_sets(options.data_dir, options.sets)
    except UsageError as error:
        print(f"bench.compare: {error}", file=sys.stderr)
        return 2
    report = {"about": about_run(options), "sets": {}}
    print(tools.heading("Comparison", report["about"]), flush=True)
    warmed: set[str] = set()
    failed = False
    for name, variant in itertools.product(sets, options.variants):
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work_dir) as work:
            part = compare(name, variant, sets[name], Path(work).resolve(), options, warmed)
        title = variants.titled(name, variant)
        report["sets"][title] = part
        failed = failed or any("error" in run for run in part["runs"])
        print(section(title, part), flush=True)
        tools.write_json(options.json, report)  # an interrupted run keeps what it has
    return int(failed)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments and check that every contender is installed."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    add = parser.add_argument
    add("--data-dir", default=tools.data_dir(), help="folder of NAME/train.tsv and NAME/test.tsv "
        "(default: the environment's FASTTEXT_LITE_DATA, else the bundled sets)")  # fmt: skip
    add("--sets", default="", help="names joined by commas, in DATA_DIR or bundled (default: all)")
    add("--variants", default=variants.PLAIN, help=f"of the sets of one label to a text, joined by "
        f"commas: {variants.USAGE}; default %(default)s")  # fmt: skip
    add("--contenders", default=",".join(CONTENDERS), help="default %(default)s")
    add("--loss", default="auto,hs", help="of auto (our default; for others softmax or, with "
        "several labels, ova), softmax, hs, ova, ns; default %(default)s")  # fmt: skip
    add("--threads", type=int, default=2, help="default 2")
    add("--cli", default="fasttext", metavar="PROGRAM", help="fastText's command line, run where "
        "it is installed (default %(default)s)")  # fmt: skip
    add("--repeat", type=int, default=1, help="rounds, contenders in turn; medians are printed")
    add("--multilabel", default="goemotions", metavar="SETS", help="sets whose labels are joined "
        "by commas; they get the loss ova (default %(default)s)")  # fmt: skip
    add("--slow", action="store_true", help="run softmax, ova and LinearSVC on sets with more "
        f"than {MANY_LABELS:,} labels too")  # fmt: skip
    add("--json", metavar="FILE", help="write everything as one JSON object")
    add("--work-dir", metavar="DIR", help="for temporary files (fastText's model takes 1 GB)")
    options = parser.parse_args(argv)
    options.variants = variants.choose(options.variants)
    options.contenders = tools.choose("--contenders", options.contenders, CONTENDERS)
    options.loss = tools.choose("--loss", options.loss, LOSSES)
    if options.threads < 1 or options.repeat < 1:
        raise UsageError("--threads and --repeat must be at least 1")
    tools.check_folders(options.work_dir, files=[options.json])
    options.cli = shutil.which(options.cli) or ""
    if not options.cli and "cli" in options.contenders:
        options.contenders.remove("cli")
    for contender in options.contenders:
        name, _, module, _ = CONTENDERS[contender]
        if module and importlib.util.find_spec(module) is None:
            raise UsageError(
                f"{name} needs the Python package {module}, which is not installed: "
                "pip install 'fasttext-lite[bench]', or choose others with --contenders"
            )
    return options


def about_run(options: argparse.Namespace) -> dict[str, str]:
    """Return versions, machine and settings."""
    return {
        **tools.about_machine(),
        "run": f"{options.threads} threads in training, rounds: {options.repeat}",
        **{CONTENDERS[c][0]: CONTENDERS[c][3] for c in options.contenders},
        "fastText's file": f"rows shuffled (seed {tools.SEED}): it never shuffles, and learns "
        "nothing from a sorted file; CJK text cut into the tokens of fasttext-lite's auto analyzer "
        "(lower case), other text unchanged; made before the clock starts",
        "warm-up": "fasttext-lite's compile cache is filled by a tiny untimed training first",
    }


# -- running ---------------------------------------------------------------------------------


def compare(
    name: str, variant: str, folder: Path, work: Path, options: argparse.Namespace, warmed: set[str]
) -> dict[str, Any]:
    """Run every contender on one variant of a data set; return what was measured.

    Parameters
    ----------
    name, variant : str
    folder : Path
        With train.tsv and test.tsv.
    work : Path
        Empty folder for files.
    options : argparse.Namespace
    warmed : set of str
        Names of runs whose compiled code is in the cache already; grows.
    """
    job = {"multilabel": name in options.multilabel.split(","), "threads": options.threads}
    about = describe(variant, folder, job, work)
    if "unfit" in about:
        return {"about": {}, "left_out": [], "runs": [], "unfit": about["unfit"]}
    if "error" in about:
        return {"about": {}, "left_out": [], "runs": [{"name": "-", "error": about["error"]}]}
    runs, left_out = plan(about, options)
    job["rarest"] = about["rarest"]
    for run in runs:
        run["job"] = {**job, **job_of(name, run["contender"], run["loss"], about, work)}
        run["job"]["program"] = options.cli
        if run["job"]["package"] == "lite" and run["name"] not in warmed:
            warmed.add(run["name"])
            small = {"train": str(tools.BUNDLED / "en_topics" / "train.tsv"), "rarest": None}
            measure({**run["job"], **small}, work)
    for turn in range(options.repeat):
        for run in runs:
            title = variants.titled(name, variant)
            message = f"{title}: {run['name']}, round {turn + 1} of {options.repeat}"
            print(f"bench.compare: {message}", file=sys.stderr, flush=True)
            run["rounds"].append(measure(run["job"], work))
    for run in runs:
        run["settings"] = run.pop("job")["settings"]
        errors = [values["error"] for values in run["rounds"] if "error" in values]
        if errors:
            run["error"] = errors[0]
        else:
            run["median"] = medians(run["rounds"])
    add_ratios([run for run in runs if "median" in run])
    return {"about": about, "left_out": left_out, "runs": runs}


def describe(variant: str, folder: Path, job: dict[str, Any], work: Path) -> dict[str, Any]:
    """Write the files of a variant of a data set and return what it is, or "unfit" or "error"."""
    if variant != variants.PLAIN:
        if job["multilabel"]:
            return {"unfit": "its texts have several labels"}
        told = {**job, "package": "variants", "variant": variant, "source": str(folder)}
        written = tools.stage("vary", told, work)
        if "unfit" in written or "error" in written:
            return written
        folder = work
    paths = {part: str(folder / f"{part}.tsv") for part in ("train", "test")}
    about = tools.stage("prepare", {"package": "lite", **paths, **job}, work)
    return {**about, "train": paths["train"]}


def medians(rounds: list[dict[str, Any]]) -> dict[str, float | None]:
    """Return the median of each column over rounds, None of what was not measured."""
    found = {key: [each.get(key) for each in rounds] for key, *_ in COLUMNS}
    return {key: None if None in v else statistics.median(v) for key, v in found.items()}


def plan(about: dict[str, Any], options: argparse.Namespace) -> tuple[list[dict], list[str]]:
    """Return the runs for a data set, and the names of those left out because they are slow."""
    losses = ["auto"] if about["multilabel"] else options.loss
    pairs = [(c, loss) for loss in losses for c in options.contenders if c != "svc"]
    pairs += [("svc", "")] * ("svc" in options.contenders)
    runs, left_out = [], []
    for contender, loss in pairs:
        title = CONTENDERS[contender][0] + (f", {loss}" if loss not in ("", "auto") else "")
        ours = contender == "lite" and loss == "auto"  # takes hs itself
        slow = loss not in ("hs", "ns") and about["n_labels"] > MANY_LABELS and not ours
        if slow and not options.slow:
            left_out.append(title)
        else:
            runs.append({"name": title, "contender": contender, "loss": loss, "rounds": []})
    return runs, left_out


def job_of(
    name: str, contender: str, loss: str, about: dict[str, Any], work: Path
) -> dict[str, Any]:
    """Return what `bench.stages.peers` has to know of one contender."""
    converted = contender in ("equal", "fasttext", "best", "cli")
    ours = [] if loss == "auto" else ["--loss", loss]
    if loss == "auto":
        loss = "ova" if about["multilabel"] else "softmax"
    multilabel = ["--multilabel"] if about["multilabel"] else []
    settings = {
        "lite": [*ours, *multilabel],
        "equal": [*EQUAL.split(), "--loss", loss],
        "fasttext": {**FASTTEXT, "loss": loss},
        "cli": {**FASTTEXT, "loss": loss},
        "best": {**tools.best_of(name), "loss": loss},
        "svc": SVC_CJK if about["cjk"] else SVC_OTHER,
    }
    return {
        "package": CONTENDERS[contender][1],
        "settings": settings[contender],
        "train": str(work / "train.ft") if converted else about["train"],
        "texts": str(work / ("texts.ft" if converted else "texts.txt")),
        "model": str(work / ("model.bin" if contender == "cli" else "model")),
    }


def add_ratios(runs: list[dict[str, Any]]) -> None:
    """Add to each run how it stands to fastText with the same loss (LinearSVC: to the first).

    Scores are differences, all else factors; above 1 is better than fastText.
    """
    peers = {run["loss"]: run for run in runs if run["contender"] == "fasttext"}
    for run in runs:
        peer = peers.get(run["loss"] or next(iter(peers), ""))
        if peer is None:
            continue
        run["compared_with"] = peer["name"]
        run["ratios"] = {}
        for key, _, _, _, more_is_better in COLUMNS:
            own, other = run["median"][key], peer["median"][key]
            if own is None or other is None:
                run["ratios"][key] = None
            elif more_is_better is None:
                run["ratios"][key] = own - other
            else:
                run["ratios"][key] = own / other if more_is_better else other / own


# -- printing --------------------------------------------------------------------------------


def section(name: str, part: dict[str, Any]) -> str:
    """Return the Markdown of one data set."""
    about = part["about"]
    lines = ["", f"## {name}", ""]
    if about:
        script = "CJK" if about["cjk"] else "not CJK"
        lines += [
            f"{about['n_train']:,} training and {about['n_test']:,} test texts, "
            f"{about['n_labels']:,} labels ({about['n_rarest']:,} texts of the rarest, "
            f"{about['rarest']}), {script}{', multi-label' * about['multilabel']}; "
            f"fastText's file made in {about['convert_seconds']:.2f} s.",
            "",
        ]
    if "unfit" in part:
        return "\n".join([*lines, f"Left out: {part['unfit']}."])
    if part["left_out"]:
        lines += [f"Left out (--slow runs them): {'; '.join(part['left_out'])}.", ""]
    good = [run for run in part["runs"] if "median" in run]
    titles = [title for _, title, *_ in COLUMNS]
    lines += tools.table(["run", *titles], [[run["name"], *cells(run["median"])] for run in good])
    rated = [run for run in good if "ratios" in run]
    if rated:
        lines += [
            "",
            "Against fastText with the same loss (differences; factors, above 1 = better):",
        ]
        rows = [[run["name"], *ratio_cells(run["ratios"])] for run in rated]
        lines += ["", *tools.table(["run", *titles], rows)]
    for run in part["runs"]:
        if "error" in run:
            lines += ["", f"{run['name']} failed: {run['error']}"]
        elif run["contender"] == "lite":
            lines += ["", f"{run['name']}: {words(run['rounds'][0]['config'])}."]
    return "\n".join(lines)


def cells(values: dict[str, float | None]) -> list[str]:
    """Return the printed figures of one run."""
    shown = [(values[key], form, unit) for key, _, form, unit, _ in COLUMNS]
    return ["-" if value is None else form.format(value / unit) for value, form, unit in shown]


def ratio_cells(ratios: dict[str, float | None]) -> list[str]:
    """Return the printed ratios of one run."""
    forms = [(ratios[k], "{:+.4f}" if better is None else "{:.2f}×") for k, *_, better in COLUMNS]
    return ["-" if value is None else form.format(value) for value, form in forms]


if __name__ == "__main__":
    sys.exit(main())
