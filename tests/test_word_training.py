"""Word vectors: kernels against plain Python, fastText's order of steps, learning, errors."""

import gzip
import math

import numpy as np
import pytest
from conftest import JIT_DISABLED

from fasttext_lite.compat.files import vec
from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.dictionary import Dictionary, as_array
from fasttext_lite.compat.files.vec import read_vec
from fasttext_lite.compat.kernels import skipgram, word_rows
from fasttext_lite.compat.kernels.skipgram import Clock, Text, Words
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training import word_loop
from fasttext_lite.compat.training import words as word_models
from fasttext_lite.compat.training.text import TrainingText
from fasttext_lite.compat.training.word_loop import cut_lines, make_targets, train_vectors
from fasttext_lite.compat.training.words import (
    compact_rows,
    list_subwords,
    list_tokens,
    train_word_model,
)
from fasttext_lite.errors import InputError, TrainingError
from fasttext_lite.label_tree.tree import huffman_tree

pytestmark = pytest.mark.kernels

compiled = pytest.mark.skipif(JIT_DISABLED, reason="a whole training, too slow uncompiled")
DIM, PADDED = 20, 32
MASK = (1 << 64) - 1
LOSSES = ("ns", "hs", "softmax", "ova")


# -- the same in plain Python, float64 ---------------------------------------------------------


class Random:
    """splitmix64."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, n):
        return ((self.next() >> 32) * n) >> 32

    def chance(self):
        return (self.next() >> 40) * 2.0**-24

    def word(self, cells):
        number = self.next()
        i = ((number >> 32) * len(cells)) >> 32
        cell = int(cells[i])
        return i if number & 0xFFFFFFFF <= cell & 0xFFFFFFFF else cell >> 32


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loss_of(loss, output, rows, signs, hidden):
    """Return the loss of a pair, and its derivative by each score."""
    scores = output[rows] @ hidden
    if loss == "softmax":
        p = np.exp(scores - scores.max())
        p /= p.sum()
        return -math.log(p[signs == 1][0]), p - signs
    return np.sum(np.logaddexp(0, scores) - signs * scores), sigmoid(scores) - signs


class Twin:
    """fastText's loop: every pair fetches all rows, and moves them."""

    def __init__(self, loss, neg, counts, words, input, output):
        self.loss, self.neg, self.n_words = loss, neg, counts.size
        self.words, self.input, self.output = words, input, output
        self.cells = make_targets(counts, "ns", neg).cells
        if loss == "hs":
            tree = huffman_tree(counts)
            self.parents, self.branches = tree.parents(), tree.branches()

    def choose(self, word, line, rng):
        """Return the output rows of a pair and their signs."""
        if self.loss in ("softmax", "ova"):
            signs = np.zeros(self.n_words)
            signs[line if self.loss == "ova" else word] = 1
            return np.arange(self.n_words), signs
        rows, signs = [], []
        if self.loss == "ns":
            rows, signs = [word], [1]
            while len(rows) <= self.neg:
                other = rng.word(self.cells)
                if other != word:
                    rows.append(other)
                    signs.append(0)
        else:
            node = word
            while self.parents[node] >= 0:
                rows.append(self.parents[node] - self.n_words)
                signs.append(self.branches[node])
                node = self.parents[node]
        return np.array(rows), np.array(signs, float)

    def learn(self, entries, rows, signs, rate):
        """Learn a pair whose hidden vector is the mean of input rows; return its loss."""
        hidden = self.input[entries].mean(axis=0)
        loss, slopes = loss_of(self.loss, self.output, rows, signs, hidden)
        gradient = np.zeros(hidden.size)
        for row, slope in zip(rows, slopes, strict=True):  # a word may be drawn twice
            gradient += slope * self.output[row]
            self.output[row] -= rate * slope * hidden
        np.add.at(self.input, entries, -rate * gradient)
        return loss

    def entries(self, words):
        return np.concatenate([self.words[word] for word in words])

    def line(self, model, kept, window, rng, rate):
        loss, n = 0.0, 0
        for i, word in enumerate(kept):
            reach = 1 + rng.below(window)
            near = [c for c in range(i - reach, i + reach + 1) if 0 <= c < len(kept) and c != i]
            if model == "sg":
                for c in near:
                    rows, signs = self.choose(kept[c], kept, rng)
                    loss += self.learn(self.words[word], rows, signs, rate)
                n += len(near)
                continue
            rows, signs = self.choose(word, kept, rng)
            if near:
                entries = self.entries([kept[c] for c in near])
                loss += self.learn(entries, rows, signs, rate)
                n += 1
        return loss, n


