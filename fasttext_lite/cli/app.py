"""The command line: ``fasttext-lite COMMAND``, each command a file beside this one.

Parse, call, print.  Results go to stdout, progress and notices to stderr.  Exit codes: 0 good,
2 the user's mistake (one line on stderr), 1 our bug, 130 interrupted, 128 + n ended by signal n.
Heavy imports stand inside the commands: ``--help`` loads neither NumPy nor Numba.
"""

from __future__ import annotations

import argparse
import atexit
import functools
import gc
import logging
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from fasttext_lite import system
from fasttext_lite.cli.console import PROGRAM, OneLine, abandon_stdout, say
from fasttext_lite.cli.parser import Parser
from fasttext_lite.compat.program.usage import COMMANDS as FASTTEXT
from fasttext_lite.compat.program.usage import takes
from fasttext_lite.errors import InputError, ModelError, SettingError, TrainingError, UsageError
from fasttext_lite.version import __version__

# Where each command is, in the order of ``--help``.
COMMANDS = {
    "train": "fasttext_lite.cli.train",
    "teach": "fasttext_lite.cli.teach",
    "tune": "fasttext_lite.cli.tune",
    "quantize": "fasttext_lite.cli.quantize",
    "convert": "fasttext_lite.cli.convert",
    "test": "fasttext_lite.cli.test",
    "report": "fasttext_lite.cli.report",
    "audit": "fasttext_lite.cli.audit",
    "predict": "fasttext_lite.cli.predict",
    "explain": "fasttext_lite.cli.explain",
    "embed": "fasttext_lite.cli.embed",
    "filter": "fasttext_lite.cli.filter",
    "serve": "fasttext_lite.cli.serve",
    "label": "fasttext_lite.cli.label",
    "datasets": "fasttext_lite.cli.datasets",
    "info": "fasttext_lite.cli.info",
    "alias": "fasttext_lite.cli.alias",
    "demo": "fasttext_lite.cli.demo",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; default: those of the process.
    """
    if argv is None:
        _own_process()
    words = sys.argv[1:] if argv is None else argv
    work, quiet = fasttext_command(words), False
    if work is None:
        parser = make_parser(words)
        options = parser.parse_args(words)
        if options.command is None:
            parser.print_help()
            return 0
        work, quiet = lambda: options.run(options), getattr(options, "quiet", False)
    level = logging.ERROR if quiet else logging.WARNING
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(f"{PROGRAM}: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("fasttext_lite.asked").setLevel(logging.WARNING)  # with --quiet, too
    return _exit_code(work)


def make_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return a parser of command lines.

    Parameters
    ----------
    words : sequence of str
        The command line that is to be parsed: if it begins with a command, the files of the others
        are not imported.
    """
    parser = Parser(
        prog=PROGRAM,
        description="Train and use fast text classifiers.",
        epilog="fastText's own commands work unchanged, on its files and with its flags: "
        f"{', '.join(FASTTEXT)} (`{PROGRAM} supervised --help` and so on).",
    )
    parser.other_commands = [*COMMANDS, *FASTTEXT]
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name in words[:1] if words and words[0] in COMMANDS else COMMANDS:
        command = import_module(COMMANDS[name])
        sub = commands.add_parser(name, help=command.HELP, description=command.HELP)
        sub.having = functools.partial(_commands_with, without=name)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def _commands_with(flag: str, without: str) -> list[str]:
    """Return the other commands that have a long flag, given without its dashes."""
    found = []
    for name in COMMANDS:
        if name != without:
            other = argparse.ArgumentParser()
            import_module(COMMANDS[name]).add_arguments(other)
            found += [name] * (f"--{flag}" in other._option_string_actions and flag != "help")
    return found


def fasttext_command(words: Sequence[str]) -> Callable[[], None] | None:
    """Return what runs a command of fastText's; None for one of ours, or for none."""
    if not words or not takes(words):
        return None
    from fasttext_lite.compat.program import commands

    return lambda: commands.run(words)


def _exit_code(work: Callable[[], None]) -> int:
    """Return the exit code of some work; a mistake of the user's is told in one line."""
    try:
        with system.ending():
            work()
    except system.Terminated as end:
        say(str(end))
        return end.exit_code
    except OSError as error:
        abandon_stdout()
        if system.is_broken_pipe(error):
            return 0  # the reader has seen enough, as in `predict | head`
        say(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}")
        return 2
    except KeyboardInterrupt as error:
        say(f"interrupted{error}")  # what became of a training
        return 130
    except MemoryError:
        say("out of memory")
        return 2
    except (InputError, ModelError, SettingError, TrainingError, UsageError) as error:
        say(str(error))
        return 2
    return 0


def _own_process() -> None:
    """Make a process of ours ready.

    It is spared what the garbage collector would cost at its start and its end.
    """
    system.prepare_console()
    gc.set_threshold(50_000, 20, 100)  # imports make much and drop little
    atexit.register(gc.freeze)  # nothing is left to find when all ends


if __name__ == "__main__":
    sys.exit(main())
