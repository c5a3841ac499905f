"""Precision of the first k labels, and weighed by propensity, beside slow twins."""

import math

import numpy as np
import pytest

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.evaluation import (
    precision_at_k,
    propensities,
    propensity_scored_precision_at_k,
)

KS = (1, 2, 3, 5)


def slow_precision(found, gold, k):
    """Return P@k as the papers have it, text by text."""
    return sum(
        len(set(row[:k].tolist()) & set(own)) / k for row, own in zip(found, gold, strict=True)
    ) / len(gold)


def slow_scored(found, gold, chances, k):
    """Return PSP@k by that of the best k labels."""
    gained = most = 0.0
    for row, own in zip(found, gold, strict=True):
        gained += sum(1 / chances[label] for label in row[:k] if label in own)
        most += sum(sorted((1 / chances[label] for label in own), reverse=True)[:k])
    return gained / most


def make(n, n_labels, seed):
    """Return predictions, true labels as lists and as `Labels`."""
    rng = np.random.default_rng(seed)
    found = np.stack([rng.choice(n_labels, 5, replace=False) for _ in range(n)]).astype(np.int32)
    found[rng.random(n) < 0.2, 3:] = -1  # as a threshold leaves them
    gold = [rng.choice(n_labels, rng.integers(7), replace=False).tolist() for _ in range(n)]
    indptr = np.cumsum([0, *map(len, gold)])
    ids = np.array([label for own in gold for label in own], np.int32)
    return found, gold, Labels(ids, indptr, [str(i) for i in range(n_labels)])


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_the_papers(seed):
    found, gold, labels = make(60, 12, seed)
    chances = np.random.default_rng(seed).uniform(0.05, 0.9, 12)
    assert precision_at_k(found, labels, KS) == pytest.approx(
        [slow_precision(found, gold, k) for k in KS]
    )
    assert propensity_scored_precision_at_k(found, labels, chances, KS) == pytest.approx(
        [slow_scored(found, gold, chances, k) for k in KS]
    )


def test_the_best_predictions_score_one():
    found, gold, labels = make(40, 12, 9)
    chances = np.linspace(0.1, 0.9, 12)  # rising: the lower label counts more
    for row, own in zip(found, gold, strict=True):
        best = sorted(own)[:5]
        row[:] = best + [-1] * (5 - len(best))
    assert propensity_scored_precision_at_k(found, labels, chances, KS) == pytest.approx([1.0] * 4)
    assert precision_at_k(found, labels, [5])[0] < 1  # of texts with fewer labels than 5


def test_equal_propensities_count_as_none_where_texts_have_k_labels():
    found, _, labels = make(30, 12, 3)
    own = np.tile(np.arange(6, dtype=np.int32), 30)
    labels = Labels(own, np.arange(0, 181, 6), labels.names)
    plain = precision_at_k(found, labels, KS)
    assert propensity_scored_precision_at_k(found, labels, np.full(12, 0.3), KS) == pytest.approx(
        plain
    )


def test_propensities_by_hand():
    c = (math.log(1000) - 1) * 2.5**0.55
    expected = [1 / (1 + c * (n + 1.5) ** -0.55) for n in (0, 1, 10, 900)]
    found = propensities(np.array([0, 1, 10, 900]), 1000)
    assert found == pytest.approx(expected)
    assert np.all(np.diff(found) > 0)
    assert found[0] > 0
    assert found[-1] < 1
    wiki = propensities(np.array([10]), 1000, a=0.5, b=0.4)
    assert wiki == pytest.approx([1 / (1 + (math.log(1000) - 1) * 1.4**0.5 * 10.4**-0.5)])


def test_texts_without_a_label_that_is_known_gain_nothing():
    labels = Labels(np.array([-1], np.int32), np.array([0, 0, 1]), ["a", "b"])
    found = np.array([[0, 1], [1, 0]], np.int32)
    assert precision_at_k(found, labels, [1, 2]) == [0.0, 0.0]
    assert propensity_scored_precision_at_k(found, labels, np.array([0.5, 0.5]), [1]) == [0.0]


