"""The trained model: predictions, priors, growth, threads."""

import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import reference

from fasttext_lite import fitting
from fasttext_lite import model as models
from fasttext_lite.analyzers import analyze
from fasttext_lite.config import Config, resolve
from fasttext_lite.corpus import Labels, Texts
from fasttext_lite.features import FeatureSpace
from fasttext_lite.label_tree import huffman_tree

LOSSES = ("softmax", "hs", "ova", "ns")
JIT_DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
N_LABELS = 45  # more than MAX_SELECTED


def corpus(seed=0, n=300):
    """Return texts whose words tell the label, with other words in between."""
    rng = np.random.default_rng(seed)
    ids = np.minimum(rng.zipf(1.3, n) - 1, N_LABELS - 1)
    ids[:N_LABELS] = np.arange(N_LABELS)
    texts = [f"w{i} x{rng.integers(9)} y{rng.integers(9)} w{i}{i}" for i in ids]
    return texts, [[f"label {i}"] for i in ids]


@pytest.fixture(scope="module", params=LOSSES)
def model(request):
    texts, rows = corpus()
    config = Config(loss=request.param, epochs=8, lr=0.5)
    labels = Labels.from_rows(rows)
    return fitting.fit(Texts.from_sequence(texts), labels, config, n_threads=1).model


TESTS = [*corpus(1, 60)[0], "w3 unknown", "unknown", "", "w1\nx2\r\n", "w2\0w3"]


@pytest.mark.parametrize("k", [1, 2, 7, 32, 33, 45, 1000])
@pytest.mark.parametrize("threshold", [0.0, 0.01, 0.3, 1.0])
def test_predictions_are_the_best_of_the_probabilities(model, k, threshold):
    result = model.predict(TESTS, k, threshold)
    full = model.probabilities(TESTS)
    k = min(k, N_LABELS)
    assert result.labels.shape == result.probabilities.shape == (len(TESTS), k)
    for ids, values, row in zip(result.labels, result.probabilities, full, strict=True):
        expected = reference.top_labels(row.tolist(), k, threshold)
        n = len(expected)
        np.testing.assert_allclose(values[:n], [p for _, p in expected], rtol=1e-9)
        np.testing.assert_allclose(row[ids[:n]], values[:n], rtol=1e-9)
        assert (ids[n:] == -1).all() and (values[n:] == 0).all()


def test_probabilities_are_probabilities(model):
    full = model.probabilities(TESTS)
    assert full.dtype == np.float64 and full.shape == (len(TESTS), N_LABELS)
    assert (full >= 0).all() and (full <= 1).all()
    if model.config.loss in ("softmax", "hs"):
        np.testing.assert_allclose(full.sum(1), 1, rtol=1e-12)


def test_scores_order_labels_as_probabilities_do(model):
    scores, full = model.scores(TESTS), model.probabilities(TESTS)
    if model.config.loss == "softmax":
        known = model.predict(TESTS).n_features > 0
        np.testing.assert_allclose(reference.softmax(scores[known]), full[known], rtol=1e-9)
        np.testing.assert_allclose(reference.softmax(scores[~known]), full[~known], rtol=1e-9)
    elif model.config.loss == "hs":
        np.testing.assert_allclose(np.exp(scores), full, rtol=1e-9)
    else:
        np.testing.assert_allclose(reference.sigmoid(scores), full, rtol=1e-9, atol=1e-11)


def test_a_text_without_known_feature_gets_the_prior_and_is_reported(model):
    result = model.predict(["w1", "unknown", "", " \n"], k=3)
    assert (result.n_features == 0).tolist() == [False, True, True, True]
    _, rows = corpus()
    names, counts = np.unique([row[0] for row in rows], return_counts=True)
    common = names[counts.argmax()]
    for i in (1, 2, 3):
        assert model.labels[result.labels[i, 0]] == common
        assert result.probabilities[i, 0] == pytest.approx(counts.max() / counts.sum())
        np.testing.assert_allclose(model.probabilities(["", ""])[0], model.prior)
    assert not model.embed(["unknown"]).any()


def test_newlines_are_spaces(model):
    a = model.probabilities(["w1\nx2", "w1\r\nx2", "w1\n", "\nw1"])
    b = model.probabilities(["w1 x2", "w1 x2", "w1", "w1"])
    np.testing.assert_array_equal(a, b)


def test_nothing_in_nothing_out(model):
    result = model.predict([])
    assert result.labels.shape == (0, 1) and model.probabilities([]).shape == (0, N_LABELS)
    assert model.embed([]).shape == (0, model.dim)


def test_embedding_is_the_weighted_sum_of_rows(model):
    features = model.features(TESTS)
    embedded = model.embed(TESTS)
    for i, (a, b) in enumerate(zip(features.indptr[:-1], features.indptr[1:], strict=True)):
        expected = features.weights[a:b] @ model.embeddings[features.ids[a:b]]
        np.testing.assert_allclose(embedded[i], expected, rtol=1e-4, atol=1e-6)


