"""Models that start from what an encoder knows of their texts."""

import dataclasses
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting.fit import fit, fit_prepared
from fasttext_lite.fitting.more import fit_more
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.fitting.quantize import quantize_model
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.model.storage import load_model, save_model
from fasttext_lite.teaching import encoded, ridge, unlabelled_fold
from fasttext_lite.teaching.encoded import Knowledge, fit_slopes, reduced
from fasttext_lite.teaching.fit import Beside, fit_beside
from fasttext_lite.teaching.fold import Encoded, Way, as_linear, fit_folded, fold
from fasttext_lite.teaching.pool import Pool
from fasttext_lite.teaching.ridge import fit_ridge, multiplied
from fasttext_lite.teaching.unlabelled import Taught
from fasttext_lite.teaching.unlabelled_fold import fold_taught
from fasttext_lite.text.analyzers import analyze

NAMES = ["food", "money", "sport", "travel"]
PLAIN = Config(maxn=0, word_ngrams=1, recipe="fixed")


def corpus(n=400, seed=0, n_words=150, dim=12):
    """Return texts of words that are rare, their labels, and embeddings that know the words.

    Three in ten words are those of other labels, which an encoder knows and labels do not say.
    """
    rng = np.random.default_rng([seed, n])
    means = np.random.default_rng(9).standard_normal((len(NAMES), dim))
    ids = np.arange(n) % len(NAMES)
    words = rng.integers(0, n_words, (n, 4))
    stray = rng.random(words.shape) < 0.3
    topics = np.where(stray, rng.integers(0, len(NAMES), words.shape), ids[:, None])
    names = np.char.add(np.char.add(np.char.mod("w%d", topics), "x"), np.char.mod("%d", words))
    texts = Texts.from_sequence([" ".join(row) for row in names.tolist()])
    vectors = means[topics].mean(axis=1) + 0.1 * rng.standard_normal((n, dim))
    labels = Labels(ids.astype(np.int32), np.arange(n + 1), NAMES)
    return texts, labels, vectors.astype(np.float32)


def accuracy(model, seed=5):
    texts, labels, _ = corpus(2_000, seed)
    return float((model.predict(texts).labels[:, 0] == labels.ids).mean())


def dense(features, n_rows):
    table = np.zeros((len(features), n_rows))
    for i in range(len(features)):
        part = slice(features.indptr[i], features.indptr[i + 1])
        table[i, features.ids[part]] = features.weights[part]
    return table


def dense_ridge(x, targets, penalty, weights):
    heavy = x.T * weights
    return np.linalg.solve(heavy @ x + penalty * np.eye(x.shape[1]), heavy @ targets)


# -- the regression --------------------------------------------------------------------------
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 9), st.booleans())
def test_the_ridge_is_the_dense_one(seed, n_texts, n_rows, is_weighed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_texts, n_rows)) * (rng.random((n_texts, n_rows)) < 0.5)
    docs, ids = np.nonzero(x)
    indptr = np.searchsorted(docs, np.arange(n_texts + 1))
    features = FeatureMatrix(ids.astype(np.int32), x[docs, ids].astype(np.float32), indptr)
    targets = rng.standard_normal((n_texts, 3)).astype(np.float32)
    weights = rng.integers(0, 3, n_texts) / 2 if is_weighed else None
    before, ridge.NEAR = ridge.NEAR, 1e-5
    try:
        found = fit_ridge(features, n_rows, targets, 0.7, weights)
    finally:
        ridge.NEAR = before
    expected = dense_ridge(x, targets, 0.7, np.ones(n_texts) if weights is None else weights)
    np.testing.assert_allclose(found.rows(np.eye(3, dtype=np.float32)), expected, atol=1e-4)