def tables(n_rows, n_words, rng):
    input, output = np.zeros((n_rows, PADDED), np.float32), np.zeros((n_words, PADDED), np.float32)
    input[:, :DIM] = rng.normal(0, 0.3, (n_rows, DIM))
    output[:, :DIM] = rng.normal(0, 0.3, (n_words, DIM))
    return input, output


def run_both(model, loss, lines, words, keep=1.0, window=3, neg=4, rate=0.2):
    """Train a block of lines with the kernel and with the twin; return losses and tables."""
    rng = np.random.default_rng(len(lines))
    n_words = len(words)
    tokens = np.concatenate(lines).astype(np.int32)
    starts = np.cumsum([0, *map(len, lines)]).astype(np.int64)
    counts = np.sort(np.bincount(tokens, minlength=n_words) + 1)[::-1].copy()
    indptr = np.cumsum([0, *map(len, words)]).astype(np.int64)
    rows = np.concatenate(words).astype(np.int32)
    input, output = tables(rows.max() + 1, n_words, rng)
    twin = Twin(loss, neg, counts, [np.array(w) for w in words], *map(np.float64, (input, output)))
    targets = make_targets(counts, loss, neg)
    clock = Clock(np.int64(10), np.float64(400), np.float64(rate), np.int64(15))
    keeps = np.full(n_words, keep, np.float32)
    kernel = skipgram.train_skipgram if model == "sg" else skipgram.train_cbow
    found = kernel(
        Text(tokens, starts, keeps), np.int64(0), np.int64(len(lines)),
        Words(rows, indptr, word_loop._spread(rows, indptr)), targets, clock,
        np.int64(window), np.uint64(7), skipgram.make_scratch(targets, window, n_words, PADDED),
        input, output,
    )  # fmt: skip
    random = Random(7)
    sums = np.zeros(2)
    read = changed = 10
    now = rate * (1 - 10 / 400)
    for line in lines:
        if read - changed > 15:
            changed, now = read, rate * (1 - read / 400)
        kept = [int(word) for word in line if random.chance() <= keep]
        read += len(line)
        sums += twin.line(model, kept, window, random, now)
    return found, sums, (input, output), (twin.input, twin.output)


def check_equal(results):
    found, sums, tables, others = results
    assert found[1] == sums[1] > 0
    assert found[0] == pytest.approx(sums[0], rel=1e-4)
    for table, other in zip(tables, others, strict=True):
        np.testing.assert_allclose(table, other, rtol=1e-3, atol=2e-5)
        assert not table[:, DIM:].any()


WORDS = [[0], [1, 8, 9], [2, 8, 8, 10], [3, 9], [4], [5, 11], [6, 10, 11], [7]]


@pytest.mark.parametrize("loss", LOSSES)
def test_skipgram_is_fasttexts_loop(loss):
    rng = np.random.default_rng(1)
    lines = [rng.integers(0, 8, n) for n in (9, 1, 6, 0, 12)]
    check_equal(run_both("sg", loss, lines, WORDS))


@pytest.mark.parametrize("loss", LOSSES)
def test_bag_of_words_is_fasttexts_loop(loss):
    """Exactly so where no two positions of a window share a row."""
    rng = np.random.default_rng(2)
    lines = [rng.permutation(9)[:n] for n in (9, 1, 2, 0, 8)]
    words = [[i] if i % 2 else [i, 9 + i, 9 + i] for i in range(9)]
    check_equal(run_both("cbow", loss, lines, words))


@pytest.mark.parametrize("model", ["sg", "cbow"])
def test_words_are_passed_over(model):
    lines = [np.random.default_rng(3).permutation(12) for _ in range(4)]
    check_equal(run_both(model, "ns", lines, [[i] for i in range(12)], keep=0.6))


