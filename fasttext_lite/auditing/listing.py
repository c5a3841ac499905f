"""Findings with the place in their files: as JSON lines that users edit, and read again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fasttext_lite.auditing.files import AuditedFiles, Change, as_json, change_of, joined
from fasttext_lite.auditing.findings import ACTIONS, DROP, KINDS, RELABEL, Audit, Finding, Place
from fasttext_lite.corpus.files import iter_blocks, name_of, split_lines
from fasttext_lite.errors import InputError

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Listed:
    """A finding, and where it stands.

    Attributes
    ----------
    finding : Finding
    file : str
        Empty of findings about labels.
    line : int
        Counted from 1; 0 of findings about labels.
    text : str
    others : tuple of (str, int)
        Files and lines.
    """

    finding: Finding
    file: str = ""
    line: int = 0
    text: str = ""
    others: tuple[tuple[str, int], ...] = ()

    @property
    def where(self) -> str:
        """File and line."""
        return f"{name_of(self.file)}:{self.line}" if self.line else ""

    def to_json(self) -> str:
        """Return the line of this finding."""
        found = self.finding
        values = {
            "kind": found.kind,
            "action": found.action,
            "file": self.file or None,
            "line": self.line or None,
            "label": one_or_list(found.labels),
            "proposed": one_or_list(found.proposed),
            "score": found.score,
            "why": found.why,
            "others": [f"{name_of(file)}:{line}" for file, line in self.others],
            "text": self.text if self.line else None,
        }
        return as_json(values)


def one_or_list(labels: Sequence[str]) -> str | list[str] | None:
    """Return one label as it is, several as a list, none as None."""
    if not labels:
        return None
    return labels[0] if len(labels) == 1 else list(labels)


def listed(audit: Audit, files: AuditedFiles) -> list[Listed]:
    """Return all findings with their places; also the records that could not be read.

    These are odd, where what is odd was looked for.
    """
    texts = files.texts.to_list()
    starts = [0]
    for size in files.sizes:
        starts.append(starts[-1] + size)

    def spot(place: Place) -> tuple[str, int]:
        return files.paths[place.part], int(files.lines[place.part][place.row])

    found = []
    for finding in audit.findings:
        place = finding.place
        if place is None:
            found.append(Listed(finding))
        else:
            others = tuple(map(spot, finding.others))
            text = texts[starts[place.part] + place.row]
            found.append(Listed(finding, *spot(place), text, others))
    if "odd" in audit.checks:
        why = "empty: without a label, without a text or without both"
        for part, lines in enumerate(files.unread):
            odd = Finding("odd", None, why=why, action=DROP)
            found += [Listed(odd, files.paths[part], line) for line in lines.tolist()]
    return found


def changes_of(
    findings: Iterable[Listed], actions: dict[str, str | None]
) -> dict[str, dict[int, Change]]:
    """Return what is done about the records of each file.

    Parameters
    ----------
    findings : iterable of Listed
    actions : dict
        Kind -> what is done about its findings, None = what each says. Others are left alone.
    """
    changes: dict[str, dict[int, Change]] = {}
    for each in findings:
        if each.line and each.finding.kind in actions:
            action = actions[each.finding.kind] or each.finding.action
            of_file = changes.setdefault(each.file, {})
            change = change_of(each.finding, action)
            of_file[each.line] = joined(of_file.get(each.line), change)
    return changes


def agreed_changes(path: str, files: Sequence[str]) -> dict[str, dict[int, Change]]:
    """Return what a file of findings, as the user left it, says is done about the records.

    Parameters
    ----------
    path : str
    files : sequence of str
        Those that findings may speak of.

    Raises
    ------
    InputError
        If it cannot be read, or a line is no finding, or speaks of another file.
    """
    changes: dict[str, dict[int, Change]] = {}
    for where, values in _objects(path):
        if values.get("line") is None:
            continue  # of labels
        file, line, change = _change(where, values)
        if file not in files:
            raise InputError(
                f"{where}: it speaks of {file}, which is not among the files to mend: "
                f"{', '.join(map(name_of, files))}"
            )
        of_file = changes.setdefault(file, {})
        of_file[line] = joined(of_file.get(line), change)
    return changes


def _objects(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place and the values of each line that is not empty."""
    lines = (line for block in iter_blocks(path, _BLOCK) for line in split_lines(block))
    for number, line in enumerate(lines, 1):
        where = f"{name_of(path)}:{number}"
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: no finding: bad JSON: {error}") from None
        if not isinstance(values, dict) or values.get("kind") not in KINDS:
            raise InputError(f'{where}: no finding of an audit: its "kind" is missing or unknown')
        yield where, values


def _change(where: str, values: dict[str, Any]) -> tuple[str, int, Change]:
    """Return file, line and change of a finding."""
    file, line, action = values.get("file"), values.get("line"), values.get("action")
    if not isinstance(file, str) or not isinstance(line, int) or line < 1:
        raise InputError(f'{where}: "file" must be a name, and "line" a number from 1 on')
    if action not in ACTIONS:
        raise InputError(f'{where}: "action" must be {", ".join(ACTIONS)}; got {action!r}')
    labels, old = (_labels(where, values, name) for name in ("proposed", "label"))
    if action == RELABEL and not labels:
        raise InputError(f'{where}: "action" is {RELABEL}, but nothing is "proposed"')
    text = values.get("text")
    return file, line, Change(
        action, labels, text if isinstance(text, str) else None, tuple(sorted(old)) or None, where
    )  # fmt: skip


def _labels(where: str, values: dict[str, Any], name: str) -> tuple[str, ...]:
    found = values.get(name)
    several = found if isinstance(found, list) else [] if found is None else [found]
    for label in several:
        if not isinstance(label, str) or not label.strip() or "\t" in label or "\n" in label:
            raise InputError(f'{where}: "{name}" must be a label, or a list of them; got {label!r}')
    return tuple(several)
