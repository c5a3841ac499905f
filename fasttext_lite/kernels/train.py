"""The training loop: stochastic gradient descent over documents, as in the paper.

For each document: hidden = weighted sum of its rows; the loss names the output rows that take
part and the derivative of the loss by each one's score; output rows and input rows move
against their gradients.  (Joulin et al. 2016, Bag of Tricks for Efficient Text Classification;
Mikolov et al. 2013 for hierarchical softmax and negative sampling.)

Every loss, optimizer, activation and regulariser is one small function with the arguments of
its neighbours; adding one touches that function, its line in `make_trainer`, and the name lists
in `config.py`.  `make_trainer` fixes all choices at compile time: what is not used is not
compiled.

Rows that a document does not touch cost nothing.  What must happen to them at each step all
the same (decay of the optimizer's state, weight decay, averaging) is made up for when they are
touched next, or in the end (`weights.settle`), with the same result as a dense loop.

Plain training (`is_plain`: SGD and no other part) has a kernel of its own with the same
arguments and the same results, `_make_plain_trainer`.  Its time is that of fetching rows from
memory; it is also the shortest description of the algorithm.
"""

from functools import cache
from math import erf, exp, expm1, log, sqrt, tanh
from typing import Any, NamedTuple

import numpy as np

from fasttext_lite.compiling import FAST, compiler
from fasttext_lite.kernels.blocks import (
    LANES,
    descend_rows,
    fetch_rows,
    highest_of,
    inner_products,
    larger_of,
    load_block,
    merge_tables,
    pool_rows,
    push_rows,
    quick_exp,
    quick_log1p,
)

LOWEST = np.float32(-1e30)  # a score of no label
NORM_EPSILON = 1e-5
DRAWS = 32  # tries to find a negative label that is not one of the document's
NORM_MOMENTUM = 0.1  # share of a batch in the running mean and variance
BATCH = 32  # documents normalised together by batch normalisation
_kernel = compiler(FAST)


class Parts(NamedTuple):
    """What a training kernel is made of; a False or empty part is not compiled."""

    loss: str = "softmax"
    optimizer: str = "sgd"
    focal: bool = False
    frozen_output: bool = False
    shrink: bool = False
    max_norm: bool = False
    clip: bool = False
    average: bool = False
    feature_dropout: bool = False
    hidden_dropout: bool = False
    norm: str = "none"
    activation: str = ""


class Table(NamedTuple):
    """A table of weights and what belongs to each row; (0, n) where it is not needed.

    Attributes
    ----------
    values : float32[n_rows, dim]
        The input table can be uint16, the bits of float16: in plain training.
    moments : float32[n_rows, dim or 2 * dim]
        The optimizer's state.
    seen : float64[n_rows, 3]
        Step, and sum of the learning rates before it, when the row was settled last; step when
        it moved last.
    total : float32[n_rows, dim]
        Sum of the row's values after each step, for the average.
    """

    values: Any
    moments: Any
    seen: Any
    total: Any


class Docs(NamedTuple):
    """Features (`FeatureMatrix`), labels and weights of all documents.

    Attributes
    ----------
    ids : int32[], weights : float32[], indptr : int64[n_docs + 1]
        A document without a feature is passed over.
    label_ids : int32[], label_indptr : int64[n_docs + 1]
    doc_weights : float32[n_docs]
        The loss of each document is multiplied by its weight.
    """

    ids: Any
    weights: Any
    indptr: Any
    label_ids: Any
    label_indptr: Any
    doc_weights: Any


class Settings(NamedTuple):
    """Numbers that stay the same during training, float32; see `Config`."""

    smoothing: Any
    focal: Any
    beta1: Any
    beta2: Any
    l1: Any
    l2: Any
    max_norm: Any
    clip: Any
    feature_dropout: Any
    hidden_dropout: Any


class Span(NamedTuple):
    """Where a block of documents lies in the training.

    Attributes
    ----------
    step : int
        Documents visited before the block.
    path : float
        Sum of the learning rates of the steps before the block.
    lr_first, lr_last : float32
        The learning rate runs linearly from the one to the other.
    average_from : int
        First step whose result counts in the average of the weights.
    apart : int
        Steps that a thread takes with an output table of its own before it adds its changes to
        the table that all threads share; 0: it has none of its own. Only in plain training.
    """

    step: Any
    path: Any
    lr_first: Any
    lr_last: Any
    average_from: Any
    apart: Any = 0


# -- rows ------------------------------------------------------------------------------------


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
    z = quick_exp(-abs(x))
    one = np.float32(1)
    return (one if x >= 0 else z) / (one + z)


