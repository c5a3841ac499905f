"""What the kernel of some settings is composed of, looked up in the tables of choices."""

from __future__ import annotations

from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES, Loss
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.config.records import load
from fasttext_lite.errors import SettingError
from fasttext_lite.training.kernels.layers import ACTIVATIONS
from fasttext_lite.training.kernels.participants import (
    all_rows,
    drawn_rows,
    path_rows,
    shared_rows,
)
from fasttext_lite.training.kernels.parts import Parts

# By `Loss.participants` and `Loss.divides`.
_PARTICIPANTS = {
    ("all", False): all_rows,
    ("all", True): shared_rows,
    ("path", False): path_rows,
    ("drawn", False): drawn_rows,
}


def compose(config: Config) -> Parts:
    """Return what the training kernel of some settings is made of.

    Parameters
    ----------
    config : Config
        Resolved: no "auto".

    Raises
    ------
    ValueError
        If a loss or an optimizer is unknown, or focal goes with a loss that it does not apply to.
    """
    loss, optimizer = LOSSES[config.loss], OPTIMIZERS[config.optimizer]
    parts = Parts(
        slopes=load(_slopes(loss, config.focal)),
        participants=_PARTICIPANTS[loss.participants, loss.divides],
        step=load(optimizer.step),
        dense=loss.is_dense,
        divides=loss.divides,
        smoothed=loss.smoothed,
        needs_label=loss.needs_label,
        uses_tree=loss.uses_tree,
        forgets=optimizer.forgets,
        frozen_output=config.head == "linear",
    )
    others = parts._replace(
        activate=ACTIVATIONS[config.activation] if config.units else None,
        shrink=config.l1 > 0 or config.l2 > 0,
        max_norm=config.max_norm is not None,
        clip=config.clip is not None,
        average=config.averaging > 0,
        feature_dropout=config.feature_dropout > 0,
        hidden_dropout=config.hidden_dropout > 0,
        norm=config.norm,
    )
    return others._replace(plain=optimizer.is_plain and not config.focal and others == parts)


def _slopes(loss: Loss, focal: float) -> str:
    if not focal:
        return loss.slopes
    if loss.focal is None:
        raise SettingError(f"focal does not apply to the loss {loss.name}; got {focal:g}")
    return loss.focal
