"""The command ``tune``: search for good settings and train a model with them.

The table of trials goes to stderr, the result to stdout. Heavy imports stand inside the functions.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import shlex
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import (
    above_zero,
    add_class_weight,
    add_config,
    add_preset,
    add_reading,
    add_threads,
    add_training,
    add_vectors,
    checked,
    config_from,
    flag_of,
    given_class_weight,
    given_settings,
    idle_words,
    or_none,
    pretrained_from,
    training_threads,
    whole,
    written,
)
from fasttext_lite.cli.beside import add_beside, check_beside, is_taught, read_beside
from fasttext_lite.cli.console import PROGRAM, is_same_file, say, write
from fasttext_lite.cli.files import (
    ValidationFile,
    check_output,
    model_beside,
    named_files,
    read_labelled_file,
    say_if_trained_on,
)
from fasttext_lite.config.fields import Config
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.config.sizes import parse_size
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.errors import UsageError
from fasttext_lite.model.threshold import TUNED
from fasttext_lite.tuning.judging import FOLDS, LEAST_ASIDE, TEACHING_SHARE, VALID_SHARE

if TYPE_CHECKING:
    from fasttext_lite.model.run import Run
    from fasttext_lite.tuning.data import TuningData
    from fasttext_lite.tuning.log import Trial
    from fasttext_lite.tuning.search import Outcome, Search

METRIC_HELP = (
    "what to maximise: accuracy (default; with several labels to a text exact match, the share of "
    "texts that get all of theirs and no others), macro-f1, micro-f1, f1:LABEL, "
    "precision-at-recall:R[:LABEL], recall-at-precision:P[:LABEL]; the model keeps the threshold "
    f"that the last two find, for `predict --threshold {TUNED}` and `test`"
)
# Flags of ``train``, too.
OF_A_RUN = ("pretrained_vectors", "max_words", "class_weight", "seed", "threads")
HELP = "Search for good settings and train a model with them."
EPILOG = (
    "Settings given as flags are held fixed, others are searched. The time is that of the whole "
    "command, up to the model. Ctrl-C ends the search early and trains the model with the best "
    "settings so far (exit code 0); once more, and there is no model (130)."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tune``."""
    parser.epilog = EPILOG
    add_training(parser)
    parser.add_argument(
        "--valid",
        metavar="FILE",
        help=f"labelled text to compare settings on; default: {VALID_SHARE:.0%}% of the training "
        f"rows, or where these are fewer than {LEAST_ASIDE} all rows in {FOLDS} folds "
        "(cross-validation: the score is the mean over the folds); the final model is trained on "
        "all rows",
    )
    parser.add_argument(
        "--time",
        type=above_zero("a number of seconds"),
        default=300.0,
        metavar="SECONDS",
        help="of the whole command (default 300); a single training with the settings to begin "
        "with is done in any case",
    )
    parser.add_argument(
        "--model-size",
        type=or_none(checked(parse_size)),
        metavar="SIZE",
        help="most bytes of the model file, such as 2M or 500k; default: no limit",
    )
    parser.add_argument(
        "--metric",
        type=checked(_metric),
        default="accuracy",
        help=METRIC_HELP,
    )
    parser.add_argument(
        "--trials", type=or_none(whole(1)), metavar="N", help="most trials (default no limit)"
    )
    parser.add_argument(
        "--log", metavar="FILE", type=written, help="JSON lines to write, one for each trial"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the trials that are in the --log"
    )
    add_preset(parser, "settings to begin with")
    add_vectors(parser, "that all trainings start from")
    add_beside(parser)
    add_class_weight(parser)
    parser.add_argument(
        "--seed",
        type=whole(0),
        metavar="N",
        help="makes each trial reproducible: one thread, unless --threads says otherwise; with "
        "--trials that end the search, the result too",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print only errors and the result"
    )
    add_config(parser, without=("recipe",))  # what a search finds is trained as it was tried
    add_reading(parser, trains=True)
    add_threads(parser)


def _metric(text: str) -> str:
    from fasttext_lite.tuning.metrics import Metric

    return str(Metric.parse(text))


def run(options: argparse.Namespace) -> None:
    """Search, train with the best settings, write the model, and print what was found."""
    start = time.perf_counter()
    config = config_from(options)
    options.train = named_files(options.train, options)
    options.output = options.output or model_beside(options.train)
    _check_files(options)
    from fasttext_lite.fitting.given import Adviser
    from fasttext_lite.model.storage import save_model
    from fasttext_lite.tuning.log import TuningError

    data, run = _read_data(options)
    show = not options.quiet and sys.stderr is not None
    adviser, given = Adviser(flag_of), given_settings(options)
    adviser.look_before(config, given)
    adviser.say(idle_words(options))
    if is_taught(options):
        data, run = _with_more(options, config, data, run)
    n_folds, figure = len(data.folds), _figure(options, data)
    if n_folds > 1:
        figure = f"{figure}, mean of {n_folds} folds"
    table = TrialTable(figure, show, start + options.time)
    search = _make_search(options, config, data, table, start, run)
    for trial in search.trials:
        table.add(trial)
    # What diverges is in the table.
    logging.getLogger("fasttext_lite").addFilter(_is_shown)
    try:
        outcome = search.run()
    finally:
        logging.getLogger("fasttext_lite").removeFilter(_is_shown)
        table.clear()
    model = outcome.trainee.model
    adviser.look_after(model.config, given, len(model.labels))
    save_model(model, options.output)
    size = os.path.getsize(options.output)
    if options.model_size is not None and size > options.model_size:
        os.unlink(options.output)
        raise TuningError(f"{options.output}: the model has {size:,} bytes, too many; not written")
    _print_result(options, data, outcome)


