"""The benchmarks: every module imports, in no circle; their tools work; the smallest runs."""

import argparse
import ast
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from test_layers import circle, imported_modules

from bench import compare, few_labels, labelling, predict_peers, shared_memory, tools, variants
from bench.stages import few_labels as few_stages
from bench.stages import files, peers
from bench.stages import labelling as labelling_stages
from bench.stages import understand as understand_stages

BENCH = tools.ROOT / "bench"
MODULES = {
    ".".join(path.relative_to(tools.ROOT).with_suffix("").parts): path
    for path in sorted(BENCH.rglob("*.py"))
}
# Their own memory must not count for the processes that they start.
PARENTS = (
    "chinese", "compare", "extreme", "few_labels", "labelling", "long_documents", "predict_peers",
    "scaling", "serve", "shared_memory", "startup", "tools", "understand", "word_vectors",
    "variants", "stages.few_labels", "stages.files", "stages.serving", "stages.understand",
)  # fmt: skip


def module_of(name: str) -> str:
    """Return the benchmark that an imported name stands in; "" for none."""
    return next((m for m in (name, name.rpartition(".")[0]) if m in MODULES), "")


@pytest.mark.parametrize("name", MODULES)
def test_every_benchmark_imports(name):
    assert importlib.import_module(name).__doc__


def test_every_lazy_import_of_a_benchmark_is_there():
    """Of our package: what has moved is not seen before the benchmark runs."""
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith(
                ("fasttext_lite", "bench")
            ):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    there = hasattr(module, alias.name)
                    there = there or importlib.util.find_spec(f"{node.module}.{alias.name}")
                    assert there, f"{name}: {node.module} has no {alias.name}"
    for module in peers.MODULES["lite"]:
        assert importlib.util.find_spec(module), module


def test_benchmarks_import_in_no_circle():
    graph = {
        name: {module_of(other) for other in imported_modules(path)} - {"", name}
        for name, path in MODULES.items()
    }
    assert circle(graph) == []
    assert graph["bench.tools"] == set()


@pytest.mark.parametrize("name", PARENTS)
def test_what_starts_processes_is_small(name):
    code = f"import bench.{name}, sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tools.ROOT, capture_output=True, text=True, check=True
    )
    assert not {"numpy", "numba", "sklearn", "jieba", "fasttext_lite"} & set(done.stdout.split())


@pytest.mark.parametrize("name", [m for m, path in MODULES.items() if path.parent == BENCH])
def test_what_is_run_is_documented(name):
    if name != "bench.tools":
        assert f"`{name}`" in (BENCH / "README.md").read_text("utf-8")


# -- files and scores ------------------------------------------------------------------------


def test_lines_end_at_line_feeds_alone(write, tmp_path):
    assert files.read_lines(write("a\r\nb\u2028c\x85\n\n")) == ["a\r", "b\u2028c\x85", ""]
    assert files.read_lines(write("a\nb")) == ["a", "b"]
    assert files.read_lines(write("")) == []
    lines = ["x", "", "\ud800"]
    files.write_lines(tmp_path / "lines", lines)
    assert files.read_lines(tmp_path / "lines") == lines


def test_labels_and_texts(write):
    rows = files.read_labelled(write(" a b \tx\ty\n\tno label\nno text\nc\t  \n"))
    assert rows == [("a b", "x\ty"), ("", "no label"), ("no text", ""), ("c", "  ")]
    assert files.complete(rows) == [("a b", "x\ty")]


def test_fasttexts_lines():
    assert files.to_fasttext(["a b", "c"], "x y") == "__label__a▁b __label__c x y"
    assert files.from_fasttext("__label__a▁b") == "a b"


def test_scores_by_hand(tmp_path):
    found, gold = ["a", "b", "b", "c"], [{"a"}, {"a", "b"}, {"c"}, {"a"}]
    assert files.accuracy(found, gold) == 0.5
    # a: 1 hit, found once, true 3 times; b: 1 of 2 and 1; c: 0 of 1 and 1
    assert files.macro_f1(found, gold) == pytest.approx((2 / 4 + 2 / 3 + 0) / 3)
    files.write_lines(tmp_path / "found", found)
    files.write_lines(tmp_path / "gold", ["\t".join(sorted(labels)) for labels in gold])
    scores = files.score(tmp_path / "found", tmp_path / "gold")
    assert scores == {
        "accuracy": files.accuracy(found, gold), "macro_f1": files.macro_f1(found, gold)
    }  # fmt: skip


def test_scores_are_scikit_learns():
    from sklearn.metrics import accuracy_score, f1_score

    gold, found = list("aabbccddde"), list("abbbcadddf")
    sets = [{label} for label in gold]
    assert files.accuracy(found, sets) == pytest.approx(accuracy_score(gold, found))
    mean = f1_score(gold, found, average="macro", zero_division=0)
    assert files.macro_f1(found, sets) == pytest.approx(mean)


def test_average_precision_is_scikit_learns():
    from sklearn.metrics import average_precision_score

    scores, right = [0.9, 0.5, 0.5, 0.5, 0.2, 0.1], [True, False, True, False, True, False]
    # hits at ranks 1, of three equal ones up to 4, and 5
    found = files.average_precision(scores, right)
    assert found == pytest.approx((1 / 1 + 2 / 4 + 3 / 5) / 3)
    assert found == pytest.approx(average_precision_score(right, scores))
    assert files.average_precision([0.5], [False]) is None


def test_the_rarest_label_is_the_first_by_name_of_several():
    assert files.rarest(["b", "b", "c", "a"]) == "a"
    assert files.rarest(["b", "b", "c", "a", "a"]) == "c"


# -- variants --------------------------------------------------------------------------------

ROWS = [(label, f"{label}{i}") for label, n in (("a", 60), ("b", 30), ("c", 10)) for i in range(n)]


def labels_of(rows):
    """Return how many rows each label has."""
    return dict(Counter(label for label, _ in rows))