def test_columns_may_be_solved_some_at_a_time(monkeypatch):
    texts, labels, vectors = corpus(100, dim=40)
    prepared = prepare(texts, labels, PLAIN)
    features, n = prepared.features, prepared.space.n_rows
    whole = fit_ridge(features, n, vectors, 1.0, n_threads=2)
    monkeypatch.setattr(ridge, "MOST_BYTES", 0)
    monkeypatch.setattr(ridge, "NEAR", 1e-4)
    parts = fit_ridge(features, n, vectors, 1.0)
    monkeypatch.setattr(ridge, "MOST_BYTES", 1 << 28)
    np.testing.assert_allclose(
        parts.coefficients, fit_ridge(features, n, vectors, 1.0).coefficients, atol=1e-3
    )
    assert np.abs(whole.coefficients - parts.coefficients).max() < 0.1 * np.abs(vectors).max()


def test_vectors_are_reduced_to_their_principal_components():
    rng = np.random.default_rng(3)
    vectors = (rng.standard_normal((60, 8)) * [9, 5, 3, 1, 1, 1, 1, 1] + 2).astype(np.float16)
    found = reduced(vectors, 3)
    unit = vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    unit -= unit.mean(axis=0)
    u, s, _ = np.linalg.svd(unit, full_matrices=False)
    expected = u[:, :3] * s[:3]
    expected /= np.sqrt((expected**2).sum(axis=1).mean())
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found, signs * expected, atol=2e-3)
    assert reduced(vectors, 100).shape == (60, 8)
    vectors[7] = 0
    assert not reduced(vectors, 3)[7].any()


# -- where training starts -------------------------------------------------------------------
@pytest.mark.parametrize("head", ["linear", "learned"])
@pytest.mark.parametrize("loss", ["softmax", "ova", "ns", "hinge", "squared_hinge"])
def test_training_starts_from_what_is_known(monkeypatch, loss, head):
    """Its scores are x E V' for each loss and both heads, over the scale of the loss."""
    monkeypatch.setattr(ridge, "NEAR", 1e-5)
    texts, labels, vectors = corpus(80, n_words=10)
    prepared = prepare(texts, labels, PLAIN.replace(loss=loss, head=head, lr=1e-30))
    found = reduced(vectors)
    weights = np.where(np.arange(80) % 3, 1, 0.5).astype(np.float32)
    prepared = dataclasses.replace(prepared, doc_weights=weights)
    taught = fold(prepared, Encoded(found), Way(0.5, 1.0))
    model = fit_prepared(taught, n_threads=1).model  # which hardly moves
    x = dense(prepared.features, prepared.space.n_rows)
    penalty = encoded.PENALTY * (x**2).sum() / len(x)
    rows = dense_ridge(x, found, penalty, weights)
    slopes = fit_slopes(found, labels, weights, multilabel=False)
    expected = x @ rows @ slopes.T * 0.5 / model.loss.scale
    scores = model.embed(prepared.features) @ model.output.T
    np.testing.assert_allclose(scores, expected, atol=2e-3 * np.abs(expected).max())
    assert model.config.head == head


def test_a_small_dim_takes_the_first_components():
    texts, labels, vectors = corpus(80)
    prepared = prepare(texts, labels, PLAIN.replace(head="learned", dim=5))
    taught = fold(prepared, Encoded(reduced(vectors)))
    assert taught.start.embeddings.shape == (prepared.space.n_rows, 5)
    assert taught.start.output.shape == (4, 5)
    assert fit_prepared(taught).model.dim == 5


def test_texts_of_weight_0_are_not_learnt_from():
    texts, labels, vectors = corpus(90)
    weights = (np.arange(90) < 60).astype(np.float32)
    prepared = dataclasses.replace(prepare(texts, labels, PLAIN), doc_weights=weights)
    found = reduced(vectors)
    other = found.copy()
    other[60:] = 7
    starts = [fold(prepared, Encoded(each)).start.embeddings for each in (found, other)]
    np.testing.assert_array_equal(*starts)


