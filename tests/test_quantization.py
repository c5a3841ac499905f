"""Quantisation: k-means kernels against slow twins, tables as codes, quantised models."""

import json
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from fasttext_lite.cli.app import main
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.estimators.classifier import FastTextClassifier, load
from fasttext_lite.fitting.fit import fit
from fasttext_lite.fitting.pruning import usefulness
from fasttext_lite.fitting.quantize import QuantizeSettings, quantize_model
from fasttext_lite.model import packed, quantization
from fasttext_lite.model.checksums import as_text, with_checksums
from fasttext_lite.model.packed import by_feature
from fasttext_lite.model.quantization import N_CODES, ProductQuantizer, QuantizedMatrix
from fasttext_lite.model.storage import load_model, pack, read_model, save_model

pytestmark = pytest.mark.kernels


def make_table(n_rows=300, dim=5, seed=0):
    return np.random.default_rng(seed).standard_normal((n_rows, dim)).astype(np.float32)


def sub_vectors(quantizer):
    """Return, for each sub-vector, its columns and its centroids, by the layout of the file."""
    for s in range(quantizer.nsubq):
        is_last = s == quantizer.nsubq - 1
        width = quantizer.lastdsub if is_last else quantizer.dsub
        places = [
            s * N_CODES * quantizer.dsub + c * quantizer.lastdsub
            if is_last
            else (s * N_CODES + c) * quantizer.dsub
            for c in range(N_CODES)
        ]
        rows = np.array([quantizer.centroids[p : p + width] for p in places], np.float64)
        begin = s * quantizer.dsub
        yield slice(begin, begin + width), rows


# -- product quantiser -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dim", "dsub", "nsubq", "last"), [(5, 2, 3, 1), (6, 3, 2, 3), (3, 8, 1, 3)]
)
def test_sizes_follow_from_dim_and_dsub(dim, dsub, nsubq, last):
    quantizer = ProductQuantizer.train(make_table(dim=dim), dsub)
    assert (quantizer.dim, quantizer.nsubq, quantizer.lastdsub) == (dim, nsubq, last)
    assert quantizer.centroids.shape == (dim * N_CODES,)


