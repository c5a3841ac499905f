"""The command ``teach``: ``train`` with what an encoder of this machine knows of the texts."""

from __future__ import annotations

import argparse

from fasttext_lite.cli import train

HELP = "Train a model on a labelled file and on what an encoder knows of its texts."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``teach``."""
    parser.add_argument(
        "encoder",
        metavar="ENCODER",
        help="a model of sentence-transformers or model2vec that is on this machine: its folder, "
        "or its name; nothing is downloaded",
    )
    train.add_arguments(parser, encodes=True)


def run(options: argparse.Namespace) -> None:
    """Embed all texts, train a model, write it, and print how it went."""
    train.run(options)
