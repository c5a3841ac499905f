"""Audit labelled texts: everything that may be wrong with them, in one call."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fasttext_lite.auditing.duplicates import LEAST_NEAR, Alike, find_alike
from fasttext_lite.auditing.findings import KINDS, Audit, Finding
from fasttext_lite.auditing.folds import MOST_CELLS, out_of_fold
from fasttext_lite.auditing.odd import odd, same_names
from fasttext_lite.auditing.repeats import repeats
from fasttext_lite.auditing.rows import Rows
from fasttext_lite.auditing.wrong import few_texts, not_told_apart, of_few, wrong
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import SettingError, TrainingError
from fasttext_lite.parallel import cpu_count

NEAR = 0.8
REPEATED = ("leaks", "contradictions", "duplicates", "near")
BY_MODELS = ("wrong", "alike")


def audit(
    texts: Any,
    labels: Any,
    config: Config | None = None,
    *,
    others: Sequence[tuple[Any, Any]] = (),
    checks: Iterable[str] | None = None,
    near: float = NEAR,
    seed: int = 0,
    n_threads: int | None = None,
) -> Audit:
    """Find what may be wrong with labelled texts.

    Parameters
    ----------
    texts : list of str, array or Series
    labels : list of str, or of lists of str
        The label of each text, or all of them.
    config : Config, optional
        Of the models that judge the labels.
    others : sequence of (texts, labels)
        Texts for testing and validation: what of them is in a part before is a leak. They are
        judged with the first ones.
    checks : iterable of str, optional
        Kinds of findings to look for, names of `findings.KINDS`; default: all.
    near : float
        Least share of their pieces that texts have in common which are nearly the same, in
        [0.3, 1]; 1 = only those that are the same are found.
    seed : int
        The result depends on it alone, not on the threads.
    n_threads : int, optional
        Default: all processors.

    Returns
    -------
    Audit

    Raises
    ------
    TypeError, ValueError
        If texts are none, or there are not as many labels.
    SettingError
        If `checks` or `near` cannot be.

    Examples
    --------
    >>> found = audit(["good", "bad", "Good "], ["pos", "neg", "neg"])
    >>> found.of("contradictions")[0].labels
    ('pos',)
    """
    parts = [(texts, labels), *others]
    taken = [_taken(*part, number) for number, part in enumerate(parts)]
    joined, names = taken[0][0], [row for _, rows in taken for row in rows]
    for more, _ in taken[1:]:
        joined = Texts.joined(joined, more)
    sizes = [len(each) for each, _ in taken]
    return audit_rows(
        joined, Labels.from_rows(names), sizes, config, checks=checks, near=near, seed=seed,
        n_threads=n_threads,
    )  # fmt: skip


def _taken(texts: Any, labels: Any, number: int) -> tuple[Texts, list[tuple[str, ...]]]:
    """Return the texts of a part, and the labels of each as text."""
    found = Texts.from_sequence(texts)
    values = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    if len(values) != len(found):
        of = f" of others[{number - 1}]" if number else ""
        raise ValueError(f"{len(found)} texts{of}, but {len(values)} labels")
    for place, value in enumerate(values):
        if value is None or (isinstance(value, float) and math.isnan(value)):
            raise ValueError(f"label at position {place} is missing")
    several = [isinstance(value, list | tuple | set | frozenset | np.ndarray) for value in values]
    rows = [
        tuple(dict.fromkeys(str(each) for each in value)) if is_several else (str(value),)
        for value, is_several in zip(values, several, strict=True)
    ]
    return found, rows


def audit_rows(
    texts: Texts,
    labels: Labels,
    sizes: Sequence[int],
    config: Config | None = None,
    *,
    checks: Iterable[str] | None = None,
    near: float = NEAR,
    seed: int = 0,
    n_threads: int | None = None,
) -> Audit:
    """Find what may be wrong with the rows of one or several parts, one after another.

    Parameters
    ----------
    texts, labels : Texts, Labels
    sizes : sequence of int
        Rows of each part.
    config, checks, near, seed, n_threads
        As of `audit`.
    """
    wanted = checked(checks)
    if not LEAST_NEAR <= near <= 1:
        raise SettingError(f"near must be from {LEAST_NEAR} to 1; got {near!r}")
    n_threads = n_threads or cpu_count()
    rows = Rows(texts, labels, tuple(sizes), labels.is_multilabel)
    findings: list[Finding] = []
    needs_groups = set(wanted) & {*REPEATED, *BY_MODELS, "few"}
    if needs_groups:
        alike = find_alike(rows.strings, near, seed, n_threads)
        if set(wanted) & set(REPEATED):
            findings += repeats(rows, alike)
        findings += _of_labels(rows, alike, wanted, config, seed, n_threads)
    if "odd" in wanted:
        findings += odd(rows)
    order = {kind: place for place, kind in enumerate(KINDS)}
    kept = [finding for finding in findings if finding.kind in wanted]
    kept.sort(key=lambda finding: order[finding.kind])
    return Audit(tuple(kept), rows.sizes, len(labels.names), tuple(wanted), tuple(rows.notices))


def checked(checks: Iterable[str] | None) -> list[str]:
    """Return kinds to look for in the order of `KINDS`.

    Raises
    ------
    SettingError
        If one has no such name, or there is none.
    """
    if checks is None:
        return list(KINDS)
    asked = [checks] if isinstance(checks, str) else list(checks)
    for name in asked:
        if name not in KINDS:
            raise SettingError(f"no check is called {name!r}: {', '.join(KINDS)}")
    if not asked:
        raise SettingError(f"no check is named: {', '.join(KINDS)}")
    return [kind for kind in KINDS if kind in asked]


def _of_labels(
    rows: Rows,
    alike: Alike,
    wanted: list[str],
    config: Config | None,
    seed: int,
    n_threads: int,
) -> list[Finding]:
    """Return the findings about labels: wrong ones, and those that cannot be told apart."""
    is_few = few_texts(rows, alike.groups)
    found = list(of_few(rows, is_few))
    found += same_names(rows.labels.used()) if "alike" in wanted else ()
    asked = [kind for kind in BY_MODELS if kind in wanted]
    if not asked:
        return found
    n_labels = len(rows.labels.names)
    if np.count_nonzero(~is_few) < 2:
        rows.note(
            f"{' and '.join(asked)}: left out, fewer than two labels have enough texts to be judged"
        )
        return found
    if len(rows) * n_labels > MOST_CELLS:
        rows.note(
            f"{' and '.join(asked)}: left out, {len(rows):,} rows times {n_labels:,} labels are "
            f"more than {MOST_CELLS:,} probabilities; audit a part of the file"
        )
        return found
    try:
        said = out_of_fold(rows.texts, rows.labels, alike.groups, config, seed, n_threads)
    except TrainingError as error:
        rows.note(f"{' and '.join(asked)}: left out, no model could be trained: {error}")
        return found
    n_rest = int(np.count_nonzero(~said.is_judged))
    if n_rest and "wrong" in asked:
        rows.note(f"wrong: {n_rest} row{'s' * (n_rest != 1)} could not be judged by models")
    if "wrong" in asked:
        found += wrong(rows, said, is_few)
    if "alike" in asked and rows.multilabel:
        rows.note("alike: left out, rows have several labels or none")
    elif "alike" in asked:
        found += not_told_apart(rows, said, is_few)
    return found
