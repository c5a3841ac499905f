"""The command ``embed``: the embedding of each line, or a map of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import add_reading, add_threads, add_unlabelled
from fasttext_lite.cli.console import is_same_file, say, write
from fasttext_lite.cli.files import check_texts, made_ahead, read_labelled_file
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.formats import DEFAULT_PREFIX
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.corpus.reader import Corpus
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.model.model import Model


HELP = "Print the embedding of each line of text."
CHUNK = 1 << 14  # labelled texts embedded at a time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``embed``."""
    add_unlabelled(parser)
    group = parser.add_argument_group("map of the embeddings (instead of printing them)")
    group.add_argument(
        "--plot", metavar="PNG", help="draw a map in two dimensions, .png, .pdf or .svg"
    )
    group.add_argument(
        "--of",
        choices=("documents", "labels"),
        help="of documents (default), or of labels: each at the mean of its texts in FILE (read "
        "as by train); without FILE, from the weights of the model alone",
    )
    group.add_argument(
        "--method",
        choices=("pca", "tsne"),
        help="pca (default; quick: directions of the largest variance) or tsne (neighbours stay "
        "neighbours)",
    )
    group.add_argument(
        "--labelled",
        action="store_true",
        help="FILE has labels, read as by train: colour by (the first) label",
    )
    add_reading(parser)
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    """Print the embedding of each line, or draw a map of them."""
    check_texts(options, "embed")
    _check_map_arguments(options)
    from fasttext_lite.model.storage import load_model

    model = load_model(options.model)
    if options.plot is None:
        _print_embeddings(model, options)
    else:
        _draw_map(model, options)


def _print_embeddings(model: Model, options: argparse.Namespace) -> None:
    from fasttext_lite.corpus.reader import read_texts

    for texts in made_ahead(read_texts(options.file, drop_prefix=DEFAULT_PREFIX), options.file):
        rows = model.embed(texts, options.threads).tolist()
        write("\n".join(" ".join(f"{x:.6g}" for x in row) for row in rows))


# -- a map -----------------------------------------------------------------------------------
def _check_map_arguments(options: argparse.Namespace) -> None:
    """Raise `UsageError` if the flags of a map contradict each other, or it cannot be written."""
    if options.plot is None:
        given = [f"--{name}" for name in ("of", "method", "labelled") if getattr(options, name)]
        if given:
            raise UsageError(f"{given[0]} needs --plot, the file of the map")
        return
    from fasttext_lite.evaluation.plots import check_plot

    check_plot(options.plot)
    for path in (options.model, options.file):
        if is_same_file(options.plot, path):
            raise UsageError(f"{options.plot}: the plot would overwrite this file")


def _draw_map(model: Model, options: argparse.Namespace) -> None:
    """Draw the map that the flags ask for."""
    from fasttext_lite.evaluation.maps import map_documents, map_labels

    given: Any = {"method": options.method or "pca", "n_threads": options.threads}
    options.multilabel = options.multilabel or model.multilabel
    is_labelled = options.labelled or (options.of == "labels" and options.file != STDIN)
    labelled = _labelled(read_labelled_file(options.file, options)) if is_labelled else None
    if options.of == "labels":
        notices = map_labels(model, options.plot, chunks=labelled, **given)
    else:
        notices = map_documents(model, labelled or _plain(options), options.plot, **given)
    for notice in notices:
        say(notice)
    say(f"map of the {options.of or 'documents'} in {options.plot}")


def _labelled(corpus: Corpus) -> Iterator[tuple[Texts, Sequence[str]]]:
    # Every row of a file has a label.
    groups = [corpus.labels.names[i] for i in corpus.labels.ids[corpus.labels.indptr[:-1]].tolist()]
    for start in range(0, len(groups), CHUNK):
        yield corpus.texts.slice(start, start + CHUNK), groups[start : start + CHUNK]


def _plain(options: argparse.Namespace) -> Iterator[tuple[Texts, None]]:
    from fasttext_lite.corpus.reader import read_texts

    for texts in read_texts(options.file, drop_prefix=DEFAULT_PREFIX):
        yield texts, None
