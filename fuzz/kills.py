"""Commands that are ended at any moment, by kill -9 and by signals that may be answered.

Afterwards each file is the old one or the new one, whole.  After a signal that may be answered
nothing else is there, and the exit code and the last line say what happened; after kill -9 all
that is left is called by its target's name, and the next writing of the same target removes it.
Nothing stays in the temporary folder, and no process.

``python -m fuzz.kills --kills 200 --seed 1`` does so many, and prints what came of them.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import psutil

from fasttext_lite.cli import app
from fasttext_lite.disk.replacing import replacing

GOOD = "good"
SECONDS = 180.0
MEGABYTES = 1000
WEIGHT = 2.0
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
LONGEST = 120.0  # seconds
N_TEXTS, N_WORDS = 2_000, 6_000
OLD = b"what was there before\n" * 1000


class LostError(Exception):
    """A promise that does not hold; the message says which."""


class Case(NamedTuple):
    """Which command is ended, by what, and when.

    Attributes
    ----------
    command : str
    number : int
        Of the signal.
    is_writing : bool
        Whether to wait until a temporary file is there.
    share : float
        When: this share of the command's time, or of a short time after that.
    """

    command: str
    number: int
    is_writing: bool
    share: float


class Command(NamedTuple):
    """A command line, and the files that come of it.

    Attributes
    ----------
    line : str
    outputs : list of str
        Files that are the old or the new one.
    folder : str, optional
        That holds what a run writes, some of it done before the others.
    unfinished : tuple of str
        Names in that folder of what may be unfinished.
    """

    line: str
    outputs: list[str]
    folder: str | None = None
    unfinished: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The command line without the program's name."""
        return self.line.split()


COMMANDS = {
    "train": Command(
        "train texts.tsv -o out.ftl --threads 1 --seed 1 --epochs 1 --dim 64",
        ["out.ftl"],
    ),
    "predict": Command("predict model.ftl texts.tsv -o out.txt --prob", ["out.txt"]),
    "convert": Command("convert theirs.bin out.ftl", ["out.ftl"]),
    "quantize": Command("quantize model.ftl -o out.ftl", ["out.ftl"]),
    "supervised": Command(
        "supervised -input labels.txt -output out -dim 50 -bucket 20000 -epoch 1 -thread 1 "
        "-verbose 0",
        ["out.bin", "out.vec"],
    ),
    "filter": Command(
        "filter model.ftl records -o done --split --workers 1", [], "done", ("_filter",)
    ),
    "fetch": Command("datasets fetch tiny", [], "home/datasets/tiny", ("raw", ".lock")),
}


def one(rng: random.Random) -> Case:
    """Return a case, made of the random numbers alone."""
    return Case(
        rng.choice(list(COMMANDS)), int(rng.choice(SIGNALS)), rng.random() < 0.5, rng.random()
    )


# -- what is there before --------------------------------------------------------------------
class Place(NamedTuple):
    """A folder to work in, and what an undisturbed run of each command makes there."""

    path: Path
    temporary: Path
    before: dict[str, str]
    made: dict[str, dict[str, str]]
    seconds: dict[str, float]


