"""Plain training (SGD and no other part): the shortest description of the algorithm."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.blocks import (
    LANES,
    descend_rows,
    inner_products,
    merge_tables,
)
from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.compiled.random import next_random
from fasttext_lite.training.kernels.inputs import plain_inputs
from fasttext_lite.training.kernels.participants import fetch_path
from fasttext_lite.training.kernels.rows import axpy

_kernel = compiler(FAST)


def make_plain_trainer(parts):  # noqa: C901 - nearly every branch is decided at compile time
    """Return the kernel of plain training; see `make_trainer`."""
    find_participants, find_slopes, take_step = parts.participants, parts.slopes, parts.step
    dense, divides, smoothed = parts.dense, parts.divides, parts.smoothed
    needs_label, uses_tree = parts.needs_label, parts.uses_tree
    learn_output = not parts.frozen_output
    find, fetch, pool, push, part, join = plain_inputs(parts)

    @_kernel
    def train_documents(  # noqa: C901
        order, docs, settings, span, tree, negatives, rng, most_rows, embeddings, output, norm,
        layer,
    ):  # fmt: skip
        """Take one step for each document of `order`; see the other kernel of this name."""
        ids, weights = docs.ids, docs.weights
        shared = output.values
        n_output, dim = shared.shape
        n_labels = n_output + 1 if uses_tree else n_output
        own, before = shared, shared
        if span.apart > 0:
            own, before = shared.copy(), shared.copy()
        part(embeddings)
        hidden = np.zeros(dim, shared.dtype)
        gradient = np.zeros(dim, shared.dtype)
        room = (max(most_rows, n_output) + LANES - 1) // LANES * LANES
        rows = np.arange(room).astype(np.int32)
        targets = np.zeros(room, shared.dtype)
        errors = np.zeros(room, shared.dtype)
        floor = np.float32(0)  # the target of the labels that are not the document's
        if smoothed:
            floor = settings.smoothing / np.float32(n_labels)
        if dense:
            targets[:n_labels] = floor
        peak = np.float32(1) - floor * np.float32(n_labels)
        slope = (span.lr_last - span.lr_first) / np.float32(order.size)
        total_loss = 0.0
        total_weight = 0.0
        for i in range(order.size):
            doc = order[i]
            first, last = find(embeddings, docs, doc, i)
            fetch(embeddings, docs, order, i)
            if uses_tree:
                fetch_path(tree, own, docs, order, i)
            labels = docs.label_ids[docs.label_indptr[doc] : docs.label_indptr[doc + 1]]
            if first == last or (needs_label and labels.size == 0):
                continue
            lr = span.lr_first + slope * np.float32(i)

            # Forward.
            pool(embeddings, ids, weights, first, last, i, 0, 0.0, settings, 0, hidden)
            if dense:
                n = n_labels
                for label in labels:
                    targets[label] = floor + (peak / np.float32(labels.size) if divides else peak)
            else:
                n = find_participants(
                    n_labels, labels, settings.smoothing, tree, negatives, rng, rows, targets
                )
            if learn_output:
                inner_products(own, rows, n, hidden, errors)
            else:  # of the identity
                for k in range(n):
                    errors[k] = hidden[rows[k]]
            loss = find_slopes(errors, targets, n, settings.focal)
            if dense:
                for label in labels:
                    targets[label] = floor
            share = docs.doc_weights[doc]
            total_weight += share
            if not dense:
                share /= np.float32(labels.size)
            total_loss += share * loss

            # Backward.
            for k in range(n):
                errors[k] *= share
            if not learn_output:
                gradient[:] = 0
                for k in range(n):
                    gradient[rows[k]] += errors[k]
            elif dense or (uses_tree and labels.size == 1):
                descend_rows(own, rows, n, errors, lr, hidden, gradient)
            else:  # rows can stand there twice
                gradient[:] = 0
                for k in range(n):
                    axpy(errors[k], own, rows[k], gradient)
                for k in range(n):
                    take_step(own, own, rows[k], errors[k], hidden, lr, settings, 0, 0)
            noise = np.uint64(next_random(rng))
            push(embeddings, ids, weights, first, last, i, gradient, lr, 0, settings, noise)
            if span.apart > 0 and (i + 1) % span.apart == 0:
                merge_tables(shared, own, before)
            if span.rows_apart > 0 and (i + 1) % span.rows_apart == 0:
                join(embeddings)
        if span.apart > 0:
            merge_tables(shared, own, before)
        if span.rows_apart > 0:
            join(embeddings)
        return total_loss, total_weight

    return train_documents