def test_what_cannot_be_measured_is_refused():
    found, _, labels = make(5, 6, 0)
    for k in (0, 6):
        with pytest.raises(ValueError, match=r"k must be from 1 to 5, labels predicted; got"):
            precision_at_k(found, labels, [k])
    with pytest.raises(ValueError, match="predictions of 4 texts and labels of 5"):
        precision_at_k(found[:4], labels)
    with pytest.raises(ValueError, match="propensities of 2 labels, and one of number"):
        propensity_scored_precision_at_k(found, labels, np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="at least 3 training texts; got 2"):
        propensities(np.array([1]), 2)
    with pytest.raises(
        ValueError, match="a and b of propensities must be finite, and above 0; got 0"
    ):
        propensities(np.array([1]), 10, a=0)
    with pytest.raises(ValueError, match="a label has -1 texts"):
        propensities(np.array([-1]), 10)


BAD_TABLES = (
    [0, 1], [[[0]]], [[0.0]], [["a"]], [[None]], [[True]], None, [[float("nan")]], [[2**70]],
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD_TABLES)
def test_predictions_that_are_no_table_of_numbers_are_refused(bad):
    _, _, labels = make(1, 6, 0)
    for measure in (
        lambda: precision_at_k(bad, labels, [1]),
        lambda: propensity_scored_precision_at_k(bad, labels, np.ones(6), [1]),
    ):
        with pytest.raises(ValueError, match="predictions must be a table of whole") as error:
            measure()
        assert "\n" not in str(error.value)


def test_predictions_may_be_of_any_type_of_whole_numbers():
    found, _, labels = make(20, 6, 0)
    found = np.abs(found)
    expected = precision_at_k(found, labels, KS[:3])
    for dtype in (np.int8, np.uint8, np.int64, np.uint64):
        assert precision_at_k(found.astype(dtype), labels, KS[:3]) == expected
    assert precision_at_k(found.tolist(), labels, KS[:3]) == expected
    assert precision_at_k(found, labels, 3) == expected[2:]


@pytest.mark.parametrize("bad", [1.5, "1", None, True, np.float64(2)])
def test_a_k_that_is_no_whole_number_is_refused(bad):
    found, gold, labels = make(5, 6, 0)
    with pytest.raises(TypeError, match="k must be a whole number; got"):
        precision_at_k(found, labels, [bad])
    with pytest.raises(TypeError, match="gold must be Labels .* got list"):
        precision_at_k(found, gold, [1])


BAD_NUMBERS = (None, 3, "a", ["a"], [[1.0, 2.0]] * 20, [float("nan")] * 6, [float("inf")] * 6)


@pytest.mark.parametrize("bad", BAD_NUMBERS)
def test_numbers_of_labels_that_are_none_are_refused(bad):
    found, _, labels = make(5, 6, 0)
    for measure in (
        lambda: propensity_scored_precision_at_k(found, labels, bad, [1]),
        lambda: propensities(bad, 10),
    ):
        with pytest.raises(ValueError, match="must be finite numbers, one for each") as error:
            measure()
        assert "\n" not in str(error.value)
    for least in (0.0, -0.5):
        with pytest.raises(ValueError, match="propensities must be above 0; got"):
            propensity_scored_precision_at_k(found, labels, [least, *[0.5] * 5], [1])


@pytest.mark.filterwarnings("error")
def test_propensities_of_numbers_out_of_bounds():
    for bad in (None, "3", float("nan"), float("inf"), 2.9):
        with pytest.raises(ValueError, match="need at least 3 training texts; got"):
            propensities([1], bad)
    for bad in (None, "x", float("nan"), float("inf"), -1):
        for name in ("a", "b"):
            with pytest.raises(ValueError, match="must be finite, and above 0; got"):
                propensities([1], 10, **{name: bad})
    assert np.all(np.isfinite(propensities([0, 1, 10**9], 10, a=1e5)))
    assert propensities([], 10).size == 0
