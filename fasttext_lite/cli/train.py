"""The command ``train``: a model of a labelled file, and what to see of its training.

``--valid`` measures each epoch and the model, ``--log`` and ``--plot`` keep what was measured.
Heavy imports stand inside the functions.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import (
    add_answers,
    add_class_weight,
    add_config,
    add_preset,
    add_reading,
    add_threads,
    add_training,
    add_vectors,
    config_from,
    flag_of,
    given_class_weight,
    given_settings,
    idle_words,
    pretrained_from,
    read_options,
    training_threads,
    whole,
    written,
)
from fasttext_lite.cli.beside import (
    add_beside,
    add_embeddings,
    check_beside,
    is_taught,
    open_encoder,
    read_beside,
)
from fasttext_lite.cli.console import is_same_file, say, write
from fasttext_lite.cli.files import (
    ValidationFile,
    check_output,
    model_beside,
    named_files,
    say_if_trained_on,
    say_skipped,
)
from fasttext_lite.cli.init import Init, add_init, idle_init, open_init
from fasttext_lite.cli.keeping import add_keeping, check_keeping, kept, write_model
from fasttext_lite.cli.memory import add_memory, check_memory, say_if_broken
from fasttext_lite.cli.test import evaluate_corpus, summary
from fasttext_lite.config.effects import Remark
from fasttext_lite.corpus import STDIN
from fasttext_lite.disk.promise import promise
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.config.fields import Config
    from fasttext_lite.corpus.reader import Corpus
    from fasttext_lite.fitting.fit import Trainee
    from fasttext_lite.fitting.keeper import TrainingKeeper
    from fasttext_lite.fitting.monitor import Watch
    from fasttext_lite.fitting.training_file import TrainingFile
    from fasttext_lite.model.run import Run
    from fasttext_lite.teaching.encoders import Encoder
    from fasttext_lite.training.history import History

HELP = "Train a model on a labelled file."


def add_arguments(parser: argparse.ArgumentParser, encodes: bool = False) -> None:
    """Add the arguments of ``train``; `encodes` as of `add_embeddings`."""
    add_training(parser)
    parser.add_argument(
        "--valid",
        metavar="FILE",
        help="labelled text to measure each epoch on (see --patience), and the model in the end",
    )
    parser.add_argument(
        "--log",
        metavar="FILE",
        type=written,
        help="write settings, epochs and result as JSON lines, .jsonl",
    )
    parser.add_argument(
        "--plot", metavar="PNG", type=written, help="draw learning curves, .png, .pdf or .svg"
    )
    add_preset(parser, "settings to start from")
    add_vectors(parser, "to start from")
    parser.add_argument(
        "--cache",
        metavar="DIR",
        help="keep the features of TRAIN in files here and not in memory; the next training on "
        "the same file with the same settings of features uses them again",
    )
    add_memory(parser)
    add_beside(parser)
    add_embeddings(parser, encodes)
    add_keeping(parser)
    add_class_weight(parser)
    add_answers(parser)
    add_config(parser, without=() if encodes else ("init",))
    add_init(parser, encodes)
    add_reading(parser, trains=True)
    parser.add_argument(
        "--seed",
        type=whole(0),
        metavar="N",
        help="makes training reproducible: one thread, unless --threads or --deterministic says "
        "otherwise",
    )
    add_threads(parser)
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print only errors and the result of --valid"
    )


def run(options: argparse.Namespace) -> None:
    """Train a model, write it, and print how it went."""
    options.train = named_files(options.train, options)
    options.output = options.output or model_beside(options.train)
    init = open_init(options)
    config = config_from(options) if init is None else init.config
    _check_files(options)
    check_memory(options, config)
    valid_file = ValidationFile(options.valid, options) if options.valid else None
    with promise(options.memory), kept(options) as keeper:
        trainee, n_texts, seconds, valid = _train(options, config, valid_file, keeper, init)
        saved = None if init is None else init.saved(trainee.model.labels)
        write_model(trainee.model, keeper, options.output, saved)
        keeper.done()
        if not options.quiet:
            _print_result(options, trainee, n_texts, seconds, init)
        if valid is not None:
            result = evaluate_corpus(trainee.model, valid, options)
            write(f"{options.valid}: {summary(result)}")
        _plot(options, trainee.history)
        say_if_broken(options)
        if keeper.stopped_at is not None:
            keeper.end()


def _check_files(options: argparse.Namespace) -> None:
    """Raise an error unless all outputs can be written, and overwrite no other file."""
    from fasttext_lite.model.safetensors import check_writable

    for path in (*options.train, options.valid):
        if path != STDIN and is_same_file(path, options.output):
            raise UsageError(f"{path}: the model would overwrite this file of texts")
    check_output(options.output)
    check_writable(options.output)
    if STDIN in options.train and options.valid == STDIN:
        raise UsageError("training and validation data cannot both come from stdin")
    check_keeping(options)
    check_beside(options, options.train, options.valid, options.cache)
    if options.plot is not None:
        from fasttext_lite.evaluation.plots import check_plot

        check_plot(options.plot)
    if options.log is not None:
        from fasttext_lite.fitting.log import check_log

        check_log(options.log)
    for kind, path in (("plot", options.plot), ("log", options.log)):
        others = {"valid", "output", "log"} - {kind}
        there = [*options.train, *(getattr(options, other) for other in others)]
        if any(is_same_file(path, other) for other in there):
            raise UsageError(f"{path}: the {kind} would overwrite this file")


# -- training --------------------------------------------------------------------------------
def _train(
    options: argparse.Namespace,
    config: Config,
    valid_file: ValidationFile | None,
    keeper: TrainingKeeper,
    init: Init | None,
) -> tuple[Trainee, int, float, Corpus | None]:
    """Return what was trained, the number of its file's texts, the seconds, and --valid's texts."""
    from fasttext_lite.fitting.given import Adviser
    from fasttext_lite.fitting.progress import progress_bar
    from fasttext_lite.fitting.training_file import can_stream

    start = time.perf_counter()
    is_validated = valid_file is not None
    if options.cache and not can_stream(options.train, config, is_validated=is_validated):
        raise UsageError(
            "--cache needs a file that can be read twice, no noise in words, and for patience a "
            "--valid file"
        )
    adviser, given = Adviser(flag_of), given_settings(options)
    adviser.look_before(config, given)
    adviser.say(*_idle_arguments(options, config), *idle_init(options), idle_words(options))
    encoder = open_encoder(options)
    file = _read(options, config, is_validated, init)
    say_skipped(file, options)
    valid = None if valid_file is None else valid_file.corpus(file.multilabel)
    if valid is not None:
        say_if_trained_on(options.valid, valid, file.fingerprint, options)
    labels = file.labels
    watch = _make_watch(options, config, labels.names, valid)
    how: dict[str, Any] = {
        "run": _run_of(options, file) if init is None else init.run(options, file),
        "seed": options.seed or 0, "watch": watch,
        "n_threads": training_threads(options, config.deterministic),
    }  # fmt: skip
    if is_taught(options):
        trainee = _taught(options, file, encoder, how)
    else:
        show = False if options.quiet else None
        with progress_bar(len(labels) * config.epochs, show) as callback:
            trainee = file.fit(callback=callback, keeper=keeper, **how)
    adviser.look_after(trainee.model.config, given, len(labels.names))
    return trainee, len(labels), time.perf_counter() - start, valid


def _read(
    options: argparse.Namespace, config: Config, is_validated: bool, init: Init | None
) -> TrainingFile:
    """Read the file to train on."""
    from fasttext_lite.fitting.training_file import read_further_file, read_training_file

    how: dict[str, Any] = {"is_validated": is_validated, "n_threads": options.threads}
    if init is not None:
        return read_further_file(options.train, init.further, read_options(options), **how)
    return read_training_file(
        options.train, config, read_options(options),
        multilabel=options.multilabel, as_texts=is_taught(options), cache=options.cache,
        pretrained=pretrained_from(options), **how,
    )  # fmt: skip


def _run_of(options: argparse.Namespace, file: TrainingFile) -> Run:
    """Return how a training is run, for those that come after it."""
    from fasttext_lite.model.run import Run

    return Run(
        class_weight=given_class_weight(options), sample_weight=file.weights is not None,
        seed=options.seed, texts=file.fingerprint,
        answer_rate=options.answer_rate, answer_accuracy=options.answer_accuracy,
    )  # fmt: skip


def _taught(
    options: argparse.Namespace, file: TrainingFile, encoder: Encoder | None, how: dict[str, Any]
) -> Trainee:
    """Train on a file's texts and what there is beside them."""
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.fitting.class_weight import class_weights
    from fasttext_lite.fitting.progress import progress_bar
    from fasttext_lite.teaching.fit import fit_beside

    assert isinstance(file.data, Texts)
    weights = class_weights(how["run"].class_weight, file.labels, file.weights)
    beside = read_beside(options, file.labels.names, how["seed"], file, encoder)
    n_steps = len(file.labels) * file.config.epochs
    with progress_bar(n_steps, False if options.quiet else None, waits=True) as callback:
        return fit_beside(
            file.data, file.labels, file.config, beside, doc_weights=weights,
            multilabel=file.multilabel, pretrained=file.pretrained, callback=callback, **how,
        )  # fmt: skip


