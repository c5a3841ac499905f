"""Training in rounds: local gradient descent on each share, then what it changed is put together.

In a round each share trains on some of its texts, all from the same weights, by the kernels of the
package.  Exchanged are the first rows, those that most texts have: the client sends their values
and receives their changes, both as float16, and adds these to its own table, which is float32.
Shares keep the other rows (`local`).  They hardly need each other's: most have no text in another
share, or few.  Of these, changes are exchanged after so many rounds that they cost little, and in
the end.  A round depends on the weights, the shares and the seed alone, so what is lost with a
worker is done again with the same result.

Changes are added with a correction.  A row that one share has takes all of its change.  Of one
that several have, each moved towards where its own texts want it: added up, the changes would
overshoot where each went most of that way, as with the bias; their mean would fall short where each
made a short step.  With steps that shrink the distance to the goal by exp(-k e), where e, the
energy, is the sum of the squared weights that the texts have in the row, shares one after another
would shrink it by exp(-k sum e): the sum of the changes is scaled to that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.distributed import kernels
from fasttext_lite.distributed.cluster import Job
from fasttext_lite.distributed.local import NONE, Change, Given, Start, output_of, train_rounds
from fasttext_lite.distributed.pieces import Extent
from fasttext_lite.training.history import EpochEnd, History, Progress
from fasttext_lite.training.keeping import Kept
from fasttext_lite.training.run import DIVERGED
from fasttext_lite.training.schedule import make_schedule
from fasttext_lite.training.weights import Weights

if TYPE_CHECKING:
    from distributed import Future

# k above, by the learning rate: about the curvature of the losses. Measured on splits of training
# files: from 0.05 to 1 the accuracy is the same, with sums alone training diverges.
CURVATURE = 0.2

# What may be exchanged in a round, as parts of the whole tables: of the first rows, and of all the
# others on average.
OFTEN, RARE = 0.01, 0.05
# Where more of a share's rows than this part are others', too, all are exchanged after each epoch:
# a point of accuracy of 1,615 labels.
COMMON = 0.8


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
    is_whole : bool
        Whether the changes of all rows were exchanged.
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
    is_whole: bool
    seconds: float
    workers: tuple[str, ...]


@dataclass
class ClusterRun:
    """One attempt at training on a cluster, as `training.run.Run` is one in a process.

    Attributes
    ----------
    job : Job
    shares : list of Future
        The `Share`s.
    extents : list of Extent
        Of the same.
    given : Given
        With the settings that workers train with.
    weights : Weights
        To start from; changed in place. The embeddings are float32.
    dtype : dtype
        Of the model's embeddings.
    table_bytes : int
        Of the whole model's tables.
    n_turns : int
        Rounds of an epoch.
    between : int, optional
        After so many rounds all rows are exchanged; default: by `RARE`.
    name : str
        What tasks are called.
    rounds : list of Round
        Those of this attempt are added.
    """

    job: Job
    shares: list[Future]
    extents: list[Extent]
    given: Given
    weights: Weights
    dtype: np.dtype
    table_bytes: int
    n_turns: int
    between: int | None
    name: str = "round"
    rounds: list[Round] = field(default_factory=list)

    def __post_init__(self) -> None:
        config, n_rows = self.given.config, len(self.weights.embeddings)
        self.total, self.moved = np.zeros(n_rows), np.zeros(n_rows)
        self.output = output_of(self.weights, config)
        self.most_loss = DIVERGED * LOSSES[config.loss].blank(self.given.participants.n_decisions)
        # Restarts have other random numbers than the attempt that diverged.
        self.attempt = len(self.rounds)
        self.held = self.job.held("settings", self.given)
        n_often = self.extents[0].often.size
        self.often = np.arange(n_often, dtype=np.int32)
        self.rows = [extent.rows() for extent in self.extents]
        n_shares_of = np.zeros(n_rows, np.int32)
        for rows in self.rows:
            n_shares_of[rows] += 1
        # Of the other rows of each share, whether another one has them, too.
        self.are_common = [n_shares_of[rows] > 1 for rows in self.rows]
        if self.between is None:
            self.between = self._between()
        self.is_zero = not self.weights.embeddings.any()
        # What was sent to each share since all rows were exchanged, and mean rate and epochs of it.
        self.starts: list[list[Start]] = [[] for _ in self.shares]
        self.rates: list[float] = []

    def _between(self) -> int:
        """Return after how many rounds the changes of all rows are exchanged."""
        n = sum(rows.size for rows in self.rows)
        n_common = sum(int(are_common.sum()) for are_common in self.are_common)
        n_bytes = 2 * self.given.n_columns * (n + n_common)
        between = int(n_bytes / max(RARE * self.table_bytes, 1)) + 1
        # Shares that have nearly the same rows must hear of each other's.
        return min(between, self.n_turns) if n_common > COMMON * n else between

    def go_on(self, kept: Kept) -> None:
        """Refuse: what a process keeps is no part of a cluster's training."""
        raise NotImplementedError

    def finished(self) -> Weights:
        """Return the weights as they are in a model."""
        weights = self.weights
        if self.dtype != np.float16:
            return weights
        n_rows, dim = weights.embeddings.shape
        packed = make_table(n_rows, dim, self.dtype)
        every = np.arange(len(packed), dtype=np.int32)
        kernels.pack_rows(weights.embeddings, every, self._noise(0, 2), packed.view(np.uint16))
        return replace(weights, embeddings=packed)

    def epochs(
        self,
        history: History,
        callback: Callable[[Progress], None] | None = None,
        on_epoch: Callable[[EpochEnd], bool] | None = None,
    ) -> bool:
        """Run all epochs; return False as soon as it diverges, as `Run.epochs`."""
        config, n_turns = self.given.config, self.n_turns
        factor = make_schedule(config.schedule, config.warmup)
        n_rounds, started = config.epochs * n_turns, time.perf_counter()
        n_visits = sum(extent.n_visits for extent in self.extents)
        for epoch in range(config.epochs):
            sums = np.zeros(2)
            for turn in range(n_turns):
                done = epoch * n_turns + turn
                rates = (
                    history.lr * factor(done / n_rounds),
                    history.lr * factor((done + 1) / n_rounds),
                )
                sums += self._round(epoch, turn, done, done + 1 == n_rounds, rates)
                if callback is not None:
                    progress = (done + 1) / n_rounds
                    seconds = max(time.perf_counter() - started, 1e-9)
                    speed = progress * config.epochs * n_visits / seconds
                    loss = float(sums[0] / max(sums[1], 1e-12))
                    callback(Progress(epoch, progress, loss, rates[1], speed))
            history.loss.append(float(sums[0] / max(sums[1], 1e-12)))
            if not history.loss[-1] < self.most_loss:  # also if it is NaN
                return False
        numbers = self.weights.embeddings.ravel()
        return bool(np.isfinite(np.vdot(numbers, numbers)))

    def _round(
        self, epoch: int, turn: int, done: int, is_last: bool, rates: tuple[float, float]
    ) -> tuple[float, float]:
        """Do a round; return loss and weight of its texts."""
        begun, number = time.perf_counter(), len(self.rounds) + 1
        self.rates.append(sum(rates) / 2)
        is_whole = is_last or len(self.rates) == self.between
        starts = self._starts(epoch, turn, done, is_whole, rates)
        changes, again = self._trained(number, starts)
        with np.errstate(over="ignore", invalid="ignore"):  # one that diverges
            self._add(changes, CURVATURE * self.rates[-1])
            if is_whole:
                self._add_rare(changes)
                self.starts = [[] for _ in self.shares]
                self.rates = []
        sent = sum(start.n_bytes for start in starts) + again
        received = sum(change.n_bytes for change in changes)
        loss, weight = (
            sum(getattr(change, what) for change in changes) for what in ("loss", "weight")
        )
        self.rounds.append(
            Round(
                number, epoch + 1, loss / max(weight, 1e-12), sum(rates) / 2,
                sum(self._n_texts(extent, turn) for extent in self.extents), sent, received,
                (sent + received) / self.table_bytes, is_whole, time.perf_counter() - begun,
                tuple(change.worker for change in changes),
            )
        )  # fmt: skip
        return loss, weight

    def _n_texts(self, extent: Extent, turn: int) -> int:
        n, n_turns = extent.n_texts, self.n_turns
        return n * (turn + 1) // n_turns - n * turn // n_turns

    def _starts(
        self, epoch: int, turn: int, done: int, is_whole: bool, rates: tuple[float, float]
    ) -> list[Start]:  # fmt: skip
        """Return what each share is trained from."""
        output, layer = self.output.copy(), self.weights.layer.copy()
        table, n_columns = self.weights.embeddings, self.given.n_columns
        often = np.empty((self.often.size, n_columns), np.uint16)
        kernels.pack_rows(table, self.often, self._noise(done, 0), often)
        starts = []
        for share, (rows, are_common) in enumerate(zip(self.rows, self.are_common, strict=True)):
            places, values = np.empty(0, np.uint8), NONE
            if done and len(self.rates) == 1 and are_common.any():  # all were exchanged just now
                places, rows = np.packbits(are_common), rows[are_common]
                values = np.empty((rows.size, n_columns), np.uint16)
                kernels.pack_rows(table, rows, self._noise(done, 1), values)
            starts.append(
                Start(
                    share, done, epoch, turn, self.n_turns, often, output, layer, rates, is_whole,
                    places, values,
                )
            )  # fmt: skip
        return starts

    def _noise(self, done: int, what: int) -> np.uint64:
        rng = np.random.default_rng([*self.given.seed, 8, done, what])
        return np.uint64(rng.integers(2**63))

    def _trained(self, number: int, starts: list[Start]) -> tuple[list[Change], int]:
        """Return what each share has changed, and the bytes of what had to be sent again."""
        for own, start in zip(self.starts, starts, strict=True):
            own.append(start)
        is_new = starts[0].number == 0
        rare = [self._rare(share) if is_new else None for share in range(len(starts))]
        changes = self._asked(
            number, range(len(starts)), [[start] for start in starts], rare, is_new
        )
        again = sum(each.nbytes for each in rare if each is not None)
        lost = [share for share, change in enumerate(changes) if change is None]
        if lost:  # a worker is gone, and what it kept
            rare = [self._rare(share) for share in lost]
            befores = [self.starts[share] for share in lost]
            found = self._asked(number, lost, befores, rare, True)
            for share, change in zip(lost, found, strict=True):
                changes[share] = change
            again += sum(each.nbytes for each in rare if each is not None)
            again += sum(start.n_bytes for own in befores for start in own)
        return [change for change in changes if change is not None], again

    def _asked(
        self, number: int, which: Sequence[int], starts: list[list[Start]],
        rare: list[np.ndarray | None], is_new: bool,
    ) -> list[Change | None]:  # fmt: skip
        n = len(starts)
        futures = self.job.map(
            f"{self.name} {number}", train_rounds, [self.shares[share] for share in which], starts,
            [self.held] * n, rare, [is_new] * n,
        )  # fmt: skip
        found: list[Change | None] = self.job.gather(futures)
        return found

    def _rare(self, share: int) -> np.ndarray | None:
        """Return the other rows of a share as of the time when all were exchanged."""
        if self.is_zero and not any(each.is_whole for each in self.rounds[self.attempt :]):
            return None
        return self.weights.embeddings[self.rows[share], : self.given.n_columns]

    def _add(self, changes: Sequence[Change], rate: float) -> None:
        """Add what shares have changed of what is exchanged in each round; `rate` is k."""
        table, n = self.weights.embeddings, self.often.size
        total, moved = np.zeros(n), np.zeros(n)
        for extent in self.extents:
            kernels.add_energy(self.often, extent.often / self.n_turns, rate, total, moved)
        for change in changes:
            kernels.add_changes(table, self.often, change.often, rate, total, moved)
        # Each text touches all of the other tables.
        sizes = np.array([extent.n_visits / self.n_turns for extent in self.extents])
        apart = -np.expm1(-rate * sizes).sum()
        factor = float(-np.expm1(-rate * sizes.sum()) / apart) if apart > 0 else 1.0
        for change in changes:
            if change.output.size:
                self.weights.output += np.float32(factor) * change.output
            if change.layer.size:
                self.weights.layer += np.float32(factor) * change.layer

    def _add_rare(self, changes: Sequence[Change]) -> None:
        """Add what shares have changed of the other rows since all were exchanged."""
        rate = CURVATURE * float(np.sum(self.rates)) / self.n_turns
        table, total, moved = self.weights.embeddings, self.total, self.moved
        for rows, extent, are_common in zip(self.rows, self.extents, self.are_common, strict=True):
            energy = extent.rare[are_common].astype(np.float32)
            kernels.add_energy(rows[are_common], energy, rate, total, moved)
        for rows, change in zip(self.rows, changes, strict=True):
            kernels.add_changes(table, rows, change.rare, rate, total, moved)
        for rows in self.rows:
            total[rows] = moved[rows] = 0
