"""Room that predictions work in, one thread at a time, and the model's arrays by their addresses.

A model keeps the workers that it has made: a call takes one and gives it back, so there are as many
as calls that ran at once.  Each remembers words (`kernels.remember`), in `Model.cache` megabytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.compiled.addresses import State
from fasttext_lite.compiled.entry import INTEGER, NUMBER, STATE, STR, entry_point
from fasttext_lite.model.kernels import classify as kernels
from fasttext_lite.model.kernels import remember
from fasttext_lite.model.limits import LONGEST, MAX_SELECTED

if TYPE_CHECKING:
    from fasttext_lite.text.marked import MarkedTexts

PADDING = 32  # bytes behind a text that are read with it
LEAST_ENTRIES = 2 * remember.PROBES
N_CODES = 1 << 16  # of each kind that there is room for from the beginning
MOST_CODES = 1 << 21  # a worker with room for more is not kept


class Worker:
    """One thread's room.

    Attributes
    ----------
    numbers : int64[]
        The state, as `model.kernels.classify` takes it.
    labels : array of int
    best : array of float
        What `classify` finds.
    scores : float64[1, n_labels]
        What it finds where all probabilities are asked for.
    origin : Worker or None
        Which is kept in its place when the work is done: it has room for unusually long documents.
    """

    def __init__(
        self,
        workers: Workers,
        n_words: int = N_CODES,
        n_chars: int = N_CODES,
        memory: Sequence[np.ndarray] = (),
    ) -> None:
        n = n_words + n_chars
        self.labels = array("i", bytes(4 * MAX_SELECTED))
        self.best = array("d", bytes(8 * MAX_SELECTED))
        self.needs = np.zeros(2, np.int64)
        self._found = np.empty(n + 1, np.int32)
        self.scores = np.empty((1, workers.n_labels))
        self.origin: Worker | None = None
        n_bytes = kernels.LONGEST_CHARACTER * LONGEST
        self._memory = memory or (
            np.zeros((workers.n_entries, remember.ENTRY), np.int64),
            np.empty(workers.n_remembered, np.int32),
            np.zeros(remember.N_COUNTERS, np.int64),
            np.zeros(workers.n_rows, np.int32),
        )
        room = [
            *self._memory,
            np.zeros((remember.WAITING, remember.TOKEN), np.int64),
            np.zeros(n_bytes + PADDING, np.uint8),
            np.empty(n_bytes, np.uint8),
            np.zeros(workers.word_ngrams + 1, np.uint64),
            np.empty(n_words, np.int32),
            np.empty(n_chars, np.int32),
            np.empty((n_words, remember.PIECE), np.int32),
            self._found,
            np.empty(n + 1, np.float32),
            np.empty((1, workers.dim), np.float32),
            self.scores,
            np.frombuffer(self.labels, np.int32),
            np.frombuffer(self.best, np.float64),
            self.needs,
        ]
        self._state = State([*workers.arrays, *room], workers.numbers)
        self.numbers = self._state.numbers

    @property
    def missing(self) -> np.ndarray:
        """Which blocks of the table are missing, after `kernels.MISSING`."""
        return self._found[: self.needs[0]]

    def larger(self, workers: Workers) -> Worker:
        """Return a worker that has the room which this one lacked, and remembers the same."""
        n_words, n_chars = (1 << max(int(n) - 1, N_CODES - 1).bit_length() for n in self.needs)
        other = Worker(workers, n_words, n_chars, self._memory)
        other.numbers[kernels.LOWERCASE] = self.numbers[kernels.LOWERCASE]
        if n_words + n_chars > MOST_CODES:
            other.origin = self.origin or self
        return other


class Workers:
    """The workers of a model.

    Parameters
    ----------
    arrays : tuple of ndarray
        Those of the model, in the order of `model.kernels.classify`.
    numbers : list of int
        Those that stand behind the arrays.
    n_labels, word_ngrams : int
    megabytes : float
        Of memory for words, of each worker.
    load : callable, optional
        Given numbers of blocks of the table that are missing, reads them (`PagedTable.load`).

    Attributes
    ----------
    n_entries : int
        Places for words, at most half of them used; 64 bytes each.
    n_remembered : int
        Rows of these words; 4 bytes each.
    idle : list of Worker
        Who uses one pops it, and appends it afterwards; where there is none, `new` makes one.
    """

    def __init__(
        self,
        arrays: tuple[np.ndarray, ...],
        numbers: list[int],
        n_labels: int,
        word_ngrams: int,
        megabytes: float,
        load: Callable[[np.ndarray], None] | None = None,
    ) -> None:
        assert len(arrays) == kernels.N_MODEL_ARRAYS and len(numbers) == kernels.N_NUMBERS
        self.arrays, self.numbers, self._load = arrays, numbers, load
        self.n_labels, self.word_ngrams = n_labels, word_ngrams
        self.n_rows, self.dim = arrays[kernels.EMBEDDINGS].shape
        self.idle: list[Worker] = []
        size, of_entry = int(megabytes * (1 << 20)), 8 * remember.ENTRY
        n_entries = 1 << max((size // 3 // of_entry).bit_length() - 1, 0)  # a third of it
        self.n_entries = max(n_entries, LEAST_ENTRIES)
        # Where rows begin is an int32.
        self.n_remembered = min(max(size - of_entry * self.n_entries, 0) // 4, (1 << 31) - 1)

    @cached_property
    def entry(self) -> Callable[[str, np.ndarray, int, float], int]:
        """The compiled `classify`, for a text of up to `LONGEST` characters."""
        return entry_point(kernels.classify, STR, STATE, INTEGER, NUMBER)

    def new(self) -> Worker:
        """Return another worker."""
        return Worker(self)

    def take(self) -> Worker:
        """Return a worker that nobody else uses."""
        try:
            return self.idle.pop()
        except IndexError:
            return Worker(self)

    def give_back(self, worker: Worker) -> None:
        """Let others use a worker."""
        self.idle.append(worker.origin or worker)

    def again(
        self, n: int, worker: Worker, text: str, k: int, threshold: float
    ) -> tuple[int, Worker]:
        """Classify a text as it can be done, after `entry` has returned less than 0.

        Returns
        -------
        n : int
            As `entry`; `NOT_FINITE` if nothing helps.
        worker : Worker
            That holds the answer.
        """
        lowercase = worker.numbers[kernels.LOWERCASE]
        used = worker
        while n in (kernels.NOT_LOWERED, kernels.NO_ROOM, kernels.MISSING):
            if n == kernels.NOT_LOWERED:
                worker.numbers[kernels.LOWERCASE] = used.numbers[kernels.LOWERCASE] = 0
                text = text.lower()
            elif n == kernels.NO_ROOM:
                used = used.larger(self)
            else:
                self.load_missing(used)
            n = self.entry(text, used.numbers, k, threshold)
        worker.numbers[kernels.LOWERCASE] = used.numbers[kernels.LOWERCASE] = lowercase
        return n, used

    def load_missing(self, worker: Worker) -> None:
        """Read the blocks of the table that a worker has found missing."""
        assert self._load is not None
        self._load(worker.missing)

    def embed(
        self,
        texts: MarkedTexts,
        hidden: np.ndarray,
        n_features: np.ndarray,
    ) -> None:
        """Write the hidden vectors of documents, and how many rows each has.

        Parameters
        ----------
        texts : MarkedTexts
        hidden : float32[n_docs, dim], n_features : int64[n_docs]
            Written in place.
        """
        worker = self.take()
        n, doc = len(texts), 0
        while True:
            doc = kernels.embed_texts(
                texts.buffer, texts.marks, texts.offsets, doc, n, worker.numbers, hidden, n_features
            )
            if doc == n:
                break
            if doc < 0:
                doc = -1 - doc
                self.load_missing(worker)
            else:
                worker = worker.larger(self)
        self.give_back(worker)
