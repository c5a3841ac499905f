"""Work through the parts of a plan, in this process or in several, and add up what they counted."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from fasttext_lite import system
from fasttext_lite.config import records
from fasttext_lite.corpus.encodings import AUTO
from fasttext_lite.corpus.signs import SIGNS
from fasttext_lite.errors import InputError, ModelError, UsageError
from fasttext_lite.filtering import manifest
from fasttext_lite.filtering.formats.table import FORMATS
from fasttext_lite.filtering.manifest import Folder
from fasttext_lite.filtering.plan import Part, Plan, without_packing
from fasttext_lite.filtering.settings import FieldTakenError, Settings
from fasttext_lite.system import cpu_count

if TYPE_CHECKING:
    from fasttext_lite.filtering.work import Counts, Work

_LOOK = 0.2  # seconds between two looks at the processes
_KILLED = 137  # the exit code that a shell or container gives to one that was killed
_TOLD = 0.2  # seconds between two reports of a process
_WORTH_A_PROCESS = 1 << 22  # bytes of files, as they are packed: to begin one takes a second


@dataclass
class Status:
    """How far a run is.

    Attributes
    ----------
    n_files, n_done, n_skipped : int
        Parts; those that are done, those among them that an earlier run has done.
    documents, bytes : int
        Records and unpacked bytes that this run has read.
    read, size : int
        Bytes of the files, as they are packed: read, and altogether, of this run.
    seconds : float
    """

    n_files: int = 0
    n_done: int = 0
    n_skipped: int = 0
    documents: int = 0
    bytes: int = 0
    read: int = 0
    size: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Unpacked megabytes a second."""
        return self.bytes / 1e6 / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """Seconds that are left; None if nobody knows."""
        if not self.read or self.seconds < 1:
            return None
        return self.seconds * max(self.size - self.read, 0) / self.read


@dataclass
class Outcome:
    """What came of a run.

    Attributes
    ----------
    counts : Counts
        Of all parts, those of earlier runs among them.
    status : Status
    failed : list of (str, str)
        Files that could not be read, and the messages.
    """

    counts: Counts
    status: Status
    failed: list[tuple[str, str]] = field(default_factory=list)


