"""All that a report tells of a model, worked out once; `view` says how much of it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.evaluation.compare import Comparison, compare
from fasttext_lite.model.model import Model
from fasttext_lite.reporting.confusion import HardPair, Mistake, hard_pairs, mistakes
from fasttext_lite.reporting.curve import LearningCurve, learning_curve
from fasttext_lite.reporting.marks import Marked, marked
from fasttext_lite.reporting.measured import Measured, measure
from fasttext_lite.reporting.novel import NovelFindings, novel_findings
from fasttext_lite.reporting.slips import Slip, slips

if TYPE_CHECKING:
    from fasttext_lite.auditing.findings import Audit
    from fasttext_lite.evaluation.novelty import Novel
    from fasttext_lite.evaluation.reliability import Answered, Coverage, Reliability

MOST_EXAMPLES = 8  # of a mistake
MOST_ERRORS = 40  # the surest ones
MOST_PAIRS = 30
MOST_DIFFERENT = 20  # texts that one of two models alone labels right
FEATURES = 12  # of a label, for it and against it


@dataclass(frozen=True)
class Data:
    """Labelled texts, and the file that they are of."""

    path: str
    texts: Texts
    labels: Labels
    fingerprint: str = ""


@dataclass(frozen=True)
class SureError:
    """A text that the model is sure about, and wrong."""

    doc: int
    marked: Marked


@dataclass(frozen=True)
class Against:
    """Another model on the same texts."""

    path: str
    measured: Measured
    test: Comparison
    better: np.ndarray
    worse: np.ndarray


@dataclass(frozen=True)
class Findings:
    """What a report is made of.

    Attributes
    ----------
    path : str
        The model's file.
    data : Data
        What it was measured on.
    measured : Measured
    mistakes : list of Mistake
    pairs : list of HardPair
        None of a model of several labels: it has slips instead.
    reliability, coverage, answers
        As `evaluation.reliability` has them.
    errors : list of SureError
    features : dict
        As `explanation.top_features` returns them.
    is_trained_on : bool
        Whether the texts are those that the model is trained on.
    train : Data, optional
    curve : LearningCurve, optional
    audit : Audit, optional
        Of the texts trained on (part 0) and those measured on (part 1).
    against : Against, optional
    novel : NovelFindings, optional
        Texts of no known label.
    slips : list of Slip
        Of a model of several labels, what is given in error and what is missing.
    own : Answered, optional
        What the model's own threshold answers.
    """

    path: str
    data: Data
    measured: Measured
    mistakes: list[Mistake]
    pairs: list[HardPair]
    reliability: Reliability
    coverage: Coverage
    answers: list[Answered]
    errors: list[SureError]
    features: dict[str, tuple[list[tuple[str, float]], list[tuple[str, float]]]]
    is_trained_on: bool = False
    train: Data | None = None
    curve: LearningCurve | None = None
    audit: Audit | None = None
    against: Against | None = None
    novel: NovelFindings | None = None
    slips: list[Slip] = field(default_factory=list)
    own: Answered | None = None


def find(
    path: str,
    model: Model,
    data: Data,
    *,
    train: Data | None = None,
    against: tuple[str, Model] | None = None,
    novel: Novel | None = None,
    n_threads: int | None = None,
) -> Findings:
    """Measure a model, and work out all that a report tells of it.

    Parameters
    ----------
    path : str
        The model's file.
    model : Model
    data : Data
        What it is measured on.
    train : Data, optional
        What it is trained on: for the learning curve and the audit.
    against : (str, Model), optional
        Another model, and its file.
    novel : Novel, optional
        What the model says of texts of no known label.
    n_threads : int, optional

    Returns
    -------
    Findings

    Raises
    ------
    InputError
        If `train` has fewer than two labels.
    """
    from fasttext_lite.evaluation.novelty import answered_by_own
    from fasttext_lite.evaluation.reliability import answers_for, coverage, reliability
    from fasttext_lite.explanation.features import top_features

    measured = measure(model, data.texts, data.labels, n_threads)
    found = [] if model.multilabel else mistakes(measured, MOST_EXAMPLES)
    sure, right = measured.judged
    answers = answers_for(sure, right)
    curve, audit = (None, None) if train is None else _learnt(model, train, data, n_threads)
    return Findings(
        path=path, data=data, measured=measured, mistakes=found,
        pairs=hard_pairs(found, measured.result.gold, MOST_PAIRS),
        reliability=reliability(sure, right), coverage=coverage(sure, right),
        answers=answers, errors=_surest_errors(measured),
        features=top_features(model, FEATURES), train=train, curve=curve, audit=audit,
        is_trained_on=_is_trained_on(model, data),
        against=None if against is None else _against(measured, *against, data, n_threads),
        own=answered_by_own(model, sure, right, measured.result.is_blank),
        novel=None if novel is None else novel_findings(measured, answers, novel),
        slips=slips(measured, MOST_EXAMPLES),
    )  # fmt: skip


def _learnt(
    model: Model, train: Data, data: Data, n_threads: int | None
) -> tuple[LearningCurve, Audit]:
    """Return what the texts that a model is trained on tell: learning curve and audit."""
    learnt, asked = (train.texts, train.labels), (data.texts, data.labels)
    curve = learning_curve(model, learnt, asked, n_threads=n_threads)
    return curve, _audited(train, data, n_threads)


def _is_trained_on(model: Model, data: Data) -> bool:
    return bool(model.run and model.run.texts and model.run.texts == data.fingerprint)


def _surest_errors(measured: Measured) -> list[SureError]:
    """Return the texts whose likeliest label is wrong and whose probability is largest."""
    wrong = np.flatnonzero(~measured.is_first_right & (measured.labels[:, 0] >= 0))
    order = wrong[np.argsort(-measured.confidence[wrong], kind="stable")][:MOST_ERRORS]
    return [
        SureError(doc, marked(measured.model, measured.text(doc), int(measured.labels[doc, 0])))
        for doc in order.tolist()
    ]


def _against(
    measured: Measured, path: str, model: Model, data: Data, n_threads: int | None
) -> Against:
    """Return another model's answers beside those of the first."""
    other = measure(model, data.texts, data.labels, n_threads)
    test = compare(measured.is_right, other.is_right)
    better = _different(other, measured)
    return Against(path, other, test, better, _different(measured, other))


def _different(one: Measured, other: Measured) -> np.ndarray:
    """Return the texts that one alone labels right, those first that the other is surest of."""
    docs = np.flatnonzero(one.is_right & ~other.is_right)
    order = np.argsort(-(one.confidence[docs] + other.confidence[docs]), kind="stable")
    return docs[order][:MOST_DIFFERENT]


def _audited(train: Data, data: Data, n_threads: int | None) -> Audit:
    """Return what may be wrong with the texts trained on and those measured on, in this order."""
    from fasttext_lite.auditing.audit import audit_rows

    labels = Labels.from_rows([*train.labels.rows(), *data.labels.rows()])
    sizes = [len(train.texts), len(data.texts)]
    return audit_rows(Texts.joined(train.texts, data.texts), labels, sizes, n_threads=n_threads)
