"""What an audit finds: kinds of findings, and the findings themselves, for programs and people."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

from fasttext_lite.errors import bounded

DROP, RELABEL, KEEP = "drop", "relabel", "keep"
ACTIONS = (DROP, RELABEL, KEEP)


@dataclass(frozen=True)
class Kind:
    """One kind of finding.

    Attributes
    ----------
    name : str
    about : str
        What its findings have in common, for people.
    is_of_rows : bool
        Whether a finding is about a row; else about labels.
    """

    name: str
    about: str
    is_of_rows: bool = True


KINDS = {
    kind.name: kind
    for kind in (
        Kind("leaks", "rows whose text, or nearly so, is in a file before theirs"),
        Kind("contradictions", "the same text, or nearly so, with other labels"),
        Kind("duplicates", "the text and the labels of a row before"),
        Kind("near", "nearly the text of a row before, with its labels"),
        Kind("wrong", "labels that models trained on other rows hold to be wrong"),
        Kind("alike", "labels that cannot be told apart", is_of_rows=False),
        Kind("few", "labels with too few texts to say anything about", is_of_rows=False),
        Kind("odd", "rows unlike the others"),
    )
}


class Place(NamedTuple):
    """A row: number of its part (0 = the first texts, 1 = the next ones), and its number there."""

    part: int
    row: int


@dataclass(frozen=True)
class Finding:
    """Something that may be wrong.

    Attributes
    ----------
    kind : str
        A name of `KINDS`.
    place : Place, optional
        The row; None of findings about labels.
    labels : tuple of str
        Of the row, or those that are spoken of.
    proposed : tuple of str
        Labels instead; empty where none are.
    score : float
        In [0, 1], 1 = surest: how alike texts are; how much likelier what is proposed is than what
        is there; of labels that cannot be told apart, 1 - how well they are.
    why : str
        In words.
    others : tuple of Place
        Rows that it has to do with, at most `MOST_OTHERS`.
    action : str
        What is done about it if the user agrees: one of `ACTIONS`.
    """

    kind: str
    place: Place | None
    labels: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()
    score: float = 1.0
    why: str = ""
    others: tuple[Place, ...] = ()
    action: str = KEEP


MOST_OTHERS = 10


@dataclass(frozen=True)
class Audit:
    """All that was found.

    Attributes
    ----------
    findings : tuple of Finding
        By kind, in the order of `KINDS`; the surest of a kind first, or in the order of the rows.
    sizes : tuple of int
        How many rows each part has.
    n_labels : int
    checks : tuple of str
        Kinds that were looked for.
    notices : tuple of str
        What was left out, and why.
    """

    findings: tuple[Finding, ...]
    sizes: tuple[int, ...]
    n_labels: int
    checks: tuple[str, ...]
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.findings)

    def of(self, kind: str) -> list[Finding]:
        """Return the findings of a kind.

        Raises
        ------
        ValueError
            If there is no such kind.
        """
        if kind not in KINDS:
            raise ValueError(bounded(f"no kind of finding is called {kind!r}: {', '.join(KINDS)}"))
        return [finding for finding in self.findings if finding.kind == kind]

    @property
    def counts(self) -> dict[str, int]:
        """How many findings each kind has that was looked for."""
        counts = dict.fromkeys(self.checks, 0)
        for finding in self.findings:
            counts[finding.kind] += 1
        return counts

    def rows(self, kind: str, part: int = 0) -> list[int]:
        """Return the numbers of the rows of a part that findings of a kind are about.

        Raises
        ------
        ValueError
            If there is no such kind.
        """
        places = (finding.place for finding in self.of(kind))
        return [place.row for place in places if place is not None and place.part == part]

    def to_dict(self) -> dict[str, Any]:
        """Return counts and findings as plain values."""
        return {
            "rows": list(self.sizes),
            "labels": self.n_labels,
            "counts": self.counts,
            "notices": list(self.notices),
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
        }
