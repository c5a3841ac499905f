"""Columns of Arrow: every kind of strings, sliced and in chunks, with nulls."""

from __future__ import annotations

import builtins

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fasttext_lite import FastTextClassifier
from fasttext_lite.corpus.arrow import columns_of, is_column
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError

TEXTS = ["red", None, "", "绿色苹果", "🍏", None, "a longer text that is in no view's twelve bytes"]
TYPES = {
    "string": pa.string(),
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "dictionary": pa.dictionary(pa.int32(), pa.string()),
    "dictionary of large": pa.dictionary(pa.int8(), pa.large_string()),
}


def column_of(texts, kind):
    """Return a column; pyarrow 18 makes none of numbers of large strings by itself."""
    if not pa.types.is_dictionary(kind):
        return pa.array(texts, kind)
    plain = pa.array(texts, kind.value_type).dictionary_encode()
    return pa.DictionaryArray.from_arrays(plain.indices.cast(kind.index_type), plain.dictionary)


def texts_of(column):
    """Return what `columns_of` makes of a column, as strings."""
    data, offsets, valid = columns_of(column)
    assert data.dtype == np.uint8 and offsets.dtype == np.int64
    assert offsets[0] == 0 and offsets[-1] == data.size
    n = offsets.size - 1
    assert valid is None or (valid.dtype == bool and valid.size == n and not valid.all())
    found = [data[offsets[i] : offsets[i + 1]].tobytes().decode() for i in range(n)]
    return found if valid is None else [t if v else None for t, v in zip(found, valid, strict=True)]


@pytest.mark.parametrize("kind", TYPES)
def test_every_kind_of_strings(kind):
    column = column_of(TEXTS, TYPES[kind])
    assert column.type == TYPES[kind] and is_column(column)
    assert texts_of(column) == TEXTS
    for a in range(len(TEXTS)):
        for b in range(a, len(TEXTS) + 1):
            assert texts_of(column[a:b]) == TEXTS[a:b], (a, b)
    pieces = pa.chunked_array([column[:2], column[2:2], column[3:], column.slice(1, 1)])
    assert texts_of(pieces) == [*TEXTS[:2], *TEXTS[3:], TEXTS[1]]
    assert texts_of(pa.chunked_array([], type=TYPES[kind])) == []
    assert texts_of(column_of([], TYPES[kind])) == []
    words = [text for text in TEXTS if text is not None]
    assert texts_of(column_of(words, TYPES[kind])) == words


def test_one_array_is_not_copied():
    column = pa.array(["one", "two"], pa.large_string())
    data, _, _ = columns_of(column)
    assert data.ctypes.data == column.buffers()[2].address
    assert not data.flags.writeable


def test_nulls_that_hold_bytes():
    bits = pa.py_buffer(bytes([0b101]))
    offsets = pa.py_buffer(np.array([0, 1, 3, 4], np.int32).tobytes())
    column = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"axxb"), bits)
    assert texts_of(column) == ["a", None, "b"]


def test_nothing_but_nulls():
    assert texts_of(pa.nulls(3)) == [None] * 3
    assert texts_of(pa.nulls(2, pa.string())) == [None] * 2


def test_other_libraries():
    series = pl.Series(TEXTS)
    assert is_column(series)
    assert texts_of(series) == TEXTS
    assert texts_of(series[2:5]) == TEXTS[2:5]
    assert texts_of(series.cast(pl.Categorical)) == TEXTS
    assert texts_of(pl.concat([series, series], rechunk=False)) == TEXTS * 2
    assert texts_of(pl.Series([], dtype=pl.String)) == []


@pytest.mark.parametrize("dtype", ["string", "string[pyarrow]", pd.ArrowDtype(pa.string())])
def test_series_of_pandas(dtype):
    series = pd.Series(TEXTS, dtype=dtype)
    assert is_column(series) and is_column(pd.Index(series))
    assert texts_of(series) == TEXTS
    assert texts_of(series[3:]) == TEXTS[3:]


def test_what_is_no_column():
    others = ["a"], ("a",), np.array(["a"]), "a", pd.Series(["a"], dtype=object), pd.Series([1]), 3
    assert not any(map(is_column, others))
    assert not is_column(pd.DataFrame({"text": ["a"]}))


