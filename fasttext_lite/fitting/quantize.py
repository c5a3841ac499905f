"""Quantise a trained model: keep its most useful rows, in a small form."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.config.foreign import advice, not_a_choice
from fasttext_lite.config.sizes import parse_size
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.strangers import difference, shown
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.fitting import fit
from fasttext_lite.fitting.advice import warn_of_threshold
from fasttext_lite.fitting.class_weight import class_weights
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.fitting.pruning import usefulness
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
from fasttext_lite.model.run import UNTOLD, Run
from fasttext_lite.model.storage import model_size
from fasttext_lite.parallel import cpu_count
from fasttext_lite.text.analyzers import analyze

OF_TRAINING = ("lr", "epochs")  # what training again may have in place of the model's
CLOSE = 0.98  # of the size asked for: near enough
MOST_TRIALS = 12
DSUB = 2  # numbers that share a code
_logger = logging.getLogger("fasttext_lite")


@dataclass(frozen=True)
class QuantizeSettings:
    """How a model is quantised.

    Attributes
    ----------
    size : int, optional
        Largest file in bytes, or text as "500k" or "2M"; as many rows are kept as fit.
    cutoff : int, optional
        Rows to keep; default: all.
    rows : {"int8", "pq"}
        Form of the rows.
    step : float
        Of "int8": larger is smaller and coarser, see `packed.pack_tables`.
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
    dsub: int = DSUB
    qnorm: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "qnorm", bool(self.qnorm))
        if isinstance(self.size, str):
            try:
                object.__setattr__(self, "size", parse_size(self.size))
            except ValueError as error:
                raise ModelError(f"size: {error}") from None
        for name in ("size", "cutoff", "dsub"):
            value = getattr(self, name)
            if value is None and name != "dsub":
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ModelError(f"{name} must be a whole number of at least 1; got {value!r}")
        if self.rows not in KINDS:
            raise ModelError(not_a_choice("rows", self.rows, KINDS))
        number = isinstance(self.step, int | float) and not isinstance(self.step, bool)
        if not number or not 0.001 <= self.step <= 10:
            raise ModelError(f"step must be a number from 0.001 to 10; got {self.step!r}")
        if self.rows != "pq" and (self.qnorm or self.dsub != DSUB):
            raise ModelError("dsub and qnorm are for rows='pq'")
        if self.rows != "int8" and self.step != STEP:
            raise ModelError("step is for rows='int8'")


