"""The command ``filter``: files of records through models, into files of the same names."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fasttext_lite import system
from fasttext_lite.cli.arguments import between, checked, whole, written
from fasttext_lite.cli.console import flat, say, write
from fasttext_lite.corpus.compression import COMPRESSIONS
from fasttext_lite.corpus.encodings import AUTO
from fasttext_lite.corpus.headers import DELIMITERS, columns_of, delimiter_of
from fasttext_lite.errors import InputError, UsageError, bounded
from fasttext_lite.filtering.formats.table import ENDINGS, FORMATS
from fasttext_lite.filtering.settings import BAD_WAYS, PLAIN, SAME, Rule, Settings
from fasttext_lite.model.magic import is_fasttext

if TYPE_CHECKING:
    from fasttext_lite.filtering.plan import Plan
    from fasttext_lite.filtering.running import Outcome, Status

HELP = "Add labels and scores to files of records, keep some of them, or sort them by label."
LABEL, SCORE = "predicted_label", "predicted_score"
_NAMED = re.compile(r"([\w.-]+)=(.+)", re.DOTALL)
_MOST_LABELS = 12  # in the summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``filter``."""
    parser.add_argument(
        "model", metavar="MODEL",
        help="ours (.ftl) or fastText's (.bin, .ftz); NAME=FILE gives it a name",
    )  # fmt: skip
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="+",
        help="files of JSON lines, Parquet, CSV or TSV (packed or not), patterns in quotes, or "
        "folders with all that is in them",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="DIR", required=True, type=written,
        help="folder for files of the same names; a second run goes on where the first stopped",
    )  # fmt: skip
    parser.add_argument(
        "-m", "--model", dest="models", metavar="NAME=FILE", action="append", default=[],
        help="one model more, in the same pass; values of the flags below are then NAME=VALUE",
    )  # fmt: skip
    _add_rules(parser.add_argument_group("what is done with the records"))
    _add_reading(parser.add_argument_group("how they are read and written"))
    parser.add_argument(
        "--exact", action="store_true",
        help="probabilities of fastText's models to the last bit (slower; they may be 1.00001)",
    )  # fmt: skip
    parser.add_argument(
        "--overwrite", action="store_true",
        help="begin anew, whatever an earlier run has left in DIR",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=whole(1), metavar="N",
        help="processes, each with a file at a time (default: one for each processor and file)",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=whole(1), metavar="N",
        help="of each process (default: as many as there are processors for it)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the summary as a JSON object")
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")


def _add_rules(group: Any) -> None:
    group.add_argument(
        "--keep", metavar="LABELS", action="append", default=[],
        help="keep records alone that have one of these labels (LABEL,LABEL), of every model that "
        "has the flag: the likeliest label, or with --threshold any that reaches it",
    )  # fmt: skip
    group.add_argument(
        "--drop", metavar="LABELS", action="append", default=[],
        help="keep records alone that have none of these labels",
    )  # fmt: skip
    group.add_argument(
        "--threshold", metavar="P", action="append", default=[],
        help="least probability of a label of --keep or --drop, likeliest or not; without these, "
        "the label of a record that does not reach it is left empty",
    )  # fmt: skip
    group.add_argument(
        "--keep-dropped", action="store_true",
        help="write the records that are not kept, too, into the folder DIR/_dropped",
    )  # fmt: skip
    group.add_argument(
        "--split", action="store_true", help="a folder for each label of the (first) model"
    )
    group.add_argument("--split-by", metavar="NAME", help="... of the model of this name")
    group.add_argument(
        "--label-column", metavar="COLUMN", action="append", default=[],
        help=f"name of the field that holds the label (default {LABEL}; of several models "
        "NAME_label; none = it is not added)",
    )  # fmt: skip
    group.add_argument(
        "--score-column", metavar="COLUMN", action="append", default=[],
        help=f"... its probability (default {SCORE}; of several models NAME_score; or none)",
    )  # fmt: skip
    group.add_argument(
        "--probabilities", metavar="LABELS", action="append", default=[],
        help="add the probabilities of these labels, too, as SCORE-COLUMN_LABEL",
    )  # fmt: skip


