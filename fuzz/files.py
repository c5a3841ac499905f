"""Damaged files: whatever happened to it, a file is refused in a line, or answers as the whole one.

Files with checksums (``.ftl`` of this version, checkpoints) may not answer otherwise at all; those
of formats without, of others and of earlier versions, may, but with finite numbers, soon, in little
memory.  A part of the ``.ftl`` files gets new checksums after the damage: what a program would do
that writes nonsense, or an enemy.
"""

from __future__ import annotations

import os
import random
import shutil
from functools import cache
from typing import Any, NamedTuple

from fuzz import mutations, readers, safetensors, samples
from fuzz.frame import GOOD, BrokenError, check_refusal
from fuzz.samples import Sample

SECONDS = 10.0
MEGABYTES = 200
WEIGHT = 8.0
CHANGED = "other answers, no checksum"


class Case(NamedTuple):
    """A damaged file."""

    name: str  # of the sample
    data: bytes
    is_sealed: bool  # whether checksums must tell


@cache
def answers_of(name: str) -> Any:
    """Return what an unharmed file answers."""
    sample = samples.sample(name)
    path = written(sample.data, sample.ending)
    try:
        return readers.ask(sample.kind, path)
    finally:
        _remove(path)


def prepare() -> None:
    """Make the files, and ask them all."""
    for name in samples.KINDS:
        answers_of(name)


def one(rng: random.Random) -> Case:
    """Return a damaged file."""
    sample = samples.sample(rng.choice(list(samples.KINDS)))
    others = [name for name, kind in samples.KINDS.items() if kind == sample.kind]
    how = rng.random()
    if sample.data[8:9] == b"{" and how < 0.4:
        change = safetensors.edited if how < 0.25 else safetensors.with_other_numbers
        return _resealed(rng, sample, change(rng, sample.data))
    if sample.ending in (".json", ".jsonl") and how < 0.5:
        lines = sample.data.split(b"\n")
        place = rng.randrange(len(lines))
        lines[place] = mutations.edited_json(rng, lines[place])
        return Case(sample.name, b"\n".join(lines), False)
    other = samples.sample(rng.choice(others)) if rng.random() < 0.1 else sample
    data = mutations.damaged(rng, sample.data, [other.data])
    # Where the end of another file was put after a beginning that they share, it is that file.
    whole = other if data == other.data else sample
    return Case(whole.name, data, whole.is_sealed)


def _resealed(rng: random.Random, sample: Sample, data: bytes) -> Case:
    """Return a case, half of them with checksums that are right again."""
    if not sample.is_sealed or rng.random() < 0.5:
        return Case(sample.name, data, sample.is_sealed)
    again = safetensors.sealed(data)
    return Case(sample.name, again, again is data)


def as_bytes(case: Case) -> bytes:
    """Return the file."""
    return case.data


def written(data: bytes, ending: str) -> str:
    """Write a new file, that no map of an earlier one is of; return its path."""
    path = samples.new_path(ending)
    with open(path, "wb") as file:
        file.write(data)
    return path


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)
    shutil.rmtree(path + ".d", ignore_errors=True)


def check(case: Case) -> str:
    """Read a damaged file, and ask it."""
    sample = samples.sample(case.name)
    path = written(case.data, sample.ending)
    try:
        answers = readers.ask(sample.kind, path)
    except BrokenError:
        raise
    except Exception as error:  # noqa: BLE001 - told apart there
        return f"{sample.kind}: {check_refusal(error)}"
    finally:
        _remove(path)
    if readers.are_same(answers, answers_of(case.name)):
        return f"{sample.kind}: {GOOD}"
    if case.is_sealed:
        raise BrokenError(
            f"{case.name}: a silent change: other answers than those of the whole file"
        )
    return f"{sample.kind}: {CHANGED}"
