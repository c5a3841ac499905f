"""Which files are read, and which each becomes: folders, patterns and files to parts."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.compression import ENDINGS
from fasttext_lite.corpus.inputs import LEFT_OUT, fixed_folder, is_special, matches
from fasttext_lite.errors import InputError, UsageError
from fasttext_lite.filtering.formats.table import ENDINGS as FORMAT_ENDINGS
from fasttext_lite.filtering.formats.table import FORMATS
from fasttext_lite.filtering.settings import PLAIN, SAME, Settings

# In the folder that is written to: of the run itself, and of records that go elsewhere.
OWN, DROPPED_FOLDER, BAD_FOLDER, NONE_FOLDER = "_filter", "_dropped", "_bad", "_none"
OWN_FOLDERS = (OWN, DROPPED_FOLDER, BAD_FOLDER, NONE_FOLDER)


@dataclass(frozen=True)
class Part:
    """A file to read, and the name of what it becomes.

    Attributes
    ----------
    path : str
    name : str
        In the folder that is written to.
    size, time : int
        Bytes, and nanoseconds of the last change.
    """

    path: str
    name: str
    size: int = 0
    time: int = 0


@dataclass
class Plan:
    """The parts of a run.

    Attributes
    ----------
    parts : list of Part
    others : list of str
        Files in folders that are no records.
    """

    parts: list[Part]
    others: list[str] = field(default_factory=list)


def make_plan(inputs: Sequence[str], folder: str, settings: Settings) -> Plan:
    """Return the parts that files, patterns and folders stand for, in the order of their names.

    Raises
    ------
    InputError
        If one is not there, or holds nothing.
    UsageError
        If two parts would be one file, or a file would be overwritten that is read.
    """
    plan = Plan([])
    for given in inputs:
        if given == STDIN:
            raise UsageError(
                "filter reads files, not stdin: what it writes has their names, and goes on where "
                "it stopped (`predict -o out.jsonl` reads stdin)"
            )
        plan.parts += _parts_of(given, folder, settings, plan.others)
    parts = {os.path.abspath(part.path): part for part in reversed(plan.parts)}
    plan.parts = sorted(parts.values(), key=lambda part: part.name)
    _check(plan.parts, folder, settings)
    return plan


def _parts_of(given: str, folder: str, settings: Settings, others: list[str]) -> list[Part]:
    """Return the parts of an argument; files of other kinds are added to `others`."""
    if os.path.isdir(given):
        found = list(_walk(given, folder, others))
        if not found:
            raise InputError(
                f"{given}: the folder has no files of records ({', '.join(FORMAT_ENDINGS)}, packed "
                "or not)"
            )
        return [_part(path, os.path.relpath(path, given), settings) for path in found]
    if is_special(given):
        raise InputError(f"{given}: a pipe or device cannot be read twice: write it to a file")
    if os.path.exists(given):
        return [_part(given, os.path.basename(given), settings)]
    if not glob.has_magic(given):
        raise InputError(f"{given}: no such file or directory")
    root = fixed_folder(given)
    return [
        _part(path, os.path.relpath(path, root), settings)
        for path in matches(given, lambda path: _is_under(path, folder))
    ]


def _walk(given: str, folder: str, others: list[str]) -> Iterator[str]:
    for place, folders, names in os.walk(given):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(LEFT_OUT) and not _is_same(os.path.join(place, name), folder)
        )
        for name in sorted(names):
            path = os.path.join(place, name)
            if name.startswith(LEFT_OUT):
                continue
            is_record = without_packing(name).lower().endswith(FORMAT_ENDINGS)
            if is_record and not is_special(path):
                yield path
            else:
                others.append(path)


def without_packing(name: str) -> str:
    """Return the name of a file without the ending that says how it is packed."""
    stem, ending = os.path.splitext(name)
    return stem if ending.lower() in ENDINGS else name


def _part(path: str, name: str, settings: Settings) -> Part:
    """Return the part of a file, with the ending of how it will be packed.

    What is wrong with one that is there but cannot be opened is told when it is read.
    """
    from fasttext_lite.corpus.compression import COMPRESSIONS

    name = name.replace(os.sep, "/")
    is_packable = not name.lower().endswith(FORMATS["parquet"].endings)
    if settings.compression != SAME and is_packable:
        name = without_packing(name)
        if settings.compression != PLAIN:
            name += COMPRESSIONS[settings.compression].ending
    try:
        status = os.stat(path)
    except OSError:
        return Part(path, name)
    return replace(Part(path, name), size=status.st_size, time=status.st_mtime_ns)


def _is_same(path: str, other: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(other)


def _is_under(path: str, folder: str) -> bool:
    own, outer = os.path.realpath(path), os.path.realpath(folder)
    try:
        return os.path.commonpath([own, outer]) == outer
    except ValueError:  # two drives
        return False


def _check(parts: Sequence[Part], folder: str, settings: Settings) -> None:
    """Raise `UsageError` if two parts are one file, or one would be written over what is read."""
    names: dict[str, Part] = {}
    for part in parts:
        other = names.setdefault(part.name, part)
        if other is not part:
            advice = "name the folder that both are in, or a pattern in quotes"
            if os.path.basename(other.path) != os.path.basename(part.path):
                advice = f"leave out --compression {settings.compression}, or rename one"
            raise UsageError(
                f"{other.path} and {part.path} would both become "
                f"{os.path.join(folder, part.name)}: {advice}"
            )
        first = part.name.partition("/")[0]
        if first.casefold() in OWN_FOLDERS:
            raise UsageError(
                f"{part.path}: would become {os.path.join(folder, part.name)}, where filter keeps "
                f"its own files: name the folder {first}, or rename it"
            )
        if _is_under(part.path, folder):
            raise UsageError(f"{part.path}: is in the folder that is written to: name another -o")
