"""Few labels: what texts without labels, and a teacher's embeddings, bring.

``python -m bench.few_labels`` keeps the labels of a few rows of each label, takes them away from
all other rows of the training file, and trains on that; the test file is labelled.  Each round (a
set, a number of rows, a seed) is a process of its own, in which all contenders see the same sample
and take turns in prediction.  A last table times the whole command.  ``--embed ENCODER`` makes the
embeddings first, once, with sentence-transformers and an encoder that is there.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import compare, tools
from bench.stages import few_labels as stages
from bench.tools import UsageError, words

STAGES = "bench.stages.few_labels"
ALL = "all"
LOGISTIC = {"C": 10, "max_iter": 1000}  # with C 1 it falls behind on short vectors of many labels
SVC = {"cjk": tools.SVC_CJK, "other": compare.SVC_OTHER}

# Contender: what it is.
CONTENDERS = {
    "default": "FastTextClassifier(random_state=seed), on the labelled rows",
    "svc": f"TF-IDF + LinearSVC on the labelled rows: CJK text {words(tools.SVC_CJK)}, other text "
        f"{words(compare.SVC_OTHER)}; 1 thread (its only way)",
    "unlabelled": "the default with fit(unlabelled=...), all other rows of the training file "
        "without their labels",
    "encoder": f"scikit-learn's LogisticRegression ({words(LOGISTIC)}) on the encoder's embeddings "
        "of the labelled rows; the encoder's time is in its texts/s, and not in its training",
    "taught": "the default with fit(unlabelled=..., text_embeddings=...), the encoder's embeddings "
        "of labelled and other rows; their making is not in its time",
    "model2vec": "model2vec's StaticModelForClassification, with the model in --model2vec",
}  # fmt: skip
EMBEDDED = ("encoder", "taught")  # need embeddings
TAUGHT = ("unlabelled", "taught")  # are set beside the default

# Commands: the title, what stages.peers calls the program.
COMMANDS = {
    "default": ("train LABELLED", "lite"),
    "unlabelled": ("train LABELLED --unlabelled POOL", "lite"),
    "fasttext": ("fastText, supervised, LABELLED", "fasttext"),
}

Record = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print it; return 0, 1 (a contender failed) or 2 (bad usage)."""
    try:
        options = parse(argv)
        sets = tools.find_sets(options.data_dir, options.sets)
        if options.embed:
            return embed_sets(sets, options)
        report = earlier(options)
        report["about"] |= about_run(options)
    except UsageError as error:
        print(f"bench.few_labels: {error}", file=sys.stderr)
        return 2
    several = {name for name in sets if name in tools.split_names(options.multilabel)}
    for name in sorted(several):
        say(f"{name}: left out, its texts have several labels")
    done: list[Record] = []
    for name in (name for name in sets if name not in several):
        for rounds in run_set(name, sets[name], options):
            done += rounds
            merge(report["runs"], rounds, ("set", "rows", "contender", "round"))
            tools.write_json(options.json, report)  # an interrupted run keeps what it has
    if options.command in sets:
        found = time_commands(options.command, sets[options.command], options)
        done += found
        merge(report["commands"], found, ("set", "rows", "command"))
        tools.write_json(options.json, report)
    print("\n".join(printed(report)), flush=True)
    return int(any("error" in record for record in done))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse and check the arguments."""
    parser = argparse.ArgumentParser(prog="python -m bench.few_labels", description=__doc__)
    add = parser.add_argument
    add("--data-dir", default=tools.data_dir(), help="folder of NAME/train.tsv and NAME/test.tsv "
        "(default: the environment's FASTTEXT_LITE_DATA, else the bundled sets)")  # fmt: skip
    add("--sets", default="", help="names joined by commas, in DATA_DIR or bundled (default: all)")
    add("--multilabel", default="goemotions", metavar="SETS", help="sets whose texts have several "
        "labels: they are left out (default %(default)s)")  # fmt: skip
    add("--rows", default=f"10,30,{ALL}", help="that keep their labels, of each label, joined by "
        f"commas; {ALL} for all rows, none without labels; default %(default)s")  # fmt: skip
    add("--contenders", default=",".join(CONTENDERS), help="default %(default)s; or none")
    add("--seeds", type=int, default=3, help="default %(default)s")
    add("--threads", type=int, default=2, help="of prediction and of the command; a training with "
        "a seed has one; default %(default)s")  # fmt: skip
    add("--passes", type=int, default=5, help="of prediction at least, the best counts; default "
        "%(default)s")  # fmt: skip
    add("--embeddings", metavar="DIR", help="of NAME.train.npy and NAME.test.npy, a row for each "
        "row of the files (default: a folder of the user's cache)")  # fmt: skip
    add("--embed", metavar="ENCODER", help="make the embeddings that are not there yet with the "
        "encoder in this folder, and do nothing else")  # fmt: skip
    add("--model2vec", metavar="DIR", help="model2vec's model; without it that is left out")
    add("--command", default="thucnews", metavar="SET", help="time the whole command on this set, "
        "if it is among the sets (default %(default)s; or none)")  # fmt: skip
    add("--command-rows", type=int, default=30, help="of each label; default %(default)s")
    add("--command-rounds", type=int, default=3, help="default %(default)s")
    add("--json", metavar="FILE", help="write everything as one JSON object, after each round")
    add("--add", action="store_true", help="keep what the JSON file has and is not measured anew, "
        "and print it too")  # fmt: skip
    add("--work-dir", metavar="DIR", help="for temporary files")
    return check(parser.parse_args(argv))


def check(options: argparse.Namespace) -> argparse.Namespace:
    """Check the arguments, and return them as they are used."""
    none = options.contenders == "none"
    chosen = [] if none else tools.choose("--contenders", options.contenders, CONTENDERS)
    options.contenders = [name for name in CONTENDERS if name in chosen]
    options.rows = read_numbers(options.rows)
    numbers = ("seeds", "threads", "passes", "command_rows", "command_rounds")
    for name in numbers:
        if getattr(options, name) < 1:
            raise UsageError(f"--{name.replace('_', '-')} must be at least 1")
    if options.add and not options.json:
        raise UsageError("--add needs --json FILE")
    given = None if options.embed else options.embeddings
    folders = (options.work_dir, options.model2vec, options.embed, given)
    tools.check_folders(*folders, files=[options.json])
    options.embeddings = Path(options.embeddings or default_folder()).resolve()
    if options.embed and options.embeddings.is_relative_to(tools.ROOT):
        raise UsageError(f"{options.embeddings}: embeddings are kept outside the repository")
    if options.embed and importlib.util.find_spec("sentence_transformers") is None:
        raise UsageError("--embed needs the Python package sentence-transformers")
    return options


def read_numbers(text: str) -> list[int | str]:
    """Return the numbers of rows, in order, `ALL` last; each once.

    Examples
    --------
    >>> read_numbers("all,30, 10,30")
    [10, 30, 'all']
    """
    names = set(tools.split_names(text))
    numbers = {name for name in names if name.isascii() and name.isdigit() and int(name)}
    if not names or names - numbers - {ALL}:
        raise UsageError(f"--rows must be numbers from 1 and {ALL}, joined by commas; got {text!r}")
    return [*sorted(map(int, numbers)), *([ALL] if ALL in names else [])]


def default_folder() -> Path:
    """Return the folder of embeddings that is taken if none is named."""
    from fasttext_lite.datasets.fetch import get_data_home

    return get_data_home().parent / "embeddings"


def about_run(options: argparse.Namespace) -> dict[str, str]:
    """Return versions, machine and settings."""
    return {
        **tools.about_machine("model2vec", "sentence-transformers"),
        "run": f"seeds 0 to {options.seeds - 1}; training of fasttext-lite in 1 thread (a seed is "
        f"given), prediction in {options.threads}",
        **{name: CONTENDERS[name] for name in options.contenders},
        "warm-up": "fasttext-lite trains on a few rows first, untimed",
    }


def earlier(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the JSON file has already, if it is to be kept."""
    if not options.add or not Path(options.json).is_file():
        return {"about": {}, "runs": [], "commands": []}
    try:
        report = json.loads(Path(options.json).read_text(encoding="utf-8"))
        parts = {key: list(report[key]) for key in ("runs", "commands")}
        return {"about": dict(report["about"]), **parts}
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{options.json}: not a file of bench.few_labels") from None