def test_skewed_labels():
    train, test = variants.make("skew:0.02", ROWS, ROWS[::-1])
    assert labels_of(train) == {"a": 60, "b": 30, "c": 2}  # 2 / 92
    assert labels_of(test) == {"a": 60, "b": 30, "c": 2}
    assert labels_of(variants.make("skew:b:0.1", ROWS, ROWS)[0]) == {"a": 60, "b": 8, "c": 10}
    for name in ("skew:0.2", "skew:nobody:0.2"):
        with pytest.raises(variants.UnfitError, match="no more than 0.2 of the rows"):
            variants.make(name, ROWS, ROWS)


def test_the_rarest_label_against_the_rest():
    train, test = variants.make("rare", ROWS, ROWS[:20])
    assert labels_of(train) == {"not c": 90, "c": 10}
    assert labels_of(test) == {"not c": 20}
    assert [text for _, text in train] == [text for _, text in ROWS]


def test_wrong_labels_are_trained_on_alone():
    train, test = variants.make("noise:0.25", ROWS, ROWS)
    changed = [a != b for a, b in zip(train, ROWS, strict=True)]
    assert sum(changed) == 25 and test == ROWS
    assert [text for _, text in train] == [text for _, text in ROWS]
    assert labels_of(train).keys() == {"a", "b", "c"}


def test_few_texts():
    train, test = variants.make("few:12", ROWS, ROWS)
    assert labels_of(train) == {"a": 12, "b": 12, "c": 10} and test == ROWS
    assert set(train) < set(ROWS)


def test_long_documents_are_as_many_as_tell_something():
    train, test = variants.make("long:2:3", ROWS * 4, ROWS)
    assert len(train) == 200 and len(test) == 50
    for label, document in train:
        texts = document.split(" ")
        assert len(texts) == 5 and sum(text.startswith(label) for text in texts) >= 2
    with pytest.raises(variants.UnfitError, match="only 100 documents"):
        variants.make("long:2:3", ROWS, ROWS)


def test_variants_have_names(tmp_path, capsys):
    names = ["plain", "skew:0.02", "skew:a:b:0.1", "rare", "long:1:0", "noise:0.2", "few:3"]
    assert variants.choose(",".join(names)) == names
    assert [variants.titled("set", name) for name in names[:2]] == ["set", "set skew:0.02"]
    wrong = (
        "", "hard", "plain:1", "skew", "skew:2", "skew:0", "rare:a", "long", "long:0:3", "long:3",
        "noise:nan", "noise:1:2", "few:0", "few:x",
    )  # fmt: skip
    for name in wrong:
        with pytest.raises(tools.UsageError, match="variants are plain, skew:"):
            variants.choose(name)
    for name in names[:2]:
        assert variants.make(name, ROWS, ROWS) == variants.make(name, ROWS, ROWS)
    with pytest.raises(variants.UnfitError, match="less than two labels"):
        variants.make("plain", ROWS[:3], ROWS)
    bundled = str(tools.BUNDLED / "en_topics")
    assert variants.main([bundled, str(tmp_path / "new"), "few:2"]) == 0
    assert len(files.read_labelled(tmp_path / "new" / "train.tsv")) == 16
    assert variants.main([bundled, str(tmp_path), "skew:0.9"]) == 1
    assert variants.main([bundled, str(tmp_path), "hard"]) == 2
    assert variants.main([str(tmp_path), str(tmp_path), "rare"]) == 2
    assert variants.main([]) == 2
    assert capsys.readouterr().err.count("bench.variants: ") == 4


# -- tools -----------------------------------------------------------------------------------


def test_names_are_chosen_from_those_known():
    assert tools.split_names(" a, b,,") == ["a", "b"]
    assert tools.choose("--loss", "hs; softmax", ["softmax", "hs"], ";") == ["hs", "softmax"]
    for text in ("", "hs,nothing"):
        with pytest.raises(tools.UsageError, match="--loss must be of softmax, hs; got"):
            tools.choose("--loss", text, ["softmax", "hs"])


def test_data_sets_are_found(tmp_path):
    assert set(tools.find_sets(tools.BUNDLED)) == {"en_topics", "zh_topics"}
    bundled = tools.find_sets(tmp_path, "en_topics")
    assert bundled == {"en_topics": (tools.BUNDLED / "en_topics").resolve()}
    with pytest.raises(tools.UsageError, match=r"no NAME/train\.tsv"):
        tools.find_sets(tmp_path)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "train.tsv").write_text("a\tb\n")
    with pytest.raises(tools.UsageError, match=r"half: not a folder with train\.tsv and test\.tsv"):
        tools.find_sets(tmp_path)


def test_folders_are_checked_before_the_work(tmp_path):
    tools.check_folders(None, "", tmp_path, files=[None, str(tmp_path / "new.json")])
    for given in ({"files": [str(tmp_path / "a" / "b.json")]}, {"files": []}):
        folders = [] if given["files"] else [tmp_path / "a"]
        with pytest.raises(tools.UsageError, match="a: no such folder"):
            tools.check_folders(*folders, **given)


def test_settings_and_reports(tmp_path):
    assert tools.best_of("toutiao")["dim"] == 100
    assert tools.best_of("a set of nobody") == {"dim": 100, **tools.BEST[""]}
    assert tools.words({"lr": 0.5, "dim": 100}) == "lr 0.5, dim 100"
    assert tools.heading("Title", {"a": "b"}) == "# Title\n\n- a: b"
    assert tools.table(["run", "s"], [["one", "1.5"], ["other", "22"]]) == [
        "| run   |   s |",
        "|-------|----:|",
        "| one   | 1.5 |",
        "| other |  22 |",
    ]
    assert "fasttext-lite" in tools.about_machine()["versions"]
    assert tools.about_machine("pytest")["versions"].endswith(f"pytest {pytest.__version__}")
    tools.write_json(None, {})
    tools.write_json(tmp_path / "r.json", {"名": [1]})
    assert (tmp_path / "r.json").read_text("utf-8") == '{\n "名": [\n  1\n ]\n}\n'


