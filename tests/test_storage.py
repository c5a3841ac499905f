"""Model files: what is written is read, what is damaged is refused."""

import dataclasses
import hashlib
import json
import os
import pickle
import resource
import stat
import struct
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as to_bytes

from fasttext_lite import version
from fasttext_lite.config.fields import RESOLVED, Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError, bounded
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting.fit import fit
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.model import arrays, safetensors, storage
from fasttext_lite.model.checksums import as_text, with_checksums
from fasttext_lite.model.model import Model
from fasttext_lite.model.safetensors import check_writable
from fasttext_lite.model.storage import load_model, pack, read_model, save_model

pytestmark = pytest.mark.bounds

TEXTS = ["hot soup", "a late goal", "rain and 热汤", "the match", "soup, soup", "more rain"]
LABELS = [("food",), ("sport",), ("weather",), ("sport",), ("food",), ("weather",)]
QUERIES = [*TEXTS, "", "unknown", "热"]


# What all settings meant that the first files did not have yet.
FIRST_SETTINGS = {
    "boundaries": False,
    "dtype": "float32",
    "min_df": 1,
    "max_features": 0,
    "supervision": 0.0,
    "bias": False,
    "head": "learned",
    "focal": 0.0,
    "beta1": 0.9,
    "beta2": None,
    "l2": 0.0,
    "l1": 0.0,
    "max_norm": None,
    "clip": None,
    "feature_dropout": 0.0,
    "hidden_dropout": 0.0,
    "word_dropout": 0.0,
    "word_swap": 0.0,
    "averaging": 0.0,
    "simplify": False,
    "stop_words": "",
    "user_dictionary": "",
    "dictionary": "",
    "patience": None,
    "valid_fraction": 0.1,
    "norm": "none",
    "units": 0,
    "activation": "relu",
}


def small_model(loss="softmax"):
    """Return a model whose every number is fixed here; of settings that version 1 knew."""
    config = Config(
        **FIRST_SETTINGS,
        lone_marks=False,
        script_rules=False,
        pseudo_count=1.0,
        char_energy=1.0,
        recipe="fixed",
        analyzer="auto",
        lowercase=True,
        nfkc=False,
        eos=False,
        word_ngrams=2,
        minn=0,
        maxn=0,
        min_count=1,
        bucket=10,
        pooling="tfidf",
        dim=2,
        loss=loss,
        tree="huffman",
        neg=5,
        label_smoothing=0.1,
        optimizer="sgd",
        lr=0.1,
        schedule="linear",
        warmup=0.0,
        epochs=5,
        shuffle=True,
        init="output",
    )
    space = FeatureSpace(
        config,
        pool=np.frombuffer("hot热".encode(), np.uint8),
        word_ends=np.array([3, 6]),
        row_codes=np.array([1, 0, 7]),
        frequency=np.array([3, 2, 1]),
        n_texts=4,
    )
    tree = LabelTree(np.array([[0, 2], [3, 1]], np.int32)) if loss == "hs" else None
    n_output = 2 if loss == "hs" else 3
    return Model(
        config=config,
        labels=["food", "体育", "\ud800 odd\n"],
        label_counts=np.array([2, 1, 1]),
        n_texts=4,
        space=space,
        embeddings=np.array([[1, -2], [0.5, 0.25], [0, 3]], np.float32),
        output=np.arange(2 * n_output, dtype=np.float32).reshape(n_output, 2) / 8,
        tree=tree,
    )


DEEP_SETTINGS = {
    "softmax": {"norm": "layer", "activation": "tanh"},
    "hs": {"norm": "batch", "activation": "maxout"},
}


def deep_model(loss="softmax"):
    """Return a model with all that version 2 brought; every number is fixed here."""
    config = small_model(loss).config.replace(
        word_ngrams=3,
        boundaries=True,
        minn=2,
        maxn=2,
        bucket=7,
        pooling="blocks",
        supervision=0.5,
        bias=True,
        dim=3,
        init="normal",
        units=3,
        **DEEP_SETTINGS[loss],
    )
    space = FeatureSpace(
        config,
        pool=np.frombuffer("hot热".encode(), np.uint8),
        word_ends=np.array([3, 6]),
        # The words are 0 and 1; bigrams begin at 2, longer ones at 9, characters at 16.
        row_codes=np.array([23, 1, 0, 6, 2, 9, 10, 15, 16, 18, 20, 22]),
        frequency=np.array([4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]),
        n_texts=4,
        gains=np.array([1, 0.5, 0.25, 2, 1, 0, 0.125, 1, 1, 0.75, 1, 4]),
    )
    tree = LabelTree(np.array([[0, 2], [3, 1]], np.int32)) if loss == "hs" else None
    n_output, n_units = (2, 6) if loss == "hs" else (3, 3)
    numbers = np.arange(36, dtype=np.float32)
    return Model(
        config=config,
        labels=["food", "体育", "\ud800 odd\n"],
        label_counts=np.array([2, 1, 1]),
        n_texts=4,
        space=space,
        embeddings=((7 * numbers) % 37 - 18).reshape(12, 3) / 8,
        output=(numbers[: 3 * n_output].reshape(n_output, 3) - 3) / 4,
        tree=tree,
        norm=np.array([[1, 0.5, 2], [0.25, -0.25, 0], [0.5, -1, 1], [2, 0.75, 1]], np.float32),
        layer=((5 * numbers[: 4 * n_units]) % 13 - 6).reshape(n_units, 4) / 8,
    )


MAKERS = {"small": small_model, "deep": deep_model}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.ftl"


@pytest.fixture
def saved(path):
    save_model(small_model(), path)
    return path


