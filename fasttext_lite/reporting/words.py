"""What a report says in plain words: how good the model is, what is weak, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.evaluation.compare import Comparison, proportion_interval
from fasttext_lite.evaluation.reliability import shown_threshold
from fasttext_lite.reporting.curve import LearningCurve
from fasttext_lite.reporting.findings import Findings
from fasttext_lite.reporting.measured import Measured
from fasttext_lite.reporting.novel import NovelFindings

if TYPE_CHECKING:
    from fasttext_lite.auditing.findings import Audit

LEAST_TEXTS = 10  # of a label whose figures are taken for more than chance
MOST_WEAK = 3
LARGE_ERROR = 0.05  # of a calibration
LARGE_SHARE = 0.1  # of all mistakes, between two labels
MANY_WRONG = 0.3  # of the texts, which "one in so many" is too coarse for
SMALL_GAIN = 0.003  # of the accuracy, not worth as many texts again
WANTED = 0.95

# How well texts are told apart, by the least area under the ROC curve.
_APART = (
    (0.95, "very well"),
    (0.85, "well"),
    (0.7, "somewhat"),
    (0.55, "badly"),
    (0.0, "not at all"),
)

Piece = str | tuple[str]  # text as it is, or a name in a tuple: it is set apart
Sentence = list[Piece]


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.{digits}f} %"


def points(difference: float) -> str:
    """Return a difference of shares in points."""
    return f"{100 * difference:+.1f} points"


def texts(n: int) -> str:
    """Return a number of texts."""
    return f"{n:,} text{'s' * (n != 1)}"


def _have(n: int) -> str:
    return "has" if n == 1 else "have"


def summary(found: Findings) -> list[Sentence]:
    """Return what there is to say first, a sentence or two each.

    Parameters
    ----------
    found : Findings

    Returns
    -------
    list of list of str or (str,)
        Names of labels are in tuples.
    """
    said = [_how_good(found.measured), _beside_guessing(found.measured)]
    if found.is_trained_on:
        said.insert(
            0,
            [
                "These are the texts that the model is trained on: the figures do not tell how it "
                "does on others."
            ],
        )
    said += [_weakest(found), _how_sure(found)]
    if found.curve is not None and found.curve.forecast is not None:
        said.append([more_texts(found.curve)])
    if found.against is not None:
        said.append([verdict(found.against.test)])
    return [sentence for sentence in said if sentence]


def _how_good(measured: Measured) -> Sentence:
    """Return how many texts are right, and how sure that is."""
    result = measured.result
    low, high = proportion_interval(result.n_right, result.n)
    what = "gets all labels and no others right for" if result.multilabel else "labels"
    right = "" if result.multilabel else " right"
    sentence = (
        f"Of {texts(result.n)}, the model {what} {result.n_right:,}{right}: {result.figure} "
        f"{percent(result.accuracy)}. On other texts like these, expect {percent(low)} to "
        f"{percent(high)}."
    )
    if result.multilabel:
        sentence += (
            f" Its likeliest label is right for {percent(float(measured.is_first_right.mean()))}; "
            f"of all labels together, micro-F1 is {percent(result.micro_f1)}."
        )
    return [sentence]


def _beside_guessing(measured: Measured) -> Sentence:
    """Return what the accuracy means beside always giving the same label, or the same labels."""
    result = measured.result
    labels, guess = measured.guess
    names = _listed([result.names[label] for label in labels]) or ["no label"]
    only = " and no others" if result.multilabel and labels else ""
    sentence: Sentence = [
        "Always answering ", *names, f"{only} would be right for {percent(guess)}",
    ]  # fmt: skip
    mine = result.accuracy
    if mine <= guess:
        return [*sentence, ": the model is no better than that."]
    if mine == 1:
        return [*sentence, "."]
    times = (1 - guess) / (1 - mine)
    rest = f"; the model makes {times:.1f} times fewer mistakes" if times > 1.05 else ""
    wrong = f"one text in {round(1 / (1 - mine)):,}"
    if 1 - mine > MANY_WRONG:
        wrong = f"{result.n - result.n_right:,} of {texts(result.n)}"
    return [*sentence, f"{rest}. It is wrong about {wrong}."]


def weakest_labels(measured: Measured, most: int = MOST_WEAK) -> list[int]:
    """Return the labels with the lowest F1 of those with enough texts, if any is below the rest."""
    result = measured.result
    f1 = result.per_label()[2]
    enough = np.flatnonzero(result.gold >= LEAST_TEXTS)
    if enough.size < 2:
        return []
    order = enough[np.argsort(f1[enough], kind="stable")]
    return [int(i) for i in order[: min(most, enough.size // 2)] if f1[i] < 1]


def _weakest(found: Findings) -> Sentence:
    """Return the weakest labels, and what they are taken for."""
    result, measured = found.measured.result, found.measured
    weak = weakest_labels(measured)
    if not weak:
        return []
    f1 = result.per_label()[2]
    sentence: Sentence = ["Weakest labels: "]
    for place, label in enumerate(weak):
        taken = next((each for each in found.mistakes if each.true == label), None)
        sentence += [
            "; " * (place > 0),
            (result.names[label],),
            f" (F1 {percent(float(f1[label]))}",
        ]
        if taken is not None:
            sentence += [", most often taken for ", (result.names[taken.found],)]
        sentence.append(")")
    return [*sentence, "."]


def _how_sure(found: Findings) -> Sentence:
    """Return what the probabilities are worth, and a threshold that makes use of them."""
    error = found.reliability.error
    judged, hits = found.measured.judged
    if not judged.size:
        return []
    mean, right = float(judged.mean()), float(hits.mean())
    unit = "the labels that it gives" if found.measured.result.multilabel else "these texts"
    if error < LARGE_ERROR:
        sentence = (
            f"Its probabilities can be believed: on average they are {percent(error)} off "
            "(expected calibration error)."
        )
    else:
        way = "too sure" if mean > right else "not as sure as it could be"
        sentence = (
            f"Its probabilities are {percent(error)} off on average (expected calibration error): "
            f"the model is {way}."
        )
    answer = next((each for each in found.answers if each.wanted == WANTED), None)
    if answer is None or right >= WANTED:
        return [sentence]
    if answer.threshold is None:
        return [f"{sentence} No threshold makes {percent(WANTED, 0)} of its answers right."]
    return [
        f"{sentence} To have {percent(WANTED, 0)} of its answers right, let it answer where the "
        f"probability is {shown_threshold(answer.threshold)} or more: that is "
        f"{percent(answer.answered)} of {unit}."
    ]


def about_novel(found: NovelFindings, multilabel: bool) -> list[str]:
    """Return how a model does on texts that belong to none of its labels.

    Parameters
    ----------
    found : NovelFindings
    multilabel : bool
        Whether the model gives several labels to a text, or none.
    """
    said = []
    if found.area is None:
        said.append(
            "No text tested on has a known label as its first: there is nothing to compare with."
        )
    else:
        apart = next(word for least, word in _APART if found.area >= least)
        said.append(
            f"Here are {texts(found.texts.confidence.size)} that belong to no label of the model. "
            "Of one of them and one of those tested on, the one of a known label has the larger "
            f"probability in {percent(found.area)} of all pairs (area under the ROC curve "
            f"{found.area:.4f}; tossing a coin: 50 %): the probability tells them apart {apart}."
        )
    if found.threshold is not None:
        said.append(
            f"The model's own threshold, {shown_threshold(found.threshold)}, answers "
            f"{percent(found.known)} of the texts tested on, and {percent(found.own)} of those of "
            "no known label."
        )
        return said
    answers = "It answers all of them"
    if multilabel:
        answers = (
            f"It gives a label to {percent(found.known)} of the texts tested on, and to "
            f"{percent(found.own)} of those of no known label"
        )
    said.append(
        f"{answers}: it has no threshold of its own. Take one from the table above, or train with "
        "--answer-rate to keep one in the model."
    )
    return said


def more_texts(curve: LearningCurve) -> str:
    """Return what twice as many training texts would bring, and how sure that is."""
    law = curve.forecast
    assert law is not None
    n, last = 2 * curve.points[-1].n_texts, curve.points[-1].accuracy
    sentence = (
        f"With twice the rows ({n:,}), expect about {points(law.gain)} of accuracy (likely "
        f"between {points(law.low)} and {points(law.high)}), counted from the {percent(last)} of "
        "the model that this curve trains on all rows"
    )
    if law.low <= 0:
        return f"{sentence}: more of the same texts may not help at all."
    return f"{sentence}, if the trend of the smaller samples goes on."


def trained_anew(curve: LearningCurve, measured: Measured) -> str:
    """Return why the curve does not end at the accuracy of the model, if it does not."""
    mine, last = measured.result.accuracy, curve.points[-1].accuracy
    if percent(mine) == percent(last):
        return ""
    return (
        f"The curve ends at {percent(last)} and not at the model's {percent(mine)}: models are "
        "trained anew for it, never with early stopping, and trainings differ."
    )


def honesty(curve: LearningCurve) -> str:
    """Return how far the forecast of a learning curve is to be trusted."""
    law = curve.forecast
    if law is None:
        return (
            "There is no forecast: it needs samples of three sizes, and some mistakes at each of "
            "them."
        )
    said = (
        "The forecast is the mean of two: a straight line through the logarithms of the errors, "
        "and the last measured gain, falling as that line does. It has no floor: where labels of "
        "the test are wrong or a text does not tell, errors stay, and the gain is smaller. New "
        "rows must be of the same kind. The range is at least as wide as 8 of 10 forecasts from "
        "resampled tests, as trainings differ by chance, and as this forecast is off where it can "
        "be tried."
    )
    if law.checked is not None:
        there = curve.points[-1].accuracy
        said += (
            f" Tried on itself: the smaller sizes alone forecast {percent(law.checked, 2)} for "
            f"{curve.points[-1].n_texts:,} rows, and {percent(there, 2)} was measured."
        )
    return said


def verdict(test: Comparison) -> str:
    """Return what a paired test of two models says."""
    low, high = points(test.low), points(test.high)
    p = "p < 0.001" if test.p < 0.001 else f"p = {test.p:.3f}"
    counts = (
        f"The other model alone is right for {texts(test.only_second)}, this one alone for "
        f"{test.only_first:,}"
    )
    if not test.only_first + test.only_second:
        return "Both models are right for the very same texts."
    if not test.is_significant:
        return (
            f"{counts}: a difference that chance makes easily ({p}). These texts do not tell "
            f"which is better (the other is {points(test.difference)}, from {low} to {high})."
        )
    better = "The other model is better" if test.difference > 0 else "This model is better"
    return (
        f"{counts}. {better}: chance alone would seldom do that ({p}; the other's accuracy is "
        f"{points(test.difference)}, from {low} to {high})."
    )


def next_steps(found: Findings) -> list[Sentence]:
    """Return what to do next, the most promising first; one sentence at least."""
    steps: list[Sentence] = []
    result = found.measured.result
    n_wrong = sum(each.count for each in found.mistakes)
    if result.n_unseen_texts:
        steps.append([
            f"{texts(result.n_unseen_texts)} {_have(result.n_unseen_texts)} labels that the model "
            "does not know, and count as mistakes: train with texts of these labels, or take them "
            "out of the test."
        ])  # fmt: skip
    if found.pairs and n_wrong:
        pair = found.pairs[0]
        share = (pair.there + pair.back) / n_wrong
        if share >= LARGE_SHARE and n_wrong >= LEAST_TEXTS:
            steps.append([
                "Look at ", (result.names[pair.one],), " and ", (result.names[pair.other],),
                f": {percent(share, 0)} of all mistakes are between these two. If people cannot "
                "tell them apart either, make one label of them, or say in a rule where each ends.",
            ])  # fmt: skip
    steps = [*_about_data(found), *steps, *_about_labels(found)]
    if found.errors:
        steps.append([
            "Read the surest errors below: where the model is sure and wrong, often the label of "
            "the test is wrong."
        ])  # fmt: skip
    if found.reliability.error >= LARGE_ERROR:
        steps.append([
            "Take thresholds from the table of this page and not from the probabilities alone: "
            "they are off on these texts."
        ])  # fmt: skip
    if found.train is None:
        steps.append(["Give the training file (--train) to see whether more texts would help."])
    elif found.curve is not None and found.curve.forecast is not None:
        if found.curve.forecast.gain >= SMALL_GAIN and found.curve.forecast.low > 0:
            steps.append(["Label more texts: the learning curve still rises."])
        else:
            steps.append([
                "More texts of the same kind will bring little: better labels, or texts of the "
                "weak labels, may."
            ])  # fmt: skip
    return steps or [["Nothing stands out."]]


def _about_data(found: Findings) -> list[Sentence]:
    """Return what to do about what an audit found."""
    audit = found.audit
    if audit is None:
        return []
    steps: list[Sentence] = []
    same, near = leaks(audit)
    if same:
        steps.append([
            f"{texts(same)} of the test {'is' if same == 1 else 'are'} in the training, too: take "
            "them out of one, or the accuracy says more than it should."
        ])  # fmt: skip
    if near:
        steps.append([
            f"{texts(near)} of the test {'is' if near == 1 else 'are'} nearly the same as one of "
            "the training: read some below, and take out what is but a copy."
        ])  # fmt: skip
    wrong, tested = (len(audit.rows("wrong", part)) for part in (0, 1))
    if wrong or tested:
        both = [f"{texts(n)} of the {part}" for n, part in ((wrong, "training"), (tested, "test"))]
        some = " and ".join(each for each, n in zip(both, (wrong, tested), strict=True) if n)
        steps.append([
            f"{some} {_have(wrong + tested)} a label that looks wrong, judged together: read them "
            "below, the surest first, and mend them (fasttext-lite audit)."
        ])  # fmt: skip
    return steps


def leaks(audit: Audit) -> tuple[int, int]:
    """Return how many texts of the test are in the training, and how many are nearly there."""
    found = [each for each in audit.of("leaks") if each.place is not None and each.place.part == 1]
    same = {each.place for each in found if each.why.startswith("the same text")}
    return len(same), len({each.place for each in found} - same)


def by_file(audit: Audit, kind: str) -> str:
    """Return how many of the findings of a kind are of which file, as a further sentence."""
    if kind == "leaks":
        same, near = leaks(audit)
        return f" {same:,} are the same, {near:,} nearly the same."
    if kind != "wrong":
        return ""
    train, test = (len(audit.rows(kind, part)) for part in (0, 1))
    return (
        f" {train:,} of the training, {test:,} of the test: both files were judged together, so an "
        "audit of one alone finds some others."
    )


def _about_labels(found: Findings) -> list[Sentence]:
    """Return what to do about weak and rare labels, and about texts without a known word."""
    steps: list[Sentence] = []
    measured = found.measured
    result = measured.result
    recall, f1 = result.per_label()[1:]
    counts = np.zeros(len(result.names), np.int64)
    counts[: measured.model.label_counts.size] = measured.model.label_counts
    usual = float(np.median(counts[counts > 0])) if (counts > 0).any() else 0.0
    rare = [
        label
        for label in weakest_labels(measured, 10)
        if 0 < counts[label] < usual / 2 and recall[label] < result.recall
    ][:MOST_WEAK]
    if rare:
        steps.append([
            "Label more texts of ", *_listed([result.names[label] for label in rare]),
            ": weak labels, with few texts in the training.",
        ])  # fmt: skip
    never = [i for i in np.flatnonzero(result.gold >= LEAST_TEXTS).tolist() if f1[i] == 0]
    if never:
        steps.append([
            *_listed([result.names[label] for label in never[:MOST_WEAK]]),
            f" {'is' if len(never) == 1 else 'are'} never found: see what these texts get instead.",
        ])  # fmt: skip
    few = int(((result.gold > 0) & (result.gold < LEAST_TEXTS)).sum())
    if few:
        steps.append([
            f"{few:,} label{'s have' if few != 1 else ' has'} fewer than {LEAST_TEXTS} texts in "
            "the test: do not trust the figures of single labels there."
        ])  # fmt: skip
    if result.n_unknown_texts:
        steps.append([
            f"{texts(result.n_unknown_texts)} {_have(result.n_unknown_texts)} no word that the "
            "model knows, and get the most frequent label: look whether they are of another "
            "language or kind."
        ])  # fmt: skip
    return steps


def _listed(names: Sequence[str]) -> Sentence:
    """Return names with commas between them, and an "and"."""
    found: Sentence = []
    for place, name in enumerate(names):
        between = "" if place == 0 else " and " if place == len(names) - 1 else ", "
        found += [between, (name,)] if between else [(name,)]
    return found
