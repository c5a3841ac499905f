"""How much a report shows, so that its page stays small."""

from __future__ import annotations

from dataclasses import dataclass

MOST_BYTES = 2_000_000  # of a page
MOST_NAME = 80  # characters of a label


@dataclass(frozen=True)
class Limits:
    """The most of each part that is shown.

    Attributes
    ----------
    labels : int
        Rows of the table of labels.
    heat : int
        Rows of the table of what is taken for what.
    mistakes : int
        Of which texts are shown.
    examples : int
        Texts of each.
    characters : int
        Of a text.
    errors : int
        The surest ones.
    novel : int
        Texts of no known label, the surest ones.
    features : int
        Labels whose features are shown.
    weights : int
        Features of each, for it and against it.
    findings : int
        Rows of each table of the audit and of the comparison.
    """

    labels: int = 2_000
    heat: int = 20
    mistakes: int = 200
    examples: int = 5
    characters: int = 300
    errors: int = 30
    novel: int = 20
    features: int = 100
    weights: int = 10
    findings: int = 20


# From the first on, until a page is small enough; the last is small whatever the texts are.
LEVELS = (
    Limits(),
    Limits(labels=1_000, mistakes=150, examples=4, characters=240, features=60),
    Limits(
        labels=500, mistakes=80, examples=3, characters=200, errors=20, novel=15, features=30,
        weights=8, findings=15,
    ),
    Limits(
        labels=200, heat=15, mistakes=40, examples=2, characters=150, errors=10, novel=10,
        features=15, weights=6, findings=10,
    ),
    Limits(
        labels=50, heat=10, mistakes=10, examples=1, characters=80, errors=5, novel=5,
        features=5, weights=5, findings=5,
    ),
)  # fmt: skip