@pytest.mark.parametrize("dsub", [1, 2, 5])
def test_codes_are_the_nearest_centroids(dsub):
    x = make_table()
    quantizer = ProductQuantizer.train(x, dsub)
    codes = quantizer.encode(make_table(seed=1))
    decoded = quantizer.decode(codes)
    for s, (columns, centroids) in enumerate(sub_vectors(quantizer)):
        part = make_table(seed=1)[:, columns].astype(np.float64)
        distances = ((part[:, None] - centroids) ** 2).sum(2)
        chosen = np.take_along_axis(distances, codes[:, s : s + 1].astype(int), 1)[:, 0]
        np.testing.assert_allclose(chosen, distances.min(1), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(decoded[:, columns], centroids[codes[:, s]])


def test_move_centroids_takes_means():
    from fasttext_lite.model.kernels.quantize import move_centroids

    x = make_table(600, 3)
    codes = np.random.default_rng(3).integers(0, 256, (600, 2)).astype(np.uint8)
    codes[:256] = np.arange(256)[:, None]  # no cluster is empty
    quantizer = ProductQuantizer(3, 2, 2, 1, np.zeros(3 * N_CODES, np.float32))
    x.flags.writeable = False
    assert all(move_centroids(x, codes, s, 2, quantizer.centroids) for s in range(2))
    for s, (columns, centroids) in enumerate(sub_vectors(quantizer)):
        means = [x[codes[:, s] == c][:, columns].mean(0) for c in range(256)]
        np.testing.assert_allclose(centroids, means, rtol=1e-5, atol=1e-6)
    assert not any(move_centroids(x, codes, s, 2, quantizer.centroids) for s in range(2))


def test_empty_clusters_are_split_off():
    # 1,000 different rows; the random beginning meets few of the rare ones.
    x = np.repeat(np.arange(400, dtype=np.float32), 2)[:, None]
    x = np.concatenate([np.zeros((4000, 1), np.float32), x])
    quantizer = ProductQuantizer.train(x, 1)
    assert len(np.unique(quantizer.encode(x))) > 200
    assert abs(quantizer.decode(quantizer.encode(x)) - x).max() < 4


def test_few_different_rows_are_kept_exactly():
    x = np.tile(make_table(20, 4), (20, 1))
    matrix = QuantizedMatrix.quantize(x, 2)
    np.testing.assert_allclose(matrix.decode(), x, rtol=1e-6)
    zeros = QuantizedMatrix.quantize(np.zeros((256, 3), np.float32), 2, qnorm=True)
    assert not zeros.decode().any()


def test_same_result_for_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(quantization, "ROWS_AT_ONCE", 100)
    monkeypatch.setattr(quantization, "N_ITERATIONS", 3)
    x = make_table(350, 3)
    one, two = (QuantizedMatrix.quantize(x, 2, True, 5, n) for n in (1, 3))
    np.testing.assert_array_equal(one.codes, two.codes)
    np.testing.assert_array_equal(one.norm_codes, two.norm_codes)
    np.testing.assert_array_equal(one.quantizer.centroids, two.quantizer.centroids)
    other = ProductQuantizer.train(x[:300], 2, seed=6)
    assert (other.centroids != ProductQuantizer.train(x[:300], 2, seed=7).centroids).any()


@pytest.mark.compiled
def test_more_codes_than_plain_rounding_can_give():
    x = make_table(2000, 2)
    error = float(((QuantizedMatrix.quantize(x, 2).decode() - x) ** 2).mean())
    assert error < 0.02  # 16 x 16 levels of a plain grid over +-3.5 would give about 0.016


# -- tables ----------------------------------------------------------------------------------


def test_norms_are_quantised_by_themselves():
    x = make_table(400, 4) * np.logspace(-3, 3, 400, dtype=np.float32)[:, None]
    x[7] = 0
    plain, normed = QuantizedMatrix.quantize(x, 2), QuantizedMatrix.quantize(x, 2, qnorm=True)
    assert plain.shape == normed.shape == (400, 4)
    assert plain.norm_codes is None and plain.norm_quantizer is None
    assert normed.norm_codes.shape == (400,) and normed.norm_quantizer.dim == 1
    cosine = (normed.decode() * x).sum(1) / np.maximum(
        np.linalg.norm(normed.decode(), axis=1) * np.linalg.norm(x, axis=1), 1e-30
    )
    assert np.delete(cosine, 7).min() > 0.7
    rows = np.array([5, 3, 5])
    np.testing.assert_array_equal(normed.decode(rows), normed.decode()[rows])
    np.testing.assert_array_equal(plain.decode(slice(2, 4)), plain.decode()[2:4])


@pytest.mark.parametrize(
    ("x", "dsub", "message"),
    [
        (make_table(255), 2, "at least 256 rows; the table has 255"),
        (make_table(), 0, "dsub must be at least 1"),
        (np.full((300, 2), np.nan), 2, "not finite"),
        (np.zeros(300), 2, "two dimensions"),
        (np.zeros((300, 0)), 2, "two dimensions"),
    ],
)
def test_bad_tables_are_refused(x, dsub, message):
    with pytest.raises(ModelError, match=message):
        QuantizedMatrix.quantize(x, dsub)


def test_rows_of_another_size_are_refused():
    quantizer = ProductQuantizer.train(make_table(), 2)
    with pytest.raises(ModelError, match="rows have 4 numbers, the quantiser knows 5"):
        quantizer.encode(make_table(dim=4))


# -- models ----------------------------------------------------------------------------------

NAMES = ("food", "sport", "weather")
WORDS = (
    ("soup", "noodle", "热汤", "hungry", "menu", "dish"),
    ("goal", "match", "team", "球队", "score", "late"),
    ("rain", "wind", "下雨", "storm", "cloud", "sunny"),
)
QUERIES = ["hot soup", "a late goal", "rain and 热汤", "", "zzz", "the match in the rain"]


def make_texts(n=36, seed=0):
    rng = np.random.default_rng(seed)
    rows = [(NAMES[i % 3], " ".join(rng.choice(WORDS[i % 3], 3)) + f" w{i % 7}") for i in range(n)]
    return [text for _, text in rows], [name for name, _ in rows]


def make_model(multilabel=False, **changes):
    texts, names = make_texts()
    rows = [(name, "all") if multilabel and name == "food" else (name,) for name in names]
    config = Config(**{"dim": 4, "bucket": 1000, "epochs": 3, "minn": 2, "maxn": 3, **changes})
    return fit(Texts.from_sequence(texts), Labels.from_rows(rows), config, n_threads=1).model


def check_same(model, again):
    assert (again.config, again.labels, again.n_texts) == (
        model.config,
        model.labels,
        model.n_texts,
    )
    np.testing.assert_array_equal(again.embeddings, model.embeddings)
    np.testing.assert_array_equal(again.output, model.output)
    np.testing.assert_array_equal(again.probabilities(QUERIES), model.probabilities(QUERIES))
    assert again.predict(QUERIES).n_features.tolist() == model.predict(QUERIES).n_features.tolist()
    assert again.space.words() == model.space.words()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"loss": "softmax", "head": "learned"},
        {"loss": "hs", "word_ngrams": 3},
        {"loss": "ova", "pooling": "tfidf", "supervision": 0.0},
        {"loss": "softmax", "pooling": "mean", "eos": True},
        {"units": 3, "norm": "batch", "dtype": "float32"},
        {"dtype": "float16", "maxn": 0},
        {"multilabel": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("cutoff", [None, 40])
def test_a_quantised_model_predicts_the_same_after_saving(tmp_path, changes, cutoff):
    model = make_model(**changes)
    small = quantize_model(model, QuantizeSettings(cutoff=cutoff, step=0.01))
    assert small.space.n_rows == (cutoff or model.space.n_rows)
    assert small.space.has_bias == model.space.has_bias
    path = tmp_path / "small.ftl"
    save_model(small, path)
    again, header = read_model(path)
    assert header["format_version"] == 5
    check_same(small, again)
    check_same(small, pickle.loads(pickle.dumps(small)))
    check_same(small.sorted_by_label(), again.sorted_by_label())
    first = path.read_bytes()
    save_model(again, path)
    assert path.read_bytes() == first
    if cutoff is None:
        near = model.probabilities(QUERIES)
        np.testing.assert_allclose(small.probabilities(QUERIES), near, atol=0.03)


@pytest.mark.parametrize("qnorm", [False, True])
def test_rows_as_product_quantised_codes(tmp_path, qnorm):
    model = make_model(head="learned")
    assert model.space.n_rows >= 256
    small = quantize_model(model, QuantizeSettings(rows="pq", dsub=1, qnorm=qnorm))
    save_model(small, tmp_path / "small.ftl")
    again = load_model(tmp_path / "small.ftl")
    check_same(small, again)
    assert again.packed.about["qnorm"] is qnorm
    near = model.probabilities(QUERIES)
    np.testing.assert_allclose(small.probabilities(QUERIES), near, atol=0.1)


def test_the_rows_and_words_of_a_part_of_a_space():
    model = make_model()
    texts = Texts.from_sequence(QUERIES + make_texts()[0])
    rows = np.random.default_rng(1).permutation(model.space.n_rows)[:150]
    space, order = by_feature(model.space, rows)
    assert sorted(rows) == sorted(order)
    kept = [
        i for i, code in enumerate(model.space.words()) if i in set(model.space.row_codes[rows])
    ]
    assert space.words() == [model.space.words()[i] for i in kept]
    from fasttext_lite.text.analyzers import analyze

    marked = analyze(texts, model.config, 1)
    found, expected = space.transform(marked), model.space.take(order).transform(marked)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-6)


