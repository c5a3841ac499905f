"""A training that is killed at any moment, again and again, and gone on with: the same bytes.

A child process trains with a checkpoint; it is ended after some time by SIGKILL, SIGTERM or SIGINT,
up to three times; the training that goes on to the end must write the model of one that was never
broken off, and leave nothing else behind.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fuzz import commands, samples
from fuzz.frame import BrokenError

SECONDS = 120.0
MEGABYTES = 400
WEIGHT = 1.0
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)

FEW = ("--epochs", "6", "--dim", "8", "--seed", "3", "-q", "--recipe")
SETTINGS = (
    (*FEW, "auto"),
    (*FEW, "fixed", "--head", "learned", "--loss", "softmax", "--patience", "3"),
    (*FEW, "fixed", "--loss", "hs", "--optimizer", "adamax", "--averaging", "0.5", "--focal", "2"),
    (*FEW, "fixed", "--head", "learned", "--loss", "softmax", "--word-dropout", "0.2"),
)


class Case(NamedTuple):
    """How a training is run, and when it is ended.

    Attributes
    ----------
    settings : int
        Number of its settings.
    often : bool
        Whether a checkpoint is written after each block, too.
    ends : tuple of (float, int)
        Share of the time of a whole training after which it is ended, and by which signal.
    """

    settings: int
    often: bool
    ends: tuple[tuple[float, int], ...]


@cache
def _whole(settings: int) -> tuple[bytes, float]:
    """Return the model of a training that is not broken off, and the seconds of another one."""
    with samples.folder() as folder:
        _write(folder)
        for _ in range(2):  # the first one compiles
            start = time.perf_counter()
            _train(folder, Case(settings, True, ()))
            seconds = time.perf_counter() - start
        return (folder / "m.ftl").read_bytes(), seconds


def _write(folder: Path) -> None:
    lines = [f"{a}\t{b}\n" for a, b in zip(samples.LABELS, samples.TEXTS, strict=True)]
    (folder / "train.tsv").write_text("".join(4 * lines), "utf-8")


def _train(folder: Path, case: Case) -> commands.Done:
    """Train to the end in this process, from a checkpoint if there is one."""
    flags = ["--checkpoint", str(folder / "ck"), "--resume"]
    if case.often:  # a moment of which there are many
        from fasttext_lite.fitting import keeper

        keeper.TrainingKeeper.is_due = _is_due  # type: ignore[method-assign]
        keeper.TrainingKeeper._is_wanted = lambda self, place: True  # type: ignore[method-assign]
    words = ["train", str(folder / "train.tsv"), "-o", str(folder / "m.ftl"), *flags]
    return commands.run([*words, *SETTINGS[case.settings]])


def _is_due(self: object) -> bool:
    """Say so before every second block."""
    outside = getattr(self, "outside", None)
    asked = vars(self)["asked"] = not vars(self).get("asked", False)
    return bool(outside is not None and outside.is_asked()) or not asked


def prepare() -> None:
    """Train with all settings once: kernels are compiled before anything forks."""
    for settings in range(len(SETTINGS)):
        _whole(settings)


def one(rng: random.Random) -> Case:
    """Return settings and some moments."""
    ends = [(rng.random() ** 0.7, int(rng.choice(SIGNALS))) for _ in range(rng.randint(1, 3))]
    return Case(rng.randrange(len(SETTINGS)), rng.random() < 0.7, tuple(ends))


def check(case: Case) -> str:
    """Train, end it some times, go on, and compare."""
    whole, seconds = _whole(case.settings)
    n_ended = 0
    with samples.folder() as folder:
        _write(folder)
        for share, number in case.ends:
            code = _ended(folder, case, share * seconds, number)
            n_ended += code != 0
            if code not in (0, -number, 128 + number):
                raise BrokenError(f"ended by {signal.Signals(number).name}: exit code {code}")
            model = folder / "m.ftl"
            if model.exists() and model.read_bytes() != whole:
                raise BrokenError("a model was written that is another one")
        pid = os.fork()
        if pid == 0:
            os._exit(_train(folder, case).code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code:
            raise BrokenError(f"it cannot be gone on with: exit code {code}")
        if (folder / "m.ftl").read_bytes() != whole:
            raise BrokenError("the model is another one")
        left = sorted(set(os.listdir(folder)) - {"train.tsv", "m.ftl"})
        if left == ["ck"] and not os.listdir(folder / "ck"):
            left = []  # killed between the making of the folder and its first file
        if left:
            raise BrokenError(f"left behind: {left}: {os.listdir(folder / left[0])}")
        shutil.rmtree(folder, ignore_errors=True)
    return f"{n_ended} ends"


def _ended(folder: Path, case: Case, seconds: float, number: int) -> int:
    """Train in a process of its own that is ended by a signal after a while; return its code."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = 1
        try:
            code = _train(folder, case).code
        except KeyboardInterrupt:  # before the command had begun
            code = 130
        finally:
            os._exit(code)
    time.sleep(seconds)
    os.kill(pid, number)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
