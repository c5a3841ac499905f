"""The prediction kernels against their twins."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.model.kernels import predict
from fasttext_lite.model.kernels.beam import search_beam

pytestmark = pytest.mark.kernels

SCALE = 0.75  # of the inner products
NO_TREE = np.zeros((0, 2), np.int32)


def random_case(seed, n_labels, n_docs=6, dim=5, scale=1.0):
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n_docs, dim)).astype(np.float32)
    tree = huffman_tree(rng.integers(1, 100, n_labels)).children
    outputs = (scale * rng.normal(size=(n_labels, dim))).astype(np.float32)
    return hidden, outputs, tree


def tree_probabilities(hidden, output, children):
    return np.array(
        [
            np.exp(reference.leaf_log_probabilities(children, output.astype(float), h))
            for h in hidden.astype(float)
        ]
    )


def test_embed_is_the_weighted_sum_of_rows():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(7, 4)).astype(np.float32)
    ids = np.array([0, 3, 6, 1], np.int32)
    weights = np.array([0.5, 0.25, 1, 2], np.float32)
    indptr = np.array([0, 3, 3, 4], np.int64)
    hidden = np.full((3, 4), np.nan, np.float32)
    predict.embed_documents(ids, weights, indptr, 0, 3, table, hidden)
    expected = [weights[a:b] @ table[ids[a:b]] for a, b in ((0, 3), (3, 3), (3, 4))]
    np.testing.assert_allclose(hidden, expected, rtol=1e-6)


def test_float16_is_read_as_numpy_reads_it():
    """All of them that are finite, tiny ones too."""
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    values = values[np.isfinite(values)].reshape(-1, 1)
    n = len(values)
    ids, indptr = np.arange(n, dtype=np.int32), np.arange(n + 1, dtype=np.int64)
    hidden = np.empty((n, 1), np.float32)
    weights = np.ones(n, np.float32)
    predict.embed_documents(ids, weights, indptr, 0, n, values.view(np.uint16), hidden)
    np.testing.assert_array_equal(hidden, values.astype(np.float32))


def test_the_identity_is_left_out():
    hidden = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    scores, same = np.empty((5, 3)), np.empty((5, 3))
    output = np.eye(3, 4, dtype=np.float32)
    predict.score_labels(hidden, 0, 5, output, NO_TREE, True, SCALE, 0.0, scores)
    predict.score_labels(hidden, 0, 5, output, NO_TREE, False, SCALE, 0.0, same)
    np.testing.assert_array_equal(scores, same)
    np.testing.assert_allclose(scores, SCALE * hidden[:, :3], rtol=1e-6)


@pytest.mark.parametrize("n_labels", [2, 3, 17])
def test_dense_scores_and_probabilities(n_labels):
    hidden, output, _ = random_case(1, n_labels)
    scores = np.empty((len(hidden), n_labels))
    predict.score_labels(hidden, 0, len(hidden), output, NO_TREE, False, SCALE, 0.0, scores)
    expected = SCALE * (hidden.astype(float) @ output.T.astype(float))
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
    for is_softmax in (True, False):
        found = expected.copy()
        predict.scores_to_probabilities(found, 0, len(hidden), is_softmax, False)
        twin = reference.softmax(expected) if is_softmax else reference.sigmoid(expected)
        np.testing.assert_allclose(found, twin, rtol=1e-9)
        if is_softmax:
            np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)


@pytest.mark.parametrize("n_labels", [2, 3, 17, 60])
@pytest.mark.parametrize("scale", [1, 1000])
def test_tree_probabilities_sum_to_one_and_equal_their_twin(n_labels, scale):
    hidden, output, children = random_case(2, n_labels, scale=scale)
    found = np.empty((len(hidden), n_labels))
    predict.score_labels(hidden, 0, len(hidden), output[:-1], children, False, SCALE, 0.0, found)
    predict.scores_to_probabilities(found, 0, len(hidden), False, True)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)
    if scale == 1:
        expected = tree_probabilities(hidden, SCALE * output[:-1], children)
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.sampled_from([0, 0.1, 0.2, 0.5, 1]), min_size=6, max_size=6),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.1, 0.3, 1.0]),
)
def test_selection_equals_sorting(rows, k, threshold):
    probabilities = np.array(rows)
    labels = np.full((len(rows), k), 77, np.int32)
    best = np.full((len(rows), k), np.nan)
    predict.select_top(probabilities, 0, len(rows), threshold, labels, best)
    for row, ids, values in zip(rows, labels, best, strict=True):
        expected = reference.top_labels(row, k, threshold)
        n = len(expected)
        assert list(zip(ids[:n].tolist(), values[:n].tolist(), strict=True)) == expected
        assert (ids[n:] == -1).all() and (values[n:] == 0).all()


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10_000),
    st.integers(2, 40),
    st.integers(1, 40),
    st.sampled_from([0.0, 1e-6, 0.05, 0.4, 1.0]),
)
def test_search_finds_exactly_the_best_labels(seed, n_labels, k, threshold):
    k = min(k, n_labels)
    hidden, output, children = random_case(seed, n_labels, n_docs=3, scale=2)
    labels = np.full((3, k), 77, np.int32)
    best = np.full((3, k), np.nan)
    predict.search_tree(hidden, 0, 3, output[:-1], children, SCALE, threshold, labels, best)
    full = np.empty((3, n_labels))
    predict.score_labels(hidden, 0, 3, output[:-1], children, False, SCALE, 0.0, full)
    full = np.exp(full)
    for ids, values, row in zip(labels, best, full, strict=True):
        expected = reference.top_labels(row.tolist(), k, threshold)
        n = len(expected)
        np.testing.assert_allclose(values[:n], [p for _, p in expected], rtol=1e-12)
        np.testing.assert_allclose(row[ids[:n]], values[:n], rtol=1e-12)
        assert len(set(ids[:n].tolist())) == n
        assert (ids[n:] == -1).all() and (values[n:] == 0).all()


def test_search_opens_few_nodes_of_a_large_tree():
    """A confident document is answered on its path: other nodes may hold anything."""
    n_labels = 1024
    children = huffman_tree(np.ones(n_labels, np.int64)).children
    output = np.full((n_labels - 1, 2), np.nan, np.float32)
    node = 2 * n_labels - 2
    while node >= n_labels:
        output[node - n_labels] = (50, 0)  # go right
        node = children[node - n_labels, 1]
    labels, best = np.empty((1, 1), np.int32), np.empty((1, 1))
    hidden = np.array([[1, 0]], np.float32)
    predict.search_tree(hidden, 0, 1, output, children, 1.0, 0.0, labels, best)
    assert labels[0, 0] == node and best[0, 0] == pytest.approx(1)


def test_equal_probabilities_come_in_the_order_of_labels():
    children = huffman_tree(np.ones(4, np.int64)).children
    labels, best = np.empty((1, 4), np.int32), np.empty((1, 4))
    hidden, output = np.zeros((1, 2), np.float32), np.ones((3, 2), np.float32)
    predict.search_tree(hidden, 0, 1, output, children, 1.0, 0.0, labels, best)
    assert labels[0].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(best, 0.25)


def slow_beam(hidden, output, children, width, k, threshold):
    """Return labels and probabilities of one document, level by level with sorted lists."""
    n_labels = len(output) + 1
    level, leaves = [(0.0, 2 * n_labels - 2)], []
    least = np.log(threshold) if threshold > 0 else -np.inf
    while level:
        below = []
        for weight, node in level:
            score = SCALE * float(output[node - n_labels] @ hidden)
            for child, sign in zip(children[node - n_labels], (-1, 1), strict=True):
                below.append((weight - np.log1p(np.exp(-sign * score)), int(child)))
        below = [each for each in below if each[0] >= least]
        leaves += [each for each in below if each[1] < n_labels]
        leaves = sorted(leaves, key=lambda each: -each[0])[:k]
        enough = leaves[-1][0] if len(leaves) == k else -np.inf
        level = [each for each in below if each[1] >= n_labels and each[0] > enough]
        level = sorted(level, key=lambda each: -each[0])[: max(width, k)]
    return leaves


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_labels, k", [(2, 1), (9, 3), (40, 1), (40, 5), (40, 40)])
@pytest.mark.parametrize("width, threshold", [(1, 0.0), (3, 0.0), (3, 0.1), (100, 0.02)])
def test_a_beam_opens_the_likeliest_nodes_of_each_depth(seed, n_labels, k, width, threshold):
    hidden, output, children = random_case(seed, n_labels, n_docs=4, scale=2)
    output = output[:-1]
    labels, best = np.full((4, k), 77, np.int32), np.full((4, k), np.nan)
    assert search_beam(
        hidden, 0, 4, output, children, SCALE, width, threshold, labels, best
    )  # fmt: skip
    for vector, ids, values in zip(hidden, labels, best, strict=True):
        expected = slow_beam(vector, output, children, width, k, threshold)
        n = len(expected)
        assert ids[:n].tolist() == [label for _, label in expected]
        np.testing.assert_allclose(values[:n], np.exp([w for w, _ in expected]), rtol=1e-5)
        assert (ids[n:] == -1).all() and (values[n:] == 0).all()


@pytest.mark.parametrize("threshold", [0.0, 0.05])
def test_a_wide_beam_finds_what_the_exact_search_does(threshold):
    hidden, output, children = random_case(5, 60, n_docs=9, scale=2)
    found = [(np.empty((9, 5), np.int32), np.empty((9, 5))) for _ in range(2)]
    given = hidden, 0, 9, output[:-1], children, SCALE
    predict.search_tree(*given, threshold, *found[0])
    search_beam(*given, 60, threshold, *found[1])
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1], found[1][1])


def test_a_beam_tells_scores_that_are_no_numbers():
    hidden, output, children = random_case(0, 5, n_docs=1)
    output[:] = np.nan
    labels, best = np.empty((1, 2), np.int32), np.empty((1, 2))
    assert not search_beam(hidden, 0, 1, output[:-1], children, 1.0, 3, 0.0, labels, best)
