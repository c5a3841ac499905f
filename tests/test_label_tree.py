"""Label trees: optimal, fastText's ties, well formed."""

import numpy as np
import pytest
import reference
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fasttext_lite.label_tree import LabelTree, cluster_tree, huffman_tree, linkage_tree

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
