"""Hyper-parameters: defaults, ranges, messages, presets and what is chosen from the data."""

import dataclasses

import numpy as np
import pytest

from fasttext_lite.config import HS_FROM_LABELS, PRESETS, Config, field_type, resolve

FIELDS = dataclasses.fields(Config)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_each_field_is_documented_and_its_default_is_valid(field):
    assert len(field.metadata["help"]) > 10
    kind, optional = field_type(field.name)
    assert field.default is None if optional else isinstance(field.default, kind)
    assert getattr(Config(**{field.name: field.default}), field.name) == field.default


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
@pytest.mark.parametrize("value", ["nonsense", [], float("nan"), object()])
def test_a_wrong_value_is_named(field, value):
    with pytest.raises(ValueError, match=rf"^{field.name} must be .*; got "):
        Config(**{field.name: value})


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("dim", 0, "a whole number from 1 to 4096 or None"),
        ("dim", 2.5, "a whole number from 1 to 4096 or None"),
        ("dim", True, "a whole number from 1 to 4096 or None"),
        ("epochs", -1, "a whole number from 1 to 100000"),
        ("lr", 0, "a finite number above 0.0 or None"),
        ("lr", float("inf"), "a finite number above 0.0 or None"),
        ("label_smoothing", 1, "a finite number from 0.0 to 0.9"),
        ("word_ngrams", 0, "a whole number from 1 to 16"),
        ("lowercase", 1, "True or False"),
        ("loss", "hinge", "one of auto, softmax, hs, ova, ns"),
        ("loss", None, "one of auto, softmax, hs, ova, ns"),
    ],
)
def test_the_rule_and_the_value_are_in_the_message(name, value, rule):
    with pytest.raises(ValueError) as error:
        Config(**{name: value})
    assert str(error.value) == f"{name} must be {rule}; got {value!r}"


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3)])
def test_numbers_of_other_types_are_taken_as_what_they_are(value):
    config = Config(epochs=value)
    assert config.epochs == 3 and type(config.epochs) is int


def test_values_that_contradict_each_other():
    with pytest.raises(ValueError, match="minn must not exceed maxn; got minn=4, maxn=2"):
        Config(minn=4, maxn=2)
    with pytest.raises(ValueError, match="bucket must be at least 1"):
        Config(bucket=0)
    assert Config(bucket=0, word_ngrams=1, minn=0, maxn=0).bucket == 0
    assert Config(minn=4, maxn=0).maxn == 0


def test_round_trip_and_unknown_names():
    config = Config(loss="hs", dim=7)
    assert Config.from_dict(config.to_dict()) == config
    with pytest.raises(ValueError, match="unknown parameter 'nonsense'"):
        Config.from_dict({"nonsense": 1})


def test_config_is_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().dim = 3


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid(name):
    config = Config(**PRESETS[name])
    assert (config == Config()) == (name == "default")


def test_fasttext_preset_has_fasttexts_defaults():
    config = Config(**PRESETS["fasttext"])
    expected = {"lr": 0.1, "dim": 100, "epochs": 5, "word_ngrams": 1, "min_count": 1, "minn": 0,
                "maxn": 0, "neg": 5, "loss": "softmax", "bucket": 2_000_000}  # fmt: skip
    assert {name: getattr(config, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("n_labels", "multilabel", "loss"),
    [
        (2, False, "softmax"),
        (HS_FROM_LABELS, False, "softmax"),
        (HS_FROM_LABELS + 1, False, "hs"),
        (5, True, "ova"),
    ],
)
def test_what_is_left_open_is_chosen_from_the_data(n_labels, multilabel, loss):
    config = resolve(Config(), n_labels, multilabel)
    assert config.loss == loss
    assert config.dim is not None and config.dim % 16 == 0 and 16 <= config.dim <= 128
    assert config.lr is not None and config.lr > 0
    assert config.tree == "cluster"
    given = Config(loss="ns", dim=5, lr=0.7, tree="huffman")
    assert resolve(given, n_labels, multilabel) == given
