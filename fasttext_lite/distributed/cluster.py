"""The cluster that a job runs on: its client, its workers, its tasks and what they are called."""

from __future__ import annotations

import os
import sys
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fasttext_lite.errors import InputError, TrainingError
from fasttext_lite.version import __version__

if TYPE_CHECKING:
    from distributed import Client, Future

NEEDS = (
    "a cluster of Dask needs dask and distributed, which are not installed: "
    "pip install 'fasttext-lite[dask]'"
)
FAN_IN = 8  # results that are joined by one task, and that the client joins by itself
MOST_SHOWN = 5  # workers in a message

Item = TypeVar("Item")


def client_of(client: Client | None = None) -> Client:
    """Return a client, by default the one there is.

    Raises
    ------
    InputError
        If distributed is not installed, or there is no client, or an asynchronous one.
    """
    try:
        from distributed import default_client
    except ImportError:
        raise InputError(NEEDS) from None
    if client is None:
        try:
            client = default_client()
        except ValueError:
            raise InputError(
                "there is no client of Dask: make one first, such as distributed.Client(address) "
                "or Client() for this machine, or give one with client="
            ) from None
    if client.asynchronous:
        raise InputError("the client of Dask is asynchronous: make one with asynchronous=False")
    return client


def check_workers(client: Client) -> dict[str, int]:
    """Return the threads of each worker, by address, in order.

    Raises
    ------
    InputError
        If there is no worker, or some have another version of this package, or none.
    """
    threads = dict(sorted(client.nthreads().items()))
    if not threads:
        raise InputError(
            "the cluster has no worker: start some, or wait for them with "
            "client.wait_for_workers(1)"
        )
    found = client.run(_probe(), on_error="return")
    others = {
        address: version
        for address, version in sorted(found.items())
        # One that just died cannot be reached, and is no worker any more.
        if version != __version__ and not isinstance(version, OSError)
    }
    if others:
        shown = [
            f"{address} {version if isinstance(version, str) else 'lacks it'}"
            for address, version in list(others.items())[:MOST_SHOWN]
        ]
        more = f" and {len(others) - MOST_SHOWN} more" if len(others) > MOST_SHOWN else ""
        raise InputError(
            f"{len(others)} of {len(threads)} workers have another fasttext_lite than the client, "
            f"which has {__version__}: {', '.join(shown)}{more}; install the same on all"
        )
    return threads


def _probe() -> Callable[[], str | None]:
    """Return a function that goes to workers with its code: they may lack this package."""

    def probe() -> str | None:
        try:
            import fasttext_lite
        except ImportError:
            return None
        return str(fasttext_lite.__version__)

    return probe


class Sized:
    """What a task returns, and tells Dask the size of.

    Without that, results would all look small to Dask, which runs tasks where large results are.
    """

    def __sizeof__(self) -> int:
        """Return the size of what is held, in bytes."""
        return object.__sizeof__(self) + sum(map(size_of, vars(self).values()))


def size_of(held: Any) -> int:
    """Return the size of something with all that it holds, in bytes."""
    if isinstance(held, np.ndarray):
        return int(held.nbytes)
    if isinstance(held, list | tuple):
        return sys.getsizeof(held) + sum(map(size_of, held))
    if isinstance(held, Sized) or not hasattr(held, "__dict__"):
        return sys.getsizeof(held)
    return sys.getsizeof(held) + sum(map(size_of, vars(held).values()))


class Job:
    """The tasks of one fit or prediction.

    Parameters
    ----------
    client : Client
        What it computes on.

    Attributes
    ----------
    workers : dict of str to int
        Addresses and numbers of threads, when the job began.
    width : int
        Their threads together: so much can run at once.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.workers = check_workers(client)
        self.width = sum(self.workers.values())
        self._token = uuid.uuid4().hex
        self._futures: list[weakref.ref[Future]] = []
        self._n_tasks = 0

    def submit(self, name: str, function: Callable[..., Any], *args: Any) -> Future:
        """Return the future of one task.

        The scheduler says where it is done.  A wish would bind it: where no worker is left for a
        moment, a task that wishes for one that is gone is never begun, even if any other may do it
        (Dask 2026.8, ``Scheduler.bulk_schedule_unrunnable_after_adding_worker``).

        Parameters
        ----------
        name : str
            What it is called on the dashboard, behind the name of the package.
        function : callable
        *args
            With futures among them.
        """
        self._n_tasks += 1
        key = (f"fasttext_lite {name}", self._n_tasks, self._token)
        with _large_graphs():
            return self._noted([self.client.submit(function, *args, key=key, pure=False)])[0]

    def map(self, name: str, function: Callable[..., Any], *columns: Sequence[Any]) -> list[Future]:
        """Return the futures of a task for each place of some columns of arguments."""
        first = self._n_tasks + 1
        self._n_tasks += len(columns[0])
        keys = [(f"fasttext_lite {name}", i, self._token) for i in range(first, self._n_tasks + 1)]
        with _large_graphs():
            return self._noted(self.client.map(function, *columns, key=keys, pure=False))

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *error: object) -> None:
        """Let the cluster forget all results, also those that a traceback would keep."""
        for reference in self._futures:
            future = reference()
            if future is not None:
                with suppress(Exception):  # the cluster may be gone
                    future.release()

    def _noted(self, futures: list[Future]) -> list[Future]:
        """Note futures, but do not keep results that nobody needs any more."""
        self._futures += map(weakref.ref, futures)
        return futures

    def computed(self, blocks: Sequence[Any]) -> list[Future]:
        """Return the futures of partitions."""
        return self._noted(self.client.compute(list(blocks))) if blocks else []

    def held(self, name: str, data: Any) -> Future:
        """Return the future of something of the client that many tasks need.

        The scheduler keeps it, so that it outlives any worker.
        """
        return self.submit(name, _same, data)

    def gather(self, futures: Sequence[Future]) -> list[Any]:
        """Return the results of tasks.

        Raises
        ------
        TrainingError
            If workers died again and again over a task.
        """
        from distributed import KilledWorker

        try:
            return self.client.gather(list(futures))
        except KilledWorker as error:
            task = error.task[0] if isinstance(error.task, tuple) else error.task
            raise TrainingError(
                f"the task {str(task)!r} was given up, for the workers that had it died "
                "(distributed.scheduler.allowed-failures says how often): see their logs; "
                "mostly memory was short"
            ) from None

    def joined(self, name: str, futures: Sequence[Future], join: Callable[[list[Any]], Any]) -> Any:
        """Return the results of tasks joined, in their order, by a tree of tasks.

        Parameters
        ----------
        name : str
        futures : sequence of Future
        join : callable
            Of a list of results; grouping neighbours must make no difference.
        """
        futures = list(futures)
        while len(futures) > FAN_IN:
            groups = [futures[i : i + FAN_IN] for i in range(0, len(futures), FAN_IN)]
            futures = [self.submit(name, join, group) for group in groups]
        return join(self.gather(futures))


def _same(data: Item) -> Item:
    return data


@contextmanager
def _large_graphs() -> Iterator[None]:
    """Let tasks carry data: what the client knows must outlive the workers."""
    import dask

    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TiB"}):
        yield


def worker_name() -> str:
    """Return the address of the worker that runs this; of none, the process."""
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return f"process {os.getpid()}"
