"""What a model of several labels gives to texts though it is not theirs, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fasttext_lite.reporting.measured import Measured

GIVEN, MISSING = "given", "missing"


@dataclass(frozen=True, eq=False)
class Slip:
    """Texts that get a label though it is not theirs, or do not get it though it is.

    Attributes
    ----------
    label : int
    kind : str
        `GIVEN` or `MISSING`.
    count : int
    docs : int64[n_shown]
        In the order of the file.
    """

    label: int
    kind: str
    count: int
    docs: np.ndarray


def slips(measured: Measured, most_docs: int) -> list[Slip]:
    """Return the slips of each label, the most frequent first; none of a model of one label.

    Parameters
    ----------
    measured : Measured
    most_docs : int
        Texts that are kept of each.
    """
    if not measured.result.multilabel:
        return []
    n_names = len(measured.names)
    gold = measured.gold
    own = np.repeat(np.arange(len(gold)), np.diff(gold.indptr))[gold.ids >= 0] * n_names
    own += gold.ids[gold.ids >= 0]
    result = []
    for kind, one, other in ((GIVEN, measured.decided, own), (MISSING, own, measured.decided)):
        docs, labels = np.divmod(np.setdiff1d(one, other), n_names)
        for label in np.unique(labels).tolist():
            some = docs[labels == label]
            result.append(Slip(label, kind, some.size, some[:most_docs]))
    return sorted(result, key=lambda each: (-each.count, each.label, each.kind))
