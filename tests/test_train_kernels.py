"""The training kernel: gradients, optimizers and losses against definitions in float64."""

import math

import numpy as np
import pytest
import reference

from fasttext_lite.kernels import train as kernels
from fasttext_lite.label_tree import huffman_tree

LOSSES = ("softmax", "hs", "ova", "ns")
N_ROWS, N_LABELS, DIM = 9, 5, 4


class Problem:
    """A few documents with random features, labels and tables."""

    def __init__(self, loss, seed=0, dtype=np.float64, label_rows=((0,), (3,), (1, 4))):
        rng = np.random.default_rng(seed)
        self.loss, self.dtype = loss, dtype
        self.n_output = N_LABELS - (loss == "hs")
        self.embeddings = rng.normal(size=(N_ROWS, DIM)).astype(dtype)
        self.output = rng.normal(size=(self.n_output, DIM)).astype(dtype)
        rows = [rng.choice(N_ROWS, size, replace=False) for size in (3, 1, 4)]
        self.ids = np.concatenate(rows).astype(np.int32)
        self.weights = rng.uniform(0.1, 1, self.ids.size).astype(np.float32)
        self.indptr = np.array([0, 3, 4, 8], np.int64)
        self.label_ids = np.concatenate([np.array(r, np.int32) for r in label_rows])
        self.label_indptr = np.append(0, np.cumsum([len(r) for r in label_rows])).astype(np.int64)
        self.label_rows = label_rows
        self.doc_weights = np.array([1, 0.5, 2], np.float32)
        self.smoothing = np.float32(0.25)
        tree = huffman_tree(np.array([7, 5, 3, 2, 2]))
        self.branches = (tree.parents(), tree.branches())
        self.tree = np.stack([tree.parents(), tree.branches().astype(np.int32)])
        if loss != "hs":
            self.tree = np.zeros((2, 0), np.int32)
        self.negatives = np.array([3, 0, 1, 1, 2, 3, 4, 4], np.int32)  # 3 draws, table of 7
        self.seed = 12345

    def train(self, optimizer="sgd", order=(0,), lr=0.1, lr_last=None, state=None, weights=None):
        """Run the kernel; return loss, weight, and the tables afterwards."""
        tables = [self.embeddings.copy(), self.output.copy()]
        states = [np.zeros_like(t) for t in tables] if state is None else state
        train = kernels.make_trainer(self.loss, optimizer)
        function = train if self.dtype == np.float32 else getattr(train, "py_func", train)
        loss, weight = function(
            np.array(order, np.int32), self.ids, self.weights, self.indptr,
            self.label_ids, self.label_indptr,
            self.doc_weights if weights is None else weights,
            np.float32(lr), np.float32(lr if lr_last is None else lr_last), self.smoothing,
            self.tree, self.negatives, np.array([self.seed], np.uint64), 32,
            tables[0], states[0], tables[1], states[1],
        )  # fmt: skip
        return loss, weight, *tables

    def drawn(self, doc):
        """Return the negative labels that the kernel draws for a document."""
        state, table, result = self.seed, self.negatives[1:], []
        for _ in self.label_rows[doc]:
            picks = []
            for _ in range(self.negatives[0]):
                state, number = reference.splitmix64(state)
                picks.append(int(table[number % table.size]))
            result.append([pick for pick in picks if pick not in self.label_rows[doc]])
        return result

    def hidden(self, doc):
        part = slice(self.indptr[doc], self.indptr[doc + 1])
        return self.weights[part].astype(self.dtype) @ self.embeddings[self.ids[part]]

    def value(self, doc):
        return reference.loss_value(
            self.loss, self.output, self.hidden(doc), self.label_rows[doc],
            float(self.smoothing), self.branches, self.drawn(doc) if self.loss == "ns" else (),
        )  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("doc", [0, 1, 2])
