"""The training loop: stochastic gradient descent over documents, as in the paper.

For each document: hidden = weighted sum of its rows; the loss names the output rows that take
part and the derivative of the loss by each one's score; output rows and input rows move
against their gradients.  (Joulin et al. 2016, Bag of Tricks for Efficient Text Classification;
Mikolov et al. 2013 for hierarchical softmax and negative sampling.)

A loss is one function with the arguments and results of `_softmax`, an optimizer one with
those of `_sgd`: adding one touches its function, its branch in `make_trainer`, and the name
lists in `config.py`.  `make_trainer` fixes both at compile time; what is not used is not
compiled.
"""

from functools import cache
from math import exp, log, log1p, sqrt
from typing import Any

import numpy as np
from numba import njit

_OPTIONS: Any = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz"},
}


def _kernel(function):
    """Compile on first call, cached on disk; in memory only where no folder is writable."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        return njit(**_OPTIONS)(function)


@_kernel
def _dot(table, row, vector):
    """Return the inner product of table[row] and vector."""
    total = np.float32(0)
    for d in range(vector.size):
        total += table[row, d] * vector[d]
    return total


@_kernel
def _axpy(scale, table, row, vector):
    """Add scale * table[row] to vector."""
    for d in range(vector.size):
        vector[d] += scale * table[row, d]


@_kernel
def sigmoid(x):
    """Return 1 / (1 + exp(-x)) without overflow for any finite x."""
    if x >= 0:
        return 1 / (1 + exp(-x))
    z = exp(x)
    return z / (1 + z)


@_kernel
def log_loss(x, target):
    """Return -target * ln s - (1 - target) * ln(1 - s) for s = sigmoid(x)."""
    return max(x, 0) - target * x + log1p(exp(-abs(x)))


# -- losses: fill `rows` and `errors`, return how many, and the loss -------------------------


@_kernel
def _softmax(output, hidden, labels, smoothing, tree, negatives, rng, rows, errors):
    """Cross-entropy of the softmax over all labels against the document's labels.

    Parameters
    ----------
    output : float32[n_output_rows, dim]
    hidden : float32[dim]
    labels : int32[n], n >= 1
        The labels of the document; each has an equal share of the target.
    smoothing : float32
        Share of the target spread evenly over all labels (Szegedy et al. 2016).
    tree : int32[2, n_nodes]
        Parent and branch of each node of the label tree; used by `_hs` alone.
    negatives : int32[n], rng : uint64[1]
        Labels to draw from, and the generator's state; used by `_ns` alone.
    rows : int32[], errors : float32[]
        Written in place: output rows that take part and d loss / d score of each.

    Returns
    -------
    n : int
        How many entries of `rows` and `errors` were written.
    loss : float
    """
    n_labels = output.shape[0]
    highest = np.float32(-np.inf)
    for k in range(n_labels):
        rows[k] = k
        errors[k] = _dot(output, k, hidden)
        highest = max(highest, errors[k])
    loss = np.float32(0)
    total = np.float32(0)
    floor = smoothing / np.float32(n_labels)
    share = (np.float32(1) - smoothing) / np.float32(labels.size)
    for label in labels:
        loss -= share * (errors[label] - highest)
    for k in range(n_labels):
        loss -= floor * (errors[k] - highest)
        errors[k] = exp(errors[k] - highest)
        total += errors[k]
    inverse = np.float32(1) / total
    for k in range(n_labels):
        errors[k] = errors[k] * inverse - floor
    for label in labels:
        errors[label] -= share
    return n_labels, loss + log(total)


@_kernel
def _hs(output, hidden, labels, smoothing, tree, negatives, rng, rows, errors):
    """Logistic losses of the decisions on the path from the root to each label.

    Smoothing s makes the target of a decision 1 - s/2 or s/2.
    """
    n_labels = output.shape[0] + 1
    share = np.float32(1) / np.float32(labels.size)
    loss = np.float32(0)
    n = 0
    for label in labels:
        node = label
        while tree[0, node] >= 0:
            target = np.float32(tree[1, node]) * (
                np.float32(1) - smoothing
            ) + smoothing * np.float32(0.5)
            node = tree[0, node]
            score = _dot(output, node - n_labels, hidden)
            rows[n] = node - n_labels
            errors[n] = share * (sigmoid(score) - target)
            loss += share * log_loss(score, target)
            n += 1
    return n, loss


@_kernel
def _ova(output, hidden, labels, smoothing, tree, negatives, rng, rows, errors):
    """Logistic loss of every label by itself; smoothed targets as in `_softmax`."""
    n_labels = output.shape[0]
    floor = smoothing / np.float32(n_labels)
    loss = np.float32(0)
    for k in range(n_labels):
        target = floor
        for label in labels:
            if label == k:
                target = np.float32(1) - smoothing + floor
        score = _dot(output, k, hidden)
        rows[k] = k
        errors[k] = sigmoid(score) - target
        loss += log_loss(score, target)
    return n_labels, loss


@_kernel
def next_random(rng):
    """Return the next uint64 of splitmix64 (Steele et al. 2014); rng is uint64[1]."""
    rng[0] += np.uint64(0x9E3779B97F4A7C15)
    z = rng[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_kernel
def _ns(output, hidden, labels, smoothing, tree, negatives, rng, rows, errors):
    """Logistic losses of each label and of some labels drawn at random that are not its own.

    negatives[0] is the number of draws for each label, the rest is the table to draw from.
    A draw that hits a label of the document is dropped.
    """
    floor = smoothing / np.float32(output.shape[0])
    share = np.float32(1) / np.float32(labels.size)
    loss = np.float32(0)
    n = 0
    for label in labels:
        for draw in range(negatives[0] + 1):
            if draw == 0:
                row = label
                target = np.float32(1) - smoothing + floor
            else:
                pick = next_random(rng) % np.uint64(negatives.size - 1)
                row = negatives[1 + np.int64(pick)]
                target = floor
                hit = False
                for other in labels:
                    hit |= other == row
                if hit:
                    continue
            score = _dot(output, row, hidden)
            rows[n] = row
            errors[n] = share * (sigmoid(score) - target)
            loss += share * log_loss(score, target)
            n += 1
    return n, loss


# -- optimizers: move one row against its gradient, scale * direction ------------------------


@_kernel
def _sgd(table, state, row, scale, direction, lr):
    """table[row] -= lr * gradient."""
    step = lr * scale
    for d in range(direction.size):
        table[row, d] -= step * direction[d]


@_kernel
def _adagrad(table, state, row, scale, direction, lr):
    """Divide each step by the root of the squared gradients so far (Duchi et al. 2011, eq. 1)."""
    for d in range(direction.size):
        gradient = scale * direction[d]
        state[row, d] += gradient * gradient
        table[row, d] -= lr * gradient / np.float32(sqrt(state[row, d] + np.float32(1e-10)))


@cache
def make_trainer(loss, optimizer):
    """Return the training kernel of a loss ("softmax", "hs", "ova", "ns") and an optimizer.

    Returns
    -------
    train_documents : compiled function
        See its docstring.
    """
    use_softmax, use_hs, use_ova = loss == "softmax", loss == "hs", loss == "ova"
    use_adagrad = optimizer == "adagrad"

    @_kernel
    def train_documents(
        order, ids, weights, indptr, label_ids, label_indptr, doc_weights, lr_first, lr_last,
        smoothing, tree, negatives, rng, most_rows, embeddings, embeddings_state, output,
        output_state,
    ):  # fmt: skip
        """Take one step for each document of `order`, in that order, in place.

        Parameters
        ----------
        order : int32[n]
            Documents to visit.
        ids : int32[], weights : float32[], indptr : int64[n_docs + 1]
            The features (`FeatureMatrix`); a document without any is passed over.
        label_ids : int32[], label_indptr : int64[n_docs + 1]
        doc_weights : float32[n_docs]
            The loss of each document is multiplied by its weight.
        lr_first, lr_last : float32
            The learning rate runs linearly from the one to the other.
        smoothing, tree, negatives, rng
            See `_softmax`.
        most_rows : int
            The most output rows that take part in the loss of one document.
        embeddings, embeddings_state : float32[n_rows, dim]
        output, output_state : float32[n_output_rows, dim]
            Written in place, without locks (Niu et al. 2011, Hogwild!).

        Returns
        -------
        loss : float
            Weighted sum of the losses before each step.
        weight : float
            Sum of the weights of the documents visited.
        """
        dim = embeddings.shape[1]
        hidden = np.empty(dim, embeddings.dtype)
        gradient = np.empty(dim, embeddings.dtype)
        rows = np.empty(most_rows, np.int32)
        errors = np.empty(most_rows, embeddings.dtype)
        total_loss = 0.0
        total_weight = 0.0
        for i in range(order.size):
            doc = order[i]
            first, last = indptr[doc], indptr[doc + 1]
            labels = label_ids[label_indptr[doc] : label_indptr[doc + 1]]
            if first == last or (labels.size == 0 and not use_ova):
                continue
            lr = lr_first + (lr_last - lr_first) * np.float32(i / order.size)

            hidden[:] = 0
            for j in range(first, last):
                _axpy(weights[j], embeddings, ids[j], hidden)

            if use_softmax:
                n, loss = _softmax(
                    output, hidden, labels, smoothing, tree, negatives, rng, rows, errors
                )
            elif use_hs:
                n, loss = _hs(output, hidden, labels, smoothing, tree, negatives, rng, rows, errors)
            elif use_ova:
                n, loss = _ova(
                    output, hidden, labels, smoothing, tree, negatives, rng, rows, errors
                )
            else:
                n, loss = _ns(output, hidden, labels, smoothing, tree, negatives, rng, rows, errors)
            total_loss += doc_weights[doc] * loss
            total_weight += doc_weights[doc]

            gradient[:] = 0
            for k in range(n):
                errors[k] *= doc_weights[doc]
                _axpy(errors[k], output, rows[k], gradient)
            # Threads begin at different rows: in step, they would write the same row at the
            # same time, wait for its cache line and lose each other's updates.
            shift = np.int64(next_random(rng) % np.uint64(n))
            for turn in range(n):
                turned = turn + shift
                if turned >= n:
                    turned -= n
                row, error = rows[turned], errors[turned]
                if use_adagrad:
                    _adagrad(output, output_state, row, error, hidden, lr)
                else:
                    _sgd(output, output_state, row, error, hidden, lr)
            for j in range(first, last):
                if use_adagrad:
                    _adagrad(embeddings, embeddings_state, ids[j], weights[j], gradient, lr)
                else:
                    _sgd(embeddings, embeddings_state, ids[j], weights[j], gradient, lr)
        return total_loss, total_weight

    return train_documents
