"""A disk that is full after any number of bytes: the old file stays, and a line says why.

The limit is one of the system on the size of files (RLIMIT_FSIZE): every write above it fails.
"""

from __future__ import annotations

import contextlib
import random
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fasttext_lite import FastTextClassifier, FastTextEnsemble, compat
from fuzz import commands, readers, samples
from fuzz.frame import GOOD, REFUSED, BrokenError, check_refusal

SECONDS = 60.0
MEGABYTES = 400
WEIGHT = 1.0
OLD = b"what was there before"


class Case(NamedTuple):
    """What is written, and after how many bytes the disk is full."""

    name: str
    limit: int


@cache
def _things() -> dict[str, Any]:
    """Return what is there to be written, and files to read."""
    place = Path(samples.new_path(""))
    place.mkdir()
    for name in ("plain", "small", "ensemble", "softmax.bin", "out.ftz"):
        (place / name).write_bytes(samples.sample(name).data)
    lines = [f"{a}\t{b}\n" for a, b in zip(samples.LABELS, samples.TEXTS, strict=True)]
    (place / "texts.tsv").write_text("".join(lines), "utf-8")
    (place / "texts.txt").write_text("".join(f"{b}\n" for b in samples.TEXTS), "utf-8")
    return {
        "place": place,
        "plain": FastTextClassifier.load(place / "plain"),
        "small": FastTextClassifier.load(place / "small"),
        "ensemble": FastTextEnsemble.load(place / "ensemble"),
        "bin": compat.load_model(str(place / "softmax.bin")),
        "ftz": compat.load_model(str(place / "out.ftz")),
    }


def _saved(name: str) -> Callable[[str], str]:
    def write(path: str) -> str:
        thing = _things()[name]
        (thing.save_model if name in ("bin", "ftz") else thing.save)(path)
        return GOOD

    return write


def _command(*words: str) -> Callable[[str], str]:
    def write(path: str) -> str:
        place = _things()["place"]
        known = {"OUT": path, "MODEL": str(place / "plain"), "BIN": str(place / "softmax.bin"),
                 "TSV": str(place / "texts.tsv"), "TXT": str(place / "texts.txt")}  # fmt: skip
        done = commands.run([known.get(word, word) for word in words])
        return done.outcome()

    return write


FEW = ("--recipe", "fixed", "--epochs", "1", "--bucket", "64", "--threads", "1", "-q")
WRITERS: dict[str, tuple[str, str, Callable[[str], str]]] = {
    # What is written: ending, kind of reader, and how.
    "model": (".ftl", "model", _saved("plain")),
    "small model": (".ftl", "model", _saved("small")),
    "ensemble": (".ftl", "ensemble", _saved("ensemble")),
    "bin": (".bin", "fasttext", _saved("bin")),
    "ftz": (".ftz", "fasttext", _saved("ftz")),
    "train": (".ftl", "model", _command("train", "TSV", "-o", "OUT", *FEW)),
    "quantize": (".ftl", "model", _command("quantize", "MODEL", "-o", "OUT")),
    "convert": (".ftl", "model", _command("convert", "BIN", "OUT")),
    "vectors": (".vec", "vectors", _command("convert", "BIN", "OUT")),
    "predict": (".jsonl", "", _command("predict", "MODEL", "TXT", "-o", "OUT")),
}


def prepare() -> None:
    """Make what is written, and write it all once."""
    for name in WRITERS:
        check(Case(name, 1 << 30))
    shutil.rmtree(_things()["place"])
    _things.cache_clear()


def one(rng: random.Random) -> Case:
    """Return a writer and a limit, often one near the end."""
    name = rng.choice(list(WRITERS))
    limit = rng.choice((0, 1, rng.randrange(64), rng.randrange(2000), rng.randrange(25_000)))
    return Case(name, limit)


@contextlib.contextmanager
def full_after(n_bytes: int) -> Iterator[None]:
    """Let files of this process be no larger, for the time of a block."""
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, kept[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
        signal.signal(signal.SIGXFSZ, handler)


def check(case: Case) -> str:
    """Write over an old file, and look what is there afterwards."""
    ending, kind, write = WRITERS[case.name]
    _things()
    with samples.folder() as folder:
        path = folder / f"target{ending}"
        path.write_bytes(OLD)
        try:
            with full_after(case.limit):
                outcome = write(str(path))
        except Exception as error:  # noqa: BLE001 - told apart there
            outcome = check_refusal(error, str(path))
        names = [each.name for each in folder.iterdir()]
        if names != [path.name]:
            raise BrokenError(f"left behind: {names}")
        content = path.read_bytes()
        if outcome == REFUSED and content != OLD:
            raise BrokenError(f"the old file is lost: {len(content):,} bytes in its place")
        if outcome == GOOD and content == OLD:
            raise BrokenError("nothing was written, and nobody says so")
        if outcome == GOOD and kind:
            readers.ask(kind, str(path))
    return f"{case.name}: {outcome}"
