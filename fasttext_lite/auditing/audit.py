"""Audit labelled texts: everything that may be wrong with them, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fasttext_lite.auditing.duplicates import Alike, find_alike
from fasttext_lite.auditing.findings import KINDS, Audit, Finding
from fasttext_lite.auditing.folds import MOST_CELLS, out_of_fold
from fasttext_lite.auditing.given import check_settings, checked, parts_of, taken
from fasttext_lite.auditing.odd import odd, same_names
from fasttext_lite.auditing.repeats import repeats
from fasttext_lite.auditing.rows import Rows
from fasttext_lite.auditing.wrong import few_texts, not_told_apart, of_few, wrong
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.parallel import cpu_count

NEAR = 0.8
REPEATED = ("leaks", "contradictions", "duplicates", "near")
BY_MODELS = ("wrong", "alike")
MOST_WRONG = 0.1  # share of rows: what more of them are is no list of mistakes


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
    least_score: float = 0.0,
) -> Audit:
    """Find what may be wrong with labelled texts.

    Parameters
    ----------
    texts : list of str, array or Series
    labels : list of str or numbers, or of lists of them, or 0/1 matrix (dense or sparse)
        The label of each text, or all of them. They come back as text: 3 as "3", and those of a
        matrix as the numbers of the columns; several of a text are sorted.
    config : Config, optional
        Of the models that judge the labels.
    others : sequence of (texts, labels)
        Texts for testing: what of them is in a part before is a leak. All are judged together.
    checks : iterable of str, optional
        Kinds of findings to look for; default: all of `findings.KINDS`.
    near : float
        Least share of pieces that nearly the same texts share, in [0.3, 1]; 1 = only the same.
    seed : int
        The result depends on it alone, not on the threads.
    n_threads : int, optional
        Default: all processors.
    least_score : float
        Of labels that are held to be wrong, in [0, 1]: findings of a lower score are left out.

    Returns
    -------
    Audit

    Raises
    ------
    TypeError, ValueError
        If texts or labels are none, or there are not as many of them, or one is missing.
    SettingError
        If a setting cannot be.

    Examples
    --------
    >>> found = audit(["good", "bad", "Good "], ["pos", "neg", "neg"])
    >>> found.of("contradictions")[0].labels
    ('pos',)
    """
    wanted = checked(checks)
    check_settings(near, seed, n_threads, least_score)
    return audit_rows(
        *_joined(texts, labels, others), config, checks=wanted, near=near, seed=seed,
        n_threads=n_threads, least_score=least_score,
    )  # fmt: skip


def _joined(texts: Any, labels: Any, others: Any) -> tuple[Texts, Labels, list[int]]:
    """Return the texts and labels of all parts, one after another, and the sizes of the parts."""
    parts = [taken(*part, i) for i, part in enumerate(parts_of(texts, labels, others))]
    joined, sizes = parts[0][0], [len(each) for each, _ in parts]
    if not sizes[0]:
        raise ValueError("found 0 texts: at least 1 is needed")
    for more, _ in parts[1:]:
        joined = Texts.joined(joined, more)
    return joined, Labels.from_rows([row for _, rows in parts for row in rows]), sizes


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
    least_score: float = 0.0,
) -> Audit:
    """Find what may be wrong with the rows of one or several parts, one after another.

    Parameters
    ----------
    texts, labels : Texts, Labels
    sizes : sequence of int
        Rows of each part.
    config, checks, near, seed, n_threads, least_score
        As of `audit`.
    """
    wanted = checked(checks)
    check_settings(near, seed, n_threads, least_score)
    n_threads = n_threads or cpu_count()
    rows = Rows(texts, labels, tuple(sizes), labels.is_multilabel)
    findings: list[Finding] = []
    needs_groups = set(wanted) & {*REPEATED, *BY_MODELS, "few"}
    if needs_groups:
        alike = find_alike(rows.strings, near, seed, n_threads)
        if set(wanted) & set(REPEATED):
            findings += repeats(rows, alike)
        findings += _of_labels(rows, alike, wanted, config, seed, n_threads, least_score)
    if "odd" in wanted:
        findings += odd(rows)
    order = {kind: place for place, kind in enumerate(KINDS)}
    kept = [finding for finding in findings if finding.kind in wanted]
    kept.sort(key=lambda finding: order[finding.kind])
    return Audit(
        tuple(kept), rows.sizes, len(labels.names), tuple(wanted), tuple(rows.notices),
        rows.strings,
    )  # fmt: skip


def _of_labels(
    rows: Rows,
    alike: Alike,
    wanted: list[str],
    config: Config | None,
    seed: int,
    n_threads: int,
    least_score: float,
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
    if "wrong" in asked:
        _note_unjudged(rows, int(np.count_nonzero(~said.is_judged)))
        held = [each for each in wrong(rows, said, is_few) if each.score >= least_score]
        if len(held) > MOST_WRONG * len(rows):
            rows.note(
                f"wrong: {len(held):,} of {len(rows):,} rows, so many are no list of mistakes: "
                "look at the surest; --least-score S (least_score) leaves out the rest"
            )
        found += held
    if "alike" in asked and rows.multilabel:
        rows.note("alike: left out, rows have several labels or none")
    elif "alike" in asked:
        found += not_told_apart(rows, said, is_few)
    return found


def _note_unjudged(rows: Rows, n: int) -> None:
    if n:
        rows.note(
            f"wrong: {n} row{'s' * (n != 1)} could not be judged by models: no word of theirs is "
            "in rows trained on, or the row is the only one of its label"
        )