def merge(records: list[Record], new: list[Record], keys: tuple[str, ...]) -> None:
    """Put new records into a list, in the place of those with the same keys.

    A contender that is left out in the new ones does not take the place of one that ran.
    """

    def key(record: Record) -> tuple[Any, ...]:
        return tuple(record[name] for name in keys)

    ran = {key(record) for record in records if "left_out" not in record}
    new = [record for record in new if "left_out" not in record or key(record) not in ran]
    replaced = {key(record) for record in new}
    records[:] = [record for record in records if key(record) not in replaced] + new


def say(line: str) -> None:
    """Write a line of progress."""
    print(f"bench.few_labels: {line}", file=sys.stderr, flush=True)


# -- embeddings ------------------------------------------------------------------------------


def embeddings_of(name: str, folder: Path) -> dict[str, Path]:
    """Return the files of a set's embeddings."""
    return {part: folder / f"{name}.{part}.npy" for part in ("train", "test")}


def embed_sets(sets: dict[str, Path], options: argparse.Namespace) -> int:
    """Make the embeddings that are not there; return 0."""
    options.embeddings.mkdir(parents=True, exist_ok=True)
    encode: Callable[[list[str]], Any] | None = None
    encoder = Path(options.embed).resolve()
    for name, folder in sets.items():
        for part, path in embeddings_of(name, options.embeddings).items():
            if path.is_file():
                say(f"{path} is there already")
                continue
            encode = encode or stages.load_encoder(str(encoder))

            def tell(line: str, title: str = f"{name}, {part}") -> None:
                say(f"{title}: {line}")

            known_as = "/".join(encoder.parts[-2:])
            stages.embed(encode, str(folder / f"{part}.tsv"), path, known_as, tell)
    print(f"embeddings of {', '.join(sets)}: {options.embeddings}")
    return 0