def _write_inputs(place: Path) -> None:
    rng = random.Random(1)
    words = [
        "".join(rng.choices("abcdefghiklmnoprstu", k=rng.randint(3, 9))) for _ in range(N_WORDS)
    ]
    lines = []
    for _ in range(N_TEXTS):
        label = rng.randrange(4)
        lines.append((label, " ".join(rng.choices(words[label::5], k=rng.randint(3, 25)))))
    (place / "texts.tsv").write_text("".join(f"l{a}\t{b}\n" for a, b in lines))
    (place / "labels.txt").write_text("".join(f"__label__l{a} {b}\n" for a, b in lines))
    (place / "records").mkdir()
    for i in range(3):
        part = lines[i::3]
        text = "".join(f'{{"text": "{b}"}}\n' for _, b in part)
        (place / "records" / f"{i}.jsonl").write_text(text)
    (place / "source").mkdir()
    with zipfile.ZipFile(place / "source" / "tiny.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for split in ("train", "test"):
            made.writestr(f"{split}.txt", "".join(f"{b}\tl{a}\n" for a, b in lines))


def _serve(place: Path) -> None:
    """Register a set that comes from a server of this machine, which ends with this process."""
    from fasttext_lite.datasets.registry import DATASETS, Dataset, Part, Source

    code = (
        "import functools, http.server as h, os, sys, threading, time\n"
        "s = h.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(\n"
        "    h.SimpleHTTPRequestHandler, directory=sys.argv[1]))\n"
        "print(s.server_address[1], flush=True)\n"
        "threading.Thread(target=s.serve_forever, daemon=True).start()\n"
        "sys.stdin.read()\n"  # until the other end is closed
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code, str(place / "source")], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    port = int(server.stdout.readline())
    data = (place / "source" / "tiny.zip").read_bytes()
    source = Source(
        "tiny.zip", (f"http://127.0.0.1:{port}/tiny.zip",), len(data),
        hashlib.sha256(data).hexdigest(),
    )  # fmt: skip
    DATASETS["tiny"] = Dataset(
        name="tiny", title="a tiny set", task="topic", language="en", labels=4,
        records={"train": N_TEXTS, "test": N_TEXTS}, licence="MIT", homepage="http://x",
        citation="none", sources=(source,),
        parts=tuple(Part(split, "tiny.zip", f"{split}.txt") for split in ("train", "test")),
        converter="lines", settings={"separator": "\t", "fields": 2, "text": 0, "label": 1},
    )  # fmt: skip


def prepare() -> None:
    """Make the inputs, and run each command once."""
    place()


@cache
def place() -> Place:
    """Return a folder with inputs, in which each command was run once."""
    from fasttext_lite.fitting import streaming

    # Small files are trained as large ones are.
    streaming.MADE_IN_FILES = streaming.SPILL_BYTES = 1000
    path = Path(tempfile.mkdtemp(prefix="fuzz-kills-"))
    owner = os.getpid()
    atexit.register(lambda: owner == os.getpid() and shutil.rmtree(path, ignore_errors=True))
    (path / "work").mkdir()
    (path / "tmp").mkdir()
    os.environ["FASTTEXT_LITE_HOME"] = str(path / "work" / "home")
    os.environ["TMPDIR"] = str(path / "tmp")
    tempfile.tempdir = str(path / "tmp")
    work = path / "work"
    _write_inputs(work)
    _serve(work)
    train = [*COMMANDS["train"].words[:2], "-o", "model.ftl", "--threads", "1", "--dim", "32"]
    _finish(work, train)
    _finish(
        work,
        COMMANDS["supervised"].words[:3] + ["-output", "theirs", "-dim", "50", "-verbose", "0"],
    )
    before = _files(work)
    found = Place(path, path / "tmp", before, {}, {})
    for name, command in COMMANDS.items():
        for _ in range(2):  # the first may compile
            _reset(found)
            start = time.perf_counter()
            _finish(work, command.words)
        found.seconds[name] = time.perf_counter() - start
        found.made[name] = {
            file: digest for file, digest in _files(work).items() if before.get(file) != digest
        }
    return found


@cache
def _place_of(process: int) -> Place:
    """Return a copy of the place for a process of its own: those that are forked have the first."""
    first = place()
    path = first.path / f"of-{process}"
    for name in ("work", "tmp"):
        shutil.copytree(first.path / name, path / name)
    os.environ["FASTTEXT_LITE_HOME"] = str(path / "work" / "home")
    os.environ["TMPDIR"] = tempfile.tempdir = str(path / "tmp")
    return first._replace(path=path, temporary=path / "tmp")


def _files(folder: Path) -> dict[str, str]:
    """Return the checksums of all files below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _reset(place: Place) -> None:
    """Make all as it was before, and give each output an old file."""
    work = place.path / "work"
    for name in ("done", "home"):
        shutil.rmtree(work / name, ignore_errors=True)
    for name in _files(work):
        if name not in place.before:
            (work / name).unlink()


# -- a run -----------------------------------------------------------------------------------
def _start(work: Path, words: Sequence[str], log: Path) -> int:
    """Run a command in a process of its own, forked from this one; return its number."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for number in SIGNALS[1:3]:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setpgid(0, 0)
        os.chdir(work)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = app.main(list(words))
    except KeyboardInterrupt:  # before or after the command
        code = 130
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _finish(work: Path, words: Sequence[str]) -> None:
    """Run a command to its end.

    Raises
    ------
    LostError
        If it fails.
    """
    log = work.parent / "log"
    pid = _start(work, words, log)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise LostError(f"{' '.join(words)}: exit code {code}: {log.read_text()[-500:]}")


def _wait(pid: int, end: float, look: Callable[[], bool]) -> int | None:
    """Return a process's status if it ends before a time, and before a look finds something."""
    while time.perf_counter() < end and not look():
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        time.sleep(0.001)
    return None


def _interrupted(place: Place, case: Case) -> tuple[int, str]:
    """Run a command and end it; return its exit code (negative: by the signal) and its output."""
    command, log = COMMANDS[case.command], place.path / "log"
    work = place.path / "work"
    folders = [work / (command.folder or "."), work / (command.folder or ".") / "_filter" / "tmp"]

    def is_writing() -> bool:
        for folder in folders:
            with contextlib.suppress(OSError):
                if any(
                    name.endswith(".tmp") or folder.name == "tmp" for name in os.listdir(folder)
                ):
                    return True
        return False

    pid = _start(work, command.words, log)
    now = time.perf_counter()
    seconds = place.seconds[case.command]
    if case.is_writing:
        status = _wait(pid, now + 10 * seconds, is_writing)
        wait = 0.02 * case.share
    else:
        status, wait = None, seconds * case.share
    if status is None:
        status = _wait(pid, time.perf_counter() + wait, lambda: False)
    children = psutil.Process(pid).children(recursive=True) if status is None else []
    if status is None:
        os.kill(pid, case.number)
        status = _wait(pid, time.perf_counter() + LONGEST, lambda: False)
        if status is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise LostError(f"does not end: {log.read_text()[-500:]}")
    _, alive = psutil.wait_procs(children, timeout=30)
    if alive:
        raise LostError(f"{len(alive)} processes are left")
    return os.waitstatus_to_exitcode(status), log.read_text()


def check(case: Case) -> str:
    """End a command, and look at what is there; return how it ended in a word.

    Raises
    ------
    LostError
        If something was lost, or is left.
    """
    found = _place_of(os.getpid())
    work, command = found.path / "work", COMMANDS[case.command]
    _reset(found)
    for name in command.outputs:
        (work / name).write_bytes(OLD)
    code, text = _interrupted(found, case)
    is_done = code == 0
    _check_words(case, code, text)
    files = _files(work)
    made = found.made[case.command]
    others = {name: files.pop(name) for name in list(files) if name not in found.before}
    if files != found.before:
        raise LostError("an input has changed")
    if names := os.listdir(found.temporary):
        raise LostError(f"left in the temporary folder: {names}")
    old = hashlib.sha256(OLD).hexdigest()
    for name in command.outputs:
        digest = others.pop(name, None)
        if digest not in ((made[name],) if is_done else (old, made[name])):
            raise LostError(f"{name} is neither the old file nor the new one")
    if command.folder is None:
        _check_rest(found, command, case, others)
    else:
        _check_folder(found, command, case, others)
    if is_done:
        return "done before"
    return "killed" if case.number == signal.SIGKILL else "ended"


def _check_words(case: Case, code: int, text: str) -> None:
    """Raise `LostError` for an exit code or a last line that does not say what happened."""
    name = signal.Signals(case.number).name
    if case.number == signal.SIGKILL:
        allowed: tuple[int, ...] = (0, -case.number)
    else:  # negative: before the command began, or after its end
        allowed = (0, -case.number, 128 + case.number)
    if code not in allowed or "Traceback" in text:
        raise LostError(f"exit code {code} after {name}: {text[-1500:]}")
    if code > 0 and text and case.number != signal.SIGINT:
        last = text.splitlines()[-1]
        if f"ended by {name}" not in last:
            raise LostError(f"does not say {name}: {last}")


def _check_rest(place: Place, command: Command, case: Case, others: dict[str, str]) -> None:
    """Raise `LostError` for what is left beside the outputs, now or when they are written again."""
    if others and case.number != signal.SIGKILL:
        raise LostError(f"left: {sorted(others)}")
    for name in others:
        if not any(name.startswith(f".{output}.") for output in command.outputs):
            raise LostError(f"left under a name of its own: {name}")
    work = place.path / "work"
    for name in command.outputs:
        with replacing(work / name) as file:
            file.write(OLD)
    left = set(_files(work)) - set(place.before) - set(command.outputs)
    if left:
        raise LostError(f"left after the next writing: {sorted(left)}")


def _check_folder(place: Place, command: Command, case: Case, others: dict[str, str]) -> None:
    """Raise `LostError` for files of a folder that are not whole, or are left at the end."""
    made, folder = place.made[case.command], str(command.folder)
    for name, digest in others.items():
        first = Path(name).relative_to(folder).parts[0] if name.startswith(folder) else name
        is_temporary = first.endswith(".tmp") and case.number == signal.SIGKILL
        if made.get(name) != digest and first not in command.unfinished and not is_temporary:
            raise LostError(f"{name} is not whole, or is left")
    if case.number != signal.SIGKILL and any("tmp" in Path(name).parts for name in others):
        raise LostError(f"temporary files are left: {sorted(others)}")
    work = place.path / "work"
    _finish(work, command.words)
    after = {name: digest for name, digest in _files(work).items() if name not in place.before}
    if sorted(after) != sorted(made):
        raise LostError(f"after the next run: {sorted(set(after) ^ set(made))}")
    changed = [name for name in made if made[name] != after[name] and "_filter" not in name]
    if changed:
        raise LostError(f"the next run made others: {changed}")


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is asked for; return 1 if something was lost or left."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    options = parser.parse_args(argv)
    found = place()
    print("seconds:", {name: round(value, 2) for name, value in found.seconds.items()}, flush=True)
    counts: Counter[tuple[str, str, str]] = Counter()
    n_broken = 0
    try:
        for i in range(options.first, options.first + options.kills):
            case = one(random.Random(f"kills-{options.seed}-{i}"))
            name = signal.Signals(case.number).name
            try:
                counts[case.command, name, check(case)] += 1
            except LostError as error:
                n_broken += 1
                print(f"broken: case {i}, {case}: {error}", flush=True)
    finally:
        shutil.rmtree(found.path, ignore_errors=True)
    for key, n in sorted(counts.items()):
        print(*key, n)
    ends = Counter(how for (_, _, how), n in counts.items() for _ in range(n))
    print(f"{options.kills} kills: {dict(ends)}, {n_broken} broken", flush=True)
    return int(n_broken > 0)


if __name__ == "__main__":
    sys.exit(main())
