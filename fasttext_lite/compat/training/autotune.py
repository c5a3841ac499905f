"""Search for fastText's hyper-parameters within a time, as its ``-autotune-...`` flags ask.

The ranges and the random walk around the best settings so far are those of fastText 0.9.2
(autotune.cc).  What differs:

- The best model is kept.  fastText trains once more when the time is over, and then with other
  threads' luck; here the time given is the time taken, but for the trial under way at its end if
  it is the first.
- A trial whose model cannot be written (a table of over `MOST_NUMBERS`) is not tried.
- The size asked for is kept: it is computed from the file's layout, byte by byte.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.dictionary import Dictionary, mapped
from fasttext_lite.compat.meter import Meter
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training.progress import CommandProgress
from fasttext_lite.compat.training.quantize import OUTPUT_PART, quantize, rows_by_norm
from fasttext_lite.compat.training.supervised import train_supervised
from fasttext_lite.errors import InputError, ModelError, TrainingError

logger = logging.getLogger("fasttext_lite")
MOST_NUMBERS = 1 << 28  # of an input table: 1 GB
LEAST_ROWS = 256  # that a quantised table needs
MOST_DIGITS = 18  # of a size: it is an int64
SIZES = {"k": 1000, "m": 1000**2, "g": 1000**3}
MINN_CHOICES = (0, 2, 3)
LEAST_GAIN = 1e-9


# The metrics by their names; all but f1 need a number, the recall or precision asked for.
_SCORES: dict[str, Callable[[Meter, AutotuneMetric], float]] = {
    "f1": lambda meter, m: meter.f1_score(m.label),
    "precisionAtRecall": lambda meter, m: meter.precision_at_recall(m.value, m.label),
    "recallAtPrecision": lambda meter, m: meter.recall_at_precision(m.value, m.label),
}


@dataclass(frozen=True)
class AutotuneMetric:
    """What a trial is judged by.

    Attributes
    ----------
    name : str
        "f1", "precisionAtRecall" or "recallAtPrecision".
    value : float
        The recall or precision asked for, in [0, 1].
    label : str, optional
        The label that counts; default: all.
    """

    name: str
    value: float = 0.0
    label: str | None = None

    @classmethod
    def parse(cls, text: str) -> AutotuneMetric:
        """Read ``f1``, ``f1:LABEL``, ``precisionAtRecall:30`` or ``...:30:LABEL``.

        Raises
        ------
        InputError
            If it is none of these.
        """
        name, _, rest = text.partition(":")
        if name == "f1":
            return cls(name, 0.0, rest or None)
        if name not in _SCORES:
            raise InputError(
                f"unknown metric {text!r}: f1, f1:LABEL, precisionAtRecall:PERCENT[:LABEL] or "
                "recallAtPrecision:PERCENT[:LABEL]"
            )
        number, _, label = rest.partition(":")
        try:
            percent = float(number)
        except ValueError:
            percent = math.nan
        if not 0 <= percent <= 100:
            raise InputError(f"{name} needs a number from 0 to 100; got {number!r} in {text!r}")
        return cls(name, percent / 100, label or None)

    def score(self, meter: Meter) -> float:
        """Return the score of a meter; 0 where it is not defined."""
        score = _SCORES[self.name](meter, self)
        return 0.0 if math.isnan(score) else float(score)


def parse_size(text: str) -> int | None:
    """Return the bytes of a size such as ``2M``, with decimal k, M, G; None for no text.

    A whole number, as fastText has it (args.cc, getAutotuneModelSize): `config.sizes` reads more.

    Raises
    ------
    InputError
        If it is no size.
    """
    text = str(text).strip()
    if not text:
        return None
    factor = SIZES.get(text[-1:].lower(), 1)
    number = text[:-1] if factor > 1 else text
    is_whole = number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS
    if not is_whole or int(number) < 1:
        raise InputError(f"a model size is a number with k, M or G behind it; got {text!r}")
    return int(number) * factor


@dataclass(frozen=True)
class AutotuneTrial:
    """One try; handed to the callback.

    Attributes
    ----------
    number : int
        From 1.
    args : Args
    score : float, optional
        None if it did not come to an end.
    best : float, optional
        The best score so far.
    elapsed, duration : float
        Seconds since the start, and in all.
    """

    number: int
    args: Args
    score: float | None
    best: float | None
    elapsed: float
    duration: float


class _TimeIsUpError(Exception):
    """The time is over in the middle of a trial."""


def autotune(
    args: Args,
    given: set[str],
    *,
    callback: Callable[[AutotuneTrial], None] | None = None,
) -> tuple[FastTextModel, Args]:
    """Return the best model that is found in a time, and its settings.

    Parameters
    ----------
    args : Args
        The first trial; with the ``autotune_...`` fields.
    given : set of str
        Names of the fields that stay as they are.
    callback : callable, optional
        Called with an `AutotuneTrial` after each. What it raises ends the search; for
        `KeyboardInterrupt` the best model so far is returned if there is one.

    Raises
    ------
    InputError
        If the metric, the size or a file does not do.
    TrainingError
        If no trial came to an end.
    """
    metric = AutotuneMetric.parse(args.autotune_metric)
    size = parse_size(args.autotune_model_size)
    args.check()
    with mapped(args.autotune_validation_file) as data:
        if not data.size:
            raise InputError(f"{args.autotune_validation_file}: the file is empty")
    tuning = _Autotuning(args, given, metric, size)
    try:
        while tuning.goes_on():
            trial = tuning.try_next()
            if callback is not None:
                callback(trial)
    except _TimeIsUpError:
        pass
    except KeyboardInterrupt:
        if tuning.best is None:
            raise
        logger.warning("interrupted: the best of %d trials is kept", tuning.n_trials)
    if tuning.best is None:
        raise TrainingError(f"no trial of the search came to an end: {tuning.failure}")
    return tuning.best.model, tuning.best.args


@dataclass(frozen=True)
class _Best:
    """The best model so far."""

    score: float
    model: FastTextModel
    args: Args


class _Autotuning:
    """Tries settings until the time is over, and keeps the best model."""

    def __init__(
        self, args: Args, given: set[str], metric: AutotuneMetric, size: int | None
    ) -> None:
        self.args, self.metric, self.size = args, metric, size
        self.search = _Search(args, given)
        self.begin = time.perf_counter()
        self.n_trials = 0
        self.best: _Best | None = None
        self.failure: Exception | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.begin

    def goes_on(self) -> bool:
        """Whether there is time for a trial; there always is for the first."""
        return self.n_trials == 0 or self.elapsed < self.args.autotune_duration

    def try_next(self) -> AutotuneTrial:
        """Train with the next settings, and judge the model.

        Raises
        ------
        _TimeIsUpError
            If the time is over before the trial comes to an end, and there is a model already.
        """
        args, duration = self.args, self.args.autotune_duration
        self.n_trials += 1
        settings, score = self.search.ask(self.elapsed / duration), None
        deadline = math.inf if self.best is None else self.begin + duration
        try:
            model, settings = _try(settings, self.size, self.metric.label, deadline)
            meter = Meter.of(model, args.autotune_validation_file, args.autotune_predictions)
            score = self.metric.score(meter)
            if self.best is None or score > self.best.score + LEAST_GAIN:
                self.best = _Best(score, model, settings)
                self.search.best = settings
        except (TrainingError, ModelError) as error:
            self.failure = error
        top = None if self.best is None else self.best.score
        return AutotuneTrial(self.n_trials, settings, score, top, self.elapsed, duration)


def _try(
    args: Args, size: int | None, label: str | None, deadline: float
) -> tuple[FastTextModel, Args]:
    """Train with some settings, and quantise to a size.

    Raises
    ------
    InputError
        If the training text does not have the label.
    """

    def look(_: CommandProgress) -> None:
        if time.perf_counter() > deadline:
            raise _TimeIsUpError

    def check(dictionary: Dictionary) -> None:
        if label is not None and dictionary.find(label) < dictionary.n_words:
            raise InputError(f"{args.input}: the label of the metric is not there: {label!r}")

    model = train_supervised(args, callback=look, on_dictionary=check)
    if size is None:
        return model, args
    qout = model.dictionary.n_labels >= LEAST_ROWS
    cutoff = largest_cutoff(model, size, args.dsub, True, qout)
    args = args.replace(qnorm=True, qout=qout, retrain=True, cutoff=cutoff)
    return quantize(model, args, callback=look), args


class _Search:
    """A random walk around the best settings so far."""

    def __init__(self, args: Args, given: set[str]) -> None:
        self.first = self.best = args
        self.given = given
        self.rng = np.random.default_rng(args.seed)
        self.n_asked = 0
        self.bucket = args.bucket or Args().bucket

    def ask(self, t: float) -> Args:
        """Return the settings of the next trial; `t` is the share of time that is over."""
        self.n_asked += 1
        if self.n_asked == 1:
            return self.first.replace()
        for _ in range(100):
            args = self._ask(min(t, 1.0))
            if (args.bucket + 1) * args.dim <= MOST_NUMBERS:
                break
        return args

    def _step(self, first: float, last: float, t: float) -> float:
        """Return a normal random number whose deviation falls in the second quarter of the time."""
        fall = min(0.5, max(t - 0.25, 0.0)) / 0.5
        return float(self.rng.normal(0.0, first - (first - last) * fall))

    def _ask(self, t: float) -> Args:
        best = self.best
        new = best.replace()

        def scaled(value: float, low: float, high: float, first: float, last: float) -> float:
            return min(max(value * 2 ** self._step(first, last, t), low), high)

        def shifted(value: float, low: float, high: float, first: float, last: float) -> int:
            return int(min(max(value + self._step(first, last, t), low), high))

        minn = MINN_CHOICES.index(best.minn) if best.minn in MINN_CHOICES else 0
        exponent = max(int(math.log2(best.dsub)), 1)
        values = {
            "epoch": int(scaled(best.epoch, 1, 100, 2.8, 2.5)),
            "lr": scaled(best.lr, 0.01, 5.0, 1.9, 1.0),
            "dim": int(scaled(best.dim, 1, 1000, 1.4, 0.3)),
            "word_ngrams": shifted(best.word_ngrams, 1, 5, 4.3, 2.4),
            "dsub": 2 ** shifted(exponent, 1, 4, 2.0, 1.0),
            "minn": MINN_CHOICES[shifted(minn, 0, len(MINN_CHOICES) - 1, 4.0, 1.4)],
            "bucket": int(scaled(best.bucket or self.bucket, 10_000, 10_000_000, 2.0, 1.5)),
            "loss": "softmax",
        }
        for name, value in values.items():
            if name not in self.given:
                setattr(new, name, value)
        if "maxn" not in self.given:
            new.maxn = new.minn + 3 if new.minn else 0
        if "bucket" in self.given:
            new.bucket = self.first.bucket
        if not new.uses_buckets:
            self.bucket, new.bucket = max(new.bucket, self.bucket), 0
        return new


# -- size of a file --------------------------------------------------------------------------
def quantized_size(
    model: FastTextModel, rows: np.ndarray, dsub: int, qnorm: bool, qout: bool
) -> int:
    """Return the bytes of the file of a model with some rows of its input table, quantised.

    See `binary` for the layout.

    Parameters
    ----------
    model : FastTextModel
    rows : int64[n_kept]
    dsub, qnorm, qout
        As in `Args`.
    """
    dictionary = model.dictionary
    words = rows[rows < dictionary.n_words]
    lengths = np.diff(dictionary.offsets, axis=1)[:, 0]
    entries = lengths[words].sum() + lengths[dictionary.n_words :].sum()
    entries += 10 * (words.size + dictionary.n_labels)
    pairs = 8 * (rows.size - words.size)
    size = 64 + 28 + int(entries) + pairs + 1 + _quantized(rows.size, model.dim, dsub, qnorm) + 1
    n_outputs = model.output.shape[0]
    if qout:
        return size + _quantized(n_outputs, model.dim, OUTPUT_PART, qnorm)
    return size + 16 + 4 * n_outputs * model.dim


def _quantized(n_rows: int, dim: int, part: int, qnorm: bool) -> int:
    size = 1 + 20 + n_rows * -(-dim // min(part, dim)) + 16 + 4 * 256 * dim
    return size + (n_rows + 16 + 4 * 256 if qnorm else 0)


def largest_cutoff(model: FastTextModel, size: int, dsub: int, qnorm: bool, qout: bool) -> int:
    """Return how many rows a quantised model may keep for its file to have a size.

    Raises
    ------
    ModelError
        If not even `LEAST_ROWS` rows fit in, or the model has fewer.
    """
    order = rows_by_norm(model)
    if order.size < LEAST_ROWS:
        raise ModelError(f"product quantisation needs {LEAST_ROWS} rows; found {order.size}")
    low, high = LEAST_ROWS, order.size
    least = quantized_size(model, order[:low], dsub, qnorm, qout)
    if least > size:
        raise ModelError(
            f"a model of {size:,} bytes is too small: with {LEAST_ROWS} rows it has {least:,}"
        )
    while low < high:
        middle = (low + high + 1) // 2
        if quantized_size(model, order[:middle], dsub, qnorm, qout) <= size:
            low = middle
        else:
            high = middle - 1
    return low
