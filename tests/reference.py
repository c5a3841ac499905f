"""The slow twins: each kernel again, in the plainest Python and NumPy."""

import itertools
import math
import re

import numpy as np
import scipy.special

from fasttext_lite.corpus.compression import COMPRESSIONS
from fasttext_lite.corpus.signs import sign_of

FASTTEXT_SPACES = re.compile(rb"[ \n\r\t\v\f\0]+")


# -- tokens ----------------------------------------------------------------------------------


def tokens_by_class(text: str, classes: np.ndarray) -> list[str]:
    """Cut a text as `mark_tokens` does: 0 space, 1 word, 2 single, 3 and 4 extend."""
    tokens: list[str] = []
    before = 0
    for character in text:
        kind = int(classes[ord(character)])
        if kind == 4 and not before:
            kind = 2
        if kind in (3, 4):
            if before:
                tokens[-1] += character
            continue
        if kind == 1 and before == 1:
            tokens[-1] += character
        elif kind:
            tokens.append(character)
        before = kind
    return tokens


def fasttext_tokens(text: bytes) -> list[bytes]:
    return [token for token in FASTTEXT_SPACES.split(text) if token]


# -- features --------------------------------------------------------------------------------


def token_numbers(documents: list[list[bytes]], words: list[bytes]) -> list[int]:
    """Return the number of each token of documents; -1 = no word (`number_tokens`)."""
    return [words.index(t) if t in words else -1 for tokens in documents for t in tokens]


def fnv(data: bytes) -> int:
    """fastText's 32-bit FNV-1a with sign-extended bytes."""
    value = 2166136261
    for byte in data:
        value ^= byte if byte < 128 else byte - 256
        value = (value & 0xFFFFFFFF) * 16777619 & 0xFFFFFFFF
    return value


def subwords(word: str, minn: int, maxn: int) -> list[bytes]:
    """Return the character n-grams of <word>, in fastText's order."""
    framed = f"<{word}>"
    size = len(framed)
    return [
        framed[i : i + n].encode("utf-8", "surrogatepass")
        for i in range(size)
        for n in range(1, maxn + 1)
        if i + n <= size and n >= minn and not (n == 1 and (i == 0 or i + n == size))
    ]


def word_ngram_hashes(tokens: list[bytes], longest: int) -> list[int]:
    """Return fastText's 64-bit hashes of all n-grams of 2 to `longest` tokens."""
    signed = [h - 2**32 if h >= 2**31 else h for h in map(fnv, tokens)]
    hashes = []
    for i in range(len(tokens)):
        h = signed[i] % 2**64
        for j in range(i + 1, min(i + longest, len(tokens))):
            h = (h * 116049371 + signed[j]) % 2**64
            hashes.append(h)
    return hashes


def codes(tokens, vocabulary, *, word_ngrams, minn, maxn, bucket, eos, least_chars):
    """Return {code: count} of a document: word w is w, hash slot s is n_words + s."""
    tokens = list(tokens) + (["</s>"] if eos else [])
    n_words = len(vocabulary)
    found = [vocabulary[token] for token in tokens if token in vocabulary]
    for i, token in enumerate(tokens):
        is_eos = eos and i == len(tokens) - 1
        if maxn and len(token) >= least_chars and not is_eos:
            found += [n_words + fnv(gram) % bucket for gram in subwords(token, minn, maxn)]
    if word_ngrams > 1:
        data = [token.encode("utf-8", "surrogatepass") for token in tokens]
        found += [n_words + h % bucket for h in word_ngram_hashes(data, word_ngrams)]
    return {code: found.count(code) for code in found}


def weights(counts: dict, rows: dict, idf=None) -> dict:
    """Return {row: weight} of a document's codes that have a row."""
    kept = {rows[code]: count for code, count in counts.items() if code in rows}
    if idf is None:
        total = sum(kept.values())
        return {row: count / total for row, count in kept.items()}
    raw = {row: (1 + math.log(count)) * float(idf[row]) for row, count in kept.items()}
    norm = math.sqrt(sum(value * value for value in raw.values()))
    return {row: value / norm for row, value in raw.items()}


# -- losses ----------------------------------------------------------------------------------
# Everything of this part takes complex numbers too: a derivative is the imaginary part of the
# value an imaginary 1e-30 beside the place, exact to the last bits (see `slope`).


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def log_loss(score, target):
    p = sigmoid(score)
    return -(target * np.log(p) + (1 - target) * np.log(1 - p))


