"""How the recipe chose the settings that were left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Candidate:
    """Settings that were tried.

    Attributes
    ----------
    settings : dict
        By name.
    accuracy : float
        Share of the texts held out whose likeliest label is one of theirs, by weight.
    ahead : float
        How far that is above the accuracy of the first candidate, in standard errors of the
        difference on the same texts.
    """

    settings: dict[str, Any]
    accuracy: float
    ahead: float


@dataclass(frozen=True)
class Choice:
    """The candidates that were tried, and the one that was taken.

    Attributes
    ----------
    candidates : tuple of Candidate
        The first is what the fixed recipe takes.
    chosen : int
        Number of the candidate that was taken.
    n_texts : int
        Number of texts held out, all folds together.
    why : str
        One line.
    """

    candidates: tuple[Candidate, ...]
    chosen: int
    n_texts: int
    why: str

    def line(self) -> str:
        """Return one line that says what was taken and why."""
        taken = self.candidates[self.chosen]
        settings = ", ".join(
            f"{name} {_text(value)}" for name, value in sorted(taken.settings.items())
        )
        tried = ", ".join(f"{each.accuracy:.4f}" for each in self.candidates)
        return f"{settings}: {self.why} ({self.n_texts:,} texts held out: {tried})"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Choice:
        """Return what `to_dict` was called of.

        Raises
        ------
        ValueError, TypeError
            If it is none.
        """
        tried = tuple(Candidate(**each) for each in values["candidates"])
        made = cls(**{**values, "candidates": tried})
        numbers = [x for each in tried for x in (made.n_texts, each.accuracy, each.ahead)]
        good = all(isinstance(number, int | float) for number in numbers)
        good = good and type(made.chosen) is int and 0 <= made.chosen < len(tried)
        if not good or not isinstance(made.why, str):
            raise ValueError("what is said of the choice of its settings is unreadable")
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