def test_a_stage_that_fails_says_why(tmp_path):
    job = {"package": "lite", "train": "no such file", "multilabel": False, "threads": 1}
    found = tools.stage("prepare", {**job, "test": "none"}, tmp_path)
    assert found["error"].startswith("prepare ended with code 1: ")
    assert "no such file" in found["error"]
    assert found["process_seconds"] > 0


# -- the smallest runs -----------------------------------------------------------------------


@pytest.fixture
def few(tmp_path):
    """Return a folder with one data set, `few`: a quarter of a bundled one."""
    folder = tmp_path / "data" / "few"
    folder.mkdir(parents=True)
    for part in ("train", "test"):
        rows = files.read_lines(tools.BUNDLED / "en_topics" / f"{part}.tsv")
        files.write_lines(folder / f"{part}.tsv", rows[::4])
    return folder.parent


def test_a_small_comparison_from_end_to_end(few, tmp_path, capsys):
    """Two programs on a few bundled rows, each stage in a process of its own."""
    report = tmp_path / "report.json"
    arguments = ["--data-dir", str(few), "--contenders", "lite,svc", "--loss", "auto"]
    assert compare.main([*arguments, "--threads", "1", "--json", str(report)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# Comparison\n\n- versions: Python ")
    runs = json.loads(report.read_text("utf-8"))["sets"]["few"]["runs"]
    assert [run["name"] for run in runs] == ["fasttext-lite", "TF-IDF + LinearSVC"]
    for run in runs:
        median = run["median"]
        assert median.keys() == {key for key, *_ in compare.COLUMNS}
        assert median["accuracy"] > 0.2 and median["average_precision"] > 0.5
        assert 0 < median["train_seconds"] < median["train_process_seconds"]
        assert f"| {run['name']}" in text
    ours, svc = (run["median"]["calibration_error"] for run in runs)
    assert 0 < ours < 0.5 and svc is None


def test_a_comparison_on_variants(few, tmp_path, capsys):
    """Of two labels, whose scores are one number; a set without the variant is left out."""
    report = tmp_path / "report.json"
    arguments = ["--data-dir", str(few), "--contenders", "svc", "--variants", "rare,skew:0.9"]
    assert compare.main([*arguments, "--threads", "1", "--json", str(report)]) == 0
    text = capsys.readouterr().out
    sets = json.loads(report.read_text("utf-8"))["sets"]
    assert sets.keys() == {"few rare", "few skew:0.9"}
    assert sets["few skew:0.9"]["unfit"] in text
    rare = sets["few rare"]
    assert rare["about"]["n_labels"] == 2 and rare["about"]["n_rarest"] > 10
    share = rare["about"]["n_rarest"] / rare["about"]["n_train"]
    assert rare["runs"][0]["median"]["average_precision"] > 2 * share
    assert compare.main(["--variants", "hard"]) == 2


@pytest.mark.parametrize("package", ["lite", "fasttext"])
def test_what_judges_agrees_with_what_labels(few, tmp_path, package):
    """The text's likeliest label has the confidence; and the one label's scores rank texts."""
    pytest.importorskip("fasttext" if package == "fasttext" else "fasttext_lite")
    paths = {part: str(few / "few" / f"{part}.tsv") for part in ("train", "test")}
    job = {"multilabel": False, "threads": 1, "work": str(tmp_path), "seed": 1, **paths}
    about = peers.prepare(job)
    converted = package == "fasttext"
    # fastText 0.9.2 initialises all of its table only in 10 threads, and in tens of numbers.
    settings = (
        {"lr": 0.5, "epoch": 15, "dim": 10, "bucket": 1000, "thread": 10} if converted else []
    )
    job |= {"model": str(tmp_path / "model"), "settings": settings}
    job |= {"train": str(tmp_path / "train.ft")} if converted else {}
    {"lite": peers.train_lite, "fasttext": peers.train_fasttext}[package](job)
    texts = str(tmp_path / ("texts.ft" if converted else "texts.txt"))
    load = {"lite": peers.load_lite, "fasttext": peers.load_fasttext}[package]
    labeller, judge, _ = load(job)
    found = labeller(texts, 1)
    own, confidence = judge(texts, about["rarest"])
    assert len(own) == len(confidence) == len(found)
    for label, chance, most in zip(found, own, confidence, strict=True):
        assert chance == pytest.approx(most) if label == about["rarest"] else chance <= most


def test_bad_usage_is_one_line(tmp_path, capsys):
    assert compare.main(["--data-dir", str(tmp_path)]) == 2
    assert compare.main(["--contenders", "nobody"]) == 2
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "bench.compare"
    ] * 2


def test_documents_are_joined_of_texts_of_a_split(few, tmp_path):
    from bench import long_documents

    rows = files.read_labelled(few / "few" / "train.tsv")
    options = argparse.Namespace(own=3, other=2)
    long_documents.write_split(rows, tmp_path, options, seed=1)
    train, test = (files.read_labelled(tmp_path / f"{part}.tsv") for part in ("train", "test"))
    assert len(train) > len(test) > 0
    for label, document in train:
        inside = [of for of, text in rows if f" {text} " in f" {document} "]
        assert inside.count(label) >= 3
    held_out = [text for _, text in rows if any(text in document for _, document in test)]
    assert not any(text in document for text in held_out for _, document in train)
    long_documents.write_split(rows, tmp_path, options, seed=1)
    assert files.read_labelled(tmp_path / "train.tsv") == train


def test_long_documents_from_end_to_end(few, tmp_path, capsys):
    from bench import long_documents

    report = tmp_path / "report.json"
    arguments = ["--data-dir", str(few), "--own", "2", "--other", "1", "--splits", "1"]
    runs = ["fasttext-lite", "fasttext-lite, all features"]
    arguments += ["--runs", ";".join(runs), "--json", str(report)]
    assert long_documents.main(arguments) == 0
    text = capsys.readouterr().out
    (split,) = json.loads(report.read_text("utf-8"))["sets"]["few"]
    assert list(split["runs"]) == runs
    for run, found in split["runs"].items():
        assert found["accuracy"] > 0.2 and f"| {run} " in text
        assert found["train_peak_memory"] > found["model_bytes"] > 0
    assert long_documents.main(["--own", "0"]) == 2
    assert capsys.readouterr().err.startswith("bench.long_documents: --own")


# -- few labels ------------------------------------------------------------------------------


@hypothesis.given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=40), st.integers(1, 5), st.integers(0, 3)
)
def test_few_rows_keep_their_labels(labels, n, seed):
    rows = few_stages.sample(labels, n, seed).tolist()
    assert rows == sorted(set(rows)) == few_stages.sample(labels, n, seed).tolist()
    kept = Counter(labels[i] for i in rows)
    assert kept == {label: min(n, count) for label, count in Counter(labels).items()}
    assert few_stages.sample(labels, None, seed).tolist() == list(range(len(labels)))


