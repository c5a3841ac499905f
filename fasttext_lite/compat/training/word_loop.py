"""The loop that learns word vectors: from numbers of words to two tables.

Facts: fastText 0.9.2, fasttext.cc, model.cc and loss.cc.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fasttext_lite.compat.files.arguments import LOSSES, Args
from fasttext_lite.compat.kernels import skipgram, word_rows
from fasttext_lite.compat.kernels.skipgram import Clock, Targets, Text, Words
from fasttext_lite.compiled import blocks
from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.errors import TrainingError
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.parallel import run_blocks

logger = logging.getLogger("fasttext_lite")
KERNELS = {"sg": skipgram.train_skipgram, "cbow": skipgram.train_cbow}

# Tokens that a thread takes at a time: at most, and at least.
MOST_TOKENS, LEAST_TOKENS = 1 << 14, 1 << 9
BLOCKS_PER_THREAD = 64
FILLED_ROWS = 1 << 14  # rows of random numbers made at a time
REPORT_SECONDS = 0.1


@dataclass(frozen=True)
class WordProgress:
    """How far training has come; handed to the callback about ten times a second.

    Attributes
    ----------
    fraction : float
        Share of all tokens read, in [0, 1].
    loss : float
        Mean loss of all pairs so far.
    lr : float
        Learning rate now.
    tokens_per_second : float
        Of all threads together.
    """

    fraction: float
    loss: float
    lr: float
    tokens_per_second: float


def train_vectors(
    tokens: np.ndarray,
    line_starts: np.ndarray,
    counts: np.ndarray,
    subword_rows: np.ndarray,
    subword_indptr: np.ndarray,
    n_tokens_read: int,
    args: Args,
    *,
    n_threads: int = 1,
    vectors: np.ndarray | None = None,
    callback: Callable[[WordProgress], None] | None = None,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Train word vectors.

    Parameters
    ----------
    tokens : int32[n_tokens]
        Words of the whole text in order, without those that are not in the vocabulary. Numbers
        from n_words on are labels: nothing is learnt from them, but the clock counts them.
    line_starts : int64[n_lines + 1]
        Of the lines in `tokens`; longer ones are cut after `skipgram.LINE` tokens.
    counts : int64[n_words]
        Occurrences of each word, falling.
    subword_rows : int32[], subword_indptr : int64[n_words + 1]
        Input rows of each word, its own first.
    n_tokens_read : int
        Tokens of the text with those that are not in the vocabulary. The learning rate reaches
        0 when epoch times as many were learnt from: where words are left out, the text is gone
        through more often than `epoch` says, as by fastText.
    args : Args
        Its `model` ("sg" or "cbow"), `loss`, `dim`, `ws`, `epoch`, `lr`, `lr_update_rate`, `neg`,
        `t` and `seed` are used.
    n_threads : int
        With one thread the result depends on the seed alone.
    vectors : float32[n_rows, dim], optional
        The input table to start from; default uniform in [-1/dim, 1/dim).
    callback : callable, optional
        Called in the caller's thread with a `WordProgress`. What it raises ends the training.

    Returns
    -------
    input : float32[n_rows, dim]
        `n_rows` is one more than the largest of `subword_rows`. A view: rows have a stride of
        whole cache lines.
    output : float32[n_words, dim]
        A view as well. With ``"hs"``, inner nodes of the tree; the last row is not used.
    loss : float
        Mean over pairs; NaN if there was none.

    Raises
    ------
    TrainingError
        If there is nothing to learn from, or training diverges.
    """
    return _Run(
        tokens, line_starts, counts, subword_rows, subword_indptr, n_tokens_read, args, n_threads,
        vectors,
    ).train(callback)  # fmt: skip


