"""Static embeddings as word vectors: which rows are words, and what is wrong with a file."""

import json
import re

import numpy as np
import pytest
from safetensors.numpy import save

from fasttext_lite import FastTextClassifier
from fasttext_lite.cli.app import main
from fasttext_lite.compat import train_unsupervised
from fasttext_lite.errors import InputError
from fasttext_lite.fitting.vectors import VECTOR_FORMATS, Pretrained, format_of

TEXTS = ["red apples", "green apples", "fast cars", "slow cars"] * 6
NAMES = ["fruit", "fruit", "cars", "cars"] * 6
PIECES = {
    "[PAD]": 0, "[UNK]": 1, "[unused0]": 2, "red": 3, "apples": 4, "##s": 5, "cars": 6,
    "[CLS]": 7, "melon": 8, "##on": 9, "New": 10,
}  # fmt: skip
SPECIAL = [{"id": i, "content": t, "special": True} for i, t in ((0, "[PAD]"), (7, "[CLS]"))]
PIECE_MODEL = {"type": "WordPiece", "unk_token": "[UNK]", "vocab": PIECES}
SCORED = ["<unk>", "\u2581red", "apples", "\u2581", "\u2581Cars", "\u2581中国", "x"]
WORDS = [b"red", b"apples", b"cars", b"melon", b"New"]


def table_of(n, dim=4):
    return np.random.default_rng(n).normal(size=(n, dim)).astype(np.float32)


def write(folder, tensors, model=PIECE_MODEL, special=SPECIAL):
    folder.mkdir(parents=True, exist_ok=True)
    data = tensors if isinstance(tensors, bytes) else save(tensors)
    (folder / "model.safetensors").write_bytes(data)
    about = {"version": "1.0", "added_tokens": special, "model": model}
    (folder / "tokenizer.json").write_text(json.dumps(about), "utf-8")
    return folder


def read(path):
    """Return the words of static embeddings and their vectors."""
    pretrained = Pretrained(path)
    blocks = list(pretrained.blocks())
    words = [word for block in blocks for word in block.words]
    vectors = np.concatenate([block.take(range(len(block.words))) for block in blocks])
    assert vectors.dtype == np.float32 and vectors.shape == (len(words), pretrained.dim())
    return words, vectors


def test_words_of_pieces(tmp_path):
    table = table_of(11)
    folder = write(tmp_path / "m", {"embeddings": table})
    for path in (folder, str(folder), folder / "model.safetensors"):
        words, vectors = read(path)
        assert words == WORDS
        np.testing.assert_array_equal(vectors, table[[3, 4, 6, 8, 10]])
    assert format_of(str(folder)).name == "static"


def test_other_marks_of_words(tmp_path):
    table = table_of(7)
    scored = {"type": "Unigram", "unk_id": 0, "vocab": [[token, -1.0] for token in SCORED]}
    words, vectors = read(write(tmp_path / "u", {"embedding.weight": table}, scored, []))
    assert words == [b"red", b"Cars", "中国".encode()]
    np.testing.assert_array_equal(vectors, table[[1, 4, 5]])
    tokens = [
        "red",
        "\u0120red",
        "\u0120na\u00c3\u00afve",
        "\u0120",
        "apples",
        "\u0120\u00e4\u00b8\u0143",
    ]
    by_bytes = {"type": "BPE", "vocab": {token: i for i, token in enumerate(tokens)}}
    words, vectors = read(write(tmp_path / "b", {"embedding.weight": table}, by_bytes, None))
    assert words == [b"red", "naïve".encode(), "中".encode()]
    np.testing.assert_array_equal(vectors, table[[1, 2, 5]])
    level = {"type": "WordLevel", "unk_token": "?", "vocab": {"a": 0, "?": 1, "##b": 2}}
    assert read(write(tmp_path / "l", {"t": table}, level, None))[0] == [b"a", b"##b"]
    prefix = {**PIECE_MODEL, "continuing_subword_prefix": "@@", "vocab": {"@@a": 0, "##b": 1}}
    assert read(write(tmp_path / "p", {"t": table}, prefix, None))[0] == [b"##b"]
    maltese = {**PIECE_MODEL, "vocab": {"\u0120a": 0, "b": 1}}  # a letter there, no mark
    assert read(write(tmp_path / "g", {"t": table}, maltese, None))[0] == ["\u0120a".encode(), b"b"]