def check_refused(path, expected=""):
    with pytest.raises(ModelError) as caught:
        load_model(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert len(text) < 500
    assert expected in text
    return text


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


# -- round trip ------------------------------------------------------------------------------


def check_round_trip(path, config, rows=LABELS):
    labels = Labels.from_rows(rows)
    model = fit(Texts.from_sequence(TEXTS), labels, config, n_threads=1).model
    save_model(model, path)
    again = load_model(path)
    assert again.config == model.config
    assert again.labels == model.labels
    assert again.label_counts.tolist() == model.label_counts.tolist()
    assert (again.n_texts, again.multilabel) == (6, rows is not LABELS)
    assert again.space.has_bias == model.space.has_bias
    before, after = model.predict(QUERIES, k=3), again.predict(QUERIES, k=3)
    assert np.array_equal(before.labels, after.labels)
    assert np.array_equal(before.probabilities, after.probabilities)
    assert np.array_equal(before.n_features, after.n_features)
    assert np.array_equal(model.probabilities(QUERIES), again.probabilities(QUERIES))
    assert np.array_equal(model.embed(QUERIES), again.embed(QUERIES))
    assert again.space.words() == model.space.words()
    return model


SMALL = {"dim": 4, "epochs": 2, "minn": 2, "maxn": 3, "bucket": 1000}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("pooling", ["blocks", "tfidf", "mean"])
def test_round_trip(path, loss, pooling):
    config = Config(loss=loss, pooling=pooling, eos=True, **SMALL)
    assert check_round_trip(path, config).config.loss == loss


@pytest.mark.parametrize(
    "changes",
    [
        {"norm": "layer"},
        {"norm": "batch"},
        {"units": 3, "activation": "relu"},
        {"units": 3, "activation": "maxout"},
        {"norm": "batch", "units": 2, "activation": "maxout", "loss": "hs"},
        {"head": "learned", "supervision": 0.0, "bias": False},
        {"head": "linear", "supervision": 2.0, "word_ngrams": 3},
        {"optimizer": "adam", "averaging": 0.5},
        {"word_dropout": 0.3, "word_swap": 0.2},
    ],
    ids=str,
)
def test_round_trip_of_other_networks(path, changes):
    config = Config(**SMALL, **changes)
    model = check_round_trip(path, config)
    assert model.norm.size == (4 * 4 if "norm" in changes else 0)
    doubled = 2 if changes.get("activation") == "maxout" else 1
    assert model.layer.size == doubled * changes.get("units", 0) * 5


def test_round_trip_of_the_default_for_several_labels(path):
    rows = [("food", "warm"), ("sport",), ("weather",), (), ("food", "warm"), ("weather",)]
    model = check_round_trip(path, Config(), rows)
    assert (model.config.loss, model.config.head) == ("squared_hinge", "linear")


def test_round_trip_of_a_pruned_model(path):
    texts, labels = Texts.from_sequence(TEXTS), Labels.from_rows(LABELS)
    whole = fit(texts, labels, Config(lr=1.0), n_threads=1).model
    save_model(whole, path)
    size = path.stat().st_size
    pruned = check_round_trip(path, Config(lr=1.0, l1=0.1))
    assert 0 < pruned.space.n_rows < whole.space.n_rows
    assert path.stat().st_size < size


@pytest.mark.parametrize("loss", ["softmax", "hs"])
@pytest.mark.parametrize("make", MAKERS)
def test_a_model_saved_again_is_the_same_file(tmp_path, loss, make):
    first, second = tmp_path / "1.ftl", tmp_path / "2.ftl"
    save_model(MAKERS[make](loss), first)
    save_model(load_model(first), second)
    assert first.read_bytes() == second.read_bytes()


def test_several_labels_and_what_the_estimator_adds(path):
    model = small_model("ova")
    model.multilabel = True
    extra = {"classes": [1, 2], "名": None}
    save_model(model, path, extra)
    again, header = read_model(path)
    assert again.multilabel is True
    assert header["estimator"] == extra
    assert header["format_version"] == storage.FORMAT_VERSION == 5


@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_kinds_of_paths(saved, kind):
    assert load_model(kind(saved)).labels == small_model().labels


def test_an_empty_feature_space(path):
    model = small_model()
    none = np.empty(0, np.int32)
    space = FeatureSpace(model.config, none, none, none, none, 4)
    embeddings = np.empty((0, 2), np.float32)
    save_model(
        model.replace(space=space, embeddings=embeddings),
        path,
    )
    assert load_model(path).predict(["hot"]).labels.tolist() == [[0]]


def test_a_new_array_is_a_record_and_a_parameter(path, monkeypatch):
    """Nothing else: it is packed, checked and handed to the model as its record says."""

    @dataclasses.dataclass(eq=False, kw_only=True, repr=False)
    class Newer(Model):
        bounds: np.ndarray

    record = arrays.StoredArray("bounds", "int64", lambda s: (s.n_labels, 2), "model", "bounds")
    monkeypatch.setattr(arrays, "ARRAYS", (*arrays.ARRAYS, record))
    monkeypatch.setitem(arrays.BY_NAME, "bounds", record)
    monkeypatch.setattr(storage, "Model", Newer)
    bounds = np.arange(6).reshape(3, 2)
    save_model(Newer(bounds=bounds, **small_model().__getstate__()), path)
    np.testing.assert_array_equal(load_model(path).bounds, bounds)
    save_model(Newer(bounds=bounds[:2], **small_model().__getstate__()), path)
    check_refused(path, "array bounds has shape (2, 2), expected (3, 2)")
    monkeypatch.undo()
    check_refused(path, "its arrays are ['bounds',")


def test_each_record_names_an_array_of_its_owner():
    model = deep_model("hs")
    for array in arrays.stored_arrays(model.config, is_quantized=False):
        array.check(array.of(model), arrays.Sizes(model.config, 3, 12))
    assert len(arrays.BY_NAME) == len(arrays.ARRAYS) == len(pack(model)[1])


# -- the format is frozen --------------------------------------------------------------------

GOLDEN_FOLDER = Path(__file__).parent / "golden"
GOLDEN = {
    "v5_softmax": "5391551b733206d36d9530df9ee9185a09dc4735a4f3ddc22d671ad8cd8f19ea",
    "v5_hs": "dc69f3b27d1c615a20b3ab1fb162f33dd711b573786e63b31339c7c63b1123d5",
    "v5_small": "3a7b4205d9884d724fe996e6903542fa827e1095b0e398d0ce387c368e183904",
}
LOSSES_OF_GOLDEN = ("softmax", "hs")


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_file(path, monkeypatch, name):
    monkeypatch.setattr(storage, "__version__", "1.2.3")
    loss = name.removeprefix("v5_")
    save_model(small_model() if loss == "small" else deep_model(loss), path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == GOLDEN[name]


@pytest.mark.parametrize("loss", LOSSES_OF_GOLDEN)
def test_golden_file_is_read(loss):
    """The first files of format 1 stay readable, whatever fields `Config` gets later."""
    found = load_model(GOLDEN_FOLDER / f"v1_{loss}.ftl")
    expected = small_model(loss)
    assert (found.config, found.labels) == (expected.config, expected.labels)
    assert found.space.words() == expected.space.words()
    np.testing.assert_array_equal(found.embeddings, expected.embeddings)
    np.testing.assert_array_equal(found.output, expected.output)
    np.testing.assert_array_equal(found.probabilities(QUERIES), expected.probabilities(QUERIES))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("loss", LOSSES_OF_GOLDEN)
def test_golden_file_of_versions_2_and_3_is_read(loss, version):
    file = GOLDEN_FOLDER / f"v{version}_{loss}.ftl"
    found, expected = load_model(file), deep_model(loss)
    assert (found.config, found.labels) == (expected.config, expected.labels)
    for name in ("embeddings", "output", "norm", "layer"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name in ("row_codes", "frequency", "gains"):
        np.testing.assert_array_equal(getattr(found.space, name), getattr(expected.space, name))
    assert found.space.has_bias and found.space.words() == [b"hot", "热".encode()]
    assert file.stat().st_size < 30_000


DEEP_QUERIES = ["hot", "热", "Hot 热 hot", "热 hot hot 热 other", "none hot 热", "none", ""]


@pytest.mark.parametrize("loss", LOSSES_OF_GOLDEN)
def test_golden_file_of_version_2_predicts_as_its_numbers_say(loss):
    """From the text to the probability, once more in plain Python."""
    found, model = load_model(GOLDEN_FOLDER / f"v2_{loss}.ftl"), deep_model(loss)
    space, config = model.space, model.config
    rows = {int(code): row for row, code in enumerate(space.row_codes)}
    expected, n_features = [], []
    for text in DEEP_QUERIES:
        block = reference.block_codes(
            text.lower().split(), {"hot": 0, "热": 1}, word_ngrams=3, minn=2, maxn=2, bucket=7,
            eos=False, least_chars=2, boundaries=True,
        )  # fmt: skip
        factors = reference.block_factors(
            block, rows, space.frequency, space.n_texts, space.gains, config.supervision
        )
        features = reference.block_weights(block, rows, factors, bias=0)
        n_features.append(max(len(features) - 1, 0))
        if not features:
            expected.append([0.5, 0.25, 0.25])
            continue
        tables = [a.astype(float) for a in (model.embeddings, model.norm, model.layer)]
        pooled = sum(weight * tables[0][row] for row, weight in features.items())[None]
        kind = "running" if config.norm == "batch" else config.norm
        hidden = reference.standardised(pooled, kind, tables[1]) * tables[1][0] + tables[1][1]
        hidden = hidden @ tables[2][:, :-1].T + tables[2][:, -1]
        hidden = reference.activation(config.activation, hidden)[0]
        if loss == "hs":
            log_p = reference.leaf_log_probabilities(model.tree.children, model.output, hidden)
            expected.append(np.exp(log_p))
        else:
            expected.append(reference.softmax(model.output @ hidden))
    np.testing.assert_allclose(found.probabilities(DEEP_QUERIES), expected, rtol=1e-4)
    assert found.predict(DEEP_QUERIES).n_features.tolist() == n_features
    assert len({tuple(np.round(row, 4)) for row in expected}) >= 5, "the texts must differ"


@pytest.mark.parametrize("loss", LOSSES_OF_GOLDEN)
def test_settings_that_version_1_lacked_mean_what_it_did(path, loss):
    """With or without any of them, a file of version 1 is the same model."""
    header, tensors = pack(small_model(loss))
    for name, value in FIRST_SETTINGS.items():
        assert header["config"].pop(name) == value
    header["format_version"] = 1
    path.write_bytes(to_bytes(tensors, {"fasttext-lite": json.dumps(header)}))
    assert load_model(path).config == small_model(loss).config


def test_layout(saved):
    data = saved.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    index = json.loads(data[8 : 8 + size])
    arrays = data[8 + size :]
    header = json.loads(index.pop("__metadata__")["fasttext-lite"])
    assert sorted(header) == sorted(
        ["format_version", "created_by", "config", "labels", "multilabel", "n_texts", "estimator"]
        + ["checksums"]
    )
    assert header["created_by"] == f"fasttext-lite {version.__version__}"
    assert header["labels"] == ["food", "体育", "\ud800 odd\n"]
    assert header["config"] == small_model().config.to_dict()
    assert header["format_version"] == storage.FORMAT_VERSION == 5
    found = {
        name: (entry["dtype"], entry["shape"], arrays[slice(*entry["data_offsets"])])
        for name, entry in index.items()
    }
    assert found == {
        "embeddings": ("F32", [3, 2], struct.pack("<6f", 1, -2, 0.5, 0.25, 0, 3)),
        "output": ("F32", [3, 2], struct.pack("<6f", 0, 0.125, 0.25, 0.375, 0.5, 0.625)),
        "label_counts": ("I64", [3], struct.pack("<3q", 2, 1, 1)),
        "words": ("U8", [6], "hot热".encode()),
        "word_ends": ("I64", [2], struct.pack("<2q", 3, 6)),
        "row_codes": ("I32", [3], struct.pack("<3i", 1, 0, 7)),
        "frequency": ("I32", [3], struct.pack("<3i", 3, 2, 1)),
    }


@pytest.mark.parametrize("loss", LOSSES_OF_GOLDEN)
def test_layout_of_the_arrays_that_not_all_models_have(path, loss):
    save_model(deep_model(loss), path)
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    index = json.loads(data[8 : 8 + size])
    optional = ("gains", "norm", "layer", "tree_children")
    found = {name: (index[name]["dtype"], index[name]["shape"]) for name in optional[:3]}
    n_units = 6 if loss == "hs" else 3
    expected = {"gains": [12], "norm": [4, 3], "layer": [n_units, 4]}
    assert found == {name: ("F32", shape) for name, shape in expected.items()}
    assert ("tree_children" in index) == (loss == "hs")
    assert index["output"]["shape"] == ([2, 3] if loss == "hs" else [3, 3])
    save_model(small_model(), path)
    assert not set(optional) & set(pack(load_model(path))[1])


@pytest.mark.parametrize("n", range(1, 40))
def test_the_largest_array_begins_a_cache_line(path, n):
    tensors = {
        "big": np.zeros((999, 3), f32), "long": np.zeros(n), "b": np.zeros(n, bool),
        "half": np.zeros((2, n), np.float16), "words": np.arange(n, dtype=u8),
    }  # fmt: skip
    metadata = {"fasttext-lite": json.dumps({"format_version": 1, "labels": "热\n" * n})}
    safetensors.write_file(path, tensors, metadata)
    data = path.read_bytes()
    found, entries = safetensors._parse_index(data, len(data))
    assert entries["big"][2] % 64 == 0
    assert json.loads(found["fasttext-lite"]) == json.loads(metadata["fasttext-lite"])
    for name, array in tensors.items():
        np.testing.assert_array_equal(safetensors._array(data, *entries[name]), array)


# -- writing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["os.replace", "os.fsync"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_in_the_middle_leaves_the_old_file(saved, monkeypatch, where, error):
    def fail(*arguments):
        raise error

    old = saved.read_bytes()
    monkeypatch.setattr(where, fail)
    expected = ModelError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        save_model(small_model("hs"), saved)
    if expected is ModelError:
        assert str(caught.value) == f"{saved}: cannot write the model: no space left on device"
    assert names_in(saved.parent) == ["model.ftl"]
    assert saved.read_bytes() == old


@contextmanager
def largest_file(n_bytes):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_grows_too_large(saved):
    old = saved.read_bytes()
    with pytest.raises(ModelError, match="cannot write the model: .*too large"), largest_file(1000):
        save_model(small_model("hs"), saved)
    assert names_in(saved.parent) == ["model.ftl"]
    assert saved.read_bytes() == old


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_a_file_is_named_in_any_way(tmp_path, kind):
    path = kind(str(tmp_path / "a.ftl"))
    save_model(small_model(), path)
    assert load_model(path).labels == small_model().labels
    with pytest.raises(ModelError) as caught:
        save_model(small_model(), kind(str(tmp_path / "none" / "a.ftl")))
    assert str(caught.value).startswith(f"{tmp_path}/none/a.ftl: cannot write the model: no such")


@pytest.mark.parametrize("name", ["", b""])
def test_a_file_without_a_name_is_not_written(name):
    with pytest.raises(ModelError, match="^cannot write the model: the name of the file is empty$"):
        save_model(small_model(), name)
    with pytest.raises(ModelError, match="cannot write the model: the name of the file is empty$"):
        check_writable(name)


@pytest.mark.parametrize("write", [check_writable, lambda path: save_model(small_model(), path)])
@pytest.mark.parametrize(
    "name, reason",
    [
        ("", "is a directory"),
        ("none/model.ftl", "no such file or directory"),
        ("file/model.ftl", "not a directory"),
        ("pipe", "not a regular file"),
        ("x" * 300, "file name too long"),
    ],
)
def test_where_no_file_can_be_written(tmp_path, write, name, reason):
    (tmp_path / "file").write_text("kept")
    os.mkfifo(tmp_path / "pipe")
    path = os.path.join(tmp_path, name)
    with pytest.raises(ModelError) as caught:
        write(path)
    assert str(caught.value) == bounded(f"{path}: cannot write the model: {reason}")
    assert names_in(tmp_path) == ["file", "pipe"]
    assert (tmp_path / "file").read_text() == "kept"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_the_check_changes_nothing(saved):
    old = saved.read_bytes()
    check_writable(saved)
    check_writable(saved.parent / "other.ftl")
    assert names_in(saved.parent) == ["model.ftl"]
    assert saved.read_bytes() == old


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_its_target_is_replaced(tmp_path, exists):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target.ftl", tmp_path / "link.ftl"
    if exists:
        target.write_text("old")
    link.symlink_to("folder/target.ftl")
    save_model(small_model(), link)
    assert link.is_symlink()
    assert load_model(target).labels == load_model(link).labels
    assert names_in(tmp_path) == ["folder", "link.ftl"]
    assert names_in(tmp_path / "folder") == ["target.ftl"]


@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_the_mode_follows_the_umask(path, umask, mode):
    old = os.umask(umask)
    try:
        save_model(small_model(), path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == mode


# -- files of another kind -------------------------------------------------------------------


class _Bomb:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def test_nothing_in_a_file_is_executed(tmp_path, path):
    marker = str(tmp_path / "executed")
    path.write_bytes(pickle.dumps(_Bomb(marker)))
    check_refused(path, "not a model file")
    np.save(tmp_path / "array.npy", np.array([_Bomb(marker)], object))
    check_refused(tmp_path / "array.npy", "not a model file")
    assert not os.path.exists(marker)


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"", "not a model file"),
        (b"\x00", "not a model file"),
        (b"__label__a some text\n", "not a model file"),
        (b"\x00" * 1000, "not a model file"),
        (b"\xff" * 1000, "not a model file"),
        (b"\xff" * 7 + b"\x7f" + b"{}", "not a model file"),
        (struct.pack("<Q", 2) + b"[]", "not a model file"),
        (struct.pack("<Q", 2) + b"{}", "a safetensors file, but not a fasttext-lite model"),
        (struct.pack("<ii", 793712314, 12) + bytes(100), "this is a model of fastText"),
        (to_bytes({"x": np.zeros(3)}), "a safetensors file, but not"),
        (to_bytes({"x": np.zeros(3)}, {"format": "pt"}), "a safetensors file, but not"),
        (b"\x1f\x8b\x08 compressed", "it is packed with gzip: unpack it first (gunzip < "),
    ],
    ids=range(12),
)
def test_files_of_another_kind(path, data, expected):
    path.write_bytes(data)
    check_refused(path, expected)


def test_no_file_at_all(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    check_refused(tmp_path / "none", "cannot read the model: no such file or directory")
    check_refused(tmp_path, "cannot read the model: is a directory")
    check_refused(tmp_path / "pipe", "cannot read the model: not a regular file")
    check_refused(tmp_path / "file" / "x", "cannot read the model: not a directory")
    check_refused(tmp_path / "loop", "cannot read the model: too many levels of symbolic links")


# -- damage ----------------------------------------------------------------------------------


def check_loads_or_is_refused(path, data):
    """Whatever the bytes are: a model that predicts, or a `ModelError` of one line."""
    path.write_bytes(data)
    try:
        model = load_model(path)
        with np.errstate(all="ignore"):
            result = model.predict(["hot 热 hot", ""], k=2)
            again = model.predict(Texts.from_sequence(["hot 热 hot", ""]), k=2)
    except ModelError as error:
        assert "\n" not in str(error)
        return False
    assert result.labels.tolist() == again.labels.tolist()
    assert result.labels.shape == (2, 2)
    assert result.labels.max() < 3
    return True


def test_cut_anywhere(saved):
    data = saved.read_bytes()
    assert check_loads_or_is_refused(saved, data)
    for size in range(len(data)):
        saved.write_bytes(data[:size])
        check_refused(saved, "not a model file" if size < 9 else "a model file that is cut: its ")
    saved.write_bytes(data + b"\0")
    check_refused(saved, "not a model file")


@pytest.mark.parametrize("loss", ["softmax", "hs"])
@pytest.mark.parametrize("make", MAKERS)
def test_a_flipped_bit_anywhere(path, loss, make):
    save_model(MAKERS[make](loss), path)
    data = path.read_bytes()
    n_refused = 0
    for i in range(len(data)):
        damaged = bytearray(data)
        damaged[i] ^= 1 << (i % 7)
        n_refused += not check_loads_or_is_refused(path, bytes(damaged))
    assert n_refused > len(data) / 2


MODELS = {}


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["softmax", "hs"]),
    st.sampled_from(list(MAKERS)),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 10_000),
    st.binary(max_size=20),
)
def test_any_bytes_changed(tmp_path_factory, loss, make, changes, place, inserted):
    path = tmp_path_factory.getbasetemp() / "damaged.ftl"
    if (loss, make) not in MODELS:
        save_model(MAKERS[make](loss), path)
        MODELS[loss, make] = path.read_bytes()
    data = bytearray(MODELS[loss, make])
    for i, value in changes:
        data[i % len(data)] = value
    place %= len(data)
    data[place:place] = inserted
    check_loads_or_is_refused(path, bytes(data))