class _Run:
    """The arguments of the kernel, the threads, the progress."""

    def __init__(
        self,
        tokens: np.ndarray,
        line_starts: np.ndarray,
        counts: np.ndarray,
        subword_rows: np.ndarray,
        subword_indptr: np.ndarray,
        n_read: int,
        args: Args,
        n_threads: int,
        vectors: np.ndarray | None,
    ) -> None:
        n_words = counts.size
        _check(tokens, n_words, args)
        self.args, self.n_threads = args, n_threads
        share = np.maximum(counts, 1).astype(np.float32) / np.float32(n_read)
        t = np.float32(args.t)
        keep = np.full(max(n_words, int(tokens.max()) + 1), -1, np.float32)
        keep[:n_words] = np.sqrt(t / share) + t / share
        starts = cut_lines(np.ascontiguousarray(line_starts, np.int64))
        self.text = Text(np.ascontiguousarray(tokens, np.int32), starts, keep)
        rows = np.ascontiguousarray(subword_rows, np.int32)
        indptr = np.ascontiguousarray(subword_indptr, np.int64)
        self.words = Words(rows, indptr, _spread(rows, indptr))
        self.targets = make_targets(counts, args.loss, args.neg)
        padded = -(-args.dim // blocks.LANES) * blocks.LANES
        self.input = make_table(int(rows.max()) + 1, padded)
        self.output = make_table(n_words, padded)
        if vectors is None:
            fill_uniform(self.input[:, : args.dim], args.seed)
        else:
            self.input[:, : args.dim] = vectors
        self.total = args.epoch * n_read
        self.kernel = KERNELS[args.model]
        n_tokens = self.text.tokens.size
        size = n_tokens // (BLOCKS_PER_THREAD * n_threads)
        size = min(max(size, LEAST_TOKENS), MOST_TOKENS)
        # Blocks of lines, over and over until the clock has run out.
        bounds = np.searchsorted(starts, np.arange(0, n_tokens + size, size))
        self.bounds = np.unique(np.minimum(bounds, starts.size - 1))
        self.befores = starts[self.bounds]
        rounds, rest = divmod(self.total, n_tokens)
        n_last = int(np.searchsorted(self.befores[:-1], rest))  # blocks that begin before the end
        self.n_blocks = rounds * (self.bounds.size - 1) + n_last
        self.sums = np.zeros(2)  # loss and pairs
        self.done = 0
        self.lock, self.local = threading.Lock(), threading.local()

    def train(
        self, callback: Callable[[WordProgress], None] | None
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Train; see `train_vectors` for what comes back."""
        args = self.args
        caller = threading.get_ident()
        start = last = time.perf_counter()

        def work(number: int) -> None:
            nonlocal last
            self._block(number)
            now = time.perf_counter()
            if callback is None or threading.get_ident() != caller:
                return
            if now - last >= REPORT_SECONDS:
                last = now
                callback(self._progress(now - start))

        run_blocks(work, self.n_blocks, self.n_threads)
        if callback is not None:
            callback(self._progress(time.perf_counter() - start))
        for table in (self.input, self.output):
            for first in range(0, len(table), FILLED_ROWS):
                if not np.isfinite(table[first : first + FILLED_ROWS]).all():
                    raise self._diverged()
        if self.n_blocks and not self.sums[1]:
            logger.warning(
                "no two words stood near each other after frequent ones were passed over; the "
                "vectors are random: give a larger t, or more text"
            )
        loss = float(self.sums[0] / self.sums[1]) if self.sums[1] else float("nan")
        return self.input[:, : args.dim], self.output[:, : args.dim], loss

    def _progress(self, seconds: float) -> WordProgress:
        fraction = min(self.done / self.total, 1.0) if self.total else 1.0
        loss = float(self.sums[0] / max(self.sums[1], 1))
        rate = self.done / max(seconds, 1e-9)
        return WordProgress(fraction, loss, self.args.lr * (1 - fraction), rate)

    def _block(self, number: int) -> None:
        turn, block = divmod(number, self.bounds.size - 1)
        before = int(self.befores[block])
        clock = Clock(
            np.int64(turn * self.text.tokens.size + before),
            np.float64(self.total),
            np.float64(self.args.lr),
            np.int64(self.args.lr_update_rate),
        )
        scratch = self._scratch()
        seed = np.random.SeedSequence([self.args.seed & 0xFFFFFFFF, number])
        loss, n_pairs = self.kernel(
            self.text,
            np.int64(self.bounds[block]),
            np.int64(self.bounds[block + 1]),
            self.words,
            self.targets,
            clock,
            np.int64(self.args.ws),
            seed.generate_state(1, np.uint64)[0],
            scratch,
            self.input,
            self.output,
        )
        if not np.isfinite(loss):
            raise self._diverged()
        with self.lock:
            self.sums += loss, n_pairs
            self.done += int(self.befores[block + 1]) - before

    def _scratch(self) -> skipgram.Scratch:
        """Return the room that this thread works in."""
        if not hasattr(self.local, "scratch"):
            self.local.scratch = skipgram.make_scratch(
                self.targets, self.args.ws, len(self.output), self.output.shape[1]
            )
        return self.local.scratch

    def _diverged(self) -> TrainingError:
        return TrainingError(f"training diverged with lr {self.args.lr:g}; give a smaller -lr")


def _check(tokens: np.ndarray, n_words: int, args: Args) -> None:
    if tokens.size == 0 or n_words == 0:
        raise TrainingError("no word to learn from: the text is empty, or minCount is too high")
    loss = LOSSES[args.loss]
    if (loss.is_drawn or loss.has_tree) and n_words < 2:
        raise TrainingError(
            f"loss {args.loss} needs at least 2 words in the vocabulary; found 1: give more "
            "text, or a smaller minCount"
        )


def cut_lines(starts: np.ndarray) -> np.ndarray:
    """Return the starts of lines of which none has more than `skipgram.LINE` tokens.

    Parameters
    ----------
    starts : int64[n_lines + 1]

    Returns
    -------
    int64[n + 1]
    """
    most = int(skipgram.LINE)
    pieces = np.maximum(-(-np.diff(starts) // most), 1)
    if not pieces.size or pieces.max() == 1:
        return starts
    line = np.repeat(np.arange(pieces.size), pieces)
    first = np.cumsum(pieces) - pieces
    cut = starts[line] + (np.arange(line.size) - first[line]) * most
    return np.append(cut, starts[-1])


def _spread(rows: np.ndarray, indptr: np.ndarray) -> np.ndarray:
    """Return `skipgram.Words.spread`."""
    n_words = indptr.size - 1
    numbers = np.full(int(rows.max()) + 1, -1, np.int32)
    spread = np.empty(n_words, np.float32)
    word_rows.number_rows(
        rows.copy(), indptr, np.int64(n_words), numbers, np.empty_like(numbers), spread
    )
    return spread


def make_targets(counts: np.ndarray, loss: str, neg: int) -> Targets:
    """Return how output rows are found.

    Parameters
    ----------
    counts : int64[n_words]
    loss : str
    neg : int
    """
    kind = LOSSES[loss]
    cells = np.zeros(0, np.uint64)
    parents = np.zeros(0, np.int32)
    deepest = 0
    if kind.is_drawn:
        cells = np.zeros(counts.size, np.uint64)
        word_rows.make_cells(np.sqrt(np.maximum(counts, 1).astype(np.float64)), cells)
        deepest = neg + 1
    if kind.has_tree:
        tree = huffman_tree(counts)
        parents = 2 * tree.parents() + tree.branches()
        parents[-1] = -1
        parents = np.ascontiguousarray(parents, np.int32)
        deepest = int(tree.depths().max())
    return Targets(np.int64(kind.number), np.int64(neg), cells, parents, np.int64(deepest))


def fill_uniform(table: np.ndarray, seed: int) -> None:
    """Fill a table with random numbers from [-1/dim, 1/dim).

    Parameters
    ----------
    table : float32[n_rows, dim]
        Any strides.
    seed : int
    """
    rng = np.random.default_rng([seed & 0xFFFFFFFF, 1])
    dim = table.shape[1]
    for first in range(0, len(table), FILLED_ROWS):
        part = table[first : first + FILLED_ROWS]
        part[:] = rng.random(part.shape, np.float32)
        part -= np.float32(0.5)
        part *= np.float32(2 / dim)
