"""Training in rounds: local gradient descent on each share, then what it changed is put together.

In a round one block of each share is trained on, all from the same weights, by the kernels of the
package.  Only the rows that a block touches are exchanged: the client knows which these are, sends
their values and receives their changes, both as float16, and adds these to its own table, which
is float32.  A round depends on the weights, the blocks and the seed alone, so a task that is lost
with its worker is done again with the same result.

Changes are added with a correction.  A row that one block touches takes all of its change.  Of one
that several touch, each moved towards where its own texts want it: added up, the changes would
overshoot where each went most of that way, as with the bias; their mean would fall short where each
made a short step.  With steps that shrink the distance to the goal by exp(-k e), where e, the
energy, is the sum of the squared weights that the texts have in the row, blocks one after another
would shrink it by exp(-k sum e): the sum of the changes is scaled to that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.distributed import kernels
from fasttext_lite.distributed.cluster import Job, worker_name
from fasttext_lite.distributed.shares import Block, Extent
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.training.history import EpochEnd, History, Progress
from fasttext_lite.training.keeping import Kept
from fasttext_lite.training.participants import Participants
from fasttext_lite.training.run import DIVERGED, Run
from fasttext_lite.training.schedule import make_schedule
from fasttext_lite.training.weights import Weights, stateless

if TYPE_CHECKING:
    from distributed import Future

# k above, by the learning rate: about the curvature of the losses. Measured on splits of training
# files: from 0.05 to 1 the accuracy is the same, with sums alone training diverges.
CURVATURE = 0.2


# -- on a worker -----------------------------------------------------------------------------
@dataclass(frozen=True)
class Given:
    """What a training's rounds have in common.

    Attributes
    ----------
    config : Config
    participants : Participants
        Of all texts.
    tree : LabelTree, optional
    """

    config: Config
    participants: Participants
    tree: LabelTree | None


@dataclass(frozen=True)
class Start:
    """What a block is trained from in a round.

    Attributes
    ----------
    place : int
        Of the block in its share.
    values : uint16[n_rows, n_columns]
        Of the rows that it touches, float16 as bits; further columns of the table are 0.
    output, layer : float32
        The other tables; empty where training does not move them.
    rates : (float, float)
        The learning rate at both ends.
    seed : tuple of int
    """

    place: int
    values: np.ndarray
    output: np.ndarray
    layer: np.ndarray
    rates: tuple[float, float]
    seed: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """Of the numbers."""
        return self.values.nbytes + self.output.nbytes + self.layer.nbytes


@dataclass(frozen=True)
class Change:
    """What a block has changed in a round.

    Attributes
    ----------
    values, output, layer
        Differences from those of `Start`, of the same shapes and types.
    loss, weight : float
        Sums over the texts.
    worker : str
        Who did it.
    """

    values: np.ndarray
    output: np.ndarray
    layer: np.ndarray
    loss: float
    weight: float
    worker: str

    @property
    def n_bytes(self) -> int:
        """Of the numbers."""
        return self.values.nbytes + self.output.nbytes + self.layer.nbytes


def train_block(blocks: list[Block], start: Start, given: Given) -> Change:
    """Train on a block of a share, and return what that changes."""
    block, config = blocks[start.place], given.config
    assert config.dim is not None
    n_rows, n_columns = start.values.shape
    table = make_table(n_rows, config.dim)
    kernels.unpack_rows(start.values, table)
    output = start.output
    if not output.size:  # of a linear head
        output = make_table(_n_output(given, block), config.dim)
        np.fill_diagonal(output, 1)
    norm = np.zeros((0, config.dim), np.float32)
    weights = stateless(config, table, output.copy(), norm, start.layer.copy())
    if not n_rows:
        return Change(start.values, 0 * start.output, 0 * start.layer, 0.0, 0.0, worker_name())
    run = Run(
        weights, block.features, block.labels, config, tree=given.tree,
        doc_weights=block.weights, participants=given.participants,
    )  # fmt: skip
    rng = np.random.default_rng(start.seed)
    order = rng.permutation(run.order) if config.shuffle else run.order
    loss, weight = run.train_block(order, 0, 0.0, start.rates, int(rng.integers(2**63)))
    changes = np.empty((n_rows, n_columns), np.uint16)
    kernels.pack_changes(table, start.values, np.uint64(rng.integers(2**63)), changes)
    return Change(
        changes,
        weights.output - start.output if start.output.size else start.output,
        weights.layer - start.layer, float(loss), float(weight), worker_name(),
    )  # fmt: skip


def _n_output(given: Given, block: Block) -> int:
    return len(block.labels.names) - LOSSES[given.config.loss].uses_tree


# -- on the client ---------------------------------------------------------------------------
@dataclass(frozen=True)
class Round:
    """What a round has cost.

    Attributes
    ----------
    number : int
        From 1, restarts counted on.
    epoch : int
        From 1.
    loss : float
        Mean over its texts, before each step.
    lr : float
        Mean learning rate.
    n_texts : int
    bytes_sent, bytes_received : int
        Numbers that went from the client to workers and back, without what frames them.
    share : float
        Both together, by the size of the whole model's tables.
    seconds : float
    workers : tuple of str
        Who trained each share.
    """

    number: int
    epoch: int
    loss: float
    lr: float
    n_texts: int
    bytes_sent: int
    bytes_received: int
    share: float
    seconds: float
    workers: tuple[str, ...]


@dataclass
class ClusterRun:
    """One attempt at training on a cluster, as `training.run.Run` is one in a process.

    Attributes
    ----------
    job : Job
    blocks : list of Future
        Of each share, its list of `Block`.
    extents : list of lists of Extent
        Of the same.
    given : Given
        With the settings that workers train with.
    held : Future
        The same, on the cluster.
    weights : Weights
        To start from; changed in place. The embeddings are float32.
    table_bytes : int
        Of the whole model's tables.
    seed : int
    name : str
        What tasks are called.
    rounds : list of Round
        Those of this attempt are added.
    """

    job: Job
    blocks: list[Future]
    extents: list[list[Extent]]
    given: Given
    held: Future
    weights: Weights
    table_bytes: int
    seed: int
    name: str = "round"
    rounds: list[Round] = field(default_factory=list)

    def __post_init__(self) -> None:
        config, n_rows = self.given.config, len(self.weights.embeddings)
        self.total, self.moved = np.zeros(n_rows), np.zeros(n_rows)
        is_linear = config.head == "linear"
        self.n_columns = len(self.weights.output) if is_linear else self.weights.embeddings.shape[1]
        self.output = self.weights.output[:0] if is_linear else self.weights.output
        self.most_loss = DIVERGED * LOSSES[config.loss].blank(self.given.participants.n_decisions)
        # Restarts have other random numbers than the attempt that diverged.
        self.attempt = len(self.rounds)

    def go_on(self, kept: Kept) -> None:
        """Refuse: what a process keeps is no part of a cluster's training."""
        raise NotImplementedError

    def finished(self) -> Weights:
        """Return the weights as they are in a model."""
        return self.weights

    def epochs(
        self,
        history: History,
        callback: Callable[[Progress], None] | None = None,
        on_epoch: Callable[[EpochEnd], bool] | None = None,
    ) -> bool:
        """Run all epochs; return False as soon as it diverges, as `Run.epochs`."""
        config = self.given.config
        factor = make_schedule(config.schedule, config.warmup)
        n_epoch = sum(extent.n_visits for share in self.extents for extent in share)
        total, done = max(config.epochs * n_epoch, 1), 0
        started = time.perf_counter()
        for epoch in range(config.epochs):
            sums = np.zeros(2)
            for places in self._order(epoch):
                n = sum(own[i].n_visits for own, i in zip(self.extents, places, strict=True))
                rates = (
                    history.lr * factor(done / total),
                    history.lr * factor(min((done + n) / total, 1.0)),
                )
                sums += self._round(epoch, places, rates)
                done += n
                if callback is not None:
                    speed = done / max(time.perf_counter() - started, 1e-9)
                    loss = float(sums[0] / max(sums[1], 1e-12))
                    callback(Progress(epoch, done / total, loss, rates[1], speed))
            history.loss.append(float(sums[0] / max(sums[1], 1e-12)))
            if not history.loss[-1] < self.most_loss:  # also if it is NaN
                return False
        return bool(np.isfinite(self.weights.embeddings.sum(dtype=np.float32)))

    def _order(self, epoch: int) -> Iterator[list[int]]:
        """Yield the block of each share for each round of an epoch."""
        orders = [
            np.random.default_rng([self.seed, 4, self.attempt, epoch, share]).permutation(len(own))
            if self.given.config.shuffle
            else np.arange(len(own))
            for share, own in enumerate(self.extents)
        ]
        for places in zip(*orders, strict=True):
            yield [int(place) for place in places]

    def _round(
        self, epoch: int, places: Sequence[int], rates: tuple[float, float]
    ) -> tuple[float, float]:
        """Do a round; return loss and weight of its texts."""
        begun, number = time.perf_counter(), len(self.rounds) + 1
        chosen = [own[i] for own, i in zip(self.extents, places, strict=True)]
        starts = [
            self._start(place, extent, rates, (self.seed, 5, number, share))
            for share, (place, extent) in enumerate(zip(places, chosen, strict=True))
        ]
        futures = self.job.map(
            f"{self.name} {number}", train_block, self.blocks, starts, [self.held] * len(starts)
        )
        changes: list[Change] = self.job.gather(futures)
        with np.errstate(over="ignore", invalid="ignore"):  # one that diverges
            self._add(chosen, changes, CURVATURE * sum(rates) / 2)
        sent = sum(start.n_bytes for start in starts)
        received = sum(change.n_bytes for change in changes)
        loss, weight = (
            sum(getattr(change, what) for change in changes) for what in ("loss", "weight")
        )
        self.rounds.append(
            Round(
                number, epoch + 1, loss / max(weight, 1e-12), sum(rates) / 2,
                sum(extent.n_texts for extent in chosen), sent, received,
                (sent + received) / self.table_bytes, time.perf_counter() - begun,
                tuple(change.worker for change in changes),
            )
        )  # fmt: skip
        return loss, weight

    def _start(
        self, place: int, extent: Extent, rates: tuple[float, float], seed: tuple[int, ...]
    ) -> Start:
        """Return what a block is trained from."""
        values = np.empty((extent.rows.size, self.n_columns), np.uint16)
        noise = np.uint64(np.random.default_rng([*seed, 1]).integers(2**63))
        kernels.pack_rows(self.weights.embeddings, extent.rows, noise, values)
        return Start(place, values, self.output, self.weights.layer, rates, seed)

    def _add(self, chosen: Sequence[Extent], changes: Sequence[Change], rate: float) -> None:
        """Add what blocks have changed to the weights; `rate` is k."""
        table, total, moved = self.weights.embeddings, self.total, self.moved
        for extent in chosen:
            kernels.add_energy(extent.rows, extent.energy, rate, total, moved)
        for extent, change in zip(chosen, changes, strict=True):
            kernels.add_changes(table, extent.rows, change.values, rate, total, moved)
        for extent in chosen:
            total[extent.rows] = moved[extent.rows] = 0
        # Each text touches all of the other tables.
        sizes = np.array([extent.n_visits for extent in chosen], np.float64)
        apart = -np.expm1(-rate * sizes).sum()
        factor = float(-np.expm1(-rate * sizes.sum()) / apart) if apart > 0 else 1.0
        for change in changes:
            if change.output.size:
                self.weights.output += np.float32(factor) * change.output
            if change.layer.size:
                self.weights.layer += np.float32(factor) * change.layer
