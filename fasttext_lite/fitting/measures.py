"""Loss and share of right texts of a model on part of the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from fasttext_lite.config.losses import LOSSES, Loss
from fasttext_lite.config.records import load
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.model.decisions import decide_in_parts, right_texts
from fasttext_lite.model.model import CHUNK_SCORES, Model

# Given scores, targets of the same shape (or one for all) and the exponent of the focal variants,
# such a function returns the loss of each score: a slow twin of the kernel of the same name in
# `training.kernels.losses`.
Measure: TypeAlias = Callable[[np.ndarray, Any, float], np.ndarray]
DEAD_LENGTH = 1e-4  # a row shorter than this times the root mean square is dead
DEAD_ROWS = 1 << 16  # looked at in one go


def right_share(
    model: Model, features: FeatureMatrix, labels: Labels, n_threads: int | None = None
) -> float:
    """Return the share of texts that the model decides right; see `decisions.right_texts`.

    As `scores.Evaluation.accuracy`, of features that are there already.
    """
    own, n_right = labels.without_repeats(), 0
    for start, found in decide_in_parts(model, features, n_threads):
        part = own.take(np.arange(start, start + len(found.labels)))
        n_right += int(right_texts(found.labels, part, model.multilabel).sum())
    return n_right / max(len(labels), 1)


def first_right(
    model: Model, features: FeatureMatrix, labels: Labels, n_threads: int | None = None
) -> np.ndarray:
    """Return of each text whether its likeliest label is one of its own, bool[n_texts]."""
    found = model.predict(features, n_threads=n_threads).labels[:, 0]
    docs = np.repeat(np.arange(len(labels)), np.diff(labels.indptr))
    right = np.zeros(len(labels), bool)
    right[docs[labels.ids == found[docs]]] = True
    return right


def dead_share(embeddings: np.ndarray) -> float:
    """Return the share of rows shorter than `DEAD_LENGTH` times their root mean square."""
    squares = np.empty(len(embeddings))
    for start in range(0, len(embeddings), DEAD_ROWS):
        part = embeddings[start : start + DEAD_ROWS]
        squares[start : start + DEAD_ROWS] = np.einsum("ij,ij->i", part, part)
    if squares.size == 0:
        return 0.0
    return float((squares <= squares.mean() * DEAD_LENGTH**2).mean())


def mean_loss(
    model: Model, features: FeatureMatrix, labels: Labels, n_threads: int | None = None
) -> float | None:
    """Return the mean loss of texts, as training measures it, but without any dropout.

    Texts without a known feature, with a label that the model does not know, or without any
    label where the loss needs one (softmax, hs, ns) are left out. For ns, which draws labels at
    random, this is the expected value.

    Parameters
    ----------
    model : Model
    features : FeatureMatrix
    labels : Labels
        Ids are the model's, -1 = unknown.
    n_threads : int, optional

    Returns
    -------
    float or None
        None where no text is left.
    """
    sizes = np.diff(labels.indptr)
    docs = np.repeat(np.arange(len(labels)), sizes)
    use = np.diff(features.indptr) > 0
    use[docs[labels.ids < 0]] = False
    if LOSSES[model.config.loss].needs_label:
        use &= sizes > 0
    chosen = np.flatnonzero(use)
    if chosen.size == 0:
        return None
    hidden = model.embed(features.take(chosen), n_threads)
    labels = labels.take(chosen)
    step = max(1, CHUNK_SCORES // max(model.output.shape[0], 1))
    total = 0.0
    for start in range(0, chosen.size, step):
        part = np.arange(start, min(start + step, chosen.size))
        scores = (hidden[part] @ model.output.T).astype(np.float64)
        own = labels.take(part)
        total += float(_sum_of_losses(model, scores, own))
    return total / chosen.size


def _sum_of_losses(model: Model, scores: np.ndarray, labels: Labels) -> float:
    """Return the sum of the losses of some texts, given the scores of all output rows."""
    loss = LOSSES[model.config.loss]
    docs = np.repeat(np.arange(len(labels)), np.diff(labels.indptr))
    measure = _by_kernel(loss) if loss.measure is None else load(loss.measure)
    measured = {"all": _dense_losses, "path": _path_losses, "drawn": _drawn_losses}
    return measured[loss.participants](model, scores, labels, docs, measure)


def _by_kernel(loss: Loss) -> Measure:
    """Return a measure by the kernel of a loss: of each row of scores, its whole loss."""

    def measure(scores: np.ndarray, targets: np.ndarray, focal: float) -> np.ndarray:
        from fasttext_lite.compiled.blocks import LANES

        slopes = load(loss.focal if focal and loss.focal else loss.slopes)
        n = scores.shape[1]
        room = [(0, 0), (0, -n % LANES)]
        scores, targets = (np.pad(each.astype(np.float32), room) for each in (scores, targets))
        rows = zip(scores, targets, strict=True)
        return np.array([slopes(*row, n, np.float32(focal)) for row in rows])

    return measure


def softmax(scores: np.ndarray, targets: np.ndarray, focal: float) -> np.ndarray:
    """Return the terms of the cross-entropy of each row; see `Measure`."""
    scores = scores - scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -(targets * _focus(np.exp(log_p), focal) * log_p)


def logistic(scores: np.ndarray, targets: np.ndarray | float, focal: float) -> np.ndarray:
    """Return the logistic loss of each score; see `Measure`."""
    log_p, log_q = -np.logaddexp(0, -scores), -np.logaddexp(0, scores)
    yes = _focus(np.exp(log_p), focal) * log_p
    no = _focus(np.exp(log_q), focal) * log_q
    return -(targets * yes + (1 - targets) * no)


def hinge(scores: np.ndarray, targets: np.ndarray, focal: float) -> np.ndarray:
    """Return how far each score is from the margin on its side; see `Measure`."""
    return np.maximum(1 - np.where(targets > 0.5, 1, -1) * scores, 0)


def squared_hinge(scores: np.ndarray, targets: np.ndarray, focal: float) -> np.ndarray:
    """Return the squares of `hinge`; see `Measure`."""
    return hinge(scores, targets, focal) ** 2


def _focus(p: np.ndarray, focal: float) -> np.ndarray | float:
    """Return the factor of the focal loss at a probability, (1 - p) ** focal."""
    return np.maximum(1 - p, 1e-7) ** focal if focal else 1.0


def _dense_losses(
    model: Model, scores: np.ndarray, labels: Labels, docs: np.ndarray, measure: Measure
) -> float:
    """Return the sum of the losses of all labels' scores."""
    config, loss = model.config, LOSSES[model.config.loss]
    smoothing = (config.label_smoothing or 0.0) * loss.smoothed
    targets = np.full(scores.shape, smoothing / scores.shape[1])
    shares = 1 / np.diff(labels.indptr)[docs] if loss.divides else 1.0
    targets[docs, labels.ids] += (1 - smoothing) * shares
    return float(measure(scores, targets, config.focal).sum())