def test_unlabelled_texts_say_what_features_mean():
    texts, labels, vectors = corpus(60, n_words=300)
    others, _, more = corpus(3_000, 1, n_words=300)
    prepared = prepare(texts, labels, PLAIN)
    found = reduced(np.concatenate([vectors, more]))
    alone = Knowledge.of(prepared, found[:60])
    both = Encoded(found, others).knowledge(prepared)
    assert len(both.ridge.coefficients) == 3_060
    np.testing.assert_array_equal(alone.slopes, both.slopes)
    unseen, _, truth = corpus(500, 2, n_words=300)
    truth = reduced(np.concatenate([vectors, more, truth]))[-500:]
    features = prepared.space.transform(analyze(unseen, PLAIN))

    def likeness(knowledge):
        said = multiplied(features, knowledge.ridge.rows(np.eye(found.shape[1], dtype=np.float32)))
        return float((said * truth).sum() / np.linalg.norm(said) / np.linalg.norm(truth))

    assert likeness(both) > likeness(alone) + 0.05


def test_many_labels_are_told_apart_by_their_means(monkeypatch):
    monkeypatch.setattr(encoded, "MOST_WORK", 0)
    _, labels, vectors = corpus(200)
    labels = dataclasses.replace(labels, names=[*NAMES, "none"])
    found = reduced(vectors)
    weights = 1 + np.arange(200) % 2
    slopes = fit_slopes(found, labels, weights, multilabel=False)
    means = np.stack([
        np.average(found[labels.ids == k], axis=0, weights=weights[labels.ids == k])
        for k in range(4)
    ])  # fmt: skip
    away = found - means[labels.ids]
    within = (away.T * weights) @ away / weights.sum()
    within += encoded.SHRINKAGE * np.trace(within) / len(within) * np.eye(len(within))
    center = np.average(found, axis=0, weights=weights)
    np.testing.assert_allclose(slopes[:4], np.linalg.solve(within, (means - center).T).T, rtol=1e-3)
    assert not slopes[4].any()
    assert np.mean((found @ slopes.T).argmax(axis=1) == labels.ids) > 0.9


# -- the whole way ---------------------------------------------------------------------------
def test_what_an_encoder_knows_helps_and_says_so():
    texts, labels, vectors = corpus()
    lines = []
    plain = fit(texts, labels, PLAIN, seed=1, n_threads=1).model
    trainee = fit_folded(texts, labels, PLAIN, vectors, seed=1, n_threads=1, say=lines.append)
    model = trainee.model
    assert accuracy(model) > accuracy(plain) + 0.02
    assert len(lines) == 1
    assert lines[0].startswith("text embeddings: right of 400 texts held out: ")
    assert model.run.embeddings
    assert model.calibration.n_texts == 400
    assert model.dim == plain.dim
    assert model.space.n_rows == plain.space.n_rows


def test_noise_is_left_out(caplog):
    texts, labels, vectors = corpus()
    noise = np.random.default_rng(4).standard_normal(vectors.shape)
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        trainee = fit_folded(texts, labels, PLAIN, noise, seed=1, n_threads=1)
    said = [each.getMessage() for each in caplog.records]
    assert len(said) == 1
    assert said[0].startswith("the text embeddings are not learnt from: on texts held out ")
    plain = fit(texts, labels, PLAIN, seed=1, n_threads=1).model
    np.testing.assert_array_equal(trainee.model.embeddings, plain.embeddings)
    assert trainee.model.calibration == plain.calibration
    assert not trainee.model.run.embeddings


def test_too_few_texts_are_left_out(caplog):
    texts, labels, vectors = corpus(16)
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        trainee = fit_folded(texts, labels, PLAIN, vectors)
    assert "too few texts to tell whether they help, 16" in caplog.text
    assert not trainee.model.run.embeddings


