"""What a worker does in a round: it trains on a block of its share, and tells what that changed.

Between rounds it keeps the rows that are not exchanged in each (`State`), beside the share.  These
are no more than a copy of what can be made again: the client has all rows as of the last round in
which all were exchanged, and what it has sent since.  A worker that has not got them says so, and
is given both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.distributed import kernels
from fasttext_lite.distributed.cluster import Sized, worker_name
from fasttext_lite.distributed.pieces import Share
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.training.participants import Participants
from fasttext_lite.training.run import Run
from fasttext_lite.training.weights import Weights, stateless

NONE = np.empty((0, 0), np.uint16)


# -- what goes to and fro --------------------------------------------------------------------
@dataclass(frozen=True)
class Given(Sized):
    """What a training's rounds have in common.

    Attributes
    ----------
    name : str
        Of the training.
    config : Config
    participants : Participants
        Of all texts.
    tree : LabelTree, optional
    n_columns : int
        Of the embeddings, that are exchanged; further ones are 0.
    seed : tuple of int
        Another one for each attempt.
    """

    name: str
    config: Config
    participants: Participants
    tree: LabelTree | None
    n_columns: int
    seed: tuple[int, ...]


@dataclass(frozen=True)
class Start(Sized):
    """What a share is trained from in a round.

    Attributes
    ----------
    share, number : int
        Which, and which round of the training, from 0.
    epoch, turn, n_turns : int
        It is one of so many of an epoch.
    often : uint16[n_often, n_columns]
        The first rows, float16 as bits.
    output, layer : float32
        The other tables; empty where training does not move them.
    rates : (float, float)
        The learning rate at both ends.
    is_whole : bool
        Whether the changes of all rows are asked for, since those of all were last.
    places : uint8[]
        Bits, of which of its other rows the values have come to be others, because other shares
        have them, too; empty if of none.
    values : uint16[n, n_columns]
        These values.
    """

    share: int
    number: int
    epoch: int
    turn: int
    n_turns: int
    often: np.ndarray
    output: np.ndarray
    layer: np.ndarray
    rates: tuple[float, float]
    is_whole: bool
    places: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))
    values: np.ndarray = field(default_factory=lambda: NONE)

    @property
    def n_bytes(self) -> int:
        """Of the numbers."""
        arrays = (self.often, self.output, self.layer, self.places, self.values)
        return sum(array.nbytes for array in arrays)


@dataclass(frozen=True)
class Change(Sized):
    """What a share has changed in a round.

    Attributes
    ----------
    often, output, layer
        Differences from those of `Start`, of the same shapes and types.
    rare : uint16[n_rare, n_columns]
        Those of the other rows, float16 as bits; empty where they are not asked for.
    loss, weight : float
        Sums over the texts.
    worker : str
        Who did it.
    """

    often: np.ndarray
    output: np.ndarray
    layer: np.ndarray
    rare: np.ndarray
    loss: float
    weight: float
    worker: str

    @property
    def n_bytes(self) -> int:
        """Of the numbers."""
        return sum(array.nbytes for array in (self.often, self.output, self.layer, self.rare))


# -- what stays ------------------------------------------------------------------------------
@dataclass
class State:
    """What a worker keeps of a training between rounds.

    Attributes
    ----------
    name, seed
        As of `Given`: which training it is of.
    number : int
        Of the round that comes next.
    run : Run
        With the tables; of the embeddings the rows of the share.
    before : float32[n_rare, n_columns]
        The rows behind the first ones, when all rows were exchanged last.
    order : int32[n_visits]
        Of the epoch.
    epoch : int
        Which that is.
    """

    name: str
    seed: tuple[int, ...]
    number: int
    run: Run
    before: np.ndarray
    order: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    epoch: int = -1

    @classmethod
    def new(cls, share: Share, first: Start, given: Given, rare: np.ndarray | None) -> State:
        """Return the state before a round.

        Parameters
        ----------
        rare : float32[n_rare, n_columns], optional
            Default: zeros.
        """
        config = given.config
        assert config.dim is not None
        n_rare, n_columns = share.rows.size, given.n_columns
        table = make_table(share.n_often + n_rare, config.dim)
        before = np.zeros((n_rare, n_columns), np.float32) if rare is None else rare.copy()
        table[share.n_often :, :n_columns] = before
        output = first.output.copy()
        if not output.size:  # of a linear head
            n_output = len(share.labels.names) - LOSSES[config.loss].uses_tree
            output = make_table(n_output, config.dim)
            np.fill_diagonal(output, 1)
        norm = np.zeros((0, config.dim), np.float32)
        run = Run(
            stateless(config, table, output, norm, first.layer.copy()), share.features,
            share.labels, config, tree=given.tree, doc_weights=share.weights,
            participants=given.participants,
        )  # fmt: skip
        return cls(given.name, given.seed, first.number, run, before)

    def is_before(self, start: Start, given: Given) -> bool:
        """Return whether a round of a training is the next one."""
        expected = (given.name, given.seed, start.number)
        return (self.name, self.seed, self.number) == expected

    def visits(self, start: Start, seed: tuple[int, ...]) -> np.ndarray:
        """Return the texts of a round in their order; each epoch has another."""
        order, n = self.run.order, self.run.order.size
        if self.run.config.shuffle:
            if self.epoch != start.epoch:
                rng = np.random.default_rng([*seed, 4, start.epoch, start.share])
                self.order, self.epoch = rng.permutation(order), start.epoch
            order = self.order
        return order[n * start.turn // start.n_turns : n * (start.turn + 1) // start.n_turns]


def train_rounds(
    share: Share, starts: Sequence[Start], given: Given, rare: np.ndarray | None, is_new: bool
) -> Change | None:
    """Train a share in a round, and return what that changes.

    Parameters
    ----------
    share : Share
    starts : sequence of Start
        The round, and before it those that must be done again for it.
    given : Given
    rare : float32[n_rare, n_columns], optional
        What the rows behind the first ones are before these rounds; None: zeros.
    is_new : bool
        Whether to begin with them, and not with what is kept here.

    Returns
    -------
    Change, optional
        None if what should be kept here is not.
    """
    state, first = share.state, starts[0]
    if is_new:
        state = State.new(share, first, given, rare)
    elif state is None or not state.is_before(first, given):
        return None
    share.state = None  # a round that fails leaves nothing
    for start in starts:
        change = _train(share, state, start, given)
    share.state = state
    return change


def _train(share: Share, state: State, start: Start, given: Given) -> Change:
    run, weights = state.run, state.run.weights
    n_often, n_columns = start.often.shape
    table = weights.embeddings
    if start.places.size:
        _set_rare(state, start, n_often)
    kernels.unpack_rows(start.often, table[:n_often])
    if start.output.size:
        weights.output[:] = start.output
    weights.layer[:] = start.layer
    rng = np.random.default_rng([*given.seed, 5, start.number, start.share])
    docs, loss, weight = state.visits(start, given.seed), 0.0, 0.0
    if docs.size:
        seed = int(rng.integers(2**63))
        loss, weight = run.train_block(docs, 0, 0.0, start.rates, seed)
    often, rare = np.empty((n_often, n_columns), np.uint16), NONE
    kernels.pack_changes(table, start.often, np.uint64(rng.integers(2**63)), often)
    if start.is_whole:
        rare = _rare_changes(state, n_often, np.uint64(rng.integers(2**63)))
    state.number += 1
    return Change(
        often,
        weights.output - start.output if start.output.size else start.output,
        weights.layer - start.layer, rare, float(loss), float(weight), worker_name(),
    )  # fmt: skip


def _set_rare(state: State, start: Start, n_often: int) -> None:
    """Take over what rows have become that other shares have, too."""
    before = state.before
    places = np.flatnonzero(np.unpackbits(start.places, count=len(before)))
    before[places] = start.values.view(np.float16)
    rows = state.run.weights.embeddings[n_often:]
    rows[places, : before.shape[1]] = before[places]


def _rare_changes(state: State, n_often: int, seed: np.uint64) -> np.ndarray:
    """Return how rows have changed since all were exchanged; they become what that makes them.

    So the client, which adds the same, has the same of those that no other share has.
    """
    before = state.before
    rows = state.run.weights.embeddings[n_often:, : before.shape[1]]
    changes = np.empty(before.shape, np.uint16)
    every = np.arange(len(before), dtype=np.int32)
    with np.errstate(over="ignore", invalid="ignore"):  # one that diverges
        kernels.pack_rows(rows - before, every, seed, changes)
        before += changes.view(np.float16)
        rows[:] = before
    return changes


def share_points(share: Share, values: np.ndarray) -> np.ndarray:
    """Return the sum of the vectors of each label's texts; `values`: float16, of its rows."""
    from fasttext_lite.fitting.label_points import label_points

    return label_points(share.features, share.labels, values)


def output_of(weights: Weights, config: Config) -> np.ndarray:
    """Return the output table as far as training moves it."""
    return weights.output[:0] if config.head == "linear" else weights.output
