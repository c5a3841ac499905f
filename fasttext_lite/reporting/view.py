"""What a report shows of its findings, as the template takes it: rows, cells and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.evaluation.reliability import shown_threshold
from fasttext_lite.reporting import words
from fasttext_lite.reporting.charts import (
    coverage_chart,
    learning_chart,
    novelty_chart,
    reliability_chart,
)
from fasttext_lite.reporting.confusion import table_labels
from fasttext_lite.reporting.findings import Against, Findings
from fasttext_lite.reporting.limits import Limits
from fasttext_lite.reporting.measured import Measured
from fasttext_lite.reporting.novel import curves
from fasttext_lite.reporting.slips import GIVEN, MISSING, Slip
from fasttext_lite.version import __version__

if TYPE_CHECKING:
    from fasttext_lite.auditing.findings import Finding

MOST_OWN = 10  # labels of a text
MOST_OTHERS = 3  # texts that are named beside one
STRONGEST = 0.8  # how opaque a cell of the confusion may be

_TITLES = {
    "summary": "Summary",
    "labels": "Labels",
    "confusion": "Confusion",
    "sure": "How sure",
    "errors": "Errors",
    "features": "Features",
    "more": "More texts",
    "audit": "Data",
    "against": "Other model",
    "about": "About",
}


_AUDIT = {
    "leaks": "Texts of the test that are in the training, or nearly so",
    "contradictions": "The same text with different labels",
    "duplicates": "The same text again",
    "near": "Nearly the same text again",
    "wrong": "Labels that are likely wrong",
    "alike": "Labels that cannot be told apart",
    "few": "Labels with few texts",
    "odd": "Odd texts",
}


class View:
    """Some of the findings.

    Parameters
    ----------
    found : Findings
    limits : Limits
    charts : dict of str to Markup
        See `charts_of`.
    """

    def __init__(self, found: Findings, limits: Limits, charts: dict[str, Any]) -> None:
        self.found, self.limits, self.charts = found, limits, charts
        self.measured = found.measured
        self.names = found.measured.names
        self.notes: list[str] = list(found.audit.notices if found.audit is not None else ())
        if found.curve is not None and not found.curve.points:
            self.notes.append(
                "There is no learning curve: samples of the training file cannot be trained on."
            )
        # Links lead to what is shown.
        self.shown = {
            (each.true, each.found): f"m{each.true}-{each.found}" for each in self._mistakes_shown()
        }
        self.slips = {(each.label, each.kind): each.count for each in found.slips}
        self.slips_shown = {
            (each.label, each.kind): f"s{each.label}-{each.kind}" for each in self._slips_shown()
        }
        self.featured = self._featured()

    def values(self) -> dict[str, Any]:
        """Return what the template needs."""
        found = self.found
        audit, curve, against = self._audit(), self._curve(), self._against()
        absent = {"more": curve is None, "audit": not audit, "against": against is None}
        values: dict[str, Any] = {
            "version": __version__,
            "title": f"How well {_file(found.path)} labels {_file(found.data.path)}",
            "about": self._about(),
            "sections": [(id, name) for id, name in _TITLES.items() if not absent.get(id)],
            "tiles": self._tiles(),
            "summary": words.summary(found),
            "steps": words.next_steps(found),
            "rows": self._rows(),
            "heat": self._heat(),
            "pairs": self._pairs(),
            "examples": self._examples(),
            "is_multilabel": self.measured.model.multilabel,
            "calibration_error": words.percent(found.reliability.error),
            "answers": self._answers(),
            "abstention": self._abstention(),
            "unit": _unit(self.measured),
            "n_groups": len(found.reliability.counts),
            "errors": self._errors(),
            "is_first_order": not all(each.marked.is_exact for each in found.errors),
            "novel": self._novel(),
            "feature_rows": self._feature_rows(),
            "curve": curve,
            "audit": audit,
            "against": against,
            "charts": self.charts,
        }
        n, more = len(self.names), len(self.names) - len(values["rows"])
        values["labels_note"] = (
            f"The {len(values['rows']):,} weakest of {n:,} labels are shown." if more > 0 else ""
        )
        values["examples_note"] = self._examples_note()
        values["errors_note"] = self._errors_note(len(values["errors"]))
        n_featured = len(values["feature_rows"])
        n_all = len(found.features)
        values["features_note"] = (
            f"Shown are {n_featured:,} of {n_all:,} labels, the weakest first."
            if n_featured < n_all
            else ""
        )
        values["notes"] = self._notes(values)
        return values

    # -- beginning and end -----------------------------------------------------------------------
    def _about(self) -> list[str]:
        found, model = self.found, self.measured.model
        said = [f"model {found.path}", f"{len(model.labels):,} labels", f"texts {found.data.path}"]
        if found.train is not None:
            said.append(f"trained on {found.train.path}")
        if found.against is not None:
            said.append(f"beside {found.against.path}")
        if found.novel is not None:
            said.append(f"texts of no known label {found.novel.texts.path}")
        return said

    def _tiles(self) -> list[tuple[str, str, str]]:
        result = self.measured.result
        low, high = words.proportion_interval(result.n_right, result.n)
        guess = self.measured.guess[1]
        what = "always the most frequent label" + "s" * result.multilabel
        span = f"{100 * low:.1f} to {100 * high:.1f}"
        return [
            (words.percent(result.accuracy), result.figure, span),
            (words.percent(guess), what, "what guessing gives"),
            (words.percent(result.macro_f1), "macro-F1", "mean of all labels"),
            (f"{result.n:,}", "texts", f"{result.n - result.n_right:,} wrong"),
        ]

    def _notes(self, values: dict[str, Any]) -> list[str]:
        """Return what the reader should know of how the page came about."""
        said = [f"Made by fasttext-lite {__version__}.", *self.notes]
        cut = [values["labels_note"], values["heat"]["note"], values["features_note"],
               values["errors_note"]]  # fmt: skip
        cut += self._findings_notes()
        kinds = len(self.found.mistakes) + len(self.found.slips)
        if len(self.shown) + len(self.slips_shown) < kinds:
            cut.append(values["examples_note"])
        if self.limits.characters < Limits().characters:
            cut.append(f"Texts are cut to {self.limits.characters} characters.")
        if any(cut):
            said.append("To keep the page small, parts are cut: " + " ".join(filter(None, cut)))
        return said

    def _findings_notes(self) -> list[str]:
        """Return which tables of findings are cut."""
        found, most = self.found, self.limits.findings
        sizes: list[tuple[str, int]] = []
        if found.audit is not None:
            sizes += [(_AUDIT.get(kind, kind), n) for kind, n in found.audit.counts.items()]
        if found.against is not None:
            sizes += [
                ("Right for the other model alone", found.against.test.only_second),
                ("Right for this model alone", found.against.test.only_first),
            ]
        said = [f"{name}: the first {most} of {n:,}." for name, n in sizes if n > most]
        return [f"Hardest pairs: the first {most}."] * (len(found.pairs) > most) + said

    # -- labels ----------------------------------------------------------------------------------
    def _order(self) -> list[int]:
        """Return the labels that occur or are predicted, the weakest first."""
        result = self.measured.result
        f1 = result.per_label()[2]
        used = np.flatnonzero(result.gold + result.predicted > 0)
        return used[np.lexsort((-result.gold[used], f1[used]))].tolist()

    def _rows(self) -> list[dict[str, Any]]:
        result = self.measured.result
        figures = np.stack(result.per_label(), axis=1)
        taken: dict[int, Any] = {}
        for each in self.found.mistakes:
            taken.setdefault(each.true, each)
        rows = []
        for label in self._order()[: self.limits.labels]:
            most = taken.get(label)
            rows.append({
                "name": self.names[label],
                "n": int(result.gold[label]),
                "predicted": int(result.predicted[label]),
                "figures": [f"{100 * value:.1f}" for value in figures[label]],
                "features": self.featured.get(label),
                "taken": None if most is None else self.names[most.found],
                "taken_count": 0 if most is None else most.count,
                "link": None if most is None else self.shown.get((label, most.found)),
                "slips": [self._slip(label, kind) for kind in (GIVEN, MISSING)],
            })  # fmt: skip
        return rows

    def _slip(self, label: int, kind: str) -> tuple[int, str | None]:
        """Return how often a label is given in error or missing, and where its texts are shown."""
        return self.slips.get((label, kind), 0), self.slips_shown.get((label, kind))

    def _slips_shown(self) -> list[Slip]:
        return self.found.slips[: self.limits.mistakes]

    # -- confusion -------------------------------------------------------------------------------
    def _heat(self) -> dict[str, Any]:
        """Return the table of what is taken for what, of the labels with most mistakes."""
        order = table_labels(self.found.mistakes, self.limits.heat)
        result = self.measured.result
        used = int(np.count_nonzero(result.gold + result.predicted))
        counts = {(each.true, each.found): each.count for each in self.found.mistakes}
        has_others = used > len(order)
        rows = []
        for true in order:
            right = self._right(true)
            cells = [
                self._cell(true, found, right if true == found else counts.get((true, found), 0))
                for found in order
            ]
            if has_others:
                rest = sum(n for (one, other), n in counts.items() if one == true)
                rest -= sum(counts.get((true, found), 0) for found in order)
                cells.append(
                    {"count": rest, "kind": "others", "share": 0, "name": "", "link": None}
                )
            rows.append({"name": self.names[true], "cells": cells})
        note = f"The {len(order)} labels with most mistakes, of {used:,}." if has_others else ""
        return {
            "columns": [self.names[label] for label in order], "rows": rows,
            "has_others": has_others and bool(order), "note": note if order else "",
        }  # fmt: skip

    def _right(self, label: int) -> int:
        """Return how many texts get this label and have it."""
        return int(((self.measured.counted_as == label) & self.measured.is_first_right).sum())

    def _cell(self, true: int, found: int, count: int) -> dict[str, Any]:
        total = max(int((self.measured.counted_as == true).sum()), 1)
        share = count / total
        # Small shares are seen, too: the eye takes a square root for even steps.
        depth = STRONGEST * (share if true == found else share**0.5)
        return {
            "count": count, "kind": "right" if true == found else "wrong",
            "share": f"{depth:.2f}" if count else 0, "name": self.names[found],
            "link": self.shown.get((true, found)),
        }  # fmt: skip

    def _pairs(self) -> list[dict[str, Any]]:
        return [
            {
                "one": self.names[pair.one], "other": self.names[pair.other],
                "both": pair.there + pair.back, "there": pair.there, "back": pair.back,
                "share": f"{100 * pair.share:.1f}",
                "link": self.shown.get((pair.one, pair.other)),
                "back_link": self.shown.get((pair.other, pair.one)),
            }
            for pair in self.found.pairs[: self.limits.findings]
        ]  # fmt: skip

    def _mistakes_shown(self) -> list[Any]:
        """Return the mistakes whose texts are shown: those of the table first."""
        order = set(table_labels(self.found.mistakes, self.limits.heat))
        ranked = sorted(
            self.found.mistakes,
            key=lambda each: -each.count - 1e9 * (each.true in order and each.found in order),
        )
        return ranked[: self.limits.mistakes]

    def _examples(self) -> list[dict[str, Any]]:
        if self.found.slips:
            return [
                {
                    "id": self.slips_shown[each.label, each.kind], "true": self.names[each.label],
                    "found": "", "kind": each.kind, "count": each.count,
                    "texts": [
                        self._labelled(i) for i in each.docs[: self.limits.examples].tolist()
                    ],
                }
                for each in self._slips_shown()
            ]  # fmt: skip
        return [
            {
                "id": self.shown[each.true, each.found], "true": self.names[each.true],
                "found": self.names[each.found], "kind": "", "count": each.count,
                "texts": [self._example(i) for i in each.docs[: self.limits.examples].tolist()],
            }
            for each in sorted(self._mistakes_shown(), key=lambda each: -each.count)
        ]  # fmt: skip

    def _examples_note(self) -> str:
        all_ = len(self.found.mistakes) + len(self.found.slips)
        shown = len(self.shown) + len(self.slips_shown)
        note = f"At most {self.limits.examples} texts of each."
        if shown < all_:
            note += f" Shown are {shown:,} of {all_:,} kinds of mistakes."
        return note

    def _labelled(self, doc: int) -> dict[str, Any]:
        """Return a text with its labels."""
        own = ", ".join(self.names[i] for i in self.measured.own(doc)[:MOST_OWN])
        return {**self._example(doc), "about": own or "no label"}

    def _example(self, doc: int) -> dict[str, Any]:
        text = self.measured.text(doc)
        most = self.limits.characters
        return {
            "text": text[:most],
            "more": f"{len(text) - most:,}" if len(text) > most else "",
            "about": words.percent(float(self.measured.confidence[doc]), 0),
        }

    # -- how sure --------------------------------------------------------------------------------
    def _answers(self) -> list[dict[str, Any]]:
        """Return the rows of the thresholds: the model's own, then those for wanted accuracies."""
        answers, told, own = self.found.answers, self.found.novel, self.found.own
        novel = [None] * len(answers) if told is None else told.answered
        rows = [(f"{100 * each.wanted:g}", each) for each in answers]
        if own is not None:
            rows = [("the model's own", own), *rows]
            novel = [None if told is None else told.own, *novel]
        return [
            {
                "wanted": name, "is_own": each is own,
                "threshold": None if each.threshold is None else shown_threshold(each.threshold),
                "answered": f"{100 * each.answered:.1f}",
                "accuracy": f"{100 * each.accuracy:.1f}",
                "least": f"{100 * each.lower:.1f}",
                "novel": "" if share is None else f"{100 * share:.1f}",
            }
            for (name, each), share in zip(rows, novel, strict=True)
        ]  # fmt: skip

    def _abstention(self) -> str:
        """Return what the model's own threshold is, and what it was measured on."""
        own = self.measured.model.abstention
        return "" if own is None else own.line()

    def _novel(self) -> dict[str, Any] | None:
        """Return what is told of texts of no known label."""
        found = self.found.novel
        if found is None:
            return None
        rows = []
        for each, marked in found.surest[: self.limits.novel]:
            pieces, more = marked.shown(2 * self.limits.characters)
            rows.append({
                "probability": words.percent(each.probability, 0),
                "found": self.names[each.label], "pieces": pieces, "more": more,
            })  # fmt: skip
        return {
            "path": found.texts.path,
            "said": words.about_novel(found, self.measured.model.multilabel),
            "rows": rows,
            "is_first_order": not all(marked.is_exact for _, marked in found.surest),
        }

    def _errors_note(self, shown: int) -> str:
        """Return how many of the errors are shown."""
        n = int((~self.measured.is_first_right & (self.measured.labels[:, 0] >= 0)).sum())
        return f"Shown are {shown:,} of {n:,} errors." if shown < n else ""

    def _errors(self) -> list[dict[str, Any]]:
        measured, most = self.measured, 2 * self.limits.characters
        rows = []
        for error in self.found.errors[: self.limits.errors]:
            pieces, more = error.marked.shown(most)
            rows.append({
                "probability": words.percent(float(measured.confidence[error.doc]), 0),
                "found": self.names[measured.labels[error.doc, 0]],
                "own": [self.names[i] for i in measured.own(error.doc)],
                "pieces": pieces,
                "more": more,
            })  # fmt: skip
        return rows

    # -- features --------------------------------------------------------------------------------
    def _featured(self) -> dict[int, str]:
        """Return the ids of the labels whose features are shown, the weakest first."""
        known = len(self.measured.model.labels)
        order = self._order()
        order += [i for i in range(known) if i not in set(order)]
        shown = [i for i in order if i < known and self.names[i] in self.found.features]
        return {label: f"f{label}" for label in shown[: self.limits.features]}

    def _feature_rows(self) -> list[dict[str, Any]]:
        rows = []
        for label, place in self.featured.items():
            good, bad = self.found.features[self.names[label]]
            most = max((abs(weight) for _, weight in [*good, *bad]), default=0.0) or 1.0
            strongest, weakest = (
                [
                    (word[: self.limits.characters], f"{abs(weight) / most:.2f}")
                    for word, weight in side[: self.limits.weights]
                ]
                for side in (good, bad)
            )
            name = self.names[label]
            rows.append({"id": place, "name": name, "good": strongest, "bad": weakest})
        return rows

    # -- more texts, data, another model -----------------------------------------------------------
    def _curve(self) -> dict[str, Any] | None:
        curve = self.found.curve
        if curve is None or not curve.points:
            return None
        said = "" if curve.forecast is None else words.more_texts(curve)
        return {
            "said": said, "beside": words.trained_anew(curve, self.measured),
            "honesty": words.honesty(curve), "n_tested": f"{curve.n_tested:,}",
            "notes": curve.notes,
            "points": [
                {
                    "raw": point.n_texts, "n": f"{point.n_texts:,}",
                    "samples": len(point.accuracies),
                    "mean": f"{100 * point.accuracy:.2f}",
                    "low": f"{100 * min(point.accuracies):.2f}",
                    "high": f"{100 * max(point.accuracies):.2f}",
                }
                for point in curve.points
            ],
        }  # fmt: skip

    def _audit(self) -> list[dict[str, Any]]:
        """Return a table of each kind of finding that there is."""
        audit = self.found.audit
        if audit is None:
            return []
        from fasttext_lite.auditing.findings import KINDS

        counts = audit.counts
        parts: list[dict[str, Any]] = []
        columns = ["Text", "Where", "Label", "Proposed", "Why"]
        for kind in audit.checks:
            rows = [self._finding(each) for each in audit.of(kind)[: self.limits.findings]]
            if not rows:
                continue
            used = [place for place in range(len(columns)) if any(row[place] for row in rows)]
            about = KINDS[kind].about
            text = f"{about[:1].upper()}{about[1:]}."
            text += words.by_file(audit, kind)
            if counts[kind] > len(rows):
                text += f" The first {len(rows):,} of {counts[kind]:,}."
            parts.append({
                "title": _AUDIT.get(kind, kind), "count": f"{counts[kind]:,}", "text": text,
                "rows": [[row[place] for place in used] for row in rows],
                "columns": [columns[place] for place in used],
            })  # fmt: skip
        none = [_AUDIT.get(kind, kind) for kind in audit.checks if not counts[kind]]
        if none:
            text = f"{'; '.join(none)}."
            parts.append({"title": "Looked for and not found", "count": "", "text": text})
        return parts

    def _finding(self, finding: Finding) -> list[str]:
        """Return the cells of a finding."""
        text = where = ""
        if finding.place is not None:
            part, row = finding.place
            found = self.found
            train = found.train
            source = found.data if part or train is None else train
            start, end = source.texts.offsets[row : row + 2]
            text = source.texts.buffer[start:end].tobytes().decode("utf-8", "surrogatepass")
            text = text[: self.limits.characters]
            where = _where(part, row)
        names = (", ".join(finding.labels), ", ".join(finding.proposed))
        why = finding.why[:300]
        if finding.others:
            more = ", ..." * (len(finding.others) > MOST_OTHERS)
            some = ", ".join(_where(*place) for place in finding.others[:MOST_OTHERS])
            why = f"{why} ({some}{more})"
        return [text, where, *(name[:200] for name in names), why]

    def _against(self) -> dict[str, Any] | None:
        against = self.found.against
        if against is None:
            return None
        test = against.test
        parts = [
            ("Right for the other model alone", test.only_second, against.better),
            ("Right for this model alone", test.only_first, against.worse),
        ]
        return {
            "one": self.found.path, "other": against.path,
            "figure": self.measured.result.figure,
            "first": words.percent(test.n_first / test.n),
            "second": words.percent(test.n_second / test.n), "verdict": words.verdict(test),
            "parts": [
                {
                    "title": title, "count": f"{count:,}",
                    "rows": [
                        self._difference(against, doc)
                        for doc in docs[: self.limits.findings].tolist()
                    ],
                }
                for title, count, docs in parts
            ],
        }  # fmt: skip

    def _difference(self, against: Against, doc: int) -> dict[str, Any]:
        row = {
            "text": self.measured.text(doc)[: self.limits.characters],
            "own": ", ".join(self.names[i] for i in self.measured.own(doc)),
        }
        for who, measured in (("first", self.measured), ("second", against.measured)):
            row[who] = measured.names[measured.labels[doc, 0]]
            row[f"{who}_p"] = f"{100 * float(measured.confidence[doc]):.0f}"
        return row


def charts_of(found: Findings) -> dict[str, str]:
    """Return the charts of a report, by their names in the template: SVG."""
    reliability, coverage = found.reliability, found.coverage
    charts = {
        "calibration": reliability_chart(
            reliability.confidence, reliability.accuracy, reliability.counts
        ),
        "coverage": coverage_chart(
            coverage.answered, coverage.accuracy, _mean(found.measured), _unit(found.measured)
        ),
    }
    if found.novel is not None:
        charts["novelty"] = novelty_chart(
            *curves(found.measured, found.novel), found.novel.threshold
        )
    if found.curve is not None and found.curve.points:
        charts["learning"] = learning_chart(found.curve)
    return charts


def _where(part: int, row: int) -> str:
    """Return which text is meant."""
    return f"{'test' if part else 'training'} {row + 1:,}"


def _mean(measured: Measured) -> float:
    right = measured.judged[1]
    return float(right.mean()) if right.size else 0.0


def _unit(measured: Measured) -> str:
    """Return what is counted of how sure a model is."""
    return "labels" if measured.result.multilabel else "texts"


def _file(path: str) -> str:
    """Return the name of a file without its folders."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path
