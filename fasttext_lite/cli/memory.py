"""The flag ``--memory``: how much of it the whole process is to take."""

from __future__ import annotations

import argparse

from fasttext_lite.cli.arguments import checked
from fasttext_lite.config.sizes import parse_size


def add_memory(parser: argparse.ArgumentParser) -> None:
    """Add the flag."""
    parser.add_argument(
        "--memory",
        type=checked(parse_size),
        metavar="SIZE",
        help="the most that the whole process is to take, such as 2G",
    )
