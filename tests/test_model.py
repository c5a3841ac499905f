"""The trained model: predictions, priors, growth, threads."""

import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import reference

from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError, TrainingError
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting import fit, label_points, prepare
from fasttext_lite.fitting.more import fit_more
from fasttext_lite.fitting.noise import make_noise
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.model import model as models
from fasttext_lite.model import workers
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.text.analyzers import analyze

pytestmark = pytest.mark.bounds

LOSSES = ("softmax", "hs", "ova", "ns", "hinge", "squared_hinge")
HINGES = ("hinge", "squared_hinge")
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
    lr = 0.05 if request.param in HINGES else 0.5
    config = Config(loss=request.param, epochs=8, lr=lr)
    labels = Labels.from_rows(rows)
    return fit.fit(Texts.from_sequence(texts), labels, config, n_threads=1).model


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


def test_probabilities_are_the_softmax_of_scores(model):
    """Of texts with one label each, whatever the loss: one scale for all that a model says."""
    scores, full = model.scores(TESTS), model.probabilities(TESTS)
    assert model.is_distribution and model.calibration.n_texts > 250
    if model.config.loss == "hs":  # without a power, scores are log-probabilities
        plain = model.replace(calibration=Calibration(1.0))
        found = plain.probabilities(TESTS)
        np.testing.assert_allclose(np.exp(plain.scores(TESTS)), found, rtol=1e-9)
        np.testing.assert_array_equal(found.argmax(1), full.argmax(1))
    np.testing.assert_allclose(reference.softmax(scores), full, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(full.sum(1), 1, rtol=1e-9)


def test_scores_are_what_a_calibration_makes_of_inner_products(model):
    known = model.predict(TESTS).n_features > 0
    raw = model.embed(TESTS)[known].astype(float) @ model.output.T.astype(float)
    if model.config.loss == "softmax":
        calibration, expected = Calibration(0.7), 0.7 * raw
    elif model.config.loss == "hs":
        calibration = Calibration(0.7, 2.5)
        hidden = 0.7 * model.embed(TESTS)[known].astype(float)
        tree, output = model.tree.children, model.output.astype(float)
        leaves = [reference.leaf_log_probabilities(tree, output, each) for each in hidden]
        expected = 2.5 * np.array(leaves)
    else:
        calibration, expected = Calibration(0.7, 2.5), 2.5 * np.log(reference.sigmoid(0.7 * raw))
    other = model.replace(calibration=calibration)
    np.testing.assert_allclose(other.scores(TESTS)[known], expected, rtol=1e-4, atol=1e-5)
    # The prior, of texts without a known feature, is no estimate: it stays.
    found = other.probabilities(TESTS)[~known]
    np.testing.assert_allclose(found, model.probabilities(TESTS)[~known], rtol=1e-9)
    for text, row in zip(TESTS, other.probabilities(TESTS), strict=True):
        one = dict(other.predict_one(text, k=len(other.labels)))
        np.testing.assert_allclose([one[name] for name in other.labels], row, rtol=1e-6)


def test_a_model_of_the_past_judges_each_label_by_itself(model):
    """It has no calibration: probabilities of one-vs-all losses are what they were."""
    old = model.replace(calibration=None)
    known = model.predict(TESTS).n_features > 0
    raw = model.embed(TESTS)[known].astype(float) @ model.output.T.astype(float)
    found = old.probabilities(TESTS)[known]
    if model.config.loss in ("softmax", "hs"):
        assert old.is_distribution
        plain = model.replace(calibration=Calibration(1.0))
        np.testing.assert_allclose(found, plain.probabilities(TESTS)[known], rtol=1e-9)
        return
    assert not old.is_distribution
    np.testing.assert_allclose(old.scores(TESTS)[known], raw, rtol=1e-4, atol=1e-6)
    factor = 2 if model.config.loss in HINGES else 1
    np.testing.assert_allclose(found, reference.sigmoid(factor * raw), rtol=1e-4, atol=1e-9)


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


ODD_TEXTS = [
    "W3 X2 w3 w3", "w3\0w3", "\ud800 w3", "Σίσυφος ΣΑΣ w1", "İstanbul w2", "ＡＢＣ w4",
    "中文 热 w1 中", "", " ", "w1" * 3000, "w3 " * 2000, "none", "w1\u0301 é", "\x00", "w2\r\n\tw3",
]  # fmt: skip


def check_one_by_one(model):
    """The quick ways for one text and for few give what a batch gives."""
    texts = TESTS + ODD_TEXTS
    n_labels = len(model.labels)
    for k, threshold in ((1, 0.0), (3, 0.0), (3, 0.2), (n_labels, 0.0), (1000, 0.01)):
        batch = model.predict(Texts.from_sequence(texts), k, threshold)
        for i, text in enumerate(texts):
            n = np.count_nonzero(batch.labels[i] >= 0)
            one = model.predict_one(text, k, threshold)
            names = [model.labels[label] for label in batch.labels[i, :n]]
            probabilities = [p for _, p in one]
            np.testing.assert_allclose(probabilities, batch.probabilities[i, :n], atol=1e-6)
            found = model.probabilities(Texts.from_sequence([text]))[0]
            full = dict(zip(model.labels, found, strict=True))
            for (name, _), expected in zip(one, names, strict=True):  # near ties may swap
                assert name == expected or abs(full[name] - full[expected]) < 1e-6
            few = model.predict([text], k, threshold)
            assert few.labels.dtype == batch.labels.dtype
            assert few.labels.shape == batch.labels[i : i + 1].shape
            assert few.n_features.tolist() == batch.n_features[i : i + 1].tolist()
            np.testing.assert_allclose(few.probabilities[0], batch.probabilities[i], atol=1e-6)
    few, counts = model.judge(texts[:9])
    whole, all_counts = model.judge(Texts.from_sequence(texts))
    np.testing.assert_allclose(few, whole[:9], atol=1e-6)
    assert counts.tolist() == all_counts[:9].tolist()


def test_one_text_as_in_a_batch(model):
    check_one_by_one(model)
    assert model._quick is not None
    assert model.predict_one("w1") == model.predict_one("W1")


@pytest.mark.parametrize(
    ("changes", "quick"),
    [
        ({"analyzer": "whitespace"}, True),
        ({"analyzer": "char", "word_ngrams": 3}, True),
        ({"pooling": "mean", "eos": True}, True),
        ({"pooling": "tfidf", "minn": 2, "maxn": 4, "bucket": 1000}, True),
        ({"pooling": "blocks", "minn": 1, "maxn": 3, "boundaries": True}, True),
        ({"head": "learned", "dim": 7, "bias": True, "dtype": "float16"}, True),
        ({"lowercase": False, "min_df": 2, "word_ngrams": 1}, True),
        ({"nfkc": True}, False),
        ({"norm": "layer"}, False),
        ({"units": 5}, False),
    ],
    ids=str,
)
def test_one_text_under_other_settings(changes, quick):
    texts, rows = corpus()
    texts = [text.replace("y", "中Y") for text in texts]
    config = Config(epochs=3, **changes)
    labels = Labels.from_rows(rows)
    model = fit.fit(Texts.from_sequence(texts), labels, config, n_threads=1).model
    assert (model._quick is not None) == quick
    check_one_by_one(model)


def test_what_is_no_text(model):
    for wrong in (None, 3, b"w1", ["w1"]):
        with pytest.raises(TypeError, match="text must be str; got"):
            model.predict_one(wrong)
    with pytest.raises(TypeError, match="text at position 1 must be str"):
        model.predict(["w1", None])
    with pytest.raises(ValueError, match="k must be"):
        model.predict_one("w1", k=True)


def test_one_text_in_many_threads_from_the_first_call_on(model):
    """Tables that are made on first use may be made by several threads at once."""
    texts = (TESTS + ODD_TEXTS) * 3
    expected = [model.predict_one(text, k=3) for text in texts]
    fresh = pickle.loads(pickle.dumps(model))
    start, found = threading.Barrier(8), [None] * 8

    def work(i):
        start.wait()
        found[i] = [fresh.predict_one(text, k=3) for text in texts]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


@pytest.mark.parametrize(
    ("megabytes", "n_codes", "most_codes"),
    [(6, 8, 1 << 20), (0.003, 4096, 1 << 20), (0, 8, 64)],
)
def test_memory_and_room_do_not_change_results(monkeypatch, megabytes, n_codes, most_codes):
    """Words that are remembered have the rows that they have at first, to the last bit."""
    texts, rows = corpus()
    config = Config(epochs=3, minn=2, maxn=4, word_ngrams=2)
    labels = Labels.from_rows(rows)
    model = fit.fit(Texts.from_sequence(texts), labels, config, n_threads=1).model
    texts = (TESTS + ODD_TEXTS + [" ".join(texts[i:]) for i in range(0, 200, 40)]) * 2
    expected = model.predict(Texts.from_sequence(texts), 3)
    one_by_one = [model.predict_one(text, 3) for text in texts]
    monkeypatch.setattr(workers, "N_CODES", n_codes)
    monkeypatch.setattr(workers, "MOST_CODES", most_codes)
    other = pickle.loads(pickle.dumps(model))
    other.predict_one("a")
    other.cache = megabytes
    assert other.cache == megabytes
    assert other._workers.n_entries * 64 + other._workers.n_remembered * 4 <= max(
        megabytes * (1 << 20), 64 * workers.LEAST_ENTRIES
    )
    for _ in range(2):
        found = other.predict(Texts.from_sequence(texts), 3, n_threads=2)
        for name in ("labels", "probabilities", "n_features"):
            assert np.array_equal(getattr(found, name), getattr(expected, name))
        assert [other.predict_one(text, 3) for text in texts] == one_by_one
        again = [other.predict([text], 3).rows()[0] for text in texts]
        assert [[name for name, _ in row] for row in again] == [
            [name for name, _ in row] for row in one_by_one
        ]
    assert 1 <= len(other._workers.idle) <= 2
    assert pickle.loads(pickle.dumps(other)).cache == other.replace().cache == megabytes
    for bad in (0, -2):
        with pytest.raises(ValueError, match="threads must be at least 1"):
            other.predict_batch(["a"], threads=bad)
    for bad in (-1, None, "6", True, 1 << 20):
        with pytest.raises(ValueError, match="cache is the megabytes"):
            other.cache = bad


def test_a_worker_that_was_lost_is_no_harm(model):
    other = pickle.loads(pickle.dumps(model))
    expected = other.predict_one("w1 x2", 2)
    other._workers.idle.clear()
    assert other.predict_one("w1 x2", 2) == expected
    weights = np.full_like(model.embeddings, np.nan)
    broken = model.replace(embeddings=weights)
    for _ in range(2):
        with pytest.raises(ModelError, match="not finite"):
            broken.predict_one("w1")
        with pytest.raises(ModelError, match="not finite"):
            broken.predict(["w1"])
        with pytest.raises(ModelError, match="not finite"):
            broken.predict(["w1"] * 1000)
        assert broken.predict_one("unknown") == model.predict_one("unknown")


def test_texts_of_classes_derived_from_str(model):
    class Text(str):
        __slots__ = ()

        def __str__(self):
            return "w2"

    assert model.predict_one(Text("w1 x1"), 2) == model.predict_one("w1 x1", 2)
    assert model.predict_one(np.str_("w1 x1"), np.int64(2)) == model.predict_one("w1 x1", 2)
    assert model.predict_one("w1", 1, 0) == model.predict_one("w1", 1, np.float32(0))


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


@pytest.mark.parametrize("k", [0, -2, 1.5, "1", True, None])
def test_bad_k(model, k):
    with pytest.raises(ValueError, match="k must be a whole number of at least 1, or -1 for all"):
        model.predict(["w1"], k=k)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), "0.5", None, True])
