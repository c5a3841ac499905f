"""How the recipe chose the settings that were left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_SCALARS = (str, int, float, type(None))


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
        """Return one line that says what was taken, why, and how good each candidate was."""
        names = [_described(each, self.candidates) for each in self.candidates]
        names[0] += " (default)"
        tried = ", ".join(
            f"{name} {each.accuracy:.4f}" for name, each in zip(names, self.candidates, strict=True)
        )
        taken = names[self.chosen]
        return f"{taken}: {self.why}; right of {self.n_texts:,} texts held out: {tried}"

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
        good = all(isinstance(value, int | float) and abs(value) < 1e9 for value in numbers)
        good = good and type(made.chosen) is int and 0 <= made.chosen < len(tried)
        names = set(tried[0].settings) if good and isinstance(tried[0].settings, dict) else None
        for each in tried:
            good = good and isinstance(each.settings, dict) and set(each.settings) == names
            good = good and all(isinstance(value, _SCALARS) for value in each.settings.values())
        if not good or not isinstance(made.why, str):
            raise ValueError("what is said of the choice of its settings is unreadable")
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def _described(candidate: Candidate, among: tuple[Candidate, ...]) -> str:
    """Return the settings in which candidates differ."""
    first = among[0].settings
    differ = [name for name in first if any(x.settings[name] != first[name] for x in among)]
    # The learned head goes with a softmax of its own: the loss says it.
    shown = [name for name in differ if name != "head"] or list(first)
    values = candidate.settings
    return " ".join(f"{name} {_text(values[name])}" for name in sorted(shown, key=_place))


def _place(name: str) -> tuple[int, str]:
    order = ("loss", "lr", "char_energy")
    return (order.index(name) if name in order else len(order), name)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
