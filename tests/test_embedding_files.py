"""Files of embeddings: what is read, and what is said of files that cannot be."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from fasttext_lite.errors import InputError
from fasttext_lite.teaching.embedding_files import read_embeddings

TABLE = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)


def as_npy(path, table, **more):
    with open(path, "wb") as file:
        np.save(file, table, **more)


def as_safetensors(path, table):
    save_file({"embeddings": np.ascontiguousarray(table)}, path)


def as_parquet(path, table, fixed=False):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    kind = pa.list_(pa.from_numpy_dtype(table.dtype), table.shape[1] if fixed else -1)
    column = pa.array([list(row) for row in table], kind)
    texts = pa.array([str(i) for i in range(len(table))])
    pq.write_table(pa.table({"text": texts, "vector": column}), path, row_group_size=3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("save", [as_npy, as_safetensors, as_parquet])
def test_each_kind_of_file_is_read(tmp_path, save, dtype):
    path = tmp_path / "e.npy"  # the name does not count
    save(path, TABLE.astype(dtype))
    found = read_embeddings(path, 7)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, TABLE.astype(dtype).astype(np.float32))


def test_lists_of_fixed_size_are_read(tmp_path):
    as_parquet(tmp_path / "e", TABLE, fixed=True)
    np.testing.assert_array_equal(read_embeddings(tmp_path / "e"), TABLE)


def test_several_files_are_rows_one_after_another(tmp_path):
    as_npy(tmp_path / "a.npy", TABLE[:3])
    as_safetensors(tmp_path / "b", TABLE[3:])
    paths = [tmp_path / "a.npy", str(tmp_path / "b")]
    np.testing.assert_array_equal(read_embeddings(paths, 7), TABLE)


def fault(path, *args):
    with pytest.raises(InputError) as caught:
        read_embeddings(path, *args)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_a_number_of_rows_that_does_not_fit_is_told(tmp_path):
    path = tmp_path / "e.npy"
    as_npy(path, TABLE)
    assert fault(path, 5) == (
        ": 7 rows for 5 texts: each text needs one, in the order of the texts"
    )
    assert "7 rows for 5 texts (2 skipped lines have none)" in fault(path, 5, 2)
    assert "e.npy and others: 14 rows for 5 texts" in fault([path, path], 5)


def test_files_of_different_encoders_are_told_apart(tmp_path):
    as_npy(tmp_path / "a.npy", TABLE)
    as_npy(tmp_path / "b.npy", TABLE[:, :4])
    assert "embeddings of 4 numbers, but those of" in fault(
        [tmp_path / "a.npy", tmp_path / "b.npy"]
    )


@pytest.mark.parametrize("save", [as_npy, as_safetensors, as_parquet])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_bad_row_is_named(tmp_path, save, value):
    table = TABLE.copy()
    table[4] = value
    save(tmp_path / "e", table)
    assert ": row 5 has a number that is not finite" in fault(tmp_path / "e")
    paths, wanted = [tmp_path / "e"] * 2, np.array([12, 0, 3, 9])
    found = read_embeddings(paths, choose=lambda n_rows: wanted[:n_rows])
    np.testing.assert_array_equal(found, TABLE[wanted % 7])
    with pytest.raises(InputError, match=": row 5 has"):
        read_embeddings(paths, choose=lambda n_rows: np.array([3, 11]))


@pytest.mark.parametrize("save", [as_npy, as_safetensors, as_parquet])
def test_rows_of_zeros_are_read(tmp_path, save):
    table = TABLE.copy()
    table[4] = 0
    save(tmp_path / "e", table)
    np.testing.assert_array_equal(read_embeddings(tmp_path / "e"), table)


@pytest.mark.parametrize("fixed", [False, True])
def test_parquet_without_rows(tmp_path, fixed):
    as_parquet(tmp_path / "e", TABLE[:0], fixed=fixed)
    as_npy(tmp_path / "n", TABLE[:0])
    said = fault(tmp_path / "e", 5)
    assert said == ": 0 rows for 5 texts: each text needs one, in the order of the texts"
    assert said == fault(tmp_path / "n", 5)
    as_npy(tmp_path / "a.npy", TABLE)
    for paths in (["e", "a.npy"], ["a.npy", "e"]):
        found = read_embeddings([tmp_path / path for path in paths], 7)
        np.testing.assert_array_equal(found, TABLE)


def test_numbers_too_large_for_float32_are_called_so(tmp_path):
    table = TABLE.astype(np.float64)
    table[1, 2] = 1e200
    as_npy(tmp_path / "e.npy", table)
    assert ": row 2 has a number that is too large for float32: scale" in fault(tmp_path / "e.npy")


@pytest.mark.parametrize("save", [as_npy, as_safetensors, as_parquet])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_cut_file_is_told(tmp_path, save, share):
    path = tmp_path / "e"
    save(path, np.ones((50, 40), np.float32) + 1)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert fault(path)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (TABLE[0], "an array of shape (5,), not a table"),
        (TABLE[None], "an array of shape (1, 7, 5), not a table"),
        (np.float32(1), "an array of shape (), not a table"),
        (np.array([["a", "b"]]), "not numbers"),
        (np.array([[True]]), "not numbers"),
        (np.ones((2, 2), complex), "not numbers"),
    ],
)
def test_what_is_no_table_of_numbers_is_told(tmp_path, table, said):
    as_npy(tmp_path / "e.npy", table)
    assert said in fault(tmp_path / "e.npy")


def test_objects_are_not_read(tmp_path):
    as_npy(tmp_path / "e.npy", np.array([[{}]], object), allow_pickle=True)
    assert "not an array of numbers" in fault(tmp_path / "e.npy")


def test_other_files_are_told(tmp_path):
    (tmp_path / "text").write_text("1 2 3\n")
    assert "not a file of embeddings: .npy, .safetensors and Parquet" in fault(tmp_path / "text")
    (tmp_path / "empty").write_bytes(b"")
    assert "not a file of embeddings" in fault(tmp_path / "empty")
    np.savez(tmp_path / "e.npz", TABLE)
    assert "numpy.save" in fault(tmp_path / "e.npz")
    assert "no such file" in fault(tmp_path / "none")
    assert "not a regular file" in fault(tmp_path)
    assert "standard input" in fault("-")


def test_a_file_of_several_tables_needs_a_name(tmp_path):
    save_file({"a": TABLE, "b": TABLE}, tmp_path / "e")
    assert "several tables (a, b), none called embeddings" in fault(tmp_path / "e")
    save_file({"a": TABLE[:2], "embeddings": TABLE}, tmp_path / "e")
    np.testing.assert_array_equal(read_embeddings(tmp_path / "e"), TABLE)
    save_file({"a": TABLE[0]}, tmp_path / "e")
    assert "no table" in fault(tmp_path / "e")


def test_lists_of_different_lengths_are_told(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    for rows, row in (
        ([[1.0, 2.0], [1.0]], 2), ([[1.0, 2.0], None], 2),
        ([[1.0, 2.0], [3.0, 4.0], [1.0, None]], 3),
    ):  # fmt: skip
        pq.write_table(pa.table({"e": pa.array(rows)}), tmp_path / "e")
        assert f": row {row} lacks numbers" in fault(tmp_path / "e")
    pq.write_table(pa.table({"e": ["a"]}), tmp_path / "e")
    assert "no column of lists of numbers" in fault(tmp_path / "e")


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    import sys

    as_parquet(tmp_path / "e", TABLE)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'fasttext-lite[filter]'" in fault(tmp_path / "e")
