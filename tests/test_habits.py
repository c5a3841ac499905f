"""What people are used to from elsewhere works, or a line says how it is done here."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import re
import shlex
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest

import fasttext_lite
from fasttext_lite import (
    FastTextClassifier,
    FastTextEnsemble,
    FastTextTuner,
    Model,
    ModelError,
    compat,
)
from fasttext_lite.cli import app
from fasttext_lite.cli.files import model_beside
from fasttext_lite.model import model as models

TEXTS = ["red apples", "green apples", "fast cars", "slow cars", "old songs", "new songs"] * 4
LABELS = ["fruit", "fruit", "cars", "cars", "music", "music"] * 4
QUICK = {"epochs": 5, "dim": 8, "recipe": "fixed", "random_state": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with texts and models of ours and of fastText; nobody writes there."""
    folder = tmp_path_factory.mktemp("habits")
    rows = [f"{label}\t{text}\n" for label, text in zip(LABELS, TEXTS, strict=True)]
    (folder / "train.tsv").write_text("".join(rows), "utf-8")
    (folder / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS[:6]), "utf-8")
    (folder / "train.txt").write_text(
        "".join(f"__label__{label} {text}\n" for label, text in zip(LABELS, TEXTS, strict=True)),
        "utf-8",
    )
    FastTextClassifier(**QUICK).fit(TEXTS, LABELS).save(folder / "model.ftl")
    settings = {"bucket": 2000, "dim": 8, "epoch": 20, "lr": 0.5, "thread": 1, "verbose": 0}
    theirs = compat.train_supervised(str(folder / "train.txt"), wordNgrams=2, **settings)
    theirs.save_model(str(folder / "model.bin"))
    theirs.quantize(cutoff=300)
    theirs.save_model(str(folder / "model.ftz"))
    words = compat.train_unsupervised(str(folder / "train.txt"), minCount=1, **settings)
    words.save_model(str(folder / "words.bin"))
    return folder


@pytest.fixture
def run(capsys):
    """Return a function that runs a command line: exit code, stdout, stderr."""

    def run(*arguments):
        try:
            code = app.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def refused(run):
    """Return a function that expects one line on stderr and exit code 2; the line."""

    def refused(*arguments):
        code, out, err = run(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), (code, out, err)
        return err

    return refused


# -- files that are not named ----------------------------------------------------------------
@pytest.mark.parametrize(
    "name, model",
    [
        ("data.tsv", "data.ftl"),
        ("data.csv", "data.ftl"),
        ("data.JSONL", "data.ftl"),
        ("data.txt", "data.ftl"),
        ("data.tsv.gz", "data.ftl"),
        ("data.txt.zst", "data.ftl"),
        ("data.gz", "data.ftl"),
        ("data", "data.ftl"),
        ("data.v2", "data.v2.ftl"),
        ("a.b/data", "a.b/data.ftl"),
        (".tsv", ".tsv.ftl"),
    ],
)
def test_the_model_of_a_file_is_beside_it(name, model):
    assert model_beside([name]) == model


@pytest.mark.parametrize("command", ["train", "tune"])
@pytest.mark.parametrize("ending", [".tsv", ".tsv.gz"])
def test_without_o_the_model_is_beside_the_texts(run, folder, tmp_path, command, ending):
    data = (folder / "train.tsv").read_bytes()
    path = tmp_path / f"data{ending}"
    path.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    more = ["--trials", "1"] if command == "tune" else ["--recipe", "fixed"]
    code, out, err = run(command, path, "--epochs", 2, "--seed", 1, *more)
    assert code == 0, err
    assert f"{tmp_path}/data.ftl: " in out
    assert set(os.listdir(tmp_path)) == {path.name, "data.ftl"}
    assert fasttext_lite.load(tmp_path / "data.ftl").predict(["green apples"])[0] in set(LABELS)


@pytest.mark.parametrize("command", ["train", "tune"])
def test_without_o_texts_from_stdin_have_no_name(refused, command):
    assert "texts from stdin have no name to call the model by: say -o" in refused(command, "-")


