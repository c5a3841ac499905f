"""The command ``report``: a page that says how good a model is, and what is wrong."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import add_reading, add_threads, written
from fasttext_lite.cli.certainty import read_novel
from fasttext_lite.cli.console import PROGRAM, is_same_file, say, write
from fasttext_lite.cli.files import (
    called,
    named_files,
    read_labelled_file,
    say_if_trained_on,
    say_unknown,
    say_unseen,
)
from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import UsageError
from fasttext_lite.model.magic import check_order

if TYPE_CHECKING:
    from fasttext_lite.corpus.reader import Corpus
    from fasttext_lite.model.model import Model
    from fasttext_lite.reporting.findings import Data

HELP = "Write a page that tells how a model does on a labelled file, and why."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``report``."""
    parser.add_argument("model", metavar="MODEL", help="of ours or of fastText")
    parser.add_argument(
        "file", metavar="TEST", nargs="+",
        help="labelled text, packed or - for stdin too; several files, or patterns in quotes, are "
        "read as one",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="HTML", type=written, required=True, help="page to write, .html"
    )
    parser.add_argument(
        "--train", metavar="TRAIN",
        help="what the model is trained on: adds a learning curve, and what looks wrong there",
    )  # fmt: skip
    parser.add_argument(
        "--against", metavar="MODEL2", help="another model, compared on the same texts"
    )
    parser.add_argument(
        "--novel", metavar="FILE",
        help="texts that belong to no label of the model, with labels or without: adds how well "
        "they are told from those of TEST, and which of them the model is surest of",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="print no notices")
    add_reading(parser)
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    """Measure a model on a labelled file and write the page."""
    check_order(options.model, options.file[0], f"{PROGRAM} report")
    files = named_files(options.file, options)
    _check(options, files)
    from fasttext_lite.compat.either import load_model

    model = load_model(options.model)
    other = None if options.against is None else load_model(options.against)
    is_asked, options.multilabel = options.multilabel, options.multilabel or model.multilabel
    corpus = read_labelled_file(files, options, judges=True)
    if is_asked and not corpus.labels.is_multilabel and not options.quiet:
        say(f"--multilabel has no effect: no text of {called(files)} has several labels")
    _check_labels(options, model, other, corpus, called(files))
    trained_on = model.run.texts if model.run else None
    say_if_trained_on(called(files), corpus, trained_on, options)
    train = None if options.train is None else _read_training(options, model)
    from fasttext_lite.reporting.findings import Data
    from fasttext_lite.reporting.novel import MOST_NOVEL
    from fasttext_lite.reporting.report import write_report

    novel = read_novel(model, options, MOST_NOVEL)

    found, n_bytes = write_report(
        options.output, options.model, model,
        Data(called(files), corpus.texts, corpus.labels, corpus.fingerprint), train=train,
        against=None if other is None else (options.against, other), novel=novel,
        n_threads=options.threads,
    )  # fmt: skip
    result = found.measured.result
    say_unknown(result, options)
    write(
        f"{options.output}: {n_bytes / 1e3:,.0f} kB, n {result.n}  {result.figure} "
        f"{result.accuracy:.4f}"
    )


def _check(options: argparse.Namespace, files: list[str]) -> None:
    """Raise an error for a page that cannot be written, before anything is read."""
    from fasttext_lite.reporting.render import check_report

    if options.output == STDIN:
        raise UsageError("a report cannot be written to stdout; name a file, .html")
    for path in (options.model, options.against, options.train, options.novel, *files):
        if is_same_file(path, options.output):
            raise UsageError(f"{options.output}: the report would overwrite this file")
    check_report(options.output)
    if STDIN in files and options.train == STDIN:
        raise UsageError("texts to test on and to train on cannot both come from stdin")
    if options.novel == STDIN and STDIN in (*files, options.train):
        raise UsageError("the file of --novel and another cannot both come from stdin")


def _check_labels(
    options: argparse.Namespace, model: Model, other: Model | None, corpus: Corpus, where: str
) -> None:
    """Raise an error unless the models know some of the labels, and compare at all."""
    from fasttext_lite.corpus.strangers import check_known

    check_known(corpus.labels.used(), model.labels, where)
    if other is None:
        return
    check_known(corpus.labels.used(), other.labels, where, options.against)
    if model.multilabel != other.multilabel:
        raise UsageError(
            f"{options.against}: one of the models gives each text one label, the other several: "
            "they cannot be compared"
        )
    if is_same_file(options.model, options.against) and not options.quiet:
        say(f"{options.against}: this is the model itself: there will be no difference")


def _read_training(options: argparse.Namespace, model: Model) -> Data:
    """Return the texts that the model is trained on, or should be; say what is strange of them."""
    from fasttext_lite.corpus.strangers import check_known
    from fasttext_lite.reporting.findings import Data

    corpus = read_labelled_file(options.train, options)
    check_known(corpus.labels.used(), model.labels, options.train)
    say_unseen(options.train, corpus.labels, model.labels, options)
    trained_on = model.run.texts if model.run else None
    if trained_on and corpus.fingerprint != trained_on and not options.quiet:
        say(f"{options.train}: these are not the texts that the model is trained on")
    return Data(options.train, corpus.texts, corpus.labels, corpus.fingerprint)
