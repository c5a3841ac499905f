"""Optimizers: what is to be known of each, once.

To add one, add a function to `training.kernels.optimizers` and a record here; or from outside,
with ``OPTIMIZERS.add(Optimizer(...))`` and a function of your own.
"""

from __future__ import annotations

from dataclasses import dataclass

from fasttext_lite.config.records import Choices, Records

_KERNELS = "fasttext_lite.training.kernels.optimizers"


@dataclass(frozen=True)
class Optimizer:
    """One optimizer.

    Attributes
    ----------
    name : str
    step : str
        Place of the compiled function that moves a row, ``module:function``; see
        `training.kernels.optimizers`.
    slots : int
        Numbers that it keeps for each weight.
    forgets : bool
        Whether what it keeps decays with time, also while a row rests.
    beta1 : float, optional
        Default of `Config.beta1`; None where it does not apply.
    beta2 : float, optional
        Default of `Config.beta2`; None where it does not apply.
    rates : (float, float), optional
        Learning rate under a linear head and under a learned one; None: the loss says.
    is_proportional : bool
        Whether a step is as long as the gradients are; else its length is made even.
    is_plain : bool
        Whether it is gradient descent and nothing else, which has a kernel of its own.
    """

    name: str
    step: str
    slots: int = 0
    forgets: bool = False
    beta1: float | None = None
    beta2: float | None = None
    rates: tuple[float, float] | None = None
    is_proportional: bool = False
    is_plain: bool = False


OPTIMIZERS: Records[Optimizer] = Records(
    "optimizer",
    Optimizer("sgd", f"{_KERNELS}:sgd", is_proportional=True, is_plain=True),
    Optimizer(
        "momentum", f"{_KERNELS}:momentum",
        slots=1, forgets=True, beta1=0.5, rates=(2.0, 0.1), is_proportional=True,
    ),
    Optimizer(
        "nesterov", f"{_KERNELS}:nesterov",
        slots=1, forgets=True, beta1=0.5, rates=(2.0, 0.1), is_proportional=True,
    ),
    Optimizer("adagrad", f"{_KERNELS}:adagrad", slots=1, rates=(0.2, 0.05)),
    Optimizer(
        "rmsprop", f"{_KERNELS}:rmsprop", slots=1, forgets=True, beta2=0.99, rates=(0.01, 0.003)
    ),
    Optimizer(
        "adadelta", f"{_KERNELS}:adadelta", slots=2, forgets=True, beta2=0.95, rates=(20.0, 2.0)
    ),
    Optimizer(
        "adam", f"{_KERNELS}:adam",
        slots=2, forgets=True, beta1=0.9, beta2=0.999, rates=(0.03, 0.003),
    ),
    Optimizer(
        "adamax", f"{_KERNELS}:adamax",
        slots=2, forgets=True, beta1=0.5, beta2=0.999, rates=(0.2, 0.03),
    ),
)  # fmt: skip
OPTIMIZER_CHOICES = Choices(table=OPTIMIZERS)
