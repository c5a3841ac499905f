"""The command ``quantize``: a smaller file of a model."""

from __future__ import annotations

import argparse
import dataclasses
import os
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import (
    above_zero,
    add_class_weight,
    add_reading,
    add_threads,
    between,
    checked,
    given_class_weight,
    given_reading,
    or_none,
    whole,
    written,
)
from fasttext_lite.cli.console import is_same_file, write
from fasttext_lite.cli.files import check_output, read_labelled_file, say_if_trained_on
from fasttext_lite.config.sizes import parse_size
from fasttext_lite.errors import UsageError
from fasttext_lite.model.magic import OWN_ENDING

if TYPE_CHECKING:
    from fasttext_lite.corpus.reader import Corpus
    from fasttext_lite.model.model import Model

OF_RETRAIN = ("lr", "epochs", "class_weight", "seed")
SMALL = f".small{OWN_ENDING}"  # ends the name of a model that has none of its own
HELP = "Write a smaller file of a model: fewer rows, as codes of few bits."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=written,
        help=f"file to write, .ftl (default: MODEL with {SMALL} in place of .ftl, beside it)",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=or_none(checked(parse_size)), metavar="BYTES",
        help="largest file, as 500k or 2M; as many rows are kept as fit",
    )  # fmt: skip
    parser.add_argument(
        "--cutoff", type=or_none(whole(1)), metavar="N", help="rows to keep (default all)"
    )
    parser.add_argument(
        "--rows", choices=("int8", "pq"), default="int8",
        help="form of the rows: int8 (rounded to steps, default) or pq (product quantisation)",
    )  # fmt: skip
    parser.add_argument(
        "--step", type=between(0.001, 10), metavar="X",
        help="of int8: the step, as a share of the numbers' root mean square; larger is smaller "
        "and coarser",
    )  # fmt: skip
    parser.add_argument(
        "--dsub", type=whole(1), default=2, metavar="N",
        help="of pq: numbers that share a code (default 2)",
    )  # fmt: skip
    parser.add_argument("--qnorm", action="store_true", help="of pq: norms by themselves")
    parser.add_argument(
        "--retrain", metavar="FILE", help="labelled text to train the kept rows on once more"
    )
    parser.add_argument(
        "--lr", type=above_zero(), metavar="X",
        help="of --retrain: highest learning rate (default: the model's; a converted model of "
        "fastText does not know its own)",
    )  # fmt: skip
    parser.add_argument("--epochs", type=whole(1), metavar="N", help="of --retrain")
    parser.add_argument("--test", metavar="FILE", help="labelled text to test both models on")
    add_class_weight(parser, "of --retrain: ", "as in the training of MODEL")
    parser.add_argument(
        "--seed", type=whole(0), metavar="N",
        help="of --retrain: makes it reproducible, with one thread, unless --threads says "
        "otherwise (default: as in the training of MODEL)",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the tests' results")
    add_reading(parser, trains=True)
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    """Quantise a model and write it."""
    options.output = options.output or options.model.removesuffix(OWN_ENDING) + SMALL
    _check_arguments(options)
    from fasttext_lite.model.storage import load_model, save_model

    model = load_model(options.model)
    options.multilabel = options.multilabel or model.multilabel
    retrain = read_labelled_file(options.retrain, options) if options.retrain else None
    test = read_labelled_file(options.test, options, judges=True) if options.test else None
    if test is not None:
        from fasttext_lite.corpus.strangers import check_known

        check_known(test.labels.used(), model.labels, options.test)
        trained_on = model.run.texts if model.run else None
        if retrain is not None and retrain.fingerprint == test.fingerprint:
            trained_on = test.fingerprint
        say_if_trained_on(options.test, test, trained_on, options)
    small = _quantized(model, retrain, options)
    save_model(small, options.output)
    if not options.quiet:
        before, after = os.path.getsize(options.model), os.path.getsize(options.output)
        write(
            f"{options.output}: {after:,} bytes instead of {before:,} ({after / before:.1%}), "
            f"{small.space.n_rows:,} of {model.space.n_rows:,} rows as {options.rows}"
        )
    if test is not None:
        from fasttext_lite.cli.test import summary
        from fasttext_lite.evaluation.scores import evaluate

        for path, found in ((options.model, model), (options.output, small)):
            result = evaluate(found, test.texts, test.labels, n_threads=options.threads)
            write(f"{path}: {summary(result)}")


def _check_arguments(options: argparse.Namespace) -> None:
    """Raise an error for flags that have no use, and an output that cannot be."""
    from fasttext_lite.model.safetensors import check_writable

    if options.rows != "pq" and (options.qnorm or options.dsub != 2):
        raise UsageError("--dsub and --qnorm are for --rows pq")
    if options.rows != "int8" and options.step is not None:
        raise UsageError("--step is for --rows int8")
    given = [name for name in OF_RETRAIN if getattr(options, name) is not None]
    if options.retrain is None and given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{flags} {'is' if len(given) == 1 else 'are'} for --retrain")
    if options.retrain is None and options.test is None and (given := given_reading(options)):
        are = "is" if len(given) == 1 else "are"
        raise UsageError(f"{', '.join(given)} {are} for --retrain and --test")
    for path in (options.model, options.retrain, options.test):
        if is_same_file(path, options.output):
            raise UsageError(f"{path}: the quantised model would overwrite this file")
    check_output(options.output)
    check_writable(options.output)


def _quantized(model: Model, retrain: Corpus | None, options: argparse.Namespace) -> Model:
    """Return a model as the flags ask for it."""
    from fasttext_lite.fitting.class_weight import class_weights
    from fasttext_lite.fitting.quantize import QuantizeSettings, quantize_model
    from fasttext_lite.model.run import Run

    chosen: dict[str, Any] = {} if options.step is None else {"step": options.step}
    settings = QuantizeSettings(
        size=options.size, cutoff=options.cutoff, rows=options.rows, dsub=options.dsub,
        qnorm=options.qnorm, **chosen,
    )  # fmt: skip
    run = model.run or Run()
    if options.class_weight is not None:
        run = dataclasses.replace(run, class_weight=given_class_weight(options))
    if options.seed is not None:
        run = dataclasses.replace(run, seed=options.seed)
    doc_weights = None
    if retrain is not None:
        is_weighted = retrain.weights is not None
        run = dataclasses.replace(run, texts=retrain.fingerprint, sample_weight=is_weighted)
        doc_weights = class_weights(run.class_weight, retrain.labels, retrain.weights)
    is_seeded = retrain is not None and run.seed is not None and not model.config.deterministic
    return quantize_model(
        model, settings, run=run, n_threads=options.threads or (1 if is_seeded else None),
        retrain=None if retrain is None else (retrain.texts, retrain.labels),
        doc_weights=doc_weights,
        training={"lr": options.lr, "epochs": options.epochs},
    )  # fmt: skip
