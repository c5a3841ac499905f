"""A fastText user's first hour: the commands and calls of its tutorials, typed unchanged.

Only the name of the program differs, and the data: `cooking.train` and its like are the bundled
sentences in fastText's form, some with two labels. Where a default would write a table of 2,000,000
buckets of 100 numbers, `-bucket` is given; times are those of a test.
"""

import os
import re
import shutil
import subprocess
import sys

import fasttext as wheel
import numpy as np
import pytest

import fasttext_lite.compat as fasttext

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="the commands need a shell")

NUMBER = r"-?\d+(\.\d+)?(e-?\d+)?"
LABEL = r"__label__\w+"
PROBABILITY = r"(0\.\d+|1(\.0000\d)?|\d(\.\d+)?e-0\d)"
METRIC = r"(0\.\d{1,6}|[01])"
SUMMARY = rf"N\t(\d+)\nP@{{k}}\t{METRIC}\nR@{{k}}\t{METRIC}\n"
DICTIONARY = r"\rRead 0M words\nNumber of words:  \d+\nNumber of labels: \d+\n"
DONE = (
    r"\rProgress: 100\.0% words/sec/thread: +\d+ lr:  0\.000000 avg\.loss: +\d+\.\d{6} "
    r"ETA:   0h 0m 0s\n$"
)
TRIALS = r"\rProgress: +\d+\.\d% Trials: +\d+ Best score: +(\d\.\d{6}|unknown) ETA:   0h 0m 0s\n$"


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory, data_dir):
    """Return a folder with the files of the tutorials."""
    folder = tmp_path_factory.mktemp("hour")
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    program = bin_folder / "fasttext-lite"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fasttext_lite "$@"\n', "utf-8")
    program.chmod(0o755)
    languages, texts = {}, []
    for part, ending in (("train", "train"), ("test", "valid")):
        lines = []
        for name in ("en", "zh"):
            content = (data_dir / f"{name}_topics" / f"{part}.tsv").read_text("utf-8")
            rows = [line.split("\t") for line in content.splitlines()]
            languages.setdefault(ending, []).extend(f"__label__{name} {t}" for _, t in rows[:300])
            if name == "en":
                lines = rows
        texts += [text.lower() for _, text in lines]
        spaced = [(label, re.sub(r"([.!?,'/()])", r" \1 ", text.lower())) for label, text in lines]
        cooking = (
            f"__label__{label}{' __label__question' * ('?' in text)} {text}\n"
            for label, text in spaced
        )
        (folder / f"cooking.{ending}").write_text("".join(cooking), "utf-8")
    for ending, name in (("train", "train.txt"), ("valid", "valid.txt")):
        (folder / name).write_text("\n".join(languages[ending]) + "\n", "utf-8")
    (folder / "data").mkdir()
    (folder / "result").mkdir()
    (folder / "data" / "fil9").write_text(" ".join(texts) + "\n", "utf-8")
    (folder / "queries.txt").write_text("recipe\nxyzzyish\nmatch\n", "utf-8")
    return folder