@pytest.mark.parametrize("window", [1, 40, 5000])
@pytest.mark.parametrize("model", ["sg", "cbow"])
def test_windows_of_any_width(model, window):
    rng = np.random.default_rng(6)
    lines = [rng.permutation(12)[:n] for n in (12, 2, 5)]
    check_equal(run_both(model, "ns", lines, [[i] for i in range(12)], window=window, neg=2))


def test_bag_of_words_with_shared_rows_moves_them_by_the_same_sum():
    """Shared rows learn of each other's moves late: at a small rate, that makes no difference."""
    rng = np.random.default_rng(4)
    lines = [rng.integers(0, 8, n) for n in (9, 6, 12)]
    found, sums, trained, others = run_both("cbow", "ns", lines, WORDS, rate=1e-3)
    assert found[1] == sums[1]
    assert found[0] == pytest.approx(sums[0], rel=1e-3)
    before = tables(12, 8, np.random.default_rng(3))
    for table, other, first in zip(trained, others, before, strict=True):
        most = np.abs(other - first).max()
        assert most > 1e-3
        np.testing.assert_allclose(table - first, other - first, atol=0.02 * most)


@pytest.mark.parametrize("loss", LOSSES)
def test_slopes_are_those_of_the_loss(loss):
    rng = np.random.default_rng(5)
    rows, signs = np.arange(5), np.array([0.0, 1, 0, 0, 0])
    if loss != "softmax":
        signs[3] = 1
    output, hidden = rng.normal(size=(5, 3)), rng.normal(size=3)
    gradient = loss_of(loss, output, rows, signs, hidden)[1] @ output
    for d in range(3):
        step = np.eye(3)[d] * 1e-6
        high = loss_of(loss, output, rows, signs, hidden + step)[0]
        low = loss_of(loss, output, rows, signs, hidden - step)[0]
        assert (high - low) / 2e-6 == pytest.approx(gradient[d], rel=1e-6, abs=1e-8)


# -- before training ---------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [[1], [5, 1], [1, 1, 1], [100, 1, 1e-6, 7, 7, 2]])
def test_cells_draw_by_weight(weights):
    weights = np.array(weights, float)
    cells = np.zeros(weights.size, np.uint64)
    word_rows.make_cells(weights.copy(), cells)
    found = np.zeros(weights.size)
    for i, cell in enumerate(map(int, cells)):
        own = ((cell & 0xFFFFFFFF) + 1) / 2**32
        found[i] += own
        found[cell >> 32] += 1 - own
    np.testing.assert_allclose(found / found.sum(), weights / weights.sum(), atol=1e-8)


def test_rows_are_numbered_by_first_use():
    rows = np.array([0, 90, 50, 1, 50, 50, 2, 7], np.int32)
    numbers, used = compact_rows(rows, np.array([0, 3, 6, 8]), 100)
    assert used.tolist() == [0, 1, 2, 90, 50, 7]
    assert used[numbers].tolist() == rows.tolist()
    spread = word_loop._spread(numbers, np.array([0, 3, 6, 8]))
    np.testing.assert_allclose(spread, [1, 5 / 3, 1])


def test_long_lines_are_cut():
    most = int(skipgram.LINE)
    starts = np.array([0, 3, 3, 3 + 2 * most, 4 + 3 * most])
    assert cut_lines(starts).tolist() == [
        0, 3, 3, 3 + most, 3 + 2 * most, 3 + 3 * most, 4 + 3 * most,
    ]  # fmt: skip
    short = np.array([0, 3, most])
    assert cut_lines(short) is short
    assert cut_lines(np.array([0])).tolist() == [0]


TEXT = (
    "the cat sat\non the mat  __label__x rare\n\nthe cat and the dog 猫猫 the end </s> no more the"
)


def dictionary_of(text, **values):
    args = Args(**{"min_count": 1, "bucket": 500, **values})
    return Dictionary.read(as_array(text.encode()), args), args


