"""Where systems differ: signals, locks, names; refusals are simulated."""

import contextlib
import ctypes
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from fasttext_lite import FastTextClassifier, system
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


@pytest.mark.parametrize(
    "number, error",
    [(signal.SIGTERM, system.Terminated), (signal.SIGINT, KeyboardInterrupt)],
)
@pytest.mark.parametrize("where", ["callback", "del", "except"])
def test_a_signal_that_a_library_swallows_is_raised_again(number, error, where, capsys):
    """Python drops what is raised in callbacks from C: LLVM calls one for each kernel."""

    def hear(*_):
        signal.raise_signal(number)
        time.sleep(0.01)

    if where == "except" and number == signal.SIGINT:
        pytest.skip("nobody hears of that")
    with pytest.raises(error), system.ending():
        if where == "callback":
            ctypes.CFUNCTYPE(None)(hear)()
        elif where == "del":
            type("Each", (), {"__del__": hear})()
        else:
            with contextlib.suppress(BaseException):
                hear()
        for _ in range(500):
            time.sleep(0.01)
    assert capsys.readouterr().err == ""


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
    numbers = [number]  # once: what a thread raises when nobody listens any more ends the tests

    def report(*arguments, **options):
        if numbers:
            signal.raise_signal(numbers.pop())

    monkeypatch.setattr("fasttext_lite.training.run._Clock.report", report)
    assert app.main(["train", str(file), "-o", str(tmp_path / "m.ftl")]) == 128 + number
    assert capsys.readouterr().err.splitlines()[-1] == f"fasttext-lite: ended by {number.name}"
    assert os.listdir(tmp_path) == ["train.txt"]


# -- Windows, simulated ----------------------------------------------------------------------


@pytest.fixture
def windows(monkeypatch, tmp_path):
    """Refuse, as Windows does, to replace, move or remove what this process has open or mapped."""

    def check(path):
        name = os.path.realpath(path)
        opened = set()
        for fd in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                opened.add(os.readlink(f"/proc/self/fd/{fd}"))
        with open("/proc/self/maps", encoding="utf-8") as maps:
            mapped = name in maps.read()
        if name in opened or mapped:
            raise PermissionError(13, "Permission denied", str(path))

    replace, unlink = os.replace, os.unlink

    def replacing(source, target):
        check(source)
        check(target)
        replace(source, target)

    def unlinking(path, **options):
        check(path)
        unlink(path, **options)

    monkeypatch.setattr(system, "IS_WINDOWS", True)
    monkeypatch.setattr(system, "_PATIENCE", ())
    monkeypatch.setattr(os, "replace", replacing)
    monkeypatch.setattr(os, "unlink", unlinking)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.delattr(signal, "SIGHUP")
    for name in ("register_at_fork", "sched_getaffinity", "fchmod", "uname"):
        monkeypatch.delattr(os, name)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="no /proc")


@needs_proc
def test_windows_is_simulated(windows):
    path = windows / "file"
    path.write_bytes(b"1234")
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with pytest.raises(PermissionError):
            os.unlink(path)
    with pytest.raises(PermissionError):
        os.replace(path, windows / "other")
    mapped.close()
    os.unlink(path)


@needs_proc
def test_a_model_is_saved_over_the_file_that_it_came_from(windows):
    path = windows / "m.ftl"
    texts, labels = ["good fine", "bad poor"] * 10, ["a", "b"] * 10
    FastTextClassifier(dim=4, epochs=1).fit(texts, labels).save(path)
    model = FastTextClassifier.load(path)
    model.predict(["good"])
    model.partial_fit(texts, labels)
    model.save(path)
    assert FastTextClassifier.load(path).predict(["good"]).shape == (1,)
    assert sorted(os.listdir(windows)) == ["m.ftl", "tmp"] and not os.listdir(windows / "tmp")


