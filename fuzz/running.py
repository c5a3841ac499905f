"""Run a fuzzer in processes that may crash, hang or fill the memory.

Each worker takes every so many-th case, and writes the number of the one it is at to memory that
the parent shares: so it is known which case a process died of. A process that died is replaced, and
goes on behind that case.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from fuzz.frame import BrokenError, Fuzzer

MOST_SAVED = 20  # failures of a run; more of the same are counted alone
REPORT = 0.5  # seconds between counts that a worker sends


@dataclass(frozen=True)
class Limits:
    """What to run: a seed, the first case, how many at most, for how many seconds."""

    seed: int
    first: int
    runs: int | None
    seconds: float


@dataclass
class Failure:
    """A case that broke a promise."""

    fuzzer: Fuzzer
    seed: int
    number: int
    what: str
    details: str

    def save(self, folder: Path) -> Path:
        """Write the input, and beside it what was wrong and how to run it again; return where."""
        folder.mkdir(parents=True, exist_ok=True)
        name = self.fuzzer.name
        path = folder / f"{name}-{self.seed}-{self.number}"
        path.write_bytes(self.fuzzer.as_bytes(self.fuzzer.case(self.seed, self.number)))
        again = f"python -m fuzz {name} --seed {self.seed} --first {self.number} --runs 1 --jobs 1"
        text = f"{self.what}\nagain: {again}\n\n{self.details}\n"
        Path(f"{path}.txt").write_text(text, "utf-8", "backslashreplace")
        return path


@dataclass
class Tally:
    """What came of a run."""

    fuzzer: Fuzzer
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    n_broken: int = 0
    seconds: float = 0.0

    @property
    def n_runs(self) -> int:
        """Executions, the broken ones included."""
        return sum(self.counts.values()) + self.n_broken

    def text(self) -> str:
        """Return a line for each outcome."""
        rate = self.n_runs / max(self.seconds, 1e-9)
        lines = [
            f"{self.fuzzer.name}: {self.n_runs:,} executions in {self.seconds:.0f} s "
            f"({rate:,.0f}/s), {self.n_broken:,} broken"
        ]
        lines += [f"  {n:>9,} {outcome}" for outcome, n in sorted(self.counts.items())]
        return "\n".join(lines)

    def note(self, seed: int, number: int, what: str, details: str) -> None:
        """Take a failure."""
        self.n_broken += 1
        if len(self.failures) < MOST_SAVED:
            self.failures.append(Failure(self.fuzzer, seed, number, what, details))


# -- the worker ------------------------------------------------------------------------------
def _memory() -> int:
    """Return the largest memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)


def attempt(fuzzer: Fuzzer, case: Any) -> tuple[str, str, str]:
    """Return the outcome of a case, or, if it is broken, an empty text, what, and details."""
    before = _memory()
    try:
        outcome = fuzzer.check(case)
    except BrokenError as error:
        return "", str(error), traceback.format_exc()
    except Exception as error:  # noqa: BLE001 - whatever a user would see as a traceback
        what = f"traceback: {type(error).__name__}: {error}"
        return "", what[:500], traceback.format_exc()
    grown = _memory() - before
    if grown > fuzzer.megabytes:
        return "", f"memory: {grown:,} MB more than before", ""
    return outcome, "", ""


def _work(
    fuzzer: Fuzzer, limits: Limits, places: range, state: Any, pipe: Connection, log: str
) -> None:
    """Run the cases of some numbers; send counts and failures to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _silence(log)
    counts: Counter[str] = Counter()
    end = sent = time.monotonic()
    end += limits.seconds
    for number in places:
        now = time.monotonic()
        if now > end:
            break
        if now - sent > REPORT:
            pipe.send(("counts", counts))
            counts, sent = Counter(), now
        # A case that is being made counts as one that runs.
        state[0], state[1] = number, int(now * 1000)
        outcome, what, details = attempt(fuzzer, fuzzer.case(limits.seed, number))
        if outcome:
            counts[outcome] += 1
        else:
            pipe.send(("broken", number, what, details))
            if what.startswith("memory"):
                # In a new process the next peak can be seen.
                pipe.send(("counts", counts))
                os._exit(0)
    pipe.send(("counts", counts))
    pipe.send(("done",))


def _silence(log: str) -> None:
    """Send what is printed nowhere, and what Python says of a crash to a file."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    faulthandler.enable(open(log, "wb"), all_threads=True)  # noqa: SIM115 - until the end


