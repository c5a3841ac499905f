"""The command ``alias``: a wheel of a distribution's name, for programs that ask for it."""

from __future__ import annotations

import argparse
import sysconfig
from pathlib import Path

from fasttext_lite.cli.arguments import written
from fasttext_lite.cli.console import say, write

HELP = "Write wheels with the names of fastText's distributions, for fasttext-lite-shim."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``alias``."""
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="distribution that a program asks for: fasttext-numpy2-wheel, fasttext-wheel==0.9.2",
    )
    parser.add_argument(
        "-o", "--output", default=".", metavar="DIR", type=written, help="folder of the wheels"
    )


def run(options: argparse.Namespace) -> None:
    """Write a wheel for each name, and say how they are installed."""
    from fasttext_lite.compat.alias import distribution, write_alias
    from fasttext_lite.compat.named import SHIM, owners

    wanted = [distribution(word) for word in options.names]
    paths = [str(write_alias(each, Path(options.output))) for each in wanted]
    for path in paths:
        write(path)
    # Else pip, when it replaces them, takes away their files, which the shim has overwritten.
    first = owners(Path(sysconfig.get_path("purelib")))
    uninstall = f"pip uninstall {' '.join(first)}, then " if first else ""
    say(f"now: {uninstall}pip install {SHIM} {' '.join(paths)}")
