"""What each ingredient of the default recipe is worth, on splits of the training files alone.

``python -m bench.ablation --data-dir DIR`` sets a tenth of each NAME/train.tsv aside (at most
`MOST_ROWS` rows), trains on the rest with the default and with one change at a time, and prints
the accuracy on what was set aside, in points, as a Markdown table; where labels are skewed, also
the average precision of the rarest one. ``--variants`` makes harder sets of both parts. The test
files are not read. For rows with several labels: precision of the best label.
"""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench import tools, variants
from bench.stages import files
from bench.tools import MANY_LABELS, UsageError, table
from bench.variants import Row
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.fitting import fit
from fasttext_lite.model.model import Model

# One row in so many is set aside; more of those that are joined to a few long documents.
ASIDE, ASIDE_OF = 10, {"long": 3}
MOST_ROWS = 5000  # that are set aside
LEAST_RARE = 10  # rows of a label, set aside: the average precision of fewer tells nothing

# What is chosen on texts held out (`fitting.ladder`): a change of it is measured with the rest as
# the shape of the data alone decides.
CHOSEN = ("head", "loss", "lr", "char_energy")
_PLAIN: dict[str, Any] = {
    "pooling": "tfidf", "supervision": 0.0, "bias": False, "boundaries": False, "word_ngrams": 2,
    "head": "learned", "lr": 0.1, "tree": "cluster", "label_smoothing": 0.1,
}  # fmt: skip
_LINEAR = {"head": "linear", "loss": "squared_hinge"}