def test_labelled_rows_and_the_others_are_the_file(few, tmp_path):
    path = str(few / "few" / "train.tsv")
    job = {"train": path, "test": path, "rows": 3, "round": 1, "work": str(tmp_path)}
    sizes = few_stages.split(job)
    rows = files.read_labelled(path)
    labelled = files.read_labelled(tmp_path / "labelled.tsv")
    assert sizes == {"n_labelled": 24, "n_others": len(rows) - 24}
    assert set(Counter(label for label, _ in labelled).values()) == {3}
    others = files.read_lines(tmp_path / "others.txt")
    texts = [text.replace("\t", " ") for _, text in rows]
    assert sorted(others + [text for _, text in labelled]) == sorted(texts)


def test_embeddings_are_those_of_the_rows(write, tmp_path):
    """Rows without a label or a text have one too, which goes with them."""
    source, said = write("a\tone\nno label\nb\t  \nb\ttwo two\n"), []

    def encode(texts):
        return [[len(text), 1.0] for text in texts]

    output = tmp_path / "set.test.npy"
    few_stages.embed(encode, source, output, "lengths", said.append)
    assert len(said) == 1 and said[0].startswith("4 of 4 texts, ")
    about = json.loads((tmp_path / "set.test.json").read_text("utf-8"))
    assert (about["encoder"], about["texts"]) == ("lengths", 4) and about["seconds"] >= 0
    embeddings = {"train": str(output), "test": str(output)}
    job = {"train": source, "test": source, "rows": 1, "round": 0, "embeddings": embeddings}
    part, gold = few_stages.read_part(job)
    assert part.texts == part.asked == ["one", "two two"] and gold == ["a", "b"]
    assert part.own.tolist() == part.of_asked.tolist() == [[3, 1], [7, 1]]
    assert part.others == [] and part.of_others.shape == (0, 2)
    np.save(output, np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"set\.test\.npy: 3 x 2 numbers, for 4 rows of "):
        few_stages.read_part(job)


def test_contenders_take_turns():
    order = []
    passes = {name: lambda name=name: order.append(name) for name in "ab"}
    times = few_stages.take_turns(passes, 3, seconds=0)
    assert order == list("ababab") and {len(each) for each in times.values()} == {3}
    assert len(few_stages.take_turns({"a": int}, 1)["a"]) == few_stages.MOST_PASSES


def test_records_are_put_in_the_place_of_older_ones():
    def record(rows, **values):
        return {"set": "a", "rows": rows, **values}

    records = [record(1, accuracy=0.5), record(2, left_out="why"), record(3, accuracy=0.1)]
    new = [record(1, left_out="why"), record(2, accuracy=0.2), record(3, error="why")]
    few_labels.merge(records, new, ("set", "rows"))
    assert records == [record(1, accuracy=0.5), *new[1:]]


@pytest.fixture
def embedded(few, tmp_path):
    """Return a folder of embeddings of the set `few` that tell each label."""
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        rows = files.read_labelled(few / "few" / f"{part}.tsv")
        names = sorted({label for label, _ in rows})
        vectors = np.eye(len(names))[[names.index(label) for label, _ in rows]]
        vectors += rng.normal(scale=0.1, size=vectors.shape)
        np.save(tmp_path / f"few.{part}.npy", vectors.astype(np.float16))
    return tmp_path


