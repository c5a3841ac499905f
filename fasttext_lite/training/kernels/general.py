"""The training loop: stochastic gradient descent over documents, as in the paper.

For each document: hidden = weighted sum of its rows; the loss names the output rows that take
part and the derivative of the loss by each one's score; output rows and input rows move
against their gradients.  (Joulin et al. 2016, Bag of Tricks for Efficient Text Classification;
Mikolov et al. 2013 for hierarchical softmax and negative sampling.)

Every loss, optimizer, activation and regulariser is one small function with the arguments of
its neighbours, and `make_trainer` closes over those that `Parts` holds: all choices are fixed at
compile time, and what is not used is not compiled.

Rows that a document does not touch cost nothing.  What must happen to them at each step all
the same (decay of the optimizer's state, weight decay, averaging) is made up for when they are
touched next, or in the end (`training.weights.settle`), with the same result as a dense loop.

Plain training (`Parts.plain`: SGD and no other part) has a kernel of its own with the same
arguments and the same results, in `plain`.  Its time is that of fetching rows from
memory; it is also the shortest description of the algorithm.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from fasttext_lite.compiled.blocks import LANES
from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.compiled.random import chance, next_random
from fasttext_lite.training.kernels.inputs import general_inputs
from fasttext_lite.training.kernels.layers import (
    batch_standardize,
    batch_standardize_back,
    keep_features,
    layer_standardize,
    layer_standardize_back,
)
from fasttext_lite.training.kernels.parts import BATCH
from fasttext_lite.training.kernels.plain import make_plain_trainer
from fasttext_lite.training.kernels.regularizers import clip_factor, limit_row, shrink_row
from fasttext_lite.training.kernels.rows import axpy, dot

_kernel = compiler(FAST)


def make_settle(parts):
    """Return the function that makes up for the steps since a row was settled last."""
    average, shrink = parts.average, parts.shrink

    @_kernel
    def settle(table, row, step, path, settings, average_from):
        if average:
            count = step - max(table.seen[row, 0], np.float64(average_from))
            if count > 0:
                for d in range(table.values.shape[1]):
                    table.total[row, d] += count * table.values[row, d]
        if shrink:
            distance = max(path - table.seen[row, 1], 0.0)
            shrink_row(table.values, row, settings.l1, settings.l2, distance)
        # Threads are at different steps: never back in time.
        table.seen[row, 0] = max(table.seen[row, 0], np.float64(step))
        table.seen[row, 1] = max(table.seen[row, 1], path)

    return settle


def make_move(parts):
    """Return the function that takes the optimizer's step in one row."""
    take_step, forgets, limit = parts.step, parts.forgets, parts.max_norm

    @_kernel
    def move(table, row, scale, direction, lr, step, settings):
        values, moments = table.values, table.moments
        gap = np.float32(0)
        if forgets:
            gap = np.float32(step - table.seen[row, 2])
            if gap < 0:  # another thread is ahead; without decay, they would add up
                gap = np.float32(1)
            table.seen[row, 2] = max(table.seen[row, 2], np.float64(step))
        take_step(values, moments, row, scale, direction, lr, settings, gap, step)
        if limit:
            limit_row(values, row, settings.max_norm)

    return move


