"""Rows as a cluster exchanges them: packed, unpacked, and the changes of several blocks as one."""

import numpy as np
import pytest
import reference

from fasttext_lite.compiled.random import STEP
from fasttext_lite.distributed import kernels

pytestmark = pytest.mark.kernels
SHAPES = [(1, 16, 3), (5, 16, 16), (7, 32, 20), (4, 48, 48), (3, 5, 5), (6, 20, 17), (0, 16, 4)]


def made(n, dim, n_columns, seed=0):
    rng = np.random.default_rng(seed)
    table = np.zeros((n + 3, dim), np.float32)
    table[:, :n_columns] = rng.normal(size=(n + 3, n_columns))
    return table, rng.permutation(n + 3)[:n].astype(np.int32), rng


def noises(seed, n):
    """Return the noise of each row, as `pack_rows` makes it."""
    numbers = [(int(seed) + i * int(STEP)) % 2**64 for i in range(n)]
    return [
        reference.splitmix64((number - 0x9E3779B97F4A7C15) % 2**64)[1] >> 32 for number in numbers
    ]


def rounded(rows, seed):
    """Return rows as float16, block of 16 by block, as `reference.rounded` does."""
    found = np.empty(rows.shape, np.float16)
    for i, noise in enumerate(noises(seed, len(rows))):
        for d in range(0, rows.shape[1], 16):
            part = np.zeros(16, np.float32)
            part[: rows[i, d : d + 16].size] = rows[i, d : d + 16]
            found[i, d : d + 16] = reference.rounded(part, noise)[: rows[i, d : d + 16].size]
    return found


@pytest.mark.parametrize(("n", "dim", "n_columns"), SHAPES)
def test_rows_are_packed_and_unpacked(n, dim, n_columns):
    table, rows, _ = made(n, dim, n_columns)
    packed = np.empty((n, n_columns), np.uint16)
    kernels.pack_rows(table, rows, np.uint64(7), packed)
    assert np.array_equal(packed.view(np.float16), rounded(table[rows][:, :n_columns], 7))
    back = np.zeros((n, dim), np.float32)
    kernels.unpack_rows(packed, back)
    assert np.array_equal(back[:, :n_columns], packed.view(np.float16).astype(np.float32))
    assert not back[:, n_columns:].any()


@pytest.mark.parametrize(("n", "dim", "n_columns"), SHAPES)
def test_changes_are_what_rows_differ_by(n, dim, n_columns):
    table, _, rng = made(n, dim, n_columns)
    table = table[:n].copy()
    before = rng.normal(size=(n, n_columns)).astype(np.float16)
    changes = np.empty((n, n_columns), np.uint16)
    kernels.pack_changes(table, before.view(np.uint16), np.uint64(9), changes)
    difference = table[:, :n_columns] - before.astype(np.float32)
    assert np.array_equal(changes.view(np.float16), rounded(difference, 9))


def test_rounding_keeps_the_mean():
    table = np.full((4000, 16), np.float32(1 + 2**-12), np.float32)  # between two float16
    packed = np.empty((4000, 16), np.uint16)
    kernels.pack_rows(table, np.arange(4000, dtype=np.int32), np.uint64(1), packed)
    values = packed.view(np.float16).astype(np.float64)
    assert set(np.unique(values)) == {1.0, 1 + 2**-10}
    assert abs(values.mean() - (1 + 2**-12)) < 2**-16


@pytest.mark.parametrize(("n", "dim", "n_columns"), SHAPES[1:6])
@pytest.mark.parametrize("n_blocks", [1, 3])
def test_changes_of_blocks_are_added_as_one_after_another(n, dim, n_columns, n_blocks):
    table, _, rng = made(n, dim, n_columns)
    rows, energies, changes = [], [], []
    for _ in range(n_blocks):
        rows.append(np.sort(rng.permutation(n + 3)[:n]).astype(np.int32))
        energies.append(rng.exponential(20, size=n).astype(np.float32))
        changes.append(rng.normal(size=(n, n_columns)).astype(np.float16))
    expected = reference.together(table, rows, energies, changes, 0.1)
    total, moved = np.zeros(n + 3), np.zeros(n + 3)
    for own, energy in zip(rows, energies, strict=True):
        kernels.add_energy(own, energy, 0.1, total, moved)
    for own, change in zip(rows, changes, strict=True):
        kernels.add_changes(table, own, change.view(np.uint16), 0.1, total, moved)
    assert np.allclose(table, expected, rtol=1e-5, atol=1e-5)
    if n_blocks == 1:  # all of its own change
        alone = made(n, dim, n_columns)[0]
        alone[rows[0], :n_columns] += changes[0].astype(np.float32)
        assert np.allclose(table, alone, rtol=1e-5, atol=1e-5)


def test_a_row_that_is_not_moved_keeps_its_change():
    """Where texts weigh nothing, nothing is corrected."""
    table, total, moved = np.zeros((2, 16), np.float32), np.zeros(2), np.zeros(2)
    rows = np.array([1], np.int32)
    kernels.add_energy(rows, np.zeros(1, np.float32), 0.5, total, moved)
    kernels.add_changes(table, rows, np.ones((1, 4), np.float16).view(np.uint16), 0.5, total, moved)
    assert table.sum() == 4 and table[1, :4].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_lists_are_appended(dtype):
    rng = np.random.default_rng(0)
    parts = [[list(rng.integers(200, size=rng.integers(4))) for _ in range(30)] for _ in range(3)]
    whole = [sum((part[i] for part in parts), []) for i in range(30)]
    sizes = np.array([len(each) for each in whole])
    ends = np.cumsum(sizes) - sizes
    joined = np.empty(sizes.sum(), dtype)
    for part in parts:
        items = np.array(sum(part, []), dtype)
        items.setflags(write=False)  # as they come from other processes
        own = np.array([len(each) for each in part], np.int32)
        kernels.append_lists(own, items, ends, joined)
    assert joined.tolist() == sum(whole, [])
    assert ends.tolist() == np.cumsum(sizes).tolist()


@pytest.mark.parametrize("n_often", [0, 5, 40])
def test_rows_get_numbers_of_the_share(n_often):
    rng = np.random.default_rng(1)
    ids = rng.choice(40, 12, replace=False)[rng.integers(12, size=60)].astype(np.int32)
    others = sorted({row for row in ids.tolist() if row >= n_often})
    expected = [row if row < n_often else n_often + others.index(row) for row in ids.tolist()]
    numbers, rows = np.full(40, -1, np.int32), np.empty(40, np.int32)
    numbers[:n_often] = np.arange(n_often)
    n = kernels.number_own(ids, numbers, n_often, rows)
    assert rows[:n].tolist() == others and ids.tolist() == expected


def test_energy_is_the_sum_of_squares():
    rng = np.random.default_rng(2)
    sizes = np.array([3, 0, 7, 5])
    indptr = np.append(0, np.cumsum(sizes))
    ids = rng.integers(6, size=15).astype(np.int32)
    weights = rng.normal(size=15).astype(np.float32)
    of_docs = np.array([1, 2, 0.5, 3], np.float32)
    squares = weights.astype(np.float64) ** 2 * np.repeat(of_docs, sizes)
    energy = np.zeros(6)
    kernels.sum_energy(ids, weights, indptr, of_docs, energy)
    assert np.allclose(energy, np.bincount(ids, squares, 6), rtol=1e-12)