def test_without_o_the_small_model_is_beside_the_model(run, folder, tmp_path):
    path = tmp_path / "m.ftl"
    path.write_bytes((folder / "model.ftl").read_bytes())
    code, out, _ = run("quantize", path)
    assert code == 0 and out.startswith(f"{tmp_path}/m.small.ftl: ")
    assert set(os.listdir(tmp_path)) == {"m.ftl", "m.small.ftl"}


# -- endings of other kinds ------------------------------------------------------------------
def written_by_python(path: str, folder) -> None:
    FastTextClassifier.load(folder / "model.ftl").save(path)


def written_by_an_ensemble(path: str, folder) -> None:
    FastTextEnsemble(n_members=2, **QUICK).fit(TEXTS, LABELS).save(path)


def written_by_a_tuner(path: str, folder) -> None:
    tuner = FastTextTuner(FastTextClassifier(**QUICK), time=None, n_trials=1, random_state=0).fit(
        TEXTS, LABELS
    )
    tuner.save(path)


@pytest.mark.parametrize("ending", [".bin", ".ftz", ".FTZ", ".pkl", ".joblib"])
@pytest.mark.parametrize("write", [written_by_python, written_by_an_ensemble, written_by_a_tuner])
def test_python_refuses_the_endings_of_others(folder, tmp_path, ending, write):
    with pytest.raises(ModelError, match=f"m{ending}: that ending is .*: write .*m.ftl"):
        write(str(tmp_path / f"m{ending}"), folder)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", [".bin", ".ftz", ".pkl"])
@pytest.mark.parametrize("command", ["train", "tune", "quantize"])
def test_commands_refuse_the_endings_of_others(refused, folder, tmp_path, ending, command):
    source = folder / ("model.ftl" if command == "quantize" else "train.tsv")
    target = tmp_path / f"m{ending}"
    said = refused(command, source, "-o", target)
    assert f"{target}: that ending is" in said and f"write {tmp_path}/m.ftl" in said
    if ending != ".pkl":
        assert f"`fasttext-lite convert {tmp_path}/m.ftl {target}`" in said
    assert os.listdir(tmp_path) == []


# -- packed models ---------------------------------------------------------------------------
def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model", data)
    return file.getvalue()


PACKERS = {
    "gz": (gzip.compress, "gzip", "gunzip "),
    "xz": (lzma.compress, "xz", "unxz "),
    "bz2": (lambda data: bz2.compress(data, 1), "bzip2", "bunzip2 "),
    "zip": (zipped, "zip", "unzip "),
    "zst": (lambda data: b"\x28\xb5\x2f\xfd" + data, "zstd", "unzstd "),
    "packed": (gzip.compress, "gzip", "gunzip < "),
}
READERS = {
    "load": fasttext_lite.load,
    "load_model": fasttext_lite.load_model,
    "FastTextEnsemble.load": FastTextEnsemble.load,
    "compat.load_model": compat.load_model,
}
COMMANDS = (
    "predict MODEL TEXTS", "predict MODEL -", "test MODEL TEXTS", "info MODEL", "embed MODEL TEXTS",
    "convert MODEL OUT.ftl", "quantize MODEL -o OUT.ftl", "predict-prob MODEL TEXTS 1",
    "predict MODEL TEXTS 1", "test-label MODEL TEXTS", "nn MODEL", "dump MODEL args",
    "print-word-vectors MODEL",
)  # fmt: skip


@pytest.fixture(params=["model.ftl", "model.bin"])
def pack(request, folder, tmp_path):
    """Return a function that packs a model: its path, and what must be said."""

    def pack(ending):
        packer, kind, how = PACKERS[ending]
        path = tmp_path / f"{request.param}.{ending}"
        path.write_bytes(packer((folder / request.param).read_bytes()))
        return str(path), f"{path}: it is packed with {kind}: unpack it first ({how}{path}"

    return pack


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("reader", READERS)
def test_a_packed_model_is_explained(pack, ending, reader):
    path, says = pack(ending)
    with pytest.raises(ValueError) as caught:
        READERS[reader](path)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("line", COMMANDS)