# Name, changes; only for sets of few labels (linear head), of many, or for all.
CHANGES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("default", {}, "all"),
    ("recipe fixed", {"recipe": "fixed"}, "all"),
    ("- supervision (weights by labels)", {"supervision": 0.0}, "all"),
    ("supervision 0.3", {"supervision": 0.3}, "all"),
    ("pseudo_count 1", {"pseudo_count": 1.0}, "all"),
    ("- boundaries", {"boundaries": False}, "all"),
    ("- bias", {"bias": False}, "all"),
    ("- blocks (tfidf pooling)", {"pooling": "tfidf"}, "all"),
    ("char_energy 1", {"char_energy": 1.0}, "all"),
    ("char_energy 4", {"char_energy": 4.0}, "all"),
    ("- character n-grams", {"maxn": 0}, "all"),
    ("- script rules", {"script_rules": False}, "all"),
    ("max_features 0", {"max_features": 0}, "all"),
    ("word bigrams only", {"word_ngrams": 2}, "all"),
    ("word trigrams", {"word_ngrams": 3}, "all"),
    ("min_count 2", {"min_count": 2}, "all"),
    ("- label smoothing", {"label_smoothing": 0.0}, "all"),
    ("learned head, softmax", {"head": "learned", "loss": "softmax"}, "few"),
    ("linear head, softmax", {"head": "linear", "loss": "softmax"}, "few"),
    ("linear, squared hinge, lr 0.12", {**_LINEAR, "lr": 0.12}, "all"),
    ("linear, squared hinge, lr 0.06", {**_LINEAR, "lr": 0.06}, "all"),
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; return 0 or 2 (bad usage)."""
    try:
        options = parse(argv)
        paths = find(options)
    except UsageError as error:
        print(f"bench.ablation: {error}", file=sys.stderr)
        return 2
    versions = ", ".join(f"{x} {metadata.version(x)}" for x in ("fasttext-lite", "numpy", "numba"))
    print(f"Python {platform.python_version()}, {versions}; folds: {options.folds}\n")
    results: dict[str, dict[str, Any]] = {}
    for path in paths:
        for variant in options.variants:
            title = variants.titled(path.parent.name, variant)
            try:
                results[title] = measure(path, variant, options)
            except variants.UnfitError as error:
                print(f"bench.ablation: {title} is left out: {error}", file=sys.stderr)
                continue
            tools.write_json(options.json, results)
    print(report(results, options.changes))
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(prog="python -m bench.ablation", description=__doc__)
    add = parser.add_argument
    add("--data-dir", default=os.environ.get("FASTTEXT_LITE_DATA"))
    add("--sets", default="", help="names joined by commas (default: all)")
    add("--variants", default=variants.PLAIN, help=f"of the sets of one label to a text, joined by "
        f"commas: {variants.USAGE}; default %(default)s")  # fmt: skip
    known = [change for change, *_ in CHANGES]
    add("--changes", default=";".join(known), metavar="NAMES", help="joined by semicolons; "
        "default: all")  # fmt: skip
    add("--most-rows", type=int, metavar="N", help="of a training file, before variants are made "
        "(default: all)")  # fmt: skip
    add("--folds", type=int, default=1, help=f"parts set aside in turn, at most {ASIDE} (long "
        f"documents: {ASIDE_OF['long']})")  # fmt: skip
    add("--threads", type=int, default=2)
    add("--multilabel", default="goemotions", help="sets with several labels; they stay plain")
    add("--json", metavar="FILE")
    options = parser.parse_args(argv)
    options.variants = variants.choose(options.variants)
    options.changes = tools.choose("--changes", options.changes, known, ";")
    most = min(ASIDE_OF.get(variants.kind_of(each), ASIDE) for each in options.variants)
    if not 1 <= options.folds <= most or options.threads < 1 or (options.most_rows or 1) < 1:
        raise UsageError(f"--folds is 1 to {most}, --threads and --most-rows are at least 1")
    tools.check_folders(files=[options.json])
    return options


def find(options: argparse.Namespace) -> list[Path]:
    """Return the training file of each set; raise `UsageError` if one is not there."""
    if not options.data_dir or not Path(options.data_dir).is_dir():
        raise UsageError("give --data-dir, a folder of NAME/train.tsv")
    folder = Path(options.data_dir)
    names = tools.split_names(options.sets)
    paths = [folder / name / "train.tsv" for name in names] or sorted(folder.glob("*/train.tsv"))
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    return paths


# -- running ---------------------------------------------------------------------------------


def measure(path: Path, variant: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return what one variant of a data set is, and the mean scores of each change on it.

    Raises
    ------
    variants.UnfitError
        If the set has no such variant.
    """
    name = path.parent.name
    multilabel = name in options.multilabel.split(",")
    if multilabel and variant != variants.PLAIN:
        raise variants.UnfitError("its texts have several labels")
    rows = files.complete(files.read_labelled(path))
    about: dict[str, Any] = {}
    found: dict[str, list[dict[str, float | None]]] = {}
    for fold in range(options.folds):
        train, valid = variants.make(variant, *split(rows, variant, fold, options.most_rows))
        labels = labels_of(train, multilabel)
        about = about or {
            "set": name, "variant": variant, "chosen": "not run",
            **describe(labels, labels_of(valid, multilabel)),
        }  # fmt: skip
        for change, settings, kind in CHANGES:
            n_labels = len(labels.names)
            if change not in options.changes or not applies(kind, change, n_labels, multilabel):
                continue
            start = time.perf_counter()
            model = fit.fit(
                Texts.from_sequence([text for _, text in train]), labels, config_of(settings),
                multilabel=multilabel, n_threads=options.threads,
            ).model  # fmt: skip
            seconds = time.perf_counter() - start
            scores = judge(model, valid, about["rarest"], multilabel, options.threads)
            found.setdefault(change, []).append(scores)
            if not settings:
                about["chosen"] = chosen_words(model.config)
            title = variants.titled(name, variant)
            message = f"{title}, fold {fold}: {change}: {scores['accuracy']:.2f} ({seconds:.1f} s)"
            print(message, file=sys.stderr, flush=True)
    return {"about": about, "changes": {change: mean(each) for change, each in found.items()}}


