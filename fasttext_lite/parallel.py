"""Run one function over ranges of documents in plain threads.

The kernels release the GIL, so threads are enough; `prange` would add compile time and
aborts on concurrent use (Numba's workqueue layer is not thread-safe).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def cpu_count() -> int:
    """Return the number of processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_threads(function: Callable[[int], None], n_threads: int) -> None:
    """Call ``function(thread)`` for each thread number below `n_threads`, at the same time.

    The caller's thread does the work of thread 0. The first exception of any thread is
    raised again here, after all threads have ended.
    """
    errors: list[BaseException] = []

    def guarded(thread: int) -> None:
        try:
            function(thread)
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(1, n_threads)]
    for thread in threads:
        thread.start()
    guarded(0)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def run_ranges(
    function: Callable[[int, int], None], n_items: int, n_threads: int, min_items: int = 256
) -> None:
    """Call ``function(first, last)`` over [0, n_items) cut into one range for each thread.

    Ranges shorter than `min_items` are not worth a thread of their own.
    """
    n_threads = max(1, min(n_threads, n_items // min_items))
    bounds = [n_items * i // n_threads for i in range(n_threads + 1)]
    run_threads(lambda i: function(bounds[i], bounds[i + 1]), n_threads)