def quantize_model(
    model: Model,
    settings: QuantizeSettings | None = None,
    *,
    retrain: tuple[Texts, Labels] | None = None,
    doc_weights: np.ndarray | None = None,
    training: Mapping[str, Any] | None = None,
    run: Run | None = None,
    estimator: Mapping[str, Any] | None = None,
    seed: int | None = None,
    n_threads: int | None = None,
    callback: Callable[[Any], None] | None = None,
) -> Model:
    """Return a smaller model that predicts nearly the same.

    Parameters
    ----------
    model : Model
        Left as it is.
    settings : QuantizeSettings, optional
        Default: all rows, as int8.
    retrain : (Texts, Labels), optional
        Train the rows that are kept once more, from the start, with the model's own settings.
    doc_weights : float32[n_texts], optional
        Factor of the loss of each of these texts; default: as the class weights say.
    training : mapping, optional
        Settings of that training (`lr`, `epochs`) in place of the model's, where not None.
    run : Run, optional
        How that training is run (class weights, seed); default: as that of the model was.
    estimator : mapping, optional
        What `storage.save_model` will get: it counts for the size.
    seed, n_threads, callback
        Of the training, see `loop.train`; n_threads of the rest too. Default: the seed of `run`.

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
    if model.packed is not None:
        raise ModelError("the model is quantised already; quantise the one that it was made from")
    if model.space.n_rows == 0:
        raise ModelError("the model has no rows to quantise")
    n_threads = n_threads or cpu_count()
    shrinking = _Shrinking(model, settings or QuantizeSettings(), estimator, n_threads)
    n_rows, small = shrinking.by_size()
    if retrain is None:
        return small
    again = Again(*retrain, doc_weights, run or model.run or Run())
    train = _Retraining(model, again, training or {}, seed, n_threads, callback)
    return shrinking.trained(train, n_rows)


def quantize_trainee(
    trainee: fit.Trainee,
    settings: Mapping[str, Any],
    data: Again | None,
    estimator: Mapping[str, Any],
    seed: int,
    n_threads: int,
) -> fit.Trainee:
    """Return a quantised model with what an estimator keeps beside it; see `quantize_model`.

    Parameters
    ----------
    trainee : fit.Trainee
    settings : mapping
        Of `QuantizeSettings`, by name; with `data` also `lr` and `epochs`.
    data : Again, optional
        What to train on again.
    estimator, seed, n_threads
        As in `quantize_model`.

    Raises
    ------
    ModelError
        As `quantize_model`, and for a setting that there is not.
    """
    training = {} if data is None else {name: settings.get(name) for name in OF_TRAINING}
    settings = {name: value for name, value in settings.items() if name not in training}
    known = [field.name for field in dataclasses.fields(QuantizeSettings)]
    for name in settings:
        if name not in known:
            raise ModelError(f"quantize has no setting {name!r}{advice(name, known)}")
    model = quantize_model(
        trainee.model, QuantizeSettings(**settings), training=training, estimator=estimator,
        retrain=None if data is None else (data.texts, data.labels),
        doc_weights=None if data is None else data.doc_weights,
        run=None if data is None else data.run, seed=seed, n_threads=n_threads,
    )  # fmt: skip
    return fit.Trainee.of_model(model, trainee.history)


@dataclass(frozen=True)
class Again:
    """What the rows that are kept are trained on once more.

    Attributes
    ----------
    texts, labels : Texts, Labels
    doc_weights : float32[n_texts], optional
        Default: as `run` says.
    run : Run
    """

    texts: Texts
    labels: Labels
    doc_weights: np.ndarray | None
    run: Run


class _Shrinking:
    """A model on the way to its small form, by its most useful rows first."""

    def __init__(
        self,
        model: Model,
        settings: QuantizeSettings,
        estimator: Mapping[str, Any] | None,
        n_threads: int,
    ) -> None:
        self.model, self.settings, self.n_threads = model, settings, n_threads
        self.estimator = estimator
        self.order = np.argsort(-usefulness(model), kind="stable")

    def by_size(self) -> tuple[int, Model]:
        """Return the number of rows that are kept, and the model of these rows."""
        n_rows = min(self.settings.cutoff or self.order.size, self.order.size)
        small = self._first_rows(n_rows)
        limit = self.settings.size
        if limit is None or (size := self._size(small)) <= limit:
            return n_rows, small
        return self._search(limit, n_rows, size)

    def trained(self, train: Callable[[np.ndarray], Model], n_rows: int) -> Model:
        """Return the small form of a model of the most useful rows, trained anew."""
        limit = self.settings.size
        for _ in range(MOST_TRIALS):
            trained = train(self.order[:n_rows])
            small = self._small_form(trained, np.arange(trained.space.n_rows))
            if limit is None or (size := self._size(small)) <= limit:
                return small
            # The new numbers take more bits than the old ones; what is no row takes as many.
            fixed = self._size(self._first_rows(self._fewest))
            if n_rows <= self._fewest or fixed >= limit:
                break
            share = max(0.995 * limit - fixed, 0) / (size - fixed)
            n_rows = max(self._fewest, min(n_rows - 1, int(n_rows * share)))
        raise ModelError(f"the model cannot be trained again within {limit:,} bytes; give more")

    def _search(self, limit: int, n_most: int, size_most: int) -> tuple[int, Model]:
        """Return the number of rows whose file comes close to a size from below, and the model."""
        low, high, size_high = min(self._fewest, n_most), n_most, size_most
        best = self._first_rows(low)
        size_low = self._size(best)
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
            found = self._first_rows(n)
            size = self._size(found)
            if size > limit:
                high, size_high = n, size
            else:
                low, size_low, best = n, size, found
        return low, best

    @property
    def _fewest(self) -> int:
        """How many rows a small form has at least."""
        return 256 if self.settings.rows == "pq" else 1

    def _first_rows(self, n_rows: int) -> Model:
        """Return the small form of the most useful rows."""
        return self._small_form(self.model, self.order[:n_rows])

    def _small_form(self, source: Model, rows: np.ndarray) -> Model:
        """Return a model with some rows of another in their small form."""
        settings = self.settings
        # The settings of the whole training, with what was given for one more.
        own = {name: getattr(source.config, name) for name in OF_TRAINING}
        config = self.model.config.replace(**own)
        space, rows = by_feature(source.space, rows)
        table = source.embeddings[rows].astype(np.float32)
        packed: Packed = pack_tables(
            space, table, settings.rows, step=settings.step, dsub=settings.dsub,
            qnorm=settings.qnorm, n_threads=self.n_threads,
        )  # fmt: skip
        space, table = unpack_tables(packed, config, source.n_texts)
        return source.replace(
            config=config, space=space, embeddings=table, output=narrowed(source.output),
            packed=packed,
        )  # fmt: skip

    def _size(self, small: Model) -> int:
        """Return the bytes of a model's file."""
        return model_size(small, self.estimator)