@pytest.mark.parametrize("min_count", [1, 2, 4])
@pytest.mark.parametrize("size", [8, 1 << 20])
def test_tokens_are_those_of_the_text(min_count, size, monkeypatch):
    monkeypatch.setattr(word_models, "LISTED_BYTES", size)
    dictionary, _ = dictionary_of(TEXT, min_count=min_count)
    tokens, starts = list_tokens(dictionary, as_array(TEXT.encode()), 2)
    names = dictionary.words + dictionary.labels
    lines = TEXT.replace("</s>", "\n").replace(" no more", "no more").split("\n")
    lines = [[*line.split(), "</s>"] for line in lines]
    lines[-1].pop()
    known = [[word for word in line if word.encode() in names] for line in lines]
    found = [names[i].decode() for i in tokens]
    assert found == sum(known, [])
    if b"</s>" in names:
        expected = np.cumsum([0, *(len(line) for line in known)])
        assert starts.tolist() == expected.tolist()
    else:
        assert starts.tolist() == [0, len(found)]


def test_subwords_are_those_of_the_dictionary():
    dictionary, _ = dictionary_of(TEXT + " " + "long" * 30)
    rows, indptr = list_subwords(dictionary)
    for i, word in enumerate(dictionary.words):
        assert rows[indptr[i] : indptr[i + 1]].tolist() == dictionary.subwords(word)[1].tolist()
    flat, _ = dictionary_of(TEXT, minn=0, maxn=0, bucket=0)
    assert list_subwords(flat)[0].tolist() == list(range(flat.n_words))


# -- whole trainings ---------------------------------------------------------------------------

GROUPS, SIZE = 6, 8


def grouped(n_lines=1500):
    """Return a text whose lines hold words of one group each, their counts, and rows."""
    rng = np.random.default_rng(0)
    n_words = GROUPS * SIZE
    tokens = rng.integers(0, SIZE, (n_lines, 8)) + SIZE * rng.integers(0, GROUPS, (n_lines, 1))
    order = np.argsort(-np.bincount(tokens.ravel(), minlength=n_words), kind="stable")
    rank = np.argsort(order)
    tokens = rank[tokens].astype(np.int32)
    counts = np.bincount(tokens.ravel(), minlength=n_words)
    other = n_words + rng.integers(0, 20, n_words)
    rows = np.stack([np.arange(n_words), other], 1).ravel().astype(np.int32)
    starts = np.arange(0, tokens.size + 1, 8)
    return tokens.ravel(), starts, counts, rows, np.arange(0, rows.size + 1, 2), order // SIZE


def settings(**values):
    return Args(**{"dim": 20, "t": 1.0, "min_count": 1, "lr": 0.1, **values})


def neighbours_of_group(vectors, groups):
    """Return the share of the three nearest words that are of the same group."""
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    products = vectors @ vectors.T
    np.fill_diagonal(products, -2)
    nearest = np.argsort(-products, axis=1)[:, :3]
    return np.mean(groups[nearest] == groups[:, None])


@compiled
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", ["sg", "cbow"])
def test_words_of_a_group_become_neighbours(model, loss, n_threads):
    *text, rows, indptr, groups = grouped()
    args = settings(model=model, loss=loss, lr=0.02 if loss == "ova" else 0.1)
    input, output, mean = train_vectors(
        *text, rows, indptr, text[0].size, args, n_threads=n_threads
    )
    vectors = (input[rows[::2]] + input[rows[1::2]]) / 2
    assert input.shape == (rows.max() + 1, 20)
    assert output.shape == (GROUPS * SIZE, 20)
    blank = {"ns": 6 * math.log(2), "softmax": math.log(48), "hs": 4, "ova": 48 * math.log(2)}
    assert 0 < mean < blank[loss]
    if (model, loss) != ("cbow", "ova"):  # which is to name the words that it is given
        assert neighbours_of_group(vectors, groups) > 0.8
    if loss == "hs":
        assert not output[-1].any()


@compiled
def test_one_thread_gives_the_same_bits():
    *text, groups = grouped(200)
    n_tokens = text[0].size
    one, two, other = (train_vectors(*text, n_tokens, settings(seed=seed))[0] for seed in (1, 1, 2))
    assert one.tobytes() == two.tobytes() != other.tobytes()


