"""The command ``convert``: between this package's model files and fastText's."""

from __future__ import annotations

import argparse
import dataclasses
import os
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import add_threads, whole, written
from fasttext_lite.cli.console import is_same_file, say
from fasttext_lite.errors import ModelError, UsageError
from fasttext_lite.model.magic import is_fasttext
from fasttext_lite.model.run import UNTOLD

if TYPE_CHECKING:
    from fasttext_lite.compat.model import FastTextModel
    from fasttext_lite.model.model import Model

HELP = "Convert a model: .ftl, and fastText's .bin and .ftz; or write fastText's vectors, .vec."
DSUB = 2
ENDINGS = (".ftl", ".bin", ".ftz", ".vec")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``convert``."""
    parser.add_argument("model", metavar="MODEL", help="a model of ours or of fastText")
    parser.add_argument(
        "out",
        metavar="OUT",
        type=written,
        help="file to write; its ending says what: .ftl, .bin, .ftz, or .vec (the vectors of the "
        "words of a model of fastText)",
    )
    parser.add_argument(
        "--prepared",
        action="store_true",
        help="texts will come to fastText as tokens between spaces, lower-cased, normalised and "
        "without stop words, as MODEL does it itself",
    )
    group = parser.add_argument_group("for .ftz, as fastText's quantize has them")
    group.add_argument("--dsub", type=whole(1), default=DSUB, metavar="N", help="numbers in a code")
    group.add_argument("--cutoff", type=whole(0), default=0, metavar="N", help="rows to keep")
    group.add_argument("--qnorm", action="store_true", help="code the lengths of rows apart")
    group.add_argument("--qout", action="store_true", help="code the output table, too")
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    """Read, convert, write."""
    ending = os.path.splitext(options.out)[1].lower()
    _check_arguments(options, ending)
    from fasttext_lite.model.storage import load_model, save_model

    theirs = is_fasttext(options.model)
    if ending == ".ftl":
        if not theirs:
            load_model(options.model)
            raise UsageError(f"{options.model}: this is a fasttext-lite model already")
        from fasttext_lite.compat.convert import read_fasttext

        save_model(read_fasttext(options.model), options.out)
        return
    if ending == ".vec":
        _write_vectors(options, theirs)
        return
    from fasttext_lite.compat.convert import has_empty_rows, to_fasttext

    if theirs:
        model = _to_their_other_kind(options, ending)
    else:
        own = load_model(options.model)
        model = to_fasttext(own, ending == ".ftz", options.prepared)
        _say_what_is_lost(own, options.out)
    if ending == ".ftz" and not model.is_quantized:
        model = _quantized(model, options)
    model.save(options.out)
    if has_empty_rows(model):
        say(
            f"{options.out} has a row for each of {model.args.bucket:,} buckets, and those of "
            "n-grams that training did not see are zeros which count in the mean of a text; a "
            ".ftz leaves them out"
        )


def _write_vectors(options: argparse.Namespace, theirs: bool) -> None:
    """Write the vectors of the words of a model of fastText."""
    from fasttext_lite.compat.model import FastTextModel

    if not theirs:
        raise UsageError(f"{options.model}: .vec is for the vectors of a model of fastText")
    FastTextModel.load(options.model).save_vectors(options.out)


def _say_what_is_lost(model: Model, out: str) -> None:
    """Say what fastText's format has no place for."""
    if how := _how_it_was_trained(model):
        say(
            f"{out}: fastText's format has no place for how the model was trained: {how}; who "
            "converts it back and trains it again gives that once more"
        )
    if model.calibration is not None and model.calibration.n_texts and model.loss.link != "softmax":
        say(
            f"{out}: fastText's format has no place for the calibration of {model.loss.name}: the "
            "labels are the same, the probabilities those of fastText"
        )
    if model.threshold is not None:
        say(
            f"{out}: fastText's format has no place for the threshold {model.threshold.value!r} "
            f"that was tuned for {model.threshold.metric}"
        )
    if model.abstention is not None:
        say(
            f"{out}: fastText's format has no place for the threshold to abstain by: "
            f"--threshold {model.abstention.value:.6g} does the same for one label of a text"
        )


def _how_it_was_trained(model: Model) -> str:
    """Return what a training was given and a file of fastText's does not tell; "" if it is usual.

    What it does not tell and what stands for it in a model converted back are the settings
    `UNTOLD`, and what is known of the run.
    """
    from fasttext_lite.config.presets import PRESETS

    own, back = model.config.to_dict(), PRESETS["fasttext"]
    told = [f"{name} {own[name]:g}" for name in UNTOLD if own[name] != back[name]]
    if model.run is not None:
        told.append(dataclasses.replace(model.run, epochs=None, texts=None, source=None).line())
    return ", ".join(filter(None, told))


def _check_arguments(options: argparse.Namespace, ending: str) -> None:
    """Raise an error for an output that cannot be, and flags that it has no use for."""
    from fasttext_lite.model.safetensors import check_writable

    if ending not in ENDINGS:
        raise UsageError(
            f"{options.out}: cannot tell what to write: name a file that ends in "
            f"{', '.join(ENDINGS)}"
        )
    if is_same_file(options.model, options.out):
        raise UsageError(f"{options.out}: the model would overwrite itself")
    check_writable(options.out)
    given = options.cutoff or options.qnorm or options.qout or options.dsub != DSUB
    if ending != ".ftz" and given:
        raise UsageError(f"{options.out}: --dsub, --cutoff, --qnorm and --qout are for .ftz")


def _to_their_other_kind(options: argparse.Namespace, ending: str) -> FastTextModel:
    """Return a model of fastText for a file of its other kind."""
    from fasttext_lite.compat.files.binary import ModelParts
    from fasttext_lite.compat.files.tables import dense
    from fasttext_lite.compat.model import FastTextModel

    model = FastTextModel.load(options.model)
    if ending == ".ftz" and model.is_quantized:
        raise ModelError(f"{options.model}: the model is quantised already")
    if ending == ".bin" and model.dictionary.pairs is not None:
        raise ModelError(
            f"{options.model}: the model was pruned, and a .bin has no place for that; convert it "
            "to .ftl"
        )
    if ending == ".bin" and model.is_quantized:
        args = model.args.replace(qout=False)
        parts = ModelParts(args, model.dictionary, dense(model.input), dense(model.output))
        return FastTextModel(parts)
    return model


def _quantized(model: FastTextModel, options: argparse.Namespace) -> FastTextModel:
    """Return a model of fastText as its ``quantize`` makes it with the flags."""
    from fasttext_lite.compat.files.arguments import Args
    from fasttext_lite.compat.training.quantize import quantize
    from fasttext_lite.parallel import cpu_count

    args = Args(
        dsub=options.dsub, cutoff=options.cutoff, qnorm=options.qnorm, qout=options.qout,
        thread=options.threads or cpu_count(),
    )  # fmt: skip
    return quantize(model, args)
