"""fastText's commands that predict and test."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fasttext_lite.compat.program.streams import blocks, load_classifier, made_ahead, say, write
from fasttext_lite.compat.program.usage import PROGRAM
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.formats import DEFAULT_PREFIX, ReadOptions
from fasttext_lite.corpus.missing import instead_of_file
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.compat.model import FastTextModel

MAX_K = (1 << 31) - 1


def parse_k(words: Sequence[str], place: int, default: int, all_labels: bool = False) -> int:
    """Return how many labels or words are asked for.

    Parameters
    ----------
    words : sequence of str
        What follows the command.
    place : int
        Where among them the number stands, if it is there.
    default : int
    all_labels : bool
        Whether -1 may stand for all.

    Raises
    ------
    UsageError
        If it is none.
    """
    if len(words) <= place:
        return default
    try:
        k = int(words[place])
    except ValueError:
        k = 0
    if not (1 <= k <= MAX_K or (all_labels and k == -1)):
        more = ", or -1 for all labels" if all_labels else ""
        raise UsageError(f"k needs to be 1 or higher{more}; got {words[place]!r}")
    return k


def _parse_threshold(words: Sequence[str]) -> float:
    if len(words) <= 3:
        return 0.0
    try:
        value = float(words[3])
    except ValueError:
        value = float("nan")
    if value != value:
        raise UsageError(f"the threshold needs to be a number; got {words[3]!r}")
    return value


def _refuse_flags(options: argparse.Namespace, names: Sequence[str], instead: str) -> None:
    """Refuse flags of ours that do nothing for a model of fastText."""
    for name in names:
        if getattr(options, name, None):
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} is not for models of fastText; {instead}")


def predict(command: str, words: list[str]) -> None:
    """Run ``predict`` and ``predict-prob``: print the labels of each line."""
    k, threshold = parse_k(words, 2, 1, all_labels=True), _parse_threshold(words)
    call = f"{PROGRAM} {command} {shlex.quote(words[0])} {STDIN} {' '.join(words[2:])}"
    if said := instead_of_file(words[1], call.rstrip()):
        raise UsageError(said)
    model = load_classifier(words[0], command)
    _print_labels(model, words[1], k, threshold, command == "predict-prob")


def predict_with_options(options: argparse.Namespace) -> None:
    """Run our ``predict`` with a model of fastText: its output, with our flags."""
    _refuse_flags(options, ["json"], "--prob prints probabilities")
    model = load_classifier(options.model, "predict")
    prefix = options.label_prefix.encode() or None
    _print_labels(
        model, options.file, options.k, options.threshold, options.prob, prefix, options.threads
    )


def _print_labels(
    model: FastTextModel,
    path: str,
    k: int,
    threshold: float,
    with_numbers: bool,
    prefix: bytes | None = None,
    n_threads: int | None = None,
) -> None:
    from fasttext_lite.compat.program.printing import Names

    labels = model.dictionary.labels
    if prefix is not None:
        labels = [prefix + name.removeprefix(DEFAULT_PREFIX.encode()) for name in labels]
    names = Names(labels)
    found = (
        model.predict(data, starts, k, threshold, n_threads)
        for data, starts in blocks(model, path, k)
    )
    for block in made_ahead(found, path):
        if with_numbers:
            write(names.lines_with_numbers(block.labels, block.scores))
        else:
            write(names.lines(block.labels))


def test(command: str, words: list[str]) -> None:
    """Run ``test`` and ``test-label``: print precision and recall."""
    k, threshold = parse_k(words, 2, 1, all_labels=True), _parse_threshold(words)
    model = load_classifier(words[0], command)
    _print_metrics(model, words[1], k, threshold, command == "test-label")


def test_with_options(options: argparse.Namespace) -> None:
    """Run our ``test`` with a model of fastText: its output, with our flags."""
    instead = "they read fastText's files and print its metrics"
    _refuse_flags(options, ["json", "confusion", "multilabel"], instead)
    if options.format not in (ReadOptions.format, "fasttext") or (
        options.label_prefix != ReadOptions.label_prefix
    ):
        raise UsageError(f"--format and --label-prefix are not for models of fastText; {instead}")
    model = load_classifier(options.model, "test")
    _print_metrics(
        model, options.file, options.k, options.threshold, options.per_label, options.threads
    )


def _print_metrics(
    model: FastTextModel,
    path: str,
    k: int,
    threshold: float,
    per_label: bool,
    n_threads: int | None = None,
) -> None:
    import numpy as np

    from fasttext_lite.compat.meter import Meter
    from fasttext_lite.compat.program import printing
    from fasttext_lite.parallel import cpu_count

    meter = Meter(model.dictionary)
    n_lines = 0
    for data, starts in blocks(model, path, k):
        examples = model.dictionary.list(data, starts, n_threads or cpu_count())
        counted = (np.diff(examples.indptr) > 0) & (np.diff(examples.label_indptr) > 0)
        if counted.any():
            meter.add(examples, model.predict(data, starts, k, threshold, n_threads), counted)
        n_lines += counted.size
    if per_label:
        write(printing.label_lines(meter))
    write(printing.summary(meter, k, ".3f" if per_label else ".3g"))
    if n_lines and not meter.n_examples:
        say(f"{path}: none of {n_lines:,} lines has a label and a word that the model knows")