def test_text_is_gone_through_until_the_clock_has_run_out():
    *text, groups = grouped(4)
    counted = []
    args = settings(dim=4, epoch=2, neg=1, ws=1)
    train_vectors(*text, 3 * text[0].size, args, callback=counted.append)
    assert counted[-1].fraction == 1
    assert counted[-1].lr == 0
    assert counted[-1].tokens_per_second > 0
    run = word_loop._Run(*text, int(2.5 * text[0].size), args, 1, None)
    run.train(None)
    assert run.done == 5 * text[0].size
    run = word_loop._Run(*text, text[0].size, args, 1, None)
    run.train(None)
    assert run.done == 2 * text[0].size


def test_labels_count_for_the_clock_alone():
    *text, groups = grouped(10)
    tokens, starts, *rest = text
    with_labels = np.insert(tokens, starts[:-1], 1000).astype(np.int32)
    args = settings(dim=4, epoch=1, lr=0.0)
    run = word_loop._Run(with_labels, starts + np.arange(11), *rest, 90, args, 1, None)
    run.train(None)
    assert run.done == 90
    assert run.sums[1] > 0


def test_callback_can_stop_the_training(monkeypatch):
    monkeypatch.setattr(word_loop, "REPORT_SECONDS", 0.0)
    *text, groups = grouped(20)

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_vectors(*text, 10**9, settings(dim=4, neg=1), callback=stop)


def test_vectors_to_start_from_are_kept_at_rate_zero():
    *text, groups = grouped(5)
    vectors = np.random.default_rng(0).normal(size=(text[3].max() + 1, 5)).astype(np.float32)
    args = settings(dim=5, lr=0.0, epoch=1)
    input, output, _ = train_vectors(*text, text[0].size, args, vectors=vectors)
    np.testing.assert_array_equal(input, vectors)
    assert not output.any()


# -- errors ------------------------------------------------------------------------------------


def test_too_little_text():
    none = np.zeros(0, np.int32)
    one = np.zeros(3, np.int32)
    starts, counts, indptr = np.array([0, 3]), np.array([3]), np.array([0, 1])
    with pytest.raises(TrainingError, match="text is empty"):
        train_vectors(none, np.array([0]), none, none, np.array([0]), 0, settings())
    for loss in ("ns", "hs"):
        with pytest.raises(TrainingError, match="at least 2 words"):
            train_vectors(one, starts, counts, one[:1], indptr, 3, settings(loss=loss))
    for loss in ("softmax", "ova"):
        _, _, mean = train_vectors(one, starts, counts, one[:1], indptr, 3, settings(loss=loss))
        assert math.isfinite(mean)


def test_an_unknown_loss_or_model_raises():
    """They were taken for `ova` and `cbow`."""
    tokens, starts, counts = np.zeros(3, np.int32), np.array([0, 3]), np.array([3, 1])
    rows, indptr = np.arange(2, dtype=np.int32), np.arange(3)
    for changes in ({"loss": "hinge"}, {"model": "sup"}):
        with pytest.raises((KeyError, ValueError), match=next(iter(changes.values()))):
            train_vectors(tokens, starts, counts, rows, indptr, 3, settings(**changes))


@compiled
@pytest.mark.parametrize("model", ["sg", "cbow"])
def test_divergence_is_an_error(model):
    *text, groups = grouped(100)
    with pytest.raises(TrainingError, match="diverged with lr 1e.30"):
        train_vectors(*text, text[0].size, settings(model=model, lr=1e30))


def test_nothing_near_is_a_warning(caplog):
    *text, groups = grouped(5)
    _, _, mean = train_vectors(*text, text[0].size, settings(t=0.0, epoch=1))
    assert math.isnan(mean)
    assert "larger t" in caplog.text


# -- models and files --------------------------------------------------------------------------