@pytest.mark.parametrize("ending", ["gz", "zip"])
def test_a_packed_model_is_explained_by_commands(refused, pack, folder, tmp_path, ending, line):
    path, says = pack(ending)
    words = {"MODEL": path, "TEXTS": folder / "texts.txt", "OUT.ftl": tmp_path / "out.ftl"}
    said = refused(*(words.get(word, word) for word in line.split()))
    assert said.startswith(f"fasttext-lite: {says}")
    assert not (tmp_path / "out.ftl").exists()


def test_packed_bytes_are_explained(folder):
    data = gzip.compress((folder / "model.bin").read_bytes())
    with pytest.raises(ValueError, match="the model: it is packed with gzip"):
        compat.load_model(data)


# -- a text in the place of a file -----------------------------------------------------------
@pytest.mark.parametrize("text", ["a late goal", "goal", "it's 'late'", "终于赢了", "$HOME & more"])
@pytest.mark.parametrize("command, verb", [("predict", "classify"), ("embed", "embed")])
def test_a_text_in_place_of_a_file(refused, folder, text, command, verb):
    model = folder / "model.ftl"
    said = refused(command, model, text)
    call = f"echo {shlex.quote(text)} | fasttext-lite {command} {model}"
    assert said == f"fasttext-lite: {text}: no such file; to {verb} a text: {call}\n"
    printed = subprocess.run(
        ["sh", "-c", call.partition(" | ")[0]], capture_output=True, text=True, check=True
    )
    assert printed.stdout == f"{text}\n"


@pytest.mark.parametrize("command", ["predict", "embed"])
def test_a_text_of_several_words_in_place_of_a_file(refused, folder, command):
    said = refused(command, folder / "model.ftl", "a", "late", "goal")
    assert f"echo 'a late goal' | fasttext-lite {command} {folder}/model.ftl" in said
    assert "no flag --probb" in refused(command, folder / "model.ftl", "a", "late", "--probb")


@pytest.mark.parametrize("more", [[], ["1"], ["2", "0.5"]])
def test_a_text_in_place_of_a_file_of_fasttexts_commands(refused, folder, more):
    model = folder / "model.bin"
    for command in ("predict", "predict-prob"):
        said = refused(command, model, "red apples", *more)
        call = " ".join([f"fasttext-lite {command} {model} -", *more])
        assert f"to classify a text: echo 'red apples' | {call}\n" in said


@pytest.mark.parametrize("path", ["none.txt", "no/such/file", "my file.tsv", "none.tsv.gz"])
@pytest.mark.parametrize("command", ["predict", "embed"])
def test_a_missing_file_is_no_text(refused, folder, path, command):
    said = refused(command, folder / "model.ftl", path)
    assert f"{path}: no such file or directory" in said and "echo" not in said


def test_a_long_text_is_not_printed_in_full(refused, folder):
    said = refused("predict", folder / "model.ftl", "goal " * 1000)
    assert len(said) < 400 and "echo TEXT | fasttext-lite predict" in said


# -- the file behind flags, before them or between -----------------------------------------------
ORDERS = [
    ("predict", "--prob"),
    ("predict", "--json"),
    ("predict", "-k 2"),
    ("predict", "-k -1"),
    ("predict", "--encoding cp1252"),
    ("predict", "--prob --threads 1"),
    ("embed", "--format text"),
    ("embed", "--multilabel"),
    ("test", "--per-label"),
]


@pytest.mark.parametrize("command, flags", ORDERS)
def test_the_file_stands_anywhere(run, folder, command, flags):
    model = folder / "model.ftl"
    file = folder / ("train.tsv" if command == "test" else "texts.txt")
    flags = flags.split()
    expected = run(command, model, file, *flags)
    assert expected[0] == 0 and expected[1]
    assert run(command, *flags, model, file) == expected
    assert run(command, model, *flags, file) == expected
    assert run(command, model, *flags, "--", file) == expected
    assert run(command, *flags, "--", model, file) == expected


def test_files_with_names_like_flags_stand_behind_dashes(run, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-x.txt").write_bytes((folder / "texts.txt").read_bytes())
    expected = run("predict", folder / "model.ftl", folder / "texts.txt", "--prob")
    assert run("predict", folder / "model.ftl", "--prob", "--", "-x.txt") == expected
    assert run("predict", folder / "model.ftl", "./-x.txt", "--prob") == expected


def test_without_a_file_it_is_stdin(run, folder, monkeypatch):
    for words in (["--prob"], ["-", "--prob"], ["--prob", "-"], ["--prob", "--", "-"]):
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"red apples\n")))
        )
        code, out, err = run("predict", folder / "model.ftl", *words)
        assert (code, out.split("\t")[0], err) == (0, "fruit", ""), words