@pytest.mark.parametrize("head", ["learned", "linear"])
def test_rows_are_kept_by_their_use(head):
    model = make_model(head=head)
    space, useful = model.space, usefulness(model)
    output = model.output - model.output.mean(axis=0)
    for row in range(0, space.n_rows, 17):
        if row == space.bias_row:
            continue
        expected = np.linalg.norm(model.embeddings[row].astype(float))
        if head == "linear":
            scores = output.astype(float) @ model.embeddings[row].astype(float)
            weight = abs(space.factors[row]) * space.frequency[row] ** 0.5
            expected = np.linalg.norm(scores) * weight
        assert useful[row] == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert np.isinf(useful[space.bias_row])


def test_numbers_are_rounded_to_whole_steps():
    model = make_model(head="learned")
    small = quantize_model(model, QuantizeSettings(step=0.5))
    place = {int(code): i for i, code in enumerate(model.space.row_codes)}
    table = np.array([model.embeddings[place[int(code)]] for code in small.space.row_codes])
    step = small.packed.settings["scale"]
    assert step == pytest.approx(0.5 * float(np.sqrt((table**2).mean())), rel=1e-5)
    assert np.abs(small.embeddings - table).max() <= step * 0.5001
    weights, expected = np.array([abs(s.factors) for s in (small.space, by_code(model))])
    np.testing.assert_allclose(weights, expected, rtol=0.02)


