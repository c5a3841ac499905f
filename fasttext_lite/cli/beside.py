"""The arguments of what a training learns from beside labelled texts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import read_options
from fasttext_lite.cli.console import is_same_file, say
from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.teaching.fit import Beside


def add_beside(parser: argparse.ArgumentParser) -> None:
    """Add the flags of texts without labels."""
    parser.add_argument(
        "--unlabelled",
        metavar="FILE",
        nargs="+",
        help="more texts, without labels, to learn from too, in any format, packed or - for stdin; "
        "left out where labelled texts that are held out show that they do not help",
    )


def is_taught(options: argparse.Namespace) -> bool:
    """Return whether there is anything beside labelled texts."""
    return bool(options.unlabelled)


def check_beside(
    options: argparse.Namespace, train: str, valid: str | None, cache: str | None
) -> None:
    """Raise `UsageError` for files that cannot be read beside the others."""
    paths = options.unlabelled or []
    if not paths:
        return
    if cache is not None:
        raise UsageError("--cache keeps the features of TRAIN alone: leave it out")
    if [train, valid, *paths].count(STDIN) > 1:
        raise UsageError("only one of the files of texts can come from stdin")
    for path in paths:
        if path != STDIN and is_same_file(path, options.output):
            raise UsageError(f"{path}: the model would overwrite this file of texts")


def read_beside(options: argparse.Namespace, names: Sequence[str], seed: int) -> Beside:
    """Return what there is beside labelled texts; `names` are their labels."""
    from fasttext_lite.teaching.files import read_unlabelled
    from fasttext_lite.teaching.fit import Beside

    found = read_unlabelled(options.unlabelled, read_options(options), names, seed=seed)
    if not options.quiet:
        for notice in found.notices:
            say(notice)
    return Beside(found.texts, say=None if options.quiet else say)