def damage(path, header=None, drop=None, model=None, settings=(), metadata=None, **arrays):
    """Write a model file with some values of its header, settings and arrays replaced."""
    values, tensors = pack(small_model() if model is None else model)
    values["config"].update(settings)
    tensors.update(arrays)
    values.update(header or {})
    if drop in tensors:
        del tensors[drop]
    if drop in values:
        del values[drop]
    values, tensors = with_checksums(values, tensors)
    text = as_text(values) if metadata is None else metadata
    path.write_bytes(to_bytes(tensors, {"fasttext-lite": text}))


@pytest.mark.parametrize("make", MAKERS)
def test_damage_without_damage(path, make):
    for loss in ("softmax", "hs"):
        damage(path, model=MAKERS[make](loss))
        assert load_model(path).labels == small_model().labels


@pytest.mark.parametrize(
    "header, expected",
    [
        ({"format_version": 6}, "has format 6, this program reads up to 5: upgrade fasttext-lite"),
        ({"format_version": 10**30}, "upgrade fasttext-lite"),
        ({"format_version": 0}, "its header is unreadable"),
        ({"format_version": -1}, "its header is unreadable"),
        ({"format_version": "1"}, "its header is unreadable"),
        ({"format_version": True}, "its header is unreadable"),
        ({"format_version": 1.0}, "its header is unreadable"),
        ({"format_version": None}, "its header is unreadable"),
        ({"config": None}, "its settings are unreadable"),
        ({"config": []}, "its settings are unreadable"),
        ({"config": [["dim", 2]]}, "its settings are unreadable"),
        ({"config": {}}, "its settings are incomplete"),
        ({"config": {"dim": 2, "lr": 0.1, "loss": "softmax"}}, "its settings are incomplete"),
        ({"labels": None}, "its labels are not a list of strings"),
        ({"labels": "abc"}, "its labels are not a list of strings"),
        ({"labels": {"a": 1, "b": 2, "c": 3}}, "its labels are not a list of strings"),
        ({"labels": ["a", "b", 3]}, "its labels are not a list of strings"),
        ({"labels": ["a", "b", None]}, "its labels are not a list of strings"),
        ({"labels": ["a", "b", "a"]}, "not different"),
        ({"labels": []}, "fewer than two"),
        ({"labels": ["a"]}, "fewer than two"),
        ({"labels": ["a", "b"]}, "array "),
        ({"labels": ["a", "b", "c", "d"]}, "array "),
        ({"multilabel": 1}, "multilabel is neither true nor false"),
        ({"multilabel": None}, "multilabel is neither true nor false"),
        ({"n_texts": -1}, "its number of texts is not a count"),
        ({"n_texts": 2**63}, "its number of texts is not a count"),
        ({"n_texts": 10**400}, "its number of texts is not a count"),
        ({"n_texts": "4"}, "its number of texts is not a count"),
        ({"n_texts": 4.0}, "its number of texts is not a count"),
        ({"n_texts": True}, "its number of texts is not a count"),
        ({"n_texts": None}, "its number of texts is not a count"),
        ({"n_texts": 2}, "its counts are negative, or above the number of texts"),
        ({"estimator": []}, "the settings of its estimator are unreadable"),
    ],
    ids=str,
)
def test_a_bad_header(path, header, expected):
    damage(path, header)
    check_refused(path, expected)


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"wings": 2}, "unknown parameter 'wings'"),
        ({"dim": None}, "its settings are incomplete"),
        ({"lr": None}, "its settings are incomplete"),
        ({"loss": "auto"}, "its settings are incomplete"),
        ({"loss": "hs"}, "its arrays are"),
        ({"loss": "magic"}, "needs the loss 'magic', which is not known"),
        ({"loss": ["hs"]}, "loss must be one of"),
        ({"dim": 3}, "array embeddings has shape (3, 2), expected (3, 3)"),
        ({"dim": 0}, "dim must be a whole number from 1"),
        ({"dim": 10**400}, "dim must be a whole number from 1"),
        ({"dim": "2"}, "dim must be"),
        ({"bucket": 10**9}, "bucket must be a whole number from 0"),
        ({"bucket": -1}, "bucket must be"),
        ({"bucket": 0}, "bucket must be at least 1"),
        ({"bucket": 5}, "the features of its rows are out of range"),
        ({"word_ngrams": 1}, "the features of its rows are out of range"),
        ({"word_ngrams": 2**70}, "word_ngrams must be"),
        ({"minn": 3, "maxn": 2}, "minn must not exceed maxn"),
        ({"lr": float("nan")}, "lr must be"),
        ({"lr": 10**400}, ""),
        ({"analyzer": "no such"}, "needs the analyzer 'no such', which"),
        ({"supervision": 3.0}, "supervision must be a finite number from 0.0 to 2.0"),
        ({"supervision": 0.5}, "its arrays are"),
        ({"norm": "layer"}, "its arrays are"),
        ({"units": 2}, "its arrays are"),
        ({"units": -1}, "units must be"),
        ({"bias": None}, "bias must be"),
        ({"head": "linear", "units": 2}, "head='linear' has no hidden layer"),
        ({"averaging": 0.5, "l1": 0.1}, "averaging cannot be combined"),
        ({"activation": "step"}, "activation must be one of"),
    ],
    ids=str,
)
def test_a_bad_setting(path, settings, expected):
    damage(path, settings=settings)
    check_refused(path, expected)


