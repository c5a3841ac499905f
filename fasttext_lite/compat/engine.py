"""What a model of fastText is to the kernels that predict: one array of addresses, and a memory.

`FastTextModel` has one engine for fastText's own bits, and one, where it is asked for, that adds up
sums of words that it remembers, and knows of each row but what it says of the labels.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from fasttext_lite.compat.files.arguments import LOSSES
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import as_array
from fasttext_lite.compat.files.tables import DenseTable, is_finite, kernel_table, not_finite
from fasttext_lite.compat.kernels import memory, predict
from fasttext_lite.compat.kernels.state import COUNTERS, SLOTS
from fasttext_lite.compiled.addresses import State
from fasttext_lite.compiled.arrays import CACHE_LINE, read_only
from fasttext_lite.compiled.blocks import LANES
from fasttext_lite.compiled.entry import FLOATS, INTS, NUMBER, STATE, STR, entry_point
from fasttext_lite.compiled.needed import load_rows
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.model.quantization import QuantizedMatrix
from fasttext_lite.parallel import run_blocks

MEGABYTE = 1 << 20
CACHE_MB = 64  # default room for words, of an engine
MOST_DECODED = 64 * MEGABYTE  # of a quantised table that is kept as numbers beside its codes
MOST_FOLDED = 256 * MEGABYTE  # of the rows multiplied out
FOLD_LEAST = 4  # times fewer outputs than dimensions, for folding to be worth it
MOST_IN_COLUMNS = 1 << 10  # nodes of a tree whose outputs are all computed, visited or not
BLOCK_BYTES, BLOCK_TEXTS = 1 << 16, 1 << 12  # what a thread takes at a time
_NONE = np.empty(0, np.float32)


def room_for_words(megabytes: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return slots, arena and counters of `kernels.memory.Memory`, together of a size."""
    size = int(megabytes * MEGABYTE)
    # Up to an eighth for the slots, 8 bytes each.
    capacity = 1 << max(int(size // 64).bit_length() - 1, 1)
    n_units = max(size - 8 * capacity, 0) // memory.UNIT
    counters = np.zeros(memory.N_COUNTERS, np.int64)
    counters[memory.USED] = 1  # no entry begins at 0, which stands for none
    return np.zeros(capacity, np.int64), np.zeros(2 * n_units, np.int32), counters


class Engine:
    """A model as the kernels of `kernels.predict` take it.

    Parameters
    ----------
    parts : ModelParts
        Of a model that predicts labels.
    exact : bool
        Whether sums are taken in fastText's order, for its bits.
    megabytes : float
        Room for words that are remembered.

    Attributes
    ----------
    state : State
        Replaced where words are forgotten: who calls a kernel keeps the one that it calls with.
    predict_top, predict_text : callable
        The kernels of `kernels.predict`, for one text.

    Raises
    ------
    NotFiniteError
        If the output table has NaN or infinities; fastText refuses in predictions those that come
        upon NaN.
    """

    state: State
    predict_top: Callable[..., int]
    predict_text: Callable[..., int]

    def __init__(self, parts: ModelParts, exact: bool, megabytes: float) -> None:
        self.n_labels = parts.dictionary.n_labels
        self._exact, self._megabytes = exact, megabytes
        self._fixed, self._numbers = self._parts_of(parts)
        self._lock = threading.Lock()
        self.renew()

    def _parts_of(self, parts: ModelParts) -> tuple[list[np.ndarray], list[int]]:
        """Return the arrays of a state, but those of the memory, and the numbers behind them."""
        table = parts.input
        self._paged = table.paged if isinstance(table, DenseTable) else None
        self._dictionary = parts.dictionary
        if isinstance(table, QuantizedMatrix) and 4 * np.prod(table.shape) <= MOST_DECODED:
            table = DenseTable.of(table.decode())
        loss = LOSSES[parts.args.loss]
        n_outputs = self.n_labels - loss.has_tree
        output, scales = _output_of(parts, n_outputs)
        if not (is_finite(output) and is_finite(scales)):
            raise not_finite()
        fold_rows, fold_output = _NONE, np.empty((0, parts.args.dim), np.float32)
        n_rows = table.shape[0]
        is_folded = (
            not self._exact
            and 0 < FOLD_LEAST * n_outputs <= parts.args.dim
            and 4 * n_rows * n_outputs <= MOST_FOLDED
        )
        if is_folded:
            fold_rows = np.full(n_rows * n_outputs, np.nan, np.float32)
            fold_output = output * scales[:, None] if scales.size else output
        by_rows = loss.has_tree and n_outputs > MOST_IN_COLUMNS
        children = np.empty((0, 2), np.int32)
        if loss.has_tree and self.n_labels > 1:
            children = huffman_tree(parts.dictionary.label_counts).children
        arrays = [
            *parts.dictionary.lexicon, *kernel_table(table)[:-1], fold_rows, fold_output,
            _NONE if by_rows else in_columns(output), output if by_rows else _NONE, scales,
            children, np.empty(0, np.uint8) if self._paged is None else self._paged.there,
        ]  # fmt: skip
        part = kernel_table(table).part
        width = n_outputs if is_folded else parts.args.dim
        numbers = [
            part, parts.args.dim, width, not self._exact, self.n_labels, loss.scored_as,
            0 if self._paged is None else self._paged.shift,
        ]  # fmt: skip
        return [np.ascontiguousarray(array) for array in arrays], [int(n) for n in numbers]

    def renew(self, stale: State | None = None) -> None:
        """Forget all words, unless another thread has done that to the state that was stale."""
        # Who forked while another thread was here gets the lock never: it does without.
        has_lock = self._lock.acquire(timeout=1)
        try:
            if stale is not None and self.state is not stale:
                return
            slots, arena, counters = room_for_words(self._megabytes)
            sums = _NONE if self._exact else arena.view(np.float32)
            memory = slots, arena, counters, arena.view(np.uint64), sums
            arrays = [*self._fixed[:SLOTS], *memory, *self._fixed[SLOTS:]]
            self.state = State(arrays, self._numbers)
        finally:
            if has_lock:
                self._lock.release()

    def __getattr__(self, name: str) -> Any:
        """Make an entry point of `kernels.predict` when it is asked for first.

        No `cached_property`: the lock that Python 3.11 holds meanwhile may be taken for ever in
        a process that was forked then.
        """
        if name == "predict_top":
            self.predict_top = entry_point(predict.predict_top, STR, STATE, NUMBER, FLOATS)
        elif name == "predict_text":
            self.predict_text = entry_point(predict.predict_text, STR, STATE, NUMBER, INTS, FLOATS)
        else:
            raise AttributeError(name)
        return vars(self)[name]

    def predict(
        self,
        data: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        is_line: bool,
        k: int,
        threshold: float,
        n_threads: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the best labels of documents; see `kernels.predict.predict_documents`.

        Returns
        -------
        labels : int32[n_docs, k + 1]
        scores : float32[n_docs, k + 1]
        n_rows : int64[n_docs]

        Raises
        ------
        NotFiniteError
            If a hidden vector or a score is not finite.
        """
        n = starts.size
        labels, scores = np.empty((n, k + 1), np.int32), np.empty((n, k + 1), np.float32)
        n_rows = np.empty(n, np.int64)

        def work(first: int, last: int, numbers: np.ndarray) -> int:
            return predict.predict_documents(
                data, starts, ends, first, last, is_line, numbers, threshold, labels, scores, n_rows
            )

        self._run(work, data, starts, ends, n_threads)
        if n and n_rows.min() < 0:
            raise not_finite()
        return labels, scores, n_rows

    def score(
        self,
        data: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        wanted: np.ndarray,
        n_threads: int,
    ) -> np.ndarray:
        """Return the probabilities of some labels; see `kernels.predict.score_documents`.

        Returns
        -------
        float32[n_docs, n_wanted]

        Raises
        ------
        NotFiniteError
            As `predict`.
        """
        scores = np.empty((starts.size, wanted.size), np.float32)

        def work(first: int, last: int, numbers: np.ndarray) -> int:
            return predict.score_documents(data, starts, ends, first, last, numbers, wanted, scores)

        self._run(work, data, starts, ends, n_threads)
        if np.isnan(scores).any():
            raise not_finite()
        return scores

    def read_rows(self, text: bytes, has_asked: bool = False) -> None:
        """Read the rows of a document from the file, or all if it has asked before.

        Raises
        ------
        ModelError
            If the file was changed, cut, or is damaged.
        """
        assert self._paged is not None
        if has_asked:
            self._paged.complete()
            return
        line = as_array(text.replace(b"\n", b" ") + b"\n")
        load_rows(self._paged, self._dictionary.list(line, np.array([0, line.size])).ids)

    def _run(
        self,
        work: Callable[[int, int, np.ndarray], int],
        data: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        n_threads: int,
    ) -> None:
        """Do something to blocks of documents, with the state that there is.

        It returns the document that needs rows which are not there yet, then these are read.
        """
        edges = edges_of(starts, ends)
        if self._paged is not None:
            self._paged.check_unchanged()

        def run(block: int) -> None:
            state = self.state  # kept: others may renew it
            if memory.is_stale(state.arrays[COUNTERS]):
                self.renew(state)
                state = self.state
            doc, last, asked = edges[block], edges[block + 1], -1
            while (doc := work(doc, last, state.numbers)) < last:
                self.read_rows(data[starts[doc] : ends[doc]].tobytes(), doc == asked)
                asked = doc

        run_blocks(run, len(edges) - 1, n_threads)


def edges_of(starts: np.ndarray, ends: np.ndarray) -> list[int]:
    """Return where blocks of documents begin, of some bytes and texts each, and the last ends."""
    n = starts.size
    if not n:
        return [0]
    sizes = np.cumsum(ends - starts) // BLOCK_BYTES
    changes = np.flatnonzero(np.diff(sizes)) + 1
    return np.unique(np.concatenate([changes, np.arange(0, n, BLOCK_TEXTS), [n]])).tolist()


def _output_of(parts: ModelParts, n_outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the output table, and the norms of its rows, which go last into a score."""
    output, scales = parts.output, _NONE
    if isinstance(output, QuantizedMatrix) and output.norm_codes is not None:
        assert output.norm_quantizer is not None
        scales = output.norm_quantizer.centroids[output.norm_codes[:n_outputs]]
        output = QuantizedMatrix(output.codes, output.quantizer, None, None)
    return output.decode(np.arange(n_outputs)), scales


def in_columns(output: np.ndarray) -> np.ndarray:
    """Return a table as `kernels.scores.Head.weights`, from a cache line on."""
    n, dim = output.shape
    n_blocks = -(-n // LANES)
    memory = np.zeros(4 * n_blocks * LANES * dim + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    size = memory.size - CACHE_LINE
    columns = memory[first : first + size].view(np.float32).reshape(n_blocks, dim, LANES)
    for block in range(n_blocks):
        rows = output[block * LANES : (block + 1) * LANES]
        columns[block, :, : len(rows)] = rows.T
    return read_only(columns.reshape(-1))