def test_bad_threshold(model, threshold):
    with pytest.raises(ValueError, match="threshold must be a number from 0 to 1; got"):
        model.predict(["w1"], threshold=threshold)


@pytest.mark.parametrize(
    ("loss", "lr"), [("auto", None), ("ova", 0.5), ("hinge", None), ("squared_hinge", None)]
)
@pytest.mark.parametrize("head", ["auto", "learned"])
def test_multilabel_rows_teach_several_labels(loss, lr, head):
    texts = ["red round", "red square", "blue round", "blue square", "nothing"] * 10
    rows = [["red", "round"], ["red", "square"], ["blue", "round"], ["blue", "square"], []] * 10
    config = Config(loss=loss, head=head, epochs=30, lr=lr)
    trainee = fit.fit(Texts.from_sequence(texts), Labels.from_rows(rows), config, n_threads=1)
    assert trainee.model.config.loss == ("squared_hinge" if loss == "auto" else loss)
    assert trainee.model.config.head == ("linear" if head == "auto" else head)
    assert trainee.model.multilabel
    result = trainee.model.predict(texts[:5], k=4, threshold=0.5)
    found = [{trainee.model.labels[i] for i in ids if i >= 0} for ids in result.labels]
    assert found == [set(row) for row in rows[:5]]


