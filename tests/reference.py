"""The slow twins: each kernel again, in the plainest Python and NumPy."""

import itertools
import math
import re

import numpy as np

FASTTEXT_SPACES = re.compile(rb"[ \n\r\t\v\f\0]+")


# -- tokens ----------------------------------------------------------------------------------


def tokens_by_class(text: str, classes: np.ndarray) -> list[str]:
    """Cut a text as `mark_tokens` does: 0 space, 1 word, 2 single, 3 extends."""
    tokens: list[str] = []
    before = 0
    for character in text:
        kind = int(classes[ord(character)])
        if kind == 3:
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


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def log_loss(score, target):
    p = sigmoid(score)
    return -(target * np.log(p) + (1 - target) * np.log(1 - p))


def softmax(scores):
    z = np.exp(scores - scores.max(-1, keepdims=True))
    return z / z.sum(-1, keepdims=True)


def path(label, parents, branches):
    """Return [(inner node, branch)] from a label up to the root."""
    steps = []
    while parents[label] >= 0:
        steps.append((int(parents[label]), int(branches[label])))
        label = parents[label]
    return steps


def loss_value(loss, output, hidden, labels, smoothing, tree=None, negatives=()):
    """Return the loss of one document by its definition.

    `negatives` holds, for each label, the list of labels drawn with it.
    """
    scores = output @ hidden
    n_labels = output.shape[0] + (loss == "hs")
    floor = smoothing / n_labels
    if loss == "softmax":
        target = np.full(n_labels, floor)
        for label in labels:
            target[label] += (1 - smoothing) / len(labels)
        return -(target * np.log(softmax(scores))).sum()
    if loss == "ova":
        target = np.full(n_labels, floor)
        for label in labels:
            target[label] = 1 - smoothing + floor
        return log_loss(scores, target).sum()
    total = 0.0
    if loss == "hs":
        for label in labels:
            for node, branch in path(label, *tree):
                target = branch * (1 - smoothing) + smoothing / 2
                total += log_loss(scores[node - n_labels], target)
        return total / len(labels)
    for label, drawn in zip(labels, negatives, strict=True):
        total += log_loss(scores[label], 1 - smoothing + floor)
        total += sum(log_loss(scores[other], floor) for other in drawn)
    return total / len(labels)


def numeric_gradient(function, x, step=1e-6):
    """Return d function / d x by central differences; float64 of x's shape."""
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