def softmax(scores):
    z = np.exp(scores - scores.real.max(-1, keepdims=True))
    return z / z.sum(-1, keepdims=True)


def path(label, parents, branches):
    """Return [(inner node, branch)] from a label up to the root."""
    steps = []
    while parents[label] >= 0:
        steps.append((int(parents[label]), int(branches[label])))
        label = parents[label]
    return steps


def participants(loss, n_labels, labels, smoothing, tree=None, negatives=()):
    """Return the output rows that take part in the loss of a document, and their targets.

    `negatives` holds, for each label, the list of labels drawn with it.
    """
    floor = smoothing / n_labels
    if loss == "hs":
        steps = [step for label in labels for step in path(label, *tree)]
        rows = [node - n_labels for node, _ in steps]
        targets = [branch * (1 - smoothing) + smoothing / 2 for _, branch in steps]
    elif loss == "ns":
        rows, targets = [], []
        for label, drawn in zip(labels, negatives, strict=True):
            rows += [label, *drawn]
            targets += [1 - smoothing + floor] + [floor] * len(drawn)
    else:
        shared = len(labels) if loss == "softmax" else 1
        rows = list(range(n_labels))
        targets = [floor + (1 - smoothing) / shared * (row in labels) for row in rows]
    return np.array(rows, int), np.array(targets, float)


def loss_of_scores(loss, scores, targets, focal=0.0):
    """Return the loss of the rows that take part, by its definition."""
    if loss == "softmax":
        p = softmax(scores)
        return -(targets * (1 - p) ** focal * np.log(p)).sum()
    if loss in ("hinge", "squared_hinge"):
        gaps = 1 - np.where(targets > 0.5, 1, -1) * scores
        gaps = np.where(gaps.real > 0, gaps, 0)
        return (gaps if loss == "hinge" else gaps**2).sum()
    p = sigmoid(scores)
    yes, no = (1 - p) ** focal * np.log(p), p**focal * np.log(1 - p)
    return -(targets * yes + (1 - targets) * no).sum()


def slope(function, x, step=1e-30):
    """Return d function / d x by imaginary steps; float64 of x's shape."""
    x = np.asarray(x, complex)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += 1j * step
        gradient[index] = function(x).imag / step
        x[index] -= 1j * step
    return gradient


