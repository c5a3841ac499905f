"""Hyper-parameters: defaults, ranges, messages, presets and what is chosen from the data."""

import dataclasses

import numpy as np
import pytest

from fasttext_lite.config.fields import (
    DENSE_TO_LABELS,
    FEATURE_FIELDS,
    FEATURES_PER_TEXT,
    FLOAT16_FROM,
    INITS,
    LEAST_FEATURES,
    LINEAR_TO_LABELS,
    LINEAR_TO_MULTILABELS,
    LINKAGE_TO_LABELS,
    LONG_DOCUMENT,
    LONG_TEXT,
    MOST_NUMBERS,
    RESOLVED,
    TEXTS,
    TREES,
    Config,
    field_type,
)
from fasttext_lite.config.losses import LOSS_CHOICES, LOSSES
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.config.recipe import resolve
from fasttext_lite.config.scripts import LEAST_SHARE, SCRIPTS

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
    if field.name in TEXTS and not isinstance(value, float):
        value = [value, 1]  # any text will do, and any list of texts
    with pytest.raises(ValueError, match=rf"^{field.name} must be .*; got "):
        Config(**{field.name: value})


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("dim", 0, "a whole number from 1 to 4096 or None"),
        ("dim", 2.5, "a whole number from 1 to 4096 or None"),
        ("dim", True, "a whole number from 1 to 4096 or None"),
        ("epochs", -1, "a whole number from 1 to 100000"),
        ("lr", 0, "a finite number above 0.0 and up to 1000000.0 or None"),
        ("lr", float("inf"), "a finite number above 0.0 and up to 1000000.0 or None"),
        ("label_smoothing", 1, "a finite number from 0.0 to 0.9 or None"),
        ("word_ngrams", 0, "a whole number from 1 to 16 or None"),
        ("min_df", 0, "a whole number from 1 to 2147483647 or None"),
        ("supervision", 2.5, "a finite number from 0.0 to 2.0 or None"),
        ("max_norm", 0, "a finite number above 0.0 or None"),
        ("word_swap", 1.5, "a finite number from 0.0 to 1.0"),
        ("lowercase", 1, "True or False"),
        ("bias", 0, "True or False"),
        ("loss", "logistic", "one of auto, softmax, hs, ova, ns, hinge, squared_hinge"),
        ("loss", None, "one of auto, softmax, hs, ova, ns, hinge, squared_hinge"),
        ("pooling", "max", "one of blocks, tfidf, mean"),
        ("head", True, "one of auto, learned, linear"),
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


def test_fasttext_preset_leaves_nothing_open():
    config = Config(**PRESETS["fasttext"])
    assert None not in [getattr(config, name) for name in RESOLVED]
    assert (config.pooling, config.supervision) == ("mean", 0)
    assert not config.bias and not config.boundaries
    for n_labels, multilabel in ((2, False), (5, True), (5000, False)):
        assert resolve(config, n_labels, multilabel, 100.0) == config.replace(head="learned")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"averaging": 0.5, "l1": 0.1}, "averaging cannot be combined with l1 or l2"),
        ({"averaging": 0.5, "l2": 0.1}, "averaging cannot be combined with l1 or l2"),
        ({"focal": 2.0, "loss": "hinge"}, "focal does not apply to the loss hinge; got 2"),
        ({"focal": 2.0, "loss": "squared_hinge"}, "focal does not apply to the loss squared_hinge"),
        ({"head": "linear", "units": 3}, "head='linear' has no hidden layer"),
        ({"head": "linear", "norm": "layer"}, "head='linear' has no hidden layer, no norm"),
        ({"head": "linear", "init": "normal"}, "head='linear' has no .* init of its own"),
        ({"dtype": "float16", "optimizer": "adam"}, "dtype='float16' .*; got optimizer adam$"),
        ({"dtype": "float16", "focal": 1.0}, "optimizer sgd without .*; got focal$"),
        ({"dtype": "float16", "l1": 0.1}, "optimizer sgd without .*; got l1$"),
        ({"dtype": "float16", "l2": 0.1}, "optimizer sgd without .*; got l2$"),
        ({"dtype": "float16", "max_norm": 1.0}, "optimizer sgd without .*; got max_norm$"),
        ({"dtype": "float16", "clip": 1.0}, "optimizer sgd without .*; got clip$"),
        ({"dtype": "float16", "averaging": 0.5}, "optimizer sgd without .*; got averaging$"),
        ({"dtype": "float16", "feature_dropout": 0.5}, "sgd without .*; got feature_dropout$"),
        ({"dtype": "float16", "hidden_dropout": 0.5}, "sgd without .*; got hidden_dropout$"),
        ({"dtype": "float16", "norm": "layer"}, "optimizer sgd without .*; got norm$"),
        ({"dtype": "float16", "units": 4}, "optimizer sgd without .*; got units$"),
    ],
)
def test_more_values_that_contradict_each_other(values, message):
    with pytest.raises(ValueError, match=message):
        Config(**values)
    for name in values:
        rest = {key: value for key, value in values.items() if key != name}
        assert Config(**rest).replace(**rest) == Config(**rest)


