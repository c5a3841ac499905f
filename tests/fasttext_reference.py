"""fastText's rules in plain Python, from bytes to labels: the slow twin of `kernels.fasttext`."""

import heapq
import math
import struct

import numpy as np

SPACES = b" \n\r\t\v\f\0"
EOS = b"</s>"
MASK32, MASK64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def tokens(data):
    """Yield the tokens of bytes; </s> for a newline."""
    word = bytearray()
    for byte in data:
        if byte in SPACES:
            if word:
                yield bytes(word)
                word.clear()
            if byte == 10:
                yield EOS
        else:
            word.append(byte)
    if word:
        yield bytes(word)


def examples(data):
    """Return the examples of bytes, each a list of tokens."""
    found, line, position = [], [], 0
    while position < len(data):
        line, position = example(data, position)
        found.append(line)
    return found


def example(data, position):
    """Return the tokens of the example that begins at a position, and where it ends."""
    line, word, i = [], bytearray(), position
    while i < len(data):
        if data[i] in SPACES:
            if word:
                line.append(bytes(word))
                word.clear()
                if line[-1] == EOS:
                    return line, i
                continue
            i += 1
            if data[i - 1] == 10:
                return [*line, EOS], i
        else:
            word.append(data[i])
            i += 1
    if word:
        line.append(bytes(word))
    return line, i


def fnv(data):
    value = 2166136261
    for byte in data:
        value ^= byte if byte < 128 else byte | 0xFFFFFF00
        value = value * 16777619 & MASK32
    return value


def subwords(word, minn, maxn):
    """Return the character n-grams of <word>."""
    text, found = b"<" + word + b">", []
    starts = [i for i in range(len(text)) if text[i] & 0xC0 != 0x80] + [len(text)]
    for i in range(len(starts) - 1):
        for n in range(1, maxn + 1):
            if i + n < len(starts) and n >= minn:
                at_an_end = i == 0 or starts[i + n] == len(text)
                if not (n == 1 and at_an_end):
                    found.append(text[starts[i] : starts[i + n]])
    return found


class Twin:
    """Words, labels and settings; what is given to `Dictionary`."""

    def __init__(
        self, words, labels, word_ngrams, minn, maxn, bucket, prefix=b"__label__", kept=None
    ):
        self.words = {word: i for i, word in enumerate(words)}
        self.labels = {label: i for i, label in enumerate(labels)}
        self.word_ngrams, self.minn, self.maxn, self.bucket = word_ngrams, minn, maxn, bucket
        self.prefix, self.kept = prefix, kept

    def bucket_row(self, bucket):
        if self.kept is None:
            return [len(self.words) + bucket]
        return [len(self.words) + self.kept[bucket]] if bucket in self.kept else []

    def rows_of_word(self, word):
        rows = [self.words[word]] if word in self.words else []
        if self.maxn > 0 and word != EOS:
            for ngram in subwords(word, self.minn, self.maxn):
                rows += self.bucket_row(fnv(ngram) % self.bucket)
        return rows

    def rows(self, line):
        """Return rows and labels of a list of tokens."""
        rows, labels, hashes = [], [], []
        for token in line:
            if token in self.labels:
                labels.append(self.labels[token])
            elif token in self.words or not token.startswith(self.prefix):
                rows += self.rows_of_word(token)
                value = fnv(token)
                hashes.append(value - (1 << 32) if value >= 1 << 31 else value)
        for i in range(len(hashes)):
            value = hashes[i] & MASK64
            for j in range(i + 1, min(i + self.word_ngrams, len(hashes))):
                value = (value * 116049371 + hashes[j]) & MASK64
                rows += self.bucket_row(value % self.bucket)
        return rows, labels


def mean(table, rows):
    total = np.zeros(table.shape[1], np.float32)
    for row in rows:
        total += table[row]
    return total * np.float32(1 / len(rows)) if rows else total


def sigmoid(x):
    if x < -8:
        return np.float32(0)
    if x > 8:
        return np.float32(1)
    return np.float32(1 / (1 + math.exp(-(math.floor((float(x) + 8) * 32) / 32 - 8))))


def softmax(scores):
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def shifted(p):
    return math.log(float(p) + 1e-5)


def leaves(children, hidden, output, n_labels):
    """Return the score of each label of a tree."""
    scores = {2 * n_labels - 2: 0.0}
    for node in range(n_labels - 2, -1, -1):
        right = 1 / (1 + math.exp(-float(output[node] @ hidden)))
        left_child, right_child = children[node]
        scores[left_child] = scores[n_labels + node] + shifted(1 - right)
        scores[right_child] = scores[n_labels + node] + shifted(right)
    return np.array([scores[label] for label in range(n_labels)])


def top(scores, k, least):
    """Return the k labels of highest score that are not below the least, best first."""
    good = [(score, label) for label, score in enumerate(scores) if score >= least]
    return [label for _, label in heapq.nlargest(k, good)]


def entry(word, count, kind):
    """Return a dictionary's entry as it stands in a file."""
    return word + struct.pack("<xqb", count, kind)