@needs_proc
def test_commands_write_over_what_they_wrote_before(windows, monkeypatch, capfd):
    monkeypatch.setattr("fasttext_lite.fitting.streaming.MADE_IN_FILES", 10)
    monkeypatch.setattr("fasttext_lite.fitting.streaming.SPILL_BYTES", 10)
    monkeypatch.chdir(windows)
    (windows / "train.txt").write_text("__label__a good fine\n__label__b bad poor\n" * 20)
    (windows / "in").mkdir()
    (windows / "in" / "x.jsonl").write_text('{"text": "good"}\n{"text": "bad"}\n')
    names = set()
    for _ in range(2):
        for line in (
            "train train.txt -o m.ftl --dim 4 --epochs 1 --cache cache",
            "train train.txt -o m.ftl --dim 4 --epochs 1",
            "quantize m.ftl -o small.ftl",
            "predict m.ftl train.txt -o out.txt",
            "supervised -input train.txt -output theirs -dim 4 -epoch 1 -bucket 10 -verbose 0",
            "convert theirs.bin m.ftl",
            "filter m.ftl in -o done --workers 1 --overwrite",
        ):
            assert app.main(line.split()) == 0, capfd.readouterr().err
        names = names or set(os.listdir(windows))
        assert set(os.listdir(windows)) == names
    left = [path for path in windows.rglob("*") if "tmp" in path.name and path.name != "tmp"]
    assert left == [] and os.listdir(windows / "tmp") == []


@pytest.mark.parametrize(
    "path, expected",
    [
        ("C:\\short", "C:\\short"),
        ("C:\\" + "x" * 300, "\\\\?\\C:\\" + "x" * 300),
        ("\\\\server\\share\\" + "x" * 300, "\\\\?\\UNC\\server\\share\\" + "x" * 300),
        ("\\\\?\\C:\\" + "x" * 300, "\\\\?\\C:\\" + "x" * 300),
    ],
)
def test_long_paths_of_windows(monkeypatch, path, expected):
    assert system.long_path(path) == path
    monkeypatch.setattr(system, "IS_WINDOWS", True)
    monkeypatch.setattr(os.path, "abspath", lambda path: path)
    assert system.long_path(path) == expected


# -- consoles, memory, stacks ----------------------------------------------------------------


def test_a_console_that_lacks_signs(tmp_path):
    """Texts are printed as UTF-8 whatever the console says; messages with what it lacks escaped."""
    command = [sys.executable, "-m", "fasttext_lite", "predict", "热.ftl", "x"]
    env = {**os.environ, "PYTHONIOENCODING": "cp1252:strict"}
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 2 and b"\\u70ed.ftl" in done.stderr and b"Trace" not in done.stderr


def test_names_that_differ_in_case_alone(tmp_path, monkeypatch):
    """Where a system does not tell them apart, it says that they are one file."""
    (tmp_path / "Model.ftl").touch()
    paths = str(tmp_path / "Model.ftl"), str(tmp_path / "model.ftl")
    assert not system.is_same_file(*paths)
    stat_of = os.stat
    monkeypatch.setattr(
        os, "stat", lambda path, **options: stat_of(str(path).replace("model", "Model"), **options)
    )
    assert system.is_same_file(*paths)


@pytest.mark.parametrize("error", [OSError(22, "x"), AttributeError("malloc_trim"), TypeError()])
def test_memory_that_is_not_taken_back(monkeypatch, error):
    def refuse(*_):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert system.return_memory() is None
    assert system.yield_address() == 0
    each = type("Map", (), {"madvise": lambda *_: refuse()})()
    if isinstance(error, OSError):
        system.release([each])
    monkeypatch.delattr(mmap, "MADV_DONTNEED")
    system.release([each])


def test_windows_lets_other_threads_run(monkeypatch):
    called = []
    library = type("Library", (), {"SwitchToThread": ctypes.CDLL(None).sched_yield})
    monkeypatch.setattr(ctypes, "CDLL", lambda name: called.append(name) or library)
    monkeypatch.setattr(system, "IS_WINDOWS", True)
    assert system.yield_address() > 0 and called == ["kernel32"]


def test_small_stacks_are_enough():
    """Other threads than the first have 512 KB on macOS, where no program asks for more."""
    texts, labels = ["good fine 热爱", "bad poor"] * 200, ["a", "b"] * 200
    old = threading.stack_size(1 << 19)
    try:
        model = FastTextClassifier(dim=8, epochs=2, n_jobs=3, loss="hs").fit(texts, labels)
        assert model.predict(texts).shape == (400,)
        model.quantize()
    finally:
        threading.stack_size(old)
    assert model.score(texts, labels) > 0.9
