"""The same bytes again: of a model's file, with any number of threads, in any process."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from fasttext_lite import FastTextClassifier
from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.fitting.fit import fit
from fasttext_lite.fitting.more import fit_more
from fasttext_lite.model.storage import load_model, save_model
from fasttext_lite.teaching.fit import Beside, fit_beside
from fasttext_lite.training.run import Run

THREADS = (1, 2, 3, 5)
N = 420


def corpus(n=N, n_labels=4, seed=0):
    """Return texts of words that say something of their label."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_labels, n)
    words = np.where(
        rng.random((n, 6)) < 0.5, labels[:, None] * 20, rng.integers(0, n_labels, (n, 6)) * 20
    ) + rng.integers(0, 20, (n, 6))  # fmt: skip
    texts = [" ".join(f"w{word}" for word in row) for row in words]
    return texts, [f"l{label}" for label in labels]


def model_bytes(trainee, folder):
    path = folder / "m.ftl"
    save_model(getattr(trainee, "model", trainee), path)
    return path.read_bytes()


def fitted(settings, n_threads, seed=3, n_labels=4, **more):
    texts, labels = corpus(n_labels=n_labels)
    config = Config(**{"deterministic": True, "epochs": 2} | settings)
    return fit(
        Texts.from_sequence(texts), Labels.from_rows([[label] for label in labels]), config,
        seed=seed, n_threads=n_threads, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "n_labels"),
    [
        ({}, 4),  # with trials and a calibration
        ({"loss": "hs", "tree": "cluster", "recipe": "fixed"}, 40),
        ({"loss": "hs", "tree": "linkage", "recipe": "fixed", "word_dropout": 0.3}, 12),
        ({"recipe": "fixed", "patience": 1, "word_swap": 0.5, "pooling": "mean"}, 4),
        ({"recipe": "fixed", "analyzer": "mixed", "max_features": 50, "min_df": 2}, 4),
    ],
)
def test_any_number_of_threads_makes_the_same_file(settings, n_labels, tmp_path):
    files = {
        n: model_bytes(fitted(settings, n, n_labels=n_labels), tmp_path) for n in (*THREADS, 8)
    }
    assert len(set(files.values())) == 1
    other = fitted(settings, 2, seed=4, n_labels=n_labels)
    assert model_bytes(other, tmp_path) != files[2]


def test_further_texts_and_labels(tmp_path):
    texts, labels = corpus(seed=1)
    files = set()
    for n in THREADS:
        trainee = fitted({"recipe": "fixed"}, n)
        more = Labels.from_rows([[label] for label in labels], trainee.model.labels)
        trainee = fit_more(trainee, Texts.from_sequence(texts), more, seed=3, n_threads=n)
        files.add(model_bytes(trainee, tmp_path))
    assert len(files) == 1


def test_texts_without_labels(tmp_path):
    texts, labels = corpus(seed=2)
    beside = Beside(unlabelled=Texts.from_sequence(texts[60:]))
    files = set()
    for n in (1, 3):
        trainee = fit_beside(
            Texts.from_sequence(texts[:60]), Labels.from_rows([[each] for each in labels[:60]]),
            Config(deterministic=True), beside, seed=3, n_threads=n,
        )  # fmt: skip
        files.add(model_bytes(trainee, tmp_path))
    assert len(files) == 1


def test_the_command_line_streams_caches_and_says_nothing(tmp_path, capsys):
    texts, labels = corpus()
    path = tmp_path / "train.tsv"
    lines = [f"{label}\t{text}\n" for label, text in zip(labels, texts, strict=True)]
    path.write_text("".join(lines), "utf-8")
    for more in ((), ("--cache", str(tmp_path / "cache"))):  # whose texts come in another order
        files = set()
        for n in (1, 3):
            model = tmp_path / "m.ftl"
            flags = ("--deterministic", "--seed", "3", "--threads", str(n), "--recipe", "fixed")
            assert app.main(["train", str(path), "-o", str(model), *flags, *more]) in (0, None)
            files.add(model.read_bytes())
            assert "reproducible" not in capsys.readouterr().err
        assert len(files) == 1
        assert load_model(model).config.deterministic


def test_a_seed_takes_all_processors(monkeypatch):
    """One thread only where it must be."""
    seen = []
    texts, labels = corpus()
    original = Run.__init__

    def noted(self, *arguments, n_threads=1, **more):
        seen.append(n_threads)
        original(self, *arguments, n_threads=n_threads, **more)

    monkeypatch.setattr(Run, "__init__", noted)
    monkeypatch.setattr("fasttext_lite.estimators.parameters.cpu_count", lambda: 7)
    for deterministic in (True, False):
        FastTextClassifier(random_state=1, deterministic=deterministic, recipe="fixed").fit(
            texts, labels
        )
        assert max(seen) == (7 if deterministic else 1)
        seen.clear()


def test_the_number_of_threads_is_not_in_the_file(tmp_path):
    for n in (1, 3):
        model = model_bytes(fitted({"recipe": "fixed"}, n), tmp_path)
        assert b"thread" not in model


# -- one thread, without it ------------------------------------------------------------------------
SCRIPT = """
import hashlib, sys
from fasttext_lite.cli import app
app.main(["train", sys.argv[1], "-o", "m.ftl", "--seed", "5", "-q", "--recipe", "auto",
          *sys.argv[2:]])
print(hashlib.sha256(open("m.ftl", "rb").read()).hexdigest())
"""


def test_one_thread_makes_the_same_file_in_any_process_and_folder(tmp_path):
    texts, labels = corpus()
    path = tmp_path / "train.tsv"
    lines = [f"{label}\t{text}\n" for label, text in zip(labels, texts, strict=True)]
    path.write_text("".join(lines), "utf-8")
    found = set()
    for i, hash_seed in enumerate(("0", "1", "4242")):
        folder = tmp_path / f"folder {i}"
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": f"UTC{i}"}
        name = [str(path), os.path.relpath(path, folder), str(path)][i]
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, name], cwd=folder, env=environment, text=True,
            capture_output=True, check=True,
        )  # fmt: skip
        found.add(done.stdout.split()[-1])
    assert len(found) == 1
    model = tmp_path / "here.ftl"
    app.main(["train", str(path), "-o", str(model), "--seed", "5", "-q", "--recipe", "auto"])
    assert hashlib.sha256(model.read_bytes()).hexdigest() in found
