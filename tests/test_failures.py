"""Inputs that once did harm: each is refused in a line that says why, or answers as it should."""

import shutil
from pathlib import Path

import pytest

from fuzz import corpus, readers
from fuzz.frame import GOOD, OURS, check_refusal

FOLDER = Path(__file__).parent / "failures"
ANSWERS = ""  # no error, and no answer that none may give

# Each file, and what its error says.
EXPECTED = {
    "vectors/digits.vec": ":1: ",  # a traceback: a number of 5,000 digits
    "vectors/nan.vec": "nan",
    "fasttext/nan.bin": "finite",  # printed nan
    "fasttext/inf.bin": "finite",
    "fasttext/huge.bin": "finite",  # sums of it overflow
    "fasttext/no-counts.bin": "counted",  # no label has occurred
    "fasttext/cut.bin": "cut",
    "fasttext/many-buckets.ftz": "bucket",  # 2 GB for 8 kB
    "model/cut.ftl": "cut",
    "model/bit-of-a-table.ftl": "output",  # answered otherwise, and nobody noticed
    "model/bit-of-the-header.ftl": "header",
    "model/nul-labels.ftl": ANSWERS,  # could not be loaded: "a" and "a\0" counted as one
    "model/overflow.ftl": "finite",  # probabilities nan behind a hidden layer
    "embeddings/open-header.npy": "damaged",  # a traceback of NumPy's
    "embeddings/huge-shape.npy": "damaged",  # the same
    "embeddings/name-not-text.parquet": "cannot read as Parquet",  # a traceback of Arrow's
    "embeddings/nan.npy": "row 2",
    "trials/huge-number.jsonl": ":2: ",  # a traceback of NumPy's
    "manifest/cut.json": "damaged",  # what was done was removed
    "part/outside.json": ANSWERS,  # a file outside of the folder was removed
}


@pytest.mark.parametrize("name", EXPECTED)
def test_what_once_did_harm(name, tmp_path):
    kind = name.partition("/")[0]
    path = tmp_path / Path(name).name
    shutil.copy(FOLDER / name, path)  # some readers write
    if EXPECTED[name] == ANSWERS:
        answers = readers.ask(kind, str(path))
        assert name != "model/nul-labels.ftl" or answers[0] == ["a\0", "a", "b"]
        return
    with pytest.raises(OURS) as caught:
        readers.ask(kind, str(path))
    check_refusal(caught.value)
    assert EXPECTED[name] in str(caught.value)


@pytest.mark.parametrize("name, outcome", [("odd-blank.txt", f"train {GOOD}, predict {GOOD}")])
def test_texts_that_once_did_harm(name, outcome, monkeypatch):
    model = str(FOLDER.parent / "golden" / "v3_softmax.ftl")
    monkeypatch.setattr(corpus, "_model", lambda: model)
    data = (FOLDER / "corpus" / name).read_bytes()
    assert corpus.check(corpus.Case(name, data)) == outcome


def test_every_file_is_told_of():
    there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.*")}
    told = {*EXPECTED, "corpus/odd-blank.txt", "README.md"}
    assert there == told
