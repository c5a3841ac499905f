"""The metrics against a slow twin that counts one example after another, and against fastText."""

import math
import random

import fasttext as wheel
import numpy as np
import pytest

from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import Dictionary, Examples
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.meter import MISSED, Counts, Meter
from fasttext_lite.compat.model import FastTextModel, Found

N_LABELS = 4
NAN = float("nan")


class SlowMeter:
    """meter.cc, one example and one label at a time."""

    def __init__(self):
        self.n_examples = 0
        self.counts = {label: [0, 0, 0] for label in (*range(N_LABELS), None)}
        self.pairs = {label: [] for label in range(N_LABELS)}

    def log(self, gold, predicted):
        self.n_examples += 1
        for label in gold:
            for key in (label, None):
                self.counts[key][0] += 1
            if label not in [number for number, _ in predicted]:
                self.pairs[label].append((-1.0, 1.0))
        for label, score in predicted:
            for key in (label, None):
                self.counts[key][1] += 1
                self.counts[key][2] += label in gold
            self.pairs[label].append((min(score, 1.0), float(label in gold)))

    def sorted_pairs(self, label):
        labels = range(N_LABELS) if label is None else [label]
        return sorted(pair for number in labels for pair in self.pairs[number])

    def curve(self, label):
        positives, right, wrong, last = [], 0, 0, None
        for score, gold in reversed(self.sorted_pairs(label)):
            if score < 0:
                break
            right += gold == 1
            wrong += gold != 1
            if score == last:
                positives.pop()
            positives.append((right, wrong))
            last = score
        n_gold = self.counts[label][0]
        curve = []
        for right, wrong in positives:
            curve.append((right / (right + wrong), right / n_gold if n_gold else NAN))
            if right >= n_gold:
                break
        return [*curve, (1.0, 0.0)] if curve else []

    def best(self, label, wanted, at_least):
        """Return the best of column `wanted` of the curve where the other is high enough."""
        values = [row[wanted] for row in self.curve(label) if row[1 - wanted] >= at_least]
        return max([0.0, *(value for value in values if not math.isnan(value))])


def toy_dictionary():
    names = [b"word", *(b"__label__%d" % i for i in range(N_LABELS))]
    return Dictionary.of_words(Args.supervised(), names, [1] * len(names), 1, len(names))


def random_examples(seed, n, k):
    """Return examples with labels written twice, of none, and scores that tie and exceed 1."""
    draw = random.Random(seed)
    gold, predicted, rows = [], [], []
    for _ in range(n):
        gold.append(draw.choices(range(N_LABELS - 1), k=draw.choice([0, 1, 1, 2, 3])))
        labels = draw.sample(range(N_LABELS), draw.randint(0, k))
        scores = sorted((draw.choice([0.125, 0.25, 0.5, 1.00001]) for _ in labels), reverse=True)
        predicted.append(list(zip(labels, map(float, map(np.float32, scores)), strict=True)))
        rows.append(draw.choice([0, 1, 5]))
    return gold, predicted, rows


def examples_of(gold, rows):
    def indptr(sizes):
        return np.cumsum([0, *sizes], dtype=np.int64)

    labels = np.array([label for labels in gold for label in labels], np.int32)
    none = np.zeros(sum(rows), np.int32)
    return Examples(
        none, indptr(rows), labels, indptr(map(len, gold)), np.zeros(len(gold), np.int64)
    )


def found_of(predicted, k):
    labels = np.full((len(predicted), k), -1, np.int32)
    scores = np.zeros((len(predicted), k), np.float32)
    for i, pairs in enumerate(predicted):
        for j, (label, score) in enumerate(pairs):
            labels[i, j], scores[i, j] = label, score
    return Found(labels, scores, np.ones(len(predicted), np.int64))


def check_counts(counts, expected):
    gold, predicted, both = expected
    assert (counts.gold, counts.predicted, counts.both) == (gold, predicted, both)
    np.testing.assert_equal(counts.precision, both / predicted if predicted else NAN)
    np.testing.assert_equal(counts.recall, both / gold if gold else NAN)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [1, 2, N_LABELS])
def test_meter_matches_its_twin(seed, k):
    gold, predicted, rows = random_examples(seed, 40, k)
    meter, twin = Meter(toy_dictionary()), SlowMeter()
    for first in range(0, 40, 15):  # in several blocks
        part = slice(first, first + 15)
        counted = np.array([bool(g) and r > 0 for g, r in zip(gold[part], rows[part], strict=True)])
        meter.add(examples_of(gold[part], rows[part]), found_of(predicted[part], k), counted)
    for labels, pairs, n_rows in zip(gold, predicted, rows, strict=True):
        if labels and n_rows:
            twin.log(labels, pairs)
    assert meter.n_examples == twin.n_examples > 0
    for label in (*range(N_LABELS), None):
        check_counts(meter.counts(label), twin.counts[label])
        np.testing.assert_equal(meter.precision(label), meter.counts(label).precision)
        np.testing.assert_equal(meter.recall(label), meter.counts(label).recall)
        scores, is_gold = meter.score_vs_true(label)
        assert scores.dtype == is_gold.dtype == np.float32
        assert list(zip(scores.tolist(), is_gold.tolist(), strict=True)) == twin.sorted_pairs(label)
        precision, recall = meter.precision_recall_curve(label)
        curve = twin.curve(label)
        np.testing.assert_array_equal(precision, [row[0] for row in curve])
        np.testing.assert_array_equal(recall, [row[1] for row in curve])
        for share in (0.0, 0.2, 0.5, 0.75, 1.0):
            assert meter.precision_at_recall(share, label) == twin.best(label, 0, share)
            assert meter.recall_at_precision(share, label) == twin.best(label, 1, share)


