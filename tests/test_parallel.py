"""Threads: all work done once, errors carried, nothing left running."""

import itertools
import threading

import numpy as np
import pytest

from fasttext_lite import parallel


@pytest.mark.parametrize("n_threads", [1, 2, 5, 50])
@pytest.mark.parametrize("n_blocks", [0, 1, 3, 40])
def test_each_block_is_done_once(n_blocks, n_threads):
    done = []
    parallel.run_blocks(done.append, n_blocks, n_threads)
    assert sorted(done) == list(range(n_blocks))


@pytest.mark.parametrize("n_items", [0, 1, 7, 1000])
@pytest.mark.parametrize("most", [1, 3, 10_000])
@pytest.mark.parametrize("least", [1, 256])
def test_ranges_cover_all_items_and_are_not_too_long(n_items, most, least):
    ranges = []
    parallel.run_ranges(lambda a, b: ranges.append((a, b)), n_items, 3, most, least)
    covered = [i for a, b in sorted(ranges) for i in range(a, b)]
    assert covered == list(range(n_items))
    assert all(b - a <= most for a, b in ranges)
    if least == 256 and most == 10_000:
        assert len(ranges) <= max(n_items // 256, 1)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError])
def test_the_first_error_stops_all_and_is_raised(error):
    started = []
    n_threads = threading.active_count()

    def work(block):
        started.append(block)
        if block == 2:
            raise error("here")

    with pytest.raises(error, match="here"):
        parallel.run_blocks(work, 100_000, 3)
    assert len(started) < 100_000
    assert threading.active_count() == n_threads


def test_work_is_done_where_no_thread_can_be_started(monkeypatch):
    starts = []

    def refuse(self):
        starts.append(self)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done = []
    parallel.run_blocks(done.append, 10, 4)
    assert done == list(range(10)) and len(starts) == 1


def test_an_interrupt_while_waiting_lets_the_others_end(monkeypatch):
    both, gate = threading.Barrier(2, timeout=10), threading.Event()
    original, calls, ended = threading.Thread.join, [], []
    caller, n_threads = threading.current_thread(), threading.active_count()

    def join(self, timeout=None):
        calls.append(self)
        if len(calls) == 1:
            gate.set()
            raise KeyboardInterrupt
        return original(self, timeout)

    def work(block):
        both.wait()  # each thread has one block
        if threading.current_thread() is not caller:
            gate.wait(10)
            ended.append(block)

    monkeypatch.setattr(threading.Thread, "join", join)
    with pytest.raises(KeyboardInterrupt):
        parallel.run_blocks(work, 2, 2)
    assert len(ended) == 1 and threading.active_count() == n_threads


def test_cpu_count():
    assert parallel.cpu_count() >= 1


def test_freed_memory_can_be_returned():
    before = np.arange(1_000_000)
    assert parallel.return_memory() is None
    assert before.sum() == 499_999_500_000


@pytest.mark.parametrize("n", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("n_waiting", [1, 2, 100])
def test_items_made_ahead_come_in_their_order(n, n_waiting):
    makers = set()

    def items():
        for i in range(n):
            makers.add(threading.current_thread())
            yield i

    assert list(parallel.ahead(items(), n_waiting)) == list(range(n))
    assert threading.current_thread() not in makers and len(makers) == min(n, 1)


def test_items_are_made_while_the_caller_works():
    made = threading.Event()

    def items():
        yield 1
        yield 2
        made.set()
        yield 3

    found = parallel.ahead(items())
    assert next(found) == 1
    assert made.wait(10), "the third is made although nobody asked for the second"
    assert list(found) == [2, 3]


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), StopIteration("odd")])
def test_an_error_comes_in_the_place_of_its_item(error):
    def items():
        yield 1
        raise error

    found = parallel.ahead(items())
    assert next(found) == 1
    with pytest.raises(RuntimeError if isinstance(error, StopIteration) else type(error)):
        next(found)


def test_a_caller_that_stops_ends_the_thread():
    threads = []

    def items():
        threads.append(threading.current_thread())
        yield from range(1000)

    found = parallel.ahead(items())
    assert next(found) == 0
    found.close()
    threads[0].join(10)
    assert not threads[0].is_alive()


@pytest.mark.parametrize("lengths", [[], [0], [5], [0, 0, 3], [100_000], [9000] * 50, [10] * 9000])
@pytest.mark.parametrize("start", [0, 7])
def test_even_bounds_cut_documents_by_their_bytes(lengths, start):
    offsets = np.cumsum([start, *lengths])
    bounds = parallel.even_bounds(offsets, 1 << 16)
    assert bounds[0] == 0 and bounds[-1] == len(lengths)
    assert bounds == sorted(set(bounds))
    longest = max(lengths, default=0)
    for a, b in itertools.pairwise(bounds):
        assert offsets[b] - offsets[a] <= 2 * (1 << 16) + longest
    if sum(lengths) > 1 << 17:  # few, long documents keep several threads busy, too
        assert len(bounds) > min(4, len(lengths))
    done = []
    parallel.run_bounds(lambda a, b: done.extend(range(a, b)), bounds, 3)
    assert sorted(done) == list(range(len(lengths)))