def by_code(model):
    return by_feature(model.space, np.arange(model.space.n_rows))[0]


def test_a_size_is_met(tmp_path):
    model, path = make_model(), tmp_path / "small.ftl"
    save_model(quantize_model(model), path)
    whole = path.stat().st_size
    limit = whole - 300
    small = quantize_model(model, QuantizeSettings(size=limit))
    save_model(small, path)
    assert 0.9 * limit < path.stat().st_size <= limit
    assert 0 < small.space.n_rows < model.space.n_rows
    assert quantize_model(model, QuantizeSettings(size=10**9)).space.n_rows == model.space.n_rows
    with pytest.raises(ModelError, match="does not fit into 500 bytes: with 1 of its rows it has"):
        quantize_model(model, QuantizeSettings(size=500))


def test_training_again_with_the_rows_that_are_kept(tmp_path):
    texts, names = make_texts()
    data = Texts.from_sequence(texts), Labels.from_rows([(name,) for name in names])
    model = make_model(word_dropout=0.1)
    plain = quantize_model(model, QuantizeSettings(cutoff=50))
    small = quantize_model(model, QuantizeSettings(cutoff=50), retrain=data)
    assert small.config == model.config
    assert small.space.n_rows == 50
    np.testing.assert_array_equal(small.space.row_codes, plain.space.row_codes)
    assert (small.embeddings != plain.embeddings).any()
    right = [small.labels[i] for i in small.predict(texts).labels[:, 0]]
    assert np.mean(np.array(right) == names) > 0.9
    save_model(plain, tmp_path / "1.ftl")
    size = (tmp_path / "1.ftl").stat().st_size
    limited = quantize_model(model, QuantizeSettings(size=size), retrain=data)
    save_model(limited, tmp_path / "2.ftl")
    assert (tmp_path / "2.ftl").stat().st_size <= size
    other = data[0], Labels.from_rows([("new",)] * len(names))
    with pytest.raises(InputError, match="1 labels that the model does not know: new"):
        quantize_model(model, QuantizeSettings(cutoff=50), retrain=other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 0}, "size must be a whole number of at least 1; got 0"),
        ({"cutoff": True}, "cutoff must be"),
        ({"dsub": 0}, "dsub must be"),
        ({"rows": "int4"}, "rows must be one of int8, pq; got 'int4'"),
        ({"step": 0}, "step must be a number from 0.001 to 10; got 0"),
    ],
)
def test_settings_are_checked(changes, message):
    with pytest.raises(ModelError, match=message):
        QuantizeSettings(**changes)


