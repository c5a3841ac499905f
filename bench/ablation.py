"""What each ingredient of the default recipe is worth, on splits of the training files alone.

``python -m bench.ablation --data-dir DIR`` sets a tenth of each NAME/train.tsv aside (at most
`MOST_ROWS` rows), trains on the rest with the default and with one change at a time, and prints
the accuracy on what was set aside, in points, as a Markdown table. The test files are not read.
For rows with several labels: precision of the best label.
"""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench import tools
from bench.stages import files
from bench.tools import MANY_LABELS, table
from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.reader import Corpus, read_corpus
from fasttext_lite.fitting import fit, prepare
from fasttext_lite.text.analyzers import analyze

MOST_ROWS = 5000
_PLAIN: dict[str, Any] = {
    "pooling": "tfidf", "supervision": 0.0, "bias": False, "boundaries": False, "word_ngrams": 2,
    "head": "learned", "lr": 0.1, "tree": "cluster", "label_smoothing": 0.1,
}  # fmt: skip

# Name, changes; only for sets of few labels (linear head), of many, or for all.
CHANGES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("default", {}, "all"),
    ("- supervision (weights by labels)", {"supervision": 0.0}, "all"),
    ("supervision 0.3", {"supervision": 0.3}, "all"),
    ("- boundaries", {"boundaries": False}, "all"),
    ("- bias", {"bias": False}, "all"),
    ("- blocks (tfidf pooling)", {"pooling": "tfidf"}, "all"),
    ("- character n-grams", {"maxn": 0}, "all"),
    ("word bigrams only", {"word_ngrams": 2}, "all"),
    ("word trigrams", {"word_ngrams": 3}, "all"),
    ("min_count 2", {"min_count": 2}, "all"),
    ("- label smoothing", {"label_smoothing": 0.0}, "all"),
    ("learned head, softmax", {"head": "learned", "loss": "softmax"}, "few"),
    ("linear head, softmax", {"head": "linear", "loss": "softmax"}, "few"),
    ("linear head, squared hinge", {"head": "linear", "loss": "squared_hinge"}, "few"),
    ("linear head, ova", {"head": "linear", "loss": "ova"}, "many"),
    ("init input (fastText's)", {"init": "input"}, "many"),
    ("hs, linkage tree", {"loss": "hs", "tree": "linkage"}, "single"),
    ("hs, cluster tree", {"loss": "hs", "tree": "cluster"}, "single"),
    ("hs, huffman tree", {"loss": "hs", "tree": "huffman"}, "single"),
    ("adagrad", {"optimizer": "adagrad"}, "all"),
    ("adam", {"optimizer": "adam"}, "all"),
    ("10 epochs", {"epochs": 10}, "all"),
    ("feature dropout 0.1", {"feature_dropout": 0.1}, "all"),
    ("word dropout 0.1", {"word_dropout": 0.1}, "all"),
    ("averaging 0.5", {"averaging": 0.5}, "all"),
    ("l2 1e-5", {"l2": 1e-5}, "all"),
    ("hidden layer, 64 relu", {"units": 64, "head": "learned", "loss": "softmax"}, "single"),
    ("layer norm", {"norm": "layer", "head": "learned", "loss": "softmax"}, "single"),
    ("plain tf-idf recipe", _PLAIN, "all"),
)


def main() -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.ablation", description=__doc__)
    parser.add_argument("--data-dir", default=os.environ.get("FASTTEXT_LITE_DATA"))
    parser.add_argument("--sets", default="", help="names joined by commas (default: all)")
    parser.add_argument("--folds", type=int, default=1, help="parts set aside in turn, at most 10")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--multilabel", default="goemotions", help="sets with several labels")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if not options.data_dir or not Path(options.data_dir).is_dir():
        print("bench.ablation: give --data-dir, a folder of NAME/train.tsv", file=sys.stderr)
        return 2
    paths = sorted(Path(options.data_dir).glob("*/train.tsv"))
    names = tools.split_names(options.sets) or [path.parent.name for path in paths]
    versions = ", ".join(f"{x} {metadata.version(x)}" for x in ("fasttext-lite", "numpy", "numba"))
    print(f"Python {platform.python_version()}, {versions}; folds: {options.folds}\n")
    results: dict[str, dict[str, float]] = {}
    for name in names:
        path = Path(options.data_dir) / name / "train.tsv"
        if not path.is_file():
            print(f"bench.ablation: {path}: no such file", file=sys.stderr)
            return 2
        results[name] = measure(path, options)
        tools.write_json(options.json, results)
    rows = []
    for change, _, _ in CHANGES:
        values = [results[name].get(change) for name in names]
        rows.append([change, *("" if v is None else f"{v:.2f}" for v in values)])
    print("\n".join(table(["", *names], rows)))
    return 0


def measure(path: Path, options: argparse.Namespace) -> dict[str, float]:
    """Return the mean accuracy of each change on one data set."""
    name = path.parent.name
    multilabel = name in options.multilabel.split(",")
    corpus = read_corpus(path, ReadOptions(multilabel=multilabel))
    n_labels = len(corpus.labels.names)
    found: dict[str, list[float]] = {}
    for fold in range(options.folds):
        train, valid = split(corpus, fold)
        labels = train.labels.by_frequency()
        prepared: dict[tuple, Any] = {}
        for change, settings, kind in CHANGES:
            if not applies(kind, change, n_labels, multilabel):
                continue
            config = Config(**settings)
            fields = (*FEATURE_FIELDS, "word_dropout")
            key = tuple(getattr(config, field) for field in fields)
            key += (config.head,) if config.supervision is None else ()
            if key not in prepared:
                prepared.clear()  # one at a time: features are large
                made = prepare.prepare(
                    train.texts, labels, config, multilabel=multilabel, n_threads=options.threads
                )
                marked = analyze(valid.texts, made.config, options.threads)
                prepared[key] = made, made.space.transform(marked, options.threads)
            made, features = prepared[key]
            start = time.perf_counter()
            model = fit.fit_prepared(made, config, n_threads=options.threads).model
            seconds = time.perf_counter() - start
            best = model.predict(features, n_threads=options.threads).labels[:, 0]
            names = [model.labels[i] for i in best]
            score = files.accuracy(names, valid.labels.rows())
            found.setdefault(change, []).append(100 * score)
            message = f"{name}, fold {fold}: {change}: {found[change][-1]:.2f} ({seconds:.1f} s)"
            print(message, file=sys.stderr, flush=True)
    return {change: float(np.mean(values)) for change, values in found.items()}


def applies(kind: str, change: str, n_labels: int, multilabel: bool) -> bool:
    """Return whether a change makes sense for a data set (and ends before tomorrow)."""
    if n_labels > MANY_LABELS:
        return change in ("default", "plain tf-idf recipe", "hs, huffman tree") or (
            change.startswith("- ") and "character" not in change
        )
    few = n_labels <= 20 or multilabel
    return {"all": True, "single": not multilabel, "few": few, "many": not few}[kind]


def split(corpus: Corpus, fold: int) -> tuple[Corpus, Corpus]:
    """Return the rows to train on and those set aside, of a fixed permutation."""
    n = len(corpus.texts)
    order = np.random.default_rng(0).permutation(n)
    size = min(n // 10, MOST_ROWS)
    aside = order[fold * size : (fold + 1) * size]
    rest = np.setdiff1d(np.arange(n), aside)
    return tuple(  # type: ignore[return-value]
        Corpus(corpus.texts.take(rows), corpus.labels.take(rows), {})
        for rows in (rest, np.sort(aside))
    )


if __name__ == "__main__":
    sys.exit(main())
