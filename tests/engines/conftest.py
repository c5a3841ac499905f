"""Models and texts for the recipes of docs/engines.md, made once."""

import os
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

assert "numba" not in sys.modules, "numba was imported before its cache folder was set"
USER = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
os.environ["NUMBA_CACHE_DIR"] = os.path.join(tempfile.gettempdir(), f"fasttext-lite-tests-{USER}")

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests"))  # documents.py
N_FILES = 6
ROWS = 1000  # of each file


@pytest.fixture(scope="session")
def examples():
    """Return labels and texts of a bundled set."""
    lines = (ROOT / "datasets" / "en_topics" / "train.tsv").read_text("utf-8").splitlines()
    return [line.split("\t", 1) for line in lines]


@pytest.fixture(scope="session")
def models(tmp_path_factory, examples):
    """Return a folder with model.bin, model.ftz and model.ftl."""
    import fasttext_lite.compat as fasttext
    from fasttext_lite import FastTextClassifier

    folder = tmp_path_factory.mktemp("models")
    lines = [f"__label__{label} {text}\n" for label, text in examples]
    (folder / "train.txt").write_text("".join(lines), "utf-8")
    model = fasttext.train_supervised(
        str(folder / "train.txt"), dim=16, bucket=20000, wordNgrams=2, lr=1.0, epoch=5, verbose=0
    )
    model.save_model(str(folder / "model.bin"))
    model.quantize()
    model.save_model(str(folder / "model.ftz"))
    classifier = FastTextClassifier(recipe="fixed", epochs=2)
    labels, texts = zip(*examples, strict=True)
    classifier.fit(list(texts), list(labels)).save(folder / "model.ftl")
    return folder


@pytest.fixture(scope="session")
def texts(examples):
    """Return texts, with nulls, empty ones, and some of several lines among them."""
    found = [examples[i % len(examples)][1] for i in range(N_FILES * ROWS)]
    found[5::97] = [None] * len(found[5::97])
    found[7::101] = [""] * len(found[7::101])
    found[9::89] = [text and f"{text}\nand so on" for text in found[9::89]]
    return found


@pytest.fixture(scope="session")
def expected(models, texts):
    """Return label and probability of each text, one text at a time, by ending of the model."""
    import fasttext_lite
    import fasttext_lite.compat as fasttext

    results = {}
    for ending in ("bin", "ftz"):
        model = fasttext.load_model(str(models / f"model.{ending}"))
        results[ending] = []
        for text in texts:
            if text is None:
                results[ending].append((None, None))
                continue
            names, scores = model.predict(text.replace("\n", " "))
            results[ending].append((names[0], float(scores[0])))
    own = fasttext_lite.load_model(models / "model.ftl")
    results["ftl"] = [(None, None) if text is None else own.predict_one(text)[0] for text in texts]
    return results


@pytest.fixture
def place(tmp_path, monkeypatch, models, texts):
    """Return a folder to run scripts in: models, and texts as one file of several row groups.

    A file `loads` there gets the number of the process whenever one reads a model.
    """
    for path in models.glob("model.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    table = pa.table({"id": pa.array(range(len(texts)), pa.int64()), "text": texts})
    pq.write_table(table, tmp_path / "texts.parquet", row_group_size=ROWS)
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "sitecustomize.py").write_text(HOOK.format(log=str(tmp_path / "loads")))
    (tmp_path / "loads").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


HOOK = """
import os
from fasttext_lite.compat.model_file import ModelFile

read = ModelFile._read

def counted(self):
    with open({log!r}, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    return read(self)

ModelFile._read = counted
"""
