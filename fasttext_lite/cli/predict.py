"""The command ``predict``: the labels of each line of text, as it comes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import add_threads, add_top, add_unlabelled
from fasttext_lite.cli.console import flat, say, write
from fasttext_lite.cli.files import check_texts, made_ahead
from fasttext_lite.corpus.formats import DEFAULT_PREFIX
from fasttext_lite.model.magic import is_fasttext

if TYPE_CHECKING:
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.model.model import Model, Predictions

HELP = "Print the labels of each line of text."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``predict``."""
    add_unlabelled(parser)
    add_top(parser)
    parser.add_argument("--prob", action="store_true", help="print probabilities too")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each line")
    parser.add_argument(
        "--label-prefix", default="", metavar="P", help="put before each label printed"
    )
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    """Print the labels of each line, as our models or as fastText's have them."""
    check_texts(options, "classify")
    if is_fasttext(options.model):
        from fasttext_lite.compat.program.predict import predict_with_options

        return predict_with_options(options)
    from fasttext_lite.model.storage import load_model

    _predict(load_model(options.model), options)


def _predict(model: Model, options: argparse.Namespace) -> None:
    """Print the labels of each line.

    Of a file, the next lines are read and predicted while those before are written. Standard
    input is answered line by line, as it comes.
    """
    from fasttext_lite.corpus.reader import read_texts
    from fasttext_lite.model.model import most_texts

    names = [options.label_prefix + name for name in model.labels]
    step = most_texts(len(model.labels), options.k)

    def parts() -> Iterator[Texts]:
        for chunk in made_ahead(read_texts(options.file, drop_prefix=DEFAULT_PREFIX), options.file):
            yield from (chunk.slice(a, a + step) for a in range(0, len(chunk), step))

    def answers() -> Iterator[tuple[str, int, int, int]]:
        """Yield lines, how many, how many of unknown texts, and the first of these or -1."""
        for texts in parts():
            result = model.predict(texts, options.k, options.threshold, options.threads)
            unknown = result.n_features == 0
            first = int(unknown.argmax()) if unknown.any() else -1
            yield _lines(result, names, options), len(texts), int(unknown.sum()), first

    n = n_unknown = first_unknown = 0
    for lines, size, unknown, first in made_ahead(answers(), options.file):
        if first >= 0 and not n_unknown:
            first_unknown = n + first + 1
        n_unknown += unknown
        n += size
        write(lines)
    if n_unknown:
        say(
            f"{n_unknown} of {n} texts have no known feature; the class prior was used "
            f"(first: line {first_unknown})"
        )


def _lines(result: Predictions, names: list[str], options: argparse.Namespace) -> str:
    """Return predictions as lines, one for each text."""
    one = result.labels.shape[1] == 1 and not options.threshold
    if one and not options.json and not options.prob:
        printed = [flat(name) for name in names]
        return "\n".join(map(printed.__getitem__, result.labels[:, 0].tolist()))
    lines = []
    rows = zip(
        result.labels.tolist(), result.probabilities.tolist(), result.n_features.tolist(),
        strict=True,
    )  # fmt: skip
    for ids, probabilities, n_features in rows:
        pairs = [(names[i], p) for i, p in zip(ids, probabilities, strict=True) if i >= 0]
        if options.json:
            record = {
                "labels": [label for label, _ in pairs],
                "probabilities": [p for _, p in pairs],
                "n_features": n_features,
            }
            lines.append(json.dumps(record, ensure_ascii=False))
        elif options.prob:
            lines.append("\t".join(f"{flat(label)}\t{p:.6g}" for label, p in pairs))
        else:
            lines.append("\t".join(flat(label) for label, _ in pairs))
    return "\n".join(lines)
