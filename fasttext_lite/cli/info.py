"""The command ``info``: describe a model file."""

from __future__ import annotations

import argparse
import json
import os

from fasttext_lite.cli.console import flat, write
from fasttext_lite.config.texts import unpacked

HELP = "Describe a model file."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``info``."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> None:
    """Print what a model file holds."""
    from fasttext_lite.model.storage import read_model

    model, header = read_model(options.model)
    values = {
        "file": options.model,
        "bytes": os.path.getsize(options.model),
        "format_version": header["format_version"],
        "created_by": header.get("created_by"),
        "n_labels": len(model.labels),
        "n_texts": model.n_texts,
        "n_words": model.space.n_word_rows,
        "n_ngrams": model.space.n_rows - model.space.n_word_rows - model.space.has_bias,
        "multilabel": model.multilabel,
        **({} if model.packed is None else {"quantized": model.packed.about}),
        "calibration": None if model.calibration is None else model.calibration.to_dict(),
        "choice": None if model.choice is None else model.choice.to_dict(),
        **({} if model.run is None else {"run": model.run.to_dict()}),
        **({} if model.threshold is None else {"threshold": model.threshold.to_dict()}),
        "config": model.config.to_dict(),
        "labels": model.labels,
    }
    if options.json:
        write(json.dumps(values, ensure_ascii=False))
        return
    labels = values.pop("labels")
    settings = values.pop("config")
    for name in ("calibration", "choice", "run", "threshold"):
        if (part := getattr(model, name)) is not None:
            values[name] = part.line()
    if settings["dictionary"]:
        n_words = unpacked(settings["dictionary"]).count(b"\n")
        settings["dictionary"] = f"{n_words:,} words in place of jieba's"
    for name, value in {**values, **settings}.items():
        write(flat(f"{name:<16}{'none' if value in ('', None) else value}"))
    write(flat(f"{'labels':<16}{', '.join(labels[:20])}{', ...' * (len(labels) > 20)}"))