@pytest.mark.parametrize(
    "words, says",
    [
        (["t.txt", "--prob", "more"], "unrecognized arguments: more: --prob takes no value"),
        (["--prob", "t.txt", "--probb"], "no flag --probb: did you mean --prob?"),
        (["--prob", "t.txt", "more.txt"], "unrecognized arguments: more.txt"),
        (["-", "--prob", "t.txt"], "unrecognized arguments: t.txt"),
        (["--prob", "a", "late", "goal"], "echo 'a late goal' | fasttext-lite predict"),
    ],
)
def test_too_many_words(refused, folder, words, says):
    assert says in refused("predict", folder / "model.ftl", *words)


# -- files that are no models --------------------------------------------------------------------
def tar(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("model.ftl")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


NO_MODELS = {
    "empty": (b"", "it is empty"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "`git lfs pull`"),
    "html": (b"\n<!DOCTYPE html><html><body>404</body></html>", "it is HTML or XML"),
    "xml": (b"<?xml version='1.0'?><Error/>", "it is HTML or XML"),
    "pickle": (pickle.dumps({"a": 1}), "it is a pickle"),
    "old pickle": (pickle.dumps({"a": 1}, 2), "it is a pickle"),
    "tar": (tar(b"x" * 999), "it is a tar archive: unpack it first (tar -xf "),
    "text": ("fruit\tred apples é\n".encode() * 99, "it is a text: `fasttext-lite train "),
    "a long text": ("é".encode() * 999, "it is a text"),
    "a long text, off by one": (b"a" + "終".encode() * 999, "it is a text"),
    "vec": (b"2 3\nred 1 2 3\nfast 3 2 1\n", "--pretrained-vectors"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5"),
    "npy": (b"\x93NUMPY\1\0" + bytes(99), "NumPy"),
}


@pytest.mark.parametrize("kind", NO_MODELS)
@pytest.mark.parametrize("command", ["info", "test", "predict", "quantize"])
def test_what_is_no_model_is_told(refused, folder, tmp_path, kind, command):
    data, says = NO_MODELS[kind]
    path = tmp_path / "m.ftl"
    path.write_bytes(data)
    more = {"test": [folder / "train.tsv"], "predict": [folder / "texts.txt"]}.get(command, [])
    said = refused(command, path, *more)
    assert said.startswith(f"fasttext-lite: {path}: not a model file: ") and says in said


@pytest.mark.parametrize("kind", NO_MODELS)
def test_what_is_no_model_is_told_in_python(tmp_path, kind):
    data, says = NO_MODELS[kind]
    path = tmp_path / "m.bin"
    path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        fasttext_lite.load(path)
    assert says in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ValueError) as caught:
        compat.load_model(str(path))
    assert says.removeprefix("it is ") in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", ["model.ftl", "model.bin"])
def test_a_cut_model_is_damaged_and_nothing_else(refused, folder, tmp_path, name, size):
    data = (folder / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(len(data) * size)])
    assert "damaged" in refused("info", path)


def test_a_model_of_ours_is_no_model_of_fasttext(folder):
    with pytest.raises(ValueError, match="one of fasttext-lite: fasttext_lite.load reads it"):
        compat.load_model(str(folder / "model.ftl"))


@pytest.mark.parametrize("name", ["m.tgz", "m.tar.gz", "m.TAR.GZ", "m.tar.xz", "m.tbz2"])
def test_a_packed_archive_is_no_packed_model(tmp_path, name):
    path = tmp_path / name
    pack = {"z": gzip.compress, "Z": gzip.compress, "2": bz2.compress}
    path.write_bytes((lzma.compress if name[-2:] == "xz" else pack[name[-1]])(tar(b"x" * 999)))
    for load in (fasttext_lite.load, compat.load_model):
        with pytest.raises(ValueError) as caught:
            load(str(path))
        says = f"{path}: it is a packed tar archive: unpack it first (tar -xf {path})"
        assert str(caught.value) == says