def as_bf16(table):
    """Return the bytes of a file with a table of BF16, which NumPy lacks."""
    data = (table.view(np.uint32) >> 16).astype("<u2").tobytes()
    about = {"embeddings": {"dtype": "BF16", "shape": table.shape, "data_offsets": [0, len(data)]}}
    index = json.dumps(about).encode()
    return len(index).to_bytes(8, "little") + index + data


@pytest.mark.parametrize("kind", ["F16", "BF16", "F32", "F64", "I8"])
def test_types_of_numbers(tmp_path, kind):
    table = np.clip(np.round(table_of(11) * 32), -127, 127) / np.float32(64)
    tensors = {
        "F16": {"embeddings": table.astype(np.float16)}, "BF16": as_bf16(table),
        "F32": {"embeddings": table}, "F64": {"embeddings": table.astype(np.float64)},
        "I8": {"embeddings": (table * 64).astype(np.int8)},
    }  # fmt: skip
    words, vectors = read(write(tmp_path / "m", tensors[kind]))
    scale = 64 / 127 if kind == "I8" else 1
    assert words == WORDS
    np.testing.assert_allclose(vectors, table[[3, 4, 6, 8, 10]] * scale, rtol=1e-6)


def test_weights_and_rows_that_tokens_share(tmp_path):
    table, weights = table_of(3), np.linspace(0.5, 1.5, 11)
    mapping = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1])
    folder = write(tmp_path / "m", {"embeddings": table, "weights": weights, "mapping": mapping})
    tokens = [3, 4, 6, 8, 10]
    expected = table[mapping[tokens]] * weights[tokens][:, None]
    np.testing.assert_allclose(read(folder)[1], expected, rtol=1e-6)


def test_a_model_that_is_trained_from_them(tmp_path):
    inner = write(tmp_path / "m" / "0_StaticEmbedding", {"embedding.weight": table_of(11)})
    (tmp_path / "m" / "empty").mkdir()
    clf = FastTextClassifier(pretrained_vectors=tmp_path / "m", random_state=0, lr=1e-9, epochs=1)
    model = clf.fit(TEXTS, NAMES).model_
    rows = model.space.word_rows()
    words, vectors = read(inner)
    assert model.dim == 4 and clf.history_.vectors == (3, 6) and clf.history_.words_added == 2
    for word, vector in zip(words, vectors, strict=True):
        np.testing.assert_allclose(model.embeddings[rows[word.lower()]], vector, atol=1e-5)


GOOD = {"embeddings": table_of(11)}
BROKEN = np.full((11, 4), np.nan, np.float32)


