"""What ``test`` tells of how sure a model is: reliability, answers by threshold, novel texts."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import read_options
from fasttext_lite.cli.console import flat, is_same_file, say, write
from fasttext_lite.cli.files import say_skipped
from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import InputError, UsageError
from fasttext_lite.model.abstention import shown_threshold
from fasttext_lite.model.magic import is_fasttext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fasttext_lite.corpus.reader import Corpus, CorpusReader
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.evaluation.novelty import Novel
    from fasttext_lite.evaluation.reliability import Answered, Reliability
    from fasttext_lite.evaluation.scores import Evaluation
    from fasttext_lite.model.model import Model

TEXTS, LABELS = "texts", "labels given"  # what is counted


def add_sure(parser: argparse.ArgumentParser) -> None:
    """Add the flags that ask how sure a model is."""
    parser.add_argument(
        "--confidence", action="store_true",
        help="print how often probabilities are right, in bins of equal mass, and for each of some "
        "accuracies the threshold that gives it and the share of texts answered then; of a model "
        "of several labels, of the labels given",
    )  # fmt: skip
    parser.add_argument(
        "--novel", metavar="FILE2",
        help="texts that belong to no label of the model, with labels or without: print how well "
        "its largest probability tells them from those of FILE, and how many it answers",
    )  # fmt: skip


def check_sure(options: argparse.Namespace) -> None:
    """Raise `UsageError` for what the flags do not go with."""
    flag = "--confidence" if options.confidence else "--novel"
    if not options.confidence and options.novel is None:
        return
    if is_fasttext(options.model):
        raise UsageError(
            f"{flag} is not for models of fastText: `fasttext-lite convert MODEL OUT.ftl` makes "
            "one that it is for"
        )
    if options.threshold is not None:
        raise UsageError(f"{flag} tries all thresholds: leave --threshold out")
    if options.novel == STDIN and STDIN in options.file:
        raise UsageError("FILE and the file of --novel cannot both come from stdin")


def read_novel(
    model: Model, options: argparse.Namespace, n_surest: int = 0, tested: str = ""
) -> Novel | None:
    """Return what a model says of the file of ``--novel``; None without the flag.

    Parameters
    ----------
    model : Model
    options : Namespace
    n_surest : int
        Texts that are kept.
    tested : str, optional
        Fingerprint of the texts that it is tested on.

    Raises
    ------
    InputError
        If the file cannot be read or has no text.
    """
    if options.novel is None:
        return None
    from fasttext_lite.corpus.files import name_of
    from fasttext_lite.corpus.formats import LEFT_OUT
    from fasttext_lite.corpus.reader import CorpusReader
    from fasttext_lite.evaluation.novelty import novel_texts

    reader = CorpusReader(options.novel, read_options(options), known=model.labels)
    ids: set[int] = set()

    def parts() -> Iterator[Texts]:
        for chunk in reader:
            ids.update(chunk.ids.tolist())
            yield chunk.texts

    path = name_of(options.novel)
    found = novel_texts(path, model, parts(), n_surest, options.threads)
    # Labels that the model does not know are what is expected here.
    reader.notices[:] = [line for line in reader.notices if not line.endswith(LEFT_OUT)]
    say_skipped(reader, options)
    if not found.confidence.size:
        raise InputError(f"{path}: there is no text in the file of --novel")
    _say_if_known(model, reader, {reader.names[i] for i in ids}, options, tested)
    return found


def _say_if_known(
    model: Model, reader: CorpusReader, names: set[str], options: argparse.Namespace, tested: str
) -> None:
    """Say so where the texts of ``--novel`` are none that belong to no label of the model."""
    from fasttext_lite.corpus.files import name_of

    if getattr(options, "quiet", False):
        return
    path, why = name_of(reader.path), ""
    if any(is_same_file(reader.path, other) for other in (*options.file, _train_of(options))):
        say(
            f"{path}: texts of --novel belong to no label of the model, but this file is read twice"
        )
    elif reader.fingerprint and reader.fingerprint == tested:
        why = "these are the very texts of FILE"
    elif model.run is not None and reader.fingerprint == model.run.texts:
        why = "these are the texts that the model is trained on"
    elif names and names.issubset(model.labels):
        why = "all its labels are the model's"
    if why:
        say(
            f"{path}: {why}: --novel is for texts that belong to no label of the model, and the "
            "figures of these do not tell how others are told apart"
        )


def _train_of(options: argparse.Namespace) -> str | None:
    return getattr(options, "train", None)


@dataclass(frozen=True)
class Sure:
    """What is told of how sure a model is; what is None was not asked for.

    Attributes
    ----------
    unit : str
        What is counted.
    area : float
        Under the accuracy over the share answered.
    answers : list of Answered
    own : Answered, optional
        By the model's own threshold; its `wanted` is 0.
    reliability : Reliability, optional
    novel : Novel, optional
    roc : float, optional
        Area under the curve of texts of known labels and novel ones.
    least : float
        Lowest probability that any label is given at.
    """

    unit: str
    area: float
    answers: list[Answered]
    own: Answered | None
    reliability: Reliability | None = None
    novel: Novel | None = None
    roc: float | None = None
    least: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        values: dict[str, Any] = {}
        own = None if self.own is None else asdict(self.own)
        if own is not None:
            del own["wanted"]
        if (found := self.reliability) is not None:
            bins = zip(found.confidence, found.accuracy, found.counts, strict=True)
            values = {
                "unit": self.unit,
                "reliability": [
                    {"confidence": float(p), "accuracy": float(a), "n": int(n)} for p, a, n in bins
                ],
                "coverage_area": self.area,
                "answers": [asdict(each) for each in self.answers],
                "abstention": own,
            }
        if self.novel is not None:
            thresholds = [(each.wanted, each.threshold) for each in self.answers]
            values["novel"] = {
                "file": self.novel.path,
                "n": self.novel.confidence.size,
                "area_under_roc": self.roc,
                "abstention": own and self._answered(own["threshold"], True),
                "answers": [
                    {"wanted": wanted, "threshold": least, "answered": self._answered(least)}
                    for wanted, least in thresholds
                ],
            }
        return values

    def _answered(self, threshold: float | None, abstains: bool = False) -> float | None:
        """Return the share of novel texts that are answered; `abstains` as of `Novel.answered`."""
        assert self.novel is not None
        return self.novel.answered(threshold, self.least, abstains)

    def write(self) -> None:
        """Print it for people."""
        if self.reliability is not None:
            self._write_tables(self.reliability)
        if self.novel is not None:
            own = None if self.own is None else self.own.threshold
            asked = [(f"accuracy {each.wanted:g}", each.threshold, False) for each in self.answers]
            shares = [
                f"{self._answered(least, abstains):.4f} at {shown_threshold(least)} ({what})"
                for what, least, abstains in (("the model's threshold", own, True), *asked)
                if least is not None
            ]
            roc = "none" if self.roc is None else f"{self.roc:.4f}"
            told = f"  answered {', '.join(shares)}" * bool(shares)
            write(flat(f"{self.novel.path}: n {self.novel.confidence.size}  AUC {roc}{told}"))

    def _write_tables(self, found: Reliability) -> None:
        write(f"confidence\taccuracy\tn\t({self.unit})")
        for p, a, n in zip(found.confidence, found.accuracy, found.counts, strict=True):
            write(f"{p:.4f}\t{a:.4f}\t{n}")
        write("wanted\tthreshold\tanswered\taccuracy\tat least\tn")
        named = [(f"{each.wanted:g}", each) for each in self.answers]
        for name, each in (*named, *([] if self.own is None else [("model's", self.own)])):
            threshold = "none" if each.threshold is None else shown_threshold(each.threshold)
            write(
                f"{name}\t{threshold}\t{each.answered:.4f}\t{each.accuracy:.4f}\t{each.lower:.4f}"
                f"\t{each.n}"
            )


def how_sure(
    model: Model,
    result: Evaluation,
    corpus: Corpus,
    options: argparse.Namespace,
    novel: Novel | None,
) -> Sure | None:
    """Return how sure a model is of the texts of a file; None where nobody asks.

    Parameters
    ----------
    model : Model
    result : Evaluation
        Of the file.
    corpus : Corpus
    options : Namespace
    novel : Novel, optional
    """
    if not options.confidence and novel is None:
        return None
    from fasttext_lite.evaluation.novelty import (
        answered_by_own,
        least_given,
        likeliest,
        told_apart,
    )
    from fasttext_lite.evaluation.reliability import answers_for, coverage, reliability

    confidence, right = result.confidence, result.right
    bins = reliability(confidence, right) if options.confidence else None
    roc = None
    if novel is not None:
        sure = likeliest(model, corpus.texts, options.threads)[1]
        roc = told_apart(sure, result, novel)
    return Sure(
        LABELS if model.multilabel else TEXTS, coverage(confidence, right).area,
        answers_for(confidence, right),
        answered_by_own(model, confidence, right, result.is_blank), bins, novel, roc,
        least_given(model, options.k),
    )  # fmt: skip
