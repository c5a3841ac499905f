"""The arguments that several commands have, and types of arguments."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from fasttext_lite.cli.console import say
from fasttext_lite.config.effects import NO_VECTORS, Remark
from fasttext_lite.config.fields import RESOLVED, Config, field_type
from fasttext_lite.config.foreign import WORD, advice
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.config.texts import words_of
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.formats import AUTO, FORMATS, ReadOptions, labelled_formats
from fasttext_lite.corpus.headers import DELIMITERS
from fasttext_lite.errors import UsageError
from fasttext_lite.model.limits import MOST_BEAM, check_beam
from fasttext_lite.model.threshold import TUNED, Threshold

if TYPE_CHECKING:
    from fasttext_lite.fitting.vectors import Pretrained
    from fasttext_lite.model.model import Model

DEFAULT_K, DEFAULT_THRESHOLD = 1, 0.0  # of the labels of a text
MOST_WHOLE = 2**63 - 1  # what files and compiled code can hold
PREFIX = "config_"  # of the settings of the model in the namespace
Value = TypeVar("Value")


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the files to train on and the model to write."""
    parser.add_argument(
        "train", metavar="TRAIN", nargs="+",
        help="labelled text, packed or - for stdin too; several files, or patterns in quotes, are "
        "read as one",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="MODEL", type=written,
        help="file to write, .ftl (default: TRAIN with .ftl in place of its ending, beside it)",
    )  # fmt: skip


def add_config(parser: argparse.ArgumentParser, without: tuple[str, ...] = ()) -> None:
    """Add a flag for each field of `Config`; what is not given stays out of the namespace."""
    group = parser.add_argument_group("settings of the model")
    for field in dataclasses.fields(Config):
        if field.name in without:
            continue
        kind: Any
        kind, optional = field_type(field.name)
        flag = flag_of(field.name)
        default = field.default
        if default in (None, ""):
            default = "chosen" if field.name in RESOLVED else "none"
        text = f"{field.metadata['help']} (default {default})".replace("%", "%%")
        extra: dict[str, Any] = {"default": argparse.SUPPRESS, "dest": PREFIX + field.name}
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text, **extra)
            continue
        if field.metadata["choices"]:
            extra["choices"] = field.metadata["choices"]
        elif kind is str:
            extra["metavar"] = "TEXT"
            kind = checked(partial(words_of, kind=field.metadata["words"]))
        else:
            extra["metavar"] = "N" if kind is int else "X"
            kind = _number_of(kind)
        has_off = field.metadata["off"] not in (dataclasses.MISSING, "none")
        may_be_none = optional or has_off
        group.add_argument(flag, type=or_none(kind) if may_be_none else kind, help=text, **extra)


def _number_of(kind: type) -> Callable[[str], Any]:
    """Return a parser of numbers; what is none, `Config` refuses with the setting's rule."""

    def parse(text: str) -> Any:
        for read in (kind, float):  # 1e3 is a whole number, too
            with contextlib.suppress(ValueError):
                return read(text)
        return text

    return parse


