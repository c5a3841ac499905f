"""Rows of uneven length: chosen ones of plain arrays, texts, labels, features, marked texts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fasttext_lite.compiled import arrays
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.text.analyzers import analyze

DOCUMENTS = ["soup 热汤", "", "a", "rain rain", "", "goal"]
TOKENS = [["soup", "热汤"], [], ["a"], ["rain", "rain"], [], ["goal"]]
CHOSEN = ([], [2], [0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 0], [2, 2, 0, 2], [4, 1, 1])


def plainly_taken(rows, chosen):
    """The slow twin of `take_ragged`, on a list of lists."""
    return [rows[i] for i in chosen]


def ragged(rows, dtype):
    indptr = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return indptr, np.array([number for row in rows for number in row], dtype)


def rows_of(indptr, array):
    return [array[a:b].tolist() for a, b in zip(indptr[:-1], indptr[1:], strict=True)]


@given(
    st.lists(st.lists(st.integers(0, 255), max_size=5), min_size=1, max_size=12),
    st.data(),
    st.integers(1, 40),
)
def test_take_ragged_equals_its_twin(rows, data, n_at_once):
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=30))
    indptr, numbers = ragged(rows, np.uint8)
    expected = plainly_taken(rows, chosen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "TAKEN", n_at_once)
        found, first, second = arrays.take_ragged(indptr, chosen, numbers, numbers.astype(float))
    assert rows_of(found, first) == rows_of(found, second) == expected
    assert (found.dtype, first.dtype, second.dtype) == (np.int64, np.uint8, np.float64)


@pytest.mark.parametrize("chosen", [[6], [-1], [-7], [0, 100]])
def test_rows_that_are_not_there(chosen):
    with pytest.raises(IndexError):
        Texts.from_sequence(DOCUMENTS).take(np.array(chosen))


@pytest.mark.parametrize("chosen", CHOSEN, ids=str)
@pytest.mark.parametrize("items", [DOCUMENTS, TOKENS], ids=["texts", "tokens"])
def test_texts(items, chosen):
    found = Texts.from_sequence(items).take(np.array(chosen, int))
    # Of no documents it cannot be seen that they were lists of tokens.
    expected = Texts.from_sequence(plainly_taken(items, chosen) or items).slice(0, len(chosen))
    assert found.to_list() == expected.to_list()
    assert found.offsets.tolist() == expected.offsets.tolist()
    assert (found.token_ends is None) == (items is DOCUMENTS)
    if found.token_ends is not None:
        assert found.token_ends.tolist() == expected.token_ends.tolist()


@pytest.mark.parametrize("chosen", CHOSEN, ids=str)
def test_labels_features_and_marked_texts(chosen):
    names = [("a", "b"), (), ("c",), ("a",), ("b", "c", "a"), ("b",)]
    labels = Labels.from_rows(names)
    numbers = np.array(chosen, int)
    assert labels.take(numbers).rows() == plainly_taken(names, chosen)
    assert labels.take(numbers).names == labels.names

    rows = [[3, 1], [], [2], [0, 1, 2], [5], []]
    indptr, ids = ragged(rows, np.int32)
    taken = FeatureMatrix(ids, ids.astype(np.float32) / 2, indptr).take(numbers)
    assert rows_of(taken.indptr, taken.ids) == plainly_taken(rows, chosen)
    assert (taken.weights * 2 == taken.ids).all()
    assert (taken.ids.dtype, taken.weights.dtype) == (np.int32, np.float32)

    marked = analyze(Texts.from_sequence(DOCUMENTS), Config())
    assert marked.take(numbers).tokens() == plainly_taken(marked.tokens(), chosen)
