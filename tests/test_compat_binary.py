"""fastText's model files: whole, old, damaged, hostile, and what cannot be written."""

import os
import pickle
import struct

import numpy as np
import psutil
import pytest

from fasttext_lite.compat.files import binary
from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import Dictionary, as_array
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compiled import paging
from fasttext_lite.errors import ModelError
from fasttext_lite.model.magic import is_fasttext
from fasttext_lite.model.quantization import ProductQuantizer, QuantizedMatrix

N_WORDS, N_LABELS, BUCKET, DIM = 4, 3, 10, 3


def quantized(n_rows, rng, norms=False, dim=DIM):
    quantizer = ProductQuantizer(dim, 2, 2, 1, rng.random(dim * 256).astype(np.float32))
    codes = rng.integers(0, 256, (n_rows, 2)).astype(np.uint8)
    if not norms:
        return QuantizedMatrix(codes, quantizer)
    of_norms = ProductQuantizer(1, 1, 1, 1, rng.random(256).astype(np.float32))
    return QuantizedMatrix(codes, quantizer, codes[:, 0].copy(), of_norms)


def make(kind="dense", **settings):
    """Return a small model; "quantized" has norms and a quantised output, "empty" no n-grams."""
    rng = np.random.default_rng(0)
    args = Args.supervised(**{"dim": DIM, "word_ngrams": 2, "bucket": BUCKET, **settings})
    entries = [b"</s>", "中".encode(), b"a", b"b", b"__label__x", b"__label__y", b"__label__z"]
    dictionary = Dictionary.of_words(args, entries, [9, 5, 4, 1, 8, 6, 2], N_WORDS, 35)
    output = DenseTable.of(rng.standard_normal((N_LABELS, DIM)))
    if kind == "dense":
        table = DenseTable.of(rng.standard_normal((N_WORDS + BUCKET, DIM)))
        return FastTextModel(ModelParts(args, dictionary, table, output))
    if kind == "quantized":
        args.qout = True
        table = quantized(N_WORDS + BUCKET, rng, norms=True)
        return FastTextModel(ModelParts(args, dictionary, table, quantized(N_LABELS, rng, True)))
    kept = np.array([[7, 0], [2, 1]], np.int32) if kind == "pruned" else np.empty((0, 2), np.int32)
    dictionary.pairs = kept
    return FastTextModel(ModelParts(args, dictionary, quantized(N_WORDS + len(kept), rng), output))


KINDS = ["dense", "quantized", "pruned", "empty"]


def bytes_of(model, tmp_path):
    path = tmp_path / "model.bin"
    model.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [{}, {"loss": "hs"}, {"loss": "ova", "maxn": 3}], ids=str)
def test_round_trip(tmp_path, kind, settings):
    model = make(kind, **settings)
    data = bytes_of(model, tmp_path)
    again = FastTextModel.load(tmp_path / "model.bin")
    assert bytes_of(again, tmp_path) == data
    texts = ["中 a b", "", "a a", "zz 中 b"]
    one, two = model.predict_texts(texts, -1), again.predict_texts(texts, -1)
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.scores, two.scores)
    assert again.dictionary.words == model.dictionary.words
    assert again.is_quantized == (kind != "dense")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [{}, {"loss": "hs"}, {"loss": "ns", "maxn": 3}], ids=str)
def test_the_quick_ways_for_one_text_and_one_word(kind, settings):
    model = make(kind, **settings)
    for text in ("中 a b", "", "a </s> b", "zz", "a a b q 中"):
        for k, threshold in ((1, 0.0), (2, 0.3), (-1, 0.0), (50, 0.1)):
            found = model.predict_texts([text], k, threshold)
            labels, scores = model.predict_text(text, k, threshold)
            assert labels == [i for i in found.labels[0].tolist() if i >= 0]
            np.testing.assert_array_equal(scores, found.scores[0, : len(labels)])
    for word in ("a", "中", "unknown", "", "</s>", "__label__x"):
        np.testing.assert_array_equal(model.word_vector(word), model.word_vectors([word])[0])
    with pytest.raises(ValueError, match="k needs to be 1"):
        model.predict_text("a", 0)


