"""Label trees: optimal, fastText's ties, well formed."""

import numpy as np
import pytest
import reference
from conftest import JIT_DISABLED
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fasttext_lite.label_tree import kernels
from fasttext_lite.label_tree import tree as label_tree
from fasttext_lite.label_tree.tree import LabelTree, cluster_tree, huffman_tree, linkage_tree

pytestmark = pytest.mark.kernels

COUNTS = st.lists(st.integers(1, 30), min_size=2, max_size=40)


def cost(tree, counts):
    return int((tree.depths() * np.asarray(counts)).sum())


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_cost_is_the_least_of_all_trees(counts):
    assert cost(huffman_tree(np.array(counts)), counts) == reference.least_tree_cost(counts)


@settings(deadline=None)
@given(COUNTS)
def test_ties_are_broken_as_fasttext_does(counts):
    counts = sorted(counts, reverse=True)
    children = huffman_tree(np.array(counts)).children
    assert children.tolist() == reference.fasttext_huffman(counts).tolist()


def test_hand_worked_example_of_equal_counts():
    assert huffman_tree(np.array([5, 5, 5, 5])).children.tolist() == [[3, 2], [1, 0], [4, 5]]


@settings(deadline=None)
@given(COUNTS, st.randoms(use_true_random=False))
def test_order_of_labels_does_not_change_the_cost(counts, random):
    shuffled = counts.copy()
    random.shuffle(shuffled)
    trees = [huffman_tree(np.array(c)) for c in (counts, shuffled)]
    assert cost(trees[0], counts) == cost(trees[1], shuffled)


@settings(deadline=None)
@given(COUNTS)
def test_parents_branches_and_depths_agree_with_children(counts):
    tree = huffman_tree(np.array(counts))
    n = len(counts)
    tree.check()
    parents, branches = tree.parents(), tree.branches()
    assert parents[-1] == -1 and (parents[:-1] > np.arange(2 * n - 2)).all()
    for i, (left, right) in enumerate(tree.children):
        assert parents[left] == parents[right] == n + i
        assert (branches[left], branches[right]) == (0, 1)
    for label in range(n):
        assert len(reference.path(label, parents, branches)) == tree.depths()[label]


@settings(deadline=None)
@given(COUNTS)
def test_kernel_joins_as_the_plain_form_does(counts):
    leaves = np.argsort(np.negative(counts), kind="stable")[::-1]
    expected = reference.huffman_children(leaves.tolist(), counts)
    assert huffman_tree(np.array(counts)).children.tolist() == expected


def test_frequent_labels_have_short_paths():
    depths = huffman_tree(np.array([1000, 500, 250, 125, 60, 60])).depths()
    assert depths.tolist() == [1, 2, 3, 4, 5, 5]


def test_many_labels():
    counts = (1e6 / np.arange(1, 20_001)).astype(np.int64)
    tree = huffman_tree(counts)
    tree.check()
    share = counts / counts.sum()
    entropy = -(share * np.log2(share)).sum()
    mean_depth = (share * tree.depths()).sum()
    assert entropy <= mean_depth < entropy + 1  # Huffman's bound


@pytest.mark.parametrize("counts", [[], [3]])
def test_fewer_than_two_labels(counts):
    with pytest.raises(ValueError, match="at least 2 labels; got"):
        huffman_tree(np.array(counts, np.int64))


@pytest.mark.parametrize(
    "children",
    [
        [[0, 1], [2, 4]],  # its own child
        [[0, 0], [2, 3]],  # a leaf twice
        [[0, 1], [2, 2]],
        [[0, 1], [-1, 3]],
        [[0, 1], [2, 9]],
        [[0, 1], [3, 4]],
    ],
)
def test_check_refuses_what_is_no_tree(children):
    with pytest.raises(ValueError, match="not a binary tree"):
        LabelTree(np.array(children, np.int32)).check()


@settings(deadline=None, max_examples=40)
@given(COUNTS, st.integers(0, 5), st.booleans())
def test_cluster_tree_is_a_tree(counts, seed, all_equal):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(len(counts), 3)).astype(np.float32)
    if all_equal:
        points[:] = seed % 2  # also all zero
    tree = cluster_tree(points, np.array(counts), seed)
    tree.check()
    assert tree.n_labels == len(counts)
    again = cluster_tree(points, np.array(counts), seed)
    np.testing.assert_array_equal(again.children, tree.children)


