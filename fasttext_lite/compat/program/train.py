"""fastText's commands that train and quantise."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fasttext_lite import system
from fasttext_lite.compat.files.arguments import Args, parse_flags
from fasttext_lite.compat.program.streams import load
from fasttext_lite.compat.program.usage import PROGRAM
from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.compat.model import FastTextModel
    from fasttext_lite.compat.program.printing import Report


def train(command: str, words: list[str]) -> None:
    """Run ``supervised``, ``skipgram`` and ``cbow``: train, and write model and vectors."""
    args, given = parse_flags(command, words)
    target = args.output + (".ftz" if args.autotune_model_size else ".bin")
    _check_training(command, args, target)
    from fasttext_lite.compat.advice import warn_of_text

    warn_of_text(args.input)
    model = _reported(args, lambda report: _fit(args, given, report))
    model.save(target)
    model.save_vectors(args.output + ".vec")
    if args.save_output:
        model.save_output(args.output + ".output")


def _check_training(command: str, args: Args, target: str) -> None:
    """Refuse arguments that contradict each other, and files that cannot be written."""
    needed = {"-input FILE": args.input, "-output PREFIX": args.output}
    if missing := [flag for flag, value in needed.items() if not value]:
        raise UsageError(
            f"{command} needs {' and '.join(missing)} (see {PROGRAM} {command} --help)"
        )
    if args.input == STDIN:
        raise UsageError("Cannot use stdin for training!")
    with_autotune = bool(args.autotune_validation_file)
    if with_autotune and command != "supervised":
        raise UsageError(f"-autotune-validation is for supervised, not for {command}")
    if with_autotune and args.autotune_model_size and args.save_output:
        raise UsageError("Option -saveOutput is not supported for quantized models.")
    more = [".vec", ".output"] if args.save_output else [".vec"]
    _check_files(args, [target, *(args.output + ending for ending in more)])


def _fit(args: Args, given: set[str], report: Report) -> FastTextModel:
    """Train as the arguments say."""
    from fasttext_lite.compat.training import supervised, words

    if args.autotune_validation_file:
        from fasttext_lite.compat.training.autotune import autotune

        return autotune(args, given, callback=report.trial)[0]
    fit = supervised.train_supervised if args.is_supervised else words.train_unsupervised
    return fit(args, callback=report.progress, on_dictionary=report.dictionary)


def quantize(command: str, words: list[str]) -> None:
    """Run ``quantize``: write the classifier PREFIX.bin as the smaller PREFIX.ftz."""
    args, _ = parse_flags(command, words)
    if not args.output:
        raise UsageError(
            f"{command} needs -output, the model's file without .bin "
            f"(see {PROGRAM} {command} --help)"
        )
    if args.retrain and not args.input:
        raise UsageError("-retrain needs -input, the file to train on")
    target = args.output + ".ftz"
    if args.output.endswith(".bin") and not os.path.exists(args.output + ".bin"):
        raise UsageError(f"-output names the model's file without .bin: -output {args.output[:-4]}")
    model = load(args.output + ".bin", "quantize -output")
    _check_files(args, [target])
    from fasttext_lite.compat.training import quantize as quantization

    small = _reported(
        args, lambda report: quantization.quantize(model, args, callback=report.progress)
    )
    small.save(target)


def _reported(args: Args, work: Callable[[Report], FastTextModel]) -> FastTextModel:
    """Return what some work makes, its progress reported on stderr to the end."""
    from fasttext_lite.compat.program.printing import Report

    report = Report(args.verbose, args)
    well = False
    try:
        model = work(report)
        well = True
    finally:
        report.finish(well)
    return model


def _check_files(args: Args, targets: Sequence[str]) -> None:
    """Refuse what would be found out only after training."""
    from fasttext_lite.model.safetensors import check_writable

    if args.autotune_model_size and not args.autotune_validation_file:
        raise UsageError("-autotune-modelsize needs -autotune-validation FILE")
    for target in targets:
        check_writable(target)
        for path in (args.input, args.autotune_validation_file, args.pretrained_vectors):
            if path and system.is_same_file(path, target):
                raise UsageError(f"{path}: -output would overwrite this file")
