"""How commands open the labelled files that the user names, and what they write to."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import read_options
from fasttext_lite.cli.console import PROGRAM, say
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.compression import ENDINGS
from fasttext_lite.corpus.formats import FORMATS
from fasttext_lite.corpus.missing import instead_of_file
from fasttext_lite.errors import UsageError
from fasttext_lite.model.magic import OWN_ENDING, check_ending, check_order

if TYPE_CHECKING:
    from fasttext_lite.corpus.labels import Labels
    from fasttext_lite.corpus.reader import Corpus, CorpusReader
    from fasttext_lite.evaluation.scores import Evaluation
    from fasttext_lite.fitting.training_file import TrainingFile

# Of the names of files of texts, beside those of `FORMATS`.
PACKED = (*ENDINGS, ".zip")
TEXT_ENDINGS = frozenset((".txt", ".text", ".json", ".ft", ".fasttext", ".train", ".dat"))


def named_files(given: Sequence[str], options: argparse.Namespace) -> list[str]:
    """Return the files that names and patterns stand for, and say which are named twice."""
    from fasttext_lite.corpus.inputs import files_of

    files, notices = files_of(given)
    if not getattr(options, "quiet", False):
        for notice in notices:
            say(notice)
    if files.count(STDIN) and len(files) > 1:
        raise UsageError("standard input cannot be read among other files: write it to one")
    return files


def called(files: Sequence[str]) -> str:
    """Return what messages call one or several files."""
    n = len(files) - 1
    return files[0] if n == 0 else f"{files[0]} and {n} file{'s' * (n != 1)} more"


def read_labelled_file(
    path: str | Sequence[str], options: argparse.Namespace, judges: bool = False
) -> Corpus:
    """Return the corpus of a labelled file, and say what was skipped.

    Parameters
    ----------
    path : str or sequence of str
        One file or several.
    options : Namespace
        Of a command with `add_reading`.
    judges : bool
        Whether a model is measured on it: weights of texts do not count then.
    """
    from fasttext_lite.corpus.many import paths_of, read_corpora

    corpus = read_corpora(path, read_options(options), judges)
    say_strange(called(paths_of(path)), corpus, options)
    return corpus


def say_strange(path: str, corpus: Corpus, options: argparse.Namespace) -> None:
    """Say what was skipped of a labelled file, and what looks wrong with its labels."""
    from fasttext_lite.corpus.files import name_of
    from fasttext_lite.corpus.structure import LabelCounts, label_fault

    say_skipped(corpus, options)
    fault = label_fault(LabelCounts.of(corpus.labels), read_options(options).label_prefix)
    if fault is not None and not getattr(options, "quiet", False):
        say(f"{name_of(path)}: {fault}")


class ValidationFile:
    """The labelled file to validate on, whose labels are cut as those of the training file are.

    How these are is known when the training file has been read. What is wrong with this file
    should be known before that, so it is read at once; and once more, if its labels are to be cut
    after all. A stream, which can be read but once, waits.

    Parameters
    ----------
    path : str
    options : Namespace
        Of a command with `add_reading`.
    """

    def __init__(self, path: str, options: argparse.Namespace) -> None:
        self.path, self.options = path, options
        from fasttext_lite.corpus.files import is_stream

        self._uncut = None if is_stream(path) else self._read(options.multilabel)

    def _read(self, multilabel: bool) -> Corpus:
        from fasttext_lite.corpus.reader import read_corpus

        how = dataclasses.replace(read_options(self.options), multilabel=multilabel)
        return read_corpus(self.path, how, judges=True)

    def corpus(self, multilabel: bool) -> Corpus:
        """Return what the file holds, and say what was skipped.

        Parameters
        ----------
        multilabel : bool
            Whether the texts of the training may have several labels.
        """
        found = self._uncut
        is_cut = self.options.multilabel or not multilabel
        if found is None or not (is_cut or all("," not in name for name in found.labels.names)):
            found = self._read(multilabel or self.options.multilabel)
        say_strange(self.path, found, self.options)
        return found


def say_skipped(source: Corpus | CorpusReader | TrainingFile, options: argparse.Namespace) -> None:
    """Say what is strange about a labelled file, and which of its lines were skipped.

    Not if the user wants it quiet.
    """
    if not getattr(options, "quiet", False):
        for notice in source.notices:
            say(notice)
        for line in source.skip_report():
            say(line)


def say_if_trained_on(
    path: str, corpus: Corpus, trained_on: str | None, options: argparse.Namespace
) -> None:
    """Say so if a model is measured on the very texts that it was trained on.

    Parameters
    ----------
    path : str
        The file to measure on.
    corpus : Corpus
        What it holds.
    trained_on : str, optional
        Fingerprint of the texts of the training.
    options : Namespace
    """
    if trained_on and corpus.fingerprint == trained_on and not getattr(options, "quiet", False):
        say(
            f"{path}: these are the texts that the model is trained on: the figures do not tell "
            "how it does on others"
        )


def say_unknown(result: Evaluation, options: argparse.Namespace) -> None:
    """Say how many texts a model could not know, when it was measured."""
    if getattr(options, "quiet", False):
        return
    if result.n_unseen_texts:
        unseen, known = result.names[result.n_known :], result.names[: result.n_known]
        say(_strangers(result.n_unseen_texts, result.n, "errors", unseen, known))
    if result.n_unknown_texts:
        say(
            f"{result.n_unknown_texts} of {result.n} texts have no known feature; the class "
            "prior was used"
        )


def say_unseen(
    path: str, labels: Labels, known: Sequence[str], options: argparse.Namespace
) -> None:
    """Say how many texts of a training file have labels that a model does not know.

    Parameters
    ----------
    path : str
    labels : Labels
    known : sequence of str
        Labels of the model.
    options : Namespace
    """
    unseen = sorted(set(labels.used()) - set(known))
    if unseen and not getattr(options, "quiet", False):
        n = sum(not set(row) <= set(known) for row in labels.rows())
        say(f"{path}: {_strangers(n, len(labels), '', unseen, known)}")


def _strangers(
    n: int, n_texts: int, counted: str, unseen: Sequence[str], known: Sequence[str]
) -> str:
    """Return what is said of texts with labels that a model does not know."""
    from fasttext_lite.corpus.strangers import difference, shown

    why, how = difference(unseen, known), f", counted as {counted}" if counted else ""
    return (
        f"{n} of {n_texts} texts have labels that the model does not know{how}: {shown(unseen)}"
        f"{f'; {why}' if why else ''}"
    )


def open_texts(
    options: argparse.Namespace, labels: Collection[str], keeps_raw: bool = False
) -> CorpusReader:
    """Return a reader of the texts that a model is asked about.

    Parameters
    ----------
    options : Namespace
        Of a command with `add_unlabelled` and `add_reading`.
    labels : collection of str
        Of the model.
    keeps_raw : bool
        As of `CorpusReader`.
    """
    from fasttext_lite.corpus.reader import CorpusReader

    return CorpusReader(options.file, read_options(options), 1 << 20, labels, keeps_raw)


def say_if_nothing_is_cut(reader: CorpusReader) -> None:
    """Say so if ``--multilabel`` was given for texts whose format has no field of labels."""
    form = reader.format
    if form is not None and "multilabel" not in form.options:
        say(
            f"--multilabel has no effect: {reader.reading.where} is read as {form.name}, and there "
            "no labels are joined by commas"
        )


def check_output(output: str) -> None:
    """Raise an error for a model that would go to stdout, or to a file of another kind."""
    if output == STDIN:
        raise UsageError("a model cannot be written to stdout; name a file (./- is one too)")
    check_ending(output)


def model_beside(files: Sequence[str]) -> str:
    """Return the model's file for a file of texts: beside it, with .ftl in place of its ending.

    Endings that say nothing of what is in the file stay: data.v2 becomes data.v2.ftl.

    Raises
    ------
    UsageError
        If the texts come from standard input, or from several files.
    """
    from fasttext_lite.corpus.files import is_stream

    if len(files) > 1:
        raise UsageError("several files have no name to call the model by: say -o MODEL.ftl")
    path = files[0]
    if is_stream(path):
        raise UsageError("texts from stdin have no name to call the model by: say -o MODEL.ftl")
    stem, ending = os.path.splitext(path)
    while ending.lower() in PACKED:
        path = stem
        stem, ending = os.path.splitext(path)
    known = {ending for form in FORMATS.values() for ending in form.endings} | TEXT_ENDINGS
    return (stem if ending.lower() in known else path) + OWN_ENDING


def check_texts(options: argparse.Namespace, what: str) -> None:
    """Raise an error for a text or a model in the place of the file of `add_unlabelled`.

    Parameters
    ----------
    options : Namespace
    what : str
        What the command does to a text, as a verb.
    """
    check_order(options.model, options.file, f"{PROGRAM} {options.command}")
    call = f"{PROGRAM} {options.command} {shlex.quote(options.model)}"
    if said := instead_of_file(options.file, call, what):
        raise UsageError(said)