@pytest.mark.parametrize("model", ["model.ftl", "model.bin", "model.ftz"])
@pytest.mark.parametrize("command", ["test", "predict", "embed"])
def test_first_the_model_then_the_file(refused, folder, command, model):
    model, file = folder / model, folder / "train.tsv"
    said = refused(command, file, model)
    assert f"first the model: fasttext-lite {command} {model} {file}\n" in said


# -- flags of what is not done -------------------------------------------------------------------
@pytest.mark.parametrize(
    "flags, names",
    [
        ("--multilabel", "--multilabel is"),
        ("--delimiter tab", "--delimiter is"),
        (
            "--label-column zz --delimiter tab --multilabel",
            "--label-column, --delimiter, --multilabel are",
        ),
        ("--format csv --encoding cp1252", "--format, --encoding are"),
    ],
)
def test_flags_of_files_that_quantize_is_not_given(refused, folder, tmp_path, flags, names):
    said = refused("quantize", folder / "model.ftl", "-o", tmp_path / "q.ftl", *flags.split())
    assert names in said and "for --retrain and --test" in said
    assert os.listdir(tmp_path) == []


# -- all labels ------------------------------------------------------------------------------
def test_all_labels_are_printed(run, folder):
    model, texts = folder / "model.ftl", folder / "texts.txt"
    for more in ([], ["--prob"], ["--json"], ["--prob", "--threshold", 0.2]):
        assert run("predict", model, texts, "-k", -1, *more) == run(
            "predict", model, texts, "-k", 3, *more
        )
    assert "P@3" in run("test", model, folder / "train.tsv", "-k", -1)[1]
    assert run("test", model, folder / "train.tsv", "-k", -1, "--json") == run(
        "test", model, folder / "train.tsv", "-k", 3, "--json"
    )


@pytest.mark.parametrize("command", ["predict", "test"])
@pytest.mark.parametrize("k", ["0", "-2", "all", "1.5"])
def test_other_numbers_of_labels(refused, folder, command, k):
    said = refused(command, folder / "model.ftl", folder / "train.tsv", "-k", k)
    assert f"must be a whole number of at least 1, or -1 for all labels; got '{k}'" in said


def test_all_labels_in_bounded_memory(run, folder, monkeypatch):
    """The texts predicted at a time are as few as for so many labels by their number."""
    sizes = []
    predict = Model.predict

    def watched(self, texts, *arguments, **named):
        sizes.append(len(texts))
        return predict(self, texts, *arguments, **named)

    monkeypatch.setattr(Model, "predict", watched)
    monkeypatch.setattr(models, "CHUNK_SCORES", 6)  # 2 texts of 3 labels
    run("predict", folder / "model.ftl", folder / "texts.txt", "-k", -1)
    run("test", folder / "model.ftl", folder / "train.tsv", "-k", -1)
    assert sizes and max(sizes) == 2


# -- models of fastText, and what is where ---------------------------------------------------
@pytest.mark.parametrize("name", ["model.bin", "model.ftz"])
@pytest.mark.parametrize("load", [fasttext_lite.load, FastTextClassifier.load])
def test_a_classifier_of_fasttext_is_loaded_as_one_of_ours(folder, name, load):
    ours, theirs = load(folder / name), compat.load_model(folder / name)
    expected = [labels[0].removeprefix("__label__") for labels in theirs.predict(TEXTS)[0]]
    assert ours.predict(TEXTS).tolist() == expected
    assert ours.classes_.tolist() == sorted(set(LABELS))
    model = fasttext_lite.load_model(folder / name)
    assert [row[0] for row in model.predict(TEXTS).names] == expected


@pytest.mark.parametrize("load", [fasttext_lite.load, fasttext_lite.load_model])
def test_word_vectors_are_no_classifier(folder, load):
    with pytest.raises(ModelError) as caught:
        load(folder / "words.bin")
    assert str(caught.value) == (
        f"{folder}/words.bin: word vectors cannot become a classifier: the model predicts no "
        "labels; fasttext_lite.compat.load_model reads it as it is"
    )