@pytest.mark.parametrize("loss", ["softmax", "hs", "ns"])
def test_multilabel_rows_share_the_probability(loss):
    texts, rows = ["red round"] * 40 + ["blue"] * 40, [["red", "round"]] * 40 + [["blue"]] * 40
    config = Config(loss=loss, epochs=10, lr=0.3, label_smoothing=0)
    fitted = fit.fit(Texts.from_sequence(texts), Labels.from_rows(rows), config, n_threads=1)
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
    first = fit.fit(Texts.from_sequence(texts), labels, config, n_threads=1, one_pass=True)
    before = first.model.probabilities(TESTS)
    new = ["fresh words here"] * 60
    target = Labels.from_rows([["label 7"]] * 60, labels.names)
    more = fit_more(first, Texts.from_sequence(new), target, n_threads=1)
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
    trainee = fit.fit(texts, labels, config, n_threads=1)
    swapped = Labels.from_rows([["car"], ["car"], ["fruit"], ["fruit"]], labels.names)
    for _ in range(30):
        trainee = fit_more(trainee, texts, swapped, n_threads=1)
        assert trainee.history.restarts == 0
    found = trainee.model.predict(texts).labels[:, 0]
    assert found.tolist() == swapped.ids.tolist()


def test_growing_by_texts_without_features_changes_only_the_counts():
    texts, rows = corpus()
    labels = Labels.from_rows(rows)
    first = fit.fit(Texts.from_sequence(texts), labels, Config(), n_threads=1)
    empty = Texts.from_sequence(["", " "])
    more = fit_more(first, empty, Labels.from_rows([["label 1"]] * 2, labels.names))
    assert more.model.n_texts == first.model.n_texts + 2
    np.testing.assert_array_equal(more.model.embeddings, first.model.embeddings)