@_kernel
def log_loss(x, target):
    """Return -target * ln s - (1 - target) * ln(1 - s) for s = sigmoid(x)."""
    return max(x, np.float32(0)) - target * x + quick_log1p(quick_exp(-abs(x)))


@_kernel
def next_random(rng):
    """Return the next uint64 of splitmix64 (Steele et al. 2014); rng is uint64[1]."""
    rng[0] += np.uint64(0x9E3779B97F4A7C15)
    z = rng[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_kernel
def _chance(rng):
    """Return a random float32 in [0, 1)."""
    return np.float32(next_random(rng) >> np.uint64(40)) * np.float32(2.0**-24)


# -- which output rows take part, and their targets ------------------------------------------


@_kernel
def _all_rows(n_labels, labels, smoothing, divide, rows, targets):
    """Let every label take part: 1 for the document's labels, 0 for others, smoothed.

    Smoothing spreads a share of the target evenly over all labels (Szegedy et al. 2016).

    Parameters
    ----------
    n_labels : int
    labels : int32[n]
        Of the document, all different.
    smoothing : float32
    divide : bool
        Whether the labels share the target (softmax) or have one each.
    rows : int32[], targets : float32[]
        Written in place: output rows that take part, and the target of each.

    Returns
    -------
    n : int
        How many entries of `rows` and `targets` were written.
    """
    floor = smoothing / np.float32(n_labels)
    share = np.float32(1) - smoothing
    if divide:
        share /= np.float32(labels.size)
    for k in range(n_labels):
        rows[k] = k
        targets[k] = floor
    for label in labels:
        targets[label] = floor + share
    return n_labels


@_kernel
def _path_rows(n_labels, labels, smoothing, tree, rows, targets):
    """Let the inner nodes from each label to the root take part; smoothing s: 1 - s/2 or s/2.

    tree is int32[2, n_nodes]: parent and branch of each node.
    """
    n = 0
    for label in labels:
        node = label
        while tree[0, node] >= 0:
            branch = np.float32(tree[1, node])
            targets[n] = branch * (np.float32(1) - smoothing) + smoothing * np.float32(0.5)
            node = tree[0, node]
            rows[n] = node - n_labels
            n += 1
    return n


@_kernel
def _drawn_rows(n_labels, labels, smoothing, negatives, rng, rows, targets):
    """Let each label take part, and some drawn at random that are not the document's.

    negatives[0] is the number of draws for each label, the rest is the table to draw from.
    A draw that hits a label of the document is repeated, up to `DRAWS` times in all.
    """
    floor = smoothing / np.float32(n_labels)
    n = 0
    for label in labels:
        rows[n] = label
        targets[n] = np.float32(1) - smoothing + floor
        n += 1
        for _ in range(negatives[0]):
            for _ in range(DRAWS):
                pick = next_random(rng) % np.uint64(negatives.size - 1)
                row = negatives[1 + np.int64(pick)]
                hit = False
                for other in labels:
                    hit |= other == row
                if not hit:
                    rows[n] = row
                    targets[n] = floor
                    n += 1
                    break
    return n


# -- losses: replace the scores by d loss / d score, return the loss --------------------------
# The arrays are as long as whole blocks; what lies behind n is theirs to use.


@_kernel
def _pad(scores, targets, n):
    """Fill the last block with scores that add nothing to a loss; return the length with it."""
    padded = (n + LANES - 1) // LANES * LANES
    for k in range(n, padded):
        scores[k] = LOWEST
        targets[k] = 0
    return padded


@_kernel
def _highest(scores, padded):
    """Return the highest of whole blocks of scores."""
    block = load_block(scores, 0, LANES)
    for k in range(LANES, padded, LANES):
        block = larger_of(block, load_block(scores, k, LANES))
    return highest_of(block)


@_kernel
def _softmax(scores, targets, n, focal):
    """Cross-entropy of the softmax of scores[:n]."""
    padded = _pad(scores, targets, n)
    highest = _highest(scores, padded)
    loss = np.float32(0)
    total = np.float32(0)
    for k in range(padded):
        loss -= targets[k] * (scores[k] - highest)
        scores[k] = quick_exp(scores[k] - highest)
        total += scores[k]
    inverse = np.float32(1) / total
    for k in range(padded):
        scores[k] = scores[k] * inverse - targets[k]
    return loss + log(total)


@_kernel
def _focal_softmax(scores, targets, n, focal):
    """Cross-entropy whose term of each label is times (1 - p) ** focal (Lin et al. 2017)."""
    highest = np.float32(-np.inf)
    for k in range(n):
        highest = max(highest, scores[k])
    total = np.float32(0)
    for k in range(n):
        total += exp(scores[k] - highest)
    loss = np.float32(0)
    pull = np.float32(0)
    for k in range(n):
        log_p = scores[k] - highest - log(total)
        p = exp(log_p)
        rest = max(np.float32(1) - p, np.float32(1e-7))
        loss -= targets[k] * rest**focal * log_p
        pull += targets[k] * (focal * rest ** (focal - 1) * p * log_p - rest**focal)
    for k in range(n):
        log_p = scores[k] - highest - log(total)
        p = exp(log_p)
        rest = max(np.float32(1) - p, np.float32(1e-7))
        own = focal * rest ** (focal - 1) * p * log_p - rest**focal
        scores[k] = targets[k] * own - p * pull
    return loss


@_kernel
def _logistic(scores, targets, n, focal):
    """Sum of the logistic losses of scores[:n]."""
    padded = _pad(scores, targets, n)
    loss = np.float32(0)
    for k in range(padded):
        loss += log_loss(scores[k], targets[k])
        scores[k] = sigmoid(scores[k]) - targets[k]
    return loss


@_kernel
def _focal_logistic(scores, targets, n, focal):
    """Logistic losses, each times (share of the other outcome) ** focal (Lin et al. 2017)."""
    loss = np.float32(0)
    for k in range(n):
        p = min(max(sigmoid(scores[k]), 1e-7), 1 - 1e-7)
        q = 1 - p
        yes, no = targets[k], np.float32(1) - targets[k]
        loss -= yes * q**focal * log(p) + no * p**focal * log(q)
        scores[k] = yes * q**focal * (focal * p * log(p) - q) - no * p**focal * (
            focal * q * log(q) - p
        )
    return loss


@_kernel
def _hinge(scores, targets, n, focal):
    """Sum of max(0, 1 - y * score), y = 1 for targets above a half, else -1."""
    loss = np.float32(0)
    for k in range(n):
        y = np.float32(1) if targets[k] > np.float32(0.5) else np.float32(-1)
        gap = max(np.float32(1) - y * scores[k], np.float32(0))
        loss += gap
        scores[k] = -y if gap > 0 else np.float32(0)
    return loss


@_kernel
def _squared_hinge(scores, targets, n, focal):
    """Sum of max(0, 1 - y * score) ** 2, y as in `_hinge`."""
    loss = np.float32(0)
    for k in range(n):
        y = np.float32(1) if targets[k] > np.float32(0.5) else np.float32(-1)
        gap = max(np.float32(1) - y * scores[k], np.float32(0))
        loss += gap * gap
        scores[k] = -np.float32(2) * y * gap
    return loss


# -- optimizers: move one row against its gradient, scale * direction ------------------------
# gap: steps since the row was last touched; step: steps taken before. A row rests while no
# document touches it, but its state decays at every step, all at once when it is touched next.


@_kernel
def _sgd(values, moments, row, scale, direction, lr, settings, gap, step):
    """Values -= lr * gradient."""
    move = lr * scale
    for d in range(direction.size):
        values[row, d] -= move * direction[d]


@_kernel
def _momentum(values, moments, row, scale, direction, lr, settings, gap, step):
    """Move by the decaying sum of the gradients (Polyak 1964)."""
    keep = settings.beta1**gap
    for d in range(direction.size):
        moments[row, d] = keep * moments[row, d] + scale * direction[d]
        values[row, d] -= lr * moments[row, d]


@_kernel
def _nesterov(values, moments, row, scale, direction, lr, settings, gap, step):
    """Momentum that looks one step ahead (Sutskever et al. 2013, as in Bengio et al. 2013)."""
    keep = settings.beta1**gap
    for d in range(direction.size):
        gradient = scale * direction[d]
        moments[row, d] = keep * moments[row, d] + gradient
        values[row, d] -= lr * (gradient + settings.beta1 * moments[row, d])


@_kernel
def _adagrad(values, moments, row, scale, direction, lr, settings, gap, step):
    """Divide each step by the root of the squared gradients so far (Duchi et al. 2011, eq. 1)."""
    for d in range(direction.size):
        gradient = scale * direction[d]
        moments[row, d] += gradient * gradient
        values[row, d] -= lr * gradient / np.float32(sqrt(moments[row, d] + np.float32(1e-10)))


@_kernel
def _rmsprop(values, moments, row, scale, direction, lr, settings, gap, step):
    """Divide by the root of the decaying mean of squared gradients (Tieleman and Hinton 2012)."""
    keep = settings.beta2**gap
    for d in range(direction.size):
        gradient = scale * direction[d]
        mean = keep * moments[row, d] + (np.float32(1) - settings.beta2) * gradient * gradient
        moments[row, d] = mean
        values[row, d] -= lr * gradient / (np.float32(sqrt(mean)) + np.float32(1e-8))


@_kernel
def _adadelta(values, moments, row, scale, direction, lr, settings, gap, step):
    """Make steps as long as earlier ones, by root mean squares (Zeiler 2012, algorithm 1)."""
    dim = direction.size
    keep = settings.beta2**gap
    before = keep / settings.beta2 if gap > 0 else np.float32(1)  # at the step before this
    new = np.float32(1) - settings.beta2
    for d in range(dim):
        gradient = scale * direction[d]
        moments[row, d] = keep * moments[row, d] + new * gradient * gradient
        past = before * moments[row, dim + d] + np.float32(1e-6)
        move = np.float32(sqrt(past / (moments[row, d] + np.float32(1e-6)))) * gradient
        moments[row, dim + d] = keep * moments[row, dim + d] + new * move * move
        values[row, d] -= lr * move


@_kernel
def _adam(values, moments, row, scale, direction, lr, settings, gap, step):
    """Mean gradient over root mean square, both corrected for their start (Kingma and Ba 2015)."""
    dim = direction.size
    one = np.float32(1)
    keep1, keep2 = settings.beta1**gap, settings.beta2**gap
    fresh1 = one / (one - settings.beta1 ** np.float32(step + 1))
    fresh2 = one / (one - settings.beta2 ** np.float32(step + 1))
    for d in range(dim):
        gradient = scale * direction[d]
        mean = keep1 * moments[row, d] + (one - settings.beta1) * gradient
        square = keep2 * moments[row, dim + d] + (one - settings.beta2) * gradient * gradient
        moments[row, d] = mean
        moments[row, dim + d] = square
        values[row, d] -= (
            lr * fresh1 * mean / (np.float32(sqrt(fresh2 * square)) + np.float32(1e-8))
        )


@_kernel
def _adamax(values, moments, row, scale, direction, lr, settings, gap, step):
    """Adam with the decaying maximum in place of the root mean square (Kingma and Ba 2015)."""
    dim = direction.size
    one = np.float32(1)
    keep1, keep2 = settings.beta1**gap, settings.beta2**gap
    fresh = one / (one - settings.beta1 ** np.float32(step + 1))
    for d in range(dim):
        gradient = scale * direction[d]
        mean = keep1 * moments[row, d] + (one - settings.beta1) * gradient
        highest = max(keep2 * moments[row, dim + d], abs(gradient))
        moments[row, d] = mean
        moments[row, dim + d] = highest
        values[row, d] -= lr * fresh * mean / (highest + np.float32(1e-8))


# -- regularisation of one row ----------------------------------------------------------------


@_kernel
def shrink_row(values, row, l1, l2, distance):
    """Let a row decay by L1 and L2 penalties while the learning rate sums up to `distance`.

    The exact solution of dw = -(l1 * sign(w) + l2 * w) * distance, which stops at 0: many small
    distances give the same as one that is their sum. (Decoupled weight decay, Loshchilov and
    Hutter 2019; for L1 the lazy updates of Tsuruoka et al. 2009.)
    """
    keep = np.float32(exp(-l2 * distance))
    fall = np.float32(l1 * distance)
    if l2 > 0:
        fall = np.float32(-l1 / l2 * expm1(-l2 * distance))
    for d in range(values.shape[1]):
        size = max(abs(values[row, d]) * keep - fall, np.float32(0))
        values[row, d] = size if values[row, d] >= 0 else -size


@_kernel
def _limit_row(values, row, longest):
    """Scale a row down to the length `longest` if it is longer (Srebro and Shraibman 2005)."""
    total = np.float32(0)
    for d in range(values.shape[1]):
        total += values[row, d] * values[row, d]
    if total > longest * longest:
        factor = longest / np.float32(sqrt(total))
        for d in range(values.shape[1]):
            values[row, d] *= factor


@_kernel
def _drop_features(ids, weights, first, last, share, rng, kept_ids, kept_weights):
    """Copy each feature with chance 1 - share, weight / (1 - share); return how many."""
    n = 0
    for j in range(first, last):
        if _chance(rng) >= share:
            kept_ids[n] = ids[j]
            kept_weights[n] = weights[j] / (np.float32(1) - share)
            n += 1
    return n


@_kernel
def _clip(limit, a, n, b):
    """Return the factor that brings the product of the lengths of a[:n] and b down to `limit`."""
    total_a, total_b = np.float32(0), np.float32(0)
    for i in range(n):
        total_a += a[i] * a[i]
    for i in range(b.size):
        total_b += b[i] * b[i]
    length = sqrt(total_a * total_b)
    return limit / length if length > limit else limit / limit


# -- activations: value and slope -------------------------------------------------------------


@_kernel
def _relu(z):
    return (z, 1.0) if z > 0 else (z * 0, 0.0)


@_kernel
def _leaky_relu(z):
    return (z, 1.0) if z > 0 else (z * np.float32(0.01), 0.01)


@_kernel
def _elu(z):
    """Clevert et al. 2016, alpha = 1."""
    return (z, 1.0) if z > 0 else (exp(z) - np.float32(1), exp(z) * 1.0)


@_kernel
def _gelu(z):
    """Z times the normal distribution function of z (Hendrycks and Gimpel 2016)."""
    below = 0.5 * (1 + erf(z * 0.7071067811865476))
    return z * below, below + z * 0.3989422804014327 * exp(-0.5 * z * z)


@_kernel
def _tanh(z):
    value = tanh(z)
    return value, 1.0 - value * value


@_kernel
def _sigmoid_unit(z):
    value = sigmoid(z)
    return value, value * (1.0 - value)


@_kernel
def _maxout(scores, top):
    """Write the higher of each two scores (Goodfellow et al. 2013); the scores become slopes."""
    for unit in range(top.size):
        first = scores[2 * unit] >= scores[2 * unit + 1]
        top[unit] = scores[2 * unit] if first else scores[2 * unit + 1]
        scores[2 * unit] = 1 if first else 0
        scores[2 * unit + 1] = 0 if first else 1


# -- normalisation of the hidden vector; rows of `norm`: gain, shift, running mean and variance


@_kernel
def _layer_norm(hidden, standard):
    """Standardise a vector over its elements (Ba et al. 2016); return 1 / deviation."""
    dim = hidden.size
    mean = hidden.sum() / dim
    variance = 0.0
    for d in range(dim):
        variance += (hidden[d] - mean) ** 2 / dim
    inverse = 1 / sqrt(variance + NORM_EPSILON)
    for d in range(dim):
        standard[d] = (hidden[d] - mean) * inverse
    return inverse


@_kernel
def _layer_norm_back(slopes, standard, inverse, gradient):
    """Write d loss / d hidden, given the slopes d loss / d standard."""
    dim = slopes.size
    mean = along = 0.0
    for d in range(dim):
        mean += slopes[d] / dim
        along += slopes[d] * standard[d] / dim
    for d in range(dim):
        gradient[d] = inverse * (slopes[d] - mean - standard[d] * along)


@_kernel
def _batch_norm(hidden, n, norm, standard, inverse):
    """Standardise each element over hidden[:n] (Ioffe and Szegedy 2015), and keep running means.

    One vector alone is standardised by the running means, as in prediction.
    """
    for d in range(hidden.shape[1]):
        mean, variance = norm[2, d], norm[3, d]
        if n > 1:
            mean = hidden[:n, d].sum() / n
            variance = ((hidden[:n, d] - mean) ** 2).sum() / n
            norm[2, d] += NORM_MOMENTUM * (mean - norm[2, d])
            norm[3, d] += NORM_MOMENTUM * (variance * n / (n - 1) - norm[3, d])
        inverse[d] = 1 / sqrt(variance + NORM_EPSILON)
        for g in range(n):
            standard[g, d] = (hidden[g, d] - mean) * inverse[d]


@_kernel
def _batch_norm_back(slopes, n, standard, inverse):
    """Replace the slopes d loss / d standard of n vectors by d loss / d hidden."""
    for d in range(slopes.shape[1]):
        mean = along = 0.0
        if n > 1:
            for g in range(n):
                mean += slopes[g, d] / n
                along += slopes[g, d] * standard[g, d] / n
        for g in range(n):
            slopes[g, d] = inverse[d] * (slopes[g, d] - mean - standard[g, d] * along)


def is_plain(parts):
    """Return whether training is that of `_make_plain_trainer`: SGD and no other part."""
    return parts == Parts(loss=parts.loss, frozen_output=parts.frozen_output)


def _make_plain_trainer(parts):  # noqa: C901 - nearly every branch is decided at compile time
    """Return the kernel of plain training; see `make_trainer`."""
    use_softmax, use_hs, use_ns = (parts.loss == name for name in ("softmax", "hs", "ns"))
    use_hinge, use_squared = parts.loss == "hinge", parts.loss == "squared_hinge"
    dense = not (use_hs or use_ns)  # all output rows take part in each step
    needs_label = not dense or use_softmax
    learn_output = not parts.frozen_output

    @_kernel
    def train_documents(  # noqa: C901
        order, docs, settings, span, tree, negatives, rng, most_rows, embeddings, output, norm,
        layer,
    ):  # fmt: skip
        """Take one step for each document of `order`; see the other kernel of this name."""
        ids, weights, indptr = docs.ids, docs.weights, docs.indptr
        table, shared = embeddings.values, output.values
        n_output, dim = shared.shape
        n_labels = n_output + 1 if use_hs else n_output
        own, before = shared, shared
        if span.apart > 0:
            own, before = shared.copy(), shared.copy()
        hidden = np.zeros(dim, shared.dtype)
        gradient = np.zeros(dim, shared.dtype)
        room = (max(most_rows, n_output) + LANES - 1) // LANES * LANES
        rows = np.arange(room).astype(np.int32)
        targets = np.zeros(room, shared.dtype)
        errors = np.zeros(room, shared.dtype)
        floor = np.float32(0)  # the target of the labels that are not the document's
        if not (use_hinge or use_squared):
            floor = settings.smoothing / np.float32(n_labels)
        if dense:
            targets[:n_labels] = floor
        peak = np.float32(1) - floor * np.float32(n_labels)
        slope = (span.lr_last - span.lr_first) / np.float32(order.size)
        total_loss = 0.0
        total_weight = 0.0
        for i in range(order.size):
            doc = order[i]
            first, last = indptr[doc], indptr[doc + 1]
            if i + 1 < order.size:
                fetch_rows(table, ids, indptr[order[i + 1]], indptr[order[i + 1] + 1])
            labels = docs.label_ids[docs.label_indptr[doc] : docs.label_indptr[doc + 1]]
            if first == last or (needs_label and labels.size == 0):
                continue
            lr = span.lr_first + slope * np.float32(i)

            # Forward.
            pool_rows(table, ids, weights, first, last, hidden)
            if use_hs:
                n = _path_rows(n_labels, labels, settings.smoothing, tree, rows, targets)
            elif use_ns:
                n = _drawn_rows(n_labels, labels, settings.smoothing, negatives, rng, rows, targets)
            else:
                n = n_labels
                for label in labels:
                    targets[label] = floor + (
                        peak / np.float32(labels.size) if use_softmax else peak
                    )
            if learn_output:
                inner_products(own, rows, n, hidden, errors)
            else:  # of the identity
                for k in range(n):
                    errors[k] = hidden[rows[k]]
            if use_softmax:
                loss = _softmax(errors, targets, n, settings.focal)
            elif use_hinge:
                loss = _hinge(errors, targets, n, settings.focal)
            elif use_squared:
                loss = _squared_hinge(errors, targets, n, settings.focal)
            else:
                loss = _logistic(errors, targets, n, settings.focal)
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
            elif dense or (use_hs and labels.size == 1):
                descend_rows(own, rows, n, errors, lr, hidden, gradient)
            else:  # rows can stand there twice
                gradient[:] = 0
                for k in range(n):
                    _axpy(errors[k], own, rows[k], gradient)
                for k in range(n):
                    _sgd(own, own, rows[k], errors[k], hidden, lr, settings, 0, 0)
            push_rows(table, ids, weights, first, last, gradient, lr, np.uint64(next_random(rng)))
            if span.apart > 0 and (i + 1) % span.apart == 0:
                merge_tables(shared, own, before)
        if span.apart > 0:
            merge_tables(shared, own, before)
        return total_loss, total_weight

    return train_documents


@cache
def make_trainer(parts):  # noqa: C901 - nearly every branch is decided at compile time
    """Return the training kernel made of some parts.

    Parameters
    ----------
    parts : Parts

    Returns
    -------
    train_documents : compiled function
        See its docstring.
    """
    if is_plain(parts):
        return _make_plain_trainer(parts)
    use_softmax, use_hs, use_ns = (parts.loss == name for name in ("softmax", "hs", "ns"))
    use_hinge, use_squared = parts.loss == "hinge", parts.loss == "squared_hinge"
    needs_label = use_softmax or use_hs or use_ns
    shared = use_hs or use_ns  # the labels of a document share its loss
    use_sgd, use_momentum, use_nesterov, use_adagrad, use_rmsprop, use_adadelta, use_adam = (
        parts.optimizer == name
        for name in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam")
    )
    forgets = not (use_sgd or use_adagrad)  # the state decays with time
    use_focal, learn_output = parts.focal, not parts.frozen_output
    shrink, limit, clip, average = parts.shrink, parts.max_norm, parts.clip, parts.average
    lazy = shrink or average
    drop_features, drop_hidden = parts.feature_dropout, parts.hidden_dropout
    layer_norm, batch_norm = parts.norm == "layer", parts.norm == "batch"
    use_norm, batch = layer_norm or batch_norm, BATCH if batch_norm else 1
    use_layer, use_maxout = parts.activation != "", parts.activation == "maxout"
    use_relu, use_leaky, use_elu, use_gelu, use_tanh = (
        parts.activation == name for name in ("relu", "leaky_relu", "elu", "gelu", "tanh")
    )

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
        tree : int32[2, n_nodes]
            See `_path_rows`; used by the loss hs alone.
        negatives : int32[n], rng : uint64[1]
            See `_drawn_rows`; state of the random numbers.
        most_rows : int
            The most output rows that take part in the loss of one document.
        embeddings, output : Table
            Written in place, without locks (Niu et al. 2011, Hogwild!).
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

        def settle(table, row, step, path):
            """Make up for the steps since the row was settled last."""
            if average:
                count = step - max(table.seen[row, 0], np.float64(span.average_from))
                if count > 0:
                    for d in range(table.values.shape[1]):
                        table.total[row, d] += count * table.values[row, d]
            if shrink:
                distance = max(path - table.seen[row, 1], 0.0)
                shrink_row(table.values, row, settings.l1, settings.l2, distance)
            # Threads are at different steps: never back in time.
            table.seen[row, 0] = max(table.seen[row, 0], np.float64(step))
            table.seen[row, 1] = max(table.seen[row, 1], path)

        def move(table, row, scale, direction, lr, step):
            """Take the optimizer's step in one row."""
            values, moments = table.values, table.moments
            gap = np.float32(0)
            if forgets:
                gap = np.float32(step - table.seen[row, 2])
                if gap < 0:  # another thread is ahead; without decay, they would add up
                    gap = np.float32(1)
                table.seen[row, 2] = max(table.seen[row, 2], np.float64(step))
            if use_sgd:
                _sgd(values, moments, row, scale, direction, lr, settings, gap, step)
            elif use_momentum:
                _momentum(values, moments, row, scale, direction, lr, settings, gap, step)
            elif use_nesterov:
                _nesterov(values, moments, row, scale, direction, lr, settings, gap, step)
            elif use_adagrad:
                _adagrad(values, moments, row, scale, direction, lr, settings, gap, step)
            elif use_rmsprop:
                _rmsprop(values, moments, row, scale, direction, lr, settings, gap, step)
            elif use_adadelta:
                _adadelta(values, moments, row, scale, direction, lr, settings, gap, step)
            elif use_adam:
                _adam(values, moments, row, scale, direction, lr, settings, gap, step)
            else:
                _adamax(values, moments, row, scale, direction, lr, settings, gap, step)
            if limit:
                _limit_row(values, row, settings.max_norm)

        n_output, units = output.values.shape
        dim = embeddings.values.shape[1]
        dtype = embeddings.values.dtype
        n_labels = n_output + 1 if use_hs else n_output
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
        # The hinge losses ask for a side, not for a probability that could be smoothed.
        smoothing = settings.smoothing * np.float32(0 if use_hinge or use_squared else 1)
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
                first, last = docs.indptr[doc], docs.indptr[doc + 1]
                if needs_label and docs.label_indptr[doc] == docs.label_indptr[doc + 1]:
                    continue
                if drop_features:
                    start = n_docs * longest
                    kept = _drop_features(
                        docs.ids, docs.weights, first, last, settings.feature_dropout, rng,
                        ids[start:], weights[start:],
                    )  # fmt: skip
                    first, last = start, start + kept
                if first == last:
                    continue
                i = turn - 1
                hidden[n_docs, :] = 0
                for j in range(first, last):
                    if lazy:
                        path = span.path + i * (span.lr_first + slope * (i - 1) / 2)
                        settle(embeddings, ids[j], span.step + i, path)
                    _axpy(weights[j], embeddings.values, ids[j], hidden[n_docs])
                chosen[n_docs, 0] = i
                chosen[n_docs, 1] = first
                chosen[n_docs, 2] = last
                n_docs += 1
            if n_docs == 0:
                break
            if batch_norm:
                _batch_norm(hidden, n_docs, norm.values, standard, inverse)

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
                        inverse[:] = _layer_norm(hidden[g], standard[g])
                    if average:
                        settle(norm, 0, step, path)
                        settle(norm, 1, step, path)
                    for d in range(dim):
                        hidden[g, d] = norm.values[0, d] * standard[g, d] + norm.values[1, d]
                if use_layer:
                    inputs[:dim] = hidden[g]
                    for unit in range(layer.values.shape[0]):
                        if lazy:
                            settle(layer, unit, step, path)
                        slopes[unit] = _dot(layer.values, unit, inputs)
                    entering = top
                    if use_maxout:
                        _maxout(slopes, top)
                    else:
                        for unit in range(units):
                            if use_relu:
                                top[unit], slopes[unit] = _relu(slopes[unit])
                            elif use_leaky:
                                top[unit], slopes[unit] = _leaky_relu(slopes[unit])
                            elif use_elu:
                                top[unit], slopes[unit] = _elu(slopes[unit])
                            elif use_gelu:
                                top[unit], slopes[unit] = _gelu(slopes[unit])
                            elif use_tanh:
                                top[unit], slopes[unit] = _tanh(slopes[unit])
                            else:
                                top[unit], slopes[unit] = _sigmoid_unit(slopes[unit])
                if drop_hidden:
                    keep = np.float32(1) - settings.hidden_dropout
                    for d in range(units):
                        mask[d] = 0 if _chance(rng) < settings.hidden_dropout else 1 / keep
                        top[d] = entering[d] * mask[d]
                    entering = top

                # The loss: which output rows, which targets, which errors.
                if use_hs:
                    n = _path_rows(n_labels, labels, settings.smoothing, tree, rows, targets)
                elif use_ns:
                    n = _drawn_rows(
                        n_labels, labels, settings.smoothing, negatives, rng, rows, targets
                    )
                else:
                    n = _all_rows(n_labels, labels, smoothing, use_softmax, rows, targets)
                for k in range(n):
                    if lazy and learn_output:
                        settle(output, rows[k], step, path)
                    errors[k] = _dot(output.values, rows[k], entering)
                if use_softmax and use_focal:
                    loss = _focal_softmax(errors, targets, n, settings.focal)
                elif use_softmax:
                    loss = _softmax(errors, targets, n, settings.focal)
                elif use_hinge:
                    loss = _hinge(errors, targets, n, settings.focal)
                elif use_squared:
                    loss = _squared_hinge(errors, targets, n, settings.focal)
                elif use_focal:
                    loss = _focal_logistic(errors, targets, n, settings.focal)
                else:
                    loss = _logistic(errors, targets, n, settings.focal)
                share = docs.doc_weights[doc]
                total_weight += share
                if shared:
                    share /= np.float32(labels.size)
                total_loss += share * loss

                # Backward.
                slot = gradient[g]
                if use_layer or drop_hidden:
                    slot = below
                slot[:] = 0
                for k in range(n):
                    errors[k] *= share
                    _axpy(errors[k], output.values, rows[k], slot)
                if learn_output:
                    if clip:
                        factor = _clip(settings.clip, errors, n, entering)
                        for k in range(n):
                            errors[k] *= factor
                    # Threads begin at different rows: in step, they would write the same row
                    # at the same time, wait for its cache line and lose each other's updates.
                    shift = np.int64(next_random(rng) % np.uint64(n))
                    for k in range(n):
                        at = k + shift
                        if at >= n:
                            at -= n
                        move(output, rows[at], errors[at], entering, lr, step)
                if drop_hidden:
                    for d in range(units):
                        below[d] *= mask[d]
                if use_layer:
                    back[:] = 0
                    pieces = layer.values.shape[0] // units
                    for unit in range(layer.values.shape[0]):
                        slopes[unit] *= below[unit // pieces]
                        _axpy(slopes[unit], layer.values, unit, back)
                    factor = np.float32(1)
                    if clip:
                        factor = _clip(settings.clip, slopes, slopes.size, inputs)
                    for unit in range(layer.values.shape[0]):
                        move(layer, unit, factor * slopes[unit], inputs, lr, step)
                    gradient[g] = back[:dim]
                elif drop_hidden:
                    gradient[g] = below
                if use_norm:
                    for d in range(dim):
                        gain[d] = gradient[g, d] * standard[g, d]
                    factor, factor1 = np.float32(1), np.float32(1)
                    if clip:
                        factor = _clip(settings.clip, one, 1, gain)
                        factor1 = _clip(settings.clip, one, 1, gradient[g])
                    below_gain = norm.values[0].copy()
                    move(norm, 0, factor, gain, lr, step)
                    move(norm, 1, factor1, gradient[g], lr, step)
                    for d in range(dim):
                        gradient[g, d] *= below_gain[d]
                    if layer_norm:
                        gain[:] = gradient[g]
                        _layer_norm_back(gain, standard[g], inverse[0], gradient[g])

            if batch_norm:
                _batch_norm_back(gradient, n_docs, standard, inverse)
            for g in range(n_docs):
                i = chosen[g, 0]
                lr = span.lr_first + slope * np.float32(i)
                first, last = chosen[g, 1], chosen[g, 2]
                factor = np.float32(1)
                if clip:
                    factor = _clip(settings.clip, weights[first:last], last - first, gradient[g])
                for j in range(first, last):
                    move(embeddings, ids[j], factor * weights[j], gradient[g], lr, span.step + i)
        return total_loss, total_weight

    return train_documents
