"""Chinese text, from the raw file to the saved model: fasttext-lite, fastText and scikit-learn.

Every contender trains in a process of its own, from ``label<TAB>text`` to the saved model, and
predicts in another, from raw text to labels; cutting text into words or characters is in its
time.  Beside them stands jieba alone, which only cuts the training file into words.
``--seeds`` rounds are run, contenders in turn: accuracy and macro-F1 are means with their standard
deviation, all else medians; contenders that are not random train once.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import tools
from bench.stages import files
from bench.tools import UsageError

CHINESE = ("thucnews", "shopping_category", "toutiao", "shopping_sentiment", "poem_author")
WHEN_ASKED = ("poem_author",)  # minutes each
ANALYZERS = ("auto", "char", "jieba", "mixed")
LOSSES = ("auto", "softmax", "hs")
TOKENS = {"char": "characters", "jieba": "jieba words"}
PEERS = "bench.stages.chinese"  # does the stages of all but fasttext-lite

# Contender: the Python package it needs, what it is.
CONTENDERS = {
    "segment": ("jieba", "jieba alone: jieba.lcut over the training file, its dictionary's "
        "loading (from jieba's cache) included; nothing is trained"),
    "lite": ("fasttext_lite", "fasttext-lite, its command line on the raw file: each analyzer "
        "with each loss (default: one-vs-all up to 20 labels, softmax above), else its default"),
    "fasttext": ("fasttext", f"fastText: {tools.words(tools.FASTTEXT)}, loss softmax; text in "
        "lower case, spaces around each Chinese character or between the words of jieba.lcut, "
        "rows shuffled"),
    "best": ("fasttext", "fastText best: the same with the settings of BEST in tools.py, found "
        "on characters, where they are others"),
    "svc": ("sklearn", "TF-IDF + LinearSVC: sublinear_tf, min_df 2, C 0.3, on 1-3 characters or "
        "1-2 words of jieba.lcut"),
    "nb": ("sklearn", "TF-IDF + ComplementNB: the same features, alpha 1"),
}  # fmt: skip
NGRAMS = {"char": tools.SVC_CJK, "jieba": {"ngram_range": (1, 2), **tools.SVC}}

# Key, title, format, unit.
COLUMNS = (
    ("train_process_seconds", "training, s", "{:.2f}", 1),
    ("rate", "texts/s", "{:,.0f}", 1),
    ("model_bytes", "model, MB", "{:.1f}", 1e6),
    ("train_peak_memory", "peak memory, MB", "{:.0f}", 1e6),
)
SCORES = (("accuracy", "accuracy"), ("macro_f1", "macro-F1"))

# What stands in a plot for a label: English if no font has Chinese characters, else Chinese.
LABELS = {
    "education": "教育", "entertainment": "娱乐", "finance": "财经", "game": "游戏",
    "politics": "时政", "realty": "房产", "science": "科技", "society": "社会", "sports": "体育",
    "stocks": "股票", "books": "书籍", "tablets": "平板", "phones": "手机", "fruit": "水果",
    "shampoo": "洗发水", "water heaters": "热水器", "milk (Mengniu)": "蒙牛", "clothes": "衣服",
    "computers": "计算机", "hotels": "酒店",
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and print it; return 0, 1 (a contender failed) or 2 (bad usage)."""
    try:
        options = parse(argv)
        sets = find_sets(options)
        report = {"about": about_run(options), "chinese": earlier(options)}
    except UsageError as error:
        print(f"bench.chinese: {error}", file=sys.stderr)
        return 2
    print(tools.heading("Chinese text", report["about"]), flush=True)
    for name, folder in sets.items():
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work_dir) as work:
            run_set(name, folder, Path(work).resolve(), options, report)
        print(section(name, report["chinese"][name]), flush=True)
    if options.plots:
        for path in draw(report["chinese"], Path(options.plots)):
            print(f"bench.chinese: {path}", file=sys.stderr)
    runs = [run for name in sets for run in report["chinese"][name]["runs"]]
    return int(any("error" in run for run in runs))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments and check that every contender is installed."""
    parser = argparse.ArgumentParser(prog="python -m bench.chinese", description=__doc__)
    add = parser.add_argument
    add("--data-dir", default="", help="folder of NAME/train.tsv and NAME/test.tsv (default: "
        "FASTTEXT_LITE_DATA, and sets that `fasttext-lite datasets fetch` brought)")  # fmt: skip
    add("--sets", default="", help="names joined by commas (default: those there of "
        f"{', '.join(CHINESE)}, the last only when asked for)")  # fmt: skip
    add("--contenders", default=",".join(CONTENDERS), help="default %(default)s")
    add("--analyzers", default=",".join(ANALYZERS), help="ours; default %(default)s")
    add("--loss", default=",".join(LOSSES), help="ours; default %(default)s")
    add("--seeds", type=int, default=3, help="default %(default)s")
    add("--peer-seeds", type=int, help="of fastText, if not the same")
    add("--threads", type=int, default=2, help="default %(default)s")
    add("--json", metavar="FILE", help="write everything as one JSON object, after each round")
    add("--add", action="store_true", help="keep other sets that the JSON file has")
    add("--plots", metavar="DIR", help="draw accuracy against time, and confusion matrices")
    add("--work-dir", metavar="DIR", help="for temporary files (fastText's model takes 1 GB)")
    options = parser.parse_args(argv)
    options.contenders = tools.choose("--contenders", options.contenders, CONTENDERS)
    options.analyzers = tools.choose("--analyzers", options.analyzers, ANALYZERS)
    options.loss = tools.choose("--loss", options.loss, LOSSES)
    if options.peer_seeds is None:
        options.peer_seeds = options.seeds
    if min(options.threads, options.seeds, options.peer_seeds) < 1:
        raise UsageError("--threads, --seeds and --peer-seeds must be at least 1")
    tools.check_folders(options.work_dir, options.plots, files=[options.json])
    if options.add and not options.json:
        raise UsageError("--add needs --json FILE")
    modules = {CONTENDERS[contender][0] for contender in options.contenders}
    modules |= {"jieba"} | ({"matplotlib"} if options.plots else set())
    missing = sorted(module for module in modules if importlib.util.find_spec(module) is None)
    if missing:
        raise UsageError(
            f"Python packages not installed: {', '.join(missing)}; "
            "pip install 'fasttext-lite[bench,plot]', or choose others with --contenders"
        )
    return options


def find_sets(options: argparse.Namespace) -> dict[str, Path]:
    """Return the folder of each data set asked for."""
    names = tools.split_names(options.sets)
    usual = [name for name in CHINESE if name not in WHEN_ASKED]
    if options.data_dir:
        there = [n for n in usual if (Path(options.data_dir) / n / "train.tsv").is_file()]
        if not names and not there:
            raise UsageError(f"{options.data_dir}: none of {', '.join(usual)} in this folder")
        return tools.find_sets(options.data_dir, ",".join(names or there))
    from fasttext_lite.datasets.fetch import list_datasets

    paths = {entry["name"]: entry["path"] for entry in list_datasets() if entry["path"]}
    wanted = names or [name for name in usual if name in paths]
    missing = [name for name in wanted if name not in paths]
    if missing or not wanted:
        what = " ".join(missing or usual)
        raise UsageError(
            f"not there: {what}; give --data-dir or FASTTEXT_LITE_DATA, or bring them: "
            "fasttext-lite datasets fetch NAME"
        )
    return {name: Path(paths[name]).resolve() for name in wanted}


def about_run(options: argparse.Namespace) -> dict[str, str]:
    """Return versions, machine and settings."""
    return {
        **tools.about_machine("jieba"),
        "run": f"{options.threads} threads (LinearSVC, ComplementNB, jieba and fastText's "
        f"prediction: 1, their only way), {options.seeds} seeds, fastText {options.peer_seeds}",
        **{name: CONTENDERS[name][1] for name in options.contenders},
        "warm-up": "fasttext-lite's compile cache, and jieba's of its dictionary, are filled "
        "by untimed runs first",
    }


def earlier(options: argparse.Namespace) -> dict[str, Any]:
    """Return the sets that the JSON file has already, if they are to be kept."""
    if not options.add or not Path(options.json).is_file():
        return {}
    try:
        return json.loads(Path(options.json).read_text(encoding="utf-8"))["chinese"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{options.json}: not a file of bench.chinese") from None


# -- running ---------------------------------------------------------------------------------


def run_set(
    name: str, folder: Path, work: Path, options: argparse.Namespace, report: dict[str, Any]
) -> None:
    """Run every contender on one data set; put what was measured into the report."""
    train = str(folder / "train.tsv")
    job = {"multilabel": False, "threads": options.threads, "train": train}
    job.update(texts=str(work / "texts.txt"), model=str(work / "model"))
    told = {"package": "lite", "test": str(folder / "test.tsv")}
    about = tools.stage("prepare", {**job, **told}, work)
    part: dict[str, Any] = {"about": about, "runs": [], "loads": []}
    report["chinese"][name] = part
    if "error" in about:
        part["runs"] = [{"name": "-", "error": about["error"]}]
        return
    part["runs"] = plan(name, about["n_labels"], options)
    warm_up(part["runs"], job, work)
    for turn in range(max(run["seeds"] for run in part["runs"])):
        if hasattr(os, "getloadavg"):
            part["loads"].append(round(os.getloadavg()[0], 2))
        for run in part["runs"]:
            if turn >= run["seeds"] or "error" in run:
                continue
            message = f"{name}: {run['name']}, seed {turn + 1} of {run['seeds']}"
            print(f"bench.chinese: {message}", file=sys.stderr, flush=True)
            found = measure(run, {**job, "round": turn}, work)
            run["rounds"].append(found)
            if config := found.pop("config", None):
                run["config"] = config
            if "error" in found:
                run["error"] = found["error"]
            elif (run["package"], run.get("analyzer"), run.get("loss")) == ("lite", "auto", "auto"):
                part.setdefault("confusion", confusion(work))
        summarize(part["runs"])
        tools.write_json(options.json, report)  # an interrupted run keeps what it has


def plan(name: str, n_labels: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the runs for a data set; with many labels, only those with a tree of labels."""
    many = n_labels > tools.MANY_LABELS
    chosen = options.contenders
    runs: list[dict[str, Any]] = []

    def add(title: str, package: str, **values: Any) -> None:
        seeds = {"lite": options.seeds, "fasttext": options.peer_seeds, "segment": options.seeds}
        base = {"name": title, "package": package, "seeds": seeds.get(package, 1), "rounds": []}
        runs.append({**base, **values})

    if "segment" in chosen:
        add("jieba alone", "segment")
    for analyzer in options.analyzers if "lite" in chosen else ():
        for loss in ["hs"] if many else options.loss:
            title = f"fasttext-lite {analyzer}" + f", {loss}" * (loss != "auto")
            add(title, "lite", analyzer=analyzer, loss=loss)
    best = tools.best_of(name)
    loss = "hs" if many else "softmax"
    for tokens, text in TOKENS.items():
        text += ", hs" * many
        if "fasttext" in chosen or ("best" in chosen and best == tools.FASTTEXT):
            settings = {**tools.FASTTEXT, "loss": loss}
            add(f"fastText, {text}", "fasttext", tokens=tokens, settings=settings)
        if "best" in chosen and best != tools.FASTTEXT:
            settings = {**best, "loss": loss}
            add(f"fastText best, {text}", "fasttext", tokens=tokens, settings=settings)
    for package, title in (("svc", "TF-IDF + LinearSVC"), ("nb", "TF-IDF + ComplementNB")):
        for tokens, text in TOKENS.items():
            if package in chosen and not many:
                settings = {k: v for k, v in NGRAMS[tokens].items() if package == "svc" or k != "C"}
                add(f"{title}, {text}", package, tokens=tokens, settings=settings)
    return runs