def test_pickle_holds_no_lookup_tables(model):
    data = pickle.dumps(model)
    tables = model.embeddings.nbytes + model.output.nbytes
    assert len(data) < 1.2 * tables + 20_000
    again = pickle.loads(data)
    np.testing.assert_array_equal(again.probabilities(TESTS), model.probabilities(TESTS))


def test_the_state_of_older_pickles_is_read(model):
    """It was a tuple of all arguments in their order; those that came later have defaults."""
    names = [
        "config", "labels", "label_counts", "n_texts", "space", "embeddings", "output", "tree",
        "multilabel", "norm", "layer", "packed",
    ]  # fmt: skip
    for known in (names, names[:10]):
        again = object.__new__(models.Model)
        again.__setstate__(tuple(getattr(model, name) for name in known))
        old = model.replace(calibration=None)
        np.testing.assert_array_equal(again.probabilities(TESTS), old.probabilities(TESTS))


def test_replace_changes_what_is_named_and_keeps_the_rest(model):
    odd = model.replace(label_counts=[1] * len(model.labels), multilabel=True)
    assert (odd.multilabel, odd.label_counts.sum()) == (True, len(model.labels))
    assert odd.space is model.space and odd.tree is model.tree
    np.testing.assert_array_equal(odd.embeddings, model.embeddings)
    assert not model.multilabel and model.label_counts.sum() > len(model.labels)
    with pytest.raises(TypeError, match="positional"):
        models.Model(model.config, model.labels)
    with pytest.raises(TypeError, match="unexpected keyword"):
        model.replace(weights=None)