def test_features_can_be_shared(model):
    features = model.features(TESTS)
    np.testing.assert_array_equal(model.probabilities(features), model.probabilities(TESTS))
    np.testing.assert_array_equal(model.predict(features).labels, model.predict(TESTS).labels)


def test_threads_and_batches_do_not_change_results(model, monkeypatch):
    many = TESTS * 30
    one = model.predict(many, k=3, n_threads=1)
    monkeypatch.setattr(models, "CHUNK_SCORES", 100)
    four = model.predict(many, k=3, n_threads=4)
    np.testing.assert_array_equal(one.labels, four.labels)
    np.testing.assert_array_equal(one.probabilities, four.probabilities)


def test_many_python_threads_at_once(model):
    expected = model.predict(TESTS, k=5)
    results = []

    def work():
        for _ in range(5):
            results.append(model.predict(TESTS, k=5))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 30
    for result in results:
        np.testing.assert_array_equal(result.labels, expected.labels)
        np.testing.assert_array_equal(result.probabilities, expected.probabilities)


def test_sorting_the_labels_changes_only_their_order(model):
    ordered = model.sorted_by_label()
    assert ordered.labels == sorted(model.labels)
    place = [model.labels.index(name) for name in ordered.labels]
    np.testing.assert_allclose(
        ordered.probabilities(TESTS), model.probabilities(TESTS)[:, place], rtol=1e-12
    )
    assert ordered.label_counts.tolist() == model.label_counts[place].tolist()


@pytest.mark.parametrize("k", [0, -1, 1.5, "1", True, None])
def test_bad_k(model, k):
    with pytest.raises(ValueError, match="k must be a whole number of at least 1; got"):
        model.predict(["w1"], k=k)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), "0.5", None, True])
def test_bad_threshold(model, threshold):
    with pytest.raises(ValueError, match="threshold must be a number from 0 to 1; got"):
        model.predict(["w1"], threshold=threshold)


def test_multilabel_rows_teach_several_labels():
    texts = ["red round", "red square", "blue round", "blue square", "nothing"] * 10
    rows = [["red", "round"], ["red", "square"], ["blue", "round"], ["blue", "square"], []] * 10
    trainee = fitting.fit(
        Texts.from_sequence(texts), Labels.from_rows(rows), Config(epochs=30, lr=0.5), n_threads=1
    )
    assert trainee.model.config.loss == "ova" and trainee.model.multilabel
    result = trainee.model.predict(texts[:5], k=4, threshold=0.5)
    found = [{trainee.model.labels[i] for i in ids if i >= 0} for ids in result.labels]
    assert found == [set(row) for row in rows[:5]]


@pytest.mark.parametrize("loss", ["softmax", "hs", "ns"])
def test_multilabel_rows_share_the_probability(loss):
    texts, rows = ["red round"] * 40 + ["blue"] * 40, [["red", "round"]] * 40 + [["blue"]] * 40
    config = Config(loss=loss, epochs=10, lr=0.3, label_smoothing=0)
    fitted = fitting.fit(Texts.from_sequence(texts), Labels.from_rows(rows), config, n_threads=1)
    result = fitted.model.predict(["red round"], k=2)
    assert {fitted.model.labels[i] for i in result.labels[0]} == {"red", "round"}
    a, b = result.probabilities[0]
    assert a == pytest.approx(b, abs=0.15)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
@pytest.mark.parametrize("loss", LOSSES)
def test_growing_learns_new_words_and_keeps_the_old_model(loss, optimizer):
    texts, rows = corpus()
    labels = Labels.from_rows(rows)
    config = Config(loss=loss, optimizer=optimizer)
    first = fitting.fit(Texts.from_sequence(texts), labels, config, n_threads=1, one_pass=True)
    before = first.model.probabilities(TESTS)
    new = ["fresh words here"] * 60
    target = Labels.from_rows([["label 7"]] * 60, labels.names)
    more = fitting.fit_more(first, Texts.from_sequence(new), target, n_threads=1)
    assert more.model.predict(["fresh"]).n_features[0] > 0
    best = more.model.predict(["fresh words here"]).labels[0, 0]
    assert more.model.labels[best] == "label 7"
    assert more.model.n_texts == first.model.n_texts + 60
    assert more.model.label_counts.sum() == first.model.label_counts.sum() + 60
    np.testing.assert_array_equal(first.model.probabilities(TESTS), before)


def test_growing_is_not_taken_for_divergence():
    """Data that contradict what was learnt cost much at first, and are learnt all the same."""
    texts = Texts.from_sequence(["red apple", "green pear", "fast car", "slow bus"])
    labels = Labels.from_rows([["fruit"], ["fruit"], ["car"], ["car"]])
    config = Config(label_smoothing=0, epochs=200, lr=0.5)
    trainee = fitting.fit(texts, labels, config, n_threads=1)
    swapped = Labels.from_rows([["car"], ["car"], ["fruit"], ["fruit"]], labels.names)
    for _ in range(30):
        trainee = fitting.fit_more(trainee, texts, swapped, n_threads=1)
        assert trainee.history.restarts == 0
    found = trainee.model.predict(texts).labels[:, 0]
    assert found.tolist() == swapped.ids.tolist()