@cache
def make_trainer(parts):  # noqa: C901 - every branch is decided at compile time
    """Return the training kernel made of some parts.

    Parameters
    ----------
    parts : Parts

    Returns
    -------
    train_documents : compiled function
        See its docstring.
    """
    if parts.plain:
        return make_plain_trainer(parts)
    settle, move = make_settle(parts), make_move(parts)
    width, find, pool, push = general_inputs(parts, settle, move)
    find_participants, find_slopes, activate = parts.participants, parts.slopes, parts.activate
    dense, needs_label, uses_tree = parts.dense, parts.needs_label, parts.uses_tree
    smoothed, learn_output = parts.smoothed, not parts.frozen_output
    clip, average = parts.clip, parts.average
    lazy = parts.shrink or average
    drop_features, drop_hidden = parts.feature_dropout, parts.hidden_dropout
    layer_norm, batch_norm = parts.norm == "layer", parts.norm == "batch"
    use_norm, batch = layer_norm or batch_norm, BATCH if batch_norm else 1
    use_layer = activate is not None

    @_kernel
    def train_documents(  # noqa: C901
        order, docs, settings, span, tree, negatives, rng, most_rows, embeddings, output, norm,
        layer,
    ):  # fmt: skip
        """Take one step for each document of `order`, in that order, in place.

        Parameters
        ----------
        order : int32[n]
            Documents to visit.
        docs : Docs
        settings : Settings
        span : Span
        tree : int32[n_nodes]
            See `participants`; used by the loss hs alone.
        negatives : int32[n], rng : uint64[1]
            See `participants`; state of the random numbers.
        most_rows : int
            The most output rows that take part in the loss of one document.
        embeddings, output : Table
            Written in place, without locks (Niu et al. 2011, Hogwild!). `Pooled` in place of the
            embeddings with `parts.pooled`.
        norm : Table
            4 rows of dim: gain, shift, running mean, running variance.
        layer : Table
            A row of dim + 1 for each unit of the hidden layer (two for maxout), bias last.

        Returns
        -------
        loss : float
            Weighted sum of the losses before each step.
        weight : float
            Sum of the weights of the documents visited.
        """
        n_output, units = output.values.shape
        dim = width(embeddings)
        dtype = embeddings.values.dtype
        n_labels = n_output + 1 if uses_tree else n_output
        hidden = np.empty((batch, dim), dtype)
        gradient = np.empty((batch, dim), dtype)
        room = (most_rows + LANES - 1) // LANES * LANES
        rows = np.empty(room, np.int32)
        targets = np.empty(room, dtype)
        errors = np.empty(room, dtype)
        chosen = np.empty((batch, 3), np.int64)  # position in order, first and last feature
        one = np.ones(1, dtype)
        if use_norm:
            standard = np.empty((batch, dim), dtype)
            inverse = np.empty(dim, dtype)
            gain = np.zeros(dim, dtype)
        if use_layer:
            inputs = np.ones(dim + 1, dtype)
            back = np.empty(dim + 1, dtype)
            slopes = np.empty(layer.values.shape[0], dtype)
        if use_norm or use_layer or drop_hidden:
            top = np.empty(units, dtype)
            below = np.empty(units, dtype)  # d loss / d top
        if drop_hidden:
            mask = np.empty(units, dtype)
        if drop_features:
            longest = 0
            for doc in order:
                longest = max(longest, docs.indptr[doc + 1] - docs.indptr[doc])
            ids = np.empty(batch * longest, np.int32)
            weights = np.empty(batch * longest, np.float32)
        else:
            ids, weights = docs.ids, docs.weights
        smoothing = settings.smoothing * np.float32(1 if smoothed else 0)
        slope = (span.lr_last - span.lr_first) / np.float32(order.size)
        total_loss = 0.0
        total_weight = 0.0
        turn = 0
        while turn < order.size:
            # Pooling: the hidden vectors of the next documents (one, but for batch norm).
            n_docs = 0
            while turn < order.size and n_docs < batch:
                doc = order[turn]
                turn += 1
                i = turn - 1
                first, last = find(embeddings, docs, doc, i)
                if needs_label and docs.label_indptr[doc] == docs.label_indptr[doc + 1]:
                    continue
                if drop_features:
                    start = n_docs * longest
                    kept = keep_features(
                        docs.ids, docs.weights, first, last, settings.feature_dropout, rng,
                        ids[start:], weights[start:],
                    )  # fmt: skip
                    first, last = start, start + kept
                if first == last:
                    continue
                path = span.path + i * (span.lr_first + slope * (i - 1) / 2)
                pool(
                    embeddings, ids, weights, first, last, i, span.step + i, path, settings,
                    span.average_from, hidden[n_docs],
                )  # fmt: skip
                chosen[n_docs, 0] = i
                chosen[n_docs, 1] = first
                chosen[n_docs, 2] = last
                n_docs += 1
            if n_docs == 0:
                break
            if batch_norm:
                batch_standardize(hidden, n_docs, norm.values, standard, inverse)

            for g in range(n_docs):
                i = chosen[g, 0]
                doc = order[i]
                step = span.step + i
                lr = span.lr_first + slope * np.float32(i)
                path = span.path + i * (span.lr_first + slope * (i - 1) / 2)
                labels = docs.label_ids[docs.label_indptr[doc] : docs.label_indptr[doc + 1]]

                # Forward: normalisation, hidden layer, dropout.
                entering = hidden[g]
                if use_norm:
                    if layer_norm:
                        inverse[:] = layer_standardize(hidden[g], standard[g])
                    if average:
                        settle(norm, 0, step, path, settings, span.average_from)
                        settle(norm, 1, step, path, settings, span.average_from)
                    for d in range(dim):
                        hidden[g, d] = norm.values[0, d] * standard[g, d] + norm.values[1, d]
                if use_layer:
                    inputs[:dim] = hidden[g]
                    for unit in range(layer.values.shape[0]):
                        if lazy:
                            settle(layer, unit, step, path, settings, span.average_from)
                        slopes[unit] = dot(layer.values, unit, inputs)
                    entering = top
                    activate(slopes, top)
                if drop_hidden:
                    keep = np.float32(1) - settings.hidden_dropout
                    for d in range(units):
                        mask[d] = 0 if chance(rng) < settings.hidden_dropout else 1 / keep
                        top[d] = entering[d] * mask[d]
                    entering = top

                # The loss: which output rows, which targets, which errors.
                n = find_participants(
                    n_labels, labels, smoothing, tree, negatives, rng, rows, targets
                )
                for k in range(n):
                    if lazy and learn_output:
                        settle(output, rows[k], step, path, settings, span.average_from)
                    errors[k] = dot(output.values, rows[k], entering)
                loss = find_slopes(errors, targets, n, settings.focal)
                share = docs.doc_weights[doc]
                total_weight += share
                if not dense:  # the labels of a document share its loss
                    share /= np.float32(labels.size)
                total_loss += share * loss

                # Backward.
                slot = gradient[g]
                if use_layer or drop_hidden:
                    slot = below
                slot[:] = 0
                for k in range(n):
                    errors[k] *= share
                    axpy(errors[k], output.values, rows[k], slot)
                if learn_output:
                    if clip:
                        factor = clip_factor(settings.clip, errors, n, entering)
                        for k in range(n):
                            errors[k] *= factor
                    # Threads begin at different rows: in step, they would write the same row
                    # at the same time, wait for its cache line and lose each other's updates.
                    shift = np.int64(next_random(rng) % np.uint64(n))
                    for k in range(n):
                        at = k + shift
                        if at >= n:
                            at -= n
                        move(output, rows[at], errors[at], entering, lr, step, settings)
                if drop_hidden:
                    for d in range(units):
                        below[d] *= mask[d]
                if use_layer:
                    back[:] = 0
                    pieces = layer.values.shape[0] // units
                    for unit in range(layer.values.shape[0]):
                        slopes[unit] *= below[unit // pieces]
                        axpy(slopes[unit], layer.values, unit, back)
                    factor = np.float32(1)
                    if clip:
                        factor = clip_factor(settings.clip, slopes, slopes.size, inputs)
                    for unit in range(layer.values.shape[0]):
                        move(layer, unit, factor * slopes[unit], inputs, lr, step, settings)
                    gradient[g] = back[:dim]
                elif drop_hidden:
                    gradient[g] = below
                if use_norm:
                    for d in range(dim):
                        gain[d] = gradient[g, d] * standard[g, d]
                    factor, factor1 = np.float32(1), np.float32(1)
                    if clip:
                        factor = clip_factor(settings.clip, one, 1, gain)
                        factor1 = clip_factor(settings.clip, one, 1, gradient[g])
                    below_gain = norm.values[0].copy()
                    move(norm, 0, factor, gain, lr, step, settings)
                    move(norm, 1, factor1, gradient[g], lr, step, settings)
                    for d in range(dim):
                        gradient[g, d] *= below_gain[d]
                    if layer_norm:
                        gain[:] = gradient[g]
                        layer_standardize_back(gain, standard[g], inverse[0], gradient[g])

            if batch_norm:
                batch_standardize_back(gradient, n_docs, standard, inverse)
            for g in range(n_docs):
                i = chosen[g, 0]
                lr = span.lr_first + slope * np.float32(i)
                push(
                    embeddings, ids, weights, chosen[g, 1], chosen[g, 2], i, gradient[g], lr,
                    span.step + i, settings, np.uint64(0),
                )  # fmt: skip
        return total_loss, total_weight

    return train_documents
