"""The findings of an audit as the command ``audit`` prints them, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fasttext_lite.auditing.findings import KINDS
from fasttext_lite.cli.console import write
from fasttext_lite.corpus.files import name_of

if TYPE_CHECKING:
    from fasttext_lite.auditing.files import AuditedFiles
    from fasttext_lite.auditing.findings import Audit
    from fasttext_lite.auditing.listing import Listed

LONGEST = 60  # characters of a text or a label that are shown
MOST_WHY = 300  # of a reason
MOST_OTHERS, MOST_LABELS = 3, 6


def print_findings(
    audit: Audit,
    read: AuditedFiles,
    found: Sequence[Listed],
    counts: Mapping[str, int],
    n_shown: int,
    near: float,
) -> None:
    """Print counts, and the first findings of each kind.

    Parameters
    ----------
    audit : Audit
    read : AuditedFiles
    found : sequence of Listed
    counts : mapping
        Findings of each kind.
    n_shown : int
        Findings of each kind that are printed at most.
    near : float
        1 = texts that are nearly the same were not looked for.
    """
    n = {"row": sum(read.sizes), "label": audit.n_labels, "file": len(read.paths)}
    rows, labels, files = (f"{count} {name}{'s' * (count != 1)}" for name, count in n.items())
    write(f"{rows} with {labels} in {files}")
    about = {kind: KINDS[kind].about for kind in counts}
    if near == 1:
        about = {kind: said.replace(", or nearly so,", "") for kind, said in about.items()}
    for kind, count in counts.items():
        write(f"{count:>8}  {kind:<15}{about[kind]}")
    for kind, count in counts.items():
        of_kind = [each for each in found if each.finding.kind == kind][:n_shown]
        if of_kind:
            how_many = f" ({len(of_kind)} of {count})" * (len(of_kind) < count)
            write(f"\n{kind}: {about[kind]}{how_many}")
        for each in of_kind:
            write(_lines(each))


def _lines(each: Listed) -> str:
    """Return the lines of a finding."""
    found = each.finding
    why = cut(found.why, MOST_WHY)
    if not KINDS[found.kind].is_of_rows:
        return f"  {_labels(found.labels, ' / ')}\n      {why}"
    labels = _labels(found.labels)
    if found.proposed:
        labels += f" -> {_labels(found.proposed)}"
    head = "  ".join(part for part in (each.where, labels, cut(each.text)) if part)
    lines = [f"  {head}", f"      score {found.score:.3f}: {why}"]
    others = [
        (f"{name_of(file)}:{line}", names, text)
        for (file, line), names, text in zip(
            each.others, each.other_labels, each.other_texts, strict=True
        )
    ][:MOST_OTHERS]
    if found.kind == "contradictions":
        lines += [
            f"      also {where} (label {_labels(names)}): {cut(text)}"
            for where, names, text in others
        ]
    elif others:
        shown = (
            f"{where} with label {_labels(names)}" if found.kind == "leaks" else where
            for where, names, _ in others
        )  # fmt: skip
        lines[1] += f" (also {', '.join(shown)})"
    return "\n".join(lines)


def _labels(labels: Sequence[str], between: str = ",") -> str:
    """Return labels as they are printed, not all if they are many."""
    more = f"{between}..." * (len(labels) > MOST_LABELS)
    return between.join(map(cut, labels[:MOST_LABELS])) + more


def cut(text: str, most: int = LONGEST) -> str:
    """Return the beginning of a text, without signs that a terminal would act upon."""
    line = " ".join(text[: 4 * most].split())
    line = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)
    is_whole = len(line) <= most and len(text) <= 4 * most
    return line if is_whole else f"{line[: most - 3]}..."
