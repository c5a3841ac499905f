"""Neighbours, and what spreads among them: against plain ways that look at everything."""

import numpy as np
import pytest

from fasttext_lite.teaching import neighbours
from fasttext_lite.teaching.neighbours import NARROWNESS, NEIGHBOURS, STEPS, Graph, nearest
from fasttext_lite.teaching.teachers import Probe
from fasttext_lite.teaching.views import SHARES, STRENGTHS, View
from fasttext_lite.teaching.words import unit

RNG = np.random.default_rng(5)


def clusters(n, n_clusters, width, dim=12, seed=0):
    """Return unit vectors around some middles, and the cluster of each."""
    rng = np.random.default_rng(seed)
    of = rng.integers(n_clusters, size=n)
    middles = rng.normal(size=(n_clusters, dim))
    return unit(middles[of] + width * rng.normal(size=(n, dim))), of


def nearest_of_all(vectors):
    """Return the pairs that an exhaustive search finds, with their cosines."""
    found = {}
    cosines = vectors @ vectors.T
    for i in range(len(vectors)):
        others = [j for j in range(len(vectors)) if j != i]
        others.sort(key=lambda j: -cosines[i, j])
        for j in others[:NEIGHBOURS]:
            if cosines[i, j] > 0:
                found[i, j] = cosines[i, j]
    return found


def pairs_of(vectors, seed=0, n_threads=1):
    rows, columns, cosines = nearest(vectors, seed, n_threads)
    assert cosines.dtype == np.float32
    found = dict(zip(zip(rows.tolist(), columns.tolist(), strict=True), cosines, strict=True))
    assert len(found) == rows.size  # each once
    return found


def test_few_texts_are_all_looked_at():
    vectors, _ = clusters(300, 6, 0.6)
    found, expected = pairs_of(vectors), nearest_of_all(vectors)
    assert found.keys() == expected.keys()
    for pair, cosine in expected.items():
        assert found[pair] == pytest.approx(cosine, abs=1e-6)


def test_many_texts_are_looked_for_in_cells(monkeypatch):
    monkeypatch.setattr(neighbours, "FEW", 0)
    monkeypatch.setattr(neighbours, "OF_MANY", (32, 6))
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    vectors, _ = clusters(1000, 12, 0.5)
    found, expected = pairs_of(vectors), nearest_of_all(vectors)
    assert len(found.keys() & expected.keys()) > 0.85 * len(expected)
    rows = np.array([i for i, _ in found])
    assert np.bincount(rows).max() == NEIGHBOURS
    for (i, j), cosine in found.items():
        assert i != j and cosine == pytest.approx(vectors[i] @ vectors[j], abs=1e-6) and cosine > 0


def test_only_so_many_are_looked_at(monkeypatch):
    vectors = np.repeat(unit(RNG.normal(size=(1, 4))), 500, axis=0)
    monkeypatch.setattr(neighbours, "MOST_NEAR", 40)
    found = pairs_of(vectors)
    assert len({j for _, j in found}) <= 40 and len({i for i, _ in found}) == 500
    assert all(cosine == pytest.approx(1, abs=1e-6) for cosine in found.values())


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_hardly_any_text(n):
    vectors = unit(np.ones((n, 3)) + np.eye(n, 3))
    assert pairs_of(vectors).keys() == {(i, j) for i in range(n) for j in range(n) if i != j}
    said = np.full((n, 2), 0.5, np.float32)
    for found in Graph(vectors, 0, 1).spread(said, SHARES, np.arange(n)):
        np.testing.assert_allclose(found, said)


