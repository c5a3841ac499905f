"""The command ``datasets``: lists public sets and brings them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from fasttext_lite.cli.console import say, write

HELP = "List public data sets, and download them."
_UNKNOWN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``datasets``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    text = "Print name, task, language, rows, labels, size and licence of each set."
    listing = actions.add_parser("list", help=text, description=text, allow_abbrev=False)
    listing.add_argument("--json", action="store_true", help="print one JSON array")
    text = "Bring sets and print the paths of their files."
    fetch = actions.add_parser("fetch", help=text, description=text, allow_abbrev=False)
    fetch.add_argument("names", metavar="NAME", nargs="+", help="as `list` has it")
    for action in (listing, fetch):
        action.add_argument(
            "--data-home",
            metavar="DIR",
            help="folder of the sets (default: datasets in FASTTEXT_LITE_HOME, or in the "
            "platform's folder for caches)",
        )


def run(options: argparse.Namespace) -> None:
    """List data sets or bring them."""
    from fasttext_lite.datasets import fetch as datasets

    if options.action == "list":
        entries = datasets.list_datasets(options.data_home)
        if options.json:
            write(json.dumps(entries, ensure_ascii=False, indent=1))
        else:
            write(_table([_HEADER, *map(_row, entries)]))
        return
    for name in options.names:  # a wrong name costs no download of those before it
        datasets.check_name(name)
    for name in options.names:
        folder = datasets.prepare_dataset(name, data_home=options.data_home, say=say)
        paths = (folder / f"{split}.tsv" for split in ("train", "dev", "test"))
        write("\n".join(str(path) for path in paths if path.is_file()))


_HEADER = ("name", "task", "language", "train", "test", "labels", "size", "there", "licence")
_RIGHT = frozenset(("train", "test", "labels", "size"))


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    counts = [_number(entry[key]) for key in ("train", "test", "labels")]
    if entry["train"] is None and "all" in entry["records"]:
        counts[:2] = f"{entry['records']['all']:,}", "in all"
    return (
        entry["name"], entry["task"] or _UNKNOWN, entry["language"] or _UNKNOWN, *counts,
        _bytes(entry["size"]), "yes" if entry["path"] else "no", entry["licence"] or _UNKNOWN,
    )  # fmt: skip


def _number(value: int | None) -> str:
    return _UNKNOWN if value is None else f"{value:,}"


def _bytes(size: int | None) -> str:
    return _UNKNOWN if size is None else f"{size / 1e6:.1f} MB"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = [name in _RIGHT for name in rows[0]]
    lines = [
        "  ".join(
            cell.rjust(width) if at_right else cell.ljust(width)
            for cell, width, at_right in zip(row, widths, right, strict=True)
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