def warm_up(runs: list[dict[str, Any]], job: dict[str, Any], work: Path) -> None:
    """Fill the caches: train on every tenth row with each of our settings, and cut a few words."""
    sample = work / "sample.tsv"
    sample.write_bytes(b"".join(Path(job["train"]).read_bytes().splitlines(keepends=True)[::10]))
    for run in runs:
        if run["package"] == "lite":
            tools.stage("train", {**job, **our_job(run, 0), "train": str(sample)}, work)
        elif run["package"] == "segment":
            tools.stage("segment", {**job, **peer_job(run), "train": str(sample)}, work, PEERS)


def our_job(run: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return what `bench.stages.peers` has to know of a run of ours."""
    loss = [] if run["loss"] == "auto" else ["--loss", run["loss"]]
    settings = ["--analyzer", run["analyzer"], *loss, "--seed", str(seed)]
    return {"package": "lite", "settings": settings}


def peer_job(run: dict[str, Any]) -> dict[str, Any]:
    """Return what `bench.stages.chinese` has to know of a run."""
    return {key: run[key] for key in ("package", "tokens", "settings") if key in run}


def measure(run: dict[str, Any], job: dict[str, Any], work: Path) -> dict[str, Any]:
    """Train and predict once, each in a process of its own; return what was measured."""
    if run["package"] == "lite":
        return tools.measure({**job, **our_job(run, job["round"])}, work)
    if run["package"] == "segment":
        found = tools.stage("segment", {**job, **peer_job(run)}, work, PEERS)
        return found if "error" in found else {
            "train_process_seconds": found["process_seconds"],
            "train_peak_memory": found["peak_memory"],
            "n_words": found["n_words"],
        }  # fmt: skip
    return tools.measure({**job, **peer_job(run)}, work, PEERS)


def confusion(work: Path) -> dict[str, Any]:
    """Return the counts of true (rows) and predicted labels of the last prediction."""
    gold, found = (files.read_lines(work / name) for name in ("gold.txt", "output.txt"))
    pairs = Counter(zip(gold, found, strict=True))
    names = sorted({name for pair in pairs for name in pair})
    return {"names": names, "counts": [[pairs[row, column] for column in names] for row in names]}


def summarize(runs: list[dict[str, Any]]) -> None:
    """Add to each run its medians, and the mean and standard deviation of its scores."""
    for run in runs:
        rounds = [found for found in run["rounds"] if "error" not in found]
        if not rounds or "error" in run:
            continue
        keys = [key for key, *_ in COLUMNS if key in rounds[0]]
        run["median"] = {key: statistics.median(found[key] for found in rounds) for key in keys}
        for key, _ in SCORES:
            values = [found[key] for found in rounds if key in found]
            if values:
                run["median"][key] = statistics.fmean(values)
            if len(values) > 1:
                run["median"][f"{key}_deviation"] = statistics.stdev(values)


# -- printing --------------------------------------------------------------------------------


def section(name: str, part: dict[str, Any]) -> str:
    """Return the Markdown of one data set."""
    about, runs = part["about"], part["runs"]
    good = [run for run in runs if "median" in run]
    lines = ["", f"## {name}", ""]
    if "n_train" in about:
        loads = ", ".join(f"{load:.1f}" for load in part["loads"])
        lines += [
            f"{about['n_train']:,} training and {about['n_test']:,} test texts, "
            f"{about['n_labels']:,} labels; load when each round began: {loads or 'unknown'}.",
            "",
        ]
    titles = [title for _, title in SCORES] + [title for _, title, *_ in COLUMNS] + ["runs"]
    rows = [[run["name"], *cells(run["median"]), str(len(run["rounds"]))] for run in good]
    lines += tools.table(["contender", *titles], rows)
    lines += claims(good)
    for run in runs:
        if "error" in run:
            lines += ["", f"{run['name']} failed: {run['error']}"]
    return "\n".join(lines)


def cells(values: dict[str, float]) -> list[str]:
    """Return the printed figures of one run."""
    found = []
    for key, _ in SCORES:
        deviation = values.get(f"{key}_deviation")
        spread = "" if deviation is None else f" ± {deviation:.4f}"
        found.append(f"{values[key]:.4f}{spread}" if key in values else "")
    return found + [
        form.format(values[key] / unit) if key in values else "" for key, _, form, unit in COLUMNS
    ]


def claims(runs: list[dict[str, Any]]) -> list[str]:
    """Return lines: how our runs stand to jieba alone, and to jieba followed by fastText."""
    ours = [run for run in runs if run["package"] == "lite" and run["analyzer"] != "char"]
    ours = [run for run in ours if run["loss"] == "auto"] or ours
    alone = next((run for run in runs if run["package"] == "segment"), None)
    routes = [r for r in runs if r["package"] == "fasttext" and r["tokens"] == "jieba"]
    if not ours or not (alone or routes):
        return []
    titles, rows = ["from the raw file to the saved model", "seconds"], []
    titles += ["jieba alone takes"] if alone else []
    for route in routes:
        titles += [f"{route['name']} takes", "our accuracy, points"]
    for run in ours:
        seconds = run["median"]["train_process_seconds"]
        row = [run["name"], f"{seconds:.2f}"]
        for peer in [*([alone] if alone else []), *routes]:
            times = peer["median"]["train_process_seconds"] / seconds
            row.append(f"{times:.1f} times as long")
            if peer is not alone:
                points = 100 * (run["median"]["accuracy"] - peer["median"]["accuracy"])
                row.append(f"{points:+.2f}")
        rows.append(row)
    return ["", "Ratios, as measured:", "", *tools.table(titles, rows)]


# -- drawing ---------------------------------------------------------------------------------


def draw(sets: dict[str, Any], folder: Path) -> list[Path]:
    """Write the plots of all sets; return their files."""
    from bench import plots

    written = []
    for name, part in sets.items():
        runs = [run for run in part["runs"] if "accuracy" in run.get("median", {})]
        if runs:
            alone: dict[str, Any] = next((r for r in part["runs"] if r["package"] == "segment"), {})
            seconds = alone.get("median", {}).get("train_process_seconds")
            written.append(folder / f"chinese-{name}.png")
            plots.save(draw_scores(name, runs, seconds), written[-1])
        found = part.get("confusion")
        if found and name in ("thucnews", "shopping_category"):
            written.append(folder / f"chinese-confusion-{name}.png")
            draw_confusion(found, written[-1])
    return written


def draw_scores(name: str, runs: list[dict[str, Any]], alone: float | None) -> Any:
    """Return a figure of accuracy against training time, each point with its name."""
    from matplotlib.figure import Figure

    from bench import plots

    style = plots.styles([run["name"] for run in runs])
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    points = [(r["median"]["train_process_seconds"], 100 * r["median"]["accuracy"]) for r in runs]
    seconds, scores = zip(*points, strict=True)
    low, high = min(seconds), max(max(seconds), alone or 0)
    width = high / low
    axes.set_xlim(low / width**0.55, high * width**0.55)
    room = max(max(scores) - min(scores), 0.5)
    axes.set_ylim(min(scores) - 0.06 * room, max(scores) + 0.06 * room)
    for left in (True, False):
        own = [i for i, run in enumerate(runs) if (run["package"] == "lite") == left]
        own.sort(key=lambda i: scores[i])
        edge = low / width**0.12 if left else high * width**0.08
        bottom, top = axes.get_ylim()
        heights = spread([scores[i] for i in own], (top - bottom) / 24, bottom, top)
        for i, height in zip(own, heights, strict=True):
            color = style[runs[i]["name"]]["color"]
            axes.plot(*points[i], marker=style[runs[i]["name"]]["marker"], color=color)
            axes.annotate(
                runs[i]["name"], points[i], xytext=(edge, height), color=color, fontsize=8,
                ha="right" if left else "left", va="center",
                arrowprops={
                    "arrowstyle": "-", "color": color, "alpha": 0.3, "linewidth": 0.7,
                    "relpos": (1, 0.5) if left else (0, 0.5),
                },
            )  # fmt: skip
    if alone:
        axes.axvline(alone, color="0.4", linestyle=":")
        axes.annotate(
            f"jieba alone: {alone:.1f} s", (alone, axes.get_ylim()[0]), xytext=(4, 5),
            textcoords="offset points", fontsize=8, color="0.3",
        )  # fmt: skip
    plots.plain_ticks(axes.xaxis, *axes.get_xlim())
    axes.set_xlabel("training, from the raw file to the saved model, seconds (left is better)")
    axes.set_ylabel("accuracy, % (up is better)")
    axes.grid(alpha=0.3)
    axes.set_title(name)
    return figure


def spread(values: list[float], gap: float, low: float, high: float) -> list[float]:
    """Return rising values moved apart to at least a gap, and kept between two bounds if they fit.

    Examples
    --------
    >>> spread([1.0, 1.0, 5.0], 1.0, 0.0, 5.5)
    [1.0, 2.0, 5.0]
    """
    placed: list[float] = []
    for value in values:
        placed.append(max(value, placed[-1] + gap if placed else low + gap / 2))
    ceiling = high - gap / 2
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return placed


def draw_confusion(found: dict[str, Any], path: Path) -> None:
    """Write a confusion matrix, its labels in Chinese where a font has the characters."""
    import numpy as np
    from matplotlib import font_manager

    from fasttext_lite.evaluation.plots import CJK_FONTS, plot_confusion
    from fasttext_lite.evaluation.scores import Evaluation

    fonts = {font.name for font in font_manager.fontManager.ttflist}
    names = LABELS if fonts & set(CJK_FONTS) else {zh: en for en, zh in LABELS.items()}
    counts = np.array(found["counts"])
    rows, columns = np.nonzero(counts)
    times = counts[rows, columns]
    evaluation = Evaluation(
        names=[names.get(name, name) for name in found["names"]],
        n_known=len(counts), n=int(counts.sum()), n_right=int(np.trace(counts)),
        hits=np.diag(counts), predicted=counts.sum(0), gold=counts.sum(1),
        n_unseen_texts=0, n_unknown_texts=0, first_gold=np.repeat(rows, times),
        first_found=np.repeat(columns, times), k=1, threshold=0.0,
    )  # fmt: skip
    plot_confusion(evaluation, path)


if __name__ == "__main__":
    sys.exit(main())
