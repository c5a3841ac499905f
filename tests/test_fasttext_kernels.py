"""The compiled rules of fastText against plain Python, on whatever bytes."""

import fasttext_reference as twin
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.compat.engine import in_columns
from fasttext_lite.compat.files import dictionary
from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.dictionary import Dictionary, as_array, ngrams
from fasttext_lite.compat.files.tables import DenseTable, kernel_table
from fasttext_lite.compat.kernels import scores as scoring
from fasttext_lite.compat.kernels import text
from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.errors import InputError
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.model.quantization import ProductQuantizer, QuantizedMatrix

pytestmark = pytest.mark.kernels

BUCKET = 50
PIECES = [
    b"a", b"bc", b"<", b">", b"</s>", b"__label__x", b"__label__new", b"#y", b" ", b"\n", b"\t",
    b"\0", b"\x0b\x0c\r", "中文".encode(), "é👍".encode(), b"\x80", b"\xbf\xe4", b"\xff", b"</s",
    b"word", b"\x1c",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)
VOCABULARY = [b"</s>", b"a", b"word", "中文".encode(), b"\xff", b"abc"]
LABELS = [b"__label__x", b"#y"]


def dictionary_of(word_ngrams=1, minn=0, maxn=0, prefix="__label__", kept=None, words=VOCABULARY):
    args = Args.supervised(
        word_ngrams=word_ngrams, minn=minn, maxn=maxn, bucket=BUCKET, label=prefix
    )
    made = Dictionary.of_words(
        args, [*words, *LABELS], range(len(words) + 2, 0, -1), len(words), 99
    )
    if kept is not None:
        made.pairs = np.array([[b, row] for b, row in kept.items()], np.int32).reshape(-1, 2)
    return made


def twin_of(word_ngrams=1, minn=0, maxn=0, prefix=b"__label__", kept=None, words=VOCABULARY):
    return twin.Twin(words, LABELS, word_ngrams, minn, maxn, BUCKET, prefix, kept)


def check_same_rows(data, **settings):
    made, expected = dictionary_of(**settings), twin_of(**{
        **settings, "prefix": settings.get("prefix", "__label__").encode()
    })  # fmt: skip
    array = as_array(data)
    starts = made.split(array)
    lines = twin.examples(data)
    assert starts.size - 1 == len(lines)
    found = made.list(array, starts)
    for i, line in enumerate(lines):
        rows, labels = expected.rows(line)
        assert found.ids[found.indptr[i] : found.indptr[i + 1]].tolist() == rows
        ours = found.labels[found.label_indptr[i] : found.label_indptr[i + 1]]
        assert ours.tolist() == labels
        assert found.n_tokens[i] == len(line)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_tokens_are_those_of_the_twin(data):
    array, i, found = as_array(data), 0, []
    while True:
        start, stop, i = text.next_token(array, i, array.size)
        if start < 0:
            break
        found.append(data[start:stop] or twin.EOS)
    assert found == list(twin.tokens(data))
    assert [token for line in twin.examples(data) for token in line] == found


