"""The probability below which a model gives no answer: what ``predict --abstain`` goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fasttext_lite.errors import bounded

RATE, ACCURACY = "answer_rate", "answer_accuracy"  # what may be wanted, by the names of settings


@dataclass(frozen=True)
class Abstention:
    """A threshold for answers, what it was chosen for, and what was measured with it.

    Of a model of several labels, what is said here of texts is said of the labels that texts are
    given.

    Attributes
    ----------
    value : float
        In [0, 1]: an answer is given where its probability reaches it. 0: always.
    wanted : str
        "answer_rate" or "answer_accuracy".
    level : float
        In (0, 1]: the share of the texts to answer, or the least accuracy of the answers, which
        `lower` reaches.
    answered : float
        Share of the texts held out that are answered.
    accuracy : float
        Share of these that are right.
    n_answered : int
        Their number.
    n_texts : int
        Number of the texts that were held out.
    n_folds : int
        Above 0: they were judged by so many models, each trained without those that it judges,
        and the final model is another one. 0: by the model itself, which did not learn from them.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    value: float
    wanted: str
    level: float
    answered: float
    accuracy: float
    n_answered: int
    n_texts: int
    n_folds: int = 0

    def __post_init__(self) -> None:
        for name in ("value", "level", "answered", "accuracy"):
            number = getattr(self, name)
            if type(number) not in (int, float) or not 0 <= number <= 1:
                raise ValueError(
                    bounded(f"the {name} of an abstention is out of range; got {number!r}")
                )
        for name in ("n_answered", "n_texts", "n_folds"):
            number = getattr(self, name)
            if type(number) is not int or not 0 <= number < 2**63:
                raise ValueError(
                    bounded(f"the {name} of an abstention is no count; got {number!r}")
                )
        if self.wanted not in (RATE, ACCURACY):
            raise ValueError("what an abstention was wanted for is unreadable")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Abstention:
        """Return what `to_dict` was called of; raise `ValueError` or `TypeError` if it is none."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    @property
    def lower(self) -> float:
        """What the accuracy is at least, by `coverage.lower_bound`."""
        from fasttext_lite.model.coverage import (
            lower_bound,
        )  # commands that need no NumPy see this file

        return lower_bound(round(self.accuracy * self.n_answered), self.n_answered)

    def line(self, quantized: bool = False) -> str:
        """Return one line that says what it is, and what it was measured on.

        Parameters
        ----------
        quantized : bool
            Whether the model was quantised since.
        """
        how = "judged by the model itself, which did not learn from them"
        if self.n_folds == 1:
            how = "judged before the last training"
        elif self.n_folds:
            how = f"judged in {self.n_folds} folds"
        how += ", measured before quantisation" * quantized
        return (
            f"{self.value:.6g} for {self.wanted} {self.level:g}: {self.answered:.1%} answered, "
            f"accuracy {self.accuracy:.4f}, at least {self.lower:.4f} ({self.n_texts:,} texts "
            f"held out, {how})"
        )
