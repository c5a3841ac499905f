"""The command ``embed``: the embedding of each line, or a map of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import add_reading, add_threads, add_unlabelled, written
from fasttext_lite.cli.console import is_same_file, say, write
from fasttext_lite.cli.files import (
    check_texts,
    open_texts,
    read_labelled_file,
    say_if_nothing_is_cut,
)
from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.corpus.reader import Corpus, CorpusReader
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.model.model import Model


HELP = "Print the embedding of each line of text."
CHUNK = 1 << 14  # labelled texts embedded at a time
NO_LABEL = "(no label)"  # in a map of texts of which others have one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``embed``."""
    add_unlabelled(parser)
    group = parser.add_argument_group("map of the embeddings (instead of printing them)")
    group.add_argument(
        "--plot",
        metavar="PNG",
        type=written,
        help="draw a map in two dimensions, .png, .pdf or .svg",
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
        help="each text has a label, as train reads it: leave out those without, and colour by "
        "(the first) label even if the model knows none of them",
    )
    add_reading(parser, unlabelled=True)
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
    from fasttext_lite.corpus.files import made_ahead

    reader = open_texts(options, model.labels)
    for chunk in made_ahead(reader, options.file):
        rows = model.embed(chunk.texts, options.threads).tolist()
        write("\n".join(" ".join(f"{x:.6g}" for x in row) for row in rows))
    for notice in reader.notices:
        say(notice)
    if options.multilabel:
        say_if_nothing_is_cut(reader)


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
        reader = open_texts(options, model.labels)
        notices = map_documents(model, labelled or _texts(reader), options.plot, **given)
        notices = [*reader.notices, *notices]
    for notice in notices:
        say(notice)
    say(f"map of the {options.of or 'documents'} in {options.plot}")


def _labelled(corpus: Corpus) -> Iterator[tuple[Texts, Sequence[str]]]:
    # Every row of a file has a label.
    groups = [corpus.labels.names[i] for i in corpus.labels.ids[corpus.labels.indptr[:-1]].tolist()]
    for start in range(0, len(groups), CHUNK):
        yield corpus.texts.slice(start, start + CHUNK), groups[start : start + CHUNK]


def _texts(reader: CorpusReader) -> Iterator[tuple[Texts, Sequence[str] | None]]:
    """Yield texts, and the first label of each if the first of them have any."""
    import numpy as np

    is_labelled = None
    for chunk in reader:
        if is_labelled is None:
            is_labelled = chunk.ids.size > 0
        groups = None
        if is_labelled:
            n_labels = np.diff(chunk.indptr)
            ids = np.append(chunk.ids, 0)[np.minimum(chunk.indptr[:-1], chunk.ids.size)].tolist()
            groups = [
                reader.names[i] if n else NO_LABEL for i, n in zip(ids, n_labels, strict=True)
            ]
        yield chunk.texts, groups
