"""docs/messages.md: what the tool makes of the source, and what the program really says."""

import logging
import re
import warnings

import numpy as np
import pytest

import fasttext_lite
import fasttext_lite.compat as fasttext
from fasttext_lite import FastTextClassifier
from fasttext_lite.cli import app
from tools import make_messages
from tools.make_messages import Message, literal

TARGET = make_messages.TARGET


def uncoded(cell: str) -> str:
    """Return what stands between the back ticks of a cell: one, or two and a space."""
    return cell[3:-3] if cell.startswith("`` ") else cell.strip("`")


ROWS = [
    Message(uncoded(cells[0]).replace("\\|", "|"), cells[1], uncoded(cells[2]))
    for cells in (
        re.split(r" (?<!\\)\| ", line[2:-2])
        for line in TARGET.read_text("utf-8").splitlines()
        if line.startswith("| `")
    )
]
LEAST = 12  # letters that a row must have in common with a message to be an answer to it


def found(said: str, kind: str) -> list[Message]:
    """Return the rows that a message is a case of."""
    rows = [row for row in ROWS if row.kind.startswith(kind)]
    return [
        row for row in rows
        if len(literal(row.sentence)) >= LEAST and row.pattern().fullmatch(said)
    ]  # fmt: skip


def test_the_page_is_what_the_tool_makes(capsys):
    assert make_messages.main(["--check"]) == 0, capsys.readouterr().err
    assert len(ROWS) > 400


def test_a_page_that_is_old_is_told(tmp_path, monkeypatch, capsys):
    old = tmp_path / "messages.md"
    monkeypatch.setattr(make_messages, "TARGET", old)
    monkeypatch.setattr(make_messages, "ROOT", tmp_path)
    assert make_messages.main(["--check"]) == 1
    assert capsys.readouterr().err == "messages.md is old: run `make messages`\n"
    assert make_messages.main([]) == 0
    assert old.read_bytes() == TARGET.read_bytes()
    assert make_messages.main(["--check"]) == 0


def messages_of(tmp_path, **files):
    """Return the messages of a package with these files."""
    package = tmp_path / "package"
    for name, content in files.items():
        path = package / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return [(m.sentence, m.kind) for m in make_messages.Reader(package).messages()]


# Ways to write a message, and the sentences that come of them.
CASES = """
raise ValueError('a plain sentence')
=> a plain sentence

raise ValueError(f'{name_of(path)}:{start}: of ' f'two {len(rows)}')
=> {path}:{line}: of two {number of rows}

raise ValueError(f'{n} line{"s" * (n != 1)} are bad')
=> {number} line(s) are bad

raise ValueError('%d of %s are bad' % (n_rows, name))
=> {number of rows} of {name} are bad

raise ValueError('{} is bad'.format(name))
=> {name} is bad

raise ValueError('too ' + ('short' if a else 'long'))
=> too long
=> too short

def f():
    word, mark = ('few', 1) if a else ('many', 2)
    raise ValueError(f'too {word} rows')
=> too few rows
=> too many rows

BAD = 'a constant says it'
def f():
    raise ValueError(BAD)
=> a constant says it

def broken(path):
    return ValueError(f'{path}: broken down')
raise broken(1)
=> {path}: broken down

def fail(what):
    raise ValueError(f'{path}: {what}')
fail('no line at all')
fail('two of them')
=> {path}: no line at all
=> {path}: two of them

def hint():
    return 'and go on there'
raise ValueError(f'stop, {hint()}')
=> stop, and go on there

logger.warning('%d of %d are rare', n_rare, count)
=> {number of rare} of {count} are rare

warnings.warn(f'{name} is old', stacklevel=2)
=> {name} is old

say(f'wrote {out}')
=> wrote {out}

parser.error('one of both is needed')
=> one of both is needed

raise argparse.ArgumentTypeError(f'must be {what}')
=> must be {what}

def check(a) -> str | None:
    return f'it is {a} that looks wrong'
=> it is {a} that looks wrong

Format(bad_line='no tab in it at all')
raise ValueError(f'{where}: {form.bad_line}')
=> {where}: no tab in it at all

def lines():
    return [f'skipped {n} of them' for n in x]
def f():
    for line in lines():
        say(line)
=> skipped {number} of them

raise ValueError(f'{write("bucket")} must be set first')
=> {bucket} must be set first

raise NotImplementedError('nobody sees it')
"""


@pytest.mark.parametrize("case", CASES.strip().split("\n\n"))
def test_every_way_to_write_a_message_comes_out_readable(tmp_path, case):
    source, *expected = case.split("\n=> ")
    assert sorted(s for s, _ in messages_of(tmp_path, corpus__a=source)) == expected


def test_kinds_are_those_that_a_user_catches(tmp_path):
    source = (
        "class OwnError(ModelError): ...\nclass _InnerError(Exception): ...\n"
        "raise OwnError('the first one')\nraise _InnerError('the second one')\n"
        "raise UsageError('the third one')\nlogger.warning('the fourth one')\nsay('the fifth one')"
    )
    assert dict(messages_of(tmp_path, corpus__a=source)) == {
        "the first one": "error (`ModelError`)",
        "the second one": "error (part of another)",
        "the third one": "error (`UsageError`)",
        "the fourth one": "warning",
        "the fifth one": "notice",
    }


def test_a_room_without_a_group_stops_the_tool():
    with pytest.raises(SystemExit, match="attic/a.py: its room is in no group"):
        make_messages.page([Message("a sentence", "warning", "attic/a.py")])


