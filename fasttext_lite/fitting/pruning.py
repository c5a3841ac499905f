"""Quantise a trained model: keep its most useful rows, in a small form.

Under a learned head, the longest rows are kept: training has moved those most that many texts
need.  Under a linear one, where the rows are the labels' weights: those that add most to the
scores of texts, by length (without what all labels have in common), times weight, times the
square root of the number of training texts that have the feature.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.fitting import fit, prepare
from fasttext_lite.model.model import Model
from fasttext_lite.model.packed import (
    KINDS,
    STEP,
    Packed,
    by_feature,
    narrowed,
    pack_tables,
    unpack_tables,
)
from fasttext_lite.model.storage import model_size
from fasttext_lite.parallel import cpu_count
from fasttext_lite.text.analyzers import analyze

CLOSE = 0.98  # of the size asked for: near enough
MOST_TRIALS = 12


@dataclass(frozen=True)
class Settings:
    """How a model is quantised.

    Attributes
    ----------
    size : int, optional
        Largest file in bytes; as many rows are kept as fit.
    cutoff : int, optional
        Rows to keep; default: all.
    rows : {"int8", "pq"}
        Form of the rows.
    step : float
        Of "int8": larger is smaller and coarser, see `compression.pack_tables`.
    dsub : int
        Of "pq": size of a sub-vector.
    qnorm : bool
        Of "pq": quantise the norms by themselves.

    Raises
    ------
    ModelError
        If a value is out of range.
    """

    size: int | None = None
    cutoff: int | None = None
    rows: str = "int8"
    step: float = STEP
    dsub: int = 2
    qnorm: bool = False

    def __post_init__(self) -> None:
        for name in ("size", "cutoff", "dsub"):
            value = getattr(self, name)
            if value is None and name != "dsub":
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ModelError(f"{name} must be a whole number of at least 1; got {value!r}")
        if self.rows not in KINDS:
            raise ModelError(f"rows must be one of {', '.join(KINDS)}; got {self.rows!r}")
        number = isinstance(self.step, int | float) and not isinstance(self.step, bool)
        if not number or not 0.001 <= self.step <= 10:
            raise ModelError(f"step must be a number from 0.001 to 10; got {self.step!r}")


def quantize_model(
    model: Model,
    settings: Settings | None = None,
    *,
    retrain: tuple[Texts, Labels] | None = None,
    doc_weights: np.ndarray | None = None,
    training: Mapping[str, Any] | None = None,
    estimator: Mapping[str, Any] | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    callback: Callable[[Any], None] | None = None,
) -> Model:
    """Return a smaller model that predicts nearly the same.

    Parameters
    ----------
    model : Model
        Left as it is.
    settings : Settings, optional
        Default: all rows, as int8.
    retrain : (Texts, Labels), optional
        Train the rows that are kept once more, from the start, with the model's own settings.
    doc_weights : float32[n_texts], optional
        Factor of the loss of each of these texts.
    training : mapping, optional
        Settings of that training (`lr`, `epochs`) in place of the model's, where not None.
    estimator : mapping, optional
        What `storage.save_model` will get: it counts for the size.
    seed, n_threads, callback
        Of the training, see `training.train`; n_threads of the rest too.

    Returns
    -------
    Model
        With `Model.packed`: `storage.save_model` writes its small form.

    Raises
    ------
    ModelError
        If the model is quantised already, has too few rows for "pq", or cannot be as small.
    InputError
        If the texts to train on have labels that the model does not know.
    """
    settings = settings or Settings()
    if model.packed is not None:
        raise ModelError("the model is quantised already; quantise the one that it was made from")
    if model.space.n_rows == 0:
        raise ModelError("the model has no rows to quantise")
    n_threads = n_threads or cpu_count()
    order = np.argsort(-_usefulness(model), kind="stable")

    def shrink(source: Model, rows: np.ndarray | None) -> Model:
        return _shrunk(source, model.config, rows, settings, n_threads)

    def size_of(small: Model) -> int:
        return model_size(small, estimator)

    n_kept = min(settings.cutoff or order.size, order.size)
    small = shrink(model, order[:n_kept])
    limit = settings.size
    if limit is not None:
        n_kept, small = _fitting(
            lambda n: shrink(model, order[:n]), size_of, limit, n_kept, small, settings.rows
        )
    if retrain is None:
        return small
    texts, labels = retrain
    changes = {name: value for name, value in (training or {}).items() if value is not None}
    labels = _as_known(labels, model)
    for _ in range(MOST_TRIALS):
        trained = _retrained(
            model, order[:n_kept], texts, labels, doc_weights, changes, seed, n_threads, callback
        )
        small = shrink(trained, None)
        if limit is None or (size := size_of(small)) <= limit:
            return small
        # The new numbers take more bits than the old ones.
        n_kept = max(1, int(0.995 * n_kept * limit / size))
    raise ModelError(f"the model cannot be trained again within {limit:,} bytes; give more")


def quantize_trainee(
    trainee: fit.Trainee,
    settings: Mapping[str, Any],
    data: tuple[Texts, Labels, np.ndarray] | None,
    estimator: Mapping[str, Any],
    seed: int,
    n_threads: int,
) -> fit.Trainee:
    """Return a quantised model with what an estimator keeps beside it; see `quantize_model`.

    Parameters
    ----------
    trainee : fitting.Trainee
    settings : mapping
        Of `Settings`, by name.
    data : (Texts, Labels, float32[n_texts]), optional
        What to train on again, with the factor of each text's loss.
    estimator, seed, n_threads
        As in `quantize_model`.

    Raises
    ------
    ModelError
        As `quantize_model`, and for a setting that there is not.
    """
    from fasttext_lite.training.weights import stateless

    unknown = sorted(set(settings) - {field.name for field in dataclasses.fields(Settings)})
    if unknown:
        raise ModelError(f"quantize has no setting {', '.join(map(repr, unknown))}")
    model = quantize_model(
        trainee.model, Settings(**settings), retrain=None if data is None else data[:2],
        doc_weights=None if data is None else data[2], estimator=estimator, seed=seed,
        n_threads=n_threads,
    )  # fmt: skip
    weights = stateless(model.config, model.embeddings, model.output, model.norm, model.layer)
    return fit.Trainee(model, weights, trainee.history)


def _usefulness(model: Model) -> np.ndarray:
    """Return how much each row is worth, float64[n_rows]; inf for the bias."""
    space, config = model.space, model.config
    table = model.embeddings.astype(np.float32)
    if config.head == "linear" and model.tree is None and not model.multilabel:
        labels = table[:, : len(model.labels)]
        table[:, : len(model.labels)] = labels - labels.mean(axis=1, keepdims=True)
    useful = np.sqrt(np.einsum("ij,ij->i", table, table, dtype=np.float64))
    if config.head == "linear":
        useful *= np.sqrt(space.frequency)
        if config.pooling != "mean":
            useful *= np.abs(space._factors)
    if space.has_bias:
        useful[space._bias_row] = np.inf
    return useful


def _shrunk(
    source: Model, config: Any, rows: np.ndarray | None, settings: Settings, n_threads: int
) -> Model:
    """Return a model with some rows of another, or all, in their small form."""
    chosen = np.arange(source.space.n_rows) if rows is None else rows
    space, chosen = by_feature(source.space, chosen)
    table = source.embeddings[chosen].astype(np.float32)
    packed: Packed = pack_tables(
        space, table, settings.rows, step=settings.step, dsub=settings.dsub,
        qnorm=settings.qnorm, n_threads=n_threads,
    )  # fmt: skip
    packed_space, table = unpack_tables(packed, config, source.n_texts)
    return source.replace(
        config=config, space=packed_space, embeddings=table, output=narrowed(source.output),
        packed=packed,
    )  # fmt: skip


def _fitting(
    shrink: Callable[[int], Model],
    size_of: Callable[[Model], int],
    limit: int,
    n_most: int,
    whole: Model,
    kind: str,
) -> tuple[int, Model]:
    """Return the number of rows whose file comes close to a size from below, and the model."""
    size = size_of(whole)
    if size <= limit:
        return n_most, whole
    low, high, size_high = min(256 if kind == "pq" else 1, n_most), n_most, size
    best = shrink(low)
    size_low = size_of(best)
    if size_low > limit:
        raise ModelError(
            f"the model does not fit into {limit:,} bytes: with {low:,} of its rows it has "
            f"{size_low:,}"
        )
    # The sizes lie nearly on a line.
    for _ in range(MOST_TRIALS):
        if size_low >= CLOSE * limit or high - low < 2:
            break
        share = (0.995 * limit - size_low) / (size_high - size_low)
        n = low + int(min(max(share, 0.01), 0.99) * (high - low))
        n = min(max(n, low + 1), high - 1)
        found = shrink(n)
        size = size_of(found)
        if size > limit:
            high, size_high = n, size
        else:
            low, size_low, best = n, size, found
    return low, best


def _as_known(labels: Labels, model: Model) -> Labels:
    """Return labels with the numbers that the model gives them."""
    unknown = sorted(set(labels.used()) - set(model.labels))
    if unknown:
        raise InputError(
            f"the texts to train on have {len(unknown)} labels that the model does not know: "
            f"{', '.join(unknown[:5])}{', ...' * (len(unknown) > 5)}"
        )
    return labels.renamed(model.labels)


def _retrained(
    model, rows, texts, labels, doc_weights, changes, seed, n_threads, callback
) -> Model:
    """Return a model of the given rows, trained from the start."""
    # Noise in texts and pretrained vectors do not come back: the rows are what they are.
    config = model.config.replace(word_dropout=0.0, word_swap=0.0, patience=None, **changes)
    space, _ = by_feature(model.space, rows)
    features = space.transform(analyze(texts, config, n_threads), n_threads)
    small = prepare.Prepared(config, space, features, labels, model.multilabel, doc_weights)
    return fit.fit_prepared(small, config, seed=seed, n_threads=n_threads, callback=callback).model