def _path_losses(
    model: Model, scores: np.ndarray, labels: Labels, docs: np.ndarray, measure: Measure
) -> float:
    """Return the sum of the losses of the decisions from each label up to the root."""
    tree, smoothing = model.tree, model.config.label_smoothing or 0.0
    assert tree is not None
    parents, branches = tree.parents(), tree.branches()
    node, shares, total = labels.ids.astype(np.int64), 1 / np.diff(labels.indptr)[docs], 0.0
    while node.size:
        up = parents[node]
        below = up >= 0
        node, up, docs, shares = node[below], up[below], docs[below], shares[below]
        targets = branches[node] * (1 - smoothing) + smoothing / 2
        losses = measure(scores[docs, up - tree.n_labels], targets, model.config.focal)
        total += float((shares * losses).sum())
        node = up.astype(np.int64)
    return total


def _drawn_losses(
    model: Model, scores: np.ndarray, labels: Labels, docs: np.ndarray, measure: Measure
) -> float:
    """Return the sum of the expected losses with negative labels drawn at random."""
    from fasttext_lite.training.kernels.participants import DRAWS

    config, sizes = model.config, np.diff(labels.indptr)
    smoothing = config.label_smoothing or 0.0
    floor = smoothing / scores.shape[1]
    chances = np.sqrt(np.maximum(model.label_counts, 1))
    chances = np.repeat(chances[None] / chances.sum(), len(sizes), axis=0)
    chances[docs, labels.ids] = 0  # a draw that hits a label of the text is repeated
    rest = chances.sum(axis=1, keepdims=True)
    chances *= np.divide(1 - (1 - rest) ** DRAWS, rest, out=np.zeros_like(rest), where=rest > 0)
    negative = measure(scores, floor, config.focal) * chances
    target = 1 - smoothing + floor
    positive = measure(scores[docs, labels.ids], target, config.focal)
    return float((positive / sizes[docs]).sum() + config.neg * negative.sum())
