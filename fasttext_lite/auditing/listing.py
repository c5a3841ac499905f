"""Findings with the place in their files: as JSON lines that users edit, and read again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fasttext_lite.auditing.files import AuditedFiles, Change, as_json, change_of, differ, joined
from fasttext_lite.auditing.findings import (
    ACTIONS,
    DROP,
    KEEP,
    KINDS,
    RELABEL,
    Audit,
    Finding,
    Place,
)
from fasttext_lite.corpus.files import iter_blocks, name_of, split_lines
from fasttext_lite.errors import InputError

_BLOCK = 1 << 20
_NO_LABEL = re.compile("[\t\n\r\ud800-\udfff]")  # none that is read from a file has these
# Of a line, in this order.
KEYS = (
    "kind", "action", "file", "line", "label", "proposed", "score", "why", "others",
    "other_labels", "text",
)  # fmt: skip


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
    other_labels : tuple of tuple of str
    other_texts : tuple of str
        Of those.
    """

    finding: Finding
    file: str = ""
    line: int = 0
    text: str = ""
    others: tuple[tuple[str, int], ...] = ()
    other_labels: tuple[tuple[str, ...], ...] = ()
    other_texts: tuple[str, ...] = ()

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
            "others": [f"{file}:{line}" for file, line in self.others],
            "other_labels": [one_or_list(labels) for labels in self.other_labels],
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
    texts, labels = files.texts.to_list(), files.labels.rows()
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
            rows = [starts[other.part] + other.row for other in finding.others]
            found.append(
                Listed(
                    finding, *spot(place), texts[starts[place.part] + place.row], others,
                    tuple(tuple(sorted(labels[row])) for row in rows),
                    tuple(texts[row] for row in rows),
                )
            )  # fmt: skip
    if "odd" in audit.checks:
        why = "empty: without a label, without a text or without both"
        for part, lines in enumerate(files.unread):
            odd = Finding("odd", None, why=why, action=DROP)
            found += [Listed(odd, files.paths[part], line) for line in lines.tolist()]
    return found


def changes_of(
    findings: Iterable[Listed], actions: dict[str, str | None]
) -> tuple[dict[str, dict[int, Change]], int]:
    """Return what is done about the records of each file.

    Parameters
    ----------
    findings : iterable of Listed
    actions : dict
        Kind -> what is done about its findings, None = what each says. Others are left alone.

    Returns
    -------
    changes : dict
        Of each file, by the line.
    n_twice : int
        How many findings propose other labels for a row than one before, which counts.
    """
    changes: dict[str, dict[int, Change]] = {}
    n_twice = 0
    for each in findings:
        if each.line and each.finding.kind in actions:
            action = actions[each.finding.kind] or each.finding.action
            of_file = changes.setdefault(each.file, {})
            change = change_of(each.finding, action)
            n_twice += differ(of_file.get(each.line), change)
            of_file[each.line] = joined(of_file.get(each.line), change)
    return changes, n_twice


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
        if not KINDS[values["kind"]].is_of_rows:
            if values.get("action") != KEEP:
                raise InputError(
                    f"{where}: findings of {values['kind']} are about labels and no row: their "
                    f'"action" is {KEEP}'
                )
            continue
        file, line, change = _change(where, values)
        if file not in files:
            raise InputError(
                f"{where}: it speaks of {file}, which is not among the files to mend: "
                f"{', '.join(map(name_of, files))}"
            )
        of_file = changes.setdefault(file, {})
        before = of_file.get(line)
        if before is not None and differ(before, change):
            raise InputError(
                f"{where}: it gives line {line} of {name_of(file)} another label than "
                f"{before.where} does: leave one of them"
            )
        of_file[line] = joined(before, change)
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
        kind = values.get("kind") if isinstance(values, dict) else None
        if not isinstance(kind, str) or kind not in KINDS:
            raise InputError(f'{where}: no finding of an audit: its "kind" is missing or unknown')
        unknown = [key for key in values if key not in KEYS]
        if unknown:
            raise InputError(f"{where}: no finding has the key {unknown[0]!r}: {', '.join(KEYS)}")
        yield where, values


def _change(where: str, values: dict[str, Any]) -> tuple[str, int, Change]:
    """Return file, line and change of a finding."""
    file, line, action = values.get("file"), values.get("line"), values.get("action")
    if not isinstance(file, str) or type(line) is not int or line < 1:
        raise InputError(f'{where}: "file" must be a name, and "line" a number from 1 on')
    if not isinstance(action, str) or action not in ACTIONS:
        raise InputError(f'{where}: "action" must be {", ".join(ACTIONS)}; got {action!r}')
    labels, old = (_labels(where, values, name) for name in ("proposed", "label"))
    if action == RELABEL and not labels:
        raise InputError(f'{where}: "action" is {RELABEL}, but nothing is "proposed"')
    text = values.get("text")
    if text is not None and not isinstance(text, str):
        raise InputError(f'{where}: "text" must be a string; got {text!r}')
    return file, line, Change(action, labels, text, tuple(sorted(old)) or None, where)


def _labels(where: str, values: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return labels of a finding; those that are proposed are such as can be written."""
    found = values.get(name)
    several = found if isinstance(found, list) else [] if found is None else [found]
    for label in several:
        is_one = isinstance(label, str) and bool(label.strip())
        if is_one and name == "proposed":
            is_one = label == label.strip() and not _NO_LABEL.search(label)
        if not is_one:
            raise InputError(f'{where}: "{name}" must be a label, or a list of them; got {label!r}')
    return tuple(dict.fromkeys(several))