def test_each_kernel_is_compiled_once(tmp_path):
    """A second specialisation would cost every user its compile time."""
    script = """
import pickle
import numpy as np
from fasttext_lite import FastTextClassifier, FastTextTransformer, load
from fasttext_lite.features.kernels import codes, gains, rows, weighing
from fasttext_lite.model.kernels import classify, predict, remember
from fasttext_lite.text.kernels import tokens
from fasttext_lite.training.kernels import general
from fasttext_lite.training.composition import compose
trainers = set()
for loss in ("auto", "softmax", "hs"):
    texts, labels = ["Ab c", "d é", "中 f", "x y"] * 3, [["a"], ["b"], ["c"], ["a"]] * 3
    ascii = ["Ab c", "d e", "f g", "x y"] * 3
    for X in (texts, ascii, [text.split() for text in texts]):
        mean = {"pooling": "mean", "head": "linear"}  # by itself, the mean takes another head
        changes = {"lowercase": False}, {"nfkc": True}, mean, {"word_dropout": 0.1}
        for options in ({}, *changes):
            clf = FastTextClassifier(loss=loss, random_state=0, epochs=1, **options)
            clf.fit(X, [label for row in labels for label in row])
            trainers.add(general.make_trainer(compose(clf.model_.config)))
            for c in (clf, clf.partial_fit(X, [row[0] for row in labels])):
                c.predict(X), c.predict_proba(X), c.decision_function(X), c.predict(X[:1])
                c.predict_proba(X[:1]), c.predict(X * 9), c.predict_proba(X * 9)
    clf.save("m.ftl")
    c = load("m.ftl")
    c.predict(X), c.predict_proba(X), c.model_.embed(X), c.model_.predict(X, k=3)
    c.partial_fit(X, [row[0] for row in labels]).predict(X)
kernels = [
    getattr(module, name)
    for module in (classify, codes, gains, rows, weighing, predict, remember, tokens)
    for name in dir(module)
    if hasattr(getattr(module, name), "signatures")
]
assert len(trainers) == 3
kernels += trainers
# Those that other kernels call are compiled with them, and cached with them.
called = {name for k in kernels if hasattr(k, "py_func") for name in k.py_func.__code__.co_names}
many = {
    k.__name__: k.signatures
    for k in kernels
    if len(getattr(k, "signatures", ())) > 1 and k.__name__ not in called
}
print(len(kernels), many)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    count, _, many = done.stdout.strip().partition(" ")
    assert many == "{}", done.stdout + done.stderr
    assert int(count) == 3 if JIT_DISABLED else int(count) > 20


def features_of(texts, labels, **changes):
    """Return a feature space of texts, and their features in it."""
    config = resolve(Config(**changes), len(labels.names), labels.is_multilabel, 5.0)
    return FeatureSpace.fit(analyze(Texts.from_sequence(texts), config), config, 1, labels)


def test_label_points_are_sums_of_texts_vectors():
    texts, rows = corpus(n=200)
    rows[5] = []
    rows[6] = ["label 1", "label 2"]
    labels = Labels.from_rows(rows)
    space, features = features_of(texts, labels)
    embeddings = np.random.default_rng(0).normal(size=(space.n_rows, 6)).astype(np.float32)
    expected = np.zeros((len(labels.names), 6))
    for doc in range(len(texts)):
        part = slice(features.indptr[doc], features.indptr[doc + 1])
        vector = features.weights[part].astype(float) @ embeddings[features.ids[part]]
        for label in labels.ids[labels.indptr[doc] : labels.indptr[doc + 1]]:
            expected[label] += vector
    found = label_points.label_points(features, labels, embeddings)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_label_points_in_parts(monkeypatch):
    texts, rows = corpus()
    rows[5] = []
    rows[6] = ["label 1", "label 2"]
    labels = Labels.from_rows(rows)
    space, features = features_of(texts, labels)
    embeddings = np.random.default_rng(0).normal(size=(space.n_rows, 6)).astype(np.float32)
    whole = label_points.label_points(features, labels, embeddings)
    monkeypatch.setattr(label_points, "POINT_TEXTS", 7)
    parts = label_points.label_points(features, labels, embeddings, n_threads=2)
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-4)


def test_labels_with_the_same_words_are_close_in_the_tree():
    """Eight labels in four pairs; the words of a pair's labels differ in one of four."""
    names = [f"{pair}{side}" for pair in "abcd" for side in "xy"]
    texts = [f"{name[0]}1 {name[0]}2 {name[0]}3 {name}" for name in names * 40]
    labels = Labels.from_rows([[name] for name in names * 40])
    config = Config(loss="hs", tree="linkage", epochs=3, maxn=0)
    model = fit.fit(Texts.from_sequence(texts), labels, config, n_threads=1).model
    pairs = {frozenset((labels.names.index(p + "x"), labels.names.index(p + "y"))) for p in "abcd"}
    assert pairs <= {frozenset(children) for children in model.tree.children.tolist()}


