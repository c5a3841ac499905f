"""Which labels are taken for which, how often, and by which texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fasttext_lite.reporting.measured import Measured

MOST_LABELS = 20  # of the table: more columns are hard to read


@dataclass(frozen=True)
class Mistake:
    """Texts of one label that get another in its place.

    Attributes
    ----------
    true, found : int
        Numbers of the labels.
    count : int
    docs : int64[n_shown]
        The surest first.
    """

    true: int
    found: int
    count: int
    docs: np.ndarray


@dataclass(frozen=True)
class HardPair:
    """Two labels that are taken for each other.

    Attributes
    ----------
    one, other : int
        Numbers of the labels; more texts of `one` are taken for `other` than the other way.
    there, back : int
        Texts of `one` that get `other`, and of `other` that get `one`.
    share : float
        Of the texts of both labels.
    """

    one: int
    other: int
    there: int
    back: int
    share: float


def mistakes(measured: Measured, most_docs: int) -> list[Mistake]:
    """Return what is taken for what, the most frequent first.

    A text counts by its first true label and its likeliest one, if that is none of its own.

    Parameters
    ----------
    measured : Measured
    most_docs : int
        Texts that are kept of each.
    """
    gold, found = measured.first_gold.astype(np.int64), measured.labels[:, 0].astype(np.int64)
    wrong = np.flatnonzero(~measured.is_first_right & (gold >= 0) & (found >= 0))
    keys = gold[wrong] * len(measured.names) + found[wrong]
    order = np.lexsort((-measured.confidence[wrong], keys))
    wrong, keys = wrong[order], keys[order]
    pairs, starts, counts = np.unique(keys, return_index=True, return_counts=True)
    n = len(measured.names)
    result = [
        Mistake(
            int(pair // n), int(pair % n), int(count), wrong[start : start + min(count, most_docs)]
        )
        for pair, start, count in zip(pairs, starts, counts, strict=True)
    ]
    return sorted(result, key=lambda each: (-each.count, each.true, each.found))


def hard_pairs(found: list[Mistake], gold: np.ndarray, most: int) -> list[HardPair]:
    """Return the labels that are most often taken for each other, either way.

    Parameters
    ----------
    found : list of Mistake
    gold : int64[n_names]
        How often each label occurs.
    most : int
    """
    counts = {(each.true, each.found): each.count for each in found}
    pairs = {(min(pair), max(pair)) for pair in counts}
    result = []
    for pair in pairs:
        there, back = counts.get(pair, 0), counts.get(pair[::-1], 0)
        one, other = pair if there >= back else pair[::-1]
        share = (there + back) / max(int(gold[one] + gold[other]), 1)
        result.append(HardPair(one, other, max(there, back), min(there, back), share))
    result.sort(key=lambda each: (-(each.there + each.back), -each.share, each.one))
    return result[:most]


def table_labels(found: list[Mistake], most: int = MOST_LABELS) -> list[int]:
    """Return the labels with most mistakes, those that are taken for each other side by side.

    Parameters
    ----------
    found : list of Mistake
    most : int
    """
    total: dict[int, int] = {}
    between: dict[tuple[int, int], int] = {}
    for each in found:
        for label in (each.true, each.found):
            total[label] = total.get(label, 0) + each.count
        for pair in ((each.true, each.found), (each.found, each.true)):
            between[pair] = between.get(pair, 0) + each.count
    left = sorted(total, key=lambda label: (-total[label], label))[:most]
    order = left[:1]
    left = left[1:]
    while left:
        last = order[-1]
        follower = max(left, key=lambda label: (between.get((last, label), 0), total[label]))
        order.append(follower)
        left.remove(follower)
    return order