def split(
    rows: list[Row], variant: str, fold: int, most_rows: int | None
) -> tuple[list[Row], list[Row]]:
    """Return the rows to train on and those set aside, of a fixed permutation."""
    order = np.random.default_rng(0).permutation(len(rows))[:most_rows]
    size = min(len(order) // ASIDE_OF.get(variants.kind_of(variant), ASIDE), MOST_ROWS)
    aside = order[fold * size : (fold + 1) * size]
    rest = np.setdiff1d(order, aside)
    return [rows[i] for i in rest.tolist()], [rows[i] for i in np.sort(aside).tolist()]


def config_of(settings: dict[str, Any]) -> Config:
    """Return the settings of a change, without a choice where it is a change of what is chosen."""
    fixed = {"recipe": "fixed"} if set(settings) & set(CHOSEN) else {}
    return Config(**{**fixed, **settings})


def chosen_words(config: Config) -> str:
    """Return in words what was chosen or estimated from the texts."""
    values = {name: getattr(config, name) for name in (*CHOSEN, "pseudo_count")}
    return tools.words({k: f"{v:.3g}" if isinstance(v, float) else v for k, v in values.items()})


def applies(kind: str, change: str, n_labels: int, multilabel: bool) -> bool:
    """Return whether a change makes sense for a data set (and ends before tomorrow)."""
    if n_labels > MANY_LABELS:
        return change in ("default", "plain tf-idf recipe", "hs, huffman tree") or (
            change.startswith("- ") and "character" not in change
        )
    few = n_labels <= 20 or multilabel
    return {"all": True, "single": not multilabel, "few": few, "many": not few}[kind]


def labels_of(rows: list[Row], multilabel: bool) -> Labels:
    """Return the labels of rows by falling frequency."""
    return Labels.from_rows([names_of(label, multilabel) for label, _ in rows])


def names_of(label: str, multilabel: bool) -> list[str]:
    """Return the labels of a row."""
    return tools.split_names(label) if multilabel else [label]


def describe(train: Labels, valid: Labels) -> dict[str, Any]:
    """Return what a reader has to know of the rows."""
    rarest = files.rarest(train.names[i] for i in train.ids.tolist())
    counts = [sum(rarest in row for row in part.rows()) for part in (train, valid)]
    return {
        "n_train": len(train), "n_aside": len(valid), "n_labels": len(train.names),
        "rarest": rarest, "n_rarest": counts,
        "skewed": counts[0] <= len(train) / len(train.names) / 2 and counts[1] >= LEAST_RARE,
    }  # fmt: skip


def judge(
    model: Model, valid: list[Row], rarest: str, multilabel: bool, n_threads: int
) -> dict[str, float | None]:
    """Return the accuracy of a model and its average precision of a label, in points."""
    texts = Texts.from_sequence([text for _, text in valid])
    gold = [names_of(label, multilabel) for label, _ in valid]
    best = model.predict(texts, n_threads=n_threads).labels[:, 0].tolist()
    precision = None
    if len(model.labels) <= MANY_LABELS:
        own = model.probabilities(texts, n_threads)[:, model.labels.index(rarest)]
        precision = files.average_precision(own.tolist(), [rarest in each for each in gold])
    return {
        "accuracy": 100 * files.accuracy([model.labels[i] for i in best], gold),
        "average_precision": None if precision is None else 100 * precision,
    }


def mean(folds: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Return the mean of each score over folds; of none, None."""
    known = {key: [each[key] for each in folds if each[key] is not None] for key in folds[0]}
    return {key: float(np.mean(values)) if values else None for key, values in known.items()}


# -- printing --------------------------------------------------------------------------------


def report(results: dict[str, dict[str, Any]], changes: list[str]) -> str:
    """Return the Markdown of all sets: what they are, and a table of each score and variant."""
    lines = []
    for title, result in results.items():
        sizes = "{n_train:,} rows to train on, {n_aside:,} set aside, {n_labels:,} labels"
        rarest = "the rarest, {rarest}, {n_rarest[0]:,} and {n_rarest[1]:,} times"
        line = f"- {title}: {sizes}; {rarest}; default: {{chosen}}"
        lines.append(line.format(**result["about"]))
    skewed = {title: result for title, result in results.items() if result["about"]["skewed"]}
    lines += tables("Accuracy", "accuracy", results, changes)
    heading = "Average precision of the rarest label, where it is rare"
    lines += tables(heading, "average_precision", skewed, changes)
    return "\n".join(lines)


def tables(
    heading: str, key: str, results: dict[str, dict[str, Any]], changes: list[str]
) -> list[str]:
    """Return the Markdown of one score, in points: a table for each variant."""
    lines = []
    for variant in dict.fromkeys(result["about"]["variant"] for result in results.values()):
        chosen = [each for each in results.values() if each["about"]["variant"] == variant]
        rows = []
        for change in changes:
            found = [each["changes"].get(change, {}).get(key) for each in chosen]
            rows.append([change, *("" if value is None else f"{value:.2f}" for value in found)])
        titles = [each["about"]["set"] for each in chosen]
        lines += ["", f"{heading}, in points, {variant}:", "", *table(["", *titles], rows)]
    return lines


if __name__ == "__main__":
    sys.exit(main())