def _idle_arguments(options: argparse.Namespace, config: Config) -> list[Remark]:
    """Return what to say of arguments that are no settings of the model."""
    found = []
    if options.seed is not None and (options.threads or 1) > 1 and not config.deterministic:
        why = (
            f"does not make {options.threads} threads reproducible: only one thread is, or "
            "--deterministic"
        )
        found.append(Remark("seed", why))
    is_given = "valid_fraction" in given_settings(options)
    if options.valid and config.patience is not None and is_given:
        why = "has no effect: --valid gives the texts for patience"
        found.append(Remark("valid_fraction", why))
    return found


# -- what to see of it -----------------------------------------------------------------------
def _make_watch(
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
    from fasttext_lite.corpus.strangers import check_known
    from fasttext_lite.fitting.monitor import Watch
    from fasttext_lite.fitting.progress import show_epoch

    pair = None
    if valid is not None:
        check_known(valid.labels.used(), names, options.valid, "the training")
        pair = valid.texts, valid.labels.renamed(names)
    callbacks = () if options.quiet else (partial(show_epoch, config.epochs),)
    return Watch(pair, callbacks, options.log)


def _print_result(
    options: argparse.Namespace, trainee: Trainee, n_texts: int, seconds: float, init: Init | None
) -> None:
    """Print how long the training went, and what the model is."""
    model, history = trainee.model, trainee.history
    n_epochs = len(history.loss)
    n_more = (model.run.unlabelled if model.run and init is None else None) or 0
    n_own = model.n_texts - (n_more if init is None else init.model.n_texts)
    aside = f" ({n_texts - n_own:,} set aside)" * (n_texts != n_own)
    more = f" and {n_more:,} unlabelled ones" * bool(n_more)
    kept = "" if history.best_epoch is None else f" (epoch {history.best_epoch} kept)"
    loss = history.loss[(history.best_epoch or 0) - 1]  # of the weights that the model has
    write(
        f"trained on {n_own:,} texts{aside}{more} with {len(model.labels):,} labels in "
        f"{seconds:.1f} s: loss {model.config.loss}, {n_epochs} epoch{'s' * (n_epochs != 1)}"
        f"{kept}, lr {history.lr:g}, final loss {loss:.4f}"
    )
    if init is not None:
        write(init.line(model, options.output))
    space = model.space
    n_ngrams = space.n_rows - space.n_word_rows - space.has_bias
    if history.vectors is not None:
        (found, of), added = history.vectors, history.words_added
        write(
            f"{options.pretrained_vectors}: {found:,} of {of:,} words of the texts have a vector, "
            f"{added:,} word{'s' * (added != 1)} added"
        )
    if history.choice is not None:
        write(f"chosen: {history.choice.line()}")
    if model.abstention is not None:
        write(f"abstains below {model.abstention.line()}")
    write(
        f"{options.output}: {os.path.getsize(options.output) / 1e6:.1f} MB, "
        f"{space.n_word_rows:,} words, {n_ngrams:,} n-grams, "
        f"dim {model.dim}"
    )


def _plot(options: argparse.Namespace, history: History) -> None:
    """Draw the learning curves if they are asked for, and say where log and plot are."""
    if options.plot is not None:
        from fasttext_lite.evaluation.plots import plot_learning_curves

        plot_learning_curves(history.reports, options.plot)
    if not options.quiet:
        if options.log is not None:
            say(f"log of the training in {options.log}")
        if options.plot is not None:
            say(f"learning curves in {options.plot}")
