"""The command ``tune``: what it prints, where, what it writes, and with which exit code."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fasttext_lite.cli import app, tune
from fasttext_lite.fitting import fit
from fasttext_lite.model.storage import load_model
from fasttext_lite.tuning import judging
from fasttext_lite.tuning import log as tuning

WORDS = {
    "food": "soup bread noodles rice pepper salt oven butter",
    "sport": "goal match coach team score league race medal",
    "weather": "rain storm cloud sunny frost wind snow heat",
}
QUICK = (
    "--maxn", "0", "--word-ngrams", "1", "--dim", "4", "--head", "learned", "--loss", "softmax",
    "--optimizer", "sgd", "--feature-dropout", "0",
)  # fmt: skip


def lines(n=20, seed=0):
    rng = np.random.default_rng(seed)
    return "".join(
        f"__label__{label} {' '.join(rng.permutation(words.split())[:3])}\n"
        for _ in range(n)
        for label, words in WORDS.items()
    )


@pytest.fixture
def train(write):
    return write(lines(), "train.txt")


@pytest.fixture
def run(capsys, tmp_path):
    """Return a function that runs ``tune`` here: exit code, stdout, stderr."""

    def run(*arguments, output=tmp_path / "m.ftl"):
        capsys.readouterr()
        try:
            code = app.main(["tune", *map(str, arguments), "-o", str(output)])
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def check_refused(run, tmp_path):
    """Return a function that expects one line on stderr, exit code 2 and no model."""

    def check_refused(*arguments, says, **values):
        code, out, err = run(*arguments, **values)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1 and says in err
        assert err.startswith("fasttext-lite")
        assert not (tmp_path / "m.ftl").exists()

    return check_refused


def test_tune(run, train, tmp_path):
    code, out, err = run(train, *QUICK, "--trials", 4, "--seed", 1)
    assert code == 0
    result, tuned, model, command = out.splitlines()
    assert result.startswith("accuracy ") and " on 60 rows in 5 folds (mean) (" in result
    assert tuned.startswith("tuned in ") and " with 4 trials; best is trial " in tuned
    assert model.startswith(f"{tmp_path}/m.ftl: 0.0 MB, trained on 60 rows")
    assert command.startswith(f"fasttext-lite train {train} -o {tmp_path}/m.ftl --word-ngrams 1")
    head, *rows = err.splitlines()
    assert head.split() == ["trial", "phase", "rows", "score", "best", "MB", "s", "settings",
                            "(accuracy,", "mean", "of", "5", "folds)"]  # fmt: skip
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4"]
    assert "as they were given" in rows[0] and "\x1b" not in err
    assert len(load_model(tmp_path / "m.ftl").labels) == 3
    assert sorted(os.listdir(tmp_path)) == ["m.ftl", "train.txt"]


@pytest.mark.parametrize("preset", ["default", "fasttext"])
def test_the_command_line_gives_the_same_model(run, train, tmp_path, preset, capsys):
    code, out, _ = run(
        train, *QUICK, "--no-nfkc", "--nfkc", "--trials", 5, "--seed", 2, "--preset", preset
    )
    assert code == 0
    tuned = (tmp_path / "m.ftl").read_bytes()
    program, *arguments = shlex.split(out.splitlines()[-1])
    assert program == "fasttext-lite"
    arguments[arguments.index("-o") + 1] = str(tmp_path / "again.ftl")
    assert app.main(arguments) == 0
    assert (tmp_path / "again.ftl").read_bytes() == tuned


def test_reading_flags_are_in_the_command_line(run, write):
    data = write("kind,words\n" + "a,b c\nd,e f\n" * 20, "my data.csv")
    code, out, _ = run(
        data, *QUICK, "--trials", 2, "--label-column", "kind", "--text-column", "words",
        "--multilabel", "--threads", 1, "--format", "csv",
    )  # fmt: skip
    assert code == 0
    arguments = shlex.split(out.splitlines()[-1])
    assert arguments[2] == data
    text = " ".join(arguments)
    assert text.endswith(
        "--format csv --text-column words --label-column kind --multilabel --threads 1"
    )
    assert app.main(arguments[1:]) == 0


def test_flags_are_held_fixed(run, train, tmp_path):
    log = tmp_path / "log.jsonl"
    code, _, _ = run(train, *QUICK, "--epochs", 2, "--no-lowercase", "--trials", 6, "--log", log)
    assert code == 0
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"epochs", "lowercase", "dim", "maxn"} <= set(records[0]["fixed"])
    assert not {"epochs", "dim", "minn", "word_ngrams"} & {
        n for r in records[1:] for n in r["params"]
    }
    config = load_model(tmp_path / "m.ftl").config
    assert (config.epochs, config.lowercase, config.dim) == (2, False, 4)


def test_many_rows_are_set_aside(run, train, monkeypatch):
    monkeypatch.setattr(judging, "LEAST_ASIDE", 6)
    _, out, err = run(train, *QUICK, "--trials", 1, "--seed", 1)
    assert " on 6 rows set aside (" in out
    assert err.splitlines()[0].endswith("settings (accuracy)")


def test_resume_with_another_seed(run, train, tmp_path):
    log = ("--log", tmp_path / "log.jsonl")
    run(train, *QUICK, "--trials", 1, "--seed", 1, *log)
    code, _, err = run(train, *QUICK, "--trials", 2, "--seed", 2, *log, "--resume")
    assert code == 2 and "seed differs (1; now 2)" in err


def test_validation_file(run, train, write):
    valid = write(lines(3, seed=5) + "__label__new soup\n", "valid.txt")
    code, out, err = run(train, *QUICK, "--trials", 2, "--valid", valid)
    assert code == 0
    assert f"on {valid} (" in out and "trained on 60 rows" in out
    assert err.splitlines()[0] == (
        f"fasttext-lite: {valid}: labels without a training row count as errors: new"
    )


def test_quiet(run, train):
    code, out, err = run(train, *QUICK, "--trials", 2, "-q")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 2


def test_metric_and_size(run, train, tmp_path):
    code, out, _ = run(
        train, "--head", "learned", "--loss", "softmax", "--optimizer", "sgd",
        "--feature-dropout", 0, "--trials", 3, "--metric", "f1:food", "--model-size", "12k",
    )  # fmt: skip
    assert code == 0
    assert out.startswith("f1:food ")
    assert os.path.getsize(tmp_path / "m.ftl") <= 12_000


def test_log_and_resume(run, train, tmp_path):
    log = tmp_path / "log.jsonl"
    assert run(train, *QUICK, "--trials", 2, "--log", log)[0] == 0
    assert len(log.read_text().splitlines()) == 3
    code, out, err = run(train, *QUICK, "--trials", 4, "--log", log, "--resume")
    assert code == 0
    assert len(log.read_text().splitlines()) == 5
    assert [row.split()[0] for row in err.splitlines()[1:]] == ["1", "2", "3", "4"]
    assert "(" in out.splitlines()[0]  # the score of the first trial, from the log


def test_stdin(run, feed):
    feed(lines())
    code, out, _ = run("-", *QUICK, "--trials", 2)
    assert code == 0
    assert "fasttext-lite train - -o" in out


# -- mistakes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--time", "0"], "--time: must be a number of seconds above 0; got '0'"),
        (["--time", "nan"], "--time"),
        (["--time", "inf"], "--time"),
        (["--time", "soon"], "--time"),
        (["--trials", "0"], "--trials: must be a whole number of at least 1; got '0'"),
        (["--seed", "-1"], "--seed"),
        (["--threads", "0"], "--threads"),
        (["--model-size", "2T"], "--model-size: a model size must be"),
        (["--model-size", "1k", "--trials", "1"], "as small as 1,000 bytes: the smallest reached"),
        (["--metric", "auc"], "--metric: metric must be one of accuracy"),
        (["--metric", "f1:drink"], "metric f1:drink: the training rows have no label 'drink'"),
        (["--resume"], "--resume needs the --log to go on with"),
        (["--dim", "0"], "dim must be"),
        (["--minn", "5", "--maxn", "3"], "minn must not exceed maxn"),
        (["--valid", "none.txt"], "none.txt: no such file"),
        (["--log", "none/log"], "none/log: cannot use the log: no such file"),
    ],
)
def test_mistakes(check_refused, train, arguments, says):
    check_refused(train, *arguments, says=says)


def test_files_that_cannot_be(check_refused, run, train, write, tmp_path):
    check_refused(tmp_path / "none.txt", says="none.txt: no such file")
    check_refused(write("", "empty.txt"), says="the file is empty")
    check_refused(train, output="-", says="cannot be written to stdout")
    check_refused(train, output=tmp_path / "none" / "m.ftl", says="cannot write the model")
    check_refused("-", "--valid", "-", says="cannot both come from stdin")
    check_refused(train, output=train, says="the model would overwrite this file")
    check_refused(train, "--log", train, says="the log would be written into this file")
    assert Path(train).read_text() == lines()
    log = write("x\n", "log.jsonl")
    check_refused(train, "--log", log, says="this log is there already")
    check_refused(train, "--log", log, "--resume", says="log.jsonl:1: not a line of a tuning log")


def test_data_that_cannot_be_tuned_on(check_refused, write):
    check_refused(write("__label__a b\n" * 40), says="at least 2 labels")
    check_refused(write("__label__a b\n__label__c d\n"), says="too few to set some of them aside")


def test_help(capsys):
    with pytest.raises(SystemExit):
        app.main(["tune", "--help"])
    out = capsys.readouterr().out
    for flag in ("--time", "--model-size", "--metric", "--trials", "--log", "--resume", "--lr"):
        assert f"{flag} " in out or f"{flag}\n" in out
    assert "Ctrl-C" in out


# -- interrupts and terminals ----------------------------------------------------------------


def test_interrupt_trains_with_the_best(run, train, tmp_path, monkeypatch):
    add = tune.TrialTable.add

    def stop(table, trial):
        add(table, trial)
        if trial.number == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(tune.TrialTable, "add", stop)
    log = tmp_path / "log.jsonl"
    code, out, err = run(train, *QUICK, "--trials", 9, "--log", log)
    assert code == 0
    assert "interrupted: training with the best settings so far" in err
    assert "with 2 trials" in out
    assert (tmp_path / "m.ftl").exists()
    assert len(log.read_text().splitlines()) == 3


def test_interrupt_before_the_first_result(run, train, tmp_path, monkeypatch):
    def stop(*args, **values):
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "fit_prepared", stop)
    code, out, err = run(train, *QUICK)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "fasttext-lite: interrupted"
    assert not (tmp_path / "m.ftl").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="POSIX signals")
def test_interrupt_of_a_process(train, tmp_path):
    log, model = tmp_path / "log.jsonl", tmp_path / "m.ftl"
    arguments = ["tune", train, "-o", str(model), *QUICK, "--time", "300", "--log", str(log)]
    command = [sys.executable, "-m", "fasttext_lite", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(600):  # until a trial has ended
            if log.exists() and log.read_text().count("\n") >= 3:
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "interrupted: " in err and "Traceback" not in err
    assert "fasttext-lite train " in out
    assert len(load_model(model).labels) == 3


class Terminal:
    """A stream that says it is a terminal."""

    def __init__(self):
        self.parts = []

    def isatty(self):
        return True

    def write(self, text):
        self.parts.append(text)

    def flush(self):
        pass


def test_table_on_a_terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "50")
    table = tune.TrialTable("accuracy", True, time.perf_counter() + 100)
    table.progress(1, 0.25)
    table.add(tuning.Trial(1, "coarse", 1 / 3, {"lr": 0.1, "epochs": 1234567}, 0.5, 0.75, 10**6, 1))
    table.progress(0, 0.5)
    table.clear()
    text = "".join(stream.parts)
    assert "\r\x1b[Ktrial 1: 25%, " in text and "\r\x1b[Kfinal training: 50%, " in text
    assert text.endswith("\r\x1b[K")
    row = next(line for line in text.split("\n") if "coarse" in line)
    assert "33%  0.5000  0.7500     1.0" in row
    assert len(row.removeprefix("\r\x1b[K")) < 50
