"""The command line: what it prints, where, and with which exit code."""

import argparse
import dataclasses
import functools
import gzip
import importlib
import itertools
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fasttext_lite.cli import app, console, demo
from fasttext_lite.cli.arguments import config_from, written
from fasttext_lite.config.fields import Config, field_type
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.corpus.formats import FORMATS, labelled_formats
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import UsageError
from fasttext_lite.evaluation.scores import evaluate
from fasttext_lite.fitting import progress
from fasttext_lite.fitting.fit import fit
from fasttext_lite.model.storage import load_model, save_model
from fasttext_lite.training.loop import Progress
from fasttext_lite.version import __version__

WORDS = {
    "food": "soup bread noodles rice pepper salt oven butter 热汤 面条",
    "sport": "goal match coach team score league race medal 进球 比赛",
    "weather": "rain storm cloud sunny frost wind snow heat 下雨 台风",
}
QUICK = ("--epochs", "10", "--lr", "0.5", "--dim", "8", "--maxn", "0")


def labelled_rows(seed=0, n=12):
    rng = np.random.default_rng(seed)
    return [
        (label, " ".join(rng.permutation(words.split())[:4].tolist()))
        for _ in range(n)
        for label, words in WORDS.items()
    ]


def fasttext_lines(rows):
    return "".join(f"__label__{label} {text}\n" for label, text in rows)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Return a folder with training data, test data and a model; nobody writes there."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "train.txt").write_text(fasttext_lines(labelled_rows()), "utf-8")
    (folder / "test.txt").write_text(fasttext_lines(labelled_rows(1, 5)), "utf-8")
    (folder / "two.txt").write_text(
        fasttext_lines(labelled_rows()) + "__label__food __label__weather hot soup, hot rain\n" * 5,
        "utf-8",
    )
    for name in ("train", "two"):
        arguments = ["train", f"{folder}/{name}.txt", "-o", f"{folder}/{name}.ftl", "-q", *QUICK]
        assert app.main(arguments) == 0
    return folder


@pytest.fixture
def model(folder):
    return str(folder / "train.ftl")


@pytest.fixture
def train(folder):
    return str(folder / "train.txt")


@pytest.fixture
def run(capsys):
    """Return a function that runs the command line here: exit code, stdout, stderr."""

    def run(*arguments):
        capsys.readouterr()
        try:
            code = app.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def good(run):
    """Return a function that runs the command line without fault; stdout."""

    def good(*arguments, notices=None):
        code, out, err = run(*arguments)
        assert code == 0, err
        if notices is None:
            assert err == ""
        else:
            assert notices in err
        return out

    return good


def check_mistake(code, out, err, expected=""):
    assert code == 2
    assert out == ""
    assert err.startswith("fasttext-lite")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert expected in err


@pytest.fixture
def check_refused(run):
    """Return a function that expects one line on stderr and exit code 2."""

    def check_refused(*arguments, says=""):
        check_mistake(*run(*arguments), says)

    return check_refused


def environment(**changes):
    env = {**os.environ, **changes}
    if env.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        env["PYTHONWARNINGS"] = "ignore::RuntimeWarning"  # hashes wrap around on purpose
    return env


def process(*arguments, python=(), **options):
    command = [sys.executable, *python, "-m", "fasttext_lite", *map(str, arguments)]
    options.setdefault("env", environment())
    return subprocess.run(command, capture_output="stdout" not in options, timeout=120, **options)


# -- train -----------------------------------------------------------------------------------


def test_train_says_what_it_did(good, train, tmp_path):
    out = good("train", train, "-o", tmp_path / "m.ftl", *QUICK).splitlines()
    assert len(out) == 2
    assert out[0].startswith("trained on 36 texts with 3 labels in ")
    assert "loss ova, 10 epochs, lr 0.5, final loss " in out[0]
    assert out[1].startswith(f"{tmp_path}/m.ftl: 0.0 MB, ")
    assert out[1].endswith(", dim 8")
    assert os.listdir(tmp_path) == ["m.ftl"]


def test_train_quiet(good, write, tmp_path):
    data = write(fasttext_lines(labelled_rows()) + "no label\n")
    assert good("train", data, "-o", tmp_path / "m.ftl", "-q", "--epochs", "1") == ""
    assert len(load_model(tmp_path / "m.ftl").labels) == 3


def test_train_is_repeatable_and_follows_the_seed(good, train, tmp_path):
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        path = tmp_path / name
        good("train", train, "-o", path, "--seed", seed, "--threads", 1, "--epochs", 2)
        files.append(path.read_bytes())
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize("compress", [False, True])
def test_train_from_stdin(good, feed, train, tmp_path, compress):
    data = Path(train).read_bytes()
    feed(gzip.compress(data) if compress else data)
    out = good("train", "-", "-o", tmp_path / "m.ftl", *QUICK)
    assert "trained on 36 texts" in out


KNOWN = "these are the texts that the model is trained on"


@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl"])
def test_train_and_test_on_other_formats(good, write, tmp_path, kind):
    rows = labelled_rows()
    lines = {
        "tsv": [f"{a}\t{b}" for a, b in rows],
        "csv": ["kind,words", *(f"{a},{b}" for a, b in rows)],
        "jsonl": [json.dumps({"kind": a, "words": b}) for a, b in rows],
    }[kind]
    data = write("".join(line + "\n" for line in lines))
    reading = ["--format", kind]
    if kind != "tsv":
        reading += ["--label-column", "kind", "--text-column", "words"]
    good("train", data, "-o", tmp_path / "m.ftl", *QUICK, *reading)
    result = json.loads(good("test", tmp_path / "m.ftl", data, "--json", *reading, notices=KNOWN))
    assert (result["n"], result["accuracy"]) == (36, 1.0)


def test_label_prefix_of_the_data(good, write, tmp_path):
    data = write(fasttext_lines(labelled_rows()).replace("__label__", "#"))
    good("train", data, "-o", tmp_path / "m.ftl", *QUICK, "--label-prefix", "#")
    assert sorted(load_model(tmp_path / "m.ftl").labels) == sorted(WORDS)


def test_several_labels(good, write, tmp_path, folder):
    assert load_model(folder / "two.ftl").multilabel
    assert load_model(folder / "two.ftl").config.loss == "squared_hinge"
    rows = "food,weather\thot soup, hot rain\n" * 5 + "food\tsoup\nweather\train\n" * 5
    path = tmp_path / "m.ftl"
    good("train", write(rows), "-o", path, *QUICK, "--multilabel")
    assert sorted(load_model(path).labels) == ["food", "weather"]
    assert load_model(path).multilabel
    # The model knows that labels come joined: the test need not say so again.
    result = json.loads(good("test", path, write(rows), "-k", 2, "--json", notices=KNOWN))
    assert result["recall_at_k"] == 1.0