OPEN_SETTINGS = [*((name, None) for name in RESOLVED), ("loss", "auto"), ("tree", "auto")]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name, value", [*OPEN_SETTINGS, ("head", "auto")])
def test_a_setting_left_open(path, make, name, value):
    damage(path, model=MAKERS[make](), settings={name: value})
    check_refused(path, "its settings are incomplete")


def test_the_name_of_the_bias_must_be_free(path):
    """Its number is the one after the last slot, and only where there is a bias."""
    codes = np.array([1, 0, 12], np.int32)
    damage(path, settings={"bias": True}, row_codes=codes)
    assert load_model(path).space.has_bias
    damage(path, settings={"bias": True}, row_codes=np.array([1, 0, 13], np.int32))
    check_refused(path, "out of range")
    damage(path, row_codes=codes)
    check_refused(path, "out of range")


@pytest.mark.parametrize("name", ["config", "labels", "multilabel", "n_texts", "estimator"])
def test_a_header_without_a_key(path, name):
    damage(path, drop=name)
    check_refused(path, f"its header lacks {name}")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "1", '"x"', "{}", "[" * 100_000, '{"format_version": ' + "[" * 100_000]
    + ['{"format_version": ' + "9" * 5000 + "}"],
    ids=range(10),
)  # fmt: skip
def test_an_unreadable_header(path, text):
    damage(path, metadata=text)
    check_refused(path, "its header is unreadable")


