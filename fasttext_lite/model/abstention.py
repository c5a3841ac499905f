"""The probability below which a model gives no answer: what ``predict --abstain`` goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fasttext_lite.errors import bounded

RATE, ACCURACY = "answer_rate", "answer_accuracy"  # what may be wanted, by the names of settings
SHOWN_DIGITS = 4  # of a threshold, and of what it lacks of 1
MOST_DIGITS = 17  # after the point: a double has no more


def shown_threshold(value: float) -> str:
    """Return a threshold as it is printed: whoever copies it loses no text that reaches it.

    Parameters
    ----------
    value : float
        A probability.

    Returns
    -------
    str
        Rounded down, with four digits after the point and four significant ones of both the value
        and what it lacks of 1: 0.99995 is "0.99995000" and not "1.0000".
    """
    from decimal import ROUND_FLOOR, Decimal
    from math import floor, log10

    value = float(value)
    digits = SHOWN_DIGITS
    for part in (value, 1 - value):
        if 0 < part < 1:
            digits = max(digits, SHOWN_DIGITS - 1 - floor(log10(part)))
    step = Decimal(1).scaleb(-min(digits, MOST_DIGITS))
    return f"{Decimal(repr(value)).quantize(step, ROUND_FLOOR):f}"


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
        and the final model is another one. 0: by the model itself.
    goes_on : bool
        Whether the model goes on from another one, which may have learnt from these texts: then
        what is measured is less on others. Else it did not learn from them.

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
    goes_on: bool = False

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
        if type(self.goes_on) is not bool:
            raise ValueError("whether the model of an abstention goes on is unreadable")
        if self.wanted not in (RATE, ACCURACY):
            raise ValueError("what an abstention was wanted for is unreadable")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Abstention:
        """Return what `to_dict` was called of; raise `ValueError` or `TypeError` if it is none."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    def told(self) -> dict[str, Any]:
        """Return JSON values for people: `lower`, too."""
        return {**self.to_dict(), "lower": self.lower}

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
        if self.goes_on:
            how = "judged by the model itself; the one that it goes on from may have learnt them"
        elif self.n_folds == 1:
            how = "judged before the last training"
        elif self.n_folds:
            how = f"judged in {self.n_folds} folds"
        how += ", measured before quantisation" * quantized
        return (
            f"{shown_threshold(self.value)} for {self.wanted} {self.level:g}: "
            f"{self.answered:.1%} answered, accuracy {self.accuracy:.4f}, at least "
            f"{self.lower:.4f} ({self.n_texts:,} texts held out, {how})"
        )
