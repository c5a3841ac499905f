"""The command line: ``fasttext-lite COMMAND``, each command a file beside this one.

Parse, call, print.  Results go to stdout, progress and notices to stderr.  Exit codes: 0 good,
2 the user's mistake (one line on stderr), 1 our bug, 130 interrupted.  Heavy imports stand
inside the commands: ``--help`` loads neither NumPy nor Numba.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import logging
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from fasttext_lite.cli import convert as cli_convert
from fasttext_lite.cli import datasets
from fasttext_lite.cli import embed as cli_embed
from fasttext_lite.cli import quantize as cli_quantize
from fasttext_lite.cli import train as cli_watch
from fasttext_lite.cli import tune as cli_tune
from fasttext_lite.cli.arguments import (
    add_config,
    add_reading,
    add_threads,
    add_top,
    add_unlabelled,
    config_of,
    whole,
)
from fasttext_lite.cli.console import (
    PROGRAM,
    UsageError,
    abandon_stdout,
    is_same_file,
    one_line,
    say,
    write,
)
from fasttext_lite.cli.demo import run as run_demo
from fasttext_lite.cli.embed import run as run_embed
from fasttext_lite.cli.files import load_own, read_labelled
from fasttext_lite.cli.info import run as run_info
from fasttext_lite.cli.predict import run as run_predict
from fasttext_lite.cli.test import run as run_test
from fasttext_lite.cli.train import run as run_train
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.version import __version__

FASTTEXT = (
    "supervised", "quantize", "test", "test-label", "predict", "predict-prob", "skipgram", "cbow",
    "print-word-vectors", "print-sentence-vectors", "print-ngrams", "nn", "analogies", "dump",
)  # fmt: skip


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in one line."""

    def error(self, message: str) -> Any:
        """Print the message and the way to help; exit with code 2."""
        self.exit(2, f"{self.prog}: {one_line(message)} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; default: those of the process.
    """
    if argv is None:
        _own_process()
    parser = _parser()
    words = sys.argv[1:] if argv is None else argv
    options = _fasttext_command(words) or parser.parse_args(words)
    if options.command is None:
        parser.print_help()
        return 0
    level = logging.ERROR if getattr(options, "quiet", False) else logging.WARNING
    logging.basicConfig(format=f"{PROGRAM}: %(message)s", level=level, stream=sys.stderr)
    try:
        options.run(options)
    except BrokenPipeError:
        abandon_stdout()  # the reader has seen enough, as in `predict | head`
    except OSError as error:
        abandon_stdout()
        say(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}")
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except MemoryError:
        say("out of memory")
        return 2
    except (ValueError, TypeError) as error:
        from fasttext_lite.errors import InputError, ModelError, TrainingError

        if not isinstance(error, InputError | ModelError | TrainingError | UsageError):
            raise  # our bug: show where
        say(str(error))
        return 2
    return 0


def _fasttext_command(words: Sequence[str]) -> argparse.Namespace | None:
    """Return how to run a command of fastText's; None for one of ours, or for none."""
    if not words or words[0] not in FASTTEXT:
        return None
    from fasttext_lite.compat.program import commands

    if not commands.takes(words):
        return None
    return argparse.Namespace(command=words[0], run=lambda _: commands.run(words))


def _own_process() -> None:
    """Spare a process of ours what the garbage collector would cost at its start and its end."""
    gc.set_threshold(50_000, 20, 100)  # imports make much and drop little
    atexit.register(gc.freeze)  # nothing is left to find when all ends


# -- arguments -------------------------------------------------------------------------------
def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Train and use fast text classifiers.",
        epilog="fastText's own commands work unchanged, on its files and with its flags: "
        f"{', '.join(FASTTEXT)} (`{PROGRAM} supervised --help` and so on).",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, run: Any, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        sub.set_defaults(run=run)
        return sub

    train = command("train", run_train, "Train a model on a labelled file.")
    train.add_argument("train", metavar="TRAIN", help="labelled text, .gz or - for stdin too")
    train.add_argument("-o", "--output", required=True, metavar="MODEL", help="file to write, .ftl")
    cli_watch.add_training_arguments(train)
    train.add_argument(
        "--preset", choices=sorted(PRESETS), default="default", help="settings to start from"
    )
    train.add_argument(
        "--pretrained-vectors", metavar="FILE", help="word vectors to start from, .vec; sets --dim"
    )
    train.add_argument(
        "--cache",
        metavar="DIR",
        help="keep the features of TRAIN in files here and not in memory; the next training on "
        "the same file with the same settings of features uses them again",
    )
    train.add_argument(
        "--class-weight",
        choices=("none", "balanced"),
        default="none",
        help="balanced: rare labels count as much as frequent ones (default none)",
    )
    add_config(train)
    add_reading(train)
    train.add_argument(
        "--seed",
        type=whole(0),
        metavar="N",
        help="makes training reproducible: one thread, unless --threads says otherwise",
    )
    add_threads(train)
    train.add_argument(
        "-q", "--quiet", action="store_true", help="print only errors and the result of --valid"
    )

    tools = cli_tune.Tools(read_labelled, config_of, say, write, is_same_file)
    tune = command("tune", partial(cli_tune.run, tools), cli_tune.HELP)
    cli_tune.add_arguments(tune)
    add_config(tune)
    add_reading(tune)
    add_threads(tune)

    lent = cli_quantize.Tools(read_labelled, load_own, write, is_same_file)
    quantize = command("quantize", partial(cli_quantize.run, lent), cli_quantize.HELP)
    cli_quantize.add_arguments(quantize)
    add_reading(quantize)
    add_threads(quantize)

    convert = command(
        "convert",
        partial(cli_convert.run, cli_convert.Tools(load_own, say, is_same_file)),
        cli_convert.HELP,
    )
    cli_convert.add_arguments(convert)

    test = command("test", run_test, "Test a model on a labelled file.")
    test.add_argument("model", metavar="MODEL")
    test.add_argument("file", metavar="FILE", help="labelled text, .gz or - for stdin too")
    add_top(test)
    test.add_argument("--per-label", action="store_true", help="print a line for each label")
    test.add_argument("--json", action="store_true", help="print one JSON object")
    test.add_argument("--confusion", metavar="PNG", help="draw a confusion matrix")
    add_reading(test)
    add_threads(test)

    predict = command("predict", run_predict, "Print the labels of each line of text.")
    add_unlabelled(predict)
    add_top(predict)
    predict.add_argument("--prob", action="store_true", help="print probabilities too")
    predict.add_argument("--json", action="store_true", help="print a JSON object for each line")
    predict.add_argument(
        "--label-prefix", default="", metavar="P", help="put before each label printed"
    )
    add_threads(predict)

    embed = command("embed", run_embed, "Print the embedding of each line of text.")
    add_unlabelled(embed)
    cli_embed.add_map_arguments(embed)
    add_reading(embed)
    add_threads(embed)

    sets = command("datasets", partial(datasets.run, datasets.Tools(say, write)), datasets.HELP)
    datasets.add_arguments(sets)

    info = command("info", run_info, "Describe a model file.")
    info.add_argument("model", metavar="MODEL")
    info.add_argument("--json", action="store_true", help="print one JSON object")

    demo = command("demo", run_demo, "Train, test and predict on the bundled data.")
    demo.add_argument("--data", choices=("zh_topics", "en_topics"), default="zh_topics")
    demo.add_argument("--output", default="demo", metavar="DIR", help="folder for model and plot")
    return parser


if __name__ == "__main__":
    sys.exit(main())