@pytest.fixture
def sh(kitchen):
    """Return a function that types a command line, and returns what came on stdout and stderr."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    environment = os.environ | {
        "PATH": f"{kitchen / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
    }

    def sh(command, typed=""):
        done = subprocess.run(
            ["sh", "-c", command], cwd=kitchen, env=environment, input=typed.encode(),
            capture_output=True, check=False, timeout=120,
        )  # fmt: skip
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == 0, f"{command}\n{err}"
        return out, err

    return sh


def has_form(form, text):
    assert re.fullmatch(form, text), text
    return True


def metrics(out, k=1):
    """Return N, precision and recall as `test` prints them."""
    has_form(SUMMARY.replace("{k}", str(k)), out)
    return [float(line.split("\t")[1]) for line in out.splitlines()]


def test_text_classification(sh, kitchen):
    out, _ = sh("fasttext-lite")
    assert "supervised" in out and "predict-prob" in out  # the usage names the commands
    out, err = sh("fasttext-lite supervised -input cooking.train -output model_cooking")
    assert out == "" and re.match(DICTIONARY, err) and re.search(DONE, err)
    assert (kitchen / "model_cooking.bin").exists() and (kitchen / "model_cooking.vec").exists()
    question = "Which baking dish is best to bake a banana bread ?\n"
    out, err = sh("fasttext-lite predict model_cooking.bin -", question)
    assert has_form(f"{LABEL}\n", out) and err == ""
    out, _ = sh("fasttext-lite predict model_cooking.bin - 5", question + "\n" + question)
    five = f"{LABEL}( {LABEL}){{4}}\n"
    has_form(f"{five}({five}|\n){five}", out)
    n, first, _ = metrics(sh("fasttext-lite test model_cooking.bin cooking.valid")[0])
    n_lines = (kitchen / "cooking.valid").read_text("utf-8").count("\n")
    assert n == n_lines
    _, precision, recall = metrics(sh("fasttext-lite test model_cooking.bin cooking.valid 5")[0], 5)
    assert recall > precision
    sh("fasttext-lite supervised -input cooking.train -output model_cooking -lr 1.0 -epoch 25")
    _, better, _ = metrics(sh("fasttext-lite test model_cooking.bin cooking.valid")[0])
    assert better > first + 0.3  # as the tutorial promises of more epochs and a higher rate
    _, err = sh(
        "fasttext-lite supervised -input cooking.train -output model_cooking "
        "-lr 1.0 -epoch 25 -wordNgrams 2 -bucket 200000 -dim 50 -loss hs"
    )
    assert re.search(DONE, err)
    assert metrics(sh("fasttext-lite test model_cooking.bin cooking.valid")[0])[1] > 0.5
    theirs = wheel.load_model(str(kitchen / "model_cooking.bin"))
    ours = sh("fasttext-lite predict model_cooking.bin cooking.valid")[0].splitlines()
    lines = (kitchen / "cooking.valid").read_text("utf-8").splitlines()
    assert ours == [labels[0] for labels in theirs.predict(lines)[0]]


def test_several_labels(sh, kitchen):
    sh(
        "fasttext-lite supervised -input cooking.train -output model_cooking "
        "-lr 0.5 -epoch 25 -wordNgrams 2 -bucket 200000 -dim 50 -loss one-vs-all"
    )
    question = "how long should i bake the banana bread in the oven ?\n"
    pairs = f"{LABEL} {PROBABILITY}"
    out, _ = sh("fasttext-lite predict-prob model_cooking.bin - -1 0.5", question)
    has_form(f"{pairs}( {pairs})*\n", out)
    assert "__label__question" in out and "__label__food" in out
    assert all(float(number) >= 0.5 for number in out.split()[1::2])
    out, _ = sh("cat cooking.valid | fasttext-lite predict-prob model_cooking.bin - -1 0.5")
    assert has_form(f"(({pairs}( {pairs})*)?\n)*", out) and "\n" in out
    assert out.count("\n") == (kitchen / "cooking.valid").read_text("utf-8").count("\n")
    metrics(sh("fasttext-lite test model_cooking.bin cooking.valid -1 0.5")[0], -1)
    out, _ = sh("fasttext-lite test-label model_cooking.bin cooking.valid")
    lines = out.splitlines()
    form = r"F1-Score : (\d\.\d{6}|-+)  Precision : (\d\.\d{6}|-+)  Recall : (\d\.\d{6}|-+)"
    assert all(re.fullmatch(rf"{form}   {LABEL}", line) for line in lines[:-3])
    assert len(lines) == 9 + 3 and lines[-3].startswith("N\t")
    out, _ = sh("fasttext-lite dump model_cooking.bin args")
    assert "dim 50\n" in out and "loss one-vs-all\n" in out


def test_autotune(sh, kitchen):
    given = "-autotune-validation cooking.valid -autotune-duration 2"
    line = f"fasttext-lite supervised -input cooking.train -output model_auto {given}"
    _, err = sh(f"{line} -bucket 10000 -dim 20")
    assert re.search(TRIALS, err)
    assert metrics(sh("fasttext-lite test model_auto.bin cooking.valid")[0])[1] > 0.12
    sh(f"{line} -autotune-modelsize 2M -autotune-metric f1:__label__food")
    assert (kitchen / "model_auto.ftz").stat().st_size <= 2_000_000
    metrics(sh("fasttext-lite test model_auto.ftz cooking.valid")[0])


def test_language_identification(sh, kitchen):
    sh("fasttext-lite supervised -input train.txt -output langdetect -dim 16 -minn 2 -maxn 4")
    sh("fasttext-lite quantize -input train.txt -output langdetect -qnorm -cutoff 50000 -retrain")
    assert (kitchen / "langdetect.ftz").stat().st_size < 2_000_000
    n, precision, _ = metrics(sh("fasttext-lite test langdetect.ftz valid.txt")[0])
    assert n == 600 and precision > 0.95
    out, _ = sh("echo 'a late goal' | fasttext-lite predict langdetect.ftz -")
    assert out == "__label__en\n"
    text = "the recipe needs two eggs\n央行下调存款利率\n"
    out, _ = sh("fasttext-lite predict-prob langdetect.ftz - 2", text)
    has_form(f"({LABEL} {PROBABILITY} {LABEL} {PROBABILITY}\n){{2}}", out)
    assert [line.split()[0] for line in out.splitlines()] == ["__label__en", "__label__zh"]


def test_word_vectors(sh, kitchen):
    out, err = sh(
        "fasttext-lite skipgram -input data/fil9 -output result/fil9 -minn 2 -maxn 5 -dim 30 "
        "-epoch 1 -lr 0.5 -thread 4 -bucket 20000"
    )
    assert out == "" and re.match(DICTIONARY, err) and re.search(DONE, err)
    header, *rows = (kitchen / "result" / "fil9.vec").read_text("utf-8").splitlines()
    assert header == f"{len(rows)} 30" and rows[0].endswith(" ")
    vector = rf"( {NUMBER}){{30}} ?\n"
    out, _ = sh('echo "recipe team unseenword" | fasttext-lite print-word-vectors result/fil9.bin')
    has_form(rf"recipe{vector}team{vector}unseenword{vector}", out)
    out, _ = sh("fasttext-lite print-word-vectors result/fil9.bin < queries.txt")
    has_form(rf"recipe{vector}xyzzyish{vector}match{vector}", out)
    out, _ = sh("fasttext-lite print-sentence-vectors result/fil9.bin < queries.txt")
    has_form(rf"({NUMBER}( {NUMBER}){{29}} ?\n){{3}}", out)
    out, _ = sh("fasttext-lite print-ngrams result/fil9.bin recipe")
    assert out.startswith("recipe ") and "<re " in out
    out, _ = sh("fasttext-lite nn result/fil9.bin", "recipe\n")
    has_form(rf"Query word\? (\S+ {NUMBER}\n){{10}}Query word\? ", out)
    out, _ = sh("fasttext-lite analogies result/fil9.bin", "team match recipe\n")
    has_form(rf"Loading model \S+\nQuery triplet \(A - B \+ C\)\? (\S+ {NUMBER}\n){{10}}.*", out)
    sh("fasttext-lite cbow -input data/fil9 -output result/fil9-none -maxn 0 -dim 30 -epoch 1")
    dictionary, _ = sh("fasttext-lite dump result/fil9-none.bin dict")
    has_form(r"(\d+\n)?(\S+ \d+ word\n)+", dictionary)


# -- the same in Python ------------------------------------------------------------------------


@pytest.fixture
def kitchen_python(kitchen, monkeypatch):
    monkeypatch.chdir(kitchen)
    return kitchen


def test_text_classification_in_python(kitchen_python):
    model = fasttext.train_supervised(input="cooking.train")
    model.save_model("model_cooking.bin")
    labels, probabilities = model.predict("Which baking dish is best to bake a banana bread ?")
    assert isinstance(labels, tuple) and re.fullmatch(LABEL, labels[0])
    assert probabilities.dtype == np.float64 and probabilities.shape == (1,)
    labels, _ = model.predict("Why not put knives in the dishwasher?", k=5)
    assert len(labels) == 5
    n, first, _ = model.test("cooking.valid")
    assert isinstance(n, int)
    model.test("cooking.valid", k=5)
    model = fasttext.train_supervised(input="cooking.train", lr=1.0, epoch=25)
    assert model.test("cooking.valid")[1] > first + 0.3
    model = fasttext.train_supervised(
        input="cooking.train", lr=0.5, epoch=25, wordNgrams=2, bucket=200000, dim=50, loss="ova"
    )
    text = "how long should i bake the banana bread in the oven ?"
    labels, probabilities = model.predict(text, k=-1, threshold=0.5)
    assert set(labels) == {"__label__question", "__label__food"}
    assert np.all(probabilities >= 0.5) and np.all(np.diff(probabilities) <= 0)
    several, scores = model.predict([text, "a late goal"], k=3)
    assert [len(row) for row in several] == [3, 3] and scores[0].dtype == np.float32
    assert len(model.labels) == 9 and "the" in model.words and "</s>" in model.words
    words, found = model.get_line("__label__food bake the bread")
    assert words == ["bake", "the", "bread", "</s>"] and found == ["__label__food"]
    per_label = model.test_label("cooking.valid")
    assert set(per_label["__label__food"]) == {"precision", "recall", "f1score"}
    model.save_model("model_filename.bin")
    again = fasttext.load_model("model_filename.bin")
    assert again.predict(text, k=-1, threshold=0.5)[0] == labels
    theirs = wheel.load_model("model_filename.bin").predict([text], k=-1, threshold=0.5)
    assert tuple(theirs[0][0]) == labels
    before = model.test("cooking.valid")
    model.quantize(input="cooking.train", retrain=True)
    assert model.is_quantized() and model.test("cooking.valid")[1] > before[1] - 0.2
    model.save_model("model_filename.ftz")
    assert os.path.getsize("model_filename.ftz") < os.path.getsize("model_filename.bin") / 5


def test_autotune_in_python(kitchen_python):
    model = fasttext.train_supervised(
        input="cooking.train", autotuneValidationFile="cooking.valid", autotuneDuration=2,
        autotuneModelSize="1M",
    )  # fmt: skip
    assert model.is_quantized()
    model.save_model("model_auto.ftz")
    assert os.path.getsize("model_auto.ftz") <= 1_000_000
    assert model.test("cooking.valid")[0] > 300


def test_word_vectors_in_python(kitchen_python):
    model = fasttext.train_unsupervised(
        "data/fil9", minn=2, maxn=5, dim=30, epoch=1, lr=0.5, bucket=20000
    )
    assert model.get_word_vector("the").shape == (30,)
    assert [model.get_word_vector(x).dtype for x in ("recipe", "unseenword")] == [np.float32] * 2
    neighbors = model.get_nearest_neighbors("recipe")
    assert len(neighbors) == 10
    assert all(isinstance(cosine, float) and isinstance(word, str) for cosine, word in neighbors)
    assert len(model.get_analogies("team", "match", "recipe")) == 10
    assert np.array_equal(model["the"], model.get_word_vector("the")) and "the" in model
    model.save_model("result/fil9.bin")
    model = fasttext.load_model("result/fil9.bin")
    assert model.words[:3] and model.get_dimension() == 30
    model = fasttext.train_unsupervised("data/fil9", "cbow", maxn=0, dim=30, epoch=1)
    assert model.get_subwords("the")[0] == ["the"]