@pytest.mark.parametrize("writer", [None, 3, {"a": 1}, "fasttext-lite 9\nand more " + "x" * 1000])
def test_a_newer_format_says_who_wrote_it(path, writer):
    damage(path, {"format_version": 7, "created_by": writer})
    text = check_refused(path, "upgrade fasttext-lite (the file was written by ")
    expected = "fasttext-lite 9 and more" if isinstance(writer, str) else "a newer version"
    assert expected in text


f32, i32, i64, u8 = np.float32, np.int32, np.int64, np.uint8


@pytest.mark.parametrize(
    "name, array, expected",
    [
        ("embeddings", np.zeros((3, 2), np.float64), "array embeddings has type float64"),
        ("embeddings", np.zeros((3, 2), np.float16), "array embeddings has type float16"),
        ("embeddings", np.zeros((3, 2), bool), "array embeddings has type bool"),
        ("embeddings", np.zeros((2, 2), f32), "has shape (2, 2), expected (3, 2)"),
        ("embeddings", np.zeros((3, 3), f32), "has shape (3, 3), expected (3, 2)"),
        ("embeddings", np.zeros(6, f32), "has shape (6,), expected (3, 2)"),
        ("embeddings", np.zeros((3, 2, 1), f32), "has shape"),
        ("embeddings", np.full((3, 2), np.nan, f32), "embeddings holds values that are not finite"),
        ("embeddings", np.full((3, 2), -np.inf, f32), "holds values that are not finite"),
        ("output", np.full((3, 2), np.nan, f32), "output holds values that are not finite"),
        ("output", np.zeros((2, 2), f32), "has shape (2, 2), expected (3, 2)"),
        ("output", np.zeros((4, 2), f32), "has shape"),
        ("label_counts", np.array([1, -1, 1], i64), "counts are negative"),
        ("label_counts", np.array([1, 1], i64), "has shape (2,), expected (3,)"),
        ("label_counts", np.array([1, 1, 1], i32), "has type int32"),
        ("frequency", np.array([-1, 1, 1], i32), "counts are negative"),
        ("frequency", np.array([5, 1, 1], i32), "above the number of texts"),
        ("frequency", np.array([1, 1], i32), "has shape"),
        ("row_codes", np.array([0, 1, 12], i32), "out of range"),
        ("row_codes", np.array([0, 1, -1], i32), "out of range"),
        ("row_codes", np.array([0, 1, 2**31 - 1], i32), "out of range"),
        ("row_codes", np.array([0, 1], i32), "has shape"),
        ("row_codes", np.array([[0, 1, 2]], i32), "has shape"),
        ("row_codes", np.array([0, 1, 2], np.uint32), "has type uint32"),
        ("words", np.zeros(5, u8), "the ends of its words are not ascending"),
        ("words", np.zeros(0, u8), "the ends of its words are not ascending"),
        ("words", np.zeros((2, 3), u8), "has shape (2, 3), expected (6,)"),
        ("words", np.zeros(6, np.int8), "has type int8"),
        ("word_ends", np.array([6, 3], i64), "the ends of its words are not ascending"),
        ("word_ends", np.array([3, 3, 6], i64), "the ends of its words are not ascending"),
        ("word_ends", np.array([0, 6], i64), "the ends of its words are not ascending"),
        ("word_ends", np.array([-1, 6], i64), "the ends of its words are not ascending"),
        ("word_ends", np.array([3, 7], i64), "the ends of its words are not ascending"),
        ("word_ends", np.array([3, 2**62], i64), "the ends of its words are not ascending"),
        ("word_ends", np.array([2**63 - 1, -(2**63) + 5, -1, 6]), "are not ascending"),
        ("word_ends", np.array([], i64), "the ends of its words are not ascending"),
        ("word_ends", np.array(6, i64), "has shape"),
        ("extra", np.zeros(1), "its arrays are"),
        ("tree_children", np.array([[0, 1], [2, 3]], i32), "its arrays are"),
    ],
    ids=str,
)
def test_a_bad_array(path, name, array, expected):
    damage(path, **{name: array})
    check_refused(path, expected)


