"""What the command line shows of a training while it runs, and its maps of embeddings.

Flags and runs of ``train --valid --log --plot`` and ``embed --plot``. Heavy imports stand inside
the functions.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import config_of, read_options
from fasttext_lite.cli.console import UsageError, is_same_file, say, write
from fasttext_lite.cli.files import read_labelled
from fasttext_lite.cli.test import measure, summary
from fasttext_lite.config.fields import Config
from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.corpus.reader import Corpus
    from fasttext_lite.fitting.monitor import Watch
    from fasttext_lite.fitting.prepare import Prepared
    from fasttext_lite.fitting.report import EpochReport
    from fasttext_lite.training.loop import History


# -- commands --------------------------------------------------------------------------------
def run(options: argparse.Namespace) -> None:
    config = config_of(options)
    from fasttext_lite.model.safetensors import check_writable

    if options.output == "-":
        raise UsageError("a model cannot be written to stdout; name a file (./- is one too)")
    check_writable(options.output)
    if options.train == "-" and options.valid == "-":
        raise UsageError("training and validation data cannot both come from stdin")
    for path in (options.train, options.valid):
        if is_same_file(path, options.output):
            raise UsageError(f"{path}: the model would overwrite this file of texts")
    check_files(options)
    valid = read_labelled(options.valid, options) if options.valid else None
    from fasttext_lite.fitting import advice, fit
    from fasttext_lite.fitting.progress import progress_bar
    from fasttext_lite.fitting.streaming import is_streamable
    from fasttext_lite.model.storage import save_model

    start = time.perf_counter()
    prepared = corpus = None
    # Rows are set aside before the vocabulary is made: that takes the texts as a whole.
    if is_streamable(options.train, config) and (config.patience is None or valid is not None):
        prepared = _prepare(options, fit.with_vectors(config, options.pretrained_vectors))
        labels = prepared.labels
    elif options.cache:
        raise UsageError(
            "--cache needs a file that can be read twice, no noise in words, and for patience a "
            "--valid file"
        )
    else:
        corpus = read_labelled(options.train, options)
        labels = corpus.labels
    n_texts = len(labels)
    weights = fit.balanced_weights(labels) if options.class_weight == "balanced" else None
    settings: dict[str, Any] = {
        "seed": options.seed or 0,
        "n_threads": options.threads or (None if options.seed is None else 1),
        "watch": make_watch(options, config, labels.names, valid),
        "pretrained": options.pretrained_vectors,
    }
    with progress_bar(n_texts * config.epochs, False if options.quiet else None) as callback:
        if prepared is not None:
            advice.warn_of_rare_labels(labels)
            prepared = dataclasses.replace(prepared, doc_weights=weights)
            trainee = fit.fit_prepared(prepared, callback=callback, **settings)
        else:
            assert corpus is not None
            trainee = fit.fit(
                corpus.texts,
                labels,
                config,
                multilabel=labels.is_multilabel or options.multilabel,
                doc_weights=weights,
                callback=callback,
                **settings,
            )
    seconds = time.perf_counter() - start
    model = trainee.model
    save_model(model, options.output)
    if not options.quiet:
        size = os.path.getsize(options.output)
        aside = f" ({n_texts - model.n_texts:,} set aside)" * (n_texts != model.n_texts)
        history = trainee.history
        write(
            f"trained on {model.n_texts:,} texts{aside} with {len(model.labels):,} labels in "
            f"{seconds:.1f} s: loss {model.config.loss}, {course(history)}, "
            f"lr {history.lr:g}, final loss {kept_loss(history):.4f}"
        )
        write(
            f"{options.output}: {size / 1e6:.1f} MB, {model.space.n_words:,} words, "
            f"{model.space.n_rows - model.space.n_words:,} n-grams, dim {model.dim}"
        )
    if valid is not None:
        result = measure(model, valid, options, k=1, threshold=0.0)
        write(f"{options.valid}: {summary(result)}")
    finish(options, trainee.history, say)


def _prepare(options: argparse.Namespace, config: Config) -> Prepared:
    """Make features of the training file without holding its text in memory."""
    from fasttext_lite.corpus.reader import CorpusReader
    from fasttext_lite.fitting.streaming import CHUNK_BYTES, prepare_file

    reader = CorpusReader(options.train, read_options(options), CHUNK_BYTES)
    prepared = prepare_file(
        reader, config, multilabel=options.multilabel, n_threads=options.threads,
        cache=options.cache,
    )  # fmt: skip
    if not options.quiet:
        for line in reader.skip_report():
            say(line)
    return prepared


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
        from fasttext_lite.evaluation.plots import check_plot

        check_plot(options.plot)
    if options.log is not None:
        from fasttext_lite.fitting.log import check_log

        check_log(options.log)
    for kind, path in (("plot", options.plot), ("log", options.log)):
        others = {"train", "valid", "output", "log"} - {kind}
        for other in sorted(others):
            if path is not None and is_same(path, getattr(options, other)):
                raise InputError(f"{path}: the {kind} would overwrite this file")


def is_same(path: str, other: str | None) -> bool:
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
    from fasttext_lite.fitting.monitor import Watch

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
        from fasttext_lite.evaluation.plots import plot_learning_curves

        plot_learning_curves(history.reports, options.plot)
    if not options.quiet:
        if options.log is not None:
            say(f"log of the training in {options.log}")
        if options.plot is not None:
            say(f"learning curves in {options.plot}")