def test_what_is_left_open():
    before, after = Config(), resolve(Config(), 3, False, 10.0, 100)
    filled = [f.name for f in FIELDS if getattr(before, f.name) != getattr(after, f.name)]
    assert {name for name in filled if getattr(before, name) is None} == set(RESOLVED)
    assert {name for name in filled if getattr(before, name) == "auto"} == {"loss", "tree", "head"}
    assert len(filled) == len(RESOLVED) + 3
    assert set(FEATURE_FIELDS) <= {field.name for field in FIELDS}
    assert Config().uses_buckets and not Config(word_ngrams=1, maxn=0).uses_buckets
    assert Config(word_ngrams=None, maxn=0).uses_buckets


SIZES = [2, 3, LINEAR_TO_LABELS, LINEAR_TO_LABELS + 1, LINKAGE_TO_LABELS, LINKAGE_TO_LABELS + 1]
SIZES += [LINEAR_TO_MULTILABELS, LINEAR_TO_MULTILABELS + 1, DENSE_TO_LABELS, DENSE_TO_LABELS + 1]


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_step_does_not_grow_with_very_many_labels(multilabel):
    loss = LOSSES[resolve(Config(), 14_000, multilabel, 10.0).loss]
    assert not loss.is_dense
    assert (loss.link == "sigmoid") == multilabel, "several labels of a text may be likely at once"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_labels", [2, LINKAGE_TO_LABELS, LINKAGE_TO_LABELS + 1, 5000])
def test_label_smoothing_is_chosen_by_loss_and_labels(loss, n_labels):
    deep = loss == "hs" and n_labels > LINKAGE_TO_LABELS
    for multilabel in (False, True):
        found = resolve(Config(loss=loss), n_labels, multilabel, 10.0).label_smoothing
        assert found == (0.02 if multilabel and loss == "ns" else 0.2 if deep else 0.1)


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("n_labels", sorted(SIZES))
def test_what_is_left_open_is_chosen_from_the_data(n_labels, multilabel):
    config = resolve(Config(), n_labels, multilabel, 10.0)
    few = n_labels <= (LINEAR_TO_MULTILABELS if multilabel else LINEAR_TO_LABELS)
    assert config.head == ("linear" if few else "learned")
    if multilabel:
        assert config.loss == ("squared_hinge" if n_labels <= DENSE_TO_LABELS else "ns")
    elif few:
        assert config.loss == "ova"
    else:
        assert config.loss == ("softmax" if n_labels <= DENSE_TO_LABELS else "hs")
    assert config.dim % 16 == 0 and config.dim >= 16
    assert n_labels <= config.dim if few else config.dim <= 128
    assert config.tree == ("linkage" if n_labels <= LINKAGE_TO_LABELS else "cluster")
    assert config.word_ngrams in (2, 3)
    assert config.lr > 0 and 0 <= config.supervision <= 2 and 0 <= config.label_smoothing < 0.5
    assert resolve(config, n_labels, multilabel, 10.0) == config
    assert resolve(config, 7, not multilabel, 1000.0) == config, "nothing is open any more"


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("n_labels", sorted(SIZES))
def test_what_is_chosen_already_stays(n_labels, multilabel):
    given = Config(
        loss="ns", head="learned", dim=5, lr=0.7, tree="huffman", word_ngrams=1, supervision=0.1,
        label_smoothing=0.05, char_energy=2,
    )  # fmt: skip
    assert resolve(given, n_labels, multilabel, 100.0) == given


@pytest.mark.parametrize("name", ["init", "norm", "units"])
def test_a_head_that_must_be_learned(name):
    value = {"init": "input", "norm": "batch", "units": 4}[name]
    config = resolve(Config(**{name: value}), 3, False, 10.0)
    assert config.head == "learned" and getattr(config, name) == value


def test_a_linear_head_needs_a_dimension_for_each_label():
    assert resolve(Config(dim=7), 8, False).head == "learned"
    assert resolve(Config(dim=8), 8, False).head == "linear"
    assert resolve(Config(head="linear"), 500, False).dim >= 500