def numeric_gradient(function, x, step=1e-6):
    """Return d function() / d x by central differences in place; float64 of x's shape."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + step
        above = function()
        x[index] = kept - step
        below = function()
        x[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient


def splitmix64(state: int) -> tuple[int, int]:
    """Return the next state and the next number."""
    mask = 2**64 - 1
    state = (state + 0x9E3779B97F4A7C15) & mask
    z = state
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return state, z ^ (z >> 31)


# -- the network between the pooled vector and the output table -------------------------------


def activation(kind, z):
    """Return the values of hidden units, by their definitions (maxout: of each two scores)."""
    if kind == "maxout":
        pairs = z.reshape(*z.shape[:-1], -1, 2)
        return np.take_along_axis(pairs, pairs.real.argmax(-1)[..., None], -1)[..., 0]
    if kind == "gelu":
        return z * (1 + scipy.special.erf(z / math.sqrt(2))) / 2
    if kind == "tanh":
        return np.tanh(z)
    if kind == "sigmoid":
        return sigmoid(z)
    below = {"relu": z * 0, "leaky_relu": z / 100, "elu": np.exp(z) - 1}[kind]
    return np.where(z.real > 0, z, below)


def standardised(vectors, kind, norm=None):
    """Return vectors less their mean, over their deviation (plus 1e-5 in the variance).

    Of each vector (layer), of each element over the vectors (batch), or by the running mean
    and variance of the table `norm` (running).
    """
    if kind == "running":
        mean, variance = norm[2], norm[3]
    else:
        axis = 1 if kind == "layer" else 0
        mean = vectors.mean(axis=axis, keepdims=True)
        variance = ((vectors - mean) ** 2).mean(axis=axis, keepdims=True)
    return (vectors - mean) / np.sqrt(variance + 1e-5)


def network(pooled, norm, layer, norm_kind="none", activation_kind=""):
    """Return what the output table sees, of pooled vectors [n, dim]."""
    vectors = pooled
    if norm_kind != "none":
        vectors = standardised(vectors, norm_kind, norm) * norm[0] + norm[1]
    if activation_kind:
        vectors = activation(activation_kind, vectors @ layer[:, :-1].T + layer[:, -1])
    return vectors


# -- training --------------------------------------------------------------------------------


class Optimizer:
    """One table under one optimizer, as a dense loop: `rest` for all rows, then `move` for some."""

    def __init__(self, kind, shape, beta1, beta2):
        self.kind, self.beta1, self.beta2 = kind, beta1, beta2
        self.first, self.second, self.before = np.zeros(shape), np.zeros(shape), np.zeros(shape)

    def rest(self):
        """Let the state of every row decay by one step."""
        keep1 = self.beta1 if self.kind in ("momentum", "nesterov", "adam", "adamax") else 1
        keep2 = self.beta2 if self.kind in ("rmsprop", "adadelta", "adam", "adamax") else 1
        self.before = self.first.copy()
        self.first *= self.beta2 if self.kind == "adadelta" else keep1
        self.second *= keep2

    def move(self, row, g, lr, step):
        """Return the change of a row with gradient g at a step, counted from 1."""
        a, b = self.beta1, self.beta2
        if self.kind == "sgd":
            return -lr * g
        if self.kind in ("momentum", "nesterov"):
            self.first[row] += g
            return -lr * (self.first[row] if self.kind == "momentum" else a * self.first[row] + g)
        if self.kind == "adagrad":
            self.second[row] += g**2
            return -lr * g / np.sqrt(self.second[row] + 1e-10)
        if self.kind == "adamax":
            self.first[row] += (1 - a) * g
            self.second[row] = np.maximum(self.second[row], abs(g))
            return -lr / (1 - a**step) * self.first[row] / (self.second[row] + 1e-8)
        self.second[row] += (1 - b) * g**2
        if self.kind == "rmsprop":
            return -lr * g / (np.sqrt(self.second[row]) + 1e-8)
        if self.kind == "adadelta":
            change = -np.sqrt((self.before[row] + 1e-6) / (self.second[row] + 1e-6)) * g
            self.first[row] += (1 - b) * change**2
            return lr * change
        if self.kind == "adam":
            self.first[row] += (1 - a) * g
            mean, square = self.first[row] / (1 - a**step), self.second[row] / (1 - b**step)
            return -lr * mean / (np.sqrt(square) + 1e-8)
        raise ValueError(f"no twin of the optimizer {self.kind}: write it here")


def decayed(values, l1, l2, lr):
    """Return weights after the flow dw/dt = -l1 sign(w) - l2 w, stopped at 0, for a time lr."""
    if l2 == 0:
        return np.sign(values) * np.maximum(abs(values) - l1 * lr, 0)
    sizes = (abs(values) + l1 / l2) * math.exp(-l2 * lr) - l1 / l2
    return np.sign(values) * np.maximum(sizes, 0)


def train_dense(tables, visits, rates, config, settings, tree=None, average_from=0):
    """Train in the plainest way: every row of every table changes at every step.

    Parameters
    ----------
    tables : dict of float64 arrays
        embeddings, output, norm, layer; changed in place.
    visits : list of dict
        Of each step the document's `features` {row: weight}, `labels`, `weight`, and the
        `drawn` negatives of each label. No row takes part twice in a loss.
    rates : list of float
        Learning rate of each step.
    config : Config
        Norm batch is not done here.
    settings : Settings
        Plain numbers.
    average_from : int
        First step that counts in the average.

    Returns
    -------
    loss : float
    weight : float
    means : dict of float64 arrays
        Means of the tables after each step that counts.
    """
    shapes = {name: table.shape for name, table in tables.items()}
    beta1, beta2 = settings.beta1, settings.beta2
    states = {n: Optimizer(config.optimizer, shape, beta1, beta2) for n, shape in shapes.items()}
    means = {name: np.zeros(shape) for name, shape in shapes.items()}
    n_labels = shapes["output"][0] + (config.loss == "hs")
    total_loss = total_weight = 0.0
    for step, (visit, lr) in enumerate(zip(visits, rates, strict=True)):
        moves = {}
        if visit["features"] and (visit["labels"] or config.loss not in ("softmax", "hs", "ns")):
            loss, moves = _document(tables, visit, config, settings, n_labels, tree)
            total_loss += loss
            total_weight += visit["weight"]
        for name, table in tables.items():
            states[name].rest()
            gradients = moves.get(name, {})
            length = math.sqrt(sum((g**2).sum() for g in gradients.values()))
            factor = min(1, settings.clip / length) if config.clip and length else 1
            for row, gradient in gradients.items():
                table[row] += states[name].move(row, factor * gradient, lr, step + 1)
                if config.max_norm:
                    table[row] *= min(1, settings.max_norm / np.linalg.norm(table[row]))
            fixed = name == "norm" or (name == "output" and config.head == "linear")
            if (config.l1 or config.l2) and not fixed:
                table[:] = decayed(table, settings.l1, settings.l2, lr)
            if step >= average_from:
                means[name] += table / (len(visits) - average_from)
    return total_loss, total_weight, means


def _document(tables, visit, config, settings, n_labels, tree):
    """Return the loss of a document and, by table, the gradient of each row it touches."""
    features, share = visit["features"], visit["weight"]
    rows, targets = participants(
        config.loss, n_labels, visit["labels"], settings.smoothing, tree, visit["drawn"]
    )
    assert len(set(rows)) == len(rows)
    if config.loss in ("hs", "ns"):
        share /= len(visit["labels"])
    focal = settings.focal if config.focal else 0.0

    def value(pooled, norm, layer, output):
        top = network(
            pooled[None], norm, layer, config.norm, config.activation if config.units else ""
        )[0]
        return share * loss_of_scores(config.loss, output @ top, targets, focal)

    places = [
        sum(weight * tables["embeddings"][row] for row, weight in features.items()),
        tables["norm"],
        tables["layer"],
        tables["output"][rows],
    ]
    slopes = []
    for i, place in enumerate(places):
        slopes.append(slope(lambda x, i=i: value(*places[:i], x, *places[i + 1 :]), place))
    moves = {
        "embeddings": {row: weight * slopes[0] for row, weight in features.items()},
        "layer": dict(enumerate(slopes[2])),
        "output": dict(zip(rows, slopes[3], strict=True)),
    }
    if config.norm != "none":
        # Each row of this table is a table of its own to `clip`.
        assert not config.clip
        moves["norm"] = {0: slopes[1][0], 1: slopes[1][1]}
    if config.head == "linear":
        del moves["output"]
    return value(*places), moves


def pool(table, ids, weights):
    """Return the weighted sum of some rows."""
    return weights @ table[ids]


def push(table, ids, weights, gradient, lr):
    """Return the table after a step of each row against its weight times the gradient."""
    table = table.copy()
    np.subtract.at(table, ids, lr * np.outer(weights, gradient))
    return table


def descend(table, rows, errors, lr, vector):
    """Return the gradient by the vector, and the table after a step of its rows."""
    return errors @ table[rows], push(table, rows, errors, vector, lr)


def rounded(values, noise):
    """Return float32 as float16: 13 bits of noise are added to the bits, and cut off.

    noise is uint32, one for each block of 16; its upper bits plus multiples of the golden ratio.
    """
    lanes = (np.arange(16, dtype=np.uint64) * 0x9E3779B9 + np.uint64(noise)) % 2**32 >> 19
    bits = values.view(np.uint32).astype(np.uint64) + lanes[: values.size]
    return (bits // 2**13 * 2**13).astype(np.uint32).view(np.float32).astype(np.float16)


def together(table, rows, energies, changes, rate):
    """Return a table after changes of its rows by several blocks, each row's scaled as one.

    A row goes 1 - exp(-rate * energy) of its way in a block; all together as in one block after
    another.
    """
    table = table.astype(np.float64)
    for row in range(len(table)):
        own = [
            (energy[list(of_block).index(row)], change[list(of_block).index(row)])
            for of_block, energy, change in zip(rows, energies, changes, strict=True)
            if row in of_block
        ]
        if own:
            apart = sum(1 - math.exp(-rate * energy) for energy, _ in own)
            whole = 1 - math.exp(-rate * sum(energy for energy, _ in own))
            n = changes[0].shape[1]
            table[row, :n] += whole / apart * sum(change.astype(float) for _, change in own)
    return table


# Settings of training that together use every part of the kernel.
MIXES = {
    "norm": {"loss": "softmax", "norm": "layer", "units": 3, "activation": "relu", "l2": 0.05},
    "momentum": {
        "loss": "hs", "optimizer": "momentum", "units": 3, "activation": "maxout",
        "averaging": 0.5,
    },
    "nesterov": {
        "loss": "ova", "optimizer": "nesterov", "units": 3, "activation": "leaky_relu",
        "l1": 0.002,
    },
    "adagrad": {
        "loss": "ns", "optimizer": "adagrad", "units": 3, "activation": "elu", "max_norm": 2.5,
    },
    "rmsprop": {
        "loss": "hinge", "optimizer": "rmsprop", "units": 3, "activation": "gelu", "clip": 0.5,
    },
    "adadelta": {
        "loss": "squared_hinge", "optimizer": "adadelta", "units": 3, "activation": "tanh",
        "averaging": 0.25,
    },
    "adam": {
        "loss": "softmax", "optimizer": "adam", "focal": 1.5, "norm": "layer", "units": 3,
        "activation": "sigmoid", "l1": 0.01, "l2": 0.02,
    },
    "adamax": {"loss": "hs", "optimizer": "adamax", "focal": 2.0, "averaging": 0.5},
    "linear": {"loss": "ova", "head": "linear", "l1": 0.001, "l2": 0.01},
}  # fmt: skip


# -- label tree ------------------------------------------------------------------------------


def fasttext_huffman(counts):
    """Return fastText's tree (loss.cc, buildTree) of counts in falling order: (left, right)s."""
    n = len(counts)
    count = list(counts) + [10**15] * (n - 1)
    leaf, node = n - 1, n
    children = []
    for i in range(n, 2 * n - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and count[leaf] < count[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        children.append(pair)
        count[i] = count[pair[0]] + count[pair[1]]
    return np.array(children)


def least_tree_cost(counts):
    """Return the least sum of count * depth over all binary trees, by trying every merge."""
    if len(counts) == 1:
        return 0
    best = math.inf
    for i, j in itertools.combinations(range(len(counts)), 2):
        merged = counts[i] + counts[j]
        rest = [c for k, c in enumerate(counts) if k not in (i, j)]
        best = min(best, merged + least_tree_cost([*rest, merged]))
    return best


def leaf_log_probabilities(children, output, hidden):
    """Return the log-probability of each leaf: the sum of its decisions' logs."""
    n = len(children) + 1
    result = np.zeros(n)
    parents = {
        int(c): (n + i, side) for i, pair in enumerate(children) for side, c in enumerate(pair)
    }
    for label in range(n):
        node = label
        while node in parents:
            node, side = parents[node]
            p = sigmoid(output[node - n] @ hidden)
            result[label] += np.log(p if side else 1 - p)
    return result


def top_labels(probabilities, k, threshold):
    """Return [(label, probability)], best first, equal ones in the order of the labels."""
    order = sorted(range(len(probabilities)), key=lambda i: (-probabilities[i], i))
    return [(i, probabilities[i]) for i in order[:k] if probabilities[i] >= threshold]


# -- features in blocks ------------------------------------------------------------------------


def gains(counts, prior, m=1.0):
    """Return the divergence of each feature's labels from equally frequent ones.

    Where all labels are as frequent, that is sum p ln(p / prior), p = (count + m prior) / (n + m).
    """
    seen = prior > 0
    k, n = seen.sum(), counts.sum(1, keepdims=True)
    rare = counts[:, seen] / prior[seen]
    q = rare / np.maximum(rare.sum(1, keepdims=True), 1e-300)
    p = (n * q + m / k) / (n + m)
    return (p * np.log(p * k)).sum(1)


def agreement(rows, weight):
    """Return the mean weight of pairs of labels, of two texts each, that are the same; of all.

    Rows are the label lists of the texts; the weight of a pair is the product of its labels'.
    """
    pairs = [(a, b) for i, x in enumerate(rows) for y in rows[:i] for a in x for b in y]
    if not pairs:
        return 0.0, 0.0
    weights = np.array([weight[a] * weight[b] for a, b in pairs])
    same = np.array([a == b for a, b in pairs])
    return float((weights * same).mean()), float(weights.mean())


def pseudo_count(documents, rows):
    """Return a quarter of the concentration that the agreement of texts with a feature implies.

    The geometric mean of two: with texts as they are, and with labels that weigh the same; its
    logarithm by the share of the texts among these and 100 more. Documents are sets of features,
    rows the label lists of the same texts.
    """
    labels = [label for row in rows for label in row]
    k = len(set(labels))
    estimates = []
    for balanced in (False, True):
        weight = {x: len(labels) / k / labels.count(x) if balanced else 1.0 for x in labels}
        same = pairs = 0.0
        for feature in set().union(*documents):
            own = [row for has, row in zip(documents, rows, strict=True) if feature in has]
            if 2 <= len(own) <= 64:
                found = agreement(own, weight)
                same, pairs = same + found[0], pairs + found[1]
        if pairs == 0:
            return 1.0
        chance = sum((weight[x] * labels.count(x) / len(labels)) ** 2 for x in set(labels))
        a = same / pairs
        estimates.append(min(max(0.25 * (1 - a) / max(a - chance, 1e-9), 1), 250))
    return float(np.prod(estimates)) ** (0.5 * len(rows) / (len(rows) + 100))


def scaled_characters(weights, is_chars, ratio):
    """Return weights of a text, unit length, with the squared length of some times a ratio."""
    squares = weights.astype(float) ** 2
    if not is_chars.any() or is_chars.all():
        return weights
    squares[is_chars] *= ratio
    return np.sqrt(squares / squares.sum() * (weights.astype(float) ** 2).sum())


def calibration_error(confidence, right, weights, bins=15):
    """Return the mean distance of confidence and accuracy over bins of as many texts.

    A text counts as those of its confidence do on average.
    """
    right, weights = right.astype(float), weights.astype(float)
    for value in np.unique(confidence):
        tied = confidence == value
        if weights[tied].sum() > 0:
            right[tied] = np.average(right[tied], weights=weights[tied])
        weights[tied] = weights[tied].mean()
    order = np.argsort(confidence, kind="stable")
    total = 0.0
    for each in np.array_split(order, bins):
        if weights[each].sum() > 0:
            gap = np.average(confidence[each] - right[each], weights=weights[each])
            total += abs(gap) * weights[each].sum()
    return total / weights.sum()


def block_codes(
    tokens, vocabulary, *, word_ngrams, minn, maxn, bucket, eos, least_chars, boundaries=False
):
    """Return the codes of a document by kind: {kind: {code: count}}, and the share of long tokens.

    Kinds in the order of their slots: word, bigram, longer, chars. Each that is in use has
    `bucket` slots of its own. The share is that of the tokens that have character n-grams.
    """
    tokens = list(tokens)
    text = [*tokens, "</s>"] if eos else tokens
    at = len(vocabulary)
    begins = {}
    for kind, used in (("bigram", word_ngrams > 1), ("longer", word_ngrams > 2), ("chars", maxn)):
        begins[kind] = at
        at += bucket if used else 0
    found = {"word": [vocabulary[token] for token in text if token in vocabulary]}
    data = [token.encode("utf-8", "surrogatepass") for token in text]
    signed = [h - 2**32 if h >= 2**31 else h for h in map(fnv, data)]
    if boundaries and text:
        signed = [0x2B5A1E97, *signed, 0x6C8F03D1]
    for kind in ("bigram", "longer"):
        found[kind] = []
        for n in [2] if kind == "bigram" else range(3, word_ngrams + 1):
            for i in range(len(signed) - n + 1 if n <= word_ngrams else 0):
                h = 0
                for value in signed[i : i + n]:
                    h = (h * 116049371 + value) % 2**64
                found[kind].append(begins[kind] + h % bucket)
    long = [token for token in tokens if maxn and len(token) >= least_chars]
    found["chars"] = [
        begins["chars"] + fnv(gram) % bucket
        for token in long
        for gram in subwords(token, minn, maxn)
    ]
    kinds = {kind: {code: codes.count(code) for code in codes} for kind, codes in found.items()}
    return kinds, len(long) / max(len(tokens), 1)


def block_factors(block, rows, frequency, n_texts, row_gains, supervision):
    """Return {code: idf * gain ** supervision, half of it for longer word n-grams}."""
    factors = {}
    for kind, counts in block[0].items():
        for code in counts:
            if code in rows:
                row = rows[code]
                idf = math.log((1 + n_texts) / (1 + frequency[row])) + 1
                gain = max(float(row_gains[row]), 1e-4)
                factors[code] = idf * gain**supervision * (0.5 if kind == "longer" else 1)
    return factors


def block_weights(block, rows, factors, bias=None):
    """Return {row: weight}: words to length 1, characters to the root of their share, then all."""
    kinds, share = block
    parts = []
    for names, length in ((("word", "bigram", "longer"), 1), (("chars",), math.sqrt(share))):
        raw = {
            rows[code]: (1 + math.log(count)) * factors[code]
            for name in names
            for code, count in kinds[name].items()
            if code in rows
        }
        norm = math.sqrt(sum(weight**2 for weight in raw.values()))
        parts.append({row: length * weight / norm for row, weight in raw.items()})
    both = parts[0] | parts[1]
    norm = math.sqrt(sum(weight**2 for weight in both.values()))
    result = {row: weight / norm for row, weight in both.items()}
    return result | ({bias: 1.0} if bias is not None and result else {})


# -- files -----------------------------------------------------------------------------------

BLANKS = b" \t\v\f\r\0"


class BadLineError(Exception):
    """Line number and what is wrong: the byte and column that are no UTF-8, or "no tab"."""


def file_lines(data: bytes) -> list[bytes]:
    """Return a file's lines without ends and byte order mark; a CR before a newline is an end."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    ended, last = lines[:-1], lines[-1]
    lines = [line.removesuffix(b"\r") for line in ended] + ([last] if last else [])
    return lines


def labelled_lines(data: bytes, kind: str, prefix: str, multilabel: bool):
    """Parse a TSV or fastText file line by line.

    Returns (label rows, texts, {reason: [count, number of the first line]}).
    """
    rows, texts, skipped = [], [], {}
    for number, line in enumerate(file_lines(data), 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise BadLineError(number, (line[error.start], error.start + 1)) from None
        if kind == "tsv":
            names, text = tsv_line(line, multilabel, number)
            names = [without_prefix(name, prefix) for name in names]
        else:
            names, text = fasttext_line(line, prefix.encode())
        reason = None
        if not names:
            reason = "without a label" if text.strip() else "that are empty"
        elif not text.strip(BLANKS + b"\n"):
            reason = "without text"
        if reason:
            skipped.setdefault(reason, [0, number])[0] += 1
        else:
            rows.append(tuple(dict.fromkeys(names)))
            texts.append(text)
    return rows, texts, skipped


def all_lines(data: bytes, kind: str, prefix: str, multilabel: bool):
    """Parse each line of a TSV or fastText file, labelled or not, with U+FFFD for bad bytes.

    Returns (label rows, texts).
    """
    mark = prefix.encode()
    rows, texts = [], []
    for number, line in enumerate(file_lines(data), 1):
        line = line.decode("utf-8", "replace").encode()
        if kind == "tsv" and b"\t" not in line:
            names, text = [], line if line.strip() else b""
        elif kind == "tsv":
            names, text = tsv_line(line + b"x", multilabel, number)
            names, text = [without_prefix(name, prefix) for name in names], text[:-1]
        else:
            names, text = fasttext_line(line, mark)
            tokens = line.replace(b"\0", b" ").split()
            if not names and not any(token.startswith(mark) for token in tokens):
                text = line
        rows.append(tuple(dict.fromkeys(names)))
        texts.append(text)
    return rows, texts


def tsv_line(line: bytes, multilabel: bool, number: int) -> tuple[list[str], bytes]:
    if not line.strip():
        return [], b""
    field, tab, text = line.partition(b"\t")
    if not tab:
        raise BadLineError(number, "no tab")
    fields = field.decode().split(",") if multilabel else [field.decode()]
    return [name.strip() for name in fields if name.strip()], text


def fasttext_line(line: bytes, mark: bytes) -> tuple[list[str], bytes]:
    size = len(mark)
    if line.startswith(mark) and mark not in line[size:] and b"\0" not in line:
        parts = line[size:].split(None, 1)
        if len(parts) == 2 and line[size : size + 1] not in BLANKS:
            return [parts[0].decode()], parts[1]  # the text keeps its spaces
    tokens = line.replace(b"\0", b" ").split()
    names = [token[size:].decode() for token in tokens if token.startswith(mark)]
    text = b" ".join(token for token in tokens if not token.startswith(mark))
    return [without_prefix(name, mark.decode()) for name in names if name], text


def without_prefix(name: str, prefix: str) -> str:
    """Return a label without a prefix that it may have several times; a prefix alone stays."""
    while prefix and len(name) > len(prefix) and name.startswith(prefix):
        name = name[len(prefix) :]
    return name


def is_plain(data: bytes) -> bool:
    """Return whether a file's bytes are neither packed nor in UTF-16 or UTF-32, nor no text."""
    marks = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
    packed = [magic for each in COMPRESSIONS.values() for magic in each.magics]
    few_nuls = data.count(0) < max(3, len(data) // 200)
    macs = data.count(b"\r") > 1 and b"\n" not in data
    has_sign = data.startswith((*marks, *packed)) or sign_of(data) is not None
    return not has_sign and few_nuls and not macs


def without_marked_tokens(data: bytes, prefix: str) -> bytes:
    """Drop the tokens that begin with a prefix, and the white space behind each on its line."""
    mark, spaces = re.escape(prefix.encode()), re.escape(BLANKS + b"\n")
    pattern = rb"%b(?<![^%b]%b)[^%b]*[%b]*" % (mark, spaces, mark, spaces, re.escape(BLANKS))
    return re.sub(pattern, b"", data)


def plain_lines(data: bytes, prefix: str | None) -> list[bytes]:
    """Return the texts of an unlabelled file."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data:
        return []
    data = data.removesuffix(b"\n")
    if prefix:
        data = without_marked_tokens(data, prefix)
    lines = data.split(b"\n")
    return [line.removesuffix(b"\r").decode("utf-8", "replace").encode() for line in lines]


def cluster_children(points, weights, random_starts, sample, cuts=20):
    """Return the children of a tree of balanced 2-means, set by set, in float64.

    `random_starts` gives the first direction of the set that stands at [first, last) in the
    order of the labels.
    """
    n = len(points)
    order = list(range(n))
    children = np.zeros((n - 1, 2), np.int64)

    def cut(keys, weights):
        by_key = sorted(range(len(keys)), key=lambda i: (keys[i], i))
        mass = 0
        for size in range(1, len(keys) + 1):
            mass += weights[by_key[size - 1]]
            if mass >= sum(weights) / 2:
                return set(by_key[: min(max(size, 1), len(keys) - 1)])

    def split(first, last, node):
        if last - first == 1:
            return order[first]
        labels = order[first:last]
        own = [points[label] for label in labels]
        own_weights = [weights[label] for label in labels]
        some, some_weights = own, own_weights
        if len(labels) > sample:
            passed = np.cumsum(own_weights) / sum(own_weights) * sample
            times = np.diff(np.floor(passed + 0.5), prepend=0)
            some = [point for point, k in zip(own, times, strict=True) if k]
            some_weights = [k for k in times if k]
        centered = np.array(some) - np.average(some, axis=0, weights=some_weights)
        direction = random_starts(first, last)
        for _ in range(3):
            direction = centered.T @ (centered @ direction)
            direction /= max(np.linalg.norm(direction), 1e-12)
        left = None
        for _ in range(cuts):
            new = cut(centered @ direction, some_weights)
            if new == left:
                break
            left = new
            inside = np.array([i in left for i in range(len(some))])
            centers = [
                np.average(centered[half], axis=0, weights=np.array(some_weights)[half])
                for half in (inside, ~inside)
            ]
            direction = centers[1] - centers[0]
        if len(labels) > sample:
            left = cut(np.array(own) @ direction, own_weights)
        order[first:last] = [labels[i] for i in sorted(left)] + [
            label for i, label in enumerate(labels) if i not in left
        ]
        middle = first + len(left)
        children[node - n] = (
            split(first, middle, node - 1),
            split(middle, last, node - len(left)),
        )
        return node

    split(0, n, 2 * n - 2)
    return children


def huffman_children(leaves, counts):
    """Return the children of Huffman's tree: of two queues, the lighter head is taken."""
    n = len(leaves)
    weights = [*counts, *[0] * (n - 1)]
    leaves, inner, children = list(leaves), [], []
    for node in range(n, 2 * n - 1):
        pair = []
        for _ in range(2):
            lighter = leaves and (not inner or weights[leaves[0]] < weights[inner[0]])
            pair.append((leaves if lighter else inner).pop(0))
        weights[node] = weights[pair[0]] + weights[pair[1]]
        inner.append(node)
        children.append(pair)
    return children


def marks_by_class(characters: list[tuple[int, int]]) -> list[int]:
    """Return a mark for each byte of (class, bytes) characters: 0 inside, 1 end, 2 outside."""
    tokens: list[list[int]] = []  # bytes of each piece, and whether it is a token
    before = 0
    for kind, size in characters:
        if kind in (3, 4) and before or kind == 1 and before == 1:
            tokens[-1][0] += size
        else:
            tokens.append([size, kind in (1, 2, 4)])
        if kind < 3:
            before = kind
        elif kind == 4:
            before = before or 2
    return [
        mark
        for size, is_token in tokens
        for mark in ([0] * (size - 1) + [1] if is_token else [2] * size)
    ]