# -- running ---------------------------------------------------------------------------------


def run_set(name: str, folder: Path, options: argparse.Namespace) -> Iterator[list[Record]]:
    """Run all rounds of a set, and yield the records of each."""
    found = embeddings_of(name, options.embeddings)
    there = all(path.is_file() for path in found.values())
    vectors = {part: str(path) for part, path in found.items()} if there else None
    job = {
        "package": "few_labels", "train": str(folder / "train.tsv"),
        "test": str(folder / "test.tsv"), "threads": options.threads, "passes": options.passes,
        "svc": SVC, "logistic": LOGISTIC, "model2vec": options.model2vec,
    }  # fmt: skip
    if options.model2vec:
        job["model2vec"] = str(Path(options.model2vec).resolve())
    for seed, rows in itertools.product(range(options.seeds), options.rows):
        reasons = {who: why_not(who, name, rows, there, options) for who in options.contenders}
        wanted = [who for who, why in reasons.items() if not why]
        records = [
            record(name, rows, who, seed, left_out=why) for who, why in reasons.items() if why
        ]
        if wanted:
            say(f"{name}: {rows} rows of each label, seed {seed}: {', '.join(wanted)}")
            embedded = vectors if set(wanted) & set(EMBEDDED) else None
            told = {"rows": None if rows == ALL else rows, "round": seed}
            with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work_dir) as work:
                job |= {"contenders": wanted, "embeddings": embedded}
                part = tools.stage("measure", {**job, **told}, Path(work).resolve(), STAGES)
            records += of_round(name, rows, seed, wanted, part)
        yield records


def why_not(
    contender: str, name: str, rows: int | str, embedded: bool, options: argparse.Namespace
) -> str:
    """Return why a contender is left out, "" where it is not."""
    if contender == "unlabelled" and rows == ALL:
        return "no rows are left that could lose their labels"
    if contender in EMBEDDED and not embedded:
        return f"no {name}.train.npy and {name}.test.npy in the folder of embeddings (--embed)"
    if contender == "model2vec":
        missing = [x for x in ("model2vec", "torch") if importlib.util.find_spec(x) is None]
        if missing:
            return "not installed: model2vec[train]"
        return "" if options.model2vec else "no folder of a model is given (--model2vec)"
    return ""


def record(name: str, rows: int | str, contender: str, seed: int, **values: Any) -> Record:
    """Return what one contender did in one round."""
    return {"set": name, "rows": rows, "contender": contender, "round": seed, **values}


def of_round(
    name: str, rows: int | str, seed: int, wanted: list[str], part: dict[str, Any]
) -> list[Record]:
    """Return the records of a round."""
    if "error" in part:
        return [record(name, rows, who, seed, error=part["error"]) for who in wanted]
    runs = part.pop("runs")
    if hasattr(os, "getloadavg"):
        part["load"] = round(os.getloadavg()[0], 2)
    found = [record(name, rows, who, seed, **part, **runs[who]) for who in wanted]
    rates = {who: runs[who].get("rate") for who in wanted}
    for each in found:  # of one process: contenders have taken turns
        own, default = rates[each["contender"]], rates.get("default")
        if each["contender"] in TAUGHT and own and default:
            each["rate_to_default"] = own / default
    return found