@settings(max_examples=100, deadline=None)
@given(
    TEXTS,
    st.sampled_from([(1, 0, 0), (2, 0, 0), (3, 1, 3), (1, 2, 4), (5, 3, 3), (0, 4, 2)]),
    st.sampled_from(["__label__", "#", "", "</"]),
    st.sampled_from([None, {}, {i: i // 2 for i in range(0, BUCKET, 2)}]),
)
def test_rows_are_those_of_the_twin(data, ngrams, prefix, kept):
    words, minn, maxn = ngrams
    check_same_rows(data, word_ngrams=words, minn=minn, maxn=maxn, prefix=prefix, kept=kept)


def test_many_examples_in_threads(monkeypatch):
    monkeypatch.setattr(dictionary, "RANGE_EXAMPLES", 100)
    rng = np.random.default_rng(0)
    data = b"".join(PIECES[i] for i in rng.integers(0, len(PIECES), 15_000))
    made, array = dictionary_of(2, 1, 2), as_array(data)
    starts = made.split(array)
    one, two = made.list(array, starts, 1), made.list(array, starts, 2)
    assert starts.size > 5 * dictionary.RANGE_EXAMPLES
    for a, b in zip(vars(one).values(), vars(two).values(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_gives_nothing():
    made = dictionary_of(2, 1, 2)
    starts = made.split(as_array(b""))
    assert starts.tolist() == [0]
    found = made.list(as_array(b""), starts)
    assert found.ids.size == 0
    assert found.indptr.tolist() == [0]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=12).filter(lambda word: not set(word) & set(twin.SPACES)))
def test_subwords(word):
    made = dictionary_of(1, 1, 4)
    expected = twin.subwords(word, 1, 4)
    assert list(ngrams(b"<" + word + b">", 1, 4)) == expected
    texts, rows = made.subwords(word)
    if word == twin.EOS:
        expected = []
    known = [word] if word in VOCABULARY else []
    assert texts == known + expected
    of_ngrams = [len(VOCABULARY) + twin.fnv(ngram) % BUCKET for ngram in expected]
    assert rows.tolist() == [VOCABULARY.index(word) for word in known] + of_ngrams
    assert made.bucket_of(word) == twin.fnv(word) % BUCKET
    assert made.find(word) == ([*VOCABULARY, *LABELS].index(word) if word in VOCABULARY else -1)


# -- counting --------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(0, 3), st.integers(0, 2))
def test_counts_are_those_of_the_twin(data, least, least_label):
    args = Args.supervised(min_count=least, min_count_label=least_label)
    counts = {}
    for token in twin.tokens(data):
        counts[token] = counts.get(token, 0) + 1
    words = {w: c for w, c in counts.items() if not w.startswith(b"__label__") and c >= least}
    labels = {w: c for w, c in counts.items() if w.startswith(b"__label__") and c >= least_label}
    if not words and not labels:
        with pytest.raises(InputError, match="Empty vocabulary"):
            Dictionary.read(as_array(data), args)
        return
    made = Dictionary.read(as_array(data), args)
    by_count = sorted(words, key=lambda w: -words[w])
    assert made.words == by_count
    assert made.labels == sorted(labels, key=lambda w: -labels[w])
    assert made.counts.tolist() == [counts[w] for w in [*made.words, *made.labels]]
    assert made.n_tokens == sum(counts.values())


def test_many_and_long_words_make_room():
    words = [b"w%d" % i for i in range(20_000)] + [b"x" * 300_000, b"y" * 70_000]
    made = Dictionary.read(as_array(b" ".join(words)), Args.supervised())
    assert made.words == words
    assert made.find(words[-1]) == len(words) - 1


def test_words_of_pretrained_vectors_enter_however_rare():
    data = as_array(b"a a b c\n")
    made = Dictionary.read(data, Args.supervised(min_count=2), [b"b", b"a", b"new", b"b"])
    assert dict(zip(made.words, made.counts.tolist(), strict=True)) == {b"a": 3, b"b": 2, b"new": 1}
    assert made.n_tokens == 9


# -- hidden vectors and scores ---------------------------------------------------------------


def check_hidden(table, rows):
    made, expected = dictionary_of(2, 1, 2), twin_of(2, 1, 2)
    data = as_array(b"a bc\n\n__label__x\nword a a \xff\n")
    starts = made.split(data)
    hidden, n = np.empty((starts.size - 1, rows.shape[1]), np.float32), np.empty(4, np.int64)
    text.embed_examples(data, starts, 0, 4, made.lexicon, kernel_table(table), hidden, n)
    for i, line in enumerate(twin.examples(data.tobytes())):
        ids, _ = expected.rows(line)
        np.testing.assert_allclose(hidden[i], twin.mean(rows, ids), atol=1e-6)
        assert n[i] == len(ids)


def random_rows():
    shape = len(VOCABULARY) + BUCKET, 5
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def test_hidden_vector_of_a_dense_table():
    rows = random_rows()
    check_hidden(DenseTable.of(rows), rows)
    # Bytes of a file begin anywhere.
    data = np.frombuffer(b"x" + rows.tobytes(), np.uint8)[1:]
    check_hidden(DenseTable(data, 5, DenseTable.of(rows).places), rows)


def test_hidden_vector_of_a_table_with_few_rows():
    rows = random_rows()
    places = np.full(len(rows), -1)
    places[::3] = np.arange(len(places[::3]))
    whole = np.zeros_like(rows)
    whole[::3] = rows[::3]
    table = DenseTable.of(rows[::3], places)
    check_hidden(table, whole)
    np.testing.assert_array_equal(table.decode(), whole)
    np.testing.assert_array_equal(np.concatenate(list(table.chunks())), whole)
    runs = [np.concatenate([np.zeros((n, 5), np.float32), part]) for n, part in table.runs()]
    np.testing.assert_array_equal(np.concatenate(runs), whole)
    assert table.shape == rows.shape


@pytest.mark.parametrize("stored", [[], [0], [2999], [5, 6, 7, 2000], list(range(0, 40_000, 997))])
def test_long_stretches_of_zeros_are_left_out(stored):
    n_rows, dim = 40_000, 100
    places = np.full(n_rows, -1)
    places[stored] = np.arange(len(stored))
    table = DenseTable.of(np.full((len(stored), dim), 2.5, np.float32), places)
    at = written = 0
    for n_zeros, rows in table.runs():
        assert np.all(places[at : at + n_zeros] == -1)
        at += n_zeros
        expected = np.where(places[at : at + len(rows)] >= 0, 2.5, 0.0)
        np.testing.assert_array_equal(rows, np.repeat(expected[:, None], dim, axis=1))
        at += len(rows)
        written += len(rows)
    assert at == n_rows
    assert written <= 11 * len(stored)


@pytest.mark.parametrize("dsub", [1, 2, 3, 5])
@pytest.mark.parametrize("qnorm", [False, True])
def test_hidden_vector_of_a_quantized_table(dsub, qnorm):
    rng = np.random.default_rng(dsub)
    n_parts = -(-5 // dsub)
    quantizer = ProductQuantizer(
        5, n_parts, dsub, 5 % dsub or dsub, rng.standard_normal(5 * 256).astype(np.float32)
    )
    n_rows = len(VOCABULARY) + BUCKET
    codes = rng.integers(0, 256, (n_rows, n_parts)).astype(np.uint8)
    norms = ProductQuantizer(1, 1, 1, 1, rng.standard_normal(256).astype(np.float32))
    norm_codes = rng.integers(0, 256, n_rows).astype(np.uint8)
    table = QuantizedMatrix(codes, quantizer, *((norm_codes, norms) if qnorm else (None, None)))
    rows = np.zeros((n_rows, 5), np.float32)
    for row in range(n_rows):
        for part in range(n_parts):
            size = min(dsub, 5 - part * dsub)
            first = part * 256 * dsub + int(codes[row, part]) * size
            rows[row, part * dsub : part * dsub + size] = quantizer.centroids[first : first + size]
        if qnorm:
            rows[row] *= norms.centroids[norm_codes[row]]
    np.testing.assert_allclose(table.decode(), rows, rtol=1e-6)
    check_hidden(table, rows)


def test_word_vectors():
    rows, made, expected = random_rows(), dictionary_of(1, 2, 3), twin_of(1, 2, 3)
    words = [
        b"a",
        b"unseen",
        b"",
        b"</s>",
        b"__label__x",
        "中文字".encode(),
        b"\x80\x80",
        b"x" * 40,
    ]
    pool, ends = as_array(b"".join(words)), np.cumsum([0, *map(len, words)])
    offsets = np.stack([ends[:-1], ends[1:]], axis=1)
    vectors = np.empty((len(words), 5), np.float32)
    text.embed_words(
        pool, offsets, 0, len(words), made.lexicon, kernel_table(DenseTable.of(rows)), vectors
    )
    for word, vector in zip(words, vectors, strict=True):
        np.testing.assert_allclose(vector, twin.mean(rows, expected.rows_of_word(word)), atol=1e-6)


def classify(hidden, output, way, k, threshold=0.0, children=None, by_rows=False, scales=None):
    n, n_labels = len(hidden), len(output)
    children = np.empty((0, 2), np.int32) if children is None else children.copy()
    children.flags.writeable = False
    none = as_array(b"").view(np.float32)
    rows, weights = read_only(output.reshape(-1)), in_columns(output)
    head = scoring.Head(
        none if by_rows else weights, rows if by_rows else none,
        none if scales is None else read_only(scales), children, n_labels, way, 0,
    )  # fmt: skip
    best, values = np.full((n, k + 1), -1, np.int32), np.zeros((n, k + 1), np.float32)
    outputs = np.empty(weights.size // hidden.shape[1], np.float32)
    stack, sums = np.empty(n_labels + 1, np.int32), np.empty(n_labels + 1, np.float32)
    for doc in range(n):
        found = scoring.classify(
            hidden[doc], head, k, np.float32(threshold), outputs, stack, sums, values[doc],
            best[doc],
        )  # fmt: skip
        best[doc, found:], values[doc, found:] = -1, 0
    return best[:, :k], values[:, :k]


def check_best(best, values, scores, k, least):
    for i, row in enumerate(scores):
        expected = twin.top(row, k, least)
        n = len(expected)
        np.testing.assert_allclose(np.log(values[i, :n]), row[expected], atol=2e-5)
        assert best[i, :n].tolist() == expected
        assert np.all(best[i, n:] == -1)
        assert np.all(values[i, n:] == 0)


@pytest.mark.parametrize("k", [1, 3, 9, 40])
@pytest.mark.parametrize("threshold", [0.0, 0.05])
def test_softmax_and_sigmoid(k, threshold):
    rng = np.random.default_rng(k)
    hidden = rng.standard_normal((20, 6)).astype(np.float32)
    output = rng.standard_normal((9, 6)).astype(np.float32)
    products = hidden @ output.T
    p = np.array([twin.softmax(row) for row in products])
    scores = np.where(p < threshold, -np.inf, np.vectorize(twin.shifted)(p))
    check_best(*classify(hidden, output, scoring.SOFTMAX, min(k, 9), threshold), scores, k, -1e9)
    p = np.vectorize(twin.sigmoid)(products)
    best, values = classify(hidden, output, scoring.SIGMOID, 9)
    for i in range(20):
        assert sorted(best[i].tolist()) == list(range(9))
        np.testing.assert_allclose(values[i], np.sort(p[i])[::-1] + 1e-5, atol=1e-6)


def test_sigmoid_beyond_its_table():
    for x in (-8.1, -8.0, -7.99, -0.01, 0.0, 0.01, 7.99, 8.0, 8.1, 1e30, -1e30):
        found = scoring.table_sigmoid(np.float32(x))
        assert found == pytest.approx(twin.sigmoid(np.float32(x)), abs=1e-7)
    assert scoring.table_sigmoid(np.float32(8.0)) == pytest.approx(0.99966466, abs=1e-7)


@pytest.mark.parametrize("n_labels", [2, 3, 10, 50])
@pytest.mark.parametrize("threshold", [0.0, 0.03])
def test_tree(n_labels, threshold):
    rng = np.random.default_rng(n_labels)
    children = huffman_tree(np.sort(rng.integers(1, 99, n_labels))[::-1]).children
    hidden = rng.standard_normal((10, 4)).astype(np.float32)
    output = rng.standard_normal((n_labels, 4)).astype(np.float32)
    scores = np.array([twin.leaves(children.tolist(), row, output, n_labels) for row in hidden])
    for k in (1, 2, n_labels):
        for by_rows in (False, True):
            found = classify(hidden, output, scoring.HS, k, threshold, children, by_rows)
            check_best(*found, scores, k, twin.shifted(threshold))


@pytest.mark.parametrize("by_rows", [False, True])
def test_norms_of_a_quantised_output_go_last_into_a_score(by_rows):
    rng = np.random.default_rng(7)
    children = huffman_tree(np.arange(40, 0, -1)).children
    hidden = rng.standard_normal((10, 5)).astype(np.float32)
    output = rng.standard_normal((40, 5)).astype(np.float32)
    scales = rng.uniform(0.1, 3, 40).astype(np.float32)
    scaled = output * scales[:, None]
    scores = np.array([twin.leaves(children.tolist(), row, scaled, 40) for row in hidden])
    found = classify(hidden, output, scoring.HS, 3, 0.0, children, by_rows, scales)
    check_best(*found, scores, 3, twin.shifted(0))
    if not by_rows:
        p = np.array([twin.softmax(row) for row in hidden @ scaled.T])
        found = classify(hidden, output, scoring.SOFTMAX, 3, 0.0, scales=scales)
        check_best(*found, np.vectorize(twin.shifted)(p), 3, -1e9)


def test_one_label():
    hidden, output = np.ones((2, 3), np.float32), np.ones((1, 3), np.float32)
    for way in (scoring.HS, scoring.SOFTMAX):
        best, values = classify(hidden, output, way, 1)
        assert best.tolist() == [[0], [0]]
        np.testing.assert_allclose(values, 1, atol=2e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 45))
def test_heap_keeps_the_highest_in_order(numbers, k):
    scores, labels = np.zeros(k + 1, np.float32), np.zeros(k + 1, np.int32)
    n = 0
    for label, score in enumerate(numbers):
        n = scoring.offer(scores, labels, n, k, np.float32(score), np.int32(label))
        assert n == min(label + 1, k)
        assert scores[:n].min() == scores[0]
    scoring.sort_heap(scores, labels, n)
    assert scores[:n].tolist() == sorted(numbers, reverse=True)[:k]
    assert [numbers[label] for label in labels[:n]] == scores[:n].tolist()
    assert len(set(labels[:n].tolist())) == n


def test_entries_of_a_file():
    entries = [(b"a", 5, 0), (b"", 2**40, 0), ("中".encode(), 0, 0), (b"__label__x", 3, 1)]
    data = b"??" + b"".join(twin.entry(*e) for e in entries)
    offsets, counts = np.empty((4, 2), np.int64), np.empty(4, np.int64)
    kinds = np.empty(4, np.int8)
    assert text.parse_entries(as_array(data), 2, offsets, counts, kinds) == len(data)
    assert [data[a:b] for a, b in offsets.tolist()] == [word for word, _, _ in entries]
    assert counts.tolist() == [count for _, count, _ in entries]
    assert kinds.tolist() == [0, 0, 0, 1]
    for end in range(2, len(data)):
        assert text.parse_entries(as_array(data[:end]), 2, offsets, counts, kinds) == -1


def test_room_is_enough_for_any_text():
    made = dictionary_of(5, 1, 6)
    rng = np.random.default_rng(3)
    for _ in range(30):
        data = as_array(bytes(rng.integers(0, 256, 60, dtype=np.uint8)) + b" a b c d e f g ")
        n_ids, n_tokens = text.most_ids(data, 0, data.size, made.lexicon.options)
        found = made.list(data, made.split(data))
        assert found.ids.size <= n_ids
        assert found.n_tokens.sum() <= n_tokens