@pytest.mark.parametrize("name", ["model.bin", "model.ftz", "words.bin"])
def test_info_describes_models_of_fasttext(run, folder, name):
    code, out, err = run("info", folder / name)
    assert (code, err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines() if " " in line)
    values = json.loads(run("info", folder / name, "--json")[1])
    is_words = name == "words.bin"
    assert (
        lines["kind"]
        == values["kind"]
        == ("fastText, skipgram" if is_words else "fastText, supervised")
    )
    assert values["config"]["dim"] == int(lines["dim"]) == 8
    assert values["n_labels"] == len(values["labels"]) == int(lines["n_labels"])
    assert values["quantized"] == values["pruned"] == (name == "model.ftz")
    assert values["n_words"] == len(compat.load_model(folder / name).words)


def test_a_tuner_saves_its_best_estimator(tmp_path):
    tuner = FastTextTuner(FastTextClassifier(**QUICK), time=None, n_trials=1, random_state=0)
    with pytest.raises(ValueError, match="not fitted"):
        tuner.save(tmp_path / "m.ftl")
    tuner.fit(TEXTS, LABELS).save(tmp_path / "m.ftl")
    found = FastTextClassifier.load(tmp_path / "m.ftl")
    np.testing.assert_array_equal(found.predict_proba(TEXTS), tuner.predict_proba(TEXTS))


@pytest.mark.parametrize("size", ["4.2k", "4200", 4200, "0.0042M"])
def test_sizes_are_written_as_on_the_command_line(folder, tmp_path, size):
    FastTextClassifier.load(folder / "model.ftl").quantize(size=size).save(tmp_path / "m.ftl")
    assert os.path.getsize(tmp_path / "m.ftl") <= 4200


@pytest.mark.parametrize("size", ["many", "", "-3k", 0, 1.5])
def test_no_sizes(folder, size):
    with pytest.raises(ModelError, match="^size"):
        FastTextClassifier.load(folder / "model.ftl").quantize(size=size)


def test_what_quantize_does_not_know(folder):
    classifier = FastTextClassifier.load(folder / "model.ftl")
    with pytest.raises(ModelError, match="no setting 'cut_off': did you mean cutoff"):
        classifier.quantize(cut_off=3)


