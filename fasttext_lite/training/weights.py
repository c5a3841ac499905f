"""What training changes: the tables of weights, with the optimizer's state of each row.

Makes them (initialisation), lets them grow, and settles them: brings rows up to date that no
document touched for a while.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.errors import SettingError
from fasttext_lite.training.kernels.parts import Table

OUTPUT_NORM = 2.0  # typical length of an output row at the start, with init="output"

# Standard deviation of all weights with init="normal", and of the embeddings where zeros would stay
# zeros: below a hidden layer, which has no slope there, or below a normalisation. What the
# embeddings begin with stays in rare features as noise: it must be small beside what they learn.
NORMAL_DEVIATION = 0.02
SETTLED_ROWS = 1 << 16  # at a time


@dataclass(frozen=True)
class LayerStart:
    """How a hidden layer starts.

    Attributes
    ----------
    kind : str
        As `Config.init`.
    gain : float
        Factor of the weights.
    bias : float
    output_norm : float
        Typical length of the output rows above it, with init="output".
    """

    kind: str
    gain: float = 1.0
    bias: float = 0.0
    output_norm: float = OUTPUT_NORM


# By activation. A unit that is 0 for a text learns nothing from it: half of them, without a bias;
# long output rows push all of a few units there.
# The logistic function has a slope of 1/4 at 0, which the weights make up for (Glorot and Bengio
# 2010: four times as wide as for tanh).
LAYER_STARTS = {
    "relu": LayerStart("he", bias=0.5, output_norm=1.0),
    "leaky_relu": LayerStart("he", bias=0.5, output_norm=1.0),
    "elu": LayerStart("he"),
    "gelu": LayerStart("he"),
    "tanh": LayerStart("xavier"),
    "sigmoid": LayerStart("xavier", gain=4.0),
    "maxout": LayerStart("he"),
}


@dataclass
class RowState:
    """What belongs to the rows of a table; empty arrays where it is not needed.

    Attributes
    ----------
    moments : float32[n_rows, slots * dim]
        The optimizer's state.
    seen : float64[n_rows, 3]
        Step and path (sum of learning rates) when the row was settled last, and step when it
        moved last.
    total : float32[n_rows, dim]
        Sum of the row's values after each step that counts in the average.
    """

    moments: np.ndarray
    seen: np.ndarray
    total: np.ndarray

    def copy(self) -> RowState:
        """Return a deep copy."""
        return RowState(self.moments.copy(), self.seen.copy(), self.total.copy())


@dataclass
class Weights:
    """The tables, and the state of each.

    Attributes
    ----------
    embeddings : float32[n_rows, dim]
        Or float16, as `Config.dtype` says.
    output : float32[n_output_rows, units or dim]
        One row for each label, or for each inner node of the label tree.
    norm : float32[4, dim]
        Gain, shift, running mean and running variance; of shape (0, dim) without a norm.
    layer : float32[units, dim + 1]
        The hidden layer, bias last; twice the rows for maxout; none without a hidden layer.
    states : dict of RowState
        By the name of the table.
    steps : int
        Documents visited so far.
    path : float
        Sum of the learning rates of these steps.
    """

    embeddings: np.ndarray
    output: np.ndarray
    norm: np.ndarray
    layer: np.ndarray
    states: dict[str, RowState] = field(default_factory=dict)
    steps: int = 0
    path: float = 0.0

    def table(self, name: str) -> Table:
        """Return a table as the kernel takes it."""
        state, values = self.states[name], getattr(self, name)
        if values.dtype == np.float16:  # which Numba does not know
            values = values.view(np.uint16)
        none = values[:0]
        return Table(values, state.moments, state.seen, state.total, none, none)

    def copy(self) -> Weights:
        """Return a deep copy."""
        tables = {name: getattr(self, name).copy() for name in TABLES}
        states = {name: state.copy() for name, state in self.states.items()}
        return Weights(**tables, states=states, steps=self.steps, path=self.path)


TABLES = ("embeddings", "output", "norm", "layer")


def n_output_rows(config: Config, n_labels: int) -> int:
    """Return the number of rows of the output table."""
    return n_labels - LOSSES[config.loss].uses_tree


def init_weights(config: Config, n_rows: int, n_output: int, seed: int) -> Weights:
    """Return fresh tables.

    ``head="linear"``: embeddings zero, output the identity.
    ``init="output"``: embeddings zero, output normal, its rows about `OUTPUT_NORM` long whatever
    `dim` is, above a hidden layer as `LAYER_STARTS` has it.
    ``init="input"``: embeddings uniform in [-1/dim, 1/dim], output zero (fastText).
    ``init="normal"``: both normal, standard deviation `NORMAL_DEVIATION`.
    ``init="xavier"``: both uniform with variance 2 / (fan in + fan out) (Glorot and Bengio 2010).
    ``init="he"``: both normal with variance 2 / fan in (He et al. 2015). The fan in of the
    embeddings is the number of their rows, all inputs of the network, few of which a text has.

    The first scores are all nearly zero: a softmax starts at a loss of ln(labels). That takes
    embeddings that are small, not large ones that cancel out: features that are seen once or
    twice keep what they begin with. So all inits do well with the same learning rate.

    A hidden layer starts as `LAYER_STARTS` has it. It and a norm need embeddings that are not
    zero, which then are normal with `NORMAL_DEVIATION`. The gain of a norm starts at
    1 / sqrt(dim): the vector that leaves it has length 1, not sqrt(dim).

    Raises
    ------
    SettingError
        If dim is too small for a linear head.
    """
    dim, units = config.dim, config.units
    assert dim is not None
    rng = np.random.default_rng([seed, 1])
    output = make_table(n_output, units or dim)
    if config.head == "linear":
        if dim < n_output:
            raise SettingError(
                f"head='linear' needs a dim of at least {n_output}, one for each output row; "
                f"got dim={dim}"
            )
        np.fill_diagonal(output, 1)
    elif config.init == "output":
        rng.standard_normal(output.shape, np.float32, out=output)
        length = LAYER_STARTS[config.activation].output_norm if units else OUTPUT_NORM
        output *= np.float32(length / math.sqrt(output.shape[1]))
    elif config.init != "input":
        _fill(rng, output, config.init, output.shape[1], n_output)
    embeddings = make_table(n_rows, dim, config.table_dtype)
    _init_embeddings(rng, config, embeddings, n_rows)
    norm = np.zeros((4 if config.norm != "none" else 0, dim), np.float32)
    norm[:1] = 1 / math.sqrt(dim)  # gain
    norm[3:] = 1  # running variance
    layer = _init_layer(rng, config)
    return stateless(config, embeddings, output, norm, layer)


def stateless(
    config: Config,
    embeddings: np.ndarray,
    output: np.ndarray,
    norm: np.ndarray,
    layer: np.ndarray,
) -> Weights:
    """Return weights of these tables with a fresh state of the optimizer."""
    weights = Weights(embeddings, output, norm, layer)
    for name in TABLES:
        weights.states[name] = fresh_state(config, getattr(weights, name))
    return weights


def _init_layer(rng: np.random.Generator, config: Config) -> np.ndarray:
    dim, units, start = config.dim or 0, config.units, LAYER_STARTS[config.activation]
    n_units = units * (2 if config.activation == "maxout" else 1)
    layer = np.zeros((n_units, dim + 1), np.float32)
    _fill(rng, layer, start.kind, dim, units)
    layer *= np.float32(start.gain)
    layer[:, dim] = start.bias
    return layer


def _init_embeddings(
    rng: np.random.Generator, config: Config, table: np.ndarray, n_rows: int
) -> None:
    """Fill rows, of a table that has `n_rows` in all."""
    dim = table.shape[1]
    if table.dtype == np.float16:  # which NumPy has no random numbers of
        for start in range(0, len(table), SETTLED_ROWS):
            part = np.zeros((len(table[start : start + SETTLED_ROWS]), dim), np.float32)
            _init_embeddings(rng, config, part, n_rows)
            table[start : start + SETTLED_ROWS] = part
    elif config.init == "input":
        _fill_uniform(rng, table, 1 / dim)
    elif config.init != "output":
        _fill(rng, table, config.init, n_rows, dim)
    elif config.units or config.norm != "none":
        rng.standard_normal(table.shape, np.float32, out=table)
        table *= np.float32(NORMAL_DEVIATION)


def _fill(
    rng: np.random.Generator, table: np.ndarray, kind: str, fan_in: int, fan_out: int
) -> None:
    if kind == "xavier":
        _fill_uniform(rng, table, math.sqrt(6 / (fan_in + fan_out)))
        return
    deviation = NORMAL_DEVIATION if kind == "normal" else math.sqrt(2 / fan_in)
    rng.standard_normal(table.shape, np.float32, out=table)
    table *= np.float32(deviation)


def _fill_uniform(rng: np.random.Generator, table: np.ndarray, limit: float) -> None:
    """Fill with numbers from [-limit, limit), without a copy of what may be a large table."""
    rng.random(table.shape, np.float32, out=table)
    table -= np.float32(0.5)
    table *= np.float32(2 * limit)


def fresh_state(config: Config, table: np.ndarray) -> RowState:
    """Return the state of a table that training has not seen yet."""
    n, dim = table.shape
    optimizer = OPTIMIZERS[config.optimizer]
    slots = optimizer.slots
    # Where rows are made up for later, or the optimizer forgets with time.
    timed = config.l1 or config.l2 or config.averaging or optimizer.forgets
    return RowState(
        np.zeros((n if slots else 0, max(slots, 1) * dim), np.float32),
        np.zeros((n if timed else 0, 3)),
        np.zeros((n if config.averaging else 0, dim), np.float32),
    )


def grow_weights(weights: Weights, config: Config, n_rows: int, seed: int) -> Weights:
    """Return a copy with rows added to the embeddings up to `n_rows`, as `init_weights` would."""
    n_old, dim = weights.embeddings.shape
    embeddings = make_table(n_rows, dim, weights.embeddings.dtype)
    embeddings[:n_old] = weights.embeddings
    rng = np.random.default_rng([seed, 2, n_old])
    _init_embeddings(rng, config, embeddings[n_old:], n_rows)
    others = (weights.output.copy(), weights.norm.copy(), weights.layer.copy())
    grown = stateless(config, embeddings, *others)
    grown.steps, grown.path = weights.steps, weights.path
    for name, new in grown.states.items():
        old = weights.states[name]
        new.seen[:, :2] = weights.steps, weights.path
        for before, after in ((old.moments, new.moments), (old.seen, new.seen)):
            after[: len(before)] = before[: len(after)]
    return grown


def take_rows(weights: Weights, rows: np.ndarray) -> Weights:
    """Return weights with the given rows of the embeddings alone."""
    old = weights.states["embeddings"]
    arrays = (array[rows] if len(array) else array for array in vars(old).values())
    states = {**weights.states, "embeddings": RowState(*arrays)}
    return replace(weights, embeddings=weights.embeddings[rows], states=states)


def settle(weights: Weights, config: Config, average_from: int) -> None:
    """Make up, in place, for the steps that rows were not touched in (see `kernels.general`)."""
    if not (config.l1 or config.l2 or config.averaging):
        return
    for name in TABLES:
        if name == "output" and config.head == "linear":
            continue
        table, state = getattr(weights, name), weights.states[name]
        for start in range(0, len(table), SETTLED_ROWS):
            part = slice(start, start + SETTLED_ROWS)
            values, seen = table[part], state.seen[part]
            if config.averaging:
                count = weights.steps - np.maximum(seen[:, 0], average_from)
                state.total[part] += np.maximum(count, 0)[:, None].astype(np.float32) * values
            elif name != "norm":
                distance = np.maximum(weights.path - seen[:, 1], 0)
                values[:] = shrunk(values, config.l1, config.l2, distance)
            seen[:, 0], seen[:, 1] = weights.steps, weights.path


def shrunk(values: np.ndarray, l1: float, l2: float, distance: np.ndarray) -> np.ndarray:
    """Return rows after weight decay over a distance each; see `regularizers.shrink_row`."""
    keep = np.exp(-l2 * distance)[:, None]
    fall = l1 / l2 * (1 - keep) if l2 else l1 * distance[:, None]
    return np.copysign(np.maximum(np.abs(values) * keep - fall, 0), values)


def averaged(weights: Weights, config: Config, average_from: int) -> Weights:
    """Return weights whose tables are the means of their values after each step that counts.

    Polyak and Juditsky 1992. The weights themselves where no step counts yet. They must be
    settled.
    """
    n_steps = weights.steps - average_from
    if not config.averaging or n_steps <= 0:
        return weights
    means = {}
    for name in TABLES:
        table = getattr(weights, name)
        means[name] = weights.states[name].total / np.float32(n_steps)
        if name == "output" and config.head == "linear":
            means[name] = table
        if name == "norm":
            means[name][2:] = table[2:]  # running means already
    return Weights(**means, states=weights.states, steps=weights.steps, path=weights.path)