def test_f1_score():
    assert Counts(4, 2, 1).f1_score == pytest.approx(2 * 0.5 * 0.25 / 0.75)
    assert Counts(4, 0, 0).f1_score == 0
    assert math.isnan(Counts(0, 0, 0).f1_score)
    meter = Meter(toy_dictionary())
    meter.add(
        examples_of([[0], [1], [1]], [1, 1, 1]),
        found_of([[(1, 0.5)], [(0, 0.5)], []], 1),
        np.ones(3, bool),
    )
    assert meter.f1_score(0) == 0  # as in fastText, where that of all is not defined
    assert math.isnan(meter.f1_score())


def test_empty_meter():
    meter = Meter(toy_dictionary())
    for label in (0, None):
        assert math.isnan(meter.precision(label))
        assert math.isnan(meter.recall(label))
        assert math.isnan(meter.f1_score(label))
        assert [part.size for part in meter.score_vs_true(label)] == [0, 0]
        assert [part.size for part in meter.precision_recall_curve(label)] == [0, 0]
        assert meter.precision_at_recall(0.0, label) == 0


def test_labels_are_named_in_three_ways():
    meter = Meter(toy_dictionary())
    assert [meter.label_id(label) for label in ("__label__2", b"__label__2", 2)] == [2, 2, 2]
    for label in ("__label__9", "word", b"", -1, N_LABELS):
        with pytest.raises(ValueError, match="has no label"):
            meter.counts(label)


# -- files -----------------------------------------------------------------------------------

LINES = [
    "__label__0 word", "__label__1 __label__1 word", "__label__2", "word", "__label__9 word",
    "__label__0 unknown", "", "word __label__3 __label__0", "__label__1 word </s> __label__2 word",
]  # fmt: skip


def toy_model(seed=0):
    draw = np.random.default_rng(seed)
    args = Args.supervised(dim=3, bucket=0)
    table = DenseTable.of(draw.normal(size=(1, 3)))
    return FastTextModel(
        ModelParts(args, toy_dictionary(), table, DenseTable.of(draw.normal(size=(N_LABELS, 3))))
    )


@pytest.mark.parametrize("k, threshold", [(1, 0.0), (2, 0.2), (-1, 0.0), (7, 0.1), (1, 2.0)])
@pytest.mark.parametrize("ending", ["", "\n", "\n\n"])
def test_meter_of_a_file_is_that_of_fasttext(write, tmp_path, k, threshold, ending):
    model = toy_model()
    path = write("\n".join(LINES) + ending)
    model.save(tmp_path / "model.bin")
    theirs = wheel.load_model(str(tmp_path / "model.bin"))
    meter = Meter.of(model, path, k, threshold)
    assert meter.n_examples == 5
    found = (meter.n_examples, meter.precision(), meter.recall())
    assert found == pytest.approx(theirs.test(path, k, threshold), nan_ok=True)
    for label, expected in theirs.test_label(path, k, threshold).items():
        counts = meter.counts(label)
        assert counts.precision == pytest.approx(expected["precision"], nan_ok=True)
        assert counts.recall == pytest.approx(expected["recall"], nan_ok=True)
        assert counts.f1_score == pytest.approx(expected["f1score"], nan_ok=True)
    if not threshold:
        curves = theirs.get_meter(path, k)
        for label in [*theirs.labels, None]:
            np.testing.assert_allclose(
                meter.precision_recall_curve(label), curves.precision_recall_curve(label)
            )
        assert MISSED in meter.score_vs_true()[0] or k != 1


def test_meter_of_many_blocks(write, monkeypatch):
    path = write("\n".join(LINES * 30))
    whole = Meter.of(toy_model(), path, 2)
    monkeypatch.setattr("fasttext_lite.compat.model.BLOCK_NUMBERS", 40)
    parts = Meter.of(toy_model(), path, 2, n_threads=2)
    assert parts.n_examples == whole.n_examples == 150
    for label in (*range(N_LABELS), None):
        assert parts.counts(label) == whole.counts(label)
        np.testing.assert_array_equal(
            parts.precision_recall_curve(label), whole.precision_recall_curve(label)
        )


def test_meter_refuses(write, tmp_path):
    path = write("\n".join(LINES))
    with pytest.raises(ValueError, match="cannot be opened"):
        Meter.of(toy_model(), tmp_path / "none.txt")
    for k in (0, -2):
        with pytest.raises(ValueError, match="k needs to be 1 or higher"):
            Meter.of(toy_model(), path, k)
    assert Meter.of(toy_model(), write("no label\n", "other.txt"), 0).n_examples == 0
