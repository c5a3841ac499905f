"""fastText's commands that predict and test."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fasttext_lite.compat.program.streams import (
    as_examples,
    blocks,
    examples_of,
    labelled_blocks,
    load_classifier,
    say,
    write,
)
from fasttext_lite.compat.program.usage import PROGRAM
from fasttext_lite.corpus import DEFAULT_PREFIX, STDIN
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.missing import instead_of_file
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.compat.model import FastTextModel
    from fasttext_lite.corpus.reader import CorpusReader
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.model.model import Predictions

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


def predict_with_options(
    asked: AskedModel, options: argparse.Namespace, reader: CorpusReader | None = None
) -> None:
    """Run our ``predict`` with a model of fastText: its output, with our flags.

    Parameters
    ----------
    asked : AskedModel
    options : Namespace
    reader : CorpusReader, optional
        Of the texts; default: the file is read as fastText reads it.
    """
    prefix = None if options.label_prefix is None else options.label_prefix.encode()
    _print_labels(
        asked.model, options.file, options.k, options.threshold, options.prob, prefix,
        options.threads, reader,
    )  # fmt: skip


class AskedModel:
    """A model of fastText that is asked about texts as one of ours is.

    Parameters
    ----------
    model : FastTextModel

    Attributes
    ----------
    model : FastTextModel
    labels : list of str
        Without fastText's prefix.
    """

    def __init__(self, model: FastTextModel) -> None:
        from fasttext_lite.corpus.labels import without_prefix

        self.model = model
        names = [name.decode("utf-8", "replace") for name in model.dictionary.labels]
        self.labels = [without_prefix(name, DEFAULT_PREFIX) for name in names]

    @classmethod
    def load(cls, path: str) -> AskedModel:
        """Read a classifier; see `streams.load`."""
        return cls(load_classifier(path, "predict"))

    def predict(
        self, texts: Texts, k: int = 1, threshold: float = 0.0, n_threads: int | None = None
    ) -> Predictions:
        """Return the best labels of texts, as `Model.predict`.

        Probabilities are in [0, 1], which fastText's, raised by 1e-5, may leave by a little.
        """
        import numpy as np

        from fasttext_lite.model.model import Predictions

        data, starts = as_examples(texts)
        found = self.model.predict(data, starts, k, threshold, n_threads)
        scores = np.where(found.labels < 0, 0.0, found.scores.astype(np.float64))
        return Predictions(found.labels, np.clip(scores, 0, 1), found.n_rows)


def _print_labels(
    model: FastTextModel,
    path: str,
    k: int,
    threshold: float,
    with_numbers: bool,
    prefix: bytes | None = None,
    n_threads: int | None = None,
    reader: CorpusReader | None = None,
) -> None:
    from fasttext_lite.compat.program.printing import Names
    from fasttext_lite.corpus.files import made_ahead

    labels = model.dictionary.labels
    if prefix is not None:
        labels = [prefix + name.removeprefix(DEFAULT_PREFIX.encode()) for name in labels]
    names = Names(labels)
    examples = blocks(model, path, k)
    if reader is not None:
        examples = examples_of(model, reader, k)
    found = (model.predict(data, starts, k, threshold, n_threads) for data, starts in examples)
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
    _refuse_flags(options, ["json", "confusion"], instead)
    if options.label_prefix != ReadOptions.label_prefix:
        raise UsageError(f"--label-prefix is not for models of fastText; {instead}")
    names = [field.name for field in dataclasses.fields(ReadOptions)]
    # Those of training have no flags here.
    try:
        reading = ReadOptions(
            **{name: getattr(options, name) for name in names if hasattr(options, name)}
        )
    except ValueError as error:
        raise UsageError(str(error)) from None
    model = load_classifier(options.model, "test")
    _print_metrics(
        model, options.file, options.k, options.threshold, options.per_label, options.threads,
        reading,
    )  # fmt: skip


def _print_metrics(
    model: FastTextModel,
    path: str,
    k: int,
    threshold: float,
    per_label: bool,
    n_threads: int | None = None,
    options: ReadOptions | None = None,
) -> None:
    import numpy as np

    from fasttext_lite.compat.meter import Meter
    from fasttext_lite.compat.program import printing
    from fasttext_lite.parallel import cpu_count

    meter = Meter(model.dictionary)
    n_lines = 0
    for data, starts in labelled_blocks(model, path, k, options or ReadOptions()):
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