@pytest.mark.parametrize(
    "name, array, expected",
    [
        ("gains", np.ones(11, f32), "array gains has shape (11,), expected (12,)"),
        ("gains", np.ones((12, 1), f32), "array gains has shape"),
        ("gains", np.ones(12), "array gains has type float64"),
        ("gains", np.full(12, np.nan, f32), "array gains holds values that are not finite"),
        ("gains", np.full(12, np.inf, f32), "array gains holds values that are not finite"),
        ("norm", np.ones((3, 3), f32), "array norm has shape (3, 3), expected (4, 3)"),
        ("norm", np.ones((4, 2), f32), "array norm has shape"),
        ("norm", np.ones((4, 3), i32), "array norm has type int32"),
        ("norm", np.full((4, 3), np.nan, f32), "array norm holds values that are not finite"),
        ("norm", np.full((4, 3), -0.5, f32), "its running variances are negative"),
        ("layer", np.ones((2, 4), f32), "array layer has shape (2, 4), expected (3, 4)"),
        ("layer", np.ones((6, 4), f32), "array layer has shape (6, 4), expected (3, 4)"),
        ("layer", np.ones((3, 3), f32), "array layer has shape"),
        ("layer", np.ones((3, 4)), "array layer has type float64"),
        ("layer", np.full((3, 4), -np.inf, f32), "array layer holds values that are not finite"),
        ("output", np.ones((3, 2), f32), "array output has shape (3, 2), expected (3, 3)"),
        ("row_codes", np.arange(13, 25, dtype=i32), "out of range"),
    ],
    ids=str,
)
def test_a_bad_array_of_those_that_not_all_models_have(path, name, array, expected):
    damage(path, model=deep_model(), **{name: array})
    check_refused(path, expected)