def time_commands(name: str, folder: Path, options: argparse.Namespace) -> list[Record]:
    """Time whole processes of training on a few labelled rows, in turns; return the records."""
    rows = options.command_rows
    job = {"threads": options.threads, "multilabel": False, "test": str(folder / "test.tsv")}
    told = {**job, "package": "few_labels", "train": str(folder / "train.tsv"), "rows": rows}
    base = {"set": name, "rows": rows}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work_dir) as folder_name:
        work = Path(folder_name).resolve()
        labelled, pool = str(work / "labelled.tsv"), str(work / "others.txt")
        about = tools.stage("split", {**told, "round": 0}, work, STAGES)
        if "error" not in about:
            prepared = {**job, "package": "lite", "train": labelled}
            about = {**about, **tools.stage("prepare", prepared, work)}
        if "error" in about:
            return [{**base, "command": who, "error": about["error"]} for who in COMMANDS]
        base |= {key: about[key] for key in ("n_labelled", "n_others")}
        jobs = {
            "default": {"train": labelled, "settings": []},
            "unlabelled": {"train": labelled, "settings": ["--unlabelled", pool]},
            "fasttext": {
                "train": str(work / "train.ft"),
                "settings": {**tools.FASTTEXT, "loss": "softmax"},
            },
        }  # fmt: skip
        if importlib.util.find_spec("fasttext") is None:
            say("fastText is not installed: left out")
            del jobs["fasttext"]
        for who, each in jobs.items():
            each |= {**job, "package": COMMANDS[who][1], "model": str(work / "model")}
        return [{**base, **each} for each in in_turns(name, jobs, options.command_rounds, work)]


def in_turns(name: str, jobs: dict[str, Any], rounds: int, work: Path) -> Iterator[Record]:
    """Yield the seconds of each command, after a round that is left out."""
    found: dict[str, Record] = {who: {"command": who, "seconds": []} for who in jobs}
    for turn in range(rounds + 1):
        for who, job in jobs.items():
            if "error" in found[who]:
                continue
            say(f"{name}: {COMMANDS[who][0]}, {f'round {turn} of {rounds}' if turn else 'warm-up'}")
            part = tools.stage("train", job, work)
            if "error" in part:
                found[who]["error"] = part["error"]
            elif turn:
                found[who]["seconds"].append(part["process_seconds"])
    yield from found.values()


# -- printing --------------------------------------------------------------------------------


def printed(report: dict[str, Any]) -> list[str]:
    """Return the lines of the whole report, in Markdown."""
    runs = report["runs"]
    lines = [tools.heading("Few labels", report["about"])]
    for name in sorted({run["set"] for run in runs}):
        lines += section(name, [run for run in runs if run["set"] == name])
    lines += speeds(runs)
    return lines + commands(report["commands"])


def groups(runs: list[Record]) -> dict[tuple[int | str, str], list[Record]]:
    """Return the records of a set by rows and contender, in order."""
    order = {name: place for place, name in enumerate(CONTENDERS)}
    found: dict[tuple[int | str, str], list[Record]] = {}
    for run in sorted(runs, key=lambda run: (by_size(run["rows"]), order[run["contender"]])):
        found.setdefault((run["rows"], run["contender"]), []).append(run)
    return found


def by_size(rows: int | str) -> float:
    """Return what numbers of rows are ordered by."""
    return float("inf") if rows == ALL else float(rows)


def section(name: str, runs: list[Record]) -> list[str]:
    """Return the lines of one set: a table, and what was left out or said."""
    rows: list[list[str]] = []
    notes: list[str] = []
    absent: dict[tuple[str, str], list[str]] = {}
    for (size, contender), group in groups(runs).items():
        title = f"{contender}, {size} rows"
        good = [run for run in group if "accuracy" in run]
        if good:
            rows.append([str(size), contender, *cells(good)])
            notes += refused(title, good)
        failed = [run["error"] for run in group if "error" in run]
        if failed:
            notes.append(f"- {title}: {len(failed)} of {len(group)} runs failed: {failed[0]}")
        if not good and "left_out" in group[0]:
            absent.setdefault((contender, group[0]["left_out"]), []).append(str(size))
    for (contender, why), found in absent.items():
        notes.append(f"- {contender}, {', '.join(found)} rows: left out, {why}")
    sizes = next((run for run in runs if "n_test" in run), None)
    lines = ["", f"## {name}", ""]
    if sizes:
        lines += [f"{sizes['n_labels']:,} labels, {sizes['n_test']:,} test texts.", ""]
    titles = ["rows", "contender", "accuracy", "training, s", "texts/s", "runs"]
    return lines + (tools.table(titles, rows) if rows else []) + [""] * bool(notes) + notes