def test_rows_stay_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(paging, "LARGE", 0)
    monkeypatch.setattr(paging, "BLOCK", 4 * DIM)
    model = make()
    bytes_of(model, tmp_path)
    loaded = FastTextModel.load(tmp_path / "model.bin")
    assert not loaded.input.paged.there.any() and not loaded.input.data.flags.writeable
    assert loaded.predict_text("a b")[0] == model.predict_text("a b")[0]
    assert 0 < loaded.input.paged.there.sum() < loaded.input.paged.there.size


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("settings", [{}, {"loss": "hs", "word_ngrams": 3}, {"maxn": 3}], ids=str)
def test_rows_that_are_read_when_needed_are_the_same(tmp_path, monkeypatch, settings, exact):
    monkeypatch.setattr(paging, "LARGE", 0)
    monkeypatch.setattr(paging, "BLOCK", 4 * DIM)
    model = make(**settings)
    bytes_of(model, tmp_path)
    texts = ["中 a b", "", "a </s> b", "zz", "a a b q 中", "b " * 30]
    data = as_array("\n".join([*texts, "a\n"]).encode())
    starts = model.dictionary.split(data)

    def load():
        return FastTextModel.load(tmp_path / "model.bin")

    for ask in (
        lambda m: [m.predict_text(text, -1) for text in texts],
        lambda m: m.predict(data, starts, 2, exact=exact),
        lambda m: m.label_scores(data, starts, [1, 0], exact=exact),
        lambda m: m.embed(data, starts)[0],
        lambda m: [m.word_vector(word) for word in ("a", "unknown", "")],
        lambda m: m.word_vectors(["b", "new"]),
        lambda m: m.sentence_vector("a b"),
        lambda m: m.neighbors("a", 3),
        lambda m: m.rows([0, 2]),
        lambda m: pickle.loads(pickle.dumps(m)).input_matrix(),
        lambda m: binary.to_bytes(m.parts),
    ):
        np.testing.assert_equal(vars_of(ask(load())), vars_of(ask(model)))


def vars_of(answer):
    return vars(answer) if hasattr(answer, "__dict__") else answer


