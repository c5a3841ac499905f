"""fastText's commands that train and quantise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fasttext_lite.compat.files.arguments import Args, parse_flags
from fasttext_lite.compat.program.streams import STDIN, load_binary
from fasttext_lite.compat.program.usage import PROGRAM
from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.compat.model import FastTextModel
    from fasttext_lite.compat.program.printing import Report


# -- training --------------------------------------------------------------------------------
def train_model(command: str, words: list[str]) -> None:
    args, given = parse_flags(command, words)
    if not args.input or not args.output:
        raise InputError(f"{command} needs -input and -output (see {PROGRAM} {command} --help)")
    if args.input == STDIN:
        raise InputError("Cannot use stdin for training!")
    with_autotune = bool(args.autotune_validation_file)
    if with_autotune and command != "supervised":
        raise InputError(f"-autotune-validation is for supervised, not for {command}")
    small = with_autotune and bool(args.autotune_model_size)
    if small and args.save_output:
        raise InputError("Option -saveOutput is not supported for quantized models.")
    target = args.output + (".ftz" if small else ".bin")
    more = [".vec", ".output"] if args.save_output else [".vec"]
    _check_files(args, [target, *(args.output + ending for ending in more)])
    from fasttext_lite.compat.program.printing import Report

    report = Report(args.verbose)
    well = False
    try:
        model = _trained(args, given, report)
        well = True
    finally:
        report.finish(well)
    model.save(target)
    model.save_vectors(args.output + ".vec")
    if args.save_output:
        model.save_output(args.output + ".output")


def _check_files(args: Args, targets: Sequence[str]) -> None:
    """Refuse what would be found out only after training."""
    from fasttext_lite.model.safetensors import check_writable

    if args.autotune_model_size and not args.autotune_validation_file:
        raise InputError("-autotune-modelsize needs -autotune-validation FILE")
    for target in targets:
        check_writable(target)
        for path in (args.input, args.autotune_validation_file, args.pretrained_vectors):
            both = path and os.path.exists(path) and os.path.exists(target)
            if both and os.path.samefile(path, target):
                raise InputError(f"{path}: -output would overwrite this file")


def _trained(args: Args, given: set[str], report: Report) -> FastTextModel:
    from fasttext_lite.compat.training import supervised, words

    if args.autotune_validation_file:
        from fasttext_lite.compat.training.autotune import autotune

        return autotune(args, given, callback=report.trial)[0]
    train = supervised.train_supervised if args.is_supervised else words.train_unsupervised
    return train(args, callback=report.progress, on_dictionary=report.dictionary)


def run_quantize(command: str, words: list[str]) -> None:
    args, _ = parse_flags(command, words)
    if not args.output:
        raise InputError(
            f"{command} needs -output, the model's file without .bin "
            f"(see {PROGRAM} {command} --help)"
        )
    if args.retrain and not args.input:
        raise InputError("-retrain needs -input, the file to train on")
    target = args.output + ".ftz"
    model = load_binary(args.output + ".bin", "quantize -output")
    _check_files(args, [target])
    from fasttext_lite.compat.program.printing import Report
    from fasttext_lite.compat.training import quantize

    report = Report(args.verbose)
    well = False
    try:
        model = quantize.quantize(model, args, callback=report.progress)
        well = True
    finally:
        report.finish(well)
    model.save(target)