def cells(runs: list[Record]) -> list[str]:
    """Return the printed figures of the runs of a contender."""
    rates = [run["rate"] for run in runs if run["rate"] is not None]
    return [
        spread([run["accuracy"] for run in runs], "{:.4f}"),
        f"{statistics.median(run['train_seconds'] for run in runs):.2f}",
        f"{statistics.median(rates):,.0f}" if rates else "-",
        str(len(runs)),
    ]


def spread(values: list[float], form: str) -> str:
    """Return a mean, with its standard deviation where there are several values.

    Examples
    --------
    >>> spread([0.5, 0.6], "{:.2f}"), spread([0.5], "{:.2f}")
    ('0.55 ± 0.07', '0.50')
    """
    mean = form.format(statistics.fmean(values))
    return f"{mean} ± {form.format(statistics.stdev(values))}" if len(values) > 1 else mean


def refused(title: str, runs: list[Record]) -> list[str]:
    """Return a line on the runs that have learnt nothing of the texts without labels."""
    without = [run for run in runs if run["n_others"] and run.get("n_learnt_from") == 0]
    if not without:
        return []
    why = "; ".join(without[0]["said"]) or "nothing was said"
    return [f"- {title}: as the default in {len(without)} of {len(runs)} runs: {why}"]


def speeds(runs: list[Record]) -> list[str]:
    """Return a table of how fast models predict that have learnt more than the labelled rows."""
    rows = []
    for name in sorted({run["set"] for run in runs}):
        found = groups([run for run in runs if run["set"] == name and "rate_to_default" in run])
        for size in dict.fromkeys(size for size, _ in found):
            ratios = [
                [run["rate_to_default"] for run in found.get((size, who), [])] for who in TAUGHT
            ]
            rows.append(
                [name, str(size), *(f"{spread(x, '{:.2f}')}" if x else "-" for x in ratios)]
            )
    if not rows:
        return []
    titles = ["set", "rows", *(f"{who} / default" for who in TAUGHT)]
    about = "Texts a second, by those of a default model with as many labels (above 1: faster):"
    return ["", "## Speed of prediction", "", about, "", *tools.table(titles, rows)]


def commands(records: list[Record]) -> list[str]:
    """Return tables of whole processes, one for each set and number of rows."""
    lines: list[str] = []
    for key in dict.fromkeys((each["set"], each["rows"]) for each in records):
        found = {each["command"]: each for each in records if (each["set"], each["rows"]) == key}
        lines += ["", "## Whole command, {}, {} rows of each label".format(*key), ""]
        lines += processes({who: found[who] for who in COMMANDS if who in found})
    return lines


def processes(found: dict[str, Record]) -> list[str]:
    """Return a table of whole processes; ratios are to fastText's best time."""
    good = {who: each for who, each in found.items() if "error" not in each}
    peer = min(good["fasttext"]["seconds"]) if "fasttext" in good else None
    rows, lines = [], []
    for who, each in good.items():
        best, middle = min(each["seconds"]), statistics.median(each["seconds"])
        ratio = f"{best / peer:.2f}" if peer else "-"
        times = str(len(each["seconds"]))
        rows.append([COMMANDS[who][0], f"{best:.2f}", f"{middle:.2f}", times, ratio])
    if good:
        sizes = next(iter(good.values()))
        lines += [
            f"{sizes['n_labelled']:,} labelled rows, {sizes['n_others']:,} texts without labels.",
            "",
            *tools.table(["process", "best, s", "median, s", "times", "best / fastText's"], rows),
        ]
    failed = [
        f"- {COMMANDS[who][0]} failed: {found[who]['error']}" for who in found if who not in good
    ]
    return [*lines, *[""] * bool(good and failed), *failed]


if __name__ == "__main__":
    sys.exit(main())
