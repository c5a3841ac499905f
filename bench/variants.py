"""Harder variants of a labelled set: skewed labels, long documents, wrong labels, few texts.

``python -m bench.variants SET OUTPUT VARIANT`` writes the one of a folder with train.tsv and
test.tsv to another folder. README.md in this folder says which there are. Only the standard library
is imported here: benchmarks whose memory must not count for their processes check names by it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.stages import files
from bench.tools import SEED, UsageError, split_names

Row = tuple[str, str]  # label and text
Parts = tuple[list[Row], list[Row]]  # to train on and to test on

PLAIN = "plain"
LEAST_DOCUMENTS = 200  # of both parts: fewer long ones tell nothing


class UnfitError(Exception):
    """A set that has no such variant, or none that differs from itself."""


# -- each kind -------------------------------------------------------------------------------


def skew(train: list[Row], test: list[Row], rng: random.Random, label: str, share: float) -> Parts:
    """Drop rows of a label until it has this share of all; by default of the rarest."""
    label = label or files.rarest(name for name, _ in train)

    def thinned(rows: list[Row]) -> list[Row]:
        own = [i for i, (name, _) in enumerate(rows) if name == label]
        most = round((len(rows) - len(own)) * share / (1 - share))
        if len(own) <= most:
            return rows
        dropped = set(rng.sample(own, len(own) - max(most, 1)))
        return [row for i, row in enumerate(rows) if i not in dropped]

    fewer = thinned(train)
    if len(fewer) == len(train):
        raise UnfitError(f"{label} has no more than {share:g} of the rows")
    return fewer, thinned(test)


def rare(train: list[Row], test: list[Row], rng: random.Random) -> Parts:
    """Tell the rarest label from the rest."""
    label = files.rarest(name for name, _ in train)
    rest = f"not {label}"
    train, test = (
        [(name if name == label else rest, text) for name, text in rows] for rows in (train, test)
    )
    return train, test


def join(rows: list[Row], own: int, other: int, rng: random.Random) -> list[Row]:
    """Return documents, each of `own` texts of its label and `other` texts of any, mixed.

    A text is in one document for its label's sake.
    """
    rows = rng.sample(rows, len(rows))
    texts = [text for _, text in rows]
    by_label: dict[str, list[str]] = {}
    for label, text in rows:
        by_label.setdefault(label, []).append(text)
    documents = []
    for label, mine in by_label.items():
        for start in range(0, len(mine) - own + 1, own):
            parts = mine[start : start + own] + rng.choices(texts, k=other)
            documents.append((label, " ".join(rng.sample(parts, len(parts)))))
    return rng.sample(documents, len(documents))


def lengthen(train: list[Row], test: list[Row], rng: random.Random, own: int, other: int) -> Parts:
    """Join texts to long documents, see `join`."""
    train, test = join(train, own, other, rng), join(test, own, other, rng)
    if len(train) + len(test) < LEAST_DOCUMENTS:
        raise UnfitError(f"only {len(train) + len(test)} documents of {own} texts of a label")
    return train, test


def mislabel(train: list[Row], test: list[Row], rng: random.Random, share: float) -> Parts:
    """Give this share of the rows to train on a wrong label, each other label as likely."""
    labels = sorted({label for label, _ in train})
    train = list(train)
    for i in rng.sample(range(len(train)), round(share * len(train))):
        label, text = train[i]
        train[i] = rng.choice([other for other in labels if other != label]), text
    return train, test


def thin(train: list[Row], test: list[Row], rng: random.Random, n: int) -> Parts:
    """Keep so many rows of each label to train on."""
    left: dict[str, int] = {}
    kept = []
    for i in rng.sample(range(len(train)), len(train)):
        label = train[i][0]
        left[label] = left.get(label, n) - 1
        if left[label] >= 0:
            kept.append(i)
    return [train[i] for i in sorted(kept)], test


# -- their names -----------------------------------------------------------------------------


def _count(text: str, least: int = 1) -> int:
    if int(text) < least:
        raise ValueError
    return int(text)


def _share(text: str) -> float:
    if not 0 < float(text) < 1:
        raise ValueError
    return float(text)


@dataclass(frozen=True)
class Kind:
    """What a name can begin with: how it is written, what is read from it, what is done."""

    usage: str
    values: Callable[[list[str]], tuple[Any, ...]]  # raises ValueError
    make: Callable[..., Parts]


def _nothing(words: list[str]) -> tuple[()]:
    if words:
        raise ValueError
    return ()


def _label_and_share(words: list[str]) -> tuple[str, float]:
    *label, share = words
    return ":".join(label), _share(share)


def _own_and_other(words: list[str]) -> tuple[int, int]:
    own, other = words
    return _count(own), _count(other, 0)


def _one(of: Callable[[str], Any]) -> Callable[[list[str]], tuple[Any]]:
    def values(words: list[str]) -> tuple[Any]:
        (word,) = words
        return (of(word),)

    return values


KINDS = {
    PLAIN: Kind("plain", _nothing, lambda train, test, rng: (train, test)),
    "skew": Kind("skew:[LABEL:]SHARE", _label_and_share, skew),
    "rare": Kind("rare", _nothing, rare),
    "long": Kind("long:OWN:OTHER", _own_and_other, lengthen),
    "noise": Kind("noise:SHARE", _one(_share), mislabel),
    "few": Kind("few:N", _one(_count), thin),
}
USAGE = ", ".join(kind.usage for kind in KINDS.values())


def kind_of(variant: str) -> str:
    """Return what a name begins with."""
    return variant.partition(":")[0]


def _parsed(variant: str) -> tuple[Kind, tuple[Any, ...]]:
    try:
        kind = KINDS[kind_of(variant)]
        return kind, kind.values(variant.split(":")[1:])
    except (KeyError, ValueError):
        raise UsageError(f"variants are {USAGE}; got {variant!r}") from None


def choose(text: str) -> list[str]:
    """Return the variants that an option gives, joined by commas.

    Raises
    ------
    UsageError
        Of none, and of one that there is not.
    """
    names = split_names(text)
    for name in names or [""]:
        _parsed(name)
    return names


def titled(name: str, variant: str) -> str:
    """Return what a report calls a variant of a set."""
    return name if variant == PLAIN else f"{name} {variant}"


def make(variant: str, train: list[Row], test: list[Row]) -> Parts:
    """Return the variant of a set: always the same one of the same rows.

    Parameters
    ----------
    variant : str
        See `choose`.
    train, test : list of Row
        Each text has one label.

    Raises
    ------
    UnfitError
        If the set has no such variant.
    """
    kind, values = _parsed(variant)
    train, test = kind.make(train, test, random.Random(f"{SEED} {variant}"), *values)
    if len({label for label, _ in train}) < 2 or not test:
        raise UnfitError("less than two labels to train on, or nothing to test on")
    return train, test


def write(variant: str, source: Path, target: Path) -> None:
    """Write train.tsv and test.tsv of a variant; parameters as of `make`."""
    parts = ("train.tsv", "test.tsv")
    rows = [files.complete(files.read_labelled(source / part)) for part in parts]
    for part, made in zip(parts, make(variant, *rows), strict=True):
        files.write_lines(target / part, [f"{label}\t{text}" for label, text in made])


def main(argv: Sequence[str] | None = None) -> int:
    """Write a variant; return 0, 1 (the set has none) or 2 (bad usage)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if len(arguments) != 3:
            raise UsageError("give SET, OUTPUT and VARIANT")
        source, target, variant = Path(arguments[0]), Path(arguments[1]), arguments[2]
        choose(variant)
        if not all((source / f"{part}.tsv").is_file() for part in ("train", "test")):
            raise UsageError(f"{source}: not a folder with train.tsv and test.tsv")
        target.mkdir(parents=True, exist_ok=True)
        write(variant, source, target)
    except (UsageError, UnfitError) as error:
        print(f"bench.variants: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
