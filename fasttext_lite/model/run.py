"""How a training was run, as far as the settings do not say: what the next one goes on with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fasttext_lite.model.abstention import ACCURACY, RATE

BALANCED = "balanced"
UNTOLD = ("lr",)  # settings of a training that fastText's files have no place for


@dataclass(frozen=True)
class Run:
    """What a training was given beside `Config` and texts, and a later one needs to be like it.

    Attributes
    ----------
    class_weight : "balanced" or mapping of str to float, optional
        Factor of the loss of each label's texts, by the names of the model's labels.
    sample_weight : bool
        Whether texts had weights of their own, which the model does not know.
    seed : int, optional
        None: nobody asked for the same result every time.
    epochs : int, optional
        Epochs that the weights are of, where training was ended before `Config.epochs`.
    unlabelled : int, optional
        Number of texts without labels that were learnt from as well.
    embeddings : bool
        Whether embeddings of the texts by an encoder were learnt from.
    texts : str, optional
        What tells the file of texts from others, see `corpus.fingerprint`.
    source : str, optional
        Whose file the model was converted from. Such a file does not tell the settings `UNTOLD`:
        `Config` has usual ones in their place.
    answer_rate, answer_accuracy : float, optional
        What share of texts is to be answered, or how accurate answers are to be: at most one, in
        (0, 1]; see `abstention.Abstention`.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    class_weight: str | Mapping[str, float] | None = None
    sample_weight: bool = False
    seed: int | None = None
    epochs: int | None = None
    unlabelled: int | None = None
    embeddings: bool = False
    texts: str | None = None
    source: str | None = None
    answer_rate: float | None = None
    answer_accuracy: float | None = None

    def __post_init__(self) -> None:
        weight = self.class_weight
        if isinstance(weight, Mapping):
            good = all(isinstance(name, str) and _is_factor(weight[name]) for name in weight)
        else:
            good = weight in (None, BALANCED)
        good = good and type(self.sample_weight) is bool and type(self.embeddings) is bool
        good = good and isinstance(self.texts, str | None) and isinstance(self.source, str | None)
        for value, least in ((self.seed, 0), (self.epochs, 1), (self.unlabelled, 1)):
            good = good and (value is None or (type(value) is int and least <= value < 2**63))
        wanted = self.answer_rate, self.answer_accuracy
        good = good and None in wanted and all(map(_is_share, wanted))
        if not good:
            raise ValueError(f"no run of a training: {self}"[:200])

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Run:
        """Return what `to_dict` was called of; raise `ValueError` or `TypeError` if it is none."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: those that say something."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False)}

    @property
    def wanted(self) -> tuple[str, float] | None:
        """Which of `answer_rate` and `answer_accuracy` is asked for, and how much; None: none."""
        for name in (RATE, ACCURACY):
            if (level := getattr(self, name)) is not None:
                return name, float(level)
        return None

    def line(self) -> str:
        """Return one line that says all of it."""
        return ", ".join(f"{name} {_text(value)}" for name, value in self.to_dict().items())


def _is_factor(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < math.inf


def _is_share(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and 0 < value <= 1)


def _text(value: Any) -> str:
    if value is True:
        return "given"
    if isinstance(value, dict):
        return " ".join(f"{name}={factor:g}" for name, factor in value.items())
    return str(value)