def run(
    plan: Plan,
    folder: str,
    settings: Settings,
    overwrite: bool = False,
    n_workers: int | None = None,
    n_threads: int | None = None,
    show: Callable[[Status], None] = lambda status: None,
) -> Outcome:
    """Filter the files of a plan; parts that are done already are skipped.

    Parameters
    ----------
    plan : Plan
    folder : str
        To write to.
    settings : Settings
    overwrite : bool
        Whether to begin anew whatever the folder holds.
    n_workers, n_threads : int, optional
        Processes, and threads of each; default: as many as there are files, and processors.
    show : callable
        Given the status, now and then.

    Raises
    ------
    UsageError, ModelError
        If the settings, the models or the folder do not allow a run.
    InputError
        If records have fields of the names that are to be added, or are bad and must not be.
    """
    from fasttext_lite.filtering.judging import Judge
    from fasttext_lite.filtering.work import Counts, Work

    settings.check()
    made_with = _made_with(settings)
    place = Folder(folder)
    status = Status(n_files=len(plan.parts))
    outcome = Outcome(Counts(), status)
    # Models are read before anything is written: what is wrong with them, or the rules, is told.
    judges = [Judge(rule, settings.exact) for rule in settings.rules]
    with place.opened(made_with, overwrite):
        left = _left(plan, place, outcome)
        if n_workers is None:
            n_workers = min(cpu_count(), 1 + status.size // _WORTH_A_PROCESS)
        n_workers = max(1, min(n_workers, len(left)))
        n_threads = n_threads or max(1, cpu_count() // n_workers)
        tracker = _Tracker(place, outcome, show)
        if n_workers == 1:
            work = Work(settings, judges, n_threads)
            _run_here(left, work, place, tracker)
        else:
            del judges
            _run_in_processes(left, settings, n_threads, n_workers, tracker)
        return outcome


def _left(plan: Plan, folder: Folder, outcome: Outcome) -> list[Part]:
    """Return the parts that are not done; the others are counted."""
    left = []
    for part in plan.parts:
        done = folder.done(part)
        if done is None:
            folder.forget(part)
            left.append(part)
        else:
            outcome.counts.add(done)
            outcome.status.n_done += 1
            outcome.status.n_skipped += 1
    outcome.status.size = sum(part.size for part in left)
    return left


def _made_with(settings: Settings) -> dict[str, Any]:
    """Return what decides what is written, as the manifest holds it."""
    from fasttext_lite.model.content import fingerprint

    own = settings.as_dict()
    rules = own.pop("rules")
    models = {rule.pop("name"): fingerprint(rule.pop("path")) for rule in rules}
    own["rules"] = rules
    content = {"format": manifest.FORMAT, "models": models, "settings": own}
    return json.loads(json.dumps(content))


class _Tracker:
    """Follows the parts of a run.

    Parameters
    ----------
    folder : Folder
    outcome : Outcome
        Changed in place.
    show : callable
    """

    def __init__(self, folder: Folder, outcome: Outcome, show: Callable[[Status], None]) -> None:
        self.folder, self.outcome, self._show = folder, outcome, show
        self._begin = time.monotonic()
        self._read: dict[str, int] = {}
        self._shown = 0.0

    def progress(self, part: Part, n_documents: int, n_bytes: int, read: int) -> None:
        """Note what was read of a part since the last time, and how far its file is read."""
        status = self.outcome.status
        status.documents += n_documents
        status.bytes += n_bytes
        status.read += read - self._read.get(part.name, 0)
        self._read[part.name] = read
        self.show()

    def end(self, part: Part, failure: str = "") -> None:
        """Note that a part is done, or why it failed."""
        self.progress(part, 0, 0, part.size)
        if failure:
            self.outcome.failed.append((part.path, failure))
        else:
            self.outcome.status.n_done += 1
            done = self.folder.done(part)
            assert done is not None
            self.outcome.counts.add(done)
        self.show(is_now=True)

    def show(self, is_now: bool = False) -> None:
        """Show the status, but not too often."""
        now = time.monotonic()
        self.outcome.status.seconds = now - self._begin
        if is_now or now - self._shown > _TOLD:
            self._shown = now
            self._show(self.outcome.status)


def process_part(part: Part, work: Work, folder: Folder) -> None:
    """Work through a part in its format.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    records.load(FORMATS[format_of(part.path, work.settings)].process)(part, work, folder)


def format_of(path: str, settings: Settings) -> str:
    """Return the format of a file: as it is given, by its first bytes, or by its name.

    Raises
    ------
    InputError
        If the file cannot be read, or nothing says what it is.
    """
    from fasttext_lite.filtering.reading import LineFile

    if settings.format != AUTO:
        return settings.format
    try:
        with open(path, "rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if SIGNS["parquet"].is_of(head):
        return "parquet"
    name = without_packing(path).lower()
    for form in FORMATS.values():
        if name.endswith(form.endings):
            return form.name
    file = LineFile(path, 1 << 16)
    try:
        begin = next(file.blocks(), None)
    finally:
        file.close()
    if begin is not None and begin[: 1 << 10].tobytes().lstrip().startswith(b"{"):
        return "jsonl"
    raise InputError(
        f"{path}: neither its name nor its beginning says what it is: say --format "
        f"{', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}"
    )


def _run_here(parts: Sequence[Part], work: Work, folder: Folder, tracker: _Tracker) -> None:
    """Work through parts in this process."""
    for part in parts:
        work.report = partial(tracker.progress, part)
        try:
            process_part(part, work, folder)
        except InputError as error:
            if _stops(error, work.settings):
                raise
            tracker.end(part, str(error))
        else:
            tracker.end(part)


def _stops(error: InputError, settings: Settings) -> bool:
    """Return whether one file's error is one of all: of a record that must not be."""
    return settings.bad == "fail" or isinstance(error, FieldTakenError)


# -- several processes -----------------------------------------------------------------------
def _run_in_processes(
    parts: Sequence[Part],
    settings: Settings,
    n_threads: int,
    n_workers: int,
    tracker: _Tracker,
) -> None:
    """Work through parts in processes of their own, the largest first."""
    context = system.new_processes()
    tasks: Any = context.Queue()
    told: Any = context.Queue()
    # The largest first, so that at the end none is left alone with one.
    for number in sorted(range(len(parts)), key=lambda i: -parts[i].size):
        tasks.put((number, parts[number]))
    for _ in range(n_workers):
        tasks.put(None)
    folder = tracker.folder.path
    processes = [
        context.Process(target=_work, args=(tasks, told, folder, settings, n_threads), daemon=True)
        for _ in range(n_workers)
    ]
    try:
        with system.undisturbed():
            for process in processes:
                process.start()
        _follow(parts, _Watch(processes), told, tracker)
    finally:
        for process in processes:
            if process.pid is not None:
                process.terminate()
        for process in processes:
            if process.pid is not None:
                process.join()


class _Watch:
    """Looks whether processes ended before all parts were done."""

    def __init__(self, processes: Sequence[Any]) -> None:
        self._processes = processes
        self._seen: float | None = None  # when one was found that had ended

    def look(self, is_silent: bool) -> None:
        """Raise `UsageError` if one ended, and what it told before had the time to come.

        Parameters
        ----------
        is_silent : bool
            Whether nothing came lately: what processes that all ended well told came before.
        """
        codes = [process.exitcode for process in self._processes]
        if not any(codes) and (None in codes or not is_silent):
            return
        now = time.monotonic()
        if self._seen is None:
            self._seen = now
        elif now - self._seen >= _LOOK:
            raise _ended(next(filter(None, codes), 0))


def _ended(code: int) -> UsageError:
    """Return the error of a process that ended too early."""
    if code < 0 or code == _KILLED:
        return UsageError(
            f"a process was ended (exit code {code}): the memory may be too small for so many: "
            "give fewer --workers"
        )
    return UsageError(f"a process ended by an error of its own (exit code {code}): see above")


def _follow(parts: Sequence[Part], watch: _Watch, told: Any, tracker: _Tracker) -> None:
    """Listen to the processes until all parts are done."""
    n_left = len(parts)
    while n_left:
        try:
            kind, number, content = told.get(timeout=_LOOK)
        except queue.Empty:
            tracker.show()
            watch.look(is_silent=True)
            continue
        if kind == "progress":
            tracker.progress(parts[number], *content)
        elif kind == "done":
            tracker.end(parts[number])
            n_left -= 1
        elif kind == "failed":
            tracker.end(parts[number], content)
            n_left -= 1
        elif kind == "stop":
            raise InputError(content)
        else:
            raise content
        watch.look(is_silent=False)


def _work(tasks: Any, told: Any, path: str, settings: Settings, n_threads: int) -> None:
    """Work through parts that come in a queue: what a process of its own does."""
    from fasttext_lite.filtering.judging import Judge
    from fasttext_lite.filtering.work import Work

    system.ignore_interrupts()  # the first process ends this one
    parent = multiprocessing.parent_process()
    folder = Folder(path)
    try:
        work = Work(settings, [Judge(rule, settings.exact) for rule in settings.rules], n_threads)
        while (task := _next_task(tasks, parent)) is not None:
            number, part = task
            teller = work.report = _Teller(told, number, parent)
            try:
                process_part(part, work, folder)
            except InputError as error:
                told.put(("stop" if _stops(error, settings) else "failed", number, str(error)))
            else:
                teller.flush()
                told.put(("done", number, None))
    except (OSError, MemoryError, ModelError, UsageError) as error:
        told.put(("error", -1, error))
    told.close()
    told.join_thread()


def _next_task(tasks: Any, parent: Any) -> tuple[int, Part] | None:
    """Return what comes next; end this process if the first one has ended."""
    while True:
        if parent is not None and not parent.is_alive():
            os._exit(1)  # it was killed: nobody puts anything into the queue any more
        with contextlib.suppress(queue.Empty):
            return tasks.get(timeout=_LOOK)


class _Teller:
    """Tells the first process what is read, but not too often."""

    def __init__(self, told: Any, number: int, parent: Any) -> None:
        self._told, self._number, self._parent = told, number, parent
        self._documents = self._bytes = self._place = 0
        self._last = time.monotonic()

    def __call__(self, n_documents: int, n_bytes: int, place: int) -> None:
        self._documents += n_documents
        self._bytes += n_bytes
        self._place = place
        if time.monotonic() - self._last > _TOLD:
            self.flush()
            if self._parent is not None and not self._parent.is_alive():
                os._exit(1)  # nobody listens any more

    def flush(self) -> None:
        """Tell what was not told yet."""
        self._told.put(("progress", self._number, (self._documents, self._bytes, self._place)))
        self._documents = self._bytes = 0
        self._last = time.monotonic()