@pytest.mark.parametrize("tree", ["huffman", "cluster", "linkage", "auto"])
def test_trees_to_choose_from(tree):
    texts, rows = corpus()
    labels = Labels.from_rows(rows)
    config = Config(loss="hs", tree=tree, epochs=10, lr=0.5)
    model = fit.fit(Texts.from_sequence(texts), labels, config, n_threads=1).model
    assert model.config.tree == ("linkage" if tree == "auto" else tree)
    is_huffman = np.array_equal(model.tree.children, huffman_tree(labels.counts()).children)
    assert is_huffman == (tree == "huffman")
    assert (model.predict(texts).labels[:, 0] == labels.ids).mean() > 0.9


# -- recipe: bias, noise, pruning ------------------------------------------------------------


def test_the_bias_is_not_counted_as_a_known_feature():
    texts, rows = corpus()
    config = Config(word_ngrams=1, maxn=0, epochs=1)
    labels = Labels.from_rows(rows)
    with_bias = fit.fit(Texts.from_sequence(texts), labels, config, n_threads=1).model
    without = fit.fit(
        Texts.from_sequence(texts), labels, config.replace(bias=False), n_threads=1
    ).model
    queries = ["w1 x2", "w1 w1", "w1 none", "none", ""]
    assert with_bias.space.has_bias and not without.space.has_bias
    for model in (with_bias, without):
        assert model.predict(queries).n_features.tolist() == [2, 1, 1, 0, 0]
        np.testing.assert_allclose(model.probabilities(["none", ""]), [model.prior] * 2)


def noisy_corpus(**changes):
    texts, rows = corpus(n=150)
    config = Config(epochs=4, dim=16, **changes)
    return Texts.from_sequence(texts), Labels.from_rows(rows), config


@pytest.mark.parametrize("noise", [{"word_dropout": 0.3}, {"word_swap": 0.5}])
def test_noise_reaches_the_training(noise):
    texts, labels, config = noisy_corpus(**noise)
    models = [fit.fit(texts, labels, config, seed=seed, n_threads=1).model for seed in (1, 1, 2)]
    plain = fit.fit(texts, labels, config.replace(word_dropout=0.0, word_swap=0.0), seed=1,
                        n_threads=1).model  # fmt: skip
    assert models[0].embeddings.tobytes() == models[1].embeddings.tobytes()
    assert models[0].embeddings.tobytes() != models[2].embeddings.tobytes()
    assert models[0].embeddings.tobytes() != plain.embeddings.tobytes()
    # The vocabulary is that of the texts themselves.
    assert models[0].space.row_codes.tolist() == plain.space.row_codes.tolist()
    assert models[0].space.frequency.tolist() == plain.space.frequency.tolist()


def test_noise_is_new_in_each_epoch_whatever_the_threads():
    texts, labels, config = noisy_corpus(word_dropout=0.4, word_swap=0.3)
    prepared = prepare.prepare(texts, labels, config)
    assert prepared.marked is not None
    one = make_noise(prepared, prepared.config, 5, 1)
    three = make_noise(prepared, prepared.config, 5, 3)
    other = make_noise(prepared, prepared.config, 6, 1)
    for epoch in (0, 1):
        np.testing.assert_array_equal(one(epoch).ids, three(epoch).ids)
        np.testing.assert_array_equal(one(epoch).weights, three(epoch).weights)
        assert len(one(epoch)) == len(texts)
        assert one(epoch).ids.tolist() != other(epoch).ids.tolist()
    assert one(0).ids.tolist() != one(1).ids.tolist()
    assert one(0).ids.size < prepared.features.ids.size


