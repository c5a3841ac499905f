"""Labels that are likely wrong, and labels that cannot be told apart, by cross-validation.

Northcutt, Jiang, Chuang: Confident Learning: Estimating Uncertainty in Dataset Labels (2021). A
label has a threshold: the mean probability of it in the texts that have it, or `ENOUGH`. A text is
held to be wrongly labelled where another label reaches its own threshold, and is likelier than the
given one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fasttext_lite.auditing.findings import RELABEL, Finding
from fasttext_lite.auditing.folds import OutOfFold
from fasttext_lite.auditing.rows import Rows

# Where models are nearly always sure and right, half of what they say is below the mean: so much is
# enough, and of a label given so small a share of its mean is too little.
ENOUGH, TOO_LITTLE = 0.8, 0.1
LEAST_TEXTS = 10  # of a label, different ones, to say anything about it
# Labels are told apart by so much more than by chance at most, and for certain by less than the
# second: the sum of both shares that are told rightly, less 1 (Youden's index).
MOST_TOLD, SURELY_TOLD = 0.25, 0.5
LEAST_CONFUSED, LEAST_BETWEEN = 3, 10  # texts of each of two labels: told as the other; as either


def few_texts(rows: Rows, groups: np.ndarray) -> np.ndarray:
    """Return which labels have too few different texts to be judged, bool[n_labels].

    Parameters
    ----------
    rows : Rows
    groups : int64[n_rows]
        The first text of each text's group.
    """
    labels = rows.labels
    docs = np.repeat(np.arange(len(labels)), np.diff(labels.indptr))
    pairs = np.unique(labels.ids.astype(np.int64) * max(len(labels), 1) + groups[docs])
    n_texts = np.bincount(pairs // max(len(labels), 1), minlength=len(labels.names))
    return n_texts < LEAST_TEXTS


def of_few(rows: Rows, is_few: np.ndarray) -> Iterator[Finding]:
    """Yield the labels that have too few texts."""
    counts = rows.labels.counts()
    for label in np.flatnonzero(is_few & (counts > 0)).tolist():
        n = int(counts[label])
        why = f"{n} row{'s' * (n != 1)}, fewer than {LEAST_TEXTS} different texts"
        yield Finding("few", None, (rows.labels.names[label],), why=why)


def wrong(rows: Rows, said: OutOfFold, is_few: np.ndarray) -> list[Finding]:
    """Return the rows whose labels are likely wrong, the surest first.

    Parameters
    ----------
    rows : Rows
    said : OutOfFold
        Of all rows.
    is_few : bool[n_labels]
        Labels that nothing is said of.
    """
    found = list((_several if rows.multilabel else _single)(rows, said, is_few))
    return sorted(found, key=lambda finding: -finding.score)


def _single(rows: Rows, said: OutOfFold, is_few: np.ndarray) -> Iterator[Finding]:
    """Yield rows of one label each."""
    given, own, other, best = likeliest_other(rows.labels.ids, said, is_few)
    threshold = thresholds(given, own, said.is_judged, is_few.size)
    likelier = (
        (best > own)
        & (best >= np.minimum(threshold, ENOUGH)[other])
        & said.is_judged
        & ~is_few[given]
    )
    odds = best / np.maximum(best + own, 1e-12)
    names = rows.labels.names
    for row in np.flatnonzero(likelier).tolist():
        yield Finding(
            "wrong", rows.place(row), rows.named[row], (names[other[row]],),
            score=round(float(odds[row]), 4),
            why=f"probability {best[row]:.2f}, of the label given {own[row]:.2f}", action=RELABEL,
        )  # fmt: skip


def likeliest_other(
    ids: np.ndarray, said: OutOfFold, is_few: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return what is said of the label of each text, and of the likeliest other one.

    Parameters
    ----------
    ids : int32[n_texts]
    said : OutOfFold
    is_few : bool[n_labels]
        Labels that are never the other one.

    Returns
    -------
    given : int64[n_texts]
    own : float64[n_texts]
        Its probability.
    other : int64[n_texts]
    best : float64[n_texts]
        Its probability.
    """
    n, n_labels = said.probabilities.shape
    given = ids.astype(np.int64)
    own, best = np.empty(n), np.empty(n)
    other = np.empty(n, np.int64)
    step = max((1 << 22) // max(n_labels, 1), 1)
    for start in range(0, n, step):
        part = said.probabilities[start : start + step].astype(np.float64)
        place = np.arange(len(part)), given[start : start + step]
        own[start : start + step] = part[place]
        part[:, is_few] = -1
        part[place] = -1
        other[start : start + step] = part.argmax(axis=1)
        best[start : start + step] = part.max(axis=1)
    return given, own, other, best


def thresholds(
    given: np.ndarray, own: np.ndarray, is_judged: np.ndarray, n_labels: int
) -> np.ndarray:
    """Return the mean probability of each label in the texts that have it, float64[n_labels].

    Of a label of no text, 1.
    """
    counts = np.bincount(given[is_judged], minlength=n_labels)
    sums = np.bincount(given[is_judged], own[is_judged], n_labels)
    return np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)