# -- the parent ------------------------------------------------------------------------------
class _Worker:
    """A process, and what the parent knows of it."""

    def __init__(self, fuzzer: Fuzzer, limits: Limits, places: range, folder: str) -> None:
        context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
        self.places = places
        self.state = context.RawArray("q", [places.start, int(time.monotonic() * 1000)])
        self.pipe, theirs = context.Pipe(duplex=False)
        self.log = os.path.join(folder, f"crash-{places.start}")
        arguments = (fuzzer, limits, places, self.state, theirs, self.log)
        self.process = context.Process(target=_work, args=arguments)
        self.process.start()
        theirs.close()
        self.is_done = self.is_hanging = False

    def rest(self) -> range:
        """Return the numbers behind the one that the process is at."""
        return range(self.state[0] + self.places.step, self.places.stop, self.places.step)

    def said(self) -> str:
        """Return what Python said of a crash."""
        with contextlib.suppress(OSError):
            return Path(self.log).read_text("utf-8", "replace")[:20_000]
        return ""


def run(fuzzer: Fuzzer, limits: Limits, jobs: int) -> Tally:
    """Run a fuzzer; return what came of it."""
    tally = Tally(fuzzer)
    runs = min(fuzzer.cases, 2**62 if limits.runs is None else limits.runs)
    last = limits.first + runs
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        fuzzer.prepare()
        begun = time.monotonic()

        def start(places: range) -> None:
            left = limits.seconds - (time.monotonic() - begun)
            if left > 0 and len(places):
                given = Limits(limits.seed, limits.first, limits.runs, left)
                workers.append(_Worker(fuzzer, given, places, folder))

        workers: list[_Worker] = []
        for i in range(min(jobs, runs)):
            start(range(limits.first + i, last, jobs))
        try:
            while workers:
                _watch(workers, tally, limits, start)
        finally:
            for worker in workers:
                worker.process.kill()
    tally.seconds = time.monotonic() - begun
    return tally


def _watch(
    workers: list[_Worker], tally: Tally, limits: Limits, start: Callable[[range], None]
) -> None:
    """Take what workers send for a moment; replace those that died."""
    ready = wait([worker.pipe for worker in workers], timeout=0.2)
    for worker in list(workers):
        if worker.pipe in ready and _take(worker, tally, limits.seed):
            workers.remove(worker)
            worker.process.join()
            if not worker.is_done:
                _bury(worker, tally, limits.seed)
                start(worker.rest())
        elif time.monotonic() - worker.state[1] / 1000 > tally.fuzzer.seconds:
            _kill(worker)


def _take(worker: _Worker, tally: Tally, seed: int) -> bool:
    """Take one message; return whether it was the last."""
    try:
        kind, *content = worker.pipe.recv()
    except (EOFError, OSError):
        return True
    if kind == "counts":
        tally.counts.update(*content)
    elif kind == "broken":
        tally.note(seed, *content)
    else:
        worker.is_done = True
    return False


def _bury(worker: _Worker, tally: Tally, seed: int) -> None:
    """Note what a process died of; nothing, if it ended by itself."""
    code = worker.process.exitcode or 0
    if worker.is_hanging:
        what = f"hang: more than {tally.fuzzer.seconds:g} s"
    elif code < 0:
        what = f"crash: {signal.Signals(-code).name}"
    elif code > 0:
        what = f"crash: exit code {code}"
    else:
        return
    tally.note(seed, worker.state[0], what, worker.said())


def _kill(worker: _Worker) -> None:
    """End a process that hangs: at first so that it says where."""
    worker.process.kill() if worker.is_hanging else os.kill(worker.process.pid, signal.SIGABRT)
    worker.is_hanging = True
    worker.state[1] = int(time.monotonic() * 1000)