def test_texts_without_a_word_and_opposite_ones_stand_alone():
    vectors = unit(np.array([[1, 0], [0, 0], [-1, 0], [0.9, 0.1], [0, 0]]))
    assert pairs_of(vectors).keys() == {(0, 3), (3, 0)}
    said = np.array([[1, 0], [0.7, 0.3], [0.2, 0.8], [0, 1], [0.5, 0.5]], np.float32)
    (found,) = Graph(vectors, 0, 1).spread(said, [0.5], np.array([1, 2, 3, 4]))
    np.testing.assert_allclose(found[[0, 1, 3]], said[[1, 2, 4]], rtol=1e-6)
    assert found[2, 0] > 0.2


def test_one_seed_one_graph(monkeypatch):
    monkeypatch.setattr(neighbours, "OF_FEW", (32, 4))
    vectors, _ = clusters(800, 8, 0.5)
    one, two = Graph(vectors, 1, 1).matrix, Graph(vectors, 1, 2).matrix
    for name in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    assert (Graph(vectors, 2, 1).matrix != one).nnz


def test_a_graph_is_symmetric_and_normalised():
    vectors, _ = clusters(200, 5, 0.6)
    expected = np.zeros((200, 200))
    for (i, j), cosine in nearest_of_all(vectors).items():
        expected[i, j] = expected[j, i] = np.exp(NARROWNESS * (cosine - 1))
    sums = expected.sum(axis=1)
    expected /= np.sqrt(sums[:, None] * sums)
    found = Graph(vectors, 0, 1).matrix.toarray()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(np.linalg.eigvalsh(expected)).max() == pytest.approx(1)


def test_what_spreads_is_a_sum_over_paths(monkeypatch):
    monkeypatch.setattr(neighbours, "COLUMNS", 3)
    vectors, _ = clusters(150, 4, 0.6)
    graph = Graph(vectors, 0, 1)
    said = RNG.dirichlet(np.ones(7), 150).astype(np.float32)
    asked = np.array([3, 149, 0, 77])
    found = graph.spread(said, SHARES, asked)
    matrix = graph.matrix.toarray().astype(np.float64)
    for share, each in zip(SHARES, found, strict=True):
        total = sum(np.linalg.matrix_power(share * matrix, i) for i in range(STEPS + 1)) @ said
        expected = total / total.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(each, expected[asked], atol=1e-5)
    np.testing.assert_allclose(found[0], said[asked], rtol=1e-5)  # with no share


def test_labels_spread_to_texts_that_a_probe_cannot_tell():
    """Each label is four clusters, each of which has two labelled texts: no plane divides them."""
    vectors, of = clusters(1200, 12, 0.45, dim=8)
    ids = of % 3
    docs = np.concatenate([np.flatnonzero(of == i)[:2] for i in range(12)])
    asked = np.setdiff1d(np.arange(1200), docs)
    view = View("some", vectors, Graph(vectors, 0, 1), STRENGTHS[1])
    probe = view.probe(docs, ids[docs], 3, np.ones(docs.size))
    alone = view.says(probe, docs, ids[docs], asked)
    assert np.array_equal(alone, probe.probabilities(vectors[asked]))
    view.share = SHARES[-1]
    spread = view.says(probe, docs, ids[docs], asked)
    assert np.array_equal(spread, view.spread(probe, docs, ids[docs], asked)[-1])
    right = [np.mean(each.argmax(axis=1) == ids[asked]) for each in (alone, spread)]
    assert right[1] > right[0] + 0.05


def test_a_view_has_a_probe_of_each_strength():
    vectors, of = clusters(90, 3, 0.4)
    view = View("some", vectors, Graph(vectors, 0, 1))
    docs, weights = np.arange(0, 90, 2), RNG.uniform(0.5, 2, 45)
    probes = view.probes(docs, of[docs], 3, weights)
    for strength, each in zip(STRENGTHS, probes, strict=True):
        view.strength = strength
        assert view.chosen(probes) is each
        expected = Probe.fit(vectors[docs], of[docs], 3, strength, weights)
        for own in (each, view.probe(docs, of[docs], 3, weights)):
            assert np.array_equal(own.slopes, expected.slopes)
            assert np.array_equal(own.starts, expected.starts)
