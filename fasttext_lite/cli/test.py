"""The command ``test``: measure a model on a labelled file."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import (
    add_beam,
    add_reading,
    add_threads,
    add_top,
    settle_beam,
    settle_top,
    written,
)
from fasttext_lite.cli.certainty import add_sure, check_sure, how_sure, read_novel
from fasttext_lite.cli.console import PROGRAM, flat, is_same_file, say, write
from fasttext_lite.cli.files import (
    called,
    named_files,
    read_labelled_file,
    say_if_trained_on,
    say_unknown,
)
from fasttext_lite.errors import UsageError
from fasttext_lite.model.magic import check_order, is_fasttext

if TYPE_CHECKING:
    from fasttext_lite.corpus.reader import Corpus
    from fasttext_lite.evaluation.scores import Evaluation
    from fasttext_lite.model.model import Model

HELP = "Test a model on a labelled file."
_NEITHER = (
    "; with neither -k nor --threshold, a model of several labels is tested on what it decides in "
    "Python: all labels of probability 0.5 or more"
)
_FIRST = "; with -k, a model of several labels is also tested on its first 1, 3 and 5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``test``."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "file", metavar="FILE", nargs="+",
        help="labelled text, packed or - for stdin too; several files, or patterns in quotes, are "
        "read as one",
    )  # fmt: skip
    add_top(parser, _NEITHER, _FIRST)
    add_beam(parser)
    parser.add_argument("--per-label", action="store_true", help="print a line for each label")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_sure(parser)
    parser.add_argument("--confusion", metavar="PNG", type=written, help="draw a confusion matrix")
    add_reading(parser)
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    """Print how well a model predicts the labels of a file."""
    check_order(options.model, options.file[0], f"{PROGRAM} test")
    files = named_files(options.file, options)
    check_sure(options)
    if is_fasttext(options.model):
        if len(files) > 1:
            raise UsageError(f"{options.model}: a model of fastText's is tested on one file")
        options.file = files[0]
        from fasttext_lite.compat.program.predict import test_with_options

        settle_top(options, None)
        settle_beam(options, None)
        return test_with_options(options)
    _check_plot(options, files)
    from fasttext_lite.model.storage import load_model

    model = load_model(options.model)
    settle_top(options, model, neither=True)
    settle_beam(options, model)
    if options.confusion:
        from fasttext_lite.evaluation.plots import check_plot

        check_plot(options.confusion, len(model.labels))
    is_asked, options.multilabel = options.multilabel, options.multilabel or model.multilabel
    from fasttext_lite.corpus.files import name_of
    from fasttext_lite.corpus.strangers import check_known

    corpus, where = read_labelled_file(files, options, judges=True), called(files)
    novel = read_novel(model, options, tested=corpus.fingerprint)
    if is_asked and not corpus.labels.is_multilabel:
        say(f"--multilabel has no effect: no text of {name_of(where)} has several labels")
    check_known(corpus.labels.used(), model.labels, where)
    trained_on = model.run.texts if model.run else None
    say_if_trained_on(where, corpus, trained_on, options)
    result = evaluate_corpus(model, corpus, options, options.k, options.threshold)
    sure = how_sure(model, result, corpus, options, novel)
    skipped = sum(count for count, _ in corpus.skipped.values())
    if options.json:
        values = _as_json(result, skipped, options.per_label)
        values |= {} if sure is None else sure.to_dict()
        write(json.dumps(values, ensure_ascii=False))
    else:
        if options.per_label:
            _print_labels(result)
        write(summary(result))
        if sure is not None:
            sure.write()
    if options.confusion:
        from fasttext_lite.evaluation.plots import plot_confusion

        plot_confusion(result, options.confusion)
        say(f"confusion matrix in {options.confusion}")


def _check_plot(options: argparse.Namespace, files: list[str]) -> None:
    """Raise an error for a plot that cannot be, or would overwrite a file that is read."""
    if not options.confusion:
        return
    from fasttext_lite.evaluation.plots import check_plot

    check_plot(options.confusion)
    for path in (options.model, *files, *([] if options.novel is None else [options.novel])):
        if is_same_file(path, options.confusion):
            raise UsageError(f"{options.confusion}: the plot would overwrite this file")


def evaluate_corpus(
    model: Model,
    corpus: Corpus,
    options: argparse.Namespace,
    k: int | None = None,
    threshold: float | None = None,
) -> Evaluation:
    """Return how well a model predicts; say how many texts it cannot know.

    Without k and threshold it is measured by what it decides; see `evaluation.scores.evaluate`.
    """
    from fasttext_lite.evaluation.scores import evaluate

    result = evaluate(model, corpus.texts, corpus.labels, k, threshold, options.threads)
    say_unknown(result, options)
    return result


def summary(result: Evaluation) -> str:
    """Return the line that ``test`` prints."""
    shown = [f"{name} {value:.4f}" for name, _, value in _figures(result)]
    return "  ".join([f"n {result.n}", *shown])


def _figures(result: Evaluation) -> list[tuple[str, str, float]]:
    """Return what is told of a test: name, name in JSON, and value of each figure."""
    macro = ("macro-F1", "macro_f1", result.macro_f1)
    calibration = ("ECE", "calibration_error", result.calibration_error)
    right = (result.figure, result.figure.replace(" ", "_"), result.accuracy)
    if result.k is None:
        return [("micro-F1", "micro_f1", result.micro_f1), macro, right, calibration]
    lower = [(f"P@{k}", f"precision_at_{k}", p) for k, p in result.precision_at.items()]
    scored = [(f"PSP@{k}", f"psp_at_{k}", p) for k, p in result.psp_at.items()]
    at_k = [
        *(figure for figure in lower if figure[0] != f"P@{result.k}"),
        (f"P@{result.k}", "precision_at_k", result.precision),
        (f"R@{result.k}", "recall_at_k", result.recall),
        *scored,
        macro,
        calibration,
    ]
    # Where texts have several labels, what k and threshold leave is no decision to match.
    return at_k if result.multilabel else [right, *at_k]


def _print_labels(result: Evaluation) -> None:
    write("precision\trecall\tF1\tn\tlabel")
    for name, n, p, r, f in zip(result.names, result.gold, *result.per_label(), strict=True):
        write(f"{p:.4f}\t{r:.4f}\t{f:.4f}\t{n}\t{flat(name)}")


def _as_json(result: Evaluation, skipped: int, per_label: bool) -> dict[str, Any]:
    values: dict[str, Any] = {
        "n": result.n,
        **{key: value for _, key, value in _figures(result)},
        "k": result.k,
        "threshold": result.threshold,
        "n_skipped": skipped,
        "n_unseen_label": result.n_unseen_texts,
        "n_unknown_text": result.n_unknown_texts,
    }
    if per_label:
        rows = zip(result.names, result.gold, *result.per_label(), strict=True)
        values["labels"] = {
            name: {"n": int(n), "precision": float(p), "recall": float(r), "f1": float(f)}
            for name, n, p, r, f in rows
        }
    return values