@pytest.mark.parametrize("model, loss", [("sg", "ns"), ("cbow", "hs")])
@pytest.mark.parametrize("maxn", [0, 4])
def test_model_of_a_text(tmp_path, model, loss, maxn):
    text = TEXT + "\n"
    dictionary, args = dictionary_of(
        text, model=model, loss=loss, maxn=maxn, dim=8, t=1.0, epoch=1, neg=2, thread=1
    )
    if not maxn:
        args.bucket = 0
    reports = []
    data = as_array(text.encode())
    trained = train_word_model(TrainingText(args, data, dictionary), reports.append)
    assert reports[-1].fraction == 1
    assert trained.input.shape == (dictionary.n_words + args.bucket, 8)
    assert trained.output.shape == (dictionary.n_words, 8)
    whole = trained.input.decode()
    used = np.zeros(len(whole), bool)
    used[list_subwords(dictionary)[0]] = True
    assert whole[used].any(axis=1).all()
    assert not whole[~used].any()
    trained.save(tmp_path / "model.bin")
    loaded = FastTextModel.load(tmp_path / "model.bin")
    np.testing.assert_array_equal(loaded.all_word_vectors(), trained.all_word_vectors())
    assert loaded.args.model == model


def test_every_row_in_use_keeps_its_place():
    dictionary, args = dictionary_of(TEXT, dim=4, bucket=2, lr=0.0, epoch=1, t=1.0)
    rows, indptr = list_subwords(dictionary)
    numbers, used = compact_rows(rows, indptr, dictionary.n_rows)
    assert sorted(used) == list(range(dictionary.n_rows))
    model = train_word_model(TrainingText(args, as_array(TEXT.encode()), dictionary))
    first = np.empty((used.size, 4), np.float32)
    word_loop.fill_uniform(first, 0)
    np.testing.assert_array_equal(model.input.decode()[used], first)


def test_pretrained_vectors(write):
    path = write("3 4\nthe 1 2 3 4\nnew -1 0 1 .5\ncat 1e-3 0 0 1 \n", "v.vec")
    words, vectors = read_vec(path)
    assert words == [b"the", b"new", b"cat"]
    assert vectors.dtype == np.float32
    args = Args(min_count=1, bucket=50, dim=4, lr=0.0, epoch=1, t=1.0)
    data = as_array(TEXT.encode())
    dictionary = Dictionary.read(data, args, words)
    model = train_word_model(TrainingText(args, data, dictionary, (words, vectors)))
    for word, vector in zip(words, vectors, strict=True):
        row = dictionary.find(word)
        np.testing.assert_array_equal(model.input.decode(np.array([row]))[0], vector)


def test_vectors_can_be_gzipped(tmp_path, monkeypatch):
    monkeypatch.setattr(vec, "READ_ROWS", 2)
    path = tmp_path / "v.vec.gz"
    path.write_bytes(gzip.compress("3 2\na 1 2\n猫 3 4\nc 5 6\nbehind the last\n".encode()))
    words, vectors = read_vec(path)
    assert words == [b"a", "猫".encode(), b"c"]
    assert vectors.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert read_vec(path)[1].shape == (3, 2)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", ":1: not a file of vectors"),
        ("a 1 2\n", ":1: not a file of vectors"),
        ("1 0\na\n", ":1: not a file of vectors"),
        ("2 2\na 1 2\nb 1\n", ":3: not a word and 2 numbers"),
        ("1 2\na 1 x\n", ":2: not a word and 2 numbers"),
        ("1 2\na 1 nan\n", ":2: not a word and 2 numbers"),
        ("1 2\na\n", ":2: not a word and 2 numbers"),
        ("3 1\na 1\n", ": cut off: line 1 states 3 words, it has 1"),
    ],
)
def test_damaged_vectors(write, content, message):
    path = write(content, "v.vec")
    with pytest.raises(InputError, match=message) as error:
        read_vec(path)
    assert str(error.value).startswith(path)


def test_vectors_that_cannot_be_read(tmp_path, write):
    with pytest.raises(InputError, match="cannot be opened for loading: no such file"):
        read_vec(tmp_path / "none.vec")
    cut = gzip.compress(b"50 2\n" + b"a 1 2\n" * 50)[:-12]
    with pytest.raises(InputError, match="cannot be opened for loading"):
        read_vec(write(cut, "v.gz"))