@pytest.mark.parametrize("name", ["gains", "norm", "layer"])
def test_optional_arrays_stand_exactly_where_the_settings_ask_for_them(path, name):
    damage(path, model=deep_model(), drop=name)
    check_refused(path, "its arrays are")
    damage(path, **{name: pack(deep_model())[1][name]})
    check_refused(path, "its arrays are")


def test_maxout_needs_two_rows_a_unit(path):
    damage(path, model=deep_model("hs"), layer=np.ones((3, 4), f32))
    check_refused(path, "array layer has shape (3, 4), expected (6, 4)")


def test_a_variance_may_be_zero(path):
    norm = np.array([[1, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]], f32)
    damage(path, model=deep_model("hs"), norm=norm)
    assert np.isfinite(load_model(path).probabilities(DEEP_QUERIES)).all()


@pytest.mark.parametrize(
    "name", ["embeddings", "output", "label_counts", "words", "word_ends", "row_codes", "frequency"]
)
def test_a_missing_array(path, name):
    damage(path, drop=name)
    check_refused(path, "its arrays are")


@pytest.mark.parametrize(
    "children, expected",
    [
        ([[0, 1], [2, 4]], "not a binary tree"),  # its own child
        ([[0, 4], [2, 3]], "not a binary tree"),  # a circle
        ([[0, 1], [2, 2]], "not a binary tree"),
        ([[0, 1], [2, 1]], "not a binary tree"),
        ([[0, 1], [2, -1]], "not a binary tree"),
        ([[0, 1], [2, 2**31 - 1]], "not a binary tree"),
        ([[0, 1]], "has shape (1, 2), expected (2, 2)"),
        ([[0, 1, 2], [3, 4, 5]], "has shape"),
        ([0, 1, 2, 3], "has shape"),
    ],
)
def test_a_bad_tree(path, children, expected):
    damage(path, model=small_model("hs"), tree_children=np.array(children, i32))
    check_refused(path, expected)


def test_a_missing_tree(path):
    damage(path, model=small_model("hs"), drop="tree_children")
    check_refused(path, "its arrays are")


@pytest.mark.parametrize("kind, size", [("BF16", 2), ("F8_E4M3", 1), ("F8_E5M2", 1)])
def test_an_array_of_a_type_that_numpy_lacks(path, kind, size):
    header = json.dumps({"format_version": 1})
    entry = {"dtype": kind, "shape": [2], "data_offsets": [0, 2 * size]}
    index = json.dumps({"__metadata__": {"fasttext-lite": header}, "embeddings": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(index)) + index + bytes(2 * size))
    check_refused(path, "a type that NumPy lacks")