def test_similar_labels_share_nodes():
    """Labels in 8 tight groups: each group fills one subtree."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(8), 4)
    rng.shuffle(groups)
    centers = 5 * rng.normal(size=(8, 6))
    points = (centers[groups] + 0.01 * rng.normal(size=(32, 6))).astype(np.float32)
    tree = cluster_tree(points, np.full(32, 10))
    below = [{label} for label in range(32)]
    for left, right in tree.children:
        below.append(below[left] | below[right])
    for group in range(8):
        assert set(np.flatnonzero(groups == group)) in below


def test_cluster_tree_is_balanced_by_weight():
    rng = np.random.default_rng(4)
    points = rng.normal(size=(1000, 8)).astype(np.float32)
    assert cluster_tree(points, np.full(1000, 5)).depths().max() <= 14
    counts = np.ones(1000, np.int64)
    counts[17] = 100_000
    depths = cluster_tree(points, counts).depths()
    assert depths[17] <= 2 and depths.max() <= 40


def first_direction(seed, first, last, n_labels, dim):
    """Return what the kernel's random numbers give."""
    state, values = (seed + first * n_labels + last) % 2**64, []
    for _ in range(dim):
        state, value = reference.splitmix64(state)
        values.append((value >> 40) * 2**-23 - 1)
    return np.array(values)


def random_labels(n, seed):
    rng = np.random.default_rng([n, seed])
    return rng.normal(size=(n, 5)).astype(np.float32), rng.integers(0, 40, n) ** 2


def plain_cluster_tree(points, counts, seed):
    n, dim = points.shape
    return reference.cluster_children(
        points / np.linalg.norm(points.astype(float), axis=1, keepdims=True),
        np.maximum(counts, 1).tolist(),
        lambda first, last: first_direction(seed, first, last, n, dim),
        kernels.SAMPLE,
    ).tolist()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [2, 3, 7, 30, 150])
def test_cluster_tree_is_that_of_the_plain_form(n, seed):
    points, counts = random_labels(n, seed)
    expected = plain_cluster_tree(points, counts, seed)
    assert cluster_tree(points, counts, seed).children.tolist() == expected


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), min_size=2, max_size=30))
def test_halves_are_those_of_a_full_sort(pairs):
    """Ties of keys are broken by place, those of weight to the left."""
    keys = np.array([key for key, _ in pairs], np.float32)
    weights = np.array([weight for _, weight in pairs], np.float64)
    places = np.empty(keys.size, np.int64)
    size = kernels._cut_in_halves(keys, weights, keys.size, places)
    order = np.argsort(keys, kind="stable")
    mass = np.cumsum(weights[order])
    expected = min(int(np.searchsorted(mass, mass[-1] / 2)) + 1, keys.size - 1)
    assert size == expected
    assert set(places[:size]) == set(order[:size]) and set(places) == set(range(keys.size))


