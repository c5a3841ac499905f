"""Random settings: each is refused in a line, or makes a model that answers as its file does."""

from __future__ import annotations

import dataclasses
import os
import random
import warnings
from typing import Any

from fasttext_lite import FastTextClassifier
from fasttext_lite.config.fields import Config, field_type
from fuzz import samples
from fuzz.frame import GOOD, BrokenError, check_refusal
from fuzz.readers import are_same, check_numbers

SECONDS = 300.0
MEGABYTES = 600
WEIGHT = 2.0

# What would only take long, or much memory.
MOST = {
    "dim": 16, "bucket": 500, "epochs": 3, "units": 8, "word_ngrams": 4, "minn": 3, "maxn": 4,
    "neg": 8, "max_features": 50,
}  # fmt: skip
LEFT_OUT = {"stop_words", "user_dictionary", "dictionary"}
USUAL: dict[str, Any] = {"epochs": 2, "dim": 4, "bucket": 64}


# Each mix of these is compiled for itself, which takes seconds: of few mixes come many settings.
COMPILED = (
    "loss", "optimizer", "norm", "activation", "averaging", "l1", "l2", "max_norm", "clip",
    "feature_dropout", "hidden_dropout", "word_dropout", "word_swap", "dtype", "pooling", "focal",
    "units", "head", "init", "supervision",
)  # fmt: skip
N_MIXES = 40


def _values(rng: random.Random, field: dataclasses.Field[Any]) -> Any:
    """Return a value that a field may have, often one at the edge."""
    about, (kind, may_be_none) = field.metadata, field_type(field.name)
    if may_be_none and rng.random() < 0.2:
        return None
    if about["choices"]:
        return rng.choice(list(about["choices"]))
    if kind is bool:
        return rng.random() < 0.5
    low = about["low"] if about["low"] is not None else 0
    high = MOST.get(field.name, about["high"] if about["high"] is not None else 10)
    if kind is int:
        return int(rng.choice((low, high, rng.randint(int(low), int(min(high, low + 20))))))
    return float(rng.choice((low, high, low + (high - low) * rng.random(), low + 1e-3, 1e-12)))


def _some(
    rng: random.Random, fields: list[dataclasses.Field[Any]], are_compiled: bool
) -> list[dataclasses.Field[Any]]:
    """Return some of the fields that code is compiled for, or of the others."""
    known = [field for field in fields if (field.name in COMPILED) is are_compiled]
    return rng.sample(known, rng.choice((0, 1, 2, 3, 5, len(known))))


def one(rng: random.Random) -> dict[str, Any]:
    """Return some settings, the rest at their defaults."""
    fields = [field for field in dataclasses.fields(Config) if field.name not in LEFT_OUT]
    mix = random.Random(rng.randrange(N_MIXES))
    settings = {field.name: _values(mix, field) for field in _some(mix, fields, True)}
    settings |= {field.name: _values(rng, field) for field in _some(rng, fields, False)}
    settings["random_state"] = rng.randrange(1000)
    if rng.random() < 0.8:
        settings["recipe"] = "fixed"
    return {**USUAL, **settings}


def as_bytes(settings: dict[str, Any]) -> bytes:
    """Return the settings as Python has them."""
    return repr(settings).encode("ascii", "backslashreplace")


def check(settings: dict[str, Any]) -> str:
    """Train on a few texts, predict, save, load and predict again."""
    labels: Any = samples.LABELS
    if settings["random_state"] % 4 == 0:
        labels = [[name, "all"] for name in labels]
    path = samples.new_path(".ftl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = FastTextClassifier(n_jobs=1, **settings).fit(samples.TEXTS, labels)
            before = model.predict_proba(samples.QUERIES)
            check_numbers(before, "probabilities", True)
            model.save(path)
            after = FastTextClassifier.load(path).predict_proba(samples.QUERIES)
        except ValueError as error:
            # Of settings that do not go together: Python's own error, in a line.
            text = str(error)
            if type(error) is ValueError and text and "\n" not in text and len(text) < 500:
                return "refused settings"
            return check_refusal(error)
        finally:
            if os.path.exists(path):
                os.unlink(path)
    if not are_same(before, after):
        raise BrokenError("the file of a model answers otherwise than the model")
    return GOOD