@pytest.mark.parametrize("head", ["linear", "learned"])
def test_long_texts_have_longer_ngrams_under_a_linear_head(head):
    config = Config(head=head)
    found = [resolve(config, 3, False, n).word_ngrams for n in (0.0, LONG_TEXT, LONG_TEXT + 0.1)]
    assert found == [2, 2, 3 if head == "linear" else 2]
    assert resolve(config, 3, False).word_ngrams is None
    for script in SCRIPTS.values():
        for share, longest in ((LEAST_SHARE, 2), (LEAST_SHARE + 0.1, script.word_ngrams or 2)):
            found = resolve(config, 3, False, 9.0, 10, {script.name: share})
            assert found.word_ngrams == longest
    assert resolve(Config(word_ngrams=5), 3, False, 100.0).word_ngrams == 5


@pytest.mark.parametrize(("n_texts", "expected"), [(1, 1), (99_999, 1), (100_000, 5)])
def test_many_texts_drop_rare_features(n_texts, expected):
    assert resolve(Config(), 3, False, 10.0, n_texts).min_df == expected
    assert resolve(Config(min_df=3), 3, False, 10.0, n_texts).min_df == 3
    assert resolve(Config(**PRESETS["fasttext"]), 3, False, 10.0, n_texts).min_df == 1
    assert resolve(Config(), 3, False, 10.0).min_df is None


def test_long_documents_keep_their_most_frequent_features():
    def chosen(n_texts, n_labels=3, mean_tokens=LONG_DOCUMENT + 1.0, **values):
        return resolve(Config(**values), n_labels, False, mean_tokens, n_texts).max_features

    assert chosen(10) == LEAST_FEATURES
    assert chosen(3000) == 3000 * FEATURES_PER_TEXT
    assert chosen(10**6) == MOST_NUMBERS // 16
    assert chosen(10**6, n_labels=150) == MOST_NUMBERS // 128
    assert chosen(10**6, dim=1000) == LEAST_FEATURES
    assert chosen(10**6, mean_tokens=LONG_DOCUMENT) == 0
    assert chosen(10**6, analyzer="mixed", mean_tokens=2.0 * LONG_DOCUMENT) == 0
    assert chosen(10**6, max_features=0) == chosen(10**6, **PRESETS["fasttext"]) == 0
    assert chosen(10**6, max_features=7) == 7
    assert resolve(Config(), 3, False, 500.0).max_features is None


def test_a_large_table_is_float16_where_that_is_possible():
    config = resolve(Config(), 150, False, 10.0, 50_000)
    least = FLOAT16_FROM // config.dim
    assert config.dtype == "auto" and config.table_dtype == "float32"
    assert config.with_dtype(least).dtype == config.with_dtype(least).table_dtype == "float16"
    assert config.with_dtype(least - 1).dtype == "float32"
    for changes in ({"optimizer": "adagrad"}, {"clip": 1.0}, {"dtype": "float32"}):
        assert config.replace(**changes).with_dtype(least).dtype == "float32"
    assert config.replace(dtype="float16").with_dtype(1).dtype == "float16"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSS_CHOICES)
@pytest.mark.parametrize("head", ["linear", "learned"])
def test_every_mix_has_a_learning_rate(optimizer, loss, head):
    config = resolve(Config(optimizer=optimizer, loss=loss, head=head), 8, False)
    assert 0 < config.lr < 100 and np.isfinite(config.lr)
    assert (config.optimizer, config.head) == (optimizer, head)
    assert config.loss == loss or loss == "auto"


@pytest.mark.parametrize("tree", TREES)
def test_trees(tree):
    small, large = (resolve(Config(loss="hs", tree=tree), n, False).tree for n in (10, 2000))
    assert (small, large) == (("linkage", "cluster") if tree == "auto" else (tree, tree))


@pytest.mark.parametrize("init", INITS)
def test_only_the_default_init_allows_a_linear_head(init):
    head = resolve(Config(init=init), 3, False).head
    assert head == ("linear" if init == Config().init else "learned")


def test_the_mean_has_a_recipe_of_its_own():
    """It is short: a bias of weight 1 would drown it, and steps must be longer."""
    mean = resolve(Config(pooling="mean"), 5, False, 10.0)
    assert not mean.bias and mean.head == "linear" and mean.loss == "ova"
    for head in ("linear", "learned"):
        for optimizer, record in OPTIMIZERS.items():
            rates = [
                resolve(Config(pooling=pooling, head=head, optimizer=optimizer), 5, False, 10.0).lr
                for pooling in ("mean", "blocks")
            ]
            assert (rates[0] > rates[1]) == record.is_proportional
    assert resolve(mean, 5, False, 10.0) == mean
    assert resolve(Config(pooling="mean", lr=0.3), 5, False, 10.0).lr == 0.3