def test_what_a_quantised_model_cannot_do():
    model = make_model(maxn=0)
    assert model.space.n_rows < 256
    with pytest.raises(ModelError, match="at least 256 rows"):
        quantize_model(model, QuantizeSettings(rows="pq"))
    small = quantize_model(model)
    with pytest.raises(ModelError, match="is quantised already"):
        quantize_model(small)
    with pytest.raises(ModelError, match="cannot be trained further"):
        small.space.grow_chunks(None)
    part = small.space.take(np.array([2, 1]))
    np.testing.assert_array_equal(part.factors, small.space.factors[[2, 1]])


# -- damaged files ---------------------------------------------------------------------------


def check_damaged(path, header, tensors, says):
    header, tensors = with_checksums(header, tensors)
    path.write_bytes(to_bytes(tensors, {"fasttext-lite": as_text(header)}))
    with pytest.raises(ModelError) as caught:
        load_model(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: the model file is damaged: ") and "\n" not in text
    assert says in text


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("rows", "int4", "settings of its quantisation are incomplete"),
        ("n_rows", -1, "no counts"),
        ("n_rows", 2**40, "no counts"),
        ("n_rows", 7, "another size"),
        ("n_rows", 2**31 - 1, "stored ones cannot stand for"),
        ("n_words", 2**31 - 1, "stored ones cannot stand for"),
        ("n_bytes", 2**31 - 1, "stored ones cannot stand for"),
        ("n_rows", 10**6, "another size"),
        ("n_columns", 0, "more columns"),
        ("n_columns", 5, "more columns"),
        ("n_columns", 1, "another size"),
        ("n_words", 3, "another size"),
        ("n_bytes", True, "no counts"),
        ("n_bytes", 1, "another size"),
        ("scale", "1", "not a positive number"),
        ("scale", float("nan"), "not a positive number"),
        ("factors", [1.0], "pair of positive numbers"),
        ("factors", [1.0, -1.0], "pair of positive numbers"),
        ("extra", 1, "incomplete"),
    ],
)
def test_damaged_settings(tmp_path, name, value, says):
    header, tensors = pack(quantize_model(make_model(head="learned")))
    header["quantized"] = {**header["quantized"], name: value}
    check_damaged(tmp_path / "m.ftl", header, tensors, says)


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["dsub", "qnorm"])
def test_damaged_settings_of_product_quantisation(tmp_path, name):
    header, tensors = pack(quantize_model(make_model(head="learned"), QuantizeSettings(rows="pq")))
    header["quantized"] = {**header["quantized"], name: 99}
    says = {"dsub": "out of range", "qnorm": "neither true nor false"}[name]
    check_damaged(tmp_path / "m.ftl", header, tensors, says)


@pytest.mark.compiled
@pytest.mark.parametrize("rows", ["int8", "pq"])
def test_damaged_arrays(tmp_path, rows):
    path = tmp_path / "m.ftl"
    settings = QuantizeSettings(rows=rows, qnorm=rows == "pq")
    header, tensors = pack(quantize_model(make_model(head="learned"), settings))
    for name, array in tensors.items():
        rest = {other: value for other, value in tensors.items() if other != name}
        check_damaged(path, header, rest, "its ")
        check_damaged(path, header, {**rest, name: array[:-1]}, name)
        check_damaged(path, header, {**rest, name: array.astype(np.int16)}, name)
        if array.dtype == np.uint8:
            check_damaged(path, header, {**rest, name: array[::-1].copy()}, name)
            check_damaged(path, header, {**rest, name: np.append(array, np.uint8(0))}, name)
        elif array.dtype != np.int64:
            bad = np.full_like(array, np.nan)
            check_damaged(path, header, {**rest, name: bad}, "not finite")
    check_damaged(path, {**header, "quantized": [1]}, tensors, "unreadable")
    check_damaged(path, {**header, "quantized": None}, tensors, "its arrays are")


