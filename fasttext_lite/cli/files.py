"""How commands open what the user names: labelled files and models."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import read_options
from fasttext_lite.cli.console import say

if TYPE_CHECKING:
    from fasttext_lite.corpus.reader import Corpus
    from fasttext_lite.model.model import Model


def is_of_fasttext(path: str) -> bool:
    from fasttext_lite.compat.program.streams import is_fasttext

    return is_fasttext(path)


def read_labelled(path: str, options: argparse.Namespace) -> Corpus:
    from fasttext_lite.corpus.reader import read_corpus

    corpus = read_corpus(path, read_options(options))
    if not getattr(options, "quiet", False):
        for line in corpus.skip_report():
            say(line)
    return corpus


def load_own(path: str) -> Model:
    from fasttext_lite.model.storage import load_model

    return load_model(path)
