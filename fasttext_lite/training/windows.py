"""The visits of an epoch to documents whose features lie in files: a window of them at a time.

An epoch is cut into runs of neighbours, in random order; a window is `RUNS` of these, mixed. It is
read as a whole, a run with one read of each file, while the window before it is trained on. (Pages
of a mapped file would cost a fault for every few of them, and a call to give each back.)
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.disk import columns
from fasttext_lite.disk.promise import promised
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.parallel import ahead
from fasttext_lite.training.kernels.parts import Docs

# Runs in a window, and bytes of its features: more of many, which may have to come from a disk.
# (Neighbours often have the same label: fewer and longer runs would be learnt in bursts.)
RUNS, WINDOW_BYTES, MOST_WINDOW_BYTES, WINDOWS = 1024, 1 << 23, 1 << 25, 256
BLOCKS = 8  # of a window, at least: threads that are done wait for the others at its end


class Visits:
    """Where an epoch over features in files is cut, the same for all epochs.

    Parameters
    ----------
    features : FeatureMatrix
        In files.
    labels : Labels
    doc_weights : float32[n_docs]
    order : int32[n_visits]
        Documents, ascending; some may be there several times.
    shuffle : bool
    """

    def __init__(
        self,
        features: FeatureMatrix,
        labels: Labels,
        doc_weights: np.ndarray,
        order: np.ndarray,
        shuffle: bool,
    ) -> None:
        self.features, self.labels, self.doc_weights = features, labels, doc_weights
        self.order, self.shuffle = order, shuffle
        n_bytes = 8 * features.ids.size
        limit = promised()
        size = min(max(n_bytes // WINDOWS, WINDOW_BYTES), MOST_WINDOW_BYTES)
        size = size if limit is None else min(size, limit.window)
        self.run = max(1, round(size / max(n_bytes / max(order.size, 1), 1) / RUNS))
        self.size = RUNS * self.run

    def edges(self, most: int) -> np.ndarray:
        """Return the visits at which blocks of at most `most` begin, and the end of the last."""
        step = max(1, min(most, -(-self.size // BLOCKS)))
        n = self.order.size
        starts = [np.arange(a, min(a + self.size, n), step) for a in range(0, n, self.size)]
        return np.append(np.concatenate(starts), n)

    def epoch(self, seed: int, first: int) -> Epoch:
        """Return the visits of an epoch from one on.

        Parameters
        ----------
        seed : int
            Of their order.
        first : int
        """
        return Epoch(self, seed, first)

    def documents(self, seed: int, window: int, starts: np.ndarray) -> np.ndarray:
        """Return the documents of a window in the order of their visits, int32.

        Parameters
        ----------
        seed, window : int
        starts : int64[n_runs]
            Of all runs of the epoch.
        """
        chosen = starts[window * RUNS : (window + 1) * RUNS]
        runs = [self.order[start : start + self.run] for start in chosen]
        found = np.concatenate(runs)
        return np.random.default_rng([seed, window]).permutation(found) if self.shuffle else found

    def starts(self, seed: int) -> np.ndarray:
        """Return where the runs begin in `order`, in the order that an epoch takes them."""
        n = -(-self.order.size // self.run)
        runs = np.random.default_rng(seed).permutation(n) if self.shuffle else np.arange(n)
        if n and self.shuffle:  # the short run comes last: all windows but the last are full
            runs = np.append(runs[runs != n - 1], n - 1)
        return self.run * runs


class Epoch:
    """The windows of an epoch, made ahead by a thread of their own; for several threads."""

    def __init__(self, visits: Visits, seed: int, first: int) -> None:
        self.visits = visits
        self._windows = ahead(self._made(seed, first // visits.size), 1)
        self._held: dict[int, Window] = {}  # until the last of their visits is asked for
        self._left: dict[int, int] = {}  # visits of theirs that are not yet asked for
        self._first = first
        self._lock = threading.Lock()

    def _made(self, seed: int, first: int) -> Iterator[tuple[int, Window]]:
        visits = self.visits
        starts = visits.starts(seed)
        for number in range(first, -(-visits.order.size // visits.size)):
            yield number, Window(visits, visits.documents(seed, number, starts))

    def _visits_of(self, number: int) -> int:
        """Return how many visits of a window there are from the first of this epoch on."""
        size = self.visits.size
        end = min((number + 1) * size, self.visits.order.size)
        return end - max(number * size, self._first)

    def block(self, first: int, last: int) -> tuple[np.ndarray, Docs]:
        """Return the documents of some visits, of one window, by their numbers in it.

        Each visit is asked for once, in any order: a thread may ask for a block of a window long
        after the others have gone on to the next ones.
        """
        number = first // self.visits.size
        with self._lock:
            while number not in self._held:
                new, self._held[new] = next(self._windows)
                self._left[new] = self._visits_of(new)
            window = self._held[number]
            self._left[number] -= last - first
            if self._left[number] == 0:
                del self._held[number]
        begin = number * self.visits.size
        return window.numbers[first - begin : last - begin], window.docs

    def close(self) -> None:
        """End the thread."""
        self._windows.close()


class Window:
    """Documents in memory, and the order in which they are visited.

    Attributes
    ----------
    docs : Docs
    numbers : int32[n_visits]
        Of documents in `docs`.
    """

    def __init__(self, visits: Visits, order: np.ndarray) -> None:
        chosen, numbers = np.unique(order, return_inverse=True)
        self.numbers = numbers.astype(np.int32)
        taken, labels = visits.features.take(chosen), visits.labels.take(chosen)
        self.docs = Docs(
            taken.ids, taken.weights, taken.indptr, labels.ids, labels.indptr,
            visits.doc_weights[chosen],
        )  # fmt: skip
        columns.release()
