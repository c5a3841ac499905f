"""The command ``info``: describe a model file."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import whole
from fasttext_lite.cli.console import flat, say, write
from fasttext_lite.config.texts import unpacked
from fasttext_lite.errors import ModelError, UsageError
from fasttext_lite.model.magic import is_fasttext

if TYPE_CHECKING:
    from fasttext_lite.explanation.features import Top

HELP = "Describe a model file, of ours or of fastText."
MOST_LABELS = 20  # that are printed
MOST_OF_LABEL = 60  # characters of a label beside its words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``info``."""
    parser.add_argument("model", metavar="MODEL", nargs="+", help="several with --verify alone")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--top", metavar="K", type=whole(1),
        help="print the K words that speak most for each label, and against it, in parts of the "
        "strongest",
    )  # fmt: skip
    parser.add_argument(
        "--verify", action="store_true",
        help="read every byte of the files in place of describing them: exit code 2 if one is "
        "damaged",
    )  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Print what a model file holds, or whether files are damaged."""
    if options.verify:
        if options.top is not None:
            raise UsageError("--top describes what --verify only checks: give one of them")
        _verify(options.model, options.json)
        return
    if len(options.model) > 1:
        raise UsageError(
            f"info describes one model; got {len(options.model)} (with --verify it takes several)"
        )
    path = options.model[0]
    describe = _of_fasttext if is_fasttext(path) else _of_ours
    values, lines = describe(path)
    about: dict[str, Any] = {"file": path, "bytes": os.path.getsize(path)}
    top = None if options.top is None else _top(path, options.top)
    if options.json:
        if top is not None:
            values["top"] = {label: {"for": a, "against": b} for label, (a, b) in top.items()}
        write(json.dumps({**about, **values}, ensure_ascii=False))
        return
    labels, settings = values.pop("labels"), values.pop("config")
    for name, value in {**about, **values, **settings, **lines}.items():
        write(flat(f"{name:<16}{'none' if value in ('', None) else value}"))
    more = ", ..." * (len(labels) > MOST_LABELS)
    write(flat(f"{'labels':<16}{', '.join(labels[:MOST_LABELS])}{more}"))
    for label, sides in (top or {}).items():
        for name, words in zip(("for", "against"), sides, strict=True):
            shown = "  ".join(f"{word} {share:+.2f}" for word, share in words)
            write(flat(f"{f'{name} {_cut(label)}':<15} {shown or 'none'}"))


def _cut(label: str) -> str:
    return label if len(label) <= MOST_OF_LABEL else f"{label[:MOST_OF_LABEL]}..."


def _top(path: str, k: int) -> dict[str, Top]:
    """Return the words for and against each label of a model file."""
    from fasttext_lite.compat.either import load_model
    from fasttext_lite.explanation.features import top_features

    return top_features(load_model(path), k)


def _verify(paths: list[str], is_json: bool) -> None:
    """Print what is known of each file; raise an error for the last of those that are damaged."""
    from fasttext_lite.estimators.verify import verify

    bad: ModelError | None = None
    for path in paths:
        try:
            found = verify(path)
        except ModelError as error:
            if bad is not None:
                say(str(bad))
            bad = error
            continue
        write(json.dumps(asdict(found), ensure_ascii=False) if is_json else flat(found.line()))
    if bad is not None:
        raise bad


def _of_ours(path: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what one of our files holds, and what is printed of some of it in lines."""
    from fasttext_lite.model.run import UNTOLD
    from fasttext_lite.model.storage import read_model

    model, header = read_model(path)
    notes: dict[str, Any] = {"calibration": model.calibration, "choice": model.choice}
    notes |= {
        name: note
        for name, note in (
            ("run", model.run),
            ("threshold", model.threshold),
            ("abstention", model.abstention),
        )  # fmt: skip
        if note is not None
    }
    config = model.config.to_dict()
    untold = UNTOLD if model.run is not None and model.run.source else ()
    values = {
        "format_version": header["format_version"],
        "created_by": header.get("created_by"),
        "n_labels": len(model.labels),
        "n_texts": model.n_texts,
        "n_words": model.space.n_word_rows,
        "n_ngrams": model.space.n_rows - model.space.n_word_rows - model.space.has_bias,
        "multilabel": model.multilabel,
        **({} if model.packed is None else {"quantized": model.packed.about}),
        **{name: None if note is None else note.to_dict() for name, note in notes.items()},
        "config": {name: None if name in untold else config[name] for name in config},
        "labels": model.labels,
    }
    lines = {name: note.line() for name, note in notes.items() if note is not None}
    for name in ("threshold", "abstention"):
        if (found := getattr(model, name)) is not None:
            lines[name] = found.line(quantized=model.packed is not None)
    lines |= {name: f"not known: fastText's files have no place for {name}" for name in untold}
    if model.config.dictionary:
        n_words = unpacked(model.config.dictionary).count(b"\n")
        lines["dictionary"] = f"{n_words:,} words in place of jieba's"
    return values, lines


def _of_fasttext(path: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what one of fastText's files holds; its settings by the names of its flags."""
    from fasttext_lite.compat.files.arguments import FIELDS, MODELS, STORED
    from fasttext_lite.compat.model import FastTextModel

    model = FastTextModel.load(path)
    dictionary = model.dictionary
    values = {
        "kind": f"fastText, {MODELS[model.args.model].command}",
        "n_labels": dictionary.n_labels,
        "n_words": dictionary.n_words,
        "n_tokens": dictionary.n_tokens,
        "n_rows": model.input.shape[0],
        "quantized": model.is_quantized,
        "pruned": dictionary.pairs is not None,
        "config": {FIELDS[name].metadata["flag"]: getattr(model.args, name) for name in STORED},
        "labels": [label.decode("utf-8", "replace") for label in dictionary.labels],
    }
    return values, {}
