"""From training texts on a cluster to a model of the usual kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.distributed import pieces
from fasttext_lite.distributed.cluster import Job
from fasttext_lite.distributed.local import Given, share_points
from fasttext_lite.distributed.preparing import MOST_UNEVEN, Ready
from fasttext_lite.distributed.rounds import OFTEN, ClusterRun, Round
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.matrix import Counts, FeatureMatrix
from fasttext_lite.fitting.calibrate import Judged, calibrate
from fasttext_lite.fitting.label_points import points_config
from fasttext_lite.fitting.trainee import Trainee, tables_of
from fasttext_lite.fitting.trees import grown_tree
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.model.model import Model
from fasttext_lite.model.run import Run
from fasttext_lite.training.history import History
from fasttext_lite.training.loop import attempts
from fasttext_lite.training.participants import Participants, participants_of
from fasttext_lite.training.weights import Weights, init_weights, n_output_rows

if TYPE_CHECKING:
    from distributed import Future

# A round is so much work on each share that what a cluster spends on the round beside is little: as
# many multiplications. Shares must hear of each other the more often the more there are: as many
# rounds as shares make an epoch, up to a limit.
ROUND_WORK, MOST_FOR_SHARES = 1 << 28, 16
LEAST_OFTEN = 1 << 12  # rows that are exchanged in each round, at least


@dataclass
class Divided:
    """The shares as they are trained on.

    Attributes
    ----------
    shares : list of Future
        The `pieces.Share`s.
    extents : list of pieces.Extent
    n_turns : int
        Rounds of an epoch.
    between : int, optional
        As of `rounds.ClusterRun`.
    n_moved : int
        Shares that have texts of all others, because labels were uneven; 0 or all.
    aside : tuple of (Counts, Labels, float32[n_aside] or None), optional
        The texts that are not trained on, to calibrate the model on.
    """

    shares: list[Future]
    extents: list[pieces.Extent]
    n_turns: int
    between: int | None
    n_moved: int
    aside: tuple[Counts, Labels, Any] | None = None


def divide(
    job: Job,
    ready: Ready,
    config: Config,
    seed: int,
    texts_per_round: int | None = None,
    between: int | None = None,
) -> Divided:
    """Make the shares ready for rounds; what they are made of is let go.

    Parameters
    ----------
    job : Job
    ready : Ready
    config : Config
        Resolved.
    seed : int
    texts_per_round, between : int, optional
        As of `rounds_of`, and of `rounds.ClusterRun`.

    Raises
    ------
    TrainingError
        If no text has any feature.
    """
    n_shares, n_rows = len(ready.numbered), ready.prepared.space.n_rows
    without, aside = [np.empty(0, np.int64)] * n_shares, None
    if ready.aside is not None:
        without = ready.of_shares(ready.aside)
        aside = ready.taken(job, "calibration", ready.aside)
    held = [job.held("weights of rows", ready.weighing)] * n_shares
    n_often = often_rows(config, n_rows, len(ready.counts), n_shares)
    moves, whole = ready.uneven > MOST_UNEVEN and n_shares > 1, [n_shares] * n_shares
    if moves:
        seeds = [(seed, 6, share) for share in range(n_shares)]
        moved = [
            job.map(
                "pieces", pieces.piece_of, ready.numbered, without, [i] * n_shares, whole, seeds
            )
            for i in range(n_shares)
        ]
        made = [
            job.submit("share", pieces.make_share, own, held[0], n_often, n_rows) for own in moved
        ]
    else:
        sizes = [n_often] * n_shares, [n_rows] * n_shares
        made = job.map("share", pieces.share_of, ready.numbered, without, held, *sizes)
    extents = job.gather(job.map("rows of shares", pieces.extent_of, made, [n_rows] * n_shares))
    ready.numbered.clear()
    if not any(extent.often.any() or extent.rare.size for extent in extents):
        raise TrainingError("no text has any feature: nothing to train on")
    n_turns = rounds_of(ready, config, n_shares, texts_per_round)
    return Divided(made, extents, n_turns, between, n_shares if moves else 0, aside)


def often_rows(config: Config, n_rows: int, n_labels: int, n_shares: int) -> int:
    """Return how many rows are exchanged in each round: the first ones, most texts have those."""
    n_columns = n_labels if config.head == "linear" else config.dim or 1
    of_row = 2 * n_shares * 2 * n_columns  # bytes
    n = int(OFTEN * np.dtype(config.table_dtype).itemsize * n_rows * (config.dim or 1) / of_row)
    return min(max(n, LEAST_OFTEN), n_rows)


def rounds_of(ready: Ready, config: Config, n_shares: int, texts_per_round: int | None) -> int:
    """Return how many rounds an epoch has.

    Parameters
    ----------
    ready : Ready
    config : Config
        Resolved.
    n_shares : int
    texts_per_round : int, optional
        Of all shares together; default: by `ROUND_WORK`.
    """
    if texts_per_round is not None:
        n = -(-ready.n_texts // texts_per_round)
    else:
        work = 2 * ready.n_entries * (config.dim or 1) // n_shares
        n = max(work // ROUND_WORK, min(n_shares, MOST_FOR_SHARES))
    return int(max(min(n, max(ready.n_labelled)), 1))


def train(
    job: Job,
    ready: Ready,
    divided: Divided,
    config: Config,
    *,
    seed: int,
    rounds: list[Round],
    callback: Callable[[Any], None] | None = None,
    run: Run | None = None,
) -> Trainee:
    """Train a model on a cluster.

    Parameters
    ----------
    job : Job
    ready : Ready
    divided : Divided
    config : Config
        As `settings_of` returns it.
    seed : int
    rounds : list of Round
        Each round is added.
    callback : callable, optional
        See `training.history.Progress`.
    run : Run, optional
        How the training is run, for those that come after it.

    Raises
    ------
    TrainingError
        If training diverges again and again.
    """
    names = ready.target.labels.names
    tree = None
    if LOSSES[config.loss].uses_tree:
        tree = grown_tree(config, ready.counts, lambda: _points(job, ready, divided, seed), seed, 1)
    weights, history = _trained(job, ready, divided, config, tree, seed, rounds, callback)
    prepared = ready.prepared
    history.choice = prepared.choice
    model = Model(
        config=config, labels=names, label_counts=ready.counts, n_texts=ready.n_texts,
        space=prepared.space, tree=tree, multilabel=prepared.multilabel,
        calibration=prepared.calibration or Calibration.none(LOSSES[config.loss]),
        choice=prepared.choice, run=run, **tables_of(weights),
    )  # fmt: skip
    if divided.aside is not None:
        model = _calibrated(ready, model, *divided.aside)
    return Trainee.of_model(model, history)


def settings_of(ready: Ready) -> Config:
    """Return the settings of the training, resolved."""
    prepared = ready.prepared
    config = resolve(prepared.config, len(ready.target.classes), prepared.multilabel)
    return config.with_dtype(prepared.space.n_rows)


def _trained(
    job: Job,
    ready: Ready,
    divided: Divided,
    config: Config,
    tree: LabelTree | None,
    seed: int,
    rounds: list[Round],
    callback: Callable[[Any], None] | None = None,
    name: str = "round",
) -> tuple[Weights, History]:
    """Train until it does not diverge, as `training.loop.train`."""
    n_rows, n_output = ready.prepared.space.n_rows, n_output_rows(config, len(ready.counts))
    own = config.replace(dtype="float32", deterministic=False)
    n_columns = n_output if config.head == "linear" else config.dim or 0
    involved = _participants(config, ready, divided, tree)
    dtype = np.dtype(config.table_dtype)
    n_bytes = dtype.itemsize * n_rows * (config.dim or 0)
    n_bytes += 4 * n_output * (config.units or config.dim or 0)

    def start() -> ClusterRun:
        weights = init_weights(own, n_rows, n_output, seed)
        given = Given(name, own, involved, tree, n_columns, (seed, len(rounds)))
        return ClusterRun(
            job, divided.shares, divided.extents, given, weights, dtype, n_bytes,
            divided.n_turns, divided.between, name, rounds,
        )  # fmt: skip

    return attempts(start, config, callback)


def _participants(
    config: Config, ready: Ready, divided: Divided, tree: LabelTree | None
) -> Participants:
    """Return what the loss needs, of all texts."""
    most = max(extent.most_labels for extent in divided.extents)
    return participants_of(config, ready.counts, max(most, 1), tree)


def _points(job: Job, ready: Ready, divided: Divided, seed: int) -> np.ndarray:
    """Return a vector for each label, as `label_points.trained_points`."""
    config = points_config(ready.prepared.space.n_rows)
    weights, _ = _trained(
        job, ready, divided, config, None, seed, [], name="round for the label tree"
    )
    values = []
    for extent in divided.extents:
        rows = np.append(np.arange(extent.often.size), extent.rows())
        values.append(weights.embeddings[rows].astype(np.float16, copy=False))
    found = job.gather(job.map("points of labels", share_points, divided.shares, values))
    return np.array(found).sum(axis=0, dtype=np.float32)


def _calibrated(
    ready: Ready, model: Model, counts: Counts, labels: Labels, weights: np.ndarray | None
) -> Model:
    """Return a model that is calibrated on texts that it did not learn from."""
    features = _scaled(ready, counts)
    weights = np.ones(len(labels)) if weights is None else weights.astype(np.float64)
    return model.replace(calibration=calibrate([Judged.of(model, features, labels, weights)]))


def _scaled(ready: Ready, counts: Any) -> FeatureMatrix:
    """Return the features of texts, as the model has them."""
    from fasttext_lite.features.kernels.weighing import scale_characters

    features, weighing = ready.prepared.space.weighed(counts), ready.weighing
    if weighing.energy != 1:
        scale_characters(
            features.ids, features.weights, features.indptr, 0, len(features), weighing.factors,
            weighing.bias_row, weighing.energy,
        )  # fmt: skip
    return features
