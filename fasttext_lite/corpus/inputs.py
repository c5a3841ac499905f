"""The files that commands are given: names, and patterns that stand for several."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence

from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import InputError

LEFT_OUT = (".", "_")  # what names begin with of files that no records are in, such as _SUCCESS


def is_special(path: str) -> bool:
    """Return whether a path is a pipe, a device or a socket."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def fixed_folder(pattern: str) -> str:
    """Return the folder of a pattern that every file of it is in."""
    head = pattern
    while glob.has_magic(head):
        head = os.path.dirname(head)
    return head or "."


def is_pattern(given: str) -> bool:
    """Return whether a name stands for others: no file is called so, and it has * ? or [."""
    return given != STDIN and not os.path.lexists(given) and glob.has_magic(given)


def matches(pattern: str, is_other: Callable[[str], bool] = lambda path: False) -> list[str]:
    """Return the files of a pattern, sorted; those that links lead to again are there once.

    Parameters
    ----------
    pattern : str
        ``**`` stands for any folders. Names that begin with . or _ are left out, unless they
        stand in its fixed folder.
    is_other : callable
        Whether a file is not meant.

    Raises
    ------
    InputError
        If there is none.
    """
    found: dict[tuple[str, str], str] = {}
    n_left_out, root = 0, fixed_folder(pattern)
    names = glob.glob(pattern, recursive=True)
    for path in sorted(names, key=lambda path: (path.count(os.sep), path)):
        if os.path.isdir(path) or is_special(path) or is_other(path):
            continue
        if any(name.startswith(LEFT_OUT) for name in os.path.relpath(path, root).split(os.sep)):
            n_left_out += 1
            continue
        place, name = os.path.split(path)
        found.setdefault(
            (os.path.realpath(place), name), os.path.join(".", path) if path == STDIN else path
        )
    if not found:
        more = " that does not begin with _ or . (name such files, or their folder)" * bool(
            n_left_out
        )
        raise InputError(f"{pattern}: no file has a name of this pattern{more}")
    return sorted(found.values())


def files_of(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the files that names and patterns stand for, each once, in the order of these.

    Returns
    -------
    files : list of str
        Those of a pattern sorted. Whether they are there is for their reader to say.
    notices : list of str
        A line for each file that was named again.

    Raises
    ------
    InputError
        If no file has a name of a pattern, or a name is empty.
    """
    if "" in given:
        raise InputError("the name of a file of texts is empty: leave it out")
    files: dict[str, str] = {}
    again: dict[str, None] = {}
    for name in given:
        for path in matches(name) if is_pattern(name) else [name]:
            known = files.setdefault(path if path == STDIN else os.path.realpath(path), path)
            if known is not path:
                again[path] = None
    return list(files.values()), [f"{path}: named twice, read once" for path in again]
