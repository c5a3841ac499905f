"""Damaged files of texts, in every format, encoding and packing: read alike by all who read them.

The reader of `train` gives the same texts, labels and notices from a file as from standard input,
or the same error; `test` counts as many; `predict` ends well or with a line.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import re
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from fasttext_lite.corpus.reader import read_corpus
from fuzz import commands, mutations, samples
from fuzz.frame import GOOD, OURS, BrokenError, check_refusal

SECONDS = 20.0
MEGABYTES = 300
WEIGHT = 2.0

ROWS = list(zip(samples.LABELS, samples.TEXTS, strict=True))[:9]
FORMS = {
    "fasttext.txt": "".join(f"__label__{a} {b}\n" for a, b in ROWS),
    "several.txt": "".join(f"__label__{a} __label__all {b}\n" for a, b in ROWS),
    "plain.tsv": "".join(f"{a}\t{b}\n" for a, b in ROWS),
    "head.tsv": "label\ttext\tweight\n" + "".join(f"{a}\t{b}\t2\n" for a, b in ROWS),
    "table.csv": "label,text\n" + "".join(f'{a},"{b}"\n' for a, b in ROWS),
    "quotes.csv": "text;label\n" + "".join(f'"{b}; ""so""\nand";{a}\n' for a, b in ROWS),
    "lines.jsonl": "".join(json.dumps({"text": b, "label": a}) + "\n" for a, b in ROWS),
    "lists.jsonl": "".join(json.dumps({"label": [a, "all"], "text": b}) + "\n" for a, b in ROWS),
}
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "gb18030")
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": lambda data: gzip.compress(data, mtime=0), ".bz2": bz2.compress,
    ".xz": lzma.compress,
}  # fmt: skip


class Case(NamedTuple):
    """A damaged file of texts."""

    name: str
    data: bytes


def prepare() -> None:
    """Make a model, and compile what is run."""
    _model()
    for name, content in FORMS.items():
        check(Case(name, content.encode()))


@cache
def _model() -> str:
    path = samples.new_path(".ftl")
    with open(path, "wb") as file:
        file.write(samples.sample("plain").data)
    return path


def one(rng: random.Random) -> Case:
    """Return a damaged file; the damage is done before it is packed, or afterwards."""
    name = rng.choice(list(FORMS))
    data = FORMS[name].encode(rng.choice(ENCODINGS))
    others = [form.encode() for form in FORMS.values()]
    pack = rng.choice(("", "", "", *PACKERS))
    is_late = bool(pack) and rng.random() < 0.5
    if not is_late:
        data = mutations.damaged(rng, data, others)
    data = PACKERS[pack](data)
    if is_late:
        data = mutations.damaged(rng, data, ())
    return Case(name + pack, data)


def as_bytes(case: Case) -> bytes:
    """Return the file."""
    return case.data


def _read(path: str) -> list[Any] | str:
    """Return what the reader finds; the error's text without the file's name."""
    try:
        found = read_corpus(path)
    except OURS as error:
        check_refusal(error)
        return str(error)
    return [
        found.label_rows, found.texts.to_list(), sorted(found.skipped), found.notices,
        None if found.weights is None else found.weights.tolist(),
        found.skipped.get("of weight 0", (0,))[0],  # no texts of a training, but of a test
    ]  # fmt: skip


def check(case: Case) -> str:
    """Read the file by its name and as a stream, and run commands on it."""
    path = samples.new_path(f"-{case.name}")
    with open(path, "wb") as file:
        file.write(case.data)
    try:
        found = _read(path)
        kept = sys.stdin
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(case.data)))  # type: ignore[arg-type]
        try:
            streamed = _read("-")
        finally:
            sys.stdin = kept
        # The name says what a file is where its lines do not, and its size how many columns.
        if isinstance(found, list) and isinstance(streamed, list) and found[1] != streamed[1]:
            raise BrokenError(f"by name {found}, as a stream {streamed}")
        tested = commands.run(["test", _model(), path])
        if tested.outcome() == GOOD and isinstance(found, list):
            counted = re.search(rb"^n ([\d,]+)", tested.out)
            n = int(counted[1].replace(b",", b"")) if counted else -1
            if n != len(found[1]) + found[-1]:
                raise BrokenError(f"test counts {n}, the reader {len(found[1])}: {tested.out!r}")
        predicted = commands.run(["predict", _model(), path]).outcome()
    finally:
        os.unlink(path)
    return f"train {GOOD if isinstance(found, list) else 'refused'}, predict {predicted}"