# Command lines, and whether what they say is an error or a notice.
COMMANDS = {
    "train nothing.tsv -o m.ftl": None,  # the system's words
    "train notab.tsv -o m.ftl --format tsv": "error",
    "train latin.tsv -o m.ftl": "error",
    "train one.tsv -o m.ftl": "error",
    "train empty.tsv -o m.ftl": "error",
    "train bad.jsonl -o m.ftl": "error",
    "train bad.csv -o m.ftl": "error",
    "train good.tsv -o -": "error",
    "train good.tsv -o good.tsv": "error",
    "train good.tsv -o m.ftl --minn 4 --maxn 2": "error",
    "train good.tsv -o m.ftl --units 8 --head linear": "error",
    "predict good.tsv good.tsv": "error",
    "test model.ftl strange.tsv": "notice",
    "predict model.ftl unknown.txt": "notice",
    "test model.ftl gap.tsv": "notice",
    "quantize model.ftl -o small.ftl --lr 1": "error",
    "quantize model.ftl -o small.bin": "error",
    "convert model.ftl model.doc": "error",
    "embed model.ftl good.tsv --of labels": "error",
    "tune good.tsv -o m.ftl --resume": "error",
    "supervised -input good.tsv": "error",
    "supervised -input good.tsv -output m -loss best": "error",
    "supervised -input good.tsv -output m -verbose 0": "error",
    "predict-prob model.ftl good.tsv": "error",
    "quantize -output model -retrain": "error",
    "datasets fetch banking78": "error",
    "audit good.tsv --fix good.tsv --agree odd": "error",
    "audit good.tsv --fix out.tsv": "error",
    "audit good.tsv --agreed bad.jsonl --fix out.tsv": "error",
    "audit one.tsv": "notice",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of a model, and of files that are good and bad."""
    folder = tmp_path_factory.mktemp("messages")
    good = "".join(f"a\tone two {i}\nb\tthree four {i}\n" for i in range(30))
    files = {
        "good.tsv": good,
        "notab.tsv": "a\tone\nno tab here\n",
        "one.tsv": "a\tone\na\ttwo\n",
        "empty.tsv": "",
        "gap.tsv": "a\tone\n\tno label\nb\tthree\n",
        "strange.tsv": "a\tone\nc\tthree\n",
        "unknown.txt": "one\nxyzzy\n",
        "bad.jsonl": '{"label": "a", "text": "one"}\n{"label": \n',
        "bad.csv": "label,text\na,one\nb,two,three\n",
    }
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
    (folder / "latin.tsv").write_bytes(b"a\tone\nb\tcaf\xe9\n")
    texts = [line.split("\t")[1] for line in good.splitlines()]
    classifier = FastTextClassifier(recipe="fixed", random_state=0).fit(texts, ["a", "b"] * 30)
    classifier.save(str(folder / "model.ftl"))
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_says_is_in_the_table(command, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    kind = COMMANDS[command]
    try:
        code = app.main(command.split())
    except SystemExit as error:
        code = error.code
    assert code == (0 if kind == "notice" else 2)
    lines = [re.sub(r"^fasttext-lite[\w ]*: ", "", x) for x in capsys.readouterr().err.splitlines()]
    assert lines
    if kind is None:
        assert lines == ["nothing.tsv: no such file or directory"]
        return
    assert all(found(line, kind) for line in lines), lines


CALLS = {
    "one text": lambda folder: FastTextClassifier().fit("one text", ["a"]),
    "no labels": lambda folder: FastTextClassifier().fit(["a b", "c"], None),
    "one class": lambda folder: FastTextClassifier().fit(["a b", "c"], ["x", "x"]),
    "lengths": lambda folder: FastTextClassifier().fit(["a b", "c"], ["x", "y", "z"]),
    "a loss": lambda folder: FastTextClassifier(loss="best").fit(["a", "b"], ["x", "y"]),
    "a range": lambda folder: FastTextClassifier(epochs=-1).fit(["a", "b"], ["x", "y"]),
    "a seed": lambda folder: FastTextClassifier(random_state="x").fit(["a", "b"], ["x", "y"]),
    "weights": lambda folder: FastTextClassifier().fit(["a", "b"], ["x", "y"], sample_weight=[1]),
    "no model": lambda folder: fasttext_lite.load(str(folder / "good.tsv")),
    "k": lambda folder: fasttext_lite.load_model(str(folder / "model.ftl")).predict_one("a", k=0),
    "their file": lambda folder: fasttext.load_model(str(folder / "model.ftl")),
    "their keyword": lambda folder: fasttext.train_supervised(str(folder / "good.tsv"), speed=1),
    "stdin": lambda folder: fasttext.train_supervised("-"),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_raises_is_in_the_table(name, folder):
    with pytest.raises((ValueError, TypeError)) as caught:
        CALLS[name](folder)
    said = str(caught.value)
    rows = [row for row in found(said, "error")]
    names = {base.__name__ for base in type(caught.value).__mro__}
    assert rows, said
    assert any(re.findall(r"`(\w+)`", row.kind)[0] in names for row in rows), rows


def test_a_warning_of_a_call_is_in_the_table(folder, caplog):
    classifier = fasttext_lite.load(str(folder / "model.ftl"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.predict(["xyzzy", "one"])
    assert [found(str(warning.message), "warning") for warning in caught] != []
    assert all(found(str(warning.message), "warning") for warning in caught)


def test_a_warning_of_a_training_is_in_the_table(caplog):
    texts = [f"w{i % 7} x{i % 3}" for i in range(120)]
    labels = ["a", "b"] * 59 + ["c", "d"]
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        FastTextClassifier(recipe="fixed", verbose=1, random_state=0).fit(texts, np.array(labels))
    assert caplog.messages
    assert all(found(message, "warning") for message in caplog.messages), caplog.messages