def _add_reading(group: Any) -> None:
    group.add_argument(
        "--text-field", "--text-column", metavar="PATH", default="text",
        help=r"field or column of the text, content.body if it stands in another; \. is a dot in a "
        "name (default text)",
    )  # fmt: skip
    group.add_argument(
        "--format", choices=(AUTO, *FORMATS), default=AUTO,
        help="auto (default) goes by the first bytes and the name of a file",
    )  # fmt: skip
    group.add_argument(
        "--bad", choices=BAD_WAYS, default="aside",
        help="records without a text (no JSON, no such field, not UTF-8): aside (default) writes "
        "them into DIR/_bad, keep among the others, fail ends with an error",
    )  # fmt: skip
    group.add_argument(
        "--compression", choices=(SAME, PLAIN, *COMPRESSIONS), default=SAME,
        help="of what is written (default: as each file is packed; Parquet always keeps its own)",
    )  # fmt: skip
    group.add_argument(
        "--delimiter", type=checked(delimiter_of), default="", metavar="C",
        help=f"between the cells of CSV: {', '.join(DELIMITERS)} or a character (default: looks)",
    )  # fmt: skip
    group.add_argument(
        "--columns", metavar="NAMES", default="",
        help="names of the columns of tables without a header, such as id,text",
    )  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Filter the files, and print what was done."""
    settings = _settings(options)
    settings.check()
    _check(options, settings)
    from fasttext_lite.filtering import running
    from fasttext_lite.filtering.plan import make_plan

    plan = make_plan(options.inputs, options.output, settings)
    _say_what_has_no_effect(plan, settings)
    try:
        with _progress(options) as show:
            outcome = running.run(
                plan, options.output, settings, options.overwrite, options.workers,
                options.threads, show,
            )  # fmt: skip
    except system.Terminated as end:
        end.note = ": the files that are done stay, the same command goes on"
        raise
    _report(outcome, options, settings)


# -- flags -----------------------------------------------------------------------------------
def _settings(options: argparse.Namespace) -> Settings:
    """Return what the flags ask for.

    Raises
    ------
    UsageError
        If they contradict each other.
    """
    models = dict(_named_models([options.model, *options.models]))
    names = list(models)
    keep = _by_model("keep", options.keep, names, _labels)
    drop = _by_model("drop", options.drop, names, _labels)
    shown = _by_model("probabilities", options.probabilities, names, _labels)
    least = _by_model("threshold", options.threshold, names, _probability)
    labels = _by_model("label-column", options.label_column, names, _column)
    scores = _by_model("score-column", options.score_column, names, _column)
    for flag, given in (("threshold", least), ("label-column", labels), ("score-column", scores)):
        if twice := next((name for name in names if len(given[name]) > 1), None):
            raise UsageError(f"--{flag} is given twice for {twice}")
    is_one = len(names) == 1
    rules = tuple(
        Rule(
            name, path, tuple(keep[name]), tuple(drop[name]), next(iter(least[name]), None),
            tuple(shown[name]), next(iter(labels[name]), LABEL if is_one else f"{name}_label"),
            next(iter(scores[name]), SCORE if is_one else f"{name}_score"),
        )
        for name, path in models.items()
    )  # fmt: skip
    split_by = options.split_by or (names[0] if options.split else "")
    if split_by and split_by not in names:
        raise UsageError(f"--split-by: no model is called {split_by!r} ({', '.join(names)})")
    return Settings(
        rules, options.text_field, split_by, options.keep_dropped, options.bad, options.exact,
        options.format, options.delimiter, options.columns, options.compression,
    )  # fmt: skip


def _named_models(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and the file of each model."""
    names = set()
    for word in words:
        found = None if os.path.exists(word) else _NAMED.fullmatch(word)
        stem = os.path.splitext(os.path.basename(word))[0]
        name, path = (found[1], found[2]) if found else (stem, word)
        if name in names:
            raise UsageError(f"two models are called {name!r}: name them, NAME=FILE")
        names.add(name)
        yield name, path


def _by_model(
    flag: str, given: Sequence[str], names: Sequence[str], parse: Callable[[str], list[Any]]
) -> dict[str, list[Any]]:
    """Return the values of a flag for each model.

    Raises
    ------
    UsageError
        If one does not say of which it is, or is none.
    """
    values: dict[str, list[Any]] = {name: [] for name in names}
    for word in given:
        name, sign, value = word.partition("=")
        if not sign or name not in names:
            if len(names) > 1:
                raise UsageError(
                    f"--{flag} {word}: say of which model: {names[0]}={word} (the models are "
                    f"{', '.join(names)})"
                )
            name, value = names[0], word
        try:
            values[name] += parse(value)
        except (ValueError, argparse.ArgumentTypeError) as error:
            raise UsageError(f"--{flag}: {error}") from None
    return values


def _labels(text: str) -> list[str]:
    from fasttext_lite.corpus import DEFAULT_PREFIX
    from fasttext_lite.corpus.labels import without_prefix

    found = [without_prefix(label.strip(), DEFAULT_PREFIX) for label in text.split(",")]
    if not all(found):
        raise ValueError(bounded(f"must be labels with commas between; got {text!r}"))
    return found


def _probability(text: str) -> list[float]:
    return [between(0, 1)(text)]


def _column(text: str) -> list[str]:
    if not text:
        raise ValueError("must be a name, or none")
    return ["" if text == "none" else text]