def test_one_sgd_step_is_the_numeric_gradient(loss, doc):
    problem = Problem(loss)
    lr, weight = 1e-3, float(problem.doc_weights[doc])
    value, total_weight, embeddings, output = problem.train(order=[doc], lr=lr)
    assert total_weight == weight
    np.testing.assert_allclose(value, weight * problem.value(doc), rtol=1e-6)
    for after, name in ((embeddings, "embeddings"), (output, "output")):
        before = getattr(problem, name)
        gradient = reference.numeric_gradient(lambda: problem.value(doc), before)
        scale = np.float32(lr) * weight
        np.testing.assert_allclose((before - after) / scale, gradient, rtol=2e-5, atol=2e-7)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_compiled_float32_equals_plain_float64(loss, optimizer):
    order, lr = [2, 0, 1, 0], 0.3
    results = [
        Problem(loss, dtype=dtype).train(optimizer, order, lr, lr / 3)
        for dtype in (np.float32, np.float64)
    ]
    for compiled, plain in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=3e-5, atol=3e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_optimizers_follow_their_formula(optimizer):
    """Several steps against a dense reference that moves whole tables."""
    problem = Problem("softmax")
    order, lr, lr_last = [0, 1, 2, 0], 0.5, 0.1
    _, _, embeddings, output = problem.train(optimizer, order, lr, lr_last)
    squares = [np.zeros((N_ROWS, DIM)), np.zeros((N_LABELS, DIM))]
    for step, doc in enumerate(order):
        rate = lr + (lr_last - lr) * step / len(order)
        tables = (problem.embeddings, problem.output)
        factor = float(problem.doc_weights[doc])
        gradients = [
            factor * reference.numeric_gradient(lambda doc=doc: problem.value(doc), table)
            for table in tables
        ]
        for table, square, gradient in zip(tables, squares, gradients, strict=True):
            if optimizer == "sgd":
                table -= rate * gradient
            else:
                square += gradient**2
                table -= rate * gradient / np.sqrt(square + 1e-10)
    np.testing.assert_allclose(embeddings, problem.embeddings, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(output, problem.output, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_document_without_features_is_passed_over(loss):
    problem = Problem(loss, dtype=np.float32)
    problem.indptr = np.array([0, 3, 3, 8], np.int64)
    value, weight, embeddings, output = problem.train(order=[1])
    assert (value, weight) == (0, 0)
    np.testing.assert_array_equal(embeddings, problem.embeddings)
    np.testing.assert_array_equal(output, problem.output)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_document_without_labels_teaches_only_one_vs_all(loss):
    problem = Problem(loss, label_rows=((), (3,), (1, 4)))
    value, weight, _, output = problem.train(order=[0])
    moved = not np.array_equal(output, problem.output)
    assert moved == (weight > 0) == (value > 0) == (loss == "ova")


def test_weight_zero_changes_nothing():
    problem = Problem("softmax")
    weights = np.zeros(3, np.float32)
    _, weight, embeddings, output = problem.train(order=[0, 1, 2], weights=weights)
    assert weight == 0
    np.testing.assert_array_equal(embeddings, problem.embeddings)
    np.testing.assert_array_equal(output, problem.output)


def test_initial_softmax_loss_is_the_logarithm_of_the_labels():
    problem = Problem("softmax")
    problem.embeddings[:] = 0
    value, weight, *_ = problem.train(order=[0, 1, 2], lr=1e-9)
    assert value / weight == pytest.approx(math.log(N_LABELS), rel=1e-6)


def test_initial_hs_loss_is_ln_2_for_each_decision():
    problem = Problem("hs")
    problem.embeddings[:] = 0
    value, _, *_ = problem.train(order=[1], lr=1e-9)
    depth = len(reference.path(3, *problem.branches))
    assert depth == 4
    assert value == pytest.approx(depth * math.log(2) * problem.doc_weights[1], rel=1e-6)


@pytest.mark.parametrize("x", [-1e4, -100, -20, -1.5, 0, 0.5, 20, 100, 1e4])
@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_logistic_functions_do_not_overflow(x, target):
    assert 0 <= kernels.sigmoid(x) <= 1
    assert kernels.sigmoid(x) == pytest.approx(1 / (1 + math.exp(-x)) if x > -700 else 0)
    value = kernels.log_loss(x, target)
    assert math.isfinite(value) and value >= 0
    if abs(x) < 15:
        assert value == pytest.approx(float(reference.log_loss(x, target)), rel=1e-9)


def test_random_numbers_are_splitmix64():
    state = np.array([2**63 + 11], np.uint64)
    expected, plain = [], 2**63 + 11
    for _ in range(5):
        plain, number = reference.splitmix64(plain)
        expected.append(number)
    assert [int(kernels.next_random(state)) for _ in range(5)] == expected
    # The published first outputs for seed 0.
    state = np.zeros(1, np.uint64)
    assert int(kernels.next_random(state)) == 0xE220A8397B1DCDAF


def test_softmax_of_huge_scores_is_finite():
    problem = Problem("softmax", dtype=np.float32)
    problem.output *= np.float32(1e4)
    value, _, embeddings, output = problem.train(order=[0, 1, 2], lr=1e-6)
    assert np.isfinite(value) and np.isfinite(embeddings).all() and np.isfinite(output).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_each_kernel_is_compiled_once(loss):
    """A second specialisation would mean that a caller lets types vary."""
    for optimizer in ("sgd", "adagrad"):
        train = kernels.make_trainer(loss, optimizer)
        Problem(loss, dtype=np.float32).train(optimizer, order=[0, 1])
        Problem(loss, 1, dtype=np.float32).train(optimizer, order=[2])
        assert len(getattr(train, "signatures", [()])) == 1
        assert kernels.make_trainer(loss, optimizer) is train
