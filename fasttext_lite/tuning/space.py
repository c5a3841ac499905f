"""Which settings tuning varies, in which ranges, and how it draws from them.

`SPACE` is the one table of it: a new setting of `Config` is one more line there.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fasttext_lite.config.fields import Config, field_type
from fasttext_lite.config.recipe import resolve

COARSE_SHARE = 0.7  # of the settings that vary in a draw from the whole space
FINE_SHARE = 0.4  # of those that move in a draw near a good point
DIGITS = 3  # of numbers drawn: command lines stay short


@dataclass(frozen=True)
class Span:
    """A setting that varies between two numbers.

    Attributes
    ----------
    name : str
    low, high : float
    log : bool
        Whether equal ratios, not equal differences, are equally likely.
    relative : bool
        Whether the bounds are factors of what `recipe.resolve` chooses.
    """

    name: str
    low: float
    high: float
    log: bool = False
    relative: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the settings."""
        return (self.name,)

    def value(self, place: float, usual: Any) -> Any:
        """Return the value at a place in [0, 1]."""
        place = min(max(place, 0.0), 1.0)
        if self.log:
            number = self.low * (self.high / self.low) ** place
        else:
            number = self.low + (self.high - self.low) * place
        if self.relative:
            number *= usual
        if field_type(self.name)[0] is int:
            return max(1, round(number))
        return float(f"{number:.{DIGITS}g}")

    def place(self, value: Any, usual: Any) -> float:
        """Return the place of a value; outside [0, 1] if it is outside the range."""
        number = value / usual if self.relative else value
        if self.log:
            number = max(number, 1e-9)
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    def draw(
        self,
        rng: np.random.Generator,
        near: Sequence[Any] | None,
        usual: Sequence[Any],
        width: float,
    ) -> tuple[Any, ...]:
        """Return a value from the whole range, or near another one."""
        place = rng.random()
        if near is not None:
            place = self.place(near[0], usual[0]) + width * rng.standard_normal()
        return (self.value(place, usual[0]),)


@dataclass(frozen=True)
class Pick:
    """One setting, or several together, with a few values to choose from, in a sensible order.

    Attributes
    ----------
    names : tuple of str
    values : tuple of tuples
        For each choice the value of each setting.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    def draw(
        self,
        rng: np.random.Generator,
        near: Sequence[Any] | None,
        usual: Sequence[Any],
        width: float,
    ) -> tuple[Any, ...]:
        """Return one of the values, or a neighbour of another one."""
        choices = self.values
        if near is not None and tuple(near) in choices:
            at = choices.index(tuple(near))
            choices = choices[max(at - 1, 0) : at] + choices[at + 1 : at + 2]
        return choices[rng.integers(len(choices))]


def _pick(name: str, *values: Any) -> Pick:
    return Pick((name,), tuple((value,) for value in values))


SPACE: tuple[Span | Pick, ...] = (
    # how the text is cut
    _pick("word_ngrams", 1, 2, 3, 4),
    Pick(("minn", "maxn"), ((0, 0), (2, 3), (2, 4), (2, 5), (3, 5), (3, 6))),
    _pick("min_count", 1, 2, 3, 5),
    _pick("supervision", 0.0, 0.2, 0.35, 0.5),
    # training; lr after what the usual one depends on
    Span("dim", 1 / 4, 2, log=True, relative=True),
    _pick("optimizer", "sgd", "adagrad"),
    _pick("schedule", "linear", "cosine"),
    Span("lr", 1 / 8, 8, log=True, relative=True),
    Span("epochs", 2, 50, log=True),
    Span("label_smoothing", 0.0, 0.4),
    Span("feature_dropout", 0.0, 0.6),
)


class Space:
    """The part of `SPACE` that may vary, around some settings.

    Parameters
    ----------
    base : Config
        The settings that the search begins with.
    fixed : collection of str
        Names of settings that stay; a line of the table with one of them stays as a whole.
    n_labels : int
    multilabel : bool
    mean_tokens : float
        Mean number of tokens of a training text.
    n_texts : int, optional
        Number of training texts.
    script_shares : mapping of str to float, optional
    evenness, labels_per_text : float, optional
        See `config.recipe.resolve`.
    """

    def __init__(
        self,
        base: Config,
        fixed: Collection[str],
        n_labels: int,
        multilabel: bool,
        mean_tokens: float,
        n_texts: int | None = None,
        script_shares: Mapping[str, float] | None = None,
        evenness: float | None = None,
        labels_per_text: float = 1.0,
    ) -> None:
        known = {field.name for field in fields(Config)}
        self.base, self.fixed = base, frozenset(fixed)
        self.n_labels, self.multilabel = n_labels, multilabel
        self.mean_tokens, self.n_texts, self.script_shares = mean_tokens, n_texts, script_shares
        self.evenness, self.labels_per_text = evenness, labels_per_text
        if self.resolved(base).head == "linear":
            known -= {"dim"}  # follows from the number of labels
        self.lines = [
            line for line in SPACE if set(line.names) <= known and not set(line.names) & self.fixed
        ]

    def resolved(self, config: Config) -> Config:
        """Return settings with what they leave open filled in."""
        return resolve(
            config, self.n_labels, self.multilabel, self.mean_tokens, self.n_texts,
            self.script_shares, self.evenness, self.labels_per_text,
        )  # fmt: skip

    def config(self, params: Mapping[str, Any]) -> Config:
        """Return the base with some settings changed, and what is left open filled in."""
        return self.resolved(self.base.replace(**params))

    def draw(
        self, rng: np.random.Generator, near: Mapping[str, Any] | None = None, width: float = 1.0
    ) -> dict[str, Any]:
        """Return settings that differ from the base, by name.

        Parameters
        ----------
        rng : Generator
        near : mapping, optional
            Settings to stay near; default: from the whole space. In both cases some settings,
            drawn by lot, stay as they are.
        width : float
            Standard deviation of a move, in units of a range.
        """
        params = dict(near or {})
        if not self.lines:
            return params
        share = COARSE_SHARE if near is None else FINE_SHARE
        moved = rng.random(len(self.lines)) < share
        moved[rng.integers(len(self.lines))] = True
        for line in (line for line, moves in zip(self.lines, moved, strict=True) if moves):
            # What the choices before it (the optimizer) make of the settings left open.
            usual = self.resolved(self.base.replace(**_without(params, line.names)))
            references = [getattr(usual, name) for name in line.names]
            old = None
            if near is not None:
                old = [params.get(name, getattr(usual, name)) for name in line.names]
            params.update(zip(line.names, line.draw(rng, old, references, width), strict=True))
        return {name: value for name, value in params.items() if value != getattr(self.base, name)}


def _without(params: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in names}
