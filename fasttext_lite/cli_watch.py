"""What the command line shows of a training while it runs, and its maps of embeddings.

Flags and runs of ``train --valid --log --plot`` and ``embed --plot``. Heavy imports stand inside
the functions.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.config import Config
    from fasttext_lite.corpus import Corpus, Texts
    from fasttext_lite.model import Model
    from fasttext_lite.monitoring import EpochReport, Watch
    from fasttext_lite.training import History

CHUNK = 1 << 14  # labelled texts embedded at a time


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``train`` that follow a training."""
    parser.add_argument(
        "--valid",
        metavar="FILE",
        help="labelled text to measure each epoch on (see --patience), and the model in the end",
    )
    parser.add_argument(
        "--log", metavar="FILE", help="write settings, epochs and result as JSON lines, .jsonl"
    )
    parser.add_argument("--plot", metavar="PNG", help="draw learning curves, .png, .pdf or .svg")


def check_files(options: argparse.Namespace) -> None:
    """Raise `InputError` unless log and plot can be written, and overwrite no other file."""
    if options.plot is not None:
        from fasttext_lite.plotting import check_plot

        check_plot(options.plot)
    if options.log is not None:
        from fasttext_lite.monitoring import check_log

        check_log(options.log)
    for kind, path in (("plot", options.plot), ("log", options.log)):
        others = {"train", "valid", "output", "log"} - {kind}
        for other in sorted(others):
            if path is not None and _is_same(path, getattr(options, other)):
                raise InputError(f"{path}: the {kind} would overwrite this file")


def _is_same(path: str, other: str | None) -> bool:
    return other is not None and os.path.realpath(path) == os.path.realpath(other)


def make_watch(
    options: argparse.Namespace, config: Config, names: list[str], valid: Corpus | None
) -> Watch | None:
    """Return what the flags ask to watch; None where nobody watches.

    Parameters
    ----------
    options : Namespace
    config : Config
    names : list of str
        The training labels.
    valid : Corpus, optional
    """
    asked = valid is not None or options.log is not None or options.plot is not None
    if not asked and config.patience is None:
        return None
    from fasttext_lite.monitoring import Watch

    pair = None
    if valid is not None:
        pair = valid.texts, valid.labels.renamed(names)
    callbacks = () if options.quiet else (partial(_tell, config.epochs),)
    return Watch(pair, callbacks, options.log)


def _tell(n_epochs: int, report: EpochReport) -> None:
    """Print an epoch's line on stderr, above the progress bar."""
    if sys.stderr is None:
        return
    # Training goes on though nobody reads.
    with contextlib.suppress(OSError):
        if not sys.stderr.isatty():
            sys.stderr.write(f"{report.line(n_epochs)}\n")
            sys.stderr.flush()
            return
        from tqdm import tqdm

        tqdm.write(report.line(n_epochs), file=sys.stderr)


def course(history: History) -> str:
    """Return in a few words how long a training went."""
    n = len(history.loss)
    kept = "" if history.best_epoch is None else f" (epoch {history.best_epoch} kept)"
    return f"{n} epoch{'s' * (n != 1)}{kept}"


def kept_loss(history: History) -> float:
    """Return the training loss of the epoch whose weights the model has."""
    return history.loss[(history.best_epoch or 0) - 1]


def finish(options: argparse.Namespace, history: History, say: Callable[[str], None]) -> None:
    """Draw the plot of a training that went through, and say where things are."""
    if options.plot is not None:
        from fasttext_lite.plotting import plot_learning_curves

        plot_learning_curves(history.reports, options.plot)
    if not options.quiet:
        if options.log is not None:
            say(f"log of the training in {options.log}")
        if options.plot is not None:
            say(f"learning curves in {options.plot}")


# -- embed --plot ----------------------------------------------------------------------------


def add_map_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``embed`` that draw a map."""
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


def check_map_arguments(options: argparse.Namespace) -> None:
    """Raise `InputError` if the flags of a map contradict each other, or it cannot be written."""
    if options.plot is None:
        given = [f"--{name}" for name in ("of", "method", "labelled") if getattr(options, name)]
        if given:
            raise InputError(f"{given[0]} needs --plot, the file of the map")
        return
    from fasttext_lite.plotting import check_plot

    check_plot(options.plot)
    for path in (options.model, options.file):
        if path != "-" and _is_same(options.plot, path):
            raise InputError(f"{options.plot}: the plot would overwrite this file")


def draw_map(
    options: argparse.Namespace,
    model: Model,
    read: Callable[[str, argparse.Namespace], Corpus],
    say: Callable[[str], None],
) -> None:
    """Draw the map that the flags ask for."""
    from fasttext_lite.maps import map_documents, map_labels

    given: Any = {"method": options.method or "pca", "n_threads": options.threads}
    options.multilabel = options.multilabel or model.multilabel
    is_labelled = options.labelled or (options.of == "labels" and options.file != "-")
    labelled = _labelled(read(options.file, options)) if is_labelled else None
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
    from fasttext_lite.corpus import DEFAULT_PREFIX, read_texts

    for texts in read_texts(options.file, drop_prefix=DEFAULT_PREFIX):
        yield texts, None
