"""Tables that stay in their file until their rows are needed: what is read, checked and noticed."""

import mmap
import os
import threading

import numpy as np
import pytest

from fasttext_lite import system
from fasttext_lite.compiled import paging
from fasttext_lite.compiled.needed import find_missing, load_rows
from fasttext_lite.compiled.paging import OpenFile, PagedTable, block_checks, rows_of_block
from fasttext_lite.errors import ModelError

pytestmark = [pytest.mark.kernels, pytest.mark.bounds]

OFFSET, ROWS, DIM, OF_BLOCK = 12, 37, 5, 4
TABLE = np.random.default_rng(0).standard_normal((ROWS, DIM)).astype(np.float32)
N_BLOCKS = 10


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(OFFSET) + TABLE.tobytes() + b"more")
    return path


def paged(path, checked=True, **others):
    checks = block_checks(TABLE, OF_BLOCK) if checked else None
    file = OpenFile(str(path))
    return PagedTable(file, OFFSET, TABLE.shape, np.float32, "t", checks, OF_BLOCK, **others)


def write(path, place, data):
    """Overwrite a part of a file in its place, with a time that differs."""
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(data)
    later(path)


def later(path):
    time = os.stat(path).st_mtime_ns + 10**9
    os.utime(path, ns=(time, time))


def flip(path, place):
    """Change a bit as a disk does: nobody has written to the file."""
    status = os.stat(path)
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def plainly_missing(rows, shift, there):
    """The slow twin of `find_missing`."""
    return [row >> shift for row in rows if not there[row >> shift]]


@pytest.mark.parametrize("shift", [0, 1, 3, 5])
def test_which_blocks_are_missing(shift):
    generator = np.random.default_rng(shift)
    for share in (0.0, 0.5, 0.9, 1.0):
        there = (generator.random((100 >> shift) + 1) < share).astype(np.uint8)
        rows = generator.integers(0, 100, 30).astype(np.int32)
        expected = plainly_missing(rows.tolist(), shift, there)
        found = np.full(30, -1, np.int32)
        assert find_missing(rows, 30, shift, there, found) == len(expected)
        assert found[: len(expected)].tolist() == expected
        assert find_missing(rows, 30, shift, there, rows) == len(expected)  # in its own place
        assert rows[: len(expected)].tolist() == expected
        assert find_missing(rows, 0, shift, there, found) == 0


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("checked", [False, True])
def test_blocks_are_read_when_they_are_needed(path, checked, mapped):
    table = paged(path, checked, is_mapped=mapped)
    assert table.there.size == N_BLOCKS and not table.there.any() and not table.is_complete
    assert (table.shape, table.size, table.nbytes, table.shift) == (TABLE.shape, 185, 740, 2)
    load_rows(table, np.array([36, 5, 6, 36], np.int32))
    assert np.flatnonzero(table.there).tolist() == [1, 9]
    for rows in (slice(4, 8), slice(36, 37)):
        np.testing.assert_array_equal(table.array[rows], TABLE[rows])
    if not mapped:
        assert not table.array[:4].any()
    assert not table.array.flags.writeable
    np.testing.assert_array_equal(table.complete(), TABLE)
    assert table.is_complete and table.there.tolist() == [1] * N_BLOCKS