def or_none(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a type of argument that may be "none", too: None."""

    def parse(text: str) -> Any:
        return None if text == "none" else kind(text)

    return parse


def add_preset(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the flag of the preset; `what` says what it does."""
    parser.add_argument("--preset", choices=sorted(PRESETS), default="default", help=what)


def add_class_weight(
    parser: argparse.ArgumentParser, what: str = "", default: str = "none"
) -> None:
    """Add the flag of the labels' weights; what is not given is None, `default` says what then."""
    parser.add_argument(
        "--class-weight", choices=("none", "balanced"),
        help=f"{what}balanced: rare labels count as much as frequent ones, a text of several "
        f"labels as the mean of theirs (default {default})",
    )  # fmt: skip


def given_class_weight(options: argparse.Namespace) -> str | None:
    """Return the class weights that the flag asks for, as `model.run.Run` has them."""
    return None if options.class_weight in (None, "none") else options.class_weight


def add_reading(
    parser: argparse.ArgumentParser, unlabelled: bool = False, trains: bool = False
) -> None:
    """Add the flags that say how files of texts are read: a flag for each of `ReadOptions`.

    Parameters
    ----------
    parser : ArgumentParser
    unlabelled : bool
        Whether the command reads texts without labels, too.
    trains : bool
        Whether the command trains, so that weights and shares of labels count.
    """
    group = parser.add_argument_group("format of the file")
    names = list(FORMATS) if unlabelled else labelled_formats()
    looks = "; ".join(f"{name}: {FORMATS[name].help or FORMATS[name].lines}" for name in names)
    group.add_argument(
        "--format",
        choices=(AUTO, *names),
        default=ReadOptions.format,
        help=looks.replace("{prefix}", ReadOptions.label_prefix)
        + "; auto (default) looks at the file's lines",
    )
    for name, (metavar, text) in _READING.items():
        if name in _OF_TRAINING and not trains:
            continue
        group.add_argument(
            "--" + name.replace("_", "-"),
            type=_reading_option(name),
            default=getattr(ReadOptions, name),
            metavar=metavar,
            help=text,
        )
    group.add_argument(
        "--multilabel", action="store_true", help="several labels in a field, joined by commas"
    )


_READING = {
    "label_prefix": (
        "P",
        f"what begins a label in fastText's format (default {ReadOptions.label_prefix}), and is no "
        "part of a label in any other",
    ),
    "text_column": ("NAME", f"of csv and jsonl (default {ReadOptions.text_column})"),
    "label_column": ("NAME", f"of csv and jsonl (default {ReadOptions.label_column})"),
    "weight_column": (
        "NAME",
        "of csv and jsonl: how much each record counts in training, 0 leaves it out (default "
        f"{ReadOptions.weight_column}, where its first value is a number; '' = not read)",
    ),
    "probabilities_column": (
        "NAME",
        "of csv and jsonl: shares of labels to learn from, a JSON object of them or columns "
        f"NAME.LABEL (default {ReadOptions.probabilities_column}; '' = not read)",
    ),
    "columns": (
        "NAMES",
        "names of the columns of a table whose first line is a record, too, such as label,text or "
        "id,label,text",
    ),
    "delimiter": (
        "C",
        f"what is between the fields of a table: {', '.join(DELIMITERS)} or a character (default: "
        "looks at the file)",
    ),
    "encoding": (
        "NAME",
        "of the file, as Python names it: gb18030, big5, utf-16, cp1252, ... (default UTF-8, or "
        "what a byte order mark says)",
    ),
}


_OF_TRAINING = ("weight_column", "probabilities_column")


def _reading_option(name: str) -> Callable[[str], str]:
    """Return a parser of one of `ReadOptions`, which says what is wrong with it."""

    def parse(text: str) -> str:
        try:
            # The other one that columns are checked against is looked at with all flags.
            if name != "columns":
                values: dict[str, Any] = {name: text}
                ReadOptions(**values)
        except ValueError as error:
            said = advice(text, _encodings(), WORD, name) if name == "encoding" else ""
            raise argparse.ArgumentTypeError(f"{error}{said}") from None
        return text

    return parse


def _encodings() -> list[str]:
    """Return the names of encodings of text that Python knows, as it writes them."""
    from encodings.aliases import aliases

    names = {*aliases.values(), "utf_8_sig"}  # which has no other name
    return sorted(name.replace("_", "-") if name[:4] == "utf_" else name for name in names)


def add_unlabelled(
    parser: argparse.ArgumentParser,
    metavar: str = "FILE",
    what: str = "a text in each line, or whatever train reads: labels are no part of the text; "
    "packed too; default stdin",
) -> None:
    """Add a model and a file of texts for it, by default standard input.

    Parameters
    ----------
    parser : ArgumentParser
    metavar, what : str
        Name and help of the file.
    """
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("file", metavar=metavar, nargs="?", default=STDIN, help=what)


def add_top(parser: argparse.ArgumentParser, neither: str = "", first: str = "") -> None:
    """Add how many labels a text gets at most, and from which probability on.

    What is not given is None until `settle_top`.

    Parameters
    ----------
    parser : ArgumentParser
    neither : str, optional
        What is done where neither is given, if that is not what the defaults say.
    first : str, optional
        What else is done with the first labels.
    """
    parser.add_argument(
        "-k", type=number_of_labels,
        help=f"most labels for a text, -1 = all (default {DEFAULT_K}{neither}{first})",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=_threshold,
        help=f"least probability (default {DEFAULT_THRESHOLD:g}{neither}), or {TUNED}: the one "
        "that `tune` has found for the model (--metric precision-at-recall:R or "
        "recall-at-precision:P), for all labels that reach it unless -k is given; one that was "
        "found for a LABEL decides on that label alone, and on others nothing changes",
    )  # fmt: skip


def add_answers(parser: argparse.ArgumentParser) -> None:
    """Add what share of texts a model is to answer, or how accurate its answers are to be."""
    group = parser.add_mutually_exclusive_group()
    measured = "on texts held out; for `predict --abstain` (docs/understand.md)"
    group.add_argument(
        "--answer-rate", type=share, metavar="R",
        help=f"store the threshold that answers this share of texts, {measured}",
    )  # fmt: skip
    group.add_argument(
        "--answer-accuracy", type=share, metavar="A",
        help="store the least threshold whose answers are right at least so often, with 95 %% "
        f"confidence, measured {measured}",
    )  # fmt: skip


def add_beam(parser: argparse.ArgumentParser) -> None:
    """Add how many nodes of each depth of the label tree are opened."""
    parser.add_argument(
        "--beam", type=_beam, default=0, metavar="N",
        help="for the loss hs: open the N likeliest nodes of each depth of the label tree; faster "
        "with very many labels, and may miss a label (default 0: the best labels for certain)",
    )  # fmt: skip


def _beam(text: str) -> int:
    try:
        check_beam(width := int(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a whole number from 0 to {MOST_BEAM}; got {text!r}"
        ) from None
    return width


def settle_beam(options: argparse.Namespace, model: Model | None) -> None:
    """Let a model search as `add_beam` asks for; say it where the model has no label tree.

    Parameters
    ----------
    options : Namespace
    model : Model, optional
        None: one of fastText's.

    Raises
    ------
    UsageError
        If a beam is asked for, and the model is one of fastText's.
    """
    if not options.beam:
        return
    if model is None:
        raise UsageError(
            "--beam is for models of fasttext-lite: `fasttext-lite convert MODEL OUT.ftl` makes one"
        )
    if model.link != "tree":
        say(f"--beam has no effect: the model looks at all labels; its loss is {model.loss.name}")
    model.beam = options.beam


def _threshold(text: str) -> float | str:
    return TUNED if text == TUNED else between(0, 1)(text)


def settle_top(options: argparse.Namespace, model: Model | None, *, neither: bool = False) -> None:
    """Give `k` and `threshold` the numbers that they stand for.

    Parameters
    ----------
    options : Namespace
        With the arguments of `add_top` and ``model``, the model's file.
    model : Model, optional
        None: one of fastText's.
    neither : bool
        Whether both stay None where neither is given.

    Raises
    ------
    UsageError
        If the model has no threshold of its own, and it is asked for.
    """
    if neither and options.k is None and options.threshold is None:
        return
    if options.threshold == TUNED:
        tuned = None if model is None else model.threshold
        if model is None or tuned is None:
            raise UsageError(
                f"{options.model}: the model has no threshold of its own: give a number, or tune "
                "it with --metric precision-at-recall:R or recall-at-precision:P"
            )
        options.threshold = tuned.value if tuned.label is None else tuned
        if tuned.label is not None:
            _say_whose(tuned, model)
        if options.k is None:
            options.k = tuned.most_labels(len(model.labels), model.multilabel)
    options.k = DEFAULT_K if options.k is None else options.k
    options.threshold = DEFAULT_THRESHOLD if options.threshold is None else options.threshold


def _say_whose(tuned: Threshold, model: Model) -> None:
    """Say which label a threshold is of, and how the others are decided for."""
    from fasttext_lite.model.decisions import MULTILABEL_THRESHOLD

    others = "the likeliest of the other labels where not"
    if model.multilabel:
        others = f"other labels from a probability of {MULTILABEL_THRESHOLD:g} on"
    say(
        f"the threshold {tuned.value!r} is that of {tuned.label!r}: a text gets this label where "
        f"its probability reaches it, and {others}"
    )


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the number of threads."""
    parser.add_argument("--threads", type=whole(1), metavar="N", help="default: all processors")


def training_threads(options: argparse.Namespace, deterministic: bool) -> int | None:
    """Return the threads of a training that the flags ask for, None for all processors.

    Parameters
    ----------
    options : Namespace
        With `threads` and `seed`.
    deterministic : bool
        See `Config.deterministic`.
    """
    if options.threads or options.seed is None or deterministic:
        return options.threads
    return 1


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the model that were given as flags, by name."""
    return {
        name[len(PREFIX) :]: value
        for name, value in vars(options).items()
        if name.startswith(PREFIX)
    }


def flag_of(name: str) -> str:
    """Return the flag of a setting or another argument; empty for an empty name."""
    return name and "--" + name.replace("_", "-")


def config_from(options: argparse.Namespace) -> Config:
    """Return the settings of the preset, with those that were given as flags.

    Raises
    ------
    UsageError
        If one is out of its range, or two contradict each other.
    """
    try:
        return Config(**{**PRESETS[options.preset], **given_settings(options)})
    except ValueError as error:
        raise UsageError(str(error)) from None


def read_options(options: argparse.Namespace) -> ReadOptions:
    """Return how the flags of `add_reading` say that labelled files are read."""
    names = [field.name for field in dataclasses.fields(ReadOptions)]
    given = {name: getattr(options, name, None) for name in names}
    try:
        return ReadOptions(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise UsageError(str(error)) from None


def given_reading(options: argparse.Namespace) -> list[str]:
    """Return the flags of `add_reading` that say something other than their defaults."""
    return [
        flag_of(field.name)
        for field in dataclasses.fields(ReadOptions)
        if getattr(options, field.name, field.default) != field.default
    ]


def whole(least: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `least` on, of 63 bits."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= MOST_WHOLE:
            bound = f"least {least}" if value < least else f"most {MOST_WHOLE:,}"
            raise argparse.ArgumentTypeError(f"must be a whole number of at {bound}; got {text!r}")
        return value

    return parse


def number_of_labels(text: str) -> int:
    """Return a number of labels; -1 stands for all."""
    try:
        return -1 if int(text) == -1 else whole(1)(text)
    except (ValueError, argparse.ArgumentTypeError):
        raise argparse.ArgumentTypeError(
            f"must be a whole number of at least 1, or -1 for all labels; got {text!r}"
        ) from None


def above_zero(what: str = "a number") -> Callable[[str], float]:
    """Return a parser of finite numbers above 0; `what` names them in its message."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"must be {what} above 0; got {text!r}")
        return value

    return parse


def share(text: str) -> float:
    """Return a number above 0 and at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number above 0, up to 1; got {text!r}")
    return value


def between(low: float, high: float) -> Callable[[str], float]:
    """Return a parser of numbers from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"must be a number from {low:g} to {high:g}; got {text!r}"
            )
        return value

    return parse


def written(name: str) -> str:
    """Return the name of a file or folder to write, as a type of argument: an empty one is none.

    That is what a shell makes of a variable that is not set.
    """
    if not name:
        raise argparse.ArgumentTypeError("must be the name of what to write; got an empty one")
    return name


def checked(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return a parser as a type of argument: what its `ValueError` says, the user is told."""

    def parse_argument(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument


def add_vectors(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the arguments of word vectors to start from."""
    parser.add_argument(
        "--pretrained-vectors", metavar="FILE",
        help=f"word vectors {what}, .vec, or static embeddings (model2vec's folder, or its "
        "model.safetensors); sets --dim",
    )  # fmt: skip
    parser.add_argument(
        "--max-words", type=whole(0), metavar="N",
        help="of the N first words of that file, those that the texts do not have are words of "
        "the model, too (default 200,000); 0 = none",
    )  # fmt: skip


def pretrained_from(options: argparse.Namespace) -> Pretrained | None:
    """Return the word vectors to start from."""
    from fasttext_lite.fitting.vectors import Pretrained

    return Pretrained.of(options.pretrained_vectors, options.max_words)


def idle_words(options: argparse.Namespace) -> Remark | None:
    """Return what to say of --max-words where there is no file that it is of."""
    if not options.max_words or options.pretrained_vectors is not None:
        return None
    return Remark("max_words", NO_VECTORS)
