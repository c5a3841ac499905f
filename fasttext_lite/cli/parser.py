"""The parser of command lines: a mistake is one line that names the nearest flag or command."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from fasttext_lite.config.foreign import FLAG, WORD, advice, not_a_choice, translations
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.missing import instead_of_file
from fasttext_lite.errors import one_line

_OUTPUT = ("o", "out", "output")  # flags that people give in place of an argument without one
_NOT_GIVEN = object()  # what an argument holds whose word has not come


def _nowhere(flag: str) -> list[str]:
    return []


def _had_by(commands: Sequence[str]) -> str:
    *most, last = commands or [""]
    return f"{', '.join(most)} and {last} have it" if most else f"{last} has it" * bool(last)


class Parser(argparse.ArgumentParser):
    """Reports a mistake in one line, with what may have been meant.

    Attributes
    ----------
    having : callable
        Given the name of a flag, the other commands that have it.
    other_commands : sequence of str
        Commands that are not parsed here, but may have been meant.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})
        self.having: Callable[[str], list[str]] = _nowhere
        self.other_commands: Sequence[str] = ()
        self._words: list[str] = []

    def error(self, message: str) -> NoReturn:
        """Print the message and the way to help; exit with code 2.

        An unknown flag is told of first: it may be the reason for the rest.
        """
        unknown = next(filter(None, map(self._about_flag, self._flags())), "")
        self.exit(2, f"{self.prog}: {one_line(unknown or message)} (see {self.prog} --help)\n")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse; what a command does not know is a mistake that its own parser reports."""
        self._words = [] if args is None else list(args)
        glued = next((word for word in self._flags() if self._is_long(word)), None)
        if glued is not None:
            self.error("")
        options, rest = self._parse_in_any_order(args, namespace)
        if rest:
            self._refuse_words(options, rest)
            self.error(f"unrecognized arguments: {' '.join(rest)}{self._about_value(rest[0])}")
        return options, rest

    def _parse_in_any_order(
        self, args: Sequence[str] | None, namespace: argparse.Namespace | None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse; an argument that may be left out may stand behind a flag, too.

        argparse takes it for left out as soon as the arguments before it are there.
        """
        late = [action for action in self._get_positional_actions() if action.nargs == "?"]
        defaults = [action.default for action in late]
        for action in late:
            action.default = _NOT_GIVEN
        try:
            options, rest = super().parse_known_args(args, namespace)
        finally:
            for action, default in zip(late, defaults, strict=True):
                action.default = default
        for action in late:
            if getattr(options, action.dest) is not _NOT_GIVEN:
                continue
            setattr(options, action.dest, action.default)
            is_ended = rest[:1] == ["--"]  # whatever follows is no flag
            words = rest[is_ended:]
            if words and (is_ended or not self._is_flag(words[0])):
                setattr(options, action.dest, words[0])
                rest = words[1:]
        return options, rest

    def _refuse_words(self, options: argparse.Namespace, rest: Sequence[str]) -> None:
        """Say how to give a text to a command that reads files, where its words came unquoted."""
        if self.get_default("file") == STDIN and not rest[0].startswith("-"):
            text = " ".join([options.file, *rest])
            call = f"{self.prog} {shlex.quote(options.model)}"
            is_text = bool(instead_of_file(options.file, call))  # and not a file and one more
            if is_text and (said := instead_of_file(text, call, "read")):
                self.error(said)

    def _flags(self) -> Iterable[str]:
        """Return the words that look like flags of this parser, up to a command or ``--``."""
        has_commands = self._subparsers is not None
        for word in self._words:
            if word == "--" or (has_commands and not word.startswith("-")):
                return
            if self._is_flag(word):
                yield word.partition("=")[0]

    def _is_flag(self, word: str) -> bool:
        """Return whether a word looks like a flag."""
        is_number = self._negative_number_matcher.match(word)
        return len(word) > 1 and word.startswith("-") and " " not in word and not is_number

    def _is_long(self, word: str) -> bool:
        """Return whether a word is a long flag with one dash, which would pass as a short one."""
        return not word.startswith("--") and f"-{word}" in self._option_string_actions

    def _about_flag(self, word: str) -> str:
        """Return what to say about a flag, empty if it is known."""
        known = self._option_string_actions
        is_short = word[:1] == "-" and word[:2] in known and not word.startswith("--")
        if word in known or (is_short and not self._is_long(word)):
            return ""
        name = word.lstrip("-")
        if name in _OUTPUT and any(action.dest == "out" for action in self._actions):
            return f"no flag {word}: OUT stands without one: {self._call()}"
        if name in self.other_commands:
            return f"no flag {word}: {name} is a command, without dashes"
        # The short name of a flag that has no long one is its name.
        flags = [
            flag.lstrip("-")
            for flag, action in known.items()
            if flag.startswith("--") or action.option_strings == [flag]
        ]
        elsewhere = _had_by(self.having(name)) or self._translated_elsewhere(name)
        said = advice(name, flags, FLAG, elsewhere=elsewhere)
        return f"no flag {word}{said}"

    def _call(self) -> str:
        """Return how the command is called, without flags."""
        return " ".join([self.prog, *(str(a.metavar) for a in self._get_positional_actions())])

    def _translated_elsewhere(self, name: str) -> str:
        """Return which other commands have a flag that a foreign name stands for."""
        for ours, said in translations(name, FLAG):
            if commands := _had_by(self.having(ours.replace("_", "-"))):
                return f"{said}: {commands}"
        return ""

    def _about_value(self, word: str) -> str:
        """Return what to say about a word behind a flag that takes none."""
        place = self._words.index(word) if word in self._words else 0
        before = self._words[place - 1] if place else ""
        known = self._option_string_actions
        if len(before) > 2 and before[:2] in known and before not in known:
            return f": {before} is read as {before[:2]} {before[2:]}"
        action = known.get(before)
        if action is None or action.nargs != 0:
            return ""
        if isinstance(action, argparse.BooleanOptionalAction):
            return f": {before} takes no value, {action.option_strings[-1]} is its contrary"
        return f": {before} takes no value"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Report a value that is none of the choices."""
        choices = action.choices
        if choices is None or value is None or value in choices:
            return  # None is what `or_none` makes of "none"
        if isinstance(action, argparse._SubParsersAction):
            known = [*choices, *self.other_commands]
            said = advice(value, known, WORD, action.dest)
            self.error(f"no {action.dest} {value}{said}")
        name = action.dest.removeprefix("config_")
        message = not_a_choice(name, value, choices).removeprefix(name + " ")
        raise argparse.ArgumentError(action, message)