def test_noise_must_be_known_when_features_are_prepared():
    texts, labels, config = noisy_corpus()
    prepared = prepare.prepare(texts, labels, config)
    assert prepared.marked is None and make_noise(prepared, config, 0, 1) is None
    for changes in ({"word_dropout": 0.1}, {"word_swap": 0.1}):
        with pytest.raises(ValueError, match="must be set when the features are prepared"):
            fit.fit_prepared(prepared, config.replace(**changes))
    noisy = prepare.prepare(texts, labels, config.replace(word_dropout=0.1))
    plain = noisy.config.replace(word_dropout=0.0)
    assert fit.fit_prepared(noisy, plain, n_threads=1).model.config.word_dropout == 0


def test_noise_beside_texts_that_are_set_aside():
    texts, labels, config = noisy_corpus(word_dropout=0.2, patience=3, valid_fraction=0.2)
    prepared = prepare.prepare(texts, labels, config)
    trainee = fit.fit_prepared(prepared, n_threads=1)
    assert trainee.model.label_counts.sum() < len(texts)
    assert np.isfinite(trainee.model.embeddings).all()


def test_all_words_left_out_is_no_error():
    texts, labels, config = noisy_corpus(word_dropout=0.99)
    model = fit.fit(texts, labels, config, n_threads=1).model
    assert np.isfinite(model.probabilities(TESTS)).all()


L1 = {"lr": 0.2, "epochs": 3, "word_ngrams": 1, "maxn": 0}


@pytest.mark.parametrize("head", ["linear", "learned"])
def test_l1_prunes_rows_whose_weights_are_all_zero(head):
    texts, rows = ["w1 x1 y2", "w2 x1 y1", "w3 x2 y1"] * 30, [["a"], ["b"], ["c"]] * 30
    texts, labels = Texts.from_sequence([*texts, "once w1"]), Labels.from_rows([*rows, ["a"]])
    config = Config(**L1, head=head)
    whole = fit.fit(texts, labels, config, n_threads=1)
    trainee = fit.fit(texts, labels, config.replace(l1=0.02), n_threads=1)
    model, space = trainee.model, trainee.model.space
    assert 0 < space.n_rows < whole.model.space.n_rows
    assert model.embeddings.any(axis=1).all()
    assert len(model.embeddings) == space.n_rows == len(trainee.weights.embeddings)
    assert space.gains.shape == space.frequency.shape == (space.n_rows,)
    assert (model.predict(["w1", "w2", "w3"]).labels[:, 0] == labels.ids[:3]).all()
    known = model.predict(["once"]).n_features[0] > 0
    assert known == (space.words().index(b"once") in space.row_codes)
    assert np.allclose(model.probabilities(["none"]), model.prior)


def test_l1_that_leaves_nothing():
    texts, rows = corpus()
    config = Config(**L1, l1=1.0)
    with pytest.raises(TrainingError, match="l1=1 set all weights to 0; give a smaller one"):
        fit.fit(Texts.from_sequence(texts), Labels.from_rows(rows), config, n_threads=1)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "adam"])
def test_growing_after_pruning(optimizer):
    texts, rows = ["w1 x1 y2", "w2 x1 y1", "w3 x2 y1"] * 30, [["a"], ["b"], ["c"]] * 30
    labels = Labels.from_rows(rows)
    config = Config(**{**L1, "lr": None}, optimizer=optimizer, l1=0.05)
    first = fit.fit(Texts.from_sequence(texts), labels, config, n_threads=1)
    before = first.model.probabilities(texts[:3])
    more = Texts.from_sequence(["x1 y1 fresh"] * 60)
    second = fit_more(first, more, Labels.from_rows([["c"]] * 60, labels.names), n_threads=1)
    n = first.model.space.n_rows
    space = second.model.space
    assert space.row_codes[:n].tolist() == [
        code + (code >= first.model.space.n_words) for code in first.model.space.row_codes
    ]
    assert second.model.predict(["fresh x1 y1"]).n_features[0] == 3
    assert second.model.labels[second.model.predict(["fresh"]).labels[0, 0]] == "c"
    np.testing.assert_array_equal(first.model.probabilities(texts[:3]), before)