def test_valid(good, train, folder, tmp_path):
    valid = folder / "test.txt"
    out = good(
        "train", train, "-o", tmp_path / "m.ftl", *QUICK, "--valid", valid,
        notices="\nepoch 10/10: loss ",
    )  # fmt: skip
    line = out.splitlines()[2]
    assert line.startswith(f"{folder}/test.txt: n 15  accuracy 1.0000  P@1 1.0000  R@1 1.0000  ")


def test_valid_with_unseen_labels_and_unknown_texts(run, train, write, tmp_path):
    valid = write("__label__new soup\n__label__food zzz\n__label__food\n", "valid.txt")
    code, out, err = run("train", train, "-o", tmp_path / "m.ftl", *QUICK, "--valid", valid)
    assert code == 0
    assert [line for line in err.splitlines() if not line.startswith("epoch ")] == [
        f"fasttext-lite: skipped 1 line without text (first: {valid}:3)",
        "fasttext-lite: 1 of 2 texts have labels that the model does not know, counted as "
        "errors: new",
        "fasttext-lite: 1 of 2 texts have no known feature; the class prior was used",
    ]
    assert f"{valid}: n 2 " in out


def parsed(*flags):
    return config_from(app.make_parser().parse_args(["train", "x", "-o", "y", *map(str, flags)]))


FIELDS = [field.name for field in dataclasses.fields(Config)]


@pytest.mark.parametrize("name", FIELDS)
def test_each_setting_has_a_flag(name):
    field = Config.__dataclass_fields__[name]
    kind, optional = field_type(name)
    flag = "--" + name.replace("_", "-")
    extra = ["--maxn", 64] if name == "minn" else []
    meta = field.metadata
    if kind is bool:
        assert getattr(parsed(flag), name) is True
        assert getattr(parsed("--no-" + flag[2:]), name) is False
    elif meta["choices"]:
        for value in meta["choices"]:
            assert getattr(parsed(flag, value), name) == value
    else:
        values = [value for value in (meta["low"], meta["high"]) if value is not None]
        if meta["low_open"]:
            values[0] = 1e-6
        if name == "bucket":
            values[0] = 1  # as many as n-grams need
        for value in values:
            assert getattr(parsed(flag, value, *extra), name) == value
    if optional:
        assert getattr(parsed("--preset", "fasttext", flag, "none"), name) is None
    assert getattr(parsed(), name) == field.default


# Each setting once, with a value that is not its default.
FLAGS = {
    "analyzer": "mixed", "word_ngrams": 3, "minn": 1, "maxn": 2, "min_count": 2, "min_df": 2,
    "max_features": 400, "bucket": 500, "pooling": "tfidf", "supervision": 0.25, "dim": 5,
    "loss": "ns",
    "tree": "huffman", "neg": 2, "label_smoothing": 0.25, "focal": 0.5, "head": "learned",
    "optimizer": "adam", "beta1": 0.75, "beta2": 0.75, "lr": 0.125, "schedule": "cosine",
    "warmup": 0.25, "epochs": 2, "l2": 0.0625,
    "l1": 0.03125, "max_norm": 4.0, "clip": 2.0, "feature_dropout": 0.125,
    "hidden_dropout": 0.125, "word_dropout": 0.125, "word_swap": 0.25, "patience": 3,
    "valid_fraction": 0.25, "norm": "layer", "units": 4, "activation": "gelu", "init": "input",
    "char_energy": 2.0, "pseudo_count": 3.0, "recipe": "fixed",
    "averaging": 0.5, "stop_words": "the of", "user_dictionary": "red 5",
}  # fmt: skip
SWITCHES = {
    "lowercase": False, "nfkc": True, "simplify": True, "eos": True, "boundaries": False,
    "bias": False, "shuffle": False, "lone_marks": False, "script_rules": False,
    "deterministic": True,
}  # fmt: skip


def test_flags_cover_every_setting():
    defaults = Config().to_dict()
    others = {"dtype", "dictionary"}  # float16 goes with few of them; a dictionary is kept packed
    assert set(FLAGS | SWITCHES) == set(defaults) - others
    assert all(value != defaults[name] for name, value in (FLAGS | SWITCHES).items())


def test_float16_is_a_flag(good, train, tmp_path):
    good("train", train, "-o", tmp_path / "m.ftl", "--dtype", "float16")
    found = json.loads(good("info", tmp_path / "m.ftl", "--json"))["config"]
    assert found["dtype"] == "float16"


@pytest.mark.parametrize("left_out", [("averaging",), ("l1", "l2")])
def test_flags_reach_the_model(good, train, tmp_path, left_out):
    flags = {name: value for name, value in FLAGS.items() if name not in left_out}
    arguments = itertools.chain.from_iterable(
        ("--" + name.replace("_", "-"), value) for name, value in flags.items()
    )
    switches = [
        "--" + ("" if value else "no-") + name.replace("_", "-") for name, value in SWITCHES.items()
    ]
    good("train", train, "-o", tmp_path / "m.ftl", *arguments, *switches, notices="epoch 2/2: ")
    found = json.loads(good("info", tmp_path / "m.ftl", "--json"))["config"]
    assert found == {**Config(dtype="float32").to_dict(), **flags, **SWITCHES}


def test_cache(good, check_refused, train, tmp_path, feed):
    """The same model with a cache, from a cache, and without."""
    whole, first, again = (tmp_path / f"{name}.ftl" for name in ("whole", "first", "again"))
    good("train", train, "-o", whole, "--seed", 1)
    good("train", train, "-o", first, "--seed", 1, "--cache", tmp_path / "cache" / "of it")
    (folder,) = (tmp_path / "cache" / "of it").iterdir()
    made = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert sorted(made) == ["ids.bin", "rest.safetensors", "weights.bin"]
    good("train", train, "-o", again, "--seed", 1, "--cache", tmp_path / "cache" / "of it")
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == made
    texts = tmp_path / "texts.txt"
    texts.write_text("soup and a goal\nrain\n")
    found = [good("predict", model, texts, "--prob") for model in (whole, first, again)]
    assert found[1] == found[2]
    assert [line.split("\t")[0] for line in found[0].splitlines()] == [
        line.split("\t")[0] for line in found[1].splitlines()
    ]
    says = "--cache needs a file that can be read twice"
    with open(train, "rb") as file:
        feed(file.read())
    check_refused("train", "-", "-o", whole, "--cache", tmp_path / "cache", says=says)
    for noise in (("--word-dropout", 0.1), ("--patience", 2)):
        cache = ("--cache", tmp_path / "cache")
        check_refused("train", train, "-o", whole, *cache, *noise, says=says)
    check_refused(
        "train", train, "-o", whole, "--cache", texts,
        says=f"{texts}: cannot keep the features here",
    )  # fmt: skip


