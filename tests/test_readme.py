"""The README tells the truth: its code runs, its commands and settings exist."""

import re
import shlex
from pathlib import Path

import pytest

from fasttext_lite.cli import app
from fasttext_lite.corpus.reader import read_corpus

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_example_runs(tmp_path, monkeypatch, data_dir):
    monkeypatch.chdir(tmp_path)
    corpus = read_corpus(str(data_dir / "zh_topics" / "train.tsv"))
    texts, labels = corpus.texts.to_list()[:200], [row[0] for row in corpus.label_rows[:200]]
    names = {"texts": texts, "labels": labels, "more_texts": texts[:9], "more_labels": labels[:9]}
    example, in_place_of_fasttext = blocks("python")
    example = example.replace(
        "classifier.model_.predict(texts", "found = classifier.model_.predict(texts"
    )
    exec(example, names)  # the README's own code
    assert names["classifier"].predict(texts[:3]).shape == (3,)
    assert [len(row) for row in names["found"]] == [5] * 200
    assert all(row[0][1] >= row[4][1] >= 0 for row in names["found"])
    assert (tmp_path / "model.ftl").exists()
    Path("train.txt").write_text("__label__a x y\n__label__b z\n", "utf-8")
    command = "supervised -input train.txt -output model -wordNgrams 2"
    assert f"`fasttext-lite {command}`" in README
    assert app.main([*command.split(), "-bucket", "100", "-verbose", "0"]) == 0
    exec(in_place_of_fasttext, names)
    assert names["model"].predict("x y")[0] == ("__label__a",)


def test_the_command_lines_run(tmp_path, monkeypatch, capsys, data_dir):
    monkeypatch.chdir(tmp_path)
    for source, target in (("train", "train"), ("test", "test"), ("test", "valid")):
        lines = (data_dir / "en_topics" / f"{source}.tsv").read_text("utf-8").splitlines()[:300]
        Path(f"{target}.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    Path("texts.txt").write_text("a late goal\n\n", "utf-8")
    Path("web.jsonl").write_text('{"text": "a late goal"}\n', "utf-8")
    commands = [line for block in blocks("") for line in block.splitlines()]
    commands = [line for line in commands if line.startswith("fasttext-lite ")]
    assert len(commands) == 9
    for command in commands:
        arguments = shlex.split(command, comments=True)[1:]
        if arguments[0] == "tune":
            arguments += ["--trials", "2"]  # the time in the README is for real data
        assert app.main(arguments) == 0, command
        assert capsys.readouterr().out


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_two_commands_are_targets_of_the_makefile(command):
    target = command.removeprefix("make ")
    assert command in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


CHINESE = (ROOT / "docs" / "zh.md").read_text("utf-8")


def test_the_chinese_guide_runs(tmp_path, monkeypatch, capsys, data_dir):
    monkeypatch.chdir(tmp_path)
    for source, target in (("train", "train"), ("test", "test"), ("test", "valid")):
        lines = (data_dir / "zh_topics" / f"{source}.tsv").read_text("utf-8").splitlines()[:200]
        Path(f"{target}.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    Path("user.txt").write_text("云计算 5 n\n", "utf-8")
    Path("stop.txt").write_text("的\n了\n", "utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```", CHINESE, re.DOTALL | re.MULTILINE)
    commands = [line for kind, block in found if not kind for line in block.splitlines()]
    commands = [line for line in commands if line.startswith("fasttext-lite ")]
    assert len(commands) == 7
    for command in commands:
        arguments = shlex.split(command)[1:]
        if arguments[:2] == ["datasets", "fetch"]:  # needs a network
            continue
        assert app.main(arguments) == 0, command
        assert capsys.readouterr().out
    for kind, example in found:
        if kind == "python":
            exec(example, {})  # the guide's own code
    assert "财经" in capsys.readouterr().out
