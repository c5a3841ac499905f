"""Training: epochs, threads, learning rate, shuffling, progress, and what to do when it diverges.

The only room that starts threads for training. Threads take blocks of documents in turn and
write the same tables without locks; one thread gives the same bits for the same seed.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels, take_labels
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.parallel import run_blocks
from fasttext_lite.training.kernels.general import make_trainer
from fasttext_lite.training.kernels.parts import BATCH, Docs, Settings, Span
from fasttext_lite.training.schedule import make_schedule
from fasttext_lite.training.weights import BETA2, Weights, averaged, parts, settle

logger = logging.getLogger("fasttext_lite")
BLOCKS_PER_THREAD = 16  # in an epoch: few enough to cost nothing, enough to even out threads
MAX_BLOCK = 8192

# With features in files: documents in a run of neighbours, runs mixed, most documents in a block.
# (Neighbours often have the same label: long runs would be learnt in bursts.)
RUN, RUNS, MAPPED_BLOCK = 16, 1024, 2048
COPIED = 32  # documents copied from files at a time

# Steps that a thread takes with an output table of its own, where all of it changes at each step;
# 0 = none. With 64, CLINC150 lost a tenth of a point on average of five seeds.
STEPS_APART = 16  # that a thread takes with an output table of its own
BLOCK_WORK = 1 << 29  # multiplications at most, for the sake of Ctrl-C and the progress bar
NEGATIVE_TABLE = 1 << 20
MAX_RESTARTS = 5
DIVERGED = 3.0  # times the loss of all scores zero


@dataclass(frozen=True)
class Progress:
    """How far training has come; handed to the callback about ten times a second.

    Attributes
    ----------
    epoch : int
        Epochs finished.
    fraction : float
        Share of all steps done, in [0, 1].
    loss : float
        Mean loss of the epoch under way (or just finished).
    lr : float
        Learning rate now.
    texts_per_second : float
    """

    epoch: int
    fraction: float
    loss: float
    lr: float
    texts_per_second: float


@dataclass(frozen=True)
class EpochEnd:
    """The state at the end of an epoch; handed to `on_epoch`.

    Attributes
    ----------
    epoch : int
        Epochs finished, from 1.
    loss : float
        Mean loss of the epoch, measured before each step.
    lr : float
        Learning rate in the middle of the epoch.
    seconds : float
        Duration of the epoch.
    weights : Weights
        As they would be now in a model; not to be changed, and only valid during the call:
        training goes on in these arrays.
    update_ratio : callable
        Returns the mean over some documents of the length of one step's change divided by
        the length of the rows changed (0 where nothing can be measured).
    """

    epoch: int
    loss: float
    lr: float
    seconds: float
    weights: Weights
    update_ratio: Callable[[], float]


@dataclass
class History:
    """What happened in training.

    Attributes
    ----------
    loss : list of float
        Mean loss of each epoch, measured before each step.
    lr : float
        Learning rate at the start of the run that went through.
    restarts : int
        How often training diverged and began again with a smaller learning rate.
    reports : list of monitoring.EpochReport
        One for each epoch, if anybody watched.
    best_epoch : int, optional
        With `Config.patience`: the epoch whose weights were kept.
    """

    loss: list[float] = field(default_factory=list)
    lr: float = 0.0
    restarts: int = 0
    reports: list[Any] = field(default_factory=list)
    best_epoch: int | None = None


def train(
    make_weights: Callable[[], Weights],
    features: FeatureMatrix,
    labels: Labels,
    config: Config,
    *,
    tree: LabelTree | None = None,
    doc_weights: np.ndarray | None = None,
    blank: bool = True,
    seed: int = 0,
    n_threads: int = 1,
    callback: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[EpochEnd], bool] | None = None,
    noisy: Callable[[int], FeatureMatrix] | None = None,
) -> tuple[Weights, History]:
    """Train and return the weights.

    Parameters
    ----------
    make_weights : callable
        Makes the weights to start from; called again for each restart.
    features : FeatureMatrix
        Of n_docs documents.
    labels : Labels
        Of the same documents; ids must lie in [0, n_labels).
    config : Config
        Resolved: no None and no "auto".
    tree : LabelTree, optional
        Needed for the loss hs.
    doc_weights : float32[n_docs], optional
        Factor of each document's loss, at least 0; default 1. A document is visited as many
        times as its weight, rounded up.
    blank : bool
        Whether the weights know nothing yet; then a loss far above that of knowing nothing is
        a sign of divergence.
    seed : int
        Of the order of the documents and of the negative labels.
    n_threads : int
        With 1 the result depends on the seed alone.
    callback : callable, optional
        Called in the caller's thread about ten times a second with a `Progress`. What it
        raises ends the training.
    on_epoch : callable, optional
        Called after each epoch with an `EpochEnd`; training ends when it returns True. After
        a restart, epochs count from 1 again.
    noisy : callable, optional
        Given the number of an epoch from 0, returns the features to train on in it.

    Returns
    -------
    Weights, History

    Raises
    ------
    TrainingError
        If no document has a known feature, or training diverges (see `_Run.epochs`) even after
        the learning rate was divided by 4, `MAX_RESTARTS` times.
    """
    assert config.lr is not None
    if features.ids.size == 0:
        raise TrainingError("no text has any feature: nothing to train on")
    if doc_weights is None:
        doc_weights = np.ones(len(features))
    history = History(lr=config.lr)
    while True:
        weights = make_weights()
        run = _Run(weights, features, labels, config, tree, doc_weights, n_threads)
        run.rng = np.random.default_rng([seed, 0])
        if not blank:
            run.most_loss = math.inf
        history.loss = []
        factor, lr = make_schedule(config.schedule, config.warmup), history.lr
        run.noisy = noisy
        lr_at = partial(_scaled, lr, factor)
        if run.epochs(lr_at, history, callback, on_epoch):
            return run.finished(), history
        if history.restarts == MAX_RESTARTS:
            raise TrainingError(
                f"training diverged with lr={config.lr:g}, and "
                f"still with lr={history.lr:g}; give a smaller lr"
            )
        history.restarts += 1
        logger.warning(
            "training diverged with lr=%g; starting again with lr=%g", history.lr, history.lr / 4
        )
        history.lr /= 4


def steps_apart(config: Config, n_threads: int) -> int:
    """Return how many steps a thread takes with an output table of its own; 0 = it has none.

    Where each step changes the whole table, two threads would wait for each other's cache lines
    all the time.
    """
    dense = config.loss not in ("hs", "ns") and config.head == "learned"
    return STEPS_APART if dense and n_threads > 1 else 0


def _scaled(lr: float, factor: Callable[[float], float], progress: float) -> float:
    return lr * factor(progress)


class _Run:
    """One attempt at training: the kernel's arguments, the threads, the progress."""

    rng: np.random.Generator
    noisy: Callable[[int], FeatureMatrix] | None = None

    def __init__(self, weights, features, labels, config, tree, doc_weights, n_threads):
        self.weights, self.features, self.labels, self.config = weights, features, labels, config
        # A document of weight 3 is visited three times: one large step would overshoot.
        visits = np.maximum(np.ceil(doc_weights - 1e-6), 1)
        self.doc_weights = (doc_weights / visits).astype(np.float32)
        visits[np.diff(features.indptr) == 0] = 0
        self.order = np.repeat(np.arange(visits.size, dtype=np.int32), visits.astype(np.int64))
        self.n_threads = max(1, min(n_threads, self.order.size // 64))
        self.kernel = make_trainer(parts(config))
        self.docs = self._docs(features)
        beta2 = config.beta2 or BETA2.get(config.optimizer, 0.0)
        self.settings = Settings(
            *map(
                np.float32,
                (
                    config.label_smoothing, config.focal, config.beta1, beta2, config.l1,
                    config.l2, config.max_norm or 0, config.clip or 0, config.feature_dropout,
                    config.hidden_dropout,
                ),
            )
        )  # fmt: skip
        n_steps = config.epochs * self.order.size
        self.average_from = weights.steps + math.ceil((1 - config.averaging) * n_steps)
        most_labels = int(np.diff(labels.indptr).max(initial=1))
        self.tree = np.zeros((2, 0), np.int32)
        self.negatives = np.zeros(1, np.int32)
        self.most_rows = len(labels.names)
        if config.loss == "hs":
            self.tree = np.stack([tree.parents(), tree.branches().astype(np.int32)])
            self.most_rows = most_labels * int(tree.depths().max())
        elif config.loss == "ns":
            self.negatives = _negative_table(labels.counts(), config.neg)
            self.most_rows = most_labels * (config.neg + 1)
        work = self.most_rows * (config.units or config.dim) + weights.layer.size
        self.most_docs = max(1, BLOCK_WORK // work)
        self.apart = steps_apart(config, self.n_threads)
        self.most_loss = DIVERGED * _blank_loss(config, labels, tree)

    def _docs(self, features: FeatureMatrix) -> Docs:
        return Docs(
            features.ids, features.weights, features.indptr, self.labels.ids,
            self.labels.indptr, self.doc_weights,
        )  # fmt: skip

    def finished(self) -> Weights:
        """Return the weights as they are in a model: settled, averaged."""
        settle(self.weights, self.config, self.average_from)
        return averaged(self.weights, self.config, self.average_from)

    def epochs(self, lr_at, history, callback, on_epoch) -> bool:
        """Run all epochs; return False as soon as it diverges.

        That is, when the loss or the weights are not finite, or the loss of an epoch is a
        multiple of what knowing nothing costs (`most_loss`).
        """
        n_epochs = self.config.epochs
        clock = _Clock(callback, n_epochs * self.order.size)
        for epoch in range(n_epochs):
            start = time.perf_counter()
            loss = self._epoch(epoch, lr_at, clock)
            history.loss.append(loss)
            if not loss < self.most_loss:  # also if it is NaN
                return False
            progress = (epoch + 1) / n_epochs
            clock.report(epoch + 1, loss, lr_at(progress), progress)
            if on_epoch is not None:
                seconds = time.perf_counter() - start
                # The rate in the epoch's middle: at the end of training it is mostly zero.
                lr = lr_at((epoch + 0.5) / n_epochs)
                probe = partial(self._update_ratio, lr)
                if on_epoch(EpochEnd(epoch + 1, loss, lr, seconds, self.finished(), probe)):
                    break
        # A sum is finite only if all of its terms are.
        sums = (
            table.sum(dtype=np.float32) for table in (self.weights.embeddings, self.weights.output)
        )
        return bool(np.isfinite(sum(sums)))

    def _epoch(self, epoch, lr_at, clock) -> float:
        """Visit each document once; threads take blocks in turn. Return the mean loss."""
        order = self._shuffled() if self.config.shuffle else self.order
        if self.noisy is not None:
            self.docs = self._docs(self.noisy(epoch))
        size = -(-order.size // (BLOCKS_PER_THREAD * self.n_threads))
        most = MAPPED_BLOCK if self.features.maps else MAX_BLOCK
        size = max(1, min(size, most, self.most_docs))
        if self.config.norm == "batch":  # whole batches, whatever the number of threads
            size = -(-size // BATCH) * BATCH
        edges = np.append(np.arange(0, order.size, size), order.size)
        rates = np.array([lr_at((epoch * order.size + edge) / clock.total) for edge in edges])
        sizes = np.diff(edges)
        sums = sizes * rates[:-1] + np.diff(rates) * (sizes - 1) / 2  # as the kernel sums them
        paths = self.weights.path + np.append(0.0, np.cumsum(sums))
        seeds = self.rng.integers(0, 2**63, sizes.size)
        results = np.zeros((sizes.size, 2))  # loss and weight of each block
        caller = threading.current_thread()

        def work(turn: int) -> None:
            block, docs = order[edges[turn] : edges[turn + 1]], self.docs
            if self.features.maps:
                block, docs = self._copied(block)
            results[turn] = self._block(
                block, self.weights.steps + edges[turn], paths[turn], rates[turn : turn + 2],
                seeds[turn], docs,
            )  # fmt: skip
            if threading.current_thread() is caller and clock.is_time():
                progress = (epoch * order.size + edges[turn + 1]) / clock.total
                clock.report(epoch, _mean_loss(results), rates[turn + 1], progress)

        run_blocks(work, sizes.size, self.n_threads)
        self.weights.steps += order.size
        self.weights.path = float(paths[-1])
        return _mean_loss(results)

    def _shuffled(self) -> np.ndarray:
        """Return the documents in a new random order.

        If their features lie in files: runs of neighbours in random order, and `RUNS` of them at
        a time mixed, so that a part of the files at a time is enough.
        """
        if not self.features.maps:
            return self.rng.permutation(self.order)
        starts = RUN * self.rng.permutation(-(-self.order.size // RUN))
        mixed = [np.empty(0, np.int32)]
        for i in range(0, starts.size, RUNS):
            runs = [self.order[start : start + RUN] for start in starts[i : i + RUNS]]
            mixed.append(self.rng.permutation(np.concatenate(runs)))
        return np.concatenate(mixed)

    def _update_ratio(self, lr: float, n_docs: int = 32) -> float:
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
            self._block(block, weights.steps, weights.path, (lr, lr), 1)
            length = float(np.linalg.norm(before))
            if length > 0:
                ratios.append(float(np.linalg.norm(weights.embeddings[rows] - before)) / length)
        for array, rows in zip(by_row, kept_rows, strict=True):
            if array.size:
                array[touched] = rows
        for array, copy in zip(whole, kept, strict=True):
            array[:] = copy
        return float(np.mean(ratios)) if ratios else 0.0

    def _copied(self, block: np.ndarray) -> tuple[np.ndarray, Docs]:
        """Return a block of documents in memory, and their numbers there."""
        from fasttext_lite.features.kernels import copy_documents

        features = self.features
        chosen, numbers = np.unique(block, return_inverse=True)
        chosen = chosen.astype(np.int64)
        indptr = np.zeros(chosen.size + 1, np.int64)
        np.cumsum(features.indptr[chosen + 1] - features.indptr[chosen], out=indptr[1:])
        ids, weights = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
        for start in range(0, chosen.size, COPIED):
            end = min(start + COPIED, chosen.size)
            copy_documents(
                features.ids, features.weights, features.indptr, chosen, start, end,
                indptr, ids, weights,
            )  # fmt: skip
            features.release()  # a system maps 16 pages for each that is asked for
        labels = take_labels(self.labels, chosen)
        docs = Docs(ids, weights, indptr, labels.ids, labels.indptr, self.doc_weights[chosen])
        return numbers.astype(np.int32), docs

    def _block(self, block, step, path, rates, seed, docs=None):
        """Train on a block of documents; return its loss and weight."""
        weights = self.weights
        span = Span(
            int(step), float(path), np.float32(rates[0]), np.float32(rates[1]),
            int(self.average_from), self.apart,
        )  # fmt: skip
        return self.kernel(
            block, docs or self.docs, self.settings, span, self.tree, self.negatives,
            np.array([seed], np.uint64), self.most_rows, weights.table("embeddings"),
            weights.table("output"), weights.table("norm"), weights.table("layer"),
        )  # fmt: skip


def _blank_loss(config: Config, labels: Labels, tree: LabelTree | None) -> float:
    """Return the mean loss of a document when all scores are zero."""
    if config.loss == "softmax":
        return math.log(len(labels.names))
    if config.loss in ("hinge", "squared_hinge"):
        return float(len(labels.names))
    decisions: float = len(labels.names) if config.loss == "ova" else config.neg + 1
    if tree is not None:
        decisions = float(np.average(tree.depths(), weights=np.maximum(labels.counts(), 1)))
    return decisions * math.log(2)


def _mean_loss(results: np.ndarray) -> float:
    return float(results[:, 0].sum() / max(results[:, 1].sum(), 1e-12))


class _Clock:
    """Calls back with the progress, when a tenth of a second has passed since the last time."""

    def __init__(self, callback, total: int) -> None:
        self.callback, self.total = callback, total
        self.start = self.last = time.perf_counter()

    def is_time(self) -> bool:
        """Return whether a report is due."""
        return self.callback is not None and time.perf_counter() - self.last >= 0.1

    def report(self, epoch: int, loss: float, lr: float, fraction: float) -> None:
        """Call back."""
        if self.callback is None:
            return
        self.last = time.perf_counter()
        rate = fraction * self.total / max(self.last - self.start, 1e-9)
        self.callback(Progress(epoch, fraction, loss, lr, rate))


def _negative_table(counts: np.ndarray, n_draws: int) -> np.ndarray:
    """Return the number of draws and then labels, each as often as count ** 0.5 asks.

    fastText loss.cc, NegativeSamplingLoss; every label is there at least once.
    """
    share = np.sqrt(np.maximum(counts, 1))
    # Rounding up must not make frequent and rare labels alike.
    size = max(NEGATIVE_TABLE, 8 * counts.size)
    repeats = np.ceil(share / share.sum() * size).astype(np.int64)
    table = np.repeat(np.arange(counts.size, dtype=np.int32), repeats)
    return np.append(np.int32(n_draws), table)
