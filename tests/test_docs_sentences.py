"""What the documents say of the program's behaviour, sentence by sentence, on the real program.

Each test names the sentences that it proves (`documents.proves`); those that other tests prove are
in `proven_sentences.txt`.
"""

import bz2
import csv
import dataclasses
import gzip
import io
import itertools
import json
import lzma
import os
import pickle
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zstandard
from documents import DOCUMENTS, ROOT, proves

import fasttext_lite
import fasttext_lite.compat as fasttext
from fasttext_lite import (
    Config,
    FastTextClassifier,
    FastTextEnsemble,
    FastTextTransformer,
    FastTextTuner,
    load,
    load_model,
)
from fasttext_lite.cli import app
from fasttext_lite.compat.files.arguments import BY_FLAG, Args
from fasttext_lite.config import fields
from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.config.recipe import LADDER_LINEAR, LEAST_EVENNESS, candidates, resolve
from fasttext_lite.config.scripts import SCRIPTS
from fasttext_lite.corpus.compression import COMPRESSIONS
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError
from fasttext_lite.estimators import ensemble
from fasttext_lite.estimators.parameters import threads_of
from fasttext_lite.features import gains, space
from fasttext_lite.fitting import calibrate, label_points, ladder, prepare, streaming
from fasttext_lite.model import calibration, packed, quantization
from fasttext_lite.parallel import cpu_count
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.training import run as training_run
from fasttext_lite.training import weights
from fasttext_lite.training import windows as training_windows
from fasttext_lite.tuning import judging

README, COMPAT, ZH = "README.md", "docs/from-fasttext.md", "docs/zh.md"
QUANTIZATION, ACCURACY, SPEED = "docs/quantization.md", "docs/accuracy.md", "docs/speed.md"
STARTUP, ARCHITECTURE, DATASETS = "docs/startup.md", "docs/architecture.md", "docs/datasets.md"


def rows_of(name, part="train", n=400):
    lines = (ROOT / "datasets" / name / f"{part}.tsv").read_text("utf-8").splitlines()[:n]
    return [tuple(line.split("\t")) for line in lines]


ROWS = rows_of("en_topics")
LABELS, TEXTS = zip(*ROWS, strict=True)
TEXTS, LABELS = list(TEXTS), list(LABELS)


def tsv(rows):
    return "".join(f"{label}\t{text}\n" for label, text in rows)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Return a folder of texts and of the default's model of them; nobody writes there."""
    shelf = tmp_path_factory.mktemp("shelf")
    (shelf / "train.tsv").write_text(tsv(ROWS), "utf-8")
    (shelf / "test.tsv").write_text(tsv(rows_of("en_topics", "test", 200)), "utf-8")
    (shelf / "texts.txt").write_text("a late goal\n\ninterest rates fall\n", "utf-8")
    (shelf / "two.tsv").write_text(
        "".join(f"{label}{',question' * ('?' in text)}\t{text}\n" for label, text in ROWS), "utf-8"
    )
    assert app.main(["train", f"{shelf}/train.tsv", "-o", f"{shelf}/model.ftl", "-q"]) == 0
    return shelf


