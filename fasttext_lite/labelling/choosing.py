"""Which texts to ask next."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from fasttext_lite.labelling.learner import Learnt
from fasttext_lite.labelling.messages import DIVERSE, UNCERTAIN
from fasttext_lite.labelling.pool import Pool

QUEUE = 40  # questions that are ready


def choose(
    pool: Pool, learnt: Learnt, settled: Collection[int], n_threads: int | None = None
) -> list[tuple[int, str]]:
    """Return texts to ask, the best first, each with the reason.

    Parameters
    ----------
    pool : Pool
    learnt : Learnt
    settled : collection of int
        Texts that are not asked any more.
    n_threads : int, optional
    """
    worked = pool.worked_on()
    open_ = worked[~np.isin(worked, np.fromiter(settled, np.int64, len(settled)))]
    if learnt.model is None:
        return [(int(number), DIVERSE) for number in open_[:QUEUE]]
    probabilities, _ = learnt.judge(pool.texts.take(open_), n_threads)
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    order = np.argsort(top[:, 1] - top[:, 0], kind="stable")[:QUEUE]
    return [(int(number), UNCERTAIN) for number in open_[order]]
