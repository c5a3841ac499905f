"""One attempt at training: epochs, threads, shuffling, and how to see that it diverges.

The only place that starts threads for training.  Threads take blocks of documents in turn and
write the same tables without locks; one thread gives the same bits for the same seed.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.disk import columns
from fasttext_lite.disk.columns import PART, Column
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.parallel import run_blocks
from fasttext_lite.training.composition import compose
from fasttext_lite.training.history import EpochEnd, History, Progress
from fasttext_lite.training.keeping import Keeper, Kept, Place
from fasttext_lite.training.kernels.general import make_trainer
from fasttext_lite.training.kernels.parts import BATCH, Docs, Settings, Span
from fasttext_lite.training.participants import Participants, find_participants
from fasttext_lite.training.rounds import ROUND, Rounds, common_row
from fasttext_lite.training.schedule import make_schedule
from fasttext_lite.training.weights import TABLES, Weights, averaged, settle
from fasttext_lite.training.windows import Epoch, Visits

BLOCKS_PER_THREAD = 16  # in an epoch: few enough to cost nothing, enough to even out threads
MAX_BLOCK = 8192
BLOCKS_TOGETHER = 4  # in an epoch: each costs a thread a tenth of a millisecond

MAPPED_BLOCK = 2048  # documents of a block at most, with features in files

# That a thread takes with an output table of its own, where all of it changes at each step. With
# 64, CLINC150 lost a tenth of a point on average of five seeds.
STEPS_APART = 16

# Steps that a thread takes with copies of its own of the first rows of the input table: those that
# one of so many documents has. So many documents are looked at.
ROWS_APART, OFTEN, LOOKED_AT = 16, 4, 1024
BLOCK_WORK = 1 << 29  # multiplications at most, for the sake of Ctrl-C and the progress bar
WHOLE = math.lcm(BATCH, ROUND)  # what blocks are multiples of, where either counts
# Times the loss of all scores zero that a training does not come to, unless it diverges; and one
# that goes on with what was learnt from other texts, which may be wrong, and sure of it.
DIVERGED, DIVERGED_LATER = 3.0, 30.0


def steps_apart(config: Config, n_threads: int) -> int:
    """Return how many steps a thread takes with an output table of its own; 0 = it has none.

    Where each step changes the whole table, two threads would wait for each other's cache lines
    all the time.
    """
    dense = LOSSES[config.loss].is_dense and config.head == "learned"
    return STEPS_APART if dense and n_threads > 1 else 0


def rows_apart(features: FeatureMatrix, order: np.ndarray) -> int:
    """Return how many rows one of `OFTEN` documents has or more.

    They are the first ones: rows are numbered by falling frequency. Two threads that change the
    same row wait for each other's cache lines.

    Parameters
    ----------
    features : FeatureMatrix
    order : int32[n_visits]
        Documents that are visited.
    """
    docs = order[:: -(-order.size // LOOKED_AT)] if order.size else order
    counts = np.bincount(features.take(docs).ids, minlength=1)  # no pages around them
    columns.release()
    return int(np.count_nonzero(counts * OFTEN >= max(docs.size, 1)))


class Run:
    """One attempt at training.

    Parameters
    ----------
    weights : Weights
        Changed in place.
    features, labels, config, tree, doc_weights, diverged, seed, n_threads, noisy, keeper
        See `loop.train`.
    participants : Participants, optional
        Of all documents, where these are some of them.

    Attributes
    ----------
    place : Place
        Where it is.
    is_ended : bool
        Whether the keeper has ended it.
    history : History
        What happened in it.
    doc_weights : float32[n_docs]
        Weight of a document at each of its visits.
    order : int32[n_visits]
        The documents of an epoch.
    most_loss : float
        Mean loss of an epoch that is a sign of divergence.
    """

    def __init__(
        self,
        weights: Weights,
        features: FeatureMatrix,
        labels: Labels,
        config: Config,
        *,
        tree: LabelTree | None = None,
        doc_weights: np.ndarray | None = None,
        diverged: float = DIVERGED,
        seed: int = 0,
        n_threads: int = 1,
        noisy: Callable[[int], FeatureMatrix] | None = None,
        keeper: Keeper | None = None,
        participants: Participants | None = None,
    ) -> None:
        self.weights, self.features, self.labels, self.config = weights, features, labels, config
        self.noisy, self.keeper, self.is_ended = noisy, keeper, False
        self.history = History()
        self.rng = np.random.default_rng([seed, 0])
        self.doc_weights, self.order = _visits(features, doc_weights)
        self.n_threads = max(1, min(n_threads, self.order.size // 64))
        self.docs, self.visits = self._docs(features), None
        if features.maps:
            self.visits = Visits(features, labels, self.doc_weights, self.order, config.shuffle)
        self.settings = _settings(config)
        n_steps = config.epochs * self.order.size
        average_from = weights.steps + math.ceil((1 - config.averaging) * n_steps)
        self.place = Place(self.rng.bit_generator.state, average_from, self.order.size)
        self.participants = participants or find_participants(config, labels, tree)
        units = config.units or weights.embeddings.shape[1]
        work = self.participants.most_rows * units + weights.layer.size
        self.most_docs = max(1, BLOCK_WORK // work)
        parts, self.rounds = compose(config), None
        if config.deterministic:
            self.rounds = Rounds(
                parts, common_row(self.docs, self.order), self.n_threads,
                weights.embeddings[:1].nbytes, features.ids.size / max(len(features), 1),
                work * (config.head == "learned"),
            )  # fmt: skip
            self.n_threads = 1  # that take a block each
        self.kernel = make_trainer(parts)
        self.apart, self.n_own = steps_apart(config, self.n_threads), 0
        if parts.plain and self.n_threads > 1 and weights.embeddings.dtype == np.float32:
            self.n_own = rows_apart(features, self.order)
        blank_loss = LOSSES[config.loss].blank(self.participants.n_decisions)
        self.most_loss = diverged * blank_loss

    def _docs(self, features: FeatureMatrix) -> Docs:
        return Docs(
            features.ids, features.weights, features.indptr, self.labels.ids,
            self.labels.indptr, self.doc_weights,
        )  # fmt: skip

    def go_on(self, kept: Kept) -> None:
        """Begin where another run was broken off."""
        kept.fill(self.weights)
        self.place = kept.place
        self.rng.bit_generator.state = self.place.rng

    def finished(self) -> Weights:
        """Return the weights as they are in a model: settled, averaged."""
        settle(self.weights, self.config, self.place.average_from)
        return averaged(self.weights, self.config, self.place.average_from)

    def epochs(
        self,
        history: History,
        callback: Callable[[Progress], None] | None = None,
        on_epoch: Callable[[EpochEnd], bool] | None = None,
    ) -> bool:
        """Run all epochs; return False as soon as it diverges.

        That is, when the loss or the weights are not finite, or the loss of an epoch is a
        multiple of what knowing nothing costs (`most_loss`).

        Parameters
        ----------
        history : History
            Its `lr` is the highest learning rate; the loss of each epoch is added to it.
        callback, on_epoch
            See `loop.train`.
        """
        n_epochs, self.history = self.config.epochs, history
        factor, highest = make_schedule(self.config.schedule, self.config.warmup), history.lr
        done = self.place.epoch * self.order.size + self.place.visits
        clock = _Clock(callback, n_epochs * self.order.size, done)

        def lr_at(progress: float) -> float:
            return highest * factor(progress)

        for epoch in range(self.place.epoch, n_epochs):
            start = time.perf_counter()
            loss = self.epoch(epoch, lr_at, clock)
            if self.is_ended and not self.place.visits:
                break
            history.loss.append(loss)
            if not loss < self.most_loss:  # also if it is NaN
                return False
            if self.is_ended:
                break
            progress = (epoch + 1) / n_epochs
            clock.report(epoch + 1, loss, lr_at(progress), progress)
            if on_epoch is not None:
                seconds = time.perf_counter() - start
                # The rate in the epoch's middle: at the end of training it is mostly zero.
                lr = lr_at((epoch + 0.5) / n_epochs)
                probe = partial(self.update_ratio, lr)
                if on_epoch(EpochEnd(epoch + 1, loss, lr, seconds, self.finished(), probe)):
                    break
            if self._is_end(self.place.next_epoch(self.rng.bit_generator.state)):
                break
        # A sum is finite only if all of its terms are.
        tables = (self.weights.embeddings, self.weights.output)
        return bool(np.isfinite(sum(table.sum(dtype=np.float32) for table in tables)))

    def epoch(self, epoch: int, lr_at: Callable[[float], float], clock: _Clock) -> float:
        """Visit each document once; threads take blocks in turn. Return the mean loss.

        Parameters
        ----------
        epoch : int
            Epochs before this one.
        lr_at : callable
            Learning rate over progress in [0, 1].
        clock : _Clock
        """
        order, visits = self._order()
        if self.noisy is not None:
            self.docs = self._docs(self.noisy(epoch))
        edges = np.union1d(self._edges(self.order.size), [self.place.visits])
        done = epoch * self.order.size + edges
        rates = np.array([lr_at(visits / clock.total) for visits in done])
        sizes = np.diff(edges)
        sums = sizes * rates[:-1] + np.diff(rates) * (sizes - 1) / 2  # as the kernel sums them
        paths = self.weights.path + np.append(0.0, np.cumsum(sums))
        seeds = self.rng.integers(0, 2**63, sizes.size)
        results = self._results(edges)
        caller = threading.current_thread()

        def work(turn: int) -> None:
            if visits is None:
                block, docs = order[edges[turn] : edges[turn + 1]], self.docs
            else:
                block, docs = visits.block(int(edges[turn]), int(edges[turn + 1]))
            results[turn] = self.train_block(
                block, self.weights.steps + edges[turn], paths[turn], rates[turn : turn + 2],
                seeds[turn], docs,
            )  # fmt: skip
            if threading.current_thread() is caller and clock.is_time():
                progress = done[turn + 1] / clock.total
                clock.report(epoch, _mean_loss(results), rates[turn + 1], progress)

        try:
            n_done = self._run_blocks(work, edges, results)
        finally:
            if visits is not None:
                visits.close()
        self.weights.steps += int(edges[n_done])
        self.weights.path = float(paths[n_done])
        return _mean_loss(results)

    def _results(self, edges: np.ndarray) -> np.ndarray:
        """Return room for loss and weight of each block, with those of the blocks that are done."""
        results, known = np.zeros((edges.size - 1, 2)), self.place.results
        n_done = int(np.searchsorted(edges, self.place.visits))
        if n_done:  # other blocks, where there were more or fewer threads
            results[:n_done] = known if len(known) == n_done else known.sum(axis=0) / n_done
        return results

    def _run_blocks(
        self, work: Callable[[int], None], edges: np.ndarray, results: np.ndarray
    ) -> int:
        """Do the blocks of an epoch that are left; return how many of all are done.

        That is all, unless the keeper ends the training between two of them.
        """
        keeper, place, n_blocks = self.keeper, self.place, edges.size - 1
        n_done = int(np.searchsorted(edges, place.visits))
        while True:
            n_done = run_blocks(
                work, n_blocks, self.n_threads, n_done, None if keeper is None else keeper.is_due
            )
            if n_done == n_blocks:
                return n_done
            visits = int(edges[n_done])
            if self._is_end(replace(place, visits=visits, results=results[:n_done].copy())):
                return n_done

    def _is_end(self, place: Place) -> bool:
        """Note where the training is; return whether the keeper ends it there."""
        self.place = place
        if self.keeper is not None:
            self.is_ended = self.keeper.look(place, self.weights, self.history)
        return self.is_ended

    def _edges(self, n_visits: int) -> np.ndarray:
        """Return where the blocks of an epoch begin, and the end of the last one."""
        size = -(-n_visits // (BLOCKS_PER_THREAD * self.n_threads))
        most = MAX_BLOCK if self.visits is None else MAPPED_BLOCK
        if self.rounds is not None:  # all threads are on one
            size, most = -(-n_visits // BLOCKS_TOGETHER), 4 * most
        size = max(1, min(size, most, self.most_docs))
        if self.config.norm == "batch" or self.rounds:  # whole batches, whatever the threads
            size = -(-size // WHOLE) * WHOLE
        if self.visits is not None:
            return self.visits.edges(size)
        return np.append(np.arange(0, n_visits, size), n_visits)

    def _order(self) -> tuple[np.ndarray, Epoch | None]:
        """Return the documents of an epoch in the order of their visits, or what reads them."""
        if self.visits is not None:
            seed = int(self.rng.integers(0, 2**63))
            return self.order, self.visits.epoch(seed, self.place.visits)
        return self.rng.permutation(self.order) if self.config.shuffle else self.order, None

    def update_ratio(self, lr: float, n_docs: int = 32) -> float:
        """Return the mean relative change of the input rows that one step touches, at this rate.

        Real steps, which are undone in the end: the training does not notice.
        """
        weights, features = self.weights, self.docs
        docs = np.random.default_rng(0).permutation(self.order)[:n_docs]
        ids = [features.ids[features.indptr[doc] : features.indptr[doc + 1]] for doc in docs]
        touched = np.unique(np.concatenate(ids))
        state = weights.states["embeddings"]
        by_row = [weights.embeddings, state.moments, state.seen, state.total]
        kept_rows = [array[touched] if array.size else array for array in by_row]
        whole = [weights.output, weights.norm, weights.layer]
        for name in ("output", "norm", "layer"):
            whole += vars(weights.states[name]).values()
        kept = [array.copy() for array in whole]
        ratios = []
        steps = [docs[i : i + 1] for i in range(docs.size)]
        if self.config.norm == "batch":  # has no meaning for a text alone
            steps, ids = [docs], [touched]
        for block, rows in zip(steps, ids, strict=True):
            before = weights.embeddings[rows].astype(np.float32)
            self.train_block(block, weights.steps, weights.path, (lr, lr), 1)
            length = float(np.linalg.norm(before))
            if length > 0:
                ratios.append(float(np.linalg.norm(weights.embeddings[rows] - before)) / length)
        for array, rows in zip(by_row, kept_rows, strict=True):
            if array.size:
                array[touched] = rows
        for array, copy in zip(whole, kept, strict=True):
            array[:] = copy
        return float(np.mean(ratios)) if ratios else 0.0

    def train_block(
        self,
        block: np.ndarray,
        step: int,
        path: float,
        rates: Sequence[float] | np.ndarray,
        seed: int,
        docs: Docs | None = None,
    ) -> tuple[float, float]:
        """Train on a block of documents; return its loss and weight.

        Parameters
        ----------
        block : int32[n]
            Documents.
        step, path, rates
            `Span.step`, `Span.path`, and the learning rate at both ends.
        seed : int
            Of the random numbers.
        docs : Docs, optional
            Instead of the training documents.
        """
        span = Span(
            int(step), float(path), np.float32(rates[0]), np.float32(rates[1]),
            int(self.place.average_from), self.apart, ROWS_APART if self.n_own else 0,
        )  # fmt: skip
        involved, docs = self.participants, docs or self.docs
        tables = [self.weights.table(name) for name in TABLES]
        if self.n_own:
            dim = self.weights.embeddings.shape[1]
            own, before = make_table(self.n_own, dim), make_table(self.n_own, dim)
            tables[0] = tables[0]._replace(own=own, before=before)
        if self.rounds is not None:
            return self.rounds.train_block(
                block, docs, self.settings, span, involved, int(seed), tables
            )
        return self.kernel(
            block, docs, self.settings, span, involved.tree, involved.negatives,
            np.array([seed], np.uint64), involved.most_rows, *tables,
        )  # fmt: skip


def _visits(
    features: FeatureMatrix, doc_weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of each document at a visit, and the visits of an epoch in order.

    A document of weight 3 is visited three times: one large step would overshoot.
    """
    is_filed = columns.is_filed(features.indptr)
    weights, order = Column(np.float32, is_filed), Column(np.int32, is_filed)
    for first in range(0, max(len(features), 1), PART):
        indptr = features.indptr[first : first + PART + 1]
        each = np.ones(indptr.size - 1)
        if doc_weights is not None:
            each = doc_weights[first : first + PART].astype(np.float64)
        visits = np.maximum(np.ceil(each - 1e-6), 1)
        weights.append(each / visits)
        visits[np.diff(indptr) == 0] = 0
        docs = np.arange(first, first + visits.size, dtype=np.int32)
        order.append(np.repeat(docs, visits.astype(np.int64)))
    return weights.array(), order.array()


