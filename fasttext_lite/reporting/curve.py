"""Learning curves: what fewer texts would have brought, and what more of them may bring."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.fitting.fit import fit_prepared
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.model.model import Model
from fasttext_lite.reporting.measured import measure

# Shares of the training texts, and how many samples of each.
SAMPLES = ((8, 3), (4, 3), (2, 2), (1, 1))
MOST_SECONDS = 60.0
MOST_TESTED = 20_000  # texts of the test that a curve is measured on
N_RESAMPLED = 500
NORMAL_90 = 1.2816  # 8 of 10 normal values are within so many standard deviations
SHARES = (10, 90)  # percentiles of what resampled tests forecast


@dataclass(frozen=True)
class Point:
    """Trainings on so many texts: the accuracy of each, measured on the same test texts."""

    n_texts: int
    accuracies: tuple[float, ...]

    @property
    def accuracy(self) -> float:
        """The mean."""
        return float(np.mean(self.accuracies))


@dataclass(frozen=True)
class Forecast:
    """What is expected of twice as many texts.

    Attributes
    ----------
    power : float
        The error falls as the number of texts to the power of minus this.
    factor : float
        The error is this times that power.
    gain, low, high : float
        Of the accuracy, over the mean of the largest samples; and its range.
    checked : float, optional
        What the smaller samples alone say of the accuracy of the largest.
    """

    power: float
    factor: float
    gain: float
    low: float
    high: float
    checked: float | None = None

    def accuracy(self, n_texts: float | np.ndarray) -> np.ndarray:
        """Return the accuracy that the law says of so many texts."""
        return 1 - self.factor * np.asarray(n_texts, np.float64) ** -self.power


@dataclass(frozen=True)
class LearningCurve:
    """How the accuracy grows with the training texts.

    Attributes
    ----------
    points : list of Point
        By the number of texts.
    forecast : Forecast, optional
        None where there are fewer than three points, or nothing to forecast.
    n_tested : int
    notes : list of str
        What was left out, and why.
    """

    points: list[Point]
    forecast: Forecast | None
    n_tested: int
    notes: list[str] = field(default_factory=list)


def learning_curve(
    model: Model,
    train: tuple[Texts, Labels],
    test: tuple[Texts, Labels],
    *,
    most_seconds: float = MOST_SECONDS,
    seed: int = 0,
    n_threads: int | None = None,
) -> LearningCurve:
    """Train on parts of the texts with the model's own settings, and measure each.

    Parameters
    ----------
    model : Model
        Its settings are taken; nothing is chosen anew.
    train, test : (Texts, Labels)
    most_seconds : float
        Samples that would take longer than what is left of it are left out, which is noted.
    seed : int
        Of samples and trainings.
    n_threads : int, optional

    Returns
    -------
    LearningCurve
    """
    rng = np.random.default_rng([seed, 11])
    texts, labels = train
    asked, gold = test
    if len(asked) > MOST_TESTED:
        some = np.sort(rng.choice(len(asked), MOST_TESTED, replace=False))
        asked, gold = asked.take(some), gold.take(some)
    order, n = rng.permutation(len(texts)), len(texts)
    rights: dict[int, list[np.ndarray]] = {}
    late: dict[int, float] = {}
    start, per_text = time.monotonic(), 0.0
    # One sample of each size first: time for more of them may lack.
    plan = [(i, n // parts) for i in range(SAMPLES[0][1]) for parts, most in SAMPLES if i < most]
    for sample, size in plan:
        left = most_seconds - (time.monotonic() - start)
        if per_text and per_text * size > left:
            late.setdefault(size, per_text * size)
            continue
        chosen = np.sort(order[sample * size : (sample + 1) * size])
        begun = time.monotonic()
        right = _right(model, texts, labels, chosen, asked, gold, seed + sample, n_threads)
        # The first may have compiled what it needs: the last one counts.
        per_text = (time.monotonic() - begun) / max(size, 1)
        if right is not None:
            rights.setdefault(size, []).append(right)
    notes = [_left_out(size, size in rights, late[size], most_seconds) for size in sorted(late)]
    points = [
        Point(size, tuple(float(right.mean()) for right in found))
        for size, found in sorted(rights.items())
    ]
    return LearningCurve(points, forecast(rights, rng), len(asked), notes)


def _left_out(size: int, is_measured: bool, seconds: float, most: float) -> str:
    """Return what is said of samples that there was no time for."""
    what = "Further samples of" if is_measured else "Samples of"
    return (
        f"{what} {size:,} texts are left out: the curve takes {most:.0f} s at most, and one would "
        f"have taken {seconds:.0f} s more."
    )


def _right(
    model: Model, texts: Texts, labels: Labels, chosen: np.ndarray, asked: Texts, gold: Labels,
    seed: int, n_threads: int | None,
) -> np.ndarray | None:  # fmt: skip
    """Return which texts a model of some training texts labels right; None where there is none."""
    own = labels.take(chosen).by_frequency()
    if len(own.names) < 2:
        return None
    config = model.config.replace(patience=None)
    try:
        prepared = prepare(
            texts.take(chosen), own, config, multilabel=model.multilabel, n_threads=n_threads
        )
        trained = fit_prepared(prepared, seed=seed, n_threads=n_threads).model
    except TrainingError:
        return None
    return measure(trained, asked, gold, n_threads).is_right


def forecast(rights: dict[int, list[np.ndarray]], rng: np.random.Generator) -> Forecast | None:
    """Fit a power law to the errors of samples, and say what twice the most texts would bring.

    The error is taken to be a * n ** -b, a straight line of logarithms; how sure that is, is told
    by fits to test texts drawn anew with replacement (bootstrap), to errors that differ besides as
    those of samples of the same size do. As to such laws: J. Hestness et al., Deep Learning Scaling
    is Predictable, Empirically, 2017, arXiv:1712.00409. They have no floor, and errors do: wrong
    labels of the test stay. So the gain is averaged with the last one measured, see `_expected`.
    Its range holds 8 of 10 resampled gains, and is at least as wide as 8 of 10 trainings differ
    and as what the smaller samples say of the largest is off.

    Parameters
    ----------
    rights : dict of int to list of bool[n]
        For each number of training texts and each sample, which test texts were right.
    rng : Generator

    Returns
    -------
    Forecast, optional
        None where there are fewer than three sizes, or one has no error.
    """
    sizes = np.array(sorted(rights), np.float64)
    if sizes.size < 3 or sizes[0] < 2:
        return None
    runs = [(k, right) for k, size in enumerate(sorted(rights)) for right in rights[size]]
    matrix = np.array([right for _, right in runs], bool)
    owner = np.array([k for k, _ in runs])
    patterns, counts = np.unique(matrix, axis=1, return_counts=True)
    errors = _errors(~patterns, counts, owner, sizes.size)
    if errors.min() <= 0:
        return None
    power, factor = _law(sizes, errors)
    noise = _noise(~patterns, counts, owner)
    drawn = rng.multinomial(counts.sum(), counts / counts.sum(), N_RESAMPLED)
    gains = []
    for some in drawn:
        resampled = _errors(~patterns, some, owner, sizes.size)
        resampled *= np.exp(rng.standard_normal(sizes.size) * noise)
        if resampled.min() > 0:
            gains.append(_expected(sizes, resampled, 2 * sizes[-1]))
    low, high = np.percentile(gains, SHARES) if gains else (0.0, 0.0)
    gain = _expected(sizes, errors, 2 * sizes[-1])
    one = noise[-1] * np.sqrt(np.bincount(owner)[-1])  # of a single training
    width, checked = NORMAL_90 * one * np.sqrt(2) * errors[-1], None
    if sizes.size > 3:
        more = _expected(sizes[:-1], errors[:-1], sizes[-1])
        checked = float(1 - errors[-2] + more)
        width = max(width, abs(checked - (1 - errors[-1])))
    low, high = min(low, gain - width), max(high, gain + width)
    return Forecast(power, factor, gain, float(low), float(high), checked)


def _errors(wrong: np.ndarray, counts: np.ndarray, owner: np.ndarray, n: int) -> np.ndarray:
    """Return the mean error of each number of texts, float64[n]."""
    each = wrong @ counts / counts.sum()
    return np.bincount(owner, each, n) / np.bincount(owner, minlength=n)


def _noise(wrong: np.ndarray, counts: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Return by how much the logarithm of each size's mean error is off by its samples, float64[n].

    Which texts are in a sample and the order of the training make it; it is taken to be the same
    for all sizes, and is learnt from those with several samples.
    """
    logs = np.log(np.maximum(wrong @ counts / counts.sum(), 1e-12))
    n_samples = np.bincount(owner)
    means = np.bincount(owner, logs) / n_samples
    free = max(int((n_samples - 1).sum()), 1)
    variance = float(((logs - means[owner]) ** 2).sum()) / free
    return np.sqrt(variance / n_samples)


def _law(sizes: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    """Return power and factor of the law through errors; a larger sample weighs more.

    What is near says more of what comes next: weights grow as the square root of the texts.
    """
    slope, start = np.polyfit(np.log(sizes), np.log(errors), 1, w=sizes**0.25)
    return float(-slope), float(np.exp(start))


def _expected(sizes: np.ndarray, errors: np.ndarray, n_texts: float) -> float:
    """Return what more texts than the last size are expected to bring.

    That is the mean of two: what the law says, and the gain of the last size over the one before,
    made smaller as that of the law is.
    """
    power, factor = _law(sizes, errors)
    law = factor * (sizes[-1] ** -power - n_texts**-power)
    before = factor * (sizes[-2] ** -power - sizes[-1] ** -power)
    ratio = np.log(n_texts / sizes[-1]) / np.log(sizes[-1] / sizes[-2])  # of a law that is flat
    if abs(before) > 1e-9:
        ratio = law / before
    return float((law + (errors[-2] - errors[-1]) * ratio) / 2)