def test_preset(good, train, tmp_path):
    good("train", train, "-o", tmp_path / "m.ftl", "--preset", "fasttext", "--dim", 6)
    found = json.loads(good("info", tmp_path / "m.ftl", "--json"))["config"]
    assert found == {**Config().to_dict(), **PRESETS["fasttext"], "dim": 6, "head": "learned"}


def out_of_range():
    for field in dataclasses.fields(Config):
        flag = "--" + field.name.replace("_", "-")
        kind, _ = field_type(field.name)
        if kind is bool or (kind is str and not field.metadata["choices"]):  # any text will do
            continue
        yield flag, "x"
        yield flag, ""
        if field.metadata["choices"]:
            continue
        yield flag, "nan"
        yield flag, "1e999"
        step = 1 if kind is int else 0.01
        low, high = field.metadata["low"], field.metadata["high"]
        yield flag, str(low if field.metadata["low_open"] else low - step)
        yield flag, "-5"
        if high is not None:
            yield flag, str(high + step)
        if kind is int:
            yield flag, "1.5"
            yield from [(flag, "9" * 30)] * (high is not None)


@pytest.mark.parametrize("flag, value", sorted(set(out_of_range())))
def test_settings_out_of_range(check_refused, train, tmp_path, flag, value):
    name = flag[2:].replace("-", "_") if _is_number(flag) else flag
    check_refused("train", train, "-o", tmp_path / "m.ftl", flag, value, says=name)
    assert os.listdir(tmp_path) == []


def _is_number(flag):
    """Return whether argparse lets a value pass, for `Config` to refuse."""
    return field_type(flag[2:].replace("-", "_"))[0] is not str


def test_settings_that_contradict(check_refused, train, tmp_path):
    output = ["-o", tmp_path / "m.ftl"]
    check_refused(
        "train", train, *output, "--minn", 3, "--maxn", 2, says="minn must not exceed maxn"
    )
    check_refused("train", train, *output, "--bucket", 0, says="bucket must be at least 1")
    check_refused("train", train, *output, "--preset", "best", says="--preset")


# -- test ------------------------------------------------------------------------------------


def test_test(good, model, folder):
    out = good("test", model, folder / "test.txt")
    figures, error = out.rsplit(" ", 1)
    assert figures == "n 15  accuracy 1.0000  P@1 1.0000  R@1 1.0000  macro-F1 1.0000  ECE"
    assert 0 <= float(error) < 1


def test_test_json_equals_the_evaluation(good, model, write):
    data = write(
        "__label__food soup goal\n__label__new rain rain\n__label__sport zzz\n\n"
        "__label__weather __label__food 台风 热汤\n"
    )
    out = good(
        "test", model, data, "-k", 2, "--threshold", 0.2, "--json", "--per-label",
        notices="labels that the model does not know",
    )  # fmt: skip
    assert out.count("\n") == 1
    found = json.loads(out)
    rows = [["food"], ["new"], ["sport"], ["weather", "food"]]
    texts = Texts.from_sequence(["soup goal", "rain rain", "zzz", "台风 热汤"])
    expected = evaluate(load_model(model), texts, rows, 2, 0.2)
    labels = found.pop("labels")
    assert found == {
        "n": 4,
        "accuracy": expected.accuracy,
        "calibration_error": expected.calibration_error,
        "k": 2,
        "threshold": 0.2,
        "precision_at_k": expected.precision,
        "recall_at_k": expected.recall,
        "macro_f1": expected.macro_f1,
        "n_skipped": 1,
        "n_unseen_label": 1,
        "n_unknown_text": 1,
    }
    assert list(labels) == expected.names
    assert labels["new"] == {"n": 1, "precision": 0, "recall": 0, "f1": 0}


def test_test_per_label(good, model, folder):
    lines = good("test", model, folder / "test.txt", "--per-label").splitlines()
    assert lines[0] == "precision\trecall\tF1\tn\tlabel"
    assert sorted(lines[1:4]) == [f"1.0000\t1.0000\t1.0000\t5\t{name}" for name in sorted(WORDS)]
    assert lines[4].startswith("n 15 ")


def test_test_from_stdin(good, feed, model, folder):
    feed((folder / "test.txt").read_bytes())
    assert good("test", model, "-").startswith("n 15 ")


def test_confusion(good, model, folder, tmp_path):
    plot = tmp_path / "x.png"
    good("test", model, folder / "test.txt", "--confusion", plot, notices=f"matrix in {plot}")
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_confusion_of_nothing(good, model, folder, tmp_path):
    plot = tmp_path / "x.png"
    out = good(
        "test", model, folder / "test.txt", "--threshold", 1, "--confusion", plot,
        notices="confusion matrix",
    )  # fmt: skip
    assert "P@1 0.0000" in out
    assert plot.exists()


# -- predict and embed -----------------------------------------------------------------------


def predict(good, feed, model, data, *arguments, notices=None):
    feed(data)
    return good("predict", model, *arguments, notices=notices)


def test_predict_a_file(good, model, write):
    path = write("hot soup\nthe match\n下雨\n")
    assert good("predict", model, path) == "food\nsport\nweather\n"


def test_predict_compressed(good, model, write):
    path = write(gzip.compress(b"hot soup\nthe match\n"))
    assert good("predict", model, path) == "food\nsport\n"


def test_predict_from_stdin(good, feed, model):
    assert predict(good, feed, model, "hot soup\nthe match") == "food\nsport\n"
    assert predict(good, feed, model, "hot soup\n", "-") == "food\n"
    assert predict(good, feed, model, gzip.compress(b"hot soup\n")) == "food\n"


def test_predict_nothing(good, feed, model):
    assert predict(good, feed, model, "") == ""


ODD = [
    "",
    "soup",
    " \t ",
    "unknown words",
    "soup\0soup",
    b"\xff\xfe soup \xe7",
    "soup\r",
    "\r",
    "__label__sport soup",
    "soup __label__sport",
    "__label__",
    "soup\x0b\x0c\x85\u2028\rsoup",
    "\ufeffsoup",
    "soup " * 5000,
    "\0",
    "😀",
]
IS_SOUP = [b"soup" in (line if isinstance(line, bytes) else line.encode()) for line in ODD]


