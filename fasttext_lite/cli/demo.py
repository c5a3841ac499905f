"""The command ``demo``: train, test, explain and report on the bundled data."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import written
from fasttext_lite.cli.console import write
from fasttext_lite.cli.test import summary
from fasttext_lite.config.fields import Config
from fasttext_lite.errors import InputError, UsageError

if TYPE_CHECKING:
    from fasttext_lite.corpus.reader import Corpus
    from fasttext_lite.model.model import Model

HELP = "Train, test, explain and report on the bundled data."
# Of each bundled data set: texts to predict.
_TEXTS = {
    "zh_topics": ["这家面馆的汤头熬了六个小时", "央行宣布下调存款利率", "中场休息后他们连进3球"],
    "en_topics": [
        "The soup simmered for six hours",
        "The bank raised its mortgage rates",
        "They scored three goals after half time",
    ],
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``demo``."""
    parser.add_argument("--data", choices=tuple(_TEXTS), default=next(iter(_TEXTS)))
    parser.add_argument(
        "--output", default="demo", metavar="DIR", type=written, help="folder for model and plot"
    )


def run(options: argparse.Namespace) -> None:
    """Train a model, print how it does, and draw its confusion matrix."""
    from fasttext_lite.corpus.reader import read_corpus
    from fasttext_lite.evaluation.scores import evaluate
    from fasttext_lite.explanation.contributions import explain
    from fasttext_lite.fitting import fit
    from fasttext_lite.fitting.progress import progress_bar
    from fasttext_lite.model.safetensors import check_writable
    from fasttext_lite.model.storage import save_model

    data = bundled(options.data)
    try:
        os.makedirs(options.output, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{options.output}: {(error.strerror or '').lower()}") from None
    path = os.path.join(options.output, f"{options.data}.ftl")
    check_writable(path)
    train = read_corpus(os.path.join(data, "train.tsv"))
    test = read_corpus(os.path.join(data, "test.tsv"))
    config = Config(epochs=20, lr=0.3)
    start = time.perf_counter()
    with progress_bar(len(train.texts) * config.epochs) as callback:
        model = fit.fit(train.texts, train.labels, config, callback=callback).model
    seconds = time.perf_counter() - start
    save_model(model, path)
    n_texts, n_labels = len(train.texts), len(model.labels)
    write(f"trained on {n_texts} texts with {n_labels} labels in {seconds:.1f} s")
    result = evaluate(model, test.texts, test.labels)
    write(summary(result))
    texts = _TEXTS[options.data]
    top = model.predict(texts, k=2)
    for text, ids, probabilities in zip(texts, top.labels, top.probabilities, strict=True):
        best = "  ".join(
            f"{model.labels[i]} {p:.2f}" for i, p in zip(ids, probabilities, strict=True)
        )
        write(f"  {text}  ->  {best}")
        words = "  ".join(f"{word} {share:+.2f}" for word, share in explain(model, text).top(3))
        write(f"    because of  {words}")
    write(f"model: {path} ({os.path.getsize(path) / 1e3:.0f} kB)")
    plot = os.path.join(options.output, f"{options.data}_confusion.png")
    from fasttext_lite.evaluation.plots import plot_confusion

    try:
        plot_confusion(result, plot)
        write(f"plot:  {plot}")
    except InputError as error:
        write(f"plot:  none ({error})")
    page = os.path.join(options.output, f"{options.data}_report.html")
    try:
        _report(page, path, model, train, test)
        write(f"report: {page}")
    except InputError as error:
        write(f"report: none ({error})")


def _report(page: str, path: str, model: Model, train: Corpus, test: Corpus) -> None:
    """Write the page that tells how the model does, and why."""
    from fasttext_lite.reporting.render import check_report

    check_report(page)  # before all that takes time is imported
    from fasttext_lite.reporting.findings import Data
    from fasttext_lite.reporting.report import write_report

    learnt, asked = (
        Data(f"{part}.tsv", corpus.texts, corpus.labels, corpus.fingerprint)
        for part, corpus in (("train", train), ("test", test))
    )
    write_report(page, path, model, asked, train=learnt)


def bundled(name: str) -> str:
    """Return the folder of a bundled data set, in the installed package or the checkout."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (os.path.join(here, "bundled"), os.path.join(here, "..", "datasets")):
        if os.path.isdir(os.path.join(folder, name)):
            return os.path.join(folder, name)
    raise UsageError(f"the bundled data set {name} is missing from this installation")