def _several(rows: Rows, said: OutOfFold, is_few: np.ndarray) -> Iterator[Finding]:
    """Yield rows of several labels: each label, there or not, is judged by itself.

    One that is there is held to be wrong where it is less likely than on average where it is not
    there, or hardly likely at all; one that is missing is proposed where it reaches the mean of
    those texts that have it, or `ENOUGH`.
    """
    labels, p = rows.labels, said.probabilities
    docs = np.repeat(np.arange(len(labels)), np.diff(labels.indptr))
    has = np.zeros(p.shape, bool)
    has[docs, labels.ids] = True
    judged = said.is_judged[:, None]
    n_with, n_without = (has & judged).sum(0), (~has & judged).sum(0)
    with_it = np.where(has & judged, p, 0).sum(0, dtype=np.float64) / np.maximum(n_with, 1)
    without = np.where(~has & judged, p, 0).sum(0, dtype=np.float64) / np.maximum(n_without, 1)
    told = judged & ~is_few & (with_it > without)
    superfluous = told & has & (p < np.maximum(without, TOO_LITTLE * with_it))
    missing = told & ~has & (p > np.clip(with_it, 0.5, ENOUGH))
    score = np.where(superfluous, 1 - p, np.where(missing, p, 0))
    for row in np.flatnonzero(score.any(axis=1)).tolist():
        kept = np.flatnonzero((has[row] & ~superfluous[row]) | missing[row])
        changed = np.flatnonzero(superfluous[row] | missing[row]).tolist()
        if not kept.size:
            continue  # nothing is there to put in the place of all its labels
        said_of = [
            f"{'not ' * bool(superfluous[row, k])}{labels.names[k]} ({p[row, k]:.2f})"
            for k in changed
        ]
        yield Finding(
            "wrong", rows.place(row), rows.named[row],
            tuple(sorted(labels.names[k] for k in kept.tolist())),
            score=round(float(score[row].max()), 4), why=", ".join(said_of), action=RELABEL,
        )  # fmt: skip


# -- labels that cannot be told apart --------------------------------------------------------
def not_told_apart(rows: Rows, said: OutOfFold, is_few: np.ndarray) -> list[Finding]:
    """Return pairs of labels that models tell apart hardly better than chance would.

    Of texts of one label each. Parameters are those of `wrong`.
    """
    given, own, other, best = likeliest_other(rows.labels.ids, said, is_few)
    n_labels = is_few.size
    taken = np.where(best > own, other, given)
    judged = said.is_judged & ~is_few[given]
    cells, counts = np.unique(given[judged] * n_labels + taken[judged], return_counts=True)
    told = dict(zip(cells.tolist(), counts.tolist(), strict=True))
    found = []
    for cell in told:
        a, b = divmod(cell, n_labels)
        if a < b:
            found += _pair(rows.labels.names, told, a, b)
    return sorted(found, key=lambda finding: -finding.score)


def _pair(names: list[str], told: dict[int, int], a: int, b: int) -> list[Finding]:
    """Return the finding about two labels, if there is one.

    Parameters
    ----------
    names : list of str
    told : dict
        Given label times the number of labels, plus the likeliest one -> number of texts.
    a, b : int
    """
    n = len(names)
    shares, spread = [], 0.0
    for own, other in ((a, b), (b, a)):
        right, confused = told.get(own * n + own, 0), told.get(own * n + other, 0)
        if confused < LEAST_CONFUSED or right + confused < LEAST_BETWEEN:
            return []
        share = right / (right + confused)
        shares.append(share)
        spread += share * (1 - share) / (right + confused)
    index = sum(shares) - 1
    if index > MOST_TOLD or index + 2 * spread**0.5 > SURELY_TOLD:
        return []
    why = (
        f"{told[a * n + b]} texts of the first are taken for the second, {told[b * n + a]} of the "
        f"second for the first; {told.get(a * n + a, 0)} and {told.get(b * n + b, 0)} are told "
        "rightly"
    )
    score = round(1 - max(index, 0.0), 4)
    return [Finding("alike", None, (names[a], names[b]), score=score, why=why)]
