"""The command ``explain``: which words speak for the label of a text."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import (
    add_reading,
    add_unlabelled,
    given_reading,
    number_of_labels,
)
from fasttext_lite.cli.console import PROGRAM, say, write
from fasttext_lite.cli.files import PACKED, TEXT_ENDINGS, open_texts, say_if_nothing_is_cut
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.formats import FORMATS
from fasttext_lite.errors import UsageError
from fasttext_lite.model.magic import check_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fasttext_lite.model.model import Model

HELP = "Show which words of a text speak for its label."
COLORS = ("auto", "always", "never")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``explain``."""
    add_unlabelled(
        parser, "TEXT|FILE",
        "a text, or a file of texts, a text in each line or whatever train reads; default stdin. "
        "What names a file is a file",
    )  # fmt: skip
    parser.add_argument(
        "--label", help="the label to explain (default: the likeliest, but --other)"
    )
    parser.add_argument(
        "--other", metavar="LABEL",
        help="compare with this label: which words make the first likelier",
    )  # fmt: skip
    parser.add_argument(
        "-k", type=number_of_labels, default=1,
        help="explain the K likeliest labels, -1 = all (default 1)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print a JSON object for each text")
    parser.add_argument(
        "--color", choices=COLORS, default=COLORS[0],
        help="mark words by colours: blue for the label, orange against it (default auto: on a "
        "terminal)",
    )  # fmt: skip
    add_reading(parser, unlabelled=True)


def run(options: argparse.Namespace) -> None:
    """Print why each text has its label."""
    from fasttext_lite.compat.either import load_model
    from fasttext_lite.explanation.contributions import explain

    check_order(options.model, options.file, f"{PROGRAM} explain")
    if options.label is not None and options.k != 1:
        raise UsageError("-k is the number of likeliest labels: with --label it has no meaning")
    if options.json and options.color == "always":
        say("--color has no effect: --json is not coloured")
    model = load_model(options.model)
    for name in ("label", "other"):
        _check_label(model, name, getattr(options, name))
    if options.label is not None and options.label == options.other:
        raise UsageError("--label and --other are the same: name two labels")
    color = options.color == "always" or (options.color == "auto" and _is_terminal())
    for text in _texts(options, model):
        found = explain(model, text, options.label, options.other, options.k)
        if options.json:
            write(json.dumps(found.to_dict(), ensure_ascii=False))
        else:
            write(found.to_text(color))


def _is_terminal() -> bool:
    """Whether colours are seen, and wanted (https://no-color.org)."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return is_terminal and not os.environ.get("NO_COLOR")


def _check_label(model: Model, name: str, label: str | None) -> None:
    """Raise `UsageError` unless a label is the model's."""
    if label is not None and label not in model.labels:
        from fasttext_lite.corpus.strangers import difference

        why = difference([label], model.labels)
        raise UsageError(
            f"--{name}: {label!r} is none of the model's {len(model.labels)} labels"
            f"{f'; {why}' if why else ''}"
        )


def _looks_like_a_file(text: str) -> bool:
    """Whether a text may be the mistaken name of a file."""
    ending = os.path.splitext(text)[1].lower()
    known = {each for form in FORMATS.values() for each in form.endings} | {*PACKED, *TEXT_ENDINGS}
    return not any(map(str.isspace, text)) and (os.sep in text or ending in known)


def _texts(options: argparse.Namespace, model: Model) -> Iterator[str]:
    """Yield the text that was given, or those of a file."""
    if options.file != STDIN and not os.path.exists(options.file):
        if _looks_like_a_file(options.file):
            say(f"{options.file}: there is no such file; explained as a text")
        if given := given_reading(options):
            say(f"{', '.join(given)} has no effect: what is given is a text, and no file")
        yield options.file
        return
    reader = open_texts(options, model.labels)
    for chunk in reader:
        yield from chunk.texts.to_list()
    for notice in reader.notices:
        say(notice)
    if options.multilabel:
        say_if_nothing_is_cut(reader)
