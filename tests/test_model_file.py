"""`ModelFile`: small pickles, one model in a process, one content; errors in one line.

What engines do with it is tested in `engines/`.
"""

import mmap
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import fasttext_lite
import fasttext_lite.compat as fasttext
from fasttext_lite import FastTextClassifier, FastTextEnsemble, ModelError, ModelFile
from fasttext_lite.compat import model_file
from fasttext_lite.compiled import paging
from fasttext_lite.model.content import N_PIECES, PIECE, READ_WHOLE, fingerprint

ROOT = Path(__file__).parent.parent
TEXTS = ["w0 w1 x", "", "w1 w3\nx", "w2 w0"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with models of each kind, and a second `.bin`."""
    folder = tmp_path_factory.mktemp("made")
    lines = [f"__label__{'ab'[i % 2]} w{i % 2} w{i % 7} x\n" for i in range(200)]
    (folder / "train.txt").write_text("".join(lines), "utf-8")
    for name, lr in (("model", 0.5), ("other", 0.1)):
        model = fasttext.train_supervised(
            str(folder / "train.txt"), bucket=1000, wordNgrams=2, lr=lr, verbose=0, thread=1
        )
        model.save_model(str(folder / f"{name}.bin"))
    model.quantize()
    model.save_model(str(folder / "model.ftz"))
    texts, labels = [line[11:-1] for line in lines], [line[9] for line in lines]
    settings = {"recipe": "fixed", "epochs": 1, "random_state": 0}
    FastTextClassifier(**settings).fit(texts, labels).save(folder / "model.ftl")
    FastTextEnsemble(n_members=2, **settings).fit(texts, labels).save(folder / "ensemble.ftl")
    return folder


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """Return a folder of copies, and a process that has read none of them."""
    for path in made.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(model_file, "_LOADED", {})
    monkeypatch.setattr(model_file, "_WATCHED", {})
    return tmp_path


def reads(monkeypatch, seconds=0.0):
    """Return a list that grows whenever a model is read, which then takes some time."""
    done, read = [], ModelFile._read

    def counted(self):
        done.append(self.path)
        time.sleep(seconds)
        return read(self)

    monkeypatch.setattr(ModelFile, "_read", counted)
    return done


# -- pickles --------------------------------------------------------------------------------------


def test_a_pickle_is_a_path_and_a_fingerprint(place):
    model = ModelFile("model.bin")
    before = pickle.dumps(model)
    assert len(before) < 1000 < len(pickle.dumps(fasttext.load_model("model.bin")))
    model.load()
    assert pickle.dumps(model) == before  # what was loaded does not count
    os.chdir("/")
    again = pickle.loads(before)
    assert again == model and hash(again) == hash(model) and repr(again) == repr(model)
    assert again.path == str(place / "model.bin")
    assert again.load() is model.load()
    assert again != ModelFile(place / "other.bin") and again != "model.bin"


def test_threads_read_a_model_once(place, monkeypatch):
    done = reads(monkeypatch, 0.2)
    data = pickle.dumps(ModelFile("model.bin"))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(pickle.loads(data).load())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1 and len({id(model) for model in found}) == 1 and len(found) == 8


WORKERS = """
import multiprocessing, os, sys
from fasttext_lite import ModelFile

def label(arguments):
    model, texts = arguments
    found = model.predict_batch(texts, threads=1)
    return os.getpid(), found.names

if __name__ == "__main__":
    texts = ["w0 w1 x", "", "w1 w3"]
    model = ModelFile(sys.argv[1])
    if sys.argv[3] == "loaded":
        model.load()
    with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
        found = pool.map(label, [(model, texts)] * 6, chunksize=1)
    expected = label((model, texts))[1]
    assert len(expected) == 3, expected
    assert [labels for _, labels in found] == [expected] * 6
    assert os.getpid() not in {process for process, _ in found}
"""


def run(code, *arguments):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    Path("script.py").write_text(code, "utf-8")
    command = [sys.executable, "script.py", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("method", "when", "file"),
    [
        ("spawn", "", "model.bin"),
        ("spawn", "loaded", "model.ftl"),
        ("fork", "", "model.ftz"),
        ("fork", "loaded", "model.bin"),
    ],
)
def test_workers_predict_what_their_parent_does(method, when, file, place):
    done = run(WORKERS, file, method, when)
    assert done.returncode == 0, done.stderr


HELD = """
import os, signal, sys
from fasttext_lite import ModelFile
from fasttext_lite.compat import model_file
from fasttext_lite.compiled import paging

model = ModelFile(sys.argv[1])
with model_file._LOCK:  # as a thread that is reading a model holds it
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        model.load()
        os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""


def test_a_fork_while_a_model_is_read_does_not_wait_for_ever(place):
    done = run(HELD, "model.bin")
    assert done.returncode == 0, done.stderr


# -- the content ----------------------------------------------------------------------------------


def test_a_copy_with_another_time_is_the_same(place):
    shutil.copy("model.bin", "copy.bin")
    os.utime("copy.bin", (1, 1))
    assert ModelFile("copy.bin").fingerprint == ModelFile("model.bin").fingerprint
    assert ModelFile("other.bin").fingerprint != ModelFile("model.bin").fingerprint


def test_a_file_that_was_replaced_is_noticed(place, monkeypatch):
    done = reads(monkeypatch)
    old = ModelFile("model.bin")
    data = pickle.dumps(old)
    os.replace("other.bin", "model.bin")
    line = r"model\.bin is not the file that this ModelFile was made of: .* make a new ModelFile"
    for model in (old, pickle.loads(data)):
        with pytest.raises(ModelError, match=line) as raised:
            model.predict_batch(["w0"])
        assert "\n" not in str(raised.value)
    new = ModelFile("model.bin")
    assert new != old
    wanted = fasttext.load_model("model.bin").predict("w0 w1")[1]
    assert new.predict_batch(["w0 w1"]).probabilities[0].tolist() == wanted.tolist()
    with pytest.raises(ModelError, match=line):
        old.load()
    assert len(done) == 4


def test_who_has_a_model_goes_on_with_it(place):
    old = ModelFile("model.bin")
    before = old.predict_batch(TEXTS)
    os.replace("other.bin", "model.bin")
    after = pickle.loads(pickle.dumps(old)).predict_batch(TEXTS)
    assert after.probabilities.tolist() == before.probabilities.tolist()


def test_a_file_that_is_replaced_while_it_is_read_is_noticed(place, monkeypatch):
    model = ModelFile("model.bin")
    load = model_file._load_either

    def load_slowly(path):
        found = load(path)
        os.replace("other.bin", path)
        return found

    monkeypatch.setattr(model_file, "_load_either", load_slowly)
    with pytest.raises(ModelError, match="is not the file"):
        model.load()


@pytest.mark.parametrize("size", [0, 1, READ_WHOLE, READ_WHOLE + 1, 3 * READ_WHOLE + 17])
def test_fingerprints_see_the_ends_and_what_lies_between(size, tmp_path):
    data = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    path = tmp_path / "file"
    data.tofile(path)
    seen = {fingerprint(str(path))}
    step = max(size // N_PIECES, 1)
    assert step < 4 * PIECE
    places = [0, size // 2, size - 1] if size > 2 else range(size)
    for i in places:
        changed = data.copy()
        # Training anew changes more than this of a table: a stretch between two pieces.
        changed[i : i + 4 * PIECE] ^= 1
        changed.tofile(path)
        seen.add(fingerprint(str(path)))
    data[:-1].tofile(path)
    seen.add(fingerprint(str(path)) if size else "shorter")
    assert len(seen) == 2 + len(places)


def test_tables_stay_in_the_file(place, monkeypatch):
    monkeypatch.setattr(paging, "LARGE", 1)
    fasttext_lite.load("model.ftl").save("model.ftl")
    for file, table in (
        ("model.bin", lambda model: model.model.input.data),
        ("model.ftl", lambda model: model.table.array),
    ):
        array = table(ModelFile(file).load())
        while isinstance(array, np.ndarray):
            array = array.base
        assert isinstance(array.obj if isinstance(array, memoryview) else array, mmap.mmap)


# -- files that are followed ----------------------------------------------------------------------


def label_of(model):
    return model.predict_batch(["w0 w1 x"]).probabilities[0, 0]


def until(condition):
    """Wait until something is so, a minute at most."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def save(path, epochs):
    settings = {"recipe": "fixed", "epochs": epochs, "random_state": 0}
    FastTextClassifier(**settings).fit(["w0 w1 x", "w2 x"] * 9, ["a", "b"] * 9).save(path)
    return label_of(fasttext_lite.load_model(path))


@pytest.mark.parametrize("loader", [None, fasttext_lite.load_model])
def test_a_file_that_is_followed(place, loader):
    """Replaced: the new model answers.  Damaged, cut or gone: the old one does, with a warning."""
    first, second = save("model.ftl", 1), save("next.ftl", 9)
    assert first != second
    model = ModelFile("model.ftl", loader, watch=1e-6)
    assert label_of(model) == first
    os.replace("next.ftl", "model.ftl")
    until(lambda: label_of(model) == second)
    again = pickle.loads(pickle.dumps(model))
    assert again == model and again.watch == 1e-6 and again.load() is model.load()
    good = Path("model.ftl").read_bytes()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for bad in (good[:-9], good[:-1] + b"?", b"", None):
            if bad is None:
                os.unlink("model.ftl")
            else:
                Path("model.ftl").write_bytes(bad)  # in its place, too
            for _ in range(20):
                assert label_of(model) == second
                time.sleep(0.005)
        until(lambda: not model._watched().is_busy)
        assert len(told) == 1, [str(each.message) for each in told]
        assert "the model that was read before is used until there is a good one" in str(
            told[0].message
        )
    third = save("model.ftl", 3)
    until(lambda: label_of(model) == third)


@pytest.mark.parametrize("n_times", [1, 2])
def test_a_file_that_is_gone_is_told_each_time(n_times, place):
    first = save("model.ftl", 1)
    model, good = ModelFile("model.ftl", watch=1e-6), Path("model.ftl").read_bytes()
    assert label_of(model) == first
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for i in range(n_times):
            os.unlink("model.ftl")
            until(lambda n=i: label_of(model) == first and len(told) > n)
            until(lambda: not model._watched().is_busy)
            Path("new.ftl").write_bytes(good)
            os.replace("new.ftl", "model.ftl")
            until(lambda: label_of(model) == first and not model._watched()._refused)
    assert len(told) == n_times and "no such file" in str(told[0].message)


def test_looks_are_as_rare_as_asked(place, monkeypatch):
    looks, look = [], model_file._identity
    monkeypatch.setattr(model_file, "_identity", lambda path: looks.append(path) or look(path))
    model = ModelFile("model.ftl", watch=3600)
    model.load()
    n = len(looks)
    os.replace("ensemble.ftl", "model.ftl")
    assert model.load() is model.load()
    assert len(looks) == n
    assert ModelFile("model.bin", watch=5) != ModelFile("model.bin")
    assert repr(ModelFile("model.bin", watch=5)).endswith("model.bin', watch=5)")


def test_threads_that_follow_a_file(place):
    expected = {save("1.ftl", 1), save("2.ftl", 5)}
    shutil.copy("1.ftl", "model.ftl")
    model, found, stop = ModelFile("model.ftl", watch=1e-6), [], threading.Event()

    def ask():
        while not stop.is_set():
            found.append(label_of(model))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(30):
        shutil.copy(f"{1 + i % 2}.ftl", "new.ftl")
        os.replace("new.ftl", "model.ftl")
        time.sleep(0.01)
    until(lambda: set(found) == expected)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(found) == expected


def test_what_cannot_be_followed(place):
    values = (0, -1, float("nan"), 10**400, 10**5000, -(10**400))
    bad = [*((value, ValueError) for value in values), ("5", TypeError), (True, TypeError)]
    for watch, error in bad:
        with pytest.raises(error, match="watch must be "):
            ModelFile("model.ftl", watch=watch)
    Path("text.ftl").write_text("no model\n")
    with pytest.raises(ModelError, match=r"text\.ftl: not a model file"):
        ModelFile("text.ftl", watch=1).load()


# -- models and loaders ---------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["model.bin", "model.ftz"])
def test_models_of_fasttext_predict_as_they_do_by_themselves(file, place):
    model = fasttext.load_model(file)
    found = ModelFile(file).predict_batch(TEXTS, k=2)
    assert found.labels.dtype == np.int32 and found.labels.shape == (4, 2)
    for i, text in enumerate(TEXTS):
        names, scores = model.predict(text.replace("\n", " "), k=2)
        assert found.names[i] == list(names)
        assert found.probabilities[i].tolist() == scores.tolist()


def test_our_models_predict_as_they_do_by_themselves(place):
    model = fasttext_lite.load_model("model.ftl")
    found = ModelFile("model.ftl").predict_batch(iter(TEXTS), k=-1, threshold=0.5)
    for i, text in enumerate(TEXTS):
        assert found.names[i] == [name for name, _ in model.predict_one(text, -1, 0.5)]
    nothing = ModelFile("model.ftl").predict_batch([])
    assert nothing.labels.shape == (0, 1)


def test_other_loaders(place):
    classifier = ModelFile("model.ftl", loader=fasttext_lite.load)
    again = pickle.loads(pickle.dumps(classifier))
    assert isinstance(again.load(), FastTextClassifier)
    assert again.load() is classifier.load() is not ModelFile("model.ftl").load()
    assert "fasttext_lite.estimators.classifier:load" in repr(classifier)
    assert classifier != ModelFile("model.ftl")
    with pytest.raises(TypeError, match="FastTextClassifier has no predict_batch"):
        classifier.predict_batch(["x"])
    ensemble = ModelFile("ensemble.ftl", FastTextEnsemble.load)
    again = pickle.loads(pickle.dumps(ensemble))
    assert again == ensemble and again.load() is ensemble.load()
    own = ModelFile("model.bin", loader=fasttext_lite.load_model)
    assert own.load().labels == ["a", "b"]


def local(path):
    """Stand for a loader."""


local.__module__ = "__main__"


@pytest.mark.parametrize("loader", [lambda path: path, local, "x".join])
def test_loaders_that_workers_cannot_import_are_refused(loader, place):
    with pytest.raises(ValueError, match="loader must be a function or class method that workers"):
        ModelFile("model.bin", loader=loader)


def test_bad_input_is_one_line(place):
    Path("text.txt").write_text("no model\n")
    os.mkfifo("pipe")
    for path, line in {
        "none.bin": "none.bin cannot be opened for loading: no such file .*every machine",
        ".": "cannot be opened for loading: it is not a regular file",
        "pipe": "pipe cannot be opened for loading: it is not a regular file",
    }.items():
        with pytest.raises(ModelError, match=line) as raised:
            ModelFile(path)
        assert "\n" not in str(raised.value)
    with pytest.raises(ModelError, match="text.txt.*not a model file"):
        ModelFile("text.txt").load()
    with pytest.raises(ModelError, match="an ensemble of models"):
        ModelFile("ensemble.ftl").load()
    with pytest.raises(TypeError, match="loader must be a function; got str"):
        ModelFile("model.bin", loader="load")
    with pytest.raises(TypeError):
        ModelFile(3)
    for file in ("model.bin", "model.ftl"):
        with pytest.raises((TypeError, ValueError)):
            ModelFile(file).predict_batch(["x", None])
    model = ModelFile("model.ftz")
    os.remove("model.ftz")
    with pytest.raises(ModelError, match="no such file"):
        model.load()


def test_making_one_loads_nothing_heavy(place):
    code = "import sys, fasttext_lite\nfasttext_lite.ModelFile('model.bin')\nprint(*sys.modules)"
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert not {"numpy", "numba", "sklearn", "jieba"} & set(done.stdout.split())
