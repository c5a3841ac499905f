"""Where systems differ: signals, locks, names; refusals are simulated."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from fasttext_lite import system
from fasttext_lite.cli import app

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
SIGNALS = [signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _not_ignored():
    """A suite that runs in the background, or under nohup, ignores some."""
    old = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield
    for number, handler in old.items():
        signal.signal(number, handler)


def end_by(number):
    """Send a signal to this process, and wait until it is heard."""
    signal.raise_signal(number)
    time.sleep(5)
    raise AssertionError("nothing was raised")


# -- signals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_raises_and_the_old_answer_comes_back(number):
    with pytest.raises(system.Terminated) as caught, system.ending():
        end_by(number)
    assert caught.value.exit_code == 128 + number
    assert str(caught.value) == f"ended by {number.name}"
    assert signal.getsignal(number) == signal.SIG_DFL


def test_no_error_of_a_program_catches_it():
    with pytest.raises(system.Terminated), system.ending(), contextlib.suppress(Exception):
        end_by(signal.SIGTERM)
    assert not issubclass(system.Terminated, (Exception, KeyboardInterrupt))


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_ignored_stays_ignored(number):
    signal.signal(number, signal.SIG_IGN)  # as under nohup
    with system.ending():
        signal.raise_signal(number)
        assert signal.getsignal(number) == signal.SIG_IGN


def test_a_second_signal_does_not_disturb_what_is_tidied_up():
    done = []
    with pytest.raises(system.Terminated), system.ending():
        try:
            end_by(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGHUP)
            time.sleep(2.5 * system._LOOK)
            done.append("tidy")
    assert done == ["tidy"]


def test_a_signal_that_a_callback_swallows_is_raised_again(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda found: None)  # pytest's would keep it

    class Swallower:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)
            time.sleep(0.01)

    with pytest.raises(system.Terminated), system.ending():
        each = Swallower()
        del each
        for _ in range(500):
            time.sleep(0.01)


def test_other_threads_are_left_alone():
    found = []

    def work():
        with system.ending():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


def test_the_library_installs_no_handler():
    """Of all that trains, predicts and saves, only the command line listens to signals."""
    code = (
        "import signal\n"
        "before = [signal.getsignal(n) for n in signal.valid_signals()]\n"
        "import os, tempfile\n"
        "from fasttext_lite import FastTextClassifier, load\n"
        "model = FastTextClassifier(dim=4, epochs=1).fit(['a b', 'c d'] * 5, ['x', 'y'] * 5)\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    model.save(os.path.join(folder, 'm.ftl'))\n"
        "    load(os.path.join(folder, 'm.ftl')).predict(['a b'])\n"
        "assert before == [signal.getsignal(n) for n in signal.valid_signals()]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_command_that_is_ended_says_so(number, tmp_path, monkeypatch, capsys):
    file = tmp_path / "train.txt"
    file.write_text("__label__a good\n__label__b bad\n" * 20)
    monkeypatch.setattr(
        "fasttext_lite.training.run._Clock.report",
        lambda *arguments, **options: signal.raise_signal(number),
    )
    assert app.main(["train", str(file), "-o", str(tmp_path / "m.ftl")]) == 128 + number
    assert capsys.readouterr().err.splitlines()[-1] == f"fasttext-lite: ended by {number.name}"
    assert os.listdir(tmp_path) == ["train.txt"]