def _check(options: argparse.Namespace, settings: Settings) -> None:
    """Raise `UsageError` for flags that do not go together, or need what is not there."""
    if settings.columns:
        try:
            columns_of(settings.columns, settings.text_field)
        except ValueError as error:
            raise UsageError(str(error)) from None
    if settings.keep_dropped and not any(rule.keep or rule.drop for rule in settings.rules):
        raise UsageError("--keep-dropped needs --keep or --drop: all records are kept")
    is_changed = any(rule.columns or rule.keep or rule.drop for rule in settings.rules)
    if not is_changed and not settings.split_by:
        raise UsageError("nothing is asked for: no column, no --keep, no --drop, no --split")
    found = COMPRESSIONS.get(settings.compression)
    if found is not None:
        try:
            found.packer()
        except ImportError:
            raise UsageError(
                f"--compression {found.name}: pip install 'fasttext-lite[filter]'"
            ) from None
    if os.path.exists(options.output) and not os.path.isdir(options.output):
        raise UsageError(f"{options.output}: is a file: -o names a folder")


def _say_what_has_no_effect(plan: Plan, settings: Settings) -> None:
    """Say what was given in vain, and which files are left out."""
    from fasttext_lite.filtering.plan import without_packing

    if settings.exact and not any(is_fasttext(rule.path) for rule in settings.rules):
        say("--exact has no effect: it is for models of fastText's")
    is_table = [name.lower().endswith(FORMATS["parquet"].endings) for name in _names(plan)]
    if settings.compression != SAME and all(is_table):
        say("--compression has no effect: Parquet files keep their own")
    tables = tuple(e for name in ("csv", "tsv") for e in FORMATS[name].endings)
    others = tuple(e for e in ENDINGS if e not in tables)
    may_be_table = settings.format in ("csv", "tsv") or (
        settings.format == AUTO
        and any(not without_packing(name).lower().endswith(others) for name in _names(plan))
    )
    for flag, value in (("delimiter", settings.delimiter), ("columns", settings.columns)):
        if value and not may_be_table:
            say(f"--{flag} has no effect: no file is a table")
    if plan.others:
        n = len(plan.others)
        say(f"{n} file{'s' * (n > 1)} of other kinds left out (first: {plan.others[0]})")


def _names(plan: Plan) -> list[str]:
    return [part.name for part in plan.parts]


# -- what is shown ---------------------------------------------------------------------------
@contextmanager
def _progress(options: argparse.Namespace) -> Iterator[Callable[[Status], None]]:
    """Yield what shows the status in a line of stderr, where that is a terminal."""
    if options.quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda status: None
        return
    last = 0

    def show(status: Status) -> None:
        nonlocal last
        line = status_line(status)
        sys.stderr.write(f"\r{line.ljust(last)}")
        sys.stderr.flush()
        last = len(line)

    try:
        yield show
    finally:
        sys.stderr.write(f"\r{' ' * last}\r")
        sys.stderr.flush()


def status_line(status: Status) -> str:
    """Return how far a run is, in a line."""
    left = status.seconds_left
    eta = "?" if left is None else _clock(left)
    return (
        f"{status.n_done}/{status.n_files} files, {status.documents:,} documents, "
        f"{status.rate:.1f} MB/s, ETA {eta}"
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _report(outcome: Outcome, options: argparse.Namespace, settings: Settings) -> None:
    """Print the summary; say what could not be read.

    Raises
    ------
    InputError
        If there is anything of that kind.
    """
    counts, status = outcome.counts, outcome.status
    for _, message in outcome.failed:
        say(message)
    if counts.n_bad:
        where = {"aside": f"they are in {os.path.join(options.output, '_bad')}"}
        what = where.get(settings.bad, "they are among the others, as they were")
        say(f"{counts.n_bad} of {counts.documents} records are bad ({_listed(counts.bad)}): {what}")
    write(json.dumps(summary(outcome), ensure_ascii=False) if options.json else lines(outcome))
    if outcome.failed:
        n = len(outcome.failed)
        raise InputError(f"{n} of {status.n_files} files could not be read: the others are done")


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return what was done, as one object."""
    counts, status = outcome.counts, outcome.status
    return {
        "files": status.n_files,
        "files_done_before": status.n_skipped,
        "files_failed": [path for path, _ in outcome.failed],
        "documents": counts.documents,
        "kept": counts.kept,
        "bad": counts.n_bad,
        "bad_by_reason": counts.bad,
        "labels": counts.labels,
        "bytes": counts.bytes,
        "seconds": round(status.seconds, 3),
        "mb_per_second": round(status.rate, 3),
    }


def lines(outcome: Outcome) -> str:
    """Return what was done, in a line, and one for the labels of each model."""
    counts, status = outcome.counts, outcome.status
    before = f" ({status.n_skipped} done before)" if status.n_skipped else ""
    found = [
        f"{status.n_done} files{before}, {counts.documents} documents, {counts.kept} kept, "
        f"{counts.n_bad} bad, {status.rate:.1f} MB/s"
    ]
    found += [f"{name}: {_listed(labels)}" for name, labels in counts.labels.items() if labels]
    return "\n".join(found)


def _listed(counts: dict[str, int]) -> str:
    """Return names with their counts, the most frequent first."""
    order = sorted(counts, key=lambda name: (-counts[name], name))
    shown = ", ".join(f"{flat(name)} {counts[name]}" for name in order[:_MOST_LABELS])
    rest = len(order) - _MOST_LABELS
    return shown + f", and {rest} more" * (rest > 0)