def test_a_seed_makes_the_same_model():
    texts, labels, vectors = corpus()
    config = PLAIN.replace(head="learned", recipe="auto")
    found = [
        fit_folded(texts, labels, config, vectors, seed=seed, n_threads=1).model
        for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(found[0].embeddings, found[1].embeddings)
    np.testing.assert_array_equal(found[0].output, found[1].output)
    assert found[0].calibration == found[1].calibration
    assert not np.array_equal(found[0].embeddings, found[2].embeddings)


def test_the_result_is_an_ordinary_model(tmp_path):
    texts, labels, vectors = corpus()
    trainee = fit_folded(texts, labels, PLAIN, vectors, n_threads=1)
    model, path = trainee.model, tmp_path / "m.ftl"
    save_model(model, path)
    again = load_model(path)
    np.testing.assert_array_equal(model.probabilities(texts), again.probabilities(texts))
    small = quantize_model(model)
    assert accuracy(small) > accuracy(model) - 0.05
    before = trainee.weights.embeddings.copy()
    more, names, _ = corpus(100, 8)
    longer = fit_more(trainee, more, names, n_threads=1)
    n = len(before)
    moved = np.abs(longer.weights.embeddings[:n] - before).max()
    assert 0 < moved < np.abs(before).max()  # from the table that it had
    assert accuracy(longer.model) > accuracy(model) - 0.05


def test_several_labels_of_a_text():
    texts, labels, vectors = corpus()
    rows = [[NAMES[i]] + ["odd"] * (k % 2) for k, i in enumerate(labels.ids)]
    several = Labels.from_rows(rows, [*NAMES, "odd"])
    vectors = np.concatenate([vectors, 3.0 * (np.arange(400) % 2)[:, None]], axis=1)
    slopes = fit_slopes(reduced(vectors), several, None, multilabel=True)
    assert slopes.shape == (5, reduced(vectors).shape[1])
    said = reduced(vectors) @ slopes.T
    assert np.mean((said[:, 4] > 0) == (np.arange(400) % 2 == 1)) > 0.9
    model = fit_folded(texts, several, PLAIN, vectors, n_threads=1).model
    assert model.multilabel
    assert model.run.embeddings
    unseen, truth, _ = corpus(1_000, 3)
    found = model.probabilities(unseen)[:, [model.labels.index(name) for name in NAMES]]
    assert np.mean(found.argmax(axis=1) == truth.ids) > 0.7


def test_patience_sets_embeddings_aside_with_their_texts():
    texts, labels, vectors = corpus()
    model = fit_folded(texts, labels, PLAIN.replace(patience=2), vectors, n_threads=1).model
    assert model.n_texts == 360
    assert accuracy(model) > 0.6


# -- a learned head becomes a linear one -----------------------------------------------------
def test_a_learned_head_that_is_larger_becomes_linear():
    texts, labels, _ = corpus(200)
    learned = fit(texts, labels, PLAIN.replace(head="learned", dim=40), n_threads=1)
    linear = as_linear(learned)
    model = linear.model
    assert model.config.head == "linear"
    assert model.dim == fit(texts, labels, PLAIN.replace(head="linear")).model.dim == 16
    np.testing.assert_allclose(
        model.probabilities(texts), learned.model.probabilities(texts), atol=1e-5
    )
    assert model.config.lr == resolve(PLAIN.replace(head="linear"), 4, False).lr
    fit_more(linear, texts, labels)


def test_a_head_that_would_grow_stays():
    texts, labels, _ = corpus(200)
    learned = fit(texts, labels, PLAIN.replace(head="learned", dim=8), n_threads=1)
    assert as_linear(learned) is learned


def test_a_head_that_was_asked_for_stays():
    texts, labels, vectors = corpus()
    for asked in ({"head": "learned"}, {"dim": 40, "head": "learned"}):
        model = fit_folded(texts, labels, PLAIN.replace(**asked), vectors).model
        assert model.config.head == "learned"
        assert model.dim == asked.get("dim", 16)


# -- what cannot be ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"units": 8}, "units=8: take units 0"),
        ({"norm": "layer"}, "norm='layer': take norm none"),
        ({"loss": "hs"}, "loss='hs': take loss ova, softmax or ns"),
    ],
)
def test_networks_and_trees_are_refused(change, said):
    texts, labels, vectors = corpus(60)
    with pytest.raises(TrainingError, match="text embeddings do not go with") as caught:
        fit_folded(texts, labels, PLAIN.replace(**change), vectors)
    assert said in str(caught.value)