def _figure(options: argparse.Namespace, data: TuningData) -> str:
    """Return what is maximised, by the name that the result has."""
    from fasttext_lite.tuning.metrics import Metric

    return Metric.parse(options.metric).name(data.multilabel)


def _is_shown(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("training diverged")


def _check_files(options: argparse.Namespace) -> None:
    """Raise an error for files that cannot be what the flags say."""
    from fasttext_lite.model.safetensors import check_writable

    inputs = (*options.train, options.valid)
    for path in (*inputs, options.log):
        if path != STDIN and is_same_file(path, options.output):
            raise UsageError(f"{path}: the model would overwrite this file")
    check_output(options.output)
    if options.resume and not options.log:
        raise UsageError("--resume needs the --log to go on with")
    if STDIN in options.train and options.valid == STDIN:
        raise UsageError("training and validation data cannot both come from stdin")
    check_beside(options, options.train, options.valid, None)
    check_writable(options.output)
    if any(is_same_file(path, options.log) for path in inputs):
        raise UsageError(f"{options.log}: the log would be written into this file of texts")


def _read_data(options: argparse.Namespace) -> tuple[TuningData, Run]:
    """Return the texts to train on and those to compare settings on; and how trainings are run."""
    from fasttext_lite.corpus.strangers import check_known, shown
    from fasttext_lite.fitting.class_weight import class_weights
    from fasttext_lite.model.run import Run
    from fasttext_lite.tuning.data import TuningData

    valid_file = ValidationFile(options.valid, options) if options.valid else None
    corpus = read_labelled_file(options.train, options)
    labels = corpus.labels
    multilabel = labels.is_multilabel or options.multilabel
    run = Run(
        class_weight=given_class_weight(options), sample_weight=corpus.weights is not None,
        seed=options.seed, texts=corpus.fingerprint,
    )  # fmt: skip
    weights = class_weights(run.class_weight, labels, corpus.weights)
    if valid_file is None:
        data = TuningData.divide(
            corpus.texts, labels, multilabel=multilabel, doc_weights=weights,
            seed=options.seed or 0,
        )  # fmt: skip
        return data, run
    valid = valid_file.corpus(multilabel)
    say_if_trained_on(options.valid, valid, corpus.fingerprint, options)
    check_known(valid.labels.used(), labels.names, options.valid, "the training")
    unseen = sorted(set(valid.labels.names) - set(labels.names))
    if unseen and not options.quiet:
        say(f"{options.valid}: labels without a training row count as errors: {shown(unseen)}")
    valid_labels = valid.labels.renamed([*labels.names, *unseen])
    data = TuningData(corpus.texts, labels, valid.texts, valid_labels, multilabel, weights)
    return data, run


def _with_more(
    options: argparse.Namespace, config: Config, data: TuningData, run: Run
) -> tuple[TuningData, Run]:
    """Return the data with the texts without labels, and how trainings are run."""
    from fasttext_lite.teaching.fit import more_texts

    if data.multilabel:
        raise UsageError("--unlabelled needs texts of one label each, and these have several")
    seed, n_threads = options.seed or 0, training_threads(options, config.deterministic)
    beside = read_beside(options, data.labels.names, seed)
    n_labelled = data.n_whole
    more = more_texts(config, beside, run, seed, n_threads)
    data = data.with_more(more, options.time * TEACHING_SHARE)
    n_more = data.n_whole - n_labelled
    return data, dataclasses.replace(run, unlabelled=n_more or None)


def _make_search(
    options: argparse.Namespace,
    config: Config,
    data: TuningData,
    table: TrialTable,
    start: float,
    run: Run,
) -> Search:
    """Return the search that the flags ask for; what it does is shown in a table."""
    from fasttext_lite.tuning.metrics import Metric
    from fasttext_lite.tuning.search import Search

    try:
        return Search(
            data,
            config,
            list(given_settings(options)),
            metric=Metric.parse(options.metric),
            seconds=options.time,
            n_trials=options.trials,
            model_size=options.model_size,
            seed=options.seed or 0,
            n_threads=training_threads(options, config.deterministic),
            log=options.log,
            resume=options.resume,
            on_trial=table.add,
            on_progress=table.progress if table.live else None,
            on_interrupt=lambda: table.say("interrupted: training with the best settings so far"),
            start=start,
            run=run,
            pretrained=pretrained_from(options),
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


class TrialTable:
    """The trials on stderr, a row for each; on a terminal with a line that moves below them.

    Parameters
    ----------
    figure : str
        What the scores are.
    show : bool
        Whether to print anything.
    end : float
        When the time is up.
    """

    def __init__(self, figure: str, show: bool, end: float) -> None:
        self.figure, self.show, self.end = figure, show, end
        self.live = show and sys.stderr.isatty()
        self.rows = 0

    def add(self, trial: Trial) -> None:
        """Print the row of a trial."""
        if self.rows == 0:
            self._print(
                f"{'trial':>5} {'phase':<7} {'rows':>5} {'score':>7} {'best':>7} {'MB':>7} "
                f"{'s':>6}  settings ({self.figure})"
            )
        self.rows += 1
        score = trial.status if trial.score is None else f"{trial.score:.4f}"
        best = "" if trial.best is None else f"{trial.best:.4f}"
        settings = describe(trial.params) + f" ({trial.note})" * bool(trial.note)
        self._print(
            f"{trial.number:>5} {trial.phase:<7} {trial.share:>5.0%} {score:>7} {best:>7} "
            f"{trial.size / 1e6:>7.1f} {trial.seconds:>6.1f}  {settings}"
        )

    def say(self, text: str) -> None:
        """Print a line of text."""
        self._print(text)

    def progress(self, number: int, fraction: float) -> None:
        """Show how far the training under way has come."""
        name = f"trial {number}" if number else "final training"
        left = max(self.end - time.perf_counter(), 0.0)
        sys.stderr.write(f"\r\x1b[K{name}: {fraction:.0%}, {left:.0f} s left")
        sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line that moves."""
        if self.live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _print(self, line: str) -> None:
        if not self.show:
            return
        self.clear()
        if self.live:
            line = line[: shutil.get_terminal_size().columns - 1]
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def describe(params: dict[str, Any]) -> str:
    """Return settings as text."""
    return ", ".join(f"{name} {value}" for name, value in params.items()) or "as they were given"


def _print_result(options: argparse.Namespace, data: TuningData, outcome: Outcome) -> None:
    """Print the score, the model and the command line that trains it again."""
    best, model = outcome.best, outcome.trainee.model
    first = next((t.score for t in outcome.trials if t.phase == "default"), None)
    where = options.valid or f"{data.n_judged:,} rows set aside"
    if data.other_folds:
        where = f"{data.n_judged:,} rows in {len(data.folds)} folds (mean)"
    begun = "" if first is None else f" ({first:.4f} with the settings it began with)"
    write(f"{_figure(options, data)} {best.score:.4f} on {where}{begun}")
    if model.threshold is not None:
        write(f"threshold {model.threshold.line()}")
    if not options.quiet:
        n_more = (model.run.unlabelled if model.run else None) or 0
        n_own = model.n_texts - n_more
        more = f" and {n_more:,} unlabelled texts" * bool(n_more)
        left_out = "" if outcome.is_whole else " (time was too short to add the rows set aside)"
        write(
            f"tuned in {outcome.seconds:.1f} s with {len(outcome.trials)} trials; "
            f"best is trial {best.number}: {describe(best.params)}"
        )
        write(
            f"{options.output}: {os.path.getsize(options.output) / 1e6:.1f} MB, "
            f"trained on {n_own:,} rows{more}{left_out}"
        )
    write(shlex.join([PROGRAM, *train_arguments(options, outcome.config)]))


def train_arguments(options: argparse.Namespace, config: Config) -> list[str]:
    """Return the arguments of ``fasttext-lite`` that train with some settings.

    Parameters
    ----------
    options : Namespace
        Of the command ``tune``.
    config : Config
    """
    defaults = Config(**PRESETS[options.preset])
    arguments = ["train", *options.train, "-o", options.output]
    if options.preset != "default":
        arguments += ["--preset", options.preset]
    given = given_settings(options)
    for field in dataclasses.fields(Config):
        value = getattr(config, field.name)
        if value != getattr(defaults, field.name):
            value = getattr(given.get(field.name), "given", value)  # @FILE, not what it holds
            arguments += _flag(field.name, value)
    for reading in dataclasses.fields(ReadOptions):
        value = getattr(options, reading.name)
        if value != reading.default:
            arguments += _flag(reading.name, value)
    if options.unlabelled:
        arguments += [flag_of("unlabelled"), *options.unlabelled]
    for name in OF_A_RUN:
        if getattr(options, name) is not None:
            arguments += _flag(name, getattr(options, name))
    return arguments


def _flag(name: str, value: Any) -> list[str]:
    """Return the words that give an argument a value."""
    flag = flag_of(name)
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    text = "none" if value is None else str(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