@pytest.mark.parametrize("command", ["predict", "embed"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_one_line_of_output_for_each_line(run, feed, model, command, end):
    lines = [line if isinstance(line, bytes) else line.encode() for line in ODD]
    feed(b"\n".join(lines) + end)
    code, out, _ = run(command, model)
    assert code == 0
    found = out.split("\n")
    assert found.pop() == ""
    assert len(found) == len(ODD)
    for line, is_soup in zip(found, IS_SOUP, strict=True):
        if command == "predict":
            assert line in WORDS
            assert line == "food" or not is_soup
        else:
            assert len(line.split(" ")) == 8
            assert (set(line.split(" ")) == {"0"}) == (not is_soup)


def test_a_labelled_file_is_predicted_without_its_labels(good, model, folder):
    labelled = folder / "test.txt"
    out = good("predict", model, labelled, "--prob")
    rows = labelled_rows(1, 5)
    expected = load_model(model).predict([text for _, text in rows])
    assert [line.split("\t")[0] for line in out.splitlines()] == [label for label, _ in rows]
    assert [line.split("\t")[1] for line in out.splitlines()] == [
        f"{p:.6g}" for p in expected.probabilities[:, 0]
    ]


@pytest.mark.parametrize("k", [1, 2, 3, 100])
def test_top_k(good, feed, model, k):
    out = predict(good, feed, model, "soup\nsoup goal\n", "-k", k)
    lines = [line.split("\t") for line in out.splitlines()]
    assert [len(line) for line in lines] == [min(k, 3)] * 2
    assert lines[0][0] == "food"
    assert all(len(set(line)) == len(line) for line in lines)


def test_threshold_and_probabilities(good, feed, model):
    data = "soup bread\nsoup goal rain\nzzz\n"
    note = "1 of 3 texts have no known feature; the class prior was used (first: text 3)"
    every = predict(good, feed, model, data, "-k", 3, "--prob", notices=note)
    pairs = [line.split("\t") for line in every.splitlines()]
    for line in pairs:
        p = [float(value) for value in line[1::2]]
        assert p == sorted(p, reverse=True)
        assert all(0 <= value <= 1 for value in p)
    assert pairs[2][1::2] == ["0.333333"] * 3
    limit = float(pairs[1][1]) - 1e-4
    some = predict(good, feed, model, data, "-k", 3, "--prob", "--threshold", limit, notices=note)
    for line, found in zip(pairs, some.split("\n"), strict=False):
        kept = [i for i in range(3) if float(line[2 * i + 1]) >= limit]
        assert found == "\t".join("\t".join(line[2 * i : 2 * i + 2]) for i in kept)
    assert predict(good, feed, model, data, "--threshold", 1, notices=note) == "\n\n\n"


@pytest.mark.parametrize("loss", ["softmax", "hs"])
def test_probabilities_of_all_labels_sum_to_one(good, feed, train, tmp_path, loss):
    good("train", train, "-o", tmp_path / "m.ftl", *QUICK, "--loss", loss, "-q")
    data = "soup bread\nsoup goal rain\n"
    every = predict(good, feed, tmp_path / "m.ftl", data, "-k", 3, "--prob")
    for line in every.splitlines():
        assert sum(map(float, line.split("\t")[1::2])) == pytest.approx(1, abs=1e-5)


def test_predict_json(good, feed, model):
    data = 'soup "bread"\n\n热汤\n'
    out = predict(good, feed, model, data, "--json", "-k", 2, notices="no known feature")
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["labels"][0] for record in records][::2] == ["food", "food"]
    assert [record["n_features"] > 0 for record in records] == [True, False, True]
    expected = load_model(model).predict(['soup "bread"', "", "热汤"], k=2).probabilities
    assert [record["probabilities"] for record in records] == expected.tolist()
    out = predict(good, feed, model, "soup\n", "--json", "--threshold", 1)
    assert json.loads(out)["labels"] == []


def test_label_prefix_of_the_output(good, feed, model):
    out = predict(good, feed, model, "soup\n", "--label-prefix", "__label__")
    assert out == "__label__food\n"
    out = predict(good, feed, model, "soup\n", "--label-prefix", "#", "--json")
    assert json.loads(out)["labels"] == ["#food"]


def test_default_for_several_labels(good, feed, write, tmp_path):
    """Texts with one label, two and none are told apart at probability 1/2."""
    rows = [("food,sport", "soup goal"), ("food", "bread soup"), ("sport", "goal match"), ("", "x")]
    data = write("".join(f"{a}\t{b}\n" for a, b in rows * 12), "rows.tsv")
    path = tmp_path / "m.ftl"
    good("train", data, "-o", path, "--multilabel", "--epochs", 30, "--seed", 1, notices="")
    config = load_model(path).config
    assert (config.loss, config.head) == ("squared_hinge", "linear")
    texts = "".join(f"{text}\n" for _, text in rows[:3])
    out = predict(good, feed, path, texts, "-k", 2, "--threshold", 0.5)
    assert [sorted(line.split("\t")) for line in out.splitlines()] == [
        ["food", "sport"], ["food"], ["sport"],
    ]  # fmt: skip


def test_several_labels_are_predicted(good, feed, folder):
    data = "hot soup, hot rain\n"
    out = predict(good, feed, folder / "two.ftl", data, "-k", 3, "--threshold", 0.4)
    assert sorted(out.strip().split("\t")) == ["food", "weather"]


def test_embed(good, model, write):
    path = write("hot soup\n热汤 goal\n")
    found = np.array([line.split(" ") for line in good("embed", model, path).splitlines()], float)
    assert found == pytest.approx(load_model(model).embed(["hot soup", "热汤 goal"]), rel=1e-5)


def test_labels_with_line_breaks_stay_in_their_line(good, feed, tmp_path):
    texts = Texts.from_sequence(["soup", "goal"] * 5)
    labels = Labels.from_rows([("a\nb",), ("c\r\nd",)] * 5)
    path = tmp_path / "m.ftl"
    save_model(fit(texts, labels, Config(dim=4, epochs=9, lr=0.5)).model, path)
    assert predict(good, feed, path, "soup\ngoal\n") == "a b\nc  d\n"
    assert predict(good, feed, path, "soup\n", "--prob").startswith("a b\t0.")
    record = json.loads(predict(good, feed, path, "soup\n", "--json"))
    assert record["labels"] == ["a\nb"]
    assert "labels          a b, c  d\n" in good("info", path)


# -- info, demo, help ------------------------------------------------------------------------


def test_info(good, model):
    lines = good("info", model).splitlines()
    values = dict(line.split(maxsplit=1) for line in lines)
    assert values["n_labels"] == "3"
    assert values["n_texts"] == "36"
    assert values["created_by"] == f"fasttext-lite {__version__}"
    assert values["word_ngrams"] == "2"
    assert values["labels"] == "food, sport, weather"
    assert set(FIELDS) < set(values)


def test_info_calls_what_is_not_set_none(good, tmp_path, folder):
    """A text that is empty and a number that is not set alike."""
    train, path = folder / "train.txt", tmp_path / "m.ftl"
    good("train", train, "-o", path, "-q", *QUICK)
    values = dict(line.split(maxsplit=1) for line in good("info", path).splitlines())
    assert load_model(path).config.stop_words == ""
    assert load_model(path).config.max_norm is None
    assert (values["stop_words"], values["max_norm"]) == ("none", "none")
    assert "None" not in values.values()


def test_info_json(good, model):
    out = good("info", model, "--json")
    assert out.count("\n") == 1
    values = json.loads(out)
    assert values["labels"] == ["food", "sport", "weather"]
    assert values["config"] == load_model(model).config.to_dict()
    assert values["bytes"] == os.path.getsize(model)
    assert values["file"] == model
    assert (values["format_version"], values["n_texts"], values["multilabel"]) == (5, 36, False)
    space = load_model(model).space
    assert values["n_words"] == len(space.word_rows())
    assert values["n_words"] + values["n_ngrams"] + space.has_bias == space.n_rows


def test_words_without_a_row_are_not_counted(good, train, tmp_path):
    model = tmp_path / "m.ftl"
    out = good("train", train, "-o", model, "--max-features", 5, "--seed", 1)
    space = load_model(model).space
    n_words = len(space.word_rows())
    assert space.n_rows == 6 and n_words < space.n_words
    assert f" {n_words} words, {5 - n_words} n-grams, " in out


@pytest.mark.parametrize("data", ["zh_topics", "en_topics"])
def test_demo(good, tmp_path, monkeypatch, data_dir, data):
    assert Path(demo.bundled(data)).resolve() == (data_dir / data).resolve()
    (tmp_path / "bundled").mkdir()
    for name, n in (("train.tsv", 48), ("test.tsv", 16)):
        lines = (data_dir / data / name).read_text("utf-8").splitlines(keepends=True)
        (tmp_path / "bundled" / name).write_text("".join(lines[:n]), "utf-8")
    monkeypatch.setattr(demo, "bundled", lambda name: str(tmp_path / "bundled"))
    output = tmp_path / "a" / "b"
    out = good("demo", "--data", data, "--output", output).splitlines()
    assert out[0].startswith("trained on 48 texts with ")
    assert out[1].startswith("n 16  accuracy ")
    assert all("  ->  " in line for line in out[2:8:2])
    assert all(re.match(r"    because of  \S+ [+-]\d", line) for line in out[3:8:2])
    assert out[8].startswith(f"model: {output}/{data}.ftl (")
    assert out[9] == f"plot:  {output}/{data}_confusion.png"
    assert out[10:] == [f"report: {output}/{data}_report.html"]
    names = [f"{data}.ftl", f"{data}_confusion.png", f"{data}_report.html"]
    assert sorted(os.listdir(output)) == names


def test_demo_without_what_reports_need(good, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    out = good("demo", "--data", "en_topics", "--output", tmp_path / "a").splitlines()
    assert out[10:] == [
        "report: none (reports need jinja2 and matplotlib: pip install 'fasttext-lite[report]')"
    ]
    assert not [name for name in os.listdir(tmp_path / "a") if name.endswith(".html")]


def test_bundled_data_by_way_of_the_command_line(good, data_dir, tmp_path):
    lines = (data_dir / "zh_topics" / "train.tsv").read_text("utf-8").splitlines(keepends=True)
    data = tmp_path / "train.tsv"
    data.write_text("".join(lines[::5]), "utf-8")
    path = tmp_path / "m.ftl"
    out = good("train", data, "-o", path, "--word-ngrams", 1, *QUICK)
    assert f"trained on {len(lines[::5])} texts with 8 labels" in out
    result = json.loads(good("test", path, data, "--json", notices=KNOWN))
    assert result["n"] == len(lines[::5])
    assert result["accuracy"] > 0.5
    assert good("predict", path, data, "-k", 8).count("\n") == result["n"]


def test_demo_where_nothing_can_be_written(check_refused, write):
    path = write("")
    check_refused("demo", "--output", path, says="file exists")
    check_refused("demo", "--output", path + "/x", says="not a directory")


def test_each_command_is_a_file_and_a_line_in_the_table():
    """The files that are no commands are what the commands share."""
    shared = {
        "__init__", "__main__", "app", "arguments", "beside", "certainty", "console", "files",
        "findings", "init", "keeping", "listening", "memory", "parser",
    }  # fmt: skip
    files = {path.stem for path in Path(app.__file__).parent.glob("*.py")}
    assert files - shared == set(app.COMMANDS)
    for name, place in app.COMMANDS.items():
        command = importlib.import_module(place)
        assert place.rpartition(".")[2] == name
        assert isinstance(command.HELP, str) and command.HELP.endswith(".")
        assert callable(command.add_arguments) and callable(command.run)


@pytest.mark.parametrize("command", ["", *app.COMMANDS])
def test_help(run, command):
    code, out, err = run(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: fasttext-lite {command}".rstrip())
    if command == "train":
        for name in FIELDS:
            assert "--" + name.replace("_", "-") in out


# What is written, by command: flags, and arguments without one.
WRITTEN = {
    "train": ["-o", "--log", "--plot"], "teach": ["-o", "--log", "--plot"], "tune": ["-o", "--log"],
    "quantize": ["-o"], "convert": [""], "test": ["--confusion"], "report": ["-o"],
    "predict": ["-o"], "embed": ["--plot"], "filter": ["-o"], "alias": ["-o"], "demo": ["--output"],
    "audit": ["-o"], "label": ["-o", "--model-output"],
}  # fmt: skip
GIVEN = {
    "alias": 1,
    "demo": 0,
    "convert": 1,
    "train": 1,
    "teach": 1,
    "tune": 1,
    "quantize": 1,
    "audit": 1,
    "label": 1,
}


@pytest.mark.parametrize(("command", "flag"), [(c, f) for c, all in WRITTEN.items() for f in all])
def test_what_is_written_has_a_name(check_refused, tmp_path, monkeypatch, command, flag):
    """A variable of the shell that is not set is an empty one, and no flag left out."""
    monkeypatch.chdir(tmp_path)
    names = ["x"] * GIVEN.get(command, 2)
    check_refused(command, *names, *filter(None, [flag]), "", says="must be the name of what to")
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_a_full_disk_is_told_with_the_name_of_the_file(check_refused, model, train):
    check_refused("predict", model, train, "-o", "/dev/full", says=": /dev/full: no space left")


def test_each_output_is_one_that_must_have_a_name():
    for command in app.COMMANDS:
        parser = argparse.ArgumentParser()
        importlib.import_module(app.COMMANDS[command]).add_arguments(parser)
        names = {"output", "out", "log", "plot", "confusion", "model_output"}
        found = [action for action in parser._actions if action.dest in names]
        assert all(action.type is written for action in found), command
        assert len(found) == len(WRITTEN.get(command, ())), command


def test_help_tells_the_formats_apart(run):
    text = " ".join(run("test", "--help")[1].split())
    names = labelled_formats()
    assert f"--format {{auto,{','.join(names)}}} fasttext: __label__name text; tsv: " in text
    for name in names:
        assert f"{name}: {FORMATS[name].help.format(prefix='__label__')}" in text
    assert "auto (default) looks at the file's lines --label-prefix P what begins a label" in text
    assert "--text-column NAME of csv and jsonl (default text)" in text
    text = " ".join(run("predict", "--help")[1].split())
    assert f"--format {{auto,{','.join(FORMATS)}}} " in text
    assert "text: a text in each line, without words that begin with __label__" in text


def test_help_of_one_command_imports_no_other():
    code = (
        "import sys\nfrom fasttext_lite.cli import app\n"
        "try: app.main(['info', '--help'])\n"
        "except SystemExit: print(*(set(app.COMMANDS.values()) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "fasttext_lite.cli.info"


def test_without_a_command(run):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert all(f"    {command} " in out for command in app.COMMANDS)


def test_version(run):
    assert run("--version") == (0, f"fasttext-lite {__version__}\n", "")


# -- mistakes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["--fly"],
        ["train"],
        ["train", "-o", "x"],
        ["train", "x", "-o"],
        ["train", "x", "-o", "y", "--fly"],
        ["train", "x", "-o", "y", "z"],
        ["train", "x", "-o", "y", "--dim"],
        ["train", "x", "-o", "y", "--di", "3"],
        ["train", "x", "-o", "y", "--format", "xml"],
        ["train", "x", "-o", "y", "--seed", "-1"],
        ["train", "x", "-o", "y", "--seed", "x"],
        ["train", "x", "-o", "y", "--threads", "0"],
        ["train", "x", "-o", "y", "--lowercase", "yes"],
        ["train", "x\ny", "-o", "y", "a\nb\nc"],
        ["test"],
        ["test", "x"],
        ["test", "x", "y", "--threads", "-1"],
        ["predict"],
        ["predict", "x", "y", "z"],
        ["predict", "x", "--fly"],
        ["embed"],
        ["embed", "x", "-k", "1"],
        ["info"],
        ["info", "x", "--fly"],
        ["demo", "x"],
        ["demo", "--data", "x"],
        *(["predict", "x", "y", "-k", k] for k in ("0", "-2", "x", "1.5")),
        *(["test", "x", "y", "-k", k] for k in ("0", "-2", "x", "1.5")),
        *(["predict", "x", "--threshold", t] for t in ("2", "-0.1", "nan", "inf", "x")),
        *(["test", "x", "y", "--threshold", t] for t in ("2", "-0.1", "nan", "inf", "x")),
    ],
    ids=" ".join,
)
def test_usage_mistakes(check_refused, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_refused(*arguments, says="--help")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "content, says",
    [
        ("", "data.txt: the file is empty"),
        ("\n\n", "no line with a label and text"),
        ("no labels\nat all\n", "the format is not recognised"),
        ("__label__a one\n__label__a two\n", "at least 2 labels; found 1 ('a')"),
        ("__label__a\n__label__b\n", "no line with a label and text"),
        ("__label__a one\n\xff two\n".encode("latin-1"), "data.txt:2: not UTF-8"),
        (gzip.compress(b"__label__a one\n" * 99)[:-9], "cannot read on"),
        ("__label__a \u200b\n__label__b \u200b\n", "no text has any feature"),
    ],
)
def test_bad_training_data(check_refused, write, tmp_path, content, says):
    check_refused("train", write(content), "-o", tmp_path / "m.ftl", says=says)
    assert os.listdir(tmp_path) == ["data.txt"]


def test_bad_training_data_of_other_formats(check_refused, write, train, tmp_path):
    output = ["-o", tmp_path / "m.ftl"]
    check_refused("train", train, *output, "--format", "tsv", says="train.txt:1: no tab")
    check_refused("train", train, *output, "--format", "csv", says="train.txt:1: no column 'label'")
    check_refused("train", train, *output, "--format", "jsonl", says="train.txt:1: bad JSON")
    check_refused("train", train, *output, "--label-prefix", "#", says="format is not recognised")
    check_refused("train", write("a\tb\n"), *output, "--format", "fasttext", says="without a label")
    check_refused("train", tmp_path / "none", *output, says="none: no such file or directory")
    check_refused(
        "train",
        tmp_path,
        *output,
        says=f"is a directory: name a file in it; where several are read, '{tmp_path}/*' stands",
    )


def test_bad_validation_data(check_refused, train, write, tmp_path):
    output = ["-o", tmp_path / "m.ftl"]
    check_refused("train", train, *output, "--valid", tmp_path / "none", says="none: no such file")
    check_refused("train", train, *output, "--valid", write(""), says="the file is empty")
    pattern = tmp_path / "*.txt"
    check_refused("train", train, *output, "--valid", pattern, says="a pattern is not looked up")
    assert os.listdir(tmp_path) == ["data.txt"]


def test_stdin_twice(check_refused, feed, train, tmp_path):
    feed(Path(train).read_bytes())
    check_refused(
        "train", "-", "--valid", "-", "-o", tmp_path / "m.ftl", says="cannot both come from stdin"
    )


def test_output_is_checked_before_anything_is_read(check_refused, tmp_path, write):
    missing = tmp_path / "none.txt"  # would be the next mistake
    check_refused("train", missing, "-o", tmp_path, says="cannot write the model: is a directory")
    check_refused(
        "train", missing, "-o", tmp_path / "a" / "m.ftl", says="no such file or directory"
    )
    check_refused("train", missing, "-o", write("") + "/m.ftl", says="not a directory")
    check_refused("train", missing, "-o", tmp_path / ("x" * 300), says="file name too long")


def test_training_data_is_not_overwritten(check_refused, train, write, tmp_path):
    data = write(Path(train).read_bytes())
    (tmp_path / "link.txt").symlink_to("data.txt")
    check_refused(
        "train", data, "-o", tmp_path / "link.txt", says="the model would overwrite this file"
    )
    check_refused(
        "train", train, "--valid", data, "-o", data, says="the model would overwrite this file"
    )
    assert Path(data).read_bytes() == Path(train).read_bytes()


def test_same_files(tmp_path):
    """One file under two names, there already or to be made."""
    data, link, hard = (str(tmp_path / name) for name in ("data", "link", "hard"))
    assert console.is_same_file(data, f"{tmp_path}/./data")  # it may be made yet
    Path(data).touch()
    os.symlink(data, link)
    os.link(data, hard)
    assert console.is_same_file(data, link) and console.is_same_file(data, hard)
    assert not console.is_same_file(data, str(tmp_path))
    assert not console.is_same_file(None, data) and not console.is_same_file(data, "")
    assert not console.is_same_file("-", "./-")  # standard input is no file


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "x", "-o", "-"],
        ["train", "-", "--valid", "-", "-o", "m.ftl"],
        ["train", "x", "-o", "m.ftl", "--log", "m.ftl"],
        ["train", "x", "-o", "m.ftl", "--minn", "5"],
        ["tune", "x", "-o", "-"],
        ["tune", "x", "-o", "m.ftl", "--resume"],
        ["quantize", "x", "-o", "-"],
        ["quantize", "x", "-o", "m.ftl", "--qnorm"],
        ["convert", "x", "y"],
        ["convert", "x", "y.bin", "--qout"],
        ["embed", "x", "--of", "labels"],
        ["supervised", "-input", "x"],
        ["supervised", "-dim", "0", "-input", "x"],
        ["supervised", "-dim", "x", "-input", "x"],
        ["predict-prob", "x", "y", "0"],
        ["dump", "x", "nothing"],
    ],
    ids=" ".join,
)
def test_mistakes_in_arguments_are_one_kind_of_error(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    work = app.fasttext_command(arguments)
    if work is None:
        options = app.make_parser(arguments).parse_args(arguments)
        work = functools.partial(options.run, options)
    with pytest.raises(UsageError):
        work()


@pytest.mark.parametrize("command", ["test", "predict", "embed", "info"])
def test_bad_models(check_refused, write, folder, model, tmp_path, command):
    rest = [] if command == "info" else [folder / "test.txt"]
    check_refused(command, tmp_path / "none", *rest, says="cannot read the model: no such file")
    check_refused(command, tmp_path, *rest, says="cannot read the model: is a directory")
    check_refused(command, folder / "train.txt", *rest, says="train.txt: not a model file")
    check_refused(command, write(""), *rest, says="not a model file")
    data = Path(model).read_bytes()
    check_refused(
        command, write(data[:-100]), *rest, says="a model file that is cut: its arrays end"
    )
    damaged = data.replace(b'\\"format_version\\": 5', b'\\"format_version\\": 9')
    says = "the checksum of its header is another"
    check_refused(command, write(damaged), *rest, says=says)
    old = struct.pack("<ii", 793712314, 12) + bytes(100)
    damaged = "model of fastText" if command == "embed" else "the model file is damaged"
    check_refused(command, write(old), *rest, says=damaged)


@pytest.mark.parametrize("command", ["predict", "embed"])
def test_bad_texts(check_refused, model, tmp_path, write, command):
    check_refused(command, model, tmp_path / "none", says="none: no such file or directory")
    check_refused(command, model, tmp_path, says="is a directory")


def test_texts_that_end_too_early(run, model, write):
    data = gzip.compress("".join(f"soup {i * 7919}\n" for i in range(9999)).encode())
    code, out, err = run("predict", model, write(data[:-2000]))
    assert code == 2
    assert set(out.splitlines()) == {"food"}  # what could be read has its answers
    assert err.count("\n") == 1
    assert "cannot read on" in err


def test_bad_test_data(check_refused, model, write, folder, tmp_path):
    check_refused("test", model, write("plain words\n"), says="the format is not recognised")
    check_refused("test", model, write(""), says="the file is empty")
    check_refused("test", model, tmp_path / "none", says="no such file or directory")
    check_refused(
        "test", model, folder / "test.txt", "--format", "jsonl", says="test.txt:1: bad JSON"
    )


def test_plot_is_checked_before_anything_is_read(check_refused, tmp_path, write):
    def check(plot, says):
        check_refused("test", "none", "none", "--confusion", plot, says=says)

    check(tmp_path / "x.jpg", "a plot must be named")
    check(tmp_path / "none" / "x.png", "no such folder")
    check(write("") + "/x.png", "no such folder")
    (tmp_path / "x.png").mkdir()
    check(tmp_path / "x.png", "is a directory")


def test_out_of_memory_is_told(run, monkeypatch, model):
    def fail(path):
        raise MemoryError

    monkeypatch.setattr("fasttext_lite.model.storage.load_model", fail)
    check_mistake(*run("predict", model), "out of memory")


def test_our_own_bugs_are_shown(monkeypatch, model):
    def fail(path):
        raise ValueError("a bug")

    monkeypatch.setattr("fasttext_lite.model.storage.load_model", fail)
    with pytest.raises(ValueError, match="a bug"):
        app.main(["predict", model])


# -- interruptions ---------------------------------------------------------------------------


def test_interrupted_training_leaves_no_file(run, train, tmp_path, monkeypatch):
    numbers = [signal.SIGINT]  # once: another, of a thread that is late, would end the tests
    monkeypatch.setattr(
        "fasttext_lite.training.run._Clock.report",
        lambda *arguments, **options: numbers and signal.raise_signal(numbers.pop()),
    )
    result = run("train", train, "-o", tmp_path / "m.ftl")
    assert result == (130, "", "fasttext-lite: interrupted\n")
    assert os.listdir(tmp_path) == []


class Stream:
    """A running `predict`, fed and read through pipes."""

    def __init__(self, model, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fasttext_lite", "predict", model, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        self.process.wait()

    def ask(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()
        return self.process.stdout.readline()


def test_predict_answers_before_the_input_ends(model):
    with Stream(model) as stream:
        assert stream.ask(b"a\n") in {b"food\n", b"sport\n", b"weather\n"}
        assert stream.ask("热汤\n".encode()) == b"food\n"
        assert stream.ask(b"two lines: goal\ncloud\n") == b"sport\n"
        assert stream.process.stdout.readline() == b"weather\n"
        out, err = stream.process.communicate(b"soup")
        assert (out, stream.process.returncode) == (b"food\n", 0)
        assert err.count(b"\n") == 1
        assert b"1 of 5 texts have no known feature" in err


def test_a_closed_pipe_is_silent(model):
    with Stream(model) as stream:
        assert stream.ask(b"soup\n") == b"food\n"
        stream.process.stdout.close()
        stream.process.stdin.write(b"soup\n" * 1000)
        stream.process.stdin.close()
        assert stream.process.stderr.read() == b""
        assert stream.process.wait(60) == 0


def test_ctrl_c(model):
    with Stream(model) as stream:
        assert stream.ask(b"soup\n") == b"food\n"
        stream.process.send_signal(signal.SIGINT)
        assert stream.process.stderr.read() == b"fasttext-lite: interrupted\n"
        assert stream.process.wait(60) == 130


# -- the process around it -------------------------------------------------------------------


def test_the_module_runs(model, write):
    result = process("predict", model, write("soup\ngoal\n"))
    assert (result.returncode, result.stdout, result.stderr) == (0, b"food\nsport\n", b"")
    result = process("predict", model, write("") + "x")
    check_mistake(result.returncode, result.stdout.decode(), result.stderr.decode(), "no such file")


@pytest.mark.parametrize("arguments", [["predict", "-k", "3"], ["info"], ["info", "--json"]])
def test_output_is_utf8_whatever_the_locale(tmp_path, arguments):
    texts = Texts.from_sequence(["soup", "goal"] * 5)
    path = tmp_path / "m.ftl"
    labels = Labels.from_rows([("美食",), ("体育",)] * 5)
    save_model(fit(texts, labels, Config(dim=4, epochs=2)).model, path)
    env = environment(PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    result = process(arguments[0], path, *arguments[1:], input=b"soup\n", env=env)
    assert result.stderr == b""
    assert "美食" in result.stdout.decode("utf-8")


def test_output_that_cannot_be_written(model):
    with open(os.devnull, "rb") as not_for_writing:
        result = process("info", model, stdout=not_for_writing, stderr=subprocess.PIPE)
    check_mistake(result.returncode, "", result.stderr.decode(), "bad file descriptor")


@pytest.mark.parametrize(
    "command, n_closed, says",
    [
        ("predict", 0, "<stdin>: standard input is closed"),
        ("info", 1, "standard output is closed"),
    ],
)
def test_closed_streams(model, command, n_closed, says):
    result = process(command, model, preexec_fn=lambda: os.close(n_closed))
    check_mistake(result.returncode, result.stdout.decode(), result.stderr.decode(), says)


def test_closed_stderr(model):
    result = process("info", model + "x", preexec_fn=lambda: os.close(2))
    assert (result.returncode, result.stdout) == (2, b"")


def imported(*arguments):
    result = process(*arguments, python=("-X", "importtime"), input=b"soup\n")
    assert result.returncode == 0
    lines = result.stderr.decode().splitlines()
    names = [line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")]
    return {name.partition(".")[0] for name in names}


HEAVY = {"numpy", "numba", "safetensors", "sklearn", "scipy", "jieba", "matplotlib", "tqdm"}


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    found = imported(*arguments)
    assert "argparse" in found
    assert found & HEAVY == set()


def test_predict_imports_what_it_needs(model):
    found = imported("predict", model)
    assert found & HEAVY - {"scipy"} == {"numpy", "numba"}


# -- progress --------------------------------------------------------------------------------


def test_progress_is_for_terminals(capsys, monkeypatch):
    def draw(show):
        with progress.progress_bar(100, show) as callback:
            callback(Progress(1, 0.25, 0.5, 0.25, 1000.0))
            time.sleep(0.15)  # it is drawn ten times a second at most
            callback(Progress(1, 0.5, 0.25, 0.125, 1000.0))
        return capsys.readouterr()

    assert draw(None) == draw(False) == ("", "")
    out, err = draw(True)
    assert out == ""
    assert "50%" in err
    assert "epoch 1 loss 0.2500 lr 0.1250" in err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert "50%" in draw(None).err
    monkeypatch.setattr(sys, "stderr", None)
    with progress.progress_bar(100) as callback:
        assert callback(Progress(1, 0.5, 0.25, 0.125, 1000.0)) is None


def test_a_seed_makes_training_reproducible(good, train, tmp_path):
    files = [tmp_path / f"{i}.ftl" for i in range(3)]
    for file, seed in zip(files, (7, 7, 8), strict=True):
        good("train", train, "-o", file, "-q", "--seed", seed, *QUICK)
    same, again, other = (file.read_bytes() for file in files)
    assert same == again != other


def test_quiet_training_still_tells_the_validation_result(good, train, tmp_path):
    out = good("train", train, "-o", tmp_path / "m.ftl", "-q", "--valid", train, *QUICK)
    assert out.count("\n") == 1 and "accuracy" in out


def test_a_model_is_not_written_to_stdout(check_refused, train):
    check_refused("train", train, "-o", "-", says="cannot be written to stdout")


def test_a_tab_in_a_label_is_no_field(good, write, feed, tmp_path):
    rows = [{"label": label, "text": text} for label, text in (("x\ty", "hot"), ("z", "cold"))]
    lines = "".join(json.dumps(row) + "\n" for row in rows * 5)
    model = tmp_path / "m.ftl"
    good("train", write(lines, "d.jsonl"), "-o", model, "-q", "--epochs", 30, "--lr", 1)
    feed("hot\n")
    fields = good("predict", model, "--prob").rstrip("\n").split("\t")
    assert fields[0] == "x y" and len(fields) == 2


def test_all_labels_of_many_lines_are_predicted_in_parts(good, model, feed, monkeypatch):
    lines = "hot soup\nunknownword\n\na late goal\n" * 5
    feed(lines)
    whole = good("predict", model, "-k", 9, "--prob", notices="no known feature")
    monkeypatch.setattr("fasttext_lite.model.model.CHUNK_SCORES", 5)
    feed(lines)
    assert good("predict", model, "-k", 9, "--prob", notices="no known feature") == whole
    assert whole.count("\n") == 20
