"""Accuracy of quantised models by file size.

    python -m bench.quantization clinc150 thucnews --sizes 250k,500k --test

Trains with default settings on the train part of each data set, quantises to each size with each
step, with and without training again, and tests the models as they are read from their files.
Without ``--test``, a share of the train part is set aside and tested on: settings are chosen on
that.  One JSON line for each model.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence

import numpy as np

from bench import tools
from fasttext_lite.config.fields import Config
from fasttext_lite.config.sizes import parse_size
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.corpus.split import set_aside
from fasttext_lite.evaluation.scores import evaluate
from fasttext_lite.fitting import fit
from fasttext_lite.fitting.quantize import QuantizeSettings, quantize_model
from fasttext_lite.model.packed import STEP
from fasttext_lite.model.storage import load_model, save_model

ASIDE = 0.15


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", metavar="NAME", help="folder with train and test.tsv")
    parser.add_argument("--data", default=tools.data_dir(), metavar="DIR")
    parser.add_argument("--sizes", default="500k", help="0 = all rows")
    parser.add_argument("--steps", default=str(STEP))
    parser.add_argument("--rows", default="int8")
    parser.add_argument("--dsub", type=int, default=2)
    parser.add_argument("--qnorm", action="store_true")
    parser.add_argument("--retrain", choices=("no", "yes", "both"), default="both")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--test", action="store_true", help="train on all, test on the test part")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names:
            measure(name, options, os.path.join(folder, "model.ftl"))


def measure(name: str, options: argparse.Namespace, path: str) -> None:
    """Print the lines of one data set."""
    train = read_corpus(os.path.join(options.data, name, "train.tsv"))
    models = []
    for seed in range(options.seeds):
        if options.test:
            rest = read_corpus(os.path.join(options.data, name, "test.tsv"))
            data = train.texts, train.labels, rest.texts, rest.labels
        else:
            a, b = set_aside(train.labels, ASIDE, seed)
            data = (
                train.texts.take(a), train.labels.take(a),
                train.texts.take(b), train.labels.take(b),
            )  # fmt: skip
        model = fit.fit(*data[:2], Config(), seed=seed, n_threads=1).model
        save_model(model, path)
        models.append((model, data, os.path.getsize(path), accuracy(path, data)))
    show({"data": name, "file": [m[2] for m in models], "rows": models[0][0].space.n_rows},
         [m[3] for m in models])  # fmt: skip
    sizes = [0 if text == "0" else parse_size(text) for text in options.sizes.split(",")]
    ways = {"no": [False], "yes": [True], "both": [False, True]}[options.retrain]
    for size in sizes:
        for step in map(float, options.steps.split(",")):
            settings = QuantizeSettings(
                size=size or None, rows=options.rows, step=step, dsub=options.dsub,
                qnorm=options.qnorm,
            )  # fmt: skip
            for again in ways:
                found, files, rows = [], [], []
                start = time.perf_counter()
                for seed, (model, data, _, _) in enumerate(models):
                    small = quantize_model(
                        model, settings, retrain=data[:2] if again else None, seed=seed,
                        n_threads=2,
                    )  # fmt: skip
                    save_model(small, path)
                    files.append(os.path.getsize(path))
                    rows.append(small.space.n_rows)
                    found.append(accuracy(path, data))
                seconds = (time.perf_counter() - start) / len(models)
                about = {"data": name, "size": size, "form": options.rows, "step": step,
                         "retrain": again, "file": max(files), "rows": rows[0],
                         "seconds": round(seconds, 1)}  # fmt: skip
                show(about, found)


def accuracy(path: str, data: tuple) -> float:
    """Return the accuracy of a model file on the second half of the data."""
    return evaluate(load_model(path), data[2], data[3]).accuracy


def show(about: dict, found: list[float]) -> None:
    """Print one line."""
    mean = round(float(np.mean(found)), 4)
    print(json.dumps({**about, "accuracy": mean, "seeds": [round(x, 4) for x in found]}),
          flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