def test_growing_by_texts_without_features_changes_only_the_counts():
    texts, rows = corpus()
    labels = Labels.from_rows(rows)
    first = fitting.fit(Texts.from_sequence(texts), labels, Config(), n_threads=1)
    empty = Texts.from_sequence(["", " "])
    more = fitting.fit_more(first, empty, Labels.from_rows([["label 1"]] * 2, labels.names))
    assert more.model.n_texts == first.model.n_texts + 2
    np.testing.assert_array_equal(more.model.embeddings, first.model.embeddings)


def test_pickle_holds_no_lookup_tables(model):
    data = pickle.dumps(model)
    tables = model.embeddings.nbytes + model.output.nbytes
    assert len(data) < 1.2 * tables + 20_000
    again = pickle.loads(data)
    np.testing.assert_array_equal(again.probabilities(TESTS), model.probabilities(TESTS))


def test_each_kernel_is_compiled_once(tmp_path):
    """A second specialisation would cost every user its compile time."""
    script = """
import pickle
import numpy as np
from fasttext_lite import FastTextClassifier, FastTextTransformer, load
from fasttext_lite.kernels import features, predict, tokenize, train
for loss in ("softmax", "hs"):
    texts, labels = ["Ab c", "d é", "中 f", "x y"] * 3, [["a"], ["b"], ["c"], ["a"]] * 3
    ascii = ["Ab c", "d e", "f g", "x y"] * 3
    for X in (texts, ascii, [text.split() for text in texts]):
        for options in ({}, {"lowercase": False}, {"nfkc": True}, {"pooling": "mean"}):
            clf = FastTextClassifier(loss=loss, random_state=0, epochs=1, **options)
            clf.fit(X, [label for row in labels for label in row])
            for c in (clf, clf.partial_fit(X, [row[0] for row in labels])):
                c.predict(X), c.predict_proba(X), c.decision_function(X), c.predict(X[:1])
    clf.save("m.ftl")
    c = load("m.ftl")
    c.predict(X), c.predict_proba(X), c.model_.embed(X), c.model_.predict(X, k=3)
    c.partial_fit(X, [row[0] for row in labels]).predict(X)
kernels = [
    getattr(module, name)
    for module in (features, predict, tokenize)
    for name in dir(module)
    if hasattr(getattr(module, name), "signatures")
]
kernels += [train.make_trainer(loss, "sgd") for loss in ("softmax", "hs")]
many = {k.__name__: k.signatures for k in kernels if len(getattr(k, "signatures", ())) > 1}
print(len(kernels), many)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    count, _, many = done.stdout.strip().partition(" ")
    assert many == "{}", done.stdout + done.stderr
    assert int(count) == 2 if JIT_DISABLED else int(count) > 20


def test_label_points_are_sums_of_texts_features_projected():
    """Inner products of the points are near those of the sums of features themselves."""
    texts, rows = corpus(n=600)
    labels = Labels.from_rows(rows)
    config = resolve(Config(word_ngrams=1, maxn=0), len(labels.names), False)
    marked = analyze(Texts.from_sequence(texts), config)
    space, features = FeatureSpace.fit(marked, config)
    sums = np.zeros((len(labels.names), space.n_rows))
    for doc, label in enumerate(labels.ids):
        part = slice(features.indptr[doc], features.indptr[doc + 1])
        sums[label, features.ids[part]] += features.weights[part]
    products = [fitting.label_points(features, labels, seed) for seed in range(40)]
    estimate = np.mean([p @ p.T for p in products], axis=0) / fitting.POINT_DIM
    scale = np.linalg.norm(sums, axis=1)
    error = np.abs(estimate - sums @ sums.T) / np.outer(scale, scale)
    assert error.max() < 0.15


def test_label_points_in_parts(monkeypatch):
    texts, rows = corpus()
    rows[5] = []
    rows[6] = ["label 1", "label 2"]
    labels = Labels.from_rows(rows)
    config = Config()
    _, features = FeatureSpace.fit(analyze(Texts.from_sequence(texts), config), config)
    whole = fitting.label_points(features, labels)
    monkeypatch.setattr(fitting, "POINT_TEXTS", 7)
    parts = fitting.label_points(features, labels)
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tree", ["huffman", "cluster", "auto"])
def test_trees_to_choose_from(tree):
    texts, rows = corpus()
    labels = Labels.from_rows(rows)
    config = Config(loss="hs", tree=tree, epochs=10, lr=0.5)
    model = fitting.fit(Texts.from_sequence(texts), labels, config, n_threads=1).model
    assert model.config.tree == ("cluster" if tree == "auto" else tree)
    is_huffman = np.array_equal(model.tree.children, huffman_tree(labels.counts()).children)
    assert is_huffman == (tree == "huffman")
    assert (model.predict(texts).labels[:, 0] == labels.ids).mean() > 0.9