# What happens to a file whose rows are in use, and what may come of it.
CHANGES = {
    "overwritten": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "cut": lambda path: os.truncate(path, 100),
    "emptied": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_changed_in_its_place_gives_an_error_or_an_old_answer(
    tmp_path, monkeypatch, change
):
    monkeypatch.setattr(paging, "LARGE", 0)
    monkeypatch.setattr(paging, "BLOCK", 4 * DIM)
    bytes_of(make(word_ngrams=2), tmp_path)
    path = tmp_path / "model.bin"
    loaded = FastTextModel.load(path)
    before = loaded.predict_text("a b")
    CHANGES[change](path)
    np.testing.assert_equal(loaded.predict_text("a b"), before)
    for ask in (
        lambda: loaded.predict_text("b 中 zz a"),
        lambda: loaded.predict_texts(["b 中 zz a"]),
        lambda: loaded.input_matrix(),
        lambda: loaded.word_vectors([f"word{i}" for i in range(50)] + ["中"]),
    ):
        with pytest.raises(ModelError, match="was changed in its place"):
            ask()


def test_a_file_that_another_replaces_stays_the_old_one(tmp_path, monkeypatch):
    monkeypatch.setattr(paging, "LARGE", 0)
    bytes_of(make(), tmp_path)
    path = tmp_path / "model.bin"
    loaded, old = FastTextModel.load(path), make()
    (tmp_path / "new.bin").write_bytes(b"another")
    os.replace(tmp_path / "new.bin", path)
    np.testing.assert_equal(loaded.input_matrix(), old.input_matrix())


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_is_noticed(tmp_path, kind):
    data = bytes_of(make(kind), tmp_path)
    path = tmp_path / "cut.bin"
    step = max(1, len(data) // 400)
    for end in {*range(1, 200), *range(200, len(data), step), len(data) - 1}:
        path.write_bytes(data[:end])
        with pytest.raises(ModelError) as error:
            FastTextModel.load(path)
        assert str(error.value).startswith(str(path))
        assert "\n" not in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_no_model_to_look_into(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not is_fasttext(tmp_path / "pipe")


def test_an_empty_or_missing_or_foreign_file(tmp_path):
    path = tmp_path / "x.bin"
    with pytest.raises(ModelError, match="cannot be opened for loading: no such file"):
        binary.read(path)
    path.write_bytes(b"")
    with pytest.raises(ModelError, match="is empty"):
        binary.read(path)
    path.write_bytes(b"PQ\3\4" + bytes(100))
    with pytest.raises(ModelError, match="wrong file format"):
        binary.read(path)
    with pytest.raises(ModelError, match="cannot be opened for loading"):
        binary.read(tmp_path)
    assert not is_fasttext(path)
    assert not is_fasttext(tmp_path / "none")


def test_bytes_behind_the_end_are_noticed(tmp_path):
    data = bytes_of(make(), tmp_path)
    with pytest.raises(ModelError, match="7 bytes follow its end"):
        binary.parse(as_array(data + b"1234567"), "m")


@pytest.mark.parametrize("version", [-1, 0, 10, 13, 2**31 - 1])
def test_other_versions_are_refused(tmp_path, version):
    data = bytearray(bytes_of(make(), tmp_path))
    data[4:8] = struct.pack("<i", version)
    with pytest.raises(ModelError, match=f"version {version} of"):
        binary.parse(as_array(bytes(data)), "m")


def test_version_11_has_no_subwords(tmp_path):
    data = bytearray(bytes_of(make(maxn=3, minn=2), tmp_path))
    assert binary.parse(as_array(bytes(data)), "m").args.maxn == 3
    data[4:8] = struct.pack("<i", 11)
    assert binary.parse(as_array(bytes(data)), "m").args.maxn == 0


def field(data, place, value, kind="<i"):
    """Return a file with one number changed."""
    changed = bytearray(data)
    struct.pack_into(kind, changed, place, value)
    return as_array(bytes(changed))


# Places in the file: magic, version, then dim, ws, epoch, minCount, neg, wordNgrams, loss, model,
# bucket, minn, maxn, lrUpdateRate (4 bytes each), t (8); size, words, labels, tokens, pairs.
@pytest.mark.parametrize(
    ("place", "value", "kind", "message"),
    [
        (8, 0, "<i", "dimension is 0"),
        (8, -5, "<i", "dimension is -5"),
        (8, 2**30, "<i", "dimension"),
        (8, DIM + 1, "<i", "a table has shape"),
        (28, 2**30, "<i", "n-grams are up to"),
        (32, 0, "<i", "loss has the unknown number 0"),
        (32, 9, "<i", "loss has the unknown number 9"),
        (36, 7, "<i", "model has the unknown number 7"),
        (40, -1, "<i", "number of buckets -1"),
        (40, 0, "<i", "no buckets"),
        (40, 10**9, "<i", "rows"),
        (64, 10**6, "<i", "words"),
        (64, -1, "<i", "words"),
        (68, N_WORDS + 1, "<i", "words"),
        (68, -1, "<i", "words"),
        (84, 5, "<q", "damaged"),
        (84, 2**60, "<q", "damaged"),
    ],
    ids=str,
)
def test_impossible_numbers_are_named(tmp_path, place, value, kind, message):
    data = bytes_of(make(), tmp_path)
    with pytest.raises(ModelError, match=message):
        binary.parse(field(data, place, value, kind), "m")


def test_words_and_labels_out_of_order(tmp_path):
    data = bytearray(bytes_of(make(), tmp_path))
    end = data.index(b"</s>\0") + len(b"</s>\0") + 8
    data[end] = 1  # the kind of the first entry
    with pytest.raises(ModelError, match="mixed"):
        binary.parse(as_array(bytes(data)), "m")


def test_a_small_file_with_many_buckets_takes_little_memory(tmp_path):
    model = make("pruned")
    args, n = model.args, 2**31 - 1
    args.bucket = n
    (tmp_path / "m.ftz").write_bytes(binary.to_bytes(model.parts))
    found, process = FastTextModel.load(tmp_path / "m.ftz"), psutil.Process()
    model.predict_text("compiled")
    before = process.memory_info().rss
    assert found.predict_text("a b c d e", k=3)[0]
    assert process.memory_info().rss - before < 100_000_000
    is_kept = found.dictionary.lexicon.is_kept
    places = np.flatnonzero(is_kept)
    assert is_kept.size > n // 64 and places.tolist() == [0] and is_kept[0] == (1 << 7) | (1 << 2)


def test_a_dense_pruned_file_is_refused_as_by_fasttext():
    model = make()
    model.dictionary.pairs = np.array([[1, 0]], np.int32)
    with pytest.raises(ModelError, match="pruned but not quantised"):
        binary.parse(as_array(binary.to_bytes(model.parts)), "m")


@pytest.mark.parametrize(
    "pairs",
    [
        [[7, 0], [7, 1]],
        [[7, 0], [2, 2]],
        [[7, 0], [-2, 1]],
        [[7, -1], [2, 1]],
        [[7, 1], [2, 1]],
        [[7, 0], [BUCKET, 1]],
    ],
    ids=str,
)
def test_impossible_rows_of_ngrams(tmp_path, pairs):
    model = make("pruned")
    model.dictionary.pairs = np.array(pairs, np.int32)
    with pytest.raises(ModelError, match="rows"):
        binary.parse(as_array(binary.to_bytes(model.parts)), "m")


@pytest.mark.parametrize("kind", KINDS)
def test_changed_bytes_never_crash(tmp_path, kind):
    """A file with any byte changed is refused, or gives a model that predicts."""
    data = bytes_of(make(kind, loss="hs"), tmp_path)
    rng = np.random.default_rng(1)
    read = 0
    for _ in range(300):
        changed = bytearray(data)
        for place in rng.integers(0, min(len(data), 400), rng.integers(1, 4)):
            changed[place] = rng.integers(0, 256)
        try:
            parts = binary.parse(as_array(bytes(changed)), "m")
        except ModelError:
            continue
        model = FastTextModel(parts)
        if not model.is_supervised or parts.args.maxn > 50 or parts.args.word_ngrams > 1000:
            continue
        try:
            found = model.predict_texts(["中 a b", "a"], 2)
        except ModelError:  # counts that no tree can be made of
            continue
        assert found.labels.max() < N_LABELS
        read += 1
    assert read > 20


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    model = make()
    with pytest.raises(ModelError, match="cannot be opened for saving"):
        model.save(tmp_path / "no" / "model.bin")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelError, match="is a directory|not a regular file"):
        model.save(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_old_file_stays_when_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    model = make()

    def pieces(parts):
        yield b"new"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(binary, "_pieces", pieces)
    with pytest.raises(ModelError, match="no space left"):
        model.save(path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["model.bin"]


def test_a_table_with_few_rows_is_written_with_all(tmp_path):
    model = make()
    rows = model.input.decode()
    places = np.full(len(rows), -1)
    places[[0, 3, 5]] = [0, 1, 2]
    sparse = FastTextModel(
        ModelParts(
            model.args, model.dictionary, DenseTable.of(rows[[0, 3, 5]], places), model.output
        )
    )
    sparse.save(tmp_path / "sparse.bin")
    whole = FastTextModel.load(tmp_path / "sparse.bin").input_matrix()
    expected = np.zeros_like(rows)
    expected[[0, 3, 5]] = rows[[0, 3, 5]]
    np.testing.assert_array_equal(whole, expected)