def _as_known(labels: Labels, model: Model) -> Labels:
    """Return labels with the numbers that the model gives them."""
    unknown = sorted(set(labels.used()) - set(model.labels))
    if unknown:
        why = difference(unknown, model.labels)
        raise InputError(
            f"the texts to train on have {len(unknown)} labels that the model does not know: "
            f"{shown(unknown)}{f'; {why}' if why else ''}"
        )
    return labels.renamed(model.labels)


def _say_untold(model: Model, given: Mapping[str, Any]) -> None:
    """Say which settings of a training are not those that a converted model was trained with."""
    usual = [f"{name} {getattr(model.config, name):g}" for name in UNTOLD if name not in given]
    if usual:
        _logger.warning(
            "a converted model does not know what it was trained with: it is trained again with "
            "%s, as you say no other",
            ", ".join(usual),
        )


class _Retraining:
    """Trains chosen rows of a model once more, from the start."""

    def __init__(
        self,
        model: Model,
        again: Again,
        training: Mapping[str, Any],
        seed: int | None,
        n_threads: int,
        callback: Callable[[Any], None] | None,
    ) -> None:
        before, run = model.run or Run(), again.run
        if again.doc_weights is None:
            run = dataclasses.replace(run, sample_weight=False)
        if before.sample_weight and not run.sample_weight:
            _logger.warning(
                "the texts had weights of their own in training (sample_weight), which the model "
                "does not know: it is trained again without them"
            )
        if before.unlabelled or before.embeddings:
            run = dataclasses.replace(run, unlabelled=None, embeddings=False)
            _logger.warning(
                "the model has learnt from %s too, which training again goes without: what they "
                "taught is lost, and stays if the model is made smaller without labelled texts",
                "unlabelled texts" if before.unlabelled else "embeddings of the texts",
            )
        changes = {name: value for name, value in training.items() if value is not None}
        if before.source is not None:
            run = dataclasses.replace(run, source=None)
            _say_untold(model, changes)
        if before.epochs is not None:  # training was ended before all of them
            changes.setdefault("epochs", before.epochs)
        # Noise in texts and pretrained vectors do not come back: the rows are what they are.
        self.config = model.config.replace(
            word_dropout=0.0, word_swap=0.0, patience=None, **changes
        )
        self.model, self.run, self.texts = model, run, again.texts
        self.labels, self.doc_weights = _as_known(again.labels, model), again.doc_weights
        if self.doc_weights is None:
            self.doc_weights = class_weights(run.class_weight, self.labels)
        warn_of_threshold(model, has_abstention=True)
        self.seed = (run.seed or 0) if seed is None else seed
        self.n_threads, self.callback = n_threads, callback

    def __call__(self, rows: np.ndarray) -> Model:
        """Return a model of these rows."""
        space = self.model.space
        # Words that came from a file of vectors are nothing without them.
        rows = rows[(space.frequency[rows] > 0) | (space.row_codes[rows] >= space.n_words)]
        space, _ = by_feature(space, rows)
        marked = analyze(self.texts, self.config, self.n_threads)
        features = space.transform(marked, self.n_threads)
        prepared = Prepared(
            self.config, space, features, self.labels, self.model.multilabel, self.doc_weights,
            calibration=self.model.calibration, choice=self.model.choice, run=self.run,
            abstention=self.model.abstention,
        )  # fmt: skip
        return fit.fit_prepared(
            prepared, self.config,
            seed=self.seed, n_threads=self.n_threads, callback=self.callback,
        ).model  # fmt: skip