@pytest.fixture
def place(shelf, tmp_path, monkeypatch):
    """Return a folder of one's own with copies of these."""
    shutil.copytree(shelf, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def good(capfd):
    """Return a function that types a command line without fault: stdout and stderr."""

    def good(line):
        capfd.readouterr()
        assert app.main(line.split()) == 0, capfd.readouterr().err
        return capfd.readouterr()

    return good


def process(line, folder, **kwargs):
    """Run a command line in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "fasttext_lite", *line.split()],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, **kwargs,
    )  # fmt: skip


# -- README: install and command line -------------------------------------------------------------


@proves(README, "CPython 3.10 or newer", "with OpenCC, for traditional Chinese", "# with plots")
@proves(README, "with zstandard, for files packed as .zst", "with Dask, to train on a cluster")
@proves(ZH, "需要 CPython 3.10 或更新", "需要繁体转简体时（安装 OpenCC）", "需要读 .zst 压缩文件时")
def test_what_an_installation_needs():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'requires-python = ">=3.10"' in project
    assert re.search(r'^plot = \["matplotlib', project, re.MULTILINE)
    assert re.search(r'^zh = \["OpenCC', project, re.MULTILINE)
    assert re.search(r'^zstd = \["zstandard', project, re.MULTILINE)
    assert re.search(r'^dask = \["dask\[dataframe,distributed\]', project, re.MULTILINE)
    assert COMPRESSIONS["zstd"].extra == "zstd"
    assert [each.name for each in COMPRESSIONS.values() if each.extra] == ["zstd"]


@proves(README, "sets up .venv, trains on the bundled data, tests, explains, writes a report")
def test_the_demo_does_what_it_says(place, good):
    out = good("demo --data en_topics --output demo").out
    assert "trained on 1536 texts" in out and "accuracy" in out
    assert "because of  " in out
    assert {path.suffix for path in Path("demo").iterdir()} >= {".ftl", ".png", ".html"}


@proves(README, "`label<TAB>text`, fastText's `__label__name text`, tables with a header")
@proves(README, "`,` `;` `|` or a tab", "and JSON lines")
@proves(
    ZH,
    "带表头的表格（逗号、分号、竖线或制表符分隔）、JSON Lines",
    "以及它们的 .gz、.bz2、.xz、.zst",
)
def test_every_form_of_a_training_file_gives_the_same_model(place, good, feed):
    records = [{"label": label, "text": text} for label, text in ROWS]
    quoted = ('"' + text.replace('"', '""') + '"' for text in TEXTS)
    forms = {
        "a.tsv": tsv(ROWS),
        "a.txt": "".join(f"__label__{label} {text}\n" for label, text in ROWS),
        "a.csv": "label,text\n"
        + "".join(f"{label},{text}\n" for label, text in zip(LABELS, quoted, strict=True)),
        "a.jsonl": "".join(json.dumps(record) + "\n" for record in records),
    }
    for name, sign in {"semicolons": ";", "bars": "|", "tabs": "\t"}.items():
        out = io.StringIO()
        csv.writer(out, delimiter=sign, lineterminator="\n").writerows([("label", "text"), *ROWS])
        forms[name] = out.getvalue()
    found = set()
    packers = [gzip.compress, bz2.compress, lzma.compress, zstandard.compress]
    for (name, content), pack in zip(forms.items(), itertools.cycle(packers), strict=False):
        Path(name).write_text(content, "utf-8")
        Path(f"{name}.packed").write_bytes(pack(content.encode()))
        for path in (name, f"{name}.packed", "-"):
            feed(content)
            good(f"train {path} -o m.ftl --seed 1 --recipe fixed -q")
            found.add(good("predict m.ftl test.tsv --prob").out)
    assert len(found) == 1


@proves(README, "`--columns label,text` names the columns of a table without a header")
@proves(
    ZH,
    "表格没有表头时，用 `--columns label,text` 给出列名",
    "用 `--label-column` 和 `--text-column`",
)
def test_tables_name_their_columns_or_are_told_them(place, good):
    rows = [("topic", "body"), *zip(LABELS, TEXTS, strict=True)]
    for name, lines in {"named.csv": rows, "bare.csv": rows[1:]}.items():
        with open(name, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
        assert app.main(["test", "model.ftl", name]) == 2
    wanted = good("test model.ftl train.tsv").out
    assert good("test model.ftl bare.csv --columns label,text").out == wanted
    assert good("test model.ftl named.csv --label-column topic --text-column body").out == wanted


@proves(README, "Files are UTF-8, or what a byte order mark or `--encoding gb18030` says")
@proves(
    ZH, "GBK 编码的文件用 `--encoding gb18030`", "不是 UTF-8 的文件，`train`、`test`、`tune` 会报错"
)
@proves(ZH, "`predict` 和 `embed` 提示一次后继续，都会说出看起来是哪种编码")
def test_encodings_are_told_or_marked_and_never_guessed(place, good, capfd):
    content = tsv(rows_of("zh_topics", n=60))
    for name, encoding in {"a": "utf-8", "b": "gb18030", "c": "utf-16"}.items():
        Path(name).write_text(content, encoding)
    wanted = good("predict model.ftl a --format tsv").out
    assert good("predict model.ftl b --format tsv --encoding gb18030").out == wanted
    assert good("predict model.ftl c --format tsv").out == wanted
    looks = "b:1: not UTF-8 (byte 0x"
    for line in ("train b -o m.ftl", "test model.ftl b", "tune b -o m.ftl"):
        assert app.main(line.split()) == 2
        said = capfd.readouterr().err
        assert looks in said and said.endswith("read it with --encoding gb18030\n")
    for command in ("predict", "embed"):
        done = good(f"{command} model.ftl b --format tsv")
        assert done.out.count("\n") == 60 and done.err.count("--encoding gb18030") == 1
        assert looks in done.err


@proves(README, "`label<TAB>text` if what stands before the tabs is a label of the model")
@proves(
    README,
    "with the columns `predicted_label` and `score` added",
    "in place of --prob, -o out.csv writes records",
)
@proves(ZH, "`predict model.ftl texts.csv -o out.csv`（或 .tsv、.jsonl）写出原来的记录")
@proves(COMPAT, "each record has an answer, and `-o out.csv` writes them")
@proves(
    COMPAT, "are texts like others for `predict MODEL FILE`, as in fastText, and a line says so"
)
def test_predictions_are_added_to_the_records(place, good, theirs, caplog):
    answers = good("predict model.ftl train.tsv").out.splitlines()
    bare = Path("bare.txt")
    bare.write_text("".join(f"{text}\n" for text in TEXTS), "utf-8")
    assert good("predict model.ftl bare.txt").out.splitlines() == answers
    bare.write_text("".join(f"no label\t{text}\n" for text in TEXTS), "utf-8")
    assert "are read as plain text" in good("predict model.ftl bare.txt").err
    with open("texts.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *enumerate(TEXTS)])
    for ending in ("csv", "tsv", "jsonl"):
        assert good(f"predict model.ftl texts.csv -o out.{ending}").out == ""
        lines = Path(f"out.{ending}").read_text("utf-8").splitlines()
        if ending == "jsonl":
            records = [json.loads(line) for line in lines]
        else:
            records = list(csv.DictReader(lines, delimiter="\t" if ending == "tsv" else ","))
        assert [record["predicted_label"] for record in records] == answers
        assert [record["text"] for record in records] == TEXTS
        assert set(records[0]) == {"id", "text", "predicted_label", "score"}
    caplog.clear()
    model = f"{theirs}/model.bin"
    assert good(f"predict {model} texts.csv").out.count("\n") == len(TEXTS) + 1
    assert "takes each line for a text" in caplog.messages[-1]
    assert good(f"predict {model} texts.csv --format csv").out.count("\n") == len(TEXTS)
    good(f"predict {model} texts.csv -o out.csv")
    assert Path("out.csv").read_text("utf-8").startswith("id,text,predicted_label,score\n")


@proves(README, "labels glued to texts, several labels in a field, a label of its own for nearly")
@proves(README, "in Python labels come back as they were given; the model and its file have them")
def test_what_is_said_of_labels(place, good, caplog):
    glued = "".join(f"__label__{label},{text}\n" for label, text in ROWS)
    own = "".join(f"{i}\t{text}\n" for i, text in enumerate(TEXTS))
    several = "".join(f"{label},{LABELS[i % 7]}\t{text}\n" for i, (label, text) in enumerate(ROWS))
    for content, words in {
        glued: "hold a comma followed by a word", own: "a label of its own",
        several + tsv(ROWS): "need --multilabel",
    }.items():  # fmt: skip
        caplog.clear()
        Path("odd.tsv").write_text(content, "utf-8")
        good("train odd.tsv -o m.ftl --recipe fixed --epochs 1")
        assert [words in message for message in caplog.messages].count(True) == 1, words
    marked = [f"__label__{label}" for label in LABELS]
    classifier = FastTextClassifier(recipe="fixed").fit(TEXTS, marked)
    classifier.save("m.ftl")
    assert set(load("m.ftl").predict(TEXTS)) <= set(marked) >= set(classifier.predict(TEXTS))
    assert set(load_model("m.ftl").labels) == set(LABELS)


@proves(README, "show each epoch's loss and accuracy", "warnings say in plain words")
@pytest.mark.parametrize("flag", ["--valid test.tsv", "--log run.jsonl", "--plot curves.png"])
def test_each_of_these_flags_shows_epochs_and_warns(place, flag):
    done = process(f"train train.tsv -o m.ftl --lr 1e-7 --epochs 4 {flag}", place)
    lines = done.stderr.splitlines()
    assert done.returncode == 0
    assert sum(bool(re.match(r"epoch \d/4: loss \d.*, train 0\.", line)) for line in lines) == 4
    assert any("the training loss does not fall" in line for line in lines)
    assert process("train train.tsv -o m.ftl --lr 1e-7 --epochs 4", place).stderr == ""


@proves(README, "and keeps the best weights")
def test_patience_needs_no_validation_file(place, good):
    out = good("train train.tsv -o m.ftl --patience 3 --epochs 40 --lr 2").out
    assert "(40 set aside)" in out and re.search(r"\(epoch \d+ kept\)", out)


@proves(README, "a stronger or weaker fit, more weight on the letters in words")
@proves(README, "`train`, `info` and `history_.choice` say what was chosen and why")
@proves(ZH, "`train` 和 `info` 会说明选了什么、为什么", "试几种拟合强度和字符 n-gram 的权重")
def test_what_was_chosen_is_said(place, good):
    trained = good("train train.tsv -o m.ftl").out
    line = re.search(r"^chosen: (.*)$", trained, re.MULTILINE)[1]
    reason = r"(standard error|the default is the best)"
    assert "(default)" in line and re.search(reason, line) and "held out" in line
    assert good("info m.ftl").out.count(line) == 1
    classifier = FastTextClassifier().fit(TEXTS, LABELS)
    assert re.search(reason, classifier.history_.choice.line())
    labels, texts = zip(*rows_of("en_topics", n=1_500), strict=True)
    tried = FastTextClassifier(random_state=0).fit(texts, labels).history_.choice.candidates
    assert [each.settings["char_energy"] for each in tried].count(4.0) == 1
    fits = {(each.settings["loss"], each.settings["lr"]) for each in tried}
    assert 2 <= len(fits) <= len(LADDER_LINEAR)  # weaker ones only while they are better


@proves(README, "`--recipe fixed` tries nothing")
@proves(ZH, "自己设定的参数不会被改动；`--recipe fixed` 关掉这一步")
def test_what_is_set_stays(place, good):
    assert "chosen:" not in good("train train.tsv -o m.ftl --recipe fixed").out
    assert "choice          none" in good("info m.ftl").out
    good("train train.tsv -o m.ftl --loss softmax --lr 0.7 --char-energy 2")
    config = load_model("m.ftl").config
    assert (config.loss, config.lr, config.char_energy) == ("softmax", 0.7, 2.0)


@proves(README, "`test` prints how far they are off (ECE")
@proves(ZH, "`test` 会输出期望校准误差（ECE）")
def test_calibration_is_told(place, good):
    assert re.search(r"  ECE 0\.\d{4}$", good("test model.ftl test.tsv").out.strip())


@proves(README, "Exact match is also what each epoch shows", "micro-F1, macro-F1")
@proves(README, "maximises unless `--metric` says otherwise", "the share of texts that get all")
@proves(ZH, "`test` 和 `--valid` 输出 micro-F1、macro-F1 和 exact match", "加 `--multilabel`")
@proves(ZH, "给出 `-k` 或 `--threshold` 时，`test` 输出 fastText 的 P@k 和 R@k")
@proves(COMPAT, "a model of several labels is measured by all labels of probability 0.5 or more")
def test_several_labels_are_measured_by_what_is_decided(place, good):
    done = good("train two.tsv -o two.ftl --multilabel --valid two.tsv --epochs 2")
    assert "exact match train" in done.err
    for out in (done.out, good("test two.ftl two.tsv").out):
        assert re.search(r"micro-F1 \S+  macro-F1 \S+  exact match (\S+)", out)
        assert "P@" not in out
    for flag in ("-k 1", "--threshold 0.5"):
        out = good(f"test two.ftl two.tsv {flag}").out
        assert "P@1" in out and "R@1" in out and "exact match" not in out
    model, corpus = load_model("two.ftl"), read_corpus("two.tsv")
    model = load("two.ftl")
    decided = model.predict(corpus.texts.to_list())
    wanted = [set(row[0].split(",")) for row in corpus.label_rows]
    right = np.mean([set(a) == b for a, b in zip(decided, wanted, strict=True)])
    found = re.search(r"exact match (\S+)", good("test two.ftl two.tsv").out)[1]
    assert float(found) == pytest.approx(right, abs=6e-5)
    out = good("tune two.tsv -o tuned.ftl --multilabel --trials 1").out
    assert "exact match" in out or "accuracy" in out


# -- README: Python -------------------------------------------------------------------------------


@proves(README, "training uses one thread (unless `n_jobs` says otherwise)")
@proves(README, "without, it uses all processors")
@proves(ZH, "（或 `random_state=1`）用一个线程")
def test_a_seed_takes_one_thread():
    assert threads_of(FastTextClassifier(random_state=1), training=True) == 1
    assert threads_of(FastTextClassifier(random_state=1, n_jobs=2), training=True) == 2
    assert threads_of(FastTextClassifier(), training=True) == cpu_count()
    assert threads_of(FastTextClassifier(random_state=1), training=False) == cpu_count()


@proves(README, "with a seed (`random_state`, `--seed`) it takes one thread")
@proves(ZH, "加 `--seed 1`")
def test_the_same_seed_writes_the_same_file(place, good):
    found = set()
    for name in ("a.ftl", "b.ftl"):
        good(f"train train.tsv -o {name} --seed 1 -q")
        found.add(Path(name).read_bytes())
    assert len(found) == 1
    parts = [FastTextClassifier(random_state=1).fit(TEXTS, LABELS) for _ in range(2)]
    assert np.array_equal(*(part.predict_proba(TEXTS[:50]) for part in parts))


@proves(README, "A model shrinks further", "keeps the rows that tell most, as small whole numbers")
@proves(QUANTIZATION, "writes a file of at most 500,000 bytes", "prints the accuracy of both")
@proves(QUANTIZATION, "Reading such a file needs nothing special", "the output table is float16")
@proves(ZH, "再量化可以小到几百 KB")
def test_a_model_shrinks(place, good):
    line = "quantize model.ftl -o small.ftl --size 60k --retrain train.tsv --test test.tsv"
    out = good(line).out.splitlines()
    assert os.path.getsize("small.ftl") <= 60_000 < os.path.getsize("model.ftl")
    assert [x.split(":")[0] for x in out[1:]] == ["model.ftl", "small.ftl"]
    accuracies = [float(re.search(r"accuracy (\S+)", x)[1]) for x in out[1:]]
    assert abs(accuracies[0] - accuracies[1]) < 0.1
    assert good("predict small.ftl texts.txt").out.count("\n") == 3
    assert load("small.ftl").predict(["a late goal"]).shape == (1,)
    about = json.loads(good("info small.ftl --json").out)["quantized"]
    assert about["rows"] == "int8" and about["bytes"]["rows"] > 0
    good("train train.tsv -o learned.ftl --head learned -q")
    good("quantize learned.ftl -o small.ftl")
    output = load_model("small.ftl").output
    assert np.array_equal(output, output.astype(np.float16))
    assert not np.array_equal(output, load_model("learned.ftl").output)


@proves(QUANTIZATION, '`classifier.quantize(size="500k").save("small.ftl")`')
@proves(QUANTIZATION, "with training texts and labels as first arguments to train again")
def test_a_classifier_shrinks(place):
    classifier = FastTextClassifier(random_state=0).fit(TEXTS, LABELS)
    classifier.quantize(size="60k").save("small.ftl")
    assert os.path.getsize("small.ftl") <= 60_000
    again = classifier.quantize(TEXTS, LABELS, size=60_000)
    assert again.score(TEXTS, LABELS) > 0.9
    with pytest.raises(ModelError, match="cannot be trained further"):
        again.partial_fit(TEXTS, LABELS)


@proves(QUANTIZATION, "with the settings that the model's file has, the chosen ones included")
@proves(QUANTIZATION, "takes no part: pretrained vectors, noise in words and `patience`")
@proves(QUANTIZATION, "Class weights, seed and", "but may have no new labels")
@proves(QUANTIZATION, "The texts need not be those of the first training")
@proves(QUANTIZATION, "`--lr`, `--epochs`, `--class-weight` and `--seed` give this training other")
def test_what_a_training_once_more_takes_of_the_model(place, good, monkeypatch):
    from fasttext_lite.fitting import fit

    seen = []
    real = fit.fit_prepared
    monkeypatch.setattr(
        fit,
        "fit_prepared",
        lambda prepared, *rest, **kw: (
            seen.append((prepared.config, prepared.doc_weights, kw["seed"]))
            or real(prepared, *rest, **kw)
        ),
    )
    good(
        "train train.tsv -o m.ftl --word-dropout 0.2 --patience 3 --epochs 4 "
        "--class-weight balanced --seed 3 -q"
    )
    seen.clear()
    config = load_model("m.ftl").config
    good("quantize m.ftl -o s.ftl --cutoff 2000 --retrain test.tsv")
    taken, doc_weights, seed = seen[-1]
    assert taken == config.replace(word_dropout=0.0, patience=None, epochs=taken.epochs)
    assert doc_weights is not None and len(set(doc_weights)) > 1 and seed == 3
    good(
        "quantize m.ftl -o s.ftl --cutoff 2000 --retrain test.tsv --lr 0.5 --epochs 2 "
        "--class-weight none --seed 4"
    )
    taken, doc_weights, seed = seen[-1]
    assert (taken.lr, taken.epochs, seed) == (0.5, 2, 4) and doc_weights is None
    classifier = FastTextClassifier(class_weight="balanced").fit(TEXTS, LABELS)
    seen.clear()
    classifier.quantize(TEXTS, LABELS, cutoff=2000)
    assert seen[-1][1] is not None
    Path("new.tsv").write_text("unheard\ta text\nfood\tanother\n", "utf-8")
    assert app.main(["quantize", "m.ftl", "-o", "s.ftl", "--retrain", "new.tsv"]) == 2


@proves(QUANTIZATION, "half of their root mean square (`--step`)", "256 centroids")
@proves(QUANTIZATION, "25 iterations of k-means, at most 65,536 rows", "0.1 is taken for it")
def test_numbers_of_quantisation():
    assert packed.STEP == 0.5
    assert (quantization.N_CODES, quantization.N_ITERATIONS) == (256, 25)
    assert quantization.MOST_SAMPLED == 65_536
    from fasttext_lite.config.presets import PRESETS

    assert PRESETS["fasttext"]["lr"] == 0.1


@proves(README, "`fasttext-lite datasets list`, `fasttext_lite.datasets.fetch_dataset`")
@proves(DATASETS, "`fasttext-lite datasets list --json`", "Citations and addresses")
def test_data_sets_come_by_name(place, good):
    from fasttext_lite.datasets import fetch_dataset

    assert callable(fetch_dataset)
    listed = json.loads(good("datasets list --json").out)
    assert {"name", "citation", "homepage", "licence"} <= set(listed[0])


@proves(DATASETS, "sets that are not in the table can be fetched from it by name")
@proves(DATASETS, "and prints their paths", "bunch.label_names, bunch.DESCR, bunch.path")
@proves(ZH, "已经有数据时，把文件夹放进 `FASTTEXT_LITE_DATA`", "保存为 `train.tsv` 和 `test.tsv`")
def test_a_folder_of_ones_own_serves_sets(place, good, monkeypatch):
    from fasttext_lite.datasets import fetch_dataset

    monkeypatch.setenv("FASTTEXT_LITE_DATA", str(place / "sets"))
    Path("sets/mine").mkdir(parents=True)
    for part in ("train", "test"):
        shutil.copy(f"{part}.tsv", f"sets/mine/{part}.tsv")
    paths = good("datasets fetch mine").out.split()
    assert [Path(path).name for path in paths] == ["train.tsv", "test.tsv"]
    bunch = fetch_dataset("mine", download_if_missing=False)
    assert bunch.train_texts == TEXTS and bunch.label_names == sorted(set(LABELS))
    assert Path(bunch.path).name == "mine" and bunch.DESCR


@proves(README, "Trials are judged on a tenth of the rows, or where that is fewer than 500")
@proves(README, "by random search with successive halving")
def test_what_trials_are_judged_on():
    assert (judging.VALID_SHARE, judging.LEAST_ASIDE, judging.FOLDS) == (0.1, 500, 5)
    assert [judging.choose_folds(n) for n in (4_999, 5_000)] == [5, 1]
    tuner = FastTextTuner(time=300)
    assert tuner.time == 300


@proves(README, "`FastTextTuner(time=300).fit(X, y)` (`fasttext-lite tune`) searches settings")
def test_the_tuner_begins_with_the_default_of_the_fixed_recipe():
    tuner = FastTextTuner(time=None, n_trials=1, random_state=0).fit(TEXTS, LABELS)
    fixed = FastTextClassifier(recipe="fixed", random_state=0).fit(TEXTS, LABELS)
    assert np.array_equal(tuner.predict_proba(TEXTS[:9]), fixed.predict_proba(TEXTS[:9]))


@proves(README, "(seeds, bagging, snapshots)")
def test_the_ways_of_an_ensemble():
    assert [method.rstrip("s") for method in ensemble.METHODS] == ["seed", "bagging", "snapshot"]
    for method in ensemble.METHODS:
        members = FastTextEnsemble(method=method, n_members=2, epochs=2).fit(TEXTS, LABELS)
        assert members.predict_proba(TEXTS[:3]).sum(axis=1) == pytest.approx(1)


@proves(README, "`FastTextTransformer` gives the document embeddings")
def test_embeddings_for_others():
    found = FastTextTransformer(recipe="fixed").fit(TEXTS, LABELS).transform(TEXTS[:5])
    assert found.shape[0] == 5 and found.dtype == np.float32


# -- README: how it works, limits -----------------------------------------------------------------


@proves(README, "An analyzer cuts text into tokens", "`char`, `jieba` (Chinese words)")
@proves(ZH, "每个汉字（或假名、韩文音节、泰文等字符）一个词元，其他文字按词", "按空白切开")
@proves(ZH, "每个字符一个词元，外文也一样", "jieba 的词，加上 `auto` 的词元")
def test_analyzers_cut_as_described():
    text = "天气good 한국 ไทย"

    def tokens(name):
        return analyze(Texts.from_sequence([text]), Config(analyzer=name)).tokens()[0]

    found = {name: tokens(name) for name in ANALYZERS}
    assert set(found) == {"auto", "whitespace", "char", "jieba", "mixed"}
    assert found["auto"] == ["天", "气", "good", "한", "국", "ไ", "ท", "ย"]
    assert found["whitespace"] == text.split()
    assert found["char"] == list(text.replace(" ", ""))
    assert "天气" in found["jieba"]
    assert set(found["auto"]) | set(found["jieba"]) <= set(found["mixed"])


@proves(README, "only those that occur get a row, so a model is as large as its data")
def test_only_what_occurs_has_a_row(place, good):
    good("train train.tsv -o m.ftl --bucket 2000000 -q")
    model = load_model("m.ftl")
    assert model.space.n_rows < 50_000 and os.path.getsize("m.ftl") < 5e6


@proves(README, "eight optimizers")
@proves(README, "a softmax, one-vs-all, negative sampling, hinge losses, or a tree of labels")
@proves(README, "weight decay, dropout, averaging, normalisation, a hidden layer")
@proves(ARCHITECTURE, "README says how many optimizers there are")
def test_parts_of_the_training_are_there():
    assert len(OPTIMIZERS) == 8
    assert set(LOSSES) == {"softmax", "ova", "ns", "hinge", "squared_hinge", "hs"}
    names = {field.name for field in dataclasses.fields(Config)}
    assert {"l2", "feature_dropout", "hidden_dropout", "averaging", "norm", "units"} <= names


@proves(README, "rows are shuffled in every epoch")
@proves(ZH, "训练文件按标签排好了序，要打乱吗？** 不用")
def test_sorted_files_do_no_harm(place, good):
    shares = []
    for rows in (ROWS, sorted(ROWS)):
        Path("s.tsv").write_text(tsv(rows), "utf-8")
        good("train s.tsv -o s.ftl --seed 1 --recipe fixed -q")
        shares.append(float(re.search(r"accuracy (\S+)", good("test s.ftl test.tsv").out)[1]))
    assert Config().shuffle and abs(shares[0] - shares[1]) < 0.08


@proves(README, "of files over 4 MB the features are made in temporary files")
@proves(SPEED, "Features of a file over 32 MB lie in temporary files", "Files are read in chunks")
@proves(
    SPEED, "Features of files over 4 MB are made in temporary files", "1,024 runs of neighbours"
)
@proves(SPEED, "works on its own copy for 16 steps", "tables of 64 MB and more")
@proves(SPEED, "features of fewer than 5 texts are dropped", "30 rows for each, up to 32 MB")
def test_sizes_from_which_files_and_tables_change():
    assert (streaming.MADE_IN_FILES, streaming.SPILL_BYTES) == (4 << 20, 32 << 20)
    assert (training_windows.RUNS, training_run.STEPS_APART) == (1024, 16)
    assert fields.FLOAT16_FROM / 2**18 == 64  # numbers of 4 bytes
    assert fields.MIN_DF == ((100_000, 5),)
    assert (fields.FEATURES_PER_TEXT, fields.MOST_NUMBERS * 4) == (30, 32 << 20)


@proves(README, "Models of fewer than 40 texts", "Of 100,000 texts and more, 2,000 only calibrate")
@proves(README, "those that begin with `partial_fit` are not calibrated")
@proves(ACCURACY, "From 100,000 texts on, 2,000 are set aside", "fewer than 40 texts can be held")
def test_which_models_are_not_calibrated():
    def is_calibrated(classifier):
        made = classifier.model_.calibration
        return made is not None and made.n_texts > 0

    assert is_calibrated(FastTextClassifier().fit(TEXTS[:40], LABELS[:40]))
    assert not is_calibrated(FastTextClassifier().fit(TEXTS[:39], LABELS[:39]))
    names = sorted(set(LABELS))
    assert not is_calibrated(FastTextClassifier().partial_fit(TEXTS, LABELS, classes=names))
    assert is_calibrated(FastTextClassifier().fit(TEXTS, LABELS).partial_fit(TEXTS, LABELS))
    assert calibrate.LEAST_TEXTS == 40 and calibration.MOST_LEAVES == 4_000
    assert (ladder.MANY_TEXTS, ladder.CALIBRATED_ON) == (100_000, 2_000)


@proves(README, "holds those of `--preset fasttext`; `convert` names what else has no place")
@proves(COMPAT, "What `--preset fasttext` sets always fits", "if the rest of their settings fits")
@proves(COMPAT, "(train with `--preset fasttext`)", "in a `.bin` those without `--eos`")
@proves(COMPAT, "word n-grams that see where a text begins and ends", "and stop words")
@proves(COMPAT, "a hidden layer, layer normalisation, label trees other than Huffman's")
def test_which_of_our_models_fit_into_fasttexts_file(place, good, capfd):
    small = "--preset fasttext --bucket 2000 --epochs 2 -q"
    for more in ("", "--loss hs", "--loss ova --word-ngrams 2", "--loss ns --minn 2 --maxn 3"):
        good(f"train train.tsv -o m.ftl {small} {more}")
        for out in ("m.bin", "m.ftz"):
            good(f"convert m.ftl {out}")
            assert len(fasttext.load_model(out).labels) == 8
    refused = {
        "--pooling tfidf": "pooling",
        "--analyzer auto": "analyzer",
        "--lowercase": "lowercase",
        "--nfkc": "nfkc",
        "--stop-words the": "stop words",
        "--word-ngrams 2 --boundaries": "boundaries",
        "--word-ngrams 2 --no-eos": "without eos",
        "--units 8": "hidden layer",
        "--norm layer": "norm layer",
        "--loss hs --tree cluster": "tree",
    }
    for more, name in refused.items():
        good(f"train train.tsv -o m.ftl {small} {more}")
        assert app.main(["convert", "m.ftl", "m.bin"]) == 2
        err = capfd.readouterr().err
        assert "fastText's format cannot hold" in err and name in err, more
    good("train train.tsv -o m.ftl --pooling mean -q")  # not enough by itself
    assert app.main(["convert", "m.ftl", "m.bin"]) == 2


# -- coming from fastText -------------------------------------------------------------------------


@proves(COMPAT, "Flags, with fastText's names", "has no effect on classifiers")
def test_the_flags_of_fasttext():
    page = DOCUMENTS[COMPAT]
    start = page.index("Flags, with fastText's names")
    named = re.findall(
        r"-([a-zA-Z]+(?:-[a-z]+)?)\b", page[start : page.index("`-lrUpdateRate` has")]
    )
    assert set(named) == set(BY_FLAG)


@proves(COMPAT, "| `-lr`, `-dim`, `-epoch` | `--lr`, `--dim`, `--epochs` |")
@proves(COMPAT, "`--word-ngrams`, `--minn`, `--maxn`, `--bucket`", "`--min-count`; also `--min-df`")
@proves(COMPAT, "`--loss`, with `hinge` and `squared_hinge` besides", "`--label-prefix`")
@proves(COMPAT, "`--neg`, `--seed`, `--threads`, `--quiet`", "`--pretrained-vectors`")
@proves(COMPAT, "none: every label is learnt", "all of fastText's defaults at once")
def test_flags_of_ours_take_the_place_of_fasttexts(place, good):
    Path("t.txt").write_text("".join(f"#{a} {b}\n" for a, b in ROWS) + "#once alone\n", "utf-8")
    Path("v.vec").write_text("1 7\nthe 1 2 3 4 5 6 7\n", "utf-8")
    good(
        "train t.txt -o m.ftl --pooling mean --lr 0.2 --epochs 3 --word-ngrams 2 --minn 2 "
        "--maxn 3 --bucket 900 --min-count 2 --min-df 2 --loss ns --neg 4 --seed 3 --threads 1 "
        "--quiet --label-prefix # --format fasttext --pretrained-vectors v.vec"
    )
    model = load_model("m.ftl")
    config = model.config
    assert "once" in model.labels and len(model.labels) == 9
    assert (config.dim, config.lr, config.epochs, config.bucket) == (7, 0.2, 3, 900)
    assert (config.word_ngrams, config.minn, config.maxn, config.neg) == (2, 2, 3, 4)
    assert {"hinge", "squared_hinge"} <= set(LOSSES)
    defaults, ours = Args.supervised(), Config(**_preset())
    others = {"epoch": "epochs"}
    for name in (
        "lr", "dim", "epoch", "minn", "maxn", "word_ngrams", "neg", "bucket", "loss", "min_count",
    ):  # fmt: skip
        assert getattr(defaults, name) == getattr(ours, others.get(name, name)), name


def _preset():
    from fasttext_lite.config.presets import PRESETS

    return PRESETS["fasttext"]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Return a folder with a model that was trained as fastText's."""
    folder = tmp_path_factory.mktemp("theirs")
    lines = "".join(f"__label__{label} {text}\n" for label, text in ROWS)
    (folder / "train.txt").write_text(lines, "utf-8")
    model = fasttext.train_supervised(
        str(folder / "train.txt"), dim=8, epoch=20, lr=1.0, wordNgrams=2, bucket=500, verbose=0
    )
    model.save_model(str(folder / "model.bin"))
    return folder


@proves(COMPAT, "`fasttext-lite convert model.bin model.ftl` for our own commands")
@proves(README, "`fasttext-lite convert model.bin model.ftl` (or back) goes between the formats")
@proves(COMPAT, "Labels lose the prefix `__label__`", "Probabilities lose fastText's 1e-5")
@proves(COMPAT, "words of a text that begin with `__label__` are words like others")
def test_a_model_of_fasttext_becomes_ours(theirs, tmp_path, monkeypatch, good):
    monkeypatch.chdir(tmp_path)
    good(f"convert {theirs}/model.bin m.ftl")
    ours, model = load("m.ftl"), fasttext.load_model(f"{theirs}/model.bin")
    labels, probabilities = model.predict(TEXTS[:50])
    assert [f"__label__{name}" for name in ours.predict(TEXTS[:50])] == [x[0] for x in labels]
    best = ours.predict_proba(TEXTS[:50])
    assert best.sum(axis=1) == pytest.approx(1)
    close = [
        abs(row.max() + 1e-5 - float(p[0])) for row, p in zip(best, probabilities, strict=True)
    ]
    assert max(close) < 1e-5
    good("convert m.ftl back.bin")
    again = fasttext.load_model("back.bin")
    assert sorted(again.labels) == sorted(model.labels)
    assert again.predict(TEXTS[:50])[0] == labels


@proves(COMPAT, "probabilities of p + 1e-5", "`load_model(None)` is a `TypeError`")
@proves(COMPAT, "no model loaded", "buckets, `dim=0`", "`pathlib` paths")
@proves(COMPAT, "`thread` is one less than there are processors, but at least 1")
@proves(ZH, "`.bin` 和 `.ftz` 可以直接读写")
def test_the_module_in_fasttexts_place(theirs):
    model = fasttext.load_model(theirs / "model.bin")
    total = sum(model.predict(TEXTS[0], k=-1)[1])
    assert total == pytest.approx(1 + 8e-5, abs=2e-6)
    with pytest.raises(TypeError):
        fasttext.load_model(None)
    for wrong in ({"thread": -1}, {"dim": 0}):
        with pytest.raises(ValueError):
            fasttext.train_supervised(str(theirs / "train.txt"), verbose=0, **wrong)
    with pytest.raises(ValueError, match="there is no model"):
        fasttext.FastText._FastText().predict("a")
    assert pickle.loads(pickle.dumps(model)).predict("goal") == model.predict("goal")
    trained = fasttext.train_supervised(str(theirs / "train.txt"), dim=2, epoch=1, verbose=0)
    assert trained.thread == max(cpu_count() - 1, 1)


@proves(COMPAT, "Numbers as arguments must be whole (`3abc` is refused)")
@proves(COMPAT, "no half-written model is left")
@pytest.mark.parametrize("mistake", ["-epoch 3abc", "-lr x", "-loss best", "-dim 0", "-nonsense 1"])
def test_a_mistake_leaves_nothing_behind(place, theirs, mistake, capfd):
    line = f"supervised -input {theirs}/train.txt -output half {mistake}"
    try:
        code = app.main(line.split())
    except SystemExit as stop:
        code = stop.code
    assert code == 2 and capfd.readouterr().err.count("\n") == 1
    assert not list(place.glob("half*"))


@proves(COMPAT, "A model of ours that is converted to a `.bin` keeps its labels")
@proves(COMPAT, "only the scale of a softmax has a place there, other losses get fastText's")
@pytest.mark.parametrize("loss", ["softmax", "ova"])
def test_what_a_bin_keeps_of_a_calibration(place, good, loss):
    good(f"train train.tsv -o m.ftl --preset fasttext --lr 1 --epochs 20 --loss {loss} -q")
    good("convert m.ftl m.bin")
    ours, theirs = load_model("m.ftl"), fasttext.load_model("m.bin")
    texts = [f"{text}" for text in TEXTS[:100]]
    labels, probabilities = theirs.predict([text.replace("\n", " ") for text in texts])
    found = ours.predict(Texts.from_sequence(texts), k=1)
    names = [f"__label__{ours.labels[i]}" for i in found.labels[:, 0]]
    assert names == [row[0] for row in labels]
    gaps = np.abs(found.probabilities[:, 0] + 1e-5 - np.array([row[0] for row in probabilities]))
    assert (gaps.max() < 1e-4) == (loss == "softmax")


@proves(COMPAT, "another prefix stays, and gets `__label__` before it on the way back")
def test_a_prefix_of_ones_own_comes_back_behind_the_usual_one(place, good):
    lines = "".join(f"#{label} {text}\n" for label, text in ROWS)
    Path("t.txt").write_text(lines, "utf-8")
    fasttext.train_supervised("t.txt", dim=4, label="#", verbose=0).save_model("m.bin")
    good("convert m.bin m.ftl")
    assert "#food" in load_model("m.ftl").labels
    good("convert m.ftl back.bin")
    assert "__label__#food" in fasttext.load_model("back.bin").labels


@proves(COMPAT, "Words of equal counts are numbered in the order of their first occurrence")
@proves(COMPAT, "never more than there are processors", "A `.ftz` leaves them out")
@proves(COMPAT, "In a `.bin` they take their room all the same")
def test_rows_of_a_file_of_fasttext(place):
    words = [f"w{i * 7 % 300}" for i in range(300)]
    Path("t.txt").write_text(f"__label__a {' '.join(words)}\n__label__b x\n", "utf-8")
    model = fasttext.train_supervised(
        "t.txt", dim=4, wordNgrams=2, bucket=50_000, thread=1000, epoch=1, verbose=0
    )
    assert [word for word in model.words if word.startswith("w")] == words
    model.save_model("m.bin")
    assert os.path.getsize("m.bin") > 50_000 * 4 * 4
    model.quantize()
    model.save_model("m.ftz")
    assert os.path.getsize("m.ftz") < 50_000


@proves(COMPAT, "`fasttext-lite tune TRAIN --valid F --time N`")
@proves(COMPAT, "`fasttext-lite test MODEL F -k K --threshold X`, K of -1 is all labels here, too")
@proves(COMPAT, "`fasttext-lite quantize MODEL -o OUT --cutoff N --retrain F`, or `--size 2M`")
@proves(
    COMPAT, "| `-input F -output P` | `F -o P.ftl`; without `-o` the model is F with .ftl in place"
)
def test_commands_of_ours_take_the_place_of_fasttexts(place, theirs, good):
    Path("v.txt").write_text(
        "".join(f"__label__{label} {text}\n" for label, text in rows_of("en_topics", "test", 200))
    )
    good(f"convert {theirs}/model.bin m.ftl")
    printed = good(f"test {theirs}/model.bin v.txt 2 0.1").out
    precision, recall = (float(line.split("\t")[1]) for line in printed.splitlines()[1:])
    ours = good("test m.ftl v.txt -k 2 --threshold 0.1").out
    figures = [float(re.search(rf"{name}@2 (\S+)", ours)[1]) for name in "PR"]
    assert figures == pytest.approx([precision, recall], abs=6e-4)
    assert f"P@{len(set(LABELS))} " in good("test m.ftl v.txt -k -1").out
    good("tune train.tsv --valid test.tsv --time 1 -o t.ftl")
    good("quantize m.ftl -o s.ftl --cutoff 500 --retrain train.tsv")
    assert load_model("s.ftl").space.n_rows == 500
    good("quantize m.ftl -o s.ftl --size 2M")
    good("train test.tsv --recipe fixed -q")
    assert len(load_model("test.ftl").labels) == 8


@proves(COMPAT, "`skipgram` and `cbow` with all four losses, subwords, `-pretrainedVectors`")
@pytest.mark.parametrize("loss", ["ns", "hs", "softmax", "ova"])
@pytest.mark.parametrize("command", ["skipgram", "cbow"])
def test_word_vectors_of_every_loss(place, good, command, loss):
    Path("t.txt").write_text("\n".join(TEXTS) + "\n", "utf-8")
    Path("p.vec").write_text("2 4\nthe 1 2 3 4\nzebra 1 1 1 1\n", "utf-8")
    line = f"{command} -input t.txt -output v -loss {loss} -dim 4 -epoch 1 -bucket 100"
    good(f"{line} -pretrainedVectors p.vec -verbose 0")
    assert fasttext.load_model("v.bin").get_word_vector("goal").shape == (4,)
    assert Path("v.vec").read_text("utf-8").split("\n")[0].endswith(" 4")


@proves(COMPAT, "`-autotune-duration` is kept, unless the first trial takes longer")
@proves(COMPAT, "A trial that diverges is skipped", "without training once more")
def test_a_search_keeps_its_time_and_passes_over_what_diverges(theirs, monkeypatch):
    from fasttext_lite.compat.training import autotune
    from fasttext_lite.errors import TrainingError

    real, calls = autotune.train_supervised, []

    def sometimes(*args, **kwargs):
        calls.append(time.perf_counter())
        if len(calls) % 2 == 0:
            raise TrainingError("training diverged")
        return real(*args, **kwargs)

    monkeypatch.setattr(autotune, "train_supervised", sometimes)
    path = str(theirs / "train.txt")
    begin = time.perf_counter()
    model = fasttext.train_supervised(
        path, autotuneValidationFile=path, autotuneDuration=2, dim=4, bucket=100, verbose=0
    )
    assert time.perf_counter() - begin < 4 and len(calls) > 3
    assert calls[-1] - begin < 2  # nothing is trained after the time
    assert len(model.labels) == 8


# -- data sets ------------------------------------------------------------------------------------


@proves(DATASETS, "Rows are those that the source states", "some 285,000 in all")
def test_the_table_of_data_sets_is_that_of_the_registry():
    from fasttext_lite.datasets.registry import DATASETS as SETS

    rows = re.findall(r"^\| (\w+) \|(.*)\|$", DOCUMENTS[DATASETS], re.MULTILINE)
    cells = {name: [cell.strip() for cell in rest.split("|")] for name, rest in rows[::-1]}
    table = {name: row for name, row in cells.items() if len(row) > 5}
    assert set(SETS) <= set(table)
    for name, entry in SETS.items():
        task, language, counts, labels, size, *_ = table[name]
        assert (task, language) == (entry.task, entry.language)
        assert labels == ("" if entry.labels is None else str(entry.labels))
        numbers = {int(number.replace(",", "")) for number in re.findall(r"[\d,]{3,}", counts)}
        if not counts.startswith("some"):
            assert numbers == set(entry.records.values()), name
        assert ("in all" in counts) == (not {"train"} & set(entry.records))
        if size:
            assert float(size) == pytest.approx(entry.size / 1e6, abs=0.051), name


@proves("datasets/README.md", "one in nine Chinese sentences has Latin words or digits")
@proves("datasets/README.md", "The labels, the same in both sets", "UTF-8, in random order")
@proves("datasets/README.md", "lengths run from a few characters to a few dozen words")
def test_the_bundled_data_are_as_described():
    named = re.search(r"both sets:\s*(.*?)\.", DOCUMENTS["datasets/README.md"], re.DOTALL)[1]
    labels = sorted(re.split(r",\s*", named))
    for name in ("en_topics", "zh_topics"):
        rows = [row for part in ("train", "test") for row in rows_of(name, part, None)]
        assert sorted({label for label, _ in rows}) == labels
        assert [label for label, _ in rows] != sorted(label for label, _ in rows)
        if name == "zh_topics":
            share = np.mean([bool(re.search("[A-Za-z0-9]", text)) for _, text in rows])
            assert share == pytest.approx(1 / 9, abs=0.01)
            assert min(len(text) for _, text in rows) < 8
        else:
            assert 30 < max(len(text.split()) for _, text in rows) < 60


# -- Chinese guide --------------------------------------------------------------------------------


@proves(ZH, "一行有错，会说出文件名和行号")
def test_a_bad_line_is_named_in_the_chinese_guide_s_way(place, capfd):
    Path("bad.tsv").write_text("体育\t国足\n没有制表符\n", "utf-8")
    assert app.main(["train", "bad.tsv", "-o", "m.ftl", "--format", "tsv"]) == 2
    assert "bad.tsv:2:" in capfd.readouterr().err


@proves(ZH, "（或参数 `analyzer=`）选择，保存在模型里，预测时自动使用", "Python 里是同名的参数")
@proves(ZH, "`--no-lowercase` 写成 `lowercase=False`", "英文字母默认转成小写")
def test_parameters_have_the_names_of_flags(place):
    rows = rows_of("zh_topics", n=100)
    labels, texts = zip(*rows, strict=True)
    names = ("analyzer", "user_dictionary", "stop_words", "simplify", "nfkc", "lowercase")
    assert set(names) <= set(FastTextClassifier().get_params())
    classifier = FastTextClassifier(
        analyzer="mixed", stop_words=["的", "了"], user_dictionary=["云计算 5"], lowercase=False,
        nfkc=True, recipe="fixed",
    ).fit(texts, labels)  # fmt: skip
    classifier.save("m.ftl")
    config = load_model("m.ftl").config
    assert (config.analyzer, config.lowercase, config.nfkc) == ("mixed", False, True)
    assert Config().lowercase and config.stop_words.split() == ["的", "了"]


@proves(ZH, "标签不超过 20 个时，损失函数也会换成平方合页损失", "加 `--class-weight balanced`")
@proves(ACCURACY, "is below 0.8, squared hinge is")
def test_skewed_labels_have_another_default():
    def loss(n_labels, evenness):
        return resolve(Config(), n_labels, False, evenness=evenness).loss

    assert LEAST_EVENNESS == 0.8
    assert [loss(20, 0.79), loss(20, 0.81), loss(21, 0.79)] == ["squared_hinge", "ova", "softmax"]
    skewed = ["a"] * 190 + ["b"] * 10
    classifier = FastTextClassifier(recipe="fixed").fit(TEXTS[:200], skewed)
    assert classifier.model_.config.loss == "squared_hinge"


@proves(ZH, "超过 1000 个标签时自动使用层次 softmax（`hs`）", "使用负采样（`ns`）")
@proves(ACCURACY, "More than 1,000 labels, or `--loss hs`", "Negative sampling: a step")
@proves(ACCURACY, "Few labels (up to 20; up to 128 where texts have several)", "16 dimensions for")
@proves(ACCURACY, "learning rate 2.5 (0.12)", "SGD with learning rate 0.2", "5 epochs, label")
@proves(ACCURACY, "output rows random with length 2", "Label smoothing 0.2 above 300 labels")
@proves(
    ACCURACY, "up to 300 labels, cut into balanced halves above", "a is 0.5 under a linear head"
)
def test_the_recipe_is_the_one_described():
    def shape(n_labels, multilabel=False):
        config = resolve(Config(), n_labels, multilabel)
        return config.head, config.loss, config.lr

    assert shape(20) == ("linear", "ova", 2.5)
    assert shape(21) == ("learned", "softmax", 0.2)
    assert shape(1_001)[1] == "hs" and shape(1_000)[1] == "softmax"
    assert shape(128, True) == ("linear", "squared_hinge", 0.12)
    assert shape(129, True)[:2] == ("learned", "squared_hinge")
    assert shape(1_001, True)[1] == "ns" and shape(1_000, True)[1] == "squared_hinge"
    dims = {n: resolve(Config(), n, False).dim for n in (21, 40, 100, 150, 2_000)}
    assert dims == {21: 32, 40: 48, 100: 112, 150: 128, 2_000: 128}
    assert weights.OUTPUT_NORM == 2.0 and Config().epochs == 5 and Config().optimizer == "sgd"
    trees = [resolve(Config(loss="hs"), n, False).tree for n in (300, 301)]
    assert trees == ["linkage", "cluster"]
    smoothing = [resolve(Config(loss="hs"), n, False).label_smoothing for n in (300, 301)]
    assert smoothing == [0.1, 0.2]
    assert resolve(Config(), 5, False).label_smoothing == 0.1
    assert resolve(Config(), 2_000, True).label_smoothing == 0.02
    powers = [resolve(Config(), n, False).supervision for n in (20, 21)]
    assert powers == [0.5, 0.2]


@proves(
    ACCURACY, "for texts of more than 32 tokens on average", "at half weight", "n-grams of 2 to 4"
)
@proves(ACCURACY, "Of at most 10,000 texts (and 3 million features) a fifth is held out")
@proves(ACCURACY, "in turn until 1,000 texts were", "A quarter of it is taken, at least 1")
@proves(ACCURACY, "one standard error of the paired difference", "of 1,000 texts or more in which")
@proves(ACCURACY, "Of texts of over 100 tokens on average", "`--max-features 0` keeps all")
@proves(
    ACCURACY, "more than half of the training tokens are in one of these scripts", "4-grams where"
)
@proves(ACCURACY, "(15 bins of equal mass)", "two epochs with negative sampling")
@proves(SPEED, "`--dtype float16`")
def test_numbers_of_the_recipe():
    assert (fields.LONG_TEXT, fields.LONG_DOCUMENT) == (32, 100)
    assert space.LONG_FACTOR == 0.5 and (Config().minn, Config().maxn) == (2, 4)
    assert (prepare.MOST_TEXTS, prepare.MOST_ENTRIES) == (10_000, 3_000_000)
    assert (ladder.FOLDS, ladder.HELD_OUT) == (5, 1_000)
    assert (gains.SHARE, gains.LEAST_PSEUDO_COUNT) == (0.25, 1.0)
    assert (ladder.MARGIN, ladder.MARGIN_OF_FEW, ladder.MARGIN_OF_LOSS) == (1.0, 2.0, 2.0)
    assert (ladder.ENOUGH_TEXTS, ladder.LEAST_SHARE) == (1_000, 0.25)
    assert calibration.BINS == 15 and label_points.POINT_EPOCHS == 2
    assert resolve(Config(max_features=0), 5, False, 500, 1_000).max_features == 0
    longest = resolve(Config(), 5, False, 10, 1_000, {name: 0.51 for name in ("Hangul",)})
    assert longest.word_ngrams == 4
    assert {"Hangul", "Thai", "Lao", "Khmer", "Myanmar"} <= set(SCRIPTS)


@proves(ZH, "会用上所有处理器；一次一条用 `predict_one`")
@proves(SPEED, "| `model.predict_one(text)` |", "| `classifier.predict([text])` |")
def test_ways_to_predict(place):
    classifier = load("model.ftl")
    best = classifier.model_.predict_one("a late goal", k=2)
    assert best[0][0] == classifier.predict(["a late goal"])[0]
    assert threads_of(classifier, training=False) == cpu_count()


# -- start-up, speed, structure -------------------------------------------------------------------


@proves(STARTUP, "`FAST`, `EXACT`, `FAST_LEAF`, `LEAF`", "(`QUICK_LOADING`)")
@proves(ARCHITECTURE, "The profiles are `FAST`", "`FAST_LEAF` and `LEAF` for helpers")
def test_profiles_of_compiled_code():
    from fasttext_lite.compiled import compiling

    for name in ("FAST", "EXACT", "FAST_LEAF", "LEAF", "QUICK_LOADING", "compiler"):
        assert hasattr(compiling, name)


@proves(ARCHITECTURE, "adds a choice from outside the package, for the process that runs it")
@proves(ARCHITECTURE, "Model files name no module: formats 1 to 5 load")
def test_formats_of_the_past_are_in_the_golden_files():
    from fasttext_lite.model import storage

    versions = set()
    for path in (ROOT / "tests" / "golden").rglob("*.ftl"):
        versions.add(storage.read_model(str(path))[1]["format_version"])
    assert versions == set(range(1, storage.FORMAT_VERSION))
    assert hasattr(LOSSES, "add")


@proves("CONTRIBUTING.md", "ruff and mypy;  make format  mends what can be mended")
@proves("CONTRIBUTING.md", "`.ci/run` does all but the benchmark", "writes docs/messages.md anew")
def test_targets_do_what_they_say():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipe = dict(re.findall(r"^([a-z-]+):[^\n]*\n((?:\t.*\n)+)", makefile, re.MULTILINE))
    assert "ruff check ." in recipe["lint"] and "mypy" in recipe["lint"]
    assert "--fix" in recipe["format"] and "ruff format ." in recipe["format"]
    assert "tools.make_messages" in recipe["messages"] and "bench.compare" in recipe["bench"]
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    for target in ("lint", "test", "test-nojit", "test-bounds"):
        assert f"make {target}" in script
    assert "make bench" not in script


@proves("bench/README.md", "lr 0.5, 5 epochs, word n-grams up to 2, dim 100")
@proves("bench/README.md", "without CJK text `char_wb` 1-5", "(`BEST` in tools.py)")
@proves("bench/README.md", "fasttext-lite with fastText's settings (`--preset fasttext`)")
@proves("docs/chinese.md", "lr 0.5, 5 epochs, word n-grams up to 2, dim 100")
@proves(
    "docs/chinese.md", "where there is no such row they are the same", "`sublinear_tf`, `min_df` 2"
)
@proves(SPEED, "(lr 0.5, 5 epochs, bigrams, dim 100, mean of the rows)")
def test_settings_of_the_benchmarks():
    from bench import compare, tools

    assert tools.FASTTEXT == {"lr": 0.5, "epoch": 5, "wordNgrams": 2, "dim": 100}
    assert compare.EQUAL.split() == [
        "--preset=fasttext", "--lr=0.5", "--epochs=5", "--word-ngrams=2", "--dim=100",
    ]  # fmt: skip
    assert _preset()["pooling"] == "mean"
    assert (compare.SVC_OTHER["analyzer"], compare.SVC_OTHER["ngram_range"]) == ("char_wb", (1, 5))
    assert tools.SVC_CJK["ngram_range"] == (1, 3)
    assert tools.SVC == {"sublinear_tf": True, "min_df": 2, "C": 0.3}
    assert tools.MANY_LABELS == 1_000 and "thucnews" in tools.BEST
    assert tools.best_of("shopping_category") == tools.FASTTEXT
    assert set(tools.find_sets(tools.BUNDLED)) and set(compare.CONTENDERS) == {
        "lite", "equal", "fasttext", "best", "cli", "svc",
    }  # fmt: skip


@proves(ACCURACY, "it looks at the shape of the data", "The first in a line is the default")
def test_candidates_have_the_default_among_them():
    for n_labels in (2, 20, 21, 150):
        default = resolve(Config(), n_labels, False)
        found, place = candidates(Config(), default, n_labels, False)
        tried = resolve(Config().replace(**found[place]), n_labels, False)
        assert (tried.loss, tried.lr, tried.head) == (default.loss, default.lr, default.head)
        assert len(found) == 3


@proves(README, "so that nothing but the text has to be given")
def test_nothing_but_texts_and_labels_is_needed():
    classifier = FastTextClassifier().fit(TEXTS, LABELS)
    assert classifier.score(TEXTS, LABELS) > 0.9
    assert fasttext_lite.__version__