def test_an_array_said_to_be_huge(path):
    entry = {"dtype": "F32", "shape": [2**40, 2], "data_offsets": [0, 2**43]}
    index = json.dumps({"__metadata__": {"fasttext-lite": "{}"}, "embeddings": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(index)) + index)
    check_refused(path, "a model file that is cut")


@pytest.mark.parametrize("loss", ["softmax", "hs"])
def test_embeddings_that_have_no_finite_sum(path, loss):
    """Each number is one: what sums them up notices."""
    model = small_model(loss)
    damage(path, model=model, embeddings=np.full((3, 2), np.finfo(f32).max, f32))
    found = load_model(path)
    features = found.features(["hot 热 hot"])
    uses = (found.predict_one, lambda text: found.predict([text]), lambda text: found.embed([text]))
    others = (lambda text: found.predict([text] * 50), lambda _: found.predict(features))
    for use in (*uses, *others):
        with pytest.raises(ModelError, match="not finite: its file is damaged"):
            use("hot 热 hot")
    assert found.predict(["none"]).n_features.tolist() == [0]


def test_two_rows_of_the_same_feature(path):
    damage(path, row_codes=np.array([0, 1, 1], i32))
    found = load_model(path)
    for use in (found.predict_one, lambda text: found.predict([text] * 50)):
        with pytest.raises(ModelError, match="two of its rows have the same feature"):
            use("hot")


# -- the file --------------------------------------------------------------------------------


def test_arrays_are_read_only(saved):
    model = load_model(saved)
    for array in (model.embeddings, model.output, model.space.row_codes):
        assert not array.flags.writeable


def test_a_file_that_is_replaced_or_removed_serves_those_who_have_it(saved):
    model = load_model(saved)
    before = model.probabilities(QUERIES)
    save_model(deep_model("softmax"), saved)
    np.testing.assert_array_equal(model.probabilities(QUERIES), before)
    save_model(model, saved)  # over its own file
    np.testing.assert_array_equal(load_model(saved).probabilities(QUERIES), before)
    again = load_model(saved)
    saved.unlink()
    np.testing.assert_array_equal(again.probabilities(QUERIES), before)


def test_arrays_that_lie_askew_are_copied(path):
    """Other programs may write indexes of any length."""
    save_model(small_model(), path)
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    index = data[8 : 8 + length].rstrip() + b" "
    index += b" " * (len(index) % 2 == 0)
    path.write_bytes(struct.pack("<Q", len(index)) + index + data[8 + length :])
    model = load_model(path)
    assert model.embeddings.flags.aligned
    np.testing.assert_array_equal(
        model.probabilities(QUERIES), small_model().probabilities(QUERIES)
    )


INDEX_FAULTS = [
    ({"x": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}, "do not fill it"),
    ({"x": {"dtype": "U8", "shape": [9], "data_offsets": [0, 9]}}, "that is cut: its arrays end"),
    ({"x": {"dtype": "U8", "shape": [7], "data_offsets": [1, 8]}}, "do not fill it"),
    ({"x": {"dtype": "U8", "shape": [7], "data_offsets": [0, 8]}}, "another size"),
    ({"x": {"dtype": "U8", "shape": [2**62, 4, 2], "data_offsets": [0, 8]}}, "another size"),
    ({"x": {"dtype": "U8", "shape": [-8], "data_offsets": [0, 8]}}, "has no place"),
    ({"x": {"dtype": "U8", "shape": [8.0], "data_offsets": [0, 8]}}, "has no place"),
    ({"x": {"dtype": "U8", "shape": [True], "data_offsets": [0, 8]}}, "has no place"),
    ({"x": {"dtype": "U8", "shape": [8], "data_offsets": [0]}}, "has no place"),
    ({"x": {"dtype": "U8", "shape": 8, "data_offsets": [0, 8]}}, "has no place"),
    ({"x": {"dtype": "Q4", "shape": [8], "data_offsets": [0, 8]}}, "unknown type"),
    ({"x": {"dtype": ["U8"], "shape": [8], "data_offsets": [0, 8]}}, "unknown type"),
    ({"x": {"shape": [8], "data_offsets": [0, 8]}}, "not described"),
    ({"x": [0, 8]}, "not described"),
    ({"__metadata__": {"a": 1}}, "metadata are unreadable"),
    ({"__metadata__": ["a"]}, "metadata are unreadable"),
    (
        {name: {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]} for name in "xy"},
        "do not fill it",
    ),
]


@pytest.mark.parametrize("index, expected", INDEX_FAULTS, ids=range(len(INDEX_FAULTS)))
def test_a_bad_index(path, index, expected):
    text = json.dumps(index).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    check_refused(path, expected)


@pytest.mark.parametrize(
    "text",
    [b'{"x": 1, "x": 2}', b"{" * 100_000, b'{"a\xff": 1}', b" {}", b"{}x", b"[]", b'{"x": 1'],
)
def test_an_unreadable_index(path, text):
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    check_refused(path, "not a model file, or damaged")


def test_float16(path):
    """Half the bytes, and the same numbers as float32 arrays of them."""
    half = Config(dtype="float16", epochs=2, dim=4, head="learned", optimizer="sgd")
    texts, labels = Texts.from_sequence(TEXTS), Labels.from_rows(LABELS)
    model = fit(texts, labels, half, n_threads=1).model
    assert model.embeddings.dtype == np.float16 and model.embeddings.any()
    save_model(model, path)
    again = load_model(path)
    assert again.embeddings.dtype == np.float16
    np.testing.assert_array_equal(again.embeddings, model.embeddings)
    wide = pickle.loads(pickle.dumps(again))
    assert wide.embeddings.dtype == np.float16
    wide = wide.replace(config=again.config.replace(dtype="float32"))
    assert wide.embeddings.dtype == np.float32
    for few in (QUERIES, QUERIES * 10):
        np.testing.assert_array_equal(again.probabilities(few), wide.probabilities(few))
        np.testing.assert_array_equal(again.embed(few), wide.embed(few))
    damage(path, model=model, embeddings=model.embeddings.astype(f32))
    check_refused(path, "array embeddings has type float32")