def test_the_rows_of_a_block():
    for row_bytes in (1, 4, 400, 1200, 65536, 70000, 10**9):
        rows = rows_of_block(row_bytes)
        assert rows & (rows - 1) == 0 and (rows == 1 or rows * row_bytes <= paging.BLOCK)
        assert 2 * rows * row_bytes > paging.BLOCK


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("place", [OFFSET, OFFSET + 4 * 20 * 3 + 7, OFFSET + 739])
def test_a_flipped_bit_is_told_with_its_place(path, place, mapped):
    flip(path, place)
    table = paged(path, is_mapped=mapped)
    block = (place - OFFSET) // 80
    rows = f"rows {4 * block} to {min(4 * block + 3, 36)}: its checksum is another"
    with pytest.raises(ModelError, match=f"file: the model file is damaged: array t, {rows}"):
        table.load(np.array([block]))
    assert not table.there[block]
    others = np.delete(np.arange(N_BLOCKS), block)
    table.load(others)
    assert table.there.sum() == N_BLOCKS - 1
    if not mapped:
        assert not table.array[4 * block : 4 * block + 4].any(), "what is damaged is never there"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_without_checksums_numbers_must_be_finite(path, value):
    write(path, OFFSET + 4 * 33 * 5, np.float32(value).tobytes())
    table = paged(path, checked=False)
    with pytest.raises(ModelError, match=r"array t, rows 32 to 35: it holds values that are not"):
        table.complete()
    assert table.there.tolist() == [1] * 8 + [0, 0]


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("change", ["cut", "other", "longer"])
def test_a_file_that_is_changed_in_its_place(path, checked, mapped, change):
    table = paged(path, checked, is_mapped=mapped)
    table.load(np.array([0]))
    if change == "cut":
        os.truncate(path, OFFSET + 100)
    elif change == "other":
        write(path, OFFSET, (TABLE + 1).tobytes())
    else:
        path.write_bytes(bytes(2000))
    later(path)
    with pytest.raises(ModelError, match="was changed in its place after it was loaded: load it"):
        table.load(np.array([7]))
    assert table.there.sum() == 1
    if not mapped:
        np.testing.assert_array_equal(table.array[:4], TABLE[:4])
        table.load(np.array([0]))  # what is there needs no file
        table.check_unchanged()
    else:
        with pytest.raises(ModelError, match="was changed in its place"):
            table.check_unchanged()


def test_a_file_that_is_replaced_or_removed_stays_for_who_has_it(path, tmp_path):
    tables = [paged(path, checked, is_mapped=mapped) for checked in (0, 1) for mapped in (0, 1)]
    (tmp_path / "new").write_bytes(bytes(100))
    os.replace(tmp_path / "new", path)
    for table in tables[:2]:
        np.testing.assert_array_equal(table.complete(), TABLE)
    path.unlink()
    for table in tables[2:]:
        table.check_unchanged()
        np.testing.assert_array_equal(table.complete(), TABLE)


def test_a_disk_that_fails(path, monkeypatch):
    def fail(*_):
        raise OSError(5, "Input/output error")

    table = paged(path)
    monkeypatch.setattr(os, "preadv", fail)
    with pytest.raises(ModelError, match="file: cannot read the model: input/output error"):
        table.complete()
    monkeypatch.undo()
    np.testing.assert_array_equal(table.complete(), TABLE)


def test_reading_in_small_pieces_and_without_preadv(path, monkeypatch):
    monkeypatch.setattr(system, "_STEP", 7)
    np.testing.assert_array_equal(paged(path).complete(), TABLE)
    monkeypatch.delattr(os, "preadv")
    assert not system.can_stay_open()
    np.testing.assert_array_equal(paged(path).complete(), TABLE)
    memory = np.zeros(2000, np.uint8)
    assert system.read_at(OpenFile(str(path)).number, 4, memory.data) == OFFSET + 740
    assert bytes(memory[OFFSET - 4 :][:740]) == TABLE.tobytes()


def test_systems_where_an_open_file_cannot_be_replaced(monkeypatch):
    assert system.can_stay_open()
    monkeypatch.setattr(system, "IS_WINDOWS", True)
    assert not system.can_stay_open()


def test_systems_without_private_maps(path, monkeypatch):
    monkeypatch.delattr(mmap, "MAP_PRIVATE")
    np.testing.assert_array_equal(paged(path).complete(), TABLE)


def test_threads_that_load_the_same_blocks(path):
    for _ in range(20):
        table, found = paged(path), []
        start = threading.Barrier(4)

        def load(table=table, found=found, start=start):
            start.wait()
            for block in range(N_BLOCKS):
                table.load(np.array([block]))
                found.append(np.array_equal(table.array[4 * block : 4 * block + 4],
                                            TABLE[4 * block : 4 * block + 4]))  # fmt: skip

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [True] * 4 * N_BLOCKS


def test_a_forked_process_has_its_own_blocks(path):
    table = paged(path)
    table.load(np.array([0]))
    child = os.fork()
    if child == 0:
        table.complete()
        os._exit(0 if np.array_equal(table.array, TABLE) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert table.there.sum() == 1 and not table.array[4:].any()
    np.testing.assert_array_equal(table.complete(), TABLE)


def test_files_are_closed(path):
    def n_open():
        return len(os.listdir("/proc/self/fd"))

    before = n_open()
    for mapped in (False, True):
        table = paged(path, is_mapped=mapped)
        table.complete()
        del table
    assert n_open() == before
    with pytest.raises(FileNotFoundError):
        OpenFile(str(path) + "2")
