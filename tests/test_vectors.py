"""Word vectors to start from, and balanced weights of texts."""

import bz2
import gzip
import lzma

import numpy as np
import pytest

from fasttext_lite.cli.app import main
from fasttext_lite.compat.files.vec import read_vec
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.estimators.classifier import FastTextClassifier
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.fitting.class_weight import class_weights
from fasttext_lite.fitting.vectors import Pretrained

TEXTS = ["red apples", "Green apples", "fast cars", "slow cars"] * 4
LABELS = Labels.from_rows([["fruit"], ["fruit"], ["cars"], ["cars"]] * 4)
WORDS = ["red", "green", "apples", "unseen", "CARS", "red"]
VECTORS = np.arange(6 * 3).reshape(6, 3) / 7 - 1


def write(path, words=WORDS, vectors=VECTORS, header=None, ending=" \n"):
    lines = [header or f"{len(words)} {vectors.shape[1]}"]
    lines += [f"{w} {' '.join(map(repr, v.tolist()))}" for w, v in zip(words, vectors, strict=True)]
    data = "".join(line + ending for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def fit(path, max_words=0, **settings):
    texts = Texts.from_sequence(TEXTS)
    config = Config(**{"lr": 1e-9, "epochs": 1, **settings})
    pretrained = Pretrained(path, max_words)
    return fitting.fit(texts, LABELS, config, n_threads=1, pretrained=pretrained).model


@pytest.mark.parametrize("name", ["v.vec", "v.vec.gz"])
@pytest.mark.parametrize("ending", ["\n", " \n", "\r\n"])
def test_rows_start_from_the_vectors(tmp_path, name, ending):
    model = fit(write(tmp_path / name, ending=ending))
    rows = model.space.word_rows()
    assert model.config.dim == 3 and model.config.head == "learned"
    for word, vector in ((b"red", 0), (b"green", 1), (b"apples", 2), (b"cars", 4)):
        np.testing.assert_allclose(model.embeddings[rows[word]], VECTORS[vector], atol=1e-5)
    others = [row for word, row in rows.items() if word in (b"fast", b"slow")]
    assert len(others) == 2
    np.testing.assert_allclose(model.embeddings[others], 0, atol=1e-5)


def test_words_are_found_as_the_analyzer_writes_them(tmp_path):
    model = fit(write(tmp_path / "v.vec"), lowercase=False)
    rows = model.space.word_rows()
    assert b"green" not in rows
    np.testing.assert_allclose(model.embeddings[rows[b"cars"]], 0, atol=1e-5)
    np.testing.assert_allclose(model.embeddings[rows[b"red"]], VECTORS[0], atol=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: not a file of vectors"),
        ("red 1 2 3\n", ":1: not a file of vectors"),
        ("1 0\n", ":1: not a file of vectors"),
        ("2 3\nunseen 1 2 3\nred 1 2\n", ":3: not a word and 3 numbers"),
        ("1 3\nred 1 2 x\n", ":2: not a word and 3 numbers"),
        ("1 3\nred 1 2 nan\n", ":2: not a word and 3 numbers"),
        ("1 3\nred 1 2 3 4\n", ":2: not a word and 3 numbers"),
    ],
)
def test_a_damaged_file(tmp_path, text, message):
    path = tmp_path / "v.vec"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        fit(path)


def test_what_does_not_go_with_vectors(tmp_path):
    path = write(tmp_path / "v.vec")
    with pytest.raises(InputError, match="the vectors have 3 dimensions; got dim=8"):
        fit(path, dim=8)
    with pytest.raises(InputError, match="head='linear' leaves no place"):
        fit(path, head="linear")
    with pytest.raises(InputError, match="cannot read the vectors: no such file"):
        fit(tmp_path / "none.vec")
    broken = tmp_path / "v.vec.gz"
    broken.write_bytes(gzip.compress(b"1 3\nred 1 2 3\n")[:-9])
    with pytest.raises(InputError, match="cannot read the vectors"):
        fit(broken)


def test_estimator_and_command_line(tmp_path, capsys):
    path = write(tmp_path / "v.vec")
    labels = ["fruit", "fruit", "cars", "cars"] * 4
    clf = FastTextClassifier(pretrained_vectors=path, random_state=0, epochs=20)
    assert clf.fit(TEXTS, labels).score(TEXTS, labels) == 1 and clf.model_.dim == 3
    clf.save(tmp_path / "m.ftl")
    data = tmp_path / "train.tsv"
    data.write_text("".join(f"{a}\t{b}\n" for a, b in zip(labels, TEXTS, strict=True)))
    flags = ["train", str(data), "-o", str(tmp_path / "n.ftl"), "--pretrained-vectors"]
    assert main([*flags, str(path), "--class-weight", "balanced"]) == 0
    assert "dim 3" in capsys.readouterr().out
    assert main([*flags, str(data)]) == 2
    assert "train.tsv:1: not a file of vectors" in capsys.readouterr().err


def test_balanced_weights():
    labels = Labels.from_rows([["a"]] * 6 + [["b"]] * 2 + [["a", "b"]])
    found = class_weights("balanced", labels)
    expected = np.array([1 / 7] * 6 + [1 / 3] * 2 + [(1 / 7 + 1 / 3) / 2])
    np.testing.assert_allclose(found, expected / expected.mean(), rtol=1e-6)
    blank = class_weights("balanced", Labels.from_rows([["a"], [], ["b"]]))
    np.testing.assert_allclose(blank, 1)


def dim_of(path):
    return Pretrained(path).dim()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("read", [dim_of, read_vec])
def test_a_damaged_packed_file_is_one_line(tmp_path, pack, read):
    path = tmp_path / "v.vec"
    packed = pack("".join(["3000 2\n", *(f"w{i} {i} {i * 7919}\n" for i in range(3000))]).encode())
    for place in range(12, len(packed), max(1, len(packed) // 30)):
        path.write_bytes(packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :])
        try:
            assert read(path) is not None
        except InputError as error:  # and nothing else
            assert str(error).startswith(str(path)) and "\n" not in str(error)
