"""Each choice by itself, with nothing else set: near the default on the bundled sets.

That is, the scale and the learning rate that go with it are good ones.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from fasttext_lite.config.fields import (
    ACTIVATIONS,
    FEATURE_FIELDS,
    INITS,
    NORMS,
    POOLINGS,
    SCHEDULES,
    TREES,
    Config,
)
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.corpus.split import set_aside
from fasttext_lite.fitting.fit import fit_prepared
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.tuning.metrics import Metric

SETS = ("en_topics", "zh_topics")
SPLITS, ASIDE = 3, 0.25
NEAR = 0.03

# Whatever the rate: fastText's mean weighs all features alike, knows neither how rare they are nor
# what they tell about the labels. Eight times as many epochs leave half of it.
BEHIND = {"pooling=mean": 0.07}

CHOICES = [
    *({"optimizer": name} for name in OPTIMIZERS),
    *({"init": name} for name in INITS),
    *({"norm": name} for name in NORMS),
    *({"units": 32, "activation": name} for name in ACTIVATIONS),
    *({"schedule": name} for name in SCHEDULES),
    *({"pooling": name} for name in POOLINGS),
    *({"loss": "hs", "tree": name} for name in TREES),
    *({"loss": name} for name in LOSSES),
    # What sets of many labels have by default.
    {"head": "learned"},
    *({"head": "learned", "optimizer": name} for name in OPTIMIZERS),
    *({"head": "learned", "loss": name} for name in LOSSES),
]


def name_of(choice):
    return ",".join(f"{name}={value}" for name, value in choice.items())


@cache
def split(name, number, settings):
    """Return features of a split of a set, and the labels of what is set aside."""
    corpus = read_corpus(str(Path(__file__).parent.parent / "datasets" / name / "train.tsv"))
    train, aside = set_aside(corpus.labels, ASIDE, number)
    config = Config(**dict(settings))
    prepared = prepare(corpus.texts.take(train), corpus.labels.take(train), config, n_threads=1)
    features = prepared.space.transform(analyze(corpus.texts.take(aside), config, 1), 1)
    return prepared, features, corpus.labels.take(aside)


@cache
def accuracy(choice):
    """Return the mean accuracy of a choice over sets and splits."""
    config, scores = Config(**dict(choice)), []
    # What features depend on: the settings of features, and the head.
    settings = {name: value for name, value in choice if name in (*FEATURE_FIELDS, "head")}
    settings |= {name: value for name, value in choice if name in ("init", "norm", "units")}
    for name in SETS:
        for number in range(SPLITS):
            prepared, features, gold = split(name, number, tuple(settings.items()))
            model = fit_prepared(prepared, config, seed=0, n_threads=1).model
            scores.append(Metric("accuracy").score(model, features, gold, 1))
    return np.mean(scores)


@pytest.mark.parametrize("choice", CHOICES, ids=name_of)
def test_each_choice_alone_is_near_the_default(choice):
    usual = accuracy(())
    assert usual > 0.85
    allowed = BEHIND.get(name_of(choice), NEAR)
    assert accuracy(tuple(choice.items())) > usual - allowed