def test_numbers_of_texts_and_embeddings_must_be_the_same():
    texts, labels, vectors = corpus(60)
    with pytest.raises(TrainingError, match="59 text embeddings for 60 labelled texts and 0 for 0"):
        fit_folded(texts, labels, PLAIN, vectors[1:])
    with pytest.raises(TrainingError, match="60 labelled texts and 0 for 60 unlabelled ones"):
        fit_folded(texts, labels, PLAIN, vectors, others=texts)
    with pytest.raises(TrainingError, match="have 12 numbers, of unlabelled ones 11"):
        fit_folded(texts, labels, PLAIN, vectors, others=texts, other_embeddings=vectors[:, 1:])


def test_two_labels_are_needed():
    texts, labels, vectors = corpus(60)
    one = Labels(np.zeros(60, np.int32), labels.indptr, ["a"])
    with pytest.raises(TrainingError, match="at least 2 labels"):
        fit_folded(texts, one, PLAIN, vectors)


# -- beside texts without labels -------------------------------------------------------------


def taught_of(prepared, vectors, n=400):
    texts, labels, _ = corpus(n)
    pool = Pool(texts, labels, Texts.from_sequence(["w0x1 w0x2"]), prepared.config, 1)
    weights = np.ones(n, np.float32)
    return Taught(pool, labels.ids, weights, Calibration(1.0), vectors)


@pytest.mark.parametrize(
    ("setting", "starts"),
    [
        ({"head": "learned"}, True),
        ({"head": "linear"}, False),  # few labels: it would bring nothing
        ({"head": "learned", "units": 4}, False),
        ({"head": "learned", "loss": "hs"}, False),
    ],
)
def test_where_labels_are_many_a_model_starts_from_the_vectors(setting, starts):
    texts, labels, vectors = corpus()
    prepared = prepare(texts, labels, PLAIN.replace(**setting), n_threads=1)
    taught = taught_of(prepared, vectors)
    folded = fold_taught(prepared, taught)
    assert (folded is prepared) != starts
    assert (folded.start is not None) == starts
    if starts:
        expected = fold(prepared, Encoded(reduced(vectors)), unlabelled_fold.WAY)
        assert folded.config == expected.config
        np.testing.assert_array_equal(folded.start.embeddings, expected.start.embeddings)
        assert fold_taught(prepared, dataclasses.replace(taught, vectors=None)) is prepared


def test_too_many_features_are_not_folded(monkeypatch):
    texts, labels, vectors = corpus()
    prepared = prepare(texts, labels, PLAIN.replace(head="learned"), n_threads=1)
    monkeypatch.setattr(unlabelled_fold, "MOST_ENTRIES", prepared.features.ids.size - 1)
    assert fold_taught(prepared, taught_of(prepared, vectors)) is prepared


@pytest.mark.parametrize("kind", ["good", "noise", "constant", "zeros"])
def test_embeddings_are_a_teacher_only_where_they_know_something(kind, caplog):
    texts, labels, vectors = corpus(80)
    others, _, other_vectors = corpus(1_200, 7)
    all_vectors = np.concatenate([vectors, other_vectors])
    given_ones = {
        "good": all_vectors,
        "noise": np.random.default_rng(4).standard_normal(all_vectors.shape),
        "constant": np.ones_like(all_vectors),
        "zeros": np.zeros_like(all_vectors),
    }
    beside = Beside(others, given_ones[kind])
    how = {"seed": 1, "n_threads": 1}
    model = fit_beside(texts, labels, PLAIN, beside, **how).model
    assert model.run.unlabelled and model.run.embeddings == (kind == "good")
    said = [each.getMessage() for each in caplog.records]
    why = "they say nothing of the labels of texts held out"
    line = f"the text embeddings are not learnt from: {why}"
    assert (line in said) == (kind != "good")
    plain = fit_beside(texts, labels, PLAIN, Beside(others), **how).model
    if kind == "good":
        assert accuracy(model) > accuracy(plain) + 0.02
    else:
        np.testing.assert_array_equal(model.embeddings, plain.embeddings)