def test_cluster_tree_of_many_labels_does_not_depend_on_threads(monkeypatch):
    """Sets are sampled, and cut by several threads, from some thousands of labels on."""
    monkeypatch.setattr(label_tree, "LEAST_SET", 50)
    n = 600 if JIT_DISABLED else 20_000
    rng = np.random.default_rng(5)
    centers = rng.normal(size=(n // 20, 8))
    groups = np.repeat(np.arange(n // 20), 20)
    points = (centers[groups] + 0.01 * rng.normal(size=(n, 8))).astype(np.float32)
    trees = [cluster_tree(points, np.full(n, 3), 1, threads) for threads in (1, 2, 5)]
    trees[0].check()
    assert trees[0].depths().max() <= np.log2(n) + 3
    for tree in trees[1:]:
        np.testing.assert_array_equal(tree.children, trees[0].children)
    # Most siblings are of one group, though the topmost cuts were made from a sample.
    pairs = trees[0].children[(trees[0].children < n).all(axis=1)]
    assert np.mean(groups[pairs[:, 0]] == groups[pairs[:, 1]]) > 0.95


@pytest.mark.skipif(JIT_DISABLED, reason="thousands of labels are needed: minutes as plain Python")
@pytest.mark.parametrize("counts", ["equal", "zipf"])
def test_cluster_tree_of_a_sample_is_that_of_the_plain_form(counts):
    n = kernels.SAMPLE + 700
    rng = np.random.default_rng(6)
    points = rng.normal(size=(n, 3)).astype(np.float32)
    counts = np.full(n, 2) if counts == "equal" else 10 * n // np.arange(1, n + 1)
    left, right = cluster_tree(points, counts).children[-1]
    expected = plain_cluster_tree(points, counts, 0)[-1]
    assert [left, right] == expected


@pytest.mark.parametrize("n", [0, 1])
def test_cluster_tree_of_fewer_than_two_labels(n):
    with pytest.raises(ValueError, match="at least 2 labels; got"):
        cluster_tree(np.ones((n, 2), np.float32), np.ones(n, np.int64))


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 30), st.integers(0, 99), st.sampled_from(["random", "equal", "zero", "few"]))
@example(3, 0, "zero")  # as many labels as dimensions: no matrix of distances
def test_linkage_tree_is_a_tree(n, seed, kind):
    points = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    if kind == "few":
        points = points[np.arange(n) % 3 % n]
    elif kind != "random":
        points[:] = kind == "equal"
    tree = linkage_tree(points)
    tree.check()
    assert tree.n_labels == n and tree.children.dtype == np.int32
    np.testing.assert_array_equal(linkage_tree(points.copy()).children, tree.children)


def average_linkage(points):
    """Return the sets of labels below each inner node, by trying every pair at every step."""
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    points = points - points.mean(axis=0)
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    groups, joined = [frozenset([i]) for i in range(len(points))], []
    while len(groups) > 1:
        distances = {
            (a, b): np.mean([np.linalg.norm(points[i] - points[j]) for i in a for j in b])
            for k, a in enumerate(groups)
            for b in groups[:k]
        }
        a, b = min(distances, key=distances.get)
        groups = [group for group in groups if group not in (a, b)] + [a | b]
        joined.append(a | b)
    return joined


@pytest.mark.parametrize("n", [2, 3, 8, 15])
def test_linkage_joins_the_most_similar_labels_first(n):
    points = np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32)
    points *= np.linspace(1, 50, n, dtype=np.float32)[:, None]  # directions alone matter
    tree = linkage_tree(points)
    below = [frozenset([label]) for label in range(n)]
    for left, right in tree.children:
        below.append(below[left] | below[right])
    expected = average_linkage(points.astype(float))
    assert below[n:] == expected


def test_the_two_closest_labels_are_siblings():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(20, 8)).astype(np.float32)
    points[13] = 7 * points[4] + 0.01 * rng.normal(size=8)
    assert sorted(linkage_tree(points).children[0].tolist()) == [4, 13]


def test_what_all_labels_share_does_not_make_them_similar():
    """Two pairs beside a large common part: each pair is joined first."""
    points = np.eye(4, dtype=np.float32)[[0, 1, 0, 1]] + 0.1 * np.eye(4, dtype=np.float32)[2]
    points[2:] += 0.05 * np.eye(4, dtype=np.float32)[3]
    children = linkage_tree(points + 20).children
    assert sorted(map(sorted, children[:2].tolist())) == [[0, 2], [1, 3]]


@pytest.mark.parametrize("n", [0, 1])
def test_linkage_tree_of_fewer_than_two_labels(n):
    with pytest.raises(ValueError, match="at least 2 labels; got"):
        linkage_tree(np.ones((n, 2), np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_documents_are_pooled_as_weighted_sums(dtype):
    rng = np.random.default_rng(3)
    table = rng.standard_normal((30, 19)).astype(dtype)
    sizes = np.array([3, 0, 7, 1, 5])
    indptr = np.append(0, np.cumsum(sizes))
    ids = rng.integers(30, size=indptr[-1]).astype(np.int32)
    weights = rng.random(indptr[-1]).astype(np.float32)
    found = np.full((5, 19), 9, np.float32)
    given = table.view(np.uint16) if dtype == np.float16 else table
    kernels.pool_documents(ids, weights, indptr, 1, 5, given, found)
    for doc in range(1, 5):
        part = slice(indptr[doc], indptr[doc + 1])
        expected = (weights[part, None] * table[ids[part]].astype(np.float32)).sum(axis=0)
        np.testing.assert_allclose(found[doc], expected, rtol=1e-5, atol=1e-6)
    assert (found[0] == 9).all(), "of the documents asked for alone"