def test_the_command_line_runs_as_a_program(folder):
    done = subprocess.run(
        [sys.executable, "-m", "fasttext_lite", "predict", folder / "model.ftl", "red apples"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and "echo 'red apples' |" in done.stderr


# -- wrong calls of fastText's functions -----------------------------------------------------
def train(folder, *arguments, **named):
    """Train on the folder's texts, unless told otherwise."""
    named.setdefault("verbose", 0)
    return compat.train_supervised(*(arguments or [str(folder / "train.txt")]), **named)


WRONG_TRAINING = {
    "a list": (lambda f: train(f, ["red apples"]), TypeError, "takes lists"),
    "no path": (lambda f: train(f, 3), TypeError, "input must be a str or a path; got int"),
    "no input": (lambda f: compat.train_supervised(), ValueError, "no file is given"),
    "no file": (lambda f: train(f, "none.txt"), ValueError, "none.txt cannot be opened: no such"),
    "a folder": (lambda f: train(f, str(f)), ValueError, "it is a directory"),
    "lr as text": (lambda f: train(f, lr="0.5"), TypeError, "lr must be a number; got '0.5'"),
    "lr below 0": (lambda f: train(f, lr=-1), ValueError, "lr must be at least 0; got -1.0"),
    "no epoch": (lambda f: train(f, epoch=0), ValueError, "epoch must be at least 1; got 0"),
    "half an epoch": (lambda f: train(f, epoch=1.5), TypeError, "epoch must be a whole number"),
    "no dim": (lambda f: train(f, dim=0), ValueError, "dim must be at least 1; got 0"),
    "no thread": (lambda f: train(f, thread=-1), ValueError, "thread must be at least 0; got -1"),
    "n-grams": (lambda f: train(f, wordNgrams=-1), ValueError, "wordNgrams must be at least 0"),
    "alias": (lambda f: train(f, word_ngrams=-1), ValueError, "wordNgrams must be at least 0"),
    "no bucket": (lambda f: train(f, wordNgrams=2, bucket=0), ValueError, "with wordNgrams above"),
    "duration": (
        lambda f: train(f, autotuneValidationFile="x", autotuneDuration=0),
        ValueError,
        "autotuneDuration must be at least 1; got 0",
    ),
    "loss": (lambda f: train(f, loss="crossentropy"), ValueError, "softmax here"),
    "no loss": (lambda f: train(f, loss=3), ValueError, "Unrecognized loss name: 3; one of hs"),
    "label": (lambda f: train(f, label=3), TypeError, "label must be a str; got 3"),
    "twice": (lambda f: train(f, min_count=1, minCount=1), TypeError, "multiple values"),
    "metric": (
        lambda f: train(f, autotuneValidationFile=str(f / "train.txt"), autotuneMetric="acc"),
        ValueError,
        "unknown metric 'acc': f1, f1:LABEL",
    ),
    "model": (
        lambda f: compat.train_unsupervised(str(f / "train.txt"), "bow", verbose=0),
        ValueError,
        "Unrecognized model name: 'bow'; cbow or skipgram",
    ),
    "empty path": (lambda f: compat.load_model(""), ValueError, "path is empty: name a model"),
    "empty bytes": (lambda f: compat.load_model(b""), ValueError, "path is empty: name a model"),
    "load a folder": (lambda f: compat.load_model(str(f)), ValueError, "is a directory"),
    "load a text": (
        lambda f: compat.load_model(str(f / "train.txt")), ValueError, "not a model of fastText"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_TRAINING)
def test_a_wrong_call_of_a_function(folder, name):
    call, kind, says = WRONG_TRAINING[name]
    with pytest.raises(kind) as caught:
        call(folder)
    assert says in str(caught.value) and "\n" not in str(caught.value)
    assert not re.search(" -[a-z]", str(caught.value))  # no flags where there are none


WRONG_CALLS = {
    "number": (lambda m: m.predict(3), AttributeError, "text must be a str or a list of str; got"),
    "set": (lambda m: m.predict({"a", "b"}), AttributeError, "list(text) makes a list of it"),
    "table": (lambda m: m.predict(np.array([["a"]])), AttributeError, "got ndarray; list(text)"),
    "bytes": (lambda m: m.predict(b"abc"), TypeError, "got bytes; text.decode() makes a str"),
    "in a list": (lambda m: m.predict(["a", 3]), AttributeError, "got int"),
    "k": (lambda m: m.predict("a", 0), ValueError, "1 or higher, or -1 for all labels; got 0"),
    "k of many": (lambda m: m.predict(["a"], -2), ValueError, "or -1 for all labels; got -2"),
    "k as text": (lambda m: m.predict("a", "3"), TypeError, "k must be a whole number; got '3'"),
    "threshold": (lambda m: m.predict("a", 1, "x"), TypeError, "threshold must be a number"),
    "vector": (lambda m: m.get_sentence_vector(3), AttributeError, "text must be a str"),
    "line": (lambda m: m.get_line(None), AttributeError, "got NoneType"),
    "neighbours": (lambda m: m.get_nearest_neighbors("a", 0), ValueError, "below 0 for all words"),
    "retrain": (lambda m: m.quantize(retrain=True), ValueError, "quantize(input=PATH, ...)"),
    "cutoff": (lambda m: m.quantize(cutoff=-1), ValueError, "cutoff must be at least 0; got -1"),
    "lr": (lambda m: m.quantize(lr="x"), TypeError, "lr must be a number; got 'x'"),
    "epochs": (lambda m: m.quantize(epochs=3), TypeError, "did you mean epoch?"),
    "test": (lambda m: m.test("none.txt"), ValueError, "none.txt cannot be opened: no such file"),
    "save": (lambda m: m.save_model(3), TypeError, "path must be a str or a path; got int"),
}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_a_wrong_call_of_a_method(folder, name):
    call, kind, says = WRONG_CALLS[name]
    with pytest.raises(kind) as caught:
        call(compat.load_model(folder / "model.bin"))
    assert says in str(caught.value) and "\n" not in str(caught.value)
