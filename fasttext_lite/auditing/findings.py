"""What an audit finds: kinds of findings, and the findings themselves, for programs and people."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fasttext_lite.errors import bounded, one_line

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
MOST_SHOWN, LONGEST = 3, 60  # findings of a kind, and characters of a text, that are printed


@dataclass(frozen=True, repr=False)
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
    texts : sequence of str
        Of all parts, one after another, to show findings with; empty where none are at hand.
    """

    findings: tuple[Finding, ...]
    sizes: tuple[int, ...]
    n_labels: int
    checks: tuple[str, ...]
    notices: tuple[str, ...] = ()
    texts: Sequence[str] = field(default=(), compare=False)

    def __repr__(self) -> str:
        counts = ", ".join(f"{kind}={n}" for kind, n in self.counts.items())
        return f"<Audit of {sum(self.sizes)} rows, {self.n_labels} labels: {counts}>"

    def __str__(self) -> str:
        """Return counts, notices, and the first findings of each kind with their texts."""
        lines = [f"{sum(self.sizes)} rows with {self.n_labels} labels"]
        lines += [f"{n:>8}  {kind:<15}{KINDS[kind].about}" for kind, n in self.counts.items()]
        lines += [f"note: {notice}" for notice in self.notices]
        for kind, n in self.counts.items():
            if n:
                first = [self._shown(each) for each in self.of(kind)[:MOST_SHOWN]]
                lines += ["", f"{kind} ({len(first)} of {n}): part:row, labels, text", *first]
        return "\n".join(lines)

    def _shown(self, finding: Finding) -> str:
        """Return the lines of a finding."""
        labels = ",".join(finding.labels)
        if finding.proposed:
            labels += f" -> {','.join(finding.proposed)}"
        parts = [one_line(labels)]
        if finding.place is not None:
            part, row = finding.place
            parts.insert(0, f"{part}:{row}")
            if self.texts:
                text = self.texts[sum(self.sizes[:part]) + row]
                short = one_line(text[:LONGEST])
                parts.append(short + "..." * (len(text) > LONGEST))
        also = ", ".join(f"{place.part}:{place.row}" for place in finding.others[:MOST_SHOWN])
        why = one_line(finding.why) + f" (also {also})" * bool(also)
        return f"  {'  '.join(parts)}\n      score {finding.score:.3f}: {why}"

    def __len__(self) -> int:
        return len(self.findings)

    def of(self, kind: str) -> list[Finding]:
        """Return the findings of a kind.

        Raises
        ------
        TypeError
            If the kind is no name.
        ValueError
            If there is no such kind, or it was not looked for.
        """
        if not isinstance(kind, str):
            raise TypeError(f"the kind of findings must be a name; got {type(kind).__name__}")
        if kind not in KINDS:
            raise ValueError(bounded(f"no kind of finding is called {kind!r}: {', '.join(KINDS)}"))
        if kind not in self.checks:
            raise ValueError(f"{kind} were not looked for: {', '.join(self.checks)}")
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
        TypeError, ValueError
            As of `of`.
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
