"""What to say of a text that stands where the name of a file belongs."""

from __future__ import annotations

import os
import re
import shlex

from fasttext_lite.corpus import STDIN

_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,5}$")
LONGEST = 60  # characters of a text that is shown


def instead_of_file(path: str, call: str, what: str = "classify") -> str:
    """Return how to give a text to a command; empty if there is such a file, or it may be a name.

    Parameters
    ----------
    path : str
    call : str
        What reads texts from standard input, as words of a shell.
    what : str
        What is to be done to the text.
    """
    if path == STDIN or os.path.lexists(path) or _is_name(path):
        return ""
    shown, text = path, shlex.quote(path)
    if len(path) > LONGEST:
        shown, text = f"{path[:LONGEST]}...", "TEXT"
    return f"{shown}: no such file; to {what} a text: echo {text} | {call}"


def _is_name(path: str) -> bool:
    """Return whether something looks like the name of a file: an ending, or folders."""
    return bool(_ENDING.search(path)) or ("/" in path and " " not in path and path.isascii())
