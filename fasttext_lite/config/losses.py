"""Losses: what is to be known of each, once.

Training composes its kernel of the functions that a record names, prediction turns scores into
probabilities by its link, reports measure with its `measure`.  Nothing else in the package asks
for a loss by its name, but the recipe, which chooses one, and fastText's files, which store one.
To add a loss, add a function to `training.kernels.losses` and a record here; or from outside,
with ``LOSSES.add(Loss(...))`` and a function of your own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from fasttext_lite.config.records import Choices, Records
from fasttext_lite.errors import bounded

PARTICIPANTS = ("all", "path", "drawn")
LINKS = ("sigmoid", "softmax", "tree")
_KERNELS = "fasttext_lite.training.kernels.losses"
_MEASURES = "fasttext_lite.fitting.measures"


@dataclass(frozen=True)
class Loss:
    """One loss.

    Attributes
    ----------
    name : str
    slopes : str
        Place of the compiled function that replaces scores by the derivatives of the loss by
        them and returns the loss, ``module:function``; see `training.kernels.losses`.
    blank : callable
        Loss of so many decisions (float) when all scores are zero.
    participants : {"all", "path", "drawn"}
        Output rows that take part in the loss of a document: those of all labels, of the inner
        nodes of the label tree above its labels, or of its labels and some drawn at random.
    link : {"sigmoid", "softmax", "tree"}
        How scores become probabilities: each by itself, together, or as log-probabilities of the
        leaves of the label tree.
    rates : (float, float)
        Learning rate of plain gradient descent, under a linear head and under a learned one.
    measure : str, optional
        Place of a function of arrays that returns the loss of each score, for reports; see
        `fitting.measures`. None: `slopes` measures, text by text, which takes longer; only where
        all rows take part.
    focal : str, optional
        Place of the function in place of `slopes` when `Config.focal` is above 0; None: it does
        not apply.
    divides : bool
        Whether the labels of a document share a target of 1; else each has a target of its own.
    smoothed : bool
        Whether `Config.label_smoothing` applies.
    scale : int
        Factor of a score before its link.
    """

    name: str
    slopes: str
    blank: Callable[[float], float]
    participants: str = "all"
    link: str = "sigmoid"
    rates: tuple[float, float] = (2.5, 0.2)
    measure: str | None = None
    focal: str | None = None
    divides: bool = False
    smoothed: bool = True
    scale: int = 1

    def __post_init__(self) -> None:
        for value, known in ((self.participants, PARTICIPANTS), (self.link, LINKS)):
            if value not in known:
                raise ValueError(
                    bounded(f"loss {self.name}: {value!r} is none of {', '.join(known)}")
                )
        if self.measure is None and not self.is_dense:
            raise ValueError(f"loss {self.name} needs a measure: not all rows take part in it")

    @property
    def is_dense(self) -> bool:
        """Whether all output rows take part in each step."""
        return self.participants == "all"

    @property
    def uses_tree(self) -> bool:
        """Whether output rows are inner nodes of a label tree."""
        return self.participants == "path"

    @property
    def needs_label(self) -> bool:
        """Whether a document without a label has no loss."""
        return self.divides or not self.is_dense


def _of_logistic(decisions: float) -> float:
    return decisions * math.log(2)


_OVA = Loss(
    "ova",
    slopes=f"{_KERNELS}:logistic",
    focal=f"{_KERNELS}:focal_logistic",
    measure=f"{_MEASURES}:logistic",
    blank=_of_logistic,
)
LOSSES: Records[Loss] = Records(
    "loss",
    Loss(
        "softmax",
        slopes=f"{_KERNELS}:softmax",
        focal=f"{_KERNELS}:focal_softmax",
        measure=f"{_MEASURES}:softmax",
        blank=math.log,
        link="softmax",
        divides=True,
    ),
    replace(_OVA, name="hs", participants="path", link="tree", rates=(4.0, 0.2)),
    _OVA,
    replace(_OVA, name="ns", participants="drawn"),
    Loss(
        "hinge",
        slopes=f"{_KERNELS}:hinge",
        measure=f"{_MEASURES}:hinge",
        blank=float,
        rates=(0.2, 0.05),
        smoothed=False,  # it asks for a side, not for a probability
        scale=2,  # as of the squared hinge
    ),
    Loss(
        "squared_hinge",
        slopes=f"{_KERNELS}:squared_hinge",
        measure=f"{_MEASURES}:squared_hinge",
        blank=float,
        rates=(0.12, 0.02),
        smoothed=False,
        # It aims at 2 p - 1: the sigmoid of twice the score is near p = (1 + score) / 2 where that
        # lies in [0, 1], and never ties outside.
        scale=2,
    ),
    reserved=("auto",),
)
LOSS_CHOICES = Choices("auto", table=LOSSES)