def _settings(config: Config) -> Settings:
    """Return the numbers that the kernel needs."""
    optimizer = OPTIMIZERS[config.optimizer]
    beta1 = (optimizer.beta1 or 0.0) if config.beta1 is None else config.beta1
    beta2 = config.beta2 or optimizer.beta2 or 0.0
    numbers = (
        config.label_smoothing, config.focal, beta1, beta2, config.l1, config.l2,
        config.max_norm or 0, config.clip or 0, config.feature_dropout, config.hidden_dropout,
    )  # fmt: skip
    return Settings(*map(np.float32, numbers))


def _mean_loss(results: np.ndarray) -> float:
    return float(results[:, 0].sum() / max(results[:, 1].sum(), 1e-12))


class _Clock:
    """Calls back with the progress, when a tenth of a second has passed since the last time."""

    def __init__(
        self, callback: Callable[[Progress], None] | None, total: int, first: int = 0
    ) -> None:
        self.callback, self.total, self.first = callback, total, first
        self.start = self.last = time.perf_counter()

    def is_time(self) -> bool:
        """Return whether a report is due."""
        return self.callback is not None and time.perf_counter() - self.last >= 0.1

    def report(self, epoch: int, loss: float, lr: float, fraction: float) -> None:
        """Call back."""
        if self.callback is None:
            return
        self.last = time.perf_counter()
        rate = (fraction * self.total - self.first) / max(self.last - self.start, 1e-9)
        self.callback(Progress(epoch, fraction, loss, lr, rate))
