"""Which settings a cluster can train with."""

from __future__ import annotations

from fasttext_lite.config.fields import Config
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.errors import SettingError

# Settings that must have these values, and why others do not go.
_PLAIN = {
    "averaging": (0.0, "the mean over all steps is of one sequence of steps"),
    "l1": (0.0, "rows that rest are made up for by the steps of one sequence"),
    "l2": (0.0, "rows that rest are made up for by the steps of one sequence"),
    "norm": ("none", "its running means are of one sequence of steps"),
    "patience": (None, "it validates after each epoch of one process"),
    "word_dropout": (0.0, "it disturbs texts, and workers keep their features alone"),
    "word_swap": (0.0, "it disturbs texts, and workers keep their features alone"),
}


def check_supported(config: Config) -> None:
    """Raise `SettingError` for a setting that a cluster cannot train with."""
    if OPTIMIZERS[config.optimizer].slots:
        raise SettingError(
            f"a cluster trains with optimizer='sgd'; {config.optimizer!r} keeps numbers of its own "
            "for each row, which are not exchanged"
        )
    for name, (plain, why) in _PLAIN.items():
        value = getattr(config, name)
        if value != plain:
            raise SettingError(f"a cluster trains with {name}={plain!r}; got {value!r}: {why}")
