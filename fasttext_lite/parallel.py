"""Run one function over ranges of documents in plain threads; make things ahead in one.

The kernels release the GIL, so threads are enough; `prange` would add compile time and
aborts on concurrent use (Numba's workqueue layer is not thread-safe).
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

from fasttext_lite.system import cpu_count as cpu_count
from fasttext_lite.system import return_memory as return_memory


@cache
def bar_class() -> type[tqdm]:
    """Return what draws progress bars: tqdm with a lock of its own, for threads alone.

    Its usual lock is one for processes, too, and to make one settles how this process starts
    others, which is for nobody but its owner to decide.
    """
    from tqdm import tqdm

    class Bar(tqdm):
        pass

    Bar.set_lock(threading.RLock())
    return Bar


def ahead(items: Iterable[Any], n_waiting: int = 2) -> Generator[Any, None, None]:
    """Yield items that a thread of their own makes, up to `n_waiting` before they are asked for.

    An error of theirs is raised where the item would have come. When the caller stops early,
    the thread ends after the item that it is making.
    """
    waiting: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(n_waiting)
    stopped = threading.Event()
    end = StopIteration()

    def hand_over(item: Any, error: BaseException | None) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                return waiting.put((item, error), timeout=0.1)

    def work() -> None:
        try:
            for item in items:
                hand_over(item, None)
                if stopped.is_set():
                    return
            hand_over(None, end)
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
            hand_over(None, error)

    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            item, error = waiting.get()
            if error is end:
                return
            if error is not None:
                raise error
            yield item
    finally:
        stopped.set()


def run_blocks(
    work: Callable[[int], None],
    n_blocks: int,
    n_threads: int,
    first: int = 0,
    is_paused: Callable[[], bool] | None = None,
) -> int:
    """Call ``work(block)`` for each block number below `n_blocks`; threads take them in turn.

    The caller's thread is one of them. Where the system refuses a thread, the others do its
    share. After an error in any thread (or Ctrl-C in the caller's) no new block is begun; the
    first error is raised here when all threads have ended.

    Parameters
    ----------
    work : callable
    n_blocks, n_threads : int
    first : int
        Number of the first block.
    is_paused : callable, optional
        Asked by each thread before each block; once it says so, no new block is begun.

    Returns
    -------
    int
        The first block that was not begun; all before it are done. `n_blocks`, unless paused.
    """
    turns = itertools.count(first)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            while not errors and not (is_paused is not None and is_paused()):
                if (block := next(turns)) >= n_blocks:
                    break
                work(block)
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
            errors.append(error)

    threads: list[threading.Thread] = []
    try:
        while len(threads) < min(n_threads, n_blocks) - 1:
            thread = threading.Thread(target=run)
            thread.start()
            threads.append(thread)
    except RuntimeError:
        pass  # no more threads to be had
    except BaseException as error:  # noqa: BLE001 - raised below
        errors.append(error)
    run()
    for thread in threads:
        while thread.is_alive():
            try:
                thread.join()
            except BaseException as error:  # noqa: BLE001 - Ctrl-C while waiting: raised below
                errors.append(error)
    if errors:
        raise errors[0]
    return min(next(turns), n_blocks)


def run_ranges(
    function: Callable[[int, int], None],
    n_items: int,
    n_threads: int,
    most_items: int = 1 << 16,
    least_items: int = 256,
) -> None:
    """Call ``function(first, last)`` over [0, n_items) cut into ranges, several at a time.

    Parameters
    ----------
    function : callable
    n_items, n_threads : int
    most_items : int
        Longest range: what is done between two looks at Ctrl-C.
    least_items : int
        Shortest range that is worth a thread (unless `most_items` is smaller).
    """
    n_ranges = max(min(n_threads, n_items // least_items), -(-n_items // most_items), 1)
    run_bounds(function, [n_items * i // n_ranges for i in range(n_ranges + 1)], n_threads)


def run_bounds(function: Callable[[int, int], None], bounds: Sequence[int], n_threads: int) -> None:
    """Call ``function(first, last)`` for each two neighbours of `bounds`, several at a time."""
    run_blocks(lambda i: function(bounds[i], bounds[i + 1]), len(bounds) - 1, n_threads)


def even_bounds(offsets: Any, size: int) -> list[int]:
    """Return bounds of ranges of documents that are of about the same size together.

    Parameters
    ----------
    offsets : int64[n_docs + 1]
        Where documents begin and end, in bytes.
    size : int
        Bytes of a range; of fewer than four ranges a quarter of all, if that is 4 KB or more.
    """
    n, total = len(offsets) - 1, int(offsets[-1] - offsets[0])
    size = max(min(size, total // 4), 1 << 12)
    places = [int(offsets[0]) + size * i for i in range(1, total // size)]
    inner = offsets.searchsorted(places) if places else []
    return sorted({0, n, *(int(i) for i in inner)})
