"""The flag ``--memory``: how much of it the whole process is to take."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from fasttext_lite import system
from fasttext_lite.cli.arguments import checked
from fasttext_lite.cli.beside import is_taught
from fasttext_lite.cli.console import say
from fasttext_lite.config.sizes import parse_size
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.config.fields import Config

AUTO, SHARE = "auto", 0.8  # of what the system allows for
VALID_FACTOR = 12  # bytes for each of the file to validate on, which is held in memory


def add_memory(parser: argparse.ArgumentParser) -> None:
    """Add the flag."""
    parser.add_argument(
        "--memory",
        type=checked(_size),
        metavar="SIZE",
        help="the most that the whole process takes, such as 2G: words and features that there is "
        "no room for are left out, rare ones first; auto is 80%% of what the container or the "
        "machine has",
    )


def _size(text: str) -> int:
    """Return a number of bytes."""
    if text != AUTO:
        return parse_size(text, "memory")
    found = system.memory_limit()
    if not found:
        raise ValueError("auto: this system does not say how much memory there is: give a size")
    return int(SHARE * found)


def check_memory(options: argparse.Namespace, config: Config) -> None:
    """Raise `UsageError` for what is held in memory whatever is promised."""
    if options.memory is None:
        return
    held = {
        "--init": getattr(options, "init", None) is not None,
        "--unlabelled and embeddings": is_taught(options),
        "--pretrained-vectors": options.pretrained_vectors is not None,
        "noise in words": config.is_noisy,
        "--patience without --valid": config.patience is not None and options.valid is None,
    }
    for what in (what for what in held if held[what]):
        raise UsageError(f"--memory: {what} cannot be kept within it: leave one of them out")
    if options.valid is not None:
        from fasttext_lite.corpus.files import is_regular
        from fasttext_lite.disk.promise import Promise

        room = Promise(options.memory).free // 4 // VALID_FACTOR
        if is_regular(options.valid) and os.path.getsize(options.valid) > room:
            raise UsageError(
                f"{options.valid}: texts to validate on are held in memory, and --memory leaves "
                f"room for {room / 1e6:.1f} MB of them: take fewer"
            )


def say_if_broken(options: argparse.Namespace) -> None:
    """Say so if more memory was taken than was promised."""
    from fasttext_lite.compiled.notice import NOTICE

    peak = system.peak_memory()
    if options.memory is not None and peak > options.memory:
        why = ", some of them by compiling, which is done once on a machine" * NOTICE.is_told
        say(
            f"--memory was not kept: {peak / 1e6:.0f} MB were taken, of "
            f"{options.memory / 1e6:.0f}{why}"
        )