@pytest.mark.parametrize(
    "wrong",
    [
        pa.array([1, 2]),
        pa.array([b"a"]),
        pa.chunked_array([[1.5]]),
        pa.array([["a"]]),
        pa.table({"text": ["a"]}),
        pa.record_batch({"text": ["a"]}),
        pl.Series([1]),
        pl.DataFrame({"text": ["a"]}),
        pa.array([1, 1]).dictionary_encode(),
    ],
    ids=lambda wrong: type(wrong).__name__,
)
def test_what_is_no_column_of_strings(wrong):
    with pytest.raises(TypeError, match="expected one column of strings, got "):
        columns_of(wrong)


def test_without_pyarrow(monkeypatch):
    real = builtins.__import__

    def without(name, *others):
        if name == "pyarrow":
            raise ImportError(name)
        return real(name, *others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'fasttext-lite\[filter\]'"):
        columns_of(pl.Series(["a"]))


# -- models ----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def model():
    texts = ["red apple", "green apple", "绿色苹果", "fast car", "slow car", "快 车"] * 5
    labels = (["fruit"] * 3 + ["cars"] * 3) * 5
    return FastTextClassifier(random_state=0, recipe="fixed").fit(texts, labels).model_


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("n", [1, 100])
def test_batches_of_every_kind(model, k, n):
    texts = [text or "" for text in TEXTS] * n
    expected = model.predict(Texts.from_sequence(texts), k)
    kinds = [
        texts, tuple(texts), iter(texts), (text for text in texts), np.array(texts),
        np.array(texts, object), pd.Series(texts), pd.Series(texts, dtype="string"),
        pl.Series(texts), Texts.from_sequence(texts),
        *(column_of(texts, kind) for kind in TYPES.values()),
        pa.chunked_array([texts[:3], texts[3:]]),
    ]  # fmt: skip
    for batch in kinds:
        for threads in (1, None):
            if hasattr(batch, "__next__") and threads is None:
                continue
            found = model.predict_batch(batch, k, threads=threads)
            assert found.labels.dtype == np.int32
            assert found.labels.tolist() == expected.labels.tolist()
            assert found.n_features.tolist() == expected.n_features.tolist()
            np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)


def test_nulls_get_no_label(model):
    n_full = model.predict_batch([text or "" for text in TEXTS], 2)
    for column in (pa.array(TEXTS), pl.Series(TEXTS), pd.Series(TEXTS, dtype="string")):
        found = model.predict_batch(column, 2)
        for i, text in enumerate(TEXTS):
            if text is None:
                assert found.labels[i].tolist() == [-1, -1]
                assert found.probabilities[i].tolist() == [0, 0] and found.n_features[i] == 0
            else:
                assert found.labels[i].tolist() == n_full.labels[i].tolist()
        with pytest.raises(TypeError, match="text at position 1 must be str, got"):
            model.predict(column)


def test_labels_as_columns(model):
    found = model.predict_batch(pa.array(TEXTS), threshold=0.6)
    labels, scores = found.to_arrow()
    assert pa.types.is_dictionary(labels.type) and labels.type.value_type == pa.string()
    assert scores.type == pa.float64()
    assert labels.to_pylist() == [row[0][0] if row else None for row in found.rows()]
    assert scores.to_pylist() == [row[0][1] if row else None for row in found.rows()]
    assert None in labels.to_pylist() and "fruit" in labels.to_pylist()
    found = model.predict_batch(pa.array(TEXTS), 2, 0.4)
    labels, scores = found.to_arrow()
    assert labels.to_pylist() == [[name for name, _ in row] or None for row in found.rows()]
    assert scores.to_pylist() == [[p for _, p in row] or None for row in found.rows()]
    for column in model.predict_batch(pa.array([], pa.string())).to_arrow():
        assert len(column) == 0
    table = pa.table({"label": labels, "score": scores})
    assert table.num_rows == len(TEXTS)


def test_what_no_batch_is(model):
    with pytest.raises(TypeError, match="text at position 1 must be str, got NoneType"):
        model.predict_batch(["a", None])
    with pytest.raises(TypeError, match="put it in a list"):
        model.predict_batch("a")
    with pytest.raises(TypeError, match="expected one column of strings, got Int64Array of int64"):
        model.predict_batch(pa.array([1]))
    with pytest.raises(TypeError, match="predict_batch"):
        model.predict_batch(["a"], n_threads=1)
    with pytest.raises(ValueError, match="k must be"):
        model.predict_batch(["a"], 0)


def test_estimators_take_columns(model):
    texts = ["red apple", "fast car"] * 10
    classifier = FastTextClassifier(random_state=0, recipe="fixed")
    classifier.fit(pa.array(texts), ["fruit", "cars"] * 10)
    assert classifier.predict(pl.Series(texts[:2])).tolist() == ["fruit", "cars"]