@pytest.mark.compiled
def test_a_small_file_does_not_become_large(tmp_path):
    """Zeros deflate well: 44 kB that say that they are 3 GB are refused before memory is taken."""
    header, tensors = pack(quantize_model(make_model(head="learned", dim=75)))
    n_rows = 10_000_000
    zeros = packed._deflate(np.zeros(4 * n_rows, np.uint8))
    tensors["row_gaps"] = zeros
    for name in ("rows", "factors"):
        tensors[name] = packed._deflate(np.zeros(n_rows, np.uint8))
    header["quantized"] |= {"n_rows": n_rows, "n_columns": 1}
    header["config"]["bucket"] = 20_000_000
    assert sum(array.nbytes for array in tensors.values()) < 100_000
    tracemalloc.start()
    check_damaged(tmp_path / "m.ftl", header, tensors, "stored ones cannot stand for")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.compiled
@pytest.mark.parametrize("rows", ["int8", "pq"])
def test_models_at_the_bound_are_loaded_and_none_beyond_is_written(tmp_path, rows, monkeypatch):
    """What is packed can be unpacked: the bound is the same."""
    model, settings = make_model(head="learned"), QuantizeSettings(rows=rows)
    small = quantize_model(model, settings)
    stored = sum(array.nbytes for array in small.packed.arrays.values())
    about = small.packed.settings
    taken = about["n_rows"] * (4 * model.dim + 32) + 32 * about["n_words"] + about["n_bytes"]
    monkeypatch.setattr(packed, "_ALWAYS", taken - 4 * 1032 * stored)
    save_model(quantize_model(model, settings), tmp_path / "m.ftl")
    check_same(small, load_model(tmp_path / "m.ftl"))
    monkeypatch.setattr(packed, "_ALWAYS", taken - 4 * 1032 * stored - 1)
    with pytest.raises(ModelError, match="cannot be quantised so: its quantised tables would take"):
        quantize_model(model, settings)
    with pytest.raises(ModelError, match="is damaged: its quantised tables would take"):
        load_model(tmp_path / "m.ftl")


def test_zeros_are_packed_and_unpacked(tmp_path):
    """A table of zeros is what deflate makes the least of."""
    model = make_model(head="learned")
    empty = model.replace(embeddings=np.zeros_like(model.embeddings))
    save_model(quantize_model(empty, QuantizeSettings(cutoff=100)), tmp_path / "m.ftl")
    assert not load_model(tmp_path / "m.ftl").embeddings.any()


def test_damaged_words_and_features(tmp_path):
    from fasttext_lite.model.packed import _deflate, _planes

    header, tensors = pack(quantize_model(make_model()))
    n_words, n_rows = header["quantized"]["n_words"], header["quantized"]["n_rows"]
    for name, n, says in (
        ("word_sizes", n_words, "sizes of its words"),
        ("row_gaps", n_rows, "features of its rows are out of range"),
    ):
        bad = {**tensors, name: _deflate(_planes(np.full(n, 2**32 - 1)))}
        check_damaged(tmp_path / "m.ftl", header, bad, says)


GOLDEN = Path(__file__).parent / "golden" / "v4_int8.ftl"


def test_the_first_quantised_file_stays_readable():
    model = load_model(GOLDEN)
    assert (model.labels, model.space.n_rows, model.config.loss) == (list(NAMES), 150, "ova")
    expected = [
        [0.6214, 0.0831, 0.1228], [0.0461, 0.9207, 0.0521], [0.1843, 0.0396, 0.7019],
        [1 / 3, 1 / 3, 1 / 3], [1 / 3, 1 / 3, 1 / 3], [0.0438, 0.3079, 0.4631],
    ]  # fmt: skip
    np.testing.assert_allclose(model.probabilities(QUERIES), expected, atol=2e-4)


# -- estimator and command line ----------------------------------------------------------------


