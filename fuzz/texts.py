"""Odd texts: whatever people send, it gets labels, and the same ones by every way.

One text alone, a batch, a file and standard input answer alike; what trains on such texts saves,
loads and predicts as before.
"""

from __future__ import annotations

import os
import random
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fasttext_lite import FastTextClassifier
from fasttext_lite.compat.either import load_model
from fuzz import commands, samples
from fuzz.frame import GOOD, BrokenError, check_refusal
from fuzz.readers import are_same, check_numbers

SECONDS = 30.0
MEGABYTES = 400
WEIGHT = 2.0

RANGES = (
    (0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x400, 0x4FF), (0x590, 0x6FF),
    (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x2000, 0x206F), (0x3000, 0x30FF),
    (0x4E00, 0x9FFF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xF8FF), (0xFE00, 0xFE0F),
    (0xFFF0, 0xFFFF), (0x10000, 0x103FF), (0x1F1E6, 0x1F1FF), (0x1F300, 0x1FAFF),
    (0x20000, 0x2A6DF), (0xE0000, 0xE01EF), (0x10FF00, 0x10FFFF), (0, 0x1F), (0x7F, 0x9F),
    (0, 0x10FFFF),
)  # fmt: skip
PIECES = (
    "", " ", "  ", "\t", "\r", "\x00", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\ufeff",
    "\u200b", "\u200d", "\u202e", "\u3000", "\xad", "__label__", "__label__cars", "</s>", "<s>",
    "red", "apples", "cars", "热汤", "\U0001f468\u200d\U0001f469", "e\u0301", "ﬁ", "İ", "ß", "Ω",
    "1e999", "nan", "-", '"',
    ",", "\\", "#", "%s", "{}", "\U0010ffff", "\ud800", "\udfff", "\ud83d\ude00", "\udc80",
)  # fmt: skip
LENGTHS = (0, 1, 2, 3, 5, 8, 13, 30, 100)
FOUND_IN = ("plain", "chars", "hs", "small", "several")


class Case(NamedTuple):
    """Texts, a model, and what to do."""

    name: str
    texts: list[str]
    how: str
    lines: bytes


@cache
def _models() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in FOUND_IN:
        path = samples.new_path(".ftl")
        with open(path, "wb") as file:
            file.write(samples.sample(name).data)
        found[name] = load_model(path)
        _PATHS[name] = path
    return found


_PATHS: dict[str, str] = {}


def prepare() -> None:
    """Make the models, and compile what is run."""
    _models()
    rng = random.Random(1)
    for how in ("one", "lines", "train"):
        check(one(rng)._replace(how=how))


def one(rng: random.Random) -> Case:
    """Return some texts."""
    texts = [text(rng) for _ in range(rng.choice((1, 2, 3, 8)))]
    how = rng.choices(("one", "lines", "train"), (0.85, 0.12, 0.03))[0]
    lines = "\n".join(texts).encode("utf-8", "surrogatepass") if how == "lines" else b""
    if rng.random() < 0.5 and lines:
        broken = bytearray(lines)
        for _ in range(rng.choice((1, 3))):
            place = rng.randrange(len(broken) + 1)
            broken[place : place + rng.randrange(2)] = rng.randbytes(rng.randrange(3))
        lines = bytes(broken)
    return Case(rng.choice(FOUND_IN), texts, how, lines)


def text(rng: random.Random) -> str:
    """Return a text of any characters."""
    if rng.random() < 0.002:
        return chr(rng.choice((97, 0x4E00, 0x1F600, 0))) * rng.choice((10_000, 100_000))
    parts = []
    for _ in range(rng.choice(LENGTHS)):
        if rng.random() < 0.4:
            parts.append(rng.choice(PIECES))
        else:
            low, high = rng.choice(RANGES)
            parts.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randrange(1, 4))))
        if rng.random() < 0.3:
            parts.append(" ")
    return "".join(parts)


def as_bytes(case: Case) -> bytes:
    """Return the texts, as a list in Python."""
    return repr(case).encode("ascii", "backslashreplace")


def check(case: Case) -> str:
    """Predict the texts by several ways, or train on them."""
    return f"{case.how}: " + {"one": _one, "lines": _lines, "train": _train}[case.how](case)


def _one(case: Case) -> str:
    model = _models()[case.name]
    k = len(model.labels)
    labels, probabilities = model.predict_batch(case.texts, k=k)
    check_numbers(np.concatenate([np.asarray(p).ravel() for p in probabilities]), "p", True)
    for each, names, shares in zip(case.texts, labels, probabilities, strict=True):
        alone = model.predict_one(each, k=k)
        if [name for name, _ in alone] != list(names) or not are_same(
            np.array([p for _, p in alone]), np.asarray(shares, np.float64)
        ):
            raise BrokenError(f"alone {alone}, in a batch {list(zip(names, shares, strict=True))}")
    return GOOD


def _lines(case: Case) -> str:
    _models()
    path = samples.new_path(".txt")
    with open(path, "wb") as file:
        file.write(case.lines)
    model = _PATHS[case.name]
    try:
        by_file = commands.run(["predict", model, path, "--prob"])
        by_stdin = commands.run(["predict", model, "-", "--prob"], case.lines)
    finally:
        os.unlink(path)
    outcome = by_file.outcome()
    if (by_file.code, by_file.out) != (by_stdin.code, by_stdin.out):
        raise BrokenError(f"a file gives {by_file}, standard input {by_stdin}")
    return outcome


def _train(case: Case) -> str:
    texts = [*case.texts, "red apples", "fast cars", "slow cars"]
    labels = [("x", "y")[i % 2] for i in range(len(texts))]
    path = samples.new_path(".ftl")
    try:
        model = FastTextClassifier(**samples.QUICK | {"maxn": 2}).fit(texts, labels)
        before = model.predict_proba(texts)
        check_numbers(before, "probabilities", True)
        model.save(path)
        after = FastTextClassifier.load(path).predict_proba(texts)
    except Exception as error:  # noqa: BLE001 - told apart there
        return check_refusal(error)
    finally:
        if os.path.exists(path):
            os.unlink(path)
    if not are_same(before, after):
        raise BrokenError("the file of a model answers otherwise than the model")
    return GOOD