@pytest.mark.parametrize(
    ("tensors", "model", "message"),
    [
        ({"x": np.zeros(3)}, PIECE_MODEL, "model.safetensors: not static embeddings: it has no ta"),
        ({"x": np.zeros((9, 3)), "y": np.zeros((9, 3))}, PIECE_MODEL, r"several tables \(x, y\)"),
        ({"embeddings": np.zeros((11, 5000))}, PIECE_MODEL, "vectors of 5,000 numbers of type F64"),
        ({"embeddings": np.zeros((11, 4), np.int32)}, PIECE_MODEL, "numbers of type I32: up to"),
        ({"embeddings": np.zeros((11, 0))}, PIECE_MODEL, "vectors of 0 numbers"),
        ({"embeddings": table_of(10)}, PIECE_MODEL, "vectors of 10 tokens, but .* has a token 10"),
        ({"embeddings": BROKEN}, PIECE_MODEL, "the vector of token 0 has a number that is not fin"),
        ({**GOOD, "weights": np.ones(3)}, PIECE_MODEL, r"weights of shape \(3,\), not a number"),
        ({**GOOD, "mapping": np.full(11, 99)}, PIECE_MODEL, "mapping does not name rows"),
        ({**GOOD, "mapping": np.full(11, 0.0)}, PIECE_MODEL, "mapping does not name rows"),
        (save(GOOD)[:-5], PIECE_MODEL, "a file of vectors that is cut: its arrays"),
        (GOOD, {"type": "BPE", "vocab": {"a": 0}}, r"tokenizer.json: no token .* \(BPE\) has a ma"),
        (GOOD, {"type": "WordPiece", "vocab": {}}, "tokenizer.json: not a tokenizer with a vocab"),
        (GOOD, {"type": "WordPiece", "vocab": {"a": -1}}, "not a tokenizer with a vocabulary"),
        (GOOD, {"type": "WordPiece", "vocab": {"a": "b"}}, "not a tokenizer with a vocabulary"),
        (GOOD, {"type": "Unigram", "vocab": ["a", "bc"]}, "not a tokenizer with a vocabulary"),
        (GOOD, {"type": "WordPiece"}, "not a tokenizer with a vocabulary"),
        (GOOD, [], "not a tokenizer with a vocabulary"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, tensors, model, message):
    folder = write(tmp_path / "m", tensors, model, [])
    with pytest.raises(InputError, match=message) as error:
        read(folder)
    assert str(error.value).startswith(str(folder)) and "\n" not in str(error.value)


def test_files_that_are_missing(tmp_path, capsys):
    folder = write(tmp_path / "m", GOOD)
    (folder / "tokenizer.json").write_bytes(b"\xff{")
    with pytest.raises(InputError, match="tokenizer.json: not a tokenizer with a vocabulary"):
        read(folder)
    (folder / "tokenizer.json").unlink()
    for path in (folder, folder / "model.safetensors"):
        with pytest.raises(InputError, match=r"model.safetensors: no tokenizer.json beside it"):
            read(path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"m: a folder without model.safetensors"):
        read(folder)
    data = tmp_path / "train.tsv"
    data.write_text("".join(f"{a}\t{b}\n" for a, b in zip(NAMES, TEXTS, strict=True)))
    flags = ["train", str(data), "-o", str(tmp_path / "m.ftl"), "--pretrained-vectors", str(folder)]
    assert main(flags) == 2
    assert re.fullmatch(r"fasttext-lite: .*m: a folder without .*\n", capsys.readouterr().err)


def test_a_cut_file_is_one_line_wherever_it_is_cut(tmp_path):
    data = save(GOOD)
    for n in range(0, len(data), 7):
        folder = write(tmp_path / "m", data[:n])
        with pytest.raises(InputError) as error:
            read(folder)
        assert str(error.value).startswith(str(folder)) and "\n" not in str(error.value)


def test_formats_are_a_table():
    assert [*VECTOR_FORMATS][-1] == "vec"
    assert format_of("no such file").name == "vec"


def test_vectors_of_a_model_of_fasttext(tmp_path, capsys):
    data, path = tmp_path / "texts.txt", tmp_path / "words.bin"
    data.write_text("\n".join(TEXTS * 3))
    model = train_unsupervised(
        str(data), dim=4, epoch=1, minCount=1, thread=1, bucket=100, verbose=0
    )
    model.save_model(str(path))
    clf = FastTextClassifier(pretrained_vectors=path, random_state=0)
    with pytest.raises(InputError) as error:
        clf.fit(TEXTS, NAMES)
    command = re.search(r"`fasttext-lite (.*)` writes them", str(error.value)).group(1).split()
    assert main(command) == 0
    clf.set_params(pretrained_vectors=tmp_path / "words.vec", lr=1e-9, epochs=1).fit(TEXTS, NAMES)
    row = clf.model_.space.word_rows()[b"apples"]
    expected = model.get_word_vector("apples")
    np.testing.assert_allclose(clf.model_.embeddings[row], expected, rtol=1e-4, atol=1e-6)
    clf.save(tmp_path / "own.ftl")
    assert main(["convert", str(tmp_path / "own.ftl"), str(tmp_path / "own.vec")]) == 2
    assert "own.ftl: .vec is for the vectors of a model of fastText" in capsys.readouterr().err