def test_the_estimator(tmp_path):
    texts, names = make_texts()
    whole = FastTextClassifier(random_state=0, epochs=5).fit(texts, names)
    small = whole.quantize(cutoff=60)
    assert whole.model_.packed is None and small.model_.space.n_rows == 60
    again = whole.quantize(texts, names, cutoff=60, step=0.1)
    assert again.score(texts, names) > 0.9 and small.score(texts, names) > 0.8
    path = tmp_path / "m.ftl"
    small.save(path)
    read = load(path)
    np.testing.assert_array_equal(read.predict_proba(texts), small.predict_proba(texts))
    size = path.stat().st_size
    whole.quantize(size=size).save(path)
    assert path.stat().st_size <= size
    for classifier in (small, read):
        with pytest.raises(ModelError, match="a quantised model cannot be trained further"):
            classifier.partial_fit(texts, names)
    with pytest.raises(ModelError, match="quantize has no setting 'bits'"):
        whole.quantize(bits=4)


@pytest.fixture
def files(tmp_path):
    texts, names = make_texts()
    data = tmp_path / "train.tsv"
    data.write_text("".join(f"{n}\t{t}\n" for n, t in zip(names, texts, strict=True)), "utf-8")
    save_model(make_model(), tmp_path / "m.ftl")
    return tmp_path / "m.ftl", tmp_path / "s.ftl", data


@pytest.mark.compiled
def test_the_command(files, capfd):
    model, out, data = map(str, files)
    assert main(["quantize", model, "-o", out, "--cutoff", "90", "--test", data]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{out}: ") and "90 of" in lines[0] and "as int8" in lines[0]
    assert [line.split(" n ")[0] for line in lines[1:]] == [f"{model}:", f"{out}:"]
    assert main(["info", out, "--json"]) == 0
    about = json.loads(capfd.readouterr().out)["quantized"]
    assert (about["rows"], about["n_rows"]) == ("int8", 90)
    assert sum(about["bytes"].values()) < Path(out).stat().st_size
    assert main(["info", out]) == 0
    assert "quantized       {" in capfd.readouterr().out
    size = Path(out).stat().st_size
    again = ["quantize", model, "-o", out, "--size", str(size), "--retrain", data, "-q"]
    assert main([*again, "--step", "0.8", "--threads", "1", "--seed", "3"]) == 0
    assert capfd.readouterr().out == ""
    assert Path(out).stat().st_size <= size
    pq = ["quantize", model, "-o", out, "--rows", "pq", "--dsub", "2", "--qnorm"]
    assert main(pq) == 0
    assert "as pq" in capfd.readouterr().out
    assert main(["test", out, data]) == 0


def test_mistakes_on_the_command_line(files, capfd):
    model, out, data = map(str, files)
    for words, says in (
        (["-o", model], "would overwrite this file"),
        (["-o", data, "--retrain", data], "would overwrite this file"),
        (["-o", "-"], "cannot be written to stdout"),
        (["-o", out, "--size", "10"], "does not fit into 10 bytes"),
        (["-o", out, "--retrain", out + "x"], "no such file"),
    ):
        assert main(["quantize", model, *words]) == 2
        said = capfd.readouterr().err
        assert says in said and said.count("\n") == 1
        assert not Path(out).exists()
    for words in (["--size", "2x"], ["--step", "0"], ["--cutoff", "0"], ["--rows", "int4"]):
        with pytest.raises(SystemExit) as caught:
            main(["quantize", model, "-o", out, *words])
        assert caught.value.code == 2
        assert capfd.readouterr().err.count("\n") == 1


def test_fasttexts_endings_and_idle_flags_are_refused(tmp_path, capsys):
    model = str(tmp_path / "m.ftl")
    for flags, message in (
        (["-o", "x.ftz"], "that ending is fastText's"),
        (["-o", "x.ftl", "--qnorm"], "are for --rows pq"),
        (["-o", "x.ftl", "--lr", "0.5", "--epochs", "2"], "--lr, --epochs are for --retrain"),
    ):
        assert main(["quantize", model, *flags]) == 2
        assert message in capsys.readouterr().err