@pytest.mark.parametrize("loss", HINGES)
def test_hinge_losses_reach_their_margin_and_stop(loss):
    """On data that can be told apart, scores come to the margin and stay near it."""
    texts, rows = ["red round", "blue square"] * 20, [["a"], ["b"]] * 20
    config = Config(loss=loss, epochs=100, schedule="constant")
    labels = Labels.from_rows(rows)
    model = fit.fit(Texts.from_sequence(texts), labels, config, n_threads=1).model
    scores = model.embed(texts[:2])[:, :2]
    right, wrong = scores[[0, 1], labels.ids[:2]], scores[[0, 1], 1 - labels.ids[:2]]
    assert (right > 0.9).all() and (right < 1.6).all()
    assert (wrong < -0.9).all() and (wrong > -1.6).all()
    full = model.probabilities([*texts[:2], "red square"])
    assert ((full > 0) & (full < 1)).all()
    order = np.argsort(model.scores(["red", "blue", "red square"]), axis=None)
    ranked = model.probabilities(["red", "blue", "red square"]).ravel()[order]
    assert (np.diff(ranked) >= 0).all()


# -- all labels ------------------------------------------------------------------------------
@pytest.mark.parametrize("threshold", [0.0, 0.3])
def test_k_of_minus_one_is_all_labels(model, threshold):
    n = len(model.labels)
    every, named = (model.predict(TESTS, k, threshold) for k in (-1, n))
    np.testing.assert_array_equal(every.labels, named.labels)
    np.testing.assert_array_equal(every.probabilities, named.probabilities)
    for text in TESTS:
        assert model.predict_one(text, -1, threshold) == model.predict_one(text, n, threshold)
    assert models.most_texts(n, -1) == models.most_texts(n, n) < models.most_texts(n, 1)


def test_names_and_rows_of_predictions(model):
    for texts in (TESTS[:2], TESTS * 20):  # one after another, and together
        found = model.predict(texts, 2, 0.3)
        assert found.rows() == [
            [(model.labels[i], p) for i, p in zip(ids, values, strict=True) if i >= 0]
            for ids, values in zip(found.labels.tolist(), found.probabilities.tolist(), strict=True)
        ]
        assert found.names == [[name for name, _ in row] for row in found.rows()]
    for (name, p), (expected, q) in zip(
        found.rows()[0], model.predict_one(TESTS[0], 2, 0.3), strict=True
    ):
        assert name == expected and p == pytest.approx(q)


def test_a_beam_is_narrow_or_wide_and_told_from_none():
    rng = np.random.default_rng(4)
    labels = [f"l{i % 40}" for i in range(200)]
    texts = [f"{label} {label}a {rng.integers(9)}" for label in labels]
    model = fit.fit(
        Texts.from_sequence(texts), Labels.from_rows([[label] for label in labels]),
        Config(loss="hs", dim=8, maxn=0, recipe="fixed"), n_threads=1,
    ).model  # fmt: skip
    noise = 0.1 * rng.standard_normal(model.output.shape)  # nothing is sure
    model = model.replace(output=noise.astype(np.float32), calibration=None)
    asked = [*texts[:40], "zzz"]
    exact = model.predict(asked, 1)
    narrow, wide = model.replace(), model.replace()
    narrow.beam, wide.beam = 1, 40
    assert (model.beam, narrow.beam, wide.beam) == (0, 1, 40)
    np.testing.assert_array_equal(wide.predict(asked, 1).labels, exact.labels)
    found = narrow.predict(asked, 1)  # many at a time
    assert not np.array_equal(found.labels, exact.labels)
    np.testing.assert_array_equal(found.labels[-1], exact.labels[-1])  # the prior's
    for text, row in zip(asked, found.rows(), strict=True):  # and one by one
        one = narrow.predict_one(text, 1)
        assert [name for name, _ in one] == [name for name, _ in row]
        assert [p for _, p in one] == pytest.approx([p for _, p in row])
    again = pickle.loads(pickle.dumps(narrow))
    assert again.beam == narrow.replace(multilabel=True).beam == 1
    assert pickle.loads(pickle.dumps(model)).beam == 0
    for wrong in (-1, 2.5, True, 5000, "3"):
        with pytest.raises(ValueError, match="beam must be a whole number from 1 to 4,096, or 0"):
            model.beam = wrong
    model.beam = np.int64(2)
    assert model.predict(asked, 3).labels.shape == (41, 3)
