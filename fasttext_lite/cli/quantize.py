"""The command ``quantize``: a smaller file of a model."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import above_zero, whole

if TYPE_CHECKING:
    from fasttext_lite.corpus.reader import Corpus
    from fasttext_lite.model.model import Model
HELP = "Write a smaller file of a model: fewer rows, as codes of few bits."
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


@dataclass(frozen=True)
class Tools:
    """What the command line lends to this command.

    Attributes
    ----------
    read : callable
        (path, options) -> Corpus
    load : callable
        path -> Model
    write : callable
        Prints a result.
    is_same_file : callable
        (path or None, path) -> bool
    """

    read: Callable[[str, argparse.Namespace], Corpus]
    load: Callable[[str], Model]
    write: Callable[[str], None]
    is_same_file: Callable[[str | None, str], bool]


def parse_size(text: str) -> int:
    """Return a number of bytes, given with k, M or G (decimal) or without.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)b?", text.strip().lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"must be a size like 500k or 2M; got {text!r}")
    return int(float(match[1]) * _UNITS[match[2]])


def _step(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.001 <= value <= 10:
        raise argparse.ArgumentTypeError(f"must be a number from 0.001 to 10; got {text!r}")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="file to write, .ftl")
    parser.add_argument(
        "--size", type=parse_size, metavar="BYTES",
        help="largest file, as 500k or 2M; as many rows are kept as fit",
    )  # fmt: skip
    parser.add_argument("--cutoff", type=whole(1), metavar="N", help="rows to keep (default all)")
    parser.add_argument(
        "--rows", choices=("int8", "pq"), default="int8",
        help="form of the rows: int8 (rounded to steps, default) or pq (product quantisation)",
    )  # fmt: skip
    parser.add_argument(
        "--step", type=_step, metavar="X",
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
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="of --retrain")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the tests' results")


def run(tools: Tools, options: argparse.Namespace) -> None:
    """Quantise a model and write it."""
    from fasttext_lite.errors import InputError, ModelError
    from fasttext_lite.model.safetensors import check_writable
    from fasttext_lite.model.storage import save_model

    if options.output == "-":
        raise ModelError("a model cannot be written to stdout; name a file (./- is one too)")
    if options.output.lower().endswith((".bin", ".ftz")):
        raise InputError(
            f"{options.output}: this command writes .ftl files; for fastText's use convert"
        )
    if options.rows != "pq" and (options.qnorm or options.dsub != 2):
        raise InputError("--dsub and --qnorm are for --rows pq")
    if options.retrain is None and (options.lr is not None or options.epochs is not None):
        raise InputError("--lr and --epochs are for --retrain")
    for path in (options.model, options.retrain, options.test):
        if tools.is_same_file(path, options.output):
            raise InputError(f"{path}: the quantised model would overwrite this file")
    check_writable(options.output)
    model = tools.load(options.model)
    options.multilabel = options.multilabel or model.multilabel
    retrain = tools.read(options.retrain, options) if options.retrain else None
    test = tools.read(options.test, options) if options.test else None
    from fasttext_lite.fitting.quantize import QuantizeSettings, quantize_model

    chosen: dict[str, Any] = {} if options.step is None else {"step": options.step}
    settings = QuantizeSettings(
        size=options.size, cutoff=options.cutoff, rows=options.rows, dsub=options.dsub,
        qnorm=options.qnorm, **chosen,
    )  # fmt: skip
    small = quantize_model(
        model, settings, seed=options.seed, n_threads=options.threads,
        retrain=None if retrain is None else (retrain.texts, retrain.labels),
        training={"lr": options.lr, "epochs": options.epochs},
    )  # fmt: skip
    save_model(small, options.output)
    if not options.quiet:
        before, after = os.path.getsize(options.model), os.path.getsize(options.output)
        tools.write(
            f"{options.output}: {after:,} bytes instead of {before:,} ({after / before:.1%}), "
            f"{small.space.n_rows:,} of {model.space.n_rows:,} rows as {options.rows}"
        )
    if test is not None:
        from fasttext_lite.evaluation.scores import evaluate

        for path, found in ((options.model, model), (options.output, small)):
            result = evaluate(found, test.texts, test.labels, n_threads=options.threads)
            tools.write(
                f"{path}: n {result.n}  accuracy {result.accuracy:.4f}  "
                f"macro-F1 {result.macro_f1:.4f}"
            )