def test_few_labels_from_end_to_end(few, embedded, tmp_path, capsys):
    """What teachers bring is learnt; what cannot run is left out with the reason."""
    report = tmp_path / "report.json"
    arguments = ["--data-dir", str(few), "--seeds", "1", "--passes", "1", "--threads", "1"]
    arguments += ["--embeddings", str(embedded), "--json", str(report)]
    assert few_labels.main([*arguments, "--rows", "8"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# Few labels\n\n- versions: Python ")
    runs = {run["contender"]: run for run in json.loads(report.read_text("utf-8"))["runs"]}
    assert runs.keys() == few_labels.CONTENDERS.keys()
    assert f"- model2vec, 8 rows: left out, {runs.pop('model2vec')['left_out']}" in text
    for name, run in runs.items():
        assert (run["n_labelled"], run["n_others"], run["n_labels"]) == (64, 320, 8)
        assert run["accuracy"] > 0.2 and run["train_seconds"] > 0
        assert f"| {name} | {run['accuracy']:.4f} |" in " ".join(text.split())
    assert runs["encoder"]["accuracy"] > 0.9 and runs["encoder"]["rate"] is None
    assert runs["taught"]["accuracy"] > runs["default"]["accuracy"] + 0.1
    said = runs["taught"]["said"]  # the embeddings are of a few numbers: they may be left out
    assert runs["taught"]["n_learnt_from"] > 0
    assert all(line.startswith("the text embeddings are not learnt from") for line in said)
    own, default = runs["taught"]["rate"], runs["default"]["rate"]
    assert runs["taught"]["rate_to_default"] == pytest.approx(own / default)
    assert "taught / default" in text

    # a piece more: what is there stays, and is printed
    more = ["--rows", "all", "--contenders", "unlabelled,encoder", "--add"]
    assert few_labels.main([*arguments, *more]) == 0
    text = capsys.readouterr().out
    found = json.loads(report.read_text("utf-8"))["runs"]
    assert len(found) == len(runs) + 1 + 2 and runs["taught"] in found
    assert f"{runs['taught']['accuracy']:.4f}" in text
    assert "- unlabelled, all rows: left out, no rows are left that could lose" in text


def test_a_round_of_few_labels_that_fails_says_why(few, embedded, capsys):
    np.save(embedded / "few.test.npy", np.zeros((3, 2)))
    arguments = ["--data-dir", str(few), "--seeds", "1", "--contenders", "encoder"]
    assert few_labels.main([*arguments, "--rows", "8", "--embeddings", str(embedded)]) == 1
    text = capsys.readouterr().out
    assert "- encoder, 8 rows: 1 of 1 runs failed: measure ended with code 1: ValueError: " in text
    assert "few.test.npy: 3 x 2 numbers, for 96 rows of " in text


def test_a_contender_that_fails_does_not_stop_the_others(few, monkeypatch):
    def fail(part, job):
        raise RuntimeError("no\nmore")

    monkeypatch.setitem(few_stages.TRAINERS, "encoder", fail)
    paths = {part: str(few / "few" / f"{part}.tsv") for part in ("train", "test")}
    job = {**paths, "rows": 4, "round": 0, "embeddings": None, "passes": 1, "svc": few_labels.SVC}
    runs = few_stages.measure({**job, "contenders": ["encoder", "svc"]})["runs"]
    assert runs["encoder"] == {"error": "RuntimeError: no"}
    assert runs["svc"]["accuracy"] > 0.2 and runs["svc"]["rate"] > 0
    monkeypatch.setattr(few_stages, "MANY_LABELS", 7)
    runs = few_stages.measure({**job, "contenders": ["encoder", "svc"]})["runs"]
    assert {run["left_out"] for run in runs.values()} == {"there are more than 7 labels"}


def test_the_whole_command_is_timed_beside_fasttext(few, monkeypatch, tmp_path, capsys):
    """With a stand-in for the training: its files are there, and the first time does not count."""
    real, jobs = tools.stage, []

    def stage(name, job, work, module="bench.stages.peers"):
        if name != "train":
            return real(name, job, work, module)
        jobs.append(job)
        assert len(files.read_lines(job["train"])) == 40
        return {"process_seconds": float(len(jobs))}

    monkeypatch.setattr(tools, "stage", stage)
    monkeypatch.setattr(few_labels.importlib.util, "find_spec", lambda name: name)
    report = tmp_path / "report.json"
    arguments = ["--data-dir", str(few), "--contenders", "none", "--command", "few"]
    arguments += ["--command-rows", "5", "--command-rounds", "2", "--embeddings", str(tmp_path)]
    assert few_labels.main([*arguments, "--json", str(report)]) == 0
    settings = [job["settings"] for job in jobs[:3]]
    assert settings[0] == [] and settings[1][0] == "--unlabelled"
    assert settings[2] == {**tools.FASTTEXT, "loss": "softmax"}
    found = {each["command"]: each for each in json.loads(report.read_text("utf-8"))["commands"]}
    assert found["default"]["seconds"] == [4, 7] and found["fasttext"]["seconds"] == [6, 9]
    assert (found["unlabelled"]["n_labelled"], found["unlabelled"]["n_others"]) == (40, 344)
    text = " ".join(capsys.readouterr().out.split())
    assert "| train LABELLED --unlabelled POOL | 5.00 | 6.50 | 2 | 0.83 |" in text


def test_few_labels_are_asked_for_as_they_are(tmp_path, capsys):
    other = tmp_path / "other.json"
    other.write_text("[]")
    for wrong in (
        ["--rows", "0"], ["--rows", ""], ["--rows", "ten"], ["--contenders", "nobody"],
        ["--seeds", "0"], ["--command-rows", "0"], ["--add"], ["--embeddings", str(other)],
        ["--json", str(other), "--add"], ["--data-dir", str(tmp_path)],
        ["--embed", str(tmp_path), "--embeddings", str(tools.ROOT / "bench")],
        ["--model2vec", str(tmp_path / "no folder")],
    ):  # fmt: skip
        assert few_labels.main(wrong) == 2, wrong
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["bench.few_labels"] * 12


def test_an_ingredient_is_left_out(few, monkeypatch, tmp_path, capsys):
    from bench import ablation

    changes = (("default", {}, "all"), ("- bias", {"bias": False}, "all"), ("many", {}, "many"))
    monkeypatch.setattr(ablation, "CHANGES", changes)
    report = tmp_path / "report.json"
    arguments = ["--data-dir", str(few), "--folds", "2", "--threads", "1", "--json", str(report)]
    assert ablation.main([*arguments, "--variants", "plain,few:20,skew:0.9"]) == 0
    printed = capsys.readouterr()
    assert "few skew:0.9 is left out: " in printed.err
    results = json.loads(report.read_text("utf-8"))
    assert results.keys() == {"few", "few few:20"}
    for title, result in results.items():
        assert (
            f"- {title}: {result['about']['n_train']} rows to train on, 38 set aside" in printed.out
        )
        assert "default: head linear, loss " in printed.out
        found = result["changes"]
        assert found.keys() == {"default", "- bias"}
        assert all(50 < each["accuracy"] <= 100 for each in found.values())
    assert results["few"]["about"]["n_train"] == 384 - 38
    assert results["few few:20"]["about"]["n_train"] == 160
    assert "rarest label, where" not in printed.out
    assert ablation.main([*arguments, "--variants", "long:30:90", "--folds", "4"]) == 2


def test_an_ingredient_where_a_label_is_rare(few, monkeypatch, capsys):
    from bench import ablation

    monkeypatch.setattr(ablation, "LEAST_RARE", 1)
    arguments = ["--data-dir", str(few), "--threads", "1", "--changes", "default;char_energy 4"]
    assert ablation.main([*arguments, "--variants", "skew:0.05", "--most-rows", "300"]) == 0
    accuracy, precision = capsys.readouterr().out.split("Average precision of the rarest label")
    assert accuracy.count("| default") == precision.count("| default") == 1


def test_changes_of_what_is_chosen_are_measured_without_a_choice():
    from bench import ablation

    recipes = {name: ablation.config_of(settings).recipe for name, settings, _ in ablation.CHANGES}
    assert recipes["default"] == recipes["- bias"] == "auto"
    assert recipes["recipe fixed"] == recipes["char_energy 4"] == "fixed"
    assert recipes["linear, squared hinge, lr 0.06"] == "fixed"


def test_a_small_model(few, capsys):
    from bench import quantization

    arguments = ["few", "--data", str(few), "--sizes", "20k", "--seeds", "1", "--retrain", "no"]
    quantization.main(arguments)
    whole, small = map(json.loads, capsys.readouterr().out.splitlines())
    assert small["file"] <= 20_000 < whole["file"][0]
    assert small["accuracy"] > 0.2


@pytest.fixture
def peers_there(tmp_path):
    """Return folders as if pip had been there: the wheel of this environment, and a small model."""
    fasttext = pytest.importorskip("fasttext")
    work = tmp_path / "work"
    (work / "peers" / "wheel").mkdir(parents=True)
    model = work / "peers" / "lid" / predict_peers.LID_FILE
    model.parent.mkdir(parents=True)
    (tmp_path / "train.txt").write_text("__label__a one two\n__label__b three four\n" * 50)
    # In ten threads, as above.
    settings = {"dim": 10, "bucket": 1000, "minn": 2, "maxn": 3, "thread": 10, "verbose": 0}
    fasttext.train_supervised(str(tmp_path / "train.txt"), **settings).save_model(str(model))
    return work


def test_predictions_beside_another_program(few, peers_there, tmp_path, capsys):
    report = tmp_path / "report.json"
    arguments = ["--data-dir", str(few), "--work", str(peers_there), "--models", "lid", "--quick"]
    arguments += ["--programs", "wheel", "--seconds", "0.02", "--json", str(report)]
    assert predict_peers.main([*arguments, "--only", "load,short,all,batch,stream-long"]) == 0
    text = capsys.readouterr().out
    found = json.loads(report.read_text("utf-8"))
    times = found["models"]["lid"]["times"]
    assert list(times) == ["load", "short", "all", "batch", "stream-long"]
    for by_program in times.values():
        assert by_program.keys() == {"ours", "wheel"}
        assert all(x > 0 for rounds in by_program.values() for one in rounds for x in one)
    assert len(times["batch"]["wheel"]) == 2 and len(times["batch"]["wheel"][0]) == 2
    assert "| batch of short texts, second pass" in text and "wheel / ours" in text
    answers = found["models"]["lid"]["answers"]
    calls = {each["call"]: each for each in answers if each["program"] == "ours"}
    assert {"single", "list", "list, long", "list, k=5", "list, k=-1"} <= calls.keys()
    for call, each in calls.items():
        assert each["texts"] >= 100 and each["labels"] == 0, call
        assert each["bits"] == 0 or "exact" in call


def test_a_model_of_our_own_beside_another_program(few, peers_there, monkeypatch, tmp_path):
    small = {"lr": 0.5, "epoch": 2, "wordNgrams": 1, "dim": 10, "bucket": 1000, "thread": 10}
    monkeypatch.setattr(tools, "FASTTEXT", small)
    report = tmp_path / "report.json"
    arguments = ["--data-dir", str(few), "--work", str(peers_there), "--models", "none", "--quick"]
    arguments += ["--programs", "wheel", "--seconds", "0.02", "--json", str(report)]
    assert predict_peers.main([*arguments, "--only", "file,one"]) == 0
    (own,) = json.loads(report.read_text("utf-8"))["own"].values()
    assert own.keys() == {"file", "one"}
    for by_program in own.values():
        assert by_program.keys() == {"ours", "wheel"}
        assert all(x > 0 for rounds in by_program.values() for one in rounds for x in one)
    labels = files.read_lines(peers_there / "own-few" / "labels.txt")
    assert len(labels) == predict_peers.OWN_LINES // predict_peers.SMALL
    assert set(labels) <= {
        f"__label__{label}" for label, _ in files.read_labelled(few / "few" / "train.tsv")
    }


def test_texts_and_a_model_of_many_labels_are_made(few, monkeypatch, tmp_path):
    from bench.stages import filters
    from fasttext_lite.compat import load_model

    monkeypatch.setattr(filters, "LABELS", 30)
    monkeypatch.setattr(filters, "BUCKET", 500)
    job = {"seed": 1, "work": str(tmp_path), "sets": [str(few / "few")]}
    sizes = filters.texts({**job, "n_short": 50, "n_long": 5})["bytes"]
    short, long = (files.read_lines(tmp_path / f"{name}.txt") for name in ("short", "long"))
    assert len(set(short)) == 50 and len(set(long)) == 5
    assert 80 <= sizes["short"] <= filters.MOST_SHORT
    assert filters.LONG_BYTES <= sizes["long"] <= filters.LONG_BYTES + 1000
    assert files.read_lines(tmp_path / "same.txt")[0] in long
    for kind, n_labels, dim in (("glotlid", 30, filters.DIM), ("filter", 1, 10)):
        monkeypatch.setattr(filters, "FILTER", {"dim": 10, "bucket": 500, "epoch": 1})
        path = str(tmp_path / f"{kind}.bin")
        filters.models({**job, "kind": kind, "model": path})
        model = load_model(path)
        assert (len(model.labels), model.get_dimension()) == (n_labels, dim)


def test_what_differs_is_counted():
    one, two, other = (np.array([x], np.float32).tobytes().hex() for x in (0.5, 0.75, 0.5))
    expected = [[["a"], one], [["a"], one], [["a"], one]]
    found = predict_peers.differences([[["a"], other], [["a"], two], [["b"], one]], expected)
    assert found == {"texts": 3, "labels": 1, "bits": 1, "most": 0.25}


def test_peers_are_asked_for_as_they_are(tmp_path, capsys):
    work = ["--work", str(tmp_path)]
    for wrong in (
        ["--models", "gpt"], ["--only", "nothing"], ["--programs", "nobody"], ["--rounds", "0"],
        ["--checkout", str(tmp_path)], ["--data-dir", str(tmp_path)],
        ["--json", str(tmp_path / "no" / "file")], ["--peers", str(tmp_path / "no" / "folder")],
    ):  # fmt: skip
        assert predict_peers.main([*work, *wrong]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["bench.predict_peers"] * 8
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("loss", "head"), [("hs", "learned"), ("ova", "linear")])
def test_the_training_loop_is_timed(loss, head):
    from bench import roofline

    epoch = roofline.Epoch((loss, head, 4, 4), n_docs=300, n_rows=50)
    assert epoch.one_thread(0.01) > 0
    assert epoch.two_threads(1) > 0
    moved, flops = epoch.bytes_and_flops()
    assert moved > 300 * roofline.FEATURES / 2 * 8 * 4 and flops > 0


def test_the_start_up_benchmark_counts_each_import_once():
    from bench import startup

    log = """import time: self [us] | cumulative | imported package
import time:      1000 |       1000 |     json.decoder
import time:      2000 |       3000 |   json
import time:      7000 |       7000 |     json
import time:      4000 |      11000 |   numba
import time:      3000 |      17000 | fasttext_lite.cli
import time:       500 |        500 | encodings
"""
    assert startup.by_import(log) == {
        "numba": 11.0,
        "json": 3.0,
        "fasttext_lite": 3.0,
        "others": 0.5,
    }


def test_shared_memory_of_a_small_model(capsys):
    sizes = ["--workers", "2", "--buckets", "1000", "--dim", "4"]
    assert shared_memory.main([*sizes, "--contenders", "bin,ftl,pickle"]) == 0
    out = capsys.readouterr().out
    assert all(shared_memory.CONTENDERS[name] in out for name in ("bin", "ftl", "pickle"))
    assert shared_memory.main(["--workers", "0"]) == 2
    assert "must be at least 1" in capsys.readouterr().err
    assert shared_memory.main(["--contenders", "none"]) == 2


def test_memory_of_a_process_is_that_of_the_kernel():
    found = shared_memory.memory_of(os.getpid())
    assert found["rss"] >= found["pss"] >= found["private"] > 1 << 20


def test_stages_and_threads(few, capsys, tmp_path):
    from bench import threads

    report = tmp_path / "report.json"
    path = str(few / "few" / "train.tsv")
    arguments = [path, "--rounds", "1", "--set", "epochs=2", "--json", str(report), "--apart"]
    assert threads.main(arguments) == 0
    printed = capsys.readouterr().out
    found = json.loads(report.read_text())["files"][path]
    assert found["epochs"] == 2 and found["features"] > found["texts"]
    for count in ("1", "2"):
        seconds = found["seconds"][count]
        assert set(seconds) == {*threads.STAGES, threads.REST, threads.ALL}
        assert all(seconds[stage] > 0 for stage in threads.STAGES), seconds
    assert "| 64      |" in printed and "all but the loop" in printed
    assert "two processes" in printed and set(found["apart"]) == set(found["seconds"]["1"])
    for wrong in (
        ["--threads", "0"],
        ["--set", "epochs"],
        ["--set", "epochs=-1"],
        ["--rounds", "0"],
    ):
        assert threads.main([path, *wrong]) == 2
        assert capsys.readouterr().err.startswith("bench.threads: ")
    assert threads.forecast(4.0, 2.0, 4) == pytest.approx(1.0)
    assert threads.forecast(4.0, 3.0, 4) == pytest.approx(2.5)
    assert threads.forecast(4.0, 5.0, 64) == 4.0
    assert threads.forecast(4.0, 1.0, 2) == pytest.approx(2.0), "no faster than all of it divided"


def test_a_set_of_very_many_labels_is_as_described(tmp_path):
    from bench.stages import extreme

    job = {"folder": str(tmp_path), "labels": 400, "rows": 500, "test_rows": 60, "seed": 1}
    about = extreme.write(job)
    assert about == extreme.describe(job)
    assert about["n_train"] == 500 and about["n_test"] <= 60
    assert 3 < about["labels_per_text"] < 6 and about["most_texts"] > 4 * about["median_texts"]
    gold = np.load(tmp_path / "gold.npz")
    lines = files.read_lines(tmp_path / "train.ft")
    found = Counter(w for line in lines for w in line.split() if w.startswith(files.PREFIX))
    assert found == {f"{files.PREFIX}l{i}": n for i, n in enumerate(gold["counts"]) if n}
    assert all(len(set(line.split()[:3])) == 3 for line in lines if line.count("__label__") > 2)
    own = [
        [int(w[len("__label__l") :]) for w in line.split() if w.startswith(files.PREFIX)]
        for line in files.read_lines(tmp_path / "test.ft")
    ]
    assert [x for row in own for x in row] == gold["ids"].tolist()
    assert gold["counts"][gold["ids"]].min() > 0, "training has them"
    again = extreme.make_world(400)
    np.testing.assert_array_equal(again.own, extreme.make_world(400).own)


def test_packages_become_texts_with_the_labels_that_they_depend_on(tmp_path):
    from bench.stages import packages

    dump = "\n\n".join(
        f"Package: tool-{i}\nDepends: libc6 (>= 2.3), lib{i % 3} | other, tool-{i}\n"
        f"Description: A tool number {i}\n more of it\nSection: utils"
        for i in range(40)
    )
    rows = list(packages.packages(f"{dump}\n\nPackage: tool-1\nDepends: x\n\nPackage: alone"))
    assert len(rows) == 40 and rows[4] == (["libc6", "lib1"], "A tool number 4 tool 4 utils")
    packages.write(dump, tmp_path)
    assert len(files.read_lines(tmp_path / "train.ft")) == 36
    gold = np.load(tmp_path / "gold.npz")
    assert gold["counts"].sum() == 72 and gold["indptr"].size == 5


def test_very_many_labels_are_measured_run_by_run(tmp_path, monkeypatch, capsys):
    from bench import extreme

    jobs = []

    def stage(name, job, work, module="bench.stages.peers"):
        jobs.append((name, job.get("package"), job.get("labels")))
        if name in ("synthesize", "describe"):
            return {"n_labels": job.get("labels", 7)}
        if name == "train":
            Path(job["model"]).write_bytes(b"")
            return {"process_seconds": 1.0, "peak_memory": 1e6, "train_cpu_seconds": 2.0,
                    "model_bytes": 5e6}  # fmt: skip
        figures = {f"{kind}{k}": 0.5 for kind in ("p", "psp") for k in (1, 3, 5)}
        figures["predict_microseconds"] = 12.0
        return {**figures, "beams": {"10": figures}, "load_seconds": 0.1, "first_seconds": 0.2,
                "peak_memory": 2e6, "process_seconds": 1.0}  # fmt: skip

    monkeypatch.setattr(tools, "stage", stage)
    monkeypatch.setattr(extreme, "stage", stage)
    report = tmp_path / "report.json"
    given = ["--labels", "50000", "--json", str(report), "--work-dir", str(tmp_path)]
    assert extreme.main([*given, "--runs", "fasttext-lite, hs;fastText, ns"]) == 0
    (found,) = json.loads(report.read_text())["sets"]
    assert list(found["runs"]) == ["fasttext-lite, hs"], "ns is for fewer labels"
    assert ("synthesize", "extreme", 50_000) in jobs
    out = capsys.readouterr().out
    assert "| fasttext-lite, hs | 50.00 |" in out and "| - beam 10         | 50.00 |" in out
    assert extreme.main([*given, "--runs", "fastText, hs", "--add"]) == 0
    (found,) = json.loads(report.read_text())["sets"]
    assert list(found["runs"]) == ["fasttext-lite, hs", "fastText, hs"]
    for wrong in (["--labels", "0"], ["--labels", "x"], ["--runs", "no"], ["--add"]):
        assert extreme.main(wrong) == 2


def test_what_a_training_moves(capsys, tmp_path):
    from bench import bytes_moved

    report = tmp_path / "report.json"
    assert bytes_moved.main(["--points", "0.4:2", "--json", str(report)]) == 0
    (point,) = json.loads(report.read_text())["points"]
    assert bytes_moved.model_bytes(point) == pytest.approx(point["model_bytes"], rel=0.02)
    assert point["texts"] == point["labelled"] < point["tokens"] < point["entries"]
    assert point["entries"] == point["kept"] and point["words"] < point["rows"]
    assert "| 0.4 | 2 |" in capsys.readouterr().out
    one = {
        "corpus": 1000, "tokens": 100, "texts": 10, "labelled": 12, "entries": 90, "kept": 80,
        "epochs": 3,
    }  # fmt: skip
    assert bytes_moved.moved(one) == {
        "features": {"read": 1400, "written": 400 + 720 + 200 + 48},
        "training": {"read": 1920, "written": 80},
    }
    assert bytes_moved.main(["--points", "5:x"]) == 2
    assert "two numbers, A:B" in capsys.readouterr().err
    one, many = bytes_moved.forecast(1e8, 1), bytes_moved.forecast(1e10, 100)
    for name in ("a worker: features, s", "a worker: training, s"):
        assert one[name] == pytest.approx(many[name])
    assert one["tasks, s"] == pytest.approx(97 * 9 / 1e3) == pytest.approx(many["tasks, s"] / 100)
    assert one["all rows to the client in the end, bytes"] == 1e7 * 32
    assert one["the client's network, s"] == pytest.approx(
        (8e7 + 10 * 1e7 + 1e7 / 8 + 0.8 * 64e7 + 32e7) / 1.25e9
    )
    assert bytes_moved.main(["--forecast", "1e10:100"]) == 0
    assert "all, s" in capsys.readouterr().out


def test_changed_labels_are_measured():
    given, changed = understand_stages.flipped(["a", "b", "c", "a"] * 25, 0.1, 1)
    assert changed == [i for i in range(100) if given[i] != ["a", "b", "c", "a"][i % 4]]
    assert len(changed) == 10 and set(given) == {"a", "b", "c"}
    found = understand_stages.measured([*changed[:6], -1, *changed[6:8], -2], changed)
    assert found == {"precision_at": 7 / 8, "n": 10, "precision": 0.8, "recall": 0.8}
    assert understand_stages.measured(changed[:6], changed)["precision_at"] == 0


# -- labelling -------------------------------------------------------------------------------
def test_answers_needed():
    assert labelling.needed({50: 0.5, 100: 0.6, 200: 0.8}, 0.7) == pytest.approx(150)
    assert labelling.needed({50: 0.5, 100: 0.6}, 0.5) == 50
    assert labelling.needed({50: 0.5, 100: 0.6}, 0.7) is None


def test_a_labelling_in_step(tmp_path):
    """Of a small pool; the report and the plot of it."""
    job = {
        "train": str(tools.BUNDLED / "en_topics" / "train.tsv"), "threads": 1, "pool": 150,
        "test": str(tools.BUNDLED / "en_topics" / "test.tsv"), "skipped": 0, "run_seed": 0,
        "points": [10, 50], "honest": [50], "final": [],
    }  # fmt: skip
    runs = []
    for strategy in labelling.STRATEGIES:
        found = labelling_stages.simulate({**job, "strategy": strategy})
        assert [point["n"] for point in found["points"]] == [10, 50]
        assert found["points"][-1]["accuracy"] > 0.2
        runs.append({"set": "en_topics", "strategy": strategy, "seed": 0, **found})
    assert runs[0]["points"][1]["honest"]["n_random"] == 50  # all are drawn at random
    assert 10 <= runs[2]["points"][1]["honest"]["n_random"] < 50
    waits = [{"set": "x", "texts": 9, "waits": [0.1, 0.2], "open": 1.0, "search_first": 0.1,
              "search_again": 0.1}]  # fmt: skip
    text = "\n".join(labelling.printed({"about": {}, "runs": runs, "waits": waits}))
    assert "| en_topics, ours " in text
    assert "| x " in text
    labelling.plot(runs, str(tmp_path / "curves.svg"))
    assert "<svg" in (tmp_path / "curves.svg").read_text("utf-8")
